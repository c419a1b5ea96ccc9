//! FLV audio and video bodies → [`Item`]s. Pure.
//!
//! Bodies are laid out as in Adobe's "Video File Format Specification 10.1", annex E.4.2 and E.4.3; H.264 and AAC also
//! in Enhanced RTMP's form (fourCC `avc1` and `mp4a`).
//!
//! # Promises
//! - Parameters come before the frames that need them, and only when they differ from those in force.
//! - A body that can't be used is dropped and counted ([`Translator::dropped`]), it never ends the stream. Only what no later
//!   body can mend is an error: a codec we don't take, or a first configuration that makes no sense.
//! - Times are the encoder's own, in milliseconds, unwrapped beyond 32 bits; nothing is repaired here (the timeline does).

use super::session::Media;
use crate::codec::aac::Aac;
use crate::codec::h264::{H264, is_keyframe};
use crate::codec::{self};
use crate::feed::Item;
use crate::frame::Frame;
use crate::time::{Timescale, Timestamp, Unwrapper, WallTime};
use crate::track::{Kind, Parameters};
use bytes::Bytes;
use std::sync::Arc;

/// Why a contribution can't be taken. The text goes to the encoder's screen.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Video that is not H.264.
    #[error("Video codec {0} is not supported here; set the encoder to H.264.")]
    VideoCodec(String),
    /// Audio that is not AAC.
    #[error("Audio codec {0} is not supported here; set the encoder to AAC.")]
    AudioCodec(String),
    /// Several tracks in one message.
    #[error("Several tracks in one stream are not supported here; send one video and one audio track.")]
    Multitrack,
    /// The first configuration of a track can't be read.
    #[error("The stream can't be decoded. {0}.")]
    Configuration(#[from] codec::Error),
}

/// What an FLV body turned out to be.
enum Body {
    /// A decoder configuration.
    Configuration(Bytes),
    /// An access unit and how much later than its timestamp it is shown.
    Unit { offset_ms: i32, data: Bytes },
    /// Of no use to us: end of sequence, commands to the player, HDR metadata, or nothing at all.
    Nothing,
    /// Too short for its own fields.
    Malformed,
}

/// Turns one contribution's bodies into items.
#[derive(Debug, Default)]
pub struct Translator {
    /// One for both kinds: they count on the same clock.
    time: Unwrapper,
    /// The last sequence header: says how long the NAL lengths are.
    header: Option<Arc<H264>>,
    /// What was announced downstream: the header, or a later change in band.
    video: Option<Arc<H264>>,
    audio: Option<Arc<Aac>>,
    dropped: u64,
}

impl Translator {
    /// Nothing known yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Bodies that were dropped so far: malformed, or a frame before its configuration.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Appends to `out` what `media`, received at `received`, means.
    ///
    /// # Errors
    /// When the contribution can't be taken at all; `out` then holds what came before.
    pub fn translate(&mut self, media: Media, received: WallTime, out: &mut Vec<Item>) -> Result<(), Error> {
        let Media { is_video, timestamp, payload } = media;
        if payload.is_empty() {
            return Ok(());
        }
        let body = if is_video { video_body(&payload)? } else { audio_body(&payload)? };
        match body {
            Body::Nothing => {}
            Body::Malformed => self.dropped += 1,
            Body::Configuration(record) if is_video => self.video_configuration(&record, out)?,
            Body::Configuration(record) => self.audio_configuration(&record, out)?,
            Body::Unit { offset_ms, data } => {
                // Only frames move the clock: sequence headers often carry 0 in the middle of a stream.
                let dts = self.time.unwrap(timestamp);
                let frame = if is_video { self.picture(data, out) } else { self.sound(data) };
                let Some((kind, keyframe, payload)) = frame else {
                    self.dropped += 1;
                    return Ok(());
                };
                let pts = Timestamp::new(dts.saturating_add(i64::from(offset_ms)), Timescale::MILLIS);
                let dts = Timestamp::new(dts, Timescale::MILLIS);
                out.push(Item::Frame(Frame { kind, dts, pts, keyframe, received, payload }));
            }
        }
        Ok(())
    }

    fn video_configuration(&mut self, record: &[u8], out: &mut Vec<Item>) -> Result<(), Error> {
        let header = match H264::from_avcc(record) {
            Ok(header) => Arc::new(header),
            Err(e) if self.header.is_none() => return Err(e.into()),
            Err(_) => {
                self.dropped += 1;
                return Ok(());
            }
        };
        // Some encoders repeat the header with every keyframe; it must not undo a change made in band since.
        let is_repeat = self.header.as_ref() == Some(&header);
        self.header = Some(Arc::clone(&header));
        if !is_repeat {
            self.announce_video(header, out);
        }
        Ok(())
    }

    fn announce_video(&mut self, h264: Arc<H264>, out: &mut Vec<Item>) {
        if self.video.as_ref() != Some(&h264) {
            self.video = Some(Arc::clone(&h264));
            out.push(Item::Parameters(Parameters::Video(h264)));
        }
    }

    fn audio_configuration(&mut self, asc: &[u8], out: &mut Vec<Item>) -> Result<(), Error> {
        match Aac::from_asc(asc) {
            Ok(aac) if self.audio.as_deref() == Some(&aac) => {}
            Ok(aac) => {
                let aac = Arc::new(aac);
                self.audio = Some(Arc::clone(&aac));
                out.push(Item::Parameters(Parameters::Audio(aac)));
            }
            Err(e) if self.audio.is_none() => return Err(e.into()),
            Err(_) => self.dropped += 1,
        }
        Ok(())
    }

