//! `/videos/{id}/edit`: a video as its owner writes of it. What can't be taken is said beside what was typed, and nothing of it is stored.

use super::found::{self, broken};
use super::times;
use crate::archive::layout::Layout;
use crate::catalogue::details::{Cut, Details, DetailsChange, VideoKind};
use crate::catalogue::video::{Video, VideoChange};
use crate::catalogue::{Catalogue, Error};
use crate::http::cutting::{self, Unreadable};
use crate::http::pages::Reader;
use crate::http::pages::asking::Asking;
use crate::http::pages::form::{Choice, Fields, FormPage};
use crate::http::pages::frame::Frame;
use crate::http::pages::people::{failed, not_ours, see};
use crate::http::pages::texts::Texts;
use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use media::caption::language::Language;
use serde::Deserialize;
use std::time::Duration;

/// What stands in the form.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Sent {
    title: String,
    description: String,
    /// A line each.
    speakers: String,
    /// With commas between.
    tags: String,
    kind: String,
    language: String,
    licence: String,
    /// A line each, see [`times::read_chapters`].
    chapters: String,
    /// Of the whole recording; empty: from its beginning.
    from: String,
    /// Empty: to its end.
    until: String,
    /// Empty: chosen by machine.
    poster: String,
}

#[derive(Template)]
#[template(path = "video-edit.html")]
struct Page<'a> {
    frame: Frame<'a>,
    token: &'a str,
    video: &'a Video,
    sent: &'a Sent,
    kinds: Vec<Choice>,
    /// How long the whole recording is; empty while it is being made.
    whole: String,
    saved: bool,
    /// What can't be taken, in the reader's words; empty: nothing.
    trouble: String,
    /// Its key.
    wrong: &'static str,
}

impl Page<'_> {
    /// Whether what can't be taken is in this field.
    fn is_about(&self, field: &str) -> bool {
        let no_time = |text: &str| !text.trim().is_empty() && times::read(text).is_none();
        match (self.wrong, field) {
            ("edit-bad-time", "from") => no_time(&self.sent.from),
            ("edit-bad-time", "until") => no_time(&self.sent.until),
            ("edit-bad-time", "poster") => no_time(&self.sent.poster),
            ("edit-bad-cut", "from" | "until") | ("edit-bad-line", "chapters") => true,
            (key, field) => key.strip_prefix("edit-bad-") == Some(field),
        }
    }
}

/// Why nothing was changed.
enum Refused {
    /// A field can't be taken: the key of what is said of it, and a line's number where that helps.
    Field(&'static str, usize),
    Catalogue(Error),
    Unreadable,
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        Self::Catalogue(error)
    }
}

impl From<Unreadable> for Refused {
    fn from(_: Unreadable) -> Self {
        Self::Unreadable
    }
}

/// What a request is about.
struct Asked<'a> {
    catalogue: &'a Catalogue,
    reader: Reader<'a>,
    video: Video,
}

impl<'a> Asked<'a> {
    /// # Errors
    /// There is no such video, or it can't be said: the page that says so.
    async fn of(catalogue: &'a Catalogue, reader: Reader<'a>, id: &str) -> Result<Self, Box<Response>> {
        let video = found::video(catalogue, &reader, id).await?;
        Ok(Self { catalogue, reader, video })
    }

    fn texts(&self) -> &'static Texts {
        self.reader.texts()
    }

    /// The form as things are.
    async fn now(&self) -> Result<Sent, Error> {
        let details = self.catalogue.details(&self.video.id).await?.ok_or(Error::NotFound("video"))?;
        Ok(Sent::of(&self.video, &details))
    }

    fn show(&self, status: StatusCode, sent: &Sent, saved: bool, trouble: String, wrong: &'static str) -> Response {
        let t = self.texts();
        let kind = |kind: VideoKind| Choice {
            value: kind.name().to_owned(),
            text: t.get(&format!("video-kind-{kind}")),
            chosen: kind.name() == sent.kind,
        };
        let form = FormPage::new(&self.reader);
        let page = Page {
            frame: form.frame(),
            token: form.token(),
            video: &self.video,
            kinds: VideoKind::ALL.into_iter().map(kind).collect(),
            whole: self.video.duration.map_or_else(String::new, times::write),
            sent,
            saved,
            trouble,
            wrong,
        };
        form.respond(status, &page)
    }

    fn refused(&self, sent: &Sent, refused: Refused) -> Response {
        let (status, key, line) = match refused {
            Refused::Field(key, line) => (StatusCode::UNPROCESSABLE_ENTITY, key, line),
            Refused::Catalogue(Error::Invalid { field, .. }) => {
                (StatusCode::UNPROCESSABLE_ENTITY, trouble_of(field), 0)
            }
            Refused::Catalogue(Error::Conflict(_)) => (StatusCode::CONFLICT, "edit-still-live", 0),
            Refused::Catalogue(error) => return *broken(&self.reader, &error),
            Refused::Unreadable => return failed(&self.reader),
        };
        self.show(status, sent, false, self.texts().with(key, "line", line), key)
    }

    async fn apply(&self, layout: &Layout, sent: &Sent) -> Result<(), Refused> {
        let change = sent.read()?;
        let cut = match change.cut {
            Some(asked) => {
                asked.check(self.video.duration)?;
                Some(cutting::around(layout, &self.video, asked).await?)
            }
            None => None,
        };
        self.catalogue.change_details(&self.video.id, DetailsChange { cut, ..change }).await?;
        Ok(())
    }
}

