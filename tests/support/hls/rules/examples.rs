//! Every rule is shown to hold on a good live and to fail on a live that breaks just it.

use super::{Exchange, Rule, Settings, check};

/// Wall clock at which segment 0 began.
const EPOCH_MS: i64 = 1_767_225_600_000;
const PART_MS: i64 = 500;
/// A position as time: the example's numbers are small.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap()
}

const PARTS: u64 = 4;
const SEGMENT_MS: i64 = 2000;
/// More than CAN-SKIP-UNTIL (24 s), so that deltas have something to skip.
const WINDOW: u64 = 16;
/// The discontinuity that leaves the list in the course of the example.
const BREAK_AT: u64 = 101;

const VIDEO: &str = "/live/hall/video/live.m3u8";
const AUDIO: &str = "/live/hall/audio/live.m3u8";
const CAPTIONS: &str = "/live/hall/captions/live.m3u8";
/// How long after its end a segment of captions is listed.
const HEARD_MS: i64 = 1_500;

/// What one rendition's playlist is when `next` is the first position that is missing.
fn text(path: &str, next: (u64, u64), skip: bool) -> String {
    let first = next.0 - WINDOW;
    let left = u64::from(first > BREAK_AT);
    let mut out = format!(
        "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:4\n#EXT-X-PART-INF:PART-TARGET=0.5\n\
         #EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.5,HOLD-BACK=12,CAN-SKIP-UNTIL=24\n\
         #EXT-X-MEDIA-SEQUENCE:{first}\n#EXT-X-DISCONTINUITY-SEQUENCE:{left}\n"
    );
    // 24 s from the end: 12 segments.
    let skipped = if skip { WINDOW - 12 } else { 0 };
    if skip {
        out.push_str(&format!("#EXT-X-SKIP:SKIPPED-SEGMENTS={skipped}\n"));
    } else {
        out.push_str("#EXT-X-MAP:URI=\"init.mp4\"\n");
    }
    for msn in first + skipped..=next.0 {
        let parts = if msn == next.0 { next.1 } else { PARTS };
        if parts == 0 {
            break;
        }
        if msn == BREAK_AT {
            out.push_str("#EXT-X-DISCONTINUITY\n");
        }
        out.push_str(&format!("#EXT-X-PROGRAM-DATE-TIME:{}\n", date(EPOCH_MS + SEGMENT_MS * signed(msn))));
        // 12 s from the end, the open segment included: 6 segments.
        for part in (0..parts).filter(|_| msn + 6 >= next.0 + u64::from(next.1 > 0)) {
            let independent = if part == 0 { ",INDEPENDENT=YES" } else { "" };
            out.push_str(&format!("#EXT-X-PART:DURATION=0.50000,URI=\"p{msn}.{part}.m4s\"{independent}\n"));
        }
        if parts == PARTS {
            out.push_str(&format!("#EXTINF:2.00000,\ns{msn}.m4s\n"));
        }
    }
    out.push_str(&format!("#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"p{}.{}.m4s\"\n", next.0, next.1));
    let other = if path == VIDEO { "../audio/live.m3u8" } else { "../video/live.m3u8" };
    let last = if next.1 == 0 { (next.0 - 1, PARTS - 1) } else { (next.0, next.1 - 1) };
    out.push_str(&format!("#EXT-X-RENDITION-REPORT:URI=\"{other}\",LAST-MSN={},LAST-PART={}\n", last.0, last.1));
    // Of captions, the segment before has been heard when three parts of the next are there.
    let heard = if next.1 == 3 { next.0 - 1 } else { next.0 - 2 };
    out.push_str(&format!("#EXT-X-RENDITION-REPORT:URI=\"../captions/live.m3u8\",LAST-MSN={heard}\n"));
    out
}

/// The list of captions when `next` is the first segment that is missing.
fn captions_text(next: u64) -> String {
    let first = next - WINDOW;
    let left = u64::from(first > BREAK_AT);
    let mut out = format!(
        "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:4\n\
         #EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,HOLD-BACK=12,CAN-SKIP-UNTIL=24\n\
         #EXT-X-MEDIA-SEQUENCE:{first}\n#EXT-X-DISCONTINUITY-SEQUENCE:{left}\n"
    );
    for msn in first..next {
        if msn == BREAK_AT {
            out.push_str("#EXT-X-DISCONTINUITY\n");
        }
        let date = date(EPOCH_MS + SEGMENT_MS * signed(msn));
        out.push_str(&format!("#EXT-X-PROGRAM-DATE-TIME:{date}\n#EXTINF:2.00000,\n{msn}.vtt\n"));
    }
    // Three parts of the segment after the last one that is listed.
    for other in ["video", "audio"] {
        out.push_str(&format!("#EXT-X-RENDITION-REPORT:URI=\"../{other}/live.m3u8\",LAST-MSN={next},LAST-PART=2\n"));
    }
    out
}

