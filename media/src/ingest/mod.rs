//! Bytes from the world → frames on a feed. The only place in this crate that has sockets and reads a clock.
//!
//! Each protocol is a folder with the same roles: `session` (the wire protocol, pure), `translate` (its media
//! → [`crate::feed::Item`], pure) and a thin shell with the socket: `listen` (they call us) or `dial` (we call them).
//! Shells are futures that the caller spawns and owns. Who may publish is the caller's decision: a listener hands out
//! an [`Offer`] and waits for a [`Verdict`]; there are no callbacks.
//!
//! To add a protocol: its folder here, a variant of [`Protocol`], its section in the server's `config`, and the line that
//! starts it in `app.rs`. Nothing downstream of the feed changes.

pub mod attempts;
pub mod rtmp;
pub mod rtsp;

use crate::feed::Publisher;
use std::fmt;
use std::net::SocketAddr;

/// How a contribution reaches us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// RTMP publish.
    Rtmp,
    /// RTSP pull.
    Rtsp,
}

impl Protocol {
    /// Lower-case name, for logs, metrics and the API.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Rtmp => "rtmp",
            Self::Rtsp => "rtsp",
        }
    }
}

/// A stream key in clear. Never printed: `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct StreamKey(String);

impl StreamKey {
    /// Takes a key as the encoder sent it.
    #[must_use]
    pub fn new(key: String) -> Self {
        Self(key)
    }

    /// The key itself; only to be hashed and compared.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for StreamKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StreamKey(…)")
    }
}

/// Somebody wants to publish.
#[derive(Clone, Debug)]
pub struct Offer {
    /// By which protocol.
    pub protocol: Protocol,
    /// From where.
    pub peer: SocketAddr,
    /// The broadcaster they name; `None` when the encoder only knows one name and that is the key.
    pub slug: Option<String>,
    /// The key they show; empty when none.
    pub key: StreamKey,
}

/// The answer to an [`Offer`].
#[derive(Debug)]
pub enum Verdict {
    /// Publish here.
    Accept(Publisher),
    /// No, and this is why.
    Refuse(Refusal),
}

/// Why an offer is refused. Its text goes to the encoder's screen: it names no secret and does not tell
/// an unknown broadcaster from a wrong key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Unknown broadcaster or wrong key.
    #[error("Unknown broadcaster or wrong stream key.")]
    Denied,
    /// Another contribution is on air here.
    #[error("This broadcaster is already on air from another encoder.")]
    Taken,
    /// Too many refused attempts from this address.
    #[error("Too many refused attempts from this address; try again in a minute.")]
    TooManyAttempts,
    /// The server is stopping or can't take more.
    #[error("The server can't take this stream now; try again shortly.")]
    Unavailable,
}

impl Refusal {
    /// Short name, for metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Denied => "denied",
            Self::Taken => "taken",
            Self::TooManyAttempts => "too_many_attempts",
            Self::Unavailable => "unavailable",
        }
    }
}
