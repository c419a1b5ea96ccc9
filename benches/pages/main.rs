//! How long a page takes that a reader asks for, among many videos: home, the list in its narrowings and at its end, a hall, a video; by HTTP,
//! the policy asked for each video that is shown.

#[path = "../../tests/support/hls/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the judge is shared with the tests; a bench needs a part of it")]
mod hls;
#[path = "../peers/mod.rs"]
#[expect(dead_code, reason = "the peers of all benches stand in one place")]
mod peers;

use amphi::catalogue::Catalogue;
use amphi::catalogue::broadcaster::NewBroadcaster;
use amphi::catalogue::video::{Readers, VideoFilter};
use amphi::clock;
use clap::Parser;
use hls::connection::{Ask, Connection};
use peers::amphi::{Amphi, default_binary};
use peers::process::{Error, Scratch};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

const GOAL: Duration = Duration::from_millis(20);
const LIMIT: Duration = Duration::from_secs(30);
const HALLS: usize = 100;
const KINDS: [&str; 4] = ["lecture", "lecture", "lecture", "seminar"];
const LANGUAGES: [&str; 5] = ["fr", "fr", "fr", "en", "de"];
/// 2021-01-01T00:00:00Z.
const FIRST_MS: i64 = 1_609_459_200_000;
/// So that they span five years.
const APART_MS: i64 = 6_000_000;

#[derive(Parser)]
#[command(about = "pages among many videos")]
struct Args {
    #[arg(long, default_value_t = 25_000)]
    videos: usize,
    /// Of each page.
    #[arg(long, default_value_t = 300)]
    times: usize,
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
            eprintln!("pages: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: &Args) -> Result<bool, Error> {
    let scratch = Scratch::new("pages")?;
    let data = scratch.path().join("data");
    let (middle, video) = fill(args, &data).await?;
    let server = Amphi::start(&args.amphi.clone().unwrap_or_else(default_binary), &data, &[])?;
    let mut connection = Connection::new(&server.http);
    let mut good = true;
    for (what, path) in [
        ("home", "/".to_owned()),
        ("the list", "/videos".to_owned()),
        ("the list, from the middle", format!("/videos?after={middle}")),
        ("the list, oldest first", "/videos?order=oldest".to_owned()),
        ("seminars in German of one year", "/videos?kind=seminar&language=de&year=2023".to_owned()),
        ("one hall's", "/videos?from=hall-7".to_owned()),
        ("a tag's", "/videos?tag=tag-3".to_owned()),
        ("what there is not", "/videos?kind=ceremony".to_owned()),
        ("a hall", "/live/hall-7".to_owned()),
        ("a video", video.clone()),
    ] {
        let mut took = Vec::with_capacity(args.times);
        for n in 0..args.times + 20 {
            let began = Instant::now();
            let answer = connection.get(&path, Ask::default(), LIMIT).await?;
            // The first warm it up.
            if n >= 20 {
                took.push(began.elapsed());
            }
            if answer.status != 200 {
                return Err(format!("{path}: {}", answer.status).into());
            }
        }
        took.sort();
        let at = |percent: usize| took[(took.len() * percent / 100).min(took.len() - 1)];
        let met = at(99) <= GOAL;
        good &= met;
        println!(
            "{what}: p50 {:.1?}, p99 {:.1?} (goal: {GOAL:?}): {}",
            at(50),
            at(99),
            if met { "met" } else { "MISSED" }
        );
    }
    Ok(good)
}

/// The catalogue. Answers where its middle is, and a video's address.
async fn fill(args: &Args, data: &Path) -> Result<(String, String), Error> {
    let file = data.join("db").join("catalogue.sqlite");
    let catalogue = Catalogue::open(&file.to_string_lossy()).await?;
    catalogue.migrate().await?;
    let mut halls = Vec::new();
    for n in 0..HALLS {
        let new = NewBroadcaster::new(format!("hall-{n}").parse()?, format!("Amphi {n}"));
        halls.push(catalogue.add_broadcaster(new, clock::now()).await?.id);
    }
    let mut ours = SqliteConnectOptions::new().filename(&file).connect().await?;
    let mut tx = ours.begin().await?;
    for n in 0..args.videos {
        let id = id(n);
        let started = FIRST_MS + i64::try_from(n)? * APART_MS;
        sqlx::query(
            "INSERT INTO videos (tenant_id, id, broadcaster_id, title, slug, state, listed, created_ms, started_ms, ended_ms, duration_ms, \
             first_msn, first_discontinuity, visibility, language, kind, description, pictured_ms) \
             VALUES ('default', ?, ?, ?, 'x', 'ended', TRUE, ?, ?, ?, 5400000, 0, 0, ?, ?, ?, ?, ?)",
        )
        .bind(&id)
        .bind(halls[n % HALLS].as_str())
        .bind(format!("Cours {n} : séries de Fourier et applications"))
        .bind(started)
        .bind(started)
        .bind(started + 5_400_000)
        .bind(if n % 10 < 8 { "public" } else { "signed_in" })
        .bind(LANGUAGES[n % LANGUAGES.len()])
        .bind(KINDS[n / 7 % KINDS.len()])
        .bind("Deuxième cours : **convergence**.\n\n1. Rappels\n2. Théorème de Dirichlet\n".repeat(5))
        .bind(started + 5_500_000)
        .execute(&mut *tx)
        .await?;
        sqlx::query("INSERT INTO video_tags (tenant_id, video_id, tag) VALUES ('default', ?, ?)")
            .bind(&id)
            .bind(format!("tag-{}", n % 50))
            .execute(&mut *tx)
            .await?;
        for chapter in 0..10_i64 {
            sqlx::query(
                "INSERT INTO chapters (tenant_id, video_id, start_ms, title) VALUES ('default', ?, ?, 'Chapitre')",
            )
            .bind(&id)
            .bind(chapter * 500_000)
            .execute(&mut *tx)
            .await?;
        }
    }
    tx.commit().await?;
    ours.close().await?;
    let filter = VideoFilter { broadcaster: None, listed_only: true, limit: 1, cursor: None };
    let newest = catalogue.videos_for(filter, Readers::Anybody).await?;
    let newest = newest.items.first().ok_or("there are no videos")?.page_url();
    catalogue.close().await;
    let half = args.videos / 2;
    Ok((format!("{}.{}", FIRST_MS + i64::try_from(half)? * APART_MS, id(half)), newest))
}

/// Of the `n`th: 16 letters and digits, as the catalogue has them.
fn id(n: usize) -> String {
    let digits = "abcdefghijklmnopqrstuvwxyz234567".as_bytes();
    let mut rest = n;
    let mut id = String::with_capacity(16);
    for _ in 0..16 {
        id.push(char::from(digits[rest % digits.len()]));
        rest /= digits.len();
    }
    id
}
