//! Which renditions a source gets, and what they cost. Pure rules; the server asks, an engine obeys.
//!
//! - [`plan`]: source and preset → [`Ladder`];
//! - [`preset`]: what broadcasters can choose;
//! - [`cost`]: cores per ladder, and whether there are so many;
//! - [`fit`]: the part of a ladder that there is room for.
//!
//! Promises: nothing is ever upscaled; sides are even; the shown shape is kept (rungs are upright and have square pixels); the source is
//! passed through whenever browsers can play it as it is.

pub mod cost;
pub mod fit;
pub mod preset;
#[cfg(test)]
mod table;

pub use preset::Preset;

use crate::message::{AudioPlan, MAX_RUNGS, Options, Start};
use media::codec::aac::Aac;
use media::codec::h264::{H264, Orientation};

/// Longest distance of keyframes that still lets segments begin in time: TARGETDURATION is 4 s.
const MAX_GOP_MS: u32 = 4_000;
/// Largest short side that is passed through: 1080p, which phones decode in hardware.
const MAX_PASSED_SIDE_PX: u32 = 1080;
/// A rung nearer to the source's size than this, in tenths, would cost an encoder for nothing a viewer sees.
const RUNG_AT_MOST_TENTHS: u32 = 9;
/// Above this a picture is left out of every two in rungs below [`FULL_RATE_FROM_PX`]: 30 fps with some measuring error.
const HALVED_ABOVE_MILLI_HZ: u32 = 31_000;
/// Short side from which a rung keeps every picture.
const FULL_RATE_FROM_PX: u32 = 720;
/// Twice the pictures cost less than twice the bits, as neighbours are more alike; in tenths.
const HIGH_RATE_BITRATE_TENTHS: u32 = 14;
/// Pictures that come so much faster than is announced, in percent, are believed: encoders that forget that a frame has two fields announce half.
const FASTER_PERCENT: u64 = 125;
/// What is not known is taken as this, for bitrates and cost.
const USUAL_MILLI_HZ: u32 = 30_000;

/// What a contribution brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    /// Its pictures, if there are any.
    pub video: Option<SourceVideo>,
    /// Its sound, if there is any.
    pub audio: Option<SourceAudio>,
}

/// A contribution's pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceVideo {
    /// Pixels, after cropping.
    pub width: u32,
    /// Pixels, after cropping.
    pub height: u32,
    /// Pictures per 1,000 s, announced or measured.
    pub frame_rate_milli: Option<u32>,
    /// Longest distance of keyframes that was seen. `None` while it is not known; then it is taken as short.
    pub gop_ms: Option<u32>,
    /// Fields may be coded, which browsers show as combs.
    pub interlaced: bool,
    /// `profile_idc` of the SPS.
    pub profile_idc: u8,
    /// Width to height of a pixel.
    pub pixel_aspect: (u16, u16),
    /// How pictures must be turned before they are shown. Browsers do not read it.
    pub orientation: Orientation,
}

impl SourceVideo {
    /// From the decoder configuration, and what was measured of the GOP.
    #[must_use]
    pub fn new(h264: &H264, gop_ms: Option<u32>) -> Self {
        Self {
            width: h264.width(),
            height: h264.height(),
            frame_rate_milli: h264.frame_rate_milli(),
            gop_ms,
            interlaced: h264.interlaced(),
            profile_idc: h264.profile_idc(),
            pixel_aspect: h264.pixel_aspect(),
            orientation: h264.orientation(),
        }
    }

    /// The same, of which so many pictures per 1,000 s were measured. Only more than are announced say anything: slides come slowly, and may
    /// come faster.
    #[must_use]
    pub fn measured(self, milli_hz: Option<u32>) -> Self {
        let faster = |measured: &u32| {
            self.frame_rate_milli
                .is_none_or(|announced| u64::from(*measured) * 100 > u64::from(announced) * FASTER_PERCENT)
        };
        Self { frame_rate_milli: milli_hz.filter(faster).or(self.frame_rate_milli), ..self }
    }

    /// Baseline, main and high; the others have more colour or depth than browsers decode (ITU-T H.264 annex A).
    fn plays_in_browsers(&self) -> bool {
        matches!(self.profile_idc, 66 | 77 | 100) && !self.interlaced
    }

