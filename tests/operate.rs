//! The operators' wall with a real push: an operator who has signed in reads it as their page does, by its stream of events, while an encoder
//! comes, suffers and ends.

use crate::support::browser::{Browser, add_person};
use crate::support::engine::{built, engines};
use crate::support::flv::{Tag, encode, tags};
use crate::support::hls::connection::wall_ms;
use crate::support::http::{Ask, ask};
use crate::support::line::Line;
use crate::support::peers::{Log, Peer, run_bytes, wait_until};
use crate::support::publisher::{Plan, Publisher};
use crate::support::server::{Options, Server};
use crate::support::stream::{Clip, SOON, amphi, amphi_json, broadcaster, url, wait_on_air, wait_state};
use rustix::process::Signal;
use serde_json::{Map, Value};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// From a line that is too slow, or silent, to an operator who is told; and from a line that is good again.
const TOLD: Duration = Duration::from_secs(10);
/// Of the clip, less than which starves who watches it.
const CLIP_BYTES_PER_S: u64 = (500_000 + 64_000) / 8;

/// A wall as a page has it after the messages so far.
struct Wall {
    said: Log,
}

impl Wall {
    fn open(operator: &Browser, path: &str) -> Self {
        Self { said: operator.listen(path) }
    }

    /// Tiles by their slugs; each message is a line of data after a line with its name.
    fn tiles(&self) -> Map<String, Value> {
        let (text, mut tiles) = (self.said.text(), Map::new());
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        let mut event = "";
        for line in whole.lines() {
            if let Some(name) = line.strip_prefix("event: ") {
                event = name;
            }
            let Some(data) = line.strip_prefix("data: ") else { continue };
            let message: Vec<Value> = serde_json::from_str(data).unwrap_or_else(|error| panic!("{error}: {data}"));
            if event == "all" {
                tiles.clear();
            }
            for change in message {
                let slug = change["slug"].as_str().unwrap().to_owned();
                let tile = tiles.entry(slug).or_insert_with(|| Value::Object(Map::new()));
                tile.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            }
        }
        tiles
    }

    fn tile(&self, slug: &str) -> Value {
        self.tiles().remove(slug).unwrap_or_default()
    }

    /// Waits until a tile looks as wanted; gives it and how long that took.
    fn wait(&self, slug: &str, within: Duration, what: &str, so: impl Fn(&Value) -> bool) -> (Value, Duration) {
        let (began, mut tile) = (Instant::now(), Value::Null);
        let there = wait_until(within, || {
            tile = self.tile(slug);
            so(&tile)
        });
        assert!(there, "{slug} is not {what} after {within:?}: {tile}");
        (tile, began.elapsed())
    }
}

fn says(tile: &Value, code: &str) -> bool {
    tile["alerts"].as_array().is_some_and(|alerts| alerts.iter().any(|alert| alert[1] == code))
}

/// Nothing that calls for an operator.
fn is_well(tile: &Value) -> bool {
    tile["state"] == "on_air" && tile["level"] == "ok" && tile["alerts"].as_array().is_some_and(Vec::is_empty)
}

#[test]
fn an_operator_sees_a_push_come_suffer_recover_and_end() {
    let server = Server::start(Options::with(&[("AMPHI_LIVE__GRACE", "60s")]));
    let marie = add_person(&server, "marie", "operator");
    let mut marie = Browser::sign_in(&server, "marie", &marie);
    assert_eq!(marie.get("/operate").status, 200);
    let wall = Wall::open(&marie, "/operate/_/events");
    wall.wait("demo", SOON, "idle", |tile| tile["state"] == "idle");

    let (clip, line) = (Clip::new("320x180", 90), Line::to(server.rtmp()));
    let encoder = clip.push_for_ever(&format!("rtmp://{}/live/demo?key=demo", line.at()));
    // A push begins with what came before the first keyframe's segment; figures over some seconds settle after it.
    let (tile, _) = wall.wait("demo", SOON, "on air and measured", |tile| {
        is_well(tile) && tile["keyframe_ms"].is_u64() && tile["fps"] == 25.0 && tile["pace"].is_u64()
    });
    assert!(tile["codec"].as_str().unwrap().starts_with("avc1."), "{tile}");
    assert_eq!((tile["size"].as_str(), tile["protocol"].as_str()), (Some("320×180"), Some("rtmp")), "{tile}");
    assert_eq!(tile["keyframe_ms"], 1_000, "{tile}");
    assert!((200..900).contains(&tile["kbps"].as_u64().unwrap()), "{tile}");
    assert!(tile["sound"].as_str().unwrap().starts_with("mp4a.40.2"), "{tile}");
    assert!(tile["renditions"].as_str().unwrap().contains("source"), "{tile}");

    let watching = Browser::new(&server).listen("/live/demo/events");
    wall.wait("demo", TOLD, "watched", |tile| tile["viewers"] == 1 && tile["peak"] == 1);
    assert!(!watching.is_complete());

    line.narrow(CLIP_BYTES_PER_S / 2);
    let (tile, starved) = wall.wait("demo", TOLD, "starved", |tile| says(tile, "starved"));
    assert_eq!(tile["level"], "error", "{tile}");
    assert!(tile["pace"].as_u64().unwrap() < 90, "{tile}");
    assert!(marie.get("/operate").text().contains("Too little arrives"), "the page says the same");
    line.widen();
    let (_, recovered) = wall.wait("demo", TOLD, "well again", is_well);

    encoder.signal(Signal::STOP);
    let (tile, silent) = wall.wait("demo", TOLD, "silent", |tile| says(tile, "silent"));
    assert_eq!(tile["level"], "error", "{tile}");
    encoder.signal(Signal::CONT);
    let (_, heard) = wall.wait("demo", TOLD, "heard again", is_well);
    println!("starved after {starved:?}, well after {recovered:?}; silent after {silent:?}, heard after {heard:?}");

    let ended = marie.fill("/operate/demo", "/operate/demo/end", "now=1");
    assert_eq!((ended.status, ended.header("location")), (303, Some("/operate/demo")), "{}", ended.text());
    wall.wait("demo", TOLD, "ended", |tile| tile["state"] == "ended");
    assert!(!wall.said.is_complete(), "it goes on");
}

