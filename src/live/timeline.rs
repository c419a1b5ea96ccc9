//! What viewers see of a live or a video: its renditions, each as a playlist snapshot that can be waited for.
//!
//! One maker, any number of readers; a reader takes an `Arc` and holds no lock while it waits. A video is the same thing with
//! playlists that have ended.

use super::audience::Audience;
use super::backfill;
use super::caption_list::CaptionList;
use super::{offer, subtitles};
use crate::archive::load::{Loaded, Track};
use crate::archive::transcript::Transcript;
use crate::archive::writer::Stored;
use bytes::Bytes;
use media::caption::language::Language;
use media::origin::entry::frame_rate_milli;
use media::origin::multivariant::{self, Captions, multivariant};
use media::origin::playlist::{Playlist, Snapshot};
use media::origin::text::Report;
use media::rendition::RenditionId;
use media::segment::cutter::{PART_TARGET_GRAIN_MICROS, fitted_part_target_micros};
use media::segment::follower;
use media::segment::{Event, Rules, SegmentStart};
use media::time::Timestamp;
use media::track::{Kind, Parameters};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::{broadcast, watch};

/// Finished segments whose bytes stay in memory: what most viewers are about to fetch, and then some.
const SEGMENTS_IN_RAM: usize = 3;
/// A live is shown when the renditions that an engine is to make have begun, or after so much of the source: who comes first shall have
/// the choice without loading the multivariant playlist again. Microseconds.
const EXPECTED_WITHIN_MICROS: i64 = 3_000_000;
/// Cues that wait for a page that reads slowly; it has them again with the next segment of captions.
const CUES: usize = 64;
/// Frame rate told when a source neither announces nor yet shows one.
const UNKNOWN_FRAME_RATE_MILLI: u32 = 30_000;

/// The renditions of one live or video.
#[derive(Debug)]
pub struct Timeline {
    /// Where its media is: the number of the first segment that lies there, and the id of the video. In order.
    folders: RwLock<Vec<(u64, Arc<str>)>>,
    /// In order of their ids. A new list is made when one appears.
    renditions: RwLock<Arc<[Arc<Rendition>]>>,
    /// By language.
    captions: RwLock<Arc<[Arc<CaptionList>]>>,
    /// Bits per second that engines were told to make of a rendition.
    ordered_bps: RwLock<BTreeMap<RenditionId, u64>>,
    /// Cues as they are made, each as an event for pages.
    cues: broadcast::Sender<Bytes>,
    /// Grows when a rendition or a language of captions appears: players then have to load the multivariant playlist again. Not when one's
    /// parameters change: that is a discontinuity in its own playlist, and players go on without a reload.
    version: AtomicU64,
    /// Who watches.
    pub audience: Arc<Audience>,
}

/// One rendition, as viewers see it.
#[derive(Debug)]
pub struct Rendition {
    /// Which.
    pub id: RenditionId,
    snapshot: watch::Sender<Arc<Snapshot>>,
    pub(super) inits: RwLock<Vec<(Parameters, Bytes)>>,
}

impl Timeline {
    pub(super) fn new() -> Self {
        Self {
            folders: RwLock::default(),
            renditions: RwLock::new(Arc::new([])),
            captions: RwLock::new(Arc::new([])),
            ordered_bps: RwLock::default(),
            cues: broadcast::channel(CUES).0,
            version: AtomicU64::new(0),
            audience: Arc::default(),
        }
    }

    /// A finished video.
    #[must_use]
    pub fn of_video(video_id: &str, loaded: &Loaded, transcripts: &[Transcript]) -> Arc<Self> {
        // A video's playlist says nothing of parts.
        let rules = Rules::new(i64::from(loaded.begin.target_duration_s) * 500_000, 500_000);
        let mut maker = Maker::resume(video_id, rules, &complete(loaded), i64::MAX);
        maker.end_with(Playlist::end_as_video);
        let lead = loaded.lead_segments();
        // Beside nothing nothing is listed.
        for (transcript, first) in transcripts.iter().zip(lead.first().map(|s| s.msn).into_iter().cycle()) {
            let mut playlist = Playlist::of_captions(rules, first, loaded.begin.first_discontinuity, i64::MAX);
            subtitles::list(&mut playlist, lead, &transcript.cues);
            playlist.end_as_video();
            maker.timeline.add_captions(&transcript.language, transcript.edited, playlist.snapshot());
        }
        maker.timeline
    }

