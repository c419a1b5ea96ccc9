//! What the tests of captions stand on: sound as it stands on a live's timeline, a session that plays it, and what was understood.

use crate::clip::clip;
use crate::direct::ENGINE;
use bytes::Bytes;
use media::caption::agreement::{Agreement, Patience};
use media::caption::language::Language;
use media::caption::word::Word;
use media::codec::aac::Aac;
use media::segment::MEDIA_TIME_BASE_MICROS;
use media::track::{Kind, Parameters};
use pipelines::captioner::{CaptionRequest, Captioner, Event, HypothesisOutput, Settings, SoundInput, captioner};
use pipelines::message::{SessionStats, ToEngine};
use rustix::process::{Pid, Signal, kill_process};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Sound as a contribution brings it.
#[derive(Clone, Debug)]
pub(crate) struct Sound {
    pub(crate) aac: Arc<Aac>,
    /// Pts in samples, and the access unit.
    pub(crate) frames: Vec<(i64, Bytes)>,
}

impl Sound {
    /// A tone at 48 kHz.
    pub(crate) fn tone(seconds: u32) -> Self {
        let made = clip("32x32", "5", &["-t", &seconds.to_string()]).without(Kind::Video);
        let (mut aac, mut frames) = (None, Vec::new());
        for message in made.messages {
            match message {
                ToEngine::Parameters(Parameters::Audio(parameters)) => aac = Some(parameters),
                ToEngine::Frame(frame) => frames.push((frame.pts, frame.payload)),
                _ => {}
            }
        }
        Self { aac: aac.unwrap(), frames }
    }

    /// Without what is from `from` to `until`, in seconds after the beginning.
    pub(crate) fn without(mut self, from: f64, until: f64) -> Self {
        self.frames.retain(|(pts, _)| !(from..until).contains(&seconds(*pts)));
        self
    }

    /// What is after `from` comes `by` later; in seconds.
    pub(crate) fn delayed(mut self, from: f64, by: i64) -> Self {
        for (pts, _) in self.frames.iter_mut().filter(|(pts, _)| seconds(*pts) >= from) {
            *pts += by * 48_000;
        }
        self
    }
}

/// After the beginning of a live.
fn seconds(pts: i64) -> f64 {
    Duration::from_micros(u64::try_from(pts * 1000 / 48 - MEDIA_TIME_BASE_MICROS).unwrap()).as_secs_f64()
}

pub(crate) fn language(tag: &str) -> Language {
    Language::new(tag).unwrap()
}

pub(crate) fn settings(models: &[(&str, &Path)]) -> Settings {
    Settings {
        program: Some(PathBuf::from(ENGINE)),
        models: models.iter().map(|(tag, folder)| (language(tag), folder.to_path_buf())).collect(),
        niceness: 19,
        ..Settings::default()
    }
}

/// `act` while a supervisor runs; nothing is left when it returns.
pub(crate) async fn with_captioner<T>(settings: Settings, act: impl AsyncFnOnce(Captioner) -> T) -> T {
    let (captioner, supervisor) = captioner(settings);
    let stop = CancellationToken::new();
    let watched = captioner.clone();
    let act = async {
        let done = act(captioner).await;
        let pid = watched.health().pid;
        stop.cancel();
        (done, pid)
    };
    let ((done, pid), ()) = tokio::join!(act, supervisor.run(stop.clone()));
    if let Some(pid) = pid {
        assert!(gone(pid), "the engine is left");
    }
    done
}

/// Not even a zombie.
pub(crate) fn gone(pid: u32) -> bool {
    !Path::new(&format!("/proc/{pid}")).exists()
}

pub(crate) fn signal(captioner: &Captioner, signal: Signal) -> u32 {
    let pid = captioner.health().pid.expect("an engine runs");
    kill_process(Pid::from_raw(pid.try_into().unwrap()).unwrap(), signal).unwrap();
    pid
}

pub(crate) fn open(captioner: &Captioner, tag: &str) -> (SoundInput, HypothesisOutput) {
    captioner.open(CaptionRequest { language: language(tag), vocabulary: vec![] })
}

