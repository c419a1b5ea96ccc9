//! The words of a place or of a course, a line each: names as they are written, and how they are said where that is something else.
//!
//! ```text
//! # A remark.
//! Université de Lille
//! big blue button = BigBlueButton
//! [fr] té pé = TP
//! ```
//!
//! What is said is written so; `[fr]` keeps a line to one language and its regions. Where nothing else is to be heard at all, what is said is
//! a model's grammar ([`Vocabulary::phrases`]); otherwise words are only spelled by it ([`Vocabulary::glossary`]).
//!
//! Promises: what is taken is bounded and fit to be shown; what is refused is named by line, all of it at once.

use super::glossary::{Glossary, MAX_ENTRIES as MAX_SPELLED, MAX_PHRASE_WORDS, MAX_WRITTEN_BYTES};
use super::language::{Language, split_elision};
use super::word::is_invisible;
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// Most entries; a course's vocabulary is some hundreds.
pub const MAX_ENTRIES: usize = 1_000;
/// All lines together, in bytes: a thousand of usual length are half of it.
pub const MAX_BYTES: usize = 64 << 10;
/// Faults that are told one by one.
const TOLD: usize = 5;
/// Characters of a line that a fault repeats.
const EXCERPT: usize = 30;

/// See the module. Cheap to clone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vocabulary {
    entries: Arc<[Entry]>,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    /// Only there, when set.
    language: Option<Language>,
    /// 1 to [`MAX_PHRASE_WORDS`] words, one space between them.
    spoken: String,
    written: String,
}

/// Why lines are no vocabulary: all that is wrong with them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    faults: Vec<Fault>,
}

/// What is wrong with one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Counted from 1.
    pub line: usize,
    /// How the line begins, in quotation marks and fit for a terminal; `None` where it is not this line that is wrong.
    pub excerpt: Option<String>,
    /// What is wrong.
    pub why: Why,
}

/// Why a line can't be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// A control character, or one without width.
    #[error("a character that can't be shown")]
    Hidden,
    /// `[x]`.
    #[error("what is in brackets is no language such as [fr]")]
    Language,
    /// One side of the sign is empty.
    #[error("it is SPOKEN = WRITTEN, or what is said as it is written")]
    Form,
    /// Too many words on the left.
    #[error("more than {MAX_PHRASE_WORDS} words are said")]
    Words,
    /// One side of the sign is too long.
    #[error("more than {MAX_WRITTEN_BYTES} bytes")]
    Long,
    /// Too many lines.
    #[error("more than {MAX_ENTRIES} entries")]
    Entries,
    /// Too long, all of it.
    #[error("more than {} KiB in all", MAX_BYTES >> 10)]
    Bytes,
}

impl Why {
    /// How many there may be of what there is too much of: words, bytes, entries, or KiB.
    #[must_use]
    pub fn most(self) -> Option<usize> {
        match self {
            Self::Hidden | Self::Language | Self::Form => None,
            Self::Words => Some(MAX_PHRASE_WORDS),
            Self::Long => Some(MAX_WRITTEN_BYTES),
            Self::Entries => Some(MAX_ENTRIES),
            Self::Bytes => Some(MAX_BYTES >> 10),
        }
    }
}

impl Refused {
    /// Those that are told one by one, and how many more there are.
    #[must_use]
    pub fn told(&self) -> (&[Fault], usize) {
        let (told, more) = self.faults.split_at(self.faults.len().min(TOLD));
        (told, more.len())
    }
}

