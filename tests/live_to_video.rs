//! The whole road once: a real encoder pushes, viewers watch, it stops, and the finished video is there.

use crate::support::ask::{add_broadcaster, amphi, assert_clean, get, json, judge, packets, videos, wait_playable};
use crate::support::hls::multivariant::Kind;
use crate::support::hls::parse::media_playlist;
use crate::support::hls::reader::Outcome;
use crate::support::hls::rules::Settings;
use crate::support::peers::{Peer, run, wait_until};
use crate::support::server::{Options, Server};
use amphi::archive::check::{Known, check};
use amphi::archive::layout::Layout;
use serde_json::Value;
use std::time::Duration;

const RATE: u64 = 30;
const SECONDS: u64 = 30;
/// A part: what may be missing or too much at the end.
const PART_MS: u64 = 500;
/// x264 holds some pictures back until it has threads and looks ahead for all of them, and gives them at once when it ends.
const FLUSHED_MS: i64 = 250;
/// For programs that look at a finished thing.
const LOOK: Duration = Duration::from_secs(60);

fn server() -> Server {
    let grace = ("AMPHI_LIVE__GRACE".to_owned(), "2s".to_owned());
    Server::start(Options { environment: vec![grace], ..Options::default() })
}

/// A newcomer's line: 640x360 at 30 frames with sound, for some seconds.
fn push(server: &Server, stream: &str, seconds: u64) -> Peer {
    let url = format!("rtmp://{}/live/{stream}", server.rtmp());
    let picture = format!("testsrc2=size=640x360:rate={RATE}");
    let seconds = seconds.to_string();
    let inputs = [
        "-v",
        "error",
        "-re",
        "-f",
        "lavfi",
        "-i",
        &picture,
        "-f",
        "lavfi",
        "-i",
        "sine=frequency=440:sample_rate=48000",
    ];
    let video = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "60"];
    let sound = ["-c:a", "aac", "-t", &seconds, "-f", "flv", &url];
    Peer::start("ffmpeg", inputs.iter().chain(&video).chain(&sound))
}

/// What ffprobe says of the streams behind a URL or in a file.
fn probe(what: &str, more: &[&str]) -> Vec<Value> {
    let words = ["-v", "error", "-show_streams", "-of", "json"];
    let text = run("ffprobe", words.iter().chain(more).chain(&[what]), LOOK);
    let all: Value = serde_json::from_str(&text).unwrap();
    all["streams"].as_array().unwrap().clone()
}

fn stream<'a>(streams: &'a [Value], kind: &str) -> &'a Value {
    streams.iter().find(|stream| stream["codec_type"] == kind).unwrap_or_else(|| panic!("no {kind}: {streams:?}"))
}

/// Two readers that know nothing of us see the live as our judge does.
fn others_agree(server: &Server) {
    let master = format!("http://{}/live/demo/master.m3u8", server.http());
    let streams = probe(&master, &[]);
    let video = stream(&streams, "video");
    assert_eq!((&video["codec_name"], &video["width"], &video["height"]), (&"h264".into(), &640.into(), &360.into()));
    assert_eq!(stream(&streams, "audio")["codec_name"], "aac");

    let text = get(server.http(), "/live/demo/master.m3u8").body;
    let (_, parsed) = m3u8_rs::parse_master_playlist(&text).unwrap();
    let shown = parsed.variants.iter().find(|variant| !variant.is_i_frame).unwrap();
    assert_eq!(shown.resolution.map(|size| (size.width, size.height)), Some((640, 360)));
    assert_eq!((shown.frame_rate.map(f64::round), shown.audio.is_some()), (Some(30.0), true));
    assert_eq!(parsed.alternatives.len(), 1);
    for rendition in ["source", "audio"] {
        let text = get(server.http(), &format!("/live/demo/{rendition}/media.m3u8")).body;
        let (_, theirs) = m3u8_rs::parse_media_playlist(&text).unwrap();
        let ours = media_playlist(std::str::from_utf8(&text).unwrap()).unwrap();
        assert_eq!(theirs.target_duration, ours.target_duration_s);
        assert_eq!((theirs.media_sequence, theirs.end_list), (ours.media_sequence, ours.ended));
        assert_eq!(Some(theirs.discontinuity_sequence), ours.discontinuity_sequence);
        assert!(ours.segments.len() >= 3);
        let theirs: Vec<(&str, Option<i64>)> = theirs
            .segments
            .iter()
            .map(|segment| (&*segment.uri, segment.program_date_time.map(|date| date.timestamp_millis())))
            .collect();
        let ours: Vec<_> = ours.segments.iter().map(|segment| (&*segment.uri, segment.head.pdt_ms)).collect();
        assert_eq!(theirs, ours, "{rendition}");
    }
}

