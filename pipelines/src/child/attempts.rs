//! When an engine that ended is started again, and when that is given up.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Failures one after the other, none of which got anything done.
const MAX_FRUITLESS: u32 = 6;
/// Failures within [`WINDOW`], whatever was done between: a stream that kills an engine every few seconds only wastes the machine.
const MAX_IN_WINDOW: usize = 60;
const WINDOW: Duration = Duration::from_secs(300);
/// The second wait; it doubles from there.
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(8);

/// What follows a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    RetryIn(Duration),
    GiveUp,
}

/// The failures so far.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    fruitless: u32,
    recent: VecDeque<Instant>,
}

impl Attempts {
    /// An engine failed. `fruitful`: it had made something.
    pub(crate) fn failed(&mut self, now: Instant, fruitful: bool) -> Next {
        self.fruitless = if fruitful { 0 } else { self.fruitless + 1 };
        self.recent.push_back(now);
        while self.recent.front().is_some_and(|at| now.saturating_duration_since(*at) > WINDOW) {
            self.recent.pop_front();
        }
        if self.fruitless >= MAX_FRUITLESS || self.recent.len() > MAX_IN_WINDOW {
            return Next::GiveUp;
        }
        // The first failure costs no wait: viewers are watching.
        let doublings = self.fruitless.saturating_sub(2).min(8);
        let wait = if self.fruitless < 2 { Duration::ZERO } else { (FIRST_WAIT * (1 << doublings)).min(LONGEST_WAIT) };
        Next::RetryIn(wait)
    }

    /// Failures in a row that got nothing done.
    pub(crate) fn fruitless(&self) -> u32 {
        self.fruitless
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fruitless_failures_wait_longer_and_are_given_up() {
        let (mut attempts, now) = (Attempts::default(), Instant::now());
        let waits: Vec<_> = (0..6).map(|_| attempts.failed(now, false)).collect();
        let ms = |ms| Next::RetryIn(Duration::from_millis(ms));
        assert_eq!(waits, [ms(0), ms(250), ms(500), ms(1000), ms(2000), Next::GiveUp]);
    }

    #[test]
    fn an_engine_that_works_between_its_failures_is_always_brought_back_at_once() {
        let (mut attempts, start) = (Attempts::default(), Instant::now());
        for n in 0..1000 {
            let next = attempts.failed(start + Duration::from_secs(n * 6), true);
            assert_eq!(next, Next::RetryIn(Duration::ZERO), "{n}");
        }
    }

    #[test]
    fn an_engine_that_fails_every_other_second_is_given_up() {
        let (mut attempts, start) = (Attempts::default(), Instant::now());
        let given_up = (0..200).find(|n| attempts.failed(start + Duration::from_secs(*n * 2), true) == Next::GiveUp);
        assert_eq!(given_up, Some(60));
    }
}
