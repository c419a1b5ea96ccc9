//! The role of captions, from the first message to the last: sound of all lives in, hypotheses out.
//!
//! - [`models`]: what hears a language, by what is in its folder: [`vosk_model`] (set to tell words soon by [`tuned`]), [`scripted`], or nothing
//!   ([`unheard`]), behind the traits of [`recogniser`];
//! - [`session`]: a live in a language: [`decode`] → [`queue`] → [`listener`], which keeps the [`axis`] of media time;
//!   [`loudness`]: what a sound engineer wants to know of it.
//!
//! One thread reads and feeds, one writes, each session decodes in one and recognises in another; this one watches and tells the counts.
//! Models are loaded before anything else, while there is one thread and the sandbox is open, as libraries read their files then.

mod axis;
mod decode;
mod listener;
mod loudness;
mod models;
mod queue;
mod recogniser;
mod scripted;
mod session;
#[cfg(feature = "vosk")]
mod tuned;
mod unheard;
#[cfg(feature = "vosk")]
mod vosk_model;

use crate::channel::{self, Outbox};
use crate::transcode::counts::cpu_micros;
use crate::{Arguments, plugins, sandbox};
use media::caption::language::Language;
use pipelines::message::{CaptionerStats, FromCaptioner, MAX_SESSIONS, ModelPlace, ToCaptioner};
use recogniser::Model;
use session::Session;
use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How often the counts are told; the server takes silence of several for a hang.
const STATS_EVERY: Duration = Duration::from_millis(200);
/// A model in memory is up to four times its files, and eight while it is read (measured with the small Korean one).
const MEMORY_PER_MODEL_BYTE: u64 = 10;
const THREAD_STACK_BYTES: usize = 1 << 20;

/// A model by its language, or why there is none.
type Models = HashMap<Language, Result<Arc<dyn Model>, String>>;

/// How the reading thread ended.
enum Told {
    /// The server has closed its end.
    Gone,
    /// It can't go on.
    Failed(String),
}

/// Runs the engine; the server has started it.
pub(crate) fn run(arguments: Arguments) -> ExitCode {
    let started = Instant::now();
    let mut out = match channel::take_stdout() {
        Ok(out) => out,
        Err(e) => {
            tracing::error!("no channel on stdout: {e}");
            return ExitCode::FAILURE;
        }
    };
    let end = match prepare(arguments, &mut out) {
        Ok(Some(models)) => serve(models, out, started),
        Ok(None) => Ok(()),
        Err(text) => {
            // Whoever does not read it has gone.
            let _ = tell(&mut out, &FromCaptioner::Failed { text: text.clone() });
            Err(text)
        }
    };
    match end {
        Ok(()) => ExitCode::SUCCESS,
        Err(text) => {
            tracing::error!("{text}");
            ExitCode::FAILURE
        }
    }
}

fn tell(out: &mut File, message: &FromCaptioner) -> Result<(), String> {
    channel::write(out, &message.encode()).map_err(|e| format!("the server does not read: {e}"))
}

/// Everything that needs files, then the sandbox. `None`: the server has gone.
fn prepare(arguments: Arguments, out: &mut File) -> Result<Option<Models>, String> {
    sandbox::bind_to_parent(None, arguments.niceness)?;
    let places = match channel::read(&mut io::stdin().lock(), ToCaptioner::decode) {
        Ok(Some(ToCaptioner::Begin { models })) => models,
        Ok(Some(_)) => return Err("the first message names no models".into()),
        Ok(None) => return Ok(None),
        Err(e) => return Err(format!("the server's messages: {e}")),
    };
    if let Some(bytes) = arguments.memory_bytes {
        let on_disk: u64 =
            places.iter().map(|p| models::bytes_on_disk(Path::new(&p.folder))).fold(0, u64::saturating_add);
        sandbox::limit_memory(bytes.saturating_add(on_disk.saturating_mul(MEMORY_PER_MODEL_BYTE)))?;
    }
    plugins::load(plugins::CAPTION)?;
    let mut loaded = Models::new();
    for ModelPlace { language, folder } in places {
        tell(out, &FromCaptioner::Loading { language: language.clone() })?;
        let model = models::load(Path::new(&folder));
        tell(
            out,
            &match &model {
                Ok(_) => FromCaptioner::Loaded { language: language.clone() },
                Err(reason) => FromCaptioner::Unusable { language: language.clone(), reason: reason.clone() },
            },
        )?;
        loaded.insert(language, model);
    }
    if let Some(bytes) = arguments.memory_bytes {
        sandbox::allow_more_memory(bytes)?;
    }
    sandbox::enter(&sandbox::Needs::default());
    Ok(Some(loaded))
}

