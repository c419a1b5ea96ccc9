//! One language of a live's captions: its session with an engine, what is kept of what is said, and what viewers see of it.

use super::super::admission::{Admission, NoRoom, Ticket};
use super::super::caption_list::CaptionList;
use super::super::captions::{Call, Captions, Engine, Wish};
use super::super::subtitles;
use super::super::timeline::Timeline;
use super::excerpt::Excerpt;
use super::hearing::Hearing;
use super::{News, Terms, sound};
use crate::archive::writer::Recording;
use crate::clock;
use crate::live::status::{Finding, Loudness};
use bytes::Bytes;
use media::caption::Cue;
use media::caption::language::Language;
use media::caption::record::{self, Kept, Record};
use media::caption::track::{CaptionTrack, Info, Published, Said};
use media::caption::vocabulary::Vocabulary;
use media::codec::aac::Aac;
use media::origin::entry::Segment;
use media::origin::playlist::Playlist;
use media::segment::boundary::Placed;
use media::time::WallTime;
use pipelines::captioner::{Event, HypothesisOutput, SoundInput};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// Records that wait for the disk: an hour of speech is some 500 kB.
const MAX_UNKEPT_BYTES: usize = 4 << 20;

/// Where words are kept.
#[derive(Clone, Copy, Debug)]
pub(in crate::live) enum Keep<'a> {
    /// In a recording that is about to begin.
    Later,
    /// In this one.
    In(&'a Recording),
    /// The live is not recorded.
    Nowhere,
}

/// See the module.
#[derive(Debug)]
pub(super) struct Track {
    pub(super) language: Language,
    track: CaptionTrack,
    wish: Wish,
    /// How names are written.
    names: Vocabulary,
    /// The session of the contribution that is on line.
    session: Option<Session>,
    shown: Option<(Playlist, Arc<CaptionList>)>,
    /// Why nothing is heard at the moment.
    trouble: Option<String>,
    /// Of a session that begins with the sound, which may come after the pictures.
    reserved: Option<Ticket>,
    /// Nothing is heard before there is room for it.
    no_room: Option<NoRoom>,
    /// What the recording has of the transcript.
    excerpt: Excerpt,
    /// Records that wait for a recording to begin.
    unkept: Vec<u8>,
    hearing: Hearing,
    /// From the end of the last words to viewers told of them.
    pub(super) lag: Option<Duration>,
    /// Of the sound that is heard.
    pub(super) loudness: Option<Loudness>,
}

#[derive(Debug)]
struct Session {
    /// `None`: what came is heard to its end.
    input: Option<SoundInput>,
    output: HypothesisOutput,
    opened: Call,
    engine: Arc<Engine>,
    ticket: Ticket,
}

impl Track {
    /// A new one, or one that goes on after what is `kept`. Nobody hears it before [`Self::follow`] says by what.
    pub(super) fn new(slug: &str, language: &Language, names: Vocabulary, kept: Option<&Kept>) -> Self {
        let mut track = Self {
            language: language.clone(),
            track: CaptionTrack::new(language, Arc::new(names.glossary()), kept),
            wish: Wish::Unwanted,
            names: kept.map_or_else(Vocabulary::default, |kept| kept.names.clone()),
            session: None,
            shown: None,
            trouble: None,
            reserved: None,
            no_room: None,
            excerpt: Excerpt::new(kept.map_or(0, |kept| kept.words.len() as u64)),
            unkept: Vec::new(),
            hearing: Hearing::new(slug, language),
            lag: None,
            loudness: None,
        };
        track.spell(names);
        track
    }

    /// Names are written so from here on, and in all of it when the recording is read.
    fn spell(&mut self, names: Vocabulary) {
        if names != self.names {
            self.track.respell(Arc::new(names.glossary()));
            self.keep(&Record::Vocabulary(names.clone()));
            self.names = names;
        }
    }

    /// A recording begins in the middle of the live: it has what is said from here on, and how names are written.
    pub(super) fn begin_recording(&mut self) {
        self.excerpt.begin();
        self.unkept.clear();
        if !self.names.is_empty() {
            self.keep(&Record::Vocabulary(self.names.clone()));
        }
    }

    /// By what it is to be heard from now on, and how names are written. A session that does what is wished goes on; one that does not is
    /// replaced by another when there is sound (`audio`).
    pub(super) fn follow(
        &mut self,
        wish: Wish,
        names: Vocabulary,
        captions: &Captions,
        admission: &Admission,
        audio: Option<&Arc<Aac>>,
    ) -> Vec<Said> {
        let mut said = Vec::new();
        if wish != Wish::Unwanted {
            self.spell(names);
        }
        if !matches!(wish, Wish::By(_)) {
            (self.reserved, self.no_room) = (None, None);
        }
        self.wish = wish;
        if self.stands() {
            return said;
        }
        if self.session.take().is_some() {
            self.track.utterance_ends(&mut said);
            self.track.await_engine(false);
            self.trouble = None;
        }
        if let Some(aac) = audio {
            self.begin(captions, admission, aac);
        }
        said
    }

