//! A live's captions: sound to the caption engine, what it hears to viewers and to the recording, a language at a time.
//!
//! Promises: nothing here can hold up the live. Without an engine or a model there are no captions, and health says what to do. What an
//! engine loses is a stretch of words; the segments of a language go on beside the source's.

use super::status::{Finding, Level};
use super::subtitles;
use super::timeline::{CaptionList, Timeline};
use crate::archive::load::Loaded;
use crate::archive::writer::Recording;
use crate::clock;
use bytes::Bytes;
use media::caption::Cue;
use media::caption::glossary::Glossary;
use media::caption::language::Language;
use media::caption::record::{self, Kept, Record};
use media::caption::track::{CaptionTrack, Info, Published, Said};
use media::codec::aac::Aac;
use media::origin::entry::Segment;
use media::origin::playlist::Playlist;
use media::segment::Rules;
use media::segment::boundary::Placed;
use media::time::WallTime;
use media::track::{Kind, Parameters};
use pipelines::captioner::{CaptionRequest, Captioner, Event, HypothesisOutput, SoundInput};
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

/// Records that wait for the disk: an hour of speech is some 500 kB.
const MAX_UNKEPT_BYTES: usize = 4 << 20;

/// What lives are captioned with. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Captions {
    /// The engine's handle; `None`: captions are turned off.
    pub captioner: Option<Captioner>,
    /// The languages to caption, and what is said to who asks why one is not.
    pub languages: Arc<BTreeMap<Language, Model>>,
}

/// Whether a language has a model on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Model {
    /// In this folder.
    Installed(PathBuf),
    /// None: what to type.
    Missing(String),
}

