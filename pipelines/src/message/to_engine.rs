//! What the server says to an engine.

use super::wire::{Reader, Writer};
use super::{Encoded, Error, MAX_RUNGS, Rendition};
use crate::ladder::{Halving, Rung};
use bytes::Bytes;
use media::codec::h264::Orientation;
use media::rendition::RenditionId;
use media::track::{Kind, Parameters};

/// Largest picture side, as `media` takes it.
const MAX_SIDE_PX: u32 = 8192;
/// 200 Mbit/s: ten times what a lecture in 4K needs.
const MAX_BITRATE_BPS: u32 = 200_000_000;

/// A message to an engine.
#[derive(Clone, Debug, PartialEq)]
pub enum ToEngine {
    /// Begins the work, once, before anything else.
    Start(Start),
    /// The track's frames from here on need this configuration. Before the track's first frame, and at each change.
    Parameters(Parameters),
    /// One access unit.
    Frame(SourceFrame),
    /// Frames are missing here, or another contribution goes on: the next picture is a keyframe.
    Discontinuity,
    /// No frame follows: everything inside is to be finished and sent, then the engine ends.
    Stop,
}

/// What an engine is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// Chosen by the server; comes back in [`super::FromEngine::Ready`].
    pub session: u64,
    /// The renditions to make, at most [`MAX_RUNGS`]; a rendition is named by its place here.
    pub rungs: Vec<Rung>,
    /// What becomes of the sound.
    pub audio: AudioPlan,
    /// How.
    pub options: Options,
}

impl Start {
    /// Whether frames of a kind are needed.
    #[must_use]
    pub fn takes(&self, kind: Kind) -> bool {
        match kind {
            Kind::Video => !self.rungs.is_empty(),
            Kind::Audio => !matches!(self.audio, AudioPlan::Leave),
        }
    }

    /// What an engine's rendition is called outside; `None`: it was not asked for.
    #[must_use]
    pub fn id(&self, rendition: Rendition) -> Option<RenditionId> {
        match rendition {
            Rendition::Rung(n) => {
                let side = self.rungs.get(usize::from(n))?.short_side_px();
                RenditionId::from_code(u16::try_from(side).ok()?)
            }
            Rendition::Audio => self.takes(Kind::Audio).then_some(RenditionId::Stereo),
        }
    }

    /// All that is made.
    pub fn ids(&self) -> impl Iterator<Item = RenditionId> + '_ {
        self.made().map(|(id, _)| id)
    }

    /// All that is made, and with how many bits per second.
    pub fn made(&self) -> impl Iterator<Item = (RenditionId, u32)> + '_ {
        let rungs = (0..=u8::MAX).zip(&self.rungs).map(|(n, rung)| (Rendition::Rung(n), rung.bitrate_bps));
        let sound = match self.audio {
            AudioPlan::Leave => 0,
            AudioPlan::Encode { bitrate_bps, .. } => bitrate_bps,
        };
        rungs.chain([(Rendition::Audio, sound)]).filter_map(|(rendition, bps)| Some((self.id(rendition)?, bps)))
    }

    /// The same without what `wanted` does not say yes to.
    #[must_use]
    pub fn only(&self, wanted: impl Fn(RenditionId) -> bool) -> Self {
        let numbered = (0..=u8::MAX).zip(&self.rungs);
        let kept = numbered.filter(|(n, _)| self.id(Rendition::Rung(*n)).is_some_and(&wanted));
        let rungs = kept.map(|(_, rung)| *rung).collect();
        let audio = if wanted(RenditionId::Stereo) { self.audio } else { AudioPlan::Leave };
        Self { rungs, audio, ..self.clone() }
    }
}

/// What becomes of the sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AudioPlan {
    /// The engine makes none: there is none, or it is passed through.
    Leave,
    /// AAC-LC is made of it.
    Encode {
        /// Bits per second.
        bitrate_bps: u32,
        /// Samples per second.
        sample_rate_hz: u32,
        /// 1 or 2.
        channels: u8,
    },
}

/// How an engine works.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// What happens when the machine is too slow.
    pub when_slow: WhenSlow,
    /// The source is interlaced.
    pub deinterlace: bool,
    /// How the source's pictures are turned before they are encoded. The rungs' sizes are of turned pictures.
    pub orientation: Orientation,
    /// Threads per encoder; 0: one, and two from 720p up.
    pub encoder_threads: u8,
}

/// What happens when the machine is too slow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WhenSlow {
    /// Pictures are left out before encoding, evenly, and counted: a live goes on in time.
    #[default]
    Shed,
    /// Whoever sends waits: a finished recording keeps every picture.
    Wait,
}

/// One access unit of the source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFrame {
    /// Which track it belongs to.
    pub kind: Kind,
    /// Decode time in ticks of the track's scale.
    pub dts: i64,
    /// Presentation time, same scale.
    pub pts: i64,
    /// Decoding can begin here.
    pub keyframe: bool,
    /// A segment begins at this pts, which is this picture's or that of one that is shown near it: every rendition gets an IDR at the first
    /// picture from there on. As [`media::segment::boundary::PlacedFrame::cut`].
    pub cut: Option<i64>,
    /// Needed for decoding what follows, but shown already: nothing is made of it.
    pub decode_only: bool,
    /// As in [`media::frame::Frame`].
    pub payload: Bytes,
}