impl Vocabulary {
    /// From lines; empty ones and remarks are left out.
    ///
    /// # Errors
    /// Each line that can't be taken with what is wrong, or that there are too many.
    pub fn of_lines<'a>(lines: impl IntoIterator<Item = &'a str>) -> Result<Self, Refused> {
        let (mut entries, mut faults, mut bytes) = (Vec::new(), Vec::new(), 0_usize);
        for (number, line) in (1..).zip(lines) {
            bytes = bytes.saturating_add(line.len());
            if bytes > MAX_BYTES {
                faults.push(Fault { line: number, excerpt: None, why: Why::Bytes });
                break;
            }
            match Entry::of_line(line) {
                Ok(Some(_)) if entries.len() >= MAX_ENTRIES => {
                    faults.push(Fault { line: number, excerpt: None, why: Why::Entries });
                    break;
                }
                Ok(entry) => entries.extend(entry),
                Err(why) => faults.push(Fault { line: number, excerpt: Some(excerpt(line)), why }),
            }
        }
        if faults.is_empty() { Ok(Self { entries: entries.into() }) } else { Err(Refused { faults }) }
    }

    /// From lines that were taken once, perhaps by another version: what is no entry to this one is left out.
    #[must_use]
    pub fn of_kept(text: &str) -> Self {
        let entries = text.lines().filter_map(|line| Entry::of_line(line).ok().flatten());
        Self { entries: entries.take(MAX_SPELLED).collect() }
    }

    /// As lines; [`Self::of_lines`] takes them again.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.entries.iter().map(ToString::to_string).collect()
    }

    /// Nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// What holds in a language, which is no longer said of it.
    #[must_use]
    pub fn of(&self, language: &Language) -> Self {
        let holds = |entry: &&Entry| entry.language.as_ref().is_none_or(|only| covers(only, language));
        Self { entries: self.entries.iter().filter(holds).map(|e| Entry { language: None, ..e.clone() }).collect() }
    }

    /// This one and `more`; where both say the same, `more` has the last word.
    #[must_use]
    pub fn with(&self, more: &Self) -> Self {
        match (self.is_empty(), more.is_empty()) {
            (true, _) => more.clone(),
            (_, true) => self.clone(),
            _ => Self { entries: self.entries.iter().chain(&*more.entries).cloned().collect() },
        }
    }

    /// What spells by it, of whatever language the entries are: see [`Self::of`].
    #[must_use]
    pub fn glossary(&self) -> Glossary {
        // An entry is within a glossary's bounds, and there are fewer.
        Glossary::new(self.entries.iter().map(|e| (e.spoken.as_str(), e.written.as_str()))).unwrap_or_default()
    }

    /// What is said in this language, once each and as models have it: in lower case, a French elision apart from its word.
    #[must_use]
    pub fn phrases(&self, language: &Language) -> Vec<String> {
        let mut known = BTreeSet::new();
        let said = self.of(language).entries.iter().map(|e| said(&e.spoken, language)).collect::<Vec<_>>();
        said.into_iter().filter(|phrase| known.insert(phrase.clone())).collect()
    }
}

fn said(spoken: &str, language: &Language) -> String {
    let lower = spoken.to_lowercase();
    let apart = |word: &str| match split_elision(word).filter(|_| language.is_french()) {
        Some((elision, rest)) => format!("{elision} {rest}"),
        None => word.to_owned(),
    };
    lower.split(' ').map(apart).collect::<Vec<_>>().join(" ")
}

/// `en` covers `en-GB`, and not the other way round.
fn covers(only: &Language, language: &Language) -> bool {
    let (only, tag) = (only.tag().to_ascii_lowercase(), language.tag().to_ascii_lowercase());
    tag.strip_prefix(&only).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

impl Entry {
    /// `None`: the line says nothing.
    fn of_line(line: &str) -> Result<Option<Self>, Why> {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return Ok(None);
        }
        if line.chars().any(|c| (c.is_control() && c != '\t') || is_invisible(c)) {
            return Err(Why::Hidden);
        }
        let (language, text) = match line.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((tag, text)) => {
                let language = Language::new(tag.trim());
                (Some(language.ok_or(Why::Language)?), text)
            }
            None => (None, line),
        };
        let (spoken, written) = text.split_once('=').unwrap_or((text, text));
        let [spoken, written] = [spoken, written].map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "));
        if spoken.is_empty() || written.is_empty() {
            return Err(Why::Form);
        }
        if spoken.split(' ').count() > MAX_PHRASE_WORDS {
            return Err(Why::Words);
        }
        if spoken.len() > MAX_WRITTEN_BYTES || written.len() > MAX_WRITTEN_BYTES {
            return Err(Why::Long);
        }
        Ok(Some(Self { language, spoken, written }))
    }
}

/// The beginning of a line, fit for a terminal.
fn excerpt(line: &str) -> String {
    let line = line.trim();
    let begin: String = line.chars().take(EXCERPT).collect();
    if begin.len() < line.len() { format!("{:?}…", begin.trim_end()) } else { format!("{begin:?}") }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(language) = &self.language {
            write!(f, "[{language}] ")?;
        }
        if self.spoken != self.written {
            write!(f, "{} = ", self.spoken)?;
        }
        f.write_str(&self.written)
    }
}

impl FromStr for Vocabulary {
    type Err = Refused;

    fn from_str(text: &str) -> Result<Self, Refused> {
        // Some editors begin a file with a mark of its encoding.
        Self::of_lines(text.strip_prefix('\u{feff}').unwrap_or(text).lines())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, excerpt, why } = self;
        match excerpt {
            Some(excerpt) => write!(f, "line {line} ({excerpt}): {why}"),
            None => write!(f, "line {line}: {why}"),
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (told, more) = self.told();
        f.write_str(&told.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))?;
        match more {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}

impl std::error::Error for Refused {}

#[cfg(test)]
mod tests {
    use super::*;

    fn language(tag: &str) -> Language {
        Language::new(tag).unwrap()
    }

