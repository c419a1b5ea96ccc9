//! `[renditions]`.

use super::section::section;
use pipelines::ladder::Preset;

/// What becomes of a live's renditions when it is a video.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Videos {
    /// What the live lacked is made afterwards.
    Complete,
    /// They stay as they were recorded.
    Recorded,
    /// Those that browsers can do without are removed.
    Source,
}

impl Renditions {
    /// What broadcasters without a preset of their own get.
    ///
    /// # Errors
    /// The key that is wrong, and why.
    pub fn preset(&self) -> Result<Preset, (&'static str, String)> {
        let names = || format!("must be one of: {}", Preset::NAMES.join(", "));
        let preset = Preset::named(&self.preset).ok_or_else(|| ("renditions.preset", names()))?;
        if self.rungs.is_empty() {
            return Ok(preset);
        }
        preset.with_rungs(&self.rungs).map_err(|wrong| ("renditions.rungs", wrong))
    }
}

section! {
    /// Qualities below the source, made by engines: processes of their own, found beside the server.
    pub struct Renditions {
        /// Whether to make any. Without the program amphi-engine viewers get the source, and health says so.
        pub enabled: bool = true,
        /// What is made of a source that is larger: "camera" (720p, 480p, 360p), "slides" (720p, 480p with fewer bits) or
        /// "low bandwidth" (480p, 360p, 240p).
        pub preset: String = "camera".to_owned(),
        /// In place of what that preset makes below the source: short sides and kbit/s, such as ["720p 2500", "480p 1200", "240p 350"]. What
        /// is not smaller than a source is left out for it. Broadcasters that have a preset of their own are not touched.
        pub rungs: Vec<String> = Vec::new(),
        /// Percent of the machine's processors that engines may use, those for captions too. A live that does not fit beside those on air
        /// gets its captions and the renditions that do, or is passed through, and health says so.
        pub cpu_percent: u32 = 80,
        /// What becomes of them when the live is over: "complete" (what it lacked is made from the recording, in the background),
        /// "recorded" (they stay as they were on air) or "source" (they are removed, which saves half of the disk; what browsers can't
        /// play without stays).
        pub videos: Videos = Videos::Complete,
    }
}
