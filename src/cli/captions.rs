//! What `amphi broadcaster set-captions` and `set-vocabulary` are given: languages, and a file of names.

use super::{Error, stdin};
use crate::config::Config;
use crate::models::Models;
use media::caption::language::Language;
use media::caption::vocabulary::{MAX_BYTES, Vocabulary};
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::str::FromStr;

/// A vocabulary of the most bytes, and its line ends.
const MAX_FILE_BYTES: u64 = 2 * MAX_BYTES as u64;

/// `fr,en`, `none` or `default`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Languages(pub(super) Option<Vec<Language>>);

impl FromStr for Languages {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let language =
            |tag: &str| Language::new(tag.trim()).ok_or_else(|| format!("{tag:?} is no language such as fr or en-GB"));
        match text {
            "default" => Ok(Self(None)),
            "none" => Ok(Self(Some(Vec::new()))),
            tags => tags.split(',').map(language).collect::<Result<_, _>>().map(|languages| Self(Some(languages))),
        }
    }
}

impl Languages {
    /// In words.
    pub(super) fn told(&self) -> String {
        match &self.0 {
            None => "what captions.languages says".to_owned(),
            Some(languages) if languages.is_empty() => "no language".to_owned(),
            Some(languages) => languages.iter().map(Language::tag).collect::<Vec<_>>().join(", "),
        }
    }

    /// A line for each that has no model on this machine, with what to type.
    pub(super) fn missing(&self, config: &Config) -> String {
        let models = Models::of(config);
        let installed = models.installed();
        let tags = self.0.iter().flatten().map(Language::tag).filter(|tag| models.chosen(&installed, tag).is_none());
        tags.map(|tag| format!("There is no model of {tag} on this machine: {}\n", Models::advice(tag))).collect()
    }
}

/// Reads a vocabulary; `-` is standard input.
pub(super) fn vocabulary(file: &Path) -> Result<Vocabulary, Error> {
    let (name, text) = if file == Path::new("-") {
        ("standard input".to_owned(), read(stdin::locked()))
    } else {
        (file.display().to_string(), File::open(file).map_err(|error| error.to_string()).and_then(read))
    };
    let vocabulary = text.and_then(|text| text.parse::<Vocabulary>().map_err(|refused| refused.to_string()));
    vocabulary.map_err(|why| Error::Other(format!("{name}: {why}")))
}

fn read(from: impl Read) -> Result<String, String> {
    let mut bytes = Vec::new();
    from.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(format!("is larger than {} KiB", MAX_FILE_BYTES >> 10));
    }
    String::from_utf8(bytes).map_err(|_| "is not UTF-8".to_owned())
}

/// In words.
pub(super) fn told(vocabulary: &Vocabulary, exclusive: bool) -> String {
    match vocabulary.lines().len() {
        0 => "has no vocabulary".to_owned(),
        1 if exclusive => "hears nothing but one entry, by models that can be kept to it".to_owned(),
        count if exclusive => format!("hears nothing but {count} entries, by models that can be kept to them"),
        1 => "spells one entry".to_owned(),
        count => format!("spells {count} entries"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_are_tags_none_or_the_servers() {
        let tags = |text: &str| {
            let languages = text.parse::<Languages>().unwrap().0;
            languages.map(|languages| languages.iter().map(|l| l.tag().to_owned()).collect::<Vec<_>>())
        };
        assert_eq!((tags("default"), tags("none")), (None, Some(vec![])));
        assert_eq!(tags("fr, en-GB"), Some(vec!["fr".to_owned(), "en-GB".to_owned()]));
        for wrong in ["", "fr,", "français", "fr;en"] {
            let said = wrong.parse::<Languages>().unwrap_err();
            assert!(said.contains("is no language such as fr or en-GB"), "{said}");
        }
    }

    #[test]
    fn a_file_that_is_none_is_named_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("names.txt");
        let said = |bytes: &[u8]| {
            std::fs::write(&file, bytes).unwrap();
            vocabulary(&file).map(|names| names.lines()).map_err(|error| error.to_string())
        };
        assert_eq!(
            said("# Noms\nLille\r\nbbb = BigBlueButton\n".as_bytes()).unwrap(),
            ["Lille", "bbb = BigBlueButton"]
        );
        let wrong = said(b"Lille\n= x\n").unwrap_err();
        assert!(wrong.contains("names.txt: line 2 (\"= x\"): it is SPOKEN = WRITTEN"), "{wrong}");
        assert!(said(b"\xff\xfe").unwrap_err().ends_with("names.txt: is not UTF-8"));
        let many = said("x\n".repeat(2_000).as_bytes()).unwrap_err();
        assert!(many.ends_with("names.txt: line 1001: more than 1000 entries"), "{many}");
        let huge = said("\n".repeat(1 << 20).as_bytes()).unwrap_err();
        assert!(huge.ends_with("names.txt: is larger than 128 KiB"), "{huge}");
        let none = vocabulary(Path::new("/nowhere/names.txt")).unwrap_err().to_string();
        assert!(none.starts_with("/nowhere/names.txt: "), "{none}");
    }
}
