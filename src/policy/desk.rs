//! The rules of what is neither a broadcaster nor a video: the site, accounts, what operators and administrators work with, the server.

use super::object::Action;
use super::scope::Scope;
use super::state::State;
use super::who::{Identity, Person, Role, Who};
use super::{Decision, Refusal, allowed_if, lacks};

const FORBIDDEN: Decision = Decision::Refused(Refusal::Forbidden);

/// Home, lists, sign-in.
pub(super) fn site(who: &Who<'_>, action: Action) -> Decision {
    allowed_if(!action.writes(), || people_only(who))
}

/// One's own account: nobody else's, and no program's.
pub(super) fn account(who: &Who<'_>, id: &str, action: Action) -> Decision {
    let own = matches!(who.identity, Identity::Person(person) if person.id == id);
    allowed_if(own && matches!(action, Action::See | Action::Change | Action::Delete), || people_only(who))
}

/// What it shows is asked for one by one.
pub(super) fn operator_page(who: &Who<'_>, action: Action) -> Decision {
    allowed_if(action == Action::See && is(who, |p| p.role >= Role::Operator), || people_only(who))
}

/// Known to every operator; changed by who operates in all of them, as a change of one is a change of who operates what.
pub(super) fn buildings(who: &Who<'_>, action: Action) -> Decision {
    match action {
        Action::See | Action::Find => {
            let scopes = [Scope::BroadcastersRead, Scope::BroadcastersWrite];
            let may = is(who, |p| p.role >= Role::Operator) || token(who, &scopes);
            allowed_if(may, || lacks(who, Scope::BroadcastersRead))
        }
        Action::Create | Action::Change | Action::Delete => {
            let may = is(who, |p| p.operates(None)) || token(who, &[Scope::BroadcastersWrite]);
            allowed_if(may, || lacks(who, Scope::BroadcastersWrite))
        }
        Action::Restore | Action::Operate | Action::Claim => lacks(who, Scope::BroadcastersWrite),
    }
}

/// The list is for every operator, each job for those of the building where its video was recorded.
pub(super) fn jobs(who: &Who<'_>, action: Action, state: &State) -> Decision {
    let operates = is(who, |p| p.operates(state.building.as_deref()));
    match action {
        Action::See => {
            let may = is(who, |p| p.role >= Role::Operator) || token(who, &[Scope::VideosRead, Scope::VideosWrite]);
            allowed_if(may, || lacks(who, Scope::VideosRead))
        }
        Action::Find => {
            let may = operates || token(who, &[Scope::VideosRead, Scope::VideosWrite]);
            allowed_if(may, || lacks(who, Scope::VideosRead))
        }
        Action::Change => allowed_if(operates || token(who, &[Scope::VideosWrite]), || lacks(who, Scope::VideosWrite)),
        _ => lacks(who, Scope::VideosWrite),
    }
}

/// People, groups, roles.
pub(super) fn people(who: &Who<'_>, action: Action) -> Decision {
    let (scopes, needed): (&[Scope], Scope) = match action {
        Action::See | Action::Find => (&[Scope::PeopleRead, Scope::PeopleWrite], Scope::PeopleRead),
        Action::Create | Action::Change | Action::Delete => (&[Scope::PeopleWrite], Scope::PeopleWrite),
        Action::Restore | Action::Operate | Action::Claim => (&[], Scope::PeopleWrite),
    };
    let may = token(who, scopes) || (!scopes.is_empty() && is_administrator(who));
    allowed_if(may, || lacks(who, needed))
}

/// A token makes no tokens: it could give itself what it lacks.
pub(super) fn tokens(who: &Who<'_>, action: Action) -> Decision {
    let known = matches!(action, Action::See | Action::Create | Action::Delete);
    allowed_if(known && is_administrator(who), || people_only(who))
}

/// Read only, also for administrators: it says what they did.
pub(super) fn audit_log(who: &Who<'_>, action: Action) -> Decision {
    if action.writes() {
        return people_only(who);
    }
    allowed_if(is_administrator(who) || token(who, &[Scope::AuditRead]), || lacks(who, Scope::AuditRead))
}

/// Whether the server answers: for everybody.
pub(super) fn server_health(who: &Who<'_>, action: Action) -> Decision {
    allowed_if(action == Action::See, || people_only(who))
}

/// All tenants' figures: no tenant's administrator has them by that, and neither has a person.
pub(super) fn server_metrics(who: &Who<'_>, action: Action, state: &State) -> Decision {
    let may = action == Action::See && (state.open_figures || token(who, &[Scope::MetricsRead]));
    allowed_if(may, || lacks(who, Scope::MetricsRead))
}

/// For what no scope gives.
fn people_only(who: &Who<'_>) -> Decision {
    if matches!(who.identity, Identity::Anonymous) { Decision::Refused(Refusal::SignIn) } else { FORBIDDEN }
}

fn is(who: &Who<'_>, what: impl FnOnce(&Person) -> bool) -> bool {
    matches!(who.identity, Identity::Person(person) if what(person))
}

fn is_administrator(who: &Who<'_>) -> bool {
    is(who, |person| person.role == Role::Administrator)
}

fn token(who: &Who<'_>, scopes: &[Scope]) -> bool {
    matches!(who.identity, Identity::Token(token) if token.has(scopes))
}
