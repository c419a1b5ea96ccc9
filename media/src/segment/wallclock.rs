//! The timeline's time → wall-clock time, for PROGRAM-DATE-TIME.
//!
//! An encoder's clock runs a little fast or slow (50 ppm are a second in six hours), and the network delays frames by
//! a varying amount. The least delayed frame of the last seconds tells best, and never puts a frame after its arrival.

use super::MEDIA_TIME_BASE_MICROS;
use crate::time::WallTime;

/// Two windows of this length are looked at: long enough to see an undelayed frame, short enough to follow a clock's drift.
const WINDOW_MICROS: i64 = 10_000_000;

/// Maps media time to wall-clock time. Promise: no observed frame is mapped after its arrival.
#[derive(Clone, Debug)]
pub struct WallClock {
    origin: WallTime,
    /// Least (arrival - nominal time) of the current and of the previous window, microseconds.
    current: Option<i64>,
    previous: Option<i64>,
    window_began: WallTime,
}

impl WallClock {
    /// `origin` is when media time was [`MEDIA_TIME_BASE_MICROS`].
    #[must_use]
    pub fn new(origin: WallTime) -> Self {
        Self { origin, current: None, previous: None, window_began: origin }
    }

    /// Forgets the delays seen: another connection has others.
    pub fn reset(&mut self) {
        self.current = None;
        self.previous = None;
    }

    /// A frame with this media time arrived.
    pub fn observe(&mut self, media_micros: i64, received: WallTime) {
        let delay = received.micros_since(self.nominal(media_micros));
        if received.micros_since(self.window_began).abs() >= WINDOW_MICROS {
            self.previous = self.current.take();
            self.window_began = received;
        }
        self.current = Some(self.current.map_or(delay, |d| d.min(delay)));
    }

    /// When the frame with this media time was (nearly) sent.
    #[must_use]
    pub fn at(&self, media_micros: i64) -> WallTime {
        let correction = match (self.current, self.previous) {
            (Some(a), Some(b)) => a.min(b),
            (a, b) => a.or(b).unwrap_or(0),
        };
        self.nominal(media_micros).plus_micros(correction)
    }

    fn nominal(&self, media_micros: i64) -> WallTime {
        self.origin.plus_micros(media_micros.saturating_sub(MEDIA_TIME_BASE_MICROS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fast_or_slow_encoder_clock_is_followed_and_nothing_lies_in_the_future() {
        for ppm in [-200, 200] {
            let origin = WallTime::from_micros(1_000_000_000);
            let mut clock = WallClock::new(origin);
            for n in 0..(3600 * 25) {
                let true_micros = n * 40_000;
                let media = MEDIA_TIME_BASE_MICROS + true_micros + true_micros * ppm / 1_000_000;
                let jitter = (n * 7919) % 60_000;
                let received = origin.plus_micros(true_micros + jitter);
                clock.observe(media, received);
                let told = clock.at(media);
                assert!(told <= received, "in the future at {n}");
                assert!(received.micros_since(told) < 70_000, "{} late at {n}", received.micros_since(told));
            }
        }
    }
}
