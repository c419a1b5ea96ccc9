//! Captions, from what a speech engine thinks to what a viewer reads. No engine here: words come in, text goes out.
//!
//! - [`word`]: a word with its times and confidence, and an engine's hypothesis of an utterance, both bounded;
//! - [`agreement`]: hypotheses that change → words that stay. Says when a word is good enough to show;
//! - [`language`], [`glossary`], [`style`]: what depends on the language, on the event, and on where it is read;
//! - [`vocabulary`]: the names of a place as people list them, for glossaries and grammars;
//! - [`spelling`]: words → written text: capitals, full stops, commas, elisions, names;
//! - [`columns`], [`layout`]: how wide text is, and where its lines break;
//! - [`segmenter`]: words → [`Cue`]s, for a live (cues that grow) and for a whole recording by the same code;
//! - [`track`]: one language of a live, all of the above together;
//! - [`webvtt`], [`export`]: cues → WebVTT for HLS and for files, SRT; words → a readable text and JSON lines; [`import`]: such files → captions;
//! - [`record`]: words and cues as they are kept on disk.
//!
//! What a viewer is promised: a word appears once it is agreed on, never later than [`agreement::Patience`] says and
//! without waiting for the utterance's end; once shown it changes only when the engine's last word on the utterance
//! is another one; no word is lost or doubled where utterances, cues or segments meet; a cue is long enough to be read
//! where there is room, and stands at the time of its words.
//!
//! All times are media time on the timeline, in microseconds; it begins at
//! [`MEDIA_TIME_BASE_MICROS`](crate::segment::MEDIA_TIME_BASE_MICROS). Pure: no IO, no clock.

pub mod agreement;
mod alignment;
pub mod columns;
pub mod export;
pub mod glossary;
pub mod import;
pub mod language;
pub mod layout;
pub mod record;
pub mod segmenter;
pub mod spelling;
pub mod style;
pub mod track;
pub mod vocabulary;
pub mod webvtt;
pub mod word;

#[cfg(test)]
mod agreement_test;
#[cfg(test)]
pub(crate) mod random;
#[cfg(test)]
mod record_test;
#[cfg(test)]
mod segmenter_test;

use language::Language;

/// One caption. A later one with the same id replaces it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cue {
    /// Unique in its language and timeline, going up with time. Players recognise a repeated cue by it.
    pub id: u64,
    /// When it appears, media time in microseconds.
    pub start_micros: i64,
    /// When it goes; after `start_micros`.
    pub end_micros: i64,
    /// Its text, top line first: no empty line, no control character. No lines at all: the cue is withdrawn (the engine
    /// took back all its words).
    pub lines: Vec<String>,
    /// Of the text.
    pub language: Language,
    /// Its times stay from here on, and its text too but for a correction by the engine.
    pub is_final: bool,
}

impl Cue {
    /// Whether any of it is to be seen in `from_micros..until_micros`.
    #[must_use]
    pub fn overlaps(&self, from_micros: i64, until_micros: i64) -> bool {
        self.start_micros < until_micros && self.end_micros > from_micros
    }
}
