//! Is what was installed still what is there.

use super::hash::Hash;
use super::record::{self, Record};
use super::{Models, rules};
use std::collections::BTreeSet;
use std::fmt;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// What is wrong with a file of a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is not there.
    Missing(String),
    /// It can't be read, as the text says.
    Unreadable(String, String),
    /// Its contents are not those that were installed.
    Damaged(String),
    /// Nobody installed it; no damage.
    Foreign(String),
}

impl Fault {
    /// Whether the model can't be relied on.
    #[must_use]
    pub fn is_damage(&self) -> bool {
        !matches!(self, Self::Foreign(_))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(path) => write!(f, "{path} is missing"),
            Self::Unreadable(path, why) => write!(f, "{path} can't be read: {why}"),
            Self::Damaged(path) => write!(f, "{path} is damaged: its contents are not those that were installed"),
            Self::Foreign(path) => write!(f, "{path} was not installed with it"),
        }
    }
}

impl Models {
    /// Reads every file of a model and compares it. What is wrong, by path.
    #[must_use]
    pub fn verify(&self, record: &Record) -> Vec<Fault> {
        let folder = self.folder().join(&record.name);
        let mut faults: Vec<Fault> = record.files.iter().filter_map(|file| compare(&folder, file)).collect();
        let known: BTreeSet<&str> = record.files.iter().map(|file| file.path.as_str()).chain([record::FILE]).collect();
        faults.extend(paths(&folder).into_iter().filter(|path| !known.contains(path.as_str())).map(Fault::Foreign));
        faults
    }
}

fn compare(folder: &Path, file: &record::File) -> Option<Fault> {
    let path = || file.path.clone();
    // The list is in a file that somebody may have edited.
    if Path::new(&file.path).components().any(|part| !matches!(part, std::path::Component::Normal(_))) {
        return Some(Fault::Damaged(path()));
    }
    let opened = match File::open(folder.join(&file.path)) {
        Ok(opened) => opened,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Some(Fault::Missing(path())),
        Err(error) => return Some(Fault::Unreadable(path(), error.to_string())),
    };
    // One byte more would show.
    match Hash::of(&mut opened.take(file.bytes.saturating_add(1))) {
        Ok(hash) if hash.as_str() == file.sha256 => None,
        Ok(_) => Some(Fault::Damaged(path())),
        Err(error) => Some(Fault::Unreadable(path(), error.to_string())),
    }
}

/// Every file below `folder`, as far as a model may have them.
fn paths(folder: &Path) -> Vec<String> {
    let (mut found, mut folders) = (Vec::new(), vec![PathBuf::new()]);
    while let Some(inside) = folders.pop() {
        let Ok(entries) = fs::read_dir(folder.join(&inside)) else { continue };
        for entry in entries.flatten() {
            let path = inside.join(entry.file_name());
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(path);
            } else {
                found.push(path.to_string_lossy().into_owned());
            }
            if found.len() + folders.len() > rules::MAX_ENTRIES {
                return found;
            }
        }
    }
    found.sort();
    found
}
