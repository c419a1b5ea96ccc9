//! The search as the API shows it.

pub(super) mod get;
