//! A recording's transcript on its own time: as people wrote it, or else from the words that were kept; and where its segments lie.

use super::layout::Layout;
use super::{Error, captions, edited};
use media::caption::Cue;
use media::caption::import::Timed;
use media::caption::language::Language;
use media::caption::record::Kept;
use media::caption::segmenter;
use media::caption::style::CaptionStyle;
use media::caption::word::Word;
use media::origin::entry::Segment;
use std::sync::Arc;

/// A video's cues: its words cut anew, as all of them are known.
#[must_use]
pub fn recorded_cues(kept: &Kept) -> Vec<Cue> {
    // Engines for live speech give no punctuation.
    let style = CaptionStyle::recorded(&kept.language, true);
    segmenter::recorded(&kept.words, style, &kept.language, Arc::new(kept.names.glossary()))
}

/// What is said in a recording, in one language.
#[derive(Clone, Debug)]
pub struct Transcript {
    /// Of the cues.
    pub language: Language,
    /// In order, without overlap; media time.
    pub cues: Vec<Cue>,
    /// Another number when people have written another text; `None`: nobody has.
    pub edited: Option<u64>,
    /// What a machine heard, if one did.
    pub kept: Option<Kept>,
}

/// What is said in the part of a recording that is `shown`, by language; `whole` is where all of it lies. Of what a machine heard not a word is told that
/// was said outside; a caption that people wrote is told if any of it is to be seen. Blocking.
///
/// # Errors
/// When the folder or a file of it can't be read.
pub fn all(layout: &Layout, id: &str, whole: &Position, shown: &Position) -> Result<Vec<Transcript>, Error> {
    let mut heard = captions::read_all(layout, id)?;
    heard.iter_mut().for_each(|kept| shown.limit(&mut kept.words));
    let mut all: Vec<Transcript> = Vec::new();
    let written = edited::languages(layout, id)?;
    for (language, state) in written.iter().filter(|(_, state)| !state.hidden) {
        let cues = edited::read(layout, id, language)?.unwrap_or_default();
        let kept = heard.iter().find(|kept| kept.language == *language).cloned();
        let cues = (1..).zip(cues).map(|(id, cue)| whole.cue(id, cue, language)).filter(|cue| shown.shows(cue));
        let cues = cues.collect();
        all.push(Transcript { language: language.clone(), cues, edited: Some(state.version), kept });
    }
    for kept in heard.into_iter().filter(|kept| !written.contains_key(&kept.language)) {
        let (language, cues) = (kept.language.clone(), recorded_cues(&kept));
        all.push(Transcript { language, cues, edited: None, kept: Some(kept) });
    }
    all.sort_by(|a, b| a.language.cmp(&b.language));
    Ok(all)
}

/// A language that a video is offered with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Offered {
    /// Which.
    pub language: Language,
    /// Nobody has looked over it.
    pub by_machine: bool,
}

/// The languages that a video is offered with, by tag. A folder that can't be read has none to offer; who plays the video is told.
pub async fn offered(layout: &Layout, id: &str) -> Vec<Offered> {
    let (layout, id) = (layout.clone(), id.to_owned());
    let read = tokio::task::spawn_blocking(move || {
        let written = edited::languages(&layout, &id).unwrap_or_default();
        let heard = captions::languages(&layout, &id).unwrap_or_default();
        let heard = heard.into_iter().filter(|language| !written.contains_key(language));
        let shown = written.iter().filter(|(_, state)| !state.hidden).map(|(language, _)| language.clone());
        let mut all: Vec<Offered> = heard
            .map(|language| Offered { language, by_machine: true })
            .chain(shown.map(|language| Offered { language, by_machine: false }))
            .collect();
        all.sort_by(|a, b| a.language.cmp(&b.language));
        all
    });
    read.await.unwrap_or_default()
}

/// Where a media time is in the recording, microseconds from its start; holes do not count. For files that are read beside the video.
#[derive(Debug)]
pub struct Position {
    /// Start and length of each segment, and where it begins in the recording.
    segments: Vec<(i64, i64, i64)>,
}

