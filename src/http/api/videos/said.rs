//! What is said of a video, as the API takes and shows it.

use super::Video;
use crate::archive::layout::Layout;
use crate::catalogue::Catalogue;
use crate::catalogue::details::{self, DetailsChange};
use crate::catalogue::video::{self as stored, VideoChange};
use crate::http::input::{parsed, present};
use crate::http::problem::Problem;
use media::caption::language::Language;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use utoipa::ToSchema;

/// A video and what is said of it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DescribedVideo {
    #[serde(flatten)]
    video: Video,
    #[serde(flatten)]
    details: VideoDetails,
}

impl DescribedVideo {
    /// With all that lies beside its media and in the catalogue.
    pub(super) async fn of(stored: &stored::Video, catalogue: &Catalogue, layout: &Layout) -> Result<Self, Problem> {
        let details = catalogue.details(&stored.id).await?.ok_or_else(|| Problem::not_found("video"))?;
        Ok(Self { video: Video::of(stored, layout).await, details: VideoDetails::new(details) })
    }
}

/// What is said of a video.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct VideoDetails {
    /// Markdown; empty for none.
    description: String,
    /// Of what is said: BCP 47; null: unknown.
    language: Option<String>,
    /// `lecture`, `seminar`, `conference`, `tutorial`, `ceremony` or `other`.
    kind: &'static str,
    /// An identifier such as `CC-BY-4.0`; empty: none was given.
    licence: String,
    /// In lower case.
    tags: Vec<String>,
    /// In the order in which they are named.
    speakers: Vec<String>,
    /// By their start.
    chapters: Vec<Chapter>,
    /// Its poster shows this moment of the whole recording; null: chosen by machine.
    poster_at_ms: Option<u64>,
}

/// Where something begins.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Chapter {
    /// Of the whole recording.
    start_ms: u64,
    /// 1 to 200 characters.
    title: String,
}

impl VideoDetails {
    fn new(stored: details::Details) -> Self {
        let chapter = |chapter: details::Chapter| Chapter {
            start_ms: u64::try_from(chapter.start.as_millis()).unwrap_or(u64::MAX),
            title: chapter.title,
        };
        Self {
            description: stored.description,
            language: stored.language.map(|language| language.tag().to_owned()),
            kind: stored.kind.name(),
            licence: stored.licence,
            tags: stored.tags.into_iter().collect(),
            speakers: stored.speakers,
            chapters: stored.chapters.into_iter().map(chapter).collect(),
            poster_at_ms: stored.poster_at.map(|at| u64::try_from(at.as_millis()).unwrap_or(u64::MAX)),
        }
    }
}

/// What to change; what is not there stays.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = VideoChange)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wish {
    /// 1 to 200 characters.
    title: Option<String>,
    /// Whether it appears in lists.
    listed: Option<bool>,
    /// Markdown, at most 10,000 characters.
    description: Option<String>,
    /// Of what is said: BCP 47; null: unknown.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    language: Option<Option<String>>,
    /// `lecture`, `seminar`, `conference`, `tutorial`, `ceremony` or `other`.
    kind: Option<String>,
    /// An identifier such as `CC-BY-4.0`; empty for none.
    licence: Option<String>,
    /// At most 30 of at most 50 characters without commas; replaces all.
    tags: Option<Vec<String>>,
    /// At most 30 names of at most 200 characters; replaces all.
    speakers: Option<Vec<String>>,
    /// At most 200, no two at one moment; replaces all.
    chapters: Option<Vec<Chapter>>,
    /// Its poster shows this moment of the whole recording; null: chosen by machine.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<u64>)]
    poster_at_ms: Option<Option<u64>>,
}

impl Wish {
    /// # Errors
    /// 422 with the name of a field that can't be read.
    pub(super) fn change(self) -> Result<DetailsChange, Problem> {
        let language = |tag: Option<String>| match tag {
            None => Ok(None),
            Some(tag) => match Language::new(&tag) {
                Some(language) => Ok(Some(language)),
                None => Err(Problem::invalid("language", "must be a language tag such as fr or en-GB")),
            },
        };
        let chapter = |chapter: Chapter| details::Chapter {
            start: Duration::from_millis(chapter.start_ms),
            title: chapter.title,
        };
        Ok(DetailsChange {
            video: VideoChange { title: self.title, listed: self.listed },
            description: self.description,
            language: self.language.map(language).transpose()?,
            kind: self.kind.map(|kind| parsed("kind", &kind)).transpose()?,
            licence: self.licence,
            tags: self.tags,
            speakers: self.speakers,
            chapters: self.chapters.map(|chapters| chapters.into_iter().map(chapter).collect()),
            poster_at: self.poster_at_ms.map(|at| at.map(Duration::from_millis)),
            ..DetailsChange::default()
        })
    }
}
