//! Why a model is not installed, read or removed. Each says where to look and, where there is something to type, what.

use super::hash::Hash;
use super::rules::Refused;
use std::io;
use std::path::{Path, PathBuf};

/// What went wrong.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is hostile, damaged or no model.
    #[error("{what} is refused: {why}")]
    Refused {
        /// The archive or folder.
        what: String,
        /// The entry and the rule.
        why: Refused,
    },
    /// A file or folder of this machine.
    #[error("{}: {error}", path.display())]
    Io {
        /// Which.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// The network.
    #[error("{url}: {why}")]
    Fetch {
        /// Without user and password.
        url: String,
        /// What happened, and what is kept for the next time.
        why: String,
    },
    /// Another file than the one that was expected.
    #[error("{what} is refused: its SHA-256 is {found}, not {expected}; nothing of it is installed")]
    Hash {
        /// The archive.
        what: String,
        /// What it has.
        found: Hash,
        /// What it should have.
        expected: Hash,
    },
    /// The disk is too small.
    #[error("{} has {free} MiB free, and {needed} MiB are needed: make room, or set data_dir", folder.display())]
    Space {
        /// Where.
        folder: PathBuf,
        /// In MiB.
        free: u64,
        /// In MiB.
        needed: u64,
    },
    /// No model of that name.
    #[error("there is no model {name}{}", nearest.as_ref().map_or_else(String::new, |near| format!("; did you mean {near}?")))]
    Unknown {
        /// As it was given, shortened.
        name: String,
        /// The nearest that there is.
        nearest: Option<String>,
    },
    /// Two at once.
    #[error("another amphi installs or removes a model in {}: wait until it is done", folder.display())]
    Busy {
        /// The folder of the models.
        folder: PathBuf,
    },
    /// The request does not make sense; the text says which would.
    #[error("{0}")]
    Request(String),
}

impl Error {
    /// For `map_err`.
    pub(super) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |error| Self::Io { path, error }
    }

    pub(super) fn unknown<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        let nearest = super::known::nearest(name, known).map(ToOwned::to_owned);
        Self::Unknown { name: name.chars().take(80).collect(), nearest }
    }
}
