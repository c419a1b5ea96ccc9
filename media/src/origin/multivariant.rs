//! The multivariant playlist: the renditions side by side (RFC 8216bis section 4.4.6). Written by m3u8-rs.

use super::bit_rates::BitRates;
use crate::caption::language::Language;
use crate::codec::{aac::Aac, h264::H264};
use m3u8_rs::{
    AlternativeMedia, AlternativeMediaType, ClosedCaptionGroupId, MasterPlaylist, Resolution, VariantStream,
};

/// `EXT-X-MEDIA`'s group of sound.
const AUDIO_GROUP: &str = "audio";

/// `EXT-X-MEDIA`'s group of captions.
const CAPTIONS_GROUP: &str = "captions";
/// What they are for, and how they were made (RFC 8216bis section 4.4.6.1; Apple's authoring rules).
const CAPTIONS_ARE: &str = "public.accessibility.transcribes-spoken-dialog,public.machine-generated";

/// A video rendition.
#[derive(Clone, Debug)]
pub struct Video<'a> {
    /// Folder of its playlists, relative to the multivariant one.
    pub name: String,
    /// Its configuration now.
    pub h264: &'a H264,
    /// Frames per 1,000 s.
    pub frame_rate_milli: u32,
    /// Of its segments.
    pub bit_rates: BitRates,
    /// Of its I-frame playlist.
    pub keyframe_bit_rates: BitRates,
}

/// The audio rendition.
#[derive(Clone, Debug)]
pub struct Audio<'a> {
    /// Folder of its playlist.
    pub name: String,
    /// Its configuration now.
    pub aac: &'a Aac,
    /// Of its segments.
    pub bit_rates: BitRates,
}

/// Captions that a machine made, in a language.
#[derive(Clone, Debug)]
pub struct Captions {
    /// Folder of their playlist.
    pub name: String,
    /// Their language.
    pub language: Language,
}

/// The text; `None` when there is nothing to play.
#[must_use]
pub fn multivariant(videos: &[Video<'_>], audio: Option<&Audio<'_>>, captions: &[Captions]) -> Option<Vec<u8>> {
    let subtitles = (!captions.is_empty()).then(|| CAPTIONS_GROUP.to_owned());
    let sound = audio.map_or(BitRates::default(), |a| a.bit_rates);
    let mut variants: Vec<VariantStream> = Vec::new();
    for video in videos {
        let together = video.bit_rates.with(sound);
        let codecs = [Some(video.h264.codec_string()), audio.map(|a| a.aac.codec_string())];
        let resolution = Resolution { width: video.h264.width().into(), height: video.h264.height().into() };
        let base = VariantStream { resolution: Some(resolution), ..VariantStream::default() };
        variants.push(VariantStream {
            uri: format!("{}/media.m3u8", video.name),
            bandwidth: together.peak_bps,
            average_bandwidth: Some(together.average_bps),
            codecs: Some(codecs.into_iter().flatten().collect::<Vec<_>>().join(",")),
            frame_rate: Some(f64::from(video.frame_rate_milli) / 1000.0),
            audio: audio.map(|_| AUDIO_GROUP.to_owned()),
            subtitles: subtitles.clone(),
            closed_captions: Some(ClosedCaptionGroupId::None),
            ..base.clone()
        });
        variants.push(VariantStream {
            is_i_frame: true,
            uri: format!("{}/iframes.m3u8", video.name),
            bandwidth: video.keyframe_bit_rates.peak_bps,
            average_bandwidth: Some(video.keyframe_bit_rates.average_bps),
            codecs: Some(video.h264.codec_string().to_owned()),
            ..base
        });
    }
    // Sound alone, for who has no bandwidth for more; players in a page leave it out where there are pictures.
    if let Some(audio) = audio {
        variants.push(VariantStream {
            uri: format!("{}/media.m3u8", audio.name),
            bandwidth: sound.peak_bps,
            average_bandwidth: Some(sound.average_bps),
            codecs: Some(audio.aac.codec_string().to_owned()),
            audio: (!videos.is_empty()).then(|| AUDIO_GROUP.to_owned()),
            subtitles: subtitles.clone(),
            ..VariantStream::default()
        });
    }
    if variants.is_empty() {
        return None;
    }
    let alternatives = audio.filter(|_| !videos.is_empty()).map(|audio| AlternativeMedia {
        media_type: AlternativeMediaType::Audio,
        uri: Some(format!("{}/media.m3u8", audio.name)),
        group_id: AUDIO_GROUP.to_owned(),
        // Nobody told us which language is spoken.
        language: Some("und".to_owned()),
        name: "Audio".to_owned(),
        default: true,
        autoselect: true,
        channels: Some(audio.aac.channels().to_string()),
        ..AlternativeMedia::default()
    });
    let playlist = MasterPlaylist {
        version: Some(9),
        variants,
        alternatives: alternatives.into_iter().chain(captions.iter().map(subtitle)).collect(),
        ..MasterPlaylist::default()
    };
    let mut out = Vec::new();
    playlist.write_to(&mut out).ok()?;
    Some(out)
}

fn subtitle(captions: &Captions) -> AlternativeMedia {
    AlternativeMedia {
        media_type: AlternativeMediaType::Subtitles,
        uri: Some(format!("{}/media.m3u8", captions.name)),
        group_id: CAPTIONS_GROUP.to_owned(),
        language: Some(captions.language.tag().to_owned()),
        name: captions.language.name().to_owned(),
        // Who can hear is not shown any unasked.
        default: false,
        autoselect: true,
        characteristics: Some(CAPTIONS_ARE.to_owned()),
        ..AlternativeMedia::default()
    }
}
