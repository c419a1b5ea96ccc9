//! Hears what a script says, whatever sounds: for demonstrations and tests. A model is a folder with a file `engine` that says `scripted`
//! and a file `script.txt`:
//!
//! ```text
//! # Seconds of media time (a live begins at 10) at which a word begins and ends; an empty line ends an utterance.
//! 11.0 11.4 bonjour
//! 11.5 11.6 à
//! 11.7 12.1 tous
//!
//! every 30   # optional: all again every 30 s
//! slow 0.5   # optional: hearing a second takes half a second
//! ```
//!
//! With a vocabulary it hears the script's words that are in it, as small models do.

use super::recogniser::{Heard, Model, Recogniser, Said, micros};
use media::caption::word::Confidence;
use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// A word is said so long after it was heard.
const LAG_MICROS: i64 = 300_000;
/// An utterance ends so long after its last word.
const PAUSE_MICROS: i64 = 500_000;
/// Larger scripts are none.
const MAX_SCRIPT_BYTES: u64 = 1 << 20;

#[derive(Clone, Debug)]
struct Line {
    start_micros: i64,
    end_micros: i64,
    text: String,
}

#[derive(Debug, Default)]
struct Script {
    /// In order, none empty.
    utterances: Vec<Vec<Line>>,
    every_micros: Option<i64>,
    slow: f64,
}

struct Scripted(Arc<Script>);

/// Reads the script in `folder`.
pub(super) fn load(folder: &Path) -> Result<Box<dyn Model>, String> {
    let file = folder.join("script.txt");
    let failed = |e: &dyn std::fmt::Display| format!("{}: {e}", file.display());
    let size = std::fs::metadata(&file).map_err(|e| failed(&e))?.len();
    if size > MAX_SCRIPT_BYTES {
        return Err(failed(&format!("{size} bytes, {MAX_SCRIPT_BYTES} are allowed")));
    }
    let text = std::fs::read_to_string(&file).map_err(|e| failed(&e))?;
    let script = parse(&text).map_err(|e| failed(&e))?;
    Ok(Box::new(Scripted(Arc::new(script))))
}

fn parse(text: &str) -> Result<Script, String> {
    let mut script = Script::default();
    let mut utterance: Vec<Line> = Vec::new();
    let mut last_micros = 0;
    for (n, line) in text.lines().enumerate() {
        let line = line.split('#').next().unwrap_or_default();
        let fields: Vec<&str> = line.split_whitespace().collect();
        let wrong = || format!("line {}: START END WORD, `every SECONDS` or `slow FACTOR` is expected", n + 1);
        let number = |field: &str| field.parse::<f64>().ok().filter(|s| (0.0..1e9).contains(s)).ok_or_else(wrong);
        #[expect(clippy::cast_possible_truncation, reason = "under 1e15")]
        let time = |field: &str| number(field).map(|seconds| (seconds * 1e6) as i64);
        match fields[..] {
            // A line with nothing but a remark ends nothing.
            [] if line.trim().is_empty() && !text.lines().nth(n).unwrap_or_default().trim().is_empty() => {}
            [] => script.utterances.extend((!utterance.is_empty()).then(|| std::mem::take(&mut utterance))),
            ["every", seconds] => script.every_micros = Some(time(seconds)?),
            ["slow", factor] => script.slow = number(factor)?,
            [start, end, word] => {
                let (start_micros, end_micros) = (time(start)?, time(end)?);
                if start_micros < last_micros || end_micros < start_micros {
                    return Err(format!("line {}: the time goes back", n + 1));
                }
                last_micros = end_micros;
                utterance.push(Line { start_micros, end_micros, text: word.to_owned() });
            }
            _ => return Err(wrong()),
        }
    }
    script.utterances.extend((!utterance.is_empty()).then_some(utterance));
    match script.every_micros {
        _ if script.utterances.is_empty() => Err("it has no word".into()),
        Some(every) if every < last_micros - script.first_micros() + PAUSE_MICROS => {
            Err("`every` is shorter than the script".into())
        }
        _ => Ok(script),
    }
}

