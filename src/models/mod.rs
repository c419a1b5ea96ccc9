//! Speech models: which there are, which are installed, and how they get here and go again.
//!
//! - [`known`]: the table of models that can be installed by name;
//! - [`install`]: from the network, a mirror, a file or a folder;
//! - [`rules`]: what an archive may hold; `unpack` asks them;
//! - `fetch`: a file from the network, with resume;
//! - [`record`]: `model.toml`, what was installed;
//! - [`inventory`]: what is installed now, while the server runs.
//!
//! Files: `DATA_DIR/models/<name>/` with `model.toml`. A folder without it is no model. All of it is blocking: it is for the command
//! line; what a live asks, an [`inventory::Inventory`], is at hand.

mod disk;
pub mod error;
mod fetch;
pub mod hash;
pub mod install;
pub mod inventory;
pub mod known;
pub mod name;
pub mod record;
pub mod rules;
mod unpack;
mod verify;

pub use error::Error;
pub use verify::Fault;

use crate::config::Config;
use name::{Language, ModelName};
use record::Record;
use rustix::fs::{FlockOperation, flock};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// Most models looked at; an operator has a handful.
const MAX_MODELS: usize = 1_000;

/// The models of a server: a folder, and which to take where a language has several. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Models {
    folder: PathBuf,
    preferred: Vec<String>,
}

impl Models {
    /// Those of a configuration.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        Self::new(config.folder("models"), config.captions.models.clone())
    }

    /// Those in `folder`, which need not exist; `preferred` names come first where a language has several.
    #[must_use]
    pub fn new(folder: PathBuf, preferred: Vec<String>) -> Self {
        Self { folder, preferred }
    }

    /// `DATA_DIR/models`.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where the model of that name is, or would be.
    #[must_use]
    pub fn place(&self, name: &ModelName) -> PathBuf {
        self.folder.join(name.as_str())
    }

    /// All that are installed, by name. What is being installed is none.
    #[must_use]
    pub fn installed(&self) -> Vec<Record> {
        let Ok(entries) = fs::read_dir(&self.folder) else { return Vec::new() };
        let folders = entries.take(MAX_MODELS).filter_map(|entry| Some(entry.ok()?.path()));
        let visible =
            |path: &PathBuf| path.file_name().and_then(|name| name.to_str()).is_some_and(|n| !n.starts_with('.'));
        let mut records: Vec<Record> = folders.filter(visible).filter_map(|folder| Record::read(&folder)).collect();
        records.sort_by(|a, b| a.name.cmp(&b.name));
        records
    }

    /// The model for a language tag such as `fr`, among `installed`. Of several: the first of the preferred, then the one of that very tag
    /// before those of another region, then the one installed last.
    #[must_use]
    pub fn chosen<'a>(&self, installed: &'a [Record], language: &str) -> Option<&'a Record> {
        let wanted: Language = language.parse().ok()?;
        let rank = |record: &Record| {
            let serves = record.language.parse::<Language>().map_or(0, |language| language.serves(&wanted));
            let place = self.preferred.iter().position(|name| *name == record.name);
            (serves > 0).then(|| (std::cmp::Reverse(place.unwrap_or(usize::MAX)), serves, record.installed_at.clone()))
        };
        installed
            .iter()
            .filter_map(|record| Some((rank(record)?, record)))
            .max_by_key(|(rank, _)| rank.clone())
            .map(|(_, r)| r)
    }

    /// What to type so that a language has a model.
    #[must_use]
    pub fn advice(language: &str) -> String {
        match known::find(language) {
            Some(_) => format!("amphi models install {language}"),
            None => format!(
                "none is known: amphi models install NAME --language {language} --from FILE, or caption in other languages"
            ),
        }
    }

    /// Removes a model; gives the bytes that are free again.
    ///
    /// # Errors
    /// It is not installed (the nearest that is, is named), or can't be removed.
    pub fn remove(&self, name: &str) -> Result<u64, Error> {
        let installed = self.installed();
        let Some(record) = installed.iter().find(|record| record.name == name) else {
            return Err(Error::unknown(name, installed.iter().map(|record| record.name.as_str())));
        };
        let _lock = self.lock()?;
        self.set_aside(&self.folder.join(&record.name))?;
        disk::sync_folder(&self.folder)?;
        self.sweep()?;
        Ok(record.bytes())
    }

    /// One process at a time changes the folder. Free again when the file is closed.
    fn lock(&self) -> Result<File, Error> {
        let path = self.folder.join(".lock");
        let file = File::options().create(true).append(true).open(&path).map_err(Error::io(&path))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(file),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(Error::Busy { folder: self.folder.clone() }),
            Err(error) => Err(Error::io(&path)(error.into())),
        }
    }

    /// Out of sight in one step; the next sweep removes it.
    fn set_aside(&self, folder: &Path) -> Result<(), Error> {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        let aside = self.folder.join(format!(".old-{name}"));
        disk::remove(&aside)?;
        fs::rename(folder, &aside).map_err(Error::io(folder))
    }

    /// Removes what a killed process left. Only under the lock.
    fn sweep(&self) -> Result<(), Error> {
        for entry in fs::read_dir(&self.folder).map_err(Error::io(&self.folder))? {
            let path = entry.map_err(Error::io(&self.folder))?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.starts_with(".old-") || name.starts_with(".partial-") {
                disk::remove(&path)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
