//! How people sign in: local passwords so far. The table holds what other providers call a person, too.

use super::database::Transaction;
use super::id::{IdentityId, PersonId, SessionId};
use super::person::{self, Person};
use super::secret::PasswordHash;
use super::slug;
use super::{Catalogue, Error, taken};
use crate::policy::who::{Buildings, Role};
use media::time::WallTime;

/// What a new person needs.
#[derive(Clone, Debug)]
pub struct NewPerson {
    /// What the person types to sign in: 1 to 64 of a-z, 0-9 and . _ - @ +; lower-cased.
    pub login: String,
    /// As others see it; `None`: the login.
    pub name: Option<String>,
    /// See [`Person::mail`].
    pub mail: Option<String>,
    /// See [`Person::role`].
    pub role: Role,
    /// See [`Person::buildings`].
    pub buildings: Buildings,
}

impl NewPerson {
    /// One with a login and a role.
    #[must_use]
    pub fn new(login: impl Into<String>, role: Role) -> Self {
        Self { login: login.into(), name: None, mail: None, role, buildings: Buildings::All }
    }
}

/// Lower-cased: people don't remember how they wrote it.
pub(super) fn login(text: &str) -> Result<String, Error> {
    let text = text.trim().to_lowercase();
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '@' | '+');
    if (1..=64).contains(&text.len()) && text.chars().all(good) {
        Ok(text)
    } else {
        Err(Error::invalid("login", "must be 1 to 64 of a-z, 0-9 and . _ - @ +"))
    }
}

impl Catalogue {
    /// One more person, who signs in with a password.
    ///
    /// # Errors
    /// `Taken("login")`, `Taken("mail")`, `Invalid`, `NotFound` for a building, `Database`.
    pub async fn add_person(&self, new: NewPerson, hash: &PasswordHash, now: WallTime) -> Result<Person, Error> {
        let (id, login) = (PersonId::random()?, login(&new.login)?);
        let mail = new.mail.as_deref().map(person::mail).transpose()?;
        let mut tx = self.database.begin().await?;
        let statement = self
            .statement(
                "INSERT INTO people (tenant_id, id, name, mail, role, everywhere, created_ms) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7)",
            )
            .bind(id.as_str())
            .bind(slug::title("name", new.name.as_deref().unwrap_or(&login))?)
            .bind(mail)
            .bind(new.role.name())
            .bind(new.buildings == Buildings::All)
            .bind(now.millis());
        taken(tx.execute(statement).await, "mail")?;
        let statement = self
            .statement(
                "INSERT INTO identities (tenant_id, id, person_id, provider, subject, password_hash, created_ms) \
                 VALUES ($1, $2, $3, 'password', $4, $5, $6)",
            )
            .bind(IdentityId::random()?.as_str())
            .bind(id.as_str())
            .bind(login)
            .bind(hash.0.as_str())
            .bind(now.millis());
        taken(tx.execute(statement).await, "login")?;
        self.limit_to(&mut tx, &id, &new.buildings).await?;
        tx.commit().await?;
        self.person(&id).await?.ok_or(Error::NotFound("person"))
    }

    /// The person and the hash to verify a password against. `None` also for what can't be a login and for who may not sign in.
    ///
    /// # Errors
    /// `Database`.
    pub async fn password_of(&self, text: &str) -> Result<Option<(PersonId, PasswordHash)>, Error> {
        let Ok(login) = login(text) else { return Ok(None) };
        let statement = self
            .statement(
                "SELECT i.person_id, i.password_hash FROM identities i \
                 JOIN people p ON p.tenant_id = i.tenant_id AND p.id = i.person_id \
                 WHERE i.tenant_id = $1 AND i.provider = 'password' AND i.subject = $2 AND p.disabled_ms IS NULL",
            )
            .bind(login);
        let Some(row) = self.database.row(statement).await? else { return Ok(None) };
        Ok(Some((row.parsed("person_id")?, PasswordHash(row.text("password_hash")?))))
    }

    /// Another password: all sessions end but `kept`, and links to a new password are worthless.
    ///
    /// # Errors
    /// `NotFound` unless the person signs in with a password; `Database`.
    pub async fn set_password(
        &self,
        id: &PersonId,
        hash: &PasswordHash,
        kept: Option<&SessionId>,
        now: WallTime,
    ) -> Result<(), Error> {
        let mut tx = self.database.begin().await?;
        self.set_password_in(&mut tx, id, hash, kept, now).await?;
        tx.commit().await
    }

    pub(super) async fn set_password_in(
        &self,
        tx: &mut Transaction,
        id: &PersonId,
        hash: &PasswordHash,
        kept: Option<&SessionId>,
        now: WallTime,
    ) -> Result<(), Error> {
        let statement = self
            .statement(
                "UPDATE identities SET password_hash = $3 \
                 WHERE tenant_id = $1 AND person_id = $2 AND provider = 'password'",
            )
            .bind(id.as_str())
            .bind(hash.0.as_str());
        if tx.execute(statement).await? == 0 {
            return Err(Error::NotFound("person with a password"));
        }
        let mut end = self.end_sessions_statement(id);
        if let Some(kept) = kept {
            end = end.push_bind(" AND id <> ", kept.as_str());
        }
        tx.execute(end).await?;
        let statement = self
            .statement(
                "UPDATE password_resets SET used_ms = $3 \
                 WHERE tenant_id = $1 AND person_id = $2 AND used_ms IS NULL",
            )
            .bind(id.as_str())
            .bind(now.millis());
        tx.execute(statement).await.map(|_| ())
    }

    /// Notes that the person has signed in with a password.
    ///
    /// # Errors
    /// `Database`.
    pub async fn password_used(&self, id: &PersonId, now: WallTime) -> Result<(), Error> {
        let statement = self
            .statement(
                "UPDATE identities SET used_ms = $3 WHERE tenant_id = $1 AND person_id = $2 AND provider = 'password'",
            )
            .bind(id.as_str())
            .bind(now.millis());
        self.database.execute(statement).await.map(|_| ())
    }
}
