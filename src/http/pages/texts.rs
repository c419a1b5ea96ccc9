//! The pages' words, in the reader's language: Fluent files of `web/locales`, embedded.

use axum::http::{HeaderMap, header};
use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use std::borrow::Cow;
use std::sync::LazyLock;
use unic_langid::LanguageIdentifier;

/// Entries of an `Accept-Language` header that are looked at.
const MAX_RANGES: usize = 16;

/// A language that the pages are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// Also for readers of neither.
    English,
    /// French.
    French,
}

impl Language {
    /// Of those that are offered, the language that the reader's browser prefers (RFC 9110 §12.5.4); the first one if it asks for none of them.
    #[must_use]
    pub fn preferred(headers: &HeaderMap, offered: &[String]) -> Self {
        let is_offered = |language: Self| offered.iter().any(|tag| tag == language.tag());
        let first =
            if offered.first().is_some_and(|tag| tag == Self::French.tag()) { Self::French } else { Self::English };
        let text = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let mut best: Option<(f32, Self)> = None;
        for range in text.split(',').take(MAX_RANGES) {
            let mut parts = range.split(';').map(str::trim);
            let tag = parts.next().unwrap_or_default();
            let language = match tag.split('-').next().unwrap_or_default().to_ascii_lowercase().as_str() {
                "fr" => Self::French,
                "en" => Self::English,
                "*" => first,
                _ => continue,
            };
            if !is_offered(language) {
                continue;
            }
            let weight = parts.find_map(|part| part.strip_prefix("q=")).map_or(1.0, |q| q.parse().unwrap_or(0.0));
            // The first of equals is preferred.
            if weight > 0.0 && best.is_none_or(|(most, _)| weight > most) {
                best = Some((weight, language));
            }
        }
        best.map_or(first, |(_, language)| language)
    }

    /// For `lang` attributes, and as the catalogue names it.
    #[must_use]
    pub fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::French => "fr",
        }
    }

    /// Its words.
    #[must_use]
    pub fn texts(self) -> &'static Texts {
        match self {
            Self::English => &ENGLISH,
            Self::French => &FRENCH,
        }
    }
}

/// The words of one language.
pub struct Texts {
    language: Language,
    bundle: FluentBundle<FluentResource>,
}

/// The files of a language; the other language has the same.
macro_rules! files {
    ($language:literal) => {
        [
            include_str!(concat!("../../../web/locales/", $language, "/pages.ftl")),
            include_str!(concat!("../../../web/locales/", $language, "/reading.ftl")),
            include_str!(concat!("../../../web/locales/", $language, "/operate.ftl")),
            include_str!(concat!("../../../web/locales/", $language, "/manage.ftl")),
        ]
    };
}

static ENGLISH: LazyLock<Texts> = LazyLock::new(|| Texts::read(Language::English, "en", &files!("en")));
static FRENCH: LazyLock<Texts> = LazyLock::new(|| Texts::read(Language::French, "fr", &files!("fr")));

impl Texts {
    // What is wrong in an embedded file is found by the tests below; a running server shows the rest of it.
    fn read(language: Language, tag: &str, files: &[&str]) -> Self {
        let id: LanguageIdentifier = tag.parse().unwrap_or_default();
        let mut bundle = FluentBundle::new_concurrent(vec![id]);
        // No invisible direction marks around inserted names: both languages run left to right.
        bundle.set_use_isolating(false);
        for file in files {
            let resource = FluentResource::try_new((*file).to_owned()).unwrap_or_else(|(resource, errors)| {
                tracing::error!(?language, count = errors.len(), "texts that cannot be read");
                resource
            });
            bundle.add_resource_overriding(resource);
        }
        Self { language, bundle }
    }

