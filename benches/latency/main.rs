//! Glass to glass: a picture that carries the time of its making is pushed by ffmpeg, and read back in Chromium on the live page. With
//! `--rung 240` it is read from that rendition, which an engine makes.
//!
//! The named peer is hls.js's own target, three parts behind: no player that obeys PART-HOLD-BACK can be nearer, so the ratio says
//! what encoder, network, server and decoder add.

#[path = "../peers/mod.rs"]
#[expect(dead_code, reason = "the peers of all benches stand in one place")]
mod peers;

use clap::Parser;
use peers::amphi::{Amphi, default_binary};
use peers::process::{Error, Scratch};
use serde_json::Value;
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

/// Seconds, half of all pictures and 95 % of them.
const GOAL_P50_S: f64 = 2.0;
const GOAL_P95_S: f64 = 2.5;
/// The same of a rendition that an engine makes; half of its pictures have no goal.
const GOAL_RUNG_P95_S: f64 = 3.0;
/// Pictures per second; PAL.
const RATE: u32 = 25;

#[derive(Parser)]
#[command(about = "glass to glass latency in Chromium")]
struct Args {
    /// How long pictures are read, after the player has settled.
    #[arg(long, default_value_t = 30)]
    seconds: u32,
    /// How long the player is given to reach its target.
    #[arg(long, default_value_t = 15)]
    settle: u32,
    /// Height of the rendition that is watched; without it the source is, and no engine runs.
    #[arg(long)]
    rung: Option<u32>,
    #[arg(long)]
    amphi: Option<PathBuf>,
    /// Given by cargo bench.
    #[arg(long, hide = true)]
    bench: bool,
}

/// Ends with the bench.
struct Running(Vec<Child>);

impl Drop for Running {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _gone = child.kill();
            let _reaped = child.wait();
        }
    }
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("latency: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<bool, Error> {
    let scratch = Scratch::new("latency")?;
    let engine = [("AMPHI_RENDITIONS__ENABLED", "true"), ("AMPHI_RENDITIONS__PRESET", "low bandwidth")];
    let settings = if args.rung.is_some() { &engine[..] } else { &[] };
    let amphi = Amphi::start(&args.amphi.clone().unwrap_or_else(default_binary), scratch.path(), settings)?;
    let _encoder = push(&amphi.rtmp)?;
    let page = format!("http://{}/live/demo", amphi.http);
    std::thread::sleep(Duration::from_secs(6));
    let output = Command::new("node")
        .args(["tests/support/peers/browser.mjs", "latency", "--url", &page])
        .args(["--seconds", &args.seconds.to_string(), "--settle", &args.settle.to_string()])
        .args(args.rung.iter().flat_map(|height| ["--height".to_owned(), height.to_string()]))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .map_err(|error| format!("node: {error}. To get it and Chromium: make test"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let seen =
        text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()).find(|v| v["p50_s"].is_number());
    let Some(seen) = seen else {
        return Err(format!("no latency was measured: {text}{}", String::from_utf8_lossy(&output.stderr)).into());
    };
    let number = |name: &str| seen[name].as_f64().unwrap_or(f64::NAN);
    let (p50, p95, target) = (number("p50_s"), number("p95_s"), number("target_s"));
    let (goal_p50, goal_p95) = match args.rung {
        None => (GOAL_P50_S, GOAL_P95_S),
        Some(_) => (f64::INFINITY, GOAL_RUNG_P95_S),
    };
    let what = args.rung.map_or_else(|| "the source".to_owned(), |height| format!("{height}p"));
    println!("glass to glass of {what} over {} s at {RATE} fps: p50 {p50:.3} s, p95 {p95:.3} s", args.seconds);
    println!("ratio of p50 to hls.js's target of {target:.2} s: {:.2}", p50 / target);
    println!("stalls {}, hls.js says {:.3} s", seen["stalls"], number("hls_latency_s"));
    let good = p50 <= goal_p50 && p95 <= goal_p95;
    println!("goal p50 <= {goal_p50} s and p95 <= {goal_p95} s: {}", if good { "met" } else { "MISSED" });
    Ok(good)
}

/// Pictures made now | ffmpeg as a live encoder would be set.
fn push(rtmp: &str) -> Result<Running, Error> {
    let mut pictures = Command::new("node")
        .args(["benches/time_picture.mjs", "--size", "640x360", "--rate", &RATE.to_string()])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("node: {error}"))?;
    let pipe = pictures.stdout.take().ok_or("no pictures")?;
    let encoder = Command::new("ffmpeg")
        .args(["-v", "error", "-f", "rawvideo", "-pixel_format", "gray", "-video_size", "640x360"])
        .args(["-framerate", &RATE.to_string(), "-i", "pipe:0", "-f", "lavfi", "-i", "sine=sample_rate=48000"])
        .args(["-c:v", "libx264", "-preset", "veryfast", "-tune", "zerolatency", "-pix_fmt", "yuv420p"])
        .args(["-g", &(RATE * 2).to_string(), "-b:v", "1M", "-c:a", "aac", "-f", "flv"])
        .arg(format!("rtmp://{rtmp}/live/demo?key=demo"))
        .stdin(pipe)
        .stdout(Stdio::null())
        .spawn()
        .map_err(|error| format!("ffmpeg: {error}"))?;
    Ok(Running(vec![encoder, pictures]))
}
