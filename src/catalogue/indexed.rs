//! What the search makes its index from, and those of what it finds that may be for somebody.

use super::access::among;
use super::database::Row;
use super::details::Cut;
use super::id::VideoId;
use super::video::{self, Readers, Video};
use super::{Catalogue, Error};
use media::caption::language::Language;
use std::collections::BTreeMap;

/// What people say of a video, in which they may look for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Indexed {
    /// Names it.
    pub id: VideoId,
    /// Its title.
    pub title: String,
    /// The title of the broadcaster whose live it was.
    pub broadcaster: String,
    /// Markdown.
    pub description: String,
    /// Of what is said; `None`: unknown.
    pub language: Option<Language>,
    /// In lower case.
    pub tags: Vec<String>,
    /// In the order in which they are named.
    pub speakers: Vec<String>,
    /// Which part of it is shown.
    pub cut: Cut,
}

// Who it is for is asked when it is found: it is none of the index's knowledge.
const INDEXED: &str = "SELECT v.id, v.title, b.title AS broadcaster, v.description, v.language, v.cut_start_ms, v.cut_end_ms \
     FROM videos v JOIN broadcasters b ON b.tenant_id = v.tenant_id AND b.id = v.broadcaster_id \
     WHERE v.tenant_id = $1 AND v.deleted_ms IS NULL AND v.state = 'ended'";

fn model(row: &Row) -> Result<Indexed, Error> {
    Ok(Indexed {
        id: row.parsed("id")?,
        title: row.text("title")?,
        broadcaster: row.text("broadcaster")?,
        description: row.text("description")?,
        language: row.maybe_text("language")?.as_deref().and_then(Language::new),
        tags: Vec::new(),
        speakers: Vec::new(),
        cut: Cut { start: row.maybe_duration("cut_start_ms")?, end: row.maybe_duration("cut_end_ms")? },
    })
}

impl Catalogue {
    /// Complete videos that are not deleted, whoever they are for, by id: at most `limit` of those after `after`.
    ///
    /// # Errors
    /// `Database`.
    pub async fn indexed(&self, after: Option<&VideoId>, limit: usize) -> Result<Vec<Indexed>, Error> {
        let mut statement = self.statement(INDEXED);
        if let Some(after) = after {
            statement = statement.push_bind(" AND v.id > ", after.as_str());
        }
        let statement =
            statement.push(" ORDER BY v.id").push_bind(" LIMIT ", i64::try_from(limit.max(1)).unwrap_or(i64::MAX));
        let rows = self.database.rows(statement).await?;
        self.with_names(rows.iter().map(model).collect::<Result<_, _>>()?).await
    }

    /// One of them; `None`: it is none.
    ///
    /// # Errors
    /// `Database`.
    pub async fn indexed_one(&self, id: &VideoId) -> Result<Option<Indexed>, Error> {
        let row = self.database.row(self.statement(INDEXED).push_bind(" AND v.id = ", id.as_str())).await?;
        let found = row.as_ref().map(model).transpose()?;
        Ok(self.with_names(found.into_iter().collect()).await?.pop())
    }

    async fn with_names(&self, mut videos: Vec<Indexed>) -> Result<Vec<Indexed>, Error> {
        let places: BTreeMap<VideoId, usize> =
            videos.iter().enumerate().map(|(at, video)| (video.id.clone(), at)).collect();
        let of_them = |sql| among(self.statement(sql), " AND video_id", places.keys().map(VideoId::as_str));
        let tags = of_them("SELECT video_id, tag AS name FROM video_tags WHERE tenant_id = $1").push(" ORDER BY tag");
        for row in self.database.rows(tags).await? {
            if let Some(at) = places.get(&row.parsed("video_id")?) {
                videos[*at].tags.push(row.text("name")?);
            }
        }
        let speakers =
            of_them("SELECT video_id, name FROM video_speakers WHERE tenant_id = $1").push(" ORDER BY position");
        for row in self.database.rows(speakers).await? {
            if let Some(at) = places.get(&row.parsed("video_id")?) {
                videos[*at].speakers.push(row.text("name")?);
            }
        }
        Ok(videos)
    }

    /// Those of these that are complete, not deleted, and may be for somebody, in no order. The policy has the last word.
    ///
    /// # Errors
    /// `Database`.
    pub async fn videos_among(&self, ids: &[VideoId], readers: Readers<'_>) -> Result<Vec<Video>, Error> {
        let statement = self.complete_among(ids, readers);
        self.database.rows(statement).await?.iter().map(video::model).collect()
    }
}