/// Key of what is said of a field that the catalogue does not take.
fn trouble_of(field: &str) -> &'static str {
    match field {
        "title" => "edit-bad-title",
        "description" => "edit-bad-description",
        "speakers" => "edit-bad-speakers",
        "tags" => "edit-bad-tags",
        "licence" => "edit-bad-licence",
        "chapters" => "edit-bad-chapters",
        "cut_start_ms" | "cut_end_ms" => "edit-bad-cut",
        "poster_at_ms" => "edit-bad-poster",
        _ => "edit-bad-field",
    }
}

impl Sent {
    fn of(video: &Video, details: &Details) -> Self {
        let time = |at: Option<Duration>| at.map_or_else(String::new, times::write);
        Self {
            title: video.title.clone(),
            description: details.description.clone(),
            speakers: details.speakers.join("\n"),
            tags: details.tags.iter().map(String::as_str).collect::<Vec<_>>().join(", "),
            kind: details.kind.name().to_owned(),
            language: details.language.as_ref().map_or_else(String::new, |language| language.tag().to_owned()),
            licence: details.licence.clone(),
            chapters: times::write_chapters(&details.chapters),
            from: time(details.cut.start),
            until: time(details.cut.end),
            poster: time(details.poster_at),
        }
    }

    fn read(&self) -> Result<DetailsChange, Refused> {
        let bad = |key| Refused::Field(key, 0);
        let time = |text: &str| match text.trim() {
            "" => Ok(None),
            text => times::read(text).map(Some).ok_or(bad("edit-bad-time")),
        };
        let language = match self.language.trim() {
            "" => None,
            tag => Some(Language::new(tag).ok_or(bad("edit-bad-language"))?),
        };
        let filled = |text: &&str| !text.trim().is_empty();
        let chapters = times::read_chapters(&self.chapters).map_err(|line| Refused::Field("edit-bad-line", line))?;
        Ok(DetailsChange {
            video: VideoChange { title: Some(self.title.clone()), listed: None },
            description: Some(self.description.clone()),
            language: Some(language),
            kind: Some(self.kind.parse().map_err(|_| bad("edit-bad-field"))?),
            licence: Some(self.licence.clone()),
            tags: Some(self.tags.split(',').filter(filled).map(str::to_owned).collect()),
            speakers: Some(self.speakers.lines().filter(filled).map(str::to_owned).collect()),
            chapters: Some(chapters),
            cut: Some(Cut { start: time(&self.from)?, end: time(&self.until)? }),
            poster_at: Some(time(&self.poster)?),
            ..DetailsChange::default()
        })
    }
}

/// `GET /videos/{id}/edit`.
pub(super) async fn page(asking: Asking, Path(id): Path<String>, RawQuery(query): RawQuery) -> Response {
    let reader = asking.reader();
    let asked = match Asked::of(asking.accounts.catalogue(), reader, &id).await {
        Ok(asked) => asked,
        Err(page) => return *page,
    };
    match asked.now().await {
        Ok(sent) => asked.show(StatusCode::OK, &sent, query.as_deref() == Some("saved"), String::new(), ""),
        Err(error) => *broken(&asked.reader, &error),
    }
}

/// `POST /videos/{id}/edit`.
pub(super) async fn send(
    State(layout): State<Layout>,
    asking: Asking,
    Path(id): Path<String>,
    Fields(sent): Fields<Sent>,
) -> Response {
    let reader = asking.reader();
    let Some(sent) = sent else { return not_ours(&reader) };
    let asked = match Asked::of(asking.accounts.catalogue(), reader, &id).await {
        Ok(asked) => asked,
        Err(page) => return *page,
    };
    match asked.apply(&layout, &sent).await {
        Ok(()) => see(&format!("/videos/{}/edit?saved", asked.video.id)),
        Err(refused) => asked.refused(&sent, refused),
    }
}
