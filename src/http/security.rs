//! The headers that tell a browser what our pages may do. Every answer has them: a playlist opened in a tab is a
//! document too.

use axum::extract::State;
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

const HEADERS: [(HeaderName, &str); 4] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    // The path of a page is nobody else's business; our own statistics may see it.
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("permissions-policy"), PERMISSIONS_POLICY),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// In which frames a page stands, or what stands in its frames: in the extensions of an answer whose policy is not that of all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Framing {
    /// The sites of the setting `http.embed_ancestors` may show it.
    Embedded,
    /// It shows a page of this site: an origin of the setting `http.tools`.
    Shows(String),
}

/// What is allowed to some pages only. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Policies {
    embedded: HeaderValue,
}

impl Policies {
    /// `embedders`: who may show our players, as a policy names them (`https://HOST`, `https://*.DOMAIN`, `*`). One that can't stand in a policy
    /// is left out: the settings are checked before.
    #[must_use]
    pub fn new(embedders: &[String]) -> Self {
        let good = embedders.iter().filter(|source| is_source(source)).map(String::as_str);
        let ancestors: String = std::iter::once("'self'").chain(good).collect::<Vec<_>>().join(" ");
        let policy = CONTENT_SECURITY_POLICY.replace("frame-ancestors 'self'", &format!("frame-ancestors {ancestors}"));
        let embedded = HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static(CONTENT_SECURITY_POLICY));
        Self { embedded }
    }

    fn of(&self, framing: Option<&Framing>) -> HeaderValue {
        match framing {
            Some(Framing::Embedded) => self.embedded.clone(),
            Some(Framing::Shows(origin)) if is_source(origin) => {
                let policy = format!("{CONTENT_SECURITY_POLICY}; frame-src 'self' {origin}");
                HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static(CONTENT_SECURITY_POLICY))
            }
            Some(Framing::Shows(_)) => HeaderValue::from_static(CONTENT_SECURITY_POLICY),
            None => HeaderValue::from_static(CONTENT_SECURITY_POLICY),
        }
    }
}

/// Whether a policy can name it so: `https://HOST`, perhaps with `*.` before it and a port after it; the same with `http`; or `*`.
#[must_use]
pub fn is_source(text: &str) -> bool {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or_default();
    let host = host.strip_prefix("*.").unwrap_or(host);
    let (name, port) = host.split_once(':').unwrap_or((host, "1"));
    let label = |label: &str| {
        !label.is_empty() && label.len() <= 63 && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let numbered = port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0);
    text == "*" || (name.len() <= 253 && name.split('.').all(label) && numbered)
}

/// Adds each header that the handler has not set itself. For `axum::middleware::map_response_with_state`.
pub async fn add_headers(State(policies): State<Policies>, mut response: Response) -> Response {
    let policy = policies.of(response.extensions().get());
    let headers = response.headers_mut();
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(policy);
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
        let embedders = ["https://moodle.example", "https://*.example.org:8443", "https://a; script-src *", "x"];
        let policies = Policies::new(&embedders.map(str::to_owned));
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(add_headers(State(policies), response))
    }

    #[test]
    fn only_what_is_embedded_may_be_shown_by_others() {
        let mut response = Response::new(Body::empty());
        response.extensions_mut().insert(Framing::Embedded);
        let response = run(response);
        let policy = response.headers()["content-security-policy"].to_str().expect("ASCII");
        let expected = "frame-ancestors 'self' https://moodle.example https://*.example.org:8443";
        assert!(policy.ends_with(expected), "{policy}");
        assert_eq!(policy.split("frame-ancestors").next(), CONTENT_SECURITY_POLICY.split("frame-ancestors").next());
    }

    #[test]
    fn a_page_shows_the_one_site_that_it_names() {
        for (origin, added) in
            [("https://chat.example", "; frame-src 'self' https://chat.example"), ("x; script-src *", "")]
        {
            let mut response = Response::new(Body::empty());
            response.extensions_mut().insert(Framing::Shows(origin.to_owned()));
            let response = run(response);
            let policy = response.headers()["content-security-policy"].to_str().expect("ASCII");
            assert_eq!(policy, format!("{CONTENT_SECURITY_POLICY}{added}"));
        }
    }

    #[test]
    fn a_source_is_an_origin_and_nothing_more() {
        for good in ["*", "https://a", "http://127.0.0.1:8080", "https://*.example.org", "https://chat-1.example.org:1"]
        {
            assert!(is_source(good), "{good}");
        }
        for bad in [
            "",
            "a",
            "'self'",
            "https://",
            "https://*",
            "https://a.*",
            "https://a/",
            "https://a b",
            "https://a;b",
            "https://a,b",
            "https://a:",
            "https://a:0",
            "https://a:99999",
            "https://a:+80",
            "https://u@a",
            "https://é.example",
            "https://a..b",
            "data:",
            "javascript://a",
            "https://*.",
            "HTTPS://a",
        ] {
            assert!(!is_source(bad), "{bad}");
        }
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
