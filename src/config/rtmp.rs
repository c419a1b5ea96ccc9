//! `[rtmp]`.

use super::section::section;
use super::units::{MaybeAddress, Size, Span};
use std::net::{Ipv4Addr, SocketAddr};

section! {
    /// Contributions by RTMP: rtmp://HOST:1935/live/SLUG?key=KEY or rtmp://HOST:1935/live/KEY.
    pub struct Rtmp {
        /// Address and port to listen on; port 0 takes a free one.
        pub listen: SocketAddr = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 1935)),
        /// The same by TLS, rtmps://HOST:PORT/live/…, on a port of its own such as "0.0.0.0:1936"; "" for none. Takes the
        /// certificate of http.tls_certificate. Connections are counted apart from those of listen.
        pub tls_listen: MaybeAddress = MaybeAddress(None),
        /// Connections at once. Each costs a socket and at most max_message of memory.
        pub max_connections: u32 = 1_000,
        /// Connections at once from one address. A campus may stand behind one address.
        pub max_connections_per_address: u32 = 250,
        /// How long a peer may take from the connection to a publish that is accepted.
        pub handshake_timeout: Span = Span::secs(10),
        /// How long a publisher may send nothing before it is cut.
        pub idle_timeout: Span = Span::secs(30),
        /// How much a peer may send before its publish is accepted.
        pub max_bytes_before_publish: Size = Size::kib(64),
        /// The largest message. A keyframe of 4K at a high rate has about 2 MiB.
        pub max_message: Size = Size::mib(8),
        /// Refused publishes a minute from one address; after that it is refused without looking at its key.
        pub max_refusals_per_minute: u32 = 10,
    }
}
