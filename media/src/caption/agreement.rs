//! Hypotheses that change → words that stay (local agreement).
//!
//! Engines for live speech say again and again what they take the utterance so far to be, and change their mind in one
//! poll of seven (`speech.md` section 2). A word is committed once it held still while more was heard, or is old: long
//! before the utterance ends, which in fluent speech takes 20 s. When the engine's final word on the utterance is another
//! one, that is a correction.
//!
//! Promises: everything is a [`Splice`]; applied in order they give exactly the words of all finals, each once. Before its
//! final, an utterance's committed words are only added to. Times never go back: each word begins no earlier than the
//! one before it ends. Nothing grows beyond one utterance.

use super::alignment::{changes, covered};
use super::word::{Hypothesis, MAX_MEDIA_MICROS, MAX_WORDS, Splice, Word};

/// When a word that the engine could still change is good enough to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// It was the same while so much sound was heard, in microseconds. Sound, not polls: an engine decodes some tenths of a
    /// second at once and says the same in every poll between.
    pub still_micros: i64,
    /// It ended so long before what the engine has heard, in microseconds. The hard bound of the wait.
    pub age_micros: i64,
    /// An engine says a word at most so long after hearing it, in microseconds. What was heard longer ago and has no
    /// word is a pause.
    pub engine_lag_micros: i64,
}

impl Default for Patience {
    /// Measured with libvosk, set to tell words soon (`tuned` in the engine), 100 ms of sound a poll: it decodes 0.2 to 0.3 s at once,
    /// and a word is in a partial after 0.85 s in the median, 1.4 s in 95 of 100 and 2.3 s at most. Still for 0.2 s, 0.4, 0.5, 0.6:
    /// of the words told early 19, 14, 10 and 9 of 100 are corrected; 95 of 100 are told within 1.5, 1.6, 1.65 and 1.6 s.
    fn default() -> Self {
        Self { still_micros: 500_000, age_micros: 1_500_000, engine_lag_micros: 2_100_000 }
    }
}

/// The state of one stream of hypotheses.
#[derive(Debug)]
pub struct Agreement {
    patience: Patience,
    /// Words of the transcript before this utterance.
    base: u64,
    /// When the last word before this utterance ends.
    base_end_micros: i64,
    committed: Vec<Word>,
    tail: Vec<Candidate>,
    heard_micros: i64,
    /// Up to here the engine has said all it will.
    concluded_micros: i64,
}

#[derive(Debug)]
struct Candidate {
    word: Word,
    /// What was heard when it was first said so.
    since_micros: i64,
}

impl Agreement {
    /// For a transcript that has `words_before` words, the last of which ends at `not_before_micros`: 0 and 0, or where a
    /// kept one goes on.
    #[must_use]
    pub fn new(patience: Patience, words_before: u64, not_before_micros: i64) -> Self {
        let not_before_micros = not_before_micros.clamp(0, MAX_MEDIA_MICROS);
        Self {
            patience,
            base: words_before,
            base_end_micros: not_before_micros,
            committed: Vec::new(),
            tail: Vec::new(),
            heard_micros: not_before_micros,
            concluded_micros: not_before_micros,
        }
    }

    /// The engine's next hypothesis, and how far it has heard (media time, microseconds). Returns what changes in the
    /// transcript, to be applied in order; mostly nothing.
    pub fn hear(&mut self, hypothesis: &Hypothesis, heard_until_micros: i64) -> Vec<Splice> {
        let heard = heard_until_micros.clamp(0, MAX_MEDIA_MICROS);
        self.heard_micros = self.heard_micros.max(heard);
        if hypothesis.is_final() {
            return self.conclude(hypothesis.words());
        }
        let words = hypothesis.words();
        let tail = words.get(covered(&self.committed, words)..).unwrap_or(&[]);
        let mut same = true;
        let mut before = std::mem::take(&mut self.tail).into_iter();
        for word in tail {
            let since_micros = match before.next() {
                Some(b) if same && b.word.text() == word.text() => b.since_micros,
                _ => {
                    same = false;
                    self.heard_micros
                }
            };
            self.tail.push(Candidate { word: word.clone(), since_micros });
        }
        let ripe = self.ripe();
        let words: Vec<Word> = self.tail.drain(..ripe).map(|c| c.word).collect();
        self.append(&words).into_iter().collect()
    }

