//! What waits to be sent, and what was sent but may be needed again. Pure.
//!
//! Kept are the frames from the keyframe before the last picture that came back encoded: a new engine decodes from there and encodes what
//! is new. When there is too much, first what was sent goes (then a new engine begins at the next keyframe), then what was not, up to the
//! next keyframe.

use crate::message::{MAX_PAYLOAD_BYTES, SourceFrame, ToEngine};
use media::time::{Timescale, Timestamp};
use media::track::{Kind, Parameters};
use std::collections::VecDeque;

/// 24 MiB: 10 s at 20 Mbit/s.
const MAX_BYTES: usize = 24 << 20;
/// 25 s of 60 pictures with their sound.
const MAX_ITEMS: usize = 4096;
/// Media that waits to be sent: what comes later than this is of no use to a live.
const MAX_WAITING_TICKS: i64 = 8 * 90_000;
/// As many pictures may wait whatever their times say.
const FEW_PICTURES: usize = 100;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Backlog {
    items: VecDeque<ToEngine>,
    /// The first item that was not sent.
    next: usize,
    bytes: usize,
    /// What holds before the first item, by [`Kind::slot`].
    base: [Option<Parameters>; 2],
    /// To be sent before the next item, after a restart.
    first: VecDeque<ToEngine>,
    /// Pictures are dropped until a keyframe.
    skipping: bool,
    /// The highest pts that came back encoded, in ticks as they were sent, by [`Kind::slot`].
    back: [Option<i64>; 2],
    /// Up to these nothing is encoded again.
    shown: [Option<i64>; 2],
    dropped: u64,
    /// Dts of the pictures that were not sent.
    waiting: VecDeque<i64>,
    /// Of the source's sound; what comes back may be in another.
    sound_scale: Option<Timescale>,
}

impl Backlog {
    pub(super) fn parameters(&mut self, parameters: Parameters) {
        if parameters.kind() == Kind::Audio {
            self.sound_scale = Some(parameters.timescale());
        }
        self.items.push_back(ToEngine::Parameters(parameters));
        self.bound();
    }

    pub(super) fn discontinuity(&mut self) {
        self.items.push_back(ToEngine::Discontinuity);
        self.bound();
    }

    pub(super) fn frame(&mut self, frame: SourceFrame) {
        if frame.payload.is_empty() || frame.payload.len() > MAX_PAYLOAD_BYTES {
            self.dropped += 1;
            self.skipping |= frame.kind == Kind::Video;
            return;
        }
        if self.skipping && frame.kind == Kind::Video {
            if !frame.keyframe {
                self.dropped += 1;
                return;
            }
            self.skipping = false;
            self.items.push_back(ToEngine::Discontinuity);
        }
        self.bytes += frame.payload.len();
        if frame.kind == Kind::Video && !self.is_shown(&frame) {
            self.waiting.push_back(frame.dts);
        }
        self.items.push_back(ToEngine::Frame(frame));
        self.bound();
    }

    fn bound(&mut self) {
        let over = |s: &Self| s.bytes > MAX_BYTES || s.items.len() > MAX_ITEMS;
        if over(self) {
            // A new engine can't begin in the middle of a GOP: then at the next keyframe.
            self.forget(self.next);
        }
        if over(self) || self.waiting_ticks() > MAX_WAITING_TICKS {
            self.forget(self.next);
            // Configurations hold for what follows.
            for item in std::mem::take(&mut self.items) {
                match item {
                    ToEngine::Frame(frame) => {
                        self.bytes -= frame.payload.len();
                        self.dropped += 1;
                    }
                    ToEngine::Parameters(_) => self.items.push_back(item),
                    _ => {}
                }
            }
            self.waiting.clear();
            self.skipping = true;
            // A flood of configurations alone.
            while self.items.len() > MAX_ITEMS / 2 {
                self.forget(1);
            }
        }
    }

    /// Media time of pictures that wait.
    fn waiting_ticks(&self) -> i64 {
        // A gap in the source is no waiting: what stands before it is few.
        if self.waiting.len() < FEW_PICTURES {
            return 0;
        }
        self.waiting.front().zip(self.waiting.back()).map_or(0, |(first, last)| last.saturating_sub(*first))
    }

    /// After items that were not sent have gone, or are to be sent again.
    fn count_waiting(&mut self) {
        let unsent = self.items.iter().skip(self.next);
        self.waiting = unsent
            .filter_map(|item| match item {
                // What is only decoded again keeps nobody waiting.
                ToEngine::Frame(frame) if frame.kind == Kind::Video && !self.is_shown(frame) => Some(frame.dts),
                _ => None,
            })
            .collect();
    }

    /// Whether an engine before this one has encoded it.
    fn is_shown(&self, frame: &SourceFrame) -> bool {
        self.shown[frame.kind.slot()].is_some_and(|shown| frame.pts <= shown)
    }

