//! Renditions that a real engine makes of a real live: the source's segments with all its pictures, whatever the source is, and whatever
//! becomes of the engine.
//!
//! The engine is `amphi-engine` beside the server under test; `make engine` builds it.

mod killed;
mod room;
mod sources;
mod turned;

use crate::support::engine::{KOREAN_SPEECH, built, engines};
use crate::support::http::get;
use crate::support::peers::{self, Peer, wait_until};
use crate::support::server::{Options, Server};
use crate::support::stream::{
    PATIENCE, SOON, amphi, broadcaster, count_packets, decodes, finding, token, url, video_url, wait_finding,
    wait_on_air, wait_state, wait_videos, write,
};
use amphi::archive::layout::Layout;
use amphi::archive::load::{Loaded, load};
use media::origin::entry::Segment;
use media::rendition::RenditionId;
use rustix::process::{Signal, kill_process};
use serde_json::Value;
use std::path::PathBuf;
use std::time::Duration;
use tempfile::TempDir;

const SOURCE: RenditionId = RenditionId::Source;
const RUNG: RenditionId = RenditionId::Rung(240);

fn server(settings: &[(&str, &str)]) -> Server {
    built();
    // Of 640x360 this preset makes 240p.
    let own = [("AMPHI_RENDITIONS__ENABLED", "true"), ("AMPHI_RENDITIONS__PRESET", "low bandwidth")];
    Server::start(Options::with(&[&own, settings].concat()))
}

/// One whose lives end with their push, and are videos however short they are.
fn at_once() -> Server {
    server(&[("AMPHI_LIVE__GRACE", "0s"), ("AMPHI_LIVE__MIN_LENGTH", "0s")])
}

/// A source of a kind, encoded once.
struct Clip {
    folder: TempDir,
}

impl Clip {
    /// `encoder`: more arguments for x264.
    fn new(size: &str, rate: &str, seconds: u32, encoder: &[&str]) -> Self {
        let clip = Self::empty();
        clip.encode(
            size,
            rate,
            seconds,
            &["-f", "lavfi", "-i", "sine=sample_rate=48000", "-c:a", "aac", "-b:a", "64k"],
            encoder,
        );
        clip
    }

    /// Somebody speaks in it: 25 pictures a second, a keyframe every 2 s.
    fn spoken(size: &str, seconds: u32) -> Self {
        let clip = Self::empty();
        clip.encode(size, "25", seconds, &["-i", KOREAN_SPEECH, "-c:a", "copy"], &["-g", "50"]);
        clip
    }

    /// To be encoded by its owner.
    fn empty() -> Self {
        Self { folder: tempfile::Builder::new().prefix("amphi-ladder-").tempdir().unwrap() }
    }

    /// `sound`: an input and how it is encoded.
    fn encode(&self, size: &str, rate: &str, seconds: u32, sound: &[&str], encoder: &[&str]) {
        self.encode_of(&format!("testsrc2=size={size}:rate={rate}"), seconds, sound, encoder);
    }

    /// `picture`: a graph of ffmpeg's filters.
    fn encode_of(&self, picture: &str, seconds: u32, sound: &[&str], encoder: &[&str]) {
        let seconds = seconds.to_string();
        let pictures = ["-v", "error", "-f", "lavfi", "-i", picture];
        let video =
            ["-t", &seconds, "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-sc_threshold", "0"];
        let path = self.path();
        let all = pictures.iter().chain(sound).chain(&video).chain(encoder).copied().chain(path.to_str());
        peers::run("ffmpeg", all, PATIENCE);
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("clip.mp4")
    }

    fn push(&self, url: &str) -> Peer {
        let path = self.path();
        Peer::start("ffmpeg", ["-v", "warning", "-re", "-i", path.to_str().unwrap(), "-c", "copy", "-f", "flv", url])
    }
}

/// Pushes to the demo broadcaster until it is over, and gives the video.
fn video_of(server: &Server, clip: &Clip) -> (Value, Loaded) {
    let mut encoder = clip.push(&url(server, "demo", "demo"));
    assert!(encoder.finish(PATIENCE).success(), "{}", encoder.log());
    ended(server, "demo")
}

