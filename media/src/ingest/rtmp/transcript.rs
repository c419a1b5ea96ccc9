//! What encoders send, for the tests of this folder: ffmpeg's bytes as recorded, OBS's order of commands as librtmp sends them.
//! Both begin after the handshake.

use super::amf0::{self, Value};
use super::chunk::{self, Message, kind};

/// ffmpeg 5.1: 10 pictures of 64x36 with B-frames, 0.4 s of sound, to `live/hall?key=good`.
pub(super) const FFMPEG: &[u8] = include_bytes!("../testdata/ffmpeg_publish.bin");

/// x264, 640x360.
pub(super) const AVCC: &[u8] = &[
    0x01, 0x4d, 0x40, 0x1e, 0xff, 0xe1, 0x00, 0x18, 0x67, 0x4d, 0x40, 0x1e, 0xec, 0xa0, 0x50, 0x17, 0xfc, 0xb8, 0x08,
    0x80, 0x00, 0x00, 0x03, 0x00, 0x80, 0x00, 0x00, 0x1e, 0x07, 0x8b, 0x16, 0xcb, 0x01, 0x00, 0x05, 0x68, 0xeb, 0xe3,
    0xcb, 0x20,
];

/// Messages on their way to the wire.
#[derive(Default)]
pub(super) struct Wire {
    pub bytes: Vec<u8>,
    chunk_size: Option<usize>,
}

impl Wire {
    pub(super) fn message(&mut self, chunk_stream: u8, kind: u8, timestamp: u32, stream_id: u32, payload: Vec<u8>) {
        let message = Message { kind, timestamp, stream_id, payload: payload.into() };
        chunk::write(&mut self.bytes, chunk_stream, self.chunk_size.unwrap_or(128), &message);
    }

    pub(super) fn command(&mut self, stream_id: u32, name: &str, transaction: f64, arguments: &[Value]) {
        let mut payload = Vec::new();
        amf0::encode(&text(name), &mut payload);
        amf0::encode(&Value::Number(transaction), &mut payload);
        arguments.iter().for_each(|v| amf0::encode(v, &mut payload));
        self.message(3, kind::COMMAND_AMF0, 0, stream_id, payload);
    }

    pub(super) fn chunk_size(&mut self, size: u32) {
        self.message(2, kind::SET_CHUNK_SIZE, 0, 0, size.to_be_bytes().to_vec());
        self.chunk_size = usize::try_from(size).ok();
    }

    pub(super) fn connect(&mut self, app: &str) {
        let field = |name: &str, value: &str| (name.to_owned(), text(value));
        let object = vec![
            field("app", app),
            field("type", "nonprivate"),
            field("flashVer", "FMLE/3.0 (compatible; FMSc/1.0)"),
            field("swfUrl", &format!("rtmp://127.0.0.1/{app}")),
            field("tcUrl", &format!("rtmp://127.0.0.1/{app}")),
        ];
        self.command(0, "connect", 1.0, &[Value::Object(object)]);
    }

    pub(super) fn publish(&mut self, name: &str) {
        self.command(1, "publish", 5.0, &[Value::Null, text(name), text("live")]);
    }
}

pub(super) fn text(s: &str) -> Value {
    Value::String(s.to_owned())
}

/// OBS, up to and with `publish`.
pub(super) fn obs_until_publish() -> Wire {
    let mut w = Wire::default();
    w.connect("live");
    w.chunk_size(4096);
    let name = "hall?key=good";
    w.command(0, "releaseStream", 2.0, &[Value::Null, text(name)]);
    w.command(0, "FCPublish", 3.0, &[Value::Null, text(name)]);
    w.command(0, "createStream", 4.0, &[Value::Null]);
    w.command(0, "_checkbw", 0.0, &[Value::Null]);
    w.publish(name);
    w
}

/// OBS: metadata, headers, 12 pictures with sound, and the goodbye.
pub(super) fn obs() -> Vec<u8> {
    let mut w = obs_until_publish();
    let mut metadata = Vec::new();
    let values =
        [text("@setDataFrame"), text("onMetaData"), Value::Object(vec![("encoder".into(), text("obs-output"))])];
    values.iter().for_each(|v| amf0::encode(v, &mut metadata));
    w.message(4, kind::DATA_AMF0, 0, 1, metadata);
    w.message(4, kind::VIDEO, 0, 1, [&[0x17, 0, 0, 0, 0], AVCC].concat());
    w.message(4, kind::AUDIO, 0, 1, vec![0xAF, 0, 0x11, 0x90]);
    for n in 0..12u32 {
        let nal =
            if n % 6 == 0 { [0x17, 1, 0, 0, 80, 0, 0, 0, 90, 0x65] } else { [0x27, 1, 0, 0, 80, 0, 0, 0, 90, 0x41] };
        let mut body = nal.to_vec();
        body.resize(5 + 4 + 90, 0x88);
        w.message(4, kind::VIDEO, n * 33, 1, body);
        w.message(4, kind::AUDIO, n * 33, 1, [&[0xAF, 1][..], &[0x21; 40]].concat());
    }
    w.command(0, "FCUnpublish", 6.0, &[Value::Null, text("hall?key=good")]);
    w.command(0, "deleteStream", 7.0, &[Value::Null, Value::Number(1.0)]);
    w.bytes
}
