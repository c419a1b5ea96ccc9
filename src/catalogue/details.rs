//! What people say of a video: description, language, kind, licence, tags, speakers, chapters; and which part of it is shown.
//!
//! **Promises.** All text that comes from outside is bounded and free of control characters. Times of chapters, cut and poster are those of
//! the whole recording, so that a cut can be taken back: [`Cut::shown`] tells where they are on what is shown.

use super::database::Row;
use super::id::VideoId;
use super::job::JobKind;
use super::slug;
use super::statement::{Statement, int};
use super::video::VideoChange;
use super::{Catalogue, Error};
use media::caption::language::Language;
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// Of a description, in characters.
pub const MAX_DESCRIPTION: usize = 10_000;
/// Tags of one video.
pub const MAX_TAGS: usize = 30;
/// Of a tag, in characters.
pub const MAX_TAG: usize = 50;
/// Speakers of one video.
pub const MAX_SPEAKERS: usize = 30;
/// Chapters of one video.
pub const MAX_CHAPTERS: usize = 200;
/// Of a licence's identifier, in bytes.
const MAX_LICENCE: usize = 64;
/// What a cut leaves at least.
const LEAST_SHOWN: Duration = Duration::from_secs(1);

/// What people say of a video.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Details {
    /// Markdown.
    pub description: String,
    /// Of what is said; `None`: unknown.
    pub language: Option<Language>,
    /// What sort of thing it is.
    pub kind: VideoKind,
    /// An identifier like those of SPDX, such as `CC-BY-4.0`; empty: none was given.
    pub licence: String,
    /// In lower case.
    pub tags: BTreeSet<String>,
    /// In the order in which they are named.
    pub speakers: Vec<String>,
    /// By their start.
    pub chapters: Vec<Chapter>,
    /// Which part of it is shown.
    pub cut: Cut,
    /// Its poster is of this moment of the whole recording; `None`: chosen by machine.
    pub poster_at: Option<Duration>,
    /// It waits for who says that it is theirs.
    pub claimable: bool,
}

/// Where something begins.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Chapter {
    /// Of the whole recording, to the millisecond.
    pub start: Duration,
    /// 1 to 200 characters.
    pub title: String,
}

/// Which part of a recording is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cut {
    /// From there; `None`: from the beginning.
    pub start: Option<Duration>,
    /// To there; `None`: to the end.
    pub end: Option<Duration>,
}

impl Cut {
    pub(super) fn of(row: &Row) -> Result<Self, Error> {
        Ok(Self { start: row.maybe_duration("cut_start_ms")?, end: row.maybe_duration("cut_end_ms")? })
    }

    /// Whether nothing is cut.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.start.is_none() && self.end.is_none()
    }

    /// Where a moment of the whole recording is on what is shown; `None`: it is not shown.
    #[must_use]
    pub fn shown(&self, at: Duration) -> Option<Duration> {
        let after = self.end.is_some_and(|end| at >= end);
        if after { None } else { at.checked_sub(self.start.unwrap_or_default()) }
    }

    /// That something is left of a recording of this length.
    ///
    /// # Errors
    /// `Invalid`, with the field.
    pub fn check(&self, duration: Option<Duration>) -> Result<(), Error> {
        let start = self.start.unwrap_or_default();
        let wrong = |field, reason| Err(Error::invalid(field, reason));
        if let (Some(end), Some(duration)) = (self.end, duration)
            && end > duration
        {
            return wrong("cut_end_ms", "must not lie after the recording's end");
        }
        match self.end.or(duration) {
            Some(end) if end < start.saturating_add(LEAST_SHOWN) => {
                wrong(if self.end.is_some() { "cut_end_ms" } else { "cut_start_ms" }, "must leave a second at least")
            }
            _ => Ok(()),
        }
    }
}

/// What sort of thing a video is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum VideoKind {
    /// One of a course.
    #[default]
    Lecture,
    /// For few, with talk.
    Seminar,
    /// For many, once.
    Conference,
    /// How something is done.
    Tutorial,
    /// A thesis' defence, an opening, a graduation.
    Ceremony,
    /// Something else.
    Other,
}

