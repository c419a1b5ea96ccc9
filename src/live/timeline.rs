//! What viewers see of a live or a video: its renditions, each as a playlist snapshot that can be waited for.
//!
//! One maker, any number of readers; a reader takes an `Arc` and holds no lock while it waits. A video is the same thing with
//! playlists that have ended.

use super::audience::Audience;
use super::backfill;
use crate::archive::layout::rendition_name;
use crate::archive::load::{Loaded, Track};
use crate::archive::writer::Stored;
use bytes::Bytes;
use media::origin::multivariant::{self, multivariant};
use media::origin::playlist::{Playlist, Snapshot};
use media::origin::text::Report;
use media::segment::cutter::fitted_part_target_micros;
use media::segment::{Event, Rules, SegmentStart};
use media::time::{Timestamp, WallTime};
use media::track::{Kind, Parameters};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use tokio::sync::watch;

/// Finished segments whose bytes stay in memory: what most viewers are about to fetch, and then some.
const SEGMENTS_IN_RAM: usize = 3;
/// Parts of audio are cut at the video's boundaries, so they are up to a frame longer; PART-TARGET is told in such steps.
const PART_TARGET_GRAIN_MICROS: i64 = 10_000;
/// Frame rate told when a source neither announces nor yet shows one.
const UNKNOWN_FRAME_RATE_MILLI: u32 = 30_000;

/// The renditions of one live or video.
#[derive(Debug)]
pub struct Timeline {
    /// The video's id, which is also where its media is.
    pub video_id: Arc<str>,
    renditions: [OnceLock<Arc<Rendition>>; 2],
    /// Grows when a rendition appears: players then have to load the multivariant playlist again. Not when one's parameters change: that
    /// is a discontinuity in its own playlist, and players go on without a reload.
    version: AtomicU64,
    /// Who watches.
    pub audience: Arc<Audience>,
}

/// One rendition, as viewers see it.
#[derive(Debug)]
pub struct Rendition {
    /// Pictures or sound.
    pub kind: Kind,
    snapshot: watch::Sender<Arc<Snapshot>>,
    inits: RwLock<Vec<(Parameters, Bytes)>>,
}

impl Timeline {
    fn new(video_id: Arc<str>) -> Self {
        Self {
            video_id,
            renditions: [OnceLock::new(), OnceLock::new()],
            version: AtomicU64::new(0),
            audience: Arc::default(),
        }
    }

    /// A finished video.
    #[must_use]
    pub fn of_video(video_id: &str, loaded: &Loaded) -> Arc<Self> {
        // A video's playlist says nothing of parts.
        let rules = Rules::new(i64::from(loaded.begin.target_duration_s) * 500_000, 500_000);
        let mut maker = Maker::resume(video_id, rules, loaded, i64::MAX);
        maker.end_with(Playlist::end_as_video);
        maker.timeline
    }

    /// The rendition of a kind, once it exists.
    #[must_use]
    pub fn rendition(&self, kind: Kind) -> Option<&Arc<Rendition>> {
        self.renditions[kind.slot()].get()
    }

    /// All there are.
    pub fn renditions(&self) -> impl Iterator<Item = &Arc<Rendition>> {
        self.renditions.iter().filter_map(OnceLock::get)
    }

    /// Whether every rendition that has begun lists something. Sound is cut when it has reached the pictures' boundary, so its first
    /// part comes a moment after theirs: a player that loaded the multivariant playlist in between would never have sound.
    fn is_complete(&self) -> bool {
        let mut renditions = self.renditions().peekable();
        renditions.peek().is_some() && renditions.all(|r| !r.snapshot().is_empty())
    }

