//! Fragments → samples: what this crate wrote, read back from a recording.

use super::{Error, Sample};
use bytes::Bytes;
use mp4_atom::{Decode, Moof, TrunSamples};

/// Size and type fields of a box.
const BOX_HEADER_BYTES: usize = 8;
/// `sample_is_non_sync_sample` of ISO/IEC 14496-12 section 8.8.3.1.
const IS_NON_SYNC: u32 = 0x0001_0000;

/// A sample with its decode time.
#[derive(Clone, Debug)]
pub struct Timed {
    /// Decode time in the track's timescale.
    pub dts: u64,
    /// The sample; its payload is a slice of what was read.
    pub sample: Sample,
}

/// All samples of whole fragments, in order: of a part, a segment, or any run of them in one file.
///
/// # Errors
/// When the bytes are anything else than `moof mdat` pairs as [`super::write_fragment`] makes them. Sizes are checked against what is
/// there, so that nothing is allocated for what a damaged head announces.
pub fn read_fragments(mut bytes: Bytes) -> Result<Vec<Timed>, Error> {
    let mut samples = Vec::new();
    while !bytes.is_empty() {
        let moof = split_box(&mut bytes, b"moof")?;
        let mdat = split_box(&mut bytes, b"mdat")?;
        let parsed = Moof::decode(&mut &moof[..])?;
        fragment(&parsed, mdat.slice(BOX_HEADER_BYTES..), &mut samples)?;
    }
    Ok(samples)
}

/// Takes the box that `bytes` begin with, head and all.
fn split_box(bytes: &mut Bytes, kind: &[u8; 4]) -> Result<Bytes, Error> {
    let head = bytes.get(..BOX_HEADER_BYTES).ok_or_else(|| Error("it ends within a box".into()))?;
    let size = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
    if &head[4..] != kind || size < BOX_HEADER_BYTES || size > bytes.len() {
        let name = String::from_utf8_lossy(kind);
        return Err(Error(format!("no whole {name} where one belongs, {} bytes before the end", bytes.len())));
    }
    Ok(bytes.split_to(size))
}

fn fragment(moof: &Moof, mut payloads: Bytes, samples: &mut Vec<Timed>) -> Result<(), Error> {
    let damaged = |what: &str| Error(format!("a fragment {what}"));
    let [traf] = &moof.traf[..] else { return Err(damaged("of other than one track")) };
    let mut dts = traf.tfdt.as_ref().ok_or_else(|| damaged("without a time"))?.base_media_decode_time;
    for run in &traf.trun {
        let TrunSamples::Explicit(entries) = &run.samples else { return Err(damaged("without samples")) };
        for entry in entries {
            let size = entry.size.ok_or_else(|| damaged("with a sample of no size"))? as usize;
            if size > payloads.len() {
                return Err(damaged("with more samples than bytes"));
            }
            let duration = entry.duration.unwrap_or(0);
            let sample = Sample {
                duration,
                cts: i32::try_from(entry.cts.unwrap_or(0)).map_err(|_| damaged("shown too late"))?,
                keyframe: entry.flags.unwrap_or(0) & IS_NON_SYNC == 0,
                payload: payloads.split_to(size),
            };
            samples.push(Timed { dts, sample });
            dts = dts.saturating_add(u64::from(duration));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::write_fragment;
    use super::*;

    fn written() -> Bytes {
        let sample = |n: u8, keyframe| Sample {
            duration: 3_000 + u32::from(n),
            cts: if keyframe { 6_000 } else { -3_000 },
            keyframe,
            payload: Bytes::from(vec![n; 5 + usize::from(n)]),
        };
        let mut out = Vec::new();
        write_fragment(&mut out, 7, 900_000, &[sample(1, true), sample(2, false)]).unwrap();
        write_fragment(&mut out, 8, 906_003, &[sample(3, true)]).unwrap();
        out.into()
    }

    #[test]
    fn what_was_written_is_read_back_without_a_copy() {
        let bytes = written();
        let range = bytes.as_ptr_range();
        let read = read_fragments(bytes).unwrap();
        let told: Vec<_> = read.iter().map(|t| (t.dts, t.sample.duration, t.sample.cts, t.sample.keyframe)).collect();
        assert_eq!(
            told,
            [(900_000, 3_001, 6_000, true), (903_001, 3_002, -3_000, false), (906_003, 3_003, 6_000, true)]
        );
        for (n, timed) in (1_u8..).zip(&read) {
            assert_eq!(timed.sample.payload, vec![n; 5 + usize::from(n)]);
            assert!(range.contains(&timed.sample.payload.as_ptr()));
        }
        assert!(read_fragments(Bytes::new()).unwrap().is_empty());
    }

    #[test]
    fn what_ends_too_early_or_is_something_else_is_refused() {
        let whole = written();
        let refused = (1..whole.len()).filter(|end| read_fragments(whole.slice(..*end)).is_err()).count();
        // One cut falls between the two fragments.
        assert_eq!(refused, whole.len() - 2);
        assert!(read_fragments(whole.slice(1..)).is_err());
        for at in 0..whole.len() {
            let mut damaged = whole.to_vec();
            damaged[at] ^= 0x80;
            // Whatever it says: it does not panic, and gives no more bytes than there are.
            let bytes = read_fragments(damaged.into()).map_or(0, |r| r.iter().map(|t| t.sample.payload.len()).sum());
            assert!(bytes <= whole.len());
        }
    }
}
