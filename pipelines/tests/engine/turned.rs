//! A source whose pictures lie, as its SEI says: what an engine makes of them is upright.

use crate::clip::{Clip, clip_of};
use crate::direct::{Made, run, rung, start};
use media::codec::h264::{self, Orientation};
use pipelines::ladder::{Halving, Rung};
use pipelines::message::{Options, Start, WhenSlow};

/// Coded: red and lime above, blue and white below; 320x180.
pub(crate) const CORNERS: &str = "color=red:s=160x90:r=25[a];color=lime:s=160x90:r=25[b];color=blue:s=160x90:r=25[c];\
                                  color=white:s=160x90:r=25[d];[a][b]hstack[ab];[c][d]hstack[cd];[ab][cd]vstack";

/// What ffmpeg writes, how that must be read, and the corners as they are shown: those above, then those below, left to right.
pub(crate) const TURNS: [(&str, Orientation, &str); 5] = [
    ("rotate=90", turn(false, 1), "lime white red blue"),
    ("rotate=180", turn(false, 2), "white blue lime red"),
    ("rotate=270", turn(false, 3), "blue red white lime"),
    ("flip=horizontal", turn(true, 0), "lime red white blue"),
    ("flip=vertical:rotate=90", turn(true, 3), "white lime blue red"),
];

const fn turn(mirrored: bool, quarters: u8) -> Orientation {
    match Orientation::from_code(if mirrored { 4 } else { 0 } | quarters) {
        Some(orientation) => orientation,
        None => Orientation::UPRIGHT,
    }
}

/// Lying pictures of four colours.
pub(crate) fn lying(turn: &str) -> Clip {
    let filter = format!("h264_metadata=display_orientation=insert:{turn}");
    clip_of(CORNERS, &["-t", "1", "-g", "25", "-an", "-bsf:v", &filter])
}

/// How the clip says that it lies.
pub(crate) fn told(clip: &Clip) -> Orientation {
    h264::orientation(&clip.pictures()[0].payload)
}

/// The four corners' colours of a picture of RGB.
pub(crate) fn corners(rgb: &[u8], width: usize, height: usize) -> String {
    assert_eq!(rgb.len(), width * height * 3);
    let colour = |x: usize, y: usize| {
        let at = (y * width + x) * 3;
        match [rgb[at], rgb[at + 1], rgb[at + 2]].map(|level| level > 127) {
            [true, false, false] => "red",
            [false, true, false] => "lime",
            [false, false, true] => "blue",
            [true, true, true] => "white",
            _ => "?",
        }
    };
    let (left, right, top, bottom) = (width / 4, width * 3 / 4, height / 4, height * 3 / 4);
    [(left, top), (right, top), (left, bottom), (right, bottom)].map(|(x, y)| colour(x, y)).join(" ")
}

/// The last picture of a rung, as ffmpeg decodes it to RGB.
fn picture(made: &Made, rung: Rung, n: u8) -> Vec<u8> {
    let decoded = made.decoded(n, &["-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1"]);
    let bytes = (rung.width * rung.height * 3) as usize;
    decoded[decoded.len() - bytes..].to_vec()
}

#[test]
fn lying_pictures_are_encoded_upright_in_the_shape_that_they_have_then() {
    for (turn, orientation, wanted) in TURNS {
        let clip = lying(turn).cut(false);
        assert_eq!(told(&clip), orientation, "{turn}");
        let upright = |rung: Rung| {
            let (width, height) = orientation.shown((rung.width, rung.height));
            Rung { width, height, ..rung }
        };
        let rungs = vec![upright(rung(160, 90, Halving::No)), upright(rung(320, 180, Halving::No))];
        let options = Options { when_slow: WhenSlow::Wait, orientation, ..Options::default() };
        let made = run(Start { rungs: rungs.clone(), options, ..start() }, &clip.messages);
        assert!(made.status.success(), "{turn}: {}", made.said);
        for (n, rung) in (0..).zip(rungs) {
            assert_eq!((made.pts(n), made.idrs(n)), (clip.shown(), clip.cuts()), "{turn}");
            let shown = corners(&picture(&made, rung, n), rung.width as usize, rung.height as usize);
            assert_eq!(shown, wanted, "{turn}, {}x{}", rung.width, rung.height);
        }
    }
}
