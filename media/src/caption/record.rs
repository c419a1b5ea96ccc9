//! What is kept of the captions of one language of one recording: an append-only log of words, corrections and cues.
//!
//! On disk: 8 bytes of [`MAGIC`], then records of `kind: u8, length: u32, payload, crc32 of all before: u32`, all
//! little-endian. The first is [`Record::Begin`]. As in the index of the media ([`crate::segment::index`]), a log that ends
//! anywhere is good up to its last whole record; the writer cuts it there ([`Kept::good_bytes`]) and goes on.
//!
//! Words are the truth: other cues can be made of them later ([`recorded`](super::segmenter::recorded)), spelled by the last
//! vocabulary that was in force. Cues are what viewers of the live saw, so that a server that starts again shows them the same.

use super::Cue;
use super::language::Language;
use super::vocabulary::Vocabulary;
use super::word::{Confidence, MAX_WORDS, Splice, Word, is_invisible};
use bytes::{Buf, BufMut};
use std::collections::BTreeMap;

/// First bytes of a log, with the format's version.
pub const MAGIC: [u8; 8] = *b"AMPHCC01";
/// Kind, length and checksum around a payload.
const FRAME_BYTES: usize = 1 + 4 + 4;
/// Longest payload. An utterance of the most and longest words is a quarter of it.
pub const MAX_PAYLOAD_BYTES: usize = 2 << 20;

/// One line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// Whose captions they are. The first record, and no other.
    Begin(Language),
    /// The transcript changed: new words, or a correction.
    Splice(Splice),
    /// A cue as it was published; a later one with the same id replaces it. In the log's language.
    Cue(Cue),
    /// The recording is complete.
    End,
    /// Names are written so, in all of it.
    Vocabulary(Vocabulary),
}

/// A record that can't be written: larger than [`MAX_PAYLOAD_BYTES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a caption record of {0} bytes, {MAX_PAYLOAD_BYTES} are allowed")]
pub struct TooLarge(usize);

/// Appends a record to `out`.
///
/// # Errors
/// When it is too large; nothing is appended.
pub fn write(record: &Record, out: &mut Vec<u8>) -> Result<(), TooLarge> {
    let start = out.len();
    out.put_u8(tag(record));
    out.put_u32_le(0);
    let body = out.len();
    match record {
        Record::Begin(language) => out.put_slice(language.tag().as_bytes()),
        Record::Splice(splice) => {
            out.put_u64_le(splice.at);
            out.put_u32_le(splice.removed);
            for word in &splice.words {
                out.put_i64_le(word.start_micros());
                out.put_i64_le(word.end_micros());
                out.put_u16_le(word.confidence().thousandths());
                put_text(word.text(), out);
            }
        }
        Record::Cue(cue) => {
            out.put_u64_le(cue.id);
            out.put_i64_le(cue.start_micros);
            out.put_i64_le(cue.end_micros);
            out.put_u8(u8::from(cue.is_final));
            for line in &cue.lines {
                put_text(line, out);
            }
        }
        Record::End => {}
        Record::Vocabulary(names) => out.put_slice(names.lines().join("\n").as_bytes()),
    }
    let length = out.len() - body;
    match u32::try_from(length) {
        Ok(length_u32) if length <= MAX_PAYLOAD_BYTES => {
            out[start + 1..body].copy_from_slice(&length_u32.to_le_bytes());
            let crc = crc32fast::hash(&out[start..]);
            out.put_u32_le(crc);
            Ok(())
        }
        _ => {
            out.truncate(start);
            Err(TooLarge(length))
        }
    }
}

fn put_text(text: &str, out: &mut Vec<u8>) {
    // A text of 4 GiB does not get past the payload's bound.
    out.put_u32_le(u32::try_from(text.len()).unwrap_or(u32::MAX));
    out.put_slice(text.as_bytes());
}

/// All whole records of a log, each with the offset where it ends. One without the magic or a beginning has none.
#[must_use]
pub fn read(log: &[u8]) -> Vec<(Record, u64)> {
    let mut records: Vec<(Record, u64)> = Vec::new();
    let Some(mut rest) = log.strip_prefix(&MAGIC[..]) else { return records };
    let mut language = None;
    while let Some((record, taken)) = read_one(rest, language.as_ref()) {
        if let Record::Begin(l) = &record {
            language = Some(l.clone());
        }
        rest = &rest[taken..];
        records.push((record, (log.len() - rest.len()) as u64));
    }
    records
}

fn read_one(log: &[u8], language: Option<&Language>) -> Option<(Record, usize)> {
    let length = usize::try_from(u32::from_le_bytes(log.get(1..5)?.try_into().ok()?)).ok()?;
    if length > MAX_PAYLOAD_BYTES {
        return None;
    }
    let total = FRAME_BYTES + length;
    let (checked, crc) = log.get(..total)?.split_at(total - 4);
    if crc32fast::hash(checked) != u32::from_le_bytes(crc.try_into().ok()?) {
        return None;
    }
    Some((parse(checked[0], &checked[5..], language)?, total))
}

