//! The rules of broadcasters and what they have on air.

use super::object::{Action, LivePart};
use super::scope::Scope;
use super::state::{State, Visibility};
use super::who::{Identity, Who};
use super::{Decision, Refusal, allowed_if, lacks, refuse, watch};

pub(super) fn decide(who: &Who<'_>, id: &str, part: LivePart, action: Action, state: &State) -> Decision {
    if action == Action::Create && part == LivePart::Record {
        return allowed_if(manages(who, state), || lacks(who, Scope::BroadcastersWrite));
    }
    let hidden = Decision::Refused(Refusal::Hidden);
    if !state.exists || state.deleted {
        return hidden;
    }
    let seen = see(who, id, state);
    match (part, action) {
        (
            LivePart::Page | LivePart::Playlist | LivePart::Segment | LivePart::Caption | LivePart::Record,
            Action::See,
        ) => seen,
        (LivePart::Record, Action::Find) => find(who, id, state),
        (LivePart::Health, Action::See) => {
            let may = supervises(who, state) || (state.open_figures && seen.is_allowed());
            allowed_if(may, || refuse(who, seen, Scope::BroadcastersRead))
        }
        (LivePart::Record, Action::Operate) => {
            let may = manages(who, state) || token(who, &[Scope::LivesWrite]);
            allowed_if(may, || refuse(who, seen, Scope::LivesWrite))
        }
        (LivePart::Record, Action::Change | Action::Delete)
        | (LivePart::Keys, Action::See | Action::Create | Action::Change | Action::Delete)
        | (LivePart::Rights, Action::See | Action::Change) => {
            // A program that may end lives may not learn what they publish with.
            let may = manages(who, state);
            allowed_if(may, || refuse(who, seen, Scope::BroadcastersWrite))
        }
        // Nothing else can be done with them.
        _ => refuse(who, seen, Scope::BroadcastersWrite),
    }
}

fn see(who: &Who<'_>, id: &str, state: &State) -> Decision {
    allowed_if(supervises(who, state), || watch(who, id, state, Scope::BroadcastersRead))
}

/// Shown in lists to whom it is for, not to whom only their role lets in: operators have pages of their own.
fn find(who: &Who<'_>, id: &str, state: &State) -> Decision {
    let shown = match state.visibility {
        Visibility::Unlisted | Visibility::Draft => Decision::Refused(Refusal::Hidden),
        _ if state.listed => watch(who, id, state, Scope::BroadcastersRead),
        _ => Decision::Refused(Refusal::Hidden),
    };
    allowed_if(token(who, &[Scope::BroadcastersRead, Scope::BroadcastersWrite]), || shown)
}

/// Sees it whatever its visibility.
fn supervises(who: &Who<'_>, state: &State) -> bool {
    operates(who, state) || token(who, &[Scope::BroadcastersRead, Scope::BroadcastersWrite, Scope::LivesWrite])
}

/// Changes it.
fn manages(who: &Who<'_>, state: &State) -> bool {
    operates(who, state) || token(who, &[Scope::BroadcastersWrite])
}

fn operates(who: &Who<'_>, state: &State) -> bool {
    matches!(who.identity, Identity::Person(person) if person.operates(state.building.as_deref()))
}

fn token(who: &Who<'_>, scopes: &[Scope]) -> bool {
    matches!(who.identity, Identity::Token(token) if token.has(scopes))
}
