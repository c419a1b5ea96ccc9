//! A live across all that can interrupt it: sequence numbers never go back, URIs stay, dates are the wall clock's, and
//! there is one recording.

use crate::support::ask::{amphi, assert_clean, end_live, get, judge, packets, videos, wait_playable};
use crate::support::flv::{Tag, encode, one_after_the_other, pictures, tags};
use crate::support::hls::parse::media_playlist;
use crate::support::hls::playlist::MediaPlaylist;
use crate::support::hls::reader::Outcome;
use crate::support::hls::rules::{Breach, Exchange, Rule, Settings, check};
use crate::support::publisher::{Plan, Publisher};
use crate::support::server::{Options, Server};
use std::sync::Arc;
use std::time::Duration;

/// PROGRAM-DATE-TIME against the moment when the picture was sent.
const TRUTH_MS: i64 = 300;
/// Pictures that do not fill a part are told when it is known that no more come: when another takes over from a silent publisher.
const HELD_MS: i64 = 5_000;
/// How long a publisher is silent before another may take over: `live.takeover_after`.
const SILENCE: Duration = Duration::from_secs(3);

fn seconds(seconds: &str, size: &str) -> Vec<Tag> {
    tags(encode(size, 30, &["-t", seconds, "-g", "60", "-bf", "0"]))
}

fn publish(server: &Server, tags: &[Tag], silent_after: bool) -> Publisher {
    Publisher::start(server.rtmp(), "demo?key=demo", Plan { tags: Arc::new(tags.to_vec()), silent_after })
}

fn watch(server: &Server, length: Duration, settings: Settings) -> Outcome {
    judge(server.http(), "demo", length, settings)
}

/// The video rendition's whole list of now.
fn list(server: &Server) -> MediaPlaylist {
    let answer = get(server.http(), "/live/demo/source/media.m3u8");
    assert_eq!(answer.status, 200);
    media_playlist(&answer.text().unwrap()).unwrap()
}

/// The first segment and every one after a discontinuity must be dated as their pictures were sent.
fn assert_dates(list: &MediaPlaylist, truths_ms: &[i64]) {
    let begins = list.segments.iter().enumerate().filter(|(n, segment)| *n == 0 || segment.head.discontinuity);
    let told: Vec<i64> = begins.map(|(_, segment)| segment.head.pdt_ms.unwrap()).collect();
    assert_eq!(told.len(), truths_ms.len(), "one span for each contribution: {told:?}, {truths_ms:?}");
    for (told, truth) in told.iter().zip(truths_ms) {
        assert!((told - truth).abs() <= TRUTH_MS, "a span is dated {} ms off", told - truth);
    }
}

/// What viewers were told of the pictures' edge before is not taken back in the sound's report of it.
fn assert_reported(server: &Server, (msn, part): (u64, u64)) {
    let sound = get(server.http(), "/live/demo/audio/media.m3u8").text().unwrap();
    let report = media_playlist(&sound).unwrap().reports.pop().unwrap();
    let told = (report.last_msn.unwrap(), report.last_part.unwrap());
    let known = if part == 0 { (msn - 1, 0) } else { (msn, part - 1) };
    assert!(told >= known, "{told:?} after {known:?}");
}

fn one_video(server: &Server) -> String {
    let shown = amphi(server, &["video", "list", "--json"]);
    let all: Vec<serde_json::Value> = serde_json::from_str(&shown).unwrap();
    assert_eq!(all.len(), 1, "one recording: {shown}");
    all[0]["id"].as_str().unwrap().to_owned()
}

/// All that was asked over the server's lives is one transcript. A hint can't be kept by a server that was killed: the part
/// that it was making is lost, and the next one has another number.
fn judge_together(outcomes: Vec<Outcome>) -> Vec<Breach> {
    let transcript: Vec<Exchange> = outcomes.into_iter().flat_map(|outcome| outcome.exchanges).collect();
    let mut breaches = check(&transcript, &Settings::default());
    breaches.retain(|breach| breach.rule != Rule::HintWrong.row().0);
    breaches
}

