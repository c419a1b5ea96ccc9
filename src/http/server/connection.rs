//! One connection, from its first byte to its last: protocol, time-outs, and its share of the stop.

use super::{Doors, Limits};
use crate::http::play::Payload;
use crate::http::tls::Tls;
use crate::lifecycle::Tasks;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderValue, Method, Request, Response, StatusCode, header};
use futures_util::future::Either;
use hyper::body::Incoming;
use hyper::rt::{Executor, Read, Write};
use hyper::server::conn::{http1, http2};
use hyper::service::HttpService;
use hyper_util::rt::{TokioIo, TokioTimer};
use metrics::{Counter, counter};
use pin_project_lite::pin_project;
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, Sleep};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// Who asks: in every request's extensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The other end of the socket (a proxy's, where there is one).
    pub address: SocketAddr,
    /// Whether this connection is encrypted.
    pub tls: bool,
}

/// How long a blocked GET may still wait once the server stops: longer than any answer that is already being made.
const STOP_WAITING_AFTER: Duration = Duration::from_millis(250);
/// The same for a request that may change something: its transaction should get through.
const STOP_WORKING_AFTER: Duration = Duration::from_secs(5);
/// From the polite end of a connection (GOAWAY, `Connection: close`) to its end when the client doesn't care.
const GOODBYE: Duration = Duration::from_secs(5);

/// What all connections of a listener share.
pub(super) struct Connections {
    doors: Doors,
    answered: Arc<Answered>,
    tls: Option<Arc<Tls>>,
    limits: Limits,
    http1: http1::Builder,
    http2: http2::Builder<Spawner>,
    tasks: Tasks,
}

/// Lets hyper's HTTP/2 run its streams as tasks that somebody waits for.
#[derive(Clone)]
struct Spawner(Tasks);

impl<F> Executor<F> for Spawner
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, future: F) {
        self.0.spawn("http stream", future);
    }
}

/// A connection of either protocol. hyper-util's type for both has room for the larger one: half a kilobyte more for every viewer.
trait Conversation: Future {
    /// No new requests: what is being answered is finished first.
    fn take_leave(self: Pin<&mut Self>);
}