impl Script {
    fn first_micros(&self) -> i64 {
        self.utterances.first().and_then(|u| u.first()).map_or(0, |line| line.start_micros)
    }

    /// Without the words that are in none of the phrases.
    fn within(&self, vocabulary: &[String]) -> Self {
        let known: HashSet<String> =
            vocabulary.iter().flat_map(|phrase| phrase.split_whitespace()).map(str::to_lowercase).collect();
        let heard = |utterance: &Vec<Line>| {
            utterance.iter().filter(|line| known.contains(&line.text.to_lowercase())).cloned().collect::<Vec<_>>()
        };
        let utterances: Vec<_> = self.utterances.iter().map(heard).filter(|utterance| !utterance.is_empty()).collect();
        let every_micros = self.every_micros.filter(|_| !utterances.is_empty());
        Self { utterances, every_micros, slow: self.slow }
    }

    /// The `n`th utterance from the beginning, repetitions counted.
    fn utterance(&self, n: usize) -> Option<Vec<Line>> {
        let count = self.utterances.len();
        let (round, n) = match self.every_micros {
            Some(every) => (i64::try_from(n / count).ok()?.checked_mul(every)?, n % count),
            None => (0, n),
        };
        let moved = |line: &Line| Line {
            start_micros: line.start_micros.saturating_add(round),
            end_micros: line.end_micros.saturating_add(round),
            text: line.text.clone(),
        };
        Some(self.utterances.get(n)?.iter().map(moved).collect())
    }
}

impl Model for Scripted {
    fn recogniser(&self, vocabulary: &[String], from_micros: i64) -> Result<Box<dyn Recogniser>, String> {
        let script = match vocabulary {
            [] => Arc::clone(&self.0),
            vocabulary => Arc::new(self.0.within(vocabulary)),
        };
        // The round before may not have ended yet.
        let begun = from_micros.saturating_sub(script.first_micros());
        let rounds = script.every_micros.map_or(0, |every| (begun / every - 1).max(0));
        let skipped = usize::try_from(rounds).unwrap_or(0).saturating_mul(script.utterances.len());
        let mut reader = Reader {
            script,
            from_micros,
            not_before_micros: from_micros,
            heard_samples: 0,
            next: skipped,
            utterance: None,
        };
        reader.turn();
        Ok(Box::new(reader))
    }
}

struct Reader {
    script: Arc<Script>,
    from_micros: i64,
    /// What began before was not heard, or was said.
    not_before_micros: i64,
    heard_samples: u64,
    /// The utterance after this one.
    next: usize,
    utterance: Option<Vec<Line>>,
}

impl Reader {
    fn now_micros(&self) -> i64 {
        self.from_micros.saturating_add(micros(self.heard_samples))
    }

    /// To the next utterance that has a word to come.
    fn turn(&mut self) {
        loop {
            self.utterance = self.script.utterance(self.next);
            let Some(utterance) = &mut self.utterance else { return };
            self.next += 1;
            utterance.retain(|line| line.start_micros >= self.not_before_micros);
            if !utterance.is_empty() {
                return;
            }
        }
    }

    fn said(&self, until_micros: i64) -> Vec<Said> {
        let lines = self.utterance.iter().flatten().filter(|line| line.end_micros <= until_micros);
        lines
            .map(|line| Said {
                text: line.text.clone(),
                start_micros: line.start_micros - self.from_micros,
                end_micros: line.end_micros - self.from_micros,
                confidence: Confidence::FULL,
            })
            .collect()
    }
}

impl Recogniser for Reader {
    fn hear(&mut self, samples: &[i16]) -> Result<Heard, String> {
        self.heard_samples += samples.len() as u64;
        if self.script.slow > 0.0 {
            let micros = u64::try_from(micros(samples.len() as u64)).unwrap_or(0);
            std::thread::sleep(Duration::from_micros(micros).mul_f64(self.script.slow));
        }
        let now = self.now_micros();
        let end =
            self.utterance.as_ref().and_then(|u| u.last()).map(|line| line.end_micros.saturating_add(PAUSE_MICROS));
        if end.is_some_and(|end| end <= now) {
            let said = self.said(now);
            self.turn();
            return Ok(Heard::Utterance(said));
        }
        Ok(Heard::SoFar(self.said(now - LAG_MICROS)))
    }

