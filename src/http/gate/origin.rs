//! Whether a request that changes something comes from a page of ours. Browsers say so themselves, and no page can make them lie
//! (Fetch Metadata, and RFC 6454 for those that don't have it).

use axum::http::HeaderMap;
use axum::http::header::{HOST, ORIGIN};

/// What is not said is taken for no: whoever sends a session's cookie is a browser, and browsers say it.
pub(super) fn is_ours(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value: &axum::http::HeaderValue| value.to_str().ok());
    if let Some(site) = text("sec-fetch-site".parse().unwrap_or(ORIGIN)) {
        // `none`: typed, or a bookmark.
        return matches!(site, "same-origin" | "none");
    }
    let host = text(HOST);
    text(ORIGIN).and_then(|origin| origin.split_once("://")).is_some_and(|(_, named)| Some(named) == host)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderName, HeaderValue};

    fn asked(pairs: &[(&'static str, &'static str)]) -> bool {
        let headers =
            pairs.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        is_ours(&headers.collect())
    }

    #[test]
    fn only_our_own_pages_are_believed() {
        assert!(asked(&[("sec-fetch-site", "same-origin")]) && asked(&[("sec-fetch-site", "none")]));
        assert!(!asked(&[("sec-fetch-site", "cross-site")]) && !asked(&[("sec-fetch-site", "same-site")]));
        assert!(asked(&[("host", "tv.example:8080"), ("origin", "http://tv.example:8080")]));
        assert!(!asked(&[("host", "tv.example"), ("origin", "http://tv.example.evil")]));
        assert!(!asked(&[("host", "tv.example"), ("origin", "null")]));
        assert!(!asked(&[("host", "tv.example")]), "what is not said");
        assert!(!asked(&[("sec-fetch-site", "cross-site"), ("host", "a"), ("origin", "http://a")]));
    }
}
