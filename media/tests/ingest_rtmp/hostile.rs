//! Hostile peers, each limit with its metric, and a good stream beside all of them.

use crate::client::{AVCC, Client, connect, header, picture, shake_hands};
use crate::encoders::assert_same;
use crate::server::{Server, metric};
use crate::source::{Scratch, ffmpeg, make_of, packets};
use amphi_media::ingest::rtmp::listen::{End, Error, Limits};
use amphi_media::track::Kind;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// An AMF0 command on chunk stream 3 that is empty: rml_rtmp 0.8 panics.
const EMPTY_COMMAND: [u8; 12] = [3, 0, 0, 0, 0, 0, 0, 0x14, 0, 0, 0, 0];

/// A message that begins and does not end, then a shorter one on another chunk stream: rml_rtmp 0.8 panics.
fn interleaved() -> Vec<u8> {
    let begun = [&[4, 0, 0, 0, 0, 1, 0, 9, 1, 0, 0, 0][..], &[0; 128]].concat();
    [&begun[..], &[5, 0, 0, 0, 0, 0, 10, 8, 1, 0, 0, 0], &[0; 10]].concat()
}

/// A command of arrays in arrays: a recursive reader's stack overflows.
fn nested() -> Vec<u8> {
    let payload = [0x0A, 0, 0, 0, 1].repeat(12_000);
    let mut out = vec![3, 0, 0, 0];
    out.extend_from_slice(&u32::try_from(payload.len()).unwrap().to_be_bytes()[1..]);
    out.extend_from_slice(&[0x14, 0, 0, 0, 0]);
    for (n, part) in payload.chunks(128).enumerate() {
        if n > 0 {
            out.push(0xC3);
        }
        out.extend_from_slice(part);
    }
    out
}

