//! One recording of a live: the segments that are kept, what became of their writes, and its end as a video.
//!
//! A live has one that begins and ends with it, unless operators stop and start recording: then each stretch, from one segment's beginning
//! to another's, is a video of its own.
//!
//! **Promises.** Viewers do not wait for a disk that is slow or hangs; what it then lacks are gaps, and the index stays in order. What is
//! kept is synced first, then told to the catalogue.

use super::extent::Extent;
use super::handle::Context;
use crate::archive::load::Loaded;
use crate::archive::writer::{Appended, Archive, Recording, Stored, Written, without_media};
use crate::catalogue::broadcaster::Broadcaster;
use crate::catalogue::id::VideoId;
use crate::catalogue::video::{Finished, NewVideo, Video};
use crate::clock;
use media::segment::Event;
use media::segment::index::Begin;
use media::time::WallTime;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// Viewers are told of a part this long after it was made at the latest, written or not: half a part.
const WRITE_PATIENCE: Duration = Duration::from_millis(250);
/// Writes that viewers did not wait for and whose places are still unknown.
const MAX_LATE: usize = 256;
/// The same for what a rendition that appears late has missed, an hour of it perhaps. Segments that are told without their place before
/// that are gaps for good, and memory does not hold them. A disk that takes longer hangs.
const BACKFILL_PATIENCE: Duration = Duration::from_secs(10);
/// Events kept for a queue that takes none: some minutes of them, a megabyte. Beyond it the recording is closed.
const MAX_UNTAKEN: usize = 4096;
/// Tries to tell the catalogue that a video is complete. It is told again at the next start in any case.
const FINISH_TRIES: u32 = 5;

/// See the module.
#[derive(Debug)]
pub(super) struct Take {
    recording: Recording,
    id: VideoId,
    /// The first segment of it.
    from: u64,
    /// The first segment that is none of it any more; `None`: it goes on.
    until: Option<u64>,
    extent: Extent,
    /// How far it went when its index had all for the last time.
    kept: (Duration, Option<WallTime>),
    /// It ended before its live: the disk was too far behind.
    closed: bool,
    /// Events that the full queue did not take, without their bytes.
    untaken: Vec<Event>,
    late: VecDeque<Appended>,
    /// What the recording's folder says of whether its index has all that viewers were told; `None`: unknown, the disk hung.
    whole: Option<bool>,
}

/// Where a recording begins.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// When it begins, for people.
    pub(super) started_at: WallTime,
    /// What the recording's index says.
    pub(super) begin: Begin,
}

/// Where the disk has put segments that ended.
#[derive(Debug, Default)]
pub(super) struct Answered {
    /// With these events.
    pub(super) stored: Vec<Stored>,
    /// With earlier ones.
    pub(super) late: Vec<Stored>,
}

impl Take {
    /// A row in the catalogue and a folder on the disk.
    ///
    /// # Errors
    /// Why nothing can be kept.
    pub(super) async fn begin(context: &Context, broadcaster: &Broadcaster, place: Place) -> Result<Self, String> {
        let new = NewVideo {
            broadcaster_id: broadcaster.id.clone(),
            title: None,
            started_at: place.started_at,
            first_msn: place.begin.first_msn,
            first_discontinuity: place.begin.first_discontinuity,
        };
        let video = context.catalogue.begin_video(new).await.map_err(|error| {
            tracing::error!(broadcaster = %broadcaster.slug, %error, "the live can't be recorded: no video in the catalogue");
            error.to_string()
        })?;
        match context.archive.create(video.id.as_str(), place.begin).await {
            Ok(recording) => Ok(Self::over(recording, video.id, place.begin.first_msn, Extent::default())),
            Err(error) => {
                tracing::error!(broadcaster = %broadcaster.slug, %error, "the live can't be recorded");
                let nothing = Finished {
                    ended_at: place.started_at,
                    duration: Duration::ZERO,
                    listed: false,
                    ladder: false,
                    next_msn: place.begin.first_msn,
                    next_discontinuity: place.begin.first_discontinuity,
                };
                tell_catalogue(context, &video.id, nothing).await;
                Err(error.to_string())
            }
        }
    }

    /// One that the server's stop interrupted.
    pub(super) fn resume(recording: Recording, video: Video, loaded: &Loaded) -> Self {
        Self::over(recording, video.id, loaded.begin.first_msn, Extent::of(loaded))
    }

    fn over(recording: Recording, id: VideoId, from: u64, extent: Extent) -> Self {
        Self {
            recording,
            id,
            from,
            until: None,
            kept: extent.so_far(),
            extent,
            closed: false,
            untaken: Vec::new(),
            late: VecDeque::new(),
            whole: Some(true),
        }
    }

    /// The video that it is or will be.
    pub(super) fn id(&self) -> &VideoId {
        &self.id
    }

    /// For what was said.
    pub(super) fn recording(&self) -> &Recording {
        &self.recording
    }

    /// It ended before its live: the disk was too far behind.
    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// It goes on to the end of the live, or only until segment `msn` begins.
    pub(super) fn end_before(&mut self, msn: Option<u64>) {
        self.until = msn;
    }

    /// The first segment that is none of it any more.
    pub(super) fn ends_before(&self) -> Option<u64> {
        self.until
    }