    /// Whether its session, or that there is none, is what is wished.
    fn stands(&self) -> bool {
        match (&self.session, &self.wish) {
            (None, Wish::By(_)) => false,
            (None, Wish::Unwanted | Wish::NoModel) => true,
            // The contribution is over.
            (Some(Session { input: None, .. }), _) => true,
            (Some(_), Wish::Unwanted) => false,
            // A model that was removed hears on while it is in memory.
            (Some(_), Wish::NoModel) => true,
            // One that was installed again is for the next session, unless this one fails.
            (Some(session), Wish::By(call)) => {
                session.opened.phrases == call.phrases && (self.trouble.is_none() || session.opened.model == call.model)
            }
        }
    }

    /// The sound has a configuration: a session goes on with it, or begins if there is room.
    pub(super) fn begin(&mut self, captions: &Captions, admission: &Admission, aac: &Arc<Aac>) {
        let open = self.session.take().filter(|session| session.input.is_some());
        let session = match (open, &self.wish) {
            (Some(session), _) => session,
            (None, Wish::By(call)) => {
                let ticket = match self.reserved.take().map_or_else(|| admission.admit(call.cores()), Ok) {
                    Ok(ticket) => ticket,
                    Err(no_room) => {
                        if self.no_room.replace(no_room).is_none() {
                            self.hearing.refused();
                        }
                        return;
                    }
                };
                let (input, output, engine) = captions.open(call);
                (self.trouble, self.no_room) = (None, None);
                self.hearing.session_begins();
                Session { input: Some(input), output, opened: call.clone(), engine, ticket }
            }
            (None, Wish::Unwanted | Wish::NoModel) => return,
        };
        if let Some(input) = &session.input {
            input.parameters(Arc::clone(aac));
        }
        self.session = Some(session);
    }

    /// A contribution begins: its sound will be heard if there is room, which is not for its ladder then.
    pub(super) fn reserve(&mut self, admission: &Admission) {
        if let (None, Wish::By(call)) = (&self.session, &self.wish) {
            self.reserved = admission.admit(call.cores()).ok();
        }
    }

    /// There is no sound.
    pub(super) fn give_back(&mut self) {
        self.reserved = None;
    }

    /// Takes what the segmenter placed; `audio` is the sound's configuration.
    pub(super) fn placed(&mut self, placed: &Placed, audio: Option<&Arc<Aac>>) -> Vec<Said> {
        if let Some(input) = self.session.as_ref().and_then(|s| s.input.as_ref()) {
            sound(input, placed, audio);
            if matches!(placed, Placed::Boundary(_)) {
                self.hearing.lost(input.lost(), Instant::now());
            }
        }
        let mut said = Vec::new();
        self.track.placed(placed, &mut said);
        said
    }

    /// What the engine says; `Ready(None)`: the session has ended. Pending for ever when none is open. Cancel-safe.
    pub(super) fn poll_hear(&mut self, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        match &mut self.session {
            Some(session) => session.output.poll_next(cx),
            None => Poll::Pending,
        }
    }

    /// Whether what comes is heard, or will be in a moment.
    pub(super) fn hears(&self) -> bool {
        self.session.as_ref().is_some_and(|session| session.input.is_some()) && self.trouble.is_none()
    }

    /// Whether a session may still say something.
    pub(super) fn is_heard(&self) -> bool {
        self.session.is_some()
    }

    /// Takes what the engine said.
    pub(super) fn heard(&mut self, event: Option<Event>, slug: &str) -> Vec<Said> {
        let mut said = Vec::new();
        match event {
            None => {
                self.session = None;
                self.track.utterance_ends(&mut said);
                self.track.await_engine(false);
            }
            Some(Event::Ready { utterance_goes_on }) => {
                if !utterance_goes_on {
                    self.track.utterance_ends(&mut said);
                }
                self.trouble = None;
                self.hearing.engine_begins();
                self.track.await_engine(true);
            }
            Some(Event::Hypothesis { hypothesis, heard_until_micros }) => {
                self.hearing.heard(&hypothesis);
                self.track.heard(&hypothesis, heard_until_micros, &mut said);
            }
            Some(Event::Stats(stats)) => {
                self.loudness = Loudness::of(stats);
                let cores = self.hearing.counted(stats, Instant::now());
                if let Some((session, cores)) = self.session.as_ref().zip(cores) {
                    session.ticket.measured(cores);
                }
            }
            Some(Event::Lost { reason, .. }) => {
                tracing::warn!(broadcaster = %slug, language = self.language.tag(), %reason, "the caption engine was lost and is started again");
                self.trouble = Some(format!("the engine ended and is started again: {reason}"));
                self.hearing.engine_begins();
                self.loudness = None;
            }
            Some(Event::Unavailable { reason }) => {
                tracing::warn!(broadcaster = %slug, language = self.language.tag(), %reason, "no captions");
                self.trouble = Some(reason.to_string());
                self.hearing.engine_begins();
                self.loudness = None;
                self.track.utterance_ends(&mut said);
                self.track.await_engine(false);
            }
        }
        said
    }

