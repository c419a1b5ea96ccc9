//! How long a search takes among many videos with transcripts, by HTTP, the policy asked for each hit. The named peer is SQLite's FTS5 over the
//! same texts in the same run, asked in process, with the public videos picked by a join.

#[path = "../../tests/support/hls/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the judge is shared with the tests; a bench needs a part of it")]
mod hls;
#[path = "../peers/mod.rs"]
#[expect(dead_code, reason = "the peers of all benches stand in one place")]
mod peers;
mod texts;

use amphi::archive::layout::Layout;
use amphi::catalogue::Catalogue;
use amphi::catalogue::broadcaster::NewBroadcaster;
use amphi::clock;
use clap::Parser;
use hls::connection::{Ask, Connection};
use peers::amphi::{Amphi, default_binary};
use peers::process::{Error, Scratch, Usage};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _, Executor as _, Row as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use texts::{Talk, Texts};

const GOAL: Duration = Duration::from_millis(20);
const INDEXED_WITHIN: Duration = Duration::from_secs(3_600);
const LIMIT: Duration = Duration::from_secs(30);
/// Each of the two is asked so many questions before the other: both see the same machine, and neither has the other's half gigabyte in its caches,
/// which nobody runs beside it.
const IN_TURN: usize = 100;
/// Of ten videos; the others are drafts.
const PUBLIC: usize = 6;

