//! One SQL statement with its values, for either database.
//!
//! Text is only ever `'static`: values can't get into it. Placeholders are `$1`, `$2`…, which both databases take;
//! `$1` is always the tenant, because a statement can't be made without one, except on the list of tenants.

use super::error::Error;
use super::tenant::Tenant;

/// What can be bound. `None` is NULL.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Text(Option<String>),
    Int(Option<i64>),
    Flag(bool),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(Some(text.to_owned()))
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(Some(text))
    }
}

impl From<Option<String>> for Value {
    fn from(text: Option<String>) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Value {
    fn from(int: i64) -> Self {
        Self::Int(Some(int))
    }
}

impl From<Option<i64>> for Value {
    fn from(int: Option<i64>) -> Self {
        Self::Int(int)
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Statement {
    pub(super) sql: String,
    pub(super) values: Vec<Value>,
}

impl Statement {
    /// Begins a statement; `$1` is the tenant.
    pub(super) fn new(tenant: &Tenant, sql: &'static str) -> Self {
        debug_assert!(sql.contains("tenant_id") || sql.contains(" tenants"), "unscoped: {sql}");
        Self { sql: sql.to_owned(), values: vec![tenant.as_str().into()] }
    }

    /// Begins one on the list of tenants, which belongs to none: without a first value.
    pub(super) fn of_all(sql: &'static str) -> Self {
        debug_assert!(sql.contains(" tenants") || sql.contains(" tenant_hosts"), "unscoped: {sql}");
        Self { sql: sql.to_owned(), values: Vec::new() }
    }

    /// The value of the next placeholder.
    #[must_use]
    pub(super) fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// More text.
    #[must_use]
    pub(super) fn push(mut self, sql: &'static str) -> Self {
        self.sql.push_str(sql);
        self
    }

    /// `before` and the next placeholder, with its value.
    #[must_use]
    pub(super) fn push_bind(mut self, before: &'static str, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self.sql.push_str(before);
        self.sql.push('$');
        self.sql.push_str(&self.values.len().to_string());
        self
    }
}

/// A counter as the tables hold it.
pub(super) fn int(field: &'static str, value: u64) -> Result<i64, Error> {
    i64::try_from(value).map_err(|_| Error::invalid(field, "is too large"))
}
