//! What a media playlist lists: segments and parts, with where their bytes are.

use crate::segment::Keyframe;
use crate::time::WallTime;
use bytes::{Bytes, BytesMut};

/// Where a finished segment's bytes are on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Location {
    /// Number of the rendition's media file.
    pub file: u16,
    /// Offset in it.
    pub offset: u64,
}

/// A part of a recent segment.
#[derive(Clone, Debug)]
pub struct PartEntry {
    /// Duration in microseconds.
    pub duration_micros: i64,
    /// Holds a frame that decoding can begin at.
    pub independent: bool,
    /// Offset in its segment.
    pub offset: u32,
    /// The fragments; empty for a gap.
    pub bytes: Bytes,
}

/// A finished segment.
#[derive(Clone, Debug)]
pub struct Segment {
    /// Media sequence number.
    pub msn: u64,
    /// Begins with EXT-X-DISCONTINUITY.
    pub discontinuity: bool,
    /// Which initialisation segment it needs.
    pub init: u16,
    /// Wall-clock time of its first sample.
    pub program_date_time: WallTime,
    /// Media time of its first sample, microseconds.
    pub start_micros: i64,
    /// Duration in microseconds.
    pub duration_micros: i64,
    /// Size in bytes; 0 for a gap.
    pub bytes: u32,
    /// Samples in it.
    pub samples: u32,
    /// Where it is on disk; `None` when it is not (yet): then it is in `parts`, or lost.
    pub location: Option<Location>,
    /// Video frames that decoding can begin at, as ranges of the segment.
    pub keyframes: Box<[Keyframe]>,
    /// Its parts, while it is recent. Their bytes are slices of `media`.
    pub parts: Box<[PartEntry]>,
    /// All its bytes, while they are in memory: one piece, because a segment asked for whole goes out whole.
    pub media: Bytes,
}

/// Pictures per 1,000 s, as `segments` of pictures have them; gaps say nothing. `None`: what is left is shorter than `least_micros`.
#[must_use]
pub fn frame_rate_milli<'a>(segments: impl IntoIterator<Item = &'a Segment>, least_micros: i64) -> Option<u32> {
    let shown = segments.into_iter().filter(|segment| !segment.is_gap());
    let (pictures, micros) = shown.fold((0, 0), |(n, t), s| (n + u128::from(s.samples), t + s.duration_micros));
    let micros = u128::try_from(micros).ok().filter(|_| micros >= least_micros && micros > 0)?;
    u32::try_from(pictures * 1_000_000_000 / micros).ok()
}

impl Segment {
    /// Its bytes can't be had: listed as EXT-X-GAP.
    #[must_use]
    pub fn is_gap(&self) -> bool {
        self.bytes == 0 || (self.location.is_none() && self.parts.is_empty() && self.media.is_empty())
    }

    /// Makes one piece of its parts' bytes. The only copy of media on the road: once per segment, and none per viewer.
    pub(super) fn join(&mut self) {
        let mut media = BytesMut::with_capacity(self.bytes as usize);
        self.parts.iter().for_each(|part| media.extend_from_slice(&part.bytes));
        self.media = media.freeze();
        let mut rest = self.media.clone();
        self.parts.iter_mut().for_each(|part| part.bytes = rest.split_to(part.bytes.len()));
    }

    /// How far into it one of its keyframes is shown, microseconds.
    #[must_use]
    pub fn into_micros(&self, keyframe: &Keyframe) -> i64 {
        (keyframe.time_micros - self.start_micros).max(0)
    }

    /// End on the media timeline, microseconds.
    #[must_use]
    pub fn end_micros(&self) -> i64 {
        self.start_micros + self.duration_micros
    }
}

/// The segment that is being made.
#[derive(Clone, Debug)]
pub struct OpenSegment {
    /// Media sequence number.
    pub msn: u64,
    /// Begins with EXT-X-DISCONTINUITY.
    pub discontinuity: bool,
    /// Which initialisation segment it needs.
    pub init: u16,
    /// Wall-clock time of its first sample.
    pub program_date_time: WallTime,
    /// Its parts so far.
    pub parts: Vec<PartEntry>,
}
