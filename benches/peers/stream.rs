//! The stream that is pushed: made once by ffmpeg, so that every server gets the same bytes, and sent at real pace.

use super::process::{Error, Peer};
use std::path::Path;
use std::process::{Command, Stdio};

const INSTALL: &str = "apt install ffmpeg";

/// What to make.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    /// Video and audio together.
    pub kbps: u32,
    /// Length; it is repeated when pushed for longer.
    pub seconds: u32,
    /// Pixels.
    pub size: (u32, u32),
}

/// Writes an FLV of H.264 (GOP 2 s, constant rate) and AAC of 64 kbit/s.
pub(crate) fn make(file: &Path, shape: Shape) -> Result<(), Error> {
    let (width, height) = shape.size;
    let video = format!("{}k", shape.kbps.saturating_sub(64).max(50));
    let picture = format!("testsrc2=size={width}x{height}:rate=30");
    let status = Command::new("ffmpeg")
        .args([
            "-v",
            "error",
            "-y",
            "-f",
            "lavfi",
            "-i",
            &picture,
            "-f",
            "lavfi",
            "-i",
            "sine=frequency=440:sample_rate=48000",
        ])
        .args(["-t", &shape.seconds.to_string(), "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"])
        .args(["-g", "60", "-keyint_min", "60", "-sc_threshold", "0", "-bf", "0"])
        .args(["-b:v", &video, "-minrate", &video, "-maxrate", &video, "-bufsize", &video])
        // Filler keeps the rate when the picture is easy: the figures are per bit.
        .args(["-x264-params", "nal-hrd=cbr:force-cfr=1"])
        .args(["-c:a", "aac", "-b:a", "64k", "-ac", "2", "-f", "flv"])
        .arg(file)
        .stdin(Stdio::null())
        .status()
        .map_err(|error| format!("ffmpeg: {error}. To get it: {INSTALL}"))?;
    if status.success() { Ok(()) } else { Err(format!("ffmpeg could not make the stream: {status}").into()) }
}

/// Pushes a file again and again at its own pace until dropped.
pub(crate) fn push(file: &Path, url: &str, log: &Path) -> Result<Peer, Error> {
    let mut command = Command::new("ffmpeg");
    command.args(["-v", "error", "-re", "-stream_loop", "-1", "-i"]).arg(file);
    command.args(["-c", "copy", "-f", "flv", url]);
    Peer::start(&mut command, log, INSTALL)
}
