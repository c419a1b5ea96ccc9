//! Several lives on a machine that has not room for all their renditions: who gets which, and what that costs the others: nothing.

use super::{Clip, RUNG, SOURCE, assert_aligned, ended, names, recording, samples, server};
use crate::support::ask::{add_broadcaster, judge};
use crate::support::engine::{KOREAN_WORDS, korean, with_model};
use crate::support::hls::reader::Outcome;
use crate::support::hls::rules::Settings;
use crate::support::http::{get, metric};
use crate::support::peers::{Peer, wait_until};
use crate::support::server::{Options, Server};
use crate::support::stream::{PATIENCE, SOON, broadcaster, finding, url, wait_finding, wait_on_air, wait_videos};
use amphi::archive::load::Loaded;
use media::codec::h264::Orientation;
use media::rendition::RenditionId;
use pipelines::ladder::fit::{GROW_EVERY, fit};
use pipelines::ladder::{Preset, Source, SourceVideo, plan};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use serde_json::Value;
use std::path::Path;
use std::time::Duration;

/// This thread and all that it starts have two processors at most, whatever the machine has. Gives how many.
fn two_processors() -> f64 {
    let all = sched_getaffinity(None).unwrap();
    let mut two = CpuSet::new();
    (0..CpuSet::MAX_CPU).filter(|n| all.is_set(*n)).take(2).for_each(|n| two.set(n));
    sched_setaffinity(None, &two).unwrap();
    f64::from(two.count())
}

/// What the ladder of a source of 25 pictures a second is expected to take, and the least part of it that is worth having. Cores.
fn estimates(width: u32, height: u32, preset: &str) -> (f64, f64) {
    let video = SourceVideo {
        width,
        height,
        frame_rate_milli: Some(25_000),
        gop_ms: None,
        interlaced: false,
        profile_idc: 100,
        pixel_aspect: (1, 1),
        orientation: Orientation::UPRIGHT,
    };
    let source = Source { video: Some(video), audio: None };
    let all = fit(plan(&source, &Preset::named(preset).unwrap()), source, f64::MAX);
    let least = (1..1000).map(|n| fit(all.ladder.clone(), source, f64::from(n) / 1000.0).cores()).find(|c| *c > 0.0);
    (all.cores(), least.unwrap())
}

/// `renditions.cpu_percent` that gives engines at least so many cores of `processors`, and less than `below`.
fn percent(cores: f64, below: f64, processors: f64) -> String {
    let percent = (cores / processors * 100.0).ceil();
    assert!(percent / 100.0 * processors < below, "{percent} % of {processors} processors are too much");
    percent.to_string()
}

#[test]
fn a_live_that_has_no_room_for_all_gets_the_most_useful_and_later_the_rest() {
    let (all, least) = estimates(1280, 720, "camera");
    let room = percent(all + least + 0.01, 2.0 * all, two_processors());
    let server = server(&[
        ("AMPHI_LIVE__GRACE", "0s"),
        ("AMPHI_LIVE__MIN_LENGTH", "0s"),
        ("AMPHI_RENDITIONS__PRESET", "camera"),
        ("AMPHI_RENDITIONS__CPU_PERCENT", &room),
    ]);
    let second = add_broadcaster(&server, "second");
    let seconds = 100;
    let clip = Clip::new("1280x720", "25", seconds, &["-g", "50"]);
    let mut first = clip.push(&url(&server, "demo", "demo"));
    // Admitted with the first keyframe, before anybody measured what it takes.
    let begun = || server.log().matches("an engine begins").count() == 1;
    assert!(wait_until(SOON, begun));
    let mut encoder = clip.push(&format!("rtmp://{}/live/{second}", server.rtmp()));
    wait_on_air(&server, "second");
    let began = std::time::Instant::now();
    let why = wait_finding(&server, "second", "fewer_renditions");
    assert!(why.contains("lack of room: 480p.") && why.contains("renditions.cpu_percent"), "{why}");
    assert_eq!(names(&server, "second"), ["source", "audio", "360p"]);
    assert_eq!(names(&server, "demo"), ["source", "audio", "360p", "480p"]);
    assert_eq!(finding(&broadcaster(&server, "demo")["health"], "fewer_renditions"), None);

    first.kill();
    let more = || names(&server, "second").contains(&"480p".to_owned());
    assert!(wait_until(GROW_EVERY + SOON, more), "{}", broadcaster(&server, "second"));
    assert!(began.elapsed() > GROW_EVERY - Duration::from_secs(10), "too early: {:?}", began.elapsed());
    assert!(wait_until(SOON, || finding(&broadcaster(&server, "second")["health"], "fewer_renditions").is_none()));
    assert!(encoder.finish(PATIENCE).success(), "{}", encoder.log());
    let (_, loaded) = ended(&server, "second");
    let (small, large) = (RenditionId::Rung(360), RenditionId::Rung(480));
    for rung in [small, large] {
        assert_aligned(&loaded, rung, &rung.name());
    }
    let gaps = |id| loaded.tracks[&id].segments.iter().map(|s| s.is_gap()).collect::<Vec<_>>();
    assert_eq!(samples(&loaded, SOURCE), u64::from(seconds) * 25);
    assert_eq!(samples(&loaded, small), samples(&loaded, SOURCE), "what was made goes on without a hole");
    let large = gaps(large);
    let there = large.iter().position(|gap| !gap).unwrap();
    assert!(there >= 25 && large[there..].iter().all(|gap| !gap), "{large:?}");
}

