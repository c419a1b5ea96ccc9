//! One rendition's growing list of segments, and immutable snapshots of it.
//!
//! Promises: a listed URI, duration, date or discontinuity never changes; MEDIA-SEQUENCE and DISCONTINUITY-SEQUENCE never
//! go back; old segments leave whole blocks at a time, after the window.

use super::bit_rates::Rates;
use super::entry::{Location, OpenSegment, PartEntry, Segment};
use super::iframes::known_end;
use super::text::{Kept, Rendered, Report, iframe_entries};
use crate::segment::{Part, Rules, SegmentStart};
use bytes::Bytes;
use std::sync::{Arc, OnceLock};

/// Segments per block of kept text: about two minutes.
const BLOCK_SEGMENTS: usize = 64;
/// More I-frame entries than a segment can make (60 fps, all intra, longest segment), so that the I-frame playlist's numbers go on
/// from one live to the next without knowing how many there were.
const KEYFRAMES_PER_SEGMENT: u64 = 512;
/// CAN-SKIP-UNTIL in target durations: the least that RFC 8216bis section 4.4.3.8 allows.
pub(super) const SKIP_UNTIL_TARGETS: u32 = 6;
/// Finished segments that are on no disk keep their bytes for so long: nobody can read them again, and players without low latency begin
/// three target durations from the end.
const UNSTORED_IN_RAM: usize = 10;
/// Parts are listed for so many target durations from the end (RFC 8216bis section 4.4.4.9).
pub(super) const PARTS_LISTED_TARGETS: u32 = 3;

/// What the segments of a playlist are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// Fragments of pictures or sound, with an initialisation segment and parts.
    #[default]
    Fmp4,
    /// WebVTT: whole segments, whose text stays in memory (a few hundred bytes each).
    Webvtt,
}

/// What all versions of a playlist share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// EXT-X-TARGETDURATION.
    pub target_duration_s: u32,
    /// EXT-X-PART-INF, microseconds.
    pub part_target_micros: i64,
    /// Of the segments.
    pub form: Form,
}

/// Finished segments that no longer change, with their text.
#[derive(Debug)]
pub struct Block {
    /// In order, without gaps in their numbers.
    pub segments: Vec<Segment>,
    pub(super) kept: Kept,
}

/// One rendition's list. Owned by whoever makes or loads the live; viewers see [`Snapshot`]s.
#[derive(Debug)]
pub struct Playlist {
    header: Header,
    blocks: Arc<Vec<Arc<Block>>>,
    recent: Vec<Arc<Segment>>,
    open: Option<OpenSegment>,
    open_start_micros: i64,
    open_samples: u32,
    open_keyframes: Vec<crate::segment::Keyframe>,
    /// Discontinuities before the first listed segment.
    discontinuity_sequence: u64,
    /// Entries of the I-frame playlist before the first listed segment: its MEDIA-SEQUENCE.
    keyframe_sequence: u64,
    window_micros: i64,
    in_ram: usize,
    listed_micros: i64,
    next_msn: u64,
    ended: bool,
    low_latency: bool,
}

/// A version of a playlist: immutable, shared by all who ask for it.
#[derive(Debug)]
pub struct Snapshot {
    /// What all versions share.
    pub header: Header,
    pub(super) blocks: Arc<Vec<Arc<Block>>>,
    pub(super) recent: Vec<Arc<Segment>>,
    pub(super) open: Option<OpenSegment>,
    pub(super) discontinuity_sequence: u64,
    pub(super) keyframe_sequence: u64,
    pub(super) next_msn: u64,
    /// Nothing will be added.
    pub ended: bool,
    pub(super) low_latency: bool,
    pub(super) full: OnceLock<Rendered>,
    pub(super) delta: OnceLock<Rendered>,
    pub(super) iframes: OnceLock<Rendered>,
    pub(super) rates: OnceLock<Rates>,
}

