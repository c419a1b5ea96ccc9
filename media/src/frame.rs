//! One access unit, as every part of the road carries it.

use crate::time::{Timestamp, WallTime};
use crate::track::Kind;
use bytes::Bytes;

/// One access unit of one track. Frames of a track are in decode order; `pts` may go back (B-frames), `dts` may not.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Which track it belongs to; a contribution has at most one of each kind.
    pub kind: Kind,
    /// Decode time, in the contribution's own time.
    pub dts: Timestamp,
    /// Presentation time, same scale as `dts`.
    pub pts: Timestamp,
    /// Decoding can begin here (video: an IDR picture; audio: always).
    pub keyframe: bool,
    /// When its last byte was received.
    pub received: WallTime,
    /// H.264: NAL units, each after its length in 4 bytes (ISO/IEC 14496-15). AAC: one `raw_data_block`.
    pub payload: Bytes,
}
