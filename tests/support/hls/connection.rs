//! One HTTP/1.1 connection that is kept alive, as a player's is: thin shell over hyper, one request at a time.
//!
//! Spawns nothing: whoever waits for an answer drives the connection too. Reads the clock only to say when an answer
//! arrived. Bounded: a body by [`MAX_BODY_BYTES`], every request by the caller's time limit.

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::http1;
use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A segment of 10 s at 50 Mbit/s is 62 MB; nothing that is tested here comes near.
pub(crate) const MAX_BODY_BYTES: usize = 128 << 20;

/// One read. hyper would let it grow to 400 kB, which the allocator maps and unmaps at every read: dear for a crowd.
const READ_BYTES: usize = 64 << 10;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    /// The address is not `http://host[:port]/…`.
    #[error("{0:?} is not an http:// URL")]
    Url(String),
    /// The peer can't be reached or closed the connection.
    #[error("{url}: {what}")]
    Io {
        /// Where.
        url: String,
        /// In words.
        what: String,
    },
}

/// An answer with its whole body, not decompressed.
#[derive(Debug)]
pub(crate) struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    /// As it came; empty when only its digest was asked for.
    pub body: Bytes,
    /// Bytes of the body that came.
    pub length: usize,
    /// CRC-32 of them.
    pub crc: u32,
    /// When the last byte was there.
    pub received: Instant,
}

impl Answer {
    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// The body as text, gunzipped when it is gzipped; `None` when it can't be, or grows beyond the bound.
    pub(crate) fn text(&self) -> Option<String> {
        use std::io::Read;
        if self.header("content-encoding") != Some("gzip") {
            return String::from_utf8(self.body.to_vec()).ok();
        }
        let mut text = String::new();
        let most = MAX_BODY_BYTES as u64;
        flate2::read::GzDecoder::new(&self.body[..]).take(most).read_to_string(&mut text).ok()?;
        Some(text)
    }
}

/// What to ask besides the path.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ask<'a> {
    /// HEAD instead of GET.
    pub head: bool,
    /// POST without a body, with this bearer token, instead of GET. Use a connection of its own: see [`Connection::get`].
    pub post_as: Option<&'a str>,
    /// Offer gzip.
    pub gzip: bool,
    /// Keep only length and CRC of the body: a load generator must not spend its time on copies.
    pub digest_only: bool,
    /// `Range: bytes=a-b` as (a, b), both inclusive.
    pub range: Option<(u64, u64)>,
}

type Driver = Pin<Box<dyn Future<Output = Result<(), hyper::Error>> + Send>>;

/// A connection to one origin; dialled on first use and again after the peer closed it.
pub(crate) struct Connection {
    host: String,
    live: Option<(http1::SendRequest<Empty<Bytes>>, Driver)>,
    /// How often it had to be dialled.
    pub dials: u64,
}

/// Splits `http://host[:port]/path?query` into host with port and the rest.
pub(crate) fn split_url(url: &str) -> Result<(String, String), FetchError> {
    let bad = || FetchError::Url(url.to_owned());
    let rest = url.strip_prefix("http://").ok_or_else(bad)?;
    let at = rest.find('/').unwrap_or(rest.len());
    let (host, path) = rest.split_at(at);
    if host.is_empty() || host.contains('@') {
        return Err(bad());
    }
    let host = if host.contains(':') { host.to_owned() } else { format!("{host}:80") };
    Ok((host, if path.is_empty() { "/".to_owned() } else { path.to_owned() }))
}

/// Milliseconds since 1970.
pub(crate) fn wall_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

impl Connection {
    /// A connection to `host:port`; nothing happens yet.
    pub(crate) fn new(host: &str) -> Self {
        Self { host: host.to_owned(), live: None, dials: 0 }
    }

