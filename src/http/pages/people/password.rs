//! The password of a live or a video: a form in place of its page, and where it is sent.

use super::{Trouble, not_ours, see};
use crate::catalogue::Error;
use crate::catalogue::secret::PasswordHash;
use crate::catalogue::slug::Slug;
use crate::http::accounts::{Accounts, NotVerified};
use crate::http::input::Segments;
use crate::http::pages::asking::Asking;
use crate::http::pages::form::{Fields, FormPage};
use crate::http::pages::frame::Frame;
use crate::http::pages::{ErrorPage, Reader};
use askama::Template;
use axum::http::StatusCode;
use axum::http::header::SET_COOKIE;
use axum::response::Response;
use serde::Deserialize;

#[derive(Template)]
#[template(path = "password.html")]
struct Page<'a> {
    frame: Frame<'a>,
    token: &'a str,
    /// `/live/…` or `/videos/…`.
    folder: &'a str,
    trouble: Trouble,
}

/// Fields of the form.
#[derive(Deserialize)]
pub(super) struct Sent {
    password: String,
}

/// In place of the page of something in `folder` that has a password.
#[must_use]
pub fn in_place(reader: &Reader<'_>, folder: &str) -> Response {
    show(reader, StatusCode::UNAUTHORIZED, folder, Trouble::default())
}

fn show(reader: &Reader<'_>, status: StatusCode, folder: &str, trouble: Trouble) -> Response {
    let form = FormPage::new(reader);
    form.respond(status, &Page { frame: form.frame(), token: form.token(), folder, trouble })
}

/// `POST /live/{slug}/password`.
pub(super) async fn of_live(asking: Asking, Segments(slug): Segments<String>, Fields(sent): Fields<Sent>) -> Response {
    let reader = asking.reader();
    let found = async {
        let Ok(name) = slug.parse::<Slug>() else { return Ok(None) };
        let Some(broadcaster) = asking.accounts.catalogue().broadcaster_by_slug(&name).await? else { return Ok(None) };
        let password = asking.accounts.catalogue().broadcaster_password(&broadcaster.id).await?;
        Ok(Some((broadcaster.id.to_string(), password)))
    };
    unlock(&asking.accounts, &reader, &format!("/live/{slug}"), found.await, sent).await
}

/// `POST /videos/{id}/password`.
pub(super) async fn of_video(asking: Asking, Segments(text): Segments<String>, Fields(sent): Fields<Sent>) -> Response {
    let reader = asking.reader();
    let found = async {
        let Ok(id) = text.parse() else { return Ok(None) };
        Ok(Some((text.clone(), asking.accounts.catalogue().video_password(&id).await?)))
    };
    unlock(&asking.accounts, &reader, &format!("/videos/{text}"), found.await, sent).await
}

/// An object's id, and its password with its number.
type Found = Result<Option<(String, Option<(PasswordHash, u64)>)>, Error>;

async fn unlock(accounts: &Accounts, reader: &Reader<'_>, folder: &str, found: Found, sent: Option<Sent>) -> Response {
    let Some(sent) = sent else { return not_ours(reader) };
    let (id, password) = match found {
        Ok(Some(found)) => found,
        Ok(None) => return ErrorPage::NotFound.render_for(reader),
        Err(error) => {
            let (status, trouble) = Trouble::of(NotVerified::from(error), "");
            return show(reader, status, folder, trouble);
        }
    };
    let version = password.as_ref().map(|(_, version)| *version);
    let hash = password.map(|(hash, _)| hash);
    if let Err(error) = accounts.verify_object(&id, hash, &sent.password, reader.visitor.address()).await {
        let (status, trouble) = Trouble::of(error, "password-wrong");
        return show(reader, status, folder, trouble);
    }
    let mut response = see(folder);
    let cookie = version.and_then(|version| accounts.gate().password_cookie(&id, version));
    response.headers_mut().extend(cookie.map(|cookie| (SET_COOKIE, cookie)));
    response
}
