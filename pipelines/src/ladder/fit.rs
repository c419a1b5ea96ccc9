//! The part of a ladder that a machine has room for, and how it grows when room comes back. Pure.
//!
//! Kept first is what viewers can't do without: sound that every player decodes, then the source's own quality where browsers can't play
//! what came. Then what helps on a weak line, 360p before 480p; then the others, the cheapest first. So what is left out costs most and is
//! missed least.
//!
//! Promises: what fits costs no more than there is room for; what is made is never taken away to make something else; something is
//! added at most once in [`GROW_EVERY`], so that nothing flaps while other lives come and go.

use super::{Ladder, Rung, Source, SourceRendition, SourceSound, Why, cost};
use std::time::Duration;

/// From the beginning of an engine, or from what was added last, to the next addition.
pub const GROW_EVERY: Duration = Duration::from_secs(60);
/// Short sides that help on a weak line: smaller ones are blurred, larger ones are many bits. 360p and 480p stand in it.
const WEAK_LINE_PX: std::ops::RangeInclusive<u32> = 320..=540;
/// Sums of cores are rounded: what fits exactly must fit whichever way they are added.
const ROUNDING: f64 = 1e-9;

/// Something of a ladder that an engine makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece {
    /// AAC of sound that players don't decode.
    Sound,
    /// The source at its own size, because browsers can't play what came.
    Source(Rung, Why),
    /// A rendition below the source.
    Rung(Rung),
}

/// A ladder, or the part of it that there is room for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fitted {
    source: Source,
    wanted: Ladder,
    /// What is made. What is left out of the source or its sound is passed through.
    pub ladder: Ladder,
    /// What is not made for lack of room, the most useful first.
    pub left_out: Vec<Piece>,
}

/// As much of `wanted`, which was planned for `source`, as `room` cores can make.
#[must_use]
pub fn fit(wanted: Ladder, source: Source, room: f64) -> Fitted {
    let none = Fitted { source, ladder: of(&wanted, &[]), left_out: pieces(&wanted), wanted };
    none.with_more(room)
}

impl Fitted {
    /// Cores that are expected to be taken.
    #[must_use]
    pub fn cores(&self) -> f64 {
        cost::cores(&self.ladder, &self.source)
    }

    /// Cores that all of it is expected to take.
    #[must_use]
    pub fn wanted_cores(&self) -> f64 {
        cost::cores(&self.wanted, &self.source)
    }

    /// Whether this is (as far as there is room) what an engine would make of `ladder`.
    #[must_use]
    pub fn is_of(&self, ladder: &Ladder) -> bool {
        self.wanted.start(0) == ladder.start(0)
    }

    /// Whether pictures are made that stand for a source which browsers can't play.
    #[must_use]
    pub fn replaces_source(&self) -> bool {
        matches!(self.wanted.source, SourceRendition::Reencode(..)) && !self.ladder.encoded().is_empty()
    }

    /// The same with more, when `free` more cores are there and nothing was added for `since`. `None`: it stays as it is.
    #[must_use]
    pub fn grown(&self, free: f64, since: Duration) -> Option<Self> {
        if self.left_out.is_empty() || since < GROW_EVERY {
            return None;
        }
        let grown = self.clone().with_more(self.cores() + free);
        (grown.left_out.len() < self.left_out.len()).then_some(grown)
    }

    /// Takes up what fits into `room` cores beside what is there.
    fn with_more(mut self, room: f64) -> Self {
        let mut made: Vec<_> = pieces(&self.wanted).into_iter().filter(|p| !self.left_out.contains(p)).collect();
        self.left_out.retain(|piece| {
            made.push(*piece);
            let more = of(&self.wanted, &made);
            let fits = cost::cores(&more, &self.source) <= room + ROUNDING;
            if fits {
                self.ladder = more;
            } else {
                made.pop();
            }
            !fits
        });
        self
    }
}

/// All that an engine makes of `ladder`, the most useful first.
fn pieces(ladder: &Ladder) -> Vec<Piece> {
    let sound = matches!(ladder.audio, SourceSound::Reencode { .. }).then_some(Piece::Sound);
    let source = match ladder.source {
        SourceRendition::Reencode(rung, why) => Some(Piece::Source(rung, why)),
        SourceRendition::PassThrough | SourceRendition::None => None,
    };
    let mut rungs = ladder.rungs.clone();
    rungs.sort_by_key(|rung| (!WEAK_LINE_PX.contains(&rung.short_side_px()), rung.short_side_px()));
    sound.into_iter().chain(source).chain(rungs.into_iter().map(Piece::Rung)).collect()
}

/// `ladder` with only these of its pieces.
fn of(ladder: &Ladder, made: &[Piece]) -> Ladder {
    let source = match ladder.source {
        SourceRendition::Reencode(rung, why) if !made.contains(&Piece::Source(rung, why)) => {
            SourceRendition::PassThrough
        }
        source => source,
    };
    let audio = match ladder.audio {
        SourceSound::Reencode { .. } if !made.contains(&Piece::Sound) => SourceSound::PassThrough,
        audio => audio,
    };
    let rungs = ladder.rungs.iter().copied().filter(|rung| made.contains(&Piece::Rung(*rung))).collect();
    Ladder { source, rungs, audio, ..ladder.clone() }
}

#[cfg(test)]
mod tests {
    use super::super::{Preset, SourceAudio, SourceVideo, plan};
    use super::*;
    use media::codec::h264::Orientation;

    const HD: SourceVideo = SourceVideo {
        width: 1920,
        height: 1080,
        frame_rate_milli: Some(30_000),
        gop_ms: Some(2_000),
        interlaced: false,
        profile_idc: 100,
        pixel_aspect: (1, 1),
        orientation: Orientation::UPRIGHT,
    };
    const SURROUND: SourceAudio = SourceAudio { object_type: 2, sample_rate_hz: 48_000, channels: 6 };

