//! A text of captions as people see and send it, on the time of what is shown; and what becomes of it on the time of the whole recording.
//!
//! **Promises.** Captions of what is cut away stay as they were: the cut may be taken back.

use super::cut::Span;
use super::layout::Layout;
use super::load::load;
use super::transcript::{self, Position};
use super::{Error, edited};
use media::caption::import::{Timed, in_order};
use media::caption::language::Language;
use media::caption::webvtt;

/// WebVTT of a language as it is shown now; `None`: there are no captions in it. Blocking.
///
/// # Errors
/// When the recording can't be read.
pub fn as_shown(layout: &Layout, id: &str, span: Span, language: &Language) -> Result<Option<String>, Error> {
    let loaded = load(layout, id)?;
    let whole = Position::of(loaded.lead_segments());
    let shown = Position::of(loaded.cut(span).lead_segments());
    let said = transcript::all(layout, id, &whole, &shown)?.into_iter().find(|said| said.language == *language);
    Ok(said.map(|said| webvtt::file(&said.cues, |micros| shown.at(micros))))
}

/// Puts captions in the place of those of a language that are shown now. Blocking.
///
/// # Errors
/// When the recording can't be read, or they can't be written: then all is as it was.
pub fn replace(layout: &Layout, id: &str, span: Span, language: &Language, sent: &[Timed]) -> Result<(), Error> {
    let loaded = load(layout, id)?;
    let whole = Position::of(loaded.lead_segments());
    // Where what is shown lies in the whole.
    let shown = Position::of(loaded.cut(span).lead_segments()).span();
    let (from, until) = shown.map_or((0, i64::MAX), |(from, until)| (whole.at(from) / 1_000, whole.at(until) / 1_000));
    let old = transcript::all(layout, id, &whole, &whole)?.into_iter().find(|said| said.language == *language);
    let cut_away = old.into_iter().flat_map(|said| said.cues).map(|cue| Timed {
        start_ms: whole.at(cue.start_micros) / 1_000,
        end_ms: whole.at(cue.end_micros) / 1_000,
        lines: cue.lines,
    });
    let cut_away = cut_away.filter(|cue| cue.end_ms > cue.start_ms && (cue.end_ms <= from || cue.start_ms >= until));
    let shown = sent.iter().map(|cue| Timed {
        start_ms: from.saturating_add(cue.start_ms),
        end_ms: from.saturating_add(cue.end_ms),
        lines: cue.lines.clone(),
    });
    // What lies behind the end is said by nobody.
    let shown = shown.filter(|cue| cue.start_ms < until).map(|cue| Timed { end_ms: cue.end_ms.min(until), ..cue });
    edited::write(layout, id, language, &in_order(cut_away.chain(shown).collect()))
}

#[cfg(test)]
mod tests {
    use super::super::transcript::tests::say;
    use super::*;
    use std::time::Duration;

    fn caption(start_ms: i64, text: &str) -> Timed {
        Timed { start_ms, end_ms: start_ms + 1_000, lines: vec![text.to_owned()] }
    }

    #[test]
    fn what_is_shown_is_replaced_and_what_is_cut_away_stays() {
        let folder = tempfile::tempdir().unwrap();
        let layout = Layout::new(folder.path().to_owned());
        say(&layout, "v", "fr", &[(2, "avant"), (20, "dedans"), (90, "après")]);
        let french = Language::new("fr").unwrap();
        let span = (Some(Duration::from_secs(10)), Some(Duration::from_secs(60)));
        let shown = as_shown(&layout, "v", span, &french).unwrap().unwrap();
        assert!(shown.contains("00:00:10.000 --> ") && shown.contains("Dedans") && !shown.contains("vant"), "{shown}");
        let sent = [caption(500, "un"), caption(49_500, "deux"), caption(70_000, "trop tard")];
        replace(&layout, "v", span, &french, &sent).unwrap();
        let shown = as_shown(&layout, "v", span, &french).unwrap().unwrap();
        assert!(shown.contains("00:00:00.500 --> 00:00:01.500\nun\n"), "{shown}");
        assert!(shown.contains("00:00:49.500 --> 00:00:50.000\ndeux\n") && !shown.contains("Dedans"), "{shown}");
        let whole = as_shown(&layout, "v", (None, None), &french).unwrap().unwrap();
        for line in ["Avant", "00:00:10.500 --> 00:00:11.500\nun", "00:00:59.500 --> 00:01:00.000\ndeux", "Après"] {
            assert!(whole.contains(line), "{line}: {whole}");
        }
        assert!(!whole.contains("trop tard") && !whole.contains("Dedans"));
        edited::write(&layout, "v", &french, &[]).unwrap();
        assert_eq!(as_shown(&layout, "v", span, &french).unwrap(), None);
        edited::remove(&layout, "v", &french).unwrap();
        assert!(as_shown(&layout, "v", span, &french).unwrap().unwrap().contains("Dedans"), "as it was heard");
        let german = Language::new("de").unwrap();
        replace(&layout, "v", (None, None), &german, &[caption(0, "neu")]).unwrap();
        assert!(as_shown(&layout, "v", (None, None), &german).unwrap().unwrap().contains("neu"));
    }
}
