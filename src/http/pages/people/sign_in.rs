//! `/sign-in` and `/sign-out`; and the same form in place of a page that wants to know who reads it.

use super::{Trouble, came_from, failed, not_ours, path_here, see};
use crate::catalogue::session::LONGEST;
use crate::http::pages::Reader;
use crate::http::pages::asking::Asking;
use crate::http::pages::form::{Fields, FormPage};
use crate::http::pages::frame::Frame;
use askama::Template;
use axum::http::StatusCode;
use axum::http::header::{SET_COOKIE, USER_AGENT};
use axum::response::Response;
use serde::Deserialize;
use serde::de::IgnoredAny;

#[derive(Template)]
#[template(path = "sign-in.html")]
struct Page<'a> {
    frame: Frame<'a>,
    token: &'a str,
    next: &'a str,
    login: &'a str,
    /// Somebody is signed in whom this is not for, or nobody.
    trouble: Trouble,
}

/// Fields of the form.
#[derive(Deserialize)]
pub(super) struct Sent {
    login: String,
    password: String,
    #[serde(default)]
    next: String,
}

/// In place of a page that is not for everybody: the same address, and this form.
#[must_use]
pub fn in_place(reader: &Reader<'_>, asked: &str) -> Response {
    show(reader, StatusCode::UNAUTHORIZED, path_here(asked), "", Trouble::said("sign-in-needed"))
}

fn show(reader: &Reader<'_>, status: StatusCode, next: &str, login: &str, trouble: Trouble) -> Response {
    let form = FormPage::new(reader);
    form.respond(status, &Page { frame: form.frame(), token: form.token(), next, login, trouble })
}

/// `GET /sign-in`.
pub(super) async fn page(asking: Asking) -> Response {
    if asking.visitor.person().is_some() {
        return see("/account");
    }
    let reader = asking.reader();
    show(&reader, StatusCode::OK, came_from(&asking.headers), "", Trouble::default())
}

/// `POST /sign-in`.
pub(super) async fn send(asking: Asking, Fields(sent): Fields<Sent>) -> Response {
    let cookies = asking.accounts.gate().cookies();
    let reader = asking.reader();
    let Some(sent) = sent else { return not_ours(&reader) };
    let next = path_here(&sent.next);
    let person = match asking.accounts.verify(&sent.login, &sent.password, asking.visitor.address()).await {
        Ok(person) => person,
        Err(error) => {
            let (status, trouble) = Trouble::of(error, "sign-in-wrong");
            return show(&reader, status, next, &sent.login, trouble);
        }
    };
    let agent = asking.headers.get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let begun = asking.accounts.catalogue().begin_session(&person, agent, asking.accounts.now()).await;
    let (_, token) = match begun {
        Ok(begun) => begun,
        Err(error) => {
            tracing::error!(%error, "a session can't begin");
            return failed(&reader);
        }
    };
    // Who signs in as somebody else is no longer who they were.
    if let Some(former) = asking.visitor.person()
        && let Err(error) = asking.accounts.catalogue().end_session(&former.session.person_id, &former.session.id).await
    {
        tracing::warn!(%error, "a former session can't be ended");
    }
    let mut response = see(next);
    if let Some(cookie) = cookies.set(cookies.session(), token.reveal(), "/", LONGEST) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

/// `POST /sign-out`.
pub(super) async fn sign_out(asking: Asking, Fields(sent): Fields<IgnoredAny>) -> Response {
    let cookies = asking.accounts.gate().cookies();
    let reader = asking.reader();
    if sent.is_none() {
        return not_ours(&reader);
    }
    if let Some(person) = asking.visitor.person() {
        let ended = asking.accounts.catalogue().end_session(&person.session.person_id, &person.session.id).await;
        if let Err(error) = ended {
            tracing::error!(%error, "a session can't be ended");
            return failed(&reader);
        }
        asking.accounts.gate().forget_visitor(&asking.visitor);
    }
    let mut response = see("/");
    for name in [cookies.session(), cookies.form()] {
        response.headers_mut().extend(cookies.unset(name).map(|cookie| (SET_COOKIE, cookie)));
    }
    response
}
