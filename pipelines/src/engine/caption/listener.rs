//! From sound with media time to hypotheses with media time, by one recogniser after the other. No thread, no clock.
//!
//! Promises: a recogniser hears sound without holes (gaps are silence); every utterance that was begun is concluded by a final hypothesis,
//! also when a recogniser fails or another one goes on; a panic in a recogniser is a failure of it and of nothing else.

use super::axis::{Axis, Step};
use super::queue::Piece;
use super::recogniser::{Heard, Model, Recogniser, SAMPLE_RATE_HZ, Said, micros};
use media::caption::word::{Hypothesis, MAX_WORDS, Word};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// Kaldi's count of time drifts in long sessions, and its adaptation to the voice only grows: then another recogniser goes on, where an
/// utterance has ended (`speech.md` section 2, alphacep/vosk-api#747).
const OLD_MICROS: i64 = 600_000_000;
/// Models end an utterance after 8 to 20 s of fluent speech. One that does not is made to.
const LONGEST_UTTERANCE_MICROS: i64 = 60_000_000;
/// Silence is heard in pieces, as sound is.
const PIECE_SAMPLES: usize = SAMPLE_RATE_HZ as usize / 10;
/// Recognisers that fail one after the other, no utterance between.
const MAX_FAILURES: u32 = 3;

/// What is said, and up to where was heard (media time, microseconds).
pub(super) type Tell<'a> = &'a mut dyn FnMut(Hypothesis, i64);

/// Of one session.
pub(super) struct Listener {
    model: Arc<dyn Model>,
    vocabulary: Vec<String>,
    hearing: Option<Hearing>,
    failures: u32,
    /// Sound that was heard, with the silence in gaps.
    heard_samples: u64,
}

struct Hearing {
    recogniser: Box<dyn Recogniser>,
    axis: Axis,
    utterance_samples: u64,
    /// The utterance, as far as it is known.
    words: Vec<Word>,
}

impl Listener {
    pub(super) fn new(model: Arc<dyn Model>, vocabulary: Vec<String>) -> Self {
        Self { model, vocabulary, hearing: None, failures: 0, heard_samples: 0 }
    }

    /// Whether a recogniser can be had of this vocabulary, so that a wrong one is told at once.
    ///
    /// # Errors
    /// For people.
    pub(super) fn try_out(&self) -> Result<(), String> {
        if self.vocabulary.is_empty() {
            // The model was tried out when it was loaded.
            return Ok(());
        }
        guarded(|| self.model.recogniser(&self.vocabulary, 0)).map(drop)
    }

    pub(super) fn heard_samples(&self) -> u64 {
        self.heard_samples
    }

    /// Up to where was heard; `None` when no recogniser hears.
    pub(super) fn heard_until_micros(&self) -> Option<i64> {
        self.hearing.as_ref().map(|h| h.axis.next_micros())
    }

    /// The next sound.
    ///
    /// # Errors
    /// When recognisers fail again and again.
    pub(super) fn hear(&mut self, piece: &Piece, tell: Tell<'_>) -> Result<(), String> {
        let step = self.hearing.as_ref().map_or(Step::Anew, |h| h.axis.place(piece.start_micros));
        let mut samples = piece.samples.as_slice();
        let mut start_micros = piece.start_micros;
        match step {
            Step::Go => {}
            Step::Silence(mut missing) => {
                let silence = [0; PIECE_SAMPLES];
                while missing > 0 {
                    let now = missing.min(PIECE_SAMPLES);
                    self.feed(&silence[..now], start_micros, tell)?;
                    missing -= now;
                }
            }
            Step::Skip(heard) => {
                let heard = heard.min(samples.len());
                samples = &samples[heard..];
                start_micros = start_micros.saturating_add(micros(heard as u64));
            }
            Step::Anew => self.conclude(tell),
        }
        if samples.is_empty() { Ok(()) } else { self.feed(samples, start_micros, tell) }
    }

