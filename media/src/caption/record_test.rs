//! What is kept is read again, wherever it is cut off or damaged.

use super::Cue;
use super::language::Language;
use super::record::{Kept, MAGIC, MAX_PAYLOAD_BYTES, Record, read, write};
use super::vocabulary::Vocabulary;
use super::word::{Confidence, MAX_WORD_BYTES, MAX_WORDS, Splice, Word};

fn word(text: &str, at_ms: i64) -> Word {
    Word::new(text, at_ms * 1000, at_ms * 1000 + 300_000, Confidence::from_ratio(0.75)).unwrap()
}

fn cue(id: u64, lines: &[&str]) -> Record {
    Record::Cue(Cue {
        id,
        start_micros: 10_000_000,
        end_micros: 11_200_000,
        lines: lines.iter().map(|&l| l.to_owned()).collect(),
        language: Language::new("fr").unwrap(),
        is_final: true,
    })
}

fn splice(at: u64, removed: u32, texts: &[&str]) -> Record {
    Record::Splice(Splice { at, removed, words: texts.iter().map(|t| word(t, 10_000)).collect() })
}

fn names(lines: &[&str]) -> Record {
    Record::Vocabulary(Vocabulary::of_lines(lines.iter().copied()).unwrap())
}

fn records() -> Vec<Record> {
    vec![
        Record::Begin(Language::new("fr").unwrap()),
        names(&["le chat = Lechat"]),
        splice(0, 0, &["le", "shah"]),
        cue(4, &["Le shah"]),
        splice(1, 1, &["chat"]),
        cue(4, &["Le chat", "l'été\u{a0}!"]),
        cue(6, &["서울"]),
        cue(6, &[]),
        names(&["서울 = Séoul", "[fr] été"]),
        splice(2, 0, &["서울", "dort"]),
        names(&[]),
        names(&["été = Été"]),
        Record::End,
    ]
}

fn log(records: &[Record]) -> Vec<u8> {
    let mut log = MAGIC.to_vec();
    for record in records {
        write(record, &mut log).unwrap();
    }
    log
}

#[test]
fn what_is_written_is_read() {
    let log = log(&records());
    let read = read(&log);
    assert_eq!(read.last().map(|(_, end)| *end), Some(log.len() as u64));
    assert_eq!(read.into_iter().map(|(r, _)| r).collect::<Vec<_>>(), records());
}

#[test]
fn corrections_are_made_and_withdrawn_cues_gone() {
    let log = log(&records());
    let kept = Kept::open(&log).unwrap();
    assert_eq!(kept.words.iter().map(Word::text).collect::<Vec<_>>(), ["le", "chat", "서울", "dort"]);
    assert_eq!(kept.names.lines(), ["été = Été"], "the last word on names");
    let [Record::Cue(last), ..] = &records()[5..] else { panic!() };
    assert_eq!(kept.cues, std::slice::from_ref(last));
    assert_eq!((kept.next_cue_id, kept.complete, kept.good_bytes), (7, true, log.len() as u64));
}

#[test]
fn a_log_cut_anywhere_is_good_up_to_its_last_whole_record_and_goes_on() {
    let records = records();
    let whole = log(&records);
    let ends: Vec<usize> = (1..=records.len()).map(|n| log(&records[..n]).len()).collect();
    for cut in 0..whole.len() {
        let count = ends.iter().filter(|end| **end <= cut).count();
        assert_eq!(read(&whole[..cut]).len(), count, "cut at {cut}");
        let Some(kept) = Kept::open(&whole[..cut]) else {
            assert_eq!(count, 0);
            continue;
        };
        // The writer cuts the rest off, writes on, and has the same.
        let mut again = whole[..usize::try_from(kept.good_bytes).unwrap()].to_vec();
        for record in &records[count..] {
            write(record, &mut again).unwrap();
        }
        assert_eq!(again, whole, "cut at {cut}");
    }
}

#[test]
fn a_log_with_any_byte_changed_is_good_up_to_there() {
    let records = records();
    let whole = log(&records);
    let ends: Vec<usize> = (1..=records.len()).map(|n| log(&records[..n]).len()).collect();
    for at in 0..whole.len() {
        for bit in [1, 0x80] {
            let mut log = whole.clone();
            log[at] ^= bit;
            let good = if at < MAGIC.len() { 0 } else { ends.iter().filter(|end| **end <= at).count() };
            assert_eq!(read(&log).len(), good, "byte {at}");
        }
    }
}

#[test]
fn a_splice_that_does_not_fit_ends_the_log() {
    let mut bad = records();
    bad.insert(3, splice(7, 0, &["nulle", "part"]));
    let kept = Kept::open(&log(&bad)).unwrap();
    assert_eq!(kept.words.len(), 2);
    assert_eq!(kept.good_bytes, log(&bad[..3]).len() as u64);
}

#[test]
fn a_log_begins_once() {
    let fr = Record::Begin(Language::new("fr").unwrap());
    assert_eq!(read(&log(&[fr.clone(), fr.clone()])).len(), 1);
    assert_eq!(read(&log(&[Record::End, fr])).len(), 0);
    assert_eq!(Kept::open(&MAGIC), None);
    assert_eq!(Kept::open(b"AMPHCC02"), None);
}

#[test]
fn the_largest_utterance_can_be_written_and_what_is_larger_is_refused() {
    let long = "x".repeat(MAX_WORD_BYTES);
    let most = splice(0, 0, &vec![long.as_str(); MAX_WORDS]);
    let begin = records().remove(0);
    assert_eq!(read(&log(&[begin, most])).len(), 2);
    let line = "x".repeat(MAX_PAYLOAD_BYTES);
    let mut out = vec![7];
    assert!(write(&cue(1, &[line.as_str()]), &mut out).is_err());
    assert_eq!(out, [7]);
}
