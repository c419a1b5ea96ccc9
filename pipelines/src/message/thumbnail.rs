//! What the server and an engine in the role `thumbnails` say to each other: keyframes in, pictures of one size out.
//!
//! Framed as the other messages are (see the module above), with a vocabulary of their own: such an engine does nothing else, and a
//! rendition's engine takes none of it. Pictures are not JPEG but RGB: whoever asked looks at them, and puts several on one sheet.
//!
//! Order: [`ToThumbnailer::Size`] once, then for each keyframe [`ToThumbnailer::Parameters`] when they differ from those before, then
//! [`ToThumbnailer::Keyframe`]; at the end [`ToThumbnailer::Stop`]. Pictures come back in the same order, each with its keyframe's number;
//! one that can't be decoded does not come back.

use super::wire::{Reader, Writer};
use super::{Encoded, Error, MAX_PAYLOAD_BYTES, MAX_REASON_BYTES};
use bytes::Bytes;
use media::track::Parameters;

/// Bytes of a pixel: red, green, blue.
pub const PIXEL_BYTES: usize = 3;
/// Of a side, in pixels. A thumbnail is never larger than a poster.
pub const MAX_THUMBNAIL_SIDE_PX: u32 = 2048;
/// Keyframes of one run; a storyboard has some hundred.
pub const MAX_KEYFRAMES: u32 = 100_000;
/// Width and height are multiples of these: rows of pixels then need no padding, and any subsampling fits.
const WIDTH_STEP_PX: u32 = 4;
const HEIGHT_STEP_PX: u32 = 2;

/// The size of all pictures of a run: each is scaled into it, with black beside it when its shape differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PictureSize {
    width_px: u32,
    height_px: u32,
}

impl PictureSize {
    /// The nearest size within bounds: 16 to [`MAX_THUMBNAIL_SIDE_PX`], multiples of 4 by 2, and not more than a message may carry.
    #[must_use]
    pub fn nearest(width_px: u32, height_px: u32) -> Self {
        let side = |px: u32, step: u32| {
            let px = px.clamp(16, MAX_THUMBNAIL_SIDE_PX);
            px - px % step
        };
        let (mut width_px, mut height_px) = (side(width_px, WIDTH_STEP_PX), side(height_px, HEIGHT_STEP_PX));
        while bytes(width_px, height_px) > MAX_PAYLOAD_BYTES {
            (width_px, height_px) = (side(width_px * 3 / 4, WIDTH_STEP_PX), side(height_px * 3 / 4, HEIGHT_STEP_PX));
        }
        Self { width_px, height_px }
    }

    /// Of pictures of `parameters` as they are shown (upright, with square pixels), at most `width_px` wide, never larger than they are.
    /// `None` for sound.
    #[must_use]
    pub fn of(parameters: &Parameters, width_px: u32) -> Option<Self> {
        let Parameters::Video(h264) = parameters else { return None };
        let (across, down) = h264.pixel_aspect();
        let (width, height) = (u64::from(h264.width()), u64::from(h264.height().max(1)));
        let shown = width * u64::from(across.max(1)) / u64::from(down.max(1));
        let (shown, height) = h264.orientation().shown((shown, height));
        let small = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
        let wide = shown.clamp(1, u64::from(width_px.max(1)));
        Some(Self::nearest(small(wide), small((wide * height).div_ceil(shown.max(1)))))
    }

    /// Columns of pixels.
    #[must_use]
    pub fn width_px(self) -> u32 {
        self.width_px
    }

    /// Rows of pixels.
    #[must_use]
    pub fn height_px(self) -> u32 {
        self.height_px
    }

    /// Of a picture, from its first row to its last.
    #[must_use]
    pub fn picture_bytes(self) -> usize {
        bytes(self.width_px, self.height_px)
    }
}

fn bytes(width_px: u32, height_px: u32) -> usize {
    width_px as usize * height_px as usize * PIXEL_BYTES
}

/// From the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToThumbnailer {
    /// First: what is wanted.
    Size(PictureSize),
    /// Keyframes from here on need this configuration.
    Parameters(Parameters),
    /// An access unit that can be decoded by itself.
    Keyframe {
        /// From 0, each higher than the one before.
        number: u32,
        /// As in [`media::frame::Frame`].
        payload: Bytes,
    },
    /// No keyframe follows.
    Stop,
}

