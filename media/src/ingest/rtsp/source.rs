//! Where to pull from. Promises: what is displayed or debugged shows neither user, password nor query.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;
use url::{Host, Url};

/// Longest URL taken; servers refuse longer request lines.
const MAX_URL_BYTES: usize = 2048;
/// RFC 2326 section 3.2.
const DEFAULT_PORT: u16 = 554;
/// No media for so long means the source is gone, whatever its connection says (mediamtx #3880: a path that stays
/// "ready" for ever). Long enough for a camera that pauses while it changes its settings.
const DEFAULT_STALL: Duration = Duration::from_secs(10);

/// How the media packets travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum Transport {
    /// Interleaved in the RTSP connection: passes firewalls and loses nothing.
    #[default]
    Tcp,
    /// RTP over UDP, for sources that know nothing else. There is no reorder buffer: late packets are lost packets.
    Udp,
}

/// A source to pull and how.
#[derive(Clone)]
pub struct Source {
    url: Url,
    credentials: Option<(String, String)>,
    transport: Transport,
    stall_after: Duration,
}

/// Why a URL is refused. The texts never repeat the URL: it may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadSource {
    /// Empty, too long, with blanks or control characters, or not a URL at all.
    #[error(
        "not a URL of the form rtsp://host[:port]/path (in a user name or password, write @ as %40, / as %2F, # as %23)"
    )]
    NotAUrl,
    /// Another scheme.
    #[error("only rtsp:// URLs can be pulled")]
    Scheme,
    /// RTSP over TLS.
    #[error("rtsps:// (RTSP over TLS) can't be pulled; use rtsp:// and keep it inside the network of the hall")]
    Tls,
    /// No host, or an address nobody can be reached at.
    #[error("the URL names no host that can be connected to")]
    Host,
    /// Port 0.
    #[error("the URL's port must be between 1 and 65535")]
    Port,
    /// A fragment.
    #[error("an RTSP URL has no part after #; write # as %23 if it belongs to the path or password")]
    Fragment,
}

impl Source {
    /// Reads a URL such as `rtsp://user:password@192.0.2.7/extron1`. User and password are taken out of it.
    ///
    /// # Errors
    /// When it can't be pulled; see [`BadSource`].
    pub fn parse(url: &str) -> Result<Self, BadSource> {
        if url.len() > MAX_URL_BYTES || url.contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(BadSource::NotAUrl);
        }
        let mut url = Url::parse(url).map_err(|e| match e {
            url::ParseError::EmptyHost => BadSource::Host,
            url::ParseError::InvalidPort => BadSource::Port,
            _ => BadSource::NotAUrl,
        })?;
        match url.scheme() {
            "rtsp" => {}
            "rtsps" => return Err(BadSource::Tls),
            _ => return Err(BadSource::Scheme),
        }
        if !url.host().is_some_and(|host| reachable(&host)) {
            return Err(BadSource::Host);
        }
        if url.port() == Some(0) {
            return Err(BadSource::Port);
        }
        if url.fragment().is_some() {
            return Err(BadSource::Fragment);
        }
        let credentials = match (url.username(), url.password()) {
            ("", None) => None,
            (user, password) => Some((decoded(user)?, decoded(password.unwrap_or_default())?)),
        };
        url.set_username("").map_err(|()| BadSource::Host)?;
        url.set_password(None).map_err(|()| BadSource::Host)?;
        Ok(Self { url, credentials, transport: Transport::default(), stall_after: DEFAULT_STALL })
    }

    /// User and password given apart; they replace those of the URL. Used when the server asks, by digest or basic
    /// authentication (RFC 2617) as it asks.
    #[must_use]
    pub fn with_credentials(mut self, user: String, password: String) -> Self {
        self.credentials = Some((user, password));
        self
    }

    /// Another transport than TCP.
    #[must_use]
    pub fn with_transport(mut self, transport: Transport) -> Self {
        self.transport = transport;
        self
    }

    /// After how long without media the source counts as gone; 10 s unless said otherwise.
    #[must_use]
    pub fn with_stall_after(mut self, stall_after: Duration) -> Self {
        self.stall_after = stall_after;
        self
    }

    /// How the media packets travel.
    #[must_use]
    pub fn transport(&self) -> Transport {
        self.transport
    }

    /// After how long without media the source counts as gone.
    #[must_use]
    pub fn stall_after(&self) -> Duration {
        self.stall_after
    }

    /// Without credentials; may hold secrets in its query.
    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    pub(super) fn credentials(&self) -> Option<(&str, &str)> {
        self.credentials.as_ref().map(|(user, password)| (user.as_str(), password.as_str()))
    }

    /// Host as `lookup_host` wants it, and port.
    pub(super) fn address(&self) -> (String, u16) {
        let host = match self.url.host() {
            Some(Host::Ipv6(ip)) => ip.to_string(),
            Some(host) => host.to_string(),
            None => String::new(),
        };
        (host, self.url.port().unwrap_or(DEFAULT_PORT))
    }
}

