//! What handlers are given of a request: bodies, queries and path segments, bounded and read strictly. Whatever can't be
//! read is a problem document that names the field.

use super::problem::Problem;
use axum::body::to_bytes;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use serde::de::{Deserialize, DeserializeOwned, Deserializer};
use std::str::FromStr;

/// The longest vocabulary, every letter of it escaped, takes less.
const MAX_BODY_BYTES: usize = 512 << 10;

/// A JSON body; an empty one is read as `{}`.
#[derive(Debug)]
pub struct Body<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let is_json = is_json(request.headers());
        let bytes = to_bytes(request.into_body(), MAX_BODY_BYTES).await.map_err(|_| {
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE).detail(format!("At most {MAX_BODY_BYTES} bytes are read."))
        })?;
        if !is_json && !bytes.is_empty() {
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE).detail("Send application/json."));
        }
        let bytes: &[u8] = if bytes.is_empty() { b"{}" } else { &bytes };
        let mut json = serde_json::Deserializer::from_slice(bytes);
        let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
            let field = error.path().to_string();
            let error = error.into_inner();
            if error.is_data() {
                Problem::invalid(field, error)
            } else {
                Problem::new(StatusCode::BAD_REQUEST).detail(format!("The body is not JSON: {error}"))
            }
        })?;
        json.end()
            .map_err(|error| Problem::new(StatusCode::BAD_REQUEST).detail(format!("The body is not JSON: {error}")))?;
        Ok(Self(value))
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
}

/// The query.
#[derive(Debug)]
pub struct Search<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Search<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let query = Query::<T>::from_request_parts(parts, state).await;
        query
            .map(|Query(value)| Self(value))
            .map_err(|error| Problem::new(StatusCode::BAD_REQUEST).detail(error.body_text()))
    }
}

/// One or several segments of the path.
#[derive(Debug)]
pub struct Segments<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Segments<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = Path::<T>::from_request_parts(parts, state).await;
        path.map(|Path(value)| Self(value)).map_err(|_| Problem::new(StatusCode::NOT_FOUND))
    }
}

/// A field's text as its type.
///
/// # Errors
/// 422 with the field's name.
pub fn parsed<T: FromStr<Err: ToString>>(field: &'static str, text: &str) -> Result<T, Problem> {
    text.parse().map_err(|error: T::Err| Problem::invalid(field, error.to_string()))
}

/// For `#[serde(default, deserialize_with = "present")]`: tells a field that is `null` from one that is not there.
///
/// # Errors
/// The field's own.
pub fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}
