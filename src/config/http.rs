//! `[http]`.

use super::section::section;
use super::units::MaybePath;
use std::net::{Ipv4Addr, SocketAddr};

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
    }
}
