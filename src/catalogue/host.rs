//! Names by which browsers reach a server.

use std::fmt;
use std::str::FromStr;

/// A host's name as it is compared: in lower case, without port and final dot. An IPv6 address stands in its brackets.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Host(String);

/// Not a host's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a host is a name such as tv.example.org, without scheme and port")]
pub struct NotAHost;

/// As the DNS has it.
const MAX_HOST: usize = 253;
const MAX_LABEL: usize = 63;

impl Host {
    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The one that a request names in `Host` or `:authority`: any port and a final dot are left aside. `None`: no host's name.
    #[must_use]
    pub fn asked(authority: &str) -> Option<Self> {
        let end = if authority.starts_with('[') {
            authority.find(']')? + 1
        } else {
            authority.find(':').unwrap_or(authority.len())
        };
        let (name, port) = authority.split_at(end);
        let numbered =
            port.is_empty() || port.strip_prefix(':').is_some_and(|port| port.bytes().all(|b| b.is_ascii_digit()));
        if numbered { name.strip_suffix('.').unwrap_or(name).parse().ok() } else { None }
    }
}

impl FromStr for Host {
    type Err = NotAHost;

    fn from_str(text: &str) -> Result<Self, NotAHost> {
        let text = text.to_ascii_lowercase();
        let label = |label: &str| {
            let alphabet = label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
            (1..=MAX_LABEL).contains(&label.len()) && alphabet && !label.starts_with('-') && !label.ends_with('-')
        };
        let address = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        let good = match address {
            Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
            None => text.len() <= MAX_HOST && text.split('.').all(label),
        };
        if good { Ok(Self(text)) } else { Err(NotAHost) }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_names_the_same_host_in_many_ways() {
        let host: Host = "tv.example.org".parse().unwrap();
        for asked in
            ["tv.example.org", "TV.Example.ORG", "tv.example.org:8080", "tv.example.org.", "tv.example.org.:443"]
        {
            assert_eq!(Host::asked(asked).as_ref(), Some(&host), "{asked}");
        }
        for (asked, host) in [("[::1]:80", "[::1]"), ("127.0.0.1:1", "127.0.0.1"), ("localhost", "localhost")] {
            assert_eq!(Host::asked(asked).unwrap().as_str(), host);
        }
        for other in ["x.tv.example.org", "tv.example.org.evil", "tv.example.orgg"] {
            assert_ne!(Host::asked(other), Some(host.clone()));
        }
    }

    #[test]
    fn what_is_no_host_is_none() {
        for bad in
            ["", ".", "a..b", "a b", "a/b", "u@a", "-a", "a-", "é.example", "[::1", "[x]", "a:b", "a:80:90", "[::1]x"]
        {
            assert_eq!(Host::asked(bad), None, "{bad}");
        }
        for bad in ["a:80", "https://a", "a.", &"x.".repeat(200)] {
            assert_eq!(bad.parse::<Host>(), Err(NotAHost), "{bad}");
        }
    }
}