async fn closed_within(stream: &mut TcpStream, time: Duration) -> bool {
    let mut buffer = [0; 4096];
    let all = async { while matches!(stream.read(&mut buffer).await, Ok(1..)) {} };
    tokio::time::timeout(time, all).await.is_ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_three_attacks_end_their_own_connection_at_most() {
    let mut server = Server::start(Limits { handshake_time: Duration::from_secs(2), ..Limits::default() }).await;
    for attack in [EMPTY_COMMAND.to_vec(), interleaved(), nested()] {
        let mut stream = connect("127.0.0.1:0", server.address).await.unwrap();
        shake_hands(&mut stream).await;
        stream.write_all(&attack).await.ok();
        assert!(closed_within(&mut stream, Duration::from_secs(5)).await);
        assert!(matches!(server.outcome().await.end, Err(Error::Session(_) | Error::HandshakeTime)));
    }
    let mut client = Client::publish(server.address, 4096).await;
    client.video(0, header(AVCC)).await;
    client.video(0, picture(true, 10)).await;
    client.stop().await;
    assert_eq!(server.outcome().await.frames(Kind::Video).len(), 1, "the server is well");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_slow_or_says_too_much_before_publish_is_sent_away() {
    let limits = Limits { handshake_time: Duration::from_secs(1), ..Limits::default() };
    let mut server = Server::start(limits).await;
    let series = "amphi_rtmp_failed_total{reason=\"handshake_time\"}";
    let before = metric(series);
    let mut loris = connect("127.0.0.1:0", server.address).await.unwrap();
    let began = Instant::now();
    while loris.write_all(&[3]).await.is_ok() && began.elapsed() < Duration::from_secs(10) {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(began.elapsed() < Duration::from_secs(5));
    assert!(matches!(server.outcome().await.end, Err(Error::HandshakeTime)));
    assert!(metric(series) > before);

    let mut talker = connect("127.0.0.1:0", server.address).await.unwrap();
    shake_hands(&mut talker).await;
    // Acknowledgements: legal, useless, without end.
    let useless = [2, 0, 0, 0, 0, 0, 4, 3, 0, 0, 0, 0, 0, 0, 0, 0].repeat(8192);
    talker.write_all(&useless).await.ok();
    assert!(closed_within(&mut talker, Duration::from_secs(5)).await);
    assert!(server.outcome().await.end.unwrap_err().to_string().contains("before publish"));
    assert!(metric("amphi_rtmp_failed_total{reason=\"before_publish_bytes\"}") >= 1.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_over_the_limit_ends_the_contribution() {
    let mut server = Server::start(Limits { message_bytes: 100_000, ..Limits::default() }).await;
    let mut client = Client::publish(server.address, 4096).await;
    client.video(0, header(AVCC)).await;
    client.video(0, picture(true, 99_000)).await;
    let mut stream = client.into_stream();
    // Announces 100,001 bytes.
    stream.write_all(&[7, 0, 0, 0, 0x01, 0x86, 0xA1, 9, 1, 0, 0, 0]).await.unwrap();
    let outcome = server.outcome().await;
    assert!(outcome.end.unwrap_err().to_string().contains("100001"));
    assert!(metric("amphi_rtmp_failed_total{reason=\"message_bytes\"}") >= 1.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_contribution_without_media_is_idle() {
    let mut server = Server::start(Limits { idle_time: Duration::from_secs(3), ..Limits::default() }).await;
    let mut client = Client::publish(server.address, 4096).await;
    client.video(0, header(AVCC)).await;
    // Longer than the limit together, each pause far below it.
    for n in 0..4 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        client.video(n * 1000, picture(true, 10)).await;
    }
    // Pings are no media.
    let mut stream = client.into_stream();
    let pinged = Instant::now();
    while stream.write_all(&[2, 0, 0, 0, 0, 0, 6, 4, 0, 0, 0, 0, 0, 6, 0, 0, 0, 1]).await.is_ok() {
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert!(pinged.elapsed() < Duration::from_secs(30));
    }
    let outcome = server.outcome().await;
    assert!(matches!(outcome.end, Ok(End::Idle)), "{:?}", outcome.end);
    assert_eq!(outcome.frames(Kind::Video).len(), 4);
    assert!(metric("amphi_rtmp_failed_total{reason=\"idle_time\"}") >= 1.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_of_one_address_are_limited() {
    let server = Server::start(Limits { connections_per_address: 3, ..Limits::default() }).await;
    let mut streams = Vec::new();
    for _ in 0..3 {
        let mut stream = connect("127.0.0.9:0", server.address).await.unwrap();
        shake_hands(&mut stream).await;
        streams.push(stream);
    }
    let mut fourth = connect("127.0.0.9:0", server.address).await.unwrap();
    assert!(closed_within(&mut fourth, Duration::from_secs(5)).await);
    assert!(metric("amphi_rtmp_refused_total{reason=\"connections_per_address\"}") >= 1.0);
    shake_hands(&mut connect("127.0.0.8:0", server.address).await.unwrap()).await;
    streams.pop();
    // The place is given back when the server has noticed; until then a connection is closed at once.
    let began = Instant::now();
    loop {
        let mut again = connect("127.0.0.9:0", server.address).await.unwrap();
        if !closed_within(&mut again, Duration::from_millis(500)).await {
            shake_hands(&mut again).await;
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "the place was never given back");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_connections_do_not_keep_encoders_out_nor_encoders_each_other_on_air() {
    let mut server = Server::start(Limits { connections: 4, ..Limits::default() }).await;
    let series = "amphi_rtmp_failed_total{reason=\"crowded_out\"}";
    let before = metric(series);
    let mut first = Client::publish(server.address, 4096).await;
    first.video(0, header(AVCC)).await;
    let mut idle = Vec::new();
    for _ in 0..20 {
        idle.push(connect("127.0.0.9:0", server.address).await.unwrap());
    }
    for _ in 0..17 {
        assert!(matches!(server.outcome().await.end, Err(Error::CrowdedOut)), "the oldest make room");
    }
    let mut others = Vec::new();
    for _ in 0..3 {
        others.push(Client::publish(server.address, 4096).await);
        assert!(matches!(server.outcome().await.end, Err(Error::CrowdedOut)));
    }
    assert!(metric(series) >= before + 20.0);
    // All places publish now.
    let mut late = connect("127.0.0.9:0", server.address).await.unwrap();
    assert!(closed_within(&mut late, Duration::from_secs(5)).await);
    first.video(0, picture(true, 10)).await;
    first.stop().await;
    let outcome = server.outcome().await;
    assert!(matches!(outcome.end, Ok(End::Unpublished)), "{:?}", outcome.end);
    assert_eq!(outcome.frames(Kind::Video).len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_good_stream_beside_a_thousand_connections_loses_no_frame() {
    let scratch = Scratch::new("thousand");
    let file = scratch.file("source.mp4");
    // A thousand connections take a second or two on an idle machine.
    make_of(15, &file, &[]);
    let mut server = Server::start(Limits { handshake_time: Duration::from_secs(3), ..Limits::default() }).await;
    let address = server.address;
    let url = server.url();
    let path = file.to_str().unwrap().to_owned();
    let good = tokio::spawn(async move { ffmpeg(&["-re", "-i", &path, "-c", "copy"], &url).await });
    let feed = server.feed().await;

    let mut hostile = Vec::new();
    for n in 0..1000u32 {
        // 50 from each address: within the limit, so that they really are in.
        let from = format!("127.0.1.{}:0", 1 + n / 50);
        let mut stream = connect(&from, address).await.unwrap();
        match n % 4 {
            // Silent; half a handshake; noise.
            0 => {}
            1 => stream.write_all(&[3; 700]).await.unwrap(),
            2 => stream.write_all(&vec![3; 4000]).await.unwrap_or(()),
            _ => stream.write_all(&[0x16; 64]).await.unwrap_or(()),
        }
        hostile.push(stream);
    }
    assert!(!feed.has_ended(), "all came while the good stream was on");
    let (ok, text) = good.await.unwrap();
    assert!(ok, "{text}");
    let (mut ends, mut contribution) = (0, None);
    while ends < 1001 {
        let outcome = server.outcome().await;
        ends += 1;
        if !outcome.items.is_empty() {
            contribution = Some(outcome);
        }
    }
    let contribution = contribution.expect("the good stream");
    assert_same(&contribution, Kind::Video, &packets(&file, "v"));
    assert_same(&contribution, Kind::Audio, &packets(&file, "a"));
    drop(hostile);
}