/// The only video of a broadcaster whose live ends now, and its recording.
fn ended(server: &Server, slug: &str) -> (Value, Loaded) {
    wait_state(server, slug, "ended");
    let video = wait_videos(server, slug, 1).remove(0);
    let loaded = recording(server, &video);
    (video, loaded)
}

fn recording(server: &Server, video: &Value) -> Loaded {
    let layout = Layout::new(server.data_dir().join("media"));
    load(&layout, video["id"].as_str().unwrap()).unwrap()
}

/// What viewers can choose from.
fn names(server: &Server, slug: &str) -> Vec<String> {
    let renditions = broadcaster(server, slug)["renditions"].clone();
    renditions.as_array().unwrap().iter().map(|r| r["name"].as_str().unwrap().to_owned()).collect()
}

fn samples(loaded: &Loaded, id: RenditionId) -> u64 {
    loaded.tracks[&id].segments.iter().map(|s| u64::from(s.samples)).sum()
}

/// The same numbers, discontinuities and times, and as long.
fn assert_aligned(loaded: &Loaded, id: RenditionId, what: &str) {
    let (source, rung) = (&loaded.tracks[&SOURCE].segments, &loaded.tracks[&id].segments);
    let shape = |s: &Segment| (s.msn, s.discontinuity, s.program_date_time.micros());
    assert_eq!(rung.iter().map(shape).collect::<Vec<_>>(), source.iter().map(shape).collect::<Vec<_>>(), "{what}");
    for (a, b) in source.iter().zip(rung) {
        let apart = (a.duration_micros - b.duration_micros).abs();
        assert!(apart <= 1_000, "{what}: segment {} is {} and {} us long", a.msn, a.duration_micros, b.duration_micros);
    }
}

#[test]
fn whatever_the_source_is_a_rung_has_its_pictures_and_an_idr_where_its_segments_begin() {
    let sources: [(&str, &str, &[&str]); 10] = [
        ("GOP 1 s", "25", &["-g", "25"]),
        ("GOP 2 s", "25", &["-g", "50"]),
        ("GOP 2.5 s", "30", &["-g", "75"]),
        ("GOP 4 s", "25", &["-g", "100"]),
        ("irregular", "25", &["-g", "500", "-force_key_frames", "0,0.6,1.1,3.4,4.2,7.5,8,10.9"]),
        ("B-frames", "25", &["-g", "50", "-bf", "3", "-b_strategy", "0"]),
        ("29.97 fps", "30000/1001", &["-g", "60"]),
        ("50 fps", "50", &["-g", "100"]),
        ("60 fps", "60", &["-g", "120"]),
        ("50 fps, announced as 25", "50", &["-g", "100", "-bsf:v", "h264_metadata=tick_rate=50"]),
    ];
    for (what, rate, encoder) in sources {
        let server = at_once();
        let clip = Clip::new("640x360", rate, 12, encoder);
        let (video, loaded) = video_of(&server, &clip);
        assert_aligned(&loaded, RUNG, what);
        let expected = if rate.starts_with("50") || rate == "60" {
            samples(&loaded, SOURCE) / 2
        } else {
            samples(&loaded, SOURCE)
        };
        // Halving keeps every picture that begins a segment, so one more now and then. A rate that is not announced is measured over the first
        // seconds, and holds from the next keyframe on.
        let most = if what.contains("announced") { 110 } else { 8 };
        let more =
            samples(&loaded, RUNG).checked_sub(expected).unwrap_or_else(|| panic!("{what}: pictures are missing"));
        assert!(
            more <= if expected == samples(&loaded, SOURCE) { 0 } else { most },
            "{what}: {more} pictures too many"
        );
        // Keyframes are told by decode time, which in the source is before presentation by the same time everywhere.
        let begins = |id| loaded.tracks[&id].segments.iter().map(|s| s.keyframes[0].time_micros).collect::<Vec<_>>();
        let delays: Vec<_> = begins(SOURCE).iter().zip(begins(RUNG)).map(|(a, b)| b - a).collect();
        assert!(delays.iter().all(|d| d.abs_diff(delays[0]) <= 1), "{what}: {delays:?}");
        assert!(loaded.tracks[&RUNG].segments.iter().all(|s| s.keyframes.len() == 1), "{what}: nowhere else");
        let rung = video_url(&server, &video).replace("master.m3u8", "240p/media.m3u8");
        assert_eq!(count_packets(&rung, "v:0"), samples(&loaded, RUNG), "{what}");
        decodes(&rung);
    }
}

