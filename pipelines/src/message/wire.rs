//! Fields to bytes and back, with their bounds. Nothing here knows what a message means.

use super::{Encoded, Error, MAX_PAYLOAD_BYTES, MAX_TEXT_BYTES, VERSION};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use media::caption::language::Language;
use media::codec::aac::Aac;
use media::codec::h264::{H264, Orientation};
use media::track::{Kind, Parameters};
use std::sync::Arc;

/// Room for the head of a frame, so that it is allocated once.
const USUAL_HEAD_BYTES: usize = 48;
const VIDEO: u8 = 0;
const AUDIO: u8 = 1;

/// Writes a head. What is longer than its bound is a caller's mistake that can't reach the other side: strings are cut, lists too.
#[derive(Debug)]
pub(super) struct Writer(BytesMut);

impl Writer {
    pub(super) fn new(tag: u8) -> Self {
        let mut head = BytesMut::with_capacity(USUAL_HEAD_BYTES);
        head.put_slice(&[0, 0, 0, 0, VERSION, tag]);
        Self(head)
    }

    pub(super) fn u8(&mut self, value: u8) -> &mut Self {
        self.0.put_u8(value);
        self
    }

    pub(super) fn u16(&mut self, value: u16) -> &mut Self {
        self.0.put_u16(value);
        self
    }

    pub(super) fn u32(&mut self, value: u32) -> &mut Self {
        self.0.put_u32(value);
        self
    }

    pub(super) fn u64(&mut self, value: u64) -> &mut Self {
        self.0.put_u64(value);
        self
    }

    pub(super) fn i64(&mut self, value: i64) -> &mut Self {
        self.0.put_i64(value);
        self
    }

    pub(super) fn kind(&mut self, kind: Kind) -> &mut Self {
        self.u8(match kind {
            Kind::Video => VIDEO,
            Kind::Audio => AUDIO,
        })
    }

    /// At most `max` bytes of `text`, cut between characters.
    pub(super) fn text(&mut self, text: &str, max: usize) -> &mut Self {
        let mut end = text.len().min(max).min(usize::from(u16::MAX));
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        self.sized(&text.as_bytes()[..end])
    }

    /// A tag is at most 35 bytes by its type.
    pub(super) fn language(&mut self, language: &Language) -> &mut Self {
        self.text(language.tag(), MAX_TEXT_BYTES)
    }

    pub(super) fn parameters(&mut self, parameters: &Parameters) -> &mut Self {
        self.kind(parameters.kind());
        match parameters {
            Parameters::Video(h264) => self.u8(h264.orientation().code()).sized(h264.avcc()),
            Parameters::Audio(aac) => self.sized(aac.asc()),
        }
    }

    /// At most `max` items, after their count.
    pub(super) fn list<T>(&mut self, items: &[T], max: usize, mut write: impl FnMut(&mut Self, &T)) -> &mut Self {
        let count = items.len().min(max).min(usize::from(u16::MAX));
        self.u16(u16::try_from(count).unwrap_or(u16::MAX));
        for item in &items[..count] {
            write(self, item);
        }
        self
    }

    /// `bytes` after their length. Decoder configurations are under 16 KiB by their type, texts are cut.
    fn sized(&mut self, bytes: &[u8]) -> &mut Self {
        let bytes = &bytes[..bytes.len().min(usize::from(u16::MAX))];
        self.0.put_u16(u16::try_from(bytes.len()).unwrap_or(u16::MAX));
        self.0.put_slice(bytes);
        self
    }

    /// The message without a payload.
    pub(super) fn finish(&mut self) -> Encoded {
        self.finish_with(Bytes::new())
    }

    /// The message with `payload` behind its head.
    pub(super) fn finish_with(&mut self, payload: Bytes) -> Encoded {
        let mut head = std::mem::take(&mut self.0);
        let length = u32::try_from(head.len() - 4 + payload.len()).unwrap_or(u32::MAX);
        head[..4].copy_from_slice(&length.to_be_bytes());
        Encoded { head: head.freeze(), payload }
    }
}

/// Reads what follows the length field.
#[derive(Debug)]
pub(super) struct Reader(Bytes);

impl Reader {
    /// Checks the version, and gives the tag and the rest.
    pub(super) fn open(body: Bytes) -> Result<(u8, Self), Error> {
        let mut reader = Self(body);
        let found = reader.u8("version")?;
        if found != VERSION {
            return Err(Error::Version { found });
        }
        let tag = reader.u8("tag")?;
        Ok((tag, reader))
    }

