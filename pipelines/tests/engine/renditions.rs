//! Every rendition has the source's pictures at the source's times, and an IDR where a segment begins and nowhere else.

use crate::clip::{Clip, clip, clip_of};
use crate::direct::{Made, run, rung, start};
use media::track::{Kind, Parameters};
use pipelines::ladder::{Halving, Rung};
use pipelines::message::{AudioPlan, Options, Rendition, Start, ToEngine};

fn assert_follows(what: &str, clip: &Clip, made: &Made) {
    assert!(made.status.success(), "{what}: {}: {}", made.status, made.said);
    assert!(clip.cuts().len() >= 2, "{what}: a clip with cuts");
    for n in 0..2 {
        assert_eq!(made.pts(n), clip.shown(), "{what}: pictures of rung {n}");
        assert_eq!(made.idrs(n), clip.cuts(), "{what}: IDRs of rung {n}");
    }
    let frames = made.frames(Rendition::Rung(0));
    assert!(frames.iter().skip(1).all(|f| !f.after_hole) && frames[0].after_hole, "{what}: holes");
    assert!(frames.iter().all(|f| f.dts == f.pts), "{what}");
    let stats = made.stats();
    assert_eq!((stats.shed, stats.refused), (0, 0), "{what}: {stats:?}");
}

#[test]
fn idrs_are_at_the_cuts_for_every_gop() {
    for (gop, anywhere) in [("25", false), ("50", false), ("62", false), ("100", false), ("250", true)] {
        let clip = clip("320x180", "25", &["-t", "11", "-g", gop, "-an"]).cut(anywhere);
        assert_follows(&format!("GOP of {gop}"), &clip, &run(start(), &clip.messages));
    }
}

#[test]
fn idrs_are_at_the_cuts_for_irregular_keyframes_and_b_frames() {
    let irregular =
        ["-t", "9", "-g", "400", "-force_key_frames", "0,0.6,2.9,3.1,5.3,7.9", "-bf", "2", "-b_strategy", "0", "-an"];
    let irregular = clip("320x180", "25", &irregular).cut(false);
    assert!(irregular.pictures().iter().any(|f| f.pts != f.dts), "B-frames");
    assert_follows("irregular, B-frames", &irregular, &run(start(), &irregular.messages));
    let pyramid =
        ["-t", "7", "-g", "250", "-bf", "3", "-b_strategy", "0", "-x264-params", "b-pyramid=normal:ref=3", "-an"];
    let pyramid = clip("320x180", "30", &pyramid).cut(true);
    assert_follows("cuts at B-frames", &pyramid, &run(start(), &pyramid.messages));
}

#[test]
fn idrs_are_at_the_cuts_for_every_frame_rate() {
    for rate in ["25", "30000/1001", "50", "60"] {
        let clip =
            clip("320x180", rate, &["-t", "5", "-force_key_frames", "expr:gte(t,n_forced*2)", "-g", "300", "-an"]);
        let clip = clip.cut(false);
        assert_follows(rate, &clip, &run(start(), &clip.messages));
    }
}

#[test]
fn half_of_the_pictures_are_left_out_where_it_is_wanted_but_no_cut() {
    let clip = clip("320x180", "50", &["-t", "5", "-g", "101", "-an"]).cut(false);
    let rungs = vec![rung(160, 90, Halving::No), rung(80, 44, Halving::EveryOther)];
    let made = run(Start { rungs, ..start() }, &clip.messages);
    assert!(made.status.success(), "{}", made.said);
    assert_eq!(made.pts(0), clip.shown());
    assert_eq!(made.idrs(0), clip.cuts());
    assert_eq!(made.idrs(1), clip.cuts());
    let half = made.pts(1);
    assert!((125..=128).contains(&half.len()), "{} of 250", half.len());
    assert!(half.windows(2).all(|w| w[1] - w[0] <= 3600), "evenly");
}

#[test]
fn another_size_midway_changes_neither_the_renditions_size_nor_their_times() {
    let small = clip("640x360", "25", &["-t", "3", "-g", "50", "-an"]);
    let large = clip("1280x720", "25", &["-t", "3", "-g", "50", "-an"]);
    let clip = small.clone().then(&large, 40).then(&small, 40).cut(false);
    let made = run(start(), &clip.messages);
    assert_follows("another size", &clip, &made);
    let parameters = made.parameters(Rendition::Rung(0));
    let Some(Parameters::Video(h264)) = parameters.first() else { panic!("{parameters:?}") };
    assert_eq!((h264.width(), h264.height()), (160, 90));
}

#[test]
fn a_gap_and_a_discontinuity_are_a_hole_and_an_idr() {
    let one = clip("320x180", "25", &["-t", "3", "-g", "50", "-an"]);
    let mut messages = one.clone().cut(false).messages;
    let both = one.clone().then(&one, 3_600_000).cut(false);
    messages.push(ToEngine::Discontinuity);
    messages.extend(both.messages[messages.len() - 1..].iter().cloned());
    let made = run(start(), &messages);
    assert!(made.status.success(), "{}", made.said);
    for n in 0..2 {
        assert_eq!(made.pts(n), both.shown());
        let frames = made.frames(Rendition::Rung(n));
        let holes: Vec<_> = frames.iter().filter(|f| f.after_hole).map(|f| (f.pts, f.keyframe)).collect();
        assert_eq!(holes, [(both.shown()[0], true), (both.shown()[75], true)]);
    }
}

