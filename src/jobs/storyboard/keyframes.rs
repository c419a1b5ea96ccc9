//! Where a video's keyframes are, and their bytes: the only reader of recordings here.

use crate::archive::Error;
use crate::archive::keyframe;
use crate::archive::layout::Layout;
use crate::archive::load::{self, Loaded, Track};
use bytes::Bytes;
use media::rendition::RenditionId;
use media::track::Parameters;

/// A keyframe that lies on the disk.
#[derive(Clone, Debug)]
pub(super) struct Spot {
    /// When it is shown, as players count: from the video's beginning, holes included. Microseconds.
    pub(super) at_micros: i64,
    /// What its decoder must know.
    pub(super) parameters: Parameters,
    /// Whose media file.
    rendition: RenditionId,
    /// Number of that file.
    file: u16,
    /// Where its fragment begins in that.
    offset: u64,
    /// Bytes from there to the end of the keyframe.
    pub(super) length: u32,
}

/// All keyframes of a video that can be read, in order, and its length as players count it, in microseconds. Blocking.
///
/// # Errors
/// When the index can't be read.
pub(super) fn find(layout: &Layout, id: &str) -> Result<(Vec<Spot>, i64), Error> {
    let loaded = load::load(layout, id)?;
    // The source shows the most: its rungs are made of it.
    let source = loaded.tracks.get(&RenditionId::Source).map(|track| of_track(RenditionId::Source, track));
    Ok(source.filter(|(spots, _)| !spots.is_empty()).or_else(|| of_best_rung(&loaded)).unwrap_or_default())
}

/// The same of the rung that has most of the video: one that only a larger source has is gaps beside. Of equals, the largest.
fn of_best_rung(loaded: &Loaded) -> Option<(Vec<Spot>, i64)> {
    let rungs = loaded.tracks.iter().filter(|(id, _)| matches!(id, RenditionId::Rung(_)));
    let stored = |track: &Track| track.segments.iter().filter(|segment| segment.location.is_some()).count();
    let best = rungs.max_by_key(|(id, track)| (stored(track), **id));
    best.map(|(id, track)| of_track(*id, track))
}

/// The same of one rendition.
fn of_track(rendition: RenditionId, track: &Track) -> (Vec<Spot>, i64) {
    let (mut spots, mut begin_micros) = (Vec::new(), 0);
    for segment in &track.segments {
        if let (Some(location), Some((parameters, _))) = (segment.location, track.inits.get(usize::from(segment.init)))
        {
            let keyframes = segment.keyframes.iter().filter(|found| found.length <= keyframe::MAX_RANGE_BYTES);
            spots.extend(keyframes.map(|keyframe| Spot {
                at_micros: begin_micros + segment.into_micros(keyframe),
                parameters: parameters.clone(),
                rendition,
                file: location.file,
                offset: location.offset + u64::from(keyframe.offset),
                length: keyframe.length,
            }));
        }
        begin_micros += segment.duration_micros;
    }
    (spots, begin_micros)
}

