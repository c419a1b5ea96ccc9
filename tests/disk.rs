//! A disk that is full: the live goes on, the recording has a hole that is told, and goes on when there is room again.

use crate::support::http::get;
use crate::support::peers::{self, Peer, wait_until};
use crate::support::server::{Options, Server};
use crate::support::stream::{
    Clip, PATIENCE, SOON, broadcaster, finding, playlist, token, url, video_url, wait_finding, wait_on_air,
    wait_videos, write,
};
use amphi::archive::layout::Layout;
use media::rendition::RenditionId;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const LIVE: &str = "/live/demo/source/media.m3u8";

/// A tmpfs for recordings, mounted in a namespace that a sleeping process holds: it survives the server's kill, nobody else sees it,
/// no root is needed where users may have namespaces, and it goes with the process whatever happens.
struct SmallDisk {
    media: PathBuf,
    holder: Peer,
    tools: TempDir,
}

impl SmallDisk {
    fn server(size: &str, settings: &[(&str, &str)]) -> (Server, Self) {
        let data = tempfile::Builder::new().prefix("amphi-disk-").tempdir().unwrap();
        let tools = tempfile::tempdir().unwrap();
        let media = data.path().join("media");
        std::fs::create_dir(&media).unwrap();
        let mount =
            format!("mount -t tmpfs -o size={size} tmpfs {} && echo mounted && exec sleep 3600", media.display());
        let root = rustix::process::geteuid().is_root();
        let mut holder = Peer::start(
            "unshare",
            ["--map-root-user", "--mount", "sh", "-c", &mount].into_iter().skip(usize::from(root)),
        );
        holder.wait_for("mounted", PATIENCE);
        let disk = Self { media, holder, tools };
        let program = disk.tools.path().join("amphi-on-a-small-disk");
        let enter = disk.enter().join(" ");
        let script = format!("#!/bin/sh\nexec nsenter {enter} {} \"$@\"\n", env!("CARGO_BIN_EXE_amphi"));
        std::fs::write(&program, script).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        (Server::start_on(Options { program, ..Options::with(settings) }, data), disk)
    }

    /// `nsenter`'s arguments.
    fn enter(&self) -> Vec<String> {
        let mut arguments = vec!["--target".to_owned(), self.holder.id().to_string(), "--mount".to_owned()];
        if !rustix::process::geteuid().is_root() {
            arguments.extend(["--user".to_owned(), "--preserve-credentials".to_owned()]);
        }
        arguments
    }

    fn resize(&self, size: &str) {
        let mount = ["mount".to_owned(), "-o".to_owned(), format!("remount,size={size}")];
        let media = self.media.to_str().unwrap().to_owned();
        peers::run("nsenter", self.enter().into_iter().chain(mount).chain([media]), PATIENCE);
    }

    /// Where the server sees its recordings.
    fn seen_by(&self, server: &Server) -> PathBuf {
        let root = Path::new("/proc").join(server.pid().to_string()).join("root");
        root.join(self.media.strip_prefix("/").unwrap())
    }
}

#[test]
fn a_full_disk_costs_the_recording_a_told_hole_and_viewers_nothing() {
    let (server, disk) = SmallDisk::server("1m", &[("AMPHI_LIVE__MIN_LENGTH", "0s")]);
    let clip = Clip::with_rate("640x360", 20, "1500k");
    let token = token(&server);
    let encoder = clip.push_for_ever(&url(&server, "demo", "demo"));
    wait_on_air(&server, "demo");
    assert_eq!(finding(&broadcaster(&server, "demo")["health"], "disk_full"), None);

    let message = wait_finding(&server, "demo", "disk_full");
    assert!(message.contains("No space left") && message.contains("Free space"), "{message}");
    let readyz = || get(server.http(), "/readyz");
    assert!(wait_until(SOON, || finding(&readyz().json()["findings"], "disk_full").is_some()), "{}", readyz().text());
    assert_eq!(readyz().status, 200, "viewers are still served here");

    // The live goes on from memory: new segments come and can be fetched, and the health stays what it is.
    let first = playlist(&server, LIVE).segments.last().unwrap().head.msn;
    let began = Instant::now();
    let mut played = 0;
    while !playlist(&server, LIVE).segments.iter().any(|segment| segment.head.gap) || played < 4 {
        assert!(began.elapsed() < SOON, "no gap after {played} segments: {}", get(server.http(), LIVE).text());
        let next = first + 1 + played;
        let held = get(server.http(), &format!("{LIVE}?_HLS_msn={}", next + 1));
        assert_eq!(held.status, 200, "{}", held.text());
        let fetched = get(server.http(), &format!("/live/demo/source/{next}.m4s"));
        assert!(fetched.status == 200 && fetched.body.len() > 1000, "{next}: {}", fetched.status);
        let health = broadcaster(&server, "demo");
        assert!(finding(&health["health"], "disk_full").is_some(), "it does not flicker: {health}");
        played += 1;
    }
    let holed = playlist(&server, LIVE);
    for segment in &holed.segments {
        let status = get(server.http(), &format!("/live/demo/source/{}", segment.uri)).status;
        assert_eq!(status, if segment.head.gap { 404 } else { 200 }, "{segment:?}");
    }

    disk.resize("64m");
    let well = wait_until(SOON, || finding(&broadcaster(&server, "demo")["health"], "disk_full").is_none());
    assert!(well, "{}", broadcaster(&server, "demo"));
    assert!(wait_until(SOON, || finding(&readyz().json()["findings"], "disk_full").is_none()), "{}", readyz().text());
    // What is recorded again must have left memory before the end, or it would prove nothing.
    let newest = playlist(&server, LIVE).segments.last().unwrap().head.msn;
    assert!(wait_until(SOON, || playlist(&server, LIVE).segments.last().unwrap().head.msn >= newest + 5));
    let said = server.log();
    assert_eq!(said.matches("recordings can't be written").count(), 1, "said once:\n{said}");
    assert_eq!(said.matches("recordings can be written again").count(), 1, "{said}");
    assert_eq!(broadcaster(&server, "demo")["state"], "on_air");

    assert_eq!(write(&server, "POST", "/api/v1/broadcasters/demo/end", &token, "").status, 204);
    drop(encoder);
    let video = wait_videos(&server, "demo", 1).remove(0);
    let folder = format!("/videos/{}/source", video["id"].as_str().unwrap());
    let list = playlist(&server, &format!("{folder}/media.m3u8"));
    assert!(list.ended);
    let gaps: Vec<bool> = list.segments.iter().map(|segment| segment.head.gap).collect();
    let (hole, last) = (gaps.iter().position(|gap| *gap).unwrap(), gaps.iter().rposition(|gap| *gap).unwrap());
    assert!(hole > 0 && last + 4 < gaps.len(), "there is something before and after the hole: {gaps:?}");
    for segment in list.segments.iter().filter(|segment| !segment.head.gap) {
        let fetched = get(server.http(), &format!("{folder}/{}", segment.uri));
        assert!(fetched.status == 200 && fetched.body.len() > 1000, "{segment:?}: {}", fetched.status);
    }
    plays_beyond_the_hole(&server, &video, &list);

    // The index on the disk says the same.
    let layout = Layout::new(disk.seen_by(&server));
    let loaded = amphi::archive::load::load(&layout, video["id"].as_str().unwrap());
    let loaded = loaded.unwrap();
    assert!(loaded.ended);
    assert_eq!(loaded.tracks[&RenditionId::Source].segments.iter().map(|s| s.is_gap()).collect::<Vec<_>>(), gaps);
}

