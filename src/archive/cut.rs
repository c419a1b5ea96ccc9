//! Which part of a recording is shown: whole segments of it, so that it is a matter of playlists alone, and can be taken back.
//!
//! Times are those of the recording as it is played: holes do not count.

use super::load::Loaded;
use media::track::Kind;
use std::time::Duration;

/// Times are kept to the millisecond: what is nearer than this is the same moment. Microseconds.
const SAME_MICROS: i64 = 1_500;

/// A keyframe's time may be rounded apart from its segment's. Microseconds.
const ROUNDING_MICROS: i64 = 1_000;

/// From where to where; `None`: from its beginning, to its end.
pub type Span = (Option<Duration>, Option<Duration>);

fn micros(at: Duration) -> i64 {
    i64::try_from(at.as_micros()).unwrap_or(i64::MAX)
}

fn duration(micros: i64) -> Duration {
    // To the millisecond, as it is kept.
    Duration::from_millis(u64::try_from(micros / 1_000).unwrap_or(0))
}

impl Loaded {
    /// The smallest span of whole segments around one that somebody asks for, which begins where every rendition can be decoded from. A
    /// recording without segments has none but itself.
    #[must_use]
    pub fn around(&self, (from, until): Span) -> Span {
        let lead = self.lead_segments();
        let (mut at, mut start, mut end) = (0, None, None);
        let last = lead.last().map(|segment| segment.msn);
        for segment in lead {
            if from.is_some_and(|from| at > 0 && at <= micros(from).saturating_add(SAME_MICROS))
                && self.begins_at(segment.msn)
            {
                start = Some(duration(at));
            }
            at += segment.duration_micros;
            let reached = until.is_some_and(|until| at >= micros(until).saturating_sub(SAME_MICROS));
            if reached && end.is_none() && Some(segment.msn) != last {
                end = Some(duration(at));
            }
        }
        (start, end)
    }

    /// Whether every rendition of pictures can be decoded from the beginning of this segment.
    fn begins_at(&self, msn: u64) -> bool {
        let pictures = self.tracks.iter().filter(|(rendition, _)| rendition.kind() == Kind::Video);
        pictures.filter(|(_, track)| !track.segments.is_empty()).all(|(_, track)| {
            // A rendition that lacks it lists a gap there.
            track.segment(msn).is_none_or(|segment| {
                segment
                    .keyframes
                    .first()
                    .is_some_and(|k| k.time_micros <= segment.start_micros.saturating_add(ROUNDING_MICROS))
            })
        })
    }

    /// The same recording with the segments of a span only. Their numbers stay, and with them their addresses.
    #[must_use]
    pub fn cut(mut self, (from, until): Span) -> Self {
        let (mut at, mut kept, mut discontinuities) = (0, Vec::new(), 0);
        for segment in self.lead_segments() {
            let end = at + segment.duration_micros;
            let behind = from.is_none_or(|from| end > micros(from).saturating_add(SAME_MICROS));
            let before = until.is_none_or(|until| at < micros(until).saturating_sub(SAME_MICROS));
            match (behind, before) {
                (true, true) => kept.push(segment.msn),
                (false, _) => discontinuities += u64::from(segment.discontinuity),
                _ => {}
            }
            at = end;
        }
        let (Some(first), Some(last)) = (kept.first().copied(), kept.last().copied()) else { return self };
        self.begin.first_msn = self.begin.first_msn.max(first);
        self.begin.first_discontinuity += discontinuities;
        for track in self.tracks.values_mut() {
            track.segments.retain(|segment| (first..=last).contains(&segment.msn));
        }
        self.tracks.retain(|_, track| !track.segments.is_empty());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::layout::Layout;
    use crate::archive::load::load;
    use crate::archive::transcript::tests::say;
    use media::rendition::RenditionId;

    fn recording() -> Loaded {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path().to_owned());
        // A minute times two of segments of two seconds, numbered from 0.
        say(&layout, "a", "fr", &[]);
        let mut loaded = load(&layout, "a").unwrap();
        let source = loaded.tracks.get_mut(&RenditionId::Source).unwrap();
        for segment in &mut source.segments {
            // Every third segment begins with no keyframe.
            let time_micros = segment.start_micros + if segment.msn % 3 == 2 { 700_000 } else { 0 };
            segment.keyframes = [media::segment::Keyframe { offset: 0, length: 5, time_micros }].into();
            segment.discontinuity = segment.msn == 4;
        }
        loaded
    }

    fn span(from_ms: Option<u64>, until_ms: Option<u64>) -> Span {
        (from_ms.map(Duration::from_millis), until_ms.map(Duration::from_millis))
    }

    #[test]
    fn a_span_is_widened_to_segments_that_can_be_begun_with() {
        let loaded = recording();
        for (asked, given) in [
            ((None, None), (None, None)),
            ((Some(12_000), Some(60_000)), (Some(12_000), Some(60_000))),
            ((Some(13_990), Some(60_010)), (Some(12_000), Some(62_000))),
            // The same moment, rounded.
            ((Some(11_999), Some(60_001)), (Some(12_000), Some(60_000))),
            // 16 s is where segment 8 begins, which has no keyframe there.
            ((Some(17_000), None), (Some(14_000), None)),
            ((Some(1_000), Some(119_000)), (None, None)),
            ((Some(500_000), Some(500_000)), (Some(116_000), None)),
        ] {
            assert_eq!(loaded.around(span(asked.0, asked.1)), span(given.0, given.1), "{asked:?}");
        }
    }

    #[test]
    fn what_is_cut_away_is_no_longer_there_and_the_rest_keeps_its_numbers() {
        let cut = recording().cut(span(Some(12_000), Some(60_000)));
        let segments = &cut.tracks[&RenditionId::Source].segments;
        assert_eq!((segments.first().unwrap().msn, segments.last().unwrap().msn, segments.len()), (6, 29, 24));
        assert_eq!((cut.begin.first_msn, cut.begin.first_discontinuity), (6, 1), "that of segment 4 lies before");
        assert_eq!(cut.duration_micros(), 48_000_000);
        let whole = recording().cut(span(None, None));
        assert_eq!(whole.duration_micros(), recording().duration_micros());
        let none = recording().cut(span(Some(500_000), None));
        assert_eq!(none.duration_micros(), recording().duration_micros(), "a cut that leaves nothing is none");
    }
}
