//! Renditions beside a source: the same segments at the same times, nothing lost while the engine works, gaps while it does not.

use super::boundary::{Placed, PlacedFrame, SAME_PICTURE_TICKS};
use super::follower::{Encoded, Follower, part_target_micros};
use super::segmenter::Segmenter;
use super::{Event, Part, Rules, SegmentStart};
use crate::codec::h264::{H264, tests::AVCC_640X360};
use crate::feed::Item;
use crate::frame::Frame;
use crate::rendition::RenditionId;
use crate::time::{Timescale, Timestamp, WallTime};
use crate::track::{Kind, Parameters};
use bytes::Bytes;
use std::collections::{BTreeMap, BTreeSet};
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
    /// By presentation time.
    engine: BTreeMap<i64, PlacedFrame>,
    /// Where segments begin that no picture has begun yet.
    cuts: BTreeSet<i64>,
    inside: usize,
    /// What reaches it is lost.
    dead: bool,
    /// When the source's pictures come, milliseconds; `None`: when they are shown.
    arrive_at: Option<i64>,
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
        let (engine, cuts) = (BTreeMap::new(), BTreeSet::new());
        Self {
            segmenter,
            follower,
            source,
            rung,
            engine,
            cuts,
            inside,
            dead: false,
            arrive_at: None,
            told: false,
            level: 30,
        }
    }

    fn picture(&mut self, ms: i64, keyframe: bool) {
        self.shown_later(ms, ms + 80, keyframe);
    }

    fn shown_later(&mut self, ms: i64, pts_ms: i64, keyframe: bool) {
        let t = Timestamp::new(ms, Timescale::MILLIS);
        let pts = Timestamp::new(pts_ms, Timescale::MILLIS);
        let received = WallTime::from_micros(self.arrive_at.unwrap_or(ms) * 1000);
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
                self.cuts.extend(frame.cut);
                if !self.dead {
                    self.engine.insert(frame.pts.ticks(), frame);
                }
                while self.engine.len() > self.inside {
                    self.encoded();
                }
            }
        }
    }

    /// The engine hands out its oldest picture: an IDR where a segment begins, and after a start.
    fn encoded(&mut self) {
        let Some((pts, frame)) = self.engine.pop_first() else { return };
        let reached = pts + SAME_PICTURE_TICKS;
        let cut = self.cuts.first().is_some_and(|cut| *cut <= reached);
        self.cuts.retain(|cut| *cut > reached);
        let first = !std::mem::replace(&mut self.told, true);
        if first {
            self.follower.parameters(&h264(self.level));
        }
        // Without B-frames: decoded in the order of showing.
        let encoded =
            Encoded { dts: frame.pts, pts: frame.pts, keyframe: cut || first, payload: Bytes::from_static(&[1; 8]) };
        self.follower.frame(encoded, &mut self.rung).unwrap();
    }

    /// `from..to` seconds of 25 fps with a keyframe each `gop` pictures.
    fn play(&mut self, from: i64, to: i64, gop: i64) {
        for n in from * 25..to * 25 {
            self.picture(n * 40, n % gop == 0);
        }
    }

    /// `seconds` of `rate` pictures in a second, of which `between` are shown before one that they are decoded after, the middle one of three
    /// first; in whole milliseconds as RTMP has them, with a keyframe each `gop` pictures.
    fn play_reordered(&mut self, rate: f64, seconds: i64, gop: i64, between: i64) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "test times are small")]
        let ms = |n: i64| (n as f64 * 1000.0 / rate).round() as i64;
        #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "test times are small")]
        let pictures = (rate * seconds as f64) as i64;
        let mut shown = Vec::new();
        let mut reference = 0;
        while reference < pictures {
            let last = reference;
            // What is shown before a keyframe is decoded before it.
            let closing = (last / gop + 1) * gop - 1;
            let next = if last == closing { last + 1 } else { (last + between + 1).min(closing) };
            if last == 0 {
                shown.push(0);
            }
            shown.push(next);
            let mut inner: Vec<i64> = (last + 1..next).collect();
            if inner.len() == 3 {
                inner.swap(0, 1);
            }
            shown.extend(inner);
            reference = next;
        }
        let delay = i64::from(between > 0) + i64::from(between == 3);
        for (n, at) in shown.into_iter().enumerate() {
            #[expect(clippy::cast_possible_wrap, reason = "test times are small")]
            self.shown_later(ms(n as i64), ms(at + delay), at % gop == 0);
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

fn listed(events: &[Event]) -> usize {
    events.iter().filter(|e| matches!(e, Event::SegmentEnd { .. })).count()
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

/// A part longer than PART-TARGET is none that a list may have, and players then take whole segments: seconds later.
#[test]
fn parts_are_as_long_as_the_sources_whatever_order_its_pictures_are_decoded_in() {
    for (rate, between) in [(25.0, 3), (25.0, 2), (25.0, 1), (30.0, 3), (30.0, 2), (29.97, 3), (50.0, 3), (59.94, 2)] {
        for (gop, regularly) in [(2, false), (1, false), (3, false), (8, true), (10, true)] {
            #[expect(clippy::cast_possible_truncation, reason = "small")]
            let pictures = (rate * f64::from(gop)).round() as i64;
            let mut run = Run::new(9);
            run.segmenter.cut_regularly(regularly);
            run.push(Item::Parameters(h264(30)));
            run.play_reordered(rate, 40, pictures, between);
            run.end();
            let what = format!("{rate} in a second, {between} between, GOP {gop} s");
            let target = part_target_micros(run.segmenter.part_target_micros());
            let target = Timestamp::from_micros(target, Timescale::VIDEO).ticks();
            // The last segment ends when the source does.
            let last = parts(&run.rung).last().unwrap().msn;
            let of = |events: &[Event]| -> Vec<(u64, u32, u32)> {
                let whole = parts(events).into_iter().filter(|p| p.msn < last);
                whole.map(|p| (p.msn, p.number, p.samples)).collect()
            };
            assert_eq!(of(&run.rung), of(&run.source), "{what}");
            let longest = parts(&run.rung).iter().filter(|p| p.msn < last).map(|p| p.duration_ticks).max().unwrap();
            assert!(longest <= target, "{what}: a part of {longest}, PART-TARGET is {target}");
            assert!(parts(&run.rung).iter().all(|p| p.number > 0 || p.independent), "{what}");
            assert_eq!((gaps(&run.rung), run.follower.dropped()), (0, 0), "{what}");
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

/// As from a phone in a train, or a hall whose network was busy.
#[test]
fn what_a_contribution_sends_at_once_after_a_stall_is_waited_for() {
    let mut run = Run::new(3);
    run.push(Item::Parameters(h264(30)));
    run.play(0, 20, 50);
    // Five seconds come within a moment; the engine has made none of it when the last is there, and then makes six pictures in the time of five.
    (run.inside, run.arrive_at) = (128, Some(25_000));
    run.play(20, 25, 50);
    run.arrive_at = None;
    for n in 25 * 25..55 * 25 {
        run.inside = 128_usize.saturating_sub((n - 625) / 5).max(3);
        let n = i64::try_from(n).unwrap();
        run.picture(n * 40, n % 50 == 0);
    }
    run.end();
    run.assert_follows();
    assert_eq!((pictures(&run.rung), gaps(&run.rung), run.follower.dropped()), (55 * 25, 0, 0));
}

#[test]
fn an_engine_that_makes_nothing_of_what_came_at_once_is_given_up_on_later() {
    let mut run = Run::new(3);
    run.push(Item::Parameters(h264(30)));
    run.play(0, 20, 50);
    (run.dead, run.arrive_at) = (true, Some(25_000));
    run.engine.clear();
    run.play(20, 25, 50);
    let before = listed(&run.rung);
    run.arrive_at = None;
    run.play(25, 40, 50);
    assert!(before <= 10 && listed(&run.rung) >= 16, "{before} and {}", listed(&run.rung));
    run.end();
    run.assert_follows();
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
