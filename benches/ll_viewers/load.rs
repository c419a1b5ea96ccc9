//! A crowd of viewers at one origin, and the figures of the server meanwhile.

use super::hls::connection::{Ask, Connection, split_url};
use super::hls::multivariant::{self, Kind, Rendition};
use super::hls::rules::Breaches;
use super::peers::process::{Error, Usage};
use super::shared::Shared;
use super::viewer::{Board, Line, Parts, follow};
use super::wire::Wire;
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::{JoinSet, LocalSet};

/// Viewers come one after the other over this time: a lecture's start, not an attack.
const RAMP: Duration = Duration::from_secs(8);
/// The server's own work (ingest, idle) is measured this long before the first viewer comes.
const IDLE: Duration = Duration::from_secs(4);

/// One viewer in so many is on a thread of its own and measures lateness: what the crowd needs for itself is not the server's doing.
const MEASURED_EVERY: u32 = 20;
/// The crowd's.
const CROWD_NICENESS: i32 = 10;

/// What a run gave. Times in milliseconds, memory in bytes.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    /// Per cent of a core, viewers only: with them minus without.
    pub cpu_percent: f64,
    /// Per cent of a core before they came.
    pub idle_percent: f64,
    /// Resident before they came.
    pub idle_bytes: u64,
    /// Resident growth over idle.
    pub grown_bytes: u64,
    /// Lateness of parts after the first viewer had them listed.
    pub late: (f64, f64),
    /// What failed in all.
    pub failures: u64,
    /// How many viewers there were.
    pub viewers: u32,
}

/// How many viewers come, how long they stay after the last came, and how they connect.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked {
    pub viewers: u32,
    pub length: Duration,
    /// One HTTP/2 connection per viewer, not one of HTTP/1.1 per rendition.
    pub http2: bool,
}

/// Runs the crowd. `pid`: the server's, if it is known.
pub(crate) async fn crowd(url: &str, asked: Asked, pid: Option<u32>) -> Result<Figures, Error> {
    let Asked { viewers, length, http2 } = asked;
    let (host, path) = split_url(url)?;
    let answer =
        Connection::new(&host).get(&path, Ask { gzip: true, ..Ask::default() }, Duration::from_secs(10)).await?;
    let mut ignored = Breaches::default();
    let text = answer.text().ok_or("the multivariant playlist is no text")?;
    let mut renditions = multivariant::renditions(&path, &text, &mut ignored);
    // One quality and the sound that belongs to it, as one viewer plays.
    let first_video = renditions.iter().position(|one| one.kind == Kind::Video);
    let mut index = 0;
    renditions.retain(|one| {
        index += 1;
        one.kind == Kind::Audio || Some(index - 1) == first_video
    });
    if renditions.is_empty() {
        return Err(format!("{url} (status {}) lists nothing to play", answer.status).into());
    }
    let protocol = if http2 { "HTTP/2" } else { "HTTP/1.1" };
    println!(
        "{url}: {viewers} viewers by {protocol} of {:?}",
        renditions.iter().map(|one| one.path.as_str()).collect::<Vec<_>>()
    );

    // What the first who comes makes a server make for all (texts of hours) is a live's cost and not a viewer's: it is told apart.
    let alone = pid.map(Usage::of).transpose()?;
    for one in &renditions {
        Connection::new(&host).get(&one.path, Ask { gzip: true, ..Ask::default() }, Duration::from_secs(10)).await?;
    }
    let before = pid.map(Usage::of).transpose()?;
    if let (Some(alone), Some(before)) = (&alone, &before) {
        println!("  the first who came cost {:.1} MB", before.rss_bytes.saturating_sub(alone.rss_bytes) as f64 / 1e6);
    }
    tokio::time::sleep(IDLE).await;
    let idle = pid.map(Usage::of).transpose()?;
    let start = Instant::now();
    let until = start + RAMP + length;
    let (parts, renditions) = (Parts::default(), Arc::new(renditions));
    let many = {
        let (crowd, parts) = (
            Crowd { host: host.clone(), renditions: Arc::clone(&renditions), start, until, viewers, http2 },
            parts.clone(),
        );
        std::thread::Builder::new().name("crowd".into()).spawn(move || {
            // On other machines in life: it may take what the server and those who measure leave.
            rustix::process::nice(CROWD_NICENESS)?;
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let board = Rc::new(RefCell::new(Board::new(parts)));
            LocalSet::new().block_on(&runtime, crowd.watch(|viewer| !measures(viewer), &board));
            Ok::<_, std::io::Error>(board.take())
        })?
    };
    let board = Rc::new(RefCell::new(Board::new(parts)));
    let few = Crowd { host, renditions, start, until, viewers, http2 };
    let measure = async {
        tokio::time::sleep_until((start + RAMP).into()).await;
        board.borrow_mut().counting = true;
        let own = Usage::of(std::process::id()).map_or(0.0, |usage| usage.cpu_seconds);
        let first = pid.map(Usage::of).transpose();
        tokio::time::sleep_until((until - Duration::from_secs(1)).into()).await;
        let last = pid.map(Usage::of).transpose();
        board.borrow_mut().counting = false;
        let own = Usage::of(std::process::id()).map_or(0.0, |usage| usage.cpu_seconds) - own;
        (first, last, length.as_secs_f64() - 1.0, own)
    };
    let local = LocalSet::new();
    let ((), (first, last, seconds, own)) =
        local.run_until(async { tokio::join!(few.watch(measures, &board), measure) }).await;
    println!("  the crowd itself needed {:.0} % of a core", own / seconds * 100.0);
    let others = many.join().map_err(|_| "the crowd's thread died")??;
    board.borrow_mut().add(others);
    let (first, last) = (first.map_err(|error| error.to_string())?, last.map_err(|error| error.to_string())?);

    let mut board = board.take();
    let mut figures = Figures { viewers, failures: board.failures.values().sum(), ..Figures::default() };
    if let (Some(before), Some(idle), Some(first), Some(last)) = (before, idle, first, last) {
        figures.idle_percent = (idle.cpu_seconds - before.cpu_seconds) / IDLE.as_secs_f64() * 100.0;
        figures.cpu_percent = (last.cpu_seconds - first.cpu_seconds) / seconds * 100.0 - figures.idle_percent;
        figures.idle_bytes = idle.rss_bytes;
        figures.grown_bytes = last.rss_bytes.saturating_sub(idle.rss_bytes);
    }
    figures.late = lateness(&mut board.late_us);
    report(&figures, &mut board, pid.is_some());
    Ok(figures)
}

