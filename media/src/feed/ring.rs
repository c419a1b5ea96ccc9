//! The ring behind a feed: pure, no waiting.

use super::Item;
use crate::frame::Frame;
use crate::time::WallTime;
use crate::track::{Kind, Parameters};
use std::collections::VecDeque;

/// Kept before the latest keyframe, by arrival: for a reader that a slow disk or a busy machine held up. Microseconds. A burst arrives
/// at once, so it is kept whole, up to the ring's bounds.
const KEPT_MICROS: i64 = 3_000_000;

/// Where a subscriber stands.
#[derive(Debug)]
pub(super) struct Cursor {
    /// Number of the next item to read, counted from the feed's first.
    next: u64,
    /// The configurations to hand out before anything else.
    fresh: bool,
    /// Video frames are skipped until a keyframe.
    seeks_keyframe: bool,
}

#[derive(Debug)]
pub(super) struct Ring {
    /// `None`: a configuration that was replaced before any frame used it; its number stays, so that readers go on right.
    items: VecDeque<Option<Item>>,
    /// Number of `items[0]`.
    first: u64,
    /// What `items` hold, by [`weight_bytes`].
    bytes: usize,
    max_items: usize,
    max_bytes: usize,
    video: Option<Parameters>,
    audio: Option<Parameters>,
    /// Numbers of the latest configurations, video and audio, while no frame of theirs has followed.
    unused: [Option<u64>; 2],
    /// Number of the latest video keyframe pushed.
    keyframe: Option<u64>,
    /// When the latest frame was received.
    latest: Option<WallTime>,
    lagged_frames: u64,
    ended: bool,
    closed: bool,
}

impl Ring {
    pub(super) fn new(max_items: usize, max_bytes: usize) -> Self {
        Self {
            items: VecDeque::with_capacity(64),
            first: 0,
            bytes: 0,
            max_items,
            max_bytes,
            video: None,
            audio: None,
            unused: [None; 2],
            keyframe: None,
            latest: None,
            lagged_frames: 0,
            ended: false,
            closed: false,
        }
    }

    pub(super) fn push(&mut self, item: Item) {
        match &item {
            Item::Parameters(p) => {
                *self.slot(p.kind()) = Some(p.clone());
                if let Some(former) = self.unused[place(p.kind())].replace(self.end_number()) {
                    self.forget(former);
                }
            }
            Item::Frame(f) => {
                self.unused[place(f.kind)] = None;
                self.latest = Some(f.received);
                if f.kind == Kind::Video && f.keyframe {
                    self.keyframe = Some(self.end_number());
                }
            }
            Item::Lagged(_) => return,
        }
        self.bytes += weight_bytes(&item);
        self.items.push_back(Some(item));
        while self.items.len() > self.max_items
            || (self.bytes > self.max_bytes && self.items.len() > 1)
            // Whoever joins starts at the latest keyframe: what is older only serves a reader that was held up.
            || self.front_is_old()
        {
            if let Some(item) = self.items.pop_front().flatten() {
                self.bytes -= weight_bytes(&item);
            }
            self.first += 1;
        }
    }

    /// Takes item `number` out, if it is still there.
    fn forget(&mut self, number: u64) {
        let index = number.checked_sub(self.first).and_then(|n| usize::try_from(n).ok());
        if let Some(item) = index.and_then(|n| self.items.get_mut(n)).and_then(Option::take) {
            self.bytes -= weight_bytes(&item);
        }
    }

    fn front_is_old(&self) -> bool {
        let frame = |item: &Item| if let Item::Frame(f) = item { Some(f.received) } else { None };
        // A configuration is as old as the frame after it.
        let Some((first, last)) = self.items.iter().flatten().find_map(frame).zip(self.latest) else {
            return false;
        };
        last.micros_since(first) > KEPT_MICROS && self.keyframe.is_none_or(|k| self.first < k)
    }

    pub(super) fn join(&self) -> Cursor {
        let start = match self.keyframe {
            Some(k) if k >= self.first => k,
            // No video seen: from the oldest item on, so that an audio-only feed starts at once.
            None => self.first,
            Some(_) => self.end_number(),
        };
        Cursor { next: start, fresh: true, seeks_keyframe: self.video.is_some() }
    }

