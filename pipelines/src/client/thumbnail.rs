//! One run of an engine in the role `thumbnails`: keyframes in, pictures out.
//!
//! Promises: it ends. An engine that does nothing for a while is killed; one that crashes or says that it can't is an error, and so is one
//! that ends before it has answered. The child was waited for when [`pictures`] returns; when its future is dropped instead, the runtime
//! kills the child and waits for it. Poll it on a runtime's worker: the child dies with the thread that polled first.

use super::Settings;
use crate::child::process::{self, Launch, leave, with_last_words, with_status};
use crate::message::MAX_PAYLOAD_BYTES;
use crate::message::thumbnail::{FromThumbnailer, MAX_KEYFRAMES, PictureSize, ToThumbnailer};
use bytes::Bytes;
use media::track::Parameters;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::process::{Child, ChildStdin, ChildStdout};
use tokio::sync::mpsc;

/// The argument of the role.
const ROLE: &str = "--thumbnails";
/// Neither a keyframe was taken nor a picture given for this long: it hangs, or whoever brings keyframes does. A picture takes some
/// milliseconds; on a busy machine one that gives way to lives may wait for many seconds.
const QUIET: Duration = Duration::from_secs(60);
/// How often that is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// From the end of an engine's channel to the end of what it says.
const LAST_WORDS: Duration = Duration::from_millis(300);

/// A picture that can be decoded by itself.
#[derive(Clone, Debug)]
pub struct Keyframe {
    /// Each higher than the one before, below [`MAX_KEYFRAMES`].
    pub number: u32,
    /// What its decoder must know.
    pub parameters: Parameters,
    /// As in [`media::frame::Frame`].
    pub payload: Bytes,
}

/// A keyframe as it looks.
#[derive(Clone, Debug)]
pub struct Picture {
    /// The keyframe's.
    pub number: u32,
    /// Red, green, blue, from left to right and from top to bottom; [`PictureSize::picture_bytes`] of them.
    pub rgb: Bytes,
}

/// Why there are no (more) pictures.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is no engine, or it lacks something: nothing is wrong with what was sent.
    #[error("{0}")]
    Unready(String),
    /// It failed at what was sent.
    #[error("{0}")]
    Failed(String),
}

/// When something moved last, and whether the engine has said that it works.
struct Pulse {
    moved: Instant,
    ready: bool,
}

/// Sends `keyframes` to an engine and gives what comes back to `made`, in order. Keyframes that can't be decoded are left out.
///
/// # Errors
/// [`Error`]; pictures given before it are good.
pub async fn pictures(
    settings: &Settings,
    size: PictureSize,
    keyframes: mpsc::Receiver<Keyframe>,
    made: impl FnMut(Picture),
) -> Result<(), Error> {
    let launch = Launch {
        program: settings.program.as_deref(),
        arguments: &[ROLE],
        memory_bytes: settings.memory_bytes,
        niceness: settings.niceness,
    };
    let mut child = process::start(launch).map_err(Error::Unready)?;
    let pulse = Mutex::new(Pulse { moved: Instant::now(), ready: false });
    let mut last_line = String::new();
    let end = serve(&mut child, settings, size, keyframes, made, &pulse, &mut last_line).await;
    let status = leave(&mut child, end.is_ok()).await;
    let ready = lock(&pulse).ready;
    let reason = match end {
        Ok(()) if status.is_some_and(|status| status.success()) => return Ok(()),
        Ok(()) => "it ended too early".to_owned(),
        Err(reason) => reason,
    };
    let reason = with_status(with_last_words(reason, &last_line), status);
    Err(if ready { Error::Failed(reason) } else { Error::Unready(reason) })
}

async fn serve(
    child: &mut Child,
    settings: &Settings,
    size: PictureSize,
    keyframes: mpsc::Receiver<Keyframe>,
    made: impl FnMut(Picture),
    pulse: &Mutex<Pulse>,
    last_line: &mut String,
) -> Result<(), String> {
    let (Some(stdin), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
    else {
        return Err("it has no pipes".into());
    };
    let log = process::log(stderr, last_line);
    let write = write(stdin, size, keyframes, pulse);
    let read = read(stdout, size, made, pulse);
    let watch = watch(settings, pulse);
    tokio::pin!(log, write, read, watch);
    let (mut writing, mut logging) = (true, true);
    let end = loop {
        tokio::select! {
            end = &mut read => break match end {
                Ok(()) if writing => Err("it closed its channel".into()),
                end => end,
            },
            // When it takes no more, it says why on its own channel.
            () = &mut write, if writing => writing = false,
            () = &mut log, if logging => logging = false,
            complaint = &mut watch => break Err(complaint),
        }
    };
    if logging {
        // Its last words may still be in the pipe; one that hangs has none.
        let _ = tokio::time::timeout(LAST_WORDS, &mut log).await;
    }
    end
}

async fn write(
    mut stdin: ChildStdin,
    size: PictureSize,
    mut keyframes: mpsc::Receiver<Keyframe>,
    pulse: &Mutex<Pulse>,
) {
    if process::write(&mut stdin, &ToThumbnailer::Size(size).encode()).await.is_err() {
        return;
    }
    let mut told: Option<Parameters> = None;
    while let Some(Keyframe { number, parameters, payload }) = keyframes.recv().await {
        lock(pulse).moved = Instant::now();
        if payload.is_empty() || payload.len() > MAX_PAYLOAD_BYTES || number >= MAX_KEYFRAMES {
            continue;
        }
        if told.as_ref() != Some(&parameters) {
            if process::write(&mut stdin, &ToThumbnailer::Parameters(parameters.clone()).encode()).await.is_err() {
                return;
            }
            told = Some(parameters);
        }
        if process::write(&mut stdin, &ToThumbnailer::Keyframe { number, payload }.encode()).await.is_err() {
            return;
        }
        lock(pulse).moved = Instant::now();
    }
    // An error means that it has ended: reading tells.
    let _ = process::write(&mut stdin, &ToThumbnailer::Stop.encode()).await;
}

async fn read(
    mut stdout: ChildStdout,
    size: PictureSize,
    mut made: impl FnMut(Picture),
    pulse: &Mutex<Pulse>,
) -> Result<(), String> {
    let mut next = 0;
    let mut failed = None;
    while let Some(message) = process::read(&mut stdout, FromThumbnailer::decode).await? {
        lock(pulse).moved = Instant::now();
        match message {
            FromThumbnailer::Ready => lock(pulse).ready = true,
            FromThumbnailer::Picture { number, rgb } => {
                if number < next || rgb.len() != size.picture_bytes() {
                    return Err(format!("picture {number} of {} bytes was not asked for", rgb.len()));
                }
                next = number + 1;
                made(Picture { number, rgb });
            }
            FromThumbnailer::Failed { text } => failed = Some(text),
        }
    }
    failed.map_or(Ok(()), Err)
}

/// Returns with a complaint.
async fn watch(settings: &Settings, pulse: &Mutex<Pulse>) -> String {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let pulse = lock(pulse);
        let patience = if pulse.ready { QUIET } else { settings.start_within };
        if pulse.moved.elapsed() > patience {
            return format!("{} for {patience:?}", if pulse.ready { "nothing came or went" } else { "not ready" });
        }
    }
}

fn lock(pulse: &Mutex<Pulse>) -> MutexGuard<'_, Pulse> {
    pulse.lock().unwrap_or_else(PoisonError::into_inner)
}