    /// Width and height as shown, upright and in square pixels. Wide pixels are shown by more of them across, never by fewer lines.
    fn shown(&self) -> (u32, u32) {
        self.orientation.shown(self.squared())
    }

    fn squared(&self) -> (u32, u32) {
        let (w, h) = self.pixel_aspect;
        if w == 0 || h == 0 || w == h {
            return (self.width, self.height);
        }
        let scaled = |side: u32, by: u16, of: u16| {
            let scaled = (u64::from(side) * u64::from(by) + u64::from(of) / 2) / u64::from(of);
            u32::try_from(scaled).unwrap_or(u32::MAX)
        };
        if w > h { (scaled(self.width, w, h), self.height) } else { (self.width, scaled(self.height, h, w)) }
    }

    fn milli_hz(&self) -> u32 {
        self.frame_rate_milli.unwrap_or(USUAL_MILLI_HZ)
    }
}

/// A contribution's sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceAudio {
    /// Audio object type of AAC: 2 is LC.
    pub object_type: u8,
    /// Samples per second.
    pub sample_rate_hz: u32,
    /// 1 to 8.
    pub channels: u8,
}

impl SourceAudio {
    /// From the decoder configuration.
    #[must_use]
    pub fn new(aac: &Aac) -> Self {
        Self { object_type: aac.object_type(), sample_rate_hz: aac.sample_rate_hz(), channels: aac.channels() }
    }

    /// What every player decodes: LC, at most 48 kHz, at most 2 channels.
    fn plays_everywhere(&self) -> bool {
        self.object_type == 2 && self.sample_rate_hz <= 48_000 && self.channels <= 2
    }
}

/// A rendition to encode. Square pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rung {
    /// Pixels; even.
    pub width: u32,
    /// Pixels; even.
    pub height: u32,
    /// Average; a second's peak is not much more.
    pub bitrate_bps: u32,
    /// Whether it has all pictures.
    pub halving: Halving,
}

impl Rung {
    /// Its usual name: the short side, as in `720p`.
    #[must_use]
    pub fn short_side_px(&self) -> u32 {
        self.width.min(self.height)
    }
}

/// Whether a rung has all pictures of the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Halving {
    /// All.
    No,
    /// One of two is left out, but never one that begins a segment.
    EveryOther,
}

/// What becomes of the source's own quality.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceRendition {
    /// As it came.
    PassThrough,
    /// Encoded at its size (at most 1080p), because of this.
    Reencode(Rung, Why),
    /// There are no pictures.
    None,
}

/// Why a source can't be passed through. In the order in which it is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Its profile is none that browsers decode.
    Profile,
    /// Browsers would show combs.
    Interlaced,
    /// Browsers would show it lying or mirrored.
    Turned,
    /// More than 1080p.
    Size,
    /// Keyframes are too far apart for segments.
    Gop,
}

/// What becomes of the source's sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SourceSound {
    /// As it came.
    PassThrough,
    /// AAC-LC is made of it.
    Reencode {
        /// Bits per second.
        bitrate_bps: u32,
        /// Samples per second.
        sample_rate_hz: u32,
        /// 1 or 2.
        channels: u8,
    },
    /// There is none.
    None,
}

/// All renditions of a live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ladder {
    /// The best one.
    pub source: SourceRendition,
    /// Those below it, the largest first.
    pub rungs: Vec<Rung>,
    /// The sound.
    pub audio: SourceSound,
    /// Fields are woven out before anything is encoded.
    pub deinterlace: bool,
    /// How pictures are turned before they are encoded.
    pub orientation: Orientation,
}

impl Ladder {
    /// What an engine has to encode, the largest first. Rendition n of its messages is rung n here.
    #[must_use]
    pub fn encoded(&self) -> Vec<Rung> {
        let source = match self.source {
            SourceRendition::Reencode(rung, _) => Some(rung),
            SourceRendition::PassThrough | SourceRendition::None => None,
        };
        source.into_iter().chain(self.rungs.iter().copied()).take(MAX_RUNGS).collect()
    }

    /// Whether an engine is needed at all.
    #[must_use]
    pub fn needs_engine(&self) -> bool {
        !self.encoded().is_empty() || matches!(self.audio, SourceSound::Reencode { .. })
    }

