//! Words are committed once, in order and in time, whatever an engine does on the way.

use super::agreement::{Agreement, Patience};
use super::random::Random;
use super::word::{Confidence, Hypothesis, MAX_WORDS, Splice, Word};

fn word(text: &str, start_ms: i64, end_ms: i64) -> Word {
    Word::new(text, start_ms * 1000, end_ms * 1000, Confidence::from_ratio(0.9)).unwrap()
}

/// Words of 300 ms each from `start_ms` on.
fn words(text: &str, start_ms: i64) -> Vec<Word> {
    let at = |n: usize| start_ms + 300 * i64::try_from(n).unwrap();
    text.split_whitespace().enumerate().map(|(n, t)| word(t, at(n), at(n + 1))).collect()
}

fn partial(text: &str, start_ms: i64) -> Hypothesis {
    Hypothesis::new(words(text, start_ms), false).unwrap()
}

fn last(text: &str, start_ms: i64) -> Hypothesis {
    Hypothesis::new(words(text, start_ms), true).unwrap()
}

fn agreement() -> Agreement {
    Agreement::new(Patience::default(), 0, 0)
}

fn texts(words: &[Word]) -> String {
    words.iter().map(Word::text).collect::<Vec<_>>().join(" ")
}

/// The transcript after all splices.
fn apply(transcript: &mut Vec<Word>, splices: &[Splice]) {
    for splice in splices {
        assert!(splice.apply(transcript), "{splice:?} of {}", transcript.len());
    }
}

#[test]
fn a_word_is_committed_when_it_held_still_for_half_a_second_of_sound() {
    let mut a = agreement();
    for n in 0..5 {
        assert_eq!(a.hear(&partial("bonjour", 10_000), 10_500_000 + n * 100_000), [], "{n}");
    }
    assert_eq!(a.tail().count(), 1);
    let said = a.hear(&partial("bonjour", 10_000), 11_000_000);
    assert_eq!(said, [Splice { at: 0, removed: 0, words: words("bonjour", 10_000) }]);
    assert_eq!(a.tail().count(), 0);
    assert_eq!(a.hear(&partial("bonjour", 10_000), 11_100_000), [], "once");
    // An engine that is behind is polled less often: two polls are as good as six.
    assert_eq!(a.hear(&partial("bonjour à", 10_000), 11_100_000), []);
    assert_eq!(texts(&a.hear(&partial("bonjour à", 10_000), 11_600_000)[0].words), "à");
}

#[test]
fn a_poll_without_new_sound_is_no_agreement() {
    let mut a = agreement();
    for _ in 0..50 {
        assert_eq!(a.hear(&partial("bonjour", 10_000), 10_500_000), []);
    }
}

#[test]
fn an_old_word_does_not_wait_for_agreement() {
    let mut a = agreement();
    assert_eq!(texts(&a.hear(&partial("bonjour à", 10_000), 11_800_000)[0].words), "bonjour");
}

#[test]
fn words_that_come_in_one_go_wait_like_others() {
    let mut a = agreement();
    for n in 0..5 {
        assert_eq!(a.hear(&partial("bonjour à tous", 10_000), 11_000_000 + n * 99_000), []);
    }
    assert_eq!(texts(&a.hear(&partial("bonjour à tous", 10_000), 11_500_000)[0].words), "bonjour à tous");
}

#[test]
fn a_revised_word_begins_again_and_a_committed_one_stays() {
    let mut a = agreement();
    a.hear(&partial("les", 10_000), 10_400_000);
    a.hear(&partial("les", 10_000), 10_800_000);
    assert_eq!(a.hear(&partial("l'été", 10_000), 10_900_000), []);
    assert_eq!(a.hear(&partial("l'été", 10_000), 11_300_000), []);
    assert_eq!(texts(&a.hear(&partial("l'été", 10_000), 11_400_000)[0].words), "l'été");
    // Another mind in a partial does not move what is shown…
    for n in 0..15 {
        assert_eq!(a.hear(&partial("lait", 10_000), 11_500_000 + n * 100_000), [], "one word for one word");
    }
    // …the final does.
    let said = a.hear(&last("lait", 10_000), 13_000_000);
    assert_eq!(said, [Splice { at: 0, removed: 1, words: words("lait", 10_000) }]);
}

#[test]
fn when_a_partial_says_the_committed_otherwise_the_next_words_are_still_found() {
    let mut a = agreement();
    let mut transcript = Vec::new();
    for n in 0..3 {
        let three = vec![word("il", 10_000, 10_100), word("y", 10_100, 10_200), word("a", 10_200, 10_300)];
        apply(&mut transcript, &a.hear(&Hypothesis::new(three, false).unwrap(), 10_400_000 + n * 250_000));
    }
    assert_eq!(texts(&transcript), "il y a");
    for n in 0..3 {
        let other = vec![word("ilya", 10_000, 10_300), word("des", 10_300, 10_500), word("gens", 10_500, 10_800)];
        apply(&mut transcript, &a.hear(&Hypothesis::new(other, false).unwrap(), 11_000_000 + n * 250_000));
    }
    assert_eq!(texts(&transcript), "il y a des gens", "nothing doubled, nothing lost");
}

#[test]
fn an_utterance_may_be_empty_or_come_at_once_and_the_next_one_follows() {
    let mut a = agreement();
    let mut transcript = Vec::new();
    apply(&mut transcript, &a.hear(&last("", 10_000), 10_500_000));
    apply(&mut transcript, &a.hear(&last("bonjour à tous", 10_500), 12_000_000));
    // The same words again are said again: only times could tell, and engines' times are not to be relied on.
    apply(&mut transcript, &a.hear(&last("à tous", 12_000), 13_000_000));
    assert_eq!(texts(&transcript), "bonjour à tous à tous");
    assert_eq!(a.len(), 5);
}

