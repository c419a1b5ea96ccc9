//! `/operate/_/machine/events`: the disk and the engines as they are, for the page of the machine. As on the wall: one task looks once a second while
//! somebody follows, and each operator gets the engines of the lives that they operate.
//!
//! **Promise.** The disk is looked at by one thread at a time: one that hangs holds no other.

use super::rounds::{self, CATALOGUE_EVERY, Follower, message};
use super::wall::{self, Known};
use super::{Desk, tile};
use crate::archive::layout::Layout;
use crate::archive::room::Room;
use crate::catalogue::Error;
use crate::http::gate::visitor::Visitor;
use crate::http::pages::asking::Asking;
use crate::http::pages::texts::Texts;
use crate::live::status::State as Live;
use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Of what is followed here, in logs.
const NAME: &str = "disk and engines of the operators' page";
/// A disk that hangs makes no page wait longer.
const DISK_PATIENCE: Duration = Duration::from_secs(2);

/// One look.
#[derive(Debug, Default)]
pub(super) struct Round {
    /// Grows by one.
    number: u64,
    room: Option<Room>,
    /// Of all lives: what is written on the disk. Bits per second.
    written_bps: u64,
    /// With the place of its live's broadcaster in `known`.
    engines: Vec<(usize, Engine)>,
    known: Arc<Known>,
}

pub(super) struct Disk {
    free_gib: u64,
    total_gib: u64,
    used_percent: u64,
    written_kbps: u64,
    /// `None`: nothing is written.
    lasts_h: Option<u64>,
}

/// What an engine does for a live.
#[derive(Clone, Debug)]
pub(super) struct Engine {
    pub(super) slug: String,
    pub(super) title: String,
    pub(super) encoder: Option<&'static str>,
    pub(super) speed_percent: Option<u64>,
    pub(super) lag_ms: Option<u64>,
}

impl Disk {
    /// Free and all, GiB; used, percent; written, kbit/s.
    pub(super) fn figures(&self) -> [u64; 4] {
        [self.free_gib, self.total_gib, self.used_percent, self.written_kbps]
    }

    /// How long it lasts, in the reader's words.
    pub(super) fn lasts(&self, texts: &Texts) -> String {
        match self.lasts_h {
            Some(hours) => texts.with("disk-lasts", "hours", hours),
            None => texts.get("disk-idle"),
        }
    }
}

impl Round {
    /// `None`: it does not answer.
    pub(super) fn disk(&self) -> Option<Disk> {
        let room = self.room?;
        let used = room.total_bytes.saturating_sub(room.free_bytes);
        Some(Disk {
            free_gib: room.free_bytes >> 30,
            total_gib: room.total_bytes >> 30,
            used_percent: used.saturating_mul(100) / room.total_bytes.max(1),
            written_kbps: self.written_bps / 1_000,
            lasts_h: room.lasts_s(self.written_bps).map(|seconds| seconds / 3_600),
        })
    }

    /// Those of the lives that somebody operates.
    pub(super) fn engines_of(&self, visitor: &Visitor) -> Vec<Engine> {
        let theirs = self.engines.iter().filter(|(n, _)| wall::is_theirs(&self.known[*n], visitor));
        theirs.map(|(_, engine)| engine.clone()).collect()
    }

    fn told(&self, visitor: &Visitor, texts: &Texts) -> Value {
        let disk = self.disk().map(|disk| json!({ "figures": disk.figures(), "lasts": disk.lasts(texts) }));
        let engine = |one: Engine| {
            let Engine { slug, title, encoder, speed_percent, lag_ms } = one;
            json!({ "slug": slug, "title": title, "encoder": encoder, "speed": speed_percent, "lag": lag_ms })
        };
        json!({ "disk": disk, "engines": self.engines_of(visitor).into_iter().map(engine).collect::<Vec<_>>() })
    }
}

/// The thread that looks at the disk, while there is one.
struct Looking {
    layout: Layout,
    thread: Option<JoinHandle<Option<Room>>>,
}

