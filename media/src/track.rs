//! What a player or an encoder must know about a track. A change of it is an event, never a surprise.

use crate::codec::{aac::Aac, h264::H264};
use crate::time::Timescale;
use std::sync::Arc;

/// The kind of an elementary stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Pictures.
    Video,
    /// Sound.
    Audio,
}

impl Kind {
    /// Both, the leading one first.
    pub const BOTH: [Self; 2] = [Self::Video, Self::Audio];

    /// The one beside it.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Video => Self::Audio,
            Self::Audio => Self::Video,
        }
    }

    /// Its place in what is kept per kind, in the order of [`Kind::BOTH`].
    #[must_use]
    pub fn slot(self) -> usize {
        match self {
            Self::Video => 0,
            Self::Audio => 1,
        }
    }
}

/// A track's decoder configuration. Cheap to clone; equal when a decoder need not be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parameters {
    /// H.264 pictures.
    Video(Arc<H264>),
    /// AAC sound.
    Audio(Arc<Aac>),
}

impl Parameters {
    /// Which kind of track they describe.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Video(_) => Kind::Video,
            Self::Audio(_) => Kind::Audio,
        }
    }

    /// RFC 6381 codec string, for CODECS.
    #[must_use]
    pub fn codec_string(&self) -> &str {
        match self {
            Self::Video(h264) => h264.codec_string(),
            Self::Audio(aac) => aac.codec_string(),
        }
    }

    /// The scale the road keeps this track's time in: 90 kHz for video, the sample rate for audio.
    #[must_use]
    pub fn timescale(&self) -> Timescale {
        match self {
            Self::Video(_) => Timescale::VIDEO,
            Self::Audio(aac) => aac.timescale(),
        }
    }
}
