//! The pages that readers see: home, a live, a video, errors. Rendered on the server, readable without JavaScript.
//!
//! One handler a file. A handler asks [`source`] for a view of [`model`] and renders a template of `web/templates` with
//! the [`texts`] of the reader's language. What changes while somebody looks comes by [`events`].

mod cues;
mod error;
pub mod events;
mod frame;
mod home;
mod live;
pub mod model;
pub mod source;
pub mod texts;
mod video;

#[cfg(test)]
mod tests;

use crate::http::assets::Assets;
use axum::Router;
use axum::extract::FromRef;
use axum::routing::get;
use events::EventSlots;
use source::Source;

pub use error::not_found;
pub use error::{ErrorPage, Failure};

/// `/`, `/live/{slug}`, `/live/{slug}/events` and `/videos/{id}-{slug}`. [`not_found`] is for the router's fallback.
pub fn routes<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    Assets: FromRef<S>,
    Source: FromRef<S>,
    EventSlots: FromRef<S>,
{
    Router::new()
        .route("/", get(home::page))
        .route("/live/{slug}", get(live::page))
        .route("/live/{slug}/events", get(events::stream))
        .route("/videos/{name}", get(video::page))
}
