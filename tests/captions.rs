//! What is said in a live, from its sound to viewers and to the video: by a scripted engine, whose words stand at known times, and by libvosk
//! with a real model.
//!
//! The engine is `amphi-engine` beside the server under test; `make engine` builds it. The Korean model is fetched by `.ci/libvosk model`.

mod settings;

use crate::support::ask::{assert_clean, end_live, judge};
use crate::support::engine::{KOREAN_SPEECH, KOREAN_WORDS, built, engines, korean, with_model};
use crate::support::hls::multivariant::Kind;
use crate::support::hls::playlist::MediaPlaylist;
use crate::support::hls::rules::Settings;
use crate::support::http::{get, metric};
use crate::support::peers::{Log, Peer, wait_until};
use crate::support::server::{Options, Server};
use crate::support::stream::{
    Clip, PATIENCE, SOON, broadcaster, finding, playlist, url, wait_finding, wait_on_air, wait_state, wait_videos,
};
use rustix::process::{Signal, kill_process};
use serde_json::Value;
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

/// A live's media time begins here, seconds.
const BASE_S: f64 = 10.0;

/// French words, seconds from the live's beginning.
const SCRIPT: [(f64, f64, &str); 9] = [
    (1.0, 1.4, "bonjour"),
    (1.5, 1.6, "à"),
    (1.7, 2.2, "toutes"),
    (3.2, 3.6, "le"),
    (3.6, 4.3, "cours"),
    (4.4, 5.0, "commence"),
    (8.0, 8.5, "merci"),
    (8.6, 8.9, "et"),
    (9.0, 9.6, "bravo"),
];

/// The words of [`SCRIPT`], in utterances that end where they pause, as the scripted engine reads them.
fn script(folder: &Path) {
    let mut text = String::new();
    for (n, (from, until, word)) in SCRIPT.iter().enumerate() {
        if n > 0 && from - SCRIPT[n - 1].1 > 0.8 {
            text.push('\n');
        }
        text.push_str(&format!("{} {} {word}\n", BASE_S + from, BASE_S + until));
    }
    std::fs::write(folder.join("engine"), "scripted\n").unwrap();
    std::fs::write(folder.join("script.txt"), text).unwrap();
}

fn server(data: TempDir, language: &str, settings: &[(&str, &str)]) -> Server {
    built();
    let languages = format!("[\"{language}\"]");
    let own = [
        ("AMPHI_CAPTIONS__ENABLED", "true"),
        ("AMPHI_CAPTIONS__LANGUAGES", languages.as_str()),
        ("AMPHI_LIVE__GRACE", "0s"),
        ("AMPHI_LIVE__MIN_LENGTH", "0s"),
    ];
    Server::start_on(Options::with(&[&own, settings].concat()), data)
}

