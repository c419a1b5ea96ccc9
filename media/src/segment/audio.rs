//! The audio rendition of a live: frames on an exact grid of samples, silence where the source sends none,
//! boundaries taken over from the leading track.
//!
//! Sources stamp audio in rounded milliseconds, stop sending it, or begin late; players want a rendition without
//! holes whose segments begin where the video's do.

use super::assembler::{Assembler, Queued};
use super::boundary::Boundary;
use super::{Event, Part};
use crate::cmaf;
use crate::codec::aac::Aac;
use crate::rendition::RenditionId;
use crate::time::{Timestamp, WallTime};
use crate::track::Parameters;
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::Arc;

/// How far the leading track may be ahead of the source's own sound before what is missing is taken for silence. Raised by as much when
/// sound then still comes.
pub(super) const PATIENCE_MICROS: i64 = 1_000_000;
const MAX_PATIENCE_MICROS: i64 = 5_000_000;
/// Late frames in a row that show that audio is slow, not gone.
const LATE_FRAMES_RAISE_PATIENCE: u32 = 3;
/// Frames kept for a configuration that has not begun yet: 5 s at 48 kHz and some.
const MAX_UPCOMING_FRAMES: usize = 320;

#[derive(Debug)]
pub(super) struct AudioTrack {
    rendition: RenditionId,
    current: Option<Current>,
    upcoming: Option<Upcoming>,
    boundaries: VecDeque<Boundary>,
    patience: i64,
    late_run: u32,
    dropped: u64,
}

#[derive(Debug)]
struct Current {
    aac: Arc<Aac>,
    assembler: Assembler,
    /// Where the next frame begins, in samples; `None` until the span's first frame.
    grid: Option<i64>,
    frame: i64,
}

#[derive(Debug)]
struct Upcoming {
    aac: Arc<Aac>,
    frames: VecDeque<(i64, Bytes)>,
}

impl AudioTrack {
    /// `patience_micros`: how far the leading track may be ahead before what is missing is taken for silence.
    pub(super) fn new(rendition: RenditionId, patience_micros: i64) -> Self {
        Self {
            rendition,
            current: None,
            upcoming: None,
            boundaries: VecDeque::new(),
            patience: patience_micros,
            late_run: 0,
            dropped: 0,
        }
    }

    /// One that viewers know already, whose next segment is `next_msn`.
    pub(super) fn resume(rendition: RenditionId, patience_micros: i64, aac: &Arc<Aac>, next_msn: u64) -> Self {
        let assembler = Assembler::new(rendition, aac.timescale(), next_msn);
        let frame = i64::from(aac.samples_per_frame());
        let current = Some(Current { aac: Arc::clone(aac), assembler, grid: None, frame });
        Self { current, ..Self::new(rendition, patience_micros) }
    }

    pub(super) fn set_patience(&mut self, micros: i64) {
        self.patience = micros;
    }

    /// Whether viewers know it.
    pub(super) fn has_begun(&self) -> bool {
        self.current.is_some()
    }

    /// Whether a change of configuration waits for a segment that begins with a discontinuity.
    pub(super) fn wants_discontinuity(&self) -> bool {
        self.upcoming.is_some() && self.current.as_ref().is_some_and(|c| c.assembler.is_open())
    }

    /// Frames that came too late to be used.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// A configuration; takes effect at the next segment.
    pub(super) fn configure(&mut self, aac: &Arc<Aac>) {
        let same = |a: &Arc<Aac>| a == aac;
        if self.current.as_ref().is_some_and(|c| same(&c.aac)) {
            self.upcoming = None;
        } else if !self.upcoming.as_ref().is_some_and(|u| same(&u.aac)) {
            self.upcoming = Some(Upcoming { aac: Arc::clone(aac), frames: VecDeque::new() });
        }
    }

