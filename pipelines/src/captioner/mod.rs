//! Captions for all lives by one engine, which has each language's model once. The server's only way to it.
//!
//! [`captioner`] gives two pieces: a [`Captioner`] to be cloned to wherever lives are, and a [`Supervisor`] whose
//! [`run`](Supervisor::run) is the future that does it all, to be polled by one task of the server (nothing is spawned here).
//! [`Captioner::open`] gives the [`SoundInput`] and the [`HypothesisOutput`] of a live in a language.
//!
//! # Promises
//! - The engine is started when the first session opens, and ended some time after the last has closed, so that the models' memory is
//!   given back.
//! - Nothing that it does reaches a session but as an [`Event`]. One that ends too early, hangs or speaks nonsense is started again, at
//!   once the first time, then with back-off; sessions go on with the sound since their last final hypothesis, so that no word is lost.
//!   When that fails twice, with what comes next.
//! - A model that can't be loaded, or twice ends the engine while it is, costs only its language ([`Event::Unavailable`]).
//! - Repeated failures are given up with a reason; the next session, or [`Captioner::reset`], tries again.
//! - Nothing waits for the engine or for a session that nobody reads. What waits is bounded; sound that is too much is dropped oldest
//!   first, in whole stretches, and counted; media time stays right.
//! - Children are always waited for. They die with the thread that polled [`Supervisor::run`] first, so poll it on a runtime's worker.

mod events;
mod run;
mod sessions;
mod sound;
mod watchdog;

pub use run::Supervisor;
pub use sound::Lost;

use crate::child::attempts::Attempts;
use crate::message::{MAX_MODELS, MAX_VOCABULARY, SessionStats};
use bytes::Bytes;
use events::Events;
use media::caption::language::Language;
use media::caption::word::Hypothesis;
use media::codec::aac::Aac;
use sessions::Sessions;
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::Notify;

/// Why something does not work and what to do, for people.
pub type Reason = Arc<str>;

/// How the engine is run.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The engine; `None`: `amphi-engine` beside the running program.
    pub program: Option<PathBuf>,
    /// The folder of each language's model; at most [`MAX_MODELS`]. All are loaded when the engine starts. An empty one is of no model: its
    /// sessions have their sound measured, and nothing is heard.
    pub models: BTreeMap<Language, PathBuf>,
    /// Memory that sessions may have together, beside the models. A session with a small model was measured at 70 to 100 MB.
    pub memory_bytes: u64,
    /// How much the engine gives way to the server, 0 to 19.
    pub niceness: u8,
    /// The engine tells its counts five times a second; one that is silent for this long hangs.
    pub silence: Duration,
    /// Nothing is heard for this long though sound waits: it hangs inside.
    pub no_progress: Duration,
    /// From the start to its first word.
    pub start_within: Duration,
    /// From there, for each model. A large one is read from a disk.
    pub load_within: Duration,
    /// How long the engine stays when nothing is to be captioned.
    pub linger: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            program: None,
            models: BTreeMap::new(),
            memory_bytes: 2 << 30,
            niceness: 5,
            silence: Duration::from_millis(1_500),
            no_progress: Duration::from_secs(10),
            start_within: Duration::from_secs(10),
            load_within: Duration::from_secs(120),
            linger: Duration::from_secs(60),
        }
    }
}

/// What is to be captioned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaptionRequest {
    /// One of [`Settings::models`].
    pub language: Language,
    /// When not empty, only these phrases are heard, which only small models can do; at most [`MAX_VOCABULARY`].
    pub vocabulary: Vec<String>,
}

/// What becomes of a session.
#[derive(Clone, Debug)]
pub enum Event {
    /// It is heard (again).
    Ready {
        /// Its next hypothesis is of the same utterance as its last. Otherwise what was said stands, and another utterance begins: tell
        /// [`media::caption::agreement::Agreement::finish`].
        utterance_goes_on: bool,
    },
    /// What is taken to have been said, some times a second while there is sound.
    Hypothesis {
        /// Of the utterance that goes on.
        hypothesis: Hypothesis,
        /// The sound up to here was heard. Microseconds of media time.
        heard_until_micros: i64,
    },
    /// Five times a second; only the newest is kept. Counts begin anew with each engine.
    Stats(SessionStats),
    /// The engine ended too early, and is started again after the wait. [`Event::Ready`] follows, or [`Event::Unavailable`].
    Lost {
        /// What happened.
        reason: Reason,
        /// The wait.
        retry_in: Duration,
    },
    /// It can't be captioned: no model, no engine, or it failed too often. Sound is not kept. [`Event::Ready`] may follow, after
    /// [`Captioner::reset`] or when the engine is started again.
    Unavailable {
        /// What happened, and what to do.
        reason: Reason,
    },
}

/// How the engine is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Process id of the engine that runs.
    pub pid: Option<u32>,
    /// It has loaded its models.
    pub ready: bool,
    /// Sessions that are captioned, or will be when it is ready.
    pub sessions: usize,
    /// How often it was started again after it ended too early.
    pub restarts: u64,
    /// Languages that can't be captioned, and why.
    pub unusable: BTreeMap<Language, Reason>,
    /// Why it was given up, until it is tried again.
    pub given_up: Option<Reason>,
}

