//! Engines that are killed every few seconds, in every way, for a minute.

use super::*;
use crate::support::engine::{captions, with_model};
use rustix::process::{Pid, Resource, Rlimit, prlimit};

/// How an engine comes to its end.
#[derive(Clone, Copy, Debug)]
enum End {
    By(Signal),
    /// It is killed, and the next one gets no memory while it starts: one that runs asks for none.
    Memory,
}

const ENDS: [End; 5] =
    [End::By(Signal::KILL), End::By(Signal::SEGV), End::By(Signal::STOP), End::Memory, End::By(Signal::ABORT)];
const KILLS: usize = 10;
/// Of the clip, seconds: some kills take a while to be noticed.
const SECONDS: u32 = 70;
/// Pictures of the clip per second.
const RATE: u64 = 25;

fn alive(server: &Server) -> Vec<Pid> {
    engines(server).into_iter().filter(|(_, state)| *state != 'Z').map(|(pid, _)| pid).collect()
}

/// Until all of `pids` are gone.
fn end_by(signal: Signal, server: &Server, pids: &[Pid]) {
    let gone = wait_until(Duration::from_secs(4), || {
        let left: Vec<Pid> = alive(server).into_iter().filter(|pid| pids.contains(pid)).collect();
        // The first SIGSEGV may only take Rust's handler away, which looks for overflowing stacks.
        left.iter().for_each(|pid| _ = kill_process(*pid, signal));
        left.is_empty()
    });
    assert!(gone, "{signal:?}: {pids:?}");
}

/// The next engine that makes renditions gets a megabyte. Whether it ended by that.
fn starve_next(server: &Server) -> bool {
    let most = || Rlimit { current: Some(1 << 20), maximum: Some(1 << 20) };
    let mut starved = None;
    wait_until(Duration::from_secs(2), || {
        starved = alive(server).into_iter().find(|pid| !captions(*pid));
        starved.is_some_and(|pid| prlimit(Some(pid), Resource::Data, most()).is_ok())
    });
    starved.is_some_and(|pid| wait_until(Duration::from_secs(2), || !alive(server).contains(&pid)))
}

/// Open files of the server, and what it has in memory (bytes).
fn held(server: &Server) -> (usize, u64) {
    let of = format!("/proc/{}", server.pid());
    let status = std::fs::read_to_string(format!("{of}/status")).unwrap();
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    let kib: u64 = resident.trim().trim_end_matches(" kB").parse().unwrap();
    (std::fs::read_dir(format!("{of}/fd")).unwrap().count(), kib << 10)
}

