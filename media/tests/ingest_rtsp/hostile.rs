//! Servers that mean harm: every one is left within a bound of time and memory, with an error and without a panic.

use amphi_media::feed::feed;
use amphi_media::ingest::rtsp::{Error, Pull, Source};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const SDP: &str = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=x\r\nt=0 0\r\na=control:*\r\nm=video 0 RTP/AVP 96\r\n\
    a=rtpmap:96 H264/90000\r\na=control:track0\r\n";

/// What the server does once it has answered so many requests.
#[derive(Clone, Copy, Debug)]
enum Trick {
    Silence,
    Noise,
    EndlessLine,
    EndlessHeaders,
    EndlessBody,
    EndlessFragment,
    /// Gaps in one picture that add up to more than 65,535 lost packets: the library's sum overflows.
    Gaps,
}

impl Trick {
    /// The first bytes, and those that follow without end.
    fn bytes(self, seed: u64) -> (Vec<u8>, Vec<u8>) {
        let block = |pattern: &[u8]| pattern.iter().copied().cycle().take(1 << 16).collect::<Vec<u8>>();
        match self {
            Self::Silence => (vec![], vec![]),
            Self::Noise => {
                let mut state = seed | 1;
                let noise = (0..1 << 16).map(|_| {
                    state ^= state << 13;
                    state ^= state >> 7;
                    state ^= state << 17;
                    state.to_le_bytes()[3]
                });
                (vec![], noise.collect())
            }
            Self::EndlessLine => (b"RTSP/1.0 200 OK\r\nX: ".to_vec(), block(b"a")),
            Self::EndlessHeaders => (b"RTSP/1.0 200 OK\r\n".to_vec(), block(b"X-Header: y\r\n")),
            Self::EndlessBody => {
                (b"RTSP/1.0 200 OK\r\nCSeq: 9\r\nContent-Length: 99999999999\r\n\r\n".to_vec(), block(b"a"))
            }
            Self::EndlessFragment => {
                // RTP in FU-A fragments (RFC 6184 section 5.8) of one NAL unit: the first starts, none ends.
                ((0..=u16::MAX).flat_map(fragment).collect(), vec![])
            }
            Self::Gaps => ([0, 30_000, 60_000, 24_464, 54_464].into_iter().flat_map(fragment).collect(), vec![]),
        }
    }
}

/// An interleaved RTP packet with a fragment of a NAL unit that starts in packet 0.
fn fragment(seq: u16) -> Vec<u8> {
    let mut packet = vec![b'$', 0];
    packet.extend(1400_u16.to_be_bytes());
    packet.extend([0x80, 96]);
    packet.extend(seq.to_be_bytes());
    packet.extend([0, 0, 0, 1, 0, 0, 0, 7, 0x7c, if seq == 0 { 0x85 } else { 0x05 }]);
    packet.resize(4 + 1400, 0x55);
    packet
}

/// Answers `answers` requests as a camera would, then plays `trick` until the other side leaves.
async fn serve(mut socket: TcpStream, answers: usize, trick: Trick) -> std::io::Result<()> {
    let mut buffer = [0; 4096];
    for n in 0..answers {
        if socket.read(&mut buffer).await? == 0 {
            return Ok(());
        }
        let (extra, body) = match n {
            0 => ("Content-Type: application/sdp\r\n", SDP),
            1 => ("Session: 1\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n", ""),
            _ => ("Session: 1\r\nRTP-Info: url=track0;seq=0;rtptime=1\r\n", ""),
        };
        let cseq = n + 1;
        let length = body.len();
        let answer = format!("RTSP/1.0 200 OK\r\nCSeq: {cseq}\r\n{extra}Content-Length: {length}\r\n\r\n{body}");
        socket.write_all(answer.as_bytes()).await?;
    }
    let (first, then) = trick.bytes(answers as u64 + 99);
    // While it plays, what a server can send is bounded by time: here 64 MB/s, half of a gigabit network.
    let playing = answers > 2;
    for block in first.chunks(1 << 16) {
        socket.write_all(block).await?;
        if playing {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    // Bounded, should the client never leave: 8 GiB.
    for _ in 0..1 << 17 {
        if then.is_empty() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        } else if playing {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        socket.write_all(&then).await?;
    }
    Ok(())
}

/// Peak resident memory of this process in MiB; each of these tests is a process of its own under nextest and shares
/// one with small others under `cargo test`.
fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|l| l.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

async fn attacked_by(answers: usize, trick: Trick) -> (Error, Duration) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            // The client leaves in the middle: that is the point.
            tokio::spawn(async move { drop(serve(socket, answers, trick).await) });
        }
    });
    let source = Source::parse(&format!("rtsp://u:sesame@127.0.0.1:{port}/x")).unwrap();
    let mut pull = Pull::new(source.with_stall_after(Duration::from_secs(2)), 1);
    let begun = Instant::now();
    let error = match pull.connect().await {
        Err(error) => error,
        Ok(connected) => connected.run(feed().0).await.expect_err("nothing to carry"),
    };
    let took = begun.elapsed();
    server.abort();
    (error, took)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_trick_ends_in_an_error_soon_and_small() {
    use Trick::{EndlessBody, EndlessFragment, EndlessHeaders, EndlessLine, Gaps, Noise, Silence};
    let tricks = [Silence, Noise, EndlessLine, EndlessHeaders, EndlessBody];
    let mut all: Vec<_> = tricks.into_iter().flat_map(|t| [0, 1, 3].map(|n| (n, t))).collect();
    all.extend([(3, EndlessFragment), (3, Gaps)]);
    for (answers, trick) in all {
        let before = peak_mib();
        let (error, took) = attacked_by(answers, trick).await;
        let grown = peak_mib().saturating_sub(before);
        println!("{trick:?} after {answers} answers: {error} in {took:?}, peak memory +{grown} MiB");
        assert!(took < Duration::from_secs(11), "{trick:?} after {answers} answers took {took:?}");
        assert!(grown < 300, "{trick:?} after {answers} answers took {grown} MiB");
        let told = format!("{error} {error:?}");
        assert!(!told.contains("sesame") && told.len() < 1000 && !told.contains('\n'), "{told}");
    }
}
