//! The access unit of a keyframe: by its range of a media file, or of a segment that is in memory.

use super::{Error, at};
use bytes::Bytes;
use media::cmaf::{BOX_HEADER_BYTES, box_bytes};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// A range is read whole. The largest access unit that an engine takes is 8 MiB; its fragment's head is small.
pub const MAX_RANGE_BYTES: u32 = 9 << 20;

/// Reads one whose fragment begins at `offset`, `length` bytes before the keyframe's end; `None` when these bytes are no fragment, or more
/// than [`MAX_RANGE_BYTES`]. Blocking.
///
/// # Errors
/// When the file is not there or shorter.
pub fn read(path: &Path, offset: u64, length: u32) -> Result<Option<Bytes>, Error> {
    if length > MAX_RANGE_BYTES {
        return Ok(None);
    }
    let mut bytes = vec![0; length as usize];
    File::open(path).and_then(|file| file.read_exact_at(&mut bytes, offset)).map_err(at(path))?;
    Ok(first_sample(Bytes::from(bytes)))
}

/// What follows `moof` and the head of `mdat`: the first sample, which ends the range. `None`: it is no such range.
#[must_use]
pub fn first_sample(mut range: Bytes) -> Option<Bytes> {
    let moof = box_bytes(&range, b"moof").ok()?;
    box_bytes(range.get(moof..)?, b"mdat").ok()?;
    let sample = range.split_off(moof + BOX_HEADER_BYTES);
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

    #[test]
    fn a_range_is_read_where_it_lies_and_never_more_than_a_keyframe_can_be() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("source-0.mp4");
        let mut file = b"before".to_vec();
        let sample = Sample { duration: 1, cts: 0, keyframe: true, payload: Bytes::from_static(b"picture") };
        let length = write_fragment(&mut file, 1, 0, &[sample]).unwrap().first_sample.len();
        let length = u32::try_from(length).unwrap();
        std::fs::write(&path, file).unwrap();
        assert_eq!(read(&path, 6, length).unwrap().unwrap(), b"picture"[..]);
        assert!(read(&path, 6, length + 1).is_err(), "the file ends");
        assert!(read(&path, 6, MAX_RANGE_BYTES + 1).unwrap().is_none());
    }
}
