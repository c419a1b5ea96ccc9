//! An institution that comes, and is reached by another name, while the server runs and another one's live is on air: what it has is there within
//! seconds, and who is on air elsewhere notices nothing.

use super::*;
use crate::support::hls::parse::media_playlist;
use crate::support::hls::playlist::MediaPlaylist;
use crate::support::http::metric;
use crate::support::peers::run;
use crate::support::stream::{
    PATIENCE, amphi_json, broadcaster, count_packets, decodes, end_counted, playlist, video_url,
};

const B: &str = "tv.b.example";
const MOVED: &str = "video.b.example";
/// Its pages may show the players of the one that came.
const MOODLE: &str = "https://moodle.b.example";
/// From what is typed to what is answered: a look every five seconds, on a machine that also compiles.
const NOTICED: Duration = Duration::from_secs(15);
const SOURCE: &str = "/live/hall/source/media.m3u8";

/// Asks a page at a name until it is so.
fn wait_page(server: &Server, host: &str, path: &str, so: impl Fn(&str) -> bool) {
    let mut browser = Browser::new(server).named(host);
    let mut said = String::new();
    let there = wait_until(NOTICED, || {
        said = browser.get(path).text();
        so(&said)
    });
    assert!(there, "{host}{path}: {said}\n{}", server.log());
}

fn listed_at(server: &Server, host: &str) -> MediaPlaylist {
    let answer = Browser::new(server).named(host).get(SOURCE);
    assert_eq!(answer.status, 200, "{host}: {}", answer.text());
    media_playlist(&answer.text()).unwrap_or_else(|error| panic!("{error}\n{}", answer.text()))
}

/// What was listed is listed still, nothing is missing, and the numbers go on one by one.
fn assert_goes_on(before: &MediaPlaylist, after: &MediaPlaylist, who: &str) {
    let known: Vec<_> = before.segments.iter().map(|s| (s.head.msn, s.uri.as_str(), s.duration_ns)).collect();
    let now: Vec<_> = after.segments.iter().map(|s| (s.head.msn, s.uri.as_str(), s.duration_ns)).collect();
    assert!(now.starts_with(&known) && now.len() > known.len(), "{who}: {known:?} {now:?}");
    assert!(now.windows(2).all(|two| two[1].0 == two[0].0 + 1), "{who}: {now:?}");
    assert!(after.parents().all(|parent| !parent.discontinuity && !parent.gap), "{who}: {after:?}");
}

