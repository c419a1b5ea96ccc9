//! `[captions]`.

use super::section::section;

section! {
    /// Captions made while it is live.
    pub struct Captions {
        /// Whether to make them. Nothing reads this yet: captions come with the engine.
        pub enabled: bool = true,
    }
}
