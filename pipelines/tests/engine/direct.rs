//! An engine without the client: all messages in, all messages out.

use bytes::{BufMut, Bytes, BytesMut};
use media::codec::h264::nals;
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

    /// What ffmpeg makes of a rung's pictures, as `out` says.
    pub(crate) fn decoded(&self, rung: u8, out: &[&str]) -> Vec<u8> {
        let stream = self.annex_b(rung);
        let mut decode = Command::new("ffmpeg")
            .args(["-v", "error", "-f", "h264", "-i", "pipe:0"])
            .args(out)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = decode.stdin.take().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(move || stdin.write_all(&stream).unwrap());
            decode.wait_with_output().unwrap().stdout
        })
    }

    /// A rung as a stream of its own (ITU-T H.264 annex B).
    fn annex_b(&self, rung: u8) -> BytesMut {
        let Some(Parameters::Video(h264)) = self.parameters(Rendition::Rung(rung)).first().copied().cloned() else {
            panic!("no configuration: {}", self.said)
        };
        let mut stream = BytesMut::new();
        let mut put = |nal: &[u8]| {
            stream.put_u32(1);
            stream.extend_from_slice(nal);
        };
        // One SPS and one PPS, each after its length of two bytes; a byte counts the PPS between.
        let record = h264.avcc();
        let sps = 8 + usize::from(u16::from_be_bytes([record[6], record[7]]));
        put(&record[8..sps]);
        put(&record[sps + 3..sps + 3 + usize::from(u16::from_be_bytes([record[sps + 1], record[sps + 2]]))]);
        for frame in self.frames(Rendition::Rung(rung)) {
            nals(&frame.payload, 4).for_each(|nal| put(nal.unwrap()));
        }
        stream
    }
}
