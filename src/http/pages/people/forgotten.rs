//! `/forgotten` and `/new-password`: a link by mail, and what it leads to. The answer is the same whether somebody has an account or not.

use super::{Trouble, message, not_ours};
use crate::catalogue::Error;
use crate::catalogue::secret::{Password, ResetToken};
use crate::http::accounts::{Accounts, NotVerified};
use crate::http::pages::Reader;
use crate::http::pages::asking::Asking;
use crate::http::pages::form::{Fields, FormPage};
use crate::http::pages::frame::Frame;
use askama::Template;
use axum::extract::Query;
use axum::extract::rejection::QueryRejection;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;

#[derive(Template)]
#[template(path = "forgotten.html")]
struct Page<'a> {
    frame: Frame<'a>,
    token: &'a str,
    /// Mails can be sent.
    writes: bool,
    trouble: Trouble,
}

/// `GET /forgotten`.
pub(super) async fn page(asking: Asking) -> Response {
    let reader = asking.reader();
    show(&asking.accounts, &reader, StatusCode::OK, Trouble::default())
}

fn show(accounts: &Accounts, reader: &Reader<'_>, status: StatusCode, trouble: Trouble) -> Response {
    let form = FormPage::new(reader);
    form.respond(status, &Page { frame: form.frame(), token: form.token(), writes: accounts.writes(), trouble })
}

/// Fields of the form.
#[derive(Deserialize)]
pub(super) struct Sent {
    who: String,
}

/// `POST /forgotten`.
pub(super) async fn send(asking: Asking, Fields(sent): Fields<Sent>) -> Response {
    let reader = asking.reader();
    let Some(sent) = sent else { return not_ours(&reader) };
    let texts = reader.texts();
    let words = move |name: &str, link: &str| {
        let lines = [
            texts.with("mail-hello", "name", name),
            texts.get("mail-reset"),
            link.to_owned(),
            texts.get("mail-reset-more"),
        ];
        (texts.get("mail-reset-subject"), lines.join("\n\n"))
    };
    match asking.accounts.write_reset(sent.who, asking.visitor.address(), words) {
        Err(NotVerified::TooMany(wait)) => {
            show(&asking.accounts, &reader, StatusCode::TOO_MANY_REQUESTS, Trouble::too_many(wait))
        }
        _ => message(&reader, StatusCode::OK, "forgotten-sent", "forgotten-sent-more"),
    }
}

#[derive(Template)]
#[template(path = "new-password.html")]
struct Set<'a> {
    frame: Frame<'a>,
    token: &'a str,
    reset: &'a str,
    trouble: Trouble,
}

/// What the link holds.
#[derive(Deserialize)]
pub(super) struct Link {
    #[serde(default)]
    token: String,
}

/// `GET /new-password?token=…`.
pub(super) async fn new_password(asking: Asking, link: Result<Query<Link>, QueryRejection>) -> Response {
    let reader = asking.reader();
    let reset = link.map_or_else(|_| String::new(), |Query(link)| link.token);
    match asking.accounts.catalogue().find_reset(&ResetToken::new(reset.clone()), asking.accounts.now()).await {
        Ok(Some(_)) => show_set(&reader, StatusCode::OK, &reset, Trouble::default()),
        Ok(None) => gone(&reader),
        Err(error) => {
            tracing::error!(%error, "a link to a new password can't be looked up");
            super::failed(&reader)
        }
    }
}

fn gone(reader: &Reader<'_>) -> Response {
    message(reader, StatusCode::GONE, "reset-gone", "reset-gone-more")
}

fn show_set(reader: &Reader<'_>, status: StatusCode, reset: &str, trouble: Trouble) -> Response {
    let form = FormPage::new(reader);
    form.respond(status, &Set { frame: form.frame(), token: form.token(), reset, trouble })
}

/// Fields of the form.
#[derive(Deserialize)]
pub(super) struct Chosen {
    reset: String,
    password: String,
}

/// `POST /new-password`.
pub(super) async fn set(asking: Asking, Fields(sent): Fields<Chosen>) -> Response {
    let reader = asking.reader();
    let Some(sent) = sent else { return not_ours(&reader) };
    let Ok(password) = Password::new(sent.password) else {
        let trouble = Trouble::said("password-too-short");
        return show_set(&reader, StatusCode::UNPROCESSABLE_ENTITY, &sent.reset, trouble);
    };
    let reset = ResetToken::new(sent.reset.clone());
    // Nothing is hashed for a link that leads nowhere.
    if matches!(asking.accounts.catalogue().find_reset(&reset, asking.accounts.now()).await, Ok(None)) {
        return gone(&reader);
    }
    let hash = match asking.accounts.hash(password).await {
        Ok(hash) => hash,
        Err(error) => {
            let (status, trouble) = Trouble::of(error, "");
            return show_set(&reader, status, &sent.reset, trouble);
        }
    };
    match asking.accounts.catalogue().use_reset(&reset, &hash, asking.accounts.now()).await {
        Ok(_) => message(&reader, StatusCode::OK, "password-changed", "password-set-more"),
        Err(Error::NotFound(_)) => gone(&reader),
        Err(error) => {
            tracing::error!(%error, "a new password can't be set");
            super::failed(&reader)
        }
    }
}