    /// Moves what `cursor` has not seen to `out`; `false` when there is nothing.
    pub(super) fn read(&mut self, cursor: &mut Cursor, out: &mut Vec<Item>) -> bool {
        let before = out.len();
        if cursor.next < self.first {
            self.skip(cursor, out);
        }
        if cursor.fresh && cursor.next < self.end_number() {
            cursor.fresh = false;
            out.extend(self.current_parameters(cursor.next));
        }
        let from = usize::try_from(cursor.next - self.first).unwrap_or(usize::MAX);
        for item in self.items.iter().skip(from).flatten() {
            if let Item::Frame(Frame { kind: Kind::Video, keyframe, .. }) = item {
                if cursor.seeks_keyframe && !keyframe {
                    continue;
                }
                cursor.seeks_keyframe = false;
            }
            out.push(item.clone());
        }
        cursor.next = self.end_number();
        out.len() > before
    }

    /// The reader was overtaken: on to the latest keyframe that is still there, or to the end.
    fn skip(&mut self, cursor: &mut Cursor, out: &mut Vec<Item>) {
        let to = match self.keyframe {
            Some(k) if k >= self.first => k,
            None => self.first,
            Some(_) => self.end_number(),
        };
        let lost = to - cursor.next;
        self.lagged_frames += lost;
        out.push(Item::Lagged(lost));
        cursor.next = to;
        cursor.fresh = true;
        cursor.seeks_keyframe = self.video.is_some();
    }

    /// The configurations in force at item `at`: the current ones, unless a later change of them is still to be read.
    fn current_parameters(&self, at: u64) -> Vec<Item> {
        let from = usize::try_from(at - self.first).unwrap_or(usize::MAX);
        let changes_later =
            |kind| self.items.iter().skip(from).flatten().any(|i| matches!(i, Item::Parameters(p) if p.kind() == kind));
        [&self.video, &self.audio]
            .into_iter()
            .flatten()
            .filter(|p| !changes_later(p.kind()))
            .cloned()
            .map(Item::Parameters)
            .collect()
    }

    fn slot(&mut self, kind: Kind) -> &mut Option<Parameters> {
        match kind {
            Kind::Video => &mut self.video,
            Kind::Audio => &mut self.audio,
        }
    }

    fn end_number(&self) -> u64 {
        self.first + self.items.len() as u64
    }

    pub(super) fn end(&mut self) {
        self.ended = true;
    }
    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }
    pub(super) fn close(&mut self) {
        self.closed = true;
    }
    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }
    pub(super) fn lagged_frames(&self) -> u64 {
        self.lagged_frames
    }
}

/// What an item counts as in the bound of bytes. An H.264 configuration holds its record and, apart from it, its parameter sets.
fn weight_bytes(item: &Item) -> usize {
    match item {
        Item::Frame(f) => f.payload.len(),
        Item::Parameters(Parameters::Video(h264)) => 2 * h264.avcc().len(),
        Item::Parameters(Parameters::Audio(aac)) => aac.asc().len(),
        Item::Lagged(_) => 0,
    }
}

