//! The service files, judged by systemd itself (package `systemd`; missing is a failure).

use super::root;
use crate::support::peers::Peer;
use std::fs;
use std::path::Path;
use std::time::Duration;

const WITHIN: Duration = Duration::from_secs(60);

/// `systemd-analyze verify` of the unit's text, with the program where it is now. Its words; empty when all is well.
/// (Unknown keys only make it speak, not fail: both count.)
fn verify(unit: &str) -> String {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("amphi.service");
    let here = env!("CARGO_BIN_EXE_amphi");
    assert!(unit.contains("ExecStart=/usr/bin/amphi serve"));
    fs::write(&path, unit.replace("ExecStart=/usr/bin/amphi ", &format!("ExecStart={here} "))).unwrap();
    let mut peer = Peer::start("systemd-analyze", [Path::new("verify"), Path::new("--man=no"), &path]);
    let status = peer.finish(WITHIN);
    peer.whole_log(WITHIN) + if status.success() { "" } else { "\nverify failed" }
}

fn unit() -> String {
    fs::read_to_string(root().join("systemd/amphi.service")).unwrap()
}

#[test]
fn systemd_accepts_the_unit() {
    assert_eq!(verify(&unit()), "");
}

#[test]
fn systemd_would_refuse_a_wrong_unit() {
    let misspelt = verify(&unit().replace("ProtectHome=", "ProtectHouse="));
    assert!(misspelt.contains("ProtectHouse"), "{misspelt}");
    assert!(verify(&unit().replace("Type=notify", "Type=nonsense")).contains("nonsense"));
}

#[test]
fn the_sandbox_is_tight() {
    let mut peer = Peer::start(
        "systemd-analyze",
        [
            "security".as_ref(),
            "--offline=true".as_ref(),
            "--no-pager".as_ref(),
            // In tenths. 1.8 as committed; what is missing is an address list, which a public server can't have.
            "--threshold=20".as_ref(),
            root().join("systemd/amphi.service").as_os_str(),
        ],
    );
    let status = peer.finish(WITHIN);
    assert!(status.success(), "{}", peer.whole_log(WITHIN));
}

/// Settings after `# Ports below 1024` that stand more than seven lines below the last comment: a reason covers a short block only.
fn without_reason(unit: &str) -> Vec<&str> {
    let (_, hardening) = unit.split_once("# Ports below 1024").unwrap();
    let mut since_reason = 0;
    let mut found = Vec::new();
    for line in hardening.lines().skip(1).take_while(|line| *line != "[Install]").filter(|line| !line.is_empty()) {
        since_reason = if line.starts_with('#') { 0 } else { since_reason + 1 };
        if since_reason > 7 {
            found.push(line);
        }
    }
    found
}

#[test]
fn every_hardening_line_has_its_reason_nearby() {
    assert_eq!(without_reason(&unit()), [""; 0]);
    let bare: String =
        unit().lines().filter(|l| !l.starts_with("# ") || l.contains("Ports")).fold(String::new(), |a, l| a + l + "\n");
    assert!(without_reason(&bare).len() > 10);
}

#[test]
fn the_stop_time_out_covers_the_servers_own_deadlines() {
    let deadlines = amphi::lifecycle::Deadlines::default();
    let unit = unit();
    let seconds: u64 = unit.lines().find_map(|line| line.strip_prefix("TimeoutStopSec=")).unwrap().parse().unwrap();
    assert!(Duration::from_secs(seconds) > deadlines.soft + deadlines.hard);
}
