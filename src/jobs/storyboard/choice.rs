//! Which keyframes are shown: some, evenly, for the storyboard, and the best early one for the poster. Pure.

/// Previews this far apart show what happens; closer ones only cost. Microseconds.
const USUAL_STEP_MICROS: i64 = 5_000_000;
/// A short video has some, too: so many, if they are not closer than this.
const FEW_TILES: i64 = 10;
const LEAST_STEP_MICROS: i64 = 2_000_000;
/// Previews of a video at most: one sheet of 1600 by 900 pixels, some hundred kilobytes.
pub(super) const MAX_TILES: usize = 100;
/// Keyframes are a little early or late: half a second does not lengthen the step.
const TOLERANCE_MICROS: i64 = 500_000;
/// A poster is looked for in the first quarter, and at least in the first minute: it shows how the video begins.
const POSTER_WITHIN: i64 = 4;
const POSTER_WITHIN_MICROS: i64 = 60_000_000;

/// Indexes of the keyframes to show, of those at `times_micros` (in order) of a video of `length_micros`.
pub(super) fn tiles(times_micros: &[i64], length_micros: i64) -> Vec<usize> {
    let most = i64::try_from(MAX_TILES).unwrap_or(i64::MAX);
    let even = length_micros / most;
    let short = (length_micros / FEW_TILES).clamp(LEAST_STEP_MICROS, USUAL_STEP_MICROS);
    let step = if even > short { even } else { short - TOLERANCE_MICROS };
    let (mut chosen, mut next) = (Vec::new(), i64::MIN);
    for (n, at) in times_micros.iter().enumerate() {
        if *at >= next {
            chosen.push(n);
            next = at.saturating_add(step);
        }
    }
    chosen.truncate(MAX_TILES);
    chosen
}

/// How a picture looks, in thousandths of a brightness from 0 to 255.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Look {
    /// Standard deviation of the brightness.
    spread_milli: u64,
}

/// Below this a picture is one surface: black, a test card's grey, a camera with its cap on, noise and all.
const LEAST_SPREAD_MILLI: u64 = 8_000;

impl Look {
    /// Of a picture of red, green and blue.
    pub(super) fn of(rgb: &[u8]) -> Self {
        let (mut count, mut sum, mut squares) = (0_u64, 0_u64, 0_u64);
        for pixel in rgb.chunks_exact(3) {
            // ITU-R BT.709's weights, in 256ths.
            let bright = (54 * u64::from(pixel[0]) + 183 * u64::from(pixel[1]) + 19 * u64::from(pixel[2])) >> 8;
            count += 1;
            sum += bright;
            squares += bright * bright;
        }
        // count * squares - sum * sum is count² times the variance; a picture of 4 million pixels stays below 2^64.
        let variance_milli =
            (count * squares).saturating_sub(sum * sum).saturating_mul(1_000).checked_div(count * count);
        Self { spread_milli: (variance_milli.unwrap_or(0) * 1_000).isqrt() }
    }

    fn is_good(self) -> bool {
        self.spread_milli >= LEAST_SPREAD_MILLI
    }
}

/// A picture that could be the poster.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    /// When it is shown.
    pub(super) at_micros: i64,
    /// Of the source's picture.
    pub(super) pixels: u64,
    /// Of the keyframe: the more, the more there is to see.
    pub(super) bytes: u32,
    /// How it looks.
    pub(super) look: Look,
}

