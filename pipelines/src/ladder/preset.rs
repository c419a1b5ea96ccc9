//! What broadcasters can choose. Bitrates are for x264 `veryfast` at 25 or 30 pictures a second.

/// A named set of rungs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Preset {
    /// Below the source, the largest first. Those that are not smaller than a source are left out for it.
    pub rungs: Vec<Step>,
    /// Short side and bitrate of a source that must be encoded itself; between two, the nearest one above.
    pub source: Vec<Step>,
    /// For sound that must be encoded.
    pub audio_bitrate_bps: u32,
}

/// A size and what it needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// 720 for `720p`.
    pub short_side_px: u32,
    /// Average.
    pub bitrate_bps: u32,
}

const fn step(short_side_px: u32, bitrate_bps: u32) -> Step {
    Step { short_side_px, bitrate_bps }
}

/// 240p of a camera; in the ladder of `low bandwidth`, and for who configures it.
pub const CAMERA_240P: Step = step(240, 350_000);

/// 128 kbit/s: AAC-LC stereo that nobody complains about.
const AUDIO_BPS: u32 = 128_000;

impl Preset {
    /// The names, in the order in which they are offered.
    pub const NAMES: [&'static str; 3] = ["camera", "slides", "low bandwidth"];

    /// By name, or `None`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "camera" => Some(Self::camera()),
            "slides" => Some(Self::slides()),
            "low bandwidth" => Some(Self::low_bandwidth()),
            _ => None,
        }
    }

    /// People in motion. The default.
    #[must_use]
    pub fn camera() -> Self {
        Self {
            rungs: vec![step(720, 2_500_000), step(480, 1_200_000), step(360, 700_000)],
            source: vec![
                step(1080, 4_500_000),
                step(720, 2_500_000),
                step(480, 1_200_000),
                step(360, 700_000),
                CAMERA_240P,
            ],
            audio_bitrate_bps: AUDIO_BPS,
        }
    }

    /// Mostly still pictures with small letters: fewer rungs, as text below 480p can't be read, and fewer bits.
    #[must_use]
    pub fn slides() -> Self {
        Self {
            rungs: vec![step(720, 1_500_000), step(480, 700_000)],
            source: vec![
                step(1080, 3_000_000),
                step(720, 1_500_000),
                step(480, 700_000),
                step(360, 450_000),
                step(240, 250_000),
            ],
            audio_bitrate_bps: AUDIO_BPS,
        }
    }

    /// For viewers on phones and far lines, and for machines with few cores.
    #[must_use]
    pub fn low_bandwidth() -> Self {
        Self {
            rungs: vec![step(480, 900_000), step(360, 500_000), step(240, 250_000)],
            source: vec![
                step(1080, 3_000_000),
                step(720, 1_800_000),
                step(480, 900_000),
                step(360, 500_000),
                step(240, 250_000),
            ],
            audio_bitrate_bps: 96_000,
        }
    }

    /// For a source of this short side that must be encoded.
    pub(super) fn bitrate_at(&self, short_side_px: u32) -> u32 {
        let enough = self.source.iter().filter(|step| step.short_side_px >= short_side_px);
        let nearest = enough.min_by_key(|step| step.short_side_px).or_else(|| self.source.first());
        nearest.map_or(CAMERA_240P.bitrate_bps, |step| step.bitrate_bps)
    }
}

impl Default for Preset {
    fn default() -> Self {
        Self::camera()
    }
}
