//! The captioning engine and its supervisor, without speech recognition: what a script says, whatever happens.

use crate::caption::{
    Folder, Sound, Told, gone, is_ready, listen, listen_until, open, play, reason, settings, signal, start,
    with_captioner,
};
use crate::direct::ENGINE;
use pipelines::captioner::{CaptionRequest, Event, Settings, captioner};
use rustix::process::Signal;
use std::path::Path;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// A word each second, `w11` at 11 s of media time (1 s after the beginning), in utterances of five.
fn counting(seconds: std::ops::Range<u32>) -> String {
    let line = |n: u32| format!("{n}.0 {n}.5 w{n}\n{}", if n.is_multiple_of(5) { "\n" } else { "" });
    seconds.map(line).collect()
}

fn wanted(seconds: std::ops::Range<u32>) -> Vec<String> {
    seconds.map(|n| format!("w{n}")).collect()
}

fn assert_in_place(told: &Told) {
    for word in told.words() {
        let named: f64 = word.text()[1..].parse().unwrap();
        let at = start(&word) + 10.0;
        assert!((at - named).abs() < 0.06, "{} at {at}", word.text());
    }
}

#[tokio::test]
async fn words_of_several_lives_and_languages_come_in_order_at_their_time() {
    let folder = Folder::new("words");
    let fr = folder.scripted("fr", &counting(11..60));
    let en = folder.scripted("en", "11 11.5 w11\n\nevery 2\n");
    let sound = Sound::tone(20);
    with_captioner(settings(&[("fr", &fr), ("en", &en)]), async |captioner| {
        let (french, mut french_output) = open(&captioner, "fr");
        let (english, mut english_output) = open(&captioner, "en");
        let (other, mut other_output) = open(&captioner, "fr");
        let late = sound.clone().without(0.0, 9.9);
        let play = async {
            tokio::join!(
                play(&french, &sound, 8.0, |_| {}),
                play(&english, &sound, 8.0, |_| {}),
                play(&other, &late, 8.0, |_| {})
            );
            assert_eq!(captioner.health().sessions, 3);
            drop((french, english, other));
        };
        let ((), french, english, other) =
            tokio::join!(play, listen(&mut french_output), listen(&mut english_output), listen(&mut other_output));
        assert_eq!(french.texts(), wanted(11..30));
        assert_in_place(&french);
        assert_eq!(other.texts(), wanted(20..30), "media time is the live's, not the session's");
        assert_in_place(&other);
        let starts: Vec<_> = english.words().iter().map(start).collect();
        assert_eq!(starts.len(), 10);
        assert!(starts.windows(2).all(|w| (w[1] - w[0] - 2.0).abs() < 0.01), "{starts:?}");
        let stats = french.stats();
        assert!(stats.heard_micros > 10_000_000 && stats.dropped_micros == 0 && stats.refused == 0, "{stats:?}");
        assert_eq!(captioner.health().restarts, 0);
        assert_eq!(captioner.health().sessions, 0);
    })
    .await;
}

#[tokio::test]
async fn gaps_and_overlaps_move_no_word() {
    let folder = Folder::new("gaps");
    let fr = folder.scripted("fr", &counting(11..90));
    // 1 s is missing; then 10 s, which begins anew; then 2 s come twice.
    let mut sound = Sound::tone(30).without(3.0, 4.0).delayed(11.9, 10);
    let again: Vec<_> =
        sound.frames.iter().filter(|(pts, _)| (33 * 48_000..35 * 48_000).contains(pts)).cloned().collect();
    let at = sound.frames.iter().position(|(pts, _)| *pts >= 35 * 48_000).unwrap();
    sound.frames.splice(at..at, again);
    with_captioner(settings(&[("fr", &fr)]), async |captioner| {
        let (input, mut output) = open(&captioner, "fr");
        let play = async {
            play(&input, &sound, 8.0, |_| {}).await;
            drop(input);
        };
        let ((), told) = tokio::join!(play, listen(&mut output));
        assert_in_place(&told);
        let texts = told.texts();
        assert_eq!(texts[..12], wanted(11..22)[..].iter().cloned().chain(["w32".into()]).collect::<Vec<_>>());
        assert!((told.heard_until() - 40.0).abs() < 0.2, "{}", told.heard_until());
        let stats = told.stats();
        assert!((80..110).contains(&stats.refused), "what came twice is refused: {stats:?}");
    })
    .await;
}

