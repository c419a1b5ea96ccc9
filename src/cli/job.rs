//! `amphi job`.

use super::{Error, table};
use crate::catalogue::Catalogue;
use crate::catalogue::id::JobId;
use crate::catalogue::job::{Job, JobFilter, JobState, MAX_JOBS};
use crate::clock::{now, rfc3339};
use clap::Subcommand;
use serde_json::{Value, json};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// The latest jobs, newest first.
    List {
        /// Only those that are queued, running, done, failed or cancelled.
        #[arg(long)]
        state: Option<JobState>,
        /// At most this many, up to 200.
        #[arg(long, default_value_t = MAX_JOBS)]
        limit: usize,
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Try one again, now: one that failed, was cancelled or done, or one that waits after a failure.
    Retry {
        /// Its id.
        id: JobId,
    },
    /// Cancel one that waits or runs.
    Cancel {
        /// Its id.
        id: JobId,
    },
}

pub(super) async fn run(command: Command, catalogue: &Catalogue) -> Result<String, Error> {
    match command {
        Command::List { state, limit, json } => {
            let jobs = catalogue.jobs(JobFilter { state, limit }).await?;
            Ok(if json { table::json(jobs.iter().map(object).collect()) } else { columns(&jobs) })
        }
        Command::Retry { id } => {
            catalogue.retry_job(&id, now()).await?;
            Ok(format!("The job {id} waits for its turn.\n"))
        }
        Command::Cancel { id } => {
            catalogue.cancel_job(&id, now()).await?;
            Ok(format!("The job {id} is cancelled.\n"))
        }
    }
}

fn columns(jobs: &[Job]) -> String {
    let rows: Vec<Vec<String>> = jobs
        .iter()
        .map(|job| {
            vec![
                job.id.to_string(),
                job.kind.to_string(),
                job.state.to_string(),
                format!("{} %", job.progress_permille / 10),
                job.attempts.to_string(),
                rfc3339(job.finished_at.or(job.started_at).unwrap_or(job.created_at)),
                job.video_id.to_string(),
                job.error.clone().unwrap_or_default(),
            ]
        })
        .collect();
    let head = ["ID", "KIND", "STATE", "PROGRESS", "ATTEMPTS", "SINCE", "VIDEO", "ERROR"];
    table::columns(&head, &rows, "There are no such jobs.")
}

fn object(job: &Job) -> Value {
    json!({
        "id": job.id.as_str(),
        "kind": job.kind.name(),
        "video_id": job.video_id.as_str(),
        "state": job.state.name(),
        "attempts": job.attempts,
        "progress_permille": job.progress_permille,
        "error": job.error,
        "not_before": rfc3339(job.not_before),
        "created_at": rfc3339(job.created_at),
        "started_at": job.started_at.map(rfc3339),
        "finished_at": job.finished_at.map(rfc3339),
    })
}
