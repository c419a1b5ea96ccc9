//! Cues → WebVTT: one segment of a live rendition, or a whole file.
//!
//! # Time in HLS
//!
//! A cue's time in a segment is its media time, and every segment says `X-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:0`:
//! 0 is 0. That is the simplest map, and the one that all players read the same:
//! - RFC 8216 section 3.5: cue times may go on where 33 bits of MPEG time begin again, so nothing is taken modulo 2^33, and
//!   our `tfdt` is not either. Without a map a client has to assume this one.
//! - hls.js (1.7.4, `webvtt-parser.ts`) adds `(MPEGTS - initPTS90k) / 90000`, where initPTS is the first fragment's `tfdt`
//!   less its place in the playlist, **but not when that is 0**; then it takes the discontinuity's start. Media time begins
//!   at 10 s, so with MPEGTS:0 it never is. With a map to 10 s it would be for who watches from the first second.
//! - One map for all segments: the times of a repeated cue are computed from the same numbers, and are equal to the last bit.
//!
//! A cue that several segments overlap is in each of them with the same id, times and text; players know it by its id.
//! Ids are told apart across a discontinuity (hls.js puts its number before them), so a cue is not repeated behind one.

use super::Cue;
use super::word::is_invisible;
use std::fmt::Write;

/// The header of every segment of a rendition, and all there is in one without cues.
pub const HLS_HEADER: &str = "WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:0\n\n";

/// One segment of a rendition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Media time of its start, microseconds.
    pub from_micros: i64,
    /// Media time of its end.
    pub until_micros: i64,
    /// It begins after a discontinuity.
    pub discontinuity: bool,
}

/// A segment with the final cues that overlap it; the others are not for here yet. `cues` in order; those that lie
/// elsewhere are skipped.
#[must_use]
pub fn segment<'a>(segment: Segment, cues: impl IntoIterator<Item = &'a Cue>) -> String {
    let mut out = HLS_HEADER.to_owned();
    for cue in cues {
        let repeated = segment.discontinuity && cue.start_micros < segment.from_micros;
        if cue.is_final && !repeated && cue.overlaps(segment.from_micros, segment.until_micros) {
            write_cue(&mut out, cue.id, cue.start_micros, cue.end_micros, &cue.lines);
        }
    }
    out
}

/// A whole file with all cues. `time` says where a media time is in the recording, both in microseconds; it must not go
/// back. What was cut out is one moment: cues that are wholly in it are left out, as is what is before 0.
#[must_use]
pub fn file<'a>(cues: impl IntoIterator<Item = &'a Cue>, time: impl Fn(i64) -> i64) -> String {
    let mut out = "WEBVTT\n\n".to_owned();
    for cue in cues {
        if let Some((start, end)) = placed(cue, &time) {
            write_cue(&mut out, cue.id, start, end, &cue.lines);
        }
    }
    out
}

/// The cue's times in a recording, if any of it is in there. Milliseconds are what files have: less is nothing.
pub(super) fn placed(cue: &Cue, time: impl Fn(i64) -> i64) -> Option<(i64, i64)> {
    let (start, end) = (time(cue.start_micros).max(0), time(cue.end_micros).max(0));
    (start / 1000 < end / 1000).then_some((start, end))
}

fn write_cue(out: &mut String, id: u64, start_micros: i64, end_micros: i64, lines: &[String]) {
    if lines.iter().all(|l| l.trim().is_empty()) {
        return;
    }
    let _ = writeln!(out, "{id}\n{} --> {}", Clock(start_micros, '.'), Clock(end_micros, '.'));
    for line in lines.iter().filter(|l| !l.trim().is_empty()) {
        for c in line.chars() {
            match c {
                // `-->` in a text would end it; without `>` there is none.
                '&' => out.push_str("&amp;"),
                '<' => out.push_str("&lt;"),
                '>' => out.push_str("&gt;"),
                c if c.is_control() || is_invisible(c) => out.push(' '),
                c => out.push(c),
            }
        }
        out.push('\n');
    }
    out.push('\n');
}

/// A cue as a segment has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The cue's.
    pub id: u64,
    /// Media time, in microseconds; to the millisecond, as that is what is written.
    pub start_micros: i64,
    /// See `start_micros`.
    pub end_micros: i64,
    /// Its text, top line first.
    pub lines: Vec<String>,
}

