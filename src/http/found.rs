//! What a search shows to whom: the index finds, the catalogue says what may be for the reader and what it is called now, the policy has the
//! last word.
//!
//! **Promises.** Nothing is told of what the reader may not find: no title, no passage, no number of hits, no page that is empty or shorter
//! for it. A right that was taken away a moment ago is taken away here too. Work is bounded: [`search::MOST`] of the best are looked at, in
//! steps, for `PATIENCE` together.

use super::gate::visitor::Visitor;
use super::shown::readers;
use crate::catalogue::id::VideoId;
use crate::catalogue::video::Video;
use crate::catalogue::{self, Catalogue};
use crate::policy::object::{Action, Kind, VideoPart};
use crate::search::question::Question;
use crate::search::{self, Passage, Search, Unanswered};
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::Instant;

/// Hits on a page.
pub const PER_PAGE: usize = 20;
/// Who has not found it by then asks better.
pub const MAX_PAGES: usize = 10;
/// Passages that are shown of a video.
const PASSAGES: usize = 3;
/// How far is looked at once: most readers may see most of what there is.
const STEPS: [usize; 4] = [60, 240, 800, search::MOST];
/// Then what was found is all that is shown.
const PATIENCE: Duration = Duration::from_millis(500);

/// A page of what was found.
#[derive(Debug, Default)]
pub struct Found {
    /// The best first.
    pub hits: Vec<Hit>,
    /// There are more behind these.
    pub more: bool,
}

/// A video that was found.
#[derive(Debug)]
pub struct Hit {
    /// As the catalogue has it now.
    pub video: Video,
    /// Where it is said, in order of time; none where only its title or what is said of it was meant.
    pub passages: Vec<Passage>,
}

/// Why nothing was looked for.
#[derive(Debug)]
pub enum NotLooked {
    /// Try again.
    Unanswered(Unanswered),
    /// The database.
    Catalogue(catalogue::Error),
}

impl From<catalogue::Error> for NotLooked {
    fn from(error: catalogue::Error) -> Self {
        Self::Catalogue(error)
    }
}

impl From<Unanswered> for NotLooked {
    fn from(why: Unanswered) -> Self {
        Self::Unanswered(why)
    }
}

/// Looks for the page of this number, from 1, of what this reader may find.
///
/// # Errors
/// See [`NotLooked`].
pub async fn found(
    search: &Search,
    catalogue: &Catalogue,
    visitor: &Visitor,
    question: &Question,
    page: usize,
) -> Result<Found, NotLooked> {
    let began = Instant::now();
    let from = page.clamp(1, MAX_PAGES).saturating_sub(1) * PER_PAGE;
    let wanted = from + PER_PAGE + 1;
    let looking = search.look(question).await?;
    let mut seen: Vec<(Video, search::Hit)> = Vec::new();
    let mut done = 0;
    for until in STEPS {
        let hits = looking.find(done, until).await?;
        let last = hits.len() < until - done;
        seen.extend(for_them(catalogue, visitor, hits).await?);
        done = until;
        if last || seen.len() >= wanted || began.elapsed() > PATIENCE {
            break;
        }
    }
    let more = seen.len() >= wanted && page < MAX_PAGES;
    let (videos, hits): (Vec<Video>, Vec<search::Hit>) = seen.into_iter().skip(from).take(PER_PAGE).unzip();
    let passages = looking.passages(hits, PASSAGES).await?;
    let hits = videos.into_iter().zip(passages).map(|(video, passages)| Hit { video, passages }).collect();
    Ok(Found { hits, more })
}

/// Those that this reader may find, in their order.
async fn for_them(
    catalogue: &Catalogue,
    visitor: &Visitor,
    hits: Vec<search::Hit>,
) -> Result<Vec<(Video, search::Hit)>, catalogue::Error> {
    // What is no id is no video.
    let hits: Vec<(VideoId, search::Hit)> =
        hits.into_iter().filter_map(|hit| Some((hit.id.parse().ok()?, hit))).collect();
    let ids: Vec<VideoId> = hits.iter().map(|(id, _)| id.clone()).collect();
    let there = catalogue.videos_among(&ids, readers(visitor)).await?;
    let mut there: HashMap<VideoId, Video> = there.into_iter().map(|video| (video.id.clone(), video)).collect();
    let states = catalogue.video_states(&there.keys().cloned().collect::<Vec<_>>()).await?;
    there.retain(|id, _| {
        let kind = Kind::Video(VideoPart::Record);
        states.get(id).is_some_and(|state| visitor.may(Action::Find, kind, id.as_str(), state))
    });
    Ok(hits.into_iter().filter_map(|(id, hit)| Some((there.remove(&id)?, hit))).collect())
}
