//! A live's renditions that an engine makes: planned from what the contribution sends, admitted where the machine has room, fed with the
//! source's frames, and followed so that they are cut where the source is cut.
//!
//! Promises: nothing here can hold up the source. One engine is fed at a time; one that is replaced finishes what it has, and is heard
//! first, so that no picture is lost or comes out of order. Renditions that viewers know go on as gaps when there is no engine. Where there
//! is no room for all of a ladder, the most useful part of it is made, and the rest when room has come back.

mod rate;
mod standing;

use super::admission::{Admission, NoRoom, Ticket};
use super::status::Finding;
use crate::archive::load::Loaded;
use crate::lifecycle::Tasks;
use media::codec::{aac::Aac, h264::H264};
use media::rendition::RenditionId;
use media::segment::Event;
use media::segment::boundary::{Boundary, Placed, PlacedFrame};
use media::segment::follower::{Encoded, Follower};
use media::time::{Timescale, Timestamp};
use media::track::{Kind, Parameters};
use pipelines::client::{self, Control, Input, Output};
use pipelines::encoder::Encoder;
use pipelines::ladder::fit::{Fitted, fit};
use pipelines::ladder::{self, Preset, Source, SourceAudio, SourceVideo};
use pipelines::message::{EncodedFrame, Rendition, SourceFrame, Start, Stats};
use rate::Rate;
use standing::Standing;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// An engine that has been replaced, or whose contribution has ended, finishes within this or is left: a few pictures are inside.
pub(super) const FINISH_WITHIN: Duration = Duration::from_millis(2_500);
/// Told to the ladder's rules when the source's keyframes are too far apart to cut at. Milliseconds.
const LONG_GOP_MS: u32 = 10_000;
/// Time over which an engine's cores are measured: shorter says more of the last keyframe than of the live.
const MEASURE_OVER: Duration = Duration::from_secs(10);

/// How renditions are made.
#[derive(Clone, Debug)]
pub struct Renditions {
    /// Whether to make any.
    pub enabled: bool,
    /// Whether a finished video gets a job that brings its renditions to what is configured.
    pub completed: bool,
    /// Which.
    pub preset: Preset,
    /// How engines are run.
    pub engine: client::Settings,
}

/// The names of presets that a broadcaster can have.
#[must_use]
pub fn presets() -> [&'static str; 3] {
    Preset::NAMES
}

/// Whether that is a preset's name.
#[must_use]
pub fn is_preset(name: &str) -> bool {
    Preset::named(name).is_some()
}

/// See the module.
#[derive(Debug)]
pub(super) struct Transcoding {
    slug: String,
    wanted: Renditions,
    admission: Admission,
    tasks: Tasks,
    video: Option<Arc<H264>>,
    audio: Option<Arc<Aac>>,
    rate: Rate,
    long_gop: bool,
    /// What the plan was made from has changed: it is made anew at the next keyframe that begins a segment.
    stale: bool,
    last_segment: Option<Boundary>,
    /// The first is heard, the last is fed.
    engines: VecDeque<Engine>,
    followers: BTreeMap<RenditionId, Follower>,
    standing: Standing,
    restarts: u64,
    shed: u64,
}

#[derive(Debug)]
struct Engine {
    /// `None`: it is finishing.
    input: Option<Input>,
    output: Output,
    control: Control,
    order: Start,
    fitted: Fitted,
    begun: Instant,
    /// And why it is no other encoder.
    made_with: Option<(Encoder, String)>,
    ticket: Option<Ticket>,
    leave_by: Option<Instant>,
    sound_scale: Option<Timescale>,
    measured: Option<(Instant, Stats)>,
    /// Seconds of media decoded per second when it was measured last.
    speed: Option<f64>,
    last_shed: u64,
}

/// What an engine said; `None`: it has ended.
#[derive(Debug)]
pub(super) struct Heard(Option<client::Event>);

