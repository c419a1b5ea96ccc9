//! What can be changed of a broadcaster by form, and one more broadcaster.

use super::about::About;
use super::{Desk, refused};
use crate::catalogue::Error;
use crate::catalogue::access::AccessChange;
use crate::catalogue::broadcaster::{Broadcaster, BroadcasterChange, NewBroadcaster, RecordStart};
use crate::catalogue::building::Building;
use crate::catalogue::captions::CaptionChange;
use crate::catalogue::slug::Slug;
use crate::http::assets::Entry;
use crate::http::gate::visitor::Visitor;
use crate::http::pages::asking::Asking;
use crate::http::pages::form::{Fields, FormPage};
use crate::http::pages::frame::Frame;
use crate::http::pages::people::{not_ours, see};
use crate::http::pages::visibility;
use crate::live;
use crate::policy::object::{Action, Kind, LivePart};
use crate::policy::state::{State as Standing, Visibility};
use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use media::caption::language::Language;
use serde::Deserialize;
use std::time::Duration;

/// As a form shows them.
pub(super) struct Settings {
    /// Its own; empty: the server's.
    pub(super) preset: String,
    pub(super) presets: [&'static str; 3],
    /// Tags with a space between.
    pub(super) languages: String,
    /// Whether it has languages of its own.
    pub(super) own_languages: bool,
    /// Whether its lives are recorded when an operator says so.
    pub(super) recorded_by_hand: bool,
    /// How names are written in its captions, a line each.
    pub(super) vocabulary: String,
    /// Seconds; `None`: the server's.
    pub(super) grace_s: Option<u64>,
    pub(super) visibility: Visibility,
    pub(super) building: Option<String>,
    pub(super) buildings: Vec<Building>,
    pub(super) about: About,
}

impl Settings {
    pub(super) async fn of(desk: &Desk, visitor: &Visitor, hall: &Broadcaster) -> Result<Self, Error> {
        let (_, standing) =
            desk.catalogue.broadcaster_state(&hall.slug).await?.ok_or(Error::NotFound("broadcaster"))?;
        let languages = hall.captions.languages.as_deref().unwrap_or_default();
        Ok(Self {
            preset: hall.preset.clone().unwrap_or_default(),
            presets: live::presets(),
            languages: languages.iter().map(Language::tag).collect::<Vec<_>>().join(" "),
            own_languages: hall.captions.languages.is_some(),
            vocabulary: hall.captions.vocabulary.lines().join("\n"),
            recorded_by_hand: hall.record_start == RecordStart::ByHand,
            grace_s: hall.grace.map(|grace| grace.as_secs()),
            visibility: standing.visibility,
            building: standing.building,
            buildings: buildings_of(desk, visitor).await?,
            about: About::of(&desk.catalogue, hall).await?,
        })
    }
}

impl Settings {
    /// Key of the text of whom its lives are for.
    pub(super) fn visibility_key(&self) -> &'static str {
        visibility::key(self.visibility, "visibility-draft")
    }

    /// Whether it is there.
    pub(super) fn is_in(&self, building: &Building) -> bool {
        self.building.as_deref() == Some(building.id.as_str())
    }
}

/// Those where this operator may have broadcasters.
async fn buildings_of(desk: &Desk, visitor: &Visitor) -> Result<Vec<Building>, Error> {
    let mut buildings = desk.catalogue.buildings().await?;
    buildings.retain(|building| may_have_in(visitor, Some(building.id.as_str())));
    Ok(buildings)
}

fn may_have_in(visitor: &Visitor, building: Option<&str>) -> bool {
    let there = Standing { building: building.map(str::to_owned), ..Standing::default() };
    visitor.may(Action::Create, Kind::Live(LivePart::Record), "", &there)
}

/// What a broadcaster is and does.
#[derive(Deserialize)]
pub(super) struct Change {
    title: String,
    preset: String,
    /// `server`: as the server is set; anything else: those of `languages`.
    captions: String,
    languages: String,
    grace_s: String,
    /// `automatic` or `by_hand`.
    record_start: String,
}

impl Change {
    fn read(self) -> Result<BroadcasterChange, Error> {
        let invalid = |field, reason| Error::Invalid { field, reason };
        let preset = match self.preset.as_str() {
            "" => None,
            name if live::is_preset(name) => Some(name.to_owned()),
            _ => return Err(invalid("preset", "must be a preset")),
        };
        let languages = match self.captions.as_str() {
            "server" => None,
            _ => {
                let tags = self.languages.split([' ', ',']).filter(|tag| !tag.is_empty());
                let languages: Option<Vec<Language>> = tags.map(Language::new).collect();
                Some(languages.ok_or_else(|| invalid("caption_languages", "must be language tags"))?)
            }
        };
        let grace = match self.grace_s.trim() {
            "" => None,
            seconds => {
                let seconds = seconds.parse().map_err(|_| invalid("grace", "must be a number of seconds"))?;
                Some(Duration::from_secs(seconds))
            }
        };
        Ok(BroadcasterChange {
            title: Some(self.title),
            preset: Some(preset),
            grace: Some(grace),
            record_start: Some(self.record_start.parse().map_err(|reason| invalid("record_start", reason))?),
            captions: CaptionChange { languages: Some(languages), ..CaptionChange::default() },
            ..BroadcasterChange::default()
        })
    }
}

