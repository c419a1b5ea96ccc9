//! What is installed now, looked at again and again while the server runs: only the records that changed are read.
//!
//! Promises: asking an [`Inventory`] reads no disk; looking again costs a `stat` for each model. A model that was installed again or repaired is
//! another one, though it has the same name.

use super::record::{self, Record};
use super::{MAX_MODELS, Models};
use media::caption::language::Language;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

/// See the module. Empty: nothing was looked at yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inventory {
    models: Models,
    /// By name.
    records: Vec<Record>,
    stamps: BTreeMap<String, Stamp>,
}

/// A model that a language can be heard by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Installed {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub folder: PathBuf,
    /// Which engine reads it.
    pub engine: String,
    /// Of another region perhaps than the language that was asked for.
    pub language: Language,
    /// Whether it can be kept to a vocabulary: its graph is put together while it hears.
    pub takes_vocabulary: bool,
    stamp: Stamp,
}

/// Tells one installation from the next: `model.toml` is written anew by each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Stamp {
    inode: u64,
    modified: (i64, i64),
    bytes: u64,
}

impl Inventory {
    /// Nothing yet.
    #[must_use]
    pub fn empty(models: Models) -> Self {
        Self { models, records: Vec::new(), stamps: BTreeMap::new() }
    }

    /// What is there now; `models` may prefer others than before. Blocking: a folder, and a small file for each model that is new.
    #[must_use]
    pub fn look(&self, models: Models) -> Self {
        let mut now = Self::empty(models);
        // A folder of another place has nothing in common with this one.
        let same_folder = now.models.folder() == self.models.folder();
        for (name, stamp) in now.models.stamps() {
            let known = self.records.iter().find(|record| record.name == name);
            let known = known.filter(|_| same_folder && self.stamps.get(&name) == Some(&stamp)).cloned();
            if let Some(record) = known.or_else(|| Record::read(&now.models.folder().join(&name))) {
                now.records.push(record);
                now.stamps.insert(name, stamp);
            }
        }
        now
    }

    /// All that are installed, by name.
    #[must_use]
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// The model for a language tag: see [`Models::chosen`].
    #[must_use]
    pub fn for_language(&self, language: &str) -> Option<Installed> {
        let record = self.models.chosen(&self.records, language)?;
        Some(Installed {
            name: record.name.clone(),
            folder: self.models.folder().join(&record.name),
            engine: record.engine.clone(),
            language: Language::new(&record.language)?,
            takes_vocabulary: record.takes_vocabulary(),
            stamp: *self.stamps.get(&record.name)?,
        })
    }

    /// Whether it is there as it was.
    #[must_use]
    pub fn has(&self, model: &Installed) -> bool {
        self.models.folder().join(&model.name) == model.folder && self.stamps.get(&model.name) == Some(&model.stamp)
    }
}

impl Models {
    /// Visible folders with a record, by name.
    fn stamps(&self) -> BTreeMap<String, Stamp> {
        let Ok(entries) = fs::read_dir(self.folder()) else { return BTreeMap::new() };
        let names = entries.take(MAX_MODELS).filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let stamp = |name: String| {
            let of = fs::metadata(self.folder().join(&name).join(record::FILE)).ok()?;
            Some((name, Stamp { inode: of.ino(), modified: (of.mtime(), of.mtime_nsec()), bytes: of.len() }))
        };
        names.filter(|name| !name.starts_with('.')).filter_map(stamp).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn install(models: &Models, name: &str, language: &str, files: &str) {
        let folder = models.folder().join(name);
        fs::create_dir_all(&folder).unwrap();
        let text = format!(
            "name = \"{name}\"\nengine = \"vosk\"\nlanguage = \"{language}\"\ninstalled_at = \"2026-01-01T00:00:00.000Z\"\n\
             source = \"a test\"\nchecked = false\nfiles = [{files}]\n"
        );
        // As amphi does: another file in its place.
        fs::write(folder.join(".new"), text).unwrap();
        fs::rename(folder.join(".new"), folder.join(record::FILE)).unwrap();
    }

    #[test]
    fn what_comes_goes_or_is_mended_is_seen_and_the_rest_is_not_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let models = Models::new(folder.path().join("models"), Vec::new());
        let look = |before: &Inventory| before.look(models.clone());
        let empty = look(&Inventory::empty(models.clone()));
        assert_eq!(empty.for_language("fr"), None);

        install(&models, "ours", "fr", "");
        fs::create_dir_all(models.folder().join(".partial-x")).unwrap();
        let first = look(&empty);
        let ours = first.for_language("fr-CA").unwrap();
        assert_eq!((ours.name.as_str(), ours.language.tag()), ("ours", "fr"));
        assert!(first.has(&ours) && !empty.has(&ours));
        // The same file in place: nobody looks into it.
        let record = models.folder().join("ours").join(record::FILE);
        let (text, at) = (fs::read(&record).unwrap(), fs::metadata(&record).unwrap().modified().unwrap());
        fs::write(&record, vec![b'x'; text.len()]).unwrap();
        fs::File::options().append(true).open(&record).unwrap().set_modified(at).unwrap();
        assert_eq!(look(&first), first);

        install(&models, "ours", "fr", "");
        let mended = look(&first);
        assert!(!mended.has(&ours) && mended.has(&mended.for_language("fr").unwrap()));
        assert_ne!(mended.for_language("fr"), Some(ours), "another installation is another model");

        fs::remove_dir_all(models.folder().join("ours")).unwrap();
        assert_eq!(look(&mended).for_language("fr"), None);
    }

    #[test]
    fn another_preference_holds_at_once_and_a_static_graph_takes_no_vocabulary() {
        let folder = tempfile::tempdir().unwrap();
        let models = |preferred: &[&str]| {
            Models::new(folder.path().to_owned(), preferred.iter().map(|name| (*name).to_owned()).collect())
        };
        let file = |path: &str| format!("{{ path = \"{path}\", bytes = 1, sha256 = \"\" }}");
        install(&models(&[]), "large", "fr", &file("graph/HCLG.fst"));
        install(&models(&[]), "small", "fr", &file("graph/HCLr.fst"));
        let chosen = |preferred: &[&str]| {
            let chosen = Inventory::empty(models(&[])).look(models(preferred)).for_language("fr").unwrap();
            (chosen.name, chosen.takes_vocabulary)
        };
        assert_eq!(chosen(&["large"]), ("large".to_owned(), false));
        assert_eq!(chosen(&["small"]), ("small".to_owned(), true));
    }
}
