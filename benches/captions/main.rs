//! Live captions by a real model: what a live costs, and how long after a word is said viewers are told of it.
//!
//! Amphi's engine hears the Korean fixture in several lives at once. The peer is Vosk itself, by its Python package: the same model, the
//! same sound in the same pieces, partial results and words asked for, as fast as it can. What the engine needs more is decoding AAC,
//! telling hypotheses, and the server's road from there to the page.

#[path = "../../tests/support/hls/mod.rs"]
#[expect(dead_code, unused_imports, reason = "the judge is shared with the tests; a bench needs a part of it")]
mod hls;
mod listener;
#[path = "../peers/mod.rs"]
#[expect(dead_code, reason = "the peers of all benches stand in one place")]
mod peers;

use clap::Parser;
use hls::connection::{Ask, Connection};
use listener::{Told, Word, listen};
use peers::amphi::{Amphi, default_binary};
use peers::process::{Error, Peer, Scratch, Usage};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Duration;

/// From the end of a word to a page that is told of it, 95 of 100.
const GOAL_LAG_S: f64 = 2.5;
/// Until the model is in memory and the first words are told.
const LOADED_WITHIN: Duration = Duration::from_secs(60);
/// Memory is looked at after this: libvosk keeps what it unfolds.
const SETTLE: Duration = Duration::from_secs(20);

