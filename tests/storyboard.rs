//! A finished live gets its poster and its previews, in the background, and loses neither to a stop nor to a missing engine.

use crate::support::ask::{amphi, json as json_of, videos, wait_playable};
use crate::support::engine::built;
use crate::support::http::{Ask, ask, get, metric};
use crate::support::peers::{Peer, run_bytes, wait_until};
use crate::support::server::{Options, Server};
use crate::support::stream::{amphi_json, write};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

/// Other tests have none, as jobs take what they measure.
const JOBS: (&str, &str) = ("AMPHI_JOBS__AT_ONCE", "1");

/// From the end of a live to its pictures, on a machine that also compiles.
const MADE: Duration = Duration::from_secs(120);
/// For programs that look at a finished thing.
const LOOK: Duration = Duration::from_secs(60);
const WIDTH_PX: usize = 320;
const HEIGHT_PX: usize = 180;

/// Pushes a picture of one colour after the other, each for so many seconds, with a small white square in the middle of all but the first.
/// A keyframe a second.
fn push(server: &Server, colours: &[(&str, u32)]) -> Peer {
    let pictures: Vec<String> = colours
        .iter()
        .enumerate()
        .map(|(n, (colour, seconds))| {
            let square = if n == 0 { "null" } else { "drawbox=x=140:y=70:w=40:h=40:c=white:t=fill" };
            format!("color=c={colour}:s={WIDTH_PX}x{HEIGHT_PX}:r=10:d={seconds},{square}[c{n}]")
        })
        .collect();
    let labels: String = (0..colours.len()).map(|n| format!("[c{n}]")).collect();
    let graph = format!("{};{labels}concat=n={}:v=1:a=0", pictures.join(";"), colours.len());
    let url = format!("rtmp://{}/live/demo?key=demo", server.rtmp());
    let encode = ["-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-pix_fmt", "yuv420p", "-g", "10"];
    let input = ["-v", "error", "-re", "-f", "lavfi", "-i", &graph];
    Peer::start("ffmpeg", input.iter().chain(&encode).chain(&["-f", "flv", &url]))
}

/// Pushes to the end; gives the id of the video that is recorded.
fn broadcast(server: &Server, colours: &[(&str, u32)]) -> String {
    let mut encoder = push(server, colours);
    wait_playable(server.http(), "demo");
    let live = json_of(server.http(), "/api/v1/lives");
    let id = live["items"][0]["video_id"].as_str().unwrap_or_else(|| panic!("{live}")).to_owned();
    let absent = get(server.http(), &format!("/videos/{id}/poster.jpg"));
    assert!(absent.status == 404 && absent.is_problem(), "while it is live: {}", absent.text());
    assert!(encoder.finish(LOOK).success(), "{}", encoder.log());
    id
}

fn shown(server: &Server, id: &str) -> Value {
    json_of(server.http(), &format!("/api/v1/videos/{id}"))
}

fn wait_for_poster(server: &Server, id: &str) {
    let made = wait_until(MADE, || shown(server, id)["poster_url"].is_string());
    assert!(made, "{}\n{}", shown(server, id), amphi(server, &["job", "list"]));
}

/// A picture as ffmpeg decodes it.
struct Decoded {
    width: usize,
    rgb: Vec<u8>,
}

impl Decoded {
    fn of(server: &Server, path: &str, width: usize, height: usize) -> Self {
        let answer = get(server.http(), path);
        assert_eq!((answer.status, answer.header("content-type")), (200, Some("image/jpeg")), "{path}");
        assert_eq!(answer.header("cache-control"), Some("public, max-age=60"));
        let file = server.data_dir().join("fetched.jpg");
        std::fs::write(&file, &answer.body).unwrap();
        let words = ["-v", "error", "-i", file.to_str().unwrap(), "-f", "rawvideo", "-pix_fmt", "rgb24", "-"];
        let rgb = run_bytes("ffmpeg", words, LOOK);
        assert_eq!(rgb.len(), width * height * 3, "{path} is not {width}x{height}");
        Self { width, rgb }
    }

    #[track_caller]
    fn is(&self, (x, y): (usize, usize), wanted: [u8; 3]) {
        let at = (y * self.width + x) * 3;
        let got = &self.rgb[at..at + 3];
        assert!(got.iter().zip(wanted).all(|(got, wanted)| got.abs_diff(wanted) <= 24), "{got:?} is not {wanted:?}");
    }
}

/// Begin and end in milliseconds, and the address, of each cue.
fn cues(webvtt: &str) -> Vec<(u64, u64, String)> {
    let ms = |stamp: &str| {
        let (clock, ms) = stamp.split_once('.').unwrap();
        clock.split(':').fold(0, |sum, part| sum * 60 + part.parse::<u64>().unwrap()) * 1_000
            + ms.parse::<u64>().unwrap()
    };
    let mut blocks = webvtt.split("\n\n");
    assert_eq!(blocks.next(), Some("WEBVTT"));
    blocks
        .map(|block| {
            let (times, address) = block.trim_end().split_once('\n').unwrap();
            let (from, to) = times.split_once(" --> ").unwrap();
            (ms(from), ms(to), address.to_owned())
        })
        .collect()
}

