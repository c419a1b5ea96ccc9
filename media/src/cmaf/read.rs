//! Fragments → samples: what this crate wrote, read back from a recording.

use super::{BOX_HEADER_BYTES, Error, Sample};
use bytes::Bytes;
use mp4_atom::{Decode, Moof, TrunSamples};

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

/// What a fragment's `moof` says of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Decode time in the track's timescale.
    pub dts: u64,
    /// Ticks until the next sample.
    pub duration: u32,
    /// pts - dts in ticks.
    pub cts: i32,
    /// Decoding can begin here.
    pub keyframe: bool,
    /// Of its payload; the first lies behind the head of the `mdat` that follows, the next behind it.
    pub bytes: u32,
}

/// Size of the box that these bytes begin with, head and all.
///
/// # Errors
/// When it is another box, its size is none, or its head is not there.
pub fn box_bytes(bytes: &[u8], kind: &[u8; 4]) -> Result<usize, Error> {
    let head = bytes.get(..BOX_HEADER_BYTES).ok_or_else(|| Error("it ends within a box".into()))?;
    let size = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
    if &head[4..] != kind || size < BOX_HEADER_BYTES {
        return Err(Error(format!("no {} where one belongs", String::from_utf8_lossy(kind))));
    }
    Ok(size)
}

/// The samples that a whole `moof` lists, in order.
///
/// # Errors
/// When it is none as [`super::write_fragment`] makes them.
pub fn read_list(moof: &[u8]) -> Result<Vec<Listed>, Error> {
    if box_bytes(moof, b"moof")? != moof.len() {
        return Err(Error("no whole moof where one belongs".into()));
    }
    list(&Moof::decode(&mut &moof[..])?)
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
    let size = box_bytes(bytes, kind)?;
    if size > bytes.len() {
        let name = String::from_utf8_lossy(kind);
        return Err(Error(format!("no whole {name} where one belongs, {} bytes before the end", bytes.len())));
    }
    Ok(bytes.split_to(size))
}

fn list(moof: &Moof) -> Result<Vec<Listed>, Error> {
    let damaged = |what: &str| Error(format!("a fragment {what}"));
    let [traf] = &moof.traf[..] else { return Err(damaged("of other than one track")) };
    let mut dts = traf.tfdt.as_ref().ok_or_else(|| damaged("without a time"))?.base_media_decode_time;
    let mut listed = Vec::new();
    for run in &traf.trun {
        let TrunSamples::Explicit(entries) = &run.samples else { return Err(damaged("without samples")) };
        for entry in entries {
            let duration = entry.duration.unwrap_or(0);
            listed.push(Listed {
                dts,
                duration,
                cts: i32::try_from(entry.cts.unwrap_or(0)).map_err(|_| damaged("shown too late"))?,
                keyframe: entry.flags.unwrap_or(0) & IS_NON_SYNC == 0,
                bytes: entry.size.ok_or_else(|| damaged("with a sample of no size"))?,
            });
            dts = dts.saturating_add(u64::from(duration));
        }
    }
    Ok(listed)
}

fn fragment(moof: &Moof, mut payloads: Bytes, samples: &mut Vec<Timed>) -> Result<(), Error> {
    for Listed { dts, duration, cts, keyframe, bytes } in list(moof)? {
        if bytes as usize > payloads.len() {
            return Err(Error("a fragment with more samples than bytes".into()));
        }
        let payload = payloads.split_to(bytes as usize);
        samples.push(Timed { dts, sample: Sample { duration, cts, keyframe, payload } });
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