/// Plays `sound` in `1 / speed` of its time; `act` before each second, with its number.
pub(crate) async fn play(input: &SoundInput, sound: &Sound, speed: f64, mut act: impl FnMut(u32)) {
    let (begin, first) = (Instant::now(), sound.frames[0].0);
    let mut second = 0;
    input.parameters(Arc::clone(&sound.aac));
    for (pts, payload) in &sound.frames {
        let at = seconds(*pts) - seconds(first);
        while f64::from(second) <= at {
            act(second);
            second += 1;
        }
        tokio::time::sleep_until(begin + Duration::from_secs_f64(at / speed)).await;
        input.frame(*pts, payload.clone());
    }
}

/// What a session told, and when.
#[derive(Debug, Default)]
pub(crate) struct Told {
    pub(crate) events: Vec<(Instant, Event)>,
}

/// All until the session ends.
pub(crate) async fn listen(output: &mut HypothesisOutput) -> Told {
    let mut told = Told::default();
    while let Some(event) = output.next().await {
        told.events.push((Instant::now(), event));
    }
    told
}

/// All until `found`, which is the last.
pub(crate) async fn listen_until(output: &mut HypothesisOutput, found: impl Fn(&Event) -> bool) -> Told {
    let mut told = Told::default();
    loop {
        let event = tokio::time::timeout(Duration::from_secs(60), output.next()).await;
        let event = event.unwrap_or_else(|_| panic!("it never came: {told:?}")).expect("the session goes on");
        told.events.push((Instant::now(), event));
        if told.events.last().is_some_and(|(_, event)| found(event)) {
            return told;
        }
    }
}

pub(crate) fn is_ready(event: &Event) -> bool {
    matches!(event, Event::Ready { .. })
}

pub(crate) fn reason(event: &Event) -> Option<&str> {
    match event {
        Event::Unavailable { reason } | Event::Lost { reason, .. } => Some(reason),
        _ => None,
    }
}

impl Told {
    /// The words that a viewer reads: by agreement, as a server does it.
    pub(crate) fn words(&self) -> Vec<Word> {
        let mut agreement = Agreement::new(Patience::default(), 0, 0);
        let mut words = Vec::new();
        for (_, event) in &self.events {
            let splices = match event {
                Event::Hypothesis { hypothesis, heard_until_micros } => agreement.hear(hypothesis, *heard_until_micros),
                Event::Ready { utterance_goes_on: false } => agreement.finish(),
                _ => continue,
            };
            for splice in splices {
                assert!(splice.apply(&mut words), "a splice must fit");
            }
        }
        assert!(agreement.finish().is_empty(), "a session ends with a final");
        words
    }

    pub(crate) fn texts(&self) -> Vec<String> {
        self.words().iter().map(|w| w.text().to_owned()).collect()
    }

    pub(crate) fn count(&self, of: impl Fn(&Event) -> bool) -> usize {
        self.events.iter().filter(|(_, event)| of(event)).count()
    }

    pub(crate) fn stats(&self) -> SessionStats {
        let stats = |(_, event): &(Instant, Event)| if let Event::Stats(stats) = event { Some(*stats) } else { None };
        self.events.iter().rev().find_map(stats).unwrap()
    }

    /// The latest media time that was heard; seconds after the beginning of the live.
    pub(crate) fn heard_until(&self) -> f64 {
        let until = |(_, event): &(Instant, Event)| match event {
            Event::Hypothesis { heard_until_micros, .. } => Some(*heard_until_micros),
            _ => None,
        };
        let micros = self.events.iter().rev().find_map(until).unwrap() - MEDIA_TIME_BASE_MICROS;
        Duration::from_micros(micros.try_into().unwrap()).as_secs_f64()
    }
}

/// When a word begins, in seconds after the beginning of the live.
pub(crate) fn start(word: &Word) -> f64 {
    Duration::from_micros((word.start_micros() - MEDIA_TIME_BASE_MICROS).try_into().unwrap()).as_secs_f64()
}

/// A folder for one test, which goes with it.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("amphi-captions-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// A model that says what `script` says.
    pub(crate) fn scripted(&self, name: &str, script: &str) -> PathBuf {
        let folder = self.0.join(name);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("engine"), "scripted\n").unwrap();
        std::fs::write(folder.join("script.txt"), script).unwrap();
        folder
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
