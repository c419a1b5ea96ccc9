//! The bounded fan-out of one contribution's (or one rendition's) frames.
//!
//! # Contract
//! - One [`Publisher`], any number of [`Subscriber`]s. Payloads are shared, never copied.
//! - The ring holds at most [`CAPACITY_ITEMS`] items and [`CAPACITY_BYTES`] of payload and parameters, and little before the latest keyframe; the
//!   oldest leave first.
//!   A publisher never waits. Parameters that were replaced before any frame used them are not kept.
//! - A subscriber that joins late gets the current parameters of every track, then frames from the latest
//!   keyframe in the ring (or waits for the next one).
//! - A subscriber that falls out of the ring is told how many frames it lost ([`Item::Lagged`]) and goes on at a keyframe.
//! - Every drop is counted.

mod ring;

use crate::frame::Frame;
use crate::track::Parameters;
use ring::Ring;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// About 40 s of 50 fps video with 48 kHz audio, which an encoder may send in one burst after its line came back.
pub const CAPACITY_ITEMS: usize = 4096;
/// 32 MiB: 12 s at 20 Mbit/s, more than any lecture sends.
pub const CAPACITY_BYTES: usize = 32 << 20;

/// What travels on a feed.
#[derive(Clone, Debug)]
pub enum Item {
    /// The track's frames from here on need this configuration.
    Parameters(Parameters),
    /// One access unit.
    Frame(Frame),
    /// This subscriber lost so many frames; the next video frame it gets is a keyframe.
    Lagged(u64),
}

/// The writing end. Dropping it ends the feed.
#[derive(Debug)]
pub struct Publisher {
    shared: Arc<Shared>,
}

/// A reading end.
#[derive(Debug)]
pub struct Subscriber {
    shared: Arc<Shared>,
    cursor: ring::Cursor,
}

/// Makes subscribers without being able to publish.
#[derive(Clone, Debug)]
pub struct Feed {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    ring: Mutex<Ring>,
    /// Told after each batch, and at the end.
    grown: Notify,
    /// Told when the reading side wants the contribution to stop.
    closed: Notify,
}

impl Shared {
    fn ring(&self) -> MutexGuard<'_, Ring> {
        // A poisoned lock means a panic while a frame was copied in; the ring itself stays consistent.
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A new, empty feed.
#[must_use]
pub fn feed() -> (Publisher, Feed) {
    let shared = Arc::new(Shared {
        ring: Mutex::new(Ring::new(CAPACITY_ITEMS, CAPACITY_BYTES)),
        grown: Notify::new(),
        closed: Notify::new(),
    });
    (Publisher { shared: Arc::clone(&shared) }, Feed { shared })
}

impl Publisher {
    /// Appends `items` in order and wakes the subscribers once. Never waits.
    pub fn push(&self, items: impl IntoIterator<Item = Item>) {
        {
            let mut ring = self.shared.ring();
            for item in items {
                ring.push(item);
            }
        }
        self.shared.grown.notify_waiters();
    }

    /// Returns when the reading side asked for the end ([`Feed::close`]). Cancel-safe.
    pub async fn closed(&self) {
        loop {
            let told = self.shared.closed.notified();
            if self.shared.ring().is_closed() {
                return;
            }
            told.await;
        }
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.shared.ring().end();
        self.shared.grown.notify_waiters();
    }
}

impl Feed {
    /// A new reader, at the latest keyframe.
    #[must_use]
    pub fn subscribe(&self) -> Subscriber {
        let cursor = self.shared.ring().join();
        Subscriber { shared: Arc::clone(&self.shared), cursor }
    }

    /// Asks the publisher to stop (end now, takeover, shutdown). It ends its connection in the protocol's own way.
    pub fn close(&self) {
        self.shared.ring().close();
        self.shared.closed.notify_waiters();
    }

    /// Whether the publisher is gone.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.shared.ring().has_ended()
    }

    /// Frames that subscribers lost by being too slow, over the feed's life.
    #[must_use]
    pub fn lagged_frames(&self) -> u64 {
        self.shared.ring().lagged_frames()
    }
}

impl Subscriber {
    /// Appends all items that are there to `out`, waiting for at least one. `false`: the feed has ended and all was read.
    /// Cancel-safe: nothing is taken before it returns.
    pub async fn next_batch(&mut self, out: &mut Vec<Item>) -> bool {
        loop {
            let grown = self.shared.grown.notified();
            tokio::pin!(grown);
            grown.as_mut().enable();
            {
                let mut ring = self.shared.ring();
                if ring.read(&mut self.cursor, out) {
                    return true;
                }
                if ring.has_ended() {
                    return false;
                }
            }
            grown.await;
        }
    }
}
