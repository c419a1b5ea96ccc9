//! `[renditions]`.

use super::section::section;

section! {
    /// Qualities below the source, made by engines: processes of their own, found beside the server.
    pub struct Renditions {
        /// Whether to make any. Without the program amphi-engine viewers get the source, and health says so.
        pub enabled: bool = true,
        /// What is made of a source that is larger: "camera" (720p, 480p, 360p), "slides" (720p, 480p with fewer bits) or
        /// "low bandwidth" (480p, 360p, 240p).
        pub preset: String = "camera".to_owned(),
        /// Percent of the machine's processors that engines may use. A live that does not fit beside those on air is passed through.
        pub cpu_percent: u32 = 80,
    }
}
