//! Headers, ranges and bodies of playlists and media.

use axum::body::Body;
use axum::http::header::{
    ACCEPT_ENCODING, ACCEPT_RANGES, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, CACHE_CONTROL,
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, RANGE, RETRY_AFTER, VARY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
use axum::response::IntoResponse;
use bytes::Bytes;
use media::origin::gzip::{self, Piece};
use media::origin::text::Rendered;
use media::track::Kind;
use std::ops::Range;

const PLAYLIST: HeaderValue = HeaderValue::from_static("application/vnd.apple.mpegurl");

/// How long an answer can be kept by caches on the way.
#[derive(Clone, Copy, Debug)]
pub(super) enum Cache {
    /// A live playlist that was asked for by number: it says the same to all who ask the same, for six target durations.
    Numbered,
    /// A live playlist of now: stale with the next part.
    Brief,
    /// A video's playlist: it may be deleted or renamed.
    Video,
}

impl Cache {
    fn value(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Numbered => "public, max-age=24",
            Self::Brief => "public, max-age=1",
            Self::Video => "public, max-age=60",
        })
    }
}

/// A listed URI's bytes never change.
const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// What is missing now may be there in a second.
const MISSING: HeaderValue = HeaderValue::from_static("public, max-age=1");

/// A playlist or a segment opened in a tab is a document too: it may do nothing. Short, because it goes with every part.
const NOTHING: HeaderValue = HeaderValue::from_static("default-src 'none'");

/// The multivariant playlist. Each viewer asks for it once, so it is made for each.
pub(super) fn multivariant(text: Bytes, gzip: bool) -> Response<Bytes> {
    let body = if gzip { gzip::member(std::iter::once(&Piece::passing(&text))) } else { text };
    listing(body, Cache::Brief, gzip)
}

pub(super) fn playlist(text: &Rendered, cache: Cache, gzip: bool) -> Response<Bytes> {
    listing(if gzip { text.gzip().clone() } else { text.plain().clone() }, cache, gzip)
}

fn listing(body: Bytes, cache: Cache, gzip: bool) -> Response<Bytes> {
    let mut headers = HeaderMap::with_capacity(HEADERS);
    headers.insert(CONTENT_TYPE, PLAYLIST);
    headers.insert(CACHE_CONTROL, cache.value());
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if gzip {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    answer(StatusCode::OK, headers, body)
}

/// What a segment is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Content {
    /// Fragments of pictures or sound.
    Media(Kind),
    /// WebVTT.
    Captions,
}

/// Bytes of a rendition, or the range of them that is asked for.
pub(super) fn media(content: Content, bytes: &Bytes, asked: Asked) -> Response<Bytes> {
    let total = bytes.len() as u64;
    let content_type = HeaderValue::from_static(match content {
        Content::Media(Kind::Video) => "video/mp4",
        Content::Media(Kind::Audio) => "audio/mp4",
        Content::Captions => "text/vtt; charset=utf-8",
    });
    let mut headers = HeaderMap::with_capacity(HEADERS);
    headers.insert(CONTENT_TYPE, content_type);
    headers.insert(CACHE_CONTROL, IMMUTABLE);
    let (status, range) = asked.answer(total, &mut headers);
    // Both lie within what is in memory.
    let at = |n: u64| usize::try_from(n).unwrap_or(bytes.len());
    answer(status, headers, bytes.slice(at(range.start)..at(range.end)))
}

/// A picture of its own address.
pub(super) fn jpeg(bytes: Bytes) -> Response<Bytes> {
    let mut headers = HeaderMap::with_capacity(HEADERS);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("image/jpeg"));
    headers.insert(CACHE_CONTROL, IMMUTABLE);
    answer(StatusCode::OK, headers, bytes)
}

/// A file made of a video.
pub(super) fn document(content_type: HeaderValue, body: Bytes) -> Response<Bytes> {
    let mut headers = HeaderMap::with_capacity(HEADERS);
    headers.insert(CONTENT_TYPE, content_type);
    headers.insert(CACHE_CONTROL, Cache::Video.value());
    answer(StatusCode::OK, headers, body)
}

/// A file made of a live, which goes on: stale in a moment. `gzip`: `body` is such a member.
pub(super) fn passing(content_type: HeaderValue, body: Bytes, gzip: bool) -> Response<Bytes> {
    let mut headers = HeaderMap::with_capacity(HEADERS);
    headers.insert(CONTENT_TYPE, content_type);
    headers.insert(CACHE_CONTROL, Cache::Brief.value());
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if gzip {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    answer(StatusCode::OK, headers, body)
}

/// What every answer of ours has: more than the most, so that the map never grows.
const HEADERS: usize = 12;

fn answer(status: StatusCode, headers: HeaderMap, body: Bytes) -> Response<Bytes> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    public(response)
}

/// 503 with the time to come back.
pub(super) fn retry(mut response: Response<Body>) -> Response<Body> {
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    public(response)
}

/// May be read by players on other sites, and is nothing but what it says it is. The router adds its headers to what passes through it; not
/// all of ours does.
pub(in crate::http) fn public<B>(mut response: Response<B>) -> Response<B> {
    let missing = response.status().is_client_error() || response.status().is_server_error();
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, NOTHING);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("content-length, content-range, date"));
    if missing {
        headers.insert(CACHE_CONTROL, MISSING);
    }
    response
}

