//! The list of previews of a video that is shown in part: as it was made for all of it, on the time of what is shown.

use crate::catalogue::details::Cut;
use media::caption::webvtt::Clock;
use std::fmt::Write as _;
use std::time::Duration;

/// The WebVTT file of the job, with the cues that are shown.
pub(super) fn shown(text: &str, cut: Cut) -> String {
    let begin = cut.start.unwrap_or_default();
    let mut out = "WEBVTT\n".to_owned();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        let Some((from, to)) = line.split_once(" --> ").and_then(|(from, to)| Some((clock(from)?, clock(to)?))) else {
            continue;
        };
        let Some(picture) = lines.next() else { break };
        let to = cut.end.map_or(to, |end| to.min(end));
        if to <= begin || from >= to {
            continue;
        }
        let (from, to) = (from.max(begin).saturating_sub(begin), to.saturating_sub(begin));
        let _infallible = write!(out, "\n{} --> {}\n{picture}\n", stamp(from), stamp(to));
    }
    out
}

/// `HH:MM:SS.mmm`.
fn clock(text: &str) -> Option<Duration> {
    let (hours, rest) = text.split_once(':')?;
    let (minutes, rest) = rest.split_once(':')?;
    let (seconds, millis) = rest.split_once('.')?;
    let number = |text: &str| text.parse::<u64>().ok().filter(|number| *number < 100_000);
    let seconds = number(hours)? * 3_600 + number(minutes)? * 60 + number(seconds)?;
    Some(Duration::from_millis(seconds * 1_000 + number(millis)?))
}

fn stamp(at: Duration) -> Clock {
    Clock(i64::try_from(at.as_micros()).unwrap_or(i64::MAX), '.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn previews_of_what_is_cut_away_are_not_listed_and_the_others_begin_with_what_is_shown() {
        let all = "WEBVTT\n\n00:00:00.000 --> 00:00:10.000\n/a#xywh=0,0,1,1\n\n00:00:10.000 --> 00:00:20.000\n/a#xywh=1,0,1,1\n\n\
                   00:00:20.000 --> 01:00:00.000\n/a#xywh=2,0,1,1\n";
        let cut = |start: Option<u64>, end: Option<u64>| Cut {
            start: start.map(Duration::from_millis),
            end: end.map(Duration::from_millis),
        };
        assert_eq!(
            shown(all, cut(Some(12_000), Some(30_500))),
            "WEBVTT\n\n00:00:00.000 --> 00:00:08.000\n/a#xywh=1,0,1,1\n\n00:00:08.000 --> 00:00:18.500\n/a#xywh=2,0,1,1\n"
        );
        assert_eq!(shown(all, cut(None, Some(10_000))), "WEBVTT\n\n00:00:00.000 --> 00:00:10.000\n/a#xywh=0,0,1,1\n");
        assert_eq!(shown(all, cut(None, None)), all);
        assert_eq!(shown("WEBVTT\n\nx --> y\nz\n", cut(Some(1), None)), "WEBVTT\n");
    }
}
