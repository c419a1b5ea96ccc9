//! Of which moments of a live there is a preview: of one in each of some equal stretches of the wall clock, never too many. Pure.

use std::collections::BTreeMap;

/// Previews of a live at most, and so what they take: 1 to 2 MB, as a picture has some kilobytes. A player's bar has a few pixels for each.
pub(super) const MOST: usize = 300;
/// How far apart they are while a live is short.
const FIRST_STEP_MS: i64 = 10_000;

/// The stretches of what can be seen of a live. They lie on the clock, not on the live's beginning: when they are doubled because it has become
/// long, two become one, and the first of their pictures is the one of both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slots {
    begin_ms: i64,
    step_ms: i64,
}

impl Slots {
    /// From one moment to another, milliseconds since 1970.
    pub(super) fn over(begin_ms: i64, end_ms: i64) -> Self {
        let (length_ms, most) = (end_ms.saturating_sub(begin_ms).max(0), i64::try_from(MOST).unwrap_or(i64::MAX));
        let mut step_ms = FIRST_STEP_MS;
        // Both ends lie within a stretch: one more is touched than fit in.
        while length_ms / step_ms + 2 > most {
            step_ms = step_ms.saturating_mul(2);
        }
        Self { begin_ms, step_ms }
    }

    /// The number of the stretch of a moment; `None`: it can no longer be seen.
    pub(super) fn of(self, at_ms: i64) -> Option<i64> {
        (at_ms >= self.begin_ms).then_some(at_ms.div_euclid(self.step_ms))
    }

    /// Leaves the first of each stretch, by their times.
    pub(super) fn thin<T>(self, kept: &mut BTreeMap<i64, T>) {
        let mut last = None;
        kept.retain(|at_ms, _| {
            let slot = self.of(*at_ms);
            slot.is_some() && std::mem::replace(&mut last, slot) != slot
        });
    }
}

/// Sorts by it so that what comes first is spread over all: a bar that has some of its pictures has them everywhere.
pub(super) fn fineness(slot: i64) -> u32 {
    i64::BITS - slot.trailing_zeros()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::picture::jpeg;
    use crate::live::previews::{QUALITY, SIZE_PX};

    /// A moment of 2026, not at the beginning of any stretch.
    const BEGIN_MS: i64 = 1_780_000_003_217;
    const HOUR_MS: i64 = 3_600_000;

    /// What is kept of a live of so long a window with a keyframe every two seconds that was looked at all the time.
    fn grown(length_ms: i64, window_ms: i64) -> BTreeMap<i64, ()> {
        let mut kept = BTreeMap::new();
        for at_ms in (BEGIN_MS..BEGIN_MS + length_ms).step_by(2_000) {
            let slots = Slots::over((at_ms - window_ms).max(BEGIN_MS), at_ms);
            slots.thin(&mut kept);
            if !kept.keys().any(|kept| slots.of(*kept) == slots.of(at_ms)) {
                kept.insert(at_ms, ());
            }
            assert!(kept.len() <= MOST, "{} after {} s", kept.len(), (at_ms - BEGIN_MS) / 1_000);
        }
        kept
    }

    #[test]
    fn a_short_live_has_a_preview_every_ten_seconds_and_a_long_one_as_many_as_there_is_room_for() {
        assert_eq!(grown(95_000, 6 * HOUR_MS).len(), 10);
        for hours in [1, 2, 3, 6] {
            let kept = grown(hours * HOUR_MS, 6 * HOUR_MS);
            let times: Vec<i64> = kept.keys().copied().collect();
            let widest = times.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap();
            let even = hours * HOUR_MS / i64::try_from(MOST).unwrap();
            assert!(widest <= (2 * even).max(FIRST_STEP_MS) + 4_000, "{hours} h: {widest} ms");
            assert!(
                times[0] - BEGIN_MS < 2_000 && BEGIN_MS + hours * HOUR_MS - times[times.len() - 1] <= widest + 2_000
            );
        }
    }

    #[test]
    fn what_can_no_longer_be_seen_is_not_kept() {
        let kept = grown(2 * HOUR_MS, HOUR_MS / 2);
        let oldest = *kept.keys().next().unwrap();
        assert!(oldest >= BEGIN_MS + 2 * HOUR_MS - HOUR_MS / 2 - 2_000, "{oldest}");
        assert!(kept.len() > 150);
    }

    #[test]
    fn those_that_come_first_are_spread_over_all() {
        let mut slots: Vec<i64> = (178_000_000..178_000_256).collect();
        slots.sort_by_key(|slot| fineness(*slot));
        let mut first: Vec<i64> = slots[..32].to_vec();
        first.sort_unstable();
        assert!(first.windows(2).all(|pair| pair[1] - pair[0] == 8), "{first:?}");
    }

    #[test]
    fn all_together_are_small_whatever_is_shown() {
        let mut random = 1_u32;
        let noise: Vec<u8> = std::iter::repeat_with(|| {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (random >> 24).to_le_bytes()[0]
        })
        .take((SIZE_PX.0 * SIZE_PX.1 * 3) as usize)
        .collect();
        let worst = jpeg(&noise, SIZE_PX.0 as usize, SIZE_PX.1 as usize, QUALITY).unwrap().len();
        assert!(worst * MOST <= 3 << 20, "{worst} bytes of noise");
    }
}
