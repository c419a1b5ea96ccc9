//! Every word in one cue, cues in order, text that stays: whatever comes, and whenever segments are published.

use super::Cue;
use super::agreement::{Agreement, Patience};
use super::columns::columns;
use super::glossary::Glossary;
use super::language::Language;
use super::random::Random;
use super::segmenter::{Segmenter, Start, recorded};
use super::style::{CaptionStyle, Flow};
use super::webvtt::{Segment, segment};
use super::word::{Confidence, Hypothesis, Splice, Word};
use std::collections::BTreeMap;
use std::sync::Arc;

const KOREAN: &str = "서울 수업 나무 아버지 어머니 노래 음악 아이 넷 라디오 버스";
const FRENCH: &str = "le la les de un une chat université l' d' qu' été eau et mais donc parce que nous regardons \
                      aujourd'hui comment fonctionne anticonstitutionnellement très bien dit -il";

fn word(text: &str, start_ms: i64, end_ms: i64) -> Word {
    Word::new(text, start_ms * 1000, end_ms * 1000, Confidence::FULL).unwrap()
}

/// Words of 60 ms a letter, one after the other; a number is a pause in milliseconds.
fn said(text: &str) -> Vec<Word> {
    let mut at = 10_000;
    let mut words = Vec::new();
    for text in text.split_whitespace() {
        if let Ok(pause_ms) = text.parse::<i64>() {
            at += pause_ms;
        } else {
            let end = at + 60 * i64::try_from(text.chars().count()).unwrap();
            words.push(word(text, at, end));
            at = end;
        }
    }
    words
}

fn live(tag: &str) -> Segmenter {
    let language = Language::new(tag).unwrap();
    Segmenter::new(CaptionStyle::live(&language), language, Arc::default(), Start::default())
}

fn push(segmenter: &mut Segmenter, at: u64, words: &[Word], out: &mut Vec<Cue>) {
    segmenter.push(&Splice { at, removed: 0, words: words.to_vec() }, out);
}

fn text(cue: &Cue) -> String {
    cue.lines.join("|")
}

fn texts(cues: &[Cue]) -> Vec<String> {
    cues.iter().map(text).collect()
}

/// What is left of text when nothing is that a rule puts in or takes out.
fn bare(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn bare_words<'a>(words: impl IntoIterator<Item = &'a Word>) -> String {
    words.into_iter().map(|w| bare(w.text())).collect()
}

fn bare_cues<'a>(cues: impl IntoIterator<Item = &'a Cue>) -> String {
    cues.into_iter().map(|c| bare(&c.lines.concat())).collect()
}

#[test]
fn a_cue_grows_with_each_word_and_ends_at_a_pause() {
    let (mut s, mut out) = (live("fr"), Vec::new());
    let words = said("bonjour à tous");
    for (n, word) in words.iter().enumerate() {
        push(&mut s, n as u64, std::slice::from_ref(word), &mut out);
    }
    assert_eq!(texts(&out), ["Bonjour", "Bonjour à", "Bonjour à tous"]);
    assert!(out.iter().all(|c| c.id == 0 && !c.is_final && c.start_micros == 10_000_000));
    assert!(out.iter().all(|c| c.end_micros >= 11_200_000));
    out.clear();
    let end = words[2].end_micros();
    s.said_until(end + 600_000, &mut out);
    assert_eq!(out, [], "a breath is no pause");
    s.said_until(end + 700_000, &mut out);
    assert_eq!(texts(&out), ["Bonjour à tous."]);
    assert!(!out[0].is_final, "what follows may come soon: the gap would be closed");
    out.clear();
    s.said_until(end + 3_000_000, &mut out);
    assert!(out[0].is_final && text(&out[0]) == "Bonjour à tous.");
    out.clear();
    s.said_until(end + 30_000_000, &mut out);
    assert_eq!(out, []);
}

#[test]
fn a_full_cue_ends_before_what_does_not_fit_and_never_with_an_article() {
    let words = said(
        "nous allons voir aujourd'hui comment la lumière se déplace dans l' eau et dans le verre parce que la vitesse \
         n' est pas la même 800 voilà",
    );
    let (mut s, mut out) = (live("fr"), Vec::new());
    push(&mut s, 0, &words, &mut out);
    s.finish(&mut out);
    let last: BTreeMap<u64, &Cue> = out.iter().map(|c| (c.id, c)).collect();
    assert_eq!(
        last.values().map(|c| text(c)).collect::<Vec<_>>(),
        [
            "Nous allons voir aujourd'hui comment|la lumière se déplace dans l'eau",
            "et dans le verre parce que la vitesse|n'est pas la même.",
            "Voilà."
        ]
    );
    assert!(last.values().all(|c| c.is_final));
}

