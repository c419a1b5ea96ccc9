//! A viewer's path and query → a question. Everything from outside is parsed here, with bounds.

/// What a viewer asks of one rendition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// `media.m3u8`.
    Playlist(Reload),
    /// `iframes.m3u8`.
    Iframes,
    /// `init-<n>.mp4`.
    Init(u16),
    /// `<msn>.m4s`.
    Segment(u64),
    /// `<msn>.vtt`.
    Captions(u64),
    /// `<msn>.<part>.m4s`.
    Part(u64, u32),
}

/// Delivery directives (RFC 8216bis section 6.2.5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reload {
    /// `_HLS_msn`: hold the answer until this segment is there.
    pub msn: Option<u64>,
    /// `_HLS_part`: … until this part of it is there.
    pub part: Option<u32>,
    /// `_HLS_skip`: a delta update will do.
    pub skip: bool,
}

/// A question that can't be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRequest {
    /// RFC 8216bis section 6.2.5.2.
    #[error("_HLS_part needs _HLS_msn")]
    PartWithoutMsn,
    /// Not a decimal number.
    #[error("{0} must be a decimal number")]
    NotANumber(&'static str),
    /// Neither YES nor v2.
    #[error("_HLS_skip must be YES or v2")]
    Skip,
    /// RFC 8216bis section 6.2.5.2: too far ahead.
    #[error("_HLS_msn is more than two segments ahead")]
    TooFarAhead,
}

impl Request {
    /// The segment that bytes are asked of.
    #[must_use]
    pub fn msn(self) -> Option<u64> {
        match self {
            Self::Segment(msn) | Self::Captions(msn) | Self::Part(msn, _) => Some(msn),
            Self::Playlist(_) | Self::Iframes | Self::Init(_) => None,
        }
    }

    /// Parses the last path component and the query. `Ok(None)`: no such resource.
    ///
    /// # Errors
    /// When a delivery directive is malformed.
    pub fn parse(file: &str, query: &str) -> Result<Option<Self>, BadRequest> {
        if let Some(stem) = file.strip_suffix(".m4s") {
            return Ok(match stem.split_once('.') {
                None => number(stem).map(Self::Segment),
                Some((msn, part)) => {
                    number(msn).zip(number(part).and_then(|p| u32::try_from(p).ok())).map(|(m, p)| Self::Part(m, p))
                }
            });
        }
        if let Some(msn) = file.strip_suffix(".vtt") {
            return Ok(number(msn).map(Self::Captions));
        }
        if let Some(n) = file.strip_prefix("init-").and_then(|f| f.strip_suffix(".mp4")) {
            return Ok(number(n).and_then(|n| u16::try_from(n).ok()).map(Self::Init));
        }
        match file {
            "media.m3u8" => Ok(Some(Self::Playlist(Reload::parse(query)?))),
            "iframes.m3u8" => Ok(Some(Self::Iframes)),
            _ => Ok(None),
        }
    }
}

impl Reload {
    fn parse(query: &str) -> Result<Self, BadRequest> {
        let mut reload = Self::default();
        for (key, value) in query.split('&').filter_map(|pair| pair.split_once('=')) {
            match key {
                "_HLS_msn" => reload.msn = Some(number(value).ok_or(BadRequest::NotANumber("_HLS_msn"))?),
                "_HLS_part" => {
                    let part = number(value).and_then(|n| u32::try_from(n).ok());
                    reload.part = Some(part.ok_or(BadRequest::NotANumber("_HLS_part"))?);
                }
                "_HLS_skip" if matches!(value, "YES" | "v2") => reload.skip = true,
                "_HLS_skip" => return Err(BadRequest::Skip),
                _ => {}
            }
        }
        if reload.part.is_some() && reload.msn.is_none() {
            return Err(BadRequest::PartWithoutMsn);
        }
        Ok(reload)
    }
}

/// Digits only: no sign, no blanks, no leading zero twice; at most 18 of them.
fn number(text: &str) -> Option<u64> {
    let canonical = !text.is_empty()
        && text.len() <= 18
        && text.bytes().all(|b| b.is_ascii_digit())
        && (text == "0" || !text.starts_with('0'));
    canonical.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_and_directives_are_read() {
        let parse = |f, q| Request::parse(f, q);
        assert_eq!(parse("12.m4s", ""), Ok(Some(Request::Segment(12))));
        assert_eq!(parse("12.vtt", ""), Ok(Some(Request::Captions(12))));
        assert_eq!(parse("12.3.m4s", "x=y"), Ok(Some(Request::Part(12, 3))));
        assert_eq!(parse("init-0.mp4", ""), Ok(Some(Request::Init(0))));
        let reload = Reload { msn: Some(7), part: Some(2), skip: true };
        assert_eq!(parse("media.m3u8", "_HLS_msn=7&_HLS_part=2&_HLS_skip=YES"), Ok(Some(Request::Playlist(reload))));
        assert_eq!(parse("media.m3u8", "_HLS_part=2"), Err(BadRequest::PartWithoutMsn));
        assert_eq!(parse("media.m3u8", "_HLS_msn=-1"), Err(BadRequest::NotANumber("_HLS_msn")));
        for file in
            ["", ".m4s", "1.2.3.m4s", "01.m4s", "+1.m4s", "../1.m4s", "99999999999999999999.m4s", "init-70000.mp4"]
        {
            assert_eq!(parse(file, ""), Ok(None), "{file}");
        }
    }
}
