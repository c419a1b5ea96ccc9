//! The two databases, and everything in which they differ. Above this file there is one SQL text and one kind of row.

use super::error::Error;
use super::statement::{Statement, Value};
use media::time::WallTime;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions, PgRow};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteRow, SqliteSynchronous};
use sqlx::{AssertSqlSafe, PgPool, Postgres, Row as _, Sqlite, SqlitePool};
use std::fs::{DirBuilder, OpenOptions};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::str::FromStr as _;
use std::time::Duration;

static MIGRATIONS: sqlx::migrate::Migrator = sqlx::migrate!("src/catalogue/migrations");

/// Readers beside the one writer that SQLite allows; more would only wait for each other.
const SQLITE_CONNECTIONS: u32 = 4;
/// A writer holds the lock for milliseconds; longer than this means that somebody else keeps the file.
const SQLITE_BUSY: Duration = Duration::from_secs(5);
/// PostgreSQL's default allows 100 in all; other nodes and tools want some.
const POSTGRES_CONNECTIONS: u32 = 8;
/// A request that waits longer for a connection had better fail and say so.
const ACQUIRE: Duration = Duration::from_secs(5);

/// A pool of connections to one of the two.
#[derive(Clone, Debug)]
pub(super) enum Database {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

/// Runs `$body` with `$query` being the statement, its values bound, for the database of `$on`.
macro_rules! run {
    ($on:expr, $this:ident, $statement:expr, |$query:ident, $executor:ident| $body:expr) => {{
        let Statement { sql, values } = $statement;
        match $on {
            $this::Sqlite($executor) => {
                let mut $query = sqlx::query::<Sqlite>(AssertSqlSafe(sql));
                for value in values {
                    $query = match value {
                        Value::Text(text) => $query.bind(text),
                        Value::Int(int) => $query.bind(int),
                        Value::Flag(flag) => $query.bind(flag),
                    };
                }
                $body.map_err(failed)
            }
            $this::Postgres($executor) => {
                let mut $query = sqlx::query::<Postgres>(AssertSqlSafe(sql));
                for value in values {
                    $query = match value {
                        Value::Text(text) => $query.bind(text),
                        Value::Int(int) => $query.bind(int),
                        Value::Flag(flag) => $query.bind(flag),
                    };
                }
                $body.map_err(failed)
            }
        }
    }};
}

impl Database {
    /// `postgres://…`, `sqlite:PATH`, or a path. A SQLite file (and the folder it is in) is made when missing.
    pub(super) async fn open(at: &str) -> Result<Self, Error> {
        if at.starts_with("postgres://") || at.starts_with("postgresql://") {
            return Self::open_postgres(at).await;
        }
        let path = at.strip_prefix("sqlite://").or_else(|| at.strip_prefix("sqlite:")).unwrap_or(at);
        if path.contains("://") {
            let reason = "a catalogue is a path, sqlite:PATH or postgres://USER@HOST/NAME".to_owned();
            return Err(Error::Open { at: "that address".to_owned(), reason });
        }
        Self::open_sqlite(Path::new(path)).await
    }

