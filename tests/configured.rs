//! Settings as an operator meets them: refused at the start with the nearest name, read again without touching a live.

use crate::support::http::get;
use crate::support::peers::{Peer, wait_until};
use crate::support::server::{Options, Server};
use crate::support::stream::{
    Clip, PATIENCE, SOON, broadcaster, decodes, playlist, url, video_url, wait_on_air, wait_state, wait_videos,
};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

const LIVE: &str = "/live/demo/source/media.m3u8";

#[test]
fn a_reload_keeps_a_live_on_air() {
    let server = Server::start(Options::default());
    let clip = Clip::new("320x180", 20);
    let _encoder = clip.push_for_ever(&url(&server, "demo", "demo"));
    wait_on_air(&server, "demo");
    let before = broadcaster(&server, "demo");
    let (msn, _) = playlist(&server, LIVE).next().unwrap();
    for n in 1..=3 {
        server.reload();
        assert!(wait_until(SOON, || server.log().matches("reloading").count() >= n), "{}", server.log());
        let held = get(server.http(), &format!("{LIVE}?_HLS_msn={}", msn + n as u64));
        assert_eq!(held.status, 200, "{}", held.text());
    }
    let after = broadcaster(&server, "demo");
    assert_eq!(
        (&after["contribution"]["since"], &after["video_id"], &after["state"]),
        (&before["contribution"]["since"], &before["video_id"], &"on_air".into())
    );
    assert!(playlist(&server, LIVE).segments.iter().all(|segment| !segment.head.discontinuity));
}

#[test]
fn a_changed_setting_holds_for_the_live_on_air_and_a_wrong_one_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("amphi.toml");
    let write = |text: &str| std::fs::write(&file, text).unwrap();
    write("[live]\ngrace = \"10 min\"\n");
    let server = Server::start(Options {
        arguments: vec!["--config".to_owned(), file.to_str().unwrap().to_owned()],
        ..Options::default()
    });
    let clip = Clip::new("320x180", 20);
    let mut encoder = clip.push_for_ever(&url(&server, "demo", "demo"));
    wait_on_air(&server, "demo");
    let since = broadcaster(&server, "demo")["contribution"]["since"].clone();
    let reload = |says: &[&str]| {
        server.reload();
        let said = || says.iter().all(|words| server.log().contains(words));
        assert!(wait_until(SOON, said), "{says:?} in {}", server.log());
        let now = broadcaster(&server, "demo");
        assert_eq!((&now["state"], &now["contribution"]["since"]), (&"on_air".into(), &since));
    };

    write("[live]\ngrase = \"1s\"\n");
    reload(&["the settings in force stay", "amphi.toml:2: there is no setting live.grase; did you mean live.grace?"]);
    write("[live]\ngrace = \"1s\"\ndvr_window = \"1h\"\n[log]\nfilter = \"amphi=debug\"\n");
    reload(&["changed=\"live.grace log.filter\"", "settings=\"live.dvr_window\""]);

    encoder.kill();
    let dropped = Instant::now();
    wait_state(&server, "demo", "ended");
    assert!(dropped.elapsed() < SOON, "far less than the ten minutes of the start");
}

/// A certificate for `localhost` and its key, written to two files; the certificate for a client to trust.
fn certificate(folder: &Path) -> (PathBuf, PathBuf, rustls::pki_types::CertificateDer<'static>) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    let (certificate, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    (certificate, key, made.cert.der().clone())
}

