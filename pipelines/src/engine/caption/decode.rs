//! A session's sound: `appsrc ! avdec_aac ! audioconvert ! audioresample ! appsink`, from AAC to what recognisers take.

use super::loudness::Meter;
use super::queue::{Piece, Queue};
use super::recogniser::{SAMPLE_RATE_HZ, micros};
use super::session::Counts;
use crate::bridge;
use crate::transcode::video::element;
use bytes::Bytes;
use gst::prelude::*;
use gstreamer as gst;
use gstreamer_app as gst_app;
use media::codec::aac::Aac;
use media::track::Parameters;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

/// Access units that wait for the decoder. It is a hundred times faster than time: only a machine at its end fills this, and then what
/// comes is dropped until half of it is through.
const MAX_WAITING: u64 = 4096;
const MICROS: u32 = 1_000_000;

/// The pipeline of one session.
pub(super) struct Decoder {
    pipeline: gst::Pipeline,
    source: gst_app::AppSrc,
    aac: Arc<Aac>,
    last_pts: Option<i64>,
    discontinuity: bool,
    dropping: bool,
    counts: Arc<Counts>,
}

impl Decoder {
    /// Builds and starts it; what it makes is put into `queue`, and at its end the queue is ended.
    pub(super) fn start(aac: &Arc<Aac>, queue: &Arc<Queue>, counts: &Arc<Counts>) -> Result<Self, String> {
        let failed = |e: &dyn std::fmt::Display| format!("the pipeline of sound: {e}");
        let pipeline = gst::Pipeline::new();
        let source = gst_app::AppSrc::builder()
            .format(gst::Format::Time)
            .block(false)
            .max_buffers(MAX_WAITING)
            .max_bytes(0)
            .max_time(gst::ClockTime::ZERO)
            .caps(&caps(aac))
            .build();
        let decode = element("avdec_aac")?;
        decode.set_property("max-errors", -1i32);
        let wanted = gst::Caps::builder("audio/x-raw")
            .field("format", "S16LE")
            .field("layout", "interleaved")
            .field("rate", i32::try_from(SAMPLE_RATE_HZ).unwrap_or(16_000))
            .field("channels", 1i32)
            .build();
        let sink =
            gst_app::AppSink::builder().caps(&wanted).sync(false).async_(false).callbacks(taker(queue, counts)).build();
        let chain =
            [source.clone().upcast(), decode, element("audioconvert")?, element("audioresample")?, sink.upcast()];
        pipeline.add_many(&chain).map_err(|e| failed(&e))?;
        gst::Element::link_many(&chain).map_err(|e| failed(&e))?;
        pipeline.set_state(gst::State::Playing).map_err(|e| failed(&e))?;
        Ok(Self {
            pipeline,
            source,
            aac: Arc::clone(aac),
            last_pts: None,
            discontinuity: false,
            dropping: false,
            counts: Arc::clone(counts),
        })
    }

    /// What follows needs `aac`; its times are in its scale.
    pub(super) fn parameters(&mut self, aac: &Arc<Aac>) {
        if self.aac == *aac {
            return;
        }
        self.aac = Arc::clone(aac);
        self.last_pts = None;
        self.source.set_caps(Some(&caps(aac)));
    }

    /// Sound is missing before the next.
    pub(super) fn discontinuity(&mut self) {
        self.discontinuity = true;
        self.last_pts = None;
    }

    /// One access unit. Never waits.
    pub(super) fn sound(&mut self, pts: i64, payload: Bytes) {
        let rate = self.aac.sample_rate_hz();
        let waiting = self.source.current_level_buffers();
        self.dropping = waiting >= if self.dropping { MAX_WAITING / 2 } else { MAX_WAITING };
        if self.dropping {
            let micros = u64::from(self.aac.samples_per_frame()) * 1_000_000 / u64::from(rate.max(1));
            self.counts.dropped_micros.fetch_add(micros, Relaxed);
            self.discontinuity = true;
            return;
        }
        let in_order = self.last_pts.is_none_or(|last| pts > last);
        let Some(time) = bridge::clock_time(pts, rate).filter(|_| in_order) else {
            self.counts.refused.fetch_add(1, Relaxed);
            return;
        };
        self.last_pts = Some(pts);
        let mut buffer = bridge::buffer(payload, Some(time), time, true);
        if std::mem::take(&mut self.discontinuity)
            && let Some(buffer) = buffer.get_mut()
        {
            buffer.set_flags(gst::BufferFlags::DISCONT);
        }
        if self.source.push_buffer(buffer).is_err() {
            // The pipeline has failed; its bus says why.
            self.counts.refused.fetch_add(1, Relaxed);
        }
    }

    /// No sound follows.
    pub(super) fn end(&self) {
        if let Err(e) = self.source.end_of_stream() {
            tracing::warn!("the end of the sound was not taken: {e}");
        }
    }

    /// Why it has failed, if it has.
    pub(super) fn failure(&self) -> Option<String> {
        let message = self.pipeline.bus()?.pop_filtered(&[gst::MessageType::Error])?;
        let gst::MessageView::Error(e) = message.view() else { return None };
        let who = e.src().map(|s| s.name().to_string()).unwrap_or_default();
        Some(format!("{who}: {} ({})", e.error(), e.debug().unwrap_or_default()))
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        // It only stops; what fails then has nobody to tell.
        let _ = self.pipeline.set_state(gst::State::Null);
    }
}

fn caps(aac: &Arc<Aac>) -> gst::Caps {
    bridge::caps(&Parameters::Audio(Arc::clone(aac)))
}

fn taker(queue: &Arc<Queue>, counts: &Arc<Counts>) -> gst_app::AppSinkCallbacks {
    let mut meter = Meter::default();
    let (ended, queue, counts) = (Arc::clone(queue), Arc::clone(queue), Arc::clone(counts));
    gst_app::AppSinkCallbacks::builder()
        .new_sample(move |sink| {
            let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
            let start_micros = bridge::running_ticks(&sample, MICROS).ok_or(gst::FlowError::Error)?;
            let bytes = bridge::payload(&sample).ok_or(gst::FlowError::Error)?;
            let samples: Vec<i16> = bytes.as_chunks::<2>().0.iter().map(|pair| i16::from_le_bytes(*pair)).collect();
            if let Some(loudness) = meter.hear(&samples) {
                counts.peak.store(loudness.peak, Relaxed);
                counts.mean.store(loudness.mean, Relaxed);
            }
            let dropped = queue.put(Piece { start_micros, samples }, Instant::now());
            counts.dropped_micros.fetch_add(u64::try_from(micros(dropped)).unwrap_or(0), Relaxed);
            Ok(gst::FlowSuccess::Ok)
        })
        .eos(move |_| ended.end())
        .build()
}
