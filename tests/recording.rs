//! Recording that operators start and stop while a live goes on: what is kept and what is not, in the catalogue, on the disk and in what was said;
//! and that their word outlives the server.
//!
//! The engine is `amphi-engine` beside the server under test; `make engine` builds it.

use crate::browser::counted_words;
use crate::support::engine::{built, with_model};
use crate::support::http::get;
use crate::support::peers::wait_until;
use crate::support::server::{Options, Server};
use crate::support::stream::{
    Clip, SOON, amphi, broadcaster, decodes, finding, playlist, token, url, video_url, wait_finding, wait_on_air,
    wait_state, wait_videos, write,
};
use amphi::archive::layout::Layout;
use amphi::archive::load::load;
use serde_json::Value;
use std::path::Path;
use tempfile::TempDir;

/// Longer than what keeps segments of an unrecorded live in memory.
const WHILE_OFF: u64 = 14;

fn server(data: TempDir, settings: &[(&str, &str)]) -> Server {
    built();
    let own = [("AMPHI_LIVE__GRACE", "2s"), ("AMPHI_LIVE__MIN_LENGTH", "0s")];
    Server::start_on(Options::with(&[&own, settings].concat()), data)
}

fn fresh() -> TempDir {
    tempfile::Builder::new().prefix("amphi-test-").tempdir().unwrap()
}

fn record(server: &Server, token: &str, act: &str) {
    let answer = write(server, "POST", &format!("/api/v1/broadcasters/demo/recording/{act}"), token, "");
    assert_eq!(answer.status, 204, "{act}: {}", answer.text());
    let recorded = act == "start";
    assert!(
        wait_until(SOON, || broadcaster(server, "demo")["recorded"] == recorded),
        "{}",
        broadcaster(server, "demo")
    );
}

/// All bytes of media that are on the disk.
fn media_bytes(server: &Server) -> u64 {
    fn size(path: &Path) -> u64 {
        std::fs::read_dir(path).unwrap().flatten().fold(0, |all, entry| {
            let of = entry.metadata().unwrap();
            all + if of.is_dir() { size(&entry.path()) } else { of.len() }
        })
    }
    size(&server.data_dir().join("media"))
}

fn next_msn(server: &Server, rendition: &str) -> u64 {
    playlist(server, &format!("/live/demo/{rendition}/media.m3u8")).next().unwrap().0
}

fn wait_msn(server: &Server, msn: u64) {
    assert!(wait_until(SOON, || next_msn(server, "source") >= msn), "{} of {msn}", next_msn(server, "source"));
}

/// The first and the last segment that a video lists of each of its renditions, and that all of them are on the disk.
fn span(server: &Server, video: &Value) -> (u64, u64) {
    let layout = Layout::new(server.data_dir().join("media"));
    let loaded = load(&layout, video["id"].as_str().unwrap()).unwrap();
    assert!(loaded.ended);
    let spans: Vec<_> = loaded
        .tracks
        .values()
        .map(|track| {
            assert!(track.segments.iter().all(|segment| !segment.is_gap()), "a recording without holes");
            (track.segments.first().unwrap().msn, track.segments.last().unwrap().msn)
        })
        .collect();
    assert!(spans.windows(2).all(|two| two[0] == two[1]), "{spans:?}");
    spans[0]
}

/// The seconds whose words stand in a video's captions.
fn seconds_said(server: &Server, video: &Value) -> Vec<usize> {
    let id = video["id"].as_str().unwrap();
    let text = get(server.http(), &format!("/videos/{id}/captions/fr.txt"));
    assert_eq!(text.status, 200);
    let text = text.text().to_lowercase();
    (0..90).filter(|second| text.contains(&format!("mot{second:02}"))).collect()
}

