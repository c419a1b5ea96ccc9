//! What one playlist must be by itself.

use super::super::playlist::{MediaPlaylist, ms};
use super::{Breaches, Rule, Seen, Settings};

/// Each listed part may be rounded to the millisecond it is written with.
const PART_ROUNDING_NS: u64 = 1_000_000;
/// This only absorbs rounding.
const PARTS_TAIL_NS: u64 = 100_000_000;

/// Judges one answer.
pub(super) fn check(seen: &Seen<'_>, settings: &Settings, out: &mut Breaches) {
    let playlist = &seen.playlist;
    for (line, tag) in &playlist.unknown {
        out.add(Rule::UnknownTag, seen, format_args!("line {line}: {tag}"));
    }
    let (needed, feature) = playlist.needed_version;
    if playlist.version < needed {
        out.add(Rule::Version, seen, format_args!("{} but {feature} needs {needed}", playlist.version));
    }
    for segment in &playlist.segments {
        if (segment.duration_ns + 500_000_000) / 1_000_000_000 > playlist.target_duration_s {
            out.add(Rule::TargetDuration, seen, format_args!("msn {}: {} ns", segment.head.msn, segment.duration_ns));
        }
    }
    for parent in playlist.parents() {
        for tag in &parent.late_tags {
            out.add(Rule::TagAfterPart, seen, format_args!("msn {}: {tag}", parent.msn));
        }
        // In a delta the MAP may stand among what was skipped.
        if parent.map.is_none() && !parent.gap && playlist.skipped.is_none() && !playlist.is_text() {
            out.add(Rule::MapMissing, seen, format_args!("msn {}", parent.msn));
        }
        if parent.discontinuity && playlist.discontinuity_sequence.is_none() {
            out.add(Rule::DiscontinuitySequenceMissing, seen, format_args!("msn {}", parent.msn));
        }
        if let Some(first) = parent.parts.first()
            && playlist.independent_segments
            && !first.independent
            && !first.gap
        {
            out.add(Rule::IndependentClaim, seen, format_args!("msn {}", parent.msn));
        }
    }
    dates(seen, settings, out);
    control(seen, out);
    // An I-frame playlist may carry the PART-INF of its rendition, but lists no parts.
    if let Some(target) = playlist.part_target_ns.filter(|_| !playlist.i_frames_only) {
        parts(seen, target, settings, out);
        hints(seen, out);
    }
}

fn control(seen: &Seen<'_>, out: &mut Breaches) {
    let playlist = &seen.playlist;
    let control = playlist.server_control.clone().unwrap_or_default();
    let target_ns = playlist.target_duration_s * 1_000_000_000;
    if let Some(part_ns) = playlist.part_target_ns {
        // A finished playlist need not promise blocking any more.
        if !control.can_block_reload && !playlist.ended {
            out.add(Rule::CanBlockReload, seen, "not there");
        }
        match control.part_hold_back_ns {
            Some(back) if back >= 3 * part_ns => {}
            other => out.add(Rule::PartHoldBack, seen, format_args!("{other:?} ns of PART-TARGET {part_ns} ns")),
        }
    }
    if let Some(back) = control.hold_back_ns.filter(|back| *back < 3 * target_ns) {
        out.add(Rule::HoldBack, seen, format_args!("{back} ns"));
    }
    if let Some(until) = control.can_skip_until_ns.filter(|until| *until < 6 * target_ns) {
        out.add(Rule::CanSkipUntil, seen, format_args!("{until} ns"));
    }
}

