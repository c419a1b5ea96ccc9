//! What a ladder costs, estimated before it runs, and whether a machine has that much.
//!
//! The figures are core-seconds per second of media, fitted to what was measured with GStreamer 1.22 and x264 `veryfast`, two threads, on
//! 1080p30 at 4 Mbit/s: decoding alone 0.124; with 720p, 480p, 360p, AAC and 16 kHz sound 0.69. The estimate admits a live; what it
//! really takes is measured then ([`crate::message::Stats::cores_since`]), and is what others are admitted beside.

use super::{Halving, Ladder, Rung, Source, SourceSound, SourceVideo};

/// 0.124 cores for the 62.2 megapixels a second of 1080p30.
const DECODE_PER_MEGAPIXEL: f64 = 0.0020;
/// Each rung reads the whole decoded picture to scale it. From the constant part of 0.22, 0.18 and 0.14 cores for three sizes.
const SCALE_PER_SOURCE_MEGAPIXEL: f64 = 0.0018;
/// The growing part of the same three.
const ENCODE_PER_MEGAPIXEL: f64 = 0.0042;
/// Weaving fields out reads and writes each source picture once more; about a scaling.
const DEINTERLACE_PER_MEGAPIXEL: f64 = 0.0018;
/// 0.027 for decoding, encoding AAC and resampling to 16 kHz.
const AUDIO_ENCODE: f64 = 0.02;

/// Cores that `ladder` is expected to take, `source` being what it was made for.
#[must_use]
pub fn cores(ladder: &Ladder, source: &Source) -> f64 {
    let sound = if matches!(ladder.audio, SourceSound::Reencode { .. }) { AUDIO_ENCODE } else { 0.0 };
    let rungs = ladder.encoded();
    let Some(video) = source.video.filter(|_| !rungs.is_empty()) else { return sound };
    let in_rate = megapixels(video.width, video.height, video.milli_hz());
    let decode = in_rate * DECODE_PER_MEGAPIXEL;
    let deinterlace = if ladder.deinterlace { in_rate * DEINTERLACE_PER_MEGAPIXEL } else { 0.0 };
    sound + decode + deinterlace + rungs.iter().map(|rung| rung_cores(rung, &video)).sum::<f64>()
}

fn rung_cores(rung: &Rung, video: &SourceVideo) -> f64 {
    let milli_hz = match rung.halving {
        Halving::No => video.milli_hz(),
        Halving::EveryOther => video.milli_hz() / 2,
    };
    let same_size = video.orientation.shown((rung.width, rung.height)) == (video.width, video.height);
    let scale =
        if same_size { 0.0 } else { megapixels(video.width, video.height, milli_hz) * SCALE_PER_SOURCE_MEGAPIXEL };
    scale + megapixels(rung.width, rung.height, milli_hz) * ENCODE_PER_MEGAPIXEL
}

/// Megapixels per second.
fn megapixels(width: u32, height: u32, milli_hz: u32) -> f64 {
    f64::from(width) * f64::from(height) * f64::from(milli_hz) / 1e9
}

/// What engines may use of a machine.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Budget {
    /// Processors of the machine.
    pub cores: f64,
    /// The part of them that engines may use, 0.0 to 1.0. The rest is for ingest, playlists and viewers.
    pub share: f64,
}

impl Budget {
    /// Whether engines that take `used` cores (measured where it is, else estimated) leave room for `wanted` more.
    #[must_use]
    pub fn admits(&self, used: f64, wanted: f64) -> bool {
        used + wanted <= self.cores * self.share
    }

    /// Cores that engines may use beside `used`.
    #[must_use]
    pub fn free(&self, used: f64) -> f64 {
        (self.cores * self.share - used).max(0.0)
    }
}
