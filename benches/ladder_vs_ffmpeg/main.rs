//! CPU of a ladder, from ingest to parts on disk: Amphi with its engine against ffmpeg making the same ladder of the same file with the
//! same settings of x264, in one run.
//!
//! Amphi gets the file at its own pace, as a live; ffmpeg may take it as fast as it can, which costs it less. ffmpeg is tried with one and
//! with two threads per encoder, and the better one counts.

#[path = "../../tests/support/hls/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the judge is shared with the tests; a bench needs a part of it")]
mod hls;
#[path = "../peers/mod.rs"]
#[expect(dead_code, reason = "the peers of all benches stand in one place")]
mod peers;

use clap::Parser;
use hls::connection::{Ask, Connection};
use peers::amphi::{Amphi, default_binary};
use peers::process::{Error, Peer, Scratch, Usage};
use peers::stream::{Shape, make, push};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

/// CPU as a share of ffmpeg's.
const GOAL: f64 = 1.05;
/// The preset "camera" below 1080p: short side, width and kbit/s, as `pipelines::ladder` plans them.
const RUNGS: [(u32, u32, u32); 3] = [(720, 1280, 2_500), (480, 854, 1_200), (360, 640, 700)];
/// From the start of the push to where the engine has settled.
const SETTLE: Duration = Duration::from_secs(6);
/// How often a peer's figures are read; what it needs after the last look is not seen.
const LOOK_EVERY: Duration = Duration::from_millis(20);

#[derive(Parser)]
#[command(about = "a ladder's CPU: Amphi against ffmpeg")]
struct Args {
    /// How long Amphi is measured.
    #[arg(long, default_value_t = 30)]
    seconds: u32,
    #[arg(long)]
    amphi: Option<PathBuf>,
    /// Given by cargo bench.
    #[arg(long, hide = true)]
    bench: bool,
}

