//! `[captions]`.

use super::section::section;

section! {
    /// Captions made while it is live.
    pub struct Captions {
        /// Whether to make them. Speech is recognised by amphi-engine, beside this program (engine.program).
        pub enabled: bool = true,
        /// Languages that are spoken, each of which needs a model: amphi models install fr. A broadcaster can have its own:
        /// amphi broadcaster set-captions.
        pub languages: Vec<String> = vec!["fr".to_owned()],
        /// Models to take first where a language has several, by name; otherwise the one installed last.
        pub models: Vec<String> = Vec::new(),
        /// How names are written, in the captions of all broadcasters: "Lille", what is said before it where that is something else,
        /// "big blue button = BigBlueButton", and `[fr] té pé = TP` in one language only. A broadcaster can have its own, which have the last
        /// word: amphi broadcaster set-vocabulary.
        pub vocabulary: Vec<String> = Vec::new(),
        /// Whether the loudness of a live is measured also where nothing captions it, so that operators see a microphone that is off. By
        /// amphi-engine too; it takes about a hundredth of a processor for each live.
        pub measure_sound: bool = true,
    }
}
