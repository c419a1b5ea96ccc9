//! RTSP pull against a real peer (gst-rtsp-server, `tests/support/peers/rtsp_server.py`) and against hostile ones.

#![expect(
    clippy::unwrap_used,
    reason = "a test stops at the first surprise; clippy only knows functions that are tests themselves"
)]
#![expect(clippy::disallowed_methods, clippy::disallowed_types, reason = "peers are tasks with sockets and a clock")]

#[path = "ingest_rtsp/camera.rs"]
mod camera;
#[path = "ingest_rtsp/hostile.rs"]
mod hostile;

use amphi_media::feed::{Feed, Item, Publisher, feed};
use amphi_media::frame::Frame;
use amphi_media::ingest::rtsp::{End, Error, Pull, Source, Transport};
use amphi_media::track::{Kind, Parameters};
use camera::Camera;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

/// What a reader of the feed saw.
#[derive(Default)]
struct Seen {
    video: Vec<Frame>,
    audio: Vec<Frame>,
    parameters: Vec<Parameters>,
    lagged: u64,
}

impl Seen {
    /// Checks the contract of frames while taking them.
    fn take(&mut self, item: Item) {
        match item {
            Item::Parameters(p) => self.parameters.push(p),
            Item::Lagged(n) => self.lagged += n,
            Item::Frame(frame) => {
                assert!(frame.dts.ticks() <= frame.pts.ticks(), "{:?} > {:?}", frame.dts, frame.pts);
                let track = if frame.kind == Kind::Video { &mut self.video } else { &mut self.audio };
                if let Some(last) = track.last() {
                    assert!(frame.dts.ticks() > last.dts.ticks(), "{:?} after {:?}", frame.dts, last.dts);
                    assert!(frame.received >= last.received);
                } else {
                    assert!(frame.keyframe, "the first frame of a track can be decoded alone");
                }
                track.push(frame);
            }
        }
    }
}

/// Reads a new feed to its end.
fn reading() -> (Publisher, Feed, JoinHandle<Seen>) {
    let (publisher, feed) = feed();
    let mut subscriber = feed.subscribe();
    let reader = tokio::spawn(async move {
        let (mut seen, mut items) = (Seen::default(), Vec::new());
        while subscriber.next_batch(&mut items).await {
            items.drain(..).for_each(|item| seen.take(item));
        }
        seen
    });
    (publisher, feed, reader)
}

/// One whole stream, to its end.
async fn pulled(source: Source) -> (Result<End, Error>, Seen) {
    let (publisher, _feed, reader) = reading();
    // As the server does it: the pull is a task.
    let pulling = tokio::spawn(async move {
        let mut pull = Pull::new(source, 1);
        let connected = pull.connect().await.expect("connects");
        assert!(connected.peer().ip().is_loopback() && connected.refused().is_empty());
        connected.run(publisher).await
    });
    (pulling.await.expect("pull"), reader.await.expect("reader"))
}

/// What came is the unbroken rest of what was sent, and tells by how much our line differs from the source's clock.
///
/// The head may miss `spare` frames: the server drops what it made before PLAY, and sound before the first picture is
/// not carried.
fn rest_of(sent: &[i64], came: &[Frame], spare: usize) -> i64 {
    assert!(came.len() <= sent.len() && came.len() + spare >= sent.len(), "{} of {} frames", came.len(), sent.len());
    let sent = &sent[sent.len() - came.len()..];
    let shifts: Vec<i64> = came.iter().zip(sent).map(|(frame, pts)| frame.pts.micros() - pts).collect();
    let (least, most) = (*shifts.iter().min().unwrap(), *shifts.iter().max().unwrap());
    assert!(most - least <= 1_500, "frames are missing or moved: {shifts:?}");
    most
}

