//! Keyframes to pictures of one size: `appsrc ! h264parse ! avdec_h264 ! videoconvertscale ! videoflip ! videoconvertscale ! appsink`, in
//! the words of [`pipelines::message::thumbnail`].
//!
//! Only keyframes go in, so each is decoded by itself. A keyframe's number travels as its time: a second each. One that the decoder refuses
//! does not come out, and the next one does.

use crate::channel::{self, Outbox};
use crate::run::{ended, thread};
use crate::transcode::video::element;
use crate::{Arguments, bridge, enclose, plugins, run};
use gst::prelude::*;
use gstreamer as gst;
use gstreamer_app as gst_app;
use media::codec::h264::Orientation;
use media::track::Parameters;
use pipelines::message::thumbnail::{FromThumbnailer, PictureSize, ToThumbnailer};
use std::collections::BTreeMap;
use std::io;
use std::process::ExitCode;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Compressed keyframes that wait before the decoder; then whoever sends waits.
const QUEUE_KEYFRAMES: u64 = 4;
/// How often the pipeline is asked how it is.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// What is inside at the end is out within this, or given up.
const DRAIN: Duration = Duration::from_secs(20);

/// What the reading thread tells.
enum Told {
    /// A pipeline runs.
    Runs(gst::Pipeline),
    /// All keyframes are in.
    Stop,
    /// The server is gone.
    Gone,
    /// It can't go on.
    Failed(String),
}