/// The cues of a segment that [`segment`] has written, in its order. What is not as it writes is left out.
pub fn read(segment: &str) -> impl Iterator<Item = Written> {
    segment.split("\n\n").filter_map(|block| {
        let mut lines = block.lines();
        let id = lines.next()?.parse().ok()?;
        let (start, end) = lines.next()?.split_once(" --> ")?;
        let text = lines.map(|line| line.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"));
        let written = Written { id, start_micros: micros(start)?, end_micros: micros(end)?, lines: text.collect() };
        (!written.lines.is_empty() && written.end_micros > written.start_micros).then_some(written)
    })
}

/// What [`Clock`] writes.
fn micros(time: &str) -> Option<i64> {
    let mut numbers = time.split([':', '.']).map(|digits| digits.parse::<i64>().ok());
    let mut next = || numbers.next().flatten().filter(|number| (0..1_000_000).contains(number));
    let (h, m, s, ms) = (next()?, next()?, next()?, next()?);
    Some((((h * 60 + m) * 60 + s) * 1_000 + ms) * 1_000)
}

/// Microseconds as hours, minutes, seconds and, after the mark (`.` in WebVTT, `,` in SubRip), milliseconds: rounded down, as all are, so that
/// what touches still does. What lies before 0 is 0.
pub struct Clock(pub i64, pub char);

impl std::fmt::Display for Clock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ms = self.0.max(0) / 1000;
        let (s, mark) = (ms / 1000, self.1);
        write!(f, "{:02}:{:02}:{:02}{mark}{:03}", s / 3600, s / 60 % 60, s % 60, ms % 1000)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::language::Language;
    use super::*;
    use crate::segment::MEDIA_TIME_BASE_MICROS;

    pub(in crate::caption) fn cue(id: u64, start_ms: i64, end_ms: i64, text: &str) -> Cue {
        Cue {
            id,
            start_micros: MEDIA_TIME_BASE_MICROS + start_ms * 1000,
            end_micros: MEDIA_TIME_BASE_MICROS + end_ms * 1000,
            lines: text.split('\n').map(str::to_owned).collect(),
            language: Language::new("fr").unwrap(),
            is_final: true,
        }
    }

    fn of(from_ms: i64, until_ms: i64) -> Segment {
        Segment {
            from_micros: MEDIA_TIME_BASE_MICROS + from_ms * 1000,
            until_micros: MEDIA_TIME_BASE_MICROS + until_ms * 1000,
            discontinuity: false,
        }
    }

    /// What a player gets out of a segment: id, times in microseconds, text. Strict: what is not as written here panics.
    fn parse(text: &str) -> Vec<(u64, i64, i64, String)> {
        let (header, body) = text.split_once("\n\n").unwrap();
        let mut header = header.lines();
        assert_eq!(header.next(), Some("WEBVTT"));
        if let Some(map) = header.next() {
            assert_eq!(map, "X-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:0");
        }
        let time = |t: &str| {
            let digits: Vec<i64> = t.split([':', '.']).map(|d| d.parse().unwrap()).collect();
            let [h, m, s, ms] = digits[..] else { panic!("{t}") };
            (((h * 60 + m) * 60 + s) * 1000 + ms) * 1000
        };
        let parse_block = |block: &str| {
            let mut lines = block.lines();
            let id = lines.next().unwrap().parse().unwrap();
            let (start, end) = lines.next().unwrap().split_once(" --> ").unwrap();
            let text: Vec<&str> = lines.collect();
            assert!(!text.is_empty() && text.iter().all(|l| !l.contains("-->")));
            let text = text.join("\n").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
            (id, time(start), time(end), text)
        };
        body.split("\n\n").filter(|b| !b.is_empty()).map(parse_block).collect()
    }

    #[test]
    fn an_empty_segment_is_the_header() {
        assert_eq!(segment(of(0, 2000), []), "WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:0\n\n");
        let open = Cue { is_final: false, ..cue(1, 0, 1000, "pas encore") };
        assert_eq!(segment(of(0, 2000), [&open]), HLS_HEADER);
        let withdrawn = Cue { lines: Vec::new(), ..cue(1, 0, 1000, "") };
        assert_eq!(segment(of(0, 2000), [&withdrawn]), HLS_HEADER);
    }

    #[test]
    fn a_cue_is_at_its_media_time_and_the_same_in_each_segment_it_overlaps() {
        let cues = [cue(1, 500, 1500, "un"), cue(2, 1500, 4500, "deux\ntrois"), cue(3, 6000, 7000, "quatre")];
        let segments: Vec<_> = (0..4).map(|n| parse(&segment(of(n * 2000, n * 2000 + 2000), &cues))).collect();
        let deux = (2, 11_500_000, 14_500_000, "deux\ntrois".to_owned());
        assert_eq!(segments[0], [(1, 10_500_000, 11_500_000, "un".to_owned()), deux.clone()]);
        assert_eq!(segments[1], std::slice::from_ref(&deux));
        assert_eq!(segments[2], [deux]);
        assert_eq!(segments[3].len(), 1, "what begins where a segment ends is not in it");
        // hls.js: cue time + (MPEGTS - initPTS90k) / 90000 is playlist time; a viewer who joined when the playlist began
        // at media time 12 s has initPTS 12 s at playlist time 0, and sees the cue of 14.5 s end at 2.5 s.
        let init_pts = 12 * 90_000;
        assert_eq!((segments[1][0].2 * 9 / 100 - init_pts) * 100 / 9, 2_500_000);
    }

    #[test]
    fn a_cue_is_not_repeated_behind_a_discontinuity() {
        let cues = [cue(1, 500, 2500, "un"), cue(2, 2500, 3000, "deux")];
        let behind = Segment { discontinuity: true, ..of(2000, 4000) };
        assert_eq!(parse(&segment(behind, &cues)).iter().map(|c| c.0).collect::<Vec<_>>(), [2]);
    }

    #[test]
    fn times_go_on_where_mpeg_time_begins_again() {
        let day = 27 * 3_600_000;
        let cues = [cue(1, day, day + 1000, "tard")];
        assert!(segment(of(day, day + 2000), &cues).contains("\n27:00:10.000 --> 27:00:11.000\n"));
    }

    #[test]
    fn no_text_can_end_its_cue_or_begin_markup() {
        let nasty = "a --> b & <i>c</i>\n\n00:00:00.000 --> 99:00:00.000\r\u{2028}\u{0}&lt;";
        let parsed = parse(&segment(of(0, 2000), &[cue(1, 0, 1000, nasty)]));
        let text = "a --> b & <i>c</i>\n00:00:00.000 --> 99:00:00.000   &lt;";
        assert_eq!(parsed, [(1, 10_000_000, 11_000_000, text.to_owned())]);
    }

    #[test]
    fn what_a_segment_has_is_read_again() {
        let cues = [cue(7, 500, 1_500, "a & <b> --> &lt;\nd’eux"), cue(8, 1_500, 27 * 3_600_000, "trois")];
        let found: Vec<Written> = read(&segment(of(0, 2_000), &cues)).collect();
        let as_written = |cue: &Cue| Written {
            id: cue.id,
            start_micros: cue.start_micros,
            end_micros: cue.end_micros,
            lines: cue.lines.clone(),
        };
        assert_eq!(found, cues.each_ref().map(as_written));
        assert_eq!(read(HLS_HEADER).count(), 0);
        for other in
            ["", "x", "1\n00:00 --> 1\na", "1\n00:00:02.000 --> 00:00:01.000\na", "1\n00:00:01.000 --> 00:00:02.000"]
        {
            assert_eq!(read(other).count(), 0, "{other}");
        }
    }

    #[test]
    fn a_file_has_the_recordings_times() {
        // The recording is of 2 to 4 s and of 8 s on.
        let base = MEDIA_TIME_BASE_MICROS;
        let time = |media: i64| {
            let at = media - base - 2_000_000;
            if at <= 2_000_000 { at } else { (at - 4_000_000).max(2_000_000) }
        };
        let cues = [
            cue(1, 0, 1900, "avant"),
            cue(2, 1900, 3000, "un"),
            cue(3, 5000, 6000, "coupé"),
            cue(4, 7500, 9000, "deux"),
        ];
        let expected = [(2, 0, 1_000_000, "un".to_owned()), (4, 2_000_000, 3_000_000, "deux".to_owned())];
        assert_eq!(parse(&file(&cues, time)), expected);
    }
}
