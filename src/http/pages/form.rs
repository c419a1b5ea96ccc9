//! Forms: what they repeat so that no other site can send one, and how much of them is read.
//!
//! A random word stands in a cookie and in the form. Another site can make a browser send the cookie, but can't read it to repeat it. By
//! https no other host can set it either (`__Host-`).

use crate::http::gate::cookie::Cookies;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, FromRequest, Request};
use axum::http::HeaderMap;
use axum::http::header::SET_COOKIE;
use axum::response::Response;
use serde::de::DeserializeOwned;
use std::time::Duration;
use subtle::ConstantTimeEq as _;

/// No form of ours comes near it.
pub const MAX_FORM_BYTES: usize = 16 << 10;
/// Somebody may leave a form open over a day.
const LIFE: Duration = Duration::from_secs(24 * 3_600);
/// 128 bits in hexadecimal.
const LENGTH: usize = 32;

/// What a form repeats.
#[derive(Debug)]
pub struct FormToken {
    value: String,
    fresh: bool,
}

impl FormToken {
    /// That of the request's cookie, or a new one.
    #[must_use]
    pub fn of(headers: &HeaderMap, cookies: &Cookies) -> Self {
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

    /// For the form's hidden field.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }

    /// Gives the browser the cookie, if it has none.
    pub fn keep(&self, response: &mut Response, cookies: &Cookies) {
        if self.fresh
            && let Some(cookie) = cookies.set(cookies.form(), &self.value, "/", LIFE)
        {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
    }
}

/// Whether a form repeats what the cookie says.
#[must_use]
pub fn repeats(headers: &HeaderMap, cookies: &Cookies, sent: &str) -> bool {
    let known = cookies.find(headers, cookies.form()).filter(|known| is_one(known));
    known.is_some_and(|known| known.as_bytes().ct_eq(sent.as_bytes()).into())
}

fn is_one(text: &str) -> bool {
    text.len() == LENGTH && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A form's fields; `None`: what was sent is no such form.
#[derive(Debug)]
pub struct Fields<T>(pub Option<T>);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Fields<T> {
    type Rejection = std::convert::Infallible;

    async fn from_request(request: Request, state: &S) -> Result<Self, Self::Rejection> {
        let read: Result<Form<T>, FormRejection> = Form::from_request(request, state).await;
        Ok(Self(read.ok().map(|Form(fields)| fields)))
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
        assert!(repeats(&headers, &cookies, token.value()));
        assert!(!repeats(&headers, &cookies, "") && !repeats(&headers, &cookies, &"0".repeat(32)));
        assert!(!repeats(&HeaderMap::new(), &cookies, token.value()) && !repeats(&HeaderMap::new(), &cookies, ""));
        let empty = HeaderMap::from_iter([(COOKIE, HeaderValue::from_static("amphi-form="))]);
        assert!(!repeats(&empty, &cookies, ""), "a cookie that somebody emptied");
        let again = FormToken::of(&headers, &cookies);
        assert_eq!((again.value(), again.fresh), (token.value(), false), "forms in two tabs");
    }
}
