//! One engine for neighbouring segments of a recording: the source's frames in, at the engine's pace; renditions cut where the source was
//! cut out of it, to the disk.

use super::plan::Run;
use super::shelf::Shelf;
use super::source::Recorded;
use crate::jobs::work::{Failure, Progress};
use media::cmaf;
use media::rendition::RenditionId;
use media::segment::Event;
use media::segment::boundary::Placed;
use media::segment::follower::{Encoded, Follower};
use media::time::{Timescale, Timestamp};
use media::track::{Kind, Parameters};
use pipelines::client::{self, Input, Output};
use pipelines::message::{EncodedFrame, Rendition};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio_util::sync::CancellationToken;

/// How far a job is: segments that are made, of all that are to be.
#[derive(Debug)]
pub(super) struct Made<'a> {
    pub(super) progress: &'a Progress,
    pub(super) done: usize,
    pub(super) all: usize,
}

/// What is being made by one engine. Who feeds and who hears share it, and neither waits while it is locked.
#[derive(Debug)]
struct Making {
    followers: BTreeMap<RenditionId, Waiting>,
    events: Vec<Event>,
    sound_scale: Option<Timescale>,
}

/// A follower, and where it is to cut once it can begin: sound needs its configuration first, or its first segment would be skipped.
#[derive(Debug)]
struct Waiting {
    follower: Follower,
    until_configured: Option<Vec<Placed>>,
}

/// Makes what `run` lacks.
pub(super) async fn encode(
    engine: &client::Settings,
    recorded: &Recorded,
    run: &Run,
    shelf: &mut Shelf,
    made: &mut Made<'_>,
) -> Result<(), Failure> {
    let (input, output, _control, client) = client::client(engine.clone(), run.order.clone());
    let making = Mutex::new(Making::new(recorded, run));
    // Dropped with this future, the client kills its engine; nothing else is to stop it.
    let stop = CancellationToken::new();
    let work = async { Ok(client.run(stop).await) };
    let fed_and_heard =
        tokio::try_join!(feed(input, recorded, run, &making), hear(output, run, &making, shelf, made), work);
    let (end_micros, ..) = fed_and_heard?;
    let last = lock(&making).finish(end_micros).map_err(unwritable)?;
    put(run, last, shelf, made).await
}

/// Gives where what was fed ends, microseconds of presentation time.
async fn feed(input: Input, recorded: &Recorded, run: &Run, making: &Mutex<Making>) -> Result<i64, Failure> {
    for parameters in recorded.parameters(run.places.start).into_iter().filter(|p| run.order.takes(p.kind())) {
        input.parameters(parameters);
    }
    let mut end_micros = 0;
    for place in run.decode_from..run.places.end {
        let (recorded, order, decode_only) = (recorded.clone(), run.order.clone(), place < run.places.start);
        // Pictures say where sound is cut, too.
        let takes = move |kind| order.takes(kind) || kind == Kind::Video;
        let read = tokio::task::spawn_blocking(move || recorded.piece(place, takes, decode_only)).await;
        let piece = read.map_err(|_| Failure::Failed("a step broke off".to_owned()))?.map_err(Failure::Failed)?;
        if !decode_only {
            lock(making).placed(&Placed::Boundary(piece.boundary)).map_err(unwritable)?;
            end_micros = piece.end_micros;
        }
        for frame in piece.frames.into_iter().filter(|frame| run.order.takes(frame.kind)) {
            input.room().await;
            input.frame(frame);
        }
    }
    Ok(end_micros)
}

async fn hear(
    mut output: Output,
    run: &Run,
    making: &Mutex<Making>,
    shelf: &mut Shelf,
    made: &mut Made<'_>,
) -> Result<(), Failure> {
    while let Some(event) = output.next().await {
        match event {
            client::Event::Ready { .. } | client::Event::Stats(_) => {}
            client::Event::Parameters { rendition, parameters } => {
                if let Some(id) = run.order.id(rendition) {
                    lock(making).configured(id, &parameters).map_err(unwritable)?;
                }
            }
            client::Event::Frame(frame) => {
                if let Some(id) = run.order.id(frame.rendition) {
                    lock(making).frame(id, frame).map_err(unwritable)?;
                }
            }
            client::Event::Lost { reason, .. } => {
                tracing::warn!(%reason, "the engine of a job was lost and is started again");
            }
            client::Event::GivenUp { reason } => return Err(Failure::Failed(reason)),
        }
        let events = std::mem::take(&mut lock(making).events);
        put(run, events, shelf, made).await?;
    }
    Ok(())
}

