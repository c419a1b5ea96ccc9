//! Whom a form can say that something is for.

use crate::policy::state::Visibility;

/// Those that a form can give by itself: for groups and passwords more has to be said.
pub(super) const SIMPLE: [Visibility; 4] =
    [Visibility::Public, Visibility::Unlisted, Visibility::SignedIn, Visibility::Draft];

/// What a form offers where things are so `now`: it can always stay as it is.
pub(super) fn offered(now: Visibility) -> Vec<Visibility> {
    let mut offered = SIMPLE.to_vec();
    if !offered.contains(&now) {
        offered.push(now);
    }
    offered
}

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
