//! FLV payloads → frames and configurations, good, odd and hostile.

use super::*;

/// x264, 640x360: as ffmpeg sends it.
const AVCC: &[u8] = &[
    0x01, 0x4d, 0x40, 0x1e, 0xff, 0xe1, 0x00, 0x18, 0x67, 0x4d, 0x40, 0x1e, 0xec, 0xa0, 0x50, 0x17, 0xfc, 0xb8, 0x08,
    0x80, 0x00, 0x00, 0x03, 0x00, 0x80, 0x00, 0x00, 0x1e, 0x07, 0x8b, 0x16, 0xcb, 0x01, 0x00, 0x05, 0x68, 0xeb, 0xe3,
    0xcb, 0x20,
];
const IDR: &[u8] = &[0, 0, 0, 2, 0x65, 0x88];
const SLICE: &[u8] = &[0, 0, 0, 2, 0x41, 0x9a];

fn video(timestamp: u32, head: &[u8], data: &[u8]) -> Media {
    Media { is_video: true, timestamp, payload: [head, data].concat().into() }
}

fn audio(timestamp: u32, bytes: &[u8]) -> Media {
    Media { is_video: false, timestamp, payload: bytes.to_vec().into() }
}

fn all(t: &mut Translator, media: Vec<Media>) -> Result<Vec<Item>, Error> {
    let mut out = Vec::new();
    for m in media {
        t.translate(m, WallTime::default(), &mut out)?;
    }
    Ok(out)
}

/// `P` for parameters; pictures as dts/pts/keyframe.
fn shape(items: &[Item]) -> Vec<String> {
    let one = |i: &Item| match i {
        Item::Parameters(p) => format!("P {}", p.codec_string()),
        Item::Frame(f) => format!("{}/{}{}", f.dts.ticks(), f.pts.ticks(), if f.keyframe { " key" } else { "" }),
        Item::Lagged(n) => format!("lagged {n}"),
    };
    items.iter().map(one).collect()
}

#[test]
fn h264_with_b_frames_in_both_forms_reads_the_same() {
    let want = ["P avc1.4d401e", "0/80 key", "40/160", "80/60"];
    let classic = vec![
        video(0, &[0x17, 0, 0, 0, 0], AVCC),
        video(0, &[0x17, 1, 0, 0, 80], IDR),
        video(40, &[0x27, 1, 0, 0, 120], SLICE),
        video(80, &[0x27, 1, 0xFF, 0xFF, 0xEC], SLICE),
        video(120, &[0x17, 2, 0, 0, 0], &[]),
    ];
    assert_eq!(shape(&all(&mut Translator::new(), classic).unwrap()), want);
    let enhanced = vec![
        video(0, b"\x90avc1", AVCC),
        video(0, b"\x91avc1\x00\x00\x50", IDR),
        video(40, b"\xa1avc1\x00\x00\x78", SLICE),
        video(80, b"\xa1avc1\xff\xff\xec", SLICE),
        video(80, b"\x94avc1", &[1, 2, 3]),
        video(120, b"\x92avc1", &[]),
    ];
    assert_eq!(shape(&all(&mut Translator::new(), enhanced).unwrap()), want);
}

#[test]
fn the_frame_is_the_bitstream_not_the_flag() {
    let mut t = Translator::new();
    let media = vec![
        video(0, &[0x17, 0, 0, 0, 0], AVCC),
        video(0, &[0x17, 1, 0, 0, 0], SLICE),
        video(1, &[0x27, 1, 0, 0, 0], IDR),
    ];
    assert_eq!(shape(&all(&mut t, media).unwrap()), ["P avc1.4d401e", "0/0", "1/1 key"]);
}

#[test]
fn parameters_are_announced_only_when_they_differ() {
    let mut other = AVCC.to_vec();
    other[11] = 0x1f;
    let mut t = Translator::new();
    let header = |avcc: &[u8]| video(0, &[0x17, 0, 0, 0, 0], avcc);
    let media = vec![header(AVCC), header(AVCC), header(&other), header(&other), header(AVCC)];
    assert_eq!(shape(&all(&mut t, media).unwrap()), ["P avc1.4d401e", "P avc1.4d401f", "P avc1.4d401e"]);

    let media =
        vec![audio(0, &[0xAF, 0, 0x11, 0x90]), audio(0, &[0xAF, 0, 0x11, 0x90]), audio(9, &[0xAF, 0, 0x12, 0x10])];
    assert_eq!(shape(&all(&mut t, media).unwrap()).len(), 2);
}

