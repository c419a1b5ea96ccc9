//! Work in the background for finished videos: taken from the catalogue, done one after the other, told.
//!
//! **Promises.** A job that began is finished, failed for good, cancelled, or tried again: a crash, `kill -9` or a stop forgets none. A
//! bounded number runs at once, and engines give way to lives and viewers. A cancelled job ends within a second. Without what a kind needs
//! (an engine), its jobs wait, and health says why.
//!
//! - `runner`: claims, leases, stops; knows nothing of what is done; `attempts`: when a failed one is tried again;
//! - `work`: what is done, by kind; to add one: a variant of `JobKind`, its line there, its module here;
//! - [`storyboard`]: poster and previews.

mod attempts;
mod runner;
pub mod storyboard;
mod work;

use crate::archive::layout::Layout;
use crate::catalogue::{Catalogue, Error};
use crate::config::Config;
use crate::lifecycle::Tasks;
use pipelines::client;
use runner::{Runner, Timing};
use std::time::Duration;
use tokio::sync::watch;
use work::Workshop;

/// What the server knows of its jobs.
#[derive(Clone, Debug)]
pub struct Jobs {
    waiting: watch::Receiver<Option<String>>,
}

impl Jobs {
    /// Begins to work as configured, until the soft stop: what runs then is put back.
    ///
    /// # Errors
    /// `Secret`: no randomness.
    pub fn start(catalogue: Catalogue, layout: Layout, config: &Config, tasks: &Tasks) -> Result<Self, Error> {
        let work = Workshop { catalogue: catalogue.clone(), layout, engine: engine(config) };
        let places = config.jobs.at_once as usize;
        let (runner, waiting) = Runner::new(catalogue, work, tasks.clone(), places, Timing::default())?;
        tasks.spawn_essential("jobs", runner.run());
        Ok(Self { waiting })
    }

    /// Why jobs wait that could be done otherwise, for people; `None`: none does.
    #[must_use]
    pub fn obstacle(&self) -> Option<String> {
        self.waiting.borrow().clone()
    }
}

/// From the start of an engine to its first word. A tenth of a second is usual; beside lives that take all of the machine, one that gives
/// way to them takes many, and nobody waits for it.
const ENGINE_STARTS_WITHIN: Duration = Duration::from_secs(60);

/// How engines are run for jobs.
fn engine(config: &Config) -> client::Settings {
    client::Settings {
        program: config.engine.program.path().map(std::borrow::ToOwned::to_owned),
        niceness: u8::try_from(config.jobs.niceness).unwrap_or(19),
        start_within: ENGINE_STARTS_WITHIN,
        ..client::Settings::default()
    }
}

/// Why this machine can do no jobs, and what to do about it; `None`: it can.
#[must_use]
pub fn missing(config: &Config) -> Option<String> {
    client::program(&engine(config)).err()
}
