//! Decode times for a stream that tells only presentation times (RTP does), in decode order.
//!
//! A decoder that holds back `depth` pictures (H.264 `max_num_reorder_frames`) shows, when the n-th picture comes, the
//! (n − depth)-th of all in order of presentation. That picture's pts is the n-th dts: it needs no later picture to be
//! known, is never over the picture's own pts, and rises strictly. So B-frames cost no latency here and no pts changes.
//!
//! When the parameter sets don't tell the depth, the first [`WINDOW`] pictures are held back once to measure it.

use h264_reader::nal::{Nal, RefNal, sps::PicOrderCntType, sps::SeqParameterSet};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Enough to see an I P B b b pyramid, the deepest that encoders without a `bitstream_restriction` were found to make;
/// 0.2 s at 25 fps, once at the start.
pub(super) const WINDOW: usize = 5;
/// H.264 annex A allows 16 frames in the decoded picture buffer.
const MAX_DEPTH: usize = 16;
/// Step before the first pts when the frame rate is unknown: 30 fps, in 90 kHz ticks. It shifts only the first few dts.
pub(super) const DEFAULT_FRAME_TICKS: i64 = 3_000;

/// 10 s: slower than any slide show that is sent as video.
const MAX_FRAME_TICKS: i64 = 900_000;

/// Gives each pts its dts. Ticks are the caller's (90 kHz).
#[derive(Debug)]
pub(super) struct Reorder {
    depth: usize,
    frame_ticks: i64,
    /// The pts not yet given out as a dts; at most `depth` between two calls.
    waiting: BinaryHeap<Reverse<i64>>,
    last_dts: Option<i64>,
}

/// One picture's times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Times {
    pub dts: i64,
    pub pts: i64,
    /// The pts had to be moved: the stream reorders more than it announced or showed before.
    pub repaired: bool,
}

impl Reorder {
    /// `frame_ticks`: usual distance of two pictures.
    pub(super) fn new(depth: usize, frame_ticks: i64) -> Self {
        Self {
            depth: depth.min(MAX_DEPTH),
            frame_ticks: frame_ticks.clamp(1, MAX_FRAME_TICKS),
            waiting: BinaryHeap::new(),
            last_dts: None,
        }
    }

    /// New parameter sets may reorder more; never less, so that dts go on rising.
    pub(super) fn deepen(&mut self, depth: usize) {
        self.depth = self.depth.max(depth.min(MAX_DEPTH));
    }

    /// The times of the next picture in decode order. `dts` rises strictly and is at most `pts`.
    pub(super) fn place(&mut self, pts: i64) -> Times {
        self.waiting.push(Reverse(pts));
        self.fill(pts);
        let earliest = self.waiting.pop().map_or(pts, |Reverse(earliest)| earliest);
        let floor = self.last_dts.map_or(i64::MIN, |last| last.saturating_add(1));
        let dts = earliest.max(floor);
        let repaired = dts > pts;
        if repaired {
            self.depth = (self.depth + 1).min(MAX_DEPTH);
        }
        self.last_dts = Some(dts);
        Times { dts, pts: pts.max(dts), repaired }
    }

    /// Makes up the dts of pictures that never were, where fewer wait than `depth`: at the start a frame apart before
    /// the first pts; where the depth grew, spread over the room since the last dts.
    fn fill(&mut self, pts: i64) {
        let missing = (self.depth + 1).saturating_sub(self.waiting.len());
        let missing = i64::try_from(missing).unwrap_or(0);
        let earliest = self.waiting.peek().map_or(pts, |Reverse(earliest)| *earliest);
        for i in 1..=missing {
            self.waiting.push(Reverse(match self.last_dts {
                None => earliest.saturating_sub(i * self.frame_ticks),
                Some(last) => last.saturating_add(earliest.saturating_sub(last) / (missing + 1) * i),
            }));
        }
    }
}

/// How many pictures `sps` (a NAL unit) says are reordered; `None` when it does not say.
pub(super) fn announced_depth(sps: &[u8]) -> Option<usize> {
    let nal = RefNal::new(sps, &[], true);
    let sps = SeqParameterSet::from_bits(nal.rbsp_bits()).ok()?;
    // Order of output is order of decoding: by definition (8.2.1.3), and in the profile without B slices (A.2.1).
    if matches!(sps.pic_order_cnt, PicOrderCntType::TypeTwo) || u8::from(sps.profile_idc) == 66 {
        return Some(0);
    }
    let restrictions = sps.vui_parameters?.bitstream_restrictions?;
    usize::try_from(restrictions.max_num_reorder_frames).ok().filter(|depth| *depth <= MAX_DEPTH)
}