impl<I, S> Conversation for http1::Connection<I, S>
where
    Self: Future,
    I: Read + Write + Unpin + 'static,
    S: HttpService<Incoming, ResBody = Payload>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    fn take_leave(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

impl<I, S> Conversation for http2::Connection<I, S, Spawner>
where
    Self: Future,
    I: Read + Write + Unpin + 'static,
    S: HttpService<Incoming, ResBody = Payload>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    Spawner: hyper::rt::bounds::Http2ServerConnExec<S::Future, Payload>,
{
    fn take_leave(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

impl Connections {
    pub(super) fn new(doors: Doors, tls: Option<Arc<Tls>>, limits: Limits, tasks: Tasks) -> Self {
        let mut http1 = http1::Builder::new();
        http1
            .timer(TokioTimer::new())
            .header_read_timeout(limits.header_timeout)
            // hyper panics below 8 KiB.
            .max_buf_size(limits.max_header_bytes.max(8 << 10));
        let mut http2 = http2::Builder::new(Spawner(tasks.clone()));
        http2
            .timer(TokioTimer::new())
            // A page with its assets, or a player with parts, hints and reloads in all renditions, has some tens in flight.
            .max_concurrent_streams(64)
            // Viewers send no bodies to speak of; an upload at 20 ms gets 3 MB/s per stream out of this.
            .initial_stream_window_size(64 << 10)
            .initial_connection_window_size(256 << 10)
            // Per stream, filled only while its reader is slow; hyper's 400 kB would let a slow viewer hold many megabytes.
            .max_send_buf_size(64 << 10)
            .max_header_list_size(u32::try_from(limits.max_header_bytes).unwrap_or(u32::MAX))
            // Finds clients that vanished without a FIN, as phones do. An unanswered ping ends the connection.
            .keep_alive_interval(Duration::from_secs(30))
            .keep_alive_timeout(Duration::from_secs(20));
        Self { doors, answered: Arc::new(Answered::new()), tls, limits, http1, http2, tasks }
    }

    pub(super) fn is_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// Serves one connection to its end, and gives its place back then.
    pub(super) async fn run(self: Arc<Self>, stream: TcpStream, peer: Peer, place: OwnedSemaphorePermit) {
        let _open = Open::new(place);
        match &self.tls {
            None => {
                let speaks_http2 = tokio::select! {
                    first = tokio::time::timeout(self.limits.header_timeout, opens_http2(&stream)) => first,
                    () = self.tasks.soft_stopped() => return,
                };
                // Else silent, or gone.
                if let Ok(Ok(speaks_http2)) = speaks_http2 {
                    self.converse(speaks_http2, stream, peer).await;
                }
            }
            // Boxed: TLS is the larger future, and clear connections should not keep room for it.
            Some(tls) => Box::pin(self.converse_by_tls(tls, stream, peer)).await,
        }
    }

    async fn converse_by_tls(&self, tls: &Tls, stream: TcpStream, peer: Peer) {
        let handshake = TlsAcceptor::from(tls.current()).accept(stream);
        let shaken = tokio::select! {
            shaken = tokio::time::timeout(self.limits.header_timeout, handshake) => shaken,
            () = self.tasks.soft_stopped() => return,
        };
        match shaken {
            Ok(Ok(stream)) => {
                let speaks_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                self.converse(speaks_http2, stream, peer).await;
            }
            Ok(Err(_)) | Err(_) => metrics::counter!("amphi_http_tls_failures_total").increment(1),
        }
    }

    async fn converse<S>(&self, speaks_http2: bool, stream: S, peer: Peer)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let activity = Arc::new(Activity::new());
        let io = TokioIo::new(Watched { stream, activity: Arc::clone(&activity) });
        let service = hyper::service::service_fn(|request| self.answer(request, peer, &activity));
        if speaks_http2 {
            // Boxed: the larger one by far, and it has a client for all of a page's requests.
            let mut connection = Box::pin(self.http2.serve_connection(io, service));
            self.accompany(connection.as_mut(), &activity).await;
        } else {
            // Pinned where it is made: handed on by value it would have its room twice in this task, for every viewer.
            let connection = std::pin::pin!(self.http1.serve_connection(io, service));
            self.accompany(connection, &activity).await;
        }
    }

    /// Drives a connection to its end, and ends it when nothing is asked for too long or the server stops.
    async fn accompany(&self, mut connection: Pin<&mut impl Conversation>, activity: &Activity) {
        // HTTP/2 has no header time-out of its own; until the first request this is the only watch.
        let mut check = std::pin::pin!(tokio::time::sleep(self.limits.header_timeout));
        let mut leaving = false;
        loop {
            tokio::select! {
                // How a connection ends is the client's affair: reset, half a header, bad frames. Not worth a log line each.
                _ended = connection.as_mut() => return,
                () = self.tasks.soft_stopped(), if !leaving => {
                    leaving = true;
                    connection.as_mut().take_leave();
                }
                () = check.as_mut() => {
                    if !activity.has_asked() {
                        // Nothing was asked in time, so nothing is owed: no goodbye.
                        return;
                    }
                    match activity.quiet_for() {
                        None => again(check.as_mut(), self.limits.idle_timeout),
                        Some(quiet) if leaving && quiet >= GOODBYE => return,
                        Some(quiet) if quiet < self.limits.idle_timeout => {
                            again(check.as_mut(), self.limits.idle_timeout.saturating_sub(quiet));
                        }
                        Some(_) => {
                            leaving = true;
                            connection.as_mut().take_leave();
                            again(check.as_mut(), GOODBYE);
                        }
                    }
                }
            }
        }
    }

    /// Hands a request to who answers it, but not for longer than the stop allows.
    fn answer(
        &self,
        request: Request<Incoming>,
        peer: Peer,
        activity: &Arc<Activity>,
    ) -> impl Future<Output = Result<Response<Payload>, Infallible>> + Send + 'static {
        let working = Working::new(Arc::clone(activity));
        let soft = self.tasks.soft().clone();
        let counted = Arc::clone(&self.answered);
        let door = self.doors.of(request.uri(), request.headers());
        let hot = door.play.as_ref().and_then(|play| play.hot(request.method(), request.uri(), request.headers()));
        let answer = match hot {
            Some(hot) => {
                // The request is gone before the wait for a part begins: its headers would hold hyper's read buffer.
                drop(request);
                // Boxed, as what is routed: a connection at rest should not keep room for it.
                Either::Left(Box::pin(within(soft, STOP_WAITING_AFTER, hot)))
            }
            None => Either::Right(routed(door.router.clone(), request, peer, soft)),
        };
        async move {
            let _working = working;
            let response = answer.await;
            counted.count(response.status());
            Ok(response)
        }
    }
}

/// What a site's routes answer.
fn routed(
    router: Router,
    mut request: Request<Incoming>,
    peer: Peer,
    soft: CancellationToken,
) -> impl Future<Output = Response<Payload>> + Send + 'static {
    request.extensions_mut().insert(peer);
    let patience =
        if matches!(*request.method(), Method::GET | Method::HEAD) { STOP_WAITING_AFTER } else { STOP_WORKING_AFTER };
    // Boxed: a router's future is large, and it exists only while a request is being answered.
    let routed = router.oneshot(request);
    Box::pin(within(soft, patience, async move {
        let Ok(response) = routed.await;
        response.map(Payload::Other)
    }))
}

