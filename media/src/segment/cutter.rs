//! Where parts and segments begin. Decided once per live, from its leading track; every rendition follows.
//!
//! Rules: a segment begins at the first keyframe at least [`Rules::segment_target_micros`] after the last cut, or, when
//! the source sends none in time, on whatever frame is there before the segment would round to more than
//! TARGETDURATION (RFC 8216bis section 4.4.3.1). A part holds as many whole frames as fit in the part target
//! (section 4.4.4.9: not longer than PART-TARGET, and 85 % of it unless it ends a segment).
//!
//! A hole, when a source whose frames are short sends none for longer than a part, does not make PART-TARGET long for the rest of the
//! live: the frame before it is a segment by itself, which is listed without parts. A source that is slow raises PART-TARGET.

use super::Rules;

/// Encoders round to milliseconds and keyframes jitter: a keyframe this early still counts. Microseconds.
const KEYFRAME_EARLY_MICROS: i64 = 50_000;
/// After a cut on another frame, a keyframe need not wait for the whole target: it brings segments back to keyframes.
/// Microseconds.
const KEYFRAME_AFTER_FORCED_CUT_MICROS: i64 = 1_000_000;
/// Frames over which the source's frame duration is averaged before PART-TARGET is fitted to it.
const FIT_AFTER_FRAMES: i64 = 12;
/// Frames over which the frame duration is smoothed.
const STEP_MEMORY_FRAMES: i64 = 8;
/// A keyframe may come this much after TARGETDURATION and still end its segment, which then rounds down. Microseconds.
const KEYFRAME_LATE_MICROS: i64 = 250_000;
/// A duration up to this much over TARGETDURATION rounds down to it. Microseconds.
const ROUNDS_DOWN_MICROS: i64 = 490_000;
/// RTMP's milliseconds make one and the same frame rate wobble by up to this, in either direction. Microseconds.
const WOBBLE_MICROS: i64 = 1_000;
/// A frame rate measured over a dozen rounded frames is off by so much over a part. Microseconds.
const MEASURING_MICROS: i64 = 400;
/// A frame longer than the part target is a hole while so many usual ones fit in a part; with fewer it is how the source is. The usual
/// duration is smoothed, so a source that turns slow is found out after a few frames.
const HOLE_USUAL_FRAMES: i64 = 2;
/// How long a span's only frame lasts: one at 25 fps. Microseconds.
const LONE_FRAME_MICROS: i64 = 40_000;
/// PART-TARGET is told in steps of this. Microseconds.
pub const PART_TARGET_GRAIN_MICROS: i64 = 10_000;

/// A part or a segment begins here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Decode time of the leading track's frame that begins it, microseconds.
    pub at_micros: i64,
    /// A segment begins, not just a part.
    pub segment: bool,
    /// The leading track's frame is a keyframe, and what has waited for one begins with it.
    pub keyframe: bool,
}

/// Decides cuts from the leading track's frames, in decode order.
#[derive(Debug)]
pub struct Cutter {
    rules: Rules,
    part_target: i64,
    fitted: bool,
    /// Segments begin at the target, on whatever frame is there.
    regularly: bool,
    /// A segment had to begin without a keyframe.
    forced_cuts: bool,
    began: Option<Began>,
}

#[derive(Debug)]
struct Began {
    segment: i64,
    part: i64,
    last: i64,
    last_keyframe: bool,
    /// The segment does not begin with a keyframe.
    forced: bool,
    span: i64,
    frames: i64,
    /// Frame duration, smoothed.
    step: i64,
}

impl Cutter {
    /// For a playlist with these rules.
    #[must_use]
    pub fn new(rules: Rules) -> Self {
        Self {
            rules,
            part_target: rules.part_target_micros,
            fitted: false,
            regularly: false,
            forced_cuts: false,
            began: None,
        }
    }

    /// See [`super::segmenter::Segmenter::cut_regularly`].
    pub fn cut_regularly(&mut self, regularly: bool) {
        self.regularly = regularly;
    }

    /// See [`super::segmenter::Segmenter::has_forced_cuts`].
    #[must_use]
    pub fn has_forced_cuts(&self) -> bool {
        self.forced_cuts
    }

