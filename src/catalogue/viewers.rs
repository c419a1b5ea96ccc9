//! How many watched: a live's viewers by the minute, and a video's views. Nothing here says who.

use super::access::among;
use super::id::{BroadcasterId, VideoId};
use super::slug::Slug;
use super::statement::int;
use super::{Catalogue, Error};
use media::time::WallTime;
use std::collections::BTreeMap;

/// A minute of a live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ViewerMinute {
    /// Its beginning.
    pub at: WallTime,
    /// The most that watched at once.
    pub viewers: u64,
}

/// Minutes of one answer: a day and a half.
pub const MAX_MINUTES: usize = 2_160;

impl Catalogue {
    /// Keeps the most viewers that lives had in the minute that begins at `at`, all of them in one transaction. What is said again of a
    /// minute only raises it. A slug that is nobody's (any more) is left out.
    ///
    /// # Errors
    /// `Invalid`, `Database`.
    pub async fn add_viewer_minute(&self, at: WallTime, lives: &[(Slug, u64)]) -> Result<(), Error> {
        let mut tx = self.database.begin().await?;
        for (slug, viewers) in lives {
            let statement = self
                .statement(
                    "INSERT INTO viewer_minutes (tenant_id, broadcaster_id, minute_ms, viewers) \
                     SELECT tenant_id, id, $3, $4 FROM broadcasters \
                     WHERE tenant_id = $1 AND slug = $2 AND deleted_ms IS NULL \
                     ON CONFLICT (tenant_id, broadcaster_id, minute_ms) DO UPDATE SET viewers = \
                     CASE WHEN excluded.viewers > viewer_minutes.viewers THEN excluded.viewers ELSE viewer_minutes.viewers END",
                )
                .bind(slug.as_str())
                .bind(at.millis())
                .bind(int("viewers", *viewers)?);
            tx.execute(statement).await?;
        }
        tx.commit().await
    }

    /// A broadcaster's minutes from `from` on, oldest first: the newest [`MAX_MINUTES`] of them.
    ///
    /// # Errors
    /// `Database`.
    pub async fn viewer_minutes(&self, id: &BroadcasterId, from: WallTime) -> Result<Vec<ViewerMinute>, Error> {
        let limit = i64::try_from(MAX_MINUTES).unwrap_or(i64::MAX);
        let statement = self
            .statement(
                "SELECT minute_ms, viewers FROM viewer_minutes \
                 WHERE tenant_id = $1 AND broadcaster_id = $2 AND minute_ms >= $3 ORDER BY minute_ms DESC LIMIT $4",
            )
            .bind(id.as_str())
            .bind(from.millis())
            .bind(limit);
        let rows = self.database.rows(statement).await?;
        let minutes = rows
            .iter()
            .rev()
            .map(|row| Ok(ViewerMinute { at: row.time("minute_ms")?, viewers: row.unsigned("viewers")? }));
        minutes.collect()
    }

    /// Adds views to videos, in one transaction.
    ///
    /// # Errors
    /// `Invalid`, `Database`.
    pub async fn add_views(&self, views: &BTreeMap<VideoId, u64>) -> Result<(), Error> {
        let mut tx = self.database.begin().await?;
        for (id, more) in views {
            let statement = self
                .statement(
                    "INSERT INTO video_views (tenant_id, video_id, views) \
                     SELECT tenant_id, id, $3 FROM videos WHERE tenant_id = $1 AND id = $2 \
                     ON CONFLICT (tenant_id, video_id) DO UPDATE SET views = video_views.views + excluded.views",
                )
                .bind(id.as_str())
                .bind(int("views", *more)?);
            tx.execute(statement).await?;
        }
        tx.commit().await
    }

    /// Listed videos that were watched most, the most often watched first. Whom one is shown to is not asked here. Reads all counts: for who keeps
    /// the answer for a while.
    ///
    /// # Errors
    /// `Database`.
    pub async fn most_viewed(&self, limit: usize) -> Result<Vec<VideoId>, Error> {
        let statement = self
            .statement(
                "SELECT w.video_id FROM video_views w JOIN videos v ON v.tenant_id = w.tenant_id AND v.id = w.video_id \
                 WHERE w.tenant_id = $1 AND v.state = 'ended' AND v.listed = TRUE AND v.deleted_ms IS NULL AND w.views > 0",
            )
            .push(" ORDER BY w.views DESC, w.video_id")
            .push_bind(" LIMIT ", i64::try_from(limit).unwrap_or(i64::MAX));
        self.database.rows(statement).await?.iter().map(|row| row.parsed("video_id")).collect()
    }

    /// How often videos were watched. Those that nobody watched are not in the answer.
    ///
    /// # Errors
    /// `Database`.
    pub async fn views(&self, ids: &[VideoId]) -> Result<BTreeMap<VideoId, u64>, Error> {
        let statement = self.statement("SELECT video_id, views FROM video_views WHERE tenant_id = $1");
        let statement = among(statement, " AND video_id", ids.iter().map(VideoId::as_str));
        let rows = self.database.rows(statement).await?;
        rows.iter().map(|row| Ok((row.parsed("video_id")?, row.unsigned("views")?))).collect()
    }
}
