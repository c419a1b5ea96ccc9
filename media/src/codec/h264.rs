//! H.264 in ISO BMFF form: `avcC`, size and rate from the SPS, keyframes and in-band parameter sets.
//!
//! Payloads are NAL units after 4-byte lengths everywhere inside; [`H264::normalise`] makes them so.

mod orientation;

pub use orientation::Orientation;

use super::Error;
use bytes::{BufMut, Bytes, BytesMut};
use h264_reader::nal::sps::{FrameMbsFlags, SeqParameterSet};
use h264_reader::nal::{Nal, RefNal};

const WHAT: &str = "H.264 configuration (avcC)";
/// Largest picture side taken: 8K, far above any encoder of a lecture hall; a hostile SPS can claim 2^20.
const MAX_SIDE_PX: u32 = 8192;

/// NAL unit type of an IDR slice (ITU-T H.264 table 7-1).
const NAL_IDR: u8 = 5;
const NAL_SEI: u8 = 6;
const NAL_SPS: u8 = 7;
const NAL_PPS: u8 = 8;
/// An `avcC` holds at most 31 SPS (5 bits).
const MAX_SPS: usize = 31;
/// An `avcC` counts its PPS in a byte.
const MAX_PPS: usize = 255;
/// Real records are 40 to 200 bytes; with all scaling lists and several PPS under 2 KiB. They are kept, copied and written to indexes
/// (whose records count 64 KiB), so that a hostile one must not be as long as a message may be.
const MAX_AVCC_BYTES: usize = 16 << 10;

/// A decoder configuration, and how what is decoded must be turned, which the record says nothing of. Two are equal when their parameter
/// sets and orientations are.
#[derive(Clone, Debug)]
pub struct H264 {
    avcc: Bytes,
    sps: Vec<Bytes>,
    pps: Vec<Bytes>,
    length_size: usize,
    width: u32,
    height: u32,
    frame_rate_milli: Option<u32>,
    interlaced: bool,
    pixel_aspect: (u16, u16),
    orientation: Orientation,
    codec: String,
}

impl PartialEq for H264 {
    fn eq(&self, other: &Self) -> bool {
        self.sps == other.sps && self.pps == other.pps && self.orientation == other.orientation
    }
}
impl Eq for H264 {}

impl H264 {
    /// Reads an AVCDecoderConfigurationRecord (ISO/IEC 14496-15 section 5.3.3.1).
    ///
    /// # Errors
    /// When it is truncated, longer than 16 KiB, has no SPS or PPS, or its SPS can't be read.
    pub fn from_avcc(record: &[u8]) -> Result<Self, Error> {
        within_limit(record.len())?;
        let mut r = Reader(record);
        if r.u8()? != 1 {
            return Err(invalid("version is not 1"));
        }
        r.take(3)?;
        let length_size = usize::from(r.u8()? & 3) + 1;
        if length_size == 3 {
            return Err(invalid("NAL lengths of 3 bytes"));
        }
        let sps_count = r.u8()? & 31;
        let sps = (0..sps_count).map(|_| r.sized()).collect::<Result<Vec<_>, _>>()?;
        let pps_count = r.u8()?;
        let pps = (0..pps_count).map(|_| r.sized()).collect::<Result<Vec<_>, _>>()?;
        let mut parsed = Self::build(sps, pps, length_size)?;
        if length_size == 4 {
            // As it came: it may end in the chroma and bit depth fields of the high profiles.
            parsed.avcc = Bytes::copy_from_slice(record);
        }
        Ok(parsed)
    }

    /// From parameter sets without start codes or lengths; payloads then have 4-byte lengths.
    ///
    /// # Errors
    /// When one of them is missing, they are longer than 16 KiB together, or the SPS can't be read.
    pub fn from_parameter_sets(sps: Vec<Bytes>, pps: Vec<Bytes>) -> Result<Self, Error> {
        Self::build(sps, pps, 4)
    }