impl Looking {
    fn new(layout: Layout) -> Self {
        Self { layout, thread: None }
    }

    /// What it has, or `None` when that takes too long: then the same look is asked again.
    async fn room(&mut self) -> Option<Room> {
        let layout = self.layout.clone();
        let thread = self.thread.get_or_insert_with(|| {
            tokio::task::spawn_blocking(move || match Room::at(layout.media()) {
                Ok(room) => Some(room),
                Err(error) => {
                    tracing::warn!(%error, "the disk can't be looked at");
                    None
                }
            })
        });
        let looked = tokio::time::timeout(DISK_PATIENCE, thread).await.ok()?;
        self.thread = None;
        looked.ok().flatten()
    }
}

fn look(desk: &Desk, known: &Arc<Known>, room: Option<Room>, number: u64) -> Round {
    let statuses = desk.lives.statuses();
    let on_air = statuses.iter().filter(|(_, status)| status.state == Live::OnAir);
    // Everything that viewers can choose is written.
    let written_bps = on_air.clone().flat_map(|(_, status)| &status.renditions).map(|r| r.bitrate_bps).sum();
    let engines = on_air.filter_map(|(slug, status)| {
        let n = known.iter().position(|(_, known, ..)| known == slug)?;
        let engine = Engine {
            slug: slug.clone(),
            title: known[n].2.clone(),
            encoder: status.encoder,
            speed_percent: status.engine_speed.map(tile::percent),
            lag_ms: status.captions_lag.map(|lag| u64::try_from(lag.as_millis()).unwrap_or(u64::MAX)),
        };
        Some((n, engine))
    });
    Round { number, room, written_bps, engines: engines.collect(), known: Arc::clone(known) }
}

/// A first look.
///
/// # Errors
/// The catalogue's.
pub(super) async fn now(desk: &Desk, layout: &Layout) -> Result<Round, Error> {
    let known = Arc::new(wall::known(desk).await?);
    Ok(look(desk, &known, Looking::new(layout.clone()).room().await, 0))
}

/// Looks until nobody else does.
async fn keep(desk: Desk, layout: Layout, sender: watch::Sender<Arc<Round>>) {
    let mut ticks = rounds::ticks();
    let mut looking = Looking::new(layout);
    while desk.vitals.goes_on(&mut ticks, &desk, &sender).await {
        let before = Arc::clone(&sender.borrow());
        let number = before.number + 1;
        let (mut known, mut room) = (Arc::clone(&before.known), before.room);
        if number.is_multiple_of(CATALOGUE_EVERY) {
            room = looking.room().await;
            match wall::known(&desk).await {
                Ok(now) => known = Arc::new(now),
                Err(error) => tracing::warn!(%error, "broadcasters can't be looked up; trying again"),
            }
        }
        sender.send_replace(Arc::new(look(&desk, &known, room, number)));
    }
}

struct Stream {
    visitor: Visitor,
    texts: &'static Texts,
    /// What was told last.
    told: Bytes,
}

impl Follower for Stream {
    type Round = Round;

    fn number(round: &Round) -> u64 {
        round.number
    }

    fn visitor(&self) -> &Visitor {
        &self.visitor
    }

    fn message(&mut self, round: &Round) -> Option<Bytes> {
        let now: Bytes = round.told(&self.visitor, self.texts).to_string().into();
        (now != self.told).then(|| {
            self.told = now;
            message("all", &[&self.told])
        })
    }
}

/// `GET /operate/_/machine/events`.
pub(super) async fn events(State(desk): State<Desk>, State(layout): State<Layout>, asking: Asking) -> Response {
    let first = async || Ok((now(&desk, &layout).await?, layout.clone()));
    let rounds = desk.vitals.follow(&desk, NAME, first, keep).await;
    let texts = asking.reader().texts();
    rounds::events(desk, NAME, rounds, Stream { visitor: asking.visitor, texts, told: Bytes::new() })
}
