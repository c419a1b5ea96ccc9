//! Moments of a recording as people write them: `1:02:03`, `62:03`, `12` or `12.5`; and chapters, a line each.

use crate::catalogue::details::Chapter;
use std::time::Duration;

/// Hours are not longer than any recording.
const MAX_SECONDS: f64 = 1_000_000.0;

/// A moment, to the millisecond; `None`: it is none.
pub(super) fn read(text: &str) -> Option<Duration> {
    let text = text.trim();
    let mut parts = text.rsplit(':');
    let seconds = parts.next()?;
    let plain =
        |text: &str, more: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || more.contains(c));
    // A comma is how decimals are written in French.
    let seconds = plain(seconds, ".,").then(|| seconds.replace(',', "."))?.parse::<f64>().ok()?;
    let mut total = seconds;
    for (unit, part) in [60.0, 3_600.0].into_iter().zip(parts.by_ref()) {
        let number = plain(part, "").then(|| part.parse::<u32>().ok())??;
        total += f64::from(number) * unit;
    }
    let whole = parts.next().is_none() && total <= MAX_SECONDS && (!text.contains(':') || seconds < 60.0);
    whole.then(|| {
        Duration::from_millis(Duration::from_secs_f64(total).as_micros().div_ceil(1_000).try_into().unwrap_or(0))
    })
}

/// The same as it is shown in a form: `1:02:03` or `1:02:03.500`.
pub(super) fn write(at: Duration) -> String {
    let (seconds, millis) = (at.as_secs(), at.subsec_millis());
    let text = format!("{}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60);
    if millis == 0 { text } else { format!("{text}.{millis:03}") }
}

/// Chapters, one a line: a moment, a space, a title. Lines without anything are left out.
///
/// # Errors
/// The number, from 1, of a line that is none.
pub(super) fn read_chapters(text: &str) -> Result<Vec<Chapter>, usize> {
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(n, line)| {
            let (at, title) = line.trim().split_once(char::is_whitespace).ok_or(n + 1)?;
            let start = read(at).ok_or(n + 1)?;
            Ok(Chapter { start, title: title.trim().to_owned() })
        })
        .collect()
}

/// The same as a form shows them.
pub(super) fn write_chapters(chapters: &[Chapter]) -> String {
    chapters.iter().map(|chapter| format!("{} {}", write(chapter.start), chapter.title)).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_as_people_write_them_and_written_so_that_they_are_read_again() {
        for (text, ms) in [
            ("0", 0),
            ("12", 12_000),
            (" 12.5 ", 12_500),
            ("12,25", 12_250),
            ("90", 90_000),
            ("1:02", 62_000),
            ("62:03", 3_723_000),
            ("1:02:03", 3_723_000),
            ("01:02:03.004", 3_723_004),
        ] {
            let at = read(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(at, Duration::from_millis(ms), "{text}");
            assert_eq!(read(&write(at)), Some(at), "{text}");
        }
        for bad in [
            "", ":", "1:", ":1", "a", "-1", "+1", "1e3", "1:60", "1:2:3:4", "1 2", "1..2", "9999999", "NaN", "inf",
            "1:-2",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
        assert_eq!(write(Duration::from_millis(3_723_004)), "1:02:03.004");
    }

    #[test]
    fn a_chapter_is_a_line_and_a_line_that_is_none_is_named() {
        let text = "0:00 Rappels\n\n  1:02:03   Séries de Fourier \n";
        let chapters = read_chapters(text).unwrap();
        assert_eq!(write_chapters(&chapters), "0:00:00 Rappels\n1:02:03 Séries de Fourier");
        assert_eq!(read_chapters(""), Ok(Vec::new()));
        assert_eq!(read_chapters("0 A\nRappels\n"), Err(2));
        assert_eq!(read_chapters("0 A\n\n12:00"), Err(3));
    }
}
