//! Who may see what, with the real server: somebody signs in by the form, a draft is shown to its owner and to who has a link through every
//! door and to nobody else through any, and a right that is taken away ends what is being watched.

use crate::support::browser::{Browser, add_person as add};
use crate::support::engine::built;
use crate::support::http::{Ask, ask, get};
use crate::support::peers::wait_until;
use crate::support::server::{Options, Server};
use crate::support::stream::{Clip, SOON, amphi, token, url, wait_on_air, wait_videos, write};
use amphi::archive::layout::Layout;
use media::caption::language::Language;
use media::caption::record::{self, Record};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

mod cached;
mod kept;
mod letters;
mod newcomer;
mod tenants;

/// What was changed on the command line holds after this at the latest, and for who is watching already.
const CUT: Duration = Duration::from_secs(10);
/// For a poster, on a machine that also compiles.
const PICTURED: Duration = Duration::from_secs(120);
/// Clips of some seconds are worth listing.
const SHORT: (&str, &str) = ("AMPHI_LIVE__MIN_LENGTH", "1s");

/// A server whose recordings are videos soon, however short they are.
fn recording(more: &[(&str, &str)]) -> Server {
    let soon = [("AMPHI_LIVE__GRACE", "1s"), SHORT];
    Server::start(Options::with(&[&soon, more].concat()))
}

/// Asks for each, and gives the statuses that came.
fn statuses(browser: &mut Browser, doors: &[String]) -> BTreeSet<u16> {
    doors.iter().map(|door| browser.get(door).status).collect()
}

fn all(browser: &mut Browser, doors: &[String], status: u16, who: &str) {
    for door in doors {
        let answer = browser.get(door);
        assert_eq!(answer.status, status, "{who} at {door}: {}", answer.text());
    }
}

/// Gives a video captions, and waits until it has its pictures.
fn complete(server: &Server, id: &str) {
    complete_seen_by(server, &mut Browser::new(server), id);
}

fn complete_seen_by(server: &Server, browser: &mut Browser, id: &str) {
    let mut log = record::MAGIC.to_vec();
    let french = Language::new("fr").unwrap();
    record::write(&Record::Begin(french.clone()), &mut log).unwrap();
    std::fs::write(Layout::new(server.data_dir().join("media")).captions(id, &french), log).unwrap();
    let pictured = wait_until(PICTURED, || browser.get(&format!("/videos/{id}/poster.jpg")).status == 200);
    assert!(pictured, "{}", amphi(server, &["job", "list"]));
}

/// Every address that leads to something of a video, found as a player finds them: from the page to the last segment.
fn doors(browser: &mut Browser, id: &str) -> Vec<String> {
    let api = browser.get(&format!("/api/v1/videos/{id}"));
    assert_eq!(api.status, 200, "{}", api.text());
    let api = api.json();
    let mut doors = vec![format!("/api/v1/videos/{id}")];
    for field in ["page_url", "hls_url", "poster_url"] {
        doors.push(api[field].as_str().unwrap_or_else(|| panic!("{field}: {api}")).to_owned());
    }
    doors.push(format!("/videos/{id}/storyboard.vtt"));
    doors.push(format!("/videos/{id}/storyboard.jpg"));
    doors.push(api["captions"][0]["url"].as_str().unwrap_or_else(|| panic!("no captions: {api}")).to_owned());
    for form in ["srt", "txt", "jsonl"] {
        doors.push(format!("/videos/{id}/captions/fr.{form}"));
    }
    let master = browser.get(&format!("/videos/{id}/master.m3u8")).text();
    let quoted = master.split("URI=\"").skip(1).filter_map(|rest| rest.split_once('"')).map(|(uri, _)| uri);
    let plain = master.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
    let lists: BTreeSet<String> = quoted.chain(plain).map(|uri| format!("/videos/{id}/{uri}")).collect();
    assert!(lists.len() >= 3, "source, sound, captions: {master}");
    for list in lists {
        let text = browser.get(&list).text();
        let folder = list.rsplit_once('/').unwrap().0;
        let map = text.split("URI=\"").skip(1).filter_map(|rest| rest.split_once('"')).map(|(uri, _)| uri);
        let segments = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        let files: BTreeSet<String> = map.chain(segments).map(|uri| format!("{folder}/{uri}")).collect();
        assert!(!files.is_empty(), "{list}: {text}");
        doors.push(list);
        // The first and the last of each will do.
        doors.extend(files.first().cloned());
        doors.extend(files.last().cloned());
    }
    doors
}

