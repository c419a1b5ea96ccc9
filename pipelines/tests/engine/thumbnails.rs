//! Keyframes become the pictures that they are: colours, order, size; and what is no picture costs its own place only.

use crate::clip::{Clip, clip_of};
use crate::direct::ENGINE;
use crate::turned::{CORNERS, TURNS, corners, lying, told};
use bytes::Bytes;
use media::codec::h264::H264;
use media::track::Parameters;
use pipelines::client::Settings;
use pipelines::client::thumbnail::{Error, Keyframe, Picture, pictures};
use pipelines::message::thumbnail::PictureSize;
use pipelines::message::{ToEngine, VERSION};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// More than enough on a machine that also compiles.
const LONG: Duration = Duration::from_secs(60);

fn settings() -> Settings {
    Settings { program: Some(ENGINE.into()), niceness: 0, start_within: LONG, ..Settings::default() }
}

/// A second of each colour, a keyframe every half.
fn coloured(size: &str, colours: &[&str]) -> Clip {
    let sources: Vec<String> = colours.iter().map(|c| format!("color=c={c}:s={size}:r=10:d=1")).collect();
    let labels: String = (0..colours.len()).map(|n| format!("[c{n}]")).collect();
    let named: Vec<String> = sources.iter().enumerate().map(|(n, source)| format!("{source}[c{n}]")).collect();
    let graph = format!("{};{labels}concat=n={}:v=1:a=0", named.join(";"), colours.len());
    clip_of(&graph, &["-an", "-g", "5", "-bf", "2"])
}

fn keyframes(clip: &Clip) -> Vec<Keyframe> {
    let mut parameters: Option<Parameters> = None;
    let mut found: Vec<Keyframe> = Vec::new();
    for message in &clip.messages {
        match message {
            ToEngine::Parameters(p) => parameters = Some(p.clone()),
            ToEngine::Frame(frame) if frame.keyframe => found.push(Keyframe {
                number: u32::try_from(found.len()).unwrap(),
                parameters: parameters.clone().unwrap(),
                payload: frame.payload.clone(),
            }),
            _ => {}
        }
    }
    found
}

async fn made(settings: &Settings, size: PictureSize, keyframes: Vec<Keyframe>) -> (Vec<Picture>, Result<(), Error>) {
    let (sender, receiver) = mpsc::channel(2);
    let mut made = Vec::new();
    let feed = async move {
        for keyframe in keyframes {
            if sender.send(keyframe).await.is_err() {
                return;
            }
        }
    };
    let ((), end) =
        tokio::time::timeout(LONG, async { tokio::join!(feed, pictures(settings, size, receiver, |p| made.push(p))) })
            .await
            .expect("it ends");
    (made, end)
}

/// Red, green and blue at a place given in hundredths of width and height.
fn colour(picture: &Picture, size: PictureSize, (x, y): (usize, usize)) -> [u8; 3] {
    let (width, height) = (size.width_px() as usize, size.height_px() as usize);
    let at = (height * y / 100 * width + width * x / 100) * 3;
    picture.rgb[at..at + 3].try_into().unwrap()
}

#[track_caller]
fn near(got: [u8; 3], wanted: [u8; 3]) {
    assert!(got.iter().zip(wanted).all(|(got, wanted)| got.abs_diff(wanted) <= 12), "{got:?} is not {wanted:?}");
}