/// The index of the poster among candidates in order; `None` without any.
pub(super) fn poster(candidates: &[Candidate], length_micros: i64) -> Option<usize> {
    let near = (length_micros / POSTER_WITHIN).max(POSTER_WITHIN_MICROS);
    let largest = |wanted: &dyn Fn(&Candidate) -> bool| {
        let fitting = candidates.iter().enumerate().filter(|(_, candidate)| wanted(candidate));
        // The first of equals.
        fitting.rev().max_by_key(|(_, candidate)| (candidate.pixels, candidate.bytes)).map(|(n, _)| n)
    };
    largest(&|candidate| candidate.look.is_good() && candidate.at_micros <= near)
        .or_else(|| largest(&|candidate| candidate.look.is_good()))
        .or_else(|| largest(&|_| true))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every(step_micros: i64, length_micros: i64) -> Vec<i64> {
        (0..).map(|n| n * step_micros).take_while(|at| *at < length_micros).collect()
    }

    #[test]
    fn tiles_are_about_five_seconds_apart_and_some_but_at_most_a_hundred() {
        let seconds = |chosen: Vec<usize>, times: &[i64]| -> Vec<i64> {
            chosen.into_iter().map(|n| times[n] / 1_000_000).collect()
        };
        let times = every(2_000_000, 60_000_000);
        assert_eq!(seconds(tiles(&times, 60_000_000), &times), [0, 6, 12, 18, 24, 30, 36, 42, 48, 54]);
        let times = every(1_000_000, 50_000_000);
        assert_eq!(seconds(tiles(&times, 50_000_000), &times), [0, 5, 10, 15, 20, 25, 30, 35, 40, 45]);
        let times = every(1_000_000, 4_000_000);
        assert_eq!(seconds(tiles(&times, 4_000_000), &times), [0, 2]);
        let times = every(10_000_000, 40_000_000);
        assert_eq!(tiles(&times, 40_000_000), [0, 1, 2, 3]);
        for hours in [1, 3, 24] {
            let length = hours * 3_600_000_000;
            let times = every(2_000_000, length);
            let chosen = tiles(&times, length);
            assert!((90..=MAX_TILES).contains(&chosen.len()), "{hours} h: {}", chosen.len());
            assert!(times[*chosen.last().unwrap()] > length * 96 / 100, "to the end");
        }
        assert!(tiles(&[], 0).is_empty());
        assert_eq!(tiles(&[0], 0), [0]);
    }

    #[test]
    fn one_surface_is_no_good_picture() {
        for colour in [[0, 0, 0], [255, 255, 255], [0, 0, 255]] {
            assert!(!Look::of(&colour.repeat(14_400)).is_good(), "{colour:?}");
        }
        let noise: Vec<u8> = (0..43_200_u32).map(|n| u8::try_from(16 + n * 7 % 5).unwrap()).collect();
        assert!(!Look::of(&noise).is_good(), "a dark sensor's");
        let slide = [[255; 3].repeat(14_000), [0; 3].repeat(400)].concat();
        assert!(Look::of(&slide).is_good(), "a line of text on a slide");
        assert!(!Look::of(&[]).is_good());
        let half = [[0_u8; 3].repeat(100), [255_u8; 3].repeat(100)].concat();
        assert!((127_000..=128_000).contains(&Look::of(&half).spread_milli), "{:?}", Look::of(&half));
    }

    #[test]
    fn the_poster_is_the_largest_good_early_picture() {
        let good = Look { spread_milli: 50_000 };
        let black = Look { spread_milli: 500 };
        let at = |seconds: i64, bytes, look| Candidate { at_micros: seconds * 1_000_000, pixels: 100, bytes, look };
        let hour = 3_600_000_000;
        let all = [at(0, 900, black), at(36, 10, good), at(72, 30, good), at(108, 30, good), at(3_000, 500, good)];
        assert_eq!(poster(&all, hour), Some(2));
        assert_eq!(poster(&[at(0, 900, black), at(3_000, 5, good)], hour), Some(1), "late is better than black");
        assert_eq!(poster(&[at(0, 9, black), at(5, 10, black)], 10_000_000), Some(1), "black is better than none");
        let larger = Candidate { pixels: 200, ..at(80, 1, good) };
        assert_eq!(poster(&[at(0, 900, good), larger], hour), Some(1));
        assert_eq!(poster(&[], 0), None);
    }
}
