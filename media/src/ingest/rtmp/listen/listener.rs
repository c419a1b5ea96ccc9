//! Taking connections, and how many.

#![expect(clippy::disallowed_types, reason = "the shell owns the sockets")]
#![expect(clippy::disallowed_methods, reason = "the shell keeps its time-outs by the clock")]

use super::super::name;
use super::super::session::{self, Event, Session};
use super::places::{Place, Places};
use super::publish::Pending;
use super::wire::{Read, Wire};
use super::{Error, Limits};
use crate::ingest::{Offer, Protocol, Refusal};
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, ToSocketAddrs};
use tokio::time::Instant;

/// After a failed accept (out of file descriptors, usually) the next try waits: without it the loop would spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A listening socket.
#[derive(Debug)]
pub struct Listener {
    tcp: TcpListener,
    limits: Limits,
    places: Arc<Places>,
}

impl Listener {
    /// Listens on `address`; port 0 chooses one.
    ///
    /// # Errors
    /// When the address can't be had.
    pub async fn bind(address: impl ToSocketAddrs, limits: Limits) -> io::Result<Self> {
        Ok(Self { tcp: TcpListener::bind(address).await?, limits, places: Arc::default() })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// As the socket says.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.tcp.local_addr()
    }

    /// The next connection within the limits. Those beyond are closed and counted, or close one that waits (see `places`); failures of a
    /// moment (too many open files, a peer that was faster gone than taken) are waited out and counted. Cancel-safe.
    ///
    /// # Errors
    /// Only when the listening socket itself is no more.
    pub async fn accept(&self) -> io::Result<Connection> {
        loop {
            let (stream, peer) = match self.tcp.accept().await {
                Ok(accepted) => accepted,
                Err(e) if is_final(&e) => return Err(e),
                Err(e) => {
                    metrics::counter!("amphi_rtmp_accept_errors_total").increment(1);
                    tracing::warn!(error = %e, "RTMP connection not taken; trying again");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            match self.places.take(peer, &self.limits) {
                Ok(place) => {
                    // Our answers are small and awaited by the encoder. A peer that is already gone is noticed on reading.
                    let _gone = stream.set_nodelay(true);
                    let since = Instant::now();
                    return Ok(Connection { stream, peer, place, limits: self.limits, since });
                }
                Err(reason) => metrics::counter!("amphi_rtmp_refused_total", "reason" => reason).increment(1),
            }
        }
    }
}

/// Bad descriptor, not a socket, not listening: the listener is gone. Everything else passes.
fn is_final(e: &io::Error) -> bool {
    const EBADF: i32 = 9;
    const EINVAL: i32 = 22;
    const ENOTSOCK: i32 = 88;
    matches!(e.raw_os_error(), Some(EBADF | EINVAL | ENOTSOCK))
}

/// A peer that has said nothing yet.
#[derive(Debug)]
pub struct Connection<S = TcpStream> {
    stream: S,
    peer: SocketAddr,
    place: Place,
    limits: Limits,
    since: Instant,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Who it is.
    #[must_use]
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// The same connection inside another layer, such as TLS; its handshake counts against the handshake time.
    ///
    /// # Errors
    /// When the layer's handshake fails or takes too long.
    pub async fn wrap<T, F>(self, layer: impl FnOnce(S) -> F) -> Result<Connection<T>, Error>
    where
        F: Future<Output = io::Result<T>>,
    {
        let Self { stream, peer, place, limits, since } = self;
        let wrapped = tokio::select! {
            wrapped = tokio::time::timeout_at(since + limits.handshake_time, layer(stream)) => wrapped,
            () = place.crowded_out() => return Err(failed(Error::CrowdedOut)),
        };
        let stream = wrapped.map_err(|_| failed(Error::HandshakeTime))?.map_err(|e| failed(e.into()))?;
        Ok(Connection { stream, peer, place, limits, since })
    }

    /// Handshake and commands, until the peer says what it wants to publish.
    ///
    /// # Errors
    /// When that does not come in time or within the bytes allowed, or names something that can't be a broadcaster's
    /// address ([`Error::Refused`]: the encoder was told).
    pub async fn offer(self) -> Result<Pending<S>, Error> {
        let Self { stream, peer, place, limits, since } = self;
        let session = Session::new(session::Limits {
            before_publish_bytes: limits.before_publish_bytes,
            message_bytes: limits.message_bytes,
        });
        let mut wire = Wire::new(stream, session);
        let mut events = Vec::new();
        let asked = tokio::select! {
            asked = tokio::time::timeout_at(since + limits.handshake_time, until_publish(&mut wire, &mut events)) => asked,
            () = place.crowded_out() => return Err(failed(Error::CrowdedOut)),
        };
        let request = match asked {
            Ok(Ok(request)) => request,
            Ok(Err(e)) => return Err(failed(e)),
            Err(_) => return Err(failed(Error::HandshakeTime)),
        };
        match name::parse(&request.app, &request.tc_url, &request.name) {
            // Whether it may publish is decided at once: until then nobody gets its place.
            Ok(_) if !place.keep() => Err(failed(Error::CrowdedOut)),
            Ok((slug, key)) => {
                let offer = Offer { protocol: Protocol::Rtmp, peer, slug, key };
                Ok(Pending { wire, place, limits, events, offer })
            }
            Err(refusal) => {
                refuse(wire, place, refusal).await;
                Err(Error::Refused(refusal))
            }
        }
    }
}

/// Reads until `publish`; what follows it in the same read stays in `events`.
async fn until_publish<S: AsyncRead + AsyncWrite + Unpin>(
    wire: &mut Wire<S>,
    events: &mut Vec<Event>,
) -> Result<session::Request, Error> {
    let received = metrics::counter!("amphi_rtmp_received_bytes_total");
    loop {
        let Read::Bytes(n) = wire.read().await? else { return Err(Error::ClosedEarly) };
        received.increment(n.try_into().unwrap_or(u64::MAX));
        wire.digest(n, events).await?;
        // Before publish the session makes no other event, so it stands first.
        if !events.is_empty()
            && let Event::Publish(request) = events.remove(0)
        {
            return Ok(request);
        }
    }
}

/// Tells the encoder why not, counts it, and closes: when it has read that, or at once when its place is wanted.
pub(super) async fn refuse<S: AsyncRead + AsyncWrite + Unpin>(mut wire: Wire<S>, place: Place, refusal: Refusal) {
    place.release();
    metrics::counter!("amphi_rtmp_refused_total", "reason" => refusal.name()).increment(1);
    wire.session.refuse(&refusal.to_string());
    tokio::select! {
        () = wire.goodbye() => {}
        () = place.crowded_out() => {}
    }
}

/// Counts a failure on its way to the caller.
pub(super) fn failed(error: Error) -> Error {
    metrics::counter!("amphi_rtmp_failed_total", "reason" => error.name()).increment(1);
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn running_out_of_files_does_not_end_the_listener() {
        const EMFILE: i32 = 24;
        const ENFILE: i32 = 23;
        const ECONNABORTED: i32 = 103;
        for passes in [EMFILE, ENFILE, ECONNABORTED] {
            assert!(!is_final(&io::Error::from_raw_os_error(passes)), "{passes}");
        }
        assert!(is_final(&io::Error::from_raw_os_error(9)));
    }
}
