//! `[jobs]`.

use super::section::section;

section! {
    /// Work in the background: posters, previews and missing renditions of finished videos.
    pub struct Jobs {
        /// How many are done at once on this machine, and beside them one that makes renditions; 0: none, they wait for another.
        pub at_once: u32 = 1,
        /// How much they give way to lives and viewers: 0 (not at all) to 19.
        pub niceness: u32 = 19,
    }
}
