//! Claims jobs, keeps their leases, and says how they ended.
//!
//! What runs is dropped when its lease is lost (cancelled, or another runner has it), when it takes too long, and at the soft stop, where
//! it is put back as if it had not begun. A process that dies leaves its jobs to whoever looks after their leases have passed.

use super::attempts::{MAX_ATTEMPTS, wait_after};
use super::work::{Failure, Progress, Work};
use crate::catalogue::job::{Job, JobKind};
use crate::catalogue::lease::Owner;
use crate::catalogue::{Catalogue, Error};
use crate::clock::now;
use crate::lifecycle::Tasks;
use media::time::WallTime;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, watch};

/// Videos without a storyboard that are queued at once, when nothing else waits: the queue of an installation that had none stays short.
const MISSING_AT_ONCE: usize = 100;

/// How long things take; tests take less.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timing {
    /// A runner that says nothing for this long is taken for dead.
    pub(super) lease: Duration,
    /// How often it is looked whether a running job was cancelled: within a second, with some to spare.
    pub(super) look_every: Duration,
    /// How often it is looked for new jobs: nobody waits for a poster.
    pub(super) poll: Duration,
    /// After something was found to be missing on this machine, or the catalogue did not answer.
    pub(super) sulk: Duration,
    /// A job that takes longer hangs.
    pub(super) limit: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            lease: Duration::from_secs(15),
            look_every: Duration::from_millis(500),
            poll: Duration::from_secs(2),
            sulk: Duration::from_secs(60),
            limit: Duration::MAX,
        }
    }
}

/// See the module.
pub(super) struct Runner<W> {
    catalogue: Catalogue,
    work: W,
    /// What it takes.
    of: &'static [JobKind],
    tasks: Tasks,
    places: Arc<Semaphore>,
    timing: Timing,
    owner: Owner,
    /// What was missing when a job began, and until when nothing is begun because of it.
    unready: Mutex<Option<(String, Instant)>>,
    /// No finished video is without a job for its storyboard.
    none_missing: Mutex<bool>,
    /// What was last said of the queue's length.
    told_queued: Mutex<u64>,
    waiting: watch::Sender<Option<String>>,
}

/// How an attempt ended.
#[derive(Debug)]
enum End {
    Done,
    Unready(String),
    Later(WallTime, String),
    Failed(String),
    /// Somebody cancelled it, or it is another runner's.
    Lost,
    /// The server stops.
    Stopped,
}

impl<W: Work> Runner<W> {
    /// A runner of jobs of some kinds, each in one of `places`, which others may share; and where it says why jobs wait.
    pub(super) fn new(
        catalogue: Catalogue,
        work: W,
        of: &'static [JobKind],
        tasks: Tasks,
        places: Arc<Semaphore>,
        timing: Timing,
    ) -> Result<(Self, watch::Receiver<Option<String>>), Error> {
        let (waiting, receiver) = watch::channel(None);
        let owner = Owner::random()?;
        let (unready, none_missing, told_queued) = Default::default();
        Ok((
            Self { catalogue, work, of, tasks, places, timing, owner, unready, none_missing, told_queued, waiting },
            receiver,
        ))
    }

