//! Stream keys: who may publish to a broadcaster.

use super::broadcaster::Broadcaster;
use super::database::Row;
use super::id::{BroadcasterId, KeyId};
use super::secret::{Digest, new_stream_key};
use super::slug::{self, Slug};
use super::statement::Statement;
use super::{Catalogue, Error, taken};
use media::ingest::StreamKey;
use media::time::WallTime;

/// What is known of a key; never the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Names it without being it.
    pub id: KeyId,
    /// Which box or person has it.
    pub label: String,
    /// When it was made.
    pub created_at: WallTime,
    /// Refused since.
    pub revoked_at: Option<WallTime>,
    /// To the minute.
    pub last_used_at: Option<WallTime>,
}

/// Uses closer together than this are one, so that an encoder that comes back every second does not write every second.
const USE_RESOLUTION_MS: i64 = 60_000;

fn model(row: &Row) -> Result<Key, Error> {
    Ok(Key {
        id: row.parsed("id")?,
        label: row.text("label")?,
        created_at: row.time("created_ms")?,
        revoked_at: row.maybe_time("revoked_ms")?,
        last_used_at: row.maybe_time("last_used_ms")?,
    })
}

impl Catalogue {
    /// A broadcaster's keys, newest first, revoked ones included.
    ///
    /// # Errors
    /// `Database`.
    pub async fn keys(&self, broadcaster: &BroadcasterId) -> Result<Vec<Key>, Error> {
        let statement = self
            .statement(
                "SELECT id, label, created_ms, revoked_ms, last_used_ms FROM stream_keys \
                 WHERE tenant_id = $1 AND broadcaster_id = $2 ORDER BY created_ms DESC, id",
            )
            .bind(broadcaster.as_str());
        self.database.rows(statement).await?.iter().map(model).collect()
    }

    /// One more key. The key itself is only here and now: it is stored hashed.
    ///
    /// # Errors
    /// `NotFound` without such a broadcaster, `Invalid` label, `Database`.
    pub async fn add_key(
        &self,
        broadcaster: &BroadcasterId,
        label: &str,
        now: WallTime,
    ) -> Result<(Key, StreamKey), Error> {
        let key = new_stream_key()?;
        Ok((self.add_known_key(broadcaster, label, &key, now).await?, key))
    }

    /// A key that somebody chose (`--dev`'s `demo`; a box that can't be told another).
    ///
    /// # Errors
    /// As [`Self::add_key`]; `Taken("stream key")` when it is in use, here or elsewhere.
    pub async fn add_known_key(
        &self,
        broadcaster: &BroadcasterId,
        label: &str,
        key: &StreamKey,
        now: WallTime,
    ) -> Result<Key, Error> {
        let id = KeyId::random()?;
        let statement = self.insert(broadcaster, &id, label, key, now)?;
        if taken(self.database.execute(statement).await, "stream key")? == 0 {
            return Err(Error::NotFound("broadcaster"));
        }
        self.key(broadcaster, &id).await
    }

    async fn key(&self, broadcaster: &BroadcasterId, id: &KeyId) -> Result<Key, Error> {
        let keys = self.keys(broadcaster).await?;
        keys.into_iter().find(|key| key.id == *id).ok_or(Error::NotFound("stream key"))
    }

    /// Inserts nothing when the broadcaster does not exist or is removed.
    fn insert(
        &self,
        broadcaster: &BroadcasterId,
        id: &KeyId,
        label: &str,
        key: &StreamKey,
        now: WallTime,
    ) -> Result<Statement, Error> {
        let digest =
            Digest::of(key.reveal()).ok_or(Error::Invalid { field: "key", reason: "must have 1 to 512 bytes" })?;
        Ok(self
            .statement(
                "INSERT INTO stream_keys (tenant_id, id, broadcaster_id, key_sha256, key_lookup, label, created_ms) \
                 SELECT tenant_id, $2, id, $4, $5, $6, $7 FROM broadcasters \
                 WHERE tenant_id = $1 AND id = $3 AND deleted_ms IS NULL",
            )
            .bind(id.as_str())
            .bind(broadcaster.as_str())
            .bind(digest.as_str())
            .bind(digest.lookup())
            .bind(slug::title("label", label)?)
            .bind(now.millis()))
    }

