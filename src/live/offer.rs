//! Which renditions viewers can choose: those that play, and that are there. Pure.
//!
//! The source is always made, recorded and served; it is left out of the multivariant playlist when browsers can't play it and an engine
//! made something of it that they can. An encoded rendition is left out while it has holes: nobody should switch to a gap.

use media::origin::entry::Segment;
use media::origin::playlist::Snapshot;
use media::rendition::RenditionId;
use media::track::Parameters;
use pipelines::ladder::{self, Preset, Source, SourceAudio, SourceRendition, SourceSound, SourceVideo};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Finished segments of a live by which a rendition is judged: what players are about to fetch.
const RECENT: usize = 3;
/// Percent of a finished video that a rendition may lack: what the start of an engine and a restart cost.
const MAY_LACK_PERCENT: i64 = 2;
/// Segments without a keyframe that show that the source's are too far apart; fewer are accidents.
const LONG_GOP_SEGMENTS: usize = 2;
/// Segments looked at for that.
const GOP_OVER_SEGMENTS: usize = 10;
/// More than any GOP that segments can be cut at. Milliseconds.
const LONG_GOP_MS: u32 = 10_000;

/// A rendition as it is now.
#[derive(Clone, Debug)]
pub struct Rendition {
    /// Which.
    pub id: RenditionId,
    /// Its configuration.
    pub parameters: Parameters,
    /// What it lists.
    pub snapshot: Arc<Snapshot>,
}

/// What to list in the multivariant playlist.
#[must_use]
pub fn offered(all: &[Rendition]) -> BTreeSet<RenditionId> {
    let mut offered: BTreeSet<_> =
        all.iter().filter(|r| !r.id.is_encoded() || is_whole(&r.snapshot)).map(|r| r.id).collect();
    for passed in all.iter().filter(|r| !r.id.is_encoded()) {
        let instead = offered.iter().any(|id| id.is_encoded() && id.kind() == passed.id.kind());
        if instead && !plays(passed) {
            offered.remove(&passed.id);
        }
    }
    if offered.contains(&RenditionId::Audio) {
        offered.remove(&RenditionId::Stereo);
    }
    offered
}

fn is_whole(snapshot: &Snapshot) -> bool {
    if snapshot.ended {
        let length = |only_gaps: bool| -> i64 {
            snapshot.segments().filter(|s| !only_gaps || s.is_gap()).map(|s| s.duration_micros).sum()
        };
        return length(true) * 100 <= length(false) * MAY_LACK_PERCENT;
    }
    snapshot.segments().rev().take(RECENT).all(|s| !s.is_gap())
}

