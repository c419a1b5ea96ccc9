//! What a live looked like: small pictures of its past, for the bar of a player that goes back.
//!
//! **Promises.** Nothing is decoded unless somebody has just asked for them, and nothing on the road of the media is touched: keyframes are
//! taken from the segments that viewers fetch, from memory or from the recording, so that who comes late sees as far back as who was there. An
//! engine of its own decodes some at a time, half of the time at most, giving way to everything else. There are no more than
//! some hundred of a live, 1 to 2 MB, and none a while after the last who asked. They can be had while the live's media can. An engine that fails
//! costs the previews, and is tried again.

mod slots;

use super::handle::Handle;
use super::picture::{AHEAD, NICENESS, jpegs};
use super::timeline::Timeline;
use crate::archive::keyframe;
use crate::archive::layout::Layout;
use bytes::Bytes;
use media::origin::entry::Segment;
use media::origin::playlist::Snapshot;
use media::rendition::RenditionId;
use media::segment;
use media::track::{Kind, Parameters};
use pipelines::client;
use pipelines::client::thumbnail::{Error, Keyframe};
use pipelines::message::thumbnail::PictureSize;
use slots::{Slots, fineness};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, mpsc, watch};

/// As those of a video. Others are scaled into it, with black beside them.
const SIZE_PX: (u32, u32) = (160, 90);
/// Small, and seen for a moment.
const QUALITY: u8 = 60;
/// Somebody who has asked may use the bar again, and finds what was made; later it is made again.
const LOOKS: Duration = Duration::from_secs(120);
/// When nothing lacks it is looked this often whether something does.
const PERIOD: Duration = Duration::from_secs(3);
/// Nobody who asks waits longer for the first ones.
const PATIENCE: Duration = Duration::from_secs(4);
/// Keyframes of one run of the engine: a second's work.
const AT_ONCE: usize = 32;
/// An engine that failed is tried again after this.
const AFTER_FAILURE: Duration = Duration::from_secs(10);

/// The previews of lives whose bars somebody uses.
#[derive(Debug, Default)]
pub(super) struct Previews {
    held: Mutex<Held>,
    /// How many rounds there were; told after each.
    rounds: watch::Sender<u64>,
    /// Another live is asked about.
    asked: Notify,
}

#[derive(Debug, Default)]
struct Held {
    /// A task makes them.
    running: bool,
    /// There is no engine, or it can't.
    unready: bool,
    /// By slug: lives that somebody has just asked about.
    seats: HashMap<String, Seat>,
}

#[derive(Debug)]
struct Seat {
    /// Of which live they are.
    live: Weak<Timeline>,
    wanted_until: Instant,
    tried: Option<Instant>,
    /// Files, by the time of what they show: milliseconds since 1970.
    kept: BTreeMap<i64, Bytes>,
    /// Keyframes that gave no picture.
    barren: BTreeSet<i64>,
    /// Others are to be made.
    more: bool,
}

impl Seat {
    fn is_of(&self, timeline: &Arc<Timeline>) -> bool {
        std::ptr::eq(self.live.as_ptr(), Arc::as_ptr(timeline))
    }
}

/// Which previews of a live there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// The times of what they show, on the clock of the playlists' EXT-X-PROGRAM-DATE-TIME: milliseconds since 1970, in order.
    pub at_ms: Vec<i64>,
    /// Others will be there soon.
    pub more: bool,
}

/// A keyframe that is to be one.
#[derive(Debug)]
struct Due {
    slug: String,
    live: Weak<Timeline>,
    at_ms: i64,
    parameters: Parameters,
    place: Place,
}

/// Where its bytes are.
#[derive(Debug)]
enum Place {
    Memory(Bytes),
    Disk { path: PathBuf, offset: u64, length: u32 },
}

/// The pictures of a rendition.
struct Film {
    rendition: RenditionId,
    parameters: Vec<Parameters>,
    snapshot: Arc<Snapshot>,
}