#[test]
fn a_microphone_that_is_switched_off_shows_on_the_wall_though_nothing_captions_it() {
    let server = Server::start(Options::with(&[("AMPHI_CAPTIONS__MEASURE_SOUND", "true")]));
    let marie = add_person(&server, "marie", "operator");
    let mut marie = Browser::sign_in(&server, "marie", &marie);
    let wall = Wall::open(&marie, "/operate/_/events");
    let spoken_s = 12;
    let sound = format!("sine=sample_rate=48000,volume=volume=0:enable='gt(t,{spoken_s})'");
    let pictures = ["-re", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25", "-f", "lavfi", "-i", &sound];
    let encoded =
        ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "50", "-c:a", "aac", "-f", "flv"];
    let to = url(&server, "demo", "demo");
    let _encoder = Peer::start("ffmpeg", ["-v", "error"].iter().chain(&pictures).chain(&encoded).chain([&to.as_str()]));
    // Peak and mean of ffmpeg's sine.
    let (tile, _) = wall.wait("demo", SOON, "loud", |tile| tile["loudness"] == "-18 / -21");
    assert!(!says(&tile, "silent_sound"), "{tile}");
    let (_, after) =
        wall.wait("demo", Duration::from_secs(spoken_s + 20) + SOON, "silent", |tile| says(tile, "silent_sound"));
    assert!(after > Duration::from_secs(20), "no pause is that short: {after:?}");
    let told = wall.tile("demo")["loudness"].clone();
    let peak: i32 = told.as_str().unwrap().split(" / ").next().unwrap().parse().unwrap();
    assert!(peak <= -80, "what AAC makes of silence: {told}");
    assert_eq!(engines(&server).len(), 1);
    assert_eq!(
        marie.get("/live/demo/master.m3u8").text().matches("TYPE=SUBTITLES").count(),
        0,
        "viewers see nothing of it"
    );
}

/// A push that begins within a group of pictures, whose sound lags behind more and more, and one of whose pictures says that it is 10 s older than
/// it is.
fn suffering() -> Vec<Tag> {
    let mut tags = tags(encode("320x180", 25, &["-t", "40", "-g", "25", "-bf", "0"]));
    let first = tags.iter().position(Tag::is_keyframe).unwrap();
    tags.remove(first);
    for tag in tags.iter_mut().filter(|tag| !tag.video) {
        tag.at_ms -= tag.at_ms * 3 / 100;
    }
    let wrong = tags.iter_mut().find(|tag| tag.is_picture() && !tag.is_keyframe() && tag.at_ms > 12_000).unwrap();
    wrong.at_ms -= 10_000;
    tags
}