fn place(kind: Kind) -> usize {
    match kind {
        Kind::Video => 0,
        Kind::Audio => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{Timescale, Timestamp};
    use bytes::Bytes;

    fn video(n: i64, keyframe: bool) -> Item {
        let t = Timestamp::new(n, Timescale::MILLIS);
        let payload = Bytes::from_static(&[0; 10]);
        Item::Frame(Frame { kind: Kind::Video, dts: t, pts: t, keyframe, received: WallTime::default(), payload })
    }

    fn parameters() -> Item {
        let aac = crate::codec::aac::Aac::from_asc(&[0x11, 0x90]).unwrap();
        Item::Parameters(Parameters::Audio(aac.into()))
    }

    /// A configuration as large as is taken, of this picture.
    fn large_parameters(sort: u8) -> Item {
        let mut avcc = crate::codec::h264::tests::AVCC_640X360.to_vec();
        avcc.resize(16 << 10, sort);
        Item::Parameters(Parameters::Video(crate::codec::h264::H264::from_avcc(&avcc).unwrap().into()))
    }

    fn numbers(items: &[Item]) -> Vec<i64> {
        items.iter().filter_map(|i| if let Item::Frame(f) = i { Some(f.dts.ticks()) } else { None }).collect()
    }

    #[test]
    fn a_late_joiner_starts_with_parameters_at_the_latest_keyframe() {
        let mut ring = Ring::new(100, 1 << 20);
        ring.push(parameters());
        for n in 0..10 {
            ring.push(video(n, n % 4 == 0));
        }
        let (mut c, mut out) = (ring.join(), Vec::new());
        assert!(ring.read(&mut c, &mut out));
        assert!(matches!(out[0], Item::Parameters(_)));
        assert_eq!(numbers(&out), [8, 9]);
        assert!(!ring.read(&mut c, &mut out), "nothing is read twice");
    }

    #[test]
    fn a_lagging_reader_is_told_and_goes_on_at_a_keyframe() {
        let mut ring = Ring::new(6, 1 << 20);
        ring.push(video(0, true));
        let (mut c, mut out) = (ring.join(), Vec::new());
        ring.read(&mut c, &mut out);
        for n in 1..20 {
            ring.push(video(n, n % 5 == 0));
        }
        out.clear();
        assert!(ring.read(&mut c, &mut out));
        assert!(matches!(out[0], Item::Lagged(14)), "{:?}", out[0]);
        assert_eq!(numbers(&out), [15, 16, 17, 18, 19]);
        assert_eq!(ring.lagged_frames(), 14);
    }

    #[test]
    fn the_ring_is_bounded_in_bytes_too() {
        let mut ring = Ring::new(1000, 35);
        for n in 0..50 {
            ring.push(video(n, true));
        }
        assert_eq!(ring.items.len(), 3);
        assert_eq!(ring.bytes, 30);
    }

    #[test]
    fn headers_that_alternate_without_a_frame_leave_one_and_every_reader_gets_it() {
        let mut ring = Ring::new(100, 1 << 20);
        ring.push(large_parameters(0));
        let (mut c, mut out) = (ring.join(), Vec::new());
        ring.read(&mut c, &mut out);
        for n in 0..1000 {
            ring.push(large_parameters(u8::from(n % 2 == 0)));
            ring.push(parameters());
        }
        assert_eq!(ring.bytes, 2 * (16 << 10) + 2);
        assert!(ring.items.len() <= 100);
        out.clear();
        assert!(ring.read(&mut c, &mut out));
        let kinds = |out: &[Item]| out.iter().filter(|i| matches!(i, Item::Parameters(_))).count();
        assert_eq!(kinds(&out), 2, "{} items", out.len());
        // Sound between them makes no difference, pictures do.
        ring.push(video(0, true));
        let before = ring.items.iter().flatten().count();
        ring.push(large_parameters(0));
        ring.push(parameters());
        assert_eq!(ring.items.iter().flatten().count(), before + 1);
    }

    #[test]
    fn headers_between_frames_count_in_bytes() {
        let mut ring = Ring::new(1000, 1 << 20);
        for n in 0..500 {
            ring.push(large_parameters(u8::from(n % 2 == 0)));
            ring.push(video(n, true));
        }
        assert!(ring.bytes <= 1 << 20 && ring.items.len() <= 64, "{} bytes, {} items", ring.bytes, ring.items.len());
    }

    #[test]
    fn what_is_old_leaves_though_the_newest_is_a_configuration() {
        let mut ring = Ring::new(1000, 1 << 20);
        for n in 0..10 {
            let Item::Frame(frame) = video(n, true) else { unreachable!() };
            ring.push(Item::Frame(Frame { received: WallTime::from_micros(n * 1_000_000), ..frame }));
            ring.push(large_parameters(0));
        }
        let old = |item: &Item| matches!(item, Item::Frame(f) if f.received < WallTime::from_micros(6_000_000));
        assert!(!ring.items.iter().flatten().any(old));
    }
}
