//! What is indexed of a video: what people say of it, and what is said in it.
//!
//! **Promises.** What is cut off is not indexed: nobody finds by a word what nobody is shown. Times are those of what is shown.

use super::index::VERSION;
use super::words::Tongue;
use crate::archive::layout::Layout;
use crate::archive::transcript::{self, Position};
use crate::archive::{captions, edited, load};
use crate::catalogue::indexed::Indexed;
use media::caption::language::Language;
use sha2::{Digest as _, Sha256};
use std::time::{Duration, UNIX_EPOCH};

/// A passage is closed when it has so many words…
const PASSAGE_WORDS: usize = 40;
/// … or has lasted so long, or when nothing is said for a while.
const PASSAGE: Duration = Duration::from_secs(30);
const SILENCE: Duration = Duration::from_secs(5);
/// Of one video. A lecture of a day has less.
const MAX_PASSAGES: usize = 20_000;

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) id: String,
    /// Of all that it was made from.
    pub(super) print: u64,
    /// Of what people say of it.
    pub(super) tongue: Tongue,
    pub(super) title: String,
    /// Speakers, tags, broadcaster.
    pub(super) names: Vec<String>,
    pub(super) description: String,
    /// In all languages.
    pub(super) said: Vec<Said>,
}

/// Some lines of a transcript that follow each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) language: String,
    pub(super) tongue: Tongue,
    /// Each with when it is said, from the beginning of what is shown.
    pub(super) lines: Vec<(Duration, String)>,
}

impl Said {
    pub(super) fn text(&self) -> String {
        self.lines.iter().map(|(_, line)| line.as_str()).collect::<Vec<_>>().join(" ")
    }

    /// `fr`, then a line `MILLISECONDS TEXT` for each.
    pub(super) fn to_stored(&self) -> String {
        let mut stored = self.language.clone();
        for (at, line) in &self.lines {
            stored.push_str(&format!("\n{} {line}", at.as_millis()));
        }
        stored
    }

    pub(super) fn from_stored(stored: &str) -> Option<Self> {
        let (language, lines) = stored.split_once('\n')?;
        let line = |line: &str| {
            let (at, text) = line.split_once(' ')?;
            Some((Duration::from_millis(at.parse().ok()?), text.to_owned()))
        };
        Some(Self {
            language: language.to_owned(),
            tongue: Tongue::of(Language::new(language).as_ref()),
            lines: lines.split('\n').map(line).collect::<Option<_>>()?,
        })
    }
}

