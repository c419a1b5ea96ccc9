//! A snapshot as the text of a media playlist (RFC 8216bis), plain and compressed.

use super::entry::{OpenSegment, PartEntry, Segment};
use super::gzip::{self, Piece};
use super::iframes::Writer;
use super::playlist::{Form, Header, PARTS_LISTED_TARGETS, SKIP_UNTIL_TARGETS, Snapshot};
use crate::time::WallTime;
use bytes::Bytes;
use std::fmt::Write as _;
use std::sync::OnceLock;

/// EXT-X-SKIP needs 9 (RFC 8216bis section 7).
const VERSION: u32 = 9;
/// PART-HOLD-BACK in part targets: Apple's authoring rule 14.3 demands three.
const PART_HOLD_BACK_PARTS: i64 = 3;
/// HOLD-BACK in target durations (RFC 8216bis section 4.4.3.8).
const HOLD_BACK_TARGETS: u32 = 3;

/// The text of one version of a playlist. Made at most once; the compressed form when first asked for.
#[derive(Debug)]
pub struct Rendered {
    head: String,
    /// Blocks of kept text between head and tail.
    kept: Vec<std::sync::Arc<super::playlist::Block>>,
    tail: String,
    which: Which,
    plain: OnceLock<Bytes>,
    gzip: OnceLock<Bytes>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    Segments,
    Iframes,
}

/// Where another rendition of the same live stands (EXT-X-RENDITION-REPORT).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Its playlist, relative to the one that reports.
    pub uri: String,
    /// Its last segment that is listed.
    pub last_msn: u64,
    /// The last part of it; `None` where there are no parts.
    pub last_part: Option<u32>,
}

impl Rendered {
    /// The text.
    #[must_use]
    pub fn plain(&self) -> &Bytes {
        self.plain.get_or_init(|| {
            let kept: usize = self.kept.iter().map(|b| self.kept_text(b).text.len()).sum();
            let mut out = Vec::with_capacity(self.head.len() + kept + self.tail.len());
            out.extend_from_slice(self.head.as_bytes());
            for block in &self.kept {
                out.extend_from_slice(self.kept_text(block).text.as_bytes());
            }
            out.extend_from_slice(self.tail.as_bytes());
            out.into()
        })
    }

    /// The text as one gzip member.
    #[must_use]
    pub fn gzip(&self) -> &Bytes {
        self.gzip.get_or_init(|| {
            let head = Piece::passing(self.head.as_bytes());
            let tail = Piece::passing(self.tail.as_bytes());
            let kept = self.kept.iter().map(|b| self.kept_text(b).piece());
            gzip::member(std::iter::once(&head).chain(kept).chain(std::iter::once(&tail)))
        })
    }

    fn kept_text<'a>(&self, block: &'a super::playlist::Block) -> &'a KeptText {
        match self.which {
            Which::Segments => &block.kept.segments,
            Which::Iframes => block.kept.iframes.get_or_init(|| {
                let mut text = String::new();
                write_kept_iframes(&mut text, block);
                KeptText::new(text)
            }),
        }
    }
}

/// The I-frames of a block; gives how many entries they are.
fn write_kept_iframes(out: &mut String, block: &super::playlist::Block) -> u64 {
    let kept = &block.kept;
    let mut writer = Writer::new(out, kept.target_duration_s, kept.previous_init);
    let entries = writer.write(block.segments.iter(), Some(kept.iframes_until_micros));
    if let Some(last) = block.segments.last() {
        writer.end_with(last.init);
    }
    entries
}

/// How many entries a block has in the I-frame playlist.
pub(super) fn iframe_entries(block: &super::playlist::Block) -> u64 {
    write_kept_iframes(&mut String::new(), block)
}

/// The text of a block, and what of it is made only when asked for.
#[derive(Debug)]
pub(super) struct Kept {
    segments: KeptText,
    iframes: OnceLock<KeptText>,
    previous_init: Option<u16>,
    target_duration_s: u32,
    iframes_until_micros: i64,
}

#[derive(Debug)]
struct KeptText {
    text: String,
    deflated: OnceLock<Piece>,
}