impl Previews {
    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps what a run made; `settled`: what it did not make of these it never will.
    fn put(&self, names: &[(String, Weak<Timeline>, i64)], made: Vec<(u32, Bytes)>, settled: bool) {
        metrics::counter!("amphi_live_previews_total").increment(made.len() as u64);
        let made: HashMap<u32, Bytes> = made.into_iter().collect();
        let mut held = self.lock();
        for (number, (slug, live, at_ms)) in (0..).zip(names) {
            let Some(seat) = held.seats.get_mut(slug).filter(|seat| seat.live.ptr_eq(live)) else { continue };
            match made.get(&number) {
                Some(jpeg) => drop(seat.kept.insert(*at_ms, jpeg.clone())),
                None if settled => drop(seat.barren.insert(*at_ms)),
                None => {}
            }
        }
    }
}

impl Handle {
    /// The previews of a live; the first ones are waited for. `None`: nothing is on air. Empty where nothing can make them.
    pub async fn previews(&self, slug: &str) -> Option<Listed> {
        let timeline = self.timeline(slug)?;
        let mut rounds = self.kept_previews().rounds.subscribe();
        if let Some(listed) = self.previews_now(slug, &timeline) {
            return Some(listed);
        }
        let looked = async { while rounds.changed().await.is_ok() && self.previews_now(slug, &timeline).is_none() {} };
        // What there is then is the answer.
        let _ = tokio::time::timeout(PATIENCE, looked).await;
        Some(self.previews_now(slug, &timeline).unwrap_or(Listed { at_ms: Vec::new(), more: true }))
    }

    /// Says that somebody uses a live's bar. `None`: nobody has looked yet which previews it can have.
    fn previews_now(&self, slug: &str, timeline: &Arc<Timeline>) -> Option<Listed> {
        let mut held = self.kept_previews().lock();
        let wanted_until = Instant::now() + LOOKS;
        let new = || Seat {
            live: Arc::downgrade(timeline),
            wanted_until,
            tried: None,
            kept: BTreeMap::new(),
            barren: BTreeSet::new(),
            more: true,
        };
        let seat = held.seats.entry(slug.to_owned()).or_insert_with(new);
        if !seat.is_of(timeline) {
            *seat = new();
        }
        seat.wanted_until = wanted_until;
        let looked = !seat.kept.is_empty() || (seat.tried.is_some() && !seat.more);
        let listed = Listed { at_ms: seat.kept.keys().copied().collect(), more: seat.more };
        let known = if held.unready { Some(Listed { more: false, ..listed }) } else { looked.then_some(listed) };
        if !std::mem::replace(&mut held.running, true) {
            drop(held);
            self.context().tasks.spawn("previews", keep(self.clone()));
        } else if known.is_none() {
            self.kept_previews().asked.notify_one();
        }
        known
    }

    /// The file of one, as long as its live's media can be had.
    #[must_use]
    pub fn preview(&self, slug: &str, at_ms: i64) -> Option<Bytes> {
        let timeline = self.timeline(slug)?;
        let held = self.kept_previews().lock();
        // A later live of the same broadcaster may be for others.
        held.seats.get(slug).filter(|seat| seat.is_of(&timeline))?.kept.get(&at_ms).cloned()
    }

    /// Keyframes that lack as previews, at most so many, of lives that were looked at longest ago first. `None`: nobody uses any bar.
    fn lacking(&self, most: usize) -> Option<Vec<Due>> {
        let mut wanted: Vec<(Option<Instant>, String)> = {
            let mut held = self.kept_previews().lock();
            let now = Instant::now();
            held.seats.retain(|_, seat| seat.wanted_until > now);
            if held.seats.is_empty() {
                held.running = false;
                return None;
            }
            held.seats.iter().map(|(slug, seat)| (seat.tried, slug.clone())).collect()
        };
        wanted.sort();
        let mut due = Vec::new();
        for (_, slug) in wanted {
            let room = most - due.len();
            if room == 0 {
                break;
            }
            match self.timeline(&slug) {
                Some(timeline) => due.extend(self.lacking_of(&slug, &timeline, room)),
                None => drop(self.kept_previews().lock().seats.remove(&slug)),
            }
        }
        Some(due)
    }

