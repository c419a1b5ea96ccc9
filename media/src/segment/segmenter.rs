//! Feed items in, segments out: one machine per live, which outlives its contributions.
//!
//! Promises:
//! - A span begins with a video keyframe (or with audio alone, when no video comes) and with both kinds' configurations.
//! - Changed parameters, a new clock and a new contribution begin a segment with a discontinuity.
//! - Segment numbers go on by one, whatever the source does; each kind has the same segments.

use super::assembler::{Assembler, Queued};
use super::audio::{self, AudioTrack};
use super::boundary::{Boundary, Placed, SegmentInfo};
use super::cutter::{Cut, Cutter};
use super::restamp::Restamper;
use super::timed::{Timed, video_ticks};
use super::wallclock::WallClock;
use super::{Event, Rules};
use crate::cmaf;
use crate::codec::h264::H264;
use crate::feed::Item;
use crate::frame::Frame;
use crate::rendition::RenditionId;
use crate::time::{Timescale, WallTime};
use crate::track::{Kind, Parameters};
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::Arc;

/// A span waits this long for the other track's configuration. Microseconds of media.
const WAIT_FOR_AUDIO_MICROS: i64 = 1_000_000;
const WAIT_FOR_VIDEO_MICROS: i64 = 1_500_000;
/// Most frames that wait for a span to begin: both waits at 60 fps, several times over.
const MAX_GATHERED: usize = 1024;
/// Audio this far ahead of the pictures means that the pictures stopped: the last keyframe is then repeated.
const VIDEO_PATIENCE_MICROS: i64 = 3_000_000;
/// A hole in all tracks that is longer than this ends the span: no segment may be so long. Microseconds.
const LONGEST_HOLE_MICROS: i64 = 4_000_000;
/// Distance of repeated keyframes, unless parts are shorter. Microseconds.
const REPEAT_EVERY_MICROS: i64 = 500_000;
/// The last repeat is at least this long before the picture that returns: RTMP's clock. Microseconds.
const REPEAT_BEFORE_MICROS: i64 = 1_000;
/// Frame distances above this are pauses, not a frame rate. Microseconds.
const LONGEST_STEP_MICROS: i64 = 1_000_000;

/// The machine.
#[derive(Debug)]
pub struct Segmenter {
    cutter: Cutter,
    restamp: Restamper,
    wall: WallClock,
    origin: WallTime,
    next_msn: u64,
    /// The next segment does not continue its predecessor.
    discontinuity: bool,
    /// A segment must begin at the next keyframe.
    must_cut: bool,
    state: State,
    video: Option<Video>,
    /// Parameters that take effect at the next keyframe.
    video_upcoming: Option<Arc<H264>>,
    audio: AudioTrack,
    audio_known: bool,
    end_micros: i64,
    latest_audio: i64,
    dropped: u64,
    /// For followers, when there are any.
    placed: Option<Vec<Placed>>,
}

#[derive(Debug)]
enum State {
    /// No span yet: frames wait for a keyframe and for the other track.
    Gathering(VecDeque<Timed>),
    /// Video leads.
    Video(VideoLead),
    /// There is no video: audio leads.
    Audio(AudioLead),
}

#[derive(Debug)]
struct VideoLead {
    /// pts - dts of the span's first keyframe: what separates decode time from presentation time.
    delay: i64,
    last: i64,
    last_keyframe: Bytes,
    /// Keyframes are being repeated; real frames need a keyframe to go on.
    repeating: bool,
}

#[derive(Debug)]
struct AudioLead {
    last: i64,
    step: i64,
}

#[derive(Debug)]
struct Video {
    h264: Arc<H264>,
    assembler: Assembler,
}

impl Segmenter {
    /// For a live whose media time was [`super::MEDIA_TIME_BASE_MICROS`] at `origin`. The first segment is `next_msn`;
    /// nothing is placed before `not_before_micros` (the end of what a live that goes on already has; 0 for a new one).
    /// `continues`: segments of this live exist, so the next one is a discontinuity.
    #[must_use]
    pub fn new(rules: Rules, origin: WallTime, next_msn: u64, not_before_micros: i64, continues: bool) -> Self {
        Self {
            cutter: Cutter::new(rules),
            restamp: Restamper::new(origin, not_before_micros),
            wall: WallClock::new(origin),
            origin,
            next_msn,
            discontinuity: continues,
            must_cut: false,
            state: State::Gathering(VecDeque::new()),
            video: None,
            video_upcoming: None,
            audio: AudioTrack::new(RenditionId::Audio, audio::PATIENCE_MICROS),
            audio_known: false,
            end_micros: not_before_micros,
            latest_audio: i64::MIN,
            dropped: 0,
            placed: None,
        }
    }

