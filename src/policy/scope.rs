//! What an API token may do.

use std::fmt;
use std::str::FromStr;

/// Something that a token may do. Who may write something may read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// Read what administrators did.
    AuditRead,
    /// Watch all broadcasters, and read what is known of them.
    BroadcastersRead,
    /// Add, change and remove broadcasters and their keys.
    BroadcastersWrite,
    /// End lives.
    LivesWrite,
    /// Read the server's metrics.
    MetricsRead,
    /// Read who there is, with groups and roles.
    PeopleRead,
    /// Add, change and remove people, groups and roles.
    PeopleWrite,
    /// Watch all videos, drafts included, and read what is known of them.
    VideosRead,
    /// Change, delete and restore videos.
    VideosWrite,
}

impl Scope {
    /// All there are, by name.
    pub const ALL: [Self; 9] = [
        Self::AuditRead,
        Self::BroadcastersRead,
        Self::BroadcastersWrite,
        Self::LivesWrite,
        Self::MetricsRead,
        Self::PeopleRead,
        Self::PeopleWrite,
        Self::VideosRead,
        Self::VideosWrite,
    ];

    /// `<noun>:<verb>`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::AuditRead => "audit:read",
            Self::BroadcastersRead => "broadcasters:read",
            Self::BroadcastersWrite => "broadcasters:write",
            Self::LivesWrite => "lives:write",
            Self::MetricsRead => "metrics:read",
            Self::PeopleRead => "people:read",
            Self::PeopleWrite => "people:write",
            Self::VideosRead => "videos:read",
            Self::VideosWrite => "videos:write",
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Scope {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|scope| scope.name() == text);
        found.ok_or_else(|| format!("must be one of {}", Self::ALL.map(Self::name).join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_and_read_back() {
        assert!(Scope::ALL.map(Scope::name).is_sorted());
        for scope in Scope::ALL {
            assert_eq!(scope.name().parse(), Ok(scope));
        }
        let error = "videos".parse::<Scope>().unwrap_err();
        assert!(error.contains("videos:read, videos:write"), "{error}");
    }
}