/// From the engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FromThumbnailer {
    /// It has what it needs.
    Ready,
    /// A keyframe's picture.
    Picture {
        /// The keyframe's.
        number: u32,
        /// [`PictureSize::picture_bytes`] of them.
        rgb: Bytes,
    },
    /// It can't go on.
    Failed {
        /// For people.
        text: String,
    },
}

// Other numbers than the renditions' messages have: an engine that was started in another role says so at the first one.
const SIZE: u8 = 65;
const PARAMETERS: u8 = 66;
const KEYFRAME: u8 = 67;
const STOP: u8 = 68;
const READY: u8 = 69;
const PICTURE: u8 = 70;
const FAILED: u8 = 71;

fn number(r: &mut Reader) -> Result<u32, Error> {
    r.bounded("keyframe's number", 0..=MAX_KEYFRAMES - 1)
}

impl ToThumbnailer {
    /// As bytes.
    #[must_use]
    pub fn encode(&self) -> Encoded {
        match self {
            Self::Size(size) => Writer::new(SIZE).u32(size.width_px).u32(size.height_px).finish(),
            Self::Parameters(parameters) => Writer::new(PARAMETERS).parameters(parameters).finish(),
            Self::Keyframe { number, payload } => Writer::new(KEYFRAME).u32(*number).finish_with(payload.clone()),
            Self::Stop => Writer::new(STOP).finish(),
        }
    }

    /// From what follows the length field.
    ///
    /// # Errors
    /// When the bytes are not such a message.
    pub fn decode(body: Bytes) -> Result<Self, Error> {
        let (tag, mut r) = Reader::open(body)?;
        let message = match tag {
            SIZE => {
                let side = 16..=MAX_THUMBNAIL_SIDE_PX;
                let (width_px, height_px) = (r.bounded("width", side.clone())?, r.bounded("height", side)?);
                let size = PictureSize::nearest(width_px, height_px);
                if size != (PictureSize { width_px, height_px }) {
                    return Err(Error::Invalid { what: "picture's size", found: format!("{width_px}x{height_px}") });
                }
                Self::Size(size)
            }
            PARAMETERS => Self::Parameters(r.parameters()?),
            KEYFRAME => return Ok(Self::Keyframe { number: number(&mut r)?, payload: r.payload()? }),
            STOP => Self::Stop,
            n => return Err(Error::Invalid { what: "tag", found: n.to_string() }),
        };
        r.end()?;
        Ok(message)
    }
}

impl FromThumbnailer {
    /// As bytes.
    #[must_use]
    pub fn encode(&self) -> Encoded {
        match self {
            Self::Ready => Writer::new(READY).finish(),
            Self::Picture { number, rgb } => Writer::new(PICTURE).u32(*number).finish_with(rgb.clone()),
            Self::Failed { text } => Writer::new(FAILED).text(text, MAX_REASON_BYTES).finish(),
        }
    }

