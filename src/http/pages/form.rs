//! Forms: what they repeat so that no other site can send one, how a page with forms is answered, and how much of a form is read.
//!
//! A random word stands in a cookie and in the form. Another site can make a browser send the cookie, but can't read it to repeat it. By
//! https no other host can set it either (`__Host-`).

use super::Reader;
use super::frame::{Frame, respond};
use crate::http::accounts::Accounts;
use crate::http::assets::Entry;
use crate::http::gate::cookie::Cookies;
use askama::Template;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, FromRef, FromRequest, Request};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::de::DeserializeOwned;
use serde::de::value::{Error, MapDeserializer};
use std::time::Duration;
use subtle::ConstantTimeEq as _;

/// No form of ours comes near it.
pub const MAX_FORM_BYTES: usize = 16 << 10;
/// Somebody may leave a form open over a day.
const LIFE: Duration = Duration::from_secs(24 * 3_600);
/// 128 bits in hexadecimal.
const LENGTH: usize = 32;

/// The hidden field that repeats the cookie.
const FIELD: &str = "form";

/// What a form repeats.
#[derive(Debug)]
struct FormToken {
    value: String,
    fresh: bool,
}

impl FormToken {
    /// That of the request's cookie, or a new one.
    fn of(headers: &HeaderMap, cookies: &Cookies) -> Self {
        if let Some(known) = cookies.find(headers, cookies.form()).filter(|known| is_one(known)) {
            return Self { value: known.to_owned(), fresh: false };
        }
        let mut bytes = [0; LENGTH / 2];
        // Without randomness there is no form that can be sent: an empty value fits nothing.
        let value = match getrandom::fill(&mut bytes) {
            Ok(()) => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
            Err(error) => {
                tracing::error!(%error, "no randomness for a form");
                String::new()
            }
        };
        Self { value, fresh: true }
    }

    /// Gives the browser the cookie, if it has none.
    fn keep(&self, response: &mut Response, cookies: &Cookies) {
        if self.fresh
            && let Some(cookie) = cookies.set(cookies.form(), &self.value, "/", LIFE)
        {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
    }
}

/// A page with forms, while it is made.
pub(super) struct FormPage<'a> {
    reader: &'a Reader<'a>,
    token: FormToken,
}

impl<'a> FormPage<'a> {
    /// For this reader.
    pub(super) fn new(reader: &'a Reader<'a>) -> Self {
        Self { reader, token: FormToken::of(reader.headers, reader.cookies) }
    }

    /// What the page has around its own part.
    pub(super) fn frame(&self) -> Frame<'a> {
        self.frame_loading(Entry::Site)
    }

    /// The same of a page that has scripts and styles of its own.
    pub(super) fn frame_loading(&self, entry: Entry) -> Frame<'a> {
        Frame::new(self.reader.headers, self.reader.assets, entry).seen_by(self.reader.visitor)
    }

    /// For the hidden field `form` of each form.
    pub(super) fn token(&self) -> &str {
        &self.token.value
    }

    /// The rendered page, with the cookie that its forms repeat.
    pub(super) fn respond(&self, status: StatusCode, page: &impl Template) -> Response {
        let mut response = respond(status, page).into_response();
        self.token.keep(&mut response, self.reader.cookies);
        response
    }
}

/// Whether a form repeats what the cookie says.
fn repeats(headers: &HeaderMap, cookies: &Cookies, sent: &str) -> bool {
    let known = cookies.find(headers, cookies.form()).filter(|known| is_one(known));
    known.is_some_and(|known| known.as_bytes().ct_eq(sent.as_bytes()).into())
}

fn is_one(text: &str) -> bool {
    text.len() == LENGTH && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// The fields of a form of ours; `None`: what was sent is no such form, or does not repeat the cookie. Texts only.
#[derive(Debug)]
pub struct Fields<T>(pub Option<T>);

impl<T, S> FromRequest<S> for Fields<T>
where
    T: DeserializeOwned,
    S: Send + Sync,
    Accounts: FromRef<S>,
{
    type Rejection = std::convert::Infallible;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let headers = request.headers().clone();
        let read: Result<Form<Vec<Pair>>, FormRejection> = Form::from_request(request, state).await;
        let accounts = Accounts::from_ref(state);
        let ours = read.ok().filter(|Form(pairs)| is_ours(pairs, &headers, accounts.gate().cookies()));
        Ok(Self(ours.and_then(|Form(pairs)| T::deserialize(MapDeserializer::<_, Error>::new(pairs.into_iter())).ok())))
    }
}

/// A name and a value of a form, in which a name may stand more than once.
pub(super) type Pair = (String, String);

/// What a form says under a name; the first, if it says several.
pub(super) fn said<'a>(pairs: &'a [Pair], name: &str) -> &'a str {
    all(pairs, name).next().unwrap_or_default()
}

/// All that it says under a name.
pub(super) fn all<'a>(pairs: &'a [Pair], name: &str) -> impl Iterator<Item = &'a str> {
    pairs.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
}

/// A line of a list to choose from.
#[derive(Debug)]
pub(super) struct Choice {
    pub(super) value: String,
    pub(super) text: String,
    pub(super) chosen: bool,
}

/// Whether a form repeats the cookie, once.
pub(super) fn is_ours(pairs: &[Pair], headers: &HeaderMap, cookies: &Cookies) -> bool {
    let mut words = pairs.iter().filter(|(name, _)| name == FIELD).map(|(_, word)| word);
    match (words.next(), words.next()) {
        (Some(word), None) => repeats(headers, cookies, word),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;
    use axum::http::header::{COOKIE, HeaderValue};

    #[test]
    fn a_form_that_does_not_repeat_the_cookie_is_not_ours() {
        let cookies = Cookies::new(false);
        let token = FormToken::of(&HeaderMap::new(), &cookies);
        let mut response = Response::new(Body::empty());
        token.keep(&mut response, &cookies);
        let set = response.headers()[SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
        let headers = HeaderMap::from_iter([(COOKIE, HeaderValue::from_str(&set).unwrap())]);
        assert!(repeats(&headers, &cookies, &token.value));
        assert!(!repeats(&headers, &cookies, "") && !repeats(&headers, &cookies, &"0".repeat(32)));
        assert!(!repeats(&HeaderMap::new(), &cookies, &token.value) && !repeats(&HeaderMap::new(), &cookies, ""));
        let empty = HeaderMap::from_iter([(COOKIE, HeaderValue::from_static("amphi-form="))]);
        assert!(!repeats(&empty, &cookies, ""), "a cookie that somebody emptied");
        let again = FormToken::of(&headers, &cookies);
        assert_eq!((&again.value, again.fresh), (&token.value, false), "forms in two tabs");
    }
}
