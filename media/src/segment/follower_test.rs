//! Renditions beside a source: the same segments at the same times, nothing lost while the engine works, gaps while it does not.

use super::boundary::{Placed, PlacedFrame};
use super::follower::{Encoded, Follower};
use super::segmenter::Segmenter;
use super::{Event, Part, Rules, SegmentStart};
use crate::codec::h264::{H264, tests::AVCC_640X360};
use crate::feed::Item;
use crate::frame::Frame;
use crate::rendition::RenditionId;
use crate::time::{Timescale, Timestamp, WallTime};
use crate::track::{Kind, Parameters};
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::Arc;

const RULES: Rules = Rules { segment_target_micros: 2_000_000, target_duration_s: 4, part_target_micros: 500_000 };
const RUNG: RenditionId = RenditionId::Rung(360);

fn h264(level: u8) -> Parameters {
    let mut avcc = AVCC_640X360.to_vec();
    (avcc[3], avcc[11]) = (level, level);
    Parameters::Video(Arc::new(H264::from_avcc(&avcc).unwrap()))
}

/// A source with its segmenter, an engine that hands each picture out `inside` pictures later, and the rendition it makes.
struct Run {
    segmenter: Segmenter,
    follower: Follower,
    source: Vec<Event>,
    rung: Vec<Event>,
    engine: VecDeque<PlacedFrame>,
    inside: usize,
    /// What reaches it is lost.
    dead: bool,
    told: bool,
    /// Parameters of the engine's pictures.
    level: u8,
}

impl Run {
    fn new(inside: usize) -> Self {
        let mut segmenter = Segmenter::new(RULES, WallTime::from_micros(0), 7, 0, false);
        segmenter.follow();
        let mut follower = Follower::new(RUNG);
        follower.await_engine(true);
        let (source, rung) = (Vec::new(), Vec::new());
        Self { segmenter, follower, source, rung, engine: VecDeque::new(), inside, dead: false, told: false, level: 30 }
    }

    fn picture(&mut self, ms: i64, keyframe: bool) {
        let t = Timestamp::new(ms, Timescale::MILLIS);
        let pts = Timestamp::new(ms + 80, Timescale::MILLIS);
        let received = WallTime::from_micros(ms * 1000);
        let payload = Bytes::from_static(&[0; 8]);
        self.push(Item::Frame(Frame { kind: Kind::Video, dts: t, pts, keyframe, received, payload }));
    }

    fn push(&mut self, item: Item) {
        self.segmenter.push(item, &mut self.source).unwrap();
        self.placed();
    }

    fn placed(&mut self) {
        for placed in self.segmenter.take_placed() {
            self.follower.placed(&placed, &mut self.rung).unwrap();
            if let Placed::Frame(frame) = placed {
                if !self.dead {
                    self.engine.push_back(frame);
                }
                while self.engine.len() > self.inside {
                    self.encoded();
                }
            }
        }
    }

    /// The engine hands out its oldest picture: an IDR where a segment begins, and after a start.
    fn encoded(&mut self) {
        let Some(frame) = self.engine.pop_front() else { return };
        let first = !std::mem::replace(&mut self.told, true);
        if first {
            self.follower.parameters(&h264(self.level));
        }
        // Without B-frames: decoded in the order of showing.
        let encoded = Encoded {
            dts: frame.pts,
            pts: frame.pts,
            keyframe: frame.cut || first,
            payload: Bytes::from_static(&[1; 8]),
        };
        self.follower.frame(encoded, &mut self.rung).unwrap();
    }

    /// `from..to` seconds of 25 fps with a keyframe each `gop` pictures.
    fn play(&mut self, from: i64, to: i64, gop: i64) {
        for n in from * 25..to * 25 {
            self.picture(n * 40, n % gop == 0);
        }
    }

    fn end(&mut self) {
        self.segmenter.end_contribution(&mut self.source).unwrap();
        self.placed();
        while !self.engine.is_empty() {
            self.encoded();
        }
        self.follower.finish(&mut self.rung).unwrap();
    }

