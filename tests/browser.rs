//! A viewer in Chromium, from the page: the live, its drops, its end, and the video. French and English.

use crate::previews;
use crate::support::ask::{get, packets, videos, wait_playable};
use crate::support::engine::{built, with_model};
use crate::support::peers::{Peer, wait_until};
use crate::support::server::{Options, Server};
use crate::support::stream::{Clip, pictures_told, playlist};
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
    wait_within(STEP, viewer, step, times)
}

/// What was reported of a step when it came for the so many-th time.
pub(crate) fn wait_within(within: Duration, viewer: &Peer, step: &str, times: usize) -> Value {
    let said = wait_until(within, || steps(viewer, step).len() >= times);
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

/// What the bar of a live shows is what a click on it leads to.
#[test]
fn browser_sees_previews_of_a_live_above_its_bar() {
    built();
    let server = server("60s");
    let folder = tempfile::tempdir().unwrap();
    let _encoder = previews::push(&server, folder.path());
    let mut viewer = chromium(&server, "previews", "en-GB", &["--seconds", "120"]);
    for n in 1..=3 {
        println!("{}", wait_for(&viewer, "preview", n));
    }
    println!("{}", wait_for(&viewer, "by_key", 1));
    wait_for(&viewer, "faults", 1);
    assert!(viewer.finish(STEP).success(), "{}", viewer.log());
}

/// A word each second from the half of the first on, as the scripted engine hears it.
pub(crate) fn counted_words(folder: &Path) {
    std::fs::write(folder.join("engine"), "scripted\n").unwrap();
    let line = |n: u32| {
        let at = f64::from(n) + 10.5;
        format!("{at} {} mot{n:02}\n{}", at + 0.4, if n % 3 == 2 { "\n" } else { "" })
    };
    std::fs::write(folder.join("script.txt"), (0..90).map(line).collect::<String>()).unwrap();
}

/// How long after its first word each caption came, in seconds, without the one that stood there already. `at`: where a picture is, in
/// seconds from the first.
fn lateness(shown: &Value, at: impl Fn(&Value) -> f64) -> Vec<f64> {
    let mut first_words = Vec::new();
    let mut late = Vec::new();
    for one in shown.as_array().unwrap() {
        let text = one["text"].as_str().unwrap().to_lowercase();
        let first: f64 = text.split("mot").nth(1).unwrap()[..2].parse().unwrap();
        // A caption grows word by word: what counts is when it began.
        if !first_words.contains(&first) {
            first_words.push(first);
            late.push(at(one) - 0.5 - first);
        }
    }
    late.drain(1..).collect()
}

#[test]
fn browser_changes_the_quality_and_reads_captions_at_their_pictures() {
    built();
    let settings = [
        ("AMPHI_LIVE__GRACE", "2s"),
        ("AMPHI_RENDITIONS__ENABLED", "true"),
        ("AMPHI_CAPTIONS__ENABLED", "true"),
        ("AMPHI_CAPTIONS__LANGUAGES", "[\"fr\"]"),
    ];
    let server = Server::start_on(Options::with(&settings), with_model("script", "fr", counted_words));
    let clip = Clip::of_a_hall("1920x1080");
    let encoder = clip.push_for_ever(&format!("rtmp://{}/live/demo?key=demo", server.rtmp()));
    wait_playable(server.http(), "demo");
    wait_for_segments(&server, 4);
    // Who comes before the engine's renditions gets them by a new list, with a new menu.
    let listed = || get(server.http(), "/live/demo/master.m3u8").text().unwrap_or_default().contains("360p/media.m3u8");
    assert!(wait_until(STEP, listed), "no renditions");
    let more = ["--height", "360", "--levels", "4", "--expect-ended", "60"];
    let mut viewer = chromium(&server, "choose", "fr-FR", &more);
    let captions = wait_for(&viewer, "captions", 1);
    println!("{}", wait_for(&viewer, "captions_styled", 1));
    wait_for(&viewer, "captions_off", 1);
    let undisturbed = wait_for(&viewer, "undisturbed", 1);
    let quality = wait_for(&viewer, "quality", 1);
    let sound = wait_for(&viewer, "sound_alone", 1);
    wait_for(&viewer, "live", 1);
    stop(encoder);
    let video = wait_for(&viewer, "video", 1);
    println!("{}", wait_for(&viewer, "video_styled", 1));
    let transcript = wait_for(&viewer, "transcript", 1);
    let of_video = wait_for(&viewer, "video_quality", 1);
    for (what, seen) in [("undisturbed", undisturbed), ("live", quality.clone()), ("sound", sound), ("video", of_video)]
    {
        println!("{what}: {seen}");
    }
    wait_for(&viewer, "faults", 1);
    assert!(viewer.finish(STEP).success(), "{}", viewer.log());

    assert_eq!(quality["heights"], serde_json::json!([1080, 720, 480, 360]), "the live's qualities");
    assert_eq!(video["heights"], quality["heights"], "the video has the same");
    let listed = videos(server.http(), "demo");
    let list = format!("{}/source/media.m3u8", listed[0]["hls_url"].as_str().unwrap().trim_end_matches("/master.m3u8"));
    let list = playlist(&server, &list);
    let began_ms = list.segments[0].head.pdt_ms.unwrap() as f64;
    let said = transcript["transcript"].as_str().unwrap().to_lowercase();
    let words: Vec<u32> = said.split("mot").skip(1).filter_map(|word| word.get(..2)?.parse().ok()).collect();
    println!("transcript: {transcript}");
    assert!(words.len() > 20 && words.windows(2).all(|w| w[1] == w[0] + 1), "each word once, in order: {words:?}");
    let (led_to, last) = (transcript["led_to_s"].as_f64().unwrap(), f64::from(*words.last().unwrap()));
    assert!(
        (last - 8.0..last + 4.0).contains(&led_to),
        "the last line leads to {led_to} s, its last word is at {last}"
    );
    for (what, late) in [
        ("live", lateness(&captions["shown"], |one| (one["date_ms"].as_f64().unwrap() - began_ms) / 1_000.0)),
        ("video", lateness(&video["shown"], |one| one["time_s"].as_f64().unwrap())),
    ] {
        println!("{what}: {late:?}");
        assert!(late.len() >= 2 && late.iter().all(|s| s.abs() <= 1.0), "{what}: {late:?}");
    }
}
