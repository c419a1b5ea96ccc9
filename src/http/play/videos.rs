//! Finished videos that are being watched: loaded once, kept while they are wanted, and again when something was added to them, another part
//! of them is shown, or their captions were edited. What is cut away is in no playlist, and its segments are not there.

use crate::archive::edited;
use crate::archive::layout::Layout;
use crate::archive::load::load;
use crate::archive::transcript::{self, Position};
use crate::catalogue::Catalogue;
use crate::catalogue::details::Cut;
use crate::catalogue::id::VideoId;
use crate::catalogue::video::{Video, VideoState};
use crate::clock;
use crate::http::problem::Problem;
use crate::live::timeline::Timeline;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use media::time::WallTime;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use std::sync::Arc;
use std::time::Duration;

/// Segments whose description is kept, all videos together: about 200 bytes each.
const CACHED_SEGMENTS: u64 = 500_000;
const CACHED_VIDEOS: usize = 512;
/// After this, the catalogue is asked again whether the video may be seen.
const BELIEVED_FOR: Duration = Duration::from_secs(5);

/// See the module. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Videos {
    catalogue: Catalogue,
    layout: Layout,
    loaded: Arc<Cache<Arc<str>, Loaded, BySegments>>,
}

#[derive(Clone, Debug)]
struct Loaded {
    timeline: Arc<Timeline>,
    segments: u64,
    believed_since: WallTime,
    on_disk: OnDisk,
    cut: Cut,
}

/// Whether what lies on the disk is what was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct OnDisk {
    /// An index only grows.
    index_bytes: u64,
    /// Of all captions that people wrote.
    edited: u64,
}

impl OnDisk {
    /// Blocking. What can't be looked at is no reason to forget what was read.
    fn of(layout: &Layout, id: &str) -> Option<Self> {
        let index_bytes = std::fs::metadata(layout.index(id)).ok()?.len();
        let written = edited::languages(layout, id).ok()?;
        let edited = written.values().fold(0, |all: u64, state| all.rotate_left(7) ^ state.version);
        Some(Self { index_bytes, edited })
    }
}

#[derive(Clone, Debug)]
struct BySegments;

impl Weighter<Arc<str>, Loaded> for BySegments {
    fn weight(&self, _: &Arc<str>, loaded: &Loaded) -> u64 {
        loaded.segments + 16
    }
}

impl Videos {
    /// Over a catalogue and its media.
    #[must_use]
    pub fn new(catalogue: Catalogue, layout: Layout) -> Self {
        Self { catalogue, layout, loaded: Arc::new(Cache::with_weighter(CACHED_VIDEOS, CACHED_SEGMENTS, BySegments)) }
    }

    /// Where they are.
    pub(super) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// A finished video; `None`: there is none.
    ///
    /// # Errors
    /// The answer to give when the catalogue fails.
    pub(super) async fn finished(&self, id: &str) -> Result<Option<Video>, Response> {
        let Ok(id) = id.parse::<VideoId>() else { return Ok(None) };
        let found = self.catalogue.video(&id).await.map_err(|error| {
            tracing::error!(video = %id, %error, "the catalogue can't say whether a video may be seen");
            Problem::new(StatusCode::SERVICE_UNAVAILABLE).detail("The catalogue does not answer.").into_response()
        })?;
        Ok(found.filter(|video| video.state == VideoState::Ended))
    }

    /// The video's renditions; `None` when there is no such finished video.
    ///
    /// # Errors
    /// The answer to give when catalogue or disk fail.
    pub(super) async fn timeline(&self, id: &str) -> Result<Option<Arc<Timeline>>, Response> {
        let now = clock::now();
        let known = self.loaded.get(id);
        if let Some(known) = known.as_ref().filter(|l| now.since(l.believed_since) < BELIEVED_FOR) {
            return Ok(Some(Arc::clone(&known.timeline)));
        }
        let Some(cut) = self.finished(id).await?.map(|video| video.cut) else {
            self.loaded.remove(id);
            return Ok(None);
        };
        let (layout, name) = (self.layout.clone(), id.to_owned());
        let on_disk = tokio::task::spawn_blocking(move || OnDisk::of(&layout, &name)).await.ok().flatten();
        let changed = |known: &Loaded| known.cut != cut || on_disk.is_some_and(|now| now != known.on_disk);
        let changed = known.as_ref().is_some_and(changed);
        if changed {
            self.loaded.remove(id);
        }
        if let Some(known) = known.filter(|_| !changed) {
            let again = Loaded { believed_since: now, ..known };
            let timeline = Arc::clone(&again.timeline);
            self.loaded.insert(id.into(), again);
            return Ok(Some(timeline));
        }
        let key: Arc<str> = id.into();
        let (layout, name) = (self.layout.clone(), Arc::clone(&key));
        let loaded = self.loaded.get_or_insert_async(&key, async {
            let read = tokio::task::spawn_blocking(move || {
                // Looked at first: what is added meanwhile is read again later.
                let on_disk = OnDisk::of(&layout, &name).unwrap_or_default();
                let loaded = load(&layout, &name)?;
                let whole = Position::of(loaded.lead_segments());
                let loaded = loaded.cut((cut.start, cut.end));
                let shown = Position::of(loaded.lead_segments());
                let mut transcripts = transcript::all(&layout, &name, &whole, &shown)?;
                transcripts.retain(|said| !said.cues.is_empty());
                let segments = loaded.tracks.values().map(|t| t.segments.len() as u64).sum();
                let timeline = Timeline::of_video(&name, &loaded, &transcripts);
                Ok::<_, crate::archive::Error>(Loaded { timeline, segments, believed_since: now, on_disk, cut })
            });
            read.await.map_err(|_| crate::archive::Error::Closed)?
        });
        match loaded.await {
            Ok(loaded) => Ok(Some(loaded.timeline)),
            Err(error) => {
                tracing::error!(video = id, %error, "a video can't be opened");
                let problem =
                    Problem::new(StatusCode::INTERNAL_SERVER_ERROR).detail("This video's media can't be opened.");
                Err(problem.into_response())
            }
        }
    }
}
