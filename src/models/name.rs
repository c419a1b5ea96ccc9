//! Names of models and languages: what may become a folder's name, and which language answers for which.

use std::fmt;
use std::str::FromStr;

/// Longer than any published name.
const MAX_NAME: usize = 80;
/// `zh-Hant-TW` has 10; a private tag may be longer.
const MAX_LANGUAGE: usize = 35;

/// A model's name: 1 to 80 of letters, digits, `.`, `_` and `-`, beginning with a letter or a digit. It is its folder's name and, with
/// `.zip`, its file's name at the source, so it can't lead anywhere else.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ModelName(String);

/// What a name has to look like.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("a model's name has 1 to {MAX_NAME} letters, digits, dots, - and _, and begins with a letter or a digit")]
pub struct NotAName;

impl ModelName {
    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ModelName {
    type Err = NotAName;

    fn from_str(text: &str) -> Result<Self, NotAName> {
        let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        let begins = text.starts_with(|c: char| c.is_ascii_alphanumeric());
        if begins && text.len() <= MAX_NAME && text.chars().all(good) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NotAName)
        }
    }
}

impl fmt::Display for ModelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A language tag (BCP 47) in lower case, such as `fr` or `en-us`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Language(String);

/// What a language has to look like.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("a language is a tag such as fr, en or en-us")]
pub struct NotALanguage;

impl Language {
    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// How well a model of this language serves `wanted`: 2 for the same tag, 1 for the same language of another or any region, 0 for
    /// another language.
    #[must_use]
    pub fn serves(&self, wanted: &Self) -> u8 {
        if self == wanted { 2 } else { u8::from(self.primary() == wanted.primary()) }
    }

    fn primary(&self) -> &str {
        self.0.split('-').next().unwrap_or_default()
    }
}

impl FromStr for Language {
    type Err = NotALanguage;

    fn from_str(text: &str) -> Result<Self, NotALanguage> {
        let text = text.to_ascii_lowercase().replace('_', "-");
        let good = |part: &str| (1..=8).contains(&part.len()) && part.chars().all(|c| c.is_ascii_alphanumeric());
        let mut parts = text.split('-');
        let primary = |part: &str| (2..=3).contains(&part.len()) && part.chars().all(|c| c.is_ascii_lowercase());
        let known = parts.next().is_some_and(primary) && parts.all(good) && text.len() <= MAX_LANGUAGE;
        if known { Ok(Self(text)) } else { Err(NotALanguage) }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_can_lead_nowhere_else() {
        for good in ["vosk-model-small-fr-0.22", "a", "A_b.c", &"n".repeat(80)] {
            assert_eq!(good.parse::<ModelName>().unwrap().as_str(), good);
        }
        for bad in ["", ".", "..", ".partial-x", "-x", "a/b", "a\\b", "a b", "é", "a\0", &"n".repeat(81)] {
            assert!(bad.parse::<ModelName>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_language_is_served_by_its_own_region_first() {
        let tag = |text: &str| text.parse::<Language>().unwrap();
        assert_eq!(tag("en_US"), tag("en-us"));
        assert_eq!(tag("en-us").serves(&tag("en-us")), 2);
        assert_eq!(tag("en-us").serves(&tag("en")), 1);
        assert_eq!(tag("en-us").serves(&tag("en-gb")), 1);
        assert_eq!(tag("en-us").serves(&tag("fr")), 0);
        for bad in ["", "f", "french", "fr-", "-fr", "fr fr", "../fr"] {
            assert!(bad.parse::<Language>().is_err(), "{bad:?}");
        }
    }
}