    async fn open_sqlite(path: &Path) -> Result<Self, Error> {
        let wrong = |reason: String| Error::Open { at: path.display().to_string(), reason };
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            DirBuilder::new().recursive(true).mode(0o750).create(folder).map_err(|error| wrong(error.to_string()))?;
        }
        // It holds password hashes and cameras' credentials. SQLite gives its other files the same mode.
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path);
        file.map_err(|error| wrong(error.to_string()))?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            // Readers never wait for the writer.
            .journal_mode(SqliteJournalMode::Wal)
            // Under WAL, NORMAL may lose the last commits in a power cut: a finished video, a revoked key. There are
            // few writes a minute; each may cost an fsync.
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(SQLITE_BUSY);
        let pool = SqlitePoolOptions::new()
            .max_connections(SQLITE_CONNECTIONS)
            .acquire_timeout(ACQUIRE)
            .connect_with(options)
            .await
            .map_err(|error| wrong(error.to_string()))?;
        Ok(Self::Sqlite(pool))
    }

    async fn open_postgres(url: &str) -> Result<Self, Error> {
        let options = PgConnectOptions::from_str(url).map_err(|_| Error::Open {
            at: "PostgreSQL".to_owned(),
            // The parser's message could quote the address, which may hold a password.
            reason: "the address must look like postgres://USER:PASSWORD@HOST:PORT/NAME".to_owned(),
        })?;
        let at = format!(
            "postgres://{}:{}/{}",
            options.get_host(),
            options.get_port(),
            options.get_database().unwrap_or_default()
        );
        let pool = PgPoolOptions::new()
            .max_connections(POSTGRES_CONNECTIONS)
            .acquire_timeout(ACQUIRE)
            .connect_with(options)
            .await
            .map_err(|error| Error::Open { at, reason: error.to_string() })?;
        Ok(Self::Postgres(pool))
    }

    /// Brings the schema up to date; answers how many migrations were applied.
    pub(super) async fn migrate(&self) -> Result<usize, Error> {
        let before = self.applied().await?;
        let run = match self {
            Self::Sqlite(pool) => MIGRATIONS.run(pool).await,
            Self::Postgres(pool) => MIGRATIONS.run(pool).await,
        };
        run.map_err(|error| Error::Migrate(error.to_string()))?;
        Ok(MIGRATIONS.iter().count().saturating_sub(before))
    }

    /// How many of this version's migrations are still to be applied.
    pub(super) async fn pending(&self) -> Result<usize, Error> {
        Ok(MIGRATIONS.iter().count().saturating_sub(self.applied().await?))
    }

    /// Migrations in sqlx's own table; 0 in an empty database.
    async fn applied(&self) -> Result<usize, Error> {
        let exists = match self {
            Self::Sqlite(_) => "SELECT COUNT(*) FROM sqlite_master WHERE name = '_sqlx_migrations'",
            Self::Postgres(_) => {
                "SELECT COUNT(*) FROM pg_tables WHERE schemaname = current_schema() AND tablename = '_sqlx_migrations'"
            }
        };
        if self.count(exists).await? == 0 {
            return Ok(0);
        }
        let applied = self.count("SELECT COUNT(*) FROM _sqlx_migrations").await?;
        Ok(usize::try_from(applied).unwrap_or(0))
    }

    async fn count(&self, sql: &'static str) -> Result<i64, Error> {
        match self {
            Self::Sqlite(pool) => sqlx::query_scalar::<Sqlite, i64>(sql).fetch_one(pool).await,
            Self::Postgres(pool) => sqlx::query_scalar::<Postgres, i64>(sql).fetch_one(pool).await,
        }
        .map_err(failed)
    }

    /// Answers.
    pub(super) async fn ping(&self) -> Result<(), Error> {
        self.count("SELECT COUNT(*) FROM tenants").await.map(|_| ())
    }

    pub(super) async fn execute(&self, statement: Statement) -> Result<u64, Error> {
        run!(self, Self, statement, |query, pool| query.execute(pool).await.map(|done| done.rows_affected()))
    }

    pub(super) async fn rows(&self, statement: Statement) -> Result<Vec<Row>, Error> {
        run!(self, Self, statement, |query, pool| query
            .fetch_all(pool)
            .await
            .map(|rows| rows.into_iter().map(Row::from).collect()))
    }

    pub(super) async fn row(&self, statement: Statement) -> Result<Option<Row>, Error> {
        run!(self, Self, statement, |query, pool| query.fetch_optional(pool).await.map(|row| row.map(Row::from)))
    }

    /// Several statements that happen together or not at all. Undone when dropped before [`Transaction::commit`].
    pub(super) async fn begin(&self) -> Result<Transaction, Error> {
        match self {
            // Otherwise a transaction that reads first can't become a writer when another one has written since:
            // SQLITE_BUSY at once, whatever the timeout.
            Self::Sqlite(pool) => pool.begin_with("BEGIN IMMEDIATE").await.map(Transaction::Sqlite),
            Self::Postgres(pool) => pool.begin().await.map(Transaction::Postgres),
        }
        .map_err(failed)
    }

    pub(super) async fn close(&self) {
        match self {
            Self::Sqlite(pool) => pool.close().await,
            Self::Postgres(pool) => pool.close().await,
        }
    }
}

/// See [`Database::begin`].
pub(super) enum Transaction {
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    Postgres(sqlx::Transaction<'static, Postgres>),
}

impl Transaction {
    pub(super) async fn execute(&mut self, statement: Statement) -> Result<u64, Error> {
        run!(self, Self, statement, |query, tx| query.execute(&mut **tx).await.map(|done| done.rows_affected()))
    }

    pub(super) async fn row(&mut self, statement: Statement) -> Result<Option<Row>, Error> {
        run!(self, Self, statement, |query, tx| query.fetch_optional(&mut **tx).await.map(|row| row.map(Row::from)))
    }

    pub(super) async fn commit(self) -> Result<(), Error> {
        match self {
            Self::Sqlite(tx) => tx.commit().await,
            Self::Postgres(tx) => tx.commit().await,
        }
        .map_err(failed)
    }
}

fn failed(error: sqlx::Error) -> Error {
    match &error {
        sqlx::Error::Database(database) if database.is_unique_violation() => Error::Taken("name"),
        _ => Error::Database(error.to_string()),
    }
}

/// A row of either.
pub(super) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

impl From<SqliteRow> for Row {
    fn from(row: SqliteRow) -> Self {
        Self::Sqlite(row)
    }
}

impl From<PgRow> for Row {
    fn from(row: PgRow) -> Self {
        Self::Postgres(row)
    }
}

macro_rules! getter {
    ($($name:ident -> $type:ty;)*) => {$(
        pub(super) fn $name(&self, column: &'static str) -> Result<$type, Error> {
            match self {
                Self::Sqlite(row) => row.try_get(column),
                Self::Postgres(row) => row.try_get(column),
            }
            .map_err(|error| Error::Unreadable { column, reason: error.to_string() })
        }
    )*};
}

impl Row {
    getter! {
        text -> String;
        maybe_text -> Option<String>;
        int -> i64;
        maybe_int -> Option<i64>;
        flag -> bool;
    }