    /// The same of one live, spread over all of it. Forgets what is too much.
    fn lacking_of(&self, slug: &str, timeline: &Arc<Timeline>, most: usize) -> Vec<Due> {
        let films = films(timeline);
        let slots = slots(&films);
        let (kept, barren) = {
            let mut held = self.kept_previews().lock();
            let Some(seat) = held.seats.get_mut(slug).filter(|seat| seat.is_of(timeline)) else {
                return Vec::new();
            };
            slots.thin(&mut seat.kept);
            seat.barren.retain(|at_ms| slots.of(*at_ms).is_some());
            let kept: BTreeSet<i64> = seat.kept.keys().filter_map(|at_ms| slots.of(*at_ms)).collect();
            (kept, seat.barren.clone())
        };
        let mut lacking: BTreeMap<i64, (i64, &Film, &Segment, &segment::Keyframe)> = BTreeMap::new();
        for film in &films {
            for (at_ms, segment, keyframe) in film.keyframes() {
                let Some(slot) = slots.of(at_ms) else { continue };
                if !kept.contains(&slot) && !barren.contains(&at_ms) {
                    lacking.entry(slot).or_insert((at_ms, film, segment, keyframe));
                }
            }
        }
        if let Some(seat) = self.kept_previews().lock().seats.get_mut(slug) {
            seat.tried = Some(Instant::now());
            seat.more = !lacking.is_empty();
        }
        let mut order: Vec<_> = lacking.into_iter().collect();
        order.sort_by_key(|(slot, _)| fineness(*slot));
        let layout = self.context().archive.layout();
        let due = order.into_iter().filter_map(|(_, (at_ms, film, segment, keyframe))| {
            let (parameters, place) = film.place(segment, keyframe, layout, timeline)?;
            Some(Due { slug: slug.to_owned(), live: Arc::downgrade(timeline), at_ms, parameters, place })
        });
        due.take(most).collect()
    }
}

impl Film {
    /// Those of finished segments, in order, with when they are shown.
    fn keyframes(&self) -> impl Iterator<Item = (i64, &Segment, &segment::Keyframe)> {
        self.snapshot.segments().filter(|segment| !segment.is_gap()).flat_map(|segment| {
            segment.keyframes.iter().map(move |keyframe| {
                let shown = segment.program_date_time.plus_micros(segment.into_micros(keyframe));
                (shown.millis(), segment, keyframe)
            })
        })
    }

    fn place(
        &self,
        segment: &Segment,
        keyframe: &segment::Keyframe,
        layout: &Layout,
        timeline: &Timeline,
    ) -> Option<(Parameters, Place)> {
        let parameters = self.parameters.get(usize::from(segment.init))?.clone();
        let begin = keyframe.offset as usize;
        let end = begin.checked_add(keyframe.length as usize)?;
        let place = match segment.location {
            _ if end <= segment.media.len() => Place::Memory(segment.media.slice(begin..end)),
            Some(location) => Place::Disk {
                path: layout.file(&timeline.folder(segment.msn)?, self.rendition, location.file),
                offset: location.offset + u64::from(keyframe.offset),
                length: keyframe.length,
            },
            None => return None,
        };
        Some((parameters, place))
    }
}

/// The pictures of a live's renditions, what is cheapest to decode and large enough first.
fn films(timeline: &Timeline) -> Vec<Film> {
    let renditions = timeline.renditions();
    let mut films: Vec<(_, Film)> = renditions
        .iter()
        .filter(|rendition| rendition.id.kind() == Kind::Video)
        .map(|rendition| {
            let inits = rendition.inits.read().unwrap_or_else(PoisonError::into_inner);
            let parameters: Vec<Parameters> = inits.iter().map(|(parameters, _)| parameters.clone()).collect();
            let width = match parameters.last() {
                Some(Parameters::Video(h264)) => h264.width(),
                _ => 0,
            };
            let film = Film { rendition: rendition.id, parameters, snapshot: rendition.snapshot() };
            ((width < SIZE_PX.0, width), film)
        })
        .collect();
    films.sort_by_key(|(cost, _)| *cost);
    films.into_iter().map(|(_, film)| film).collect()
}

