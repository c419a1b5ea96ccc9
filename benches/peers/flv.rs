//! FLV tags: what an RTMP publisher sends, with its timestamps.

use super::process::Error;
use bytes::Bytes;

/// One audio or video tag.
#[derive(Clone, Debug)]
pub(crate) struct Tag {
    /// Else audio.
    pub video: bool,
    /// Milliseconds.
    pub timestamp_ms: u32,
    /// The body, which is an RTMP message's payload too.
    pub payload: Bytes,
}

impl Tag {
    /// AVC or AAC sequence header: sent once, not at every repetition.
    pub(crate) fn header(&self) -> bool {
        self.payload.get(1) == Some(&0)
    }
}

/// Reads the audio and video tags of a file (Adobe FLV 10.1, annex E).
pub(crate) fn tags(file: &Bytes) -> Result<Vec<Tag>, Error> {
    if file.get(..3) != Some(b"FLV") {
        return Err("not an FLV file".into());
    }
    // 9 bytes of header, 4 of the size of the tag before the first.
    let mut at = 13;
    let mut found = Vec::new();
    while let Some(head) = file.get(at..at + 11) {
        let length = usize::from(head[1]) << 16 | usize::from(head[2]) << 8 | usize::from(head[3]);
        let timestamp_ms = u32::from_be_bytes([head[7], head[4], head[5], head[6]]);
        let (start, end) = (at + 11, at + 11 + length);
        if end > file.len() {
            return Err("the last tag is cut".into());
        }
        if matches!(head[0], 8 | 9) {
            found.push(Tag { video: head[0] == 9, timestamp_ms, payload: file.slice(start..end) });
        }
        at = end + 4;
    }
    if found.is_empty() { Err("no audio or video in the FLV file".into()) } else { Ok(found) }
}