    fn build(sps: Vec<Bytes>, pps: Vec<Bytes>, length_size: usize) -> Result<Self, Error> {
        let first = sps.first().ok_or_else(|| invalid("no SPS"))?;
        if pps.is_empty() {
            return Err(invalid("no PPS"));
        }
        if first.len() < 4 || sps.len() > MAX_SPS {
            return Err(invalid("SPS too short or too many"));
        }
        within_limit(sps.iter().chain(&pps).map(Bytes::len).sum())?;
        let nal = RefNal::new(first, &[], true);
        let parsed = SeqParameterSet::from_bits(nal.rbsp_bits()).map_err(|e| invalid(&format!("SPS: {e:?}")))?;
        let (width, height) = parsed.pixel_dimensions().map_err(|e| invalid(&format!("SPS: {e:?}")))?;
        if width == 0 || height == 0 || width > MAX_SIDE_PX || height > MAX_SIDE_PX {
            return Err(invalid(&format!("picture of {width}x{height}")));
        }
        let frame_rate_milli = parsed.fps().and_then(plausible_milli_hz);
        let interlaced = !matches!(parsed.frame_mbs_flags, FrameMbsFlags::Frames);
        let aspect = parsed.vui_parameters.as_ref().and_then(|vui| vui.aspect_ratio_info.as_ref());
        let pixel_aspect =
            aspect.and_then(|info| info.clone().get()).filter(|(w, h)| *w > 0 && *h > 0).unwrap_or((1, 1));
        let codec = format!("avc1.{:02x}{:02x}{:02x}", first[1], first[2], first[3]);
        let avcc = write_avcc(&sps, &pps)?;
        let orientation = Orientation::UPRIGHT;
        Ok(Self {
            avcc,
            sps,
            pps,
            length_size,
            width,
            height,
            frame_rate_milli,
            interlaced,
            pixel_aspect,
            orientation,
            codec,
        })
    }

    /// The record to put in `avcC`: always announces 4-byte lengths.
    #[must_use]
    pub fn avcc(&self) -> &Bytes {
        &self.avcc
    }

    /// Picture width in pixels, after cropping.
    #[must_use]
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Picture height in pixels, after cropping.
    #[must_use]
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Frames per 1,000 s that the SPS announces, if it does and it is plausible.
    #[must_use]
    pub fn frame_rate_milli(&self) -> Option<u32> {
        self.frame_rate_milli
    }

    /// Whether fields may be coded (`frame_mbs_only_flag` is 0). Such a source need not have combs, but mostly has.
    #[must_use]
    pub fn interlaced(&self) -> bool {
        self.interlaced
    }

    /// Width to height of a pixel; square when the SPS does not say.
    #[must_use]
    pub fn pixel_aspect(&self) -> (u16, u16) {
        self.pixel_aspect
    }

    /// How a decoded picture must be turned before it is shown.
    #[must_use]
    pub fn orientation(&self) -> Orientation {
        self.orientation
    }

    /// The same configuration of pictures that must be turned so.
    #[must_use]
    pub fn turned(self, orientation: Orientation) -> Self {
        Self { orientation, ..self }
    }

    /// `profile_idc` (ITU-T H.264 annex A): 66 baseline, 77 main, 100 high.
    #[must_use]
    pub fn profile_idc(&self) -> u8 {
        self.sps.first().and_then(|sps| sps.get(1)).copied().unwrap_or(0)
    }

    /// RFC 6381 codec string, such as `avc1.4d401f`.
    #[must_use]
    pub fn codec_string(&self) -> &str {
        &self.codec
    }

