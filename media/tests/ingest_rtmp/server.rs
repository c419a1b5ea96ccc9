//! A listener that takes `live/hall?key=good` and `live/good`, and keeps what each contribution brought.

use amphi_media::feed::{Feed, Item, feed};
use amphi_media::frame::Frame;
use amphi_media::ingest::rtmp::listen::{Connection, End, Error, Limits, Listener};
use amphi_media::ingest::{Offer, Refusal};
use amphi_media::track::Kind;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::Duration;
use tokio::sync::mpsc;

/// What one connection came to.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) offer: Option<Offer>,
    pub(crate) items: Vec<Item>,
    pub(crate) end: Result<End, Error>,
}

impl Outcome {
    pub(crate) fn frames(&self, kind: Kind) -> Vec<&Frame> {
        fn frame(item: &Item) -> Option<&Frame> {
            if let Item::Frame(f) = item { Some(f) } else { None }
        }
        self.items.iter().filter_map(frame).filter(|f| f.kind == kind).collect()
    }

    pub(crate) fn parameters(&self) -> Vec<&str> {
        fn parameters(item: &Item) -> Option<&str> {
            if let Item::Parameters(p) = item { Some(p.codec_string()) } else { None }
        }
        self.items.iter().filter_map(parameters).collect()
    }
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    outcomes: mpsc::Receiver<Outcome>,
    feeds: mpsc::Receiver<Feed>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    pub(crate) async fn start(limits: Limits) -> Self {
        metrics_text();
        let listener = Listener::bind("127.0.0.1:0", limits).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (outcome_tx, outcomes) = mpsc::channel(2048);
        let (feed_tx, feeds) = mpsc::channel(64);
        let task = tokio::spawn(async move {
            loop {
                let connection = listener.accept().await.unwrap();
                let (outcomes, feeds) = (outcome_tx.clone(), feed_tx.clone());
                tokio::spawn(async move {
                    let outcome = serve(connection, feeds).await;
                    outcomes.send(outcome).await.ok();
                });
            }
        });
        Self { address, outcomes, feeds, task }
    }

    /// The next connection's end.
    pub(crate) async fn outcome(&mut self) -> Outcome {
        tokio::time::timeout(Duration::from_secs(60), self.outcomes.recv()).await.expect("no end in 60 s").unwrap()
    }

    /// The feed of the next contribution.
    pub(crate) async fn feed(&mut self) -> Feed {
        tokio::time::timeout(Duration::from_secs(30), self.feeds.recv()).await.expect("nobody published").unwrap()
    }

    pub(crate) fn url(&self) -> String {
        format!("rtmp://{}/live/hall?key=good", self.address)
    }
}

async fn serve(connection: Connection, feeds: mpsc::Sender<Feed>) -> Outcome {
    let pending = match connection.offer().await {
        Ok(pending) => pending,
        Err(e) => return Outcome { offer: None, items: vec![], end: Err(e) },
    };
    let offer = pending.offer().clone();
    if offer.key.reveal() != "good" || offer.slug.as_deref().is_some_and(|s| s != "hall") {
        pending.refuse(Refusal::Denied).await;
        return Outcome { offer: Some(offer), items: vec![], end: Err(Error::Refused(Refusal::Denied)) };
    }
    let (publisher, feed) = feed();
    let mut subscriber = feed.subscribe();
    feeds.try_send(feed).ok();
    let collect = async {
        let mut items = Vec::new();
        while subscriber.next_batch(&mut items).await {}
        items
    };
    let (end, items) = tokio::join!(pending.accept(publisher), collect);
    Outcome { offer: Some(offer), items, end }
}

/// The process's metrics. Installs the recorder on first use.
pub(crate) fn metrics_text() -> String {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE.get_or_init(|| PrometheusBuilder::new().install_recorder().unwrap()).render()
}

/// A metric's value; 0 when it was never touched. `series` is the name with its labels.
pub(crate) fn metric(series: &str) -> f64 {
    let text = metrics_text();
    let line = text.lines().find_map(|l| l.strip_prefix(series)?.strip_prefix(' '));
    line.map_or(0.0, |v| v.parse().unwrap())
}
