//! `/accessibility`: how far this site can be used by everybody, what is known to be missing, and whom to write to. The law asks for it.

use super::frame::{Frame, respond};
use super::place::Contact;
use super::source::Source;
use crate::http::assets::{Assets, Entry};
use crate::http::gate::visitor::Visitor;
use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};

#[derive(Template)]
#[template(path = "accessibility.html")]
struct Page<'a> {
    frame: Frame<'a>,
    /// Whom to write to; `None`: nobody said.
    contact: Option<Contact>,
}

pub(super) async fn page(
    State(source): State<Source>,
    State(assets): State<Assets>,
    visitor: Visitor,
    headers: HeaderMap,
) -> Response {
    let frame = Frame::new(&headers, &assets, Entry::Site).seen_by(&visitor);
    let contact = Contact::of(&assets.shown().now().contact).or_else(|| source.place().contact());
    respond(StatusCode::OK, &Page { frame, contact }).into_response()
}
