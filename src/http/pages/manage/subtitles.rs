//! `/videos/{id}/subtitles`: captions of a video, language by language: written, mended, replaced by a file, hidden, or as the machine heard them again.

use super::found;
use crate::archive::layout::Layout;
use crate::archive::transcript::{self, Offered};
use crate::catalogue::video::{Video, VideoState};
use crate::http::accounts::Accounts;
use crate::http::captioning::{self, Failed, Wish};
use crate::http::gate::Noted;
use crate::http::pages::asking::Asking;
use crate::http::pages::form::{Fields, FormPage};
use crate::http::pages::frame::Frame;
use crate::http::pages::people::{failed, not_ours, see};
use crate::http::pages::{ErrorPage, Reader};
use askama::Template;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use media::caption::import::{self, Why};
use media::caption::language::Language;
use serde::Deserialize;

/// What the address says.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    language: String,
    saved: Option<String>,
}

/// What the form says.
#[derive(Debug, Deserialize)]
pub(super) struct Sent {
    language: String,
    text: String,
    /// `save`, `hide` or `machine`.
    act: String,
}

#[derive(Template)]
#[template(path = "video-subtitles.html")]
struct Page<'a> {
    frame: Frame<'a>,
    token: &'a str,
    video: &'a Video,
    offered: Vec<Offered>,
    /// Whose text is in the form; empty: a new one.
    language: &'a str,
    text: &'a str,
    saved: bool,
    /// What can't be taken, in the reader's words; empty: nothing.
    trouble: String,
}

impl Page<'_> {
    /// Those of the machine are all that there is of it.
    fn by_machine(&self) -> bool {
        self.offered.iter().any(|one| one.language.tag() == self.language && one.by_machine)
    }

    /// Whether what can't be taken is in this field: the language, or else what is said.
    fn is_about(&self, field: &str) -> bool {
        let bad_language = Language::new(self.language.trim()).is_none();
        !self.trouble.is_empty() && bad_language == (field == "language")
    }

    fn is_offered(&self) -> bool {
        self.offered.iter().any(|one| one.language.tag() == self.language)
    }
}

struct Desk<'a> {
    layout: &'a Layout,
    reader: Reader<'a>,
    video: Video,
}

impl<'a> Desk<'a> {
    /// # Errors
    /// There is no such finished video, or it can't be said: the page that says so.
    async fn of(accounts: &Accounts, layout: &'a Layout, reader: Reader<'a>, id: &str) -> Result<Self, Box<Response>> {
        let video = found::video(accounts.catalogue(), &reader, id).await?;
        if video.state == VideoState::Live {
            return Err(Box::new(ErrorPage::NotFound.render_for(&reader)));
        }
        Ok(Self { layout, reader, video })
    }

    async fn show(&self, status: StatusCode, language: &str, text: &str, saved: bool, trouble: String) -> Response {
        let form = FormPage::new(&self.reader);
        let page = Page {
            frame: form.frame(),
            token: form.token(),
            video: &self.video,
            offered: transcript::offered(self.layout, self.video.id.as_str()).await,
            language,
            text,
            saved,
            trouble,
        };
        form.respond(status, &page)
    }

    fn said(&self, key: &str, line: usize) -> String {
        self.reader.texts().with(key, "line", line)
    }
}

/// `GET /videos/{id}/subtitles?language=fr`.
pub(super) async fn page(
    State(layout): State<Layout>,
    asking: Asking,
    Path(id): Path<String>,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Response {
    let reader = asking.reader();
    let desk = match Desk::of(&asking.accounts, &layout, reader, &id).await {
        Ok(desk) => desk,
        Err(page) => return *page,
    };
    let asked = asked.map(|Query(asked)| asked).unwrap_or_default();
    let language = Language::new(&asked.language);
    let tag = language.as_ref().map_or("", Language::tag).to_owned();
    let text = match language {
        Some(language) => captioning::text(&layout, &desk.video, language).await,
        None => Ok(None),
    };
    match text {
        Ok(text) => {
            let text = text.unwrap_or_else(|| "WEBVTT\n\n".to_owned());
            desk.show(StatusCode::OK, &tag, &text, asked.saved.is_some(), String::new()).await
        }
        Err(Failed) => failed(&desk.reader),
    }
}

/// `POST /videos/{id}/subtitles`.
pub(super) async fn send(
    State(layout): State<Layout>,
    asking: Asking,
    Path(id): Path<String>,
    Fields(sent): Fields<Sent>,
) -> Response {
    let reader = asking.reader();
    let Some(sent) = sent else { return not_ours(&reader) };
    let desk = match Desk::of(&asking.accounts, &layout, reader, &id).await {
        Ok(desk) => desk,
        Err(page) => return *page,
    };
    let refused = |key: &str, line| {
        let trouble = desk.said(key, line);
        desk.show(StatusCode::UNPROCESSABLE_ENTITY, &sent.language, &sent.text, false, trouble)
    };
    let Some(language) = Language::new(sent.language.trim()) else { return refused("edit-bad-language", 0).await };
    let wish = match sent.act.as_str() {
        "hide" => Wish::Hide,
        "machine" => Wish::TakeBack,
        _ => match import::read(&sent.text) {
            Ok(captions) if captions.is_empty() => return refused("subtitles-none", 0).await,
            Ok(captions) => Wish::Replace(captions),
            Err(error) => return refused(trouble_of(error.why), error.line).await,
        },
    };
    let tag = language.tag().to_owned();
    match captioning::change(asking.accounts.catalogue(), &layout, &desk.video, language, wish).await {
        Ok(()) => Noted(format!("captions {tag}"))
            .on(see(&format!("/videos/{}/subtitles?language={tag}&saved", desk.video.id))),
        Err(Failed) => failed(&desk.reader),
    }
}

/// Key of what is said of a text that can't be taken.
fn trouble_of(why: Why) -> &'static str {
    match why {
        Why::TooLong => "subtitles-too-long",
        Why::Time => "subtitles-bad-time",
        Why::Backwards => "subtitles-backwards",
        Why::Untimed => "subtitles-untimed",
    }
}
