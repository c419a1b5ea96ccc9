//! What a live looks like now: its newest keyframe as a small JPEG, for the operators' wall and for the home page.
//!
//! **Promises.** Nothing is decoded while nobody looks, and nothing on the road of the media is touched: keyframes are taken from the parts that
//! viewers fetch, and an engine of its own decodes those of all lives that are looked at, some at a time, giving way to everything else. One picture
//! is kept for each live that somebody has just looked at, and none longer than that. A picture that is too old is none. An engine that fails costs
//! the pictures, and is tried again.

use super::handle::Handle;
use super::picture::{AHEAD, NICENESS, jpegs};
use super::timeline::{Rendition, Timeline};
use crate::clock;
use bytes::Bytes;
use media::origin::newest::Newest;
use media::time::WallTime;
use media::track::{Kind, Parameters};
use pipelines::client;
use pipelines::client::thumbnail::{Error, Keyframe};
use pipelines::message::thumbnail::PictureSize;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};

/// What a tile has room for on most screens. Others are scaled into it, with black beside them.
const SIZE_PX: (u32, u32) = (480, 270);
/// Small, and replaced in a moment.
const QUALITY: u8 = 70;
/// Lives are looked at this often: with a keyframe every two seconds, whoever looks sees what was there five seconds ago at most.
const PERIOD: Duration = Duration::from_millis(1_500);
/// A picture of a live whose keyframes come faster stands for this long. Microseconds.
const STANDS_MICROS: i64 = 1_900_000;
/// Renditions whose newest keyframe lies this far behind the newest of all are not taken. Microseconds.
const BEHIND_MICROS: i64 = 2_100_000;
/// Somebody who has asked is taken to look for so long.
const LOOKS: Duration = Duration::from_secs(4);
/// A picture that is not older needs no waiting for another.
const FRESH: Duration = Duration::from_secs(5);
/// One that is older shows nothing of what is now. Longer than the distance of keyframes that encoders are set to by mistake.
const STALE: Duration = Duration::from_secs(15);
/// Nobody who asks waits longer.
const PATIENCE: Duration = Duration::from_secs(6);
/// Lives whose keyframes one run of the engine gets; their pictures are in memory at once, 0.4 MB each.
const AT_ONCE: usize = 32;
/// An engine that failed is tried again after this.
const AFTER_FAILURE: Duration = Duration::from_secs(10);

/// A picture of a live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Still {
    /// When it was so, to half a second.
    pub at: WallTime,
    /// The file.
    pub jpeg: Bytes,
}

/// The pictures of lives that somebody looks at.
#[derive(Debug, Default)]
pub(super) struct Stills {
    held: Mutex<Held>,
    /// How many rounds there were; told after each.
    rounds: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Held {
    /// A task makes pictures.
    running: bool,
    /// By slug: lives that somebody has just looked at.
    seats: HashMap<String, Seat>,
}

#[derive(Debug)]
struct Seat {
    wanted_until: Instant,
    tried: Option<Instant>,
    still: Option<Arc<Still>>,
}

/// A live whose picture is due.
struct Due {
    slug: String,
    parameters: Parameters,
    newest: Newest,
}

impl Stills {
    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, slug: &str, still: Still) {
        if let Some(seat) = self.lock().seats.get_mut(slug) {
            seat.still = Some(Arc::new(still));
        }
    }
}

impl Handle {
    /// Says that somebody looks at a live, and gives its picture if there is one already. Never waits.
    #[must_use]
    pub fn still_now(&self, slug: &str) -> Option<Arc<Still>> {
        self.timeline(slug)?;
        let mut held = self.stills().lock();
        let wanted_until = Instant::now() + LOOKS;
        let new = || Seat { wanted_until, tried: None, still: None };
        let seat = held.seats.entry(slug.to_owned()).or_insert_with(new);
        seat.wanted_until = wanted_until;
        let now = clock::now();
        let still = seat.still.clone().filter(|still| now.since(still.at) <= STALE);
        if !std::mem::replace(&mut held.running, true) {
            drop(held);
            self.context().tasks.spawn("stills", keep(self.clone()));
        }
        still
    }

    /// A live's picture, waited for if there is none that is fresh; `None`: nothing is on air, or there is nothing that could make one.
    pub async fn still(&self, slug: &str) -> Option<Arc<Still>> {
        // Nobody waits where nothing is on air.
        self.timeline(slug)?;
        let mut rounds = self.stills().rounds.subscribe();
        let is_fresh = |still: &Arc<Still>| clock::now().since(still.at) <= FRESH;
        let first = self.still_now(slug);
        if first.as_ref().is_some_and(is_fresh) {
            return first;
        }
        let looked = async {
            // The round that runs may have begun before somebody looked.
            for _ in 0..2 {
                if rounds.changed().await.is_err() || self.still_now(slug).as_ref().is_some_and(is_fresh) {
                    return;
                }
            }
        };
        // What there is then is the answer.
        let _ = tokio::time::timeout(PATIENCE, looked).await;
        self.still_now(slug)
    }

