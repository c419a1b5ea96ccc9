//! HTTP/1.1 by hand over blocking sockets: one request per connection, any header, any nonsense.
//!
//! The reader of playlists has a client of its own (`hls/connection.rs`); this one is for tests that look at single answers.

use serde_json::Value;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// Longer than any answer may be held back (a blocked reload: 8 s), also on a loaded machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// One answer, whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Names in lower case, in the order they came.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// From the connection to the last byte.
    pub(crate) took: Duration,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// An RFC 9457 problem document that says its own status.
    pub(crate) fn is_problem(&self) -> bool {
        self.header("content-type") == Some("application/problem+json")
            && self.json()["status"].as_u64() == Some(self.status.into())
    }
}

/// A request to be sent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ask<'a> {
    /// GET when empty.
    pub(crate) method: &'a str,
    pub(crate) headers: &'a [(&'a str, &'a str)],
    pub(crate) body: &'a str,
}

/// Sends one request and reads the answer to its end; panics when there is none.
pub(crate) fn ask(address: SocketAddr, path: &str, ask: &Ask<'_>) -> Answer {
    try_ask(address, path, ask).unwrap_or_else(|error| panic!("http://{address}{path}: {error}"))
}

/// The same for a server that may be gone.
pub(crate) fn try_ask(address: SocketAddr, path: &str, ask: &Ask<'_>) -> io::Result<Answer> {
    let method = if ask.method.is_empty() { "GET" } else { ask.method };
    let mut head = format!("{method} {path} HTTP/1.1\r\nconnection: close\r\n");
    if !ask.headers.iter().any(|(name, _)| *name == "host") {
        head.push_str(&format!("host: {address}\r\n"));
    }
    for (name, value) in ask.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    if !ask.body.is_empty() {
        if !ask.headers.iter().any(|(name, _)| *name == "content-type") {
            head.push_str("content-type: application/json\r\n");
        }
        head.push_str(&format!("content-length: {}\r\n", ask.body.len()));
    }
    let began = Instant::now();
    let bytes = exchange(address, format!("{head}\r\n{}", ask.body).as_bytes())?;
    parse(&bytes, began.elapsed())
        .ok_or_else(|| io::Error::other(format!("not an answer: {:.200}", String::from_utf8_lossy(&bytes))))
}

pub(crate) fn get(address: SocketAddr, path: &str) -> Answer {
    ask(address, path, &Ask::default())
}

/// Sends bytes as they are and gives what comes until the server closes.
pub(crate) fn exchange(address: SocketAddr, bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    // A server that refuses early closes while we still write: what it said is what counts.
    let sent = stream.write_all(bytes);
    let mut answer = Vec::new();
    let read = stream.read_to_end(&mut answer);
    if answer.is_empty() {
        sent?;
        read?;
    }
    Ok(answer)
}

/// Status, headers and body; `None` when it is no answer of HTTP/1.1.
pub(crate) fn parse(bytes: &[u8], took: Duration) -> Option<Answer> {
    let end = bytes.windows(4).position(|w| w == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).ok()?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.strip_prefix("HTTP/1.1 ")?.split(' ').next()?.parse().ok()?;
    let headers: Vec<_> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    // Everything we serve to these tests has a length; an endless stream would need another client.
    assert!(headers.iter().all(|(name, _)| name != "transfer-encoding"), "{head}");
    Some(Answer { status, headers, body: bytes[end + 4..].to_vec(), took })
}

/// The value of a series of `/metrics`; 0 when it was never touched.
pub(crate) fn metric(address: SocketAddr, series: &str) -> f64 {
    let text = get(address, "/metrics").text();
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.map_or(0.0, |value| value.parse().unwrap())
}