/// How a live's words are heard in a test.
enum Heard {
    /// By a script, which costs nothing.
    Script,
    /// By libvosk.
    Really,
}

/// Of four lives that begin together.
struct Four {
    server: Server,
    slugs: [&'static str; 4],
    encoders: Vec<Peer>,
}

/// A caption engine that hears a word every second.
fn script(folder: &Path) {
    let words: String = (0..60).map(|n| format!("{n}.2 {n}.6 mot\n", n = 10 + n)).collect();
    std::fs::write(folder.join("engine"), "scripted\n").unwrap();
    std::fs::write(folder.join("script.txt"), words).unwrap();
}

/// Two processors, of which engines may have what the captions and the ladder of one live are expected to take.
fn four_lives(clip: &Clip, heard: &Heard) -> Four {
    let (all, least) = estimates(640, 360, "low bandwidth");
    let (data, language, hearing) = match heard {
        Heard::Script => (with_model("script", "fr", script), "[\"fr\"]", 0.0),
        // What `Call::cores` expects of libvosk.
        Heard::Really => (with_model("vosk-ko", "ko", korean), "[\"ko\"]", 0.3),
    };
    let room = percent(hearing + all, hearing + all + least / 2.0, two_processors());
    let settings = [
        ("AMPHI_RENDITIONS__ENABLED", "true"),
        ("AMPHI_RENDITIONS__PRESET", "low bandwidth"),
        ("AMPHI_RENDITIONS__CPU_PERCENT", room.as_str()),
        ("AMPHI_CAPTIONS__ENABLED", "true"),
        ("AMPHI_CAPTIONS__LANGUAGES", language),
        ("AMPHI_LIVE__GRACE", "0s"),
        ("AMPHI_LIVE__MIN_LENGTH", "0s"),
    ];
    let server = Server::start_on(Options::with(&settings), data);
    let slugs = ["demo", "second", "third", "fourth"];
    let mut streams = vec!["demo?key=demo".to_owned()];
    streams.extend(slugs[1..].iter().map(|slug| add_broadcaster(&server, slug)));
    let push = |stream: &String| clip.push(&format!("rtmp://{}/live/{stream}", server.rtmp()));
    let mut encoders = vec![push(&streams[0])];
    // Of four that begin within a millisecond one may get the ladder and another the captions.
    wait_on_air(&server, slugs[0]);
    encoders.extend(streams[1..].iter().map(push));
    Four { server, slugs, encoders }
}

#[test]
fn of_four_lives_with_captions_where_one_ladder_fits_one_is_whole_and_none_stutters() {
    let seconds = 30;
    let clip = Clip::new("640x360", "25", seconds, &["-g", "50"]);
    let Four { server, slugs, encoders } = four_lives(&clip, &Heard::Script);
    let judged = std::thread::scope(|scope| {
        let http = server.http();
        let watch = |slug| scope.spawn(move || judge(http, slug, Duration::from_secs(60), four_at_once()));
        let watched: Vec<_> = slugs.into_iter().map(watch).collect();
        slugs.into_iter().for_each(|slug| wait_on_air(&server, slug));
        let whole = |slug: &&str| names(&server, slug).contains(&"240p".to_owned());
        assert!(wait_until(SOON, || slugs.iter().any(whole)), "nobody has a ladder");
        for slug in slugs {
            let health = broadcaster(&server, slug)["health"].clone();
            let why = finding(&health, "no_room_for_renditions");
            assert_eq!(why.is_none(), whole(&slug), "{slug}: {health}");
            assert!(why.is_none_or(|why| why.contains("renditions.cpu_percent")), "{slug}");
            assert_eq!(finding(&health, "fewer_renditions"), None, "{slug}");
        }
        assert_eq!(slugs.into_iter().filter(whole).count(), 1);
        for mut encoder in encoders {
            assert!(encoder.finish(PATIENCE).success(), "{}", encoder.log());
        }
        watched.into_iter().map(|watched| watched.join().unwrap()).collect::<Vec<_>>()
    });
    for (slug, outcome) in slugs.into_iter().zip(judged) {
        assert!(outcome.parts >= 60, "{slug}: {} parts", outcome.parts);
        let (video, loaded) = unhurt(&server, slug, &outcome);
        assert_eq!(samples(&loaded, SOURCE), u64::from(seconds) * 25, "{slug}: every picture of the source");
        if let Some(rung) = loaded.tracks.get(&RUNG) {
            assert!(rung.segments.iter().filter(|s| s.is_gap()).count() <= 1, "{slug}: the ladder is whole");
        }
        assert_eq!(video["captions"].as_array().map(Vec::len), Some(1), "{slug}: {video}");
    }
}

/// Four encoders begin in the same moment on two processors: where the first frame comes late, those behind it seem early, until there is
/// another segment.
fn four_at_once() -> Settings {
    Settings { future_ms: 300, ..Settings::default() }
}

/// Of a live that has ended, the video and what was recorded: its source kept the rules, and has no hole.
fn unhurt(server: &Server, slug: &str, outcome: &Outcome) -> (Value, Loaded) {
    // What an engine makes comes later than the source by what it takes, and nobody promised more.
    let source = outcome.breaches.iter().filter(|breach| !is_made(breach));
    let breaches: String = source.map(|breach| format!("{breach}\n")).collect();
    assert!(breaches.is_empty(), "{slug}:\n{breaches}");
    assert!(outcome.ended, "{slug}");
    let video = wait_videos(server, slug, 1).remove(0);
    let loaded = recording(server, &video);
    assert!(loaded.tracks[&SOURCE].segments.iter().all(|s| !s.is_gap()), "{slug}");
    (video, loaded)
}

fn is_made(breach: &crate::support::hls::rules::Breach) -> bool {
    breach.rendition.contains("/240p/")
}

/// With real speech, which libvosk hears: there is room for the captions and the ladder of the live that comes first. It takes less than was
/// expected once it is measured, so that others may get some of it later.
#[test]
fn of_four_lives_with_real_speech_the_first_is_whole_the_others_are_passed_through_and_none_stutters() {
    let seconds = 34;
    let clip = Clip::spoken("640x360", seconds);
    let Four { server, slugs, encoders } = four_lives(&clip, &Heard::Really);
    let judged = std::thread::scope(|scope| {
        let http = server.http();
        let watch = |slug| scope.spawn(move || judge(http, slug, Duration::from_secs(70), four_at_once()));
        let watched: Vec<_> = slugs.into_iter().map(watch).collect();
        for mut encoder in encoders {
            assert!(encoder.finish(PATIENCE).success(), "{}", encoder.log());
        }
        watched.into_iter().map(|watched| watched.join().unwrap()).collect::<Vec<_>>()
    });
    let refused = |what: &str, slug: &str, more: &str| {
        metric(server.http(), &format!("amphi_{what}_refused_total{{broadcaster=\"{slug}\"{more}}}")) > 0.0
    };
    let mut whole = 0;
    for (slug, outcome) in slugs.into_iter().zip(judged) {
        let (video, loaded) = unhurt(&server, slug, &outcome);
        let (ladder, captions) = (!refused("engine", slug, ""), !refused("captions", slug, ",language=\"ko\""));
        assert_eq!(ladder, captions, "{slug}: who comes first has both");
        if ladder {
            whole += 1;
            assert!(loaded.tracks[&RUNG].segments.iter().filter(|s| s.is_gap()).count() <= 1, "{slug}");
            let path = format!("/videos/{}/captions/ko.txt", video["id"].as_str().unwrap());
            let words = get(server.http(), &path).text();
            assert!(KOREAN_WORDS.iter().all(|(word, _)| words.contains(word)), "{slug}: {words}");
        }
    }
    assert_eq!(whole, 1);
}
