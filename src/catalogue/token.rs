//! API tokens: which program may write what.

use super::database::Row;
use super::id::TokenId;
use super::secret::{ApiToken, Digest};
use super::slug;
use super::{Catalogue, Error};
use crate::policy::scope::Scope;
use media::time::WallTime;
use std::collections::BTreeSet;

/// What is known of a token; never the token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Names it without being it.
    pub id: TokenId,
    /// Which program has it.
    pub label: String,
    /// What it may do.
    pub scopes: BTreeSet<Scope>,
    /// When it was made.
    pub created_at: WallTime,
    /// Refused from then on; `None`: never.
    pub expires_at: Option<WallTime>,
    /// Refused since.
    pub revoked_at: Option<WallTime>,
    /// To the minute.
    pub last_used_at: Option<WallTime>,
}

/// Uses closer together than this are one: a program that polls must not write to the database each time.
const USE_RESOLUTION_MS: i64 = 60_000;

const SELECT: &str = "SELECT id, token_sha256, label, scopes, created_ms, expires_ms, revoked_ms, last_used_ms \
     FROM api_tokens WHERE tenant_id = $1";

fn model(row: &Row) -> Result<Token, Error> {
    Ok(Token {
        id: row.parsed("id")?,
        label: row.text("label")?,
        // A scope of a later version gives nothing here.
        scopes: row.text("scopes")?.split_whitespace().filter_map(|scope| scope.parse().ok()).collect(),
        created_at: row.time("created_ms")?,
        expires_at: row.maybe_time("expires_ms")?,
        revoked_at: row.maybe_time("revoked_ms")?,
        last_used_at: row.maybe_time("last_used_ms")?,
    })
}

impl Catalogue {
    /// All, newest first, revoked and expired ones included.
    ///
    /// # Errors
    /// `Database`.
    pub async fn tokens(&self) -> Result<Vec<Token>, Error> {
        let statement = self.statement(SELECT).push(" ORDER BY created_ms DESC, id");
        self.database.rows(statement).await?.iter().map(model).collect()
    }

    /// One more. The token itself is only here and now: it is stored hashed.
    ///
    /// # Errors
    /// `Invalid`: no scope, a bad label, an end that has passed; `Database`.
    pub async fn add_token(
        &self,
        label: &str,
        scopes: &BTreeSet<Scope>,
        expires_at: Option<WallTime>,
        now: WallTime,
    ) -> Result<(Token, ApiToken), Error> {
        if scopes.is_empty() {
            return Err(Error::invalid("scopes", "must name at least one"));
        }
        if expires_at.is_some_and(|end| end <= now) {
            return Err(Error::invalid("expires", "must lie in the future"));
        }
        let (id, token) = (TokenId::random()?, ApiToken::random()?);
        let digest = Digest::of(token.reveal()).ok_or(Error::invalid("token", "is empty"))?;
        let statement = self
            .statement(
                "INSERT INTO api_tokens (tenant_id, id, token_sha256, token_lookup, label, scopes, created_ms, \
                 expires_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            )
            .bind(id.as_str())
            .bind(digest.as_str())
            .bind(digest.lookup())
            .bind(slug::title("label", label)?)
            .bind(scopes.iter().map(|scope| scope.name()).collect::<Vec<_>>().join(" "))
            .bind(now.millis())
            .bind(expires_at.map(WallTime::millis));
        self.database.execute(statement).await?;
        let made = self.tokens().await?.into_iter().find(|token| token.id == id).ok_or(Error::NotFound("token"))?;
        Ok((made, token))
    }

    /// Refuses a token from now on. Revoking twice changes nothing.
    ///
    /// # Errors
    /// `NotFound`, `Database`.
    pub async fn revoke_token(&self, id: &TokenId, now: WallTime) -> Result<(), Error> {
        let statement = self
            .statement("UPDATE api_tokens SET revoked_ms = COALESCE(revoked_ms, $3) WHERE tenant_id = $1 AND id = $2")
            .bind(id.as_str())
            .bind(now.millis());
        if self.database.execute(statement).await? == 0 { Err(Error::NotFound("token")) } else { Ok(()) }
    }

    /// What a token may do, if it is known, not revoked and not expired. Marks it as used.
    ///
    /// # Errors
    /// `Database`.
    pub async fn find_token(&self, token: &ApiToken, now: WallTime) -> Result<Option<Token>, Error> {
        let Some(digest) = Digest::of(token.reveal()) else { return Ok(None) };
        let statement =
            self.statement(SELECT).push_bind(" AND revoked_ms IS NULL AND token_lookup = ", digest.lookup());
        let found = digest.find(self.database.rows(statement).await?)?.as_ref().map(model).transpose()?;
        let Some(token) = found.filter(|token| token.expires_at.is_none_or(|end| now < end)) else {
            return Ok(None);
        };
        let used_ms = token.last_used_at.map(WallTime::millis);
        if used_ms.is_none_or(|last| now.millis().saturating_sub(last) >= USE_RESOLUTION_MS) {
            let statement = self
                .statement("UPDATE api_tokens SET last_used_ms = $3 WHERE tenant_id = $1 AND id = $2")
                .bind(token.id.as_str())
                .bind(now.millis());
            // A full disk must not keep anybody from ending a live.
            if let Err(error) = self.database.execute(statement).await {
                tracing::warn!(%error, id = %token.id, "the use of a token can't be noted");
            }
        }
        Ok(Some(token))
    }
}
