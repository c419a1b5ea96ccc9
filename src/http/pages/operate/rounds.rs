//! What operators' streams of events tell: looked at by one task for all who follow, while somebody does.
//!
//! **Promise.** The newest look is kept and no other: who reads slowly misses looks, and nothing is queued.

use super::Desk;
use crate::catalogue::Error;
use crate::http::gate::visitor::Visitor;
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures_util::stream;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Interval, MissedTickBehavior};

/// How often one looks: as often as statuses are made.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// What changes seldom is looked up this often, in looks.
pub(super) const CATALOGUE_EVERY: u64 = 5;
/// Below the silence after which proxies close a connection.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// A line that says nothing.
const NOTHING: Bytes = Bytes::from_static(b":\n\n");

/// The newest look of a kind, if somebody looks. Clones share.
#[derive(Debug)]
pub(super) struct Rounds<T>(Arc<Mutex<Option<watch::Sender<Arc<T>>>>>);

impl<T> Clone for Rounds<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Default for Rounds<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T> Rounds<T> {
    /// What others follow already; or a first look, after which the task `name` looks on: `keep` with what the first look had and what it sends by.
    ///
    /// # Errors
    /// When it can't be looked.
    pub(super) async fn follow<K, F>(
        &self,
        desk: &Desk,
        name: &'static str,
        first: impl AsyncFnOnce() -> Result<(T, K), Error>,
        keep: impl FnOnce(Desk, K, watch::Sender<Arc<T>>) -> F,
    ) -> Result<watch::Receiver<Arc<T>>, Error>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        if let Some(rounds) = self.running() {
            return Ok(rounds);
        }
        let (round, known) = first().await?;
        let (rounds, sender) = self.begin(round);
        if let Some(sender) = sender {
            desk.tasks.spawn(name, keep(desk.clone(), known, sender));
        }
        Ok(rounds)
    }

    fn running(&self) -> Option<watch::Receiver<Arc<T>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(watch::Sender::subscribe)
    }

    /// Begins with a first look; and what the task that looks on sends by, unless another one has begun meanwhile.
    fn begin(&self, first: T) -> (watch::Receiver<Arc<T>>, Option<watch::Sender<Arc<T>>>) {
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = &*running {
            return (sender.subscribe(), None);
        }
        let (sender, receiver) = watch::channel(Arc::new(first));
        *running = Some(sender.clone());
        (receiver, Some(sender))
    }

    /// Waits for the task's next look. False when it ends: the server stops, or nobody follows any more.
    pub(super) async fn goes_on(&self, ticks: &mut Interval, desk: &Desk, sender: &watch::Sender<Arc<T>>) -> bool {
        let stopping = tokio::select! {
            _ = ticks.tick() => false,
            () = desk.tasks.soft_stopped() => true,
        };
        let mut running = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let over = stopping || sender.receiver_count() == 0;
        if over {
            *running = None;
        }
        !over
    }
}

/// When a task looks.
pub(super) fn ticks() -> Interval {
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// One who follows.
pub(super) trait Follower: Send + 'static {
    /// What is looked at.
    type Round: Send + Sync + 'static;

    fn number(round: &Self::Round) -> u64;

    fn visitor(&self) -> &Visitor;

    /// What is to be said of a round; `None`: nothing. Of the first there is something.
    fn message(&mut self, round: &Self::Round) -> Option<Bytes>;
}

/// Whether the operator is still what they were when they came: if not, the page comes back as what they are now.
async fn stands(desk: &Desk, visitor: &Visitor) -> bool {
    let Some(person) = visitor.person() else { return false };
    // A catalogue that does not answer takes nobody's right away.
    match desk.catalogue.standing(&person.session.person_id).await {
        Ok(standing) => standing.as_ref() == Some(&person.standing),
        Err(_) => true,
    }
}

/// An event with an array of JSON objects.
pub(super) fn message(event: &str, objects: &[&Bytes]) -> Bytes {
    let length = objects.iter().map(|object| object.len() + 1).sum::<usize>() + event.len() + 32;
    let mut text = Vec::with_capacity(length);
    text.extend_from_slice(b"event: ");
    text.extend_from_slice(event.as_bytes());
    text.extend_from_slice(b"\ndata: [");
    for (n, object) in objects.iter().enumerate() {
        if n > 0 {
            text.push(b',');
        }
        text.extend_from_slice(object);
    }
    text.extend_from_slice(b"]\n\n");
    text.into()
}

/// What is said next; `None`: the stream ends.
async fn next<F: Follower>(
    desk: &Desk,
    rounds: &mut watch::Receiver<Arc<F::Round>>,
    follower: &mut F,
    begun: bool,
) -> Option<Bytes> {
    if !begun {
        let round = Arc::clone(&rounds.borrow_and_update());
        return follower.message(&round);
    }
    let quiet = tokio::time::sleep(HEARTBEAT);
    tokio::pin!(quiet);
    loop {
        tokio::select! {
            changed = rounds.changed() => changed.ok()?,
            () = &mut quiet => return Some(NOTHING),
        }
        let round = Arc::clone(&rounds.borrow_and_update());
        if F::number(&round).is_multiple_of(CATALOGUE_EVERY) && !stands(desk, follower.visitor()).await {
            return None;
        }
        if let Some(message) = follower.message(&round) {
            return Some(message);
        }
    }
}

/// The answer that a stream of events is, or that nothing can be told now; `name` is that of what is looked at.
pub(super) fn events<F: Follower>(
    desk: Desk,
    name: &'static str,
    rounds: Result<watch::Receiver<Arc<F::Round>>, Error>,
    follower: F,
) -> Response {
    let rounds = match rounds {
        Ok(rounds) => rounds,
        Err(error) => {
            tracing::error!(%error, "{name} can't be followed");
            return StatusCode::SERVICE_UNAVAILABLE.into_response();
        }
    };
    let stream = stream::unfold((desk, rounds, follower, false), async |(desk, mut rounds, mut follower, begun)| {
        let bytes = next(&desk, &mut rounds, &mut follower, begun).await?;
        Some((Ok::<_, Infallible>(bytes), (desk, rounds, follower, true)))
    });
    let mut response = Response::new(Body::from_stream(stream));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}
