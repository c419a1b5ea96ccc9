//! A folder that holds a model. Only the model is copied, and only when all of it is in order.

use super::{Target, Trouble, damaged};
use crate::models::disk;
use crate::models::error::Error;
use crate::models::record::{self, File};
use crate::models::rules::{Gate, Kind, Limits, root};
use rustix::fs::OFlags;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// Copies the model in `from` into the empty folder `into`. Gives every file.
///
/// # Errors
/// `from` is refused (the entry is named) or can't be read, or `into` can't be written.
pub(in crate::models) fn unpack(from: &Path, what: &str, into: &Path) -> Result<Vec<File>, Error> {
    let mut target = Target::new(into, Limits::for_folder());
    copy(from, &mut target).map_err(|trouble| trouble.of(what))?;
    Ok(target.files)
}

fn copy(from: &Path, target: &mut Target<'_>) -> Result<(), Trouble> {
    let (files, bytes) = list(from)?;
    let root = root(files.iter().map(String::as_str))?;
    disk::room_for(target.folder, bytes)?;
    for path in files.iter().filter(|path| path.starts_with(&root)) {
        // The list of another installation is not this one's.
        if path.strip_prefix(&root) == Some(record::FILE) {
            continue;
        }
        let place = from.join(path);
        // It was a plain file a moment ago; if it has become a link, opening fails.
        let mut options = fs::OpenOptions::new();
        let flags = i32::try_from(OFlags::NOFOLLOW.bits()).unwrap_or_default();
        let mut file = options.read(true).custom_flags(flags).open(&place).map_err(Error::io(&place))?;
        target.file(path.as_bytes(), &mut file, "folder")?;
    }
    Ok(())
}

/// Every file below `from`, and how many bytes they have together.
fn list(from: &Path) -> Result<(Vec<String>, u64), Trouble> {
    let mut gate = Gate::new(Limits::for_folder());
    let (mut files, mut bytes) = (Vec::new(), 0_u64);
    let mut folders = vec![PathBuf::new()];
    while let Some(inside) = folders.pop() {
        let place = from.join(&inside);
        for entry in fs::read_dir(&place).map_err(Error::io(&place))? {
            let entry = entry.map_err(Error::io(&place))?;
            let path = inside.join(entry.file_name());
            let kind = entry.file_type().map_err(Error::io(&entry.path()))?;
            let kind = match kind {
                kind if kind.is_file() => Kind::File,
                kind if kind.is_dir() => Kind::Folder,
                kind if kind.is_symlink() => Kind::Other("a symbolic link"),
                kind if kind.is_fifo() => Kind::Other("a pipe"),
                kind if kind.is_socket() => Kind::Other("a socket"),
                _ => Kind::Other("a device"),
            };
            let admitted = gate.admit(path.as_os_str().as_bytes(), kind)?;
            if kind == Kind::Folder {
                folders.push(path);
                continue;
            }
            let length = entry.metadata().map_err(damaged("folder"))?.len();
            gate.count(&admitted, length)?;
            bytes = bytes.saturating_add(length);
            files.push(admitted);
        }
    }
    files.sort();
    Ok((files, bytes))
}
