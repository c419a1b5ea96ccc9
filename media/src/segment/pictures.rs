//! Pictures that an engine made of the source's, cut where the source was cut.
//!
//! They come later than the source's, all at once after an engine was started again, or not at all. So a boundary is crossed when the
//! picture behind it is there, or given up on when the source is too far ahead: then the last picture stays until the segment's end, and a
//! segment without any is a gap. A rendition that has begun lists every segment that the source lists.

use super::assembler::{Assembler, Queued};
use super::boundary::{Boundary, SAME_PICTURE_TICKS, SegmentInfo};
use super::{Event, cmaf};
use crate::codec::h264::H264;
use crate::rendition::RenditionId;
use crate::time::{Timescale, Timestamp};
use crate::track::Parameters;
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::Arc;

/// How far the source may be ahead of an engine that works: to be started again and catch up takes one or two seconds. 90 kHz.
const PATIENCE_TICKS: i64 = 3 * 90_000;
/// Pictures that wait for the boundary behind them: 8 s at 60 fps. An engine does not run ahead of the source.
const MAX_WAITING: usize = 512;

/// A picture of an engine.
#[derive(Clone, Debug)]
pub(super) struct Picture {
    /// Decode time on the timeline, 90 kHz; grows.
    pub(super) dts_ticks: i64,
    /// Presentation time, 90 kHz.
    pub(super) pts_ticks: i64,
    /// Decoding can begin here.
    pub(super) keyframe: bool,
    /// As in [`crate::frame::Frame`].
    pub(super) payload: Bytes,
}

#[derive(Debug)]
enum Mark {
    Boundary(Boundary),
    SpanEnd(i64),
}

/// See the module.
#[derive(Debug)]
pub(super) struct Pictures {
    rendition: RenditionId,
    assembler: Option<Assembler>,
    current: Option<Arc<H264>>,
    /// Configuration of the pictures that come now.
    coming: Option<Arc<H264>>,
    waiting: VecDeque<Waiting>,
    marks: VecDeque<Mark>,
    /// What comes before this belongs to something that is closed.
    closed_until_ticks: i64,
    /// A picture is missing: nothing can be shown before the next keyframe.
    needs_keyframe: bool,
    /// A boundary of the open segment was given up on: the rest of it is one part.
    broken: bool,
    dropped: u64,
}

#[derive(Debug)]
struct Waiting {
    picture: Picture,
    /// Set where the configuration changes.
    begins: Option<Arc<H264>>,
}

impl Pictures {
    /// Nothing yet.
    pub(super) fn new(rendition: RenditionId) -> Self {
        Self {
            rendition,
            assembler: None,
            current: None,
            coming: None,
            waiting: VecDeque::new(),
            marks: VecDeque::new(),
            closed_until_ticks: i64::MIN,
            needs_keyframe: true,
            broken: false,
            dropped: 0,
        }
    }

    /// One that viewers know already, whose next segment is `next_msn`.
    pub(super) fn resume(rendition: RenditionId, h264: &Arc<H264>, next_msn: u64) -> Self {
        Self {
            assembler: Some(Assembler::new(rendition, Timescale::VIDEO, next_msn)),
            current: Some(Arc::clone(h264)),
            ..Self::new(rendition)
        }
    }

    /// Whether it has begun: viewers know it.
    pub(super) fn has_begun(&self) -> bool {
        self.assembler.is_some()
    }

    /// Pictures that came too late, or without what they refer to.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// The pictures from here on need this configuration.
    pub(super) fn configure(&mut self, h264: &Arc<H264>) {
        self.coming = Some(Arc::clone(h264));
    }

    /// The next picture.
    pub(super) fn push(&mut self, picture: Picture) {
        let last = self.waiting.back().map(|w| w.picture.dts_ticks);
        let late = picture.pts_ticks < self.closed_until_ticks || last.is_some_and(|last| picture.dts_ticks <= last);
        let Some(coming) = self.coming.clone() else {
            self.dropped += 1;
            return;
        };
        let newest = self.waiting.iter().rev().find_map(|w| w.begins.as_ref()).or(self.current.as_ref());
        let begins = (newest != Some(&coming)).then_some(coming);
        if late || ((self.needs_keyframe || begins.is_some()) && !picture.keyframe) {
            self.needs_keyframe = true;
            self.dropped += 1;
            return;
        }
        self.needs_keyframe = false;
        self.waiting.push_back(Waiting { picture, begins });
        if self.waiting.len() > MAX_WAITING {
            self.waiting.pop_front();
            self.dropped += 1;
        }
    }

    /// The source begins a part or a segment.
    pub(super) fn boundary(&mut self, boundary: Boundary) {
        self.marks.push_back(Mark::Boundary(boundary));
    }

    /// The source's span ends at this presentation time, microseconds.
    pub(super) fn span_end(&mut self, at_micros: i64) {
        self.marks.push_back(Mark::SpanEnd(video_ticks(at_micros)));
    }

