//! Lives: what is on air now.

pub(super) mod end;
pub(super) mod list;
pub(super) mod retry;
