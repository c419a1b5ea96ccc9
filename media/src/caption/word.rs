//! A word with its times, and what an engine thinks it hears.
//!
//! Promises: a [`Word`] is never empty, has no control character and no space that a line could break at, ends no earlier
//! than it begins, and both are times that can be added to without overflow. A [`Hypothesis`] is bounded. Whatever an
//! engine says, it is one of these or an error.

use std::sync::Arc;

/// Longest text of a word, in bytes. The longest words in use (German compounds, chemistry) are below 100.
pub const MAX_WORD_BYTES: usize = 256;
/// Most words of an utterance. Engines close one after 8 to 20 s; people speak at most 10 words a second.
pub const MAX_WORDS: usize = 1024;
/// Times are kept within this: 100 years. A sum of a few of them is far from the end of `i64`.
pub const MAX_MEDIA_MICROS: i64 = 100 * 366 * 86_400 * 1_000_000;
/// A word that an engine says is longer than this is cut: no word is, and it would hold its cue open.
pub const MAX_WORD_MICROS: i64 = 10_000_000;

/// How sure the engine is of a word: thousandths, 0 to 1000. A whole number, so that what is kept compares equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Confidence(u16);

impl Confidence {
    /// Certain; also for engines that do not say.
    pub const FULL: Self = Self(1000);

    /// From 0.0 to 1.0; what lies outside is brought in, and what is not a number is 0.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within 0 to 1000")]
    pub fn from_ratio(ratio: f32) -> Self {
        if ratio.is_nan() { Self(0) } else { Self((ratio.clamp(0.0, 1.0) * 1000.0).round() as u16) }
    }

    /// `None` above 1000.
    #[must_use]
    pub fn from_thousandths(thousandths: u16) -> Option<Self> {
        (thousandths <= 1000).then_some(Self(thousandths))
    }

    /// 0 to 1000.
    #[must_use]
    pub fn thousandths(self) -> u16 {
        self.0
    }
}

/// One word as it was heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    text: Arc<str>,
    start_micros: i64,
    end_micros: i64,
    confidence: Confidence,
}

/// Why something is no word or no hypothesis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WordError {
    /// Nothing is left of it without spaces and control characters.
    #[error("a word without text")]
    Empty,
    /// More than [`MAX_WORD_BYTES`].
    #[error("a word of {0} bytes, {MAX_WORD_BYTES} are allowed")]
    TooLong(usize),
    /// More than [`MAX_WORDS`].
    #[error("an utterance of {0} words, {MAX_WORDS} are allowed: the engine does not end its utterances")]
    TooMany(usize),
}

impl Word {
    /// Spaces around it and control characters are removed; a space inside (some engines join "New York") becomes one
    /// that does not break. Times are brought within 0 and [`MAX_MEDIA_MICROS`], and the end after the start, by at most
    /// [`MAX_WORD_MICROS`].
    ///
    /// # Errors
    /// When nothing is left, or it is too long.
    pub fn new(text: &str, start_micros: i64, end_micros: i64, confidence: Confidence) -> Result<Self, WordError> {
        if text.len() > MAX_WORD_BYTES {
            return Err(WordError::TooLong(text.len()));
        }
        let cleaned = text.trim().chars().filter(|c| !c.is_control() && !is_invisible(*c));
        let mut cleaned: String = cleaned.map(|c| if c.is_whitespace() { '\u{a0}' } else { c }).collect();
        // What stood between a control character and the text.
        if cleaned.starts_with('\u{a0}') || cleaned.ends_with('\u{a0}') {
            cleaned = cleaned.trim().to_owned();
        }
        if cleaned.is_empty() {
            return Err(WordError::Empty);
        }
        // A no-break space is a byte longer than the space it replaces.
        if cleaned.len() > MAX_WORD_BYTES {
            return Err(WordError::TooLong(cleaned.len()));
        }
        let start_micros = start_micros.clamp(0, MAX_MEDIA_MICROS - MAX_WORD_MICROS);
        let end_micros = end_micros.clamp(start_micros, start_micros + MAX_WORD_MICROS);
        Ok(Self { text: cleaned.into(), start_micros, end_micros, confidence })
    }

    /// As the engine wrote it.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// When it begins, media time in microseconds.
    #[must_use]
    pub fn start_micros(&self) -> i64 {
        self.start_micros
    }

    /// When it ends; not before its start.
    #[must_use]
    pub fn end_micros(&self) -> i64 {
        self.end_micros
    }

    /// How sure the engine is.
    #[must_use]
    pub fn confidence(&self) -> Confidence {
        self.confidence
    }

    /// The same word within `from_micros..=until_micros`; `from_micros` wins when they cross.
    #[must_use]
    pub fn within(&self, from_micros: i64, until_micros: i64) -> Self {
        let mut word = self.clone();
        let until = until_micros.max(from_micros);
        word.start_micros = word.start_micros.clamp(from_micros, until);
        word.end_micros = word.end_micros.clamp(word.start_micros, until);
        word
    }
}

