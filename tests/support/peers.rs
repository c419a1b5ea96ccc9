//! Real programs beside the server. They end with the test, and a missing one is a failure that says what to install.

use std::ffi::OsStr;
use std::io::Read;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Which Debian package brings a program.
const PACKAGES: &[(&str, &str)] = &[
    ("chromium", "chromium"),
    ("espeak-ng", "espeak-ng"),
    ("ffmpeg", "ffmpeg"),
    ("ffprobe", "ffmpeg"),
    ("gst-inspect-1.0", "gstreamer1.0-tools"),
    ("gst-launch-1.0", "gstreamer1.0-tools"),
    ("nginx", "nginx-light libnginx-mod-rtmp"),
    ("node", "nodejs (>= 20)"),
    ("systemd-analyze", "systemd"),
    ("/usr/bin/python3", "python3-gi gir1.2-gst-rtsp-server-1.0 python3-aiosmtpd"),
];

/// At most this much of a program's output is kept: a chatty one must not fill the memory.
const LOG_BYTES: usize = 4 << 20;

/// What child processes said, interleaved as it came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Reads `pipe` to its end beside the test.
    #[expect(clippy::disallowed_methods, reason = "ends with its pipe, so with the child, which is waited for")]
    pub(crate) fn gather(&self, mut pipe: impl Read + Send + 'static) {
        let log = self.clone();
        std::thread::spawn(move || {
            let mut buffer = [0; 8192];
            while let Ok(count @ 1..) = pipe.read(&mut buffer) {
                let mut kept = log.0.lock().unwrap();
                let room = LOG_BYTES.saturating_sub(kept.len()).min(count);
                kept.extend_from_slice(&buffer[..room]);
            }
        });
    }

    /// Whether every gathered pipe has ended.
    pub(crate) fn is_complete(&self) -> bool {
        // Each reader holds a clone of the buffer until its pipe ends.
        Arc::strong_count(&self.0) == 1
    }

    /// All so far.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

/// A program that runs beside the test and is killed with this value.
#[derive(Debug)]
pub(crate) struct Peer {
    name: String,
    child: Child,
    log: Log,
}

impl Peer {
    /// Starts it; panics when it isn't installed.
    pub(crate) fn start<A: AsRef<OsStr>>(program: &str, arguments: impl IntoIterator<Item = A>) -> Self {
        Self::spawn(program, Command::new(program).args(arguments))
    }

    /// Starts a prepared command (working directory, environment).
    pub(crate) fn spawn(program: &str, command: &mut Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{}", missing(program, &error)));
        let log = Log::default();
        log.gather(child.stdout.take().unwrap());
        log.gather(child.stderr.take().unwrap());
        Self { name: program.to_owned(), child, log }
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it said so far.
    pub(crate) fn log(&self) -> String {
        self.log.text()
    }

    /// Waits until it said `text`; panics with its log when it doesn't.
    pub(crate) fn wait_for(&mut self, text: &str, within: Duration) {
        let said = wait_until(within, || self.log().contains(text));
        assert!(said, "{} didn't say {text:?} within {within:?}:\n{}", self.name, self.log());
    }

    /// Waits for its end; panics with its log when it doesn't come.
    pub(crate) fn finish(&mut self, within: Duration) -> ExitStatus {
        let mut status = None;
        let ended = wait_until(within, || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        assert!(ended, "{} is still running after {within:?}:\n{}", self.name, self.log());
        status.unwrap()
    }

    /// All it said, once it has ended: waits for its pipes, which may close a little later.
    pub(crate) fn whole_log(&self, within: Duration) -> String {
        assert!(wait_until(within, || self.log.is_complete()), "{} left its pipes open", self.name);
        self.log()
    }

    /// SIGTERM: the polite end, which encoders take leave at. Does not wait.
    pub(crate) fn terminate(&self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    }

    /// Sends a signal: STOP makes an encoder silent without closing its connection.
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        rustix::process::kill_process(rustix::process::Pid::from_child(&self.child), signal).unwrap();
    }

    /// SIGKILL and wait.
    pub(crate) fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Runs a program to its end within a time and gives what it wrote to stdout; panics with all it said when it fails.
pub(crate) fn run<A: AsRef<OsStr>>(program: &str, arguments: impl IntoIterator<Item = A>, within: Duration) -> String {
    String::from_utf8_lossy(&run_bytes(program, arguments, within)).into_owned()
}

/// As [`run`], for output that is no text.
pub(crate) fn run_bytes<A: AsRef<OsStr>>(
    program: &str,
    arguments: impl IntoIterator<Item = A>,
    within: Duration,
) -> Vec<u8> {
    let errors = Log::default();
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap_or_else(|error| panic!("{}", missing(program, &error)));
    let mut peer = Peer { name: program.to_owned(), child, log: errors.clone() };
    let mut stdout = peer.child.stdout.take().unwrap();
    errors.gather(peer.child.stderr.take().unwrap());
    let (status, text) = std::thread::scope(|scope| {
        let read = scope.spawn(|| {
            let mut text = Vec::new();
            let _ = (&mut stdout).take(LOG_BYTES as u64).read_to_end(&mut text);
            text
        });
        let mut status = None;
        let ended = wait_until(within, || {
            status = peer.child.try_wait().unwrap();
            status.is_some()
        });
        if !ended {
            peer.kill();
        }
        (status, read.join().unwrap())
    });
    assert!(
        status.is_some_and(|status| status.success()),
        "{program} failed ({status:?}) within {within:?}:\n{}\n{:.4000}",
        errors.text(),
        String::from_utf8_lossy(&text)
    );
    text
}

/// Asks every 20 ms until it is so or the time is over; says which.
pub(crate) fn wait_until(within: Duration, mut so: impl FnMut() -> bool) -> bool {
    let began = Instant::now();
    loop {
        if so() {
            return true;
        }
        if began.elapsed() > within {
            return false;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn missing(program: &str, error: &std::io::Error) -> String {
    let package = PACKAGES.iter().find(|(name, _)| *name == program).map_or("the package that has it", |(_, p)| p);
    format!("{program} can't be started ({error}): install {package} (`make test` does)")
}

mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(20);

    #[test]
    fn a_program_answers_on_stdout() {
        assert_eq!(run("sh", ["-c", "echo noise >&2; echo answer"], LONG), "answer\n");
    }

    #[test]
    #[should_panic(expected = "no such stream")]
    fn a_failing_program_fails_the_test_with_its_words() {
        run("sh", ["-c", "echo no such stream >&2; exit 3"], LONG);
    }

    #[test]
    #[should_panic(expected = "within 200ms")]
    fn a_hanging_program_fails_the_test() {
        run("sleep", ["60"], Duration::from_millis(200));
    }

    #[test]
    fn a_missing_program_is_named_with_its_package() {
        let error = std::io::Error::from(std::io::ErrorKind::NotFound);
        assert!(missing("ffprobe", &error).contains("install ffmpeg (`make test` does)"));
    }

    #[test]
    fn a_peer_is_killed_with_its_value() {
        let mut peer = Peer::start("sh", ["-c", "echo up; exec sleep 60"]);
        peer.wait_for("up", LONG);
        let path = format!("/proc/{}", peer.child.id());
        assert!(std::path::Path::new(&path).exists());
        drop(peer);
        assert!(!std::path::Path::new(&path).exists());
        assert_eq!(Peer::start("sh", ["-c", "exit 7"]).finish(LONG).code(), Some(7));
    }
}
