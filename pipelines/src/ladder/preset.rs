//! What broadcasters can choose. Bitrates are for x264 `veryfast` at 25 or 30 pictures a second.

use crate::message::MAX_RUNGS;
use std::ops::RangeInclusive;

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

/// For sources that are as small.
const CAMERA_240P: Step = step(240, 350_000);

/// 128 kbit/s: AAC-LC stereo that nobody complains about.
const AUDIO_BPS: u32 = 128_000;
/// Short sides that a rung can have: less shows nothing, and 1080p is the most that is passed through.
const SIDES_PX: RangeInclusive<u32> = 120..=1080;
/// Kbit/s that a rung can have.
const KBPS: RangeInclusive<u32> = 50..=20_000;

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

    /// With these rungs in place of its own: each a short side and kbit/s, such as `720p 2500`, in any order.
    ///
    /// # Errors
    /// Which is wrong, and how; for people.
    pub fn with_rungs<S: AsRef<str>>(self, rungs: &[S]) -> Result<Self, String> {
        // The source's own size may have to be encoded too.
        if rungs.len() >= MAX_RUNGS {
            return Err(format!("may be at most {}", MAX_RUNGS - 1));
        }
        let mut steps = Vec::with_capacity(rungs.len());
        for text in rungs.iter().map(AsRef::as_ref) {
            let read = |text: &str| {
                let (side, kbps) = text.split_once(' ')?;
                Some((side.strip_suffix('p')?.parse::<u32>().ok()?, kbps.trim_start().parse::<u32>().ok()?))
            };
            let (side, kbps) =
                read(text).ok_or_else(|| format!("must be like \"720p 2500\" (short side, kbit/s), not {text:?}"))?;
            if !SIDES_PX.contains(&side) || side % 2 != 0 {
                return Err(format!(
                    "{text:?}: the side must be even and lie between {} and {}",
                    SIDES_PX.start(),
                    SIDES_PX.end()
                ));
            }
            if !KBPS.contains(&kbps) {
                return Err(format!("{text:?}: kbit/s must lie between {} and {}", KBPS.start(), KBPS.end()));
            }
            if steps.iter().any(|step: &Step| step.short_side_px == side) {
                return Err(format!("{side}p is there twice"));
            }
            steps.push(step(side, kbps * 1_000));
        }
        steps.sort_by_key(|step| std::cmp::Reverse(step.short_side_px));
        Ok(Self { rungs: steps, ..self })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rungs_are_configured_in_any_order_and_what_is_wrong_is_named() {
        let preset = Preset::camera().with_rungs(&["240p 350", "720p  2000"]).unwrap();
        assert_eq!(preset.rungs, [step(720, 2_000_000), step(240, 350_000)]);
        assert_eq!(preset.source, Preset::camera().source);
        for (rungs, said) in [
            (&["720 2500"][..], "\"720 2500\""),
            (&["720p"], "must be like"),
            (&["720p -1"], "must be like"),
            (&["721p 2500"], "even"),
            (&["2160p 9000"], "1080"),
            (&["720p 2500", "480p 4"], "\"480p 4\""),
            (&["720p 2500", "720p 1500"], "720p is there twice"),
            (&["720p 1"; 99], "at most"),
        ] {
            let wrong = Preset::camera().with_rungs(rungs).unwrap_err();
            assert!(wrong.contains(said), "{wrong}");
        }
    }
}