const COLOURS: [(&str, [u8; 3]); 4] =
    [("red", [255, 0, 0]), ("lime", [0, 255, 0]), ("blue", [0, 0, 255]), ("white", [255, 255, 255])];

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn each_keyframe_is_the_picture_of_its_time() {
    let keyframes = keyframes(&coloured("320x180", &COLOURS.map(|(name, _)| name)));
    assert_eq!(keyframes.len(), 8);
    let size = PictureSize::of(&keyframes[0].parameters, 160).unwrap();
    assert_eq!((size.width_px(), size.height_px()), (160, 90));
    let (pictures, end) = made(&settings(), size, keyframes).await;
    assert_eq!(end, Ok(()));
    assert_eq!(pictures.iter().map(|p| p.number).collect::<Vec<_>>(), (0..8).collect::<Vec<_>>());
    for picture in &pictures {
        let wanted = COLOURS[picture.number as usize / 2].1;
        for place in [(1, 1), (50, 50), (99, 99)] {
            near(colour(picture, size, place), wanted);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn another_shape_has_black_beside_it_and_the_size_stays() {
    let wide = keyframes(&coloured("320x180", &["red"]));
    let tall = keyframes(&coloured("180x320", &["blue"]));
    let first = u32::try_from(wide.len()).unwrap();
    let tall = tall.into_iter().map(|keyframe| Keyframe { number: keyframe.number + first, ..keyframe });
    let all: Vec<_> = wide.into_iter().chain(tall).collect();
    let size = PictureSize::nearest(320, 180);
    let (pictures, end) = made(&settings(), size, all).await;
    assert_eq!((end, pictures.len()), (Ok(()), 4));
    near(colour(&pictures[0], size, (2, 50)), [255, 0, 0]);
    near(colour(&pictures[3], size, (50, 50)), [0, 0, 255]);
    near(colour(&pictures[3], size, (50, 2)), [0, 0, 255]);
    for beside in [(10, 50), (90, 50)] {
        near(colour(&pictures[3], size, beside), [0, 0, 0]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn lying_keyframes_are_upright_pictures_each_as_it_says() {
    let upright = (clip_of(CORNERS, &["-t", "1", "-g", "25", "-an"]), "red lime blue white");
    let clips = TURNS.map(|(turn, _, shown)| (lying(turn), shown));
    let mut all: Vec<Keyframe> = Vec::new();
    let mut wanted = Vec::new();
    for (clip, shown) in clips.iter().chain([&upright]) {
        let orientation = told(clip);
        for keyframe in keyframes(clip) {
            let Parameters::Video(h264) = keyframe.parameters else { panic!("sound") };
            let parameters = Parameters::Video(Arc::new(H264::clone(&h264).turned(orientation)));
            all.push(Keyframe { number: u32::try_from(all.len()).unwrap(), parameters, ..keyframe });
            wanted.push(*shown);
        }
    }
    let size = PictureSize::of(&all[0].parameters, 96).unwrap();
    assert_eq!((size.width_px(), size.height_px()), (96, 170), "a quarter turn: it stands");
    // What lies is in the middle of it.
    let size = PictureSize::nearest(160, 160);
    let (pictures, end) = made(&settings(), size, all).await;
    assert_eq!(end, Ok(()));
    let middle = |picture: &Picture| corners(&picture.rgb, size.width_px() as usize, size.height_px() as usize);
    let shown: Vec<_> = pictures.iter().map(middle).collect();
    assert_eq!(shown, wanted);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_is_no_keyframe_costs_its_own_picture() {
    let mut keyframes = keyframes(&coloured("320x180", &COLOURS.map(|(name, _)| name)));
    keyframes[2].payload = Bytes::from_static(&[0, 0, 0, 9, 0x65, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]);
    keyframes[5].payload = Bytes::from_static(&[0xff; 64]);
    let size = PictureSize::nearest(160, 90);
    let (pictures, end) = made(&settings(), size, keyframes).await;
    assert_eq!(end, Ok(()));
    for good in [0, 1, 3, 4, 6, 7] {
        let picture = pictures.iter().find(|p| p.number == good).unwrap_or_else(|| panic!("{good} is missing"));
        near(colour(picture, size, (50, 50)), COLOURS[good as usize / 2].1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_engine_that_is_missing_or_cannot_start_is_no_fault_of_the_video() {
    let keyframes = keyframes(&coloured("320x180", &["red"]));
    let size = PictureSize::nearest(160, 90);
    let nowhere = Settings { program: Some("/nowhere/amphi-engine".into()), ..settings() };
    let (_, end) = made(&nowhere, size, keyframes.clone()).await;
    assert!(matches!(&end, Err(Error::Unready(text)) if text.contains("/nowhere/amphi-engine is missing")), "{end:?}");
    assert!(pipelines::client::program(&nowhere).is_err() && pipelines::client::program(&settings()).is_ok());
    // Starts, and says nothing.
    let silent = Settings { program: Some("/usr/bin/false".into()), ..settings() };
    let (_, end) = made(&silent, size, keyframes.clone()).await;
    assert!(matches!(&end, Err(Error::Unready(_))), "{end:?}");
    // Too little memory to load anything.
    let small = Settings { memory_bytes: 1 << 20, ..settings() };
    let (pictures, end) = made(&small, size, keyframes).await;
    assert!(end.is_err() && pictures.is_empty(), "{end:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_engine_that_ends_at_its_work_has_failed_at_it() {
    // Says that it is ready, in two bytes: the messages' version and its own kind. Then it dies.
    let script = std::env::temp_dir().join(format!("amphi-engine-dies-{}", std::process::id()));
    let says = format!("printf '\\000\\000\\000\\002\\{VERSION:03o}E'");
    std::fs::write(&script, format!("#!/bin/sh\n{says}; echo decoder fell over >&2; kill -SEGV $$\n")).unwrap();
    std::fs::set_permissions(&script, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let dies = Settings { program: Some(script.clone()), ..settings() };
    let size = PictureSize::nearest(160, 90);
    let (pictures, end) = made(&dies, size, keyframes(&coloured("320x180", &["red"]))).await;
    std::fs::remove_file(&script).unwrap();
    let Err(Error::Failed(why)) = end else { panic!("{end:?}") };
    assert!(why.contains("decoder fell over") && why.contains("SIGSEGV") && pictures.is_empty(), "{why}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn no_keyframe_is_no_picture() {
    let (pictures, end) = made(&settings(), PictureSize::nearest(160, 90), Vec::new()).await;
    assert_eq!((end, pictures.len()), (Ok(()), 0));
}
