//! WebVTT and SubRip as people write them → captions. What they look like is left out: tags, places, colours.
//!
//! **Promises.** Any text is read within the bounds here, or refused with the line and what is wrong there. What comes out is in order and does not overlap.

use super::word::is_invisible;
use std::fmt;

/// Of a whole file: some ten hours of speech.
pub const MAX_FILE_BYTES: usize = 2 << 20;
/// Captions of one file.
pub const MAX_CUES: usize = 20_000;
/// Of one caption: more can't be read while it is shown.
const MAX_LINES: usize = 6;
/// Of a line, in characters.
const MAX_LINE: usize = 300;
/// Times later than this are a slip. Milliseconds: 48 hours.
const LATEST_MS: i64 = 48 * 3_600_000;
/// A caption that another one cuts short is shown for so long at least, or not at all. Milliseconds.
const SHORTEST_MS: i64 = 100;

/// One caption of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timed {
    /// When it appears, milliseconds from the file's begin.
    pub start_ms: i64,
    /// When it goes; after `start_ms`.
    pub end_ms: i64,
    /// Its text: no empty line, no control character.
    pub lines: Vec<String>,
}

/// Why a file can't be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct Refused {
    /// From 1; 0: the whole.
    pub line: usize,
    /// What is wrong there.
    pub why: Why,
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The file or a part of it is too large.
    TooLong,
    /// A time can't be read, or lies too late.
    Time,
    /// It ends before it begins.
    Backwards,
    /// A text without a time before it.
    Untimed,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "too long",
            Self::Time => "a time looks like 00:01:02.500 --> 00:01:04.000",
            Self::Backwards => "it ends before it begins",
            Self::Untimed => "a text needs a time in the line above",
        })
    }
}

