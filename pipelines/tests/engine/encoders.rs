//! Encoders beside x264: tried before they are used, replaced when they are not there or do otherwise than they are told.

use crate::clip::clip;
use crate::direct::{ENGINE, Made, command, run_as, start};
use crate::killed::{live_with, settings};
use pipelines::client::{Event, Settings};
use pipelines::encoder::{Choice, Encoder};
use pipelines::message::{FromEngine, Rendition};
use std::process::Command;
use std::time::{Duration, Instant};

/// What a probe of an encoder says; `None`: it is to be trusted.
fn probed(name: &str) -> Option<String> {
    let started = Instant::now();
    let probe = Command::new(ENGINE).args(["--probe", name]).env("GST_REGISTRY_DISABLE", "yes").output().unwrap();
    assert!(started.elapsed() < Duration::from_secs(10), "{name}: {:?}", started.elapsed());
    let said = String::from_utf8(probe.stdout).unwrap();
    assert_eq!(probe.status.success(), said.is_empty(), "{name}: {said:?} {}", String::from_utf8_lossy(&probe.stderr));
    (!said.is_empty()).then_some(said)
}

/// An engine that was told to use it, and what it uses and why.
fn with(encoder: &str, clip: &crate::clip::Clip) -> (Made, Encoder, String) {
    let mut engine = command();
    engine.args(["--encoder", encoder]);
    let made = run_as(engine, start(), &clip.messages);
    let ready = made.messages.iter().find_map(|message| match message {
        FromEngine::Ready { encoder, why, .. } => Some((*encoder, why.clone())),
        _ => None,
    });
    let (encoder, why) = ready.unwrap_or_else(|| panic!("{}", made.said));
    (made, encoder, why)
}

#[test]
fn encoders_in_software_pass_the_probe_and_those_without_a_device_say_what_is_missing() {
    for name in ["x264", "openh264"] {
        assert_eq!(probed(name), None, "{name}");
    }
    // Those whose hardware this machine has may pass.
    for (name, element) in [("va", "vah264enc"), ("nvenc", "nvh264enc"), ("qsv", "qsvh264enc")] {
        let said = probed(name);
        assert!(said.is_none_or(|said| said.contains(element)), "{name}");
    }
    assert!(probed("h265").unwrap().contains("no such encoder"));
}

#[test]
fn a_second_encoder_makes_the_same_pictures_with_the_same_idrs() {
    for gop in ["50", "62", "250"] {
        let clip = clip("320x180", "25", &["-t", "9", "-g", gop, "-an"]).cut(gop == "250");
        let (made, encoder, why) = with("openh264", &clip);
        assert!(made.status.success(), "{}", made.said);
        assert_eq!((encoder, why.as_str()), (Encoder::OpenH264, ""));
        for n in 0..2 {
            assert_eq!(made.pts(n), clip.shown(), "GOP of {gop}: pictures of rung {n}");
            assert_eq!(made.idrs(n), clip.cuts(), "GOP of {gop}: IDRs of rung {n}");
        }
        assert!(!made.said.contains("sandbox"), "{}", made.said);
        assert_eq!(made.parameters(Rendition::Rung(0)).len(), 1);
    }
}

#[test]
fn an_encoder_that_can_not_be_used_is_replaced_and_why_is_said() {
    let clip = clip("320x180", "25", &["-t", "2", "-g", "25", "-an"]).cut(false);
    let (made, encoder, why) = with("nvenc", &clip);
    assert!(made.status.success(), "{}", made.said);
    if encoder == Encoder::X264 {
        assert!(why.starts_with("nvenc: ") && why.contains("nvh264enc"), "{why}");
    } else {
        assert_eq!((encoder, why.as_str()), (Encoder::Nvenc, ""), "the hardware is there");
    }
    assert_eq!((made.pts(0), made.idrs(0)), (clip.shown(), clip.cuts()));
    let (_, _, why) = with("x264", &clip);
    assert_eq!(why, "", "nothing was tried");
}

#[tokio::test]
async fn an_encoder_that_ends_its_engine_before_anything_is_done_is_left_for_x264() {
    // Ends at once, unless it is told to use x264: as a driver would that lets a probe pass.
    let folder = std::env::temp_dir().join(format!("amphi-engine-driver-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let program = folder.join("amphi-engine");
    let script = format!("#!/bin/sh\ncase \"$*\" in *\"--encoder x264\"*) exec {ENGINE} \"$@\";; esac\nexit 3\n");
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let clip = clip("320x180", "25", &["-t", "3", "-g", "50", "-an"]).cut(false);
    let chosen = Settings { program: Some(program), encoder: Choice::This(Encoder::OpenH264), ..settings() };
    let lived = live_with(&clip, chosen).await;
    std::fs::remove_dir_all(&folder).unwrap();
    lived.assert_whole("a driver that falls over", &clip, 0);
    let ready: Vec<_> = lived.events.iter().filter(|e| matches!(e, Event::Ready { .. })).collect();
    assert!(matches!(ready[..], [Event::Ready { encoder: Encoder::X264, .. }]), "{ready:?}");
    assert_eq!(lived.restarts, 1);
}
