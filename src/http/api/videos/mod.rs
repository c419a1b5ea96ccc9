//! Videos as the API shows them.

pub(super) mod captions;
pub(super) mod cut;
pub(super) mod delete;
pub(super) mod get;
pub(super) mod list;
pub(super) mod restore;
pub(super) mod said;
pub(super) mod update;

use crate::archive::layout::Layout;
use crate::archive::transcript::{self, Offered};
use crate::catalogue::id::VideoId;
use crate::catalogue::video as stored;
use crate::clock::rfc3339;
use crate::http::problem::Problem;
use serde::Serialize;
use utoipa::ToSchema;

/// A video.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Video {
    /// Opaque.
    id: String,
    title: String,
    /// The slug of the broadcaster whose live it was.
    broadcaster: String,
    /// `live` while it is being recorded, then `ended`.
    state: &'static str,
    /// Whether it appears in lists.
    listed: bool,
    /// RFC 3339, UTC.
    started_at: String,
    /// RFC 3339, UTC; null while live.
    ended_at: Option<String>,
    /// Of what is shown; null while live.
    duration_ms: Option<u64>,
    hls_url: String,
    page_url: String,
    /// A picture of it; null while there is none (yet).
    poster_url: Option<String>,
    captions: Vec<Caption>,
}

/// Captions of a video in one language.
#[derive(Debug, Serialize, ToSchema)]
struct Caption {
    /// BCP 47.
    language: String,
    /// WebVTT. With `.srt` for SubRip, `.txt` for a text to read, `.jsonl` for words with times and confidence.
    url: String,
    machine_generated: bool,
}

impl Video {
    /// With the captions that lie beside its media.
    pub(super) async fn of(stored: &stored::Video, layout: &Layout) -> Self {
        Self::new(stored, &transcript::offered(layout, stored.id.as_str()).await)
    }

    fn new(stored: &stored::Video, offered: &[Offered]) -> Self {
        let caption = |offered: &Offered| Caption {
            language: offered.language.tag().to_owned(),
            url: format!("/videos/{}/captions/{}.vtt", stored.id, offered.language.tag()),
            machine_generated: offered.by_machine,
        };
        Self {
            id: stored.id.to_string(),
            title: stored.title.clone(),
            broadcaster: stored.broadcaster.to_string(),
            state: stored.state.name(),
            listed: stored.listed,
            started_at: rfc3339(stored.started_at),
            ended_at: stored.ended_at.map(rfc3339),
            duration_ms: stored.shown_ms(),
            hls_url: stored.hls_url(),
            page_url: stored.page_url(),
            poster_url: stored.poster_url(),
            captions: offered.iter().map(caption).collect(),
        }
    }
}

/// The id that a path names; what can't be one is not there either.
pub(super) fn id(text: &str) -> Result<VideoId, Problem> {
    text.parse().map_err(|_| Problem::not_found("video"))
}
