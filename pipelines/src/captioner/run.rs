//! The loop: an engine while there is something to caption, then the next one. Everything is polled by one task.

use super::watchdog::Watchdog;
use super::{Event, Reason, Settings, Shared};
use crate::child::attempts::{Attempts, Next};
use crate::child::process::{self, LEAVE, Launch};
use crate::message::{FromCaptioner, ModelPlace, ToCaptioner};
use media::caption::language::Language;
use std::collections::BTreeSet;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::process::{Child, ChildStdin, ChildStdout};
use tokio_util::sync::CancellationToken;

/// How often the watchdog looks.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The engine's supervisor.
#[derive(Debug)]
pub struct Supervisor {
    pub(super) settings: Settings,
    pub(super) shared: Arc<Shared>,
    pub(super) attempts: Attempts,
    /// The last engine ended while it read this language's model.
    pub(super) suspect: Option<Language>,
}

/// How one engine ended.
enum Left {
    /// Nothing was to be captioned for some time.
    Idle,
    /// Models are to be loaded anew.
    Reload,
    /// Too early.
    Failed(String),
}

/// How writing ended.
enum Wrote {
    Idle,
    Refused,
}

impl Supervisor {
    /// Runs engines while there is something to caption, until `stop` is cancelled (the engine is killed at once, and all sessions end).
    /// Every child was waited for when it returns; when it is dropped instead, the runtime waits for the child it kills.
    pub async fn run(mut self, stop: CancellationToken) {
        while let Some(()) = until(&stop, self.wanted()).await {
            if let Some(wait) = self.one_engine(&stop).await
                && until(&stop, tokio::time::sleep(wait)).await.is_none()
            {
                break;
            }
        }
        self.shared.sessions().end();
    }

    /// Returns when there is work.
    async fn wanted(&self) {
        loop {
            let changed = self.shared.changed.notified();
            if self.shared.sessions().wants_engine() {
                return;
            }
            changed.await;
        }
    }

    /// From its start to its end; how long to wait then.
    async fn one_engine(&mut self, stop: &CancellationToken) -> Option<Duration> {
        if let Err(reason) = process::find(self.settings.program.as_deref()) {
            // Waiting does not bring a file.
            self.give_up(reason);
            return None;
        }
        self.shared.health().1 = None;
        let deadly = self.shared.sessions().begin(self.attempts.fruitless() < 2);
        let mut fruitful = false;
        let dog = Mutex::new(Watchdog::new(Instant::now()));
        let left = match process::start(self.launch()) {
            Err(reason) => Left::Failed(reason),
            Ok(mut child) => {
                self.shared.pid.store(child.id().unwrap_or(0), Relaxed);
                let left = until(stop, self.serve(&mut child, &deadly, &mut fruitful, &dog)).await;
                let status = process::leave(&mut child, matches!(left, Some(Left::Idle))).await;
                self.shared.pid.store(0, Relaxed);
                self.shared.health().0 = false;
                match left? {
                    Left::Failed(reason) => Left::Failed(process::with_status(reason, status)),
                    left => left,
                }
            }
        };
        let Left::Failed(reason) = left else { return None };
        let loading = lock(&dog).loading().cloned();
        // Once may be the machine's fault.
        if let Some(language) = loading.clone().filter(|_| loading == self.suspect) {
            let tag = language.tag();
            tracing::error!(language = tag, %reason, "the model ends the captioning engine: the language is left out");
            let reason: Reason = format!("the model of {tag} can't be loaded: {reason}. Install it again").into();
            self.shared.sessions().refuse_language(language, reason, true);
            self.suspect = None;
            return None;
        }
        self.suspect = loading;
        match self.attempts.failed(Instant::now(), fruitful) {
            Next::RetryIn(retry_in) => {
                tracing::warn!(%reason, ?retry_in, "the captioning engine ended too early");
                self.shared.sessions().tell_all(&Event::Lost { reason: reason.into(), retry_in });
                self.shared.restarts.fetch_add(1, Relaxed);
                Some(retry_in)
            }
            Next::GiveUp => {
                self.give_up(reason);
                None
            }
        }
    }

    /// Until another session comes, or a reset.
    fn give_up(&mut self, reason: String) {
        tracing::error!(%reason, "the captioning engine is given up");
        let reason: Reason = reason.into();
        self.shared.health().1 = Some(reason.clone());
        self.shared.sessions().refuse_all(&reason);
        self.attempts = Attempts::default();
    }