#[derive(Parser)]
#[command(about = "live captions: CPU and memory per live, lag of a word, against Vosk itself")]
struct Args {
    #[arg(long, default_value_t = 4)]
    lives: u32,
    #[arg(long, default_value_t = 40)]
    seconds: u32,
    #[arg(long)]
    amphi: Option<PathBuf>,
    /// A Python that can import vosk 0.3.45.
    #[arg(long, default_value = "target/peers/vosk/bin/python3")]
    python: PathBuf,
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
            eprintln!("captions: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The repository, where the fixture and the model are.
fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

async fn run(args: &Args) -> Result<bool, Error> {
    let model = root().join("target/models/vosk-ko");
    if !model.is_dir() {
        return Err("the model is missing. To get it: .ci/libvosk model".into());
    }
    let speech = root().join("pipelines/tests/fixtures/speech-ko.m4a");
    let scratch = Scratch::new("captions")?;
    let peer = vosk(&args.python, &model, &speech, scratch.path())?;
    println!("Vosk by Python: {peer:.3} CPU s per s of sound");
    let data = scratch.path().join("data");
    install(&model, &data.join("models/vosk-ko"))?;
    let binary = args.amphi.clone().unwrap_or_else(default_binary);
    if !binary.with_file_name("amphi-engine").is_file() {
        return Err(
            "amphi-engine is not beside amphi. To get it: cargo build --release -p amphi-pipelines --features vosk"
                .into(),
        );
    }
    let settings = [("AMPHI_CAPTIONS__ENABLED", "true"), ("AMPHI_CAPTIONS__LANGUAGES", "[\"ko\"]")];
    let server = Amphi::start(&binary, &data, &settings)?;
    let mut encoders = vec![push(&speech, &format!("rtmp://{}/live/demo?key=demo", server.rtmp), scratch.path(), 0)?];
    let told = listen(&server.http, "demo")?;
    let begun = std::time::Instant::now();
    while told.count() == 0 {
        if begun.elapsed() > LOADED_WITHIN {
            return Err(format!("no caption within {LOADED_WITHIN:?}").into());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tokio::time::sleep(SETTLE).await;
    let engine = engine(server.peer.pid())?;
    let alone = Usage::of(engine)?;
    for n in 1..args.lives {
        let slug = format!("bench-{n}");
        let printed = server.command(&["broadcaster", "add", &slug, "--json"])?;
        let made: serde_json::Value = serde_json::from_str(&printed)?;
        let key = made["key"].as_str().ok_or("amphi broadcaster add printed no key")?.to_owned();
        encoders.push(push(&speech, &format!("rtmp://{}/live/{slug}?key={key}", server.rtmp), scratch.path(), n)?);
    }
    tokio::time::sleep(SETTLE).await;
    let (first, from) = (Usage::of(engine)?, told.count());
    tokio::time::sleep(Duration::from_secs(args.seconds.into())).await;
    let last = Usage::of(engine)?;
    let lives = f64::from(args.lives);
    let cpu = (last.cpu_seconds - first.cpu_seconds) / f64::from(args.seconds) / lives;
    let more = last.rss_bytes.saturating_sub(alone.rss_bytes) as f64 / 1e6 / (lives - 1.0).max(1.0);
    println!(
        "Amphi, {} lives: {cpu:.3} CPU s per s of a live, {:.1} lives per core; {:.0} MB with one live, {more:.0} MB for each more",
        args.lives,
        1.0 / cpu,
        alone.rss_bytes as f64 / 1e6
    );
    println!("Amphi / Vosk: CPU {:.2}", cpu / peer);

    let began_ms = began(&server.http).await?;
    drop(encoders);
    let _ended = server.command(&["broadcaster", "end", "demo"])?;
    let lags = lags(&server.http, began_ms, &told, from).await?;
    let at = |lags: &[f64], per_cent: usize| lags.get(lags.len() * per_cent / 100).copied().unwrap_or(f64::NAN);
    let (told, right) = (&lags.told, &lags.right);
    let met = told.len() >= 10 && at(told, 95) <= GOAL_LAG_S;
    let verdict = if met { "ok" } else { "MISS" };
    println!(
        "from the end of a word to the page, {} words with {} lives: p50 {:.2} s, p95 {:.2} s (goal <= {GOAL_LAG_S}: {verdict})",
        told.len(),
        args.lives,
        at(told, 50),
        at(told, 95)
    );
    println!(
        "to the word as it is in the end, corrections counted: {} words, p50 {:.2} s, p95 {:.2} s",
        right.len(),
        at(right, 50),
        at(right, 95)
    );
    println!(
        "told as another word at first: {} of {}, {:.0} %",
        lags.wrong,
        told.len(),
        100.0 * lags.wrong as f64 / told.len().max(1) as f64
    );
    Ok(met)
}

/// Copies the model and writes what `amphi models install` would.
fn install(model: &Path, folder: &Path) -> Result<(), Error> {
    let mut folders = vec![(model.to_path_buf(), folder.to_path_buf())];
    while let Some((from, to)) = folders.pop() {
        fs::create_dir_all(&to)?;
        for entry in fs::read_dir(&from)? {
            let entry = entry?;
            let to = to.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                folders.push((entry.path(), to));
            } else {
                fs::copy(entry.path(), to)?;
            }
        }
    }
    let record = "name = \"vosk-ko\"\nengine = \"vosk\"\nlanguage = \"ko\"\ninstalled_at = \"2026-01-01T00:00:00.000Z\"\n\
                  source = \"a bench\"\nchecked = false\nfiles = []\n";
    Ok(fs::write(folder.join("model.toml"), record)?)
}

/// A small moving picture with the speech, again and again.
fn push(speech: &Path, url: &str, scratch: &Path, n: u32) -> Result<Peer, Error> {
    let mut command = Command::new("ffmpeg");
    command.args([
        "-v",
        "error",
        "-re",
        "-f",
        "lavfi",
        "-i",
        "testsrc2=size=160x90:rate=10",
        "-stream_loop",
        "-1",
        "-i",
    ]);
    command.arg(speech).args([
        "-map",
        "0:v",
        "-map",
        "1:a",
        "-c:v",
        "libx264",
        "-preset",
        "ultrafast",
        // Or its sound waits for pictures that x264 still holds.
        "-tune",
        "zerolatency",
        "-pix_fmt",
        "yuv420p",
    ]);
    command.args(["-g", "20", "-c:a", "copy", "-f", "flv", url]);
    Peer::start(&mut command, &scratch.join(format!("push-{n}.log")), "apt install ffmpeg")
}

/// The server's engine.
fn engine(server: u32) -> Result<u32, Error> {
    for entry in fs::read_dir("/proc")?.flatten() {
        let Ok(stat) = fs::read_to_string(entry.path().join("stat")) else { continue };
        let Some((pid, rest)) = stat.split_once(" (amphi-engine) ") else { continue };
        if rest.split(' ').nth(1).and_then(|parent| parent.parse().ok()) == Some(server) {
            return Ok(pid.parse()?);
        }
    }
    Err("the server has no engine".into())
}

/// CPU seconds that Vosk itself needs per second of sound.
fn vosk(python: &Path, model: &Path, speech: &Path, scratch: &Path) -> Result<f64, Error> {
    const PROGRAM: &str = "
import json, sys, time, vosk
vosk.SetLogLevel(-1)
model = vosk.Model(sys.argv[1])
sound = open(sys.argv[2], 'rb').read()
recogniser = vosk.KaldiRecognizer(model, 16000)
recogniser.SetWords(True)
recogniser.SetPartialWords(True)
began = time.process_time()
for at in range(0, len(sound), 3200):
    done = recogniser.AcceptWaveform(sound[at:at + 3200])
    json.loads(recogniser.Result() if done else recogniser.PartialResult())
print((time.process_time() - began) / (len(sound) / 32000))
";
    let raw = scratch.join("speech.s16");
    let mut decode = Command::new("ffmpeg");
    decode.args(["-v", "error", "-y", "-i"]).arg(speech).args(["-ac", "1", "-ar", "16000", "-f", "s16le"]).arg(&raw);
    let made = decode.status()?;
    if !made.success() {
        return Err(format!("ffmpeg could not decode the fixture: {made}").into());
    }
    let python = if python.is_absolute() { python.to_path_buf() } else { root().join(python) };
    let output = Command::new(&python).args(["-c", PROGRAM]).arg(model).arg(&raw).output().map_err(|error| {
        format!(
            "{}: {error}. To get it: python3 -m venv target/peers/vosk && target/peers/vosk/bin/pip install vosk==0.3.45",
            python.display()
        )
    })?;
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    said.parse().map_err(|_| format!("vosk: {said}{}", String::from_utf8_lossy(&output.stderr)).into())
}

async fn text(http: &str, path: &str) -> Result<String, Error> {
    let answer = Connection::new(http).get(path, Ask::default(), Duration::from_secs(10)).await?;
    answer.text().ok_or_else(|| format!("{path} is no text").into())
}

/// The date of the live's beginning, in milliseconds.
async fn began(http: &str) -> Result<f64, Error> {
    let list = text(http, "/live/demo/source/media.m3u8").await?;
    let list = hls::parse::media_playlist(&list)?;
    let first = list.segments.first().and_then(|segment| segment.head.pdt_ms).ok_or("the live has no date")?;
    Ok(first as f64)
}

/// Seconds from the end of each word to the first event with it, sorted.
struct Lags {
    /// With a word in its place.
    told: Vec<f64>,
    /// With the word that stands there in the end.
    right: Vec<f64>,
    /// Words whose first event had another one.
    wrong: usize,
}

/// Of what was told after the first `from` events.
async fn lags(http: &str, began_ms: f64, told: &Told, from: usize) -> Result<Lags, Error> {
    let list: serde_json::Value = serde_json::from_str(&text(http, "/api/v1/videos?broadcaster=demo").await?)?;
    let id = list["items"][0]["id"].as_str().ok_or("the live is no video")?.to_owned();
    let mut words = Vec::new();
    for line in text(http, &format!("/videos/{id}/captions/ko.jsonl")).await?.lines() {
        let word: serde_json::Value = serde_json::from_str(line)?;
        let at = |field: &str| began_ms + word[field].as_f64().unwrap_or_default();
        let text = word["text"].as_str().unwrap_or_default().to_owned();
        words.push(Word { text, start_ms: at("start_ms"), end_ms: at("end_ms") });
    }
    let lags = |first: &dyn Fn(usize) -> Option<f64>| {
        let lag = |n: usize| Some((first(n)? - words[n].end_ms) / 1_000.0);
        let mut lags: Vec<f64> = (0..words.len()).filter_map(lag).collect();
        lags.sort_by(f64::total_cmp);
        lags
    };
    let first = |n| told.first_told(&words, n, from);
    Ok(Lags {
        told: lags(&|n| first(n).map(|(at, _)| at)),
        right: lags(&|n| told.first_right(&words, n, from)),
        wrong: (0..words.len()).filter_map(first).filter(|(_, right)| !right).count(),
    })
}