#[test]
fn a_finished_live_gets_the_pictures_of_its_times() {
    built();
    let server = Server::start(Options::with(&[JOBS, ("AMPHI_LIVE__GRACE", "1s")]));
    // The previews of 18 s are 2 s apart, and none begins with a colour.
    let id = broadcast(&server, &[("black", 3), ("red", 4), ("lime", 4), ("blue", 7)]);
    wait_for_poster(&server, &id);
    assert_eq!(shown(&server, &id)["poster_url"], format!("/videos/{id}/poster.jpg"));

    let previews = get(server.http(), &format!("/videos/{id}/storyboard.vtt"));
    assert_eq!(previews.header("content-type"), Some("text/vtt; charset=utf-8"));
    let cues = cues(&previews.text());
    let duration_ms = shown(&server, &id)["duration_ms"].as_u64().unwrap();
    assert_eq!(cues.len(), 9, "{cues:?}");
    for (n, cue) in (0..).zip(&cues) {
        let wanted = (n * 2_000, if n < 8 { n * 2_000 + 2_000 } else { duration_ms });
        assert!(cue.0.abs_diff(wanted.0) <= 100 && cue.1.abs_diff(wanted.1) <= 100, "{cue:?} is not at {wanted:?}");
        assert_eq!(cue.2, format!("/videos/{id}/storyboard.jpg#xywh={},0,160,90", n * 160));
    }
    let sheet = Decoded::of(&server, &format!("/videos/{id}/storyboard.jpg"), 9 * 160, 90);
    for (n, cue) in cues.iter().enumerate() {
        let colour = match cue.0 {
            0..2_900 => [0, 0, 0],
            2_900..6_900 => [255, 0, 0],
            6_900..10_900 => [0, 255, 0],
            _ => [0, 0, 255],
        };
        for corner in [(8, 8), (151, 8), (8, 81), (151, 81)] {
            sheet.is((n * 160 + corner.0, corner.1), colour);
        }
        sheet.is((n * 160 + 80, 45), if n < 2 { colour } else { [255; 3] });
    }
    let poster = Decoded::of(&server, &format!("/videos/{id}/poster.jpg"), WIDTH_PX, HEIGHT_PX);
    poster.is((160, 90), [255; 3]);

    let page = get(server.http(), videos(server.http(), "demo")[0]["page_url"].as_str().unwrap()).text();
    let told = format!(" poster=\"/videos/{id}/poster.jpg\" thumbnails=\"/videos/{id}/storyboard.vtt\"");
    assert!(page.contains(&told), "{page}");
    assert!(get(server.http(), "/").text().contains(&format!("<img src=\"/videos/{id}/poster.jpg\"")));
    let listed: Value = serde_json::from_str(&amphi(&server, &["job", "list", "--json"])).unwrap();
    assert_eq!((&listed[0]["state"], &listed[0]["attempts"]), (&"done".into(), &1.into()), "{listed}");
    let done = "amphi_jobs_total{kind=\"storyboard\",outcome=\"done\"}";
    assert!((metric(server.http(), done) - 1.0).abs() < f64::EPSILON);
    assert!(!server.data_dir().join("media").join(&id).join("poster.jpg.partial").exists());

    // What is cut away is in no picture, and its owner chooses the moment.
    let token = amphi_json(&server, &["token", "create", "--label", "test", "--scope", "videos:write"], "token");
    let change = |path: String, wish: Value| {
        let answer = write(&server, "PATCH", &path, &token, &wish.to_string());
        assert_eq!(answer.status, 200, "{}", answer.text());
    };
    change(format!("/api/v1/videos/{id}/cut"), json!({ "start_ms": 12_000 }));
    wait_for_poster(&server, &id);
    let poster = || Decoded::of(&server, &format!("/videos/{id}/poster.jpg"), WIDTH_PX, HEIGHT_PX);
    poster().is((8, 8), [0, 0, 255]);
    let few = get(server.http(), &format!("/videos/{id}/storyboard.vtt")).text();
    assert!(few.contains("#xywh=0,0,160,90") && self::cues(&few).len() < cues.len(), "{few}");
    assert_eq!(self::cues(&few)[0].0, 0, "on the time of what is shown: {few}");
    change(format!("/api/v1/videos/{id}/cut"), json!({ "start_ms": null }));
    change(format!("/api/v1/videos/{id}"), json!({ "poster_at_ms": 4_500 }));
    wait_for_poster(&server, &id);
    assert_eq!(shown(&server, &id)["poster_at_ms"], 4_500);
    let is_red = || {
        let answer = get(server.http(), &format!("/videos/{id}/poster.jpg"));
        answer.status == 200 && { poster().rgb[0] > 200 }
    };
    assert!(wait_until(MADE, is_red), "{}", amphi(&server, &["job", "list"]));
    poster().is((8, 8), [255, 0, 0]);
}

