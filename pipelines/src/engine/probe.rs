//! Whether an encoder can be trusted with renditions, found out before any media comes.
//!
//! An encoder that is not x264 is a driver in somebody's kernel and a library that talks to it. So each is tried in a process of its own
//! (this program with `--probe NAME`), which loads what the engine would load, closes the same sandbox around itself, encodes
//! [`PICTURES`] pictures, and judges what came out; one that crashes or hangs costs [`PROBE_WITHIN`] and nothing else. The engine is still
//! one thread then, as closing its own sandbox needs.
//!
//! Promises: an encoder that is chosen gave every picture back in order and at its time, with an IDR where one was asked for and nowhere else, in
//! a form that browsers play. When none did, x264 is chosen, and why is said.

use crate::transcode::encoder;
use crate::transcode::video::element;
use crate::{Arguments, bridge, enclose, plugins};
use gst::prelude::*;
use gstreamer as gst;
use gstreamer_app as gst_app;
use media::codec::h264;
use media::segment::MEDIA_TIME_BASE_MICROS;
use media::track::Parameters;
use pipelines::encoder::{Choice, Encoder};
use pipelines::ladder::{Halving, Rung};
use pipelines::message::{MAX_REASON_BYTES, Options};
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// From the start of a probe to its verdict. Loading a driver takes half a second. All that are tried are done before the server misses
/// the engine's first word.
const PROBE_WITHIN: Duration = Duration::from_millis(2_500);
/// Of this, the pipeline may take.
const ENCODE_WITHIN: Duration = Duration::from_millis(1_500);
/// A second of them.
const PICTURES: u64 = 25;
/// The one at which an IDR is asked for.
const ASKED_AT: u64 = 11;
/// Above the least that any hardware encodes.
const RUNG: Rung = Rung { width: 320, height: 192, bitrate_bps: 400_000, halving: Halving::No };
const SCALE: u32 = 90_000;
const STEP: i64 = 3_600;

/// What renditions are made with.
#[derive(Clone, Debug)]
pub(crate) struct Chosen {
    pub(crate) encoder: Encoder,
    /// Why it is no other one, when another was tried.
    pub(crate) why: String,
}

/// The encoder to use. Called while there is one thread.
pub(crate) fn choose(arguments: Arguments) -> Chosen {
    let candidates = match arguments.encoder {
        Choice::This(Encoder::X264) => Vec::new(),
        Choice::This(encoder) => vec![encoder],
        // What is not there needs no process to find out.
        Choice::Auto => [Encoder::Nvenc, Encoder::Qsv, Encoder::Va].into_iter().filter(|e| has_device(*e)).collect(),
    };
    let mut why = Vec::new();
    for encoder in candidates {
        match try_out(encoder) {
            Ok(()) => return Chosen { encoder, why: why.join("; ") },
            Err(reason) => why.push(format!("{}: {reason}", encoder.name())),
        }
    }
    Chosen { encoder: Encoder::X264, why: why.join("; ") }
}

fn has_device(encoder: Encoder) -> bool {
    match encoder {
        Encoder::Nvenc => Path::new("/dev/nvidiactl").exists(),
        Encoder::Qsv | Encoder::Va => {
            let render = |entry: std::fs::DirEntry| entry.file_name().to_string_lossy().starts_with("renderD");
            std::fs::read_dir("/dev/dri").is_ok_and(|entries| entries.flatten().any(render))
        }
        Encoder::X264 | Encoder::OpenH264 => true,
    }
}

/// Has a process of its own try it.
fn try_out(encoder: Encoder) -> Result<(), String> {
    let program = std::env::current_exe().map_err(|e| format!("the engine does not find itself: {e}"))?;
    let mut child = Command::new(program)
        .args(["--probe", encoder.name()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|e| format!("no probe: {e}"))?;
    let ended = wait(&mut child, PROBE_WITHIN);
    let mut said = String::new();
    if let Some(stdout) = child.stdout.take() {
        // Its verdict is a line in the pipe; an error leaves what was read.
        let _ = stdout.take(MAX_REASON_BYTES as u64).read_to_string(&mut said);
    }
    match ended {
        Some(status) if status.success() => Ok(()),
        Some(_) if !said.trim().is_empty() => Err(said.trim().to_owned()),
        Some(status) => Err(format!("its driver fell over ({status})")),
        None => Err(format!("nothing came of it within {PROBE_WITHIN:?}")),
    }
}

/// Its end, or `None` when it did not come and it was killed.
fn wait(child: &mut Child, within: Duration) -> Option<std::process::ExitStatus> {
    let started = Instant::now();
    while started.elapsed() < within {
        match child.try_wait() {
            Ok(None) => std::thread::sleep(Duration::from_millis(10)),
            ended => return ended.ok().flatten(),
        }
    }
    // An error means that it is gone.
    let _ = child.kill();
    let _ = child.wait();
    None
}

/// The role of such a process: succeeds when `encoder` is to be trusted, else says why not on stdout.
pub(crate) fn run(arguments: Arguments, encoder: Option<Encoder>) -> ExitCode {
    let probed = encoder.ok_or_else(|| "no such encoder".to_owned()).and_then(|encoder| {
        enclose(arguments, plugins::PROBE, Some(encoder))?;
        probe(encoder)
    });
    match probed {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            // Whoever asked sees a failure in any case.
            let _ = std::io::stdout().lock().write_all(why.as_bytes());
            ExitCode::FAILURE
        }
    }
}

