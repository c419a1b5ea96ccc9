//! One file per codec: parameter sets, RFC 6381 string, keyframe test.
//!
//! To add a codec: its file here, a variant of [`crate::track::Parameters`], its sample entry in `cmaf::init`,
//! and its line in each `ingest/*/translate.rs`.

pub mod aac;
pub mod h264;

/// Why a decoder configuration was not understood.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// Fewer bytes than the fields announce.
    #[error("{what}: ends after {have_bytes} bytes")]
    Truncated {
        /// What was being read.
        what: &'static str,
        /// Bytes there are.
        have_bytes: usize,
    },
    /// A field's value makes no sense or is not supported.
    #[error("{what}: {detail}")]
    Invalid {
        /// What was being read.
        what: &'static str,
        /// What was found.
        detail: String,
    },
}
