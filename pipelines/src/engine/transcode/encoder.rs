//! The encoders: how each is made to do the same. An IDR where one is asked for and nowhere else, pictures in the order in which they go
//! in, average bitrate over about a second, NAL units after their lengths.
//!
//! What is set here is a wish: elements differ from version to version, and a property that one lacks is left out. What an encoder then
//! really does is what [`crate::probe`] looks at.

use super::video::element;
use gst::glib;
use gst::prelude::*;
use gstreamer as gst;
use pipelines::encoder::Encoder;
use pipelines::ladder::Rung;
use pipelines::message::Options;

/// Lookahead of x264, in time: more costs viewers latency, less costs quality. At most its preset's 10 pictures.
const LOOKAHEAD_MS: u32 = 400;
const LOOKAHEAD_MAX: u32 = 10;
/// From here two threads encode a rung, as one may not keep up with 60 pictures a second.
const TWO_THREADS_FROM_PX: u32 = 720;
/// Never by itself: segments decide.
const KEYFRAMES_EVERY: u32 = 100_000;
/// The longest that VA-API's element takes: half a minute of pictures; segments are shorter.
const VA_KEYFRAMES_EVERY: u32 = 1_024;
/// The rate control's window: a second, so that a segment of two is near its average.
const VBV_MS: u32 = 1_000;

/// Its element, and the plugin and package that bring it.
pub(crate) fn element_of(encoder: Encoder) -> (&'static str, crate::plugins::Plugin) {
    match encoder {
        Encoder::X264 => ("x264enc", ("x264", "gstreamer1.0-plugins-ugly")),
        Encoder::Nvenc => ("nvh264enc", ("nvcodec", "gstreamer1.0-plugins-bad")),
        Encoder::Qsv => ("qsvh264enc", ("qsv", "gstreamer1.0-plugins-bad")),
        Encoder::Va => ("vah264enc", ("va", "gstreamer1.0-plugins-bad")),
        Encoder::OpenH264 => ("openh264enc", ("openh264", "gstreamer1.0-plugins-bad")),
    }
}

/// The pictures that it takes.
pub(crate) fn raw_format(encoder: Encoder) -> &'static str {
    match encoder {
        Encoder::X264 | Encoder::OpenH264 => "I420",
        Encoder::Nvenc | Encoder::Qsv | Encoder::Va => "NV12",
    }
}

/// What comes out of [`chain`].
pub(crate) fn caps(encoder: Encoder) -> gst::Caps {
    let caps = gst::Caps::builder("video/x-h264").field("stream-format", "avc").field("alignment", "au");
    match encoder {
        Encoder::X264 => caps.field("profile", "high").build(),
        _ => caps.build(),
    }
}

/// From raw pictures of [`raw_format`] to [`caps`]. `milli_hz`: pictures per 1,000 s, where it is known.
///
/// # Errors
/// When an element is not there.
pub(crate) fn chain(
    encoder: Encoder,
    rung: &Rung,
    options: Options,
    milli_hz: Option<u32>,
) -> Result<Vec<gst::Element>, String> {
    let encode = element(element_of(encoder).0)?;
    let (bps, kbps) = (rung.bitrate_bps, (rung.bitrate_bps / 1000).max(1));
    let set = |name, value: u32| wish(&encode, name, &value.to_string());
    match encoder {
        Encoder::X264 => {
            x264(&encode, rung, options, milli_hz);
            return Ok(vec![encode]);
        }
        Encoder::OpenH264 => {
            set("bitrate", bps);
            set("gop-size", 0);
            wish(&encode, "rate-control", "bitrate");
            wish(&encode, "scene-change-detection", "false");
            wish(&encode, "complexity", "low");
        }
        Encoder::Nvenc => {
            set("bitrate", kbps);
            set("vbv-buffer-size", kbps * VBV_MS / 1000);
            wish(&encode, "rc-mode", "cbr");
            // Never by itself.
            wish(&encode, "gop-size", "-1");
            set("bframes", 0);
            set("rc-lookahead", 0);
            wish(&encode, "zerolatency", "true");
        }
        Encoder::Qsv => {
            set("bitrate", kbps);
            wish(&encode, "rate-control", "cbr");
            set("gop-size", KEYFRAMES_EVERY);
            set("idr-interval", 0);
            set("b-frames", 0);
        }
        Encoder::Va => {
            set("bitrate", kbps);
            set("cpb-size", kbps * VBV_MS / 1000);
            wish(&encode, "rate-control", "cbr");
            set("key-int-max", VA_KEYFRAMES_EVERY);
            set("b-frames", 0);
        }
    }
    // It says where a picture ends and gives the configuration by itself; most encoders write start codes.
    Ok(vec![encode, element("h264parse")?])
}

fn x264(encode: &gst::Element, rung: &Rung, options: Options, milli_hz: Option<u32>) {
    let lookahead =
        milli_hz.map_or(LOOKAHEAD_MAX, |hz| (hz.saturating_mul(LOOKAHEAD_MS) / 1_000_000).clamp(1, LOOKAHEAD_MAX));
    let threads = match options.encoder_threads {
        0 if rung.short_side_px() >= TWO_THREADS_FROM_PX => 2,
        0 => 1,
        n => u32::from(n),
    };
    encode.set_property_from_str("speed-preset", "veryfast");
    encode.set_property("bitrate", (rung.bitrate_bps / 1000).max(1));
    encode.set_property("vbv-buf-capacity", VBV_MS);
    encode.set_property("bframes", 0u32);
    encode.set_property("key-int-max", KEYFRAMES_EVERY);
    encode.set_property("rc-lookahead", i32::try_from(lookahead).unwrap_or(1));
    encode.set_property("sync-lookahead", 0i32);
    encode.set_property("threads", threads);
    encode.set_property("aud", false);
    encode.set_property("byte-stream", false);
    encode.set_property("option-string", "scenecut=0:open-gop=0");
}

/// Sets a property where there is one that takes this value.
fn wish(element: &gst::Element, name: &str, value: &str) {
    let set = element
        .find_property(name)
        .ok_or("there is none")
        .and_then(|spec| glib::Value::deserialize_with_pspec(value, &spec).map_err(|_| "it takes no such value"))
        .map(|value| element.set_property_from_value(name, &value));
    if let Err(why) = set {
        tracing::debug!("{name} of {} is left as it is: {why}", element.name());
    }
}

/// Asks the encoder behind a pad for an IDR at `at`, when it is sent there ahead of the picture.
pub(crate) fn key_unit(at: gst::ClockTime) -> gst::Event {
    // What gst_video_event_new_downstream_force_key_unit makes; its own crate would be one more library for these five fields.
    let fields = gst::Structure::builder("GstForceKeyUnit")
        .field("timestamp", at)
        .field("stream-time", at)
        .field("running-time", at)
        .field("all-headers", true)
        .field("count", 0u32)
        .build();
    gst::event::CustomDownstream::new(fields)
}
