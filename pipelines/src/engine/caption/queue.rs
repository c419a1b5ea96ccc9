//! Sound that waits for a recogniser. Whoever puts never waits.
//!
//! What is too much goes oldest first, and much of it at once: a sentence that is missing is better than every other word. Too much is
//! [`MOST`], or more than [`LATE`] for as long as [`PATIENCE`]: after an engine was brought back it may have a lot to catch up with.

use super::recogniser::{micros, samples};
use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What a server keeps for an engine that starts is less.
const MOST: Duration = Duration::from_secs(40);
/// Captions that are later are of little use.
const LATE: Duration = Duration::from_secs(8);
const PATIENCE: Duration = Duration::from_secs(15);
/// What is left when too much goes.
const LEFT: Duration = Duration::from_secs(2);
/// What a recogniser is given at once: less makes words come no sooner (`speech.md` section 2).
const PIECE: Duration = Duration::from_millis(100);
/// When it is behind by [`BEHIND`]: fewer polls are less work.
const LARGE_PIECE: Duration = Duration::from_millis(400);
const BEHIND: Duration = Duration::from_secs(1);
/// Sound that begins so near to the end of the last goes on with it.
const JOINED_MICROS: i64 = 20_000;

/// Sound in one piece.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// Media time.
    pub(super) start_micros: i64,
    pub(super) samples: Vec<i16>,
}

impl Piece {
    fn end_micros(&self) -> i64 {
        self.start_micros.saturating_add(micros(self.samples.len() as u64))
    }
}

fn count(of: Duration) -> usize {
    samples(i64::try_from(of.as_micros()).unwrap_or(i64::MAX))
}

/// The queue without its lock. Pure.
#[derive(Debug, Default)]
struct Waiting {
    pieces: VecDeque<Piece>,
    samples: usize,
    late_since: Option<Instant>,
    ended: bool,
}

impl Waiting {
    /// Gives how many samples were dropped.
    fn put(&mut self, piece: Piece, now: Instant) -> u64 {
        self.samples += piece.samples.len();
        self.pieces.push_back(piece);
        if self.samples <= count(LATE) {
            self.late_since = None;
            return 0;
        }
        let since = *self.late_since.get_or_insert(now);
        if self.samples <= count(MOST) && now.saturating_duration_since(since) <= PATIENCE {
            return 0;
        }
        self.late_since = None;
        let before = self.samples;
        while self.samples > count(LEFT) {
            let Some(oldest) = self.pieces.pop_front() else { break };
            self.samples -= oldest.samples.len();
        }
        (before - self.samples) as u64
    }

    /// The next piece, when it is large enough, or when more can't make it larger.
    fn take(&mut self, whatever_there_is: bool) -> Option<Piece> {
        let wanted = if self.samples > count(BEHIND) { count(LARGE_PIECE) } else { count(PIECE) };
        let (mut together, mut run, mut end) = (0, 0, None::<i64>);
        let mut broken = false;
        for piece in &self.pieces {
            broken = end.is_some_and(|end| piece.start_micros.saturating_sub(end).saturating_abs() > JOINED_MICROS);
            if broken || run >= wanted {
                break;
            }
            run += piece.samples.len();
            together += 1;
            end = Some(piece.end_micros());
        }
        if together == 0 || !(run >= wanted || broken || self.ended || whatever_there_is) {
            return None;
        }
        let mut first = self.pieces.pop_front()?;
        for _ in 1..together {
            first.samples.extend(self.pieces.pop_front()?.samples);
        }
        if first.samples.len() > 2 * wanted {
            let rest = first.samples.split_off(wanted);
            self.pieces.push_front(Piece { start_micros: first.end_micros(), samples: rest });
        }
        self.samples -= first.samples.len();
        Some(first)
    }
}

/// What [`Queue::take`] gives.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken {
    Sound(Piece),
    /// Nothing came for as long as was said.
    Quiet,
    /// Nothing will come.
    Ended,
}

/// Between the thread that decodes and the one that recognises.
#[derive(Debug, Default)]
pub(super) struct Queue {
    waiting: Mutex<Waiting>,
    grown: Condvar,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Never waits. Gives how many samples were dropped for it.
    pub(super) fn put(&self, piece: Piece, now: Instant) -> u64 {
        let mut waiting = self.lock();
        if waiting.ended || piece.samples.is_empty() {
            return 0;
        }
        let dropped = waiting.put(piece, now);
        drop(waiting);
        self.grown.notify_one();
        dropped
    }