    /// The payload with 4-byte lengths, whatever the source used. Without a copy when it already has them.
    ///
    /// # Errors
    /// When a NAL unit's length runs past the end or is zero-sized throughout.
    pub fn normalise(&self, payload: Bytes) -> Result<Bytes, Error> {
        let mut total = 0usize;
        for nal in nals(&payload, self.length_size) {
            total += 4 + nal?.len();
        }
        if total == 0 {
            return Err(Error::Invalid { what: "H.264 access unit", detail: "no NAL unit".into() });
        }
        if self.length_size == 4 {
            return Ok(payload);
        }
        let mut out = BytesMut::with_capacity(total);
        for nal in nals(&payload, self.length_size) {
            let nal = nal?;
            out.put_u32(u32::try_from(nal.len()).unwrap_or(u32::MAX));
            out.extend_from_slice(nal);
        }
        Ok(out.freeze())
    }

    /// The configuration that a payload's own SPS, PPS and display orientation make, when it differs from this one.
    ///
    /// Some encoders (and every RTSP camera) change resolution in band, without a new sequence header. Orientation is told with keyframes:
    /// one that says nothing of it is upright.
    #[must_use]
    pub fn changed_in_band(&self, payload: &Bytes) -> Option<Self> {
        let (mut sps, mut pps) = (Vec::new(), Vec::new());
        for nal in nals(payload, 4) {
            let nal = nal.ok()?;
            match nal.first().map(|b| b & 31) {
                Some(NAL_SPS) => sps.push(payload.slice_ref(nal)),
                Some(NAL_PPS) => pps.push(payload.slice_ref(nal)),
                // Parameter sets stand before the first slice.
                Some(1..=NAL_IDR) => break,
                _ => {}
            }
            // No configuration holds so many, and a large access unit could hold a million.
            if sps.len() > MAX_SPS || pps.len() > MAX_PPS {
                return None;
            }
        }
        let orientation = if is_keyframe(payload) { orientation(payload) } else { self.orientation };
        let turned = (orientation != self.orientation).then(|| self.clone().turned(orientation));
        if sps.is_empty() && pps.is_empty() {
            return turned;
        }
        if sps.is_empty() {
            sps.clone_from(&self.sps);
        }
        if pps.is_empty() {
            pps.clone_from(&self.pps);
        }
        let same = sps.iter().all(|s| self.sps.contains(s)) && pps.iter().all(|p| self.pps.contains(p));
        if same {
            return turned;
        }
        within_limit(sps.iter().chain(&pps).map(Bytes::len).sum()).ok()?;
        // Own copies: the configuration must not keep a whole access unit alive.
        let own = |v: Vec<Bytes>| v.iter().map(|b| Bytes::copy_from_slice(b)).collect();
        let changed = Self::from_parameter_sets(own(sps), own(pps)).ok()?;
        Some(changed.turned(orientation))
    }
}

/// Whether decoding can begin at this access unit (4-byte lengths): it holds an IDR slice.
#[must_use]
pub fn is_keyframe(payload: &[u8]) -> bool {
    nals(payload, 4)
        .map_while(Result::ok)
        .filter_map(|nal| nal.first().map(|b| b & 31))
        .find(|t| (1..=NAL_IDR).contains(t))
        .is_some_and(|t| t == NAL_IDR)
}

/// How a keyframe and those after it must be turned: as it says itself, else not at all.
#[must_use]
pub fn orientation(keyframe: &[u8]) -> Orientation {
    nals(keyframe, 4)
        .map_while(Result::ok)
        // The message stands before the first slice.
        .take_while(|nal| nal.first().is_some_and(|b| !(1..=NAL_IDR).contains(&(b & 31))))
        .filter(|nal| nal.first().is_some_and(|b| b & 31 == NAL_SEI))
        .find_map(Orientation::from_sei)
        .unwrap_or_default()
}

/// The NAL units of a payload whose lengths take `length_size` bytes. Ends after the first error.
pub fn nals(payload: &[u8], length_size: usize) -> impl Iterator<Item = Result<&[u8], Error>> {
    let mut rest = payload;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let truncated = Error::Truncated { what: "H.264 access unit", have_bytes: payload.len() };
        let Some((head, tail)) = rest.split_at_checked(length_size) else {
            rest = &[];
            return Some(Err(truncated));
        };
        let len = head.iter().fold(0usize, |n, b| (n << 8) | usize::from(*b));
        let Some((nal, tail)) = tail.split_at_checked(len) else {
            rest = &[];
            return Some(Err(truncated));
        };
        rest = tail;
        Some(Ok(nal))
    })
}

