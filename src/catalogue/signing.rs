//! The keys that passes to media are signed with: made when they are needed, replaced while they are good, shared by all nodes.

use super::database::Row;
use super::id::{SigningKeyId, base32, random};
use super::{Catalogue, Error};
use media::time::WallTime;
use std::fmt;
use std::time::Duration;

/// A key. What is signed with it is believed as long as it is there.
#[derive(Clone, PartialEq, Eq)]
pub struct SigningKey {
    /// Names it without being it.
    pub id: SigningKeyId,
    /// Since when it is used.
    pub created_at: WallTime,
    secret: String,
}

impl SigningKey {
    /// The key itself, only to sign and verify with.
    #[must_use]
    pub fn reveal(&self) -> &[u8] {
        self.secret.as_bytes()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", self.id)
    }
}

/// A key is replaced after this.
pub const REPLACED_AFTER: Duration = Duration::from_secs(24 * 3_600);
/// A replaced key is believed for as long again: other nodes may still sign with it, and what it signed lives at most half a day.
const KEPT_FOR: Duration = Duration::from_secs(2 * 24 * 3_600);

fn model(row: &Row) -> Result<SigningKey, Error> {
    Ok(SigningKey { id: row.parsed("id")?, created_at: row.time("created_ms")?, secret: row.text("secret")? })
}

impl Catalogue {
    /// The keys to believe, the one to sign with first. Makes one when there is none that is young enough, and forgets old ones.
    ///
    /// # Errors
    /// `Secret`, `Database`.
    pub async fn signing_keys(&self, now: WallTime) -> Result<Vec<SigningKey>, Error> {
        let keys = self.stored_signing_keys().await?;
        if keys.first().is_some_and(|newest| now.since(newest.created_at) < REPLACED_AFTER) {
            return Ok(keys);
        }
        let statement = self
            .statement("INSERT INTO signing_keys (tenant_id, id, secret, created_ms) VALUES ($1, $2, $3, $4)")
            .bind(SigningKeyId::random()?.as_str())
            .bind(base32(&random::<32>()?))
            .bind(now.millis());
        self.database.execute(statement).await?;
        let kept_ms = i64::try_from(KEPT_FOR.as_millis()).unwrap_or(i64::MAX);
        let statement = self
            .statement("DELETE FROM signing_keys WHERE tenant_id = $1 AND created_ms < $2")
            .bind(now.millis().saturating_sub(kept_ms));
        self.database.execute(statement).await?;
        self.stored_signing_keys().await
    }

    /// The newest first.
    async fn stored_signing_keys(&self) -> Result<Vec<SigningKey>, Error> {
        let statement = self.statement(
            "SELECT id, secret, created_ms FROM signing_keys WHERE tenant_id = $1 ORDER BY created_ms DESC, id",
        );
        self.database.rows(statement).await?.iter().map(model).collect()
    }
}
