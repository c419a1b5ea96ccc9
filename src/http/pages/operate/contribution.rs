//! Where a broadcaster's contribution comes from, and how names are written in its captions.

use super::{Desk, refused};
use crate::catalogue::broadcaster::{BroadcasterChange, RtspTransport};
use crate::catalogue::captions::CaptionChange;
use crate::catalogue::rtsp_url::RtspUrl;
use crate::http::pages::asking::Asking;
use crate::http::pages::form::Fields;
use crate::http::pages::people::{message_about, not_ours};
use crate::http::pages::texts::Texts;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use fluent_bundle::FluentArgs;
use media::caption::vocabulary::{Fault, Refused, Vocabulary, Why};
use media::ingest::rtsp::BadSource;
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
            Err(refused) => return invalid(&reader.texts().get(key_of(refused.why()))),
        }
    };
    // The form has a choice of those that there are.
    let Ok(transport) = sent.rtsp_transport.parse::<RtspTransport>() else { return not_ours(&reader) };
    let change = BroadcasterChange { rtsp_url: url, rtsp_transport: Some(transport), ..BroadcasterChange::default() };
    desk.change(&reader, &slug, change).await
}

/// Key of what is said of an address that can't be pulled.
fn key_of(why: BadSource) -> &'static str {
    match why {
        BadSource::Scheme => "source-no-rtsp",
        BadSource::Tls => "source-tls",
        BadSource::Host => "source-no-host",
        BadSource::Port => "source-bad-port",
        BadSource::Fragment => "source-fragment",
        _ => "source-no-url",
    }
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
        Err(refused) => {
            let (status, faults) = (StatusCode::UNPROCESSABLE_ENTITY, said(&refused, reader.texts()));
            return message_about(&reader, status, "names-invalid", "names-invalid-more", &faults);
        }
    };
    let captions = CaptionChange {
        vocabulary: Some(vocabulary),
        exclusive: Some(sent.exclusive == "yes"),
        ..CaptionChange::default()
    };
    desk.change(&reader, &slug, BroadcasterChange { captions, ..BroadcasterChange::default() }).await
}

/// What is wrong with names, in the reader's words, a line each.
fn said(refused: &Refused, texts: &Texts) -> String {
    let (faults, more) = refused.told();
    let line = |fault: &Fault| {
        let key = match fault.why {
            Why::Hidden => "names-hidden",
            Why::Language => "names-language",
            Why::Form => "names-form",
            Why::Words => "names-words",
            Why::Long => "names-long",
            Why::Entries => "names-entries",
            Why::Bytes => "names-bytes",
        };
        let mut args = FluentArgs::new();
        args.set("line", fault.line);
        args.set("excerpt", fault.excerpt.as_deref().unwrap_or_default());
        args.set("why", texts.with(key, "most", fault.why.most().unwrap_or_default()));
        texts.with_all(if fault.excerpt.is_some() { "names-line-begins" } else { "names-line" }, &args)
    };
    let mut lines: Vec<String> = faults.iter().map(line).collect();
    if more > 0 {
        lines.push(texts.with("names-more", "count", more));
    }
    lines.join("\n")
}
