//! A PostgreSQL of our own: a fresh cluster in a temporary folder on a free port, gone with the value.

use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where Debian and Ubuntu keep each major version's programs.
const VERSIONS: &str = "/usr/lib/postgresql";
/// The least version that is supported: Debian 12's. Ubuntu 24.04 has 16.
const LEAST_VERSION: u32 = 15;
/// A free port may be taken by somebody else before PostgreSQL has it; several times in a row is another fault.
const TRIES: usize = 5;

pub(super) struct Server {
    programs: PathBuf,
    folder: tempfile::TempDir,
    port: u16,
}

impl Server {
    pub(super) fn start() -> Self {
        let programs = newest(Path::new(VERSIONS)).unwrap_or_else(|| {
            panic!("no PostgreSQL {LEAST_VERSION} or later in {VERSIONS}: apt-get install --no-install-recommends postgresql")
        });
        let folder = tempfile::tempdir().unwrap();
        // PostgreSQL refuses to run as root, so its user must be able to get here.
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let home = folder.path().join("home");
        std::fs::create_dir(&home).unwrap();
        if is_root() {
            let uid = output(Command::new("id").args(["-u", "postgres"])).trim().parse().unwrap();
            chown(&home, Some(uid), None).unwrap();
        }
        let mut server = Self { programs, folder, port: 0 };
        let data = server.data();
        output(server.program("initdb").args(["-A", "trust", "-U", "amphi", "-E", "UTF8"]).args([
            "--locale=C.UTF-8",
            "--no-sync",
            "-D",
            data.to_str().unwrap(),
        ]));
        let log = home.join("log");
        for _ in 0..TRIES {
            server.port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let options = format!(
                "-p {} -c listen_addresses=127.0.0.1 -c unix_socket_directories={} -c fsync=off",
                server.port,
                home.display()
            );
            // Without -l the server would keep our pipe open and we would wait for it for ever.
            let started = server
                .program("pg_ctl")
                .args(["-w", "-s", "-D", data.to_str().unwrap(), "-o", &options])
                .args(["-l", log.to_str().unwrap(), "start"])
                .output()
                .unwrap();
            if started.status.success() {
                return server;
            }
        }
        panic!("PostgreSQL does not start: {}", std::fs::read_to_string(&log).unwrap_or_default());
    }

    /// An empty database; answers its URL.
    pub(super) fn create_database(&self, name: &str) -> String {
        let port = self.port.to_string();
        output(self.program("createdb").args(["-h", "127.0.0.1", "-p", &port, "-U", "amphi", name]));
        format!("postgres://amphi@127.0.0.1:{port}/{name}")
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("home").join("data")
    }

    fn program(&self, name: &str) -> Command {
        let program = self.programs.join(name);
        let mut command = if is_root() {
            let mut runuser = Command::new("runuser");
            runuser.args(["-u", "postgres", "--"]).arg(&program);
            runuser
        } else {
            Command::new(program)
        };
        command.current_dir(self.folder.path());
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let data = self.data();
        let _ = self.program("pg_ctl").args(["-D", data.to_str().unwrap(), "-m", "immediate", "-s", "stop"]).output();
    }
}

/// The programs of the highest version that has `initdb`.
fn newest(versions: &Path) -> Option<PathBuf> {
    let version = |entry: std::io::Result<std::fs::DirEntry>| {
        let path = entry.ok()?.path();
        let number: u32 = path.file_name()?.to_str()?.parse().ok()?;
        let programs = path.join("bin");
        (number >= LEAST_VERSION && programs.join("initdb").exists()).then_some((number, programs))
    };
    std::fs::read_dir(versions).ok()?.filter_map(version).max().map(|(_, programs)| programs)
}

#[test]
fn the_newest_postgresql_that_is_whole_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    for (version, whole) in [("9", true), ("14", true), ("15", true), ("16", true), ("17", false), ("common", true)] {
        let programs = folder.path().join(version).join("bin");
        std::fs::create_dir_all(&programs).unwrap();
        if whole {
            std::fs::write(programs.join("initdb"), "").unwrap();
        }
    }
    assert_eq!(newest(folder.path()), Some(folder.path().join("16/bin")));
    assert_eq!(newest(&folder.path().join("none")), None);
}

fn is_root() -> bool {
    std::fs::metadata("/proc/self").unwrap().uid() == 0
}

fn output(command: &mut Command) -> String {
    let done = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap()
}
