//! Lives: what is on air now.

pub(super) mod end;
pub(super) mod list;
