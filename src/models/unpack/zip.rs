//! Zip archives, and wheels, which are zips.

use super::{Target, Trouble};
use crate::models::disk;
use crate::models::rules::{Gate, Kind, Limits, MAX_ENTRIES, Refused, root};
use ::zip::ZipArchive;
use std::fs;
use std::io::{self, Read, Seek, SeekFrom};

/// The end of a zip's directory, and what may follow it.
const END_BYTES: usize = 22;
const MAX_COMMENT: u64 = 0xffff;

/// Unix file types in the mode.
const TYPE_MASK: u32 = 0o170_000;

pub(super) fn unpack(archive: &mut fs::File, target: &mut Target<'_>) -> Result<(), Trouble> {
    let listed = listed_entries(archive).map_err(super::damaged("zip"))?;
    let Some(listed) = listed else {
        return Err(Refused::new("the zip is damaged or cut short (it has no directory at its end)").into());
    };
    // Before the directory is read into memory.
    if listed > MAX_ENTRIES {
        return Err(Refused::new(format!("more than {MAX_ENTRIES} entries")).into());
    }
    let mut zip = ZipArchive::new(archive).map_err(refused)?;
    // The reader keeps one entry per name.
    if zip.len() != listed {
        return Err(Refused::new(format!("its directory has {listed} entries for {} names", zip.len())).into());
    }
    if zip.has_overlapping_files().map_err(refused)? {
        return Err(Refused::new("two entries share their bytes").into());
    }
    let room = target.gate.room();
    look(&mut zip, room, target)?;
    for index in 0..zip.len() {
        let mut entry = zip.by_index(index).map_err(refused)?;
        let raw = entry.name_raw().to_vec();
        if raw.ends_with(b"/") { target.folder(&raw)? } else { target.file(&raw, &mut entry, "zip")? }
    }
    Ok(())
}

/// All that the directory says, before a byte is written: kinds, names, that there is a model, and that there is room for it.
fn look(zip: &mut ZipArchive<&mut fs::File>, room: u64, target: &Target<'_>) -> Result<(), Trouble> {
    let mut gate = Gate::new(Limits { total_bytes: room, entries: MAX_ENTRIES });
    let (mut files, mut bytes) = (Vec::new(), 0_u64);
    for index in 0..zip.len() {
        let entry = zip.by_index_raw(index).map_err(refused)?;
        if entry.encrypted() {
            return Err(Refused::new("it is encrypted").into());
        }
        let kind = kind(entry.unix_mode(), entry.name_raw().ends_with(b"/"));
        let path = gate.admit(entry.name_raw(), kind)?;
        gate.count(&path, entry.size())?;
        bytes = bytes.saturating_add(entry.size());
        if kind == Kind::File {
            files.push(path);
        }
    }
    root(files.iter().map(String::as_str))?;
    disk::room_for(target.folder, bytes)?;
    Ok(())
}

fn kind(mode: Option<u32>, ends_as_folder: bool) -> Kind {
    match mode.unwrap_or_default() & TYPE_MASK {
        0o120_000 => Kind::Other("a symbolic link"),
        0o020_000 | 0o060_000 => Kind::Other("a device"),
        0o010_000 => Kind::Other("a pipe"),
        0o140_000 => Kind::Other("a socket"),
        0o040_000 if !ends_as_folder => Kind::Other("a folder named as a file"),
        0o100_000 if ends_as_folder => Kind::Other("a file named as a folder"),
        _ if ends_as_folder => Kind::Folder,
        _ => Kind::File,
    }
}

fn refused(error: ::zip::result::ZipError) -> Trouble {
    Refused::new(format!("the zip is damaged or not of a kind that models come in ({error})")).into()
}

/// How many entries the directory has by its own end record; `None` when there is none. More than fit is reported as `usize::MAX`.
fn listed_entries(archive: &mut (impl Read + Seek)) -> io::Result<Option<usize>> {
    let length = archive.seek(SeekFrom::End(0))?;
    let tail = length.min(END_BYTES as u64 + MAX_COMMENT);
    archive.seek(SeekFrom::Start(length - tail))?;
    let mut bytes = Vec::new();
    archive.by_ref().take(tail).read_to_end(&mut bytes)?;
    archive.seek(SeekFrom::Start(0))?;
    // The last one whose comment ends with the file.
    let found = (0..=bytes.len().saturating_sub(END_BYTES)).rev().find(|&at| {
        let record = bytes.get(at..at + END_BYTES).unwrap_or_default();
        record.starts_with(b"PK\x05\x06")
            && at + END_BYTES + usize::from(u16::from_le_bytes([record[20], record[21]])) == bytes.len()
    });
    let Some(at) = found else { return Ok(None) };
    let count = usize::from(u16::from_le_bytes([bytes[at + 10], bytes[at + 11]]));
    // 65,535 stands for "see the larger record": no model has as many.
    Ok(Some(if count == 0xffff { usize::MAX } else { count }))
}
