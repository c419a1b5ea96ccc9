//! What a broadcaster's lives are captioned with: languages, and the names of the place. Columns of its row.

use super::Error;
use super::database::Row;
use super::statement::Statement;
use media::caption::language::Language;
use media::caption::vocabulary::Vocabulary;

/// Languages of one broadcaster: each takes a third of a core and some 100 MB while it is on air.
pub const MAX_LANGUAGES: usize = 8;

/// As they are stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CaptionSettings {
    /// Which, none of them twice; `None`: the setting `captions.languages`. Empty: it is not captioned.
    pub languages: Option<Vec<Language>>,
    /// How names are written, beside what the setting `captions.vocabulary` says.
    pub vocabulary: Vocabulary,
    /// Nothing but the vocabulary is heard, by models that can be kept to one, in languages that it has entries for.
    pub exclusive: bool,
}

/// What to change; `None` leaves as is.
#[derive(Clone, Debug, Default)]
pub struct CaptionChange {
    /// See [`CaptionSettings::languages`]; at most [`MAX_LANGUAGES`].
    pub languages: Option<Option<Vec<Language>>>,
    /// See [`CaptionSettings::vocabulary`].
    pub vocabulary: Option<Vocabulary>,
    /// See [`CaptionSettings::exclusive`].
    pub exclusive: Option<bool>,
}

impl CaptionSettings {
    /// What this version does not know any more is left out: a broadcaster goes on air whatever stands there.
    pub(super) fn of(row: &Row) -> Result<Self, Error> {
        let languages = row.maybe_text("caption_languages")?;
        Ok(Self {
            languages: languages.map(|tags| tags.split(',').filter_map(Language::new).collect()),
            vocabulary: Vocabulary::of_kept(&row.text("vocabulary")?),
            exclusive: row.flag("vocabulary_exclusive")?,
        })
    }

    /// The values of `caption_languages`, `vocabulary` and `vocabulary_exclusive`.
    pub(super) fn bind(&self, statement: Statement) -> Result<Statement, Error> {
        let languages = text(self.languages.as_deref())?;
        Ok(statement.bind(languages).bind(self.vocabulary.lines().join("\n")).bind(self.exclusive))
    }
}

impl CaptionChange {
    /// Adds what changes to an UPDATE.
    pub(super) fn push(self, mut statement: Statement) -> Result<Statement, Error> {
        if let Some(languages) = self.languages {
            statement = statement.push_bind(", caption_languages = ", text(languages.as_deref())?);
        }
        if let Some(vocabulary) = self.vocabulary {
            statement = statement.push_bind(", vocabulary = ", vocabulary.lines().join("\n"));
        }
        if let Some(exclusive) = self.exclusive {
            statement = statement.push_bind(", vocabulary_exclusive = ", exclusive);
        }
        Ok(statement)
    }
}

fn text(languages: Option<&[Language]>) -> Result<Option<String>, Error> {
    let Some(languages) = languages else { return Ok(None) };
    let tags: Vec<&str> = languages.iter().map(Language::tag).collect();
    let same = |(n, tag): (usize, &&str)| tags.iter().skip(n + 1).any(|other| other.eq_ignore_ascii_case(tag));
    if tags.len() > MAX_LANGUAGES || tags.iter().enumerate().any(same) {
        return Err(Error::invalid("caption_languages", "must be at most 8 languages, each of them once"));
    }
    Ok(Some(tags.join(",")))
}
