//! What the playlists of one rendition must be to each other, in the order in which they were received.

use super::super::playlist::{MediaPlaylist, Parent, Position, Segment};
use super::{Breaches, Rule, Seen, Settings};
use std::collections::{BTreeMap, BTreeSet};

/// An answer that came sooner than this was not held: the media was there already, its age says nothing.
const HELD_MS: i64 = 50;

/// What is known of one segment from all answers so far.
#[derive(Default)]
struct Known {
    uri: Option<String>,
    duration_ns: u64,
    range: Option<(u64, Option<u64>)>,
    head: Parent,
    headed: bool,
}

/// Judges one rendition's answers, oldest first.
pub(super) fn check(all: &[Seen<'_>], settings: &Settings, out: &mut Breaches) {
    let discontinuous: BTreeSet<u64> = all
        .iter()
        .flat_map(|seen| seen.playlist.parents().filter(|parent| parent.discontinuity).map(|parent| parent.msn))
        .collect();
    let mut known: BTreeMap<u64, Known> = BTreeMap::new();
    // Of all received before an answer was asked for: later requests see later states.
    for (index, seen) in all.iter().enumerate() {
        for (_, before) in all[..index].iter().enumerate().rev() {
            if before.exchange.received_ms <= seen.exchange.asked_ms {
                order(before, seen, &discontinuous, out);
                break;
            }
        }
        learn(seen, &mut known, out);
        arrival(&all[..index], seen, settings, out);
    }
    hints(all, &known, out);
    deltas(all, out);
}

fn order(before: &Seen<'_>, seen: &Seen<'_>, discontinuous: &BTreeSet<u64>, out: &mut Breaches) {
    let (old, new) = (&before.playlist, &seen.playlist);
    if old.target_duration_s != new.target_duration_s || old.part_target_ns != new.part_target_ns {
        let (was, is) = ((old.target_duration_s, old.part_target_ns), (new.target_duration_s, new.part_target_ns));
        out.add(Rule::TargetDurationFixed, seen, format_args!("{was:?} became {is:?}"));
    }
    if new.media_sequence < old.media_sequence {
        out.add(Rule::MediaSequenceBack, seen, format_args!("{} after {}", new.media_sequence, old.media_sequence));
    } else {
        let left = discontinuous.range(old.media_sequence..new.media_sequence).count() as u64;
        let due = old.discontinuity_sequence.unwrap_or(0) + left;
        let is = new.discontinuity_sequence.unwrap_or(0);
        // Where segments were never seen (a long gap between two answers) it can only be said not to go back.
        let complete = new.media_sequence <= old.next().map_or(old.media_sequence, |next| next.0);
        if is < due || (complete && is != due) {
            out.add(Rule::DiscontinuitySequence, seen, format_args!("{is}, but {due} is due"));
        }
    }
    if new.next() < old.next() {
        out.add(Rule::EdgeBack, seen, format_args!("{:?} after {:?}", new.next(), old.next()));
    }
    let listed_ns: u64 = new.segments.iter().map(|segment| segment.duration_ns).sum();
    let whole = new.skipped.is_none() && !new.ended && new.media_sequence > old.media_sequence;
    if whole && !new.i_frames_only && listed_ns < 3 * new.target_duration_s * 1_000_000_000 {
        out.add(Rule::WindowTooShort, seen, format_args!("{listed_ns} ns left"));
    }
    if old.ended && (!new.ended || new.next() != old.next() || new.media_sequence != old.media_sequence) {
        out.add(Rule::EndFinal, seen, format_args!("ended at {:?}, now at {:?}", old.next(), new.next()));
    }
}

/// Takes in what an answer lists, and says where it contradicts what was listed before.
fn learn(seen: &Seen<'_>, known: &mut BTreeMap<u64, Known>, out: &mut Breaches) {
    let whole = seen.playlist.segments.iter().map(|segment| (&segment.head, Some(segment)));
    let open = seen.playlist.open.iter().map(|head| (head, None::<&Segment>));
    for (head, segment) in whole.chain(open) {
        if segment.is_none() && head.parts.is_empty() {
            continue;
        }
        let entry = known.entry(head.msn).or_default();
        if let Some(segment) = segment {
            let same = entry.uri.as_ref().is_none_or(|uri| {
                *uri == segment.uri && entry.duration_ns == segment.duration_ns && entry.range == segment.range
            });
            if !same {
                out.add(Rule::SegmentChanged, seen, format_args!("msn {}: {}", head.msn, segment.uri));
            }
            entry.uri = Some(segment.uri.clone());
            (entry.duration_ns, entry.range) = (segment.duration_ns, segment.range);
        }
        // In a delta, an EXT-X-MAP that stood before the skipped segments is not repeated: only what is told counts.
        let map_same = head.map.is_none() || entry.head.map.is_none() || head.map == entry.head.map;
        let tags_same = (head.discontinuity, head.pdt_ms, head.gap)
            == (entry.head.discontinuity, entry.head.pdt_ms, entry.head.gap);
        if entry.headed && !(map_same && tags_same) {
            out.add(Rule::SegmentChanged, seen, format_args!("msn {}: date, map, gap or discontinuity", head.msn));
        }
        parts(seen, head, entry, out);
        if !entry.headed || head.map.is_some() {
            entry.head.map.clone_from(&head.map);
        }
        (entry.head.discontinuity, entry.head.pdt_ms, entry.head.gap) = (head.discontinuity, head.pdt_ms, head.gap);
        entry.headed = true;
    }
}

fn parts(seen: &Seen<'_>, head: &Parent, entry: &mut Known, out: &mut Breaches) {
    let had = entry.head.parts.len();
    let shared = had.min(head.parts.len());
    // Parts may leave a segment once it is old, but only from its front or all at once.
    let kept_front = entry.head.parts[..shared] == head.parts[..shared];
    let kept_back = head.parts.len() < had && entry.head.parts.ends_with(&head.parts);
    if !kept_front && !kept_back {
        out.add(Rule::PartChanged, seen, format_args!("msn {}", head.msn));
    }
    if head.parts.len() > had {
        entry.head.parts.clone_from(&head.parts);
    }
}

/// A held answer lists media that was made this moment: its date tells whether PROGRAM-DATE-TIME is the wall clock's.
fn arrival(before: &[Seen<'_>], seen: &Seen<'_>, settings: &Settings, out: &mut Breaches) {
    let Some(allowed) = settings.arrival_ms else { return };
    let exchange = seen.exchange;
    let held = exchange.directive("_HLS_msn").is_some() && exchange.received_ms - exchange.asked_ms > HELD_MS;
    let grown = before.iter().all(|older| older.playlist.next() < seen.playlist.next());
    let allowed = allowed + if seen.playlist.is_text() { settings.heard_ms } else { 0 };
    if let Some(end) = seen.playlist.end_ms()
        && held
        && grown
        && !seen.playlist.ended
        && exchange.received_ms - end > allowed
    {
        out.add(Rule::PdtLate, seen, format_args!("new media is dated {} ms ago", exchange.received_ms - end));
    }
}

fn hints(all: &[Seen<'_>], known: &BTreeMap<u64, Known>, out: &mut Breaches) {
    for seen in all {
        let (Some(next), Some(hint)) = (seen.playlist.next(), seen.playlist.hints.iter().find(|hint| hint.part)) else {
            continue;
        };
        if let Some(part) = part_at(known, next)
            && part.uri != hint.uri
        {
            out.add(Rule::HintWrong, seen, format_args!("{} was hinted, {} came at {next:?}", hint.uri, part.uri));
        }
    }
}

/// The part at a position, or the first of the next segment when the segment ended before it.
fn part_at(known: &BTreeMap<u64, Known>, (msn, index): Position) -> Option<&super::super::playlist::Part> {
    let index = usize::try_from(index).ok()?;
    let here = known.get(&msn);
    if let Some(part) = here.and_then(|entry| entry.head.parts.get(index)) {
        return Some(part);
    }
    // A segment known to have ended without it; when it isn't known, or its parts were never listed, nothing can be said.
    here.filter(|entry| entry.uri.is_some() && index > 0 && entry.head.parts.len() == index)?;
    known.get(&(msn + 1))?.head.parts.first()
}

fn deltas(all: &[Seen<'_>], out: &mut Breaches) {
    let mut full: BTreeMap<Position, &Seen<'_>> = BTreeMap::new();
    for seen in all.iter().filter(|seen| seen.playlist.skipped.is_none()) {
        if let Some(next) = seen.playlist.next() {
            full.insert(next, seen);
        }
    }
    for seen in all {
        let Some(skipped) = seen.playlist.skipped else { continue };
        let playlist = &seen.playlist;
        if seen.exchange.directive("_HLS_skip").is_none() {
            out.add(Rule::SkipUnasked, seen, format_args!("{skipped} segments"));
        }
        let open_ns = playlist.open.as_ref().map_or(0, Parent::parts_ns);
        let after: u64 = playlist.segments.iter().map(|segment| segment.duration_ns).sum::<u64>() + open_ns;
        let until = playlist.server_control.as_ref().and_then(|control| control.can_skip_until_ns);
        // Skipped segments end where the first one that is listed begins. The text can be read to let a segment go that
        // lies across the boundary, and a peer reads it so: that much is let pass.
        let across = playlist.target_duration_s * 1_000_000_000;
        if until.is_none_or(|until| after + across < until) {
            out.add(Rule::SkipBoundary, seen, format_args!("{after} ns listed, CAN-SKIP-UNTIL {until:?} ns"));
        }
        if let Some(whole) = playlist.next().and_then(|next| full.get(&next)) {
            merged(seen, &whole.playlist, out);
        }
    }
}

fn merged(seen: &Seen<'_>, whole: &MediaPlaylist, out: &mut Breaches) {
    let delta = &seen.playlist;
    if (delta.media_sequence, delta.discontinuity_sequence) != (whole.media_sequence, whole.discontinuity_sequence) {
        let (is, was) = (delta.media_sequence, whole.media_sequence);
        out.add(Rule::SkipSequence, seen, format_args!("MEDIA-SEQUENCE {is}, {was} in the full one"));
        return;
    }
    let skipped = usize::try_from(delta.skipped.unwrap_or(0)).unwrap_or(usize::MAX);
    let tail = whole.segments.get(skipped..).unwrap_or_default();
    let same = tail.len() == delta.segments.len()
        && tail.iter().zip(&delta.segments).all(|(a, b)| {
            (&a.uri, a.duration_ns, a.head.msn, a.head.pdt_ms) == (&b.uri, b.duration_ns, b.head.msn, b.head.pdt_ms)
        });
    if !same {
        out.add(Rule::SkipMerged, seen, format_args!("{skipped} + {} segments", delta.segments.len()));
    }
}