    /// From here on, what stands on the timeline is kept for [`Self::take_placed`].
    pub fn follow(&mut self) {
        self.placed.get_or_insert_default();
    }

    /// What was placed since the last call; nothing unless [`Self::follow`] was called.
    pub fn take_placed(&mut self) -> Vec<Placed> {
        self.placed.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Whether segments begin every [`Rules::segment_target_micros`] on whatever frame is there, because no viewer gets the source itself.
    pub fn cut_regularly(&mut self, regularly: bool) {
        self.cutter.cut_regularly(regularly);
    }

    /// Whether a segment had to begin without a keyframe, because the source's are too far apart.
    #[must_use]
    pub fn has_forced_cuts(&self) -> bool {
        self.cutter.has_forced_cuts()
    }

    /// The number of the next segment that will begin.
    #[must_use]
    pub fn next_msn(&self) -> u64 {
        self.next_msn
    }

    /// Longest part of the leading track, microseconds: what PART-TARGET must say for it.
    #[must_use]
    pub fn part_target_micros(&self) -> i64 {
        self.cutter.part_target_micros()
    }

    /// Timestamps repaired so far, over all contributions.
    #[must_use]
    pub fn repaired(&self) -> u64 {
        self.restamp.repaired()
    }

    /// Frames that could not be used so far: before the first keyframe, too late, or lost by a reader that lagged.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped + self.audio.dropped()
    }

    /// Where the timeline ends, microseconds of media.
    #[must_use]
    pub fn end_micros(&self) -> i64 {
        self.end_micros
    }

    /// Takes one item of the contribution's feed.
    ///
    /// # Errors
    /// When a fragment or an initialisation segment can't be written; the segmenter stays usable.
    pub fn push(&mut self, item: Item, out: &mut Vec<Event>) -> Result<(), cmaf::Error> {
        if let Item::Parameters(parameters) = &item {
            // Found out before anything depends on it: a segment that needs it would be numbered and never begin.
            cmaf::init_segment(parameters)?;
        }
        match item {
            Item::Parameters(Parameters::Video(h264)) => {
                if self.video.as_ref().is_some_and(|v| v.h264 == h264) {
                    self.video_upcoming = None;
                } else {
                    self.video_upcoming = Some(h264);
                    self.must_cut = true;
                }
                Ok(())
            }
            Item::Parameters(Parameters::Audio(aac)) => {
                self.audio_known = true;
                self.audio.configure(&aac);
                self.place(|| Placed::Parameters(Parameters::Audio(aac)));
                Ok(())
            }
            Item::Lagged(frames) => {
                self.dropped += frames;
                Ok(())
            }
            Item::Frame(frame) => self.frame(frame, out),
        }
    }

    fn frame(&mut self, frame: Frame, out: &mut Vec<Event>) -> Result<(), cmaf::Error> {
        let stamp = self.restamp.stamp(&frame);
        if stamp.new_span {
            self.wall.reset();
            self.must_cut = true;
            self.discontinuity = true;
        }
        self.wall.observe(stamp.dts_micros, frame.received);
        let timed = Timed {
            kind: frame.kind,
            dts: stamp.dts_micros,
            cts: stamp.cts_micros,
            keyframe: frame.keyframe,
            received: frame.received,
            payload: frame.payload,
        };
        if let Some(latest) = self.latest_micros()
            && timed.dts - latest > LONGEST_HOLE_MICROS
        {
            // Nothing came on either track: a segment can't span the hole.
            self.end_span(out)?;
            self.state = State::Gathering(VecDeque::new());
        }
        if let State::Gathering(_) = self.state { self.gather(timed, out) } else { self.run(timed, out) }
    }

