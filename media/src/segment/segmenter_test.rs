//! The segmenter as a whole: nothing lost, nothing twice, all rules kept, whatever the source does.

use super::segmenter::Segmenter;
use super::{Event, MEDIA_TIME_BASE_MICROS, Part, Rules, SegmentStart};
use crate::codec::{aac::Aac, h264::H264};
use crate::feed::Item;
use crate::frame::Frame;
use crate::time::{Timescale, Timestamp, WallTime};
use crate::track::{Kind, Parameters};
use bytes::Bytes;
use mp4_atom::{Any, DecodeMaybe};
use std::sync::Arc;

const RULES: Rules = Rules { segment_target_micros: 2_000_000, target_duration_s: 4, part_target_micros: 500_000 };

fn h264(level: u8) -> Item {
    let mut avcc = crate::codec::h264::tests::AVCC_640X360.to_vec();
    avcc[3] = level;
    avcc[8 + 3] = level;
    Item::Parameters(Parameters::Video(Arc::new(H264::from_avcc(&avcc).unwrap())))
}

fn aac(asc: [u8; 2]) -> Item {
    Item::Parameters(Parameters::Audio(Arc::new(Aac::from_asc(&asc).unwrap())))
}

fn frame(kind: Kind, ms: f64, keyframe: bool) -> Item {
    #[expect(clippy::cast_possible_truncation, reason = "test times are small")]
    let ms = ms.round() as i64;
    frame_at(kind, ms, ms, keyframe)
}

fn frame_at(kind: Kind, ms: i64, received_ms: i64, keyframe: bool) -> Item {
    let t = Timestamp::new(ms, Timescale::MILLIS);
    let received = WallTime::from_micros(received_ms * 1000 + 5_000);
    let payload = Bytes::from(ms.to_be_bytes().to_vec());
    Item::Frame(Frame { kind, dts: t, pts: t, keyframe, received, payload })
}

struct Run {
    segmenter: Segmenter,
    events: Vec<Event>,
}

impl Run {
    fn new() -> Self {
        Self { segmenter: Segmenter::new(RULES, WallTime::from_micros(0), 0, 0, false), events: Vec::new() }
    }
    fn push(&mut self, item: Item) {
        self.segmenter.push(item, &mut self.events).unwrap();
    }
    /// `from..to` seconds of 25 fps with a keyframe each `gop` frames, and of 48 kHz audio where wanted.
    fn play(&mut self, from: u32, to: u32, gop: u32, video: bool, audio: bool) {
        let mut next_audio = f64::from(from) * 1000.0;
        for n in from * 25..to * 25 {
            let ms = f64::from(n) * 40.0;
            while audio && next_audio < ms + 40.0 {
                self.push(frame(Kind::Audio, next_audio, true));
                next_audio += 1024.0 / 48.0;
            }
            if video {
                self.push(frame(Kind::Video, ms, n % gop == 0));
            }
        }
    }
    fn end(&mut self) {
        self.segmenter.end_contribution(&mut self.events).unwrap();
    }
    fn starts(&self, kind: Kind) -> Vec<&SegmentStart> {
        let starts = self.events.iter().filter_map(|e| if let Event::SegmentStart(s) = e { Some(s) } else { None });
        starts.filter(|s| s.rendition.kind() == kind).collect()
    }
    fn parts(&self, kind: Kind) -> Vec<&Part> {
        let parts = self.events.iter().filter_map(|e| if let Event::Part(p) = e { Some(p) } else { None });
        parts.filter(|p| p.rendition.kind() == kind).collect()
    }
    fn inits(&self) -> usize {
        self.events.iter().filter(|e| matches!(e, Event::Init { .. })).count()
    }
    /// Payload sizes and times of all samples of a kind, read back from the bytes.
    fn samples(&self, kind: Kind) -> usize {
        self.parts(kind).iter().map(|p| sample_count(&p.bytes)).sum()
    }
    /// Each part begins where its predecessor ended, but for discontinuities.
    fn assert_contiguous(&self, kind: Kind) {
        for w in self.parts(kind).windows(2) {
            if w[0].msn == w[1].msn {
                assert_eq!(w[0].start.ticks() + w[0].duration_ticks, w[1].start.ticks(), "{:?} {}", kind, w[1].msn);
            }
        }
    }
    fn assert_same_segments(&self) {
        let numbers = |k| self.starts(k).iter().map(|s| (s.msn, s.discontinuity)).collect::<Vec<_>>();
        assert_eq!(numbers(Kind::Video), numbers(Kind::Audio));
        let msns: Vec<_> = self.starts(Kind::Video).iter().map(|s| s.msn).collect();
        assert!(msns.windows(2).all(|w| w[1] == w[0] + 1), "{msns:?}");
    }
}

