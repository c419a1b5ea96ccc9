//! Broadcasters as the API shows them.

pub(super) mod create;
pub(super) mod delete;
pub(super) mod get;
pub(super) mod list;
pub(super) mod page;
pub(super) mod update;

use crate::catalogue::Catalogue;
use crate::catalogue::broadcaster as stored;
use crate::clock::rfc3339;
use crate::http::problem::Problem;
use crate::live;
use crate::live::status::{self, Level, State, Status};
use media::caption::language::Language;
use media::caption::vocabulary::Vocabulary;
use serde::Serialize;
use utoipa::ToSchema;

/// A broadcaster and what is known of its live.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Broadcaster {
    /// Opaque.
    id: String,
    /// Its name in URLs.
    slug: String,
    title: String,
    /// Who is heard in its lives, in the order in which they are named. A recording that begins takes them over.
    speakers: Vec<String>,
    /// What others may do with its lives: an identifier such as `CC-BY-4.0`; empty: none was given. A recording that begins takes it over.
    licence: String,
    /// Whether viewers see a live now.
    on_air: bool,
    /// `idle`, `starting`, `on_air`, `dropped` (the contribution is awaited) or `ended` (just now).
    state: &'static str,
    /// RFC 3339, UTC; null when nothing is on air.
    started_at: Option<String>,
    /// The video that is being recorded or was just finished.
    video_id: Option<String>,
    /// Whether what is shown now is being recorded.
    recorded: bool,
    /// The connection that carries media; null when there is none, and for who may not see it.
    contribution: Option<Contribution>,
    /// What viewers can choose from.
    renditions: Vec<Rendition>,
    /// Low-latency players seen in the last two seconds.
    viewers: u64,
    /// What an operator should know, worst first; nothing for who may not see it.
    health: Vec<Finding>,
    /// `push` (an encoder publishes) or `rtsp` (pulled).
    source: &'static str,
    /// Where it is pulled from, without credentials. Only in answers to who may write.
    #[serde(skip_serializing_if = "Option::is_none")]
    rtsp_url: Option<String>,
    /// `tcp` or `udp`.
    rtsp_transport: &'static str,
    /// How long a live waits for its contribution; null: the server's setting.
    grace_ms: Option<u64>,
    /// Which renditions its lives get: `camera`, `slides` or `low bandwidth`; null: the server's setting.
    preset: Option<String>,
    /// Whether its lives are recorded from their beginning (`automatic`) or when an operator says so (`by_hand`).
    record_start: &'static str,
    /// Languages that its lives are captioned in, in so far as they have a model; null: the server's setting.
    caption_languages: Option<Vec<String>>,
    /// How names are written in its captions, a line each. Only in answers to who may write.
    #[serde(skip_serializing_if = "Option::is_none")]
    vocabulary: Option<Vec<String>>,
    /// Whether nothing but the vocabulary is heard, by models that can be kept to one.
    vocabulary_exclusive: bool,
    created_at: String,
    page_url: String,
    hls_url: String,
}

#[derive(Debug, Serialize, ToSchema)]
struct Contribution {
    protocol: &'static str,
    /// Address and port.
    peer: String,
    /// RFC 3339, UTC.
    since: String,
    video: Option<Video>,
    audio: Option<Audio>,
    bitrate_bps: u64,
    keyframe_interval_ms: Option<u64>,
    /// How much further sound has run than pictures; 0 is in step.
    av_drift_ms: i64,
    timestamp_jumps: u64,
    dropped_frames: u64,
}

// Named apart from videos in the description: names are global there.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ContributionVideo)]
struct Video {
    /// RFC 6381.
    codec: String,
    width: u32,
    height: u32,
    /// Frames per second, measured.
    frame_rate: f64,
}

// Named apart from other sound in the description: names are global there.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ContributionAudio)]
struct Audio {
    /// RFC 6381.
    codec: String,
    sample_rate_hz: u32,
    channels: u8,
}

#[derive(Debug, Serialize, ToSchema)]
struct Rendition {
    name: String,
    /// RFC 6381.
    codec: String,
    /// Null for sound.
    width: Option<u32>,
    /// Null for sound.
    height: Option<u32>,
    bitrate_bps: u64,
}

#[derive(Debug, Serialize, ToSchema)]
struct Finding {
    /// `notice`, `warning` or `error`.
    level: &'static str,
    /// Stable name, such as `disk_full`.
    code: &'static str,
    message: String,
}

/// A state's name in the API.
pub(super) fn state_name(state: State) -> &'static str {
    match state {
        State::Idle => "idle",
        State::Starting => "starting",
        State::OnAir => "on_air",
        State::Dropped => "dropped",
        State::Ended => "ended",
    }
}

/// `/live/<slug>`.
pub(super) fn page_url(slug: &str) -> String {
    format!("/live/{slug}")
}