    /// Writes what is its own of events, and waits a moment for the disk.
    pub(super) async fn write(&mut self, archive: &Archive, events: &Arc<Vec<Event>>) -> Answered {
        let events = self.own(events);
        let mut written = Written::default();
        if !self.closed && !events.is_empty() {
            let patience = if is_backfill(&events) { BACKFILL_PATIENCE } else { WRITE_PATIENCE };
            match append(&self.recording, &mut self.untaken, &events) {
                Some(mut appended) => match tokio::time::timeout(patience, &mut appended).await {
                    Ok(answer) => written = answer.unwrap_or_default(),
                    Err(_) => {
                        metrics::counter!("amphi_archive_late_writes_total").increment(1);
                        self.late.push_back(appended);
                        if self.late.len() > MAX_LATE {
                            self.late.pop_front();
                        }
                    }
                },
                None => metrics::counter!("amphi_archive_late_writes_total").increment(1),
            }
        }
        let was_closed = self.closed;
        let late = self.hear_late();
        self.closed |= written.closed || self.untaken.len() > MAX_UNTAKEN;
        if self.closed && !was_closed {
            tracing::error!(video = %self.id, "the disk is too far behind: the recording ends, the live goes on");
            self.untaken = Vec::new();
        }
        if !events.is_empty() {
            self.extent.observe(&events);
            // The writer keeps the order: once it has answered the newest batch, it has all of them.
            let whole = written.indexed && self.untaken.is_empty();
            if self.whole != Some(whole) {
                self.whole = archive.note_whole(self.id.as_str(), whole).await.then_some(whole);
            }
            if written.indexed {
                self.kept = self.extent.so_far();
            }
        }
        Answered { stored: written.stored, late }
    }

    fn hear_late(&mut self) -> Vec<Stored> {
        let mut stored = Vec::new();
        while let Some(mut appended) = self.late.pop_front() {
            match appended.try_recv() {
                Ok(late) => {
                    self.closed |= late.closed;
                    stored.extend(late.stored);
                }
                Err(tokio::sync::oneshot::error::TryRecvError::Empty) => {
                    self.late.push_front(appended);
                    break;
                }
                Err(tokio::sync::oneshot::error::TryRecvError::Closed) => {}
            }
        }
        stored
    }

    /// Events of its segments, and decoder configurations. Nothing is copied while it is the only recording.
    fn own(&self, events: &Arc<Vec<Event>>) -> Arc<Vec<Event>> {
        let is_own = |msn: u64| msn >= self.from && self.until.is_none_or(|until| msn < until);
        let is_own = |event: &&Event| match event {
            Event::Init { .. } => true,
            Event::SegmentStart(start) => is_own(start.msn),
            Event::Part(part) => is_own(part.msn),
            Event::SegmentEnd { msn, .. } => is_own(*msn),
        };
        if events.iter().all(|event| is_own(&event)) {
            return Arc::clone(events);
        }
        Arc::new(events.iter().filter(is_own).cloned().collect())
    }

    /// Makes it a video: synced, then told to the catalogue. `next_numbers`: those after the last segment and discontinuity of its live so far.
    pub(super) async fn finish(self, context: &Context, next_numbers: (u64, u64)) {
        let (duration, ended_at) = if self.closed { self.kept } else { self.extent.so_far() };
        if let Err(error) = self.recording.finish().await {
            tracing::error!(video = %self.id, %error, "the recording can't be completed on disk");
        }
        // Of one that was started while nothing came there is nothing to watch.
        let listed = duration >= context.terms().min_length && !duration.is_zero();
        let finished = Finished {
            ended_at: ended_at.unwrap_or_else(clock::now),
            duration,
            listed,
            ladder: listed && context.settings.renditions.completed,
            next_msn: next_numbers.0,
            next_discontinuity: next_numbers.1,
        };
        tell_catalogue(context, &self.id, finished).await;
    }
}

/// Whether a rendition that appears late brings segments that ended long ago.
fn is_backfill(events: &[Event]) -> bool {
    let mut ends = BTreeMap::new();
    for event in events {
        if let Event::SegmentEnd { rendition, .. } = event {
            *ends.entry(*rendition).or_insert(0) += 1;
        }
    }
    ends.values().any(|ends| *ends > 1)
}

/// Appends what waits and what is new. What a full queue does not take is kept without its bytes: the index stays in
/// order, and the disk, when it has caught up, gets a gap there.
fn append(recording: &Recording, untaken: &mut Vec<Event>, events: &Arc<Vec<Event>>) -> Option<Appended> {
    let batch = if untaken.is_empty() {
        Arc::clone(events)
    } else {
        Arc::new(untaken.iter().chain(events.iter()).cloned().collect())
    };
    let appended = recording.append(Arc::clone(&batch));
    if appended.is_some() {
        untaken.clear();
    } else {
        untaken.extend(without_media(events));
    }
    appended
}

async fn tell_catalogue(context: &Context, id: &VideoId, finished: Finished) {
    for attempt in 1..=FINISH_TRIES {
        match context.catalogue.finish_video(id, finished).await {
            Ok(_) => return,
            Err(error) if attempt < FINISH_TRIES => {
                tracing::warn!(video = %id, %error, attempt, "the catalogue did not take a finished video; again");
                tokio::time::sleep(Duration::from_millis(200 * u64::from(attempt))).await;
            }
            Err(error) => {
                tracing::error!(video = %id, %error, "a finished video is not in the catalogue; the next start tells it again");
            }
        }
    }
}
