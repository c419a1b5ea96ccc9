//! When to dial again: a pure schedule that doubles from 1 s to 30 s, spread by a seed.

use std::time::Duration;

/// The first wait: a camera that rebooted its encoder is back within a second or two.
const FIRST_MS: u64 = 1_000;
/// The longest step before jitter. With jitter it is 30 s: a hall that is switched on is on air within half a minute.
const LAST_MS: u64 = 24_000;
/// Jitter adds up to a quarter, so that a hundred pulls that lost the same switch don't come back in step.
const JITTER_DIVISOR: u64 = 4;

/// The schedule. Equal seeds give equal delays.
#[derive(Clone, Debug)]
pub struct Backoff {
    step_ms: u64,
    state: u64,
}

impl Backoff {
    /// A schedule at its first step; `seed` decides the jitter.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { step_ms: FIRST_MS, state: seed }
    }

    /// How long to wait now: 1 s, 2 s, 4 s … 24 s, each plus up to a quarter; never over 30 s.
    pub fn next_delay(&mut self) -> Duration {
        let jitter_ms = self.random() % (self.step_ms / JITTER_DIVISOR + 1);
        let delay = Duration::from_millis(self.step_ms + jitter_ms);
        self.step_ms = (self.step_ms * 2).min(LAST_MS);
        delay
    }

    /// The source has proved itself: the next wait is the first step again.
    pub fn reset(&mut self) {
        self.step_ms = FIRST_MS;
    }

    /// Trying soon can't help (wrong password, wrong codec): the next wait is the longest.
    /// Cameras lock an account after a handful of wrong passwords in a row.
    pub fn give_time(&mut self) {
        self.step_ms = LAST_MS;
    }

    /// `SplitMix64` (Steele, Lea, Flood 2014): spread is all that is asked of it.
    fn random(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steps_double_to_the_cap_and_start_over() {
        for seed in 0..1_000 {
            let mut backoff = Backoff::new(seed);
            for step_s in [1, 2, 4, 8, 16, 24, 24, 24] {
                let step = Duration::from_secs(step_s);
                let delay = backoff.next_delay();
                assert!(delay >= step && delay <= step + step / 4, "seed {seed}: {delay:?} at step {step:?}");
                assert!(delay <= Duration::from_secs(30));
            }
            backoff.reset();
            assert!(backoff.next_delay() <= Duration::from_millis(1_250));
            backoff.give_time();
            assert!(backoff.next_delay() >= Duration::from_secs(24));
        }
    }

    #[test]
    fn equal_seeds_agree_and_different_seeds_spread() {
        let delays = |seed| {
            std::array::from_fn::<_, 6, _>({
                let mut backoff = Backoff::new(seed);
                move |_| backoff.next_delay()
            })
        };
        assert_eq!(delays(7), delays(7));
        let firsts: std::collections::BTreeSet<_> = (0..100).map(|seed| delays(seed)[0]).collect();
        assert!(firsts.len() > 50, "only {} different first delays of 100", firsts.len());
    }
}
