//! The origin's rules on a synthetic live: what is listed, what waits, what is refused, and what it costs.

use super::answer::{Answer, answer};
use super::bit_rates::BitRates;
use super::entry::{Location, Segment};
use super::playlist::{Playlist, Snapshot};
use super::request::{BadRequest, Reload, Request};
use super::text::Report;
use crate::rendition::RenditionId;
use crate::segment::{Keyframe, Part, Rules, SegmentStart};
use crate::time::{Timescale, Timestamp, WallTime};
use bytes::Bytes;
use std::io::Read;
use std::sync::Arc;

const RULES: Rules = Rules { segment_target_micros: 2_000_000, target_duration_s: 4, part_target_micros: 500_000 };
const HOUR_MICROS: i64 = 3_600_000_000;

fn playlist(window_micros: i64) -> Playlist {
    Playlist::new(RULES, RULES.part_target_micros, 100, 7, window_micros, 3)
}

fn open(playlist: &mut Playlist, msn: u64, discontinuity: bool) {
    let at = i64::try_from(msn).unwrap() * 2_000_000;
    let program_date_time = WallTime::from_micros(1_700_000_000_000_000 + at);
    playlist.open_segment(&SegmentStart { rendition: RenditionId::Source, msn, discontinuity, program_date_time }, 0);
}

fn add_part(playlist: &mut Playlist, msn: u64, number: u32) {
    playlist.add_part(&part(msn, number));
}

fn part(msn: u64, number: u32) -> Part {
    let start = Timestamp::new(i64::try_from(msn).unwrap() * 180_000 + i64::from(number) * 45_000, Timescale::VIDEO);
    let keyframes =
        if number == 0 { vec![Keyframe { offset: 0, length: 40, time_micros: start.micros() }] } else { vec![] };
    Part {
        rendition: RenditionId::Source,
        msn,
        number,
        start,
        samples: 15,
        duration_ticks: 45_000,
        independent: number == 0,
        keyframes,
        bytes: Bytes::from(vec![u8::try_from(number).unwrap(); 100]),
    }
}

fn segment(playlist: &mut Playlist, msn: u64) {
    open(playlist, msn, false);
    (0..4).for_each(|n| add_part(playlist, msn, n));
    playlist.close_segment(Some(Location { file: 0, offset: msn * 400 }));
}

fn live(segments: u64, parts: u32) -> Arc<Snapshot> {
    let mut playlist = playlist(6 * HOUR_MICROS);
    (100..100 + segments).for_each(|msn| segment(&mut playlist, msn));
    open(&mut playlist, 100 + segments, false);
    (0..parts).for_each(|n| add_part(&mut playlist, 100 + segments, n));
    playlist.snapshot()
}

fn text(snapshot: &Snapshot) -> String {
    let report = Report { uri: "../audio/media.m3u8".into(), last_msn: 105, last_part: Some(1) };
    String::from_utf8(snapshot.full(|| vec![report]).plain().to_vec()).unwrap()
}

fn reload(msn: Option<u64>, part: Option<u32>) -> Request {
    Request::Playlist(Reload { msn, part, skip: false })
}

fn is_wait(snapshot: &Snapshot, msn: u64, part: Option<u32>) -> bool {
    matches!(answer(snapshot, reload(Some(msn), part)), Answer::Wait)
}

#[test]
fn a_live_playlist_says_what_the_rules_demand() {
    let text = text(&live(5, 2));
    let expected = "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:4\n\
        #EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=24,HOLD-BACK=12,PART-HOLD-BACK=1.5\n\
        #EXT-X-PART-INF:PART-TARGET=0.5\n#EXT-X-MEDIA-SEQUENCE:100\n#EXT-X-DISCONTINUITY-SEQUENCE:7\n\
        #EXT-X-MAP:URI=\"init-0.mp4\"\n#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:16:40.000Z\n\
        #EXT-X-PART:DURATION=0.50000,URI=\"100.0.m4s\",INDEPENDENT=YES\n";
    assert!(text.starts_with(expected), "{text}");
    let end = "#EXT-X-PART:DURATION=0.50000,URI=\"105.0.m4s\",INDEPENDENT=YES\n\
        #EXT-X-PART:DURATION=0.50000,URI=\"105.1.m4s\"\n#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"105.2.m4s\"\n\
        #EXT-X-RENDITION-REPORT:URI=\"../audio/media.m3u8\",LAST-MSN=105,LAST-PART=1\n";
    assert!(text.ends_with(end), "{text}");
}