/// A preset's name, if it is one.
pub(super) fn preset(name: String) -> Result<String, Problem> {
    if live::is_preset(&name) {
        return Ok(name);
    }
    Err(Problem::invalid("preset", format!("must be one of {}", live::presets().join(", "))))
}

/// Language tags, if they are.
pub(super) fn caption_languages(tags: Vec<String>) -> Result<Vec<Language>, Problem> {
    let language = |tag: &String| {
        let wrong = || Problem::invalid("caption_languages", "must be language tags such as \"fr\" or \"en-GB\"");
        Language::new(tag).ok_or_else(wrong)
    };
    tags.iter().map(language).collect()
}

/// A vocabulary's lines, if they are.
pub(super) fn vocabulary(lines: Vec<String>) -> Result<Vocabulary, Problem> {
    Vocabulary::of_lines(lines.iter().map(String::as_str)).map_err(|refused| Problem::invalid("vocabulary", refused))
}

/// `/live/<slug>/master.m3u8`.
pub(super) fn hls_url(slug: &str) -> String {
    format!("/live/{slug}/master.m3u8")
}

impl Broadcaster {
    pub(super) fn new(stored: &stored::Broadcaster, live: Option<&Status>) -> Self {
        let state = live.map_or(State::Idle, |live| live.state);
        Self {
            id: stored.id.to_string(),
            slug: stored.slug.to_string(),
            title: stored.title.clone(),
            speakers: stored.credits.speakers.clone(),
            licence: stored.credits.licence.clone(),
            on_air: state == State::OnAir,
            state: state_name(state),
            started_at: live.and_then(|live| live.started_at).map(rfc3339),
            video_id: live.and_then(|live| live.video_id.clone()),
            recorded: live.is_some_and(|live| live.recorded),
            contribution: live.and_then(|live| live.contribution.as_ref()).map(Contribution::from),
            renditions: live.map_or_else(Vec::new, |live| live.renditions.iter().map(Rendition::from).collect()),
            viewers: live.map_or(0, |live| live.viewers),
            health: live.map_or_else(Vec::new, |live| live.health.iter().map(Finding::from).collect()),
            source: if stored.rtsp_url.is_some() { "rtsp" } else { "push" },
            rtsp_url: None,
            rtsp_transport: stored.rtsp_transport.name(),
            grace_ms: stored.grace.map(|grace| u64::try_from(grace.as_millis()).unwrap_or(u64::MAX)),
            preset: stored.preset.clone(),
            record_start: stored.record_start.name(),
            caption_languages: stored
                .captions
                .languages
                .as_ref()
                .map(|all| all.iter().map(ToString::to_string).collect()),
            vocabulary: None,
            vocabulary_exclusive: stored.captions.exclusive,
            created_at: rfc3339(stored.created_at),
            page_url: page_url(stored.slug.as_str()),
            hls_url: hls_url(stored.slug.as_str()),
        }
    }

    /// With what is known of its live, and of its pull when that fails.
    pub(super) fn of(stored: &stored::Broadcaster, live: &live::Handle) -> Self {
        let slug = stored.slug.as_str();
        let mut shown = Self::new(stored, live.status(slug).as_deref());
        shown.health.extend(live.pull_finding(slug).as_ref().map(Finding::from));
        shown
    }

    /// Without what its encoder sends and how its engines do: its operators' affair.
    pub(super) fn without_figures(self) -> Self {
        Self { contribution: None, health: Vec::new(), ..self }
    }

    /// With where it is pulled from and its vocabulary, for who may change them.
    pub(super) fn to_writer(stored: &stored::Broadcaster, live: Option<&Status>) -> Self {
        let rtsp_url = stored.rtsp_url.as_ref().map(ToString::to_string);
        Self { rtsp_url, vocabulary: Some(stored.captions.vocabulary.lines()), ..Self::new(stored, live) }
    }
}

impl From<&status::Contribution> for Contribution {
    fn from(from: &status::Contribution) -> Self {
        Self {
            protocol: from.protocol.name(),
            peer: from.peer.to_string(),
            since: rfc3339(from.since),
            video: from.video.as_ref().map(|video| Video {
                codec: video.codec.clone(),
                width: video.width,
                height: video.height,
                frame_rate: video.frame_rate,
            }),
            audio: from.audio.as_ref().map(|audio| Audio {
                codec: audio.codec.clone(),
                sample_rate_hz: audio.sample_rate_hz,
                channels: audio.channels,
            }),
            bitrate_bps: from.bitrate_bps,
            keyframe_interval_ms: from.keyframe_interval_ms,
            av_drift_ms: from.av_drift_ms,
            timestamp_jumps: from.timestamp_jumps,
            dropped_frames: from.dropped_frames,
        }
    }
}

