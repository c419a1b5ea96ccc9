//! What an engine of speech recognition has to be: a model, shared by all that hear its language, and recognisers, one a session.

use media::caption::word::Confidence;

/// What recognisers are fed with: mono.
pub(crate) const SAMPLE_RATE_HZ: u32 = 16_000;

/// Sound of `samples`, in microseconds.
pub(crate) fn micros(samples: u64) -> i64 {
    i64::try_from(samples.saturating_mul(1_000_000) / u64::from(SAMPLE_RATE_HZ)).unwrap_or(i64::MAX)
}

/// Samples of `micros` (none when negative).
pub(crate) fn samples(micros: i64) -> usize {
    let samples = i128::from(micros.max(0)) * i128::from(SAMPLE_RATE_HZ) / 1_000_000;
    usize::try_from(samples).unwrap_or(usize::MAX)
}

/// A word as a recogniser says it. Times count from the recogniser's first sample, in microseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) text: String,
    pub(crate) start_micros: i64,
    pub(crate) end_micros: i64,
    pub(crate) confidence: Confidence,
}

/// What a recogniser takes the utterance to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// All its words so far.
    SoFar(Vec<Said>),
    /// It has ended; the next words belong to the next.
    Utterance(Vec<Said>),
    /// It is not listening for words at all: nothing is told.
    Nothing,
}

/// All that is known of a language. Shared between threads.
pub(crate) trait Model: Send + Sync {
    /// A recogniser whose first sample is at `from_micros` of media time (which only a script needs to know).
    ///
    /// # Errors
    /// For people: what is wrong with the vocabulary, or with the model.
    fn recogniser(&self, vocabulary: &[String], from_micros: i64) -> Result<Box<dyn Recogniser>, String>;
}

/// Hears one session.
pub(crate) trait Recogniser: Send {
    /// The next sound, up to half a second.
    ///
    /// # Errors
    /// When it can't go on; another recogniser may.
    fn hear(&mut self, samples: &[i16]) -> Result<Heard, String>;

    /// Nothing follows: the words of the utterance that goes on.
    ///
    /// # Errors
    /// As above.
    fn finish(&mut self) -> Result<Vec<Said>, String>;
}
