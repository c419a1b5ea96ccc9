//! What owners do with their videos: what is said of one, whom it is for and which part of it is shown. Works without JavaScript.

mod edit;
#[cfg(test)]
mod tests;
mod times;

use crate::archive::layout::Layout;
use crate::http::accounts::Accounts;
use crate::http::assets::Assets;
use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRef};
use axum::routing::get;

/// A description of 10,000 characters, each of which may be twelve bytes in a form, and the rest.
const MAX_FORM_BYTES: usize = 160 << 10;

/// The routes; each has its line in the gate's table.
pub fn routes<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    Accounts: FromRef<S>,
    Assets: FromRef<S>,
    Layout: FromRef<S>,
{
    Router::new()
        .route("/videos/{id}/edit", get(edit::page).post(edit::send))
        .layer(DefaultBodyLimit::max(MAX_FORM_BYTES))
}