    /// Nothing follows.
    pub(super) fn end(&self) {
        self.lock().ended = true;
        self.grown.notify_one();
    }

    /// Nothing follows, and what waits is of no use any more.
    pub(super) fn abandon(&self) {
        let mut waiting = self.lock();
        *waiting = Waiting { ended: true, ..Waiting::default() };
        drop(waiting);
        self.grown.notify_one();
    }

    /// The next sound. Waits for it, but no longer than `patience`.
    pub(super) fn take(&self, patience: Duration) -> Taken {
        let mut waiting = self.lock();
        let mut late = false;
        loop {
            if let Some(piece) = waiting.take(late) {
                return Taken::Sound(piece);
            }
            if waiting.ended {
                return Taken::Ended;
            }
            if late {
                return Taken::Quiet;
            }
            let (again, timeout) = self.grown.wait_timeout(waiting, patience).unwrap_or_else(PoisonError::into_inner);
            waiting = again;
            late = timeout.timed_out();
        }
    }

    pub(super) fn waiting_samples(&self) -> u64 {
        self.lock().samples as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS_20: i64 = 20_000;

    fn piece(n: i64) -> Piece {
        Piece { start_micros: n * MS_20, samples: vec![0; 320] }
    }

    #[test]
    fn small_pieces_come_out_as_larger_ones_and_never_across_a_gap() {
        let (mut waiting, now) = (Waiting::default(), Instant::now());
        for n in 0..4 {
            waiting.put(piece(n), now);
        }
        assert_eq!(waiting.take(false), None, "80 ms");
        waiting.put(piece(4), now);
        assert_eq!(waiting.take(false).map(|p| (p.start_micros, p.samples.len())), Some((0, 1_600)));
        waiting.put(piece(5), now);
        waiting.put(piece(100), now);
        assert_eq!(waiting.take(false).map(|p| (p.start_micros, p.samples.len())), Some((5 * MS_20, 320)));
        assert_eq!(waiting.take(false), None);
        assert_eq!(waiting.take(true).map(|p| p.start_micros), Some(100 * MS_20));
        assert_eq!(waiting.samples, 0);
    }

    #[test]
    fn a_long_piece_is_cut() {
        let mut waiting = Waiting::default();
        waiting.put(Piece { start_micros: 0, samples: (0..8_000).collect() }, Instant::now());
        let all: Vec<Piece> = std::iter::from_fn(|| waiting.take(false)).collect();
        assert!(all.iter().all(|p| p.samples.len() <= 3_200));
        let back: Vec<i16> = all.iter().flat_map(|p| p.samples.clone()).collect();
        assert_eq!(back, (0..8_000).collect::<Vec<_>>());
        assert!(all.windows(2).all(|w| w[0].end_micros() == w[1].start_micros));
    }

    #[test]
    fn who_is_late_for_long_loses_the_oldest_in_one_stretch() {
        let (mut waiting, start) = (Waiting::default(), Instant::now());
        let mut dropped = Vec::new();
        // 30 s at once, then in time, and nobody takes any.
        for n in 0..1_500 {
            dropped.push(waiting.put(piece(n), start));
        }
        assert_eq!(dropped.iter().sum::<u64>(), 0, "30 s may wait for a moment");
        for n in 1_500..3_000 {
            let now = start + Duration::from_millis(20) * u32::try_from(n - 1_500).unwrap();
            dropped.push(waiting.put(piece(n), now));
        }
        let stretches: Vec<_> = dropped.iter().filter(|d| **d > 0).collect();
        assert!(!stretches.is_empty() && stretches.iter().all(|d| **d > 16_000 * 5), "{stretches:?}");
        assert!(waiting.samples <= count(MOST));
        assert_eq!(waiting.pieces.back().map(|p| p.start_micros), Some(2_999 * MS_20), "the newest is there");
        let counted: usize = waiting.pieces.iter().map(|p| p.samples.len()).sum();
        assert_eq!(counted, waiting.samples);
    }

    #[test]
    fn an_end_is_told_after_what_waits() {
        let queue = Queue::default();
        queue.put(piece(0), Instant::now());
        queue.end();
        assert!(matches!(queue.take(Duration::ZERO), Taken::Sound(_)));
        assert_eq!(queue.take(Duration::ZERO), Taken::Ended);
        let queue = Queue::default();
        assert_eq!(queue.take(Duration::from_millis(1)), Taken::Quiet);
        queue.put(piece(0), Instant::now());
        queue.abandon();
        assert_eq!(queue.take(Duration::ZERO), Taken::Ended);
    }
}
