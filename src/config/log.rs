//! `[log]`.

use super::section::section;
use serde::{Deserialize, Serialize};

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// For people.
    Text,
    /// One JSON object a line, for collectors.
    Json,
}

section! {
    /// What is logged, to standard error. Never a key, a password or a token.
    pub struct Log {
        /// "text" for people or "json" for collectors.
        pub format: Format = Format::Text,
        /// "error", "warn", "info", "debug" or "trace", for all or by module: "info,amphi::live=debug".
        pub filter: String = "info".to_owned(),
    }
}
