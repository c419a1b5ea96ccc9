//! Jobs: work in the background for a video, as people see and steer it. How runners take them stands in `lease.rs`.
//!
//! **Promise.** Of a kind and a video there is at most one job that is not finished.

use super::database::{Row, Transaction};
use super::id::{JobId, VideoId};
use super::statement::{Statement, int};
use super::{Catalogue, Error};
use media::time::WallTime;
use std::fmt;
use std::str::FromStr;

/// A job as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Names it.
    pub id: JobId,
    /// What is to be done.
    pub kind: JobKind,
    /// For which video.
    pub video_id: VideoId,
    /// Where it stands.
    pub state: JobState,
    /// How often it was begun; what was put back does not count.
    pub attempts: u32,
    /// Begun then at the earliest.
    pub not_before: WallTime,
    /// 0 to 1000, of the last attempt.
    pub progress_permille: u32,
    /// What went wrong with the last attempt, or why it waits.
    pub error: Option<String>,
    /// When it was queued first.
    pub created_at: WallTime,
    /// When the last attempt began.
    pub started_at: Option<WallTime>,
    /// When it was done, failed for good or cancelled.
    pub finished_at: Option<WallTime>,
}

macro_rules! named {
    ($(#[doc = $doc:literal])* $type:ident: $unknown:literal { $($(#[doc = $variant_doc:literal])* $variant:ident = $name:literal,)* }) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $type {
            $($(#[doc = $variant_doc])* $variant,)*
        }

        impl $type {
            /// All there are.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// Lower-case name.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }

        impl FromStr for $type {
            type Err = &'static str;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::ALL.iter().copied().find(|one| one.name() == text).ok_or($unknown)
            }
        }
    };
}

named! {
    /// What can be done in the background.
    JobKind: "must be storyboard, ladder or notice" {
        /// Poster, and previews for the player's bar.
        Storyboard = "storyboard",
        /// Renditions that the live lacked.
        Ladder = "ladder",
        /// A mail to its owners that it is there, or to operators that it waits for one.
        Notice = "notice",
    }
}

named! {
    /// Where a job stands.
    JobState: "must be queued, running, done, failed or cancelled" {
        /// Waits for its turn.
        Queued = "queued",
        /// A runner has it, or had it when it died.
        Running = "running",
        /// Was done.
        Done = "done",
        /// Failed as often as is tried.
        Failed = "failed",
        /// Somebody cancelled it.
        Cancelled = "cancelled",
    }
}

/// Which jobs.
#[derive(Clone, Copy, Debug)]
pub struct JobFilter {
    /// Only in this state.
    pub state: Option<JobState>,
    /// How many at most; 1 to [`MAX_JOBS`], others are brought there.
    pub limit: usize,
}

/// More at once makes no reader happier.
pub const MAX_JOBS: usize = 200;
pub(super) const SELECT: &str = "SELECT id, kind, video_id, state, attempts, not_before_ms, progress_permille, error, created_ms, \
     started_ms, finished_ms FROM jobs WHERE tenant_id = $1";

pub(super) fn model(row: &Row) -> Result<Job, Error> {
    let small = |column| Ok::<_, Error>(u32::try_from(row.unsigned(column)?).unwrap_or(u32::MAX));
    Ok(Job {
        id: row.parsed("id")?,
        kind: row.parsed("kind")?,
        video_id: row.parsed("video_id")?,
        state: row.parsed("state")?,
        attempts: small("attempts")?,
        not_before: row.time("not_before_ms")?,
        progress_permille: small("progress_permille")?,
        error: row.maybe_text("error")?,
        created_at: row.time("created_ms")?,
        started_at: row.maybe_time("started_ms")?,
        finished_at: row.maybe_time("finished_ms")?,
    })
}

/// ` AND kind IN (…)`, for those that this version knows.
pub(super) fn of_kinds(mut statement: Statement, kinds: &[JobKind]) -> Statement {
    for (n, kind) in kinds.iter().enumerate() {
        statement = statement.push_bind(if n == 0 { " AND kind IN (" } else { ", " }, kind.name());
    }
    statement.push(")")
}

impl Catalogue {
    /// Newest first. Those of a kind of a later version are not there.
    ///
    /// # Errors
    /// `Database`.
    pub async fn jobs(&self, filter: JobFilter) -> Result<Vec<Job>, Error> {
        let mut statement = of_kinds(self.statement(SELECT), JobKind::ALL);
        if let Some(state) = filter.state {
            statement = statement.push_bind(" AND state = ", state.name());
        }
        let limit = int("limit", filter.limit.clamp(1, MAX_JOBS) as u64)?;
        let statement = statement.push_bind(" ORDER BY created_ms DESC, id LIMIT ", limit);
        self.database.rows(statement).await?.iter().map(model).collect()
    }

    /// The one with this id.
    ///
    /// # Errors
    /// `Database`.
    pub async fn job(&self, id: &JobId) -> Result<Option<Job>, Error> {
        let statement = self.statement(SELECT).push_bind(" AND id = ", id.as_str());
        self.database.row(statement).await?.as_ref().map(model).transpose()
    }

    /// How many are queued, and how many of those may begin at `now`.
    ///
    /// # Errors
    /// `Database`.
    pub async fn queued_jobs(&self, now: WallTime) -> Result<(u64, u64), Error> {
        let statement = self
            .statement(
                "SELECT COUNT(*) AS queued, COUNT(CASE WHEN not_before_ms <= $2 THEN 1 END) AS due FROM jobs \
                 WHERE tenant_id = $1 AND state = 'queued'",
            )
            .bind(now.millis());
        let row = self.database.row(statement).await?.ok_or(Error::NotFound("job"))?;
        Ok((row.unsigned("queued")?, row.unsigned("due")?))
    }

    /// Queues a job. `None`: such a one waits or runs already.
    ///
    /// # Errors
    /// `NotFound` without such a video; `Database`.
    pub async fn add_job(&self, kind: JobKind, video: &VideoId, now: WallTime) -> Result<Option<JobId>, Error> {
        if self.video(video).await?.is_none() {
            return Err(Error::NotFound("video"));
        }
        let (id, statement) = self.new_job(kind, video, now)?;
        Ok((self.database.execute(statement).await? > 0).then_some(id))
    }

    /// Queues one within `tx`, unless such a one waits or runs already.
    pub(super) async fn add_job_in(
        &self,
        tx: &mut Transaction,
        kind: JobKind,
        video: &VideoId,
        now: WallTime,
    ) -> Result<(), Error> {
        tx.execute(self.new_job(kind, video, now)?.1).await.map(|_| ())
    }

    fn new_job(&self, kind: JobKind, video: &VideoId, now: WallTime) -> Result<(JobId, Statement), Error> {
        let id = JobId::random()?;
        let statement = self
            .statement(
                "INSERT INTO jobs (tenant_id, id, kind, video_id, state, attempts, not_before_ms, progress_permille, \
                 created_ms) VALUES ($1, $2, $3, $4, 'queued', 0, $5, 0, $5) ON CONFLICT DO NOTHING",
            )
            .bind(id.as_str())
            .bind(kind.name())
            .bind(video.as_str())
            .bind(now.millis());
        Ok((id, statement))
    }

    /// Queues storyboards for some complete videos, at most `limit`, that have none and never had a job for one, newest first. Answers how
    /// many: when fewer than `limit`, no more are missing.
    ///
    /// # Errors
    /// `Database`.
    pub async fn queue_missing_storyboards(&self, limit: usize, now: WallTime) -> Result<usize, Error> {
        let kind = JobKind::Storyboard;
        let statement = self
            .statement(
                "SELECT v.id FROM videos v WHERE v.tenant_id = $1 AND v.state = 'ended' AND v.deleted_ms IS NULL \
                 AND v.pictured_ms IS NULL AND NOT EXISTS \
                 (SELECT 1 FROM jobs j WHERE j.tenant_id = $1 AND j.video_id = v.id AND j.kind = $2) \
                 ORDER BY v.started_ms DESC, v.id LIMIT $3",
            )
            .bind(kind.name())
            .bind(int("limit", limit as u64)?);
        let missing = self.database.rows(statement).await?;
        if missing.is_empty() {
            return Ok(0);
        }
        let mut tx = self.database.begin().await?;
        for row in &missing {
            self.add_job_in(&mut tx, kind, &row.parsed("id")?, now).await?;
        }
        tx.commit().await?;
        Ok(missing.len())
    }

    /// Tries it again from the beginning, now: one that failed, was cancelled or was done, or one that waits after a failure.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` while it runs, or when another job does the same; `Database`.
    pub async fn retry_job(&self, id: &JobId, now: WallTime) -> Result<Job, Error> {
        let statement = self
            .statement(
                "UPDATE jobs SET state = 'queued', attempts = 0, not_before_ms = $3, progress_permille = 0, \
                 error = NULL, started_ms = NULL, finished_ms = NULL \
                 WHERE tenant_id = $1 AND id = $2 AND state <> 'running'",
            )
            .bind(id.as_str())
            .bind(now.millis());
        match self.database.execute(statement).await {
            Ok(1..) => self.job(id).await?.ok_or(Error::NotFound("job")),
            Ok(0) => Err(self.conflict(id, "the job is running: cancel it first").await?),
            Err(Error::Taken(_)) => Err(Error::Conflict("another job does the same")),
            Err(error) => Err(error),
        }
    }

    /// Cancels one that waits or runs. Whoever runs it notices within a second.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` when it is finished; `Database`.
    pub async fn cancel_job(&self, id: &JobId, now: WallTime) -> Result<Job, Error> {
        let statement = self
            .statement(
                "UPDATE jobs SET state = 'cancelled', lease_owner = NULL, lease_until_ms = NULL, finished_ms = $3 \
                 WHERE tenant_id = $1 AND id = $2 AND state IN ('queued', 'running')",
            )
            .bind(id.as_str())
            .bind(now.millis());
        match self.database.execute(statement).await? {
            0 => Err(self.conflict(id, "the job is finished").await?),
            _ => self.job(id).await?.ok_or(Error::NotFound("job")),
        }
    }

    /// Why nothing changed.
    async fn conflict(&self, id: &JobId, why: &'static str) -> Result<Error, Error> {
        Ok(if self.job(id).await?.is_some() { Error::Conflict(why) } else { Error::NotFound("job") })
    }
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn names_survive_text() {
        for state in JobState::ALL {
            assert_eq!(state.name().parse(), Ok(*state));
        }
        assert_eq!("storyboard".parse(), Ok(JobKind::Storyboard));
        assert!("Storyboard".parse::<JobKind>().is_err() && "new".parse::<JobState>().is_err());
    }
}
