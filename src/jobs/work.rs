//! What is done, by kind.

use super::{ladder, notice, storyboard};
use crate::archive::writer::Archive;
use crate::catalogue::Catalogue;
use crate::catalogue::job::{Job, JobKind};
use crate::mail::Post;
use media::time::WallTime;
use pipelines::client;
use pipelines::ladder::Preset;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use tokio::sync::watch;

/// How far a job is. Clones share.
#[derive(Clone, Debug, Default)]
pub(super) struct Progress(Arc<AtomicU32>);

impl Progress {
    /// `done` of `all`, in thousandths, never more than before the end.
    pub(super) fn tell(&self, done: usize, all: usize) {
        let permille = done.saturating_mul(1_000) / all.max(1);
        self.0.store(u32::try_from(permille.min(999)).unwrap_or(999), Relaxed);
    }

    /// 0 to 999.
    pub(super) fn permille(&self) -> u32 {
        self.0.load(Relaxed)
    }
}

/// Why a job was not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// This machine lacks something: no fault of the job.
    Unready(String),
    /// There is a time before which it is not to be done, and why.
    Later(WallTime, String),
    /// This attempt failed; another may not.
    Failed(String),
}

/// Does jobs.
pub(super) trait Work: Send + Sync + 'static {
    /// Why jobs of `kind` can't be begun here; `None`: they can. Asked every few seconds.
    fn obstacle(&self, kind: JobKind) -> Option<String>;

    /// Does `job`. Dropping the future ends it; what it has made by then is never half a file.
    fn run(&self, job: &Job, progress: &Progress) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// The real one.
#[derive(Clone, Debug)]
pub(super) struct Workshop {
    pub(super) catalogue: Catalogue,
    pub(super) archive: Archive,
    pub(super) engine: client::Settings,
    pub(super) renditions: Renditions,
    /// How people are written to now; `None`: nobody is.
    pub(super) post: watch::Receiver<Option<Post>>,
}

/// What becomes of finished videos' renditions.
#[derive(Clone, Debug)]
pub(super) struct Renditions {
    /// `None`: they stay as the live left them.
    pub(super) kept: Option<ladder::Kept>,
    /// For broadcasters without their own.
    pub(super) preset: Preset,
}

impl Work for Workshop {
    fn obstacle(&self, kind: JobKind) -> Option<String> {
        match kind {
            JobKind::Storyboard | JobKind::Ladder => client::program(&self.engine).err(),
            JobKind::Notice => None,
        }
    }

    async fn run(&self, job: &Job, progress: &Progress) -> Result<(), Failure> {
        match job.kind {
            JobKind::Storyboard => storyboard::make(self, &job.video_id, progress).await,
            JobKind::Ladder => ladder::make(self, &job.video_id, progress).await,
            JobKind::Notice => notice::write(self, &job.video_id).await,
        }
    }
}