    /// Holds a frame until a span can begin.
    fn gather(&mut self, timed: Timed, out: &mut Vec<Event>) -> Result<(), cmaf::Error> {
        let video_configured = self.video.is_some() || self.video_upcoming.is_some();
        let State::Gathering(waiting) = &mut self.state else { return Ok(()) };
        let has_keyframe = waiting.iter().any(|t| t.kind == Kind::Video);
        if timed.kind == Kind::Video && (!video_configured || (!timed.keyframe && !has_keyframe)) {
            self.dropped += 1;
            return Ok(());
        }
        waiting.push_back(timed);
        if waiting.len() > MAX_GATHERED {
            waiting.pop_front();
            self.dropped += 1;
        }
        let of = |kind: Kind| waiting.iter().filter(move |t| t.kind == kind);
        let video_span = of(Kind::Video).next().zip(of(Kind::Video).next_back());
        let audio_span = of(Kind::Audio).next().zip(of(Kind::Audio).next_back());
        let length = |span: Option<(&Timed, &Timed)>| span.map_or(0, |(a, b)| b.dts - a.dts);
        let begin = if video_span.is_some() {
            (self.audio_known && audio_span.is_some()) || length(video_span) >= WAIT_FOR_AUDIO_MICROS
        } else {
            // A camera's first keyframe can be a whole GOP away; without any video configuration audio goes alone.
            !video_configured && length(audio_span) >= WAIT_FOR_VIDEO_MICROS
        };
        if !begin {
            return Ok(());
        }
        let waiting = std::mem::take(waiting);
        self.begin(waiting, out)
    }

    /// Begins a span with the frames that waited.
    fn begin(&mut self, waiting: VecDeque<Timed>, out: &mut Vec<Event>) -> Result<(), cmaf::Error> {
        let lead = waiting.iter().find(|t| t.kind == Kind::Video).or(waiting.front()).cloned();
        let Some(lead) = lead else { return Ok(()) };
        self.cutter.begin(lead.dts);
        let delay = if lead.kind == Kind::Video { lead.cts } else { 0 };
        self.state = if lead.kind == Kind::Video {
            State::Video(VideoLead { delay, last: lead.dts, last_keyframe: Bytes::new(), repeating: false })
        } else {
            State::Audio(AudioLead { last: lead.dts, step: 0 })
        };
        let begins = Begins { at_micros: lead.dts, delay, picture_ticks: lead.pts_ticks() };
        self.start_segment(begins, true, out)?;
        let mut first = true;
        for timed in waiting {
            if timed.kind == Kind::Audio && timed.dts < lead.dts + delay {
                continue;
            }
            if timed.kind == lead.kind && first {
                first = false;
                self.queue(&timed);
                self.place(|| Placed::Frame(timed.placed(Some(timed.pts_ticks()))));
                if let State::Video(v) = &mut self.state {
                    v.last_keyframe = timed.payload;
                }
                continue;
            }
            self.run(timed, out)?;
        }
        self.audio.advance(lead.dts, out)
    }

    fn run(&mut self, timed: Timed, out: &mut Vec<Event>) -> Result<(), cmaf::Error> {
        match (&mut self.state, timed.kind) {
            (State::Gathering(_), _) => Ok(()),
            (State::Video(_), Kind::Video) => self.lead_video(timed, out),
            (State::Video(lead), Kind::Audio) => {
                let behind = timed.dts - lead.last;
                self.latest_audio = timed.dts;
                self.audio.push(timed.dts + timed.cts, timed.payload.clone());
                self.place(|| Placed::Frame(timed.placed(None)));
                if behind > VIDEO_PATIENCE_MICROS {
                    self.repeat_picture(timed.dts - VIDEO_PATIENCE_MICROS, timed.received, out)?;
                }
                let lead = self.lead_micros();
                self.audio.advance(lead, out)
            }
            (State::Audio(_), Kind::Audio) => self.lead_audio(timed, out),
            (State::Audio(_), Kind::Video) => {
                // Pictures after all: the audio-only span ends and one with both begins at this keyframe.
                if timed.keyframe && self.video_upcoming.is_some() {
                    self.end_span(out)?;
                    self.state = State::Gathering(VecDeque::new());
                    return self.gather(timed, out);
                }
                self.dropped += 1;
                Ok(())
            }
        }
    }

    fn lead_video(&mut self, timed: Timed, out: &mut Vec<Event>) -> Result<(), cmaf::Error> {
        let State::Video(lead) = &mut self.state else { return Ok(()) };
        // Frames of a configuration that has not begun, frames that repeated pictures overtook, and what refers to them.
        let needs_keyframe = self.video_upcoming.is_some() || lead.repeating;
        if timed.dts <= lead.last || (needs_keyframe && !timed.keyframe) {
            self.dropped += 1;
            return Ok(());
        }
        if lead.repeating {
            // Up to this picture: what is missing in between would be a frame longer than a part.
            self.repeat_picture(timed.dts - REPEAT_BEFORE_MICROS, timed.received, out)?;
        }
        if let State::Video(lead) = &mut self.state {
            lead.repeating = false;
        }
        self.video_frame(timed, out)
    }

