//! Broadcasters that are pulled by RTSP: set while the server runs, pulled once, followed over the camera's restart.

use crate::support::hls::multivariant::Kind;
use crate::support::hls::reader::{self, follow};
use crate::support::http::{get, metric};
use crate::support::peers::{self, Peer, wait_until};
use crate::support::server::{Options, Server};
use crate::support::stream::{
    PATIENCE, SOON, amphi, broadcaster, count_packets, decodes, playlist, token, video_url, wait_finding, wait_on_air,
    wait_state, wait_videos, write,
};
use std::time::Duration;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/peers/rtsp_server.py");
const LIVE: &str = "/live/demo/source/media.m3u8";

struct Camera {
    peer: Peer,
    port: u16,
}

impl Camera {
    /// 25 pictures a second with two B-frames, a keyframe every second, sound; digest authentication.
    fn start(port: u16) -> Self {
        let port = port.to_string();
        let arguments = [SCRIPT, "--port", &port, "--bframes", "2", "--user", "hall", "--password", "hunter2-secret"];
        // Debian's python3 has the gi module; another python3 may come first in PATH.
        let mut peer = Peer::start("/usr/bin/python3", arguments);
        peer.wait_for("PORT ", SOON);
        let log = peer.log();
        let port = log.lines().find_map(|line| line.strip_prefix("PORT ")).unwrap().trim().parse().unwrap();
        Self { peer, port }
    }

    fn url(&self, password: &str) -> String {
        format!("rtsp://hall:{password}@127.0.0.1:{}/extron1", self.port)
    }

