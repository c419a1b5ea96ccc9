//! What it costs that an engine is a process of its own: CPU of the messages, on both sides of the pipes, against the CPU of the engine's work.
//!
//! The same pictures of 1080p go twice through the server's own client, at the pace of a live: to the real engine, and to one that only
//! reads each message, and answers with as many bytes as a ladder has (this program again, started as an engine). In one process there
//! would be neither reading nor writing, so what the second run takes is what the boundary costs, the queue before it included.

#[path = "../peers/mod.rs"]
#[expect(dead_code, reason = "the peers of all benches stand in one place")]
mod peers;

use bytes::Bytes;
use clap::Parser;
use media::feed::Item;
use media::ingest::rtmp::session::Media;
use media::ingest::rtmp::translate::Translator;
use media::time::{Timescale, WallTime};
use media::track::{Kind, Parameters};
use peers::flv;
use peers::process::{Error, Scratch};
use peers::stream::{Shape, make};
use pipelines::client::{self, Event};
use pipelines::encoder::Encoder;
use pipelines::ladder::{self, Preset, Source, SourceVideo};
use pipelines::message::{
    self, EncodedFrame, FromEngine, LENGTH_BYTES, Rendition, SourceFrame, Start, Stats, ToEngine,
};
use std::fs::File;
use std::io::{IoSlice, Read, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Of the engine's CPU.
const GOAL: f64 = 0.02;
/// The order that a client gives an engine begins with these arguments.
const AS_ENGINE: &str = "--encoder";
const FRAMES_PER_SECOND: u32 = 30;
/// Media time begins here, as a live's does. Ticks of 90 kHz.
const BASE_TICKS: i64 = 900_000;
/// Linux reports CPU time in hundredths of a second (man 5 proc, USER_HZ).
const TICKS_PER_SECOND: f64 = 100.0;

#[derive(Parser)]
#[command(about = "CPU of the boundary between server and engine")]
struct Args {
    /// How long each is measured.
    #[arg(long, default_value_t = 30)]
    seconds: u32,
    /// The engine.
    #[arg(long)]
    engine: Option<PathBuf>,
    /// Given by cargo bench.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    let as_engine = std::env::args().nth(1).is_some_and(|first| first == AS_ENGINE);
    let done = if as_engine { answer().map(|()| true) } else { compare(&Args::parse()) };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("engine_boundary: {error}");
            ExitCode::FAILURE
        }
    }
}

fn compare(args: &Args) -> Result<bool, Error> {
    let scratch = Scratch::new("boundary")?;
    let file = scratch.path().join("push.flv");
    make(&file, Shape { kbps: 4_000, seconds: args.seconds, size: (1920, 1080) })?;
    let (parameters, frames) = read(&file)?;
    let Parameters::Video(h264) = &parameters else { return Err("the first configuration is none of pictures".into()) };
    let source = Source { video: Some(SourceVideo::new(h264, None)), audio: None };
    let start = ladder::plan(&source, &Preset::default()).start(0);
    let engine = args.engine.clone().unwrap_or_else(|| peers::amphi::default_binary().with_file_name("amphi-engine"));
    if !engine.is_file() {
        return Err(
            "amphi-engine is missing. To get it: cargo build --release -p amphi-pipelines --features vosk".into()
        );
    }
    let media_s = f64::from(args.seconds);
    let work = run(engine, &start, &parameters, &frames)? / media_s;
    let boundary = run(std::env::current_exe()?, &start, &parameters, &frames)? / media_s;
    let ratio = boundary / work;
    println!("server's client and engine: {work:.4} CPU s per s of media; the messages alone: {boundary:.4}");
    let verdict = if ratio <= GOAL { "met" } else { "MISSED" };
    println!("the boundary's share: {ratio:.4} (goal <= {GOAL}: {verdict})");
    Ok(ratio <= GOAL)
}

/// The pictures of a file as a live has them.
fn read(file: &Path) -> Result<(Parameters, Vec<SourceFrame>), Error> {
    let (mut translator, mut items) = (Translator::new(), Vec::new());
    for tag in flv::tags(&Bytes::from(std::fs::read(file)?))?.into_iter().filter(|tag| tag.video) {
        let media = Media { is_video: true, timestamp: tag.timestamp_ms, payload: tag.payload };
        translator.translate(media, WallTime::default(), &mut items)?;
    }
    let (mut parameters, mut frames) = (None, Vec::new());
    for item in items {
        match item {
            Item::Parameters(found) => parameters = parameters.or(Some(found)),
            Item::Frame(frame) => {
                let ticks = |time: media::time::Timestamp| time.rescale(Timescale::VIDEO).ticks() + BASE_TICKS;
                frames.push(SourceFrame {
                    kind: Kind::Video,
                    dts: ticks(frame.dts),
                    pts: ticks(frame.pts),
                    keyframe: frame.keyframe,
                    cut: frame.keyframe.then_some(ticks(frame.pts)),
                    decode_only: false,
                    payload: frame.payload,
                });
            }
            Item::Lagged(_) => {}
        }
    }
    Ok((parameters.ok_or("no configuration in the file")?, frames))
}