    fn finish(&mut self) -> Result<Vec<Said>, String> {
        let now = self.now_micros();
        let said = self.said(now);
        self.not_before_micros = now;
        if let Some(utterance) = &mut self.utterance {
            utterance.retain(|line| line.end_micros > now);
            if utterance.is_empty() {
                self.turn();
            }
        }
        Ok(said)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRIPT: &str = "11.0 11.4 bonjour # greeting\n# a remark\n11.5 12 tous\n\n14 14.5 merci\nevery 10\n";

    fn texts(said: &[Said]) -> Vec<&str> {
        said.iter().map(|s| s.text.as_str()).collect()
    }

    /// What is said by media time, in steps of 100 ms, from `from` on: finals.
    fn finals(from_micros: i64, seconds: i64) -> Vec<(Vec<String>, i64)> {
        finals_of(&[], from_micros, seconds)
    }

    fn finals_of(vocabulary: &[&str], from_micros: i64, seconds: i64) -> Vec<(Vec<String>, i64)> {
        let script = Scripted(Arc::new(parse(SCRIPT).unwrap()));
        let vocabulary: Vec<String> = vocabulary.iter().map(|phrase| (*phrase).to_owned()).collect();
        let mut reader = script.recogniser(&vocabulary, from_micros).unwrap();
        let mut finals = Vec::new();
        for _ in 0..seconds * 10 {
            if let Heard::Utterance(said) = reader.hear(&[0; 1600]).unwrap() {
                let start = said.first().map_or(0, |s| s.start_micros + from_micros);
                finals.push((texts(&said).into_iter().map(str::to_owned).collect(), start));
            }
        }
        finals
    }

    #[test]
    fn words_are_said_at_their_time_again_and_again() {
        let wanted = |words: &[&str], at| (words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>(), at);
        let heard = finals(10_000_000, 16);
        assert_eq!(
            heard,
            [
                wanted(&["bonjour", "tous"], 11_000_000),
                wanted(&["merci"], 14_000_000),
                wanted(&["bonjour", "tous"], 21_000_000),
                wanted(&["merci"], 24_000_000),
            ]
        );
        // Who comes later does not hear what was before.
        assert_eq!(finals(11_450_000, 4), [wanted(&["tous"], 11_500_000), wanted(&["merci"], 14_000_000)]);
        assert_eq!(finals(1_000_010_000_000, 4).len(), 1);
        assert_eq!(finals(9_000_000, 3).len(), 0);
    }

    #[test]
    fn with_a_vocabulary_other_words_are_not_heard() {
        let heard = finals_of(&["Tous les", "le monde"], 10_000_000, 16);
        assert_eq!(heard, [(vec!["tous".to_owned()], 11_500_000), (vec!["tous".to_owned()], 21_500_000)]);
        assert_eq!(finals_of(&["personne"], 10_000_000, 16), []);
    }

    #[test]
    fn what_was_finished_is_not_said_again() {
        let script = Scripted(Arc::new(parse(SCRIPT).unwrap()));
        let mut reader = script.recogniser(&[], 10_000_000).unwrap();
        for _ in 0..16 {
            reader.hear(&[0; 1600]).unwrap();
        }
        assert_eq!(texts(&reader.finish().unwrap()), ["bonjour"]);
        let ended = (0..10).find_map(|_| match reader.hear(&[0; 1600]).unwrap() {
            Heard::Utterance(said) => Some(said),
            Heard::SoFar(_) | Heard::Nothing => None,
        });
        assert_eq!(texts(&ended.unwrap()), ["tous"]);
    }

    #[test]
    fn a_script_that_is_none_is_refused_with_its_line() {
        for (script, what) in [
            ("", "no word"),
            ("1 2", "line 1"),
            ("1 2 a\n2 1.5 b", "line 2"),
            ("-1 2 a", "line 1"),
            ("1 20 a\nevery 10", "shorter"),
            ("1 nan a", "line 1"),
        ] {
            let error = parse(script).unwrap_err();
            assert!(error.contains(what), "{script}: {error}");
        }
    }
}
