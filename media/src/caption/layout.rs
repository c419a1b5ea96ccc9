//! Written text → lines of a cue.
//!
//! Promises: the lines hold all of the text, in order; a line is no wider than the style's width unless a single unit that
//! can't be broken is; a line does not end with a word that belongs to the next where another break is possible. Growing
//! text keeps the lines it has.

use super::columns::columns;
use super::language::Language;
use super::spelling::{Token, ends_phrase};
use super::style::{CaptionStyle, Flow};

/// Columns that have to be left behind an article at the end of a line, so that the article may stand there: most nouns are
/// longer than this, and an article that has to move with its noun is a word that jumps.
const FOLLOWER_COLUMNS: usize = 6;

/// What a line break may not stand in.
struct Unit {
    text: String,
    columns: usize,
    /// It is no end for a line.
    held: bool,
    ends_phrase: bool,
    begins_clause: bool,
}

/// Text on one line.
#[must_use]
pub fn join(tokens: &[Token], language: &Language) -> String {
    join_units(&units(tokens, language), language)
}

/// Text on as many lines as it takes, which can be more than `style.max_lines`; none for no text.
#[must_use]
pub fn lay_out(tokens: &[Token], language: &Language, style: &CaptionStyle) -> Vec<String> {
    let units = units(tokens, language);
    let growing = grow(&units, language, style.width);
    let ends = match style.flow {
        Flow::Growing => growing,
        Flow::Balanced => balance(&units, growing.len(), language, style.width).unwrap_or(growing),
    };
    let mut from = 0;
    let mut lines = Vec::with_capacity(ends.len());
    for end in ends {
        lines.push(join_units(units.get(from..end).unwrap_or(&[]), language));
        from = end;
    }
    lines
}

fn units(tokens: &[Token], language: &Language) -> Vec<Unit> {
    let mut units: Vec<Unit> = Vec::new();
    for token in tokens {
        match units.last_mut().filter(|_| token.glued) {
            Some(unit) => {
                unit.text.push_str(&token.text);
                unit.columns = columns(&unit.text);
                unit.held = language.elides(&token.text);
                unit.ends_phrase = ends_phrase(&token.text);
            }
            None => units.push(Unit {
                columns: columns(&token.text),
                held: language.holds(&token.text),
                ends_phrase: ends_phrase(&token.text),
                begins_clause: language.begins_clause(&token.text),
                text: token.text.clone(),
            }),
        }
    }
    units
}

/// Columns between two units: 0 in languages without spaces, but for two words in Latin letters.
fn space(before: &Unit, after: &Unit, language: &Language) -> usize {
    let latin = || {
        before.text.ends_with(|c: char| c.is_ascii_alphanumeric())
            && after.text.starts_with(|c: char| c.is_ascii_alphanumeric())
    };
    usize::from(language.has_spaces() || latin())
}

fn join_units(units: &[Unit], language: &Language) -> String {
    let mut out = String::new();
    let mut before: Option<&Unit> = None;
    for unit in units {
        if before.is_some_and(|b| space(b, unit, language) > 0) {
            out.push(' ');
        }
        out.push_str(&unit.text);
        before = Some(unit);
    }
    out
}

/// Where lines end when each is filled before the next. Depends only on what is before the end of a line, but for an
/// article that has to go with its noun.
fn grow(units: &[Unit], language: &Language, width: usize) -> Vec<usize> {
    let mut ends = Vec::new();
    let (mut from, mut used) = (0, 0);
    for (n, unit) in units.iter().enumerate() {
        let gap = n.checked_sub(1).and_then(|b| units.get(b)).map_or(0, |b| space(b, unit, language));
        if n == from {
            used = unit.columns;
            continue;
        }
        let with = used + gap + unit.columns;
        let room_behind = if unit.held { gap + FOLLOWER_COLUMNS } else { 0 };
        if with + room_behind <= width {
            used = with;
            continue;
        }
        // The line ends before this unit, and before what belongs to it.
        let belongs = units.get(from..n).unwrap_or(&[]).iter().rev().take_while(|u| u.held).count();
        let mut end = n - belongs;
        let mut carried = measure(units.get(end..=n).unwrap_or(&[]), language);
        if end == from || carried > width {
            end = n;
            carried = unit.columns;
        }
        ends.push(end);
        from = end;
        used = carried;
    }
    if !units.is_empty() {
        ends.push(units.len());
    }
    ends
}

fn measure(units: &[Unit], language: &Language) -> usize {
    let gaps: usize = units.windows(2).map(|w| if let [a, b] = w { space(a, b, language) } else { 0 }).sum();
    units.iter().map(|u| u.columns).sum::<usize>() + gaps
}

/// What a line that ends with a word of the next costs: more than any other fault.
const HELD_COST: i64 = 1_000_000;
/// What a line's end after punctuation, or before a clause, is worth: as much as being 14, or 10, columns off balance.
const PHRASE_WORTH: i64 = 200;
const CLAUSE_WORTH: i64 = 100;

