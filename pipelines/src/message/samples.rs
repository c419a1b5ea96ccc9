//! One message of each kind, for the tests.

use super::*;
use crate::encoder::Encoder;
use crate::ladder::{Halving, Rung};
use media::caption::language::Language;
use media::caption::word::{Confidence, Hypothesis, Word};
use media::codec::aac::Aac;
use media::codec::h264::{H264, Orientation};
use media::track::{Kind, Parameters};
use std::sync::Arc;

/// x264, 640x360: as in the tests of `media::codec::h264`.
const AVCC: &[u8] = &[
    0x01, 0x4d, 0x40, 0x1e, 0xff, 0xe1, 0x00, 0x18, 0x67, 0x4d, 0x40, 0x1e, 0xec, 0xa0, 0x50, 0x17, 0xfc, 0xb8, 0x08,
    0x80, 0x00, 0x00, 0x03, 0x00, 0x80, 0x00, 0x00, 0x1e, 0x07, 0x8b, 0x16, 0xcb, 0x01, 0x00, 0x05, 0x68, 0xeb, 0xe3,
    0xcb, 0x20,
];

fn video() -> Parameters {
    Parameters::Video(Arc::new(H264::from_avcc(AVCC).unwrap()))
}

fn turned() -> Parameters {
    Parameters::Video(Arc::new(H264::from_avcc(AVCC).unwrap().turned(Orientation::new(false, 3))))
}

fn audio() -> Parameters {
    Parameters::Audio(Arc::new(Aac::from_asc(&[0x11, 0x90]).unwrap()))
}

pub(super) fn to_engine() -> Vec<ToEngine> {
    let rung = |width, height, halving| Rung { width, height, bitrate_bps: 700_000, halving };
    let start = Start {
        session: u64::MAX,
        rungs: vec![rung(640, 360, Halving::No), rung(426, 240, Halving::EveryOther)],
        audio: AudioPlan::Encode { bitrate_bps: 128_000, sample_rate_hz: 48_000, channels: 2 },
        options: Options {
            when_slow: WhenSlow::Wait,
            deinterlace: true,
            orientation: Orientation::new(true, 1),
            encoder_threads: 2,
        },
    };
    let plain = Start { audio: AudioPlan::Leave, options: Options::default(), ..start.clone() };
    let frame = SourceFrame {
        kind: Kind::Video,
        dts: -1,
        pts: i64::MAX,
        keyframe: true,
        cut: Some(-90_000),
        decode_only: false,
        payload: Bytes::from_static(&[0, 0, 0, 2, 0x65, 0x88]),
    };
    let sound = SourceFrame { kind: Kind::Audio, cut: None, decode_only: true, ..frame.clone() };
    vec![
        ToEngine::Start(start),
        ToEngine::Start(plain),
        ToEngine::Parameters(video()),
        ToEngine::Parameters(turned()),
        ToEngine::Parameters(audio()),
        ToEngine::Frame(frame),
        ToEngine::Frame(sound),
        ToEngine::Discontinuity,
        ToEngine::Stop,
    ]
}

pub(super) fn from_engine() -> Vec<FromEngine> {
    let frame = EncodedFrame {
        rendition: Rendition::Rung(2),
        dts: 900_000,
        pts: 903_000,
        keyframe: true,
        after_hole: true,
        payload: Bytes::from_static(&[0, 0, 0, 2, 0x65, 0x88]),
    };
    vec![
        FromEngine::Ready { session: 7, encoder: Encoder::X264, why: "va: no device".into() },
        FromEngine::Parameters { rendition: Rendition::Rung(0), parameters: video() },
        FromEngine::Parameters { rendition: Rendition::Audio, parameters: audio() },
        FromEngine::Frame(frame.clone()),
        FromEngine::Frame(EncodedFrame { rendition: Rendition::Audio, after_hole: false, ..frame }),
        FromEngine::Stats(Stats {
            pictures_in: 1,
            decoded: 2,
            encoded: 3,
            shed: 4,
            refused: 5,
            waiting: 6,
            media_micros: 7,
            cpu_micros: 8,
            wall_micros: 9,
        }),
        FromEngine::Failed { text: "x264enc is missing".into() },
    ]
}

fn language(tag: &str) -> Language {
    Language::new(tag).unwrap()
}

pub(super) fn to_captioner() -> Vec<ToCaptioner> {
    let model = |tag, folder: &str| ModelPlace { language: language(tag), folder: folder.into() };
    vec![
        ToCaptioner::Begin { models: vec![model("fr", "/models/fr"), model("en-GB", "/models/anglais été")] },
        ToCaptioner::Begin { models: vec![] },
        ToCaptioner::Open {
            session: u32::MAX,
            language: language("fr"),
            vocabulary: vec!["l'été".into(), String::new()],
        },
        ToCaptioner::Parameters { session: 1, parameters: Arc::new(Aac::from_asc(&[0x11, 0x90]).unwrap()) },
        ToCaptioner::Sound { session: 1, pts: i64::MIN, payload: Bytes::from_static(&[0x21, 0x10, 4]) },
        ToCaptioner::Discontinuity { session: 2 },
        ToCaptioner::Close { session: 3 },
    ]
}

pub(super) fn from_captioner() -> Vec<FromCaptioner> {
    let word = |text| Word::new(text, 11_000_000, 11_500_000, Confidence::from_thousandths(999).unwrap()).unwrap();
    let stats = SessionStats {
        session: 1,
        heard_until_micros: 2,
        heard_micros: 3,
        busy_micros: 4,
        cpu_micros: 5,
        waiting_micros: 6,
        dropped_micros: 7,
        refused: 8,
        peak: 9,
        mean: 10,
    };
    let said = |words, is_final| FromCaptioner::Hypothesis {
        session: 7,
        hypothesis: Hypothesis::new(words, is_final).unwrap(),
        heard_until_micros: 12_000_000,
    };
    vec![
        FromCaptioner::Loading { language: language("fr") },
        FromCaptioner::Loaded { language: language("fr") },
        FromCaptioner::Unusable { language: language("zh-Hant"), reason: "no model there".into() },
        FromCaptioner::Ready,
        FromCaptioner::Opened { session: 1 },
        FromCaptioner::SessionFailed { session: 1, reason: "no decoder".into() },
        said(vec![word("l'été"), word("서울")], false),
        said(vec![], true),
        FromCaptioner::Closed { session: 1 },
        FromCaptioner::Stats(CaptionerStats {
            cpu_micros: 1,
            wall_micros: 2,
            sessions: vec![stats, SessionStats::default()],
        }),
        FromCaptioner::Failed { text: "avdec_aac is missing".into() },
    ]
}
