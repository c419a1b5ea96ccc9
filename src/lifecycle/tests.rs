//! Signals and systemd's protocol, on a real child process: this test binary itself, told by the environment to be the server.

use super::*;
use rustix::process::{Pid, kill_process};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

const ROLE: &str = "AMPHI_TEST_LIFECYCLE_ROLE";

/// What the child does when it is the server. Ends the process.
#[expect(clippy::disallowed_methods, reason = "libtest would report success: the child's code is what is tested")]
fn be_the_server(role: &str) -> ! {
    let deadlines = Deadlines { soft: Duration::from_secs(10), hard: Duration::from_millis(500) };
    let role = role.to_owned();
    let code = run(deadlines, |tasks: Tasks, mut reloads: Reloads| async move {
        let inner = tasks.clone();
        match role.as_str() {
            "obedient" => tasks.spawn_essential("listener", async move {
                loop {
                    tokio::select! {
                        Some(reload) = reloads.recv() => {
                            say("reloaded");
                            drop(reload);
                        }
                        () = inner.soft_stopped() => return,
                    }
                }
            }),
            "deaf" => tasks.spawn("deaf", std::future::pending()),
            "broken" => tasks.spawn_essential("listener", async { panic!("boom") }),
            "unstartable" => return Err("no such port"),
            other => return Err(Box::leak(format!("no role {other}").into_boxed_str())),
        }
        say("started");
        Ok(())
    });
    say("left");
    // ExitCode can't be turned into a number in stable Rust: compare by its text.
    std::process::exit(i32::from(format!("{code:?}") != format!("{:?}", ExitCode::SUCCESS)));
}

/// Past libtest's capture, so that the parent sees it.
fn say(word: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "child: {word}");
}

struct Server {
    child: Child,
    output: BufReader<std::process::ChildStderr>,
}

impl Server {
    fn start(test: &str, role: &str, configure: impl FnOnce(&mut Command)) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", &format!("lifecycle::tests::{test}"), "--nocapture", "--test-threads=1"])
            .env(ROLE, role)
            .env_remove("NOTIFY_SOCKET")
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        configure(&mut command);
        let mut child = command.spawn().unwrap();
        let output = BufReader::new(child.stderr.take().unwrap());
        Self { child, output }
    }

    fn wait_for(&mut self, word: &str) {
        let wanted = format!("child: {word}\n");
        let mut line = String::new();
        loop {
            line.clear();
            assert_ne!(self.output.read_line(&mut line).unwrap(), 0, "the child ended before it said {word:?}");
            if line == wanted {
                return;
            }
        }
    }

    fn signal(&self, signal: rustix::process::Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    fn code(mut self) -> Option<i32> {
        let mut rest = String::new();
        self.output.read_to_string(&mut rest).unwrap();
        self.child.wait().unwrap().code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

macro_rules! with_child {
    ($(fn $name:ident() $body:block)*) => { $(
        #[test]
        fn $name() {
            if let Ok(role) = std::env::var(ROLE) {
                be_the_server(&role);
            }
            $body
        }
    )* };
}

with_child! {
    fn sigterm_and_sigint_stop_with_success() {
        for signal in [rustix::process::Signal::TERM, rustix::process::Signal::INT] {
            let mut server = Server::start("sigterm_and_sigint_stop_with_success", "obedient", |_| {});
            server.wait_for("started");
            server.signal(signal);
            assert_eq!(server.code(), Some(0));
        }
    }

    fn a_second_signal_does_not_wait_for_a_deaf_task() {
        let mut server = Server::start("a_second_signal_does_not_wait_for_a_deaf_task", "deaf", |_| {});
        server.wait_for("started");
        let began = Instant::now();
        server.signal(rustix::process::Signal::TERM);
        std::thread::sleep(Duration::from_millis(300));
        assert!(server.child.try_wait().unwrap().is_none(), "the first signal is soft: it waits for the task");
        server.signal(rustix::process::Signal::TERM);
        assert_eq!(server.code(), Some(1));
        assert!(began.elapsed() < Duration::from_secs(9), "sooner than the soft deadline");
    }

    fn a_dead_essential_task_ends_the_process_with_a_failure() {
        let server = Server::start("a_dead_essential_task_ends_the_process_with_a_failure", "broken", |_| {});
        assert_eq!(server.code(), Some(1));
    }

    fn a_failed_start_is_a_failure() {
        let server = Server::start("a_failed_start_is_a_failure", "unstartable", |_| {});
        assert_eq!(server.code(), Some(1));
    }

    fn systemd_hears_ready_watchdog_reloading_and_stopping() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let mut server = Server::start("systemd_hears_ready_watchdog_reloading_and_stopping", "obedient", |command| {
            command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "200000").env_remove("WATCHDOG_PID");
        });
        let hear = |wanted: &str| {
            let mut buffer = [0; 1024];
            loop {
                let length = socket.recv(&mut buffer).unwrap_or_else(|error| panic!("no {wanted}: {error}"));
                let text = std::str::from_utf8(&buffer[..length]).unwrap();
                if text.lines().any(|line| line.starts_with(wanted)) {
                    return text.to_owned();
                }
                assert!(text.starts_with("WATCHDOG=1"), "wanted {wanted}, heard {text}");
            }
        };
        hear("READY=1");
        hear("WATCHDOG=1");
        server.signal(rustix::process::Signal::HUP);
        assert!(hear("RELOADING=1").contains("MONOTONIC_USEC="), "Type=notify-reload needs the time");
        server.wait_for("reloaded");
        hear("READY=1");
        server.signal(rustix::process::Signal::TERM);
        hear("STOPPING=1");
        assert_eq!(server.code(), Some(0));
    }
}
