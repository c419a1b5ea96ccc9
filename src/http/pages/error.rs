//! Pages for what went wrong: not found, and failed.

use super::Reader;
use super::frame::{Frame, respond};
use crate::http::assets::{Assets, Entry};
use crate::http::gate::visitor::Visitor;
use askama::Template;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

#[derive(Template)]
#[template(path = "error.html")]
struct Page<'a> {
    frame: Frame<'a>,
    status: u16,
    title: &'static str,
    more: &'static str,
}

/// Which error page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorPage {
    /// 404.
    NotFound,
    /// 403: known, and not for this reader.
    Forbidden,
    /// 500; the cause is in the log, never on the page.
    Failed,
}

impl ErrorPage {
    /// The page, in the reader's language.
    #[must_use]
    pub fn render_for(self, reader: &Reader<'_>) -> Response {
        self.render(reader.headers, reader.assets, reader.visitor)
    }

    /// The same.
    #[must_use]
    pub fn render(self, headers: &HeaderMap, assets: &Assets, visitor: &Visitor) -> Response {
        let (status, title, more) = match self {
            Self::NotFound => (StatusCode::NOT_FOUND, "not-found", "not-found-more"),
            Self::Forbidden => (StatusCode::FORBIDDEN, "forbidden", "forbidden-more"),
            Self::Failed => (StatusCode::INTERNAL_SERVER_ERROR, "failed", "failed-more"),
        };
        let frame = Frame::new(headers, assets, Entry::Site).seen_by(visitor);
        respond(status, &Page { frame, status: status.as_u16(), title, more }).into_response()
    }
}

/// A page could not be made. Logged where it happened; readers see only that.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the page could not be made")]
pub struct Failure;

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    }
}

/// For a router's fallback.
pub async fn not_found(State(assets): State<Assets>, visitor: Visitor, headers: HeaderMap) -> Response {
    ErrorPage::NotFound.render(&headers, &assets, &visitor)
}
