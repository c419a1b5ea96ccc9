//! The independent judge of what an LL-HLS origin serves: shares no code with the server.
//!
//! - [`attributes`], [`playlist`], [`parse`]: our own strict reader of media playlists;
//! - [`rules`]: the rules of LL-HLS as a pure function over what was asked and answered;
//! - [`connection`], [`multivariant`], [`fmp4`], [`media`], [`reader`]: a client that follows every rendition of a live, keeps the
//!   transcript for the rules and looks into every byte of media.
//!
//! The bench programs include this folder too, so nothing here may name the test harness.

pub(crate) mod attributes;
pub(crate) mod connection;
pub(crate) mod fmp4;
pub(crate) mod media;
pub(crate) mod multivariant;
pub(crate) mod parse;
pub(crate) mod playlist;
pub(crate) mod reader;
#[cfg(test)]
mod reader_example;
pub(crate) mod rules;