impl Playlist {
    /// An empty list that begins at `first_msn`, after `discontinuity_sequence` discontinuities on the same URL.
    /// `window_micros`: how long segments stay listed. `in_ram`: how many finished segments keep their bytes though they are on the disk.
    #[must_use]
    pub fn new(
        rules: Rules,
        part_target_micros: i64,
        first_msn: u64,
        discontinuity_sequence: u64,
        window_micros: i64,
        in_ram: usize,
    ) -> Self {
        Self {
            header: Header { target_duration_s: rules.target_duration_s, part_target_micros, form: Form::Fmp4 },
            blocks: Arc::default(),
            recent: Vec::new(),
            open: None,
            open_start_micros: 0,
            open_samples: 0,
            open_keyframes: Vec::new(),
            discontinuity_sequence,
            keyframe_sequence: first_msn.saturating_mul(KEYFRAMES_PER_SEGMENT),
            window_micros,
            in_ram,
            listed_micros: 0,
            next_msn: first_msn,
            ended: false,
            low_latency: true,
        }
    }

    /// An empty list of WebVTT segments; as [`Self::new`].
    #[must_use]
    pub fn of_captions(rules: Rules, first_msn: u64, discontinuity_sequence: u64, window_micros: i64) -> Self {
        let mut list = Self::new(rules, rules.part_target_micros, first_msn, discontinuity_sequence, window_micros, 0);
        list.header.form = Form::Webvtt;
        list
    }

    /// The number that the next segment must have.
    #[must_use]
    pub fn next_msn(&self) -> u64 {
        self.next_msn
    }

    /// Finished segments, oldest first.
    #[must_use]
    pub fn segments(&self) -> impl DoubleEndedIterator<Item = &Segment> {
        self.blocks.iter().flat_map(|b| &b.segments).chain(self.recent.iter().map(|s| &**s))
    }

    /// Discontinuities so far, those of segments that have left included: DISCONTINUITY-SEQUENCE at the list's end.
    #[must_use]
    pub fn discontinuities(&self) -> u64 {
        let open = u64::from(self.open.as_ref().is_some_and(|o| o.discontinuity));
        self.discontinuity_sequence + self.segments().filter(|s| s.discontinuity).count() as u64 + open
    }

    /// Longer parts than told so far are coming. Never shrinks.
    pub fn raise_part_target(&mut self, micros: i64) {
        self.header.part_target_micros = self.header.part_target_micros.max(micros);
    }

    /// A segment begins, with initialisation segment `init`.
    pub fn open_segment(&mut self, start: &SegmentStart, init: u16) {
        debug_assert_eq!(start.msn, self.next_msn, "segments of a rendition go on by one");
        self.open = Some(OpenSegment {
            msn: start.msn,
            discontinuity: start.discontinuity,
            init,
            program_date_time: start.program_date_time,
            parts: Vec::new(),
        });
        self.open_samples = 0;
        self.open_keyframes.clear();
    }

    /// A part of the open segment is complete.
    pub fn add_part(&mut self, part: &Part) {
        let Some(open) = &mut self.open else { return };
        let offset = open.parts.last().map_or(0, |p| p.offset + u32::try_from(p.bytes.len()).unwrap_or(0));
        if open.parts.is_empty() {
            self.open_start_micros = part.start.micros();
        }
        self.open_samples += part.samples;
        self.open_keyframes
            .extend(part.keyframes.iter().map(|k| crate::segment::Keyframe { offset: k.offset + offset, ..*k }));
        open.parts.push(PartEntry {
            duration_micros: part.duration_micros(),
            independent: part.independent,
            offset,
            bytes: part.bytes.clone(),
        });
    }

    /// The open segment as it would be if it ended now.
    #[must_use]
    pub fn so_far(&self) -> Option<Segment> {
        let open = self.open.clone()?;
        let bytes = open.parts.iter().map(|p| p.bytes.len()).sum::<usize>();
        Some(Segment {
            msn: open.msn,
            discontinuity: open.discontinuity,
            init: open.init,
            program_date_time: open.program_date_time,
            start_micros: self.open_start_micros,
            duration_micros: open.parts.iter().map(|p| p.duration_micros).sum(),
            bytes: u32::try_from(bytes).unwrap_or(u32::MAX),
            samples: self.open_samples,
            location: None,
            keyframes: self.open_keyframes.iter().copied().collect(),
            parts: open.parts.into(),
            media: Bytes::new(),
        })
    }

