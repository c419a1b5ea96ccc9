//! Sound that an engine makes, which comes later than what it is made of: nothing is lost and nothing changes sides where a span ends.

use super::audio::AudioTrack;
use super::boundary::{Boundary, SegmentInfo};
use super::{Event, Part};
use crate::caption::random::Random;
use crate::codec::aac::Aac;
use crate::rendition::RenditionId;
use crate::time::WallTime;
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::Arc;

const SECOND: i64 = 1_000_000;
/// 1024 samples at 48 kHz, rounded.
const FRAME: i64 = 21_333;
const PATIENCE: i64 = 3 * SECOND;

/// `at` is the frame's time in microseconds. Long enough to be found in a part.
fn payload(at: i64) -> Bytes {
    Bytes::from(format!("<{at:012}>"))
}

struct Run {
    track: AudioTrack,
    events: Vec<Event>,
    lead: i64,
    msn: u64,
}

impl Run {
    fn new() -> Self {
        let mut run = Self::before_the_engine();
        run.configure();
        run
    }

    fn before_the_engine() -> Self {
        let track = AudioTrack::made(RenditionId::Stereo, PATIENCE);
        Self { track, events: Vec::new(), lead: i64::MIN, msn: 5 }
    }

    fn configure(&mut self) {
        self.track.configure(&Arc::new(Aac::from_asc(&[0x11, 0x90]).unwrap()));
    }

    fn advance(&mut self) {
        self.track.advance(self.lead, &mut self.events).unwrap();
    }

    fn lead(&mut self, at: i64) {
        self.lead = self.lead.max(at);
        self.advance();
    }

    fn segment(&mut self, at: i64, discontinuity: bool) {
        let program_date_time = WallTime::from_micros(at);
        let segment = Some(SegmentInfo { msn: self.msn, discontinuity, program_date_time });
        self.track.boundary(Boundary { at_micros: at, picture_ticks: at / 100 * 9, segment });
        self.msn += 1;
        self.lead(at);
    }

    fn part(&mut self, at: i64) {
        self.track.boundary(Boundary { at_micros: at, picture_ticks: at / 100 * 9, segment: None });
        self.lead(at);
    }

    fn span_end(&mut self, at: i64) {
        self.track.span_end(at);
        self.lead(at);
    }

    fn frame(&mut self, at: i64) {
        self.track.push(at, payload(at));
        self.advance();
    }

    /// Frames of `from..to`, and where the next one would be.
    fn frames(&mut self, from: i64, to: i64) -> i64 {
        let mut at = from;
        while at < to {
            self.frame(at);
            at += FRAME;
        }
        at
    }

    fn parts(&self) -> Vec<&Part> {
        self.events.iter().filter_map(|e| if let Event::Part(p) = e { Some(p) } else { None }).collect()
    }

    /// The frames of each segment, in order; silence is none.
    fn heard(&self) -> Vec<(u64, Vec<i64>)> {
        let of = |part: &Part| {
            let bytes = part.bytes.to_vec();
            let marked = bytes.windows(14).filter(|w| w[0] == b'<' && w[13] == b'>');
            marked.filter_map(|w| std::str::from_utf8(&w[1..13]).ok()?.parse().ok()).collect::<Vec<i64>>()
        };
        let parts = self.parts();
        let segments = parts.chunk_by(|a, b| a.msn == b.msn);
        segments.map(|s| (s[0].msn, s.iter().flat_map(|p| of(p)).collect())).collect()
    }

    fn closed(&self) -> Vec<u64> {
        self.events
            .iter()
            .filter_map(|e| if let Event::SegmentEnd { msn, .. } = e { Some(*msn) } else { None })
            .collect()
    }

    /// Events are those of segments, one after the other.
    fn assert_in_order(&self) {
        let mut open = None;
        for event in &self.events {
            match event {
                Event::Init { .. } => assert_eq!(open, None),
                Event::SegmentStart(start) => assert_eq!(open.replace(start.msn), None),
                Event::Part(part) => assert!(open == Some(part.msn) && part.duration_ticks > 0, "{part:?}"),
                Event::SegmentEnd { msn, .. } => assert_eq!(open.take(), Some(*msn)),
            }
        }
    }
}

