//! The names of an event, as they are written: "lille" is Lille, "big blue button" is BigBlueButton.
//!
//! Whole words and phrases, whatever their case, the longest first. Bounded, and as fast for a thousand names as for one.

use super::language::split_elision;
use std::collections::HashMap;

/// Most entries; a course's vocabulary is some hundreds.
pub const MAX_ENTRIES: usize = 5_000;
/// Most words of a phrase.
pub const MAX_PHRASE_WORDS: usize = 8;
/// Longest written form, in bytes: a name, not a sentence.
pub const MAX_WRITTEN_BYTES: usize = 200;

/// Spoken words → how they are written.
#[derive(Clone, Debug, Default)]
pub struct Glossary {
    /// By the first spoken word in lower case; the longest phrases first.
    by_first: HashMap<String, Vec<Entry>>,
}

#[derive(Clone, Debug)]
struct Entry {
    spoken: Vec<String>,
    written: Vec<String>,
}

/// Why a glossary was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GlossaryError {
    /// More than [`MAX_ENTRIES`].
    #[error("the glossary has more than {MAX_ENTRIES} entries")]
    TooMany,
    /// Nothing spoken or nothing written, more than [`MAX_PHRASE_WORDS`] words, or more than [`MAX_WRITTEN_BYTES`].
    #[error("glossary entry {0:?}: 1 to {MAX_PHRASE_WORDS} words, written in at most {MAX_WRITTEN_BYTES} bytes")]
    Entry(String),
}

impl Glossary {
    /// From pairs of spoken and written form. The last of two entries for the same words counts.
    ///
    /// # Errors
    /// When there are too many, or one is empty or too long.
    pub fn new<'a>(entries: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, GlossaryError> {
        let mut by_first: HashMap<String, Vec<Entry>> = HashMap::new();
        for (count, (spoken, written)) in entries.into_iter().enumerate() {
            if count >= MAX_ENTRIES {
                return Err(GlossaryError::TooMany);
            }
            let refused = || GlossaryError::Entry(spoken.chars().take(MAX_WRITTEN_BYTES).collect());
            if spoken.len() > MAX_WRITTEN_BYTES || written.len() > MAX_WRITTEN_BYTES {
                return Err(refused());
            }
            let spoken_words: Vec<String> = spoken.split_whitespace().map(str::to_lowercase).collect();
            let written: String = written.chars().filter(|c| !c.is_control() || c.is_whitespace()).collect();
            let written: Vec<String> = written.split_whitespace().map(str::to_owned).collect();
            if written.is_empty() || spoken_words.len() > MAX_PHRASE_WORDS {
                return Err(refused());
            }
            if spoken_words.is_empty() {
                return Err(refused());
            }
            // French captions have elisions as words of their own, others don't.
            let split = |word: &String| match split_elision(word) {
                Some((elision, rest)) => vec![elision.to_owned(), rest.to_owned()],
                None => vec![word.clone()],
            };
            let elided: Vec<String> = spoken_words.iter().flat_map(split).collect();
            for spoken in [elided, spoken_words] {
                let same_first = by_first.entry(spoken.first().cloned().unwrap_or_default()).or_default();
                same_first.retain(|e| e.spoken != spoken);
                same_first.push(Entry { spoken, written: written.clone() });
            }
        }
        for entries in by_first.values_mut() {
            entries.sort_by_key(|e| std::cmp::Reverse(e.spoken.len()));
        }
        Ok(Self { by_first })
    }

    /// From names as they are written; they are spoken as they are written.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn of_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, GlossaryError> {
        Self::new(names.into_iter().map(|name| (name, name)))
    }

    /// The longest phrase that `spoken` begins with: how many words it has, and how it is written, word by word.
    #[must_use]
    pub fn find<'a, S: AsRef<str>>(&'a self, spoken: &[S]) -> Option<(usize, &'a [String])> {
        let first = spoken.first()?.as_ref().to_lowercase();
        let fits = |e: &&Entry| {
            e.spoken.len() <= spoken.len()
                && e.spoken.iter().zip(spoken).all(|(a, b)| *a == *b.as_ref() || *a == b.as_ref().to_lowercase())
        };
        let entry = self.by_first.get(&first)?.iter().find(fits)?;
        Some((entry.spoken.len(), &entry.written))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_phrase_wins_and_only_whole_words_count() {
        let g = Glossary::new([("lille", "Lille"), ("lille trois", "Lille 3"), ("bbb", "BigBlueButton")]).unwrap();
        let find = |words: &str| {
            let words: Vec<&str> = words.split(' ').collect();
            g.find(&words).map(|(n, written)| (n, written.join(" ")))
        };
        assert_eq!(find("LILLE trois bien"), Some((2, "Lille 3".to_owned())));
        assert_eq!(find("lille deux"), Some((1, "Lille".to_owned())));
        assert_eq!(find("lillebonne"), None);
        assert_eq!(find("à lille"), None);
    }

    #[test]
    fn the_last_of_two_counts_and_what_is_too_much_is_refused() {
        let g = Glossary::new([("a", "B"), ("A", "C")]).unwrap();
        assert_eq!(g.find(&["a"]).unwrap().1, ["C"]);
        assert!(matches!(Glossary::new([("a", " ")]), Err(GlossaryError::Entry(_))));
        assert!(matches!(Glossary::new([(" ", "a")]), Err(GlossaryError::Entry(_))));
        assert!(matches!(Glossary::new([("1 2 3 4 5 6 7 8 9", "a")]), Err(GlossaryError::Entry(_))));
        assert!(matches!(Glossary::new(std::iter::repeat_n(("a", "a"), 5_001)), Err(GlossaryError::TooMany)));
        assert!(Glossary::of_names(["Université de Lille"]).unwrap().find(&["université", "de", "lille"]).is_some());
    }
}
