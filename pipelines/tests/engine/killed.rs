//! Whatever happens to an engine, the client lives on, and the renditions lose at most two seconds.

use crate::clip::{Clip, clip};
use crate::direct::{ENGINE, start};
use pipelines::client::{Client, Control, Ended, Event, Input, Output, Settings, client};
use pipelines::message::{EncodedFrame, Rendition, SourceFrame, Start, ToEngine};
use rustix::process::{Pid, Signal, kill_process};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// What a live got.
pub(crate) struct Lived {
    pub(crate) events: Vec<Event>,
    ended: Ended,
    pids: BTreeSet<u32>,
    pub(crate) restarts: u64,
    dropped: u64,
}

pub(crate) fn settings() -> Settings {
    Settings {
        program: Some(PathBuf::from(ENGINE)),
        niceness: 19,
        silence: Duration::from_millis(800),
        ..Settings::default()
    }
}

/// Nothing is left out by slowness: these tests run faster than time, beside others.
fn live_start() -> Start {
    start()
}

/// `clip` in `1 / speed` of its time; `act` before each picture, with its number.
async fn live(clip: &Clip, speed: u32, settings: Settings, mut act: impl FnMut(usize, &Control)) -> Lived {
    let (input, mut output, control, client): (Input, Output, Control, Client) = client(settings, live_start());
    let mut pids = BTreeSet::new();
    let push = async {
        let mut n = 0;
        for message in &clip.messages {
            match message {
                ToEngine::Parameters(parameters) => input.parameters(parameters.clone()),
                ToEngine::Frame(frame) => {
                    act(n, &control);
                    pids.extend(control.pid());
                    n += 1;
                    input.frame(frame.clone());
                    tokio::time::sleep(Duration::from_millis(40) / speed).await;
                }
                _ => {}
            }
        }
        drop(input);
    };
    let take = async {
        let mut events = Vec::new();
        while let Some(event) = output.next().await {
            events.push(event);
        }
        events
    };
    let (ended, (), events) = tokio::join!(client.run(CancellationToken::new()), push, take);
    Lived { events, ended, pids, restarts: control.restarts(), dropped: control.dropped_frames() }
}

/// `clip` four times as fast as it is, without trouble.
pub(crate) async fn live_with(clip: &Clip, settings: Settings) -> Lived {
    live(clip, 4, settings, |_, _| {}).await
}

fn signal(control: &Control, signal: Signal) {
    let pid = control.pid().expect("an engine runs");
    kill_process(Pid::from_raw(pid.try_into().unwrap()).unwrap(), signal).unwrap();
}

impl Lived {
    fn frames(&self, rung: u8) -> Vec<&EncodedFrame> {
        let frames = self.events.iter().filter_map(|e| if let Event::Frame(f) = e { Some(f) } else { None });
        frames.filter(|f| f.rendition == Rendition::Rung(rung)).collect()
    }

    fn lost(&self) -> Vec<&str> {
        self.events
            .iter()
            .filter_map(|e| if let Event::Lost { reason, .. } = e { Some(reason.as_str()) } else { None })
            .collect()
    }

    /// All but `missing` pictures, in order, and nothing left of the engines.
    pub(crate) fn assert_whole(&self, what: &str, clip: &Clip, missing: usize) {
        assert_eq!(self.ended, Ended::Finished, "{what}: {:?}", self.lost());
        for n in 0..2 {
            let frames = self.frames(n);
            let pts: Vec<_> = frames.iter().map(|f| f.pts).collect();
            assert!(pts.windows(2).all(|w| w[0] < w[1]), "{what}: times go back");
            let shown: BTreeSet<_> = clip.shown().into_iter().collect();
            assert!(pts.iter().all(|p| shown.contains(p)), "{what}: times nobody sent");
            assert!(pts.len() + missing >= shown.len(), "{what}: rung {n}: {} of {}", pts.len(), shown.len());
            let longest = pts.windows(2).map(|w| w[1] - w[0]).max().unwrap();
            assert!(longest <= 180_000, "{what}: a hole of {longest} ticks");
            assert!(clip.shown().last().unwrap() - pts.last().unwrap() <= 180_000, "{what}: the end is missing");
            // A decoder can begin after each restart.
            assert!(frames.iter().filter(|f| f.after_hole).all(|f| f.keyframe), "{what}");
        }
        for pid in &self.pids {
            assert!(!Path::new(&format!("/proc/{pid}")).exists(), "{what}: {pid} is left");
        }
    }
}

