//! A frame with its place on the timeline, as the segmenter moves it about and as others are told of it.

use super::boundary::PlacedFrame;
use crate::time::{Timescale, Timestamp, WallTime};
use crate::track::Kind;
use bytes::Bytes;

/// The frame. Times in microseconds of media time.
#[derive(Clone, Debug)]
pub(super) struct Timed {
    pub(super) kind: Kind,
    pub(super) dts: i64,
    pub(super) cts: i64,
    pub(super) keyframe: bool,
    pub(super) received: WallTime,
    pub(super) payload: Bytes,
}

impl Timed {
    /// Presentation time in ticks of [`Timescale::VIDEO`], rounded as its sample's in the file.
    pub(super) fn pts_ticks(&self) -> i64 {
        video_ticks(self.dts) + video_ticks(self.cts)
    }

    /// What followers are told. `cut` as in [`PlacedFrame`].
    pub(super) fn placed(&self, cut: Option<i64>) -> PlacedFrame {
        let (dts, pts) = match self.kind {
            Kind::Video => {
                (Timestamp::from_micros(self.dts, Timescale::VIDEO), Timestamp::new(self.pts_ticks(), Timescale::VIDEO))
            }
            Kind::Audio => (
                Timestamp::from_micros(self.dts, Timescale::MICROS),
                Timestamp::from_micros(self.dts + self.cts, Timescale::MICROS),
            ),
        };
        let Self { kind, keyframe, received, .. } = *self;
        PlacedFrame { kind, dts, pts, keyframe, cut, received, payload: self.payload.clone() }
    }
}

/// Microseconds in ticks of [`Timescale::VIDEO`].
pub(super) fn video_ticks(micros: i64) -> i64 {
    Timestamp::from_micros(micros, Timescale::VIDEO).ticks()
}
