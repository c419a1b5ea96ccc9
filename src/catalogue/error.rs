//! What can go wrong with the catalogue: the only error that leaves this module.

/// Says what to tell a caller; carries no secret and no database type.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The database can't be opened or reached.
    #[error("the catalogue can't be opened at {at}: {reason}")]
    Open {
        /// A path, or a host and a database name; never a password.
        at: String,
        /// What the database said.
        reason: String,
    },
    /// The schema can't be brought up to date.
    #[error("the catalogue's schema can't be brought up to date: {0}")]
    Migrate(String),
    /// What was named does not exist (any more).
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// A name that must be unique is in use.
    #[error("this {0} is already taken")]
    Taken(&'static str),
    /// Can't be done in the state it is in.
    #[error("{0}")]
    Conflict(&'static str),
    /// A value that can't be stored.
    #[error("{field}: {reason}")]
    Invalid {
        /// Name of the field as the API and the command line call it.
        field: &'static str,
        /// What a good value looks like.
        reason: &'static str,
    },
    /// An accent that can't be read where it stands.
    #[error("{field}: its contrast on pages is {ratio:.2}:1, and must be at least {least}:1")]
    Contrast {
        /// Name of the field.
        field: &'static str,
        /// Where it stands out least.
        ratio: f64,
        /// The least that is taken.
        least: f64,
    },
    /// The database holds something that this version can't read.
    #[error("the catalogue holds an unreadable value in {column}: {reason}")]
    Unreadable {
        /// Column.
        column: &'static str,
        /// What is wrong with it, without the value.
        reason: String,
    },
    /// The database failed.
    #[error("the catalogue's database failed: {0}")]
    Database(String),
    /// No randomness or no memory to make a secret with.
    #[error("a secret can't be made: {0}")]
    Secret(String),
}

impl Error {
    pub(super) fn invalid(field: &'static str, reason: &'static str) -> Self {
        Self::Invalid { field, reason }
    }
}
