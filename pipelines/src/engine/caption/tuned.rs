//! A Vosk model as live captions need it: its files, and its settings with two of ours.
//!
//! libvosk reads the words of an utterance that goes on, and their times, from Kaldi's lattice, and Kaldi lets that lie up to 60 frames (1.8 s)
//! behind what it has decoded: words that were long known are told a second late. Only a line of the model's `conf/model.conf` changes that.
//! What is installed stays as it was published, so libvosk is given a folder of links to the model's files with settings of its own, for
//! as long as it reads.
//!
//! Promises: nothing in the model's folder is written; a model that has such settings of its own keeps them; the folder goes with its
//! [`Tuned`], and what an engine left that was killed while it read goes with a later one's.
//!
//! Measured with the small Korean model on 100 s of speech: words are in a partial after 0.85 s in the median and 1.36 s in 95 of 100, and
//! without this after 1.72 s and 2.28 s; it costs a tenth more CPU, and finals differ by one word of 176.

use std::fs::{self, DirBuilder};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Frames of 30 ms. Half of it and double it were measured too: a word is told no sooner with less.
const SETTINGS: [(&str, u32); 2] = [("determinize-max-delay", 10), ("determinize-min-chunk-size", 5)];
/// Published ones have 500.
const MAX_BYTES: u64 = 64 << 10;
const NAME: &str = "amphi-model-";
/// Folders of engines that were killed while they read may be in the way.
const MAX_NAMES: u32 = 100;
/// Nobody reads a model for so long.
const LEFT_BEHIND: Duration = Duration::from_secs(3_600);

/// The folder of links. Removed when dropped.
#[derive(Debug)]
pub(super) struct Tuned(PathBuf);

impl Tuned {
    /// Of the model in `folder`, beneath `place`; `None` when the model has such settings, or is too old to have any.
    ///
    /// # Errors
    /// When files can't be read or links not be made.
    pub(super) fn of(folder: &Path, place: &Path) -> io::Result<Option<Self>> {
        // Links lead from elsewhere.
        let folder = folder.canonicalize()?;
        let settings = match fs::File::open(folder.join("conf/model.conf")) {
            Ok(file) => file,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(e),
        };
        let mut text = Vec::new();
        settings.take(MAX_BYTES).read_to_end(&mut text)?;
        let named = |name: &str| String::from_utf8_lossy(&text).contains(name);
        if SETTINGS.iter().any(|(name, _)| named(name)) {
            return Ok(None);
        }
        clear(place, SystemTime::now());
        let tuned = Self(new_folder(place)?);
        link_all(&folder, &tuned.0, "conf")?;
        let conf = tuned.0.join("conf");
        fs::create_dir(&conf)?;
        link_all(&folder.join("conf"), &conf, "model.conf")?;
        let mut file = fs::File::create_new(conf.join("model.conf"))?;
        file.write_all(&text)?;
        for (name, value) in SETTINGS {
            write!(file, "\n--{name}={value}")?;
        }
        writeln!(file)?;
        Ok(Some(tuned))
    }

    /// What libvosk is to read.
    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Tuned {
    fn drop(&mut self) {
        // Links go, not what they lead to.
        if let Err(e) = fs::remove_dir_all(&self.0) {
            tracing::warn!("{} stays: {e}", self.0.display());
        }
    }
}

/// One that nobody else has or reads.
fn new_folder(place: &Path) -> io::Result<PathBuf> {
    let mut taken = io::Error::from(io::ErrorKind::AlreadyExists);
    for n in 0..MAX_NAMES {
        let folder = place.join(format!("{NAME}{}-{n}", std::process::id()));
        match DirBuilder::new().mode(0o700).create(&folder) {
            Ok(()) => return Ok(folder),
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => taken = e,
            Err(e) => return Err(e),
        }
    }
    Err(taken)
}

/// Removes what was left behind. What can't be is somebody else's.
fn clear(place: &Path, now: SystemTime) {
    for entry in fs::read_dir(place).into_iter().flatten().flatten() {
        let made = entry.metadata().and_then(|is| is.modified()).unwrap_or(now);
        if entry.file_name().to_string_lossy().starts_with(NAME)
            && now.duration_since(made).is_ok_and(|age| age > LEFT_BEHIND)
        {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Everything in `from` but one.
fn link_all(from: &Path, to: &Path, except: &str) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_name() != except {
            symlink(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An empty folder of this test.
    fn place(test: &str) -> PathBuf {
        let place = std::env::temp_dir().join(format!("amphi-tuned-{test}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&place);
        fs::create_dir_all(place.join("model/conf")).unwrap();
        fs::create_dir_all(place.join("model/am")).unwrap();
        fs::write(place.join("model/am/final.mdl"), "a model").unwrap();
        place
    }

    #[test]
    fn the_models_files_are_there_and_its_settings_with_ours_behind_and_nothing_is_left() {
        let place = place("whole");
        let model = place.join("model");
        fs::write(model.join("conf/mfcc.conf"), "--dither=0\n").unwrap();
        fs::write(model.join("conf/model.conf"), "--beam=10.0").unwrap();
        let tuned = Tuned::of(&model, &place).unwrap().expect("it has settings");
        let read = |path: &str| fs::read_to_string(tuned.path().join(path)).unwrap();
        assert_eq!(read("am/final.mdl"), "a model");
        assert_eq!(read("conf/mfcc.conf"), "--dither=0\n");
        assert_eq!(
            read("conf/model.conf"),
            "--beam=10.0\n--determinize-max-delay=10\n--determinize-min-chunk-size=5\n"
        );
        let other = Tuned::of(&model, &place).unwrap().expect("another one beside it");
        assert_ne!(other.path(), tuned.path());
        drop((tuned, other));
        assert_eq!(fs::read_dir(&place).unwrap().count(), 1, "only the model");
        assert_eq!(fs::read_to_string(model.join("conf/model.conf")).unwrap(), "--beam=10.0");
        assert_eq!(fs::read_to_string(model.join("am/final.mdl")).unwrap(), "a model");
        fs::remove_dir_all(place).unwrap();
    }

    #[test]
    fn what_a_killed_engine_left_goes_later() {
        let place = place("left");
        fs::write(place.join("model/conf/model.conf"), "").unwrap();
        let left = Tuned::of(&place.join("model"), &place).unwrap().unwrap();
        let soon = SystemTime::now() + LEFT_BEHIND / 2;
        clear(&place, soon);
        assert!(left.path().is_dir());
        clear(&place, soon + LEFT_BEHIND);
        assert!(!left.path().exists());
        assert!(place.join("model/am/final.mdl").is_file(), "neither the model nor what is no such folder");
        fs::remove_dir_all(place).unwrap();
    }

    #[test]
    fn a_model_with_such_settings_or_without_any_is_read_as_it_is() {
        let place = place("own");
        let model = place.join("model");
        assert!(Tuned::of(&model, &place).unwrap().is_none(), "no model.conf");
        fs::write(model.join("conf/model.conf"), "--determinize-max-delay=40\n").unwrap();
        assert!(Tuned::of(&model, &place).unwrap().is_none(), "its own");
        fs::write(model.join("conf/model.conf"), "").unwrap();
        assert!(Tuned::of(&model, &place.join("nowhere")).is_err());
        fs::remove_dir_all(place).unwrap();
    }
}
