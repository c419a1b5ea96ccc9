//! Jobs and those who run them: a job is leased to one runner at a time.
//!
//! **Promises.** One runner claims a job, whatever the number of them and whichever database: the claim is one UPDATE that names the state
//! it was seen in. A runner that dies loses its job when the lease has passed. What a runner says of a job that it no longer has changes
//! nothing, and it is told so.

use super::id::JobId;
use super::job::{Job, JobKind, JobState, SELECT, model, of_kinds};
use super::statement::Statement;
use super::{Catalogue, Error};
use media::time::WallTime;

/// An error is for people, and some programs say a lot. Bytes.
const MAX_ERROR_BYTES: usize = 1_000;

/// Names the runner that has a job. Made anew with each process, so that a restarted one is another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owner(String);

impl Owner {
    /// A new one.
    ///
    /// # Errors
    /// `Secret`: no randomness.
    pub fn random() -> Result<Self, Error> {
        Ok(Self(JobId::random()?.to_string()))
    }
}

fn cut(text: &str) -> String {
    let end = (0..=text.len().min(MAX_ERROR_BYTES)).rev().find(|at| text.is_char_boundary(*at));
    text[..end.unwrap_or(0)].to_owned()
}

impl Catalogue {
    /// Takes the next job of one of `kinds` whose turn it is, or whose runner's lease has passed, for `owner` until `until`. `None`: there
    /// is none. Of several runners that ask at once, one gets it.
    ///
    /// # Errors
    /// `Database`.
    pub async fn claim_job(
        &self,
        kinds: &[JobKind],
        owner: &Owner,
        until: WallTime,
        now: WallTime,
    ) -> Result<Option<Job>, Error> {
        const DUE: &str =
            "((state = 'queued' AND not_before_ms <= $2) OR (state = 'running' AND lease_until_ms <= $2))";
        if kinds.is_empty() {
            return Ok(None);
        }
        loop {
            let candidate = self.statement(SELECT).bind(now.millis()).push(" AND ").push(DUE);
            let candidate = of_kinds(candidate, kinds).push(" ORDER BY not_before_ms, created_ms, id LIMIT 1");
            let Some(job) = self.database.row(candidate).await?.as_ref().map(model).transpose()? else {
                return Ok(None);
            };
            let claim = self
                .statement(
                    "UPDATE jobs SET state = 'running', attempts = attempts + 1, lease_owner = $3, lease_until_ms = $4, \
                     started_ms = $2, progress_permille = 0 WHERE tenant_id = $1 AND id = $5 AND ",
                )
                .bind(now.millis())
                .bind(owner.0.as_str())
                .bind(until.millis())
                .bind(job.id.as_str())
                .push(DUE);
            if self.database.execute(claim).await? == 1 {
                return self.job(&job.id).await;
            }
            // Another runner was faster; the next candidate is another job, or nothing.
        }
    }

    /// Whether `owner` still has the job: nobody cancelled it, and no other runner took it.
    ///
    /// # Errors
    /// `Database`.
    pub async fn has_job(&self, id: &JobId, owner: &Owner) -> Result<bool, Error> {
        let statement = self
            .statement(
                "SELECT id FROM jobs WHERE tenant_id = $1 AND id = $2 AND state = 'running' AND lease_owner = $3",
            )
            .bind(id.as_str())
            .bind(owner.0.as_str());
        Ok(self.database.row(statement).await?.is_some())
    }

    /// Renews the lease and tells the progress. `false`: `owner` has the job no longer.
    ///
    /// # Errors
    /// `Database`.
    pub async fn renew_job(
        &self,
        id: &JobId,
        owner: &Owner,
        until: WallTime,
        progress_permille: u32,
    ) -> Result<bool, Error> {
        self.end_lease(
            id,
            owner,
            self.statement(
                "UPDATE jobs SET lease_until_ms = $4, progress_permille = $5 \
                 WHERE tenant_id = $1 AND id = $2 AND state = 'running' AND lease_owner = $3",
            ),
            |statement| statement.bind(until.millis()).bind(i64::from(progress_permille.min(1000))),
        )
        .await
    }

    /// It is done. `false`: `owner` has the job no longer.
    ///
    /// # Errors
    /// `Database`.
    pub async fn finish_job(&self, id: &JobId, owner: &Owner, now: WallTime) -> Result<bool, Error> {
        self.end_lease(
            id,
            owner,
            self.statement(
                "UPDATE jobs SET state = 'done', lease_owner = NULL, lease_until_ms = NULL, finished_ms = $4, \
                 progress_permille = 1000, error = NULL \
                 WHERE tenant_id = $1 AND id = $2 AND state = 'running' AND lease_owner = $3",
            ),
            |statement| statement.bind(now.millis()),
        )
        .await
    }

    /// The attempt failed: the job waits until `again`, or has failed for good. `false`: `owner` has the job no longer.
    ///
    /// # Errors
    /// `Database`.
    pub async fn fail_job(
        &self,
        id: &JobId,
        owner: &Owner,
        error: &str,
        again: Option<WallTime>,
        now: WallTime,
    ) -> Result<bool, Error> {
        let state = if again.is_some() { JobState::Queued } else { JobState::Failed };
        self.end_lease(
            id,
            owner,
            self.statement(
                "UPDATE jobs SET state = $4, lease_owner = NULL, lease_until_ms = NULL, error = $5, \
                 not_before_ms = $6, finished_ms = $7 \
                 WHERE tenant_id = $1 AND id = $2 AND state = 'running' AND lease_owner = $3",
            ),
            |statement| {
                statement
                    .bind(state.name())
                    .bind(cut(error))
                    .bind(again.unwrap_or(now).millis())
                    .bind(again.is_none().then(|| now.millis()))
            },
        )
        .await
    }

    /// The runner stops, or lacks what the job needs: it waits until `again` as if it had not been begun, for `reason` if there is one.
    /// `false`: `owner` has the job no longer.
    ///
    /// # Errors
    /// `Database`.
    pub async fn put_job_back(
        &self,
        id: &JobId,
        owner: &Owner,
        reason: Option<&str>,
        again: WallTime,
    ) -> Result<bool, Error> {
        self.end_lease(
            id,
            owner,
            self.statement(
                "UPDATE jobs SET state = 'queued', lease_owner = NULL, lease_until_ms = NULL, attempts = attempts - 1, \
                 progress_permille = 0, error = $4, not_before_ms = $5 \
                 WHERE tenant_id = $1 AND id = $2 AND state = 'running' AND lease_owner = $3",
            ),
            |statement| statement.bind(reason.map(cut)).bind(again.millis()),
        )
        .await
    }

    /// `$2` is the job, `$3` its owner; more values follow.
    async fn end_lease(
        &self,
        id: &JobId,
        owner: &Owner,
        statement: Statement,
        more: impl FnOnce(Statement) -> Statement,
    ) -> Result<bool, Error> {
        let statement = more(statement.bind(id.as_str()).bind(owner.0.as_str()));
        Ok(self.database.execute(statement).await? == 1)
    }
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn a_long_error_is_cut_between_characters() {
        assert_eq!(cut("short"), "short");
        let long = cut(&"é".repeat(MAX_ERROR_BYTES));
        assert_eq!((long.len(), long.chars().all(|c| c == 'é')), (MAX_ERROR_BYTES, true));
        assert_eq!(cut(&format!("x{}", "é".repeat(MAX_ERROR_BYTES))).len(), MAX_ERROR_BYTES - 1);
    }
}
