//! Pages about who somebody is: to sign in, one's account, a forgotten password, the password of a live or a video; and for administrators,
//! who there is. All of them work without JavaScript.

pub mod account;
mod administer;
pub mod forgotten;
pub mod password;
pub mod sign_in;

use super::form::MAX_FORM_BYTES;
use super::frame::{Frame, respond};
use super::{ErrorPage, Reader};
use crate::http::accounts::{Accounts, NotVerified};
use crate::http::assets::{Assets, Entry};
use crate::policy::who::Role;
use askama::Template;
use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRef};
use axum::http::header::{CACHE_CONTROL, HeaderValue, LOCATION};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use std::time::Duration;

/// The routes; each has its line in the gate's table.
pub fn routes<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    Assets: FromRef<S>,
    Accounts: FromRef<S>,
{
    Router::new()
        .route("/sign-in", get(sign_in::page).post(sign_in::send))
        .route("/sign-out", post(sign_in::sign_out))
        .route("/account", get(account::page))
        .route("/account/password", post(account::change_password))
        .route("/account/sessions/end", post(account::end_sessions))
        .route("/forgotten", get(forgotten::page).post(forgotten::send))
        .route("/new-password", get(forgotten::new_password).post(forgotten::set))
        .route("/live/{slug}/password", post(password::of_live))
        .route("/videos/{id}/password", post(password::of_video))
        .merge(administer::routes())
        .layer(DefaultBodyLimit::max(MAX_FORM_BYTES))
}

/// Key of a role's text.
fn role_key(role: Role) -> &'static str {
    match role {
        Role::Viewer => "role-viewer",
        Role::Contributor => "role-contributor",
        Role::Operator => "role-operator",
        Role::Administrator => "role-administrator",
    }
}

/// A page that says one thing.
#[derive(Template)]
#[template(path = "message.html")]
struct Message<'a> {
    frame: Frame<'a>,
    title: &'static str,
    more: &'static str,
    /// What exactly, in the reader's words, a line each; empty: `more` says it.
    detail: &'a str,
}

pub(super) fn message(reader: &Reader<'_>, status: StatusCode, title: &'static str, more: &'static str) -> Response {
    message_about(reader, status, title, more, "")
}

/// The same with what exactly it is about, in the reader's words, a line each.
pub(super) fn message_about(
    reader: &Reader<'_>,
    status: StatusCode,
    title: &'static str,
    more: &'static str,
    detail: &str,
) -> Response {
    let frame = Frame::new(reader.headers, reader.assets, Entry::Site).seen_by(reader.visitor);
    respond(status, &Message { frame, title, more, detail }).into_response()
}

/// What was sent is no form of ours: too old, too long, or another site's.
pub(super) fn not_ours(reader: &Reader<'_>) -> Response {
    message(reader, StatusCode::FORBIDDEN, "form-stale", "form-stale-more")
}

pub(super) fn failed(reader: &Reader<'_>) -> Response {
    ErrorPage::Failed.render_for(reader)
}

/// To another page, by GET.
pub(super) fn see(path: &str) -> Response {
    let mut response = (StatusCode::SEE_OTHER, [(CACHE_CONTROL, HeaderValue::from_static("no-store"))]).into_response();
    if let Ok(path) = HeaderValue::from_str(path) {
        response.headers_mut().insert(LOCATION, path);
    }
    response
}

/// What a form says of what went wrong, in the reader's words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Trouble {
    /// Key of its text.
    key: &'static str,
    /// For who has to wait.
    minutes: u64,
}

impl Trouble {
    fn said(key: &'static str) -> Self {
        Self { key, minutes: 0 }
    }

    fn of(error: NotVerified, wrong: &'static str) -> (StatusCode, Self) {
        match error {
            NotVerified::Wrong => (StatusCode::UNAUTHORIZED, Self::said(wrong)),
            NotVerified::TooMany(wait) => (StatusCode::TOO_MANY_REQUESTS, Self::too_many(wait)),
            NotVerified::Busy | NotVerified::Failed => (StatusCode::SERVICE_UNAVAILABLE, Self::said("try-again")),
        }
    }

    /// At least a minute: nobody is told to wait for no time.
    fn too_many(wait: Duration) -> Self {
        Self { key: "too-many-attempts", minutes: wait.as_secs().div_ceil(60).max(1) }
    }

    fn is_none(self) -> bool {
        self.key.is_empty()
    }

    /// Whether it is about what is typed in the field of this name.
    fn is_about(self, field: &str) -> bool {
        match self.key {
            // Nobody is told which of the two.
            "sign-in-wrong" => matches!(field, "login" | "password"),
            "password-wrong" => field == "password",
            "password-too-short" => matches!(field, "password" | "new"),
            "old-password-wrong" => field == "old",
            "people-login-taken" | "people-login-invalid" => field == "login",
            "people-mail-taken" | "people-mail-invalid" => field == "mail",
            "people-name-invalid" => field == "name",
            "groups-taken" | "groups-title-invalid" => field == "title",
            _ => false,
        }
    }
}

/// A path of this site, or the home page.
fn path_here(text: &str) -> &str {
    // A browser reads `\` as `/`, and `//host` as another site; control characters it leaves out.
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if text.starts_with('/') && !text.starts_with("//") && plain { text } else { "/" }
}

/// Where the reader comes from, when that is a page of ours.
fn came_from(headers: &HeaderMap) -> &str {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok()).unwrap_or_default();
    let referer = text(axum::http::header::REFERER);
    let rest = referer.split_once("://").and_then(|(_, rest)| rest.strip_prefix(text(axum::http::header::HOST)));
    match rest.map(path_here) {
        // From there one would only come back.
        Some("/sign-in" | "/forgotten" | "/new-password") | None => "/",
        Some(path) => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_to_another_site() {
        for good in ["/", "/live/hall?x=1", "/videos/a-b#t"] {
            assert_eq!(path_here(good), good);
        }
        for bad in ["", "//evil.example", "/\\evil.example", "https://evil.example", "/\t/evil", "javascript:x", "/é"]
        {
            assert_eq!(path_here(bad), "/", "{bad}");
        }
    }

    #[test]
    fn who_comes_from_a_page_of_ours_goes_back_to_it() {
        let from = |referer: &'static str| {
            let headers = HeaderMap::from_iter([
                (axum::http::header::HOST, HeaderValue::from_static("tv.example")),
                (axum::http::header::REFERER, HeaderValue::from_static(referer)),
            ]);
            came_from(&headers).to_owned()
        };
        assert_eq!(from("https://tv.example/videos/a-b?t=3"), "/videos/a-b?t=3");
        assert_eq!(from("https://tv.example.evil/videos"), "/");
        assert_eq!(from("https://evil/?x=://tv.example/y"), "/");
        assert_eq!(from("https://tv.example/sign-in"), "/");
        assert_eq!(came_from(&HeaderMap::new()), "/");
    }
}
