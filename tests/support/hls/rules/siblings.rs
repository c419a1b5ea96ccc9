//! What the renditions of one live must be to each other. I-frame playlists number their own entries: they are only
//! held to the target duration.

use super::super::playlist::{MediaPlaylist, Position, Report};
use super::{Breaches, Rule, Seen, Settings};
use std::collections::{BTreeMap, BTreeSet};

/// Two renditions may be asked while one of them just grew by a segment.
const SLACK_SEGMENTS: u64 = 1;

/// One rendition's answers and what they tell of each segment.
struct Rendition<'a> {
    path: &'a str,
    seen: &'a [Seen<'a>],
    starts_ms: BTreeMap<u64, i64>,
    discontinuities: BTreeSet<u64>,
    msns: BTreeSet<u64>,
    parts: BTreeMap<u64, u64>,
}

/// Judges all renditions against the first one, and every report.
pub(super) fn check(all: &BTreeMap<&str, Vec<Seen<'_>>>, settings: &Settings, out: &mut Breaches) {
    let mut target: Option<u64> = None;
    for seen in all.values().flatten() {
        let is = seen.playlist.target_duration_s;
        if *target.get_or_insert(is) != is {
            out.add(Rule::SiblingTarget, seen, format_args!("{is} s, another rendition has {target:?} s"));
        }
    }
    let renditions: Vec<Rendition<'_>> = all
        .iter()
        .filter(|(_, seen)| seen.iter().all(|one| !one.playlist.i_frames_only))
        .map(|(path, seen)| gather(path, seen))
        .collect();
    if let Some((first, others)) = renditions.split_first() {
        for other in others {
            segments(first, other, settings, out);
            windows(first, other, out);
        }
    }
    for one in &renditions {
        // Where blocking is offered, reports say what can be waited for in the others.
        let offers =
            |list: &MediaPlaylist| list.server_control.as_ref().is_some_and(|control| control.can_block_reload);
        for seen in one.seen.iter().filter(|seen| offers(&seen.playlist) && !seen.playlist.ended) {
            reports(seen, one, &renditions, out);
        }
    }
}

fn gather<'a>(path: &'a str, seen: &'a [Seen<'a>]) -> Rendition<'a> {
    let mut found = Rendition {
        path,
        seen,
        starts_ms: BTreeMap::new(),
        discontinuities: BTreeSet::new(),
        msns: BTreeSet::new(),
        parts: BTreeMap::new(),
    };
    for parent in seen.iter().flat_map(|one| one.playlist.parents()) {
        if let Some(start) = parent.pdt_ms {
            found.starts_ms.insert(parent.msn, start);
        }
        if parent.discontinuity {
            found.discontinuities.insert(parent.msn);
        }
        let parts = found.parts.entry(parent.msn).or_default();
        *parts = (*parts).max(parent.parts.len() as u64);
    }
    found.msns.extend(seen.iter().flat_map(|one| one.playlist.segments.iter().map(|segment| segment.head.msn)));
    found
}

fn segments(first: &Rendition<'_>, other: &Rendition<'_>, settings: &Settings, out: &mut Breaches) {
    for (msn, start) in &other.starts_ms {
        if let Some(base) = first.starts_ms.get(msn)
            && (start - base).abs() > settings.boundary_ms
        {
            let what = format!("msn {msn} begins {} ms off {}", start - base, first.path);
            out.note(Rule::SiblingBoundary.row(), other.path, what);
        }
    }
    for msn in first.msns.intersection(&other.msns) {
        if first.discontinuities.contains(msn) != other.discontinuities.contains(msn) {
            out.note(Rule::SiblingDiscontinuity.row(), other.path, format!("msn {msn}, against {}", first.path));
        }
    }
}

/// Compares each answer with the nearest one of the first rendition, while both were asked at about the same time.
fn windows(first: &Rendition<'_>, other: &Rendition<'_>, out: &mut Breaches) {
    for seen in other.seen {
        let at = seen.exchange.received_ms;
        let Some(near) = first.seen.iter().min_by_key(|one| (one.exchange.received_ms - at).abs()) else { return };
        // Within half a target duration at most one segment can have come between.
        let near_enough_ms = i64::try_from(seen.playlist.target_duration_s).unwrap_or(0) * 500;
        let (Some(a), Some(b)) = (near.playlist.next(), seen.playlist.next()) else { continue };
        if (near.exchange.received_ms - at).abs() > near_enough_ms {
            continue;
        }
        let (start_a, start_b) = (near.playlist.media_sequence, seen.playlist.media_sequence);
        if a.0.abs_diff(b.0) > SLACK_SEGMENTS || start_a.abs_diff(start_b) > SLACK_SEGMENTS {
            out.add(Rule::SiblingRange, seen, format_args!("{start_b}..{b:?}, but {start_a}..{a:?} in {}", first.path));
        }
    }
}

