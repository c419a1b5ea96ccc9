//! One kept HTTP/1.1 connection at the least cost: a crowd of clients must not take the time that is being measured.
//!
//! Reads into one buffer for the whole crowd and keeps only what is asked for. Takes bodies with a length and chunked ones.

use super::hls::connection::{Answer, FetchError, MAX_BODY_BYTES};
use std::cell::RefCell;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

/// What one read can take: a part of video and its head.
const READ_BYTES: usize = 256 << 10;
/// Longest head that is taken, and most headers in it.
const MAX_HEAD_BYTES: usize = 64 << 10;
const MAX_HEADERS: usize = 64;

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_BYTES]);
}

/// How often a waiting connection looks at how long it has waited. Arming a timer for each request would cost as much as the request.
const LOOK: Duration = Duration::from_secs(2);

/// A connection to one origin; dialled on first use and again after the peer closed it.
pub(crate) struct Wire {
    host: String,
    stream: Option<TcpStream>,
    look: Pin<Box<Sleep>>,
    /// How often it had to be dialled.
    pub dials: u64,
}

impl Wire {
    /// A connection to `host:port`; nothing happens yet.
    pub(crate) fn new(host: &str) -> Self {
        Self { host: host.to_owned(), stream: None, look: Box::pin(tokio::time::sleep(LOOK)), dials: 0 }
    }

    /// Asks for a path and waits for the whole body, at most `limit` (give or take [`LOOK`]). `keep`: offer gzip and keep the body;
    /// otherwise only its length and CRC are kept. On a kept connection that turns out to be closed, asks once more on a new one.
    pub(crate) async fn get(&mut self, path: &str, keep: bool, limit: Duration) -> Result<Answer, FetchError> {
        let (fresh, began) = (self.stream.is_none(), Instant::now());
        let mut asked = self.once(path, keep, limit).await;
        if asked.is_err() && !fresh && began.elapsed() < limit {
            self.stream = None;
            asked = self.once(path, keep, limit).await;
        }
        asked.map_err(|what| {
            self.stream = None;
            FetchError::Io { url: format!("http://{}{path}", self.host), what }
        })
    }

    async fn once(&mut self, path: &str, keep: bool, limit: Duration) -> Result<Answer, String> {
        let until = Instant::now() + limit;
        let stream = match &mut self.stream {
            Some(stream) => stream,
            None => {
                let stream = within(limit, TcpStream::connect(&self.host)).await?;
                stream.set_nodelay(true).map_err(|error| error.to_string())?;
                self.dials += 1;
                self.stream.insert(stream)
            }
        };
        let (host, gzip) = (&self.host, if keep { "accept-encoding: gzip\r\n" } else { "" });
        let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\norigin: http://player.invalid\r\n{gzip}\r\n");
        // Its timer is armed only when the socket is full, which a request's never is.
        within(limit, stream.write_all(request.as_bytes())).await?;
        let mut reading = Reading::new(keep);
        let look = &mut self.look;
        std::future::poll_fn(|context| {
            while let Poll::Ready(done) = read(stream, context, &mut reading) {
                if done? {
                    return Poll::Ready(Ok(()));
                }
            }
            while look.as_mut().poll(context).is_ready() {
                let now = Instant::now();
                if now > until {
                    return Poll::Ready(Err(too_late(limit)));
                }
                look.as_mut().reset((now + LOOK).into());
            }
            Poll::Pending
        })
        .await?;
        if reading.closes {
            self.stream = None;
        }
        Ok(reading.answer())
    }
}

async fn within<T>(limit: Duration, io: impl Future<Output = std::io::Result<T>>) -> Result<T, String> {
    match tokio::time::timeout(limit, io).await {
        Ok(done) => done.map_err(|error| error.to_string()),
        Err(_) => Err(too_late(limit)),
    }
}

fn too_late(limit: Duration) -> String {
    format!("no answer within {limit:?}")
}

/// Takes what is there; `true`: the answer is complete. `poll_read` knows from a read that did not fill the buffer that nothing more is there:
/// no second call that fails.
fn read(stream: &mut TcpStream, context: &mut Context<'_>, reading: &mut Reading) -> Poll<Result<bool, String>> {
    BUFFER.with_borrow_mut(|buffer| {
        let mut into = ReadBuf::new(buffer);
        let done = match std::task::ready!(Pin::new(stream).poll_read(context, &mut into)) {
            Ok(()) if into.filled().is_empty() => Err("closed before the end of the answer".to_owned()),
            Ok(()) => reading.feed(into.filled()),
            Err(error) => Err(error.to_string()),
        };
        Poll::Ready(done)
    })
}

/// Where an answer's head ends, the empty line included.
fn end_of_head(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4)
}

/// An answer as it comes in.
struct Reading {
    at: At,
    keep: bool,
    status: u16,
    headers: Vec<(String, String)>,
    closes: bool,
    body: Vec<u8>,
    length: usize,
    crc: crc32fast::Hasher,
}

