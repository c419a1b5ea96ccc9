//! What is found to be lacking of recordings that are written down as text.

use super::plan::{Kept, gaps, plan};
use crate::archive::load::{Loaded, Track};
use bytes::Bytes;
use media::codec::h264::H264;
use media::origin::entry::{Location, Segment};
use media::rendition::RenditionId;
use media::segment::Keyframe;
use media::segment::index::Begin;
use media::time::WallTime;
use media::track::Parameters;
use pipelines::ladder::Preset;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Of x264.
const AVCC_640X360: [u8; 40] = [
    0x01, 0x4d, 0x40, 0x1e, 0xff, 0xe1, 0x00, 0x18, 0x67, 0x4d, 0x40, 0x1e, 0xec, 0xa0, 0x50, 0x17, 0xfc, 0xb8, 0x08,
    0x80, 0x00, 0x00, 0x03, 0x00, 0x80, 0x00, 0x00, 0x1e, 0x07, 0x8b, 0x16, 0xcb, 0x01, 0x00, 0x05, 0x68, 0xeb, 0xe3,
    0xcb, 0x20,
];
const SOURCE: RenditionId = RenditionId::Source;
const RUNG: RenditionId = RenditionId::Rung(240);
/// Of 640x360 it makes 240p.
const LOW: &str = "low bandwidth";

/// A letter per segment of two seconds: `k` with its keyframe, `n` without, `g` a gap, `d` as `k` after a discontinuity, `s` with half of
/// its pictures. The first is number 7.
fn track(segments: &str) -> Track {
    let h264 = Arc::new(H264::from_avcc(&AVCC_640X360).unwrap());
    let mut track = Track::default();
    track.inits.push((Parameters::Video(h264), Bytes::new()));
    for (n, what) in (0_i64..).zip(segments.chars()) {
        let (start_micros, there) = (10_000_000 + n * 2_000_000, what != 'g');
        let keyframe = Keyframe { offset: 0, length: 1, time_micros: start_micros };
        track.segments.push(Segment {
            msn: 7 + u64::try_from(n).unwrap(),
            discontinuity: what == 'd',
            init: 0,
            program_date_time: WallTime::default(),
            start_micros,
            duration_micros: 2_000_000,
            bytes: if there { 10_000 } else { 0 },
            samples: match what {
                'g' => 0,
                's' => 25,
                _ => 50,
            },
            location: there.then_some(Location { file: 0, offset: 0 }),
            keyframes: if "kds".contains(what) { Box::new([keyframe]) } else { Box::default() },
            parts: Box::default(),
            media: Bytes::new(),
        });
    }
    track
}

fn recording(tracks: &[(RenditionId, &str)]) -> Loaded {
    let begin = Begin { origin: WallTime::default(), first_msn: 7, first_discontinuity: 0, target_duration_s: 4 };
    let tracks: BTreeMap<_, _> = tracks.iter().map(|(id, segments)| (*id, track(segments))).collect();
    Loaded { begin, tracks, ended: true }
}

/// Each run: first segment, last segment, where decoding begins, and what each rendition lacks of it.
fn runs(tracks: &[(RenditionId, &str)], kept: Kept) -> Vec<String> {
    let plan = plan(&recording(tracks), &Preset::named(LOW).unwrap(), kept);
    let of = |(id, numbers): (&RenditionId, &std::collections::BTreeSet<u64>)| {
        format!("{} {}", id.name(), numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(","))
    };
    let run = |run: &super::plan::Run| {
        let made: Vec<_> = run.order.ids().map(RenditionId::name).collect();
        assert_eq!(made, run.lacking.keys().rev().map(|id| id.name()).collect::<Vec<_>>(), "only what is lacking");
        let (first, last) = (run.places.start + 7, run.places.end + 6);
        let lacking = run.lacking.iter().map(of).collect::<Vec<_>>().join("; ");
        format!("{first}-{last} from {}: {lacking}", run.decode_from + 7)
    };
    plan.runs.iter().map(run).collect()
}