#[test]
fn a_source_with_far_keyframes_is_re_encoded_and_cut_every_two_seconds() {
    let server = at_once();
    let clip = Clip::new("640x360", "25", 34, &["-g", "250"]);
    let mut encoder = clip.push(&url(&server, "demo", "demo"));
    wait_on_air(&server, "demo");
    let offered = || get(server.http(), "/live/demo/master.m3u8").text();
    // At first nobody knows how far its keyframes are apart.
    assert!(offered().contains("source/media.m3u8"), "{}", offered());
    let re_encoded = || !offered().contains("source/media.m3u8") && offered().contains("360p/media.m3u8");
    assert!(wait_until(SOON, re_encoded), "{}", offered());
    assert!(encoder.finish(PATIENCE).success(), "{}", encoder.log());
    let (_, loaded) = ended(&server, "demo");
    for id in [RenditionId::Rung(360), RUNG] {
        assert_aligned(&loaded, id, &id.name());
    }
    let regular = loaded.tracks[&RenditionId::Rung(360)].segments.iter().filter(|s| !s.is_gap());
    let lengths: Vec<_> = regular.map(|s| s.duration_micros / 1000).collect();
    assert!(lengths.len() >= 5 && lengths[..lengths.len() - 1].iter().all(|ms| ms.abs_diff(2_000) <= 1), "{lengths:?}");
}

#[test]
fn a_source_that_comes_back_larger_gets_more_rungs_and_all_list_the_same() {
    let server = server(&[("AMPHI_LIVE__GRACE", "8s"), ("AMPHI_LIVE__MIN_LENGTH", "0s")]);
    let address = url(&server, "demo", "demo");
    for size in ["640x360", "960x540", "640x360"] {
        let clip = Clip::new(size, "25", 7, &["-g", "50"]);
        let mut encoder = clip.push(&address);
        assert!(encoder.finish(PATIENCE).success(), "{}", encoder.log());
    }
    let (_, loaded) = ended(&server, "demo");
    for rung in [480, 360, 240].map(RenditionId::Rung) {
        assert_aligned(&loaded, rung, &rung.name());
    }
    let lost = |id| loaded.tracks[&id].segments.iter().filter(|s| s.is_gap()).count();
    assert_eq!((samples(&loaded, RUNG), lost(RUNG)), (samples(&loaded, SOURCE), 0), "what every size has is whole");
    assert!(lost(RenditionId::Rung(480)) >= 6, "what only the larger has is gaps beside");
}

