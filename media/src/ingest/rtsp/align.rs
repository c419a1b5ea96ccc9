//! Lip sync: puts the two tracks' times on one line.
//!
//! RTP gives each track its own clock with a random start. They are brought together, best knowledge last:
//! 1. RTP-Info of the PLAY answer says which RTP time of each is the start (retina counts `elapsed` from it);
//! 2. where that is missing or can't be true, the arrival of the first frames stands in;
//! 3. RTCP sender reports tie each clock to the sender's wall clock (RFC 3550 section 6.4.1). When two comparisons in a
//!    row agree that the tracks are apart by [`TOLERANCE_US`] or more, the one that is early is moved later. Nothing is
//!    ever moved back, so dts go on rising.

use crate::time::WallTime;
use crate::track::Kind;

/// Half of what EBU R 37 lets a viewer's lip sync be off (40 ms early): the other half is for what comes after us.
const TOLERANCE_US: i64 = 20_000;
/// Two comparisons agree within this: the clocks of cheap cameras are read to about 10 ms.
const AGREE_US: i64 = 10_000;
/// Reports that put the tracks further apart speak of different clocks, not of sound and picture.
const BELIEVABLE_US: i64 = 10_000_000;
/// Reports this far apart in arrival are not compared (RFC 3550 sends them about every 5 s).
const PAIR_US: i64 = 15_000_000;
/// Without RTP-Info both tracks begin at exactly zero; then arrivals this far apart count.
const APART_AT_ZERO_US: i64 = 200_000;
/// With it, arrivals may differ by an encoder's look-ahead; more than this and RTP-Info can't be true.
const APART_US: i64 = 3_000_000;

#[derive(Debug, Default)]
pub(super) struct Aligner {
    tracks: [Track; 2],
    /// What the last comparison said, to be confirmed.
    suspicion_us: Option<i64>,
}

#[derive(Debug, Default)]
struct Track {
    first: Option<First>,
    offset_us: i64,
    report: Option<Report>,
}

#[derive(Clone, Copy, Debug)]
struct First {
    elapsed_us: i64,
    received: WallTime,
}

#[derive(Clone, Copy, Debug)]
struct Report {
    /// Sender's wall clock at the track's zero.
    zero_us: i64,
    received: WallTime,
}

impl Aligner {
    /// What to add to the track's own time, in microseconds, for the frame at `elapsed_us`. Never less than before.
    pub(super) fn offset_us(&mut self, kind: Kind, elapsed_us: i64, received: WallTime) -> i64 {
        let (own, other) = (index(kind), 1 - index(kind));
        if self.tracks[own].first.is_none() {
            let first = First { elapsed_us, received };
            self.tracks[own].first = Some(first);
            if let Some(earlier) = self.tracks[other].first {
                let by_arrival = received.micros_since(earlier.received);
                let by_info = elapsed_us.saturating_sub(earlier.elapsed_us);
                let apart = by_arrival.saturating_sub(by_info);
                let limit = if elapsed_us == 0 && earlier.elapsed_us == 0 { APART_AT_ZERO_US } else { APART_US };
                if apart.saturating_abs() > limit {
                    self.tracks[own].offset_us = self.tracks[other].offset_us.saturating_add(apart);
                }
            }
        }
        self.tracks[own].offset_us
    }

    /// A sender report: `elapsed_us` on the track's own time was `ntp` (64-bit NTP, RFC 3550 section 4) for the sender.
    pub(super) fn report(&mut self, kind: Kind, elapsed_us: i64, ntp: u64, received: WallTime) {
        // A sender without a clock may say 0.
        if ntp == 0 {
            return;
        }
        let report = Report { zero_us: ntp_micros(ntp).saturating_sub(elapsed_us), received };
        self.tracks[index(kind)].report = Some(report);
        let [video, audio] = &mut self.tracks;
        let (Some(v), Some(a)) = (video.report, audio.report) else { return };
        if a.received.micros_since(v.received).saturating_abs() > PAIR_US {
            return;
        }
        // Positive: sound stands earlier on our line than on the sender's clock.
        let zero = |report: Report, track: &Track| report.zero_us.saturating_sub(track.offset_us);
        let early_us = zero(a, audio).saturating_sub(zero(v, video));
        let size = early_us.saturating_abs();
        if !(TOLERANCE_US..BELIEVABLE_US).contains(&size) {
            self.suspicion_us = None;
            return;
        }
        match self.suspicion_us.replace(early_us) {
            Some(before) if before.saturating_sub(early_us).saturating_abs() <= AGREE_US => {
                let late = if early_us > 0 { audio } else { video };
                late.offset_us = late.offset_us.saturating_add(size);
                self.suspicion_us = None;
            }
            _ => {}
        }
    }
}