#[test]
fn what_was_made_is_not_made_again() {
    assert!(runs(&[(SOURCE, "kkkk"), (RUNG, "kkkk")], Kept::All).is_empty());
    assert_eq!(runs(&[(SOURCE, "kkkk"), (RUNG, "kggk")], Kept::All), ["8-9 from 8: 240p 8,9"]);
    assert_eq!(runs(&[(SOURCE, "kkkk"), (RUNG, "gkkg")], Kept::All), ["7-7 from 7: 240p 7", "10-10 from 10: 240p 10"]);
    assert_eq!(runs(&[(SOURCE, "kkkk"), (RUNG, "kk")], Kept::All), ["9-10 from 9: 240p 9,10"]);
    assert_eq!(runs(&[(SOURCE, "kkk")], Kept::All), ["7-9 from 7: 240p 7,8,9"], "there was no engine");
}

#[test]
fn a_segment_that_lacks_pictures_is_made_again() {
    assert_eq!(runs(&[(SOURCE, "kkk"), (RUNG, "ksk")], Kept::All), ["8-8 from 8: 240p 8"]);
}

#[test]
fn what_the_source_lacks_is_not_to_be_had_and_a_discontinuity_is_another_engines_work() {
    assert_eq!(
        runs(&[(SOURCE, "kkgkdk")], Kept::All),
        ["7-8 from 7: 240p 7,8", "10-10 from 10: 240p 10", "11-12 from 11: 240p 11,12"]
    );
}

#[test]
fn a_source_with_far_keyframes_is_re_encoded_and_decoded_from_the_keyframe_before() {
    let rung = RenditionId::Rung(360);
    assert_eq!(
        runs(&[(SOURCE, "knnkn"), (rung, "kkgkk"), (RUNG, "kkkkk")], Kept::All),
        ["9-9 from 7: 360p 9"],
        "the third is decoded from the first"
    );
    assert_eq!(runs(&[(SOURCE, "knnkn"), (rung, "kkgkk")], Kept::Necessary), ["9-9 from 7: 360p 9"]);
}

#[test]
fn what_browsers_can_do_without_is_superfluous_when_only_that_is_kept() {
    let plan_of = |tracks: &[(RenditionId, &str)], kept| plan(&recording(tracks), &Preset::named(LOW).unwrap(), kept);
    let all = [(SOURCE, "kkk"), (RUNG, "kgk")];
    let necessary = plan_of(&all, Kept::Necessary);
    assert_eq!((necessary.runs.len(), &necessary.superfluous[..]), (0, &[RUNG][..]));
    assert!(plan_of(&all, Kept::All).superfluous.is_empty());
    let far = [(SOURCE, "knnkn"), (RenditionId::Rung(360), "kkkkk"), (RUNG, "kkkkk")];
    assert_eq!(plan_of(&far, Kept::Necessary).superfluous, [RUNG], "360p is what browsers play");
}

#[test]
fn a_long_recording_is_made_in_steps() {
    let source = "k".repeat(700);
    let plan = plan(&recording(&[(SOURCE, &source)]), &Preset::named(LOW).unwrap(), Kept::All);
    assert_eq!(plan.runs.iter().map(|run| run.places.len()).collect::<Vec<_>>(), [300, 300, 100]);
    assert_eq!(plan.segments(), 700);
}

#[test]
fn what_could_not_be_made_is_told_and_a_lost_picture_is_no_gap() {
    let loaded = recording(&[(SOURCE, "kkkk"), (RUNG, "kgsk")]);
    let plan = plan(&loaded, &Preset::named(LOW).unwrap(), Kept::All);
    assert_eq!((plan.segments(), gaps(&loaded, &plan)), (2, vec![(RUNG, 8)]));
}

#[test]
fn a_recording_of_nothing_lacks_nothing() {
    assert!(runs(&[], Kept::All).is_empty());
    assert!(runs(&[(SOURCE, "ggg")], Kept::All).is_empty());
}
