//! How a connection ends.

use super::super::{session, translate};
use crate::ingest::Refusal;
use std::io;

/// How an accepted contribution ended without a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The encoder stopped publishing, in good order.
    Unpublished,
    /// The connection was lost or closed without a word.
    Disconnected,
    /// No sound or pictures for [`super::Limits::idle_time`].
    Idle,
    /// The feed's reading side asked for it.
    Closed,
}

/// Why a connection was given up. No variant holds a key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// It was not RTMP, or broke a limit.
    #[error("RTMP: {0}")]
    Session(#[from] session::Error),
    /// Its media can't be taken; the encoder was told.
    #[error(transparent)]
    Media(#[from] translate::Error),
    /// No `publish` within [`super::Limits::handshake_time`].
    #[error("RTMP: no publish in time")]
    HandshakeTime,
    /// Closed before `publish`.
    #[error("RTMP: closed before publish")]
    ClosedEarly,
    /// All places were taken, and another connection got this one's before it came to its publish.
    #[error("RTMP: its place was given to another connection before publish")]
    CrowdedOut,
    /// It named something that can't be a broadcaster's address; the encoder was told.
    #[error("RTMP: {0}")]
    Refused(Refusal),
    /// The peer does not read what we answer.
    #[error("RTMP: the peer does not read")]
    WriteTime,
    /// The socket.
    #[error("RTMP: {0}")]
    Io(#[from] io::Error),
}

impl Error {
    /// Short name, for metrics.
    #[must_use]
    pub fn name(&self) -> &'static str {
        use session::Error as S;
        match self {
            Self::Session(S::Handshake(_)) => "handshake",
            Self::Session(S::TooMuchBeforePublish { .. }) => "before_publish_bytes",
            Self::Session(S::CommandTooLong { .. }) => "message_bytes",
            Self::Session(S::Chunk(super::super::chunk::Error::MessageTooLong { .. })) => "message_bytes",
            Self::Session(_) => "protocol",
            Self::Media(_) => "media",
            Self::HandshakeTime => "handshake_time",
            Self::ClosedEarly => "closed_early",
            Self::CrowdedOut => "crowded_out",
            Self::Refused(refusal) => refusal.name(),
            Self::WriteTime => "write_time",
            Self::Io(_) => "io",
        }
    }
}