fn every(from: i64, to: i64) -> Vec<i64> {
    (0..).map(|n| from + n * FRAME).take_while(|at| *at < to).collect()
}

/// On air in a segment that begins at 10 s, with sound up to `until`.
fn on_air(until: i64) -> (Run, i64) {
    let mut run = Run::new();
    run.track.push(10 * SECOND, payload(10 * SECOND));
    run.segment(10 * SECOND, false);
    let next = run.frames(10 * SECOND + FRAME, until);
    (run, next)
}

#[test]
fn the_first_segment_has_its_sound_though_the_engine_begins_later_than_its_source() {
    let mut run = Run::before_the_engine();
    run.segment(10 * SECOND, false);
    run.part(10 * SECOND + SECOND / 2);
    run.lead(10 * SECOND + SECOND / 2 + 100_000);
    assert!(run.events.is_empty(), "nothing is known of it");
    // An encoder's first frame is priming, from before the beginning.
    run.configure();
    run.frames(10 * SECOND - FRAME, 12 * SECOND);
    run.segment(12 * SECOND, false);
    run.frames(12 * SECOND, 13 * SECOND);
    run.assert_in_order();
    assert_eq!(run.heard()[0], (5, every(10 * SECOND, 12 * SECOND)));
    assert_eq!(run.closed(), [5]);
}

#[test]
fn an_engine_that_never_comes_is_waited_for_as_long_as_patience_lasts_and_one_that_comes_then_begins_with_a_segment() {
    let mut run = Run::before_the_engine();
    for n in 0..3 {
        run.segment((10 + 2 * n) * SECOND, false);
    }
    run.lead(15 * SECOND + SECOND / 2);
    run.configure();
    run.frames(14 * SECOND - FRAME, 15 * SECOND);
    run.assert_in_order();
    let starts = run.events.iter().filter_map(|e| if let Event::SegmentStart(s) = e { Some(s.msn) } else { None });
    assert_eq!(starts.collect::<Vec<_>>(), [7], "what it was too late for is left to whoever fills it");
    // Where no engine is to come, nothing is kept waiting.
    let mut run = Run::before_the_engine();
    run.track.set_patience(0);
    run.segment(10 * SECOND, false);
    run.configure();
    run.frames(10 * SECOND, 11 * SECOND);
    assert!(run.events.is_empty(), "its first segment has gone by");
}

#[test]
fn a_spans_last_frames_are_waited_for_though_the_source_is_in_the_next() {
    let (end, back) = (12 * SECOND, 12 * SECOND + SECOND / 2);
    let (mut run, next) = on_air(11 * SECOND);
    run.span_end(end);
    run.segment(back, true);
    run.part(back + SECOND / 2);
    assert_eq!(run.closed(), [0; 0], "its last second is with the engine");
    run.frames(next, end);
    assert_eq!(run.closed(), [5]);
    run.frames(back, back + SECOND);
    run.track.finish(back + SECOND, i64::MAX, &mut run.events).unwrap();
    assert_eq!(run.heard(), [(5, every(10 * SECOND, end)), (6, every(back, back + SECOND))]);
    assert_eq!(run.track.dropped(), 0);
    run.assert_in_order();
}