    pub(super) fn push(&mut self, at_micros: i64, payload: Bytes) {
        if let Some(upcoming) = &mut self.upcoming {
            upcoming.frames.push_back((at_micros, payload));
            if upcoming.frames.len() > MAX_UPCOMING_FRAMES {
                upcoming.frames.pop_front();
            }
            return;
        }
        let Some(current) = &mut self.current else { return };
        if current.place(at_micros, payload) {
            self.late_run = 0;
        } else {
            self.dropped += 1;
            self.late_run += 1;
            if self.late_run >= LATE_FRAMES_RAISE_PATIENCE {
                self.late_run = 0;
                self.patience = (self.patience + PATIENCE_MICROS).min(MAX_PATIENCE_MICROS);
            }
        }
    }

    pub(super) fn boundary(&mut self, boundary: Boundary) {
        self.boundaries.push_back(boundary);
    }

    /// Writes every part whose end is reached, or given up on because the leading track is at `lead_micros` already.
    pub(super) fn advance(&mut self, lead_micros: i64, out: &mut Vec<Event>) -> Result<(), cmaf::Error> {
        while let Some(boundary) = self.boundaries.front() {
            let at = boundary.at_micros;
            let open = self.current.as_mut().filter(|c| c.assembler.is_open());
            if let Some(current) = open
                && !current.reaches(at)
            {
                if lead_micros - at < self.patience {
                    return Ok(());
                }
                current.fill_until(at);
            }
            let Some(boundary) = self.boundaries.pop_front() else { break };
            self.cross(&boundary, out)?;
        }
        Ok(())
    }

    fn cross(&mut self, boundary: &Boundary, out: &mut Vec<Event>) -> Result<(), cmaf::Error> {
        if let Some(current) = self.current.as_mut().filter(|c| c.assembler.is_open()) {
            let at = current.ticks(boundary.at_micros);
            let end = current.grid.unwrap_or(at);
            current.assembler.write_part(at, end, out)?;
            if boundary.segment.is_some() {
                let end = current.assembler.first_ticks().unwrap_or(end);
                current.assembler.close(end, out);
            }
        }
        let Some(segment) = &boundary.segment else { return Ok(()) };
        if (segment.discontinuity || self.current.is_none())
            && let Some(upcoming) = self.upcoming.take()
        {
            let aac = upcoming.aac;
            let parameters = Parameters::Audio(Arc::clone(&aac));
            let bytes = cmaf::init_segment(&parameters)?;
            out.push(Event::Init { rendition: self.rendition, bytes, parameters });
            let assembler = Assembler::new(self.rendition, aac.timescale(), segment.msn);
            let frame = i64::from(aac.samples_per_frame());
            let mut current = Current { aac, assembler, grid: None, frame };
            for (at, payload) in upcoming.frames {
                if at >= boundary.at_micros {
                    current.place(at, payload);
                }
            }
            self.current = Some(current);
        }
        let Some(current) = &mut self.current else { return Ok(()) };
        let nominal = current.ticks(boundary.at_micros);
        let begins = current.assembler.first_ticks().or(current.grid).unwrap_or(nominal);
        let late = Timestamp::new(begins - nominal, current.assembler.scale()).micros();
        let pdt = segment.program_date_time.plus_micros(late.clamp(0, 100_000));
        current.assembler.open(segment.msn, begins.max(nominal), segment.discontinuity, pdt, out);
        Ok(())
    }

    /// The span is over at `end_micros`: fills up to there, writes all there is and closes the segment.
    /// Parts stay within `part_micros`.
    pub(super) fn finish(
        &mut self,
        end_micros: i64,
        part_micros: i64,
        out: &mut Vec<Event>,
    ) -> Result<(), cmaf::Error> {
        self.advance(i64::MAX, out)?;
        self.upcoming = None;
        let Some(current) = &mut self.current else { return Ok(()) };
        if current.assembler.is_open() {
            current.fill_until(end_micros);
            let end = current.grid.unwrap_or_else(|| current.ticks(end_micros));
            let part = Timestamp::from_micros(part_micros, current.assembler.scale()).ticks().max(current.frame);
            while let Some(first) = current.assembler.first_ticks() {
                current.assembler.write_part((first + part - current.frame + 1).min(end), end, out)?;
            }
            current.assembler.close(end, out);
        }
        current.grid = None;
        self.late_run = 0;
        Ok(())
    }
}

