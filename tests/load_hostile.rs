//! Everything hostile at once, at every socket of the real server, beside one good stream that must not notice.

use crate::support::http::{Ask, exchange, get, metric, parse, try_ask};
use crate::support::peers::wait_until;
use crate::support::rtmp;
use crate::support::server::{Options, Server};
use crate::support::stream::{
    Clip, PATIENCE, SOON, amphi_json, broadcaster, count_packets, decodes, end_counted, url, video_url, wait_on_air,
    wait_state, wait_videos,
};
use futures_util::stream::{self, StreamExt};
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Mutated sessions over sockets; a million of them without sockets are a test of `media`.
const SESSIONS: u32 = 20_000;
/// Requests for what is not there.
const MISSES: u32 = 10_000;
/// At once: below the limit of one address (250), from many addresses.
const AT_ONCE: usize = 48;
/// Nobody is kept longer by this server's settings, so a connection that is still open then was forgotten.
const SENT_AWAY: Duration = Duration::from_secs(40);
/// Memory after all of it, as a factor of before: the allocator keeps pools of its busiest moment, and the video was read through a cache.
const MEMORY_FACTOR: f64 = 2.5;
/// Memory after the second half of the hostility, as a factor of after the first: what is kept does not grow with what is done.
const GROWTH_FACTOR: f64 = 1.25;
/// A healthy server answers in milliseconds; the machine is shared with everything the test does itself, so that 19 of 20 answers count.
const ANSWERS_WITHIN: Duration = Duration::from_secs(1);

/// xorshift64*: the same everywhere, so that a failure can be had again.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        usize::try_from(self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33).unwrap() % n
    }
}

/// Bits flipped, pieces cut, doubled, moved.
fn mutated(bytes: &[u8], seed: u32) -> Vec<u8> {
    let mut random = Random(u64::from(seed).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
    let mut out = bytes.to_vec();
    for _ in 0..=random.below(4) {
        let at = random.below(out.len().max(1));
        let length = random.below(60).min(out.len() - at);
        match random.below(5) {
            0 if at < out.len() => out[at] ^= 1 << random.below(8),
            1 if at < out.len() => out[at] = [0, 0xFF, 0x7F, 0x80, 0xC0, 3][random.below(6)],
            2 => out.truncate(at),
            3 => drop(out.drain(at..at + length)),
            _ => {
                let piece = out[at..at + length].to_vec();
                out.splice(at..at, piece);
            }
        }
    }
    out
}

/// 50 connections from each of some addresses, so that all of them are in.
fn address(n: u32) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 1, u8::try_from(1 + n / 50 % 250).unwrap())
}

/// The three ways to end a server over rml_rtmp 0.8: an empty command, interleaved messages, a command of arrays in arrays.
fn attacks() -> [Vec<u8>; 3] {
    let begun = [&[4, 0, 0, 0, 0, 1, 0, 9, 1, 0, 0, 0][..], &[0; 128]].concat();
    let interleaved = [&begun[..], &[5, 0, 0, 0, 0, 0, 10, 8, 1, 0, 0, 0], &[0; 10]].concat();
    let nested = rtmp::message(3, 20, 0, 0, &[0x0A, 0, 0, 0, 1].repeat(12_000));
    [rtmp::message(3, 20, 0, 0, &[]), interleaved, nested]
}

async fn drained(stream: &mut TcpStream, within: Duration) -> bool {
    let mut buffer = [0; 4096];
    let all = async { while matches!(stream.read(&mut buffer).await, Ok(1..)) {} };
    tokio::time::timeout(within, all).await.is_ok()
}

/// Sends one session, closes its own side and sees that the server closes too.
async fn session(to: SocketAddr, n: u32, bytes: &[u8]) {
    let Ok(mut stream) = rtmp::shaken(address(n), to).await else { return };
    // The server may close half-way: that is its right.
    let _cut = stream.write_all(bytes).await;
    let _closed = stream.shutdown().await;
    assert!(drained(&mut stream, SENT_AWAY).await, "session {n} is kept");
}

async fn hostile_sessions(to: SocketAddr, key: &str, numbers: Range<u32>) {
    for (n, attack) in (0..).zip(attacks().iter().cycle().take(60)) {
        session(to, n, attack).await;
    }
    // A right key, so that mutations reach the media behind the door; a broadcaster of their own.
    let good = [rtmp::until_publish("live", &format!("prey?key={key}")), rtmp::some_media()].concat();
    let good = &good;
    stream::iter(numbers)
        .for_each_concurrent(AT_ONCE, |n| async move { session(to, n, &mutated(good, n)).await })
        .await;
}