    /// Nothing more comes of this utterance (the contribution ends, the engine died): what was last said stands.
    pub fn finish(&mut self) -> Vec<Splice> {
        let tail: Vec<Word> = self.tail.drain(..).map(|c| c.word).collect();
        let splice = self.append(&tail);
        self.next_utterance();
        splice.into_iter().collect()
    }

    /// What the engine says after the committed words and could still take back.
    pub fn tail(&self) -> impl Iterator<Item = &Word> {
        self.tail.iter().map(|c| &c.word)
    }

    /// No word that begins before this is still to be committed (media time, microseconds), as far as an engine can be
    /// trusted. Never goes back while words are not taken back.
    #[must_use]
    pub fn said_until_micros(&self) -> i64 {
        let quiet = self.heard_micros.saturating_sub(self.patience.engine_lag_micros).max(self.concluded_micros);
        self.tail.first().map_or(quiet, |c| c.word.start_micros().min(quiet)).max(self.last_end())
    }

    /// Words of the transcript so far.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.base + self.committed.len() as u64
    }

    /// Nothing was committed yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many words at the front of the tail are to be committed.
    fn ripe(&self) -> usize {
        let p = &self.patience;
        let still = |c: &&Candidate| c.since_micros.saturating_add(p.still_micros) <= self.heard_micros;
        let agreed = self.tail.iter().take_while(still).count();
        // What stands before an old word is as old, whatever its own time says.
        let old = |c: &Candidate| c.word.end_micros().saturating_add(p.age_micros) <= self.heard_micros;
        let ripe = agreed.max(self.tail.iter().rposition(old).map_or(0, |n| n + 1));
        // Only an engine that says something else at each poll gets there; its final will tell.
        ripe.min(MAX_WORDS - self.committed.len())
    }

    fn last_end(&self) -> i64 {
        self.committed.last().map_or(self.base_end_micros, Word::end_micros)
    }

    fn append(&mut self, words: &[Word]) -> Option<Splice> {
        let room = MAX_WORDS - self.committed.len();
        let words = words.get(..room.min(words.len())).unwrap_or(words);
        if words.is_empty() {
            return None;
        }
        let at = self.len();
        let words = placed(words, self.last_end(), self.heard_micros);
        self.committed.extend_from_slice(&words);
        Some(Splice { at, removed: 0, words })
    }

    /// The engine's last word: what is missing is added, what is different corrected.
    fn conclude(&mut self, words: &[Word]) -> Vec<Splice> {
        let mut splices = Vec::new();
        for change in changes(&self.committed, words) {
            let replaced = change.removed.min(change.added);
            // A replacement and what is more than replaced are said apart: cues keep their words, and the rest is new.
            let parts = [(change.at, change.removed, replaced), (change.at + replaced, 0, change.added - replaced)];
            for (at, removed, added) in parts {
                if removed == 0 && added == 0 {
                    continue;
                }
                let end = at + removed;
                let before = at.checked_sub(1).and_then(|n| self.committed.get(n));
                let from = before.map_or(self.base_end_micros, Word::end_micros);
                let until = self.committed.get(end).map_or(self.heard_micros, Word::start_micros);
                let new = placed(words.get(at..at + added).unwrap_or(&[]), from, until);
                // Ends of `changes` lie within both lists.
                let end = end.min(self.committed.len());
                self.committed.splice(at.min(end)..end, new.iter().cloned());
                let removed = u32::try_from(removed).unwrap_or(u32::MAX);
                splices.push(Splice { at: self.base + at as u64, removed, words: new });
            }
        }
        self.next_utterance();
        splices
    }

    fn next_utterance(&mut self) {
        self.base_end_micros = self.last_end();
        self.base += self.committed.len() as u64;
        self.committed.clear();
        self.tail.clear();
        self.concluded_micros = self.heard_micros;
    }
}

/// The words one after the other within `from_micros..=until_micros`.
fn placed(words: &[Word], from_micros: i64, until_micros: i64) -> Vec<Word> {
    let mut from = from_micros;
    let mut place = |word: &Word| {
        let word = word.within(from, until_micros);
        from = word.end_micros();
        word
    };
    words.iter().map(&mut place).collect()
}
