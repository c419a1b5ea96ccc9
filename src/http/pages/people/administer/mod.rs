//! Pages for administrators: who may sign in and what they are, and the groups that things are for, and what the site looks like. Nobody changes here what they are
//! themselves, so whoever administers can't lock themselves out.

mod groups;
mod list;
mod neighbours;
mod person;
mod site;
#[cfg(test)]
mod tests;

use super::{Trouble, failed};
use crate::catalogue::Error;
use crate::catalogue::id::PersonId;
use crate::catalogue::secret::{Password, PasswordHash};
use crate::http::accounts::{Accounts, NotVerified};
use crate::http::assets::{Assets, Entry};
use crate::http::pages::Reader;
use crate::http::pages::form::Choice;
use crate::http::pages::frame::{Frame, respond};
use crate::http::pages::upload;
use crate::policy::who::Role;
use askama::Template;
use axum::Router;
use axum::extract::FromRef;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, HeaderValue};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};

/// The routes; each has its line in the gate's table.
pub(super) fn routes<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    Assets: FromRef<S>,
    Accounts: FromRef<S>,
{
    Router::new()
        .route("/people", get(list::page).post(list::add))
        .route("/people/{id}", get(person::page).post(person::change))
        .route("/people/{id}/password", post(person::password))
        .route("/people/{id}/disabled", post(person::disable))
        .route("/groups", get(groups::page).post(groups::add))
        .route("/groups/{id}/remove", post(groups::remove))
        .route("/site", get(site::page).post(site::change))
        .route("/site/neighbours", post(neighbours::change))
        .route("/site/logo", post(site::logo).layer(upload::limit()))
}

/// All roles, with this one chosen.
fn roles(reader: &Reader<'_>, chosen: Role) -> Vec<Choice> {
    let texts = reader.texts();
    let choice = |role: Role| Choice {
        value: role.name().to_owned(),
        text: texts.get(super::role_key(role)),
        chosen: role == chosen,
    };
    Role::ALL.into_iter().map(choice).collect()
}

/// Whether this is the one who asks.
fn is_self(reader: &Reader<'_>, id: &PersonId) -> bool {
    reader.visitor.person().is_some_and(|signed_in| signed_in.session.person_id == *id)
}

/// What a form says of what the catalogue does not take.
///
/// # Errors
/// It is not the form's fault: the page that says so. Logged.
fn trouble(reader: &Reader<'_>, error: &Error) -> Result<(StatusCode, Trouble), Box<Response>> {
    let (status, key) = match error {
        Error::Taken("login") => (StatusCode::CONFLICT, "people-login-taken"),
        Error::Taken("mail") => (StatusCode::CONFLICT, "people-mail-taken"),
        Error::Taken("group") => (StatusCode::CONFLICT, "groups-taken"),
        Error::Invalid { field: "login", .. } => (StatusCode::UNPROCESSABLE_ENTITY, "people-login-invalid"),
        Error::Invalid { field: "mail", .. } => (StatusCode::UNPROCESSABLE_ENTITY, "people-mail-invalid"),
        Error::Invalid { field: "name", .. } => (StatusCode::UNPROCESSABLE_ENTITY, "people-name-invalid"),
        Error::Invalid { field: "title", .. } => (StatusCode::UNPROCESSABLE_ENTITY, "groups-title-invalid"),
        Error::Conflict(_) => (StatusCode::CONFLICT, "people-last-administrator"),
        // Removed while the form was open.
        Error::NotFound("group" | "building") => (StatusCode::CONFLICT, "people-choice-gone"),
        error => {
            tracing::error!(%error, "people can't be administered");
            return Err(Box::new(failed(reader)));
        }
    };
    Ok((status, Trouble { key, minutes: 0 }))
}

/// A new password, and its hash.
async fn made(accounts: &Accounts) -> Result<(Password, PasswordHash), NotVerified> {
    let password = Password::random()?;
    let hash = accounts.hash(password.clone()).await?;
    Ok((password, hash))
}

#[derive(Template)]
#[template(path = "shown-once.html")]
struct Once<'a> {
    frame: Frame<'a>,
    name: &'a str,
    login: &'a str,
    password: &'a str,
    back: &'a str,
}

/// The page that shows a password that was made, once. No browser keeps it.
fn show_once(reader: &Reader<'_>, name: &str, login: &str, password: &Password, id: &PersonId) -> Response {
    let frame = Frame::new(reader.headers, reader.assets, Entry::Site).seen_by(reader.visitor);
    let back = format!("/people/{id}");
    let page = Once { frame, name, login, password: password.reveal(), back: &back };
    let mut response = respond(StatusCode::OK, &page).into_response();
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
