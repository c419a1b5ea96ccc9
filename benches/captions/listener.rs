//! A page that listens to a live's captions, and when each event came.

use super::peers::process::Error;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

/// What came so far.
#[derive(Clone, Default)]
pub(crate) struct Told(Arc<Mutex<Vec<Event>>>);

struct Event {
    arrived_ms: f64,
    start_ms: f64,
    end_ms: f64,
    /// Without punctuation.
    words: Vec<String>,
}

/// A word as the video's transcript has it. Milliseconds since 1970.
#[derive(Clone, Debug)]
pub(crate) struct Word {
    pub text: String,
    pub start_ms: f64,
    pub end_ms: f64,
}

/// A cue begins and ends about its words.
const ABOUT_MS: f64 = 300.0;

impl Told {
    fn with<T>(&self, look: impl FnOnce(&mut Vec<Event>) -> T) -> T {
        look(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How many events came.
    pub(crate) fn count(&self) -> usize {
        self.with(|events| events.len())
    }

    /// When the first event came, behind the first `from`, that has the `n`th of `words` as it is in the end. Milliseconds since 1970.
    pub(crate) fn first_right(&self, words: &[Word], n: usize, from: usize) -> Option<f64> {
        let word = &words[n];
        self.first(from, |e| e.covers(word) && e.words.contains(&word.text), |_| true).map(|(at, _)| at)
    }

    /// The same of an event that has a word in its place, right or not, and whether it was right: one word of ten is corrected when its
    /// sentence is over, and the viewer has read it by then.
    pub(crate) fn first_told(&self, words: &[Word], n: usize, from: usize) -> Option<(f64, bool)> {
        let word = &words[n];
        // Its place in the event's cue, from 1.
        let place = |e: &Event| words[..=n].iter().rev().take_while(|w| w.start_ms >= e.start_ms - ABOUT_MS).count();
        let told = |e: &Event| e.covers(word) && place(e) > 0 && e.words.len() >= place(e);
        self.first(from, told, |e| e.words.contains(&word.text))
    }

    /// When the first event came that is as asked, and what else is asked of it.
    fn first(&self, from: usize, has: impl Fn(&Event) -> bool, is: impl Fn(&Event) -> bool) -> Option<(f64, bool)> {
        self.with(|events| {
            // A word that was told before that is not counted from its repetition.
            let first = events.iter().position(has)?;
            (first >= from).then(|| (events[first].arrived_ms, is(&events[first])))
        })
    }
}

impl Event {
    fn covers(&self, word: &Word) -> bool {
        self.start_ms <= word.start_ms + ABOUT_MS && self.end_ms >= word.end_ms - ABOUT_MS
    }
}

/// Listens until the server closes.
pub(crate) fn listen(http: &str, slug: &str) -> Result<Told, Error> {
    let mut stream = TcpStream::connect(http)?;
    write!(stream, "GET /live/{slug}/events HTTP/1.1\r\nhost: {http}\r\naccept: text/event-stream\r\n\r\n")?;
    let told = Told::default();
    let heard = told.clone();
    std::thread::Builder::new().name("page".into()).spawn(move || {
        let mut event = String::new();
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if let Some(name) = line.strip_prefix("event: ") {
                name.clone_into(&mut event);
            } else if let Some(data) = line.strip_prefix("data: ").filter(|_| event == "caption") {
                let Ok(cue) = serde_json::from_str::<serde_json::Value>(data) else { continue };
                let number = |field: &str| cue[field].as_f64().unwrap_or_default();
                let lines = cue["lines"].as_array().map_or(&[][..], Vec::as_slice);
                let bare = |word: &str| word.trim_matches(|c: char| !c.is_alphanumeric()).to_owned();
                let words = lines.iter().filter_map(|line| line.as_str()).flat_map(str::split_whitespace).map(bare);
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                heard.with(|events| {
                    events.push(Event {
                        arrived_ms: since.as_secs_f64() * 1_000.0,
                        start_ms: number("start"),
                        end_ms: number("end"),
                        words: words.collect(),
                    });
                });
            }
        }
    })?;
    Ok(told)
}
