//! Every kind of source that a broadcaster may have, each from its beginning to its end, several at once.

use crate::support::ask::{add_broadcaster, assert_clean, judge, packets};
use crate::support::flv::{Tag, encode, pictures, tags};
use crate::support::hls::multivariant::Kind;
use crate::support::hls::reader::Outcome;
use crate::support::hls::rules::Settings;
use crate::support::peers::Peer;
use crate::support::publisher::{Plan, Publisher};
use crate::support::server::{Options, Server};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// From the first playlist to ENDLIST: the longest source, the grace, and a loaded machine's patience.
const WHOLE: Duration = Duration::from_secs(60);
/// Without sound for this long a server may take it for gone, and its silence is that much younger than the pictures.
const SILENCE_MS: i64 = 1_700;

/// Who sends it.
enum Sender {
    /// ffmpeg, at the pace of the file.
    Ffmpeg,
    /// Our own publisher, after this change.
    Ours(fn(&mut Vec<Tag>)),
}

struct Source {
    slug: &'static str,
    rate: u32,
    coding: &'static [&'static str],
    sender: Sender,
    video: bool,
    settings: Settings,
}

impl Source {
    fn of(slug: &'static str, rate: u32, coding: &'static [&'static str]) -> Self {
        Self { slug, rate, coding, sender: Sender::Ffmpeg, video: true, settings: Settings::default() }
    }
}

/// Runs all sources at the same time on one server; each must keep every rule, end with ENDLIST, and have lost no picture.
fn all_keep_the_rules(sources: Vec<Source>) {
    let grace = ("AMPHI_LIVE__GRACE".to_owned(), "1s".to_owned());
    let server = Server::start(Options { environment: vec![grace], ..Options::default() });
    let streams: Vec<String> = sources.iter().map(|source| add_broadcaster(&server, source.slug)).collect();
    std::thread::scope(|scope| {
        for (source, stream) in sources.into_iter().zip(&streams) {
            let server = &server;
            scope.spawn(move || live(server, source, stream));
        }
    });
}

fn live(server: &Server, source: Source, stream: &str) {
    let Source { slug, rate, coding, sender, video, settings } = source;
    let file = encode("320x180", rate, coding);
    let made = tags(file.clone());
    let sent = pictures(&made);
    let path = server.data_dir().join(format!("{slug}.flv"));
    std::fs::write(&path, file).unwrap();
    let push: Box<dyn Send> = match sender {
        Sender::Ffmpeg => Box::new(ffmpeg(server, &path, stream)),
        Sender::Ours(change) => {
            let mut tags = made;
            change(&mut tags);
            Box::new(Publisher::start(server.rtmp(), stream, Plan { tags: Arc::new(tags), silent_after: false }))
        }
    };
    let outcome = judge(server.http(), slug, WHOLE, settings);
    drop(push);
    check(slug, video, &outcome);
    if video {
        let url = format!("http://{}/live/{slug}/master.m3u8", server.http());
        assert_eq!(packets(&url, "v:0"), sent, "{slug}: pictures in the finished live, and pictures sent");
    }
}

/// No sound for 5 s, and its configuration comes only with it.
fn unannounced(tags: &mut Vec<Tag>) {
    let header = tags.iter().find(|tag| !tag.video && tag.is_header()).cloned().unwrap();
    tags.retain(|tag| tag.video || tag.at_ms > 5_000);
    let first = tags.iter().position(|tag| !tag.video).unwrap();
    let at_ms = tags[first].at_ms;
    tags.insert(first, Tag { at_ms, ..header });
}

/// Nothing at all for 1.6 s, as when an encoder hiccups.
fn hiccup(tags: &mut [Tag]) {
    for tag in tags.iter_mut().filter(|tag| tag.at_ms > 6_300) {
        tag.at_ms += 1_600;
    }
}

fn ffmpeg(server: &Server, file: &Path, stream: &str) -> Peer {
    let url = format!("rtmp://{}/live/{stream}", server.rtmp());
    let words = ["-v", "error", "-re", "-i", file.to_str().unwrap(), "-c", "copy", "-f", "flv", &url];
    Peer::start("ffmpeg", words)
}

fn check(slug: &str, video: bool, outcome: &Outcome) {
    assert_clean(slug, &outcome.breaches);
    assert!(outcome.ended, "{slug}: no ENDLIST");
    let of = |kind| outcome.renditions.iter().filter(|rendition| rendition.kind == kind).count();
    assert_eq!((of(Kind::Video), of(Kind::IFrames)), (usize::from(video), usize::from(video)), "{slug}");
    assert!(outcome.parts >= 12 && outcome.segments >= 3, "{slug}: {} parts", outcome.parts);
    assert!(!video || outcome.i_frames > 0, "{slug}: no I-frame was decoded");
}

#[test]
fn gops_of_1_2_and_2_5_seconds_at_25_and_30_frames_keep_the_rules() {
    all_keep_the_rules(vec![
        Source::of("gop1", 30, &["-t", "14", "-g", "30", "-bf", "0"]),
        Source::of("gop2", 25, &["-t", "14", "-g", "50", "-bf", "0"]),
        Source::of("gop2-5", 30, &["-t", "15", "-g", "75", "-bf", "0"]),
        Source::of("b-frames", 25, &["-t", "14", "-preset", "veryfast", "-g", "50", "-bf", "3"]),
    ]);
}

#[test]
fn long_and_irregular_gops_keep_the_rules() {
    // Keyframes 0.7 s, 4.3 s, 1 s and 9 s after one another.
    const IRREGULAR: &str = "expr:eq(n,0)+eq(n,21)+eq(n,150)+eq(n,180)+eq(n,450)";
    all_keep_the_rules(vec![
        Source::of("gop4", 30, &["-t", "17", "-g", "120", "-bf", "0"]),
        Source::of("gop10", 30, &["-t", "22", "-g", "300", "-bf", "0"]),
        Source::of("irregular", 30, &["-t", "18", "-g", "9999", "-bf", "0", "-force_key_frames", IRREGULAR]),
    ]);
}

#[test]
fn sources_with_one_track_or_a_track_that_comes_and_goes_keep_the_rules() {
    const PLAIN: &[&str] = &["-t", "13", "-g", "60", "-bf", "0"];
    let late = Settings { arrival_ms: Some(SILENCE_MS), ..Settings::default() };
    all_keep_the_rules(vec![
        Source { sender: Sender::Ours(|tags| tags.retain(|tag| tag.video)), ..Source::of("video-only", 30, PLAIN) },
        Source {
            sender: Sender::Ours(|tags| tags.retain(|tag| !tag.video)),
            video: false,
            ..Source::of("audio-only", 30, PLAIN)
        },
        Source {
            sender: Sender::Ours(|tags| tags.retain(|tag| tag.video || tag.at_ms > 5_000 || tag.is_header())),
            settings: late.clone(),
            ..Source::of("sound-late", 30, PLAIN)
        },
        Source {
            sender: Sender::Ours(unannounced),
            settings: late.clone(),
            ..Source::of("sound-unannounced", 30, PLAIN)
        },
        Source {
            sender: Sender::Ours(|tags| tags.retain(|tag| tag.video || tag.at_ms < 5_000)),
            settings: late,
            ..Source::of("sound-stops", 30, PLAIN)
        },
    ]);
}

#[test]
fn a_hole_in_the_source_keeps_the_rules() {
    const PLAIN: &[&str] = &["-t", "13", "-g", "60", "-bf", "0"];
    all_keep_the_rules(vec![Source { sender: Sender::Ours(|tags| hiccup(tags)), ..Source::of("hiccup", 30, PLAIN) }]);
}
