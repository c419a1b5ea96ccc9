//! What somebody looks for, read from what they typed.
//!
//! **Promises.** There is no language to learn, and none to inject: but for quotation marks, which hold a phrase together, everything that is
//! no word is a gap. At most [`MAX_LENGTH`] characters and `MAX_WORDS` words are read.

use super::words::{Analyser, Tongue, Word};
use std::collections::BTreeSet;

/// Of what is typed, in characters; the rest is not read.
pub const MAX_LENGTH: usize = 200;
/// The rest is not read.
const MAX_WORDS: usize = 12;
/// A last word of so many characters may be the beginning of one.
const MIN_PREFIX: usize = 2;

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// All have to be met.
    pub(super) parts: Vec<Part>,
}

/// Something that has to be met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// A word, by any of its forms; the last one may be unfinished.
    Word { word: Word, unfinished: bool },
    /// Words one after the other: each of these says them, as they are written or by stems.
    Phrase(BTreeSet<Vec<String>>),
}

/// A piece of a text that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// As it is written.
    pub text: String,
    /// Whether it is what was looked for.
    pub meant: bool,
}

impl Question {
    /// Reads what was typed; `None`: nothing was asked.
    #[must_use]
    pub fn read(typed: &str) -> Option<Self> {
        let end = typed.char_indices().nth(MAX_LENGTH).map_or(typed.len(), |(at, _)| at);
        let typed = &typed[..end];
        let analyser = Analyser::new();
        let mut parts = Vec::new();
        let mut left = MAX_WORDS;
        // What stands at odd places is in quotation marks; a mark that is not closed closes at the end.
        let mut pieces = typed.split(['"', '“', '”', '«', '»']).enumerate().peekable();
        while let Some((n, piece)) = pieces.next() {
            let mut words = analyser.words(piece, Tongue::Unknown);
            words.truncate(left);
            left -= words.len();
            if n % 2 == 1 {
                parts.extend(phrase(&analyser, piece, &words));
                continue;
            }
            let ends = pieces.peek().is_none() && !piece.ends_with(char::is_whitespace);
            let last = words.len().saturating_sub(1);
            parts.extend(words.into_iter().enumerate().map(|(at, word)| {
                let unfinished = ends && at == last && left > 0 && word.plain.chars().count() >= MIN_PREFIX;
                Part::Word { word, unfinished }
            }));
        }
        // Articles are not asked for, unless nothing else is.
        let says = |part: &Part| match part {
            Part::Word { word, unfinished } => word.says_something() || *unfinished,
            Part::Phrase(_) => true,
        };
        if parts.iter().any(says) {
            parts.retain(says);
        }
        (!parts.is_empty()).then_some(Self { parts })
    }

    /// Text in pieces, so that what was looked for can be told from the rest. Together they are the text.
    #[must_use]
    pub fn mark(&self, text: &str) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let mut done = 0;
        let mut add = |text: &str, meant| {
            if !text.is_empty() {
                pieces.push(Piece { text: text.to_owned(), meant });
            }
        };
        let analyser = Analyser::new();
        for word in analyser.words_like(text, Tongue::Unknown, |plain| self.may_mean(plain)) {
            if self.means(&word) {
                add(&text[done..word.from], false);
                add(&text[word.from..word.to], true);
                done = word.to;
            }
        }
        add(&text[done..], false);
        pieces
    }

    /// Whether a word could be meant, by its first letter, which stems share with it.
    fn may_mean(&self, plain: &str) -> bool {
        let first = plain.chars().next();
        let begins = |form: &str| form.chars().next() == first;
        self.parts.iter().any(|part| match part {
            Part::Word { word, .. } => word.forms().any(begins),
            Part::Phrase(sayings) => sayings.iter().flatten().any(|form| begins(form)),
        })
    }

    fn means(&self, word: &Word) -> bool {
        self.parts.iter().any(|part| match part {
            Part::Word { word: asked, unfinished } => {
                let begun = *unfinished && word.plain.starts_with(&asked.plain);
                begun || asked.forms().any(|form| word.forms().any(|other| other == form))
            }
            Part::Phrase(sayings) => sayings.iter().flatten().any(|form| word.forms().any(|other| other == form)),
        })
    }
}

/// A phrase as it is written, and by stems of one language.
fn phrase(analyser: &Analyser, text: &str, words: &[Word]) -> Option<Part> {
    if words.is_empty() {
        return None;
    }
    let mut sayings = BTreeSet::from([words.iter().map(|word| word.plain.clone()).collect()]);
    if words.len() > 1 {
        for tongue in [Tongue::French, Tongue::English] {
            let stem = |word: &Word| analyser.stem(&text[word.from..word.to].to_lowercase(), tongue);
            sayings.insert(words.iter().map(stem).collect());
        }
    }
    Some(Part::Phrase(sayings))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(typed: &str) -> Vec<String> {
        let Some(question) = Question::read(typed) else { return Vec::new() };
        let text = |part: &Part| match part {
            Part::Word { word, unfinished } => format!("{}{}", word.plain, if *unfinished { "*" } else { "" }),
            Part::Phrase(sayings) => format!("{:?}", sayings.iter().next().unwrap()),
        };
        question.parts.iter().map(text).collect()
    }

    #[test]
    fn words_and_phrases_are_read_and_only_the_last_word_may_be_unfinished() {
        assert_eq!(plain("Les équations de Max"), ["equations", "max*"]);
        assert_eq!(plain("Les équations "), ["equations"]);
        assert_eq!(plain("de la"), ["la*"]);
        assert_eq!(plain("de la "), ["de", "la"]);
        assert_eq!(plain("« mécanique quantique » intro"), ["[\"mecan\", \"quantiqu\"]", "intro*"]);
        assert_eq!(plain("\"seul\""), ["[\"seul\"]"]);
        assert_eq!(plain("\"jamais fermé"), ["[\"jam\", \"ferm\"]"]);
        assert_eq!(Question::read(" \" ' ( ) … \" "), None);
    }

    #[test]
    fn no_sign_has_a_meaning() {
        assert_eq!(plain("title:x AND (k OR z)^3 -w +v* "), ["title", "x", "k", "z", "3", "w", "v"]);
        assert_eq!(plain("[m TO b] {c} ~2 / \\ NOT "), ["m", "b", "c", "2", "not"]);
    }

    #[test]
    fn what_is_read_is_bounded() {
        let many = (0..100).map(|n| format!("w{n}")).collect::<Vec<_>>().join(" ");
        assert!(plain(&many).len() <= MAX_WORDS);
        assert_eq!(plain(&format!("{} end", "x ".repeat(MAX_LENGTH))).len(), MAX_WORDS);
        let phrases = "\"a b c d e f g h\" ".repeat(20);
        let words: usize = Question::read(&phrases)
            .unwrap()
            .parts
            .iter()
            .map(|part| match part {
                Part::Word { .. } => 1,
                Part::Phrase(sayings) => sayings.iter().next().unwrap().len(),
            })
            .sum();
        assert!(words <= MAX_WORDS, "{words}");
        assert!(Question::read(&"é".repeat(10_000)).is_none(), "longer than any word");
    }

    #[test]
    fn marked_pieces_are_the_text() {
        let question = Question::read("équation énerg").unwrap();
        let text = "L’énergie, dans nos équations : E = mc².";
        let pieces = question.mark(text);
        assert_eq!(pieces.iter().map(|piece| piece.text.as_str()).collect::<String>(), text);
        let meant: Vec<_> = pieces.iter().filter(|piece| piece.meant).map(|piece| piece.text.as_str()).collect();
        assert_eq!(meant, ["énergie", "équations"]);
    }
}
