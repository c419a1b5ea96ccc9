//! `amphi serve` as a whole: it starts, says where it is, answers, stops, and comes back after a power cut.

use crate::support::peers::{Peer, wait_until};
use crate::support::server::{Options, Server};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn a_fresh_server_answers_and_stops_with_success() {
    let mut server = Server::start(Options::default());
    assert!(server.http().ip().is_loopback() && server.rtmp().ip().is_loopback(), "--dev binds to loopback");
    assert!(get(server.http(), "/healthz").starts_with("HTTP/1.1 200"));
    let ready = get(server.http(), "/readyz");
    assert!(ready.starts_with("HTTP/1.1 200") && ready.contains(r#""ready":true"#), "{ready}");
    let metrics = get(server.http(), "/metrics");
    assert!(metrics.contains("amphi_build_info{") && metrics.contains("amphi_http_connections "), "{metrics}");
    assert!(server.stop().success(), "{}", server.log());
    assert!(!server.data_dir().join("run/addresses.json").exists(), "nobody is to be asked there any more");
    assert!(TcpStream::connect(server.http()).is_err());
}

#[test]
fn a_killed_server_comes_back_on_the_same_data_and_ports() {
    let mut server = Server::start(Options::default());
    server.kill_9();
    server.restart();
    assert!(get(server.http(), "/readyz").starts_with("HTTP/1.1 200"));
}

#[test]
fn a_taken_port_is_a_clear_failure() {
    let server = Server::start(Options::default());
    let data = tempfile::tempdir().unwrap();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_amphi"))
        .args(["serve", "--dev", "--rtmp", "127.0.0.1:0", "--http", &server.http().to_string(), "--data-dir"])
        .arg(data.path())
        .output()
        .unwrap();
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains(&server.http().to_string()), "the address is named: {said}");
}

/// The value of a metric's line that begins so.
fn metric(text: &str, line: &str) -> Option<f64> {
    text.lines().find_map(|found| found.strip_prefix(line)?.trim().parse().ok())
}

#[test]
fn an_operator_sees_a_live_in_the_metrics() {
    let server = Server::start(Options::default());
    let url = format!("rtmp://{}/live/demo?key=demo", server.rtmp());
    let source =
        ["-re", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25", "-f", "lavfi", "-i", "sine=sample_rate=48000"];
    let codecs =
        ["-c:v", "libx264", "-preset", "ultrafast", "-g", "50", "-pix_fmt", "yuv420p", "-c:a", "aac", "-f", "flv"];
    let mut encoder = Peer::start(
        "ffmpeg",
        ["-hide_banner", "-loglevel", "error"].iter().chain(&source).chain(&codecs).chain(&[url.as_str()]),
    );
    let mut metrics = String::new();
    let told = |text: &str, line: &str| metric(text, line).unwrap_or(0.0);
    let on_air = "amphi_live_on_air{broadcaster=\"demo\"}";
    let seen = wait_until(Duration::from_secs(60), || {
        metrics = get(server.http(), "/metrics");
        told(&metrics, on_air) == 1.0 && told(&metrics, "amphi_live_parts_total{broadcaster=\"demo\"}") > 4.0
    });
    assert!(seen, "{metrics}");
    for line in [
        "amphi_contributions_total{protocol=\"rtmp\"}",
        "amphi_contribution_received_bytes_total{broadcaster=\"demo\",protocol=\"rtmp\"}",
        "amphi_contribution_received_frames_total{broadcaster=\"demo\",protocol=\"rtmp\"}",
        "amphi_live_part_lateness_seconds_count{broadcaster=\"demo\"}",
        "amphi_archive_synced_timestamp_seconds",
        "amphi_rtmp_received_bytes_total",
    ] {
        assert!(told(&metrics, line) > 0.0, "{line}: {metrics}");
    }
    assert!(!metrics.contains("key=demo"), "a stream key is in nobody's metrics");
    encoder.kill();
    let dropped = wait_until(Duration::from_secs(60), || metric(&get(server.http(), "/metrics"), on_air) == Some(0.0));
    assert!(dropped, "a live that lost its contribution is not on air");
}
