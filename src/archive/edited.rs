//! Captions that people wrote or mended: a WebVTT file per language beside the recording's media, `edited-<language>.vtt`, on the time of the whole recording.
//!
//! **Promises.** It stands in the place of what a machine heard, which is kept: taken away, that is back. One without captions says that the language is
//! not to be shown at all. It is written whole or not at all, whenever the power fails.

use super::layout::Layout;
use super::{Error, at, damaged, whole};
use media::caption::Cue;
use media::caption::import::{self, MAX_FILE_BYTES, Timed};
use media::caption::language::Language;
use media::caption::webvtt;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::time::UNIX_EPOCH;

/// Escaping makes a file longer than what was sent, at most by this.
const MAX_BYTES: u64 = 8 * MAX_FILE_BYTES as u64;
const PREFIX: &str = "edited-";
const SUFFIX: &str = ".vtt";
/// Head of a file without captions.
const EMPTY_BYTES: u64 = "WEBVTT\n\n".len() as u64;

/// What can be told of such a file without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    /// It says that the language is not shown.
    pub hidden: bool,
    /// Another number when the file is another one.
    pub version: u64,
}

/// The languages with such files. Blocking.
///
/// # Errors
/// When the folder can't be read.
pub fn languages(layout: &Layout, id: &str) -> Result<BTreeMap<Language, State>, Error> {
    let folder = layout.folder(id);
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(&folder).map_err(at(&folder))? {
        let entry = entry.map_err(at(&folder))?;
        let name = entry.file_name();
        let tag = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.strip_suffix(SUFFIX));
        let (Some(language), Ok(of)) = (tag.and_then(Language::new), entry.metadata()) else { continue };
        let changed = of.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
        let nanos = u64::try_from(changed.as_nanos()).unwrap_or(u64::MAX);
        // Two that are written within one tick of a coarse clock differ in length at least, or nearly always.
        let version = nanos ^ of.len().rotate_left(48);
        found.insert(language, State { hidden: of.len() <= EMPTY_BYTES, version });
    }
    Ok(found)
}

/// The captions of a language, on the time of the whole recording; `None`: nobody edited them; none: they are not shown. Blocking.
///
/// # Errors
/// When the file can't be read, or is none of ours.
pub fn read(layout: &Layout, id: &str, language: &Language) -> Result<Option<Vec<Timed>>, Error> {
    let path = layout.edited(id, language);
    let text = match fs::metadata(&path) {
        Ok(of) if of.len() > MAX_BYTES => return Err(damaged(&path, "it is too long")),
        Ok(_) => fs::read_to_string(&path).map_err(at(&path))?,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(at(&path)(error)),
    };
    import::read(&text).map(Some).map_err(|error| damaged(&path, error))
}

/// Puts captions in the place of all that were there. Blocking.
///
/// # Errors
/// When they can't be written; what was there is there still.
pub fn write(layout: &Layout, id: &str, language: &Language, captions: &[Timed]) -> Result<(), Error> {
    let cues = (1..).zip(captions).map(|(id, caption)| Cue {
        id,
        start_micros: caption.start_ms * 1_000,
        end_micros: caption.end_ms * 1_000,
        lines: caption.lines.clone(),
        language: language.clone(),
        is_final: true,
    });
    let text = webvtt::file(&cues.collect::<Vec<_>>(), |micros| micros);
    let path = layout.edited(id, language);
    whole::write(&path, text.as_bytes()).map_err(at(&path))
}

/// What a machine heard is shown again, if it heard something. Blocking.
///
/// # Errors
/// When the file can't be removed.
pub fn remove(layout: &Layout, id: &str, language: &Language) -> Result<(), Error> {
    let (path, folder) = (layout.edited(id, language), layout.folder(id));
    match fs::remove_file(&path) {
        Ok(()) => File::open(&folder).and_then(|folder| folder.sync_all()).map_err(at(&folder)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(at(&path)(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caption(start_ms: i64, text: &str) -> Timed {
        Timed { start_ms, end_ms: start_ms + 1_000, lines: vec![text.to_owned()] }
    }

    #[test]
    fn what_is_written_is_read_again_and_a_half_written_file_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path().to_owned());
        fs::create_dir(layout.folder("v")).unwrap();
        let french = Language::new("fr").unwrap();
        assert_eq!(read(&layout, "v", &french).unwrap(), None);
        let first = vec![caption(0, "a --> b <i>"), caption(3_723_004, "é")];
        write(&layout, "v", &french, &first).unwrap();
        assert_eq!(read(&layout, "v", &french).unwrap(), Some(first.clone()));
        let state = languages(&layout, "v").unwrap()[&french];
        assert!(!state.hidden);
        // A server that was killed at any byte of the next one.
        let next = "WEBVTT\n\n1\n00:00:00.000 --> 00:00:01.000\nautre\n\n";
        for cut in 0..next.len() {
            fs::write(layout.edited("v", &french).with_extension("vtt.partial"), &next[..cut]).unwrap();
            assert_eq!(read(&layout, "v", &french).unwrap(), Some(first.clone()), "{cut}");
            assert_eq!(languages(&layout, "v").unwrap().len(), 1);
        }
        write(&layout, "v", &french, &[]).unwrap();
        let hidden = languages(&layout, "v").unwrap()[&french];
        assert!(hidden.hidden && hidden.version != state.version);
        assert_eq!(read(&layout, "v", &french).unwrap(), Some(Vec::new()));
        remove(&layout, "v", &french).unwrap();
        remove(&layout, "v", &french).unwrap();
        assert_eq!(read(&layout, "v", &french).unwrap(), None);
    }
}
