//! The catalogue: broadcasters and their keys, videos, people, API tokens, jobs. The only module that names sqlx.
//!
//! **Promises.** Every function works within one tenant: a [`Catalogue`] is always somebody's, and a statement can't be
//! made without a tenant. What belongs together happens in one transaction. Only [`Error`] leaves. Nothing here reads a
//! clock. The same SQL runs on SQLite and PostgreSQL; where they differ stands in `database.rs`.
//!
//! **To add a field:** a migration `migrations/NNNN_what.sql` (with a comment that gives meaning and unit; one text for
//! both databases) → the column and the field in the noun's file (row ↔ model stand together) → a test body in `tests/`,
//! which runs on both → `http/api/<noun>/` to show it.
//!
//! - [`broadcaster`] (with [`captions`] and [`credits`]), [`key`], [`video`], [`token`], [`job`] (with [`lease`]): one noun each, model and statements;
//! - [`tenant`] with [`host`]: whose rows there are, and by which names they are reached; [`look`] with [`colour`]: what each looks like;
//! - [`person`] with [`identity`], [`group`], [`session`], [`reset`]: who people are and how they sign in; [`building`]: where they operate;
//! - [`access`], [`link`], [`signing`]: whom things are for, and what opens them; [`audit`]: who changed what;
//! - [`viewers`]: how many watched;
//! - [`details`]: what people say of a video, and which part of it is shown; [`recordings`]: whose a hall's recordings are; [`waiting`]: who is told that they wait;
//! - [`indexed`]: what the search is made from; [`changes`]: which videos it has to look at again;
//! - [`listing`]: videos as readers narrow and order them;
//! - [`demo`]: what `--dev` needs;
//! - [`id`], [`slug`], [`secret`], [`rtsp_url`]: the types of their fields.

pub mod access;
pub mod audit;
pub mod broadcaster;
pub mod building;
pub mod captions;
pub mod changes;
pub mod colour;
pub mod credits;
mod database;
pub mod demo;
pub mod details;
pub mod error;
pub mod group;
pub mod host;
pub mod id;
pub mod identity;
pub mod indexed;
pub mod job;
pub mod key;
pub mod lease;
pub mod link;
pub mod listing;
pub mod look;
pub mod person;
pub mod recordings;
pub mod reset;
pub mod rtsp_url;
pub mod secret;
pub mod session;
pub mod signing;
pub mod slug;
mod statement;
pub mod tenant;
#[cfg(test)]
mod tests;
pub mod token;
pub mod video;
pub mod viewers;
pub mod waiting;

pub use error::Error;
pub use tenant::Tenant;

use changes::Changes;
use database::Database;
use statement::Statement;

/// A handle on one tenant's rows. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Catalogue {
    database: Database,
    tenant: Tenant,
    changes: Changes,
}

impl Catalogue {
    /// Opens the default tenant's: `postgres://USER:PASSWORD@HOST:PORT/NAME`, `sqlite:PATH` or a path. A SQLite file
    /// and its folder are made when missing. The schema is left as it is: see [`Self::migrate`].
    ///
    /// # Errors
    /// `Open`, without the password.
    pub async fn open(url_or_path: &str) -> Result<Self, Error> {
        let database = Database::open(url_or_path).await?;
        Ok(Self { database, tenant: Tenant::default(), changes: Changes::default() })
    }

    /// Whose rows.
    #[must_use]
    pub fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// The same database for another tenant.
    #[must_use]
    pub fn of(&self, tenant: Tenant) -> Self {
        Self { database: self.database.clone(), tenant, changes: self.changes.clone() }
    }

    /// Brings the schema up to date and answers how many migrations that took. Safe to call at every start: PostgreSQL
    /// lets one of several nodes do it while the others wait.
    ///
    /// # Errors
    /// `Migrate` when an applied migration is unknown to this version or its text has changed since.
    pub async fn migrate(&self) -> Result<usize, Error> {
        self.database.migrate().await
    }

    /// How many migrations [`Self::migrate`] would apply.
    ///
    /// # Errors
    /// `Database` when it does not answer.
    pub async fn pending_migrations(&self) -> Result<usize, Error> {
        self.database.pending().await
    }

    /// Whether the database answers; for `/readyz`.
    ///
    /// # Errors
    /// `Database` when it does not.
    pub async fn ping(&self) -> Result<(), Error> {
        self.database.ping().await
    }

    /// Waits for the connections to be given back and closes them. Every clone of the handle is useless afterwards.
    pub async fn close(&self) {
        self.database.close().await;
    }

    /// The only way to a statement: `$1` is the tenant.
    fn statement(&self, sql: &'static str) -> Statement {
        Statement::new(&self.tenant, sql)
    }
}

/// `Taken(what)` for a unique index's refusal, whatever the database calls it.
fn taken<T>(result: Result<T, Error>, what: &'static str) -> Result<T, Error> {
    result.map_err(|error| if matches!(error, Error::Taken(_)) { Error::Taken(what) } else { error })
}
