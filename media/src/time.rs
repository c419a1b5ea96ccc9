//! Time as types: media time in ticks of a known scale, and wall-clock time in microseconds.
//!
//! Promises: no arithmetic here overflows silently or mixes scales, and nothing here reads a clock.

use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

/// Ticks per second of a media timeline; never zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timescale(NonZeroU32);

impl Timescale {
    /// RTMP and FLV count in milliseconds.
    pub const MILLIS: Self = Self(NonZeroU32::new(1_000).unwrap());
    /// What the timeline is reckoned in.
    pub const MICROS: Self = Self(NonZeroU32::new(1_000_000).unwrap());
    /// Video is kept at 90 kHz (RFC 3551 section 5): every common frame rate and every millisecond is exact in it.
    pub const VIDEO: Self = Self(NonZeroU32::new(90_000).unwrap());

    /// `None` for zero.
    #[must_use]
    pub const fn new(ticks_per_second: u32) -> Option<Self> {
        match NonZeroU32::new(ticks_per_second) {
            Some(n) => Some(Self(n)),
            None => None,
        }
    }

    /// Ticks per second.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0.get()
    }
}

/// A point on (or a distance along) a media timeline. Can be negative: a B-frame's first dts often is.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Timestamp {
    ticks: i64,
    scale: Timescale,
}

impl Timestamp {
    /// `ticks` of `scale`.
    #[must_use]
    pub const fn new(ticks: i64, scale: Timescale) -> Self {
        Self { ticks, scale }
    }

    /// The ticks, in [`Self::scale`].
    #[must_use]
    pub const fn ticks(self) -> i64 {
        self.ticks
    }

    /// What a tick is worth.
    #[must_use]
    pub const fn scale(self) -> Timescale {
        self.scale
    }

    /// The same point in another scale, rounded to the nearest tick; saturates at the ends of `i64`.
    #[must_use]
    pub fn rescale(self, to: Timescale) -> Self {
        if to == self.scale {
            return self;
        }
        let den = i128::from(self.scale.get());
        let num = i128::from(self.ticks) * i128::from(to.get());
        let rounded = (num + if num >= 0 { den / 2 } else { -den / 2 }) / den;
        let ticks = i64::try_from(rounded).unwrap_or(if rounded > 0 { i64::MAX } else { i64::MIN });
        Self { ticks, scale: to }
    }

    /// `self + ticks` (of the same scale); `None` on overflow.
    #[must_use]
    pub fn checked_add_ticks(self, ticks: i64) -> Option<Self> {
        Some(Self { ticks: self.ticks.checked_add(ticks)?, scale: self.scale })
    }

    /// `self - other` in ticks of `self`'s scale; `None` on overflow. `other` is rescaled first.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<i64> {
        self.ticks.checked_sub(other.rescale(self.scale).ticks)
    }

    /// Microseconds, rounded to nearest.
    #[must_use]
    pub fn micros(self) -> i64 {
        self.rescale(Timescale::MICROS).ticks
    }

    /// Milliseconds, rounded to nearest.
    #[must_use]
    pub fn millis(self) -> i64 {
        self.rescale(Timescale::MILLIS).ticks
    }

    /// `micros` as a point in `scale`.
    #[must_use]
    pub fn from_micros(micros: i64, scale: Timescale) -> Self {
        Self::new(micros, Timescale::MICROS).rescale(scale)
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.ticks, self.scale.get())
    }
}

/// Wall-clock time: microseconds since the Unix epoch, UTC. Always handed in by the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct WallTime(i64);

impl WallTime {
    /// From microseconds since the epoch.
    #[must_use]
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since the epoch.
    #[must_use]
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Milliseconds since the epoch, rounded down.
    #[must_use]
    pub const fn millis(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// Later by `micros` (which may be negative); saturates.
    #[must_use]
    pub const fn plus_micros(self, micros: i64) -> Self {
        Self(self.0.saturating_add(micros))
    }

    /// `self - earlier` in microseconds; negative when `earlier` is later. Saturates.
    #[must_use]
    pub const fn micros_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// How long ago `earlier` was; zero when it lies in the future.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.micros_since(earlier)).unwrap_or(0))
    }
}

/// Unwraps a counter of `BITS` bits that runs over (RTMP's 32-bit milliseconds, RTP's 32-bit ticks).
///
/// A step of less than half the range counts as forward, anything else as backward (RFC 1982's rule),
/// so that late frames stay late and a wrap goes on.
#[derive(Clone, Debug, Default)]
pub struct Unwrapper {
    last: Option<i64>,
}

impl Unwrapper {
    /// The 64-bit value nearest to the last one whose low 32 bits are `raw`.
    pub fn unwrap(&mut self, raw: u32) -> i64 {
        let value = match self.last {
            None => i64::from(raw),
            Some(last) => {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "the low 32 bits are meant"
                )]
                let low = last as u32;
                #[expect(clippy::cast_possible_wrap, reason = "a distance modulo 2^32, read as signed")]
                let step = raw.wrapping_sub(low) as i32;
                last.saturating_add(i64::from(step))
            }
        };
        self.last = Some(value);
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rescaling_rounds_to_nearest_in_both_directions() {
        let third = Timestamp::new(1, Timescale::new(3).unwrap());
        assert_eq!(third.rescale(Timescale::MILLIS).ticks(), 333);
        assert_eq!(Timestamp::new(-2, Timescale::new(3).unwrap()).rescale(Timescale::MILLIS).ticks(), -667);
        assert_eq!(Timestamp::new(i64::MAX, Timescale::MILLIS).rescale(Timescale::VIDEO).ticks(), i64::MAX);
    }

    #[test]
    fn subtraction_crosses_scales() {
        let a = Timestamp::new(90_000, Timescale::VIDEO);
        assert_eq!(a.checked_sub(Timestamp::new(500, Timescale::MILLIS)), Some(45_000));
        assert_eq!(Timestamp::new(i64::MIN, Timescale::MILLIS).checked_sub(Timestamp::new(1, Timescale::MILLIS)), None);
    }

    #[test]
    fn a_counter_goes_on_over_its_end_and_back() {
        let mut u = Unwrapper::default();
        assert_eq!(u.unwrap(0xFFFF_FF00), 0xFFFF_FF00);
        assert_eq!(u.unwrap(0x0000_0010), 0x1_0000_0010);
        assert_eq!(u.unwrap(0xFFFF_FFF0), 0xFFFF_FFF0, "a late frame from before the wrap stays before it");
    }
}
