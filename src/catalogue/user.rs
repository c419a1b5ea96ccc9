//! People who sign in with a password. All of them are administrators for now.

use super::database::Row;
use super::id::UserId;
use super::secret::PasswordHash;
use super::{Catalogue, Error, taken};
use media::time::WallTime;

/// A person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Names the person for ever.
    pub id: UserId,
    /// What the person types; lower case, unique.
    pub login: String,
    /// Since when.
    pub created_at: WallTime,
}

fn model(row: &Row) -> Result<User, Error> {
    Ok(User { id: row.parsed("id")?, login: row.text("login")?, created_at: row.time("created_ms")? })
}

/// Lower-cased: people don't remember how they wrote it.
fn login(text: &str) -> Result<String, Error> {
    let text = text.trim().to_lowercase();
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '@' | '+');
    if (1..=64).contains(&text.len()) && text.chars().all(good) {
        Ok(text)
    } else {
        Err(Error::invalid("login", "must be 1 to 64 of a-z, 0-9 and . _ - @ +"))
    }
}

impl Catalogue {
    /// All, by login.
    ///
    /// # Errors
    /// `Database`.
    pub async fn users(&self) -> Result<Vec<User>, Error> {
        let statement = self.statement("SELECT id, login, created_ms FROM users WHERE tenant_id = $1 ORDER BY login");
        self.database.rows(statement).await?.iter().map(model).collect()
    }

    /// The person and the hash to verify a password against. `None` also for what can't be a login.
    ///
    /// # Errors
    /// `Database`.
    pub async fn user_by_login(&self, text: &str) -> Result<Option<(User, PasswordHash)>, Error> {
        let Ok(login) = login(text) else { return Ok(None) };
        let statement = self
            .statement("SELECT id, login, password_hash, created_ms FROM users WHERE tenant_id = $1 AND login = $2")
            .bind(login);
        let Some(row) = self.database.row(statement).await? else { return Ok(None) };
        Ok(Some((model(&row)?, PasswordHash(row.text("password_hash")?))))
    }

    /// One more administrator.
    ///
    /// # Errors
    /// `Taken("login")`, `Invalid`, `Database`.
    pub async fn add_user(&self, text: &str, hash: &PasswordHash, now: WallTime) -> Result<User, Error> {
        let user = User {
            id: UserId::random()?,
            login: login(text)?,
            created_at: WallTime::from_micros(now.millis() * 1_000),
        };
        let statement = self
            .statement(
                "INSERT INTO users (tenant_id, id, login, password_hash, created_ms) VALUES ($1, $2, $3, $4, $5)",
            )
            .bind(user.id.as_str())
            .bind(user.login.as_str())
            .bind(hash.0.as_str())
            .bind(now.millis());
        taken(self.database.execute(statement).await, "login")?;
        Ok(user)
    }

    /// Another password.
    ///
    /// # Errors
    /// `NotFound`, `Invalid`, `Database`.
    pub async fn set_password(&self, text: &str, hash: &PasswordHash) -> Result<(), Error> {
        let statement = self
            .statement("UPDATE users SET password_hash = $3 WHERE tenant_id = $1 AND login = $2")
            .bind(login(text)?)
            .bind(hash.0.as_str());
        if self.database.execute(statement).await? == 0 { Err(Error::NotFound("user")) } else { Ok(()) }
    }
}
