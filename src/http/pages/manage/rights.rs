//! `/videos/{id}/rights`: whom a video is for, whose it is, whether it may be taken away, links to a draft; and to delete it, or give it back.

use super::found::{self, broken};
use crate::catalogue::access::AccessChange;
use crate::catalogue::id::{PersonId, VideoId};
use crate::catalogue::link::Link;
use crate::catalogue::video::Video;
use crate::catalogue::{Catalogue, Error};
use crate::http::accounts::Accounts;
use crate::http::gate::Noted;
use crate::http::pages::asking::Asking;
use crate::http::pages::form::{Fields, FormPage, Pair, said};
use crate::http::pages::frame::Frame;
use crate::http::pages::people::{not_ours, see};
use crate::http::pages::source::Source;
use crate::http::pages::visibility::{self, Whom};
use crate::http::pages::{ErrorPage, Reader};
use crate::policy::object::{Action, Kind, VideoPart};
use crate::policy::state::State as Standing;
use askama::Template;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, HeaderValue};
use axum::response::Response;
use media::time::WallTime;
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::collections::BTreeSet;

/// How long a link may open a draft, in days.
const DAYS: [u16; 4] = [1, 7, 30, 90];
const DAY_MICROS: i64 = 24 * 3_600 * 1_000_000;
/// Of one video that are read of a form: nobody has more.
const MAX_OWNERS: usize = 50;

/// A link that still opens the draft, or did.
struct Line {
    link: Link,
    over: bool,
}

#[derive(Template)]
#[template(path = "video-rights.html")]
struct Page<'a> {
    frame: Frame<'a>,
    token: &'a str,
    video: &'a Video,
    whom: Whom,
    downloadable: bool,
    /// A line each: a login, a mail address for who has none, or an id.
    owners: String,
    links: Vec<Line>,
    days: [u16; 4],
    /// A link that was made, to be copied now.
    made: Option<String>,
    saved: bool,
    /// Key of what can't be taken; empty: nothing.
    trouble: &'static str,
}

impl Page<'_> {
    /// The field that can't be taken; empty: none.
    fn wrong(&self) -> &'static str {
        match self.trouble {
            "rights-nobody" | "rights-no-owner" => "owners",
            "rights-bad-label" => "label",
            whom => visibility::field(whom),
        }
    }

    fn is_about(&self, field: &str) -> bool {
        self.wrong() == field
    }
}

/// What a request is about.
struct Asked<'a> {
    accounts: &'a Accounts,
    reader: Reader<'a>,
    video: Video,
    standing: Standing,
}

impl<'a> Asked<'a> {
    /// # Errors
    /// There is no such video, or it can't be said: the page that says so.
    async fn of(accounts: &'a Accounts, reader: Reader<'a>, id: &str) -> Result<Self, Box<Response>> {
        let video = found::video(accounts.catalogue(), &reader, id).await?;
        let standing = accounts.catalogue().video_state(&video.id).await;
        match standing.and_then(|standing| standing.ok_or(Error::NotFound("video"))) {
            Ok(standing) => Ok(Self { accounts, reader, video, standing }),
            Err(error) => Err(broken(&reader, &error)),
        }
    }

    fn catalogue(&self) -> &Catalogue {
        self.accounts.catalogue()
    }

    async fn show(&self, status: StatusCode, saved: bool, trouble: &'static str, made: Option<String>) -> Response {
        self.shown(status, saved, trouble, made).await.unwrap_or_else(|error| *broken(&self.reader, &error))
    }