impl KeptText {
    fn new(text: String) -> Self {
        Self { text, deflated: OnceLock::new() }
    }
    fn piece(&self) -> &Piece {
        self.deflated.get_or_init(|| Piece::kept(self.text.as_bytes()))
    }
}

impl Kept {
    /// `previous_init`: of the segment before the block; a MAP is written where it changes. `iframes_until_micros`: where its last
    /// keyframe ends.
    pub(super) fn new(
        segments: &[Segment],
        previous_init: Option<u16>,
        header: Header,
        iframes_until_micros: i64,
    ) -> Self {
        let target_duration_s = header.target_duration_s;
        let mut text = String::with_capacity(segments.len() * 96);
        let mut init = previous_init;
        for segment in segments {
            write_segment(&mut text, segment, &mut init, header.form, false);
        }
        let segments = KeptText::new(text);
        // Compressed once, now and not in a viewer's request.
        segments.piece();
        Self { segments, iframes: OnceLock::new(), previous_init, target_duration_s, iframes_until_micros }
    }
}

impl Snapshot {
    /// The whole playlist. `reports` is asked only when the text is made.
    pub fn full(&self, reports: impl FnOnce() -> Vec<Report>) -> &Rendered {
        self.full.get_or_init(|| {
            let mut head = self.head();
            // The first listed segment always says its MAP, even when kept text before it that said so has left.
            let mut init = None;
            if let Some(first) = self.blocks.first().and_then(|b| b.segments.first()) {
                let said = self.blocks.first().is_some_and(|b| b.kept.previous_init != Some(first.init));
                if !said && self.header.form == Form::Fmp4 {
                    write_map(&mut head, first.init);
                }
                init = self.blocks.last().and_then(|b| b.segments.last()).map(|s| s.init);
            }
            let mut tail = String::with_capacity(8192);
            self.write_recent(&mut tail, 0, init, reports);
            let kept = self.blocks.iter().cloned().collect();
            Rendered::new(head, kept, tail, Which::Segments)
        })
    }

    /// The playlist with old segments replaced by EXT-X-SKIP, or the whole one when there is nothing to skip.
    pub fn delta(&self, reports: impl FnOnce() -> Vec<Report>) -> &Rendered {
        let kept_from = self.first_within(i64::from(self.header.target_duration_s * SKIP_UNTIL_TARGETS) * 1_000_000);
        let in_blocks: usize = self.blocks.iter().map(|b| b.segments.len()).sum();
        let skipped = in_blocks + kept_from;
        if skipped == 0 || self.ended {
            return self.full(reports);
        }
        self.delta.get_or_init(|| {
            let mut head = self.head();
            let _ = writeln!(head, "#EXT-X-SKIP:SKIPPED-SEGMENTS={skipped}");
            let mut tail = String::with_capacity(8192);
            self.write_recent(&mut tail, kept_from, None, reports);
            Rendered::new(head, Vec::new(), tail, Which::Segments)
        })
    }

    /// The I-frame playlist; see `iframes`.
    pub fn iframes(&self) -> &Rendered {
        self.iframes.get_or_init(|| {
            let mut head = String::from("#EXTM3U\n");
            let _ = writeln!(head, "#EXT-X-VERSION:{VERSION}");
            let _ = writeln!(head, "#EXT-X-TARGETDURATION:{}", self.header.target_duration_s);
            // Its media segments are its entries, so its numbers count those.
            self.write_sequences(&mut head, self.keyframe_sequence);
            head.push_str("#EXT-X-I-FRAMES-ONLY\n");
            let mut init = None;
            if let Some(first) = self.blocks.first().and_then(|b| b.segments.first()) {
                if self.blocks.first().is_some_and(|b| b.kept.previous_init == Some(first.init)) {
                    write_map(&mut head, first.init);
                }
                init = self.blocks.last().and_then(|b| b.segments.last()).map(|s| s.init);
            }
            let mut tail = String::new();
            let until = self.ended.then(|| self.end_micros());
            Writer::new(&mut tail, self.header.target_duration_s, init).write(self.recent.iter().map(|s| &**s), until);
            if self.ended {
                tail.push_str("#EXT-X-ENDLIST\n");
            }
            Rendered::new(head, self.blocks.iter().cloned().collect(), tail, Which::Iframes)
        })
    }