#[test]
fn parts_are_listed_only_after_the_last_segment_with_one_above_the_part_target() {
    let mut playlist = playlist(HOUR_MICROS);
    segment(&mut playlist, 100);
    open(&mut playlist, 101, false);
    playlist.add_part(&Part {
        rendition: RenditionId::Source,
        msn: 101,
        number: 0,
        start: Timestamp::new(101 * 180_000, Timescale::VIDEO),
        samples: 1,
        duration_ticks: 180_000,
        independent: false,
        keyframes: Vec::new(),
        bytes: Bytes::from_static(b"moof"),
    });
    playlist.close_segment(Some(Location { file: 0, offset: 0 }));
    open(&mut playlist, 102, false);
    add_part(&mut playlist, 102, 0);
    let snapshot = playlist.snapshot();
    let text = text(&snapshot);
    assert_eq!(text.matches("#EXT-X-PART:").count(), 1, "{text}");
    assert!(text.contains("#EXTINF:2.00000,\n101.m4s\n") && text.contains("URI=\"102.0.m4s\""), "{text}");
    assert!(text.contains("PART-TARGET=0.5\n"), "{text}");
    let hinted = answer(&snapshot, Request::Part(101, 0));
    assert!(matches!(hinted, Answer::Ram(_)), "who was hinted at it still gets it: {hinted:?}");
    assert!(!is_wait(&snapshot, 100, Some(4)) && !is_wait(&snapshot, 101, Some(0)));
}

#[test]
fn parts_are_listed_for_three_target_durations_the_open_segment_included() {
    for (open_parts, from) in [(0, 104), (1, 105), (3, 105)] {
        let text = text(&live(10, open_parts));
        let first = text.lines().find(|l| l.starts_with("#EXT-X-PART:")).unwrap();
        assert!(first.contains(&format!("URI=\"{from}.0.m4s\"")), "{open_parts}: {first}");
    }
}

#[test]
fn blocking_reloads_wait_for_exactly_what_they_ask() {
    let s = live(5, 2);
    assert!(!is_wait(&s, 105, Some(1)), "there already");
    assert!(is_wait(&s, 105, Some(2)));
    assert!(!is_wait(&s, 105, None), "its first part is there");
    assert!(is_wait(&s, 106, None));
    assert!(!is_wait(&s, 104, Some(3)));
    assert!(!is_wait(&s, 104, Some(9)), "beyond the last part of 104 is part 0 of 105");
    assert!(matches!(answer(&s, reload(Some(108), None)), Answer::Bad(BadRequest::TooFarAhead)));
    assert!(is_wait(&s, 107, None));
    let s = live(5, 0);
    assert!(!is_wait(&s, 104, Some(3)));
    assert!(is_wait(&s, 104, Some(4)), "part 0 of 105 is not there yet");
    assert!(is_wait(&s, 105, Some(0)));
}

#[test]
fn media_comes_from_ram_while_recent_and_from_disk_later() {
    let s = live(10, 2);
    assert!(matches!(answer(&s, Request::Segment(109)), Answer::Ram(bytes) if bytes.len() == 400 && bytes[399] == 3));
    assert!(matches!(
        answer(&s, Request::Segment(101)),
        Answer::Disk { location: Location { file: 0, offset: 40_400 }, bytes: 400 }
    ));
    assert!(matches!(
        answer(&s, Request::Part(101, 2)),
        Answer::Disk { location: Location { file: 0, offset: 40_600 }, bytes: 100 }
    ));
    assert!(matches!(answer(&s, Request::Part(110, 1)), Answer::Ram(bytes) if bytes[0] == 1));
    assert!(matches!(answer(&s, Request::Part(110, 2)), Answer::Wait), "the hinted part");
    assert!(matches!(answer(&s, Request::Part(110, 3)), Answer::NotFound));
    assert!(matches!(answer(&s, Request::Segment(99)), Answer::NotFound));
    assert!(matches!(answer(&s, Request::Segment(111)), Answer::NotFound));
}