#[tokio::test]
async fn a_live_without_trouble_has_everything() {
    let clip = clip("320x180", "25", &["-t", "4", "-g", "50", "-an"]).cut(false);
    let lived = live(&clip, 4, settings(), |_, _| {}).await;
    lived.assert_whole("no trouble", &clip, 0);
    assert_eq!((lived.restarts, lived.dropped, lived.pids.len()), (0, 0, 1));
    for n in 0..2 {
        let idrs: Vec<_> = lived.frames(n).iter().filter(|f| f.keyframe).map(|f| f.pts).collect();
        assert_eq!(idrs, clip.cuts());
    }
}

#[tokio::test]
async fn a_killed_engine_is_back_within_two_seconds_of_media() {
    let clip = clip("320x180", "25", &["-t", "12", "-g", "250", "-bf", "2", "-an"]).cut(true);
    for (what, with) in [("SIGKILL", Signal::KILL), ("SIGSEGV", Signal::SEGV)] {
        let lived = live(&clip, 4, settings(), |n, control| {
            if [110, 220].contains(&n) {
                signal(control, with);
                if with == Signal::SEGV {
                    // Rust's handler takes the first for a guard page's and arms the default; a real fault comes again by itself.
                    std::thread::sleep(Duration::from_millis(5));
                    signal(control, with);
                }
            }
        })
        .await;
        // A rung that was behind the other loses what it had not sent yet.
        lived.assert_whole(what, &clip, 20);
        assert_eq!((lived.restarts, lived.pids.len()), (2, 3), "{what}: {:?}", lived.lost());
        assert!(lived.lost().iter().all(|reason| reason.contains("signal")), "{what}: {:?}", lived.lost());
        assert_eq!(lived.frames(0).iter().filter(|f| f.after_hole).count(), 3, "{what}: both restarts are marked");
    }
}

#[tokio::test]
async fn a_stopped_engine_is_found_out_and_replaced() {
    let clip = clip("320x180", "25", &["-t", "8", "-g", "50", "-an"]).cut(false);
    let lived = live(&clip, 2, settings(), |n, control| {
        if n == 60 {
            signal(control, Signal::STOP);
        }
    })
    .await;
    lived.assert_whole("SIGSTOP", &clip, 20);
    assert_eq!(lived.restarts, 1);
    assert!(lived.lost()[0].contains("silent"), "{:?}", lived.lost());
}

#[tokio::test]
async fn corrupt_pictures_cost_no_more_than_themselves() {
    let mut clip = clip("320x180", "25", &["-t", "8", "-g", "25", "-an"]).cut(false);
    let (mut n, mut noise) = (0u32, 0x2545_f491u32);
    for message in &mut clip.messages {
        if let ToEngine::Frame(SourceFrame { payload, keyframe: false, .. }) = message {
            n += 1;
            let mut bytes = payload.to_vec();
            match n % 40 {
                // The slice is noise; its length holds.
                10 => bytes[6..].iter_mut().for_each(|b| {
                    noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    *b = noise.to_be_bytes()[0];
                }),
                // The length runs past the end.
                20 => bytes[..4].copy_from_slice(&[0x7f, 0xff, 0xff, 0xff]),
                30 => bytes.truncate(3),
                _ => continue,
            }
            *payload = bytes.into();
        }
    }
    let lived = live(&clip, 4, settings(), |_, _| {}).await;
    lived.assert_whole("corrupt", &clip, 60);
}

