//! `/embed/live/{slug}` and `/embed/videos/{id}`: the player alone, for pages of other sites. Which sites may show them, the setting
//! `http.embed_ancestors` says; how such a page speaks with the player stands in README.md.
//!
//! A browser sends no cookie of ours from within another site's page: what is not for everybody can be watched there by nobody, and the frame
//! leads to the page on this site.

mod oembed;
#[cfg(test)]
mod tests;

use super::Reader;
use super::error::ErrorPage;
use super::frame::{Frame, respond};
use super::model::{LiveView, VideoView};
use super::source::{self, Source};
use crate::http::assets::{Assets, Entry};
use crate::http::gate::visitor::Visitor;
use crate::http::security::Framing;
use askama::Template;
use axum::Router;
use axum::extract::{FromRef, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;

/// The routes; each has its line in the gate's table.
pub fn routes<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    Assets: FromRef<S>,
    Source: FromRef<S>,
{
    Router::new()
        .route("/embed/live/{slug}", get(live))
        .route("/embed/videos/{id}", get(video))
        .route("/oembed", get(oembed::handler))
}

#[derive(Template)]
#[template(path = "embed-live.html")]
struct Live<'a> {
    frame: Frame<'a>,
    view: LiveView,
    /// Sites whose pages may speak with the player.
    embedders: &'a str,
}

#[derive(Template)]
#[template(path = "embed-video.html")]
struct Video<'a> {
    frame: Frame<'a>,
    view: VideoView,
    embedders: &'a str,
}

#[derive(Template)]
#[template(path = "embed-refused.html")]
struct Refused<'a> {
    frame: Frame<'a>,
    title: &'static str,
    more: &'static str,
    /// The page on this site; `None`: there is no such thing.
    page: Option<&'a str>,
}

async fn live(
    State(source): State<Source>,
    State(assets): State<Assets>,
    visitor: Visitor,
    Path(slug): Path<String>,
    headers: HeaderMap,
) -> Response {
    let view = match source::live(&source, &source.place().site(&headers), &slug, &visitor).await {
        Ok(Some(view)) => view,
        Ok(None) => return missing(&headers, &assets, &visitor),
        Err(_) => return ErrorPage::Failed.render(&headers, &assets, &visitor),
    };
    let frame = Frame::new(&headers, &assets, Entry::EmbedLive).seen_by(&visitor);
    let page = Live { frame, view, embedders: source.place().embedders() };
    framed(respond(StatusCode::OK, &page).into_response())
}

async fn video(
    State(source): State<Source>,
    State(assets): State<Assets>,
    visitor: Visitor,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Response {
    let view = match source::video(&source, &id, &visitor).await {
        Ok(Some(view)) => view,
        Ok(None) => return missing(&headers, &assets, &visitor),
        Err(_) => return ErrorPage::Failed.render(&headers, &assets, &visitor),
    };
    let frame = Frame::new(&headers, &assets, Entry::EmbedVideo).seen_by(&visitor);
    let page = Video { frame, view, embedders: source.place().embedders() };
    framed(respond(StatusCode::OK, &page).into_response())
}

/// Other sites may show it.
fn framed(mut response: Response) -> Response {
    response.extensions_mut().insert(Framing::Embedded);
    response
}

fn missing(headers: &HeaderMap, assets: &Assets, visitor: &Visitor) -> Response {
    let frame = Frame::new(headers, assets, Entry::Site).seen_by(visitor);
    let page = Refused { frame, title: "not-found", more: "not-found-more", page: None };
    framed(respond(StatusCode::NOT_FOUND, &page).into_response())
}

/// What is shown in place of what this reader may not have, with the way to its page on this site, where they may sign in. `page`: `None` for
/// what they may not know of.
#[must_use]
pub fn refused(reader: &Reader<'_>, status: StatusCode, page: Option<&str>) -> Response {
    let Some(page) = page else { return missing(reader.headers, reader.assets, reader.visitor) };
    let frame = Frame::new(reader.headers, reader.assets, Entry::Site).seen_by(reader.visitor);
    let page = Refused { frame, title: "embed-closed", more: "embed-closed-more", page: Some(page) };
    framed(respond(status, &page).into_response())
}
