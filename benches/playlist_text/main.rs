//! What a playlist's text costs: per part for those who follow by delta updates, and whole for a newcomer; after a minute and
//! after six hours. The named peer is the playlist of one minute.

use bytes::Bytes;
use media::origin::entry::Location;
use media::origin::playlist::{Playlist, Snapshot};
use media::rendition::RenditionId;
use media::segment::{Keyframe, Part, Rules, SegmentStart};
use media::time::{Timescale, Timestamp, WallTime};
use std::hint::black_box;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

const SEGMENT_TICKS: i64 = 180_000;
const PART_TICKS: i64 = 45_000;
const PARTS: u32 = 4;
/// Versions timed for one figure.
const ROUNDS: u32 = 400;
/// A newcomer's whole text after six hours.
const GOAL_FULL: Duration = Duration::from_millis(5);
/// "No more per part": within the noise of two runs.
const GOAL_RATIO: f64 = 1.5;

fn main() -> ExitCode {
    let [minute, hours] = [30, 10_800].map(measure);
    let ratio = hours.per_part.as_secs_f64() / minute.per_part.as_secs_f64();
    println!(
        "per part (new version, delta text, gzip): 1 min {:?}, 6 h {:?}, ratio {ratio:.2}",
        minute.per_part, hours.per_part
    );
    println!("delta text: 1 min {} bytes, 6 h {} bytes", minute.delta_bytes, hours.delta_bytes);
    println!(
        "whole text: 1 min {:?}, 6 h {:?} plain and {:?} gzip ({} bytes, {} compressed)",
        minute.plain, hours.plain, hours.gzip, hours.full_bytes, hours.gzip_bytes
    );
    let good = ratio <= GOAL_RATIO && hours.plain.max(hours.gzip) <= GOAL_FULL;
    println!("goal ratio <= {GOAL_RATIO} and whole text <= {GOAL_FULL:?}: {}", if good { "met" } else { "MISSED" });
    if good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

struct Figures {
    per_part: Duration,
    plain: Duration,
    gzip: Duration,
    delta_bytes: usize,
    full_bytes: usize,
    gzip_bytes: usize,
}

fn measure(segments: u64) -> Figures {
    let rules = Rules::new(2_000_000, 500_000);
    let mut playlist = Playlist::new(rules, 500_000, 0, 0, i64::MAX, 3);
    for msn in 0..segments {
        segment(&mut playlist, msn, |_| {});
    }
    let mut delta_bytes = 0;
    let mut spent = Duration::ZERO;
    let mut parts = 0;
    let mut msn = segments;
    while parts < ROUNDS {
        let began = Instant::now();
        segment(&mut playlist, msn, |snapshot| {
            let text = snapshot.delta(Vec::new);
            delta_bytes = black_box(text.plain()).len();
            black_box(text.gzip());
            parts += 1;
        });
        spent += began.elapsed();
        msn += 1;
    }
    let (mut plain, mut gzip) = (Duration::MAX, Duration::MAX);
    let (mut full_bytes, mut gzip_bytes) = (0, 0);
    for _ in 0..20 {
        let snapshot = playlist.snapshot();
        let began = Instant::now();
        full_bytes = black_box(snapshot.full(Vec::new).plain()).len();
        plain = plain.min(began.elapsed());
        let snapshot = playlist.snapshot();
        let began = Instant::now();
        gzip_bytes = black_box(snapshot.full(Vec::new).gzip()).len();
        gzip = gzip.min(began.elapsed());
    }
    Figures { per_part: spent / parts, plain, gzip, delta_bytes, full_bytes, gzip_bytes }
}

fn segment(playlist: &mut Playlist, msn: u64, mut published: impl FnMut(&Arc<Snapshot>)) {
    let begin = i64::try_from(msn).unwrap_or(0) * SEGMENT_TICKS;
    let program_date_time = WallTime::from_micros(1_700_000_000_000_000 + begin * 100 / 9);
    playlist.open_segment(
        &SegmentStart { rendition: RenditionId::Source, msn, discontinuity: false, program_date_time },
        0,
    );
    for number in 0..PARTS {
        let start = Timestamp::new(begin + i64::from(number) * PART_TICKS, Timescale::VIDEO);
        let keyframe = Keyframe { offset: 0, length: 9_000, time_micros: start.micros() };
        playlist.add_part(&Part {
            rendition: RenditionId::Source,
            msn,
            number,
            start,
            samples: 15,
            duration_ticks: PART_TICKS,
            independent: number == 0,
            keyframes: if number == 0 { vec![keyframe] } else { Vec::new() },
            bytes: Bytes::from_static(&[0; 1000]),
        });
        if number == PARTS - 1 {
            playlist.close_segment(Some(Location { file: 0, offset: 0 }));
        }
        published(&playlist.snapshot());
    }
}