fn parts(seen: &Seen<'_>, target: u64, settings: &Settings, out: &mut Breaches) {
    let playlist = &seen.playlist;
    for parent in playlist.parents() {
        for (index, part) in parent.parts.iter().enumerate() {
            // The newest part of the open segment may turn out to be its last.
            let last = index + 1 == parent.parts.len();
            let excused = last || part.gap || (part.independent && settings.independent_parts_may_be_short);
            let what = format_args!("msn {} part {index}: {} ns of {target} ns", parent.msn, part.duration_ns);
            if part.duration_ns > target {
                out.add(Rule::PartTooLong, seen, what);
            } else if !excused && part.duration_ns * 100 < target * 85 {
                out.add(Rule::PartTooShort, seen, what);
            }
        }
    }
    let mut oldest = true;
    for segment in playlist.segments.iter().filter(|segment| !segment.head.parts.is_empty()) {
        let (sum, rounding) = (segment.head.parts_ns(), PART_ROUNDING_NS * segment.head.parts.len() as u64);
        // The oldest segment with parts may have lost its first ones already.
        let cut = oldest && sum < segment.duration_ns;
        if sum.abs_diff(segment.duration_ns) > rounding && !cut {
            let msn = segment.head.msn;
            out.add(Rule::PartSum, seen, format_args!("msn {msn}: parts {sum} ns, EXTINF {} ns", segment.duration_ns));
        }
        oldest = false;
    }
    let window = 3 * playlist.target_duration_s * 1_000_000_000 + PARTS_TAIL_NS;
    let mut after = playlist.open.as_ref().map_or(0, |open| open.parts_ns());
    for segment in playlist.segments.iter().rev() {
        // `after`: from this segment's end, then from each of its parts' ends, to the end of the list.
        let mut later = after;
        for part in segment.head.parts.iter().rev() {
            if later > window {
                out.add(Rule::PartsOutdated, seen, format_args!("{} ends {later} ns before the end", part.uri));
            }
            later += part.duration_ns;
        }
        after += segment.duration_ns;
    }
}

fn hints(seen: &Seen<'_>, out: &mut Breaches) {
    let playlist = &seen.playlist;
    let hinted = playlist.hints.iter().any(|hint| hint.part);
    if playlist.ended && !playlist.hints.is_empty() {
        out.add(Rule::HintAtEnd, seen, &playlist.hints[0].uri);
    }
    if !playlist.ended && !hinted {
        out.add(Rule::HintMissing, seen, "none of TYPE=PART");
    }
}

fn dates(seen: &Seen<'_>, settings: &Settings, out: &mut Breaches) {
    let playlist = &seen.playlist;
    for parent in playlist.parents() {
        // The open segment owes its date from its first part on.
        let owed = !parent.parts.is_empty() || playlist.segments.iter().any(|segment| segment.head.msn == parent.msn);
        if owed && parent.pdt_ms.is_none() && !playlist.i_frames_only {
            out.add(Rule::PdtMissing, seen, format_args!("msn {}", parent.msn));
        }
    }
    steps(seen, settings, out);
    if let Some(end) = playlist.end_ms()
        && end > seen.exchange.received_ms + settings.future_ms
    {
        out.add(Rule::PdtFuture, seen, format_args!("by {} ms", end - seen.exchange.received_ms));
    }
    for &(msn, truth) in &settings.known_starts {
        let told = playlist.parents().find(|parent| parent.msn == msn).and_then(|parent| parent.pdt_ms);
        if let Some(told) = told
            && (told - truth).abs() > settings.pdt_truth_ms
            && !playlist.i_frames_only
        {
            out.add(Rule::PdtTruth, seen, format_args!("msn {msn} is {} ms off", told - truth));
        }
    }
}

fn steps(seen: &Seen<'_>, settings: &Settings, out: &mut Breaches) {
    let playlist: &MediaPlaylist = &seen.playlist;
    let mut previous: Option<(i64, u64)> = None;
    let durations = playlist.segments.iter().map(|segment| segment.duration_ns).chain([0]);
    for (parent, duration_ns) in playlist.parents().zip(durations) {
        if let (Some(now), Some((before, since_ns))) = (parent.pdt_ms, previous) {
            let gap = now - before;
            if gap <= 0 {
                out.add(Rule::PdtOrder, seen, format_args!("msn {}: {gap} ms after the one before", parent.msn));
            } else if !parent.discontinuity && (gap - ms(since_ns)).abs() > settings.pdt_step_ms {
                let listed = ms(since_ns);
                out.add(Rule::PdtStep, seen, format_args!("msn {}: {gap} ms for {listed} ms", parent.msn));
            }
        }
        previous = match (parent.pdt_ms, previous) {
            (Some(now), _) => Some((now, duration_ns)),
            (None, Some((before, since))) => Some((before, since + duration_ns)),
            (None, None) => None,
        };
    }
}