/// Runs the engine in this role; the server has started it.
pub(crate) fn run(arguments: Arguments) -> ExitCode {
    let mut out = match channel::take_stdout() {
        Ok(out) => out,
        Err(e) => {
            tracing::error!("no channel on stdout: {e}");
            return ExitCode::FAILURE;
        }
    };
    let (outbox, mail) = channel::outbox();
    let prepared = enclose(arguments, plugins::THUMBNAIL, None);
    let writer = thread("writer", move || {
        if let Err(e) = mail.write_all(&mut out) {
            tracing::debug!("the server reads no more: {e}");
        }
    });
    let end = prepared.and_then(|()| serve(&outbox));
    if let Err(text) = &end {
        tracing::error!("{text}");
        outbox.send(&FromThumbnailer::Failed { text: text.clone() });
    }
    outbox.close();
    let written = writer.map(std::thread::JoinHandle::join);
    if end.is_ok() && matches!(written, Ok(Ok(()))) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Until all is done, the server is gone, or something failed.
fn serve(outbox: &Outbox) -> Result<(), String> {
    outbox.send(&FromThumbnailer::Ready);
    let (tell, told) = sync_channel(4);
    let feeder = Feeder {
        outbox: outbox.clone(),
        size: None,
        source: None,
        orientation: Orientation::UPRIGHT,
        turns: Turns::default(),
    };
    run::thread("reader", move || feeder.read(&tell)).map_err(|e| format!("no thread: {e}"))?;
    let mut pipeline = None;
    let mut draining = None;
    let mut reading = true;
    let end = loop {
        if reading {
            match told.recv_timeout(LOOK_EVERY) {
                Ok(Told::Runs(runs)) => pipeline = Some(runs),
                Ok(Told::Stop) if pipeline.is_none() => break Ok(()),
                Ok(Told::Stop) => (draining, reading) = (Some(Instant::now()), false),
                Ok(Told::Gone) => break Ok(()),
                Ok(Told::Failed(text)) => break Err(text),
                Err(RecvTimeoutError::Disconnected) => break Err("the reading thread died".into()),
                Err(RecvTimeoutError::Timeout) => {}
            }
        } else {
            std::thread::sleep(LOOK_EVERY);
        }
        match ended(pipeline.as_ref()) {
            Ok(true) => break Ok(()),
            Ok(false) => {}
            Err(text) => break Err(text),
        }
        if draining.is_some_and(|since: Instant| since.elapsed() > DRAIN) {
            break Err("what was inside at the end was not finished in time".into());
        }
    };
    if let Some(pipeline) = pipeline {
        // Its threads must not outlive it; an error here has nobody left to tell.
        let _ = pipeline.set_state(gst::State::Null);
    }
    end
}

/// Reads and feeds.
struct Feeder {
    outbox: Outbox,
    size: Option<PictureSize>,
    source: Option<gst_app::AppSrc>,
    orientation: Orientation,
    turns: Turns,
}

/// How the keyframes inside must be turned, by their numbers.
type Turns = Arc<Mutex<BTreeMap<u32, Orientation>>>;

impl Feeder {
    fn read(mut self, tell: &SyncSender<Told>) {
        let mut stdin = io::stdin().lock();
        let last = loop {
            match channel::read(&mut stdin, ToThumbnailer::decode) {
                Ok(None) => break Told::Gone,
                Ok(Some(ToThumbnailer::Stop)) => {
                    if let Some(Err(e)) = self.source.as_ref().map(gst_app::AppSrc::end_of_stream) {
                        break Told::Failed(format!("the end was not taken: {e}"));
                    }
                    break Told::Stop;
                }
                Ok(Some(message)) => match self.take(message) {
                    Ok(None) => {}
                    Ok(Some(pipeline)) => {
                        if tell.send(Told::Runs(pipeline)).is_err() {
                            return;
                        }
                    }
                    Err(text) => break Told::Failed(text),
                },
                Err(e) => break Told::Failed(format!("the server's messages: {e}")),
            }
        };
        // An error means that the watching thread has ended, and all with it.
        let _ = tell.send(last);
    }

    /// Takes a message; gives the pipeline when it is the one that needs it first.
    fn take(&mut self, message: ToThumbnailer) -> Result<Option<gst::Pipeline>, String> {
        match message {
            ToThumbnailer::Size(size) => self.size = Some(size),
            ToThumbnailer::Parameters(parameters) => {
                let Parameters::Video(h264) = &parameters else { return Err("sound has no pictures".into()) };
                self.orientation = h264.orientation();
                if let Some(source) = &self.source {
                    source.set_caps(Some(&bridge::caps(&parameters)));
                } else {
                    let size = self.size.ok_or("no size before the first configuration")?;
                    let (source, pipeline) = start(size, &parameters, &self.turns, &self.outbox)?;
                    self.source = Some(source);
                    return Ok(Some(pipeline));
                }
            }
            ToThumbnailer::Keyframe { number, payload } => {
                let source = self.source.as_ref().ok_or("no configuration before the first keyframe")?;
                let at = gst::ClockTime::from_seconds(u64::from(number));
                self.turns.lock().unwrap_or_else(PoisonError::into_inner).insert(number, self.orientation);
                let taken = source.push_buffer(bridge::buffer(payload, Some(at), at, true));
                taken.map_err(|e| format!("the decoder takes no more keyframes: {e}"))?;
            }
            ToThumbnailer::Stop => {}
        }
        Ok(None)
    }
}

fn start(
    size: PictureSize,
    parameters: &Parameters,
    turns: &Turns,
    outbox: &Outbox,
) -> Result<(gst_app::AppSrc, gst::Pipeline), String> {
    let failed = |e: gst::glib::BoolError| format!("the pipeline of thumbnails: {e}");
    let pipeline = gst::Pipeline::new();
    let source = gst_app::AppSrc::builder()
        .format(gst::Format::Time)
        .block(true)
        .max_buffers(QUEUE_KEYFRAMES)
        .max_bytes(0)
        .max_time(gst::ClockTime::ZERO)
        .caps(&bridge::caps(parameters))
        .build();
    let decode = element("avdec_h264")?;
    // Several threads would hold pictures back. A damaged keyframe costs its own picture.
    decode.set_property("max-threads", 1i32);
    decode.set_property("max-errors", -1i32);
    let scale = element("videoconvertscale")?;
    scale.set_property("add-borders", true);
    // The default looks at four pixels only: at a twelfth of its size a slide's text would be dots.
    scale.set_property_from_str("method", "lanczos");
    // Turned before it is scaled, as another turn then only changes what the scaler gets; and in a format that can be turned.
    let turnable = element("capsfilter")?;
    turnable.set_property("caps", gst::Caps::builder("video/x-raw").field("format", "I420").build());
    let turn = element("videoflip")?;
    turn_each(&turn, turns).ok_or("the pipeline of thumbnails: no pad")?;
    let side = |px: u32| i32::try_from(px).unwrap_or(i32::MAX);
    let caps = gst::Caps::builder("video/x-raw")
        .field("format", "RGB")
        .field("width", side(size.width_px()))
        .field("height", side(size.height_px()))
        .field("pixel-aspect-ratio", gst::Fraction::new(1, 1))
        .build();
    let outbox = outbox.clone();
    let taker = gst_app::AppSinkCallbacks::builder()
        .new_sample(move |sink| {
            let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
            let rgb = bridge::payload(&sample).ok_or(gst::FlowError::Error)?;
            let number = bridge::running_ticks(&sample, 1).and_then(|n| u32::try_from(n).ok());
            let number = number.ok_or(gst::FlowError::Error)?;
            // Rows without padding, as the size's bounds promise.
            if rgb.len() != size.picture_bytes() {
                return Err(gst::FlowError::Error);
            }
            let sent = outbox.send(&FromThumbnailer::Picture { number, rgb });
            if sent { Ok(gst::FlowSuccess::Ok) } else { Err(gst::FlowError::Eos) }
        })
        .build();
    let sink = gst_app::AppSink::builder().caps(&caps).sync(false).async_(false).callbacks(taker).build();
    let (parse, convert) = (element("h264parse")?, element("videoconvertscale")?);
    let chain = [source.clone().upcast(), parse, decode, convert, turnable, turn, scale, sink.upcast()];
    pipeline.add_many(&chain).map_err(failed)?;
    gst::Element::link_many(&chain).map_err(failed)?;
    pipeline.set_state(gst::State::Playing).map_err(|e| format!("the pipeline of thumbnails: {e}"))?;
    Ok((source, pipeline))
}

/// Has `turn` turn each picture by its number. Those before it that did not come out are forgotten.
fn turn_each(turn: &gst::Element, turns: &Turns) -> Option<()> {
    let (turns, to) = (Arc::clone(turns), turn.downgrade());
    turn.static_pad("sink")?.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        let number = info.buffer().and_then(|b| b.pts()).and_then(|at| u32::try_from(at.seconds()).ok());
        if let (Some(number), Some(turn)) = (number, to.upgrade()) {
            let mut turns = turns.lock().unwrap_or_else(PoisonError::into_inner);
            let later = turns.split_off(&number.saturating_add(1));
            let orientation = std::mem::replace(&mut *turns, later).remove(&number).unwrap_or_default();
            turn.set_property_from_str("video-direction", bridge::direction(orientation));
        }
        gst::PadProbeReturn::Ok
    })?;
    Some(())
}
