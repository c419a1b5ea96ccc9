//! One language of a live: what a speech engine says and where the source is cut → cues, and the WebVTT segments beside the source's.
//!
//! A segment is published when all that is said in it was agreed on, or when the live has gone on for `MAX_WAIT_MICROS` since its end;
//! at once when there is no engine. Every segment that the source has is published, once, in order; its text never changes.

use super::Cue;
use super::agreement::{Agreement, Patience};
use super::glossary::Glossary;
use super::language::Language;
use super::record::Kept;
use super::segmenter::{Segmenter, Start};
use super::style::CaptionStyle;
use super::webvtt;
use super::word::{Hypothesis, Splice, Word};
use crate::segment::boundary::{Placed, SegmentInfo};
use crate::segment::lead::Lead;
use crate::time::WallTime;
use bytes::Bytes;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// Words come up to 2.1 s after they were said; a viewer near the edge has passed them by then, and one who is a little behind gets more
/// of them in time the longer a segment waits.
const MAX_WAIT_MICROS: i64 = 1_500_000;
/// Cues are kept this long behind what is published: one may still be corrected. An utterance lasts 20 s at most.
const KEPT_BEHIND_MICROS: i64 = 60_000_000;
/// Segments by which a cue's time is told as a date.
const DATED_SEGMENTS: usize = 32;

/// What comes of it, in order.
#[derive(Clone, Debug)]
pub enum Said {
    /// The transcript changes: to be kept.
    Splice(Splice),
    /// A cue is new or another; with the wall-clock time of its start.
    Cue(Cue, WallTime),
    /// A segment is published.
    Segment(Published),
}

/// A WebVTT segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// Of the source too, as the rest.
    pub info: Info,
    /// Presentation time, microseconds.
    pub start_micros: i64,
    /// Microseconds.
    pub duration_micros: i64,
    /// All of it.
    pub text: Bytes,
}

/// What the source's segment says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Info {
    /// Media sequence number.
    pub msn: u64,
    /// It does not continue its predecessor.
    pub discontinuity: bool,
    /// Wall-clock time of its start.
    pub program_date_time: WallTime,
}

/// See the module.
#[derive(Debug)]
pub struct CaptionTrack {
    agreement: Agreement,
    segmenter: Segmenter,
    cues: BTreeMap<u64, Cue>,
    /// Ends of segments, and of spans, that are still to be published.
    marks: VecDeque<Mark>,
    open: Option<(i64, SegmentInfo)>,
    dated: VecDeque<(i64, WallTime)>,
    lead: Lead,
    awaited: bool,
}

#[derive(Clone, Copy, Debug)]
struct Mark {
    from_micros: i64,
    until_micros: i64,
    info: SegmentInfo,
    span_ends: bool,
}

impl CaptionTrack {
    /// A new one, or one that goes on after what is `kept`.
    #[must_use]
    pub fn new(language: &Language, glossary: Arc<Glossary>, kept: Option<&Kept>) -> Self {
        let words = kept.map_or(0, |k| k.words.len() as u64);
        let end = kept.and_then(|k| k.words.last()).map_or(0, Word::end_micros);
        let start = Start { cue_id: kept.map_or(0, |k| k.next_cue_id), words, not_before_micros: end };
        Self {
            agreement: Agreement::new(Patience::default(), words, end),
            segmenter: Segmenter::new(CaptionStyle::live(language), language.clone(), glossary, start),
            cues: BTreeMap::new(),
            marks: VecDeque::new(),
            open: None,
            dated: VecDeque::new(),
            lead: Lead::new(),
            awaited: false,
        }
    }

    /// Whether an engine listens, so that segments wait for it.
    pub fn await_engine(&mut self, awaited: bool) {
        self.awaited = awaited;
    }

    /// Names are written so from here on.
    pub fn respell(&mut self, glossary: Arc<Glossary>) {
        self.segmenter.respell(glossary);
    }

    /// What the segmenter of the live placed.
    pub fn placed(&mut self, placed: &Placed, out: &mut Vec<Said>) {
        match placed {
            Placed::Boundary(boundary) => {
                if let Some(info) = boundary.segment {
                    self.ends(boundary.at_micros, false);
                    self.open = Some((boundary.at_micros, info));
                    self.dated.push_back((boundary.at_micros, info.program_date_time));
                    if self.dated.len() > DATED_SEGMENTS {
                        self.dated.pop_front();
                    }
                }
            }
            Placed::SpanEnd(at_micros) => self.ends(*at_micros, true),
            Placed::Frame(frame) => self.lead.frame(frame),
            Placed::Parameters(_) => {}
        }
        self.publish(false, out);
    }

    /// The engine's next hypothesis, and how far it has heard, microseconds.
    pub fn heard(&mut self, hypothesis: &Hypothesis, heard_until_micros: i64, out: &mut Vec<Said>) {
        let splices = self.agreement.hear(hypothesis, heard_until_micros);
        self.splice(splices, out);
        let mut cues = Vec::new();
        self.segmenter.said_until(self.agreement.said_until_micros(), &mut cues);
        self.say(cues, out);
        self.publish(false, out);
    }

