//! Sound: `appsrc ! avdec_aac ! audioconvert ! audioresample ! avenc_aac ! appsink`.

use super::counts::Counts;
use super::rung::told;
use super::video::element;
use crate::bridge;
use crate::channel::Outbox;
use gst::prelude::*;
use gstreamer as gst;
use gstreamer_app as gst_app;
use media::track::Parameters;
use pipelines::message::{AudioPlan, EncodedFrame, FromEngine, Rendition, SourceFrame};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// Frames that wait before the decoder: two seconds.
const QUEUE_FRAMES: u64 = 100;
/// Samples of AAC-LC in a frame; a step of more than two is a hole.
const FRAME_SAMPLES: i64 = 1024;
/// By so much what a frame of avenc_aac decodes to is behind what went in with its time: the first frame only begins the overlap, and
/// GStreamer 1.22 gives it the first sample's time.
const PRIMING_SAMPLES: i64 = FRAME_SAMPLES;

/// The pipeline of sound.
pub(crate) struct Audio {
    pub(crate) pipeline: gst::Pipeline,
    source: gst_app::AppSrc,
    scale: u32,
    last_dts: Option<i64>,
    counts: Arc<Counts>,
}

impl Audio {
    /// Builds and starts it, or `None` when there is nothing to do for `plan`.
    pub(crate) fn start(
        plan: AudioPlan,
        parameters: &Parameters,
        counts: &Arc<Counts>,
        outbox: &Outbox,
    ) -> Result<Option<Self>, String> {
        let AudioPlan::Encode { bitrate_bps, sample_rate_hz, channels } = plan else { return Ok(None) };
        let failed = |e: &dyn std::fmt::Display| format!("the pipeline of sound: {e}");
        let pipeline = gst::Pipeline::new();
        let source = gst_app::AppSrc::builder()
            .format(gst::Format::Time)
            .block(true)
            .max_buffers(QUEUE_FRAMES)
            .max_bytes(0)
            .max_time(gst::ClockTime::ZERO)
            .caps(&bridge::caps(parameters))
            .build();
        let decode = element("avdec_aac")?;
        decode.set_property("max-errors", -1i32);
        let raw = element("capsfilter")?;
        raw.set_property(
            "caps",
            gst::Caps::builder("audio/x-raw")
                .field("rate", i32::try_from(sample_rate_hz).unwrap_or(48_000))
                .field("channels", i32::from(channels))
                .build(),
        );
        let encode = element("avenc_aac")?;
        encode.set_property("bitrate", i32::try_from(bitrate_bps).unwrap_or(128_000));
        let sink = gst_app::AppSink::builder()
            .caps(&gst::Caps::builder("audio/mpeg").field("stream-format", "raw").build())
            .sync(false)
            .async_(false)
            .callbacks(taker(sample_rate_hz, outbox))
            .build();
        let chain = [
            source.clone().upcast(),
            decode,
            element("audioconvert")?,
            element("audioresample")?,
            raw,
            encode,
            sink.upcast(),
        ];
        pipeline.add_many(&chain).map_err(|e| failed(&e))?;
        gst::Element::link_many(&chain).map_err(|e| failed(&e))?;
        pipeline.set_state(gst::State::Playing).map_err(|e| failed(&e))?;
        let scale = parameters.timescale().get();
        Ok(Some(Self { pipeline, source, scale, last_dts: None, counts: Arc::clone(counts) }))
    }

    /// Frames from here on need `parameters`; their times are in its scale.
    pub(crate) fn parameters(&mut self, parameters: &Parameters) {
        self.scale = parameters.timescale().get();
        self.last_dts = None;
        self.source.set_caps(Some(&bridge::caps(parameters)));
    }

    /// The next frame. Waits while too many wait.
    pub(crate) fn frame(&mut self, frame: SourceFrame) -> Result<(), String> {
        let in_order = self.last_dts.is_none_or(|last| frame.dts > last);
        let Some(pts) = bridge::clock_time(frame.pts, self.scale).filter(|_| in_order) else {
            self.counts.refused.fetch_add(1, Relaxed);
            return Ok(());
        };
        self.last_dts = Some(frame.dts);
        let buffer = bridge::buffer(frame.payload, Some(pts), pts, true);
        self.source.push_buffer(buffer).map(|_| ()).map_err(|e| format!("the decoder takes no more sound: {e}"))
    }

    /// No frame follows.
    pub(crate) fn end(&self) {
        if let Err(e) = self.source.end_of_stream() {
            tracing::warn!("the end of the sound was not taken: {e}");
        }
    }
}

impl Drop for Audio {
    fn drop(&mut self) {
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

fn taker(scale: u32, outbox: &Outbox) -> gst_app::AppSinkCallbacks {
    let outbox = outbox.clone();
    let rendition = Rendition::Audio;
    let (mut known, mut last) = (None::<Parameters>, None::<i64>);
    gst_app::AppSinkCallbacks::builder()
        .new_sample(move |sink| {
            let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
            let parameters = sample.caps().and_then(bridge::parameters).ok_or(gst::FlowError::NotNegotiated)?;
            if known.as_ref() != Some(&parameters) {
                known = Some(parameters.clone());
                told(outbox.send(&FromEngine::Parameters { rendition, parameters }))?;
            }
            let pts = bridge::running_ticks(&sample, scale).ok_or(gst::FlowError::Error)? - PRIMING_SAMPLES;
            let payload = bridge::payload(&sample).ok_or(gst::FlowError::Error)?;
            let after_hole = last.replace(pts).is_none_or(|last| pts.saturating_sub(last) > 2 * FRAME_SAMPLES);
            told(outbox.send(&FromEngine::Frame(EncodedFrame {
                rendition,
                dts: pts,
                pts,
                keyframe: true,
                after_hole,
                payload,
            })))
        })
        .build()
}
