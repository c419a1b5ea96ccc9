//! Publishers that send exactly what a test wants: rml_rtmp's client session, and bare bytes after a handshake.

use rml_rtmp::handshake::{Handshake, HandshakeProcessResult, PeerType};
use rml_rtmp::sessions::{
    ClientSession, ClientSessionConfig, ClientSessionEvent as Event, ClientSessionResult as ResultOf,
    PublishRequestType,
};
use rml_rtmp::time::RtmpTimestamp;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

/// x264, 640x360.
pub(crate) const AVCC: &[u8] = &[
    0x01, 0x4d, 0x40, 0x1e, 0xff, 0xe1, 0x00, 0x18, 0x67, 0x4d, 0x40, 0x1e, 0xec, 0xa0, 0x50, 0x17, 0xfc, 0xb8, 0x08,
    0x80, 0x00, 0x00, 0x03, 0x00, 0x80, 0x00, 0x00, 0x1e, 0x07, 0x8b, 0x16, 0xcb, 0x01, 0x00, 0x05, 0x68, 0xeb, 0xe3,
    0xcb, 0x20,
];

/// A connection from `from` (port 0 of a loopback address).
pub(crate) async fn connect(from: &str, to: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(from.parse().unwrap())?;
    socket.connect(to).await
}

/// Goes through the handshake.
pub(crate) async fn shake_hands(stream: &mut TcpStream) -> Vec<u8> {
    let mut handshake = Handshake::new(PeerType::Client);
    stream.write_all(&handshake.generate_outbound_p0_and_p1().unwrap()).await.unwrap();
    let mut buffer = [0; 4096];
    loop {
        let n = stream.read(&mut buffer).await.unwrap();
        assert!(n > 0, "closed in the handshake");
        match handshake.process_bytes(&buffer[..n]).unwrap() {
            HandshakeProcessResult::InProgress { response_bytes } => stream.write_all(&response_bytes).await.unwrap(),
            HandshakeProcessResult::Completed { response_bytes, remaining_bytes } => {
                stream.write_all(&response_bytes).await.unwrap();
                return remaining_bytes;
            }
        }
    }
}

pub(crate) struct Client {
    stream: TcpStream,
    session: ClientSession,
}

impl Client {
    /// Publishes as `live/hall?key=good` with this chunk size.
    pub(crate) async fn publish(to: SocketAddr, chunk_size: u32) -> Self {
        let mut stream = connect("127.0.0.1:0", to).await.unwrap();
        let rest = shake_hands(&mut stream).await;
        let config = ClientSessionConfig { chunk_size, ..ClientSessionConfig::new() };
        let (session, first) = ClientSession::new(config).unwrap();
        let mut client = Self { stream, session };
        client.send(first).await;
        client.take(&rest).await;
        let request = client.session.request_connection("live".into()).unwrap();
        client.send(vec![request]).await;
        client.until(&Event::ConnectionRequestAccepted).await;
        let request = client.session.request_publishing("hall?key=good".into(), PublishRequestType::Live).unwrap();
        client.send(vec![request]).await;
        client.until(&Event::PublishRequestAccepted).await;
        client
    }

    pub(crate) async fn video(&mut self, timestamp: u32, body: Vec<u8>) {
        let r = self.session.publish_video_data(body.into(), RtmpTimestamp::new(timestamp), false).unwrap();
        self.send(vec![r]).await;
    }

    pub(crate) async fn audio(&mut self, timestamp: u32, body: Vec<u8>) {
        let r = self.session.publish_audio_data(body.into(), RtmpTimestamp::new(timestamp), false).unwrap();
        self.send(vec![r]).await;
    }

    /// Unpublishes and closes in good order: closing with unread answers would reset the connection.
    pub(crate) async fn stop(mut self) {
        let results = self.session.stop_publishing().unwrap();
        self.send(results).await;
        self.stream.shutdown().await.unwrap();
        let mut buffer = [0; 4096];
        while matches!(self.stream.read(&mut buffer).await, Ok(1..)) {}
    }

    pub(crate) fn into_stream(self) -> TcpStream {
        self.stream
    }

    async fn until(&mut self, event: &Event) {
        let mut buffer = [0; 4096];
        loop {
            let n = self.stream.read(&mut buffer).await.unwrap();
            assert!(n > 0, "closed before {event:?}");
            if self.take(&buffer[..n]).await.contains(event) {
                return;
            }
        }
    }

    async fn take(&mut self, bytes: &[u8]) -> Vec<Event> {
        let results = self.session.handle_input(bytes).unwrap();
        self.send(results).await
    }

    async fn send(&mut self, results: Vec<ResultOf>) -> Vec<Event> {
        let mut events = Vec::new();
        for result in results {
            match result {
                ResultOf::OutboundResponse(packet) => self.stream.write_all(&packet.bytes).await.unwrap(),
                ResultOf::RaisedEvent(event) => events.push(event),
                ResultOf::UnhandleableMessageReceived(_) => {}
            }
        }
        events
    }
}

/// A body with an H.264 sequence header.
pub(crate) fn header(avcc: &[u8]) -> Vec<u8> {
    [&[0x17, 0, 0, 0, 0], avcc].concat()
}

/// A body with one picture of `bytes` bytes.
pub(crate) fn picture(keyframe: bool, bytes: usize) -> Vec<u8> {
    let (tag, nal) = if keyframe { (0x17, 0x65) } else { (0x27, 0x41) };
    let length = u32::try_from(bytes).unwrap().to_be_bytes();
    let mut body = [&[tag, 1, 0, 0, 0][..], &length, &[nal]].concat();
    body.resize(body.len() + bytes - 1, 0x5A);
    body
}