#[tokio::test]
async fn a_killed_engine_costs_no_word() {
    let folder = Folder::new("killed");
    let fr = folder.scripted("fr", &counting(11..60));
    let sound = Sound::tone(24);
    with_captioner(settings(&[("fr", &fr)]), async |captioner| {
        let (input, mut output) = open(&captioner, "fr");
        let mut pids = Vec::new();
        let play = async {
            play(&input, &sound, 4.0, |second| {
                if [5, 13].contains(&second) {
                    pids.push(signal(&captioner, Signal::KILL));
                }
            })
            .await;
            drop(input);
        };
        let ((), told) = tokio::join!(play, listen(&mut output));
        assert_eq!(told.texts(), wanted(11..34));
        assert_in_place(&told);
        assert_eq!(captioner.health().restarts, 2);
        assert_eq!(told.count(|e| matches!(e, Event::Lost { .. })), 2);
        assert_eq!(told.count(|e| matches!(e, Event::Ready { utterance_goes_on: true })), 2);
        assert!(told.events.iter().filter_map(|(_, e)| reason(e)).all(|r| r.contains("signal: 9")), "{told:?}");
        assert!(pids.iter().all(|pid| gone(*pid)), "no zombie");
    })
    .await;
}

#[tokio::test]
async fn a_stopped_engine_is_found_out_and_replaced() {
    let folder = Folder::new("stopped");
    let fr = folder.scripted("fr", &counting(11..60));
    let sound = Sound::tone(16);
    let settings = Settings { silence: Duration::from_millis(800), ..settings(&[("fr", &fr)]) };
    with_captioner(settings, async |captioner| {
        let (input, mut output) = open(&captioner, "fr");
        let mut stopped = None;
        let play = async {
            play(&input, &sound, 2.0, |second| {
                if second == 6 {
                    stopped = Some(signal(&captioner, Signal::STOP));
                }
            })
            .await;
            drop(input);
        };
        let ((), told) = tokio::join!(play, listen(&mut output));
        assert_eq!(told.texts(), wanted(11..26));
        assert_eq!(captioner.health().restarts, 1);
        assert!(told.events.iter().filter_map(|(_, e)| reason(e)).all(|r| r.contains("silent")), "{told:?}");
        assert!(gone(stopped.unwrap()));
    })
    .await;
}

#[tokio::test]
async fn sound_that_nobody_captions_is_measured_and_no_word_is_told() {
    let sound = Sound::tone(6);
    with_captioner(settings(&[("zxx", Path::new(""))]), async |captioner| {
        let (input, mut output) = open(&captioner, "zxx");
        listen_until(&mut output, is_ready).await;
        let play = async {
            play(&input, &sound, 2.0, |_| {}).await;
            drop(input);
        };
        let ((), told) = tokio::join!(play, listen(&mut output));
        let stats = told.stats();
        assert!(stats.mean > 300 && stats.peak > stats.mean && stats.heard_micros > 2_000_000, "{stats:?}");
        let so_far = |event: &Event| matches!(event, Event::Hypothesis { hypothesis, .. } if !hypothesis.is_final());
        assert_eq!((told.texts(), told.count(so_far)), (vec![], 0));
    })
    .await;
}

#[tokio::test]
async fn an_engine_that_is_too_slow_drops_whole_stretches_and_goes_on() {
    let folder = Folder::new("slow");
    let fr = folder.scripted("fr", &format!("slow 0.2\n{}", counting(11..200)));
    let sound = Sound::tone(120);
    with_captioner(settings(&[("fr", &fr)]), async |captioner| {
        let (input, mut output) = open(&captioner, "fr");
        listen_until(&mut output, is_ready).await;
        let play = async {
            play(&input, &sound, 30.0, |_| {}).await;
            drop(input);
        };
        let ((), told) = tokio::join!(play, listen(&mut output));
        assert_in_place(&told);
        let numbers: Vec<u32> = told.texts().iter().map(|t| t[1..].parse().unwrap()).collect();
        let holes: Vec<u32> = numbers.windows(2).map(|w| w[1] - w[0]).filter(|step| *step > 1).collect();
        assert!((1..4).contains(&holes.len()) && holes.iter().all(|hole| *hole > 5), "{holes:?}");
        assert_eq!(numbers.last(), Some(&129), "the end is heard");
        let stats = told.stats();
        let dropped = Duration::from_micros(stats.dropped_micros).as_secs();
        assert!((20..100).contains(&dropped), "{stats:?}");
        let factor = stats.realtime_factor_since(&pipelines::message::SessionStats::default()).unwrap();
        assert!((0.2..0.5).contains(&factor), "{factor}");
        assert!(stats.mean > 300 && stats.peak > stats.mean, "the tone is loud enough to be heard: {stats:?}");
        assert_eq!(captioner.health().restarts, 0, "slow is not hanging");
    })
    .await;
}

