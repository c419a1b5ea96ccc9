//! The RTMP door of the real server: who comes in, who is refused and how that looks, and that no key is ever written.

use crate::support::http::{get, metric};
use crate::support::peers::{Peer, wait_until};
use crate::support::rtmp;
use crate::support::server::{Options, Server};
use crate::support::stream::{
    Clip, PATIENCE, SOON, amphi, amphi_json, broadcaster, token, url, video_url, wait_on_air, wait_state, wait_videos,
    write,
};
use rustix::process::Signal;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;

const DENIED: &str = "Unknown broadcaster or wrong stream key.";
const TAKEN: &str = "This broadcaster is already on air from another encoder.";
/// Only the beginning: further on a chunk header stands in the bytes.
const TOO_MANY: &str = "Too many refused attempts";

fn refusals(server: &Server, reason: &str) -> f64 {
    metric(server.http(), &format!("amphi_contributions_refused_total{{protocol=\"rtmp\",reason=\"{reason}\"}}"))
}

/// Waits for the end of an encoder that must fail, and gives what it told its user.
fn told(encoder: &mut Peer) -> String {
    let status = encoder.finish(PATIENCE);
    let log = encoder.whole_log(PATIENCE);
    assert!(!status.success(), "{log}");
    log
}

fn rtmp_url(server: &Server, name: &str) -> String {
    format!("rtmp://{}/live/{name}", server.rtmp())
}

#[test]
fn a_refused_encoder_is_told_why_and_no_key_is_ever_written() {
    // Everything is logged, that of the libraries too.
    let server = Server::start(Options::with(&[("AMPHI_LOG__FILTER", "trace"), ("AMPHI_LIVE__GRACE", "0s")]));
    let clip = Clip::new("320x180", 4);
    let right = amphi_json(&server, &["broadcaster", "add", "hall"], "key");
    let secret = "kept-to-oneself-4711";
    let wrong = [
        url(&server, "hall", secret),
        url(&server, "nowhere", secret),
        rtmp_url(&server, secret),
        // The key of another broadcaster, an empty one, another application.
        url(&server, "demo", &right),
        rtmp_url(&server, "hall?key="),
        format!("rtmp://{}/other/{right}", server.rtmp()),
    ];
    for url in &wrong {
        let said = told(&mut clip.push(url));
        assert!(said.contains(DENIED), "{url}: {said}");
    }
    assert!(wait_until(SOON, || metric(server.http(), "amphi_rtmp_refused_total{reason=\"denied\"}") == 6.0));
    // The sixth never became an offer: its application is not ours.
    assert_eq!(refusals(&server, "denied"), 5.0, "{}", get(server.http(), "/metrics").text());
    assert!(clip.push(&rtmp_url(&server, &right)).finish(PATIENCE).success());
    wait_state(&server, "hall", "ended");

    let token = token(&server);
    let written = [
        server.log(),
        get(server.http(), "/metrics").text(),
        broadcaster(&server, "hall").to_string(),
        write(&server, "GET", "/api/v1/broadcasters/hall/keys", &token, "").text(),
        get(server.http(), "/live/hall").text(),
    ];
    for text in &written {
        assert!(!text.contains(secret) && !text.contains(&right) && !text.contains(&token), "{text}");
    }
    assert!(written[0].contains("contribution refused"), "{}", written[0]);
    for file in walk(server.data_dir()) {
        let bytes = std::fs::read(&file).unwrap();
        let holds = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
        assert!(!holds(secret) && !holds(&right) && !holds(&token), "{}", file.display());
    }
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { walk(&path) } else { vec![path] }).collect()
}

#[tokio::test]
async fn an_address_that_guesses_is_refused_without_a_look_at_its_key() {
    let server = Server::start(Options::with(&[("AMPHI_RTMP__MAX_REFUSALS_PER_MINUTE", "3")]));
    let try_from = async |address: [u8; 4], name: &str| {
        let mut stream = rtmp::shaken(Ipv4Addr::from(address), server.rtmp()).await.unwrap();
        stream.write_all(&rtmp::until_publish("live", name)).await.unwrap();
        rtmp::hear(&mut stream, "NetStream.Publish.Start").await
    };
    for n in 0..3 {
        let said = try_from([127, 0, 0, 2], &format!("demo?key=guess{n}")).await;
        assert!(said.contains("NetStream.Publish.BadName") && said.contains(DENIED), "{said}");
    }
    for name in ["demo?key=demo", "demo?key=guess", "other?key=x"] {
        let said = try_from([127, 0, 0, 2], name).await;
        assert!(said.contains(TOO_MANY), "{name}: {said}");
    }
    assert_eq!((refusals(&server, "denied"), refusals(&server, "too_many_attempts")), (3.0, 3.0));
    let said = try_from([127, 0, 0, 3], "demo?key=demo").await;
    assert!(said.contains("NetStream.Publish.Start"), "others are not blamed: {said}");
}