#[test]
fn a_drop_and_return_a_change_of_parameters_and_a_takeover_keep_the_rules_in_one_recording() {
    let server = Server::start(Options::default());
    let (six, small) = (seconds("6", "640x360"), seconds("6", "320x180"));
    let changing = one_after_the_other(&six, &small);
    let mut truths = Vec::new();
    let mut sent = 0;
    let outcome = std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let settings = Settings { arrival_ms: Some(HELD_MS), ..Settings::default() };
            watch(&server, Duration::from_secs(100), settings)
        });
        // Its line breaks after 6 s, and it is back 4 s later, with other parameters 6 s after that.
        let first = publish(&server, &six, true);
        wait_sent(&first, pictures(&six));
        truths.push(first.began_ms());
        sent += first.vanish();
        std::thread::sleep(Duration::from_secs(4));
        let second = publish(&server, &changing, true);
        wait_sent(&second, pictures(&changing));
        truths.push(second.began_ms());
        truths
            .push(second.began_ms() + i64::from(changing[six.len()..].iter().find(|t| t.is_keyframe()).unwrap().at_ms));
        sent += second.pictures();
        // It goes silent without closing; another takes over.
        std::thread::sleep(SILENCE + Duration::from_millis(500));
        let third = publish(&server, &six, false);
        wait_sent(&third, pictures(&six));
        truths.push(third.began_ms());
        sent += pictures(&six);
        third.finish();
        let list = list_of_whole_spans(&server, truths.len());
        assert_dates(&list, &truths);
        end_live(&server, "demo");
        reader.join().unwrap()
    });
    assert_clean("demo", &outcome.breaches);
    assert!(outcome.ended);
    let id = one_video(&server);
    assert_eq!(videos(server.http(), "demo")[0]["id"], id.as_str());
    let url = format!("http://{}/videos/{id}/master.m3u8", server.http());
    assert_eq!(packets(&url, "v:0"), sent, "pictures in the video, and pictures sent");
}

fn wait_sent(publisher: &Publisher, pictures: u64) {
    let sent = || publisher.pictures() >= pictures;
    assert!(crate::support::peers::wait_until(Duration::from_secs(40), sent), "{} sent", publisher.pictures());
}

/// The last span's segments are listed once it has ended.
fn list_of_whole_spans(server: &Server, spans: usize) -> MediaPlaylist {
    let whole = || {
        let list = list(server);
        list.segments.iter().filter(|segment| segment.head.discontinuity).count() + 1 == spans && list.open.is_none()
    };
    crate::support::peers::wait_until(Duration::from_secs(10), whole);
    list(server)
}

#[test]
fn stopped_and_killed_servers_go_on_with_the_live_where_it_was() {
    let mut server = Server::start(Options::default());
    let long = seconds("30", "320x180");
    let (mut outcomes, mut truths) = (Vec::new(), Vec::new());
    let mut edges = Vec::new();
    for round in 0..3 {
        let publisher = publish(&server, &long, true);
        wait_playable(server.http(), "demo");
        let outcome = watch(&server, Duration::from_secs(7), Settings::default());
        assert_clean("demo", &outcome.breaches);
        truths.push(publisher.began_ms());
        let before = list(&server);
        edges.push((before.media_sequence, before.next().unwrap()));
        outcomes.push(outcome);
        match round {
            0 => assert!(server.stop().success(), "SIGTERM"),
            _ => server.kill_9(),
        }
        publisher.vanish();
        server.restart();
        // What was listed is listed, before anybody publishes again.
        let after = list(&server);
        assert_eq!((after.media_sequence, after.ended), (before.media_sequence, false));
        assert!(after.segments.len() >= before.segments.len());
        assert!(after.next() >= before.next(), "{:?} after {:?}", after.next(), before.next());
        assert_eq!(after.discontinuity_sequence, before.discontinuity_sequence);
        assert_reported(&server, before.next().unwrap());
        for (old, new) in before.segments.iter().zip(&after.segments) {
            let (was, is) = ((&old.uri, old.duration_ns, &old.head.map), (&new.uri, new.duration_ns, &new.head.map));
            assert_eq!((was, old.head.pdt_ms), (is, new.head.pdt_ms));
        }
    }
    assert!(edges.windows(2).all(|pair| pair[0].0 == pair[1].0 && pair[0].1 < pair[1].1), "{edges:?}");
    let publisher = publish(&server, &long, true);
    outcomes.push(watch(&server, Duration::from_secs(5), Settings::default()));
    truths.push(publisher.began_ms());
    publisher.stop();
    let whole = list_of_whole_spans(&server, truths.len());
    assert_dates(&whole, &truths);
    end_live(&server, "demo");
    assert_clean("demo, over all restarts", &judge_together(outcomes));
    one_video(&server);
    // The next live of this broadcaster goes on with higher numbers at the same address.
    let _next = publish(&server, &long, true);
    let next_begins = || list(&server).media_sequence > whole.media_sequence;
    assert!(crate::support::peers::wait_until(Duration::from_secs(20), next_begins));
    let next = list(&server);
    assert!(next.media_sequence >= whole.next().unwrap().0, "{} after {:?}", next.media_sequence, whole.next());
    assert!(next.discontinuity_sequence > whole.discontinuity_sequence);
}
