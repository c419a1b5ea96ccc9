//! How well a language is heard: whether the engine keeps up with the sound, and how sure it is of its words. Pure but for its metrics.

use super::super::status::{Finding, Level};
use media::caption::language::Language;
use media::caption::word::Hypothesis;
use metrics::{Counter, Gauge, counter, gauge};
use pipelines::captioner::Lost;
use pipelines::message::SessionStats;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The real-time factor is measured over so much sound: less of it swings with every pause.
const MEASURED_MICROS: u64 = 5_000_000;
/// Sound that waits for longer shows: captions come with the sentence after.
const LATE: Duration = Duration::from_secs(5);
/// It is told for so long that sound was dropped: one who looks now and then sees it, and sees when it is over.
const TOLD_FOR: Duration = Duration::from_secs(60);
/// The last words, by which it is judged how sure an engine is: some twenty seconds of speech.
const JUDGED_WORDS: usize = 50;
/// libvosk is sure of nine words of ten (thousandths) when the language is right and the speaker near; of another language, of a third.
const DOUBTFUL: u32 = 500;

/// See the module.
#[derive(Debug)]
pub(super) struct Hearing {
    /// Of the engine that runs.
    counted: SessionStats,
    /// Where its measurement began.
    measured: SessionStats,
    /// What of the session's [`Lost`] is counted.
    lost: Lost,
    /// In all sessions, for want of speed.
    dropped: Duration,
    dropped_at: Option<Instant>,
    factor: Option<f64>,
    /// Of the last words, in thousandths.
    sure: VecDeque<u16>,
    metrics: Metrics,
}

#[derive(Debug)]
struct Metrics {
    dropped: Counter,
    unheard: Counter,
    refused: Counter,
    factor: Gauge,
    confidence: Gauge,
}

impl Hearing {
    pub(super) fn new(slug: &str, language: &Language) -> Self {
        let (slug, tag) = (slug.to_owned(), language.tag().to_owned());
        Self {
            counted: SessionStats::default(),
            measured: SessionStats::default(),
            lost: Lost::default(),
            dropped: Duration::ZERO,
            dropped_at: None,
            factor: None,
            sure: VecDeque::new(),
            metrics: Metrics {
                dropped: counter!("amphi_captions_dropped_microseconds_total", "broadcaster" => slug.clone(), "language" => tag.clone()),
                unheard: counter!("amphi_captions_unheard_microseconds_total", "broadcaster" => slug.clone(), "language" => tag.clone()),
                refused: counter!("amphi_captions_refused_total", "broadcaster" => slug.clone(), "language" => tag.clone()),
                factor: gauge!("amphi_captions_realtime_factor", "broadcaster" => slug.clone(), "language" => tag.clone()),
                confidence: gauge!("amphi_captions_confidence_ratio", "broadcaster" => slug, "language" => tag),
            },
        }
    }

    /// A session begins: what it loses is counted from nothing.
    pub(super) fn session_begins(&mut self) {
        self.lost = Lost::default();
    }

    /// There was no room for a session.
    pub(super) fn refused(&self) {
        self.metrics.refused.increment(1);
    }

    /// An engine begins, or the session has none any more: counts begin anew.
    pub(super) fn engine_begins(&mut self) {
        (self.counted, self.measured, self.factor) = (SessionStats::default(), SessionStats::default(), None);
        self.metrics.factor.set(0.0);
    }

    /// The newest counts of the engine. Gives the cores that it takes when it is known anew.
    pub(super) fn counted(&mut self, stats: SessionStats, now: Instant) -> Option<f64> {
        let more = stats.dropped_micros.saturating_sub(self.counted.dropped_micros);
        self.counted = stats;
        self.dropped(more, now);
        if stats.heard_micros.saturating_sub(self.measured.heard_micros) < MEASURED_MICROS {
            return None;
        }
        let before = std::mem::replace(&mut self.measured, stats);
        self.factor = stats.realtime_factor_since(&before);
        self.metrics.factor.set(self.factor.unwrap_or(0.0));
        stats.cores_since(&before)
    }

    /// What the session has lost so far.
    pub(super) fn lost(&mut self, lost: Lost, now: Instant) {
        let before = std::mem::replace(&mut self.lost, lost);
        self.dropped(lost.dropped_micros.saturating_sub(before.dropped_micros), now);
        self.metrics.unheard.increment(lost.unheard_micros.saturating_sub(before.unheard_micros));
    }

    fn dropped(&mut self, micros: u64, now: Instant) {
        if micros > 0 {
            self.metrics.dropped.increment(micros);
            self.dropped += Duration::from_micros(micros);
            self.dropped_at = Some(now);
        }
    }

    /// What the engine heard: it is judged by what it comes back to no more.
    pub(super) fn heard(&mut self, hypothesis: &Hypothesis) {
        if !hypothesis.is_final() || hypothesis.words().is_empty() {
            return;
        }
        self.sure.extend(hypothesis.words().iter().map(|word| word.confidence().thousandths()));
        let too_many = self.sure.len().saturating_sub(JUDGED_WORDS);
        self.sure.drain(..too_many);
        self.metrics.confidence.set(f64::from(self.mean_thousandths()) / 1_000.0);
    }

