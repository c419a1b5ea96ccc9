//! The commands (section 7.2) and how each is answered.

use super::{Error, Event, MAX_COMMAND_BYTES, Request, Session, State, WINDOW_BYTES};
use crate::ingest::rtmp::amf0::{self, Value};
use crate::ingest::rtmp::chunk::{self, Message, kind};

/// Chunk stream of protocol control messages (section 5.3.1.1).
const CONTROL_STREAM: u8 = 2;
/// Chunk stream of our commands; 3 is what everybody uses.
const COMMAND_STREAM: u8 = 3;
/// We never announce another chunk size: replies are small.
const REPLY_CHUNK_SIZE: usize = 128;
/// The one message stream that `createStream` hands out: a connection publishes once.
const STREAM_ID: u32 = 1;

/// AMF3 messages begin with a byte that says which format follows; encoders send 0, then AMF0.
pub(super) fn without_amf3_prefix(message: &Message) -> &[u8] {
    let is_amf3 = matches!(message.kind, kind::COMMAND_AMF3 | kind::DATA_AMF3);
    match message.payload.split_first() {
        Some((0, rest)) if is_amf3 => rest,
        _ => &message.payload,
    }
}

impl Session {
    pub(super) fn command(&mut self, message: &Message, events: &mut Vec<Event>) -> Result<(), Error> {
        let length_bytes = message.payload.len();
        if length_bytes > MAX_COMMAND_BYTES {
            return Err(Error::CommandTooLong { length_bytes });
        }
        let values = amf0::decode(without_amf3_prefix(message))?;
        // A command without a name or a transaction is nobody's question.
        let Some(name) = values.first().and_then(Value::as_str) else { return Ok(()) };
        let transaction = values.get(1).and_then(Value::as_number).unwrap_or(0.0);
        let mut reply = Reply::new(&mut self.out);
        match name {
            "connect" => {
                if self.state != State::New {
                    return Err(Error::OutOfOrder("connect"));
                }
                let text = |field| values.get(2).and_then(|o| o.get(field)).and_then(Value::as_str).unwrap_or("");
                text("app").clone_into(&mut self.app);
                text("tcUrl").clone_into(&mut self.tc_url);
                self.state = State::Connected;
                reply.connected(transaction);
            }
            "createStream" => reply.result(transaction, Value::Number(f64::from(STREAM_ID))),
            // Answered because some encoders wait for it; what they ask for needs nothing done.
            "releaseStream" | "FCPublish" | "_checkbw" => reply.result(transaction, Value::Null),
            "publish" => {
                if self.state != State::Connected {
                    return Err(Error::OutOfOrder("publish"));
                }
                self.stream_id = message.stream_id;
                self.state = State::Asked;
                events.push(Event::Publish(Request {
                    app: std::mem::take(&mut self.app),
                    tc_url: std::mem::take(&mut self.tc_url),
                    name: values.get(3).and_then(Value::as_str).unwrap_or("").to_owned(),
                }));
            }
            "play" | "play2" => {
                let text = "This server takes streams by RTMP; it plays them by HLS.";
                reply.status(message.stream_id, "error", "NetStream.Play.StreamNotFound", text);
            }
            "FCUnpublish" | "deleteStream" | "closeStream"
                if matches!(self.state, State::Asked | State::Publishing) =>
            {
                if transaction > 0.0 && name == "FCUnpublish" {
                    reply.result(transaction, Value::Null);
                }
                self.end("Off air.");
                events.push(Event::Unpublish);
            }
            _ => {}
        }
        Ok(())
    }
}

/// Writes answers.
pub(super) struct Reply<'a>(&'a mut Vec<u8>);

impl<'a> Reply<'a> {
    pub(super) fn new(out: &'a mut Vec<u8>) -> Self {
        Self(out)
    }

    fn connected(&mut self, transaction: f64) {
        self.control(kind::WINDOW_ACK_SIZE, &WINDOW_BYTES.to_be_bytes());
        // 2: dynamic, the peer may choose to be limited by it (section 5.4.5).
        self.control(kind::SET_PEER_BANDWIDTH, &[&WINDOW_BYTES.to_be_bytes()[..], &[2]].concat());
        let text = |s: &str| Value::String(s.to_owned());
        // Encoders parse the version's shape; this one is what they know from Adobe's server and nginx-rtmp.
        let properties =
            vec![("fmsVer".to_owned(), text("FMS/3,0,1,123")), ("capabilities".to_owned(), Value::Number(31.0))];
        let information = vec![
            ("level".to_owned(), text("status")),
            ("code".to_owned(), text("NetConnection.Connect.Success")),
            ("description".to_owned(), text("Connection succeeded.")),
            ("objectEncoding".to_owned(), Value::Number(0.0)),
        ];
        let values =
            [text("_result"), Value::Number(transaction), Value::Object(properties), Value::Object(information)];
        self.command(0, &values);
    }

    fn result(&mut self, transaction: f64, value: Value) {
        self.command(0, &[Value::String("_result".to_owned()), Value::Number(transaction), Value::Null, value]);
    }

    pub(super) fn status(&mut self, stream_id: u32, level: &str, code: &str, description: &str) {
        let field = |name: &str, value: &str| (name.to_owned(), Value::String(value.to_owned()));
        let information = vec![field("level", level), field("code", code), field("description", description)];
        let on_status = Value::String("onStatus".to_owned());
        self.command(stream_id, &[on_status, Value::Number(0.0), Value::Null, Value::Object(information)]);
    }

    pub(super) fn stream_begin(&mut self, stream_id: u32) {
        self.control(kind::USER_CONTROL, &[&[0, 0][..], &stream_id.to_be_bytes()].concat());
    }

    pub(super) fn ping_response(&mut self, timestamp: [u8; 4]) {
        self.control(kind::USER_CONTROL, &[&[0, 7][..], &timestamp].concat());
    }

    pub(super) fn acknowledgement(&mut self, received: u32) {
        self.control(kind::ACKNOWLEDGEMENT, &received.to_be_bytes());
    }

    fn control(&mut self, kind: u8, payload: &[u8]) {
        let message = Message { kind, timestamp: 0, stream_id: 0, payload: payload.to_vec().into() };
        chunk::write(self.0, CONTROL_STREAM, REPLY_CHUNK_SIZE, &message);
    }

    fn command(&mut self, stream_id: u32, values: &[Value]) {
        let mut payload = Vec::with_capacity(256);
        values.iter().for_each(|v| amf0::encode(v, &mut payload));
        let message = Message { kind: kind::COMMAND_AMF0, timestamp: 0, stream_id, payload: payload.into() };
        chunk::write(self.0, COMMAND_STREAM, REPLY_CHUNK_SIZE, &message);
    }
}
