//! `/`: what is on air, and the newest videos.

use super::error::ErrorPage;
use super::frame::{Frame, respond};
use super::model::HomeView;
use super::source::{self, Source};
use crate::http::assets::{Assets, Entry};
use crate::http::gate::visitor::Visitor;
use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

#[derive(Template)]
#[template(path = "home.html")]
struct Page<'a> {
    frame: Frame<'a>,
    view: HomeView,
}

pub(super) async fn page(
    State(source): State<Source>,
    State(assets): State<Assets>,
    visitor: Visitor,
    headers: HeaderMap,
) -> Response {
    let Ok(view) = source::home(&source, &visitor).await else {
        return ErrorPage::Failed.render(&headers, &assets, &visitor);
    };
    let frame = Frame::new(&headers, &assets, Entry::Site).seen_by(&visitor);
    respond(StatusCode::OK, &Page { frame, view }).into_response()
}