    fn assert_follows(&self) {
        let starts = |events: &[Event]| -> Vec<(u64, bool, i64)> {
            let start = |s: &SegmentStart| (s.msn, s.discontinuity, s.program_date_time.micros());
            events.iter().filter_map(|e| if let Event::SegmentStart(s) = e { Some(start(s)) } else { None }).collect()
        };
        assert_eq!(starts(&self.rung), starts(&self.source));
        let mut open = false;
        for event in &self.rung {
            match event {
                Event::Init { .. } => assert!(!open),
                Event::SegmentStart(_) => assert!(!std::mem::replace(&mut open, true)),
                Event::Part(part) => assert!(open && part.duration_ticks > 0, "{part:?}"),
                Event::SegmentEnd { .. } => assert!(std::mem::replace(&mut open, false)),
            }
        }
        assert!(!open);
        // Each segment lasts from its first picture to the next one's, in every rendition.
        let spans = |events: &[Event]| -> Vec<i64> {
            parts(events).chunk_by(|a, b| a.msn == b.msn).map(|s| s.iter().map(|p| p.duration_ticks).sum()).collect()
        };
        let (rung, source) = (spans(&self.rung), spans(&self.source));
        assert!(rung.iter().zip(&source).all(|(a, b)| (a - b).abs() <= 1), "{rung:?} {source:?}");
    }
}

fn parts(events: &[Event]) -> Vec<&Part> {
    events.iter().filter_map(|e| if let Event::Part(p) = e { Some(p) } else { None }).collect()
}

fn pictures(events: &[Event]) -> u32 {
    parts(events).iter().map(|p| p.samples).sum()
}

fn gaps(events: &[Event]) -> usize {
    parts(events).iter().filter(|p| p.samples == 0).count()
}

#[test]
fn every_picture_comes_out_once_in_the_sources_segments_and_parts() {
    for gop in [25, 50, 62, 100, 250] {
        for inside in [0, 1, 9, 40] {
            let mut run = Run::new(inside);
            run.push(Item::Parameters(h264(30)));
            run.play(0, 30, gop);
            run.end();
            run.assert_follows();
            assert_eq!((pictures(&run.rung), run.follower.dropped()), (750, 0), "GOP {gop}, {inside} inside");
            let shape =
                |events: &[Event]| parts(events).iter().map(|p| (p.msn, p.number, p.samples)).collect::<Vec<_>>();
            assert_eq!(shape(&run.rung), shape(&run.source), "GOP {gop}, {inside} inside");
            // Even where the source begins a segment without a keyframe.
            assert!(parts(&run.rung).iter().all(|p| p.number > 0 || p.independent));
        }
    }
}

#[test]
fn segments_begin_at_the_presentation_time_of_the_sources_keyframes() {
    let mut run = Run::new(5);
    run.push(Item::Parameters(h264(30)));
    run.play(0, 20, 50);
    run.end();
    let delay = Timestamp::new(80, Timescale::MILLIS).rescale(Timescale::VIDEO).ticks();
    for (source, rung) in parts(&run.source).iter().zip(parts(&run.rung)).filter(|(s, _)| s.number == 0) {
        assert_eq!(source.start.ticks() + delay, rung.start.ticks(), "{}", source.msn);
    }
}

#[test]
fn an_engine_that_is_gone_for_a_moment_costs_nothing() {
    let mut run = Run::new(3);
    run.push(Item::Parameters(h264(30)));
    run.play(0, 7, 50);
    // Two seconds without a word; then what it missed is decoded again.
    run.inside = 53;
    run.play(7, 9, 50);
    run.inside = 3;
    run.play(9, 20, 50);
    run.end();
    run.assert_follows();
    assert_eq!((pictures(&run.rung), gaps(&run.rung)), (500, 0));
}

