//! Which pictures are left out when the machine is too slow: evenly, for all rungs alike, never one that begins a segment.
//!
//! A burst is no slowness: pictures may wait as long as their number goes down within [`PATIENCE`].

use std::time::{Duration, Instant};

/// So many waiting pictures are usual: half a second, with what a decoder holds.
const USUAL_WAITING: u64 = 15;
/// From here three of four are left out; between, one of two.
const MANY_WAITING: u64 = 40;
/// A burst of the network, or the pictures that waited for a new engine, are caught up within this. The client keeps 8 s meanwhile.
const PATIENCE: Duration = Duration::from_secs(3);

/// Decides picture by picture.
#[derive(Debug, Default)]
pub(crate) struct Shed {
    /// Since when too many wait.
    slow_since: Option<Instant>,
    /// Pictures since the last one that was kept.
    left_out: u64,
}

impl Shed {
    /// Whether the next picture is left out, while `waiting` more wait before the decoder.
    pub(crate) fn leaves_out(&mut self, now: Instant, waiting: u64, cut: bool) -> bool {
        if waiting <= USUAL_WAITING {
            *self = Self::default();
            return false;
        }
        let since = *self.slow_since.get_or_insert(now);
        let of = if waiting >= MANY_WAITING { 4 } else { 2 };
        let patient = now.saturating_duration_since(since) < PATIENCE;
        if patient || cut || self.left_out + 1 >= of {
            self.left_out = 0;
            return false;
        }
        self.left_out += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which of 200 pictures, 40 ms apart, are left out.
    fn left_out(waiting: impl Fn(u32) -> u64, cut: impl Fn(u32) -> bool) -> Vec<u32> {
        let (mut shed, start) = (Shed::default(), Instant::now());
        (0..200).filter(|n| shed.leaves_out(start + Duration::from_millis(40) * *n, waiting(*n), cut(*n))).collect()
    }

    #[test]
    fn a_burst_costs_nothing() {
        assert!(left_out(|n| 60 - u64::from((2 * n).min(60)), |_| false).is_empty());
        assert!(left_out(|_| USUAL_WAITING, |_| false).is_empty());
    }

    #[test]
    fn slowness_costs_every_second_picture_and_much_of_it_three_of_four() {
        let some = left_out(|_| 20, |_| false);
        assert!(some.windows(2).all(|w| w[1] - w[0] == 2) && some.len() >= 60, "{some:?}");
        assert_eq!(left_out(|_| 50, |_| false).iter().filter(|n| **n >= 100).count(), 75);
    }

    #[test]
    fn a_cut_is_never_left_out() {
        assert!(left_out(|_| 50, |n| n % 3 == 0).iter().all(|n| n % 3 != 0));
        assert!(!left_out(|_| 50, |n| n % 3 == 0).is_empty());
    }
}