    /// The first of the recent segments that lies within so many microseconds of the last one's end. Distances are sums of durations:
    /// time during which nothing came does not count.
    fn first_within(&self, micros: i64) -> usize {
        let mut left = micros;
        let within = self.recent.iter().rev().take_while(|segment| {
            left -= segment.duration_micros;
            left >= 0
        });
        self.recent.len() - within.count()
    }

    /// Silence or a gap that fills a whole segment, and the frame before a hole in the source, can be longer than PART-TARGET: such a
    /// segment is listed without parts. So are those before it: players take the parts they see to follow one another, and would
    /// leave it out.
    fn has_legal_parts(&self, segment: &Segment) -> bool {
        segment
            .parts
            .iter()
            .all(|p| p.duration_micros - p.duration_micros % FIXED_MICROS <= self.header.part_target_micros)
    }

    fn head(&self) -> String {
        let mut out = String::with_capacity(512);
        let header = &self.header;
        let target = header.target_duration_s;
        let _ = write!(out, "#EXTM3U\n#EXT-X-VERSION:{VERSION}\n#EXT-X-TARGETDURATION:{target}\n");
        // A live's list that has ended still says what it said (RFC 8216bis section 6.2.1).
        if !self.low_latency {
            self.write_sequences(&mut out, self.media_sequence());
            return out;
        }
        if header.form == Form::Webvtt {
            let (skip, hold_back) = (target * SKIP_UNTIL_TARGETS, target * HOLD_BACK_TARGETS);
            let _ =
                writeln!(out, "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL={skip},HOLD-BACK={hold_back}");
            self.write_sequences(&mut out, self.media_sequence());
            return out;
        }
        let part_target = Seconds(header.part_target_micros);
        let hold_back = Seconds(header.part_target_micros * PART_HOLD_BACK_PARTS);
        let _ = writeln!(
            out,
            "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL={},HOLD-BACK={},PART-HOLD-BACK={hold_back}",
            target * SKIP_UNTIL_TARGETS,
            target * HOLD_BACK_TARGETS,
        );
        let _ = writeln!(out, "#EXT-X-PART-INF:PART-TARGET={part_target}");
        self.write_sequences(&mut out, self.media_sequence());
        out
    }

    fn write_sequences(&self, out: &mut String, media_sequence: u64) {
        let _ = writeln!(out, "#EXT-X-MEDIA-SEQUENCE:{media_sequence}");
        let _ = writeln!(out, "#EXT-X-DISCONTINUITY-SEQUENCE:{}", self.discontinuity_sequence);
    }

    /// The recent segments from `from` on, the open one, hint and reports.
    fn write_recent(
        &self,
        out: &mut String,
        from: usize,
        mut init: Option<u16>,
        reports: impl FnOnce() -> Vec<Report>,
    ) {
        // The open segment is a part of what lies between a part and the list's end.
        let open_micros: i64 = self.open.iter().flat_map(|o| &o.parts).map(|p| p.duration_micros).sum();
        let listed_micros = i64::from(self.header.target_duration_s * PARTS_LISTED_TARGETS) * 1_000_000;
        let illegal = self.recent.iter().rposition(|s| !self.has_legal_parts(s)).map_or(0, |n| n + 1);
        let parts_from = self.first_within(listed_micros - open_micros).max(illegal);
        for (n, segment) in self.recent.iter().enumerate().skip(from) {
            let with_parts = self.low_latency && n >= parts_from;
            write_segment(out, segment, &mut init, self.header.form, with_parts);
        }
        if self.ended {
            out.push_str("#EXT-X-ENDLIST\n");
            return;
        }
        if self.header.form == Form::Fmp4 {
            if let Some(open) = &self.open
                && !open.parts.is_empty()
            {
                write_open(out, open, &mut init);
            }
            let (msn, part) = self.next_part();
            let _ = writeln!(out, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"{msn}.{part}.m4s\"");
        }
        for Report { uri, last_msn, last_part } in reports() {
            let _ = write!(out, "#EXT-X-RENDITION-REPORT:URI=\"{uri}\",LAST-MSN={last_msn}");
            let _ = match last_part {
                Some(part) => writeln!(out, ",LAST-PART={part}"),
                None => writeln!(out),
            };
        }
    }
}