fn date(ms: i64) -> String {
    format!("{:.3}", jiff::Timestamp::from_millisecond(ms).unwrap())
}

fn exchange(path: &str, next: (u64, u64), query: &str) -> Exchange {
    let asked_for_skip = query.contains("_HLS_skip");
    let made = EPOCH_MS + SEGMENT_MS * signed(next.0) + PART_MS * signed(next.1);
    answered(path, made, query, text(path, next, asked_for_skip))
}

fn of_captions(next: u64, query: &str) -> Exchange {
    answered(CAPTIONS, EPOCH_MS + SEGMENT_MS * signed(next) + HEARD_MS, query, captions_text(next))
}

/// An answer to who asked a part before it was made.
fn answered(path: &str, made: i64, query: &str, text: String) -> Exchange {
    let age = if query.contains("_HLS_msn") { "max-age=24" } else { "max-age=1" };
    let headers = [
        ("content-type", "application/vnd.apple.mpegurl"),
        ("content-encoding", "gzip"),
        ("vary", "Accept-Encoding"),
        ("access-control-allow-origin", "*"),
        ("cache-control", age),
    ];
    Exchange {
        asked_ms: made - PART_MS + 100,
        received_ms: made + 40,
        path: path.into(),
        query: query.into(),
        status: 200,
        headers: headers.map(|(name, value)| (name.into(), value.into())).to_vec(),
        text,
    }
}

/// Two renditions and captions polled for four segments, every third time by a delta; both forms of every edge where it matters.
fn live() -> Vec<Exchange> {
    let mut all = Vec::new();
    for path in [VIDEO, AUDIO] {
        for step in 0..4 * PARTS {
            let made = (116 + step / PARTS, step % PARTS);
            let next = if made.1 + 1 == PARTS { (made.0 + 1, 0) } else { (made.0, made.1 + 1) };
            let skip = if step % 3 == 2 { "&_HLS_skip=YES" } else { "" };
            let query =
                if step == 0 { String::new() } else { format!("_HLS_msn={}&_HLS_part={}{skip}", made.0, made.1) };
            all.push(exchange(path, next, &query));
            if step % 3 == 2 {
                all.push(exchange(path, next, &format!("_HLS_msn={}&_HLS_part={}", made.0, made.1)));
            }
        }
    }
    for next in 116..120 {
        let query = if next == 116 { String::new() } else { format!("_HLS_msn={}&_HLS_part=0", next - 1) };
        all.push(of_captions(next, &query));
    }
    all
}

fn broken(all: &[Exchange]) -> Vec<&'static str> {
    check(all, &settings()).iter().map(|breach| breach.rule).collect()
}

fn settings() -> Settings {
    Settings { known_starts: vec![(117, EPOCH_MS + 117 * SEGMENT_MS + 120)], ..Settings::default() }
}

#[test]
fn a_good_live_breaks_no_rule() {
    let breaches = check(&live(), &settings());
    assert!(breaches.is_empty(), "{}", breaches.iter().map(|b| format!("{b}\n")).collect::<String>());
}

/// What a bad example does to the transcript.
type Spoil = fn(&mut Vec<Exchange>);

/// Replaces text in all answers.
fn swap(all: &mut [Exchange], from: &str, to: &str) {
    let mut hit = false;
    for exchange in all {
        hit |= exchange.text.contains(from);
        exchange.text = exchange.text.replace(from, to);
    }
    assert!(hit, "{from:?} occurs nowhere: the example shows nothing");
}

/// Replaces text in one answer of the video rendition, counted from 0.
fn swap_at(all: &mut [Exchange], index: usize, from: &str, to: &str) {
    swap(&mut all[index..=index], from, to);
}

fn header(all: &mut [Exchange], name: &str, value: Option<&str>) {
    for exchange in all {
        exchange.headers.retain(|(found, _)| found != name);
        exchange.headers.extend(value.map(|value| (name.to_owned(), value.to_owned())));
    }
}