#[test]
fn an_operator_sees_sound_that_drifts_timestamps_that_were_repaired_and_frames_that_were_dropped() {
    let server = Server::start(Options::with(&[("AMPHI_LIVE__GRACE", "60s")]));
    let marie = add_person(&server, "marie", "operator");
    let marie = Browser::sign_in(&server, "marie", &marie);
    let wall = Wall::open(&marie, "/operate/_/events");
    let plan = Plan { tags: Arc::new(suffering()), silent_after: true };
    let publisher = Publisher::start(server.rtmp(), "demo?key=demo", plan);
    let (tile, _) = wall.wait("demo", SOON, "on air", |tile| tile["state"] == "on_air" && tile["drops"].is_u64());
    // What comes before the first keyframe can't be shown: the rest of its group.
    assert_eq!((tile["drops"].as_u64(), tile["repairs"].as_u64()), (Some(24), Some(0)), "{tile}");
    assert!(says(&tile, "dropped_frames"), "{tile}");
    let (tile, _) = wall.wait("demo", SOON, "repaired", |tile| tile["repairs"] == 1);
    assert!(says(&tile, "timestamp_jumps") && tile["state"] == "on_air", "{tile}");
    // 3 % slower than the pictures: 30 ms behind after each second.
    let (tile, _) = wall.wait("demo", SOON, "drifting", |tile| tile["drift_ms"].as_i64() < Some(-500));
    assert!((-1_300..-500).contains(&tile["drift_ms"].as_i64().unwrap()), "{tile}");
    // What was beside the repaired picture came too late, some of it.
    assert!(tile["drops"].as_u64() >= Some(24) && tile["repairs"] == 1, "{tile}");
    publisher.stop();
}

#[test]
fn an_operator_of_a_building_is_told_nothing_of_another() {
    let server = Server::start(Options::with(&[("AMPHI_LIVE__GRACE", "60s")]));
    let key = amphi_json(&server, &["broadcaster", "add", "lab"], "key");
    for (building, hall) in [("North", "demo"), ("South", "lab")] {
        amphi(&server, &["building", "add", building]);
        amphi(&server, &["broadcaster", "access", hall, "--building", building]);
    }
    let paul = add_person(&server, "paul", "operator");
    amphi(&server, &["user", "change", "paul", "--building", "North"]);
    let mut paul = Browser::sign_in(&server, "paul", &paul);
    let walls = ["/operate/_/events", "/operate/_/events?only=lab"].map(|path| Wall::open(&paul, path));
    walls[0].wait("demo", SOON, "idle", |tile| tile["state"] == "idle");

    let clip = Clip::new("320x180", 60);
    let _south = clip.push_for_ever(&format!("rtmp://{}/live/lab?key={key}", server.rtmp()));
    wait_state(&server, "lab", "on_air");
    let _north = clip.push_for_ever(&format!("rtmp://{}/live/demo?key=demo", server.rtmp()));
    walls[0].wait("demo", SOON, "on air", |tile| tile["state"] == "on_air");
    // Both were on air when this was said.
    for wall in &walls {
        assert!(!wall.said.text().contains("\"lab\""), "{}", wall.said.text());
    }
    let page = paul.get("/operate").text();
    assert!(page.contains("data-slug=\"demo\"") && !page.contains("data-slug=\"lab\""), "{page}");
    assert_eq!(paul.get("/operate/lab").status, 403);
    let refused = paul.fill("/operate/demo", "/operate/lab/end", "now=1");
    assert_eq!(refused.status, 403, "{}", refused.text());
    assert_eq!(broadcaster(&server, "lab")["on_air"], true);

    // What is put into their building appears without a new page, whole, and goes the same way.
    amphi(&server, &["broadcaster", "access", "lab", "--building", "North"]);
    walls[0].wait("lab", SOON, "theirs now", |tile| tile["state"] == "on_air" && tile["title"].is_string());
    walls[1].wait("lab", SOON, "theirs now", |tile| tile["state"] == "on_air" && tile["title"].is_string());
    amphi(&server, &["broadcaster", "access", "lab", "--building", "South"]);
    walls[0].wait("lab", SOON, "gone", Value::is_null);
}

/// The one that writes JPEG begins so, and ends so.
fn is_jpeg(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0xff, 0xd8, 0xff]) && bytes.ends_with(&[0xff, 0xd9])
}

/// Mean red, green and blue of a JPEG's middle, as ffmpeg decodes it.
fn middle(jpeg: &[u8], folder: &std::path::Path) -> [u8; 3] {
    let file = folder.join("still.jpg");
    std::fs::write(&file, jpeg).unwrap();
    let words = ["-v", "error", "-i", file.to_str().unwrap(), "-vf", "crop=iw/2:ih/2,scale=1:1:flags=area"];
    let bytes = run_bytes("ffmpeg", words.into_iter().chain(["-f", "rawvideo", "-pix_fmt", "rgb24", "-"]), SOON);
    bytes.try_into().unwrap_or_else(|bytes| panic!("{bytes:?}"))
}

