//! A session's sound: what waits to be sent, and what was sent but may be needed again. Pure.
//!
//! Kept is the sound since the last utterance that was concluded: a new engine hears it again, and no word is lost. When there is too
//! much, first what was sent goes, then the oldest of what was not, half of it at once.

use crate::message::{MAX_SOUND_BYTES, ToCaptioner};
use bytes::Bytes;
use media::codec::aac::Aac;
use std::collections::VecDeque;
use std::sync::Arc;

/// What an engine takes to load a model, and some. Larger ones lose the beginning.
const MOST_MICROS: u64 = 30_000_000;
/// 30 s of the smallest access units, and more than 30 s of the largest in use.
const MOST_ITEMS: usize = 4096;
const MOST_BYTES: usize = 4 << 20;
/// An utterance ends by a pause, at whose end the next may have begun when the engine says so.
const PAUSE_MICROS: i64 = 300_000;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Sound {
    items: VecDeque<Item>,
    /// The first item that was not sent.
    next: usize,
    bytes: usize,
    /// Of all items.
    micros: u64,
    /// Of those that were not sent.
    waiting_micros: u64,
    /// What holds for the last item.
    latest: Option<Arc<Aac>>,
    /// What holds before the first item.
    base: Option<Arc<Aac>>,
    /// To be sent before the next item.
    first: VecDeque<Item>,
    /// Something of the utterance that goes on was forgotten.
    torn: bool,
    /// Nobody will hear it: only what describes it is kept.
    muted: bool,
    lost: Lost,
}

/// Sound of a session that its engine never got. Microseconds, since the session was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// There was too much of it before the engine took any: it loads for too long, or takes too little.
    pub dropped_micros: u64,
    /// There was no engine to hear it, or none that could.
    pub unheard_micros: u64,
}

#[derive(Clone, Debug)]
enum Item {
    Parameters(Arc<Aac>),
    Frame { pts: i64, end_micros: i64, micros: u64, payload: Bytes },
    Discontinuity,
}

impl Item {
    fn message(self, session: u32) -> ToCaptioner {
        match self {
            Self::Parameters(parameters) => ToCaptioner::Parameters { session, parameters },
            Self::Frame { pts, payload, .. } => ToCaptioner::Sound { session, pts, payload },
            Self::Discontinuity => ToCaptioner::Discontinuity { session },
        }
    }

    fn micros(&self) -> u64 {
        if let Self::Frame { micros, .. } = self { *micros } else { 0 }
    }

    fn bytes(&self) -> usize {
        if let Self::Frame { payload, .. } = self { payload.len() } else { 0 }
    }
}

impl Sound {
    pub(super) fn parameters(&mut self, aac: Arc<Aac>) {
        if self.latest.as_ref() == Some(&aac) {
            return;
        }
        self.latest = Some(Arc::clone(&aac));
        if self.muted {
            self.base = Some(aac);
        } else {
            self.push(Item::Parameters(aac));
        }
    }

    pub(super) fn discontinuity(&mut self) {
        if !self.muted {
            self.push(Item::Discontinuity);
        }
    }

    /// One access unit; `pts` in ticks of the configuration's sample rate.
    pub(super) fn frame(&mut self, pts: i64, payload: Bytes) {
        let Some(aac) = &self.latest else { return };
        let rate = u64::from(aac.sample_rate_hz().max(1));
        let micros = u64::from(aac.samples_per_frame()) * 1_000_000 / rate;
        if self.muted || payload.is_empty() || payload.len() > MAX_SOUND_BYTES {
            self.lost.unheard_micros += micros;
            return;
        }
        let end = i128::from(pts).saturating_add(i128::from(aac.samples_per_frame())) * 1_000_000 / i128::from(rate);
        let end_micros = i64::try_from(end).unwrap_or(i64::MAX);
        self.push(Item::Frame { pts, end_micros, micros, payload });
    }

    fn push(&mut self, item: Item) {
        self.bytes += item.bytes();
        self.micros += item.micros();
        self.waiting_micros += item.micros();
        self.items.push_back(item);
        if self.is_too_much() {
            self.torn |= self.next > 0;
            self.forget(self.next);
        }
        if self.is_too_much() {
            let mut kept = VecDeque::new();
            while self.micros > MOST_MICROS / 2 || self.items.len() > MOST_ITEMS / 2 || self.bytes > MOST_BYTES / 2 {
                let Some(item) = self.items.front() else { break };
                self.lost.dropped_micros += item.micros();
                self.waiting_micros -= item.micros();
                self.forget(1);
            }
            kept.push_back(Item::Discontinuity);
            // Whoever gets these was told of the configuration before the hole, or of none.
            kept.extend(self.base.clone().map(Item::Parameters));
            kept.append(&mut self.items);
            self.items = kept;
            self.torn = true;
        }
    }

    fn is_too_much(&self) -> bool {
        self.micros > MOST_MICROS || self.items.len() > MOST_ITEMS || self.bytes > MOST_BYTES
    }

    /// Forgets the first `count` items.
    fn forget(&mut self, count: usize) {
        for item in self.items.drain(..count.min(self.items.len())) {
            self.bytes -= item.bytes();
            self.micros -= item.micros();
            if let Item::Parameters(aac) = item {
                self.base = Some(aac);
            }
        }
        self.next = self.next.saturating_sub(count);
    }

    /// The next message to send.
    pub(super) fn take(&mut self, session: u32) -> Option<ToCaptioner> {
        if let Some(first) = self.first.pop_front() {
            return Some(first.message(session));
        }
        let item = self.items.get(self.next)?.clone();
        self.next += 1;
        self.waiting_micros -= item.micros();
        Some(item.message(session))
    }

