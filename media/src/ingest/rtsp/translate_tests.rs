//! What retina hands out → frames: times, configurations, damage.

use super::*;
use std::num::NonZeroU32;

/// x264 main profile 640x360: `bitstream_restriction` with 2 reordered frames.
const AVCC_TELLS_2: &[u8] = &[
    0x01, 0x4d, 0x40, 0x1e, 0xff, 0xe1, 0x00, 0x18, 0x67, 0x4d, 0x40, 0x1e, 0xec, 0xa0, 0x50, 0x17, 0xfc, 0xb8, 0x08,
    0x80, 0x00, 0x00, 0x03, 0x00, 0x80, 0x00, 0x00, 0x1e, 0x07, 0x8b, 0x16, 0xcb, 0x01, 0x00, 0x05, 0x68, 0xeb, 0xe3,
    0xcb, 0x20,
];
/// Main profile 320x192, POC type 0, no VUI, written bit by bit for this test:
/// profile 77, level 13; then as Exp-Golomb codes the SPS id 0, frame number bits 0, POC type 0, POC bits 0, 1 reference;
/// no gaps; 20 and 12 macroblocks; frames only, direct 8x8, no cropping, no VUI; the stop bit.
fn avcc_tells_nothing() -> Vec<u8> {
    let bits = ["1", "1", "1", "1", "010", "0", "000010100", "0001100", "1", "1", "0", "0", "1"].concat();
    let mut sps = vec![0x67, 77, 0, 13];
    for byte in bits.as_bytes().chunks(8) {
        let text = format!("{:0<8}", std::str::from_utf8(byte).unwrap());
        sps.push(u8::from_str_radix(&text, 2).unwrap());
    }
    let pps = [0x68, 0xeb, 0xe3, 0xcb, 0x20];
    let mut avcc = vec![1, 77, 0, 13, 0xff, 0xe1, 0, u8::try_from(sps.len()).unwrap()];
    avcc.extend(&sps);
    avcc.extend([1, 0, 5]);
    avcc.extend(pps);
    avcc
}

const IDR: &[u8] = &[0, 0, 0, 2, 0x65, 0x88];
const NON_IDR: &[u8] = &[0, 0, 0, 2, 0x41, 0x9a];

fn picture(ms: i64, keyframe: bool) -> Sample {
    Sample {
        elapsed: Timestamp::new(ms * 90, Timescale::VIDEO),
        received: WallTime::from_micros(1_000_000_000_000 + ms * 1000),
        lost_packets: 0,
        payload: Bytes::from_static(if keyframe { IDR } else { NON_IDR }),
    }
}

fn sound(samples: i64) -> Sample {
    Sample {
        elapsed: Timestamp::new(samples, Timescale::new(48_000).unwrap()),
        received: WallTime::from_micros(1_000_000_000_000 + samples * 1_000_000 / 48_000),
        lost_packets: 0,
        payload: Bytes::from_static(&[0x21, 0x00]),
    }
}

/// (dts, pts) in ms of the frames of `kind`; checks the contract on the way.
fn times(items: &[Item], kind: Kind) -> Vec<(i64, i64)> {
    let mut last = i64::MIN;
    let frames = items.iter().filter_map(|i| if let Item::Frame(f) = i { Some(f) } else { None });
    frames
        .filter(|f| f.kind == kind)
        .map(|f| {
            assert!(f.dts.ticks() > last && f.dts.ticks() <= f.pts.ticks(), "{f:?} after {last}");
            last = f.dts.ticks();
            (f.dts.millis(), f.pts.millis())
        })
        .collect()
}

fn play(translator: &mut Translator, pts_ms: &[i64]) -> Vec<Item> {
    let mut out = Vec::new();
    for (i, ms) in pts_ms.iter().enumerate() {
        translator.video(picture(*ms, i == 0), &mut out).unwrap();
    }
    out
}

#[test]
fn the_test_records_say_what_they_claim() {
    assert_eq!(first_sps(AVCC_TELLS_2).and_then(announced_depth), Some(2));
    let silent = avcc_tells_nothing();
    assert_eq!(first_sps(&silent).and_then(announced_depth), None);
    let h264 = H264::from_avcc(&silent).unwrap();
    assert_eq!((h264.width(), h264.height()), (320, 192));
}

