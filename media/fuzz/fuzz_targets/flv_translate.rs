//! FLV bodies → items: frames are well-formed, follow their parameters, and are no larger than what came.
#![no_main]

use amphi_media::codec::h264::{is_keyframe, nals};
use amphi_media::feed::Item;
use amphi_media::ingest::rtmp::session::Media;
use amphi_media::ingest::rtmp::translate::Translator;
use amphi_media::time::WallTime;
use amphi_media::track::Kind;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut translator = Translator::new();
    let mut items = Vec::new();
    let mut rest = bytes;
    // Flags, time, length, body.
    while let Some((&[flags, t0, t1, t2, t3, length], tail)) = rest.split_first_chunk::<6>() {
        let (body, tail) = tail.split_at(usize::from(length).min(tail.len()));
        rest = tail;
        let payload = body.to_vec().into();
        let timestamp = u32::from_be_bytes([t0, t1, t2, t3]);
        let media = Media { is_video: flags & 1 == 0, timestamp, payload };
        if translator.translate(media, WallTime::default(), &mut items).is_err() {
            break;
        }
    }
    let (mut video, mut audio, mut payload) = (None, None, 0);
    for item in &items {
        match item {
            Item::Parameters(p) => {
                let slot = if p.kind() == Kind::Video { &mut video } else { &mut audio };
                assert_ne!(slot.as_ref(), Some(&p), "announced twice");
                *slot = Some(p);
            }
            Item::Frame(f) => {
                payload += f.payload.len();
                assert!(!f.payload.is_empty());
                if f.kind == Kind::Video {
                    assert!(video.is_some(), "a picture before its parameters");
                    assert!(nals(&f.payload, 4).all(|n| n.is_ok()));
                    assert_eq!(f.keyframe, is_keyframe(&f.payload));
                } else {
                    assert!(audio.is_some() && f.keyframe && f.pts == f.dts);
                }
            }
            Item::Lagged(_) => panic!("nobody reads here"),
        }
    }
    assert!(payload <= bytes.len() * 4);
});
