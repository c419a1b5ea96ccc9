//! What lists show to whom. The catalogue finds what may be for a reader, the policy is asked for each.

use super::gate::visitor::Visitor;
use crate::catalogue::broadcaster::Broadcaster;
use crate::catalogue::id::{BroadcasterId, VideoId};
use crate::catalogue::listing::Listing;
use crate::catalogue::video::{Page, Readers, Video, VideoFilter};
use crate::catalogue::{Catalogue, Error};
use crate::policy::object::{Action, Kind, LivePart, VideoPart};
use crate::policy::scope::Scope;
use crate::policy::state::State;

const HALL: Kind = Kind::Live(LivePart::Record);
const VIDEO: Kind = Kind::Video(VideoPart::Record);

/// A page of videos. One that the policy takes out makes the page shorter, not the list.
///
/// # Errors
/// The catalogue's.
pub async fn videos(catalogue: &Catalogue, visitor: &Visitor, filter: VideoFilter) -> Result<Page<Video>, Error> {
    let page = catalogue.videos_for(filter, readers(visitor)).await?;
    for_them(catalogue, visitor, page).await
}

/// The same of videos that are narrowed and ordered.
///
/// # Errors
/// The catalogue's.
pub async fn listed(catalogue: &Catalogue, visitor: &Visitor, listing: &Listing) -> Result<Page<Video>, Error> {
    let page = catalogue.listed(listing, readers(visitor)).await?;
    for_them(catalogue, visitor, page).await
}

/// Those of these that this reader is shown, in this order.
///
/// # Errors
/// The catalogue's.
pub async fn these(catalogue: &Catalogue, visitor: &Visitor, ids: &[VideoId]) -> Result<Vec<Video>, Error> {
    let items = catalogue.listed_among(ids, readers(visitor)).await?;
    let mut items = for_them(catalogue, visitor, Page { items, next: None }).await?.items;
    items.sort_by_key(|video| ids.iter().position(|id| *id == video.id));
    Ok(items)
}

/// As whom the catalogue is asked: it spares the policy what can't be for this reader.
#[must_use]
pub fn readers(visitor: &Visitor) -> Readers<'_> {
    match (visitor.token(), visitor.person()) {
        (Some(token), _) if token.has(&[Scope::VideosRead, Scope::VideosWrite]) => Readers::All,
        (None, Some(person)) => Readers::Person(&person.standing.id),
        _ => Readers::Anybody,
    }
}

async fn for_them(catalogue: &Catalogue, visitor: &Visitor, mut page: Page<Video>) -> Result<Page<Video>, Error> {
    let ids: Vec<VideoId> = page.items.iter().map(|video| video.id.clone()).collect();
    let states = catalogue.video_states(&ids).await?;
    page.items.retain(|video| {
        states.get(&video.id).is_some_and(|state| visitor.may(Action::Find, VIDEO, video.id.as_str(), state))
    });
    Ok(page)
}

/// All broadcasters that this reader is shown: those for them, and those that they may change. With how things stand.
///
/// # Errors
/// The catalogue's.
pub async fn broadcasters(catalogue: &Catalogue, visitor: &Visitor) -> Result<Vec<(Broadcaster, State)>, Error> {
    among(catalogue, visitor, catalogue.broadcasters().await?).await
}

/// The same, of broadcasters that were looked up.
///
/// # Errors
/// The catalogue's.
pub async fn among(
    catalogue: &Catalogue,
    visitor: &Visitor,
    broadcasters: Vec<Broadcaster>,
) -> Result<Vec<(Broadcaster, State)>, Error> {
    let mut states = catalogue.broadcaster_states().await?;
    let with_state = broadcasters
        .into_iter()
        .filter_map(|broadcaster| states.remove(&broadcaster.id).map(|state| (broadcaster, state)));
    Ok(with_state.filter(|(broadcaster, state)| is_shown(visitor, &broadcaster.id, state)).collect())
}

/// Whether lists show this reader a broadcaster.
#[must_use]
pub fn is_shown(visitor: &Visitor, id: &BroadcasterId, state: &State) -> bool {
    let id = id.as_str();
    visitor.may(Action::Find, HALL, id, state) || visitor.may(Action::Change, HALL, id, state)
}
