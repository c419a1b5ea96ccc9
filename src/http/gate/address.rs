//! Who asks, when a proxy stands between: `X-Forwarded-For`, as far as its last writers are trusted.

use axum::http::HeaderMap;
use std::net::{IpAddr, Ipv4Addr};

/// Addresses of proxies that say who asked them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxies(pub Vec<IpAddr>);

impl Proxies {
    /// The last address that no trusted proxy has; the connection's when it is none.
    #[must_use]
    pub fn behind(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> IpAddr {
        let mut who = peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)).to_canonical();
        let lines = headers.get_all("x-forwarded-for").iter().filter_map(|value| value.to_str().ok());
        let said: Vec<&str> = lines.flat_map(|line| line.split(',')).collect();
        for text in said.iter().rev() {
            if !self.0.iter().any(|proxy| proxy.to_canonical() == who) {
                break;
            }
            let Ok(next) = text.trim().parse::<IpAddr>() else { break };
            who = next.to_canonical();
        }
        who
    }
}

/// What is taken for one place in limits: an address of IPv4; the network of one of IPv6, of which everybody has many.
#[must_use]
pub fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    #[test]
    fn only_what_trusted_proxies_say_is_believed() {
        let proxies = Proxies(vec!["10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap()]);
        let ask = |peer: &str, said: &'static str| {
            let headers = HeaderMap::from_iter([("x-forwarded-for".parse().unwrap(), HeaderValue::from_static(said))]);
            proxies.behind(peer.parse().ok(), &headers).to_string()
        };
        assert_eq!(ask("10.0.0.1", "1.1.1.1, 2.2.2.2"), "2.2.2.2", "what was there before is the visitor's own word");
        assert_eq!(ask("10.0.0.1", "1.1.1.1, 10.0.0.2"), "1.1.1.1", "two in a row");
        assert_eq!(ask("3.3.3.3", "1.1.1.1"), "3.3.3.3", "no proxy of ours");
        assert_eq!(ask("10.0.0.1", "nonsense"), "10.0.0.1");
        assert_eq!(ask("::ffff:10.0.0.1", "1.1.1.1"), "1.1.1.1");
        assert_eq!(proxies.behind("10.0.0.1".parse().ok(), &HeaderMap::new()).to_string(), "10.0.0.1");
    }
}