/// Until the server has gone.
fn serve(models: Models, mut out: File, started: Instant) -> Result<(), String> {
    let no_thread = |e: io::Error| format!("no thread: {e}");
    let (outbox, mail) = channel::outbox();
    let writer = thread("writer", move || {
        if let Err(e) = mail.write_all(&mut out) {
            tracing::debug!("the server reads no more: {e}");
        }
    })
    .map_err(no_thread)?;
    outbox.send(&FromCaptioner::Ready);
    let sessions = Arc::new(Sessions::default());
    let (tell, told) = sync_channel(1);
    let feeder = Feeder { models, sessions: Arc::clone(&sessions), outbox: outbox.clone() };
    thread("reader", move || feeder.read(&tell)).map_err(no_thread)?;
    let end = watch(&told, &sessions, &outbox, started);
    if let Err(text) = &end {
        outbox.send(&FromCaptioner::Failed { text: text.clone() });
    }
    // Libraries clear up when the process ends: no thread must be within them then.
    let open: Vec<Session> = sessions.lock().drain(..).collect();
    drop(open);
    outbox.close();
    let _ = writer.join();
    end
}

fn thread(name: &str, body: impl FnOnce() + Send + 'static) -> io::Result<std::thread::JoinHandle<()>> {
    std::thread::Builder::new().name(name.into()).stack_size(THREAD_STACK_BYTES).spawn(body)
}

/// Those that are open, shared by the thread that feeds them and the one that watches.
#[derive(Default)]
struct Sessions(Mutex<Vec<Session>>);

impl Sessions {
    fn lock(&self) -> MutexGuard<'_, Vec<Session>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn watch(told: &Receiver<Told>, sessions: &Sessions, outbox: &Outbox, started: Instant) -> Result<(), String> {
    loop {
        match told.recv_timeout(STATS_EVERY) {
            Ok(Told::Gone) => return Ok(()),
            Ok(Told::Failed(text)) => return Err(text),
            Err(RecvTimeoutError::Disconnected) => return Err("the reading thread died".into()),
            Err(RecvTimeoutError::Timeout) => {}
        }
        let (ended, stats) = {
            let mut open = sessions.lock();
            for session in open.iter() {
                if let Some(reason) = session.decoder.as_ref().and_then(decode::Decoder::failure) {
                    // Its thread ends by it.
                    session.queue.abandon();
                    outbox.send(&FromCaptioner::SessionFailed { session: session.number, reason });
                }
            }
            let ended: Vec<Session> = open.extract_if(.., |session| session.has_ended()).collect();
            (ended, open.iter().map(Session::stats).collect())
        };
        drop(ended);
        let wall_micros = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
        outbox.send(&FromCaptioner::Stats(CaptionerStats { cpu_micros: cpu_micros(), wall_micros, sessions: stats }));
    }
}

/// Reads and feeds.
struct Feeder {
    models: Models,
    sessions: Arc<Sessions>,
    outbox: Outbox,
}

impl Feeder {
    fn read(self, tell: &SyncSender<Told>) {
        let mut stdin = io::stdin().lock();
        let told = loop {
            match channel::read(&mut stdin, ToCaptioner::decode) {
                Ok(None) => break Told::Gone,
                Ok(Some(message)) => self.take(message),
                Err(e) => break Told::Failed(format!("the server's messages: {e}")),
            }
        };
        // An error means that the watching thread has ended, and all with it.
        let _ = tell.send(told);
    }

    fn take(&self, message: ToCaptioner) {
        match message {
            // Models are loaded once.
            ToCaptioner::Begin { .. } => {}
            ToCaptioner::Open { session, language, vocabulary } => {
                if let Err(reason) = self.open(session, &language, vocabulary) {
                    self.outbox.send(&FromCaptioner::SessionFailed { session, reason });
                }
            }
            ToCaptioner::Parameters { session, parameters } => {
                let failed = self.with(session, |s| s.parameters(&parameters)).and_then(Result::err);
                if let Some(reason) = failed {
                    self.with(session, |s| s.queue.abandon());
                    self.outbox.send(&FromCaptioner::SessionFailed { session, reason });
                }
            }
            ToCaptioner::Sound { session, pts, payload } => {
                self.with(session, |s| s.sound(pts, payload));
            }
            ToCaptioner::Discontinuity { session } => {
                self.with(session, |s| s.decoder.iter_mut().for_each(decode::Decoder::discontinuity));
            }
            ToCaptioner::Close { session } => {
                self.with(session, |s| s.close());
            }
        }
    }

    /// Nothing when it is not open (any more).
    fn with<T>(&self, number: u32, act: impl FnOnce(&mut Session) -> T) -> Option<T> {
        self.sessions.lock().iter_mut().find(|s| s.number == number).map(act)
    }

    fn open(&self, number: u32, language: &Language, vocabulary: Vec<String>) -> Result<(), String> {
        let model = match self.models.get(language) {
            Some(Ok(model)) => Arc::clone(model),
            Some(Err(reason)) => return Err(reason.clone()),
            None => return Err(format!("no model hears {}", language.tag())),
        };
        let mut open = self.sessions.lock();
        if open.len() >= MAX_SESSIONS || open.iter().any(|s| s.number == number) {
            return Err(format!("{} sessions are open, or {number} is one of them", open.len()));
        }
        open.push(Session::start(number, model, vocabulary, &self.outbox).map_err(|e| format!("no thread: {e}"))?);
        Ok(())
    }
}