#[test]
fn a_kill_while_the_disk_is_full_gives_no_number_a_second_meaning() {
    let (mut server, disk) = SmallDisk::server("1m", &[("AMPHI_LIVE__MIN_LENGTH", "0s")]);
    let clip = Clip::with_rate("640x360", 20, "1500k");
    let encoder = clip.push_for_ever(&url(&server, "demo", "demo"));
    wait_on_air(&server, "demo");
    wait_finding(&server, "demo", "disk_full");
    fill_until_the_index_lacks_something(&server, &disk);

    // All that viewers are given of numbers that the disk will never know.
    let mut told = BTreeMap::new();
    let mut before = playlist(&server, LIVE);
    let enough = before.next().unwrap().0 + 6;
    while before.next().unwrap().0 < enough {
        for segment in before.segments.iter().filter(|segment| !segment.head.gap) {
            let fetched = get(server.http(), &format!("/live/demo/source/{}", segment.uri));
            if fetched.status == 200 {
                told.entry(segment.uri.clone()).or_insert(fetched.body);
            }
        }
        std::thread::sleep(Duration::from_millis(500));
        before = playlist(&server, LIVE);
    }
    server.kill_9();
    drop(encoder);
    disk.resize("64m");
    server.restart();

    let _encoder = clip.push_for_ever(&url(&server, "demo", "demo"));
    wait_on_air(&server, "demo");
    assert!(wait_until(SOON, || playlist(&server, LIVE).segments.len() >= 3));
    let after = playlist(&server, LIVE);
    assert!(after.media_sequence > before.next().unwrap().0, "{} after {:?}", after.media_sequence, before.next());
    assert!(after.discontinuity_sequence > before.discontinuity_sequence);
    for (uri, body) in &told {
        let again = get(server.http(), &format!("/live/demo/source/{uri}"));
        assert!(again.status != 200 || again.body == *body, "{uri} is something else now");
    }
    // What the disk had taken before is a video.
    let videos = get(server.http(), "/api/v1/videos?broadcaster=demo").json();
    let video = videos["items"].as_array().unwrap().iter().find(|video| video["state"] == "ended").unwrap();
    crate::support::stream::decodes(&format!(
        "http://{}/videos/{}/source/{}",
        server.http(),
        video["id"].as_str().unwrap(),
        "media.m3u8"
    ));
}

/// A disk that has no room for a picture may have some for a line of the index for a long while.
fn fill_until_the_index_lacks_something(server: &Server, disk: &SmallDisk) {
    let media = disk.seen_by(server);
    let live = std::fs::read_dir(&media).unwrap().map(|entry| entry.unwrap().file_name()).next().unwrap();
    let mut ballast = File::create(media.join("ballast")).unwrap();
    let whole = Layout::new(media).whole(live.to_str().unwrap());
    let filled = || {
        while ballast.write_all(&[0; 4096]).is_ok() {}
        !whole.exists()
    };
    assert!(wait_until(SOON, filled), "{}", server.log());
}

/// A player goes over a hole: the pictures of all segments that are there come out.
fn plays_beyond_the_hole(
    server: &Server,
    video: &serde_json::Value,
    list: &crate::support::hls::playlist::MediaPlaylist,
) {
    let there =
        list.segments.iter().filter(|segment| !segment.head.gap).map(|segment| segment.duration_ns).sum::<u64>();
    let pictures = crate::support::stream::count_packets(&video_url(server, video), "v:0");
    let expected = Duration::from_nanos(there).as_secs_f64() * 25.0;
    #[expect(clippy::cast_precision_loss, reason = "hundreds of pictures")]
    let missing = (pictures as f64 - expected).abs();
    assert!(missing <= 2.0, "{pictures} pictures, {expected} are there");
}
