//! `/live/{slug}/events`: what a live page follows, as server-sent events (WHATWG HTML §9.2).
//!
//! Event `state`, at once and on every change, with [`LiveUpdate`] as JSON; a comment every 15 s, so that proxies keep
//! the connection and a dead one is noticed. A message is encoded once and shared by all who watch. A viewer who reads
//! slowly gets the newest state, not the ones between: nothing is queued. Event `caption`: a cue as it is made, see `cues.rs`. When the server stops the stream ends and the
//! page comes back by itself.
//!
//! A stream is also what a viewer is counted by, see [`crate::live::presence`]: whoever has the page open has one, and who goes away, or whose phone
//! sleeps, has none any more within a minute (the server closes a connection that acknowledges nothing). Nobody asks anything at intervals for that.

use super::cues::Cues;
use super::model::{VideoLink, state_name};
use super::source::{self, Source};
use crate::http::gate::visitor::Visitor;
use crate::live::presence::Present;
use crate::live::status::State as LiveState;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream;
use media::time::WallTime;
use serde::Serialize;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// Below the 30 to 60 s of silence after which proxies close a connection.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// A count of viewers alone is told no more often: it is a number on a page, sent to every one of them.
const COUNT_EVERY: Duration = Duration::from_secs(5);
/// How long a browser waits before it comes back, in milliseconds.
const RETRY_MS: u32 = 2_000;
/// Streams at once, over all lives: each is an open connection and a few kilobytes.
const MAX_STREAMS: usize = 20_000;

/// What a page is told. All of it, every time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LiveUpdate {
    /// `idle`, `starting`, `on_air`, `dropped` or `ended`.
    pub state: &'static str,
    /// The recording of this live, once it has one.
    pub video_id: Option<String>,
    /// Its page, once it can be watched.
    pub video_url: Option<String>,
    /// See [`crate::live::status::Status::viewers`].
    pub viewers: u64,
    /// Another number when a rendition or a language of captions has appeared: players load the multivariant playlist again.
    pub renditions_version: u64,
}

impl LiveUpdate {
    /// What a page shows of a live in this state.
    #[must_use]
    pub fn new(state: LiveState, video: Option<&VideoLink>, viewers: u64, renditions_version: u64) -> Self {
        // A video is told of when it can be watched: not while it is still being recorded.
        let video = video.filter(|_| state == LiveState::Ended);
        Self {
            state: state_name(state),
            video_id: video.map(|video| video.id.clone()),
            video_url: video.map(VideoLink::url),
            viewers,
            renditions_version,
        }
    }

    fn differs_in_more_than_count(&self, other: &Self) -> bool {
        Self { viewers: other.viewers, ..self.clone() } != *other
    }
}

/// An update and its encoding.
#[derive(Clone, Debug)]
pub struct Announced {
    /// What it says.
    pub update: LiveUpdate,
    message: Bytes,
}

impl Announced {
    fn new(update: LiveUpdate) -> Self {
        // Strings, numbers and null always serialise; JSON has no line break, so one `data` line holds it.
        let json = serde_json::to_string(&update).unwrap_or_default();
        Self { message: Bytes::from(format!("event: state\ndata: {json}\n\n")), update }
    }
}

/// The side that tells: one for each broadcaster.
#[derive(Debug)]
pub struct Announcer {
    sender: watch::Sender<Announced>,
    told_at: WallTime,
}

impl Announcer {
    /// Begins with a state.
    #[must_use]
    pub fn new(update: LiveUpdate, now: WallTime) -> Self {
        Self { sender: watch::Sender::new(Announced::new(update)), told_at: now }
    }

    /// Tells everybody, if there is something to tell: another state at once, another count of viewers at most every 5 s.
    /// Says whether it did. A count held back is told with the next call after that time.
    pub fn announce(&mut self, update: LiveUpdate, now: WallTime) -> bool {
        let known = self.sender.borrow().update.clone();
        let due = now.since(self.told_at) >= COUNT_EVERY;
        let worth = update.differs_in_more_than_count(&known) || (update != known && due);
        if worth {
            self.told_at = now;
            self.sender.send_replace(Announced::new(update));
        }
        worth
    }

    /// Whether nobody is there to be told.
    #[must_use]
    pub fn is_unheard(&self) -> bool {
        self.sender.receiver_count() == 0
    }

    /// For who hands out subscriptions.
    #[must_use]
    pub fn sender(&self) -> watch::Sender<Announced> {
        self.sender.clone()
    }

    /// For one viewer.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Announced> {
        self.sender.subscribe()
    }
}

/// Bounds the streams that are open at once.
#[derive(Clone, Debug)]
pub struct EventSlots(Arc<Semaphore>);

impl EventSlots {
    /// Room for so many.
    #[must_use]
    pub fn new(slots: usize) -> Self {
        Self(Arc::new(Semaphore::new(slots.min(Semaphore::MAX_PERMITS))))
    }
}

