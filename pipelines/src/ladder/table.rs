//! The rules as tables: sources, and what they get.

use super::*;

fn camera(width: u32, height: u32) -> SourceVideo {
    SourceVideo {
        width,
        height,
        frame_rate_milli: Some(30_000),
        gop_ms: Some(2_000),
        interlaced: false,
        profile_idc: 77,
        pixel_aspect: (1, 1),
        orientation: Orientation::UPRIGHT,
    }
}

fn planned(video: SourceVideo, preset: &Preset) -> Ladder {
    plan(&Source { video: Some(video), audio: None }, preset)
}

/// As `1280x720@2500/2`: the size, kbit/s, and a mark when halved.
fn names(rungs: &[Rung]) -> Vec<String> {
    let half = |r: &Rung| if r.halving == Halving::EveryOther { "/2" } else { "" };
    rungs.iter().map(|r| format!("{}x{}@{}{}", r.width, r.height, r.bitrate_bps / 1000, half(r))).collect()
}

#[test]
fn a_source_gets_the_rungs_below_its_size() {
    let table: [(u32, u32, &[&str]); 9] = [
        (1920, 1080, &["1280x720@2500", "854x480@1200", "640x360@700"]),
        (1280, 720, &["854x480@1200", "640x360@700"]),
        (854, 480, &["640x360@700"]),
        (640, 480, &["480x360@700"]),
        (640, 360, &[]),
        (320, 180, &[]),
        // A portrait is named by its short side too.
        (1080, 1920, &["720x1280@2500", "480x854@1200", "360x640@700"]),
        // Not quite 720p: a rung of nearly the same size is no use.
        (1366, 768, &["854x480@1200", "640x360@700"]),
        // A projector.
        (1024, 768, &["640x480@1200", "480x360@700"]),
    ];
    for (width, height, wanted) in table {
        let ladder = planned(camera(width, height), &Preset::camera());
        assert_eq!(ladder.source, SourceRendition::PassThrough, "{width}x{height}");
        assert_eq!(names(&ladder.rungs), wanted, "{width}x{height}");
        assert_eq!(ladder.needs_engine(), !wanted.is_empty());
    }
}

#[test]
fn a_source_that_browsers_cannot_play_is_encoded_at_its_size() {
    let hd = camera(1920, 1080);
    let table = [
        (SourceVideo { gop_ms: Some(4_001), ..hd }, Why::Gop, "1920x1080@4500"),
        (SourceVideo { profile_idc: 122, ..hd }, Why::Profile, "1920x1080@4500"),
        (SourceVideo { interlaced: true, ..hd }, Why::Interlaced, "1920x1080@4500"),
        (camera(3840, 2160), Why::Size, "1920x1080@4500"),
        (SourceVideo { gop_ms: Some(10_000), ..camera(640, 360) }, Why::Gop, "640x360@700"),
        (SourceVideo { gop_ms: Some(10_000), ..camera(641, 361) }, Why::Gop, "640x360@1200"),
        (SourceVideo { gop_ms: Some(10_000), ..camera(160, 90) }, Why::Gop, "160x90@350"),
    ];
    for (video, why, wanted) in table {
        let ladder = planned(video, &Preset::camera());
        let SourceRendition::Reencode(rung, found) = ladder.source else { panic!("{video:?} is passed through") };
        assert_eq!((found, names(&[rung])), (why, vec![wanted.to_owned()]), "{video:?}");
        assert_eq!(ladder.encoded().first(), Some(&rung), "it is the first an engine makes");
        assert_eq!(ladder.deinterlace, video.interlaced);
    }
    for passed in [SourceVideo { gop_ms: None, ..hd }, SourceVideo { gop_ms: Some(4_000), profile_idc: 66, ..hd }] {
        assert_eq!(planned(passed, &Preset::camera()).source, SourceRendition::PassThrough, "{passed:?}");
    }
}

#[test]
fn the_shown_shape_is_kept() {
    // PAL, 16:9 in 720x576 with pixels of 64:45.
    let pal = SourceVideo { pixel_aspect: (64, 45), interlaced: true, ..camera(720, 576) };
    let ladder = planned(pal, &Preset::camera());
    assert_eq!(names(&ladder.encoded()), ["1024x576@2500", "854x480@1200", "640x360@700"]);
    // HDV, 1440x1080 shown as 1920x1080.
    let hdv = SourceVideo { pixel_aspect: (4, 3), ..camera(1440, 1080) };
    assert_eq!(names(&planned(hdv, &Preset::camera()).rungs), ["1280x720@2500", "854x480@1200", "640x360@700"]);
    // Tall pixels get more lines; nonsense is square.
    let tall = SourceVideo { pixel_aspect: (1, 2), ..camera(1280, 360) };
    assert_eq!(names(&planned(tall, &Preset::camera()).rungs), ["854x480@1200", "640x360@700"]);
    let nonsense = SourceVideo { pixel_aspect: (0, 9), ..camera(1280, 720) };
    assert_eq!(names(&planned(nonsense, &Preset::camera()).rungs), ["854x480@1200", "640x360@700"]);
}