const BAD: &[(Rule, Spoil)] = &[
    (Rule::Syntax, |all| swap_at(all, 3, "#EXTINF:2.00000,", "#EXTINF:two,")),
    (Rule::UnknownTag, |all| swap(all, "#EXT-X-MAP", "#EXT-X-SURPRISE:1\n#EXT-X-MAP")),
    (Rule::Version, |all| swap(all, "VERSION:9", "VERSION:6")),
    (Rule::TargetDuration, |all| swap(all, "#EXTINF:2.00000,\ns110", "#EXTINF:4.50000,\ns110")),
    (Rule::TargetDurationFixed, |all| swap_at(all, 5, "TARGETDURATION:4", "TARGETDURATION:5")),
    (Rule::CanBlockReload, |all| swap(all, "CAN-BLOCK-RELOAD=YES,", "")),
    (Rule::PartHoldBack, |all| swap(all, "PART-HOLD-BACK=1.5", "PART-HOLD-BACK=1.25")),
    (Rule::HoldBack, |all| swap(all, ",HOLD-BACK=12", ",HOLD-BACK=11.9")),
    (Rule::CanSkipUntil, |all| swap(all, "CAN-SKIP-UNTIL=24", "CAN-SKIP-UNTIL=23")),
    (Rule::PartTooLong, |all| swap(all, "DURATION=0.50000,URI=\"p117.1", "DURATION=0.50100,URI=\"p117.1")),
    (Rule::PartTooShort, |all| swap(all, "DURATION=0.50000,URI=\"p117.1", "DURATION=0.42400,URI=\"p117.1")),
    (Rule::PartSum, |all| swap(all, "DURATION=0.50000,URI=\"p117.3", "DURATION=0.40000,URI=\"p117.3")),
    (Rule::PartsOutdated, |all| {
        swap(all, "#EXTINF:2.00000,\ns107", "#EXT-X-PART:DURATION=0.5,URI=\"p107.0.m4s\"\n#EXTINF:2.00000,\ns107");
    }),
    (Rule::TagAfterPart, |all| {
        swap(all, "#EXTINF:2.00000,\ns117", "#EXT-X-MAP:URI=\"init.mp4\"\n#EXTINF:2.00000,\ns117");
    }),
    (Rule::MapMissing, |all| swap(all, "#EXT-X-MAP:URI=\"init.mp4\"\n", "")),
    (Rule::IndependentClaim, |all| {
        swap(all, "#EXT-X-MEDIA-SEQ", "#EXT-X-INDEPENDENT-SEGMENTS\n#EXT-X-MEDIA-SEQ");
        swap(all, "URI=\"p117.0.m4s\",INDEPENDENT=YES", "URI=\"p117.0.m4s\"");
    }),
    (Rule::HintMissing, |all| all[4].text = all[4].text.replace("#EXT-X-PRELOAD", "#PRELOAD")),
    (Rule::HintAtEnd, |all| all.iter_mut().for_each(|one| one.text.push_str("#EXT-X-ENDLIST\n"))),
    (Rule::HintWrong, |all| swap_at(all, 2, "TYPE=PART,URI=\"p", "TYPE=PART,URI=\"q")),
    (Rule::PdtMissing, |all| {
        let line = format!("#EXT-X-PROGRAM-DATE-TIME:{}\n", date(EPOCH_MS + SEGMENT_MS * 115));
        swap(all, &line, "");
    }),
    (Rule::PdtOrder, |all| swap(all, &date(EPOCH_MS + SEGMENT_MS * 115), &date(EPOCH_MS + SEGMENT_MS * 114))),
    (Rule::PdtStep, |all| swap(all, &date(EPOCH_MS + SEGMENT_MS * 115), &date(EPOCH_MS + SEGMENT_MS * 115 + 60))),
    (Rule::PdtFuture, |all| {
        all.iter_mut().for_each(|one| {
            one.asked_ms -= 1500;
            one.received_ms -= 1500;
        });
    }),
    (Rule::PdtLate, |all| {
        all.iter_mut().for_each(|one| {
            one.asked_ms += 600;
            one.received_ms += 600;
        });
    }),
    (Rule::PdtTruth, |all| {
        let shift = |one: &mut Exchange| {
            for msn in 100..121 {
                let start = EPOCH_MS + SEGMENT_MS * msn;
                one.text = one.text.replace(&date(start), &date(start - 200));
            }
        };
        all.iter_mut().for_each(shift);
    }),
    (Rule::DiscontinuitySequenceMissing, |all| {
        for one in all {
            one.text = one.text.replace("#EXT-X-DISCONTINUITY-SEQUENCE:0\n", "");
        }
    }),
    (Rule::MediaSequenceBack, |all| {
        all[9].text = all[9].text.replace("MEDIA-SEQUENCE:102", "MEDIA-SEQUENCE:90");
    }),
    (Rule::DiscontinuitySequence, |all| swap(all, "DISCONTINUITY-SEQUENCE:1", "DISCONTINUITY-SEQUENCE:0")),
    (Rule::EdgeBack, |all| all[9].text = all[6].text.clone()),
    (Rule::SegmentChanged, |all| swap_at(all, 6, "s115.m4s", "other115.m4s")),
    (Rule::PartChanged, |all| swap_at(all, 6, "p116.1.m4s", "q116.1.m4s")),
    (Rule::WindowTooShort, |all| {
        all.iter_mut().for_each(|one| {
            // The list begins 5 segments before its end.
            let found = one.text.match_indices("#EXT-X-PROGRAM").map(|(at, _)| at).collect::<Vec<_>>();
            let first: u64 =
                one.text.split("MEDIA-SEQUENCE:").nth(1).unwrap().split('\n').next().unwrap().parse().unwrap();
            let total = first + found.len() as u64;
            let head = one.text.find("#EXT-X-MEDIA-SEQUENCE").unwrap();
            let kept = found[found.len() - 5];
            let new = format!("#EXT-X-MEDIA-SEQUENCE:{}\n#EXT-X-MAP:URI=\"init.mp4\"\n", total - 5);
            one.text = format!("{}{new}{}", &one.text[..head], &one.text[kept..]);
        });
    }),
    (Rule::EndFinal, |all| {
        let end = all[8].text.find("#EXT-X-PRELOAD").unwrap();
        all[8].text.replace_range(end.., "#EXT-X-ENDLIST\n");
    }),
    (Rule::SkipUnasked, |all| all.iter_mut().for_each(|one| one.query = one.query.replace("&_HLS_skip=YES", ""))),
    (Rule::SkipBoundary, |all| {
        all.iter_mut().for_each(|one| {
            if let Some(at) = one.text.find("SKIPPED-SEGMENTS=4") {
                let first: u64 =
                    one.text.split("MEDIA-SEQUENCE:").nth(1).unwrap().split('\n').next().unwrap().parse().unwrap();
                let uri = format!("s{}.m4s\n", first + 6);
                let from = at + "SKIPPED-SEGMENTS=".len();
                let until = one.text.find(&uri).unwrap() + uri.len();
                one.text.replace_range(from..until, "7\n");
            }
        });
    }),
    (Rule::SkipSequence, |all| swap_at(all, 2, "DISCONTINUITY-SEQUENCE:0", "DISCONTINUITY-SEQUENCE:1")),
    (Rule::SkipMerged, |all| swap_at(all, 2, "s115.m4s", "x115.m4s")),
    (Rule::BlockingStale, |all| all[6].query = "_HLS_msn=119&_HLS_part=0".into()),
    (Rule::BadRequestOwed, |all| all[6].query = "_HLS_part=0".into()),
    (Rule::BadRequestUnjust, |all| all[6].status = 400),
    (Rule::ContentType, |all| header(all, "content-type", Some("text/plain"))),
    (Rule::Gzip, |all| header(all, "content-encoding", None)),
    (Rule::Vary, |all| header(all, "vary", None)),
    (Rule::Cors, |all| header(all, "access-control-allow-origin", None)),
    (Rule::CacheControl, |all| header(&mut all[..1], "cache-control", Some("max-age=3"))),
    (Rule::SiblingTarget, |all| {
        of_audio(all, |one| one.text = one.text.replace("TARGETDURATION:4", "TARGETDURATION:3"));
    }),
    (Rule::SiblingRange, |all| {
        of_audio(all, |one| {
            one.received_ms += 6000;
            one.asked_ms += 6000;
        });
    }),
    (Rule::SiblingDiscontinuity, |all| of_audio(all, |one| one.text = one.text.replace("#EXT-X-DISCONTINUITY\n", ""))),
    (Rule::SiblingBoundary, |all| {
        of_audio(all, |one| {
            let start = EPOCH_MS + SEGMENT_MS * 110;
            one.text = one.text.replace(&date(start), &date(start + 30));
        });
    }),
    (Rule::ReportMissing, |all| {
        swap(all, "#EXT-X-RENDITION-REPORT:URI=\"../audio", "#EXT-X-RENDITION-REPORT:URI=\"../odio");
    }),
    (Rule::ReportAbsolute, |all| swap(all, "URI=\"../audio/", "URI=\"/live/hall/audio/")),
    (Rule::ReportWrong, |all| swap_at(all, 7, "LAST-MSN=117", "LAST-MSN=115")),
];