/// `rtsp://host:port/path`, with `?…` for a query: some cameras want the password there.
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rtsp://{}", self.url.host_str().unwrap_or_default())?;
        if let Some(port) = self.url.port() {
            write!(f, ":{port}")?;
        }
        f.write_str(self.url.path())?;
        f.write_str(if self.url.query().is_some() { "?…" } else { "" })
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source")
            .field("url", &format_args!("{self}"))
            .field("credentials", &self.credentials.as_ref().map(|_| "…"))
            .field("transport", &self.transport)
            .field("stall_after", &self.stall_after)
            .finish()
    }
}

/// The `url` crate reads hosts of schemes it doesn't know as plain text, IPv4 addresses included.
fn reachable(host: &Host<&str>) -> bool {
    let ip = match host {
        Host::Domain(name) => match name.parse::<IpAddr>() {
            Ok(ip) => ip,
            Err(_) => return !name.is_empty() && !name.contains('%'),
        },
        Host::Ipv4(ip) => IpAddr::V4(*ip),
        Host::Ipv6(ip) => IpAddr::V6(*ip),
    };
    let broadcast = matches!(ip, IpAddr::V4(ip) if ip.is_broadcast());
    !(ip.is_unspecified() || ip.is_multicast() || broadcast)
}

/// Percent-decoding (RFC 3986 section 2.1).
fn decoded(text: &str) -> Result<String, BadSource> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = |c: &u8| char::from(*c).to_digit(16).and_then(|d| u8::try_from(d).ok());
        match (first, tail) {
            (b'%', [high, low, tail @ ..]) => {
                let (high, low) = hex(high).zip(hex(low)).ok_or(BadSource::NotAUrl)?;
                out.push(high << 4 | low);
                rest = tail;
            }
            (b'%', _) => return Err(BadSource::NotAUrl),
            (c, tail) => {
                out.push(*c);
                rest = tail;
            }
        }
    }
    String::from_utf8(out).map_err(|_| BadSource::NotAUrl)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_leave_the_url_and_are_never_shown() {
        let source = Source::parse("rtsp://adm%40in:p%40ss%2Fw%C3%B6rd@cam.example:8554/live?pw=hidden&x=1").unwrap();
        assert_eq!(source.credentials(), Some(("adm@in", "p@ss/wörd")));
        assert_eq!(source.url().as_str(), "rtsp://cam.example:8554/live?pw=hidden&x=1");
        let shown = format!("{source} {source:?}");
        assert!(shown.contains("rtsp://cam.example:8554/live?…"), "{shown}");
        for secret in ["adm", "p@ss", "p%40ss", "hidden"] {
            assert!(!shown.contains(secret), "{secret} in {shown}");
        }
        let apart = source.with_credentials("u".into(), "s3cret".into());
        assert_eq!(apart.credentials(), Some(("u", "s3cret")));
        assert!(!format!("{apart:?}").contains("s3cret"));
    }

    #[test]
    fn addresses_are_read_with_their_default_port() {
        assert_eq!(Source::parse("rtsp://192.0.2.7/extron1").unwrap().address(), ("192.0.2.7".into(), 554));
        assert_eq!(Source::parse("rtsp://[2001:db8::1]:8554/x").unwrap().address(), ("2001:db8::1".into(), 8554));
        assert_eq!(Source::parse("rtsp://u@hall-3.example").unwrap().credentials(), Some(("u", "")));
    }

    #[test]
    fn odd_urls_are_refused_with_a_reason_that_repeats_nothing() {
        let long = format!("rtsp://h/{}", "x".repeat(3000));
        for (url, why) in [
            ("", BadSource::NotAUrl),
            ("extron1", BadSource::NotAUrl),
            (long.as_str(), BadSource::NotAUrl),
            ("rtsp://h/a b", BadSource::NotAUrl),
            ("rtsp://h/a\r\nTEARDOWN x", BadSource::NotAUrl),
            ("rtsp://u:secret%zz@h/", BadSource::NotAUrl),
            ("rtsp://u:secret%ff@h/", BadSource::NotAUrl),
            ("http://h/", BadSource::Scheme),
            ("rtsps://h/", BadSource::Tls),
            ("rtsp:///path", BadSource::Host),
            ("rtsp:path", BadSource::Host),
            ("rtsp://0.0.0.0/", BadSource::Host),
            ("rtsp://239.1.2.3/", BadSource::Host),
            ("rtsp://255.255.255.255/", BadSource::Host),
            ("rtsp://[::]/", BadSource::Host),
            ("rtsp://h:0/", BadSource::Port),
            ("rtsp://h:70000/", BadSource::Port),
            ("rtsp://user:secret#1@h/", BadSource::Port),
            ("rtsp://h/#secret", BadSource::Fragment),
        ] {
            let refusal = Source::parse(url).expect_err(url);
            assert_eq!(refusal, why, "{url}");
            assert!(!refusal.to_string().contains("secret"));
        }
    }
}
