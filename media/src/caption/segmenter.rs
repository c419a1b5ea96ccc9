//! Words → cues.
//!
//! One machine for both uses. Live: words come as they are committed, a cue is published anew with each, and closed when it
//! is full, at a pause, or at a sentence's end; where WebVTT segments are published [`Segmenter::settle`] sees to it that
//! what they show does not change any more. Recorded: all words at once ([`recorded`]).
//!
//! Promises: every word is in exactly one cue, in order. Cues are in order and don't overlap. A final cue keeps its times.
//! A cue has at most `max_lines` lines, unless a correction made it longer, or a single word is wider than all of them; it
//! is shown `min_micros` if its successor can wait so long. A cue becomes final only so that some of it lies after what
//! was settled before: it is in at least one segment. What is held is bounded by an utterance.

mod breaking;
mod correction;
mod timing;

use super::Cue;
use super::columns::columns;
use super::glossary::Glossary;
use super::language::Language;
use super::layout::lay_out;
use super::spelling::{After, Spelling, ends_sentence};
use super::style::CaptionStyle;
use super::word::{MAX_MEDIA_MICROS, MAX_WORDS, Splice, Word};
use std::collections::VecDeque;
use std::sync::Arc;

use breaking::{MAX_CARRIED, Place};
use timing::Next;

/// Where a segmenter begins: nowhere, or after what is kept already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Start {
    /// The first cue's id.
    pub cue_id: u64,
    /// Words of the transcript before.
    pub words: u64,
    /// No cue begins before; media time in microseconds.
    pub not_before_micros: i64,
}

/// The state of one language of one timeline.
#[derive(Debug)]
pub struct Segmenter {
    style: CaptionStyle,
    language: Language,
    glossary: Arc<Glossary>,
    next_id: u64,
    /// Words that were put into cues, those of forgotten cues too.
    words: u64,
    /// In order. Only the last can be not final.
    cues: VecDeque<Held>,
    free_micros: i64,
    settled_micros: i64,
    /// The next word begins a sentence.
    begins: bool,
    /// What the next cue takes over from one that was cut anew.
    again: Option<(u64, i64)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Growing,
    /// It takes no more words; when it ends is open.
    Closed,
    Final,
}

#[derive(Debug)]
struct Held {
    id: u64,
    words: Vec<Word>,
    start_micros: i64,
    end_micros: i64,
    begins: bool,
    after: After,
    state: State,
    shown: Option<Cue>,
}

impl Segmenter {
    /// For one language of a timeline.
    #[must_use]
    pub fn new(style: CaptionStyle, language: Language, glossary: Arc<Glossary>, start: Start) -> Self {
        let not_before_micros = start.not_before_micros.clamp(0, MAX_MEDIA_MICROS);
        Self {
            style,
            language,
            glossary,
            next_id: start.cue_id,
            words: start.words,
            cues: VecDeque::new(),
            free_micros: not_before_micros,
            settled_micros: not_before_micros,
            begins: true,
            again: None,
        }
    }

    /// The transcript changes. Cues that are new or changed are added to `out`; of two with one id the later counts.
    pub fn push(&mut self, splice: &Splice, out: &mut Vec<Cue>) {
        let end = splice.at.saturating_add(u64::from(splice.removed)).min(self.words);
        let at = splice.at.min(end);
        // At the end of the transcript as many words are corrected as go, and the rest is new.
        let replaced = if end == self.words {
            usize::try_from(end - at).unwrap_or(usize::MAX).min(splice.words.len())
        } else {
            splice.words.len()
        };
        let (replacing, new) = splice.words.split_at_checked(replaced).unwrap_or((&splice.words, &[]));
        if at < end || !replacing.is_empty() {
            self.correct(at, end, replacing, out);
        }
        for word in new {
            self.append(word.clone(), out);
        }
        self.publish_last(out);
        while self.cues.len() > 1 && self.words_behind_first() > MAX_WORDS {
            self.cues.pop_front();
        }
    }