    #[test]
    fn lines_are_names_or_what_is_said_of_them() {
        let text = "\u{feff}# Names\r\nUniversité  de\tLille\r\n\r\n big blue button=BigBlueButton\n\
                    [fr] té pé = TP\n[EN] c sharp = C#\ne égale mc deux = E=mc²\n";
        let vocabulary: Vocabulary = text.parse().unwrap();
        let lines = [
            "Université de Lille",
            "big blue button = BigBlueButton",
            "[fr] té pé = TP",
            "[EN] c sharp = C#",
            "e égale mc deux = E=mc²",
        ];
        assert_eq!(vocabulary.lines(), lines);
        assert_eq!(Vocabulary::of_lines(lines).unwrap(), vocabulary, "what it gives it takes again");
        assert_eq!(Vocabulary::of_kept(&lines.join("\n")), vocabulary);
        let spelled = |tag: &str, said: &[&str]| {
            let glossary = vocabulary.of(&language(tag)).glossary();
            glossary.find(said).map(|(_, written)| written.join(" "))
        };
        assert_eq!(spelled("fr", &["université", "de", "lille"]).as_deref(), Some("Université de Lille"));
        assert_eq!(spelled("fr-CA", &["té", "pé"]).as_deref(), Some("TP"));
        assert_eq!(spelled("en", &["té", "pé"]), None);
        assert_eq!(spelled("en-GB", &["C", "Sharp"]).as_deref(), Some("C#"));
        assert_eq!(spelled("frr", &["té", "pé"]), None, "another language");
        assert!(Vocabulary::default().glossary().find(&["lille"]).is_none());
    }

    #[test]
    fn a_region_does_not_speak_for_its_language() {
        let vocabulary = Vocabulary::of_lines(["[en-GB] lift = Lift"]).unwrap();
        assert!(vocabulary.of(&language("en")).is_empty() && vocabulary.of(&language("en-US")).is_empty());
        assert_eq!(vocabulary.of(&language("EN-gb")).lines(), ["lift = Lift"]);
    }

    #[test]
    fn the_narrower_of_two_vocabularies_has_the_last_word() {
        let [server, hall] = [["lille = Lille"], ["lille = LILLE"]].map(|lines| Vocabulary::of_lines(lines).unwrap());
        let both = server.with(&hall);
        assert_eq!(both.glossary().find(&["lille"]).unwrap().1, ["LILLE"]);
        assert_eq!(server.with(&Vocabulary::default()), server);
        assert_eq!(Vocabulary::default().with(&hall), hall);
    }

    #[test]
    fn a_grammar_is_what_is_said_as_models_have_it() {
        let lines = ["L'Hermitage d'Été", "LILLE", "lille = Lille", "[en] l'hermitage", "[ko] 서울"];
        let vocabulary = Vocabulary::of_lines(lines).unwrap();
        assert_eq!(vocabulary.phrases(&language("fr")), ["l' hermitage d' été", "lille"]);
        assert_eq!(vocabulary.phrases(&language("en")), ["l'hermitage d'été", "lille", "l'hermitage"]);
        assert_eq!(vocabulary.phrases(&language("ko")).last().unwrap(), "서울");
    }

    #[test]
    fn all_that_is_wrong_is_said_with_its_line() {
        let long = "x".repeat(201);
        let said = |lines: &[&str]| Vocabulary::of_lines(lines.iter().copied()).unwrap_err().to_string();
        for (line, why) in [
            ("1 2 3 4 5 6 7 8 9", "line 1 (\"1 2 3 4 5 6 7 8 9\"): more than 8 words are said"),
            ("lille =", "SPOKEN = WRITTEN"),
            ("= Lille", "SPOKEN = WRITTEN"),
            ("[fr]", "SPOKEN = WRITTEN"),
            ("[frrrrrrrrrr] a", "no language such as [fr]"),
            (&long, "xxx\"…): more than 200 bytes"),
            ("a\u{1b}[31mb", "(\"a\\u{1b}[31mb\"): a character that can't be shown"),
            ("a\nb", "a character that can't be shown"),
        ] {
            let said = said(&[line]);
            assert!(said.contains(why), "{line:?}: {said}");
        }
        let many = said(&["good", "=", "# remark", "=", "=", "=", "=", "=", "="]);
        assert!(many.starts_with("line 2 (\"=\"): ") && many.contains("; line 4 ("), "{many}");
        assert!(many.ends_with("; and 2 more"), "{many}");
    }

    #[test]
    fn there_is_an_end_to_it() {
        let entries = |count: usize| vec!["a"; count];
        assert!(Vocabulary::of_lines(entries(MAX_ENTRIES)).is_ok());
        let said = Vocabulary::of_lines(entries(MAX_ENTRIES + 1)).unwrap_err().to_string();
        assert_eq!(said, "line 1001: more than 1000 entries");
        let remarks = vec!["#".repeat(1_000); 66];
        let said = Vocabulary::of_lines(remarks.iter().map(String::as_str)).unwrap_err().to_string();
        assert_eq!(said, "line 66: more than 64 KiB in all");
        assert_eq!(Vocabulary::of_kept("good\n= bad\n[zz zz] bad\nalso good").lines(), ["good", "also good"]);
    }
}
