//! A contribution's own time → the timeline's time, in microseconds.
//!
//! Rule (`live-servers.md`, timestamps): a frame more than 5 s off its predecessor is re-stamped after it; a jump that
//! lasts three frames is a new clock: the offset is taken anew and a new span begins. Both tracks share one offset while
//! their clocks agree, so lip sync is the source's; tracks on different bases get one each.

use super::MEDIA_TIME_BASE_MICROS;
use crate::frame::Frame;
use crate::time::WallTime;
use crate::track::Kind;

/// Frames further off than this are not believed. Microseconds.
const MAX_STEP_MICROS: i64 = 5_000_000;
/// So many frames that agree on another time make it the time.
const FRAMES_OF_A_NEW_CLOCK: u32 = 3;
/// A clock that agrees with the arrival this well is kept across a pause. Microseconds.
const KEPT_CLOCK_MICROS: i64 = 1_000_000;
/// Step assumed before two frames were seen: one frame at 25 fps.
const FIRST_STEP_MICROS: i64 = 40_000;

/// A frame's place on the timeline.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Decode time, microseconds on the timeline; strictly increasing per track.
    pub dts_micros: i64,
    /// pts - dts, microseconds.
    pub cts_micros: i64,
    /// The track's clock was taken anew: a new span.
    pub new_span: bool,
}

/// Maps the frames of one contribution.
#[derive(Debug)]
pub struct Restamper {
    origin: WallTime,
    not_before_micros: i64,
    shared_offset: Option<i64>,
    video: Track,
    audio: Track,
    repaired: u64,
}

#[derive(Debug, Default)]
struct Track {
    offset: Option<i64>,
    /// The last believed frame's own time.
    last_in: i64,
    last_out: i64,
    step: i64,
    /// Frames in a row that agree with each other but not with `last_in`, and the last one's own time.
    odd: u32,
    odd_in: i64,
}

impl Restamper {
    /// `origin` is when media time was [`MEDIA_TIME_BASE_MICROS`]; nothing is stamped before `not_before_micros`
    /// (the end of what the timeline already holds).
    #[must_use]
    pub fn new(origin: WallTime, not_before_micros: i64) -> Self {
        Self {
            origin,
            not_before_micros,
            shared_offset: None,
            video: Track::default(),
            audio: Track::default(),
            repaired: 0,
        }
    }

    /// Timestamps that were not believed so far.
    #[must_use]
    pub fn repaired(&self) -> u64 {
        self.repaired
    }

    /// The frame's place on the timeline.
    pub fn stamp(&mut self, frame: &Frame) -> Stamp {
        let dts = frame.dts.micros();
        let mut cts = frame.pts.micros().saturating_sub(dts);
        if cts.abs() > MAX_STEP_MICROS {
            cts = 0;
            self.repaired += 1;
        }
        let arrival = MEDIA_TIME_BASE_MICROS.saturating_add(frame.received.micros_since(self.origin));
        let arrival = arrival.max(self.not_before_micros);
        let track = match frame.kind {
            Kind::Video => &mut self.video,
            Kind::Audio => &mut self.audio,
        };
        let Some(offset) = track.offset else {
            let offset = match self.shared_offset {
                Some(o) if off_by(dts.saturating_add(o), arrival) <= MAX_STEP_MICROS => o,
                _ => arrival.saturating_sub(dts),
            };
            self.shared_offset.get_or_insert(offset);
            *track = Track { step: FIRST_STEP_MICROS, ..Track::default() };
            track.believe(dts, offset);
            return Stamp { dts_micros: track.last_out, cts_micros: cts, new_span: false };
        };
        let step = dts.saturating_sub(track.last_in);
        if step > 0 && step <= MAX_STEP_MICROS {
            let out = dts.saturating_add(offset);
            if out > track.last_out {
                if track.odd == 0 {
                    track.step = step;
                }
                track.believe(dts, offset);
                return Stamp { dts_micros: out, cts_micros: cts, new_span: false };
            }
        }
        // A pause: far from its predecessor, but where the arrival says. The clock, and with it the lip sync, stays.
        let kept = dts.saturating_add(offset);
        if step > MAX_STEP_MICROS && kept > track.last_out && off_by(kept, arrival) <= KEPT_CLOCK_MICROS {
            track.believe(dts, offset);
            return Stamp { dts_micros: kept, cts_micros: cts, new_span: false };
        }
        self.repaired += 1;
        let follows = track.last_out.saturating_add(track.step);
        // The other track has already moved to a new clock, and this frame is on it.
        if let Some(o) = self.shared_offset.filter(|o| *o != offset)
            && off_by(dts.saturating_add(o), follows) <= MAX_STEP_MICROS
            && dts.saturating_add(o) > track.last_out
        {
            track.believe(dts, o);
            return Stamp { dts_micros: track.last_out, cts_micros: cts, new_span: false };
        }
        let agrees = dts.saturating_sub(track.odd_in);
        track.odd = if track.odd > 0 && agrees > 0 && agrees <= MAX_STEP_MICROS { track.odd + 1 } else { 1 };
        track.odd_in = dts;
        if track.odd < FRAMES_OF_A_NEW_CLOCK {
            track.last_out = follows;
            return Stamp { dts_micros: follows, cts_micros: cts, new_span: false };
        }
        let offset = arrival.max(follows).saturating_sub(dts);
        self.shared_offset = Some(offset);
        track.believe(dts, offset);
        Stamp { dts_micros: track.last_out, cts_micros: cts, new_span: true }
    }
}