impl Transcoding {
    pub(super) fn new(slug: &str, wanted: Renditions, admission: Admission, tasks: Tasks) -> Self {
        Self {
            slug: slug.to_owned(),
            wanted,
            admission,
            tasks,
            video: None,
            audio: None,
            rate: Rate::default(),
            long_gop: false,
            stale: false,
            last_segment: None,
            engines: VecDeque::new(),
            followers: BTreeMap::new(),
            standing: Standing::Idle,
            restarts: 0,
            shed: 0,
        }
    }

    /// Goes on with the encoded renditions of a live that a stop interrupted.
    pub(super) fn resume(&mut self, loaded: &Loaded) {
        for (id, track) in loaded.tracks.iter().filter(|(id, t)| id.is_encoded() && !t.segments.is_empty()) {
            if let Some((parameters, _)) = track.inits.last() {
                self.followers.insert(*id, Follower::resume(*id, parameters, loaded.next_msn()));
            }
        }
    }

    /// What is being made, or about to be, and with how many bits per second.
    pub(super) fn expected(&self) -> impl Iterator<Item = (RenditionId, u32)> + '_ {
        let works = matches!(self.standing, Standing::Running | Standing::Lost(_));
        self.engines.back().filter(|_| works).into_iter().flat_map(|e| e.order.made())
    }

    /// Whether viewers get a re-encoded rendition instead of the source, so that segments need not wait for its keyframes.
    pub(super) fn reencodes_source(&self) -> bool {
        self.engines.back().is_some_and(|e| e.input.is_some() && e.fitted.replaces_source())
    }

    /// The source's keyframes are too far apart.
    pub(super) fn gop_is_long(&mut self, long: bool) {
        self.stale |= self.long_gop != long;
        self.long_gop = long;
    }

    /// Takes what the segmenter placed.
    pub(super) fn feed(&mut self, placed: &[Placed], out: &mut Vec<Event>) -> Result<(), media::cmaf::Error> {
        for one in placed {
            match one {
                Placed::Parameters(parameters) => self.parameters(parameters),
                Placed::Boundary(boundary) if boundary.segment.is_some() => self.last_segment = Some(boundary.clone()),
                Placed::Boundary(_) => {}
                Placed::Frame(frame) => {
                    self.stale |= matches!(self.standing, Standing::NoRoom(_));
                    self.stale |= frame.kind == Kind::Video && self.rate.picture(frame);
                    if begins(frame, self.video.is_some()) {
                        if self.stale {
                            self.plan(out)?;
                        } else {
                            self.grow(out)?;
                        }
                    }
                    self.frame(frame);
                }
                Placed::SpanEnd(_) => {
                    self.rate.hole();
                    if let Some(input) = self.input() {
                        input.discontinuity();
                    }
                }
            }
            for follower in self.followers.values_mut() {
                follower.placed(one, out)?;
            }
        }
        Ok(())
    }

    fn parameters(&mut self, parameters: &Parameters) {
        match parameters {
            Parameters::Video(h264) => {
                if self.video.replace(Arc::clone(h264)).as_ref() != Some(h264) {
                    self.rate.begin();
                    self.stale = true;
                }
            }
            Parameters::Audio(aac) => {
                self.stale |= self.audio.replace(Arc::clone(aac)).as_ref() != Some(aac);
            }
        }
        if let Some(engine) = self.engines.back()
            && let Some(input) = engine.input.as_ref().filter(|_| engine.order.takes(parameters.kind()))
        {
            input.parameters(parameters.clone());
        }
    }

    fn frame(&mut self, frame: &PlacedFrame) {
        let scale = match frame.kind {
            Kind::Video => Timescale::VIDEO,
            Kind::Audio => self.audio.as_ref().map_or(Timescale::MICROS, |aac| aac.timescale()),
        };
        let Some(engine) = self.engines.back().filter(|e| e.order.takes(frame.kind)) else { return };
        if let Some(input) = &engine.input {
            input.frame(SourceFrame {
                kind: frame.kind,
                dts: frame.dts.rescale(scale).ticks(),
                pts: frame.pts.rescale(scale).ticks(),
                keyframe: frame.keyframe,
                cut: frame.cut,
                decode_only: false,
                payload: frame.payload.clone(),
            });
        }
    }

    fn input(&self) -> Option<&Input> {
        self.engines.back().and_then(|e| e.input.as_ref())
    }

    /// What has no engine is planned anew at the next keyframe that begins a segment.
    pub(super) fn retry(&mut self) {
        self.stale = true;
    }

    /// Decides anew what to make, and keeps the engine when it is the same.
    fn plan(&mut self, out: &mut Vec<Event>) -> Result<(), media::cmaf::Error> {
        self.stale = false;
        let gop_ms = self.long_gop.then_some(LONG_GOP_MS);
        let source = Source {
            video: self.video.as_ref().map(|h264| SourceVideo::new(h264, gop_ms).measured(self.rate.milli_hz())),
            audio: self.audio.as_ref().map(|aac| SourceAudio::new(aac)),
        };
        let ladder = ladder::plan(&source, &self.wanted.preset);
        let fed = self.engines.back_mut().filter(|e| e.input.is_some());
        if fed.as_ref().is_some_and(|e| e.fitted.is_of(&ladder)) {
            return self.grow(out);
        }
        // What its engine had is this live's before it is another's.
        let ticket = fed.and_then(|e| e.ticket.take());
        self.close();
        let before = std::mem::replace(&mut self.standing, Standing::Idle);
        if self.wanted.enabled && ladder.needs_engine() {
            match client::program(&self.wanted.engine) {
                Err(reason) => self.standing = Standing::Missing(reason),
                Ok(_) => {
                    let room = ticket.as_ref().map_or_else(|| self.admission.room(), Ticket::room);
                    let fitted = fit(ladder, source, room);
                    match self.admit(&fitted, ticket, room) {
                        Err(no_room) => self.refused(no_room, &before),
                        Ok(ticket) => self.start(fitted, ticket, out)?,
                    }
                }
            }
        }
        self.await_engines();
        Ok(())
    }

    fn admit(&self, fitted: &Fitted, ticket: Option<Ticket>, room: f64) -> Result<Ticket, NoRoom> {
        if !fitted.ladder.needs_engine() {
            return Err(NoRoom { wanted: fitted.wanted_cores(), free: room });
        }
        match ticket {
            Some(ticket) => ticket.becomes(fitted.cores()).map(|()| ticket),
            None => self.admission.admit(fitted.cores()),
        }
    }

    /// Makes what was left out, once there is room: another engine begins with it where this frame begins a segment.
    fn grow(&mut self, out: &mut Vec<Event>) -> Result<(), media::cmaf::Error> {
        let works = self.standing == Standing::Running;
        let Some(engine) = self.engines.back_mut().filter(|e| works && e.input.is_some()) else { return Ok(()) };
        let Some(ticket) = &engine.ticket else { return Ok(()) };
        let free = ticket.room() - ticket.held();
        let Some(grown) = engine.fitted.grown(free, engine.begun.elapsed()) else { return Ok(()) };
        // What it takes was measured; what comes to it is estimated.
        if ticket.becomes(ticket.held() + grown.cores() - engine.fitted.cores()).is_err() {
            return Ok(());
        }
        let ticket = engine.ticket.take();
        self.close();
        if let Some(ticket) = ticket {
            self.start(grown, ticket, out)?;
        }
        self.await_engines();
        Ok(())
    }

    fn refused(&mut self, no_room: NoRoom, before: &Standing) {
        if !matches!(before, Standing::NoRoom(_)) {
            metrics::counter!("amphi_engine_refused_total", "broadcaster" => self.slug.clone()).increment(1);
        }
        self.standing = Standing::NoRoom(no_room);
    }

    fn start(&mut self, fitted: Fitted, ticket: Ticket, out: &mut Vec<Event>) -> Result<(), media::cmaf::Error> {
        let order = fitted.ladder.start(0);
        let (input, output, control, client) = client::client(self.wanted.engine.clone(), order.clone());
        let stop = self.tasks.hard().clone();
        self.tasks.spawn("engine", async move {
            client.run(stop).await;
        });
        let parameters = [self.video.clone().map(Parameters::Video), self.audio.clone().map(Parameters::Audio)];
        for parameters in parameters.into_iter().flatten().filter(|p| order.takes(p.kind())) {
            input.parameters(parameters);
        }
        for id in order.ids() {
            if !self.followers.contains_key(&id) {
                let mut follower = Follower::new(id);
                if let Some(boundary) = &self.last_segment {
                    follower.placed(&Placed::Boundary(boundary.clone()), out)?;
                }
                self.followers.insert(id, follower);
            }
        }
        let left_out = standing::names(&fitted.left_out);
        tracing::info!(broadcaster = %self.slug, renditions = names(&order), left_out, "an engine begins");
        self.engines.push_back(Engine {
            input: Some(input),
            output,
            control,
            order,
            fitted,
            begun: Instant::now(),
            made_with: None,
            ticket: Some(ticket),
            leave_by: None,
            sound_scale: None,
            measured: None,
            speed: None,
            last_shed: 0,
        });
        self.standing = Standing::Running;
        Ok(())
    }

    /// The engine that is fed gets no more, and finishes what it has.
    pub(super) fn close(&mut self) {
        if let Some(engine) = self.engines.back_mut()
            && engine.input.take().is_some()
        {
            engine.ticket = None;
            engine.leave_by = Some(Instant::now() + FINISH_WITHIN);
        }
    }

    /// Each follower waits for its engine as long as there is one.
    fn await_engines(&mut self) {
        let made: Vec<_> = self.engines.iter().flat_map(|e| e.order.ids()).collect();
        for (id, follower) in &mut self.followers {
            follower.await_engine(made.contains(id));
        }
    }

    /// Waits for what the engine says. Never comes back when there is none. Cancel-safe.
    pub(super) async fn hear(&mut self) -> Heard {
        let Some(engine) = self.engines.front_mut() else { return std::future::pending().await };
        let late = async {
            match engine.leave_by {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            event = engine.output.next() => Heard(event),
            () = late => Heard(None),
        }
    }

    /// Whether an engine may still say something.
    pub(super) fn is_heard(&self) -> bool {
        !self.engines.is_empty()
    }

    /// Takes what the engine said.
    pub(super) fn heard(&mut self, heard: Heard, out: &mut Vec<Event>) -> Result<(), media::cmaf::Error> {
        let Some(event) = heard.0 else {
            self.engines.pop_front();
            self.await_engines();
            return Ok(());
        };
        let Some(engine) = self.engines.front_mut() else { return Ok(()) };
        match event {
            client::Event::Ready { encoder, why } => {
                tracing::info!(broadcaster = %self.slug, encoder = encoder.name(), why, "the engine is ready");
                engine.made_with = Some((encoder, why));
                if engine.input.is_some() {
                    self.standing = Standing::Running;
                }
            }
            client::Event::Parameters { rendition, parameters } => {
                if let Parameters::Audio(aac) = &parameters {
                    engine.sound_scale = Some(aac.timescale());
                }
                if let Some(follower) = engine.order.id(rendition).and_then(|id| self.followers.get_mut(&id)) {
                    follower.parameters(&parameters);
                }
            }
            client::Event::Frame(frame) => {
                let scale = match frame.rendition {
                    Rendition::Rung(_) => Some(Timescale::VIDEO),
                    Rendition::Audio => engine.sound_scale,
                };
                let follower = engine.order.id(frame.rendition).and_then(|id| self.followers.get_mut(&id));
                if let Some((follower, scale)) = follower.zip(scale) {
                    let EncodedFrame { dts, pts, keyframe, payload, .. } = frame;
                    let (dts, pts) = (Timestamp::new(dts, scale), Timestamp::new(pts, scale));
                    follower.frame(Encoded { dts, pts, keyframe, payload }, out)?;
                }
            }
            client::Event::Stats(stats) => {
                // A new engine counts anew.
                self.shed += stats.shed.checked_sub(engine.last_shed).unwrap_or(stats.shed);
                engine.last_shed = stats.shed;
                engine.measure(stats, &self.slug);
            }
            client::Event::Lost { reason, .. } => {
                tracing::warn!(broadcaster = %self.slug, %reason, "the engine was lost and is started again");
                metrics::counter!("amphi_engine_restarts_total", "broadcaster" => self.slug.clone()).increment(1);
                self.restarts += 1;
                engine.measured = None;
                engine.speed = None;
                if engine.input.is_some() {
                    self.standing = Standing::Lost(reason);
                }
            }
            client::Event::GivenUp { reason } => {
                tracing::error!(broadcaster = %self.slug, %reason, "the engine is given up: viewers get the source");
                if engine.input.is_some() {
                    self.standing = Standing::GivenUp(reason);
                }
                self.engines.pop_front();
                self.await_engines();
            }
        }
        Ok(())
    }

    /// The contribution is over and its engine has finished, or has had its time: what there is becomes the last segments.
    pub(super) fn finish(&mut self, out: &mut Vec<Event>) -> Result<(), media::cmaf::Error> {
        self.engines.clear();
        self.await_engines();
        self.standing = Standing::Idle;
        self.stale = true;
        self.followers.values_mut().try_for_each(|follower| follower.finish(out))
    }

    /// Seconds of media that the engine decodes per second; `None`: there is none that is fed, or it was not measured yet.
    pub(super) fn speed(&self) -> Option<f64> {
        self.engines.back().filter(|e| e.input.is_some())?.speed
    }

    /// What makes the pictures; `None`: there is no engine, or it is not ready.
    pub(super) fn encoder(&self) -> Option<&'static str> {
        let fed = self.engines.back().filter(|e| e.input.is_some())?;
        fed.made_with.as_ref().map(|(encoder, _)| encoder.name())
    }

    /// Frames that came too late, and pictures that the engine left out.
    pub(super) fn dropped(&self) -> u64 {
        let unsent = self.engines.back().map_or(0, |e| e.control.dropped_frames());
        self.shed + unsent + self.followers.values().map(Follower::dropped).sum::<u64>()
    }

    /// What an operator should know.
    pub(super) fn findings(&self) -> impl Iterator<Item = Finding> {
        let fed = self.engines.back().filter(|e| e.input.is_some());
        let fewer = fed.zip(fed.and_then(|e| e.ticket.as_ref())).and_then(|(e, t)| standing::fewer(&e.fitted, t));
        let made_with = fed.and_then(|e| e.made_with.as_ref());
        let other = made_with.and_then(|(used, why)| standing::other_encoder(self.wanted.engine.encoder, *used, why));
        self.standing.finding(&self.slug).into_iter().chain(fewer).chain(other)
    }
}

