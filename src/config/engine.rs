//! `[engine]`.

use super::section::section;
use super::units::MaybePath;

section! {
    /// The program that decodes and encodes, in processes of its own.
    pub struct Engine {
        /// Where it is; "": amphi-engine beside this program. Without it there are no renditions and captions, and posters and previews wait.
        pub program: MaybePath = MaybePath::default(),
    }
}
