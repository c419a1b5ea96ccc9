//! Child processes that are killed when dropped, and what /proc says of them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Why a bench can't go on.
pub(crate) type Error = Box<dyn std::error::Error>;

/// Linux reports CPU time in hundredths of a second whatever the kernel's own tick (man 5 proc, USER_HZ).
const TICKS_PER_SECOND: f64 = 100.0;

/// A running peer; killed with its children when dropped.
pub(crate) struct Peer {
    child: Child,
    name: String,
}

impl Peer {
    /// Starts a program with its output in `log`. When it is missing, the error says `install`.
    pub(crate) fn start(command: &mut Command, log: &Path, install: &str) -> Result<Self, Error> {
        let name = command.get_program().to_string_lossy().into_owned();
        let output = fs::File::create(log)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .map_err(|error| format!("{name}: {error}. To get it: {install}"))?;
        Ok(Self { child, name })
    }

    /// Process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// An error when it is not running any more.
    pub(crate) fn still_runs(&mut self) -> Result<(), Error> {
        match self.child.try_wait()? {
            None => Ok(()),
            Some(status) => Err(format!("{} ended: {status}", self.name).into()),
        }
    }

    /// Waits until `ready` gives a value; an error after `limit` or when the peer ends.
    pub(crate) fn until<T>(&mut self, limit: Duration, ready: impl Fn() -> Option<T>) -> Result<T, Error> {
        let deadline = Instant::now() + limit;
        loop {
            if let Some(value) = ready() {
                return Ok(value);
            }
            self.still_runs()?;
            if Instant::now() > deadline {
                return Err(format!("{} was not ready within {limit:?}", self.name).into());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let signal = |name: &str, pid: u32| {
            // A process that is gone already is no error.
            let _gone = Command::new("kill").args([name, &pid.to_string()]).stderr(Stdio::null()).status();
        };
        // Asked first: a master that is killed leaves its workers, and one that lives replaces those that are.
        let family = tree(self.child.id());
        signal("-TERM", self.child.id());
        let deadline = Instant::now() + Duration::from_secs(5);
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(20));
        }
        let _gone = self.child.kill();
        let _reaped = self.child.wait();
        for pid in family.into_iter().skip(1).filter(|pid| Path::new(&format!("/proc/{pid}")).exists()) {
            signal("-KILL", pid);
        }
    }
}

/// CPU seconds and resident bytes of a process and its descendants.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// User and system time since the start.
    pub cpu_seconds: f64,
    /// Resident set.
    pub rss_bytes: u64,
}

impl Usage {
    /// Reads /proc now.
    pub(crate) fn of(pid: u32) -> Result<Self, Error> {
        let mut sum = Self::default();
        for (index, pid) in tree(pid).into_iter().enumerate() {
            let read = || -> Option<(f64, u64)> {
                let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
                // The name may hold spaces: fields are counted after its closing parenthesis.
                let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
                // Its own time, and that of its children that have ended and were waited for.
                let ticks: f64 = fields.get(11..15)?.iter().filter_map(|field| field.parse::<f64>().ok()).sum();
                let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
                let rss = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
                let kib: u64 = rss.trim().strip_suffix(" kB")?.trim().parse().ok()?;
                Some((ticks / TICKS_PER_SECOND, kib * 1024))
            };
            match read() {
                Some((cpu, rss)) => {
                    sum.cpu_seconds += cpu;
                    sum.rss_bytes += rss;
                }
                None if index == 0 => return Err(format!("no process {pid}").into()),
                None => {}
            }
        }
        Ok(sum)
    }
}

/// A process and its descendants, itself first.
fn tree(root: u32) -> Vec<u32> {
    let mut parents = Vec::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else { continue };
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let parent = stat.rsplit_once(") ").and_then(|(_, rest)| rest.split(' ').nth(1)?.parse::<u32>().ok());
        parents.extend(parent.map(|parent| (pid, parent)));
    }
    let mut found = vec![root];
    let mut at = 0;
    while at < found.len() {
        let of = found[at];
        found.extend(parents.iter().filter(|(_, parent)| *parent == of).map(|(pid, _)| *pid));
        at += 1;
    }
    found
}

/// A directory of this run, removed when dropped.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    /// A fresh directory under the system's temporary one.
    pub(crate) fn new(name: &str) -> Result<Self, Error> {
        let path = std::env::temp_dir().join(format!("amphi-bench-{name}-{}", std::process::id()));
        fs::create_dir_all(&path)?;
        Ok(Self(path))
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _gone = fs::remove_dir_all(&self.0);
    }
}

/// A port of the loopback address that nobody listens on at the moment.
pub(crate) fn free_port() -> Result<u16, Error> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Whether something accepts connections there.
pub(crate) fn accepts(port: u16) -> bool {
    std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()
}
