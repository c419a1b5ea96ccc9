//! What can be said of a broadcaster's live at a moment: the source of the API, the pages and the metrics.

use media::ingest::Protocol;
use media::time::WallTime;
use pipelines::message::SessionStats;
use std::net::SocketAddr;
use std::time::Duration;

/// Where a broadcaster's timeline stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing on air.
    Idle,
    /// A contribution arrives but nothing is playable yet.
    Starting,
    /// On air.
    OnAir,
    /// The contribution is gone; the timeline waits for it until the grace is over.
    Dropped,
    /// Just ended; the playlists say so for a minute.
    Ended,
}

impl State {
    /// Whether a live goes on: something arrives, or is waited for.
    #[must_use]
    pub fn is_busy(self) -> bool {
        matches!(self, Self::Starting | Self::OnAir | Self::Dropped)
    }
}

/// A snapshot. Cheap to make: nothing here is computed per viewer.
#[derive(Clone, Debug)]
pub struct Status {
    /// Where the timeline stands.
    pub state: State,
    /// The recording that is being made or was just finished (the video's id).
    pub video_id: Option<String>,
    /// When this live began.
    pub started_at: Option<WallTime>,
    /// A recording goes on.
    pub recorded: bool,
    /// The connection that carries media now.
    pub contribution: Option<Contribution>,
    /// What viewers can choose from.
    pub renditions: Vec<Rendition>,
    /// Grows when a rendition or a language of captions appears: players then load the multivariant playlist again.
    pub renditions_version: u64,
    /// Browsers with its page open, each once, and players without a page, as in the last seconds.
    pub viewers: u64,
    /// The most of them since this live began, or since the server's start if that was later.
    pub peak_viewers: u64,
    /// Seconds of media that the engine of its renditions decodes per second; `None`: no engine, or not measured yet.
    pub engine_speed: Option<f64>,
    /// What makes the pictures of its renditions; `None`: no engine, or it is not ready.
    pub encoder: Option<&'static str>,
    /// How loud its sound was in the last second; `None`: no engine hears it.
    pub loudness: Option<Loudness>,
    /// From the end of the words of the last captions to viewers told of them, the slowest language; `None`: nothing was said yet.
    pub captions_lag: Option<Duration>,
    /// What an operator should know, worst first.
    pub health: Vec<Finding>,
}

impl Status {
    /// Of a live that has not shown anything yet.
    #[must_use]
    pub fn starting() -> Self {
        Self {
            state: State::Starting,
            video_id: None,
            started_at: None,
            recorded: false,
            contribution: None,
            renditions: Vec::new(),
            renditions_version: 0,
            viewers: 0,
            peak_viewers: 0,
            engine_speed: None,
            encoder: None,
            loudness: None,
            captions_lag: None,
            health: Vec::new(),
        }
    }
}

/// One incoming connection, measured.
#[derive(Clone, Debug)]
pub struct Contribution {
    /// By which protocol.
    pub protocol: Protocol,
    /// From where.
    pub peer: SocketAddr,
    /// Since when.
    pub since: WallTime,
    /// Pictures, once known.
    pub video: Option<Video>,
    /// Sound, once known.
    pub audio: Option<Audio>,
    /// Received payload over the last seconds.
    pub bitrate_bps: u64,
    /// Distance of the last two keyframes.
    pub keyframe_interval_ms: Option<u64>,
    /// How much further audio time has run than video time since the contribution began; 0 is in step.
    pub av_drift_ms: i64,
    /// Media received per time, 1000 being as much as is shown, over the last seconds; `None`: too little came to say.
    pub pace_permille: Option<u64>,
    /// Since something came last.
    pub silent_ms: u64,
    /// Timestamps that had to be repaired.
    pub timestamp_jumps: u64,
    /// Frames lost inside the server (never by the network).
    pub dropped_frames: u64,
}

/// Pictures as they arrive.
#[derive(Clone, Debug)]
pub struct Video {
    /// RFC 6381 codec string.
    pub codec: String,
    /// Pixels.
    pub width: u32,
    /// Pixels.
    pub height: u32,
    /// Measured frames per second.
    pub frame_rate: f64,
}

/// Sound as it arrives.
#[derive(Clone, Debug)]
pub struct Audio {
    /// RFC 6381 codec string.
    pub codec: String,
    /// Samples per second.
    pub sample_rate_hz: u32,
    /// Channels.
    pub channels: u8,
}

/// How loud sound is, in decibels below the loudest that there is (dBFS, 0 and less).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Loudness {
    /// Of its loudest sample.
    pub peak_dbfs: f64,
    /// Of its mean power.
    pub mean_dbfs: f64,
}

/// Of the weakest sound that 16 bits can say; silence is told as this.
const SILENCE_DBFS: f64 = -96.0;

impl Loudness {
    /// As an engine has measured it; `None`: it has not heard a second yet.
    pub(super) fn of(stats: SessionStats) -> Option<Self> {
        let dbfs = |magnitude: u16| (20.0 * (f64::from(magnitude) / 32_768.0).log10()).max(SILENCE_DBFS);
        (stats.heard_micros >= 1_000_000).then(|| Self { peak_dbfs: dbfs(stats.peak), mean_dbfs: dbfs(stats.mean) })
    }
}

/// One quality that viewers can choose.
#[derive(Clone, Debug)]
pub struct Rendition {
    /// Name in URLs, such as `source` or `audio`.
    pub name: String,
    /// RFC 6381 codec string.
    pub codec: String,
    /// Pixels; `None` for sound.
    pub size: Option<(u32, u32)>,
    /// Average over what is listed.
    pub bitrate_bps: u64,
}

/// Something an operator should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad.
    pub level: Level,
    /// Stable name, such as `disk_full`.
    pub code: &'static str,
    /// What it is and what to do, in a sentence.
    pub message: String,
}

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Worth knowing.
    Notice,
    /// Viewers may notice soon.
    Warning,
    /// Viewers notice, or something is being lost.
    Error,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loudness_is_told_in_decibels_once_a_second_was_heard() {
        let heard = |heard_micros, peak, mean| SessionStats { heard_micros, peak, mean, ..SessionStats::default() };
        assert_eq!(Loudness::of(heard(900_000, 1, 1)), None);
        let silence = Loudness { peak_dbfs: SILENCE_DBFS, mean_dbfs: SILENCE_DBFS };
        assert_eq!(Loudness::of(heard(1_000_000, 0, 0)), Some(silence));
        let loud = Loudness::of(heard(1_000_000, 32_768, 3_277)).unwrap();
        assert!(loud.peak_dbfs.abs() < 0.01 && (loud.mean_dbfs + 20.0).abs() < 0.01, "{loud:?}");
    }
}