    /// Nothing follows for a while, or for ever: what was said stands.
    pub(super) fn conclude(&mut self, tell: Tell<'_>) {
        let Some(mut hearing) = self.hearing.take() else { return };
        let words = match guarded(|| hearing.recogniser.finish()) {
            Ok(said) => hearing.words(&said),
            Err(e) => {
                tracing::warn!("at the end of an utterance: {e}");
                std::mem::take(&mut hearing.words)
            }
        };
        hearing.tell(words, true, tell);
    }

    fn feed(&mut self, samples: &[i16], start_micros: i64, tell: Tell<'_>) -> Result<(), String> {
        let mut hearing = match self.hearing.take() {
            Some(hearing) => hearing,
            None => Hearing {
                recogniser: guarded(|| self.model.recogniser(&self.vocabulary, start_micros))?,
                axis: Axis::new(start_micros),
                utterance_samples: 0,
                words: Vec::new(),
            },
        };
        let heard = guarded(|| hearing.recogniser.hear(samples));
        hearing.axis.heard(samples.len());
        hearing.utterance_samples += samples.len() as u64;
        self.heard_samples += samples.len() as u64;
        match heard {
            Ok(Heard::Nothing) => self.hearing = Some(hearing),
            Ok(Heard::SoFar(said)) => {
                let words = hearing.words(&said);
                hearing.words.clone_from(&words);
                hearing.tell(words, false, tell);
                let too_long = micros(hearing.utterance_samples) > LONGEST_UTTERANCE_MICROS && !said.is_empty();
                self.hearing = Some(hearing);
                if too_long {
                    self.conclude(tell);
                }
            }
            Ok(Heard::Utterance(said)) => {
                self.failures = 0;
                let words = hearing.words(&said);
                hearing.tell(words, true, tell);
                hearing.words.clear();
                hearing.utterance_samples = 0;
                // Else another one begins with the next sound.
                self.hearing = (hearing.axis.age_micros() < OLD_MICROS).then_some(hearing);
            }
            Err(e) => {
                let words = std::mem::take(&mut hearing.words);
                hearing.tell(words, true, tell);
                self.failures += 1;
                tracing::warn!("a recogniser failed: {e}");
                if self.failures >= MAX_FAILURES {
                    return Err(e);
                }
            }
        }
        Ok(())
    }
}

impl Hearing {
    /// In media time; what is no word is left out.
    fn words(&self, said: &[Said]) -> Vec<Word> {
        let word =
            |s: &Said| Word::new(&s.text, self.axis.at(s.start_micros), self.axis.at(s.end_micros), s.confidence).ok();
        said.iter().filter_map(word).take(MAX_WORDS).collect()
    }

    fn tell(&self, words: Vec<Word>, is_final: bool, tell: Tell<'_>) {
        if let Ok(hypothesis) = Hypothesis::new(words, is_final) {
            tell(hypothesis, self.axis.next_micros());
        }
    }
}

