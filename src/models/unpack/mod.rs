//! From an archive or a folder to files below one of ours, by the rules of [`super::rules`].
//!
//! Files are created, never opened: nothing that exists is written to, and no link is ever made, so none can be followed. Each file is on
//! the disk (synced) when it is listed.

mod folder;
mod tar;
mod zip;

use super::error::Error;
use super::hash::Hasher;
use super::record::File;
use super::rules::{Gate, Kind, Limits, Refused};
use std::fs;
use std::io::{self, Read, Seek, SeekFrom, Write as _};
use std::path::Path;

pub(super) use folder::unpack as from_folder;

/// As of `Hash`.
const BUFFER: usize = 64 << 10;

/// What is wrong while unpacking: the source, or our own disk.
#[derive(Debug)]
enum Trouble {
    Refused(Refused),
    Ours(Error),
}

impl From<Refused> for Trouble {
    fn from(refused: Refused) -> Self {
        Self::Refused(refused)
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Ours(error)
    }
}

impl Trouble {
    fn of(self, what: &str) -> Error {
        match self {
            Self::Refused(why) => Error::Refused { what: what.to_owned(), why },
            Self::Ours(error) => error,
        }
    }
}

/// The source can't be read on; `what` is the archive's kind.
fn damaged(what: &str) -> impl Fn(io::Error) -> Refused + '_ {
    move |error| Refused::new(format!("the {what} is damaged or cut short ({error})"))
}

/// Unpacks a zip (a wheel is one) or a tar.gz of `bytes` into the empty folder `into`. Gives every file.
///
/// # Errors
/// The archive is refused (the entry is named), or `into` can't be written.
pub(super) fn from_archive(archive: &mut fs::File, what: &str, bytes: u64, into: &Path) -> Result<Vec<File>, Error> {
    let mut magic = [0; 4];
    let begin = |archive: &mut fs::File| archive.seek(SeekFrom::Start(0));
    let read = begin(archive).and_then(|_| archive.read(&mut magic)).and_then(|read| begin(archive).map(|_| read));
    let read = read.map_err(|error| Trouble::from(damaged("file")(error)).of(what))?;
    let mut target = Target::new(into, Limits::for_archive(bytes));
    let unpacked = match &magic[..read] {
        [b'P', b'K', 3, 4] => zip::unpack(archive, &mut target),
        [0x1f, 0x8b, ..] => tar::unpack(archive, bytes, &mut target),
        _ => Err(Refused::new("it is neither a zip (or wheel) nor a tar.gz").into()),
    };
    unpacked.map_err(|trouble| trouble.of(what))?;
    Ok(target.files)
}

/// Where files go.
struct Target<'a> {
    folder: &'a Path,
    gate: Gate,
    files: Vec<File>,
}

impl<'a> Target<'a> {
    fn new(folder: &'a Path, limits: Limits) -> Self {
        Self { folder, gate: Gate::new(limits), files: Vec::new() }
    }

    /// Admits a folder; it is made when a file lies in it.
    fn folder(&mut self, raw: &[u8]) -> Result<(), Trouble> {
        self.gate.admit(raw, Kind::Folder)?;
        Ok(())
    }

    /// Admits a file and writes all that `contents` gives.
    fn file(&mut self, raw: &[u8], contents: &mut dyn Read, what: &str) -> Result<(), Trouble> {
        let path = self.gate.admit(raw, Kind::File)?;
        let to = self.folder.join(&path);
        if let Some(above) = to.parent() {
            fs::create_dir_all(above).map_err(Error::io(above))?;
        }
        let mut file = fs::File::create_new(&to).map_err(Error::io(&to))?;
        let (mut hasher, mut bytes, mut buffer) = (Hasher::default(), 0_u64, vec![0; BUFFER]);
        loop {
            let count = match contents.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(damaged(what)(error).into()),
            };
            self.gate.count(&path, count as u64)?;
            hasher.update(&buffer[..count]);
            file.write_all(&buffer[..count]).map_err(Error::io(&to))?;
            bytes += count as u64;
        }
        file.sync_all().map_err(Error::io(&to))?;
        self.files.push(File { path, bytes, sha256: hasher.finish().to_string() });
        Ok(())
    }
}

#[cfg(test)]
mod tests;
