//! Where the pages' data comes from: the seam between the handlers and the rest of the server.
//!
//! Handlers call [`home`], [`live()`], [`video`] and [`updates`] and nothing else.

use super::error::Failure;
use super::events::{Announced, Announcer, LiveUpdate};
use super::markdown::{Html, plain};
use super::model::{BroadcasterLink, HomeView, LiveCard, LiveView, VideoCard, VideoLink, VideoView};
use super::place::Place;
use super::tool::Tool;
use super::video::about::{About, Licence, MAX_SUMMARY};
use super::watched::Views;
use crate::archive::layout::Layout;
use crate::archive::transcript;
use crate::catalogue::id::VideoId;
use crate::catalogue::slug::Slug;
use crate::catalogue::video::{Cursor, Video, VideoFilter, VideoState};
use crate::catalogue::{self, Catalogue};
use crate::clock;
use crate::http::gate::visitor::Visitor;
use crate::http::shown;
use crate::lifecycle::Tasks;
use crate::live;
use crate::live::status::{State, Status};
use crate::policy::object::{Action, Kind, VideoPart};
use crate::policy::state::{State as Standing, Visibility};
use media::time::WallTime;
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// Videos on the home page and beside a live.
const RECENT_ON_HOME: usize = 24;
const RECENT_BESIDE_LIVE: usize = 6;
const MOST_VIEWED: usize = 6;
/// How often a changed count of viewers is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// What the views are made from. Cheap to clone; clones share.
#[derive(Clone)]
pub struct Source {
    catalogue: Catalogue,
    lives: live::Handle,
    layout: Layout,
    tasks: Tasks,
    /// Broadcasters whose page somebody looks at. Each has one task that tells all of them.
    watched: Arc<Mutex<HashMap<String, watch::Sender<Announced>>>>,
    views: Views,
    place: Place,
}

impl Source {
    /// Over a catalogue, its lives and its recordings.
    #[must_use]
    pub fn new(catalogue: Catalogue, lives: live::Handle, layout: Layout, tasks: Tasks) -> Self {
        Self {
            catalogue,
            lives,
            layout,
            tasks,
            watched: Arc::default(),
            views: Views::default(),
            place: Place::default(),
        }
    }

    /// The same, with where people reach the site.
    #[must_use]
    pub fn reached_at(self, place: Place) -> Self {
        Self { place, ..self }
    }

    /// Where recordings are.
    pub(super) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// Where people reach the site.
    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// What there is.
    pub(super) fn catalogue(&self) -> &Catalogue {
        &self.catalogue
    }

    /// How often videos are watched. Who starts the server keeps them, see [`Views::keep`].
    #[must_use]
    pub fn views(&self) -> &Views {
        &self.views
    }

    /// What is on air.
    pub(super) fn lives(&self) -> live::Handle {
        self.lives.clone()
    }
}

pub(super) fn failed(error: &catalogue::Error) -> Failure {
    tracing::error!(%error, "a page can't be made");
    Failure
}

/// For `/`.
///
/// # Errors
/// When the data cannot be had; logged there.
pub async fn home(source: &Source, visitor: &Visitor) -> Result<HomeView, Failure> {
    // A video may be shown whose broadcaster is not.
    let broadcasters = source.catalogue.broadcasters().await.map_err(|e| failed(&e))?;
    let titles: HashMap<String, String> = broadcasters.iter().map(|b| (b.slug.to_string(), b.title.clone())).collect();
    let for_them = shown::among(&source.catalogue, visitor, broadcasters).await.map_err(|e| failed(&e))?;
    let for_them: HashSet<&str> = for_them.iter().map(|(b, _)| b.slug.as_str()).collect();
    let mut shown: Vec<_> = source
        .lives
        .statuses()
        .into_iter()
        .filter(|(slug, s)| for_them.contains(slug.as_str()) && s.state.is_busy())
        .collect();
    shown.sort_by_key(|(_, s)| s.started_at);
    let on_air = shown
        .into_iter()
        .filter_map(|(slug, status)| {
            let title = titles.get(slug.as_str())?.clone();
            Some(LiveCard { slug, title, state: status.state, viewers: status.viewers })
        })
        .collect();
    let filter = VideoFilter { broadcaster: None, listed_only: true, limit: RECENT_ON_HOME, cursor: None };
    let page = shown::videos(&source.catalogue, visitor, filter).await.map_err(|e| failed(&e))?;
    let title = |v: &Video| titles.get(v.broadcaster.as_str()).cloned().unwrap_or_default();
    let most = source.views.most(&source.catalogue, clock::now()).await.map_err(|e| failed(&e))?;
    let most = shown::these(&source.catalogue, visitor, &most).await.map_err(|e| failed(&e))?;
    Ok(HomeView {
        on_air,
        recent: page.items.iter().map(|v| card(v, title(v))).collect(),
        most_viewed: most.iter().take(MOST_VIEWED).map(|v| card(v, title(v))).collect(),
    })
}

