//! The real engine with real H.264 and AAC, made by ffmpeg; with the feature `vosk` and what `make libvosk` brings, with real speech too.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod caption;
mod caption_scripted;
#[cfg(feature = "vosk")]
mod caption_vosk;
mod clip;
mod direct;
mod drift;
mod encoders;
mod killed;
mod renditions;
mod sandboxed;
mod thumbnails;
mod turned;