    /// How many renditions have appeared.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Relaxed)
    }

    /// The multivariant playlist; `None` while there is nothing to play.
    #[must_use]
    pub fn multivariant(&self) -> Option<Bytes> {
        let video = self.rendition(Kind::Video).map(|r| (r, r.snapshot(), r.parameters()));
        let audio = self.rendition(Kind::Audio).map(|r| (r, r.snapshot(), r.parameters()));
        let videos: Vec<_> = video
            .iter()
            .filter(|(_, s, _)| !s.is_empty())
            .filter_map(|(r, s, p)| {
                let Some(Parameters::Video(h264)) = p else { return None };
                let frame_rate_milli = h264.frame_rate_milli().unwrap_or_else(|| measured_rate_milli(s));
                let name = rendition_name(r.kind);
                Some(multivariant::Video { name, h264, frame_rate_milli, bit_rates_bps: s.bit_rates() })
            })
            .collect();
        let audio = audio.as_ref().filter(|(_, s, _)| !s.is_empty()).and_then(|(r, s, p)| {
            let Some(Parameters::Audio(aac)) = p else { return None };
            Some(multivariant::Audio { name: rendition_name(r.kind), aac, bit_rates_bps: s.bit_rates() })
        });
        multivariant(&videos, audio).map(Bytes::from)
    }

    /// Where the renditions beside `kind` stand.
    #[must_use]
    pub fn reports(&self, kind: Kind) -> Vec<Report> {
        self.renditions()
            .filter(|r| r.kind != kind)
            .filter_map(|r| {
                let last = r.snapshot().last_part()?;
                Some(Report { uri: format!("../{}/media.m3u8", rendition_name(r.kind)), last })
            })
            .collect()
    }
}

impl Rendition {
    /// The version of now.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshot.borrow().clone()
    }

    /// To wait for newer versions. The version of now counts as seen.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Arc<Snapshot>> {
        self.snapshot.subscribe()
    }

    /// Initialisation segment `n`.
    #[must_use]
    pub fn init(&self, n: u16) -> Option<Bytes> {
        let inits = self.inits.read().unwrap_or_else(PoisonError::into_inner);
        inits.get(usize::from(n)).map(|(_, bytes)| bytes.clone())
    }

    /// The configuration in force.
    #[must_use]
    pub fn parameters(&self) -> Option<Parameters> {
        let inits = self.inits.read().unwrap_or_else(PoisonError::into_inner);
        inits.last().map(|(p, _)| p.clone())
    }
}

/// What the segmenter found for this source while it was on air: it is reckoned from the same figures.
fn fitted_part_target(rules: &Rules, track: &Track) -> i64 {
    let whole = track.segments.iter().filter(|s| s.samples > 0);
    let (samples, micros) = whole.fold((0, 0), |(n, t), s| (n + i64::from(s.samples), t + s.duration_micros));
    if samples == 0 {
        return rules.part_target_micros;
    }
    let nominal = match track.inits.last() {
        Some((Parameters::Video(h264), _)) => h264.frame_rate_milli().map(|rate| 1_000_000_000 / i64::from(rate)),
        _ => None,
    };
    rules.part_target_micros.max(fitted_part_target_micros(rules, micros / samples, nominal))
}

fn measured_rate_milli(snapshot: &Snapshot) -> u32 {
    let (samples, micros) = snapshot
        .segments()
        .rev()
        .filter(|s| !s.is_gap())
        .take(10)
        .fold((0u64, 0i64), |(n, t), s| (n + u64::from(s.samples), t + s.duration_micros));
    let micros = u64::try_from(micros).unwrap_or(0);
    if micros == 0 {
        return UNKNOWN_FRAME_RATE_MILLI;
    }
    u32::try_from(samples * 1_000_000_000 / micros).unwrap_or(UNKNOWN_FRAME_RATE_MILLI)
}

/// Makes a timeline from what the segmenter says.
#[derive(Debug)]
pub struct Maker {
    timeline: Arc<Timeline>,
    rules: Rules,
    window_micros: i64,
    first_discontinuity: u64,
    playlists: [Option<Playlist>; 2],
    /// Length of each kind since the beginning, the window's forgotten segments included. Microseconds.
    lengths: [i64; 2],
    /// Every rendition that has begun lists something.
    playable: bool,
    /// Initialisation segments of renditions that have no segment yet.
    upcoming: [Vec<(Parameters, Bytes)>; 2],
}

impl Maker {
    /// A new live.
    #[must_use]
    pub fn new(video_id: &str, rules: Rules, first_discontinuity: u64, window_micros: i64) -> Self {
        Self {
            timeline: Arc::new(Timeline::new(video_id.into())),
            rules,
            window_micros,
            first_discontinuity,
            playlists: [None, None],
            lengths: [0, 0],
            playable: false,
            upcoming: [Vec::new(), Vec::new()],
        }
    }