    /// A new key, and all older ones revoked, at once. A contribution on air is not cut.
    ///
    /// # Errors
    /// As [`Self::add_key`].
    pub async fn rotate_key(
        &self,
        broadcaster: &BroadcasterId,
        label: &str,
        now: WallTime,
    ) -> Result<(Key, StreamKey), Error> {
        let (id, key) = (KeyId::random()?, new_stream_key()?);
        let insert = self.insert(broadcaster, &id, label, &key, now)?;
        let mut tx = self.database.begin().await?;
        tx.execute(self.revoke_all(broadcaster, now)).await?;
        if tx.execute(insert).await? == 0 {
            return Err(Error::NotFound("broadcaster"));
        }
        tx.commit().await?;
        Ok((self.key(broadcaster, &id).await?, key))
    }

    /// Refuses a key from now on. Revoking twice changes nothing.
    ///
    /// # Errors
    /// `NotFound` unless the broadcaster has such a key; `Database`.
    pub async fn revoke_key(&self, broadcaster: &BroadcasterId, id: &KeyId, now: WallTime) -> Result<(), Error> {
        let statement = self
            .statement(
                "UPDATE stream_keys SET revoked_ms = COALESCE(revoked_ms, $4) \
                 WHERE tenant_id = $1 AND broadcaster_id = $2 AND id = $3",
            )
            .bind(broadcaster.as_str())
            .bind(id.as_str())
            .bind(now.millis());
        if self.database.execute(statement).await? == 0 { Err(Error::NotFound("stream key")) } else { Ok(()) }
    }

    /// Whom a key lets publish: the broadcaster called `slug` if the key is one of its own, or, without a slug, the one
    /// whose key it is. An unknown slug and a wrong key take the same way. Marks the key as used.
    ///
    /// # Errors
    /// `Database`.
    pub async fn find_by_key(
        &self,
        slug: Option<&str>,
        key: &StreamKey,
        now: WallTime,
    ) -> Result<Option<Broadcaster>, Error> {
        let Some(digest) = Digest::of(key.reveal()) else { return Ok(None) };
        let statement = self
            .statement(
                "SELECT k.id, k.key_sha256, k.last_used_ms, b.slug FROM stream_keys k \
                 JOIN broadcasters b ON b.tenant_id = k.tenant_id AND b.id = k.broadcaster_id \
                 WHERE k.tenant_id = $1 AND k.key_lookup = $2 AND k.revoked_ms IS NULL AND b.deleted_ms IS NULL",
            )
            .bind(digest.lookup());
        let mut found = None;
        // All candidates are compared, in constant time each; there is hardly ever more than one.
        for row in self.database.rows(statement).await? {
            let broadcaster = row.parsed::<Slug>("slug")?;
            if digest.matches(&row.text("key_sha256")?) && slug.is_none_or(|slug| slug == broadcaster.as_str()) {
                found = Some((row.parsed::<KeyId>("id")?, row.maybe_int("last_used_ms")?, broadcaster));
            }
        }
        let Some((id, last_used_ms, broadcaster)) = found else { return Ok(None) };
        if last_used_ms.is_none_or(|last| now.millis().saturating_sub(last) >= USE_RESOLUTION_MS) {
            let statement = self
                .statement("UPDATE stream_keys SET last_used_ms = $3 WHERE tenant_id = $1 AND id = $2")
                .bind(id.as_str())
                .bind(now.millis());
            // A full disk must not keep anybody off the air.
            if let Err(error) = self.database.execute(statement).await {
                tracing::warn!(%error, slug = %broadcaster, "the use of a stream key can't be noted");
            }
        }
        self.broadcaster_by_slug(&broadcaster).await
    }
}
