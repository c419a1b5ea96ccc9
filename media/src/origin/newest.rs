//! The newest picture of a live that can be decoded by itself, while its bytes are still in memory: what a still of a live is made of.

use super::entry::PartEntry;
use super::playlist::Snapshot;
use crate::cmaf::read_fragments;
use crate::time::WallTime;
use bytes::Bytes;

/// A keyframe as it was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Newest {
    /// Which initialisation segment it needs.
    pub init: u16,
    /// When the part that holds it begins: the keyframe is at most a part younger.
    pub at: WallTime,
    /// The access unit.
    pub payload: Bytes,
}

impl Snapshot {
    /// The newest keyframe of the parts that are in memory; `None`: there is none, or all of them rest on the disk.
    #[must_use]
    pub fn newest_keyframe(&self) -> Option<Newest> {
        let open = self.open.iter().map(|open| (open.init, open.program_date_time, &open.parts[..]));
        let finished = self.recent.iter().rev().map(|s| (s.init, s.program_date_time, &s.parts[..]));
        open.chain(finished).find_map(|(init, begins, parts)| {
            let found = parts.iter().enumerate().rev().filter(|(_, part)| part.independent);
            found.into_iter().find_map(|(n, part)| {
                let before: i64 = parts[..n].iter().map(|part| part.duration_micros).sum();
                Some(Newest { init, at: begins.plus_micros(before), payload: keyframe(part)? })
            })
        })
    }
}

/// The last keyframe of a part. One whose bytes are gone has none.
fn keyframe(part: &PartEntry) -> Option<Bytes> {
    let samples = read_fragments(part.bytes.clone()).ok()?;
    samples.into_iter().rev().find(|timed| timed.sample.keyframe).map(|timed| timed.sample.payload)
}

#[cfg(test)]
mod tests {
    use super::super::entry::Location;
    use crate::cmaf::{Sample, write_fragment};
    use crate::origin::playlist::Playlist;
    use crate::rendition::RenditionId;
    use crate::segment::{Part, Rules, SegmentStart};
    use crate::time::{Timescale, Timestamp, WallTime};
    use bytes::Bytes;

    const PART_MICROS: i64 = 500_000;

    /// Four parts each; `keyframes` says which parts begin with one.
    fn segment(list: &mut Playlist, msn: u64, keyframes: [bool; 4], parts: usize) {
        let rendition = RenditionId::Source;
        let begins = i64::try_from(msn).unwrap() * 4 * PART_MICROS;
        let program_date_time = WallTime::from_micros(begins);
        list.open_segment(&SegmentStart { rendition, msn, discontinuity: false, program_date_time }, 3);
        for (n, keyframe) in keyframes.into_iter().enumerate().take(parts) {
            let sample = |keyframe, byte: usize| Sample {
                duration: 1,
                cts: 0,
                keyframe,
                payload: Bytes::from(vec![u8::try_from(byte).unwrap(); 9]),
            };
            let mut bytes = Vec::new();
            let samples = [sample(keyframe, 10 * usize::try_from(msn).unwrap() + n), sample(false, 99)];
            write_fragment(&mut bytes, 0, 0, &samples).unwrap();
            let start = begins + i64::try_from(n).unwrap() * PART_MICROS;
            list.add_part(&Part {
                rendition,
                msn,
                number: u32::try_from(n).unwrap(),
                start: Timestamp::from_micros(start, Timescale::VIDEO),
                samples: 2,
                duration_ticks: 45_000,
                independent: keyframe,
                keyframes: Vec::new(),
                bytes: bytes.into(),
            });
        }
    }

    /// When it was, and its first byte.
    fn newest(list: &Playlist) -> Option<(i64, u8)> {
        let newest = list.snapshot().newest_keyframe()?;
        assert_eq!((newest.init, newest.payload.len()), (3, 9));
        Some((newest.at.micros(), newest.payload[0]))
    }

    #[test]
    fn the_newest_keyframe_is_found_where_it_is_while_it_is_in_memory() {
        let mut list = Playlist::new(Rules::new(2_000_000, PART_MICROS), PART_MICROS, 0, 0, i64::MAX, 1);
        assert_eq!(newest(&list), None);
        segment(&mut list, 0, [true, false, true, false], 4);
        assert_eq!(newest(&list), Some((2 * PART_MICROS, 2)), "of the segment that is being made");
        let stored = Some(Location { file: 0, offset: 0 });
        list.close_segment(stored);
        assert_eq!(newest(&list), Some((2 * PART_MICROS, 2)), "of the last that was");
        segment(&mut list, 1, [false; 4], 2);
        assert_eq!(newest(&list), Some((2 * PART_MICROS, 2)), "the open one has none");
        list.close_segment(stored);
        segment(&mut list, 2, [false; 4], 0);
        assert_eq!(newest(&list), None, "its bytes are no longer kept");
        segment(&mut list, 2, [true, true, true, true], 2);
        assert_eq!(newest(&list), Some((9 * PART_MICROS, 21)));
    }
}
