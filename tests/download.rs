//! A video is taken away as one MP4 file, put together of the segments that there are.

use crate::support::ask::{videos, wait_playable};
use crate::support::http::{Answer, Ask, ask};
use crate::support::peers::{Peer, run_bytes, wait_until};
use crate::support::server::{Options, Server};
use crate::support::stream::{amphi_json, write};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

const LOOK: Duration = Duration::from_secs(60);
/// Of each of two contributions, in seconds.
const EACH_S: u64 = 5;

/// Pictures that are not shown in the order in which they are decoded, and sound.
fn push(server: &Server, size: &str, rate_hz: &str) {
    let graph = format!("testsrc2=s={size}:r=25:d={EACH_S}[out0];sine=f=440:d={EACH_S}[out1]");
    let url = format!("rtmp://{}/live/demo?key=demo", server.rtmp());
    let input = ["-v", "error", "-re", "-f", "lavfi", "-i", &graph, "-c:a", "aac", "-ar", rate_hz, "-ac", "2"];
    let encode = ["-c:v", "libx264", "-preset", "fast", "-bf", "2", "-pix_fmt", "yuv420p", "-g", "25"];
    let mut encoder = Peer::start("ffmpeg", input.iter().chain(&encode).chain(&["-f", "flv", &url]));
    wait_playable(server.http(), "demo");
    assert!(encoder.finish(LOOK).success(), "{}", encoder.log());
}

/// What of each packet says what it is, without its time.
fn packets(of: &str, stream: &str) -> Vec<String> {
    let words = ["-v", "error", "-i", of, "-map", &format!("0:{stream}:0"), "-c", "copy", "-f", "framemd5", "-"];
    let text = String::from_utf8(run_bytes("ffmpeg", words, LOOK)).unwrap();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    // stream, dts, pts, duration, size, hash; side data follow.
    lines.map(|line| line.split(',').nth(5).unwrap().trim().to_owned()).collect()
}

/// What ffprobe says of a file.
fn probe(file: &Path) -> Value {
    let file = file.to_str().unwrap();
    let words = ["-v", "error", "-show_format", "-show_streams", "-show_packets", "-of", "json", file];
    serde_json::from_slice(&run_bytes("ffprobe", words, LOOK)).unwrap()
}

fn seconds(value: &Value) -> f64 {
    value.as_str().unwrap_or_else(|| panic!("{value}")).parse().unwrap()
}

/// When packets of a kind are decoded and shown, in order, seconds.
fn times(probed: &Value, kind: &str, time: &str) -> Vec<f64> {
    let packets = probed["packets"].as_array().unwrap().iter();
    packets.filter(|packet| packet["codec_type"] == kind).map(|packet| seconds(&packet[time])).collect()
}

