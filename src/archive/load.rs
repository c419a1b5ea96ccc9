//! A recording's index → what its playlists list.

use super::layout::Layout;
use super::{Error, at, damaged};
use bytes::Bytes;
use media::cmaf;
use media::origin::entry::{Location, PartEntry, Segment};
use media::rendition::RenditionId;
use media::segment::index::{self, Begin, PartRecord, Record};
use media::segment::{Keyframe, Rules};
use media::time::{Timestamp, WallTime};
use media::track::Parameters;
use std::collections::BTreeMap;
use std::path::Path;

/// Everything an index says.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// What the recording is.
    pub begin: Begin,
    /// Its renditions, the leading one first.
    pub tracks: BTreeMap<RenditionId, Track>,
    /// It was completed.
    pub ended: bool,
}

/// One rendition of a recording.
#[derive(Clone, Debug, Default)]
pub struct Track {
    /// Decoder configurations with their initialisation segments, by number.
    pub inits: Vec<(Parameters, Bytes)>,
    /// Finished segments, by number without holes. The last ones know their parts: a live that goes on lists them as before, and what
    /// reports say of its edge stays true.
    pub segments: Vec<Segment>,
    /// Number of the next media file.
    pub next_file: u16,
    /// The longest part, microseconds, the last ones of their segments aside: what fills a segment or ends in a hole may be longer than
    /// PART-TARGET, and is not listed.
    pub longest_part_micros: i64,
    open: Option<Open>,
    file: u16,
}

/// Segments that keep their parts: more than are listed with them (three target durations), unless they are unusually short.
const SEGMENTS_WITH_PARTS: usize = 16;

#[derive(Clone, Debug)]
struct Open {
    segment: Segment,
    parts: Vec<PartEntry>,
    whole: bool,
}

impl Loaded {
    /// The rules to go on with where `wanted` are configured now: its playlists have told TARGETDURATION, and say it again.
    #[must_use]
    pub fn rules(&self, wanted: Rules) -> Rules {
        Rules { target_duration_s: self.begin.target_duration_s, ..wanted }
    }

    /// Segments of the leading rendition that has some: all others are cut like it.
    #[must_use]
    pub fn lead_segments(&self) -> &[Segment] {
        self.tracks.values().map(|track| &track.segments[..]).find(|segments| !segments.is_empty()).unwrap_or_default()
    }

    fn track(&mut self, rendition: RenditionId) -> &mut Track {
        self.tracks.entry(rendition).or_default()
    }

    /// Length of what can be played, microseconds: the sum of its segments, so that holes do not count.
    #[must_use]
    pub fn duration_micros(&self) -> i64 {
        let length = |t: &Track| t.segments.iter().map(|s| s.duration_micros).sum();
        self.tracks.values().map(length).max().unwrap_or(0)
    }

    /// The number after the last segment's.
    #[must_use]
    pub fn next_msn(&self) -> u64 {
        let next = |t: &Track| t.segments.last().map_or(self.begin.first_msn, |s| s.msn + 1);
        self.tracks.values().map(next).max().unwrap_or(self.begin.first_msn)
    }

    /// Discontinuities up to the end of it, on the same URL.
    #[must_use]
    pub fn next_discontinuity(&self) -> u64 {
        let count = |t: &Track| t.segments.iter().filter(|s| s.discontinuity).count() as u64;
        self.begin.first_discontinuity + self.tracks.values().map(count).max().unwrap_or(0) + 1
    }

    /// Where its media time ends, microseconds.
    #[must_use]
    pub fn end_micros(&self) -> i64 {
        self.tracks.values().map(|t| t.segments.last().map_or(0, Segment::end_micros)).max().unwrap_or(0)
    }

    /// When its last segment ended.
    #[must_use]
    pub fn ended_at(&self) -> WallTime {
        let end = |t: &Track| t.segments.last().map(|s| s.program_date_time.plus_micros(s.duration_micros));
        self.tracks.values().filter_map(end).max().unwrap_or(self.begin.origin)
    }
}

/// Reads the index of video `id`. Blocking.
///
/// # Errors
/// When it can't be read or has no beginning.
pub fn load(layout: &Layout, id: &str) -> Result<Loaded, Error> {
    let path = layout.index(id);
    let log = std::fs::read(&path).map_err(at(&path))?;
    let records: Vec<Record> = index::read(&log).into_iter().map(|(r, _)| r).collect();
    assemble(&path, records)
}