/// What libvosk's crate did not think of, it panics at.
fn guarded<T>(act: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(act)).unwrap_or_else(|_| Err("it panicked (the log says where)".into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use media::caption::word::Confidence;

    /// Says a word for every second of sound, and ends an utterance after five.
    struct Counting {
        fails_at: Option<u64>,
    }

    struct Counter {
        heard: u64,
        utterance: u64,
        fails_at: Option<u64>,
    }

    impl Model for Counting {
        fn recogniser(&self, _: &[String], _: i64) -> Result<Box<dyn Recogniser>, String> {
            Ok(Box::new(Counter { heard: 0, utterance: 0, fails_at: self.fails_at }))
        }
    }

    impl Counter {
        fn said(&self) -> Vec<Said> {
            let word = |n: u64| Said {
                text: format!("w{n}"),
                start_micros: micros(n * 16_000),
                end_micros: micros(n * 16_000 + 8_000),
                confidence: Confidence::FULL,
            };
            (self.utterance..self.heard / 16_000).map(word).collect()
        }
    }

    impl Recogniser for Counter {
        fn hear(&mut self, samples: &[i16]) -> Result<Heard, String> {
            self.heard += samples.len() as u64;
            assert!(self.fails_at.is_none_or(|at| self.heard < at), "as libvosk's crate does");
            let said = self.said();
            if said.len() < 5 {
                return Ok(Heard::SoFar(said));
            }
            self.utterance += 5;
            Ok(Heard::Utterance(said))
        }

        fn finish(&mut self) -> Result<Vec<Said>, String> {
            Ok(self.said())
        }
    }

    fn piece(start_ms: i64, ms: usize) -> Piece {
        Piece { start_micros: start_ms * 1_000, samples: vec![1; ms * 16] }
    }

    /// Texts and starts (ms) of the finals, and up to where was heard (ms).
    #[derive(Default)]
    struct Finals(Vec<(Vec<(String, i64)>, i64)>);

    impl Finals {
        fn tell(&mut self) -> impl FnMut(Hypothesis, i64) {
            |hypothesis, until| {
                if hypothesis.is_final() {
                    let words = hypothesis.words().iter().map(|w| (w.text().to_owned(), w.start_micros() / 1_000));
                    self.0.push((words.collect(), until / 1_000));
                }
            }
        }
    }

    #[test]
    fn words_stand_in_media_time_also_after_gaps_overlaps_and_jumps() {
        let mut listener = Listener::new(Arc::new(Counting { fails_at: None }), vec![]);
        let mut finals = Finals::default();
        for n in 0..20 {
            listener.hear(&piece(10_000 + n * 100, 100), &mut finals.tell()).unwrap();
        }
        // Two seconds are missing, then what came is said again in part.
        for n in 40..51 {
            listener.hear(&piece(10_000 + n * 100, 100), &mut finals.tell()).unwrap();
        }
        listener.hear(&piece(15_000, 200), &mut finals.tell()).unwrap();
        assert_eq!(listener.heard_until_micros(), Some(15_200_000));
        let words = |from: i64, range: std::ops::Range<i64>| {
            range.map(|n| (format!("w{n}"), from + n * 1_000)).collect::<Vec<_>>()
        };
        assert_eq!(finals.0, [(words(10_000, 0..5), 15_000)]);
        // A jump concludes and begins anew.
        for n in 0..11 {
            listener.hear(&piece(100_000 + n * 100, 100), &mut finals.tell()).unwrap();
        }
        listener.conclude(&mut finals.tell());
        listener.conclude(&mut finals.tell());
        assert_eq!(finals.0[1..], [(vec![], 15_200), (words(100_000, 0..1), 101_100)]);
    }

    #[test]
    fn a_recogniser_that_panics_is_replaced_and_its_words_stand() {
        let mut listener = Listener::new(Arc::new(Counting { fails_at: Some(32_000) }), vec![]);
        let mut finals = Finals::default();
        let mut results = Vec::new();
        for n in 0..60 {
            results.push(listener.hear(&piece(10_000 + n * 100, 100), &mut finals.tell()).is_ok());
        }
        assert_eq!(results.iter().position(|ok| !ok), Some(59), "the third failure without an utterance is the last");
        let starts: Vec<_> = finals.0.iter().map(|(words, _)| words[0].1).collect();
        assert_eq!(starts, [10_000, 12_000, 14_000]);
    }

    #[test]
    fn after_ten_minutes_another_recogniser_goes_on_where_an_utterance_ended() {
        let mut listener = Listener::new(Arc::new(Counting { fails_at: None }), vec![]);
        let mut finals = Finals::default();
        for n in 0..6_100 {
            listener.hear(&piece(10_000 + n * 100, 100), &mut finals.tell()).unwrap();
        }
        assert_eq!(listener.hearing.as_ref().unwrap().axis.age_micros(), 10_000_000);
        assert_eq!(finals.0.len(), 122);
        let starts: Vec<_> = finals.0.iter().map(|(words, _)| words[0].1).collect();
        assert!(starts.windows(2).all(|w| w[1] - w[0] == 5_000), "no word is lost or moved");
    }
}
