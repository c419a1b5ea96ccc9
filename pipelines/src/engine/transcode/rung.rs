//! A rung: `queue ! [scale] ! tee [! videoflip] [! videoconvert] ! encoder ! appsink`, from the pictures of the one before (or the decoder's)
//! to the server.

use super::encoder;
use super::scale::{SCALED_FORMAT, scale};
use super::video::{DROPPED, SCALE, Shared, element};
use crate::bridge;
use crate::channel::Outbox;
use gst::prelude::*;
use gstreamer as gst;
use gstreamer_app as gst_app;
use media::codec::h264;
use media::track::Parameters;
use pipelines::encoder::Encoder;
use pipelines::ladder::{Halving, Rung};
use pipelines::message::{EncodedFrame, FromEngine, Options, Rendition};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Decoded pictures that wait before a rung: 3 MB each at 1080p.
const QUEUE_PICTURES: u32 = 4;

/// What all rungs have in common.
pub(super) struct Rungs<'a> {
    pub(super) pipeline: &'a gst::Pipeline,
    pub(super) encoder: Encoder,
    pub(super) options: Options,
    /// Pictures per 1,000 s, where it is known.
    pub(super) milli_hz: Option<u32>,
    pub(super) shared: &'a Arc<Shared>,
    pub(super) outbox: &'a Outbox,
}

impl Rungs<'_> {
    /// Adds rung `n` behind the tee `before`. Gives the tee that the next smaller one stands behind.
    pub(super) fn add(&self, n: u8, rung: &Rung, before: &gst::Element) -> Result<gst::Element, String> {
        let failed = |e: gst::glib::BoolError| format!("rung {n}: {e}");
        let queue = element("queue")?;
        queue.set_property("max-size-buffers", QUEUE_PICTURES);
        queue.set_property("max-size-bytes", 0u32);
        queue.set_property("max-size-time", 0u64);
        let pad = queue.static_pad("src").ok_or_else(|| format!("rung {n}: no pad"))?;
        if rung.halving == Halving::EveryOther {
            halve(&pad);
        }
        // Turned after it was scaled: there are fewer pixels then.
        let scaled = scale(&pad, self.options.orientation.shown((rung.width, rung.height)))?;
        let smaller = element("tee")?;
        let mut chain = vec![queue.clone(), scaled, smaller.clone()];
        if !self.options.orientation.is_upright() {
            let turn = element("videoflip")?;
            turn.set_property_from_str("video-direction", bridge::direction(self.options.orientation));
            chain.push(turn);
        }
        if encoder::raw_format(self.encoder) != SCALED_FORMAT {
            let raw = element("capsfilter")?;
            let format = encoder::raw_format(self.encoder);
            raw.set_property("caps", gst::Caps::builder("video/x-raw").field("format", format).build());
            chain.extend([element("videoconvert")?, raw]);
        }
        chain.extend(encoder::chain(self.encoder, rung, self.options, self.milli_hz)?);
        let sink = gst_app::AppSink::builder()
            .caps(&encoder::caps(self.encoder))
            .sync(false)
            .async_(false)
            .callbacks(self.taker(n))
            .build();
        chain.push(sink.upcast());
        self.pipeline.add_many(&chain).map_err(failed)?;
        gst::Element::link_many(&chain).map_err(failed)?;
        before.link(&queue).map_err(failed)?;
        Ok(smaller)
    }

    /// Takes what rung `n` encoded.
    fn taker(&self, n: u8) -> gst_app::AppSinkCallbacks {
        let (shared, outbox) = (Arc::clone(self.shared), self.outbox.clone());
        let rendition = Rendition::Rung(n);
        let (mut known, mut first) = (None::<Parameters>, true);
        gst_app::AppSinkCallbacks::builder()
            .new_sample(move |sink| {
                let sample = sink.pull_sample().map_err(|_| gst::FlowError::Eos)?;
                let parameters = sample.caps().and_then(bridge::parameters).ok_or(gst::FlowError::NotNegotiated)?;
                if known.as_ref() != Some(&parameters) {
                    known = Some(parameters.clone());
                    told(outbox.send(&FromEngine::Parameters { rendition, parameters }))?;
                }
                let pts = bridge::running_ticks(&sample, SCALE).ok_or(gst::FlowError::Error)?;
                let payload = bridge::payload(&sample).ok_or(gst::FlowError::Error)?;
                let keyframe = h264::is_keyframe(&payload);
                let after_hole = std::mem::take(&mut first) || (keyframe && shared.is_after_hole(pts));
                shared.counts.encoded.fetch_add(1, Relaxed);
                // Without B-frames the orders are the same.
                told(outbox.send(&FromEngine::Frame(EncodedFrame {
                    rendition,
                    dts: pts,
                    pts,
                    keyframe,
                    after_hole,
                    payload,
                })))
            })
            .build()
    }
}

/// Leaves out one of two pictures, but none that begins a segment: it is the first of its pair.
fn halve(pad: &gst::Pad) {
    let keep_next = AtomicBool::new(true);
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        let must = info.buffer().is_some_and(|b| b.flags().contains(gst::BufferFlags::MARKER));
        let keep = keep_next.load(Relaxed) || must;
        keep_next.store(!keep, Relaxed);
        if keep { gst::PadProbeReturn::Ok } else { DROPPED }
    });
}

/// What a sink answers when a message was put, or was not because nobody reads.
pub(super) fn told(sent: bool) -> Result<gst::FlowSuccess, gst::FlowError> {
    if sent { Ok(gst::FlowSuccess::Ok) } else { Err(gst::FlowError::Eos) }
}
