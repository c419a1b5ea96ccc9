//! Where a broadcaster's contribution comes from, and how names are written in its captions.

use super::{Desk, refused};
use crate::catalogue::broadcaster::{BroadcasterChange, RtspTransport};
use crate::catalogue::captions::CaptionChange;
use crate::catalogue::rtsp_url::RtspUrl;
use crate::http::pages::asking::Asking;
use crate::http::pages::form::Fields;
use crate::http::pages::people::{message_about, not_ours};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use media::caption::vocabulary::Vocabulary;
use serde::Deserialize;

/// Where it comes from.
#[derive(Deserialize)]
pub(super) struct Source {
    /// Empty: an encoder pushes. The address as the page shows it, without its password: it stays.
    rtsp_url: String,
    /// `tcp` or `udp`.
    rtsp_transport: String,
}

/// `POST /operate/{slug}/contribution`.
pub(super) async fn change(
    State(desk): State<Desk>,
    asking: Asking,
    Path(slug): Path<String>,
    Fields(sent): Fields<Source>,
) -> Response {
    let reader = asking.reader();
    let Some(sent) = sent else { return not_ours(&reader) };
    let invalid = |why: &str| {
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        message_about(&reader, status, "source-invalid", "source-invalid-more", why)
    };
    let hall = match desk.hall(&slug).await {
        Ok(hall) => hall,
        Err(error) => return refused(&reader, &error),
    };
    let wanted = sent.rtsp_url.trim();
    let url = if hall.rtsp_url.as_ref().is_some_and(|url| url.to_string() == wanted) {
        None
    } else if wanted.is_empty() {
        Some(None)
    } else {
        match wanted.parse::<RtspUrl>() {
            Ok(url) => Some(Some(url)),
            Err(why) => return invalid(&why.to_string()),
        }
    };
    let transport: RtspTransport = match sent.rtsp_transport.parse() {
        Ok(transport) => transport,
        Err(why) => return invalid(why),
    };
    let change = BroadcasterChange { rtsp_url: url, rtsp_transport: Some(transport), ..BroadcasterChange::default() };
    desk.change(&reader, &slug, change).await
}

/// How names are written.
#[derive(Deserialize)]
pub(super) struct Names {
    /// A line each.
    vocabulary: String,
    /// `yes` when nothing else is to be heard; not there otherwise.
    #[serde(default)]
    exclusive: String,
}

/// `POST /operate/{slug}/names`. A live on air follows within seconds.
pub(super) async fn change_names(
    State(desk): State<Desk>,
    asking: Asking,
    Path(slug): Path<String>,
    Fields(sent): Fields<Names>,
) -> Response {
    let reader = asking.reader();
    let Some(sent) = sent else { return not_ours(&reader) };
    let vocabulary = match sent.vocabulary.parse::<Vocabulary>() {
        Ok(vocabulary) => vocabulary,
        Err(why) => {
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            return message_about(&reader, status, "names-invalid", "names-invalid-more", &why.to_string());
        }
    };
    let captions = CaptionChange {
        vocabulary: Some(vocabulary),
        exclusive: Some(sent.exclusive == "yes"),
        ..CaptionChange::default()
    };
    desk.change(&reader, &slug, BroadcasterChange { captions, ..BroadcasterChange::default() }).await
}