impl SourceFrame {
    /// `frame`, which must stand on the live's timeline, as an engine takes it.
    #[must_use]
    pub fn new(frame: &media::frame::Frame, cut: Option<i64>) -> Self {
        Self {
            kind: frame.kind,
            dts: frame.dts.ticks(),
            pts: frame.pts.ticks(),
            keyframe: frame.keyframe,
            cut,
            decode_only: false,
            payload: frame.payload.clone(),
        }
    }
}

const START: u8 = 1;
const PARAMETERS: u8 = 2;
const FRAME: u8 = 3;
const DISCONTINUITY: u8 = 4;
const STOP: u8 = 5;

const KEYFRAME: u8 = 1;
const CUT: u8 = 2;
const DECODE_ONLY: u8 = 4;

impl ToEngine {
    /// As bytes.
    #[must_use]
    pub fn encode(&self) -> Encoded {
        match self {
            Self::Start(start) => start.encode(),
            Self::Parameters(parameters) => Writer::new(PARAMETERS).parameters(parameters).finish(),
            Self::Frame(frame) => {
                let flags = if frame.keyframe { KEYFRAME } else { 0 }
                    | if frame.cut.is_some() { CUT } else { 0 }
                    | if frame.decode_only { DECODE_ONLY } else { 0 };
                let mut head = Writer::new(FRAME);
                head.kind(frame.kind).u8(flags).i64(frame.dts).i64(frame.pts);
                if let Some(cut) = frame.cut {
                    head.i64(cut);
                }
                head.finish_with(frame.payload.clone())
            }
            Self::Discontinuity => Writer::new(DISCONTINUITY).finish(),
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
            START => Self::Start(Start::decode(&mut r)?),
            PARAMETERS => Self::Parameters(r.parameters()?),
            FRAME => return Ok(Self::Frame(decode_frame(r)?)),
            DISCONTINUITY => Self::Discontinuity,
            STOP => Self::Stop,
            n => return Err(Error::Invalid { what: "tag", found: n.to_string() }),
        };
        r.end()?;
        Ok(message)
    }
}

fn decode_frame(mut r: Reader) -> Result<SourceFrame, Error> {
    let kind = r.kind()?;
    let flags = r.u8("flags")?;
    if flags > (KEYFRAME | CUT | DECODE_ONLY) {
        return Err(Error::Invalid { what: "flags", found: flags.to_string() });
    }
    Ok(SourceFrame {
        kind,
        dts: r.i64("dts")?,
        pts: r.i64("pts")?,
        keyframe: flags & KEYFRAME != 0,
        cut: if flags & CUT != 0 { Some(r.i64("cut")?) } else { None },
        decode_only: flags & DECODE_ONLY != 0,
        payload: r.payload()?,
    })
}

impl Start {
    fn encode(&self) -> Encoded {
        let mut w = Writer::new(START);
        w.u64(self.session);
        w.list(&self.rungs, MAX_RUNGS, |w, rung| {
            w.u32(rung.width).u32(rung.height).u32(rung.bitrate_bps).u8(u8::from(rung.halving == Halving::EveryOther));
        });
        match self.audio {
            AudioPlan::Leave => w.u8(0),
            AudioPlan::Encode { bitrate_bps, sample_rate_hz, channels } => {
                w.u8(1).u32(bitrate_bps).u32(sample_rate_hz).u8(channels)
            }
        };
        w.u8(u8::from(self.options.when_slow == WhenSlow::Wait))
            .u8(u8::from(self.options.deinterlace))
            .u8(self.options.orientation.code())
            .u8(self.options.encoder_threads)
            .finish()
    }

    fn decode(r: &mut Reader) -> Result<Self, Error> {
        Ok(Self {
            session: r.u64("session")?,
            rungs: r.list("rungs", MAX_RUNGS, |r| {
                Ok(Rung {
                    // An encoder of 4:2:0 needs even sides; 16 is a macroblock.
                    width: even(r.bounded("width", 16..=MAX_SIDE_PX)?)?,
                    height: even(r.bounded("height", 16..=MAX_SIDE_PX)?)?,
                    bitrate_bps: r.bounded("bitrate", 1_000..=MAX_BITRATE_BPS)?,
                    halving: if r.flag("halving")? { Halving::EveryOther } else { Halving::No },
                })
            })?,
            audio: if r.flag("audio plan")? {
                AudioPlan::Encode {
                    bitrate_bps: r.bounded("audio bitrate", 8_000..=512_000)?,
                    sample_rate_hz: r.bounded("sample rate", 8_000..=48_000)?,
                    channels: match r.u8("channels")? {
                        n @ 1..=2 => n,
                        n => return Err(Error::Invalid { what: "channels", found: n.to_string() }),
                    },
                }
            } else {
                AudioPlan::Leave
            },
            options: Options {
                when_slow: if r.flag("when slow")? { WhenSlow::Wait } else { WhenSlow::Shed },
                deinterlace: r.flag("deinterlace")?,
                orientation: r.orientation()?,
                encoder_threads: r.u8("encoder threads")?.min(MAX_ENCODER_THREADS),
            },
        })
    }
}

/// x264 gains nothing from more at the sizes of a ladder.
const MAX_ENCODER_THREADS: u8 = 16;

fn even(side: u32) -> Result<u32, Error> {
    if side.is_multiple_of(2) {
        Ok(side)
    } else {
        Err(Error::Invalid { what: "picture side", found: side.to_string() })
    }
}