fn reports(seen: &Seen<'_>, one: &Rendition<'_>, renditions: &[Rendition<'_>], out: &mut Breaches) {
    for other in renditions.iter().filter(|other| other.path != one.path) {
        let mine = seen.playlist.reports.iter().find(|report| resolve(one.path, &report.uri) == other.path);
        match mine {
            Some(report) => accuracy(seen, report, other, out),
            None if owed(seen, other) => out.add(Rule::ReportMissing, seen, other.path),
            None => {}
        }
    }
    for report in &seen.playlist.reports {
        if report.uri.contains("://") || report.uri.starts_with('/') {
            out.add(Rule::ReportAbsolute, seen, &report.uri);
        }
    }
}

/// What has nothing yet can't be reported. Pictures and sound begin together; the first captions come a segment later, and may be missing
/// in an answer that was made before.
fn owed(seen: &Seen<'_>, other: &Rendition<'_>) -> bool {
    let Some(first) = other.seen.iter().find(|one| one.playlist.is_text()) else { return true };
    let made_again_ms = i64::try_from(seen.playlist.target_duration_s).unwrap_or(0) * 1000;
    first.exchange.received_ms + made_again_ms <= seen.exchange.asked_ms
}

/// Holds a report against what the other rendition is known to have listed before the question and after the answer.
fn accuracy(seen: &Seen<'_>, report: &Report, other: &Rendition<'_>, out: &mut Breaches) {
    let parts = other.seen.iter().any(|one| one.playlist.part_target_ns.is_some());
    let (Some(msn), Some(part)) = (report.last_msn, report.last_part.or(if parts { None } else { Some(0) })) else {
        out.add(Rule::ReportWrong, seen, format_args!("no LAST-MSN or LAST-PART for {}", other.path));
        return;
    };
    // `next` of a position: the last part of a segment is followed by the first of the next one.
    let after = |(msn, part): Position| -> Position {
        if part + 1 < other.parts.get(&msn).copied().unwrap_or(0) { (msn, part + 1) } else { (msn + 1, 0) }
    };
    let edge_by = |ms: i64| {
        other.seen.iter().filter(|one| one.exchange.received_ms <= ms).filter_map(|one| one.playlist.next()).max()
    };
    let edge_from = |ms: i64| {
        other.seen.iter().filter(|one| one.exchange.asked_ms >= ms).filter_map(|one| one.playlist.next()).min()
    };
    // Where the report says the list ends; without parts only whole segments count.
    let told = if parts { after((msn, part)) } else { (msn + 1, 0) };
    // A list without parts is a segment old when the next one comes, and so are its reports.
    let exact = parts && seen.playlist.part_target_ns.is_some();
    if let Some(known) = edge_by(seen.exchange.asked_ms)
        && (if exact { after(told) < known } else { told.0 + SLACK_SEGMENTS < known.0 })
    {
        out.add(Rule::ReportWrong, seen, format_args!("{told:?} told, {known:?} was listed in {}", other.path));
    }
    if let Some(known) = edge_from(seen.exchange.received_ms)
        && told > (if exact { after(known) } else { (known.0 + SLACK_SEGMENTS, 0) })
    {
        out.add(Rule::ReportWrong, seen, format_args!("{told:?} told, only {known:?} is listed in {}", other.path));
    }
}

/// An absolute path from a playlist's path and a relative reference; enough for paths without a query.
pub(crate) fn resolve(base: &str, reference: &str) -> String {
    if reference.starts_with('/') {
        return reference.to_owned();
    }
    let mut steps: Vec<&str> = base.split('/').collect();
    steps.pop();
    for step in reference.split('/') {
        match step {
            "." => {}
            ".." => {
                steps.pop();
            }
            other => steps.push(other),
        }
    }
    steps.join("/")
}