fn sample_count(bytes: &[u8]) -> usize {
    let (mut rest, mut count) = (bytes, 0);
    while let Some(atom) = Any::decode_maybe(&mut rest).unwrap() {
        if let Any::Moof(moof) = atom {
            count += moof.traf[0].trun[0].samples.len();
        }
    }
    count
}

#[test]
fn every_frame_comes_out_once_in_segments_that_both_kinds_share() {
    let mut run = Run::new();
    run.push(h264(30));
    run.push(aac([0x11, 0x90]));
    run.play(0, 21, 50, true, true);
    run.end();
    assert_eq!(run.samples(Kind::Video), 21 * 25);
    assert_eq!(run.samples(Kind::Audio), 985, "21 s of 1024 samples at 48 kHz, rounded up");
    assert_eq!(run.starts(Kind::Video).len(), 11);
    run.assert_same_segments();
    run.assert_contiguous(Kind::Video);
    run.assert_contiguous(Kind::Audio);
    assert!(run.starts(Kind::Video).iter().all(|s| !s.discontinuity));
    for part in run.parts(Kind::Audio) {
        assert!(part.duration_micros() <= 520_000 + 21_334, "{}", part.duration_micros());
    }
    let pdt: Vec<_> = run.starts(Kind::Video).iter().map(|s| s.program_date_time.micros()).collect();
    assert_eq!(pdt[0], 5_000, "when the first frame arrived");
    assert!(pdt.windows(2).all(|w| w[1] - w[0] == 2_000_000), "{pdt:?}");
}

#[test]
fn a_drop_and_return_goes_on_with_one_discontinuity_and_the_same_init_segment() {
    let mut run = Run::new();
    for (from, to) in [(0, 5), (20, 26)] {
        run.push(h264(30));
        run.push(aac([0x11, 0x90]));
        run.play(from, to, 50, true, true);
        run.end();
    }
    assert_eq!(run.samples(Kind::Video), 11 * 25);
    run.assert_same_segments();
    let discontinuities: Vec<_> = run.starts(Kind::Video).iter().filter(|s| s.discontinuity).map(|s| s.msn).collect();
    assert_eq!(discontinuities, [3]);
    assert_eq!(run.inits(), 2);
    let returned = run.parts(Kind::Video).into_iter().find(|p| p.msn == 3).unwrap();
    assert_eq!(returned.start.micros(), MEDIA_TIME_BASE_MICROS + 20_005_000);
}

#[test]
fn changed_parameters_are_a_discontinuity_with_a_new_init_segment() {
    let mut run = Run::new();
    run.push(h264(30));
    run.push(aac([0x11, 0x90]));
    run.play(0, 5, 50, true, true);
    run.push(h264(31));
    run.play(5, 9, 25, true, true);
    run.push(aac([0x12, 0x10]));
    run.play(9, 13, 25, true, true);
    run.end();
    run.assert_same_segments();
    assert_eq!(run.inits(), 4);
    assert_eq!(run.starts(Kind::Video).iter().filter(|s| s.discontinuity).count(), 2);
    assert_eq!(run.samples(Kind::Video), 13 * 25);
}

#[test]
fn audio_that_stops_is_silence_and_audio_that_returns_goes_on() {
    let mut run = Run::new();
    run.push(h264(30));
    run.push(aac([0x11, 0x90]));
    run.play(0, 4, 50, true, true);
    run.play(4, 10, 50, true, false);
    run.play(10, 14, 50, true, true);
    run.end();
    run.assert_same_segments();
    run.assert_contiguous(Kind::Audio);
    assert!(run.starts(Kind::Video).iter().all(|s| !s.discontinuity));
    let micros: i64 = run.parts(Kind::Audio).iter().map(|p| p.duration_micros()).sum();
    assert!((micros - 14_000_000).abs() < 25_000, "{micros}");
}

