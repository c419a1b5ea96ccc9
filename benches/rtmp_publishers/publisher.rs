//! One RTMP publisher: rml_rtmp's client session on a socket, tags sent at the pace of their timestamps.

use super::peers::flv::Tag;
use bytes::Bytes;
use rml_rtmp::handshake::{Handshake, HandshakeProcessResult, PeerType};
use rml_rtmp::sessions::{
    ClientSession, ClientSessionConfig, ClientSessionEvent, ClientSessionResult, PublishRequestType,
};
use rml_rtmp::time::RtmpTimestamp;
use std::collections::VecDeque;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// From the first byte to "publish accepted", with 200 at once on a busy machine.
const CONNECT: Duration = Duration::from_secs(20);
/// What is sent in one go: tags due within this time. Encoders send a frame at a time, 30 a second.
const TICK: Duration = Duration::from_millis(33);

/// What one publisher did.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sent {
    /// Payload.
    pub bytes: u64,
    /// How late the latest tag was written.
    pub behind: Duration,
}

/// Publishes `tags` over and over from `begin` to `until`.
pub(crate) async fn publish(
    address: &str,
    app: &str,
    key: &str,
    tags: &[Tag],
    (begin, until): (Instant, Instant),
) -> Result<Sent, String> {
    tokio::time::sleep_until(begin.into()).await;
    let connect = async {
        let mut socket = TcpStream::connect(address).await.map_err(text)?;
        socket.set_nodelay(true).map_err(text)?;
        let left = handshake(&mut socket).await?;
        let session = open(&mut socket, left, address, app, key).await?;
        Ok::<_, String>((socket, session))
    };
    let (socket, session) = tokio::time::timeout(CONNECT, connect).await.map_err(|_| "no answer in time")??;
    send(socket, session, tags, until).await
}

fn text(error: impl std::fmt::Debug) -> String {
    format!("{error:?}")
}

async fn handshake(socket: &mut TcpStream) -> Result<Vec<u8>, String> {
    let mut handshake = Handshake::new(PeerType::Client);
    socket.write_all(&handshake.generate_outbound_p0_and_p1().map_err(text)?).await.map_err(text)?;
    let mut buffer = [0; 4096];
    loop {
        let got = socket.read(&mut buffer).await.map_err(text)?;
        if got == 0 {
            return Err("closed during the handshake".into());
        }
        match handshake.process_bytes(&buffer[..got]).map_err(text)? {
            HandshakeProcessResult::InProgress { response_bytes } => {
                socket.write_all(&response_bytes).await.map_err(text)?;
            }
            HandshakeProcessResult::Completed { response_bytes, remaining_bytes } => {
                socket.write_all(&response_bytes).await.map_err(text)?;
                return Ok(remaining_bytes);
            }
        }
    }
}

async fn open(
    socket: &mut TcpStream,
    left: Vec<u8>,
    address: &str,
    app: &str,
    key: &str,
) -> Result<ClientSession, String> {
    let mut config = ClientSessionConfig::new();
    config.tc_url = Some(format!("rtmp://{address}/{app}"));
    let (mut session, first) = ClientSession::new(config).map_err(text)?;
    let mut waiting: VecDeque<ClientSessionResult> = first.into();
    waiting.push_back(session.request_connection(app.to_owned()).map_err(text)?);
    waiting.extend(session.handle_input(&left).map_err(text)?);
    let mut buffer = [0; 4096];
    loop {
        while let Some(result) = waiting.pop_front() {
            match result {
                ClientSessionResult::OutboundResponse(packet) => socket.write_all(&packet.bytes).await.map_err(text)?,
                ClientSessionResult::RaisedEvent(ClientSessionEvent::ConnectionRequestAccepted) => {
                    let publish = session.request_publishing(key.to_owned(), PublishRequestType::Live);
                    waiting.push_back(publish.map_err(text)?);
                }
                ClientSessionResult::RaisedEvent(ClientSessionEvent::PublishRequestAccepted) => return Ok(session),
                ClientSessionResult::RaisedEvent(ClientSessionEvent::ConnectionRequestRejected { description }) => {
                    return Err(format!("connection refused: {description}"));
                }
                ClientSessionResult::RaisedEvent(ClientSessionEvent::UnhandleableOnStatusCode { code }) => {
                    return Err(format!("publish refused: {code}"));
                }
                _ => {}
            }
        }
        let got = socket.read(&mut buffer).await.map_err(text)?;
        if got == 0 {
            return Err("closed before publishing".into());
        }
        waiting.extend(session.handle_input(&buffer[..got]).map_err(text)?);
    }
}

async fn send(socket: TcpStream, mut session: ClientSession, tags: &[Tag], until: Instant) -> Result<Sent, String> {
    let (mut reader, mut writer) = socket.into_split();
    // The next repetition begins one frame after the last one.
    let round_ms = tags.last().map_or(0, |tag| tag.timestamp_ms) + 33;
    let start = Instant::now();
    let mut sent = Sent::default();
    let mut offset_ms = 0_u32;
    let mut at = 0;
    let mut buffer = [0; 4096];
    let mut chunk = Vec::with_capacity(64 * 1024);
    let mut clock = tokio::time::interval(TICK);
    clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
    while Instant::now() < until {
        tokio::select! {
            _ = clock.tick() => {}
            got = reader.read(&mut buffer) => {
                let got = got.map_err(text)?;
                if got == 0 {
                    return Err("closed by the server while publishing".into());
                }
                for result in session.handle_input(&buffer[..got]).map_err(text)? {
                    if let ClientSessionResult::OutboundResponse(packet) = result {
                        writer.write_all(&packet.bytes).await.map_err(text)?;
                    }
                }
                continue;
            }
        }
        chunk.clear();
        let elapsed = start.elapsed();
        while let Some(tag) = tags.get(at) {
            let due_ms = u64::from(offset_ms) + u64::from(tag.timestamp_ms);
            if Duration::from_millis(due_ms) > elapsed {
                break;
            }
            at += 1;
            if !(tag.header() && offset_ms > 0) {
                let stamp = RtmpTimestamp::new(offset_ms + tag.timestamp_ms);
                let body: Bytes = tag.payload.clone();
                sent.bytes += body.len() as u64;
                let result = if tag.video {
                    session.publish_video_data(body, stamp, false)
                } else {
                    session.publish_audio_data(body, stamp, false)
                };
                if let ClientSessionResult::OutboundResponse(packet) = result.map_err(text)? {
                    chunk.extend_from_slice(&packet.bytes);
                }
                sent.behind = sent.behind.max(start.elapsed().saturating_sub(Duration::from_millis(due_ms)));
            }
            if at == tags.len() {
                (at, offset_ms) = (0, offset_ms + round_ms);
            }
        }
        let write = writer.write_all(&chunk);
        tokio::time::timeout(CONNECT, write).await.map_err(|_| "the server takes nothing any more")?.map_err(text)?;
    }
    for result in session.stop_publishing().map_err(text)? {
        if let ClientSessionResult::OutboundResponse(packet) = result {
            writer.write_all(&packet.bytes).await.map_err(text)?;
        }
    }
    Ok(sent)
}
