//! Streams that ffmpeg pushes, and what a server makes of them.

use super::hls::parse::media_playlist;
use super::hls::playlist::MediaPlaylist;
use super::http::{self, Ask};
use super::peers::{self, Peer, wait_until};
use super::server::Server;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

/// For a live to appear or a video to be there, on a machine that compiles beside.
pub(crate) const SOON: Duration = Duration::from_secs(40);
/// For a short program to end.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A file of H.264 and AAC, encoded once and pushed without encoding again.
#[derive(Debug)]
pub(crate) struct Clip {
    folder: TempDir,
}

impl Clip {
    /// 25 pictures a second, a keyframe every second, B-frames, stereo sound.
    pub(crate) fn new(size: &str, seconds: u32) -> Self {
        Self::with_rate(size, seconds, "500k")
    }

    /// The same at a rate for the pictures.
    pub(crate) fn with_rate(size: &str, seconds: u32, rate: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("amphi-clip-").tempdir().unwrap();
        let clip = Self { folder };
        let (path, seconds) = (clip.path(), seconds.to_string());
        let picture = format!("testsrc2=size={size}:rate=25");
        let arguments = [
            "-v",
            "error",
            "-f",
            "lavfi",
            "-i",
            &picture,
            "-f",
            "lavfi",
            "-i",
            "sine=frequency=440:sample_rate=48000",
            "-t",
            &seconds,
            "-c:v",
            "libx264",
            "-preset",
            "ultrafast",
            "-bf",
            "2",
            "-g",
            "25",
            "-pix_fmt",
            "yuv420p",
            "-b:v",
            rate,
            "-c:a",
            "aac",
            "-ac",
            "2",
            "-b:a",
            "64k",
            path.to_str().unwrap(),
        ];
        peers::run("ffmpeg", arguments, PATIENCE);
        clip
    }

    /// What a capture box sends of a hall, made beforehand: a keyframe every two seconds, 2 Mbit/s.
    pub(crate) fn of_a_hall(size: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("amphi-clip-").tempdir().unwrap();
        let clip = Self { folder };
        let picture = format!(
            "-v error -f lavfi -i testsrc2=size={size}:rate=25 -f lavfi -i sine=frequency=440:sample_rate=48000 -t 12"
        );
        let video = "-c:v libx264 -preset veryfast -g 50 -keyint_min 50 -sc_threshold 0 -pix_fmt yuv420p -b:v 2M -maxrate 2M -bufsize 4M";
        let arguments = format!("{picture} {video} -c:a aac -ac 2 -b:a 96k {}", clip.path().display());
        peers::run("ffmpeg", arguments.split(' '), PATIENCE);
        clip
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("clip.mp4")
    }

    /// Pushes it once, in real time.
    pub(crate) fn push(&self, url: &str) -> Peer {
        push_file(&self.path(), url, &[])
    }

    /// Pushes it again and again, in real time, until the peer is killed.
    pub(crate) fn push_for_ever(&self, url: &str) -> Peer {
        push_file(&self.path(), url, &["-stream_loop", "-1"])
    }
}

/// Ends an encoder as its user would, by ^C, and gives how many pictures it says it has sent.
pub(crate) fn end_counted(encoder: &mut Peer) -> u64 {
    encoder.signal(rustix::process::Signal::INT);
    encoder.finish(PATIENCE);
    pictures_told(&encoder.whole_log(PATIENCE))
}

/// How many pictures an encoder says it has sent. Its farewell has the same count in a line with more words than a line of
/// progress; which of the two comes last is chance.
pub(crate) fn pictures_told(log: &str) -> u64 {
    let last = log.lines().rev().find_map(|line| line.strip_prefix("frame="));
    let count = last.and_then(|count| count.split_whitespace().next()?.parse().ok());
    count.unwrap_or_else(|| panic!("no count of frames:\n{log}"))
}

fn push_file(path: &Path, url: &str, input: &[&str]) -> Peer {
    let mut arguments = vec!["-hide_banner", "-nostdin", "-v", "warning", "-progress", "pipe:1", "-re"];
    arguments.extend_from_slice(input);
    arguments.extend_from_slice(&["-i", path.to_str().unwrap(), "-c", "copy", "-f", "flv", url]);
    Peer::start("ffmpeg", arguments)
}

/// `rtmp://…/live/<slug>?key=<key>`.
pub(crate) fn url(server: &Server, slug: &str, key: &str) -> String {
    format!("rtmp://{}/live/{slug}?key={key}", server.rtmp())
}

