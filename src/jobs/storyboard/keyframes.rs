//! Where a video's keyframes are, and their bytes: the only reader of recordings here.

use crate::archive::layout::Layout;
use crate::archive::{Error, load};
use bytes::Bytes;
use media::rendition::RenditionId;
use media::track::Parameters;
use std::fs::File;
use std::os::unix::fs::FileExt;

/// A keyframe that lies on the disk.
#[derive(Clone, Debug)]
pub(super) struct Spot {
    /// When it is shown, as players count: from the video's beginning, holes included. Microseconds.
    pub(super) at_micros: i64,
    /// What its decoder must know.
    pub(super) parameters: Parameters,
    /// Number of the media file.
    file: u16,
    /// Where its fragment begins in that.
    offset: u64,
    /// Bytes from there to the end of the keyframe.
    pub(super) length: u32,
}

/// Every video with pictures has it.
const RENDITION: RenditionId = RenditionId::Source;

/// A range is read whole. The largest access unit that an engine takes is 8 MiB; its fragment's head is small.
const MAX_RANGE_BYTES: u32 = 9 << 20;

/// All keyframes of a video that can be read, in order, and its length as players count it, in microseconds. Blocking.
///
/// # Errors
/// When the index can't be read.
pub(super) fn find(layout: &Layout, id: &str) -> Result<(Vec<Spot>, i64), Error> {
    let loaded = load::load(layout, id)?;
    // The source has the most; its renditions are made of it.
    let Some(video) = loaded.tracks.get(&RENDITION) else { return Ok((Vec::new(), 0)) };
    let (mut spots, mut begin_micros) = (Vec::new(), 0);
    for segment in &video.segments {
        if let (Some(location), Some((parameters, _))) = (segment.location, video.inits.get(usize::from(segment.init)))
        {
            let keyframes = segment.keyframes.iter().filter(|keyframe| keyframe.length <= MAX_RANGE_BYTES);
            spots.extend(keyframes.map(|keyframe| Spot {
                at_micros: begin_micros + (keyframe.time_micros - segment.start_micros).max(0),
                parameters: parameters.clone(),
                file: location.file,
                offset: location.offset + u64::from(keyframe.offset),
                length: keyframe.length,
            }));
        }
        begin_micros += segment.duration_micros;
    }
    Ok((spots, begin_micros))
}

/// The access unit of a keyframe; `None` when its bytes are no fragment. Blocking.
///
/// # Errors
/// When the file is not there or shorter.
pub(super) fn read(layout: &Layout, id: &str, spot: &Spot) -> Result<Option<Bytes>, Error> {
    let path = layout.file(id, RENDITION, spot.file);
    let at = |source| Error::Io { path: path.display().to_string(), source };
    let mut bytes = vec![0; spot.length as usize];
    File::open(&path).and_then(|file| file.read_exact_at(&mut bytes, spot.offset)).map_err(at)?;
    Ok(first_sample(Bytes::from(bytes)))
}

/// Size and type fields of a box.
const BOX_HEADER_BYTES: usize = 8;

/// What follows `moof` and the head of `mdat`: the first sample, which ends the range.
fn first_sample(mut range: Bytes) -> Option<Bytes> {
    let size = range.get(..4).map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]) as usize)?;
    let mdat = size.checked_add(4)?..size.checked_add(BOX_HEADER_BYTES)?;
    if range.get(4..8)? != b"moof" || range.get(mdat)? != b"mdat" {
        return None;
    }
    let sample = range.split_off(size + BOX_HEADER_BYTES);
    (!sample.is_empty()).then_some(sample)
}

#[cfg(test)]
mod tests {
    use super::*;
    use media::cmaf::{Sample, write_fragment};

    #[test]
    fn a_fragments_first_sample_is_found_and_nothing_else_is_one() {
        let sample = |n: u8, keyframe| Sample { duration: 1, cts: 0, keyframe, payload: Bytes::from(vec![n; 7]) };
        let mut written = Vec::new();
        let fragment = write_fragment(&mut written, 1, 900_000, &[sample(1, true), sample(2, false)]).unwrap();
        let range = Bytes::from(written).slice(fragment.first_sample);
        assert_eq!(first_sample(range.clone()).unwrap(), [1; 7][..]);
        for end in 0..range.len() - 7 {
            assert_eq!(first_sample(range.slice(..end)), None, "{end}");
        }
        assert_eq!(first_sample(Bytes::from_static(&[0xff; 64])), None);
        assert_eq!(first_sample(range.slice(1..)), None);
    }
}
