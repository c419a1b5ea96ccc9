//! The loop: an engine from its start to its end, then the next one. Everything is polled by one task.

use super::watchdog::Watchdog;
use super::{Event, Settings, Shared};
use crate::child::attempts::{Attempts, Next};
use crate::child::process::{self, LEAVE, Launch};
use crate::encoder::{Choice, Encoder};
use crate::message::{EncodedFrame, FromEngine, Rendition, Start, ToEngine};
use media::time::{Timescale, Timestamp};
use media::track::{Kind, Parameters};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};
use tokio::process::{Child, ChildStdin, ChildStdout};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// How often the watchdog looks.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// What is inside at the end must be out within this.
const FINISH: Duration = Duration::from_secs(25);

/// The engine's supervisor.
#[derive(Debug)]
pub struct Client {
    pub(super) settings: Settings,
    pub(super) start: Start,
    pub(super) shared: Arc<Shared>,
    pub(super) events: mpsc::Sender<Event>,
    pub(super) attempts: Attempts,
}

/// Why a client has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The input ended and everything was finished and handed out.
    Finished,
    /// It was told to stop.
    Stopped,
    /// Nobody takes the output any more.
    Unheard,
    /// The input ended while no engine could be had.
    Unfinished,
}

/// How one engine ended.
enum Left {
    Finished,
    Unheard,
    Failed(String),
}

/// What must outlive an engine.
#[derive(Default)]
struct Heard {
    /// Last dts of each rendition: times only grow.
    last: HashMap<Rendition, i64>,
    sound_scale: Option<Timescale>,
}

impl Client {
    /// Runs engines until the input ends (what was sent is finished), the output is dropped, or `stop` is cancelled (the engine is killed
    /// at once). Every child was waited for when it returns; when it is dropped instead, the runtime waits for the child it kills.
    pub async fn run(mut self, stop: CancellationToken) -> Ended {
        let mut heard = Heard::default();
        loop {
            let again = self.attempts.fruitless() < 2;
            self.shared.backlog().begin(again);
            let mut fruitful = false;
            let arguments = ["--encoder", self.encoder().name()];
            let left = match process::start(self.launch(&arguments)) {
                Err(reason) => Left::Failed(reason),
                Ok(mut child) => {
                    self.shared.pid.store(child.id().unwrap_or(0), Relaxed);
                    let left = tokio::select! {
                        left = self.serve(&mut child, &mut heard, &mut fruitful) => Some(left),
                        () = stop.cancelled() => None,
                    };
                    let status = process::leave(&mut child, matches!(left, Some(Left::Finished))).await;
                    self.shared.pid.store(0, Relaxed);
                    match left {
                        None => return Ended::Stopped,
                        Some(Left::Failed(reason)) => Left::Failed(process::with_status(reason, status)),
                        Some(left) => left,
                    }
                }
            };
            let reason = match left {
                Left::Finished => return Ended::Finished,
                Left::Unheard => return Ended::Unheard,
                Left::Failed(reason) => reason,
            };
            if process::find(self.settings.program.as_deref()).is_err() {
                // Waiting does not bring a file; a reset, after somebody put it there, does.
                self.attempts = Attempts::default();
            } else if let Next::RetryIn(retry_in) = self.attempts.failed(Instant::now(), fruitful) {
                // Whoever takes the event knows whose engine it was, and says it.
                tracing::debug!(%reason, ?retry_in, "the engine ended too early");
                let lost = self.events.send(Event::Lost { reason, retry_in });
                let paused = async {
                    let told = lost.await.is_ok();
                    tokio::time::sleep(retry_in).await;
                    told
                };
                let told = tokio::select! { told = paused => told, () = stop.cancelled() => return Ended::Stopped };
                if !told {
                    return Ended::Unheard;
                }
                self.shared.restarts.fetch_add(1, Relaxed);
                continue;
            }
            tracing::debug!(%reason, "the engine is given up");
            if let Some(ended) = self.given_up(reason, &stop).await {
                return ended;
            }
        }
    }

    /// A driver may let a probe pass and fall over a ladder: what has just failed is not tried again at once.
    fn encoder(&self) -> Choice {
        if self.attempts.fruitless() == 0 { self.settings.encoder } else { Choice::This(Encoder::X264) }
    }

