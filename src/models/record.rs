//! `model.toml`: what was installed, from where, and each file's hash. It is written last: a model's folder without it is none.

use super::name::{Language, ModelName};
use serde::{Deserialize, Serialize};
use std::io::Read as _;
use std::path::Path;

/// Its name in the model's folder.
pub const FILE: &str = "model.toml";

/// 2,000 files of 600 bytes are 1.2 MB; more than this is something else.
const MAX_BYTES: u64 = 4 << 20;

/// What `model.toml` says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The model's name, which is its folder's.
    pub name: String,
    /// Which engine reads it.
    pub engine: String,
    /// Language tag in lower case.
    pub language: String,
    /// When, RFC 3339 in UTC with milliseconds: sorts as text.
    pub installed_at: String,
    /// URL or file name, without user and password.
    pub source: String,
    /// SHA-256 of the archive; absent when it came from a folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive_sha256: Option<String>,
    /// Whether that hash was known beforehand and has been compared; otherwise it only says what was there on the day.
    pub checked: bool,
    /// Licence as the publisher states it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    /// Every file of the model, by path.
    pub files: Vec<File>,
}

/// A file of the model.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct File {
    /// From the model's folder, with `/`.
    pub path: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// SHA-256 in lower-case hexadecimal.
    pub sha256: String,
}

impl Record {
    /// Bytes of all files together.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).fold(0, u64::saturating_add)
    }

    /// Whether it can be kept to a vocabulary: one whose graph is whole (`HCLG.fst`) can't, as nothing is put together while it hears.
    #[must_use]
    pub fn takes_vocabulary(&self) -> bool {
        !self.files.iter().any(|file| file.path.ends_with("HCLG.fst"))
    }

    /// As TOML.
    ///
    /// # Errors
    /// Never in practice: all of it is text and numbers.
    pub fn to_toml(&self) -> Result<String, String> {
        toml::to_string(self).map_err(|error| error.to_string())
    }

    /// Reads the record in `folder`; `None` when there is none, or one that does not fit the folder's name.
    #[must_use]
    pub fn read(folder: &Path) -> Option<Self> {
        let mut text = String::new();
        std::fs::File::open(folder.join(FILE)).ok()?.take(MAX_BYTES).read_to_string(&mut text).ok()?;
        let record: Self = toml::from_str(&text).ok()?;
        let name: ModelName = record.name.parse().ok()?;
        let _: Language = record.language.parse().ok()?;
        (folder.file_name()?.to_str()? == name.as_str()).then_some(record)
    }
}
