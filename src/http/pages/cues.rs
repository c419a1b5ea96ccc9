//! The cues of whatever is on air at a broadcaster, for one page: early, and again when they are corrected.
//!
//! A page that reads slowly misses cues and has them again with the next segment of the captions' rendition. Nothing is queued for it.

use crate::live::timeline::Timeline;
use bytes::Bytes;
use std::sync::{Arc, Weak};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

/// Gives the timeline that viewers see now.
type Find = Box<dyn Fn() -> Option<Arc<Timeline>> + Send>;

/// See the module.
pub(super) struct Cues {
    find: Find,
    followed: Weak<Timeline>,
    /// `None`: nothing is on air.
    cues: Option<broadcast::Receiver<Bytes>>,
}

impl Cues {
    pub(super) fn new(find: impl Fn() -> Option<Arc<Timeline>> + Send + 'static) -> Self {
        let mut cues = Self { find: Box::new(find), followed: Weak::new(), cues: None };
        cues.look();
        cues
    }

    /// Something has changed: perhaps another live is on air.
    pub(super) fn look(&mut self) {
        let Some(timeline) = (self.find)() else { return };
        let found = Arc::downgrade(&timeline);
        if !found.ptr_eq(&self.followed) {
            self.cues = Some(timeline.cues());
            self.followed = found;
        }
    }

    /// The next event. Never comes back while nothing is on air. Cancel-safe.
    pub(super) async fn next(&mut self) -> Bytes {
        loop {
            let Some(cues) = &mut self.cues else { return std::future::pending().await };
            match cues.recv().await {
                Ok(event) => return event,
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => self.cues = None,
            }
        }
    }
}