#[test]
fn announced_audio_that_begins_late_is_silence_from_the_first_segments_start() {
    let mut run = Run::new();
    run.push(h264(30));
    run.push(aac([0x11, 0x90]));
    run.play(0, 5, 50, true, false);
    run.play(5, 9, 50, true, true);
    run.end();
    run.assert_same_segments();
    run.assert_contiguous(Kind::Audio);
    let (video, audio) = (run.parts(Kind::Video)[0], run.parts(Kind::Audio)[0]);
    assert_eq!(audio.start.micros() / 1000, video.start.micros() / 1000);
    assert!((audio.duration_micros() - video.duration_micros()).abs() < 25_000, "{}", audio.duration_micros());
}

#[test]
fn audio_that_begins_late_joins_at_a_segment_without_a_discontinuity() {
    let mut run = Run::new();
    run.push(h264(30));
    run.play(0, 5, 50, true, false);
    run.push(aac([0x11, 0x90]));
    run.play(5, 11, 50, true, true);
    run.end();
    let audio: Vec<_> = run.starts(Kind::Audio).iter().map(|s| (s.msn, s.discontinuity)).collect();
    assert_eq!(audio, [(3, false), (4, false), (5, false)]);
    assert_eq!(run.samples(Kind::Video), 11 * 25);
}

#[test]
fn pictures_that_stop_are_repeated_while_the_sound_goes_on() {
    let mut run = Run::new();
    run.push(h264(30));
    run.push(aac([0x11, 0x90]));
    run.play(0, 4, 50, true, true);
    run.play(4, 14, 50, false, true);
    run.play(14, 18, 50, true, true);
    run.end();
    run.assert_same_segments();
    run.assert_contiguous(Kind::Video);
    let micros: i64 = run.parts(Kind::Video).iter().map(|p| p.duration_micros()).sum();
    assert!((micros - 18_000_000).abs() < 100_000, "{micros}");
    assert!(run.segmenter.part_target_micros() <= 530_000, "no part is longer for it");
}

#[test]
fn sound_alone_and_pictures_alone_play() {
    let mut run = Run::new();
    run.push(aac([0x11, 0x90]));
    run.play(0, 9, 50, false, true);
    run.end();
    let part_target = run.segmenter.part_target_micros();
    assert!(part_target <= 530_000);
    for p in run.parts(Kind::Audio) {
        assert!(p.independent && p.duration_micros() <= part_target, "{}.{}: {}", p.msn, p.number, p.duration_micros());
    }
    assert!(run.starts(Kind::Audio).len() >= 4);
    run.assert_contiguous(Kind::Audio);

    let mut run = Run::new();
    run.push(h264(30));
    run.play(0, 9, 50, true, false);
    run.end();
    assert_eq!(run.samples(Kind::Video), 225);
    assert!(run.parts(Kind::Audio).is_empty());
}

#[test]
fn a_jump_of_the_encoders_clock_loses_no_frame() {
    let mut run = Run::new();
    run.push(h264(30));
    run.push(aac([0x11, 0x90]));
    for n in 0..300i64 {
        let clock = if n < 155 { 0 } else { 3_600_000 };
        run.push(frame_at(Kind::Audio, n * 40 + clock, n * 40, true));
        run.push(frame_at(Kind::Video, n * 40 + clock, n * 40, n % 50 == 0));
    }
    let repaired = run.segmenter.repaired();
    assert!((3..=6).contains(&repaired), "two frames re-stamped, the third begins the span: {repaired}");
    run.end();
    assert_eq!(run.samples(Kind::Video), 300);
    run.assert_same_segments();
    assert_eq!(run.starts(Kind::Video).iter().filter(|s| s.discontinuity).count(), 1);
}

