//! Lives: what is on air now.

pub(super) mod end;
pub(super) mod list;
pub(super) mod retry;
pub(super) mod start_recording;
pub(super) mod stop_recording;

use crate::http::problem::Problem;
use crate::live::Unrecorded;
use axum::http::StatusCode;

/// Why a live can't be recorded, or not be left unrecorded. What the disk or the catalogue said stands in the log: it names files.
fn unrecorded(why: &Unrecorded) -> Problem {
    match why {
        Unrecorded::NotOnAir => Problem::new(StatusCode::CONFLICT).detail("This broadcaster is not on air."),
        Unrecorded::Refused(_) => Problem::new(StatusCode::SERVICE_UNAVAILABLE)
            .detail("Nothing can be recorded now: the disk or the catalogue refuses. The server's log says why."),
    }
}
