//! Text of a media playlist → [`MediaPlaylist`], or the line that is wrong and why.
//!
//! Strict where RFC 8216bis is: unknown EXT tags are kept aside (clients ignore them), everything else that doesn't
//! belong is an error. Bounded: the text by [`MAX_BYTES`], so that a broken origin can't exhaust a test machine.

use super::attributes::{Attributes, byte_range, date_ms, decimal_ns, integer};
use super::playlist::{Hint, Map, MediaPlaylist, Parent, Part, Report, Segment, ServerControl};
use std::collections::HashSet;

/// Six hours of 2 s segments with their dates are 1.3 MB; ten times that is not a playlist any more.
pub(crate) const MAX_BYTES: usize = 16 << 20;

/// Where and why a text is no media playlist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ParseError {
    /// Counted from 1.
    pub line: usize,
    /// In words.
    pub what: String,
}

impl std::fmt::Display for ParseError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

impl std::error::Error for ParseError {}

/// Parses a media playlist.
pub(crate) fn media_playlist(text: &str) -> Result<MediaPlaylist, ParseError> {
    if text.len() > MAX_BYTES {
        return Err(ParseError { line: 0, what: format!("{} bytes, more than {MAX_BYTES}", text.len()) });
    }
    let mut reader = Reader {
        playlist: MediaPlaylist { version: 1, needed_version: (1, "nothing"), ..MediaPlaylist::default() },
        ..Reader::default()
    };
    let mut lines = 0;
    for (index, raw) in text.split('\n').enumerate() {
        lines = index + 1;
        let line = raw.strip_suffix('\r').unwrap_or(raw);
        reader.line(index, line).map_err(|what| ParseError { line: lines, what })?;
    }
    reader.finish().map_err(|what| ParseError { line: lines, what })
}

/// State between lines.
#[derive(Default)]
struct Reader {
    playlist: MediaPlaylist,
    /// Tags that may stand once only and did.
    once: HashSet<&'static str>,
    pending: Parent,
    pending_any: bool,
    extinf_ns: Option<u64>,
    range: Option<(u64, Option<u64>)>,
    map: Option<Map>,
    target_seen: bool,
}

impl Reader {
    fn line(&mut self, index: usize, line: &str) -> Result<(), String> {
        if index == 0 {
            return if line == "#EXTM3U" { Ok(()) } else { Err("the first line is not #EXTM3U".into()) };
        }
        if line.is_empty() {
            return Ok(());
        }
        if line.trim() != line || line.bytes().any(|b| b < 0x20 || b == 0x7f) {
            return Err("white space around the line or a control character in it".into());
        }
        match line.strip_prefix('#') {
            None => self.uri(line),
            Some(tag) if tag.starts_with("EXT") => self.tag(index + 1, tag),
            Some(_) => Ok(()),
        }
    }

    fn tag(&mut self, line: usize, tag: &str) -> Result<(), String> {
        if self.playlist.ended {
            return Err("a tag after EXT-X-ENDLIST".into());
        }
        let (name, value) = tag.split_once(':').unwrap_or((tag, ""));
        match name {
            "EXT-X-VERSION" => {
                self.header("EXT-X-VERSION")?;
                self.playlist.version = integer(value)?;
            }
            "EXT-X-TARGETDURATION" => {
                self.header("EXT-X-TARGETDURATION")?;
                self.playlist.target_duration_s = integer(value)?;
                self.target_seen = true;
            }
            "EXT-X-MEDIA-SEQUENCE" => {
                self.header("EXT-X-MEDIA-SEQUENCE")?;
                self.playlist.media_sequence = integer(value)?;
            }
            "EXT-X-DISCONTINUITY-SEQUENCE" => {
                self.header("EXT-X-DISCONTINUITY-SEQUENCE")?;
                self.playlist.discontinuity_sequence = Some(integer(value)?);
            }
            "EXT-X-INDEPENDENT-SEGMENTS" => {
                self.header("EXT-X-INDEPENDENT-SEGMENTS")?;
                self.playlist.independent_segments = true;
            }
            "EXT-X-I-FRAMES-ONLY" => {
                self.header("EXT-X-I-FRAMES-ONLY")?;
                self.need(4, "EXT-X-I-FRAMES-ONLY");
                self.playlist.i_frames_only = true;
            }
            "EXT-X-PLAYLIST-TYPE" => {
                self.header("EXT-X-PLAYLIST-TYPE")?;
                if !matches!(value, "EVENT" | "VOD") {
                    return Err(format!("EXT-X-PLAYLIST-TYPE {value:?}"));
                }
                self.playlist.playlist_type = Some(value.to_owned());
            }
            "EXT-X-PART-INF" => {
                self.header("EXT-X-PART-INF")?;
                let target = Attributes::parse(value)?.seconds_ns("PART-TARGET")?.ok_or("no PART-TARGET")?;
                if target == 0 {
                    return Err("PART-TARGET is 0".into());
                }
                self.playlist.part_target_ns = Some(target);
            }
            "EXT-X-SERVER-CONTROL" => {
                self.header("EXT-X-SERVER-CONTROL")?;
                let read = Attributes::parse(value)?;
                self.playlist.server_control = Some(ServerControl {
                    can_block_reload: read.yes("CAN-BLOCK-RELOAD")?,
                    part_hold_back_ns: read.seconds_ns("PART-HOLD-BACK")?,
                    hold_back_ns: read.seconds_ns("HOLD-BACK")?,
                    can_skip_until_ns: read.seconds_ns("CAN-SKIP-UNTIL")?,
                });
            }
            "EXT-X-SKIP" => {
                self.header("EXT-X-SKIP")?;
                let read = Attributes::parse(value)?;
                self.playlist.skipped = Some(read.integer("SKIPPED-SEGMENTS")?.ok_or("no SKIPPED-SEGMENTS")?);
                let dates = read.quoted("RECENTLY-REMOVED-DATERANGES")?.is_some();
                self.need(if dates { 10 } else { 9 }, "EXT-X-SKIP");
            }
            "EXT-X-PRELOAD-HINT" => {
                let read = Attributes::parse(value)?;
                let part = match read.word("TYPE")?.as_deref() {
                    Some("PART") => true,
                    Some("MAP") => false,
                    other => return Err(format!("EXT-X-PRELOAD-HINT of TYPE {other:?}")),
                };
                let start = read.integer("BYTERANGE-START")?;
                self.playlist.hints.push(Hint { part, uri: read.need_quoted("URI")?, start });
            }
            "EXT-X-RENDITION-REPORT" => {
                let read = Attributes::parse(value)?;
                self.playlist.reports.push(Report {
                    uri: read.need_quoted("URI")?,
                    last_msn: read.integer("LAST-MSN")?,
                    last_part: read.integer("LAST-PART")?,
                });
            }
            "EXT-X-ENDLIST" => self.playlist.ended = true,
            "EXTM3U" => return Err("EXTM3U again".into()),
            "EXT-X-STREAM-INF" | "EXT-X-I-FRAME-STREAM-INF" | "EXT-X-MEDIA" => {
                return Err(format!("{name} belongs in a multivariant playlist"));
            }
            _ => return self.segment_tag(line, name, value),
        }
        Ok(())
    }