#[test]
fn when_the_engine_dies_what_it_last_said_stands_once() {
    let mut a = agreement();
    let mut transcript = Vec::new();
    apply(&mut transcript, &a.hear(&partial("bonjour à tous et", 10_000), 12_000_000));
    apply(&mut transcript, &a.finish());
    assert_eq!(texts(&transcript), "bonjour à tous et");
    assert_eq!(a.finish(), []);
    apply(&mut transcript, &a.hear(&partial("merci", 20_000), 22_000_000));
    assert_eq!(texts(&transcript), "bonjour à tous et merci");
}

#[test]
fn what_is_still_to_come_is_not_a_pause() {
    let mut a = agreement();
    a.hear(&partial("", 10_000), 15_000_000);
    assert_eq!(a.said_until_micros(), 15_000_000 - 2_100_000, "a word of the last two seconds may still come");
    a.hear(&partial("bonjour", 12_500), 15_050_000);
    assert_eq!(a.said_until_micros(), 15_050_000 - 2_100_000, "the word is committed: it is old");
    a.hear(&partial("bonjour à", 12_500), 15_100_000);
    a.hear(&last("bonjour à", 12_500), 15_200_000);
    assert_eq!(a.said_until_micros(), 15_200_000, "all was said");
}

#[test]
fn a_kept_transcript_goes_on() {
    let mut a = Agreement::new(Patience::default(), 7, 11_000_000);
    let said = a.hear(&last("bonjour", 10_900), 11_400_000);
    assert_eq!((said[0].at, said[0].words[0].start_micros()), (7, 11_000_000));
}

const VOCABULARY: [&str; 8] = ["le", "la", "chat", "dort", "sur", "table", "bien", "서울"];

fn random_words(random: &mut Random, count: usize, from_ms: i64) -> Vec<Word> {
    let mut at = from_ms;
    let mut one = || {
        let start = at + random.micros(200) - 40;
        at = start + random.micros(500);
        word(VOCABULARY[random.below(VOCABULARY.len())], start, at)
    };
    (0..count).map(|_| one()).collect()
}

/// What an engine makes of `truth` at a moment: a prefix with words changed, dropped, doubled, and times a bit off.
fn misheard(truth: &[Word], heard_ms: i64, random: &mut Random) -> Vec<Word> {
    let mut out = Vec::new();
    for w in truth.iter().filter(|w| w.end_micros() <= heard_ms * 1000) {
        let text = if random.below(6) == 0 { VOCABULARY[random.below(VOCABULARY.len())] } else { w.text() };
        let off = random.micros(80) - 40;
        let moved = word(text, w.start_micros() / 1000 + off, w.end_micros() / 1000 + off);
        match random.below(20) {
            0 => {}
            1 => out.extend([moved.clone(), moved]),
            _ => out.push(moved),
        }
    }
    out
}

#[test]
fn whatever_partials_say_the_transcript_is_what_the_finals_say() {
    let (mut committed_early, mut corrected) = (0, 0);
    for seed in 0..3_000 {
        let random = &mut Random::new(seed);
        let mut a = agreement();
        let (mut transcript, mut truth) = (Vec::new(), Vec::new());
        let mut now_ms = 10_000;
        for _ in 0..1 + random.below(5) {
            let count = random.below(25);
            let utterance = random_words(random, count, now_ms);
            let end_ms = utterance.last().map_or(now_ms, |w| w.end_micros() / 1000) + random.micros(900);
            let from = transcript.len();
            while now_ms < end_ms {
                now_ms += 20 + random.micros(400);
                let mut heard = misheard(&utterance, now_ms - random.micros(300), random);
                if random.below(30) == 0 {
                    heard.clear();
                }
                let before = transcript.clone();
                let splices = a.hear(&Hypothesis::new(heard.clone(), false).unwrap(), now_ms * 1000);
                apply(&mut transcript, &splices);
                assert!(transcript.starts_with(&before), "seed {seed}: a partial changed what was committed");
                let late = |w: &&Word| w.end_micros() + Patience::default().age_micros < now_ms * 1000;
                assert_eq!(a.tail().filter(late).count(), 0, "seed {seed}: waits too long");
                assert_eq!(a.len(), transcript.len() as u64);
            }
            committed_early += transcript.len() - from;
            let splices = a.hear(&Hypothesis::new(utterance.clone(), true).unwrap(), now_ms * 1000);
            corrected += splices.iter().filter(|s| s.removed > 0).count();
            apply(&mut transcript, &splices);
            truth.extend(utterance);
            assert_eq!(texts(&transcript), texts(&truth), "seed {seed}");
            assert!(
                transcript.windows(2).all(|w| w[0].end_micros() <= w[1].start_micros()),
                "seed {seed}: times go back: {transcript:?}"
            );
        }
    }
    assert!(committed_early > 30_000, "{committed_early}: the test waits for finals");
    assert!(corrected > 3_000, "{corrected}: nothing to correct");
}

#[test]
fn an_engine_that_never_ends_is_bounded() {
    let mut a = agreement();
    let random = &mut Random::new(1);
    let mut transcript = Vec::new();
    for n in 0..200 {
        let text: Vec<String> = (0..30).map(|_| format!("w{}", random.below(1_000_000))).collect();
        apply(&mut transcript, &a.hear(&partial(&text.join(" "), 10_000 + n * 9000), (20_000 + n * 9000) * 1000));
    }
    assert_eq!(transcript.len(), MAX_WORDS);
    apply(&mut transcript, &a.hear(&last("enfin", 2_000_000), 2_100_000_000));
    assert_eq!(texts(&transcript), "enfin");
}
