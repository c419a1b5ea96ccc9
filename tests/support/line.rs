//! A line between an encoder and the server whose width a test sets: what a hall's network does to a push when others use it.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Bytes go in steps of this.
const STEP: Duration = Duration::from_millis(20);
/// As much as nobody here sends.
const WIDE: u64 = u64::MAX;

/// Listens for one connection and carries it; it ends when one of its ends does.
#[derive(Debug)]
pub(crate) struct Line {
    at: SocketAddr,
    bytes_per_s: Arc<AtomicU64>,
}

impl Line {
    /// To `to`, as wide as it gets. What comes back from there is never held up.
    #[expect(clippy::disallowed_methods, reason = "both threads end with the connection, which ends with the encoder")]
    pub(crate) fn to(to: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let bytes_per_s = Arc::new(AtomicU64::new(WIDE));
        let width = Arc::clone(&bytes_per_s);
        std::thread::spawn(move || {
            let Ok((from, _)) = listener.accept() else { return };
            let Ok(to) = TcpStream::connect(to) else { return };
            let (back, forth) = (from.try_clone().unwrap(), to.try_clone().unwrap());
            std::thread::spawn(move || carry(to, back, &AtomicU64::new(WIDE)));
            carry(from, forth, &width);
        });
        Self { at, bytes_per_s }
    }

    /// Where an encoder finds it.
    pub(crate) fn at(&self) -> SocketAddr {
        self.at
    }

    /// From now on so much goes through, in bytes per second.
    pub(crate) fn narrow(&self, bytes_per_s: u64) {
        self.bytes_per_s.store(bytes_per_s, Ordering::Release);
    }

    /// Everything goes through at once, also what has waited.
    pub(crate) fn widen(&self) {
        self.narrow(WIDE);
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream, bytes_per_s: &AtomicU64) {
    let mut buffer = [0; 16_384];
    loop {
        let width = bytes_per_s.load(Ordering::Acquire);
        let step = usize::try_from(width / 50).unwrap_or(buffer.len()).clamp(1, buffer.len());
        let Ok(got @ 1..) = from.read(&mut buffer[..step]) else { break };
        if to.write_all(&buffer[..got]).is_err() {
            break;
        }
        if width != WIDE {
            std::thread::sleep(STEP);
        }
    }
    // Whoever reads the other side learns that it is over.
    let _ = to.shutdown(Shutdown::Write);
    let _ = from.shutdown(Shutdown::Read);
}