    async fn shown(
        &self,
        status: StatusCode,
        saved: bool,
        trouble: &'static str,
        made: Option<String>,
    ) -> Result<Response, Error> {
        let texts = self.reader.texts();
        let standing = &self.standing;
        let now = self.accounts.now();
        let line = |link: Link| Line { over: link.revoked_at.is_some() || link.expires_at <= now, link };
        let whom = Whom::of(self.catalogue(), texts, standing, "edit-for-draft").await?;
        let form = FormPage::new(&self.reader);
        let shows_secret = made.is_some();
        let page = Page {
            frame: form.frame(),
            token: form.token(),
            video: &self.video,
            whom,
            downloadable: standing.downloadable,
            owners: self.owners().await?,
            links: self.catalogue().links(&self.video.id).await?.into_iter().map(line).collect(),
            days: DAYS,
            made,
            saved,
            trouble,
        };
        let mut response = form.respond(status, &page);
        if shows_secret {
            response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
        Ok(response)
    }

    async fn owners(&self) -> Result<String, Error> {
        let mut lines = Vec::new();
        for id in &self.standing.owners {
            let Ok(id) = id.parse::<PersonId>() else { continue };
            let Some(person) = self.catalogue().person(&id).await? else { continue };
            lines.push(person.login.or(person.mail).unwrap_or_else(|| id.to_string()));
        }
        Ok(lines.join("\n"))
    }

    async fn change(&self, sent: &[Pair]) -> Result<(), Refused> {
        let first = |name| said(sent, name).trim();
        let whom = visibility::read(sent, self.accounts).await.map_err(Refused::Said)?;
        let mut owners = BTreeSet::new();
        for line in first("owners").lines().map(str::trim).filter(|line| !line.is_empty()).take(MAX_OWNERS) {
            // Who has neither is named by id.
            owners.insert(match (self.catalogue().person_named(line).await?, line.parse()) {
                (Some(person), _) => person.id,
                (None, Ok(id)) if self.standing.owners.contains(line) => id,
                (None, _) => return Err(Refused::Said("rights-nobody")),
            });
        }
        // What is nobody's is its operators' to look after: to that end it is given back.
        if owners.is_empty() && !self.standing.owners.is_empty() {
            return Err(Refused::Said("rights-no-owner"));
        }
        let change =
            AccessChange { owners: Some(owners), downloadable: Some(!first("downloadable").is_empty()), ..whom };
        Ok(self.catalogue().change_video_access(&self.video.id, change).await?)
    }
}

/// Why nothing was changed.
enum Refused {
    /// The key of what is said of it.
    Said(&'static str),
    Catalogue(Error),
}

impl From<Error> for Refused {
    fn from(error: Error) -> Self {
        match (&error, visibility::trouble(&error)) {
            (Error::Invalid { field: "label", .. }, _) => Self::Said("rights-bad-label"),
            (_, Some(key)) => Self::Said(key),
            (_, None) => Self::Catalogue(error),
        }
    }
}

/// `GET /videos/{id}/rights`.
pub(super) async fn page(asking: Asking, Path(id): Path<String>, RawQuery(query): RawQuery) -> Response {
    let reader = asking.reader();
    match Asked::of(&asking.accounts, reader, &id).await {
        Ok(asked) => asked.show(StatusCode::OK, query.as_deref() == Some("saved"), "", None).await,
        Err(page) => *page,
    }
}

/// `POST /videos/{id}/rights`.
pub(super) async fn send(asking: Asking, Path(id): Path<String>, Fields(sent): Fields<Vec<Pair>>) -> Response {
    let reader = asking.reader();
    let Some(sent) = sent else { return not_ours(&reader) };
    let asked = match Asked::of(&asking.accounts, reader, &id).await {
        Ok(asked) => asked,
        Err(page) => return *page,
    };
    match asked.change(&sent).await {
        Ok(()) => {
            // Whoever gave it away does not see its rights any more.
            let after =
                asking.accounts.catalogue().video_state(&asked.video.id).await.ok().flatten().unwrap_or_default();
            let still =
                asking.visitor.may(Action::See, Kind::Video(VideoPart::Rights), asked.video.id.as_str(), &after);
            let to = if still { format!("/videos/{id}/rights?saved") } else { "/my-videos".to_owned() };
            Noted(said(&sent, "visibility").to_owned()).on(see(&to))
        }
        Err(Refused::Said(key)) => asked.show(StatusCode::UNPROCESSABLE_ENTITY, false, key, None).await,
        Err(Refused::Catalogue(error)) => *broken(&asked.reader, &error),
    }
}

/// A new link's form.
#[derive(Deserialize)]
pub(super) struct NewLink {
    label: String,
    /// One of [`DAYS`].
    days: String,
}

/// `POST /videos/{id}/links`. The link stands in the answer and nowhere else.
pub(super) async fn add_link(
    State(source): State<Source>,
    asking: Asking,
    Path(id): Path<String>,
    Fields(sent): Fields<NewLink>,
) -> Response {
    let reader = asking.reader();
    let days = |sent: NewLink| sent.days.parse().ok().filter(|days| DAYS.contains(days)).map(|days| (sent.label, days));
    let Some((label, days)) = sent.and_then(days) else { return not_ours(&reader) };
    let asked = match Asked::of(&asking.accounts, reader, &id).await {
        Ok(asked) => asked,
        Err(page) => return *page,
    };
    let now = asking.accounts.now();
    let ends: WallTime = now.plus_micros(i64::from(days) * DAY_MICROS);
    match asking.accounts.catalogue().add_link(&asked.video.id, &label, ends, now).await.map_err(Refused::from) {
        Ok((_, token)) => {
            let made =
                format!("{}/videos/{}?link={}", source.place().site(&asking.headers), asked.video.id, token.reveal());
            asked.show(StatusCode::OK, false, "", Some(made)).await
        }
        Err(Refused::Said(key)) => asked.show(StatusCode::UNPROCESSABLE_ENTITY, false, key, None).await,
        Err(Refused::Catalogue(error)) => *broken(&asked.reader, &error),
    }
}

/// `POST /videos/{id}/links/{link}/revoke`.
pub(super) async fn revoke_link(
    asking: Asking,
    Path((id, link)): Path<(String, String)>,
    Fields(sent): Fields<IgnoredAny>,
) -> Response {
    let reader = asking.reader();
    if sent.is_none() {
        return not_ours(&reader);
    }
    let (Ok(video), Ok(link)) = (id.parse::<VideoId>(), link.parse()) else {
        return ErrorPage::NotFound.render_for(&reader);
    };
    match asking.accounts.catalogue().revoke_link(&video, &link, asking.accounts.now()).await {
        Ok(()) => see(&format!("/videos/{id}/rights?saved")),
        Err(error) => *broken(&reader, &error),
    }
}

/// `POST /videos/{id}/delete`. It can be taken back among the owner's videos.
pub(super) async fn delete(asking: Asking, Path(id): Path<String>, Fields(sent): Fields<IgnoredAny>) -> Response {
    let reader = asking.reader();
    if sent.is_none() {
        return not_ours(&reader);
    }
    let asked = match Asked::of(&asking.accounts, reader, &id).await {
        Ok(asked) => asked,
        Err(page) => return *page,
    };
    match asking.accounts.catalogue().delete_video(&asked.video.id, asking.accounts.now()).await {
        Ok(()) => see("/my-videos?done=delete&changed=1&asked=1"),
        Err(Error::Conflict(_)) => asked.show(StatusCode::CONFLICT, false, "rights-still-live", None).await,
        Err(error) => *broken(&asked.reader, &error),
    }
}
