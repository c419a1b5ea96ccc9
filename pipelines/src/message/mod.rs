//! What the server and an engine say to each other, as bytes.
//!
//! Two conversations, by the engine's role: [`ToEngine`] and [`FromEngine`] with an engine that makes the renditions of one live;
//! [`ToCaptioner`] and [`FromCaptioner`] with the one that captions all lives.
//!
//! A message is its length (4 bytes, of all that follows), the version, a tag, a head of fields, and for frames the payload to the end.
//! Numbers are big-endian. There is nothing in it that only one machine understands (no descriptors, no shared memory), so that an
//! engine may stand elsewhere.
//!
//! Promises: decoding never panics and never allocates more than the message is long; what is longer than [`MAX_MESSAGE_BYTES`] is refused
//! by its first 4 bytes. Payloads are shared: [`Encoded`] keeps them apart from the head for one vectored write, and decoding slices them.
//!
//! Times are media time on the live's timeline: ticks of 90 kHz for pictures and of the sample rate for sound; they begin at
//! [`media::segment::MEDIA_TIME_BASE_MICROS`] and never go back.

mod from_captioner;
mod from_engine;
#[cfg(test)]
mod mutated;
#[cfg(test)]
mod samples;
pub mod thumbnail;
mod to_captioner;
mod to_engine;
mod wire;

pub use from_captioner::{CaptionerStats, FromCaptioner, SessionStats};
pub use from_engine::{EncodedFrame, FromEngine, Rendition, Stats};
pub use to_captioner::{MAX_SOUND_BYTES, ModelPlace, ToCaptioner};
pub use to_engine::{AudioPlan, Options, SourceFrame, Start, ToEngine, WhenSlow};

use bytes::Bytes;

/// Spoken by both sides; another one is refused, as the two binaries are then of different builds.
pub const VERSION: u8 = 5;
/// Bytes that announce the length of what follows.
pub const LENGTH_BYTES: usize = 4;
/// Largest payload: an access unit of 8 MiB is 40 times a large keyframe of 1080p.
pub const MAX_PAYLOAD_BYTES: usize = 8 << 20;
/// Largest head: a ladder or a hypothesis with every count at its bound.
pub const MAX_HEAD_BYTES: usize = 512 << 10;
/// Largest message, its length field not counted.
pub const MAX_MESSAGE_BYTES: usize = MAX_PAYLOAD_BYTES + MAX_HEAD_BYTES;
/// Rungs of a ladder; nobody needs more, and each is an encoder.
pub const MAX_RUNGS: usize = 8;
/// Languages that can be captioned: each is a model in memory.
pub const MAX_MODELS: usize = 32;
/// Sessions (a live in a language) at once: what a hundred cores can recognise.
pub const MAX_SESSIONS: usize = 512;
/// Phrases of a session's vocabulary.
pub const MAX_VOCABULARY: usize = media::caption::vocabulary::MAX_ENTRIES;
/// A phrase or a name. Bytes of UTF-8.
pub const MAX_TEXT_BYTES: usize = 255;
/// Where a model is: as long as the system takes paths. Bytes of UTF-8.
pub const MAX_PATH_BYTES: usize = 4096;
/// The reason of a failure. Bytes of UTF-8; what is longer is cut when encoding.
pub const MAX_REASON_BYTES: usize = 4 << 10;

/// Why bytes are no message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The length field is out of bounds.
    #[error("message of {bytes} bytes; 2 to {MAX_MESSAGE_BYTES} are taken")]
    Length {
        /// As announced.
        bytes: usize,
    },
    /// The other side is of another build.
    #[error(
        "version {found} of the engine's messages; this side speaks {VERSION} (are server and engine of the same build?)"
    )]
    Version {
        /// As announced.
        found: u8,
    },
    /// The message ends within a field.
    #[error("{what}: the message ends here")]
    Truncated {
        /// The field.
        what: &'static str,
    },
    /// A field's value is not one of those that are known, or is over its bound.
    #[error("{what}: {found}")]
    Invalid {
        /// The field.
        what: &'static str,
        /// What was there.
        found: String,
    },
    /// Bytes follow the last field.
    #[error("{bytes} bytes after the last field")]
    Trailing {
        /// How many.
        bytes: usize,
    },
}

/// A message ready to be sent: `head` (with the length in front), then `payload`.
#[derive(Clone, Debug)]
pub struct Encoded {
    /// Length, version, tag and fields.
    pub head: Bytes,
    /// A frame's payload, shared with whoever made it; else empty.
    pub payload: Bytes,
}

impl Encoded {
    /// Bytes on the channel.
    #[must_use]
    pub fn len(&self) -> usize {
        self.head.len() + self.payload.len()
    }

    /// Never: every message has a head.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// The bytes that follow a length field.
///
/// # Errors
/// When no message can be that long.
pub fn body_bytes(length: [u8; LENGTH_BYTES]) -> Result<usize, Error> {
    let bytes = u32::from_be_bytes(length) as usize;
    if (2..=MAX_MESSAGE_BYTES).contains(&bytes) { Ok(bytes) } else { Err(Error::Length { bytes }) }
}
