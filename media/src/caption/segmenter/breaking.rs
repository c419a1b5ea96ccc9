//! Which word is the last of a cue.

use super::{Held, Segmenter};
use crate::caption::columns::columns;
use crate::caption::spelling::{After, ends_phrase, ends_sentence};
use crate::caption::style::Flow;
use crate::caption::word::Word;

/// Most words that move on to the next cue because a growing one must not end with them: "et de la".
pub(super) const MAX_CARRIED: usize = 4;

/// Where a word goes.
pub(super) enum Place {
    Joins,
    /// The cue ends before it.
    Next(After),
    /// The cue ends after so many of its words.
    Split(usize),
}

impl Segmenter {
    /// Where a word goes when a cue is growing.
    pub(super) fn place(&self, word: &Word) -> Place {
        let Some((cue, last)) = self.cues.back().and_then(|c| Some((c, c.words.last()?))) else {
            return Place::Next(After::Nothing);
        };
        let pause = word.start_micros().saturating_sub(last.end_micros());
        if pause >= self.style.sentence_pause_micros {
            return Place::Next(After::Stop);
        }
        let spelling = self.spelling();
        let sentence = ends_sentence(last.text()) && spelling.parts(last, word);
        if sentence && last.end_micros() - cue.start_micros >= self.style.min_micros {
            return Place::Next(After::Nothing);
        }
        let mut words = cue.words.clone();
        words.push(word.clone());
        let fits = self.fits(&self.lines(&words, cue.begins, After::Nothing));
        if fits && word.end_micros() - cue.start_micros <= self.style.max_micros {
            return Place::Joins;
        }
        match self.end_of(cue, word) {
            kept if kept < cue.words.len() => Place::Split(kept),
            _ => Place::Next(spelling.after(last, word)),
        }
    }

    /// After how many of its words a full cue had best end. At least 1.
    fn end_of(&self, cue: &Held, next: &Word) -> usize {
        let spelling = self.spelling();
        let count = cue.words.len();
        let followers = || cue.words.iter().skip(1).chain([next]);
        // By how many words it could have: whether it may end there.
        let parts = || cue.words.iter().zip(followers()).enumerate().map(|(n, (w, next))| (n + 1, w, next));
        if self.style.flow == Flow::Growing {
            let may_end = parts().filter(|(_, w, next)| spelling.parts(w, next)).map(|(n, ..)| n);
            return may_end.last().filter(|n| count - n <= MAX_CARRIED).unwrap_or(count);
        }
        let widths: Vec<usize> = cue.words.iter().map(|w| columns(w.text()) + 1).collect();
        let all: usize = widths.iter().sum();
        let score = |(n, word, next): (usize, &Word, &Word)| {
            let filled = widths.iter().take(n).sum::<usize>() * 100 / all.max(1);
            let pause = next.start_micros().saturating_sub(word.end_micros());
            let sense = if ends_sentence(word.text()) {
                60
            } else if ends_phrase(word.text()) {
                40
            } else if pause >= self.style.comma_pause_micros {
                30
            } else if self.language.begins_clause(next.text()) {
                25
            } else {
                0
            };
            // Half a cue for the sense is enough; an article at the end is worse than anything.
            let usable = if filled >= 50 { 1_000 } else { 0 };
            let torn = if spelling.parts(word, next) { 0 } else { 5_000 };
            (i64::try_from(filled).unwrap_or(0) + sense + usable - torn, n)
        };
        parts().map(score).max().map_or(count, |(_, n)| n)
    }
}
