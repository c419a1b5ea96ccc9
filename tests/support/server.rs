//! The server under test: the real binary, on free ports, with a data directory of its own.

use super::peers::{Log, wait_until};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// From the start of the process to its addresses, on a machine that also compiles.
const START: Duration = Duration::from_secs(30);
/// More than the soft and the hard deadline together.
const STOP: Duration = Duration::from_secs(40);

/// How to start it. The default is `amphi serve --dev` on loopback.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// The program; another one only to test this file.
    pub(crate) program: PathBuf,
    /// Without `--dev` there is no demo broadcaster.
    pub(crate) dev: bool,
    /// `AMPHI_SECTION__KEY` → value.
    pub(crate) environment: Vec<(String, String)>,
    /// More arguments for `serve`.
    pub(crate) arguments: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self { program: env!("CARGO_BIN_EXE_amphi").into(), dev: true, environment: Vec::new(), arguments: Vec::new() }
    }
}

impl Options {
    /// With these settings: (`AMPHI_SECTION__KEY`, value).
    pub(crate) fn with(settings: &[(&str, &str)]) -> Self {
        let environment = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { environment, ..Self::default() }
    }
}

/// A running (or killed) server and its data.
#[derive(Debug)]
pub(crate) struct Server {
    options: Options,
    data: TempDir,
    child: Child,
    log: Log,
    http: SocketAddr,
    rtmp: SocketAddr,
}

impl Server {
    /// Starts one with a fresh data directory and waits until it listens.
    pub(crate) fn start(options: Options) -> Self {
        Self::start_on(options, tempfile::Builder::new().prefix("amphi-test-").tempdir().unwrap())
    }

    /// The same on a data directory that the test has prepared.
    pub(crate) fn start_on(options: Options, data: TempDir) -> Self {
        let any = "127.0.0.1:0".parse().unwrap();
        let log = Log::default();
        let (child, http, rtmp) = launch(&options, data.path(), any, any, &log);
        Self { options, data, child, log, http, rtmp }
    }

    /// Where HTTP is.
    pub(crate) fn http(&self) -> SocketAddr {
        self.http
    }

    /// Where RTMP is.
    pub(crate) fn rtmp(&self) -> SocketAddr {
        self.rtmp
    }

    /// The data directory; lives as long as this value.
    pub(crate) fn data_dir(&self) -> &Path {
        self.data.path()
    }

    /// The process, for measuring.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// All it has logged so far, over restarts.
    pub(crate) fn log(&self) -> String {
        self.log.text()
    }

    /// SIGKILL, as a power cut would; returns when it is gone.
    pub(crate) fn kill_9(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGHUP: read again what can change.
    pub(crate) fn reload(&self) {
        rustix::process::kill_process(rustix::process::Pid::from_child(&self.child), rustix::process::Signal::HUP)
            .unwrap();
    }

    /// SIGTERM and wait.
    pub(crate) fn stop(&mut self) -> ExitStatus {
        rustix::process::kill_process(rustix::process::Pid::from_child(&self.child), rustix::process::Signal::TERM)
            .unwrap();
        let mut status = None;
        let stopped = wait_until(STOP, || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        assert!(stopped, "the server is still running {STOP:?} after SIGTERM; its log:\n{}", self.log());
        status.unwrap()
    }

    /// Starts it again on the same data and the same ports. It must not be running.
    pub(crate) fn restart(&mut self) {
        assert!(self.child.try_wait().unwrap().is_some(), "stop or kill it first");
        let (child, http, rtmp) = launch(&self.options, self.data.path(), self.http, self.rtmp, &self.log);
        self.child = child;
        assert_eq!((http, rtmp), (self.http, self.rtmp), "the ports must stay");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Already gone is fine.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- the server's log\n{}---", self.log());
        }
    }
}

fn launch(
    options: &Options,
    data: &Path,
    http: SocketAddr,
    rtmp: SocketAddr,
    log: &Log,
) -> (Child, SocketAddr, SocketAddr) {
    let addresses = data.join("run/addresses.json");
    // The file of the killed one would be taken for the new one's.
    let _ = std::fs::remove_file(&addresses);
    let mut command = Command::new(&options.program);
    command.arg("serve").arg("--data-dir").arg(data);
    command.arg("--http").arg(http.to_string()).arg("--rtmp").arg(rtmp.to_string());
    if options.dev {
        command.arg("--dev");
    }
    command.args(&options.arguments);
    // What the developer's shell says about Amphi or systemd is not part of the test.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("AMPHI_") || name == "NOTIFY_SOCKET" {
            command.env_remove(name);
        }
    }
    // Who is not about engines shares the machine with none.
    command.env("AMPHI_RENDITIONS__ENABLED", "false").env("AMPHI_CAPTIONS__ENABLED", "false");
    command.env("AMPHI_CAPTIONS__MEASURE_SOUND", "false");
    command.env("AMPHI_JOBS__AT_ONCE", "0");
    command.envs(options.environment.iter().cloned());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = None;
    let spawned = wait_until(Duration::from_secs(2), || match command.spawn() {
        Ok(started) => {
            child = Some(started);
            true
        }
        // A child that another test is just forking still holds a program open that was written a moment ago.
        Err(error) if error.kind() == std::io::ErrorKind::ExecutableFileBusy => false,
        Err(error) => panic!("{}: {error}", options.program.display()),
    });
    assert!(spawned, "{} stays busy", options.program.display());
    let mut child = child.unwrap();
    log.gather(child.stdout.take().unwrap());
    log.gather(child.stderr.take().unwrap());
    let mut found = None;
    let mut ended = None;
    wait_until(START, || {
        found = read(&addresses);
        ended = child.try_wait().unwrap();
        found.is_some() || ended.is_some()
    });
    if let (Some((http, rtmp)), None) = (found, ended) {
        return (child, http, rtmp);
    }
    let _ = child.kill();
    let _ = child.wait();
    // Its last words may still be in the pipe.
    wait_until(Duration::from_secs(2), || log.is_complete());
    panic!("no addresses from the server ({ended:?}); its log:\n{}", log.text());
}