#[test]
fn without_an_engine_the_job_waits_over_a_crash_and_is_done_when_there_is_one() {
    let built = built();
    let place = tempfile::tempdir().unwrap();
    let program = place.path().join("amphi-engine");
    let settings = [JOBS, ("AMPHI_LIVE__GRACE", "1s"), ("AMPHI_ENGINE__PROGRAM", program.to_str().unwrap())];
    let mut server = Server::start(Options::with(&settings));
    let id = broadcast(&server, &[("black", 1), ("red", 3)]);
    let said = || get(server.http(), "/readyz").json();
    let waits = |answer: &Value| answer["findings"].as_array().unwrap().iter().any(|f| f["code"] == "jobs_wait");
    assert!(wait_until(MADE, || waits(&said())), "{}", said());
    let answer = said();
    assert_eq!(answer["ready"], true, "nothing else is missing");
    let message = answer["findings"][0]["message"].as_str().unwrap();
    assert!(message.contains(program.to_str().unwrap()) && message.contains("cargo build"), "{message}");
    let listed: Value = serde_json::from_str(&amphi(&server, &["job", "list", "--json"])).unwrap();
    assert_eq!((&listed[0]["state"], &listed[0]["attempts"]), (&"queued".into(), &0.into()), "{listed}");
    assert_eq!(get(server.http(), &format!("/videos/{id}/poster.jpg")).status, 404);

    server.kill_9();
    std::os::unix::fs::symlink(built, &program).unwrap();
    server.restart();
    wait_for_poster(&server, &id);
    let poster = Decoded::of(&server, &format!("/videos/{id}/poster.jpg"), WIDTH_PX, HEIGHT_PX);
    poster.is((20, 20), [255, 0, 0]);
    let quiet = wait_until(MADE, || get(server.http(), "/readyz").json()["findings"].as_array().unwrap().is_empty());
    assert!(quiet, "{}", get(server.http(), "/readyz").text());
}

/// An engine that never says a word; gives its process id once it runs.
fn silent(program: &Path, pid: &Path) {
    let script = format!("#!/bin/sh\necho $$ >'{0}.part' && mv '{0}.part' '{0}'\nexec sleep 1000\n", pid.display());
    std::fs::write(program, script).unwrap();
    std::fs::set_permissions(program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
}

/// The process that [`silent`] is.
fn running(pid: &Path) -> i32 {
    assert!(wait_until(MADE, || pid.exists()), "no engine was started");
    let text = std::fs::read_to_string(pid).unwrap();
    std::fs::remove_file(pid).unwrap();
    text.trim().parse().unwrap()
}

fn is_gone(pid: i32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"));
    !status.is_ok_and(|status| !status.contains("State:\tZ"))
}

fn only_job(server: &Server) -> Value {
    let listed: Value = serde_json::from_str(&amphi(server, &["job", "list", "--json"])).unwrap();
    assert_eq!(listed.as_array().unwrap().len(), 1, "{listed}");
    listed[0].clone()
}

#[test]
fn a_running_job_ends_when_it_is_cancelled_and_is_done_again_after_a_crash() {
    let built = built();
    let place = tempfile::tempdir().unwrap();
    let (program, pid) = (place.path().join("amphi-engine"), place.path().join("pid"));
    silent(&program, &pid);
    let settings = [JOBS, ("AMPHI_LIVE__GRACE", "1s"), ("AMPHI_ENGINE__PROGRAM", program.to_str().unwrap())];
    let mut server = Server::start(Options::with(&settings));
    let id = broadcast(&server, &[("black", 1), ("red", 3)]);

    let engine = running(&pid);
    let token = amphi_json(&server, &["token", "create", "--label", "test", "--scope", "videos:write"], "token");
    let bearer = format!("Bearer {token}");
    let as_operator = [("authorization", bearer.as_str())];
    let list = ask(server.http(), "/api/v1/jobs", &Ask { headers: &as_operator, ..Ask::default() }).json();
    assert_eq!((&list["items"][0]["state"], &list["items"][0]["video_id"]), (&"running".into(), &id.as_str().into()));
    let job = list["items"][0]["id"].as_str().unwrap();
    let cancel = Ask { method: "POST", headers: &as_operator, ..Ask::default() };
    assert_eq!(ask(server.http(), &format!("/api/v1/jobs/{job}/cancel"), &cancel).status, 200);
    assert!(wait_until(Duration::from_secs(1), || is_gone(engine)), "its engine runs on");
    assert_eq!(only_job(&server)["state"], "cancelled");

    amphi(&server, &["job", "retry", job]);
    let engine = running(&pid);
    server.kill_9();
    // A real one would have died with the server.
    rustix::process::kill_process(rustix::process::Pid::from_raw(engine).unwrap(), rustix::process::Signal::KILL)
        .unwrap();
    std::fs::remove_file(&program).unwrap();
    std::os::unix::fs::symlink(built, &program).unwrap();
    server.restart();
    assert_eq!((&only_job(&server)["state"], &only_job(&server)["attempts"]), (&"running".into(), &1.into()));
    wait_for_poster(&server, &id);
    assert!(wait_until(MADE, || only_job(&server)["state"] == "done"));
    assert_eq!(only_job(&server)["attempts"], 2);
}
