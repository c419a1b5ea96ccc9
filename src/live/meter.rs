//! What a contribution looks like as it arrives: the figures an operator watches. Pure.

use super::status::{Audio, Video};
use media::feed::Item;
use media::frame::Frame;
use media::time::WallTime;
use media::track::{Kind, Parameters};
use std::collections::VecDeque;

/// Rates are averages over this. Microseconds.
const WINDOW_MICROS: i64 = 4_000_000;
/// How fast media comes is told over this: an encoder that sends a keyframe in one go is not slow. Microseconds.
const PACE_MICROS: i64 = 6_000_000;
/// A pace over less than this says more of the network's bursts. Microseconds.
const LEAST_PACE_MICROS: i64 = 3_000_000;
/// A rate over less than this is noise. Microseconds.
const LEAST_MICROS: i64 = 500_000;
/// Most frames in the window: 4 s of 240 fps with audio.
const MAX_FRAMES: usize = 2048;

/// Measures one contribution.
#[derive(Debug, Default)]
pub struct Meter {
    video: Option<Parameters>,
    audio: Option<Parameters>,
    /// Arrival, kind and size of the last frames.
    recent: VecDeque<(WallTime, Kind, usize)>,
    /// Arrival and decoding time, in microseconds, of the last frames of pictures, or of sound where there are none.
    times: VecDeque<(WallTime, i64)>,
    last_keyframe_micros: Option<i64>,
    keyframe_interval_micros: Option<i64>,
    video_clock: Option<Clock>,
    audio_clock: Option<Clock>,
    bytes: u64,
    frames: u64,
}

/// How far a track's time has run.
#[derive(Clone, Copy, Debug)]
struct Clock {
    first_micros: i64,
    last_micros: i64,
    first_received: WallTime,
    last_received: WallTime,
}

impl Meter {
    /// One item of the feed.
    pub fn observe(&mut self, item: &Item) {
        match item {
            Item::Parameters(p) => match p.kind() {
                Kind::Video => self.video = Some(p.clone()),
                Kind::Audio => self.audio = Some(p.clone()),
            },
            Item::Frame(frame) => self.frame(frame),
            Item::Lagged(_) => {}
        }
    }

    fn frame(&mut self, frame: &Frame) {
        self.bytes += frame.payload.len() as u64;
        self.frames += 1;
        self.recent.push_back((frame.received, frame.kind, frame.payload.len()));
        while self.recent.len() > MAX_FRAMES
            || self.recent.front().is_some_and(|(t, ..)| frame.received.micros_since(*t) > WINDOW_MICROS)
        {
            self.recent.pop_front();
        }
        let dts = frame.dts.micros();
        if frame.kind == Kind::Video || self.video.is_none() {
            self.times.push_back((frame.received, dts));
            while self.times.len() > MAX_FRAMES
                || self.times.front().is_some_and(|(t, _)| frame.received.micros_since(*t) > PACE_MICROS)
            {
                self.times.pop_front();
            }
        }
        let clock = match frame.kind {
            Kind::Video => &mut self.video_clock,
            Kind::Audio => &mut self.audio_clock,
        };
        let clock = clock.get_or_insert(Clock {
            first_micros: dts,
            last_micros: dts,
            first_received: frame.received,
            last_received: frame.received,
        });
        clock.last_micros = dts;
        clock.last_received = frame.received;
        if frame.kind == Kind::Video && frame.keyframe {
            self.keyframe_interval_micros = self.last_keyframe_micros.map(|last| dts.saturating_sub(last));
            self.last_keyframe_micros = Some(dts);
        }
    }

    /// Frames received so far.
    #[must_use]
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// Payload received so far.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// When the last frame came.
    #[must_use]
    pub fn last_received(&self) -> Option<WallTime> {
        let last = |c: Option<Clock>| c.map(|c| c.last_received);
        last(self.video_clock).max(last(self.audio_clock))
    }

    /// Bits per second over the window.
    #[must_use]
    pub fn bitrate_bps(&self, now: WallTime) -> u64 {
        let bytes: usize = self.recent.iter().map(|(_, _, n)| n).sum();
        self.per_second(bytes as u64 * 8, now)
    }

    /// Distance of the last two keyframes, milliseconds.
    #[must_use]
    pub fn keyframe_interval_ms(&self) -> Option<u64> {
        self.keyframe_interval_micros.and_then(|m| u64::try_from(m / 1000).ok())
    }

    /// How much further sound has run than pictures, each against its own arrival, milliseconds.
    #[must_use]
    pub fn av_drift_ms(&self) -> i64 {
        let run =
            |c: Clock| (c.last_micros.saturating_sub(c.first_micros)) - c.last_received.micros_since(c.first_received);
        match (self.audio_clock, self.video_clock) {
            (Some(a), Some(v)) => (run(a) - run(v)) / 1000,
            _ => 0,
        }
    }

    /// Media received per time, 1000 being as much as is shown; `None`: too little came to say. A jump in the sender's clock is none of it.
    #[must_use]
    pub fn pace_permille(&self, now: WallTime) -> Option<u64> {
        let ((first_received, first), (_, last)) = (self.times.front()?, self.times.back()?);
        let over = now.micros_since(*first_received);
        let media = last.saturating_sub(*first);
        // Sent faster than it is shown: a file, or what waited in the network.
        (over >= LEAST_PACE_MICROS && media >= 0 && media <= 4 * over)
            .then(|| u64::try_from(media.saturating_mul(1_000) / over).unwrap_or(0))
    }

    /// Since something came last; 0 before anything did. Milliseconds.
    #[must_use]
    pub fn silent_ms(&self, now: WallTime) -> u64 {
        self.last_received().map_or(0, |last| u64::try_from(now.micros_since(last) / 1_000).unwrap_or(0))
    }

    /// Pictures, once their configuration is known.
    #[must_use]
    pub fn video(&self, now: WallTime) -> Option<Video> {
        let Some(Parameters::Video(h264)) = &self.video else { return None };
        let frames = self.recent.iter().filter(|(_, k, _)| *k == Kind::Video).count() as u64;
        let measured = self.per_second(frames * 1000, now);
        #[expect(clippy::cast_precision_loss, reason = "frame rates are small")]
        let frame_rate = match h264.frame_rate_milli() {
            // The announced rate, while what arrives agrees with it within a tenth.
            Some(told) if measured.abs_diff(u64::from(told)) * 10 <= u64::from(told) => f64::from(told) / 1000.0,
            _ => (measured as f64 / 100.0).round() / 10.0,
        };
        Some(Video { codec: h264.codec_string().to_owned(), width: h264.width(), height: h264.height(), frame_rate })
    }

    /// Sound, once its configuration is known.
    #[must_use]
    pub fn audio(&self) -> Option<Audio> {
        let Some(Parameters::Audio(aac)) = &self.audio else { return None };
        Some(Audio {
            codec: aac.codec_string().to_owned(),
            sample_rate_hz: aac.sample_rate_hz(),
            channels: aac.channels(),
        })
    }

    fn per_second(&self, amount: u64, now: WallTime) -> u64 {
        let Some((first, ..)) = self.recent.front() else { return 0 };
        let over = now.micros_since(*first).max(LEAST_MICROS);
        amount * 1_000_000 / u64::try_from(over).unwrap_or(1)
    }
}
