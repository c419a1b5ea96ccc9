//! A live's captions: sound to the caption engines, what they hear to viewers and to the recording, a language at a time ([`track`]).
//!
//! Promises: nothing here can hold up the live. Without an engine or a model there are no captions, and health says what to do. What an
//! engine loses is a stretch of words; the segments of a language go on beside the source's. What changes while it is on air (models, languages,
//! names) is taken up by [`Captioning::follow`]: a language that begins late has the source's segments from the first that is listed,
//! one that is no longer wanted falls silent. While nothing hears the sound, it is measured all the same ([`meter`]).

mod excerpt;
mod hearing;
mod meter;
#[cfg(test)]
mod tests;
mod track;

use super::admission::{Admission, NoRoom};
use super::captions::{Captions, Offer, Wish};
use super::status::{Finding, Level, Loudness};
use super::timeline::Timeline;
use crate::archive::load::Loaded;
use crate::catalogue::captions::CaptionSettings;
use crate::models::Models;
use media::caption::language::Language;
use media::caption::record::Kept;
use media::caption::track::Published;
use media::codec::aac::Aac;
use media::segment::Rules;
use media::segment::boundary::{Boundary, Placed};
use media::track::{Kind, Parameters};
use meter::{Meter, Quiet};
use pipelines::captioner::{Event, SoundInput};
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};
pub(super) use track::Keep;
use track::Track;

/// See the module.
#[derive(Debug)]
pub(super) struct Captioning {
    slug: String,
    captions: Captions,
    admission: Admission,
    settings: CaptionSettings,
    /// What was offered when it was last looked.
    offer: Arc<Offer>,
    /// There may be something to take up, whatever is offered.
    stale: bool,
    audio: Option<Arc<Aac>>,
    /// How the segment that goes on began.
    open: Option<Boundary>,
    /// What viewers see, once they see anything.
    shown: Option<(Arc<Timeline>, Terms)>,
    tracks: Vec<Track>,
    /// While none of them hears the sound.
    meter: Option<Meter>,
    quiet: Quiet,
}

/// What an engine said; `None`: the session has ended.
#[derive(Debug)]
pub(super) struct Heard(Session, Option<Event>);

/// Whose session it is.
#[derive(Clone, Copy, Debug)]
enum Session {
    /// Of the language of this track.
    Track(usize),
    Meter,
}

/// What came of it: for the page's event stream, and for the playlists.
#[derive(Debug, Default)]
pub(super) struct News {
    /// Segments, by track.
    segments: Vec<(usize, Published)>,
}

/// What the playlists of captions share with the source's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    pub(super) rules: Rules,
    pub(super) first_msn: u64,
    pub(super) first_discontinuity: u64,
    pub(super) window_micros: i64,
}

impl Captioning {
    pub(super) fn new(slug: &str, captions: Captions, admission: Admission, settings: CaptionSettings) -> Self {
        let offer = captions.offered();
        let mut captioning = Self {
            slug: slug.to_owned(),
            captions,
            admission,
            settings,
            offer,
            stale: false,
            audio: None,
            open: None,
            shown: None,
            tracks: Vec::new(),
            meter: None,
            quiet: Quiet::default(),
        };
        captioning.take_up(Keep::Later, &mut News::default());
        captioning
    }

    /// Viewers are shown that there are captions: the first segment follows when the source's has ended.
    pub(super) fn appear(&mut self, timeline: &Arc<Timeline>, terms: Terms) {
        self.shown = Some((Arc::clone(timeline), terms));
        self.tracks.iter_mut().for_each(|track| track.appear(timeline, terms, &[], &[]));
    }

    /// Goes on with a live that a stop interrupted, and with what was kept of what was said, also in languages that are wanted no more.
    pub(super) fn resume(&mut self, kept: &[Kept], loaded: &Loaded, timeline: &Arc<Timeline>, terms: Terms) {
        self.shown = Some((Arc::clone(timeline), terms));
        let segments = loaded.tracks.values().next().map_or(&[][..], |lead| &lead.segments);
        let mut languages: Vec<Language> = self.tracks.drain(..).map(|track| track.language).collect();
        let others = kept.iter().map(|kept| &kept.language).filter(|language| !languages.contains(language));
        let others: Vec<Language> = others.cloned().collect();
        languages.extend(others);
        for language in languages {
            let kept = kept.iter().find(|k| k.language == language);
            let names = match self.offer.wish(&self.settings, &language) {
                Wish::Unwanted => kept.map_or_else(Default::default, |k| k.names.clone()),
                Wish::NoModel | Wish::By(_) => self.offer.names(&self.settings, &language),
            };
            let mut track = Track::new(&self.slug, &language, names, kept);
            track.appear(timeline, terms, segments, kept.map_or(&[], |k| &k.cues));
            self.tracks.push(track);
        }
        self.take_up(Keep::Later, &mut News::default());
    }

