//! The sessions that are open, and what the engine is to be told of them next. No IO.

use super::events::Events;
use super::sound::{Lost, Sound};
use super::{Event, Reason};
use crate::message::ToCaptioner;
use media::caption::language::Language;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Where a session stands with the engine that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// It is to be opened.
    New,
    /// Its sound is sent.
    Open,
    /// Its end was sent.
    Closing,
    /// It can't be captioned until something changes.
    Refused,
}

#[derive(Debug)]
struct Session {
    language: Language,
    vocabulary: Arc<[String]>,
    sound: Sound,
    state: State,
    input_ended: bool,
    /// An engine has heard it before.
    was_open: bool,
    events: Arc<Events>,
}

/// All of them, by number; numbers only grow.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    open: BTreeMap<u32, Session>,
    last_number: u32,
    /// Whose turn was last.
    turn: u32,
    /// Those that have a model.
    languages: BTreeSet<Language>,
    unusable: BTreeMap<Language, Unusable>,
}

/// A language that can't be captioned.
#[derive(Clone, Debug)]
struct Unusable {
    reason: Reason,
    /// Its model ends engines: it is not given to another one.
    is_fatal: bool,
}

impl Sessions {
    /// For these languages.
    pub(super) fn new(languages: BTreeSet<Language>) -> Self {
        Self { languages, ..Self::default() }
    }

    pub(super) fn add(&mut self, language: Language, vocabulary: Vec<String>, events: Arc<Events>) -> u32 {
        self.last_number += 1;
        let session = Session {
            language,
            vocabulary: vocabulary.into(),
            sound: Sound::default(),
            state: State::New,
            input_ended: false,
            was_open: false,
            events,
        };
        let reason = self.objection(&session.language);
        self.open.insert(self.last_number, session);
        if let Some(reason) = reason {
            self.refuse(self.last_number, reason);
        }
        self.last_number
    }

    /// Why the language can't be captioned.
    fn objection(&self, language: &Language) -> Option<Reason> {
        if !self.languages.contains(language) {
            return Some(format!("no model hears {}: install one", language.tag()).into());
        }
        self.unusable.get(language).map(|u| u.reason.clone())
    }

    pub(super) fn sound(&mut self, number: u32) -> Option<&mut Sound> {
        self.open.get_mut(&number).map(|s| &mut s.sound)
    }

    pub(super) fn lost(&self, number: u32) -> Lost {
        self.open.get(&number).map_or_else(Lost::default, |s| s.sound.lost())
    }

    /// No sound follows.
    pub(super) fn input_ended(&mut self, number: u32) {
        if let Some(session) = self.open.get_mut(&number) {
            session.input_ended = true;
            if session.state == State::Refused {
                self.remove(number);
            }
        }
    }

    /// Nobody takes what it says.
    pub(super) fn unheard(&mut self, number: u32) {
        if let Some(session) = self.open.get_mut(&number) {
            session.sound.mute();
        }
        self.input_ended(number);
    }

    fn remove(&mut self, number: u32) {
        if let Some(session) = self.open.remove(&number) {
            session.events.end();
        }
    }

    /// Whether there is work for an engine.
    pub(super) fn wants_engine(&self) -> bool {
        self.open.values().any(|s| s.state != State::Refused)
    }

    /// A new engine begins, with the models of all languages but those that it gives back: all are to be opened. `again`: with the
    /// sound that is kept.
    pub(super) fn begin(&mut self, again: bool) -> BTreeSet<Language> {
        self.unusable.retain(|_, u| u.is_fatal);
        for session in self.open.values_mut() {
            if self.languages.contains(&session.language) && !self.unusable.contains_key(&session.language) {
                if session.state != State::New {
                    session.sound.begin(again);
                }
                session.state = State::New;
            }
        }
        self.unusable.keys().cloned().collect()
    }

