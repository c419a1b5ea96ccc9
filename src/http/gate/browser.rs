//! By what viewers are counted: a random word that a browser keeps while it is open. It says nothing of who that is, nobody keeps it here, and it
//! opens nothing.

use super::cookie::Cookies;
use crate::policy::object::{Kind, LivePart, VideoPart};
use axum::http::{HeaderMap, HeaderValue};

/// 128 bits in hexadecimal.
const LENGTH: usize = 32;

/// Whether viewers of it are counted.
pub(super) fn is_counted(kind: Kind) -> bool {
    matches!(kind, Kind::Live(LivePart::Page) | Kind::Video(VideoPart::Page))
}

/// That of a request, or a new one with the cookie that keeps it. `None`: no randomness; it is then counted each time.
pub(super) fn of(headers: &HeaderMap, cookies: &Cookies) -> Option<(String, Option<HeaderValue>)> {
    if let Some(known) = cookies.find(headers, cookies.viewer()).filter(|known| is_one(known)) {
        return Some((known.to_owned(), None));
    }
    let mut bytes = [0; LENGTH / 2];
    getrandom::fill(&mut bytes).ok()?;
    let word: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let cookie = cookies.set_while_open(cookies.viewer(), &word);
    Some((word, cookie))
}

fn is_one(text: &str) -> bool {
    text.len() == LENGTH && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::header::COOKIE;

    #[test]
    fn a_browser_keeps_its_word_while_it_is_open_and_what_is_none_is_replaced() {
        let cookies = Cookies::new(false);
        let (word, set) = of(&HeaderMap::new(), &cookies).unwrap();
        let set = set.unwrap();
        assert_eq!(set.to_str().unwrap(), format!("amphi-viewer={word}; Path=/; HttpOnly; SameSite=Lax"), "no Max-Age");
        let sent = HeaderMap::from_iter([(COOKIE, HeaderValue::from_str(&format!("amphi-viewer={word}")).unwrap())]);
        assert_eq!(of(&sent, &cookies), Some((word.clone(), None)));
        let wrong = HeaderMap::from_iter([(COOKIE, HeaderValue::from_static("amphi-viewer=me"))]);
        let (other, set) = of(&wrong, &cookies).unwrap();
        assert!(other != word && set.is_some());
    }
}
