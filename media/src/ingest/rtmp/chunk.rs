//! Chunks ↔ messages (Adobe RTMP 1.0, section 5.3). Pure.
//!
//! # Promises
//! - One buffer per chunk stream: messages interleaved chunk by chunk come out whole.
//! - A payload byte is copied once, from the caller's read buffer into its message; there is no allocation per chunk.
//! - What a connection can make us hold is bounded: [`MAX_CHUNK_STREAMS`], the limit on one message, and
//!   [`SPARE_BYTES`] more for all messages under way together. Announced lengths count against it, not only bytes that came.
//! - Set Chunk Size and Abort are obeyed here; every other message is handed out.

use bytes::{Bytes, BytesMut};

/// Most chunk streams a peer may open. Encoders use 3 to 6.
pub const MAX_CHUNK_STREAMS: usize = 64;
/// What messages under way may hold beyond one message of the greatest size: room for sound and commands that
/// are interleaved with a large picture.
pub const SPARE_BYTES: usize = 1 << 20;
/// Section 5.4.1: until the peer sets another.
const DEFAULT_CHUNK_SIZE: usize = 128;
/// In the 3-byte field: the time stands in 4 bytes after the header.
const EXTENDED: u32 = 0xFF_FFFF;
/// Basic header of 3 bytes, message header of 11, extended timestamp of 4.
const MAX_HEADER: usize = 18;
/// A buffer at first; grown to the announced length when more than this has really come, so that an announcement
/// alone costs a peer more than it costs us.
const FIRST_RESERVE: usize = 16 << 10;

/// Message type ids (sections 5.4 and 7.1).
pub mod kind {
    /// Set Chunk Size.
    pub const SET_CHUNK_SIZE: u8 = 1;
    /// Abort Message.
    pub const ABORT: u8 = 2;
    /// Acknowledgement.
    pub const ACKNOWLEDGEMENT: u8 = 3;
    /// User Control.
    pub const USER_CONTROL: u8 = 4;
    /// Window Acknowledgement Size.
    pub const WINDOW_ACK_SIZE: u8 = 5;
    /// Set Peer Bandwidth.
    pub const SET_PEER_BANDWIDTH: u8 = 6;
    /// FLV audio.
    pub const AUDIO: u8 = 8;
    /// FLV video.
    pub const VIDEO: u8 = 9;
    /// AMF3 data: a zero byte, then AMF0.
    pub const DATA_AMF3: u8 = 15;
    /// AMF3 command: a zero byte, then AMF0.
    pub const COMMAND_AMF3: u8 = 17;
    /// AMF0 data (metadata).
    pub const DATA_AMF0: u8 = 18;
    /// AMF0 command.
    pub const COMMAND_AMF0: u8 = 20;
    /// Aggregate: several FLV tags in one message.
    pub const AGGREGATE: u8 = 22;
}

/// Why the bytes can't be a chunk stream that we take. The connection is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A message announces more bytes than the limit.
    #[error("message of {length_bytes} bytes; the limit is {limit_bytes}")]
    MessageTooLong {
        /// As announced.
        length_bytes: usize,
        /// What is allowed now.
        limit_bytes: usize,
    },
    /// Messages under way hold more than the limit together.
    #[error("more than {limit_bytes} bytes of unfinished messages")]
    TooMuchUnfinished {
        /// What is allowed now.
        limit_bytes: usize,
    },
    /// More than [`MAX_CHUNK_STREAMS`].
    #[error("more than {MAX_CHUNK_STREAMS} chunk streams")]
    TooManyChunkStreams,
    /// The first chunk of a chunk stream leaves out what only an earlier one could tell.
    #[error("chunk stream {id} begins with a header of type {format}")]
    NoEarlierHeader {
        /// Chunk stream id.
        id: u32,
        /// 1, 2 or 3.
        format: u8,
    },
    /// A new message begins on a chunk stream whose last one is unfinished.
    #[error("chunk stream {id} begins a message inside another")]
    Interrupted {
        /// Chunk stream id.
        id: u32,
    },
    /// Zero, or the reserved bit set.
    #[error("chunk size {0}")]
    ChunkSize(u32),
    /// A protocol control message of the wrong length.
    #[error("control message {kind} of {length_bytes} bytes")]
    Control {
        /// Message type id.
        kind: u8,
        /// Its length.
        length_bytes: usize,
    },
}

