//! What real encoders send arrives whole: every frame, with its bytes, times and keyframe flag.

use crate::server::{Outcome, Server};
use crate::source::{Packet, Scratch, ffmpeg, finish, make, packets};
use amphi_media::ingest::rtmp::listen::{End, Limits};
use amphi_media::track::Kind;
use std::path::Path;

/// All frames of a kind are the file's packets; times are compared from the first one, to FLV's millisecond.
pub(crate) fn assert_same(outcome: &Outcome, kind: Kind, sent: &[Packet]) {
    let got = outcome.frames(kind);
    assert_eq!(got.len(), sent.len(), "{kind:?} frames");
    let Some(first) = got.first() else { return };
    for (n, (g, s)) in got.iter().zip(sent).enumerate() {
        let off = |ticks: i64, ms: f64| {
            let got_ms = (ticks - first.dts.ticks()) as f64;
            (got_ms - (ms - sent[0].dts_ms)).abs()
        };
        assert!(off(g.dts.ticks(), s.dts_ms) <= 1.5, "{kind:?} {n}: dts {:?}, sent {s:?}", g.dts);
        assert!(off(g.pts.ticks(), s.pts_ms) <= 2.5, "{kind:?} {n}: pts {:?}, sent {s:?}", g.pts);
        assert_eq!(g.payload.len(), s.bytes, "{kind:?} {n}");
        assert_eq!(g.keyframe, s.keyframe, "{kind:?} {n}");
    }
}