    /// The contribution is over: what came is heard to its end.
    pub(super) fn close(&mut self) {
        self.reserved = None;
        if let Some(input) = self.session.as_mut().and_then(|session| session.input.take()) {
            self.hearing.lost(input.lost(), Instant::now());
        }
        self.loudness = None;
    }

    /// The session has ended, or had its time: what there is, is published.
    pub(super) fn finish(&mut self) -> Vec<Said> {
        (self.session, self.reserved, self.no_room) = (None, None, None);
        self.hearing.engine_begins();
        let mut said = Vec::new();
        self.track.finish(&mut said);
        self.track.await_engine(false);
        said
    }

    /// Its engine is tried again.
    pub(super) fn retry(&self) {
        if let Some(session) = &self.session {
            session.engine.retry();
        }
    }

    /// Why it has no captions at the moment, unless it is for lack of a model.
    pub(super) fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref().filter(|_| self.wish != Wish::NoModel)
    }

    /// What there is not room for.
    pub(super) fn no_room(&self) -> Option<NoRoom> {
        self.no_room
    }

    /// Nobody hears it for lack of a model.
    pub(super) fn lacks_model(&self) -> bool {
        self.wish == Wish::NoModel && (self.session.is_none() || self.trouble.is_some())
    }

    /// The model that can't be kept to a vocabulary.
    pub(super) fn unkept_by(&self) -> Option<&str> {
        match &self.wish {
            Wish::By(call) if !call.model.takes_vocabulary && !self.names.is_empty() => Some(&call.model.name),
            Wish::By(_) | Wish::NoModel | Wish::Unwanted => None,
        }
    }

    /// What an operator should know of how well it is heard.
    pub(super) fn hearing(&self, now: Instant) -> Vec<Finding> {
        self.hearing.findings(&self.language, now)
    }

    /// Keeps it, tells pages of it, and puts segments aside for the playlists.
    pub(super) fn take(&mut self, n: usize, slug: &str, said: Vec<Said>, keep: Keep<'_>, news: &mut News) {
        for one in said {
            match one {
                Said::Splice(splice) => {
                    if let Some(splice) = self.excerpt.place(splice) {
                        self.keep(&Record::Splice(splice));
                    }
                }
                Said::Cue(cue, date) => {
                    self.tell(&cue, date, slug);
                    self.keep(&Record::Cue(cue));
                }
                Said::Segment(published) => news.segments.push((n, published)),
            }
        }
        let recording = match keep {
            Keep::Later => return,
            Keep::Nowhere => return self.unkept.clear(),
            Keep::In(recording) => recording,
        };
        if !self.unkept.is_empty() {
            let records = Bytes::from(std::mem::take(&mut self.unkept));
            if !recording.caption(&self.language, records.clone()) {
                // The disk is too far behind: the next time.
                if records.len() > MAX_UNKEPT_BYTES {
                    tracing::error!(broadcaster = %slug, language = self.language.tag(), "what was said is not kept: the disk is too far behind");
                } else {
                    self.unkept = records.into();
                }
            }
        }
    }

    fn keep(&mut self, record: &Record) {
        // A record that is too large is none that a reader would take.
        let _ = record::write(record, &mut self.unkept);
    }

    fn tell(&mut self, cue: &Cue, date: WallTime, slug: &str) {
        if let Some((_, list)) = &self.shown {
            list.tell(cue, date);
        }
        let end = date.plus_micros(cue.end_micros - cue.start_micros);
        if !cue.is_final && !cue.lines.is_empty() {
            let lag = clock::now().since(end);
            metrics::histogram!("amphi_captions_lag_seconds", "broadcaster" => slug.to_owned(), "language" => self.language.tag().to_owned()).record(lag);
            self.lag = Some(lag);
        }
    }

    /// Viewers are shown a list, with what lies behind.
    pub(super) fn appear(&mut self, timeline: &Timeline, terms: Terms, segments: &[Segment], cues: &[Cue]) {
        let Terms { rules, first_msn, first_discontinuity, window_micros } = terms;
        let mut playlist = Playlist::of_captions(rules, first_msn, first_discontinuity, window_micros);
        subtitles::list(&mut playlist, segments, cues);
        let list = timeline.add_captions(&self.language, None, playlist.snapshot());
        self.shown = Some((playlist, list));
    }

    /// Viewers are shown a segment more.
    pub(super) fn publish(&mut self, published: Published) {
        let Published { info: Info { msn, discontinuity, program_date_time }, start_micros, duration_micros, text } =
            published;
        let Some((playlist, list)) = &mut self.shown else { return };
        playlist.add_segment(Segment {
            msn,
            discontinuity,
            init: 0,
            program_date_time,
            start_micros,
            duration_micros,
            bytes: u32::try_from(text.len()).unwrap_or(u32::MAX),
            samples: 0,
            location: None,
            keyframes: Box::default(),
            parts: Box::default(),
            media: text,
        });
        list.show(playlist.snapshot());
    }

    /// Nothing more comes.
    pub(super) fn end(&mut self) {
        if let Some((playlist, list)) = &mut self.shown {
            playlist.end();
            list.show(playlist.snapshot());
        }
    }
}
