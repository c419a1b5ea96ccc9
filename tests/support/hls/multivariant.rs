//! What a multivariant playlist offers, read by m3u8-rs (a parser that isn't ours), and what it owes its readers.

use super::rules::Breaches;
use super::rules::resolve;
use m3u8_rs::{AlternativeMediaType, MasterPlaylist};

/// What a rendition carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// Pictures, perhaps with sound.
    Video,
    /// Sound only.
    Audio,
    /// WebVTT.
    Subtitles,
    /// An I-frame playlist.
    IFrames,
}

/// One media playlist.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rendition {
    /// Absolute path.
    pub path: String,
    /// What it carries.
    pub kind: Kind,
}

const ATTRIBUTES: (&str, &str, &str) =
    ("MultivariantAttributes", "authoring 9.10..9.14", "BANDWIDTH, AVERAGE-BANDWIDTH, CODECS, RESOLUTION, FRAME-RATE");
const GROUPS: (&str, &str, &str) = ("MultivariantGroups", "bis 4.4.6.2", "every group that is named exists");
const LANGUAGE: (&str, &str, &str) = ("MultivariantLanguage", "authoring 8.10", "LANGUAGE on what isn't video");
const IFRAMES: (&str, &str, &str) = ("IFramePlaylist", "authoring 6.1", "there is an I-frame playlist");
const SYNTAX: (&str, &str, &str) = ("MultivariantSyntax", "bis 4", "m3u8-rs can read it");

/// Lists the renditions of the playlist at `path`, each once, in the order of the text; what it lacks goes to `out`.
pub(crate) fn renditions(path: &str, text: &str, out: &mut Breaches) -> Vec<Rendition> {
    let master: MasterPlaylist = match m3u8_rs::parse_master_playlist_res(text.as_bytes()) {
        Ok(master) => master,
        Err(error) => {
            out.note(SYNTAX, path, format!("{:.200}", error.to_string()));
            return Vec::new();
        }
    };
    let mut found: Vec<Rendition> = Vec::new();
    let mut add = |uri: &str, kind| {
        let rendition = Rendition { path: resolve(path, uri), kind };
        if !found.contains(&rendition) {
            found.push(rendition);
        }
    };
    for variant in &master.variants {
        let pictures = variant.resolution.is_some();
        add(
            &variant.uri,
            if variant.is_i_frame {
                Kind::IFrames
            } else if sound_only(variant) {
                Kind::Audio
            } else {
                Kind::Video
            },
        );
        let whole = variant.bandwidth > 0
            && variant.average_bandwidth.is_some()
            && variant.codecs.is_some()
            && (pictures || sound_only(variant))
            && (variant.frame_rate.is_some() || variant.is_i_frame || !pictures);
        if !whole {
            out.note(ATTRIBUTES, path, format!("{variant:?}"));
        }
        let groups =
            [(&variant.audio, AlternativeMediaType::Audio), (&variant.subtitles, AlternativeMediaType::Subtitles)];
        for (group, kind) in groups {
            let Some(group) = group else { continue };
            if !master.alternatives.iter().any(|media| media.group_id == *group && media.media_type == kind) {
                out.note(GROUPS, path, format!("no {kind:?} group {group:?}"));
            }
        }
    }
    for media in &master.alternatives {
        let kind = match media.media_type {
            AlternativeMediaType::Audio => Kind::Audio,
            AlternativeMediaType::Subtitles => Kind::Subtitles,
            _ => Kind::Video,
        };
        if let Some(uri) = &media.uri {
            add(uri, kind);
        }
        if kind != Kind::Video && media.language.is_none() {
            out.note(LANGUAGE, path, format!("{:?}", media.name));
        }
    }
    if found.iter().any(|one| one.kind == Kind::Video) && !found.iter().any(|one| one.kind == Kind::IFrames) {
        out.note(IFRAMES, path, "none".to_owned());
    }
    found
}

fn sound_only(variant: &m3u8_rs::VariantStream) -> bool {
    variant.resolution.is_none() && variant.codecs.as_ref().is_some_and(|codecs| codecs.starts_with("mp4a."))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "#EXTM3U\n#EXT-X-VERSION:6\n\
        #EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"Sound\",LANGUAGE=\"und\",DEFAULT=YES,AUTOSELECT=YES,URI=\"audio/live.m3u8\"\n\
        #EXT-X-STREAM-INF:BANDWIDTH=900,AVERAGE-BANDWIDTH=800,CODECS=\"avc1.4d401f,mp4a.40.2\",RESOLUTION=640x360,FRAME-RATE=30.000,AUDIO=\"a\"\n\
        video/live.m3u8\n\
        #EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=90,AVERAGE-BANDWIDTH=80,CODECS=\"avc1.4d401f\",RESOLUTION=640x360,URI=\"video/iframes.m3u8\"\n";

    fn names(text: &str) -> Vec<&'static str> {
        let mut out = Breaches::default();
        renditions("/live/hall/master.m3u8", text, &mut out);
        out.into_vec().iter().map(|breach| breach.rule).collect()
    }

    #[test]
    fn a_good_one_lists_each_rendition_once() {
        let mut out = Breaches::default();
        let found = renditions("/live/hall/master.m3u8", GOOD, &mut out);
        let found: Vec<_> = found.iter().map(|one| (one.path.as_str(), one.kind)).collect();
        let expected = [
            ("/live/hall/video/live.m3u8", Kind::Video),
            ("/live/hall/video/iframes.m3u8", Kind::IFrames),
            ("/live/hall/audio/live.m3u8", Kind::Audio),
        ];
        assert_eq!(found, expected);
        assert!(names(GOOD).is_empty());
    }

    #[test]
    fn what_is_missing_is_named() {
        for (from, to, rule) in [
            ("AVERAGE-BANDWIDTH=800,", "", "MultivariantAttributes"),
            (",RESOLUTION=640x360,FRAME", ",FRAME", "MultivariantAttributes"),
            (",FRAME-RATE=30.000", "", "MultivariantAttributes"),
            ("AUDIO=\"a\"", "AUDIO=\"b\"", "MultivariantGroups"),
            ("LANGUAGE=\"und\",", "", "MultivariantLanguage"),
            ("#EXT-X-I-FRAME", "#I-FRAME", "IFramePlaylist"),
            ("#EXTM3U", "EXTM3U", "MultivariantSyntax"),
        ] {
            let bad = GOOD.replacen(from, to, 1);
            assert_ne!(bad, GOOD);
            assert!(names(&bad).contains(&rule), "{rule}: {:?}", names(&bad));
        }
    }
}
