//! The core of Amphi: what happens to media between a socket and a player.
//!
//! Read in the order of the data's journey:
//! - [`time`], [`frame`], [`track`], [`codec`], [`rendition`]: the words everything else is said in;
//! - [`ingest`]: protocols → frames;
//! - [`feed`]: one contribution's frames → many readers;
//! - [`segment`]: where to cut; [`cmaf`]: frames → bytes;
//! - [`origin`]: what viewers ask, and what they get;
//! - [`caption`]: words of a speech engine → cues → WebVTT;
//!
//! Not here: GStreamer, HTTP, SQL, files, and any clock outside `ingest` (`now` is an argument).

#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod caption;
pub mod cmaf;
pub mod codec;
pub mod feed;
pub mod frame;
pub mod ingest;
pub mod origin;
pub mod rendition;
pub mod segment;
pub mod time;
pub mod track;
