//! Amphi as the benches start it: the release binary, ports chosen by the system, a data directory of the run.

use super::process::{Error, Peer};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// A running Amphi.
pub(crate) struct Amphi {
    /// The process.
    pub peer: Peer,
    /// `host:port`.
    pub http: String,
    /// `host:port`.
    pub rtmp: String,
    binary: PathBuf,
    data_dir: PathBuf,
}

impl Amphi {
    /// Starts `amphi serve --dev` on a data directory and waits for `run/addresses.json`.
    /// `environment` are settings such as `AMPHI_RTMP__…`.
    pub(crate) fn start(binary: &Path, data_dir: &Path, environment: &[(&str, &str)]) -> Result<Self, Error> {
        let addresses = data_dir.join("run/addresses.json");
        if addresses.exists() {
            fs::remove_file(&addresses)?;
        }
        fs::create_dir_all(data_dir)?;
        let mut command = Command::new(binary);
        command.args(["serve", "--dev", "--http", "127.0.0.1:0", "--rtmp", "127.0.0.1:0", "--data-dir"]);
        // Engines are measured by benches of their own.
        command
            .arg(data_dir)
            .env("AMPHI_RENDITIONS__ENABLED", "false")
            .env("AMPHI_CAPTIONS__ENABLED", "false")
            .env("AMPHI_JOBS__AT_ONCE", "0")
            .envs(environment.iter().copied());
        let install = "cargo build --release --bin amphi, or --amphi FILE";
        let mut peer = Peer::start(&mut command, &data_dir.join("bench.log"), install)?;
        let read = || -> Option<(String, String)> {
            let found: serde_json::Value = serde_json::from_slice(&fs::read(&addresses).ok()?).ok()?;
            Some((found.get("http")?.as_str()?.to_owned(), found.get("rtmp")?.as_str()?.to_owned()))
        };
        // A prepared directory of six hours has an index to read first.
        let (http, rtmp) = peer.until(Duration::from_secs(60), read).map_err(|error| {
            let log = fs::read_to_string(data_dir.join("bench.log")).unwrap_or_default();
            format!("{error}; its log ends: {}", &log[log.floor_char_boundary(log.len().saturating_sub(800))..])
        })?;
        Ok(Self { peer, http, rtmp, binary: binary.to_owned(), data_dir: data_dir.to_owned() })
    }

    /// Runs a command of Amphi's own on the same data directory and gives what it printed.
    pub(crate) fn command(&self, arguments: &[&str]) -> Result<String, Error> {
        let output = Command::new(&self.binary).args(arguments).arg("--data-dir").arg(&self.data_dir).output()?;
        if !output.status.success() {
            let why = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(format!("amphi {}: {}", arguments.first().unwrap_or(&""), why.trim()).into());
        }
        Ok(String::from_utf8(output.stdout)?)
    }
}

/// `target/release/amphi` beside the bench that runs.
pub(crate) fn default_binary() -> PathBuf {
    let here = std::env::current_exe().unwrap_or_default();
    here.ancestors().nth(2).unwrap_or(Path::new("target/release")).join("amphi")
}