    /// What PART-TARGET must say, microseconds: never shrinks.
    #[must_use]
    pub fn part_target_micros(&self) -> i64 {
        self.part_target
    }

    /// Where the span ends if no frame follows: the last one lasts as long as its predecessors, within its part.
    #[must_use]
    pub fn end_micros(&self) -> Option<i64> {
        let began = self.began.as_ref()?;
        let step = if began.frames == 0 { LONE_FRAME_MICROS } else { began.step.max(WOBBLE_MICROS) };
        let within_part = (began.part + self.part_target).max(began.last + WOBBLE_MICROS);
        Some((began.last + step).min(within_part))
    }

    /// A span begins with a frame at `at_micros`: that frame begins a segment.
    pub fn begin(&mut self, at_micros: i64) {
        self.began = Some(Began {
            segment: at_micros,
            part: at_micros,
            last: at_micros,
            last_keyframe: true,
            forced: false,
            span: at_micros,
            frames: 0,
            step: 0,
        });
        self.fitted = false;
    }

    /// The next frame, at `at_micros` (greater than the last). `must_cut`: the next keyframe begins a segment whatever
    /// the time (changed parameters, a new span). `nominal_step_micros`: the frame duration the source announces.
    /// Gives up to two cuts, in order.
    pub fn on_frame(
        &mut self,
        at_micros: i64,
        keyframe: bool,
        must_cut: bool,
        nominal_step_micros: Option<i64>,
    ) -> impl Iterator<Item = Cut> + use<> {
        let Some(began) = &mut self.began else {
            self.begin(at_micros);
            return [None, None].into_iter().flatten();
        };
        let step = at_micros - began.last;
        began.frames += 1;
        if began.frames == 1 {
            began.step = step;
        }
        let hole = step > self.part_target && HOLE_USUAL_FRAMES * began.step <= self.part_target;
        if hole {
            // Says nothing of the average frame.
            began.span += step - began.step;
        } else if !self.fitted
            && (began.frames >= FIT_AFTER_FRAMES || at_micros + step - began.part > self.rules.part_target_micros)
        {
            self.fitted = true;
            let average = (at_micros - began.span) / began.frames;
            self.part_target =
                self.part_target.max(fitted_part_target_micros(&self.rules, average, nominal_step_micros));
        }
        // One step alone may be a millisecond long or short of the source's frame duration.
        began.step += (step - began.step) / STEP_MEMORY_FRAMES;
        let expected = if (step - began.step).abs() <= WOBBLE_MICROS { began.step } else { step };
        let target = i64::from(self.rules.target_duration_s) * 1_000_000;
        let mut early = None;
        // The last frame turned out longer than its predecessors: it begins the next part, or segment, instead.
        let too_long = at_micros - began.segment > target + ROUNDS_DOWN_MICROS && began.last > began.segment;
        let alone = too_long || (hole && began.last > began.segment);
        if alone || (at_micros - began.part > self.part_target && began.last > began.part) {
            // Whatever waits for a keyframe now was not there yet when the last frame came.
            early = Some(Cut { at_micros: began.last, segment: alone, keyframe: false });
            began.part = began.last;
            if alone {
                began.segment = began.last;
                began.forced = !began.last_keyframe;
            }
        }
        if at_micros - began.part > self.part_target && !hole {
            self.part_target = round_up(at_micros - began.part);
        }
        let length = at_micros - began.segment;
        let least = if began.forced && !self.regularly {
            KEYFRAME_AFTER_FORCED_CUT_MICROS.min(self.rules.segment_target_micros)
        } else {
            self.rules.segment_target_micros
        };
        let on_keyframe = keyframe && (must_cut || length >= least - KEYFRAME_EARLY_MICROS);
        let overdue = length >= target + KEYFRAME_LATE_MICROS || length + step > target + ROUNDS_DOWN_MICROS;
        let due = self.regularly && length >= least - WOBBLE_MICROS;
        let segment = on_keyframe || overdue || hole || due;
        let part = segment || at_micros + expected - began.part > self.part_target + WOBBLE_MICROS / 2;
        if segment {
            self.forced_cuts |= overdue && !keyframe && !hole && !due;
            began.segment = at_micros;
            began.forced = !keyframe;
        }
        if part {
            began.part = at_micros;
        }
        began.last = at_micros;
        began.last_keyframe = keyframe;
        [early, part.then_some(Cut { at_micros, segment, keyframe })].into_iter().flatten()
    }
}