    /// Tags that belong to the segment that follows.
    fn segment_tag(&mut self, line: usize, name: &str, value: &str) -> Result<(), String> {
        match name {
            "EXTINF" => {
                let (duration, _title) = value.split_once(',').ok_or("EXTINF without a comma")?;
                if duration.contains('.') {
                    self.need(3, "a decimal EXTINF");
                }
                if self.extinf_ns.replace(decimal_ns(duration)?).is_some() {
                    return Err("EXTINF twice before one URI".into());
                }
            }
            "EXT-X-BYTERANGE" => {
                self.need(4, "EXT-X-BYTERANGE");
                if self.range.replace(byte_range(value)?).is_some() {
                    return Err("EXT-X-BYTERANGE twice before one URI".into());
                }
            }
            "EXT-X-DISCONTINUITY" => {
                self.before_part("EXT-X-DISCONTINUITY");
                if std::mem::replace(&mut self.pending.discontinuity, true) {
                    return Err("EXT-X-DISCONTINUITY twice before one segment".into());
                }
            }
            "EXT-X-GAP" => self.pending.gap = true,
            "EXT-X-PROGRAM-DATE-TIME" => {
                self.before_part("EXT-X-PROGRAM-DATE-TIME");
                if self.pending.pdt_ms.replace(date_ms(value)?).is_some() {
                    return Err("EXT-X-PROGRAM-DATE-TIME twice before one segment".into());
                }
            }
            "EXT-X-MAP" => {
                self.before_part("EXT-X-MAP");
                let read = Attributes::parse(value)?;
                let range = read.quoted("BYTERANGE")?.map(|text| byte_range(&text)).transpose()?;
                self.map = Some(Map { uri: read.need_quoted("URI")?, range });
                self.need(if self.playlist.i_frames_only { 5 } else { 6 }, "EXT-X-MAP");
            }
            "EXT-X-PART" => {
                if self.playlist.part_target_ns.is_none() {
                    return Err("EXT-X-PART before EXT-X-PART-INF".into());
                }
                let read = Attributes::parse(value)?;
                let range = read.quoted("BYTERANGE")?.map(|text| byte_range(&text)).transpose()?;
                self.pending.parts.push(Part {
                    uri: read.need_quoted("URI")?,
                    duration_ns: read.seconds_ns("DURATION")?.ok_or("EXT-X-PART without DURATION")?,
                    independent: read.yes("INDEPENDENT")?,
                    gap: read.yes("GAP")?,
                    range,
                });
            }
            "EXT-X-DATERANGE" | "EXT-X-KEY" | "EXT-X-BITRATE" | "EXT-X-DEFINE" | "EXT-X-START" => return Ok(()),
            other => {
                self.playlist.unknown.push((line, other.to_owned()));
                return Ok(());
            }
        }
        self.pending_any = true;
        if !self.playlist.hints.is_empty() || !self.playlist.reports.is_empty() {
            return Err(format!("{name} after the hints and reports that end a playlist"));
        }
        Ok(())
    }

