//! The headers that tell a browser what our pages may do. Every answer has them: a playlist opened in a tab is a
//! document too.

use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::Response;
use std::sync::Arc;

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

/// Devices: none, but for a page that stands beside a live, see [`Framing::Shows`]. What a player offers: full screen and picture in picture.
pub const PERMISSIONS_POLICY: &str = "camera=(), microphone=(), display-capture=(), geolocation=(), payment=(), \
     usb=(), browsing-topics=(), autoplay=(self), fullscreen=(self), picture-in-picture=(self)";

/// What a meeting, a vote or a chat beside a live may be allowed by who watches, each of them only if the browser's user agrees. As its frame
/// says it.
pub const DELEGATED: [&str; 6] =
    ["camera", "microphone", "display-capture", "fullscreen", "clipboard-write", "autoplay"];

/// Sites that one policy names; what comes after is left out. More are a mistake, and headers are not endless.
pub const MAX_NAMED: usize = 32;

const PERMISSIONS: HeaderName = HeaderName::from_static("permissions-policy");

const HEADERS: [(HeaderName, &str); 3] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    // The path of a page is nobody else's business; our own statistics may see it.
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

/// In which frames a page stands, or what stands in its frames: in the extensions of an answer whose policy is not that of all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Framing {
    /// The sites of the setting `http.embed_ancestors` may show it.
    Embedded,
    /// It shows a page of this site, an origin of the setting `http.tools`, which may then lead to another of them. What is in [`DELEGATED`]
    /// is given to this one only.
    Shows(String),
}

/// What is allowed to some pages only. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Policies {
    embedded: HeaderValue,
    tools: Arc<[String]>,
}

impl Policies {
    /// `embedders`: who may show our players; `tools`: whose pages may stand beside a live. As a policy names them (`https://HOST`,
    /// `https://*.DOMAIN`, `*` for the former). One that can't stand in a policy is left out: the settings are checked before.
    #[must_use]
    pub fn new(embedders: &[String], tools: &[String]) -> Self {
        let good = embedders.iter().filter(|source| is_source(source)).map(String::as_str);
        let ancestors: String = std::iter::once("'self'").chain(good).collect::<Vec<_>>().join(" ");
        let policy = CONTENT_SECURITY_POLICY.replace("frame-ancestors 'self'", &format!("frame-ancestors {ancestors}"));
        let embedded = HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static(CONTENT_SECURITY_POLICY));
        let tools = tools.iter().filter(|site| is_site(site)).cloned().collect();
        Self { embedded, tools }
    }

    /// What a page may load, and which devices and ways of showing it and its frames may use.
    fn of(&self, framing: Option<&Framing>) -> (HeaderValue, HeaderValue) {
        let (plain, none) =
            (HeaderValue::from_static(CONTENT_SECURITY_POLICY), HeaderValue::from_static(PERMISSIONS_POLICY));
        match framing {
            Some(Framing::Embedded) => (self.embedded.clone(), none),
            Some(Framing::Shows(origin)) if is_site(origin) => {
                let others = self.tools.iter().filter(|site| *site != origin);
                let named: Vec<&str> =
                    std::iter::once(origin).chain(others).take(MAX_NAMED).map(String::as_str).collect();
                let policy = format!("{CONTENT_SECURITY_POLICY}; frame-src 'self' {}", named.join(" "));
                let given = delegating(origin);
                (HeaderValue::from_str(&policy).unwrap_or(plain), HeaderValue::from_str(&given).unwrap_or(none))
            }
            Some(Framing::Shows(_)) | None => (plain, none),
        }
    }
}

/// [`PERMISSIONS_POLICY`] with what is [`DELEGATED`] for an origin. A page can give only what it has: `self` stands beside it.
fn delegating(origin: &str) -> String {
    let kept = PERMISSIONS_POLICY.split(", ").filter(|rule| {
        let feature = rule.split('=').next().unwrap_or_default();
        !DELEGATED.contains(&feature)
    });
    let given = DELEGATED.map(|feature| format!("{feature}=(self \"{origin}\")"));
    kept.map(str::to_owned).chain(given).collect::<Vec<_>>().join(", ")
}

/// Whether it is a source that names one site, or those of one domain, by https: a page that is watched by https can be shown no other.
#[must_use]
pub fn is_site(text: &str) -> bool {
    text.starts_with("https://") && is_source(text)
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
    let (policy, permissions) = policies.of(response.extensions().get());
    let headers = response.headers_mut();
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(policy);
    headers.entry(PERMISSIONS).or_insert(permissions);
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
        let tools =
            ["https://chat.example", "https://*.univ.example", "https://b; script-src *", "*", "http://c.example"];
        let policies = Policies::new(&embedders.map(str::to_owned), &tools.map(str::to_owned));
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

    fn shows(origin: &str) -> Response {
        let mut response = Response::new(Body::empty());
        response.extensions_mut().insert(Framing::Shows(origin.to_owned()));
        run(response)
    }

    #[test]
    fn a_frame_leads_to_sites_of_the_setting_and_nowhere_else() {
        for (origin, added) in [
            ("https://chat.example", "; frame-src 'self' https://chat.example https://*.univ.example"),
            (
                "https://bbb.univ.example",
                "; frame-src 'self' https://bbb.univ.example https://chat.example https://*.univ.example",
            ),
            ("x; script-src *", ""),
            ("*", ""),
        ] {
            let response = shows(origin);
            let policy = response.headers()["content-security-policy"].to_str().expect("ASCII");
            assert_eq!(policy, format!("{CONTENT_SECURITY_POLICY}{added}"));
        }
        let many: Vec<String> = (0..99).map(|n| format!("https://h{n}.example")).collect();
        let (policy, _) = Policies::new(&[], &many).of(Some(&Framing::Shows("https://h98.example".to_owned())));
        let policy = policy.to_str().expect("ASCII");
        assert_eq!(policy.matches("https://").count(), MAX_NAMED, "{policy}");
        assert!(policy.contains(" 'self' https://h98.example https://h0.example "), "its own site is not left out");
    }

    #[test]
    fn devices_are_given_to_the_site_that_is_shown_and_to_no_other() {
        let permissions =
            |response: &Response| response.headers()["permissions-policy"].to_str().expect("ASCII").to_owned();
        let given = permissions(&shows("https://bbb.univ.example:8443"));
        for feature in DELEGATED {
            let rule = format!("{feature}=(self \"https://bbb.univ.example:8443\")");
            assert_eq!(given.split(", ").filter(|one| *one == rule).count(), 1, "{given}");
            assert_eq!(given.matches(&format!("{feature}=")).count(), 1, "{given}");
        }
        assert!(given.contains("geolocation=()") && given.contains("picture-in-picture=(self)"), "{given}");
        for other in ["*", "https://*.univ.example\", \"x", "x"] {
            assert_eq!(permissions(&shows(other)), PERMISSIONS_POLICY, "{other}");
        }
        for framing in [None, Some(Framing::Embedded)] {
            let mut response = Response::new(Body::empty());
            if let Some(framing) = framing {
                response.extensions_mut().insert(framing);
            }
            assert_eq!(permissions(&run(response)), PERMISSIONS_POLICY);
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