/// What PART-TARGET must say for a source whose frames last `average` microseconds as measured, and `nominal` as announced.
#[must_use]
pub fn fitted_part_target_micros(rules: &Rules, average: i64, nominal: Option<i64>) -> i64 {
    let near = |n: &i64| (average - n).abs() * 20 <= *n;
    fit_part_target(rules, nominal.filter(near).unwrap_or(average))
}

/// PART-TARGET for frames of `step`, so that a segment of the wanted length is cut into even parts of whole frames. A stub of a frame
/// or two at its end would cost every viewer a request, and hls.js asks for such a part of sound again and again.
fn fit_part_target(rules: &Rules, step: i64) -> i64 {
    let step = step.max(1);
    let wanted = rules.part_target_micros;
    let frames = ((rules.segment_target_micros + step / 2) / step).max(1);
    let parts = ((rules.segment_target_micros + wanted / 2) / wanted.max(1)).max(1);
    let longest = (frames + parts - 1) / parts * step;
    if longest <= wanted + MEASURING_MICROS {
        return wanted;
    }
    // Whole milliseconds do not wobble in RTMP.
    round_up(longest + if step % 1_000 == 0 { 0 } else { WOBBLE_MICROS })
}

fn round_up(micros: i64) -> i64 {
    micros.div_euclid(PART_TARGET_GRAIN_MICROS) * PART_TARGET_GRAIN_MICROS
        + if micros % PART_TARGET_GRAIN_MICROS == 0 { 0 } else { PART_TARGET_GRAIN_MICROS }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: Rules = Rules { segment_target_micros: 2_000_000, target_duration_s: 4, part_target_micros: 500_000 };

    /// Frames of `rate` per second, in whole milliseconds as RTMP has them, a keyframe where `gop` says.
    fn cuts(rate: f64, seconds: f64, keyframe: impl Fn(u32) -> bool) -> (Vec<Cut>, i64) {
        let mut cutter = Cutter::new(RULES);
        let mut out = vec![Cut { at_micros: 0, segment: true, keyframe: true }];
        let mut n = 0;
        while f64::from(n) / rate < seconds {
            #[expect(clippy::cast_possible_truncation, reason = "test times are small")]
            let at = (f64::from(n) * 1000.0 / rate).round() as i64 * 1000;
            #[expect(clippy::cast_possible_truncation, reason = "test times are small")]
            let announced = (1e6 / rate) as i64;
            out.extend(cutter.on_frame(at, keyframe(n), false, Some(announced)));
            n += 1;
        }
        (out, cutter.part_target_micros())
    }

    fn assert_legal(cuts: &[Cut], part_target: i64) {
        for w in cuts.windows(2) {
            let length = w[1].at_micros - w[0].at_micros;
            assert!(length <= part_target, "part of {length} over {part_target}");
            if !w[1].segment {
                assert!(length * 100 >= part_target * 85, "part of {length} under 85 % of {part_target}");
            }
        }
        let segments: Vec<_> = cuts.iter().filter(|c| c.segment).collect();
        for w in segments.windows(2) {
            let length = w[1].at_micros - w[0].at_micros;
            assert!(length < 4_500_000, "segment of {length}");
        }
    }

    #[test]
    fn parts_are_legal_at_every_common_frame_rate() {
        for rate in
            [1.0, 3.0, 5.0, 8.0, 10.0, 12.0, 12.5, 15.0, 20.0, 23.976, 24.0, 25.0, 29.97, 30.0, 50.0, 59.94, 60.0]
        {
            let gop = rate * 2.0;
            let (cuts, part_target) = cuts(rate, 60.0, |n| f64::from(n) % gop < 1.0);
            assert!(cuts.len() > 50, "{rate} fps: {} cuts", cuts.len());
            assert_legal(&cuts, part_target);
            if [24.0, 30.0, 50.0, 60.0].contains(&rate) {
                assert_eq!(part_target, 500_000, "{rate} fps keeps the configured target");
            }
            assert!(rate < 10.0 || part_target <= 600_000, "{rate} fps: {part_target}");
        }
    }

    #[test]
    fn segments_of_two_seconds_are_cut_into_four_even_parts() {
        for rate in [12.5, 15.0, 23.976, 24.0, 25.0, 29.97, 30.0, 50.0, 59.94, 60.0] {
            let gop = rate * 2.0;
            let (cuts, _) = cuts(rate, 60.0, |n| (f64::from(n) + 0.5) % gop < 1.0);
            let starts: Vec<_> = cuts.iter().enumerate().filter(|(_, c)| c.segment).map(|(n, _)| n).collect();
            let shortest = cuts.windows(2).skip(4).map(|w| w[1].at_micros - w[0].at_micros).min().unwrap();
            assert!(shortest >= 300_000, "{rate} fps: a part of {shortest}");
            assert!(starts.windows(2).skip(1).all(|w| w[1] - w[0] == 4), "{rate} fps: {starts:?}");
        }
    }

    #[test]
    fn segments_begin_at_the_first_keyframe_from_two_seconds_on() {
        for (gop_s, segment_s) in [(1.0, 2.0), (2.0, 2.0), (2.5, 2.5), (4.0, 4.0)] {
            let (cuts, part_target) = cuts(30.0, 61.0, |n| (f64::from(n) / 30.0) % gop_s < 0.001);
            assert_legal(&cuts, part_target);
            let segments: Vec<_> = cuts.iter().filter(|c| c.segment).collect();
            for w in segments.windows(2) {
                assert!(w[1].keyframe);
                let length = w[1].at_micros - w[0].at_micros;
                #[expect(clippy::cast_possible_truncation, reason = "small")]
                let wanted = (segment_s * 1e6) as i64;
                assert!((length - wanted).abs() <= 2_000, "GOP {gop_s}: {length}");
            }
        }
    }

    #[test]
    fn a_gop_longer_than_the_target_is_cut_on_a_non_keyframe_and_again_at_its_end() {
        let (cuts, part_target) = cuts(25.0, 60.0, |n| n % 250 == 0);
        assert_legal(&cuts, part_target);
        let segments: Vec<_> = cuts.iter().filter(|c| c.segment).collect();
        assert!(segments.iter().any(|c| !c.keyframe));
        assert_eq!(segments.iter().filter(|c| c.keyframe).count(), 6, "every keyframe 10 s apart begins a segment");
    }

    /// Times of all cuts in milliseconds, those that begin a segment, and PART-TARGET.
    fn cuts_at(times_ms: &[i64]) -> (Vec<i64>, Vec<i64>, i64) {
        let mut cutter = Cutter::new(RULES);
        let mut all = Vec::new();
        for at in times_ms {
            all.extend(cutter.on_frame(at * 1000, *at == 0, false, None));
        }
        let of = |keep: fn(&&Cut) -> bool| all.iter().filter(keep).map(|c| c.at_micros / 1000).collect();
        (of(|_| true), of(|c| c.segment), cutter.part_target_micros())
    }

    #[test]
    fn a_hole_ends_its_segment_and_leaves_the_part_target() {
        for frames in [3, 30] {
            let last = frames * 40;
            for hole in [1_200, 2_000, 3_500] {
                let mut times: Vec<i64> = (0..=frames).map(|n| n * 40).collect();
                times.extend((0..30).map(|n| last + hole + n * 40));
                let (all, segments, part_target) = cuts_at(&times);
                assert!(part_target <= 520_000, "{part_target}");
                assert!(segments.ends_with(&[last, last + hole]), "the frame before it is alone: {segments:?}");
                let longest = all.windows(2).filter(|w| w[1] != last + hole).map(|w| w[1] - w[0]).max().unwrap();
                assert!(longest * 1000 <= part_target, "{all:?}");
            }
        }
    }

    #[test]
    fn a_source_that_turns_slow_raises_the_part_target() {
        let mut times: Vec<i64> = (0..50).map(|n| n * 40).collect();
        times.extend((0..20).map(|n| 3_000 + n * 1_000));
        assert_eq!(cuts_at(&times).2, 1_000_000);
    }
}
