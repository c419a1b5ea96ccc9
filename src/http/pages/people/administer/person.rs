//! `/people/{id}`: what somebody is, another password for them, and whether they may sign in.

use super::{is_self, made, roles, show_once, trouble};
use crate::catalogue::id::{GroupId, PersonId};
use crate::catalogue::person::{Person, PersonChange};
use crate::catalogue::{Catalogue, Error};
use crate::http::accounts::Accounts;
use crate::http::gate::Noted;
use crate::http::pages::asking::Asking;
use crate::http::pages::form::{Choice, Fields, FormPage, Pair, all, said};
use crate::http::pages::frame::Frame;
use crate::http::pages::people::{Trouble, failed, not_ours, role_key, see};
use crate::http::pages::{ErrorPage, Reader};
use crate::policy::who::{Buildings, Role};
use askama::Template;
use axum::extract::{Path, RawQuery};
use axum::http::StatusCode;
use axum::response::Response;
use std::collections::BTreeSet;

#[derive(Template)]
#[template(path = "person.html")]
struct Page<'a> {
    frame: Frame<'a>,
    token: &'a str,
    person: &'a Person,
    /// Who asks: changes neither their role nor whether they may sign in.
    own: bool,
    /// Key of the role's text.
    role: &'static str,
    roles: Vec<Choice>,
    groups: Vec<Choice>,
    everywhere: bool,
    buildings: Vec<Choice>,
    saved: bool,
    trouble: Trouble,
}

/// What a request is about.
struct Asked<'a> {
    accounts: &'a Accounts,
    reader: Reader<'a>,
    person: Person,
}

impl<'a> Asked<'a> {
    /// # Errors
    /// There is no such person, or it can't be said: the page that says so.
    async fn of(accounts: &'a Accounts, reader: Reader<'a>, id: &str) -> Result<Self, Box<Response>> {
        let Ok(id) = id.parse::<PersonId>() else { return Err(Box::new(ErrorPage::NotFound.render_for(&reader))) };
        match accounts.catalogue().person(&id).await {
            Ok(Some(person)) => Ok(Self { accounts, reader, person }),
            Ok(None) => Err(Box::new(ErrorPage::NotFound.render_for(&reader))),
            Err(error) => Err(broken(&reader, &error)),
        }
    }

    fn catalogue(&self) -> &Catalogue {
        self.accounts.catalogue()
    }

    async fn show(&self, status: StatusCode, saved: bool, trouble: Trouble) -> Response {
        self.shown(status, saved, trouble).await.unwrap_or_else(|error| *broken(&self.reader, &error))
    }

    async fn shown(&self, status: StatusCode, saved: bool, trouble: Trouble) -> Result<Response, Error> {
        let (reader, person) = (&self.reader, &self.person);
        let (chosen, groups) =
            (self.catalogue().groups_by_hand(&person.id).await?, self.catalogue().groups().await?.into_iter());
        let operated = match &person.buildings {
            Buildings::All => &BTreeSet::new(),
            Buildings::Only(some) => some,
        };
        let buildings = self.catalogue().buildings().await?.into_iter();
        let form = FormPage::new(reader);
        let page = Page {
            frame: form.frame(),
            token: form.token(),
            person,
            own: is_self(reader, &person.id),
            role: role_key(person.role),
            roles: roles(reader, person.role),
            groups: groups
                .map(|group| Choice {
                    chosen: chosen.contains(&group.id),
                    value: group.id.to_string(),
                    text: group.title,
                })
                .collect(),
            everywhere: person.buildings == Buildings::All,
            buildings: buildings
                .map(|building| Choice {
                    chosen: operated.contains(building.id.as_str()),
                    value: building.id.to_string(),
                    text: building.title,
                })
                .collect(),
            saved,
            trouble,
        };
        Ok(form.respond(status, &page))
    }

    async fn refused(&self, error: &Error) -> Response {
        match trouble(&self.reader, error) {
            Ok((status, trouble)) => self.show(status, false, trouble).await,
            Err(page) => *page,
        }
    }

    async fn not_oneself(&self) -> Response {
        let trouble = Trouble { key: "people-not-oneself", minutes: 0 };
        self.show(StatusCode::CONFLICT, false, trouble).await
    }

    fn own(&self) -> bool {
        is_self(&self.reader, &self.person.id)
    }

    /// To the page, which says that it was done.
    fn saved(&self, detail: String) -> Response {
        Noted(detail).on(see(&format!("/people/{}?saved", self.person.id)))
    }
}

fn broken(reader: &Reader<'_>, error: &Error) -> Box<Response> {
    tracing::error!(%error, "a person can't be shown");
    Box::new(failed(reader))
}

