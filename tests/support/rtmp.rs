//! RTMP by hand: what an encoder says, as bytes that a test may bend.

use super::stream::PATIENCE;
use rml_rtmp::handshake::{Handshake, HandshakeProcessResult, PeerType};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

/// x264, 640x360: the body of a sequence header.
const AVCC: &[u8] = &[
    0x01, 0x4d, 0x40, 0x1e, 0xff, 0xe1, 0x00, 0x18, 0x67, 0x4d, 0x40, 0x1e, 0xec, 0xa0, 0x50, 0x17, 0xfc, 0xb8, 0x08,
    0x80, 0x00, 0x00, 0x03, 0x00, 0x80, 0x00, 0x00, 0x1e, 0x07, 0x8b, 0x16, 0xcb, 0x01, 0x00, 0x05, 0x68, 0xeb, 0xe3,
    0xcb, 0x20,
];

/// A connection from a loopback address of one's choice.
pub(crate) async fn connect(from: Ipv4Addr, to: SocketAddr) -> io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((from, 0).into())?;
    socket.connect(to).await
}

/// A connection that has gone through the handshake.
pub(crate) async fn shaken(from: Ipv4Addr, to: SocketAddr) -> io::Result<TcpStream> {
    let mut stream = connect(from, to).await?;
    let mut handshake = Handshake::new(PeerType::Client);
    stream.write_all(&handshake.generate_outbound_p0_and_p1().map_err(io::Error::other)?).await?;
    let mut buffer = [0; 4096];
    loop {
        let count = stream.read(&mut buffer).await?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        match handshake.process_bytes(&buffer[..count]).map_err(io::Error::other)? {
            HandshakeProcessResult::InProgress { response_bytes } => stream.write_all(&response_bytes).await?,
            HandshakeProcessResult::Completed { response_bytes, .. } => {
                stream.write_all(&response_bytes).await?;
                return Ok(stream);
            }
        }
    }
}

/// Everything up to and with `publish`, in one piece: nobody has to wait for answers.
pub(crate) fn until_publish(app: &str, name: &str) -> Vec<u8> {
    let mut connect = command("connect", 1.0);
    connect.push(3);
    for (field, value) in [("app", app), ("type", "nonprivate"), ("tcUrl", "rtmp://localhost/live")] {
        connect.extend_from_slice(&text(field)[1..]);
        connect.extend_from_slice(&text(value));
    }
    connect.extend_from_slice(&[0, 0, 9]);
    let create = [command("createStream", 2.0), vec![5]].concat();
    let publish = [command("publish", 3.0), vec![5], text(name), text("live")].concat();
    [message(3, 20, 0, 0, &connect), message(3, 20, 0, 0, &create), message(4, 20, 1, 0, &publish)].concat()
}

/// A second of pictures that look like H.264 from far away.
pub(crate) fn some_media() -> Vec<u8> {
    let mut out = message(6, 9, 1, 0, &[&[0x17, 0, 0, 0, 0], AVCC].concat());
    for n in 0..25_u32 {
        let (tag, nal) = if n == 0 { (0x17, 0x65) } else { (0x27, 0x41) };
        let body = [&[tag, 1, 0, 0, 0, 0, 0, 0, 40, nal][..], &[0x5A; 39]].concat();
        out.extend_from_slice(&message(6, 9, 1, n * 40, &body));
    }
    out
}

/// What the server says until it closes or has said `word`; panics when it does neither.
pub(crate) async fn hear(stream: &mut TcpStream, word: &str) -> String {
    let mut said = Vec::new();
    let listen = async {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = stream.read(&mut buffer).await {
            said.extend_from_slice(&buffer[..count]);
            if said.windows(word.len()).any(|w| w == word.as_bytes()) {
                break;
            }
        }
    };
    assert!(tokio::time::timeout(PATIENCE, listen).await.is_ok(), "neither {word} nor the end");
    String::from_utf8_lossy(&said).into_owned()
}

/// One message in chunks of 128 bytes.
pub(crate) fn message(chunk_stream: u8, kind: u8, stream: u32, timestamp: u32, payload: &[u8]) -> Vec<u8> {
    let mut out = vec![chunk_stream];
    out.extend_from_slice(&timestamp.to_be_bytes()[1..]);
    out.extend_from_slice(&u32::try_from(payload.len()).unwrap().to_be_bytes()[1..]);
    out.push(kind);
    out.extend_from_slice(&stream.to_le_bytes());
    for (n, piece) in payload.chunks(128).enumerate() {
        if n > 0 {
            out.push(0xC0 | chunk_stream);
        }
        out.extend_from_slice(piece);
    }
    out
}

fn text(value: &str) -> Vec<u8> {
    let length = u16::try_from(value.len()).unwrap().to_be_bytes();
    [&[2][..], &length, value.as_bytes()].concat()
}

fn command(name: &str, transaction: f64) -> Vec<u8> {
    [text(name), vec![0], transaction.to_be_bytes().to_vec()].concat()
}