/// Packets that ffprobe finds in a file or playlist.
pub(crate) fn count_packets(input: &str, stream: &str) -> u64 {
    let arguments = [
        "-v",
        "error",
        "-select_streams",
        stream,
        "-count_packets",
        "-show_entries",
        "stream=nb_read_packets",
        "-of",
        "csv=p=0",
        input,
    ];
    let text = peers::run("ffprobe", arguments, PATIENCE);
    // A playlist with programs lists its streams twice.
    text.lines().next().unwrap_or_default().trim_end_matches(',').parse().unwrap_or_else(|_| panic!("{input}: {text}"))
}

/// Decodes all of it; panics at the first thing ffmpeg complains of.
pub(crate) fn decodes(input: &str) {
    peers::run("ffmpeg", ["-nostdin", "-v", "error", "-xerror", "-i", input, "-f", "null", "-"], PATIENCE);
}

pub(crate) fn broadcaster(server: &Server, slug: &str) -> Value {
    http::get(server.http(), &format!("/api/v1/broadcasters/{slug}")).json()
}

/// Waits until viewers can play; panics with what the server says when it doesn't come.
pub(crate) fn wait_on_air(server: &Server, slug: &str) {
    let playing = wait_until(SOON, || {
        broadcaster(server, slug)["on_air"] == true
            && http::get(server.http(), &format!("/live/{slug}/master.m3u8")).status == 200
    });
    assert!(playing, "{slug} is not on air: {}", broadcaster(server, slug));
}

/// Waits for a state by its name in the API.
pub(crate) fn wait_state(server: &Server, slug: &str, state: &str) {
    let there = wait_until(SOON, || broadcaster(server, slug)["state"] == state);
    assert!(there, "{slug} is not {state}: {}", broadcaster(server, slug));
}

/// Waits for a finding of the broadcaster's health.
pub(crate) fn wait_finding(server: &Server, slug: &str, code: &str) -> String {
    let mut message = None;
    let there = wait_until(SOON, || {
        message = finding(&broadcaster(server, slug)["health"], code);
        message.is_some()
    });
    assert!(there, "no {code}: {}", broadcaster(server, slug));
    message.unwrap()
}

/// A finding's message, in a list of findings.
pub(crate) fn finding(findings: &Value, code: &str) -> Option<String> {
    let found = findings.as_array()?.iter().find(|finding| finding["code"] == code)?;
    Some(found["message"].as_str()?.to_owned())
}

/// Waits until every video of the broadcaster has ended and there are `count`; oldest first.
pub(crate) fn wait_videos(server: &Server, slug: &str, count: usize) -> Vec<Value> {
    let mut items = Vec::new();
    let path = format!("/api/v1/videos?broadcaster={slug}");
    let there = wait_until(SOON, || {
        let mut list = http::get(server.http(), &path).json();
        items = list["items"].as_array_mut().map(std::mem::take).unwrap_or_default();
        items.reverse();
        items.len() == count && items.iter().all(|video| video["state"] == "ended")
    });
    assert!(there, "not {count} videos: {items:?}");
    items
}

/// A media playlist as it is now, read strictly.
pub(crate) fn playlist(server: &Server, path: &str) -> MediaPlaylist {
    let answer = http::get(server.http(), path);
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    media_playlist(&answer.text()).unwrap_or_else(|error| panic!("{path}: {error}\n{}", answer.text()))
}

/// The absolute URL of a video's playlist.
pub(crate) fn video_url(server: &Server, video: &Value) -> String {
    format!("http://{}{}", server.http(), video["hls_url"].as_str().unwrap())
}

/// `amphi <arguments>` on the server's data, while it runs; gives what it printed.
pub(crate) fn amphi(server: &Server, arguments: &[&str]) -> String {
    let data = server.data_dir().to_str().unwrap();
    let all: Vec<&str> = arguments.iter().copied().chain(["--data-dir", data]).collect();
    peers::run(env!("CARGO_BIN_EXE_amphi"), all, PATIENCE)
}

/// A field of what `amphi … --json` prints.
pub(crate) fn amphi_json(server: &Server, arguments: &[&str], field: &str) -> String {
    let text = amphi(server, &[arguments, &["--json"]].concat());
    let json: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    json[field].as_str().unwrap_or_else(|| panic!("no {field}: {text}")).to_owned()
}

/// A token that may do everything.
pub(crate) fn token(server: &Server) -> String {
    let scopes = "broadcasters:write,lives:write,videos:write";
    amphi_json(server, &["token", "create", "--label", "test", "--scope", scopes], "token")
}

/// A request with a token and a JSON body.
pub(crate) fn write(server: &Server, method: &str, path: &str, token: &str, body: &str) -> http::Answer {
    let bearer = format!("Bearer {token}");
    http::ask(server.http(), path, &Ask { method, headers: &[("authorization", &bearer)], body })
}