/// One whole message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Message type id, see [`kind`].
    pub kind: u8,
    /// Milliseconds, modulo 2^32.
    pub timestamp: u32,
    /// Message stream id: 0 for the connection itself.
    pub stream_id: u32,
    /// What it carries; may be empty.
    pub payload: Bytes,
}

/// What one chunk stream remembers.
#[derive(Debug)]
struct ChunkStream {
    id: u32,
    kind: u8,
    stream_id: u32,
    length: usize,
    timestamp: u32,
    /// Added when a type 3 header begins a message.
    delta: u32,
    /// The 4-byte field of the last header, if it had one.
    extended: Option<u32>,
    /// Between a message's first chunk and its last.
    under_way: bool,
    payload: BytesMut,
}

/// Chunks in, messages out.
#[derive(Debug)]
pub struct Reader {
    streams: Vec<ChunkStream>,
    chunk_size: usize,
    max_message: usize,
    /// Sum of the announced lengths of all messages under way.
    unfinished: usize,
    /// Bytes of a header that came in pieces.
    head: [u8; MAX_HEADER],
    head_len: usize,
    /// The chunk whose payload is being read: index of its stream, bytes to come.
    chunk: Option<(usize, usize)>,
}

/// A header, understood.
struct Header {
    /// Index in `streams`.
    stream: usize,
    /// Bytes it took.
    len: usize,
}

impl Reader {
    /// A reader that takes messages of up to `max_message` bytes.
    #[must_use]
    pub fn new(max_message: usize) -> Self {
        Self {
            streams: Vec::new(),
            chunk_size: DEFAULT_CHUNK_SIZE,
            max_message,
            unfinished: 0,
            head: [0; MAX_HEADER],
            head_len: 0,
            chunk: None,
        }
    }

    /// From now on, messages of up to `max_message` bytes.
    pub fn set_max_message(&mut self, max_message: usize) {
        self.max_message = max_message;
    }

    /// Bytes reserved for messages under way. Never above the message limit plus [`SPARE_BYTES`].
    #[must_use]
    pub fn buffered_bytes(&self) -> usize {
        self.streams.iter().map(|s| s.payload.capacity()).sum()
    }

    /// Takes bytes from the front of `input` until a message is whole; `None`: all was taken, more is needed.
    ///
    /// # Errors
    /// When the bytes break the protocol or a limit. The reader must not be used after that.
    pub fn next(&mut self, input: &mut &[u8]) -> Result<Option<Message>, Error> {
        loop {
            if self.chunk.is_none() && !self.read_header(input)? {
                return Ok(None);
            }
            if let Some((stream, left)) = self.chunk {
                let left = left - self.append_head(stream, left);
                let n = left.min(input.len());
                let (now, later) = input.split_at(n);
                self.append(stream, now);
                *input = later;
                if n < left {
                    self.chunk = Some((stream, left - n));
                    return Ok(None);
                }
                self.chunk = None;
                if let Some(message) = self.finish(stream)? {
                    return Ok(Some(message));
                }
            }
        }
    }

    /// `false` when the header is not whole yet (and `input` is used up).
    fn read_header(&mut self, input: &mut &[u8]) -> Result<bool, Error> {
        let before = self.head_len;
        if input.is_empty() && before == 0 {
            return Ok(false);
        }
        let header = if before == 0 && input.len() >= MAX_HEADER {
            self.parse_header(&input[..MAX_HEADER])?
        } else {
            let n = (MAX_HEADER - before).min(input.len());
            self.head[before..before + n].copy_from_slice(&input[..n]);
            let head = self.head;
            let header = self.parse_header(&head[..before + n])?;
            if header.is_none() {
                self.head_len = before + n;
            }
            header
        };
        let Some(header) = header else {
            *input = &[];
            return Ok(false);
        };
        match header.len.checked_sub(before) {
            Some(taken) => {
                *input = &input[taken..];
                self.head_len = 0;
            }
            // What was kept as a possible extended timestamp turned out to be payload.
            None => self.shift_head(header.len),
        }
        let s = &self.streams[header.stream];
        self.chunk = Some((header.stream, self.chunk_size.min(s.length - s.payload.len())));
        Ok(true)
    }

