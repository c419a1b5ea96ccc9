//! A small file beside a recording's media, written so that a reader sees the old one or the new one, and a power cut leaves one of them.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// One is written at a time: what is being written has one name.
static WRITING: Mutex<()> = Mutex::new(());

/// Writes the file `path`. What a crash left of it is written over. Blocking.
///
/// # Errors
/// When the disk refuses, or there is no such folder; what was there is there still.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let _one = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
    let mut partial = path.as_os_str().to_owned();
    partial.push(".partial");
    let mut file = File::create(&partial)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&partial, path)?;
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}