    /// Takes what the segmenter placed.
    pub(super) fn feed(&mut self, placed: &[Placed], keep: Keep<'_>) -> News {
        let mut news = News::default();
        for one in placed {
            match one {
                Placed::Parameters(Parameters::Audio(aac)) => {
                    self.audio = Some(Arc::clone(aac));
                    self.tracks.iter_mut().for_each(|track| track.begin(&self.captions, &self.admission, aac));
                    self.meter.iter().for_each(|meter| meter.parameters(aac));
                    self.measure();
                }
                Placed::Boundary(boundary) if boundary.segment.is_some() => {
                    // Sound that is not there when the second segment begins may never come.
                    match (&self.audio, self.open.replace(boundary.clone())) {
                        (None, None) => self.tracks.iter_mut().for_each(|track| track.reserve(&self.admission)),
                        (None, Some(_)) => self.tracks.iter_mut().for_each(Track::give_back),
                        (Some(_), _) => {}
                    }
                }
                Placed::SpanEnd(_) => self.open = None,
                _ => {}
            }
            if let Some(meter) = &self.meter {
                meter.placed(one, self.audio.as_ref());
            }
            for (n, track) in self.tracks.iter_mut().enumerate() {
                let said = track.placed(one, self.audio.as_ref());
                track.take(n, &self.slug, said, keep, &mut news);
            }
        }
        news
    }

    /// A recording begins in the middle of the live: it has what is said from here on.
    pub(super) fn begin_recording(&mut self) {
        self.tracks.iter_mut().for_each(Track::begin_recording);
    }

    /// Its broadcaster has other settings. They are taken up by the next [`Self::follow`].
    pub(super) fn set(&mut self, settings: CaptionSettings) {
        self.stale |= settings != self.settings;
        self.settings = settings;
    }

    /// Takes up what is offered now, if it is something else, and looks whether there is room for what waits for it. Costs nothing otherwise.
    pub(super) fn follow(&mut self, keep: Keep<'_>) -> News {
        let mut news = News::default();
        let offer = self.captions.offered();
        let waits = self.tracks.iter().any(|track| track.no_room().is_some());
        if self.stale || waits || !Arc::ptr_eq(&offer, &self.offer) {
            self.offer = offer;
            self.take_up(keep, &mut news);
        }
        self.measure();
        news
    }

    /// Sound that no language hears is measured.
    fn measure(&mut self) {
        let audio = self.audio.as_ref().filter(|_| self.offer.measures && !self.tracks.iter().any(Track::hears));
        match audio {
            Some(aac) if self.meter.is_none() => self.meter = Meter::open(&self.captions, &self.admission, aac),
            Some(_) => {}
            None => self.meter = None,
        }
    }

    fn take_up(&mut self, keep: Keep<'_>, news: &mut News) {
        self.stale = false;
        for language in self.offer.wanted(&self.settings).to_vec() {
            let has_model = matches!(self.offer.wish(&self.settings, &language), Wish::By(_));
            if has_model && self.tracks.iter().all(|track| track.language != language) {
                match self.join(&language) {
                    Some(track) => self.tracks.push(track),
                    // The source's last segment is about to be told: the next time.
                    None => self.stale = true,
                }
            }
        }
        for (n, track) in self.tracks.iter_mut().enumerate() {
            let wish = self.offer.wish(&self.settings, &track.language);
            let names = self.offer.names(&self.settings, &track.language);
            let said = track.follow(wish, names, &self.captions, &self.admission, self.audio.as_ref());
            track.take(n, &self.slug, said, keep, news);
        }
    }

    /// A language that was not captioned so far, with a segment beside each of the source's; `None`: those are not all known yet.
    fn join(&self, language: &Language) -> Option<Track> {
        let mut track = Track::new(&self.slug, language, self.offer.names(&self.settings, language), None);
        if let Some((timeline, terms)) = &self.shown {
            let lead = timeline.renditions().iter().map(|r| r.snapshot()).find(|snapshot| !snapshot.is_empty());
            let segments: Vec<_> = lead.iter().flat_map(|lead| lead.segments().cloned()).collect();
            let next_msn = segments.last().map_or(terms.first_msn, |last| last.msn + 1);
            let open = self.open.as_ref().and_then(|boundary| boundary.segment);
            if open.is_some_and(|open| open.msn != next_msn) {
                return None;
            }
            let first_discontinuity =
                lead.as_ref().map_or(terms.first_discontinuity, |lead| lead.discontinuity_sequence());
            let first_msn = segments.first().map_or(terms.first_msn, |first| first.msn);
            let terms = Terms { first_msn, first_discontinuity, ..*terms };
            track.appear(timeline, terms, &segments, &[]);
        }
        if let Some(open) = &self.open {
            // Nothing comes of a beginning but that it is known.
            track.placed(&Placed::Boundary(open.clone()), None);
        }
        Some(track)
    }

    /// Waits for what the engines say. Never comes back when no session is open. Cancel-safe.
    pub(super) async fn hear(&mut self) -> Heard {
        poll_fn(|cx| {
            for (n, track) in self.tracks.iter_mut().enumerate() {
                if let Poll::Ready(event) = track.poll_hear(cx) {
                    return Poll::Ready(Heard(Session::Track(n), event));
                }
            }
            match &mut self.meter {
                Some(meter) => meter.poll_hear(cx).map(|event| Heard(Session::Meter, event)),
                None => Poll::Pending,
            }
        })
        .await
    }