    /// From what follows the length field.
    ///
    /// # Errors
    /// When the bytes are not such a message.
    pub fn decode(body: Bytes) -> Result<Self, Error> {
        let (tag, mut r) = Reader::open(body)?;
        let message = match tag {
            READY => Self::Ready,
            PICTURE => return Ok(Self::Picture { number: number(&mut r)?, rgb: r.payload()? }),
            FAILED => Self::Failed { text: r.text("reason", MAX_REASON_BYTES)? },
            n => return Err(Error::Invalid { what: "tag", found: n.to_string() }),
        };
        r.end()?;
        Ok(message)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{FromEngine, LENGTH_BYTES, ToEngine};
    use super::*;
    use media::codec::aac::Aac;
    use media::codec::h264::{H264, Orientation};
    use std::sync::Arc;

    /// x264, 640x360: as in the tests of `media::codec::h264`.
    const AVCC: &[u8] = &[
        0x01, 0x4d, 0x40, 0x1e, 0xff, 0xe1, 0x00, 0x18, 0x67, 0x4d, 0x40, 0x1e, 0xec, 0xa0, 0x50, 0x17, 0xfc, 0xb8,
        0x08, 0x80, 0x00, 0x00, 0x03, 0x00, 0x80, 0x00, 0x00, 0x1e, 0x07, 0x8b, 0x16, 0xcb, 0x01, 0x00, 0x05, 0x68,
        0xeb, 0xe3, 0xcb, 0x20,
    ];

    fn video() -> Parameters {
        Parameters::Video(Arc::new(H264::from_avcc(AVCC).unwrap()))
    }

    fn body(encoded: &Encoded) -> Bytes {
        Bytes::from([&encoded.head[LENGTH_BYTES..], &encoded.payload[..]].concat())
    }

    fn to() -> [ToThumbnailer; 4] {
        let payload = Bytes::from_static(&[0, 0, 0, 2, 0x65, 0x88]);
        [
            ToThumbnailer::Size(PictureSize::nearest(160, 90)),
            ToThumbnailer::Parameters(video()),
            ToThumbnailer::Keyframe { number: MAX_KEYFRAMES - 1, payload },
            ToThumbnailer::Stop,
        ]
    }

    fn from() -> [FromThumbnailer; 3] {
        [
            FromThumbnailer::Ready,
            FromThumbnailer::Picture { number: 3, rgb: Bytes::from_static(&[1, 2, 3]) },
            FromThumbnailer::Failed { text: "no décodeur".into() },
        ]
    }

    #[test]
    fn messages_arrive_as_they_were_sent_and_only_in_their_role() {
        for message in to() {
            let body = body(&message.encode());
            assert_eq!(ToThumbnailer::decode(body.clone()).unwrap(), message);
            assert!(ToEngine::decode(body.clone()).is_err() && FromThumbnailer::decode(body).is_err());
        }
        for message in from() {
            let body = body(&message.encode());
            assert_eq!(FromThumbnailer::decode(body.clone()).unwrap(), message);
            assert!(FromEngine::decode(body.clone()).is_err() && ToThumbnailer::decode(body).is_err());
        }
    }

    #[test]
    fn truncated_and_mutated_bytes_are_refused_without_a_panic() {
        let seeds: Vec<Bytes> =
            to().iter().map(|m| body(&m.encode())).chain(from().iter().map(|m| body(&m.encode()))).collect();
        let (mut state, mut refused) = (0x5eed_u64, 0);
        let mut next = |end: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            usize::try_from(state >> 33).unwrap() % end
        };
        for _ in 0..20_000 {
            let mut bytes = seeds[next(seeds.len())].to_vec();
            if next(3) == 0 {
                bytes.truncate(next(bytes.len()));
            } else {
                for _ in 0..=next(4) {
                    let at = next(bytes.len());
                    bytes[at] = u8::try_from(next(256)).unwrap();
                }
            }
            let bytes = Bytes::from(bytes);
            refused +=
                u32::from(ToThumbnailer::decode(bytes.clone()).is_err() && FromThumbnailer::decode(bytes).is_err());
        }
        assert!(refused > 1_000, "{refused}");
    }

    #[test]
    fn sizes_keep_the_shape_and_the_bounds() {
        let shown = |size: PictureSize| (size.width_px(), size.height_px());
        assert_eq!(shown(PictureSize::of(&video(), 160).unwrap()), (160, 90));
        assert_eq!(shown(PictureSize::of(&video(), 1280).unwrap()), (640, 360), "never larger than it is");
        assert_eq!(PictureSize::of(&Parameters::Audio(Arc::new(Aac::from_asc(&[0x11, 0x90]).unwrap())), 160), None);
        let lying = H264::from_avcc(AVCC).unwrap().turned(Orientation::new(false, 1));
        let lying = Parameters::Video(Arc::new(lying));
        assert_eq!(shown(PictureSize::of(&lying, 160).unwrap()), (160, 284));
        assert_eq!(shown(PictureSize::nearest(1, 5_000)), (16, 2048));
        assert_eq!(shown(PictureSize::nearest(163, 91)), (160, 90));
        for (width, height) in [(2048, 2048), (2000, 1500), (16, 16), (0, 0), (u32::MAX, u32::MAX)] {
            let size = PictureSize::nearest(width, height);
            assert!(size.picture_bytes() <= MAX_PAYLOAD_BYTES && size.width_px().is_multiple_of(4), "{size:?}");
            let again = ToThumbnailer::decode(body(&ToThumbnailer::Size(size).encode()));
            assert_eq!(again, Ok(ToThumbnailer::Size(size)));
        }
        let odd = Writer::new(SIZE).u32(162).u32(90).finish();
        assert!(ToThumbnailer::decode(body(&odd)).is_err());
    }
}