#[test]
fn each_stretch_that_is_recorded_is_a_video_and_of_what_lies_between_nothing_is_kept() {
    let data = with_model("scripted-fr", "fr", counted_words);
    let server = server(
        data,
        &[
            ("AMPHI_RENDITIONS__ENABLED", "true"),
            ("AMPHI_RENDITIONS__PRESET", "low bandwidth"),
            ("AMPHI_CAPTIONS__ENABLED", "true"),
            ("AMPHI_CAPTIONS__LANGUAGES", "[\"fr\"]"),
        ],
    );
    let token = token(&server);
    assert_eq!(write(&server, "POST", "/api/v1/broadcasters/demo/recording/stop", &token, "").status, 409);
    let clip = Clip::new("640x360", 20);
    let encoder = clip.push_for_ever(&url(&server, "demo", "demo"));
    wait_on_air(&server, "demo");
    assert_eq!(broadcaster(&server, "demo")["recorded"], true);
    let first = next_msn(&server, "source");
    wait_msn(&server, first + 3);

    record(&server, &token, "stop");
    let stopped_at = next_msn(&server, "source");
    wait_finding(&server, "demo", "recording_off");
    let before = wait_videos(&server, "demo", 1).remove(0);
    assert_eq!(broadcaster(&server, "demo")["on_air"], true, "viewers watch on");
    let kept = media_bytes(&server);
    wait_msn(&server, stopped_at + WHILE_OFF);
    assert_eq!(wait_videos(&server, "demo", 1).len(), 1);
    // The poster and the storyboard of the video that is there may come meanwhile: pictures, a few kB.
    let more = media_bytes(&server) - kept;
    assert!(more < 300_000, "{more} bytes more of a live of a megabit per second");
    let list = playlist(&server, "/live/demo/source/media.m3u8");
    let gaps: Vec<u64> =
        list.segments.iter().filter(|segment| segment.head.gap).map(|segment| segment.head.msn).collect();
    let (_, last) = span(&server, &before);
    assert!(!gaps.is_empty() && gaps.iter().all(|msn| *msn > last), "{gaps:?} after {last}: nobody can rewind into it");
    let rewound = get(server.http(), &format!("/live/demo/source/{last}.m4s"));
    assert_eq!(rewound.status, 200, "what was recorded can be rewound to");

    record(&server, &token, "start");
    let started_at = next_msn(&server, "source");
    assert_eq!(finding(&broadcaster(&server, "demo")["health"], "recording_off"), None);
    wait_msn(&server, started_at + 4);
    let rewound = get(server.http(), &format!("/live/demo/source/{}.m4s", started_at + 1));
    assert_eq!((rewound.status, rewound.body.len() > 1_000), (200, true), "from the second recording's folder");
    drop(encoder);
    wait_state(&server, "demo", "ended");

    let videos = wait_videos(&server, "demo", 2);
    let spans: Vec<_> = videos.iter().map(|video| span(&server, video)).collect();
    assert!(spans[0].1 <= stopped_at && spans[1].0 >= stopped_at + WHILE_OFF, "{spans:?}, stopped at {stopped_at}");
    assert!((started_at - 1..=started_at + 1).contains(&spans[1].0), "{spans:?}, started at {started_at}");
    for video in &videos {
        decodes(&video_url(&server, video));
        let master = get(server.http(), video["hls_url"].as_str().unwrap()).text();
        assert!(master.contains("240p/media.m3u8") && master.contains("source/media.m3u8"), "{master}");
    }
    let said: Vec<_> = videos.iter().map(|video| seconds_said(&server, video)).collect();
    let (until, from) = (*said[0].last().unwrap(), said[1][0]);
    assert!(said[0].len() >= 4 && said[1].len() >= 4, "{said:?}");
    assert!(said.iter().all(|said| said.windows(2).all(|two| two[1] == two[0] + 1)), "no word is lost: {said:?}");
    assert!(from - until >= 10, "what was said between is in neither: {said:?}");
    assert!(amphi(&server, &["check", "--media"]).contains("2 recordings are as written"));
}

#[test]
fn a_stop_that_is_taken_back_at_once_leaves_one_recording_without_a_hole() {
    let server = server(fresh(), &[]);
    let token = token(&server);
    let clip = Clip::new("320x180", 20);
    let encoder = clip.push_for_ever(&url(&server, "demo", "demo"));
    wait_on_air(&server, "demo");
    let first = next_msn(&server, "source");
    // Both within one segment, which is two seconds long: the first moments of one that has just begun.
    wait_msn(&server, first + 2);
    for act in ["stop", "start"] {
        let answer = write(&server, "POST", &format!("/api/v1/broadcasters/demo/recording/{act}"), &token, "");
        assert_eq!(answer.status, 204);
    }
    wait_msn(&server, first + 4);
    drop(encoder);
    wait_state(&server, "demo", "ended");
    let (from, until) = span(&server, &wait_videos(&server, "demo", 1)[0]);
    assert!(from == 0 && until >= first + 3, "{from} to {until}");
}