#[test]
fn recorded_cues_end_with_the_sense() {
    let en = Language::new("en").unwrap();
    let words = said(
        "In this lecture, we look at the history of the steam engine, which began with a pump. It was not James Watt \
         who invented it. He made it better.",
    );
    let cues = recorded(&words, CaptionStyle::EN_VOD, &en, Arc::default());
    assert_eq!(
        texts(&cues),
        [
            "In this lecture, we look|at the history of the steam engine,",
            "which began with a pump.",
            "It was not James Watt who invented it.",
            "He made it better."
        ]
    );
    // A gap of two frames between what follows closely.
    assert!(cues.windows(2).all(|w| w[1].start_micros - w[0].end_micros == 80_000), "{cues:?}");
}

#[test]
fn a_glossary_is_heeded_while_the_cue_grows() {
    let glossary = Glossary::new([("lille", "Lille"), ("big blue button", "BigBlueButton")]).unwrap();
    let fr = Language::new("fr").unwrap();
    let mut s = Segmenter::new(CaptionStyle::FR_LIVE, fr, Arc::new(glossary), Start::default());
    let mut out = Vec::new();
    for (n, word) in said("à lille big blue button").iter().enumerate() {
        push(&mut s, n as u64, std::slice::from_ref(word), &mut out);
    }
    assert_eq!(texts(&out), ["À", "À Lille", "À Lille big", "À Lille big blue", "À Lille BigBlueButton"]);
}

#[test]
fn a_correction_changes_its_cue_and_no_other() {
    let (mut s, mut out) = (live("fr"), Vec::new());
    let words = said("le shah dort 800 il rêve 800 et puis");
    push(&mut s, 0, &words, &mut out);
    let before: BTreeMap<u64, Cue> = out.drain(..).map(|c| (c.id, c)).collect();
    s.push(&Splice { at: 1, removed: 1, words: vec![word("chat", 10_200, 10_400)] }, &mut out);
    let first = Cue { lines: vec!["Le chat dort.".to_owned()], ..before[&0].clone() };
    assert_eq!(out, [first], "times stay");
    out.clear();
    // The growing one, and one that loses all its words.
    s.push(&Splice { at: 6, removed: 1, words: vec![] }, &mut out);
    assert_eq!(texts(&out), ["Et"]);
    out.clear();
    s.push(&Splice { at: 3, removed: 2, words: vec![] }, &mut out);
    assert_eq!(out.iter().map(|c| (c.id, c.lines.len())).collect::<Vec<_>>(), [(1, 0)], "withdrawn");
    out.clear();
    // The transcript is now "le chat dort et": words go on at its end.
    push(&mut s, 4, &[word("puis", 13_300, 13_500)], &mut out);
    assert_eq!(texts(&out), ["Et puis"]);
}

#[test]
fn a_cue_that_has_only_begun_is_in_the_next_segment() {
    let (mut s, mut out) = (live("ko"), Vec::new());
    push(&mut s, 0, &[word("서울", 11_500, 11_900)], &mut out);
    s.settle(12_000_000, &mut out);
    assert!(out.iter().all(|c| !c.is_final));
    push(&mut s, 1, &[word("수업", 11_900, 12_300)], &mut out);
    s.said_until(14_000_000, &mut out);
    s.settle(14_000_000, &mut out);
    let last = out.last().unwrap();
    assert!(last.is_final && last.start_micros == 11_500_000 && last.end_micros > 12_000_000);
    assert_eq!(text(last), "서울 수업");
}

#[test]
fn a_word_that_comes_too_late_is_in_the_next_segment() {
    let (mut s, mut out) = (live("ko"), Vec::new());
    s.settle(20_000_000, &mut out);
    push(&mut s, 0, &[word("서울", 11_500, 11_900)], &mut out);
    s.finish(&mut out);
    let last = out.last().unwrap();
    assert_eq!((last.start_micros, last.end_micros), (20_000_000, 21_200_000));
}

