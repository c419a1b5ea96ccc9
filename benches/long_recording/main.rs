//! Prepares a data directory whose broadcaster `demo` has been live for hours: the catalogue's row, the index and playable media,
//! made by the server's own segmenter and archive from a short clip that repeats. The live is unfinished: a server that starts on
//! the directory goes on with it. For `ll_viewers --data-dir` and `vod_ready --data-dir`.

#[path = "../peers/mod.rs"]
#[expect(dead_code, reason = "the peers of all benches stand in one place")]
mod peers;

use amphi::archive::writer::archive;
use amphi::catalogue::Catalogue;
use amphi::catalogue::video::NewVideo;
use amphi::clock;
use bytes::Bytes;
use clap::Parser;
use media::feed::Item;
use media::ingest::rtmp::session::Media;
use media::ingest::rtmp::translate::Translator;
use media::segment::Rules;
use media::segment::index::Begin;
use media::segment::segmenter::Segmenter;
use media::time::{Timescale, Timestamp};
use peers::flv;
use peers::process::{Error, Scratch};
use peers::stream::{Shape, make};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

/// The clip that repeats: whole GOPs of two seconds.
const CLIP_SECONDS: u32 = 10;
/// Events that wait for the disk: well below the writer's queue.
const BATCH: usize = 200;

#[derive(Parser)]
#[command(about = "prepare a data directory with a live of many hours")]
struct Args {
    /// Where; made when missing.
    #[arg(long)]
    data_dir: PathBuf,
    /// How long the live has been on air.
    #[arg(long, default_value_t = 6.0)]
    hours: f64,
    /// Bit rate of its media.
    #[arg(long, default_value_t = 150)]
    kbps: u32,
    /// Given by cargo bench.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    match runtime.map_err(Error::from).and_then(|runtime| runtime.block_on(run(&args))) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("long_recording: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(args: &Args) -> Result<(), Error> {
    let began = Instant::now();
    let scratch = Scratch::new("long_recording")?;
    let clip = scratch.path().join("clip.flv");
    make(&clip, Shape { kbps: args.kbps, seconds: CLIP_SECONDS, size: (160, 90) })?;
    let items = translate(&std::fs::read(&clip)?.into())?;

    std::fs::create_dir_all(args.data_dir.join("media"))?;
    let database = args.data_dir.join("db");
    std::fs::create_dir_all(&database)?;
    let config = amphi::config::Config { data_dir: args.data_dir.clone(), ..amphi::config::Config::dev() };
    let catalogue = Catalogue::open(&config.catalogue_address()).await.map_err(|e| e.to_string())?;
    catalogue.migrate().await.map_err(|e| e.to_string())?;
    catalogue.add_demo(clock::now()).await.map_err(|e| e.to_string())?;
    let demo = "demo".parse().map_err(|_| "demo is a slug")?;
    let demo = catalogue.broadcaster_by_slug(&demo).await.map_err(|e| e.to_string())?.ok_or("no broadcaster demo")?;

    #[expect(clippy::cast_possible_truncation, reason = "hours of microseconds fit")]
    let length_micros = (args.hours * 3.6e9) as i64;
    let started_at = clock::now().plus_micros(-length_micros);
    let new = NewVideo {
        broadcaster_id: demo.id.clone(),
        title: None,
        started_at,
        first_msn: demo.next_msn,
        first_discontinuity: demo.next_discontinuity,
    };
    let video = catalogue.begin_video(new).await.map_err(|e| e.to_string())?;
    let rules = Rules::new(2_000_000, 500_000);
    let (archive, writer) = archive(args.data_dir.join("media"));
    let writing = tokio::task::spawn_blocking(move || writer.run());
    let begin = Begin {
        origin: started_at,
        first_msn: demo.next_msn,
        first_discontinuity: demo.next_discontinuity,
        target_duration_s: rules.target_duration_s,
    };
    let recording = archive.create(video.id.as_str(), begin).await.map_err(|e| e.to_string())?;
    let mut segmenter = Segmenter::new(rules, started_at, demo.next_msn, 0, false);
    let mut events = Vec::new();
    let (mut segments, mut bytes) = (0u64, 0u64);
    let clip_micros = i64::from(CLIP_SECONDS) * 1_000_000;
    for round in 0..length_micros / clip_micros {
        for item in &items {
            segmenter.push(shifted(item, round * clip_micros, started_at), &mut events).map_err(|e| e.to_string())?;
        }
        if events.len() >= BATCH {
            let batch = Arc::new(std::mem::take(&mut events));
            for event in batch.iter() {
                match event {
                    media::segment::Event::Part(part) => bytes += part.bytes.len() as u64,
                    media::segment::Event::SegmentEnd { .. } => segments += 1,
                    _ => {}
                }
            }
            recording.append(batch).ok_or("the writer's queue is full")?.await.map_err(|e| e.to_string())?;
        }
    }
    segmenter.end_contribution(&mut events).map_err(|e| e.to_string())?;
    recording.append(Arc::new(events)).ok_or("the writer's queue is full")?.await.map_err(|e| e.to_string())?;
    drop(recording);
    drop(archive);
    writing.await?;
    catalogue.close().await;
    println!(
        "{}: {segments} segments, {} MB, in {:.1} s",
        args.data_dir.display(),
        bytes / 1_000_000,
        began.elapsed().as_secs_f64()
    );
    Ok(())
}

/// The clip as a feed would carry it.
fn translate(file: &Bytes) -> Result<Vec<Item>, Error> {
    let mut translator = Translator::new();
    let mut items = Vec::new();
    for tag in flv::tags(file)? {
        if tag.timestamp_ms >= CLIP_SECONDS * 1000 {
            continue;
        }
        let media = Media { is_video: tag.video, timestamp: tag.timestamp_ms, payload: tag.payload };
        translator.translate(media, clock::now(), &mut items).map_err(|e| e.to_string())?;
    }
    Ok(items)
}

fn shifted(item: &Item, micros: i64, started_at: media::time::WallTime) -> Item {
    match item {
        Item::Frame(frame) => {
            let by = Timestamp::from_micros(micros, Timescale::MILLIS).ticks();
            let mut frame = frame.clone();
            frame.dts = frame.dts.checked_add_ticks(by).unwrap_or(frame.dts);
            frame.pts = frame.pts.checked_add_ticks(by).unwrap_or(frame.pts);
            frame.received = started_at.plus_micros(frame.dts.micros());
            Item::Frame(frame)
        }
        other => other.clone(),
    }
}
