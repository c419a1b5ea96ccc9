//! How much room the disk of the recordings has.

use super::{Error, at};
use rustix::fs::statvfs;
use std::path::Path;

/// A disk, as whoever writes recordings sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// What can still be written.
    pub free_bytes: u64,
    /// The whole of it.
    pub total_bytes: u64,
}

impl Room {
    /// Of the disk on which `folder` is. Blocking: a disk that hangs does not answer.
    ///
    /// # Errors
    /// When it can't be looked at.
    pub fn at(folder: &Path) -> Result<Self, Error> {
        let disk = statvfs(folder).map_err(|error| at(folder)(error.into()))?;
        Ok(Self {
            free_bytes: disk.f_bavail.saturating_mul(disk.f_frsize),
            total_bytes: disk.f_blocks.saturating_mul(disk.f_frsize),
        })
    }

    /// Seconds until it is full when so much is written; `None`: nothing is.
    #[must_use]
    pub fn lasts_s(self, written_bps: u64) -> Option<u64> {
        (written_bps > 0).then(|| self.free_bytes.saturating_mul(8) / written_bps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_says_how_long_it_lasts() {
        let folder = tempfile::tempdir().unwrap();
        let room = Room::at(folder.path()).unwrap();
        assert!(room.free_bytes <= room.total_bytes && room.total_bytes > 0, "{room:?}");
        assert!(Room::at(&folder.path().join("none")).unwrap_err().to_string().contains("none"));
        let room = Room { free_bytes: 3_600_000_000, total_bytes: u64::MAX };
        assert_eq!((room.lasts_s(8_000_000), room.lasts_s(0)), (Some(3_600), None));
    }
}
