//! Sound and pictures of a long live stay together on the whole road: from the contribution's times through segmenter, engine and follower to
//! the bytes that viewers get. Each rendition is judged by its decoded flashes and beeps near the live's beginning and end.
//!
//! Five minutes of each source run with the other tests; a microphone that is 100 millionths off is 30 ms off by then, which is corrected
//! once. Hours take their time, minutes each, and nextest ends a test of ten:
//! `AMPHI_DRIFT_SECONDS=3600 cargo test -p amphi-pipelines --features vosk --test engine drift -- --nocapture --test-threads=1`
//!
//! Seen at the end of an hour, every picture against every sound: 0.0 ms (25 fps and NTSC, whole milliseconds and exact, resampled or not),
//! 20 ms with a microphone that is slow by 100 millionths, 40 ms with one that is as fast, of whose sound 15 frames go in an hour, as they must.

use crate::clip::from_flv;
use crate::direct::{ENGINE, run_as, rung};
use bytes::Bytes;
use media::feed::Item;
use media::frame::Frame;
use media::rendition::RenditionId;
use media::segment::boundary::Placed;
use media::segment::follower::{Encoded, Follower};
use media::segment::segmenter::Segmenter;
use media::segment::{Event, MEDIA_TIME_BASE_MICROS, Rules};
use media::time::{Timescale, Timestamp, WallTime};
use media::track::{Kind, Parameters};
use pipelines::ladder::Halving;
use pipelines::message::{AudioPlan, FromEngine, Options, Rendition, SourceFrame, Start, ToEngine, WhenSlow};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What viewers may see of it at most: less than a picture.
const MOST_MS: f64 = 40.0;
/// The same where nothing drifts: what is made on the way must not shift anything.
const STEADY_MS: f64 = 3.0;
/// Time that is decoded at each end of the live.
const WINDOW_MICROS: i64 = 65_000_000;

/// Length of the live.
fn seconds() -> u32 {
    std::env::var("AMPHI_DRIFT_SECONDS").map_or(300, |text| text.parse().expect("a number of seconds"))
}

/// How a contribution stamps its frames.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Stamps {
    /// As RTMP: whole milliseconds.
    Millis,
    /// To the tick and the sample.
    Exact,
}

