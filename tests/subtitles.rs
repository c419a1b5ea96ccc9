//! Captions that people send for a video: players have them at once, at addresses of their own, on the time of what is shown.

use crate::support::ask::{videos, wait_playable};
use crate::support::http::{Answer, Ask, ask, get};
use crate::support::peers::{Peer, wait_until};
use crate::support::server::{Options, Server};
use crate::support::stream::amphi_json;
use serde_json::json;
use std::time::Duration;

const LOOK: Duration = Duration::from_secs(60);

/// The folders of captions that a master playlist lists.
fn listed(server: &Server, id: &str) -> Vec<String> {
    let list = get(server.http(), &format!("/videos/{id}/master.m3u8")).text();
    let lines = list.lines().filter(|line| line.contains("TYPE=SUBTITLES"));
    lines.map(|line| line.split("URI=\"").nth(1).unwrap().split('/').next().unwrap().to_owned()).collect()
}

#[test]
fn captions_that_are_sent_are_what_players_show_and_a_new_text_has_new_addresses() {
    let server = Server::start(Options::with(&[("AMPHI_LIVE__GRACE", "1s"), ("AMPHI_LIVE__MIN_LENGTH", "1s")]));
    let url = format!("rtmp://{}/live/demo?key=demo", server.rtmp());
    let graph = "testsrc2=s=320x180:r=10:d=9[out0];sine=d=9[out1]";
    let input = ["-v", "error", "-re", "-f", "lavfi", "-i", graph, "-c:a", "aac", "-c:v", "libx264"];
    let encode = ["-preset", "ultrafast", "-tune", "zerolatency", "-pix_fmt", "yuv420p", "-g", "10", "-f", "flv", &url];
    let mut encoder = Peer::start("ffmpeg", input.iter().chain(&encode));
    wait_playable(server.http(), "demo");
    assert!(encoder.finish(LOOK).success(), "{}", encoder.log());
    assert!(wait_until(LOOK, || !videos(server.http(), "demo").is_empty()));
    let id = videos(server.http(), "demo")[0]["id"].as_str().unwrap().to_owned();
    assert!(listed(&server, &id).is_empty());

    let token = amphi_json(&server, &["token", "create", "--label", "test", "--scope", "videos:write"], "token");
    let bearer = format!("Bearer {token}");
    let send = |method: &str, path: &str, kind: &str, body: &str| {
        let headers = [("authorization", bearer.as_str()), ("content-type", kind)];
        let answer = ask(server.http(), path, &Ask { method, headers: &headers, body });
        assert!(answer.status < 300, "{} {}", answer.status, answer.text());
    };
    let path = format!("/api/v1/videos/{id}/captions/de");
    let first =
        "1\r\n00:00:01,000 --> 00:00:03,000\r\nGuten Tag\r\n\r\n2\r\n00:00:06,500 --> 00:00:08,000\r\nzum Schluß\r\n";
    send("PUT", &path, "application/x-subrip", first);
    assert!(wait_until(LOOK, || listed(&server, &id).len() == 1));
    let before = listed(&server, &id).remove(0);
    assert!(before.starts_with("captions-de-"), "{before}");
    let segments = |folder: &str| -> Vec<Answer> {
        let list = get(server.http(), &format!("/videos/{id}/{folder}/media.m3u8")).text();
        let names = list.lines().filter(|line| !line.starts_with('#') && line.ends_with(".vtt"));
        names.map(|name| get(server.http(), &format!("/videos/{id}/{folder}/{name}"))).collect()
    };
    let read = || segments(&listed(&server, &id)[0]).iter().map(Answer::text).collect::<String>();
    let shown = read();
    assert!(shown.contains("Guten Tag") && shown.contains("zum Schluß"), "{shown}");
    let kept = segments(&before).remove(0);
    assert!(kept.text().contains("Guten Tag") && kept.header("cache-control").unwrap().contains("immutable"));

    // What is cut away is not shown, and what is sent then is on the time of what is shown.
    send("PATCH", &format!("/api/v1/videos/{id}/cut"), "application/json", &json!({ "start_ms": 4_000 }).to_string());
    send("PUT", &path, "text/vtt", "WEBVTT\n\n00:00.500 --> 00:01.500\nSpäter\n");
    assert!(wait_until(LOOK, || listed(&server, &id).first().is_some_and(|now| *now != before)));
    assert!(segments(&before).is_empty(), "the former text is gone");
    let shown = read();
    assert!(shown.contains("Später") && !shown.contains("Guten Tag") && !shown.contains("Schluß"), "{shown}");
    let vtt = get(server.http(), &format!("/videos/{id}/captions/de.vtt")).text();
    assert!(vtt.contains("00:00:00.500 --> 00:00:01.500\nSpäter"), "{vtt}");
    send("PATCH", &format!("/api/v1/videos/{id}/cut"), "application/json", &json!({ "start_ms": null }).to_string());
    let whole = || get(server.http(), &format!("/videos/{id}/captions/de.vtt")).text();
    assert!(wait_until(LOOK, || whole().contains("Guten Tag") && whole().contains("Später")), "{}", whole());
    send("DELETE", &path, "text/vtt", "");
    assert!(wait_until(LOOK, || listed(&server, &id).is_empty()));
}
