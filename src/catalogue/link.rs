//! Links that open a draft to who has no account: revocable, and with an end.

use super::database::Row;
use super::id::{LinkId, VideoId};
use super::secret::{Digest, LinkToken};
use super::slug;
use super::{Catalogue, Error};
use crate::policy::who::Proof;
use media::time::WallTime;
use std::time::Duration;

/// What is known of a link; never the link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Names it without being it.
    pub id: LinkId,
    /// For whom it is.
    pub label: String,
    /// When it was made.
    pub created_at: WallTime,
    /// Opens nothing from then on.
    pub expires_at: WallTime,
    /// Opens nothing since.
    pub revoked_at: Option<WallTime>,
}

/// A link that lives longer is forgotten by who made it.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 3_600);

fn model(row: &Row) -> Result<Link, Error> {
    Ok(Link {
        id: row.parsed("id")?,
        label: row.text("label")?,
        created_at: row.time("created_ms")?,
        expires_at: row.time("expires_ms")?,
        revoked_at: row.maybe_time("revoked_ms")?,
    })
}

impl Catalogue {
    /// A video's links, newest first, revoked and expired ones included.
    ///
    /// # Errors
    /// `Database`.
    pub async fn links(&self, video: &VideoId) -> Result<Vec<Link>, Error> {
        let statement = self
            .statement(
                "SELECT id, label, created_ms, expires_ms, revoked_ms FROM share_links \
                 WHERE tenant_id = $1 AND video_id = $2 ORDER BY created_ms DESC, id",
            )
            .bind(video.as_str());
        self.database.rows(statement).await?.iter().map(model).collect()
    }

    /// One more link. Its token is only here and now.
    ///
    /// # Errors
    /// `NotFound` without such a video; `Invalid` label, or an end that has passed or is more than a year away; `Database`.
    pub async fn add_link(
        &self,
        video: &VideoId,
        label: &str,
        expires_at: WallTime,
        now: WallTime,
    ) -> Result<(Link, LinkToken), Error> {
        if expires_at <= now || expires_at.since(now) > LONGEST {
            return Err(Error::invalid("expires", "must lie in the future, within a year"));
        }
        let (id, token) = (LinkId::random()?, LinkToken::random()?);
        let digest = Digest::of(token.reveal()).ok_or(Error::invalid("token", "is empty"))?;
        let statement = self
            .statement(
                "INSERT INTO share_links (tenant_id, id, video_id, token_sha256, token_lookup, label, created_ms, \
                 expires_ms) SELECT tenant_id, $2, id, $4, $5, $6, $7, $8 FROM videos \
                 WHERE tenant_id = $1 AND id = $3 AND deleted_ms IS NULL",
            )
            .bind(id.as_str())
            .bind(video.as_str())
            .bind(digest.as_str())
            .bind(digest.lookup())
            .bind(slug::title("label", label)?)
            .bind(now.millis())
            .bind(expires_at.millis());
        if self.database.execute(statement).await? == 0 {
            return Err(Error::NotFound("video"));
        }
        let made = self.links(video).await?.into_iter().find(|link| link.id == id);
        Ok((made.ok_or(Error::NotFound("link"))?, token))
    }

    /// Opens nothing from now on. Revoking twice changes nothing.
    ///
    /// # Errors
    /// `NotFound` unless the video has such a link; `Database`.
    pub async fn revoke_link(&self, video: &VideoId, id: &LinkId, now: WallTime) -> Result<(), Error> {
        let statement = self
            .statement(
                "UPDATE share_links SET revoked_ms = COALESCE(revoked_ms, $4) \
                 WHERE tenant_id = $1 AND video_id = $2 AND id = $3",
            )
            .bind(video.as_str())
            .bind(id.as_str())
            .bind(now.millis());
        if self.database.execute(statement).await? == 0 { Err(Error::NotFound("link")) } else { Ok(()) }
    }

    /// What a link proves, whether it still opens anything or not; `None`: it is none of ours.
    ///
    /// # Errors
    /// `Database`.
    pub async fn find_link(&self, token: &LinkToken) -> Result<Option<Proof>, Error> {
        let Some(digest) = Digest::of(token.reveal()) else { return Ok(None) };
        let statement = self
            .statement(
                "SELECT video_id, token_sha256, expires_ms, revoked_ms FROM share_links \
                 WHERE tenant_id = $1 AND token_lookup = $2",
            )
            .bind(digest.lookup());
        let Some(row) = digest.find(self.database.rows(statement).await?)? else { return Ok(None) };
        Ok(Some(Proof::Link {
            object: row.text("video_id")?,
            expires_at: row.time("expires_ms")?,
            revoked: row.maybe_int("revoked_ms")?.is_some(),
        }))
    }
}
