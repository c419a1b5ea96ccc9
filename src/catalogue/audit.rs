//! The audit log: who changed what that others depend on. Only ever added to.

use super::database::Row;
use super::id::{EntryId, PersonId};
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

/// Which entries.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// Only those that are listed after this one.
    pub before: Option<EntryId>,
    /// Only what this person did.
    pub person: Option<PersonId>,
    /// Only this act, such as `video.rights`.
    pub act: Option<String>,
    /// How many at most; 1 to [`MAX_ENTRIES`], others are brought there.
    pub limit: usize,
}

const SELECT: &str = "SELECT id, at_ms, actor, actor_id, act, object_id, detail FROM audit_log WHERE tenant_id = $1";

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
        self.audit_entries(&AuditFilter { limit, ..AuditFilter::default() }).await
    }

    /// Those that a filter lets through, newest first.
    ///
    /// # Errors
    /// `NotFound` for the one that they come after; `Database`.
    pub async fn audit_entries(&self, filter: &AuditFilter) -> Result<Vec<Entry>, Error> {
        let mut statement = self.statement(SELECT);
        if let Some(before) = &filter.before {
            let row = self.statement(SELECT).push_bind(" AND id = ", before.as_str());
            let before = self.database.row(row).await?.as_ref().map(model).transpose()?;
            let before = before.ok_or(Error::NotFound("entry"))?;
            statement = statement
                .push_bind(" AND (at_ms < ", before.at.millis())
                .push_bind(" OR (at_ms = ", before.at.millis())
                .push_bind(" AND id > ", before.id.as_str())
                .push("))");
        }
        if let Some(person) = &filter.person {
            statement = statement.push_bind(" AND actor = 'person' AND actor_id = ", person.as_str());
        }
        if let Some(act) = &filter.act {
            statement = statement.push_bind(" AND act = ", act.as_str());
        }
        let limit = i64::try_from(filter.limit.clamp(1, MAX_ENTRIES)).unwrap_or(1);
        let statement = statement.push_bind(" ORDER BY at_ms DESC, id LIMIT ", limit);
        self.database.rows(statement).await?.iter().map(model).collect()
    }

    /// What was done at least once, by name.
    ///
    /// # Errors
    /// `Database`.
    pub async fn audited_acts(&self) -> Result<Vec<String>, Error> {
        let statement = self.statement("SELECT DISTINCT act FROM audit_log WHERE tenant_id = $1 ORDER BY act");
        self.database.rows(statement).await?.iter().map(|row| row.text("act")).collect()
    }
}
