//! `kill -9` of the server in the middle of a live, and what it may find on its disk at the next start.

use crate::support::ask::{amphi, end_live, get, packets, videos, wait_playable};
use crate::support::flv::{Tag, encode, tags};
use crate::support::hls::fmp4::{self, Track};
use crate::support::hls::parse::media_playlist;
use crate::support::hls::playlist::MediaPlaylist;
use crate::support::peers::{run, wait_until};
use crate::support::publisher::{Plan, Publisher};
use crate::support::server::{Options, Server};
use media::segment::index::{self, Record};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

const RATE: u64 = 30;
/// What a killed server may lose of what it was sent.
const LOST_PICTURES: u64 = RATE;
/// How often it is killed, and the seed of when.
const KILLS: u32 = 20;
const SEED: u64 = 0x5eed_0002;
/// Between the first picture and the kill.
const MOMENTS_MS: std::ops::Range<u64> = 50..2_600;

fn source(seconds: &str) -> Arc<Vec<Tag>> {
    Arc::new(tags(encode("160x90", 30, &["-t", seconds, "-g", "45", "-bf", "0"])))
}

fn publish(server: &Server, tags: &Arc<Vec<Tag>>) -> Publisher {
    Publisher::start(server.rtmp(), "demo?key=demo", Plan { tags: Arc::clone(tags), silent_after: true })
}

fn list(server: &Server, rendition: &str) -> MediaPlaylist {
    let answer = get(server.http(), &format!("/live/demo/{rendition}/media.m3u8"));
    assert_eq!(answer.status, 200, "{rendition}");
    media_playlist(&answer.text().unwrap()).unwrap()
}

/// Pictures in the segments from `from` on, counted in their bytes.
fn pictures(server: &Server, list: &MediaPlaylist, from: u64) -> u64 {
    let fetch = |uri: &str| {
        let answer = get(server.http(), &format!("/live/demo/source/{uri}"));
        assert_eq!(answer.status, 200, "{uri}");
        answer.body
    };
    let mut tracks: Vec<Track> = Vec::new();
    let mut count = 0;
    for segment in list.segments.iter().filter(|segment| segment.head.msn >= from && !segment.head.gap) {
        tracks = fmp4::init(&fetch(&segment.head.map.as_ref().unwrap().uri)).unwrap();
        let runs = fmp4::runs(&fetch(&segment.uri), &tracks, false).unwrap();
        count += runs.iter().map(|run| run.samples.len() as u64).sum::<u64>();
    }
    assert!(!tracks.is_empty(), "nothing from {from} on");
    count
}

/// The playlist as it stands, with an end, decoded from its first byte to its last without a complaint.
fn decodes(server: &Server, rendition: &str) {
    let answer = get(server.http(), &format!("/live/demo/{rendition}/media.m3u8"));
    let base = format!("http://{}/live/demo/{rendition}/", server.http());
    let mut text = String::new();
    for line in answer.text().unwrap().lines() {
        match line {
            line if line.ends_with(".m4s") && !line.starts_with('#') => text.push_str(&format!("{base}{line}\n")),
            line if line.starts_with("#EXT-X-MAP") => {
                text.push_str(&format!("{}\n", line.replace("URI=\"", &format!("URI=\"{base}"))));
            }
            line if line.contains("PART") || line.contains("PRELOAD") || line.contains("SERVER") => {}
            line => text.push_str(&format!("{line}\n")),
        }
    }
    let path = server.data_dir().join(format!("{rendition}.m3u8"));
    std::fs::write(&path, format!("{text}#EXT-X-ENDLIST\n")).unwrap();
    let words = ["-v", "error", "-xerror", "-protocol_whitelist", "file,http,tcp", "-allowed_extensions", "ALL"];
    let words = words.into_iter().chain(["-i", path.to_str().unwrap(), "-f", "null", "-"]);
    run("ffmpeg", words, Duration::from_secs(60));
}

fn ids(server: &Server) -> Vec<String> {
    let all: Vec<serde_json::Value> = serde_json::from_str(&amphi(server, &["video", "list", "--json"])).unwrap();
    all.iter().map(|video| video["id"].as_str().unwrap().to_owned()).collect()
}

fn folder(server: &Server, id: &str) -> PathBuf {
    server.data_dir().join("media").join(id)
}