/// Puts records together.
pub(super) fn assemble(path: &Path, records: impl IntoIterator<Item = Record>) -> Result<Loaded, Error> {
    let mut records = records.into_iter();
    let Some(Record::Begin(begin)) = records.next() else { return Err(damaged(path, "it has no beginning")) };
    let mut loaded = Loaded { begin, tracks: BTreeMap::new(), ended: false };
    for record in records {
        match record {
            Record::Begin(_) => return Err(damaged(path, "it begins twice")),
            Record::Init { rendition, parameters } => {
                let bytes = cmaf::init_segment(&parameters).map_err(|e| damaged(path, e))?;
                loaded.track(rendition).inits.push((parameters, bytes));
            }
            Record::File { rendition, file, .. } => {
                let track = loaded.track(rendition);
                track.file = file;
                track.next_file = file + 1;
            }
            Record::Segment { rendition, msn, discontinuity, init, program_date_time } => {
                let track = loaded.track(rendition);
                let numbers = track.segments.first().zip(track.segments.last()).map(|(a, b)| a.msn..=b.msn + 1);
                if numbers.is_some_and(|numbers| !numbers.contains(&msn)) {
                    return Err(damaged(path, format!("segment {msn} does not follow its predecessor")));
                }
                track.open = Some(Open::new(msn, discontinuity, init, program_date_time));
            }
            Record::Part(part) => loaded.track(part.rendition).add(&part),
            Record::SegmentEnd(rendition) => loaded.track(rendition).close(),
            Record::End => loaded.ended = true,
            Record::Remove(rendition) => {
                let track = loaded.track(rendition);
                (track.segments, track.open) = (Vec::new(), None);
            }
        }
    }
    Ok(loaded)
}

impl Track {
    /// The one with this number.
    #[must_use]
    pub fn segment(&self, msn: u64) -> Option<&Segment> {
        let first = self.segments.first()?.msn;
        self.segments.get(usize::try_from(msn.checked_sub(first)?).ok()?)
    }

    /// Whether a segment was begun and not finished, and holds something.
    pub(super) fn is_open(&self) -> bool {
        self.open.as_ref().is_some_and(|open| !open.parts.is_empty())
    }

    fn add(&mut self, part: &PartRecord) {
        let file = self.file;
        let duration = Timestamp::new(i64::from(part.duration_ticks), part.start.scale()).micros();
        let Some(open) = &mut self.open else { return };
        let before = open.parts.last().map_or(0, |p| p.duration_micros);
        self.longest_part_micros = self.longest_part_micros.max(before);
        open.parts.push(PartEntry {
            duration_micros: duration,
            independent: part.independent,
            offset: open.segment.bytes,
            bytes: Bytes::new(),
        });
        let segment = &mut open.segment;
        if segment.samples == 0 && segment.duration_micros == 0 {
            segment.start_micros = part.start.micros();
        }
        if part.bytes == 0 {
            open.whole = false;
        } else if segment.location.is_none() {
            segment.location = Some(Location { file, offset: part.offset });
        }
        let inside = segment.bytes;
        let keyframes = part.keyframes.iter().map(|k| Keyframe { offset: k.offset + inside, ..*k });
        segment.keyframes = segment.keyframes.iter().copied().chain(keyframes).collect();
        segment.bytes += part.bytes;
        segment.samples += part.samples;
        segment.duration_micros += duration;
    }

    /// One that a crash left without any part was never listed: its number is the next segment's.
    pub(super) fn close(&mut self) {
        let Some(Open { mut segment, parts, whole }) = self.open.take().filter(|open| !open.parts.is_empty()) else {
            return;
        };
        if whole {
            segment.parts = parts.into();
        } else {
            segment.location = None;
            segment.bytes = 0;
        }
        let place = self.segments.first().and_then(|first| usize::try_from(segment.msn - first.msn).ok());
        if let Some(gap) = place.and_then(|n| self.segments.get_mut(n)) {
            segment.parts = Box::default();
            *gap = segment;
            return;
        }
        self.segments.push(segment);
        let old = self.segments.len().checked_sub(SEGMENTS_WITH_PARTS + 1);
        if let Some(old) = old.and_then(|n| self.segments.get_mut(n)) {
            old.parts = Box::default();
        }
    }
}