    /// The engine says nothing more of this utterance: what it said stands.
    pub fn utterance_ends(&mut self, out: &mut Vec<Said>) {
        let splices = self.agreement.finish();
        self.splice(splices, out);
    }

    /// Nothing more comes of what was placed so far: it is published as it is.
    pub fn finish(&mut self, out: &mut Vec<Said>) {
        self.utterance_ends(out);
        self.publish(true, out);
    }

    fn ends(&mut self, at_micros: i64, span_ends: bool) {
        if let Some((from_micros, info)) = self.open.take() {
            self.marks.push_back(Mark { from_micros, until_micros: at_micros, info, span_ends });
        }
    }

    fn publish(&mut self, all: bool, out: &mut Vec<Said>) {
        let wait = if self.awaited { MAX_WAIT_MICROS } else { 0 };
        let lead_micros = self.lead.micros(self.awaited);
        while let Some(mark) = self.marks.front().copied() {
            let said = self.awaited && self.agreement.said_until_micros() >= mark.until_micros;
            if !(all || said || lead_micros >= mark.until_micros.saturating_add(wait)) {
                return;
            }
            self.marks.pop_front();
            let mut cues = Vec::new();
            if mark.span_ends {
                let splices = self.agreement.finish();
                self.splice(splices, out);
                self.segmenter.finish(&mut cues);
            } else {
                self.segmenter.settle(mark.until_micros, &mut cues);
            }
            self.say(cues, out);
            let SegmentInfo { msn, discontinuity, program_date_time } = mark.info;
            let segment =
                webvtt::Segment { from_micros: mark.from_micros, until_micros: mark.until_micros, discontinuity };
            let text = webvtt::segment(segment, self.cues.values());
            // Most segments of a quiet hall are the same text: it is held once.
            let text = if text == webvtt::HLS_HEADER {
                Bytes::from_static(webvtt::HLS_HEADER.as_bytes())
            } else {
                text.into()
            };
            out.push(Said::Segment(Published {
                info: Info { msn, discontinuity, program_date_time },
                start_micros: mark.from_micros,
                duration_micros: mark.until_micros - mark.from_micros,
                text,
            }));
            let behind = mark.from_micros - KEPT_BEHIND_MICROS;
            self.cues.retain(|_, cue| cue.end_micros >= behind);
        }
    }

    fn splice(&mut self, splices: Vec<Splice>, out: &mut Vec<Said>) {
        for splice in splices {
            let mut cues = Vec::new();
            self.segmenter.push(&splice, &mut cues);
            out.push(Said::Splice(splice));
            self.say(cues, out);
        }
    }

    fn say(&mut self, cues: Vec<Cue>, out: &mut Vec<Said>) {
        for cue in cues {
            if cue.lines.is_empty() {
                self.cues.remove(&cue.id);
            } else {
                self.cues.insert(cue.id, cue.clone());
            }
            let date = self.date(cue.start_micros);
            out.push(Said::Cue(cue, date));
        }
    }