/// The server's handle. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Captioner {
    shared: Arc<Shared>,
}

/// Takes a session's sound. Dropping it ends the session: what came is heard to its end first.
#[derive(Debug)]
pub struct SoundInput {
    number: u32,
    shared: Arc<Shared>,
}

/// Gives what is heard. Dropping it ends the session at once.
#[derive(Debug)]
pub struct HypothesisOutput {
    number: u32,
    events: Arc<Events>,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    sessions: Mutex<Sessions>,
    health: Mutex<(bool, Option<Reason>)>,
    /// Told when there is something to send, or a session has come or gone.
    changed: Notify,
    /// Told when models are to be loaded anew.
    reset: Notify,
    restarts: AtomicU64,
    /// 0: none runs.
    pid: AtomicU32,
}

impl Shared {
    fn sessions(&self) -> MutexGuard<'_, Sessions> {
        // A poisoned lock means a panic while sound was moved; the table itself stays consistent.
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn health(&self) -> MutexGuard<'_, (bool, Option<Reason>)> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A handle and what must run for it to do anything.
#[must_use]
pub fn captioner(mut settings: Settings) -> (Captioner, Supervisor) {
    while settings.models.len() > MAX_MODELS {
        settings.models.pop_last();
    }
    let languages = settings.models.keys().cloned().collect();
    let shared = Arc::new(Shared { sessions: Mutex::new(Sessions::new(languages)), ..Shared::default() });
    let captioner = Captioner { shared: Arc::clone(&shared) };
    (captioner, Supervisor { settings, shared, attempts: Attempts::default(), suspect: None })
}

impl Captioner {
    /// A live in a language. Nothing is refused here: what can't be is told by [`Event::Unavailable`].
    #[must_use]
    pub fn open(&self, mut request: CaptionRequest) -> (SoundInput, HypothesisOutput) {
        request.vocabulary.truncate(MAX_VOCABULARY);
        let events = Arc::new(Events::default());
        let number = self.shared.sessions().add(request.language, request.vocabulary, Arc::clone(&events));
        self.shared.changed.notify_one();
        let input = SoundInput { number, shared: Arc::clone(&self.shared) };
        (input, HypothesisOutput { number, events, shared: Arc::clone(&self.shared) })
    }

    /// Tries again what is unavailable, as models were installed, or an engine was: all models are loaded anew if one could not be.
    pub fn reset(&self) {
        let reload = self.shared.sessions().retry();
        if reload && self.shared.pid.load(Relaxed) != 0 {
            self.shared.reset.notify_one();
        }
        self.shared.changed.notify_one();
    }

    /// How the engine is.
    #[must_use]
    pub fn health(&self) -> Health {
        let (ready, given_up) = self.shared.health().clone();
        let sessions = self.shared.sessions();
        Health {
            pid: Some(self.shared.pid.load(Relaxed)).filter(|pid| *pid != 0),
            ready,
            sessions: sessions.count(),
            restarts: self.shared.restarts.load(Relaxed),
            unusable: sessions.unusable(),
            given_up,
        }
    }
}

impl SoundInput {
    /// The sound from here on needs `parameters`. Before the first frame, and at each change.
    pub fn parameters(&self, parameters: Arc<Aac>) {
        self.with(|sound| sound.parameters(parameters));
    }

    /// One access unit, at `pts` ticks of the configuration's sample rate on the live's timeline. Never waits; what is too much is dropped.
    pub fn frame(&self, pts: i64, payload: Bytes) {
        self.with(|sound| sound.frame(pts, payload));
    }

    /// Sound is missing here, or another contribution goes on.
    pub fn discontinuity(&self) {
        self.with(sound::Sound::discontinuity);
    }

    /// Sound that the engine never got.
    #[must_use]
    pub fn lost(&self) -> Lost {
        self.shared.sessions().lost(self.number)
    }

    fn with(&self, act: impl FnOnce(&mut sound::Sound)) {
        if let Some(sound) = self.shared.sessions().sound(self.number) {
            act(sound);
        }
        self.shared.changed.notify_one();
    }
}

impl Drop for SoundInput {
    fn drop(&mut self) {
        self.shared.sessions().input_ended(self.number);
        self.shared.changed.notify_one();
    }
}

impl HypothesisOutput {
    /// The next event; `None` when the session has ended. Cancel-safe.
    pub async fn next(&mut self) -> Option<Event> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// The same for who waits for several at once: the task that asked last is woken.
    pub fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        self.events.poll_next(cx)
    }

    /// Events that were dropped as nobody took them; finals are the last to go.
    #[must_use]
    pub fn dropped_events(&self) -> u64 {
        self.events.dropped()
    }
}

impl Drop for HypothesisOutput {
    fn drop(&mut self) {
        self.shared.sessions().unheard(self.number);
        self.shared.changed.notify_one();
    }
}
