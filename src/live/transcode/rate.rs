//! How many pictures a second a source has, by their times. Pure.

use media::segment::boundary::PlacedFrame;
use media::time::Timescale;

/// Measured over so much of decode time (90 kHz): two seconds, in which the milliseconds of RTMP make an error of a thousandth.
const MEASURED_TICKS: i64 = 2 * 90_000;
/// See the module.
#[derive(Debug, Default)]
pub(super) struct Rate {
    /// Decode time of the first picture since the last hole.
    first: Option<i64>,
    pictures: u64,
    measured_milli: Option<u32>,
}

impl Rate {
    /// Another configuration: what was measured is of another source.
    pub(super) fn begin(&mut self) {
        *self = Self::default();
    }

    /// Times do not go on.
    pub(super) fn hole(&mut self) {
        self.first = None;
    }

    /// A picture. True when by it the rate is known.
    pub(super) fn picture(&mut self, frame: &PlacedFrame) -> bool {
        if self.measured_milli.is_some() {
            return false;
        }
        let now = frame.dts.rescale(Timescale::VIDEO).ticks();
        let Some(first) = self.first else {
            (self.first, self.pictures) = (Some(now), 0);
            return false;
        };
        self.pictures += 1;
        let ticks = now - first;
        if ticks < MEASURED_TICKS {
            return false;
        }
        let milli = u128::from(self.pictures) * 90_000_000 / u128::from(ticks.unsigned_abs());
        self.measured_milli = Some(u32::try_from(milli).unwrap_or(u32::MAX));
        true
    }

    /// Pictures per 1,000 s; `None` while it is not known.
    pub(super) fn milli_hz(&self) -> Option<u32> {
        self.measured_milli
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use media::time::{Timestamp, WallTime};
    use media::track::Kind;

    fn picture(micros: i64) -> PlacedFrame {
        let at = Timestamp::from_micros(micros, Timescale::MILLIS);
        let (received, payload) = (WallTime::default(), Bytes::new());
        PlacedFrame { kind: Kind::Video, dts: at, pts: at, keyframe: false, cut: None, received, payload }
    }

    /// Pictures `distance` microseconds apart, until the rate is known.
    fn feed(rate: &mut Rate, distance: i64) -> usize {
        (0..1_000).position(|n| rate.picture(&picture(7_000_000 + n * distance))).unwrap()
    }

    #[test]
    fn two_seconds_without_a_hole_tell_it_once() {
        let mut rate = Rate::default();
        assert_eq!(feed(&mut rate, 20_000), 100);
        assert_eq!(rate.milli_hz(), Some(50_000));
        assert!(!rate.picture(&picture(0)), "it is told once");
        rate.begin();
        assert_eq!(rate.milli_hz(), None);
        assert_eq!(feed(&mut rate, 200_000), 10);
        assert_eq!(rate.milli_hz(), Some(5_000));
        rate.begin();
        rate.picture(&picture(0));
        rate.hole();
        assert_eq!(feed(&mut rate, 40_000), 50);
        assert_eq!(rate.milli_hz(), Some(25_000), "what a hole takes is not counted");
    }
}
