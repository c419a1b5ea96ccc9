//! The audio rendition of a live: frames on an exact grid of samples, silence where the source sends none,
//! boundaries taken over from the leading track.
//!
//! Sources stamp audio in rounded milliseconds, stop sending it, or begin late; players want a rendition without
//! holes whose segments begin where the video's do.
//!
//! Sound that an engine makes comes later than what it is made of: where a span has ended meanwhile, its last frames are still waited for,
//! and what comes behind them waits for the segment that begins the next span.

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
/// Frames kept for a configuration or a span that has not begun yet: 5 s at 48 kHz and some. The oldest make room.
const MAX_UPCOMING_FRAMES: usize = 320;
/// An engine's times went through nanoseconds and samples: by so much a frame may lie before the end of a span that it comes behind.
const ROUNDING_MICROS: i64 = 1_000;

#[derive(Debug)]
pub(super) struct AudioTrack {
    rendition: RenditionId,
    current: Option<Current>,
    upcoming: Option<Upcoming>,
    marks: VecDeque<Mark>,
    /// Frames that come behind the end of a span, until the next one begins.
    behind: VecDeque<(i64, Bytes)>,
    /// A span has ended, and none has begun since.
    between: bool,
    /// What comes before this belongs to a span that is closed.
    closed_until: i64,
    patience: i64,
    /// An engine makes it: what it is made of is placed before there is a word of it.
    made: bool,
    late_run: u32,
    dropped: u64,
}

