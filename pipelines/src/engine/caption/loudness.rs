//! How loud a session's sound is: its loudest sample and its mean power, each over a second, for whoever watches over the microphone. Pure.

use super::recogniser::SAMPLE_RATE_HZ;

/// One second.
const WINDOW_SAMPLES: u64 = SAMPLE_RATE_HZ as u64;

/// Measures second after second.
#[derive(Debug, Default)]
pub(super) struct Meter {
    samples: u64,
    peak: u16,
    squares: u64,
}

/// What a second was; 32,768 is the loudest that there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Loudness {
    /// Magnitude of the loudest sample.
    pub(super) peak: u16,
    /// Root of the mean of the squares.
    pub(super) mean: u16,
}

impl Meter {
    /// Takes what comes next; gives what it was when a second is full.
    pub(super) fn hear(&mut self, samples: &[i16]) -> Option<Loudness> {
        for sample in samples {
            let magnitude = sample.unsigned_abs();
            self.peak = self.peak.max(magnitude);
            self.squares = self.squares.saturating_add(u64::from(magnitude).pow(2));
        }
        self.samples += samples.len() as u64;
        if self.samples < WINDOW_SAMPLES {
            return None;
        }
        let Self { samples, peak, squares } = std::mem::take(self);
        Some(Loudness { peak, mean: u16::try_from((squares / samples).isqrt()).unwrap_or(u16::MAX) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_is_told_with_its_loudest_sample_and_its_power() {
        let mut meter = Meter::default();
        let half: Vec<i16> = [12_000, -12_000].repeat(4_000);
        assert_eq!(meter.hear(&half), None);
        let loud = [&half[1..], &[i16::MIN]].concat();
        let told = meter.hear(&loud).unwrap();
        assert_eq!(told.peak, 32_768);
        assert!((12_000..12_010).contains(&told.mean), "{told:?}");
        assert_eq!(meter.hear(&[0; 16_000]), Some(Loudness { peak: 0, mean: 0 }), "nothing of before");
        assert_eq!(meter.hear(&[i16::MIN; 40_000]), Some(Loudness { peak: 32_768, mean: 32_768 }));
    }
}