    fn picture(&mut self, data: Bytes, out: &mut Vec<Item>) -> Option<(Kind, bool, Bytes)> {
        let payload = self.header.as_ref()?.normalise(data).ok()?;
        let changed = self.video.as_ref().and_then(|v| v.changed_in_band(&payload));
        if let Some(changed) = changed {
            self.announce_video(Arc::new(changed), out);
        }
        Some((Kind::Video, is_keyframe(&payload), payload))
    }

    fn sound(&self, data: Bytes) -> Option<(Kind, bool, Bytes)> {
        self.audio.as_ref()?;
        Some((Kind::Audio, true, data))
    }
}

/// `payload` is not empty.
fn video_body(payload: &Bytes) -> Result<Body, Error> {
    let first = payload[0];
    // Frame type 5: a command to a player, in both forms.
    if first >> 4 & 7 == 5 {
        return Ok(Body::Nothing);
    }
    if first & 0x80 != 0 {
        return enhanced_body(payload, *b"avc1", Error::VideoCodec);
    }
    match first & 0x0F {
        7 => {}
        id => return Err(Error::VideoCodec(video_codec_name(id))),
    }
    let Some(&[_, packet, c0, c1, c2]) = payload.first_chunk::<5>() else { return Ok(Body::Malformed) };
    Ok(match packet {
        0 => configuration(payload.slice(5..)),
        1 => unit(signed_24([c0, c1, c2]), payload.slice(5..)),
        // 2: end of sequence.
        2 => Body::Nothing,
        _ => Body::Malformed,
    })
}

/// `payload` is not empty.
fn audio_body(payload: &Bytes) -> Result<Body, Error> {
    match payload[0] >> 4 {
        10 => {}
        9 => return enhanced_body(payload, *b"mp4a", Error::AudioCodec),
        id => return Err(Error::AudioCodec(audio_codec_name(id))),
    }
    Ok(match payload.get(1) {
        None => Body::Malformed,
        Some(0) => configuration(payload.slice(2..)),
        Some(1) => unit(0, payload.slice(2..)),
        Some(_) => Body::Malformed,
    })
}

/// Enhanced RTMP (version 2, "`ExVideoTagHeader`" and "`ExAudioTagHeader`"): packet type in the low 4 bits, then a fourCC.
fn enhanced_body(payload: &Bytes, ours: [u8; 4], refuse: fn(String) -> Error) -> Result<Body, Error> {
    const SEQUENCE_START: u8 = 0;
    const CODED_FRAMES: u8 = 1;
    const SEQUENCE_END: u8 = 2;
    const CODED_FRAMES_X: u8 = 3;
    const MULTITRACK_AUDIO: u8 = 5;
    const MULTITRACK_VIDEO: u8 = 6;
    let is_video = ours == *b"avc1";
    let packet = payload[0] & 0x0F;
    if packet == if is_video { MULTITRACK_VIDEO } else { MULTITRACK_AUDIO } {
        return Err(Error::Multitrack);
    }
    let Some(&[_, a, b, c, d]) = payload.first_chunk::<5>() else { return Ok(Body::Malformed) };
    if packet > CODED_FRAMES_X || (packet == CODED_FRAMES_X && !is_video) {
        // Metadata, channel layouts and extensions: nothing that decoding needs.
        return Ok(Body::Nothing);
    }
    if [a, b, c, d] != ours {
        return Err(refuse(printable([a, b, c, d])));
    }
    Ok(match packet {
        SEQUENCE_START => configuration(payload.slice(5..)),
        SEQUENCE_END => Body::Nothing,
        CODED_FRAMES if is_video => match payload.get(5..8) {
            Some(&[c0, c1, c2]) => unit(signed_24([c0, c1, c2]), payload.slice(8..)),
            _ => Body::Malformed,
        },
        _ => unit(0, payload.slice(5..)),
    })
}

/// An empty configuration or unit says nothing; some encoders send them.
fn configuration(record: Bytes) -> Body {
    if record.is_empty() { Body::Nothing } else { Body::Configuration(record) }
}

fn unit(offset_ms: i32, data: Bytes) -> Body {
    if data.is_empty() { Body::Nothing } else { Body::Unit { offset_ms, data } }
}

fn signed_24([a, b, c]: [u8; 3]) -> i32 {
    i32::from_be_bytes([a, b, c, 0]) >> 8
}

/// Annex E.4.3.1; 12 is what encoders without Enhanced RTMP used for HEVC.
fn video_codec_name(id: u8) -> String {
    match id {
        2 => "Sorenson H.263".into(),
        3 | 6 => "Screen video".into(),
        4 | 5 => "VP6".into(),
        12 => "HEVC (H.265)".into(),
        id => format!("number {id}"),
    }
}

/// Annex E.4.2.1.
fn audio_codec_name(id: u8) -> String {
    match id {
        0 | 3 => "PCM".into(),
        1 => "ADPCM".into(),
        2 | 14 => "MP3".into(),
        4..=6 => "Nellymoser".into(),
        7 | 8 => "G.711".into(),
        11 => "Speex".into(),
        id => format!("number {id}"),
    }
}

/// A fourCC as text that can't disturb a log or a screen.
fn printable(four_cc: [u8; 4]) -> String {
    four_cc.iter().map(|b| if b.is_ascii_alphanumeric() { char::from(*b) } else { '?' }).collect()
}

#[cfg(test)]
mod tests;