    fn uri(&mut self, line: &str) -> Result<(), String> {
        if self.playlist.ended {
            return Err("a URI after EXT-X-ENDLIST".into());
        }
        let duration_ns = self.extinf_ns.take().ok_or("a URI without EXTINF")?;
        let head = self.take_pending();
        self.playlist.segments.push(Segment { head, uri: line.to_owned(), duration_ns, range: self.range.take() });
        Ok(())
    }

    fn finish(mut self) -> Result<MediaPlaylist, String> {
        if self.extinf_ns.is_some() || self.range.is_some() {
            return Err("EXTINF or EXT-X-BYTERANGE without a URI".into());
        }
        if !self.target_seen {
            return Err("no EXT-X-TARGETDURATION".into());
        }
        if self.pending_any {
            self.playlist.open = Some(self.take_pending());
        }
        Ok(self.playlist)
    }

    fn take_pending(&mut self) -> Parent {
        self.pending_any = false;
        let mut parent = std::mem::take(&mut self.pending);
        let before = self.playlist.skipped.unwrap_or(0) + self.playlist.segments.len() as u64;
        parent.msn = self.playlist.media_sequence.saturating_add(before);
        parent.map = self.map.clone();
        parent
    }

    /// A tag that may stand once, before the first segment.
    fn header(&mut self, name: &'static str) -> Result<(), String> {
        if !self.once.insert(name) {
            return Err(format!("{name} twice"));
        }
        if !self.playlist.segments.is_empty() || self.pending_any {
            return Err(format!("{name} after the first segment's tags"));
        }
        Ok(())
    }

    fn before_part(&mut self, name: &'static str) {
        if !self.pending.parts.is_empty() {
            self.pending.late_tags.push(name);
        }
    }

    fn need(&mut self, version: u64, feature: &'static str) {
        if version > self.playlist.needed_version.0 {
            self.playlist.needed_version = (version, feature);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "#EXTM3U\n#EXT-X-VERSION:9\n#EXT-X-TARGETDURATION:4\n#EXT-X-PART-INF:PART-TARGET=0.5\n\
        #EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.5,CAN-SKIP-UNTIL=24\n#EXT-X-MEDIA-SEQUENCE:10\n\
        #EXT-X-SKIP:SKIPPED-SEGMENTS=3\n#EXT-X-MAP:URI=\"i.mp4\"\n#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00.000Z\n\
        #EXT-X-PART:DURATION=0.5,URI=\"p13.0\",INDEPENDENT=YES\n#EXTINF:0.50000,\ns13.m4s\n\
        #EXT-X-PART:DURATION=0.5,URI=\"p14.0\"\n#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"p14.1\"\n\
        #EXT-X-RENDITION-REPORT:URI=\"../a/l.m3u8\",LAST-MSN=14,LAST-PART=0\n";

    #[test]
    fn every_tag_arrives_where_it_belongs() {
        let read = media_playlist(GOOD).unwrap();
        assert_eq!((read.version, read.needed_version.0, read.target_duration_s), (9, 9, 4));
        assert_eq!(read.segments[0].head.msn, 13);
        assert_eq!(read.segments[0].head.parts.len(), 1);
        assert_eq!(read.segments[0].head.map.as_ref().unwrap().uri, "i.mp4");
        let open = read.open.as_ref().unwrap();
        assert_eq!((open.msn, open.parts[0].uri.as_str()), (14, "p14.0"));
        assert_eq!(read.next(), Some((14, 1)));
        assert_eq!(read.end_ms(), Some(1_767_225_601_000));
        assert_eq!(read.reports[0].last_msn, Some(14));
        assert!(read.hints[0].part && read.hints[0].uri == "p14.1");
    }

    #[test]
    fn errors_name_the_line() {
        for (from, to, line) in [
            ("#EXTM3U", "EXTM3U", 1),
            ("TION:4", "TION:4.5", 3),
            ("#EXT-X-TARGETDURATION:4\n", "#EXT-X-TARGETDURATION:4\n#EXT-X-TARGETDURATION:4\n", 4),
            ("DURATION=0.5,URI=\"p13.0\"", "DURATION=x,URI=\"p13.0\"", 10),
            ("#EXTINF:0.50000,\n", "", 11),
            ("#EXTINF:0.50000,", "#EXTINF:0.50000", 11),
            ("s13.m4s", " s13.m4s", 12),
            ("TYPE=PART", "TYPE=SOUP", 14),
            ("#EXTINF:0.50000,\n", "#EXT-X-ENDLIST\n#EXTINF:0.50000,\n", 12),
            ("#EXT-X-MAP:", "#EXT-X-STREAM-INF:", 8),
        ] {
            let bad = GOOD.replacen(from, to, 1);
            assert_ne!(bad, GOOD);
            assert_eq!(media_playlist(&bad).unwrap_err().line, line, "{from:?} -> {to:?}");
        }
        assert!(media_playlist("#EXTM3U\n").is_err());
    }

    #[test]
    fn no_cut_of_a_playlist_panics() {
        for end in 0..GOOD.len() {
            drop(media_playlist(&GOOD[..end]));
        }
    }
}