fn on_air(server: &Server) {
    let mut shown = Value::Null;
    // Viewers are counted by their last request, and the status is made anew once a second.
    let watched = || {
        shown = json(server.http(), "/api/v1/broadcasters/demo");
        shown["viewers"].as_u64() >= Some(1)
    };
    let seen = wait_until(Duration::from_secs(10), watched);
    assert!(seen, "our reader is one: {shown}");
    assert_eq!((&shown["slug"], &shown["on_air"]), (&"demo".into(), &true.into()), "{shown}");
    let contribution = &shown["contribution"];
    assert_eq!(contribution["protocol"], "rtmp");
    let video = &contribution["video"];
    assert!(video["codec"].as_str().unwrap().starts_with("avc1."), "{shown}");
    assert_eq!((&video["width"], &video["height"]), (&640.into(), &360.into()), "{shown}");
    assert!((29.0..=31.0).contains(&video["frame_rate"].as_f64().unwrap()), "{shown}");
    assert_eq!(contribution["keyframe_interval_ms"], 2_000, "{shown}");
    for field in ["peer", "audio", "bitrate_bps", "av_drift_ms", "timestamp_jumps", "dropped_frames"] {
        assert!(!contribution[field].is_null(), "{field} in {shown}");
    }
    let names: Vec<_> = shown["renditions"].as_array().unwrap().iter().map(|one| one["name"].as_str()).collect();
    assert_eq!(names, [Some("source"), Some("audio")]);
}

fn the_live_was_right(outcome: &Outcome) {
    assert_clean("demo", &outcome.breaches);
    assert!(outcome.ended, "ENDLIST in every rendition");
    let kinds: Vec<Kind> = outcome.renditions.iter().map(|rendition| rendition.kind).collect();
    assert_eq!(kinds.len(), 3, "{kinds:?}");
    let seconds = outcome.parts as f64 / 2.0 * PART_MS as f64 / 1_000.0;
    assert!(seconds > SECONDS as f64 * 0.8, "{} parts in two renditions", outcome.parts);
}

fn the_video_is_what_was_pushed(server: &Server) -> String {
    let listed = videos(server.http(), "demo");
    assert_eq!(listed.len(), 1, "{listed:?}");
    let video = &listed[0];
    let id = video["id"].as_str().unwrap().to_owned();
    assert_eq!(video["hls_url"], format!("/videos/{id}/master.m3u8"));
    assert!(video["page_url"].as_str().unwrap().starts_with(&format!("/videos/{id}-")), "{video}");
    assert_eq!((&video["state"], &video["captions"]), (&"ended".into(), &Value::Array(Vec::new())));
    assert!(!video["title"].as_str().unwrap().is_empty());
    let told_ms = video["duration_ms"].as_u64().unwrap();
    assert!(told_ms.abs_diff(SECONDS * 1_000) <= PART_MS, "{told_ms} ms");

    let url = format!("http://{}/videos/{id}/master.m3u8", server.http());
    let streams = probe(&url, &["-count_frames"]);
    let frames: u64 = stream(&streams, "video")["nb_read_frames"].as_str().unwrap().parse().unwrap();
    assert!(frames.abs_diff(RATE * SECONDS) <= RATE * PART_MS / 1_000, "{frames} frames decoded");
    // 48,000 samples a second in frames of 1,024.
    let sound = packets(&url, "a:0");
    let due = SECONDS * 48_000 / 1_024;
    assert!(sound.abs_diff(due) <= 1 + 24, "{sound} frames of sound, {due} were due");
    let page = get(server.http(), video["page_url"].as_str().unwrap());
    assert!(page.status == 200 && page.text().unwrap().contains("kind=\"video\""));
    id
}