impl From<&status::Rendition> for Rendition {
    fn from(from: &status::Rendition) -> Self {
        Self {
            name: from.name.clone(),
            codec: from.codec.clone(),
            width: from.size.map(|(width, _)| width),
            height: from.size.map(|(_, height)| height),
            bitrate_bps: from.bitrate_bps,
        }
    }
}

impl From<&status::Finding> for Finding {
    fn from(from: &status::Finding) -> Self {
        let level = match from.level {
            Level::Notice => "notice",
            Level::Warning => "warning",
            Level::Error => "error",
        };
        Self { level, code: from.code, message: from.message.clone() }
    }
}

/// The one that a path names; what can't be a slug is not there either.
pub(super) async fn find(catalogue: &Catalogue, slug: &str) -> Result<stored::Broadcaster, Problem> {
    let not_found = || Problem::not_found("broadcaster");
    let slug = slug.parse().map_err(|_| not_found())?;
    catalogue.broadcaster_by_slug(&slug).await?.ok_or_else(not_found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::broadcaster::BroadcasterChange;
    use crate::http::api::support::{Api, NOW};
    use media::ingest::Protocol;
    use serde_json::json;

    #[tokio::test]
    async fn a_live_is_shown_with_the_fields_of_the_contract() {
        let api = Api::new().await;
        let stored = api.hall("hall").await;
        let change = BroadcasterChange { rtsp_url: Some("rtsp://u:hunter2@cam/1".parse().ok()), ..Default::default() };
        let stored = api.catalogue.update_broadcaster(&stored.id, change).await.unwrap();
        let live = Status {
            state: State::OnAir,
            video_id: Some("aaaaaaaaaaaaaaaa".into()),
            started_at: Some(NOW),
            recorded: true,
            contribution: Some(status::Contribution {
                protocol: Protocol::Rtmp,
                peer: "127.0.0.1:5000".parse().unwrap(),
                since: NOW,
                video: Some(status::Video { codec: "avc1.64001f".into(), width: 640, height: 360, frame_rate: 25.0 }),
                audio: Some(status::Audio { codec: "mp4a.40.2".into(), sample_rate_hz: 48_000, channels: 2 }),
                bitrate_bps: 600_000,
                keyframe_interval_ms: Some(2_000),
                av_drift_ms: -3,
                pace_permille: Some(1_000),
                silent_ms: 40,
                timestamp_jumps: 1,
                dropped_frames: 0,
            }),
            renditions: vec![status::Rendition {
                name: "source".into(),
                codec: "avc1.64001f".into(),
                size: Some((640, 360)),
                bitrate_bps: 550_000,
            }],
            renditions_version: 1,
            viewers: 3,
            peak_viewers: 5,
            encoder: None,
            loudness: None,
            engine_speed: Some(1.0),
            captions_lag: None,
            health: vec![status::Finding { level: Level::Error, code: "disk_full", message: "Make room.".into() }],
        };
        let shown = serde_json::to_value(Broadcaster::new(&stored, Some(&live))).unwrap();
        let expected = json!({
            "id": stored.id.as_str(), "slug": "hall", "title": "Hall hall", "speakers": [], "licence": "", "on_air": true, "state": "on_air",
            "started_at": "2026-09-21T14:13:20.000Z", "video_id": "aaaaaaaaaaaaaaaa",
            "recorded": true,
            "contribution": {
                "protocol": "rtmp", "peer": "127.0.0.1:5000", "since": "2026-09-21T14:13:20.000Z",
                "video": {"codec": "avc1.64001f", "width": 640, "height": 360, "frame_rate": 25.0},
                "audio": {"codec": "mp4a.40.2", "sample_rate_hz": 48_000, "channels": 2},
                "bitrate_bps": 600_000, "keyframe_interval_ms": 2_000, "av_drift_ms": -3, "timestamp_jumps": 1,
                "dropped_frames": 0
            },
            "renditions": [
                {"name": "source", "codec": "avc1.64001f", "width": 640, "height": 360, "bitrate_bps": 550_000}
            ],
            "viewers": 3,
            "health": [{"level": "error", "code": "disk_full", "message": "Make room."}],
            "source": "rtsp", "rtsp_transport": "tcp", "grace_ms": null, "preset": null,
            "record_start": "automatic", "caption_languages": null, "vocabulary_exclusive": false,
            "created_at": "2026-09-21T14:13:20.000Z", "page_url": "/live/hall", "hls_url": "/live/hall/master.m3u8"
        });
        assert_eq!(shown, expected);
        let to_writers = serde_json::to_value(Broadcaster::to_writer(&stored, Some(&live))).unwrap();
        assert_eq!(to_writers["rtsp_url"], "rtsp://cam/1");
        assert_eq!(to_writers["vocabulary"], json!([]));
        let dropped = Status { state: State::Dropped, ..live };
        assert!(!Broadcaster::new(&stored, Some(&dropped)).on_air);
    }
}
