//! `/videos/{id}-{slug}`: a video. The id finds it; another slug, as after a change of title, is sent on.

pub(super) mod about;
pub(super) mod chapters;
pub(super) mod download;
#[cfg(test)]
mod tests;

use super::error::ErrorPage;
use super::frame::{Frame, respond};
use super::model::VideoView;
use super::outside::{self, HEIGHT, Outside, WIDTH};
use super::source::{self, Source};
use crate::http::assets::{Assets, Entry};
use crate::http::gate::visitor::Visitor;
use crate::policy::object::{Action, Kind, VideoPart};
use askama::Template;
use axum::extract::{OriginalUri, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};

#[derive(Template)]
#[template(path = "video.html")]
struct Page<'a> {
    frame: Frame<'a>,
    view: VideoView,
    /// The page's address, for other places.
    address: String,
    /// The address of the player alone, and the code that shows it.
    embed: String,
    embed_code: String,
    outside: Option<Outside>,
    /// The reader may change it.
    editable: bool,
    /// And take it away.
    downloadable: bool,
}

pub(super) async fn page(
    State(source): State<Source>,
    State(assets): State<Assets>,
    visitor: Visitor,
    Path(name): Path<String>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
) -> Response {
    let (id, slug) = name.split_once('-').unwrap_or((&name, ""));
    let view = match source::video(&source, id, &visitor).await {
        Ok(Some(view)) => view,
        Ok(None) => return ErrorPage::NotFound.render(&headers, &assets, &visitor),
        Err(_) => return ErrorPage::Failed.render(&headers, &assets, &visitor),
    };
    if slug != view.slug {
        // Temporary: a title may change back, and browsers keep a permanent redirect for ever.
        let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
        return Redirect::temporary(&format!("{}{query}", view.url())).into_response();
    }
    let frame = Frame::new(&headers, &assets, Entry::Video).seen_by(&visitor);
    let site = source.place().site(&headers);
    let (address, embed) = (format!("{site}{}", view.url()), format!("{site}{}", view.embed_url()));
    let embed_code = outside::code(&embed, &view.title, (WIDTH, HEIGHT));
    let outside = Outside::of_video(&site, &view);
    let editable = visitor.may_of_it(Action::Change, Kind::Video(VideoPart::Record));
    let downloadable = visitor.may_of_it(Action::See, Kind::Video(VideoPart::Download));
    let page = Page { frame, view, address, embed, embed_code, outside, editable, downloadable };
    respond(StatusCode::OK, &page).into_response()
}