#[tokio::test]
async fn guesses_made_all_at_once_are_counted_one_by_one() {
    let server = Server::start(Options::with(&[("AMPHI_RTMP__MAX_REFUSALS_PER_MINUTE", "3")]));
    let guess = async |n: u32| {
        let mut stream = rtmp::shaken(Ipv4Addr::new(127, 0, 0, 2), server.rtmp()).await.unwrap();
        stream.write_all(&rtmp::until_publish("live", &format!("demo?key=guess{n}"))).await.unwrap();
        rtmp::hear(&mut stream, "NetStream.Publish.Start").await
    };
    let said = futures_util::future::join_all((0..40).map(guess)).await;
    let answered = said.iter().filter(|said| said.contains(DENIED)).count();
    // One is forgiven every 20 s, should all of this take so long.
    assert!((3..=4).contains(&answered), "{answered} of 40 guesses were answered");
    let blocked = said.iter().filter(|said| said.contains(TOO_MANY)).count();
    assert_eq!(answered + blocked, 40);
}

#[test]
fn several_keys_open_a_broadcaster_and_a_live_survives_their_rotation() {
    let server = Server::start(Options::with(&[("AMPHI_LIVE__MIN_LENGTH", "0s")]));
    let clip = Clip::new("320x180", 20);
    let token = token(&server);
    let first = amphi_json(&server, &["broadcaster", "add", "hall"], "key");
    let made = write(&server, "POST", "/api/v1/broadcasters/hall/keys", &token, r#"{"label":"second"}"#);
    let second = made.json()["key"].as_str().unwrap().to_owned();
    // The form of boxes that only know a name, then the other.
    let mut encoder = clip.push_for_ever(&rtmp_url(&server, &first));
    wait_on_air(&server, "hall");
    let before = broadcaster(&server, "hall");
    assert_eq!(before["contribution"]["protocol"], "rtmp");
    let said = told(&mut clip.push(&url(&server, "hall", &second)));
    assert!(said.contains(TAKEN), "a good key, but the place is taken: {said}");
    assert_eq!(refusals(&server, "taken"), 1.0);

    let third = amphi_json(&server, &["broadcaster", "rotate-key", "hall"], "key");
    for old in [&first, &second] {
        let said = told(&mut clip.push(&url(&server, "hall", old)));
        assert!(said.contains(DENIED), "{said}");
    }
    let after = broadcaster(&server, "hall");
    assert_eq!(
        (&after["state"], &after["contribution"]["since"]),
        (&before["state"], &before["contribution"]["since"]),
        "who is on air stays: {after}"
    );
    encoder.kill();
    wait_state(&server, "hall", "dropped");
    let mut encoder = clip.push_for_ever(&url(&server, "hall", &third));
    wait_on_air(&server, "hall");
    assert_eq!(broadcaster(&server, "hall")["video_id"], before["video_id"], "one live, one recording");

    let ended = write(&server, "POST", "/api/v1/broadcasters/hall/end", &token, "");
    assert_eq!(ended.status, 204, "{}", ended.text());
    let video = &wait_videos(&server, "hall", 1)[0];
    assert_eq!(video["id"], before["video_id"]);
    assert_eq!(get(server.http(), video["hls_url"].as_str().unwrap()).status, 200, "there when the answer is");
    assert!(!told(&mut encoder).is_empty(), "its connection is closed");
    assert_eq!(write(&server, "POST", "/api/v1/broadcasters/hall/end", &token, "").status, 409);
    crate::support::stream::decodes(&video_url(&server, video));
    assert!(amphi(&server, &["broadcaster", "list"]).contains("hall"));
}

#[test]
fn an_encoder_is_replaced_only_after_a_silence() {
    // Long enough for an encoder to start and be refused meanwhile, on a machine that does other things too.
    let silence = Duration::from_secs(12);
    let server = Server::start(Options::with(&[("AMPHI_LIVE__TAKEOVER_AFTER", "12s")]));
    let clip = Clip::new("320x180", 20);
    let url = url(&server, "demo", "demo");
    let mut silent = clip.push_for_ever(&url);
    wait_on_air(&server, "demo");
    let before = broadcaster(&server, "demo");
    assert!(told(&mut clip.push(&url)).contains(TAKEN));

    silent.signal(Signal::STOP);
    let stopped = Instant::now();
    let mut refused = 0;
    let mut successor = loop {
        let encoder = clip.push_for_ever(&url);
        let taken_over = wait_until(SOON, || {
            broadcaster(&server, "demo")["contribution"]["peer"] != before["contribution"]["peer"]
                || encoder.log().contains(TAKEN)
        });
        assert!(taken_over, "{}", encoder.log());
        if !encoder.log().contains(TAKEN) {
            break encoder;
        }
        refused += 1;
    };
    let took = stopped.elapsed();
    // The last frames may have come a moment before the signal.
    assert!(took > silence - Duration::from_millis(500) && refused > 0, "after {took:?} and {refused} refusals");
    assert_eq!(metric(server.http(), "amphi_contribution_takeovers_total"), 1.0);
    wait_on_air(&server, "demo");
    let after = broadcaster(&server, "demo");
    assert_eq!((&after["video_id"], &after["state"]), (&before["video_id"], &"on_air".into()));
    silent.signal(Signal::CONT);
    told(&mut silent);
    assert_eq!(broadcaster(&server, "demo")["contribution"]["peer"], after["contribution"]["peer"]);
    successor.kill();
    wait_state(&server, "demo", "dropped");
}