/// `POST /operate/{slug}/settings`.
pub(super) async fn change(
    State(desk): State<Desk>,
    asking: Asking,
    Path(slug): Path<String>,
    Fields(sent): Fields<Change>,
) -> Response {
    let reader = asking.reader();
    let Some(sent) = sent else { return not_ours(&reader) };
    match sent.read() {
        Ok(change) => desk.change(&reader, &slug, change).await,
        Err(error) => refused(&reader, &error),
    }
}

/// Where it is, which says who operates it.
#[derive(Deserialize)]
pub(super) struct Place {
    /// Empty: nowhere.
    building: String,
}

/// `POST /operate/{slug}/building`.
pub(super) async fn move_to(
    State(desk): State<Desk>,
    asking: Asking,
    Path(slug): Path<String>,
    Fields(sent): Fields<Place>,
) -> Response {
    let reader = asking.reader();
    let Some(sent) = sent else { return not_ours(&reader) };
    let changed = async {
        let hall = desk.hall(&slug).await?;
        let (_, standing) =
            desk.catalogue.broadcaster_state(&hall.slug).await?.ok_or(Error::NotFound("broadcaster"))?;
        let building = Some(sent.building.as_str()).filter(|building| !building.is_empty());
        // Nobody gives a broadcaster away to where they may not take it from.
        if building != standing.building.as_deref() && !may_have_in(&asking.visitor, building) {
            return Err(Error::NotFound("building"));
        }
        let building = building.map(str::parse).transpose().map_err(|_| Error::NotFound("building"))?;
        let change = AccessChange { building: Some(building), ..AccessChange::default() };
        desk.catalogue.change_broadcaster_access(&hall.id, change).await
    };
    match changed.await {
        Ok(()) => see(&format!("/operate/{slug}")),
        Err(error) => refused(&reader, &error),
    }
}

#[derive(Template)]
#[template(path = "operate-new.html")]
struct Page<'a> {
    frame: Frame<'a>,
    token: &'a str,
    buildings: Vec<Building>,
    /// Who may only work in some buildings adds none.
    may_add: bool,
}

/// `GET /operate/_/new`.
pub(super) async fn new(State(desk): State<Desk>, asking: Asking) -> Response {
    let reader = asking.reader();
    let buildings = match buildings_of(&desk, &asking.visitor).await {
        Ok(buildings) => buildings,
        Err(error) => return refused(&reader, &error),
    };
    let form = FormPage::new(&reader);
    let may_add = may_have_in(&asking.visitor, None);
    let page = Page { frame: form.frame_loading(Entry::Operate), token: form.token(), buildings, may_add };
    form.respond(StatusCode::OK, &page)
}

/// A new broadcaster's form.
#[derive(Deserialize)]
pub(super) struct New {
    title: String,
    /// Empty: made from the title.
    slug: String,
    building: String,
}

/// `POST /operate/_/new`.
pub(super) async fn add(State(desk): State<Desk>, asking: Asking, Fields(sent): Fields<New>) -> Response {
    let reader = asking.reader();
    let Some(sent) = sent else { return not_ours(&reader) };
    let added = async {
        let invalid = Error::Invalid { field: "slug", reason: "must be letters, digits and -" };
        let slug = match sent.slug.trim() {
            "" => Slug::from_title(&sent.title).ok_or(invalid)?,
            slug => slug.parse().map_err(|_| invalid)?,
        };
        let building = Some(sent.building.as_str()).filter(|building| !building.is_empty());
        let building = building.map(str::parse).transpose().map_err(|_| Error::NotFound("building"))?;
        let hall = desk.catalogue.add_broadcaster(NewBroadcaster::new(slug, sent.title), desk.clock.now()).await?;
        if building.is_some() {
            let change = AccessChange { building: Some(building), ..AccessChange::default() };
            desk.catalogue.change_broadcaster_access(&hall.id, change).await?;
        }
        Ok(hall.slug)
    };
    match added.await {
        Ok(slug) => see(&format!("/operate/{slug}")),
        Err(error) => refused(&reader, &error),
    }
}