#[test]
fn a_delta_update_and_the_whole_say_the_same() {
    let s = live(500, 1);
    let full = text(&s);
    let delta = String::from_utf8(s.delta(Vec::new).plain().to_vec()).unwrap();
    let skip = delta.lines().find(|l| l.starts_with("#EXT-X-SKIP")).unwrap();
    let skipped: usize = skip.rsplit('=').next().unwrap().parse().unwrap();
    let uris = |t: &str| t.lines().filter(|l| l.ends_with(".m4s")).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(uris(&full).len(), 500);
    assert_eq!(uris(&full)[skipped..], uris(&delta)[..]);
    assert_eq!(500 - skipped, 12, "24 s are not skipped");
    assert!(delta.contains("#EXT-X-MEDIA-SEQUENCE:100\n"));
}

#[test]
fn compressed_and_plain_text_are_the_same_and_old_text_costs_nothing_per_part() {
    let s = live(10_800, 1);
    let rendered = s.full(Vec::new);
    let mut back = Vec::new();
    flate2::read::GzDecoder::new(&rendered.gzip()[..]).read_to_end(&mut back).unwrap();
    assert!(back == rendered.plain()[..]);
    assert!(back.len() > 700_000);
    assert!(s.delta(Vec::new).plain().len() < 6_000, "a delta of six hours is as long as one of a minute");
}

#[test]
fn the_window_slides_by_blocks_and_numbers_never_go_back() {
    let mut playlist = playlist(300_000_000);
    let mut last = (0, 0);
    for msn in 100..1000 {
        open(&mut playlist, msn, msn % 50 == 0);
        (0..4).for_each(|n| add_part(&mut playlist, msn, n));
        playlist.close_segment(Some(Location { file: 0, offset: 0 }));
        let s = playlist.snapshot();
        let now = (s.media_sequence(), s.discontinuity_sequence);
        assert!(now >= last);
        last = now;
        let removed = (100..now.0).filter(|m| m % 50 == 0).count() as u64;
        assert_eq!(now.1, 7 + removed, "every removed discontinuity counts");
        assert!(s.len() <= 150 + 64 + 1);
    }
    assert!(last.0 > 700);
    let text = text(&playlist.snapshot());
    assert_eq!(text.matches("#EXT-X-MAP").count(), 1, "the first listed segment says its MAP");
}

#[test]
fn an_ended_playlist_ends_and_offers_nothing_more() {
    let mut playlist = playlist(HOUR_MICROS);
    (100..105).for_each(|msn| segment(&mut playlist, msn));
    playlist.end();
    let s = playlist.snapshot();
    let text = text(&s);
    assert!(text.ends_with("#EXT-X-ENDLIST\n"));
    for absent in ["PRELOAD-HINT", "RENDITION-REPORT"] {
        assert!(!text.contains(absent), "{absent}");
    }
    assert!(text.contains("PART-TARGET=0.5") && text.contains("104.3.m4s"), "what was told to viewers stays: {text}");
    assert!(matches!(answer(&s, reload(Some(105), None)), Answer::Playlist { .. }), "nobody waits for what won't come");
    assert!(matches!(answer(&s, Request::Part(105, 0)), Answer::NotFound));
}

#[test]
fn a_videos_playlist_has_whole_segments_only() {
    let mut playlist = playlist(HOUR_MICROS);
    (100..105).for_each(|msn| segment(&mut playlist, msn));
    playlist.end_as_video();
    let text = text(&playlist.snapshot());
    for absent in ["PRELOAD-HINT", "RENDITION-REPORT", "EXT-X-PART", "SERVER-CONTROL"] {
        assert!(!text.contains(absent), "{absent}");
    }
}

#[test]
fn a_segment_that_never_reached_the_disk_becomes_a_gap() {
    let mut playlist = playlist(HOUR_MICROS);
    for msn in 100..120 {
        if msn == 112 {
            let kept = answer(&playlist.snapshot(), Request::Segment(104));
            assert!(matches!(kept, Answer::Ram(_)), "players that are behind still get it: {kept:?}");
        }
        open(&mut playlist, msn, false);
        (0..4).for_each(|n| add_part(&mut playlist, msn, n));
        playlist.close_segment((msn != 104).then_some(Location { file: 0, offset: 0 }));
    }
    let s = playlist.snapshot();
    let text = text(&s);
    assert!(text.contains("#EXT-X-GAP\n#EXTINF:2.00000,\n104.m4s"), "{text}");
    assert_eq!(text.matches("#EXT-X-GAP").count(), 1);
    assert!(matches!(answer(&s, Request::Segment(104)), Answer::NotFound));
}

