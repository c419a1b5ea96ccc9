//! One decode for all rungs: `appsrc ! h264parse ! avdec_h264 [! deinterlace] ! videoconvert ! tee`, and behind the tee each [`super::rung`],
//! the next smaller one behind the one before.
//!
//! IDRs come by force-key-unit events that a probe before the tee sends ahead of their pictures: from further up, the parser and the
//! decoder hold them back. The first picture is one without asking (GStreamer 1.22 refuses all later requests after one for it).

use super::counts::Counts;
use super::encoder;
use super::pictures::Pictures;
use super::rung::Rungs;
use super::scale::SCALED_FORMAT;
use super::shed::Shed;
use crate::bridge;
use crate::channel::Outbox;
use gst::prelude::*;
use gstreamer as gst;
use gstreamer_app as gst_app;
use media::track::Parameters;
use pipelines::encoder::Encoder;
use pipelines::ladder::Rung;
use pipelines::message::{Options, SourceFrame, WhenSlow};
use std::collections::BTreeSet;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Of pictures.
pub(super) const SCALE: u32 = 90_000;
/// Compressed pictures that wait before the decoder; then whoever sends waits.
const QUEUE_PICTURES: u64 = 60;
const QUEUE_BYTES: u64 = 16 << 20;
/// More holes than fit between the probe and the encoders' ends.
const MAX_HOLES: usize = 64;

/// The pipeline of pictures.
pub(crate) struct Video {
    pub(crate) pipeline: gst::Pipeline,
    source: gst_app::AppSrc,
    shared: Arc<Shared>,
    last_dts: Option<i64>,
    hole: bool,
}

/// What the probe before the tee and the rungs' ends share.
pub(super) struct Shared {
    pictures: Mutex<Pictures>,
    pub(super) counts: Arc<Counts>,
    /// Pts of the latest pictures that came after a hole; each rung asks for them in its own time.
    holes: Mutex<BTreeSet<i64>>,
}

impl Shared {
    fn hole(&self, pts: i64) {
        let mut holes = self.holes.lock().unwrap_or_else(PoisonError::into_inner);
        holes.insert(pts);
        if holes.len() > MAX_HOLES {
            holes.pop_first();
        }
    }

    pub(super) fn is_after_hole(&self, pts: i64) -> bool {
        self.holes.lock().unwrap_or_else(PoisonError::into_inner).contains(&pts)
    }

    fn pictures(&self) -> MutexGuard<'_, Pictures> {
        self.pictures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What makes an element; in one place, as the error names it.
pub(crate) fn element(name: &str) -> Result<gst::Element, String> {
    gst::ElementFactory::make(name).build().map_err(|e| format!("GStreamer has no {name}: {e}"))
}

impl Video {
    /// Builds and starts it, for pictures of `parameters` at first.
    pub(crate) fn start(
        encoder: Encoder,
        rungs: &[Rung],
        options: Options,
        parameters: &Parameters,
        counts: &Arc<Counts>,
        outbox: &Outbox,
    ) -> Result<Self, String> {
        let failed = |what: &str| format!("the pipeline of pictures: {what}");
        let pipeline = gst::Pipeline::new();
        let source = gst_app::AppSrc::builder()
            .format(gst::Format::Time)
            .block(true)
            .max_buffers(QUEUE_PICTURES)
            .max_bytes(QUEUE_BYTES)
            .max_time(gst::ClockTime::ZERO)
            .caps(&bridge::caps(parameters))
            .build();
        let parse = element("h264parse")?;
        let decode = element("avdec_h264")?;
        // One thread holds no picture back for others; rungs run beside it. Damaged pictures are shown, and never end the stream.
        decode.set_property("max-threads", 1i32);
        decode.set_property("max-errors", -1i32);
        let convert = element("videoconvert")?;
        let planar = element("capsfilter")?;
        planar.set_property("caps", gst::Caps::builder("video/x-raw").field("format", SCALED_FORMAT).build());
        let tee = element("tee")?;
        let mut chain = vec![source.clone().upcast(), parse, decode];
        if options.deinterlace {
            let weave = element("deinterlace")?;
            // One picture per frame, so that times stay; progressive frames pass.
            weave.set_property_from_str("fields", "top");
            weave.set_property_from_str("mode", "auto");
            // It would take its pictures from a pool of x264enc's, which is too small for what both keep: they wait for ever.
            let own_pool = element("identity")?;
            own_pool.set_property("drop-allocation", true);
            chain.extend([weave, own_pool]);
        }
        chain.extend([convert, planar, tee.clone()]);
        pipeline.add_many(&chain).map_err(|e| failed(&e.to_string()))?;
        gst::Element::link_many(&chain).map_err(|e| failed(&e.to_string()))?;
        let shared =
            Arc::new(Shared { pictures: Mutex::default(), counts: Arc::clone(counts), holes: Mutex::default() });
        let milli_hz = match parameters {
            Parameters::Video(h264) => h264.frame_rate_milli(),
            Parameters::Audio(_) => None,
        };
        let all = Rungs { pipeline: &pipeline, encoder, options, milli_hz, shared: &shared, outbox };
        let mut before = tee.clone();
        for (n, rung) in rungs.iter().enumerate() {
            before = all.add(u8::try_from(n).map_err(|_| failed("too many rungs"))?, rung, &before)?;
        }
        let sink = tee.static_pad("sink").ok_or_else(|| failed("no pad"))?;
        watch(&sink, &source, &shared, options.when_slow);
        pipeline.set_state(gst::State::Playing).map_err(|e| failed(&e.to_string()))?;
        Ok(Self { pipeline, source, shared, last_dts: None, hole: false })
    }

