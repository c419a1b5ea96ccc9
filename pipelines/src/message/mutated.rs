//! Messages go and come back equal; random and mutated bytes are refused without a panic.

use super::*;
use crate::ladder::{Halving, Rung};
use media::codec::{aac::Aac, h264::H264};
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

fn audio() -> Parameters {
    Parameters::Audio(Arc::new(Aac::from_asc(&[0x11, 0x90]).unwrap()))
}

fn to_engine() -> Vec<ToEngine> {
    let rung = |width, height, halving| Rung { width, height, bitrate_bps: 700_000, halving };
    let start = Start {
        session: u64::MAX,
        rungs: vec![rung(640, 360, Halving::No), rung(426, 240, Halving::EveryOther)],
        audio: AudioPlan::Encode { bitrate_bps: 128_000, sample_rate_hz: 48_000, channels: 2 },
        captions: vec![CaptionPlan { language: "fr".into() }],
        options: Options { when_slow: WhenSlow::Wait, deinterlace: true, encoder_threads: 2 },
    };
    let plain = Start { audio: AudioPlan::Leave, captions: vec![], options: Options::default(), ..start.clone() };
    let frame = SourceFrame {
        kind: Kind::Video,
        dts: -1,
        pts: i64::MAX,
        keyframe: true,
        cut: true,
        decode_only: false,
        payload: Bytes::from_static(&[0, 0, 0, 2, 0x65, 0x88]),
    };
    let sound = SourceFrame { kind: Kind::Audio, cut: false, decode_only: true, ..frame.clone() };
    vec![
        ToEngine::Start(start),
        ToEngine::Start(plain),
        ToEngine::Parameters(video()),
        ToEngine::Parameters(audio()),
        ToEngine::Frame(frame),
        ToEngine::Frame(sound),
        ToEngine::Discontinuity,
        ToEngine::Stop,
    ]
}

fn from_engine() -> Vec<FromEngine> {
    let frame = EncodedFrame {
        rendition: Rendition::Rung(2),
        dts: 900_000,
        pts: 903_000,
        keyframe: true,
        after_hole: true,
        payload: Bytes::from_static(&[0, 0, 0, 2, 0x65, 0x88]),
    };
    let word = Word { text: "l'été".into(), start_micros: 1, end_micros: 2, confidence_permille: 1000 };
    vec![
        FromEngine::Ready { session: 7 },
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
        FromEngine::Caption(Caption {
            language: "fr".into(),
            words: vec![word.clone(), word],
            is_final: false,
            heard_until_micros: 12_000_000,
        }),
        FromEngine::Failed { text: "x264enc is missing".into() },
    ]
}

/// The body as it arrives: without the length, checked.
fn body(encoded: &Encoded) -> Bytes {
    let all = Bytes::from([&encoded.head[..], &encoded.payload[..]].concat());
    let length = body_bytes(all[..LENGTH_BYTES].try_into().unwrap()).unwrap();
    assert_eq!(length, all.len() - LENGTH_BYTES);
    all.slice(LENGTH_BYTES..)
}

#[test]
fn messages_arrive_as_they_were_sent() {
    for message in to_engine() {
        assert_eq!(ToEngine::decode(body(&message.encode())).unwrap(), message);
    }
    for message in from_engine() {
        assert_eq!(FromEngine::decode(body(&message.encode())).unwrap(), message);
    }
}

#[test]
fn payloads_are_shared_and_not_copied() {
    let payload = Bytes::from(vec![1; 1000]);
    let frame =
        SourceFrame { kind: Kind::Video, dts: 0, pts: 0, keyframe: false, cut: false, decode_only: false, payload };
    let sent = ToEngine::Frame(frame.clone()).encode();
    assert_eq!(sent.payload.as_ptr(), frame.payload.as_ptr());
    let arrived = body(&sent);
    let ToEngine::Frame(back) = ToEngine::decode(arrived.clone()).unwrap() else { panic!("no frame") };
    assert!(arrived.as_ptr_range().contains(&back.payload.as_ptr()));
}

