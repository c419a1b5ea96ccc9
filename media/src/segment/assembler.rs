//! One rendition's samples, gathered until a boundary and then written as a part.

use super::{Event, Keyframe, Part, SegmentStart};
use crate::cmaf::{self, Sample};
use crate::rendition::RenditionId;
use crate::time::{Timescale, Timestamp, WallTime};
use crate::track::Kind;
use bytes::Bytes;
use std::collections::VecDeque;

/// How far apart the `mfhd` numbers of two segments that open an assembler are: more parts than one has.
const PARTS_OF_A_SEGMENT: u32 = 64;

/// A sample that waits for its boundary.
#[derive(Clone, Debug)]
pub struct Queued {
    /// Decode time in the track's ticks, on the timeline.
    pub dts_ticks: i64,
    /// pts - dts in ticks.
    pub cts_ticks: i32,
    /// Decoding can begin here.
    pub keyframe: bool,
    /// As in [`crate::frame::Frame`].
    pub payload: Bytes,
}

/// Gathers the samples of one rendition. The caller decides the boundaries.
#[derive(Debug)]
pub struct Assembler {
    rendition: RenditionId,
    scale: Timescale,
    samples: VecDeque<Queued>,
    sequence: u32,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    msn: u64,
    next_part: u32,
    /// Where the next part begins if no sample says so.
    at_ticks: i64,
}

impl Assembler {
    /// An empty one, whose first segment is `msn`.
    #[must_use]
    pub fn new(rendition: RenditionId, scale: Timescale, msn: u64) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "mfhd numbers only have to grow; they may wrap")]
        let sequence = (msn as u32).wrapping_mul(PARTS_OF_A_SEGMENT);
        Self { rendition, scale, samples: VecDeque::new(), sequence, open: None }
    }

    /// The track's scale.
    #[must_use]
    pub fn scale(&self) -> Timescale {
        self.scale
    }

    /// Adds a sample; `dts_ticks` is greater than the last one's.
    pub fn push(&mut self, sample: Queued) {
        self.samples.push_back(sample);
    }

    /// Moves the samples that wait to the assembler that takes over with another configuration.
    pub fn hand_over(&mut self, to: &mut Self) {
        to.samples.append(&mut self.samples);
    }

    /// The first waiting sample's decode time.
    #[must_use]
    pub fn first_ticks(&self) -> Option<i64> {
        self.samples.front().map(|s| s.dts_ticks)
    }

    /// Whether a segment is open.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Where the next part of the open segment begins if no sample says so.
    #[must_use]
    pub fn open_ticks(&self) -> Option<i64> {
        self.open.as_ref().map(|open| open.at_ticks)
    }

    /// Opens segment `msn`, which begins at `at_ticks`.
    pub fn open(&mut self, msn: u64, at_ticks: i64, discontinuity: bool, pdt: WallTime, out: &mut Vec<Event>) {
        self.open = Some(Open { msn, next_part: 0, at_ticks });
        out.push(Event::SegmentStart(SegmentStart {
            rendition: self.rendition,
            msn,
            discontinuity,
            program_date_time: pdt,
        }));
    }

    /// Writes the samples before `until_ticks` as one part, if there are any. The last one lasts until the next
    /// sample there is, or until `end_ticks`.
    pub fn write_part(&mut self, until_ticks: i64, end_ticks: i64, out: &mut Vec<Event>) -> Result<(), cmaf::Error> {
        let count = self.samples.partition_point(|s| s.dts_ticks < until_ticks);
        let Some(open) = &mut self.open else { return Ok(()) };
        if count == 0 {
            return Ok(());
        }
        let end = self.samples.get(count).map_or(end_ticks, |s| s.dts_ticks);
        let start = self.samples[0].dts_ticks;
        let mut bytes = Vec::new();
        let mut keyframes = Vec::new();
        let mut independent = false;
        let mut taken: VecDeque<Queued> = self.samples.drain(..count).collect();
        // A fragment per keyframe, so that an I-frame's range begins with its own moof.
        while let Some(first) = taken.pop_front() {
            let (dts, keyframe) = (first.dts_ticks, first.keyframe);
            let mut fragment = Vec::with_capacity(taken.len() + 1);
            let mut sample = first;
            loop {
                let next = taken.front().map_or(end, |s| s.dts_ticks);
                let duration = u32::try_from(next - sample.dts_ticks).unwrap_or(0);
                let Queued { cts_ticks: cts, keyframe, payload, .. } = sample;
                fragment.push(Sample { duration, cts, keyframe, payload });
                match taken.pop_front_if(|s| self.rendition.kind() == Kind::Audio || !s.keyframe) {
                    Some(s) => sample = s,
                    None => break,
                }
            }
            let written = cmaf::write_fragment(&mut bytes, self.sequence, u64::try_from(dts).unwrap_or(0), &fragment)?;
            self.sequence = self.sequence.wrapping_add(1);
            independent |= keyframe;
            if keyframe && self.rendition.kind() == Kind::Video {
                let range = written.first_sample;
                keyframes.push(Keyframe {
                    offset: u32::try_from(range.start).unwrap_or(u32::MAX),
                    length: u32::try_from(range.len()).unwrap_or(u32::MAX),
                    time_micros: Timestamp::new(dts, self.scale).micros(),
                });
            }
        }
        out.push(Event::Part(Part {
            rendition: self.rendition,
            msn: open.msn,
            number: open.next_part,
            start: Timestamp::new(start, self.scale),
            samples: u32::try_from(count).unwrap_or(u32::MAX),
            duration_ticks: end - start,
            independent,
            keyframes,
            bytes: bytes.into(),
        }));
        open.next_part += 1;
        open.at_ticks = end;
        Ok(())
    }

    /// Closes the open segment. One that got no sample at all is given an empty part up to `end_ticks`: a gap.
    pub fn close(&mut self, end_ticks: i64, out: &mut Vec<Event>) {
        let Some(open) = self.open.take() else { return };
        if open.next_part == 0 {
            out.push(Event::Part(Part {
                rendition: self.rendition,
                msn: open.msn,
                number: 0,
                start: Timestamp::new(open.at_ticks, self.scale),
                samples: 0,
                duration_ticks: (end_ticks - open.at_ticks).max(1),
                independent: false,
                keyframes: Vec::new(),
                bytes: Bytes::new(),
            }));
        }
        out.push(Event::SegmentEnd { rendition: self.rendition, msn: open.msn });
    }
}
