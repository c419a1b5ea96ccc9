//! Captions of what lies behind: of a finished video, and of a live that goes on after a restart. From the words and cues that were kept.

use super::timeline::Timeline;
use crate::archive::transcript::Position;
use media::caption::{Cue, webvtt};
use media::origin::entry::Segment;
use media::origin::playlist::Playlist;

/// Lists a segment of `cues` (in order, not overlapping) beside each of the leading rendition's.
pub(super) fn list(playlist: &mut Playlist, beside: &[Segment], cues: &[Cue]) {
    for segment in beside {
        let (from_micros, until_micros) = (segment.start_micros, segment.end_micros());
        let first = cues.partition_point(|cue| cue.end_micros <= from_micros);
        let inside = cues[first..].iter().take_while(|cue| cue.start_micros < until_micros);
        let what = webvtt::Segment { from_micros, until_micros, discontinuity: segment.discontinuity };
        let text = bytes::Bytes::from(webvtt::segment(what, inside));
        playlist.add_segment(Segment {
            init: 0,
            bytes: u32::try_from(text.len()).unwrap_or(u32::MAX),
            samples: 0,
            location: None,
            keyframes: Box::default(),
            parts: Box::default(),
            media: text,
            ..segment.clone()
        });
    }
}

/// Where times are in a video: by its leading rendition.
#[must_use]
pub fn position(timeline: &Timeline) -> Position {
    let snapshots: Vec<_> = timeline.renditions().iter().map(|r| r.snapshot()).collect();
    let lead = snapshots.iter().find(|s| !s.is_empty());
    Position::of(lead.into_iter().flat_map(|s| s.segments()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use media::caption::language::Language;
    use media::segment::Rules;
    use media::time::WallTime;

    fn segment(msn: u64, start_s: i64) -> Segment {
        Segment {
            msn,
            discontinuity: false,
            init: 3,
            program_date_time: WallTime::default(),
            start_micros: start_s * 1_000_000,
            duration_micros: 2_000_000,
            bytes: 9,
            samples: 1,
            location: None,
            keyframes: Box::default(),
            parts: Box::default(),
            media: bytes::Bytes::new(),
        }
    }

    fn cue(id: u64, start_ms: i64, end_ms: i64) -> Cue {
        Cue {
            id,
            start_micros: start_ms * 1000,
            end_micros: end_ms * 1000,
            lines: vec![format!("cue {id}")],
            language: Language::new("en").unwrap(),
            is_final: true,
        }
    }

    #[test]
    fn each_segment_has_the_cues_that_are_seen_in_it() {
        let mut playlist = Playlist::of_captions(Rules::new(2_000_000, 500_000), 5, 0, i64::MAX);
        let cues = [cue(1, 10_500, 12_500), cue(2, 12_500, 13_000), cue(3, 15_000, 16_000)];
        list(&mut playlist, &[segment(5, 10), segment(6, 12), segment(7, 14), segment(8, 16)], &cues);
        let has = |msn: u64| {
            let snapshot = playlist.snapshot();
            let text = String::from_utf8(snapshot.segment(msn).unwrap().media.to_vec()).unwrap();
            (1..=3).filter(|id| text.contains(&format!("cue {id}"))).collect::<Vec<_>>()
        };
        assert_eq!([has(5), has(6), has(7), has(8)], [vec![1], vec![1, 2], vec![3], vec![]]);
    }
}
