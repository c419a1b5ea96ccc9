//! Previews of a live on air, with a real push and the engine: each shows the moment that it claims, also of what was before anybody looked; they
//! are refused as the live's media are; nothing is decoded for nobody, and without an engine nobody is told of an error.

use crate::support::browser::{Browser, add_person};
use crate::support::engine::{built, engines};
use crate::support::http::{Answer, get, metric};
use crate::support::peers::{Peer, run_bytes, wait_until};
use crate::support::server::{Options, Server};
use crate::support::stream::{PATIENCE, SOON, amphi, playlist, wait_on_air};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Bars beside each other, white for a 1: the clip's second in binary, the lowest digit first.
const BARS: usize = 8;
const LENGTH_S: u32 = 100;
const LIST: &str = "/live/demo/previews.json";

/// A clip that shows its second, with a keyframe in each.
fn telling_time(folder: &Path) -> PathBuf {
    let clip = folder.join("clip.flv");
    let bit = "mod(floor(floor(T)/pow(2,floor(X/40))),2)";
    let picture = format!("nullsrc=s=320x180:r=10:d={LENGTH_S},geq=lum='16+219*{bit}':cb=128:cr=128");
    let words = format!(
        "-v error -f lavfi -i {picture} -c:v libx264 -preset ultrafast -g 10 -sc_threshold 0 -pix_fmt yuv420p {}",
        clip.display()
    );
    run_bytes("ffmpeg", words.split(' '), PATIENCE);
    clip
}

/// Pushes one in real time.
pub(crate) fn push(server: &Server, folder: &Path) -> Peer {
    let clip = telling_time(folder);
    let url = format!("rtmp://{}/live/demo?key=demo", server.rtmp());
    let words = ["-v", "error", "-nostdin", "-re", "-i", clip.to_str().unwrap(), "-c", "copy", "-f", "flv", &url];
    let encoder = Peer::start("ffmpeg", words);
    wait_on_air(server, "demo");
    encoder
}

/// Which second of the clip a JPEG shows.
fn second(jpeg: &[u8], folder: &Path) -> i64 {
    const WIDTH: usize = 160;
    let file = folder.join("preview.jpg");
    std::fs::write(&file, jpeg).unwrap();
    let words = ["-v", "error", "-i", file.to_str().unwrap(), "-f", "rawvideo", "-pix_fmt", "gray", "-"];
    let grey = run_bytes("ffmpeg", words, PATIENCE);
    assert_eq!(grey.len(), WIDTH * 90);
    let middle = |bar: usize| grey[45 * WIDTH + WIDTH * (2 * bar + 1) / (2 * BARS)];
    (0..BARS).map(|bar| i64::from(middle(bar) > 128) << bar).sum()
}

/// The times that a list says, and whether there will be others.
fn listed(answer: &Answer) -> (Vec<i64>, bool) {
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")), "{}", answer.text());
    let list = answer.json();
    let times = list["at_ms"].as_array().unwrap().iter().map(|at| at.as_i64().unwrap()).collect();
    (times, list["more"].as_bool().unwrap())
}

fn picture(at_ms: i64) -> String {
    format!("/live/demo/previews/{at_ms}.jpg")
}

#[test]
fn previews_show_the_moments_that_they_claim_to_whom_the_live_is_for() {
    built();
    let (server, folder) = (Server::start(Options::default()), tempfile::tempdir().unwrap());
    assert_eq!(get(server.http(), LIST).status, 404, "nothing is on air");
    let _encoder = push(&server, folder.path());
    let source = || playlist(&server, "/live/demo/source/media.m3u8");
    let length_s = || source().segments.iter().map(|segment| segment.duration_ns).sum::<u64>() as f64 / 1e9;
    assert!(wait_until(PATIENCE, || length_s() >= 32.0), "{} s", length_s());
    assert!(metric(server.http(), "amphi_live_previews_total") == 0.0 && engines(&server).is_empty(), "for nobody");

    // Who comes now sees what was before.
    let first = get(server.http(), LIST);
    assert!(!listed(&first).0.is_empty() && first.took < Duration::from_secs(6), "{:?} {}", first.took, first.text());
    assert_eq!(first.header("cache-control"), Some("public, max-age=1"));
    let mut times = Vec::new();
    let all = wait_until(SOON, || {
        let (now, more) = listed(&get(server.http(), LIST));
        times = now;
        !more && times.len() >= 4
    });
    assert!(all, "{times:?}");
    let begin_ms = source().segments[0].head.pdt_ms.unwrap();
    assert!((times[0] - begin_ms).abs() <= 50, "from the beginning: {times:?} {begin_ms}");
    for at_ms in &times {
        let answer = get(server.http(), &picture(*at_ms));
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("image/jpeg")), "{}", answer.text());
        assert_eq!(answer.header("cache-control"), Some("public, max-age=31536000, immutable"));
        let (shown_s, claimed_ms) = (second(&answer.body, folder.path()), *at_ms - begin_ms);
        println!("{claimed_ms} ms: shows {shown_s} s, {} bytes", answer.body.len());
        assert!((shown_s * 1_000 - claimed_ms).abs() <= 100, "{shown_s} s is not {claimed_ms} ms");
    }
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] <= 11_000), "{times:?}");
    assert_eq!(get(server.http(), &picture(times[0] + 1)).status, 404);
    assert_eq!(get(server.http(), "/live/demo/previews/..%2f..%2fx.jpg").status, 404);
    let later = || listed(&get(server.http(), LIST)).0.len() > times.len();
    assert!(wait_until(SOON, later), "it goes on: {times:?}");

    // As secret as the live itself, also when that was decided later.
    let paul = add_person(&server, "paul", "viewer");
    amphi(&server, &["broadcaster", "access", "demo", "--visibility", "signed_in"]);
    let media = "/live/demo/source/media.m3u8";
    let mut stranger = Browser::new(&server);
    let statuses = |browser: &mut Browser| [media, LIST, &picture(times[0])].map(|path| browser.get(path).status);
    let refused = wait_until(Duration::from_secs(10), || statuses(&mut stranger).iter().all(|status| *status == 401));
    assert!(refused, "{:?}", statuses(&mut stranger));
    let mut paul = Browser::sign_in(&server, "paul", &paul);
    assert_eq!(statuses(&mut paul), [200; 3]);
    assert_eq!(paul.get(&picture(times[0])).header("cache-control"), Some("private, max-age=5"));
    assert_eq!(paul.get(LIST).header("cache-control"), Some("private, max-age=1"));
}

#[test]
fn without_an_engine_there_are_no_previews_and_no_error() {
    let server = Server::start(Options::with(&[("AMPHI_ENGINE__PROGRAM", "/nowhere/amphi-engine")]));
    let folder = tempfile::tempdir().unwrap();
    let _encoder = push(&server, folder.path());
    let listed_segments = || playlist(&server, "/live/demo/source/media.m3u8").segments.len();
    assert!(wait_until(SOON, || listed_segments() > 0));
    let told = "there are no previews of lives on air";
    let tried = || listed(&get(server.http(), LIST)).0.is_empty() && server.log().contains(told);
    assert!(wait_until(SOON, tried), "{}", server.log());
    assert_eq!(listed(&get(server.http(), LIST)), (Vec::new(), false));
    let at_once = get(server.http(), LIST);
    assert!(at_once.took < Duration::from_secs(2), "{:?}", at_once.took);
    assert_eq!(get(server.http(), &picture(1)).status, 404);
    let said = server.log();
    assert_eq!(said.matches(told).count(), 1, "once: {said}");
}
