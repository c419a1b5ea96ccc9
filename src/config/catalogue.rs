//! `[catalogue]`.

use super::section::section;
use super::units::DatabaseUrl;

section! {
    /// The database of broadcasters, videos and people.
    pub struct Catalogue {
        /// "" keeps SQLite in DATA_DIR/db: right for one machine.
        /// postgres://USER:PASSWORD@HOST:PORT/NAME (version 15 or later) when there are several.
        pub url: DatabaseUrl = DatabaseUrl::default(),
    }
}