impl Engine {
    /// Tells what it takes, to the metrics and to those who ask for room.
    fn measure(&mut self, stats: Stats, slug: &str) {
        let now = Instant::now();
        let Some((since, earlier)) = &self.measured else {
            self.measured = Some((now, stats));
            return;
        };
        if now.duration_since(*since) < MEASURE_OVER {
            return;
        }
        if let Some(cores) = stats.cores_since(earlier) {
            metrics::gauge!("amphi_engine_cores", "broadcaster" => slug.to_owned()).set(cores);
            if let Some(ticket) = &self.ticket {
                ticket.measured(cores);
            }
        }
        if let Some(speed) = stats.realtime_factor_since(earlier) {
            metrics::gauge!("amphi_engine_realtime_factor", "broadcaster" => slug.to_owned()).set(speed);
            self.speed = Some(speed);
        }
        self.measured = Some((now, stats));
    }
}

/// Whether an engine can be started with this frame: a keyframe that begins a segment, or sound where there are no pictures.
fn begins(frame: &PlacedFrame, has_video: bool) -> bool {
    match frame.kind {
        Kind::Video => frame.cut.is_some() && frame.keyframe,
        Kind::Audio => !has_video,
    }
}

fn names(order: &Start) -> String {
    order.ids().map(RenditionId::name).collect::<Vec<_>>().join(" ")
}
