//! Messages over stdin and stdout, blocking. One thread reads, one writes.

use bytes::Bytes;
use pipelines::message::thumbnail::FromThumbnailer;
use pipelines::message::{self, Encoded, FromCaptioner, FromEngine, LENGTH_BYTES};
use std::fs::File;
use std::io::{self, IoSlice, Read, Write};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Messages that wait for the pipe. When the server does not read, encoders wait, then decoders, then whoever sends.
const OUTBOX_MESSAGES: usize = 64;

/// The channel to the server. Libraries print where they like: what they print must not stand between messages. From here fd 1 is stderr.
///
/// # Errors
/// When there is no stdout.
pub(crate) fn take_stdout() -> io::Result<File> {
    io::stdout().lock().flush()?;
    let out = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdout(), 3)?;
    rustix::stdio::dup2_stdout(rustix::stdio::stderr())?;
    Ok(File::from(out))
}

/// The next message, or `None` at the end of the stream.
///
/// # Errors
/// When reading fails, the stream ends within a message, or the bytes are none.
pub(crate) fn read<M>(from: &mut impl Read, decode: fn(Bytes) -> Result<M, message::Error>) -> io::Result<Option<M>> {
    let mut length = [0; LENGTH_BYTES];
    let first = from.read(&mut length)?;
    if first == 0 {
        return Ok(None);
    }
    from.read_exact(&mut length[first..])?;
    let bytes = message::body_bytes(length).map_err(io::Error::other)?;
    let mut body = vec![0; bytes];
    from.read_exact(&mut body)?;
    decode(Bytes::from(body)).map(Some).map_err(io::Error::other)
}

/// Where messages to the server are put.
#[derive(Clone)]
pub(crate) struct Outbox(SyncSender<Option<Encoded>>);

/// The other end of the [`Outbox`].
pub(crate) struct Mail(Receiver<Option<Encoded>>);

/// An outbox and what comes out of it.
pub(crate) fn outbox() -> (Outbox, Mail) {
    let (sender, receiver) = sync_channel(OUTBOX_MESSAGES);
    (Outbox(sender), Mail(receiver))
}

/// What an engine says, in any role.
pub(crate) trait Message {
    fn encoded(&self) -> Encoded;
}

impl Message for FromEngine {
    fn encoded(&self) -> Encoded {
        self.encode()
    }
}

impl Message for FromCaptioner {
    fn encoded(&self) -> Encoded {
        self.encode()
    }
}

impl Message for FromThumbnailer {
    fn encoded(&self) -> Encoded {
        self.encode()
    }
}

impl Outbox {
    /// Waits while the pipe is full. `false`: nobody reads any more.
    pub(crate) fn send(&self, message: &impl Message) -> bool {
        self.0.send(Some(message.encoded())).is_ok()
    }

    /// What was put before is written, nothing after.
    pub(crate) fn close(&self) {
        // An error means that it is closed already.
        let _ = self.0.send(None);
    }
}

impl Mail {
    /// Writes until an [`Outbox`] is closed.
    ///
    /// # Errors
    /// When the server closed its end.
    pub(crate) fn write_all(self, to: &mut impl Write) -> io::Result<()> {
        for message in self.0.iter().map_while(|message| message) {
            write(to, &message)?;
        }
        Ok(())
    }
}

/// Writes one message whole.
///
/// # Errors
/// When the server closed its end.
pub(crate) fn write(to: &mut impl Write, message: &Encoded) -> io::Result<()> {
    let mut parts = [IoSlice::new(&message.head), IoSlice::new(&message.payload)];
    let mut rest = &mut parts[..];
    let mut left = message.len();
    while left > 0 {
        match to.write_vectored(rest) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(n) => {
                left -= n;
                IoSlice::advance_slices(&mut rest, n);
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}
