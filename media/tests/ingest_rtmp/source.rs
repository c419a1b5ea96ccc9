//! Files that encoders send, and what is in them according to ffprobe.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A packet of a file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Packet {
    pub(crate) dts_ms: f64,
    pub(crate) pts_ms: f64,
    pub(crate) bytes: usize,
    pub(crate) keyframe: bool,
}

/// A directory that goes when dropped.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("amphi-rtmp-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.0).ok();
    }
}

fn run(program: &str, arguments: &[&str]) -> Output {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output();
    output.unwrap_or_else(|e| panic!("{program} is needed for this test: {e}"))
}

/// 4 s of [`make_of`].
pub(crate) fn make(path: &Path, extra: &[&str]) {
    make_of(4, path, extra);
}

/// Moving pictures (25 fps, a keyframe each second, two B-frames) and a tone.
pub(crate) fn make_of(seconds: u32, path: &Path, extra: &[&str]) {
    let (pictures, tone) = (format!("testsrc=s=320x180:r=25:d={seconds}"), format!("sine=f=440:r=48000:d={seconds}"));
    let inputs = ["-y", "-v", "error", "-f", "lavfi", "-i", &pictures];
    let sound = ["-f", "lavfi", "-i", &tone];
    let video = ["-c:v", "libx264", "-preset", "ultrafast", "-bf", "2", "-g", "25", "-pix_fmt", "yuv420p"];
    let audio = ["-c:a", "aac", "-b:a", "64k"];
    let path = path.to_str().unwrap();
    let all = [&inputs[..], &sound, &video, &audio, extra, &[path]].concat();
    let output = run("ffmpeg", &all);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The packets of one kind, `v` or `a`, in file order.
pub(crate) fn packets(path: &Path, kind: &str) -> Vec<Packet> {
    let entries = "packet=dts_time,pts_time,size,flags";
    let path = path.to_str().unwrap();
    let arguments = ["-v", "error", "-select_streams", kind, "-show_entries", entries, "-of", "compact=p=0", path];
    let output = run("ffprobe", &arguments);
    let text = String::from_utf8(output.stdout).unwrap();
    let field = |line: &str, name: &str| {
        let found = line.split('|').find_map(|f| f.strip_prefix(name)?.strip_prefix('=').map(str::to_owned));
        found.unwrap_or_else(|| panic!("no {name} in {line}"))
    };
    let packet = |line: &str| Packet {
        dts_ms: field(line, "dts_time").parse::<f64>().unwrap() * 1000.0,
        pts_ms: field(line, "pts_time").parse::<f64>().unwrap() * 1000.0,
        bytes: field(line, "size").parse().unwrap(),
        keyframe: field(line, "flags").starts_with('K'),
    };
    text.lines().filter(|l| l.contains("dts_time")).map(packet).collect()
}

/// Publishes by ffmpeg; its exit status and what it printed.
pub(crate) async fn ffmpeg(arguments: &[&str], url: &str) -> (bool, String) {
    let mut command = tokio::process::Command::new("ffmpeg");
    command.args(["-v", "info", "-nostats", "-y"]).args(arguments).args(["-f", "flv", url]);
    finish(command).await
}

/// Runs to the end, a minute at most.
pub(crate) async fn finish(mut command: tokio::process::Command) -> (bool, String) {
    command.stdin(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(std::time::Duration::from_secs(60), command.output()).await;
    let output = output.expect("peer did not end in 60 s").expect("peer can't be started");
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}
