//! What was said in a recording: an append-only log of words and cues per language, beside its media (`media::caption::record`).
//!
//! Captions are worth less than media: a log that the disk refuses is closed, and said so once; the live and its recording go on.

use super::layout::Layout;
use super::{Error, at};
use bytes::Bytes;
use media::caption::language::Language;
use media::caption::record::{self, Kept, Record};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;

/// A log of 6 h of speech is some megabytes; one that is longer than this is none of ours.
const MAX_LOG_BYTES: u64 = 256 << 20;

/// The logs of a recording that goes on. Blocking; only the writer's thread touches them.
#[derive(Debug, Default)]
pub(super) struct Logs {
    open: BTreeMap<Language, Option<Log>>,
}

#[derive(Debug)]
struct Log {
    file: File,
    bytes: u64,
}

impl Logs {
    /// Appends records. One that did not fit is overwritten by the next.
    pub(super) fn append(&mut self, layout: &Layout, id: &str, language: &Language, records: &Bytes) {
        let log = self.open.entry(language.clone()).or_insert_with(|| match open(layout, id, language) {
            Ok(log) => Some(log),
            Err(error) => {
                tracing::error!(video = id, %error, "captions can't be kept");
                None
            }
        });
        let Some(log) = log else { return };
        match log.file.write_all_at(records, log.bytes) {
            Ok(()) => log.bytes += records.len() as u64,
            Err(error) => {
                tracing::error!(video = id, %error, "captions can't be kept any more");
                self.open.insert(language.clone(), None);
            }
        }
    }
}

/// Opens a log behind its last whole record, or begins one.
fn open(layout: &Layout, id: &str, language: &Language) -> Result<Log, Error> {
    let path = layout.captions(id, language);
    let kept = read(layout, id, language)?;
    let file = OpenOptions::new().write(true).create(true).truncate(false).open(&path).map_err(at(&path))?;
    if let Some(kept) = kept {
        file.set_len(kept.good_bytes).map_err(at(&path))?;
        return Ok(Log { file, bytes: kept.good_bytes });
    }
    let mut begin = record::MAGIC.to_vec();
    if record::write(&Record::Begin(language.clone()), &mut begin).is_err() {
        begin.truncate(record::MAGIC.len());
    }
    file.set_len(0).map_err(at(&path))?;
    file.write_all_at(&begin, 0).map_err(at(&path))?;
    Ok(Log { file, bytes: begin.len() as u64 })
}

/// What is kept of a language; `None`: nothing. Blocking.
///
/// # Errors
/// When it is there and can't be read.
pub fn read(layout: &Layout, id: &str, language: &Language) -> Result<Option<Kept>, Error> {
    let path = layout.captions(id, language);
    match std::fs::metadata(&path) {
        Ok(of) if of.len() <= MAX_LOG_BYTES => {}
        Ok(_) => return Ok(None),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(at(&path)(error)),
    }
    let log = std::fs::read(&path).map_err(at(&path))?;
    Ok(Kept::open(&log))
}

/// The languages that a recording has a log of, by tag. Blocking.
///
/// # Errors
/// When the folder can't be read.
pub fn languages(layout: &Layout, id: &str) -> Result<Vec<Language>, Error> {
    let folder = layout.folder(id);
    let mut languages = Vec::new();
    for entry in std::fs::read_dir(&folder).map_err(at(&folder))? {
        let name = entry.map_err(at(&folder))?.file_name();
        let tag = name.to_str().and_then(|name| name.strip_prefix("captions-"));
        languages.extend(tag.and_then(Language::new));
    }
    languages.sort();
    Ok(languages)
}

/// What is kept of all languages that a recording has a log of, by tag. Blocking.
///
/// # Errors
/// When the folder or a log can't be read.
pub fn read_all(layout: &Layout, id: &str) -> Result<Vec<Kept>, Error> {
    let mut all = Vec::new();
    for language in languages(layout, id)? {
        all.extend(read(layout, id, &language)?);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use media::caption::word::{Confidence, Splice, Word};

    fn splice(at: u64, text: &str) -> Bytes {
        let at_micros = i64::try_from(at).unwrap() * 500_000;
        let word = Word::new(text, at_micros, at_micros + 400_000, Confidence::from_ratio(0.9)).unwrap();
        let mut out = Vec::new();
        record::write(&Record::Splice(Splice { at, removed: 0, words: vec![word] }), &mut out).unwrap();
        out.into()
    }

    #[test]
    fn what_was_said_is_read_again_and_goes_on_behind_its_last_whole_record() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path().to_owned());
        std::fs::create_dir(layout.folder("v")).unwrap();
        let french = Language::new("fr").unwrap();
        assert_eq!(read(&layout, "v", &french).unwrap(), None);
        let mut logs = Logs::default();
        for (n, text) in ["bonjour", "à", "tous"].into_iter().enumerate() {
            logs.append(&layout, "v", &french, &splice(n as u64, text));
        }
        drop(logs);
        let path = layout.captions("v", &french);
        let whole = std::fs::read(&path).unwrap();
        for cut in 0..whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let words = read(&layout, "v", &french).unwrap().map_or(0, |k| k.words.len());
            Logs::default().append(&layout, "v", &french, &splice(words as u64, "encore"));
            let kept = read_all(&layout, "v").unwrap().remove(0);
            assert_eq!(kept.words.len(), words + 1, "cut at {cut}");
            assert_eq!(kept.words.last().unwrap().text(), "encore");
        }
    }
}