#[test]
fn what_an_operator_said_outlives_a_killed_server_and_is_forgotten_with_the_live() {
    let mut server = server(fresh(), &[("AMPHI_LIVE__GRACE", "20s")]);
    let clip = Clip::new("320x180", 60);
    let encoder = clip.push(&url(&server, "demo", "demo"));
    wait_on_air(&server, "demo");
    let first = next_msn(&server, "source");
    wait_msn(&server, first + 2);
    assert!(amphi(&server, &["broadcaster", "stop-recording", "demo"]).contains("no longer recorded"));
    let told = next_msn(&server, "source");
    wait_msn(&server, told + 2);
    let told = next_msn(&server, "source");
    server.kill_9();
    drop(encoder);
    server.restart();
    let kept = wait_videos(&server, "demo", 1).remove(0);
    assert!(span(&server, &kept).1 < told);

    let encoder = clip.push(&url(&server, "demo", "demo"));
    wait_on_air(&server, "demo");
    let again = broadcaster(&server, "demo");
    assert_eq!(
        (&again["recorded"], finding(&again["health"], "recording_off").is_some()),
        (&false.into(), true),
        "{again}"
    );
    assert!(next_msn(&server, "source") > told, "no number that viewers know is used again");
    amphi(&server, &["broadcaster", "set-speakers", "demo", "Zoé", "Ada"]);
    amphi(&server, &["broadcaster", "set-licence", "demo", "CC-BY-4.0"]);
    assert!(amphi(&server, &["broadcaster", "start-recording", "demo"]).contains("recorded from now on"));
    let started = next_msn(&server, "source");
    wait_msn(&server, started + 2);
    server.kill_9();
    drop(encoder);
    server.restart();
    // It waits for its contribution, and goes on being recorded.
    let encoder = clip.push(&url(&server, "demo", "demo"));
    wait_on_air(&server, "demo");
    assert_eq!(broadcaster(&server, "demo")["recorded"], true);
    let resumed = next_msn(&server, "source");
    wait_msn(&server, resumed + 2);
    amphi(&server, &["broadcaster", "end", "demo"]);
    drop(encoder);
    let videos = wait_videos(&server, "demo", 2);
    let (from, until) = span(&server, &videos[1]);
    assert!(from >= started && until > resumed, "{from} to {until}: one recording over the stop");
    let credits = |video: &Value| {
        let shown = get(server.http(), &format!("/api/v1/videos/{}", video["id"].as_str().unwrap())).json();
        (shown["speakers"].to_string(), shown["licence"].to_string())
    };
    assert_eq!(credits(&videos[0]), ("[]".to_owned(), "\"\"".to_owned()), "said after it had begun");
    assert_eq!(credits(&videos[1]), ("[\"Zoé\",\"Ada\"]".to_owned(), "\"CC-BY-4.0\"".to_owned()));
    decodes(&video_url(&server, &videos[1]));

    amphi(&server, &["broadcaster", "set-recording", "demo", "by_hand"]);
    assert!(wait_until(SOON, || broadcaster(&server, "demo")["state"] != "on_air"));
    let encoder = clip.push(&url(&server, "demo", "demo"));
    wait_on_air(&server, "demo");
    assert_eq!(broadcaster(&server, "demo")["recorded"], false, "its lives are recorded when an operator says so");
    let before = next_msn(&server, "source");
    wait_msn(&server, before + 2);
    amphi(&server, &["broadcaster", "end", "demo"]);
    drop(encoder);
    assert_eq!(wait_videos(&server, "demo", 2).len(), 2, "nothing was recorded of it");
    assert!(amphi(&server, &["check", "--media"]).contains("2 recordings are as written"));
}
