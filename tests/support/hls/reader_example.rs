//! The reader against a small origin of its own with real media from ffmpeg: silent when all is right, and naming the
//! rule when the origin does one thing wrong.

use super::connection::Answer;
use super::fmp4;
use super::reader::{Options, Outcome, follow};
use super::rules::Settings;
use std::collections::BTreeMap;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// Parts of half a second at 30 frames, keyframes every 2 s.
const PARTS: usize = 4;

/// What an origin can do wrong.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Wrong {
    Nothing,
    NoRange,
    NoHead,
    NoCors,
    SegmentGone,
    PartsSwapped,
    SegmentDiffers,
    DurationLies,
    IndependentLies,
    RangeOffMoof,
    CutMoof,
}

/// Files by path; playlists are gzipped when served.
type Files = BTreeMap<String, Vec<u8>>;

/// A finished video: init, segments, their parts, playlist, I-frame playlist, multivariant playlist.
fn files(media: &[u8], wrong: Wrong) -> Files {
    let mut boxes = Vec::new();
    let mut at = 0;
    while at + 8 <= media.len() {
        let size = u32::from_be_bytes(media[at..at + 4].try_into().unwrap()) as usize;
        boxes.push((&media[at + 4..at + 8], at, at + size));
        at += size;
    }
    let first = boxes.iter().find(|(kind, ..)| *kind == b"moof").unwrap().1;
    let fragments: Vec<Vec<u8>> = boxes
        .windows(2)
        .filter(|pair| pair[0].0 == b"moof" && pair[1].0 == b"mdat")
        .map(|pair| media[pair[0].1..pair[1].2].to_vec())
        .collect();
    assert!(fragments.len() >= 3 * PARTS, "ffmpeg made {} fragments", fragments.len());
    let mut files = Files::new();
    files.insert("/v/init.mp4".into(), media[..first].to_vec());
    let head = "#EXTM3U\n#EXT-X-VERSION:7\n#EXT-X-TARGETDURATION:4\n";
    let mut list = format!(
        "{head}#EXT-X-PART-INF:PART-TARGET=0.5\n#EXT-X-SERVER-CONTROL:PART-HOLD-BACK=1.5\n#EXT-X-MAP:URI=\"init.mp4\"\n"
    );
    let mut frames = format!("{head}#EXT-X-I-FRAMES-ONLY\n#EXT-X-MAP:URI=\"init.mp4\"\n");
    for (msn, parts) in fragments.chunks_exact(PARTS).enumerate() {
        list.push_str(&format!("#EXT-X-PROGRAM-DATE-TIME:2020-01-01T00:00:{:02}.000Z\n", msn * 2));
        for (index, part) in parts.iter().enumerate() {
            let lie = wrong == Wrong::IndependentLies && index == 1;
            let independent = if index == 0 || lie { ",INDEPENDENT=YES" } else { "" };
            let duration = if wrong == Wrong::DurationLies && index == 2 { "0.45" } else { "0.5" };
            list.push_str(&format!("#EXT-X-PART:DURATION={duration},URI=\"{msn}.{index}.m4s\"{independent}\n"));
            let other = if wrong == Wrong::PartsSwapped { index ^ 1 } else { index };
            files.insert(format!("/v/{msn}.{other}.m4s"), part.clone());
        }
        let mut whole = parts.concat();
        let range = if wrong == Wrong::RangeOffMoof { (parts[0].len() - 8, 8) } else { (parts[0].len(), 0) };
        frames.push_str(&format!("#EXTINF:2.0,\n#EXT-X-BYTERANGE:{}@{}\n{msn}.m4s\n", range.0, range.1));
        match wrong {
            Wrong::SegmentDiffers => whole.push(0),
            Wrong::CutMoof => drop(files.insert(format!("/v/{msn}.1.m4s"), parts[1][..60].to_vec())),
            _ => {}
        }
        list.push_str(&format!("#EXTINF:2.0,\n{msn}.m4s\n"));
        if !(wrong == Wrong::SegmentGone && msn == 1) {
            files.insert(format!("/v/{msn}.m4s"), whole);
        }
    }
    files.insert("/v/live.m3u8".into(), format!("{list}#EXT-X-ENDLIST\n").into());
    files.insert("/v/iframes.m3u8".into(), format!("{frames}#EXT-X-ENDLIST\n").into());
    let shape = "BANDWIDTH=500000,AVERAGE-BANDWIDTH=400000,CODECS=\"avc1.42c00d\",RESOLUTION=320x180";
    let master = format!(
        "#EXTM3U\n#EXT-X-STREAM-INF:{shape},FRAME-RATE=30.000\nv/live.m3u8\n\
         #EXT-X-I-FRAME-STREAM-INF:{shape},URI=\"v/iframes.m3u8\"\n"
    );
    files.insert("/master.m3u8".into(), master.into());
    files
}