impl Track {
    fn believe(&mut self, dts: i64, offset: i64) {
        self.offset = Some(offset);
        self.last_in = dts;
        self.last_out = dts.saturating_add(offset);
        self.odd = 0;
    }
}

fn off_by(a: i64, b: i64) -> i64 {
    a.saturating_sub(b).saturating_abs()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{Timescale, Timestamp};
    use bytes::Bytes;

    fn frame(kind: Kind, dts_ms: i64, received_ms: i64) -> Frame {
        let t = Timestamp::new(dts_ms, Timescale::MILLIS);
        let received = WallTime::from_micros(received_ms * 1000);
        Frame { kind, dts: t, pts: t, keyframe: false, received, payload: Bytes::new() }
    }

    fn restamper() -> Restamper {
        Restamper::new(WallTime::from_micros(0), 0)
    }

    #[test]
    fn one_frame_hours_off_is_stamped_after_its_predecessor() {
        let mut r = restamper();
        let mut outs = Vec::new();
        for n in 0..10i64 {
            let dts = if n == 5 { 9_800_000 } else { n * 40 };
            outs.push(r.stamp(&frame(Kind::Video, dts, n * 40)));
        }
        assert!(outs.windows(2).all(|w| w[1].dts_micros - w[0].dts_micros == 40_000), "{outs:?}");
        assert!(outs.iter().all(|s| !s.new_span));
        assert_eq!(r.repaired(), 1);
    }

    #[test]
    fn a_jump_of_three_frames_is_a_new_span_and_both_tracks_follow_it_in_step() {
        let mut r = restamper();
        let mut spans = 0;
        let (mut v, mut a) = (0, 0);
        for n in 0..60i64 {
            let clock = if n < 30 { 0 } else { -8_000_000 };
            let s = r.stamp(&frame(Kind::Video, n * 40 + clock, n * 40));
            spans += u32::from(s.new_span);
            v = s.dts_micros;
            a = r.stamp(&frame(Kind::Audio, n * 40 + clock, n * 40)).dts_micros;
            assert_eq!(v, MEDIA_TIME_BASE_MICROS + n * 40_000);
        }
        assert_eq!(spans, 1);
        assert_eq!(v, a, "lip sync is kept across the jump");
    }

    #[test]
    fn tracks_on_different_bases_are_put_side_by_side() {
        let mut r = restamper();
        let v = r.stamp(&frame(Kind::Video, 0, 0)).dts_micros;
        let a = r.stamp(&frame(Kind::Audio, 3_600_000, 5)).dts_micros;
        assert_eq!(a - v, 5_000);
    }

    #[test]
    fn a_pause_keeps_the_clock() {
        let mut r = restamper();
        for n in 0..10 {
            r.stamp(&frame(Kind::Video, n * 40, n * 40));
        }
        let after = r.stamp(&frame(Kind::Video, 20_000, 20_010));
        assert_eq!(after, Stamp { dts_micros: MEDIA_TIME_BASE_MICROS + 20_000_000, cts_micros: 0, new_span: false });
        assert_eq!(r.repaired(), 0);
    }

    #[test]
    fn output_never_goes_back_whatever_comes_in() {
        let (mut r, mut seed, mut last) = (restamper(), 1u64, i64::MIN);
        for n in 0..100_000 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let wild = i64::try_from(seed >> 20).unwrap() - (1 << 43);
            let dts = if seed % 7 == 0 { wild } else { n * 40 };
            let out = r.stamp(&frame(Kind::Video, dts, n * 40)).dts_micros;
            assert!(out > last, "frame {n}: {last} then {out}");
            last = out;
        }
    }
}