    pub(super) fn u8(&mut self, what: &'static str) -> Result<u8, Error> {
        self.0.try_get_u8().map_err(|_| Error::Truncated { what })
    }

    pub(super) fn u16(&mut self, what: &'static str) -> Result<u16, Error> {
        self.0.try_get_u16().map_err(|_| Error::Truncated { what })
    }

    pub(super) fn u32(&mut self, what: &'static str) -> Result<u32, Error> {
        self.0.try_get_u32().map_err(|_| Error::Truncated { what })
    }

    pub(super) fn u64(&mut self, what: &'static str) -> Result<u64, Error> {
        self.0.try_get_u64().map_err(|_| Error::Truncated { what })
    }

    pub(super) fn i64(&mut self, what: &'static str) -> Result<i64, Error> {
        self.0.try_get_i64().map_err(|_| Error::Truncated { what })
    }

    /// A number within `range`.
    pub(super) fn bounded(&mut self, what: &'static str, range: std::ops::RangeInclusive<u32>) -> Result<u32, Error> {
        let value = self.u32(what)?;
        if range.contains(&value) { Ok(value) } else { Err(Error::Invalid { what, found: value.to_string() }) }
    }

    pub(super) fn flag(&mut self, what: &'static str) -> Result<bool, Error> {
        match self.u8(what)? {
            0 => Ok(false),
            1 => Ok(true),
            n => Err(Error::Invalid { what, found: n.to_string() }),
        }
    }

    pub(super) fn kind(&mut self) -> Result<Kind, Error> {
        match self.u8("kind")? {
            VIDEO => Ok(Kind::Video),
            AUDIO => Ok(Kind::Audio),
            n => Err(Error::Invalid { what: "kind", found: n.to_string() }),
        }
    }

    pub(super) fn text(&mut self, what: &'static str, max: usize) -> Result<String, Error> {
        let bytes = self.sized(what)?;
        if bytes.len() > max {
            return Err(Error::Invalid { what, found: format!("{} bytes", bytes.len()) });
        }
        String::from_utf8(bytes.to_vec()).map_err(|_| Error::Invalid { what, found: "not UTF-8".into() })
    }

    pub(super) fn language(&mut self) -> Result<Language, Error> {
        let tag = self.text("language", MAX_TEXT_BYTES)?;
        Language::new(&tag).ok_or(Error::Invalid { what: "language", found: tag })
    }

    pub(super) fn parameters(&mut self) -> Result<Parameters, Error> {
        let what = "decoder configuration";
        let invalid = |e: media::codec::Error| Error::Invalid { what, found: e.to_string() };
        Ok(match self.kind()? {
            Kind::Video => {
                let orientation = self.orientation()?;
                let h264 = H264::from_avcc(&self.sized(what)?).map_err(invalid)?;
                Parameters::Video(Arc::new(h264.turned(orientation)))
            }
            Kind::Audio => Parameters::Audio(Arc::new(Aac::from_asc(&self.sized(what)?).map_err(invalid)?)),
        })
    }

    pub(super) fn orientation(&mut self) -> Result<Orientation, Error> {
        let what = "orientation";
        let code = self.u8(what)?;
        Orientation::from_code(code).ok_or(Error::Invalid { what, found: code.to_string() })
    }

    /// Up to `max` items. Nothing is allocated by the count alone.
    pub(super) fn list<T>(
        &mut self,
        what: &'static str,
        max: usize,
        mut read: impl FnMut(&mut Self) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        let count = usize::from(self.u16(what)?);
        if count > max {
            return Err(Error::Invalid { what, found: format!("{count}, at most {max} are taken") });
        }
        let mut items = Vec::new();
        for _ in 0..count {
            items.push(read(self)?);
        }
        Ok(items)
    }

    fn sized(&mut self, what: &'static str) -> Result<Bytes, Error> {
        let length = usize::from(self.u16(what)?);
        if length > self.0.len() {
            return Err(Error::Truncated { what });
        }
        Ok(self.0.split_to(length))
    }

    /// All that is left, as a frame's payload: a slice, not a copy.
    pub(super) fn payload(self) -> Result<Bytes, Error> {
        match self.0.len() {
            0 => Err(Error::Truncated { what: "payload" }),
            n if n > MAX_PAYLOAD_BYTES => Err(Error::Invalid { what: "payload", found: format!("{n} bytes") }),
            _ => Ok(self.0),
        }
    }

    /// Nothing may be left.
    pub(super) fn end(self) -> Result<(), Error> {
        if self.0.is_empty() { Ok(()) } else { Err(Error::Trailing { bytes: self.0.len() }) }
    }
}
