//! The cookies of this server: their names, their attributes, and how they are read.
//!
//! By https they bind themselves to this host (`__Host-`, or `__Secure-` where a path is needed) and travel by nothing else. Scripts can't
//! read them, and other sites' forms don't send them.

use axum::http::HeaderMap;
use axum::http::header::{COOKIE, HeaderValue};
use std::time::Duration;

/// Names and attributes; by https or not.
#[derive(Clone, Debug)]
pub struct Cookies {
    secure: bool,
    session: &'static str,
    form: &'static str,
    pass: &'static str,
    viewer: &'static str,
}

impl Cookies {
    /// `secure`: browsers reach this server by https.
    #[must_use]
    pub fn new(secure: bool) -> Self {
        let name = |secured, clear| if secure { secured } else { clear };
        Self {
            secure,
            session: name("__Host-amphi", "amphi"),
            form: name("__Host-amphi-form", "amphi-form"),
            pass: name("__Secure-amphi-pass", "amphi-pass"),
            viewer: name("__Host-amphi-viewer", "amphi-viewer"),
        }
    }

    /// Who is signed in.
    #[must_use]
    pub fn session(&self) -> &'static str {
        self.session
    }

    /// What a form has to repeat.
    #[must_use]
    pub fn form(&self) -> &'static str {
        self.form
    }

    /// A pass to media, below its object's path.
    #[must_use]
    pub fn pass(&self) -> &'static str {
        self.pass
    }

    /// What a browser is counted by, as long as it is open.
    #[must_use]
    pub fn viewer(&self) -> &'static str {
        self.viewer
    }

    /// That the password of an object was typed.
    #[must_use]
    pub fn password_of(&self, id: &str) -> String {
        format!("{}amphi-key-{id}", if self.secure { "__Host-" } else { "" })
    }

    /// The link to a draft that somebody came with.
    #[must_use]
    pub fn link_to(&self, id: &str) -> String {
        format!("{}amphi-link-{id}", if self.secure { "__Host-" } else { "" })
    }

    /// The object's id of a cookie of [`Self::password_of`] or [`Self::link_to`] with the begin of its name, `key` or `link`.
    pub(super) fn object_of<'a>(&self, name: &'a str, what: &str) -> Option<&'a str> {
        let name = if self.secure { name.strip_prefix("__Host-")? } else { name };
        name.strip_prefix("amphi-")?.strip_prefix(what)?.strip_prefix('-')
    }

    /// The value of a cookie of a request.
    #[must_use]
    pub fn find<'a>(&self, headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
        pairs(headers).find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// A `Set-Cookie` for so long. `None`: a value that is none of ours.
    #[must_use]
    pub fn set(&self, name: &str, value: &str, path: &str, life: Duration) -> Option<HeaderValue> {
        let secure = if self.secure { "; Secure" } else { "" };
        let life_s = life.as_secs();
        HeaderValue::from_str(&format!("{name}={value}; Path={path}; Max-Age={life_s}; HttpOnly; SameSite=Lax{secure}"))
            .ok()
    }

    /// A `Set-Cookie` that the browser forgets when it is closed.
    #[must_use]
    pub fn set_while_open(&self, name: &str, value: &str) -> Option<HeaderValue> {
        let secure = if self.secure { "; Secure" } else { "" };
        HeaderValue::from_str(&format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax{secure}")).ok()
    }

    /// A `Set-Cookie` that takes one away.
    #[must_use]
    pub fn unset(&self, name: &str) -> Option<HeaderValue> {
        self.set(name, "", "/", Duration::ZERO)
    }
}

/// All cookies of a request, as (name, value).
pub(super) fn pairs(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split(';')).filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        Some((name.trim(), value.trim()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn by_https_they_are_bound_to_the_host() {
        let cookies = Cookies::new(true);
        let set = cookies.set(cookies.session(), "abc", "/", Duration::from_secs(60)).unwrap();
        assert_eq!(set, "__Host-amphi=abc; Path=/; Max-Age=60; HttpOnly; SameSite=Lax; Secure");
        let pass = cookies.set(cookies.pass(), "x", "/live/hall", Duration::from_secs(5)).unwrap();
        assert!(pass.to_str().unwrap().starts_with("__Secure-amphi-pass=x; Path=/live/hall;"));
        assert_eq!(cookies.object_of(&cookies.password_of("v1"), "key"), Some("v1"));
        let clear = Cookies::new(false);
        assert_eq!(clear.unset(clear.session()).unwrap(), "amphi=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax");
        assert_eq!(clear.object_of("amphi-link-v1", "link"), Some("v1"));
        assert_eq!(clear.object_of("amphi-link-v1", "key"), None);
    }

    #[test]
    fn a_value_with_a_line_break_is_not_set() {
        assert_eq!(Cookies::new(false).set("amphi", "a\r\nx: y", "/", Duration::ZERO), None);
    }

    #[test]
    fn cookies_are_found_among_others() {
        let headers = HeaderMap::from_iter([
            (COOKIE, HeaderValue::from_static("a=1; amphi=two;b=3")),
            (COOKIE, HeaderValue::from_static("amphi-form=four")),
        ]);
        let cookies = Cookies::new(false);
        assert_eq!(cookies.find(&headers, cookies.session()), Some("two"));
        assert_eq!(cookies.find(&headers, cookies.form()), Some("four"));
        assert_eq!(cookies.find(&headers, "c"), None);
    }
}