/// What one of them needed.
#[derive(Clone, Copy, Debug)]
struct Figures {
    /// CPU seconds per second of media.
    cpu: f64,
    /// Highest resident set.
    rss_bytes: u64,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime.map_err(Error::from).and_then(|runtime| runtime.block_on(run(&args))) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("ladder_vs_ffmpeg: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: &Args) -> Result<bool, Error> {
    let scratch = Scratch::new("ladder")?;
    let file = scratch.path().join("push.flv");
    // The ladder's work is the pixels: the source's bits are few, so that decoding does not hide it.
    make(&file, Shape { kbps: 4_000, seconds: 20, size: (1920, 1080) })?;
    let ours = amphi(args, &file, scratch.path()).await?;
    println!("Amphi: {:.3} CPU s per s of media, {:.0} MB", ours.cpu, ours.rss_bytes as f64 / 1e6);
    let mut theirs: Option<Figures> = None;
    for threads in [1, 2] {
        let one = ffmpeg(&file, scratch.path(), threads)?;
        println!(
            "ffmpeg, {threads} threads per encoder: {:.3} CPU s per s of media, {:.0} MB",
            one.cpu,
            one.rss_bytes as f64 / 1e6
        );
        theirs = theirs.filter(|best| best.cpu <= one.cpu).or(Some(one));
    }
    let theirs = theirs.ok_or("ffmpeg was not run")?;
    let ratio = ours.cpu / theirs.cpu;
    let verdict = if ratio <= GOAL { "ok" } else { "MISS" };
    let memory = ours.rss_bytes as f64 / theirs.rss_bytes as f64;
    println!("Amphi / ffmpeg: CPU {ratio:.2} (goal <= {GOAL}: {verdict}), memory {memory:.2}");
    Ok(ratio <= GOAL)
}

async fn amphi(args: &Args, file: &Path, scratch: &Path) -> Result<Figures, Error> {
    let binary = args.amphi.clone().unwrap_or_else(default_binary);
    if !binary.with_file_name("amphi-engine").is_file() {
        return Err(
            "amphi-engine is not beside amphi. To get it: cargo build --release -p amphi-pipelines --features vosk"
                .into(),
        );
    }
    let settings = [("AMPHI_RENDITIONS__ENABLED", "true"), ("AMPHI_RENDITIONS__CPU_PERCENT", "100")];
    let server = Amphi::start(&binary, &scratch.join("data"), &settings)?;
    let pid = server.peer.pid();
    let url = format!("rtmp://{}/live/demo?key=demo", server.rtmp);
    let _encoder = push(file, &url, &scratch.join("push.log"))?;
    tokio::time::sleep(SETTLE).await;
    let first = Usage::of(pid)?;
    let mut rss_bytes = 0;
    for _ in 0..args.seconds {
        tokio::time::sleep(Duration::from_secs(1)).await;
        rss_bytes = rss_bytes.max(Usage::of(pid)?.rss_bytes);
    }
    let last = Usage::of(pid)?;
    let get = async |path: &str| -> Result<String, Error> {
        let answer = Connection::new(&server.http).get(path, Ask::default(), Duration::from_secs(10)).await?;
        Ok(answer.text().ok_or("no text")?.clone())
    };
    let master = get("/live/demo/master.m3u8").await?;
    for (side, ..) in RUNGS {
        if !master.contains(&format!("{side}p/media.m3u8")) {
            return Err(format!("no {side}p is listed:\n{master}").into());
        }
    }
    let metrics = get("/metrics").await?;
    let counted = |name: &str| -> f64 {
        metrics.lines().filter(|l| l.starts_with(name)).filter_map(|l| l.rsplit(' ').next()?.parse::<f64>().ok()).sum()
    };
    let (dropped, restarts) = (counted("amphi_engine_dropped_frames_total"), counted("amphi_engine_restarts_total"));
    if dropped > 0.0 || restarts > 0.0 {
        return Err(
            format!("{dropped} pictures were left out, {restarts} engines ended: it did not do all the work").into()
        );
    }
    Ok(Figures { cpu: (last.cpu_seconds - first.cpu_seconds) / f64::from(args.seconds), rss_bytes })
}

/// The same rungs by ffmpeg, each as HLS on the disk, the source and its sound passed through.
fn ffmpeg(file: &Path, scratch: &Path, threads: u32) -> Result<Figures, Error> {
    let out = scratch.join(format!("ffmpeg-{threads}"));
    std::fs::create_dir_all(&out)?;
    let mut command = Command::new("ffmpeg");
    // One thread decodes, as in our engine: frame threads only add to the sum.
    command.args(["-v", "error", "-y", "-threads", "1", "-i"]).arg(file);
    let split: String = (0..RUNGS.len()).map(|n| format!("[s{n}]")).collect();
    let scales = RUNGS
        .iter()
        .enumerate()
        .map(|(n, (side, width, _))| format!(";[s{n}]scale={width}:{side}:flags=bilinear[v{n}]"));
    let graph = format!("[0:v]split={}{split}{}", RUNGS.len(), scales.collect::<String>());
    command.args(["-filter_complex", &graph]);
    let hls = ["-f", "hls", "-hls_time", "2", "-hls_segment_type", "fmp4", "-hls_list_size", "0"];
    for (n, (side, _, kbps)) in RUNGS.iter().enumerate() {
        let (rate, init) = (format!("{kbps}k"), format!("{side}-init.mp4"));
        command.args([
            "-map",
            &format!("[v{n}]"),
            "-c:v",
            "libx264",
            "-preset",
            "veryfast",
            "-threads",
            &threads.to_string(),
        ]);
        command.args(["-b:v", &rate, "-maxrate", &rate, "-bufsize", &rate, "-bf", "0", "-sc_threshold", "0"]);
        // As in pipelines/src/engine/transcode: 400 ms of lookahead without a thread of its own, an IDR every 2 s.
        command.args(["-x264-params", "rc-lookahead=10:sync-lookahead=0:open-gop=0", "-g", "60", "-keyint_min", "60"]);
        command.args(hls).args(["-hls_fmp4_init_filename", &init]).arg(out.join(format!("{side}.m3u8")));
    }
    command.args(["-map", "0:v", "-map", "0:a", "-c", "copy"]).args(hls);
    command.args(["-hls_fmp4_init_filename", "source-init.mp4"]).arg(out.join("source.m3u8"));
    let mut peer = Peer::start(&mut command, &scratch.join("ffmpeg.log"), "apt install ffmpeg")?;
    let mut last = Figures { cpu: 0.0, rss_bytes: 0 };
    while peer.still_runs().is_ok() {
        if let Ok(usage) = Usage::of(peer.pid()) {
            last = Figures { cpu: usage.cpu_seconds.max(last.cpu), rss_bytes: usage.rss_bytes.max(last.rss_bytes) };
        }
        std::thread::sleep(LOOK_EVERY);
    }
    let made = std::fs::read_to_string(out.join("360.m3u8")).unwrap_or_default();
    let media_s: f64 =
        made.lines().filter_map(|l| l.strip_prefix("#EXTINF:")?.trim_end_matches(',').parse::<f64>().ok()).sum();
    if media_s < 15.0 {
        let log = std::fs::read_to_string(scratch.join("ffmpeg.log")).unwrap_or_default();
        return Err(format!("ffmpeg made {media_s} s: {log}").into());
    }
    Ok(Figures { cpu: last.cpu / media_s, rss_bytes: last.rss_bytes })
}