fn parse(tag: u8, mut b: &[u8], language: Option<&Language>) -> Option<Record> {
    if (tag == 1) != language.is_none() {
        return None;
    }
    let record = match tag {
        1 => {
            let tag = std::str::from_utf8(b).ok()?;
            b = &[];
            Record::Begin(Language::new(tag)?)
        }
        2 => {
            let (at, removed) = (b.try_get_u64_le().ok()?, b.try_get_u32_le().ok()?);
            let mut words = Vec::new();
            while b.has_remaining() && words.len() < MAX_WORDS {
                words.push(word(&mut b)?);
            }
            Record::Splice(Splice { at, removed, words })
        }
        3 => {
            let (id, start_micros, end_micros) =
                (b.try_get_u64_le().ok()?, b.try_get_i64_le().ok()?, b.try_get_i64_le().ok()?);
            let is_final = match b.try_get_u8().ok()? {
                0 => false,
                1 => true,
                _ => return None,
            };
            let mut lines = Vec::new();
            while b.has_remaining() {
                let line = text(&mut b)?;
                if line.is_empty() || line.chars().any(|c| c.is_control() || is_invisible(c)) {
                    return None;
                }
                lines.push(line.to_owned());
            }
            if end_micros <= start_micros {
                return None;
            }
            Record::Cue(Cue { id, start_micros, end_micros, lines, language: language?.clone(), is_final })
        }
        4 => Record::End,
        5 => {
            let text = std::str::from_utf8(b).ok()?;
            b = &[];
            let names = Vocabulary::of_kept(text);
            // What would have to be repaired was never written.
            Record::Vocabulary((names.lines().join("\n") == text).then_some(names)?)
        }
        _ => return None,
    };
    b.is_empty().then_some(record)
}

fn word(b: &mut &[u8]) -> Option<Word> {
    let (start, end) = (b.try_get_i64_le().ok()?, b.try_get_i64_le().ok()?);
    let confidence = Confidence::from_thousandths(b.try_get_u16_le().ok()?)?;
    let text = text(b)?;
    let word = Word::new(text, start, end, confidence).ok()?;
    // What a word would have to be repaired in was never written.
    (word.text() == text && (word.start_micros(), word.end_micros()) == (start, end)).then_some(word)
}

fn text<'a>(b: &mut &'a [u8]) -> Option<&'a str> {
    let length = usize::try_from(b.try_get_u32_le().ok()?).ok()?;
    let (text, rest) = b.split_at_checked(length)?;
    *b = rest;
    std::str::from_utf8(text).ok()
}

fn tag(record: &Record) -> u8 {
    match record {
        Record::Begin(_) => 1,
        Record::Splice(_) => 2,
        Record::Cue(_) => 3,
        Record::End => 4,
        Record::Vocabulary(_) => 5,
    }
}

/// A log as it stands after all its records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Whose captions they are.
    pub language: Language,
    /// The transcript, corrections made.
    pub words: Vec<Word>,
    /// How names are written; the last word on it.
    pub names: Vocabulary,
    /// The last state of each cue, by id; withdrawn ones are gone.
    pub cues: Vec<Cue>,
    /// The id after the highest that was used, withdrawn ones too.
    pub next_cue_id: u64,
    /// The recording is complete.
    pub complete: bool,
    /// How much of the log is good: a writer cuts it here before it goes on.
    pub good_bytes: u64,
}

impl Kept {
    /// Reads a log. `None` when it has no beginning: there is nothing to keep of it.
    ///
    /// It ends, as at a damaged record, at a splice that does not fit: what follows would be in the wrong place.
    #[must_use]
    pub fn open(log: &[u8]) -> Option<Self> {
        let mut records = read(log).into_iter();
        let Some((Record::Begin(language), good_bytes)) = records.next() else { return None };
        let mut cues = BTreeMap::new();
        let (words, names) = (Vec::new(), Vocabulary::default());
        let mut kept = Self { language, words, names, cues: Vec::new(), next_cue_id: 0, complete: false, good_bytes };
        for (record, end) in records {
            match record {
                Record::Begin(_) => break,
                Record::Splice(splice) => {
                    if !splice.apply(&mut kept.words) {
                        break;
                    }
                }
                Record::Cue(cue) => {
                    kept.next_cue_id = kept.next_cue_id.max(cue.id.saturating_add(1));
                    if cue.lines.is_empty() {
                        cues.remove(&cue.id);
                    } else {
                        cues.insert(cue.id, cue);
                    }
                }
                Record::End => kept.complete = true,
                Record::Vocabulary(names) => kept.names = names,
            }
            kept.good_bytes = end;
        }
        kept.cues = cues.into_values().collect();
        Some(kept)
    }
}
