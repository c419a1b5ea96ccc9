//! RTMP publishers by the hundred, each recorded: Amphi against nginx-rtmp with HLS and record on, in one run.
//!
//! Every publisher sends the same real H.264 and AAC at the pace of its timestamps. Prints CPU and memory per publisher
//! of both servers and the ratio; exits with failure when a publisher was refused, cut or could not keep its pace.

#[path = "../peers/mod.rs"]
#[expect(dead_code, reason = "the peers of all benches stand in one place")]
mod peers;
mod publisher;

use clap::Parser;
use futures_util::stream::{FuturesUnordered, StreamExt};
use peers::amphi::{Amphi, default_binary};
use peers::flv::{Tag, tags};
use peers::process::{Error, Peer, Scratch, Usage, accepts, free_port};
use peers::stream::{Shape, make};
use publisher::{Sent, publish};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

/// CPU per publisher as a share of nginx-rtmp's.
const GOAL: f64 = 0.67;
/// Publishers come one after the other over this time.
const RAMP: Duration = Duration::from_secs(6);
/// A tag written later than this was not at real pace: the generator or the server is overloaded.
const PACE: Duration = Duration::from_secs(2);

#[derive(Parser)]
#[command(about = "RTMP publishers with recording: Amphi against nginx-rtmp")]
struct Args {
    #[arg(long, default_value_t = 200)]
    publishers: u32,
    #[arg(long, default_value_t = 600)]
    kbps: u32,
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// Start only one of the two.
    #[arg(long, value_parser = ["amphi", "nginx"])]
    only: Option<String>,
    #[arg(long)]
    amphi: Option<PathBuf>,
    /// nginx's RTMP module.
    #[arg(long, default_value = "/usr/lib/nginx/modules/ngx_rtmp_module.so")]
    module: PathBuf,
    /// Given by cargo bench.
    #[arg(long, hide = true)]
    bench: bool,
}

/// What one server needed.
#[derive(Clone, Copy, Debug)]
struct Figures {
    /// Per cent of a core.
    cpu_percent: f64,
    rss_bytes: u64,
    good: bool,
}

fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("rtmp_publishers: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<bool, Error> {
    let scratch = Scratch::new("rtmp-publishers")?;
    let file = scratch.path().join("push.flv");
    make(&file, Shape { kbps: args.kbps, seconds: 20, size: (320, 180) })?;
    let tags = tags(&fs::read(&file)?.into())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let wanted = |name: &str| args.only.as_deref().is_none_or(|only| only == name);
    let ours = if wanted("amphi") { Some(runtime.block_on(amphi(args, &tags, scratch.path()))?) } else { None };
    let theirs = if wanted("nginx") { Some(runtime.block_on(nginx(args, &tags, scratch.path()))?) } else { None };
    let mut good = ours.is_none_or(|one| one.good) && theirs.is_none_or(|one| one.good);
    if let (Some(ours), Some(theirs)) = (ours, theirs) {
        let ratio = ours.cpu_percent / theirs.cpu_percent;
        let memory = ours.rss_bytes as f64 / theirs.rss_bytes as f64;
        good &= ratio <= GOAL;
        let verdict = if ratio <= GOAL { "ok" } else { "MISS" };
        println!("Amphi / nginx-rtmp: CPU {ratio:.2} (goal <= {GOAL}: {verdict}), memory {memory:.2}");
    }
    Ok(good)
}

async fn amphi(args: &Args, tags: &[Tag], scratch: &Path) -> Result<Figures, Error> {
    let binary = args.amphi.clone().unwrap_or_else(default_binary);
    // All publishers come from one address here: the limits per address are not what is measured.
    let many = (args.publishers + 10).to_string();
    let server = Amphi::start(&binary, &scratch.join("data"), &[("AMPHI_RTMP__MAX_CONNECTIONS_PER_ADDRESS", &many)])?;
    let mut keys = Vec::new();
    for number in 0..args.publishers {
        let slug = format!("bench-{number}");
        let printed = server.command(&["broadcaster", "add", &slug, "--json"])?;
        let made: serde_json::Value = serde_json::from_str(&printed)?;
        let key = made.get("key").or_else(|| made.get("stream_key")).and_then(|key| key.as_str());
        keys.push(format!("{slug}?key={}", key.ok_or("amphi broadcaster add printed no key")?));
    }
    load("Amphi", &server.rtmp, "live", &keys, tags, args, server.peer.pid()).await
}