    /// Understands one chunk's header; `None` when `b` ends inside it, and then nothing is changed.
    fn parse_header(&mut self, b: &[u8]) -> Result<Option<Header>, Error> {
        let Some((format, id, at)) = basic_header(b) else { return Ok(None) };
        let known = self.streams.iter().position(|s| s.id == id);
        let fields = [11, 7, 3, 0][usize::from(format)];
        let Some(h) = b.get(at..at + fields) else { return Ok(None) };
        let mut len = at + fields;

        let field = if format == 3 { None } else { Some(be24(&h[..3])) };
        let earlier = known.map(|i| &self.streams[i]);
        let has_extended = match field {
            Some(field) => field == EXTENDED,
            None => earlier.is_some_and(|s| s.extended.is_some()),
        };
        let mut extended = None;
        if has_extended {
            let x = &b[len..b.len().min(len + 4)];
            // Inside a message, some encoders repeat the field and some do not: it is there when it reads the same.
            let continued = earlier.filter(|s| format == 3 && s.under_way);
            let is_payload = continued.is_some_and(|s| {
                let repeated = s.extended.is_some_and(|e| e.to_be_bytes().starts_with(x));
                !repeated && !s.timestamp.to_be_bytes().starts_with(x)
            });
            if !is_payload {
                let Some(x) = x.first_chunk::<4>() else { return Ok(None) };
                extended = Some(u32::from_be_bytes(*x));
                len += 4;
            }
        }

        let stream = match known {
            Some(i) => i,
            None if format != 0 => return Err(Error::NoEarlierHeader { id, format }),
            None if self.streams.len() == MAX_CHUNK_STREAMS => return Err(Error::TooManyChunkStreams),
            None => {
                self.streams.push(ChunkStream::new(id));
                self.streams.len() - 1
            }
        };
        let s = &mut self.streams[stream];
        if s.under_way {
            return if format == 3 { Ok(Some(Header { stream, len })) } else { Err(Error::Interrupted { id }) };
        }
        if let Some(field) = field {
            let time = extended.unwrap_or(field);
            s.extended = extended;
            s.delta = time;
            s.timestamp = if format == 0 { time } else { s.timestamp.wrapping_add(time) };
        } else {
            // Section 5.3.1.2.4: after a type 0, its timestamp is the delta.
            let delta = extended.unwrap_or(s.delta);
            s.timestamp = s.timestamp.wrapping_add(delta);
        }
        if format <= 1 {
            s.length = usize::try_from(be24(&h[3..6])).unwrap_or(usize::MAX);
            s.kind = h[6];
        }
        if format == 0 {
            s.stream_id = u32::from_le_bytes([h[7], h[8], h[9], h[10]]);
        }
        if s.length > self.max_message {
            return Err(Error::MessageTooLong { length_bytes: s.length, limit_bytes: self.max_message });
        }
        s.under_way = true;
        self.unfinished += s.length;
        let limit_bytes = self.max_message + SPARE_BYTES;
        if self.unfinished > limit_bytes {
            return Err(Error::TooMuchUnfinished { limit_bytes });
        }
        Ok(Some(Header { stream, len }))
    }

    /// Moves payload that was kept as a possible header to its message; how many bytes.
    fn append_head(&mut self, stream: usize, left: usize) -> usize {
        let n = left.min(self.head_len);
        if n > 0 {
            let head = self.head;
            self.append(stream, &head[..n]);
            self.shift_head(n);
        }
        n
    }

    fn shift_head(&mut self, n: usize) {
        self.head.copy_within(n..self.head_len, 0);
        self.head_len -= n;
    }

