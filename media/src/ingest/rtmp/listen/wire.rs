//! A stream with its session: one read buffer, bounded writes, and a goodbye that the peer gets to read.

use super::super::session::{Event, Session};
use super::Error;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// A handshake and the commands fit; a thousand idle connections hold 4 MiB.
const FIRST_BUFFER_BYTES: usize = 4 << 10;
/// Large reads keep the cost per byte small; above this nothing is gained.
const MAX_BUFFER_BYTES: usize = 64 << 10;
/// Answers are a few hundred bytes: a peer whose window stays shut this long is gone or hostile.
const WRITE_TIME: Duration = Duration::from_secs(10);
/// How long a peer may take to read why it was sent away and to close.
const GOODBYE_TIME: Duration = Duration::from_secs(3);
/// What it may still send meanwhile: an encoder keeps sending until it has read our answer.
const GOODBYE_BYTES: usize = 16 << 20;

/// What a read brought.
pub(super) enum Read {
    /// So many bytes.
    Bytes(usize),
    /// The peer has closed.
    End,
}

pub(super) struct Wire<S> {
    stream: S,
    pub(super) session: Session,
    buffer: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    pub(super) fn new(stream: S, session: Session) -> Self {
        Self { stream, session, buffer: vec![0; FIRST_BUFFER_BYTES] }
    }

    /// Reads once. Cancel-safe: what was read is in the buffer only when it returns. Follow with [`Self::digest`].
    pub(super) async fn read(&mut self) -> std::io::Result<Read> {
        Ok(match self.stream.read(&mut self.buffer).await? {
            0 => Read::End,
            n => Read::Bytes(n),
        })
    }

    /// Whether a read of `n` bytes filled the buffer: more may be waiting.
    pub(super) fn fills(&self, n: usize) -> bool {
        n == self.buffer.len()
    }

    /// Gives the `n` bytes just read to the session, and writes what it answers.
    pub(super) async fn digest(&mut self, n: usize, events: &mut Vec<Event>) -> Result<(), Error> {
        let result = self.session.input(&self.buffer[..n], events);
        // A read that filled the buffer: more comes at once than it holds.
        if n == self.buffer.len() && n < MAX_BUFFER_BYTES {
            self.buffer.resize(n * 2, 0);
        }
        self.flush().await?;
        Ok(result?)
    }

    /// Writes what the session has to say.
    pub(super) async fn flush(&mut self) -> Result<(), Error> {
        let out = self.session.take_output();
        if out.is_empty() {
            return Ok(());
        }
        let write = async {
            self.stream.write_all(&out).await?;
            self.stream.flush().await
        };
        tokio::time::timeout(WRITE_TIME, write).await.map_err(|_| Error::WriteTime)??;
        Ok(())
    }

    /// Writes what the session has to say last, and closes so that the peer can read it: the sending side first, then what
    /// it still sends is read and thrown away. Closing with unread bytes would reset the connection and lose our words.
    pub(super) async fn goodbye(mut self) {
        let farewell = async {
            self.flush().await.ok()?;
            self.stream.shutdown().await.ok()?;
            self.drain().await
        };
        // Whatever goes wrong here, the connection is over.
        let _gone = tokio::time::timeout(GOODBYE_TIME, farewell).await;
    }

    /// After the peer said goodbye: it closes first. GStreamer calls it an error when we do.
    pub(super) async fn await_close(mut self) {
        let farewell = async {
            self.flush().await.ok()?;
            self.drain().await
        };
        let _gone = tokio::time::timeout(GOODBYE_TIME, farewell).await;
    }

    async fn drain(&mut self) -> Option<()> {
        let mut left = GOODBYE_BYTES;
        while left > 0 {
            match self.read().await.ok()? {
                Read::End => break,
                Read::Bytes(n) => left = left.saturating_sub(n),
            }
        }
        Some(())
    }
}
