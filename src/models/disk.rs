//! The disk: is there room, and is what was written really on it.

use super::error::Error;
use rustix::fs::statvfs;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// What is left to others: a live needs it more than a model does.
const LEFT_BYTES: u64 = 256 << 20;

/// What an archive unpacks to, where it does not say: the Korean one to three times its size.
pub(super) const USUAL_RATIO: u64 = 4;

/// Fails unless `folder`'s file system has room for `bytes` and leaves some.
pub(super) fn room_for(folder: &Path, bytes: u64) -> Result<(), Error> {
    let disk = statvfs(folder).map_err(|error| Error::io(folder)(error.into()))?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    let needed = bytes.saturating_add(LEFT_BYTES);
    if needed > free {
        return Err(Error::Space { folder: folder.to_owned(), free: free >> 20, needed: (needed >> 20) + 1 });
    }
    Ok(())
}

/// Syncs a folder's own entries.
pub(super) fn sync_folder(folder: &Path) -> Result<(), Error> {
    fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(Error::io(folder))
}

/// Syncs the entries of every folder that holds one of `files`, which are paths below `top`, and of `top`.
pub(super) fn sync_tree<'a>(top: &Path, files: impl Iterator<Item = &'a str>) -> Result<(), Error> {
    let above = files.flat_map(|path| Path::new(path).ancestors().skip(1));
    let folders: BTreeSet<&Path> = above.collect();
    // The deepest first, the top last.
    folders.into_iter().rev().try_for_each(|folder| sync_folder(&top.join(folder)))
}

/// Removes a folder or file, if it is there.
pub(super) fn remove(path: &Path) -> Result<(), Error> {
    let removed = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::io(path)(error)),
        _ => Ok(()),
    }
}
