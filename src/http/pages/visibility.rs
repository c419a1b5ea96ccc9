//! Whom a form can say that something is for: what it offers, and what it says.

use super::form::{Choice, Pair, all, said};
use super::texts::Texts;
use crate::catalogue::access::AccessChange;
use crate::catalogue::secret::Password;
use crate::catalogue::{Catalogue, Error};
use crate::http::accounts::Accounts;
use crate::policy::state::{State as Standing, Visibility};
use crate::policy::who::Audience;
use std::collections::BTreeSet;

/// Those that a form can give by itself: for groups and passwords more has to be said.
pub(super) const SIMPLE: [Visibility; 4] =
    [Visibility::Public, Visibility::Unlisted, Visibility::SignedIn, Visibility::Draft];

/// Key of a visibility's text; `draft` is that of who sees a draft of this kind.
pub(super) fn key(visibility: Visibility, draft: &'static str) -> &'static str {
    match visibility {
        Visibility::Public => "visibility-public",
        Visibility::Unlisted => "visibility-unlisted",
        Visibility::SignedIn => "visibility-signed-in",
        Visibility::Groups => "visibility-groups",
        Visibility::Password => "visibility-password",
        Visibility::Draft => draft,
    }
}

/// What a form asks: everybody whom something can be for, with those chosen whom it is for now.
pub(super) struct Whom {
    pub(super) visibilities: Vec<Choice>,
    pub(super) groups: Vec<Choice>,
    /// With commas between.
    pub(super) affiliations: String,
    pub(super) has_password: bool,
}

impl Whom {
    /// As it stands now; `draft` as for [`key`].
    ///
    /// # Errors
    /// The catalogue's.
    pub(super) async fn of(
        catalogue: &Catalogue,
        texts: &Texts,
        standing: &Standing,
        draft: &'static str,
    ) -> Result<Self, Error> {
        let for_whom = |visibility: Visibility| Choice {
            value: visibility.name().to_owned(),
            text: texts.get(key(visibility, draft)),
            chosen: visibility == standing.visibility,
        };
        let groups = catalogue.groups().await?.into_iter().map(|group| Choice {
            chosen: standing.audience.contains(&Audience::Group(group.id.to_string())),
            value: group.id.to_string(),
            text: group.title,
        });
        let affiliations = standing.audience.iter().filter_map(|one| match one {
            Audience::Affiliation(name) => Some(name.as_str()),
            Audience::Group(_) => None,
        });
        Ok(Self {
            visibilities: Visibility::ALL.into_iter().map(for_whom).collect(),
            groups: groups.collect(),
            affiliations: affiliations.collect::<Vec<_>>().join(", "),
            has_password: standing.password_version.is_some(),
        })
    }
}

/// What such a form says. An empty password leaves the one that there is.
///
/// # Errors
/// The key of what is said of it.
pub(super) async fn read(sent: &[Pair], accounts: &Accounts) -> Result<AccessChange, &'static str> {
    let first = |name| said(sent, name).trim();
    let visibility: Visibility = first("visibility").parse().map_err(|_| "edit-bad-field")?;
    let groups = all(sent, "group").map(|id| Audience::Group(id.to_owned()));
    let affiliations = first("affiliations").split(',').map(str::trim).filter(|name| !name.is_empty());
    let audience: BTreeSet<Audience> =
        groups.chain(affiliations.map(|name| Audience::Affiliation(name.to_lowercase()))).collect();
    if visibility == Visibility::Groups && audience.is_empty() {
        return Err("rights-no-group");
    }
    let password = match first("password") {
        "" => None,
        typed => {
            let typed = Password::shared(typed.to_owned()).map_err(|_| "rights-bad-password")?;
            Some(Some(accounts.hash(typed).await.map_err(|_| "try-again")?))
        }
    };
    Ok(AccessChange { visibility: Some(visibility), audience: Some(audience), password, ..AccessChange::default() })
}

/// The field of [`read`] that such a trouble is about; empty: none.
pub(super) fn field(trouble: &str) -> &'static str {
    match trouble {
        "rights-no-group" => "visibility",
        "rights-bad-password" | "rights-no-password" => "password",
        "rights-bad-affiliation" => "affiliations",
        _ => "",
    }
}

/// The key of what is said of what the catalogue did not take of it; `None`: it is not the form's fault.
pub(super) fn trouble(error: &Error) -> Option<&'static str> {
    match error {
        Error::Invalid { field: "password", .. } => Some("rights-no-password"),
        Error::Invalid { field: "affiliation", .. } => Some("rights-bad-affiliation"),
        Error::Invalid { .. } => Some("edit-bad-field"),
        // Removed while the form was open.
        Error::NotFound("group" | "person") => Some("people-choice-gone"),
        _ => None,
    }
}