    /// Forgets the first `count` items.
    fn forget(&mut self, count: usize) {
        for item in self.items.drain(..count.min(self.items.len())) {
            match item {
                ToEngine::Frame(frame) => self.bytes -= frame.payload.len(),
                ToEngine::Parameters(parameters) => {
                    let slot = parameters.kind().slot();
                    self.base[slot] = Some(parameters);
                }
                _ => {}
            }
        }
        self.next = self.next.saturating_sub(count);
    }

    /// The next message to send.
    pub(super) fn take(&mut self) -> Option<ToEngine> {
        if let Some(first) = self.first.pop_front() {
            return Some(first);
        }
        loop {
            let item = self.items.get(self.next)?.clone();
            self.next += 1;
            match item {
                ToEngine::Frame(mut frame) => {
                    let shown = self.is_shown(&frame);
                    if frame.kind == Kind::Video && !shown {
                        self.waiting.pop_front();
                    }
                    if shown && frame.kind == Kind::Audio {
                        continue;
                    }
                    frame.decode_only |= shown;
                    return Some(ToEngine::Frame(frame));
                }
                other => return Some(other),
            }
        }
    }

    /// A picture came back encoded.
    pub(super) fn picture_came_back(&mut self, pts: i64) {
        let back = &mut self.back[Kind::Video.slot()];
        *back = Some(back.map_or(pts, |b| b.max(pts)));
        self.release();
    }

    /// Sound came back encoded.
    pub(super) fn sound_came_back(&mut self, pts: Timestamp) {
        if let Some(scale) = self.sound_scale {
            self.back[Kind::Audio.slot()] = Some(pts.rescale(scale).ticks());
        }
        self.release_sound();
    }

    /// Forgets what a new engine would not need.
    fn release(&mut self) {
        let Some(back) = self.back[Kind::Video.slot()] else { return };
        let keyframe = self.items.iter().take(self.next).rposition(
            |item| matches!(item, ToEngine::Frame(f) if f.kind == Kind::Video && f.keyframe && f.pts <= back),
        );
        if let Some(keyframe) = keyframe {
            self.forget(keyframe);
        }
    }

    /// Sound alone needs no keyframe: what was sent is forgotten.
    fn release_sound(&mut self) {
        let is_picture = |item: &ToEngine| matches!(item, ToEngine::Frame(f) if f.kind == Kind::Video);
        if !self.items.iter().take(self.next).any(is_picture) {
            self.forget(self.next);
        }
    }

    /// A new engine begins. `again`: with what was kept; else at the next keyframe.
    pub(super) fn begin(&mut self, again: bool) {
        self.shown = self.back;
        if again {
            self.next = 0;
        } else {
            self.forget(self.next);
        }
        self.first.clear();
        // An engine can begin with a keyframe only.
        let is_key = |item: &ToEngine| matches!(item, ToEngine::Frame(f) if f.kind == Kind::Video && f.keyframe);
        let is_picture = |item: &ToEngine| matches!(item, ToEngine::Frame(f) if f.kind == Kind::Video);
        let first_picture = self.items.iter().position(is_picture);
        let first_key = self.items.iter().position(is_key);
        if first_picture != first_key {
            let until = first_key.unwrap_or(self.items.len());
            let pictures = self.items.iter().take(until).filter(|item| is_picture(item)).count();
            self.dropped += pictures as u64;
            self.forget(until);
            self.next = 0;
        }
        self.skipping |= first_key.is_none();
        self.count_waiting();
        self.first.extend(self.base.iter().flatten().cloned().map(ToEngine::Parameters));
    }

    /// Nothing runs, and nothing will for a while: only what describes the tracks is kept.
    pub(super) fn idle(&mut self) {
        self.dropped += self.items.iter().filter(|item| matches!(item, ToEngine::Frame(_))).count() as u64;
        self.forget(self.items.len());
        self.waiting.clear();
        self.skipping = true;
    }

    /// Whether what waits is less than half of what may. What was sent and is kept for another engine does not count: it goes first.
    pub(super) fn has_room(&self) -> bool {
        let unsent = self.items.iter().skip(self.next);
        let unsent_bytes: usize = unsent.map(|m| if let ToEngine::Frame(f) = m { f.payload.len() } else { 0 }).sum();
        unsent_bytes * 2 < MAX_BYTES
            && (self.items.len() - self.next) * 2 < MAX_ITEMS
            && self.waiting_ticks() * 2 < MAX_WAITING_TICKS
    }

