//! What no combination of who, what, how and how things stand may break.

use super::super::object::{Action, Kind, LivePart, VideoPart};
use super::super::state::{State, Visibility};
use super::super::who::{Proof, Role};
use super::super::{Decision, Refusal};
use super::cast::{
    AWAY, As, HERE, IT, NOW, OTHER, PASSWORD_VERSION, Somebody, everybody, kinds, link, password, state,
};
use std::collections::BTreeSet;

const HIDDEN: Decision = Decision::Refused(Refusal::Hidden);

/// All ways in which things can stand.
fn states() -> Vec<State> {
    let mut all = Vec::new();
    for visibility in Visibility::ALL {
        for bits in 0..128_u32 {
            let bit = |n: u32| bits & (1 << n) != 0;
            let mut stands = state(visibility);
            stands.deleted = bit(0);
            stands.listed = !bit(1);
            stands.downloadable = bit(2);
            stands.open_figures = bit(3);
            if bit(4) {
                stands.owners.clear();
            }
            if bit(5) {
                stands.building = None;
            }
            if bit(6) {
                stands.password_version = None;
            }
            all.push(stands);
        }
    }
    for visibility in Visibility::ALL {
        let waits = State { claimable: true, owners: BTreeSet::new(), ..state(visibility) };
        all.extend([State { claimable: true, ..state(visibility) }, State { deleted: true, ..waits.clone() }, waits]);
    }
    all.push(State::absent());
    all.push(State::default());
    all
}

/// Calls `check` with every combination.
fn all(mut check: impl FnMut(&Somebody, Kind, Action, &State, Decision)) {
    let (everybody, kinds, states) = (everybody(), kinds(), states());
    for somebody in &everybody {
        for (_, kind) in &kinds {
            for action in Action::ALL {
                for state in &states {
                    check(somebody, *kind, action, state, somebody.asks(*kind, action, state));
                }
            }
        }
    }
}

fn of_the_server(kind: Kind) -> bool {
    matches!(kind, Kind::ServerHealth | Kind::ServerMetrics)
}