    /// Writes every part whose end is there, or is given up on because the source is at `lead_micros` already (`i64::MAX`: all of them).
    /// `awaited`: an engine is at work, so that what is missing is waited for.
    ///
    /// # Errors
    /// When a fragment or an initialisation segment can't be written.
    pub(super) fn advance(&mut self, lead_micros: i64, awaited: bool, out: &mut Vec<Event>) -> Result<(), cmaf::Error> {
        let lead = if lead_micros == i64::MAX { i64::MAX } else { video_ticks(lead_micros) };
        let patience = if awaited { PATIENCE_TICKS } else { 0 };
        while let Some(mark) = self.marks.front() {
            let told = match mark {
                Mark::Boundary(boundary) => boundary.picture_ticks,
                Mark::SpanEnd(at) => *at,
            };
            let there = self.waiting.back().is_some_and(|w| is_behind(&w.picture, told));
            if !there && lead.saturating_sub(told) < patience {
                return Ok(());
            }
            let at = self.shown_at(told);
            let Some(mark) = self.marks.pop_front() else { break };
            match mark {
                Mark::Boundary(Boundary { segment: None, .. }) => self.part(at, there, out)?,
                Mark::Boundary(Boundary { segment: Some(info), .. }) => {
                    self.close(at, out)?;
                    self.open(at, info, out)?;
                }
                Mark::SpanEnd(_) => self.close(at, out)?,
            }
        }
        Ok(())
    }

    /// The time of the picture that is meant by a boundary at `told`, or that itself where no picture is so near.
    fn shown_at(&self, told: i64) -> i64 {
        let first = self.waiting.iter().map(|w| &w.picture).find(|picture| is_behind(picture, told));
        first.map(|picture| picture.pts_ticks).filter(|pts| pts - told <= SAME_PICTURE_TICKS).unwrap_or(told)
    }

    /// A part ends at `at`; unless its end is missing, or something before it in the segment was.
    fn part(&mut self, at: i64, there: bool, out: &mut Vec<Event>) -> Result<(), cmaf::Error> {
        self.broken |= !there;
        if self.broken {
            return Ok(());
        }
        self.write(at, out)
    }

    /// Writes what waits before `at`.
    fn write(&mut self, at: i64, out: &mut Vec<Event>) -> Result<(), cmaf::Error> {
        let Some(assembler) = self.assembler.as_mut().filter(|a| a.is_open()) else { return Ok(()) };
        let mut begins = assembler.open_ticks();
        while let Some(next) = self.waiting.front().filter(|w| w.picture.pts_ticks < at) {
            if next.begins.is_some() {
                // Another configuration inside a segment: shown from the next one on.
                self.waiting.pop_front();
                self.dropped += 1;
                self.needs_keyframe = true;
                continue;
            }
            let Some(Waiting { picture, .. }) = self.waiting.pop_front() else { break };
            // Where pictures are missing, the next one is decoded early and shown in its time: the part has no hole.
            let dts_ticks = begins.take().map_or(picture.dts_ticks, |begins| picture.dts_ticks.min(begins));
            assembler.push(Queued {
                dts_ticks,
                cts_ticks: i32::try_from(picture.pts_ticks - dts_ticks).unwrap_or(0),
                keyframe: picture.keyframe,
                payload: picture.payload,
            });
        }
        assembler.write_part(i64::MAX, at, out)
    }

    fn close(&mut self, at: i64, out: &mut Vec<Event>) -> Result<(), cmaf::Error> {
        self.write(at, out)?;
        self.broken = false;
        self.closed_until_ticks = at;
        while self.waiting.front().is_some_and(|w| w.picture.pts_ticks < at) {
            // From before this rendition began.
            self.waiting.pop_front();
            self.dropped += 1;
        }
        if let Some(assembler) = &mut self.assembler {
            assembler.close(at, out);
        }
        Ok(())
    }

    fn open(&mut self, at: i64, info: SegmentInfo, out: &mut Vec<Event>) -> Result<(), cmaf::Error> {
        if let Some(h264) = self.waiting.front_mut().and_then(|w| w.begins.take()) {
            let parameters = Parameters::Video(Arc::clone(&h264));
            let bytes = cmaf::init_segment(&parameters)?;
            out.push(Event::Init { rendition: self.rendition, parameters, bytes });
            self.assembler = Some(Assembler::new(self.rendition, Timescale::VIDEO, info.msn));
            self.current = Some(h264);
        }
        if let Some(assembler) = &mut self.assembler {
            assembler.open(info.msn, at, info.discontinuity, info.program_date_time, out);
        }
        Ok(())
    }
}

/// Whether a picture stands on the far side of a boundary at `told`.
fn is_behind(picture: &Picture, told: i64) -> bool {
    picture.pts_ticks >= told - SAME_PICTURE_TICKS
}

fn video_ticks(micros: i64) -> i64 {
    Timestamp::from_micros(micros, Timescale::VIDEO).ticks()
}