    /// A counter or a length of time.
    pub(super) fn unsigned(&self, column: &'static str) -> Result<u64, Error> {
        let int = self.int(column)?;
        u64::try_from(int).map_err(|_| Error::Unreadable { column, reason: "it is negative".to_owned() })
    }

    /// A length of time, in milliseconds.
    pub(super) fn maybe_duration(&self, column: &'static str) -> Result<Option<Duration>, Error> {
        Ok(self.maybe_int(column)?.map(|ms| Duration::from_millis(u64::try_from(ms).unwrap_or(0))))
    }

    /// A point in time.
    pub(super) fn time(&self, column: &'static str) -> Result<WallTime, Error> {
        Ok(wall(self.int(column)?))
    }

    /// A point in time, if it has happened.
    pub(super) fn maybe_time(&self, column: &'static str) -> Result<Option<WallTime>, Error> {
        Ok(self.maybe_int(column)?.map(wall))
    }

    /// Text that is something else.
    pub(super) fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(
        &self,
        column: &'static str,
    ) -> Result<T, Error> {
        let parsed = self.text(column)?.parse::<T>();
        parsed.map_err(|error| Error::Unreadable { column, reason: error.to_string() })
    }
}

fn wall(ms: i64) -> WallTime {
    WallTime::from_micros(ms.saturating_mul(1_000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_migration_file_is_compiled_in() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/catalogue/migrations");
        assert_eq!(std::fs::read_dir(folder).unwrap().count(), MIGRATIONS.iter().count(), "touch database.rs");
    }

    #[tokio::test]
    async fn an_address_that_cannot_be_opened_is_named_without_its_password() {
        for bad in ["mysql://u:hunter2@h/n", "postgres://u:hunter2@127.0.0.1:1/n", "postgres://u:hunter2@[::1/n"] {
            let error = Database::open(bad).await.unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
    }

    /// Brings a catalogue of an earlier version to where it was, with people and things of then in it.
    async fn of_then(path: &Path) -> Database {
        let database = Database::open(path.to_str().unwrap()).await.unwrap();
        let Database::Sqlite(pool) = &database else { panic!("SQLite") };
        let then = MIGRATIONS.iter().filter(|migration| migration.version < 5).cloned().collect();
        sqlx::migrate::Migrator::with_migrations(then).run(pool).await.unwrap();
        for sql in [
            "INSERT INTO users (tenant_id, id, login, password_hash, created_ms) \
             VALUES ('default', 'aaaaaaaaaaaaaaaa', 'marie', '$argon2id$x', 7)",
            "INSERT INTO broadcasters (tenant_id, id, slug, title, rtsp_transport, created_ms, next_msn, next_discontinuity) \
             VALUES ('default', 'bbbbbbbbbbbbbbbb', 'hall', 'Hall', 'tcp', 7, 0, 0)",
            "INSERT INTO videos (tenant_id, id, broadcaster_id, title, slug, state, listed, created_ms, started_ms, first_msn, \
             first_discontinuity) \
             VALUES ('default', 'cccccccccccccccc', 'bbbbbbbbbbbbbbbb', 'x', 'x', 'ended', TRUE, 7, 7, 0, 0)",
        ] {
            sqlx::query::<Sqlite>(sql).execute(pool).await.unwrap();
        }
        database
    }

    #[tokio::test]
    async fn who_was_there_before_stays_administrator_and_what_was_there_stays_public() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("catalogue.sqlite");
        of_then(&path).await.close().await;
        let catalogue = crate::catalogue::Catalogue::open(path.to_str().unwrap()).await.unwrap();
        assert!(catalogue.migrate().await.unwrap() > 0);
        let marie = catalogue.person_by_login("marie").await.unwrap().unwrap();
        assert_eq!((marie.id.as_str(), marie.role.name()), ("aaaaaaaaaaaaaaaa", "administrator"));
        assert_eq!((marie.name.as_str(), marie.created_at), ("marie", wall(7)));
        assert!(catalogue.password_of("marie").await.unwrap().is_some());
        let (_, hall) = catalogue.broadcaster_state(&"hall".parse().unwrap()).await.unwrap().unwrap();
        let video = catalogue.video_state(&"cccccccccccccccc".parse().unwrap()).await.unwrap().unwrap();
        assert_eq!((hall.visibility.name(), hall.open_figures, video.visibility.name()), ("public", true, "public"));
    }
}