/// Listens to a page's events until the server closes them.
fn listen(http: SocketAddr, slug: &str) -> Log {
    let mut stream = TcpStream::connect(http).unwrap();
    let head = format!("GET /live/{slug}/events HTTP/1.1\r\nhost: {http}\r\naccept: text/event-stream\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let log = Log::default();
    log.gather(stream);
    log
}

/// The cues that came so far.
fn told(events: &Log) -> Vec<Value> {
    let text = events.text();
    // A chunk ends with the event that it holds.
    let data = text.split("event: caption\ndata: ").skip(1).filter_map(|event| event.split_once("\n\n"));
    data.map(|(json, _)| serde_json::from_str(json).unwrap()).collect()
}

/// What was last told of each cue, in the order of the telling.
fn last_told(told: &[Value]) -> impl Iterator<Item = &Value> {
    told.iter().enumerate().filter(|(n, cue)| told[n + 1..].iter().all(|c| c["id"] != cue["id"])).map(|(_, cue)| cue)
}

fn lines(cue: &Value) -> String {
    cue["lines"].as_array().unwrap().iter().map(|l| l.as_str().unwrap()).collect::<Vec<_>>().join(" ")
}

/// Start and end in milliseconds, and text, of each cue of a WebVTT or SRT file.
fn cues(text: &str) -> Vec<(i64, i64, String)> {
    let millis = |clock: &str| {
        let (rest, ms) = clock.trim().split_once(['.', ',']).unwrap();
        rest.split(':').fold(0, |all, part| all * 60 + part.parse::<i64>().unwrap()) * 1000 + ms.parse::<i64>().unwrap()
    };
    let text = text.replace("\r\n", "\n");
    let blocks = text.split("\n\n").filter_map(|block| {
        let mut lines = block.lines().skip_while(|line| !line.contains(" --> "));
        let (from, until) = lines.next()?.split_once(" --> ")?;
        Some((millis(from), millis(until), lines.collect::<Vec<_>>().join(" ")))
    });
    blocks.collect()
}

fn words(text: &str) -> Vec<String> {
    let word = |w: &str| w.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    text.split_whitespace().map(word).filter(|w| !w.is_empty()).collect()
}

/// All that is listed of a language, as one list of cues without repetitions.
fn listed(server: &Server, base: &str) -> Vec<(i64, i64, String)> {
    let mut all = Vec::new();
    for segment in playlist(server, &format!("{base}/media.m3u8")).segments {
        let answer = get(server.http(), &format!("{base}/{}", segment.uri));
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/vtt; charset=utf-8")));
        for cue in cues(&answer.text()) {
            // What lasts beyond its segment is there again with equal times.
            if !all.contains(&cue) {
                all.push(cue);
            }
        }
    }
    all
}

/// The words that are there, once each and in order, and begin and end where they were said, to 600 ms (a cue stays a little to be read).
fn assert_said(what: &str, cues: &[(i64, i64, String)], offset_s: f64, missing: &[&str]) {
    let heard: Vec<String> = cues.iter().flat_map(|(.., text)| words(text)).collect();
    let said: Vec<_> = SCRIPT.iter().map(|(.., w)| *w).filter(|w| !missing.contains(w)).collect();
    assert_eq!(heard, said, "{what}: {cues:?}");
    for (from, until, text) in cues {
        let of = |word: &String| SCRIPT.iter().find(|(.., w)| w == word).copied().unwrap();
        let (first, last) = (of(words(text).first().unwrap()), of(words(text).last().unwrap()));
        #[expect(clippy::cast_possible_truncation, reason = "a few seconds")]
        let at = |seconds: f64| ((seconds + offset_s) * 1000.0) as i64;
        assert!(from.abs_diff(at(first.0)) <= 600, "{what}: {text:?} begins at {from}, said at {}", at(first.0));
        assert!(*until >= at(last.1) - 50 && *until <= at(last.1) + 3_000, "{what}: {text:?} ends at {until}");
    }
}

/// `ffmpeg -re` sends its first pictures late and others early, so dates come nearer to each other, and a little too near. Captions have the
/// dates of the pictures, and that is judged as always.
fn ffmpeg_paced() -> Settings {
    Settings { pdt_step_ms: 250, future_ms: 150, ..Settings::default() }
}

/// A live with a scripted engine, watched as it goes; afterwards, its video.
#[test]
fn what_is_said_is_shown_early_listed_beside_the_source_and_kept_with_the_video() {
    let mut server = server(with_model("script", "fr", script), "fr", &[]);
    let events = listen(server.http(), "demo");
    let clip = Clip::new("320x180", 14);
    let mut encoder = clip.push(&url(&server, "demo", "demo"));
    wait_on_air(&server, "demo");
    let master = get(server.http(), "/live/demo/master.m3u8").text();
    let media = master.lines().find(|l| l.contains("TYPE=SUBTITLES")).unwrap_or_else(|| panic!("{master}"));
    for attribute in [
        "LANGUAGE=\"fr\"",
        "NAME=\"Français\"",
        "public.machine-generated",
        "transcribes-spoken-dialog",
        "captions-fr/media.m3u8",
    ] {
        assert!(media.contains(attribute), "{media}");
    }
    assert!(
        master.lines().filter(|l| l.starts_with("#EXT-X-STREAM-INF")).all(|l| l.contains("SUBTITLES=")),
        "{master}"
    );

    // A cue is told before its segment is listed, which is before its words are all said.
    let early = || told(&events).iter().any(|cue| cue["lines"].to_string().to_lowercase().contains("bonjour"));
    assert!(wait_until(SOON, early), "{:?}", told(&events));
    assert!(wait_until(SOON, || !listed(&server, "/live/demo/captions-fr").is_empty()));
    let both = ["captions-fr", "source"].map(|name| playlist(&server, &format!("/live/demo/{name}/media.m3u8")));
    assert_eq!(both[0].media_sequence, both[1].media_sequence);
    for (ours, source) in both[0].segments.iter().zip(&both[1].segments) {
        assert_eq!(ours.head.pdt_ms, source.head.pdt_ms);
        assert!(ours.duration_ns.abs_diff(source.duration_ns) < 50_000_000, "{ours:?} and {source:?}");
    }
    let outcome = std::thread::scope(|scope| {
        let http = server.http();
        let watched = scope.spawn(move || judge(http, "demo", Duration::from_secs(60), ffmpeg_paced()));
        assert!(encoder.finish(PATIENCE).success(), "{}", encoder.log());
        watched.join().unwrap()
    });
    assert_clean("demo", &outcome.breaches);
    assert!(outcome.ended && outcome.renditions.iter().any(|r| r.kind == Kind::Subtitles), "{:?}", outcome.renditions);
    wait_state(&server, "demo", "ended");

    // The last of them may still be on their way when the live has ended.
    let wanted: Vec<_> = SCRIPT.iter().map(|(.., w)| (*w).to_owned()).collect();
    let stands = || {
        let told = told(&events);
        let last: Vec<_> = last_told(&told).collect();
        last.iter().all(|cue| cue["final"] == true) && last.iter().flat_map(|cue| words(&lines(cue))).eq(wanted.clone())
    };
    assert!(wait_until(SOON, stands), "the last word on each cue: {:?}", told(&events));
    let told = told(&events);
    assert!(told.iter().all(|cue| cue["language"] == "fr" && cue["start"].is_i64() && cue["end"].is_i64()), "{told:?}");

    let video = wait_videos(&server, "demo", 1).remove(0);
    let captions = video["captions"].clone();
    let path = format!("/videos/{}/captions/fr", video["id"].as_str().unwrap());
    assert_eq!(
        captions,
        serde_json::json!([{ "language": "fr", "url": format!("{path}.vtt"), "machine_generated": true }])
    );
    let kept = |server: &Server| {
        let file = |form: &str, is: &str| {
            let answer = get(server.http(), &format!("{path}.{form}"));
            assert_eq!((answer.status, answer.header("content-type")), (200, Some(is)), "{}", answer.text());
            answer.text()
        };
        assert_said("WebVTT", &cues(&file("vtt", "text/vtt; charset=utf-8")), 0.0, &[]);
        assert_said("SRT", &cues(&file("srt", "application/x-subrip; charset=utf-8")), 0.0, &[]);
        assert_eq!(words(&file("txt", "text/plain; charset=utf-8")), SCRIPT.map(|(.., w)| w));
        let spoken = file("jsonl", "application/jsonl; charset=utf-8");
        for (line, (from, until, word)) in spoken.lines().zip(SCRIPT) {
            let line: Value = serde_json::from_str(line).unwrap();
            let near = |field: &str, s: f64| (line[field].as_f64().unwrap() / 1000.0 - s).abs() < 0.2;
            assert!(line["text"] == word && near("start_ms", from) && near("end_ms", until), "{line}");
            assert!((0.0..=1.0).contains(&line["confidence"].as_f64().unwrap()), "{line}");
        }
        assert_eq!(spoken.lines().count(), SCRIPT.len());
        let base = format!("/videos/{}/captions-fr", video["id"].as_str().unwrap());
        assert_said("the video's rendition", &listed(server, &base), BASE_S, &[]);
        assert!(playlist(server, &format!("{base}/media.m3u8")).ended);
    };
    kept(&server);
    for (path, status) in [("fr.doc", 404), ("de.vtt", 404), ("..%2ffr.vtt", 404)] {
        let path = format!("/videos/{}/captions/{path}", video["id"].as_str().unwrap());
        assert_eq!(get(server.http(), &path).status, status, "{path}");
    }
    server.kill_9();
    server.restart();
    kept(&server);
}

/// Hearing a second takes four: health says that captions are late, then that sound is missing, and metrics say how much and how slow.
#[test]
fn an_engine_that_is_too_slow_is_told_of_with_what_it_costs() {
    let data = with_model("script", "fr", |folder| {
        std::fs::write(folder.join("engine"), "scripted\n").unwrap();
        std::fs::write(folder.join("script.txt"), format!("slow 4\n{BASE_S} {} bonjour\n", BASE_S + 0.5)).unwrap();
    });
    let server = server(data, "fr", &[]);
    let clip = Clip::new("320x180", 10);
    let _encoder = clip.push_for_ever(&url(&server, "demo", "demo"));
    wait_on_air(&server, "demo");
    let late = wait_finding(&server, "demo", "captions_late");
    assert!(late.contains("fr") && late.contains("s late"), "{late}");
    // It is waited for as long as sound may wait.
    let health = || broadcaster(&server, "demo")["health"].clone();
    let told = || finding(&health(), "captions_slow");
    assert!(wait_until(PATIENCE, || told().is_some()), "{}", health());
    let told = told().unwrap();
    assert!(told.contains("lack ") && told.contains("A second of sound takes it 4."), "{told}");
    let of = |name: &str| metric(server.http(), &format!("{name}{{broadcaster=\"demo\",language=\"fr\"}}"));
    let dropped_s = of("amphi_captions_dropped_microseconds_total") / 1e6;
    assert!((5.0..60.0).contains(&dropped_s), "{dropped_s}");
    let factor = of("amphi_captions_realtime_factor");
    assert!((3.8..6.0).contains(&factor), "{factor}");
    assert_eq!(of("amphi_captions_unheard_microseconds_total"), 0.0);
}

/// The caption engine dies in the middle of a word, and later the server: nothing is said twice, and what came after is there.
#[test]
fn neither_a_killed_engine_nor_a_killed_server_doubles_a_word() {
    let data = with_model("script", "fr", |folder| {
        std::fs::write(folder.join("engine"), "scripted\n").unwrap();
        let words = (0..40).map(|n| {
            let at = BASE_S + 0.5 + f64::from(n);
            let pause = if n % 3 == 2 { "\n" } else { "" };
            format!("{at} {} n{n:02}\n{pause}", at + 0.4)
        });
        std::fs::write(folder.join("script.txt"), words.collect::<String>()).unwrap();
    });
    let mut server = server(data, "fr", &[("AMPHI_LIVE__GRACE", "20s")]);
    let clip = Clip::new("320x180", 8);
    let push = |server: &Server| -> Peer { clip.push(&url(server, "demo", "demo")) };
    let mut encoder = push(&server);
    wait_on_air(&server, "demo");
    for _ in 0..2 {
        std::thread::sleep(Duration::from_millis(2_500));
        let alive: Vec<_> = engines(&server).into_iter().filter(|(_, state)| *state != 'Z').collect();
        assert_eq!(alive.len(), 1, "one engine for all lives: {alive:?}");
        kill_process(alive[0].0, Signal::KILL).unwrap();
    }
    assert!(encoder.finish(PATIENCE).success(), "{}", encoder.log());
    // Words are kept before the sync; what is not on the disk by now is at most a second.
    std::thread::sleep(Duration::from_secs(2));
    server.kill_9();
    server.restart();
    let mut encoder = push(&server);
    wait_on_air(&server, "demo");
    assert!(encoder.finish(PATIENCE).success(), "{}", encoder.log());
    wait_state(&server, "demo", "dropped");
    end_live(&server, "demo");
    let video = wait_videos(&server, "demo", 1).remove(0);
    let spoken = get(server.http(), &format!("/videos/{}/captions/fr.jsonl", video["id"].as_str().unwrap())).text();
    let said: Vec<String> = spoken
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["text"].as_str().unwrap().to_owned())
        .collect();
    let mut once = said.clone();
    once.sort();
    once.dedup();
    assert_eq!(said, once, "in order and once");
    for word in ["n00", "n01", "n04", "n06"] {
        assert!(said.iter().any(|w| w == word), "{word} is missing: {said:?}");
    }
    assert!(said.iter().filter(|w| w.as_str() > "n08").count() >= 5, "the second contribution is heard too: {said:?}");
}

