//! The engine's last word is another one than was shown: the cues that hold it are changed, and no other.

use super::{Held, Segmenter, State};
use crate::caption::word::Word;
use crate::caption::{Cue, spelling::After};

impl Segmenter {
    /// Words `at..end` of the transcript become `words`. Cues that were forgotten stay as they are.
    pub(super) fn correct(&mut self, at: u64, end: u64, words: &[Word], out: &mut Vec<Cue>) {
        let first = self.words - self.cues.iter().map(|c| c.words.len() as u64).sum::<u64>();
        // Of the held cues: those that lose words, or stand where words come in.
        let mut touched: Vec<usize> = Vec::new();
        let mut from = first;
        let mut places = Vec::new();
        for (n, cue) in self.cues.iter_mut().enumerate() {
            let until = from + cue.words.len() as u64;
            let here = |word: u64| usize::try_from(word.clamp(from, until) - from).unwrap_or(0);
            let (lost_from, lost_until) = (here(at), here(end));
            let stands = at == end && from <= at && at <= until && !cue.words.is_empty();
            if lost_from < lost_until || stands {
                cue.words.drain(lost_from..lost_until);
                touched.push(n);
                places.push(lost_from);
            }
            from = until;
        }
        let added = self.share(&touched, &places, words);
        let removed = end - at;
        // What belongs to forgotten cues is counted and not shown.
        let forgotten = if touched.is_empty() { words.len() as u64 } else { added };
        self.words = self.words.saturating_sub(removed).saturating_add(forgotten);
        for n in touched {
            self.publish_changed(n, out);
        }
    }

    /// Puts each word into one of the touched cues, in order, by its time. Returns how many.
    fn share(&mut self, touched: &[usize], places: &[usize], words: &[Word]) -> u64 {
        let mut targets = touched.iter().zip(places).peekable();
        let Some((mut cue, mut place)) = targets.next().map(|(n, p)| (*n, *p)) else { return 0 };
        for word in words {
            let middle = i64::midpoint(word.start_micros(), word.end_micros());
            let begun = |n: usize| self.cues.get(n).is_some_and(|c: &Held| middle >= c.start_micros);
            while let Some((n, p)) = targets.next_if(|(n, _)| begun(**n)) {
                (cue, place) = (*n, *p);
            }
            if let Some(held) = self.cues.get_mut(cue) {
                place = place.min(held.words.len());
                held.words.insert(place, word.clone());
                place += 1;
            }
        }
        words.len() as u64
    }

    fn publish_changed(&mut self, n: usize, out: &mut Vec<Cue>) {
        let Some(cue) = self.cues.get(n) else { return };
        if cue.state != State::Growing {
            self.publish(n, out);
            return;
        }
        // Only the last cue grows. It is made anew from its words: they may not fit any more.
        let Some(cue) = self.cues.pop_back() else { return };
        self.words = self.words.saturating_sub(cue.words.len() as u64);
        self.begins = cue.begins;
        if cue.words.is_empty() {
            out.push(Cue {
                id: cue.id,
                start_micros: cue.start_micros,
                end_micros: cue.start_micros + self.style.min_micros,
                lines: Vec::new(),
                language: self.language.clone(),
                is_final: true,
            });
            return;
        }
        debug_assert_eq!(cue.after, After::Nothing, "a growing cue has no end yet");
        self.again = Some((cue.id, cue.start_micros));
        for word in cue.words {
            self.append(word, out);
        }
        self.publish_last(out);
    }
}
