//! The shell of RTMP ingest: sockets, clocks, limits and metrics around the pure session and translation.
//!
//! [`Listener::accept`] → [`Connection`] → [`Connection::offer`] → [`Pending`] → [`Pending::accept`] or [`Pending::refuse`]. Each step is a
//! future; the caller spawns and owns it, and dropping it closes the connection. A connection is generic over its
//! stream: [`Connection::wrap`] puts TLS around it.
//!
//! # Promises
//! - Every wait has an end: handshake to publish, media, each write, and the goodbye.
//! - Connections that publish keep their places; those that don't come to it make room for others when all are taken.
//! - A refused or failed encoder gets the reason as a NetStream status, and the time to read it.
//! - Frames of one socket read go to the feed in one batch.
//!
//! Metrics: `amphi_rtmp_connections`, `amphi_rtmp_refused_total{reason}`, `amphi_rtmp_failed_total{reason}`,
//! `amphi_rtmp_received_bytes_total`, `amphi_rtmp_dropped_frames_total`, `amphi_rtmp_accept_errors_total`.

mod error;
mod listener;
mod places;
mod publish;
mod wire;

pub use error::{End, Error};
pub use listener::{Connection, Listener};
pub use publish::Pending;

use std::time::Duration;

/// What one listener takes. All are settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once from one address (IPv6: from one /64). A campus behind one NAT has tens of halls.
    pub connections_per_address: usize,
    /// Connections at once. Above the publishers one machine can serve, below the usual 65,536 open files with their viewers.
    pub connections: usize,
    /// From accepted to `publish`. A slow encoder on a bad line needs about 2 s.
    pub handshake_time: Duration,
    /// Without sound or pictures. Longer than a pause that an encoder survives, shorter than anybody's patience.
    pub idle_time: Duration,
    /// Bytes between the handshake and `publish`. Real encoders need under 2 KiB.
    pub before_publish_bytes: usize,
    /// One message. A keyframe of 4K at 80 Mbit/s is about 4 MiB.
    pub message_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_per_address: 64,
            connections: 4096,
            handshake_time: Duration::from_secs(10),
            idle_time: Duration::from_secs(30),
            before_publish_bytes: 64 << 10,
            message_bytes: 8 << 20,
        }
    }
}