fn files_are_playable_and_few(server: &Server, id: &str) {
    let folder = server.data_dir().join("media").join(id);
    let mut names: Vec<_> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    // What a job makes afterwards, when there is an engine.
    names.retain(|name| !name.to_string_lossy().contains("poster") && !name.to_string_lossy().contains("storyboard"));
    names.sort();
    assert_eq!(names, ["audio-0.mp4", "index", "source-0.mp4"]);
    for (name, kind) in [("source-0.mp4", "video"), ("audio-0.mp4", "audio")] {
        let path = folder.join(name);
        let streams = probe(path.to_str().unwrap(), &[]);
        assert_eq!((streams.len(), &streams[0]["codec_type"]), (1, &kind.into()));
        run("ffmpeg", ["-v", "error", "-xerror", "-i", path.to_str().unwrap(), "-f", "null", "-"], LOOK);
        let head = std::fs::read(&path).unwrap();
        assert!(head.windows(4).any(|kind| kind == b"mvex"), "{name} is no fragmented MP4");
    }
    let known = [Known { id: id.to_owned(), ended: true }];
    let findings = check(&Layout::new(server.data_dir().join("media")), &known);
    assert!(findings.is_empty(), "{findings:?}");
}

#[test]
fn what_is_pushed_is_watched_live_and_is_a_video_when_it_ends() {
    let server = server();
    let mut encoder = push(&server, "demo?key=demo", SECONDS);
    let outcome = std::thread::scope(|scope| {
        let settings = Settings { future_ms: FLUSHED_MS, ..Settings::default() };
        let reader = scope.spawn(|| judge(server.http(), "demo", Duration::from_secs(90), settings));
        let long = || {
            let answer = get(server.http(), "/live/demo/source/media.m3u8");
            answer.status == 200 && answer.text().unwrap().matches("#EXTINF").count() >= 6
        };
        assert!(wait_until(Duration::from_secs(60), long));
        on_air(&server);
        others_agree(&server);
        assert!(encoder.finish(Duration::from_secs(60)).success(), "{}", encoder.log());
        reader.join().unwrap()
    });
    the_live_was_right(&outcome);
    let id = the_video_is_what_was_pushed(&server);
    files_are_playable_and_few(&server, &id);
    assert_eq!(json(server.http(), "/api/v1/broadcasters/demo")["on_air"], false);
}

#[test]
fn a_recording_shorter_than_the_least_is_kept_but_not_listed() {
    let server = server();
    let stream = add_broadcaster(&server, "hall");
    let _encoder = push(&server, &stream, 4);
    wait_playable(server.http(), "hall");
    let all = || serde_json::from_str::<Vec<Value>>(&amphi(&server, &["video", "list", "--json"])).unwrap();
    assert!(wait_until(Duration::from_secs(60), || all()[0]["state"] == "ended"), "{:?}", all());
    let video = &all()[0];
    assert_eq!((&video["listed"], &video["broadcaster"]), (&false.into(), &"hall".into()));
    assert!(video["duration_ms"].as_u64().unwrap().abs_diff(4_000) <= PART_MS, "{video}");
    assert!(videos(server.http(), "hall").is_empty());
    let id = video["id"].as_str().unwrap();
    assert_eq!(packets(&format!("http://{}/videos/{id}/master.m3u8", server.http()), "v:0"), 4 * RATE);
}