impl VideoKind {
    /// All there are.
    pub const ALL: [Self; 6] =
        [Self::Lecture, Self::Seminar, Self::Conference, Self::Tutorial, Self::Ceremony, Self::Other];

    /// As the API and the catalogue call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Lecture => "lecture",
            Self::Seminar => "seminar",
            Self::Conference => "conference",
            Self::Tutorial => "tutorial",
            Self::Ceremony => "ceremony",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for VideoKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for VideoKind {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|kind| kind.name() == text);
        found.ok_or("must be lecture, seminar, conference, tutorial, ceremony or other")
    }
}

/// What to change; `None` leaves as is, the inner `None` empties.
#[derive(Clone, Debug, Default)]
pub struct DetailsChange {
    /// What is changed with it.
    pub video: VideoChange,
    /// At most [`MAX_DESCRIPTION`] characters.
    pub description: Option<String>,
    /// See [`Details::language`].
    pub language: Option<Option<Language>>,
    /// See [`Details::kind`].
    pub kind: Option<VideoKind>,
    /// At most 64 letters, digits, `.`, `-` and `+`; empty for none.
    pub licence: Option<String>,
    /// At most [`MAX_TAGS`] of at most [`MAX_TAG`] characters; lower case is made of them.
    pub tags: Option<Vec<String>>,
    /// At most [`MAX_SPEAKERS`], 1 to 200 characters each.
    pub speakers: Option<Vec<String>>,
    /// At most [`MAX_CHAPTERS`], no two at one moment.
    pub chapters: Option<Vec<Chapter>>,
    /// Not while it is being recorded; leaves a second at least.
    pub cut: Option<Cut>,
    /// See [`Details::poster_at`].
    pub poster_at: Option<Option<Duration>>,
    /// See [`Details::claimable`].
    pub claimable: Option<bool>,
}

/// Markdown as it is stored: lines end with `\n`, no other control characters than that and the tabulator.
pub(super) fn markdown(field: &'static str, text: &str) -> Result<String, Error> {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let text = text.trim_end();
    let control = |c: char| c.is_control() && c != '\n' && c != '\t';
    if text.chars().nth(MAX_DESCRIPTION).is_some() || text.chars().any(control) {
        return Err(Error::invalid(field, "must be at most 10,000 characters"));
    }
    Ok(text.to_owned())
}

fn tags(texts: &[String]) -> Result<BTreeSet<String>, Error> {
    let wrong = || Error::invalid("tags", "must be at most 30 tags of 1 to 50 characters");
    let mut tags = BTreeSet::new();
    for text in texts {
        let tag = text.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase();
        // A comma would come back as two from a form.
        let bad = |c: char| c.is_control() || c == ',';
        if tag.is_empty() || tag.chars().nth(MAX_TAG).is_some() || tag.chars().any(bad) {
            return Err(wrong());
        }
        tags.insert(tag);
        if tags.len() > MAX_TAGS {
            return Err(wrong());
        }
    }
    Ok(tags)
}

/// Names as they are stored, in their order.
pub(super) fn speakers(names: &[String]) -> Result<Vec<String>, Error> {
    if names.len() > MAX_SPEAKERS {
        return Err(Error::invalid("speakers", "must be at most 30"));
    }
    names.iter().map(|name| slug::title("speakers", name)).collect()
}

fn chapters(mut chapters: Vec<Chapter>, duration: Option<Duration>) -> Result<Vec<(i64, String)>, Error> {
    if chapters.len() > MAX_CHAPTERS {
        return Err(Error::invalid("chapters", "must be at most 200"));
    }
    chapters.sort();
    let mut checked = Vec::with_capacity(chapters.len());
    for chapter in chapters {
        if duration.is_some_and(|duration| chapter.start >= duration) {
            return Err(Error::invalid("chapters", "must begin before the recording's end"));
        }
        let start = ms("chapters", chapter.start)?;
        if checked.last().is_some_and(|(last, _)| *last == start) {
            return Err(Error::invalid("chapters", "must begin at different moments"));
        }
        checked.push((start, slug::title("chapters", &chapter.title)?));
    }
    Ok(checked)
}