    fn clients(&self) -> usize {
        self.peer.log().matches("CLIENTS ").count()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_camera_is_pulled_once_and_its_live_goes_on_when_it_returns() {
    let server = Server::start(Options::with(&[("AMPHI_LIVE__MIN_LENGTH", "0s"), ("AMPHI_LOG__FILTER", "debug")]));
    let mut camera = Camera::start(0);
    let said = amphi(&server, &["broadcaster", "set-rtsp", "demo", &camera.url("hunter2-secret")]);
    assert!(!said.contains("hunter2"), "{said}");
    wait_on_air(&server, "demo");
    let before = broadcaster(&server, "demo");
    assert_eq!((&before["contribution"]["protocol"], &before["source"]), (&"rtsp".into(), &"rtsp".into()));
    assert_eq!(before["contribution"]["video"]["width"], 320);

    let watch = |length| {
        let options = reader::Options { length, settings: Default::default(), ffmpeg: "ffmpeg".into() };
        let url = format!("http://{}/live/demo/master.m3u8", server.http());
        async move { follow(&url, &options).await.unwrap() }
    };
    // Four players at once: one connection to the camera.
    let seconds = Duration::from_secs(8);
    let seen = futures_util::future::join_all((0..4).map(|_| watch(seconds))).await;
    for outcome in &seen {
        let kinds: Vec<Kind> = outcome.renditions.iter().map(|rendition| rendition.kind).collect();
        assert_eq!(kinds, [Kind::Video, Kind::IFrames, Kind::Audio], "offered from the first playlist on");
        assert!(outcome.parts > 10 && outcome.breaches.is_empty(), "{} parts, {:#?}", outcome.parts, outcome.breaches);
    }
    assert_eq!(camera.clients(), 1, "{}", camera.peer.log());

    camera.peer.kill();
    wait_state(&server, "demo", "dropped");
    let listed = playlist(&server, LIVE);
    let mut camera = Camera::start(camera.port);
    wait_state(&server, "demo", "on_air");
    let last = listed.segments.last().unwrap().head.msn;
    let goes_on = || playlist(&server, LIVE).segments.last().is_some_and(|segment| segment.head.msn > last + 3);
    assert!(wait_until(SOON, goes_on), "{}", get(server.http(), LIVE).text());
    let after = playlist(&server, LIVE);
    assert_eq!(
        (after.media_sequence, after.discontinuity_sequence),
        (listed.media_sequence, listed.discontinuity_sequence)
    );
    assert_eq!(after.segments.iter().filter(|segment| segment.head.discontinuity).count(), 1);
    assert_eq!(broadcaster(&server, "demo")["video_id"], before["video_id"]);

    // Not pulled any more, by API; then ended: the video is whole.
    let token = token(&server);
    let answer = write(&server, "PATCH", "/api/v1/broadcasters/demo", &token, r#"{"rtsp_url":null}"#);
    assert_eq!((answer.status, &answer.json()["source"]), (200, &"push".into()));
    wait_state(&server, "demo", "dropped");
    assert_eq!(write(&server, "POST", "/api/v1/broadcasters/demo/end", &token, "").status, 204);
    camera.peer.kill();
    let video = wait_videos(&server, "demo", 1).remove(0);
    assert_eq!(video["id"], before["video_id"]);
    b_frames_are_in_order(&video_url(&server, &video));
    for text in [server.log(), broadcaster(&server, "demo").to_string(), get(server.http(), "/metrics").text()] {
        assert!(!text.contains("hunter2"), "{text}");
    }
}

/// Presentation differs from decoding, each picture has its own time, and a decoder has nothing to say.
fn b_frames_are_in_order(url: &str) {
    decodes(url);
    let arguments = ["-v", "error", "-select_streams", "v:0", "-show_entries", "packet=pts,dts", "-of", "csv=p=0", url];
    let text = peers::run("ffprobe", arguments, PATIENCE);
    let times: Vec<(i64, i64)> = text
        .lines()
        .filter_map(|line| {
            let (pts, dts) = line.trim_end_matches(',').split_once(',')?;
            Some((pts.parse().ok()?, dts.parse().ok()?))
        })
        .collect();
    assert!(times.len() as u64 >= count_packets(url, "v:0") - 1 && times.len() > 200, "{text}");
    assert!(times.iter().all(|(pts, dts)| pts >= dts), "no picture is shown before it is decoded");
    let reordered = times.windows(2).filter(|pair| pair[1].0 < pair[0].0).count();
    assert!(reordered * 4 > times.len(), "{reordered} of {} are B-frames", times.len());
    let mut shown: Vec<i64> = times.iter().map(|(pts, _)| *pts).collect();
    shown.sort_unstable();
    assert!(shown.windows(2).all(|pair| pair[0] < pair[1]), "two pictures at one time");
}

#[test]
fn a_camera_is_pulled_by_udp_when_that_is_set() {
    let server = Server::start(Options::with(&[("AMPHI_LIVE__MIN_LENGTH", "0s")]));
    let camera = Camera::start(0);
    let token = token(&server);
    let patch = |body: &str| write(&server, "PATCH", "/api/v1/broadcasters/demo", &token, body);
    let refused = patch(r#"{"rtsp_url":"rtsps://camera/1"}"#);
    assert!(refused.status == 422 && refused.text().contains("rtsps"), "{}", refused.text());
    let answer = patch(&format!(r#"{{"rtsp_url":"{}"}}"#, camera.url("hunter2-secret")));
    assert_eq!(answer.status, 200, "{}", answer.text());
    wait_on_air(&server, "demo");
    assert_eq!(udp_sockets(&server), 0, "TCP unless said otherwise");

    let before = broadcaster(&server, "demo");
    let answer = patch(r#"{"rtsp_transport":"udp"}"#);
    assert_eq!((answer.status, &answer.json()["rtsp_transport"]), (200, &"udp".into()));
    // RTP and RTCP of pictures and of sound.
    assert!(wait_until(PATIENCE, || udp_sockets(&server) == 4), "{} sockets", udp_sockets(&server));
    wait_on_air(&server, "demo");
    let last = playlist(&server, LIVE).segments.last().unwrap().head.msn;
    let goes_on = || playlist(&server, LIVE).segments.last().is_some_and(|segment| segment.head.msn > last + 1);
    assert!(wait_until(SOON, goes_on), "{}", get(server.http(), LIVE).text());
    assert_eq!(broadcaster(&server, "demo")["video_id"], before["video_id"], "the same live goes on");
}

/// How many the server has open, by `/proc`.
fn udp_sockets(server: &Server) -> usize {
    let folder = format!("/proc/{}", server.pid());
    let open: Vec<String> = std::fs::read_dir(format!("{folder}/fd"))
        .unwrap()
        .filter_map(|file| Some(std::fs::read_link(file.ok()?.path()).ok()?.to_str()?.to_owned()))
        .collect();
    let inodes =
        ["udp", "udp6"].map(|name| std::fs::read_to_string(format!("{folder}/net/{name}")).unwrap_or_default());
    let inodes = inodes.iter().flat_map(|text| text.lines().skip(1)).filter_map(|line| line.split_whitespace().nth(9));
    inodes.filter(|inode| open.contains(&format!("socket:[{inode}]"))).count()
}

#[test]
fn a_wrong_password_is_told_and_not_repeated() {
    let server = Server::start(Options::with(&[("AMPHI_LOG__FILTER", "debug")]));
    let camera = Camera::start(0);
    let token = token(&server);
    let body = format!(r#"{{"rtsp_url":"{}"}}"#, camera.url("wrong-4711"));
    let answer = write(&server, "PATCH", "/api/v1/broadcasters/demo", &token, &body);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let message = wait_finding(&server, "demo", "rtsp_pull");
    assert!(message.contains("refuses the user or password"), "{message}");
    let log = server.log();
    assert!(log.contains("refuses the user or password") && log.contains("RTSP pull failed"), "{log}");
    let shown = broadcaster(&server, "demo");
    assert_eq!((&shown["on_air"], &shown["contribution"]), (&false.into(), &().into()));
    assert!(metric(server.http(), "amphi_rtsp_connects_total{outcome=\"unauthorised\"}") >= 1.0);
    for text in [log, answer.text(), shown.to_string(), get(server.http(), "/metrics").text()] {
        assert!(!text.contains("wrong-4711"), "{text}");
    }
    // Put right: on air, and nothing to complain of.
    let body = format!(r#"{{"rtsp_url":"{}"}}"#, camera.url("hunter2-secret"));
    assert_eq!(write(&server, "PATCH", "/api/v1/broadcasters/demo", &token, &body).status, 200);
    wait_on_air(&server, "demo");
    let health = broadcaster(&server, "demo")["health"].to_string();
    assert!(!health.contains("rtsp_pull"), "{health}");
}
