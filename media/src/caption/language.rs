//! A language, and what captions have to know of it: where a line must not end, what begins a clause, what is joined.
//!
//! The lists are short on purpose: function words that are never the end of a phrase. A word that is missing costs a less
//! pretty line, a wrong one costs a wrong line.

use std::fmt;
use std::sync::Arc;

/// A BCP 47 tag such as `fr`, `en-GB`, `zh-Hant`: letters and digits in groups of at most 8, joined by hyphens. Safe in a
/// playlist's attribute and in a file's name.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Language(Arc<str>);

/// BCP 47 section 4.4.1: a buffer for tags without extensions needs 35 bytes.
const MAX_TAG_BYTES: usize = 35;

/// Words that a line, and a cue, does not end with: they belong to what follows. `speech.md`, BBC and Arcom rules: never
/// article|noun; elisions end with their apostrophe and are joined anyway.
const FRENCH_HELD: &[&str] = &[
    "le", "la", "les", "un", "une", "des", "de", "du", "au", "aux", "à", "en", "et", "ou", "ni", "ce", "cet", "cette",
    "ces", "mon", "ma", "mes", "ton", "ta", "tes", "son", "sa", "ses", "notre", "nos", "votre", "vos", "leur", "leurs",
    "par", "pour", "dans", "sur", "sous", "avec", "sans", "chez", "vers", "entre", "que", "qui", "dont", "si", "ne",
    "je", "tu", "il", "elle", "on", "nous", "vous", "ils", "elles", "se", "me", "te", "y", "très", "m.", "mme",
];
const ENGLISH_HELD: &[&str] = &[
    "the", "a", "an", "of", "to", "in", "on", "at", "by", "for", "from", "with", "into", "and", "or", "but", "my",
    "your", "his", "her", "its", "our", "their", "this", "these", "those", "that", "if", "as", "than", "i", "you",
    "he", "she", "we", "they", "is", "are", "was", "were", "be", "not", "very", "mr", "mr.", "mrs", "mrs.", "dr",
    "dr.",
];

/// Words that begin a clause: a short pause before one is a comma, and a line had better end before it.
const FRENCH_CLAUSES: &[&str] = &[
    "mais", "car", "donc", "puis", "or", "parce", "puisque", "alors", "lorsque", "quand", "ensuite", "sinon", "comme",
];
const ENGLISH_CLAUSES: &[&str] =
    &["but", "because", "so", "then", "which", "although", "though", "while", "whereas", "when", "however", "since"];

/// What is written with an apostrophe before a vowel.
const FRENCH_ELISIONS: &[&str] = &[
    "l", "d", "j", "m", "t", "s", "n", "c", "ç", "qu", "jusqu", "lorsqu", "puisqu", "quoiqu", "presqu", "quelqu",
    "entr",
];

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Rules {
    French,
    English,
    /// Written without spaces between words.
    Unspaced,
    Other,
}

/// Languages that models can be had for, as they call themselves.
const NAMES: &[(&str, &str)] = &[
    ("ar", "العربية"),
    ("ca", "Català"),
    ("cs", "Čeština"),
    ("de", "Deutsch"),
    ("en", "English"),
    ("eo", "Esperanto"),
    ("es", "Español"),
    ("fr", "Français"),
    ("it", "Italiano"),
    ("ja", "日本語"),
    ("ko", "한국어"),
    ("nl", "Nederlands"),
    ("pl", "Polski"),
    ("pt", "Português"),
    ("ru", "Русский"),
    ("tr", "Türkçe"),
    ("uk", "Українська"),
    ("vi", "Tiếng Việt"),
    ("zh", "中文"),
];

impl Language {
    /// `None` when it is no tag. Case is kept and does not matter to the rules.
    #[must_use]
    pub fn new(tag: &str) -> Option<Self> {
        let group = |g: &str| (1..=8).contains(&g.len()) && g.bytes().all(|b| b.is_ascii_alphanumeric());
        let primary = tag.split('-').next()?;
        let is_tag = tag.len() <= MAX_TAG_BYTES
            && tag.split('-').all(group)
            && primary.len() >= 2
            && primary.bytes().all(|b| b.is_ascii_alphabetic());
        is_tag.then(|| Self(tag.into()))
    }

    /// The tag.
    #[must_use]
    pub fn tag(&self) -> &str {
        &self.0
    }

