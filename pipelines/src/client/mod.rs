//! Starts an engine, feeds it, watches it, and brings it back. The server's only way to one.
//!
//! [`client`] gives four pieces: [`Input`] takes the source's frames and never waits; [`Output`] gives what the engine makes; [`Control`]
//! asks and resets; and [`Client::run`] is the future that does it all, to be polled by a task of the server (nothing is spawned here).
//!
//! [`thumbnail`] runs an engine once, for pictures of keyframes.
//!
//! # Promises
//! - Nothing that an engine does reaches the caller but as an [`Event`]: a crash, a hang, a message that is none.
//! - An engine that ends too early is started again: at once the first time, then with back-off. The pictures since the last keyframe are
//!   kept and decoded again, so that renditions go on where they were; when that fails twice, it begins at the next keyframe.
//!   The first frame of each rendition after it is marked [`after_hole`](crate::message::EncodedFrame::after_hole).
//! - Repeated failures end with [`Event::GivenUp`] and a reason; [`Control::reset`] tries again.
//! - What waits is bounded in bytes, frames and media time; beyond, whole GOPs are dropped before sending, and counted.
//! - Children are always waited for. They die with the thread that polled [`Client::run`] first, so poll it on a runtime's worker.

mod backlog;
mod run;
pub mod thumbnail;
mod watchdog;

pub use run::{Client, Ended};

use crate::child::attempts::Attempts;
use crate::encoder::{Choice, Encoder};
use crate::message::{EncodedFrame, Rendition, SourceFrame, Start, Stats};
use backlog::Backlog;
use media::track::Parameters;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, mpsc};

/// Events that wait for the server. When it does not take them, the engine waits, and is not blamed for it.
const EVENTS: usize = 128;

/// How an engine is run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The engine; `None`: `amphi-engine` beside the running program.
    pub program: Option<PathBuf>,
    /// Heap and stacks that an engine may have; beyond, its allocations fail and it ends. 280 MB were measured for a ladder of 1080p.
    pub memory_bytes: u64,
    /// How much an engine gives way to the server, 0 to 19.
    pub niceness: u8,
    /// An engine tells its counts five times a second; one that is silent for this long hangs.
    pub silence: Duration,
    /// Nothing is decoded for this long though pictures are sent: it hangs inside.
    pub no_progress: Duration,
    /// From the start to its first word.
    pub start_within: Duration,
    /// What makes pictures. After an engine that ended with nothing done it is x264 until one gets something done.
    pub encoder: Choice,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            program: None,
            memory_bytes: 1 << 30,
            niceness: 5,
            silence: Duration::from_millis(1_500),
            no_progress: Duration::from_millis(1_500),
            start_within: Duration::from_secs(10),
            encoder: Choice::Auto,
        }
    }
}

/// What an engine makes, and what becomes of it.
#[derive(Clone, Debug)]
pub enum Event {
    /// It works (again).
    Ready {
        /// What makes its pictures.
        encoder: Encoder,
        /// Why it is no other one, for people, when another was tried.
        why: String,
    },
    /// The rendition's frames from here on need this configuration.
    Parameters {
        /// Whose.
        rendition: Rendition,
        /// Which.
        parameters: Parameters,
    },
    /// One access unit of a rendition; times of a rendition only grow.
    Frame(EncodedFrame),
    /// Five times a second. Counts begin anew with each engine.
    Stats(Stats),
    /// The engine ended too early, and is started again after the wait.
    Lost {
        /// For people.
        reason: String,
        /// The wait.
        retry_in: Duration,
    },
    /// It ended too often: nothing comes until [`Control::reset`].
    GivenUp {
        /// For people: what happened, and what to do.
        reason: String,
    },
}

/// Takes the source's frames. Dropping it ends the work: what was sent is finished first.
#[derive(Debug)]
pub struct Input {
    shared: Arc<Shared>,
}

/// Gives what the engine makes.
#[derive(Debug)]
pub struct Output {
    events: mpsc::Receiver<Event>,
}

/// Asks and resets.
#[derive(Clone, Debug)]
pub struct Control {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    backlog: Mutex<Backlog>,
    /// Told when there is something to send, or the input has ended.
    grown: Notify,
    /// Told when something was sent.
    shrunk: Notify,
    reset: Notify,
    input_ended: AtomicBool,
    restarts: AtomicU64,
    /// 0: none runs.
    pid: AtomicU32,
}

impl Shared {
    fn backlog(&self) -> MutexGuard<'_, Backlog> {
        // A poisoned lock means a panic while a frame was moved; the queue itself stays consistent.
        self.backlog.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where the engine is.
///
/// # Errors
/// When it is nowhere: what is missing, and what to do about it.
pub fn program(settings: &Settings) -> Result<PathBuf, String> {
    crate::child::process::find(settings.program.as_deref())
}

/// An engine that does `start`, not yet started.
#[must_use]
pub fn client(settings: Settings, start: Start) -> (Input, Output, Control, Client) {
    let shared = Arc::new(Shared {
        backlog: Mutex::default(),
        grown: Notify::new(),
        shrunk: Notify::new(),
        reset: Notify::new(),
        input_ended: AtomicBool::new(false),
        restarts: AtomicU64::new(0),
        pid: AtomicU32::new(0),
    });
    let (sender, events) = mpsc::channel(EVENTS);
    (
        Input { shared: Arc::clone(&shared) },
        Output { events },
        Control { shared: Arc::clone(&shared) },
        Client { settings, start, shared, events: sender, attempts: Attempts::default() },
    )
}

impl Input {
    /// The track's frames from here on need `parameters`.
    pub fn parameters(&self, parameters: Parameters) {
        self.shared.backlog().parameters(parameters);
        self.shared.grown.notify_one();
    }

    /// The next frame. Never waits; what is too much is dropped and counted.
    pub fn frame(&self, frame: SourceFrame) {
        self.shared.backlog().frame(frame);
        self.shared.grown.notify_one();
    }

    /// Frames are missing here, or another contribution goes on: the next picture is a keyframe.
    pub fn discontinuity(&self) {
        self.shared.backlog().discontinuity();
        self.shared.grown.notify_one();
    }

    /// Returns when less than half of what may wait does: for work that drops nothing ([`crate::message::WhenSlow::Wait`]). Cancel-safe.
    pub async fn room(&self) {
        loop {
            let shrunk = self.shared.shrunk.notified();
            if self.shared.backlog().has_room() {
                return;
            }
            shrunk.await;
        }
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        self.shared.input_ended.store(true, Relaxed);
        self.shared.grown.notify_one();
    }
}

impl Output {
    /// The next event; `None` when the client has ended. Cancel-safe.
    pub async fn next(&mut self) -> Option<Event> {
        self.events.recv().await
    }
}

impl Control {
    /// Tries again after [`Event::GivenUp`].
    pub fn reset(&self) {
        self.shared.reset.notify_one();
    }

    /// Process id of the engine that runs, for its figures in `/proc`.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        Some(self.shared.pid.load(Relaxed)).filter(|pid| *pid != 0)
    }

    /// How often an engine was started again.
    #[must_use]
    pub fn restarts(&self) -> u64 {
        self.shared.restarts.load(Relaxed)
    }

    /// Frames of the source that were dropped before sending.
    #[must_use]
    pub fn dropped_frames(&self) -> u64 {
        self.shared.backlog().dropped_frames()
    }
}