    /// One read from disk, to go on with: what its playlists said of TARGETDURATION and PART-TARGET they say again.
    #[must_use]
    pub fn resume(video_id: &str, rules: Rules, loaded: &Loaded, window_micros: i64) -> Self {
        let rules = loaded.rules(rules);
        let mut maker = Self::new(video_id, rules, loaded.begin.first_discontinuity, window_micros);
        let mut lead_micros = None;
        for (kind, track) in loaded.tracks() {
            let Some(first) = track.segments.first() else { continue };
            let mut playlist = maker.playlist(first.msn);
            for segment in &track.segments {
                maker.playable = true;
                maker.lengths[kind.slot()] += segment.duration_micros;
                playlist.add_segment(segment.clone());
            }
            maker.appear(kind, playlist, track.inits.clone());
            let target = match lead_micros {
                None => fitted_part_target(&rules, track),
                Some(lead) => maker.audio_part_target(lead),
            };
            lead_micros.get_or_insert(target);
            if let (Some(playlist), Some(rendition)) =
                (&mut maker.playlists[kind.slot()], maker.timeline.rendition(kind))
            {
                playlist.raise_part_target(target.max(track.longest_part_micros));
                rendition.snapshot.send_replace(playlist.snapshot());
            }
        }
        maker
    }

    /// What viewers see.
    #[must_use]
    pub fn timeline(&self) -> &Arc<Timeline> {
        &self.timeline
    }

    /// Whether anything can be played.
    #[must_use]
    pub fn is_playable(&self) -> bool {
        self.playable
    }

    /// Length of the recording, microseconds: the sum of its segments, so that holes do not count.
    #[must_use]
    pub fn duration_micros(&self) -> i64 {
        self.lengths[0].max(self.lengths[1])
    }

    /// When the last segment ended.
    #[must_use]
    pub fn ended_at(&self) -> Option<WallTime> {
        let end = |p: &Playlist| p.segments().next_back().map(|s| s.program_date_time.plus_micros(s.duration_micros));
        self.playlists.iter().flatten().filter_map(end).max()
    }

    /// Segments told without a place turn out to be on the disk after all.
    pub fn locate(&mut self, stored: &[Stored]) {
        for s in stored {
            if let (Some(playlist), Some(location)) = (&mut self.playlists[s.kind.slot()], s.location) {
                playlist.locate(s.msn, location);
            }
        }
    }

    /// The number after the last discontinuity so far, on the same URL.
    #[must_use]
    pub fn next_discontinuity(&self) -> u64 {
        let count = |p: &Playlist| p.discontinuities();
        self.playlists.iter().flatten().map(count).max().unwrap_or(self.first_discontinuity) + 1
    }

    /// Gives a kind that appears after the other has begun the same segments from the start; see `backfill`.
    #[must_use]
    pub fn complete(&self, events: Vec<Event>) -> Vec<Event> {
        backfill::complete(&self.playlists, events)
    }

    /// Tells viewers. `stored` says where finished segments are; `part_target_micros` is the leading track's.
    pub fn apply(&mut self, events: &[Event], stored: &[Stored], part_target_micros: i64) {
        let mut touched = [false, false];
        for event in events {
            match event {
                Event::Init { parameters, bytes } => {
                    let init = (parameters.clone(), bytes.clone());
                    match self.timeline.rendition(parameters.kind()) {
                        Some(r) => r.inits.write().unwrap_or_else(PoisonError::into_inner).push(init),
                        None => self.upcoming[parameters.kind().slot()].push(init),
                    }
                }
                Event::SegmentStart(start) => self.open(start),
                Event::Part(part) => {
                    self.lengths[part.kind.slot()] += part.duration_micros();
                    if let Some(playlist) = &mut self.playlists[part.kind.slot()] {
                        playlist.add_part(part);
                    }
                    touched[part.kind.slot()] = true;
                }
                Event::SegmentEnd { kind, msn } => {
                    let location = stored.iter().find(|s| s.kind == *kind && s.msn == *msn).and_then(|s| s.location);
                    if let Some(playlist) = &mut self.playlists[kind.slot()] {
                        playlist.close_segment(location);
                    }
                    touched[kind.slot()] = true;
                }
            }
        }
        let targets = [part_target_micros, self.audio_part_target(part_target_micros)];
        for kind in Kind::BOTH {
            let n = kind.slot();
            if let (true, Some(playlist)) = (touched[n], &mut self.playlists[n]) {
                playlist.raise_part_target(targets[n]);
                let snapshot = playlist.snapshot();
                if let Some(rendition) = self.timeline.rendition(kind) {
                    rendition.snapshot.send_replace(snapshot);
                }
            }
        }
        self.playable |= self.timeline.is_complete();
    }

