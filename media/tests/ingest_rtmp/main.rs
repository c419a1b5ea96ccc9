//! RTMP ingest with real peers: ffmpeg and GStreamer publish to the listener, hostile ones beside them.

#![expect(
    clippy::unwrap_used,
    reason = "a test stops at the first surprise; clippy only knows functions that are tests themselves"
)]
#![expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "peers are tasks with sockets and a clock")]

mod client;
mod encoders;
mod hostile;
mod layers;
mod server;
mod source;
mod times;