    fn append(&mut self, stream: usize, bytes: &[u8]) {
        let s = &mut self.streams[stream];
        let have = s.payload.len();
        if have + bytes.len() > s.payload.capacity() {
            // Exactly the message's length in one go, or a small start of a long one that has yet to come.
            let want = if have == 0 { s.length.min(FIRST_RESERVE.max(bytes.len())) } else { s.length };
            if have == 0 {
                s.payload = BytesMut::with_capacity(want);
            } else {
                let mut whole = BytesMut::with_capacity(want);
                whole.extend_from_slice(&s.payload);
                s.payload = whole;
            }
        }
        s.payload.extend_from_slice(bytes);
    }

    /// After a chunk: the message, if that was its last chunk and the message is not for this layer.
    fn finish(&mut self, stream: usize) -> Result<Option<Message>, Error> {
        let s = &mut self.streams[stream];
        if s.payload.len() < s.length {
            return Ok(None);
        }
        s.under_way = false;
        self.unfinished -= s.length;
        let payload = std::mem::take(&mut s.payload).freeze();
        let message = Message { kind: s.kind, timestamp: s.timestamp, stream_id: s.stream_id, payload };
        match message.kind {
            kind::SET_CHUNK_SIZE => {
                let size = control_u32(&message)?;
                if size == 0 || size > 0x7FFF_FFFF {
                    return Err(Error::ChunkSize(size));
                }
                self.chunk_size = usize::try_from(size).unwrap_or(usize::MAX);
                Ok(None)
            }
            kind::ABORT => {
                let id = control_u32(&message)?;
                if let Some(s) = self.streams.iter_mut().find(|s| s.id == id && s.under_way) {
                    s.under_way = false;
                    s.payload = BytesMut::new();
                    self.unfinished -= s.length;
                }
                Ok(None)
            }
            _ => Ok(Some(message)),
        }
    }
}

impl ChunkStream {
    fn new(id: u32) -> Self {
        Self {
            id,
            kind: 0,
            stream_id: 0,
            length: 0,
            timestamp: 0,
            delta: 0,
            extended: None,
            under_way: false,
            payload: BytesMut::new(),
        }
    }
}

/// Format, chunk stream id, length of this header (section 5.3.1.1).
fn basic_header(b: &[u8]) -> Option<(u8, u32, usize)> {
    let first = *b.first()?;
    let format = first >> 6;
    Some(match first & 0x3F {
        0 => (format, 64 + u32::from(*b.get(1)?), 2),
        1 => (format, 64 + u32::from(*b.get(1)?) + 256 * u32::from(*b.get(2)?), 3),
        id => (format, u32::from(id), 1),
    })
}

fn be24(b: &[u8]) -> u32 {
    b.iter().fold(0, |n, b| (n << 8) | u32::from(*b))
}

/// The number that a protocol control message is.
///
/// # Errors
/// When the payload has fewer than 4 bytes.
pub fn control_u32(message: &Message) -> Result<u32, Error> {
    match message.payload.first_chunk::<4>() {
        Some(b) => Ok(u32::from_be_bytes(*b)),
        None => Err(Error::Control { kind: message.kind, length_bytes: message.payload.len() }),
    }
}

/// Appends `message` to `out` as chunks of `chunk_size` bytes on chunk stream `id` (2 to 63), all fields written out.
///
/// Nothing is remembered between messages, so they may be written in any order.
pub fn write(out: &mut Vec<u8>, id: u8, chunk_size: usize, message: &Message) {
    let extended = message.timestamp >= EXTENDED;
    let first = id & 0x3F;
    out.push(first);
    out.extend_from_slice(&message.timestamp.min(EXTENDED).to_be_bytes()[1..]);
    out.extend_from_slice(&u32::try_from(message.payload.len()).unwrap_or(u32::MAX).to_be_bytes()[1..]);
    out.push(message.kind);
    out.extend_from_slice(&message.stream_id.to_le_bytes());
    let put_extended = |out: &mut Vec<u8>| {
        if extended {
            out.extend_from_slice(&message.timestamp.to_be_bytes());
        }
    };
    put_extended(out);
    for (i, part) in message.payload.chunks(chunk_size.max(1)).enumerate() {
        if i > 0 {
            out.push(0xC0 | first);
            put_extended(out);
        }
        out.extend_from_slice(part);
    }
}

#[cfg(test)]
mod tests;