impl Captions {
    /// None at all.
    #[must_use]
    pub fn off() -> Self {
        Self { captioner: None, languages: Arc::default() }
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Captioning {
    slug: String,
    captions: Captions,
    audio: Option<Arc<Aac>>,
    tracks: Vec<Track>,
}

#[derive(Debug)]
struct Track {
    language: Language,
    track: CaptionTrack,
    /// The session of the contribution that is on line.
    session: Option<Session>,
    shown: Option<(Playlist, Arc<CaptionList>)>,
    /// Why nothing is heard at the moment.
    trouble: Option<String>,
    /// Records that wait for a recording to begin.
    unkept: Vec<u8>,
    dropped_micros: u64,
}

#[derive(Debug)]
struct Session {
    /// `None`: what came is heard to its end.
    input: Option<SoundInput>,
    output: HypothesisOutput,
}

/// What an engine said about which language; `None`: the session has ended.
#[derive(Debug)]
pub(super) struct Heard(usize, Option<Event>);

/// What came of it: for the page's event stream, and for the playlists.
#[derive(Debug, Default)]
pub(super) struct News {
    /// Segments, by track.
    segments: Vec<(usize, Published)>,
}

impl Captioning {
    pub(super) fn new(slug: &str, captions: Captions) -> Self {
        let usable = captions.captioner.is_some();
        let languages = captions.languages.iter().filter(|(_, model)| usable && matches!(model, Model::Installed(_)));
        let tracks = languages.map(|(language, _)| Track::new(language, None)).collect();
        Self { slug: slug.to_owned(), captions, audio: None, tracks }
    }

    /// Viewers are shown that there are captions: the first segment follows when the source's has ended.
    pub(super) fn appear(&mut self, timeline: &Timeline, terms: Terms) {
        self.tracks.iter_mut().for_each(|track| track.appear(timeline, terms, &[], &[]));
    }

    /// Goes on with a live that a stop interrupted, and with what was kept of what was said.
    pub(super) fn resume(&mut self, kept: &[Kept], loaded: &Loaded, timeline: &Timeline, terms: Terms) {
        let segments = loaded.tracks.values().next().map_or(&[][..], |lead| &lead.segments);
        for track in &mut self.tracks {
            let kept = kept.iter().find(|k| k.language == track.language);
            *track = Track::new(&track.language, kept);
            track.appear(timeline, terms, segments, kept.map_or(&[], |k| &k.cues));
        }
    }

    /// Takes what the segmenter placed.
    pub(super) fn feed(&mut self, placed: &[Placed], recording: Option<&Recording>) -> News {
        let mut news = News::default();
        for one in placed {
            if let Placed::Parameters(Parameters::Audio(aac)) = one {
                self.audio = Some(Arc::clone(aac));
                self.begin(aac);
            }
            for (n, track) in self.tracks.iter_mut().enumerate() {
                if let Some(input) = track.session.as_ref().and_then(|s| s.input.as_ref()) {
                    match (one, &self.audio) {
                        (Placed::Frame(frame), Some(aac)) if frame.kind == Kind::Audio => {
                            input.frame(frame.pts.rescale(aac.timescale()).ticks(), frame.payload.clone());
                        }
                        (Placed::SpanEnd(_), _) => input.discontinuity(),
                        _ => {}
                    }
                }
                let mut said = Vec::new();
                track.track.placed(one, &mut said);
                track.take(n, &self.slug, said, recording, &mut news);
            }
        }
        news
    }

    /// The sound has a configuration: sessions begin, or go on with it.
    fn begin(&mut self, aac: &Arc<Aac>) {
        let Some(captioner) = &self.captions.captioner else { return };
        for track in &mut self.tracks {
            let session = track.session.take().filter(|s| s.input.is_some()).unwrap_or_else(|| {
                let request = CaptionRequest { language: track.language.clone(), vocabulary: Vec::new() };
                let (input, output) = captioner.open(request);
                Session { input: Some(input), output }
            });
            if let Some(input) = &session.input {
                input.parameters(Arc::clone(aac));
            }
            track.session = Some(session);
        }
    }

    /// Waits for what the engine says. Never comes back when no session is open. Cancel-safe.
    pub(super) async fn hear(&mut self) -> Heard {
        poll_fn(|cx| {
            for (n, track) in self.tracks.iter_mut().enumerate() {
                if let Some(session) = &mut track.session
                    && let Poll::Ready(event) = pin!(session.output.next()).poll(cx)
                {
                    return Poll::Ready(Heard(n, event));
                }
            }
            Poll::Pending
        })
        .await
    }

    /// Whether a session may still say something.
    pub(super) fn is_heard(&self) -> bool {
        self.tracks.iter().any(|t| t.session.is_some())
    }

    /// Takes what the engine said.
    pub(super) fn heard(&mut self, heard: Heard, recording: Option<&Recording>) -> News {
        let mut news = News::default();
        let Heard(n, event) = heard;
        let Some(track) = self.tracks.get_mut(n) else { return news };
        let mut said = Vec::new();
        match event {
            None => {
                track.session = None;
                track.track.utterance_ends(&mut said);
                track.track.await_engine(false);
            }
            Some(Event::Ready { utterance_goes_on }) => {
                if !utterance_goes_on {
                    track.track.utterance_ends(&mut said);
                }
                track.trouble = None;
                track.track.await_engine(true);
            }
            Some(Event::Hypothesis { hypothesis, heard_until_micros }) => {
                track.track.heard(&hypothesis, heard_until_micros, &mut said);
            }
            Some(Event::Stats(_)) => track.tell_dropped(&self.slug),
            Some(Event::Lost { reason, .. }) => {
                tracing::warn!(broadcaster = %self.slug, language = track.language.tag(), %reason, "the caption engine was lost and is started again");
                track.trouble = Some(format!("the engine ended and is started again: {reason}"));
            }
            Some(Event::Unavailable { reason }) => {
                tracing::warn!(broadcaster = %self.slug, language = track.language.tag(), %reason, "no captions");
                track.trouble = Some(reason.to_string());
                track.track.utterance_ends(&mut said);
                track.track.await_engine(false);
            }
        }
        track.take(n, &self.slug, said, recording, &mut news);
        news
    }

    /// The contribution is over: what came is heard to its end.
    pub(super) fn close(&mut self) {
        for track in &mut self.tracks {
            if let Some(session) = &mut track.session {
                session.input = None;
            }
        }
    }

    /// Sessions have ended, or had their time: what there is, is published.
    pub(super) fn finish(&mut self, recording: Option<&Recording>) -> News {
        let mut news = News::default();
        self.audio = None;
        for (n, track) in self.tracks.iter_mut().enumerate() {
            track.session = None;
            let mut said = Vec::new();
            track.track.finish(&mut said);
            track.track.await_engine(false);
            track.take(n, &self.slug, said, recording, &mut news);
        }
        news
    }

    /// Tells viewers.
    pub(super) fn publish(&mut self, news: News) {
        for (n, published) in news.segments {
            if let Some(track) = self.tracks.get_mut(n) {
                track.publish(published);
            }
        }
    }

    /// The engine is tried again, and models that it could not load.
    pub(super) fn retry(&self) {
        if let Some(captioner) = &self.captions.captioner {
            captioner.reset();
        }
    }

    /// Nothing more comes.
    pub(super) fn end(&mut self) {
        for track in &mut self.tracks {
            if let Some((playlist, list)) = &mut track.shown {
                playlist.end();
                list.show(playlist.snapshot());
            }
        }
    }

    /// What an operator should know.
    pub(super) fn findings(&self) -> Vec<Finding> {
        let missing = self.captions.languages.iter().filter_map(|(language, model)| match model {
            Model::Missing(advice) => Some((language.tag(), advice.clone())),
            Model::Installed(_) => None,
        });
        let missing = missing.map(|(tag, advice)| Finding {
            level: Level::Notice,
            code: "captions_no_model",
            message: format!("There are no captions in {tag}: {advice}."),
        });
        let troubled = self.tracks.iter().filter_map(|track| {
            let message = format!("There are no captions in {}: {}.", track.language.tag(), track.trouble.as_ref()?);
            Some(Finding { level: Level::Warning, code: "captions_unavailable", message })
        });
        let slow = self.tracks.iter().filter(|t| t.dropped_micros > 0).map(|track| Finding {
            level: Level::Warning,
            code: "captions_slow",
            message: format!(
                "Captions in {} lack {:.1} s of sound: the engine was too slow. Caption fewer lives or languages at once.",
                track.language.tag(),
                std::time::Duration::from_micros(track.dropped_micros).as_secs_f64()
            ),
        });
        missing.chain(troubled).chain(slow).collect()
    }
}

/// What the playlists of captions share with the source's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    pub(super) rules: Rules,
    pub(super) first_msn: u64,
    pub(super) first_discontinuity: u64,
    pub(super) window_micros: i64,
}

impl Track {
    fn new(language: &Language, kept: Option<&Kept>) -> Self {
        Self {
            language: language.clone(),
            track: CaptionTrack::new(language, Arc::new(Glossary::default()), kept),
            session: None,
            shown: None,
            trouble: None,
            unkept: Vec::new(),
            dropped_micros: 0,
        }
    }