    /// As `sound 360p`; a source that is encoded is `source`.
    fn names(pieces: impl IntoIterator<Item = Piece>) -> String {
        let name = |piece| match piece {
            Piece::Sound => "sound".to_owned(),
            Piece::Source(..) => "source".to_owned(),
            Piece::Rung(rung) => format!("{}p", rung.short_side_px()),
        };
        pieces.into_iter().map(name).collect::<Vec<_>>().join(" ")
    }

    fn made(fitted: &Fitted) -> String {
        names(pieces(&fitted.ladder))
    }

    fn wanted(video: SourceVideo, audio: Option<SourceAudio>, preset: &Preset) -> (Ladder, Source) {
        let source = Source { video: Some(video), audio };
        (plan(&source, preset), source)
    }

    /// What is made and what is left out with each of these shares of what all of it takes.
    fn shares(video: SourceVideo, audio: Option<SourceAudio>, preset: &Preset, shares: &[f64]) -> Vec<String> {
        let (ladder, source) = wanted(video, audio, preset);
        let all = cost::cores(&ladder, &source);
        let of = |share: &f64| {
            let fitted = fit(ladder.clone(), source, all * share);
            assert!(fitted.cores() <= all * share + ROUNDING, "{share}: {} of {all}", fitted.cores());
            format!("{} - {}", made(&fitted), names(fitted.left_out))
        };
        shares.iter().map(of).collect()
    }

    #[test]
    fn what_costs_most_is_left_out_first_and_what_a_weak_line_needs_last() {
        let camera = Preset::camera();
        assert_eq!(
            shares(HD, None, &camera, &[1.0, 0.99, 0.7, 0.64, 0.45, 0.4, 0.0]),
            [
                "360p 480p 720p - ",
                "360p 480p - 720p",
                "360p 480p - 720p",
                "360p - 480p 720p",
                "360p - 480p 720p",
                " - 360p 480p 720p",
                " - 360p 480p 720p"
            ]
        );
        // Larger than what a weak line needs, and smaller: 240p comes after both.
        assert_eq!(
            shares(HD, None, &Preset::low_bandwidth(), &[1.0, 0.95, 0.65]),
            ["360p 480p 240p - ", "360p 480p - 240p", "360p - 480p 240p"]
        );
        assert_eq!(shares(HD, None, &Preset::slides(), &[0.9]), ["480p - 720p"]);
    }

    #[test]
    fn what_viewers_can_not_do_without_is_kept_before_anything_else() {
        let interlaced = SourceVideo { interlaced: true, ..HD };
        let camera = Preset::camera();
        let table = shares(interlaced, Some(SURROUND), &camera, &[1.0, 0.8, 0.65, 0.45, 0.1, 0.02, 0.01]);
        assert_eq!(table[0], "sound source 360p 480p 720p - ");
        assert!(table[1..3].iter().all(|row| row.starts_with("sound source 360p")), "{table:?}");
        // Too little for the source's own size: viewers get pictures that play all the same.
        assert!(table[3].starts_with("sound 360p") && table[3].contains("source"), "{table:?}");
        assert_eq!(table[5], "sound - source 360p 480p 720p");
        assert_eq!(table[6], " - sound source 360p 480p 720p");
        let (ladder, source) = wanted(interlaced, None, &camera);
        let little = fit(ladder.clone(), source, 0.45);
        assert_eq!(little.ladder.source, SourceRendition::PassThrough);
        assert!(little.ladder.deinterlace && little.replaces_source() && little.is_of(&ladder));
        assert!(!fit(ladder, source, 0.0).replaces_source());
        let (passed, source) = wanted(HD, None, &camera);
        assert!(!fit(passed, source, 9.0).replaces_source());
    }

    #[test]
    fn what_is_left_out_comes_back_when_there_is_room_but_not_within_a_minute() {
        let (ladder, source) = wanted(HD, None, &Preset::camera());
        let small = fit(ladder.clone(), source, 0.42 * cost::cores(&ladder, &source));
        assert_eq!(made(&small), "360p");
        let lacking = small.wanted_cores() - small.cores();
        assert_eq!(small.grown(lacking, GROW_EVERY - Duration::from_millis(1)), None, "too early");
        assert_eq!(small.grown(0.0, GROW_EVERY), None, "no room");
        let more = small.grown(lacking - 0.05, GROW_EVERY).unwrap();
        assert_eq!((made(&more), names(more.left_out.clone())), ("360p 480p".into(), "720p".into()));
        let all = small.grown(lacking, GROW_EVERY).unwrap();
        assert_eq!(all.ladder, ladder);
        assert_eq!(all.grown(9.0, GROW_EVERY), None, "nothing is left out");
    }

    #[test]
    fn what_is_made_is_not_taken_away_for_something_more_useful() {
        let preset = Preset::low_bandwidth();
        let (ladder, source) = wanted(HD, None, &preset);
        let cores_of = |side| {
            let one = pieces(&ladder).into_iter().filter(|p| matches!(p, Piece::Rung(r) if r.short_side_px() == side));
            cost::cores(&of(&ladder, &one.collect::<Vec<_>>()), &source)
        };
        let least = fit(ladder.clone(), source, cores_of(240));
        assert_eq!(made(&least), "240p", "better than nothing");
        // Room for 360p alone, not beside it.
        assert_eq!(least.grown(cores_of(360) - cores_of(240), GROW_EVERY), None);
        assert_eq!(made(&least.grown(cores_of(360), GROW_EVERY).unwrap()), "360p 240p");
    }
}