/// The access unit of a keyframe; `None` when its bytes are no fragment. Blocking.
///
/// # Errors
/// When the file is not there or shorter.
pub(super) fn read(layout: &Layout, id: &str, spot: &Spot) -> Result<Option<Bytes>, Error> {
    keyframe::read(&layout.file(id, spot.rendition, spot.file), spot.offset, spot.length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use media::cmaf::{Sample, write_fragment};
    use media::codec::h264::H264;
    use media::segment::Keyframe;
    use media::segment::index::{self, Begin, PartRecord, Record};
    use media::time::{Timescale, Timestamp, WallTime};
    use std::sync::Arc;

    /// Of x264.
    const AVCC_640X360: [u8; 40] = [
        0x01, 0x4d, 0x40, 0x1e, 0xff, 0xe1, 0x00, 0x18, 0x67, 0x4d, 0x40, 0x1e, 0xec, 0xa0, 0x50, 0x17, 0xfc, 0xb8,
        0x08, 0x80, 0x00, 0x00, 0x03, 0x00, 0x80, 0x00, 0x00, 0x1e, 0x07, 0x8b, 0x16, 0xcb, 0x01, 0x00, 0x05, 0x68,
        0xeb, 0xe3, 0xcb, 0x20,
    ];

    /// What is on the disk of each rendition in each segment of a second: its keyframe, or a gap.
    fn record(layout: &Layout, renditions: &[(RenditionId, &[Option<u8>])]) {
        std::fs::create_dir(layout.folder("x")).unwrap();
        let mut log = index::MAGIC.to_vec();
        let mut add = |record| index::write(&record, &mut log);
        let begin = Begin { origin: WallTime::default(), first_msn: 0, first_discontinuity: 0, target_duration_s: 4 };
        add(Record::Begin(begin));
        for (rendition, pictures) in renditions {
            let (rendition, mut file) = (*rendition, Vec::new());
            let parameters = Parameters::Video(Arc::new(H264::from_avcc(&AVCC_640X360).unwrap()));
            add(Record::Init { rendition, parameters });
            add(Record::File { rendition, file: 0, header_bytes: 0 });
            for (n, picture) in (0_u32..).zip(*pictures) {
                let (offset, time_micros) = (file.len() as u64, i64::from(n) * 1_000_000);
                let keyframes = picture.map(|byte| {
                    let payload = Bytes::from(vec![byte; 7]);
                    let sample = Sample { duration: 1, cts: 0, keyframe: true, payload };
                    let fragment = write_fragment(&mut file, n, 0, &[sample]).unwrap();
                    let length = u32::try_from(fragment.first_sample.len()).unwrap();
                    Keyframe { offset: 0, length, time_micros }
                });
                let (msn, program_date_time) = (u64::from(n), WallTime::default());
                add(Record::Segment { rendition, msn, discontinuity: false, init: 0, program_date_time });
                add(Record::Part(PartRecord {
                    rendition,
                    independent: true,
                    offset,
                    bytes: u32::try_from(file.len() as u64 - offset).unwrap(),
                    crc: 0,
                    samples: 1,
                    start: Timestamp::new(time_micros / 1_000, Timescale::MILLIS),
                    duration_ticks: 1_000,
                    keyframes: keyframes.into_iter().collect(),
                }));
                add(Record::SegmentEnd(rendition));
            }
            std::fs::write(layout.file("x", rendition, 0), file).unwrap();
        }
        add(Record::End);
        std::fs::write(layout.index("x"), log).unwrap();
    }

    /// When each keyframe that is found is shown, in seconds, with the first byte of its access unit; and the video's length in seconds.
    fn found(renditions: &[(RenditionId, &[Option<u8>])]) -> (Vec<(i64, u8)>, i64) {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path().to_owned());
        record(&layout, renditions);
        let (spots, length_micros) = find(&layout, "x").unwrap();
        let first = |spot: &Spot| read(&layout, "x", spot).unwrap().unwrap()[0];
        (spots.iter().map(|spot| (spot.at_micros / 1_000_000, first(spot))).collect(), length_micros / 1_000_000)
    }

    #[test]
    fn keyframes_are_the_sources_or_else_those_of_the_best_rung() {
        use RenditionId::{Rung, Source};
        let (source, large, small) = ([Some(1), None, Some(1)], [Some(2); 3], [Some(3); 3]);
        let of_source = found(&[(Source, &source), (Rung(240), &small), (Rung(480), &large)]);
        assert_eq!(of_source, (vec![(0, 1), (2, 1)], 3), "a gap has its length");
        let all = [(0, 2), (1, 2), (2, 2)];
        assert_eq!(found(&[(Rung(240), &small), (Rung(480), &large)]), (all.to_vec(), 3), "no source");
        assert_eq!(found(&[(Source, &[None; 3]), (Rung(480), &large)]), (all.to_vec(), 3), "nothing of the source");
        let gaps = [None, Some(2), None];
        let of_small = found(&[(Rung(240), &small), (Rung(480), &gaps)]);
        assert_eq!(of_small, (vec![(0, 3), (1, 3), (2, 3)], 3), "the larger has gaps");
        assert_eq!(found(&[(Source, &[None; 2])]), (vec![], 0));
        assert_eq!(found(&[]), (vec![], 0));
    }
}
