//! `POST /videos/{id}/watched`: a page says that its video has begun to play. Counted once for each browser and hour, if it keeps the word that
//! it was given to be counted by.
//!
//! **Promises.** Whoever comes again within the hour is remembered by a number that means nothing outside this process; what is counted is told to
//! the catalogue in one go, every half minute at most.

use super::source::Source;
use crate::catalogue::id::VideoId;
use crate::catalogue::{self, Catalogue};
use crate::clock;
use crate::http::gate::visitor::Visitor;
use crate::http::play::public;
use crate::lifecycle::Tasks;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use media::time::WallTime;
use quick_cache::sync::Cache;
use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Browsers and videos that are remembered: 3 MB. Beyond it the one that came longest ago counts again.
const REMEMBERED: usize = 100_000;
const HOUR_MS: i64 = 3_600_000;
/// Most viewed videos that are known: some are not for everybody.
const MOST: usize = 60;
const MOST_FOR_MS: i64 = 60_000;
const TELL_EVERY: Duration = Duration::from_secs(30);

/// Views that were counted. Cheap to clone; clones share.
#[derive(Clone)]
pub struct Views(Arc<Inner>);

struct Inner {
    numbers: RandomState,
    /// When each browser's view of a video was counted, in milliseconds since the epoch.
    seen: Cache<u64, i64>,
    /// What was watched most, and when that was looked up.
    most: Mutex<Option<(WallTime, Arc<[VideoId]>)>>,
    /// Not told yet. As many as videos that were watched within half a minute.
    untold: Mutex<BTreeMap<VideoId, u64>>,
}

impl Default for Views {
    fn default() -> Self {
        Self(Arc::new(Inner {
            numbers: RandomState::new(),
            seen: Cache::new(REMEMBERED),
            most: Mutex::default(),
            untold: Mutex::default(),
        }))
    }
}

impl Views {
    /// Counts a view, unless the browser's last one was within the hour. Says whether it did.
    fn count(&self, video: &VideoId, browser: &str, now: WallTime) -> bool {
        let key = self.0.numbers.hash_one((video.as_str(), browser));
        let now_ms = now.millis();
        if self.0.seen.get(&key).is_some_and(|seen_ms| (0..HOUR_MS).contains(&(now_ms - seen_ms))) {
            return false;
        }
        self.0.seen.insert(key, now_ms);
        *self.0.untold.lock().unwrap_or_else(PoisonError::into_inner).entry(video.clone()).or_default() += 1;
        true
    }

    /// Videos that were watched most, the first first, as it was a minute ago at most.
    ///
    /// # Errors
    /// The catalogue's.
    pub(super) async fn most(&self, catalogue: &Catalogue, now: WallTime) -> Result<Arc<[VideoId]>, catalogue::Error> {
        let known = self.0.most.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, most)) = known.filter(|(at, _)| (0..MOST_FOR_MS).contains(&(now.millis() - at.millis()))) {
            return Ok(most);
        }
        let most: Arc<[VideoId]> = catalogue.most_viewed(MOST).await?.into();
        *self.0.most.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, Arc::clone(&most)));
        Ok(most)
    }

    /// Tells the catalogue what was counted, until the server stops.
    pub async fn keep(self, catalogue: Catalogue, tasks: Tasks) {
        let mut ticks = tokio::time::interval(TELL_EVERY);
        loop {
            let stopping = tokio::select! {
                _ = ticks.tick() => false,
                () = tasks.soft_stopped() => true,
            };
            self.tell(&catalogue).await;
            if stopping {
                return;
            }
        }
    }

    async fn tell(&self, catalogue: &Catalogue) {
        let counted = std::mem::take(&mut *self.0.untold.lock().unwrap_or_else(PoisonError::into_inner));
        if counted.is_empty() {
            return;
        }
        if let Err(error) = catalogue.add_views(&counted).await {
            tracing::warn!(%error, "views can't be counted; trying again");
            let mut untold = self.0.untold.lock().unwrap_or_else(PoisonError::into_inner);
            for (video, views) in counted {
                *untold.entry(video).or_default() += views;
            }
        }
    }
}

