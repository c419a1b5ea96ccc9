//! One fragment: `moof` + `mdat` of consecutive samples.

use super::{BOX_HEADER_BYTES, Error, TRACK_ID};
use bytes::{BufMut, Bytes};
use mp4_atom::{Encode, Mfhd, Moof, Tfdt, Tfhd, Traf, Trun, TrunEntry, TrunSamples};
use std::ops::Range;

/// Sample flags of ISO/IEC 14496-12 section 8.8.3.1: depends on nothing / on others and is no sync sample.
const SYNC: u32 = 0x0200_0000;
const NON_SYNC: u32 = 0x0101_0000;

/// One sample, in the track's timescale.
#[derive(Clone, Debug)]
pub struct Sample {
    /// Ticks until the next sample.
    pub duration: u32,
    /// pts - dts in ticks; negative is legal (version 1 `trun`).
    pub cts: i32,
    /// Decoding can begin here.
    pub keyframe: bool,
    /// As in [`crate::frame::Frame`].
    pub payload: Bytes,
}

/// Where a fragment landed in the buffer it was written to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fragment {
    /// From the `moof` to the end of the first sample: what an I-frame playlist lists (RFC 8216bis section 4.4.3.6).
    pub first_sample: Range<usize>,
}

/// Appends `moof mdat` for `samples`, whose first has decode time `dts` (ticks), to `out`.
/// Payloads are copied once, into `out`.
///
/// # Errors
/// When sizes do not fit 32 bits.
pub fn write_fragment(out: &mut Vec<u8>, sequence: u32, dts: u64, samples: &[Sample]) -> Result<Fragment, Error> {
    let start = out.len();
    let payload_bytes: usize = samples.iter().map(|s| s.payload.len()).sum();
    let entries = samples
        .iter()
        .map(|s| {
            Ok(TrunEntry {
                duration: Some(s.duration),
                size: Some(u32::try_from(s.payload.len()).map_err(|_| too_large())?),
                flags: Some(if s.keyframe { SYNC } else { NON_SYNC }),
                cts: Some(i64::from(s.cts)),
            })
        })
        .collect::<Result<Vec<_>, Error>>()?;
    let mut moof = Moof {
        mfhd: Mfhd { sequence_number: sequence },
        traf: vec![Traf {
            tfhd: Tfhd { track_id: TRACK_ID, default_base_is_moof: true, ..Default::default() },
            tfdt: Some(Tfdt { base_media_decode_time: dts }),
            trun: vec![Trun { data_offset: Some(0), samples: TrunSamples::Explicit(entries) }],
            ..Default::default()
        }],
    };
    // The data offset counts from the moof's first byte, so it is known only once the moof is written.
    out.reserve(payload_bytes + 128 + samples.len() * 16);
    moof.encode(out)?;
    let moof_bytes = out.len() - start;
    moof.traf[0].trun[0].data_offset = Some(i32::try_from(moof_bytes + BOX_HEADER_BYTES).map_err(|_| too_large())?);
    out.truncate(start);
    moof.encode(out)?;
    out.put_u32(u32::try_from(payload_bytes + BOX_HEADER_BYTES).map_err(|_| too_large())?);
    out.put_slice(b"mdat");
    for s in samples {
        out.put_slice(&s.payload);
    }
    let first = samples.first().map_or(0, |s| s.payload.len());
    Ok(Fragment { first_sample: start..start + moof_bytes + BOX_HEADER_BYTES + first })
}

fn too_large() -> Error {
    Error("a fragment over 4 GiB".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use mp4_atom::{Any, DecodeMaybe};

    #[test]
    fn a_fragment_reads_back_with_offset_times_and_flags() {
        let sample = |n: u8, keyframe| Sample {
            duration: 3000,
            cts: if keyframe { 6000 } else { -3000 },
            keyframe,
            payload: Bytes::from(vec![n; 5]),
        };
        let mut out = Vec::new();
        out.put_slice(b"before");
        let fragment = write_fragment(&mut out, 7, 900_000, &[sample(1, true), sample(2, false)]).unwrap();
        assert_eq!(fragment.first_sample.start, 6);
        let mut rest = &out[6..];
        let Some(Any::Moof(moof)) = Any::decode_maybe(&mut rest).unwrap() else { panic!("no moof") };
        let traf = &moof.traf[0];
        assert_eq!(traf.tfdt.as_ref().unwrap().base_media_decode_time, 900_000);
        let offset = usize::try_from(traf.trun[0].data_offset.unwrap()).unwrap();
        assert_eq!(&out[6 + offset..6 + offset + 5], [1; 5], "the data offset points at the first sample");
        assert_eq!(&out[fragment.first_sample.end - 5..fragment.first_sample.end], [1; 5]);
        let cts: Vec<_> = traf.trun[0].samples.iter().map(|e| e.cts.unwrap()).collect();
        assert_eq!(cts, [6000, -3000]);
    }
}
