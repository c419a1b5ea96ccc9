//! The rules of videos.

use super::object::{Action, VideoPart};
use super::scope::Scope;
use super::state::{State, Visibility};
use super::who::{Identity, Person, Role, Who};
use super::{Decision, Refusal, allowed_if, lacks, refuse, watch};

pub(super) fn decide(who: &Who<'_>, id: &str, part: VideoPart, action: Action, state: &State) -> Decision {
    if action == Action::Create && part == VideoPart::Record {
        return allowed_if(contributes(who), || lacks(who, Scope::VideosWrite));
    }
    let hidden = Decision::Refused(Refusal::Hidden);
    if !state.exists {
        return hidden;
    }
    if state.deleted {
        let may = part == VideoPart::Record && matches!(action, Action::See | Action::Restore) && manages(who, state);
        return allowed_if(may, || hidden);
    }
    let seen = see(who, id, state);
    match (part, action) {
        // Whoever may claim it is told what it is; watching comes with owning.
        (VideoPart::Record, Action::See) => allowed_if(claims(who, state), || seen),
        (VideoPart::Record, Action::Claim) => allowed_if(claims(who, state), || refuse(who, seen, Scope::VideosWrite)),
        (
            VideoPart::Page | VideoPart::Playlist | VideoPart::Segment | VideoPart::Caption | VideoPart::Picture,
            Action::See,
        ) => seen,
        (VideoPart::Record, Action::Find) => find(who, id, state),
        (VideoPart::Download, Action::See) => {
            let may = supervises(who, state) || (state.downloadable && seen.is_allowed());
            // Who may watch gets no further by signing in: its owner does not want it to be taken away.
            allowed_if(may, || if seen.is_allowed() { Decision::Refused(Refusal::Forbidden) } else { seen })
        }
        (VideoPart::Record, Action::Change | Action::Delete | Action::Restore)
        | (VideoPart::Rights, Action::See | Action::Create | Action::Change | Action::Delete) => {
            allowed_if(manages(who, state), || refuse(who, seen, Scope::VideosWrite))
        }
        // Nothing else can be done with them.
        _ => refuse(who, seen, Scope::VideosWrite),
    }
}

fn see(who: &Who<'_>, id: &str, state: &State) -> Decision {
    // A link is for a draft: once the video is for somebody, that is what holds.
    let linked = state.visibility == Visibility::Draft && who.has_link(id);
    allowed_if(supervises(who, state) || linked, || watch(who, id, state, Scope::VideosRead))
}

/// Shown in lists and searches to its owners and to whom it is for, not to whom only their role lets in.
fn find(who: &Who<'_>, id: &str, state: &State) -> Decision {
    let for_them = match who.identity {
        Identity::Person(person) => owns(person, state),
        Identity::Token(token) => token.has(&[Scope::VideosRead, Scope::VideosWrite]),
        Identity::Anonymous => false,
    };
    allowed_if(for_them, || match state.visibility {
        Visibility::Unlisted | Visibility::Draft => Decision::Refused(Refusal::Hidden),
        _ if state.listed => watch(who, id, state, Scope::VideosRead),
        _ => Decision::Refused(Refusal::Hidden),
    })
}

/// Sees it whatever its visibility.
fn supervises(who: &Who<'_>, state: &State) -> bool {
    manages(who, state) || matches!(who.identity, Identity::Token(token) if token.has(&[Scope::VideosRead]))
}

/// Changes it. Operators have to do with a recording until somebody owns it.
fn manages(who: &Who<'_>, state: &State) -> bool {
    match who.identity {
        Identity::Anonymous => false,
        Identity::Person(person) => {
            let unclaimed = state.owners.is_empty() && person.operates(state.building.as_deref());
            person.role == Role::Administrator || owns(person, state) || unclaimed
        }
        Identity::Token(token) => token.has(&[Scope::VideosWrite]),
    }
}

/// It waits for an owner, and they may be one.
fn claims(who: &Who<'_>, state: &State) -> bool {
    let may = matches!(who.identity, Identity::Person(person) if person.role >= Role::Contributor);
    may && state.claimable && state.owners.is_empty()
}

fn owns(person: &Person, state: &State) -> bool {
    state.owners.contains(&person.id)
}

fn contributes(who: &Who<'_>) -> bool {
    match who.identity {
        Identity::Anonymous => false,
        Identity::Person(person) => person.role >= Role::Contributor,
        Identity::Token(token) => token.has(&[Scope::VideosWrite]),
    }
}