#[test]
fn one_comes_and_moves_while_anothers_live_goes_on() {
    built();
    let server = Server::start(Options::with(&[("AMPHI_LIVE__GRACE", "1s"), SHORT, ("AMPHI_JOBS__AT_ONCE", "1")]));
    let clip = Clip::new("320x180", 150);
    let mut first = clip.push(&url(&server, "demo", "demo"));
    wait_on_air(&server, "demo");
    let followed = Browser::new(&server).listen("/live/demo/events");
    let begun = playlist(&server, "/live/demo/source/media.m3u8");
    let video = broadcaster(&server, "demo")["video_id"].clone();
    assert!(video.is_string(), "{video}");

    // A name that leads to nobody is the default one's.
    let mut at_b = Browser::new(&server).named(B);
    assert!(at_b.get("/").text().contains("· Amphi</title>"));
    assert_eq!(at_b.get("/live/demo").status, 200);
    let typed = Instant::now();
    let id = amphi_json(&server, &["tenant", "add", "Université Beta", "--host", B], "id");
    wait_page(&server, B, "/", |page| page.contains("Université Beta"));
    println!("served {:?} after it was typed", typed.elapsed());
    assert_eq!(at_b.get("/live/demo").status, 404, "what is the other one's");

    // Encoders find it, and its jobs are done.
    let key = amphi_json(&server, &["broadcaster", "add", "hall", "--tenant", B], "key");
    let mut second = clip.push(&url(&server, "hall", &key));
    let on_air = wait_until(SOON, || at_b.get("/live/hall/master.m3u8").status == 200);
    assert!(on_air, "{}\n{}", at_b.get("/api/v1/broadcasters/hall").text(), server.log());
    assert_eq!(get(server.http(), "/live/hall/master.m3u8").status, 404);
    assert_eq!(metric(server.http(), &format!("amphi_live_on_air{{broadcaster=\"{id}/hall\"}}")), 1.0);
    let begun_at_b = listed_at(&server, B);
    let followed_at_b = Browser::new(&server).named(B).listen("/live/hall/events");

    // Its neighbours are its own.
    let named = |browser: &mut Browser, path: &str| {
        browser.get(path).header("content-security-policy").unwrap_or_default().contains(MOODLE)
    };
    assert!(!named(&mut at_b, "/embed/live/hall"));
    amphi(&server, &["tenant", "set", B, "--embedder", MOODLE]);
    assert!(wait_until(NOTICED, || named(&mut at_b, "/embed/live/hall")), "{}", server.log());
    assert!(!named(&mut Browser::new(&server), "/embed/live/demo"), "and nobody else's");

    // It is called and reached otherwise, with its live on air.
    amphi(&server, &["tenant", "set", B, "--host", MOVED, "--name", "Université Gamma"]);
    wait_page(&server, MOVED, "/", |page| page.contains("Université Gamma"));
    for path in ["/live/hall", "/live/hall/master.m3u8", SOURCE, "/api/v1/broadcasters/hall"] {
        assert_eq!(at_b.get(path).status, 404, "{path}: the old name leads nowhere");
    }
    assert_eq!(at_b.get("/live/demo").status, 200, "but to the default one, as every other");
    let mut at_moved = Browser::new(&server).named(MOVED);
    assert!(named(&mut at_moved, "/embed/live/hall"), "what it said before holds");
    let mut later = listed_at(&server, MOVED);
    let more = wait_until(SOON, || {
        later = listed_at(&server, MOVED);
        later.segments.len() > begun_at_b.segments.len() + 1
    });
    assert!(more, "{later:?}");
    assert_goes_on(&begun_at_b, &later, "who moved");
    assert!(!followed_at_b.is_complete(), "who looked on at the old name looks on");
    let sent = end_counted(&mut second);
    let mut items = Vec::new();
    let ended = wait_until(SOON, || {
        let mut answer = at_moved.get("/api/v1/videos").json();
        items = answer["items"].as_array_mut().map(std::mem::take).unwrap_or_default();
        items.len() == 1 && items[0]["state"] == "ended"
    });
    assert!(ended, "{items:?}");
    let of_b = items[0]["id"].as_str().unwrap().to_owned();
    let pictured = wait_until(PICTURED, || at_moved.get(&format!("/videos/{of_b}/poster.jpg")).status == 200);
    assert!(pictured, "{}", amphi(&server, &["job", "list", "--tenant", MOVED]));
    let held = pictures(&server, MOVED, items[0]["hls_url"].as_str().unwrap());
    assert_eq!(held, sent, "every picture that came is in its video");

    // The first one's live has noticed nothing.
    let after = playlist(&server, "/live/demo/source/media.m3u8");
    assert_goes_on(&begun, &after, "who was on air");
    let shown = broadcaster(&server, "demo");
    assert_eq!((&shown["state"], &shown["video_id"]), (&serde_json::json!("on_air"), &video));
    assert!(!followed.is_complete(), "who looks on looks on: {}", followed.text());
    let sent = end_counted(&mut first);
    let of_a = wait_videos(&server, "demo", 1).remove(0);
    assert_eq!(of_a["id"], video);
    let link = video_url(&server, &of_a);
    assert_eq!(count_packets(&link, "v:0"), sent, "every picture that came is in the one video");
    decodes(&link);
    let log = server.log();
    // A front end that was not built is said at the start, and is nothing to this.
    let wrong = log.lines().find(|line| line.contains("ERROR") && !line.contains("amphi::http::assets"));
    assert_eq!(wrong, None);
}

/// How many pictures a player counts that knows the server by a name.
fn pictures(server: &Server, host: &str, playlist: &str) -> u64 {
    let (named, link) = (format!("Host: {host}\r\n"), format!("http://{}{playlist}", server.http()));
    let words = "-v error -select_streams v:0 -count_packets -show_entries stream=nb_read_packets -of csv=p=0 -headers";
    let text = run("ffprobe", words.split(' ').chain([named.as_str(), link.as_str()]), PATIENCE);
    let first = text.lines().next().unwrap_or_default();
    first.trim_end_matches(',').parse().unwrap_or_else(|_| panic!("{link}: {text}"))
}
