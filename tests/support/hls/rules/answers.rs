//! Status codes, blocking and headers.

use super::super::playlist::Position;
use super::{Breaches, Exchange, Rule, Seen};
use std::collections::BTreeMap;

/// What `_HLS_msn` and `_HLS_part` ask for.
#[derive(Clone, Copy)]
enum Asked<'a> {
    Nothing,
    Part(u64, Option<u64>),
    Wrong(&'a str),
}

/// Judges all answers, including those that carry no playlist.
pub(super) fn check(ordered: &[&Exchange], renditions: &BTreeMap<&str, Vec<Seen<'_>>>, out: &mut Breaches) {
    for exchange in ordered {
        let seen = renditions.get(exchange.path.as_str()).map(Vec::as_slice).unwrap_or_default();
        if exchange.status == 400 || exchange.status == 200 {
            bad_request(exchange, seen, out);
        }
        headers(exchange, seen, out);
    }
    for seen in renditions.values().flatten() {
        if let Asked::Part(msn, part) = asked(seen.exchange) {
            stale(seen, msn, part, out);
        }
    }
}

fn asked(exchange: &Exchange) -> Asked<'_> {
    let number = |name| exchange.directive(name).map(|text| text.parse::<u64>().map_err(|_| text));
    match (number("_HLS_msn"), number("_HLS_part")) {
        (None, None) => Asked::Nothing,
        (None, Some(_)) => Asked::Wrong("_HLS_part without _HLS_msn"),
        (Some(Err(text)), _) | (_, Some(Err(text))) => Asked::Wrong(text),
        (Some(Ok(msn)), part) => Asked::Part(msn, part.and_then(Result::ok)),
    }
}

/// Is what was waited for listed? A part beyond the last one of its segment means the first of the next segment;
/// without a part, the first part of the segment is enough (Safari asks so; see the rules' sources).
fn stale(seen: &Seen<'_>, msn: u64, part: Option<u64>, out: &mut Breaches) {
    let Some(next) = seen.playlist.next() else { return };
    let mut wanted: Position = (msn, part.unwrap_or(0));
    if let Some(segment) = seen.playlist.segments.iter().find(|segment| segment.head.msn == msn) {
        let count = segment.head.parts.len() as u64;
        // Parts of old segments are not listed any more: then nothing can be concluded.
        if part.is_some_and(|index| count > 0 && index >= count) {
            wanted = (msn + 1, 0);
        }
    }
    if wanted >= next && !seen.playlist.ended {
        out.add(Rule::BlockingStale, seen, format_args!("{wanted:?} was waited for, the list ends before {next:?}"));
    }
}

fn bad_request(exchange: &Exchange, seen: &[Seen<'_>], out: &mut Breaches) {
    let (path, query) = (&exchange.path, &exchange.query);
    let refused = exchange.status == 400;
    match asked(exchange) {
        Asked::Wrong(what) if !refused => {
            out.note(Rule::BadRequestOwed.row(), path, format!("{what} [?{query}] gave {}", exchange.status));
        }
        Asked::Wrong(_) => {}
        Asked::Nothing if refused => {
            out.note(Rule::BadRequestUnjust.row(), path, format!("[?{query}] gave 400"));
        }
        Asked::Nothing => {}
        Asked::Part(msn, _) => {
            // The last segment, complete or open, as others' answers bracket the moment of this one.
            let last = |one: &Seen<'_>| one.playlist.parents().last().map(|parent| parent.msn);
            let before = seen.iter().rev().find(|one| one.exchange.received_ms <= exchange.asked_ms).and_then(last);
            let after = seen.iter().find(|one| one.exchange.asked_ms >= exchange.received_ms).and_then(last);
            let ended = seen.iter().any(|one| one.playlist.ended && one.exchange.asked_ms <= exchange.received_ms);
            if refused && before.is_some_and(|last| msn <= last + 1) {
                out.note(Rule::BadRequestUnjust.row(), path, format!("[?{query}] gave 400 with {before:?} listed"));
            }
            if !refused && !ended && after.is_some_and(|last| msn > last + 2) {
                out.note(Rule::BadRequestOwed.row(), path, format!("[?{query}] gave 200 with {after:?} listed"));
            }
        }
    }
}

fn headers(exchange: &Exchange, seen: &[Seen<'_>], out: &mut Breaches) {
    let path = &exchange.path;
    let mut note = |rule: Rule, what: String| out.note(rule.row(), path, format!("{what} [?{}]", exchange.query));
    if exchange.header("access-control-allow-origin").is_none() {
        note(Rule::Cors, format!("no Access-Control-Allow-Origin with {}", exchange.status));
    }
    let life = exchange.header("cache-control").map(max_age_s);
    if exchange.status == 404 && life.is_some_and(|life| life.is_some_and(|seconds| seconds > 1)) {
        note(Rule::CacheControl, format!("404 with {:?}", exchange.header("cache-control")));
    }
    if exchange.status != 200 {
        return;
    }
    let kind = exchange.header("content-type").unwrap_or_default().to_ascii_lowercase();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    if !matches!(kind, "application/vnd.apple.mpegurl" | "audio/mpegurl") {
        note(Rule::ContentType, format!("{kind:?}"));
    }
    if exchange.header("content-encoding") == Some("gzip") {
        if !exchange.header("vary").is_some_and(|vary| vary.to_ascii_lowercase().contains("accept-encoding")) {
            note(Rule::Vary, format!("{:?}", exchange.header("vary")));
        }
    } else {
        note(Rule::Gzip, format!("{:?}", exchange.header("content-encoding")));
    }
    let Some(playlist) = seen.iter().find(|one| std::ptr::eq(one.exchange, exchange)).map(|one| &one.playlist) else {
        return;
    };
    // What is over may be kept as long as the origin likes.
    if playlist.ended {
        return;
    }
    let held = exchange.directive("_HLS_msn").is_some();
    let most_s = if held { 6 * playlist.target_duration_s } else { playlist.target_duration_s / 2 };
    match life {
        Some(None) => {}
        Some(Some(seconds)) if seconds <= most_s => {}
        other => note(Rule::CacheControl, format!("max-age {other:?} where at most {most_s} s is right")),
    }
}

/// `max-age` in seconds, 0 for `no-cache` and `no-store`; `None` when the header says nothing of age.
fn max_age_s(value: &str) -> Option<u64> {
    let mut words = value.split(',').map(str::trim);
    if words.clone().any(|word| word == "no-cache" || word == "no-store") {
        return Some(0);
    }
    words.find_map(|word| word.strip_prefix("max-age=")?.parse().ok())
}
