//! A snapshot and a question → what to send, what to wait for, or why not.

use super::entry::Location;
use super::playlist::{Form, Snapshot};
use super::request::{BadRequest, Reload, Request};
use bytes::Bytes;

/// What to do about a question.
#[derive(Clone, Debug)]
pub enum Answer {
    /// Send the playlist; a delta update when `delta`. `blocking`: it was asked for by number, so it can be cached.
    Playlist {
        /// As EXT-X-SKIP.
        delta: bool,
        /// Asked for by `_HLS_msn`.
        blocking: bool,
    },
    /// Send the I-frame playlist.
    Iframes,
    /// Send initialisation segment `n`.
    Init(u16),
    /// Send these bytes.
    Ram(Bytes),
    /// Send this range of a media file.
    Disk {
        /// Where it begins.
        location: Location,
        /// How long it is.
        bytes: u32,
    },
    /// Ask again when there is a newer snapshot.
    Wait,
    /// There is no such thing, or no longer.
    NotFound,
    /// The question is wrong.
    Bad(BadRequest),
}

/// Answers `request`, or says to wait for a newer snapshot.
#[must_use]
pub fn answer(snapshot: &Snapshot, request: Request) -> Answer {
    match (request, snapshot.header.form) {
        (Request::Playlist(reload), _) => playlist(snapshot, reload),
        (Request::Captions(msn), Form::Webvtt) | (Request::Segment(msn), Form::Fmp4) => segment(snapshot, msn),
        (Request::Iframes, Form::Fmp4) => Answer::Iframes,
        (Request::Init(n), Form::Fmp4) => Answer::Init(n),
        (Request::Part(msn, number), Form::Fmp4) => part(snapshot, msn, number),
        _ => Answer::NotFound,
    }
}

fn playlist(snapshot: &Snapshot, reload: Reload) -> Answer {
    let delta = reload.skip;
    let Some(msn) = reload.msn else {
        // An empty list can't be played: better to wait for its first part than to fail.
        return if snapshot.is_empty() && !snapshot.ended {
            Answer::Wait
        } else {
            Answer::Playlist { delta, blocking: false }
        };
    };
    if snapshot.ended {
        return Answer::Playlist { delta, blocking: true };
    }
    let (next_msn, next_part) = snapshot.next_part();
    // The last segment in the list is the open one, or the last finished one: two ahead of it is the limit.
    let last_msn = snapshot.last_part().map_or(next_msn, |(m, _)| m);
    if msn > last_msn.saturating_add(2) {
        return Answer::Bad(BadRequest::TooFarAhead);
    }
    // Without a part, the first part of the segment: what Safari means by it, and more than the list had before.
    // A part beyond the segment's last is the first part of the next one, which is there once the segment is finished.
    let wanted = (msn, reload.part.unwrap_or(0));
    let available = wanted < (next_msn, next_part) && (msn < next_msn || wanted.1 < next_part);
    let beyond_finished = msn + 1 == next_msn
        && next_part == 0
        && snapshot.segment(msn).is_some_and(|s| wanted.1 as usize >= s.parts.len().max(1));
    if available && !beyond_finished { Answer::Playlist { delta, blocking: true } } else { Answer::Wait }
}

fn segment(snapshot: &Snapshot, msn: u64) -> Answer {
    let Some(segment) = snapshot.segment(msn) else {
        // The segment that is being made will be there; so may the one after it.
        let (next, _) = snapshot.next_part();
        return if !snapshot.ended && msn == next { Answer::Wait } else { Answer::NotFound };
    };
    if segment.is_gap() {
        return Answer::NotFound;
    }
    if !segment.media.is_empty() {
        return Answer::Ram(segment.media.clone());
    }
    match segment.location {
        Some(location) => Answer::Disk { location, bytes: segment.bytes },
        None => Answer::NotFound,
    }
}

fn part(snapshot: &Snapshot, msn: u64, number: u32) -> Answer {
    let Some((entry, segment)) = snapshot.part(msn, number) else {
        // Only the hinted part is worth waiting for (RFC 8216bis section 6.2.6).
        return if !snapshot.ended && (msn, number) == snapshot.next_part() { Answer::Wait } else { Answer::NotFound };
    };
    if !entry.bytes.is_empty() {
        return Answer::Ram(entry.bytes.clone());
    }
    let Some((segment, location)) = segment.and_then(|s| s.location.map(|l| (s, l))).filter(|(s, _)| !s.is_gap())
    else {
        return Answer::NotFound;
    };
    let end = segment.parts.get(number as usize + 1).map_or(segment.bytes, |next| next.offset);
    let location = Location { offset: location.offset + u64::from(entry.offset), ..location };
    Answer::Disk { location, bytes: end - entry.offset }
}
