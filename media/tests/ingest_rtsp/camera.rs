//! The real peer as a child process that ends with the test.

use amphi_media::ingest::rtsp::Source;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/support/peers/rtsp_server.py");

pub(crate) struct Camera {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    clients: u32,
    pub(crate) port: u16,
}

/// What a finite stream had sent when it was over: pts in microseconds of the source's clock, in decode order.
pub(crate) struct Sent {
    pub(crate) video: Vec<i64>,
    pub(crate) audio: Vec<i64>,
}

impl Camera {
    pub(crate) async fn start(arguments: &[&str]) -> Self {
        // Debian's python3, which has the gi module; another python3 may come first in PATH.
        let mut child = Command::new("/usr/bin/python3")
            .arg(SCRIPT)
            .args(arguments)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("python3 with gir1.2-gst-rtsp-server-1.0");
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut camera = Self { child, lines, clients: 0, port: 0 };
        camera.port = camera.wait_for("PORT").await[0].parse().unwrap();
        camera
    }

    pub(crate) fn source(&self) -> Source {
        Source::parse(&format!("rtsp://127.0.0.1:{}/extron1", self.port)).unwrap()
    }

    pub(crate) async fn sent(&mut self) -> Sent {
        let words = self.wait_for("SENT").await;
        let times = |word: &str| match word {
            "-" => vec![],
            list => list.split(',').map(|ns| ns.parse::<i64>().unwrap() / 1000).collect(),
        };
        Sent { video: times(&words[0]), audio: times(&words[1]) }
    }

    /// Connections up to the last line that was waited for.
    pub(crate) fn clients(&self) -> u32 {
        self.clients
    }

    pub(crate) async fn kill(&mut self) {
        self.child.kill().await.expect("kill");
    }

    async fn wait_for(&mut self, word: &str) -> Vec<String> {
        let waiting = async {
            loop {
                let line = self.lines.next_line().await.unwrap().expect("the server ended; see its stderr above");
                let mut words = line.split_whitespace().map(ToOwned::to_owned);
                let first = words.next().unwrap_or_default();
                if first == "CLIENTS" {
                    self.clients = words.next().unwrap().parse().unwrap();
                } else if first == word {
                    return words.collect();
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(20), waiting).await.unwrap_or_else(|_| panic!("no {word} in 20 s"))
    }
}
