//! One HTTP/2 connection for all renditions of one viewer, as browsers keep it to an origin by TLS. In clear by prior knowledge: the cost of
//! encryption is not what is compared here.

#![expect(clippy::disallowed_methods, reason = "a bench's crowd: its tasks end with the set they run in")]

use super::hls::connection::{Answer, FetchError, MAX_BODY_BYTES};
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::sync::Mutex;

/// Runs a connection's work where the viewers are: all of a crowd is on one thread.
#[derive(Clone, Copy)]
struct Here;

impl<F: Future<Output = ()> + 'static> hyper::rt::Executor<F> for Here {
    fn execute(&self, future: F) {
        tokio::task::spawn_local(future);
    }
}

#[derive(Default)]
struct State {
    sender: Option<SendRequest<Empty<Bytes>>>,
    dials: u64,
}

/// A viewer's connection; dialled on first use and again after it was closed. Clones are the same connection.
#[derive(Clone)]
pub(crate) struct Shared {
    host: Rc<str>,
    state: Rc<Mutex<State>>,
}

impl Shared {
    /// A connection to `host:port`; nothing happens yet.
    pub(crate) fn new(host: &Rc<str>) -> Self {
        Self { host: Rc::clone(host), state: Rc::default() }
    }

    /// How often it had to be dialled since this was last asked.
    pub(crate) async fn take_dials(&self) -> u64 {
        std::mem::take(&mut self.state.lock().await.dials)
    }

    /// As [`super::wire::Wire::get`].
    pub(crate) async fn get(&self, path: &str, keep: bool, limit: Duration) -> Result<Answer, FetchError> {
        let asked = match tokio::time::timeout(limit, self.once(path, keep)).await {
            Ok(asked) => asked,
            Err(_) => Err(format!("no answer within {limit:?}")),
        };
        asked.map_err(|what| FetchError::Io { url: format!("http://{}{path}", self.host), what })
    }

    async fn once(&self, path: &str, keep: bool) -> Result<Answer, String> {
        let words = |error: hyper::Error| error.to_string();
        let request = Request::get(format!("http://{}{path}", self.host)).header("origin", "http://player.invalid");
        let request = if keep { request.header("accept-encoding", "gzip") } else { request };
        let request = request.body(Empty::new()).map_err(|error| error.to_string())?;
        let mut sender = self.sender().await?;
        sender.ready().await.map_err(words)?;
        let (parts, mut incoming) = sender.send_request(request).await.map_err(words)?.into_parts();
        let (mut body, mut length, mut crc) = (Vec::new(), 0, crc32fast::Hasher::new());
        while let Some(frame) = incoming.frame().await {
            let Ok(data) = frame.map_err(words)?.into_data() else { continue };
            length += data.len();
            if length > MAX_BODY_BYTES {
                return Err("a body beyond the bound".to_owned());
            }
            crc.update(&data);
            if keep {
                body.extend_from_slice(&data);
            }
        }
        let headers = parts
            .headers
            .get("content-encoding")
            .and_then(|value| value.to_str().ok())
            .map(|value| ("content-encoding".to_owned(), value.to_owned()));
        Ok(Answer {
            status: parts.status.as_u16(),
            headers: headers.into_iter().collect(),
            body: body.into(),
            length,
            crc: crc.finalize(),
            received: Instant::now(),
        })
    }

    async fn sender(&self) -> Result<SendRequest<Empty<Bytes>>, String> {
        let mut state = self.state.lock().await;
        if let Some(sender) = state.sender.as_ref().filter(|sender| !sender.is_closed()) {
            return Ok(sender.clone());
        }
        let stream = TcpStream::connect(&*self.host).await.map_err(|error| error.to_string())?;
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        let (sender, connection) =
            handshake(Here, TokioIo::new(stream)).await.map_err(|error: hyper::Error| error.to_string())?;
        tokio::task::spawn_local(async move {
            // How it ended is told to whoever asks next.
            let _ended = connection.await;
        });
        state.dials += 1;
        state.sender = Some(sender.clone());
        Ok(sender)
    }
}
