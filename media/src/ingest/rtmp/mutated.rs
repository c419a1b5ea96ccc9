//! A million sessions that almost make sense: recorded ones with bits flipped, pieces cut, doubled, moved and put in.
//!
//! Seeded, so that a failure can be had again: its message names the seed.

use super::session::{Event, Limits, Session};
use super::translate::Translator;
use super::{chunk, transcript};
use crate::feed::Item;
use crate::time::WallTime;

const LIMITS: Limits = Limits { before_publish_bytes: 64 << 10, message_bytes: 1 << 20 };
const SESSIONS: u64 = 1_000_000;
/// As many as the smallest machine has cores.
const THREADS: u64 = 2;

/// xorshift64*: what matters is that it is the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 16
    }

    /// 0 to `n - 1`; `n` is not 0.
    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next()).unwrap() % n
    }
}

fn mutate(bytes: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len() + 1);
        let len = random.below(40).min(bytes.len() - at);
        match random.below(6) {
            0 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            1 if at < bytes.len() => bytes[at] = [0, 0xFF, 0x7F, 0x80, 0xC0, 3][random.below(6)],
            2 => bytes.truncate(at),
            3 => drop(bytes.drain(at..at + len)),
            4 => {
                let piece = bytes[at..at + len].to_vec();
                bytes.splice(at..at, piece);
            }
            _ => {
                let from = random.below(other.len());
                let piece = &other[from..other.len().min(from + len)];
                bytes.splice(at..at, piece.iter().copied());
            }
        }
    }
}

/// What a run reached, so that the test can tell that it tests something.
#[derive(Default, Debug)]
struct Reached {
    published: u64,
    frames: u64,
    errors: u64,
    dropped: u64,
}

fn run(bytes: &[u8], random: &mut Random, reached: &mut Reached) {
    let mut session = Session::after_handshake(LIMITS);
    let mut translator = Translator::new();
    let (mut events, mut items) = (Vec::new(), Vec::new());
    let mut rest = bytes;
    while !rest.is_empty() {
        let n = 1 + random.below(2048).min(rest.len() - 1);
        let (piece, later) = rest.split_at(n);
        rest = later;
        let result = session.input(piece, &mut events);
        let held = session.buffered_bytes();
        assert!(held <= LIMITS.message_bytes + chunk::SPARE_BYTES + 64 * 2048, "holds {held} bytes");
        for event in events.drain(..) {
            match event {
                Event::Publish(_) => {
                    reached.published += 1;
                    session.accept();
                }
                Event::Media(media) => {
                    if translator.translate(media, WallTime::default(), &mut items).is_err() {
                        reached.errors += 1;
                        return;
                    }
                }
                Event::Metadata { encoder } => assert!(encoder.is_none_or(|e| e.len() <= 400)),
                Event::Unpublish => assert!(session.is_over()),
            }
        }
        // The dearest answer is that to `play`: 163 bytes for 8, and one more answer for a message that only ends in this piece.
        let said = session.take_output().len();
        assert!(said <= 32 * piece.len() + 4096, "{said} bytes of answers to {}", piece.len());
        if result.is_err() {
            reached.errors += 1;
            break;
        }
    }
    let payload: usize = items.iter().map(|i| if let Item::Frame(f) = i { f.payload.len() } else { 0 }).sum();
    // Lengths of one byte become four: a NAL unit of one byte grows from 2 to 5.
    assert!(payload <= bytes.len() * 4, "{payload} bytes of frames from {}", bytes.len());
    reached.frames += items.iter().filter(|i| matches!(i, Item::Frame(_))).map(|_| 1).sum::<u64>();
    reached.dropped += translator.dropped();
}

#[test]
fn a_million_mutated_sessions_do_no_harm() {
    let obs = transcript::obs();
    let part = |thread: u64| {
        let sources: [&[u8]; 2] = [transcript::FFMPEG, &obs];
        let mut reached = Reached::default();
        let mut bytes = Vec::new();
        for n in (thread..SESSIONS).step_by(usize::try_from(THREADS).unwrap()) {
            let mut random = Random(n.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
            let which = random.below(2);
            bytes.clear();
            bytes.extend_from_slice(sources[which]);
            mutate(&mut bytes, sources[1 - which], &mut random);
            let harmless =
                std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| run(&bytes, &mut random, &mut reached)));
            assert!(harmless.is_ok(), "session {n}");
        }
        reached
    };
    let reached = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS)
            .map(|t| {
                scope.spawn({
                    let part = &part;
                    move || part(t)
                })
            })
            .collect();
        threads.into_iter().map(|t| t.join().expect("no harm")).collect::<Vec<_>>()
    });
    let sum = |of: fn(&Reached) -> u64| reached.iter().map(of).sum::<u64>();
    // Neither all whole nor all broken at once: the mutations reach everything.
    assert!(sum(|r| r.published) > SESSIONS / 4, "{reached:?}");
    assert!(sum(|r| r.frames) > SESSIONS, "{reached:?}");
    assert!(sum(|r| r.errors) > SESSIONS / 20, "{reached:?}");
    assert!(sum(|r| r.dropped) > SESSIONS / 100, "{reached:?}");
}