#[test]
fn the_iframe_playlist_lists_ranges_of_the_same_segments() {
    let s = live(3, 0);
    let text = String::from_utf8(s.iframes().plain().to_vec()).unwrap();
    assert!(text.contains("#EXT-X-I-FRAMES-ONLY"));
    assert!(text.contains("#EXTINF:2.00000,\n#EXT-X-BYTERANGE:40@0\n101.m4s\n"), "{text}");
    assert_eq!(text.matches("#EXT-X-BYTERANGE").count(), 2, "the end of the last one is not known yet");
}

#[test]
fn the_iframe_playlist_has_a_map_when_pictures_come_long_after_the_sound() {
    let mut playlist = playlist(HOUR_MICROS);
    for msn in 100..300 {
        open(&mut playlist, msn, false);
        (0..4).for_each(|n| add_part(&mut playlist, msn, if msn < 290 { n + 1 } else { n }));
        playlist.close_segment(Some(Location { file: 0, offset: 0 }));
    }
    let text = String::from_utf8(playlist.snapshot().iframes().plain().to_vec()).unwrap();
    assert_eq!(text.matches("#EXT-X-MAP").count(), 1, "{text}");
    assert!(text.find("#EXT-X-MAP") < text.find("#EXT-X-BYTERANGE"), "{text}");
}

#[test]
fn a_listed_iframe_never_changes_and_one_that_lasts_longer_than_the_target_is_followed_by_gaps() {
    let mut playlist = playlist(400_000_000);
    let entries = |s: &Snapshot| {
        let text = String::from_utf8(s.iframes().plain().to_vec()).unwrap();
        assert!(text.contains("#EXT-X-TARGETDURATION:4\n"));
        let number = text.lines().find_map(|l| l.strip_prefix("#EXT-X-MEDIA-SEQUENCE:")).unwrap();
        let listed: Vec<String> = text.split("#EXT-X-PROGRAM-DATE-TIME:").skip(1).map(str::to_owned).collect();
        (number.parse::<usize>().unwrap(), listed)
    };
    let (mut known, mut gaps) = (std::collections::BTreeMap::new(), 0);
    for msn in 100..1000u64 {
        // Every fifth segment has a keyframe; one in fifty does not continue.
        open(&mut playlist, msn, msn % 50 == 0);
        for n in 0..4 {
            add_part(&mut playlist, msn, if msn % 5 == 0 { n } else { n + 1 });
        }
        playlist.close_segment(Some(Location { file: 0, offset: 0 }));
        let (first, listed) = entries(&playlist.snapshot());
        for (n, entry) in listed.into_iter().enumerate() {
            gaps += entry.matches("#EXT-X-GAP").count();
            // A GAP stands before its date, so at the end of the entry before; a DISCONTINUITY too.
            let entry = entry.lines().take_while(|l| !l.starts_with("#EXT-X-GAP") && !l.starts_with("#EXT-X-DISC"));
            let entry: Vec<String> = entry.filter(|l| !l.ends_with("ENDLIST")).map(str::to_owned).collect();
            let before = known.entry(first + n).or_insert_with(|| entry.clone());
            assert_eq!(*before, entry, "entry {} changed at msn {msn}", first + n);
        }
    }
    assert!(gaps > 0 && known.len() > 400, "{gaps} gaps in {} entries", known.len());
}

#[test]
fn rates_are_of_what_is_fetched_and_of_keyframes_alone_for_who_looks_for_a_place() {
    let rates = |average_bps, peak_bps| BitRates { average_bps, peak_bps };
    assert_eq!(live(0, 2).bit_rates(), rates(1_600, 1_600), "of parts, before there is a segment");
    assert_eq!(live(0, 2).keyframe_bit_rates(), rates(1_600, 1_600), "not more than all");
    let mut playlist = playlist(HOUR_MICROS);
    (100..103).for_each(|msn| segment(&mut playlist, msn));
    // What was lost weighs nothing.
    open(&mut playlist, 103, false);
    playlist.add_part(&Part { bytes: Bytes::new(), keyframes: Vec::new(), ..part(103, 0) });
    playlist.close_segment(None);
    assert_eq!(playlist.snapshot().bit_rates(), rates(1_600, 1_600));
    // Two keyframes have an end; the third lasts over the hole when the list ends.
    assert_eq!(playlist.snapshot().keyframe_bit_rates(), rates(160, 160));
    playlist.end();
    assert_eq!(playlist.snapshot().keyframe_bit_rates(), rates(147, 160));
}

