//! Words as an engine says them → text as it is written.
//!
//! By rule only: a capital where a sentence begins, a full stop where a pause ended it, a comma at a short pause before a
//! clause, elisions joined, French no-break spaces, and the names of a [`Glossary`]. What the engine already wrote right
//! stays. Scripts without capitals get no full stops either: their punctuation is another one, and none is better than a
//! wrong one.

use super::glossary::Glossary;
use super::language::{Language, split_elision};
use super::style::CaptionStyle;
use super::word::Word;

/// A piece of written text that no line breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Never empty.
    pub text: String,
    /// Follows the one before it without a space.
    pub glued: bool,
    /// Written as a glossary wants it: no rule changes it.
    fixed: bool,
}

/// What stands behind the last word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// The sentence goes on.
    Nothing,
    /// A clause ends.
    Comma,
    /// The sentence ends.
    Stop,
}

/// The rules of one language and one event.
#[derive(Clone, Copy, Debug)]
pub struct Spelling<'a> {
    /// Of the words.
    pub language: &'a Language,
    /// Names.
    pub glossary: &'a Glossary,
    /// Its pauses and whether to punctuate.
    pub style: &'a CaptionStyle,
}

/// In French these have a no-break space before them (Imprimerie nationale; `speech.md`).
const SPACED_MARKS: [char; 5] = ['?', '!', ':', ';', '»'];
const NO_BREAK_SPACE: char = '\u{a0}';
const ENGLISH_SUFFIXES: [&str; 8] = ["'s", "'re", "'ve", "'ll", "'d", "'m", "'t", "n't"];

impl Spelling<'_> {
    /// `words` as text. `begins`: they begin a sentence.
    #[must_use]
    pub fn spell(&self, words: &[Word], begins: bool, after: After) -> Vec<Token> {
        let mut tokens: Vec<Token> = Vec::new();
        let mut before: Option<&Word> = None;
        for word in words {
            if before.is_some_and(|b| self.after(b, word) == After::Comma) {
                punctuate(&mut tokens, ',');
            }
            self.push(word.text(), &mut tokens);
            before = Some(word);
        }
        let mut tokens = self.name(&self.split_elisions(tokens));
        // Languages without spaces have other marks, too.
        if self.style.punctuate && self.language.has_spaces() {
            if begins {
                begin_sentence(&mut tokens);
            }
            if self.language.is_english() {
                capital_i(&mut tokens);
            }
            match after {
                After::Nothing => {}
                After::Comma => punctuate(&mut tokens, ','),
                After::Stop => punctuate(&mut tokens, '.'),
            }
        }
        tokens
    }

    /// What stands between two words that follow each other.
    #[must_use]
    pub fn after(&self, word: &Word, next: &Word) -> After {
        let pause = next.start_micros().saturating_sub(word.end_micros());
        if !self.style.punctuate || pause < self.style.comma_pause_micros {
            After::Nothing
        } else if pause >= self.style.sentence_pause_micros {
            After::Stop
        } else if self.language.begins_clause(next.text()) && !self.language.holds(word.text()) {
            After::Comma
        } else {
            After::Nothing
        }
    }

    /// A line or a cue may end between these two.
    #[must_use]
    pub fn parts(&self, word: &Word, next: &Word) -> bool {
        !(self.language.holds(word.text()) || self.glues(word.text(), next.text()) || is_mark(next.text()))
    }

    fn glues(&self, before: &str, text: &str) -> bool {
        let rest = text.strip_prefix(['\'', '’']);
        self.language.elides(before)
            || rest.is_some() && self.language.could_elide(before)
            || (self.language.is_english() && ENGLISH_SUFFIXES.contains(&text.to_lowercase().as_str()))
            || text.strip_prefix('-').is_some_and(|r| r.starts_with(char::is_alphabetic))
    }

    fn push(&self, text: &str, tokens: &mut Vec<Token>) {
        let written = if self.language.is_french() { french_spaces(text) } else { text.to_owned() };
        let Some(last) = tokens.last_mut() else {
            tokens.push(Token { text: written, glued: false, fixed: false });
            return;
        };
        let completes = matches!(text, "'" | "’") && self.language.could_elide(&last.text);
        if completes || is_mark(text) {
            if self.language.is_french() && text.starts_with(SPACED_MARKS) {
                last.text.push(NO_BREAK_SPACE);
            }
            last.text.push_str(&written);
            return;
        }
        let glued = self.glues(&last.text, text) || last.text.ends_with(NO_BREAK_SPACE);
        tokens.push(Token { text: written, glued, fixed: false });
    }

    /// "l'homme" → "l'" and "homme", joined: so that names are found and a capital goes where it should.
    fn split_elisions(&self, tokens: Vec<Token>) -> Vec<Token> {
        let mut out = Vec::with_capacity(tokens.len());
        for token in tokens {
            match split_elision(&token.text).filter(|_| self.language.is_french()) {
                Some((elision, rest)) => {
                    out.push(Token { text: elision.to_owned(), glued: token.glued, fixed: false });
                    out.push(Token { text: rest.to_owned(), glued: true, fixed: false });
                }
                None => out.push(token),
            }
        }
        out
    }

    fn name(&self, tokens: &[Token]) -> Vec<Token> {
        let bare: Vec<&str> = tokens.iter().map(|t| split_marks(&t.text).0).collect();
        let mut out = Vec::with_capacity(tokens.len());
        let mut at = 0;
        while let (Some(rest), Some(token)) = (bare.get(at..), tokens.get(at)) {
            let found = self.glossary.find(rest).filter(|(count, _)| {
                // Marks inside of a phrase: it is another one.
                let inside = tokens.get(at..at + count - 1).unwrap_or(&[]);
                inside.iter().all(|t| split_marks(&t.text).1.is_empty())
            });
            let Some((count, written)) = found else {
                out.push(token.clone());
                at += 1;
                continue;
            };
            let marks = tokens.get(at + count - 1).map_or("", |t| split_marks(&t.text).1);
            for (n, text) in written.iter().enumerate() {
                let marks = if n + 1 == written.len() { marks } else { "" };
                out.push(Token { text: format!("{text}{marks}"), glued: n == 0 && token.glued, fixed: true });
            }
            at += count;
        }
        out
    }
}

