//! Kaldi by libvosk: small models take 0.3 of a core a session.
//!
//! libvosk believes what it reads: it takes a model that is cut off, and dies by it at the first word. So a model has to hear a moment of
//! silence before it counts as loaded.

use super::recogniser::{Heard, Model, Recogniser, SAMPLE_RATE_HZ, Said};
use super::tuned::Tuned;
use media::caption::word::Confidence;
use std::path::Path;
use vosk::{CompleteResult, DecodingState};

/// What is heard before a model is believed.
const PROBE_SAMPLES: usize = SAMPLE_RATE_HZ as usize / 2;

struct Vosk(vosk::Model);

/// Reads the model in `folder`.
pub(super) fn load(folder: &Path) -> Result<Box<dyn Model>, String> {
    vosk::set_log_level(vosk::LogLevel::Error);
    let here = folder.display();
    if !["am/final.mdl", "final.mdl"].iter().any(|file| folder.join(file).is_file()) {
        return Err(format!("{here} holds no Vosk model: am/final.mdl is missing"));
    }
    let tuned = Tuned::of(folder, &std::env::temp_dir()).unwrap_or_else(|e| {
        tracing::warn!("captions come a second late: no copy of the settings of {here} could be made: {e}");
        None
    });
    let path = tuned.as_ref().map_or(folder, Tuned::path);
    let path = path.to_str().ok_or_else(|| format!("{here} is not UTF-8, which libvosk needs"))?;
    let model = vosk::Model::new(path)
        .ok_or_else(|| format!("libvosk can't read the model in {here} (the log says why): install it again"))?;
    drop(tuned);
    let model = Vosk(model);
    let heard = model.recogniser(&[], 0).and_then(|mut probe| {
        probe.hear(&[0; PROBE_SAMPLES])?;
        probe.finish()
    });
    heard.map_err(|e| format!("the model in {here} is of no use: {e} (the log says more): install it again"))?;
    Ok(Box::new(model))
}

impl Model for Vosk {
    fn recogniser(&self, vocabulary: &[String], _: i64) -> Result<Box<dyn Recogniser>, String> {
        #[expect(clippy::cast_precision_loss, reason = "16,000 is exact")]
        let rate = SAMPLE_RATE_HZ as f32;
        let phrases: Vec<String> = vocabulary.iter().map(|phrase| plain(phrase)).filter(|p| !p.is_empty()).collect();
        let recogniser = if phrases.is_empty() {
            vosk::Recognizer::new(&self.0, rate)
        } else {
            vosk::Recognizer::new_with_grammar(&self.0, rate, &phrases)
        };
        let mut recogniser = recogniser.ok_or("libvosk makes no recogniser of this model and vocabulary")?;
        recogniser.set_words(true);
        recogniser.set_partial_words(true);
        Ok(Box::new(Hearing(recogniser)))
    }
}

/// The crate writes phrases into JSON as they are.
fn plain(phrase: &str) -> String {
    let plain: String = phrase.chars().filter(|c| !c.is_control() && !matches!(c, '"' | '\\')).collect();
    plain.trim().to_owned()
}

struct Hearing(vosk::Recognizer);

impl Recogniser for Hearing {
    fn hear(&mut self, samples: &[i16]) -> Result<Heard, String> {
        match self.0.accept_waveform(samples).map_err(|e| e.to_string())? {
            DecodingState::Running => Ok(Heard::SoFar(said(&self.0.partial_result().partial_result))),
            DecodingState::Finalized => Ok(Heard::Utterance(all(self.0.result()))),
            DecodingState::Failed => Err("libvosk failed on this sound".into()),
        }
    }

    fn finish(&mut self) -> Result<Vec<Said>, String> {
        Ok(all(self.0.final_result()))
    }
}

fn all(result: CompleteResult<'_>) -> Vec<Said> {
    result.single().map(|single| said(&single.result)).unwrap_or_default()
}

fn said(words: &[vosk::Word<'_>]) -> Vec<Said> {
    let said = |w: &vosk::Word<'_>| Said {
        text: w.word.to_owned(),
        start_micros: micros(w.start),
        end_micros: micros(w.end),
        confidence: Confidence::from_ratio(w.conf),
    };
    // What was not understood, and noises, stand in brackets: no words.
    words.iter().filter(|w| !w.word.starts_with(['[', '<'])).map(said).collect()
}

/// Seconds within ten minutes, as libvosk counts them.
#[expect(clippy::cast_possible_truncation, reason = "saturates, and NaN is 0")]
fn micros(seconds: f32) -> i64 {
    (f64::from(seconds) * 1_000_000.0) as i64
}