/// The line breaks and the encoder comes back: the captions' list goes on beside the others, and keeps the rules that they keep.
#[test]
fn captions_keep_the_rules_of_the_media_beside_them_across_an_interruption() {
    let server = server(with_model("script", "fr", script), "fr", &[("AMPHI_LIVE__GRACE", "20s")]);
    let clip = Clip::new("320x180", 7);
    let push = || clip.push(&url(&server, "demo", "demo"));
    let outcome = std::thread::scope(|scope| {
        let http = server.http();
        let mut encoder = push();
        let watched = scope.spawn(move || {
            // What does not fill a part when the line breaks is told when it is known that no more comes.
            let settings = Settings { arrival_ms: Some(5_000), ..ffmpeg_paced() };
            judge(http, "demo", Duration::from_secs(60), settings)
        });
        assert!(encoder.finish(PATIENCE).success(), "{}", encoder.log());
        wait_state(&server, "demo", "dropped");
        let mut encoder = push();
        wait_on_air(&server, "demo");
        assert!(encoder.finish(PATIENCE).success(), "{}", encoder.log());
        wait_state(&server, "demo", "dropped");
        let list = playlist(&server, "/live/demo/captions-fr/media.m3u8");
        let anew = |list: &MediaPlaylist| list.segments.iter().filter(|s| s.head.discontinuity).count();
        assert_eq!((anew(&list), list.reports.len()), (1, 2), "{list:?}");
        end_live(&server, "demo");
        watched.join().unwrap()
    });
    assert_clean("demo", &outcome.breaches);
    assert!(outcome.ended);
}

