//! What the wall says of a broadcaster, in figures and stable names: the page has the words. Pure.

use crate::http::pages::model::state_name;
use crate::live::status::{Finding, Level, State, Status};
use serde_json::{Map, Value, json};

/// Alerts of one tile; more are no help.
const MAX_ALERTS: usize = 8;

/// A broadcaster as it looks. The order of [`Tile::fields`] is fixed.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Tile {
    pub(super) slug: String,
    pub(super) title: String,
    /// Name of its state: `idle`, `starting`, `on_air`, `dropped` or `ended`.
    pub(super) state: &'static str,
    /// The worst of what is to be known: `ok`, `notice`, `warning` or `error`.
    pub(super) level: &'static str,
    /// A recording goes on.
    pub(super) recorded: bool,
    /// Milliseconds since the epoch.
    pub(super) since_ms: Option<i64>,
    /// When what its picture shows was so, milliseconds since the epoch; `None`: there is none.
    pub(super) picture_ms: Option<i64>,
    pub(super) viewers: u64,
    pub(super) peak: u64,
    pub(super) protocol: Option<&'static str>,
    pub(super) codec: Option<String>,
    pub(super) size: Option<String>,
    pub(super) fps: Option<f64>,
    pub(super) kbps: Option<u64>,
    pub(super) keyframe_ms: Option<u64>,
    pub(super) drift_ms: Option<i64>,
    pub(super) repairs: Option<u64>,
    pub(super) drops: Option<u64>,
    /// Such as `mp4a.40.2 48 kHz ×2`.
    pub(super) sound: Option<String>,
    /// Its loudest sample and its mean power in the last second, dBFS.
    pub(super) loudness: Option<String>,
    /// Names, such as `source 720p audio`.
    pub(super) renditions: String,
    /// Percent of real time that is received.
    pub(super) pace: Option<u64>,
    /// Percent of real time that the engine makes.
    pub(super) speed: Option<u64>,
    pub(super) lag_ms: Option<u64>,
    /// Level and stable name, worst first.
    pub(super) alerts: Vec<Alert>,
}

/// Something to be known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Alert {
    rank: Level,
    pub(super) code: &'static str,
}

/// Findings that there are words for: what it is, and what to do.
const CODES: [&str; 27] = [
    "captions_doubtful",
    "captions_late",
    "captions_no_model",
    "captions_slow",
    "captions_unavailable",
    "captions_vocabulary",
    "disk_error",
    "disk_full",
    "dropped_frames",
    "engine_given_up",
    "engine_lost",
    "engine_missing",
    "fewer_renditions",
    "keyframe_interval",
    "no_audio",
    "no_contribution",
    "no_room_for_captions",
    "no_room_for_renditions",
    "not_recorded",
    "other_encoder",
    "recording_off",
    "rtsp_pull",
    "rtsp_tracks",
    "silent",
    "silent_sound",
    "starved",
    "timestamp_jumps",
];
const LEVELS: [&str; 3] = ["error", "notice", "warning"];
const STATES: [&str; 5] = ["dropped", "ended", "idle", "on_air", "starting"];

/// Keys of the texts that the page's script puts in: states, levels and findings.
pub(super) fn words() -> Vec<String> {
    let named = |kind: &'static str| move |name: &str| key(kind, name);
    let findings = CODES.iter().copied().chain(["other"]);
    let states = STATES.iter().copied().map(named("state"));
    states.chain(LEVELS.iter().copied().map(named("level"))).chain(findings.map(named("finding"))).collect()
}

fn key(kind: &str, name: &str) -> String {
    format!("{kind}-{}", name.replace('_', "-"))
}

impl Alert {
    fn new(finding: &Finding) -> Self {
        Self { rank: finding.level, code: finding.code }
    }

    pub(super) fn level(&self) -> &'static str {
        level(self.rank)
    }

    pub(super) fn level_key(&self) -> String {
        key("level", self.level())
    }

    pub(super) fn text_key(&self) -> String {
        key("finding", if CODES.contains(&self.code) { self.code } else { "other" })
    }
}

