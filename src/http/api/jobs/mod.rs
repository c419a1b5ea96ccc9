//! Background jobs as the API shows them. Their errors name files and programs, so that reading them needs a token too.

pub(super) mod cancel;
pub(super) mod list;
pub(super) mod retry;

use crate::catalogue::id::JobId;
use crate::catalogue::job as stored;
use crate::clock::rfc3339;
use crate::http::problem::Problem;
use serde::Serialize;
use utoipa::ToSchema;

/// A background job.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Job {
    /// Opaque.
    id: String,
    /// `storyboard`: poster and previews; `ladder`: renditions that the live lacked; `notice`: a mail to its owners, or to operators when it waits for one.
    kind: &'static str,
    video_id: String,
    /// `queued`, `running`, `done`, `failed` or `cancelled`.
    state: &'static str,
    /// How often it was begun.
    attempts: u32,
    /// 0 to 1000, of the last attempt.
    progress_permille: u32,
    /// What went wrong with the last attempt, or why it waits.
    error: Option<String>,
    /// Begun at this time at the earliest. RFC 3339, UTC.
    not_before: String,
    /// RFC 3339, UTC.
    created_at: String,
    /// When the last attempt began. RFC 3339, UTC.
    started_at: Option<String>,
    /// When it was done, failed for good or cancelled. RFC 3339, UTC.
    finished_at: Option<String>,
}

impl Job {
    fn new(stored: &stored::Job) -> Self {
        Self {
            id: stored.id.to_string(),
            kind: stored.kind.name(),
            video_id: stored.video_id.to_string(),
            state: stored.state.name(),
            attempts: stored.attempts,
            progress_permille: stored.progress_permille,
            error: stored.error.clone(),
            not_before: rfc3339(stored.not_before),
            created_at: rfc3339(stored.created_at),
            started_at: stored.started_at.map(rfc3339),
            finished_at: stored.finished_at.map(rfc3339),
        }
    }
}

/// The id that a path names; what can't be one is not there either.
fn id(text: &str) -> Result<JobId, Problem> {
    text.parse().map_err(|_| Problem::not_found("job"))
}
