//! The RTMP doors, in clear and by TLS: encoders that call are asked who they are, admitted or refused, and followed until they leave.

use super::handle::Handle;
use crate::lifecycle::Tasks;
use media::ingest::rtmp::listen::{Connection, Error, Listener};
use media::ingest::{Refusal, Verdict};
use std::sync::{Arc, PoisonError, RwLock};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsAcceptor;

/// Says with which certificate the next connection is greeted.
pub type Greeting = Arc<dyn Fn() -> Arc<rustls::ServerConfig> + Send + Sync>;

/// Where encoders come in, for all tenants: whose lives there are. Cheap to clone; clones share.
#[derive(Clone, Debug)]
pub struct Doors {
    pub(super) first: Handle,
    all: Arc<RwLock<Vec<Handle>>>,
}

impl Doors {
    /// To the lives of one tenant.
    #[must_use]
    pub fn new(first: Handle) -> Self {
        let all = Arc::new(RwLock::new(vec![first.clone()]));
        Self { first, all }
    }

    /// Also to those of another tenant, [beside](Handle::beside) the first one's, from the next encoder on.
    pub fn open(&self, lives: Handle) {
        self.all.write().unwrap_or_else(PoisonError::into_inner).push(lives);
    }

    /// Each tenant's, as they are now.
    pub(crate) fn all(&self) -> Vec<Handle> {
        self.all.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn tasks(&self) -> &Tasks {
        &self.first.context().tasks
    }

    /// Takes encoders until the soft stop; those that publish are then asked to end. With `tls` they speak it first.
    pub async fn listen_rtmp(&self, listener: Listener, tls: Option<Greeting>) {
        let stop = self.tasks().soft().clone();
        loop {
            let connection = tokio::select! {
                accepted = listener.accept() => accepted,
                () = stop.cancelled() => return,
            };
            match connection {
                Ok(connection) => {
                    let (doors, tls) = (self.clone(), tls.clone());
                    self.tasks().spawn("rtmp", async move {
                        match tls {
                            None => Box::pin(doors.encoder(connection)).await,
                            Some(tls) => doors.greet(connection, TlsAcceptor::from(tls())).await,
                        }
                    });
                }
                Err(error) => {
                    tracing::error!(%error, "no more RTMP connections can be taken");
                    return;
                }
            }
        }
    }

    async fn greet(&self, connection: Connection, tls: TlsAcceptor) {
        let peer = connection.peer();
        let stop = self.tasks().soft().clone();
        let greeted = tokio::select! {
            greeted = connection.wrap(|stream| tls.accept(stream)) => greeted,
            () = stop.cancelled() => return,
        };
        match greeted {
            Ok(connection) => Box::pin(self.encoder(connection)).await,
            Err(error) => tracing::debug!(%peer, %error, "RTMPS connection came to nothing"),
        }
    }

    async fn encoder<S: AsyncRead + AsyncWrite + Unpin>(&self, connection: Connection<S>) {
        let peer = connection.peer();
        let stop = self.tasks().soft().clone();
        let offered = tokio::select! {
            offered = connection.offer() => offered,
            // Nobody who has not begun to publish loses anything.
            () = stop.cancelled() => return,
        };
        let pending = match offered {
            Ok(pending) => pending,
            Err(error) => {
                if matches!(error, Error::Refused(Refusal::Denied)) {
                    self.count_refusal(peer.ip());
                }
                tracing::debug!(%peer, %error, "RTMP connection came to nothing");
                return;
            }
        };
        let ended = match self.admit(pending.offer()).await {
            Verdict::Accept(publisher) => pending.accept(publisher).await.map(|_| ()),
            Verdict::Refuse(refusal) => {
                pending.refuse(refusal).await;
                return;
            }
        };
        if let Err(error) = ended {
            tracing::info!(%peer, %error, "RTMP connection ended in an error");
        }
    }
}
