//! How things stand with an object: what the rules look at, and nothing else of it.

use super::who::Audience;
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// How things stand with a broadcaster or a video. The default lets nobody in but who has to do with it by their role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// There is such a thing. What does not exist is answered like what is hidden.
    pub exists: bool,
    /// Whom it is for.
    pub visibility: Visibility,
    /// For [`Visibility::Groups`]: any of these. None: nobody.
    pub audience: BTreeSet<Audience>,
    /// For [`Visibility::Password`]: of the password it has now; `None`: none, and so no way in.
    pub password_version: Option<u64>,
    /// A video's owners, by id.
    pub owners: BTreeSet<String>,
    /// Where the broadcaster is, or the one that the video was recorded from.
    pub building: Option<String>,
    /// A recording that waits for who says that it is theirs.
    pub claimable: bool,
    /// Deleted softly.
    pub deleted: bool,
    /// Worth showing in lists; a recording that is too short is not.
    pub listed: bool,
    /// Who may watch a video may also take it away whole.
    pub downloadable: bool,
    /// Health and figures are for everybody who may see what they are about.
    pub open_figures: bool,
}

impl Default for State {
    fn default() -> Self {
        Self {
            exists: true,
            visibility: Visibility::Draft,
            audience: BTreeSet::new(),
            password_version: None,
            owners: BTreeSet::new(),
            building: None,
            claimable: false,
            deleted: false,
            listed: true,
            downloadable: false,
            open_figures: false,
        }
    }
}

impl State {
    /// Whether everybody whom `other` is for may see this too. Owners, operators and holders of links aside.
    #[must_use]
    pub fn is_for_all_of(&self, other: &Self) -> bool {
        use Visibility::{Draft, Groups, Password, Public, SignedIn, Unlisted};
        match (self.visibility, other.visibility) {
            (Public, _) | (_, Draft) => true,
            // Whoever is told the address has it; but not everybody is to be told.
            (Unlisted, other) => other != Public,
            (SignedIn, other) => matches!(other, SignedIn | Groups),
            (Groups, Groups) => self.audience.is_superset(&other.audience),
            (Password, Password) => self.password_version == other.password_version,
            (Draft | Groups | Password, _) => false,
        }
    }

    /// Of what there is not.
    #[must_use]
    pub fn absent() -> Self {
        Self { exists: false, ..Self::default() }
    }
}

/// Whom a broadcaster or a video is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Visibility {
    /// Everybody.
    Public,
    /// Everybody who knows the address.
    Unlisted,
    /// People who are signed in.
    SignedIn,
    /// People in certain groups or with certain affiliations.
    Groups,
    /// Who knows its password.
    Password,
    /// Who has to do with it: owners, or its operators; for others a link that they made.
    Draft,
}

impl Visibility {
    /// All there are.
    pub const ALL: [Self; 6] =
        [Self::Public, Self::Unlisted, Self::SignedIn, Self::Groups, Self::Password, Self::Draft];

    /// As the API and the catalogue call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Unlisted => "unlisted",
            Self::SignedIn => "signed_in",
            Self::Groups => "groups",
            Self::Password => "password",
            Self::Draft => "draft",
        }
    }
}

impl fmt::Display for Visibility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Visibility {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|visibility| visibility.name() == text);
        found.ok_or("must be public, unlisted, signed_in, groups, password or draft")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_see_one_may_see_another_that_is_for_as_many() {
        let group = |name: &str| BTreeSet::from([Audience::Group(name.to_owned())]);
        let of = |visibility, audience, password_version| State {
            visibility,
            audience,
            password_version,
            ..State::default()
        };
        let plain = |visibility| of(visibility, BTreeSet::new(), None);
        let states = [
            plain(Visibility::Public),
            plain(Visibility::Unlisted),
            plain(Visibility::SignedIn),
            of(Visibility::Groups, group("a"), None),
            of(Visibility::Groups, &group("a") | &group("b"), None),
            of(Visibility::Password, BTreeSet::new(), Some(1)),
            of(Visibility::Password, BTreeSet::new(), Some(2)),
        ];
        // A row: which of them are for all of whom the row's is for.
        let rows = ["+......", "++.....", "+++....", "+++++..", "+++.+..", "++...+.", "++....+"];
        for (other, row) in states.iter().zip(rows) {
            let found: String = states.iter().map(|state| if state.is_for_all_of(other) { '+' } else { '.' }).collect();
            assert_eq!(found, row, "{}", other.visibility);
        }
        assert!(!plain(Visibility::Draft).is_for_all_of(&states[1]));
    }
}