impl Tile {
    /// Of a broadcaster; without a status nothing is on air.
    pub(super) fn new(slug: &str, title: &str, status: Option<&Status>, pull: Option<&Finding>) -> Self {
        let health = status.map_or(&[][..], |status| &status.health);
        let mut alerts: Vec<Alert> = pull.into_iter().chain(health).map(Alert::new).collect();
        alerts.sort_by_key(|alert| std::cmp::Reverse(alert.rank));
        alerts.truncate(MAX_ALERTS);
        let idle = Self {
            slug: slug.to_owned(),
            title: title.to_owned(),
            state: state_name(State::Idle),
            level: alerts.first().map_or("ok", |alert| alert.level()),
            alerts,
            ..Self::default()
        };
        let Some(status) = status else { return idle };
        let contribution = status.contribution.as_ref();
        let video = contribution.and_then(|c| c.video.as_ref());
        let sound = contribution.and_then(|c| c.audio.as_ref());
        Self {
            state: state_name(status.state),
            recorded: status.recorded,
            since_ms: status.started_at.map(|at| at.millis()),
            viewers: status.viewers,
            peak: status.peak_viewers,
            protocol: contribution.map(|c| c.protocol.name()),
            codec: video.map(|v| v.codec.clone()),
            size: video.map(|v| format!("{}×{}", v.width, v.height)),
            fps: video.map(|v| (v.frame_rate * 10.0).round() / 10.0),
            kbps: contribution.map(|c| c.bitrate_bps / 1_000),
            keyframe_ms: contribution.and_then(|c| c.keyframe_interval_ms),
            drift_ms: contribution.map(|c| c.av_drift_ms),
            repairs: contribution.map(|c| c.timestamp_jumps),
            drops: contribution.map(|c| c.dropped_frames),
            sound: sound.map(|a| format!("{} {} kHz ×{}", a.codec, f64::from(a.sample_rate_hz) / 1_000.0, a.channels)),
            loudness: status.loudness.map(|l| format!("{:.0} / {:.0}", l.peak_dbfs, l.mean_dbfs)),
            renditions: status.renditions.iter().map(|r| r.name.as_str()).collect::<Vec<_>>().join(" "),
            pace: contribution.and_then(|c| c.pace_permille).map(|permille| permille / 10),
            speed: status.engine_speed.map(percent),
            lag_ms: status.captions_lag.map(|lag| u64::try_from(lag.as_millis()).unwrap_or(u64::MAX)),
            ..idle
        }
    }

    /// Key of its state's text.
    pub(super) fn state_key(&self) -> String {
        key("state", self.state)
    }

    /// As the page is told.
    fn fields(&self) -> [(&'static str, Value); 24] {
        let alerts: Vec<Value> = self.alerts.iter().map(|a| json!([a.level(), a.code])).collect();
        [
            ("title", json!(self.title)),
            ("state", json!(self.state)),
            ("level", json!(self.level)),
            ("recorded", json!(self.recorded)),
            ("since_ms", json!(self.since_ms)),
            ("picture_ms", json!(self.picture_ms)),
            ("viewers", json!(self.viewers)),
            ("peak", json!(self.peak)),
            ("protocol", json!(self.protocol)),
            ("codec", json!(self.codec)),
            ("size", json!(self.size)),
            ("fps", json!(self.fps)),
            ("kbps", json!(self.kbps)),
            ("keyframe_ms", json!(self.keyframe_ms)),
            ("drift_ms", json!(self.drift_ms)),
            ("repairs", json!(self.repairs)),
            ("drops", json!(self.drops)),
            ("sound", json!(self.sound)),
            ("loudness", json!(self.loudness)),
            ("renditions", json!(self.renditions)),
            ("pace", json!(self.pace)),
            ("speed", json!(self.speed)),
            ("lag_ms", json!(self.lag_ms)),
            ("alerts", json!(alerts)),
        ]
    }

    /// All of it.
    pub(super) fn whole(&self) -> String {
        self.object(|_| true)
    }

    /// What is other than before; `None`: nothing.
    pub(super) fn since(&self, before: &Self) -> Option<String> {
        if self == before {
            return None;
        }
        let before = before.fields();
        Some(self.object(|(name, value)| before.iter().any(|(known, then)| known == name && then != value)))
    }

    fn object(&self, wanted: impl Fn(&(&'static str, Value)) -> bool) -> String {
        let mut object: Map<String, Value> =
            self.fields().into_iter().filter(wanted).map(|(name, value)| (name.to_owned(), value)).collect();
        object.insert("slug".to_owned(), json!(self.slug));
        Value::Object(object).to_string()
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a speed is small and not negative")]
pub(super) fn percent(factor: f64) -> u64 {
    (factor.clamp(0.0, 1_000.0) * 100.0).round() as u64
}

fn level(level: Level) -> &'static str {
    match level {
        Level::Notice => "notice",
        Level::Warning => "warning",
        Level::Error => "error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::pages::texts::Language;

    #[test]
    fn what_has_not_changed_is_not_said_again() {
        let idle = Tile::new("hall", "Hall", None, None);
        assert_eq!((idle.state, idle.level), ("idle", "ok"));
        let finding = |level, code| Finding { level, code, message: "Look.".to_owned() };
        let status = Status {
            state: State::OnAir,
            viewers: 3,
            health: vec![finding(Level::Error, "starved"), finding(Level::Notice, "no_audio")],
            ..Status::starting()
        };
        let on_air = Tile::new("hall", "Hall", Some(&status), None);
        assert_eq!(on_air.since(&on_air), None);
        let told: Value = serde_json::from_str(&on_air.since(&idle).unwrap()).unwrap();
        let expected = json!({
            "slug": "hall", "state": "on_air", "level": "error", "viewers": 3,
            "alerts": [["error", "starved"], ["notice", "no_audio"]],
        });
        assert_eq!(told, expected);
        let whole: Value = serde_json::from_str(&on_air.whole()).unwrap();
        assert_eq!((whole["title"].as_str(), whole["fps"].is_null()), (Some("Hall"), true));
    }

    #[test]
    fn what_scripts_put_in_has_words_in_both_languages() {
        for key in words() {
            for language in [Language::English, Language::French] {
                assert_ne!(language.texts().get(&key), key, "{language:?}");
            }
        }
    }
}