/// For `/live/{slug}` of a site that is reached at `site`; `None` if there is no such broadcaster.
///
/// # Errors
/// When the data cannot be had; logged there.
pub async fn live(source: &Source, site: &str, slug: &str, visitor: &Visitor) -> Result<Option<LiveView>, Failure> {
    let Ok(name) = slug.parse::<Slug>() else { return Ok(None) };
    let found = source.catalogue.broadcaster_by_slug(&name).await.map_err(|e| failed(&e))?;
    let Some(broadcaster) = found else { return Ok(None) };
    let details = source.catalogue.broadcaster_details(&broadcaster.id).await.map_err(|e| failed(&e))?;
    let details = details.unwrap_or_default();
    let filter = VideoFilter {
        broadcaster: Some(broadcaster.id.clone()),
        listed_only: true,
        limit: RECENT_BESIDE_LIVE,
        cursor: None,
    };
    let page = shown::videos(&source.catalogue, visitor, filter).await.map_err(|e| failed(&e))?;
    let status = source.lives.status(slug);
    let video = match &status {
        Some(status) => finished(source, status)
            .await
            .filter(|(id, state, _)| visitor.may(Action::See, Kind::Video(VideoPart::Page), id.as_str(), state)),
        None => None,
    };
    let video = video.map(|(_, _, link)| link);
    Ok(Some(LiveView {
        summary: plain(&details.description, MAX_SUMMARY),
        slug: slug.to_owned(),
        title: broadcaster.title.clone(),
        description: Html::of_markdown(&details.description),
        speakers: broadcaster.credits.speakers,
        licence: Licence::of(&broadcaster.credits.licence),
        tool: details.tool_url.and_then(|url| Tool::of(&url, details.tool_place, source.place.tools(), site)),
        state: status.as_ref().map_or(State::Idle, |s| s.state),
        started_at: status.as_ref().and_then(|s| s.started_at),
        viewers: status.as_ref().map_or(0, |s| s.viewers),
        renditions_version: status.as_ref().map_or(0, |s| s.renditions_version),
        video,
        recent: page.items.iter().map(|v| card(v, broadcaster.title.clone())).collect(),
    }))
}

/// For `/videos/{id}-{slug}`, as this visitor sees it; `None` if there is no such video, or it is still being recorded.
///
/// # Errors
/// When the data cannot be had; logged there.
pub async fn video(source: &Source, id: &str, visitor: &Visitor) -> Result<Option<VideoView>, Failure> {
    let Ok(id) = id.parse::<VideoId>() else { return Ok(None) };
    let found = source.catalogue.video(&id).await.map_err(|e| failed(&e))?;
    let Some(video) = found.filter(|v| v.state == VideoState::Ended) else { return Ok(None) };
    let hall = source.catalogue.broadcaster(&video.broadcaster_id).await.map_err(|e| failed(&e))?;
    let standing = match &hall {
        Some(hall) => source.catalogue.broadcaster_state(&hall.slug).await.map_err(|e| failed(&e))?,
        None => None,
    };
    let listed = standing.is_some_and(|(id, state)| shown::is_shown(visitor, &id, &state));
    let details = source.catalogue.details(&id).await.map_err(|e| failed(&e))?;
    let captions = transcript::offered(&source.layout, video.id.as_str()).await;
    let views = source.catalogue.views(std::slice::from_ref(&id)).await.map_err(|e| failed(&e))?;
    Ok(Some(VideoView {
        views: views.get(&id).copied().unwrap_or(0),
        id: video.id.to_string(),
        slug: video.slug.to_string(),
        duration_ms: video.shown_ms().unwrap_or(0),
        poster_url: video.poster_url(),
        storyboard_url: video.storyboard_url(),
        captions,
        title: video.title,
        about: About::of(details.unwrap_or_default()),
        broadcaster: hall.map(|hall| BroadcasterLink { slug: hall.slug.to_string(), title: hall.title, listed }),
        recorded_at: video.started_at,
    }))
}

/// Moments are told to the second, begins are not.
const TO_THE_SECOND_MICROS: i64 = 999_999;

