//! What lives are captioned with changes while they are on air: languages, names, models that come, are mended and go.

use super::{BASE_S, SCRIPT, listed, listen, script, server, words};
use crate::support::ask::{amphi, end_live};
use crate::support::engine::{add_model, built, with_model};
use crate::support::hls::playlist::Segment;
use crate::support::http::get;
use crate::support::peers::{Log, wait_until};
use crate::support::server::{Options, Server};
use crate::support::stream::{
    Clip, SOON, broadcaster, finding, playlist, url, wait_finding, wait_on_air, wait_state, wait_videos,
};
use serde_json::Value;
use std::path::Path;
use std::time::{Duration, Instant};

/// What a live that lacks a model waits for it, with what the engine takes to start on a machine that does other things.
const NOTICED: Duration = Duration::from_secs(15);

/// A word every second, for ever.
fn counting(word: &str) -> impl Fn(&Path) {
    let text = format!("{} {} {word}\n\nevery 1\n", BASE_S + 0.1, BASE_S + 0.4);
    move |folder| {
        std::fs::write(folder.join("engine"), "scripted\n").unwrap();
        std::fs::write(folder.join("script.txt"), &text).unwrap();
    }
}

/// The numbers by which a page knows that there is something new to choose from.
fn versions(events: &Log) -> Vec<u64> {
    let text = events.text();
    let data = text.split("event: state\ndata: ").skip(1).filter_map(|event| event.split_once("\n\n"));
    data.filter_map(|(json, _)| serde_json::from_str::<Value>(json).unwrap()["renditions_version"].as_u64()).collect()
}

fn set_vocabulary(server: &Server, lines: &str, more: &[&str]) {
    let file = server.data_dir().join("names.txt");
    std::fs::write(&file, lines).unwrap();
    amphi(server, &[&["broadcaster", "set-vocabulary", "demo", file.to_str().unwrap()], more].concat());
}

fn said(server: &Server, language: &str) -> String {
    let cues = listed(server, &format!("/live/demo/captions-{language}"));
    cues.into_iter().map(|(.., text)| text).collect::<Vec<_>>().join("\n")
}

fn has_health(server: &Server, code: &str) -> bool {
    finding(&broadcaster(server, "demo")["health"], code).is_some()
}

