//! `/people`: who there is, and one more.

use super::{made, roles, show_once, trouble};
use crate::catalogue::identity::NewPerson;
use crate::catalogue::person::Person;
use crate::http::accounts::Accounts;
use crate::http::gate::Noted;
use crate::http::pages::Reader;
use crate::http::pages::asking::Asking;
use crate::http::pages::form::{Choice, Fields, FormPage, Pair, said};
use crate::http::pages::frame::Frame;
use crate::http::pages::people::{Trouble, failed, not_ours, role_key};
use crate::policy::who::Role;
use askama::Template;
use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

/// A person, and the key of the role's text.
struct Line {
    person: Person,
    role: &'static str,
}

/// What was typed to add somebody.
#[derive(Default)]
struct Typed<'a> {
    login: &'a str,
    name: &'a str,
    mail: &'a str,
}

#[derive(Template)]
#[template(path = "people.html")]
struct Page<'a> {
    frame: Frame<'a>,
    token: &'a str,
    asked: &'a str,
    people: Vec<Line>,
    more: bool,
    typed: Typed<'a>,
    roles: Vec<Choice>,
    trouble: Trouble,
}

/// What is looked for.
#[derive(Default, Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    q: String,
}

/// `GET /people?q=…`.
pub(super) async fn page(asking: Asking, asked: Result<Query<Asked>, QueryRejection>) -> Response {
    let reader = asking.reader();
    let asked = asked.map_or_else(|_| Asked::default(), |Query(asked)| asked);
    show(&asking.accounts, &reader, StatusCode::OK, &asked.q, &[], Trouble::default()).await
}

async fn show(
    accounts: &Accounts,
    reader: &Reader<'_>,
    status: StatusCode,
    asked: &str,
    typed: &[Pair],
    trouble: Trouble,
) -> Response {
    let (people, more) = match accounts.catalogue().find_people(asked).await {
        Ok(found) => found,
        Err(error) => {
            tracing::error!(%error, "people can't be listed");
            return failed(reader);
        }
    };
    let form = FormPage::new(reader);
    let page = Page {
        frame: form.frame(),
        token: form.token(),
        asked,
        people: people.into_iter().map(|person| Line { role: role_key(person.role), person }).collect(),
        more,
        typed: Typed { login: said(typed, "login"), name: said(typed, "name"), mail: said(typed, "mail") },
        roles: roles(reader, said(typed, "role").parse().unwrap_or(Role::Contributor)),
        trouble,
    };
    form.respond(status, &page)
}

/// `POST /people`: one more, with a password that is made and shown once.
pub(super) async fn add(asking: Asking, Fields(sent): Fields<Vec<Pair>>) -> Response {
    let reader = asking.reader();
    let Some(sent) = sent else { return not_ours(&reader) };
    let Ok(role) = said(&sent, "role").parse() else { return not_ours(&reader) };
    let text = |name| Some(said(&sent, name).trim().to_owned()).filter(|text| !text.is_empty());
    let new = NewPerson { name: text("name"), mail: text("mail"), ..NewPerson::new(said(&sent, "login"), role) };
    let (password, hash) = match made(&asking.accounts).await {
        Ok(made) => made,
        Err(error) => {
            let (status, trouble) = Trouble::of(error, "");
            return show(&asking.accounts, &reader, status, "", &sent, trouble).await;
        }
    };
    match asking.accounts.catalogue().add_person(new, &hash, asking.accounts.now()).await {
        Ok(person) => {
            let login = person.login.as_deref().unwrap_or_default();
            let page = show_once(&reader, &person.name, login, &password, &person.id);
            Noted(format!("{login} {} {}", person.id, person.role)).on(page)
        }
        Err(error) => match trouble(&reader, &error) {
            Ok((status, trouble)) => show(&asking.accounts, &reader, status, "", &sent, trouble).await,
            Err(page) => *page,
        },
    }
}
