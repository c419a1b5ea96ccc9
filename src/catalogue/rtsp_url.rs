//! Where a broadcaster's contribution is pulled from.

use media::ingest::rtsp::{BadSource, Source};
use std::fmt;
use std::str::FromStr;
use url::Url;

/// Longest that is stored; cameras' own forms stop earlier.
const MAX_BYTES: usize = 1_024;

/// A URL that [`Source`] takes. May hold credentials: `Display` and `Debug` leave them out.
#[derive(Clone, PartialEq, Eq)]
pub struct RtspUrl(Url);

/// Not an RTSP URL, or none that can be pulled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must look like rtsp://HOST/PATH or rtsp://USER:PASSWORD@HOST:PORT/PATH: {0}")]
pub struct NotRtsp(#[from] BadSource);

impl NotRtsp {
    /// What is wrong with it.
    #[must_use]
    pub fn why(self) -> BadSource {
        self.0
    }
}

impl RtspUrl {
    /// With its credentials; only to be dialled or stored.
    #[must_use]
    pub fn reveal(&self) -> &Url {
        &self.0
    }
}

impl FromStr for RtspUrl {
    type Err = NotRtsp;

    fn from_str(text: &str) -> Result<Self, NotRtsp> {
        let text = text.trim();
        if text.len() > MAX_BYTES {
            return Err(NotRtsp(BadSource::NotAUrl));
        }
        // What is stored must be what is dialled later.
        Source::parse(text)?;
        Url::parse(text).map(Self).map_err(|_| NotRtsp(BadSource::NotAUrl))
    }
}

impl fmt::Display for RtspUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut url = self.0.clone();
        // Both fail only for URLs without a host.
        let _ = url.set_username("");
        let _ = url.set_password(None);
        // Cheap cameras take `?user=…&password=…`.
        url.set_query(None);
        fmt::Display::fmt(&url, f)
    }
}

impl fmt::Debug for RtspUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RtspUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_kept_and_never_shown() {
        let url: RtspUrl = "rtsp://admin:s3cret@cam.example:8554/extron1?user=admin&password=s3cret".parse().unwrap();
        assert_eq!(url.to_string(), "rtsp://cam.example:8554/extron1");
        assert_eq!(format!("{url:?}"), "RtspUrl(rtsp://cam.example:8554/extron1)");
        assert_eq!(url.reveal().password(), Some("s3cret"));
    }

    #[test]
    fn only_rtsp_with_a_host() {
        for bad in ["", "cam", "http://cam/x", "file:///etc/passwd", "rtsp:///x", "rtsp:x", "rtsp://h/x#y"] {
            assert!(bad.parse::<RtspUrl>().is_err(), "{bad}");
        }
        assert!(format!("rtsp://h/{}", "x".repeat(1_024)).parse::<RtspUrl>().is_err());
    }

    #[test]
    fn what_can_not_be_pulled_is_refused_with_the_reason_and_without_the_secret() {
        for (bad, why) in [
            ("rtsps://u:s3cret@cam/x", BadSource::Tls),
            ("rtsp://u:s3cret@cam:0/x", BadSource::Port),
            ("rtsp://u:s3cret@239.1.2.3/x", BadSource::Host),
            ("rtsp://u:s3cret%zz@cam/x", BadSource::NotAUrl),
        ] {
            let refused = bad.parse::<RtspUrl>().unwrap_err();
            assert_eq!(refused, NotRtsp(why), "{bad}");
            assert!(!refused.to_string().contains("s3cret"), "{refused}");
        }
        let odd: RtspUrl = " rtsp://u:p%40ss@[2001:db8::1]:8554/a?b=c ".parse().unwrap();
        assert_eq!(odd.reveal().to_string().parse(), Ok(odd), "what is stored is read again");
    }
}
