//! Which pictures begin segments, which are only decoded, which come after a hole. Known when they go into the decoder, in decode order;
//! asked when they come out, in the order of presentation.
//!
//! Promises: a cut is never lost. When the picture that is meant can't be decoded, the next one gets the IDR instead.

use media::segment::boundary::SAME_PICTURE_TICKS;
use std::collections::{BTreeMap, BTreeSet};

/// More than a decoder and the queue before it ever hold; beyond, the oldest is forgotten.
const MAX_WAITING: usize = 1024;

/// What was said of a picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marks {
    /// A segment begins with it.
    pub(crate) cut: bool,
    /// It is not to be encoded.
    pub(crate) decode_only: bool,
    /// Frames are missing before it.
    pub(crate) after_hole: bool,
}

/// The pictures between the channel and the encoders, by pts.
#[derive(Debug, Default)]
pub(crate) struct Pictures {
    waiting: BTreeMap<i64, Said>,
    /// Where segments begin that no picture has begun yet, by pts.
    cuts: BTreeSet<i64>,
    /// A picture that never came out had a hole before it.
    owes_hole: bool,
}

/// What was said of a picture when it went in.
#[derive(Clone, Copy, Debug, Default)]
struct Said {
    decode_only: bool,
    after_hole: bool,
}

impl Pictures {
    /// A picture goes into the decoder. `cut` as in [`crate::message::to_engine::SourceFrame`].
    pub(crate) fn goes_in(&mut self, pts: i64, decode_only: bool, after_hole: bool, cut: Option<i64>) {
        if self.waiting.len() >= MAX_WAITING
            && let Some((_, lost)) = self.waiting.pop_first()
        {
            self.owe(lost);
        }
        self.waiting.insert(pts, Said { decode_only, after_hole });
        self.cuts.extend(cut);
        if self.cuts.len() > MAX_WAITING {
            self.cuts.pop_first();
        }
    }

    /// A picture comes out. Those before it that have not are lost, and what they owed is its.
    pub(crate) fn comes_out(&mut self, pts: i64) -> Marks {
        let later = self.waiting.split_off(&pts.saturating_add(1));
        let passed = std::mem::replace(&mut self.waiting, later);
        let mut said = Said::default();
        for (at, of) in passed {
            if at == pts {
                said = of;
            } else {
                self.owe(of);
            }
        }
        let reached = pts.saturating_add(SAME_PICTURE_TICKS);
        if said.decode_only {
            // It had its IDR when it was encoded. What was meant for a picture before it, which is lost, is still owed.
            let from = pts.saturating_sub(SAME_PICTURE_TICKS);
            self.cuts.retain(|cut| !(from..=reached).contains(cut));
            return Marks { cut: false, decode_only: true, after_hole: said.after_hole };
        }
        let due = self.cuts.first().is_some_and(|cut| *cut <= reached);
        if due {
            self.cuts.retain(|cut| *cut > reached);
        }
        let after_hole = said.after_hole || std::mem::take(&mut self.owes_hole);
        Marks { cut: due || after_hole, decode_only: false, after_hole }
    }

    fn owe(&mut self, lost: Said) {
        self.owes_hole |= lost.after_hole && !lost.decode_only;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(pictures: &mut Pictures, pts: impl IntoIterator<Item = i64>) -> Vec<bool> {
        pts.into_iter().map(|pts| pictures.comes_out(pts).cut).collect()
    }

    #[test]
    fn segments_begin_with_the_pictures_that_are_meant_in_whatever_order_they_go_in() {
        let mut pictures = Pictures::default();
        // The second cut is told with a picture that is shown after the one that begins it.
        for (pts, cut) in [(0, Some(0)), (14_400, None), (7_200, None), (3_600, None), (10_800, Some(10_800 - 90))] {
            pictures.goes_in(pts, false, false, cut);
        }
        pictures.goes_in(28_800, false, false, Some(18_000));
        for pts in [21_600, 18_000, 25_200] {
            pictures.goes_in(pts, false, false, None);
        }
        let out = run(&mut pictures, (0..9).map(|n| n * 3_600));
        assert_eq!(out, [true, false, false, true, false, true, false, false, false]);
        assert!(pictures.cuts.is_empty());
    }

    #[test]
    fn the_cut_of_a_lost_picture_is_the_next_ones() {
        let mut pictures = Pictures::default();
        for n in 0..4 {
            pictures.goes_in(n * 3_600, false, false, (n == 1).then_some(3_600));
        }
        assert_eq!(run(&mut pictures, [0, 7_200, 10_800]), [false, true, false]);
    }

    #[test]
    fn a_picture_after_a_hole_is_an_idr() {
        let mut pictures = Pictures::default();
        pictures.goes_in(0, false, true, None);
        assert_eq!(pictures.comes_out(0), Marks { cut: true, after_hole: true, decode_only: false });
        pictures.goes_in(3_600, false, true, None);
        pictures.goes_in(7_200, false, false, None);
        assert_eq!(
            pictures.comes_out(7_200),
            Marks { cut: true, after_hole: true, decode_only: false },
            "the lost one's"
        );
    }

    #[test]
    fn what_is_only_decoded_takes_no_cut_away_but_its_own() {
        let mut pictures = Pictures::default();
        pictures.goes_in(0, true, false, Some(0));
        pictures.goes_in(3_600, false, false, Some(3_600));
        pictures.goes_in(7_200, true, false, None);
        pictures.goes_in(10_800, false, false, None);
        pictures.goes_in(14_400, false, false, None);
        assert!(pictures.comes_out(0).decode_only);
        assert!(pictures.comes_out(7_200).decode_only);
        assert_eq!(run(&mut pictures, [10_800, 14_400]), [true, false]);
    }

    #[test]
    fn a_decoder_that_gives_nothing_costs_bounded_memory() {
        let mut pictures = Pictures::default();
        for n in 0..100_000 {
            pictures.goes_in(n * 3_600, false, false, Some(n * 3_600));
        }
        assert_eq!((pictures.waiting.len(), pictures.cuts.len()), (MAX_WAITING, MAX_WAITING));
        assert!(pictures.comes_out(i64::MAX).cut);
        assert!(pictures.waiting.is_empty() && pictures.cuts.is_empty());
    }
}
