//! What a media playlist says, line for line, in types: no rule is applied here.

/// A position in a rendition: (media sequence number, index of the part). Ordered as the parts are made.
pub(crate) type Position = (u64, u64);

/// One media playlist as one response gave it.
#[derive(Clone, Debug, Default)]
pub(crate) struct MediaPlaylist {
    /// EXT-X-VERSION; 1 when absent.
    pub version: u64,
    /// The version that what is used asks for (RFC 8216bis, section 8), and the feature that asks for it.
    pub needed_version: (u64, &'static str),
    /// EXT-X-TARGETDURATION in seconds.
    pub target_duration_s: u64,
    /// EXT-X-MEDIA-SEQUENCE; 0 when absent.
    pub media_sequence: u64,
    /// EXT-X-DISCONTINUITY-SEQUENCE, if written.
    pub discontinuity_sequence: Option<u64>,
    /// EXT-X-INDEPENDENT-SEGMENTS.
    pub independent_segments: bool,
    /// EXT-X-I-FRAMES-ONLY.
    pub i_frames_only: bool,
    /// EXT-X-PLAYLIST-TYPE.
    pub playlist_type: Option<String>,
    /// PART-TARGET of EXT-X-PART-INF in nanoseconds.
    pub part_target_ns: Option<u64>,
    /// EXT-X-SERVER-CONTROL.
    pub server_control: Option<ServerControl>,
    /// SKIPPED-SEGMENTS of EXT-X-SKIP.
    pub skipped: Option<u64>,
    /// Complete segments, oldest first, without the skipped ones.
    pub segments: Vec<Segment>,
    /// The segment that is being made: what stands after the last complete one, if anything does.
    pub open: Option<Parent>,
    /// EXT-X-PRELOAD-HINT, in order.
    pub hints: Vec<Hint>,
    /// EXT-X-RENDITION-REPORT, in order.
    pub reports: Vec<Report>,
    /// EXT-X-ENDLIST.
    pub ended: bool,
    /// Tags of HLS we don't know, with their line.
    pub unknown: Vec<(usize, String)>,
}

/// EXT-X-SERVER-CONTROL, durations in nanoseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ServerControl {
    /// CAN-BLOCK-RELOAD=YES.
    pub can_block_reload: bool,
    /// PART-HOLD-BACK.
    pub part_hold_back_ns: Option<u64>,
    /// HOLD-BACK.
    pub hold_back_ns: Option<u64>,
    /// CAN-SKIP-UNTIL.
    pub can_skip_until_ns: Option<u64>,
}

/// What is known of a segment before its URI: its tags and its parts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Parent {
    /// Media sequence number.
    pub msn: u64,
    /// EXT-X-DISCONTINUITY stands before it.
    pub discontinuity: bool,
    /// EXT-X-GAP.
    pub gap: bool,
    /// The EXT-X-MAP in force.
    pub map: Option<Map>,
    /// EXT-X-PROGRAM-DATE-TIME written for it, milliseconds since 1970.
    pub pdt_ms: Option<i64>,
    /// Its parts that are listed.
    pub parts: Vec<Part>,
    /// Tags that stand after its first part and belong before it.
    pub late_tags: Vec<&'static str>,
}

/// A complete segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    /// Tags and parts.
    pub head: Parent,
    /// As written.
    pub uri: String,
    /// EXTINF in nanoseconds.
    pub duration_ns: u64,
    /// EXT-X-BYTERANGE: (length, offset if written).
    pub range: Option<(u64, Option<u64>)>,
}

/// EXT-X-MAP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Map {
    /// As written.
    pub uri: String,
    /// BYTERANGE.
    pub range: Option<(u64, Option<u64>)>,
}

/// EXT-X-PART.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// As written.
    pub uri: String,
    /// DURATION in nanoseconds.
    pub duration_ns: u64,
    /// INDEPENDENT=YES.
    pub independent: bool,
    /// GAP=YES.
    pub gap: bool,
    /// BYTERANGE.
    pub range: Option<(u64, Option<u64>)>,
}

/// EXT-X-PRELOAD-HINT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hint {
    /// TYPE is PART (else MAP).
    pub part: bool,
    /// As written.
    pub uri: String,
    /// BYTERANGE-START, if written.
    pub start: Option<u64>,
}

/// EXT-X-RENDITION-REPORT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Report {
    /// As written.
    pub uri: String,
    /// LAST-MSN.
    pub last_msn: Option<u64>,
    /// LAST-PART.
    pub last_part: Option<u64>,
}

impl MediaPlaylist {
    /// The first position that is not listed yet; grows with every part. `None` while nothing is listed.
    pub(crate) fn next(&self) -> Option<Position> {
        match (&self.open, self.segments.last()) {
            (Some(open), _) if !open.parts.is_empty() => Some((open.msn, open.parts.len() as u64)),
            (_, Some(last)) => Some((last.head.msn + 1, 0)),
            _ => None,
        }
    }

    /// Its segments are WebVTT: whole ones only, without an initialisation segment, listed when it is known what was said.
    pub(crate) fn is_text(&self) -> bool {
        self.segments.iter().any(|segment| segment.uri.split('?').next().is_some_and(|path| path.ends_with(".vtt")))
    }

    /// Complete segments and the open one, in order.
    pub(crate) fn parents(&self) -> impl Iterator<Item = &Parent> {
        self.segments.iter().map(|segment| &segment.head).chain(self.open.as_ref())
    }

    /// Wall-clock time of the end of what is listed, by the playlist's own dates; milliseconds since 1970.
    pub(crate) fn end_ms(&self) -> Option<i64> {
        if let Some(open) = self.open.as_ref().filter(|open| !open.parts.is_empty())
            && let Some(start) = open.pdt_ms
        {
            return Some(start + ms(open.parts_ns()));
        }
        let mut after_ns = self.open.as_ref().map_or(0, Parent::parts_ns);
        for segment in self.segments.iter().rev() {
            after_ns += segment.duration_ns;
            if let Some(start) = segment.head.pdt_ms {
                return Some(start + ms(after_ns));
            }
        }
        None
    }
}

impl Parent {
    /// Sum of the listed parts.
    pub(crate) fn parts_ns(&self) -> u64 {
        self.parts.iter().map(|part| part.duration_ns).sum()
    }
}

/// Whole milliseconds of `ns`; what one playlist lists is far below the range of `i64`.
pub(crate) fn ms(ns: u64) -> i64 {
    i64::try_from(ns / 1_000_000).unwrap_or(i64::MAX)
}
