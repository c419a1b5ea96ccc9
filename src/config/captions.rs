//! `[captions]`.

use super::section::section;

section! {
    /// Captions made while it is live.
    pub struct Captions {
        /// Whether to make them. Speech is recognised by amphi-engine, beside this program (engine.program).
        pub enabled: bool = true,
        /// Languages that are spoken, each of which needs a model: amphi models install fr.
        pub languages: Vec<String> = vec!["fr".to_owned()],
        /// Models to take first where a language has several, by name; otherwise the one installed last.
        pub models: Vec<String> = Vec::new(),
    }
}