/// Slices that are damaged where no header is, some each five seconds; what the file says of them stays true.
fn damaged(clip: &Clip) -> Clip {
    let damaged = Clip::empty();
    std::fs::copy(clip.path(), damaged.path()).unwrap();
    let path = damaged.path();
    let table = peers::run(
        "ffprobe",
        [
            "-v",
            "error",
            "-select_streams",
            "v",
            "-show_entries",
            "packet=pos,size,pts_time",
            "-of",
            "csv=p=0",
            path.to_str().unwrap(),
        ],
        PATIENCE,
    );
    let mut bytes = std::fs::read(&path).unwrap();
    let mut done = 0;
    for line in table.lines() {
        let fields: Vec<f64> = line.split(',').filter_map(|field| field.parse().ok()).collect();
        let [at_s, size, pos] = fields[..] else { panic!("{line}") };
        // Between keyframes, which come every two seconds.
        if !(0.4..0.6).contains(&(at_s % 5.0)) || size < 200.0 {
            continue;
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place in a small file")]
        let (pos, size) = (pos as usize, size as usize);
        bytes[pos + size / 2..pos + size / 2 + 40].iter_mut().zip(0x55u8..).for_each(|(byte, by)| *byte ^= by);
        done += 1;
    }
    assert!(done > 20, "{done} pictures are damaged");
    std::fs::write(&path, bytes).unwrap();
    damaged
}

#[test]
fn engines_that_are_killed_every_five_seconds_cost_the_source_nothing_and_their_rung_two_seconds_each_time() {
    built();
    let said = |n: usize| format!("n{n:02}");
    let data = with_model("script", "fr", |folder| {
        std::fs::write(folder.join("engine"), "scripted\n").unwrap();
        let words = (0..SECONDS as usize).map(|n| format!("{}.5 {}.9 {}\n\n", 10 + n, 10 + n, said(n)));
        std::fs::write(folder.join("script.txt"), words.collect::<String>()).unwrap();
    });
    let own = [
        ("AMPHI_RENDITIONS__ENABLED", "true"),
        ("AMPHI_RENDITIONS__PRESET", "low bandwidth"),
        ("AMPHI_CAPTIONS__ENABLED", "true"),
        ("AMPHI_CAPTIONS__LANGUAGES", "[\"fr\"]"),
        ("AMPHI_LIVE__GRACE", "0s"),
        ("AMPHI_LIVE__MIN_LENGTH", "0s"),
    ];
    let server = Server::start_on(Options::with(&own), data);
    let clip = damaged(&Clip::new("640x360", "25", SECONDS, &["-g", "50"]));
    let mut encoder = clip.push(&url(&server, "demo", "demo"));
    wait_on_air(&server, "demo");
    let (mut kills, mut by_memory, mut before) = (Vec::new(), 0, None);
    for how in ENDS.into_iter().cycle().take(KILLS) {
        std::thread::sleep(Duration::from_secs(5));
        let there = alive(&server);
        let of = |kind: bool| there.iter().filter(|pid| captions(**pid) == kind).count();
        assert!(of(true) <= 1 && of(false) <= 1, "one engine for renditions and one for captions: {there:?}");
        before.get_or_insert_with(|| held(&server));
        kills.push(amphi::clock::now());
        match how {
            End::By(signal) => end_by(signal, &server, &there),
            End::Memory => {
                end_by(Signal::KILL, &server, &there);
                by_memory += usize::from(starve_next(&server));
            }
        }
    }
    assert!(encoder.finish(PATIENCE).success(), "{}", encoder.log());
    wait_state(&server, "demo", "ended");
    let gone = || engines(&server).is_empty();
    assert!(by_memory > 0, "no engine ran out of memory");
    let video = wait_videos(&server, "demo", 1).remove(0);
    let loaded = recording(&server, &video);
    assert_aligned(&loaded, RUNG, "killed");
    assert_eq!(samples(&loaded, SOURCE), u64::from(SECONDS) * RATE, "the source has every picture");
    let (source, rung) = (&loaded.tracks[&SOURCE].segments, &loaded.tracks[&RUNG].segments);
    assert!(source.iter().all(|s| !s.is_gap()));
    for (n, kill) in kills.iter().enumerate() {
        let ends = |s: &Segment| s.program_date_time.plus_micros(s.duration_micros);
        let next = kills.get(n + 1);
        let its = source.iter().zip(rung).filter(|(s, _)| ends(s) >= *kill && next.is_none_or(|next| ends(s) < *next));
        let lost: u64 = its.map(|(s, r)| u64::from(s.samples.saturating_sub(r.samples))).sum();
        assert!(lost <= 2 * RATE, "kill {n} ({:?}) cost the rung {lost} pictures", ENDS[n % ENDS.len()]);
    }
    let words = get(server.http(), &format!("/videos/{}/captions/fr.txt", video["id"].as_str().unwrap())).text();
    let heard: Vec<String> = words.split_whitespace().map(|word| word.trim_matches('.').to_lowercase()).collect();
    let mut once = heard.clone();
    once.sort();
    once.dedup();
    assert_eq!(heard, once, "in order, and nothing twice");
    assert!(heard.len() >= 60, "captions go on: {heard:?}");
    let kept = |from: usize| (from..from + 5).any(|n| heard.contains(&said(n)));
    assert!((0..55).step_by(5).all(kept), "after each kill: {heard:?}");
    let metrics = get(server.http(), "/metrics").text();
    let told = metrics.lines().find(|l| l.starts_with("amphi_engine_restarts_total{broadcaster=\"demo\"}")).unwrap();
    assert!(told.split(' ').next_back().unwrap().parse::<usize>().unwrap() >= KILLS - ENDS.len(), "{told}");
    // Captions linger for a minute, for the next live.
    let renditions = || engines(&server).iter().all(|(pid, state)| captions(*pid) && *state != 'Z');
    assert!(gone() || wait_until(Duration::from_secs(5), renditions), "left behind: {:?}", engines(&server));
    let (before, after) = (before.unwrap(), held(&server));
    assert!(after.0 <= before.0 + 8, "{} files open before, {} after", before.0, after.0);
    assert!(after.1 <= before.1 + (40 << 20), "{} bytes before, {} after", before.1, after.1);
}

#[test]
fn an_engine_that_is_given_up_is_tried_again_when_the_contribution_changes() {
    let place = tempfile::tempdir().unwrap();
    let program = place.path().join("amphi-engine");
    // Starts, and ends with nothing done.
    std::os::unix::fs::symlink("/bin/false", &program).unwrap();
    let server = server(&[("AMPHI_ENGINE__PROGRAM", program.to_str().unwrap()), ("AMPHI_LIVE__GRACE", "20s")]);
    let address = url(&server, "demo", "demo");
    let clip = Clip::new("640x360", "25", 60, &["-g", "50"]);
    let mut encoder = clip.push(&address);
    let why = wait_finding(&server, "demo", "engine_given_up");
    assert!(why.contains("retry") || why.contains("again"), "it says what to do: {why}");
    wait_on_air(&server, "demo");
    let offered = || get(server.http(), "/live/demo/master.m3u8").text();
    assert!(offered().contains("source/media.m3u8") && !offered().contains("240p"), "{}", offered());

    std::fs::remove_file(&program).unwrap();
    std::os::unix::fs::symlink(built(), &program).unwrap();
    std::thread::sleep(Duration::from_secs(6));
    assert!(!offered().contains("240p"), "what was given up is left alone: {}", offered());

    // Somebody changed the encoder's settings.
    encoder.signal(Signal::INT);
    encoder.finish(PATIENCE);
    let other = Clip::new("854x480", "25", 40, &["-g", "50"]);
    let _encoder = other.push(&address);
    assert!(wait_until(SOON, || offered().contains("240p/media.m3u8")), "{}", offered());
    let told = || finding(&broadcaster(&server, "demo")["health"], "engine_given_up");
    assert!(wait_until(SOON, || told().is_none()), "{:?}", told());
}
