//! Sources that a page can't play as they are, or that change: sound of many channels, sound that comes late or never, another size midway.

use super::{Clip, RUNG, SOURCE, assert_aligned, at_once, ended, samples, server};
use crate::support::engine::engines;
use crate::support::flv::{encode, one_after_the_other, pictures, tags};
use crate::support::http::get;
use crate::support::peers::{self, wait_until};
use crate::support::publisher::{Plan, Publisher};
use crate::support::server::Server;
use crate::support::stream::{PATIENCE, SOON, decodes, playlist, url, video_url, wait_on_air};
use amphi::archive::load::Loaded;
use m3u8_rs::VariantStream;
use media::rendition::RenditionId;
use rustix::process::{Signal, kill_process};
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;

/// A tone of a second, and a second of silence, again and again.
const BEEPS: &str = "aevalsrc=0.5*sin(880*PI*t)*lt(mod(t\\,2)\\,1):s=48000";
/// The playlist of the rung, beside the multivariant one.
const RUNG_URI: &str = "240p/media.m3u8";
/// A train's tunnel: longer than a rung waits for its engine, shorter than a silence that ends a contribution.
const STALL: Duration = Duration::from_secs(5);
/// As far as sound may be from where it belongs (§4.2 of the issue on renditions). Seconds.
const MOST_APART_S: f64 = 0.04;

/// When it falls silent after a tone, on the timeline of the video, which begins at ten seconds. Seconds.
fn silences(url: &str) -> Vec<f64> {
    let filter = "silencedetect=n=-40dB:d=0.5,ametadata=print:key=lavfi.silence_start:file=-";
    let told = peers::run(
        "ffmpeg",
        ["-nostdin", "-v", "error", "-copyts", "-i", url, "-vn", "-af", filter, "-f", "null", "-"],
        PATIENCE,
    );
    let all = told.lines().filter_map(|line| line.strip_prefix("lavfi.silence_start=")?.parse().ok());
    // Before sound that comes late there is silence, too.
    all.filter(|at: &f64| *at > 10.5).collect()
}

#[test]
fn sound_that_browsers_may_not_play_is_made_into_stereo_at_the_same_moments() {
    for (what, sound) in [
        ("six channels", &["-f", "lavfi", "-i", BEEPS, "-ac", "6", "-c:a", "aac", "-b:a", "256k"][..]),
        ("96 kHz", &["-f", "lavfi", "-i", BEEPS, "-ar", "96000", "-ac", "2", "-c:a", "aac", "-b:a", "128k"]),
        (
            "six channels, three seconds late",
            &["-itsoffset", "3", "-f", "lavfi", "-i", BEEPS, "-ac", "6", "-c:a", "aac", "-b:a", "256k"],
        ),
    ] {
        let server = at_once();
        let clip = Clip::empty();
        clip.encode("640x360", "25", 14, sound, &["-g", "50"]);
        let (video, loaded) = published(&server, sent_in_time(&clip));
        assert_aligned(&loaded, RUNG, what);
        assert_eq!(samples(&loaded, RUNG), samples(&loaded, SOURCE), "{what}: pictures");
        assert_eq!(samples(&loaded, SOURCE), 14 * 25, "{what}: pictures of the source");
        let address = video_url(&server, &video);
        let master = get(server.http(), video["hls_url"].as_str().unwrap()).text();
        assert!(master.contains("stereo/media.m3u8") && !master.contains("audio/media.m3u8"), "{what}: {master}");
        assert!(master.contains("CHANNELS=\"2\"") && master.contains("mp4a.40.2"), "{what}: {master}");
        let [made, sent] =
            ["stereo", "audio"].map(|name| silences(&address.replace("master", &format!("{name}/media"))));
        assert!(sent.len() >= 5 && made.len() == sent.len(), "{what}: {sent:?} was sent, {made:?} was made");
        let apart = made.iter().zip(&sent).map(|(m, s)| (m - s).abs()).fold(0.0, f64::max);
        assert!(apart <= MOST_APART_S, "{what}: {apart} s apart: {sent:?}, {made:?}");
        decodes(&address);
    }
}

