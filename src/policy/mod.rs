//! Who may do what: the one place where it is decided, for pages, playlists, segments, captions, downloads and the API alike.
//!
//! **Promises.** Pure: no IO, no clock; what it needs to know is given to it. What no rule allows is refused. Another tenant's objects do not
//! exist. What somebody may not know of is answered like what does not exist, whatever is asked of it. All doors to the same pictures and
//! sound (page, playlist, segment, caption) give the same answer.
//!
//! The rules stand in `live.rs`, `video.rs` and `desk.rs`; `tests/matrix.txt` shows what they come to, for people to read and for the tests to
//! hold.
//!
//! - [`who`]: who asks; [`scope`]: what a token may do;
//! - [`object`]: what is asked for, and what is to be done with it;
//! - [`state`]: how things stand with it.
//!
//! **To add a door:** an object of [`object::Kind`] if none fits, its rule, its rows in `tests/matrix.txt`, and its line in the edge's table.

mod desk;
mod live;
pub mod object;
pub mod scope;
pub mod state;
#[cfg(test)]
mod tests;
mod video;
pub mod who;

use object::{Action, Kind, Object};
use scope::Scope;
use state::{State, Visibility};
use who::{Identity, Who};

/// What to answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Do it.
    Allowed,
    /// Do not.
    Refused(Refusal),
}

impl Decision {
    /// Whether it is to be done.
    #[must_use]
    pub fn is_allowed(self) -> bool {
        self == Self::Allowed
    }
}

/// What to say instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such thing (404): there is none, or it is none of theirs to know.
    Hidden,
    /// Signing in may help (401).
    SignIn,
    /// The object's own password is asked for (401, and a page to type it).
    Password,
    /// A token that lacks this (403).
    Scope(Scope),
    /// Known, and not enough (403).
    Forbidden,
}

/// Whether `who` may do `action` with `object`, which stands as `state` says. For objects that have no state of their own (the site, users)
/// [`State::default`] will do.
#[must_use]
pub fn decide(who: &Who<'_>, object: &Object<'_>, action: Action, state: &State) -> Decision {
    match object.kind {
        // The server's own, of no tenant.
        Kind::ServerHealth => desk::server_health(who, action),
        Kind::ServerMetrics => desk::server_metrics(who, action, state),
        _ if who.tenant != object.tenant => Decision::Refused(Refusal::Hidden),
        Kind::Site => desk::site(who, action),
        Kind::Account => desk::account(who, object.id, action),
        Kind::Live(part) => live::decide(who, object.id, part, action, state),
        Kind::Video(part) => video::decide(who, object.id, part, action, state),
        Kind::OperatorPage => desk::operator_page(who, action),
        Kind::Buildings => desk::buildings(who, action),
        Kind::Jobs => desk::jobs(who, action, state),
        Kind::People => desk::people(who, action),
        Kind::Tokens => desk::tokens(who, action),
        Kind::AuditLog => desk::audit_log(who, action),
    }
}

/// Whether who has no more to do with it than anybody else may have its pictures and sound, or know of it.
fn watch(who: &Who<'_>, id: &str, state: &State, scope: Scope) -> Decision {
    match state.visibility {
        Visibility::Public | Visibility::Unlisted => Decision::Allowed,
        Visibility::SignedIn => match who.identity {
            Identity::Person(_) => Decision::Allowed,
            _ => lacks(who, scope),
        },
        Visibility::Groups => match who.identity {
            Identity::Person(person) if person.belongs_to(&state.audience) => Decision::Allowed,
            _ => lacks(who, scope),
        },
        Visibility::Password if who.knows_password(id, state.password_version) => Decision::Allowed,
        Visibility::Password => Decision::Refused(Refusal::Password),
        Visibility::Draft => Decision::Refused(Refusal::Hidden),
    }
}

/// Why somebody who may know of it may not do it.
fn lacks(who: &Who<'_>, scope: Scope) -> Decision {
    Decision::Refused(match who.identity {
        Identity::Anonymous => Refusal::SignIn,
        Identity::Person(_) => Refusal::Forbidden,
        Identity::Token(_) => Refusal::Scope(scope),
    })
}

/// [`lacks`], unless they may not even know of it.
fn refuse(who: &Who<'_>, seen: Decision, scope: Scope) -> Decision {
    if seen == Decision::Refused(Refusal::Hidden) { seen } else { lacks(who, scope) }
}

fn allowed_if(may: bool, otherwise: impl FnOnce() -> Decision) -> Decision {
    if may { Decision::Allowed } else { otherwise() }
}
