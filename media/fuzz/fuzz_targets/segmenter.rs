//! The segmenter: whatever order, times, kinds and configurations come, segments go on by one, parts by one and in step.
#![no_main]

use amphi_media::codec::{aac::Aac, h264::H264};
use amphi_media::feed::Item;
use amphi_media::frame::Frame;
use amphi_media::segment::segmenter::Segmenter;
use amphi_media::segment::{Event, Rules};
use amphi_media::time::{Timescale, Timestamp, WallTime};
use amphi_media::track::{Kind, Parameters};
use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use std::sync::Arc;

const AVCC: &[u8] = &[
    0x01, 0x4d, 0x40, 0x1e, 0xff, 0xe1, 0x00, 0x18, 0x67, 0x4d, 0x40, 0x1e, 0xec, 0xa0, 0x50, 0x17, 0xfc, 0xb8, 0x08, 0x80, 0x00,
    0x00, 0x03, 0x00, 0x80, 0x00, 0x00, 0x1e, 0x07, 0x8b, 0x16, 0xcb, 0x01, 0x00, 0x05, 0x68, 0xeb, 0xe3, 0xcb, 0x20,
];

fn item(op: [u8; 5], clock: &mut [i64; 2], now: &mut i64) -> Item {
    let kind = if op[0] & 1 == 0 { Kind::Video } else { Kind::Audio };
    if op[0] & 0x70 == 0x70 {
        let level = if op[1] & 1 == 0 { 0x1e } else { 0x1f };
        return Item::Parameters(match kind {
            Kind::Video => {
                let mut avcc = AVCC.to_vec();
                (avcc[3], avcc[11]) = (level, level);
                Parameters::Video(Arc::new(H264::from_avcc(&avcc).expect("a good one")))
            }
            Kind::Audio => Parameters::Audio(Arc::new(Aac::from_asc(&[0x11, 0x88 + (op[1] & 1) * 8]).expect("a good one"))),
        });
    }
    let at = &mut clock[usize::from(kind == Kind::Audio)];
    // Mostly a frame's step, now and then anything.
    *at += if op[0] & 0x0e == 0x0e {
        i64::from(i32::from_be_bytes([op[1], op[2], op[3], op[4]]) / 16)
    } else {
        i64::from(op[1] % 64)
    };
    *now += i64::from(op[2] % 64);
    let dts = Timestamp::new(*at, Timescale::MILLIS);
    let pts = Timestamp::new(*at + i64::from(op[3] % 100), Timescale::MILLIS);
    let received = WallTime::from_micros(*now * 1000);
    Item::Frame(Frame { kind, dts, pts, keyframe: op[4] % 8 == 0, received, payload: Bytes::from_static(&[0; 8]) })
}

fuzz_target!(|bytes: &[u8]| {
    let mut segmenter = Segmenter::new(Rules::new(2_000_000, 500_000), WallTime::from_micros(0), 7, 0, false);
    let (mut clock, mut now, mut events) = ([0; 2], 0, Vec::new());
    for op in bytes.chunks_exact(5).take(4096) {
        if op[0] == 0xff {
            segmenter.end_contribution(&mut events).expect("small parts can be written");
        } else {
            let item = item([op[0], op[1], op[2], op[3], op[4]], &mut clock, &mut now);
            segmenter.push(item, &mut events).expect("small parts can be written");
        }
    }
    segmenter.end_contribution(&mut events).expect("small parts can be written");
    let mut open: [Option<(u64, u32)>; 2] = [None; 2];
    let mut last: [Option<u64>; 2] = [None; 2];
    let mut configured = [false; 2];
    let slot = |kind| usize::from(kind == Kind::Audio);
    for event in &events {
        match event {
            Event::Init { parameters, .. } => configured[slot(parameters.kind())] = true,
            Event::SegmentStart(start) => {
                let n = slot(start.rendition.kind());
                assert!(configured[n], "a segment needs an initialisation segment");
                assert!(open[n].is_none(), "one segment at a time");
                assert!(last[n].is_none_or(|msn| start.msn == msn + 1), "segments go on by one: {:?} then {}", last[n], start.msn);
                open[n] = Some((start.msn, 0));
                last[n] = Some(start.msn);
            }
            Event::Part(part) => {
                let at = open[slot(part.rendition.kind())].as_mut().expect("a part is in a segment");
                assert_eq!(*at, (part.msn, part.number));
                at.1 += 1;
                assert!(part.duration_ticks > 0);
            }
            Event::SegmentEnd { rendition, msn } => assert_eq!(open[slot(rendition.kind())].take().map(|(m, _)| m), Some(*msn)),
        }
    }
    assert!(open.iter().all(Option::is_none), "what was begun is ended");
});