/// The clip as tags, to be sent each at its time: ffmpeg keeps pictures back for sound that it has not read yet.
fn sent_in_time(clip: &Clip) -> Plan {
    let path = clip.path();
    let out = ["-c", "copy", "-flvflags", "no_duration_filesize", "-f", "flv", "pipe:1"];
    let words = ["-v", "error", "-i", path.to_str().unwrap()];
    let flv = peers::run_bytes("ffmpeg", words.iter().chain(&out), PATIENCE);
    Plan { tags: Arc::new(tags(flv)), silent_after: false }
}

/// Publishes to the demo broadcaster to the end, and gives the video.
fn published(server: &Server, plan: Plan) -> (Value, Loaded) {
    let publisher = Publisher::start(server.rtmp(), "demo?key=demo", plan);
    wait_on_air(server, "demo");
    publisher.finish();
    ended(server, "demo")
}

#[test]
fn sound_that_comes_late_or_never_costs_a_rung_no_picture() {
    let late: &[&str] = &["-itsoffset", "4", "-f", "lavfi", "-i", BEEPS, "-c:a", "aac", "-b:a", "64k"];
    for (what, sound) in [("late", late), ("never", &[])] {
        let server = at_once();
        let clip = Clip::empty();
        clip.encode("640x360", "25", 12, sound, &["-g", "50"]);
        let (video, loaded) = published(&server, sent_in_time(&clip));
        assert_aligned(&loaded, RUNG, what);
        assert_eq!((samples(&loaded, RUNG), samples(&loaded, SOURCE)), (12 * 25, 12 * 25), "{what}");
        assert_eq!(loaded.tracks.contains_key(&RenditionId::Audio), what == "late");
        assert!(!loaded.tracks.contains_key(&RenditionId::Stereo), "{what}: players take it as it is");
        decodes(&video_url(&server, &video));
    }
}

#[test]
fn what_a_contribution_sends_at_once_after_a_stall_is_in_its_rung_too() {
    let server = at_once();
    let clip = Clip::new("640x360", "25", 24, &["-g", "50"]);
    let mut encoder = clip.push(&url(&server, "demo", "demo"));
    wait_on_air(&server, "demo");
    let offered = || get(server.http(), "/live/demo/master.m3u8").text().contains(RUNG_URI);
    assert!(wait_until(SOON, offered));
    encoder.signal(Signal::STOP);
    std::thread::sleep(STALL);
    // Of pictures so small an engine makes five seconds in a moment. Of large ones it takes its time.
    let busy = engines(&server);
    let tell = |signal| assert!(busy.iter().all(|(pid, _)| kill_process(*pid, signal).is_ok()));
    tell(Signal::STOP);
    encoder.signal(Signal::CONT);
    std::thread::sleep(Duration::from_secs(1));
    tell(Signal::CONT);
    assert!(encoder.finish(PATIENCE).success(), "{}", encoder.log());
    let (_, loaded) = ended(&server, "demo");
    assert_aligned(&loaded, RUNG, "after a stall");
    assert_eq!((samples(&loaded, RUNG), samples(&loaded, SOURCE)), (24 * 25, 24 * 25));
}

#[test]
fn a_size_that_changes_on_one_connection_leaves_a_rung_whole_and_of_its_own_size() {
    let server = server(&[("AMPHI_LIVE__GRACE", "1s"), ("AMPHI_LIVE__MIN_LENGTH", "0s")]);
    let [small, large] =
        ["640x360", "1280x720"].map(|size| tags(encode(size, 25, &["-t", "6", "-g", "50", "-b:v", "1M"])));
    let all = one_after_the_other(&one_after_the_other(&small, &large), &small);
    let sent = pictures(&all);
    assert_eq!(sent, 18 * 25);
    let plan = Plan { tags: Arc::new(all), silent_after: false };
    let (video, loaded) = published(&server, plan);
    assert_aligned(&loaded, RUNG, "another size");
    assert_eq!((samples(&loaded, SOURCE), samples(&loaded, RUNG)), (sent, sent));
    assert!(loaded.tracks[&RUNG].segments.iter().all(|s| s.keyframes.len() == 1), "an IDR where a segment begins only");
    let sizes = |id: RenditionId| {
        let of = |parameters: &media::track::Parameters| match parameters {
            media::track::Parameters::Video(h264) => (h264.width(), h264.height()),
            media::track::Parameters::Audio(_) => (0, 0),
        };
        loaded.tracks[&id].inits.iter().map(|(parameters, _)| of(parameters)).collect::<Vec<_>>()
    };
    assert!(sizes(SOURCE).contains(&(1280, 720)) && sizes(SOURCE).contains(&(640, 360)), "{:?}", sizes(SOURCE));
    assert!(sizes(RUNG).iter().all(|size| *size == (426, 240)), "{:?}", sizes(RUNG));
    decodes(&video_url(&server, &video).replace("master.m3u8", "240p/media.m3u8"));
}