enum At {
    /// In the head, so far.
    Head(Vec<u8>),
    /// So many bytes of the body are to come.
    Body(usize),
    /// In the line that says how long the next chunk is, so far. The end of the last chunk stands before it.
    ChunkLine(Vec<u8>),
    /// So many bytes of the chunk are to come.
    Chunk(usize),
    /// In the lines after the last chunk.
    Trailer(Vec<u8>),
    End,
}

impl Reading {
    fn new(keep: bool) -> Self {
        let (body, headers) = (Vec::new(), Vec::new());
        let at = At::Head(Vec::new());
        Self { at, keep, status: 0, headers, closes: false, body, length: 0, crc: crc32fast::Hasher::new() }
    }

    /// Takes what came; `true`: that was all.
    fn feed(&mut self, mut bytes: &[u8]) -> Result<bool, String> {
        while !bytes.is_empty() || matches!(self.at, At::Body(0)) {
            match &mut self.at {
                At::Head(head) => {
                    let before = head.len();
                    // Nearly every head comes whole: it is read where it is.
                    if before == 0
                        && let Some(end) = end_of_head(bytes)
                    {
                        self.head(&bytes[..end])?;
                        bytes = &bytes[end..];
                        continue;
                    }
                    head.extend_from_slice(bytes);
                    let from = before.saturating_sub(3);
                    let Some(end) = end_of_head(&head[from..]).map(|at| from + at) else {
                        return if head.len() > MAX_HEAD_BYTES { Err("an endless head".to_owned()) } else { Ok(false) };
                    };
                    bytes = &bytes[end - before..];
                    let mut head = std::mem::take(head);
                    head.truncate(end);
                    self.head(&head)?;
                }
                At::Body(left) => {
                    let now = (*left).min(bytes.len());
                    *left -= now;
                    let ended = *left == 0;
                    self.body(&bytes[..now])?;
                    bytes = &bytes[now..];
                    if ended {
                        self.at = At::End;
                    }
                }
                At::ChunkLine(line) => {
                    line.push(bytes[0]);
                    bytes = &bytes[1..];
                    if line.ends_with(b"\n") && line.len() > 2 {
                        let text = String::from_utf8_lossy(line);
                        let size = text.split(';').next().unwrap_or_default().trim();
                        let size = usize::from_str_radix(size, 16).map_err(|_| format!("a chunk of {size:?}"))?;
                        self.at = if size == 0 { At::Trailer(b"\n".to_vec()) } else { At::Chunk(size) };
                    } else if line.len() > 64 {
                        return Err("an endless chunk line".to_owned());
                    }
                }
                At::Chunk(left) => {
                    let now = (*left).min(bytes.len());
                    *left -= now;
                    let ended = *left == 0;
                    self.body(&bytes[..now])?;
                    bytes = &bytes[now..];
                    if ended {
                        self.at = At::ChunkLine(Vec::new());
                    }
                }
                At::Trailer(lines) => {
                    lines.push(bytes[0]);
                    bytes = &bytes[1..];
                    if lines.ends_with(b"\n\r\n") {
                        self.at = At::End;
                    } else if lines.len() > MAX_HEAD_BYTES {
                        return Err("an endless trailer".to_owned());
                    }
                }
                At::End => return Err("more than the answer".to_owned()),
            }
        }
        Ok(matches!(self.at, At::End))
    }

    fn head(&mut self, head: &[u8]) -> Result<(), String> {
        let mut fields = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut parsed = httparse::Response::new(&mut fields);
        parsed.parse(head).map_err(|error| error.to_string())?;
        self.status = parsed.code.unwrap_or_default();
        let value = |name: &str| {
            let field = parsed.headers.iter().find(|field| field.name.eq_ignore_ascii_case(name))?;
            std::str::from_utf8(field.value).ok()
        };
        self.closes = value("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        // The length is checked by reading just so much.
        let encoding = value("content-encoding").map(|value| ("content-encoding".to_owned(), value.to_owned()));
        self.headers.extend(encoding);
        self.at = if value("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
            At::ChunkLine(Vec::new())
        } else {
            let length = value("content-length").and_then(|value| value.parse().ok());
            At::Body(length.ok_or("a body of unknown length")?)
        };
        Ok(())
    }

    fn body(&mut self, bytes: &[u8]) -> Result<(), String> {
        self.length += bytes.len();
        if self.length > MAX_BODY_BYTES {
            return Err("a body beyond the bound".to_owned());
        }
        self.crc.update(bytes);
        if self.keep {
            self.body.extend_from_slice(bytes);
        }
        Ok(())
    }

    fn answer(self) -> Answer {
        Answer {
            status: self.status,
            headers: self.headers,
            body: self.body.into(),
            length: self.length,
            crc: self.crc.finalize(),
            received: Instant::now(),
        }
    }
}
