//! A video is cut by its playlists: what is shown begins and ends where it should, what is cut away is not there, and all of it comes back.

use crate::support::ask::{json, packets, videos, wait_playable};
use crate::support::http::get;
use crate::support::peers::{Peer, run_bytes, wait_until};
use crate::support::server::{Options, Server};
use crate::support::stream::{amphi_json, write};
use serde_json::{Value, json};
use std::time::Duration;

const LOOK: Duration = Duration::from_secs(60);
/// A changed cut is believed after 5 s at the latest.
const BELIEVED: Duration = Duration::from_secs(30);
const COLOURS: [(&str, [u8; 3]); 3] = [("red", [255, 0, 0]), ("blue", [0, 0, 255]), ("white", [255, 255, 255])];
/// Each colour, in seconds; a keyframe every second, 10 pictures a second.
const EACH_S: u64 = 6;

fn push(server: &Server) -> Peer {
    let inputs = COLOURS.map(|(colour, _)| format!("color=c={colour}:s=320x180:r=10:d={EACH_S}[{colour}]"));
    let labels = COLOURS.map(|(colour, _)| format!("[{colour}]")).concat();
    let graph = format!("{};{labels}concat=n=3:v=1:a=0[out0];sine=d={}[out1]", inputs.join(";"), 3 * EACH_S);
    let url = format!("rtmp://{}/live/demo?key=demo", server.rtmp());
    let input = ["-v", "error", "-re", "-f", "lavfi", "-i", &graph, "-c:a", "aac"];
    let encode = ["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-pix_fmt", "yuv420p", "-g", "10"];
    Peer::start("ffmpeg", input.iter().chain(&encode).chain(&["-f", "flv", &url]))
}

/// A picture that is decoded: two pixels square.
const PICTURE_BYTES: usize = 2 * 2 * 3;

/// The colours of the first and the last picture that a player would see.
fn colours(url: &str) -> [[u8; 3]; 2] {
    let words = ["-v", "error", "-i", url, "-vf", "crop=2:2", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"];
    let rgb = run_bytes("ffmpeg", words, LOOK);
    let last = rgb.len() - PICTURE_BYTES;
    [[rgb[0], rgb[1], rgb[2]], [rgb[last], rgb[last + 1], rgb[last + 2]]]
}

#[track_caller]
fn is(got: [u8; 3], wanted: [u8; 3]) {
    assert!(got.iter().zip(wanted).all(|(got, wanted)| got.abs_diff(wanted) <= 24), "{got:?} is not {wanted:?}");
}

fn listed(server: &Server, id: &str, rendition: &str) -> Vec<String> {
    let list = get(server.http(), &format!("/videos/{id}/{rendition}/media.m3u8")).text();
    list.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).map(str::to_owned).collect()
}

#[test]
fn what_is_shown_begins_and_ends_where_it_should_and_all_of_it_comes_back() {
    let server = Server::start(Options::with(&[("AMPHI_LIVE__GRACE", "1s"), ("AMPHI_LIVE__MIN_LENGTH", "1s")]));
    let mut encoder = push(&server);
    wait_playable(server.http(), "demo");
    assert!(encoder.finish(LOOK).success(), "{}", encoder.log());
    assert!(wait_until(LOOK, || !videos(server.http(), "demo").is_empty()));
    let id = videos(server.http(), "demo")[0]["id"].as_str().unwrap().to_owned();
    let url = format!("http://{}/videos/{id}/master.m3u8", server.http());
    let whole = listed(&server, &id, "source");
    assert_eq!(packets(&url, "v:0"), 3 * EACH_S * 10);
    let [first, last] = colours(&url);
    is(first, COLOURS[0].1);
    is(last, COLOURS[2].1);

    let token = amphi_json(&server, &["token", "create", "--label", "test", "--scope", "videos:write"], "token");
    let cut = |wish: Value| {
        let answer = write(&server, "PATCH", &format!("/api/v1/videos/{id}/cut"), &token, &wish.to_string());
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    };
    let said = cut(json!({ "start_ms": EACH_S * 1_000 + 300, "end_ms": 2 * EACH_S * 1_000 - 300 }));
    let (start, end) = (said["start_ms"].as_u64().unwrap(), said["end_ms"].as_u64().unwrap());
    // Segments are of two seconds here, and begin with a keyframe.
    assert!((4_000..=6_300).contains(&start) && (11_700..=14_000).contains(&end), "{said}");
    assert_eq!(json(server.http(), &format!("/api/v1/videos/{id}"))["duration_ms"], end - start);
    assert!(wait_until(BELIEVED, || listed(&server, &id, "source").len() < whole.len()), "still whole");
    let shown = listed(&server, &id, "source");
    assert!(whole.windows(shown.len()).any(|window| window == shown), "the same segments: {shown:?} of {whole:?}");
    assert_eq!(listed(&server, &id, "audio").len(), shown.len());
    assert_eq!(packets(&url, "v:0") * 100, end - start);
    let [first, last] = colours(&url);
    is(first, COLOURS[usize::from(start >= EACH_S * 1_000)].1);
    is(last, COLOURS[if end > 2 * EACH_S * 1_000 { 2 } else { 1 }].1);
    for gone in whole.iter().filter(|segment| !shown.contains(segment)) {
        for rendition in ["source", "audio"] {
            let path = format!("/videos/{id}/{rendition}/{gone}");
            assert_eq!(get(server.http(), &path).status, 404, "{path}");
        }
    }

    assert_eq!(cut(json!({ "start_ms": null, "end_ms": null }))["start_ms"], Value::Null);
    assert!(wait_until(BELIEVED, || listed(&server, &id, "source") == whole), "not whole again");
    assert_eq!(packets(&url, "v:0"), 3 * EACH_S * 10);
    is(colours(&url)[0], COLOURS[0].1);
}
