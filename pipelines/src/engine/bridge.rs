//! Where GStreamer's types meet ours: times, payloads, decoder configurations. Nothing is copied.
//!
//! GStreamer counts nanoseconds. A tick of 90 kHz is 11,111 of them, a sample of 96 kHz 10,416, so rounding to nearest there and back
//! gives the same tick: [`clock_time`] and [`ticks`] are exact inverses.

use bytes::Bytes;
use gstreamer as gst;
use media::codec::aac::Aac;
use media::codec::h264::{H264, Orientation};
use media::track::Parameters;
use std::sync::Arc;

const NANOS: i128 = 1_000_000_000;

/// `ticks` of `scale` a second; `None` when negative or beyond what GStreamer counts.
pub(crate) fn clock_time(ticks: i64, scale: u32) -> Option<gst::ClockTime> {
    let scale = i128::from(scale);
    let nanos = (i128::from(ticks) * NANOS + scale / 2).div_euclid(scale);
    // The largest value means "none" to GStreamer; half of it is 292 years.
    u64::try_from(nanos).ok().filter(|n| *n < u64::MAX / 2).map(gst::ClockTime::from_nseconds)
}

/// The tick nearest to `time`.
pub(crate) fn ticks(time: gst::ClockTime, scale: u32) -> i64 {
    signed_ticks(i128::from(time.nseconds()), scale)
}

/// The running time of a buffer's pts in its segment, as ticks. x264enc's pts are 1,000 h ahead, and its segment takes them back: only
/// running times are comparable. `None` when the buffer has no pts.
pub(crate) fn running_ticks(sample: &gst::SampleRef, scale: u32) -> Option<i64> {
    let pts = sample.buffer()?.pts()?;
    let segment = sample.segment()?.downcast_ref::<gst::ClockTime>()?;
    match segment.to_running_time_full(pts)? {
        gst::Signed::Positive(time) => Some(signed_ticks(i128::from(time.nseconds()), scale)),
        gst::Signed::Negative(time) => Some(signed_ticks(-i128::from(time.nseconds()), scale)),
    }
}

fn signed_ticks(nanos: i128, scale: u32) -> i64 {
    let ticks = (nanos * i128::from(scale) + NANOS / 2).div_euclid(NANOS);
    i64::try_from(ticks).unwrap_or(i64::MAX)
}

/// A buffer that shares `payload`.
pub(crate) fn buffer(payload: Bytes, dts: Option<gst::ClockTime>, pts: gst::ClockTime, keyframe: bool) -> gst::Buffer {
    let mut buffer = gst::Buffer::from_slice(payload);
    if let Some(buffer) = buffer.get_mut() {
        buffer.set_pts(pts);
        buffer.set_dts(dts);
        if !keyframe {
            buffer.set_flags(gst::BufferFlags::DELTA_UNIT);
        }
    }
    buffer
}

/// The bytes of `sample`'s buffer, which live as long as they are needed. `None` when it can't be read.
pub(crate) fn payload(sample: &gst::SampleRef) -> Option<Bytes> {
    let mapped = sample.buffer_owned()?.into_mapped_buffer_readable().ok()?;
    Some(Bytes::from_owner(Mapped(mapped)))
}

struct Mapped(gst::MappedBuffer<gst::buffer::Readable>);

impl AsRef<[u8]> for Mapped {
    fn as_ref(&self) -> &[u8] {
        self.0.as_slice()
    }
}

/// What a decoder is told before frames of `parameters`.
pub(crate) fn caps(parameters: &Parameters) -> gst::Caps {
    match parameters {
        Parameters::Video(h264) => {
            let caps = gst::Caps::builder("video/x-h264")
                .field("stream-format", "avc")
                .field("alignment", "au")
                .field("codec_data", gst::Buffer::from_slice(h264.avcc().clone()))
                .field("width", i32::try_from(h264.width()).unwrap_or(i32::MAX))
                .field("height", i32::try_from(h264.height()).unwrap_or(i32::MAX));
            caps.build()
        }
        Parameters::Audio(aac) => gst::Caps::builder("audio/mpeg")
            .field("mpegversion", 4i32)
            .field("stream-format", "raw")
            .field("framed", true)
            .field("codec_data", gst::Buffer::from_slice(aac.asc().clone()))
            .field("rate", i32::try_from(aac.sample_rate_hz()).unwrap_or(i32::MAX))
            .field("channels", i32::from(aac.channels()))
            .build(),
    }
}

/// What `videoflip` calls it. It mirrors or turns; a turn of a mirrored picture is a mirror along a diagonal.
pub(crate) fn direction(orientation: Orientation) -> &'static str {
    match (orientation.is_mirrored(), orientation.quarters()) {
        (false, 0) => "identity",
        (false, 1) => "90l",
        (false, 2) => "180",
        (false, _) => "90r",
        (true, 0) => "horiz",
        (true, 1) => "ul-lr",
        (true, 2) => "vert",
        (true, _) => "ur-ll",
    }
}

/// The decoder configuration that an encoder announces in its caps.
pub(crate) fn parameters(caps: &gst::CapsRef) -> Option<Parameters> {
    let structure = caps.structure(0)?;
    let record = structure.get::<gst::Buffer>("codec_data").ok()?.into_mapped_buffer_readable().ok()?;
    match structure.name().as_str() {
        "video/x-h264" => H264::from_avcc(&record).ok().map(|h264| Parameters::Video(Arc::new(h264))),
        "audio/mpeg" => Aac::from_asc(&record).ok().map(|aac| Parameters::Audio(Arc::new(aac))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_go_to_nanoseconds_and_back_unchanged() {
        for scale in [90_000, 48_000, 44_100, 96_000, 7_350] {
            for base in [0i64, 900_000, 90_000 * 86_400 * 365] {
                for n in 0..20_000 {
                    let at = base + n;
                    assert_eq!(ticks(clock_time(at, scale).unwrap(), scale), at, "{at} of {scale}");
                }
            }
        }
        assert_eq!(clock_time(-1, 90_000).map(|t| t.nseconds()), None);
        assert_eq!(clock_time(i64::MAX, 1), None);
    }
}