    /// Lives that somebody looks at and whose picture is due, those that were tried longest ago first. `None`: nobody looks at any.
    fn due(&self, most: usize) -> Option<Vec<Due>> {
        let mut wanted: Vec<(Option<Instant>, String, Option<WallTime>)> = {
            let mut held = self.stills().lock();
            let now = Instant::now();
            held.seats.retain(|_, seat| seat.wanted_until > now);
            if held.seats.is_empty() {
                held.running = false;
                return None;
            }
            let at = |seat: &Seat| seat.still.as_ref().map(|still| still.at);
            held.seats.iter().map(|(slug, seat)| (seat.tried, slug.clone(), at(seat))).collect()
        };
        wanted.sort();
        let now = clock::now();
        let due = wanted.into_iter().filter_map(|(_, slug, at)| {
            let (parameters, newest) = newest(&*self.timeline(&slug)?)?;
            let stands = at.is_some_and(|at| newest.at.micros_since(at) < STANDS_MICROS);
            (!stands && now.since(newest.at) <= STALE).then_some(Due { slug, parameters, newest })
        });
        let due: Vec<Due> = due.take(most).collect();
        let mut held = self.stills().lock();
        for due in &due {
            if let Some(seat) = held.seats.get_mut(&due.slug) {
                seat.tried = Some(Instant::now());
            }
        }
        Some(due)
    }
}

/// The newest keyframe of the rendition that is cheapest to decode and large enough.
fn newest(timeline: &Timeline) -> Option<(Parameters, Newest)> {
    let of = |rendition: &Arc<Rendition>| {
        let newest = rendition.snapshot().newest_keyframe()?;
        let inits = rendition.inits.read().unwrap_or_else(PoisonError::into_inner);
        let (parameters, _) = inits.get(usize::from(newest.init))?.clone();
        Some((parameters, newest))
    };
    let renditions = timeline.renditions();
    let all: Vec<_> = renditions.iter().filter(|r| r.id.kind() == Kind::Video).filter_map(of).collect();
    let latest = all.iter().map(|(_, newest)| newest.at).max()?;
    let near = all.into_iter().filter(|(_, newest)| latest.micros_since(newest.at) <= BEHIND_MICROS);
    near.min_by_key(|(parameters, _)| match parameters {
        Parameters::Video(h264) if h264.width() >= SIZE_PX.0 => (false, h264.width()),
        Parameters::Video(h264) => (true, u32::MAX - h264.width()),
        Parameters::Audio(_) => (true, u32::MAX),
    })
}

/// Makes pictures until nobody looks.
async fn keep(handle: Handle) {
    let settings = client::Settings { niceness: NICENESS, ..handle.context().settings.renditions.engine.clone() };
    let stop = handle.context().tasks.soft().clone();
    let mut at_once = AT_ONCE;
    let mut told = false;
    loop {
        let began = Instant::now();
        let Some(due) = handle.due(at_once) else { return };
        let end = tokio::select! {
            end = round(&handle, &settings, due) => end,
            () = stop.cancelled() => Ok(()),
        };
        handle.stills().rounds.send_modify(|n| *n += 1);
        // At most half of the time is work, however many lives there are.
        let mut rest = PERIOD.saturating_sub(began.elapsed()).max(began.elapsed());
        match end {
            Ok(()) => (at_once, told) = ((at_once * 2).min(AT_ONCE), false),
            Err(error) => {
                metrics::counter!("amphi_live_stills_failed_total").increment(1);
                if !std::mem::replace(&mut told, true) {
                    tracing::warn!(%error, "there are no pictures of lives on air; tried again");
                }
                // One live's keyframe may be what ends it: the others have theirs without it.
                match error {
                    Error::Failed(_) if at_once > 1 => at_once = at_once.div_ceil(4),
                    Error::Failed(_) => {}
                    Error::Unready(_) => rest = AFTER_FAILURE,
                }
            }
        }
        tokio::select! {
            () = tokio::time::sleep(rest) => {}
            () = stop.cancelled() => {
                handle.stills().lock().running = false;
                return;
            }
        }
    }
}

/// One run of the engine.
async fn round(handle: &Handle, settings: &client::Settings, due: Vec<Due>) -> Result<(), Error> {
    if due.is_empty() {
        return Ok(());
    }
    let size = PictureSize::nearest(SIZE_PX.0, SIZE_PX.1);
    let names: Vec<(String, WallTime)> = due.iter().map(|due| (due.slug.clone(), due.newest.at)).collect();
    let (sender, receiver) = mpsc::channel(AHEAD);
    let feed = async move {
        for (number, Due { parameters, newest, .. }) in (0..).zip(due) {
            // The engine's end is gone: its own answer says why.
            if sender.send(Keyframe { number, parameters, payload: newest.payload }).await.is_err() {
                break;
            }
        }
    };
    let ((), (made, end)) = tokio::join!(feed, jpegs(settings, size, QUALITY, receiver));
    for (number, jpeg) in made {
        if let Some((slug, at)) = names.get(number as usize) {
            handle.stills().put(slug, Still { at: *at, jpeg });
        }
    }
    end
}
