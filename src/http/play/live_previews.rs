//! `/live/{slug}/previews.json` and `/live/{slug}/previews/{file}`: small pictures of a live's past, for the bar of a player.
//!
//! The list says the times of what they show on the clock of EXT-X-PROGRAM-DATE-TIME, which all players of a live share; the time of a media
//! element begins where each has begun. A picture is `{time}.jpg`, and never another. 404 when nothing is on air; the list is empty where
//! nothing can make pictures, which is nobody's error.

use super::{Play, respond};
use crate::http::input::Segments;
use crate::http::problem::Problem;
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, HeaderValue};
use axum::http::{Response, StatusCode};
use axum::response::IntoResponse;
use serde::Serialize;

/// The next is some seconds away.
const BRIEF: HeaderValue = HeaderValue::from_static("public, max-age=1");

#[derive(Serialize)]
struct List {
    /// Milliseconds since 1970, in order.
    at_ms: Vec<i64>,
    /// Others will be there in some seconds.
    more: bool,
}

/// `GET /live/{slug}/previews.json`.
pub(super) async fn list(State(play): State<Play>, Segments(slug): Segments<String>) -> Response<Body> {
    respond::public(match play.lives.previews(&slug).await {
        Some(listed) => {
            let list = List { at_ms: listed.at_ms, more: listed.more };
            ([(CACHE_CONTROL, BRIEF)], Json(list)).into_response()
        }
        None => Problem::new(StatusCode::NOT_FOUND).detail("Nothing is on air here.").into_response(),
    })
}

/// `GET /live/{slug}/previews/{file}`.
pub(super) async fn picture(
    State(play): State<Play>,
    Segments((slug, file)): Segments<(String, String)>,
) -> Response<Body> {
    let at_ms = file.strip_suffix(".jpg").and_then(|at| at.parse().ok());
    match at_ms.and_then(|at_ms| play.lives.preview(&slug, at_ms)) {
        Some(jpeg) => respond::jpeg(jpeg).map(Body::from),
        None => respond::public(
            Problem::new(StatusCode::NOT_FOUND).detail("There is no such picture, or no longer.").into_response(),
        ),
    }
}