#[test]
fn pictures_that_were_shown_already_are_decoded_and_not_encoded() {
    let mut clip = clip("320x180", "25", &["-t", "4", "-g", "100", "-bf", "2", "-an"]).cut(true);
    let until = clip.shown()[39];
    for message in &mut clip.messages {
        if let ToEngine::Frame(frame) = message {
            frame.decode_only = frame.pts <= until;
        }
    }
    let made = run(start(), &clip.messages);
    assert!(made.status.success(), "{}", made.said);
    for n in 0..2 {
        assert_eq!(made.pts(n), clip.shown()[40..]);
        assert_eq!(made.idrs(n)[0], clip.shown()[40], "it begins with an IDR");
        assert!(made.frames(Rendition::Rung(n))[0].after_hole);
    }
}

#[test]
fn interlaced_pictures_keep_their_times() {
    let fields = ["-t", "5", "-g", "50", "-flags", "+ildct+ilme", "-x264-params", "tff=1", "-an"];
    let clip = clip("320x192", "25", &fields).cut(false);
    let Some(ToEngine::Parameters(Parameters::Video(h264))) = clip.messages.first() else { panic!("no parameters") };
    assert!(h264.interlaced());
    let mut start = start();
    start.options.deinterlace = true;
    assert_follows("interlaced", &clip, &run(start, &clip.messages));
}

#[test]
fn interlaced_pictures_lose_their_combs() {
    // 50 fields a second of something that moves.
    let fields = "testsrc2=size=320x192:rate=50,interlace=scan=tff:lowpass=off";
    let coding = ["-t", "4", "-g", "50", "-b:v", "4M", "-flags", "+ildct+ilme", "-x264-params", "tff=1", "-an"];
    let clip = clip_of(fields, &coding).cut(false);
    // As large as the source: what is scaled is blurred, and combs with it.
    let whole = Rung { bitrate_bps: 4_000_000, ..rung(320, 192, Halving::No) };
    let shown_as = |deinterlace: bool| {
        let mut start = Start { rungs: vec![whole], ..start() };
        start.options.deinterlace = deinterlace;
        let made = run(start, &clip.messages);
        assert!(made.status.success(), "{}", made.said);
        assert_eq!(made.pts(0), clip.shown());
        let detect = "idet,metadata=print:key=lavfi.idet.multiple.current_frame:file=-";
        let told = String::from_utf8(made.decoded(0, &["-vf", detect, "-f", "null", "-"])).unwrap();
        let of = |kind: &str| told.lines().filter(|line| line.ends_with(&format!("current_frame={kind}"))).count();
        (of("progressive"), of("tff") + of("bff"))
    };
    let (whole, combed) = shown_as(true);
    assert!(whole >= 90 && combed <= 5, "{whole} of 100 pictures are whole, {combed} have combs");
    let (_, combed) = shown_as(false);
    assert!(combed >= 90, "the source has combs: {combed} of 100");
}

#[test]
fn sound_is_encoded_without_a_shift_and_pictures_do_not_wait_for_it() {
    let clip = clip("320x180", "25", &["-t", "5", "-g", "50"]).cut(false);
    let audio = AudioPlan::Encode { bitrate_bps: 64_000, sample_rate_hz: 48_000, channels: 2 };
    let made = run(Start { audio, ..start() }, &clip.messages);
    assert_follows("with sound", &clip, &made);
    let sound = made.frames(Rendition::Audio);
    assert!(
        matches!(made.parameters(Rendition::Audio)[..], [Parameters::Audio(aac)] if aac.sample_rate_hz() == 48_000)
    );
    assert!((230..=240).contains(&sound.len()), "{} frames in 5 s", sound.len());
    // RTMP's milliseconds wobble by half of one; the encoder's grid does not.
    assert!(sound.windows(2).all(|w| (w[1].pts - w[0].pts - 1024).abs() <= 48), "a steady grid");
    let first_in = clip.messages.iter().find_map(|m| match m {
        ToEngine::Frame(f) if f.kind == Kind::Audio => Some(f.pts),
        _ => None,
    });
    let shift = sound[0].pts - first_in.unwrap();
    assert!((-1024 - 48..=-1024 + 48).contains(&shift), "a frame of priming comes first: {shift}");

    let silent = run(Start { audio, ..start() }, &clip.clone().without(Kind::Audio).messages);
    assert_follows("without sound", &clip, &silent);
    let blind = run(Start { audio, ..start() }, &clip.without(Kind::Video).messages);
    assert!(blind.status.success() && blind.frames(Rendition::Audio).len() == sound.len(), "{}", blind.said);
}

#[test]
fn an_engine_that_is_too_slow_leaves_pictures_out_evenly_and_keeps_every_cut() {
    // All at once is more than any machine encodes in time.
    let clip = clip("640x360", "50", &["-t", "12", "-g", "100", "-an"]).cut(false);
    let slow = |w, h| Rung { bitrate_bps: 3_000_000, ..rung(w, h, Halving::No) };
    let rungs = vec![slow(1920, 1080), slow(1280, 720)];
    let made =
        run(Start { rungs, options: Options { encoder_threads: 1, ..Options::default() }, ..start() }, &clip.messages);
    assert!(made.status.success(), "{}", made.said);
    let stats = made.stats();
    assert!(stats.shed > 20, "{stats:?}");
    assert_eq!(made.pts(0), made.pts(1), "all rungs leave out the same");
    assert_eq!(made.idrs(0), clip.cuts());
    assert_eq!(made.pts(0).len() as u64 + stats.shed, clip.shown().len() as u64, "counted");
    let longest = made.pts(0).windows(2).map(|w| w[1] - w[0]).max().unwrap();
    assert!(longest <= 4 * 1800, "evenly: {longest}");
    assert!(stats.waiting <= 60);
}