/// Reads a file in either form.
///
/// # Errors
/// The first thing that can't be taken.
pub fn read(text: &str) -> Result<Vec<Timed>, Refused> {
    let refused = |line, why| Err(Refused { line, why });
    if text.len() > MAX_FILE_BYTES {
        return refused(0, Why::TooLong);
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines: Vec<&str> = text.split('\n').map(|line| line.strip_suffix('\r').unwrap_or(line)).collect();
    let mut cues: Vec<Timed> = Vec::new();
    let mut n = 0;
    while n < lines.len() {
        let block = n;
        while n < lines.len() && !lines[n].trim().is_empty() {
            n += 1;
        }
        let found = &lines[block..n];
        n += 1;
        let Some(first) = found.first() else { continue };
        // Heads, comments, styles and regions of WebVTT.
        let word = first.split([' ', '\t']).next().unwrap_or_default();
        let other = matches!(word, "NOTE" | "STYLE" | "REGION") || (block == 0 && word == "WEBVTT");
        if other {
            continue;
        }
        // A line that names it may come first.
        let Some(timed) = found.iter().take(2).position(|line| line.contains("-->")) else {
            return refused(block + 1, Why::Untimed);
        };
        let line = block + timed + 1;
        let Some((start, end)) = times(found[timed]) else { return refused(line, Why::Time) };
        if end <= start {
            return refused(line, Why::Backwards);
        }
        let texts = found[timed + 1..].iter().map(|text| plain(text)).filter(|text| !text.is_empty());
        let texts: Vec<String> = texts.collect();
        if texts.len() > MAX_LINES || texts.iter().any(|text| text.chars().nth(MAX_LINE).is_some()) {
            return refused(line + 1, Why::TooLong);
        }
        if texts.is_empty() {
            continue;
        }
        if cues.len() == MAX_CUES {
            return refused(line, Why::TooLong);
        }
        cues.push(Timed { start_ms: start, end_ms: end, lines: texts });
    }
    Ok(in_order(cues))
}

/// By their start; one that goes on into the next ends with it, and those that begin together are one.
#[must_use]
pub fn in_order(mut cues: Vec<Timed>) -> Vec<Timed> {
    cues.sort_by_key(|cue| cue.start_ms);
    let mut out: Vec<Timed> = Vec::with_capacity(cues.len());
    for cue in cues {
        match out.last_mut() {
            Some(last) if cue.start_ms - last.start_ms < SHORTEST_MS => {
                last.end_ms = last.end_ms.max(cue.end_ms);
                last.lines.extend(cue.lines);
                last.lines.truncate(MAX_LINES);
            }
            Some(last) => {
                last.end_ms = last.end_ms.min(cue.start_ms);
                out.push(cue);
            }
            None => out.push(cue),
        }
    }
    out
}

/// `00:01:02.500 --> 00:01:04,000 align:start`.
fn times(line: &str) -> Option<(i64, i64)> {
    let (start, rest) = line.split_once("-->")?;
    Some((time(start.trim())?, time(rest.split_whitespace().next()?)?))
}

/// Hours may be left out; the mark before the milliseconds may be a comma.
fn time(text: &str) -> Option<i64> {
    let (clock, fraction) = text.split_once(['.', ',']).unwrap_or((text, "0"));
    let digits = |text: &str, most: usize| {
        let good = (1..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        good.then(|| text.parse::<i64>().ok()).flatten()
    };
    let mut seconds = 0;
    let parts: Vec<&str> = clock.split(':').collect();
    if !(2..=3).contains(&parts.len()) {
        return None;
    }
    for (n, part) in parts.iter().enumerate() {
        let value = digits(part, 3)?;
        if n > 0 && value > 59 {
            return None;
        }
        seconds = seconds * 60 + value;
    }
    let ms = digits(fraction, 3)? * [100, 10, 1][fraction.len() - 1];
    Some(seconds * 1_000 + ms).filter(|ms| *ms <= LATEST_MS)
}

/// A line without tags, with what stands for characters replaced by them.
fn plain(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(at) = rest.find(['<', '&']) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let entity = ENTITIES.iter().find(|(name, _)| rest.starts_with(name));
        if let Some((name, text)) = entity {
            out.push_str(text);
            rest = &rest[name.len()..];
        } else if let (true, Some(end)) = (is_tag(rest), rest.find('>')) {
            rest = &rest[end + 1..];
        } else {
            out.push_str(&rest[..1]);
            rest = &rest[1..];
        }
    }
    out.push_str(rest);
    let out: String = out.chars().map(|c| if c.is_control() || is_invisible(c) { ' ' } else { c }).collect();
    out.trim().to_owned()
}

const ENTITIES: [(&str, &str); 6] =
    [("&amp;", "&"), ("&lt;", "<"), ("&gt;", ">"), ("&nbsp;", " "), ("&lrm;", ""), ("&rlm;", "")];

/// `<i>`, `</i>`, `<c.yellow>`, `<v Ada>`, `<00:00:01.000>`: what players take for a tag. `a < b` is none.
fn is_tag(text: &str) -> bool {
    text.strip_prefix('<').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> Vec<(i64, i64, String)> {
        read(text).unwrap().into_iter().map(|cue| (cue.start_ms, cue.end_ms, cue.lines.join("|"))).collect()
    }

    #[test]
    fn webvtt_is_read_without_its_looks() {
        let text = "\u{feff}WEBVTT - made by hand\nKind: captions\n\nSTYLE\n::cue { color: red }\n\nNOTE a\nremark\n\n\
            intro\n00:01.000 --> 00:02.5 align:start position:10%\n<v Ada>Bonjour <i>à</i> tous\n- a &lt; b &amp; c < d & e>\n\n\
            01:02:03.004 --> 01:02:04.000\n<00:00:01.000><c>deux</c>\n\n00:00:05.000 --> 00:00:06.000\n<i></i>\n";
        assert_eq!(
            told(text),
            [
                (1_000, 2_500, "Bonjour à tous|- a < b & c < d & e>".to_owned()),
                (3_723_004, 3_724_000, "deux".to_owned())
            ]
        );
    }

    #[test]
    fn subrip_is_read_with_its_commas_and_line_ends() {
        let text =
            "1\r\n00:00:01,000 --> 00:00:02,000\r\nun\r\ndeux\r\n\r\n\r\n2\r\n00:00:02,000 --> 00:00:03,000\r\ntrois";
        assert_eq!(told(text), [(1_000, 2_000, "un|deux".to_owned()), (2_000, 3_000, "trois".to_owned())]);
        assert!(told("").is_empty() && told("WEBVTT\n").is_empty());
    }

    #[test]
    fn captions_come_in_order_and_do_not_overlap() {
        let text = "00:05.000 --> 00:09.000\nc\n\n00:00.000 --> 00:06.000\na\n\n00:05.050 --> 00:07.000\nd\n\n00:02.000 --> 00:03.000\nb\n";
        assert_eq!(
            told(text),
            [(0, 2_000, "a".to_owned()), (2_000, 3_000, "b".to_owned()), (5_000, 9_000, "c|d".to_owned())]
        );
    }

    #[test]
    fn what_can_not_be_taken_is_said_with_its_line() {
        let long = format!("00:00.000 --> 00:01.000\n{}", "x".repeat(MAX_LINE + 1));
        let many = format!("00:00.000 --> 00:01.000\n{}", "x\n".repeat(MAX_LINES + 1));
        let cues = "00:00.000 --> 00:01.000\nx\n\n".repeat(MAX_CUES + 1);
        let whole = " ".repeat(MAX_FILE_BYTES + 1);
        for (text, line, why) in [
            ("WEBVTT\n\nbonjour", 3, Why::Untimed),
            ("1\n\n00:00.000 --> 00:01.000\nx", 1, Why::Untimed),
            ("00:01.000 --> soon\nx", 1, Why::Time),
            ("00:61.000 --> 00:62.000\nx", 1, Why::Time),
            ("1 --> 2\nx", 1, Why::Time),
            ("00:00:00:01.0 --> 2:00\nx", 1, Why::Time),
            ("00:01.0000 --> 00:02.000\nx", 1, Why::Time),
            ("99:00:00.000 --> 99:00:01.000\nx", 1, Why::Time),
            ("-00:01.000 --> 00:02.000\nx", 1, Why::Time),
            ("a\n00:02.000 --> 00:02.000\nx", 2, Why::Backwards),
            (&long, 2, Why::TooLong),
            (&many, 2, Why::TooLong),
            (&cues, 3 * MAX_CUES + 1, Why::TooLong),
            (&whole, 0, Why::TooLong),
        ] {
            assert_eq!(read(text), Err(Refused { line, why }), "{:.60}", text);
        }
    }

    #[test]
    fn what_is_written_is_read_again() {
        use super::super::webvtt;
        let cue = webvtt::tests::cue(1, 500, 1_500, "a --> b & <i>c</i>\n<v Ada>");
        let read = read(&webvtt::file([&cue], |t| t)).unwrap();
        assert_eq!(read[0].lines, ["a --> b & <i>c</i>", "<v Ada>"]);
    }
}