    /// The open segment is complete; `location` is where it rests, if it does.
    pub fn close_segment(&mut self, location: Option<Location>) {
        let Some(mut segment) = self.so_far() else { return };
        self.open = None;
        segment.join();
        self.add_segment(Segment { location, ..segment });
    }

    /// Adds a finished segment: the open one, one read from an index, or a gap.
    pub fn add_segment(&mut self, segment: Segment) {
        self.next_msn = segment.msn + 1;
        self.listed_micros += segment.duration_micros;
        self.recent.push(Arc::new(segment));
        self.release_ram();
        self.keep_text();
        self.slide_window();
    }

    /// A recent segment that was added without a place is on the disk after all.
    pub fn locate(&mut self, msn: u64, location: Location) {
        if let Some(segment) = self.recent.iter_mut().find(|s| s.msn == msn)
            && !segment.parts.is_empty()
        {
            Arc::make_mut(segment).location = Some(location);
        }
    }

    /// Nothing will be added: the list ends here.
    pub fn end(&mut self) {
        self.ended = true;
        self.open = None;
    }

    /// It is a video's: whole segments only, from the first answer on.
    pub fn end_as_video(&mut self) {
        self.end();
        self.low_latency = false;
    }

    /// The version of now.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::new(Snapshot {
            header: self.header,
            blocks: Arc::clone(&self.blocks),
            recent: self.recent.clone(),
            open: self.open.clone(),
            discontinuity_sequence: self.discontinuity_sequence,
            keyframe_sequence: self.keyframe_sequence,
            next_msn: self.next_msn,
            ended: self.ended,
            low_latency: self.low_latency,
            full: OnceLock::new(),
            delta: OnceLock::new(),
            iframes: OnceLock::new(),
            rates: OnceLock::new(),
        })
    }

    /// Segments that are on disk give up their bytes when they are no longer recent; their parts stay listed. Others do so later, and become
    /// gaps.
    fn release_ram(&mut self) {
        if self.header.form == Form::Webvtt {
            return;
        }
        let keep_from = self.recent.len().saturating_sub(self.in_ram);
        let keep_unstored_from = self.recent.len().saturating_sub(UNSTORED_IN_RAM.max(self.in_ram));
        for (n, segment) in self.recent[..keep_from].iter_mut().enumerate() {
            if segment.media.is_empty() || (segment.location.is_none() && n >= keep_unstored_from) {
                continue;
            }
            let mut released = Segment::clone(segment);
            released.media = Bytes::new();
            for part in &mut released.parts {
                part.bytes = Bytes::new();
            }
            if released.location.is_none() {
                // Never reached the disk: from here on it is a gap.
                released.parts = Box::default();
            }
            *segment = Arc::new(released);
        }
    }

    fn keep_text(&mut self) {
        let skip_micros = i64::from(self.header.target_duration_s * (SKIP_UNTIL_TARGETS + 1)) * 1_000_000;
        let rest: i64 = self.recent.iter().skip(BLOCK_SEGMENTS).map(|s| s.duration_micros).sum();
        if self.recent.len() <= BLOCK_SEGMENTS + UNSTORED_IN_RAM.max(self.in_ram) || rest <= skip_micros {
            return;
        }
        let previous_init = self.blocks.last().and_then(|b| b.segments.last()).map(|s| s.init);
        let form = self.header.form;
        let kept_media = |s: &Segment| if form == Form::Webvtt { s.media.clone() } else { Bytes::new() };
        let segments: Vec<Segment> = self
            .recent
            .drain(..BLOCK_SEGMENTS)
            .map(|s| Segment { parts: Box::default(), media: kept_media(&s), ..Segment::clone(&s) })
            .collect();
        let end = segments.last().map_or(0, Segment::end_micros);
        let until = known_end(self.recent.iter().map(|s| &**s), end);
        let kept = Kept::new(&segments, previous_init, self.header, until);
        Arc::make_mut(&mut self.blocks).push(Arc::new(Block { segments, kept }));
    }

    fn slide_window(&mut self) {
        while let Some(oldest) = self.blocks.first() {
            let length: i64 = oldest.segments.iter().map(|s| s.duration_micros).sum();
            if self.listed_micros - length < self.window_micros {
                return;
            }
            self.listed_micros -= length;
            self.discontinuity_sequence += oldest.segments.iter().filter(|s| s.discontinuity).count() as u64;
            self.keyframe_sequence += iframe_entries(oldest);
            Arc::make_mut(&mut self.blocks).remove(0);
        }
    }
}

