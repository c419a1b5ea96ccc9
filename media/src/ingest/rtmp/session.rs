//! The server's side of an RTMP connection that publishes: bytes in, events and bytes out. Pure.
//!
//! # Order
//! Handshake, `connect`, `createStream`, `publish` → [`Event::Publish`]; then [`Session::accept`] or [`Session::refuse`];
//! then [`Event::Media`] until [`Event::Unpublish`]. What encoders send besides (`releaseStream`, `FCPublish`, `_checkbw`, …) is
//! answered or ignored; an unknown command never ends a connection.
//!
//! # Promises
//! - No input panics it; what it holds is bounded ([`Session::buffered_bytes`]).
//! - Until `publish` it takes no more than [`Limits::before_publish_bytes`] after the handshake.
//! - Output made by one [`Session::input`] is at most a small multiple of that input: the caller writes it before it reads on.

mod command;

use super::amf0;
use super::chunk::{self, Message, Reader, kind};
use bytes::{Buf, Bytes};
use command::Reply;
use rml_rtmp::handshake::{Handshake, HandshakeProcessResult, PeerType};

/// C0, C1 and C2 (section 5.2).
pub const HANDSHAKE_BYTES: usize = 1 + 1536 + 1536;
/// Longest command. `connect`, the longest of them, is under 1 KiB.
const MAX_COMMAND_BYTES: usize = 64 << 10;
/// We ask for an acknowledgement this often, and send ours this often unless asked otherwise: what Adobe's server uses.
const WINDOW_BYTES: u32 = 2_500_000;

/// What a session takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes between the handshake and `publish`. Real encoders need under 2 KiB.
    pub before_publish_bytes: usize,
    /// One message, once publishing.
    pub message_bytes: usize,
}

/// Why a session is over.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Not RTMP, or encrypted RTMP.
    #[error("handshake: {0}")]
    Handshake(String),
    /// The chunk layer.
    #[error(transparent)]
    Chunk(#[from] chunk::Error),
    /// A command's values.
    #[error(transparent)]
    Amf0(#[from] amf0::Error),
    /// Too many bytes without `publish`.
    #[error("more than {limit_bytes} bytes before publish")]
    TooMuchBeforePublish {
        /// [`Limits::before_publish_bytes`].
        limit_bytes: usize,
    },
    /// A command of more than 64 KiB.
    #[error("command of {length_bytes} bytes")]
    CommandTooLong {
        /// Its length.
        length_bytes: usize,
    },
    /// A known command at a moment when it makes no sense.
    #[error("command {0} out of order")]
    OutOfOrder(&'static str),
}

/// What the peer wants or sends.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// It wants to publish. Answer with [`Session::accept`] or [`Session::refuse`].
    Publish(Request),
    /// Sound or pictures, as FLV carries them. Only after [`Event::Publish`]; possibly before the answer.
    Media(Media),
    /// Metadata came; what it says of itself, if it does.
    Metadata {
        /// Such as `obs-output module (libobs version 30.2.2)`.
        encoder: Option<String>,
    },
    /// It has stopped publishing, in good order.
    Unpublish,
}

/// A publish command and what `connect` said before. Holds the key: never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Request {
    /// Application, as sent.
    pub app: String,
    /// URL, as sent; empty if none.
    pub tc_url: String,
    /// Stream name, as sent.
    pub name: String,
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Request(…)")
    }
}

/// One FLV tag's body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    /// Pictures; otherwise sound.
    pub is_video: bool,
    /// Milliseconds, modulo 2^32.
    pub timestamp: u32,
    /// The body, with FLV's own first bytes.
    pub payload: Bytes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing but the handshake came.
    New,
    /// `connect` was answered.
    Connected,
    /// `publish` waits for its answer.
    Asked,
    /// `publish` was accepted.
    Publishing,
    /// Refused or unpublished: nothing more is taken.
    Over,
}

