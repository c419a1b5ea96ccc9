//! What was said so far in a live, in one language: for the page's transcript, and to take away before there is a video.
//!
//! It is read from the segments that the captions' playlist lists, whose text is in memory: what viewers can go back to, and no more. Cues that
//! are not final yet are in no segment; pages are told of those as they are made.

use super::caption_list::CaptionList;
use crate::archive::transcript::Position;
use bytes::Bytes;
use media::caption::{Cue, webvtt};
use media::origin::gzip::{Piece, member};
use media::origin::playlist::Snapshot;
use media::time::WallTime;
use serde_json::json;
use std::collections::HashSet;
use std::sync::Arc;

/// Cues that a page is given, the newest: as many as it keeps, some hours of speech.
const MAX_TOLD: usize = 4_000;

/// A version of it.
#[derive(Debug)]
pub struct Said {
    /// Each cue once, first to last, with when it begins on the clock of EXT-X-PROGRAM-DATE-TIME.
    cues: Vec<(Cue, WallTime)>,
    position: Position,
    json: (Bytes, Bytes),
}

impl Said {
    pub(super) fn of(list: &CaptionList, snapshot: &Snapshot) -> Self {
        let mut seen = HashSet::new();
        let mut cues = Vec::new();
        for segment in snapshot.segments() {
            for written in webvtt::read(&String::from_utf8_lossy(&segment.media)) {
                // One that several segments overlap is in each of them.
                if !seen.insert(written.id) {
                    continue;
                }
                let date = segment.program_date_time.plus_micros(written.start_micros - segment.start_micros);
                let cue = Cue {
                    id: written.id,
                    start_micros: written.start_micros,
                    end_micros: written.end_micros,
                    lines: written.lines,
                    language: list.language.clone(),
                    is_final: true,
                };
                cues.push((cue, date));
            }
        }
        let told = &cues[cues.len().saturating_sub(MAX_TOLD)..];
        let told: Vec<_> = told.iter().map(|(cue, date)| event(cue, *date)).collect();
        let plain = Bytes::from(json!({ "cues": told }).to_string());
        let gzip = member(std::iter::once(&Piece::kept(&plain)));
        Self { cues, position: Position::of(snapshot.segments()), json: (plain, gzip) }
    }

    /// The newest cues as JSON, each as the page's events tell of it; plain, and as a gzip member.
    #[must_use]
    pub fn json(&self) -> &(Bytes, Bytes) {
        &self.json
    }

    /// All of it, first to last.
    pub fn cues(&self) -> impl Iterator<Item = &Cue> {
        self.cues.iter().map(|(cue, _)| cue)
    }

    /// Where a media time is in what viewers can go back to, both in microseconds. Holes do not count, as in the video that it will be.
    #[must_use]
    pub fn position(&self, media_micros: i64) -> i64 {
        self.position.at(media_micros)
    }
}

/// What pages are told of a cue that begins at `date`.
pub(super) fn event(cue: &Cue, date: WallTime) -> serde_json::Value {
    let end = date.plus_micros(cue.end_micros - cue.start_micros);
    json!({
        "language": cue.language.tag(),
        "id": cue.id,
        "start": date.millis(),
        "end": end.millis(),
        "lines": cue.lines,
        "final": cue.is_final,
    })
}

