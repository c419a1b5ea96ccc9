//! The audit log: who changed what that others depend on. Only ever added to.

use super::database::Row;
use super::id::EntryId;
use super::{Catalogue, Error};
use media::time::WallTime;

/// Who did it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A person, by id.
    Person(String),
    /// A program, by its token's id.
    Token(String),
    /// Somebody at the server's command line.
    CommandLine,
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Names it.
    pub id: EntryId,
    /// When.
    pub at: WallTime,
    /// Who.
    pub actor: Actor,
    /// What: `<noun>.<verb>`, such as `video.rights`.
    pub act: String,
    /// To what, by id.
    pub object_id: String,
    /// For people; never a secret.
    pub detail: String,
}

/// Most entries of one answer.
pub const MAX_ENTRIES: usize = 200;
/// Of a detail; the rest is cut.
const MAX_DETAIL: usize = 500;

fn model(row: &Row) -> Result<Entry, Error> {
    let id = row.text("actor_id")?;
    Ok(Entry {
        id: row.parsed("id")?,
        at: row.time("at_ms")?,
        actor: match row.text("actor")?.as_str() {
            "person" => Actor::Person(id),
            "token" => Actor::Token(id),
            _ => Actor::CommandLine,
        },
        act: row.text("act")?,
        object_id: row.text("object_id")?,
        detail: row.text("detail")?,
    })
}

impl Catalogue {
    /// Notes what was done.
    ///
    /// # Errors
    /// `Database`.
    pub async fn note(
        &self,
        actor: &Actor,
        act: &'static str,
        object_id: &str,
        detail: &str,
        now: WallTime,
    ) -> Result<(), Error> {
        let (kind, id) = match actor {
            Actor::Person(id) => ("person", id.as_str()),
            Actor::Token(id) => ("token", id.as_str()),
            Actor::CommandLine => ("command_line", ""),
        };
        let detail: String = detail.chars().filter(|c| !c.is_control()).take(MAX_DETAIL).collect();
        let statement = self
            .statement(
                "INSERT INTO audit_log (tenant_id, id, at_ms, actor, actor_id, act, object_id, detail) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            )
            .bind(EntryId::random()?.as_str())
            .bind(now.millis())
            .bind(kind)
            .bind(id)
            .bind(act)
            .bind(object_id)
            .bind(detail);
        self.database.execute(statement).await.map(|_| ())
    }

    /// The newest entries, newest first; at most [`MAX_ENTRIES`].
    ///
    /// # Errors
    /// `Database`.
    pub async fn audit_log(&self, limit: usize) -> Result<Vec<Entry>, Error> {
        let limit = i64::try_from(limit.clamp(1, MAX_ENTRIES)).unwrap_or(1);
        let statement = self
            .statement(
                "SELECT id, at_ms, actor, actor_id, act, object_id, detail FROM audit_log \
                 WHERE tenant_id = $1 ORDER BY at_ms DESC, id LIMIT $2",
            )
            .bind(limit);
        self.database.rows(statement).await?.iter().map(model).collect()
    }
}
