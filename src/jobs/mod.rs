//! Work in the background for finished videos: taken from the catalogue, done one after the other, told.
//!
//! **Promises.** A job that began is finished, failed for good, cancelled, or tried again: a crash, `kill -9` or a stop forgets none. A
//! bounded number runs at once, and engines give way to lives and viewers. A cancelled job ends within a second. Without what a kind needs
//! (an engine), its jobs wait, and health says why. What takes hours has a place of its own, so that posters do not wait for it.
//!
//! - `runner`: claims, leases, stops; knows nothing of what is done; `attempts`: when a failed one is tried again;
//! - `work`: what is done, by kind; to add one: a variant of `JobKind`, its line there, its module here;
//! - [`storyboard`]: poster and previews; `ladder`: renditions that the live lacked; `notice`: a mail to owners.

mod attempts;
mod ladder;
mod notice;
mod runner;
pub mod storyboard;
mod waiting;
mod work;

use crate::archive::writer::Archive;
use crate::catalogue::job::JobKind;
use crate::catalogue::{Catalogue, Error};
use crate::config::{Config, Videos};
use crate::lifecycle::Tasks;
use crate::mail::Post;
use pipelines::client;
use pipelines::encoder::Choice;
use runner::{Runner, Timing};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::sync::{Semaphore, watch};
use work::{Renditions, Workshop};

/// The jobs of all tenants. Cheap to clone; clones share.
#[derive(Clone, Debug)]
pub struct Jobs(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    archive: Archive,
    engine: client::Settings,
    renditions: Renditions,
    tasks: Tasks,
    /// A place is one for all tenants; each takes its turn.
    short: Arc<Semaphore>,
    long: Arc<Semaphore>,
    letters: Arc<Semaphore>,
    /// Why each runner's jobs wait.
    waiting: RwLock<Vec<watch::Receiver<Option<String>>>>,
}

/// A job that takes longer hangs: a storyboard of a day takes less than a minute.
const SHORT: Duration = Duration::from_secs(15 * 60);
/// The same for renditions of a day, on a machine that is busy with lives for most of it.
const LONG: Duration = Duration::from_secs(48 * 3_600);

impl Jobs {
    /// As configured, for nobody yet: see [`Jobs::work_for`].
    #[must_use]
    pub fn new(archive: &Archive, config: &Config, tasks: &Tasks) -> Self {
        let at_once = config.jobs.at_once as usize;
        let places = |count| Arc::new(Semaphore::new(count));
        Self(Arc::new(Inner {
            archive: archive.clone(),
            engine: engine(config),
            renditions: Renditions {
                kept: kept(config),
                // What is wrong was refused when the configuration was read.
                preset: config.renditions.preset().unwrap_or_default(),
            },
            tasks: tasks.clone(),
            short: places(at_once),
            long: places(at_once.min(1)),
            letters: places(at_once.min(1)),
            waiting: RwLock::default(),
        }))
    }

    /// Begins to work for a tenant, once for each, until the soft stop: what runs then is put back. `post`: how its people are written to
    /// now. After an error nothing has begun.
    ///
    /// # Errors
    /// `Secret`: no randomness.
    pub fn work_for(&self, catalogue: &Catalogue, post: &watch::Receiver<Option<Post>>) -> Result<(), Error> {
        let Inner { archive, engine, renditions, tasks, short, long, letters, waiting } = &*self.0;
        let work = Workshop {
            catalogue: catalogue.clone(),
            archive: archive.clone(),
            engine: engine.clone(),
            renditions: renditions.clone(),
            post: post.clone(),
        };
        let runner = |kinds, places: &Arc<Semaphore>, limit| {
            let (timing, places) = (Timing { limit, ..Timing::default() }, Arc::clone(places));
            Runner::new(catalogue.clone(), work.clone(), kinds, tasks.clone(), places, timing)
        };
        let runners = [
            runner(&[JobKind::Storyboard], short, SHORT)?,
            runner(&[JobKind::Ladder], long, LONG)?,
            // It takes no core: nobody waits for it, and it waits for nobody.
            runner(&[JobKind::Notice], letters, SHORT)?,
        ];
        let mut waiting = waiting.write().unwrap_or_else(PoisonError::into_inner);
        for (runner, waits) in runners {
            tasks.spawn_essential("jobs", runner.run());
            waiting.push(waits);
        }
        Ok(())
    }

    /// Why jobs wait that could be done otherwise, for people; `None`: none does.
    #[must_use]
    pub fn obstacle(&self) -> Option<String> {
        let waiting = self.0.waiting.read().unwrap_or_else(PoisonError::into_inner);
        waiting.iter().find_map(|waits| waits.borrow().clone())
    }
}

/// From the start of an engine to its first word. A tenth of a second is usual; beside lives that take all of the machine, one that gives
/// way to them takes many, and nobody waits for it.
const ENGINE_STARTS_WITHIN: Duration = Duration::from_secs(60);
/// The same for how long one may say nothing, and decode nothing of what it was sent.
const ENGINE_SILENCE: Duration = Duration::from_secs(60);
const ENGINE_NO_PROGRESS: Duration = Duration::from_secs(120);

/// How engines are run for jobs.
fn engine(config: &Config) -> client::Settings {
    client::Settings {
        program: config.engine.program.path().map(std::borrow::ToOwned::to_owned),
        // What is wrong was refused when the configuration was read.
        encoder: Choice::from_name(&config.engine.encoder).unwrap_or_default(),
        niceness: u8::try_from(config.jobs.niceness).unwrap_or(19),
        start_within: ENGINE_STARTS_WITHIN,
        silence: ENGINE_SILENCE,
        no_progress: ENGINE_NO_PROGRESS,
        ..client::Settings::default()
    }
}

/// What is kept of finished videos' renditions; `None`: what there is.
fn kept(config: &Config) -> Option<ladder::Kept> {
    match config.renditions.videos {
        _ if !config.renditions.enabled => None,
        Videos::Complete => Some(ladder::Kept::All),
        Videos::Recorded => None,
        Videos::Source => Some(ladder::Kept::Necessary),
    }
}

/// Whether finished videos get a job for their renditions.
#[must_use]
pub fn completes_renditions(config: &Config) -> bool {
    kept(config).is_some()
}

/// Why this machine can do no jobs, and what to do about it; `None`: it can.
#[must_use]
pub fn missing(config: &Config) -> Option<String> {
    client::program(&engine(config)).err()
}