/// Whether players take it as it is: what the ladder would pass through.
fn plays(rendition: &Rendition) -> bool {
    let mut source = Source { video: None, audio: None };
    match &rendition.parameters {
        Parameters::Video(h264) => {
            let keyless = |s: &&Segment| !s.is_gap() && s.keyframes.is_empty();
            let long = rendition.snapshot.segments().rev().take(GOP_OVER_SEGMENTS).filter(keyless).count();
            source.video = Some(SourceVideo::new(h264, (long >= LONG_GOP_SEGMENTS).then_some(LONG_GOP_MS)));
        }
        Parameters::Audio(aac) => source.audio = Some(SourceAudio::new(aac)),
    }
    let ladder = ladder::plan(&source, &Preset::default());
    !matches!(ladder.source, SourceRendition::Reencode(..)) && !matches!(ladder.audio, SourceSound::Reencode { .. })
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use media::codec::{aac::Aac, h264::H264};
    use media::origin::entry::Location;
    use media::origin::playlist::Playlist;
    use media::segment::{Keyframe, Rules};
    use media::time::WallTime;

    const AVCC_640X360: [u8; 40] = [
        0x01, 0x4d, 0x40, 0x1e, 0xff, 0xe1, 0x00, 0x18, 0x67, 0x4d, 0x40, 0x1e, 0xec, 0xa0, 0x50, 0x17, 0xfc, 0xb8,
        0x08, 0x80, 0x00, 0x00, 0x03, 0x00, 0x80, 0x00, 0x00, 0x1e, 0x07, 0x8b, 0x16, 0xcb, 0x01, 0x00, 0x05, 0x68,
        0xeb, 0xe3, 0xcb, 0x20,
    ];
    const LC_STEREO_48K: [u8; 2] = [0x11, 0x90];
    /// Six channels.
    const LC_SURROUND_48K: [u8; 2] = [0x11, 0xb0];

    /// Segments as letters: `k` with a keyframe, `n` without, `g` a gap.
    fn rendition(id: RenditionId, parameters: Parameters, segments: &str, ended: bool) -> Rendition {
        let mut playlist = Playlist::new(Rules::new(2_000_000, 500_000), 500_000, 0, 0, i64::MAX, 3);
        for (msn, what) in (0..).zip(segments.chars()) {
            let there = what != 'g';
            let keyframe = Keyframe { offset: 0, length: 1, time_micros: 0 };
            playlist.add_segment(Segment {
                msn,
                discontinuity: false,
                init: 0,
                program_date_time: WallTime::default(),
                start_micros: 0,
                duration_micros: 2_000_000,
                bytes: u32::from(there),
                samples: u32::from(there),
                location: there.then_some(Location { file: 0, offset: 0 }),
                keyframes: if what == 'k' { Box::new([keyframe]) } else { Box::default() },
                parts: Box::default(),
                media: Bytes::new(),
            });
        }
        if ended {
            playlist.end_as_video();
        }
        Rendition { id, parameters, snapshot: playlist.snapshot() }
    }

    fn video(id: RenditionId, segments: &str) -> Rendition {
        let h264 = Arc::new(H264::from_avcc(&AVCC_640X360).unwrap());
        rendition(id, Parameters::Video(h264), segments, false)
    }

    fn audio(id: RenditionId, asc: [u8; 2]) -> Rendition {
        rendition(id, Parameters::Audio(Arc::new(Aac::from_asc(&asc).unwrap())), "kkkk", false)
    }

    const SOURCE: RenditionId = RenditionId::Source;
    const RUNG: RenditionId = RenditionId::Rung(360);

    fn names(all: &[Rendition]) -> String {
        offered(all).iter().map(|id| id.name()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_is_there_is_offered_and_what_has_just_failed_is_not() {
        assert_eq!(names(&[video(SOURCE, "kkkkk"), video(RUNG, "kkkkk")]), "source 360p");
        assert_eq!(names(&[video(SOURCE, "kkkkk"), video(RUNG, "kkkgk")]), "source");
        assert_eq!(names(&[video(SOURCE, "kkkkkk"), video(RUNG, "gggkkk")]), "source 360p");
    }

    #[test]
    fn a_finished_video_offers_a_rendition_that_is_there_from_end_to_end() {
        let h264 = Parameters::Video(Arc::new(H264::from_avcc(&AVCC_640X360).unwrap()));
        let of = |id, segments: &str| rendition(id, h264.clone(), segments, true);
        let (all, hole) = ("k".repeat(100), format!("ggg{}", "k".repeat(97)));
        assert_eq!(names(&[of(SOURCE, &all), of(RUNG, &all)]), "source 360p");
        assert_eq!(names(&[of(SOURCE, &all), of(RUNG, &hole)]), "source");
    }

    #[test]
    fn a_source_that_browsers_do_not_play_is_offered_only_where_there_is_nothing_else() {
        assert_eq!(names(&[video(SOURCE, "knnknnkn"), video(RUNG, "kkkkkkkk")]), "360p");
        assert_eq!(names(&[video(SOURCE, "knnknnkn"), video(RUNG, "gggggggg")]), "source");
        assert_eq!(names(&[video(SOURCE, "knnknnkn")]), "source");
        assert_eq!(names(&[video(SOURCE, "kkkknkkk"), video(RUNG, "kkkkkkkk")]), "source 360p", "an accident");
    }

    #[test]
    fn one_sound_is_offered() {
        let (plain, surround) = (audio(RenditionId::Audio, LC_STEREO_48K), audio(RenditionId::Audio, LC_SURROUND_48K));
        let stereo = audio(RenditionId::Stereo, LC_STEREO_48K);
        assert_eq!(names(&[plain, stereo.clone()]), "audio");
        assert_eq!(names(&[surround.clone(), stereo]), "stereo");
        assert_eq!(names(&[surround]), "audio");
    }
}