impl Snapshot {
    /// Finished segments, oldest first.
    #[must_use]
    pub fn segments(&self) -> impl DoubleEndedIterator<Item = &Segment> {
        self.blocks.iter().flat_map(|b| &b.segments).chain(self.recent.iter().map(|s| &**s))
    }

    /// How many finished segments are listed.
    #[must_use]
    pub fn len(&self) -> usize {
        self.blocks.iter().map(|b| b.segments.len()).sum::<usize>() + self.recent.len()
    }

    /// Nothing at all is listed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.blocks.is_empty() && self.recent.is_empty() && self.open.as_ref().is_none_or(|o| o.parts.is_empty())
    }

    /// MEDIA-SEQUENCE: the number of the first listed segment.
    #[must_use]
    pub fn media_sequence(&self) -> u64 {
        self.segments().next().map_or(self.next_msn, |s| s.msn)
    }

    /// DISCONTINUITY-SEQUENCE: discontinuities on the same URL before the first listed segment.
    #[must_use]
    pub fn discontinuity_sequence(&self) -> u64 {
        self.discontinuity_sequence
    }

    /// The finished segment with this number.
    #[must_use]
    pub fn segment(&self, msn: u64) -> Option<&Segment> {
        if let Some(first) = self.recent.first()
            && msn >= first.msn
        {
            return self.recent.get(usize::try_from(msn - first.msn).ok()?).map(|s| &**s);
        }
        let at = self.blocks.partition_point(|b| b.segments.last().is_some_and(|s| s.msn < msn));
        self.blocks.get(at)?.segments.iter().find(|s| s.msn == msn)
    }

    /// The last part there is: (segment, part). A finished segment counts with its last part. `None`: nothing yet.
    #[must_use]
    pub fn last_part(&self) -> Option<(u64, u32)> {
        if let Some(open) = self.open.as_ref().filter(|o| !o.parts.is_empty()) {
            return Some((open.msn, u32::try_from(open.parts.len() - 1).unwrap_or(u32::MAX)));
        }
        let last = self.recent.last()?;
        Some((last.msn, u32::try_from(last.parts.len().saturating_sub(1)).unwrap_or(u32::MAX)))
    }

    /// Where it stands, for the playlists beside it; `uri` is its own, relative to theirs. `None`: nothing yet.
    #[must_use]
    pub fn report(&self, uri: String) -> Option<Report> {
        let (last_msn, part) = self.last_part()?;
        Some(Report { uri, last_msn, last_part: (self.header.form == Form::Fmp4).then_some(part) })
    }

    /// The part that comes next: (segment, part).
    #[must_use]
    pub fn next_part(&self) -> (u64, u32) {
        match &self.open {
            Some(open) => (open.msn, u32::try_from(open.parts.len()).unwrap_or(u32::MAX)),
            None => (self.next_msn, 0),
        }
    }

    /// The part with this number, if it is still kept as a part.
    #[must_use]
    pub fn part(&self, msn: u64, number: u32) -> Option<(&PartEntry, Option<&Segment>)> {
        let number = usize::try_from(number).ok()?;
        if let Some(open) = self.open.as_ref().filter(|o| o.msn == msn) {
            return open.parts.get(number).map(|p| (p, None));
        }
        let segment = self.segment(msn)?;
        segment.parts.get(number).map(|p| (p, Some(segment)))
    }

    /// Media time where the list ends, microseconds.
    #[must_use]
    pub fn end_micros(&self) -> i64 {
        self.segments().next_back().map_or(0, Segment::end_micros)
    }
}
