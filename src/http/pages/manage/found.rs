//! What owners' pages look up: the video of an address, and what a list says beside each.

use crate::catalogue::id::{BroadcasterId, VideoId};
use crate::catalogue::video::Video;
use crate::catalogue::{Catalogue, Error};
use crate::http::pages::model::length;
use crate::http::pages::people::failed;
use crate::http::pages::{ErrorPage, Reader};
use axum::response::Response;
use std::collections::HashMap;

/// The video of an address.
///
/// # Errors
/// There is none, or it can't be said: the page that says so.
pub(super) async fn video(catalogue: &Catalogue, reader: &Reader<'_>, id: &str) -> Result<Video, Box<Response>> {
    let found = async {
        let id: VideoId = id.parse().map_err(|_| Error::NotFound("video"))?;
        catalogue.video(&id).await?.ok_or(Error::NotFound("video"))
    };
    found.await.map_err(|error| broken(reader, &error))
}

/// The page for what the catalogue does not have, or does not say. The latter is logged.
pub(super) fn broken(reader: &Reader<'_>, error: &Error) -> Box<Response> {
    Box::new(match error {
        Error::NotFound(_) => ErrorPage::NotFound.render_for(reader),
        error => {
            tracing::error!(%error, "an owner's page can't be made");
            failed(reader)
        }
    })
}

/// What broadcasters are called.
///
/// # Errors
/// The catalogue's.
pub(super) async fn titles(catalogue: &Catalogue) -> Result<HashMap<BroadcasterId, String>, Error> {
    Ok(catalogue.broadcasters().await?.into_iter().map(|hall| (hall.id, hall.title)).collect())
}

/// Such as `1:02:03`, of what is shown; empty while it is being recorded.
pub(super) fn shown_length(video: &Video) -> String {
    video.shown_ms().map_or_else(String::new, length)
}
