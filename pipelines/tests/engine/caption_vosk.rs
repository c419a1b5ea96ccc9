//! Real speech through libvosk: the words that it hears for certain (`speech.md`), at their place.

use crate::caption::{
    Folder, Sound, Told, gone, is_ready, listen, listen_until, open, play, reason, settings, signal, start,
    with_captioner,
};
use bytes::Bytes;
use media::caption::word::Word;
use media::codec::aac::Aac;
use media::segment::MEDIA_TIME_BASE_MICROS;
use pipelines::captioner::{CaptionRequest, Captioner, Event, Settings};
use rustix::process::Signal;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Words of the recording and when they begin: where its silences end, by ffmpeg's silencedetect, and for the last by ear of the model.
const SPOKEN: [(&str, f64); 3] = [("지금부터", 0.0), ("엄마", 15.3), ("매우", 29.9)];

/// A session was measured at 70 to 100 MB after half a minute: libvosk keeps what it unfolds of its graphs for each. A model is 500 MB.
const A_SESSION_MB: u64 = 150;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// What `make libvosk` and `.ci/libvosk model` bring.
fn model() -> PathBuf {
    let model = root().join("target/models/vosk-ko");
    assert!(model.is_dir(), "{} is missing; run .ci/libvosk model", model.display());
    model
}

/// Seven sentences of a synthetic voice, with pauses of 1.6 s; 33.4 s.
fn speech() -> Sound {
    let recording = root().join("pipelines/tests/fixtures/speech-ko.m4a");
    assert!(recording.is_file(), "{} is missing", recording.display());
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-i"])
        .arg(&recording)
        .args(["-c", "copy", "-f", "adts", "pipe:1"])
        .stdin(Stdio::null())
        .output()
        .expect("ffmpeg starts");
    assert!(made.status.success(), "ffmpeg: {}", String::from_utf8_lossy(&made.stderr));
    from_adts(&Bytes::from(made.stdout))
}

/// Of an ADTS stream of 48 kHz (ISO/IEC 14496-3 section 1.A.2), from the beginning of a live on.
fn from_adts(bytes: &Bytes) -> Sound {
    let (mut at, mut frames) = (0, Vec::new());
    while let Some(head) = bytes.get(at..at + 7) {
        let length = usize::from(head[3] & 3) << 11 | usize::from(head[4]) << 3 | usize::from(head[5]) >> 5;
        let header = if head[1] & 1 == 1 { 7 } else { 9 };
        let pts = MEDIA_TIME_BASE_MICROS / 1000 * 48 + i64::try_from(frames.len()).unwrap() * 1024;
        frames.push((pts, bytes.slice(at + header..at + length)));
        at += length;
    }
    Sound { aac: Arc::new(Aac::from_asc(&[0x11, 0x90]).unwrap()), frames }
}

/// Resident memory.
fn megabytes(captioner: &Captioner) -> u64 {
    let pid = captioner.health().pid.expect("an engine runs");
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}

/// Large enough for a machine with other things to do.
fn patient(models: &[(&str, &Path)]) -> Settings {
    Settings { silence: Duration::from_secs(3), ..settings(models) }
}

/// Each spoken word is there once, within half a second of its place.
fn assert_spoken(what: &str, words: &[Word], spoken: &[(&str, f64)]) {
    let heard: Vec<String> = words.iter().map(|w| format!("{:.2} {}", start(w), w.text())).collect();
    for (text, at) in spoken {
        let starts: Vec<f64> = words.iter().filter(|w| w.text() == *text).map(start).collect();
        assert!(starts.len() == 1 && (starts[0] - at).abs() < 0.5, "{what}: {text} at {at}: {starts:?} in {heard:?}");
    }
}

