//! How many bits a second a rendition takes, as the multivariant playlist tells it (RFC 8216bis section 4.4.6.2): measured over what is
//! listed. Gaps are left out, as nobody fetches them.

use super::iframes;
use super::playlist::Snapshot;

/// What is shorter says nothing of the peak: stubs before a drop, keyframes right after others. Microseconds.
const LEAST_MICROS: i64 = 500_000;
/// How much more than what was ordered an encoder's segment of two seconds may be, with its boxes: percent.
const ABOVE_ORDER_PERCENT: u64 = 10;

/// Bits per second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BitRates {
    /// Over all of it: AVERAGE-BANDWIDTH.
    pub average_bps: u64,
    /// The largest of its pieces: BANDWIDTH. Never below the average.
    pub peak_bps: u64,
}

/// What a version of a playlist takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rates {
    whole: BitRates,
    keyframes: BitRates,
}

impl BitRates {
    /// Of pieces: bytes, and for how many microseconds they last.
    fn of(pieces: impl IntoIterator<Item = (u64, i64)>) -> Self {
        let (mut bytes, mut micros, mut peak) = (0u64, 0u64, 0u64);
        for (size, lasts) in pieces {
            let length = u64::try_from(lasts).unwrap_or(0);
            bytes += size;
            micros += length;
            if lasts >= LEAST_MICROS {
                peak = peak.max(size * 8_000_000 / length);
            }
        }
        let average = (bytes * 8_000_000).checked_div(micros).unwrap_or(0);
        Self { average_bps: average, peak_bps: peak.max(average) }
    }

    /// Of something that goes on, for which `ordered_bps` was ordered of an encoder: what was easy so far may become that much at any time.
    #[must_use]
    pub fn expecting(self, ordered_bps: u64) -> Self {
        Self { peak_bps: self.peak_bps.max(ordered_bps + ordered_bps * ABOVE_ORDER_PERCENT / 100), ..self }
    }

    /// Of both together.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self { average_bps: self.average_bps + other.average_bps, peak_bps: self.peak_bps + other.peak_bps }
    }
}

impl Snapshot {
    /// What its segments take; before the first one is finished, what its parts take.
    #[must_use]
    pub fn bit_rates(&self) -> BitRates {
        self.rates().whole
    }

    /// What its I-frame playlist takes; before that lists anything, as much as all.
    #[must_use]
    pub fn keyframe_bit_rates(&self) -> BitRates {
        self.rates().keyframes
    }

    /// Reckoned once per version, as they take a look at every segment.
    fn rates(&self) -> &Rates {
        self.rates.get_or_init(|| {
            let shown = self.segments().filter(|s| !s.is_gap());
            let mut whole = BitRates::of(shown.map(|s| (u64::from(s.bytes), s.duration_micros)));
            if whole.average_bps == 0 {
                let parts = self.open.iter().flat_map(|o| &o.parts);
                let (bytes, micros) = parts.fold((0, 0), |(b, t), p| (b + p.bytes.len() as u64, t + p.duration_micros));
                whole = BitRates::of([(bytes, micros)]);
            }
            let until = self.ended.then(|| self.end_micros());
            let listed = iframes::sizes(self.segments(), until, self.header.target_duration_s);
            Rates { whole, keyframes: if listed.is_empty() { whole } else { BitRates::of(listed) } }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_of_the_largest_piece_and_stubs_count_for_the_average_only() {
        let told = BitRates::of([(250_000, 2_000_000), (500_000, 2_000_000), (100_000, 40_000)]);
        assert_eq!(told, BitRates { average_bps: 1_683_168, peak_bps: 2_000_000 });
        assert_eq!(BitRates::of([]), BitRates::default());
        let stub = BitRates::of([(1_000, 40_000)]);
        assert_eq!(stub, BitRates { average_bps: 200_000, peak_bps: 200_000 }, "alone it is all there is");
    }

    #[test]
    fn what_was_ordered_is_expected_and_what_was_measured_is_believed() {
        let still = BitRates { average_bps: 80_000, peak_bps: 90_000 };
        assert_eq!(still.expecting(1_000_000), BitRates { average_bps: 80_000, peak_bps: 1_100_000 });
        let lively = BitRates { average_bps: 1_000_000, peak_bps: 1_300_000 };
        assert_eq!(lively.expecting(1_000_000), lively);
        assert_eq!(still.expecting(0), still);
    }
}