/// A list of captions, with a segment of text each from 100 on.
fn captions(segments: u64) -> Playlist {
    let mut playlist = Playlist::of_captions(RULES, 100, 7, HOUR_MICROS);
    for msn in 100..100 + segments {
        let text = Bytes::from(format!("WEBVTT {msn}"));
        let at = i64::try_from(msn).unwrap() * 2_000_000;
        playlist.add_segment(Segment {
            msn,
            discontinuity: msn == 103,
            init: 0,
            program_date_time: WallTime::from_micros(1_700_000_000_000_000 + at),
            start_micros: at,
            duration_micros: 2_000_000,
            bytes: u32::try_from(text.len()).unwrap(),
            samples: 0,
            location: None,
            keyframes: Box::default(),
            parts: Box::default(),
            media: text,
        });
    }
    playlist
}

#[test]
fn captions_are_whole_segments_of_text_that_stay() {
    let mut playlist = captions(300);
    let s = playlist.snapshot();
    let text = text_of(s.full(Vec::new));
    assert!(text.contains("CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=24,HOLD-BACK=12\n"), "{text}");
    for nowhere in ["EXT-X-MAP", "EXT-X-PART", "PRELOAD-HINT", "EXT-X-GAP", "m4s"] {
        assert!(!text.contains(nowhere), "{nowhere}");
    }
    assert!(text.contains("#EXT-X-MEDIA-SEQUENCE:100\n#EXT-X-DISCONTINUITY-SEQUENCE:7\n"));
    assert_eq!(text.matches(".vtt\n").count(), 300);
    assert_eq!(text.matches("#EXT-X-DISCONTINUITY\n").count(), 1);
    // The first of them too, and nothing that such a list does not have.
    for msn in [100, 250, 399] {
        assert!(matches!(answer(&s, Request::Captions(msn)), Answer::Ram(b) if b == format!("WEBVTT {msn}")), "{msn}");
    }
    for request in [Request::Segment(100), Request::Part(399, 0), Request::Init(0), Request::Iframes] {
        assert!(matches!(answer(&s, request), Answer::NotFound), "{request:?}");
    }
    assert!(matches!(answer(&s, reload(Some(399), None)), Answer::Playlist { .. }));
    assert!(matches!(answer(&s, reload(Some(400), None)), Answer::Wait));
    let delta = text_of(s.delta(Vec::new));
    assert!(delta.contains("#EXT-X-SKIP:SKIPPED-SEGMENTS=288\n"), "{delta}");
    playlist.end_as_video();
    let text = text_of(playlist.snapshot().full(Vec::new));
    assert!(text.ends_with("399.vtt\n#EXT-X-ENDLIST\n") && !text.contains("SERVER-CONTROL"));
}

#[test]
fn lists_of_media_and_of_captions_report_each_other_in_the_terms_of_each() {
    let (media, mut texts) = (live(5, 2), captions(5));
    assert_eq!(captions(0).snapshot().report("x".into()), None, "nothing to report yet");
    let of_media = media.report("../source/media.m3u8".into()).unwrap();
    let of_texts = texts.snapshot().report("../captions-fr/media.m3u8".into()).unwrap();
    assert!(
        text_of(texts.snapshot().full(|| vec![of_media]))
            .ends_with("104.vtt\n#EXT-X-RENDITION-REPORT:URI=\"../source/media.m3u8\",LAST-MSN=105,LAST-PART=1\n")
    );
    assert!(
        text_of(media.full(|| vec![of_texts]))
            .ends_with("105.2.m4s\"\n#EXT-X-RENDITION-REPORT:URI=\"../captions-fr/media.m3u8\",LAST-MSN=104\n")
    );
    texts.end();
    assert!(!text_of(texts.snapshot().full(|| unreachable!("nothing follows"))).contains("REPORT"));
}

fn text_of(rendered: &super::text::Rendered) -> String {
    String::from_utf8(rendered.plain().to_vec()).unwrap()
}
