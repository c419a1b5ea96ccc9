//! Whether an engine hangs. Told what comes and goes; asked now and then.

use super::Settings;
use crate::child::pulse::Pulse;
use crate::message::{FromEngine, Stats};
use std::time::Instant;

/// So many may wait inside for ever, when no more follow: a decoder holds back 16 for those that are shown before them (ITU-T H.264 A.3.1),
/// and a few are between it and the encoders.
const PICTURES_INSIDE: u64 = 24;

/// Of one engine.
#[derive(Debug)]
pub(super) struct Watchdog {
    pulse: Pulse,
    progress: Instant,
    stats: Stats,
    sent_since_progress: u64,
}

impl Watchdog {
    pub(super) fn new(now: Instant) -> Self {
        Self { pulse: Pulse::new(now), progress: now, stats: Stats::default(), sent_since_progress: 0 }
    }

    /// A picture was sent.
    pub(super) fn sent(&mut self, now: Instant) {
        if self.sent_since_progress == 0 {
            self.progress = now;
        }
        self.sent_since_progress += 1;
    }

    /// A message came.
    pub(super) fn heard(&mut self, message: &FromEngine, now: Instant) {
        if self.pulse.is_ready() {
            self.pulse.beat(now);
        }
        let progressed = match message {
            FromEngine::Ready { .. } => {
                self.pulse.ready(now);
                true
            }
            FromEngine::Stats(stats) => {
                let further = stats.decoded > self.stats.decoded || stats.encoded > self.stats.encoded;
                self.stats = *stats;
                further
            }
            FromEngine::Frame(_) => true,
            _ => false,
        };
        if progressed {
            self.progress = now;
            self.sent_since_progress = 0;
        }
    }

    /// The server did not take what came: nothing that happened meanwhile is the engine's fault.
    pub(super) fn excuse(&mut self, now: Instant) {
        if self.pulse.is_ready() {
            self.pulse.beat(now);
        }
        self.progress = now;
    }

    /// Why the engine must be ended.
    pub(super) fn complaint(&self, settings: &Settings, now: Instant) -> Option<String> {
        let since = |at: Instant| now.saturating_duration_since(at);
        if let Some(complaint) = self.pulse.complaint(settings.start_within, settings.silence, now) {
            return Some(complaint);
        }
        if !self.pulse.is_ready() {
            return None;
        }
        (self.sent_since_progress > PICTURES_INSIDE && since(self.progress) > settings.no_progress)
            .then(|| format!("{} pictures sent, none decoded in {:?}", self.sent_since_progress, since(self.progress)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoder::Encoder;
    use std::time::Duration;

    #[test]
    fn silence_and_standstill_are_complained_of_and_idleness_is_not() {
        let (settings, start) = (Settings::default(), Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        let mut dog = Watchdog::new(start);
        assert_eq!(dog.complaint(&settings, at(9_000)), None, "it starts");
        assert!(dog.complaint(&settings, at(10_001)).is_some());
        dog.heard(&FromEngine::Ready { session: 0, encoder: Encoder::X264, why: String::new() }, at(100));
        assert_eq!(dog.complaint(&settings, at(1_500)), None);
        assert!(dog.complaint(&settings, at(1_700)).unwrap().contains("silent"));

        let stats = |decoded| FromEngine::Stats(Stats { decoded, ..Stats::default() });
        for ms in (200..20_000).step_by(200) {
            dog.heard(&stats(0), at(ms));
            assert_eq!(dog.complaint(&settings, at(ms)), None, "nothing to do");
        }
        for ms in (20_000..40_000).step_by(40) {
            dog.sent(at(ms));
            dog.heard(&stats(ms), at(ms));
            assert_eq!(dog.complaint(&settings, at(ms)), None, "it works");
        }
        // It still tells its counts, and nothing is done inside: viewers have two seconds.
        for ms in (40_000..41_500).step_by(40) {
            dog.sent(at(ms));
            dog.heard(&stats(39_960), at(ms));
        }
        assert_eq!(dog.complaint(&settings, at(41_400)), None);
        dog.heard(&stats(39_960), at(41_560));
        assert!(dog.complaint(&settings, at(41_560)).unwrap().contains("none decoded"));
        dog.excuse(at(41_560));
        assert_eq!(dog.complaint(&settings, at(41_660)), None);
    }
}