    fn video_frame(&mut self, timed: Timed, out: &mut Vec<Event>) -> Result<(), cmaf::Error> {
        let State::Video(lead) = &mut self.state else { return Ok(()) };
        lead.last = timed.dts;
        let delay = lead.delay;
        if timed.keyframe {
            lead.last_keyframe = timed.payload.clone();
        }
        let must_cut = self.must_cut || self.audio.wants_discontinuity();
        let nominal = self.video.as_ref().and_then(|v| v.h264.frame_rate_milli()).map(|r| 1_000_000_000 / i64::from(r));
        // The frame is queued first: a part's last sample lasts until it.
        let keyframe = timed.keyframe && !lead.repeating;
        let cuts = self.cutter.on_frame(timed.dts, keyframe, must_cut, nominal);
        self.queue(&timed);
        let mut begins = None;
        for cut in cuts {
            let shown_ticks = if timed.keyframe && cut.at_micros == timed.dts {
                timed.pts_ticks()
            } else {
                video_ticks(cut.at_micros) + video_ticks(delay)
            };
            if cut.segment {
                begins = Some(shown_ticks);
            }
            self.cut(cut, shown_ticks, out)?;
        }
        self.place(|| Placed::Frame(timed.placed(begins)));
        let now = self.lead_micros();
        self.audio.advance(now, out)
    }

    fn lead_audio(&mut self, timed: Timed, out: &mut Vec<Event>) -> Result<(), cmaf::Error> {
        let State::Audio(lead) = &mut self.state else { return Ok(()) };
        if timed.dts <= lead.last {
            self.dropped += 1;
            return Ok(());
        }
        if timed.dts - lead.last <= LONGEST_STEP_MICROS {
            lead.step = timed.dts - lead.last;
        }
        lead.last = timed.dts;
        let must_cut = self.must_cut || self.audio.wants_discontinuity();
        for cut in self.cutter.on_frame(timed.dts, true, must_cut, None) {
            self.cut(cut, timed.pts_ticks(), out)?;
        }
        self.queue(&timed);
        self.place(|| Placed::Frame(timed.placed(None)));
        self.audio.advance(timed.dts, out)
    }

    fn cut(&mut self, cut: Cut, picture_ticks: i64, out: &mut Vec<Event>) -> Result<(), cmaf::Error> {
        // Audio frames begin a rounding error beside the time that leads: half a frame keeps them on their side.
        let delay = match &self.state {
            State::Audio(lead) => -lead.step / 2,
            _ => self.delay(),
        };
        if let Some(video) = &mut self.video {
            let at = video_ticks(cut.at_micros);
            video.assembler.write_part(at, at, out)?;
            if cut.segment {
                video.assembler.close(at, out);
            }
        }
        if cut.segment {
            if self.audio.wants_discontinuity() && cut.keyframe {
                self.discontinuity = true;
            }
            if cut.keyframe && self.video_upcoming.is_some() {
                self.discontinuity = true;
            }
            return self.start_segment(Begins { at_micros: cut.at_micros, delay, picture_ticks }, cut.keyframe, out);
        }
        self.boundary(Boundary { at_micros: cut.at_micros + delay, picture_ticks, segment: None });
        Ok(())
    }

    /// Opens the next segment at the leading track's `at_micros`. Only one that begins with a keyframe can carry a
    /// discontinuity: players decode nothing after one until a keyframe comes.
    fn start_segment(&mut self, begins: Begins, keyframe: bool, out: &mut Vec<Event>) -> Result<(), cmaf::Error> {
        let Begins { at_micros, delay, picture_ticks } = begins;
        let msn = self.next_msn;
        self.next_msn += 1;
        self.must_cut &= !keyframe;
        let discontinuity = keyframe && std::mem::take(&mut self.discontinuity);
        let program_date_time = self.wall.at(at_micros);
        if keyframe
            && matches!(self.state, State::Video(_))
            && let Some(h264) = self.video_upcoming.take()
        {
            let waiting = self.video.take();
            let parameters = Parameters::Video(Arc::clone(&h264));
            let bytes = cmaf::init_segment(&parameters)?;
            self.place(|| Placed::Parameters(parameters.clone()));
            out.push(Event::Init { rendition: RenditionId::Source, bytes, parameters });
            let mut assembler = Assembler::new(RenditionId::Source, Timescale::VIDEO, msn);
            if let Some(mut old) = waiting {
                // The keyframe that begins this segment was queued with the old configuration.
                old.assembler.hand_over(&mut assembler);
            }
            self.video = Some(Video { h264, assembler });
        }
        // While audio leads, a video rendition that viewers know gets gaps, so that both keep the same segments.
        if let Some(video) = &mut self.video {
            video.assembler.open(msn, video_ticks(at_micros), discontinuity, program_date_time, out);
        }
        let segment = Some(SegmentInfo { msn, discontinuity, program_date_time });
        self.boundary(Boundary { at_micros: at_micros + delay, picture_ticks, segment });
        Ok(())
    }

