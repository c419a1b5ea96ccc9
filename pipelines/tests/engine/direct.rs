//! An engine without the client: all messages in, all messages out.

use bytes::Bytes;
use media::track::Parameters;
use pipelines::ladder::{Halving, Rung};
use pipelines::message::{
    self, AudioPlan, EncodedFrame, FromEngine, Options, Rendition, Start, Stats, ToEngine, WhenSlow,
};
use std::io::{Read, Write};
use std::process::{Command, ExitStatus, Stdio};

pub(crate) const ENGINE: &str = env!("CARGO_BIN_EXE_amphi-engine");

/// What came out.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) messages: Vec<FromEngine>,
    pub(crate) status: ExitStatus,
    pub(crate) said: String,
}

pub(crate) const fn rung(width: u32, height: u32, halving: Halving) -> Rung {
    Rung { width, height, bitrate_bps: 200_000, halving }
}

/// Two small rungs, no sound, nothing left out.
pub(crate) fn start() -> Start {
    Start {
        session: 7,
        rungs: vec![rung(160, 90, Halving::No), rung(80, 44, Halving::No)],
        audio: AudioPlan::Leave,
        options: Options { when_slow: WhenSlow::Wait, ..Options::default() },
    }
}

/// The engine as the client starts it.
pub(crate) fn command() -> Command {
    let mut command = Command::new("nice");
    command.args(["-n", "19", ENGINE]).env("GST_REGISTRY_DISABLE", "yes");
    command
}

/// `messages` after `start`, then the end.
pub(crate) fn run(start: Start, messages: &[ToEngine]) -> Made {
    run_as(command(), start, messages)
}

pub(crate) fn run_as(mut command: Command, start: Start, messages: &[ToEngine]) -> Made {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the engine starts");
    let mut stdin = child.stdin.take().unwrap();
    let mut stdout = child.stdout.take().unwrap();
    let mut stderr = child.stderr.take().unwrap();
    let (messages, said) = std::thread::scope(|scope| {
        scope.spawn(move || {
            let all = [ToEngine::Start(start)].into_iter().chain(messages.iter().cloned()).chain([ToEngine::Stop]);
            for message in all {
                let encoded = message.encode();
                // An engine that fails says why on its own end.
                if stdin.write_all(&encoded.head).and_then(|()| stdin.write_all(&encoded.payload)).is_err() {
                    return;
                }
            }
        });
        let said = scope.spawn(move || {
            let mut said = String::new();
            stderr.read_to_string(&mut said).unwrap();
            said
        });
        let mut out = Vec::new();
        let mut length = [0; message::LENGTH_BYTES];
        while stdout.read_exact(&mut length).is_ok() {
            let mut body = vec![0; message::body_bytes(length).unwrap()];
            stdout.read_exact(&mut body).unwrap();
            out.push(FromEngine::decode(Bytes::from(body)).unwrap());
        }
        (out, said.join().unwrap())
    });
    Made { messages, status: child.wait().unwrap(), said }
}

impl Made {
    pub(crate) fn frames(&self, rendition: Rendition) -> Vec<&EncodedFrame> {
        let frames = self.messages.iter().filter_map(|m| if let FromEngine::Frame(f) = m { Some(f) } else { None });
        frames.filter(|f| f.rendition == rendition).collect()
    }

    pub(crate) fn pts(&self, rung: u8) -> Vec<i64> {
        self.frames(Rendition::Rung(rung)).iter().map(|f| f.pts).collect()
    }

    pub(crate) fn idrs(&self, rung: u8) -> Vec<i64> {
        self.frames(Rendition::Rung(rung)).iter().filter(|f| f.keyframe).map(|f| f.pts).collect()
    }

    pub(crate) fn parameters(&self, of: Rendition) -> Vec<&Parameters> {
        self.messages
            .iter()
            .filter_map(|m| match m {
                FromEngine::Parameters { rendition, parameters } if *rendition == of => Some(parameters),
                _ => None,
            })
            .collect()
    }

    pub(crate) fn stats(&self) -> Stats {
        self.messages.iter().rev().find_map(|m| if let FromEngine::Stats(s) = m { Some(*s) } else { None }).unwrap()
    }
}
