//! Who asks.

use super::scope::Scope;
use media::time::WallTime;
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// Who asks, at which tenant's door, and what they carry.
#[derive(Clone, Copy, Debug)]
pub struct Who<'a> {
    /// Of the host that was asked. Accounts and tokens are looked up there and nowhere else.
    pub tenant: &'a str,
    /// As whom.
    pub identity: Identity<'a>,
    /// What opens single objects, whoever carries it.
    pub proofs: &'a [Proof],
    /// When they ask: links expire.
    pub now: WallTime,
}

/// As whom somebody asks.
#[derive(Clone, Copy, Debug)]
pub enum Identity<'a> {
    /// As nobody.
    Anonymous,
    /// As a person who is signed in.
    Person(&'a Person),
    /// As a program.
    Token(&'a Token),
}

/// A person who is signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// As in the catalogue.
    pub id: String,
    /// What the person is at this tenant.
    pub role: Role,
    /// Where an operator may operate. Means nothing for others.
    pub buildings: Buildings,
    /// The groups the person is in, by id.
    pub groups: BTreeSet<String>,
    /// What the institution says the person is, in lower case: `student`, `staff`, `faculty`…
    pub affiliations: BTreeSet<String>,
}

/// What a person is at a tenant. Each may do what those before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Watches.
    Viewer,
    /// Has videos of their own.
    Contributor,
    /// Keeps broadcasters on air.
    Operator,
    /// Does everything.
    Administrator,
}

impl Role {
    /// All there are, the least first.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Contributor, Self::Operator, Self::Administrator];

    /// Lower-case name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Contributor => "contributor",
            Self::Operator => "operator",
            Self::Administrator => "administrator",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Role {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|role| role.name() == text);
        found.ok_or("must be viewer, contributor, operator or administrator")
    }
}

/// Where an operator may operate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Buildings {
    /// Everywhere.
    All,
    /// Only in those with these ids. Where there is no building, nobody who is limited to some.
    Only(BTreeSet<String>),
}

impl Person {
    /// Whether the person operates what stands in this building.
    #[must_use]
    pub fn operates(&self, building: Option<&str>) -> bool {
        match (self.role, &self.buildings) {
            (Role::Administrator, _) | (Role::Operator, Buildings::All) => true,
            (Role::Operator, Buildings::Only(some)) => building.is_some_and(|building| some.contains(building)),
            (Role::Viewer | Role::Contributor, _) => false,
        }
    }

    /// Whether the person is in the audience.
    #[must_use]
    pub fn belongs_to(&self, audience: &BTreeSet<Audience>) -> bool {
        audience.iter().any(|part| match part {
            Audience::Group(id) => self.groups.contains(id),
            Audience::Affiliation(name) => self.affiliations.contains(name),
        })
    }
}

/// A part of the audience of what is not for everybody.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Audience {
    /// Who is in the group with this id.
    Group(String),
    /// Whom the institution says to be this.
    Affiliation(String),
}

/// A program's token that is known, not revoked and not expired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// As in the catalogue.
    pub id: String,
    /// What it may do.
    pub scopes: BTreeSet<Scope>,
}

impl Token {
    /// Whether it has one of these.
    #[must_use]
    pub fn has(&self, scopes: &[Scope]) -> bool {
        scopes.iter().any(|scope| self.scopes.contains(scope))
    }
}

/// What opens a single object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// A link that an owner made.
    Link {
        /// The video's id.
        object: String,
        /// Opens nothing from then on.
        expires_at: WallTime,
        /// Opens nothing any more.
        revoked: bool,
    },
    /// The object's password was typed.
    Password {
        /// The broadcaster's or video's id.
        object: String,
        /// Of the password that was typed: another one makes it worthless.
        version: u64,
    },
}

impl Who<'_> {
    /// Whether a link to this object is carried that still opens it.
    #[must_use]
    pub fn has_link(&self, id: &str) -> bool {
        self.proofs.iter().any(|proof| match proof {
            Proof::Link { object, expires_at, revoked } => object == id && !revoked && self.now < *expires_at,
            Proof::Password { .. } => false,
        })
    }

    /// Whether the password that the object has now was typed.
    #[must_use]
    pub fn knows_password(&self, id: &str, current: Option<u64>) -> bool {
        self.proofs.iter().any(|proof| match proof {
            Proof::Password { object, version } => object == id && Some(*version) == current,
            Proof::Link { .. } => false,
        })
    }
}