#[test]
fn a_live_survives_twenty_kills_at_random_moments_and_loses_less_than_a_second_each_time() {
    let mut server = Server::start(Options::default());
    let source = source("8");
    let mut seed = SEED;
    let (mut sent_in_all, mut kept_in_all) = (0, 0);
    let mut edge = 0;
    for kill in 0..KILLS {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let moment_ms = MOMENTS_MS.start + (seed >> 33) % (MOMENTS_MS.end - MOMENTS_MS.start);
        let publisher = publish(&server, &source);
        assert!(wait_until(Duration::from_secs(20), || publisher.began_ms() > 0));
        std::thread::sleep(Duration::from_millis(moment_ms));
        server.kill_9();
        let sent = publisher.vanish();
        server.restart();
        sent_in_all += sent;
        if get(server.http(), "/live/demo/master.m3u8").status == 404 {
            // So early that nothing could be played yet: then there is nothing to find either, and little was sent.
            assert!(edge == 0 && sent <= LOST_PICTURES, "kill {kill} after {moment_ms} ms: all {sent} are lost");
            continue;
        }
        let found = list(&server, "source");
        assert!(!found.ended && found.next().unwrap().0 >= edge, "kill {kill}: {:?} after {edge}", found.next());
        let kept = if found.next().unwrap().0 == edge { 0 } else { pictures(&server, &found, edge) };
        assert!(
            kept <= sent && sent - kept <= LOST_PICTURES,
            "kill {kill} after {moment_ms} ms: {sent} pictures were sent, {kept} are there"
        );
        assert_eq!(list(&server, "audio").next().unwrap().0, found.next().unwrap().0, "kill {kill}");
        kept_in_all += kept;
        edge = found.next().unwrap().0;
        if kill % 5 == 4 {
            decodes(&server, "source");
            decodes(&server, "audio");
        }
    }
    assert!(sent_in_all > u64::from(KILLS) * RATE / 2, "{sent_in_all} pictures are too few to show anything");
    // The next contribution goes on with it, and it ends as one video.
    let publisher = publish(&server, &source);
    let goes_on = || list(&server, "source").segments.iter().any(|segment| segment.head.msn > edge);
    assert!(wait_until(Duration::from_secs(20), goes_on));
    publisher.stop();
    decodes(&server, "source");
    decodes(&server, "audio");
    end_live(&server, "demo");
    let all = ids(&server);
    assert_eq!(all.len(), 1, "one video");
    let url = format!("http://{}/videos/{}/master.m3u8", server.http(), all[0]);
    assert!(packets(&url, "v:0") > kept_in_all);
}

/// A live of some seconds on a server that was killed.
fn killed_live() -> (Server, String) {
    let mut server = Server::start(Options {
        environment: vec![("AMPHI_LIVE__MIN_LENGTH".into(), "1s".into())],
        ..Options::default()
    });
    let publisher = publish(&server, &source("8"));
    wait_playable(server.http(), "demo");
    assert!(wait_until(Duration::from_secs(20), || list(&server, "source").segments.len() >= 2));
    server.kill_9();
    publisher.vanish();
    let id = {
        let entries = std::fs::read_dir(server.data_dir().join("media")).unwrap();
        let names: Vec<String> = entries.map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
        assert_eq!(names.len(), 1);
        names[0].clone()
    };
    (server, id)
}

fn append(path: &Path, bytes: &[u8]) {
    std::fs::OpenOptions::new().append(true).open(path).unwrap().write_all(bytes).unwrap();
}

#[test]
fn a_recording_that_is_complete_on_disk_only_becomes_a_video_at_the_next_start() {
    let (mut server, id) = killed_live();
    // Killed again between the last sync and the catalogue.
    server.restart();
    let before = list(&server, "source").segments.len();
    server.kill_9();
    let mut end = Vec::new();
    index::write(&Record::End, &mut end);
    append(&folder(&server, &id).join("index"), &end);
    server.restart();
    let listed = videos(server.http(), "demo");
    assert_eq!((listed.len(), listed[0]["id"].as_str(), listed[0]["state"].as_str()), (1, Some(&*id), Some("ended")));
    assert!(listed[0]["duration_ms"].as_u64().unwrap() >= 2_000, "{listed:?}");
    assert_eq!(get(server.http(), "/live/demo/master.m3u8").status, 404);
    let answer = get(server.http(), &format!("/videos/{id}/source/media.m3u8"));
    let list = media_playlist(&answer.text().unwrap()).unwrap();
    assert_eq!((list.segments.len(), list.ended), (before, true));
}

#[test]
fn a_live_whose_folder_is_gone_does_not_keep_the_server_from_starting_nor_the_broadcaster_from_the_air() {
    let (mut server, id) = killed_live();
    let before = {
        server.restart();
        let before = list(&server, "source").next().unwrap().0;
        server.kill_9();
        before
    };
    std::fs::remove_dir_all(folder(&server, &id)).unwrap();
    server.restart();
    assert!(wait_until(Duration::from_secs(20), || get(server.http(), "/readyz").status == 200));
    assert!(videos(server.http(), "demo").is_empty(), "what can't be played is not listed");
    assert_eq!(get(server.http(), "/live/demo/master.m3u8").status, 404);
    assert!(wait_until(Duration::from_secs(20), || server.log().contains(&id)), "the log names what is lost");
    let publisher = publish(&server, &source("8"));
    wait_playable(server.http(), "demo");
    let first = list(&server, "source").media_sequence;
    assert!(first >= before, "viewers of the lost live had seen {before}, the next one begins at {first}");
    publisher.stop();
    assert_eq!(ids(&server).len(), 2);
}
