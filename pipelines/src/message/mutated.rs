//! Messages go and come back equal; random and mutated bytes are refused without a panic.

use super::samples::{from_captioner, from_engine, to_captioner, to_engine};
use super::*;
use crate::ladder::Rung;
use media::caption::language::Language;
use media::caption::word::{Confidence, Hypothesis, MAX_WORD_BYTES, MAX_WORDS, Word};
use media::track::Kind;

/// A message of any conversation, as a test sees it.
struct Sample {
    bytes: Bytes,
    /// Of which the last are a payload, that may have any length.
    payload: usize,
    decodes: fn(Bytes) -> Result<String, Error>,
    said: String,
}

fn shown<M: std::fmt::Debug>(decoded: Result<M, Error>) -> Result<String, Error> {
    decoded.map(|message| format!("{message:?}"))
}

fn all() -> Vec<Sample> {
    let sample = |encoded: Encoded, said, decodes| Sample {
        bytes: body(&encoded),
        payload: encoded.payload.len(),
        decodes,
        said,
    };
    let mut all = Vec::new();
    all.extend(to_engine().iter().map(|m| sample(m.encode(), format!("{m:?}"), |b| shown(ToEngine::decode(b)))));
    all.extend(from_engine().iter().map(|m| sample(m.encode(), format!("{m:?}"), |b| shown(FromEngine::decode(b)))));
    all.extend(to_captioner().iter().map(|m| sample(m.encode(), format!("{m:?}"), |b| shown(ToCaptioner::decode(b)))));
    all.extend(
        from_captioner().iter().map(|m| sample(m.encode(), format!("{m:?}"), |b| shown(FromCaptioner::decode(b)))),
    );
    all
}

/// The body as it arrives: without the length, checked.
fn body(encoded: &Encoded) -> Bytes {
    let all = Bytes::from([&encoded.head[..], &encoded.payload[..]].concat());
    let length = body_bytes(all[..LENGTH_BYTES].try_into().unwrap()).unwrap();
    assert_eq!(length, all.len() - LENGTH_BYTES);
    all.slice(LENGTH_BYTES..)
}

#[test]
fn messages_arrive_as_they_were_sent() {
    for sample in all() {
        assert_eq!((sample.decodes)(sample.bytes).unwrap(), sample.said);
    }
}

#[test]
fn the_largest_hypothesis_fits() {
    let word = Word::new(&"é".repeat(MAX_WORD_BYTES / 2), 0, 1, Confidence::FULL).unwrap();
    let hypothesis = Hypothesis::new(vec![word; MAX_WORDS], true).unwrap();
    let message = FromCaptioner::Hypothesis { session: 1, hypothesis, heard_until_micros: 1 };
    let encoded = message.encode();
    assert!(encoded.head.len() <= MAX_HEAD_BYTES);
    assert_eq!(FromCaptioner::decode(body(&encoded)).unwrap(), message);
}

#[test]
fn what_is_no_word_and_no_language_is_refused() {
    let word = |text| Word::new(text, 0, 1, Confidence::FULL).unwrap();
    let hypothesis = Hypothesis::new(vec![word("abc")], true).unwrap();
    let said = FromCaptioner::Hypothesis { session: 1, hypothesis, heard_until_micros: 1 };
    let mut bytes = body(&said.encode()).to_vec();
    let at = bytes.windows(3).position(|w| w == b"abc").unwrap();
    bytes[at..at + 3].copy_from_slice(b" \n ");
    assert!(matches!(FromCaptioner::decode(bytes.into()), Err(Error::Invalid { what: "word", .. })));
    let closing = FromCaptioner::Loaded { language: Language::new("fr").unwrap() };
    let mut bytes = body(&closing.encode()).to_vec();
    let at = bytes.windows(2).position(|w| w == b"fr").unwrap();
    bytes[at] = b'/';
    assert!(matches!(FromCaptioner::decode(bytes.into()), Err(Error::Invalid { what: "language", .. })));
}