    pub(super) fn dropped_frames(&self) -> u64 {
        self.dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use media::codec::aac::Aac;
    use std::sync::Arc;

    fn picture(n: i64, keyframe: bool) -> SourceFrame {
        let payload = Bytes::from_static(&[0; 100]);
        SourceFrame {
            kind: Kind::Video,
            dts: n * 3600,
            pts: n * 3600,
            keyframe,
            cut: keyframe.then_some(n * 3600),
            decode_only: false,
            payload,
        }
    }

    /// Pictures `from..to` with a keyframe every 50.
    fn push(backlog: &mut Backlog, from: i64, to: i64) {
        for n in from..to {
            backlog.frame(picture(n, n % 50 == 0));
        }
    }

    /// Numbers of the pictures that are sent now; those that are only decoded are negative.
    fn sent(backlog: &mut Backlog) -> Vec<i64> {
        std::iter::from_fn(|| backlog.take())
            .filter_map(|m| match m {
                ToEngine::Frame(f) => Some(if f.decode_only { -f.pts / 3600 } else { f.pts / 3600 }),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn a_long_gop_that_was_sent_leaves_room_for_what_follows() {
        let mut backlog = Backlog::default();
        let large = Bytes::from(vec![0; MAX_BYTES / 8]);
        for n in 0..40 {
            assert!(backlog.has_room(), "picture {n} would never be sent");
            backlog.frame(SourceFrame { payload: large.clone(), ..picture(n, n == 0) });
            assert!(backlog.take().is_some());
        }
        assert_eq!(backlog.dropped_frames(), 0);
        for n in 40..44 {
            backlog.frame(SourceFrame { payload: large.clone(), ..picture(n, false) });
        }
        assert!(!backlog.has_room(), "half of it waits");
    }

    #[test]
    fn what_is_only_to_be_decoded_stays_so() {
        let mut backlog = Backlog::default();
        backlog.frame(SourceFrame { decode_only: true, ..picture(1, true) });
        backlog.frame(picture(2, false));
        assert_eq!(sent(&mut backlog), [-1, 2]);
    }

    #[test]
    fn a_new_engine_decodes_the_gop_again_and_encodes_what_is_new() {
        let mut backlog = Backlog::default();
        backlog.parameters(Parameters::Audio(Arc::new(Aac::from_asc(&[0x11, 0x90]).unwrap())));
        push(&mut backlog, 0, 130);
        assert_eq!(sent(&mut backlog).len(), 130);
        backlog.picture_came_back(102 * 3600);
        push(&mut backlog, 130, 133);
        backlog.begin(true);
        assert!(matches!(backlog.first.front(), Some(ToEngine::Parameters(_))), "what was forgotten is said again");
        let wanted: Vec<i64> = (100..=102).map(|n| -n).chain(103..133).collect();
        assert_eq!(sent(&mut backlog), wanted);
    }

    #[test]
    fn a_gop_longer_than_what_may_wait_is_decoded_again_too() {
        let mut backlog = Backlog::default();
        for n in 0..290 {
            backlog.frame(picture(n, n == 0));
            backlog.take();
        }
        backlog.picture_came_back(270 * 3600);
        backlog.begin(true);
        for n in 290..320 {
            backlog.frame(picture(n, false));
        }
        let wanted: Vec<i64> = (0..=270).map(|n| -n).chain(271..320).collect();
        assert_eq!(sent(&mut backlog), wanted);
        assert_eq!((backlog.dropped_frames(), backlog.waiting.len()), (0, 0));
    }

    #[test]
    fn what_kills_twice_is_not_sent_again() {
        let mut backlog = Backlog::default();
        push(&mut backlog, 0, 70);
        sent(&mut backlog);
        backlog.begin(false);
        push(&mut backlog, 70, 120);
        assert_eq!(sent(&mut backlog), (100..120).collect::<Vec<_>>());
        assert_eq!(backlog.dropped_frames(), 30);
    }

    #[test]
    fn too_much_is_dropped_to_the_next_keyframe_and_counted() {
        let mut backlog = Backlog::default();
        push(&mut backlog, 0, 1020);
        let kept = sent(&mut backlog);
        assert_eq!(kept[0] % 50, 0, "it begins with a keyframe");
        assert_eq!(kept.len() as u64 + backlog.dropped_frames(), 1020);
        assert!(kept.len() <= 201, "8 s of 25 pictures: {}", kept.len());
    }

    #[test]
    fn nothing_grows_while_nobody_takes() {
        let mut backlog = Backlog::default();
        for n in 0..200_000 {
            backlog.frame(SourceFrame { kind: Kind::Audio, ..picture(n, true) });
            if n % 3 == 0 {
                backlog.discontinuity();
            }
        }
        assert!(backlog.items.len() <= MAX_ITEMS);
        let large = SourceFrame { payload: Bytes::from(vec![0; 1 << 20]), ..picture(0, true) };
        for _ in 0..100 {
            backlog.frame(large.clone());
        }
        assert!(backlog.bytes <= MAX_BYTES);
        let counted: usize =
            backlog.items.iter().map(|i| if let ToEngine::Frame(f) = i { f.payload.len() } else { 0 }).sum();
        assert_eq!(backlog.bytes, counted);
    }
}