fn is_nobody(somebody: &Somebody) -> bool {
    matches!(somebody.r#as, As::Nobody)
}

#[test]
fn nobody_of_another_tenant_is_ever_let_in_or_told_that_there_is_something() {
    let (kinds, states) = (kinds(), states());
    for mut somebody in everybody() {
        // Whoever it is, with every proof there is.
        somebody.tenant = AWAY;
        somebody.proofs = vec![link(IT, NOW.plus_micros(1), false), password(PASSWORD_VERSION)];
        for (_, kind) in kinds.iter().filter(|(_, kind)| !of_the_server(*kind)) {
            for action in Action::ALL {
                for state in &states {
                    assert_eq!(somebody.asks(*kind, action, state), HIDDEN, "{} {kind:?} {action:?}", somebody.name);
                }
            }
        }
    }
}

#[test]
fn who_is_not_signed_in_never_writes_whatever_they_carry() {
    all(|somebody, kind, action, state, decision| {
        if is_nobody(somebody) && action.writes() {
            assert!(!decision.is_allowed(), "{} {kind:?} {action:?} {state:?}", somebody.name);
        }
    });
}

#[test]
fn what_does_not_exist_is_answered_like_a_strangers_draft() {
    let draft = State { owners: BTreeSet::from(["somebody".to_owned()]), building: None, ..state(Visibility::Draft) };
    let viewer = everybody().into_iter().find(|somebody| somebody.name == "viewer").unwrap();
    for (_, kind) in kinds().into_iter().filter(|(_, kind)| matches!(kind, Kind::Live(_) | Kind::Video(_))) {
        for action in Action::ALL {
            let adds = action == Action::Create
                && matches!(kind, Kind::Live(LivePart::Record) | Kind::Video(VideoPart::Record));
            assert_eq!(viewer.asks(kind, action, &draft), viewer.asks(kind, action, &State::absent()));
            for somebody in everybody().into_iter().filter(|_| !adds) {
                let absent = somebody.asks(kind, action, &State::absent());
                assert_eq!(absent, HIDDEN, "{} {kind:?} {action:?}", somebody.name);
            }
        }
    }
}

#[test]
fn one_answer_for_all_doors_to_the_same_pictures_and_sound() {
    for somebody in everybody() {
        for state in states() {
            let live = somebody.asks(Kind::Live(LivePart::Page), Action::See, &state);
            for part in [LivePart::Playlist, LivePart::Segment, LivePart::Caption, LivePart::Record] {
                assert_eq!(somebody.asks(Kind::Live(part), Action::See, &state), live, "{} {part:?}", somebody.name);
            }
            let video = somebody.asks(Kind::Video(VideoPart::Page), Action::See, &state);
            for part in [VideoPart::Playlist, VideoPart::Segment, VideoPart::Caption, VideoPart::Picture] {
                assert_eq!(somebody.asks(Kind::Video(part), Action::See, &state), video, "{} {part:?}", somebody.name);
            }
            // Who may claim it is told what it is, and sees no picture of it.
            if !state.deleted && !state.claimable {
                assert_eq!(somebody.asks(Kind::Video(VideoPart::Record), Action::See, &state), video);
            }
            // What can be taken away can be watched.
            if somebody.asks(Kind::Video(VideoPart::Download), Action::See, &state).is_allowed() {
                assert!(video.is_allowed(), "{} {state:?}", somebody.name);
            }
        }
    }
}

#[test]
fn what_is_found_or_changed_can_be_seen() {
    all(|somebody, kind, action, state, decision| {
        if !decision.is_allowed() || matches!(action, Action::See | Action::Create) {
            return;
        }
        let seen = match kind {
            Kind::Live(_) => Kind::Live(LivePart::Record),
            Kind::Video(_) => Kind::Video(VideoPart::Record),
            other => other,
        };
        assert!(
            somebody.asks(seen, Action::See, state).is_allowed(),
            "{} {kind:?} {action:?} {state:?}",
            somebody.name
        );
    });
}

#[test]
fn who_is_told_that_it_is_there_is_not_told_so_by_accident() {
    // Whoever gets 404 for seeing it gets 404 for everything else: no action betrays it.
    for somebody in everybody() {
        for state in states() {
            for (record, parts) in [
                (Kind::Live(LivePart::Record), LivePart::ALL.map(Kind::Live).to_vec()),
                (Kind::Video(VideoPart::Record), VideoPart::ALL.map(Kind::Video).to_vec()),
            ] {
                if somebody.asks(record, Action::See, &state) != HIDDEN {
                    continue;
                }
                for kind in parts {
                    for action in Action::ALL.into_iter().filter(|action| *action != Action::Create) {
                        let decision = somebody.asks(kind, action, &state);
                        assert_eq!(decision, HIDDEN, "{} {kind:?} {action:?} {state:?}", somebody.name);
                    }
                    if kind != record {
                        assert_eq!(somebody.asks(kind, Action::Create, &state), HIDDEN, "{kind:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_higher_role_loses_nothing() {
    let roles = Role::ALL;
    all(|somebody, kind, action, state, decision| {
        let As::Person(person) = &somebody.r#as else { return };
        if !decision.is_allowed() {
            return;
        }
        for role in roles.into_iter().filter(|role| *role > person.role) {
            let mut raised = person.clone();
            raised.role = role;
            let raised = Somebody { r#as: As::Person(raised), ..somebody.clone() };
            let still = raised.asks(kind, action, state);
            assert!(still.is_allowed(), "{} as {role}: {kind:?} {action:?} {state:?}", somebody.name);
        }
    });
}

#[test]
fn a_link_or_a_password_of_another_object_opens_nothing() {
    let expires_at = NOW.plus_micros(3_600_000_000);
    let carried =
        vec![link(OTHER, expires_at, false), Proof::Password { object: OTHER.to_owned(), version: PASSWORD_VERSION }];
    for somebody in everybody().into_iter().filter(|somebody| somebody.tenant == HERE) {
        let bare = Somebody { proofs: Vec::new(), ..somebody.clone() };
        let with = Somebody { proofs: carried.clone(), ..somebody };
        for (_, kind) in kinds() {
            for action in Action::ALL {
                for state in states() {
                    assert_eq!(with.asks(kind, action, &state), bare.asks(kind, action, &state), "{kind:?} {action:?}");
                }
            }
        }
    }
}

#[test]
fn a_link_opens_a_draft_to_watch_and_nothing_else() {
    let bare = everybody().into_iter().find(|somebody| somebody.name == "nobody").unwrap();
    let with = Somebody { proofs: vec![link(IT, NOW.plus_micros(1), false)], ..bare.clone() };
    for (_, kind) in kinds() {
        for action in Action::ALL {
            for state in states() {
                let opened =
                    with.asks(kind, action, &state).is_allowed() && !bare.asks(kind, action, &state).is_allowed();
                if opened {
                    assert!(matches!(kind, Kind::Video(part) if part != VideoPart::Rights), "{kind:?}");
                    assert_eq!((action, state.visibility), (Action::See, Visibility::Draft));
                    assert!(!state.deleted && state.exists);
                }
            }
        }
    }
}

#[test]
fn a_token_gives_nothing_that_it_does_not_name() {
    // A token without any scope is nobody.
    let bare = everybody().into_iter().find(|somebody| somebody.name == "nobody").unwrap();
    let token = super::super::who::Token { id: "token".to_owned(), scopes: BTreeSet::new() };
    let empty = Somebody { r#as: As::Token(token), ..bare.clone() };
    for (_, kind) in kinds() {
        for action in Action::ALL {
            for state in states() {
                let (token, nobody) = (empty.asks(kind, action, &state), bare.asks(kind, action, &state));
                assert_eq!(token.is_allowed(), nobody.is_allowed(), "{kind:?} {action:?} {state:?}");
            }
        }
    }
}

#[test]
fn the_default_state_lets_in_only_who_has_to_do_with_it() {
    let stands = State::default();
    for somebody in everybody() {
        let kind = Kind::Video(VideoPart::Page);
        let allowed = somebody.asks(kind, Action::See, &stands).is_allowed();
        let by_role = match &somebody.r#as {
            As::Nobody => false,
            // Nobody owns it and it stands nowhere.
            As::Person(person) => somebody.tenant == HERE && person.operates(None),
            As::Token(token) => {
                somebody.tenant == HERE
                    && token.has(&[super::super::Scope::VideosRead, super::super::Scope::VideosWrite])
            }
        };
        let linked = somebody.tenant == HERE && somebody.who().has_link(IT);
        assert_eq!(allowed, by_role || linked, "{}", somebody.name);
    }
}