/// A contribution with a flash and a beep at the same time, again and again.
#[derive(Clone, Copy, Debug)]
struct Source {
    /// Pictures a second, as ffmpeg writes it, and the ticks of one.
    rate: (&'static str, i64),
    /// From one flash to the next: whole pictures.
    period: &'static str,
    sound_hz: u32,
    /// The engine's sound.
    encoded_hz: u32,
    stamps: Stamps,
    /// How much slower than its own times the contribution's microphone counts, in millionths.
    slow_ppm: i64,
}

const AT_25: Source = Source {
    rate: ("25", 3_600),
    period: "10",
    sound_hz: 48_000,
    encoded_hz: 48_000,
    stamps: Stamps::Millis,
    slow_ppm: 0,
};
const NTSC: Source =
    Source { rate: ("30000/1001", 3_003), period: "10.01", sound_hz: 44_100, stamps: Stamps::Exact, ..AT_25 };
const NTSC_MILLIS: Source = Source { stamps: Stamps::Millis, encoded_hz: 44_100, ..NTSC };
const SLOW_MICROPHONE: Source = Source { slow_ppm: 100, ..AT_25 };
const FAST_MICROPHONE: Source = Source { slow_ppm: -100, sound_hz: 44_100, encoded_hz: 44_100, ..AT_25 };

impl Source {
    /// The contribution's items, in their order.
    fn items(self, seconds: u32) -> Vec<Item> {
        let Self { rate: (rate, step), period, sound_hz, slow_ppm, .. } = self;
        #[expect(clippy::cast_precision_loss, reason = "some hundred millionths")]
        let clock = 1.0 + slow_ppm as f64 / 1e6;
        let seconds = seconds.to_string();
        let picture =
            format!("color=black:s=128x72:r={rate},drawbox=t=fill:color=white:enable='lt(mod(t+1e-4,{period}),0.2)'");
        let sound = format!("aevalsrc='0.7*sin(2*PI*1000*t)*lt(mod(t*{clock},{period}),0.2)':s={sound_hz}");
        let inputs = ["-v", "error", "-f", "lavfi", "-i", &picture, "-f", "lavfi", "-i", &sound, "-t", &seconds];
        let video =
            ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-sc_threshold", "0", "-g", "50"];
        let audio = ["-c:a", "aac", "-aac_coder", "fast", "-ac", "1", "-b:a", "48k"];
        let flv = ["-flvflags", "no_duration_filesize", "-f", "flv", "pipe:1"];
        let made = Command::new("ffmpeg")
            .args(inputs.iter().chain(&video).chain(&audio).chain(&flv))
            .stdin(Stdio::null())
            .output()
            .expect("ffmpeg starts");
        assert!(made.status.success(), "ffmpeg: {}", String::from_utf8_lossy(&made.stderr));
        let (mut pictures, mut sounds) = (0, 0);
        let mut items = Vec::new();
        for message in from_flv(&Bytes::from(made.stdout)) {
            match message {
                ToEngine::Parameters(parameters) => items.push(Item::Parameters(parameters)),
                ToEngine::Frame(SourceFrame { kind, keyframe, payload, .. }) => {
                    // The first frame of AAC is the encoder's priming: pictures begin after it.
                    let samples = Timescale::new(sound_hz).unwrap();
                    let exact = match kind {
                        Kind::Video => {
                            pictures += 1;
                            let after = Timestamp::new(1024, samples).rescale(Timescale::VIDEO).ticks();
                            Timestamp::new(after + (pictures - 1) * step, Timescale::VIDEO)
                        }
                        Kind::Audio => {
                            sounds += 1;
                            let at = (sounds - 1) * 1024;
                            Timestamp::new(at + at * slow_ppm / 1_000_000, samples)
                        }
                    };
                    let at = if self.stamps == Stamps::Millis { exact.rescale(Timescale::MILLIS) } else { exact };
                    let received = WallTime::from_micros(exact.micros());
                    items.push(Item::Frame(Frame { kind, dts: at, pts: at, keyframe, received, payload }));
                }
                _ => {}
            }
        }
        // Another clock sends its frames in other places.
        items.sort_by_key(|item| if let Item::Frame(frame) = item { frame.received.micros() } else { -1 });
        items
    }

    /// Frames of sound that there is no time for: those of a fast microphone, which can be left out, but not shortened.
    fn too_many(self, seconds: u32) -> u64 {
        let frame_micros = 1024 * 1_000_000 / i64::from(self.sound_hz);
        let ahead_micros = (-self.slow_ppm).max(0) * i64::from(seconds);
        u64::try_from(ahead_micros / frame_micros).unwrap() + u64::from(ahead_micros > 0)
    }

