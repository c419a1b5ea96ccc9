//! The sandbox is closed, for root and for an ordinary user, and everything works in it.

use crate::clip::clip;
use crate::direct::{ENGINE, command, run_as, start};
use pipelines::message::FromEngine;
use std::io::{BufRead, BufReader};
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
    let closed =
        || std::fs::read_to_string(&status).is_ok_and(|s| s.contains("Seccomp:\t2") && s.contains("NoNewPrivs:\t1"));
    assert!(within_seconds(10, closed), "the sandbox is not closed: {:?}", std::fs::read_to_string(&status));
    server.kill().unwrap();
    server.wait().unwrap();
    let gone = || !std::fs::read_to_string(&status).is_ok_and(|s| !s.contains("State:\tZ"));
    assert!(within_seconds(5, gone), "the engine outlives the server");
}

fn within_seconds(seconds: u32, test: impl Fn() -> bool) -> bool {
    (0..seconds * 50).any(|_| {
        std::thread::sleep(Duration::from_millis(20));
        test()
    })
}
