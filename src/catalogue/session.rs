//! Sessions: in which browsers people are signed in. The cookie's token is kept as a hash only.

use super::database::Row;
use super::id::{PersonId, SessionId};
use super::secret::{Digest, SessionToken};
use super::statement::Statement;
use super::{Catalogue, Error};
use media::time::WallTime;
use std::time::Duration;

/// A session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Names it without being its cookie.
    pub id: SessionId,
    /// Whose.
    pub person_id: PersonId,
    /// What the browser called itself when it began.
    pub user_agent: String,
    /// When the person signed in.
    pub created_at: WallTime,
    /// When it was used last, to some minutes.
    pub seen_at: WallTime,
    /// When it ends at the latest.
    pub expires_at: WallTime,
}

/// After this a person signs in again, however often the session is used.
pub const LONGEST: Duration = Duration::from_secs(30 * 24 * 3_600);
/// A session that was not used for so long has ended.
pub const LONGEST_UNUSED: Duration = Duration::from_secs(7 * 24 * 3_600);
/// Uses closer together than this are one: reading pages must not write to the database each time.
const USE_RESOLUTION_MS: i64 = 300_000;
/// Of what a browser calls itself, enough to know it again.
const MAX_USER_AGENT: usize = 200;

const SELECT: &str = "SELECT id, person_id, token_sha256, user_agent, created_ms, seen_ms, expires_ms FROM sessions \
     WHERE tenant_id = $1";

fn model(row: &Row) -> Result<Session, Error> {
    Ok(Session {
        id: row.parsed("id")?,
        person_id: row.parsed("person_id")?,
        user_agent: row.text("user_agent")?,
        created_at: row.time("created_ms")?,
        seen_at: row.time("seen_ms")?,
        expires_at: row.time("expires_ms")?,
    })
}

fn ms(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

impl Session {
    /// Whether it still holds.
    fn holds(&self, now: WallTime) -> bool {
        let unused_ms = now.millis().saturating_sub(self.seen_at.millis());
        now < self.expires_at && unused_ms < ms(LONGEST_UNUSED)
    }
}

impl Catalogue {
    /// A person signs in. The token is only here and now.
    ///
    /// # Errors
    /// `NotFound` without such a person who may sign in; `Database`.
    pub async fn begin_session(
        &self,
        person: &PersonId,
        user_agent: &str,
        now: WallTime,
    ) -> Result<(Session, SessionToken), Error> {
        let (id, token) = (SessionId::random()?, SessionToken::random()?);
        let digest = Digest::of(token.reveal()).ok_or(Error::invalid("token", "is empty"))?;
        let session = Session {
            id,
            person_id: person.clone(),
            user_agent: user_agent.chars().filter(|c| !c.is_control()).take(MAX_USER_AGENT).collect(),
            created_at: now,
            seen_at: now,
            expires_at: WallTime::from_micros(now.millis().saturating_add(ms(LONGEST)).saturating_mul(1_000)),
        };
        let statement = self
            .statement(
                "INSERT INTO sessions (tenant_id, id, person_id, token_sha256, token_lookup, user_agent, created_ms, \
                 seen_ms, expires_ms) SELECT tenant_id, $2, id, $4, $5, $6, $7, $7, $8 FROM people \
                 WHERE tenant_id = $1 AND id = $3 AND disabled_ms IS NULL",
            )
            .bind(session.id.as_str())
            .bind(person.as_str())
            .bind(digest.as_str())
            .bind(digest.lookup())
            .bind(session.user_agent.as_str())
            .bind(now.millis())
            .bind(session.expires_at.millis());
        if self.database.execute(statement).await? == 0 {
            return Err(Error::NotFound("person"));
        }
        Ok((session, token))
    }

    /// The session whose cookie this is, if it still holds. Marks it as used.
    ///
    /// # Errors
    /// `Database`.
    pub async fn find_session(&self, token: &SessionToken, now: WallTime) -> Result<Option<Session>, Error> {
        let Some(digest) = Digest::of(token.reveal()) else { return Ok(None) };
        let statement = self.statement(SELECT).push_bind(" AND token_lookup = ", digest.lookup());
        let found = digest.find(self.database.rows(statement).await?)?;
        let found = found.as_ref().map(model).transpose()?.filter(|session| session.holds(now));
        let Some(session) = found else { return Ok(None) };
        if now.millis().saturating_sub(session.seen_at.millis()) >= USE_RESOLUTION_MS {
            let statement = self
                .statement("UPDATE sessions SET seen_ms = $3 WHERE tenant_id = $1 AND id = $2")
                .bind(session.id.as_str())
                .bind(now.millis());
            // A full disk must not sign anybody out.
            if let Err(error) = self.database.execute(statement).await {
                tracing::warn!(%error, id = %session.id, "the use of a session can't be noted");
            }
        }
        Ok(Some(session))
    }

    /// A person's sessions that still hold, the one used last first.
    ///
    /// # Errors
    /// `Database`.
    pub async fn sessions(&self, person: &PersonId, now: WallTime) -> Result<Vec<Session>, Error> {
        let statement = self.statement(SELECT).push_bind(" AND person_id = ", person.as_str());
        let rows = self.database.rows(statement.push(" ORDER BY seen_ms DESC, id")).await?;
        let sessions = rows.iter().map(model).collect::<Result<Vec<_>, _>>()?;
        Ok(sessions.into_iter().filter(|session| session.holds(now)).collect())
    }

    /// Ends one of a person's sessions. Ending what has ended changes nothing.
    ///
    /// # Errors
    /// `Database`.
    pub async fn end_session(&self, person: &PersonId, id: &SessionId) -> Result<(), Error> {
        let statement = self.end_sessions_statement(person).push_bind(" AND id = ", id.as_str());
        self.database.execute(statement).await.map(|_| ())
    }

    /// Ends all of a person's sessions but one.
    ///
    /// # Errors
    /// `Database`.
    pub async fn end_other_sessions(&self, person: &PersonId, kept: &SessionId) -> Result<(), Error> {
        let statement = self.end_sessions_statement(person).push_bind(" AND id <> ", kept.as_str());
        self.database.execute(statement).await.map(|_| ())
    }

    /// Of all that a person has.
    pub(super) fn end_sessions_statement(&self, person: &PersonId) -> Statement {
        self.statement("DELETE FROM sessions WHERE tenant_id = $1 AND person_id = $2").bind(person.as_str())
    }

    /// Forgets sessions and links to a new password that hold no more.
    ///
    /// # Errors
    /// `Database`.
    pub async fn forget_expired(&self, now: WallTime) -> Result<(), Error> {
        let unused_since = now.millis().saturating_sub(ms(LONGEST_UNUSED));
        let statement = self
            .statement("DELETE FROM sessions WHERE tenant_id = $1 AND (expires_ms <= $2 OR seen_ms <= $3)")
            .bind(now.millis())
            .bind(unused_since);
        self.database.execute(statement).await?;
        let statement = self.statement("DELETE FROM password_resets WHERE tenant_id = $1 AND expires_ms <= $2");
        self.database.execute(statement.bind(now.millis())).await.map(|_| ())
    }
}