#[test]
fn an_announced_depth_costs_no_frame_of_latency() {
    let mut translator = Translator::new(true);
    translator.video_parameters(AVCC_TELLS_2).unwrap();
    let mut out = Vec::new();
    translator.video(picture(0, true), &mut out).unwrap();
    assert!(matches!(out[..], [Item::Parameters(_), Item::Frame(Frame { keyframe: true, .. })]), "{out:?}");
    let expected = [(-66, 0), (-33, 132), (0, 66), (33, 33), (66, 99)];
    for ms in [132, 66, 33, 99] {
        translator.video(picture(ms, false), &mut out).unwrap();
    }
    // 33 or 34: a frame of 30 fps is 33.3 ms.
    for ((dts, pts), (want_dts, want_pts)) in times(&out, Kind::Video).into_iter().zip(expected) {
        assert!((dts - want_dts).abs() <= 1 && pts == want_pts, "{dts} {pts}, wanted {want_dts} {want_pts}");
    }
}

#[test]
fn an_unknown_depth_is_measured_once() {
    // I P B B: one frame is overtaken.
    let mut translator = Translator::new(true);
    translator.video_parameters(&avcc_tells_nothing()).unwrap();
    let out = play(&mut translator, &[0, 120, 40, 80]);
    assert!(times(&out, Kind::Video).is_empty(), "held back while measuring");
    let mut out = out;
    for (i, ms) in [240, 160, 200, 360].into_iter().enumerate() {
        translator.video(picture(ms, false), &mut out).unwrap();
        assert_eq!(times(&out, Kind::Video).len(), 5 + i, "no more latency afterwards");
    }
    let got = times(&out, Kind::Video);
    assert_eq!(got[1..], [(0, 120), (40, 40), (80, 80), (120, 240), (160, 160), (200, 200), (240, 360)]);
    assert_eq!(translator.counts(), Counts::default());
}

#[test]
fn without_b_frames_dts_is_pts() {
    let mut translator = Translator::new(true);
    translator.video_parameters(&avcc_tells_nothing()).unwrap();
    let got = play(&mut translator, &[0, 40, 80, 120, 160, 200]);
    assert_eq!(times(&got, Kind::Video), [0, 40, 80, 120, 160, 200].map(|t| (t, t)));
}

#[test]
fn what_was_held_back_is_given_out_at_the_end() {
    let mut translator = Translator::new(true);
    translator.video_parameters(&avcc_tells_nothing()).unwrap();
    let mut out = play(&mut translator, &[0, 80, 40]);
    translator.finish(&mut out);
    assert_eq!(times(&out, Kind::Video).iter().map(|t| t.1).collect::<Vec<_>>(), [0, 80, 40]);
}

#[test]
fn rtp_timestamps_go_on_over_their_wrap() {
    let rate = NonZeroU32::new(90_000).unwrap();
    let start = u32::MAX - 5 * 3600;
    let mut timeline = retina::client::Timeline::new(Some(start), rate.get(), None).unwrap();
    let mut translator = Translator::new(true);
    translator.video_parameters(AVCC_TELLS_2).unwrap();
    let mut out = Vec::new();
    // I P B B at 25 fps, over the wrap.
    let order = (0..5).flat_map(|gop| [3, 1, 2].map(|p| gop * 3 + p));
    for (i, n) in std::iter::once(0).chain(order).enumerate() {
        let stamp = timeline.advance_to(start.wrapping_add(n * 3600)).unwrap();
        let elapsed = Timestamp::new(stamp.elapsed(), Timescale::VIDEO);
        translator.video(Sample { elapsed, ..picture(i64::from(n) * 40, i == 0) }, &mut out).unwrap();
    }
    let got = times(&out, Kind::Video);
    assert_eq!(got.len(), 16);
    assert_eq!(got.iter().map(|t| t.1).max(), Some(600));
    assert_eq!(got[0].1, 0);
    assert_eq!(translator.counts().restamped_frames, 0);
}

