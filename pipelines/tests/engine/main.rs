//! The real engine with real H.264 and AAC, made by ffmpeg.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod clip;
mod direct;
mod killed;
mod renditions;
mod sandboxed;
mod thumbnails;