#[test]
fn a_broadcasters_languages_and_names_are_taken_up_on_air_and_a_model_that_comes_is_noticed() {
    let data = with_model("script", "fr", script);
    add_model(data.path(), "counts", "en-us", counting("one"));
    let server = server(data, "de", &[("AMPHI_CAPTIONS__VOCABULARY", r#"["bravo = BRAVO", "merci = MERCI"]"#)]);
    let told = amphi(&server, &["broadcaster", "set-captions", "demo", "fr,en,it"]);
    assert!(told.contains("There is no model of it on this machine: amphi models install it"), "{told}");
    let names = "bonjour à toutes = Bonjour à Toutes\nle cours = le Cours\n[fr] merci = Mercy\n";
    set_vocabulary(&server, names, &[]);

    let events = listen(server.http(), "demo");
    let clip = Clip::new("320x180", 30);
    let mut encoder = clip.push_for_ever(&url(&server, "demo", "demo"));
    wait_on_air(&server, "demo");
    let master = || get(server.http(), "/live/demo/master.m3u8").text();
    let offers = |language: &str| master().contains(&format!("captions-{language}/media.m3u8"));
    assert!(offers("fr") && offers("en") && !offers("de"), "its languages, not the server's: {}", master());
    let why = wait_finding(&server, "demo", "captions_no_model");
    assert!(why.contains("in it: no model is installed: amphi models install it"), "{why}");
    assert!(wait_until(SOON, || versions(&events).last().is_some_and(|version| *version > 0)));
    let before = *versions(&events).last().unwrap();

    // What is captioned late has a segment beside each of the source's, and pages are told.
    add_model(server.data_dir(), "late", "it", counting("uno"));
    let installed = Instant::now();
    let heard = || offers("it") && said(&server, "it").contains("Uno");
    assert!(wait_until(SOON, heard), "{}", broadcaster(&server, "demo"));
    assert!(installed.elapsed() < NOTICED, "{:?}", installed.elapsed());
    assert!(wait_until(SOON, || !has_health(&server, "captions_no_model")), "{}", broadcaster(&server, "demo"));
    assert!(wait_until(SOON, || versions(&events).last().is_some_and(|version| *version > before)));
    let lists = ["captions-it", "source"].map(|name| playlist(&server, &format!("/live/demo/{name}/media.m3u8")));
    assert_eq!(lists[0].media_sequence, lists[1].media_sequence);
    let place = |segment: &Segment| (segment.head.pdt_ms, segment.head.discontinuity);
    for (ours, source) in lists[0].segments.iter().zip(&lists[1].segments) {
        assert_eq!(place(ours), place(source));
        assert!(ours.duration_ns.abs_diff(source.duration_ns) < 50_000_000, "{ours:?} and {source:?}");
    }

    // Names are written as the last word on them says, and a language falls silent.
    set_vocabulary(&server, &format!("{names}[it] uno = UNO\n"), &[]);
    assert!(wait_until(SOON, || said(&server, "it").contains("UNO")), "{}", said(&server, "it"));
    amphi(&server, &["broadcaster", "set-captions", "demo", "fr,it"]);
    let silent = || {
        let list = playlist(&server, "/live/demo/captions-en/media.m3u8").segments;
        let last = list.iter().rev().take(2).map(|s| get(server.http(), &format!("/live/demo/captions-en/{}", s.uri)));
        last.map(|segment| segment.text()).all(|text| !text.contains("-->"))
    };
    assert!(wait_until(SOON, silent), "{}", said(&server, "en"));

    encoder.kill();
    wait_state(&server, "demo", "ended");
    let video = wait_videos(&server, "demo", 1).remove(0);
    let languages: Vec<_> = video["captions"].as_array().unwrap().iter().map(|c| c["language"].as_str()).collect();
    assert_eq!(languages, [Some("en"), Some("fr"), Some("it")]);
    let file = |name: &str| {
        let path = format!("/videos/{}/captions/{name}", video["id"].as_str().unwrap());
        get(server.http(), &path).text()
    };
    for form in ["vtt", "srt", "txt"] {
        let text = file(&format!("fr.{form}")).split_whitespace().collect::<Vec<_>>().join(" ");
        for name in ["Bonjour à Toutes", "le Cours commence", "Mercy et BRAVO"] {
            assert!(text.contains(name), "{form}: {name} in {text}");
        }
    }
    let italian = file("it.txt");
    assert!(italian.contains("UNO") && !italian.contains("Uno"), "the last word on names: {italian}");
    let heard: Vec<String> = file("fr.jsonl")
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["text"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(heard, SCRIPT.map(|(.., word)| word), "what was heard is kept as it was heard");
}

#[test]
fn a_model_that_is_mended_is_tried_and_one_that_is_gone_is_missed() {
    built();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("amphi.toml");
    let write = |languages: &str| std::fs::write(&file, format!("[captions]\nlanguages = [{languages}]\n")).unwrap();
    write("\"fr\"");
    let options = Options {
        arguments: vec!["--config".to_owned(), file.to_str().unwrap().to_owned()],
        ..Options::with(&[
            ("AMPHI_CAPTIONS__ENABLED", "true"),
            ("AMPHI_LIVE__GRACE", "0s"),
            ("AMPHI_LIVE__MIN_LENGTH", "0s"),
        ])
    };
    let broken = with_model("ours", "fr", |folder| std::fs::write(folder.join("engine"), "parrot\n").unwrap());
    let server = Server::start_on(options, broken);
    set_vocabulary(&server, "Pair\n", &["--exclusive"]);
    let clip = Clip::new("320x180", 30);
    let mut encoder = clip.push_for_ever(&url(&server, "demo", "demo"));
    wait_on_air(&server, "demo");
    assert!(wait_finding(&server, "demo", "captions_unavailable").contains("parrot"));

    add_model(server.data_dir(), "ours", "fr", |folder| {
        let times = [0.4, 0.7, 1.0, 1.3].map(|s| (BASE_S + s).to_string());
        let text = format!("{} {} pair\n{} {} impair\n\nevery 2\n", times[0], times[1], times[2], times[3]);
        std::fs::write(folder.join("engine"), "scripted\n").unwrap();
        std::fs::write(folder.join("script.txt"), text).unwrap();
    });
    let mended = Instant::now();
    assert!(wait_until(SOON, || said(&server, "fr").contains("Pair")), "{}", broadcaster(&server, "demo"));
    assert!(mended.elapsed() < NOTICED, "{:?}", mended.elapsed());
    assert!(wait_until(SOON, || !has_health(&server, "captions_unavailable")), "{}", broadcaster(&server, "demo"));
    let heard = words(&said(&server, "fr"));
    assert!(heard.iter().all(|word| word == "pair"), "kept to its vocabulary: {heard:?}");

    // What an engine has in memory hears on to the end of the live; the next one misses it.
    std::fs::remove_dir_all(server.data_dir().join("models/ours")).unwrap();
    let noticed = || server.log().matches("the speech models that are installed have changed").count() == 2;
    assert!(wait_until(SOON, noticed), "{}", server.log());
    let before = said(&server, "fr").len();
    assert!(wait_until(SOON, || said(&server, "fr").len() > before), "the engine hears on");
    assert!(!has_health(&server, "captions_no_model"), "{}", broadcaster(&server, "demo"));
    end_live(&server, "demo");
    encoder.kill();
    wait_state(&server, "demo", "ended");
    let _encoder = clip.push_for_ever(&url(&server, "demo", "demo"));
    wait_on_air(&server, "demo");
    assert!(wait_finding(&server, "demo", "captions_no_model").contains("in fr: "));

    // Other languages hold from a reload on, for the live on air too.
    let lacks = || finding(&broadcaster(&server, "demo")["health"], "captions_no_model");
    write("\"ko\"");
    server.reload();
    assert!(wait_until(SOON, || lacks().is_some_and(|why| why.contains("in ko: "))), "{:?}", lacks());
    write("");
    server.reload();
    assert!(wait_until(SOON, || lacks().is_none()), "{:?}", lacks());
}