#[tokio::test]
async fn a_missing_engine_is_explained_and_a_reset_tries_again() {
    let folder = std::env::temp_dir().join(format!("amphi-engine-missing-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let program = folder.join("amphi-engine");
    let (input, mut output, control, client) =
        client(Settings { program: Some(program.clone()), ..settings() }, live_start());
    let clip = clip("320x180", "25", &["-t", "2", "-g", "25", "-an"]).cut(false);
    let drive = async {
        let Some(Event::GivenUp { reason }) = output.next().await else { panic!("it must be given up") };
        assert!(reason.contains("is missing") && reason.contains("cargo build"), "{reason}");
        std::os::unix::fs::symlink(ENGINE, &program).unwrap();
        control.reset();
        assert!(matches!(output.next().await, Some(Event::Ready { .. })));
        for message in &clip.messages {
            match message {
                ToEngine::Parameters(parameters) => input.parameters(parameters.clone()),
                ToEngine::Frame(frame) => input.frame(frame.clone()),
                _ => {}
            }
        }
        drop(input);
        let mut frames = 0;
        while let Some(event) = output.next().await {
            frames += usize::from(matches!(event, Event::Frame(_)));
        }
        frames
    };
    let (ended, frames) = tokio::join!(client.run(CancellationToken::new()), drive);
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!((ended, frames), (Ended::Finished, 100));
}

#[tokio::test]
async fn an_engine_that_never_works_is_given_up_with_the_reason() {
    let little = Settings { memory_bytes: 12_000_000, ..settings() };
    let (input, mut output, control, client) = client(little, live_start());
    let drive = async {
        let mut lost = 0;
        loop {
            match output.next().await {
                Some(Event::Lost { .. }) => lost += 1,
                Some(Event::GivenUp { reason }) => break (lost, reason),
                Some(_) => {}
                None => panic!("it ended without a word"),
            }
        }
    };
    let stop = CancellationToken::new();
    let ((lost, reason), ended) = tokio::join!(
        async {
            let told = drive.await;
            stop.cancel();
            told
        },
        client.run(stop.clone())
    );
    drop(input);
    assert_eq!((lost, ended), (5, Ended::Stopped), "{reason}");
    assert!(!reason.is_empty() && control.pid().is_none());
}

#[tokio::test]
async fn a_server_that_does_not_listen_is_not_the_engines_fault() {
    let clip = clip("320x180", "25", &["-t", "6", "-g", "50", "-an"]).cut(false);
    let (input, mut output, control, client) = client(settings(), live_start());
    for message in &clip.messages {
        match message {
            ToEngine::Parameters(parameters) => input.parameters(parameters.clone()),
            ToEngine::Frame(frame) => input.frame(frame.clone()),
            _ => {}
        }
    }
    drop(input);
    let take = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        let mut frames = 0;
        while let Some(event) = output.next().await {
            assert!(!matches!(event, Event::Lost { .. }), "{event:?}");
            frames += usize::from(matches!(event, Event::Frame(_)));
        }
        frames
    };
    let (ended, frames) = tokio::join!(client.run(CancellationToken::new()), take);
    assert_eq!((ended, frames, control.restarts()), (Ended::Finished, 300, 0));
}

#[tokio::test]
async fn stopping_kills_at_once_and_leaves_nothing() {
    let (input, mut output, control, client) = client(settings(), live_start());
    let stop = CancellationToken::new();
    let pid = async {
        assert!(matches!(output.next().await, Some(Event::Ready { .. })));
        let pid = control.pid().unwrap();
        signal(&control, Signal::STOP);
        stop.cancel();
        pid
    };
    let (ended, pid) =
        tokio::time::timeout(Duration::from_secs(5), async { tokio::join!(client.run(stop.clone()), pid) })
            .await
            .expect("it ends soon");
    drop(input);
    assert_eq!(ended, Ended::Stopped);
    assert!(!Path::new(&format!("/proc/{pid}")).exists());
}

#[test]
fn a_client_can_be_given_to_a_task() {
    fn sendable(_: impl Send) {}
    let (_input, _output, _control, client) = client(settings(), live_start());
    sendable(client.run(CancellationToken::new()));
}

/// A pipe's two ends may be seen to close in either order.
#[tokio::test]
async fn an_engine_that_takes_no_more_before_it_says_no_more_has_not_finished() {
    let folder = std::env::temp_dir().join(format!("amphi-deaf-engine-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let program = folder.join("amphi-engine");
    std::fs::write(&program, "#!/bin/sh\nexec 0<&-\nsleep 0.2\n").unwrap();
    std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let clip = clip("320x180", "25", &["-t", "12", "-g", "50", "-an"]).cut(false);
    let lived = live(&clip, 2, Settings { program: Some(program), ..settings() }, |_, _| {}).await;
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!((lived.ended, lived.lost().len()), (Ended::Unfinished, 5), "{:?}", lived.lost());
}