    /// The language, for `lang` attributes.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.language.tag()
    }

    /// The language.
    #[must_use]
    pub fn language(&self) -> Language {
        self.language
    }

    /// A text without arguments; the key itself if there is none.
    #[must_use]
    pub fn get(&self, key: &str) -> String {
        self.format(key, None)
    }

    /// A text with one argument.
    #[must_use]
    pub fn with<'a>(&self, key: &str, name: &'a str, value: impl Into<FluentValue<'a>>) -> String {
        let mut args = FluentArgs::with_capacity(1);
        args.set(name, value);
        self.format(key, Some(&args))
    }

    /// A text with several arguments.
    #[must_use]
    pub fn with_all(&self, key: &str, args: &FluentArgs<'_>) -> String {
        self.format(key, Some(args))
    }

    /// A number with so many digits after the point, as this language writes it.
    #[must_use]
    pub fn decimal(&self, number: f64, digits: usize) -> String {
        let text = format!("{number:.digits$}");
        match self.language {
            Language::English => text,
            Language::French => text.replace('.', ","),
        }
    }

    fn format(&self, key: &str, args: Option<&FluentArgs<'_>>) -> String {
        let Some(pattern) = self.bundle.get_message(key).and_then(|message| message.value()) else {
            tracing::warn!(key, language = self.code(), "a text is missing");
            return key.to_owned();
        };
        let mut errors = Vec::new();
        match self.bundle.format_pattern(pattern, args, &mut errors) {
            Cow::Borrowed(text) => text.to_owned(),
            Cow::Owned(text) => text,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::look::{LANGUAGES, Look};
    use axum::http::HeaderValue;
    use std::collections::BTreeSet;

    #[test]
    fn the_heaviest_known_language_wins() {
        for (asked, language) in [
            ("fr-FR,fr;q=0.9,en;q=0.8", Language::French),
            ("en-GB, fr;q=0.9", Language::English),
            ("de, fr;q=0.5, en;q=0.4", Language::French),
            ("fr;q=0, en;q=0.1", Language::English),
            ("fr;q=nonsense, *;q=0.1", Language::English),
            ("de", Language::English),
            ("", Language::English),
        ] {
            let headers = HeaderMap::from_iter([(header::ACCEPT_LANGUAGE, HeaderValue::from_static(asked))]);
            assert_eq!(Language::preferred(&headers, &Look::default().languages), language, "{asked}");
        }
    }

    #[test]
    fn only_what_the_site_offers_is_chosen_and_its_first_for_readers_of_none() {
        for (offered, asked, language) in [
            (&["fr", "en"][..], "de", Language::French),
            (&["fr", "en"], "*", Language::French),
            (&["fr", "en"], "en", Language::English),
            (&["fr"], "en, fr;q=0.1", Language::French),
            (&["fr"], "en", Language::French),
            (&["en"], "fr", Language::English),
        ] {
            let headers = HeaderMap::from_iter([(header::ACCEPT_LANGUAGE, HeaderValue::from_static(asked))]);
            let offered: Vec<String> = offered.iter().map(|tag| (*tag).to_owned()).collect();
            assert_eq!(Language::preferred(&headers, &offered), language, "{offered:?} {asked}");
        }
        assert_eq!([Language::English, Language::French].map(Language::tag), LANGUAGES, "as the catalogue knows them");
        assert_eq!(Language::French.texts().decimal(3.217, 2), "3,22");
    }

    fn keys(file: &str) -> BTreeSet<&str> {
        FluentResource::try_new(file.to_owned()).expect("no syntax error");
        file.lines()
            .filter(|line| !line.starts_with(['#', ' ']))
            .filter_map(|line| line.split_once(" = "))
            .map(|(key, _)| key)
            .collect()
    }

    #[test]
    fn languages_have_the_same_keys_and_templates_use_no_other() {
        let mut english = BTreeSet::new();
        for (ours, theirs) in files!("en").into_iter().zip(files!("fr")) {
            let of_file = keys(ours);
            assert_eq!(of_file, keys(theirs));
            assert!(english.is_disjoint(&of_file), "a key in two files");
            english.extend(of_file);
        }
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/web/templates");
        let mut used = 0;
        for file in std::fs::read_dir(folder).expect("templates") {
            let text = std::fs::read_to_string(file.expect("a file").path()).expect("text");
            for call in ["t.get(\"", "t.with(\""] {
                for rest in text.split(call).skip(1) {
                    let key = rest.split('"').next().expect("a key");
                    assert!(english.contains(key), "{key}");
                    used += 1;
                }
            }
        }
        assert!(used > 20, "{used}");
    }

    /// What stands between the parts of a template, and in attributes that people read.
    fn hard_coded(template: &str) -> Vec<String> {
        // What askama puts in, and what it does, is no text.
        let mut bare = String::new();
        let mut rest = template;
        while let Some(at) = rest.find("{{").into_iter().chain(rest.find("{%")).min() {
            bare.push_str(&rest[..at]);
            bare.push('\0');
            let end = if rest[at..].starts_with("{{") { "}}" } else { "%}" };
            rest = rest[at..].split_once(end).map_or("", |(_, after)| after);
        }
        bare.push_str(rest);
        let mut found = Vec::new();
        for part in bare.split('<') {
            let (tag, text) = part.split_once('>').unwrap_or(("", part));
            for name in ["title=\"", "aria-label=\"", "placeholder=\"", "alt=\""] {
                found.extend(tag.split(name).skip(1).filter_map(|value| value.split('"').next()));
            }
            found.extend(text.split('\0'));
        }
        let spoken = |text: &&str| text.split("&nbsp;").any(|text| text.chars().any(char::is_alphabetic));
        found.into_iter().map(str::trim).filter(spoken).map(str::to_owned).collect()
    }

    #[test]
    fn no_template_says_anything_in_a_language_of_its_own() {
        assert_eq!(hard_coded("<p title=\"x\">{{ a }} b<br>{% if c %}d{% endif %}·</p>"), ["x", "b", "d"]);
        // Names, an address, what an encoder is given, and tags of languages.
        let known =
            ["WebVTT", "SRT", "TCP", "UDP", "defenseurdesdroits.fr", "?key=", "fr en-GB", "https://", "rtsp://"];
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/web/templates");
        let mut count = 0;
        for file in std::fs::read_dir(folder).expect("templates") {
            let path = file.expect("a file").path();
            let said = hard_coded(&std::fs::read_to_string(&path).expect("text"));
            let said: Vec<_> = said.iter().filter(|text| !known.contains(&text.as_str())).collect();
            assert!(said.is_empty(), "{}: {said:?}", path.display());
            count += 1;
        }
        assert!(count > 15, "{count}");
    }

    #[test]
    fn a_french_page_has_no_english_sentence() {
        let texts = |file: &'static str| file.lines().filter_map(|line| line.split_once(" = ")).collect::<Vec<_>>();
        let french: BTreeSet<&str> = files!("fr").into_iter().flat_map(texts).map(|(_, text)| text).collect();
        let english: Vec<&str> = files!("en").into_iter().flat_map(texts).map(|(_, text)| text).collect();
        // Short words may be names, or the same in both.
        let english: Vec<&str> = english
            .into_iter()
            .filter(|text| text.chars().count() >= 12 && !text.contains('{') && !french.contains(text))
            .collect();
        assert!(english.len() > 50);
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/web/tests/pages");
        let mut count = 0;
        for file in std::fs::read_dir(folder).expect("pages") {
            let path = file.expect("a file").path();
            if path.to_string_lossy().ends_with(".fr.html") {
                let page = std::fs::read_to_string(&path).expect("text");
                // What a choice sends is the same in all languages.
                let read = page.split("<option value=\"").enumerate();
                let read = read.map(|(n, text)| if n == 0 { text } else { text.split_once('"').map_or("", |t| t.1) });
                let page: String = read.collect();
                let found: Vec<_> = english.iter().filter(|text| page.contains(**text)).collect();
                assert!(found.is_empty(), "{}: {found:?}", path.display());
                count += 1;
            }
        }
        assert!(count >= 10, "{count}");
    }

    #[test]
    fn arguments_are_put_in_without_marks() {
        assert_eq!(Language::French.texts().with("viewers", "count", 3_u64), "Spectateurs : 3");
        assert_eq!(Language::English.texts().get("no-such-key"), "no-such-key");
    }
}