#[test]
fn a_length_out_of_bounds_is_refused_before_anything_is_allocated() {
    for bytes in [0, 1, u32::MAX, u32::try_from(MAX_MESSAGE_BYTES).unwrap() + 1] {
        assert!(matches!(body_bytes(bytes.to_be_bytes()), Err(Error::Length { .. })), "{bytes}");
    }
    assert_eq!(body_bytes(u32::try_from(MAX_MESSAGE_BYTES).unwrap().to_be_bytes()), Ok(MAX_MESSAGE_BYTES));
}

#[test]
fn another_build_is_named() {
    let mut bytes = body(&ToEngine::Stop.encode()).to_vec();
    bytes[0] = VERSION + 1;
    let error = ToEngine::decode(bytes.into()).unwrap_err().to_string();
    assert!(error.contains("same build"), "{error}");
}

#[test]
fn every_truncation_is_refused() {
    let decodes_to = to_engine().iter().map(|m| body(&m.encode())).collect::<Vec<_>>();
    let decodes_from = from_engine().iter().map(|m| body(&m.encode())).collect::<Vec<_>>();
    for (n, whole) in decodes_to.iter().enumerate() {
        let head = whole.len() - to_engine()[n].encode().payload.len();
        for end in 0..=head.min(whole.len() - 1) {
            assert!(ToEngine::decode(whole.slice(..end)).is_err(), "message {n}, {end} bytes");
        }
    }
    for (n, whole) in decodes_from.iter().enumerate() {
        let head = whole.len() - from_engine()[n].encode().payload.len();
        for end in 0..=head.min(whole.len() - 1) {
            assert!(FromEngine::decode(whole.slice(..end)).is_err(), "message {n}, {end} bytes");
        }
    }
}

#[test]
fn counts_and_values_over_their_bounds_are_refused() {
    let ToEngine::Start(start) = to_engine().remove(0) else { panic!("no start") };
    let odd = Start { rungs: vec![Rung { width: 641, ..start.rungs[0] }], ..start.clone() };
    assert!(ToEngine::decode(body(&ToEngine::Start(odd).encode())).is_err());
    let many = Start { rungs: vec![start.rungs[0]; MAX_RUNGS + 3], ..start.clone() };
    let ToEngine::Start(cut) = ToEngine::decode(body(&ToEngine::Start(many).encode())).unwrap() else { panic!() };
    assert_eq!(cut.rungs.len(), MAX_RUNGS, "a writer never sends more than the bound");
    let mut bytes = body(&ToEngine::Start(start).encode()).to_vec();
    // Version, tag, session, then the count of rungs.
    bytes[10..12].copy_from_slice(&9u16.to_be_bytes());
    assert!(matches!(ToEngine::decode(bytes.into()), Err(Error::Invalid { what: "rungs", .. })));
}

/// xorshift: the same mutations on every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[3]
    }
}

#[test]
fn random_and_mutated_bytes_never_panic() {
    let mut random = Random(0x5eed);
    let mut seeds: Vec<Bytes> = to_engine().iter().map(|m| body(&m.encode())).collect();
    seeds.extend(from_engine().iter().map(|m| body(&m.encode())));
    let (mut taken, mut refused) = (0u32, 0u32);
    for _ in 0..60_000 {
        let mut bytes = seeds[random.below(seeds.len())].to_vec();
        match random.below(4) {
            0 => {
                bytes = (0..random.below(80)).map(|_| random.byte()).collect();
                if let Some(version) = bytes.first_mut() {
                    *version = VERSION;
                }
            }
            1 => bytes.truncate(random.below(bytes.len())),
            2 => bytes.extend((0..random.below(20)).map(|_| 0xff)),
            _ => {
                for _ in 0..=random.below(4) {
                    let at = random.below(bytes.len());
                    bytes[at] = random.byte();
                }
            }
        }
        let bytes = Bytes::from(bytes);
        for ok in [ToEngine::decode(bytes.clone()).is_ok(), FromEngine::decode(bytes).is_ok()] {
            if ok {
                taken += 1;
            } else {
                refused += 1;
            }
        }
    }
    assert!(taken > 1_000 && refused > 1_000, "both happen: {taken} taken, {refused} refused");
}
