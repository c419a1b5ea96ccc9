//! LL-HLS viewers by the hundred against any origin, and Amphi against multimux and nginx in one run.
//!
//! `--url` measures what is already there. Without it, Amphi and then multimux are started, get the same push, and the
//! ratio is printed. One thread: the crowd shares the machine with the server.

mod fixed;
#[path = "../../tests/support/hls/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the judge is shared with the tests; a bench needs a part of it")]
mod hls;
mod load;
#[path = "../peers/mod.rs"]
#[expect(dead_code, reason = "the peers of all benches stand in one place")]
mod peers;
mod shared;
mod viewer;
mod wire;

use clap::Parser;
use hls::reader::{Options, follow};
use load::{Asked, Figures, crowd};
use peers::amphi::{Amphi, default_binary};
use peers::process::{Error, Peer, Scratch, accepts, free_port};
use peers::stream::{Shape, make, push};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

/// The goals of the comparison: CPU per viewer against multimux, kB per viewer, p99 in ms, bytes against nginx.
const GOALS: (f64, f64, f64, f64) = (0.5, 30.0, 100.0, 0.8);
const MULTIMUX: &str = "cargo install multimux-cli@0.12.0 --root target/peers, or --multimux FILE";
/// Both servers list this many segments of 2 s when the crowd comes.
const SETTLE: Duration = Duration::from_secs(12);

#[derive(Parser)]
#[command(about = "LL-HLS viewers against any origin; without --url: Amphi against multimux and nginx")]
struct Args {
    /// A multivariant playlist that is live already.
    #[arg(long)]
    url: Option<String>,
    #[arg(long, default_value_t = 1000)]
    viewers: u32,
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// Process id of the server behind --url.
    #[arg(long)]
    pid: Option<u32>,
    /// Judge the origin by every rule of LL-HLS instead of loading it.
    #[arg(long, requires = "url")]
    check: bool,
    /// Start only one of the two.
    #[arg(long, value_parser = ["amphi", "multimux"])]
    only: Option<String>,
    #[arg(long)]
    amphi: Option<PathBuf>,
    #[arg(long)]
    multimux: Option<PathBuf>,
    /// Start Amphi on this prepared data directory, such as one whose live lists six hours already.
    #[arg(long)]
    data_dir: Option<PathBuf>,
    /// What the prepared directory lists; only named in the output.
    #[arg(long, requires = "data_dir")]
    listed: Option<String>,
    #[arg(long, default_value_t = 1800)]
    kbps: u32,
    /// Viewers of HTTP/2 in clear, one connection each. multimux has none: measures Amphi alone, or --url.
    #[arg(long, conflicts_with = "multimux")]
    http2: bool,
    /// Given by cargo bench.
    #[arg(long, hide = true)]
    bench: bool,
}

impl Args {
    fn asked(&self, length: Duration) -> Asked {
        Asked { viewers: self.viewers, length, http2: self.http2 }
    }
}