/// Keeps what is lacking, and tells how far it is.
async fn put(run: &Run, mut events: Vec<Event>, shelf: &mut Shelf, made: &mut Made<'_>) -> Result<(), Failure> {
    let lacks = |id: &RenditionId, msn: &u64| run.lacking.get(id).is_some_and(|lacking| lacking.contains(msn));
    events.retain(|event| match event {
        Event::Init { .. } => true,
        Event::SegmentStart(start) => lacks(&start.rendition, &start.msn),
        Event::Part(part) => lacks(&part.rendition, &part.msn),
        Event::SegmentEnd { rendition, msn } => lacks(rendition, msn),
    });
    if events.is_empty() {
        return Ok(());
    }
    made.done += events.iter().filter(|event| matches!(event, Event::SegmentEnd { .. })).count();
    shelf.put(events).await?;
    made.progress.tell(made.done, made.all);
    Ok(())
}

impl Making {
    fn new(recorded: &Recorded, run: &Run) -> Self {
        let first = recorded.lead().segments[run.places.start].msn;
        let waiting = |id: RenditionId| {
            let known = recorded.loaded.tracks.get(&id).and_then(|track| track.inits.last());
            let mut follower = match known {
                Some((parameters, _)) => Follower::resume(id, parameters, first),
                None => Follower::new(id),
            };
            follower.await_engine(true);
            let until_configured = (id.kind() == Kind::Audio && known.is_none()).then(Vec::new);
            (id, Waiting { follower, until_configured })
        };
        Self { followers: run.order.ids().map(waiting).collect(), events: Vec::new(), sound_scale: None }
    }

    fn placed(&mut self, placed: &Placed) -> Result<(), cmaf::Error> {
        for waiting in self.followers.values_mut() {
            match &mut waiting.until_configured {
                Some(kept) => kept.push(placed.clone()),
                None => waiting.follower.placed(placed, &mut self.events)?,
            }
        }
        Ok(())
    }

    fn configured(&mut self, id: RenditionId, parameters: &Parameters) -> Result<(), cmaf::Error> {
        if let Parameters::Audio(aac) = parameters {
            self.sound_scale = Some(aac.timescale());
        }
        let Some(waiting) = self.followers.get_mut(&id) else { return Ok(()) };
        waiting.follower.parameters(parameters);
        for kept in waiting.until_configured.take().into_iter().flatten() {
            waiting.follower.placed(&kept, &mut self.events)?;
        }
        Ok(())
    }

    fn frame(&mut self, id: RenditionId, frame: EncodedFrame) -> Result<(), cmaf::Error> {
        let scale = match frame.rendition {
            Rendition::Rung(_) => Some(Timescale::VIDEO),
            Rendition::Audio => self.sound_scale,
        };
        let (Some(waiting), Some(scale)) = (self.followers.get_mut(&id), scale) else { return Ok(()) };
        let (dts, pts) = (Timestamp::new(frame.dts, scale), Timestamp::new(frame.pts, scale));
        let encoded = Encoded { dts, pts, keyframe: frame.keyframe, payload: frame.payload };
        waiting.follower.frame(encoded, &mut self.events)
    }

    /// Nothing more comes: what is left becomes the last segments.
    fn finish(&mut self, end_micros: i64) -> Result<Vec<Event>, cmaf::Error> {
        self.placed(&Placed::SpanEnd(end_micros))?;
        for waiting in self.followers.values_mut() {
            waiting.follower.finish(&mut self.events)?;
        }
        Ok(std::mem::take(&mut self.events))
    }
}

fn unwritable(error: cmaf::Error) -> Failure {
    Failure::Failed(error.to_string())
}

fn lock(making: &Mutex<Making>) -> MutexGuard<'_, Making> {
    making.lock().unwrap_or_else(PoisonError::into_inner)
}
