//! `/live/{slug}/picture.jpg`: what a live looks like now. 404 when nothing is on air, 204 when nothing
//! can make a picture of it: pages then show what stands behind, and their readers are told of no error.

use super::{Play, respond};
use crate::http::input::Segments;
use crate::http::known::is_known;
use crate::http::problem::Problem;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderValue};
use axum::http::{HeaderMap, Response, StatusCode};
use axum::response::IntoResponse;

/// The next is some seconds away.
const BRIEF: HeaderValue = HeaderValue::from_static("public, max-age=1");

/// `GET /live/{slug}/picture.jpg`.
pub(super) async fn handler(
    State(play): State<Play>,
    Segments(slug): Segments<String>,
    headers: HeaderMap,
) -> Response<Body> {
    let Some(still) = play.lives.still(&slug).await else {
        let none = match play.lives.timeline(&slug) {
            Some(_) => (StatusCode::NO_CONTENT, [(CACHE_CONTROL, BRIEF)]).into_response(),
            None => Problem::new(StatusCode::NOT_FOUND).detail("Nothing is on air here.").into_response(),
        };
        return respond::public(none);
    };
    let tag = format!("\"{:x}\"", still.at.micros());
    let known = is_known(&headers, &tag);
    // Hexadecimal digits between quotation marks.
    let tag = HeaderValue::from_str(&tag).unwrap_or(HeaderValue::from_static("\"\""));
    let kept = [(CACHE_CONTROL, BRIEF), (ETAG, tag)];
    respond::public(match known {
        true => (StatusCode::NOT_MODIFIED, kept).into_response(),
        false => (StatusCode::OK, kept, [(CONTENT_TYPE, HeaderValue::from_static("image/jpeg"))], still.jpeg.clone())
            .into_response(),
    })
}