/// A sentence ends with this word, as the engine wrote it.
#[must_use]
pub fn ends_sentence(text: &str) -> bool {
    text.trim_end_matches(['"', '»', '”', ')', NO_BREAK_SPACE]).ends_with(['.', '?', '!', '…', '。', '？', '！'])
}

/// Punctuation that ends a phrase.
#[must_use]
pub fn ends_phrase(text: &str) -> bool {
    ends_sentence(text) || text.ends_with([',', ';', ':', '、', '，'])
}

fn is_mark(text: &str) -> bool {
    !text.is_empty()
        && text.chars().all(|c| matches!(c, '.' | ',' | '…' | ')' | '”' | '。' | '、') || SPACED_MARKS.contains(&c))
}

/// A word and the punctuation behind it.
fn split_marks(text: &str) -> (&str, &str) {
    let bare = text.trim_end_matches(|c: char| is_mark(c.encode_utf8(&mut [0; 4])) || c == NO_BREAK_SPACE);
    text.split_at_checked(bare.len()).unwrap_or((text, ""))
}

/// "bonjour?" → "bonjour ?", "«oui" → "« oui"; nothing inside of a word: "10:30".
fn french_spaces(text: &str) -> String {
    let body = text.trim_end_matches(SPACED_MARKS);
    let marks = text.get(body.len()..).unwrap_or_default();
    let body = body.trim_end_matches(NO_BREAK_SPACE);
    let mut out = String::with_capacity(text.len() + 4);
    match body.strip_prefix('«') {
        Some(inner) => {
            out.push('«');
            out.push(NO_BREAK_SPACE);
            out.push_str(inner.trim_start_matches(NO_BREAK_SPACE));
        }
        None => out.push_str(body),
    }
    if !marks.is_empty() && !body.is_empty() {
        out.push(NO_BREAK_SPACE);
    }
    out.push_str(marks);
    out
}

/// A script that has capitals as we write them at the beginning of a sentence. Georgian has some, for headlines only.
fn is_cased(c: char) -> bool {
    (c.is_lowercase() || c.is_uppercase()) && !('\u{10a0}'..='\u{10ff}').contains(&c)
}

fn punctuate(tokens: &mut [Token], mark: char) {
    let cased = tokens.iter().any(|t| t.text.chars().any(is_cased));
    if let Some(last) = tokens.last_mut().filter(|t| cased && t.text.ends_with(char::is_alphanumeric)) {
        last.text.push(mark);
    }
}

fn begin_sentence(tokens: &mut [Token]) {
    let Some(first) = tokens.iter_mut().find(|t| t.text.chars().any(char::is_alphanumeric)) else { return };
    // A word with a capital in it has its own way: "iPhone".
    if first.fixed || first.text.chars().any(char::is_uppercase) {
        return;
    }
    let Some((at, c)) = first.text.char_indices().find(|(_, c)| c.is_alphanumeric()) else { return };
    if is_cased(c) {
        let capital: String = c.to_uppercase().collect();
        first.text.replace_range(at..at + c.len_utf8(), &capital);
    }
}