/// The depth that `pts` (in decode order) show: how many pictures came before one that they are shown after.
pub(super) fn measured_depth(pts: impl IntoIterator<Item = i64>) -> usize {
    let pts: Vec<i64> = pts.into_iter().take(WINDOW).collect();
    let overtaken = |(i, shown): (usize, &i64)| pts[..i].iter().filter(|earlier| *earlier > shown).count();
    pts.iter().enumerate().map(overtaken).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// dts of pictures at these pts, in frames of 10 ticks.
    fn dts(depth: usize, pts: &[i64]) -> Vec<i64> {
        let mut reorder = Reorder::new(depth, 10);
        pts.iter()
            .map(|p| {
                let times = reorder.place(p * 10);
                assert!(!times.repaired, "{times:?} in {pts:?}");
                assert_eq!(times.pts, p * 10);
                assert!(times.dts <= times.pts, "{times:?}");
                times.dts
            })
            .collect()
    }

    #[test]
    fn tables_of_common_orders() {
        // I P P P
        assert_eq!(dts(0, &[0, 1, 2, 3]), [0, 10, 20, 30]);
        // I P B B P B B I P B B
        assert_eq!(dts(1, &[0, 3, 1, 2, 6, 4, 5, 7, 10, 8, 9]), [-10, 0, 10, 20, 30, 40, 50, 60, 70, 80, 90]);
        // I P B b b pyramid
        assert_eq!(dts(2, &[0, 4, 2, 1, 3, 8, 6, 5, 7]), [-20, -10, 0, 10, 20, 30, 40, 50, 60]);
        // Announced deeper than used: everything a constant earlier.
        assert_eq!(dts(2, &[0, 1, 2, 3, 4]), [-20, -10, 0, 10, 20]);
        assert_eq!(dts(4, &[0, 1, 2, 3, 4, 5]), [-40, -30, -20, -10, 0, 10]);
    }

    #[test]
    fn gaps_and_uneven_frames_keep_the_rules() {
        assert_eq!(dts(1, &[0, 3, 1, 60, 58, 59, 61]), [-10, 0, 10, 30, 580, 590, 600]);
    }

    #[test]
    fn the_window_measures_the_depth() {
        assert_eq!(measured_depth([0, 1, 2, 3, 4]), 0);
        assert_eq!(measured_depth([0, 3, 1, 2, 6]), 1);
        assert_eq!(measured_depth([0, 4, 2, 1, 3]), 2);
        assert_eq!(measured_depth([]), 0);
    }

    #[test]
    fn more_reordering_than_known_is_repaired_and_learnt() {
        let mut reorder = Reorder::new(0, 10);
        let (mut repaired, mut last) = (0, i64::MIN);
        for gop in 0..50 {
            for p in [4, 2, 1, 3] {
                let times = reorder.place((gop * 4 + p) * 10);
                assert!(times.dts > last && times.dts <= times.pts, "{times:?} after {last}");
                last = times.dts;
                repaired += i32::from(times.repaired);
                assert!(gop < 3 || !times.repaired, "still repairing in group {gop}");
            }
        }
        assert!(repaired > 0);
    }

    #[test]
    fn a_deeper_parameter_set_keeps_dts_rising() {
        let mut reorder = Reorder::new(0, 10);
        let mut last = i64::MIN;
        let mut check = |reorder: &mut Reorder, p: i64| {
            let times = reorder.place(p * 10);
            assert!(times.dts > last && times.dts <= times.pts && !times.repaired, "{times:?} after {last}");
            last = times.dts;
        };
        for p in [0, 1, 2] {
            check(&mut reorder, p);
        }
        reorder.deepen(2);
        for p in [3, 7, 5, 4, 6, 11, 9, 8, 10] {
            check(&mut reorder, p);
        }
    }

    #[test]
    fn any_input_keeps_the_order() {
        // A fixed walk through extremes: the contract holds whatever is claimed.
        let mut reorder = Reorder::new(3, i64::MAX);
        let mut last = i64::MIN;
        for p in [0, i64::MAX / 2, -5, 7, 7, 7, i64::MIN / 2, 1 << 40, 0, 0, 90_000] {
            let times = reorder.place(p);
            assert!(times.dts > last && times.dts <= times.pts, "{times:?}");
            last = times.dts;
            assert!(reorder.waiting.len() <= MAX_DEPTH + 1);
        }
    }
}
