//! `/operate`: a tile for each broadcaster that the operator may see, and `/operate/_/events`, by which the tiles change.
//!
//! **Promises.** One task looks at all lives once a second and writes what has changed of each once, for all operators together; it runs while one of
//! them looks. Each gets the tiles that the policy lets them have, asked again every time. An operator who reads slowly gets the whole again, not
//! what was missed: nothing is queued.

use super::Desk;
use super::rounds::{self, CATALOGUE_EVERY, Follower, message};
use super::tile::{Tile, words};
use crate::catalogue::Error;
use crate::http::assets::{Assets, Entry};
use crate::http::gate::visitor::Visitor;
use crate::http::pages::ErrorPage;
use crate::http::pages::frame::{Frame, respond};
use crate::policy::object::{Action, Kind, LivePart};
use crate::policy::state::State as Standing;
use askama::Template;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use serde::Deserialize;
use std::sync::Arc;
use tokio::sync::watch;

/// Who may look into its rights is who operates it: what everybody may see of figures is no matter here.
const THEIRS: Kind = Kind::Live(LivePart::Rights);

/// Of what is followed here, in logs.
const NAME: &str = "wall";

/// One look at all broadcasters.
#[derive(Debug, Default)]
pub(super) struct Round {
    /// Grows by one; by more when what was told before is no base for what has changed.
    number: u64,
    tiles: Vec<Shown>,
}

#[derive(Debug)]
struct Shown {
    id: String,
    standing: Standing,
    tile: Tile,
    whole: Bytes,
    /// `None`: as before.
    changed: Option<Bytes>,
}

impl Shown {
    fn new(id: String, standing: Standing, tile: Tile, before: Option<&Self>) -> Self {
        match before {
            Some(before) if before.tile == tile => {
                Self { id, standing, tile, whole: before.whole.clone(), changed: None }
            }
            _ => {
                let changed = before.and_then(|before| tile.since(&before.tile)).map(Bytes::from);
                Self { whole: tile.whole().into(), changed, id, standing, tile }
            }
        }
    }
}

/// A broadcaster: id, slug, title, and how things stand with it.
type Hall = (String, String, String, Standing);
/// All broadcasters.
pub(super) type Known = Vec<Hall>;

/// Whether somebody operates it.
pub(super) fn is_theirs((id, _, _, standing): &Hall, visitor: &Visitor) -> bool {
    visitor.may(Action::See, THEIRS, id, standing)
}

pub(super) async fn known(desk: &Desk) -> Result<Known, Error> {
    let mut states = desk.catalogue.broadcaster_states().await?;
    let all = desk.catalogue.broadcasters().await?.into_iter();
    Ok(all
        .filter_map(|b| {
            let standing = states.remove(&b.id)?;
            Some((b.id.to_string(), b.slug.to_string(), b.title, standing))
        })
        .collect())
}

/// Those that somebody operates, as they are found now: slug and title.
pub(super) async fn known_to(desk: &Desk, visitor: &Visitor) -> Result<Vec<(String, String)>, Error> {
    let theirs = known(desk).await?.into_iter().filter(|hall| is_theirs(hall, visitor));
    Ok(theirs.map(|(_, slug, title, _)| (slug, title)).collect())
}

/// What is now. The first round has no changes.
fn look(desk: &Desk, known: &Known, before: &Round) -> Round {
    let statuses = desk.lives.statuses();
    let same = known.len() == before.tiles.len() && known.iter().zip(&before.tiles).all(|(k, t)| k.0 == t.id);
    let tiles = known.iter().enumerate().map(|(n, (id, slug, title, standing))| {
        let status = statuses.binary_search_by(|(other, _)| other.as_str().cmp(slug)).ok().map(|n| &*statuses[n].1);
        let tile = desk.tile(slug, title, status);
        let before = before.tiles.get(n).filter(|_| same);
        Shown::new(id.clone(), standing.clone(), tile, before)
    });
    Round { number: before.number + if same { 1 } else { 2 }, tiles: tiles.collect() }
}

/// Looks until nobody else does.
async fn keep(desk: Desk, mut known_now: Known, sender: watch::Sender<Arc<Round>>) {
    let mut ticks = rounds::ticks();
    let mut looks: u64 = 0;
    while desk.wall.goes_on(&mut ticks, &desk, &sender).await {
        looks += 1;
        if looks.is_multiple_of(CATALOGUE_EVERY) {
            match known(&desk).await {
                Ok(fresh) => known_now = fresh,
                Err(error) => {
                    tracing::warn!(%error, "the wall can't look who broadcasts; it goes on with those it knows");
                }
            }
        }
        let round = look(&desk, &known_now, &sender.borrow());
        sender.send_replace(Arc::new(round));
    }
}

/// Which tiles somebody wants.
#[derive(Debug, Deserialize)]
pub(super) struct Only {
    only: Option<String>,
}

struct Stream {
    visitor: Visitor,
    only: Option<String>,
    told: Option<u64>,
    /// Which of the round's tiles were theirs to see: when that changes, changes are no base.
    saw: Vec<bool>,
}

impl Stream {
    fn may_see(&self, shown: &Shown) -> bool {
        self.only.as_ref().is_none_or(|slug| *slug == shown.tile.slug)
            && self.visitor.may(Action::See, THEIRS, &shown.id, &shown.standing)
    }
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
        let sees: Vec<bool> = round.tiles.iter().map(|shown| self.may_see(shown)).collect();
        let follows = self.told.is_some_and(|told| told + 1 == round.number) && self.saw == sees;
        self.told = Some(round.number);
        self.saw.clone_from(&sees);
        let mine = round.tiles.iter().zip(sees).filter_map(|(shown, sees)| sees.then_some(shown));
        let (event, objects): (&str, Vec<&Bytes>) = match follows {
            true => ("some", mine.filter_map(|shown| shown.changed.as_ref()).collect()),
            false => ("all", mine.map(|shown| &shown.whole).collect()),
        };
        (!follows || !objects.is_empty()).then(|| message(event, &objects))
    }
}

/// `GET /operate/_/events`.
pub(super) async fn events(State(desk): State<Desk>, visitor: Visitor, Query(only): Query<Only>) -> Response {
    let first = async || {
        let known = known(&desk).await?;
        Ok((look(&desk, &known, &Round::default()), known))
    };
    let rounds = desk.wall.follow(&desk, NAME, first, keep).await;
    let stream = Stream { visitor, only: only.only, told: None, saw: Vec::new() };
    rounds::events(desk, NAME, rounds, stream)
}

#[derive(Template)]
#[template(path = "operate.html")]
struct Page<'a> {
    frame: Frame<'a>,
    tiles: Vec<Tile>,
    /// What a broadcaster that is added later looks like.
    blank: Tile,
    /// Keys of texts that scripts put in.
    words: Vec<String>,
}

/// `GET /operate`.
pub(super) async fn page(
    State(desk): State<Desk>,
    State(assets): State<Assets>,
    visitor: Visitor,
    headers: HeaderMap,
) -> Response {
    let theirs = match known_to(&desk, &visitor).await {
        Ok(theirs) => theirs,
        Err(error) => {
            tracing::error!(%error, "the wall can't be shown");
            return ErrorPage::Failed.render(&headers, &assets, &visitor);
        }
    };
    let tiles = theirs.iter().map(|(slug, title)| desk.tile(slug, title, desk.lives.status(slug).as_deref())).collect();
    let frame = Frame::new(&headers, &assets, Entry::Operate).seen_by(&visitor);
    respond(StatusCode::OK, &Page { frame, tiles, blank: Tile::new("", "", None, None), words: words() })
        .into_response()
}