#[test]
fn an_engine_that_is_gone_for_long_leaves_a_still_and_gaps_and_comes_back_at_a_segment() {
    let mut run = Run::new(3);
    run.push(Item::Parameters(h264(30)));
    run.play(0, 7, 50);
    (run.dead, run.told) = (true, false);
    run.engine.clear();
    run.play(7, 18, 50);
    run.dead = false;
    run.play(18, 30, 50);
    run.end();
    run.assert_follows();
    assert!((4..=6).contains(&gaps(&run.rung)), "{} gaps", gaps(&run.rung));
    let lost = 750 - pictures(&run.rung);
    assert!((11 * 25..13 * 25).contains(&lost), "{lost} pictures lost");
    let inits = run.rung.iter().filter(|e| matches!(e, Event::Init { .. })).count();
    assert_eq!(inits, 1, "the same configuration is told once");
}

#[test]
fn without_an_engine_a_rendition_that_viewers_know_goes_on_as_gaps_at_once() {
    let mut run = Run::new(3);
    run.push(Item::Parameters(h264(30)));
    run.play(0, 8, 50);
    run.dead = true;
    run.follower.await_engine(false);
    run.play(8, 12, 50);
    let listed = |events: &[Event]| events.iter().filter(|e| matches!(e, Event::SegmentEnd { .. })).count();
    assert_eq!(listed(&run.rung), listed(&run.source));
    run.end();
    run.assert_follows();
    assert!(gaps(&run.rung) >= 1);
}

#[test]
fn a_rendition_that_never_comes_says_nothing() {
    let mut run = Run::new(3);
    run.dead = true;
    run.push(Item::Parameters(h264(30)));
    run.play(0, 20, 50);
    run.end();
    assert!(run.rung.is_empty());
}

#[test]
fn a_return_and_changed_parameters_are_discontinuities_at_the_same_segments() {
    let mut run = Run::new(4);
    run.push(Item::Parameters(h264(30)));
    run.play(0, 9, 50);
    run.end();
    run.play(20, 27, 50);
    // The source's size changes, and with it what the engine says.
    run.push(Item::Parameters(h264(31)));
    run.play(27, 40, 50);
    run.end();
    run.assert_follows();
    let discontinuities =
        |events: &[Event]| events.iter().filter(|e| matches!(e, Event::SegmentStart(s) if s.discontinuity)).count();
    assert_eq!((discontinuities(&run.source), discontinuities(&run.rung)), (2, 2));
    assert_eq!((gaps(&run.rung), run.follower.dropped()), (0, 0));
}

#[test]
fn one_that_viewers_knew_before_a_restart_goes_on_without_being_told_again() {
    let mut run = Run::new(3);
    run.follower = Follower::resume(RUNG, &h264(30), 7);
    run.follower.await_engine(true);
    run.push(Item::Parameters(h264(30)));
    run.play(0, 10, 50);
    run.end();
    run.assert_follows();
    assert!(!run.rung.iter().any(|e| matches!(e, Event::Init { .. })));
    // And when no engine comes, it is gaps.
    let mut run = Run::new(3);
    run.follower = Follower::resume(RUNG, &h264(30), 7);
    run.dead = true;
    run.push(Item::Parameters(h264(30)));
    run.play(0, 10, 50);
    run.end();
    run.assert_follows();
    assert_eq!(pictures(&run.rung), 0);
}

#[test]
fn pictures_cut_regularly_begin_segments_every_two_seconds_whatever_the_source_does() {
    let mut run = Run::new(3);
    run.segmenter.cut_regularly(true);
    run.push(Item::Parameters(h264(30)));
    run.play(0, 40, 230);
    run.end();
    run.assert_follows();
    let lengths: Vec<_> = parts(&run.rung)
        .chunk_by(|a, b| a.msn == b.msn)
        .map(|s| s.iter().map(|p| p.duration_micros()).sum::<i64>())
        .collect();
    assert!(lengths.iter().all(|l| *l == 2_000_000), "{lengths:?}");
    assert!(parts(&run.rung).iter().all(|p| p.number > 0 || p.independent));
}