/// Where lines end when `count` lines are to be about equally long. `None` when so many don't hold it.
fn balance(units: &[Unit], count: usize, language: &Language, width: usize) -> Option<Vec<usize>> {
    if count <= 1 {
        return Some(if units.is_empty() { Vec::new() } else { vec![units.len()] });
    }
    let cost = |from: usize, end: usize| -> Option<i64> {
        let line = units.get(from..end)?;
        let used = measure(line, language);
        if used > width && line.len() > 1 {
            return None;
        }
        let left = i64::try_from(width.saturating_sub(used)).unwrap_or(i64::MAX / 4);
        let mut cost = left.saturating_mul(left);
        if let (Some(last), Some(next)) = (line.last(), units.get(end)) {
            cost += if last.held { HELD_COST } else { 0 };
            cost -= if last.ends_phrase { PHRASE_WORTH } else { 0 };
            cost -= if next.begins_clause { CLAUSE_WORTH } else { 0 };
        }
        Some(cost)
    };
    // best[end]: the cheapest way to put units[..end] in so many lines, and where its lines end.
    let mut best: Vec<Option<(i64, Vec<usize>)>> = vec![None; units.len() + 1];
    if let Some(start) = best.first_mut() {
        *start = Some((0, Vec::new()));
    }
    for _ in 0..count {
        let mut next: Vec<Option<(i64, Vec<usize>)>> = vec![None; units.len() + 1];
        for (end, place) in next.iter_mut().enumerate().skip(1) {
            // From the back: once a line is too wide, longer ones are too.
            for from in (0..end).rev() {
                let Some(line) = cost(from, end) else { break };
                let Some(Some((before, ends))) = best.get(from) else { continue };
                if place.as_ref().is_none_or(|(least, _)| before + line < *least) {
                    *place = Some((before + line, ends.iter().copied().chain([end]).collect()));
                }
            }
        }
        best = next;
    }
    best.pop().flatten().map(|(_, ends)| ends)
}

#[cfg(test)]
mod tests {
    use super::super::glossary::Glossary;
    use super::super::spelling::{After, Spelling};
    use super::super::word::{Confidence, Word};
    use super::*;

    fn lines(tag: &str, style: &CaptionStyle, text: &str) -> Vec<String> {
        let language = Language::new(tag).unwrap();
        let style = CaptionStyle { punctuate: false, ..*style };
        let word = |t: &str| Word::new(t, 0, 0, Confidence::FULL).unwrap();
        let words: Vec<Word> = text.split(' ').map(word).collect();
        let glossary = Glossary::default();
        let spelling = Spelling { language: &language, glossary: &glossary, style: &style };
        lay_out(&spelling.spell(&words, false, After::Nothing), &language, &style)
    }

    #[test]
    fn a_line_never_ends_with_an_article_or_an_elision() {
        let said = "nous allons voir aujourd'hui comment la lumière se déplace dans l' eau";
        assert_eq!(
            lines("fr", &CaptionStyle::FR_LIVE, said),
            ["nous allons voir aujourd'hui comment", "la lumière se déplace dans l'eau"]
        );
        // Whatever the width: between two lines there is no article, unless the whole line is of them.
        for style in [CaptionStyle::FR_LIVE, CaptionStyle::FR_VOD] {
            for width in 16..60 {
                let lines = lines("fr", &CaptionStyle { width, ..style }, said);
                for line in lines.iter().take(lines.len() - 1) {
                    let last = line.split(' ').next_back().unwrap();
                    assert!(!Language::new("fr").unwrap().holds(last), "{width}: {lines:?}");
                    assert!(columns(line) <= width, "{width}: {lines:?}");
                }
                assert_eq!(lines.join(" "), said.replace("l' ", "l'"));
            }
        }
    }

    #[test]
    fn recorded_lines_are_balanced_and_end_with_the_sense() {
        let style = CaptionStyle::EN_VOD;
        assert_eq!(
            lines("en", &style, "We measured it twice, because nobody believed the first time."),
            ["We measured it twice,", "because nobody believed the first time."]
        );
        assert_eq!(lines("en", &style, "Good morning everybody."), ["Good morning everybody."]);
    }

    #[test]
    fn lines_stay_where_they_are_while_text_grows() {
        let said = "서울 수업 나무 아버지 어머니 노래 음악 아이 넷 라디오 버스 서울 수업 나무";
        let mut before = String::new();
        for end in said.match_indices(' ').map(|(n, _)| n).chain([said.len()]) {
            let text = lines("ko", &CaptionStyle::FR_LIVE, &said[..end]).join("\n");
            assert!(text.starts_with(&before), "{before} → {text}");
            before = text;
        }
        assert_eq!(before.lines().map(columns).max(), Some(34));
    }

    #[test]
    fn a_word_wider_than_a_line_stands_alone() {
        let long = "x".repeat(50);
        assert_eq!(lines("en", &CaptionStyle::EN_LIVE, &format!("so {long} it was")), ["so", &long, "it was"]);
        assert_eq!(lines("en", &CaptionStyle::EN_VOD, &format!("so {long} it was")), ["so", &long, "it was"]);
    }
}