    fn boundary(&mut self, boundary: Boundary) {
        self.place(|| Placed::Boundary(boundary.clone()));
        self.audio.boundary(boundary);
    }

    fn place(&mut self, placed: impl FnOnce() -> Placed) {
        if let Some(all) = &mut self.placed {
            all.push(placed());
        }
    }

    fn queue(&mut self, timed: &Timed) {
        self.end_micros = self.end_micros.max(timed.dts);
        match timed.kind {
            Kind::Video => {
                if let Some(video) = &mut self.video {
                    video.assembler.push(Queued {
                        dts_ticks: video_ticks(timed.dts),
                        cts_ticks: i32::try_from(video_ticks(timed.cts)).unwrap_or(0),
                        keyframe: timed.keyframe,
                        payload: timed.payload.clone(),
                    });
                }
            }
            Kind::Audio => self.audio.push(timed.dts + timed.cts, timed.payload.clone()),
        }
    }

    /// Repeats the last keyframe until `until_micros`: the pictures stopped, the sound goes on.
    fn repeat_picture(
        &mut self,
        until_micros: i64,
        received: WallTime,
        out: &mut Vec<Event>,
    ) -> Result<(), cmaf::Error> {
        let every = REPEAT_EVERY_MICROS.min(self.cutter.part_target_micros());
        loop {
            let State::Video(lead) = &mut self.state else { return Ok(()) };
            let dts = lead.last + every;
            if dts > until_micros {
                return Ok(());
            }
            lead.repeating = true;
            let payload = lead.last_keyframe.clone();
            let timed = Timed { kind: Kind::Video, dts, cts: lead.delay, keyframe: true, received, payload };
            self.video_frame(timed, out)?;
        }
    }

    /// The contribution is over: writes what waits and closes the segment. The next frame begins a new span.
    ///
    /// # Errors
    /// As [`Self::push`].
    pub fn end_contribution(&mut self, out: &mut Vec<Event>) -> Result<(), cmaf::Error> {
        if let State::Gathering(waiting) = &mut self.state {
            // Too short for the wait: what there is still counts.
            let waiting = std::mem::take(waiting);
            let begins = waiting.iter().any(|t| t.kind == Kind::Video) || !waiting.is_empty();
            if begins {
                self.begin(waiting, out)?;
            }
        }
        let ended = self.end_span(out);
        self.state = State::Gathering(VecDeque::new());
        self.restamp = Restamper::new(self.origin, self.end_micros);
        self.wall.reset();
        self.audio_known = false;
        ended
    }

    fn end_span(&mut self, out: &mut Vec<Event>) -> Result<(), cmaf::Error> {
        let (last, delay) = match &self.state {
            State::Gathering(_) => return Ok(()),
            State::Video(lead) => (lead.last, lead.delay),
            State::Audio(lead) => (lead.last, 0),
        };
        let end = self.cutter.end_micros().unwrap_or(last).max(last);
        self.latest_audio = i64::MIN;
        let part = self.cutter.part_target_micros();
        if let Some(video) = &mut self.video {
            video.assembler.write_part(i64::MAX, video_ticks(end), out)?;
            video.assembler.close(video_ticks(end), out);
        }
        self.place(|| Placed::SpanEnd(end + delay));
        self.audio.finish(end + delay, part, out)?;
        self.end_micros = self.end_micros.max(end + delay);
        self.discontinuity = true;
        Ok(())
    }

    fn delay(&self) -> i64 {
        if let State::Video(lead) = &self.state { lead.delay } else { 0 }
    }

    /// The latest frame of the span on any track.
    fn latest_micros(&self) -> Option<i64> {
        match &self.state {
            State::Gathering(_) => None,
            State::Video(lead) => Some(lead.last.max(self.latest_audio)),
            State::Audio(lead) => Some(lead.last),
        }
    }

    fn lead_micros(&self) -> i64 {
        match &self.state {
            State::Gathering(_) => 0,
            State::Video(lead) => lead.last + lead.delay,
            State::Audio(lead) => lead.last,
        }
    }
}

/// Where a segment begins.
#[derive(Clone, Copy, Debug)]
struct Begins {
    /// Decode time on the leading track.
    at_micros: i64,
    /// What separates decode time from presentation time.
    delay: i64,
    /// Presentation time of its picture.
    picture_ticks: i64,
}