/// Over all that a viewer can go back to.
fn slots(films: &[Film]) -> Slots {
    let segments = || films.iter().map(|film| film.snapshot.segments());
    let begin = segments().filter_map(|mut all| all.next()).map(|segment| segment.program_date_time).min();
    let last = segments().filter_map(|mut all| all.next_back());
    let end = last.map(|segment| segment.program_date_time.plus_micros(segment.duration_micros)).max();
    Slots::over(begin.map_or(0, |at| at.millis()), end.map_or(0, |at| at.millis()))
}

impl Place {
    /// The access unit; `None`: it can't be had.
    async fn read(self) -> Option<Bytes> {
        match self {
            Self::Memory(range) => keyframe::first_sample(range),
            Self::Disk { path, offset, length } => {
                let read = tokio::task::spawn_blocking(move || keyframe::read(&path, offset, length));
                match read.await.ok()? {
                    Ok(payload) => payload,
                    Err(error) => {
                        tracing::warn!(%error, "a keyframe can't be read: there is no preview of it");
                        None
                    }
                }
            }
        }
    }
}

/// Makes previews until nobody uses any bar.
async fn keep(handle: Handle) {
    let settings = client::Settings { niceness: NICENESS, ..handle.context().settings.renditions.engine.clone() };
    let stop = handle.context().tasks.soft().clone();
    let previews = handle.kept_previews();
    let mut at_once = AT_ONCE;
    let mut told = false;
    loop {
        let began = Instant::now();
        let Some(due) = handle.lacking(at_once) else { return };
        let idle = due.is_empty();
        let end = tokio::select! {
            end = round(&handle, &settings, due) => end,
            () = stop.cancelled() => Ok(()),
        };
        previews.lock().unready = matches!(end, Err(Error::Unready(_)));
        previews.rounds.send_modify(|n| *n += 1);
        // At most half of the time is work, however many lives there are.
        let mut rest = if idle { PERIOD } else { began.elapsed() };
        match end {
            Ok(()) => (at_once, told) = ((at_once * 2).min(AT_ONCE), false),
            Err(error) => {
                metrics::counter!("amphi_live_previews_failed_total").increment(1);
                if !std::mem::replace(&mut told, true) {
                    tracing::warn!(%error, "there are no previews of lives on air; tried again");
                }
                rest = AFTER_FAILURE;
                // One keyframe may be what ends it: the others have theirs without it.
                if let Error::Failed(_) = error {
                    (at_once, rest) = (at_once.div_ceil(4), began.elapsed().max(PERIOD));
                }
            }
        }
        tokio::select! {
            () = tokio::time::sleep(rest) => {}
            () = previews.asked.notified(), if idle => {}
            () = stop.cancelled() => {
                previews.lock().running = false;
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
    let names: Vec<_> = due.iter().map(|due| (due.slug.clone(), Weak::clone(&due.live), due.at_ms)).collect();
    let (sender, receiver) = mpsc::channel(AHEAD);
    let feed = async move {
        for (number, Due { parameters, place, .. }) in (0..).zip(due) {
            let Some(payload) = place.read().await else { continue };
            // The engine's end is gone: its own answer says why.
            if sender.send(Keyframe { number, parameters, payload }).await.is_err() {
                break;
            }
        }
    };
    let ((), (made, end)) = tokio::join!(feed, jpegs(settings, size, QUALITY, receiver));
    let settled = match end {
        Ok(()) => true,
        // It is this one that the engine fails at.
        Err(Error::Failed(_)) => names.len() == 1,
        Err(Error::Unready(_)) => false,
    };
    handle.kept_previews().put(&names, made, settled);
    end
}