fn index(kind: Kind) -> usize {
    match kind {
        Kind::Video => 0,
        Kind::Audio => 1,
    }
}

/// Microseconds since 1900; only differences are used.
fn ntp_micros(ntp: u64) -> i64 {
    let (seconds, fraction) = (ntp >> 32, ntp & 0xFFFF_FFFF);
    i64::try_from(seconds * 1_000_000 + ((fraction * 1_000_000) >> 32)).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> WallTime {
        WallTime::from_micros(1_700_000_000_000_000 + ms * 1000)
    }

    /// NTP of a sender's clock, `ms` after some day in 2023.
    fn ntp(ms: u64) -> u64 {
        let us = 3_900_000_000_000_000 + ms * 1000;
        ((us / 1_000_000) << 32) | (((us % 1_000_000) << 32) / 1_000_000 + 1)
    }

    #[test]
    fn rtp_info_is_believed_within_reason() {
        let mut a = Aligner::default();
        assert_eq!(a.offset_us(Kind::Video, 40_000, at(1500)), 0);
        assert_eq!(a.offset_us(Kind::Audio, 10_000, at(0)), 0, "an encoder's look-ahead is no reason");
        let mut a = Aligner::default();
        assert_eq!(a.offset_us(Kind::Video, 0, at(0)), 0);
        let lie_us = 500_000_000;
        assert_eq!(a.offset_us(Kind::Audio, lie_us, at(20)), 20_000 - lie_us);
    }

    #[test]
    fn without_rtp_info_arrival_counts() {
        let mut a = Aligner::default();
        assert_eq!(a.offset_us(Kind::Video, 0, at(0)), 0);
        assert_eq!(a.offset_us(Kind::Audio, 0, at(30_000)), 30_000_000, "sound that starts half a minute late");
        assert_eq!(a.offset_us(Kind::Audio, 21_333, at(30_021)), 30_000_000);
    }

    #[test]
    fn two_agreeing_comparisons_move_the_early_track_later() {
        for (audio_late_ms, moved) in [(300, Kind::Audio), (-300_i64, Kind::Video)] {
            let mut a = Aligner::default();
            a.offset_us(Kind::Video, 0, at(0));
            a.offset_us(Kind::Audio, 0, at(0));
            for n in 1..6_u64 {
                let t = i64::try_from(n * 5000).unwrap();
                a.report(Kind::Video, t * 1000, ntp(n * 5000), at(t));
                let sender = ntp(u64::try_from(t + audio_late_ms).unwrap());
                a.report(Kind::Audio, t * 1000, sender, at(t + 5));
            }
            let other = if moved == Kind::Audio { Kind::Video } else { Kind::Audio };
            let shift = a.offset_us(moved, 30_000_000, at(30_000));
            assert!((shift - 300_000).abs() < 1000, "{moved:?} moved by {shift} us");
            assert_eq!(a.offset_us(other, 30_000_000, at(30_000)), 0);
        }
    }

    #[test]
    fn a_step_of_the_senders_clock_and_nonsense_move_nothing() {
        let mut a = Aligner::default();
        a.offset_us(Kind::Video, 0, at(0));
        a.offset_us(Kind::Audio, 0, at(0));
        // The clock is set 2 s forward between the two reports of one round.
        for (n, step_v, step_a) in [(1, 0, 0), (2, 2000, 2000), (3, 2000, 2000)] {
            let t = n * 5000;
            let elapsed = i64::try_from(t).unwrap();
            a.report(Kind::Audio, elapsed * 1000, ntp(t + step_a), at(elapsed));
            a.report(Kind::Video, elapsed * 1000, ntp(t + step_v), at(elapsed));
        }
        a.report(Kind::Video, 0, 0, at(20_000));
        a.report(Kind::Video, i64::MIN, u64::MAX, at(20_000));
        a.report(Kind::Audio, i64::MAX, 1, at(20_000));
        assert_eq!(a.offset_us(Kind::Video, 1, at(21_000)), 0);
        assert_eq!(a.offset_us(Kind::Audio, 1, at(21_000)), 0);
    }
}
