//! How many watch a live, told from who waits for its next part. Pure: the time is an argument.
//!
//! A low-latency player waits nearly always, but not at every moment: between two waits it fetches what came. So what counts is how many
//! waited at once, at most, in the last two seconds. Players that poll instead of waiting are not seen.

use media::time::WallTime;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A player waits anew at least this often: twice for a part of the default length.
const SPAN: Duration = Duration::from_secs(1);

/// The viewers of one live.
#[derive(Debug, Default)]
pub struct Audience {
    waiting: AtomicU64,
    /// The most that waited at once in the span that runs.
    most: AtomicU64,
    before: Mutex<Before>,
}

#[derive(Debug, Default)]
struct Before {
    /// When the span that runs began.
    since: WallTime,
    /// The most in the one before.
    most: u64,
}

/// One viewer that waits, until it is dropped.
#[derive(Debug)]
pub struct Waits(Arc<Audience>);

impl Audience {
    /// Counts a viewer that waits.
    pub fn waits(self: &Arc<Self>) -> Waits {
        let waiting = self.waiting.fetch_add(1, Ordering::Relaxed) + 1;
        self.most.fetch_max(waiting, Ordering::Relaxed);
        Waits(Arc::clone(self))
    }

    /// The most that waited at once in this span and the one before.
    #[must_use]
    pub fn seen(&self, now: WallTime) -> u64 {
        let mut before = self.before.lock().unwrap_or_else(PoisonError::into_inner);
        if now.since(before.since) >= SPAN || now < before.since {
            before.since = now;
            before.most = self.most.swap(self.waiting.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        before.most.max(self.most.load(Ordering::Relaxed))
    }
}

impl Drop for Waits {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_viewer_between_two_waits_counts_and_one_that_left_is_forgotten() {
        let at = |millis: i64| WallTime::from_micros(1_000_000_000 + millis * 1_000);
        let audience = Arc::new(Audience::default());
        let both = (audience.waits(), audience.waits());
        assert_eq!(audience.seen(at(0)), 2);
        drop(both);
        assert_eq!(audience.seen(at(500)), 2, "they fetch what they waited for");
        let _one = audience.waits();
        assert_eq!(audience.seen(at(1_000)), 2);
        assert_eq!(audience.seen(at(2_000)), 1);
    }
}
