//! The engine beside the server under test, and the processes that a server has of it.

use super::server::Server;
use rustix::process::Pid;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Where it is. Says what to do when it is missing: a test that needs it can't pass without.
pub(crate) fn built() -> PathBuf {
    let engine = Path::new(env!("CARGO_BIN_EXE_amphi")).with_file_name("amphi-engine");
    assert!(engine.is_file(), "{} is missing; `make engine` builds it", engine.display());
    engine
}

/// Engines that the server has started, with their states as /proc names them.
pub(crate) fn engines(server: &Server) -> Vec<(Pid, char)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else { continue };
        // pid (name) state parent …; the name may hold spaces.
        let Some((pid, rest)) = stat.split_once(" (amphi-engine) ") else { continue };
        let words: Vec<_> = rest.split(' ').collect();
        if words[1].parse() == Ok(server.pid()) {
            found.push((Pid::from_raw(pid.parse().unwrap()).unwrap(), words[0].chars().next().unwrap()));
        }
    }
    found
}

/// Whether that engine makes captions.
pub(crate) fn captions(engine: Pid) -> bool {
    let arguments = std::fs::read(format!("/proc/{}/cmdline", engine.as_raw_nonzero())).unwrap_or_default();
    arguments.split(|byte| *byte == 0).any(|argument| argument == b"--captions")
}

/// A data directory with a model of a language.
pub(crate) fn with_model(name: &str, language: &str, fill: impl FnOnce(&Path)) -> TempDir {
    let data = tempfile::Builder::new().prefix("amphi-test-").tempdir().unwrap();
    add_model(data.path(), name, language, fill);
    data
}

/// Installs a model as amphi does: whole, its record last. One of that name is replaced.
pub(crate) fn add_model(data: &Path, name: &str, language: &str, fill: impl FnOnce(&Path)) {
    let folder = data.join("models").join(name);
    std::fs::create_dir_all(&folder).unwrap();
    fill(&folder);
    let engine = std::fs::read_to_string(folder.join("engine"))
        .map_or_else(|_| "vosk".to_owned(), |name| name.trim().to_owned());
    let record = format!(
        "name = \"{name}\"\nengine = \"{engine}\"\nlanguage = \"{language}\"\ninstalled_at = \"2026-01-01T00:00:00.000Z\"\n\
         source = \"a test\"\nchecked = false\nfiles = []\n"
    );
    std::fs::write(folder.join(".record"), record).unwrap();
    std::fs::rename(folder.join(".record"), folder.join("model.toml")).unwrap();
}

/// Speech, as AAC, 33 s long.
pub(crate) const KOREAN_SPEECH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/pipelines/tests/fixtures/speech-ko.m4a");
/// Words of it that [`korean`] hears for certain, with the seconds at which they are spoken (by silencedetect and ear).
pub(crate) const KOREAN_WORDS: [(&str, f64); 2] = [("엄마", 15.3), ("매우", 29.9)];

/// Fills a model's folder with the real one that `.ci/libvosk model` fetches.
pub(crate) fn korean(folder: &Path) {
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/models/vosk-ko");
    assert!(model.is_dir(), "{} is missing; run .ci/libvosk model", model.display());
    let mut folders = vec![(model, folder.to_path_buf())];
    while let Some((from, to)) = folders.pop() {
        std::fs::create_dir_all(&to).unwrap();
        for entry in std::fs::read_dir(&from).unwrap().map(Result::unwrap) {
            let to = to.join(entry.file_name());
            if entry.file_type().unwrap().is_dir() {
                folders.push((entry.path(), to));
            } else {
                std::fs::copy(entry.path(), to).unwrap();
            }
        }
    }
}