    fn launch(&self) -> Launch<'_> {
        Launch {
            program: self.settings.program.as_deref(),
            arguments: &["--captions"],
            memory_bytes: self.settings.memory_bytes,
            niceness: self.settings.niceness,
        }
    }

    /// One engine, until it ends or is to be ended.
    async fn serve(
        &self,
        child: &mut Child,
        deadly: &BTreeSet<Language>,
        fruitful: &mut bool,
        dog: &Mutex<Watchdog>,
    ) -> Left {
        let (Some(stdin), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Left::Failed("it has no pipes".into());
        };
        let mut last_line = String::new();
        let left = {
            let log = process::log(stderr, &mut last_line);
            let read = self.read(stdout, fruitful, dog);
            let write = self.write(stdin, deadly);
            let watch = self.watch(dog);
            tokio::pin!(log, read, write, watch);
            let (mut writing, mut logging, mut idle) = (true, true, false);
            let mut finish = std::pin::pin!(tokio::time::sleep(LEAVE));
            loop {
                tokio::select! {
                    // What it has said is read before it is called silent.
                    biased;
                    reason = &mut read => break if idle { Left::Idle } else { Left::Failed(reason) },
                    wrote = &mut write, if writing => {
                        writing = false;
                        idle = matches!(wrote, Wrote::Idle);
                        // It leaves, or it died: reading tells.
                        finish.as_mut().reset(tokio::time::Instant::now() + if idle { LEAVE * 4 } else { LEAVE });
                    }
                    () = &mut log, if logging => logging = false,
                    () = self.shared.reset.notified() => break Left::Reload,
                    complaint = &mut watch, if !idle => break Left::Failed(complaint),
                    () = &mut finish, if !writing => {
                        break if idle { Left::Idle } else { Left::Failed("it takes no more".into()) };
                    }
                }
            }
        };
        match left {
            Left::Failed(reason) => Left::Failed(process::with_last_words(reason, &last_line)),
            left => left,
        }
    }

    /// Sends what waits, until nothing is to be captioned for some time, or the engine takes no more.
    async fn write(&self, mut stdin: ChildStdin, deadly: &BTreeSet<Language>) -> Wrote {
        let models = self.settings.models.iter().filter(|(language, _)| !deadly.contains(*language));
        let place = |(language, folder): (&Language, &std::path::PathBuf)| ModelPlace {
            language: language.clone(),
            folder: folder.to_string_lossy().into_owned(),
        };
        let begin = ToCaptioner::Begin { models: models.map(place).collect() };
        if process::write(&mut stdin, &begin.encode()).await.is_err() {
            return Wrote::Refused;
        }
        loop {
            let changed = self.shared.changed.notified();
            let (message, wanted) = {
                let mut sessions = self.shared.sessions();
                (sessions.take(), sessions.wants_engine())
            };
            match message {
                Some(message) => {
                    if process::write(&mut stdin, &message.encode()).await.is_err() {
                        return Wrote::Refused;
                    }
                }
                None if wanted => changed.await,
                None => {
                    if tokio::time::timeout(self.settings.linger, changed).await.is_err() {
                        return Wrote::Idle;
                    }
                }
            }
        }
    }

    /// Hands out what comes, until the engine closes its end; why.
    async fn read(&self, mut stdout: ChildStdout, fruitful: &mut bool, dog: &Mutex<Watchdog>) -> String {
        let mut failed = None;
        loop {
            let message = match process::read(&mut stdout, FromCaptioner::decode).await {
                Ok(Some(message)) => message,
                Ok(None) => return failed.unwrap_or_else(|| "it closed its channel".into()),
                Err(e) => return e,
            };
            lock(dog).heard(&message, Instant::now());
            let mut sessions = self.shared.sessions();
            match message {
                FromCaptioner::Loading { .. } | FromCaptioner::Loaded { .. } => {}
                FromCaptioner::Unusable { language, reason } => {
                    tracing::error!(language = language.tag(), %reason, "the language can't be captioned");
                    sessions.refuse_language(language, reason.into(), false);
                    self.shared.changed.notify_one();
                }
                FromCaptioner::Ready => {
                    drop(sessions);
                    self.shared.health().0 = true;
                }
                FromCaptioner::Opened { session } => sessions.opened(session),
                FromCaptioner::SessionFailed { session, reason } => {
                    sessions.refuse(session, reason.into());
                    self.shared.changed.notify_one();
                }
                FromCaptioner::Hypothesis { session, hypothesis, heard_until_micros } => {
                    *fruitful = true;
                    if hypothesis.is_final() {
                        sessions.concluded(session, heard_until_micros);
                    }
                    sessions.tell(session, Event::Hypothesis { hypothesis, heard_until_micros });
                }
                FromCaptioner::Closed { session } => {
                    sessions.closed(session);
                    self.shared.changed.notify_one();
                }
                FromCaptioner::Stats(stats) => {
                    for stats in stats.sessions {
                        sessions.tell(stats.session, Event::Stats(stats));
                    }
                }
                FromCaptioner::Failed { text } => failed = Some(text),
            }
        }
    }

    /// Returns with the first complaint.
    async fn watch(&self, dog: &Mutex<Watchdog>) -> String {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            if let Some(complaint) = lock(dog).complaint(&self.settings, Instant::now()) {
                return complaint;
            }
        }
    }
}

/// What `work` gives, or `None` when it is stopped first.
async fn until<T>(stop: &CancellationToken, work: impl Future<Output = T>) -> Option<T> {
    tokio::select! { done = work => Some(done), () = stop.cancelled() => None }
}

fn lock(dog: &Mutex<Watchdog>) -> MutexGuard<'_, Watchdog> {
    dog.lock().unwrap_or_else(PoisonError::into_inner)
}
