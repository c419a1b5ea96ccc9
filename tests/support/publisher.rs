//! A publisher that does exactly what a test wants and knows what it did: rml_rtmp's client session on a socket, tags
//! sent at the pace of their times.

use super::flv::Tag;
use super::hls::connection::wall_ms;
use rml_rtmp::handshake::{Handshake, HandshakeProcessResult, PeerType};
use rml_rtmp::sessions::{
    ClientSession, ClientSessionConfig, ClientSessionEvent as Event, ClientSessionResult as Said, PublishRequestType,
};
use rml_rtmp::time::RtmpTimestamp;
use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU8, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// From the first byte to "publish accepted", on a machine that also compiles.
const CONNECT: Duration = Duration::from_secs(20);
/// Between two looks at the clock and at the orders.
const TICK: Duration = Duration::from_millis(5);

/// What a running publisher is told.
const GO_ON: u8 = 0;
const STOP: u8 = 1;
const VANISH: u8 = 2;

/// What was done so far.
#[derive(Debug, Default)]
struct Done {
    order: AtomicU8,
    pictures: AtomicU64,
    began_ms: AtomicI64,
}

/// A publisher beside the test.
#[derive(Debug)]
pub(crate) struct Publisher {
    done: Arc<Done>,
    thread: Option<JoinHandle<Result<(), String>>>,
}

/// What to send, and what then.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// In order of their times.
    pub tags: Arc<Vec<Tag>>,
    /// After the last tag: keep the connection, and say nothing.
    pub silent_after: bool,
}

impl Publisher {
    /// Publishes `plan` as `stream` (`slug?key=KEY`); returns when the server has accepted it.
    #[expect(clippy::disallowed_methods, reason = "the thread is joined by whoever holds the value")]
    pub(crate) fn start(to: SocketAddr, stream: &str, plan: Plan) -> Self {
        let (mut socket, session) = open(to, stream).unwrap_or_else(|error| panic!("publishing {stream}: {error}"));
        let done = Arc::new(Done::default());
        let shared = Arc::clone(&done);
        let thread = std::thread::spawn(move || send(&mut socket, session, &plan, &shared));
        Self { done, thread: Some(thread) }
    }

    /// Pictures handed to the network so far.
    pub(crate) fn pictures(&self) -> u64 {
        self.done.pictures.load(Ordering::Acquire)
    }

    /// When the first picture was sent, milliseconds since 1970; 0 before.
    pub(crate) fn began_ms(&self) -> i64 {
        self.done.began_ms.load(Ordering::Acquire)
    }

    /// Waits until all is sent and taken leave of.
    pub(crate) fn finish(mut self) {
        self.join().unwrap_or_else(|error| panic!("the publisher: {error}"));
    }

    /// Stops in good order, as an encoder whose user pressed stop.
    pub(crate) fn stop(mut self) {
        self.done.order.store(STOP, Ordering::Release);
        self.join().unwrap_or_else(|error| panic!("the publisher: {error}"));
    }

    /// Loses its line: no farewell. Also fine when the server is gone already.
    pub(crate) fn vanish(mut self) -> u64 {
        self.done.order.store(VANISH, Ordering::Release);
        // What went wrong is that the line broke, which was the wish.
        let _ = self.join();
        self.pictures()
    }

    fn join(&mut self) -> Result<(), String> {
        self.thread.take().map_or(Ok(()), |thread| thread.join().unwrap_or_else(|_| Err("it panicked".into())))
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.done.order.store(VANISH, Ordering::Release);
        let _ = self.join();
    }
}

fn text(error: impl std::fmt::Debug) -> String {
    format!("{error:?}")
}

