//! `/operate/_/machine`: what the server stands on: the disk and how long it lasts, speech models, engines at work, the version.

use super::wall::known_to;
use super::{Desk, refused};
use crate::archive::layout::Layout;
use crate::archive::room::Room;
use crate::http::assets::Entry;
use crate::http::pages::asking::Asking;
use crate::http::pages::frame::{Frame, respond};
use crate::live::status::State as Live;
use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use std::time::Duration;

/// A disk that hangs makes no page wait longer.
const DISK_PATIENCE: Duration = Duration::from_secs(2);

#[derive(Template)]
#[template(path = "operate-machine.html")]
struct Page<'a> {
    frame: Frame<'a>,
    version: &'static str,
    /// `None`: it does not answer.
    disk: Option<Disk>,
    captioned: bool,
    models: Vec<Model>,
    missing: Vec<Missing>,
    engines: Vec<Engine>,
}

struct Disk {
    free_gib: u64,
    total_gib: u64,
    used_percent: u64,
    written_kbps: u64,
    /// `None`: nothing is written.
    lasts_h: Option<u64>,
}

/// An installed model.
struct Model {
    name: String,
    language: String,
    mib: u64,
    /// Its archive was compared with a hash that was known before.
    checked: bool,
}

/// A language that lives are to be captioned in, and there is nothing that hears it.
struct Missing {
    language: String,
    /// What to type.
    command: String,
}

/// What an engine does for a live.
struct Engine {
    slug: String,
    title: String,
    encoder: Option<&'static str>,
    speed_percent: Option<u64>,
    lag_ms: Option<u128>,
}

impl Disk {
    fn new(room: Room, written_bps: u64) -> Self {
        let used = room.total_bytes.saturating_sub(room.free_bytes);
        Self {
            free_gib: room.free_bytes >> 30,
            total_gib: room.total_bytes >> 30,
            used_percent: used.saturating_mul(100) / room.total_bytes.max(1),
            written_kbps: written_bps / 1_000,
            lasts_h: room.lasts_s(written_bps).map(|seconds| seconds / 3_600),
        }
    }
}

/// `GET /operate/_/machine`.
pub(super) async fn page(State(desk): State<Desk>, State(layout): State<Layout>, asking: Asking) -> Response {
    let theirs = match known_to(&desk, &asking.visitor).await {
        Ok(theirs) => theirs,
        Err(error) => return refused(&asking.reader(), &error),
    };
    let statuses = desk.lives.statuses();
    let on_air = statuses.iter().filter(|(_, status)| status.state == Live::OnAir);
    // Everything that viewers can choose is written.
    let written_bps = on_air.clone().flat_map(|(_, status)| &status.renditions).map(|r| r.bitrate_bps).sum();
    let looked = tokio::task::spawn_blocking(move || Room::at(layout.media()));
    let room = tokio::time::timeout(DISK_PATIENCE, looked).await.ok().and_then(Result::ok);
    let disk = match room {
        Some(Ok(room)) => Some(Disk::new(room, written_bps)),
        Some(Err(error)) => {
            tracing::warn!(%error, "the disk can't be looked at");
            None
        }
        None => None,
    };
    let engines = on_air.filter_map(|(slug, status)| {
        let (_, title) = theirs.iter().find(|(theirs, _)| theirs == slug)?;
        Some(Engine {
            slug: slug.clone(),
            title: title.clone(),
            encoder: status.encoder,
            speed_percent: status.engine_speed.map(super::tile::percent),
            lag_ms: status.captions_lag.map(|lag| lag.as_millis()),
        })
    });
    let offer = desk.lives.captions();
    let page = Page {
        version: env!("CARGO_PKG_VERSION"),
        disk,
        captioned: offer.enabled,
        models: offer
            .models
            .records()
            .iter()
            .map(|record| Model {
                name: record.name.clone(),
                language: record.language.clone(),
                mib: record.bytes() >> 20,
                checked: record.checked,
            })
            .collect(),
        missing: offer.lacks().map(|(language, command)| Missing { language, command }).collect(),
        engines: engines.collect(),
        frame: Frame::new(&asking.headers, &asking.assets, Entry::Operate).seen_by(&asking.visitor),
    };
    respond(StatusCode::OK, &page).into_response()
}
