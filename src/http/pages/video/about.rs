//! What is said of a video beside its title, as its page shows it.

use crate::catalogue::details::{Details, VideoKind};
use crate::http::pages::markdown::{Html, plain};
use crate::http::pages::model::length;
use media::caption::language::Language;
use std::time::Duration;

/// Of a summary, in characters: as much as others show.
pub(in crate::http::pages) const MAX_SUMMARY: usize = 200;

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// As written by its owner.
    pub description: Option<Html>,
    /// The first words of it, for lists elsewhere; empty for none.
    pub summary: String,
    /// Of what is said, and so of title and description.
    pub language: Option<Language>,
    /// What sort of thing it is.
    pub kind: VideoKind,
    /// Who is heard, in the order in which they are named.
    pub speakers: Vec<String>,
    /// In lower case.
    pub tags: Vec<String>,
    /// What others may do with it.
    pub licence: Option<Licence>,
    /// By their start.
    pub chapters: Vec<Chapter>,
}

/// A chapter that is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chapter {
    /// Where it begins on what is shown.
    pub start: Duration,
    /// As written by its owner.
    pub title: String,
}

impl Chapter {
    /// Such as `1:02:03`.
    #[must_use]
    pub fn time(&self) -> String {
        length(u64::try_from(self.start.as_millis()).unwrap_or(u64::MAX))
    }

    /// For addresses: whole seconds.
    #[must_use]
    pub fn seconds(&self) -> u64 {
        self.start.as_secs()
    }
}

/// What others may do with a video.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Licence {
    /// What it is called.
    pub name: String,
    /// Where it is written.
    pub url: Option<String>,
}

/// Creative Commons' licences, as SPDX calls them after `CC-`.
const CREATIVE_COMMONS: [&str; 6] = ["BY", "BY-SA", "BY-NC", "BY-ND", "BY-NC-SA", "BY-NC-ND"];

impl Licence {
    /// By its identifier; `None`: none was given.
    #[must_use]
    pub fn of(identifier: &str) -> Option<Self> {
        if identifier.is_empty() {
            return None;
        }
        if identifier.eq_ignore_ascii_case("CC0-1.0") {
            let url = "https://creativecommons.org/publicdomain/zero/1.0/";
            return Some(Self { name: "CC0 1.0".to_owned(), url: Some(url.to_owned()) });
        }
        let upper = identifier.to_ascii_uppercase();
        let parts = upper.strip_prefix("CC-").and_then(|rest| rest.rsplit_once('-'));
        let known = parts.filter(|(terms, version)| {
            CREATIVE_COMMONS.contains(terms) && ["4.0", "3.0", "2.5", "2.0"].contains(version)
        });
        Some(match known {
            Some((terms, version)) => {
                let url = format!("https://creativecommons.org/licenses/{}/{version}/", terms.to_ascii_lowercase());
                Self { name: format!("CC {terms} {version}"), url: Some(url) }
            }
            None => Self { name: identifier.to_owned(), url: None },
        })
    }
}

impl About {
    /// Of what the catalogue has.
    #[must_use]
    pub fn of(details: Details) -> Self {
        let chapters = chapters(&details);
        Self {
            description: Html::of_markdown(&details.description),
            summary: plain(&details.description, MAX_SUMMARY),
            language: details.language,
            kind: details.kind,
            speakers: details.speakers,
            tags: details.tags.into_iter().collect(),
            licence: Licence::of(&details.licence),
            chapters,
        }
    }

    /// Key of the kind's text.
    #[must_use]
    pub fn kind_key(&self) -> String {
        format!("video-kind-{}", self.kind)
    }

    /// The list of videos with the same tag.
    #[must_use]
    pub fn tag_url(&self, tag: &str) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        format!("/videos?{}", query.append_pair("tag", tag).finish())
    }
}

/// Those that are shown, on the time of what is shown. The one that runs where it begins is there from its beginning.
pub(super) fn chapters(details: &Details) -> Vec<Chapter> {
    let begin = details.cut.start.unwrap_or_default();
    let runs = details.chapters.iter().rfind(|chapter| chapter.start <= begin);
    let later = details.chapters.iter().filter(|chapter| chapter.start > begin);
    let shown = runs.into_iter().chain(later).filter_map(|chapter| {
        let start = details.cut.shown(chapter.start.max(begin))?;
        Some(Chapter { start, title: chapter.title.clone() })
    });
    shown.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_licences_lead_to_their_text() {
        let named = |identifier| Licence::of(identifier).map(|licence| (licence.name, licence.url.is_some()));
        assert_eq!(named(""), None);
        assert_eq!(named("CC-BY-NC-SA-4.0"), Some(("CC BY-NC-SA 4.0".to_owned(), true)));
        assert_eq!(named("cc0-1.0"), Some(("CC0 1.0".to_owned(), true)));
        for other in ["CC-BY-9.0", "CC-BY-XX-4.0", "CC-4.0", "LicenseRef-Etalab-2.0"] {
            assert_eq!(named(other), Some((other.to_owned(), false)));
        }
        let url = Licence::of("CC-BY-4.0").and_then(|licence| licence.url);
        assert_eq!(url.as_deref(), Some("https://creativecommons.org/licenses/by/4.0/"));
    }

    #[test]
    fn a_tag_is_safe_in_an_address() {
        assert_eq!(About::default().tag_url("c & d=é"), "/videos?tag=c+%26+d%3D%C3%A9");
    }
}
