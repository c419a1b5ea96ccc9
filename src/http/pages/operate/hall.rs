//! `/operate/{slug}`: one broadcaster as an operator needs it: its figures as they change, its viewers by the minute, what can be done with its live, its
//! settings and its keys.

use super::settings::Settings;
use super::tile::{Tile, words};
use super::{Desk, refused};
use crate::catalogue::Error;
use crate::catalogue::broadcaster::Broadcaster;
use crate::catalogue::key::Key;
use crate::catalogue::viewers::ViewerMinute;
use crate::http::assets::Entry;
use crate::http::pages::Reader;
use crate::http::pages::asking::Asking;
use crate::http::pages::form::{Fields, FormPage};
use crate::http::pages::frame::Frame;
use crate::http::pages::people::{message, not_ours, see};
use crate::live::Unrecorded;
use crate::policy::object::{Action, Kind, LivePart};
use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// How far back the curve of viewers goes when nothing is on air.
const CURVE_MICROS: i64 = 24 * 3_600 * 1_000_000;

#[derive(Template)]
#[template(path = "operate-hall.html")]
struct Page<'a> {
    frame: Frame<'a>,
    token: &'a str,
    hall: &'a Broadcaster,
    tile: Tile,
    minutes: Vec<ViewerMinute>,
    peak: u64,
    on_air: bool,
    may_operate: bool,
    /// `None`: not theirs to change.
    settings: Option<Settings>,
    keys: Vec<Key>,
    /// One that was just made: shown this once.
    new_key: Option<&'a str>,
    /// Keys of texts that scripts put in.
    words: Vec<String>,
}

/// `GET /operate/{slug}`.
pub(super) async fn page(State(desk): State<Desk>, asking: Asking, Path(slug): Path<String>) -> Response {
    let reader = asking.reader();
    show(&desk, &reader, &slug, None).await.unwrap_or_else(|error| refused(&reader, &error))
}

/// The page, with a key that was just made.
pub(super) async fn show(
    desk: &Desk,
    reader: &Reader<'_>,
    slug: &str,
    new_key: Option<&str>,
) -> Result<Response, Error> {
    let visitor = reader.visitor;
    let hall = desk.hall(slug).await?;
    let status = desk.lives.status(slug);
    let tile = desk.tile(slug, &hall.title, status.as_deref());
    let on_air = matches!(tile.state, "starting" | "on_air" | "dropped");
    let since = status.as_ref().filter(|_| on_air).and_then(|status| status.started_at);
    let from = since.unwrap_or_else(|| desk.clock.now().plus_micros(-CURVE_MICROS));
    let minutes = desk.catalogue.viewer_minutes(&hall.id, from).await?;
    let may = |part, action| visitor.may_of_it(action, Kind::Live(part));
    let settings = match may(LivePart::Record, Action::Change) {
        true => Some(Settings::of(desk, visitor, &hall).await?),
        false => None,
    };
    let keys = match may(LivePart::Keys, Action::See) {
        true => desk.catalogue.keys(&hall.id).await?.into_iter().filter(|key| key.revoked_at.is_none()).collect(),
        false => Vec::new(),
    };
    let form = FormPage::new(reader);
    let page = Page {
        frame: form.frame_loading(Entry::Operate),
        token: form.token(),
        hall: &hall,
        peak: minutes.iter().map(|minute| minute.viewers).chain([tile.peak]).max().unwrap_or(0),
        tile,
        minutes,
        on_air,
        may_operate: may(LivePart::Record, Action::Operate),
        settings,
        keys,
        new_key,
        words: words(),
    };
    let mut response = form.respond(StatusCode::OK, &page);
    if new_key.is_some() {
        // Not even the browser keeps it.
        response.headers_mut().insert("cache-control", axum::http::HeaderValue::from_static("no-store"));
    }
    Ok(response)
}

fn not_on_air(reader: &Reader<'_>) -> Response {
    message(reader, StatusCode::CONFLICT, "operate-not-on-air", "operate-not-on-air-more")
}

/// `POST /operate/{slug}/end`.
pub(super) async fn end(
    State(desk): State<Desk>,
    asking: Asking,
    Path(slug): Path<String>,
    Fields(sent): Fields<IgnoredAny>,
) -> Response {
    let reader = asking.reader();
    if sent.is_none() {
        return not_ours(&reader);
    }
    match desk.lives.end(&slug).await {
        Ok(()) => see(&format!("/operate/{slug}")),
        Err(_) => not_on_air(&reader),
    }
}

/// Whether a live is recorded.
#[derive(Deserialize)]
pub(super) struct Record {
    /// `start` or `stop`.
    recording: String,
}

/// `POST /operate/{slug}/recording`.
pub(super) async fn record(
    State(desk): State<Desk>,
    asking: Asking,
    Path(slug): Path<String>,
    Fields(sent): Fields<Record>,
) -> Response {
    let reader = asking.reader();
    let Some(sent) = sent else { return not_ours(&reader) };
    match desk.lives.record(&slug, sent.recording == "start").await {
        Ok(()) => see(&format!("/operate/{slug}")),
        Err(Unrecorded::NotOnAir(_)) => not_on_air(&reader),
        Err(Unrecorded::Refused(_)) => {
            message(&reader, StatusCode::SERVICE_UNAVAILABLE, "recording-refused", "finding-not-recorded")
        }
    }
}

/// `POST /operate/{slug}/engine`: engines that were given up or missing are tried again.
pub(super) async fn retry_engine(
    State(desk): State<Desk>,
    asking: Asking,
    Path(slug): Path<String>,
    Fields(sent): Fields<IgnoredAny>,
) -> Response {
    let reader = asking.reader();
    if sent.is_none() {
        return not_ours(&reader);
    }
    match desk.lives.retry_engines(&slug).await {
        Ok(()) => see(&format!("/operate/{slug}")),
        Err(_) => not_on_air(&reader),
    }
}