/// A run of one live: what was published, in order.
struct Run {
    words: Vec<Word>,
    revisions: Vec<Cue>,
    /// Each segment's text, as a player gets it.
    segments: Vec<String>,
}

impl Run {
    fn last(&self) -> BTreeMap<u64, &Cue> {
        self.revisions.iter().map(|c| (c.id, c)).collect()
    }

    /// Of each cue, in order. By their letters, which all words of the vocabularies have.
    fn first_words(&self) -> Vec<&Word> {
        let mut words = self.words.iter();
        let mut firsts = Vec::new();
        for cue in self.last().into_values() {
            firsts.extend(words.clone().next());
            let mut left = bare(&cue.lines.concat()).len();
            while left > 0 {
                left -= bare(words.next().unwrap().text()).len();
            }
        }
        firsts
    }
}

const SEGMENT_MICROS: i64 = 2_000_000;
/// A word is pushed at most so long after it began, and one more word.
const LATE_MICROS: i64 = 2_500_000;

/// Speaks words of a vocabulary with random lengths, pauses and delays, in random pieces, and publishes segments of 2 s
/// when all was said or 1.5 s later at the latest.
fn run(tag: &str, style: CaptionStyle, vocabulary: &str, random: &mut Random) -> Run {
    let language = Language::new(tag).unwrap();
    let mut s = Segmenter::new(style, language, Arc::default(), Start::default());
    let vocabulary: Vec<&str> = vocabulary.split_whitespace().collect();
    let (mut words, mut revisions, mut segments) = (Vec::<Word>::new(), Vec::new(), Vec::new());
    let (mut at_ms, mut published, mut pushed) = (10_000, 10_000_000, 0);
    let pace = 1 + random.below(500);
    for _ in 0..random.below(120) {
        at_ms += match random.below(12) {
            0 => 300 + random.micros(500),
            1 => random.micros(6000),
            _ => random.micros(80),
        };
        // An engine is late, but not for ever.
        if words.get(pushed).is_some_and(|w| at_ms * 1000 - w.start_micros() > LATE_MICROS) {
            push(&mut s, pushed as u64, &words[pushed..], &mut revisions);
            pushed = words.len();
        }
        let end = at_ms + 30 + random.micros(pace);
        words.push(word(vocabulary[random.below(vocabulary.len())], at_ms, end));
        at_ms = end;
        if random.below(3) > 0 {
            push(&mut s, pushed as u64, &words[pushed..], &mut revisions);
            pushed = words.len();
        }
        if pushed == words.len() {
            s.said_until(at_ms * 1000 + random.micros(100_000), &mut revisions);
        }
        while published + SEGMENT_MICROS + random.micros(1_500_000) < at_ms * 1000 {
            publish(&mut s, &mut published, &mut revisions, &mut segments);
        }
    }
    push(&mut s, pushed as u64, &words[pushed..], &mut revisions);
    s.finish(&mut revisions);
    while revisions.iter().any(|c| c.is_final && c.end_micros > published) {
        publish(&mut s, &mut published, &mut revisions, &mut segments);
    }
    Run { words, revisions, segments }
}

fn publish(s: &mut Segmenter, published: &mut i64, revisions: &mut Vec<Cue>, segments: &mut Vec<String>) {
    let until = *published + SEGMENT_MICROS;
    s.settle(until, revisions);
    let cues: BTreeMap<u64, &Cue> = revisions.iter().map(|c| (c.id, c)).collect();
    let of = Segment { from_micros: *published, until_micros: until, discontinuity: false };
    segments.push(segment(of, cues.into_values()));
    *published = until;
}

fn all_runs(mut check: impl FnMut(u64, &Run, &CaptionStyle)) {
    for seed in 0..400 {
        let random = &mut Random::new(seed);
        let (tag, vocabulary) =
            [("ko", KOREAN), ("fr", FRENCH), ("ja", KOREAN), ("en", "a the of so but one two")][random.below(4)];
        let language = Language::new(tag).unwrap();
        let mut style = [CaptionStyle::live(&language), CaptionStyle::recorded(&language, true)][random.below(2)];
        if random.below(4) == 0 {
            style.width = 12 + random.below(40);
            style.max_lines = 1 + random.below(3);
        }
        check(seed, &run(tag, style, vocabulary, random), &style);
    }
}