fn write_avcc(sps: &[Bytes], pps: &[Bytes]) -> Result<Bytes, Error> {
    let first = &sps[0];
    let mut out = BytesMut::with_capacity(64);
    out.put_slice(&[1, first[1], first[2], first[3], 0xFF]);
    out.put_u8(0xE0 | u8::try_from(sps.len()).map_err(|_| invalid("too many SPS"))?);
    for s in sps {
        out.put_u16(u16::try_from(s.len()).map_err(|_| invalid("SPS over 64 KiB"))?);
        out.put_slice(s);
    }
    out.put_u8(u8::try_from(pps.len()).map_err(|_| invalid("too many PPS"))?);
    for p in pps {
        out.put_u16(u16::try_from(p.len()).map_err(|_| invalid("PPS over 64 KiB"))?);
        out.put_slice(p);
    }
    Ok(out.freeze())
}

/// VUI timing is often nonsense; what can't be a lecture's frame rate is treated as absent.
fn plausible_milli_hz(fps: f64) -> Option<u32> {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked first")]
    (1.0..=240.0).contains(&fps).then(|| (fps * 1000.0).round() as u32)
}

fn within_limit(bytes: usize) -> Result<(), Error> {
    if bytes > MAX_AVCC_BYTES {
        return Err(invalid(&format!("{bytes} bytes, at most {MAX_AVCC_BYTES} are taken")));
    }
    Ok(())
}

