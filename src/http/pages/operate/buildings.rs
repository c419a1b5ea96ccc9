//! `/operate/_/buildings/{id}`: a building's name, what is in it, and its removal when nothing is. Buildings are listed and added at
//! `/operate/_/new`. All of it is for who operates in all of them.

use super::{Desk, refused};
use crate::catalogue::Error;
use crate::catalogue::building::{Building, Inside};
use crate::catalogue::id::BuildingId;
use crate::http::assets::Entry;
use crate::http::gate::Noted;
use crate::http::gate::visitor::Visitor;
use crate::http::pages::asking::Asking;
use crate::http::pages::form::{Fields, FormPage};
use crate::http::pages::frame::Frame;
use crate::http::pages::people::{not_ours, see};
use crate::http::pages::{ErrorPage, Reader};
use crate::policy::object::{Action, Kind};
use crate::policy::state::State as Standing;
use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde::de::IgnoredAny;

/// Where they are listed.
const LIST: &str = "/operate/_/new";

#[derive(Template)]
#[template(path = "operate-building.html")]
struct Page<'a> {
    frame: Frame<'a>,
    token: &'a str,
    building: Building,
    inside: Inside,
    /// Somebody has asked for its removal, and something is in it.
    kept: bool,
}

fn may_change(visitor: &Visitor) -> bool {
    visitor.may(Action::Change, Kind::Buildings, "", &Standing::absent())
}

async fn show(desk: &Desk, reader: &Reader<'_>, id: &BuildingId, kept: bool) -> Result<Response, Error> {
    let building = desk.catalogue.building(id).await?.ok_or(Error::NotFound("building"))?;
    let inside = desk.catalogue.inside_building(id).await?;
    let form = FormPage::new(reader);
    let status = if kept { StatusCode::CONFLICT } else { StatusCode::OK };
    let page = Page { frame: form.frame_loading(Entry::Operate), token: form.token(), building, inside, kept };
    Ok(form.respond(status, &page))
}

/// `GET /operate/_/buildings/{id}`.
pub(super) async fn page(State(desk): State<Desk>, asking: Asking, Path(id): Path<String>) -> Response {
    let reader = asking.reader();
    // Who is in other buildings is no matter of who operates in some.
    let Some(id) = id.parse().ok().filter(|_| may_change(&asking.visitor)) else {
        return ErrorPage::NotFound.render_for(&reader);
    };
    show(&desk, &reader, &id, false).await.unwrap_or_else(|error| refused(&reader, &error))
}

/// A building's form.
#[derive(Deserialize)]
pub(super) struct Named {
    title: String,
}

/// `POST /operate/_/buildings`.
pub(super) async fn add(State(desk): State<Desk>, asking: Asking, Fields(sent): Fields<Named>) -> Response {
    let reader = asking.reader();
    let Some(sent) = sent else { return not_ours(&reader) };
    match desk.catalogue.add_building(&sent.title, desk.clock.now()).await {
        Ok(building) => Noted(format!("{} {}", building.id, building.title)).on(see(LIST)),
        Err(error) => refused(&reader, &error),
    }
}

/// `POST /operate/_/buildings/{id}`: another name.
pub(super) async fn rename(
    State(desk): State<Desk>,
    asking: Asking,
    Path(id): Path<String>,
    Fields(sent): Fields<Named>,
) -> Response {
    let reader = asking.reader();
    let Some(sent) = sent else { return not_ours(&reader) };
    let Ok(id) = id.parse() else { return refused(&reader, &Error::NotFound("building")) };
    match desk.catalogue.rename_building(&id, &sent.title).await {
        Ok(building) => Noted(building.title).on(see(&format!("/operate/_/buildings/{id}"))),
        Err(error) => refused(&reader, &error),
    }
}

/// `POST /operate/_/buildings/{id}/remove`: of one in which something is, the page that says what.
pub(super) async fn remove(
    State(desk): State<Desk>,
    asking: Asking,
    Path(id): Path<String>,
    Fields(sent): Fields<IgnoredAny>,
) -> Response {
    let reader = asking.reader();
    if sent.is_none() {
        return not_ours(&reader);
    }
    let removed = async {
        let id: BuildingId = id.parse().map_err(|_| Error::NotFound("building"))?;
        let building = desk.catalogue.building(&id).await?.ok_or(Error::NotFound("building"))?;
        match desk.catalogue.remove_building(&id).await {
            Ok(()) => Ok(Noted(building.title).on(see(LIST))),
            Err(Error::Conflict(_)) => show(&desk, &reader, &id, true).await,
            Err(error) => Err(error),
        }
    };
    removed.await.unwrap_or_else(|error| refused(&reader, &error))
}