fn main() -> ExitCode {
    let args = Args::parse();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("ll_viewers: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(&args)) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("ll_viewers: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: &Args) -> Result<bool, Error> {
    let length = Duration::from_secs(args.seconds.clamp(3, 3600));
    match &args.url {
        Some(url) if args.check => judge(url, length).await,
        Some(url) => Ok(crowd(url, args.asked(length), args.pid).await?.failures == 0),
        None => compare(args, length).await,
    }
}

async fn judge(url: &str, length: Duration) -> Result<bool, Error> {
    let options = Options { length, settings: hls::rules::Settings::default(), ffmpeg: "ffmpeg".into() };
    let outcome = follow(url, &options).await?;
    println!(
        "{} renditions, {} playlists, {} parts, {} segments, {} I-frames decoded, ended: {}",
        outcome.renditions.len(),
        outcome.exchanges.len(),
        outcome.parts,
        outcome.segments,
        outcome.i_frames,
        outcome.ended
    );
    for breach in &outcome.breaches {
        println!("BREACH {breach}");
    }
    println!("{} rules broken", outcome.breaches.len());
    Ok(outcome.breaches.is_empty())
}

async fn compare(args: &Args, length: Duration) -> Result<bool, Error> {
    let scratch = Scratch::new("ll-viewers")?;
    let file = scratch.path().join("push.flv");
    make(&file, Shape { kbps: args.kbps, seconds: 60, size: (640, 360) })?;
    let wanted = |name: &str| args.only.as_deref().is_none_or(|only| only == name);
    let mut good = true;
    let mut ours = None;
    if wanted("amphi") {
        let data_dir = args.data_dir.clone().unwrap_or_else(|| scratch.path().join("data"));
        let listed = args.listed.as_deref().unwrap_or("little");
        println!("== Amphi, {listed} listed before");
        let binary = args.amphi.clone().unwrap_or_else(default_binary);
        let amphi = Amphi::start(&binary, &data_dir, &[])?;
        let _push =
            push(&file, &format!("rtmp://{}/live/demo?key=demo", amphi.rtmp), &scratch.path().join("push.log"))?;
        tokio::time::sleep(SETTLE).await;
        let url = format!("http://{}/live/demo/master.m3u8", amphi.http);
        let figures = crowd(&url, args.asked(length), Some(amphi.peer.pid())).await?;
        let bytes = fixed::compare(&url, amphi.peer.pid(), scratch.path(), Duration::from_secs(8), true).await?;
        good &= alone(&figures, bytes);
        ours = Some(figures);
    }
    if wanted("multimux") && !args.http2 {
        println!("== multimux");
        let theirs = multimux(args, &file, scratch.path(), length).await?;
        if let Some(ours) = &ours {
            good &= together(ours, &theirs);
        }
    }
    Ok(good)
}

async fn multimux(args: &Args, file: &Path, scratch: &Path, length: Duration) -> Result<Figures, Error> {
    let (http, rtmp) = (free_port()?, free_port()?);
    let config = serde_json::json!({
        "bind": format!("127.0.0.1:{http}"),
        "target_duration_secs": 2.0,
        "part_target_ms": 500,
        "window_segments": 15,
        // Its default would refuse the crowd.
        "max_concurrent_requests": args.viewers.max(100) * 4,
        "routes": [{
            "name": "demo",
            "input": { "type": "rtmp", "listen": format!("127.0.0.1:{rtmp}"), "app": "live", "stream_key": "demo" },
            "outputs": ["llhls"],
        }],
    });
    let at = scratch.join("multimux.json");
    std::fs::write(&at, config.to_string())?;
    let binary = args.multimux.clone().unwrap_or_else(|| {
        // cargo bench runs in the package's folder.
        let local = PathBuf::from("target/peers/bin/multimux");
        if local.exists() { local } else { PathBuf::from("multimux") }
    });
    let log = scratch.join("multimux.log");
    let mut command = Command::new(binary);
    command.env("RUST_LOG", "warn").arg("--config").arg(&at);
    let mut server = Peer::start(&mut command, &log, MULTIMUX)?;
    server.until(Duration::from_secs(15), || (accepts(http) && accepts(rtmp)).then_some(()))?;
    let _push = push(file, &format!("rtmp://127.0.0.1:{rtmp}/live/demo"), &scratch.join("push-multimux.log"))?;
    tokio::time::sleep(SETTLE).await;
    server.still_runs()?;
    let url = format!("http://127.0.0.1:{http}/demo/master.m3u8");
    let figures = crowd(&url, args.asked(length), Some(server.pid())).await?;
    let bytes = fixed::compare(&url, server.pid(), scratch, Duration::from_secs(8), false).await?;
    static_bytes(bytes);
    Ok(figures)
}

fn alone(figures: &Figures, (ours, nginx): (fixed::Throughput, fixed::Throughput)) -> bool {
    let (_, memory, late, bytes) = GOALS;
    let kb = figures.grown_bytes as f64 / 1000.0 / f64::from(figures.viewers.max(1));
    let ratio = static_bytes((ours, nginx));
    let mut good = goal("static bytes / nginx", ratio, ratio >= bytes, &format!(">= {bytes}"));
    good &= goal("kB per viewer", kb, kb <= memory, &format!("<= {memory}"));
    good &= goal("p99 lateness in ms", figures.late.1, figures.late.1 <= late, &format!("<= {late}"));
    good & goal("failures", figures.failures as f64, figures.failures == 0, "0")
}

/// Prints a server's throughput beside nginx's and gives the ratio.
fn static_bytes((ours, nginx): (fixed::Throughput, fixed::Throughput)) -> f64 {
    println!(
        "  static bytes: {:.0} MB/s, nginx {:.0} MB/s; per CPU-second {:.0} MB, nginx {:.0} MB",
        ours.bytes_per_second / 1e6,
        nginx.bytes_per_second / 1e6,
        ours.bytes_per_cpu_second / 1e6,
        nginx.bytes_per_cpu_second / 1e6
    );
    let ratio = ours.bytes_per_second / nginx.bytes_per_second;
    let per_cpu = ours.bytes_per_cpu_second / nginx.bytes_per_cpu_second;
    println!("  static bytes / nginx: {ratio:.2}, per CPU-second {per_cpu:.2}");
    ratio
}

fn together(ours: &Figures, theirs: &Figures) -> bool {
    println!("== Amphi / multimux");
    let ratio = ours.cpu_percent / theirs.cpu_percent;
    println!(
        "  memory {:.2}, p99 lateness {:.2}",
        ours.grown_bytes as f64 / theirs.grown_bytes.max(1) as f64,
        ours.late.1 / theirs.late.1
    );
    goal("CPU per viewer / multimux", ratio, ratio <= GOALS.0, &format!("<= {}", GOALS.0))
}

fn goal(what: &str, is: f64, reached: bool, asked: &str) -> bool {
    println!("  {} {what}: {is:.3} (goal {asked})", if reached { "ok  " } else { "MISS" });
    reached
}