    /// An utterance was concluded: what was heard by then is not needed again.
    pub(super) fn concluded(&mut self, heard_until_micros: i64) {
        let needed_from = heard_until_micros.saturating_sub(PAUSE_MICROS);
        let needed = |item: &Item| matches!(item, Item::Frame { end_micros, .. } if *end_micros > needed_from);
        let count = self.items.iter().take(self.next).position(needed).unwrap_or(self.next);
        self.forget(count);
        self.torn = false;
    }

    /// A new engine begins. `again`: with what was kept.
    pub(super) fn begin(&mut self, again: bool) {
        self.torn = std::mem::take(&mut self.muted);
        if again {
            self.next = 0;
        } else {
            self.torn |= self.next > 0;
            self.forget(self.next);
        }
        self.waiting_micros = self.micros;
        self.first.clear();
        self.first.extend(self.base.clone().map(Item::Parameters));
    }

    /// Whether something of the utterance that goes on was forgotten, since the last engine began.
    pub(super) fn is_torn(&self) -> bool {
        self.torn
    }

    /// Nobody will hear it, until an engine begins.
    pub(super) fn mute(&mut self) {
        self.muted = true;
        self.lost.unheard_micros += self.waiting_micros;
        self.waiting_micros = 0;
        self.forget(self.items.len());
        self.first.clear();
    }

    pub(super) fn lost(&self) -> Lost {
        self.lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aac() -> Arc<Aac> {
        Arc::new(Aac::from_asc(&[0x11, 0x90]).unwrap())
    }

    /// Access units `from..to` of 1024 samples at 48 kHz.
    fn push(sound: &mut Sound, from: i64, to: i64) {
        for n in from..to {
            sound.frame(n * 1024, Bytes::from_static(&[0; 300]));
        }
    }

    /// Numbers of the access units that are sent now.
    fn sent(sound: &mut Sound) -> Vec<i64> {
        std::iter::from_fn(|| sound.take(1))
            .filter_map(|m| if let ToCaptioner::Sound { pts, .. } = m { Some(pts / 1024) } else { None })
            .collect()
    }

    #[test]
    fn a_new_engine_hears_the_utterance_again() {
        let mut sound = Sound::default();
        sound.parameters(aac());
        push(&mut sound, 0, 100);
        assert_eq!(sent(&mut sound).len(), 100);
        sound.concluded(1024 * 1_000_000 / 48_000 * 50 + 1_000 + PAUSE_MICROS);
        push(&mut sound, 100, 110);
        sound.begin(true);
        assert!(!sound.is_torn());
        assert!(matches!(sound.take(1), Some(ToCaptioner::Parameters { .. })), "what was forgotten is said again");
        assert_eq!(sent(&mut sound), (50..110).collect::<Vec<_>>());
        // What killed twice is not sent again.
        push(&mut sound, 110, 120);
        sound.begin(false);
        assert!(sound.is_torn());
        assert_eq!(sent(&mut sound), (110..120).collect::<Vec<_>>());
        assert_eq!(sound.lost(), Lost::default());
    }

    #[test]
    fn too_much_loses_the_oldest_in_stretches_and_counts_it() {
        let mut sound = Sound::default();
        sound.parameters(aac());
        push(&mut sound, 0, 3_000);
        sound.begin(true);
        let mut parameters = 0;
        push(&mut sound, 3_000, 3_001);
        let mut numbers = Vec::new();
        while let Some(message) = sound.take(1) {
            match message {
                ToCaptioner::Sound { pts, .. } => numbers.push(pts / 1024),
                ToCaptioner::Parameters { .. } => parameters += 1,
                _ => {}
            }
        }
        assert!(parameters > 0);
        assert_eq!(numbers.last(), Some(&3_000), "the newest is there");
        assert!(numbers.windows(2).all(|w| w[1] == w[0] + 1), "in one piece");
        let micros = 1024 * 1_000_000 / 48_000;
        assert_eq!(sound.lost(), Lost { dropped_micros: (3_001 - numbers.len() as u64) * micros, unheard_micros: 0 });
        assert!((numbers.len() as u64) * micros <= MOST_MICROS);
    }

    #[test]
    fn nothing_grows_whatever_comes() {
        let mut sound = Sound::default();
        let other = Arc::new(Aac::from_asc(&[0x12, 0x10]).unwrap());
        for n in 0..50_000 {
            sound.parameters(if n % 2 == 0 { aac() } else { Arc::clone(&other) });
            sound.discontinuity();
            if n % 7 == 0 {
                sound.frame(n, Bytes::from(vec![0; MAX_SOUND_BYTES]));
            }
        }
        assert!(sound.items.len() <= MOST_ITEMS && sound.bytes <= MOST_BYTES);
        assert_eq!(sound.bytes, sound.items.iter().map(Item::bytes).sum::<usize>());
        assert_eq!(sound.micros, sound.items.iter().map(Item::micros).sum::<u64>());
        let lost = sound.lost();
        sound.mute();
        let waited = sound.lost().unheard_micros - lost.unheard_micros;
        push(&mut sound, 0, 100);
        assert_eq!((sound.bytes, sound.micros, sound.items.len()), (0, 0, 0));
        assert!(sound.lost().unheard_micros > lost.unheard_micros + waited, "what nobody hears is counted by itself");
        assert_eq!(sound.lost().dropped_micros, lost.dropped_micros);
    }
}
