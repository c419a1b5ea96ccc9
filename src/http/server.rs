//! Sockets for the sites of [`Doors`]: HTTP/1.1 and HTTP/2, in clear (h2 by prior knowledge) or by TLS (h2 by ALPN), on hyper.
//!
//! # Contract
//! - No error of one connection, nor of accepting, ends the server.
//! - Everything a client can keep waiting or growing has a limit ([`Limits`]); what is refused is counted.
//! - At the soft stop no connection is accepted any more, idle ones are closed, and what is running is finished. A GET that still
//!   waits then (a blocked playlist reload) is answered 503 with Retry-After: handlers need not know of the stop.
//! - A connection at rest costs little: the budget is 30 kB per viewer with two connections (a test measures it).

mod connection;
mod doors;

use super::tls::Tls;
use crate::lifecycle::Tasks;
use connection::{Connections, Peer};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub use connection::Peer as ClientAddress;
pub use doors::{Door, Doors};

/// What clients may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Open connections over all addresses. Not per address: a whole campus may sit behind one.
    pub max_connections: usize,
    /// From the first wait for a request to its complete header on HTTP/1.1 (so also how long such a connection may rest), and for the
    /// TLS handshake. A viewer's connection never rests that long; a browser opens a new one in a round trip.
    pub header_timeout: Duration,
    /// Without a byte in either direction, when no request is being worked on: a resting HTTP/2 connection, or a reader that stopped
    /// reading its answer. Streams of events must send something more often.
    pub idle_timeout: Duration,
    /// A request's line and headers. hyper can't go below 8 KiB; single sign-on cookies are the largest honest thing in there.
    pub max_header_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_connections: 20_000,
            header_timeout: Duration::from_secs(20),
            idle_timeout: Duration::from_secs(75),
            max_header_bytes: 32 << 10,
        }
    }
}

/// Opens a listening socket; port 0 takes a free one.
///
/// # Errors
/// The system's, such as an address in use.
pub fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A restart must not wait for the old connections' TIME-WAIT.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    // When a lecture begins everybody comes at once. The kernel caps this at net.core.somaxconn (4096 by default).
    socket.listen(4096)
}

/// Accepts until the soft stop. The connections run as tasks of `tasks`, which waits for them.
pub async fn serve(listener: TcpListener, tls: Option<Arc<Tls>>, doors: Doors, limits: Limits, tasks: Tasks) {
    let places = Arc::new(Semaphore::new(limits.max_connections.min(Semaphore::MAX_PERMITS)));
    let connections = Arc::new(Connections::new(doors, tls, limits, tasks.clone()));
    let mut complained = None;
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = tasks.soft_stopped() => return,
        };
        match accepted {
            Ok((stream, address)) => match Arc::clone(&places).try_acquire_owned() {
                Ok(place) => welcome(&connections, stream, address, place, &tasks),
                Err(_full) => refuse(&stream, connections.is_tls()),
            },
            Err(error) if concerns_one_connection(&error) => {}
            Err(error) => {
                metrics::counter!("amphi_http_accept_errors_total").increment(1);
                // Out of descriptors or memory: said once a minute, tried again soon; connections that end make room.
                let now = tokio::time::Instant::now();
                if complained.is_none_or(|last| now.duration_since(last) > Duration::from_secs(60)) {
                    complained = Some(now);
                    tracing::error!(%error, "connections can't be accepted; trying again");
                }
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    }
}

/// A connection whose peer acknowledges nothing for so long is closed.
const UNACKNOWLEDGED_MS: u32 = 45_000;

fn welcome(
    connections: &Arc<Connections>,
    stream: TcpStream,
    address: SocketAddr,
    place: OwnedSemaphorePermit,
    tasks: &Tasks,
) {
    // Parts are written whole; waiting for more would only delay them. Fails only on a socket that is already closed.
    if stream.set_nodelay(true).is_err() {
        return;
    }
    // A phone that sleeps or leaves the network says nothing: what it was sent stays unacknowledged. Where that can't be set, the system's own
    // quarter of an hour holds.
    if let Err(error) = rustix::net::sockopt::set_tcp_user_timeout(&stream, UNACKNOWLEDGED_MS) {
        tracing::debug!(%error, "a connection is not watched for acknowledgements");
    }
    let run = Arc::clone(connections).run(stream, Peer { address, tls: connections.is_tls() }, place);
    tasks.spawn("http connection", run);
}

/// Too many connections: says so when that needs no waiting, and closes.
fn refuse(stream: &TcpStream, tls: bool) {
    metrics::counter!("amphi_http_connections_refused_total").increment(1);
    if !tls {
        // A fresh socket's buffer takes this at once; if not, closing says enough.
        let _ = stream.try_write(
            b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 2\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        );
    }
}

/// The client went away between its SYN and our accept: nothing is wrong with the listener (accept(2), "Error handling").
fn concerns_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
            | io::ErrorKind::TimedOut
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::NetworkDown
    )
}

#[cfg(test)]
mod tests;
