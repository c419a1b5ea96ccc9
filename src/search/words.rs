//! Text as the index knows it: words in lower case without accents, each beside its French and English stems.
//!
//! **Promises.** Pure, and the same for what is indexed and what is asked: `équations` and `EQUATION`, `l’énergie` and `energie` meet. A word
//! stands at one position whatever its forms, so that phrases are found by either. What is longer than [`MAX_WORD`] is no word.

use frostem::{Algorithm, Stemmer};
use media::caption::language::Language;

/// In characters. Addresses and rubbish are longer.
const MAX_WORD: usize = 40;

/// What stands before an apostrophe in French and is no word of its own.
const ELIDED: &[&str] = &["l", "d", "j", "m", "t", "s", "n", "c", "qu", "jusqu", "lorsqu", "puisqu", "quoiqu"];

/// Words that say nothing of what is looked for, without accents, sorted. They are indexed, for phrases.
const EMPTY: &[&str] = &[
    "a", "an", "and", "are", "as", "at", "au", "aux", "avec", "be", "by", "ce", "ces", "cette", "dans", "de", "des",
    "du", "elle", "en", "est", "et", "for", "from", "how", "il", "in", "is", "it", "la", "le", "les", "leur", "of",
    "on", "or", "ou", "par", "pas", "pour", "qu", "que", "qui", "sa", "se", "ses", "son", "sur", "that", "the", "this",
    "to", "un", "une", "was", "what", "with", "y",
];

/// In which language a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tongue {
    French,
    English,
    /// Nobody has said: it gets the stems of both.
    Unknown,
    /// One without stems here.
    Other,
}

impl Tongue {
    pub(super) fn of(language: Option<&Language>) -> Self {
        match language {
            None => Self::Unknown,
            Some(language) if language.is_french() => Self::French,
            Some(language) if language.is_english() => Self::English,
            Some(_) => Self::Other,
        }
    }
}

/// A word of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    /// As it is written, without accents and in lower case.
    pub(super) plain: String,
    /// Its stems, where they differ from it.
    pub(super) stems: Vec<String>,
    /// Where it stands in the text, in bytes.
    pub(super) from: usize,
    /// Where it ends.
    pub(super) to: usize,
}

impl Word {
    /// All that it is found by.
    pub(super) fn forms(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.plain.as_str()).chain(self.stems.iter().map(String::as_str))
    }

    /// Whether it says something of what is looked for.
    pub(super) fn says_something(&self) -> bool {
        EMPTY.binary_search(&self.plain.as_str()).is_err()
    }
}

/// Cuts text into words.
pub(super) struct Analyser {
    french: Stemmer,
    english: Stemmer,
}

impl Analyser {
    pub(super) fn new() -> Self {
        Self { french: Stemmer::new(Algorithm::French), english: Stemmer::new(Algorithm::English) }
    }

    /// The words of a text, in order.
    pub(super) fn words(&self, text: &str, tongue: Tongue) -> Vec<Word> {
        self.words_like(text, tongue, |_| true).collect()
    }

    /// Those of them that look so, as they are written without accents and in lower case. The others are not stemmed, which takes longest; a
    /// word and its stems begin with the same letter.
    pub(super) fn words_like(
        &self,
        text: &str,
        tongue: Tongue,
        like: impl Fn(&str) -> bool,
    ) -> impl Iterator<Item = Word> {
        spans(text).filter_map(move |(from, to)| {
            let lower = text[from..to].to_lowercase();
            let plain = fold(&lower);
            if plain.is_empty() || !like(&plain) {
                return None;
            }
            let stems = self.stems(&lower, &plain, tongue);
            Some(Word { plain, stems, from, to })
        })
    }

    /// The stem of what is written, and of what would be written without accents: who asks may leave them out.
    fn stems(&self, lower: &str, plain: &str, tongue: Tongue) -> Vec<String> {
        let mut stems = Vec::new();
        let mut add = |stem: String| {
            if !stem.is_empty() && stem != plain && !stems.contains(&stem) {
                stems.push(stem);
            }
        };
        if matches!(tongue, Tongue::French | Tongue::Unknown) {
            add(fold(&self.french.stem(lower)));
            add(fold(&self.french.stem(plain)));
        }
        if matches!(tongue, Tongue::English | Tongue::Unknown) {
            add(fold(&self.english.stem(lower)));
            add(fold(&self.english.stem(plain)));
        }
        stems
    }

    /// One stem for a phrase in one language.
    pub(super) fn stem(&self, lower: &str, tongue: Tongue) -> String {
        match tongue {
            Tongue::English => fold(&self.english.stem(lower)),
            Tongue::French => fold(&self.french.stem(lower)),
            Tongue::Unknown | Tongue::Other => fold(lower),
        }
    }
}

/// To which of 65,536 kinds of pairs two words belong that stand together, in one of their forms each.
pub(super) fn pair(first: &str, second: &str) -> u16 {
    // FNV-1a, 32 bits: it has to stay the same for as long as an index does.
    let bytes = first.bytes().chain([0xff]).chain(second.bytes());
    let hash = bytes.fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    #[expect(clippy::cast_possible_truncation, reason = "both halves are in it")]
    let folded = (hash ^ (hash >> 16)) as u16;
    folded
}