    /// The order to an engine.
    #[must_use]
    pub fn start(&self, session: u64) -> Start {
        Start {
            session,
            rungs: self.encoded(),
            audio: match self.audio {
                SourceSound::Reencode { bitrate_bps, sample_rate_hz, channels } => {
                    AudioPlan::Encode { bitrate_bps, sample_rate_hz, channels }
                }
                SourceSound::PassThrough | SourceSound::None => AudioPlan::Leave,
            },
            options: Options { deinterlace: self.deinterlace, orientation: self.orientation, ..Options::default() },
        }
    }
}

/// The ladder of `source` by the broadcaster's `preset`.
#[must_use]
pub fn plan(source: &Source, preset: &Preset) -> Ladder {
    let audio = match source.audio {
        None => SourceSound::None,
        Some(audio) if audio.plays_everywhere() => SourceSound::PassThrough,
        Some(audio) => SourceSound::Reencode {
            bitrate_bps: preset.audio_bitrate_bps,
            // Whole multiples resample best: 44.1 kHz and its double stay in their family.
            sample_rate_hz: if audio.sample_rate_hz.is_multiple_of(44_100) { 44_100 } else { 48_000 },
            channels: audio.channels.min(2),
        },
    };
    let Some(video) = source.video else {
        let (rungs, orientation) = (Vec::new(), Orientation::UPRIGHT);
        return Ladder { source: SourceRendition::None, rungs, audio, deinterlace: false, orientation };
    };
    let why = why_not(&video);
    let rendition = match why {
        None => SourceRendition::PassThrough,
        Some(why) => {
            let side = short_side(video.shown()).min(MAX_PASSED_SIDE_PX);
            SourceRendition::Reencode(rung(&video, side, preset.bitrate_at(side)), why)
        }
    };
    let best_px = match rendition {
        SourceRendition::Reencode(rung, _) => rung.short_side_px(),
        SourceRendition::PassThrough | SourceRendition::None => short_side(video.shown()),
    };
    let rungs = preset
        .rungs
        .iter()
        .filter(|step| step.short_side_px * 10 <= best_px * RUNG_AT_MOST_TENTHS)
        .map(|step| rung(&video, step.short_side_px, step.bitrate_bps))
        .collect();
    Ladder { source: rendition, rungs, audio, deinterlace: video.interlaced, orientation: video.orientation }
}

fn why_not(video: &SourceVideo) -> Option<Why> {
    if video.interlaced {
        return Some(Why::Interlaced);
    }
    if !video.plays_in_browsers() {
        return Some(Why::Profile);
    }
    if !video.orientation.is_upright() {
        return Some(Why::Turned);
    }
    if short_side((video.width, video.height)) > MAX_PASSED_SIDE_PX {
        return Some(Why::Size);
    }
    video.gop_ms.is_some_and(|ms| ms > MAX_GOP_MS).then_some(Why::Gop)
}

fn short_side((width, height): (u32, u32)) -> u32 {
    width.min(height)
}

/// `video` scaled so that its short side is `side`, never more than it is.
fn rung(video: &SourceVideo, side: u32, bitrate_bps: u32) -> Rung {
    let (width, height) = video.shown();
    let short = short_side((width, height)).max(1);
    // To the nearest even side: 854 for 853.3.
    let scale = |long: u32| {
        let halves = (u64::from(long) * u64::from(side) + u64::from(short)) / (2 * u64::from(short));
        u32::try_from(2 * halves).unwrap_or(u32::MAX)
    };
    let (width, height) = if side < short { (scale(width), scale(height)) } else { (width, height) };
    let fast = video.milli_hz() > HALVED_ABOVE_MILLI_HZ;
    let halving = if fast && side < FULL_RATE_FROM_PX { Halving::EveryOther } else { Halving::No };
    let bitrate_bps = if fast && halving == Halving::No {
        bitrate_bps.saturating_mul(HIGH_RATE_BITRATE_TENTHS) / 10
    } else {
        bitrate_bps
    };
    Rung { width: even(width), height: even(height), bitrate_bps, halving }
}

/// Encoders of 4:2:0 need even sides; down, so that nothing is invented; 16 is a macroblock.
fn even(side: u32) -> u32 {
    (side & !1).max(16)
}
