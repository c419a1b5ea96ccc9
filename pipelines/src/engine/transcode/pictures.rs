//! Which pictures begin segments, which are only decoded, which come after a hole. Known when they go into the decoder, in decode order;
//! asked when they come out, in the order of presentation.
//!
//! Promises: a cut is never lost. When the picture that carries one can't be decoded, the next one gets the IDR instead.

use std::collections::BTreeMap;

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
    waiting: BTreeMap<i64, Marks>,
    /// Marks of pictures that never came out.
    owed: Marks,
}

impl Pictures {
    /// A picture goes into the decoder.
    pub(crate) fn goes_in(&mut self, pts: i64, marks: Marks) {
        if self.waiting.len() >= MAX_WAITING
            && let Some((_, lost)) = self.waiting.pop_first()
        {
            self.owe(lost);
        }
        self.waiting.insert(pts, marks);
    }

    /// A picture comes out. Those before it that have not are lost, and what they owed is its.
    pub(crate) fn comes_out(&mut self, pts: i64) -> Marks {
        let later = self.waiting.split_off(&pts.saturating_add(1));
        let passed = std::mem::replace(&mut self.waiting, later);
        let mut marks = Marks::default();
        for (at, said) in passed {
            if at == pts {
                marks = said;
            } else {
                self.owe(said);
            }
        }
        if !marks.decode_only {
            let owed = std::mem::take(&mut self.owed);
            marks.cut |= owed.cut || owed.after_hole || marks.after_hole;
            marks.after_hole |= owed.after_hole;
        }
        marks
    }

    fn owe(&mut self, lost: Marks) {
        if !lost.decode_only {
            self.owed.cut |= lost.cut;
            self.owed.after_hole |= lost.after_hole;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Marks = Marks { cut: false, decode_only: false, after_hole: false };
    const CUT: Marks = Marks { cut: true, ..PLAIN };

    #[test]
    fn marks_come_out_with_their_pictures_in_any_order() {
        let mut pictures = Pictures::default();
        for (pts, marks) in [(0, CUT), (4, PLAIN), (2, CUT), (1, PLAIN), (3, PLAIN)] {
            pictures.goes_in(pts, marks);
        }
        let out: Vec<bool> = (0..5).map(|pts| pictures.comes_out(pts).cut).collect();
        assert_eq!(out, [true, false, true, false, false]);
    }

    #[test]
    fn the_cut_of_a_lost_picture_is_the_next_ones() {
        let mut pictures = Pictures::default();
        for pts in 0..4 {
            pictures.goes_in(pts, if pts == 1 { CUT } else { PLAIN });
        }
        assert!(!pictures.comes_out(0).cut);
        assert!(pictures.comes_out(2).cut);
        assert!(!pictures.comes_out(3).cut);
    }

    #[test]
    fn a_picture_after_a_hole_is_an_idr() {
        let mut pictures = Pictures::default();
        pictures.goes_in(0, Marks { after_hole: true, ..PLAIN });
        assert_eq!(pictures.comes_out(0), Marks { cut: true, after_hole: true, decode_only: false });
    }

    #[test]
    fn what_is_only_decoded_takes_no_cut_away() {
        let mut pictures = Pictures::default();
        pictures.goes_in(0, Marks { decode_only: true, ..CUT });
        pictures.goes_in(1, CUT);
        pictures.goes_in(2, Marks { decode_only: true, ..PLAIN });
        pictures.goes_in(3, PLAIN);
        assert!(pictures.comes_out(0).decode_only);
        assert!(pictures.comes_out(2).decode_only);
        assert!(pictures.comes_out(3).cut);
    }

    #[test]
    fn a_decoder_that_gives_nothing_costs_bounded_memory() {
        let mut pictures = Pictures::default();
        for pts in 0..100_000 {
            pictures.goes_in(pts, if pts == 5 { CUT } else { PLAIN });
        }
        assert_eq!(pictures.waiting.len(), MAX_WAITING);
        assert!(pictures.comes_out(200_000).cut);
        assert!(pictures.waiting.is_empty());
    }
}