    /// Keeps it, tells pages of it, and puts segments aside for the playlists.
    fn take(&mut self, n: usize, slug: &str, said: Vec<Said>, recording: Option<&Recording>, news: &mut News) {
        for one in said {
            match one {
                Said::Splice(splice) => self.keep(&Record::Splice(splice)),
                Said::Cue(cue, date) => {
                    self.tell(&cue, date, slug);
                    self.keep(&Record::Cue(cue));
                }
                Said::Segment(published) => news.segments.push((n, published)),
            }
        }
        if let Some(recording) = recording.filter(|_| !self.unkept.is_empty()) {
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

    fn tell(&self, cue: &Cue, date: WallTime, slug: &str) {
        if let Some((_, list)) = &self.shown {
            list.tell(cue, date);
        }
        let end = date.plus_micros(cue.end_micros - cue.start_micros);
        if !cue.is_final && !cue.lines.is_empty() {
            let lag = clock::now().since(end);
            metrics::histogram!("amphi_captions_lag_seconds", "broadcaster" => slug.to_owned(), "language" => self.language.tag().to_owned()).record(lag);
        }
    }

    fn tell_dropped(&mut self, slug: &str) {
        let Some(input) = self.session.as_ref().and_then(|s| s.input.as_ref()) else { return };
        let dropped = input.dropped_micros();
        if let Some(more) = dropped.checked_sub(self.dropped_micros).filter(|more| *more > 0) {
            metrics::counter!("amphi_captions_dropped_microseconds_total", "broadcaster" => slug.to_owned(), "language" => self.language.tag().to_owned()).increment(more);
        }
        self.dropped_micros = dropped;
    }

    /// Viewers are shown a list, with what lies behind.
    fn appear(&mut self, timeline: &Timeline, terms: Terms, segments: &[Segment], cues: &[Cue]) {
        let Terms { rules, first_msn, first_discontinuity, window_micros } = terms;
        let mut playlist = Playlist::of_captions(rules, first_msn, first_discontinuity, window_micros);
        subtitles::list(&mut playlist, segments, cues);
        let list = timeline.add_captions(&self.language, playlist.snapshot());
        self.shown = Some((playlist, list));
    }

    fn publish(&mut self, published: Published) {
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
}