#[test]
fn frames_that_never_come_are_silence_once_one_of_the_next_span_is_there_or_the_source_is_far_ahead() {
    let end = 12 * SECOND;
    // A frame from behind tells that there are no more before it.
    let (mut run, _) = on_air(11 * SECOND);
    run.span_end(end);
    run.segment(end, true);
    assert_eq!(run.closed(), [0; 0]);
    run.frame(end);
    assert_eq!(run.closed(), [5]);
    // So does the source's distance.
    let (mut run, next) = on_air(11 * SECOND);
    run.span_end(end);
    run.segment(end, true);
    run.lead(end + PATIENCE - 1);
    assert_eq!(run.closed(), [0; 0]);
    run.lead(end + PATIENCE);
    assert_eq!(run.closed(), [5]);
    let length: i64 = run.parts().iter().map(|p| p.duration_micros()).sum();
    assert!((length - 2 * SECOND).abs() <= FRAME, "silence to the span's end: {length}");
    // What then still comes of the old span is late, and in nobody's way.
    run.frames(next, end);
    let late = every(next, end).len() as u64;
    assert_eq!(run.track.dropped(), late);
    run.frames(end, end + SECOND);
    run.track.finish(end + SECOND, i64::MAX, &mut run.events).unwrap();
    assert_eq!(run.heard(), [(5, every(10 * SECOND, 11 * SECOND)), (6, every(end, end + SECOND))]);
    run.assert_in_order();
}

#[test]
fn without_an_engine_a_span_ends_at_once() {
    let (mut run, _) = on_air(11 * SECOND);
    run.track.set_patience(0);
    run.span_end(12 * SECOND);
    assert_eq!(run.closed(), [5]);
}

#[test]
fn two_spans_that_end_while_the_engine_is_busy_each_keep_their_frames() {
    let (mut run, next) = on_air(10 * SECOND + SECOND / 2);
    let (ends, begins) = ([11 * SECOND, 12 * SECOND], [11 * SECOND + SECOND / 4, 13 * SECOND]);
    run.span_end(ends[0]);
    run.segment(begins[0], true);
    run.part(begins[0] + SECOND / 2);
    run.span_end(ends[1]);
    run.segment(begins[1], true);
    assert_eq!(run.closed(), [0; 0]);
    run.frames(next, ends[0]);
    run.frames(begins[0], ends[1]);
    run.frames(begins[1], 14 * SECOND);
    run.track.finish(14 * SECOND, i64::MAX, &mut run.events).unwrap();
    let expected =
        [(5, every(10 * SECOND, ends[0])), (6, every(begins[0], ends[1])), (7, every(begins[1], 14 * SECOND))];
    assert_eq!(run.heard(), expected);
    assert_eq!(run.track.dropped(), 0);
    run.assert_in_order();
    // A span without any sound, between two others.
    let (mut run, _) = on_air(11 * SECOND);
    run.span_end(11 * SECOND);
    run.segment(20 * SECOND, true);
    run.span_end(21 * SECOND);
    run.segment(40 * SECOND, true);
    run.frames(40 * SECOND, 41 * SECOND);
    run.track.finish(41 * SECOND, i64::MAX, &mut run.events).unwrap();
    assert_eq!((run.closed(), run.track.dropped()), (vec![5, 6, 7], 0));
    assert_eq!(run.heard()[1].1, [0; 0]);
    assert_eq!(run.heard()[2], (7, every(40 * SECOND, 41 * SECOND)));
}

#[test]
fn what_an_encoder_adds_at_the_end_of_a_span_is_in_none() {
    let (mut run, next) = on_air(12 * SECOND);
    run.span_end(12 * SECOND);
    // Two frames more than the span lasts.
    run.frames(next, 12 * SECOND + 2 * FRAME);
    run.segment(40 * SECOND, true);
    run.frames(40 * SECOND, 41 * SECOND);
    run.track.finish(41 * SECOND, i64::MAX, &mut run.events).unwrap();
    assert_eq!(run.heard(), [(5, every(10 * SECOND, 12 * SECOND)), (6, every(40 * SECOND, 41 * SECOND))]);
    let length: i64 = run.parts().iter().filter(|p| p.msn == 6).map(|p| p.duration_micros()).sum();
    assert!((length - SECOND).abs() <= FRAME, "no silence between the spans: {length}");
}

