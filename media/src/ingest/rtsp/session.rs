//! Which of the tracks a server describes are taken. Pure: the words of the SDP in, indexes or a reason out.

use std::fmt;

/// A track that can't be carried, by its name in the SDP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    media: Media,
    encoding: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Media {
    Video,
    Audio,
}

/// What to set up: indexes into what was offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    pub video: Option<usize>,
    pub audio: Option<usize>,
    /// Tracks beside them that viewers will miss.
    pub refused: Vec<Refused>,
}

/// Longest encoding name that is repeated to an operator; real ones have under 20 characters.
const MAX_NAME: usize = 24;
/// A camera has a handful of tracks; more are not looked at.
const MAX_TRACKS: usize = 32;

/// Takes the first H.264 and the first AAC track of `offered` (media and encoding name as retina gives them, lower-case).
///
/// A stream with one of them only is fine. Sound in another codec beside H.264 pictures is left out and named.
///
/// # Errors
/// Pictures in another codec, or nothing that can be carried at all (then perhaps with an empty list).
pub(super) fn choose<'a>(offered: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Choice, Vec<Refused>> {
    let mut choice = Choice { video: None, audio: None, refused: Vec::new() };
    let (mut others_video, mut others_audio) = (Vec::new(), Vec::new());
    for (i, (media, encoding)) in offered.into_iter().take(MAX_TRACKS).enumerate() {
        match (media, encoding) {
            ("video", "h264") => choice.video = choice.video.or(Some(i)),
            ("audio", "mpeg4-generic") => choice.audio = choice.audio.or(Some(i)),
            ("video", other) => others_video.push(Refused::new(Media::Video, other)),
            ("audio", other) => others_audio.push(Refused::new(Media::Audio, other)),
            // ONVIF metadata and the like: nothing to see or hear, nothing to miss.
            _ => {}
        }
    }
    // A second quality of what is taken is no loss.
    if choice.audio.is_none() {
        choice.refused.append(&mut others_audio);
    }
    if choice.video.is_none() {
        choice.refused.append(&mut others_video);
        // Somebody who set up a camera expects to see it: sound alone would look like success.
        if choice.audio.is_none() || !choice.refused.is_empty() {
            return Err(choice.refused);
        }
    }
    Ok(choice)
}

impl Refused {
    fn new(media: Media, encoding: &str) -> Self {
        let encoding = encoding
            .chars()
            .filter(|c| c.is_ascii_alphanumeric() || "-._".contains(*c))
            .take(MAX_NAME)
            .collect::<String>()
            .to_ascii_uppercase();
        Self { media, encoding }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, wanted) = match self.media {
            Media::Video => ("video", "H.264 (often called AVC)"),
            Media::Audio => ("audio", "AAC"),
        };
        write!(
            f,
            "the source sends {} {what}; set its {what} codec to {wanted} in the camera's or encoder's stream settings",
            self.encoding
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn h264_and_aac_are_found_among_others() {
        let choice = choose([
            ("application", "vnd.onvif.metadata"),
            ("audio", "pcmu"),
            ("video", "h264"),
            ("audio", "mpeg4-generic"),
            ("video", "h264"),
        ]);
        assert_eq!(choice, Ok(Choice { video: Some(2), audio: Some(3), refused: vec![] }));
    }

    #[test]
    fn one_kind_alone_is_fine() {
        assert_eq!(choose([("video", "h264")]).map(|c| (c.video, c.audio)), Ok((Some(0), None)));
        assert_eq!(choose([("audio", "mpeg4-generic")]).map(|c| (c.video, c.audio)), Ok((None, Some(0))));
    }

    #[test]
    fn other_codecs_are_refused_by_name() {
        let refused = choose([("video", "h265"), ("audio", "mpeg4-generic")]).unwrap_err();
        assert!(refused[0].to_string().contains("H265 video"), "{}", refused[0]);
        assert!(refused[0].to_string().contains("H.264"), "{}", refused[0]);
        let choice = choose([("video", "h264"), ("audio", "pcma")]).unwrap();
        assert_eq!(choice.audio, None);
        assert!(choice.refused[0].to_string().contains("PCMA audio"), "{}", choice.refused[0]);
        assert_eq!(choose([("application", "x")]), Err(vec![]));
    }

    #[test]
    fn a_hostile_name_is_cut_and_cleaned() {
        let name = format!("x\r\n\u{1b}[31m{}", "y".repeat(10_000));
        let text = choose([("video", name.as_str())]).unwrap_err()[0].to_string();
        assert!(text.len() < 200 && text.chars().all(|c| !c.is_control()), "{text}");
    }
}