/// `GET /people/{id}`.
pub(super) async fn page(asking: Asking, Path(id): Path<String>, RawQuery(query): RawQuery) -> Response {
    let reader = asking.reader();
    match Asked::of(&asking.accounts, reader, &id).await {
        Ok(asked) => asked.show(StatusCode::OK, query.as_deref() == Some("saved"), Trouble::default()).await,
        Err(page) => *page,
    }
}

/// `POST /people/{id}`: name, address, role, groups, buildings.
pub(super) async fn change(asking: Asking, Path(id): Path<String>, Fields(sent): Fields<Vec<Pair>>) -> Response {
    let reader = asking.reader();
    let Some(sent) = sent else { return not_ours(&reader) };
    let asked = match Asked::of(&asking.accounts, reader, &id).await {
        Ok(asked) => asked,
        Err(page) => return *page,
    };
    // The form has no role where it can't be changed.
    let role = match said(&sent, "role") {
        "" => None,
        name => match name.parse::<Role>() {
            Ok(role) => Some(role),
            Err(_) => return not_ours(&asked.reader),
        },
    };
    if asked.own() && role.is_some_and(|role| role != asked.person.role) {
        return asked.not_oneself().await;
    }
    match apply(&asked, &sent, role).await {
        Ok(detail) => asked.saved(detail),
        Err(error) => asked.refused(&error).await,
    }
}

/// What was changed, for the audit log.
async fn apply(asked: &Asked<'_>, sent: &[Pair], role: Option<Role>) -> Result<String, Error> {
    let groups = all(sent, "group").map(str::parse).collect::<Result<BTreeSet<GroupId>, _>>();
    let groups = groups.map_err(|_| Error::NotFound("group"))?;
    let mail = said(sent, "mail").trim();
    let buildings = match (said(sent, "buildings"), said(sent, "everywhere")) {
        // The form had none to choose from.
        ("", _) => None,
        (_, "yes") => Some(Buildings::All),
        _ => Some(Buildings::Only(all(sent, "building").map(str::to_owned).collect())),
    };
    let change = PersonChange {
        name: Some(said(sent, "name").to_owned()),
        mail: Some(Some(mail.to_owned()).filter(|mail| !mail.is_empty())),
        role,
        buildings,
        disabled: None,
    };
    let (catalogue, id) = (asked.catalogue(), &asked.person.id);
    let changed = catalogue.change_person(id, change, asked.accounts.now()).await?;
    catalogue.set_groups(id, &groups).await?;
    let limited = match &changed.buildings {
        Buildings::All => String::new(),
        Buildings::Only(some) => format!(", in {} buildings", some.len()),
    };
    Ok(format!("{}{limited}, in {} groups", changed.role, groups.len()))
}

/// `POST /people/{id}/password`: another one is made and shown once; every session ends.
pub(super) async fn password(asking: Asking, Path(id): Path<String>, Fields(sent): Fields<Vec<Pair>>) -> Response {
    let reader = asking.reader();
    if sent.is_none() {
        return not_ours(&reader);
    }
    let asked = match Asked::of(&asking.accounts, reader, &id).await {
        Ok(asked) => asked,
        Err(page) => return *page,
    };
    // One's own is changed by who knows it, at /account.
    if asked.own() {
        return asked.not_oneself().await;
    }
    let Some(login) = asked.person.login.clone() else { return ErrorPage::NotFound.render_for(&asked.reader) };
    let (password, hash) = match made(&asking.accounts).await {
        Ok(made) => made,
        Err(error) => {
            let (status, trouble) = Trouble::of(error, "");
            return asked.show(status, false, trouble).await;
        }
    };
    match asking.accounts.catalogue().set_password(&asked.person.id, &hash, None, asking.accounts.now()).await {
        Ok(()) => {
            let page = show_once(&asked.reader, &asked.person.name, &login, &password, &asked.person.id);
            Noted(login).on(page)
        }
        Err(error) => asked.refused(&error).await,
    }
}

/// `POST /people/{id}/disabled`: whether somebody may sign in.
pub(super) async fn disable(asking: Asking, Path(id): Path<String>, Fields(sent): Fields<Vec<Pair>>) -> Response {
    let reader = asking.reader();
    let Some(sent) = sent else { return not_ours(&reader) };
    let disabled = match said(&sent, "disabled") {
        "yes" => true,
        "no" => false,
        _ => return not_ours(&reader),
    };
    let asked = match Asked::of(&asking.accounts, reader, &id).await {
        Ok(asked) => asked,
        Err(page) => return *page,
    };
    if asked.own() {
        return asked.not_oneself().await;
    }
    let change = PersonChange { disabled: Some(disabled), ..PersonChange::default() };
    match asking.accounts.catalogue().change_person(&asked.person.id, change, asking.accounts.now()).await {
        Ok(_) => asked.saved(if disabled { "disabled" } else { "enabled" }.to_owned()),
        Err(error) => asked.refused(&error).await,
    }
}
