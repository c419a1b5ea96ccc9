//! The operators' wall over a hundred broadcasters on air: what it costs the server when one operator looks, and when ten do.
//!
//! The lives are real, pushed by RTMP at the pace of their timestamps. The server is measured in turns, with nobody at the wall and with somebody, and
//! the difference counts. Ends with failure when the goal is missed, or when an operator was not told every second.

#[path = "../peers/mod.rs"]
#[expect(dead_code, reason = "the peers of all benches stand in one place")]
mod peers;
#[path = "../rtmp_publishers/publisher.rs"]
mod publisher;

use amphi::catalogue::Catalogue;
use amphi::catalogue::identity::NewPerson;
use amphi::catalogue::person::PersonChange;
use amphi::catalogue::secret::PasswordHash;
use amphi::clock;
use amphi::policy::who::{Buildings, Role};
use clap::Parser;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use peers::amphi::{Amphi, default_binary};
use peers::flv::tags;
use peers::process::{Error, Scratch, Usage};
use peers::stream::{Shape, make};
use publisher::publish;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Per cent of a core, with one operator.
const GOAL_PERCENT: f64 = 5.0;
/// Publishers come one after the other over this time.
const RAMP: Duration = Duration::from_secs(6);
/// Each turn is measured for so long.
const TURN: Duration = Duration::from_secs(10);
const TURNS: u32 = 3;

#[derive(Parser)]
#[command(about = "What the operators' wall costs")]
struct Args {
    #[arg(long, default_value_t = 100)]
    broadcasters: u32,
    #[arg(long)]
    amphi: Option<PathBuf>,
    /// Given by cargo bench.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime.map_err(Into::into).and_then(|runtime| runtime.block_on(run(&args))) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("wall: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: &Args) -> Result<bool, Error> {
    let scratch = Scratch::new("wall")?;
    let (file, data) = (scratch.path().join("push.flv"), scratch.path().join("data"));
    make(&file, Shape { kbps: 200, seconds: 20, size: (320, 180) })?;
    let tags = tags(&std::fs::read(&file)?.into())?;
    let many = (args.broadcasters + 10).to_string();
    let binary = args.amphi.clone().unwrap_or_else(default_binary);
    let amphi = Amphi::start(&binary, &data, &[("AMPHI_RTMP__MAX_CONNECTIONS_PER_ADDRESS", &many)])?;
    let mut keys = Vec::new();
    for number in 0..args.broadcasters {
        let slug = format!("bench-{number}");
        let made: serde_json::Value =
            serde_json::from_str(&amphi.command(&["broadcaster", "add", &slug, "--json"])?)?;
        let key = made.get("key").or_else(|| made.get("stream_key")).and_then(|key| key.as_str());
        keys.push(format!("{slug}?key={}", key.ok_or("amphi broadcaster add printed no key")?));
    }
    let session = operator(&data.join("db/catalogue.sqlite")).await?;

    let start = Instant::now();
    let until = start + RAMP + Duration::from_secs(5) + TURN * TURNS * 3 + Duration::from_secs(5);
    let publishers: FuturesUnordered<_> = (0..args.broadcasters)
        .zip(&keys)
        .map(|(n, key)| publish(&amphi.rtmp, "live", key, &tags, (start + RAMP * n / args.broadcasters, until)))
        .collect();
    let measure = async {
        tokio::time::sleep(RAMP + Duration::from_secs(5)).await;
        let mut percent = [0.0; 3];
        let mut told = true;
        for _ in 0..TURNS {
            for (sum, operators) in percent.iter_mut().zip([0_usize, 1, 10]) {
                let before = Usage::of(amphi.peer.pid())?.cpu_seconds;
                let looks = (0..operators).map(|_| look(&amphi.http, &session));
                let (messages, ()) = tokio::join!(futures_util::future::join_all(looks), tokio::time::sleep(TURN));
                for messages in messages {
                    told &= messages? >= TURN.as_secs() - 2;
                }
                *sum += (Usage::of(amphi.peer.pid())?.cpu_seconds - before) / (TURN * TURNS).as_secs_f64() * 100.0;
            }
        }
        Ok::<_, Error>((percent, told))
    };
    let (sent, measured) = tokio::join!(publishers.collect::<Vec<_>>(), measure);
    let failed = sent.iter().filter(|one| one.is_err()).count();
    let ([nobody, one, ten], told) = measured?;
    let (one, ten) = (one - nobody, ten - nobody);
    let met = one <= GOAL_PERCENT && told && failed == 0;
    println!(
        "{} broadcasters on air: {nobody:.1} % of a core without the wall; {failed} pushes failed",
        args.broadcasters
    );
    println!("the wall: {one:.2} % with one operator, {ten:.2} % with ten; every second told: {told}");
    println!("goal <= {GOAL_PERCENT} % of a core: {}", if met { "met" } else { "MISSED" });
    Ok(met)
}

/// The cookie of an operator of all buildings.
async fn operator(catalogue: &std::path::Path) -> Result<String, Error> {
    let catalogue = Catalogue::open(&catalogue.to_string_lossy()).await?;
    let new = NewPerson::new("bench", Role::Operator);
    let person = catalogue.add_person(new, &PasswordHash::of_nobody(), clock::now()).await?;
    let everywhere = PersonChange { buildings: Some(Buildings::All), ..PersonChange::default() };
    catalogue.change_person(&person.id, everywhere, clock::now()).await?;
    let (_, token) = catalogue.begin_session(&person.id, "bench", clock::now()).await?;
    Ok(format!("amphi={}", token.reveal()))
}

/// Looks at the wall for a turn; how many messages came.
async fn look(http: &str, session: &str) -> Result<u64, Error> {
    let mut stream = TcpStream::connect(http).await?;
    let request = format!("GET /operate/_/events HTTP/1.1\r\nHost: {http}\r\nCookie: {session}\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut messages = 0;
    let mut buffer = vec![0; 256 << 10];
    let end = tokio::time::Instant::now() + TURN;
    while let Ok(read) = tokio::time::timeout_at(end, stream.read(&mut buffer)).await {
        let read = read?;
        if read == 0 {
            return Err("the wall's stream ended".into());
        }
        // A message begins a write of its own, and what comes with it in one read is another.
        messages += buffer[..read].windows(7).filter(|word| *word == b"event: ").count() as u64;
    }
    Ok(messages)
}