impl CaptionList {
    /// What was said so far. Made once for each version of the playlist, and shared. Hours of it take some ten milliseconds: not for a thread
    /// that others wait for.
    #[must_use]
    pub fn said(&self) -> Arc<Said> {
        let snapshot = self.snapshot();
        let mut kept = self.said.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some((of, said)) = &*kept
            && of.ptr_eq(&Arc::downgrade(&snapshot))
        {
            return Arc::clone(said);
        }
        let said = Arc::new(Said::of(self, &snapshot));
        *kept = Some((Arc::downgrade(&snapshot), Arc::clone(&said)));
        said
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::live::subtitles;
    use crate::live::timeline::Timeline;
    use media::caption::language::Language;
    use media::origin::entry::Segment;
    use media::origin::playlist::Playlist;
    use media::segment::Rules;

    fn segment(msn: u64, start_s: i64, discontinuity: bool, date_s: i64) -> Segment {
        Segment {
            msn,
            discontinuity,
            init: 0,
            program_date_time: WallTime::from_micros(date_s * 1_000_000),
            start_micros: start_s * 1_000_000,
            duration_micros: 2_000_000,
            bytes: 9,
            samples: 1,
            location: None,
            keyframes: Box::default(),
            parts: Box::default(),
            media: Bytes::new(),
        }
    }

    fn cue(id: u64, start_ms: i64, end_ms: i64, text: &str) -> Cue {
        Cue {
            id,
            start_micros: start_ms * 1_000,
            end_micros: end_ms * 1_000,
            lines: vec![text.to_owned()],
            language: Language::new("fr").unwrap(),
            is_final: true,
        }
    }

    /// French captions of a live that was away for a minute after its first four seconds.
    pub(crate) fn say(timeline: &Timeline) -> Arc<CaptionList> {
        let mut playlist = Playlist::of_captions(Rules::new(2_000_000, 500_000), 5, 0, i64::MAX);
        let cues = [
            cue(1, 10_500, 12_500, "Bonjour <à> tous."),
            cue(2, 12_600, 13_000, "Et"),
            cue(3, 75_000, 76_000, "De retour."),
        ];
        let segments = [segment(5, 10, false, 1_000), segment(6, 12, false, 1_002), segment(7, 74, true, 1_064)];
        subtitles::list(&mut playlist, &segments, &cues);
        timeline.add_captions(&Language::new("fr").unwrap(), None, playlist.snapshot())
    }

    #[test]
    fn each_cue_is_told_once_with_its_date() {
        let list = say(&Timeline::new());
        let said = list.said();
        let told: serde_json::Value = serde_json::from_slice(&said.json().0).unwrap();
        let of = |n: usize| {
            (told["cues"][n]["id"].clone(), told["cues"][n]["start"].clone(), told["cues"][n]["end"].clone())
        };
        assert_eq!(told["cues"].as_array().unwrap().len(), 3);
        assert_eq!(of(0), (1.into(), 1_000_500.into(), 1_002_500.into()));
        assert_eq!(of(2), (3.into(), 1_065_000.into(), 1_066_000.into()));
        assert_eq!(told["cues"][0]["lines"][0], "Bonjour <à> tous.");
        assert_eq!(said.position(75_000_000), 5_000_000, "the minute away does not count");
        assert!(Arc::ptr_eq(&said, &list.said()), "made once");
        let segment = segment(8, 76, false, 1_066);
        let mut longer = Playlist::of_captions(Rules::new(2_000_000, 500_000), 8, 1, i64::MAX);
        subtitles::list(&mut longer, &[segment], &[]);
        list.show(longer.snapshot());
        assert_eq!(list.said().cues().count(), 0, "another version");
    }

    #[test]
    fn a_page_is_given_no_more_than_it_keeps() {
        let mut playlist = Playlist::of_captions(Rules::new(2_000_000, 500_000), 0, 0, i64::MAX);
        let cues: Vec<Cue> = (0..i64::try_from(MAX_TOLD).unwrap() + 3)
            .map(|n| cue(n.unsigned_abs(), n * 400, n * 400 + 300, "mot"))
            .collect();
        let segments: Vec<Segment> =
            (0..900).map(|n| segment(n, n.cast_signed() * 2, false, n.cast_signed() * 2)).collect();
        subtitles::list(&mut playlist, &segments, &cues);
        let list = Timeline::new().add_captions(&Language::new("fr").unwrap(), None, playlist.snapshot());
        let said = list.said();
        let told: serde_json::Value = serde_json::from_slice(&said.json().0).unwrap();
        assert_eq!((told["cues"].as_array().unwrap().len(), said.cues().count()), (MAX_TOLD, MAX_TOLD + 3));
        assert_eq!(told["cues"][0]["id"], 3);
    }
}