#[test]
fn no_word_is_lost_or_doubled_in_cues() {
    let mut words = 0;
    all_runs(|seed, run, _| {
        assert_eq!(bare_cues(run.last().into_values()), bare_words(&run.words), "seed {seed}");
        assert!(run.last().values().all(|c| c.is_final), "seed {seed}");
        words += run.words.len();
    });
    assert!(words > 15_000, "{words}");
}

#[test]
fn a_player_that_knows_cues_by_their_id_gets_every_word_once() {
    let (mut repeated, mut listed) = (0, 0);
    all_runs(|seed, run, _| {
        let mut known: BTreeMap<u64, String> = BTreeMap::new();
        for segment in &run.segments {
            let blocks = segment.split("\n\n").skip(1).filter(|b| !b.is_empty());
            for block in blocks {
                let (id, rest) = block.split_once('\n').unwrap();
                let before = known.entry(id.parse().unwrap()).or_insert_with(|| rest.to_owned());
                assert_eq!(before, rest, "seed {seed}: repeated with other times or text");
                listed += 1;
            }
        }
        repeated += listed - known.len().min(listed);
        let text: String = known.values().map(|t| bare(t.split_once('\n').unwrap().1)).collect();
        assert_eq!(text, bare_words(&run.words), "seed {seed}");
    });
    assert!(repeated > 300, "{repeated}: no cue was over a boundary");
}

#[test]
fn cues_are_in_order_in_their_lines_and_long_enough() {
    let (mut short, mut cues_seen) = (0, 0);
    all_runs(|seed, run, style| {
        let cues: Vec<&Cue> = run.last().into_values().collect();
        for cue in &cues {
            assert!(
                cue.lines.len() <= style.max_lines || cue.lines.iter().all(|l| !l.contains(' ')),
                "seed {seed}: {cue:?}"
            );
            for line in &cue.lines {
                // A unit that can't be broken: elisions and "-il" are part of it.
                assert!(columns(line) <= style.width || !line.contains(' '), "seed {seed}: {cue:?}");
            }
        }
        for (pair, first) in cues.windows(2).zip(run.first_words().into_iter().skip(1)) {
            let [a, b] = pair else { panic!() };
            assert!(a.end_micros + style.gap_micros <= b.start_micros, "seed {seed}: {a:?} {b:?}");
            cues_seen += 1;
            // Too short only where the next one already waits as long as it may, or came too late for its own segment.
            let waits = b.start_micros - first.start_micros() >= style.max_delay_micros;
            if a.end_micros - a.start_micros < style.min_micros {
                short += 1;
                assert!(waits || b.start_micros % SEGMENT_MICROS == 0, "seed {seed}: {a:?} {b:?} {first:?}");
            }
        }
    });
    // Words of a tenth of a second in lines of 12 columns are among them.
    assert!(short * 10 < cues_seen, "{short} of {cues_seen} are short");
}

#[test]
fn a_cue_is_not_shown_before_its_words_nor_much_later() {
    all_runs(|seed, run, style| {
        for (cue, first) in run.last().into_values().zip(run.first_words()) {
            let late = cue.start_micros - first.start_micros();
            // Late words are shown with the next segment, and their successors wait for them.
            let most = style.max_delay_micros.max(style.min_micros) + SEGMENT_MICROS + LATE_MICROS;
            assert!((0..=most).contains(&late), "seed {seed}: {late} {cue:?}");
        }
    });
}

#[test]
fn what_is_shown_stays_where_it_is_while_a_cue_grows() {
    let mut grown = 0;
    all_runs(|seed, run, style| {
        // French moves an article on with its noun, and a comma can come; Korean has neither.
        let korean = run.words.iter().all(|w| KOREAN.contains(w.text())) && style.flow == Flow::Growing;
        if !korean {
            return;
        }
        let mut shown: BTreeMap<u64, String> = BTreeMap::new();
        for cue in &run.revisions {
            let text = cue.lines.join("\n");
            let before = shown.insert(cue.id, text.clone()).unwrap_or_default();
            assert!(text.starts_with(&before), "seed {seed}: {before} → {text}");
            grown += 1;
        }
    });
    assert!(grown > 1_500, "{grown}");
}