impl Rendered {
    fn new(head: String, kept: Vec<std::sync::Arc<super::playlist::Block>>, tail: String, which: Which) -> Self {
        Self { head, kept, tail, which, plain: OnceLock::new(), gzip: OnceLock::new() }
    }
}

fn write_segment(out: &mut String, segment: &Segment, init: &mut Option<u16>, form: Form, with_parts: bool) {
    let extension = match form {
        Form::Fmp4 => "m4s",
        Form::Webvtt => {
            // Text needs no initialisation segment.
            *init = Some(segment.init);
            "vtt"
        }
    };
    write_begin(out, segment.discontinuity, segment.init, segment.program_date_time, init);
    if with_parts {
        for (number, part) in segment.parts.iter().enumerate() {
            write_part(out, segment.msn, number, part, segment.bytes == 0);
        }
    }
    if segment.is_gap() {
        out.push_str("#EXT-X-GAP\n");
    }
    let _ = write!(out, "#EXTINF:{},\n{}.{extension}\n", Fixed(segment.duration_micros), segment.msn);
}

fn write_open(out: &mut String, open: &OpenSegment, init: &mut Option<u16>) {
    write_begin(out, open.discontinuity, open.init, open.program_date_time, init);
    for (number, part) in open.parts.iter().enumerate() {
        write_part(out, open.msn, number, part, part.bytes.is_empty());
    }
}

/// DISCONTINUITY, MAP and PROGRAM-DATE-TIME come before the first part of their segment.
fn write_begin(out: &mut String, discontinuity: bool, map: u16, date: WallTime, init: &mut Option<u16>) {
    if discontinuity {
        out.push_str("#EXT-X-DISCONTINUITY\n");
    }
    if *init != Some(map) {
        write_map(out, map);
        *init = Some(map);
    }
    let _ = writeln!(out, "#EXT-X-PROGRAM-DATE-TIME:{}", Date(date));
}

pub(super) fn write_map(out: &mut String, init: u16) {
    let _ = writeln!(out, "#EXT-X-MAP:URI=\"init-{init}.mp4\"");
}

fn write_part(out: &mut String, msn: u64, number: usize, part: &PartEntry, gap: bool) {
    let _ = write!(out, "#EXT-X-PART:DURATION={},URI=\"{msn}.{number}.m4s\"", Fixed(part.duration_micros));
    if part.independent {
        out.push_str(",INDEPENDENT=YES");
    }
    if gap {
        out.push_str(",GAP=YES");
    }
    out.push('\n');
}

/// The last decimal of [`Fixed`].
const FIXED_MICROS: i64 = 10;

/// Microseconds as seconds with five decimals, cut and not rounded: a part's DURATION must not exceed PART-TARGET.
pub(super) struct Fixed(pub(super) i64);

impl std::fmt::Display for Fixed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{:05}", self.0 / 1_000_000, self.0 % 1_000_000 / FIXED_MICROS)
    }
}

/// Microseconds as the shortest decimal seconds.
struct Seconds(i64);

impl std::fmt::Display for Seconds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = format!("{}.{:06}", self.0 / 1_000_000, self.0 % 1_000_000);
        let text = text.trim_end_matches('0');
        // hls.js and others read "1." as 1, but not every parser does.
        if text.ends_with('.') { write!(f, "{text}0") } else { f.write_str(text) }
    }
}

/// RFC 3339 with milliseconds, rounded down: a date must not lie in the future.
pub(super) struct Date(pub(super) WallTime);

impl std::fmt::Display for Date {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let time = jiff::Timestamp::from_millisecond(self.0.millis()).unwrap_or_default();
        write!(f, "{}", time.strftime("%Y-%m-%dT%H:%M:%S%.3fZ"))
    }
}