#[test]
fn a_change_in_band_holds_although_the_old_header_is_repeated() {
    let mut sps = AVCC[8..32].to_vec();
    sps[3] = 0x1f;
    let unit = [&[0, 0, 0, 24][..], &sps, &[0, 0, 0, 5], &AVCC[35..40], IDR].concat();
    let mut t = Translator::new();
    let mut media = vec![];
    for n in 0..3 {
        media.push(video(n, &[0x17, 0, 0, 0, 0], AVCC));
        media.push(video(n, &[0x17, 1, 0, 0, 0], &unit));
    }
    let got = shape(&all(&mut t, media).unwrap());
    assert_eq!(got, ["P avc1.4d401e", "P avc1.4d401f", "0/0 key", "1/1 key", "2/2 key"]);
}

#[test]
fn time_goes_on_over_32_bits_and_headers_do_not_move_it() {
    let mut t = Translator::new();
    let media = vec![
        audio(0, &[0xAF, 0, 0x11, 0x90]),
        audio(0xFFFF_FFF0, &[0xAF, 1, 1]),
        audio(0, &[0xAF, 0, 0x11, 0x90]),
        audio(5, &[0xAF, 1, 1]),
    ];
    let got = shape(&all(&mut t, media).unwrap());
    assert_eq!(got[1..], ["4294967280/4294967280 key", "4294967301/4294967301 key"]);
}

#[test]
fn other_codecs_are_refused_by_name() {
    let refused = |m| all(&mut Translator::new(), vec![m]).unwrap_err().to_string();
    assert!(refused(video(0, &[0x1C, 0, 0, 0, 0], AVCC)).contains("HEVC"));
    assert!(refused(video(0, &[0x22], &[0])).contains("Sorenson"));
    assert!(refused(video(0, b"\x90hvc1", AVCC)).contains("hvc1"));
    assert!(refused(video(0, b"\x90\x1b[2J", AVCC)).contains("??2J"));
    assert!(refused(video(0, b"\x96", &[0])).contains("one video"));
    assert!(refused(audio(0, &[0x2F, 0xFF, 0xFB])).contains("MP3"));
    assert!(refused(audio(0, b"\x90Opus")).contains("Opus"));
    assert!(refused(video(0, &[0x17, 0, 0, 0, 0], &AVCC[..9])).contains("avcC"));
}

#[test]
fn bad_bodies_are_dropped_and_counted_and_the_stream_goes_on() {
    let mut t = Translator::new();
    let media = vec![
        video(0, &[0x27, 1, 0, 0, 0], SLICE), // before its configuration
        audio(0, &[0xAF, 1, 1, 2]),           // the same
        video(0, &[0x17, 0, 0, 0, 0], AVCC),
        video(0, &[0x17, 1], &[]),                    // truncated
        video(0, &[0x17, 1, 0, 0, 0], &[0, 0, 9, 9]), // a length past the end
        video(0, &[0x17, 9, 0, 0, 0], SLICE),         // no such packet
        video(0, &[0x17, 0, 0, 0, 0], &AVCC[..9]),    // a broken configuration after a good one
        audio(0, &[0xAF]),
    ];
    assert_eq!(shape(&all(&mut t, media).unwrap()), ["P avc1.4d401e"]);
    assert_eq!(t.dropped(), 7);
    // Nothing is not bad.
    let nothing = vec![
        video(0, &[], &[]),
        audio(0, &[]),
        audio(0, &[0xAF, 1]),
        video(0, &[0x17, 1, 0, 0, 0], &[]),
        video(0, &[0x57, 0], &[]),
    ];
    assert!(all(&mut t, nothing).unwrap().is_empty());
    assert_eq!(t.dropped(), 7);
    assert_eq!(shape(&all(&mut t, vec![video(7, &[0x17, 1, 0, 0, 0], IDR)]).unwrap()), ["7/7 key"]);
}