fn with_tls((certificate, key, _): &(PathBuf, PathBuf, rustls::pki_types::CertificateDer<'static>)) -> Options {
    Options::with(&[
        ("AMPHI_HTTP__TLS_CERTIFICATE", certificate.to_str().unwrap()),
        ("AMPHI_HTTP__TLS_KEY", key.to_str().unwrap()),
    ])
}

/// A GET by HTTPS; fails when the server shows another certificate.
fn get_by_tls(
    server: &Server,
    trusted: &rustls::pki_types::CertificateDer<'static>,
    path: &str,
) -> std::io::Result<String> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let config = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let client = rustls::ClientConnection::new(Arc::new(config), "localhost".try_into().unwrap()).unwrap();
    let socket = std::net::TcpStream::connect(server.http())?;
    socket.set_read_timeout(Some(PATIENCE))?;
    let mut stream = rustls::StreamOwned::new(client, socket);
    write!(stream, "GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
    let mut text = String::new();
    match stream.read_to_string(&mut text) {
        // Closed without TLS's goodbye: the answer is whole by its length.
        Err(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => Err(error),
        _ => Ok(text),
    }
}

#[test]
fn a_renewed_certificate_is_served_after_a_reload() {
    let folder = tempfile::tempdir().unwrap();
    let old = certificate(folder.path());
    let server = Server::start(with_tls(&old));
    assert!(get_by_tls(&server, &old.2, "/healthz").unwrap().starts_with("HTTP/1.1 200"));
    let new = certificate(folder.path());
    get_by_tls(&server, &new.2, "/healthz").expect_err("it is not read before it is asked for");
    server.reload();
    assert!(wait_until(SOON, || server.log().contains("the certificate was read again")), "{}", server.log());
    assert!(get_by_tls(&server, &new.2, "/healthz").unwrap().starts_with("HTTP/1.1 200"));
    get_by_tls(&server, &old.2, "/healthz").expect_err("the old one is gone");
}

#[test]
fn an_encoder_pushes_by_rtmps() {
    let folder = tempfile::tempdir().unwrap();
    let made = certificate(folder.path());
    let mut options = with_tls(&made);
    options.environment.push(("AMPHI_RTMP__TLS_LISTEN".to_owned(), "127.0.0.1:0".to_owned()));
    let server = Server::start(options);
    let text = std::fs::read_to_string(server.data_dir().join("run/addresses.json")).unwrap();
    let addresses: serde_json::Value = serde_json::from_str(&text).unwrap();
    let rtmps = addresses["rtmps"].as_str().unwrap();
    // What it prints comes by another way than the file.
    let told = format!("rtmps://{rtmps}/live");
    assert!(wait_until(SOON, || server.log().contains(&told)), "{}", server.log());
    let clip = Clip::new("320x180", 20);
    let encoder = clip.push_for_ever(&format!("rtmps://{rtmps}/live/demo?key=demo"));
    let on_air = || {
        let shown = get_by_tls(&server, &made.2, "/api/v1/broadcasters/demo").unwrap();
        shown.contains(r#""on_air":true"#)
    };
    assert!(wait_until(SOON, on_air), "{}\n{}", encoder.log(), server.log());
    // Its own port speaks nothing else, and a stranger's key is refused there too.
    let mut stranger = clip.push(&format!("rtmps://{rtmps}/live/demo?key=stolen"));
    assert!(!stranger.finish(PATIENCE).success());
    let mut plain = clip.push(&format!("rtmp://{rtmps}/live/demo?key=demo"));
    assert!(!plain.finish(PATIENCE).success());
}

#[test]
fn rtmps_without_a_certificate_is_refused_at_the_start() {
    let data = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_amphi"));
    command.args(["serve", "--dev", "--http", "127.0.0.1:0", "--rtmp", "127.0.0.1:0", "--data-dir"]).arg(data.path());
    let mut server = Peer::spawn("amphi", command.env("AMPHI_RTMP__TLS_LISTEN", "127.0.0.1:0"));
    assert_eq!(server.finish(PATIENCE).code(), Some(1));
    let said = server.whole_log(PATIENCE);
    assert!(said.contains("rtmp.tls_listen needs http.tls_certificate and http.tls_key"), "{said}");
}

#[test]
fn without_grace_the_end_of_the_push_is_the_end_of_the_live() {
    let server = Server::start(Options::with(&[("AMPHI_LIVE__GRACE", "0s"), ("AMPHI_LIVE__MIN_LENGTH", "0s")]));
    let clip = Clip::new("320x180", 5);
    let url = url(&server, "demo", "demo");
    for count in 1..=2 {
        let mut encoder = clip.push(&url);
        wait_on_air(&server, "demo");
        assert!(encoder.finish(PATIENCE).success(), "{}", encoder.log());
        let ended = Instant::now();
        wait_state(&server, "demo", "ended");
        let videos = wait_videos(&server, "demo", count);
        assert!(ended.elapsed() < Duration::from_secs(3), "{:?}", ended.elapsed());
        let list = playlist(&server, LIVE);
        assert!(list.ended);
        decodes(&video_url(&server, &videos[count - 1]));
    }
    // Two lives on one URL: the numbers went on.
    let videos = wait_videos(&server, "demo", 2);
    let list =
        |n: usize| playlist(&server, &format!("/videos/{}/source/media.m3u8", videos[n]["id"].as_str().unwrap()));
    let (first, second) = (list(0), list(1));
    assert!(second.media_sequence > first.segments.last().unwrap().head.msn);
    assert!(second.discontinuity_sequence > first.discontinuity_sequence);
}

#[test]
fn a_camera_s_password_is_read_from_standard_input() {
    let data = tempfile::tempdir().unwrap();
    let amphi = |words: &[&str], input: &[u8]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_amphi"));
        command.args(words).arg("--data-dir").arg(data.path()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input).unwrap();
        let output = child.wait_with_output().unwrap();
        (output.status.success(), String::from_utf8([output.stdout, output.stderr].concat()).unwrap())
    };
    let (done, said) = amphi(&["broadcaster", "add", "hall", "--rtsp", "-"], b"rtsp://u:hunter2@cam/1\n");
    assert!(done && !said.contains("hunter2"), "{said}");
    let (_, said) = amphi(&["broadcaster", "set-rtsp", "hall", "-"], b"rtsp://u:hunter2@cam/2\n");
    assert!(said.contains("hall is pulled from rtsp://cam/2."), "{said}");
    let (done, said) = amphi(&["broadcaster", "set-rtsp", "hall", "-"], b"hunter2\n");
    assert!(!done && said.contains("standard input: the URL must look like") && !said.contains("hunter2"), "{said}");
}

#[test]
fn what_is_not_a_setting_is_refused_and_the_nearest_one_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("amphi.toml");
    let start = |toml: &str, variable: (&str, &str)| {
        std::fs::write(&file, toml).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_amphi"));
        command.args(["serve", "--http", "127.0.0.1:0", "--rtmp", "127.0.0.1:0", "--config"]).arg(&file);
        command.arg("--data-dir").arg(folder.path().join("data")).env(variable.0, variable.1);
        let mut server = Peer::spawn("amphi", &mut command);
        let status = server.finish(PATIENCE);
        (status.code(), server.whole_log(PATIENCE))
    };
    let nothing = ("AMPHI_LIVE__GRACE", "1s");
    for (toml, variable, words) in [
        ("[live]\ngrase = \"1s\"\n", nothing, ["live.grase", "live.grace"]),
        ("", ("AMPHI_LIVE__GRASE", "1s"), ["AMPHI_LIVE__GRASE", "AMPHI_LIVE__GRACE"]),
        ("[live]\ngrace = \"27 parsecs\"\n", ("AMPHI_LIVE__MIN_LENGTH", "1s"), ["live.grace", "amphi.toml:2"]),
        ("[liv]\ngrace = \"1s\"\n", nothing, ["liv", "live"]),
        ("[http\n", nothing, ["amphi.toml", "1"]),
        (
            "[http]\ntls_certificate = \"/nowhere/cert.pem\"\ntls_key = \"/nowhere/key.pem\"\n",
            nothing,
            ["/nowhere/cert.pem", "certificate"],
        ),
    ] {
        let (code, said) = start(toml, variable);
        assert_eq!(code, Some(1), "{toml}: {said}");
        assert!(words.iter().all(|word| said.contains(word)), "{toml}: {said}");
        assert!(!said.contains("panicked"), "{said}");
    }
}