/// The largest bit rate of a playlist's segments of more than half a second, and the average of all: as a viewer measures them.
fn measured(server: &Server, path: &str) -> (f64, f64) {
    let folder = path.rsplit_once('/').unwrap().0;
    let (mut peak, mut bits, mut seconds) = (0.0_f64, 0.0, 0.0);
    for segment in playlist(server, path).segments.iter().filter(|s| !s.head.gap) {
        let bytes = match segment.range {
            Some((bytes, _)) => bytes,
            None => get(server.http(), &format!("{folder}/{}", segment.uri)).body.len() as u64,
        };
        #[expect(clippy::cast_precision_loss, reason = "megabytes and minutes")]
        let (length, size) = (segment.duration_ns as f64 / 1e9, bytes as f64 * 8.0);
        if length >= 0.5 {
            peak = peak.max(size / length);
        }
        bits += size;
        seconds += length;
    }
    (peak, bits / seconds)
}

/// What a multivariant playlist lists, as a reader that is not ours has it.
fn variants(master: &str) -> Vec<VariantStream> {
    m3u8_rs::parse_master_playlist_res(master.as_bytes()).unwrap_or_else(|error| panic!("{error}: {master}")).variants
}

#[test]
fn what_the_multivariant_playlist_says_of_bandwidth_is_true_of_a_video_and_enough_for_a_live() {
    let server = at_once();
    // Still for six seconds, then as lively as can be.
    let clip = Clip::empty();
    let picture = "color=gray:s=640x360:r=25:d=6[still];nullsrc=s=640x360:r=25:d=8,geq=random(1)*255:128:128[noise];\
                   [still][noise]concat=n=2";
    clip.encode_of(picture, 14, &["-f", "lavfi", "-i", BEEPS, "-c:a", "aac"], &["-g", "50", "-b:v", "900k"]);
    let mut encoder = clip.push(&url(&server, "demo", "demo"));
    wait_on_air(&server, "demo");
    let now = || get(server.http(), "/live/demo/master.m3u8").text();
    assert!(wait_until(PATIENCE, || now().contains("x240")), "{}", now());
    let first = now();
    assert!(encoder.finish(PATIENCE).success(), "{}", encoder.log());
    let (video, _) = ended(&server, "demo");
    let path = video["hls_url"].as_str().unwrap();
    let master = get(server.http(), path).text();
    let of = |uri: &str| measured(&server, &path.replace("master.m3u8", uri));
    let sound = of("audio/media.m3u8");

    let listed = variants(&master);
    assert_eq!(listed.len(), 5, "two renditions, their keyframes, and sound: {master}");
    for variant in &listed {
        let (peak, average) = of(&variant.uri);
        let with_sound = variant.resolution.is_some() && !variant.is_i_frame;
        let more = if with_sound { sound } else { (0.0, 0.0) };
        assert_told(variant, "BANDWIDTH", Some(variant.bandwidth), peak + more.0);
        assert_told(variant, "AVERAGE-BANDWIDTH", variant.average_bandwidth, average + more.1);
    }

    // Who came while nothing moved was told what the rung may need.
    let rung =
        variants(&first).into_iter().find(|variant| variant.uri == RUNG_URI).unwrap_or_else(|| panic!("{first}"));
    let (peak, _) = of(RUNG_URI);
    #[expect(clippy::cast_precision_loss, reason = "megabits")]
    let told = rung.bandwidth as f64;
    assert!(told >= 0.9 * (peak + sound.0), "{rung:?}: {peak} of it was needed later");
}

/// Within a percent.
fn assert_told(variant: &VariantStream, name: &str, told: Option<u64>, measured: f64) {
    #[expect(clippy::cast_precision_loss, reason = "megabits")]
    let told = told.unwrap_or_else(|| panic!("no {name}: {variant:?}")) as f64;
    assert!((told / measured - 1.0).abs() < 0.01, "{name} is {measured:.0}, not {told}: {variant:?}");
}
