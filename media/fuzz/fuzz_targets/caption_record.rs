//! A log of captions: any bytes are read without harm, what is read can be written and read again, and shown.
#![no_main]

use amphi_media::caption::export::{json_lines, srt, text};
use amphi_media::caption::record::{Kept, MAGIC, Record, read, write};
use amphi_media::caption::segmenter::recorded;
use amphi_media::caption::style::CaptionStyle;
use amphi_media::caption::webvtt::{Segment, file, segment};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let as_it_is = [&MAGIC[..], bytes].concat();
    check(&as_it_is);
    check(&checksummed(bytes));
});

/// `bytes` as payloads with the checksums they need to be looked at: kind, length of one byte, payload.
fn checksummed(mut bytes: &[u8]) -> Vec<u8> {
    let mut log = MAGIC.to_vec();
    log.extend(framed(1, b"fr"));
    while let [kind, length, rest @ ..] = bytes {
        let (payload, after) = rest.split_at(usize::from(*length).min(rest.len()));
        log.extend(framed(*kind, payload));
        bytes = after;
    }
    log
}

fn framed(kind: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![kind];
    out.extend((payload.len() as u32).to_le_bytes());
    out.extend(payload);
    let crc = crc32(&out);
    out.extend(crc.to_le_bytes());
    out
}

/// The checksum of zip and of our logs, bit by bit: payloads are short.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 * (crc & 1)))
    })
}

fn check(log: &[u8]) {
    let records = read(log);
    let mut again = MAGIC.to_vec();
    for (record, end) in &records {
        write(record, &mut again).expect("what was read is not too large");
        assert_eq!(again.len() as u64, *end, "one way to write it");
    }
    assert!(log.starts_with(&again) || records.is_empty());
    let Some(kept) = Kept::open(log) else {
        assert!(!matches!(records.first(), Some((Record::Begin(_), _))));
        return;
    };
    let good = &log[..usize::try_from(kept.good_bytes).expect("within the log")];
    assert_eq!(Kept::open(good).as_ref(), Some(&kept));
    show(&kept);
}

/// All that is made of a log: nothing in it can end a cue.
fn show(kept: &Kept) {
    let whole = Segment { from_micros: i64::MIN, until_micros: i64::MAX, discontinuity: false };
    for vtt in [segment(whole, &kept.cues), file(&kept.cues, |t| t)] {
        assert!(vtt.matches("-->").count() <= kept.cues.len());
        assert!(vtt.ends_with("\n\n") && !vtt.contains("\n\n\n"));
    }
    assert!(srt(&kept.cues, |t| t).matches("-->").count() <= kept.cues.len());
    assert!(json_lines(&kept.words, |t| t).lines().count() <= kept.words.len());
    let style = CaptionStyle::recorded(&kept.language, true);
    let names = std::sync::Arc::new(kept.names.glossary());
    text(&kept.words, &style, &kept.language, &names);
    let cues = recorded(&kept.words, style, &kept.language, names);
    assert!(kept.words.is_empty() == cues.is_empty());
    assert!(cues.windows(2).all(|w| w[0].id < w[1].id && w[0].end_micros <= w[1].start_micros));
    assert!(cues.iter().all(|c| c.is_final && c.start_micros < c.end_micros && !c.lines.is_empty()));
}