#[test]
fn a_source_that_lies_is_encoded_upright_and_so_is_all_below_it() {
    let turned = |quarters| SourceVideo { orientation: Orientation::new(false, quarters), ..camera(1280, 720) };
    let table: [(SourceVideo, &[&str]); 4] = [
        (turned(1), &["720x1280@2500", "480x854@1200", "360x640@700"]),
        (turned(2), &["1280x720@2500", "854x480@1200", "640x360@700"]),
        (turned(3), &["720x1280@2500", "480x854@1200", "360x640@700"]),
        // Wide pixels are tall when they stand.
        (
            SourceVideo { pixel_aspect: (4, 3), width: 1440, height: 1080, ..turned(1) },
            &["1080x1920@4500", "720x1280@2500", "480x854@1200", "360x640@700"],
        ),
    ];
    for (video, wanted) in table {
        let ladder = planned(video, &Preset::camera());
        assert!(matches!(ladder.source, SourceRendition::Reencode(_, Why::Turned)), "{video:?}");
        assert_eq!(names(&ladder.encoded()), wanted, "{video:?}");
        assert_eq!(ladder.start(0).options.orientation, video.orientation);
    }
    let source = |video| Source { video: Some(video), audio: None };
    let cores = |video: SourceVideo| cost::cores(&planned(video, &Preset::camera()), &source(video));
    let upright = SourceVideo { interlaced: true, ..camera(1280, 720) };
    assert!((cores(SourceVideo { interlaced: true, ..turned(1) }) - cores(upright)).abs() < 1e-9, "nothing to scale");
}

#[test]
fn many_pictures_a_second_are_halved_below_720p() {
    let table: [(u32, &[&str]); 5] = [
        (25_000, &["1280x720@2500", "854x480@1200", "640x360@700"]),
        (29_970, &["1280x720@2500", "854x480@1200", "640x360@700"]),
        (30_001, &["1280x720@2500", "854x480@1200", "640x360@700"]),
        (50_000, &["1280x720@3500", "854x480@1200/2", "640x360@700/2"]),
        (59_940, &["1280x720@3500", "854x480@1200/2", "640x360@700/2"]),
    ];
    for (milli, wanted) in table {
        let video = SourceVideo { frame_rate_milli: Some(milli), ..camera(1920, 1080) };
        assert_eq!(names(&planned(video, &Preset::camera()).rungs), wanted, "{milli}");
    }
}

#[test]
fn nothing_is_ever_upscaled_and_every_side_is_even() {
    for name in Preset::NAMES {
        let preset = Preset::named(name).unwrap();
        for width in (16..2200).step_by(37) {
            for height in (16..2200).step_by(41) {
                for gop_ms in [2_000, 9_000] {
                    let video = SourceVideo { gop_ms: Some(gop_ms), ..camera(width, height) };
                    for rung in planned(video, &preset).encoded() {
                        assert!(rung.width <= width.max(16) && rung.height <= height.max(16), "{video:?}: {rung:?}");
                        assert_eq!((rung.width % 2, rung.height % 2), (0, 0), "{video:?}: {rung:?}");
                    }
                }
            }
        }
    }
    assert_eq!(Preset::named("cinema"), None);
}

#[test]
fn sound_is_passed_through_when_every_player_decodes_it() {
    let aac = |object_type, sample_rate_hz, channels| SourceAudio { object_type, sample_rate_hz, channels };
    let encoded = |sample_rate_hz, channels| SourceSound::Reencode { bitrate_bps: 128_000, sample_rate_hz, channels };
    let table = [
        (aac(2, 48_000, 2), SourceSound::PassThrough),
        (aac(2, 44_100, 1), SourceSound::PassThrough),
        (aac(2, 96_000, 2), encoded(48_000, 2)),
        (aac(2, 88_200, 2), encoded(44_100, 2)),
        (aac(2, 48_000, 6), encoded(48_000, 2)),
        (aac(5, 44_100, 1), encoded(44_100, 1)),
    ];
    for (audio, wanted) in table {
        let ladder = plan(&Source { video: None, audio: Some(audio) }, &Preset::camera());
        assert_eq!(ladder.audio, wanted, "{audio:?}");
        assert_eq!(ladder.source, SourceRendition::None);
        assert_eq!(ladder.needs_engine(), wanted != SourceSound::PassThrough);
    }
    assert_eq!(plan(&Source { video: None, audio: None }, &Preset::camera()).audio, SourceSound::None);
}

#[test]
fn the_estimate_is_near_what_was_measured() {
    let source = |video| Source {
        video: Some(video),
        audio: Some(SourceAudio { object_type: 5, sample_rate_hz: 48_000, channels: 2 }),
    };
    let cores = |video| {
        let source = source(video);
        cost::cores(&plan(&source, &Preset::camera()), &source)
    };
    let hd = cores(camera(1920, 1080));
    assert!((0.62..=0.76).contains(&hd), "0.69 was measured, {hd} is estimated");
    assert!(cores(camera(1280, 720)) < hd / 2.0);
    let fast = cores(SourceVideo { frame_rate_milli: Some(60_000), ..camera(1920, 1080) });
    assert!(fast > hd && fast < 2.0 * hd, "halved rungs cost no more: {fast}");
    let passed = Source { video: Some(camera(640, 360)), audio: None };
    assert!(cost::cores(&plan(&passed, &Preset::camera()), &passed) == 0.0);

    // Two cores of which engines may have 80 %: two such lives fit, a third does not.
    let budget = cost::Budget { cores: 2.0, share: 0.8 };
    assert!(budget.admits(0.0, hd) && budget.admits(hd, hd) && !budget.admits(2.0 * hd, hd));
}