    fn start(self) -> Start {
        Start {
            session: 1,
            rungs: vec![rung(64, 36, Halving::No), rung(32, 18, Halving::EveryOther)],
            audio: AudioPlan::Encode { bitrate_bps: 64_000, sample_rate_hz: self.encoded_hz, channels: 1 },
            options: Options { when_slow: WhenSlow::Wait, ..Options::default() },
        }
    }
}

/// What stands on the timeline, as an engine is told it.
fn orders(placed: &[Placed]) -> Vec<ToEngine> {
    let mut sound = None;
    let mut orders = Vec::new();
    for one in placed {
        match one {
            Placed::Parameters(parameters) => {
                if parameters.kind() == Kind::Audio {
                    sound = Some(parameters.timescale());
                }
                orders.push(ToEngine::Parameters(parameters.clone()));
            }
            Placed::Frame(frame) => {
                let scale = if frame.kind == Kind::Video { Timescale::VIDEO } else { sound.unwrap() };
                orders.push(ToEngine::Frame(SourceFrame {
                    kind: frame.kind,
                    dts: frame.dts.rescale(scale).ticks(),
                    pts: frame.pts.rescale(scale).ticks(),
                    keyframe: frame.keyframe,
                    cut: frame.cut,
                    decode_only: false,
                    payload: frame.payload.clone(),
                }));
            }
            _ => {}
        }
    }
    orders
}

const RENDITIONS: [(Rendition, RenditionId); 3] = [
    (Rendition::Rung(0), RenditionId::Rung(36)),
    (Rendition::Rung(1), RenditionId::Rung(18)),
    (Rendition::Audio, RenditionId::Stereo),
];

/// All events of a live of this contribution, its engine's renditions included.
fn live(source: Source, seconds: u32) -> Vec<Event> {
    let mut segmenter = Segmenter::new(Rules::new(2_000_000, 500_000), WallTime::default(), 0, 0, false);
    segmenter.follow();
    let mut events = Vec::new();
    for item in source.items(seconds) {
        segmenter.push(item, &mut events).unwrap();
    }
    segmenter.end_contribution(&mut events).unwrap();
    assert_eq!(segmenter.repaired(), 0, "{source:?}");
    assert!(segmenter.dropped() <= source.too_many(seconds), "{source:?}: {} frames dropped", segmenter.dropped());
    let placed = segmenter.take_placed();
    let mut engine = Command::new("nice");
    engine.args(["-n", "19", ENGINE]).env("GST_REGISTRY_DISABLE", "yes");
    let made = run_as(engine, source.start(), &orders(&placed));
    assert!(made.status.success(), "{source:?}: {}", made.said);
    assert_eq!(made.stats().refused, 0, "{source:?}");
    for (rendition, id) in RENDITIONS {
        let dropped = follow(rendition, id, &made.messages, &placed, &mut events);
        let too_many = if id.kind() == Kind::Audio { source.too_many(seconds) } else { 0 };
        assert!(dropped <= too_many, "{source:?}: {} drops {dropped} frames", id.name());
    }
    events
}

/// One rendition of the engine, cut as the source was: its frames come when the source is where they are. Gives how many were dropped.
fn follow(
    rendition: Rendition,
    id: RenditionId,
    messages: &[FromEngine],
    placed: &[Placed],
    events: &mut Vec<Event>,
) -> u64 {
    let mut follower = Follower::new(id);
    follower.await_engine(true);
    let mut scale = Timescale::VIDEO;
    let mut coming = messages.iter().filter(|message| match message {
        FromEngine::Parameters { rendition: of, .. } => *of == rendition,
        FromEngine::Frame(frame) => frame.rendition == rendition,
        _ => false,
    });
    let mut next = coming.next();
    for one in placed {
        follower.placed(one, events).unwrap();
        let Placed::Frame(now) = one else { continue };
        while let Some(message) = next {
            match message {
                FromEngine::Parameters { parameters, .. } => {
                    if let Parameters::Audio(aac) = parameters {
                        scale = aac.timescale();
                    }
                    follower.parameters(parameters);
                }
                FromEngine::Frame(frame) => {
                    let (dts, pts) = (Timestamp::new(frame.dts, scale), Timestamp::new(frame.pts, scale));
                    if pts.micros() > now.pts.micros() {
                        break;
                    }
                    let (keyframe, payload) = (frame.keyframe, frame.payload.clone());
                    follower.frame(Encoded { dts, pts, keyframe, payload }, events).unwrap();
                }
                _ => {}
            }
            next = coming.next();
        }
    }
    follower.finish(events).unwrap();
    follower.dropped()
}

/// What viewers get of a rendition of the segments that begin within a window, as one file.
fn file(folder: &Path, id: RenditionId, events: &[Event], from: i64, until: i64) -> PathBuf {
    let (mut bytes, mut within, mut fresh) = (Vec::new(), false, false);
    for event in events {
        match event {
            Event::Init { rendition, bytes: init, .. } if *rendition == id => bytes.extend_from_slice(init),
            Event::SegmentStart(start) if start.rendition == id => fresh = true,
            Event::Part(part) if part.rendition == id => {
                if std::mem::take(&mut fresh) {
                    within = (from..until).contains(&part.start.micros());
                }
                if within {
                    bytes.extend_from_slice(&part.bytes);
                }
            }
            _ => {}
        }
    }
    let path = folder.join(format!("{}.mp4", id.name()));
    std::fs::write(&path, bytes).unwrap();
    path
}

/// When it flashes or beeps, in seconds of the timeline.
fn marks(path: &Path, kind: Kind) -> Vec<f64> {
    let (key, above, filter) = match kind {
        Kind::Video => {
            ("lavfi.signalstats.YAVG", 128.0, "signalstats,metadata=print:key=lavfi.signalstats.YAVG:file=-")
        }
        // A millisecond at a time.
        Kind::Audio => (
            "lavfi.astats.Overall.RMS_level",
            -16.0,
            "aresample=48000,asetnsamples=n=48:p=0,astats=metadata=1:reset=1,\
             ametadata=print:key=lavfi.astats.Overall.RMS_level:file=-",
        ),
    };
    let option = if kind == Kind::Video { "-vf" } else { "-af" };
    let told = Command::new("ffmpeg")
        .args(["-v", "error", "-nostdin", "-copyts", "-i", path.to_str().unwrap(), option, filter, "-f", "null", "-"])
        .output()
        .unwrap();
    assert!(told.status.success() && told.stderr.is_empty(), "{}", String::from_utf8_lossy(&told.stderr));
    let (mut marks, mut at, mut on) = (Vec::new(), 0.0, true);
    for line in String::from_utf8(told.stdout).unwrap().lines() {
        if let Some((_, time)) = line.split_once("pts_time:") {
            at = time.trim().parse().unwrap();
        } else if let Some(level) = line.strip_prefix(key).and_then(|rest| rest.strip_prefix('=')) {
            let now = level.parse::<f64>().is_ok_and(|level| level > above);
            if now && !on {
                marks.push(at);
            }
            on = now;
        }
    }
    marks
}

/// Milliseconds by which each beep of `sound` is after the flash of `pictures`, the largest first; positive: sound is late.
fn worst(pictures: &[f64], sound: &[f64]) -> f64 {
    let near = |flash: &f64| {
        let off = sound.iter().map(|beep| (beep - flash) * 1000.0);
        off.min_by(|a, b| a.abs().total_cmp(&b.abs()))
    };
    let all: Vec<f64> = pictures.iter().filter_map(near).filter(|off| off.abs() < 2_000.0).collect();
    assert!(all.len() >= 5, "flashes at {pictures:?}, beeps at {sound:?}");
    all.into_iter().max_by(|a, b| a.abs().total_cmp(&b.abs())).unwrap()
}

fn assert_together(source: Source, seconds: u32) {
    let events = live(source, seconds);
    let folder = std::env::temp_dir().join(format!("amphi-drift-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let end = MEDIA_TIME_BASE_MICROS + i64::from(seconds) * 1_000_000;
    let mut told = Vec::new();
    for (when, from) in [("beginning", MEDIA_TIME_BASE_MICROS), ("end", end - WINDOW_MICROS)] {
        let marks_of = |id: RenditionId| marks(&file(&folder, id, &events, from, from + WINDOW_MICROS), id.kind());
        let renditions = [
            RenditionId::Source,
            RenditionId::Rung(36),
            RenditionId::Rung(18),
            RenditionId::Audio,
            RenditionId::Stereo,
        ];
        let all: BTreeMap<_, _> = renditions.map(|id| (id, marks_of(id))).into();
        for pictures in renditions.into_iter().filter(|id| id.kind() == Kind::Video) {
            for sound in renditions.into_iter().filter(|id| id.kind() == Kind::Audio) {
                let off = worst(&all[&pictures], &all[&sound]);
                told.push((when, pictures.name(), sound.name(), off));
            }
        }
    }
    std::fs::remove_dir_all(&folder).unwrap();
    let listed: String = told.iter().map(|(when, p, s, off)| format!("{when}: {p} and {s}: {off:+.1} ms\n")).collect();
    println!("{source:?}, {seconds} s:\n{listed}");
    let most = if source.slow_ppm == 0 { STEADY_MS } else { MOST_MS };
    assert!(told.iter().all(|(.., off)| off.abs() <= most), "{source:?}:\n{listed}");
}

#[test]
fn whole_milliseconds_do_not_drift() {
    assert_together(AT_25, seconds());
}

#[test]
fn ntsc_and_resampled_sound_do_not_drift() {
    assert_together(NTSC, seconds());
}

#[test]
fn ntsc_in_whole_milliseconds_does_not_drift() {
    assert_together(NTSC_MILLIS, seconds());
}

#[test]
fn a_slow_microphone_does_not_drift() {
    assert_together(SLOW_MICROPHONE, seconds());
}

#[test]
fn a_fast_microphone_does_not_drift() {
    assert_together(FAST_MICROPHONE, seconds());
}