impl Default for EventSlots {
    fn default() -> Self {
        Self::new(MAX_STREAMS)
    }
}

struct Stream {
    updates: watch::Receiver<Announced>,
    cues: Cues,
    begun: bool,
    _slot: OwnedSemaphorePermit,
    /// A viewer, as long as the stream is open.
    _present: Present,
}

impl Stream {
    /// The next bytes; `None` when nobody tells any more.
    async fn next(&mut self) -> Option<Bytes> {
        if !self.begun {
            self.begun = true;
            let first = self.updates.borrow_and_update().message.clone();
            return Some(Bytes::from([format!("retry: {RETRY_MS}\n").as_bytes(), &first].concat()));
        }
        let bytes = tokio::select! {
            changed = self.updates.changed() => {
                changed.ok()?;
                self.cues.look();
                self.updates.borrow_and_update().message.clone()
            }
            cue = self.cues.next() => cue,
            () = tokio::time::sleep(HEARTBEAT) => Bytes::from_static(b":\n\n"),
        };
        Some(bytes)
    }
}

pub(super) async fn stream(
    State(source): State<Source>,
    State(slots): State<EventSlots>,
    visitor: Visitor,
    Path(slug): Path<String>,
) -> Response {
    let updates = match source::updates(&source, &slug).await {
        Ok(Some(updates)) => updates,
        Ok(None) => return StatusCode::NOT_FOUND.into_response(),
        Err(failure) => return failure.into_response(),
    };
    let Ok(slot) = slots.0.try_acquire_owned() else {
        // The page tries again later; it works without, but does not change by itself.
        return (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "30")]).into_response();
    };
    let lives = source.lives();
    let present = lives.presence().enter(&slug, visitor.browser());
    let cues = Cues::new(move || lives.timeline(&slug));
    let stream = Stream { updates, cues, begun: false, _slot: slot, _present: present };
    let body = stream::unfold(stream, async |mut stream| {
        let bytes = stream.next().await?;
        Some((Ok::<_, Infallible>(bytes), stream))
    });
    let mut response = Response::new(Body::from_stream(body));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // nginx would hold the messages back.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::presence::Presence;

    fn update(state: &'static str, viewers: u64) -> LiveUpdate {
        LiveUpdate { state, video_id: None, video_url: None, viewers, renditions_version: 1 }
    }

    fn at(seconds: i64) -> WallTime {
        WallTime::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn a_state_is_told_at_once_and_a_count_now_and_then() {
        let mut announcer = Announcer::new(update("on_air", 0), at(100));
        let seen = announcer.subscribe();
        assert!(!announcer.announce(update("on_air", 0), at(200)), "nothing new");
        assert!(announcer.announce(update("on_air", 1), at(200)));
        assert!(!announcer.announce(update("on_air", 2), at(204)), "too soon");
        assert!(announcer.announce(update("dropped", 2), at(204)));
        assert!(announcer.announce(update("dropped", 3), at(209)));
        assert_eq!(seen.borrow().update, update("dropped", 3));
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_has_a_heartbeat_and_shows_a_slow_reader_the_newest_state() {
        let mut announcer = Announcer::new(update("idle", 0), at(0));
        let slot = Arc::new(Semaphore::new(1)).acquire_owned().await.unwrap();
        let present = Presence::default().enter("hall", None);
        let (updates, cues) = (announcer.subscribe(), Cues::new(|| None));
        let mut stream = Stream { updates, cues, begun: false, _slot: slot, _present: present };
        let first = stream.next().await.unwrap();
        assert!(first.starts_with(b"retry: 2000\nevent: state\ndata: {\"state\":\"idle\","), "{first:?}");
        let before = tokio::time::Instant::now();
        assert_eq!(stream.next().await.unwrap(), ":\n\n");
        assert_eq!(before.elapsed(), HEARTBEAT);
        for (second, state) in [(1, "starting"), (2, "on_air"), (3, "ended")] {
            assert!(announcer.announce(update(state, 0), at(second)));
        }
        assert!(stream.next().await.unwrap().starts_with(b"event: state\ndata: {\"state\":\"ended\","));
        assert_eq!(stream.next().await.unwrap(), ":\n\n", "the ones between were not kept");
        drop(announcer);
        assert_eq!(stream.next().await, None);
    }

    #[test]
    fn one_encoding_is_shared() {
        let announcer = Announcer::new(update("on_air", 7), at(0));
        let (one, two) = (announcer.subscribe(), announcer.subscribe());
        assert_eq!(one.borrow().message.as_ptr(), two.borrow().message.as_ptr());
        assert_eq!(
            one.borrow().message,
            "event: state\ndata: {\"state\":\"on_air\",\"video_id\":null,\"video_url\":null,\"viewers\":7,\"renditions_version\":1}\n\n"
        );
    }
}
