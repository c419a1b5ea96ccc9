//! What a contribution brings: frames as they stand on a live's timeline, made by ffmpeg.

use bytes::Bytes;
use media::codec::{aac::Aac, h264::H264};
use media::segment::MEDIA_TIME_BASE_MICROS;
use media::track::{Kind, Parameters};
use pipelines::message::{SourceFrame, ToEngine};
use std::process::{Command, Stdio};
use std::sync::Arc;

/// Ticks of a millisecond.
const MS: i64 = 90;

/// Parameters and frames in the order of a contribution.
#[derive(Clone, Debug)]
pub(crate) struct Clip {
    pub(crate) messages: Vec<ToEngine>,
}

/// A moving picture and a tone, with `more` arguments to ffmpeg.
pub(crate) fn clip(size: &str, rate: &str, more: &[&str]) -> Clip {
    clip_of(&format!("testsrc2=size={size}:rate={rate}"), more)
}

/// The picture that a graph of ffmpeg's filters makes, and a tone.
pub(crate) fn clip_of(picture: &str, more: &[&str]) -> Clip {
    let made = Command::new("ffmpeg")
        .args([
            "-v",
            "error",
            "-f",
            "lavfi",
            "-i",
            picture,
            "-f",
            "lavfi",
            "-i",
            "sine=frequency=440:sample_rate=48000",
        ])
        .args(["-c:v", "libx264", "-preset", "ultrafast", "-threads", "1", "-pix_fmt", "yuv420p", "-sc_threshold", "0"])
        .args(["-c:a", "aac", "-b:a", "64k", "-ac", "2"])
        .args(more)
        .args(["-flvflags", "no_duration_filesize", "-f", "flv", "pipe:1"])
        .stdin(Stdio::null())
        .output()
        .expect("ffmpeg starts");
    assert!(made.status.success(), "ffmpeg: {}", String::from_utf8_lossy(&made.stderr));
    Clip { messages: from_flv(&Bytes::from(made.stdout)) }
}

/// The tags of an FLV file (Adobe FLV 10.1, annex E) as messages.
pub(crate) fn from_flv(file: &Bytes) -> Vec<ToEngine> {
    let base_ms = MEDIA_TIME_BASE_MICROS / 1000;
    let mut at = 13;
    let mut messages = Vec::new();
    while let Some(head) = file.get(at..at + 11) {
        let length = usize::from(head[1]) << 16 | usize::from(head[2]) << 8 | usize::from(head[3]);
        let dts_ms = base_ms + i64::from(u32::from_be_bytes([head[7], head[4], head[5], head[6]]));
        let body = file.slice(at + 11..at + 11 + length);
        at += 11 + length + 4;
        match (head[0], body.get(1)) {
            (9, Some(0)) => {
                let h264 = H264::from_avcc(&body[5..]).unwrap();
                messages.push(ToEngine::Parameters(Parameters::Video(Arc::new(h264))));
            }
            (9, Some(1)) => {
                let composition_ms = i64::from(i32::from_be_bytes([body[2], body[3], body[4], 0]) >> 8);
                messages.push(ToEngine::Frame(SourceFrame {
                    kind: Kind::Video,
                    dts: dts_ms * MS,
                    pts: (dts_ms + composition_ms) * MS,
                    keyframe: body[0] >> 4 == 1,
                    cut: None,
                    decode_only: false,
                    payload: body.slice(5..),
                }));
            }
            (8, Some(0)) => {
                messages.push(ToEngine::Parameters(Parameters::Audio(Arc::new(Aac::from_asc(&body[2..]).unwrap()))));
            }
            (8, Some(1)) => messages.push(ToEngine::Frame(SourceFrame {
                kind: Kind::Audio,
                dts: dts_ms * 48,
                pts: dts_ms * 48,
                keyframe: true,
                cut: None,
                decode_only: false,
                payload: body.slice(2..),
            })),
            _ => {}
        }
    }
    messages
}

impl Clip {
    /// `self`, then `next` after `gap_ms`, with its parameters.
    pub(crate) fn then(mut self, next: &Self, gap_ms: i64) -> Self {
        let end = self.pictures().iter().map(|f| f.pts).max().unwrap();
        let first = next.pictures().iter().map(|f| f.dts).min().unwrap();
        let by_ms = (end - first) / MS + gap_ms;
        self.messages.extend(next.messages.iter().cloned().map(|mut message| {
            if let ToEngine::Frame(frame) = &mut message {
                let ticks = by_ms * if frame.kind == Kind::Video { MS } else { 48 };
                frame.dts += ticks;
                frame.pts += ticks;
                frame.cut = frame.cut.map(|cut| cut + ticks);
            }
            message
        }));
        self
    }

    /// Marks cuts as a server does: at the first keyframe two seconds after the last cut, or at any picture when `anywhere`.
    pub(crate) fn cut(mut self, anywhere: bool) -> Self {
        let mut last = None;
        for message in &mut self.messages {
            let ToEngine::Frame(frame) = message else { continue };
            let long = last.is_none_or(|last| frame.pts - last >= 2000 * MS - 50 * MS);
            if frame.kind == Kind::Video && long && (frame.keyframe || anywhere) {
                frame.cut = Some(frame.pts);
                last = Some(frame.pts);
            }
        }
        self
    }

    pub(crate) fn without(mut self, kind: Kind) -> Self {
        self.messages.retain(|message| match message {
            ToEngine::Frame(frame) => frame.kind != kind,
            ToEngine::Parameters(parameters) => parameters.kind() != kind,
            _ => true,
        });
        self
    }

    pub(crate) fn pictures(&self) -> Vec<&SourceFrame> {
        let frames = self.messages.iter().filter_map(|m| if let ToEngine::Frame(f) = m { Some(f) } else { None });
        frames.filter(|f| f.kind == Kind::Video).collect()
    }

    /// Pts of all pictures, as shown.
    pub(crate) fn shown(&self) -> Vec<i64> {
        let mut pts: Vec<_> = self.pictures().iter().map(|f| f.pts).collect();
        pts.sort_unstable();
        pts
    }

    /// Pts of the cuts.
    pub(crate) fn cuts(&self) -> Vec<i64> {
        self.pictures().iter().filter_map(|f| f.cut).collect()
    }
}