/// How much sound is heard after a word's end until a hypothesis has something in its place, milliseconds, of each word. In media time: a
/// busy machine changes it little.
fn heard_before_told(told: &Told) -> Vec<i64> {
    let (mut lags, mut utterance) = (Vec::new(), Vec::new());
    for (_, event) in &told.events {
        let Event::Hypothesis { hypothesis, heard_until_micros } = event else { continue };
        utterance.push((*heard_until_micros, hypothesis.words().len()));
        if hypothesis.is_final() {
            for (n, word) in hypothesis.words().iter().enumerate() {
                let (heard, _) = utterance.iter().find(|(_, words)| *words > n).unwrap();
                lags.push((heard - word.end_micros()) / 1_000);
            }
            utterance.clear();
        }
    }
    lags.sort_unstable();
    lags
}

/// When the first such event came, at or after `since`.
fn when(told: &Told, since: Instant, is: impl Fn(&Event) -> bool) -> Option<Instant> {
    told.events.iter().find(|(at, event)| *at >= since && is(event)).map(|(at, _)| *at)
}

fn is_hypothesis(event: &Event) -> bool {
    matches!(event, Event::Hypothesis { .. })
}

/// Plays at the speed of time, when the model is loaded, until the end of the session.
async fn whole(captioner: &Captioner, sound: &Sound, act: impl FnMut(u32)) -> Told {
    let (input, mut output) = open(captioner, "ko");
    listen_until(&mut output, is_ready).await;
    let play = async {
        play(&input, sound, 1.0, act).await;
        drop(input);
    };
    tokio::join!(play, listen(&mut output)).1
}

#[tokio::test]
async fn two_lives_are_captioned_in_time_by_one_model() {
    let (model, speech) = (model(), speech());
    with_captioner(patient(&[("ko", &model)]), async |captioner| {
        // A session needs more while it goes on; so the same is compared, one alone and then two.
        let (mut alone, mut together) = (0, 0);
        whole(&captioner, &speech, |_| alone = alone.max(megabytes(&captioner))).await;
        let first = whole(&captioner, &speech, |_| together = together.max(megabytes(&captioner)));
        let (first, second) = tokio::join!(first, whole(&captioner, &speech, |_| {}));
        assert_spoken("first", &first.words(), &SPOKEN);
        assert_spoken("second", &second.words(), &SPOKEN);
        let lags = heard_before_told(&first);
        let median = lags[lags.len() / 2];
        // 0.85 s was measured, and 1.7 s with Kaldi's own settings.
        assert!(median < 1_300, "the engine knows words long before it tells them: {lags:?} ms");
        assert!(together < alone + A_SESSION_MB, "the model is there once: {alone} MB, then {together} MB");
        let stats = first.stats();
        assert_eq!((stats.dropped_micros, stats.refused), (0, 0), "{stats:?}");
        println!("{alone} MB, then {together} MB; told after {median} ms of sound in the median; {stats:?}");
    })
    .await;
}

#[tokio::test]
async fn a_killed_engine_goes_on_and_no_word_is_lost_or_doubled() {
    let (model, speech) = (model(), speech());
    with_captioner(patient(&[("ko", &model)]), async |captioner| {
        let mut killed = None;
        // In the middle of a sentence that begins with 엄마.
        let told = whole(&captioner, &speech, |second| {
            if second == 17 {
                killed = Some((Instant::now(), signal(&captioner, Signal::KILL)));
            }
        })
        .await;
        let (at, pid) = killed.unwrap();
        assert!(gone(pid), "no zombie");
        let ready = when(&told, at, is_ready).expect("it is back");
        let heard = when(&told, ready, is_hypothesis).expect("it hears again");
        assert!(heard - ready < Duration::from_secs(3), "{:?} after the model", heard - ready);
        println!("loaded {:?} after the kill, heard {:?} after that", ready - at, heard - ready);
        assert_spoken("killed", &told.words(), &SPOKEN);
        assert_eq!(captioner.health().restarts, 1);
    })
    .await;
}

