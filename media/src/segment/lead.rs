//! How far a source is, for who waits for what an engine makes of it.
//!
//! A contribution that stalls (a phone in a train, a hall's network) sends all that it kept at once when it goes on. Its engine gets that at
//! once too, and needs its time for it: were its patience counted by the source's times alone, it would be over before the first picture. So
//! the source is taken to be no farther than the clock allows: while it is ahead, it comes [`PACE`] as fast as the clock, and is never taken
//! to be more than [`MOST_BEHIND_MICROS`] behind where it is.

use super::boundary::PlacedFrame;
use crate::time::WallTime;

/// Five quarters: an engine that was given room for a live takes what waits at least so much faster than it comes; and what is waited for
/// is back at the live edge within half a minute. Numerator and denominator.
const PACE: (i64, i64) = (5, 4);
/// With an engine's three seconds of patience this is all that is kept for it: what is older than 8 s is dropped before it gets there.
const MOST_BEHIND_MICROS: i64 = 5_000_000;

/// See the module. Times are presentation times, microseconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lead {
    reached: i64,
    paced: Option<i64>,
    /// Of the frame that came last.
    received: WallTime,
}

impl Lead {
    /// Of a source that has sent nothing yet.
    pub(crate) fn new() -> Self {
        Self { reached: i64::MIN, paced: None, received: WallTime::default() }
    }

    /// The source's next frame.
    pub(crate) fn frame(&mut self, frame: &PlacedFrame) {
        // A clock that is set back stands still for a moment.
        let elapsed = frame.received.micros_since(self.received).max(0);
        self.received = frame.received;
        self.reached = self.reached.max(frame.pts.micros());
        let may = |paced: i64| paced.saturating_add(elapsed.saturating_mul(PACE.0) / PACE.1);
        let paced = self.paced.map_or(self.reached, |paced| may(paced).min(self.reached));
        self.paced = Some(paced.max(self.reached.saturating_sub(MOST_BEHIND_MICROS)));
    }

    /// The source's span ends at `at_micros`.
    pub(crate) fn span_end(&mut self, at_micros: i64) {
        self.reached = self.reached.max(at_micros);
    }

    /// Where the source is taken to be. `awaited`: by who waits for an engine that is at work. `i64::MIN`: nowhere yet.
    pub(crate) fn micros(&self, awaited: bool) -> i64 {
        if awaited { self.paced.unwrap_or(self.reached) } else { self.reached }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{Timescale, Timestamp};
    use crate::track::Kind;
    use bytes::Bytes;

    const SECOND: i64 = 1_000_000;

    /// A frame shown at `pts` that came at `received`, both in milliseconds.
    fn frame(pts: i64, received: i64) -> PlacedFrame {
        let at = Timestamp::new(pts, Timescale::MILLIS);
        let received = WallTime::from_micros(1_700_000_000 * SECOND + received * 1_000);
        PlacedFrame { kind: Kind::Video, dts: at, pts: at, keyframe: true, cut: None, received, payload: Bytes::new() }
    }

    /// Where a source is taken to be after these frames, milliseconds.
    fn after(frames: impl IntoIterator<Item = (i64, i64)>) -> i64 {
        let mut lead = Lead::new();
        let mut before = i64::MIN;
        for (pts, received) in frames {
            lead.frame(&frame(pts, received));
            assert!(before <= lead.micros(true) && lead.micros(true) <= lead.micros(false));
            before = lead.micros(true);
        }
        lead.micros(true) / 1_000
    }

    fn steadily(from: i64, to: i64) -> impl Iterator<Item = (i64, i64)> {
        (from / 40..to / 40).map(|n| (n * 40, n * 40))
    }

    #[test]
    fn what_comes_by_the_clock_is_where_it_is() {
        assert_eq!(after(steadily(0, 60_000)), 59_960);
        // Network jitter of a fifth of a second.
        assert_eq!(after(steadily(0, 60_000).map(|(pts, at)| (pts, at / 200 * 200))), 59_960 - 160);
    }

    #[test]
    fn what_comes_at_once_after_a_stall_is_counted_by_the_clock() {
        let burst = || steadily(0, 20_000).chain((500..600).map(|n| (n * 40, 24_000)));
        // All but its first picture.
        assert_eq!(after(burst()), 20_000);
        // Four seconds later a quarter of it is caught up, and sixteen later all.
        assert_eq!(after(burst().chain(steadily(24_000, 28_040))), 25_000);
        assert_eq!(after(burst().chain(steadily(24_000, 41_000))), 40_960);
    }

    #[test]
    fn time_in_which_nothing_comes_is_no_credit() {
        let silent =
            steadily(0, 10_000).chain(steadily(70_000, 70_040)).chain((1..200).map(|n| (70_000 + n * 40, 70_000)));
        assert_eq!(after(silent), 70_000 + 199 * 40 - 5_000, "never more than that behind");
    }

    #[test]
    fn a_hole_in_the_source_and_a_clock_that_is_set_hold_nobody_up() {
        // Sixty seconds of it are missing, without a pause.
        let hole = steadily(0, 10_000).map(|(pts, at)| if pts < 5_000 { (pts, at) } else { (pts + 60_000, at) });
        assert!(after(hole) >= 69_960 - 5_000);
        let set_back = steadily(0, 40_000).map(|(pts, at)| if pts < 5_000 { (pts, at) } else { (pts, at - 3_600_000) });
        assert_eq!(after(set_back), 39_960);
    }

    #[test]
    fn who_waits_for_no_engine_is_told_where_the_source_is() {
        let mut lead = Lead::new();
        assert_eq!((lead.micros(true), lead.micros(false)), (i64::MIN, i64::MIN));
        for n in 0..100 {
            lead.frame(&frame(n * 40, 0));
        }
        lead.span_end(4 * SECOND);
        assert_eq!((lead.micros(true), lead.micros(false)), (0, 4 * SECOND));
    }
}
