//! Captions as people take them away: SRT, a text to read, and words with their times and confidence.

use super::Cue;
use super::glossary::Glossary;
use super::language::Language;
use super::layout::join;
use super::spelling::{After, Spelling, ends_sentence};
use super::style::CaptionStyle;
use super::webvtt::{Clock, placed};
use super::word::{Word, is_invisible};
use std::fmt::Write;

/// A pause that begins a paragraph: three times a sentence's, about what a speaker takes to turn a slide. Microseconds.
const PARAGRAPH_PAUSE_MICROS: i64 = 2_000_000;
/// A paragraph this long ends with its sentence: ten lines of print.
const PARAGRAPH_BYTES: usize = 800;

/// SubRip: numbered from 1, CRLF as its readers expect. `time` as for [`file`](super::webvtt::file).
#[must_use]
pub fn srt<'a>(cues: impl IntoIterator<Item = &'a Cue>, time: impl Fn(i64) -> i64) -> String {
    let mut out = String::new();
    let shown = cues.into_iter().filter(|c| c.lines.iter().any(|l| !l.trim().is_empty()));
    let shown = shown.filter_map(|cue| Some((cue, placed(cue, &time)?)));
    for (n, (cue, (start, end))) in shown.enumerate() {
        let _ = write!(out, "{}\r\n{} --> {}\r\n", n + 1, Clock(start, ','), Clock(end, ','));
        for line in cue.lines.iter().filter(|l| !l.trim().is_empty()) {
            // SRT can't escape. Its arrow becomes one character; what looks like a tag stays as it was said.
            let line: String = line.chars().map(|c| if c.is_control() || is_invisible(c) { ' ' } else { c }).collect();
            let _ = write!(out, "{}\r\n", line.replace("-->", "→"));
        }
        out.push_str("\r\n");
    }
    out
}

/// A text to read: sentences, and paragraphs by long pauses, with an empty line between.
#[must_use]
pub fn text(words: &[Word], style: &CaptionStyle, language: &Language, glossary: &Glossary) -> String {
    let spelling = Spelling { language, glossary, style };
    let (mut out, mut paragraph_bytes, mut begins) = (String::new(), 0, true);
    let mut from = 0;
    for (n, word) in words.iter().enumerate() {
        let next = words.get(n + 1);
        let pause = next.map_or(i64::MAX, |next| next.start_micros().saturating_sub(word.end_micros()));
        let ends = pause >= style.sentence_pause_micros || ends_sentence(word.text());
        // Without an end in sight a text is written piece by piece, as long as a paragraph.
        if !ends && n + 1 - from < PARAGRAPH_BYTES {
            continue;
        }
        let after = if pause >= style.sentence_pause_micros { After::Stop } else { After::Nothing };
        let sentence = join(&spelling.spell(words.get(from..=n).unwrap_or(&[]), begins, after), language);
        if paragraph_bytes > 0 && language.has_spaces() {
            out.push(' ');
        }
        out.push_str(&sentence);
        paragraph_bytes += sentence.len();
        begins = ends;
        from = n + 1;
        if pause >= PARAGRAPH_PAUSE_MICROS || (ends && paragraph_bytes >= PARAGRAPH_BYTES) {
            out.push_str(if next.is_some() { "\n\n" } else { "\n" });
            paragraph_bytes = 0;
        }
    }
    out
}

/// One JSON object a line: `{"start_ms":0,"end_ms":300,"text":"bonjour","confidence":0.912}`, times in the recording.
/// Words that are cut out are left out.
#[must_use]
pub fn json_lines(words: &[Word], time: impl Fn(i64) -> i64) -> String {
    let mut out = String::new();
    for word in words {
        let (start, end) = (time(word.start_micros()), time(word.end_micros()));
        if start < 0 || (start == end && word.start_micros() != word.end_micros()) {
            continue;
        }
        let _ = write!(out, "{{\"start_ms\":{},\"end_ms\":{},\"text\":\"", start / 1000, end / 1000);
        escape_json(word.text(), &mut out);
        let thousandths = word.confidence().thousandths();
        let _ = writeln!(out, "\",\"confidence\":{}.{:03}}}", thousandths / 1000, thousandths % 1000);
    }
    out
}

/// RFC 8259 section 7: quotes, backslashes and control characters; the rest stays as it is.
fn escape_json(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c < ' ' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::webvtt::tests::cue;
    use super::super::word::Confidence;
    use super::*;

    fn word(text: &str, start_ms: i64) -> Word {
        Word::new(text, start_ms * 1000, (start_ms + 200) * 1000, Confidence::from_ratio(0.5)).unwrap()
    }

    #[test]
    fn srt_is_numbered_and_survives_its_own_arrow() {
        let cues = [cue(7, 0, 900, "un\n\ndeux"), cue(8, 900, 1500, ""), cue(9, 61_000, 62_500, "a --> b\u{b}")];
        assert_eq!(
            srt(&cues, |t| t - 10_000_000),
            "1\r\n00:00:00,000 --> 00:00:00,900\r\nun\r\ndeux\r\n\r\n2\r\n00:01:01,000 --> 00:01:02,500\r\na → b \r\n\r\n"
        );
    }

    #[test]
    fn a_text_has_sentences_and_paragraphs_by_pauses() {
        let words = [
            word("bonjour", 0),
            word("à", 200),
            word("tous", 400),
            word("aujourd'hui", 1500),
            word("l'", 1700),
            word("eau", 1900),
            word("lille", 5000),
        ];
        let fr = Language::new("fr").unwrap();
        let glossary = Glossary::of_names(["Lille"]).unwrap();
        let style = CaptionStyle::recorded(&fr, true);
        assert_eq!(text(&words, &style, &fr, &glossary), "Bonjour à tous. Aujourd'hui l'eau.\n\nLille.\n");
        assert_eq!(text(&[], &style, &fr, &glossary), "");
    }

    #[test]
    fn a_long_monologue_is_cut_at_sentences_and_loses_no_word() {
        let fr = Language::new("fr").unwrap();
        let words: Vec<Word> = (0..3000)
            .map(|n| word(&format!("mot{n}{}", if n % 50 == 49 && n > 1500 { "." } else { "" }), n * 200))
            .collect();
        let said = text(&words, &CaptionStyle::recorded(&fr, false), &fr, &Glossary::default());
        assert!(said.split_whitespace().eq(words.iter().map(Word::text)));
        assert!(said.matches("\n\n").count() > 5);
    }

    #[test]
    fn words_are_json_whatever_is_in_them() {
        let words = [word("dit \"oui\"\\", 1000), word("avant", 100), word("서울", 2000)];
        assert_eq!(
            json_lines(&words, |t| t - 500_000),
            concat!(
                "{\"start_ms\":500,\"end_ms\":700,\"text\":\"dit\u{a0}\\\"oui\\\"\\\\\",\"confidence\":0.500}\n",
                "{\"start_ms\":1500,\"end_ms\":1700,\"text\":\"서울\",\"confidence\":0.500}\n"
            )
        );
    }
}
