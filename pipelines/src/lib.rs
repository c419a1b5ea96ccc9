//! What needs a codec engine: transcoding, captions and thumbnails, run as child processes so that no codec can hurt a live.
//!
//! This library is what the server uses, and has no C dependency:
//! - [`ladder`]: which renditions a source gets, and what they cost;
//! - [`message`]: what the server and an engine say to each other;
//! - [`client`]: starts an engine of renditions, feeds it, watches it, and brings it back;
//! - [`captioner`]: the same for the engine that captions all lives;
//! - [`encoder`]: which encoder an engine uses.
//!
//! The binary `amphi-engine` (feature `gstreamer`, and `vosk` for captions) is the other side, in `src/engine`.

#![forbid(unsafe_code)]

pub mod captioner;
mod child;
pub mod client;
pub mod encoder;
pub mod ladder;
pub mod message;
