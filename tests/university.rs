//! A day at a university in Chromium: a hall is added, a push is watched, starves and recovers, its recording is claimed, cut and given to a group. Whoever
//! is not in the group is refused at every door, and whoever is sees all of it.

use crate::browser::{counted_words, wait_within};
use crate::support::browser::{Browser, add_person};
use crate::support::engine::{built, with_model};
use crate::support::line::Line;
use crate::support::peers::Peer;
use crate::support::server::{Options, Server};
use crate::support::stream::{Clip, amphi};
use serde_json::Value;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// For one step of the story on a machine that also encodes.
const STEP: Duration = Duration::from_secs(150);
/// Of the clip, less than which starves who watches it.
const CLIP_BYTES_PER_S: u64 = (500_000 + 64_000) / 8;

const PEOPLE: [(&str, &str); 5] = [
    ("technician", "operator"),
    ("student", "viewer"),
    ("teacher", "contributor"),
    ("stranger", "contributor"),
    ("member", "viewer"),
];

/// What was reported of a step; fails at once when something went wrong.
fn wait_for(story: &Peer, step: &str) -> Value {
    wait_within(STEP, story, step, 1)
}

#[test]
fn a_hall_is_added_a_live_is_watched_and_its_recording_is_claimed_cut_and_given_to_a_group() {
    built();
    let settings = [
        ("AMPHI_LIVE__GRACE", "2s"),
        ("AMPHI_CAPTIONS__ENABLED", "true"),
        ("AMPHI_CAPTIONS__LANGUAGES", "[\"fr\"]"),
        ("AMPHI_JOBS__AT_ONCE", "1"),
    ];
    let server = Server::start_on(Options::with(&settings), with_model("script", "fr", counted_words));
    amphi(&server, &["group", "add", "M1"]);
    let passwords: Vec<(&str, String)> =
        PEOPLE.iter().map(|(login, role)| (*login, add_person(&server, login, role))).collect();
    for login in ["teacher", "member"] {
        amphi(&server, &["user", "change", login, "--group", "M1"]);
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut node = Command::new("node");
    node.arg(root.join("tests/support/peers/university.mjs"));
    node.arg(format!("http://{}", server.http())).arg("M1").arg(root.join("target/screenshots/university"));
    node.args(passwords.iter().map(|(login, password)| format!("{login}={password}")));
    let mut story = Peer::spawn("node", &mut node);

    let key = wait_for(&story, "key")["key"].as_str().unwrap().to_owned();
    let (clip, line) = (Clip::new("320x180", 60), Line::to(server.rtmp()));
    let mut encoder = clip.push_for_ever(&format!("rtmp://{}/live/amphi-ada?key={key}", line.at()));
    wait_for(&story, "watched");
    wait_for(&story, "well");
    line.narrow(CLIP_BYTES_PER_S / 2);
    wait_for(&story, "starved");
    line.widen();
    wait_for(&story, "recovered");
    wait_for(&story, "curves");
    wait_for(&story, "end");
    encoder.terminate();
    encoder.finish(STEP);
    let id = wait_for(&story, "restricted")["id"].as_str().unwrap().to_owned();
    wait_for(&story, "refused");
    wait_for(&story, "member");
    assert!(story.finish(STEP).success(), "{}", story.log());
    assert_every_door(&server, &passwords, &id);
}

/// Every door to the video: shut for everybody else, open for the member.
fn assert_every_door(server: &Server, passwords: &[(&str, String)], id: &str) {
    let signed_in = |login: &str| {
        let (_, password) = passwords.iter().find(|(known, _)| *known == login).unwrap();
        Browser::sign_in(server, login, password)
    };
    let mut member = signed_in("member");
    let page = member.get(&format!("/videos/{id}"));
    let page = page.header("location").map_or(format!("/videos/{id}"), str::to_owned);
    let list = member.get(&format!("/videos/{id}/source/media.m3u8")).text();
    let segments: Vec<&str> = list.lines().filter(|line| !line.starts_with('#') && line.contains('.')).collect();
    assert!(!segments.is_empty());
    let mut doors = vec![page, format!("/embed/videos/{id}"), format!("/api/v1/videos/{id}")];
    for file in ["master.m3u8", "source/media.m3u8", "captions/fr.vtt", "captions/fr.txt", "download/source.mp4"] {
        doors.push(format!("/videos/{id}/{file}"));
    }
    doors.extend(segments.iter().map(|segment| format!("/videos/{id}/source/{segment}")));
    let (mut nobody, mut stranger) = (Browser::new(server), signed_in("stranger"));
    for door in &doors {
        assert_eq!(member.get(door).status, 200, "{door}");
        // A pass of the page opens media only in the browser that has it.
        assert_eq!(nobody.get(door).status, 401, "{door}");
        let refused = stranger.get(door);
        assert_eq!(refused.status, 403, "{door}");
        assert!(!refused.text().contains("Fourier"), "{door}");
    }
    for list in ["/api/v1/videos", "/api/v1/search?q=Fourier", "/videos", "/search?q=Fourier", "/"] {
        assert!(member.get(list).text().contains(id), "{list}");
        assert!(!stranger.get(list).text().contains(id) && !nobody.get(list).text().contains(id), "{list}");
    }
    // What was cut away is nobody's, not even a word of it.
    let said = member.get(&format!("/videos/{id}/captions/fr.vtt")).text();
    assert!(said.contains("mot20") && !said.contains("mot07"), "{said}");
    let number = |segment: &str| segment.strip_suffix(".m4s").and_then(|number| number.parse::<u64>().ok());
    let numbers: Vec<u64> = segments.iter().filter_map(|segment| number(segment)).collect();
    assert_eq!(numbers.len(), segments.len(), "{segments:?}");
    let first = numbers[0];
    assert!(first > 0, "nothing is cut away before {segments:?}");
    let mut status = |number: u64| member.get(&format!("/videos/{id}/source/{number}.m4s")).status;
    assert_eq!((status(first), status(first - 1), status(0)), (200, 404, 404), "{segments:?}");
}
