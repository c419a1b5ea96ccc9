//! Why a pull failed, in words that may be logged and shown: no secret, no line breaks, nothing long.

use super::session::Refused;
use super::source::Source;
use base64::Engine;
use std::time::Duration;

/// Longest detail repeated from the protocol library.
const MAX_DETAIL_CHARS: usize = 200;

/// Why a pull could not begin or did not go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Name not found, connection refused, no route.
    #[error("the source can't be reached: {0}")]
    Unreachable(String),
    /// It did not answer in time.
    #[error("the source did not answer within {} s", .0.as_secs_f32())]
    Timeout(Duration),
    /// It wants a user and password and has none, or others.
    #[error("the source refuses {}", if *.given { "the user or password" } else { "to answer without user and password" })]
    Unauthorised {
        /// Whether credentials were shown.
        given: bool,
    },
    /// 404: the host is right, the path is not.
    #[error("the source knows no stream at this path")]
    NotFound,
    /// 461: it can't send by the transport that was asked for.
    #[error("the source can't send over this transport; change the transport of this source between TCP and UDP")]
    TransportRefused,
    /// Another refusal.
    #[error("the source answers with RTSP status {0}")]
    Status(u16),
    /// Nothing among its tracks can be carried.
    #[error("{}", no_track(.0))]
    NoTrack(Vec<Refused>),
    /// Parameter sets or audio configuration that make no sense.
    #[error("the source's codec configuration is not understood: {0}")]
    Codec(#[from] crate::codec::Error),
    /// It says something that is not RTSP, RTP or the announced codec.
    #[error("the source breaks the protocol: {0}")]
    Protocol(String),
    /// No media for so long.
    #[error("no media from the source for {} s", .0.as_secs_f32())]
    Stalled(Duration),
    /// Its clock jumped and stayed there; a new connection aligns all tracks anew.
    #[error("the source's timestamps jumped")]
    ClockJumped,
    /// Much data, but no answer or frame in it.
    #[error("the source sends data without end and without a frame in it")]
    Flood,
    /// A defect of the protocol library, met while reading what the source sent.
    #[error("reading the source's data failed in an unforeseen way")]
    Internal,
}

impl Error {
    /// Short name, for metrics.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Unreachable(_) => "unreachable",
            Self::Timeout(_) => "timeout",
            Self::Unauthorised { .. } => "unauthorised",
            Self::NotFound => "not_found",
            Self::TransportRefused => "transport_refused",
            Self::Status(_) => "status",
            Self::NoTrack(_) => "no_track",
            Self::Codec(_) => "codec",
            Self::Protocol(_) => "protocol",
            Self::Stalled(_) => "stalled",
            Self::ClockJumped => "clock_jumped",
            Self::Flood => "flood",
            Self::Internal => "internal",
        }
    }

    /// Whether only a person can help (settings here or at the source), so that trying again soon is no use.
    #[must_use]
    pub fn needs_a_person(&self) -> bool {
        matches!(self, Self::Unauthorised { .. } | Self::NotFound | Self::TransportRefused | Self::NoTrack(_))
    }

    pub(super) fn from_retina(error: &retina::Error, source: &Source) -> Self {
        match error.status_code() {
            Some(401 | 403) => Self::Unauthorised { given: source.credentials().is_some() },
            Some(404) => Self::NotFound,
            Some(461) => Self::TransportRefused,
            // A 2xx here means that the answer's content was wrong, and the text says how.
            Some(code) if !(200..300).contains(&code) => Self::Status(code),
            _ => {
                let text = error.to_string();
                match text.strip_prefix("Unable to connect to RTSP server: ") {
                    Some(reason) => Self::Unreachable(detail(reason, source)),
                    None => Self::Protocol(detail(&text, source)),
                }
            }
        }
    }

    pub(super) fn unreachable(error: &std::io::Error, source: &Source) -> Self {
        Self::Unreachable(detail(&error.to_string(), source))
    }
}

fn no_track(refused: &[Refused]) -> String {
    if refused.is_empty() {
        return "the source offers neither H.264 video nor AAC audio".to_owned();
    }
    refused.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// The first line of `text`, cleaned. A hostile server can make the library quote what we sent it: whatever is secret in
/// `source` is taken out, in clear, as it stands in a URL and as basic authentication encodes it.
fn detail(text: &str, source: &Source) -> String {
    let line = text.lines().next().unwrap_or_default();
    let mut line: String = line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let mut secrets = vec![source.url().as_str().to_owned()];
    secrets.extend(source.url().query().map(ToOwned::to_owned));
    if let Some((user, password)) = source.credentials() {
        secrets.push(base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}")));
        secrets.push(password.to_owned());
        secrets.push(user.to_owned());
    }
    // A user name of a letter or two is no secret, and taking it out would leave nothing to read.
    secrets.retain(|s| s.len() > 2 || Some(s.as_str()) == source.credentials().map(|(_, password)| password));
    for secret in secrets.iter().filter(|s| !s.is_empty()) {
        line = line.replace(secret.as_str(), "…");
    }
    line.chars().take(MAX_DETAIL_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn details_are_short_single_lines_without_secrets() {
        let source = Source::parse("rtsp://someone:hunter2@h/cam?token=abcdef").unwrap();
        let quoted = format!(
            "Expected Basic c29tZW9uZTpodW50ZXIy of someone with hunter2 at rtsp://h/cam?token=abcdef\u{7} or token=abcdef {}\nsecond",
            "x".repeat(1000)
        );
        let shown = detail(&quoted, &source);
        assert!(shown.starts_with("Expected Basic … of … with … at …  or … xxx"), "{shown}");
        assert_eq!(shown.chars().count(), MAX_DETAIL_CHARS);
    }
}