impl Current {
    fn ticks(&self, micros: i64) -> i64 {
        Timestamp::from_micros(micros, self.assembler.scale()).ticks()
    }

    /// Whether all frames before `at_micros` are there.
    fn reaches(&self, at_micros: i64) -> bool {
        self.grid.is_some_and(|g| g >= self.ticks(at_micros))
    }

    /// Puts a frame on the grid. `false`: it came after its place was filled.
    fn place(&mut self, at_micros: i64, payload: Bytes) -> bool {
        let at = self.ticks(at_micros);
        let grid = self.grid.unwrap_or(at);
        let off = at - grid;
        // Rounding and jitter stay below one frame and a half; beyond it the clock has drifted or frames are missing.
        let tolerance = self.frame * 3 / 2;
        if off < -tolerance {
            return false;
        }
        if off > tolerance {
            self.grid = Some(grid);
            if self.aac.silence().is_some() {
                self.fill_ticks(at - self.frame / 2);
            } else {
                self.grid = Some(at);
            }
        }
        let dts_ticks = self.grid.unwrap_or(at);
        self.assembler.push(Queued { dts_ticks, cts_ticks: 0, keyframe: true, payload });
        self.grid = Some(dts_ticks + self.frame);
        true
    }

    fn fill_until(&mut self, at_micros: i64) {
        let at = self.ticks(at_micros);
        self.fill_ticks(at);
    }

    /// Silence until the grid reaches `at`; where none is known for this configuration, nothing (a gap).
    fn fill_ticks(&mut self, at: i64) {
        let Some(silence) = self.aac.silence() else { return };
        // A span without any audio yet begins where its segment does.
        let mut grid = self.grid.or(self.assembler.open_ticks()).unwrap_or(at - self.frame);
        // Holes lie between boundaries, which are near: a minute of frames bounds what a wrong clock could ask for.
        let most = at.saturating_sub(self.frame * 3_000);
        grid = grid.max(most);
        while grid < at {
            self.assembler.push(Queued { dts_ticks: grid, cts_ticks: 0, keyframe: true, payload: silence.clone() });
            grid += self.frame;
        }
        self.grid = Some(grid);
    }
}

/// Parts of silence for one segment of `from_micros..to_micros`, for a rendition that begins after the live did.
/// Empty when no silence is known for the configuration.
///
/// # Errors
/// As [`cmaf::write_fragment`].
pub fn silent_segment(
    rendition: RenditionId,
    aac: &Aac,
    msn: u64,
    from_micros: i64,
    to_micros: i64,
) -> Result<Option<Part>, cmaf::Error> {
    let Some(silence) = aac.silence() else { return Ok(None) };
    let frame = i64::from(aac.samples_per_frame());
    // On the grid of whole frames counted from zero, so that neighbours meet exactly.
    let on_grid = |micros| Timestamp::from_micros(micros, aac.timescale()).ticks().div_euclid(frame) * frame;
    let (from, to) = (on_grid(from_micros), on_grid(to_micros));
    let mut assembler = Assembler::new(rendition, aac.timescale(), msn);
    let mut events = Vec::new();
    assembler.open(msn, from, false, WallTime::default(), &mut events);
    let mut at = from;
    while at < to {
        assembler.push(Queued { dts_ticks: at, cts_ticks: 0, keyframe: true, payload: silence.clone() });
        at += frame;
    }
    assembler.write_part(to, to, &mut events)?;
    Ok(events.into_iter().find_map(|e| if let Event::Part(p) = e { Some(p) } else { None }))
}
