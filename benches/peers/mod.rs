//! What the bench programs start and measure: child processes that end with them, their CPU and memory, Amphi itself.
//!
//! A peer that is missing is an error that says what to install; no bench is skipped.

pub(crate) mod amphi;
pub(crate) mod flv;
pub(crate) mod process;
pub(crate) mod stream;
