//! What the segmenter decided, for who makes more renditions of the same live: frames on the timeline and where parts and segments begin.

use crate::time::{Timestamp, WallTime};
use crate::track::{Kind, Parameters};
use bytes::Bytes;

/// A picture so near a boundary is the one that is meant: sources round to milliseconds, decode and presentation times each on their own. 2 ms.
pub const SAME_PICTURE_TICKS: i64 = 180;

/// A part or a segment begins, told by the leading track. All renditions begin it there.
#[derive(Clone, Debug)]
pub struct Boundary {
    /// Presentation time, microseconds. Up to half a frame of sound early when sound leads, so that its frames stay on their side.
    pub at_micros: i64,
    /// Presentation time of the picture that begins it, in ticks of [`crate::time::Timescale::VIDEO`]. Where the source is cut at a keyframe it
    /// is that picture's. Elsewhere the first picture that is decoded behind the cut may be shown some later: it is as far behind the cut as
    /// the source's keyframes are, so that parts and segments in order of presentation are as long as the source's in order of decoding. The
    /// picture shown there is found with [`SAME_PICTURE_TICKS`].
    pub picture_ticks: i64,
    /// A segment begins.
    pub segment: Option<SegmentInfo>,
}

/// The segment that begins at a boundary.
#[derive(Clone, Copy, Debug)]
pub struct SegmentInfo {
    /// Media sequence number.
    pub msn: u64,
    /// It does not continue its predecessor.
    pub discontinuity: bool,
    /// Wall-clock time of its first sample.
    pub program_date_time: WallTime,
}

/// What stands on the timeline, in order: a boundary comes before the picture that begins it, or right after it when that turned out
/// later; parameters come before the first frame that needs them.
#[derive(Clone, Debug)]
pub enum Placed {
    /// The kind's frames from here on need this configuration.
    Parameters(Parameters),
    /// A frame.
    Frame(PlacedFrame),
    /// A part or a segment begins.
    Boundary(Boundary),
    /// The span is over; the next frame begins another one. The first sample behind it would be at this presentation time, microseconds.
    SpanEnd(i64),
}

/// A frame with its place on the timeline.
#[derive(Clone, Debug)]
pub struct PlacedFrame {
    /// Pictures or sound.
    pub kind: Kind,
    /// Decode time: pictures in 90 kHz, sound in its own scale or microseconds.
    pub dts: Timestamp,
    /// Presentation time, same scale.
    pub pts: Timestamp,
    /// Decoding can begin here.
    pub keyframe: bool,
    /// A segment begins at this presentation time, ticks of [`crate::time::Timescale::VIDEO`]: with this picture, or with one that is decoded
    /// some sooner or later. No picture shown from there on can have been decoded without those up to this one.
    pub cut: Option<i64>,
    /// As in [`crate::frame::Frame`]; of a picture that is repeated, when it was found to be missing.
    pub received: WallTime,
    /// As in [`crate::frame::Frame`].
    pub payload: Bytes,
}
