//! The child itself: found, started, written to, read from.

use crate::message::{self, Encoded, LENGTH_BYTES};
use bytes::{Bytes, BytesMut};
use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};

/// The engine's name beside the server.
const PROGRAM: &str = "amphi-engine";
/// A megabyte: a keyframe goes through in one piece, and the two sides wake each other rarely.
const PIPE_BYTES: usize = 1 << 20;
/// A line of an engine that is longer than this is cut.
const MAX_LINE_BYTES: usize = 500;
/// Lines of an engine that are logged per [`LINES_PER`]; a broken stream would fill the log.
const MAX_LINES: u32 = 20;
const LINES_PER: Duration = Duration::from_secs(10);

/// A child that closed its channel is gone within this, or is killed.
pub(crate) const LEAVE: Duration = Duration::from_millis(500);

/// Which engine, and how it is started.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Launch<'a> {
    /// `None`: [`PROGRAM`] beside the running one.
    pub(crate) program: Option<&'a Path>,
    /// Its role and more.
    pub(crate) arguments: &'a [&'a str],
    /// Its limit.
    pub(crate) memory_bytes: u64,
    /// 0 to 19.
    pub(crate) niceness: u8,
}

/// Where the engine is, or what to do about it.
pub(crate) fn find(program: Option<&Path>) -> Result<PathBuf, String> {
    let program = match program {
        Some(program) => program.to_path_buf(),
        None => std::env::current_exe()
            .ok()
            .and_then(|me| Some(me.parent()?.join(PROGRAM)))
            .ok_or("the folder of the running program is not known; set the engine's path")?,
    };
    if program.is_file() {
        return Ok(program);
    }
    Err(format!(
        "{} is missing: renditions, captions and posters need it. Build it by `cargo build -p amphi-pipelines --features vosk` and \
         put it beside the server, or set its path",
        program.display()
    ))
}

/// Starts it. It is killed when the handle is dropped.
pub(crate) fn start(launch: Launch<'_>) -> Result<Child, String> {
    let program = find(launch.program)?;
    let mut command = Command::new(&program);
    command
        .args(launch.arguments)
        .args(["--memory-bytes", &launch.memory_bytes.to_string()])
        .args(["--niceness", &launch.niceness.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        // What the server was given (keys among it) is none of an engine's business.
        .env_clear()
        .env("GST_REGISTRY_DISABLE", "yes")
        // Threads share two heaps: more would each keep what they freed.
        .env("MALLOC_ARENA_MAX", "2");
    for kept in ["GST_DEBUG", "AMPHI_GST_PLUGINS", "LD_LIBRARY_PATH", "RUST_BACKTRACE"] {
        if let Some(value) = std::env::var_os(kept) {
            command.env(kept, value);
        }
    }
    let child = command.spawn().map_err(|e| format!("{} does not start: {e}", program.display()))?;
    for pipe in
        [child.stdin.as_ref().map(std::os::fd::AsFd::as_fd), child.stdout.as_ref().map(std::os::fd::AsFd::as_fd)]
    {
        if let Some(pipe) = pipe
            && let Err(e) = rustix::pipe::fcntl_setpipe_size(pipe, PIPE_BYTES)
        {
            tracing::debug!("the pipe to the engine stays small: {e}");
        }
    }
    Ok(child)
}

/// Writes one message whole.
pub(crate) async fn write(to: &mut (impl AsyncWrite + Unpin), message: &Encoded) -> io::Result<()> {
    let mut parts = [IoSlice::new(&message.head), IoSlice::new(&message.payload)];
    let mut rest = &mut parts[..];
    let mut left = message.len();
    while left > 0 {
        let n = to.write_vectored(rest).await?;
        if n == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        left -= n;
        IoSlice::advance_slices(&mut rest, n);
    }
    Ok(())
}

/// Reads one message, or `None` at the end. Not cancel-safe: a part of a message would be lost.
pub(crate) async fn read<M>(
    from: &mut (impl AsyncRead + Unpin),
    decode: fn(Bytes) -> Result<M, message::Error>,
) -> Result<Option<M>, String> {
    let mut length = [0; LENGTH_BYTES];
    let first = from.read(&mut length).await.map_err(|e| e.to_string())?;
    if first == 0 {
        return Ok(None);
    }
    from.read_exact(&mut length[first..]).await.map_err(|e| e.to_string())?;
    let bytes = message::body_bytes(length).map_err(|e| e.to_string())?;
    let mut body = BytesMut::with_capacity(bytes);
    while body.len() < bytes {
        // The limit keeps the next message out.
        let missing = (bytes - body.len()) as u64;
        let n = (&mut *from).take(missing).read_buf(&mut body).await.map_err(|e| e.to_string())?;
        if n == 0 {
            return Err("it ended within a message".into());
        }
    }
    decode(body.freeze()).map(Some).map_err(|e| e.to_string())
}

/// Waits for the child, which is killed when it does not go by itself. `finished`: it has said all, and only has to clear up.
pub(crate) async fn leave(child: &mut Child, finished: bool) -> Option<ExitStatus> {
    let patience = if finished { LEAVE * 4 } else { LEAVE / 5 };
    if let Ok(status) = tokio::time::timeout(patience, child.wait()).await {
        return status.ok();
    }
    // Waits for it too.
    if let Err(e) = child.kill().await {
        tracing::warn!("the engine could not be killed: {e}");
    }
    child.wait().await.ok()
}

/// Why an engine ended, with how it ended.
pub(crate) fn with_status(reason: String, status: Option<ExitStatus>) -> String {
    match status {
        Some(status) if !status.success() => format!("{reason} ({status})"),
        _ => reason,
    }
}

/// Why an engine ended, with what it last said for people.
pub(crate) fn with_last_words(reason: String, last_line: &str) -> String {
    if last_line.is_empty() { reason } else { format!("{reason}; it last said: {last_line}") }
}

/// Logs what an engine says for people, and keeps the last line. Ends when it closes its end.
pub(crate) async fn log(stderr: impl AsyncRead + Unpin, last: &mut String) {
    let mut reader = BufReader::new(stderr);
    let (mut since, mut lines, mut left_out) = (tokio::time::Instant::now(), 0, 0u64);
    loop {
        let mut line = Vec::new();
        // A line without an end is taken in pieces of the reader's buffer, and cut.
        loop {
            let Ok(chunk) = reader.fill_buf().await else { return };
            if chunk.is_empty() {
                return;
            }
            let end = chunk.iter().position(|b| *b == b'\n');
            let taken = end.map_or(chunk.len(), |at| at + 1);
            let room = MAX_LINE_BYTES.saturating_sub(line.len());
            line.extend_from_slice(&chunk[..end.unwrap_or(taken).min(room)]);
            reader.consume(taken);
            if end.is_some() {
                break;
            }
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim();
        if text.is_empty() {
            continue;
        }
        text.clone_into(last);
        if since.elapsed() > LINES_PER {
            if left_out > 0 {
                tracing::warn!(lines = left_out, "lines of the engine were left out");
            }
            (since, lines, left_out) = (tokio::time::Instant::now(), 0, 0);
        }
        lines += 1;
        if lines <= MAX_LINES {
            tracing::info!(target: "engine", "{text}");
        } else {
            left_out += 1;
        }
    }
}