    fn mean_thousandths(&self) -> u32 {
        let sum: u32 = self.sure.iter().map(|sure| u32::from(*sure)).sum();
        sum / u32::try_from(self.sure.len().max(1)).unwrap_or(u32::MAX)
    }

    /// What an operator should know of `language`.
    pub(super) fn findings(&self, language: &Language, now: Instant) -> Vec<Finding> {
        let tag = language.tag();
        let pace = self.factor.map_or_else(String::new, |f| format!(" A second of sound takes it {f:.1} s."));
        let mut findings = Vec::new();
        let mut say = |level, code, message| findings.push(Finding { level, code, message });
        if self.dropped_at.is_some_and(|at| now.saturating_duration_since(at) < TOLD_FOR) {
            let message = format!(
                "Captions in {tag} lack {:.1} s of sound: the engine was too slow.{pace} Caption fewer lives or languages at once.",
                self.dropped.as_secs_f64()
            );
            say(Level::Warning, "captions_slow", message);
        } else if Duration::from_micros(self.counted.waiting_micros) > LATE {
            let late = self.counted.waiting_micros / 1_000_000;
            let message = format!(
                "Captions in {tag} come {late} s late: the engine is behind.{pace} If it stays so, caption fewer lives or languages at once."
            );
            say(Level::Warning, "captions_late", message);
        }
        if self.sure.len() >= JUDGED_WORDS && self.mean_thousandths() < DOUBTFUL {
            let message = format!(
                "Captions in {tag} are doubtful: the engine is {} % sure of the last {JUDGED_WORDS} words. Look whether this language is spoken, \
                 and whether the microphone is near and the sound loud enough.",
                self.mean_thousandths() / 10
            );
            say(Level::Notice, "captions_doubtful", message);
        }
        findings
    }
}

impl Drop for Hearing {
    fn drop(&mut self) {
        self.metrics.factor.set(0.0);
        self.metrics.confidence.set(0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use media::caption::word::{Confidence, Word};
    use metrics_exporter_prometheus::PrometheusBuilder;

    fn stats(heard_s: u64, busy_s: u64, waiting_s: u64, dropped_s: u64) -> SessionStats {
        SessionStats {
            heard_micros: heard_s * 1_000_000,
            busy_micros: busy_s * 1_000_000,
            waiting_micros: waiting_s * 1_000_000,
            dropped_micros: dropped_s * 1_000_000,
            ..SessionStats::default()
        }
    }

    fn said(sure: u16, words: usize, is_final: bool) -> Hypothesis {
        let word = Word::new("mot", 0, 1, Confidence::from_thousandths(sure).unwrap()).unwrap();
        Hypothesis::new(vec![word; words], is_final).unwrap()
    }

    fn codes(hearing: &Hearing, language: &Language, now: Instant) -> Vec<&'static str> {
        hearing.findings(language, now).iter().map(|finding| finding.code).collect()
    }

    #[test]
    fn what_engines_drop_one_after_the_other_is_counted_and_told_for_a_minute() {
        let recorder = PrometheusBuilder::new().build_recorder();
        metrics::with_local_recorder(&recorder, || {
            let (language, now) = (Language::new("fr").unwrap(), Instant::now());
            let mut hearing = Hearing::new("hall", &language);
            hearing.session_begins();
            hearing.counted(stats(2, 1, 0, 0), now);
            assert_eq!(codes(&hearing, &language, now), [""; 0]);
            hearing.counted(stats(6, 9, 8, 0), now);
            assert_eq!(codes(&hearing, &language, now), ["captions_late"]);
            assert!(hearing.findings(&language, now)[0].message.contains("takes it 1.5 s"));
            hearing.counted(stats(8, 12, 2, 7), now);
            hearing.engine_begins();
            hearing.counted(stats(1, 1, 0, 2), now);
            hearing.lost(Lost { dropped_micros: 500_000, unheard_micros: 4_000_000 }, now);
            hearing.session_begins();
            hearing.lost(Lost { dropped_micros: 500_000, unheard_micros: 0 }, now);
            let told = hearing.findings(&language, now);
            assert!(told[0].code == "captions_slow" && told[0].message.contains("lack 10.0 s"), "{told:?}");
            assert_eq!(codes(&hearing, &language, now + TOLD_FOR), [""; 0], "it is over");
            let text = recorder.handle().render();
            for line in [
                "amphi_captions_dropped_microseconds_total{broadcaster=\"hall\",language=\"fr\"} 10000000",
                "amphi_captions_unheard_microseconds_total{broadcaster=\"hall\",language=\"fr\"} 4000000",
            ] {
                assert!(text.contains(line), "{text}");
            }
        });
    }

    #[test]
    fn an_engine_that_is_unsure_of_what_it_hears_is_told_of() {
        let language = Language::new("fr").unwrap();
        let mut hearing = Hearing::new("hall", &language);
        let told = |hearing: &Hearing| codes(hearing, &language, Instant::now());
        for _ in 0..9 {
            hearing.heard(&said(300, 5, true));
            hearing.heard(&said(300, 60, false));
        }
        assert_eq!(told(&hearing), [""; 0], "there are too few words to judge by");
        hearing.heard(&said(300, 5, true));
        assert_eq!(told(&hearing), ["captions_doubtful"]);
        hearing.heard(&said(1_000, 20, true));
        assert_eq!(told(&hearing), [""; 0], "580 of 1000");
    }
}