/// What would be made of a video, as a number that is another one when it changes. Cheap: transcripts are not read, only looked at. Blocking.
pub(super) fn print(of: &Indexed, layout: &Layout) -> u64 {
    let mut hash = Sha256::new();
    let mut part = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    part(VERSION.as_bytes());
    for text in [&of.title, &of.broadcaster, &of.description] {
        part(text.as_bytes());
    }
    part(of.language.as_ref().map_or("", Language::tag).as_bytes());
    part(format!("{:?}", of.cut).as_bytes());
    for texts in [&of.tags, &of.speakers] {
        part(&texts.len().to_le_bytes());
        texts.iter().for_each(|text| part(text.as_bytes()));
    }
    for language in captions::languages(layout, of.id.as_str()).unwrap_or_default() {
        part(language.tag().as_bytes());
        if let Ok(file) = std::fs::metadata(layout.captions(of.id.as_str(), &language)) {
            let changed = file.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
            part(&file.len().to_le_bytes());
            part(&changed.as_nanos().to_le_bytes());
        }
    }
    for (language, state) in edited::languages(layout, of.id.as_str()).unwrap_or_default() {
        part(language.tag().as_bytes());
        part(&state.version.to_le_bytes());
    }
    let digest = hash.finalize();
    digest.iter().take(8).fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

impl Entry {
    /// Of a video whose [`print()`] is `print`. A transcript that can't be read is left out, and said. Blocking.
    pub(super) fn of(video: Indexed, print: u64, layout: &Layout) -> Self {
        let said = transcripts(&video, layout).unwrap_or_else(|error| {
            tracing::warn!(video = %video.id, %error, "a transcript can't be read and is not searched in");
            Vec::new()
        });
        Self {
            id: video.id.to_string(),
            print,
            tongue: Tongue::of(video.language.as_ref()),
            title: video.title,
            names: video.speakers.into_iter().chain(video.tags).chain([video.broadcaster]).collect(),
            description: video.description,
            said,
        }
    }
}

fn transcripts(of: &Indexed, layout: &Layout) -> Result<Vec<Said>, crate::archive::Error> {
    let id = of.id.as_str();
    // A video whose folder is gone is found by what the catalogue knows of it.
    if !layout.folder(id).exists() {
        return Ok(Vec::new());
    }
    if captions::languages(layout, id)?.is_empty() && edited::languages(layout, id)?.is_empty() {
        return Ok(Vec::new());
    }
    let loaded = load::load(layout, id)?;
    let position = Position::of(loaded.lead_segments());
    let mut said = Vec::new();
    for transcript in transcript::all(layout, id, &position, &position)? {
        let lines = transcript.cues.into_iter().filter_map(|cue| {
            let at = |micros| Duration::from_micros(u64::try_from(position.at(micros)).unwrap_or(0));
            // A line that is cut off in part is cut off.
            of.cut.shown(at(cue.end_micros))?;
            Some((of.cut.shown(at(cue.start_micros))?, cue.lines.join(" ")))
        });
        passages(&transcript.language, lines, &mut said);
    }
    said.truncate(MAX_PASSAGES);
    Ok(said)
}

/// Puts lines together.
fn passages(language: &Language, lines: impl Iterator<Item = (Duration, String)>, out: &mut Vec<Said>) {
    let begin = || Said { language: language.tag().to_owned(), tongue: Tongue::of(Some(language)), lines: Vec::new() };
    let (mut open, mut words) = (begin(), 0);
    for (at, line) in lines {
        let first = open.lines.first().map_or(at, |(first, _)| *first);
        let last = open.lines.last().map_or(at, |(last, _)| *last);
        let full =
            words >= PASSAGE_WORDS || at.saturating_sub(first) > PASSAGE || at.saturating_sub(last) > 2 * SILENCE;
        if full && !open.lines.is_empty() {
            out.push(std::mem::replace(&mut open, begin()));
            words = 0;
        }
        words += line.split_whitespace().count();
        open.lines.push((at, line.replace(['\n', '\r'], " ")));
    }
    if !open.lines.is_empty() {
        out.push(open);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(at_s: &[u64], words: usize) -> Vec<(Duration, String)> {
        at_s.iter().map(|at| (Duration::from_secs(*at), vec!["mot"; words].join(" "))).collect()
    }

    #[test]
    fn passages_are_neither_long_nor_torn_apart() {
        let french = Language::new("fr").unwrap();
        let begins = |lines: Vec<(Duration, String)>| {
            let mut out = Vec::new();
            passages(&french, lines.into_iter(), &mut out);
            out.iter().map(|said| said.lines[0].0.as_secs()).collect::<Vec<_>>()
        };
        assert_eq!(begins(lines(&[0, 4, 8, 12], 10)), [0]);
        assert_eq!(begins(lines(&[0, 4, 8, 12, 16], 10)), [0, 16], "words");
        assert_eq!(begins(lines(&[0, 9, 18, 27, 36], 1)), [0, 36], "time");
        assert_eq!(begins(lines(&[0, 4, 60], 1)), [0, 60], "silence");
        assert!(begins(Vec::new()).is_empty());
    }

    #[test]
    fn a_passage_is_kept_with_the_time_of_each_line() {
        let said = Said {
            language: "fr".to_owned(),
            tongue: Tongue::French,
            lines: vec![
                (Duration::from_millis(1_234), "bonjour à tous".to_owned()),
                (Duration::from_secs(4), "oui".to_owned()),
            ],
        };
        assert_eq!(Said::from_stored(&said.to_stored()), Some(said));
        for bad in ["", "fr", "fr\nx y", "fr\n1"] {
            assert_eq!(Said::from_stored(bad), None, "{bad}");
        }
    }
}
