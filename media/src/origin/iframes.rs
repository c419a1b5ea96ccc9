//! The I-frame playlist: true keyframes as byte ranges of the same segments (RFC 8216bis section 4.4.3.6).
//!
//! A keyframe lasts until the next one, and what is listed never changes: so it is listed when its end is known. One that lasts
//! longer than TARGETDURATION, which is the same for all renditions and never changes, is followed by gaps.

use super::entry::Segment;
use super::text::{Date, Fixed, write_map};
use crate::segment::Keyframe;
use std::fmt::Write as _;

/// A duration up to this much over TARGETDURATION rounds down to it. Microseconds.
const ROUNDS_DOWN_MICROS: i64 = 490_000;

/// Writes entries one after the other.
pub(super) struct Writer<'a> {
    out: &'a mut String,
    target_micros: i64,
    /// The initialisation segment in force.
    init: Option<u16>,
    entries: u64,
}

/// A keyframe to be listed, once its end is known.
struct Waiting<'a> {
    segment: &'a Segment,
    keyframe: Keyframe,
    discontinuity: bool,
}

/// The keyframes of `segments` with where they end, in order; the last one only if it is known to last until `until_micros`.
fn each<'s>(
    segments: impl Iterator<Item = &'s Segment>,
    until_micros: Option<i64>,
    mut entry: impl FnMut(&Waiting<'s>, i64),
) {
    let mut waiting: Option<Waiting<'s>> = None;
    let (mut end, mut discontinuity) = (0, false);
    for segment in segments {
        if segment.discontinuity {
            if let Some(done) = waiting.take() {
                entry(&done, end);
            }
            discontinuity = true;
        }
        for keyframe in segment.keyframes.iter().filter(|_| !segment.is_gap()) {
            let next = Waiting { segment, keyframe: *keyframe, discontinuity: std::mem::take(&mut discontinuity) };
            if let Some(done) = waiting.replace(next) {
                entry(&done, keyframe.time_micros);
            }
        }
        end = segment.end_micros();
    }
    if let (Some(last), Some(until)) = (waiting, until_micros) {
        entry(&last, until);
    }
}

/// What fetching each listed keyframe takes: its bytes, and the microseconds until the next entry.
pub(super) fn sizes<'s>(
    segments: impl Iterator<Item = &'s Segment>,
    until_micros: Option<i64>,
    target_duration_s: u32,
) -> Vec<(u64, i64)> {
    let mut sizes = Vec::new();
    each(segments, until_micros, |one, until| {
        let left = (until - one.keyframe.time_micros).max(1);
        let lasts = first_entry_micros(left, i64::from(target_duration_s) * 1_000_000);
        sizes.push((u64::from(one.keyframe.length), lasts));
    });
    sizes
}

/// How long an entry lasts when there are `left_micros` until the next keyframe: what is longer than TARGETDURATION is more entries.
fn first_entry_micros(left_micros: i64, target_micros: i64) -> i64 {
    if left_micros > target_micros + ROUNDS_DOWN_MICROS { target_micros } else { left_micros }
}

impl<'a> Writer<'a> {
    pub(super) fn new(out: &'a mut String, target_duration_s: u32, init: Option<u16>) -> Self {
        Self { out, target_micros: i64::from(target_duration_s) * 1_000_000, init, entries: 0 }
    }

    /// Lists the keyframes of `segments`; the last one only if it is known to last until `until_micros`.
    /// Gives how many entries that made.
    pub(super) fn write<'s>(&mut self, segments: impl Iterator<Item = &'s Segment>, until_micros: Option<i64>) -> u64 {
        each(segments, until_micros, |keyframe, until| self.entry(keyframe, until));
        self.entries
    }

    /// What follows can rely on the initialisation segment of the last segment being in force, had that one a keyframe or not.
    pub(super) fn end_with(&mut self, init: u16) {
        self.map(init);
    }

    fn map(&mut self, init: u16) {
        if self.init != Some(init) {
            write_map(self.out, init);
            self.init = Some(init);
        }
    }

    fn entry(&mut self, waiting: &Waiting<'_>, until_micros: i64) {
        let Waiting { segment, keyframe, discontinuity } = waiting;
        if *discontinuity {
            self.out.push_str("#EXT-X-DISCONTINUITY\n");
        }
        self.map(segment.init);
        let mut at = keyframe.time_micros;
        let mut gap = false;
        loop {
            let left = (until_micros - at).max(1);
            let lasts = first_entry_micros(left, self.target_micros);
            let date = segment.program_date_time.plus_micros(at - segment.start_micros);
            if gap {
                self.out.push_str("#EXT-X-GAP\n");
            }
            let _ = write!(
                self.out,
                "#EXT-X-PROGRAM-DATE-TIME:{}\n#EXTINF:{},\n#EXT-X-BYTERANGE:{}@{}\n{}.m4s\n",
                Date(date),
                Fixed(lasts),
                keyframe.length,
                keyframe.offset,
                segment.msn
            );
            self.entries += 1;
            at += lasts;
            if lasts == left {
                return;
            }
            gap = true;
        }
    }
}

/// Where the last keyframe before `following` ends, as far as `following` tells: `end_micros` is where the segment before ends.
pub(super) fn known_end<'s>(following: impl Iterator<Item = &'s Segment>, end_micros: i64) -> i64 {
    let mut end = end_micros;
    for segment in following {
        if segment.discontinuity {
            return end;
        }
        if let Some(keyframe) = segment.keyframes.first().filter(|_| !segment.is_gap()) {
            return keyframe.time_micros;
        }
        end = segment.end_micros();
    }
    end
}