#[test]
fn without_a_model_or_with_a_broken_one_the_live_is_untouched_and_health_says_what_to_do() {
    let empty = tempfile::Builder::new().prefix("amphi-test-").tempdir().unwrap();
    let missing = server(empty, "fr", &[]);
    let broken = with_model("broken", "fr", |folder| std::fs::write(folder.join("engine"), "parrot\n").unwrap());
    let broken = server(broken, "fr", &[]);
    let clip = Clip::new("320x180", 20);
    for (server, code, word) in
        [(&missing, "captions_no_model", "amphi models install fr"), (&broken, "captions_unavailable", "parrot")]
    {
        let _encoder = clip.push(&url(server, "demo", "demo"));
        wait_on_air(server, "demo");
        let why = wait_finding(server, "demo", code);
        assert!(why.contains(word), "{why}");
        assert_eq!(finding(&broadcaster(server, "demo")["health"], "unrecorded"), None);
        let source = || playlist(server, "/live/demo/source/media.m3u8").segments.len();
        assert!(wait_until(SOON, || source() >= 2), "the source goes on");
    }
}

/// Real speech, a real model: the words that it hears for certain stand where they are spoken.
#[test]
fn real_speech_is_captioned_by_vosk_while_it_is_live() {
    let server = server(with_model("vosk-ko", "ko", korean), "ko", &[]);
    let events = listen(server.http(), "demo");
    let (speech, to) = (KOREAN_SPEECH, url(&server, "demo", "demo"));
    let arguments = [
        "-v",
        "error",
        "-nostdin",
        "-re",
        "-f",
        "lavfi",
        "-i",
        "testsrc2=size=320x180:rate=25",
        "-i",
        speech,
        "-shortest",
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        "-pix_fmt",
        "yuv420p",
        "-g",
        "50",
        "-c:a",
        "copy",
        "-f",
        "flv",
        &to,
    ];
    let mut encoder = Peer::start("ffmpeg", arguments);
    assert!(encoder.finish(PATIENCE).success(), "{}", encoder.log());
    wait_state(&server, "demo", "ended");
    let video = wait_videos(&server, "demo", 1).remove(0);
    let path = format!("/videos/{}/captions/ko", video["id"].as_str().unwrap());
    let spoken = get(server.http(), &format!("{path}.jsonl")).text();
    let told = told(&events);
    for (word, at) in KOREAN_WORDS {
        let lines: Vec<Value> = spoken.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        let found: Vec<f64> =
            lines.iter().filter(|l| l["text"] == word).map(|l| l["start_ms"].as_f64().unwrap() / 1000.0).collect();
        assert!(found.len() == 1 && (found[0] - at).abs() < 0.7, "{word} at {at}: {found:?} in {spoken}");
        assert!(told.iter().any(|cue| cue["lines"].to_string().contains(word)), "{word} was told live: {told:?}");
    }
}