    /// What the language calls itself, for menus; the tag where we don't know.
    #[must_use]
    pub fn name(&self) -> &str {
        let primary = self.0.split('-').next().unwrap_or_default().to_ascii_lowercase();
        NAMES.iter().find(|(tag, _)| *tag == primary).map_or(self.tag(), |(_, name)| name)
    }

    /// `fr` and its regions.
    #[must_use]
    pub fn is_french(&self) -> bool {
        self.rules() == Rules::French
    }

    /// `en` and its regions.
    #[must_use]
    pub fn is_english(&self) -> bool {
        self.rules() == Rules::English
    }

    /// Words are written with spaces between them; not so in Chinese, Japanese, Thai, Lao, Khmer and Burmese. Korean is.
    #[must_use]
    pub fn has_spaces(&self) -> bool {
        self.rules() != Rules::Unspaced
    }

    /// A line or a cue must not end with this word.
    #[must_use]
    pub fn holds(&self, word: &str) -> bool {
        match self.rules() {
            Rules::French => is_one_of(FRENCH_HELD, word) || self.elides(word),
            Rules::English => is_one_of(ENGLISH_HELD, word),
            Rules::Unspaced | Rules::Other => false,
        }
    }

    /// The word begins a clause.
    #[must_use]
    pub fn begins_clause(&self, word: &str) -> bool {
        match self.rules() {
            Rules::French => is_one_of(FRENCH_CLAUSES, word),
            Rules::English => is_one_of(ENGLISH_CLAUSES, word),
            Rules::Unspaced | Rules::Other => false,
        }
    }

    /// The word is an elision with its apostrophe ("l'", "qu’"): the next is joined to it.
    #[must_use]
    pub fn elides(&self, word: &str) -> bool {
        self.is_french() && word.strip_suffix(['\'', '’']).is_some_and(|w| is_one_of(FRENCH_ELISIONS, w))
    }

    /// The word is an elision whose apostrophe is still to come.
    #[must_use]
    pub fn could_elide(&self, word: &str) -> bool {
        self.is_french() && is_one_of(FRENCH_ELISIONS, word)
    }

    fn rules(&self) -> Rules {
        let primary = self.0.split('-').next().unwrap_or_default();
        let is = |tag: &str| primary.eq_ignore_ascii_case(tag);
        if is("fr") {
            Rules::French
        } else if is("en") {
            Rules::English
        } else if ["zh", "ja", "th", "lo", "km", "my", "yue", "cmn"].iter().any(|t| is(t)) {
            Rules::Unspaced
        } else {
            Rules::Other
        }
    }
}

/// A French elision and the word it is joined to: "l'été" → "l'" and "été".
pub(super) fn split_elision(word: &str) -> Option<(&str, &str)> {
    let end = word.char_indices().find(|(_, c)| matches!(c, '\'' | '’')).map(|(n, c)| n + c.len_utf8())?;
    let (elision, rest) = word.split_at_checked(end)?;
    let letters = elision.strip_suffix(['\'', '’'])?;
    (!rest.is_empty() && is_one_of(FRENCH_ELISIONS, letters)).then_some((elision, rest))
}

fn is_one_of(list: &[&str], word: &str) -> bool {
    list.contains(&word) || list.contains(&word.to_lowercase().as_str())
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Language({})", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tags_are_languages() {
        for tag in ["fr", "en-GB", "zh-Hant-TW", "ast"] {
            assert_eq!(Language::new(tag).unwrap().tag(), tag);
        }
        for tag in ["", "f", "fr_FR", "fr-", "../x", "fr\"", "1a", "abcdefghi", &"ab-".repeat(20)] {
            assert_eq!(Language::new(tag), None, "{tag}");
        }
    }

    #[test]
    fn each_language_has_its_own_rules() {
        let [fr, en, ko, ja] = ["fr-CA", "EN", "ko", "ja"].map(|t| Language::new(t).unwrap());
        assert!(fr.holds("La") && fr.holds("l'") && fr.holds("Qu’") && !fr.holds("the") && !fr.holds("table"));
        assert!(en.holds("The") && en.holds("of") && !en.holds("la") && !en.elides("l'"));
        assert!(fr.begins_clause("Mais") && en.begins_clause("because") && !ko.begins_clause("mais"));
        assert!(ko.has_spaces() && !ja.has_spaces());
    }
}