#[test]
fn a_tile_has_a_picture_of_what_is_shown_now_and_none_of_what_was() {
    built();
    let server = Server::start(Options::with(&[("AMPHI_LIVE__GRACE", "60s")]));
    let marie = add_person(&server, "marie", "operator");
    let mut marie = Browser::sign_in(&server, "marie", &marie);
    assert_eq!(marie.get("/live/demo/picture.jpg").status, 404, "nothing is on air");
    // Red for eight seconds, then blue; a keyframe every two.
    let folder = tempfile::tempdir().unwrap();
    let clip = folder.path().join("clip.flv");
    let colours = "color=c=red:s=640x360:r=25:d=8[a];color=c=blue:s=640x360:r=25:d=60[b];[a][b]concat=n=2:v=1:a=0";
    let words = format!(
        "-v error -f lavfi -i {colours} -c:v libx264 -preset ultrafast -g 50 -pix_fmt yuv420p {}",
        clip.display()
    );
    run_bytes("ffmpeg", words.split(' '), SOON);
    let url = format!("rtmp://{}/live/demo?key=demo", server.rtmp());
    let words = ["-v", "error", "-nostdin", "-re", "-i", clip.to_str().unwrap(), "-c", "copy", "-f", "flv", &url];
    let mut encoder = Peer::start("ffmpeg", words);
    wait_on_air(&server, "demo");
    assert_eq!(engines(&server).len(), 0, "nobody looks: nothing is decoded");

    // One who comes to the home page has it at once.
    let mut anybody = Browser::new(&server);
    assert!(anybody.get("/").text().contains("<img src=\"/live/demo/picture.jpg\""));
    let first = anybody.get("/live/demo/picture.jpg");
    assert_eq!((first.status, first.header("content-type")), (200, Some("image/jpeg")), "{}", first.text());
    assert!(is_jpeg(&first.body) && first.took < Duration::from_secs(6), "{:?}", first.took);
    let [red, _, blue] = middle(&first.body, folder.path());
    assert!(red > 200 && blue < 50, "it is red: {red} {blue}");
    let tag = first.header("etag").unwrap().to_owned();
    let headers = [("if-none-match", tag.as_str())];
    let again = ask(server.http(), "/live/demo/picture.jpg", &Ask { headers: &headers, ..Ask::default() });
    assert!(again.status == 304 && again.body.is_empty() || again.header("etag") != Some(&tag), "{again:?}");

    let wall = Wall::open(&marie, "/operate/_/events");
    let mut oldest_ms = 0;
    let began = Instant::now();
    let blue = wait_until(SOON, || {
        let Some(at) = wall.tile("demo")["picture_ms"].as_i64() else { return false };
        if began.elapsed() > Duration::from_secs(6) {
            oldest_ms = oldest_ms.max(wall_ms() - at);
        }
        let picture = marie.get(&format!("/live/demo/picture.jpg?at={at}"));
        is_jpeg(&picture.body) && middle(&picture.body, folder.path())[2] > 200
    });
    assert!(blue, "it never turned blue: {}", wall.tile("demo"));
    println!("the first after {:?}; the oldest shown was {oldest_ms} ms old", first.took);
    assert!(oldest_ms <= 6_000, "{oldest_ms} ms: five seconds, and one for a machine that also compiles");

    // What was shown when the encoder left is not shown as what is.
    encoder.kill();
    wall.wait("demo", SOON, "without a picture", |tile| tile["state"] == "dropped" && tile["picture_ms"].is_null());
    assert!(wait_until(SOON, || anybody.get("/live/demo/picture.jpg").status == 204));
    assert!(wait_until(SOON, || engines(&server).is_empty()), "an engine runs though there is nothing to decode");
}

#[test]
fn without_an_engine_a_tile_says_that_it_has_no_picture() {
    let server = Server::start(Options::with(&[("AMPHI_ENGINE__PROGRAM", "/nowhere/amphi-engine")]));
    let marie = add_person(&server, "marie", "operator");
    let mut marie = Browser::sign_in(&server, "marie", &marie);
    let clip = Clip::new("320x180", 60);
    let _encoder = clip.push_for_ever(&format!("rtmp://{}/live/demo?key=demo", server.rtmp()));
    wait_on_air(&server, "demo");
    let none = marie.get("/live/demo/picture.jpg");
    assert_eq!((none.status, none.body.len()), (204, 0));
    let page = marie.get("/operate").text();
    assert!(page.contains("<span data-no-picture>No picture</span>"), "{page}");
    let wall = Wall::open(&marie, "/operate/_/events");
    wall.wait("demo", SOON, "on air without a picture", |tile| {
        tile["state"] == "on_air" && tile["picture_ms"].is_null()
    });
    let said = server.log();
    assert_eq!(said.matches("there are no pictures of lives on air").count(), 1, "once: {said}");
}