/// A licence's identifier as it is stored.
///
/// # Errors
/// `Invalid`: it is none.
pub fn licence(text: &str) -> Result<String, Error> {
    let text = text.trim();
    let good = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'+');
    if text.len() > MAX_LICENCE || !text.bytes().all(good) {
        return Err(Error::invalid("licence", "must be an identifier such as CC-BY-4.0"));
    }
    Ok(text.to_owned())
}

fn ms(field: &'static str, duration: Duration) -> Result<i64, Error> {
    int(field, u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

fn maybe_ms(field: &'static str, duration: Option<Duration>) -> Result<Option<i64>, Error> {
    duration.map(|duration| ms(field, duration)).transpose()
}

fn model(row: &Row) -> Result<Details, Error> {
    Ok(Details {
        description: row.text("description")?,
        language: row.maybe_text("language")?.as_deref().and_then(Language::new),
        // One of a later version is something else to this one.
        kind: row.text("kind")?.parse().unwrap_or(VideoKind::Other),
        licence: row.text("licence")?,
        cut: Cut::of(row)?,
        poster_at: row.maybe_duration("poster_at_ms")?,
        claimable: row.flag("claimable")?,
        ..Details::default()
    })
}

impl Catalogue {
    /// What is said of a video; `None`: there is none, or it is deleted.
    ///
    /// # Errors
    /// `Database`.
    pub async fn details(&self, id: &VideoId) -> Result<Option<Details>, Error> {
        let statement = self
            .statement(
                "SELECT description, language, kind, licence, cut_start_ms, cut_end_ms, poster_at_ms, claimable \
                 FROM videos WHERE tenant_id = $1 AND id = $2 AND deleted_ms IS NULL",
            )
            .bind(id.as_str());
        let Some(row) = self.database.row(statement).await? else { return Ok(None) };
        let mut details = model(&row)?;
        let of_it = |sql| self.statement(sql).bind(id.as_str());
        let rows = "SELECT tag FROM video_tags WHERE tenant_id = $1 AND video_id = $2";
        for row in self.database.rows(of_it(rows)).await? {
            details.tags.insert(row.text("tag")?);
        }
        let rows = "SELECT name FROM video_speakers WHERE tenant_id = $1 AND video_id = $2 ORDER BY position";
        for row in self.database.rows(of_it(rows)).await? {
            details.speakers.push(row.text("name")?);
        }
        let rows = "SELECT start_ms, title FROM chapters WHERE tenant_id = $1 AND video_id = $2 ORDER BY start_ms";
        for row in self.database.rows(of_it(rows)).await? {
            let start = Duration::from_millis(row.unsigned("start_ms")?);
            details.chapters.push(Chapter { start, title: row.text("title")? });
        }
        Ok(Some(details))
    }

    /// Changes what is said of a video, all or nothing, and answers what it is now. Another cut or another moment for its poster has its pictures made
    /// anew.
    ///
    /// # Errors
    /// `NotFound`; `Conflict`: it is to be cut and still being recorded; `Invalid`, `Database`.
    pub async fn change_details(&self, id: &VideoId, change: DetailsChange) -> Result<Details, Error> {
        let video = self.video(id).await?.ok_or(Error::NotFound("video"))?;
        let recut = change.cut.is_some_and(|cut| cut != video.cut);
        // Saying again what it is makes no new pictures.
        let pictures = recut || self.has_other_poster(id, change.poster_at).await?;
        let mut statement = change.video.pushed(self.statement("UPDATE videos SET tenant_id = $1"))?;
        if let Some(text) = &change.description {
            statement = statement.push_bind(", description = ", markdown("description", text)?);
        }
        if let Some(language) = &change.language {
            let tag = language.as_ref().map(|language| language.tag().to_owned());
            statement = statement.push_bind(", language = ", tag);
        }
        if let Some(kind) = change.kind {
            statement = statement.push_bind(", kind = ", kind.name());
        }
        if let Some(text) = &change.licence {
            statement = statement.push_bind(", licence = ", licence(text)?);
        }
        if let Some(cut) = change.cut {
            if video.duration.is_none() && !cut.is_none() {
                return Err(Error::Conflict("the video is still being recorded: end the live first"));
            }
            cut.check(video.duration)?;
            statement = statement
                .push_bind(", cut_start_ms = ", maybe_ms("cut_start_ms", cut.start)?)
                .push_bind(", cut_end_ms = ", maybe_ms("cut_end_ms", cut.end)?);
            if recut {
                // Its pictures may show what is cut away: there are none until others are made.
                statement = statement.push(", pictured_ms = NULL");
            }
        }
        if let Some(at) = change.poster_at {
            if at.zip(video.duration).is_some_and(|(at, duration)| at >= duration) {
                return Err(Error::invalid("poster_at_ms", "must lie before the recording's end"));
            }
            statement = statement.push_bind(", poster_at_ms = ", maybe_ms("poster_at_ms", at)?);
        }
        if let Some(claimable) = change.claimable {
            statement = statement.push_bind(", claimable = ", claimable);
        }
        let mut statements =
            vec![statement.push_bind(" WHERE tenant_id = $1 AND deleted_ms IS NULL AND id = ", id.as_str())];
        if let Some(texts) = &change.tags {
            self.replace_tags(&mut statements, id, tags(texts)?);
        }
        if let Some(names) = &change.speakers {
            self.replace_speakers(&mut statements, id, speakers(names)?)?;
        }
        if let Some(list) = change.chapters {
            self.replace_chapters(&mut statements, id, chapters(list, video.duration)?);
        }
        let mut tx = self.database.begin().await?;
        for (n, statement) in statements.into_iter().enumerate() {
            if tx.execute(statement).await? == 0 && n == 0 {
                return Err(Error::NotFound("video"));
            }
        }
        if let (true, Some(ended_at)) = (pictures, video.ended_at) {
            self.add_job_in(&mut tx, JobKind::Storyboard, id, ended_at).await?;
        }
        tx.commit().await?;
        self.changes.video(&self.tenant, id);
        self.details(id).await?.ok_or(Error::NotFound("video"))
    }

    async fn has_other_poster(&self, id: &VideoId, wanted: Option<Option<Duration>>) -> Result<bool, Error> {
        let Some(wanted) = wanted else { return Ok(false) };
        let sql = "SELECT poster_at_ms FROM videos WHERE tenant_id = $1 AND id = $2";
        let row = self.database.row(self.statement(sql).bind(id.as_str())).await?;
        Ok(row.map(|row| row.maybe_duration("poster_at_ms")).transpose()?.is_some_and(|now| now != wanted))
    }

    fn replace_tags(&self, statements: &mut Vec<Statement>, id: &VideoId, tags: BTreeSet<String>) {
        let sql = "DELETE FROM video_tags WHERE tenant_id = $1 AND video_id = $2";
        statements.push(self.statement(sql).bind(id.as_str()));
        for tag in tags {
            let sql = "INSERT INTO video_tags (tenant_id, video_id, tag) VALUES ($1, $2, $3)";
            statements.push(self.statement(sql).bind(id.as_str()).bind(tag));
        }
    }

    fn replace_speakers(&self, to: &mut Vec<Statement>, id: &VideoId, names: Vec<String>) -> Result<(), Error> {
        let sql = "DELETE FROM video_speakers WHERE tenant_id = $1 AND video_id = $2";
        to.push(self.statement(sql).bind(id.as_str()));
        self.add_speakers(to, id, names)
    }

    /// Those of a video that has none.
    pub(super) fn add_speakers(&self, to: &mut Vec<Statement>, id: &VideoId, names: Vec<String>) -> Result<(), Error> {
        for (position, name) in (0_u64..).zip(names) {
            let sql = "INSERT INTO video_speakers (tenant_id, video_id, position, name) VALUES ($1, $2, $3, $4)";
            to.push(self.statement(sql).bind(id.as_str()).bind(int("speakers", position)?).bind(name));
        }
        Ok(())
    }

    fn replace_chapters(&self, statements: &mut Vec<Statement>, id: &VideoId, chapters: Vec<(i64, String)>) {
        let sql = "DELETE FROM chapters WHERE tenant_id = $1 AND video_id = $2";
        statements.push(self.statement(sql).bind(id.as_str()));
        for (start_ms, title) in chapters {
            let sql = "INSERT INTO chapters (tenant_id, video_id, start_ms, title) VALUES ($1, $2, $3, $4)";
            statements.push(self.statement(sql).bind(id.as_str()).bind(start_ms).bind(title));
        }
    }
}