async fn push_by_ffmpeg(name: &str, made: &[&str], pushed: &[&str]) -> (Outcome, Vec<Packet>, Vec<Packet>) {
    let scratch = Scratch::new(name);
    let file = scratch.file("source.mp4");
    make(&file, made);
    let mut server = Server::start(Limits::default()).await;
    let arguments = [&["-i", file.to_str().unwrap()][..], &["-c", "copy"], pushed].concat();
    let (ok, text) = ffmpeg(&arguments, &server.url()).await;
    assert!(ok, "{text}");
    let outcome = server.outcome().await;
    assert!(matches!(outcome.end, Ok(End::Unpublished)), "{:?}", outcome.end);
    (outcome, packets(&file, "v"), packets(&file, "a"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ffmpeg_with_b_frames_arrives_whole() {
    let (outcome, video, audio) = push_by_ffmpeg("both", &[], &[]).await;
    assert_eq!(video.len(), 100);
    assert!(video.iter().any(|p| (p.pts_ms - p.dts_ms).abs() > 60.0), "the source has B-frames");
    assert_same(&outcome, Kind::Video, &video);
    assert_same(&outcome, Kind::Audio, &audio);
    assert_eq!(outcome.parameters().len(), 2, "{:?}", outcome.parameters());
    let offer = outcome.offer.unwrap();
    assert_eq!((offer.slug.as_deref(), offer.key.reveal()), (Some("hall"), "good"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ffmpeg_with_one_kind_only_arrives_whole() {
    let (outcome, video, _) = push_by_ffmpeg("video", &[], &["-an"]).await;
    assert_same(&outcome, Kind::Video, &video);
    assert!(outcome.frames(Kind::Audio).is_empty());
    let (outcome, _, audio) = push_by_ffmpeg("audio", &[], &["-vn"]).await;
    assert_same(&outcome, Kind::Audio, &audio);
    assert!(outcome.frames(Kind::Video).is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sound_that_starts_late_and_stops_early_arrives_whole() {
    let cut = "atrim=start=1.5:end=2.5";
    let (outcome, video, audio) = push_by_ffmpeg("late", &["-af", cut], &[]).await;
    assert!((40..60).contains(&audio.len()), "a second of sound: {}", audio.len());
    assert_same(&outcome, Kind::Video, &video);
    assert_same(&outcome, Kind::Audio, &audio);
    let late = outcome.frames(Kind::Audio)[0].dts.ticks() - outcome.frames(Kind::Video)[0].dts.ticks();
    assert!((1300..1700).contains(&late), "{late} ms late");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn gstreamer_arrives_whole() {
    gstreamer_arrives_whole_by("rtmp2sink").await;
}

/// `rtmpsink` is librtmp, which OBS is built on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn librtmp_arrives_whole() {
    gstreamer_arrives_whole_by("rtmpsink").await;
}

async fn gstreamer_arrives_whole_by(sink: &str) {
    let scratch = Scratch::new(sink);
    let file = scratch.file("source.mp4");
    make(&file, &[]);
    let mut server = Server::start(Limits::default()).await;
    let sent = scratch.file("sent.flv");
    let (ok, text) = finish(gstreamer(sink, &file, &server.url(), &sent)).await;
    let outcome = server.outcome().await;
    assert!(ok && matches!(outcome.end, Ok(End::Unpublished)), "{:?}: {text}", outcome.end);
    let (video, audio) = (packets(&sent, "v"), packets(&sent, "a"));
    assert!(video.len() == 100 && audio.len() > 180, "{} and {}", video.len(), audio.len());
    assert_same(&outcome, Kind::Video, &video);
    assert_same(&outcome, Kind::Audio, &audio);
    assert_eq!(outcome.offer.unwrap().slug.as_deref(), Some("hall"));
}

/// Publishes `file` and writes the same to `sent`: its demuxer leaves out the encoder's priming, so the file is no measure.
fn gstreamer(sink: &str, file: &Path, url: &str, sent: &Path) -> tokio::process::Command {
    let mut command = tokio::process::Command::new("gst-launch-1.0");
    let pipeline = format!(
        "filesrc location={} ! qtdemux name=d flvmux name=m streamable=true ! tee name=t \
         t. ! queue ! {sink} location={url} t. ! queue ! filesink location={} \
         d.video_0 ! queue ! h264parse ! m.video d.audio_0 ! queue ! aacparse ! m.audio",
        file.display(),
        sent.display()
    );
    command.args(["-q", "-e"]).args(pipeline.split_whitespace());
    command
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_encoder_shows_why() {
    let scratch = Scratch::new("refused");
    let file = scratch.file("source.mp4");
    make(&file, &[]);
    let mut server = Server::start(Limits::default()).await;
    let want = "Unknown broadcaster or wrong stream key.";
    for path in ["live/hall?key=bad", "live/nowhere?key=good", "live/bad", "other/hall?key=good"] {
        let url = format!("rtmp://{}/{path}", server.address);
        let (ok, text) = ffmpeg(&["-i", file.to_str().unwrap(), "-c", "copy"], &url).await;
        assert!(!ok && text.contains(want), "{path}: {text}");
        assert!(server.outcome().await.items.is_empty());
    }
    let url = format!("rtmp://{}/live/hall?key=bad", server.address);
    let (_, text) = finish(gstreamer("rtmp2sink", &file, &url, &scratch.file("sent.flv"))).await;
    assert!(text.contains(want), "GStreamer: {text}");
    assert!(crate::server::metric("amphi_rtmp_refused_total{reason=\"denied\"}") >= 5.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_codec_that_is_not_taken_is_named() {
    let mut server = Server::start(Limits::default()).await;
    let source = ["-f", "lavfi", "-i", "testsrc=s=320x180:r=25:d=3", "-c:v", "flv1"];
    let (_, text) = ffmpeg(&[&["-re"], &source[..]].concat(), &server.url()).await;
    let outcome = server.outcome().await;
    assert!(outcome.end.unwrap_err().to_string().contains("Sorenson"));
    assert!(text.contains("set the encoder to H.264"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_feed_that_is_closed_sends_the_encoder_away_in_order() {
    let mut server = Server::start(Limits::default()).await;
    let url = server.url();
    let source = ["-re", "-f", "lavfi", "-i", "testsrc=s=320x180:r=25:d=20", "-c:v", "libx264", "-g", "25"];
    let peer = tokio::spawn(async move { ffmpeg(&source, &url).await });
    let feed = server.feed().await;
    let mut items = Vec::new();
    assert!(feed.subscribe().next_batch(&mut items).await);
    feed.close();
    let outcome = server.outcome().await;
    assert!(matches!(outcome.end, Ok(End::Closed)), "{:?}", outcome.end);
    assert!(feed.has_ended());
    let began = std::time::Instant::now();
    peer.await.unwrap();
    assert!(began.elapsed() < std::time::Duration::from_secs(10), "ffmpeg went away");
}