/// Viewers of one origin.
struct Crowd {
    host: String,
    renditions: Arc<Vec<Rendition>>,
    start: Instant,
    until: Instant,
    viewers: u32,
    http2: bool,
}

impl Crowd {
    /// Those of them that `are` here, to the end. To be polled in a [`LocalSet`].
    async fn watch(self, are: impl Fn(u32) -> bool, board: &Rc<RefCell<Board>>) {
        let host: Rc<str> = self.host.into();
        let renditions: Vec<Rc<Rendition>> = self.renditions.iter().cloned().map(Rc::new).collect();
        let mut all = JoinSet::new();
        for viewer in (0..self.viewers).filter(|viewer| are(*viewer)) {
            let begin = self.start + RAMP * viewer / self.viewers.max(1);
            let shared = self.http2.then(|| Shared::new(&host));
            for (index, one) in renditions.iter().enumerate() {
                let following = (index, Rc::clone(one));
                let line = shared.clone().map_or_else(|| Line::Own(Wire::new(&host)), Line::Shared);
                all.spawn_local(follow(line, following, begin, self.until, Rc::clone(board)));
            }
        }
        while all.join_next().await.is_some() {}
    }
}

/// Whether a viewer's latenesses count: one in so many, spread over the crowd.
fn measures(viewer: u32) -> bool {
    viewer.is_multiple_of(MEASURED_EVERY)
}

fn lateness(late_us: &mut [u32]) -> (f64, f64) {
    late_us.sort_unstable();
    let at = |per_cent| percentile(late_us, per_cent).map_or(f64::NAN, |us| f64::from(us) / 1000.0);
    (at(50), at(99))
}

/// The value below which so many per cent of a sorted list lie.
fn percentile<T: Copy>(sorted: &[T], per_cent: usize) -> Option<T> {
    sorted.get((sorted.len() * per_cent / 100).min(sorted.len().saturating_sub(1))).copied()
}

fn report(figures: &Figures, board: &mut Board, measured: bool) {
    let (p50, p99) = figures.late;
    println!(
        "  {} playlists, {} parts, {:.1} MB, {} connections, {} parts counted",
        board.playlists,
        board.fetched,
        board.bytes as f64 / 1e6,
        board.dials,
        board.late_us.len()
    );
    println!("  part received after it was first listed to anyone: p50 {p50:.1} ms, p99 {p99:.1} ms");
    board.dated_ms.sort_unstable();
    if let (Some(low), Some(mid), Some(high)) =
        (board.dated_ms.first(), percentile(&board.dated_ms, 50), percentile(&board.dated_ms, 99))
    {
        // Media can't arrive before it ends, nor be much older than the network when it is fetched at once.
        let verdict = if (-50..=300).contains(low) { "true" } else { "NOT true: ignore" };
        println!(
            "  part received after its end by PROGRAM-DATE-TIME ({verdict}): first {low} ms, p50 {mid} ms, p99 {high} ms"
        );
    }
    if measured {
        let viewers = f64::from(figures.viewers.max(1));
        println!(
            "  server: {:.1} % of a core and {:.1} MB without viewers, {:.1} % more with them = {:.4} % per viewer; {:.1} kB per viewer",
            figures.idle_percent,
            figures.idle_bytes as f64 / 1e6,
            figures.cpu_percent,
            figures.cpu_percent / viewers,
            figures.grown_bytes as f64 / 1000.0 / viewers
        );
    } else {
        println!("  server: give --pid to measure its CPU and memory");
    }
    for (what, times) in &board.failures {
        println!("  FAILED {times}x {what}");
    }
}
