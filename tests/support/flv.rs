//! What a publisher sends: FLV tags, made by ffmpeg or put together by a test.

use super::peers::run_bytes;
use bytes::Bytes;
use std::time::Duration;

/// Half a minute of a small picture is encoded in about a second; other tests run beside.
const ENCODE: Duration = Duration::from_secs(60);

/// One audio or video tag.
#[derive(Clone, Debug)]
pub(crate) struct Tag {
    /// Else audio.
    pub video: bool,
    /// Milliseconds.
    pub at_ms: u32,
    /// The body, which is an RTMP message's payload too.
    pub body: Bytes,
}

impl Tag {
    /// AVC or AAC sequence header: decoder configuration, no media.
    pub(crate) fn is_header(&self) -> bool {
        self.body.get(1) == Some(&0)
    }

    /// A picture that decoding can begin at.
    pub(crate) fn is_keyframe(&self) -> bool {
        self.video && !self.is_header() && self.body.first() == Some(&0x17)
    }

    /// A picture.
    pub(crate) fn is_picture(&self) -> bool {
        // 2 is "end of sequence", which holds none.
        self.video && self.body.get(1) == Some(&1)
    }
}

/// A moving picture of `size` and a tone, H.264 and AAC, as ffmpeg makes them with `more` arguments (`-t`, `-g`, …).
pub(crate) fn encode(size: &str, rate: u32, more: &[&str]) -> Vec<u8> {
    let picture = format!("testsrc2=size={size}:rate={rate}");
    let sound = "sine=frequency=440:sample_rate=48000";
    let inputs = ["-v", "error", "-f", "lavfi", "-i", &picture, "-f", "lavfi", "-i", sound];
    let coding = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-sc_threshold", "0"];
    let sound = ["-c:a", "aac", "-b:a", "64k", "-ac", "2"];
    let out = ["-flvflags", "no_duration_filesize", "-f", "flv", "pipe:1"];
    run_bytes("ffmpeg", inputs.iter().chain(&coding).chain(&sound).chain(more).chain(&out), ENCODE)
}

/// The audio and video tags of a file (Adobe FLV 10.1, annex E).
pub(crate) fn tags(file: Vec<u8>) -> Vec<Tag> {
    let file = Bytes::from(file);
    assert_eq!(&file[..3], b"FLV");
    // 9 bytes of header, 4 of the size of the tag before the first.
    let mut at = 13;
    let mut found = Vec::new();
    while let Some(head) = file.get(at..at + 11) {
        let length = usize::from(head[1]) << 16 | usize::from(head[2]) << 8 | usize::from(head[3]);
        let at_ms = u32::from_be_bytes([head[7], head[4], head[5], head[6]]);
        if matches!(head[0], 8 | 9) {
            found.push(Tag { video: head[0] == 9, at_ms, body: file.slice(at + 11..at + 11 + length) });
        }
        at += 11 + length + 4;
    }
    assert!(!found.is_empty(), "no audio or video in the FLV file");
    found
}

/// `second` after `first` on one connection, as an encoder does whose settings were changed: one clock, new headers.
pub(crate) fn one_after_the_other(first: &[Tag], second: &[Tag]) -> Vec<Tag> {
    let end_ms = first.iter().map(|tag| tag.at_ms).max().unwrap_or(0) + 40;
    let later = second.iter().map(|tag| Tag { at_ms: tag.at_ms + end_ms, ..tag.clone() });
    first.iter().cloned().chain(later).collect()
}

/// How many pictures there are.
pub(crate) fn pictures(tags: &[Tag]) -> u64 {
    tags.iter().filter(|tag| tag.is_picture()).count() as u64
}