/// Half-written files are not JSON yet: `None`.
fn read(addresses: &Path) -> Option<(SocketAddr, SocketAddr)> {
    let json: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(addresses).ok()?).ok()?;
    let address = |name: &str| json.get(name)?.as_str()?.parse().ok();
    Some((address("http")?, address("rtmp")?))
}

mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    /// Listens nowhere, but keeps to the contract: writes its addresses (port 0 becomes 4), logs, obeys SIGTERM.
    const STAND_IN: &str = r#"#!/bin/sh
data=; http=; rtmp=
echo "arguments: $*"; echo "environment: $AMPHI_LIVE__GRACE" >&2
while [ $# -gt 0 ]; do
  case $1 in --data-dir) data=$2;; --http) http=$2;; --rtmp) rtmp=$2;; esac
  shift
done
mkdir -p "$data/run"; echo start >>"$data/starts"
echo "{\"http\":\"${http%:0}$([ "${http%:0}" = "$http" ] || echo :4)\",\"rtmp\":\"${rtmp%:0}$([ "${rtmp%:0}" = "$rtmp" ] || echo :5)\"}" >"$data/run/addresses.json"
trap 'exit 0' TERM
while :; do sleep 0.05; done
"#;

    fn stand_in(dir: &Path, script: &str) -> Options {
        let program = dir.join("stand-in");
        std::fs::write(&program, script).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        Options { program, environment: vec![("AMPHI_LIVE__GRACE".into(), "1s".into())], ..Options::default() }
    }

    #[test]
    fn a_killed_server_comes_back_on_its_data_and_ports() {
        let dir = tempfile::tempdir().unwrap();
        let mut server = Server::start(stand_in(dir.path(), STAND_IN));
        let (http, rtmp) = (server.http(), server.rtmp());
        assert_eq!((http.port(), rtmp.port()), (4, 5));
        server.kill_9();
        server.restart();
        assert_eq!((server.http(), server.rtmp()), (http, rtmp));
        assert_eq!(std::fs::read_to_string(server.data_dir().join("starts")).unwrap(), "start\nstart\n");
        assert!(server.stop().success());
        assert!(wait_until(START, || server.log().contains("environment: 1s")));
        assert!(wait_until(START, || server.log().contains("--dev")), "{}", server.log());
        let (data, pid) = (server.data_dir().to_owned(), server.pid());
        drop(server);
        assert!(!data.exists() && !Path::new(&format!("/proc/{pid}")).exists());
    }

    #[test]
    #[should_panic(expected = "port taken by somebody")]
    fn a_server_that_ends_at_once_fails_the_test_with_its_log() {
        let dir = tempfile::tempdir().unwrap();
        Server::start(stand_in(dir.path(), "#!/bin/sh\necho port taken by somebody >&2\nexit 1\n"));
    }
}