#[test]
fn a_video_is_one_file_with_all_that_was_recorded_and_a_download_that_broke_off_goes_on() {
    let server = Server::start(Options::with(&[("AMPHI_LIVE__GRACE", "4s"), ("AMPHI_LIVE__MIN_LENGTH", "1s")]));
    push(&server, "320x180", "48000");
    push(&server, "640x360", "44100");
    assert!(wait_until(LOOK, || !videos(server.http(), "demo").is_empty()));
    let video = videos(server.http(), "demo").remove(0);
    let id = video["id"].as_str().unwrap();
    let token = amphi_json(&server, &["token", "create", "--label", "test", "--scope", "videos:write"], "token");
    let bearer = format!("Bearer {token}");
    let had = |path: &str, headers: &[(&str, &str)]| -> Answer {
        let headers = [&[("authorization", bearer.as_str())], headers].concat();
        ask(server.http(), path, &Ask { method: "GET", headers: &headers, body: "" })
    };
    let path = format!("/videos/{id}/download/source.mp4");
    let nobody = || ask(server.http(), &path, &Ask { method: "GET", headers: &[], body: "" });
    assert_eq!(nobody().status, 403, "its owner has not said that it may be taken away");

    let whole = had(&path, &[]);
    assert_eq!(whole.status, 200, "{}", whole.text());
    assert_eq!(whole.header("content-length"), Some(whole.body.len().to_string().as_str()));
    assert!(whole.header("content-disposition").unwrap().starts_with("attachment; filename=\""));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("source.mp4");
    std::fs::write(&file, &whole.body).unwrap();

    // Every packet, of both contributions, as they were recorded, and nothing else.
    let recorded = |rendition: &str, stream: &str| -> Vec<String> {
        let file = |n: u32| server.data_dir().join(format!("media/{id}/{rendition}-{n}.mp4"));
        let files = (0..).map(file).take_while(|file| file.exists());
        files.flat_map(|file| packets(file.to_str().unwrap(), stream)).collect()
    };
    for (rendition, stream) in [("source", "v"), ("audio", "a")] {
        let had = packets(file.to_str().unwrap(), stream);
        assert!(had.len() > 200, "{}", had.len());
        assert!(recorded(rendition, stream) == had, "{rendition}");
    }
    let probed = probe(&file);
    let duration_s = video["duration_ms"].as_f64().unwrap() / 1_000.0;
    assert!((seconds(&probed["format"]["duration"]) - duration_s).abs() < 0.15, "{} {duration_s}", probed["format"]);
    // In order, without a hole or a jump where the contribution began anew, pictures and sound side by side.
    for (kind, longest) in [("video", 0.25), ("audio", 0.25)] {
        let decoded = times(&probed, kind, "dts_time");
        let steps = decoded.windows(2).map(|pair| pair[1] - pair[0]);
        assert!(steps.clone().all(|step| step > 0.0 && step < longest), "{kind} {:?}", steps.collect::<Vec<_>>());
    }
    let last = |kind| times(&probed, kind, "pts_time").into_iter().fold(0.0, f64::max);
    assert!((last("video") - last("audio")).abs() < 0.15, "{} {}", last("video"), last("audio"));
    // Both sizes are decoded.
    let sizes = ["-v", "error", "-i", file.to_str().unwrap(), "-vf", "showinfo", "-an", "-f", "null", "-"];
    assert!(run_bytes("ffmpeg", sizes, LOOK).is_empty());

    // In pieces, as a browser does that goes on.
    let tag = whole.header("etag").unwrap().to_owned();
    let mut pieces = Vec::new();
    while pieces.len() < whole.body.len() {
        let range = format!("bytes={}-{}", pieces.len(), pieces.len() + 99_999);
        let piece = had(&path, &[("range", &range), ("if-range", &tag)]);
        assert_eq!(piece.status, 206, "{range}");
        assert!(piece.header("content-range").unwrap().ends_with(&format!("/{}", whole.body.len())));
        pieces.extend_from_slice(&piece.body);
    }
    assert!(pieces == whole.body, "pieces make the whole");
    assert_eq!(had(&path, &[("range", "bytes=-7")]).body, whole.body[whole.body.len() - 7..]);
    let beyond = format!("bytes={}-", whole.body.len());
    assert_eq!(had(&path, &[("range", &beyond)]).status, 416);

    // Sound alone.
    let sound = had(&format!("/videos/{id}/download/audio.mp4"), &[]);
    std::fs::write(folder.path().join("audio.mp4"), &sound.body).unwrap();
    assert_eq!(packets(folder.path().join("audio.mp4").to_str().unwrap(), "a"), recorded("audio", "a"));
    for missing in ["720p.mp4", "source.webm", "x.mp4"] {
        assert_eq!(had(&format!("/videos/{id}/download/{missing}"), &[]).status, 404, "{missing}");
    }
    // Another part is another file: a download that broke off begins anew.
    let change = |path: &str, wish: Value| {
        let answer = write(&server, "PATCH", path, &token, &wish.to_string());
        assert_eq!(answer.status, 200, "{}", answer.text());
    };
    change(&format!("/api/v1/videos/{id}/cut"), json!({ "start_ms": EACH_S * 1_000 - 500 }));
    let again = had(&path, &[("range", "bytes=10-"), ("if-range", &tag)]);
    assert!(again.status == 200 && again.body.len() < whole.body.len(), "{}", again.status);
    std::fs::write(&file, &again.body).unwrap();
    assert_eq!(times(&probe(&file), "video", "pts_time").into_iter().fold(9.0, f64::min), 0.0);
    // Whoever may watch may have it, when its owner says so.
    change(&format!("/api/v1/videos/{id}/access"), json!({ "downloadable": true }));
    assert!(wait_until(LOOK, || nobody().status == 200));
}
