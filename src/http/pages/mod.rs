//! The pages that readers see: home, a live, a video, errors. Rendered on the server, readable without JavaScript.
//!
//! One handler a file. A handler asks [`source`] for a view of [`model`] and renders a template of `web/templates` with
//! the [`texts`] of the reader's language. What changes while somebody looks comes by [`events`].

mod accessibility;
mod asking;
mod cues;
pub mod embed;
mod error;
pub mod events;
pub mod form;
mod frame;
mod home;
mod live;
pub mod manage;
pub mod markdown;
pub mod model;
pub mod operate;
mod outside;
pub mod people;
pub mod place;
pub mod search;
pub mod source;
pub mod texts;
mod tool;
mod upload;
mod video;
mod videos;
mod visibility;
pub mod watched;

#[cfg(test)]
mod answered;
#[cfg(test)]
mod looked_at;
#[cfg(test)]
mod tests;

use crate::http::assets::Assets;
use crate::http::gate::cookie::Cookies;
use crate::http::gate::visitor::Visitor;
use axum::Router;
use axum::extract::FromRef;
use axum::http::HeaderMap;
use axum::routing::{get, post};
use events::EventSlots;
use source::Source;
use texts::{Language, Texts};

pub use error::not_found;
pub use error::{ErrorPage, Failure};

/// Who reads a page, and what it is made with.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    /// Of the request.
    pub headers: &'a HeaderMap,
    /// The front end.
    pub assets: &'a Assets,
    /// Who reads.
    pub visitor: &'a Visitor,
    /// Names and attributes of cookies.
    pub cookies: &'a Cookies,
}

impl<'a> Reader<'a> {
    /// All of it.
    #[must_use]
    pub fn new(headers: &'a HeaderMap, assets: &'a Assets, visitor: &'a Visitor, cookies: &'a Cookies) -> Self {
        Self { headers, assets, visitor, cookies }
    }

    /// In the reader's language.
    #[must_use]
    pub fn texts(&self) -> &'static Texts {
        Language::preferred(self.headers, &self.assets.shown().now().languages).texts()
    }
}

/// `/`, `/accessibility`, `/live/{slug}`, `/live/{slug}/events`, `/videos`,
/// `/videos/{id}-{slug}`, `/videos/{id}/watched` and `/videos/{id}/chapters.vtt`. [`not_found`] is for the router's fallback.
pub fn routes<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    Assets: FromRef<S>,
    Source: FromRef<S>,
    EventSlots: FromRef<S>,
{
    Router::new()
        .route("/", get(home::page))
        .route("/accessibility", get(accessibility::page))
        .route("/live/{slug}", get(live::page))
        .route("/live/{slug}/events", get(events::stream))
        .route("/videos", get(videos::page))
        .route("/videos/{name}", get(video::page))
        .route("/videos/{id}/download", get(video::download::page))
        .route("/videos/{id}/watched", post(watched::handler))
        .route("/videos/{id}/chapters.vtt", get(video::chapters::file))
}
