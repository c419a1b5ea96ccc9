//! Viewers' pages by the thousand, each with its stream of events: what it costs the server to tell them what changes and to know how many they are.
//!
//! A live is on air. Every viewer keeps one stream open, and the cookie that it is counted by, and loads the page anew once a minute, one after the
//! other. What the server needs without viewers is measured before and subtracted. Ends with failure when the server counts others than there
//! are, or a goal is missed.

#![expect(clippy::disallowed_methods, reason = "a bench's crowd: its tasks end with the set they run in")]

#[path = "../peers/mod.rs"]
#[expect(dead_code, reason = "the peers of all benches stand in one place")]
mod peers;

use clap::Parser;
use peers::amphi::{Amphi, default_binary};
use peers::process::{Error, Peer, Scratch, Usage};
use peers::stream::{Shape, make};
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::LocalSet;

/// Cores for the most viewers.
const GOAL_CORES: f64 = 0.3;
/// Each page is loaded again this often.
const RELOAD: Duration = Duration::from_secs(60);
/// Viewers come one after the other over this time.
const RAMP: Duration = Duration::from_secs(10);
/// A count of viewers is told every five seconds, and one who left is counted for four more.
const SETTLE: Duration = Duration::from_secs(10);

#[derive(Parser)]
#[command(about = "What it costs to count viewers by their pages' streams of events")]
struct Args {
    #[arg(long, value_delimiter = ',', default_value = "1000,10000")]
    viewers: Vec<u32>,
    #[arg(long, default_value_t = 15)]
    seconds: u64,
    #[arg(long)]
    amphi: Option<PathBuf>,
    /// Given by cargo bench.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("presence: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<bool, Error> {
    let scratch = Scratch::new("presence")?;
    let file = scratch.path().join("push.flv");
    make(&file, Shape { kbps: 300, seconds: 20, size: (320, 180) })?;
    let binary = args.amphi.clone().unwrap_or_else(default_binary);
    // All of all rounds come from one address.
    let newcomers = args.viewers.iter().sum::<u32>().to_string();
    let settings = [("AMPHI_HTTP__NEW_VIEWERS", newcomers.as_str())];
    let mut amphi = Amphi::start(&binary, &scratch.path().join("data"), &settings)?;
    let mut push = Command::new("ffmpeg");
    push.args(["-v", "error", "-re", "-stream_loop", "-1", "-i"]).arg(&file);
    push.args(["-c", "copy", "-f", "flv"]).arg(format!("rtmp://{}/live/demo?key=demo", amphi.rtmp));
    let _push = Peer::start(&mut push, &scratch.path().join("push.log"), "apt install ffmpeg")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let http = amphi.http.clone();
    amphi.peer.until(Duration::from_secs(20), || runtime.block_on(counted(&http)).ok().flatten())?;
    let pid = amphi.peer.pid();
    let alone = runtime.block_on(cores(pid, args.seconds))?;
    println!("one live, nobody watches: {:.1} % of a core", alone * 100.0);
    let mut good = true;
    for viewers in &args.viewers {
        let measured: Result<_, Error> = LocalSet::new().block_on(&runtime, async {
            let crowd: Vec<_> = (0..*viewers)
                .map(|n| {
                    let http = http.clone();
                    let begins = RAMP.mul_f64(f64::from(n) / f64::from(*viewers));
                    let first = RELOAD.mul_f64(f64::from(n) / f64::from(*viewers));
                    tokio::task::spawn_local(async move {
                        tokio::time::sleep(begins).await;
                        let mut stay = first.max(Duration::from_secs(1));
                        let mut kept = String::new();
                        // A stream that ends before its time is seen in the count.
                        while watch(&http, &mut kept, stay).await.is_ok() {
                            stay = RELOAD;
                        }
                    })
                })
                .collect();
            tokio::time::sleep(RAMP + SETTLE).await;
            let cores = cores(pid, args.seconds).await?;
            let counted = counted(&http).await?.unwrap_or(0);
            crowd.iter().for_each(|viewer| viewer.abort());
            Ok((cores, counted))
        });
        let (cores, counted) = measured?;
        let needed = cores - alone;
        let right = counted == u64::from(*viewers);
        let met = needed <= GOAL_CORES && right;
        println!(
            "{viewers} viewers: {:.1} % of a core more, counted {counted}; goal <= {:.0} % and the right count: {}",
            needed * 100.0,
            GOAL_CORES * 100.0,
            if met { "met" } else { "MISSED" }
        );
        good &= met;
        runtime.block_on(async { tokio::time::sleep(SETTLE).await });
    }
    amphi.peer.still_runs()?;
    Ok(good)
}

/// CPU seconds per second of the server.
async fn cores(pid: u32, seconds: u64) -> Result<f64, Error> {
    let before = Usage::of(pid)?.cpu_seconds;
    let began = tokio::time::Instant::now();
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    Ok((Usage::of(pid)?.cpu_seconds - before) / began.elapsed().as_secs_f64())
}

/// How many watch, as the API says; `None`: nothing is on air.
async fn counted(http: &str) -> Result<Option<u64>, Error> {
    let mut stream = TcpStream::connect(http).await?;
    let request = format!("GET /api/v1/lives HTTP/1.1\r\nHost: {http}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut text = String::new();
    stream.read_to_string(&mut text).await?;
    let viewers = text.split("\"viewers\":").nth(1);
    Ok(viewers.and_then(|rest| rest.split([',', '}']).next()?.trim().parse().ok()))
}

/// Keeps a page's stream open for so long, and the cookie that comes with the first one.
async fn watch(http: &str, kept: &mut String, stay: Duration) -> Result<(), Error> {
    let mut stream = TcpStream::connect(http).await?;
    let request = format!("GET /live/demo/events HTTP/1.1\r\nHost: {http}\r\n{kept}\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut buffer = [0; 1024];
    let read = async {
        let mut head = Vec::new();
        while kept.is_empty() {
            let count = stream.read(&mut buffer).await?;
            head.extend_from_slice(&buffer[..count]);
            let text = String::from_utf8_lossy(&head);
            let set = text.split("set-cookie: ").nth(1).and_then(|rest| rest.split_once(';'));
            match set {
                Some((pair, _)) => *kept = format!("Cookie: {pair}\r\n"),
                None if count == 0 || text.contains("\r\n\r\n") => {
                    return Err("there is nothing to be counted by".into());
                }
                None => {}
            }
        }
        while stream.read(&mut buffer).await? > 0 {}
        Err::<(), Error>("the stream ended".into())
    };
    match tokio::time::timeout(stay, read).await {
        Err(_stayed) => Ok(()),
        Ok(ended) => ended,
    }
}