#[test]
fn what_waits_for_a_span_to_begin_has_a_bound() {
    let (mut run, _) = on_air(12 * SECOND);
    run.span_end(12 * SECOND);
    run.frames(12 * SECOND + FRAME, 12 * SECOND + 401 * FRAME);
    assert_eq!(run.track.dropped(), 400 - 320, "the oldest, each counted");
}

#[test]
fn another_configuration_behind_a_span_begins_with_the_next_segment() {
    let (mut run, next) = on_air(11 * SECOND);
    run.span_end(12 * SECOND);
    run.frames(next, 12 * SECOND);
    run.track.configure(&Arc::new(Aac::from_asc(&[0x11, 0x88]).unwrap()));
    run.frames(20 * SECOND, 21 * SECOND);
    run.segment(20 * SECOND, true);
    run.track.finish(21 * SECOND, i64::MAX, &mut run.events).unwrap();
    assert_eq!(run.heard(), [(5, every(10 * SECOND, 12 * SECOND)), (6, every(20 * SECOND, 21 * SECOND))]);
    assert_eq!(run.events.iter().filter(|e| matches!(e, Event::Init { .. })).count(), 2);
    assert_eq!(run.track.dropped(), 0);
    run.assert_in_order();
}

/// What the source tells, and what the engine makes of it.
enum Told {
    Segment(i64, bool),
    Part(i64),
    SpanEnd(i64),
    Frame(i64),
}

/// Spans of whole parts of half a second, each a while after the one before.
fn told(random: &mut Random) -> Vec<Told> {
    let (mut told, mut at) = (Vec::new(), 10 * SECOND);
    for span in 0..4 {
        let parts = 1 + i64::try_from(random.below(9)).unwrap();
        let mut frame = at;
        for part in 0..parts {
            let begins = at + part * SECOND / 2;
            told.push(if part % 4 == 0 { Told::Segment(begins, span > 0 && part == 0) } else { Told::Part(begins) });
            while frame < begins + SECOND / 2 {
                told.push(Told::Frame(frame));
                frame += FRAME;
            }
        }
        told.push(Told::SpanEnd(frame));
        at = frame + random.micros(10) * SECOND / 10;
    }
    told
}

#[test]
fn however_late_the_engine_is_no_frame_is_lost_and_all_are_in_the_segment_of_their_time() {
    for seed in 0..200 {
        let random = &mut Random::new(seed);
        let (mut run, mut engine) = (Run::new(), VecDeque::new());
        let (mut all, mut begins) = (Vec::new(), Vec::new());
        for one in told(random) {
            match one {
                Told::Segment(at, discontinuity) => {
                    begins.push((run.msn, at));
                    run.segment(at, discontinuity);
                }
                Told::Part(at) => run.part(at),
                Told::SpanEnd(at) => run.span_end(at),
                Told::Frame(at) => {
                    engine.push_back(at);
                    all.push(at);
                    run.lead(at);
                }
            }
            // It hands out as many as it likes, within what is waited for: two pauses and 0.9 s.
            let inside = random.below(40);
            while engine.len() > inside {
                run.frame(engine.pop_front().unwrap());
            }
        }
        while let Some(at) = engine.pop_front() {
            run.frame(at);
        }
        run.advance();
        run.track.advance(i64::MAX, &mut run.events).unwrap();
        run.assert_in_order();
        let heard = run.heard();
        let frames: Vec<i64> = heard.iter().flat_map(|(_, frames)| frames.clone()).collect();
        assert_eq!(frames, all, "seed {seed}");
        assert_eq!(run.track.dropped(), 0, "seed {seed}");
        for (msn, frames) in heard {
            let n = begins.iter().position(|(m, _)| *m == msn).unwrap();
            let until = begins.get(n + 1).map_or(i64::MAX, |(_, at)| *at);
            // A frame may straddle where the next segment begins.
            let inside = |at: &&i64| **at >= begins[n].1 - FRAME && **at < until.saturating_add(FRAME);
            assert_eq!(frames.iter().filter(inside).count(), frames.len(), "seed {seed}, segment {msn}");
        }
    }
}