    /// The video among whose media segment `msn` is, if it is anywhere.
    #[must_use]
    pub fn folder(&self, msn: u64) -> Option<Arc<str>> {
        let folders = self.folders.read().unwrap_or_else(PoisonError::into_inner);
        folders.iter().rev().find(|(first, _)| *first <= msn).map(|(_, id)| Arc::clone(id))
    }

    /// What is kept from segment `first_msn` on lies among the media of video `id`.
    pub(super) fn keep_in(&self, first_msn: u64, id: &str) {
        self.folders.write().unwrap_or_else(PoisonError::into_inner).push((first_msn, id.into()));
    }

    /// A rendition, once it exists.
    #[must_use]
    pub fn rendition(&self, id: RenditionId) -> Option<Arc<Rendition>> {
        let all = self.renditions.read().unwrap_or_else(PoisonError::into_inner);
        all.iter().find(|r| r.id == id).cloned()
    }

    /// All there are, in the order of their ids.
    #[must_use]
    pub fn renditions(&self) -> Arc<[Arc<Rendition>]> {
        Arc::clone(&self.renditions.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether there are pictures.
    #[must_use]
    pub fn has_video(&self) -> bool {
        let all = self.renditions.read().unwrap_or_else(PoisonError::into_inner);
        all.iter().any(|r| r.id.kind() == Kind::Video)
    }

    /// Captions, by language.
    #[must_use]
    pub fn captions(&self) -> Arc<[Arc<CaptionList>]> {
        Arc::clone(&self.captions.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Cues from here on, each as a server-sent event.
    #[must_use]
    pub fn cues(&self) -> broadcast::Receiver<Bytes> {
        self.cues.subscribe()
    }

    pub(super) fn add_captions(
        &self,
        language: &Language,
        version: Option<u64>,
        snapshot: Arc<Snapshot>,
    ) -> Arc<CaptionList> {
        let list = Arc::new(CaptionList::new(language, version, snapshot, self.cues.clone()));
        let mut all = self.captions.write().unwrap_or_else(PoisonError::into_inner);
        *all = all.iter().cloned().chain([Arc::clone(&list)]).collect();
        self.version.fetch_add(1, Ordering::Relaxed);
        list
    }

    fn add(&self, rendition: Arc<Rendition>) {
        let mut all = self.renditions.write().unwrap_or_else(PoisonError::into_inner);
        let mut more: Vec<_> = all.iter().cloned().chain([rendition]).collect();
        more.sort_by_key(|r| r.id);
        *all = more.into();
        self.version.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether every rendition that has begun lists something. Sound is cut when it has reached the pictures' boundary, so its first
    /// part comes a moment after theirs: a player that loaded the multivariant playlist in between would never have sound.
    fn is_complete(&self) -> bool {
        let renditions = self.renditions();
        !renditions.is_empty() && renditions.iter().all(|r| !r.snapshot().is_empty())
    }

    /// How many renditions and languages of captions have appeared.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.version.load(Ordering::Relaxed)
    }

    /// The multivariant playlist; `None` while there is nothing to play.
    #[must_use]
    pub fn multivariant(&self) -> Option<Bytes> {
        let all: Vec<_> = self.renditions().iter().filter_map(|r| r.now()).filter(|r| !r.snapshot.is_empty()).collect();
        let offered = offer::offered(&all);
        // Players of a live choose by what they were told at its beginning, when a slide may have stood still.
        let bit_rates = |r: &offer::Rendition| {
            let measured = r.snapshot.bit_rates();
            if r.snapshot.ended { measured } else { measured.expecting(self.ordered_bps(r.id)) }
        };
        let videos = all.iter().filter(|r| offered.contains(&r.id)).filter_map(|r| {
            let Parameters::Video(h264) = &r.parameters else { return None };
            let frame_rate_milli = h264.frame_rate_milli().unwrap_or_else(|| measured_rate_milli(&r.snapshot));
            Some(multivariant::Video {
                name: r.id.name(),
                h264,
                frame_rate_milli,
                bit_rates: bit_rates(r),
                keyframe_bit_rates: r.snapshot.keyframe_bit_rates(),
            })
        });
        let mut videos: Vec<_> = videos.collect();
        // The best first: what comes first is what some players begin with.
        videos.sort_by_key(|v| std::cmp::Reverse((v.h264.height(), v.bit_rates.average_bps)));
        let audio = all.iter().filter(|r| offered.contains(&r.id)).find_map(|r| {
            let Parameters::Audio(aac) = &r.parameters else { return None };
            Some(multivariant::Audio { name: r.id.name(), aac, bit_rates: bit_rates(r) })
        });
        let captions: Vec<_> =
            self.captions().iter().map(|c| Captions { name: c.name(), language: c.language.clone() }).collect();
        multivariant(&videos, audio.as_ref(), &captions).map(Bytes::from)
    }

    fn ordered_bps(&self, id: RenditionId) -> u64 {
        self.ordered_bps.read().unwrap_or_else(PoisonError::into_inner).get(&id).copied().unwrap_or(0)
    }

    /// Where the renditions and captions beside those in the folder `name` stand.
    #[must_use]
    pub fn reports(&self, name: &str) -> Vec<Report> {
        let (media, texts) = (self.renditions(), self.captions());
        let media = media.iter().map(|r| (r.id.name(), r.snapshot()));
        let texts = texts.iter().map(|c| (c.name(), c.snapshot()));
        let others = media.chain(texts).filter(|(other, _)| other != name);
        others.filter_map(|(other, snapshot)| snapshot.report(format!("../{other}/media.m3u8"))).collect()
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

    /// What is offered of it; `None` before its configuration is known.
    pub(super) fn now(&self) -> Option<offer::Rendition> {
        Some(offer::Rendition { id: self.id, parameters: self.parameters()?, snapshot: self.snapshot() })
    }

    /// The configuration in force.
    #[must_use]
    pub fn parameters(&self) -> Option<Parameters> {
        let inits = self.inits.read().unwrap_or_else(PoisonError::into_inner);
        inits.last().map(|(p, _)| p.clone())
    }
}

/// Without the renditions that are still being made of a finished video: they end early.
fn complete(loaded: &Loaded) -> Loaded {
    let mut complete = loaded.clone();
    let end = loaded.next_msn();
    complete.tracks.retain(|id, t| !id.is_encoded() || t.segments.last().is_some_and(|s| s.msn + 1 == end));
    complete
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
    let newest = snapshot.segments().rev().filter(|s| !s.is_gap()).take(10);
    frame_rate_milli(newest, 1).unwrap_or(UNKNOWN_FRAME_RATE_MILLI)
}

/// Makes a timeline from what the segmenter says.
#[derive(Debug)]
pub struct Maker {
    timeline: Arc<Timeline>,
    rules: Rules,
    window_micros: i64,
    first_discontinuity: u64,
    playlists: BTreeMap<RenditionId, Playlist>,
    /// Length of each rendition since the beginning, the window's forgotten segments included. Microseconds.
    lengths: BTreeMap<RenditionId, i64>,
    /// What an engine is to make: worth waiting for.
    expected: BTreeMap<RenditionId, u64>,
    /// Every rendition that has begun lists something.
    playable: bool,
    /// Initialisation segments of renditions that have no segment yet.
    upcoming: BTreeMap<RenditionId, Vec<(Parameters, Bytes)>>,
}

impl Maker {
    /// A new live.
    #[must_use]
    pub fn new(rules: Rules, first_discontinuity: u64, window_micros: i64) -> Self {
        Self {
            timeline: Arc::new(Timeline::new()),
            rules,
            window_micros,
            first_discontinuity,
            playlists: BTreeMap::new(),
            lengths: BTreeMap::new(),
            expected: BTreeMap::new(),
            playable: false,
            upcoming: BTreeMap::new(),
        }
    }

    /// One read from disk, of video `video_id`, to go on with: what its playlists said of TARGETDURATION and PART-TARGET they say again.
    #[must_use]
    pub fn resume(video_id: &str, rules: Rules, loaded: &Loaded, window_micros: i64) -> Self {
        let rules = loaded.rules(rules);
        let mut maker = Self::new(rules, loaded.begin.first_discontinuity, window_micros);
        maker.timeline.keep_in(loaded.begin.first_msn, video_id);
        let mut lead_micros = None;
        for (id, track) in &loaded.tracks {
            let id = *id;
            let Some(first) = track.segments.first() else { continue };
            let mut playlist = maker.playlist(first.msn);
            for segment in &track.segments {
                maker.playable = true;
                *maker.lengths.entry(id).or_default() += segment.duration_micros;
                playlist.add_segment(segment.clone());
            }
            maker.appear(id, playlist, track.inits.clone());
            let lead = *lead_micros.get_or_insert_with(|| fitted_part_target(&rules, track));
            let target = maker.part_target(id, lead);
            if let (Some(playlist), Some(rendition)) = (maker.playlists.get_mut(&id), maker.timeline.rendition(id)) {
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

    /// What each rendition needs to be decoded from here on, as the segmenter has said it.
    #[must_use]
    pub fn inits(&self) -> Vec<Event> {
        let renditions = self.timeline.renditions();
        let begun = renditions.iter().filter_map(|r| {
            let inits = r.inits.read().unwrap_or_else(PoisonError::into_inner);
            inits.last().map(|init| (r.id, init.clone()))
        });
        let upcoming = self.upcoming.iter().filter_map(|(id, inits)| Some((*id, inits.last()?.clone())));
        begun
            .chain(upcoming)
            .map(|(rendition, (parameters, bytes))| Event::Init { rendition, parameters, bytes })
            .collect()
    }

    /// Segments told without a place turn out to be on the disk after all.
    pub fn locate(&mut self, stored: &[Stored]) {
        for s in stored {
            if let (Some(playlist), Some(location)) = (self.playlists.get_mut(&s.rendition), s.location) {
                playlist.locate(s.msn, location);
            }
        }
    }

    /// The number after the last discontinuity so far, on the same URL.
    #[must_use]
    pub fn next_discontinuity(&self) -> u64 {
        let count = |p: &Playlist| p.discontinuities();
        self.playlists.values().map(count).max().unwrap_or(self.first_discontinuity) + 1
    }

    /// An engine is to make these from now on, with so many bits per second. Those that it was to make before and that have not begun are
    /// no longer waited for.
    pub fn expect(&mut self, renditions: impl IntoIterator<Item = (RenditionId, u32)>) {
        let expected: BTreeMap<_, _> = renditions.into_iter().map(|(id, bps)| (id, u64::from(bps))).collect();
        if expected != self.expected {
            let mut ordered = self.timeline.ordered_bps.write().unwrap_or_else(PoisonError::into_inner);
            // One that an engine makes no more keeps what it had: it is listed as long as players want it.
            ordered.extend(&expected);
            drop(ordered);
            self.expected = expected;
        }
        self.judge();
    }

    /// Gives a rendition that appears after others have begun the same segments from the start; see `backfill`.
    #[must_use]
    pub fn complete(&self, events: Vec<Event>) -> Vec<Event> {
        backfill::complete(&self.playlists, events)
    }

    /// Tells viewers. `stored` says where finished segments are; `part_target_micros` is the leading track's.
    pub fn apply(&mut self, events: &[Event], stored: &[Stored], part_target_micros: i64) {
        let mut touched = BTreeSet::new();
        for event in events {
            match event {
                Event::Init { rendition, parameters, bytes } => {
                    let init = (parameters.clone(), bytes.clone());
                    match self.timeline.rendition(*rendition) {
                        Some(r) => r.inits.write().unwrap_or_else(PoisonError::into_inner).push(init),
                        None => self.upcoming.entry(*rendition).or_default().push(init),
                    }
                }
                Event::SegmentStart(start) => self.open(start),
                Event::Part(part) => {
                    *self.lengths.entry(part.rendition).or_default() += part.duration_micros();
                    if let Some(playlist) = self.playlists.get_mut(&part.rendition) {
                        playlist.add_part(part);
                    }
                    touched.insert(part.rendition);
                }
                Event::SegmentEnd { rendition, msn } => {
                    let found = stored.iter().find(|s| s.rendition == *rendition && s.msn == *msn);
                    if let Some(playlist) = self.playlists.get_mut(rendition) {
                        playlist.close_segment(found.and_then(|s| s.location));
                    }
                    touched.insert(*rendition);
                }
            }
        }
        for id in touched {
            let target = self.part_target(id, part_target_micros);
            if let (Some(playlist), Some(rendition)) = (self.playlists.get_mut(&id), self.timeline.rendition(id)) {
                playlist.raise_part_target(target);
                rendition.snapshot.send_replace(playlist.snapshot());
            }
        }
        self.judge();
    }

    /// Whether viewers may come.
    fn judge(&mut self) {
        let patient = self.lengths.values().all(|length| *length < EXPECTED_WITHIN_MICROS);
        let missing = self.expected.keys().any(|id| !self.playlists.contains_key(id));
        self.playable |= self.timeline.is_complete() && !(missing && patient);
    }

    /// Nothing more comes.
    pub fn end(&mut self) {
        self.end_with(Playlist::end);
    }

    fn end_with(&mut self, end: fn(&mut Playlist)) {
        for (id, playlist) in &mut self.playlists {
            if let Some(r) = self.timeline.rendition(*id) {
                end(playlist);
                r.snapshot.send_replace(playlist.snapshot());
            }
        }
    }

    fn open(&mut self, start: &SegmentStart) {
        let id = start.rendition;
        if !self.playlists.contains_key(&id) {
            let playlist = self.playlist(start.msn);
            let inits = self.upcoming.remove(&id).unwrap_or_default();
            self.appear(id, playlist, inits);
        }
        let Some(rendition) = self.timeline.rendition(id) else { return };
        let inits = rendition.inits.read().unwrap_or_else(PoisonError::into_inner).len();
        if let Some(playlist) = self.playlists.get_mut(&id) {
            playlist.open_segment(start, u16::try_from(inits.saturating_sub(1)).unwrap_or(u16::MAX));
        }
    }

    fn playlist(&self, first_msn: u64) -> Playlist {
        let part_target = self.rules.part_target_micros;
        let (discontinuities, window) = (self.first_discontinuity, self.window_micros);
        Playlist::new(self.rules, part_target, first_msn, discontinuities, window, SEGMENTS_IN_RAM)
    }

    fn appear(&mut self, id: RenditionId, playlist: Playlist, inits: Vec<(Parameters, Bytes)>) {
        let (snapshot, _) = watch::channel(playlist.snapshot());
        self.playlists.insert(id, playlist);
        self.timeline.add(Arc::new(Rendition { id, snapshot, inits: RwLock::new(inits) }));
    }

    /// What a rendition's PART-TARGET must be where the leading one's is `lead_micros`: sound is cut at whole frames of its own, so that a part
    /// is up to one longer.
    fn part_target(&self, id: RenditionId, lead_micros: i64) -> i64 {
        if id.is_encoded() && id.kind() == Kind::Video {
            return follower::part_target_micros(lead_micros);
        }
        let leads = id == RenditionId::Audio && !self.playlists.contains_key(&RenditionId::Source);
        let Some(Parameters::Audio(aac)) = self.timeline.rendition(id).and_then(|r| r.parameters()) else {
            return lead_micros;
        };
        if leads {
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
    use media::time::{Timescale, WallTime};

    fn start(rendition: RenditionId) -> Event {
        let program_date_time = WallTime::default();
        Event::SegmentStart(SegmentStart { rendition, msn: 7, discontinuity: false, program_date_time })
    }

    fn part(rendition: RenditionId) -> Event {
        Event::Part(Part {
            rendition,
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
        let mut maker = Maker::new(Rules::new(2_000_000, 500_000), 0, i64::MAX);
        maker.apply(&[start(RenditionId::Source), start(RenditionId::Audio), part(RenditionId::Source)], &[], 500_000);
        assert!(!maker.is_playable(), "the sound of the first part is still coming");
        maker.apply(&[part(RenditionId::Audio)], &[], 500_000);
        assert!(maker.is_playable());
    }

    #[test]
    fn pictures_alone_are_offered_at_once() {
        let mut maker = Maker::new(Rules::new(2_000_000, 500_000), 0, i64::MAX);
        maker.apply(&[start(RenditionId::Source), part(RenditionId::Source)], &[], 500_000);
        assert!(maker.is_playable());
    }

    #[test]
    fn what_an_engine_is_to_make_is_waited_for_but_not_for_long() {
        let source = [start(RenditionId::Source), part(RenditionId::Source)];
        let rung = RenditionId::Rung(360);
        let mut maker = Maker::new(Rules::new(2_000_000, 500_000), 0, i64::MAX);
        maker.expect([(rung, 700_000)]);
        maker.apply(&source, &[], 500_000);
        assert!(!maker.is_playable());
        maker.apply(&[start(rung), part(rung)], &[], 500_000);
        assert!(maker.is_playable());

        let mut maker = Maker::new(Rules::new(2_000_000, 500_000), 0, i64::MAX);
        maker.expect([(rung, 700_000)]);
        maker.apply(&source, &[], 500_000);
        for _ in 0..5 {
            maker.apply(&[part(RenditionId::Source)], &[], 500_000);
        }
        assert!(maker.is_playable(), "the engine does not come");

        let mut maker = Maker::new(Rules::new(2_000_000, 500_000), 0, i64::MAX);
        maker.expect([(rung, 700_000)]);
        maker.apply(&source, &[], 500_000);
        maker.expect([]);
        assert!(maker.is_playable(), "no engine is to come any more");
    }
}