#[test]
fn a_broadcasters_own_preset_holds_from_its_next_live_on() {
    let server = server(&[("AMPHI_LIVE__GRACE", "0s"), ("AMPHI_RENDITIONS__PRESET", "camera")]);
    let names = || names(&server, "demo");
    let clip = Clip::new("640x360", "25", 8, &["-g", "50"]);
    // A camera's ladder has nothing below 360p.
    let mut encoder = clip.push(&url(&server, "demo", "demo"));
    wait_on_air(&server, "demo");
    let of_camera = names();
    assert!(encoder.finish(PATIENCE).success(), "{}", encoder.log());
    assert_eq!(of_camera, ["source", "audio"]);
    wait_state(&server, "demo", "ended");

    let said = amphi(&server, &["broadcaster", "set-preset", "demo", "low bandwidth"]);
    assert!(said.contains("low bandwidth"), "{said}");
    assert_eq!(broadcaster(&server, "demo")["preset"], "low bandwidth");
    let _encoder = clip.push(&url(&server, "demo", "demo"));
    assert!(wait_until(SOON, || names().contains(&"240p".to_owned())), "{:?}", names());
    let wrong = write(&server, "PATCH", "/api/v1/broadcasters/demo", &token(&server), r#"{"preset":"cinema"}"#);
    assert_eq!((wrong.status, wrong.json()["field"].as_str()), (422, Some("preset")), "{}", wrong.text());
}

#[test]
fn without_an_engine_on_the_machine_the_source_is_on_air_and_health_says_what_is_missing_until_it_is_there() {
    let built = built();
    let place = tempfile::tempdir().unwrap();
    let program = place.path().join("amphi-engine");
    let server = server(&[("AMPHI_ENGINE__PROGRAM", program.to_str().unwrap())]);
    let clip = Clip::new("640x360", "25", 30, &["-g", "50"]);
    let _encoder = clip.push(&url(&server, "demo", "demo"));
    wait_on_air(&server, "demo");
    let why = wait_finding(&server, "demo", "engine_missing");
    assert!(why.contains(&format!("{} is missing", program.display())), "{why}");
    let offered = || get(server.http(), "/live/demo/master.m3u8").text().contains("240p");
    assert!(!offered());
    std::os::unix::fs::symlink(built, &program).unwrap();
    let said = amphi(&server, &["broadcaster", "retry", "demo"]);
    assert!(said.contains("tried again"), "{said}");
    assert!(wait_until(SOON, offered));
    let quiet = || finding(&broadcaster(&server, "demo")["health"], "engine_missing").is_none();
    assert!(wait_until(SOON, quiet));
}

/// Jobs run here; other tests have none, as they take what is measured.
const JOBS: (&str, &str) = ("AMPHI_JOBS__AT_ONCE", "1");
/// From the end of a live to its renditions, on a machine that also compiles.
const MADE: Duration = Duration::from_secs(120);

/// The only job for renditions.
fn ladder_job(server: &Server) -> Value {
    let listed: Value = serde_json::from_str(&amphi(server, &["job", "list", "--json"])).unwrap();
    let mut jobs = listed.as_array().unwrap().iter().filter(|job| job["kind"] == "ladder");
    let job = jobs.next().unwrap_or_else(|| panic!("{listed}")).clone();
    assert!(jobs.next().is_none(), "{listed}");
    job
}

fn wait_ladder(server: &Server) {
    assert!(wait_until(MADE, || ladder_job(server)["state"] == "done"), "{}", ladder_job(server));
}

/// What viewers of the video can choose, when they come now. What is known of it is believed for a few seconds.
fn wait_offered(server: &Server, video: &Value, wanted: bool) -> String {
    let master = || get(server.http(), video["hls_url"].as_str().unwrap()).text();
    assert!(wait_until(Duration::from_secs(10), || master().contains("240p/media.m3u8") == wanted), "{}", master());
    master()
}

/// The rung is whole, follows the source to the tick, and plays.
fn assert_complete(server: &Server, video: &Value, what: &str) {
    let loaded = recording(server, video);
    assert_aligned(&loaded, RUNG, what);
    assert!(loaded.tracks[&RUNG].segments.iter().all(|s| !s.is_gap() && s.keyframes.len() == 1), "{what}");
    let each = |id| loaded.tracks[&id].segments.iter().map(|s| s.samples).collect::<Vec<_>>();
    assert_eq!(each(RUNG), each(SOURCE), "{what}: the pictures of each segment");
    wait_offered(server, video, true);
    let rung = video_url(server, video).replace("master.m3u8", "240p/media.m3u8");
    assert_eq!(count_packets(&rung, "v:0"), samples(&loaded, RUNG), "{what}");
    decodes(&rung);
    let said = amphi(server, &["check", "--media"]);
    assert!(!said.contains(video["id"].as_str().unwrap()), "{said}");
}

#[test]
fn a_live_that_had_no_engine_gets_its_renditions_as_a_video_that_is_played_meanwhile() {
    let built = built();
    let place = tempfile::tempdir().unwrap();
    let program = place.path().join("amphi-engine");
    let own = [("AMPHI_ENGINE__PROGRAM", program.to_str().unwrap()), ("AMPHI_LIVE__GRACE", "0s"), JOBS];
    let mut server = server(&[&own[..], &[("AMPHI_LIVE__MIN_LENGTH", "0s")]].concat());
    // Keyframes at unequal distances, and pictures in another order than they are shown.
    let far = ["-g", "500", "-force_key_frames", "0,2.1,4.2,7,9.6", "-bf", "3", "-b_strategy", "0"];
    let clip = Clip::new("640x360", "25", 12, &far);
    let (video, before) = video_of(&server, &clip);
    assert!(!before.tracks.contains_key(&RUNG));
    assert_eq!(ladder_job(&server)["state"], "queued");
    decodes(&video_url(&server, &video));
    assert!(!wait_offered(&server, &video, false).contains("240p"));

    // The machine is taken away while it works: it goes on after the next start.
    std::os::unix::fs::symlink(built, &program).unwrap();
    assert!(wait_until(MADE, || ladder_job(&server)["state"] != "queued"));
    server.kill_9();
    server.restart();
    wait_ladder(&server);
    assert_complete(&server, &video, "made afterwards");
}

#[test]
fn what_an_engine_that_died_has_cost_a_rendition_is_made_after_the_end() {
    let server = server(&[("AMPHI_LIVE__GRACE", "0s"), ("AMPHI_LIVE__MIN_LENGTH", "0s"), JOBS]);
    let clip = Clip::new("640x360", "25", 24, &["-g", "50"]);
    let mut encoder = clip.push(&url(&server, "demo", "demo"));
    wait_on_air(&server, "demo");
    // Until it is given up, and again after somebody tries.
    let offered = || get(server.http(), "/live/demo/240p/media.m3u8").status == 200;
    assert!(wait_until(SOON, offered));
    let given_up = || {
        for (pid, _) in engines(&server) {
            let _ = kill_process(pid, Signal::KILL);
        }
        finding(&broadcaster(&server, "demo")["health"], "engine_given_up").is_some()
    };
    assert!(wait_until(SOON, given_up));
    std::thread::sleep(Duration::from_secs(3));
    amphi(&server, &["broadcaster", "retry", "demo"]);
    assert!(encoder.finish(PATIENCE).success(), "{}", encoder.log());
    wait_state(&server, "demo", "ended");
    let video = wait_videos(&server, "demo", 1).remove(0);
    wait_ladder(&server);
    assert_complete(&server, &video, "completed");
    let made = get(server.http(), "/metrics").text();
    assert!(made.contains("amphi_jobs_total{kind=\"ladder\",outcome=\"done\"} 1"), "{made}");
}

#[test]
fn a_video_of_which_only_the_source_is_to_be_kept_loses_its_renditions_and_their_files() {
    let own = [("AMPHI_RENDITIONS__VIDEOS", "source"), ("AMPHI_LIVE__GRACE", "0s"), ("AMPHI_LIVE__MIN_LENGTH", "0s")];
    let server = server(&[&own[..], &[JOBS]].concat());
    let clip = Clip::new("640x360", "25", 8, &["-g", "50"]);
    let (video, live) = video_of(&server, &clip);
    assert!(live.tracks[&RUNG].segments.iter().any(|s| !s.is_gap()), "it had them on air");
    wait_offered(&server, &video, false);
    decodes(&video_url(&server, &video));
    wait_ladder(&server);
    let folder = server.data_dir().join("media").join(video["id"].as_str().unwrap());
    let files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(!files.iter().any(|name| name.to_string_lossy().starts_with("240p")), "{files:?}");
    let said = amphi(&server, &["check", "--media"]);
    assert!(!said.contains(video["id"].as_str().unwrap()), "{said}");
}