#[test]
fn a_long_hole_in_everything_begins_a_new_span() {
    let mut run = Run::new();
    run.push(h264(30));
    run.push(aac([0x11, 0x90]));
    run.play(0, 6, 50, true, true);
    run.play(3600, 3606, 50, true, true);
    run.end();
    assert_eq!(run.samples(Kind::Video), 12 * 25);
    run.assert_same_segments();
    assert_eq!(run.starts(Kind::Video).iter().filter(|s| s.discontinuity).count(), 1);
}

#[test]
fn keyframes_inside_a_segment_are_found_at_their_ranges() {
    let mut run = Run::new();
    run.push(h264(30));
    run.play(0, 6, 25, true, false);
    run.end();
    let keyframes: Vec<_> =
        run.parts(Kind::Video).iter().flat_map(|p| p.keyframes.iter().map(|k| (p.msn, *k))).collect();
    assert_eq!(keyframes.len(), 6);
    for part in run.parts(Kind::Video) {
        for k in &part.keyframes {
            let mut range = &part.bytes[k.offset as usize..(k.offset + k.length) as usize];
            assert!(matches!(Any::decode_maybe(&mut range).unwrap(), Some(Any::Moof(_))), "begins with its moof");
            assert_eq!(&range[4..8], b"mdat");
            assert_eq!(range.len(), 8 + 8, "one frame of 8 bytes after the mdat header");
        }
    }
}

#[test]
fn a_configuration_that_can_not_be_written_is_refused_and_segments_go_on_by_one() {
    let good = crate::codec::h264::tests::AVCC_640X360;
    let mut refused = 0;
    for at in 0..good.len() {
        for value in [0, 1, 2, 3, 0x42, 0x64, 0x6E, 0x7A, 0x80, 0xE1, 0xE2, 0xF4, 0xFF] {
            let mut avcc = good.to_vec();
            avcc[at] = value;
            let Ok(h264) = H264::from_avcc(&avcc) else { continue };
            let parameters = Parameters::Video(Arc::new(h264));
            if crate::cmaf::init_segment(&parameters).is_ok() {
                continue;
            }
            refused += 1;
            let mut run = Run::new();
            run.push(h264_of(good));
            run.play(0, 4, 25, true, false);
            assert!(run.segmenter.push(Item::Parameters(parameters.clone()), &mut run.events).is_err());
            run.play(4, 6, 25, true, false);
            run.end();
            // The next contribution begins with it, and then comes to its senses.
            assert!(run.segmenter.push(Item::Parameters(parameters), &mut run.events).is_err());
            run.play(6, 8, 25, true, false);
            run.push(h264_of(good));
            run.play(8, 12, 25, true, false);
            run.end();
            let numbers: Vec<u64> = run.starts(Kind::Video).iter().map(|start| start.msn).collect();
            assert_eq!(numbers, (0..run.segmenter.next_msn()).collect::<Vec<_>>(), "byte {at} as {value}");
        }
    }
    assert!(refused > 0, "no such configuration was found");
}

fn h264_of(avcc: &[u8]) -> Item {
    Item::Parameters(Parameters::Video(Arc::new(H264::from_avcc(avcc).unwrap())))
}

#[test]
fn the_last_part_of_a_contribution_keeps_to_the_part_target() {
    for frames in 30..120u32 {
        let mut run = Run::new();
        run.push(h264(30));
        for n in 0..frames {
            run.push(frame(Kind::Video, f64::from(n) * 1000.0 / 30.0, n % 60 == 0));
        }
        run.end();
        let part_target = run.segmenter.part_target_micros();
        for p in run.parts(Kind::Video) {
            assert!(
                p.duration_micros() <= part_target,
                "{frames} frames: {}.{} {}",
                p.msn,
                p.number,
                p.duration_micros()
            );
        }
        assert_eq!(run.samples(Kind::Video), frames as usize);
    }
}

#[test]
fn a_contribution_of_one_picture_has_a_part_that_lasts() {
    for sound in [false, true] {
        let mut run = Run::new();
        run.push(h264(30));
        run.push(aac([0x11, 0x90]));
        run.push(frame(Kind::Video, 0.0, true));
        for n in 0..if sound { 30u32 } else { 0 } {
            run.push(frame(Kind::Audio, f64::from(n) * 1024.0 / 48.0, true));
        }
        run.end();
        let parts = run.parts(Kind::Video);
        assert_eq!(parts.iter().map(|p| (p.samples, p.duration_micros())).collect::<Vec<_>>(), [(1, 40_000)]);
    }
}