async fn serve(mut socket: TcpStream, files: Arc<Files>, wrong: Wrong) -> Option<()> {
    let (reader, mut writer) = socket.split();
    let mut lines = BufReader::new(reader).lines();
    loop {
        let request = lines.next_line().await.ok()??;
        let mut range = None;
        loop {
            let line = lines.next_line().await.ok()??.to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some((a, b)) = line.strip_prefix("range: bytes=").and_then(|range| range.split_once('-')) {
                range = Some((a.parse::<usize>().ok()?, b.parse::<usize>().ok()?));
            }
        }
        let mut words = request.split(' ');
        let (method, path) = (words.next()?, words.next()?);
        let found = files.get(path).filter(|_| !(wrong == Wrong::NoHead && method == "HEAD"));
        let playlist = path.ends_with(".m3u8");
        let cors = if wrong == Wrong::NoCors && !playlist { "" } else { "access-control-allow-origin: *\r\n" };
        let (status, extra, body) = match (found, range.filter(|_| wrong != Wrong::NoRange)) {
            (None, _) => ("404 Not Found", String::new(), Vec::new()),
            (Some(body), _) if playlist => {
                let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                gzip.write_all(body).ok()?;
                let kind = "content-type: application/vnd.apple.mpegurl\r\ncontent-encoding: gzip\r\nvary: accept-encoding\r\n";
                ("200 OK", kind.to_owned(), gzip.finish().ok()?)
            }
            (Some(body), Some((a, _))) if a >= body.len() => ("416 Range Not Satisfiable", String::new(), Vec::new()),
            (Some(body), Some((a, b))) => {
                let b = b.min(body.len() - 1);
                let told = format!("content-range: bytes {a}-{b}/{}\r\n", body.len());
                ("206 Partial Content", told, body[a..=b].to_vec())
            }
            (Some(body), None) => ("200 OK", String::new(), body.clone()),
        };
        let head = format!("HTTP/1.1 {status}\r\n{cors}{extra}content-length: {}\r\n\r\n", body.len());
        writer.write_all(head.as_bytes()).await.ok()?;
        if method != "HEAD" {
            writer.write_all(&body).await.ok()?;
        }
    }
}

async fn read(media: &[u8], wrong: Wrong) -> Outcome {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/master.m3u8", listener.local_addr().unwrap());
    let files = Arc::new(files(media, wrong));
    let settings = Settings { arrival_ms: None, ..Settings::default() };
    let options = Options { length: Duration::from_secs(30), settings, ffmpeg: "ffmpeg".into() };
    // Connections are served by whoever polls this: nothing is left behind when the reader is done.
    let origin = async {
        use futures_util::stream::{FuturesUnordered, StreamExt};
        let mut serving = FuturesUnordered::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => serving.push(serve(accepted.unwrap().0, Arc::clone(&files), wrong)),
                Some(_) = serving.next(), if !serving.is_empty() => {}
            }
        }
    };
    tokio::select! {
        () = origin => unreachable!("the origin serves for ever"),
        outcome = follow(&url, &options) => outcome.unwrap(),
    }
}

fn media() -> Vec<u8> {
    let output = std::process::Command::new("ffmpeg")
        .args(["-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=30", "-t", "8", "-c:v", "libx264"])
        .args(["-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "60", "-bf", "0", "-f", "mp4"])
        .args(["-movflags", "+frag_keyframe+empty_moov+default_base_moof", "-frag_duration", "500000", "pipe:1"])
        .output()
        .expect("this test needs ffmpeg: apt install ffmpeg");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

#[tokio::test]
async fn the_reader_is_silent_on_a_good_origin_and_names_what_a_bad_one_does() {
    let media = media();
    let good = read(&media, Wrong::Nothing).await;
    let listed: String = good.breaches.iter().map(|breach| format!("{breach}\n")).collect();
    assert!(good.breaches.is_empty(), "{listed}");
    assert_eq!(good.renditions.len(), 2);
    assert_eq!((good.segments, good.parts, good.i_frames, good.ended), (4, 16, 4, true));
    for (wrong, rule) in [
        (Wrong::NoRange, "Range"),
        (Wrong::NoHead, "Head"),
        (Wrong::NoCors, "MediaCors"),
        (Wrong::SegmentGone, "Reachable"),
        (Wrong::PartsSwapped, "DecodeTime"),
        (Wrong::PartsSwapped, "PartsEqualSegment"),
        (Wrong::SegmentDiffers, "PartsEqualSegment"),
        (Wrong::DurationLies, "PartDuration"),
        (Wrong::IndependentLies, "IndependentPart"),
        (Wrong::RangeOffMoof, "IFrame"),
        (Wrong::CutMoof, "Fmp4"),
    ] {
        let found: Vec<_> = read(&media, wrong).await.breaches.iter().map(|breach| breach.rule).collect();
        assert!(found.contains(&rule), "{wrong:?} should break {rule}, found only {found:?}");
    }
}

#[test]
fn no_cut_and_no_flipped_byte_of_media_panics() {
    let files = files(&media(), Wrong::Nothing);
    let (init, part) = (&files["/v/init.mp4"], &files["/v/0.0.m4s"]);
    let tracks = fmp4::init(init).unwrap();
    assert_eq!(fmp4::runs(part, &tracks, false).unwrap()[0].samples.len(), 15);
    for end in 0..init.len() {
        assert!(fmp4::init(&init[..end]).is_err(), "an init segment of {end} bytes was taken");
    }
    for end in 0..part.len().min(2000) {
        assert!(fmp4::runs(&part[..end], &tracks, false).is_err(), "a part of {end} bytes was taken");
    }
    for at in 0..part.len().min(400) {
        let mut bad = part.clone();
        bad[at] ^= 0xff;
        // Either is right: a byte of a picture may be anything, a byte of a size may not.
        drop(fmp4::runs(&bad, &tracks, false));
    }
}

#[test]
fn a_body_that_is_no_gzip_has_no_text() {
    let headers = vec![("content-encoding".to_owned(), "gzip".to_owned())];
    let answer = Answer {
        status: 200,
        headers,
        body: "not gzip".into(),
        length: 8,
        crc: 0,
        received: std::time::Instant::now(),
    };
    assert_eq!(answer.text(), None);
}
