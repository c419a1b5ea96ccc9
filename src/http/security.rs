//! The headers that tell a browser what our pages may do. Every answer has them: a playlist opened in a tab is a
//! document too.

use axum::http::{HeaderName, HeaderValue, header};
use axum::response::Response;

/// What a page may load and from where. Only this server: no third party ever learns who watches.
///
/// - `style-src-attr`: the player sets positions in `style` attributes; style elements stay forbidden.
/// - `media-src blob:`: Media Source Extensions.
/// - `img-src data: blob:`: the player's icons and previews.
/// - `worker-src 'self'`: hls.js's worker is a file of ours, so that no `blob:` script is needed.
/// - No `form-action`: browsers apply it to redirects after a form, and a sign-in by CAS or OIDC is one.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self'; \
     style-src-attr 'unsafe-inline'; img-src 'self' data: blob:; media-src 'self' blob:; worker-src 'self'; \
     connect-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'self'";

/// Devices: none. What a player offers: full screen and picture in picture.
pub const PERMISSIONS_POLICY: &str = "camera=(), microphone=(), display-capture=(), geolocation=(), payment=(), \
     usb=(), browsing-topics=(), autoplay=(self), fullscreen=(self), picture-in-picture=(self)";

const HEADERS: [(HeaderName, &str); 5] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    // The path of a page is nobody else's business; our own statistics may see it.
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("permissions-policy"), PERMISSIONS_POLICY),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// Adds each header that the handler has not set itself (an embed page has its own `frame-ancestors`).
/// For `axum::middleware::map_response`.
pub async fn add_headers(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    fn run(response: Response) -> Response {
        tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(add_headers(response))
    }

    #[test]
    fn no_inline_script_and_no_other_host() {
        let response = run(Response::new(Body::empty()));
        let policy = response.headers()["content-security-policy"].to_str().expect("ASCII");
        for directive in policy.split(';') {
            let words: Vec<&str> = directive.split_whitespace().collect();
            assert!(!words.iter().any(|word| word.contains("http") || word.contains('*')), "{directive}");
            assert!(words[0] == "style-src-attr" || !words.contains(&"'unsafe-inline'"), "{directive}");
            assert!(!words.contains(&"'unsafe-eval'"), "{directive}");
        }
        assert!(policy.contains("frame-ancestors 'self'") && policy.contains("object-src 'none'"));
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
    }

    #[test]
    fn what_a_handler_set_stays() {
        let mut response = Response::new(Body::empty());
        response.headers_mut().insert("content-security-policy", HeaderValue::from_static("default-src 'none'"));
        assert_eq!(run(response).headers()["content-security-policy"], "default-src 'none'");
    }
}
