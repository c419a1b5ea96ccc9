//! `/operate/{slug}/remove`: what becomes of a broadcaster that is removed, and of its recordings, before anything is done.

use super::{Desk, refused};
use crate::catalogue::Error;
use crate::catalogue::broadcaster::Broadcaster;
use crate::http::assets::Entry;
use crate::http::gate::Noted;
use crate::http::pages::Reader;
use crate::http::pages::asking::Asking;
use crate::http::pages::form::{Fields, FormPage};
use crate::http::pages::frame::Frame;
use crate::http::pages::people::{not_ours, see};
use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::de::IgnoredAny;

#[derive(Template)]
#[template(path = "operate-remove.html")]
struct Page<'a> {
    frame: Frame<'a>,
    token: &'a str,
    hall: Broadcaster,
    recordings: u64,
    on_air: bool,
}

async fn show(desk: &Desk, reader: &Reader<'_>, hall: Broadcaster, status: StatusCode) -> Result<Response, Error> {
    let recordings = desk.catalogue.recordings_of(&hall.id).await?;
    let on_air = is_on_air(desk, &hall);
    let form = FormPage::new(reader);
    let page = Page { frame: form.frame_loading(Entry::Operate), token: form.token(), hall, recordings, on_air };
    Ok(form.respond(status, &page))
}

fn is_on_air(desk: &Desk, hall: &Broadcaster) -> bool {
    desk.lives.status(hall.slug.as_str()).is_some_and(|status| status.state.is_busy())
}

/// `GET /operate/{slug}/remove`.
pub(super) async fn page(State(desk): State<Desk>, asking: Asking, Path(slug): Path<String>) -> Response {
    let reader = asking.reader();
    let shown = async { show(&desk, &reader, desk.hall(&slug).await?, StatusCode::OK).await };
    shown.await.unwrap_or_else(|error| refused(&reader, &error))
}

/// `POST /operate/{slug}/remove`: while it is on air, the page that says so.
pub(super) async fn send(
    State(desk): State<Desk>,
    asking: Asking,
    Path(slug): Path<String>,
    Fields(sent): Fields<IgnoredAny>,
) -> Response {
    let reader = asking.reader();
    if sent.is_none() {
        return not_ours(&reader);
    }
    let removed = async {
        let hall = desk.hall(&slug).await?;
        if is_on_air(&desk, &hall) {
            return show(&desk, &reader, hall, StatusCode::CONFLICT).await;
        }
        desk.catalogue.remove_broadcaster(&hall.id, desk.clock.now()).await?;
        Ok(Noted(format!("{} {}", hall.slug, hall.title)).on(see("/operate")))
    };
    removed.await.unwrap_or_else(|error| refused(&reader, &error))
}
