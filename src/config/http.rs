//! `[http]`.

use super::section::section;
use super::units::MaybePath;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

section! {
    /// Pages, playlists, media and the API.
    pub struct Http {
        /// Address and port to listen on, or ":PORT" for all addresses; port 0 takes a free one, which is printed and
        /// written to DATA_DIR/run/addresses.json.
        pub listen: SocketAddr = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 8080)),
        /// Certificate chain (PEM). With it and tls_key, HTTPS with HTTP/2 is served instead of plain HTTP.
        pub tls_certificate: MaybePath = MaybePath::default(),
        /// Private key of the certificate (PEM); readable by the server's user only.
        pub tls_key: MaybePath = MaybePath::default(),
        /// Where people reach the site, such as `https://live.example.org`: for links in mails. With https, cookies travel by
        /// https only, also when it ends at a proxy.
        pub public_url: String = String::new(),
        /// Addresses of proxies in front, such as ["127.0.0.1"]: X-Forwarded-For is believed from them and from nobody else.
        pub proxies: Vec<IpAddr> = Vec::new(),
        /// Sites whose pages may show our players, such as `["https://moodle.example.org", "https://*.example.org"]`; `["*"]`: all sites. This site
        /// always may.
        pub embed_ancestors: Vec<String> = Vec::new(),
        /// Sites whose pages may stand beside a live, such as `["https://chat.example.org", "https://*.example.org"]`: a broadcaster's tool_url of another
        /// site is not shown. The page may lead to another of these sites, such as a sign-in; camera and microphone it may ask for itself. Whoever
        /// watches is known to that site.
        pub tools: Vec<String> = Vec::new(),
        /// Browsers from one address (of IPv6, from one network) that are counted as viewers for the first time within ten minutes; more see everything
        /// and are counted nowhere. A campus may stand behind one address. A browser that keeps no cookies, as where a player stands in another
        /// site's page, is new each time.
        pub new_viewers: u32 = 2_000,
        /// Whom people write to who can't use the site: a mail address or an https address, for the page on accessibility.
        /// A tenant may say its own.
        pub contact: String = String::new(),
        /// Whether /metrics answers everybody who reaches this server; otherwise it wants a token with the scope metrics:read.
        /// Under --dev: true.
        pub open_metrics: bool = false,
    }
}
