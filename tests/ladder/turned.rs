//! A phone that sends lying pictures and says so in its stream: viewers get upright ones, and the recording what the phone sent.

use super::{Clip, RUNG, SOURCE, assert_aligned, at_once, ended, samples};
use crate::support::http::get;
use crate::support::peers::{self, Peer, wait_until};
use crate::support::stream::{PATIENCE, SOON, url, video_url, wait_on_air};
use media::codec::h264::Orientation;
use media::rendition::RenditionId;
use media::track::Parameters;

/// How much the pictures of a rendition are like the clip's after a filter. Decibels: 20 is like, 12 is another picture.
fn likeness(clip: &Clip, rendition: &str, filter: &str) -> f64 {
    let path = clip.path();
    let graph = format!("[1:v]{filter},setpts=N[wanted];[0:v]setpts=N[got];[got][wanted]psnr=stats_file=-");
    let inputs = ["-nostdin", "-v", "error", "-i", rendition, "-noautorotate", "-i", path.to_str().unwrap()];
    let arguments = ["-filter_complex", &graph, "-frames:v", "50", "-f", "null", "-"];
    let told = peers::run("ffmpeg", inputs.iter().chain(&arguments), PATIENCE);
    let of = |line: &str| line.split("psnr_avg:").nth(1)?.split(' ').next()?.parse::<f64>().ok();
    let all: Vec<_> = told.lines().filter_map(of).collect();
    assert!(all.len() >= 50, "{told}");
    all.iter().sum::<f64>() / all.len() as f64
}

#[test]
fn what_a_phone_sends_lying_is_shown_upright_and_kept_as_it_came() {
    let server = at_once();
    let lying = ["-g", "50", "-bsf:v", "h264_metadata=display_orientation=insert:rotate=90"];
    // ffmpeg writes it with the first keyframe only, phones with each: a clip of one keyframe, seven times.
    let clip = Clip::new("640x360", "25", 2, &lying);
    let (path, url) = (clip.path(), url(&server, "demo", "demo"));
    let again =
        ["-v", "warning", "-re", "-stream_loop", "6", "-i", path.to_str().unwrap(), "-c", "copy", "-f", "flv", &url];
    let mut encoder = Peer::start("ffmpeg", again);
    wait_on_air(&server, "demo");
    let upright = |master: &str| {
        let has = |part: &str| master.contains(part);
        has("RESOLUTION=360x640") && has("360p/media.m3u8") && has("240p/media.m3u8") && !has("source/media.m3u8")
    };
    let offered = || get(server.http(), "/live/demo/master.m3u8").text();
    assert!(wait_until(SOON, || upright(&offered())), "{}", offered());
    assert!(encoder.finish(PATIENCE).success(), "{}", encoder.log());

    let (video, loaded) = ended(&server, "demo");
    for id in [RenditionId::Rung(360), RUNG] {
        assert_aligned(&loaded, id, &id.name());
        assert_eq!(samples(&loaded, id), samples(&loaded, SOURCE), "{}", id.name());
    }
    let Some((Parameters::Video(h264), _)) = loaded.tracks[&SOURCE].inits.last() else { panic!("no source") };
    assert_eq!((h264.orientation(), h264.width()), (Orientation::new(false, 1), 640), "the recording knows");

    let master = video_url(&server, &video);
    let listed = get(server.http(), video["hls_url"].as_str().unwrap()).text();
    assert!(upright(&listed), "{listed}");
    let source = master.replace("master.m3u8", "source/media.m3u8");
    let entries = ["-show_entries", "frame_side_data=rotation", "-of", "csv=p=0", &source];
    let told = ["-v", "error", "-select_streams", "v:0", "-read_intervals", "%+#1"];
    let told = peers::run("ffprobe", told.iter().chain(&entries), PATIENCE);
    assert!(told.contains("90"), "the source lost its SEI: {told:?}");
    let small = master.replace("master.m3u8", "240p/media.m3u8");
    let (upright, lying) = ("transpose=cclock,scale=240:426", "scale=240:426");
    let (upright, lying) = (likeness(&clip, &small, upright), likeness(&clip, &small, lying));
    assert!(upright > 20.0 && lying < 15.0, "{upright:.1} dB upright, {lying:.1} dB lying");
}