    /// All words that begin before `until_micros` have come: a pause closes the cue.
    pub fn said_until(&mut self, until_micros: i64, out: &mut Vec<Cue>) {
        let Some(last) = self.cues.back() else { return };
        let pause = until_micros.saturating_sub(last.last_end());
        if last.state == State::Growing && pause >= self.style.sentence_pause_micros {
            self.close(After::Stop, out);
        }
        let Some(last) = self.cues.back().filter(|c| c.state == State::Closed) else { return };
        // A later word can't close the gap any more: nothing changes the cue's end.
        if until_micros >= last.end_micros.saturating_add(self.style.close_gap_micros) {
            self.finalise(Next::None, out);
        }
    }

    /// A segment that ends at `until_micros` is published now. Cues in it become final; one that has only just begun goes
    /// on, and is shown from the next segment on.
    pub fn settle(&mut self, until_micros: i64, out: &mut Vec<Cue>) {
        let until = until_micros.clamp(0, MAX_MEDIA_MICROS);
        let last = self.cues.back().filter(|c| c.state != State::Final && c.start_micros < until);
        if let Some(last) = last {
            let shown_micros = until - last.start_micros;
            if last.state == State::Closed {
                self.finalise(Next::From(until), out);
            } else if shown_micros >= self.style.min_micros {
                self.close_for_segment(until, out);
            }
        }
        self.settled_micros = self.settled_micros.max(until);
    }

    /// Nothing follows for now: the contribution or the recording ends, or a discontinuity comes.
    pub fn finish(&mut self, out: &mut Vec<Cue>) {
        match self.cues.back().map(|c| c.state) {
            Some(State::Growing) => {
                self.close(After::Stop, out);
                self.finalise(Next::None, out);
            }
            Some(State::Closed) => self.finalise(Next::None, out),
            Some(State::Final) | None => {}
        }
        self.begins = true;
    }

    /// Names are written so from the next change of a cue on.
    pub fn respell(&mut self, glossary: Arc<Glossary>) {
        self.glossary = glossary;
    }

    /// The next cue's id: where a kept transcript goes on.
    #[must_use]
    pub fn next_id(&self) -> u64 {
        self.next_id
    }

