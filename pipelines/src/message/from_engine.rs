//! What an engine says to the server.

use super::wire::{Reader, Writer};
use super::{Encoded, Error, MAX_REASON_BYTES, MAX_RUNGS, MAX_TEXT_BYTES};
use crate::encoder::Encoder;
use bytes::Bytes;
use media::track::Parameters;

/// A message from an engine.
#[derive(Clone, Debug, PartialEq)]
pub enum FromEngine {
    /// The elements are there, the sandbox is closed, frames are welcome.
    Ready {
        /// As in [`super::Start`].
        session: u64,
        /// What makes its pictures.
        encoder: Encoder,
        /// Why it is no other one, for people, when another was tried. At most [`MAX_REASON_BYTES`].
        why: String,
    },
    /// The rendition's frames from here on need this configuration.
    Parameters {
        /// Whose.
        rendition: Rendition,
        /// Which.
        parameters: Parameters,
    },
    /// One access unit of a rendition.
    Frame(EncodedFrame),
    /// Some times a second while the engine runs, whether there is work or not.
    Stats(Stats),
    /// The engine can't go on and ends; why, and what to do, for people.
    Failed {
        /// At most [`MAX_REASON_BYTES`].
        text: String,
    },
}

/// One of the renditions that [`super::Start`] asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Rendition {
    /// Pictures, by their place in `rungs`.
    Rung(u8),
    /// The sound.
    Audio,
}

/// One access unit of a rendition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedFrame {
    /// Whose.
    pub rendition: Rendition,
    /// Decode time: 90 kHz for pictures, the rendition's sample rate for sound.
    pub dts: i64,
    /// Presentation time, same scale; of pictures exactly that of the source.
    pub pts: i64,
    /// Decoding can begin here.
    pub keyframe: bool,
    /// Frames of the source are missing before it (or nothing was before it).
    pub after_hole: bool,
    /// As in [`media::frame::Frame`].
    pub payload: Bytes,
}

/// Counts since the engine started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Pictures that were taken from the channel.
    pub pictures_in: u64,
    /// Pictures that came out of the decoder.
    pub decoded: u64,
    /// Pictures that came out of the encoders, all rungs together.
    pub encoded: u64,
    /// Pictures left out before encoding because the machine is too slow.
    pub shed: u64,
    /// Frames that could not be used: times that go back, no configuration before them.
    pub refused: u64,
    /// Pictures that wait before the decoder now.
    pub waiting: u32,
    /// Media time that went through the decoder. Microseconds.
    pub media_micros: u64,
    /// Time of processors that the engine used, all threads together. Microseconds.
    pub cpu_micros: u64,
    /// Time since the engine started. Microseconds.
    pub wall_micros: u64,
}

impl Stats {
    /// Cores that one second of media costs, measured from `earlier` to here, or `None` while there is no media to measure by.
    #[must_use]
    pub fn cores_since(&self, earlier: &Self) -> Option<f64> {
        ratio(self.cpu_micros.checked_sub(earlier.cpu_micros)?, self.media_micros.checked_sub(earlier.media_micros)?)
    }

    /// Seconds of media per second of time, from `earlier` to here: under 1.0 while frames wait, the engine is too slow.
    #[must_use]
    pub fn realtime_factor_since(&self, earlier: &Self) -> Option<f64> {
        ratio(self.media_micros.checked_sub(earlier.media_micros)?, self.wall_micros.checked_sub(earlier.wall_micros)?)
    }
}

pub(super) fn ratio(of: u64, by: u64) -> Option<f64> {
    #[expect(clippy::cast_precision_loss, reason = "microseconds of hours are exact in 52 bits")]
    (by > 0).then(|| of as f64 / by as f64)
}

const READY: u8 = 1;
const PARAMETERS: u8 = 2;
const FRAME: u8 = 3;
const STATS: u8 = 4;
const FAILED: u8 = 5;