fn invalid(detail: &str) -> Error {
    Error::Invalid { what: WHAT, detail: detail.to_owned() }
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8], Error> {
        let (head, tail) =
            self.0.split_at_checked(n).ok_or(Error::Truncated { what: WHAT, have_bytes: self.0.len() })?;
        self.0 = tail;
        Ok(head)
    }
    fn u8(&mut self) -> Result<u8, Error> {
        Ok(self.take(1)?[0])
    }
    fn sized(&mut self) -> Result<Bytes, Error> {
        let n = self.take(2)?;
        Ok(Bytes::copy_from_slice(self.take(usize::from(u16::from_be_bytes([n[0], n[1]])))?))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// x264, 640x360, 30 fps, main profile: as ffmpeg sends it in its sequence header.
    pub(crate) const AVCC_640X360: &[u8] = &[
        0x01, 0x4d, 0x40, 0x1e, 0xff, 0xe1, 0x00, 0x18, 0x67, 0x4d, 0x40, 0x1e, 0xec, 0xa0, 0x50, 0x17, 0xfc, 0xb8,
        0x08, 0x80, 0x00, 0x00, 0x03, 0x00, 0x80, 0x00, 0x00, 0x1e, 0x07, 0x8b, 0x16, 0xcb, 0x01, 0x00, 0x05, 0x68,
        0xeb, 0xe3, 0xcb, 0x20,
    ];

    #[test]
    fn every_truncation_of_an_avcc_is_refused_without_panic() {
        for end in 0..AVCC_640X360.len() {
            assert!(H264::from_avcc(&AVCC_640X360[..end]).is_err(), "{end} bytes");
        }
    }

    #[test]
    fn a_configuration_larger_than_any_real_one_is_refused() {
        let mut record = AVCC_640X360.to_vec();
        record.resize(MAX_AVCC_BYTES, 0);
        assert!(H264::from_avcc(&record).is_ok(), "up to the limit, fields at its end included");
        record.push(0);
        let error = H264::from_avcc(&record).unwrap_err().to_string();
        assert!(error.contains("16385 bytes"), "{error}");

        let h = H264::from_avcc(AVCC_640X360).unwrap();
        let large = Bytes::from(vec![0x68; MAX_AVCC_BYTES]);
        assert!(H264::from_parameter_sets(h.sps.clone(), vec![large]).is_err());
        let in_band = |count: usize, bytes: usize| {
            let mut unit = BytesMut::new();
            for n in 0..count {
                unit.put_u32(u32::try_from(bytes).unwrap());
                unit.put_u8(0x68);
                unit.put_bytes(u8::try_from(n % 251).unwrap(), bytes - 1);
            }
            h.changed_in_band(&unit.freeze())
        };
        assert!(in_band(2, 100).is_some());
        assert!(in_band(1, MAX_AVCC_BYTES).is_none() && in_band(1000, 2).is_none());
    }

    #[test]
    fn short_lengths_are_rewritten_to_four_bytes() {
        let two = H264 { length_size: 2, ..H264::from_avcc(AVCC_640X360).unwrap() };
        let out = two.normalise(Bytes::from_static(&[0, 2, 0x65, 1, 0, 1, 0x41])).unwrap();
        assert_eq!(&out[..], &[0, 0, 0, 2, 0x65, 1, 0, 0, 0, 1, 0x41]);
        assert!(is_keyframe(&out));
        assert!(two.normalise(Bytes::from_static(&[0, 9, 0x65])).is_err());
    }

    #[test]
    fn a_picture_of_other_size_in_band_is_a_change_and_a_repeat_is_not() {
        let h = H264::from_avcc(AVCC_640X360).unwrap();
        assert_eq!((h.width(), h.height(), h.codec_string()), (640, 360, "avc1.4d401e"));
        assert_eq!((h.interlaced(), h.pixel_aspect(), h.profile_idc()), (false, (1, 1), 77));
        let mut au = BytesMut::new();
        for nal in h.sps.iter().chain(&h.pps) {
            au.put_u32(u32::try_from(nal.len()).unwrap());
            au.put_slice(nal);
        }
        au.put_slice(&[0, 0, 0, 2, 0x65, 0x88]);
        assert!(h.changed_in_band(&au.clone().freeze()).is_none());
        let at = 4 + 3;
        au[at] = 0x1f;
        assert_eq!(h.changed_in_band(&au.freeze()).unwrap().codec_string(), "avc1.4d401f");
    }

    #[test]
    fn a_keyframe_says_how_it_is_turned_and_one_that_says_nothing_is_upright() {
        let h = H264::from_avcc(AVCC_640X360).unwrap();
        // A quarter anticlockwise.
        const SEI: &[u8] = &[0, 0, 0, 8, 6, 47, 4, 0x08, 0x00, 0x04, 0x40, 0x80];
        const IDR: &[u8] = &[0, 0, 0, 2, 0x65, 0x88];
        let unit = |parts: &[&[u8]]| Bytes::from(parts.concat());
        let turned = h.changed_in_band(&unit(&[SEI, IDR])).unwrap();
        assert_eq!((turned.orientation(), turned.avcc()), (Orientation::new(false, 1), h.avcc()));
        assert!(turned != h && turned.clone().turned(Orientation::UPRIGHT) == h);
        assert!(turned.changed_in_band(&unit(&[SEI, IDR])).is_none(), "as before");
        let other = unit(&[&[0, 0, 0, 2, 0x41, 0x9a]]);
        assert!(turned.changed_in_band(&other).is_none(), "a picture between keyframes");
        assert!(h.changed_in_band(&unit(&[SEI, &other])).is_none(), "no keyframe");
        assert_eq!(turned.changed_in_band(&unit(&[IDR])).unwrap(), h);
        // With another SPS.
        let mut sps = h.sps[0].to_vec();
        sps[3] = 0x1f;
        let sps = [&[0, 0, 0, u8::try_from(sps.len()).unwrap()][..], &sps].concat();
        let both = h.changed_in_band(&unit(&[&sps, SEI, IDR])).unwrap();
        assert_eq!((both.orientation(), both.codec_string()), (Orientation::new(false, 1), "avc1.4d401f"));
    }
}