    fn launch<'a>(&'a self, arguments: &'a [&'a str]) -> Launch<'a> {
        Launch {
            program: self.settings.program.as_deref(),
            arguments,
            memory_bytes: self.settings.memory_bytes,
            niceness: self.settings.niceness,
        }
    }

    /// Until a reset.
    async fn given_up(&mut self, reason: String, stop: &CancellationToken) -> Option<Ended> {
        let told = tokio::select! {
            told = self.events.send(Event::GivenUp { reason }) => told.is_ok(),
            () = stop.cancelled() => return Some(Ended::Stopped),
        };
        if !told {
            return Some(Ended::Unheard);
        }
        loop {
            self.shared.backlog().idle();
            self.shared.shrunk.notify_waiters();
            if self.shared.input_ended.load(Relaxed) {
                return Some(Ended::Unfinished);
            }
            tokio::select! {
                () = self.shared.grown.notified() => {}
                () = self.shared.reset.notified() => break,
                () = self.events.closed() => return Some(Ended::Unheard),
                () = stop.cancelled() => return Some(Ended::Stopped),
            }
        }
        self.attempts = Attempts::default();
        self.shared.restarts.fetch_add(1, Relaxed);
        None
    }

    /// One engine, until it or the input ends.
    async fn serve(&self, child: &mut Child, heard: &mut Heard, fruitful: &mut bool) -> Left {
        let (Some(stdin), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Left::Failed("it has no pipes".into());
        };
        let dog = Mutex::new(Watchdog::new(Instant::now()));
        let mut last_line = String::new();
        let left = {
            let log = process::log(stderr, &mut last_line);
            let read = self.read(stdout, heard, fruitful, &dog);
            let write = self.write(stdin, &dog);
            let watch = self.watch(&dog);
            tokio::pin!(log, read, write, watch);
            let (mut writing, mut logging) = (true, true);
            // An engine that dies may be seen to take no more before it is seen to say no more: only one that was told to stop finishes.
            let mut told_to_stop = false;
            let mut finish = std::pin::pin!(tokio::time::sleep(FINISH));
            loop {
                tokio::select! {
                    left = &mut read => {
                        break match left {
                            Left::Finished if !told_to_stop => Left::Failed("it closed its channel".into()),
                            left => left,
                        };
                    }
                    ended = &mut write, if writing => {
                        (writing, told_to_stop) = (false, ended);
                        // One that takes no more died, or says on its own channel why: reading tells.
                        let within = if ended { FINISH } else { LEAVE };
                        finish.as_mut().reset(tokio::time::Instant::now() + within);
                    }
                    () = &mut log, if logging => logging = false,
                    complaint = &mut watch => break Left::Failed(complaint),
                    () = &mut finish, if !writing => break Left::Failed("it did not finish in time".into()),
                }
            }
        };
        match left {
            Left::Failed(reason) => Left::Failed(process::with_last_words(reason, &last_line)),
            left => left,
        }
    }

    /// Sends what waits, until the input ends (`true`) or the engine takes no more (`false`).
    async fn write(&self, mut stdin: ChildStdin, dog: &Mutex<Watchdog>) -> bool {
        if process::write(&mut stdin, &ToEngine::Start(self.start.clone()).encode()).await.is_err() {
            return false;
        }
        loop {
            // Asked before the last look: what was put before the end is seen.
            let ended = self.shared.input_ended.load(Relaxed);
            let message = self.shared.backlog().take();
            let Some(message) = message else {
                if ended {
                    return process::write(&mut stdin, &ToEngine::Stop.encode()).await.is_ok();
                }
                self.shared.shrunk.notify_waiters();
                self.shared.grown.notified().await;
                continue;
            };
            if process::write(&mut stdin, &message.encode()).await.is_err() {
                return false;
            }
            if matches!(&message, ToEngine::Frame(frame) if frame.kind == Kind::Video) {
                lock(dog).sent(Instant::now());
            }
        }
    }

    /// Hands out what comes, until the engine closes its end.
    async fn read(
        &self,
        mut stdout: ChildStdout,
        heard: &mut Heard,
        fruitful: &mut bool,
        dog: &Mutex<Watchdog>,
    ) -> Left {
        let mut failed = None;
        loop {
            let message = match process::read(&mut stdout, FromEngine::decode).await {
                Ok(Some(message)) => message,
                Ok(None) => return failed.map_or(Left::Finished, Left::Failed),
                Err(e) => return Left::Failed(e),
            };
            lock(dog).heard(&message, Instant::now());
            let event = match message {
                FromEngine::Ready { encoder, why, .. } => Event::Ready { encoder, why },
                FromEngine::Parameters { rendition, parameters } => {
                    if let Parameters::Audio(aac) = &parameters {
                        heard.sound_scale = Some(aac.timescale());
                    }
                    Event::Parameters { rendition, parameters }
                }
                FromEngine::Frame(frame) => {
                    *fruitful = true;
                    if !self.came_back(&frame, heard) {
                        continue;
                    }
                    Event::Frame(frame)
                }
                FromEngine::Stats(stats) => Event::Stats(stats),
                FromEngine::Failed { text } => {
                    failed = Some(text);
                    continue;
                }
            };
            match self.events.try_send(event) {
                Ok(()) => {}
                Err(mpsc::error::TrySendError::Closed(_)) => return Left::Unheard,
                Err(mpsc::error::TrySendError::Full(event)) => {
                    let excused = async {
                        loop {
                            tokio::time::sleep(LOOK_EVERY).await;
                            lock(dog).excuse(Instant::now());
                        }
                    };
                    let sent = tokio::select! { sent = self.events.send(event) => sent.is_ok(), () = excused => false };
                    if !sent {
                        return Left::Unheard;
                    }
                    lock(dog).excuse(Instant::now());
                }
            }
        }
    }

    /// Whether `frame` is after all that its rendition has.
    fn came_back(&self, frame: &EncodedFrame, heard: &mut Heard) -> bool {
        if heard.last.get(&frame.rendition).is_some_and(|last| frame.dts <= *last) {
            return false;
        }
        heard.last.insert(frame.rendition, frame.dts);
        match (frame.rendition, heard.sound_scale) {
            (Rendition::Rung(_), _) => self.shared.backlog().picture_came_back(frame.pts),
            (Rendition::Audio, Some(scale)) => {
                self.shared.backlog().sound_came_back(Timestamp::new(frame.pts, scale));
            }
            (Rendition::Audio, None) => {}
        }
        true
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

fn lock(dog: &Mutex<Watchdog>) -> std::sync::MutexGuard<'_, Watchdog> {
    dog.lock().unwrap_or_else(PoisonError::into_inner)
}