    fn spelling(&self) -> Spelling<'_> {
        Spelling { language: &self.language, glossary: &self.glossary, style: &self.style }
    }

    fn lines(&self, words: &[Word], begins: bool, after: After) -> Vec<String> {
        lay_out(&self.spelling().spell(words, begins, after), &self.language, &self.style)
    }

    fn fits(&self, lines: &[String]) -> bool {
        lines.len() <= self.style.max_lines
            && lines.iter().map(|l| columns(l)).sum::<usize>() <= self.style.max_columns()
    }

    fn append(&mut self, word: Word, out: &mut Vec<Cue>) {
        // The next word last. Never more than a cue's words and one: each split leaves a word behind.
        let mut waiting = vec![word];
        while let Some(word) = waiting.pop() {
            match self.cues.back().map(|c| c.state) {
                Some(State::Growing) => match self.place(&word) {
                    Place::Joins => {
                        if let Some(cue) = self.cues.back_mut() {
                            cue.words.push(word);
                            self.words += 1;
                        }
                    }
                    Place::Next(after) => {
                        self.close(after, out);
                        self.finalise(Next::At(word.start_micros()), out);
                        self.begin(word);
                    }
                    Place::Split(kept) => {
                        waiting.push(word);
                        let carried = self.cut(kept, out);
                        let next = carried.first().map_or(Next::None, |w| Next::At(w.start_micros()));
                        self.finalise(next, out);
                        waiting.extend(carried.into_iter().rev());
                    }
                },
                Some(State::Closed) => {
                    self.finalise(Next::At(word.start_micros()), out);
                    self.begin(word);
                }
                Some(State::Final) | None => self.begin(word),
            }
        }
    }

    fn begin(&mut self, word: Word) {
        let again = self.again.take();
        let id = again.map_or(self.next_id, |(id, _)| id);
        self.next_id = self.next_id.max(id.saturating_add(1));
        let start_micros = again.map_or(word.start_micros().max(self.free_micros), |(_, start)| start);
        self.words += 1;
        self.cues.push_back(Held {
            id,
            words: vec![word],
            start_micros,
            end_micros: start_micros,
            begins: self.begins,
            after: After::Nothing,
            state: State::Growing,
            shown: None,
        });
        self.begins = false;
    }

    /// Ends the growing cue after `kept` words; the others are given back.
    fn cut(&mut self, kept: usize, out: &mut Vec<Cue>) -> Vec<Word> {
        let Some(cue) = self.cues.back_mut() else { return Vec::new() };
        let carried = if kept == 0 || kept >= cue.words.len() { Vec::new() } else { cue.words.split_off(kept) };
        self.words = self.words.saturating_sub(carried.len() as u64);
        let (last, next) = (self.cues.back().and_then(|c| c.words.last()), carried.first());
        let after = last.zip(next).map_or(After::Nothing, |(last, next)| self.spelling().after(last, next));
        self.close(after, out);
        carried
    }

    /// The segment up to `until` is published: the growing cue ends with what it has.
    fn close_for_segment(&mut self, until: i64, out: &mut Vec<Cue>) {
        let Some(cue) = self.cues.back() else { return };
        let mut kept = cue.words.len();
        // Words that belong to what follows go on, whatever it will be.
        while let Some(last) = kept.checked_sub(1).and_then(|n| cue.words.get(n)) {
            let torn = cue.words.get(kept).is_some_and(|next| !self.spelling().parts(last, next));
            if !(self.language.holds(last.text()) || torn) {
                break;
            }
            kept -= 1;
        }
        if kept == 0 || cue.words.len() - kept > MAX_CARRIED {
            kept = cue.words.len();
        }
        let carried = self.cut(kept, out);
        let speech_end = self.cues.back().map_or(until, Held::last_end);
        match carried.first() {
            Some(next) => self.finalise(Next::At(next.start_micros()), out),
            None => self.finalise(Next::From(until.max(speech_end)), out),
        }
        for word in carried {
            self.append(word, out);
        }
        self.publish_last(out);
    }

    /// The growing cue takes no more words.
    fn close(&mut self, after: After, out: &mut Vec<Cue>) {
        let Some(cue) = self.cues.back() else { return };
        // A full stop that needs another line is left out: what is shown stays where it is.
        let bare = self.lines(&cue.words, cue.begins, After::Nothing);
        let marked = self.lines(&cue.words, cue.begins, after);
        let after_shown = if marked.len() > bare.len() { After::Nothing } else { after };
        let end = self.end(cue, Next::None);
        self.begins = after == After::Stop || cue.words.last().is_some_and(|w| ends_sentence(w.text()));
        if let Some(cue) = self.cues.back_mut() {
            cue.after = after_shown;
            cue.state = State::Closed;
            cue.end_micros = end;
        }
        self.publish_last(out);
    }

    fn publish_last(&mut self, out: &mut Vec<Cue>) {
        if let Some(n) = self.cues.len().checked_sub(1) {
            self.publish(n, out);
        }
    }

    fn publish(&mut self, n: usize, out: &mut Vec<Cue>) {
        let Some(held) = self.cues.get(n) else { return };
        let growing_end = held.last_end().max(held.start_micros + self.style.min_micros);
        let cue = Cue {
            id: held.id,
            start_micros: held.start_micros,
            end_micros: if held.state == State::Growing { growing_end } else { held.end_micros },
            lines: self.lines(&held.words, held.begins, held.after),
            language: self.language.clone(),
            is_final: held.state == State::Final,
        };
        if held.shown.as_ref() != Some(&cue)
            && let Some(held) = self.cues.get_mut(n)
        {
            held.shown = Some(cue.clone());
            out.push(cue);
        }
    }

    fn words_behind_first(&self) -> usize {
        self.cues.iter().skip(1).map(|c| c.words.len()).sum()
    }
}

impl Held {
    fn last_end(&self) -> i64 {
        self.words.last().map_or(self.start_micros, Word::end_micros)
    }
}

/// All cues of a recording's words.
#[must_use]
pub fn recorded(words: &[Word], style: CaptionStyle, language: &Language, glossary: Arc<Glossary>) -> Vec<Cue> {
    let mut segmenter = Segmenter::new(style, language.clone(), glossary, Start::default());
    let (mut out, mut cues) = (Vec::new(), Vec::new());
    for word in words {
        segmenter.append(word.clone(), &mut out);
        cues.extend(out.drain(..).filter(|c| c.is_final));
        if segmenter.cues.len() > 1 {
            segmenter.cues.pop_front();
        }
    }
    segmenter.finish(&mut out);
    cues.extend(out.into_iter().filter(|c| c.is_final));
    cues
}