impl Position {
    /// Among the segments of a recording's leading rendition, in order.
    #[must_use]
    pub fn of<'a>(segments: impl IntoIterator<Item = &'a Segment>) -> Self {
        let mut before = 0;
        let place = |s: &Segment| {
            let place = (s.start_micros, s.duration_micros, before);
            before += s.duration_micros;
            place
        };
        Self { segments: segments.into_iter().map(place).collect() }
    }

    /// From which media time to which it goes, microseconds; `None`: there is nothing of it.
    #[must_use]
    pub fn span(&self) -> Option<(i64, i64)> {
        let ((from, ..), (last, length, _)) = self.segments.first().zip(self.segments.last())?;
        Some((*from, last + length))
    }

    /// Leaves the words that are said in it: a part of a recording may be all that is shown.
    pub fn limit(&self, words: &mut Vec<Word>) {
        let Some((from, until)) = self.span() else { return };
        words.retain(|word| word.start_micros() >= from && word.start_micros() < until);
    }

    /// The media time of a moment of the recording, both in microseconds.
    #[must_use]
    pub fn media(&self, at_micros: i64) -> i64 {
        let n = self.segments.partition_point(|(.., before)| *before <= at_micros);
        let Some((start, length, before)) = n.checked_sub(1).and_then(|n| self.segments.get(n)) else { return 0 };
        start + (at_micros - before).min(*length)
    }

    /// A caption that people wrote, at its media time.
    fn cue(&self, id: u64, written: Timed, language: &Language) -> Cue {
        let start_micros = self.media(written.start_ms * 1_000);
        Cue {
            id,
            start_micros,
            // One that goes on over a hole ends behind it.
            end_micros: self.media(written.end_ms * 1_000).max(start_micros + 1_000),
            lines: written.lines,
            language: language.clone(),
            is_final: true,
        }
    }

    /// Whether any of it is to be seen in it.
    #[must_use]
    pub fn shows(&self, cue: &Cue) -> bool {
        self.span().is_some_and(|(from, until)| cue.overlaps(from, until))
    }

    /// Of a media time.
    #[must_use]
    pub fn at(&self, media_micros: i64) -> i64 {
        let n = self.segments.partition_point(|(start, ..)| *start <= media_micros);
        let Some((start, length, before)) = n.checked_sub(1).and_then(|n| self.segments.get(n)) else { return 0 };
        before + (media_micros - start).min(*length)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::archive::layout::Layout;
    use media::caption::language::Language;
    use media::caption::record;
    use media::caption::word::{Confidence, Splice};
    use media::rendition::RenditionId;
    use media::segment::index::{self, Begin, PartRecord};
    use media::time::{Timescale, Timestamp, WallTime};

    /// A recording of two minutes without a byte of media, in which words are said at these seconds of it.
    pub(crate) fn say(layout: &Layout, id: &str, language: &str, said: &[(u32, &str)]) {
        std::fs::create_dir_all(layout.folder(id)).unwrap();
        let rendition = RenditionId::Source;
        let begin = Begin { origin: WallTime::default(), first_msn: 0, first_discontinuity: 0, target_duration_s: 2 };
        let mut bytes = index::MAGIC.to_vec();
        index::write(&index::Record::Begin(begin), &mut bytes);
        for msn in 0..60 {
            let program_date_time = WallTime::default();
            let segment = index::Record::Segment { rendition, msn, discontinuity: false, init: 0, program_date_time };
            index::write(&segment, &mut bytes);
            // Media time begins somewhere.
            let start = Timestamp::new(10_000 + i64::try_from(msn).unwrap() * 2_000, Timescale::MILLIS);
            let part = PartRecord {
                rendition,
                independent: true,
                offset: 0,
                bytes: 10,
                crc: 0,
                samples: 1,
                start,
                duration_ticks: 2_000,
                keyframes: Vec::new(),
            };
            index::write(&index::Record::Part(part), &mut bytes);
            index::write(&index::Record::SegmentEnd(rendition), &mut bytes);
        }
        index::write(&index::Record::End, &mut bytes);
        std::fs::write(layout.index(id), bytes).unwrap();
        let language = Language::new(language).unwrap();
        let mut words = Vec::new();
        for (at_s, text) in said {
            for (n, word) in text.split(' ').enumerate() {
                let start = (i64::from(*at_s) + 10) * 1_000_000 + i64::try_from(n).unwrap() * 300_000;
                words.push(Word::new(word, start, start + 250_000, Confidence::from_ratio(0.9)).unwrap());
            }
        }
        let mut log = record::MAGIC.to_vec();
        record::write(&record::Record::Begin(language.clone()), &mut log).unwrap();
        record::write(&record::Record::Splice(Splice { at: 0, removed: 0, words }), &mut log).unwrap();
        record::write(&record::Record::End, &mut log).unwrap();
        std::fs::write(layout.captions(id, &language), log).unwrap();
    }

    fn segment(msn: u64, start_s: i64) -> Segment {
        Segment {
            msn,
            discontinuity: false,
            init: 3,
            program_date_time: WallTime::default(),
            start_micros: start_s * 1_000_000,
            duration_micros: 2_000_000,
            bytes: 9,
            samples: 1,
            location: None,
            keyframes: Box::default(),
            parts: Box::default(),
            media: bytes::Bytes::new(),
        }
    }

    #[test]
    fn holes_do_not_count_in_a_recording() {
        let position = Position::of(&[segment(5, 10), segment(6, 12), segment(7, 60)]);
        let at = |s: i64| position.at(s * 1_000_000) / 1_000_000;
        assert_eq!([at(9), at(10), at(13), at(30), at(61), at(99)], [0, 0, 3, 4, 5, 6]);
        let media = |s: i64| position.media(s * 1_000_000) / 1_000_000;
        assert_eq!([media(0), media(3), media(4), media(5), media(99)], [10, 13, 60, 61, 62]);
    }
}
