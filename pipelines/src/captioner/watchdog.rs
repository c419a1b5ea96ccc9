//! Whether the captioning engine hangs: silent, in a model, or in a session's recogniser. Told what comes; asked now and then.

use super::Settings;
use crate::child::pulse::Pulse;
use crate::message::{FromCaptioner, SessionStats};
use media::caption::language::Language;
use std::collections::HashMap;
use std::time::Instant;

/// A recogniser is given sound in pieces of 0.1 s: less than this may wait for ever.
const WORTH_HEARING_MICROS: u64 = 500_000;

/// Of one engine.
#[derive(Debug)]
pub(super) struct Watchdog {
    pulse: Pulse,
    /// The model that is being read, which may end the engine.
    loading: Option<Language>,
    /// How much each session has heard, and since when no more.
    heard: HashMap<u32, (u64, Instant)>,
}

impl Watchdog {
    pub(super) fn new(now: Instant) -> Self {
        Self { pulse: Pulse::new(now), loading: None, heard: HashMap::new() }
    }

    /// A message came.
    pub(super) fn heard(&mut self, message: &FromCaptioner, now: Instant) {
        self.pulse.beat(now);
        match message {
            FromCaptioner::Loading { language } => self.loading = Some(language.clone()),
            FromCaptioner::Loaded { .. } | FromCaptioner::Unusable { .. } => self.loading = None,
            FromCaptioner::Ready => self.pulse.ready(now),
            FromCaptioner::Stats(stats) => {
                let before = std::mem::take(&mut self.heard);
                let since = |s: &SessionStats| match before.get(&s.session) {
                    Some((heard, at)) if *heard == s.heard_micros && s.waiting_micros > WORTH_HEARING_MICROS => *at,
                    _ => now,
                };
                self.heard = stats.sessions.iter().map(|s| (s.session, (s.heard_micros, since(s)))).collect();
            }
            _ => {}
        }
    }

    /// The model that the engine was reading last, when it has not said how that went.
    pub(super) fn loading(&self) -> Option<&Language> {
        self.loading.as_ref()
    }

    /// Why the engine must be ended.
    pub(super) fn complaint(&self, settings: &Settings, now: Instant) -> Option<String> {
        let within = if self.loading.is_some() { settings.load_within } else { settings.start_within };
        if let Some(complaint) = self.pulse.complaint(within, settings.silence, now) {
            return Some(match &self.loading {
                Some(language) => format!("the model of {} is not loaded: {complaint}", language.tag()),
                None => complaint,
            });
        }
        let longest = self.heard.values().map(|(_, since)| now.saturating_duration_since(*since)).max()?;
        (longest > settings.no_progress).then(|| format!("sound waits, and none was heard in {longest:?}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::CaptionerStats;
    use std::time::Duration;

    #[test]
    fn slow_models_are_waited_for_and_silence_and_standstill_are_complained_of() {
        let (settings, start) = (Settings::default(), Instant::now());
        let at = |ms| start + Duration::from_millis(ms);
        let french = Language::new("fr").unwrap();
        let mut dog = Watchdog::new(start);
        assert!(dog.complaint(&settings, at(10_100)).is_some(), "it never starts");
        dog.heard(&FromCaptioner::Loading { language: french.clone() }, at(100));
        assert_eq!(dog.complaint(&settings, at(60_000)), None, "a large model");
        assert!(dog.complaint(&settings, at(130_000)).unwrap().contains("model of fr"));
        assert_eq!(dog.loading(), Some(&french));
        dog.heard(&FromCaptioner::Loaded { language: french }, at(60_000));
        assert_eq!(dog.loading(), None);
        dog.heard(&FromCaptioner::Ready, at(60_100));
        assert!(dog.complaint(&settings, at(62_000)).unwrap().contains("silent"));
        let stats = |heard_micros, waiting_micros| {
            let session = SessionStats { session: 1, heard_micros, waiting_micros, ..SessionStats::default() };
            FromCaptioner::Stats(CaptionerStats { sessions: vec![session], ..CaptionerStats::default() })
        };
        for ms in (62_000..100_000u64).step_by(200) {
            dog.heard(&stats(5, 0), at(ms));
            assert_eq!(dog.complaint(&settings, at(ms)), None, "nothing to hear");
        }
        for ms in (100_000..140_000).step_by(200) {
            dog.heard(&stats(ms, 20_000_000), at(ms));
            assert_eq!(dog.complaint(&settings, at(ms)), None, "slow, but it hears");
        }
        for ms in (140_000..155_000).step_by(200) {
            dog.heard(&stats(139_800, 20_000_000), at(ms));
        }
        assert!(dog.complaint(&settings, at(155_000)).unwrap().contains("none was heard"));
    }
}