/// Where what a hall showed at a moment can be watched now, if that is a video that this visitor may be told of; `None`: nowhere, or in the live that
/// is on air.
///
/// # Errors
/// When the data cannot be had; logged there.
pub async fn moment(
    source: &Source,
    slug: &str,
    at: WallTime,
    visitor: &Visitor,
) -> Result<Option<VideoLink>, Failure> {
    let begun_by = at.plus_micros(TO_THE_SECOND_MICROS);
    let status = source.lives.status(slug);
    let goes_on = status.filter(|status| status.state.is_busy());
    if goes_on.and_then(|status| status.started_at).is_some_and(|started_at| started_at <= begun_by) {
        return Ok(None);
    }
    let Ok(name) = slug.parse::<Slug>() else { return Ok(None) };
    let catalogue = &source.catalogue;
    let Some((id, hall)) = catalogue.broadcaster_state(&name).await.map_err(|e| failed(&e))? else { return Ok(None) };
    let filter = VideoFilter { broadcaster: Some(id), listed_only: false, limit: 1, cursor: Cursor::at(begun_by) };
    let Some(video) = catalogue.videos(filter).await.map_err(|e| failed(&e))?.items.pop() else { return Ok(None) };
    if video.state != VideoState::Ended || video.ended_at.is_none_or(|ended_at| ended_at < at) {
        return Ok(None);
    }
    let standing = catalogue.video_state(&video.id).await.map_err(|e| failed(&e))?;
    let told = standing.is_some_and(|state| {
        // Who knows the hall's address is not told that of a video which is for who knows it.
        (state.visibility != Visibility::Unlisted || state.is_for_all_of(&hall))
            && visitor.may(Action::See, Kind::Video(VideoPart::Page), video.id.as_str(), &state)
    });
    Ok(told.then(|| VideoLink { id: video.id.to_string(), slug: video.slug.to_string() }))
}

/// For `/live/{slug}/events`: what the page is told, now and whenever it changes.
///
/// # Errors
/// When the data cannot be had; logged there.
pub async fn updates(source: &Source, slug: &str) -> Result<Option<watch::Receiver<Announced>>, Failure> {
    if let Some(sender) = source.watched.lock().unwrap_or_else(PoisonError::into_inner).get(slug) {
        return Ok(Some(sender.subscribe()));
    }
    // Subscribed before the state is read, so that no change falls between.
    let changes = source.lives.watch(slug);
    let Ok(name) = slug.parse::<Slug>() else { return Ok(None) };
    if source.catalogue.broadcaster_by_slug(&name).await.map_err(|e| failed(&e))?.is_none() {
        return Ok(None);
    }
    let announcer = Announcer::new(told(source, &name, source.lives.status(slug).as_deref()).await, clock::now());
    let updates = announcer.subscribe();
    {
        let mut watched = source.watched.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = watched.get(slug) {
            return Ok(Some(sender.subscribe()));
        }
        watched.insert(slug.to_owned(), announcer.sender());
    }
    source.tasks.spawn("live page", tell(source.clone(), name, announcer, changes));
    Ok(Some(updates))
}

/// Tells the pages of one live until nobody looks any more.
async fn tell(source: Source, slug: Slug, mut announcer: Announcer, mut changes: live::handle::Watch) {
    let stop = source.tasks.soft().clone();
    loop {
        let status = tokio::select! {
            status = changes.changed() => status,
            () = tokio::time::sleep(LOOK_EVERY) => changes.now(),
            () = stop.cancelled() => {
                source.watched.lock().unwrap_or_else(PoisonError::into_inner).remove(slug.as_str());
                return;
            }
        };
        let update = told(&source, &slug, status.as_deref()).await;
        announcer.announce(update, clock::now());
        let mut watched = source.watched.lock().unwrap_or_else(PoisonError::into_inner);
        if announcer.is_unheard() {
            watched.remove(slug.as_str());
            return;
        }
    }
}

/// What all who look at a live's page are told, whoever they are: nothing of a video that is for fewer than the live.
async fn told(source: &Source, slug: &Slug, status: Option<&Status>) -> LiveUpdate {
    let video = match status {
        Some(status) => finished(source, status).await,
        None => None,
    };
    let video = match video {
        Some((_, state, link)) => {
            let hall = source.catalogue.broadcaster_state(slug).await.map_err(|e| failed(&e)).ok().flatten();
            let is_theirs =
                hall.is_some_and(|(_, hall)| state.visibility != Visibility::Draft && state.is_for_all_of(&hall));
            is_theirs.then_some(link)
        }
        None => None,
    };
    LiveUpdate::new(
        status.map_or(State::Idle, |s| s.state),
        video.as_ref(),
        status.map_or(0, |s| s.viewers),
        status.map_or(0, |s| s.renditions_version),
    )
}

/// The video that an ended live became, and how things stand with it.
async fn finished(source: &Source, status: &Status) -> Option<(VideoId, Standing, VideoLink)> {
    if status.state != State::Ended {
        return None;
    }
    let id: VideoId = status.video_id.as_ref()?.parse().ok()?;
    let video = source.catalogue.video(&id).await.map_err(|e| failed(&e)).ok()??;
    let standing = source.catalogue.video_state(&id).await.map_err(|e| failed(&e)).ok()??;
    let link = VideoLink { id: video.id.to_string(), slug: video.slug.to_string() };
    Some((id, standing, link))
}

pub(super) fn card(video: &Video, broadcaster: String) -> VideoCard {
    VideoCard {
        id: video.id.to_string(),
        slug: video.slug.to_string(),
        title: video.title.clone(),
        broadcaster,
        recorded_at: video.started_at,
        duration_ms: video.shown_ms().unwrap_or(0),
        poster_url: video.poster_url(),
    }
}