/// A picture that came out: its time, whether it is an IDR, and the configuration that it needs.
type Out = (i64, bool, Option<Parameters>);

fn probe(encoder: Encoder) -> Result<(), String> {
    let (name, (_, package)) = encoder::element_of(encoder);
    if gst::ElementFactory::find(name).is_none() {
        return Err(format!("GStreamer has no {name}: package {package} is not there, or no device that it drives"));
    }
    let failed = |what: &dyn std::fmt::Display| format!("{name}: {what}");
    let pipeline = gst::Pipeline::new();
    let side = |px: u32| i32::try_from(px).unwrap_or(i32::MAX);
    let raw = gst::Caps::builder("video/x-raw")
        .field("format", encoder::raw_format(encoder))
        .field("width", side(RUNG.width))
        .field("height", side(RUNG.height))
        .field("framerate", gst::Fraction::new(25, 1))
        .field("pixel-aspect-ratio", gst::Fraction::new(1, 1))
        .build();
    let source = gst_app::AppSrc::builder().format(gst::Format::Time).caps(&raw).build();
    let out: Arc<Mutex<Vec<Out>>> = Arc::default();
    let taker = {
        let out = Arc::clone(&out);
        let new_sample = move |sink: &gst_app::AppSink| {
            let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
            let pts = bridge::running_ticks(&sample, SCALE).ok_or(gst::FlowError::Error)?;
            let payload = bridge::payload(&sample).ok_or(gst::FlowError::Error)?;
            let parameters = sample.caps().and_then(bridge::parameters);
            let one = (pts, h264::is_keyframe(&payload), parameters);
            out.lock().unwrap_or_else(PoisonError::into_inner).push(one);
            Ok(gst::FlowSuccess::Ok)
        };
        gst_app::AppSinkCallbacks::builder().new_sample(new_sample).build()
    };
    let sink =
        gst_app::AppSink::builder().caps(&encoder::caps(encoder)).sync(false).async_(false).callbacks(taker).build();
    // The event goes the engine's way: ahead of its picture, from a probe before what stands before the encoder.
    let before = element("identity")?;
    let mut chain = vec![source.clone().upcast(), before.clone()];
    chain.extend(encoder::chain(encoder, &RUNG, Options::default(), Some(25_000))?);
    chain.push(sink.upcast());
    pipeline.add_many(&chain).map_err(|e| failed(&e))?;
    gst::Element::link_many(&chain).map_err(|e| failed(&e))?;
    let asked = bridge::clock_time(time(ASKED_AT), SCALE);
    let pad = before.static_pad("sink").ok_or_else(|| failed(&"no pad"))?;
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        if let Some(at) = info.buffer().and_then(|b| b.pts()).filter(|at| Some(*at) == asked) {
            pad.send_event(encoder::key_unit(at));
        }
        gst::PadProbeReturn::Ok
    });
    let ran = push(&pipeline, &source).and_then(|()| drained(&pipeline));
    let _ = pipeline.set_state(gst::State::Null);
    ran.map_err(|e| failed(&e))?;
    let out = std::mem::take(&mut *out.lock().unwrap_or_else(PoisonError::into_inner));
    judge(&out).map_err(|e| failed(&e))
}

/// Ticks of picture `n`, on a timeline as a live's.
fn time(n: u64) -> i64 {
    MEDIA_TIME_BASE_MICROS / 1000 * 90 + i64::try_from(n).unwrap_or(0) * STEP
}

