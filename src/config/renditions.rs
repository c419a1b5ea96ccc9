//! `[renditions]`.

use super::section::section;

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

section! {
    /// Qualities below the source, made by engines: processes of their own, found beside the server.
    pub struct Renditions {
        /// Whether to make any. Without the program amphi-engine viewers get the source, and health says so.
        pub enabled: bool = true,
        /// What is made of a source that is larger: "camera" (720p, 480p, 360p), "slides" (720p, 480p with fewer bits) or
        /// "low bandwidth" (480p, 360p, 240p).
        pub preset: String = "camera".to_owned(),
        /// Percent of the machine's processors that engines may use. A live that does not fit beside those on air
        /// gets the renditions that do, or is passed through, and health says so.
        pub cpu_percent: u32 = 80,
        /// What becomes of them when the live is over: "complete" (what it lacked is made from the recording, in the background),
        /// "recorded" (they stay as they were on air) or "source" (they are removed, which saves half of the disk; what browsers can't
        /// play without stays).
        pub videos: Videos = Videos::Complete,
    }
}