    /// The wall-clock time of a media time: by the segment that it is in.
    fn date(&self, at_micros: i64) -> WallTime {
        let before = self.dated.iter().rev().find(|(from, _)| *from <= at_micros).or(self.dated.front());
        before.map_or(WallTime::default(), |(from, date)| date.plus_micros(at_micros - from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::caption::word::Confidence;
    use crate::segment::boundary::{Boundary, PlacedFrame};
    use crate::time::{Timescale, Timestamp};
    use crate::track::Kind;

    const SECOND: i64 = 1_000_000;

    fn track() -> CaptionTrack {
        let mut track = CaptionTrack::new(&Language::new("en").unwrap(), Arc::default(), None);
        track.await_engine(true);
        track
    }

    fn boundary(msn: u64, at_s: i64) -> Placed {
        let program_date_time = WallTime::from_micros(1_000 * SECOND + at_s * SECOND);
        let segment = Some(SegmentInfo { msn, discontinuity: false, program_date_time });
        Placed::Boundary(Boundary { at_micros: at_s * SECOND, picture_ticks: at_s * 90_000, segment })
    }

    fn frame(at_micros: i64) -> Placed {
        arrives(at_micros, at_micros)
    }

    fn arrives(at_micros: i64, received_micros: i64) -> Placed {
        let at = Timestamp::from_micros(at_micros, Timescale::MICROS);
        let (received, payload) = (WallTime::from_micros(received_micros), Bytes::new());
        Placed::Frame(PlacedFrame { kind: Kind::Audio, dts: at, pts: at, keyframe: true, cut: None, received, payload })
    }

    fn words(text: &str, from_micros: i64, is_final: bool) -> Hypothesis {
        let word = |(n, text): (i64, &str)| {
            let start = from_micros + n * 300_000;
            Word::new(text, start, start + 250_000, Confidence::from_ratio(0.9)).unwrap()
        };
        Hypothesis::new((0..).zip(text.split_whitespace()).map(word).collect(), is_final).unwrap()
    }

    fn published(said: &[Said]) -> Vec<(u64, String)> {
        let text = |p: &Published| String::from_utf8(p.text.to_vec()).unwrap();
        said.iter().filter_map(|s| if let Said::Segment(p) = s { Some((p.info.msn, text(p))) } else { None }).collect()
    }

    #[test]
    fn a_segment_waits_for_what_is_said_in_it_and_no_longer_than_that() {
        let (mut track, mut out) = (track(), Vec::new());
        for (msn, at) in [(5, 10), (6, 12)] {
            track.placed(&boundary(msn, at), &mut out);
        }
        track.heard(&words("good morning everybody", 10_200_000, false), 11 * SECOND, &mut out);
        assert!(published(&out).is_empty(), "the engine is still at it");
        track.heard(&words("good morning everybody", 10_200_000, true), 12_100_000, &mut out);
        let segments = published(&out);
        assert_eq!(segments.len(), 1, "all is said");
        assert_eq!(segments[0].0, 5);
        assert!(segments[0].1.contains("Good morning everybody"), "{}", segments[0].1);
        // The cue was told early, with its date.
        let dated = out.iter().find_map(|s| if let Said::Cue(_, date) = s { Some(*date) } else { None }).unwrap();
        assert_eq!(dated.micros(), 1_000 * SECOND + 10_200_000);
    }

    #[test]
    fn names_are_spelled_by_the_vocabulary_of_the_moment() {
        let (mut track, mut out) = (track(), Vec::new());
        for (msn, at) in [(5, 10), (6, 12)] {
            track.placed(&boundary(msn, at), &mut out);
        }
        track.heard(&words("from lille to rennes", 10_200_000, false), 11 * SECOND, &mut out);
        track.respell(Arc::new(Glossary::of_names(["Lille", "Rennes"]).unwrap()));
        track.heard(&words("from lille to rennes", 10_200_000, true), 12_100_000, &mut out);
        let segments = published(&out);
        assert!(segments[0].1.contains("From Lille to Rennes"), "{}", segments[0].1);
    }

    #[test]
    fn an_engine_that_is_slow_or_gone_holds_no_segment_up() {
        let (mut track, mut out) = (track(), Vec::new());
        for (msn, at) in [(5, 10), (6, 12), (7, 14)] {
            track.placed(&boundary(msn, at), &mut out);
        }
        track.placed(&frame(13_400_000), &mut out);
        assert!(published(&out).is_empty());
        track.placed(&frame(13_500_000), &mut out);
        assert_eq!(published(&out), [(5, webvtt::HLS_HEADER.to_owned())]);
        track.await_engine(false);
        track.placed(&frame(14 * SECOND), &mut out);
        assert_eq!(published(&out).len(), 2, "without an engine nothing is waited for");
    }

    #[test]
    fn what_comes_at_once_after_a_stall_is_waited_for() {
        let (mut track, mut out) = (track(), Vec::new());
        track.placed(&boundary(5, 10), &mut out);
        track.placed(&arrives(10 * SECOND, 20 * SECOND), &mut out);
        for (msn, at) in [(6, 12), (7, 14)] {
            track.placed(&boundary(msn, at), &mut out);
            track.placed(&arrives(at * SECOND, 20 * SECOND), &mut out);
        }
        assert!(published(&out).is_empty(), "the engine had no time for it");
        track.heard(&words("good morning everybody", 10_200_000, true), 12_100_000, &mut out);
        let segments = published(&out);
        assert!(segments.len() == 1 && segments[0].1.contains("Good morning everybody"), "{segments:?}");
        // Three seconds later it has had its time.
        track.placed(&arrives(17 * SECOND, 23 * SECOND), &mut out);
        assert_eq!(published(&out).len(), 1);
        track.placed(&arrives(17 * SECOND + 100_000, 25 * SECOND), &mut out);
        assert_eq!(published(&out).len(), 2);
    }

    #[test]
    fn at_the_end_everything_is_published_and_what_was_last_said_stands() {
        let (mut track, mut out) = (track(), Vec::new());
        track.placed(&boundary(5, 10), &mut out);
        track.heard(&words("the end", 10_500_000, false), 11 * SECOND, &mut out);
        track.placed(&Placed::SpanEnd(11_300_000), &mut out);
        track.finish(&mut out);
        let segments = published(&out);
        assert_eq!(segments.len(), 1);
        assert!(segments[0].1.contains("The end"), "{}", segments[0].1);
        // Another contribution goes on in its own utterance.
        out.clear();
        for (msn, at) in [(6, 20), (7, 22)] {
            track.placed(&boundary(msn, at), &mut out);
        }
        track.heard(&words("hello again", 20_100_000, true), 23 * SECOND, &mut out);
        let segments = published(&out);
        assert!(segments[0].1.contains("Hello again") && !segments[0].1.contains("end"), "{}", segments[0].1);
    }
}
