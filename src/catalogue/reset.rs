//! Links to a new password, for who has forgotten theirs: used once, for a short time.

use super::id::{PersonId, ResetId};
use super::secret::{Digest, PasswordHash, ResetToken};
use super::{Catalogue, Error};
use media::time::WallTime;
use std::time::Duration;

/// How long a link can be used: a mail may wait in a queue, and the person for a coffee.
pub const LONGEST: Duration = Duration::from_secs(3_600);

impl Catalogue {
    /// A link for a person. Older ones stay good: mails arrive in any order.
    ///
    /// # Errors
    /// `NotFound` without such a person who signs in with a password and may; `Database`.
    pub async fn begin_reset(&self, person: &PersonId, now: WallTime) -> Result<ResetToken, Error> {
        let token = ResetToken::random()?;
        let digest = Digest::of(token.reveal()).ok_or(Error::invalid("token", "is empty"))?;
        let lives_ms = i64::try_from(LONGEST.as_millis()).unwrap_or(i64::MAX);
        let statement = self
            .statement(
                "INSERT INTO password_resets (tenant_id, id, person_id, token_sha256, token_lookup, created_ms, \
                 expires_ms) SELECT p.tenant_id, $2, p.id, $4, $5, $6, $7 FROM people p \
                 JOIN identities i ON i.tenant_id = p.tenant_id AND i.person_id = p.id AND i.provider = 'password' \
                 WHERE p.tenant_id = $1 AND p.id = $3 AND p.disabled_ms IS NULL",
            )
            .bind(ResetId::random()?.as_str())
            .bind(person.as_str())
            .bind(digest.as_str())
            .bind(digest.lookup())
            .bind(now.millis())
            .bind(now.millis().saturating_add(lives_ms));
        if self.database.execute(statement).await? == 0 {
            return Err(Error::NotFound("person with a password"));
        }
        Ok(token)
    }

    /// Whose link it is, if it can still be used.
    ///
    /// # Errors
    /// `Database`.
    pub async fn find_reset(&self, token: &ResetToken, now: WallTime) -> Result<Option<PersonId>, Error> {
        Ok(self.usable_reset(token, now).await?.map(|(_, person)| person))
    }

    async fn usable_reset(&self, token: &ResetToken, now: WallTime) -> Result<Option<(String, PersonId)>, Error> {
        let Some(digest) = Digest::of(token.reveal()) else { return Ok(None) };
        let statement = self
            .statement(
                "SELECT r.id, r.person_id, r.token_sha256 FROM password_resets r \
                 JOIN people p ON p.tenant_id = r.tenant_id AND p.id = r.person_id \
                 WHERE r.tenant_id = $1 AND r.token_lookup = $2 AND r.expires_ms > $3 AND r.used_ms IS NULL \
                 AND p.disabled_ms IS NULL",
            )
            .bind(digest.lookup())
            .bind(now.millis());
        let found = digest.find(self.database.rows(statement).await?)?;
        found.map(|row| Ok((row.text("id")?, row.parsed("person_id")?))).transpose()
    }

    /// Uses a link: the password is another one, every session ends, and no link of the person is good any more.
    ///
    /// # Errors
    /// `NotFound` when it can't be used (any more), `Database`.
    pub async fn use_reset(&self, token: &ResetToken, hash: &PasswordHash, now: WallTime) -> Result<PersonId, Error> {
        let gone = Error::NotFound("link to a new password");
        let Some((id, person)) = self.usable_reset(token, now).await? else { return Err(gone) };
        let mut tx = self.database.begin().await?;
        // Two at once: one of them finds it used.
        let statement = self
            .statement("UPDATE password_resets SET used_ms = $3 WHERE tenant_id = $1 AND id = $2 AND used_ms IS NULL")
            .bind(id)
            .bind(now.millis());
        if tx.execute(statement).await? == 0 {
            return Err(gone);
        }
        self.set_password_in(&mut tx, &person, hash, None, now).await?;
        tx.commit().await?;
        Ok(person)
    }
}
