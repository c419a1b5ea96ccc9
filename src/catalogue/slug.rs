//! Names in URLs, and titles.

use super::error::Error;
use deunicode::{deunicode, deunicode_char};
use std::fmt;
use std::str::FromStr;

/// A DNS label's length less one: enough to read, short enough for every place a slug goes into.
const MAX_SLUG: usize = 64;

/// Longer titles break every list they appear in.
const MAX_TITLE: usize = 200;

/// 1 to 64 of `a-z`, `0-9` and `-`; begins and ends with a letter or a digit.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slug(String);

/// Not a slug.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a slug is 1 to 64 of a-z, 0-9 and -, and begins and ends with a letter or a digit")]
pub struct NotASlug;

impl Slug {
    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The nearest slug to a title: accents folded, other scripts transliterated, everything else a single `-`,
    /// cut at 64 characters. `None` when nothing is left.
    #[must_use]
    pub fn from_title(title: &str) -> Option<Self> {
        let mut slug = String::new();
        // "n°" is "no" to a French reader; the table says "deg".
        let fold = |c| if c == '°' { "o" } else { deunicode_char(c).unwrap_or("-") };
        'title: for folded in title.chars().map(fold) {
            for c in folded.chars().map(|c| c.to_ascii_lowercase()) {
                if c.is_ascii_alphanumeric() {
                    slug.push(c);
                } else if c != '\'' && !slug.is_empty() && !slug.ends_with('-') {
                    slug.push('-');
                }
                if slug.len() == MAX_SLUG {
                    break 'title;
                }
            }
        }
        slug.truncate(slug.trim_end_matches('-').len());
        slug.parse().ok()
    }
}

impl FromStr for Slug {
    type Err = NotASlug;

    fn from_str(text: &str) -> Result<Self, NotASlug> {
        let alphabet = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        let ends = !text.starts_with('-') && !text.ends_with('-');
        if (1..=MAX_SLUG).contains(&text.len()) && alphabet && ends { Ok(Self(text.to_owned())) } else { Err(NotASlug) }
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text as it is compared by who looks for it: without case and accents.
pub(super) fn folded(text: &str) -> String {
    deunicode(text.trim()).to_lowercase()
}

/// A title as it is stored: trimmed, 1 to 200 characters, no control characters.
pub(super) fn title(field: &'static str, text: &str) -> Result<String, Error> {
    let text = text.trim();
    if text.is_empty() || text.chars().nth(MAX_TITLE).is_some() || text.chars().any(char::is_control) {
        return Err(Error::invalid(field, "must be 1 to 200 characters without line breaks"));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_fits_a_url_is_a_slug() {
        for good in ["a", "demo", "amphi-2", "0", &"x".repeat(64)] {
            assert_eq!(good.parse::<Slug>().unwrap().as_str(), good);
        }
        for bad in ["", "-", "-a", "a-", "Demo", "a b", "a/b", "a.b", "é", "a_b", "..", &"x".repeat(65)] {
            assert_eq!(bad.parse::<Slug>(), Err(NotASlug), "{bad}");
        }
    }

    #[test]
    fn titles_fold_to_slugs() {
        for (title, slug) in [
            ("Amphithéâtre Œuvre n° 3", "amphitheatre-oeuvre-no-3"),
            ("  --Été / à l'école!-- ", "ete-a-lecole"),
            ("Straße & Größe", "strasse-grosse"),
            ("Лекция", "lektsiia"),
        ] {
            assert_eq!(Slug::from_title(title).map(|slug| slug.to_string()).as_deref(), Some(slug));
        }
        assert_eq!(Slug::from_title(" !? "), None);
        assert_eq!(Slug::from_title(&"é ".repeat(500)).unwrap().as_str().len(), 63, "cut, and no dash at the end");
    }

    #[test]
    fn titles_are_trimmed_and_bounded() {
        assert_eq!(title("title", "  Hall é ").unwrap(), "Hall é");
        assert!(title("title", &"é".repeat(200)).is_ok());
        for bad in ["", "  ", "a\nb", "a\0b", &"é".repeat(201)] {
            assert!(title("title", bad).is_err());
        }
    }
}
