//! What is answered instead: a page to readers, a problem document to programs and players.

use super::cookie::Cookies;
use super::visitor::Visitor;
use crate::http::assets::Assets;
use crate::http::pages::{self, ErrorPage};
use crate::http::play;
use crate::http::problem::Problem;
use crate::policy::Refusal;
use axum::http::header::{CACHE_CONTROL, HeaderValue, LOCATION, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse as _, Response};

/// Who reads the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Surface {
    /// A person.
    Page,
    /// A person, in a page of another site.
    Embed,
    /// A player, on this site or another.
    Media,
    /// A program.
    Api,
}

/// Whom to answer, and what they asked for.
pub(super) struct To<'a> {
    pub(super) parts: &'a Parts,
    pub(super) visitor: &'a Visitor,
    pub(super) assets: &'a Assets,
    pub(super) cookies: &'a Cookies,
    /// `/live/…` or `/videos/…`.
    pub(super) folder: Option<&'a str>,
}

const NEVER_STORED: (HeaderName, HeaderValue) = (CACHE_CONTROL, HeaderValue::from_static("no-store"));

/// A problem that no cache keeps.
pub(super) fn plain(problem: Problem) -> Response {
    ([NEVER_STORED], problem).into_response()
}

pub(super) fn answer(refusal: Refusal, surface: Surface, to: &To<'_>) -> Response {
    match surface {
        Surface::Page => page(refusal, to),
        Surface::Embed => embed(refusal, to),
        Surface::Api => plain(problem(refusal)),
        // What does not exist may be asked for again in a second, as players do.
        Surface::Media if refusal == Refusal::Hidden => play::public(problem(refusal).into_response()),
        Surface::Media => {
            let mut response = play::public(problem(refusal).into_response());
            response.headers_mut().insert(CACHE_CONTROL, NEVER_STORED.1);
            response
        }
    }
}

fn page(refusal: Refusal, to: &To<'_>) -> Response {
    let headers = &to.parts.headers;
    let reader = pages::Reader { headers, assets: to.assets, visitor: to.visitor, cookies: to.cookies };
    let asked = to.parts.uri.path_and_query().map_or("/", axum::http::uri::PathAndQuery::as_str);
    match (refusal, to.folder) {
        (Refusal::SignIn, _) => pages::people::sign_in::in_place(&reader, asked),
        (Refusal::Password, Some(folder)) => pages::people::password::in_place(&reader, folder),
        (Refusal::Hidden, _) => ErrorPage::NotFound.render_for(&reader),
        (Refusal::Password | Refusal::Forbidden | Refusal::Scope(_), _) => ErrorPage::Forbidden.render_for(&reader),
    }
}

/// Nobody signs in within another site's page: the way to ours is shown.
fn embed(refusal: Refusal, to: &To<'_>) -> Response {
    let headers = &to.parts.headers;
    let reader = pages::Reader { headers, assets: to.assets, visitor: to.visitor, cookies: to.cookies };
    let status = match refusal {
        Refusal::Hidden => StatusCode::NOT_FOUND,
        Refusal::SignIn | Refusal::Password => StatusCode::UNAUTHORIZED,
        Refusal::Scope(_) | Refusal::Forbidden => StatusCode::FORBIDDEN,
    };
    pages::embed::refused(&reader, status, to.folder.filter(|_| refusal != Refusal::Hidden))
}

fn problem(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::Hidden => Problem::new(StatusCode::NOT_FOUND).detail("There is no such thing."),
        Refusal::SignIn => Problem::unauthorized(),
        Refusal::Password => Problem::unauthorized().detail("Its password is asked for, on its page."),
        Refusal::Scope(scope) => Problem::forbidden(scope),
        Refusal::Forbidden => Problem::new(StatusCode::FORBIDDEN).detail("This is not for this account."),
    }
}

/// To the same page, with a cookie.
pub(super) fn move_on(path: &str, cookie: HeaderValue) -> Response {
    let mut response = (StatusCode::SEE_OTHER, [NEVER_STORED]).into_response();
    let headers = response.headers_mut();
    if let Ok(path) = HeaderValue::from_str(path) {
        headers.insert(LOCATION, path);
    }
    headers.append(SET_COOKIE, cookie);
    response
}
