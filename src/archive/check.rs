//! The fsck behind `amphi check --media`: database against disk, both ways, down to the bytes.

use super::layout::Layout;
use super::load::load;
use super::recover::{part_is_whole, parts};
use media::segment::index;
use std::collections::BTreeSet;
use std::fmt;

/// At the root of a file system of its own; nobody's recording.
const LOST_AND_FOUND: &str = "lost+found";

/// A video as the catalogue knows it.
#[derive(Clone, Debug)]
pub struct Known {
    /// Its id, which is its folder's name.
    pub id: String,
    /// Complete, so its index must be too.
    pub ended: bool,
}

/// What is wrong with a recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The video's id, or the name of a folder without one.
    pub id: String,
    /// In a sentence.
    pub what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.id, self.what)
    }
}

/// Compares the videos that the catalogue knows (deleted ones that can be restored too) with what is on the disk.
/// Reads every byte; blocking.
#[must_use]
pub fn check(layout: &Layout, known: &[Known]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for video in known {
        let mut say = |what: String| findings.push(Finding { id: video.id.clone(), what });
        if !layout.folder(&video.id).is_dir() {
            say("its folder is missing: its media is lost, or the data directory is not the catalogue's".into());
            continue;
        }
        match load(layout, &video.id) {
            Err(error) => say(error.to_string()),
            Ok(loaded) if video.ended && !loaded.ended => say("it is complete in the catalogue but not on disk".into()),
            Ok(_) => check_parts(layout, &video.id, &mut say),
        }
    }
    let known: BTreeSet<&str> = known.iter().map(|v| v.id.as_str()).collect();
    match std::fs::read_dir(layout.media()) {
        Err(error) => findings.push(Finding { id: layout.media().display().to_string(), what: error.to_string() }),
        Ok(entries) => {
            let names = entries.flatten().map(|e| e.file_name().to_string_lossy().into_owned());
            for name in names.filter(|n| !known.contains(n.as_str()) && n != LOST_AND_FOUND) {
                findings.push(Finding { id: name, what: "the catalogue knows no video for this folder".into() });
            }
        }
    }
    findings
}

fn check_parts(layout: &Layout, id: &str, say: &mut impl FnMut(String)) {
    let path = layout.index(id);
    let log = match std::fs::read(&path) {
        Ok(log) => log,
        Err(error) => return say(format!("{}: {error}", path.display())),
    };
    let records = index::read(&log);
    let read = records.last().map_or(0, |(_, end)| *end);
    if read < log.len() as u64 {
        say(format!("its index is damaged after byte {read}; the rest of it is not listed"));
    }
    let (mut damaged, mut gaps) = (0u32, 0u32);
    for (_, file, part) in parts(&records) {
        if part.bytes > 0 {
            damaged += u32::from(!part_is_whole(layout, id, file, part));
        } else {
            // Without samples it is a gap by design: pictures that began after the sound.
            gaps += u32::from(part.samples > 0);
        }
    }
    if damaged > 0 {
        say(format!("{damaged} parts are missing or differ from what was written"));
    }
    if gaps > 0 {
        say(format!("{gaps} parts were never written (the disk was full or too slow) and are listed as gaps"));
    }
}
