//! AAC: AudioSpecificConfig (ISO/IEC 14496-3 section 1.6.2.1), codec string, and the frames of silence
//! that fill a rendition while the source sends none.

use super::Error;
use crate::time::Timescale;
use bytes::Bytes;

const WHAT: &str = "AAC configuration (AudioSpecificConfig)";
/// ISO/IEC 14496-3 table 1.18.
const RATES_HZ: [u32; 13] =
    [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];
/// An AudioSpecificConfig is 2 to ~20 bytes; what is longer is not one.
const MAX_ASC_BYTES: usize = 64;

/// A decoder configuration. Equal when the AudioSpecificConfig is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aac {
    asc: Bytes,
    object_type: u8,
    sample_rate_hz: u32,
    channels: u8,
    samples_per_frame: u32,
    codec: String,
    scale: Timescale,
}

impl Aac {
    /// Reads an AudioSpecificConfig.
    ///
    /// # Errors
    /// When it is truncated, too long, or names a reserved rate or channel layout.
    pub fn from_asc(asc: &[u8]) -> Result<Self, Error> {
        if asc.len() > MAX_ASC_BYTES {
            return Err(invalid(format!("{} bytes", asc.len())));
        }
        let mut bits = Bits { bytes: asc, at: 0 };
        let mut object_type = bits.read(5)?;
        if object_type == 31 {
            object_type = 32 + bits.read(6)?;
        }
        let sample_rate_hz = match bits.read(4)? {
            15 => bits.read(24)?,
            i => *RATES_HZ.get(i as usize).ok_or_else(|| invalid(format!("sampling frequency index {i}")))?,
        };
        let channels = match bits.read(4)? {
            n @ 1..=6 => n,
            7 => 8,
            n => return Err(invalid(format!("channel configuration {n}"))),
        };
        let scale = Timescale::new(sample_rate_hz)
            .filter(|_| sample_rate_hz <= 96_000)
            .ok_or_else(|| invalid(format!("sampling frequency {sample_rate_hz} Hz")))?;
        // frameLengthFlag of GASpecificConfig: 960 instead of 1024 samples.
        let samples_per_frame = if matches!(object_type, 1..=4) && bits.read(1)? == 1 { 960 } else { 1024 };
        let object_type = u8::try_from(object_type).map_err(|_| invalid("object type".into()))?;
        Ok(Self {
            asc: Bytes::copy_from_slice(asc),
            object_type,
            sample_rate_hz,
            channels: u8::try_from(channels).unwrap_or(8),
            samples_per_frame,
            codec: format!("mp4a.40.{object_type}"),
            scale,
        })
    }

    /// The AudioSpecificConfig, as it came.
    #[must_use]
    pub fn asc(&self) -> &Bytes {
        &self.asc
    }

    /// Audio object type: 2 is AAC-LC.
    #[must_use]
    pub fn object_type(&self) -> u8 {
        self.object_type
    }

    /// Samples per second.
    #[must_use]
    pub fn sample_rate_hz(&self) -> u32 {
        self.sample_rate_hz
    }

    /// The sample rate as a scale of time.
    #[must_use]
    pub fn timescale(&self) -> Timescale {
        self.scale
    }

    /// Channels, 1 to 8.
    #[must_use]
    pub fn channels(&self) -> u8 {
        self.channels
    }

    /// Samples in one frame, per channel: 1024, rarely 960.
    #[must_use]
    pub fn samples_per_frame(&self) -> u32 {
        self.samples_per_frame
    }

    /// RFC 6381 codec string, such as `mp4a.40.2`.
    #[must_use]
    pub fn codec_string(&self) -> &str {
        &self.codec
    }

    /// One frame of silence in this configuration, or `None` where none is known (not LC, or over 2 channels).
    ///
    /// The bytes are what an encoder gives for digital silence: a `raw_data_block` with zero spectra.
    #[must_use]
    pub fn silence(&self) -> Option<Bytes> {
        match (self.object_type, self.channels) {
            (2, 1) => Some(Bytes::from_static(&[0x00, 0xc8, 0x00, 0x80, 0x23, 0x80])),
            (2, 2) => Some(Bytes::from_static(&[0x21, 0x00, 0x49, 0x90, 0x02, 0x19, 0x00, 0x23, 0x80])),
            _ => None,
        }
    }
}

struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn read(&mut self, n: usize) -> Result<u32, Error> {
        let mut value = 0;
        for _ in 0..n {
            let byte =
                self.bytes.get(self.at / 8).ok_or(Error::Truncated { what: WHAT, have_bytes: self.bytes.len() })?;
            value = (value << 1) | u32::from(byte >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        Ok(value)
    }
}

fn invalid(detail: String) -> Error {
    Error::Invalid { what: WHAT, detail }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lc_48k_stereo_is_read_and_has_silence() {
        let a = Aac::from_asc(&[0x11, 0x90]).unwrap();
        assert_eq!((a.sample_rate_hz(), a.channels(), a.samples_per_frame()), (48_000, 2, 1024));
        assert_eq!(a.codec_string(), "mp4a.40.2");
        assert!(a.silence().is_some());
    }

    #[test]
    fn reserved_and_truncated_configurations_are_refused() {
        for bytes in [&[][..], &[0x11], &[0x16, 0x90], &[0x11, 0x80], &[0x17, 0x80, 0, 0, 0, 0]] {
            assert!(Aac::from_asc(bytes).is_err(), "{bytes:x?}");
        }
    }
}