#[tokio::test]
async fn a_hanging_engine_is_noticed_and_gaps_move_no_word() {
    let model = model();
    // Three sentences, 2 s missing in a pause, then 20 s.
    let speech = speech().delayed(14.5, 2).delayed(20.7, 18).without(25.0, 41.5);
    let spoken = [SPOKEN[0], ("엄마", 17.3), ("매우", 49.9)];
    with_captioner(patient(&[("ko", &model)]), async |captioner| {
        let mut stopped = None;
        let told = whole(&captioner, &speech, |second| {
            if second == 6 {
                stopped = Some(signal(&captioner, Signal::STOP));
            }
        })
        .await;
        assert!(told.events.iter().any(|(_, e)| reason(e).is_some_and(|r| r.contains("silent"))), "{told:?}");
        assert!(gone(stopped.unwrap()));
        assert_spoken("gaps", &told.words(), &spoken);
    })
    .await;
}

#[tokio::test]
async fn broken_models_cost_their_language_only() {
    let (good, folder) = (model(), Folder::new("broken"));
    let empty = folder.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    let copy = |name: &str, broken: &str, breaking: &dyn Fn(&mut Vec<u8>)| {
        let copy = folder.path().join(name);
        for part in ["am", "conf", "graph", "graph/phones", "ivector"] {
            std::fs::create_dir_all(copy.join(part)).unwrap();
            for file in std::fs::read_dir(good.join(part)).unwrap().map(|e| e.unwrap().path()).filter(|p| p.is_file()) {
                let to = copy.join(part).join(file.file_name().unwrap());
                if to.ends_with(broken) {
                    let mut bytes = std::fs::read(file).unwrap();
                    breaking(&mut bytes);
                    std::fs::write(to, bytes).unwrap();
                } else {
                    std::os::unix::fs::symlink(file, to).unwrap();
                }
            }
        }
        copy
    };
    // libvosk refuses the first, takes the second, which makes no recogniser then, and dies of the third (it divides by the step).
    let acoustic = copy("acoustic", "am/final.mdl", &|bytes| bytes.truncate(1_000_000));
    let graph = copy("graph", "graph/HCLr.fst", &|bytes| bytes.truncate(1_000_000));
    let deadly = copy("deadly", "conf/mfcc.conf", &|bytes| bytes.extend(b"\n--frame-shift=0.01\n"));
    let models = [
        ("ko", good.as_path()),
        ("fr", &empty),
        ("en", &acoustic),
        ("de", &graph),
        ("es", &deadly),
        ("it", Path::new("/nowhere")),
    ];
    let speech = speech().without(5.0, f64::MAX);
    with_captioner(patient(&models), async |captioner| {
        let (mut lasting, mut reasons) = (Vec::new(), Vec::new());
        for tag in ["fr", "en", "de", "es", "it"] {
            let (input, mut output) = open(&captioner, tag);
            let told = listen_until(&mut output, |e| matches!(e, Event::Unavailable { .. })).await;
            reasons.push(reason(&told.events.last().unwrap().1).unwrap().to_owned());
            lasting.push((input, output));
        }
        println!("{reasons:#?}");
        for (reason, words) in
            reasons.iter().zip(["holds no Vosk model", "can't read", "is of no use", "SIGFPE", "is missing"])
        {
            assert!(reason.contains(words), "{reason}");
        }
        let told = whole(&captioner, &speech, |_| {}).await;
        assert_spoken("beside broken models", &told.words(), &SPOKEN[..1]);
        assert_eq!(captioner.health().unusable.len(), 5);
        assert_eq!(captioner.health().restarts, 1, "once more, to be sure");
    })
    .await;
}

#[tokio::test]
async fn a_vocabulary_is_all_that_is_heard() {
    let (model, speech) = (model(), speech().without(19.0, f64::MAX));
    with_captioner(patient(&[("ko", &model)]), async |captioner| {
        let vocabulary = vec!["엄마".into(), "지금부터 회의".into(), "\"".into()];
        let (input, mut output) =
            captioner.open(CaptionRequest { language: crate::caption::language("ko"), vocabulary });
        let play = async {
            play(&input, &speech, 2.0, |_| {}).await;
            drop(input);
        };
        let ((), told) = tokio::join!(play, listen(&mut output));
        let texts = told.texts();
        assert!(!texts.is_empty(), "{told:?}");
        assert!(texts.iter().all(|t| ["엄마", "지금부터", "회의"].contains(&t.as_str())), "{texts:?}");
    })
    .await;
}
