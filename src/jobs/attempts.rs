//! When a job that failed is tried again. Pure.

use std::time::Duration;

/// After so many attempts a job has failed for good; a person can have it tried again.
pub(super) const MAX_ATTEMPTS: u32 = 5;
/// After the first failure. What passes by itself (a full disk, no memory) takes longer with each that follows.
const FIRST_WAIT: Duration = Duration::from_secs(10);
/// How many times longer each wait is than the one before.
const GROWTH: u32 = 6;

/// The wait after so many attempts have failed: 10 s, 1, 6, 36 minutes; `None`: that was the last.
pub(super) fn wait_after(attempts: u32) -> Option<Duration> {
    let before = attempts.saturating_sub(1);
    (attempts < MAX_ATTEMPTS).then(|| FIRST_WAIT.saturating_mul(GROWTH.saturating_pow(before)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_end() {
        let waits: Vec<_> = (1..=6).map(|n| wait_after(n).map(|wait| wait.as_secs())).collect();
        assert_eq!(waits, [Some(10), Some(60), Some(360), Some(2_160), None, None]);
    }
}