#[derive(Parser)]
#[command(about = "searching among many videos, against FTS5")]
struct Args {
    #[arg(long, default_value_t = 100_000)]
    videos: usize,
    /// Words said in each.
    #[arg(long, default_value_t = 300)]
    words: usize,
    #[arg(long, default_value_t = 1_000)]
    questions: usize,
    #[arg(long)]
    amphi: Option<PathBuf>,
    /// Videos, index and peer are kept here, and used again by the next run with as many videos and words.
    #[arg(long)]
    data_dir: Option<PathBuf>,
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
            eprintln!("search: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: &Args) -> Result<bool, Error> {
    let scratch = Scratch::new("search")?;
    let data = args.data_dir.clone().unwrap_or_else(|| scratch.path().join("data"));
    let texts = Texts::new();
    let began = Instant::now();
    let mut peer = if data.join("peer.sqlite").is_file() {
        SqliteConnectOptions::new().filename(data.join("peer.sqlite")).connect().await?
    } else {
        let peer = fill(args, &texts, &data).await?;
        println!("{} videos of {} words made in {:.0?}", args.videos, args.words, began.elapsed());
        peer
    };
    let server = Amphi::start(&args.amphi.clone().unwrap_or_else(default_binary), &data, &[])?;
    let began = Instant::now();
    let mut connection = Connection::new(&server.http);
    loop {
        let answer = connection.get("/api/v1/search?q=xx", Ask::default(), LIMIT).await?;
        if answer.text().is_some_and(|text| text.contains("\"complete\":true")) {
            break;
        }
        if began.elapsed() > INDEXED_WITHIN {
            return Err("it is not indexed yet".into());
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let usage = Usage::of(server.peer.pid())?;
    println!(
        "indexed in {:.0?}: {:.1} s of CPU, {} MB resident, {} MB on disk (FTS5's file: {} MB)",
        began.elapsed(),
        usage.cpu_seconds,
        usage.rss_bytes >> 20,
        bytes(&data.join("db/search"))? >> 20,
        bytes(&data.join("peer.sqlite"))? >> 20
    );
    let questions: Vec<_> = (0..args.questions).map(|n| texts.question(n, args.videos, args.words)).collect();
    let (mut ours, mut theirs, mut found, mut peer_found) = (Vec::new(), Vec::new(), 0, 0);
    // The first round warms both up.
    for round in 0..2 {
        for block in questions.chunks(IN_TURN) {
            for question in block {
                let path = format!("/api/v1/search?q={}", encoded(&question.typed));
                let began = Instant::now();
                let answer = connection.get(&path, Ask::default(), LIMIT).await?;
                let took = began.elapsed();
                if answer.status != 200 {
                    return Err(format!("{path}: {}", answer.status).into());
                }
                let body: serde_json::Value = serde_json::from_slice(&answer.body)?;
                if round == 1 {
                    ours.push(took);
                    found += usize::from(body["items"].as_array().is_some_and(|items| !items.is_empty()));
                }
            }
            for question in block {
                let began = Instant::now();
                let hits = ask_peer(&mut peer, &question.for_fts5).await?;
                let took = began.elapsed();
                if round == 1 {
                    theirs.push(took);
                    peer_found += usize::from(hits > 0);
                }
            }
        }
    }
    let (p50, p99) = (at(&mut ours, 50), at(&mut ours, 99));
    let (peer_p50, peer_p99) = (at(&mut theirs, 50), at(&mut theirs, 99));
    println!("Amphi: p50 {p50:.1?}, p99 {p99:.1?}; {found} of {} found something", questions.len());
    println!("FTS5:  p50 {peer_p50:.1?}, p99 {peer_p99:.1?}; {peer_found} found something");
    // Nobody wins by finding nothing.
    let good = p99 <= GOAL && found >= peer_found * 95 / 100;
    println!(
        "p99 to FTS5's: {:.3} (goal: p99 <= {GOAL:?}): {}",
        p99.as_secs_f64() / peer_p99.as_secs_f64(),
        if good { "met" } else { "MISSED" }
    );
    Ok(good)
}

fn at(times: &mut [Duration], percent: usize) -> Duration {
    times.sort();
    times[(times.len() * percent / 100).min(times.len() - 1)]
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn bytes(path: &Path) -> Result<u64, Error> {
    if path.is_file() {
        return Ok(std::fs::metadata(path)?.len());
    }
    let mut sum = 0;
    for entry in std::fs::read_dir(path)? {
        sum += bytes(&entry?.path())?;
    }
    Ok(sum)
}

/// The catalogue with its recordings, and the peer's table.
async fn fill(args: &Args, texts: &Texts, data: &Path) -> Result<SqliteConnection, Error> {
    let file = data.join("db").join("catalogue.sqlite");
    let catalogue = Catalogue::open(&file.to_string_lossy()).await?;
    catalogue.migrate().await?;
    let hall = catalogue.add_broadcaster(NewBroadcaster::new("hall".parse()?, "Amphi Borel"), clock::now()).await?;
    catalogue.close().await;
    let layout = Layout::new(data.join("media"));
    let mut ours = SqliteConnectOptions::new().filename(&file).connect().await?;
    let mut peer =
        SqliteConnectOptions::new().filename(data.join("peer.sqlite")).create_if_missing(true).connect().await?;
    peer.execute(
        "PRAGMA synchronous = OFF; CREATE TABLE videos (id TEXT PRIMARY KEY, visibility TEXT); \
         CREATE VIRTUAL TABLE texts USING fts5(id UNINDEXED, title, names, said, tokenize = \"porter unicode61 remove_diacritics 2\")",
    )
    .await?;
    let (mut tx, mut peer_tx) = (ours.begin().await?, peer.begin().await?);
    for n in 0..args.videos {
        let talk = texts.talk(n, args.words);
        let Talk { id, title, speaker, said } = &talk;
        let visibility = if n % 10 < PUBLIC { "public" } else { "draft" };
        let started = 1_700_000_000_000_i64 + i64::try_from(n)? * 60_000;
        sqlx::query(
            "INSERT INTO videos (tenant_id, id, broadcaster_id, title, slug, state, listed, created_ms, started_ms, ended_ms, duration_ms, \
             first_msn, first_discontinuity, visibility, language) \
             VALUES ('default', ?, ?, ?, 'x', 'ended', TRUE, ?, ?, ?, 120000, 0, 0, ?, 'fr')",
        )
        .bind(id)
        .bind(hall.id.as_str())
        .bind(title)
        .bind(started)
        .bind(started)
        .bind(started + 120_000)
        .bind(visibility)
        .execute(&mut *tx)
        .await?;
        sqlx::query("INSERT INTO video_speakers (tenant_id, video_id, position, name) VALUES ('default', ?, 0, ?)")
            .bind(id)
            .bind(speaker)
            .execute(&mut *tx)
            .await?;
        texts::record(&layout, &talk)?;
        let insert = "INSERT INTO texts (id, title, names, said) VALUES (?, ?, ?, ?)";
        sqlx::query(insert).bind(id).bind(title).bind(speaker).bind(said.join(" ")).execute(&mut *peer_tx).await?;
        let insert = "INSERT INTO videos (id, visibility) VALUES (?, ?)";
        sqlx::query(insert).bind(id).bind(visibility).execute(&mut *peer_tx).await?;
    }
    tx.commit().await?;
    peer_tx.commit().await?;
    peer.execute("INSERT INTO texts (texts) VALUES ('optimize')").await?;
    ours.close().await?;
    Ok(peer)
}

/// How many of the first page.
async fn ask_peer(peer: &mut SqliteConnection, question: &str) -> Result<usize, Error> {
    let sql = "SELECT v.id, snippet(texts, 3, '<', '>', '…', 24) AS said FROM texts JOIN videos v ON v.id = texts.id \
               WHERE texts MATCH ? AND v.visibility = 'public' ORDER BY bm25(texts, 0, 4, 2, 1) LIMIT 21";
    let rows = sqlx::query(sql).bind(question).fetch_all(peer).await?;
    Ok(rows.iter().filter(|row| row.try_get::<String, _>("id").is_ok()).count())
}