fn push(pipeline: &gst::Pipeline, source: &gst_app::AppSrc) -> Result<(), String> {
    pipeline.set_state(gst::State::Playing).map_err(|e| bus_error(pipeline).unwrap_or_else(|| e.to_string()))?;
    let luma = (RUNG.width * RUNG.height) as usize;
    for n in 0..PICTURES {
        // Bars that wander: every picture is another one.
        let shift = usize::try_from(n).unwrap_or(0) * 5;
        let mut picture: Vec<u8> = (0..luma)
            .map(|at| if ((at % RUNG.width as usize + shift) / 32).is_multiple_of(2) { 60 } else { 180 })
            .collect();
        picture.resize(luma * 3 / 2, 128);
        let mut buffer = gst::Buffer::from_mut_slice(picture);
        if let Some(buffer) = buffer.get_mut() {
            buffer.set_pts(bridge::clock_time(time(n), SCALE));
            buffer.set_duration(gst::ClockTime::from_mseconds(40));
        }
        source.push_buffer(buffer).map_err(|e| bus_error(pipeline).unwrap_or_else(|| e.to_string()))?;
    }
    source.end_of_stream().map(|_| ()).map_err(|e| e.to_string())
}

fn drained(pipeline: &gst::Pipeline) -> Result<(), String> {
    let wanted = [gst::MessageType::Error, gst::MessageType::Eos];
    let within = gst::ClockTime::try_from(ENCODE_WITHIN).ok();
    let message = pipeline.bus().and_then(|bus| bus.timed_pop_filtered(within, &wanted));
    match message.as_ref().map(|message| message.view()) {
        Some(gst::MessageView::Eos(_)) => Ok(()),
        Some(gst::MessageView::Error(e)) => Err(e.error().to_string()),
        _ => Err(format!("{PICTURES} pictures were not encoded within {ENCODE_WITHIN:?}")),
    }
}

fn bus_error(pipeline: &gst::Pipeline) -> Option<String> {
    let message = pipeline.bus()?.pop_filtered(&[gst::MessageType::Error])?;
    if let gst::MessageView::Error(e) = message.view() { Some(e.error().to_string()) } else { None }
}

/// What must be true of what came out.
fn judge(out: &[Out]) -> Result<(), String> {
    let wanted: Vec<_> = (0..PICTURES).map(time).collect();
    let times: Vec<_> = out.iter().map(|(pts, ..)| *pts).collect();
    if times.len() != wanted.len() {
        return Err(format!("{} of {PICTURES} pictures came out", times.len()));
    }
    if times != wanted {
        return Err("pictures came out at other times, or in another order".into());
    }
    let keyframes: Vec<_> = (0..PICTURES).zip(out).filter(|(_, (_, keyframe, _))| *keyframe).map(|(n, _)| n).collect();
    if keyframes != [0, ASKED_AT] {
        return Err(format!("keyframes are pictures {keyframes:?}, asked for at 0 and {ASKED_AT}"));
    }
    match out.iter().map(|(.., parameters)| parameters).next_back() {
        Some(Some(Parameters::Video(h264))) => {
            let (size, profile) = ((h264.width(), h264.height()), h264.profile_idc());
            // As the ladder's rules ask of a source.
            let plays = matches!(profile, 66 | 77 | 100) && !h264.interlaced() && size == (RUNG.width, RUNG.height);
            if plays { Ok(()) } else { Err(format!("{}x{} in profile {profile} came out", size.0, size.1)) }
        }
        _ => Err("no decoder configuration came out".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    /// x264, 320x192, constrained baseline or so: only what the judge reads of it matters.
    fn parameters() -> Option<Parameters> {
        const SPS: &[u8] = &[0x67, 0x42, 0xc0, 0x0d, 0xd9, 0x01, 0x41, 0x9f, 0x90];
        const PPS: &[u8] = &[0x68, 0xcb, 0x83, 0xcb, 0x20];
        let h264 = media::codec::h264::H264::from_parameter_sets(vec![SPS.into()], vec![PPS.into()]).ok()?;
        Some(Parameters::Video(Arc::new(h264)))
    }

    fn out(keyframes: &[u64]) -> Vec<Out> {
        (0..PICTURES).map(|n| (time(n), keyframes.contains(&n), parameters())).collect()
    }

    #[test]
    fn an_encoder_that_does_otherwise_than_it_is_told_is_refused() {
        let refused = |out: Vec<Out>| judge(&out).unwrap_err();
        assert!(refused(out(&[0])).contains("asked for at 0 and 11"), "no IDR where one was asked for");
        assert!(refused(out(&[0, 11, 20])).contains("[0, 11, 20]"), "an IDR by itself");
        assert!(refused(out(&[0, 12])).contains("12"), "an IDR too late");
        let mut held_back = out(&[0, 11]);
        held_back.pop();
        assert!(refused(held_back).contains("24 of 25"));
        let mut reordered = out(&[0, 11]);
        reordered.swap(3, 4);
        assert!(refused(reordered).contains("another order"));
        let mut nameless = out(&[0, 11]);
        nameless.iter_mut().for_each(|one| one.2 = None);
        assert!(refused(nameless).contains("no decoder configuration"));
    }
}