/// One connection.
pub struct Session {
    handshake: Option<Handshake>,
    reader: Reader,
    limits: Limits,
    state: State,
    app: String,
    tc_url: String,
    /// The message stream that publishes.
    stream_id: u32,
    out: Vec<u8>,
    received: u64,
    acknowledged: u64,
    window: u32,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("state", &self.state).field("received", &self.received).finish_non_exhaustive()
    }
}

impl Session {
    /// A connection that begins with its handshake.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { handshake: Some(Handshake::new(PeerType::Server)), ..Self::after_handshake(limits) }
    }

    /// A connection whose handshake was done elsewhere; tests and fuzzing spend their time after it.
    #[must_use]
    pub fn after_handshake(limits: Limits) -> Self {
        Self {
            handshake: None,
            reader: Reader::new(limits.message_bytes.min(limits.before_publish_bytes)),
            limits,
            state: State::New,
            app: String::new(),
            tc_url: String::new(),
            stream_id: 0,
            out: Vec::new(),
            received: 0,
            acknowledged: 0,
            window: WINDOW_BYTES,
        }
    }

    /// Takes all of `bytes`, appending what they mean to `events`.
    ///
    /// # Errors
    /// When the connection can't go on. [`Self::take_output`] may still hold something worth sending.
    pub fn input(&mut self, mut bytes: &[u8], events: &mut Vec<Event>) -> Result<(), Error> {
        self.received = self.received.saturating_add(bytes.len().try_into().unwrap_or(u64::MAX));
        if self.handshake.is_some() {
            self.shake_hands(&mut bytes)?;
        }
        while self.state != State::Over
            && let Some(message) = self.reader.next(&mut bytes)?
        {
            self.message(message, events)?;
        }
        let before = self.limits.before_publish_bytes;
        let allowed = u64::try_from(before.saturating_add(HANDSHAKE_BYTES)).unwrap_or(u64::MAX);
        if matches!(self.state, State::New | State::Connected) && self.received > allowed {
            return Err(Error::TooMuchBeforePublish { limit_bytes: before });
        }
        self.acknowledge();
        Ok(())
    }

    fn shake_hands(&mut self, bytes: &mut &[u8]) -> Result<(), Error> {
        let Some(handshake) = &mut self.handshake else { return Ok(()) };
        // Never more than its own bytes, so that none of ours passes through its buffers.
        let before = self.received - u64::try_from(bytes.len()).unwrap_or(0);
        let missing = HANDSHAKE_BYTES.saturating_sub(usize::try_from(before).unwrap_or(usize::MAX));
        let (own, rest) = bytes.split_at(missing.min(bytes.len()));
        *bytes = rest;
        match handshake.process_bytes(own).map_err(|e| Error::Handshake(e.to_string()))? {
            HandshakeProcessResult::InProgress { response_bytes } => self.out.extend_from_slice(&response_bytes),
            HandshakeProcessResult::Completed { response_bytes, .. } => {
                self.out.extend_from_slice(&response_bytes);
                self.handshake = None;
            }
        }
        Ok(())
    }

    /// What is to be sent, if anything.
    pub fn take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }

    /// Bytes held for messages under way and for output.
    #[must_use]
    pub fn buffered_bytes(&self) -> usize {
        self.reader.buffered_bytes() + self.out.capacity()
    }

    /// Whether nothing more will be taken.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.state == State::Over
    }

    /// Answers [`Event::Publish`]: go ahead.
    pub fn accept(&mut self) {
        if self.state == State::Asked {
            self.state = State::Publishing;
            self.reader.set_max_message(self.limits.message_bytes);
            Reply::new(&mut self.out).stream_begin(self.stream_id);
            Reply::new(&mut self.out).status(self.stream_id, "status", "NetStream.Publish.Start", "On air.");
        }
    }

    /// Answers [`Event::Publish`]: no. The text is what encoders show; nothing more is taken.
    pub fn refuse(&mut self, text: &str) {
        Reply::new(&mut self.out).status(self.stream_id, "error", "NetStream.Publish.BadName", text);
        self.state = State::Over;
    }

    /// Ends an accepted contribution because of what it sent; encoders show the text.
    pub fn fail(&mut self, text: &str) {
        Reply::new(&mut self.out).status(self.stream_id, "error", "NetStream.Failed", text);
        self.state = State::Over;
    }

    /// Ends an accepted contribution because the server wants it to end.
    pub fn end(&mut self, text: &str) {
        Reply::new(&mut self.out).status(self.stream_id, "status", "NetStream.Unpublish.Success", text);
        self.state = State::Over;
    }

    fn message(&mut self, message: Message, events: &mut Vec<Event>) -> Result<(), Error> {
        match message.kind {
            kind::AUDIO | kind::VIDEO => self.media(message.kind, message.timestamp, message.payload, events),
            kind::AGGREGATE => self.aggregate(message, events),
            kind::COMMAND_AMF0 | kind::COMMAND_AMF3 => self.command(&message, events)?,
            kind::DATA_AMF0 | kind::DATA_AMF3 => events.extend(self.metadata(&message)),
            kind::USER_CONTROL => {
                // Ping request (section 7.1.7): answered with its own timestamp.
                if let Some(&[0, 6, a, b, c, d]) = message.payload.first_chunk::<6>() {
                    Reply::new(&mut self.out).ping_response([a, b, c, d]);
                }
            }
            kind::WINDOW_ACK_SIZE => {
                let window = chunk::control_u32(&message)?;
                if window > 0 {
                    self.window = window;
                }
            }
            // Acknowledgements, bandwidth, shared objects, and what nobody defined.
            _ => {}
        }
        Ok(())
    }

    fn media(&self, kind: u8, timestamp: u32, payload: Bytes, events: &mut Vec<Event>) {
        if matches!(self.state, State::Asked | State::Publishing) {
            events.push(Event::Media(Media { is_video: kind == kind::VIDEO, timestamp, payload }));
        }
    }

    /// FLV tags after each other (section 7.1.6), whose times count from the first one's.
    fn aggregate(&self, message: Message, events: &mut Vec<Event>) {
        const TAG_HEADER: usize = 11;
        let mut rest = message.payload;
        let mut first_time = None;
        while let Some(&[kind, l0, l1, l2, t0, t1, t2, t3, ..]) = rest.first_chunk::<TAG_HEADER>() {
            let length = usize::try_from(u32::from_be_bytes([0, l0, l1, l2])).unwrap_or(usize::MAX);
            // The upper byte stands last.
            let time = u32::from_be_bytes([t3, t0, t1, t2]);
            let time = message.timestamp.wrapping_add(time.wrapping_sub(*first_time.get_or_insert(time)));
            rest.advance(TAG_HEADER);
            if length > rest.len() {
                return;
            }
            let body = rest.split_to(length);
            if matches!(kind, kind::AUDIO | kind::VIDEO) {
                self.media(kind, time, body, events);
            }
            // The back pointer; the last tag may lack it.
            rest.advance(rest.len().min(4));
        }
    }

    /// Nothing in metadata is relied on: it is often wrong. Malformed metadata is passed over.
    fn metadata(&self, message: &Message) -> Option<Event> {
        if self.state != State::Publishing || message.payload.len() > MAX_COMMAND_BYTES {
            return None;
        }
        let values = amf0::decode(command::without_amf3_prefix(message)).ok()?;
        let encoder = values.iter().find_map(|v| v.get("encoder")).and_then(amf0::Value::as_str);
        // Enough for every real name; this is a text from outside that ends in a log.
        let encoder = encoder.map(|e| e.chars().filter(|c| !c.is_control()).take(100).collect());
        Some(Event::Metadata { encoder })
    }

    /// Cumulative, modulo 2^32 (section 5.4.3). At most one for each input, however small a window the peer asks for.
    fn acknowledge(&mut self) {
        if self.received - self.acknowledged >= u64::from(self.window) && self.handshake.is_none() {
            self.acknowledged = self.received;
            let low = self.received & u64::from(u32::MAX);
            Reply::new(&mut self.out).acknowledgement(u32::try_from(low).unwrap_or(0));
        }
    }
}

#[cfg(test)]
mod tests;
