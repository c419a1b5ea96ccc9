//! Talks that are made up: words by frequency as languages have them, the same in every run.

use amphi::archive::layout::Layout;
use media::caption::language::Language;
use media::caption::record::{self, Record};
use media::caption::word::{Confidence, Splice, Word};
use media::rendition::RenditionId;
use media::segment::index::{self, Begin, PartRecord};
use media::time::{Timescale, Timestamp, WallTime};
use std::error::Error;

const VOCABULARY: usize = 30_000;
const SYLLABLES: [&str; 24] = [
    "ba", "cé", "di", "fo", "gu", "la", "mé", "ni", "po", "ru", "sa", "té", "vi", "cho", "bru", "tra", "plé", "gri",
    "clo", "ment", "tion", "eur", "ique", "able",
];

/// A video's texts.
pub(crate) struct Talk {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) speaker: String,
    pub(crate) said: Vec<String>,
}

/// The same question for both.
pub(crate) struct Question {
    pub(crate) typed: String,
    pub(crate) for_fts5: String,
}

/// Makes talks and questions.
pub(crate) struct Texts {
    words: Vec<String>,
}

/// xorshift64*.
struct Random(u64);

impl Random {
    fn of(seed: usize) -> Self {
        Self((seed as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        usize::try_from(self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33).unwrap_or(0) % bound
    }

    /// The n-th word is about as frequent as 1/n.
    fn rank(&mut self) -> usize {
        let uniform = (self.below(1 << 24) as f64 + 1.0) / f64::from(1 << 24);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "not negative, below the vocabulary's size"
        )]
        let rank = ((VOCABULARY as f64).powf(uniform) - 1.0) as usize;
        rank.min(VOCABULARY - 1)
    }
}

impl Texts {
    pub(crate) fn new() -> Self {
        let word = |n: usize| {
            let mut random = Random::of(n);
            let syllables = 2 + random.below(3);
            (0..syllables).map(|_| SYLLABLES[random.below(SYLLABLES.len())]).collect()
        };
        Self { words: (0..VOCABULARY).map(word).collect() }
    }

    fn word(&self, random: &mut Random) -> &str {
        &self.words[random.rank()]
    }

    pub(crate) fn talk(&self, n: usize, words: usize) -> Talk {
        let mut random = Random::of(n + VOCABULARY);
        let some =
            |count: usize, random: &mut Random| (0..count).map(|_| self.word(random).to_owned()).collect::<Vec<_>>();
        Talk {
            id: id(n),
            title: some(4, &mut random).join(" "),
            speaker: some(2, &mut random).join(" "),
            said: some(words, &mut random),
        }
    }

    /// One word, two, an unfinished one, a phrase, a title.
    pub(crate) fn question(&self, n: usize, videos: usize, words: usize) -> Question {
        let mut random = Random::of(n + 7 * VOCABULARY);
        let talk = self.talk(random.below(videos), words);
        let at = random.below(words.saturating_sub(2).max(1));
        let both = |typed: String, for_fts5: String| Question { typed, for_fts5 };
        let quoted = |word: &str| format!("\"{word}\"");
        match n % 5 {
            0 => both(format!("{} ", talk.said[at]), quoted(&talk.said[at])),
            1 => {
                let (a, b) = (&talk.said[at], self.word(&mut random));
                both(format!("{a} {b} "), format!("{} {}", quoted(a), quoted(b)))
            }
            2 => {
                let begun: String = talk.said[at].chars().take(4).collect();
                both(begun.clone(), format!("{}*", quoted(&begun)))
            }
            3 => {
                let phrase = talk.said[at..(at + 2).min(talk.said.len())].join(" ");
                both(quoted(&phrase), quoted(&phrase))
            }
            _ => {
                let words: Vec<_> = talk.title.split(' ').map(quoted).collect();
                both(format!("{} ", talk.title), words.join(" "))
            }
        }
    }
}

/// Sixteen characters of base32.
fn id(n: usize) -> String {
    const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
    let mut random = Random::of(n + 3 * VOCABULARY);
    let random: String = (0..10).map(|_| char::from(ALPHABET[random.below(32)])).collect();
    let number: String = (0..6).map(|digit| char::from(ALPHABET[n >> (5 * digit) & 31])).collect();
    random + &number
}

/// A recording of two minutes without media, with a transcript.
pub(crate) fn record(layout: &Layout, talk: &Talk) -> Result<(), Box<dyn Error>> {
    std::fs::create_dir_all(layout.folder(&talk.id))?;
    let rendition = RenditionId::Source;
    let program_date_time = WallTime::default();
    let mut bytes = index::MAGIC.to_vec();
    let begin = Begin { origin: WallTime::default(), first_msn: 0, first_discontinuity: 0, target_duration_s: 2 };
    index::write(&index::Record::Begin(begin), &mut bytes);
    for msn in 0..60_u32 {
        let msn_64 = u64::from(msn);
        let segment =
            index::Record::Segment { rendition, msn: msn_64, discontinuity: false, init: 0, program_date_time };
        index::write(&segment, &mut bytes);
        let start = Timestamp::new(i64::from(msn) * 2_000, Timescale::MILLIS);
        let part = PartRecord {
            rendition,
            independent: true,
            offset: 0,
            bytes: 10,
            crc: 0,
            samples: 1,
            start,
            duration_ticks: 2_000,
            keyframes: Vec::new(),
        };
        index::write(&index::Record::Part(part), &mut bytes);
        index::write(&index::Record::SegmentEnd(rendition), &mut bytes);
    }
    index::write(&index::Record::End, &mut bytes);
    std::fs::write(layout.index(&talk.id), bytes)?;
    let language = Language::new("fr").ok_or("fr")?;
    let each = 120_000_000 / i64::try_from(talk.said.len().max(1))?;
    let mut words = Vec::with_capacity(talk.said.len());
    for (n, word) in (0_i64..).zip(&talk.said) {
        words.extend(Word::new(word, n * each, n * each + each * 3 / 4, Confidence::from_ratio(0.9)));
    }
    let mut log = record::MAGIC.to_vec();
    record::write(&Record::Begin(language.clone()), &mut log)?;
    for (n, some) in words.chunks(100).enumerate() {
        let splice = Splice { at: (n * 100) as u64, removed: 0, words: some.to_vec() };
        record::write(&Record::Splice(splice), &mut log)?;
    }
    record::write(&Record::End, &mut log)?;
    std::fs::write(layout.captions(&talk.id, &language), log)?;
    Ok(())
}
