//! What a script asks a server: pages and the API over HTTP, `amphi` on the command line, and the judge of its lives.

use super::hls::connection::{Answer, Ask, Connection};
use super::hls::reader::{Options as Follow, Outcome, follow};
use super::hls::rules::{Breach, Settings};
use super::peers::{run, wait_until};
use super::server::Server;
use serde_json::Value;
use std::net::SocketAddr;
use std::time::Duration;

/// For one answer, on a machine that also compiles.
const ANSWER: Duration = Duration::from_secs(20);
/// From "publish accepted" to something that can be played.
const PLAYABLE: Duration = Duration::from_secs(30);

/// Runs a future to its end on this thread.
pub(crate) fn block<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// GET.
pub(crate) fn get(http: SocketAddr, path: &str) -> Answer {
    block(Connection::new(&http.to_string()).get(path, Ask::default(), ANSWER)).unwrap()
}

/// GET of a JSON document.
pub(crate) fn json(http: SocketAddr, path: &str) -> Value {
    let answer = get(http, path);
    assert_eq!(answer.status, 200, "{path}: {:?}", answer.text());
    serde_json::from_slice(&answer.body).unwrap()
}

/// Ends a broadcaster's live now, as an operator does.
pub(crate) fn end_live(server: &Server, slug: &str) {
    let token = amphi(server, &["token", "create", "--label", "test", "--scope", "lives:write", "--json"]);
    let token: Value = serde_json::from_str(&token).unwrap();
    let ask = Ask { post_as: token["token"].as_str(), ..Ask::default() };
    let path = format!("/api/v1/broadcasters/{slug}/end");
    let answer = block(Connection::new(&server.http().to_string()).get(&path, ask, ANSWER)).unwrap();
    assert_eq!(answer.status, 204, "{:?}", answer.text());
}

/// The listed videos of a broadcaster, newest first.
pub(crate) fn videos(http: SocketAddr, slug: &str) -> Vec<Value> {
    json(http, &format!("/api/v1/videos?broadcaster={slug}"))["items"].as_array().unwrap().clone()
}

/// Runs `amphi` on the server's data.
pub(crate) fn amphi(server: &Server, words: &[&str]) -> String {
    let data = server.data_dir().to_str().unwrap();
    run(env!("CARGO_BIN_EXE_amphi"), words.iter().chain(&["--data-dir", data]), ANSWER)
}

/// Adds a broadcaster; gives `slug?key=KEY`.
pub(crate) fn add_broadcaster(server: &Server, slug: &str) -> String {
    let made: Value = serde_json::from_str(&amphi(server, &["broadcaster", "add", slug, "--json"])).unwrap();
    format!("{slug}?key={}", made["key"].as_str().unwrap())
}

/// Waits until a broadcaster's live can be played.
pub(crate) fn wait_playable(http: SocketAddr, slug: &str) {
    let path = format!("/live/{slug}/master.m3u8");
    assert!(wait_until(PLAYABLE, || get(http, &path).status == 200), "{path} is not there after {PLAYABLE:?}");
}

/// Follows a live, as soon as it can be played, until it ends or the time is over.
pub(crate) fn judge(http: SocketAddr, slug: &str, length: Duration, settings: Settings) -> Outcome {
    wait_playable(http, slug);
    let options = Follow { length, settings, ffmpeg: "ffmpeg".into() };
    block(follow(&format!("http://{http}/live/{slug}/master.m3u8"), &options)).unwrap()
}

/// No rule may be broken.
pub(crate) fn assert_clean(slug: &str, breaches: &[Breach]) {
    let listed: String = breaches.iter().map(|breach| format!("{breach}\n")).collect();
    assert!(breaches.is_empty(), "{slug}:\n{listed}");
}

/// Packets of the first video (`v:0`) or audio (`a:0`) stream, as ffprobe counts them to the end of the list.
pub(crate) fn packets(url: &str, stream: &str) -> u64 {
    let entries = ["-show_entries", "stream=nb_read_packets", "-of", "default=nw=1:nk=1", url];
    let words = ["-v", "error", "-count_packets", "-select_streams", stream].into_iter().chain(entries);
    let text = run("ffprobe", words, Duration::from_secs(60));
    // One line per programme that has the stream.
    text.lines().next().unwrap_or_default().trim().parse().unwrap_or_else(|_| panic!("{url}: {text:?}"))
}