/// Characters that take no part in text but in its order or its lines: line and paragraph separators, and the controls of
/// direction, which would reach beyond the word.
pub(super) fn is_invisible(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// What an engine takes an utterance to be, so far or for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hypothesis {
    words: Vec<Word>,
    is_final: bool,
}

impl Hypothesis {
    /// All words of the utterance up to now, in order. `is_final`: the engine will not come back to this utterance.
    ///
    /// # Errors
    /// When there are more than [`MAX_WORDS`].
    pub fn new(words: Vec<Word>, is_final: bool) -> Result<Self, WordError> {
        if words.len() > MAX_WORDS {
            return Err(WordError::TooMany(words.len()));
        }
        Ok(Self { words, is_final })
    }

    /// In order.
    #[must_use]
    pub fn words(&self) -> &[Word] {
        &self.words
    }

    /// The engine's last word on this utterance.
    #[must_use]
    pub fn is_final(&self) -> bool {
        self.is_final
    }
}

/// A change of a transcript: at word `at`, `removed` words go and `words` come. A new word is a splice at the end.
///
/// Everything that happens to a transcript is a sequence of these; who applies all in order has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Splice {
    /// Words of the transcript before the change.
    pub at: u64,
    /// How many words go.
    pub removed: u32,
    /// What comes in their place; at most [`MAX_WORDS`].
    pub words: Vec<Word>,
}

impl Splice {
    /// Makes the change. False, and nothing changed, when it does not fit: it reaches beyond the end, or further back than
    /// an utterance can.
    #[must_use]
    pub fn apply(&self, transcript: &mut Vec<Word>) -> bool {
        let (Ok(at), Ok(removed)) = (usize::try_from(self.at), usize::try_from(self.removed)) else { return false };
        let Some(end) = at.checked_add(removed).filter(|end| *end <= transcript.len()) else { return false };
        if transcript.len() - at > MAX_WORDS {
            return false;
        }
        transcript.splice(at..end, self.words.iter().cloned());
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_engine_says_is_made_a_word_or_refused() {
        let word = |text: &str| Word::new(text, 0, 1, Confidence::FULL).map(|w| w.text().to_owned());
        assert_eq!(word("  salut\n").unwrap(), "salut");
        assert_eq!(word("New\tYork\u{7}").unwrap(), "NewYork");
        assert_eq!(word("New York\u{202e}").unwrap(), "New\u{a0}York");
        assert_eq!(word("\u{7} \u{1b}"), Err(WordError::Empty));
        assert_eq!(word("서울").unwrap(), "서울");
        assert_eq!(word(&"x".repeat(257)), Err(WordError::TooLong(257)));
        assert_eq!(word(&format!("{}x", "x ".repeat(127))), Err(WordError::TooLong(382)));
    }

    #[test]
    fn times_are_brought_into_order() {
        let w = Word::new("a", 5, 3, Confidence::FULL).unwrap();
        assert_eq!((w.start_micros(), w.end_micros()), (5, 5));
        let w = Word::new("a", i64::MAX, i64::MAX, Confidence::FULL).unwrap();
        assert_eq!((w.start_micros(), w.end_micros()), (MAX_MEDIA_MICROS - MAX_WORD_MICROS, MAX_MEDIA_MICROS));
        let w = Word::new("a", i64::MIN, i64::MAX, Confidence::FULL).unwrap();
        assert_eq!((w.start_micros(), w.end_micros()), (0, MAX_WORD_MICROS));
        let moved = Word::new("a", 10, 30, Confidence::FULL).unwrap().within(20, 15);
        assert_eq!((moved.start_micros(), moved.end_micros()), (20, 20));
    }

    #[test]
    fn confidence_is_between_nothing_and_certain() {
        assert_eq!(Confidence::from_ratio(f32::NAN).thousandths(), 0);
        assert_eq!(Confidence::from_ratio(7.0), Confidence::FULL);
        assert_eq!(Confidence::from_ratio(0.1234).thousandths(), 123);
        assert_eq!(Confidence::from_thousandths(1001), None);
    }

    #[test]
    fn a_splice_that_does_not_fit_changes_nothing() {
        let word = Word::new("a", 0, 1, Confidence::FULL).unwrap();
        let mut transcript = vec![word.clone(); MAX_WORDS + 1];
        for (at, removed) in [(0, 1), (1025, 1), (u64::MAX, 0), (1, u32::MAX)] {
            assert!(!Splice { at, removed, words: vec![word.clone()] }.apply(&mut transcript), "{at} {removed}");
            assert_eq!(transcript.len(), MAX_WORDS + 1);
        }
        assert!(Splice { at: 1, removed: 1024, words: vec![] }.apply(&mut transcript));
        assert_eq!(transcript.len(), 1);
    }
}
