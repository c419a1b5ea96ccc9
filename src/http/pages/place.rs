//! Where people reach this site: for addresses that are used elsewhere (shared, embedded, read by other sites).

use axum::http::header::HOST;
use axum::http::{HeaderMap, Uri};

/// By the setting `http.public_url`, or else by what the request says of itself.
#[derive(Clone, Debug, Default)]
pub struct Place {
    public_url: Option<String>,
    secure: bool,
    embedders: String,
    tools: Vec<String>,
    contact: String,
}

/// Whom people write to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    /// `mailto:…` or `https://…`.
    pub url: String,
    /// For people.
    pub name: String,
}

impl Contact {
    /// By a mail address or an https address; `None`: nothing is said.
    pub(super) fn of(name: &str) -> Option<Self> {
        let url = if name.starts_with("https://") { name.to_owned() } else { format!("mailto:{name}") };
        (!name.is_empty()).then(|| Self { url, name: name.to_owned() })
    }
}

impl Place {
    /// `public_url` is the setting, perhaps empty; `secure`: browsers reach this server by https.
    #[must_use]
    pub fn new(public_url: &str, secure: bool) -> Self {
        let public_url = public_url.trim_end_matches('/');
        let public_url = (!public_url.is_empty()).then(|| public_url.to_owned());
        Self { public_url, secure, ..Self::default() }
    }

    /// The same, with the setting `http.embed_ancestors`.
    #[must_use]
    pub fn shown_by(self, embedders: &[String]) -> Self {
        Self { embedders: embedders.join(" "), ..self }
    }

    /// The same, with the setting `http.tools`.
    #[must_use]
    pub fn beside(self, tools: Vec<String>) -> Self {
        Self { tools, ..self }
    }

    /// The same, with the setting `http.contact`.
    #[must_use]
    pub fn written_to(self, contact: String) -> Self {
        Self { contact, ..self }
    }

    /// Sites whose pages may stand beside a live.
    #[must_use]
    pub fn tools(&self) -> &[String] {
        &self.tools
    }

    /// Whom people write to where the institution itself says nothing; `None`: nobody said.
    #[must_use]
    pub fn contact(&self) -> Option<Contact> {
        Contact::of(&self.contact)
    }

    /// Sites whose pages may show our players and speak with them, separated by spaces; this site always may.
    #[must_use]
    pub fn embedders(&self) -> &str {
        &self.embedders
    }

    /// Such as `https://tv.example.org`, without a slash at its end. Empty where neither says it: addresses are then those of this site for
    /// who is there already.
    #[must_use]
    pub fn site(&self, headers: &HeaderMap) -> String {
        if let Some(site) = &self.public_url {
            return site.clone();
        }
        let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let scheme = if self.secure { "https" } else { "http" };
        if is_host(host) { format!("{scheme}://{host}") } else { String::new() }
    }
}

/// A name or address and perhaps a port, and nothing that could be something else in a page.
fn is_host(text: &str) -> bool {
    let good = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':' | b'[' | b']');
    let plain = !text.is_empty() && text.len() <= 255 && text.bytes().all(good);
    plain && format!("http://{text}/").parse::<Uri>().is_ok_and(|uri| uri.host().is_some_and(|host| !host.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn asked(host: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(HOST, HeaderValue::from_static(host))])
    }

    #[test]
    fn the_setting_is_believed_before_the_request() {
        assert_eq!(Place::new("https://tv.example.org", false).site(&asked("evil.example")), "https://tv.example.org");
        assert_eq!(Place::new("", false).site(&asked("tv.example:8080")), "http://tv.example:8080");
        assert_eq!(Place::new("", true).site(&asked("[::1]:8080")), "https://[::1]:8080");
        for bad in ["", "a\"b", "a/b", "user@host", "a b", ":80", "<x>", "a:b:c"] {
            assert_eq!(Place::default().site(&asked(bad)), "", "{bad}");
        }
        assert_eq!(Place::default().site(&HeaderMap::new()), "");
    }
}