/// 1,000 connections that say nothing, half a handshake, noise, or a byte now and then; on RTMP and HTTP. All are sent away.
async fn idle_connections(server: &Server) {
    let (rtmp_to, http_to) = (server.rtmp(), server.http());
    let mut streams = Vec::new();
    for n in 0..1000_u32 {
        let to = if n % 2 == 0 { rtmp_to } else { http_to };
        let mut stream = rtmp::connect(address(n), to).await.unwrap();
        let opening: &[u8] = match n % 10 {
            0 | 1 => &[],
            2 => &[3; 700],
            3 => b"GET /live/demo HTTP/1.1\r\nhost: a\r\nx-slow: ",
            4 => &[0x16; 64],
            5 => b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            6 => &[3; 3000],
            7 => b"POST /api/v1/broadcasters HTTP/1.1\r\nhost: a\r\ncontent-length: 50\r\n\r\n{",
            8 => &[3],
            _ => b"G",
        };
        stream.write_all(opening).await.unwrap();
        streams.push((n, stream));
    }
    let began = Instant::now();
    let left = stream::iter(streams)
        .map(|(n, mut stream)| async move {
            // Slow-loris: a byte now and then must not buy time.
            let slow = matches!(n % 10, 2 | 3 | 9);
            while slow && began.elapsed() < SENT_AWAY && stream.write_all(b"a").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(700)).await;
            }
            let gone = drained(&mut stream, SENT_AWAY.saturating_sub(began.elapsed())).await;
            (!gone).then_some(n)
        })
        .buffer_unordered(1000)
        .filter_map(|left| async move { left })
        .collect::<Vec<_>>()
        .await;
    assert!(left.is_empty(), "still open after {SENT_AWAY:?}: {left:?}");
}

/// Requests that no player sends; each is refused or answered, never served wrongly.
fn garbage_requests(to: SocketAddr) {
    let header = |size: usize| format!("GET / HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n", "y".repeat(size)).into_bytes();
    let many = format!("GET / HTTP/1.1\r\nhost: a\r\n{}\r\n", "x: y\r\n".repeat(2000)).into_bytes();
    let requests: [&[u8]; 12] = [
        &header(200_000),
        &many,
        b"GET /\0 HTTP/1.1\r\nhost: a\r\n\r\n",
        b"GET /live/%zz/master.m3u8 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
        b"GET /live/%00/master.m3u8 HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
        b"GET http://[::1 HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"NONSENSE\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /api/v1/broadcasters HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n",
        b"POST /api/v1/broadcasters HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\ncontent-length: 9\r\n\r\nabcd",
        b"GET / HTTP/1.1\r\nhost: a\r\ncontent-length: 99999999999999999999\r\n\r\n",
    ];
    for request in requests {
        let Ok(said) = exchange(to, request) else { continue };
        if let Some(answer) = parse(&said, Duration::ZERO) {
            assert!((400..500).contains(&answer.status), "{:?}: {}", &request[..request.len().min(60)], answer.status);
        }
    }
    for (path, header) in [
        ("/live/demo/source/media.m3u8?_HLS_msn=18446744073709551615&_HLS_part=4294967295", ("x", "y")),
        ("/live/demo/source/media.m3u8?_HLS_msn=999999999999999999&_HLS_part=4294967295", ("x", "y")),
        ("/live/demo/source/media.m3u8?_HLS_part=4294967296", ("x", "y")),
        ("/live/demo/source/media.m3u8?_HLS_skip=%59ES", ("x", "y")),
        ("/live/demo/source/999999999999999999.4294967295.m4s", ("range", "bytes=-0")),
        ("/live/demo/../../etc/passwd", ("x", "y")),
        ("/live/demo/source/..%2f..%2fdb", ("x", "y")),
        ("/videos/%2e%2e/source/media.m3u8", ("x", "y")),
        ("/assets/..%2f..%2fCargo.toml", ("x", "y")),
        ("/live/demo/source/init-65535.mp4", ("range", "bytes=18446744073709551615-18446744073709551615")),
        ("/live/demo/source/init-0.mp4", ("range", "bytes=18446744073709551615-")),
        ("/api/v1/videos?cursor=%00&limit=-1", ("accept-encoding", "gzip;q=nan")),
    ] {
        let answer = try_ask(to, path, &Ask { headers: &[header], ..Ask::default() }).unwrap();
        assert!((400..500).contains(&answer.status), "{path}: {}", answer.status);
    }
}