const KEYFRAME: u8 = 1;
const AFTER_HOLE: u8 = 2;

/// On the channel, sound is the rendition of this number.
const AUDIO_RENDITION: u8 = 255;

impl FromEngine {
    /// As bytes.
    #[must_use]
    pub fn encode(&self) -> Encoded {
        match self {
            Self::Ready { session, encoder, why } => Writer::new(READY)
                .u64(*session)
                .text(encoder.name(), MAX_TEXT_BYTES)
                .text(why, MAX_REASON_BYTES)
                .finish(),
            Self::Parameters { rendition, parameters } => {
                Writer::new(PARAMETERS).u8(rendition.number()).parameters(parameters).finish()
            }
            Self::Frame(frame) => {
                let flags = if frame.keyframe { KEYFRAME } else { 0 } | if frame.after_hole { AFTER_HOLE } else { 0 };
                Writer::new(FRAME)
                    .u8(frame.rendition.number())
                    .u8(flags)
                    .i64(frame.dts)
                    .i64(frame.pts)
                    .finish_with(frame.payload.clone())
            }
            Self::Stats(s) => Writer::new(STATS)
                .u64(s.pictures_in)
                .u64(s.decoded)
                .u64(s.encoded)
                .u64(s.shed)
                .u64(s.refused)
                .u32(s.waiting)
                .u64(s.media_micros)
                .u64(s.cpu_micros)
                .u64(s.wall_micros)
                .finish(),
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
            READY => Self::Ready {
                session: r.u64("session")?,
                encoder: encoder(&r.text("encoder", MAX_TEXT_BYTES)?)?,
                why: r.text("reason", MAX_REASON_BYTES)?,
            },
            PARAMETERS => Self::Parameters { rendition: rendition(&mut r)?, parameters: r.parameters()? },
            FRAME => return Ok(Self::Frame(decode_frame(r)?)),
            STATS => Self::Stats(Stats {
                pictures_in: r.u64("pictures in")?,
                decoded: r.u64("decoded")?,
                encoded: r.u64("encoded")?,
                shed: r.u64("shed")?,
                refused: r.u64("refused")?,
                waiting: r.u32("waiting")?,
                media_micros: r.u64("media time")?,
                cpu_micros: r.u64("processor time")?,
                wall_micros: r.u64("time")?,
            }),
            FAILED => Self::Failed { text: r.text("reason", MAX_REASON_BYTES)? },
            n => return Err(Error::Invalid { what: "tag", found: n.to_string() }),
        };
        r.end()?;
        Ok(message)
    }
}

impl Rendition {
    fn number(self) -> u8 {
        match self {
            Self::Rung(n) => n,
            Self::Audio => AUDIO_RENDITION,
        }
    }
}

fn encoder(name: &str) -> Result<Encoder, Error> {
    Encoder::from_name(name).ok_or_else(|| Error::Invalid { what: "encoder", found: name.to_owned() })
}

fn rendition(r: &mut Reader) -> Result<Rendition, Error> {
    match r.u8("rendition")? {
        AUDIO_RENDITION => Ok(Rendition::Audio),
        n if usize::from(n) < MAX_RUNGS => Ok(Rendition::Rung(n)),
        n => Err(Error::Invalid { what: "rendition", found: n.to_string() }),
    }
}

fn decode_frame(mut r: Reader) -> Result<EncodedFrame, Error> {
    let rendition = rendition(&mut r)?;
    let flags = r.u8("flags")?;
    if flags > (KEYFRAME | AFTER_HOLE) {
        return Err(Error::Invalid { what: "flags", found: flags.to_string() });
    }
    Ok(EncodedFrame {
        rendition,
        dts: r.i64("dts")?,
        pts: r.i64("pts")?,
        keyframe: flags & KEYFRAME != 0,
        after_hole: flags & AFTER_HOLE != 0,
        payload: r.payload()?,
    })
}