impl Open {
    fn new(msn: u64, discontinuity: bool, init: u16, program_date_time: WallTime) -> Self {
        let segment = Segment {
            msn,
            discontinuity,
            init,
            program_date_time,
            start_micros: 0,
            duration_micros: 0,
            bytes: 0,
            samples: 0,
            location: None,
            keyframes: Box::default(),
            parts: Box::default(),
            media: Bytes::new(),
        };
        Self { segment, parts: Vec::new(), whole: true }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use media::time::Timescale;

    const SOURCE: RenditionId = RenditionId::Source;

    fn part(number: i64, millis: u32) -> Record {
        Record::Part(PartRecord {
            rendition: SOURCE,
            independent: true,
            offset: 0,
            bytes: 10,
            crc: 0,
            samples: 1,
            start: Timestamp::new(10_000 + number * 500, Timescale::MILLIS),
            duration_ticks: millis,
            keyframes: Vec::new(),
        })
    }

    fn loaded(parts: impl IntoIterator<Item = Record>) -> Loaded {
        let begin = Begin { origin: WallTime::default(), first_msn: 3, first_discontinuity: 0, target_duration_s: 4 };
        let program_date_time = WallTime::default();
        let segment = Record::Segment { rendition: SOURCE, msn: 3, discontinuity: false, init: 0, program_date_time };
        let records = [Record::Begin(begin), segment].into_iter().chain(parts);
        assemble(Path::new("index"), records.chain([Record::SegmentEnd(SOURCE)])).unwrap()
    }

    #[test]
    fn a_long_part_at_a_segments_end_does_not_make_later_parts_long() {
        assert_eq!(loaded([part(0, 520), part(1, 480), part(2, 1_700)]).tracks[&SOURCE].longest_part_micros, 520_000);
        assert_eq!(loaded([part(0, 2_000)]).tracks[&SOURCE].longest_part_micros, 0);
        assert_eq!(loaded([part(0, 1_000), part(2, 1_000)]).tracks[&SOURCE].longest_part_micros, 1_000_000);
    }

    #[test]
    fn a_segment_that_comes_again_after_the_end_takes_the_place_of_the_gap() {
        let program_date_time = WallTime::default();
        let begins = |msn| Record::Segment { rendition: SOURCE, msn, discontinuity: false, init: 0, program_date_time };
        let gap = |record| match record {
            Record::Part(part) => Record::Part(PartRecord { bytes: 0, samples: 0, ..part }),
            other => other,
        };
        let ends = Record::SegmentEnd(SOURCE);
        let live = [gap(part(0, 500)), ends.clone(), begins(4), part(1, 500), ends.clone(), Record::End];
        let gaps = |records: Vec<Record>| {
            let segments = &loaded(records).tracks[&SOURCE].segments;
            segments.iter().map(|s| (s.msn, s.is_gap())).collect::<Vec<_>>()
        };
        assert_eq!(gaps(live.to_vec()), [(3, true), (4, false)]);
        let begun = [&live[..], &[begins(3), part(0, 500)]].concat();
        assert_eq!(gaps([&begun[..], &[begins(4), gap(part(1, 500))]].concat()), [(3, true), (4, true)], "4 is closed");
        let filled = [&begun[..], std::slice::from_ref(&ends)].concat();
        assert_eq!(gaps(filled.clone()), [(3, false), (4, false)]);
        let removed = [&filled[..], &[Record::Remove(SOURCE), begins(9)]].concat();
        assert_eq!(gaps(removed), [], "and others may come");
    }

    #[test]
    fn the_last_segments_know_their_parts() {
        let track = &loaded([part(0, 500), part(1, 480)]).tracks[&SOURCE];
        let parts: Vec<_> = track.segments[0].parts.iter().map(|p| (p.offset, p.duration_micros)).collect();
        assert_eq!(parts, [(0, 500_000), (10, 480_000)]);
        let many = (4..40).flat_map(|msn| {
            let program_date_time = WallTime::default();
            let begins = Record::Segment { rendition: SOURCE, msn, discontinuity: false, init: 0, program_date_time };
            [Record::SegmentEnd(SOURCE), begins, part(0, 500)]
        });
        let track = &loaded(std::iter::once(part(0, 500)).chain(many)).tracks[&SOURCE];
        let with_parts = track.segments.iter().filter(|s| !s.parts.is_empty()).count();
        assert_eq!((with_parts, track.segments.len()), (SEGMENTS_WITH_PARTS, 37));
        assert!(!track.segments.last().unwrap().parts.is_empty());
    }

    #[test]
    fn a_live_that_goes_on_keeps_its_target_duration_whatever_is_configured_now() {
        let rules = loaded([part(0, 500)]).rules(Rules::new(3_000_000, 400_000));
        assert_eq!(
            (rules.target_duration_s, rules.segment_target_micros, rules.part_target_micros),
            (4, 3_000_000, 400_000)
        );
    }
}
