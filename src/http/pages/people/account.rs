//! `/account`: who somebody is here, where they are signed in, and another password.

use super::{Trouble, failed, message, not_ours, role_key, see};
use crate::catalogue::person::Person;
use crate::catalogue::secret::Password;
use crate::catalogue::session::Session;
use crate::http::accounts::{Accounts, NotVerified};
use crate::http::gate::visitor::SignedIn;
use crate::http::pages::Reader;
use crate::http::pages::asking::Asking;
use crate::http::pages::form::{Fields, FormPage};
use crate::http::pages::frame::Frame;
use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

#[derive(Template)]
#[template(path = "account.html")]
struct Page<'a> {
    frame: Frame<'a>,
    token: &'a str,
    person: &'a Person,
    /// Key of the role's text.
    role: &'static str,
    here: &'a Session,
    others: Vec<Session>,
    trouble: Trouble,
}

/// `GET /account`.
pub(super) async fn page(asking: Asking) -> Response {
    let reader = asking.reader();
    show(&asking.accounts, &reader, StatusCode::OK, Trouble::default()).await
}

async fn show(accounts: &Accounts, reader: &Reader<'_>, status: StatusCode, trouble: Trouble) -> Response {
    let Some(signed_in) = reader.visitor.person() else { return failed(reader) };
    let id = &signed_in.session.person_id;
    let found = async {
        let person = accounts.catalogue().person(id).await?;
        Ok::<_, crate::catalogue::Error>((person, accounts.catalogue().sessions(id, accounts.now()).await?))
    };
    let (person, sessions) = match found.await {
        Ok((Some(person), sessions)) => (person, sessions),
        Ok((None, _)) => return failed(reader),
        Err(error) => {
            tracing::error!(%error, "an account can't be shown");
            return failed(reader);
        }
    };
    let form = FormPage::new(reader);
    let page = Page {
        frame: form.frame(),
        token: form.token(),
        person: &person,
        role: role_key(person.role),
        here: &signed_in.session,
        others: sessions.into_iter().filter(|session| session.id != signed_in.session.id).collect(),
        trouble,
    };
    form.respond(status, &page)
}

/// Fields of the form.
#[derive(Deserialize)]
pub(super) struct NewPassword {
    old: String,
    new: String,
}

/// `POST /account/password`.
pub(super) async fn change_password(asking: Asking, Fields(sent): Fields<NewPassword>) -> Response {
    let reader = asking.reader();
    let Some(sent) = sent else { return not_ours(&reader) };
    let Some(signed_in) = asking.visitor.person() else { return failed(&reader) };
    let Ok(new) = Password::new(sent.new) else {
        let trouble = Trouble::said("password-too-short");
        return show(&asking.accounts, &reader, StatusCode::UNPROCESSABLE_ENTITY, trouble).await;
    };
    match change(&asking.accounts, &reader, signed_in, &sent.old, new).await {
        Ok(()) => message(&reader, StatusCode::OK, "password-changed", "password-changed-more"),
        Err(error) => {
            let (status, trouble) = Trouble::of(error, "old-password-wrong");
            show(&asking.accounts, &reader, status, trouble).await
        }
    }
}

async fn change(
    accounts: &Accounts,
    reader: &Reader<'_>,
    signed_in: &SignedIn,
    old: &str,
    new: Password,
) -> Result<(), NotVerified> {
    let (catalogue, session) = (accounts.catalogue(), &signed_in.session);
    let login = catalogue.person(&session.person_id).await?.and_then(|person| person.login);
    let login = login.ok_or(NotVerified::Wrong)?;
    accounts.verify_own(&login, &session.person_id, old, reader.visitor.address()).await?;
    let hash = accounts.hash(new).await?;
    Ok(catalogue.set_password(&session.person_id, &hash, Some(&session.id), accounts.now()).await?)
}

/// Fields of the buttons.
#[derive(Deserialize)]
pub(super) struct End {
    /// A session's id, or `others`.
    session: String,
}

/// `POST /account/sessions/end`.
pub(super) async fn end_sessions(asking: Asking, Fields(sent): Fields<End>) -> Response {
    let reader = asking.reader();
    let Some(sent) = sent else { return not_ours(&reader) };
    let Some(signed_in) = asking.visitor.person() else { return failed(&reader) };
    let here = &signed_in.session;
    let ended = match (sent.session.as_str(), sent.session.parse()) {
        ("others", _) => asking.accounts.catalogue().end_other_sessions(&here.person_id, &here.id).await,
        (_, Ok(id)) => asking.accounts.catalogue().end_session(&here.person_id, &id).await,
        // Nothing has this name, so nothing goes on.
        (_, Err(_)) => Ok(()),
    };
    if let Err(error) = ended {
        tracing::error!(%error, "sessions can't be ended");
        return failed(&reader);
    }
    see("/account")
}