#[test]
fn changed_parameters_come_before_their_frame_and_repeats_are_silent() {
    let mut translator = Translator::new(true);
    translator.video_parameters(AVCC_TELLS_2).unwrap();
    let mut out = Vec::new();
    translator.video(picture(0, true), &mut out).unwrap();
    translator.video_parameters(AVCC_TELLS_2).unwrap();
    translator.video(picture(33, true), &mut out).unwrap();
    assert_eq!(out.iter().filter(|i| matches!(i, Item::Parameters(_))).count(), 1);
    translator.video_parameters(&avcc_tells_nothing()).unwrap();
    translator.video(picture(66, true), &mut out).unwrap();
    let Item::Parameters(Parameters::Video(h264)) = &out[out.len() - 2] else { panic!("{out:?}") };
    assert_eq!(h264.width(), 320);
    assert!(translator.video_parameters(&[1, 2, 3]).is_err());
    times(&out, Kind::Video);
}

#[test]
fn nothing_comes_before_the_first_keyframe() {
    let mut translator = Translator::new(true);
    let mut out = Vec::new();
    translator.video(picture(0, true), &mut out).unwrap();
    assert!(out.is_empty(), "no parameters yet");
    translator.video_parameters(AVCC_TELLS_2).unwrap();
    translator.audio_parameters(&[0x11, 0x90], &mut out).unwrap();
    translator.audio(sound(0), &mut out).unwrap();
    translator.video(picture(40, false), &mut out).unwrap();
    assert_eq!(out.len(), 1, "parameters only: {out:?}");
    translator.video(picture(80, true), &mut out).unwrap();
    translator.audio(sound(4096), &mut out).unwrap();
    assert_eq!(times(&out, Kind::Video).len(), 1);
    assert_eq!(times(&out, Kind::Audio).len(), 1);
    assert_eq!(translator.counts().skipped_frames, 3);
}

#[test]
fn sound_alone_begins_at_once_and_losses_are_counted() {
    let mut translator = Translator::new(false);
    let mut out = Vec::new();
    translator.audio_parameters(&[0x11, 0x90], &mut out).unwrap();
    translator.audio(sound(0), &mut out).unwrap();
    translator.audio(Sample { lost_packets: 3, ..sound(4096) }, &mut out).unwrap();
    translator.audio(sound(4096), &mut out).unwrap();
    assert_eq!(times(&out, Kind::Audio).len(), 3);
    assert_eq!(translator.counts(), Counts { lost_packets: 3, restamped_frames: 1, skipped_frames: 0 });
}

#[test]
fn a_slip_is_stamped_after_its_predecessor_and_a_jump_ends_the_session() {
    let mut translator = Translator::new(true);
    translator.video_parameters(AVCC_TELLS_2).unwrap();
    let mut out = Vec::new();
    let hour = Timestamp::new(90_000 * 3600, Timescale::VIDEO);
    for n in 0..19_i64 {
        let mut sample = picture(n * 40, n == 0);
        if n % 5 == 4 {
            sample.elapsed = if n == 9 { Timestamp::new(-hour.ticks(), Timescale::VIDEO) } else { hour };
        }
        translator.video(sample, &mut out).unwrap();
    }
    let got = times(&out, Kind::Video);
    assert!(got.iter().all(|(dts, pts)| *dts > -100 && *pts < 800), "{got:?}");
    assert!(translator.counts().restamped_frames >= 3);
    let jumped = (0..3_i64).map(|n| {
        let elapsed = Timestamp::new(hour.ticks() + n * 3600, Timescale::VIDEO);
        translator.video(Sample { elapsed, ..picture((19 + n) * 40, false) }, &mut out)
    });
    assert_eq!(jumped.collect::<Vec<_>>(), [Ok(()), Ok(()), Err(ClockJumped)]);
}

#[test]
fn a_pause_as_long_on_the_clock_as_in_the_air_is_no_slip() {
    let mut translator = Translator::new(true);
    translator.video_parameters(AVCC_TELLS_2).unwrap();
    let out = play(&mut translator, &[0, 40, 9040, 9080]);
    assert_eq!(times(&out, Kind::Video).iter().map(|t| t.1).collect::<Vec<_>>(), [0, 40, 9040, 9080]);
    assert_eq!(translator.counts().restamped_frames, 0);
}
