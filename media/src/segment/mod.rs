//! Where to cut, and the record of what was cut. Live and video share this.
//!
//! - [`restamp`]: a contribution's own time → the timeline's; one bad frame never costs viewers the stream;
//! - [`wallclock`]: the timeline's time → PROGRAM-DATE-TIME;
//! - [`cutter`]: where parts and segments begin, decided once per live from its leading track;
//! - [`assembler`]: one rendition's samples + boundaries → parts of bytes;
//! - [`segmenter`]: the four above as one machine: feed items in, [`Event`]s out;
//! - [`boundary`]: what the segmenter decided, for [`follower`]s: renditions that an engine makes, cut at the same places;
//! - `lead`: how far the source is taken to be by who waits for an engine;
//! - [`index`]: what was cut, as it is kept on disk.
//!
//! Pure: no IO, no clock.

pub mod assembler;
mod audio;
#[cfg(test)]
mod audio_test;
pub mod boundary;
pub mod cutter;
pub mod follower;
#[cfg(test)]
mod follower_test;
pub mod index;
pub(crate) mod lead;
mod pictures;
pub mod restamp;
pub mod segmenter;
#[cfg(test)]
mod segmenter_test;
mod timed;
pub mod wallclock;

pub use audio::silent_segment;

use crate::cmaf;
use crate::rendition::RenditionId;
use crate::time::{Timestamp, WallTime};
use crate::track::Parameters;
use bytes::Bytes;

/// Where a live's media time begins, in microseconds. Positive, so that a first dts before its pts and
/// the priming of AAC never make a negative `tfdt`.
pub const MEDIA_TIME_BASE_MICROS: i64 = 10_000_000;

/// How long segments and parts are. Fixed for a playlist's life, except that `part_target` can grow when a source's
/// frames are longer than it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// A segment is cut at the first keyframe at least this long after the last cut. Microseconds.
    pub segment_target_micros: i64,
    /// EXT-X-TARGETDURATION in seconds; a segment never rounds to more.
    pub target_duration_s: u32,
    /// Parts are as long as whole frames allow within this. Microseconds.
    pub part_target_micros: i64,
}

impl Rules {
    /// The rules for a wanted segment and part length. TARGETDURATION is twice the segment target (a GOP of up to
    /// that length still cuts on its keyframe), and at least 1.
    #[must_use]
    pub fn new(segment_target_micros: i64, part_target_micros: i64) -> Self {
        let doubled_s = u64::try_from(2 * segment_target_micros).unwrap_or(1).div_ceil(1_000_000).max(1);
        Self {
            segment_target_micros,
            target_duration_s: u32::try_from(doubled_s).unwrap_or(u32::MAX),
            part_target_micros,
        }
    }
}

/// What is made of a live, in order. For each rendition: `Init` before the first `SegmentStart` that needs it,
/// then `Part`s, then `SegmentEnd`.
#[derive(Clone, Debug)]
pub enum Event {
    /// Segments of this rendition from here on need this initialisation segment.
    Init {
        /// Of which rendition.
        rendition: RenditionId,
        /// The decoder configuration in it.
        parameters: Parameters,
        /// `ftyp moov`.
        bytes: Bytes,
    },
    /// A segment begins.
    SegmentStart(SegmentStart),
    /// A part of the current segment is complete.
    Part(Part),
    /// The current segment is complete.
    SegmentEnd {
        /// Of which rendition.
        rendition: RenditionId,
        /// Its media sequence number.
        msn: u64,
    },
}

/// The beginning of a segment.
#[derive(Clone, Debug)]
pub struct SegmentStart {
    /// Of which rendition.
    pub rendition: RenditionId,
    /// Media sequence number: the same for the segments of all renditions that begin together.
    pub msn: u64,
    /// The segment does not continue its predecessor (RFC 8216bis section 4.4.4.3).
    pub discontinuity: bool,
    /// Wall-clock time of its first sample.
    pub program_date_time: WallTime,
}

/// A partial segment: one or more whole fragments.
#[derive(Clone, Debug)]
pub struct Part {
    /// Of which rendition.
    pub rendition: RenditionId,
    /// The segment it belongs to.
    pub msn: u64,
    /// Its place in the segment, from 0.
    pub number: u32,
    /// Decode time of its first sample on the timeline.
    pub start: Timestamp,
    /// How many samples.
    pub samples: u32,
    /// Sum of its samples' durations, in `start`'s scale.
    pub duration_ticks: i64,
    /// It holds a frame that decoding can begin at.
    pub independent: bool,
    /// Such frames of video, as ranges of `bytes`.
    pub keyframes: Vec<Keyframe>,
    /// The fragments. Empty for a hole that nothing could fill.
    pub bytes: Bytes,
}

impl Part {
    /// Duration in microseconds, rounded to nearest.
    #[must_use]
    pub fn duration_micros(&self) -> i64 {
        Timestamp::new(self.duration_ticks, self.start.scale()).micros()
    }
}

/// A keyframe inside a part or a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keyframe {
    /// Where its fragment begins.
    pub offset: u32,
    /// Up to the end of the frame.
    pub length: u32,
    /// Decode time on the timeline, microseconds.
    pub time_micros: i64,
}
