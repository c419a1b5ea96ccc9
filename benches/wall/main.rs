//! The operators' wall over a hundred broadcasters on air: what it costs the server when one operator looks, and when ten do.
//!
//! The lives are real, pushed by RTMP at the pace of their timestamps. The server is measured in turns, with nobody at the wall and with somebody, and
//! the difference counts. Ends with failure when the goal is missed, or when an operator was not told every second. What pictures cost is told apart,
//! with `--pictures`: that is the time of the engine that decodes them, which stands beside the server.

#[path = "../peers/mod.rs"]
#[expect(dead_code, reason = "the peers of all benches stand in one place")]
mod peers;
#[path = "../rtmp_publishers/publisher.rs"]
mod publisher;

use amphi::catalogue::Catalogue;
use amphi::catalogue::broadcaster::NewBroadcaster;
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
const RAMP: Duration = Duration::from_secs(5);
/// From the last publisher to the first turn, and from one turn to the next: who left the wall is forgotten by then.
const SETTLE: Duration = Duration::from_secs(3);
/// Each turn is measured for so long.
const TURN: Duration = Duration::from_secs(5);
const TURNS: u32 = 3;
/// How many operators look, turn by turn.
const OPERATORS: [usize; 3] = [0, 1, 10];

#[derive(Parser)]
#[command(about = "What the operators' wall costs")]
struct Args {
    #[arg(long, default_value_t = 100)]
    broadcasters: u32,
    #[arg(long)]
    amphi: Option<PathBuf>,
    /// With a picture on each tile: `amphi-engine` must stand beside the server.
    #[arg(long)]
    pictures: bool,
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
    let engine = binary.with_file_name(if args.pictures { "amphi-engine" } else { "no-engine" });
    if args.pictures && !engine.is_file() {
        return Err(format!(
            "{} is missing: cargo build --release -p amphi-pipelines --features gstreamer",
            engine.display()
        )
        .into());
    }
    let engine = engine.to_string_lossy();
    let settings = [("AMPHI_RTMP__MAX_CONNECTIONS_PER_ADDRESS", many.as_str()), ("AMPHI_ENGINE__PROGRAM", &engine)];
    let amphi = Amphi::start(&binary, &data, &settings)?;
    // Not by the command line: a process for each of a hundred took longer than all turns.
    let catalogue = Catalogue::open(&data.join("db/catalogue.sqlite").to_string_lossy()).await?;
    let mut keys = Vec::new();
    for number in 0..args.broadcasters {
        let slug = format!("bench-{number}");
        let hall = NewBroadcaster::new(slug.parse()?, slug.clone());
        let hall = catalogue.add_broadcaster(hall, clock::now()).await?;
        let (_, key) = catalogue.add_key(&hall.id, "bench", clock::now()).await?;
        keys.push(format!("{slug}?key={}", key.reveal()));
    }
    let session = operator(&catalogue).await?;
    println!("{} broadcasters are made; measuring takes about {:.0} s", args.broadcasters, length().as_secs_f64());

    let start = Instant::now();
    let until = start + length();
    let publishers: FuturesUnordered<_> = (0..args.broadcasters)
        .zip(&keys)
        .map(|(n, key)| publish(&amphi.rtmp, "live", key, &tags, (start + RAMP * n / args.broadcasters, until)))
        .collect();
    let measure = async {
        tokio::time::sleep(RAMP).await;
        let mut percent = [0.0; OPERATORS.len()];
        let mut told = true;
        for turn in 1..=TURNS {
            for (sum, operators) in percent.iter_mut().zip(OPERATORS) {
                tokio::time::sleep(SETTLE).await;
                let before = Usage::of(amphi.peer.pid())?.cpu_seconds;
                let looks = (0..operators).map(|_| look(&amphi.http, &session));
                let (messages, ()) = tokio::join!(futures_util::future::join_all(looks), tokio::time::sleep(TURN));
                for messages in messages {
                    told &= messages? >= TURN.as_secs() - 2;
                }
                let used = (Usage::of(amphi.peer.pid())?.cpu_seconds - before) / TURN.as_secs_f64() * 100.0;
                println!("turn {turn}, {operators} operators: {used:.1} % of a core");
                *sum += used / f64::from(TURNS);
            }
        }
        Ok::<_, Error>((percent, told))
    };
    let (sent, measured) = tokio::join!(publishers.collect::<Vec<_>>(), measure);
    let failed = sent.iter().filter(|one| one.is_err()).count();
    let ([nobody, one, ten], told) = measured?;
    let (one, ten) = (one - nobody, ten - nobody);
    let met = (args.pictures || one <= GOAL_PERCENT) && told && failed == 0;
    println!(
        "{} broadcasters on air: {nobody:.1} % of a core without the wall; {failed} pushes failed",
        args.broadcasters
    );
    println!("the wall: {one:.2} % with one operator, {ten:.2} % with ten; every second told: {told}");
    let goal =
        if args.pictures { "none set with pictures".to_owned() } else { format!("<= {GOAL_PERCENT} % of a core") };
    println!("goal: {goal}: {}", if met { "met" } else { "MISSED" });
    Ok(met)
}

/// From the first publisher to the last turn's end, and a little.
fn length() -> Duration {
    RAMP + (SETTLE + TURN) * TURNS * 3 + SETTLE
}

/// The cookie of an operator of all buildings.
async fn operator(catalogue: &Catalogue) -> Result<String, Error> {
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