    /// Pictures from here on need `parameters`.
    pub(crate) fn parameters(&mut self, parameters: &Parameters) {
        self.source.set_caps(Some(&bridge::caps(parameters)));
    }

    /// Frames are missing before the next one.
    pub(crate) fn discontinuity(&mut self) {
        self.hole = true;
    }

    /// The next picture, in decode order. Waits while too many wait.
    pub(crate) fn frame(&mut self, frame: SourceFrame) -> Result<(), String> {
        let counts = &self.shared.counts;
        counts.pictures_in.fetch_add(1, Relaxed);
        let times = bridge::clock_time(frame.pts, SCALE).zip(Some(bridge::clock_time(frame.dts, SCALE)));
        let in_order = self.last_dts.is_none_or(|last| frame.dts > last);
        let Some((pts, dts)) = times.filter(|_| in_order) else {
            counts.refused.fetch_add(1, Relaxed);
            return Ok(());
        };
        self.last_dts = Some(frame.dts);
        let after_hole = std::mem::take(&mut self.hole);
        self.shared.pictures().goes_in(frame.pts, frame.decode_only, after_hole, frame.cut);
        let buffer = bridge::buffer(frame.payload, dts, pts, frame.keyframe);
        self.source.push_buffer(buffer).map(|_| ()).map_err(|e| format!("the decoder takes no more pictures: {e}"))
    }

    /// No picture follows. The bus tells when all were sent.
    pub(crate) fn end(&self) {
        if let Err(e) = self.source.end_of_stream() {
            tracing::warn!("the end of the pictures was not taken: {e}");
        }
    }
}

impl Drop for Video {
    fn drop(&mut self) {
        // Its threads must not outlive it; an error here has nobody left to tell.
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

/// What a probe says of a picture that goes no further. `Drop` would have GStreamer 1.22 complain of each on stderr: the binding has let go of
/// the picture by then.
pub(super) const DROPPED: gst::PadProbeReturn = gst::PadProbeReturn::Handled;

/// Sends the IDRs that are due, and leaves out what is not to be encoded.
fn watch(sink: &gst::Pad, source: &gst_app::AppSrc, shared: &Arc<Shared>, when_slow: WhenSlow) {
    let (shared, source) = (Arc::clone(shared), source.downgrade());
    // One thread streams through a pad; the lock is never waited for.
    let memory = Mutex::new((Shed::default(), true, None::<i64>));
    sink.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        let Some(time) = info.buffer().and_then(|b| b.pts()) else { return DROPPED };
        let mut memory = memory.lock().unwrap_or_else(PoisonError::into_inner);
        let (shed, first, last_pts) = &mut *memory;
        let pts = bridge::ticks(time, SCALE);
        let marks = shared.pictures().comes_out(pts);
        let counts = &shared.counts;
        counts.decoded.fetch_add(1, Relaxed);
        if let Some(step) = last_pts.replace(pts).and_then(|last| pts.checked_sub(last)) {
            // A gap is not media; a second is longer than any picture but a slide's.
            let micros = u64::try_from(step).unwrap_or(0).min(u64::from(SCALE)) * 1_000_000 / u64::from(SCALE);
            counts.media_micros.fetch_add(micros, Relaxed);
        }
        let waiting = source.upgrade().map_or(0, |source| source.current_level_buffers());
        counts.waiting.store(u32::try_from(waiting).unwrap_or(u32::MAX), Relaxed);
        if marks.decode_only {
            return DROPPED;
        }
        if when_slow == WhenSlow::Shed && shed.leaves_out(Instant::now(), waiting, marks.cut || *first) {
            counts.shed.fetch_add(1, Relaxed);
            return DROPPED;
        }
        if marks.after_hole {
            shared.hole(pts);
        }
        if marks.cut && !*first {
            pad.send_event(encoder::key_unit(time));
        }
        if let Some(gst::PadProbeData::Buffer(buffer)) = &mut info.data {
            let buffer = buffer.make_mut();
            buffer.unset_flags(gst::BufferFlags::MARKER);
            if marks.cut {
                buffer.set_flags(gst::BufferFlags::MARKER);
            }
        }
        *first = false;
        gst::PadProbeReturn::Ok
    });
}