    /// What the engine is to be told next, each session in its turn.
    pub(super) fn take(&mut self) -> Option<ToCaptioner> {
        let after = self.open.range(self.turn.saturating_add(1)..).map(|(n, _)| *n);
        let numbers: Vec<u32> = after.chain(self.open.range(..=self.turn).map(|(n, _)| *n)).collect();
        for number in numbers {
            let Some(session) = self.open.get_mut(&number) else { continue };
            let message = match session.state {
                State::New => {
                    session.state = State::Open;
                    Some(ToCaptioner::Open {
                        session: number,
                        language: session.language.clone(),
                        vocabulary: session.vocabulary.to_vec(),
                    })
                }
                State::Open => session.sound.take(number).or_else(|| {
                    session.input_ended.then(|| {
                        session.state = State::Closing;
                        ToCaptioner::Close { session: number }
                    })
                }),
                State::Closing | State::Refused => None,
            };
            if message.is_some() {
                self.turn = number;
                return message;
            }
        }
        None
    }

    /// It can't be captioned.
    pub(super) fn refuse(&mut self, number: u32, reason: Reason) {
        let Some(session) = self.open.get_mut(&number) else { return };
        session.state = State::Refused;
        session.sound.mute();
        session.events.put(Event::Unavailable { reason });
        if session.input_ended {
            self.remove(number);
        }
    }

    /// None can be captioned.
    pub(super) fn refuse_all(&mut self, reason: &Reason) {
        let numbers: Vec<u32> = self.open.iter().filter(|(_, s)| s.state != State::Refused).map(|(n, _)| *n).collect();
        for number in numbers {
            self.refuse(number, reason.clone());
        }
    }

    /// The language can't be captioned. `is_fatal`: its model has ended an engine.
    pub(super) fn refuse_language(&mut self, language: Language, reason: Reason, is_fatal: bool) {
        let numbers: Vec<u32> = self.open.iter().filter(|(_, s)| s.language == language).map(|(n, _)| *n).collect();
        for number in numbers {
            self.refuse(number, reason.clone());
        }
        self.unusable.insert(language, Unusable { reason, is_fatal });
    }

    /// Those that were refused are tried again. True when models have to be loaded for that.
    pub(super) fn retry(&mut self) -> bool {
        for session in self.open.values_mut() {
            if session.state == State::Refused && self.languages.contains(&session.language) {
                session.sound.begin(false);
                session.state = State::New;
            }
        }
        !std::mem::take(&mut self.unusable).is_empty()
    }

    pub(super) fn opened(&mut self, number: u32) {
        if let Some(session) = self.open.get_mut(&number) {
            let utterance_goes_on = std::mem::replace(&mut session.was_open, true) && !session.sound.is_torn();
            session.events.put(Event::Ready { utterance_goes_on });
        }
    }

    /// Languages that can't be captioned, and why.
    pub(super) fn unusable(&self) -> BTreeMap<Language, Reason> {
        self.unusable.iter().map(|(language, u)| (language.clone(), u.reason.clone())).collect()
    }

    pub(super) fn tell(&self, number: u32, event: Event) {
        if let Some(session) = self.open.get(&number) {
            session.events.put(event);
        }
    }

    pub(super) fn tell_all(&self, event: &Event) {
        for session in self.open.values().filter(|s| s.state != State::Refused) {
            session.events.put(event.clone());
        }
    }

    /// An utterance was concluded.
    pub(super) fn concluded(&mut self, number: u32, heard_until_micros: i64) {
        if let Some(sound) = self.sound(number) {
            sound.concluded(heard_until_micros);
        }
    }

    /// The engine has said all of it.
    pub(super) fn closed(&mut self, number: u32) {
        if self.open.get(&number).is_some_and(|s| s.state == State::Closing) {
            self.remove(number);
        }
    }

    /// Nothing follows, for all.
    pub(super) fn end(&mut self) {
        for number in self.open.keys().copied().collect::<Vec<_>>() {
            self.remove(number);
        }
    }

    pub(super) fn count(&self) -> usize {
        self.open.values().filter(|s| s.state != State::Refused).count()
    }
}
