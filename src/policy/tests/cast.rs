//! Everybody who appears in the table and in the properties.

use super::super::Decision;
use super::super::decide;
use super::super::object::{Action, Kind, LivePart, Object, VideoPart};
use super::super::scope::Scope;
use super::super::state::{State, Visibility};
use super::super::who::{Audience, Buildings, Identity, Person, Proof, Role, Token, Who};
use media::time::WallTime;
use std::collections::BTreeSet;

pub(super) const HERE: &str = "here";
pub(super) const AWAY: &str = "away";
/// The object that is asked for.
pub(super) const IT: &str = "it";
/// Another one, of the same tenant.
pub(super) const OTHER: &str = "other";
/// Who owns it.
pub(super) const OWNER: &str = "owner";
pub(super) const BUILDING: &str = "sciences";
pub(super) const PASSWORD_VERSION: u64 = 7;
pub(super) const NOW: WallTime = WallTime::from_micros(1_790_000_000_000_000);

/// As whom.
#[derive(Clone, Debug)]
pub(super) enum As {
    Nobody,
    Person(Person),
    Token(Token),
}

/// Somebody, with all they carry.
#[derive(Clone, Debug)]
pub(super) struct Somebody {
    pub(super) name: String,
    pub(super) tenant: &'static str,
    pub(super) r#as: As,
    pub(super) proofs: Vec<Proof>,
}

impl Somebody {
    pub(super) fn who(&self) -> Who<'_> {
        let identity = match &self.r#as {
            As::Nobody => Identity::Anonymous,
            As::Person(person) => Identity::Person(person),
            As::Token(token) => Identity::Token(token),
        };
        Who { tenant: self.tenant, identity, proofs: &self.proofs, now: NOW }
    }

    /// Asks for an object of the tenant [`HERE`].
    pub(super) fn asks(&self, kind: Kind, action: Action, state: &State) -> Decision {
        let id = if kind == Kind::Account { OWNER } else { IT };
        decide(&self.who(), &Object { tenant: HERE, id, kind }, action, state)
    }
}

pub(super) fn link(object: &str, expires_at: WallTime, revoked: bool) -> Proof {
    Proof::Link { object: object.to_owned(), expires_at, revoked }
}

pub(super) fn password(version: u64) -> Proof {
    Proof::Password { object: IT.to_owned(), version }
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn nobody(name: &str, proofs: Vec<Proof>) -> Somebody {
    Somebody { name: name.to_owned(), tenant: HERE, r#as: As::Nobody, proofs }
}

fn person(name: &str, role: Role, buildings: Buildings, groups: &[&str], affiliations: &[&str]) -> Somebody {
    let (groups, affiliations) = (set(groups), set(affiliations));
    let person = Person { id: name.to_owned(), role, buildings, groups, affiliations };
    Somebody { name: name.to_owned(), tenant: HERE, r#as: As::Person(person), proofs: Vec::new() }
}

fn token(scope: Scope) -> Somebody {
    let token = Token { id: "token".to_owned(), scopes: BTreeSet::from([scope]) };
    Somebody { name: scope.name().to_owned(), tenant: HERE, r#as: As::Token(token), proofs: Vec::new() }
}

/// In the order of the table's columns.
pub(super) fn blocks() -> [Vec<Somebody>; 4] {
    let second = |n: i64| NOW.plus_micros(n * 1_000_000);
    let all = || Buildings::All;
    let only = |building| Buildings::Only(set(&[building]));
    let mut away = person("administrator of another tenant", Role::Administrator, all(), &["members"], &["staff"]);
    away.tenant = AWAY;
    away.proofs = vec![link(IT, second(1), false), password(PASSWORD_VERSION)];
    [
        vec![
            nobody("nobody", Vec::new()),
            nobody("with a link", vec![link(IT, second(1), false)]),
            nobody("with an expired link", vec![link(IT, NOW, false)]),
            nobody("with a revoked link", vec![link(IT, second(1), true)]),
            nobody("with the password", vec![password(PASSWORD_VERSION)]),
            nobody("with the former password", vec![password(PASSWORD_VERSION - 1)]),
        ],
        vec![
            person("viewer", Role::Viewer, all(), &["others"], &["student"]),
            person("member", Role::Viewer, all(), &["members", "others"], &[]),
            person("staff", Role::Viewer, all(), &[], &["staff"]),
            person("contributor", Role::Contributor, all(), &[], &[]),
            person(OWNER, Role::Viewer, all(), &[], &[]),
            person("operator", Role::Operator, all(), &[], &[]),
            person("operator of its building", Role::Operator, only(BUILDING), &[], &[]),
            person("operator of another building", Role::Operator, only("letters"), &[], &[]),
            person("administrator", Role::Administrator, only("letters"), &[], &[]),
        ],
        [
            Scope::MetricsRead,
            Scope::BroadcastersRead,
            Scope::BroadcastersWrite,
            Scope::LivesWrite,
            Scope::VideosRead,
            Scope::VideosWrite,
            Scope::PeopleRead,
            Scope::PeopleWrite,
            Scope::AuditRead,
        ]
        .map(token)
        .to_vec(),
        vec![away],
    ]
}

pub(super) fn everybody() -> Vec<Somebody> {
    blocks().into_iter().flatten().collect()
}

/// How things stand with an object that has an owner, a building, an audience and a password.
pub(super) fn state(visibility: Visibility) -> State {
    State {
        visibility,
        audience: BTreeSet::from([Audience::Group("members".into()), Audience::Affiliation("staff".into())]),
        password_version: Some(PASSWORD_VERSION),
        owners: set(&[OWNER]),
        building: Some(BUILDING.to_owned()),
        ..State::default()
    }
}

/// Every kind of thing, with its name in the table.
pub(super) fn kinds() -> Vec<(String, Kind)> {
    let live = LivePart::ALL.map(|part| (format!("live.{}", name(&part)), Kind::Live(part)));
    let video = VideoPart::ALL.map(|part| (format!("video.{}", name(&part)), Kind::Video(part)));
    let rest = [
        ("site", Kind::Site),
        ("account", Kind::Account),
        ("operator-page", Kind::OperatorPage),
        ("buildings", Kind::Buildings),
        ("jobs", Kind::Jobs),
        ("people", Kind::People),
        ("tokens", Kind::Tokens),
        ("audit", Kind::AuditLog),
        ("server.health", Kind::ServerHealth),
        ("server.metrics", Kind::ServerMetrics),
    ];
    live.into_iter().chain(video).chain(rest.map(|(name, kind)| (name.to_owned(), kind))).collect()
}

/// `Page` → `page`.
pub(super) fn name(variant: &impl std::fmt::Debug) -> String {
    format!("{variant:?}").to_lowercase()
}
