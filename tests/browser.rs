//! A viewer in Chromium, from the page: the live, its drops, its end, and the video. French and English.

use crate::support::ask::{get, packets, videos, wait_playable};
use crate::support::peers::{Peer, wait_until};
use crate::support::server::{Options, Server};
use crate::support::stream::pictures_told;
use serde_json::Value;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// For one step of a viewer's story on a machine that also encodes.
const STEP: Duration = Duration::from_secs(90);
/// Half a second of pictures: a part.
const PART_PICTURES: u64 = 15;

fn server(grace: &str) -> Server {
    let grace = ("AMPHI_LIVE__GRACE".to_owned(), grace.to_owned());
    Server::start(Options { environment: vec![grace], ..Options::default() })
}

/// An encoder that goes on until it is told to stop, and says how many pictures it sent.
fn push(server: &Server) -> Peer {
    let url = format!("rtmp://{}/live/demo?key=demo", server.rtmp());
    let inputs = ["-nostats", "-progress", "pipe:1", "-re", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=30"];
    let sound = ["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000"];
    let video = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "60"];
    let out = ["-c:a", "aac", "-f", "flv", &url];
    let encoder = Peer::start("ffmpeg", inputs.iter().chain(&sound).chain(&video).chain(&out));
    wait_playable(server.http(), "demo");
    encoder
}

/// A viewer who comes when there is something to watch: the judge follows lives from their first part.
fn wait_for_segments(server: &Server, segments: usize) {
    let listed = || {
        let list = get(server.http(), "/live/demo/source/media.m3u8").text().unwrap_or_default();
        list.matches("#EXTINF").count() >= segments
    };
    assert!(wait_until(STEP, listed), "no {segments} segments");
}

/// Stops it as a person does; gives the pictures it sent.
fn stop(mut encoder: Peer) -> u64 {
    encoder.terminate();
    encoder.finish(STEP);
    pictures_told(&encoder.whole_log(STEP))
}

fn chromium(server: &Server, command: &str, language: &str, more: &[&str]) -> Peer {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let shots = root.join("target/screenshots").join(format!("{command}-{language}"));
    let mut node = Command::new("node");
    node.arg(root.join("tests/support/peers/browser.mjs")).arg(command);
    node.arg("--url").arg(format!("http://{}/live/demo", server.http()));
    node.args(["--language", language, "--shots"]).arg(shots).args(more);
    Peer::spawn("node", &mut node)
}

/// What was reported so far of a step; fails at once when the viewer has failed.
fn steps(viewer: &Peer, step: &str) -> Vec<Value> {
    let log = viewer.log();
    let said: Vec<Value> = log.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    if let Some(failed) = said.iter().find(|one| one["step"] == "failed" || one["ok"] == false) {
        panic!("the viewer's {failed}\n{log}");
    }
    said.into_iter().filter(|one| one["step"] == step).collect()
}

fn wait_for(viewer: &Peer, step: &str, times: usize) -> Value {
    let said = wait_until(STEP, || steps(viewer, step).len() >= times);
    assert!(said, "{step} did not come:\n{}", viewer.log());
    steps(viewer, step).remove(times - 1)
}

fn story(language: &str, ended: &str) {
    let server = server("2s");
    let encoder = push(&server);
    wait_for_segments(&server, 4);
    let mut viewer = chromium(&server, "story", language, &["--expect-ended", "60", "--play-out"]);
    wait_for(&viewer, "go_live", 1);
    let sent = stop(encoder);
    assert_eq!(wait_for(&viewer, "ended", 1)["said"], ended);
    wait_for(&viewer, "video", 1);
    let shown = wait_for(&viewer, "play_out", 1);
    wait_for(&viewer, "faults", 1);
    assert!(viewer.finish(STEP).success(), "{}", viewer.log());

    let listed = videos(server.http(), "demo");
    assert_eq!(listed.len(), 1);
    let told_ms = listed[0]["duration_ms"].as_u64().unwrap();
    assert!(told_ms.abs_diff(sent * 1_000 / 30) <= 500, "{told_ms} ms of {sent} pictures");
    let url = format!("http://{}{}", server.http(), listed[0]["hls_url"].as_str().unwrap());
    let kept = packets(&url, "v:0");
    assert!(kept.abs_diff(sent) <= PART_PICTURES, "{kept} of {sent} pictures");
    let decoded = shown["decoded_frames"].as_u64().unwrap();
    assert!(decoded.abs_diff(sent) <= PART_PICTURES, "{decoded} of {sent} pictures were decoded: {shown}");
    let length_ms = shown["duration_s"].as_f64().unwrap() * 1_000.0;
    assert!((length_ms - told_ms as f64).abs() <= 500.0, "{shown}, {told_ms} ms told");
}

#[test]
fn browser_plays_seeks_goes_live_sees_the_end_and_the_video_in_french() {
    story("fr-FR", "Le direct est terminé");
}

#[test]
fn browser_plays_seeks_goes_live_sees_the_end_and_the_video_in_english() {
    story("en-GB", "The live is over");
}

/// 5 s: the held answers come through. 15 s: they are given up on with 503, and asked again.
#[test]
fn browser_goes_on_by_itself_after_drops_of_5_and_15_seconds() {
    let server = server("60s");
    let mut encoder = push(&server);
    wait_for_segments(&server, 4);
    let mut viewer = chromium(&server, "drop", "en-GB", &["--drops", "2"]);
    wait_for(&viewer, "live", 1);
    for (n, seconds) in [(1, 5), (2, 15)] {
        encoder.kill();
        wait_for(&viewer, "dropped", n);
        std::thread::sleep(Duration::from_secs(seconds));
        encoder = push(&server);
        let back = wait_for(&viewer, "back", n);
        println!("after a drop of {seconds} s: {back}");
        assert!(back["after_s"].as_f64().unwrap() < 15.0, "{back}");
    }
    wait_for(&viewer, "faults", 1);
    assert!(viewer.finish(STEP).success(), "{}", viewer.log());
}
