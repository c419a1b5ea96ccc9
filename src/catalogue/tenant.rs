//! Whose rows.

/// An institution. Every statement on its tables is made from one, so that an unscoped one can't be written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Tenant(String);

impl Tenant {
    /// As the tables hold it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Another tenant, which must exist in `tenants`.
    #[cfg(test)]
    pub(crate) fn other(id: &str) -> Self {
        Self(id.to_owned())
    }
}

/// The one tenant of an installation that has only one.
impl Default for Tenant {
    fn default() -> Self {
        Self("default".to_owned())
    }
}