/// The answer to a CORS preflight.
pub(super) async fn preflight() -> Response<Body> {
    let headers: [(HeaderName, HeaderValue); 3] = [
        (ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, HEAD, OPTIONS")),
        (ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("range")),
        (ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400")),
    ];
    public((StatusCode::NO_CONTENT, headers).into_response())
}

pub(super) fn accepts_gzip(request: &HeaderMap) -> bool {
    let Some(accepted) = request.get(ACCEPT_ENCODING).and_then(|v| v.to_str().ok()) else { return false };
    accepted.split(',').any(|one| {
        let mut words = one.split(';').map(str::trim);
        matches!(words.next(), Some("gzip" | "x-gzip" | "*"))
            && !words.any(|q| matches!(q, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
    })
}

/// Which bytes are asked for: one range of RFC 9110 section 14.1.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// All of them. Several ranges, or other units, are answered so, as section 14.2 allows.
    Whole,
    /// From the first byte to before the second, as far as there are any.
    From(u64, u64),
    /// So many at the end.
    Last(u64),
}

impl Asked {
    /// Of a request.
    pub(super) fn of(request: &HeaderMap) -> Self {
        request.get(RANGE).map_or(Self::Whole, Self::parse)
    }

    fn parse(value: &HeaderValue) -> Self {
        let spec = value.to_str().ok().and_then(|v| v.strip_prefix("bytes=")).filter(|s| !s.contains(','));
        let Some((first, last)) = spec.and_then(|s| s.trim().split_once('-')) else { return Self::Whole };
        match (first.parse::<u64>(), last.parse::<u64>()) {
            (Ok(first), Ok(last)) if first <= last => Self::From(first, last.saturating_add(1)),
            (Ok(first), Err(_)) if last.is_empty() => Self::From(first, u64::MAX),
            (Err(_), Ok(suffix)) if first.is_empty() => Self::Last(suffix),
            _ => Self::Whole,
        }
    }

    /// What to send of `total` bytes, with which status; the headers say so.
    pub(super) fn answer(self, total: u64, headers: &mut HeaderMap) -> (StatusCode, Range<u64>) {
        let (status, range) = match self.within(total) {
            None => (StatusCode::OK, 0..total),
            Some(range) if range.is_empty() => (StatusCode::RANGE_NOT_SATISFIABLE, 0..0),
            Some(range) => (StatusCode::PARTIAL_CONTENT, range),
        };
        let content_range = match status {
            StatusCode::PARTIAL_CONTENT => Some(format!("bytes {}-{}/{total}", range.start, range.end - 1)),
            StatusCode::RANGE_NOT_SATISFIABLE => Some(format!("bytes */{total}")),
            _ => None,
        };
        headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        // Said here because the body's hint is lost when it is stripped for HEAD.
        headers.insert(CONTENT_LENGTH, HeaderValue::from(range.end - range.start));
        if let Some(value) = content_range.and_then(|text| HeaderValue::from_str(&text).ok()) {
            headers.insert(CONTENT_RANGE, value);
        }
        (status, range)
    }

    /// The range within `total` bytes; an empty one can't be satisfied, `None` is everything.
    fn within(self, total: u64) -> Option<Range<u64>> {
        match self {
            Self::Whole => None,
            Self::From(first, end) => Some(first.min(total)..end.min(total)),
            Self::Last(count) => Some(total - count.min(total)..total),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_rfc_9110_says() {
        let parse = |text| Asked::parse(&HeaderValue::from_static(text)).within(100);
        assert_eq!(parse("bytes=0-0"), Some(0..1));
        assert_eq!(parse("bytes=90-200"), Some(90..100));
        assert_eq!(parse("bytes=40-"), Some(40..100));
        assert_eq!(parse("bytes=-30"), Some(70..100));
        for unsatisfiable in ["bytes=100-", "bytes=200-300", "bytes=-0"] {
            assert!(parse(unsatisfiable).unwrap().is_empty(), "{unsatisfiable}");
        }
        for whole in ["bytes=0-1,5-6", "items=0-1", "bytes=5-4", "bytes=x-", "bytes"] {
            assert_eq!(parse(whole), None, "{whole}");
        }
    }

    #[test]
    fn a_range_is_cut_out_and_said() {
        let response = media(
            Content::Media(Kind::Video),
            &Bytes::from_static(b"0123456789"),
            Asked::parse(&HeaderValue::from_static("bytes=2-8")),
        );
        assert_eq!(response.status(), StatusCode::PARTIAL_CONTENT);
        assert_eq!(response.headers()[CONTENT_RANGE], "bytes 2-8/10");
        assert_eq!(response.headers()[CONTENT_LENGTH], "7");
        assert_eq!(&response.body()[..], b"2345678");
    }

    #[test]
    fn gzip_is_sent_to_who_takes_it() {
        let accepts = |text| accepts_gzip(&HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static(text))]));
        assert!(accepts("gzip, deflate, br") && accepts("br;q=1.0, gzip;q=0.8") && accepts("*"));
        assert!(!accepts("gzip;q=0") && !accepts("identity") && !accepts(""));
    }
}