pub(super) async fn handler(State(source): State<Source>, visitor: Visitor, Path(id): Path<String>) -> Response {
    // A browser that keeps no cookies would count each time.
    if let (Some(browser), Ok(id)) = (visitor.known_browser(), id.parse::<VideoId>()) {
        source.views().count(&id, browser, clock::now());
    }
    public(StatusCode::NO_CONTENT.into_response())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::support::World;
    use crate::policy::state::Visibility;
    use crate::policy::who::Role;

    #[tokio::test]
    async fn a_view_counts_once_for_each_browser_and_hour() {
        let at = |minutes: i64| WallTime::from_micros(1_000_000_000_000_000 + minutes * 60_000_000);
        let views = Views::default();
        let (one, other): (VideoId, VideoId) =
            ("aaaaaaaaaaaaaaaa".parse().unwrap(), "bbbbbbbbbbbbbbbb".parse().unwrap());
        let counted = [
            views.count(&one, "a", at(0)),
            views.count(&one, "a", at(59)),
            views.count(&one, "b", at(59)),
            views.count(&other, "a", at(59)),
            views.count(&one, "a", at(60)),
        ];
        assert_eq!(counted, [true, false, true, true, true]);
        assert_eq!(*views.0.untold.lock().unwrap(), BTreeMap::from([(one, 3), (other, 1)]));
    }

    #[tokio::test]
    async fn only_browsers_that_keep_what_they_were_given_count() {
        let world = World::new().await;
        let video = world.video(&world.hall("a").await, "Fourier").await;
        world.show_video_to(&video, Visibility::Public).await;
        let (page, watched) = (video.page_url(), format!("/videos/{}/watched", video.id));
        for n in 0..50 {
            let mut made_up = world.browser();
            made_up.cookies.insert("amphi-viewer".to_owned(), format!("{n:032x}"));
            assert_eq!(made_up.send("POST", &watched, &[], "").await.status, 204);
        }
        for _ in 0..2 {
            let mut browser = world.browser();
            browser.get(&page).await;
            // Whose page is open in two tabs.
            for _ in 0..2 {
                assert_eq!(browser.send("POST", &watched, &[], "").await.status, 204);
            }
        }
        world.views.tell(&world.catalogue).await;
        let counted = world.catalogue.views(std::slice::from_ref(&video.id)).await.unwrap();
        assert_eq!(counted.get(&video.id), Some(&2));
    }

    #[tokio::test]
    async fn the_home_page_shows_what_was_watched_most_to_whom_it_is_for() {
        let world = World::new().await;
        let hall = world.hall("a").await;
        let mut videos = Vec::new();
        for (title, visibility) in
            [("Few", Visibility::Public), ("Many", Visibility::Public), ("Members", Visibility::SignedIn)]
        {
            let video = world.video(&hall, title).await;
            world.show_video_to(&video, visibility).await;
            videos.push(video.id);
        }
        let home = |text: &str| -> Vec<&'static str> {
            let most = text.split_once("id=\"most-viewed\"").map_or("", |(_, most)| most).to_owned();
            let mut found: Vec<_> =
                ["Few", "Many", "Members"].into_iter().filter_map(|t| Some((most.find(t)?, t))).collect();
            found.sort_unstable();
            found.into_iter().map(|(_, title)| title).collect()
        };
        let counted = videos.into_iter().zip([2, 7, 9]).collect();
        world.catalogue.add_views(&counted).await.unwrap();
        assert_eq!(home(&world.browser().get("/").await.text), ["Many", "Few"]);
        let marie = world.person("marie", Role::Viewer).await;
        assert_eq!(home(&world.browser_of(&marie).await.get("/").await.text), ["Members", "Many", "Few"]);
        let video = counted.keys().nth(1).unwrap();
        let page = world.catalogue.video(video).await.unwrap().unwrap().page_url();
        let shown = world.browser_of(&marie).await.get(&page).await.text;
        assert!(shown.contains(&format!("{} views", counted[video])), "{shown}");
    }
}
