//! Who looks at a live's page: each page keeps one stream of events open, and a browser counts once, however many tabs it has.
//!
//! **Promises.** Nothing is written and nobody is known: a browser is a number that means nothing outside this process. A page that is loaded
//! again does not leave the count. Coming, leaving and counting cost the same however many there are.

use crate::clock;
use media::time::WallTime;
use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher as _, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A browser that has left is counted for so long: a page that is loaded again, or a network that changed, is back by then. Longer than
/// [`super::audience`] remembers who waited.
const LINGER: Duration = Duration::from_secs(4);

/// Everybody who looks. Cheap to clone; clones share.
#[derive(Clone, Debug, Default)]
pub struct Presence(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// By slug; as many as broadcasters whose page was ever looked at.
    rooms: Mutex<HashMap<String, Arc<Mutex<Room>>>>,
    numbers: RandomState,
}

/// How many look at one live.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Watching {
    /// Each once.
    pub browsers: u64,
    /// Their open pages.
    pub pages: u64,
}

impl Watching {
    /// The same and who plays without a page, told from how many players wait for their next part: each page has one at most.
    #[must_use]
    pub fn with_players(self, waiting: u64) -> u64 {
        self.browsers + waiting.saturating_sub(self.pages)
    }
}

#[derive(Debug, Default)]
struct Room {
    /// Those with a page that is open, or was a moment ago.
    browsers: HashMap<u64, Seat>,
    pages: u64,
    /// Who closed a page, and when; oldest first.
    left: VecDeque<(WallTime, Option<u64>)>,
}

#[derive(Debug, Default)]
struct Seat {
    open: u32,
    /// Entries of [`Room::left`].
    left: u32,
}

impl Room {
    /// `None`: one that is not counted, but whose page is.
    fn enter(&mut self, browser: Option<u64>) {
        if let Some(browser) = browser {
            self.browsers.entry(browser).or_default().open += 1;
        }
        self.pages += 1;
    }

    fn leave(&mut self, browser: Option<u64>, now: WallTime) {
        self.forget(now);
        if let Some(seat) = browser.and_then(|browser| self.browsers.get_mut(&browser)) {
            seat.open = seat.open.saturating_sub(1);
            seat.left += 1;
        }
        self.left.push_back((now, browser));
    }

    fn forget(&mut self, now: WallTime) {
        while let Some((at, browser)) = self.left.front().copied() {
            // A clock that was set back keeps nobody here.
            if now >= at && now.since(at) < LINGER {
                break;
            }
            self.left.pop_front();
            self.pages = self.pages.saturating_sub(1);
            let Some(browser) = browser else { continue };
            let Some(seat) = self.browsers.get_mut(&browser) else { continue };
            seat.left = seat.left.saturating_sub(1);
            // One that came back and left again is forgotten later.
            if seat.open == 0 && seat.left == 0 {
                self.browsers.remove(&browser);
            }
        }
    }

    fn watching(&mut self, now: WallTime) -> Watching {
        self.forget(now);
        Watching { browsers: self.browsers.len() as u64, pages: self.pages }
    }
}

/// One open page, until it is dropped.
#[derive(Debug)]
pub struct Present {
    room: Arc<Mutex<Room>>,
    browser: Option<u64>,
}

impl Drop for Present {
    fn drop(&mut self) {
        lock(&self.room).leave(self.browser, clock::now());
    }
}

impl Presence {
    /// Somebody opens the page of a live. `browser`: what it is counted by while it is open; one without that is not counted, and neither is its
    /// player.
    #[must_use]
    pub fn enter(&self, slug: &str, browser: Option<&str>) -> Present {
        let browser = browser.map(|name| self.0.numbers.hash_one((slug, name)));
        let room = Arc::clone(lock(&self.0.rooms).entry(slug.to_owned()).or_default());
        lock(&room).enter(browser);
        Present { room, browser }
    }

    /// How many look at a live.
    #[must_use]
    pub fn watching(&self, slug: &str, now: WallTime) -> Watching {
        let room = lock(&self.0.rooms).get(slug).map(Arc::clone);
        room.map_or_else(Watching::default, |room| lock(&room).watching(now))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> WallTime {
        WallTime::from_micros(1_000_000_000 + millis * 1_000)
    }

    fn count(room: &mut Room, millis: i64) -> (u64, u64) {
        let watching = room.watching(at(millis));
        (watching.browsers, watching.pages)
    }

    #[test]
    fn tabs_of_a_browser_are_one_viewer() {
        let presence = Presence::default();
        let now = clock::now();
        let tabs = [presence.enter("hall", Some("a")), presence.enter("hall", Some("a"))];
        let _other = presence.enter("hall", Some("b"));
        let _elsewhere = presence.enter("lab", Some("a"));
        assert_eq!(presence.watching("hall", now), Watching { browsers: 2, pages: 3 });
        assert_eq!(presence.watching("lab", now).browsers, 1);
        drop(tabs);
        let later = clock::now().plus_micros(60_000_000);
        assert_eq!(presence.watching("hall", later), Watching { browsers: 1, pages: 1 });
        let unknown = [presence.enter("lab", None), presence.enter("lab", None)];
        assert_eq!(presence.watching("lab", later), Watching { browsers: 1, pages: 3 }, "not counted");
        assert_eq!(presence.watching("lab", later).with_players(3), 1, "nor are their players");
        drop(unknown);
        let later = later.plus_micros(60_000_000);
        assert_eq!(presence.watching("lab", later), Watching { browsers: 1, pages: 1 });
    }

    #[test]
    fn a_page_that_is_loaded_again_does_not_leave_the_count() {
        let mut room = Room::default();
        room.enter(Some(1));
        for second in 0..5 {
            room.leave(Some(1), at(second * 1_000));
            assert_eq!(count(&mut room, second * 1_000).0, 1);
            room.enter(Some(1));
            assert_eq!(count(&mut room, second * 1_000 + 10).0, 1);
        }
        assert_eq!(count(&mut room, 9_000), (1, 1), "only the open page is left");
        room.leave(Some(1), at(10_000));
        assert_eq!(count(&mut room, 13_999).0, 1);
        assert_eq!(count(&mut room, 14_000), (0, 0));
        assert!(room.browsers.is_empty() && room.left.is_empty(), "nothing is kept of who was here");
    }

    #[test]
    fn players_without_a_page_count_beside_pages() {
        let watching = Watching { browsers: 2, pages: 3 };
        assert_eq!(watching.with_players(0), 2, "paused");
        assert_eq!(watching.with_players(3), 2);
        assert_eq!(watching.with_players(5), 4);
        assert_eq!(Watching::default().with_players(7), 7);
    }
}
