//! What media must be: the rules that need its bytes. Pure but for [`decode_one`], which asks ffmpeg.

use super::connection::Answer;
use super::fmp4::{self, Track};
use bytes::Bytes;
use std::collections::BTreeMap;
use std::time::Duration;

/// Decoding one small picture takes milliseconds; a machine under load gets this long.
const LIMIT: Duration = Duration::from_secs(20);

/// Name, source, what it says, as in [`super::rules`].
pub(crate) type Row = (&'static str, &'static str, &'static str);
pub(crate) const REACHABLE: Row = ("Reachable", "design", "what is listed can be fetched");
pub(crate) const PARTS_EQUAL: Row = ("PartsEqualSegment", "design", "a segment is its parts one after the other");
pub(crate) const HINT_EQUAL: Row = ("HintEqualsPart", "bis 6.2.5.2", "a hinted GET is held and gives the part");
pub(crate) const HEAD: Row = ("Head", "RFC 9110 9.3.2", "HEAD has GET's status and length, and no body");
pub(crate) const RANGE: Row = ("Range", "RFC 9110 14", "a range gives 206 with its bytes; one beyond the end 416");
pub(crate) const MEDIA: Row = ("Fmp4", "ISO 14496-12", "parts are fragments with all their samples");
pub(crate) const CONTINUITY: Row = ("DecodeTime", "ISO 14496-12 8.8.12", "tfdt goes on where the part before ended");
pub(crate) const DURATION: Row = ("PartDuration", "bis 4.4.4.9", "DURATION is the media's");
pub(crate) const INDEPENDENT: Row = ("IndependentPart", "bis 4.4.4.9", "an INDEPENDENT part contains a keyframe");
pub(crate) const I_FRAME: Row = ("IFrame", "bis 4.4.3.6", "an I-frame's range begins with moof and decodes by itself");
pub(crate) const TEXT: Row = ("WebVtt", "authoring 5.3", "captions are WebVTT with an X-TIMESTAMP-MAP");
pub(crate) const MEDIA_CORS: Row = ("MediaCors", "authoring 10", "media is readable from any origin");

/// What a segment of captions lacks to be placed on the media's clock.
pub(crate) fn judge_text(answer: &Answer) -> Result<(), String> {
    let text = answer.text().ok_or("it is not UTF-8")?;
    let kind = answer.header("content-type").unwrap_or_default();
    let mut head = text.lines();
    if !kind.starts_with("text/vtt") {
        return Err(format!("it is {kind:?}"));
    }
    if head.next().is_none_or(|line| line.trim_end() != "WEBVTT") {
        return Err("it does not begin with WEBVTT".to_owned());
    }
    let mapped = head.take_while(|line| !line.is_empty()).any(|line| line.starts_with("X-TIMESTAMP-MAP="));
    if mapped { Ok(()) } else { Err("its header has no X-TIMESTAMP-MAP".to_owned()) }
}

/// Continuity and keyframes of one piece of media; the longest track's duration in nanoseconds.
pub(crate) fn judge_runs(
    runs: &[fmp4::Run],
    tracks: &[Track],
    due: &mut BTreeMap<u32, u64>,
    independent: bool,
    mut note: impl FnMut(Row, String),
) -> u64 {
    let mut lengths: BTreeMap<u32, u64> = BTreeMap::new();
    let mut key = false;
    for run in runs {
        let Some(track) = tracks.iter().find(|track| track.id == run.track) else { continue };
        if let Some(due) = due.insert(run.track, run.start + run.ticks())
            && due != run.start
        {
            note(CONTINUITY, format!("track {} starts at {}, {due} is due", run.track, run.start));
        }
        key |= track.video && run.samples.iter().any(|sample| sample.sync);
        *lengths.entry(run.track).or_default() += run.ticks() * 1_000_000_000 / u64::from(track.timescale);
    }
    if let Some(track) = tracks.iter().find(|track| track.video && lengths.contains_key(&track.id))
        && independent
        && !key
    {
        note(INDEPENDENT, format!("track {}", track.id));
    }
    // With pictures, their duration is what is listed; sound may end a frame earlier or later.
    let video = tracks.iter().find(|track| track.video).and_then(|track| lengths.get(&track.id));
    video.or(lengths.values().max()).copied().unwrap_or(0)
}

/// A range must begin with `moof` (a file of its own may have `styp` before it), hold the whole keyframe, and a decoder
/// must give one picture for it, no complaint.
pub(crate) async fn i_frame(bytes: &Bytes, ranged: bool, tracks: &[Track], ffmpeg: &str) -> Result<(), String> {
    if ranged && bytes.get(4..8) != Some(b"moof") {
        return Err("the range does not begin with moof".into());
    }
    let runs = fmp4::runs(bytes, tracks, true)?;
    let track = tracks.iter().find(|track| track.video).ok_or("no video track")?;
    let run = runs.iter().find(|run| run.track == track.id).ok_or("no video in the range")?;
    let frame = run.samples[0];
    if !frame.sync {
        return Err("the first sample is no keyframe".into());
    }
    if track.annex_b.is_empty() {
        return Ok(());
    }
    decode_one(&fmp4::annex_b(bytes, track, &frame)?, ffmpeg).await
}

async fn decode_one(stream: &[u8], ffmpeg: &str) -> Result<(), String> {
    use tokio::io::AsyncWriteExt;
    let mut child = tokio::process::Command::new(ffmpeg)
        .args(["-v", "warning", "-f", "h264", "-i", "pipe:0", "-f", "framecrc", "-"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("{ffmpeg}: {error}; install ffmpeg"))?;
    let mut stdin = child.stdin.take().ok_or("no stdin")?;
    let feed = async {
        stdin.write_all(stream).await.map_err(|error| error.to_string())?;
        drop(stdin);
        Ok::<(), String>(())
    };
    let (fed, done) = tokio::join!(feed, tokio::time::timeout(LIMIT, child.wait_with_output()));
    let output = done.map_err(|_| "ffmpeg took too long")?.map_err(|error| error.to_string())?;
    fed?;
    let frames = String::from_utf8_lossy(&output.stdout).lines().filter(|line| line.starts_with("0,")).count();
    let complaint = String::from_utf8_lossy(&output.stderr);
    if frames == 1 && output.status.success() && !complaint.contains("error") {
        Ok(())
    } else {
        Err(format!("{frames} pictures; {:.200}", complaint.trim()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn captions_owe_their_place_on_the_medias_clock() {
        let lacks = |kind: &str, text: &'static str| {
            let body = Bytes::from_static(text.as_bytes());
            let headers = vec![("content-type".to_owned(), kind.to_owned())];
            judge_text(&Answer { status: 200, headers, length: body.len(), crc: 0, received: Instant::now(), body })
                .err()
        };
        let good = "WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:0\n\n1\n00:10.000 --> 00:11.000\nX\n";
        assert_eq!(lacks("text/vtt; charset=utf-8", good), None);
        assert!(lacks("video/mp4", good).is_some_and(|what| what.contains("video/mp4")));
        assert!(lacks("text/vtt", "1\n00:10.000 --> 00:11.000\nX\n").is_some_and(|what| what.contains("begin")));
        let late = "WEBVTT\n\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:0\n";
        assert!(lacks("text/vtt", late).is_some_and(|what| what.contains("X-TIMESTAMP-MAP")));
    }
}