/// An answer, or that the server stops, when the answer does not come within `patience` after it was told to.
fn within<A>(soft: CancellationToken, patience: Duration, answer: A) -> impl Future<Output = Response<Payload>> + Send
where
    A: Future<Output = Response<Payload>> + Send,
{
    let stopped = async move {
        soft.cancelled().await;
        tokio::time::sleep(patience).await;
        stopping()
    };
    First { answer, stopped }
}

pin_project! {
    /// The first of two futures. A type, because an async block keeps room twice for a future that is handed to it: half a kilobyte for
    /// every viewer who waits.
    struct First<A, B> {
        #[pin]
        answer: A,
        #[pin]
        stopped: B,
    }
}

impl<A: Future, B: Future<Output = A::Output>> Future for First<A, B> {
    type Output = A::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        match this.answer.poll(cx) {
            Poll::Ready(answer) => Poll::Ready(answer),
            Poll::Pending => this.stopped.poll(cx),
        }
    }
}

/// How many requests were answered, by class of status. The handles are looked up once, not per request.
struct Answered([Counter; 5]);

impl Answered {
    fn new() -> Self {
        Self(["1xx", "2xx", "3xx", "4xx", "5xx"].map(|class| counter!("amphi_http_requests_total", "status" => class)))
    }

    fn count(&self, status: StatusCode) {
        let class = usize::from(status.as_u16() / 100).clamp(1, self.0.len());
        self.0[class - 1].increment(1);
    }
}

/// Whether a client in clear begins with HTTP/2's preface (RFC 9113 section 3.4), told without taking a byte. hyper-util would do the
/// same by reading and giving back, which makes hyper double its read buffer: 8 KiB for every viewer.
async fn opens_http2(stream: &TcpStream) -> io::Result<bool> {
    // No HTTP/1 method begins so (PROPFIND comes nearest).
    const OPENING: &[u8] = b"PRI";
    let mut first = [0; OPENING.len()];
    loop {
        let count = stream.peek(&mut first).await?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if count == OPENING.len() || !OPENING.starts_with(&first[..count]) {
            return Ok(first == OPENING);
        }
        // A first byte alone is somebody typing; peek would return at once for ever.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn again(check: Pin<&mut Sleep>, after: Duration) {
    check.reset(Instant::now() + after);
}

fn stopping() -> Response<Payload> {
    let mut response = Response::new(Payload::Other(Body::empty()));
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    let headers = response.headers_mut();
    // A restart takes about this long; players come back by themselves.
    headers.insert(header::RETRY_AFTER, HeaderValue::from_static("2"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // A player on another site must be able to see that it is a restart.
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    response
}

/// Counts an open connection while it lives.
struct Open {
    _place: OwnedSemaphorePermit,
}

impl Open {
    fn new(place: OwnedSemaphorePermit) -> Self {
        metrics::counter!("amphi_http_connections_total").increment(1);
        metrics::gauge!("amphi_http_connections").increment(1.0);
        Self { _place: place }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        metrics::gauge!("amphi_http_connections").decrement(1.0);
    }
}

/// When bytes last moved, and whether a request is being worked on.
struct Activity {
    began: Instant,
    moved_after_ms: AtomicU64,
    working: AtomicU32,
    asked: AtomicU32,
}

impl Activity {
    fn new() -> Self {
        Self {
            began: Instant::now(),
            moved_after_ms: AtomicU64::new(0),
            working: AtomicU32::new(0),
            asked: AtomicU32::new(0),
        }
    }

    fn moved(&self) {
        let after = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.moved_after_ms.store(after, Ordering::Relaxed);
    }

    /// Whether a complete request header has ever arrived.
    fn has_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed) > 0
    }

    /// Since when nothing moved; `None` while a request is being worked on.
    fn quiet_for(&self) -> Option<Duration> {
        if self.working.load(Ordering::Relaxed) > 0 {
            return None;
        }
        let moved = Duration::from_millis(self.moved_after_ms.load(Ordering::Relaxed));
        Some(self.began.elapsed().saturating_sub(moved))
    }
}

/// A request in a handler's hands.
struct Working(Arc<Activity>);

impl Working {
    fn new(activity: Arc<Activity>) -> Self {
        activity.asked.store(1, Ordering::Relaxed);
        activity.working.fetch_add(1, Ordering::Relaxed);
        Self(activity)
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.0.moved();
        self.0.working.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A stream that notes when bytes move.
struct Watched<S> {
    stream: S,
    activity: Arc<Activity>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.activity.moved();
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        note(&self.activity, &written);
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        note(&self.activity, &written);
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

fn note(activity: &Activity, written: &Poll<io::Result<usize>>) {
    if matches!(written, Poll::Ready(Ok(count)) if *count > 0) {
        activity.moved();
    }
}