fn of_audio(all: &mut [Exchange], change: impl FnMut(&mut Exchange)) {
    all.iter_mut().filter(|one| one.path == AUDIO).for_each(change);
}

#[test]
fn every_rule_fails_on_an_example_that_breaks_it() {
    for rule in Rule::ALL {
        let spoil = BAD.iter().find(|(of, _)| of == rule).unwrap_or_else(|| panic!("{rule:?} has no bad example")).1;
        let mut all = live();
        spoil(&mut all);
        let found = broken(&all);
        assert!(found.contains(&rule.row().0), "{rule:?} was not seen broken, only {found:?}");
    }
}

/// What captions alone do wrong, and what is their right.
#[test]
fn captions_are_judged_as_the_other_renditions_are() {
    let spoilt = |spoil: &dyn Fn(&mut Exchange)| {
        let mut all = live();
        all.iter_mut().filter(|one| one.path == CAPTIONS).for_each(spoil);
        broken(&all)
    };
    let swapped = |from: &str, to: &str| {
        let found = spoilt(&|one| one.text = one.text.replace(from, to));
        found.join(" ")
    };
    assert_eq!(swapped("", ""), "");
    assert_eq!(swapped("TARGETDURATION:4", "TARGETDURATION:3"), "CacheControl SiblingTarget");
    assert_eq!(swapped("#EXT-X-DISCONTINUITY\n", ""), "DiscontinuitySequence SiblingDiscontinuity");
    let date = |shift: i64| date(EPOCH_MS + SEGMENT_MS * 110 + shift);
    assert_eq!(swapped(&date(0), &date(30)), "SiblingBoundary");
    assert_eq!(swapped("../audio/", "../odio/"), "ReportMissing");
    assert_eq!(swapped("LAST-MSN=118", "LAST-MSN=115"), "ReportWrong");
    assert_eq!(swapped(".vtt", ".m4s"), "MapMissing PdtLate", "what is no text owes what media owe");
    let later = |ms: i64| {
        spoilt(&|one| {
            one.asked_ms += ms;
            one.received_ms += ms;
        })
    };
    assert_eq!(later(400), [""; 0]);
    assert_eq!(later(700), ["PdtLate"]);
    let unreported = |all: &mut Vec<Exchange>| swap(all, "../captions/", "../aptions/");
    let mut all = live();
    unreported(&mut all);
    assert_eq!(broken(&all), ["ReportMissing", "ReportMissing"], "in pictures and in sound");
    let mut late = live();
    late.retain(|one| one.path != CAPTIONS || one.received_ms > EPOCH_MS + SEGMENT_MS * 119);
    unreported(&mut late);
    assert_eq!(broken(&late), [""; 0], "what has nothing yet can't be reported");
}

#[test]
fn the_ways_to_ask_wrongly_are_refused() {
    let answer = |query: &str, status: u16| {
        let mut all = live();
        let mut one = exchange(VIDEO, (118, 0), query);
        (one.asked_ms, one.received_ms, one.status) = (one.received_ms, one.received_ms + 1, status);
        one.text = if status == 200 { one.text } else { String::new() };
        all.push(one);
        broken(&all)
    };
    assert!(answer("_HLS_msn=121", 200).contains(&"BadRequestOwed"));
    assert!(answer("_HLS_msn=x", 200).contains(&"BadRequestOwed"));
    assert!(!answer("_HLS_msn=121", 400).contains(&"BadRequestUnjust"));
    assert!(answer("_HLS_msn=118", 400).contains(&"BadRequestUnjust"));
    assert!(answer("_HLS_msn=117&_HLS_part=9", 200).contains(&"BlockingStale"));
    assert!(!answer("_HLS_msn=117", 200).contains(&"BlockingStale"));
}
