//! How long a recording is and when it ended, from what the segmenter says of it. Pure.

use crate::archive::load::Loaded;
use media::rendition::RenditionId;
use media::segment::Event;
use media::time::WallTime;
use std::collections::BTreeMap;
use std::time::Duration;

/// See the module.
#[derive(Clone, Debug, Default)]
pub(super) struct Extent {
    tracks: BTreeMap<RenditionId, Track>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Track {
    /// Sum of its parts, so that holes do not count. Microseconds.
    length_micros: i64,
    /// When the segment that goes on, or the last one, ends by now.
    end: Option<WallTime>,
}

impl Extent {
    /// Of what is on the disk.
    pub(super) fn of(loaded: &Loaded) -> Self {
        let track = |track: &crate::archive::load::Track| Track {
            length_micros: track.segments.iter().map(|s| s.duration_micros).sum(),
            end: track.segments.last().map(|s| s.program_date_time.plus_micros(s.duration_micros)),
        };
        Self { tracks: loaded.tracks.iter().map(|(id, of)| (*id, track(of))).collect() }
    }

    /// Takes what was added.
    pub(super) fn observe(&mut self, events: &[Event]) {
        for event in events {
            match event {
                Event::SegmentStart(start) => {
                    self.tracks.entry(start.rendition).or_default().end = Some(start.program_date_time);
                }
                Event::Part(part) => {
                    let track = self.tracks.entry(part.rendition).or_default();
                    track.length_micros += part.duration_micros();
                    track.end = track.end.map(|end| end.plus_micros(part.duration_micros()));
                }
                Event::Init { .. } | Event::SegmentEnd { .. } => {}
            }
        }
    }

    /// The length of the longest rendition, and when the last part of all ended; `None`: there is none.
    pub(super) fn so_far(&self) -> (Duration, Option<WallTime>) {
        let micros = self.tracks.values().map(|track| track.length_micros).max().unwrap_or(0);
        let ended_at = self.tracks.values().filter_map(|track| track.end).max();
        (Duration::from_micros(u64::try_from(micros).unwrap_or(0)), ended_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use media::segment::{Part, SegmentStart};
    use media::time::{Timescale, Timestamp};

    #[test]
    fn holes_do_not_count_and_the_last_part_ends_it() {
        let rendition = RenditionId::Source;
        let start = |msn, seconds: i64| {
            let program_date_time = WallTime::from_micros(seconds * 1_000_000);
            Event::SegmentStart(SegmentStart { rendition, msn, discontinuity: false, program_date_time })
        };
        let part = |msn| {
            Event::Part(Part {
                rendition,
                msn,
                number: 0,
                start: Timestamp::from_micros(0, Timescale::VIDEO),
                samples: 1,
                duration_ticks: 180_000,
                independent: true,
                keyframes: Vec::new(),
                bytes: Bytes::new(),
            })
        };
        let mut extent = Extent::default();
        assert_eq!(extent.so_far(), (Duration::ZERO, None));
        extent.observe(&[start(3, 100), part(3), Event::SegmentEnd { rendition, msn: 3 }]);
        extent.observe(&[start(4, 160), part(4)]);
        assert_eq!(extent.so_far(), (Duration::from_secs(4), Some(WallTime::from_micros(162_000_000))));
    }
}
