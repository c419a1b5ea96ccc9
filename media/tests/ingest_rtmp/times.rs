//! Times beyond 24 and 32 bits, chunk sizes, large frames and changes in mid-stream.

use crate::client::{AVCC, Client, header, picture};
use crate::encoders::assert_same;
use crate::server::{Outcome, Server};
use crate::source::{Scratch, ffmpeg, make, packets};
use amphi_media::feed::Item;
use amphi_media::ingest::rtmp::listen::{End, Limits};
use amphi_media::track::Kind;

fn times(outcome: &Outcome, kind: Kind) -> Vec<i64> {
    outcome.frames(kind).iter().map(|f| f.dts.ticks()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ffmpeg_beyond_24_bits_of_milliseconds_arrives_whole() {
    let scratch = Scratch::new("24bit");
    let file = scratch.file("source.mp4");
    make(&file, &[]);
    let mut server = Server::start(Limits::default()).await;
    // 2^24 ms are 16,777.216 s: crossed in the middle of 4 s.
    let offset = ["-c", "copy", "-output_ts_offset", "16775"];
    let (ok, text) = ffmpeg(&[&["-i", file.to_str().unwrap()], &offset[..]].concat(), &server.url()).await;
    assert!(ok, "{text}");
    let outcome = server.outcome().await;
    assert_same(&outcome, Kind::Video, &packets(&file, "v"));
    assert_same(&outcome, Kind::Audio, &packets(&file, "a"));
    let video = times(&outcome, Kind::Video);
    assert!(video[0] < 1 << 24 && video[99] > 1 << 24, "{} to {}", video[0], video[99]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn time_goes_on_beyond_32_bits() {
    let mut server = Server::start(Limits::default()).await;
    let mut client = Client::publish(server.address, 4096).await;
    let start = u32::MAX - 1000;
    client.video(start, header(AVCC)).await;
    client.audio(start, vec![0xAF, 0, 0x11, 0x90]).await;
    for n in 0..50u32 {
        let now = start.wrapping_add(n * 40);
        client.video(now, picture(n % 25 == 0, 9000)).await;
        client.audio(now, vec![0xAF, 1, 0x21, 0x10]).await;
    }
    client.stop().await;
    let outcome = server.outcome().await;
    let want: Vec<i64> = (0..50).map(|n| i64::from(start) + n * 40).collect();
    assert_eq!(times(&outcome, Kind::Video), want);
    assert_eq!(times(&outcome, Kind::Audio), want);
    assert!(outcome.frames(Kind::Video).iter().all(|f| f.payload.len() == 9004));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_chunk_size_and_large_frames_arrive_whole() {
    let mut server = Server::start(Limits::default()).await;
    for chunk_size in [1, 128, 5000, 65_536] {
        let mut client = Client::publish(server.address, chunk_size).await;
        client.video(0, header(AVCC)).await;
        for n in 0..4u32 {
            client.video(n * 40, picture(true, if chunk_size == 1 { 20_000 } else { 3_000_000 })).await;
        }
        client.stop().await;
        let outcome = server.outcome().await;
        assert!(matches!(outcome.end, Ok(End::Unpublished)), "{:?}", outcome.end);
        let frames = outcome.frames(Kind::Video);
        assert_eq!(frames.len(), 4, "chunks of {chunk_size}");
        assert!(frames.iter().all(|f| f.payload[5..].iter().all(|b| *b == 0x5A)), "chunks of {chunk_size}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_sequence_header_in_mid_stream_is_announced_in_its_place() {
    let mut server = Server::start(Limits::default()).await;
    let mut client = Client::publish(server.address, 4096).await;
    let mut other = AVCC.to_vec();
    other[11] = 0x1f;
    for (n, avcc) in [AVCC, AVCC, &other, AVCC].into_iter().enumerate() {
        client.video(0, header(avcc)).await;
        client.video(u32::try_from(n).unwrap() * 40, picture(true, 100)).await;
    }
    client.stop().await;
    let outcome = server.outcome().await;
    assert_eq!(outcome.parameters(), ["avc1.4d401e", "avc1.4d401f", "avc1.4d401e"]);
    let kinds: String = outcome.items.iter().map(|i| if matches!(i, Item::Frame(_)) { 'f' } else { 'P' }).collect();
    assert_eq!(kinds, "PffPfPf");
    assert_eq!(times(&outcome, Kind::Video), [0, 40, 80, 120]);
}
