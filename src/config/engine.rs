//! `[engine]`.

use super::section::section;
use super::units::MaybePath;

section! {
    /// The program that decodes and encodes, in processes of its own.
    pub struct Engine {
        /// Where it is; "": amphi-engine beside this program. Without it there are no renditions and captions, and posters and previews wait.
        pub program: MaybePath = MaybePath::default(),
        /// What makes the pictures of renditions: "x264" (in software), "va", "nvenc", "qsv" (in hardware), or "auto": the hardware that is there
        /// and encodes a test picture as it must, else x264. One that can't be used is replaced by x264, and health says why.
        pub encoder: String = "auto".to_owned(),
    }
}