    /// Whether a session may still say something.
    pub(super) fn is_heard(&self) -> bool {
        self.tracks.iter().any(Track::is_heard)
    }

    /// Takes what an engine said.
    pub(super) fn heard(&mut self, heard: Heard, keep: Keep<'_>) -> News {
        let mut news = News::default();
        let Heard(session, event) = heard;
        let measured = matches!(event, Some(Event::Stats(_)));
        match (session, event) {
            (Session::Track(n), event) => {
                if let Some(track) = self.tracks.get_mut(n) {
                    let said = track.heard(event, &self.slug);
                    track.take(n, &self.slug, said, keep, &mut news);
                }
            }
            (Session::Meter, Some(event)) => self.meter.iter_mut().for_each(|meter| meter.heard(&event)),
            (Session::Meter, None) => self.meter = None,
        }
        if measured {
            self.quiet.heard(self.loudness(), Instant::now());
        }
        news
    }

    /// The contribution is over: what came is heard to its end.
    pub(super) fn close(&mut self) {
        self.tracks.iter_mut().for_each(Track::close);
        (self.meter, self.quiet) = (None, Quiet::default());
    }

    /// Sessions have ended, or had their time: what there is, is published.
    pub(super) fn finish(&mut self, keep: Keep<'_>) -> News {
        let mut news = News::default();
        self.audio = None;
        (self.meter, self.quiet) = (None, Quiet::default());
        for (n, track) in self.tracks.iter_mut().enumerate() {
            let said = track.finish();
            track.take(n, &self.slug, said, keep, &mut news);
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

    /// Engines are tried again, and models that they could not load; it is looked which there are.
    pub(super) fn retry(&self) {
        self.captions.look_again();
        self.tracks.iter().for_each(Track::retry);
        self.meter.iter().for_each(Meter::retry);
    }

    /// Nothing more comes.
    pub(super) fn end(&mut self) {
        self.tracks.iter_mut().for_each(Track::end);
    }

    /// From the end of the last words to viewers told of them, of the slowest language.
    pub(super) fn lag(&self) -> Option<Duration> {
        self.tracks.iter().filter_map(|track| track.lag).max()
    }

    /// How loud the sound was in the last second; `None`: nobody knows.
    pub(super) fn loudness(&self) -> Option<Loudness> {
        let heard = self.tracks.iter().find_map(|track| track.loudness);
        heard.or_else(|| self.meter.as_ref()?.loudness())
    }

    /// What an operator should know.
    pub(super) fn findings(&self) -> Vec<Finding> {
        let wanted = self.offer.wanted(&self.settings);
        let missing = wanted.iter().filter(|language| match self.tracks.iter().find(|t| t.language == **language) {
            Some(track) => track.lacks_model(),
            None => self.offer.wish(&self.settings, language) == Wish::NoModel,
        });
        let missing = missing.map(Language::tag).map(|tag| Finding {
            level: Level::Notice,
            code: "captions_no_model",
            message: format!("There are no captions in {tag}: no model is installed: {}.", Models::advice(tag)),
        });
        let troubled = self.tracks.iter().filter_map(|track| {
            let message = format!("There are no captions in {}: {}.", track.language.tag(), track.trouble()?);
            Some(Finding { level: Level::Warning, code: "captions_unavailable", message })
        });
        let no_room = self.tracks.iter().filter_map(|track| {
            let NoRoom { wanted, free } = track.no_room()?;
            let message = format!(
                "There are no captions in {}: they would take {wanted:.1} cores, and {free:.1} are left of what engines may use. They begin \
                 when there is room; renditions.cpu_percent sets how much engines may use.",
                track.language.tag()
            );
            Some(Finding { level: Level::Warning, code: "no_room_for_captions", message })
        });
        let unkept = self.tracks.iter().filter_map(|track| {
            let message = format!(
                "Captions in {} have words that are not in the vocabulary: {} can't be kept to one, small models can.",
                track.language.tag(),
                track.unkept_by().filter(|_| self.settings.exclusive)?
            );
            Some(Finding { level: Level::Notice, code: "captions_vocabulary", message })
        });
        let now = Instant::now();
        let hearing = self.tracks.iter().flat_map(|track| track.hearing(now));
        let quiet = self.quiet.finding(now);
        missing.chain(troubled).chain(no_room).chain(unkept).chain(hearing).chain(quiet).collect()
    }
}

/// The sound of what the segmenter placed, to a session.
fn sound(input: &SoundInput, placed: &Placed, audio: Option<&Arc<Aac>>) {
    match (placed, audio) {
        (Placed::Frame(frame), Some(aac)) if frame.kind == Kind::Audio => {
            input.frame(frame.pts.rescale(aac.timescale()).ticks(), frame.payload.clone());
        }
        (Placed::SpanEnd(_), _) => input.discontinuity(),
        (Placed::Frame(_) | Placed::Parameters(_) | Placed::Boundary(_), _) => {}
    }
}