fn capital_i(tokens: &mut [Token]) {
    for token in tokens.iter_mut().filter(|t| !t.fixed && !t.glued) {
        let rest = token.text.strip_prefix('i');
        if rest.is_some_and(|r| r.is_empty() || r.starts_with(['\'', '’', ',', '.', '?', '!'])) {
            token.text.replace_range(0..1, "I");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::layout::join;
    use super::super::word::Confidence;
    use super::*;

    /// Words of 200 ms; a number between them is a pause in milliseconds.
    fn spell_as(tag: &str, glossary: &Glossary, said: &str, begins: bool, after: After) -> String {
        let language = Language::new(tag).unwrap();
        let style = CaptionStyle::live(&language);
        let mut at = 10_000_000;
        let mut words = Vec::new();
        for text in said.split(' ') {
            if let Ok(pause_ms) = text.parse::<i64>() {
                at += pause_ms * 1000;
            } else {
                words.push(Word::new(text, at, at + 200_000, Confidence::FULL).unwrap());
                at += 200_000;
            }
        }
        join(&Spelling { language: &language, glossary, style: &style }.spell(&words, begins, after), &language)
    }

    fn spell(tag: &str, said: &str) -> String {
        spell_as(tag, &Glossary::default(), said, true, After::Stop)
    }

    #[test]
    fn french_is_joined_and_spaced() {
        assert_eq!(spell("fr", "l' homme qu' il a vu"), "L'homme qu'il a vu.");
        assert_eq!(spell("fr", "l ' homme d 'abord"), "L'homme d'abord.");
        assert_eq!(spell("fr", "l’ été aujourd'hui"), "L’été aujourd'hui.");
        assert_eq!(spell("fr", "dit -il à 10:30"), "Dit-il à 10:30.");
        assert_eq!(spell("fr", "comment? bien ! voilà:"), "Comment\u{a0}? bien\u{a0}! voilà\u{a0}:");
        assert_eq!(spell("fr", "«oui» « non »"), "«\u{a0}Oui\u{a0}» «\u{a0}non\u{a0}»");
    }

    #[test]
    fn english_has_its_suffixes_and_its_i() {
        assert_eq!(spell("en", "the teacher 's book"), "The teacher's book.");
        assert_eq!(spell("en", "so i think i'm right"), "So I think I'm right.");
        assert_eq!(spell("en", "what? yes"), "What? yes.");
    }

    #[test]
    fn pauses_become_commas_before_clauses_only() {
        assert_eq!(spell("fr", "il vient 400 mais tard"), "Il vient, mais tard.");
        assert_eq!(spell("fr", "il vient et 400 puis s'en va"), "Il vient et puis s'en va.");
        assert_eq!(spell("fr", "il vient 400 demain"), "Il vient demain.");
        assert_eq!(spell("fr", "il vient 100 mais tard"), "Il vient mais tard.");
        assert_eq!(spell("en", "he came 500 because"), "He came, because.");
    }

    #[test]
    fn what_the_engine_wrote_stays() {
        assert_eq!(spell("fr", "Bonjour, monsieur."), "Bonjour, monsieur.");
        assert_eq!(spell("en", "iPhone users"), "iPhone users.");
        let none = Glossary::default();
        assert_eq!(spell_as("fr", &none, "et puis", false, After::Nothing), "et puis");
        assert_eq!(spell_as("fr", &none, "et puis", false, After::Comma), "et puis,");
    }

    #[test]
    fn scripts_without_capitals_come_through_unharmed() {
        assert_eq!(spell("ko", "서울 수업 나무 400 아버지"), "서울 수업 나무 아버지");
        assert_eq!(spell("ja", "日本 語 の Rust ABC"), "日本語のRust ABC");
        assert_eq!(spell("ka", "საქართველო"), "საქართველო");
        assert_eq!(spell("de", "über alles"), "Über alles.");
        assert_eq!(spell("ru", "привет мир"), "Привет мир.");
    }

    #[test]
    fn names_are_written_as_the_glossary_says() {
        let g = Glossary::new([
            ("lille", "Lille"),
            ("université de lille", "Université de Lille"),
            ("big blue button", "BigBlueButton"),
            ("l'hermitage", "L'Hermitage"),
            ("edu roam", "eduroam"),
        ])
        .unwrap();
        let spell = |said: &str| spell_as("fr", &g, said, true, After::Stop);
        assert_eq!(spell("à lille, l'université de lille?"), "À Lille, l'Université de Lille\u{a0}?");
        assert_eq!(spell("avec big blue button"), "Avec BigBlueButton.");
        assert_eq!(spell("l'hermitage d' lille"), "L'Hermitage d'Lille.");
        assert_eq!(spell("edu roam marche"), "eduroam marche.");
        assert_eq!(spell("big, blue button"), "Big, blue button.");
        assert_eq!(spell("lillebonne"), "Lillebonne.");
    }
}
