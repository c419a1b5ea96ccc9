//! What the integration tests stand on: see README.md.

pub(crate) mod ask;
pub(crate) mod browser;
pub(crate) mod engine;
pub(crate) mod flv;
pub(crate) mod hls;
pub(crate) mod http;
pub(crate) mod line;
pub(crate) mod peers;
pub(crate) mod publisher;
pub(crate) mod rtmp;
pub(crate) mod server;
pub(crate) mod stream;