/// CPU seconds of this process and of the engine, for all frames at their pace.
fn run(program: PathBuf, start: &Start, parameters: &Parameters, frames: &[SourceFrame]) -> Result<f64, Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let before = cpu_seconds()?;
    let settings = client::Settings { program: Some(program), ..client::Settings::default() };
    let (input, mut output, _control, client) = client::client(settings, start.clone());
    let (parameters, frames) = (parameters.clone(), frames.to_vec());
    let sent = frames.len();
    let ran = runtime.spawn(client.run(CancellationToken::new()));
    let heard = runtime.block_on(async move {
        let feed = async move {
            input.parameters(parameters);
            let mut ticks = tokio::time::interval(Duration::from_secs(1) / FRAMES_PER_SECOND);
            for frame in frames {
                ticks.tick().await;
                input.frame(frame);
            }
        };
        let hear = async {
            let mut pictures = 0;
            while let Some(event) = output.next().await {
                match event {
                    Event::Frame(_) => pictures += 1,
                    Event::Lost { reason, .. } | Event::GivenUp { reason } => return Err(reason),
                    Event::Ready { .. } | Event::Parameters { .. } | Event::Stats(_) => {}
                }
            }
            Ok(pictures)
        };
        let ((), heard) = tokio::join!(feed, hear);
        let _ended = ran.await;
        heard
    })?;
    let expected = sent * start.rungs.len();
    if heard * 100 < expected * 98 {
        return Err(format!("{heard} of {expected} pictures came back: it did not do all the work").into());
    }
    // Children count once they were waited for.
    Ok(cpu_seconds()? - before)
}

/// User and system time of this process and of its children that have ended.
fn cpu_seconds() -> Result<f64, Error> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields = stat.rsplit_once(") ").ok_or("/proc/self/stat has no name")?.1.split(' ');
    let ticks: Result<Vec<f64>, _> = fields.skip(11).take(4).map(str::parse).collect();
    Ok(ticks?.iter().sum::<f64>() / TICKS_PER_SECOND)
}

/// An engine that only answers: each picture by one of each rung, as large as its bit rate says.
fn answer() -> Result<(), Error> {
    // Without the buffers of the standard library, as an engine reads and writes.
    let mut stdin = File::from(std::io::stdin().as_fd().try_clone_to_owned()?);
    let mut stdout = File::from(std::io::stdout().as_fd().try_clone_to_owned()?);
    let mut rungs = Vec::new();
    let mut decoded = 0;
    while let Some(message) = next(&mut stdin)? {
        match message {
            ToEngine::Start(start) => {
                rungs = start.rungs;
                say(
                    &mut stdout,
                    &FromEngine::Ready { session: start.session, encoder: Encoder::X264, why: String::new() },
                )?;
            }
            ToEngine::Frame(frame) => {
                decoded += 1;
                // As often as an engine tells its counts.
                if decoded % 6 == 0 {
                    say(&mut stdout, &FromEngine::Stats(Stats { decoded, encoded: decoded, ..Stats::default() }))?;
                }
                for (n, rung) in (0_u8..).zip(&rungs) {
                    let payload = Bytes::from(vec![n; (rung.bitrate_bps / 8 / FRAMES_PER_SECOND) as usize]);
                    let SourceFrame { dts, pts, keyframe, .. } = frame;
                    let rendition = Rendition::Rung(n);
                    let frame = EncodedFrame { rendition, dts, pts, keyframe, after_hole: false, payload };
                    say(&mut stdout, &FromEngine::Frame(frame))?;
                }
            }
            ToEngine::Parameters(_) | ToEngine::Discontinuity => {}
            ToEngine::Stop => break,
        }
    }
    Ok(())
}

fn next(from: &mut impl Read) -> Result<Option<ToEngine>, Error> {
    let mut length = [0; LENGTH_BYTES];
    let first = from.read(&mut length)?;
    if first == 0 {
        return Ok(None);
    }
    from.read_exact(&mut length[first..])?;
    let mut body = vec![0; message::body_bytes(length)?];
    from.read_exact(&mut body)?;
    Ok(Some(ToEngine::decode(Bytes::from(body))?))
}

fn say(to: &mut impl Write, message: &FromEngine) -> Result<(), Error> {
    let encoded = message.encode();
    let mut parts = [IoSlice::new(&encoded.head), IoSlice::new(&encoded.payload)];
    let mut rest = &mut parts[..];
    while !rest.is_empty() {
        let written = to.write_vectored(rest)?;
        IoSlice::advance_slices(&mut rest, written);
    }
    Ok(())
}