#[derive(Debug)]
enum Mark {
    Boundary(Boundary),
    /// The span is over here, microseconds.
    SpanEnd(i64),
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
            marks: VecDeque::new(),
            behind: VecDeque::new(),
            between: false,
            closed_until: i64::MIN,
            patience: patience_micros,
            made: false,
            late_run: 0,
            dropped: 0,
        }
    }

    /// One that an engine makes: its first segment waits for the engine's first frame, as long as its patience lasts.
    pub(super) fn made(rendition: RenditionId, patience_micros: i64) -> Self {
        Self { made: true, ..Self::new(rendition, patience_micros) }
    }

    /// One that viewers know already, whose next segment is `next_msn`.
    pub(super) fn resume(rendition: RenditionId, patience_micros: i64, aac: &Arc<Aac>, next_msn: u64) -> Self {
        let assembler = Assembler::new(rendition, aac.timescale(), next_msn);
        let frame = i64::from(aac.samples_per_frame());
        let current = Some(Current { aac: Arc::clone(aac), assembler, grid: None, frame });
        Self { current, ..Self::made(rendition, patience_micros) }
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
        let is_behind = self.between || self.span_end_micros().is_some_and(|end| at_micros >= end - ROUNDING_MICROS);
        let Some(current) = &mut self.current else { return };
        if at_micros < self.closed_until.saturating_sub(ROUNDING_MICROS) {
            self.dropped += 1;
            return;
        }
        if is_behind {
            self.hold(at_micros, payload);
            return;
        }
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

    fn hold(&mut self, at_micros: i64, payload: Bytes) {
        self.behind.push_back((at_micros, payload));
        if self.behind.len() > MAX_UPCOMING_FRAMES {
            self.behind.pop_front();
            self.dropped += 1;
        }
    }

    /// Where the first span ends that is not closed yet.
    fn span_end_micros(&self) -> Option<i64> {
        self.marks.iter().find_map(|mark| if let Mark::SpanEnd(at) = mark { Some(*at) } else { None })
    }

    pub(super) fn boundary(&mut self, boundary: Boundary) {
        self.marks.push_back(Mark::Boundary(boundary));
    }

    /// The span ends at `at_micros`; unlike [`Self::finish`], with what still comes of it.
    pub(super) fn span_end(&mut self, at_micros: i64) {
        self.marks.push_back(Mark::SpanEnd(at_micros));
    }

    /// Writes every part whose end is reached, or given up on because the leading track is at `lead_micros` already. An end is reached when
    /// the frames before it are there, or one from behind the span that it is of.
    pub(super) fn advance(&mut self, lead_micros: i64, out: &mut Vec<Event>) -> Result<(), cmaf::Error> {
        while let Some(mark) = self.marks.front() {
            let at = match mark {
                Mark::Boundary(boundary) => boundary.at_micros,
                Mark::SpanEnd(at) => *at,
            };
            let next_begins =
                || self.upcoming.as_ref().and_then(|u| u.frames.back()).is_some_and(|(next, _)| *next >= at);
            let is_patient = lead_micros.saturating_sub(at) < self.patience;
            if self.made && self.current.is_none() && is_patient && !next_begins() {
                return Ok(());
            }
            let passed = !self.behind.is_empty() || (matches!(mark, Mark::SpanEnd(_)) && next_begins());
            let open = self.current.as_mut().filter(|c| c.assembler.is_open());
            if let Some(current) = open
                && !current.reaches(at)
            {
                if !passed && is_patient {
                    return Ok(());
                }
                current.fill_until(at);
            }
            match self.marks.pop_front() {
                Some(Mark::Boundary(boundary)) => self.cross(&boundary, out)?,
                Some(Mark::SpanEnd(at)) => self.leave(at, out)?,
                None => break,
            }
        }
        Ok(())
    }

    /// A span that ends at `at_micros` is left: all of it that will be there is.
    fn leave(&mut self, at_micros: i64, out: &mut Vec<Event>) -> Result<(), cmaf::Error> {
        self.close(at_micros, i64::MAX, out)?;
        self.between = true;
        self.closed_until = at_micros;
        if let Some(upcoming) = &mut self.upcoming {
            let before = upcoming.frames.partition_point(|(at, _)| *at < at_micros - ROUNDING_MICROS);
            upcoming.frames.drain(..before);
            self.dropped += before as u64;
        }
        Ok(())
    }

    /// Takes the frames that waited for the segment at `at_micros`, which begins a span, and leaves those of later spans. What lies between
    /// two spans is of neither.
    fn take_held(&mut self, at_micros: i64) -> VecDeque<(i64, Bytes)> {
        self.between = false;
        let until = self.span_end_micros().map_or(i64::MAX, |end| end - ROUNDING_MICROS);
        let later = self.behind.split_off(self.behind.partition_point(|(at, _)| *at < until));
        let mut held = std::mem::replace(&mut self.behind, later);
        let frame = self.current.as_ref().map_or(0, |c| Timestamp::new(c.frame, c.assembler.scale()).micros());
        let between = held.partition_point(|(at, _)| *at < at_micros - frame);
        held.drain(..between);
        self.dropped += between as u64;
        held
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
        let held = if self.between { self.take_held(boundary.at_micros) } else { VecDeque::new() };
        // Frames of the configuration in force come before those of the next one.
        if (segment.discontinuity || self.current.is_none())
            && held.is_empty()
            && self.behind.is_empty()
            && let Some(upcoming) = self.upcoming.take()
        {
            let aac = upcoming.aac;
            let parameters = Parameters::Audio(Arc::clone(&aac));
            let bytes = cmaf::init_segment(&parameters)?;
            out.push(Event::Init { rendition: self.rendition, bytes, parameters });
            let assembler = Assembler::new(self.rendition, aac.timescale(), segment.msn);
            let frame = i64::from(aac.samples_per_frame());
            let mut current = Current { aac, assembler, grid: None, frame };
            let span_end = self.span_end_micros();
            for (at, payload) in upcoming.frames {
                if span_end.is_some_and(|end| at >= end - ROUNDING_MICROS) {
                    self.hold(at, payload);
                } else if at >= boundary.at_micros {
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
        for (at, payload) in held {
            if !current.place(at, payload) {
                self.dropped += 1;
            }
        }
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
        self.close(end_micros, part_micros, out)
    }

    fn close(&mut self, end_micros: i64, part_micros: i64, out: &mut Vec<Event>) -> Result<(), cmaf::Error> {
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