async fn nginx(args: &Args, tags: &[Tag], scratch: &Path) -> Result<Figures, Error> {
    let install = "apt install nginx-light libnginx-mod-rtmp";
    if !args.module.exists() {
        return Err(format!("{} is not there. To get it: {install}", args.module.display()).into());
    }
    let port = free_port()?;
    let (hls, record) = (scratch.join("hls"), scratch.join("record"));
    fs::create_dir_all(&hls)?;
    fs::create_dir_all(&record)?;
    let at = scratch.display();
    // `user root`: the worker writes into this run's directory; without it nginx changes to a user that may not.
    let config = format!(
        "load_module {};\ndaemon off; worker_processes 1; user root; pid {at}/nginx.pid; error_log {at}/nginx-error.log;\n\
         events {{ worker_connections 4096; }}\n\
         rtmp {{ access_log off; server {{ listen 127.0.0.1:{port}; chunk_size 4096; application live {{ live on;\n\
         hls on; hls_path {}; hls_fragment 2s; record all; record_path {}; }} }} }}\n",
        args.module.display(),
        hls.display(),
        record.display()
    );
    let file = scratch.join("rtmp.conf");
    fs::write(&file, config)?;
    let mut command = Command::new("nginx");
    command.arg("-c").arg(&file).arg("-e").arg(scratch.join("nginx-start.log"));
    let mut server = Peer::start(&mut command, &scratch.join("nginx.log"), install)?;
    server.until(Duration::from_secs(10), || accepts(port).then_some(())).map_err(|error| {
        let log = fs::read_to_string(scratch.join("nginx.log")).unwrap_or_default();
        format!("{error}: {log}")
    })?;
    let keys: Vec<String> = (0..args.publishers).map(|number| format!("bench-{number}")).collect();
    let figures = load("nginx-rtmp", &format!("127.0.0.1:{port}"), "live", &keys, tags, args, server.pid()).await?;
    let recorded = fs::read_dir(&record)?.count();
    if recorded < keys.len() {
        return Err(format!("nginx recorded {recorded} of {} streams: this would be no comparison", keys.len()).into());
    }
    Ok(figures)
}

/// Runs all publishers against one server and measures it while all of them are there.
async fn load(
    name: &str,
    address: &str,
    app: &str,
    keys: &[String],
    tags: &[Tag],
    args: &Args,
    pid: u32,
) -> Result<Figures, Error> {
    let count = u32::try_from(keys.len())?.max(1);
    let length = Duration::from_secs(args.seconds.clamp(4, 3600));
    let start = Instant::now();
    let until = start + RAMP + length;
    let publishers: FuturesUnordered<_> = (0..count)
        .zip(keys)
        .map(|(number, key)| publish(address, app, key, tags, (start + RAMP * number / count, until)))
        .collect();
    let measure = async {
        // Two seconds after the last one came, until just before they leave.
        tokio::time::sleep_until((start + RAMP + Duration::from_secs(2)).into()).await;
        let (from, first) = (Instant::now(), Usage::of(pid).map_err(|error| error.to_string()));
        tokio::time::sleep_until((until - Duration::from_millis(500)).into()).await;
        (first, Usage::of(pid).map_err(|error| error.to_string()), from.elapsed())
    };
    let (sent, (first, last, measured)) = tokio::join!(publishers.collect::<Vec<Result<Sent, String>>>(), measure);
    let (first, last) = (first?, last?);
    let cpu_percent = (last.cpu_seconds - first.cpu_seconds) / measured.as_secs_f64() * 100.0;

    let mut failures: BTreeMap<String, u32> = BTreeMap::new();
    let mut total = Sent::default();
    for one in sent {
        match one {
            Ok(one) => {
                total.bytes += one.bytes;
                total.behind = total.behind.max(one.behind);
            }
            Err(what) => *failures.entry(what).or_default() += 1,
        }
    }
    println!(
        "{name}: {count} publishers, {:.1} MB sent, latest tag {} ms behind",
        total.bytes as f64 / 1e6,
        total.behind.as_millis()
    );
    println!(
        "  CPU {cpu_percent:.1} % of a core = {:.3} % per publisher; memory {:.1} MB = {:.0} kB per publisher",
        cpu_percent / f64::from(count),
        last.rss_bytes as f64 / 1e6,
        last.rss_bytes as f64 / 1e3 / f64::from(count)
    );
    for (what, times) in &failures {
        println!("  FAILED {times}x {what}");
    }
    if total.behind > PACE {
        println!("  FAILED: not at real pace");
    }
    Ok(Figures { cpu_percent, rss_bytes: last.rss_bytes, good: failures.is_empty() && total.behind <= PACE })
}