    /// Until the soft stop.
    pub(super) async fn run(self) {
        let runner = Arc::new(self);
        let tasks = runner.tasks.clone();
        loop {
            let place = tokio::select! {
                place = Arc::clone(&runner.places).acquire_owned() => place,
                () = tasks.soft_stopped() => return,
            };
            let pause = match runner.next().await {
                Ok(Some(job)) => {
                    let runner = Arc::clone(&runner);
                    tasks.spawn("job", async move {
                        let _place = place;
                        runner.attempt(&job).await;
                    });
                    continue;
                }
                Ok(None) => runner.timing.poll,
                Err(error) => {
                    tracing::warn!(%error, "the catalogue gives no jobs");
                    runner.timing.sulk
                }
            };
            drop(place);
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = tasks.soft_stopped() => return,
            }
        }
    }

    /// The next job, claimed.
    async fn next(&self) -> Result<Option<Job>, Error> {
        loop {
            let at = now();
            let (kinds, obstacle) = self.kinds();
            let (queued, due) = self.catalogue.queued_jobs(at).await?;
            self.tell_queued(queued);
            // What waits for its turn would wait anyway.
            let waits = obstacle.filter(|_| due > 0);
            if *self.waiting.borrow() != waits {
                if let Some(why) = &waits {
                    tracing::warn!(jobs = due, "jobs wait: {why}");
                }
                self.waiting.send_replace(waits);
            }
            match self.catalogue.claim_job(&kinds, &self.owner, self.lease(at), at).await? {
                Some(job) if job.attempts <= MAX_ATTEMPTS => return Ok(Some(job)),
                Some(job) => {
                    let why = format!("the server ended while it ran, {} times", job.attempts - 1);
                    tracing::error!(job = %job.id, kind = %job.kind, video = %job.video_id, "a job is given up: {why}");
                    self.catalogue.fail_job(&job.id, &self.owner, &why, None, at).await?;
                    count(&job, "failed");
                }
                None if queued > 0 || self.queue_missing(at).await? == 0 => return Ok(None),
                None => {}
            }
        }
    }

    /// The figure is of all tenants: each adds what came to its own. The runners of a tenant see the same queue, and one of them tells it.
    fn tell_queued(&self, queued: u64) {
        if !self.of.contains(&JobKind::Storyboard) {
            return;
        }
        let before = std::mem::replace(&mut *lock(&self.told_queued), queued);
        #[expect(clippy::cast_precision_loss, reason = "exact up to 2^52 jobs")]
        metrics::gauge!("amphi_jobs_queued").increment(queued as f64 - before as f64);
    }

    /// Queues storyboards of videos from before there were any; answers how many.
    async fn queue_missing(&self, at: WallTime) -> Result<usize, Error> {
        if *lock(&self.none_missing) || !self.of.contains(&JobKind::Storyboard) {
            return Ok(0);
        }
        let queued = self.catalogue.queue_missing_storyboards(MISSING_AT_ONCE, at).await?;
        *lock(&self.none_missing) = queued < MISSING_AT_ONCE;
        if queued > 0 {
            tracing::info!(jobs = queued, "storyboards of older videos are queued");
        }
        Ok(queued)
    }

    /// What can be begun here, and why not the rest.
    fn kinds(&self) -> (Vec<JobKind>, Option<String>) {
        if let Some((why, until)) = &*lock(&self.unready)
            && Instant::now() < *until
        {
            return (Vec::new(), Some(why.clone()));
        }
        let mut obstacle = None;
        let can = |kind: &JobKind| match self.work.obstacle(*kind) {
            Some(why) => {
                obstacle = Some(why);
                false
            }
            None => true,
        };
        (self.of.iter().copied().filter(can).collect(), obstacle)
    }

    fn lease(&self, at: WallTime) -> WallTime {
        at.plus_micros(micros(self.timing.lease))
    }

    /// Does a job that was claimed, and says how it ended.
    async fn attempt(&self, job: &Job) {
        let (progress, began) = (Progress::default(), Instant::now());
        tracing::info!(job = %job.id, kind = %job.kind, video = %job.video_id, attempt = job.attempts, "a job begins");
        metrics::gauge!("amphi_jobs_running").increment(1.0);
        let running = Running;
        let end = tokio::select! {
            biased;
            done = tokio::time::timeout(self.timing.limit, self.work.run(job, &progress)) => match done {
                Ok(Ok(())) => End::Done,
                Ok(Err(Failure::Unready(why))) => End::Unready(why),
                Ok(Err(Failure::Later(when, why))) => End::Later(when, why),
                Ok(Err(Failure::Failed(why))) => End::Failed(why),
                Err(_) => End::Failed(format!("not done after {:?}", self.timing.limit)),
            },
            () = self.lost(job, &progress) => End::Lost,
            () = self.tasks.soft_stopped() => End::Stopped,
        };
        drop(running);
        metrics::histogram!("amphi_job_seconds", "kind" => job.kind.name()).record(began.elapsed());
        if let Err(error) = self.tell(job, &end, began.elapsed()).await {
            tracing::warn!(job = %job.id, %error, "the catalogue did not take how a job ended: it is done again when its lease has passed");
        }
    }

    /// Renews the lease and tells the progress; returns when the job is lost.
    async fn lost(&self, job: &Job, progress: &Progress) {
        let mut until = self.lease(now());
        let mut renewed = Instant::now();
        loop {
            tokio::time::sleep(self.timing.look_every).await;
            let at = now();
            let due = renewed.elapsed() * 3 >= self.timing.lease;
            let has = if due {
                let next = self.lease(at);
                let has = self.catalogue.renew_job(&job.id, &self.owner, next, progress.permille()).await;
                if has.is_ok() {
                    (until, renewed) = (next, Instant::now());
                }
                has
            } else {
                self.catalogue.has_job(&job.id, &self.owner).await
            };
            match has {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    tracing::warn!(job = %job.id, %error, "the catalogue does not say whether a job goes on");
                    if at >= until {
                        return;
                    }
                }
            }
        }
    }

    async fn tell(&self, job: &Job, end: &End, took: Duration) -> Result<(), Error> {
        let (id, kind, video) = (&job.id, job.kind, &job.video_id);
        let at = now();
        let told = match end {
            End::Done => {
                lock(&self.unready).take();
                tracing::info!(job = %id, %kind, %video, ?took, "a job is done");
                count(job, "done");
                self.catalogue.finish_job(id, &self.owner, at).await?
            }
            End::Unready(why) => {
                *lock(&self.unready) = Some((why.clone(), Instant::now() + self.timing.sulk));
                tracing::warn!(job = %id, %kind, %video, "a job can't be done on this machine: {why}");
                count(job, "put_back");
                self.catalogue.put_job_back(id, &self.owner, Some(why), at).await?
            }
            End::Later(when, why) => {
                tracing::info!(job = %id, %kind, %video, "a job is done later: {why}");
                count(job, "put_back");
                self.catalogue.put_job_back(id, &self.owner, Some(why), *when).await?
            }
            End::Failed(why) => {
                let again = wait_after(job.attempts).map(|wait| at.plus_micros(micros(wait)));
                if again.is_some() {
                    tracing::warn!(job = %id, %kind, %video, attempt = job.attempts, "a job failed and is tried again: {why}");
                } else {
                    tracing::error!(job = %id, %kind, %video, "a job is given up: {why}");
                }
                count(job, if again.is_some() { "retried" } else { "failed" });
                self.catalogue.fail_job(id, &self.owner, why, again, at).await?
            }
            End::Lost => {
                tracing::info!(job = %id, %kind, %video, "a job was cancelled, or another runner has it");
                count(job, "cancelled");
                true
            }
            End::Stopped => {
                tracing::info!(job = %id, %kind, %video, "a job is put back");
                count(job, "put_back");
                self.catalogue.put_job_back(id, &self.owner, None, at).await?
            }
        };
        if !told {
            tracing::info!(job = %id, "the job was cancelled meanwhile, or another runner has it");
        }
        Ok(())
    }
}

/// Counts down when an attempt has ended, by a panic too.
struct Running;

impl Drop for Running {
    fn drop(&mut self) {
        metrics::gauge!("amphi_jobs_running").decrement(1.0);
    }
}

fn count(job: &Job, outcome: &'static str) {
    metrics::counter!("amphi_jobs_total", "kind" => job.kind.name(), "outcome" => outcome).increment(1);
}

pub(super) fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

fn lock<T>(what: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    what.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