async fn whole_stream(transport: Transport, arguments: &[&str], reorders: bool) {
    let mut camera = Camera::start(arguments).await;
    let (ended, seen) = pulled(camera.source().with_transport(transport)).await;
    assert_eq!(ended, Ok(End::SourceEnded));
    assert_eq!(seen.lagged, 0);
    let sent = camera.sent().await;
    assert_eq!(camera.clients(), 1, "pulled once");
    let told = |kind| seen.parameters.iter().filter(|p| p.kind() == kind).count();
    assert_eq!(told(Kind::Video), usize::from(!sent.video.is_empty()));
    assert_eq!(told(Kind::Audio), usize::from(!sent.audio.is_empty()));
    let backwards = seen.video.windows(2).any(|w| w[1].pts.ticks() < w[0].pts.ticks());
    assert_eq!(backwards, reorders, "B-frames in the stream");
    let ahead = seen.video.iter().map(|f| f.pts.millis() - f.dts.millis()).max().unwrap_or(0);
    // Three B-frames between two others, and one picture more that a pyramid reorders: 5 pictures of 40 ms.
    assert!(ahead <= 5 * 40, "dts {ahead} ms before pts");
    let shift = (!sent.video.is_empty()).then(|| rest_of(&sent.video, &seen.video, 3));
    let sound = (!sent.audio.is_empty()).then(|| rest_of(&sent.audio, &seen.audio, 12));
    if let (Some(picture), Some(sound)) = (shift, sound) {
        println!("{transport:?}: sound is {} us later against the picture than at the source", sound - picture);
        assert!((sound - picture).abs() <= 40_000, "lips are off by {} us", sound - picture);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whole_stream_with_b_frames_by_tcp() {
    whole_stream(Transport::Tcp, &["--frames", "75", "--bframes", "2"], true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whole_stream_with_b_frames_by_udp() {
    whole_stream(Transport::Udp, &["--frames", "75", "--bframes", "3", "--gop", "50", "--in-band"], true).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pictures_alone_and_sound_alone() {
    whole_stream(Transport::Tcp, &["--frames", "50", "--no-audio"], false).await;
    whole_stream(Transport::Tcp, &["--frames", "50", "--no-video"], false).await;
}

#[tokio::test]
async fn authentication_right_wrong_and_missing() {
    for scheme in [&[][..], &["--basic"]] {
        let arguments = [&["--user", "hall", "--password", "pa:ss@1"], scheme].concat();
        let camera = Camera::start(&arguments).await;
        let right = Source::parse(&format!("rtsp://hall:pa%3Ass%401@127.0.0.1:{}/extron1", camera.port)).unwrap();
        let mut pull = Pull::new(right, 1);
        drop(pull.connect().await.unwrap_or_else(|e| panic!("{arguments:?}: {e}")));

        let wrong = camera.source().with_credentials("hall".into(), "tr0ub4dor".into());
        let mut pull = Pull::new(wrong, 1);
        let error = pull.connect().await.err().expect("a wrong password");
        assert_eq!(error, Error::Unauthorised { given: true });
        let told = format!("{error} {error:?} {} {:?}", pull.source(), pull.source());
        assert!(!told.contains("tr0ub4dor"), "{told}");
        assert!(pull.next_delay() >= Duration::from_secs(24), "cameras lock accounts");

        let error = Pull::new(camera.source(), 1).connect().await.err().expect("no password");
        assert_eq!(error, Error::Unauthorised { given: false });
    }
}

#[tokio::test]
async fn a_wrong_path_and_another_codec_are_named() {
    let camera = Camera::start(&["--codec", "mpeg4", "--no-audio"]).await;
    let wrong = Source::parse(&format!("rtsp://127.0.0.1:{}/extron7", camera.port)).unwrap();
    assert_eq!(Pull::new(wrong, 1).connect().await.err(), Some(Error::NotFound));
    let error = Pull::new(camera.source(), 1).connect().await.err().expect("MPEG-4 part 2");
    let text = error.to_string();
    assert!(text.contains("MP4V-ES video") && text.contains("H.264"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_source_is_pulled_again_when_it_is_back() {
    let mut camera = Camera::start(&[]).await;
    let port = camera.port;
    let mut pull = Pull::new(camera.source().with_stall_after(Duration::from_secs(3)), 1);
    let connected = pull.connect().await.expect("connects");
    let (publisher, _feed, reader) = reading();
    let killing = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(1)).await;
        camera.kill().await;
    });
    let ended = connected.run(publisher).await;
    assert_ne!(ended, Ok(End::Closed));
    killing.await.unwrap();
    assert!(reader.await.unwrap().video.len() > 10);

    let refused = pull.connect().await.err().expect("nobody there");
    assert!(matches!(refused, Error::Unreachable(_)), "{refused}");
    let _camera = Camera::start(&["--port", &port.to_string()]).await;
    let back = Instant::now();
    // The loop of the module's documentation, without the part that isn't met here.
    let connected = loop {
        tokio::time::sleep(pull.next_delay()).await;
        match pull.connect().await {
            Ok(_) => break pull.connect().await.expect("still there"),
            Err(_) => assert!(back.elapsed() < Duration::from_secs(15), "not back after {:?}", back.elapsed()),
        }
    };
    assert!(back.elapsed() < Duration::from_secs(10), "took {:?}", back.elapsed());
    let (publisher, feed, reader) = reading();
    let closing = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(1)).await;
        feed.close();
    });
    assert_eq!(connected.run(publisher).await, Ok(End::Closed));
    closing.await.unwrap();
    assert!(reader.await.unwrap().video.len() > 10);
}

#[tokio::test]
async fn a_source_that_falls_silent_is_stalled() {
    let camera = Camera::start(&["--black-out", "25", "--no-audio"]).await;
    let stall = Duration::from_millis(1500);
    let mut pull = Pull::new(camera.source().with_stall_after(stall), 1);
    let connected = pull.connect().await.expect("connects");
    let begun = Instant::now();
    let (publisher, _feed, reader) = reading();
    assert_eq!(connected.run(publisher).await, Err(Error::Stalled(stall)));
    assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
    let came = reader.await.unwrap().video.len();
    assert!((22..=25).contains(&came), "{came} of the 25 pictures before the silence are published");

    // Pictures that never come while sound goes on are a stall too.
    let camera = Camera::start(&["--black-out", "10"]).await;
    let mut pull = Pull::new(camera.source().with_stall_after(stall), 1);
    let connected = pull.connect().await.expect("connects");
    let (publisher, _feed, reader) = reading();
    assert_eq!(connected.run(publisher).await, Err(Error::Stalled(stall)));
    let seen = reader.await.unwrap();
    let went_on = seen.audio.last().unwrap().received.since(seen.video.last().unwrap().received);
    assert!(went_on >= Duration::from_secs(1), "sound went on for {went_on:?}");
}