#[test]
fn a_hole_leaves_low_latency_as_it_was_and_loses_nothing() {
    for hole_ms in [700, 1_500, 2_600] {
        for sound_too in [false, true] {
            let mut run = Run::new();
            run.push(h264(30));
            run.push(aac([0x11, 0x90]));
            for n in 0..300i64 {
                let after = if n < 155 { 0 } else { hole_ms };
                run.push(frame_at(Kind::Video, n * 40 + after, n * 40 + after, n % 50 == 0));
                // Sound goes on through the hole where it has none.
                let until = if n == 154 && !sound_too { 40 + hole_ms } else { 40 };
                for at in (0..until).step_by(20) {
                    run.push(frame_at(Kind::Audio, n * 40 + after + at, n * 40 + after + at, true));
                }
            }
            run.end();
            assert_eq!(run.samples(Kind::Video), 300);
            run.assert_same_segments();
            run.assert_contiguous(Kind::Video);
            run.assert_contiguous(Kind::Audio);
            assert!(run.starts(Kind::Video).iter().all(|s| !s.discontinuity));
            let part_target = run.segmenter.part_target_micros();
            assert!(part_target <= 520_000, "{part_target}");
            for kind in Kind::BOTH {
                let parts = run.parts(kind);
                for long in parts.iter().filter(|p| p.duration_micros() > part_target + 30_000) {
                    assert_eq!(parts.iter().filter(|p| p.msn == long.msn).count(), 1, "it is its segment");
                }
            }
        }
    }
}

/// Sound and pictures of an hour, where the encoder's clock of sound runs at `rate` of its clock of pictures, both told in rounded
/// milliseconds. Gives how far each kind's last samples stand from where the encoder told them, in microseconds.
fn off_after_an_hour(rate: f64) -> [i64; 2] {
    let mut run = Run::new();
    run.push(h264(30));
    run.push(aac([0x11, 0x90]));
    let (mut next_audio, mut off) = (0.0, [0; 2]);
    for n in 0..3_600 * 30 {
        let ms = f64::from(n) * 1001.0 / 30.0;
        while next_audio < ms + 33.0 {
            run.push(frame(Kind::Audio, next_audio, true));
            next_audio += 1024.0 / 48.0 * rate;
        }
        run.push(frame(Kind::Video, ms, n % 60 == 0));
        for (kind, off) in [Kind::Video, Kind::Audio].into_iter().zip(&mut off) {
            let mut parts = run.events.iter().filter_map(|e| if let Event::Part(p) = e { Some(p) } else { None });
            let Some(part) = parts.rfind(|p| p.rendition.kind() == kind) else { continue };
            // What stands in for sound that is missing has another payload.
            let samples = crate::cmaf::read_fragments(part.bytes.clone()).unwrap();
            let told = |s: &crate::cmaf::Timed| Some(i64::from_be_bytes(s.sample.payload[..].try_into().ok()?) * 1_000);
            let found = samples.iter().rev().find_map(|s| Some((told(s)?, s.dts)));
            if let Some((told, dts)) = found {
                let at = Timestamp::new(i64::try_from(dts).unwrap(), part.start.scale()).micros();
                *off = at - MEDIA_TIME_BASE_MICROS - told;
            }
        }
        run.events.clear();
    }
    off
}

#[test]
fn after_an_hour_sound_and_pictures_are_as_far_apart_as_the_encoder_told() {
    // As good as its word, a cheap crystal, and worse than any that is sold.
    for rate in [1.0, 1.0001, 0.9999, 1.001] {
        let [pictures, sound] = off_after_an_hour(rate);
        // Frames are received 5 ms after their time, which moves all of them.
        assert!((pictures - 5_000).abs() <= 1_000, "pictures stand {pictures} us off at {rate}");
        assert!((pictures - sound).abs() <= 40_000, "sound stands {sound} us off at {rate}");
    }
}