/// Half of the answers of "not there" over kept connections, for pieces of a live and of videos.
async fn misses(to: SocketAddr) {
    let missed = AtomicU64::new(0);
    let missed = &missed;
    stream::iter(0..8_u32)
        .for_each_concurrent(8, |client| async move {
            let mut connection = crate::support::hls::connection::Connection::new(&to.to_string());
            for n in 0..MISSES / 16 {
                let path = match n % 4 {
                    0 => format!("/live/demo/source/{}.m4s", 1_000_000 + n),
                    1 => format!("/live/hall{n}-{client}/master.m3u8"),
                    2 => format!("/videos/{n:016}/master.m3u8"),
                    _ => format!("/live/demo/source/{n}.99.m4s"),
                };
                let answer = connection.get(&path, Default::default(), PATIENCE).await.unwrap();
                assert_eq!(answer.status, 404, "{path}");
                missed.fetch_add(1, Ordering::Relaxed);
            }
        })
        .await;
    assert_eq!(missed.load(Ordering::Relaxed), u64::from(MISSES / 2));
}

/// Resident memory in bytes, by `/proc`.
fn resident(server: &Server) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() * 1024.0
}

#[test]
fn load_a_good_stream_beside_everything_hostile_loses_no_frame() {
    // Mutated keys are refused by the thousand from few addresses; blocked addresses would not reach the door.
    let server = Server::start(Options::with(&[
        ("AMPHI_LIVE__MIN_LENGTH", "0s"),
        ("AMPHI_LIVE__GRACE", "1s"),
        ("AMPHI_RTMP__MAX_REFUSALS_PER_MINUTE", "1000000"),
        ("AMPHI_RTMP__HANDSHAKE_TIMEOUT", "5s"),
    ]));
    let clip = Clip::new("640x360", 20);
    let key = amphi_json(&server, &["broadcaster", "add", "prey"], "key");
    let mut encoder = clip.push_for_ever(&url(&server, "demo", "demo"));
    wait_on_air(&server, "demo");
    let before = resident(&server);
    let over = AtomicBool::new(false);
    let (mut took, memory) = std::thread::scope(|scope| {
        let watch = scope.spawn(|| {
            let mut took = Vec::new();
            while !over.load(Ordering::Relaxed) {
                let answer = get(server.http(), "/healthz");
                assert_eq!(answer.status, 200);
                took.push(answer.took);
                std::thread::sleep(Duration::from_millis(50));
            }
            took
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let began = Instant::now();
        let hostile = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            [0..SESSIONS / 2, SESSIONS / 2..SESSIONS].map(|numbers| {
                garbage_requests(server.http());
                runtime.block_on(async {
                    // The idle ones wait to be sent away while the others work.
                    let sessions = hostile_sessions(server.rtmp(), &key, numbers);
                    tokio::join!(idle_connections(&server), sessions, misses(server.http()));
                });
                resident(&server)
            })
        }));
        println!("hostile for {:?}", began.elapsed());
        over.store(true, Ordering::Relaxed);
        let watched = watch.join().unwrap();
        (watched, hostile.unwrap())
    });
    took.sort_unstable();
    let (asked, slowest) = (took.len(), took.last());
    println!("healthz: {asked} answers, the slowest after {slowest:?}");
    assert!(asked > 100 && took[asked * 19 / 20] < ANSWERS_WITHIN, "{asked} answers, the slowest after {slowest:?}");
    assert_eq!(broadcaster(&server, "demo")["state"], "on_air", "all of it happened while the good stream was on");

    let sent = end_counted(&mut encoder);
    wait_state(&server, "demo", "ended");
    let video = wait_videos(&server, "demo", 1).remove(0);
    let link = video_url(&server, &video);
    assert_eq!(count_packets(&link, "v:0"), sent, "every picture that was sent is in the video");
    assert!(sent > 500, "{sent}");
    decodes(&link);

    let all_gone = || metric(server.http(), "amphi_rtmp_connections") == 0.0;
    assert!(wait_until(SOON, all_gone), "{}", metric(server.http(), "amphi_rtmp_connections"));
    let mut after = resident(&server);
    // Freed memory is given back by and by.
    wait_until(SOON, || {
        after = resident(&server);
        after <= before * MEMORY_FACTOR
    });
    println!("memory: {before} bytes before, {memory:?} after each half, {after} in the end");
    assert!(memory[1] <= memory[0] * GROWTH_FACTOR, "{memory:?} bytes after each half");
    assert!(after <= before * MEMORY_FACTOR, "{before} bytes before, {after} after");
    let log = server.log();
    assert!(!log.contains("panic"), "{log}");
    assert_eq!(metric(server.http(), "amphi_task_panics_total"), 0.0);
    assert!(metric(server.http(), "amphi_rtmp_failed_total{reason=\"handshake_time\"}") > 100.0);
    let reached = metric(server.http(), "amphi_contributions_total{protocol=\"rtmp\"}");
    assert!(reached > 100.0, "mutated sessions came through the door: {reached}");
}