#[test]
fn corrections_reach_the_cues_whatever_they_are() {
    let mut corrections = 0;
    for seed in 0..800 {
        let random = &mut Random::new(seed);
        let vocabulary: Vec<&str> = KOREAN.split(' ').collect();
        let mut agreement = Agreement::new(Patience::default(), 0, 0);
        let mut s = live("ko");
        let (mut transcript, mut out, mut now_ms) = (Vec::new(), Vec::new(), 10_000);
        for _ in 0..1 + random.below(4) {
            let mut truth = Vec::new();
            // What is misheard, and how, until the final.
            let (wrong, how) = (random.below(20), random.below(4));
            for _ in 0..random.below(30) {
                let start = now_ms + random.micros(400);
                now_ms = start + 100 + random.micros(400);
                truth.push(word(vocabulary[random.below(11)], start, now_ms));
                let mut heard = truth.clone();
                if let Some(odd) = truth.get(wrong) {
                    let (from, until) = (odd.start_micros() / 1000, odd.end_micros() / 1000);
                    match how {
                        0 => heard[wrong] = word("라디오라디오", from, until),
                        1 => drop(heard.remove(wrong)),
                        2 => heard.insert(wrong, word("넷", from, from)),
                        _ => heard.truncate(wrong),
                    }
                }
                let splices = agreement.hear(&Hypothesis::new(heard, false).unwrap(), now_ms * 1000);
                for splice in &splices {
                    s.push(splice, &mut out);
                    assert!(splice.apply(&mut transcript));
                }
                s.said_until(agreement.said_until_micros(), &mut out);
                if random.below(4) == 0 {
                    s.settle(now_ms * 1000 - 2_000_000, &mut out);
                }
            }
            for splice in agreement.hear(&Hypothesis::new(truth, true).unwrap(), now_ms * 1000) {
                corrections += u32::from(splice.removed > 0 || splice.at < transcript.len() as u64);
                s.push(&splice, &mut out);
                assert!(splice.apply(&mut transcript));
            }
        }
        s.finish(&mut out);
        let last: BTreeMap<u64, &Cue> = out.iter().map(|c| (c.id, c)).collect();
        assert_eq!(bare_cues(last.values().copied()), bare_words(&transcript), "seed {seed}");
        let cues: Vec<&&Cue> = last.values().filter(|c| !c.lines.is_empty()).collect();
        assert!(cues.windows(2).all(|w| w[0].end_micros <= w[1].start_micros), "seed {seed}");
        assert!(cues.iter().all(|c| c.is_final && c.start_micros < c.end_micros), "seed {seed}");
    }
    assert!(corrections > 500, "{corrections}");
}

#[test]
fn any_splice_at_all_does_no_harm() {
    for seed in 0..400 {
        let random = &mut Random::new(seed);
        let (mut s, mut out, mut count) = (live("fr"), Vec::new(), 0u64);
        for _ in 0..60 {
            let words: Vec<Word> =
                (0..random.below(8)).map(|_| word("mot", random.micros(90_000), random.micros(90_000))).collect();
            let splice = Splice {
                at: random.below(usize::try_from(count).unwrap() + 20) as u64,
                removed: u32::try_from(random.below(12)).unwrap(),
                words,
            };
            s.push(&splice, &mut out);
            let end = (splice.at + u64::from(splice.removed)).min(count);
            count = count - (end - splice.at.min(end)) + splice.words.len() as u64;
            s.settle(random.micros(100_000_000), &mut out);
        }
        s.finish(&mut out);
        let last: BTreeMap<u64, &Cue> = out.iter().map(|c| (c.id, c)).collect();
        let shown = bare_cues(last.into_values()).len() / 3;
        assert_eq!(shown as u64, count, "seed {seed}");
    }
}

#[test]
fn a_long_live_is_held_in_bounds_and_a_long_recording_is_fast() {
    let words: Vec<Word> = (0..10_000).map(|n| word("maintenant", 10_000 + n * 400, 10_350 + n * 400)).collect();
    let (mut s, mut out) = (live("fr"), Vec::new());
    for (n, word) in words.iter().enumerate() {
        push(&mut s, n as u64, std::slice::from_ref(word), &mut out);
        assert!(out.len() < 8);
        out.clear();
    }
    assert!(format!("{s:?}").len() < 2_000_000, "held: {}", format!("{s:?}").len());
    let fr = Language::new("fr").unwrap();
    let cues = recorded(&words, CaptionStyle::FR_VOD, &fr, Arc::default());
    assert_eq!(bare_cues(&cues).len(), 10_000 * "maintenant".len());
}
