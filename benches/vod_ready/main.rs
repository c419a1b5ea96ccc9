//! From "ended" to playable: how long after the end of a live its video's playlist and first segment can be fetched.
//!
//! The named peer is Amphi itself: a recording of one minute against one of six hours. A video is the live's own index,
//! so the length must not matter.

#[path = "../../tests/support/hls/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the judge is shared with the tests; a bench needs a part of it")]
mod hls;
#[path = "../peers/mod.rs"]
#[expect(dead_code, reason = "the peers of all benches stand in one place")]
mod peers;

use clap::Parser;
use hls::connection::{Ask, Connection, split_url};
use hls::multivariant::{self, Kind};
use hls::parse::media_playlist;
use hls::rules::{Breaches, resolve};
use peers::amphi::{Amphi, default_binary};
use peers::process::{Error, Scratch};
use peers::stream::{Shape, make, push};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Either recording is playable within this.
const GOAL: Duration = Duration::from_secs(3);
/// Two runs of the same length differ by this much on a busy machine: polling and one fsync.
const NOISE: Duration = Duration::from_millis(500);
/// Not playable after this: it never will be.
const GIVE_UP: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(20);
const LIMIT: Duration = Duration::from_secs(10);

#[derive(Parser)]
#[command(about = "from the end of a live to its playable video, short against long")]
struct Args {
    /// Length of the short recording.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// A prepared data directory whose broadcaster `demo` has a live of --listed behind it.
    #[arg(long)]
    data_dir: Option<PathBuf>,
    /// How long the prepared live is, in hours.
    #[arg(long, default_value_t = 6.0)]
    listed: f64,
    #[arg(long)]
    amphi: Option<PathBuf>,
    /// Given by cargo bench.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime.map_err(Error::from).and_then(|runtime| runtime.block_on(run(&args))) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("vod_ready: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: &Args) -> Result<bool, Error> {
    let scratch = Scratch::new("vod-ready")?;
    let file = scratch.path().join("push.flv");
    make(&file, Shape { kbps: 600, seconds: 20, size: (320, 180) })?;
    let binary = args.amphi.clone().unwrap_or_else(default_binary);
    let at_least = Duration::from_secs(args.seconds);
    let short = once(&binary, &scratch.path().join("data"), &file, at_least, at_least.mul_f64(0.8)).await?;
    println!("{} s: playable {:.0} ms after its end", args.seconds, short.as_secs_f64() * 1000.0);
    let Some(data_dir) = &args.data_dir else {
        return Err("no --data-dir: the long recording is missing; prepare one with the index generator".into());
    };
    // Some seconds of new media, so that the prepared live is on air again before it ends.
    let listed = Duration::from_secs_f64(args.listed.max(0.0) * 3600.0);
    let long = once(&binary, data_dir, &file, Duration::from_secs(10), listed.mul_f64(0.95)).await?;
    println!("{} h: playable {:.0} ms after its end", args.listed, long.as_secs_f64() * 1000.0);
    let good = short <= GOAL && long <= GOAL && long <= short + NOISE;
    println!(
        "long / short: {:.2} (goal: both <= {} s, long <= short + {} ms): {}",
        long.as_secs_f64() / short.as_secs_f64(),
        GOAL.as_secs(),
        NOISE.as_millis(),
        if good { "ok" } else { "MISS" }
    );
    Ok(good)
}

/// One live: pushed for `length`, ended by the API, its video fetched; it must last `at_least`.
async fn once(
    binary: &Path,
    data_dir: &Path,
    file: &Path,
    length: Duration,
    at_least: Duration,
) -> Result<Duration, Error> {
    let server = Amphi::start(binary, data_dir, &[])?;
    let made = server.command(&[
        "token",
        "create",
        "--label",
        "bench",
        "--scope",
        "lives:write,broadcasters:write",
        "--json",
    ])?;
    let made: serde_json::Value = serde_json::from_str(&made)?;
    let token = made.get("token").and_then(|token| token.as_str()).ok_or("amphi token create printed no token")?;
    let url = format!("rtmp://{}/live/demo?key=demo", server.rtmp);
    let pushing = push(file, &url, &data_dir.join("push.log"))?;
    tokio::time::sleep(length).await;
    let end = Ask { post_as: Some(token), ..Ask::default() };
    let started = Instant::now();
    let answer = Connection::new(&server.http).get("/api/v1/broadcasters/demo/end", end, LIMIT).await?;
    if !(200..300).contains(&answer.status) {
        return Err(format!("the live could not be ended: status {}", answer.status).into());
    }
    // An encoder that goes on would begin the next live.
    drop(pushing);
    let mut connection = Connection::new(&server.http);
    let mut why = String::new();
    while started.elapsed() < GIVE_UP {
        match playable(&mut connection, at_least).await {
            Ok(()) => return Ok(started.elapsed()),
            Err(what) => why = what.to_string(),
        }
        tokio::time::sleep(POLL).await;
    }
    Err(format!("no playable video {} s after the end; last: {why}", GIVE_UP.as_secs()).into())
}

/// Whether one of the broadcaster's videos is finished, long enough, and gives its first segment.
async fn playable(connection: &mut Connection, at_least: Duration) -> Result<(), Error> {
    let body = fetch(connection, "/api/v1/videos?broadcaster=demo").await?;
    let listed: serde_json::Value = serde_json::from_str(&body)?;
    let items = listed.get("items").and_then(|items| items.as_array()).ok_or("no items")?;
    let mut why: Error = "no video is listed".into();
    for item in items {
        let Some(url) = item.get("hls_url").and_then(|url| url.as_str()) else { continue };
        let master = if url.starts_with("http") { split_url(url)?.1 } else { url.to_owned() };
        match finished(connection, &master, at_least).await {
            Ok(()) => return Ok(()),
            Err(error) => why = error,
        }
    }
    Err(why)
}

async fn finished(connection: &mut Connection, master: &str, at_least: Duration) -> Result<(), Error> {
    let text = fetch(connection, master).await?;
    let renditions = multivariant::renditions(master, &text, &mut Breaches::default());
    let video = renditions.iter().find(|one| one.kind == Kind::Video).ok_or("no video rendition")?;
    let list = media_playlist(&fetch(connection, &video.path).await?)?;
    let length: u64 = list.segments.iter().map(|segment| segment.duration_ns).sum();
    if !list.ended || Duration::from_nanos(length) < at_least {
        return Err(format!("{length} ns listed, ended: {}", list.ended).into());
    }
    let first = list.segments.first().ok_or("no segment")?;
    let init = first.head.map.as_ref().ok_or("no EXT-X-MAP")?;
    for uri in [&init.uri, &first.uri] {
        let path = resolve(&video.path, uri);
        let answer = connection.get(&path, Ask::default(), LIMIT).await?;
        if answer.status != 200 || answer.body.is_empty() {
            return Err(format!("{path}: status {}", answer.status).into());
        }
    }
    Ok(())
}

async fn fetch(connection: &mut Connection, path: &str) -> Result<String, Error> {
    let answer = connection.get(path, Ask { gzip: true, ..Ask::default() }, LIMIT).await?;
    if answer.status != 200 {
        return Err(format!("{path}: status {}", answer.status).into());
    }
    answer.text().ok_or_else(|| format!("{path}: no text").into())
}