#[test]
fn a_draft_is_its_owners_and_who_has_a_link_through_every_door() {
    built();
    let server = recording(&[("AMPHI_JOBS__AT_ONCE", "1")]);
    let clip = Clip::new("320x180", 8);
    clip.push(&url(&server, "demo", "demo")).finish(SOON);
    let video = &wait_videos(&server, "demo", 1)[0];
    let id = video["id"].as_str().unwrap();
    complete(&server, id);

    let (marie, paul) = (add(&server, "marie", "contributor"), add(&server, "paul", "contributor"));
    amphi(&server, &["video", "access", id, "--visibility", "draft", "--owner", "marie"]);
    let mut stranger = Browser::new(&server);
    let path = format!("/api/v1/videos/{id}");
    assert!(wait_until(CUT, || stranger.get(&path).status == 404), "the command line's change is not known");

    let mut owner = Browser::sign_in(&server, "marie", &marie);
    let doors = doors(&mut owner, id);
    assert!(doors.len() >= 18, "{doors:?}");
    all(&mut owner, &doors, 200, "the owner");
    let pass = format!("/videos/{id}/pass");
    assert_eq!((owner.get(&pass).status, stranger.get(&pass).status), (204, 404));

    let mut other = Browser::sign_in(&server, "paul", &paul);
    all(&mut stranger, &doors, 404, "a stranger");
    all(&mut other, &doors, 404, "another person");
    let title = video["title"].as_str().unwrap();
    for list in ["/", "/live/demo", "/api/v1/videos", "/api/v1/videos?broadcaster=demo", "/api/v1/lives"] {
        for (who, browser) in [("a stranger", &mut stranger), ("another person", &mut other)] {
            let text = browser.get(list).text();
            assert!(!text.contains(id) && !text.contains(title), "{who} is shown it by {list}: {text}");
        }
    }
    assert!(owner.get("/api/v1/videos").text().contains(id), "its owner finds it");

    let token = token(&server);
    let made = write(&server, "POST", &format!("/api/v1/videos/{id}/links"), &token, r#"{"label":"jury","days":1}"#);
    assert_eq!(made.status, 201, "{}", made.text());
    let (link, link_id) = (made.json()["url"].clone(), made.json()["id"].clone());
    let mut jury = Browser::new(&server);
    assert_eq!(jury.get(link.as_str().unwrap()).status, 303);
    all(&mut jury, &doors, 200, "who has the link");
    assert!(!jury.get("/api/v1/videos").text().contains(id), "a link is not a listing");
    let refused = jury.send("DELETE", &path, "");
    assert_eq!(refused.status, 401, "a link is to see: {}", refused.text());

    let path = format!("/api/v1/videos/{id}/links/{}", link_id.as_str().unwrap());
    assert_eq!(write(&server, "DELETE", &path, &token, "").status, 204);
    let revoked = Instant::now();
    let none = BTreeSet::from([404]);
    assert!(wait_until(CUT, || statuses(&mut jury, &doors) == none), "still open: {:?}", statuses(&mut jury, &doors));
    assert!(revoked.elapsed() < CUT, "{:?}", revoked.elapsed());
    all(&mut owner, &doors, 200, "the owner, still");
}

#[test]
fn a_right_that_is_taken_away_ends_what_is_being_watched() {
    let server = Server::start(Options::default());
    let clip = Clip::new("320x180", 8);
    let _encoder = clip.push_for_ever(&url(&server, "demo", "demo"));
    wait_on_air(&server, "demo");
    amphi(&server, &["group", "add", "L1"]);
    let password = add(&server, "marie", "viewer");
    amphi(&server, &["user", "change", "marie", "--group", "L1"]);
    amphi(&server, &["broadcaster", "access", "demo", "--visibility", "groups", "--group", "L1"]);
    let list = "/live/demo/source/media.m3u8";
    assert!(wait_until(CUT, || get(server.http(), list).status == 401), "a stranger still watches");

    // Watches as a player does: the playlist again and again, its newest segment, and a pass every three seconds.
    let mut browser = Browser::sign_in(&server, "marie", &password);
    let page = browser.get("/live/demo").text();
    assert!(page.contains("name=\"amphi-pass\" content=\"/live/demo/pass\""), "{page}");
    let events = browser.listen("/live/demo/events");
    assert!(wait_until(SOON, || events.text().contains("event: state")), "{}", events.text());
    let watch = |browser: &mut Browser, asked: &mut Instant| -> Result<(), u16> {
        if asked.elapsed() >= Duration::from_secs(3) {
            *asked = Instant::now();
            browser.get("/live/demo/pass");
        }
        let answer = browser.get(list);
        if answer.status != 200 {
            return Err(answer.status);
        }
        let newest = answer.text().lines().rfind(|line| !line.starts_with('#') && !line.is_empty()).map(str::to_owned);
        let newest = newest.ok_or(answer.status)?;
        match browser.get(&format!("/live/demo/source/{newest}")).status {
            200 => Ok(()),
            status => Err(status),
        }
    };
    let mut renewed = Instant::now();
    // The first segment is listed when it is complete.
    assert!(wait_until(SOON, || watch(&mut browser, &mut renewed).is_ok()), "{}", server.log());
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(8) {
        // Longer than a pass lives and a right is believed.
        assert_eq!(watch(&mut browser, &mut renewed), Ok(()), "{}", server.log());
        std::thread::sleep(Duration::from_millis(250));
    }
    assert!(!events.is_complete(), "a listener who may listen was cut off");

    let taken = Instant::now();
    amphi(&server, &["user", "change", "marie", "--group", ""]);
    let mut refused = Ok(());
    let cut = wait_until(CUT, || {
        refused = watch(&mut browser, &mut renewed);
        refused.is_err()
    });
    let after = taken.elapsed();
    assert!(cut && after < CUT, "watched on for {after:?}");
    assert_eq!(refused, Err(403));
    let room = CUT.saturating_sub(taken.elapsed());
    assert!(wait_until(room, || events.is_complete()), "told on for {:?}", taken.elapsed());
    assert_eq!(browser.get("/live/demo").status, 403);
    println!("cut off after {after:?}");

    // Given back, it goes on; a session that is ended does not.
    amphi(&server, &["user", "change", "marie", "--group", "L1"]);
    assert!(wait_until(CUT, || watch(&mut browser, &mut renewed).is_ok()));
    amphi(&server, &["user", "change", "marie", "--disable"]);
    assert!(wait_until(CUT, || watch(&mut browser, &mut renewed) == Err(401)), "disabled, and still watching");
}

#[test]
fn what_dev_makes_is_for_everybody() {
    let server = recording(&[]);
    let clip = Clip::new("320x180", 6);
    let mut encoder = clip.push(&url(&server, "demo", "demo"));
    wait_on_air(&server, "demo");
    for path in ["/", "/live/demo", "/live/demo/master.m3u8", "/live/demo/source/media.m3u8", "/healthz", "/readyz"] {
        let answer = get(server.http(), path);
        assert_eq!(answer.status, 200, "{path}");
        // No pass, nothing that says who somebody is: a browser is counted where a live or a video is watched, and only while it is open.
        let counted = answer.header("set-cookie").filter(|cookie| {
            path == "/live/demo" && cookie.starts_with("amphi-viewer=") && !cookie.to_lowercase().contains("max-age")
        });
        assert_eq!(answer.header("set-cookie"), counted, "{path}");
    }
    let shown = get(server.http(), "/api/v1/broadcasters/demo").json();
    assert_eq!(shown["contribution"]["protocol"], "rtmp", "figures, too: {shown}");
    encoder.finish(SOON);
    let video = &wait_videos(&server, "demo", 1)[0];
    for field in ["page_url", "hls_url"] {
        assert_eq!(get(server.http(), video[field].as_str().unwrap()).status, 200, "{field}");
    }
    for path in ["/api/v1/broadcasters", "/api/v1/lives", "/api/v1/videos", "/api/v1/openapi.json", "/metrics"] {
        assert_eq!(get(server.http(), path).status, 200, "{path}");
    }
    // And nothing can be changed without saying who.
    assert_eq!(
        ask(server.http(), "/api/v1/broadcasters/demo", &Ask { method: "DELETE", ..Ask::default() }).status,
        401
    );
}
