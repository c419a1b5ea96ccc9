//! The sandbox is closed, for root and for an ordinary user, and everything works in it.

use crate::caption::{Folder, language};
use crate::clip::clip;
use crate::direct::{ENGINE, command, run_as, start};
use pipelines::message::{FromEngine, ModelPlace, ToCaptioner};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

#[test]
fn nothing_of_the_sandbox_stays_open() {
    let clip = clip("320x180", "25", &["-t", "1", "-an"]).cut(false);
    let made = run_as(command(), start(), &clip.messages);
    assert!(made.status.success(), "{}", made.said);
    assert!(!made.said.contains("sandbox"), "{}", made.said);
}

#[test]
fn captions_and_pictures_are_made_in_a_sandbox_as_closed() {
    let folder = Folder::new("sandbox");
    let places = ["fr", "ko"].map(|tag| ModelPlace {
        language: language(tag),
        folder: match tag {
            // With libvosk there is a model that it really loads.
            "ko" if cfg!(feature = "vosk") => {
                concat!(env!("CARGO_MANIFEST_DIR"), "/../target/models/vosk-ko").to_owned()
            }
            _ => folder.scripted(tag, "1 2 bonjour\n").to_str().unwrap().to_owned(),
        },
    });
    let begin = ToCaptioner::Begin { models: places.to_vec() }.encode();
    for (role, first) in [("--captions", Some(begin)), ("--thumbnails", None)] {
        let mut command = Command::new(ENGINE);
        command.env("GST_REGISTRY_DISABLE", "yes").arg(role);
        let mut engine =
            command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
        let mut stdin = engine.stdin.take().unwrap();
        if let Some(first) = first {
            stdin.write_all(&first.head).and_then(|()| stdin.write_all(&first.payload)).unwrap();
        }
        let status = format!("/proc/{}/status", engine.id());
        assert!(within_seconds(30, || is_closed(&status)), "{role}: {:?}", std::fs::read_to_string(&status));
        drop(stdin);
        let ended = engine.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&ended.stderr).into_owned();
        assert!(!said.contains("sandbox"), "{role}: {said}");
    }
}

#[test]
fn too_little_memory_ends_the_engine_and_nothing_else() {
    let clip = clip("320x180", "25", &["-t", "1", "-an"]).cut(false);
    let mut little = Command::new(ENGINE);
    little.env("GST_REGISTRY_DISABLE", "yes").args(["--memory-bytes", "12000000"]);
    let made = run_as(little, start(), &clip.messages);
    assert!(!made.status.success(), "it can't have worked: {}", made.said);
    let pictures = made.messages.iter().filter(|m| matches!(m, FromEngine::Frame(_))).count();
    assert!(pictures < 50, "{pictures}");
}

#[test]
fn an_ordinary_user_is_as_safe() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    // A place that everybody may read; build folders often are not.
    let folder = std::env::temp_dir().join(format!("amphi-engine-user-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::set_permissions(&folder, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let engine = folder.join("amphi-engine");
    std::fs::copy(ENGINE, &engine).unwrap();
    // An engine that recognises speech finds its library beside itself.
    let library = Path::new(ENGINE).with_file_name("../libvosk/libvosk.so");
    if library.is_file() {
        std::fs::copy(library, folder.join("libvosk.so")).unwrap();
    }
    let clip = clip("320x180", "25", &["-t", "1", "-an"]).cut(false);
    let mut user = Command::new("setpriv");
    user.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&engine).env("GST_REGISTRY_DISABLE", "yes");
    let made = run_as(user, start(), &clip.messages);
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(made.status.success() && made.pts(0).len() == 25, "{}", made.said);
    assert!(!made.said.contains("sandbox"), "{}", made.said);
}

#[test]
fn an_engine_dies_with_the_server_though_its_pipe_stays_open() {
    let mut server = Command::new("sh")
        .args(["-c", "exec 3<&0; \"$0\" <&3 & echo $!; wait", ENGINE])
        .env("GST_REGISTRY_DISABLE", "yes")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(server.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    let status = format!("/proc/{}/status", line.trim());
    assert!(
        within_seconds(10, || is_closed(&status)),
        "the sandbox is not closed: {:?}",
        std::fs::read_to_string(&status)
    );
    server.kill().unwrap();
    server.wait().unwrap();
    let gone = || !std::fs::read_to_string(&status).is_ok_and(|s| !s.contains("State:\tZ"));
    assert!(within_seconds(5, gone), "the engine outlives the server");
}

/// By the `status` of a process.
fn is_closed(status: &str) -> bool {
    std::fs::read_to_string(status).is_ok_and(|s| s.contains("Seccomp:\t2") && s.contains("NoNewPrivs:\t1"))
}

fn within_seconds(seconds: u32, test: impl Fn() -> bool) -> bool {
    (0..seconds * 50).any(|_| {
        std::thread::sleep(Duration::from_millis(20));
        test()
    })
}