    /// Nothing more comes.
    pub fn end(&mut self) {
        self.end_with(Playlist::end);
    }

    fn end_with(&mut self, end: fn(&mut Playlist)) {
        for kind in Kind::BOTH {
            if let (Some(playlist), Some(r)) = (&mut self.playlists[kind.slot()], self.timeline.rendition(kind)) {
                end(playlist);
                r.snapshot.send_replace(playlist.snapshot());
            }
        }
    }

    fn open(&mut self, start: &SegmentStart) {
        let n = start.kind.slot();
        if self.playlists[n].is_none() {
            let playlist = self.playlist(start.msn);
            let inits = std::mem::take(&mut self.upcoming[n]);
            self.appear(start.kind, playlist, inits);
        }
        let Some(rendition) = self.timeline.rendition(start.kind) else { return };
        let inits = rendition.inits.read().unwrap_or_else(PoisonError::into_inner).len();
        if let Some(playlist) = &mut self.playlists[n] {
            playlist.open_segment(start, u16::try_from(inits.saturating_sub(1)).unwrap_or(u16::MAX));
        }
    }

    fn playlist(&self, first_msn: u64) -> Playlist {
        let part_target = self.rules.part_target_micros;
        let (discontinuities, window) = (self.first_discontinuity, self.window_micros);
        Playlist::new(self.rules, part_target, first_msn, discontinuities, window, SEGMENTS_IN_RAM)
    }

    fn appear(&mut self, kind: Kind, playlist: Playlist, inits: Vec<(Parameters, Bytes)>) {
        let (snapshot, _) = watch::channel(playlist.snapshot());
        self.playlists[kind.slot()] = Some(playlist);
        let rendition = Arc::new(Rendition { kind, snapshot, inits: RwLock::new(inits) });
        // Set once: a playlist of this kind exists only from here on.
        let _ = self.timeline.renditions[kind.slot()].set(rendition);
        self.timeline.version.fetch_add(1, Ordering::Relaxed);
    }

    fn audio_part_target(&self, lead_micros: i64) -> i64 {
        let Some(Parameters::Audio(aac)) = self.timeline.rendition(Kind::Audio).and_then(|r| r.parameters()) else {
            return lead_micros;
        };
        if self.playlists[Kind::Video.slot()].is_none() {
            return lead_micros;
        }
        let frame = Timestamp::new(i64::from(aac.samples_per_frame()), aac.timescale()).micros();
        (lead_micros + frame + PART_TARGET_GRAIN_MICROS - 1) / PART_TARGET_GRAIN_MICROS * PART_TARGET_GRAIN_MICROS
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use media::segment::Part;
    use media::time::Timescale;

    fn start(kind: Kind) -> Event {
        let program_date_time = WallTime::default();
        Event::SegmentStart(SegmentStart { kind, msn: 7, discontinuity: false, program_date_time })
    }

    fn part(kind: Kind) -> Event {
        Event::Part(Part {
            kind,
            msn: 7,
            number: 0,
            start: Timestamp::from_micros(10_000_000, Timescale::VIDEO),
            samples: 1,
            duration_ticks: 45_000,
            independent: true,
            keyframes: Vec::new(),
            bytes: Bytes::from_static(b"moof"),
        })
    }

    #[test]
    fn nobody_joins_before_every_rendition_that_has_begun_can_be_offered() {
        let mut maker = Maker::new("v", Rules::new(2_000_000, 500_000), 0, i64::MAX);
        maker.apply(&[start(Kind::Video), start(Kind::Audio), part(Kind::Video)], &[], 500_000);
        assert!(!maker.is_playable(), "the sound of the first part is still coming");
        maker.apply(&[part(Kind::Audio)], &[], 500_000);
        assert!(maker.is_playable());
    }

    #[test]
    fn pictures_alone_are_offered_at_once() {
        let mut maker = Maker::new("v", Rules::new(2_000_000, 500_000), 0, i64::MAX);
        maker.apply(&[start(Kind::Video), part(Kind::Video)], &[], 500_000);
        assert!(maker.is_playable());
    }
}
