//! Lives: what is on air now.

pub(super) mod end;
pub(super) mod list;
pub(super) mod retry;
pub(super) mod start_recording;
pub(super) mod stop_recording;

use crate::http::problem::Problem;
use crate::live::{NotOnAir, Unrecorded};
use axum::http::StatusCode;

impl From<NotOnAir> for Problem {
    fn from(_: NotOnAir) -> Self {
        Self::new(StatusCode::CONFLICT).detail("This broadcaster is not on air.")
    }
}

impl From<Unrecorded> for Problem {
    fn from(why: Unrecorded) -> Self {
        match why {
            Unrecorded::NotOnAir(why) => why.into(),
            // What the disk or the catalogue said stands in the log: it names files.
            Unrecorded::Refused(_) => Self::new(StatusCode::SERVICE_UNAVAILABLE)
                .detail("Nothing can be recorded now: the disk or the catalogue refuses. The server's log says why."),
        }
    }
}
