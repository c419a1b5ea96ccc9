//! What a recording that begins in the middle of a live has of its transcript.
//!
//! Splices count words from the live's beginning; the recording's log counts them from its own. Pure.

use media::caption::word::Splice;

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Excerpt {
    /// Words of the live so far.
    said: u64,
    /// Those of them that the recording does not have.
    skipped: u64,
}

impl Excerpt {
    /// All of a transcript that has `said` words so far.
    pub(super) fn new(said: u64) -> Self {
        Self { said, skipped: 0 }
    }

    /// From here on another recording is meant, which has none of what was said.
    pub(super) fn begin(&mut self) {
        self.skipped = self.said;
    }

    /// Takes a change of the live's transcript, and gives it as one of the recording's; `None`: it is none there.
    pub(super) fn place(&mut self, splice: Splice) -> Option<Splice> {
        let Splice { at, removed, words } = splice;
        let (end, came) = (at.saturating_add(u64::from(removed)), words.len() as u64);
        self.said = self.said.saturating_sub(u64::from(removed)).saturating_add(came);
        if at >= self.skipped {
            return Some(Splice { at: at - self.skipped, removed, words });
        }
        if end <= self.skipped {
            // A correction of what was said before.
            self.skipped = self.skipped - u64::from(removed) + came;
            return None;
        }
        // It reaches from before into the recording, which has all of what comes in its place: who reads it leaves out what was said
        // before its first picture.
        let removed = u32::try_from(end - self.skipped).unwrap_or(u32::MAX);
        self.skipped = at;
        Some(Splice { at: 0, removed, words })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use media::caption::word::{Confidence, Word};

    fn splice(at: u64, removed: u32, text: &str) -> Splice {
        let word = |text: &str| Word::new(text, 1_000, 2_000, Confidence::from_ratio(0.9)).unwrap();
        Splice { at, removed, words: text.split_whitespace().map(word).collect() }
    }

    fn text(words: &[Word]) -> String {
        words.iter().map(Word::text).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_recording_has_the_words_from_its_beginning_on_whatever_is_corrected() {
        let mut excerpt = Excerpt::new(0);
        let (mut live, mut recording) = (Vec::new(), Vec::new());
        let mut say = |excerpt: &mut Excerpt, recording: &mut Vec<Word>, splice: Splice| {
            assert!(splice.apply(&mut live));
            if let Some(splice) = excerpt.place(splice) {
                assert!(splice.apply(recording), "{splice:?} does not fit {}", text(recording));
            }
            text(&live)
        };
        say(&mut excerpt, &mut recording, splice(0, 0, "good morning every body"));
        assert_eq!(text(&recording), "good morning every body");

        excerpt.begin();
        recording.clear();
        say(&mut excerpt, &mut recording, splice(2, 2, "everybody"));
        assert_eq!(text(&recording), "", "a correction of what was said before");
        say(&mut excerpt, &mut recording, splice(3, 0, "let us begin"));
        assert_eq!(text(&recording), "let us begin");
        say(&mut excerpt, &mut recording, splice(2, 2, "everyone now let"));
        assert_eq!(text(&recording), "everyone now let us begin", "one that reaches across the beginning");
        let whole = say(&mut excerpt, &mut recording, splice(7, 0, "here"));
        assert_eq!(
            (whole.as_str(), text(&recording).as_str()),
            ("good morning everyone now let us begin here", "everyone now let us begin here",)
        );
    }

    #[test]
    fn what_goes_on_after_a_restart_counts_from_the_recordings_beginning() {
        let mut excerpt = Excerpt::new(7);
        assert_eq!(excerpt.place(splice(7, 0, "again")), Some(splice(7, 0, "again")));
    }
}
