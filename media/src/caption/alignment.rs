//! What became of words when an engine says them anew: the alignment of two word lists with the fewest changes.
//!
//! Costs at most [`MAX_WORDS`](super::word::MAX_WORDS)² steps, and mostly none: what both begin with is skipped.

use super::word::Word;

/// Words `old` gives up and `new` puts in their place, between words that both have.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Change {
    /// Where, in `new`.
    pub(super) at: usize,
    /// How many words of `old`.
    pub(super) removed: usize,
    /// How many words of `new`.
    pub(super) added: usize,
}

/// How many words both begin with.
pub(super) fn common_prefix(old: &[Word], new: &[Word]) -> usize {
    old.iter().zip(new).take_while(|(a, b)| a.text() == b.text()).count()
}

/// What has to be done to `old` to have `new`, from front to back.
pub(super) fn changes(old: &[Word], new: &[Word]) -> Vec<Change> {
    let prefix = common_prefix(old, new);
    let (old, new) = (old.get(prefix..).unwrap_or(&[]), new.get(prefix..).unwrap_or(&[]));
    let mut changes: Vec<Change> = Vec::new();
    let mut push = |at: usize, removed: usize, added: usize| match changes.last_mut() {
        Some(last) if last.at + last.added == at => {
            last.removed += removed;
            last.added += added;
        }
        _ => changes.push(Change { at, removed, added }),
    };
    if old.is_empty() {
        if !new.is_empty() {
            push(prefix, 0, new.len());
        }
        return changes;
    }
    // costs[i][j]: from old[i..] to new[j..]. From the back, so that the way is read from the front.
    let columns = new.len() + 1;
    let mut costs = vec![0usize; (old.len() + 1) * columns];
    for i in (0..=old.len()).rev() {
        for j in (0..=new.len()).rev() {
            let cost = |i: usize, j: usize| costs.get(i * columns + j).copied().unwrap_or(usize::MAX / 2);
            let best = match (old.get(i), new.get(j)) {
                (Some(a), Some(b)) if a.text() == b.text() => cost(i + 1, j + 1),
                (Some(_), Some(_)) => 1 + cost(i + 1, j + 1).min(cost(i + 1, j)).min(cost(i, j + 1)),
                _ => old.len() - i + new.len() - j,
            };
            if let Some(place) = costs.get_mut(i * columns + j) {
                *place = best;
            }
        }
    }
    let cost = |i: usize, j: usize| costs.get(i * columns + j).copied().unwrap_or(usize::MAX);
    let (mut i, mut j) = (0, 0);
    while i < old.len() || j < new.len() {
        match (old.get(i), new.get(j)) {
            (Some(a), Some(b)) if a.text() == b.text() => (i, j) = (i + 1, j + 1),
            (Some(_), Some(_)) if cost(i, j) == 1 + cost(i + 1, j + 1) => {
                push(prefix + j, 1, 1);
                (i, j) = (i + 1, j + 1);
            }
            (Some(_), _) if j == new.len() || cost(i, j) == 1 + cost(i + 1, j) => {
                push(prefix + j, 1, 0);
                i += 1;
            }
            _ => {
                push(prefix + j, 0, 1);
                j += 1;
            }
        }
    }
    changes
}

/// How far off a word may be in another hypothesis and still be the same, in microseconds: engines move words by some
/// tens of milliseconds, and say the same word twice within half a second only when it was said twice.
const SAME_WORD_MICROS: i64 = 500_000;

/// How many words of `new` say what `old` says, so that what follows them is new. Where texts differ it goes by the last
/// word of `old` when `new` has it near its time, and by the time alone when not ("il y a" can become "ilya").
pub(super) fn covered(old: &[Word], new: &[Word]) -> usize {
    let prefix = common_prefix(old, new);
    let Some(last) = old.last().filter(|_| prefix < old.len()) else { return prefix };
    let off = |word: &Word| word.end_micros().saturating_sub(last.end_micros()).saturating_abs();
    let same = |(_, word): &(usize, &Word)| word.text() == last.text() && off(word) <= SAME_WORD_MICROS;
    let anchor = new.iter().enumerate().skip(prefix).filter(same).min_by_key(|(_, word)| off(word));
    let middle = |word: &Word| i64::midpoint(word.start_micros(), word.end_micros());
    anchor.map_or_else(
        || prefix + new.iter().skip(prefix).take_while(|word| middle(word) < last.end_micros()).count(),
        |(n, _)| n + 1,
    )
}

#[cfg(test)]
mod tests {
    use super::super::word::Confidence;
    use super::*;

    /// Each word lasts as many tenths of a second as it has letters.
    fn words(text: &str) -> Vec<Word> {
        let mut at = 0;
        let mut word = |text: &str| {
            let start = at;
            at += 100_000 * i64::try_from(text.len()).unwrap();
            Word::new(text, start, at, Confidence::FULL).unwrap()
        };
        text.split_whitespace().map(&mut word).collect()
    }

    #[test]
    fn only_what_differs_changes() {
        let changed = |a: &str, b: &str| {
            changes(&words(a), &words(b)).iter().map(|c| (c.at, c.removed, c.added)).collect::<Vec<_>>()
        };
        assert_eq!(changed("a b c", "a b c"), []);
        assert_eq!(changed("", "a b"), [(0, 0, 2)]);
        assert_eq!(changed("a b", ""), [(0, 2, 0)]);
        assert_eq!(changed("le chat dort", "le shah dort bien"), [(1, 1, 1), (3, 0, 1)]);
        assert_eq!(changed("a b c d", "a c d e"), [(1, 1, 0), (3, 0, 1)]);
        assert_eq!(changed("b c", "a b c"), [(0, 0, 1)]);
    }

    #[test]
    fn what_was_said_is_found_again_in_other_words() {
        assert_eq!(covered(&words("ilya des"), &words("ilya des gens")), 2);
        assert_eq!(covered(&words("il y a"), &words("ilya des gens")), 1, "by the time, as no word is the same");
        assert_eq!(covered(&words("ilya"), &words("il y a des")), 3);
        assert_eq!(covered(&words("le chat"), &words("chat noir")), 1);
        assert_eq!(covered(&words("a b"), &[]), 0);
        assert_eq!(covered(&[], &words("a b")), 0);
    }
}