fn open(to: SocketAddr, stream: &str) -> Result<(TcpStream, ClientSession), String> {
    let mut socket = TcpStream::connect(to).map_err(text)?;
    socket.set_nodelay(true).map_err(text)?;
    socket.set_read_timeout(Some(CONNECT)).map_err(text)?;
    let mut handshake = Handshake::new(PeerType::Client);
    socket.write_all(&handshake.generate_outbound_p0_and_p1().map_err(text)?).map_err(text)?;
    let mut buffer = [0; 4096];
    let left = loop {
        let got = read(&mut socket, &mut buffer)?;
        match handshake.process_bytes(&buffer[..got]).map_err(text)? {
            HandshakeProcessResult::InProgress { response_bytes } => socket.write_all(&response_bytes).map_err(text)?,
            HandshakeProcessResult::Completed { response_bytes, remaining_bytes } => {
                socket.write_all(&response_bytes).map_err(text)?;
                break remaining_bytes;
            }
        }
    };
    let config = ClientSessionConfig { tc_url: Some(format!("rtmp://{to}/live")), ..ClientSessionConfig::new() };
    let (mut session, first) = ClientSession::new(config).map_err(text)?;
    let mut waiting: VecDeque<Said> = first.into();
    waiting.push_back(session.request_connection("live".into()).map_err(text)?);
    waiting.extend(session.handle_input(&left).map_err(text)?);
    loop {
        while let Some(said) = waiting.pop_front() {
            match said {
                Said::OutboundResponse(packet) => socket.write_all(&packet.bytes).map_err(text)?,
                Said::RaisedEvent(Event::ConnectionRequestAccepted) => {
                    let publish = session.request_publishing(stream.to_owned(), PublishRequestType::Live);
                    waiting.push_back(publish.map_err(text)?);
                }
                Said::RaisedEvent(Event::PublishRequestAccepted) => {
                    socket.set_read_timeout(Some(TICK)).map_err(text)?;
                    return Ok((socket, session));
                }
                Said::RaisedEvent(Event::ConnectionRequestRejected { description }) => return Err(description),
                Said::RaisedEvent(Event::UnhandleableOnStatusCode { code }) => return Err(code),
                _ => {}
            }
        }
        let got = read(&mut socket, &mut buffer)?;
        waiting.extend(session.handle_input(&buffer[..got]).map_err(text)?);
    }
}

fn read(socket: &mut TcpStream, buffer: &mut [u8]) -> Result<usize, String> {
    match socket.read(buffer).map_err(text)? {
        0 => Err("closed by the server before publishing".into()),
        got => Ok(got),
    }
}

fn send(socket: &mut TcpStream, mut session: ClientSession, plan: &Plan, done: &Done) -> Result<(), String> {
    let start = Instant::now();
    let first_ms = plan.tags.first().map_or(0, |tag| tag.at_ms);
    let mut tags = plan.tags.iter().peekable();
    loop {
        match done.order.load(Ordering::Acquire) {
            GO_ON if tags.peek().is_none() && !plan.silent_after => break,
            GO_ON => {}
            STOP => break,
            _ => return Ok(()),
        }
        let elapsed = start.elapsed();
        let due = |tag: &&Tag| Duration::from_millis(u64::from(tag.at_ms - first_ms)) <= elapsed;
        while let Some(tag) = tags.next_if(|tag| due(tag)) {
            if tag.is_picture() && done.began_ms.load(Ordering::Relaxed) == 0 {
                done.began_ms.store(wall_ms(), Ordering::Release);
            }
            let stamp = RtmpTimestamp::new(tag.at_ms);
            let said = if tag.video {
                session.publish_video_data(tag.body.clone(), stamp, false)
            } else {
                session.publish_audio_data(tag.body.clone(), stamp, false)
            };
            answer(socket, said.map_err(text)?)?;
            if tag.is_picture() {
                done.pictures.fetch_add(1, Ordering::Release);
            }
        }
        listen(socket, &mut session)?;
    }
    for said in session.stop_publishing().map_err(text)? {
        answer(socket, said)?;
    }
    socket.shutdown(Shutdown::Write).map_err(text)?;
    // Closing with unread answers would reset the connection.
    socket.set_read_timeout(Some(CONNECT)).map_err(text)?;
    let mut buffer = [0; 4096];
    while matches!(socket.read(&mut buffer), Ok(1..)) {}
    Ok(())
}

/// Takes what the server says, waiting at most a tick.
fn listen(socket: &mut TcpStream, session: &mut ClientSession) -> Result<(), String> {
    let mut buffer = [0; 4096];
    match socket.read(&mut buffer) {
        Ok(0) => Err("closed by the server while publishing".into()),
        Ok(got) => {
            for said in session.handle_input(&buffer[..got]).map_err(text)? {
                answer(socket, said)?;
            }
            Ok(())
        }
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Ok(()),
        Err(error) => Err(text(error)),
    }
}

fn answer(socket: &mut TcpStream, said: Said) -> Result<(), String> {
    match said {
        Said::OutboundResponse(packet) => socket.write_all(&packet.bytes).map_err(text),
        _ => Ok(()),
    }
}