/// Where words begin and end; without what is elided, and without the English genitive.
fn spans(text: &str) -> impl Iterator<Item = (usize, usize)> {
    let mut found = Vec::new();
    let mut begun: Option<usize> = None;
    let mut after_apostrophe = false;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if belongs(c) {
            begun.get_or_insert(at);
            if chars.peek().is_some() {
                continue;
            }
        }
        let end = if belongs(c) { at + c.len_utf8() } else { at };
        let apostrophe = matches!(c, '\'' | '’' | 'ʼ');
        if let Some(from) = begun.take() {
            let word = &text[from..end];
            let followed = apostrophe && chars.peek().is_some_and(|(_, next)| belongs(*next));
            let elided = followed && ELIDED.contains(&word.to_lowercase().as_str());
            let genitive = after_apostrophe && word.eq_ignore_ascii_case("s");
            if !elided && !genitive && word.chars().nth(MAX_WORD).is_none() {
                found.push((from, end));
            }
        }
        after_apostrophe = apostrophe;
    }
    found.into_iter()
}

/// Letters, digits, and accents that are written as characters of their own. Apostrophes that Unicode calls letters are none.
fn belongs(c: char) -> bool {
    (c.is_alphanumeric() && c != 'ʼ') || is_accent(c)
}

fn is_accent(c: char) -> bool {
    ('\u{300}'..='\u{36f}').contains(&c)
}

/// Without accents: what Latin letters are made of. Other scripts stay.
fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for c in text.chars() {
        let latin = c < '\u{250}' || ('\u{1e00}'..='\u{1eff}').contains(&c);
        if c.is_ascii() {
            folded.push(c);
        } else if is_accent(c) {
        } else if latin && let Some(plain) = deunicode::deunicode_char(c) {
            folded.extend(plain.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()));
        } else {
            folded.push(c);
        }
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn forms(text: &str, tongue: Tongue) -> BTreeSet<String> {
        let words = Analyser::new().words(text, tongue);
        words.iter().flat_map(|word| word.forms().map(str::to_owned).collect::<Vec<_>>()).collect()
    }

    fn meet(indexed: &str, tongue: Tongue, asked: &str) -> bool {
        !forms(indexed, tongue).is_disjoint(&forms(asked, Tongue::Unknown))
    }

    #[test]
    fn what_is_asked_meets_what_is_written() {
        for (indexed, tongue, asked) in [
            ("équations", Tongue::French, "equation"),
            ("équation", Tongue::French, "ÉQUATIONS"),
            ("l’énergie", Tongue::French, "energie"),
            ("énergie", Tongue::French, "l'énergie"),
            ("qu'électrons", Tongue::French, "electron"),
            ("lectures", Tongue::English, "lecture"),
            ("batteries", Tongue::English, "battery"),
            ("the student's", Tongue::English, "students"),
            ("cœur", Tongue::French, "coeur"),
            ("e\u{301}lectron", Tongue::Unknown, "électron"),
            ("Straße", Tongue::Other, "strasse"),
            ("Müller", Tongue::Unknown, "muller"),
            ("générations", Tongue::Unknown, "generation"),
        ] {
            assert!(meet(indexed, tongue, asked), "{indexed} {asked}: {:?}", forms(indexed, tongue));
        }
        for (indexed, asked) in [("énergie", "synergie"), ("chat", "château")] {
            assert!(!meet(indexed, Tongue::French, asked), "{indexed} {asked}");
        }
    }

    #[test]
    fn words_know_where_they_stand_and_what_is_elided_takes_no_place() {
        let words = Analyser::new().words("L’énergie, d'un électron…", Tongue::French);
        let plain: Vec<_> = words.iter().map(|word| word.plain.as_str()).collect();
        assert_eq!(plain, ["energie", "un", "electron"]);
        let text = "L’énergie, d'un électron…";
        assert_eq!(&text[words[0].from..words[0].to], "énergie");
        assert_eq!(&text[words[2].from..words[2].to], "électron");
        assert!(!words[1].says_something() && words[2].says_something());
    }

    #[test]
    fn a_word_and_its_stems_begin_with_the_same_letter() {
        let text = "yes yacht youth skies dying tying lying idly gently ugly early only singly news inning œuvre Œdipe \
                    Écoles ïambe yeux yaourts quelques par colis tapis université ayant haïr Straße ﬁlles ça às æther";
        let analyser = Analyser::new();
        for word in analyser.words(text, Tongue::Unknown) {
            let first = word.plain.chars().next();
            assert!(word.forms().all(|form| form.chars().next() == first), "{word:?}");
        }
        let like: Vec<_> =
            analyser.words_like("Un électron, des écoles", Tongue::French, |word| word == "ecoles").collect();
        assert_eq!(
            like.iter().map(|word| (word.from, word.stems.as_slice())).collect::<Vec<_>>(),
            [(18, ["ecol".to_owned()].as_slice())]
        );
    }

    #[test]
    fn nothing_is_no_word() {
        let analyser = Analyser::new();
        let long = "x".repeat(MAX_WORD + 1);
        for text in ["", " … '’ ", "\u{301}", long.as_str()] {
            assert_eq!(analyser.words(text, Tongue::Unknown), [], "{text}");
        }
        assert!(EMPTY.is_sorted());
    }
}