#[test]
fn payloads_are_shared_and_not_copied() {
    let payload = Bytes::from(vec![1; 1000]);
    let frame =
        SourceFrame { kind: Kind::Video, dts: 0, pts: 0, keyframe: false, cut: None, decode_only: false, payload };
    let sent = ToEngine::Frame(frame.clone()).encode();
    assert_eq!(sent.payload.as_ptr(), frame.payload.as_ptr());
    let arrived = body(&sent);
    let ToEngine::Frame(back) = ToEngine::decode(arrived.clone()).unwrap() else { panic!("no frame") };
    assert!(arrived.as_ptr_range().contains(&back.payload.as_ptr()));
}

#[test]
fn a_length_out_of_bounds_is_refused_before_anything_is_allocated() {
    for bytes in [0, 1, u32::MAX, u32::try_from(MAX_MESSAGE_BYTES).unwrap() + 1] {
        assert!(matches!(body_bytes(bytes.to_be_bytes()), Err(Error::Length { .. })), "{bytes}");
    }
    assert_eq!(body_bytes(u32::try_from(MAX_MESSAGE_BYTES).unwrap().to_be_bytes()), Ok(MAX_MESSAGE_BYTES));
}

#[test]
fn another_build_is_named() {
    let mut bytes = body(&ToEngine::Stop.encode()).to_vec();
    bytes[0] = VERSION + 1;
    let error = ToEngine::decode(bytes.into()).unwrap_err().to_string();
    assert!(error.contains("same build"), "{error}");
}

#[test]
fn every_truncation_is_refused() {
    for sample in all() {
        let whole = sample.bytes;
        let head = whole.len() - sample.payload;
        for end in 0..=head.min(whole.len() - 1) {
            assert!((sample.decodes)(whole.slice(..end)).is_err(), "{}, {end} bytes", sample.said);
        }
    }
}

#[test]
fn counts_and_values_over_their_bounds_are_refused() {
    let ToEngine::Start(start) = to_engine().remove(0) else { panic!("no start") };
    let odd = Start { rungs: vec![Rung { width: 641, ..start.rungs[0] }], ..start.clone() };
    assert!(ToEngine::decode(body(&ToEngine::Start(odd).encode())).is_err());
    let many = Start { rungs: vec![start.rungs[0]; MAX_RUNGS + 3], ..start.clone() };
    let ToEngine::Start(cut) = ToEngine::decode(body(&ToEngine::Start(many).encode())).unwrap() else { panic!() };
    assert_eq!(cut.rungs.len(), MAX_RUNGS, "a writer never sends more than the bound");
    let mut bytes = body(&ToEngine::Start(start).encode()).to_vec();
    // Version, tag, session, then the count of rungs.
    bytes[10..12].copy_from_slice(&9u16.to_be_bytes());
    assert!(matches!(ToEngine::decode(bytes.into()), Err(Error::Invalid { what: "rungs", .. })));
}

/// xorshift: the same mutations on every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[3]
    }
}

#[test]
fn random_and_mutated_bytes_never_panic() {
    let mut random = Random(0x5eed);
    let seeds: Vec<Bytes> = all().into_iter().map(|sample| sample.bytes).collect();
    let (mut taken, mut refused) = (0u32, 0u32);
    for _ in 0..100_000 {
        let mut bytes = seeds[random.below(seeds.len())].to_vec();
        match random.below(4) {
            0 => {
                bytes = (0..random.below(80)).map(|_| random.byte()).collect();
                if let Some(version) = bytes.first_mut() {
                    *version = VERSION;
                }
            }
            1 => bytes.truncate(random.below(bytes.len())),
            2 => bytes.extend((0..random.below(20)).map(|_| 0xff)),
            _ => {
                for _ in 0..=random.below(4) {
                    let at = random.below(bytes.len());
                    bytes[at] = random.byte();
                }
            }
        }
        let bytes = Bytes::from(bytes);
        let decoded = [
            ToEngine::decode(bytes.clone()).is_ok(),
            FromEngine::decode(bytes.clone()).is_ok(),
            ToCaptioner::decode(bytes.clone()).is_ok(),
            FromCaptioner::decode(bytes).is_ok(),
        ];
        for ok in decoded {
            if ok {
                taken += 1;
            } else {
                refused += 1;
            }
        }
    }
    assert!(taken > 1_000 && refused > 1_000, "both happen: {taken} taken, {refused} refused");
}
