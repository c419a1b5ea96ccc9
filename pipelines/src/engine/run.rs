//! The role of renditions, from the first message to the last. One thread reads and feeds the pipelines, one writes; this one watches, tells the counts and ends.

use crate::channel::{self, Outbox};
use crate::probe::{self, Chosen};
use crate::transcode::{audio::Audio, counts::Counts, video::Video};
use crate::{Arguments, enclose, plugins};
use gst::prelude::*;
use gstreamer as gst;
use media::track::{Kind, Parameters};
use pipelines::message::{FromEngine, Start, ToEngine};
use std::io;
use std::process::ExitCode;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How often the counts are told; the server takes silence of several for a hang.
const STATS_EVERY: Duration = Duration::from_millis(200);
/// What is inside at the end is encoded within this, or given up.
const DRAIN: Duration = Duration::from_secs(20);
/// A read thread and the pipelines' threads need little; malloc and stacks are counted by the memory limit.
const THREAD_STACK_BYTES: usize = 1 << 20;

/// What the reading thread tells.
enum Told {
    /// All is pushed; these are to be drained.
    Stop(Option<Video>, Option<Audio>),
    /// The server is gone.
    Gone,
    /// It can't go on.
    Failed(String),
}

/// The pipelines, shared by the thread that feeds them and the one that watches their buses.
#[derive(Default)]
struct Running {
    video: Option<gst::Pipeline>,
    audio: Option<gst::Pipeline>,
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
    let (outbox, mail) = channel::outbox();
    let chosen = probe::choose(arguments);
    let prepared = enclose(arguments, plugins::TRANSCODE, Some(chosen.encoder));
    let counts = Arc::new(Counts::default());
    let running = Arc::new(Mutex::new(Running::default()));
    let (tell, told) = sync_channel(4);
    let writer = thread("writer", move || {
        if let Err(e) = mail.write_all(&mut out) {
            tracing::debug!("the server reads no more: {e}");
        }
    });
    let end = match (prepared, writer) {
        (Err(text), writer) => {
            outbox.send(&FromEngine::Failed { text: text.clone() });
            outbox.close();
            let _ = writer.map(std::thread::JoinHandle::join);
            Err(text)
        }
        (_, Err(e)) => Err(format!("no thread: {e}")),
        (Ok(()), Ok(writer)) => {
            let feeder = Feeder {
                counts: Arc::clone(&counts),
                outbox: outbox.clone(),
                running: Arc::clone(&running),
                chosen,
                start: None,
                video: None,
                audio: None,
            };
            let reader = thread("reader", move || feeder.read(tell));
            let end = reader
                .map_err(|e| format!("no thread: {e}"))
                .and_then(|_| watch(&told, &running, &counts, &outbox, started));
            if let Ok(true) = end {
                // All was put; the writer ends when it is written.
                outbox.close();
                let _ = writer.join();
                return ExitCode::SUCCESS;
            }
            if let Err(text) = &end {
                outbox.send(&FromEngine::Failed { text: text.clone() });
                outbox.close();
                let _ = writer.join();
            }
            end.map(|_| ())
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

pub(crate) fn thread(name: &str, body: impl FnOnce() + Send + 'static) -> io::Result<std::thread::JoinHandle<()>> {
    std::thread::Builder::new().name(name.into()).stack_size(THREAD_STACK_BYTES).spawn(body)
}

/// Until the end. `Ok(true)`: all was finished; `Ok(false)`: the server is gone.
fn watch(
    told: &Receiver<Told>,
    running: &Mutex<Running>,
    counts: &Counts,
    outbox: &Outbox,
    started: Instant,
) -> Result<bool, String> {
    let mut draining: Option<(Instant, Option<Video>, Option<Audio>)> = None;
    let (mut video_ended, mut audio_ended) = (false, false);
    loop {
        match told.recv_timeout(STATS_EVERY) {
            Ok(Told::Gone) => return Ok(false),
            Ok(Told::Failed(text)) => return Err(text),
            Ok(Told::Stop(video, audio)) => {
                video.iter().for_each(Video::end);
                audio.iter().for_each(Audio::end);
                draining = Some((Instant::now(), video, audio));
            }
            Err(RecvTimeoutError::Disconnected) if draining.is_none() => return Err("the reading thread died".into()),
            Err(RecvTimeoutError::Disconnected) => std::thread::sleep(STATS_EVERY / 8),
            Err(RecvTimeoutError::Timeout) => {}
        }
        outbox.send(&FromEngine::Stats(counts.stats(started, Instant::now())));
        let (video, audio) = {
            let running = running.lock().unwrap_or_else(PoisonError::into_inner);
            (running.video.clone(), running.audio.clone())
        };
        video_ended |= ended(video.as_ref())?;
        audio_ended |= ended(audio.as_ref())?;
        if draining.is_some() && (video.is_none() || video_ended) && (audio.is_none() || audio_ended) {
            return Ok(true);
        }
        if draining.as_ref().is_some_and(|(since, ..)| since.elapsed() > DRAIN) {
            return Err("what was inside at the end was not finished in time".into());
        }
    }
}

/// Whether all sinks of `pipeline` saw the end; an error when an element failed.
pub(crate) fn ended(pipeline: Option<&gst::Pipeline>) -> Result<bool, String> {
    let Some(bus) = pipeline.and_then(|p| p.bus()) else { return Ok(false) };
    let Some(message) = bus.pop_filtered(&[gst::MessageType::Error, gst::MessageType::Eos]) else { return Ok(false) };
    match message.view() {
        gst::MessageView::Error(e) => {
            let who = e.src().map(|s| s.name().to_string()).unwrap_or_default();
            Err(format!("{who}: {} ({})", e.error(), e.debug().unwrap_or_default()))
        }
        _ => Ok(true),
    }
}

/// Reads and feeds.
struct Feeder {
    counts: Arc<Counts>,
    outbox: Outbox,
    running: Arc<Mutex<Running>>,
    chosen: Chosen,
    start: Option<Start>,
    video: Option<Video>,
    audio: Option<Audio>,
}

impl Feeder {
    fn read(mut self, tell: SyncSender<Told>) {
        let mut stdin = io::stdin().lock();
        let told = loop {
            match channel::read(&mut stdin, ToEngine::decode) {
                Ok(None) => break Told::Gone,
                Ok(Some(ToEngine::Stop)) => break Told::Stop(self.video.take(), self.audio.take()),
                Ok(Some(message)) => {
                    if let Err(text) = self.take(message) {
                        break Told::Failed(text);
                    }
                }
                Err(e) => break Told::Failed(format!("the server's messages: {e}")),
            }
        };
        // An error means that the watching thread has ended, and all with it.
        let _ = tell.send(told);
    }

    fn take(&mut self, message: ToEngine) -> Result<(), String> {
        match message {
            ToEngine::Start(start) => {
                if self.start.is_some() {
                    return Err("started twice".into());
                }
                let Chosen { encoder, why } = self.chosen.clone();
                self.outbox.send(&FromEngine::Ready { session: start.session, encoder, why });
                self.start = Some(start);
            }
            ToEngine::Parameters(parameters) => self.parameters(&parameters)?,
            ToEngine::Frame(frame) => match (frame.kind, &mut self.video, &mut self.audio) {
                (Kind::Video, Some(video), _) => video.frame(frame)?,
                (Kind::Audio, _, Some(audio)) => audio.frame(frame)?,
                _ => {
                    self.counts.refused.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                }
            },
            ToEngine::Discontinuity => self.video.iter_mut().for_each(Video::discontinuity),
            ToEngine::Stop => {}
        }
        Ok(())
    }

    fn parameters(&mut self, parameters: &Parameters) -> Result<(), String> {
        let start = self.start.as_ref().ok_or("no start before the first configuration")?;
        let (counts, outbox) = (&self.counts, &self.outbox);
        match (parameters.kind(), &mut self.video, &mut self.audio) {
            (Kind::Video, Some(video), _) => video.parameters(parameters),
            (Kind::Audio, _, Some(audio)) => audio.parameters(parameters),
            (Kind::Video, None, _) if !start.rungs.is_empty() => {
                let encoder = self.chosen.encoder;
                self.video = Some(Video::start(encoder, &start.rungs, start.options, parameters, counts, outbox)?);
            }
            (Kind::Audio, _, None) => self.audio = Audio::start(start.audio, parameters, counts, outbox)?,
            (Kind::Video, None, _) => {}
        }
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.video = self.video.as_ref().map(|v| v.pipeline.clone());
        running.audio = self.audio.as_ref().map(|a| a.pipeline.clone());
        Ok(())
    }
}
