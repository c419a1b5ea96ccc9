//! What owners do with their videos: what is said of one, which part of it is shown, whom it is for; all of them at once;
//! and those that wait for their owner. Works without JavaScript.

mod claim;
mod edit;
mod found;
mod many;
mod mine;
mod rights;
mod subtitles;
#[cfg(test)]
mod tests;
mod times;

use crate::archive::layout::Layout;
use crate::http::accounts::Accounts;
use crate::http::assets::Assets;
use crate::http::pages::source::Source;
use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRef};
use axum::routing::{get, post};
use media::caption::import::MAX_FILE_BYTES;

/// A description of 10,000 characters, each of which may be twelve bytes in a form, and the rest.
const MAX_FORM_BYTES: usize = 160 << 10;

/// The largest file of captions, most of it escaped as three bytes each.
fn subtitles_limit() -> DefaultBodyLimit {
    DefaultBodyLimit::max(3 * MAX_FILE_BYTES)
}

/// The routes; each has its line in the gate's table.
pub fn routes<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    Accounts: FromRef<S>,
    Assets: FromRef<S>,
    Layout: FromRef<S>,
    Source: FromRef<S>,
{
    Router::new()
        .route("/videos/{id}/edit", get(edit::page).post(edit::send))
        .route("/videos/{id}/subtitles", get(subtitles::page).post(subtitles::send).layer(subtitles_limit()))
        .route("/videos/{id}/rights", get(rights::page).post(rights::send))
        .route("/videos/{id}/links", post(rights::add_link))
        .route("/videos/{id}/links/{link}/revoke", post(rights::revoke_link))
        .route("/videos/{id}/delete", post(rights::delete))
        .route("/videos/{id}/claim", post(claim::claim))
        .route("/videos/{id}/attribute", post(claim::attribute))
        .route("/videos/{id}/give-back", post(claim::give_back))
        .route("/my-videos", get(mine::page).post(mine::send))
        .route("/recordings-to-claim", get(claim::page))
        .layer(DefaultBodyLimit::max(MAX_FORM_BYTES))
}