#[tokio::test]
async fn an_engine_starts_with_the_first_session_and_ends_after_the_last() {
    let folder = Folder::new("linger");
    let fr = folder.scripted("fr", &counting(11..60));
    let settings = Settings { linger: Duration::from_millis(300), ..settings(&[("fr", &fr)]) };
    let sound = Sound::tone(3);
    with_captioner(settings, async |captioner| {
        let mut pids = Vec::new();
        for _ in 0..2 {
            assert_eq!(captioner.health().pid, None);
            let (input, mut output) = open(&captioner, "fr");
            listen_until(&mut output, is_ready).await;
            let pid = captioner.health().pid.unwrap();
            play(&input, &sound, 10.0, |_| {}).await;
            drop(input);
            assert_eq!(listen(&mut output).await.texts(), wanted(11..13));
            assert_eq!(captioner.health().pid, Some(pid), "it stays for a moment");
            let gone = async {
                while captioner.health().pid.is_some() {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            };
            tokio::time::timeout(Duration::from_secs(5), gone).await.expect("it ends");
            pids.push(pid);
        }
        assert!(pids.iter().all(|pid| gone(*pid)));
        assert_eq!(captioner.health().restarts, 0, "an end is no failure");
    })
    .await;
}

#[tokio::test]
async fn a_language_without_a_good_model_is_refused_in_words_and_no_other_is_hurt() {
    let folder = Folder::new("refused");
    let fr = folder.scripted("fr", &counting(11..60));
    let de = folder.scripted("de", "this is no script\n");
    let es = folder.scripted("es", "11 12 w11\n");
    std::fs::write(es.join("engine"), "whisper").unwrap();
    let it = folder.path().join("it");
    let models = [("fr", fr.as_path()), ("de", &de), ("es", &es), ("it", &it)];
    let sound = Sound::tone(3);
    with_captioner(settings(&models), async |captioner| {
        for (tag, words) in [("de", "script.txt"), ("es", "\"whisper\""), ("it", "is missing"), ("pl", "install")] {
            let (_input, mut output) = open(&captioner, tag);
            let told = listen_until(&mut output, |e| matches!(e, Event::Unavailable { .. })).await;
            let reason = reason(&told.events.last().unwrap().1).unwrap();
            assert!(reason.contains(words), "{tag}: {reason}");
        }
        assert_eq!(captioner.health().unusable.len(), 3);
        // A model was installed meanwhile; a session that waits for it gets it, sound and all.
        let (input, mut output) = open(&captioner, "de");
        input.parameters(std::sync::Arc::clone(&sound.aac));
        listen_until(&mut output, |e| matches!(e, Event::Unavailable { .. })).await;
        folder.scripted("de", &counting(11..60));
        let (french, mut french_output) = open(&captioner, "fr");
        listen_until(&mut french_output, is_ready).await;
        captioner.reset();
        listen_until(&mut output, is_ready).await;
        listen_until(&mut french_output, is_ready).await;
        for (pts, payload) in &sound.frames {
            input.frame(*pts, payload.clone());
        }
        play(&french, &sound, 10.0, |_| {}).await;
        drop((input, french));
        assert_eq!(listen(&mut output).await.texts(), wanted(11..13));
        assert_eq!(listen(&mut french_output).await.texts(), wanted(11..13));
        assert_eq!(captioner.health().unusable.len(), 2);
        assert_eq!(captioner.health().restarts, 0);
    })
    .await;
}

#[cfg(not(feature = "vosk"))]
#[tokio::test]
async fn an_engine_without_speech_recognition_says_so() {
    let folder = Folder::new("without");
    with_captioner(settings(&[("fr", folder.path())]), async |captioner| {
        let (_input, mut output) = open(&captioner, "fr");
        let told = listen_until(&mut output, |e| matches!(e, Event::Unavailable { .. })).await;
        let reason = reason(&told.events.last().unwrap().1).unwrap();
        assert!(reason.contains("built without") && reason.contains("make libvosk"), "{reason}");
    })
    .await;
}

#[tokio::test]
async fn a_missing_engine_is_explained_and_a_reset_tries_again() {
    let folder = Folder::new("missing");
    let fr = folder.scripted("fr", &counting(11..60));
    let program = folder.path().join("amphi-engine");
    let settings = Settings { program: Some(program.clone()), ..settings(&[("fr", &fr)]) };
    with_captioner(settings, async |captioner| {
        let (_input, mut output) = open(&captioner, "fr");
        let told = listen_until(&mut output, |e| matches!(e, Event::Unavailable { .. })).await;
        let reason = reason(&told.events.last().unwrap().1).unwrap();
        assert!(reason.contains("is missing") && reason.contains("cargo build"), "{reason}");
        assert!(captioner.health().given_up.is_some());
        std::os::unix::fs::symlink(ENGINE, &program).unwrap();
        captioner.reset();
        listen_until(&mut output, is_ready).await;
        assert_eq!(captioner.health().given_up, None);
    })
    .await;
}

#[tokio::test]
async fn an_engine_that_never_works_is_given_up_with_the_reason() {
    let folder = Folder::new("never");
    let fr = folder.scripted("fr", &counting(11..60));
    let little = Settings { memory_bytes: 12_000_000, ..settings(&[("fr", &fr)]) };
    with_captioner(little, async |captioner| {
        let (_input, mut output) = open(&captioner, "fr");
        let told = listen_until(&mut output, |e| matches!(e, Event::Unavailable { .. })).await;
        assert_eq!(told.count(|e| matches!(e, Event::Lost { .. })), 5, "{told:?}");
        assert!(captioner.health().given_up.is_some_and(|reason| !reason.is_empty()));
        assert_eq!(captioner.health().pid, None);
    })
    .await;
}

#[tokio::test]
async fn who_does_not_listen_hurts_nobody_and_who_leaves_is_closed() {
    let folder = Folder::new("deaf");
    let fr = folder.scripted("fr", &counting(11..60));
    let sound = Sound::tone(30);
    with_captioner(settings(&[("fr", &fr)]), async |captioner| {
        let (deaf, mut deaf_output) = open(&captioner, "fr");
        let (input, mut output) = open(&captioner, "fr");
        let (left, left_output) = open(&captioner, "fr");
        drop(left_output);
        let play = async {
            tokio::join!(
                play(&deaf, &sound, 10.0, |_| {}),
                play(&input, &sound, 10.0, |_| {}),
                play(&left, &sound, 10.0, |_| {})
            );
            drop((input, deaf, left));
        };
        let ((), told) = tokio::join!(play, listen(&mut output));
        assert_eq!(told.texts(), wanted(11..40));
        // All finals are there, though partials were dropped.
        let told = listen(&mut deaf_output).await;
        assert_eq!(told.texts(), wanted(11..40));
        assert!(deaf_output.dropped_events() > 0);
        assert_eq!(captioner.health().sessions, 0);
    })
    .await;
}

#[tokio::test]
async fn stopping_kills_at_once_and_ends_every_session() {
    let folder = Folder::new("stopping");
    let fr = folder.scripted("fr", &counting(11..60));
    let (handle, supervisor) = captioner(settings(&[("fr", &fr)]));
    let stop = CancellationToken::new();
    let (_input, mut output) = open(&handle, "fr");
    let drive = async {
        listen_until(&mut output, is_ready).await;
        let pid = signal(&handle, Signal::STOP);
        stop.cancel();
        (pid, listen(&mut output).await)
    };
    let both = async { tokio::join!(supervisor.run(stop.clone()), drive) };
    let ((), (pid, _)) = tokio::time::timeout(Duration::from_secs(10), both).await.expect("it ends soon");
    assert!(gone(pid));
}

#[test]
fn a_supervisor_can_be_given_to_a_task() {
    fn sendable(_: impl Send) {}
    let (handle, supervisor) = captioner(settings(&[]));
    sendable(supervisor.run(CancellationToken::new()));
    let request = CaptionRequest { language: crate::caption::language("fr"), vocabulary: vec![] };
    let (input, mut output) = handle.open(request);
    sendable((input, async move { output.next().await }));
}
