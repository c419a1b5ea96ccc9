//! Where a recogniser's samples stand in media time. Pure.
//!
//! A recogniser counts samples from its first; media time has gaps, overlaps and a little jitter. Promise: the two are never apart by more
//! than [`TOLERANCE_MICROS`], as silence is put into gaps and what overlaps is left out; where that would be much, hearing begins anew.

use super::recogniser::{micros, samples};

/// Contributions that stamp in milliseconds, and what a resampler holds back, are within this.
pub(super) const TOLERANCE_MICROS: i64 = 40_000;
/// A longer gap is no pause in speech.
pub(super) const MAX_SILENCE_MICROS: i64 = 3_000_000;

/// Of one recogniser.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    origin_micros: i64,
    heard_samples: u64,
}

/// What comes before the next sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Nothing.
    Go,
    /// So many samples of silence.
    Silence(usize),
    /// So many of its samples were heard already.
    Skip(usize),
    /// It is elsewhere: another recogniser begins with it.
    Anew,
}

impl Axis {
    /// The first sample is at `origin_micros`.
    pub(super) fn new(origin_micros: i64) -> Self {
        Self { origin_micros, heard_samples: 0 }
    }

    /// `count` samples were heard.
    pub(super) fn heard(&mut self, count: usize) {
        self.heard_samples += count as u64;
    }

    /// Media time of the next sample.
    pub(super) fn next_micros(&self) -> i64 {
        self.at(micros(self.heard_samples))
    }

    /// Media time of what a recogniser says is at `micros`.
    pub(super) fn at(&self, micros: i64) -> i64 {
        self.origin_micros.saturating_add(micros)
    }

    /// Since the first sample.
    pub(super) fn age_micros(&self) -> i64 {
        micros(self.heard_samples)
    }

    /// Before sound that begins at `start_micros`.
    pub(super) fn place(&self, start_micros: i64) -> Step {
        let ahead = start_micros.saturating_sub(self.next_micros());
        match ahead {
            n if n.saturating_abs() <= TOLERANCE_MICROS => Step::Go,
            n if n.saturating_abs() > MAX_SILENCE_MICROS => Step::Anew,
            n if n > 0 => Step::Silence(samples(n)),
            n => Step::Skip(samples(-n)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_and_media_time_stay_together() {
        let mut axis = Axis::new(10_000_000);
        axis.heard(16_000);
        assert_eq!(axis.next_micros(), 11_000_000);
        assert_eq!(axis.place(11_040_000), Step::Go);
        assert_eq!(axis.place(10_960_000), Step::Go);
        assert_eq!(axis.place(11_500_000), Step::Silence(8_000));
        assert_eq!(axis.place(10_900_000), Step::Skip(1_600));
        assert_eq!(axis.place(14_000_001), Step::Anew);
        assert_eq!(axis.place(7_999_999), Step::Anew);
        assert_eq!(axis.place(i64::MIN), Step::Anew);
        assert_eq!(axis.place(i64::MAX), Step::Anew);
    }

    #[test]
    fn a_slow_drift_is_caught_up_with() {
        let mut axis = Axis::new(0);
        // A clock that is 0.1 % fast: 20 ms of sound for every 20.02 ms.
        for n in 0..100_000i64 {
            let start = n * 20_020;
            if let Step::Silence(count) = axis.place(start) {
                axis.heard(count);
            }
            assert!((axis.next_micros() - start).abs() <= TOLERANCE_MICROS, "{n}");
            axis.heard(320);
        }
    }
}