    /// Asks for a path (with its query) and waits for the whole body, at most `limit`. On a kept connection that turns
    /// out to be closed, asks once more on a new one.
    pub(crate) async fn get(&mut self, path: &str, ask: Ask<'_>, limit: Duration) -> Result<Answer, FetchError> {
        let url = format!("http://{}{path}", self.host);
        let failed = |what: String| FetchError::Io { url: url.clone(), what };
        // A kept connection may have been closed by the peer meanwhile, which shows only when it is used.
        let mut tries = 0;
        loop {
            tries += 1;
            let fresh = self.live.is_none();
            let outcome = tokio::time::timeout(limit, self.once(path, ask)).await;
            match outcome {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(what)) => {
                    self.live = None;
                    if fresh || tries > 1 {
                        return Err(failed(what));
                    }
                }
                Err(_) => {
                    self.live = None;
                    return Err(failed(format!("no answer within {limit:?}")));
                }
            }
        }
    }

    async fn once(&mut self, path: &str, ask: Ask<'_>) -> Result<Answer, String> {
        if self.live.as_ref().is_none_or(|(sender, _)| sender.is_closed()) {
            let socket = tokio::net::TcpStream::connect(&self.host).await.map_err(|error| error.to_string())?;
            socket.set_nodelay(true).map_err(|error| error.to_string())?;
            let io = hyper_util::rt::TokioIo::new(socket);
            let (sender, driver) = http1::Builder::new()
                .read_buf_exact_size(Some(READ_BYTES))
                .handshake(io)
                .await
                .map_err(|error| error.to_string())?;
            self.live = Some((sender, Box::pin(driver)));
            self.dials += 1;
        }
        let Some((sender, driver)) = self.live.as_mut() else { return Err("not connected".into()) };
        let method = match ask {
            Ask { head: true, .. } => "HEAD",
            Ask { post_as: Some(_), .. } => "POST",
            _ => "GET",
        };
        let mut request = http::Request::builder()
            .method(method)
            .uri(path)
            .header("host", &self.host)
            .header("origin", "http://player.invalid");
        if ask.gzip {
            request = request.header("accept-encoding", "gzip");
        }
        if let Some(token) = ask.post_as {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if let Some((first, last)) = ask.range {
            request = request.header("range", format!("bytes={first}-{last}"));
        }
        let request = request.body(Empty::new()).map_err(|error| error.to_string())?;
        // The request is sent by the driver: both are polled together. `ready` tells whether the last body is read.
        let exchange = async {
            sender.ready().await.map_err(|error| error.to_string())?;
            let response = sender.send_request(request).await.map_err(|error| error.to_string())?;
            let status = response.status().as_u16();
            let header = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
                (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
            };
            let headers = response.headers().iter().map(header).collect();
            let mut body = response.into_body();
            let (mut length, mut crc) = (0_usize, crc32fast::Hasher::new());
            let mut pieces: Vec<Bytes> = Vec::new();
            while let Some(frame) = body.frame().await {
                let Ok(data) = frame.map_err(|error| error.to_string())?.into_data() else { continue };
                length += data.len();
                if length > MAX_BODY_BYTES {
                    return Err("a body beyond the bound".to_owned());
                }
                crc.update(&data);
                if !ask.digest_only {
                    pieces.push(data);
                }
            }
            // Most bodies come in one piece: copy only when there is more than one.
            let body = if pieces.len() == 1 { pieces.swap_remove(0) } else { pieces.concat().into() };
            Ok(Answer { status, headers, body, length, crc: crc.finalize(), received: Instant::now() })
        };
        tokio::pin!(exchange);
        tokio::select! {
            biased;
            answer = &mut exchange => answer,
            ended = driver => {
                // The driver may end right after the last byte: what it handed over may still be read, at once.
                match tokio::time::timeout(Duration::from_millis(20), exchange).await {
                    Ok(answer) => answer,
                    Err(_) => Err(format!("connection closed: {ended:?}")),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_split() {
        assert_eq!(split_url("http://h:1/a?b").unwrap(), ("h:1".into(), "/a?b".into()));
        assert_eq!(split_url("http://h").unwrap(), ("h:80".into(), "/".into()));
        assert!(split_url("https://h/").is_err() && split_url("http:///a").is_err());
    }

    #[tokio::test]
    async fn a_closed_connection_is_dialled_again_and_a_silent_peer_given_up() {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        let mut connection = Connection::new(&host);
        let server = async {
            for _ in 0..2 {
                let (mut socket, _) = listener.accept().await.unwrap();
                let mut request = [0; 1024];
                let got = socket.read(&mut request).await.unwrap();
                assert!(request[..got].starts_with(b"GET /x?y HTTP/1.1\r\n"));
                socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi").await.unwrap();
            }
            std::future::pending::<()>().await;
        };
        let client = async {
            for _ in 0..2 {
                let asked = Instant::now();
                let answer = connection.get("/x?y", Ask::default(), Duration::from_secs(5)).await.unwrap();
                assert_eq!((answer.status, &answer.body[..], answer.text().as_deref()), (200, &b"hi"[..], Some("hi")));
                assert!(answer.received >= asked);
                assert_eq!((answer.length, answer.crc), (2, crc32fast::hash(b"hi")));
            }
            let silent = connection.get("/x?y", Ask::default(), Duration::from_millis(200)).await;
            assert!(silent.unwrap_err().to_string().contains("no answer within"));
            connection.dials
        };
        tokio::select! {
            () = server => unreachable!("the server never ends"),
            dials = client => assert_eq!(dials, 3),
        }
    }
}
