//! tar.gz archives. Extension headers are read here and not by the library, which would keep a hostile one's gigabytes in memory.

use super::{Target, Trouble, damaged};
use crate::models::disk::{self, USUAL_RATIO};
use crate::models::rules::{Kind, Refused};
use ::tar::{Archive, EntryType, PaxExtensions};
use flate2::read::MultiGzDecoder;
use std::fs;
use std::io::{self, Read};

/// A long name has at most 500 bytes here; other attributes are times and owners.
const MAX_EXTENSION_BYTES: u64 = 64 << 10;
/// Headers and padding: a block each, for entries and their extensions.
const HEADER_BYTES: u64 = 8 << 20;

pub(super) fn unpack(archive: &mut fs::File, bytes: u64, target: &mut Target<'_>) -> Result<(), Trouble> {
    // A tar does not say beforehand how large it is.
    disk::room_for(target.folder, bytes.saturating_mul(USUAL_RATIO))?;
    // Also what is only skipped is unpacked, so that is bounded too.
    let most = target.gate.room().saturating_add(HEADER_BYTES);
    let mut tar = Archive::new(Capped { inner: MultiGzDecoder::new(io::BufReader::new(archive)), left: most });
    let mut long_name: Option<Vec<u8>> = None;
    for entry in tar.entries().map_err(damaged("tar.gz"))?.raw(true) {
        let mut entry = entry.map_err(damaged("tar.gz"))?;
        let kind = entry.header().entry_type();
        match kind {
            EntryType::GNULongName => long_name = Some(until_zero(extension(&mut entry)?)),
            EntryType::XHeader => long_name = pax_path(&extension(&mut entry)?)?.or(long_name),
            EntryType::XGlobalHeader => {}
            EntryType::Regular | EntryType::Continuous => {
                let raw = long_name.take().unwrap_or_else(|| entry.path_bytes().into_owned());
                // Old writers mark a folder only so.
                if raw.ends_with(b"/") { target.folder(&raw)? } else { target.file(&raw, &mut entry, "tar.gz")? }
            }
            EntryType::Directory => {
                let raw = long_name.take().unwrap_or_else(|| entry.path_bytes().into_owned());
                target.folder(&raw)?;
            }
            other => {
                let raw = long_name.take().unwrap_or_else(|| entry.path_bytes().into_owned());
                target.gate.admit(&raw, Kind::Other(name(other)))?;
            }
        }
    }
    if long_name.is_some() {
        return Err(Refused::new("a name without an entry").into());
    }
    Ok(())
}

fn name(kind: EntryType) -> &'static str {
    match kind {
        EntryType::Link => "a hard link",
        EntryType::Symlink | EntryType::GNULongLink => "a symbolic link",
        EntryType::Char | EntryType::Block => "a device",
        EntryType::Fifo => "a pipe",
        EntryType::GNUSparse => "a sparse file",
        _ => "of an unknown kind",
    }
}

fn extension(entry: &mut impl Read) -> Result<Vec<u8>, Trouble> {
    let mut bytes = Vec::new();
    entry.take(MAX_EXTENSION_BYTES + 1).read_to_end(&mut bytes).map_err(damaged("tar.gz"))?;
    if bytes.len() as u64 > MAX_EXTENSION_BYTES {
        return Err(Refused::new("an extension header that is too long").into());
    }
    Ok(bytes)
}

fn until_zero(mut bytes: Vec<u8>) -> Vec<u8> {
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    bytes.truncate(end);
    bytes
}

/// The path in a pax header, if it has one. A size there would be another than the header's, and a link or sparse map makes the entry
/// something else than it says.
fn pax_path(bytes: &[u8]) -> Result<Option<Vec<u8>>, Trouble> {
    let mut path = None;
    for record in PaxExtensions::new(bytes) {
        let record = record.map_err(damaged("tar.gz"))?;
        match record.key_bytes() {
            b"path" => path = Some(record.value_bytes().to_vec()),
            b"size" | b"linkpath" => return Err(Refused::new("a pax header with a size or a link").into()),
            key if key.starts_with(b"GNU.sparse") => return Err(Refused::new("a sparse file").into()),
            _ => {}
        }
    }
    Ok(path)
}

/// Fails once more was read than allowed.
struct Capped<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Capped<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        match self.left.checked_sub(count as u64) {
            Some(left) => {
                self.left = left;
                Ok(count)
            }
            None => Err(io::Error::other("it unpacks to more than any model")),
        }
    }
}
