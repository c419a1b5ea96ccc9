//! One live being made: the segmenter's events to its recordings and to viewers, and its end as a video.

use super::captioning::{self, Captioning, Keep, News, Terms};
use super::director::Found;
use super::handle::Context;
use super::status::Rendition;
use super::take::{Place, Take};
use super::timeline::{Maker, Timeline};
use super::transcode::{FINISH_WITHIN, Heard, Transcoding};
use crate::catalogue::broadcaster::Broadcaster;
use crate::catalogue::captions::CaptionSettings;
use crate::catalogue::id::VideoId;
use media::feed::Item;
use media::segment::Event;
use media::segment::index::Begin;
use media::segment::segmenter::Segmenter;
use media::time::WallTime;
use media::track::Parameters;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What engines make and hear is later than the source: so long after its last segment a recording that was stopped waits for it.
const ENGINES_WITHIN: Duration = Duration::from_secs(5);
/// Numbers that are set aside for a live of which nothing is kept: should the server be killed, the next live begins beyond them. A segment
/// is hardly ever shorter than a second, so it is a month; a jump costs nothing.
const UNRECORDED_NUMBERS: u64 = 31 * 86_400;

#[derive(Debug)]
pub(super) struct Production {
    segmenter: Segmenter,
    transcoding: Transcoding,
    captioning: Captioning,
    maker: Option<Maker>,
    /// It is to be recorded.
    record: bool,
    /// The recording that goes on, or that was stopped and whose last segments are still made.
    take: Option<Take>,
    /// The source has gone beyond a recording that was stopped; engines may still bring some of it.
    beyond: Option<Instant>,
    /// The video of the last recording.
    video_id: Option<VideoId>,
    /// Media comes.
    flows: bool,
    broadcaster: Broadcaster,
    started_at: WallTime,
    resumed: bool,
    /// It is to be recorded and is not, and why.
    unrecorded: Option<String>,
    /// Parts told to viewers.
    parts: u64,
    events: Vec<Event>,
    /// Captions that wait to be shown.
    news: Vec<News>,
}

/// What an engine said.
#[derive(Debug)]
pub(super) enum Engine {
    Transcoder(Heard),
    Captioner(captioning::Heard),
}

impl Production {
    /// A new live, which begins now, and is recorded if `broadcaster` says so.
    pub(super) fn new(context: &Context, broadcaster: &Broadcaster, now: WallTime) -> Self {
        let segmenter = Segmenter::new(context.settings.rules, now, broadcaster.next_msn, 0, false);
        Self { record: broadcaster.is_recorded(), ..Self::over(context, segmenter, broadcaster, now) }
    }

    /// One that the server's stop interrupted.
    pub(super) fn resume(context: &Context, broadcaster: &Broadcaster, found: Found) -> Self {
        let Found { video, loaded, recording, captions: kept_captions } = found;
        let (next_msn, end) = (loaded.next_msn().max(video.first_msn), loaded.end_micros());
        let rules = loaded.rules(context.settings.rules);
        let segmenter = Segmenter::new(rules, loaded.begin.origin, next_msn, end, next_msn > video.first_msn);
        let maker = Maker::resume(video.id.as_str(), rules, &loaded, window_micros(context));
        let mut over = Self::over(context, segmenter, broadcaster, loaded.begin.origin);
        over.transcoding.resume(&loaded);
        let terms = Terms {
            rules,
            first_msn: loaded.begin.first_msn,
            first_discontinuity: loaded.begin.first_discontinuity,
            window_micros: window_micros(context),
        };
        over.captioning.resume(&kept_captions, &loaded, maker.timeline(), terms);
        let (video_id, take) = (Some(video.id.clone()), Some(Take::resume(recording, video, &loaded)));
        Self { maker: Some(maker), take, video_id, resumed: true, ..over }
    }

    fn over(context: &Context, mut segmenter: Segmenter, broadcaster: &Broadcaster, started_at: WallTime) -> Self {
        segmenter.follow();
        Self {
            segmenter,
            transcoding: context.transcoding(broadcaster),
            captioning: context.captioning(broadcaster),
            maker: None,
            record: true,
            take: None,
            beyond: None,
            video_id: None,
            flows: false,
            broadcaster: broadcaster.clone(),
            started_at,
            resumed: false,
            unrecorded: None,
            parts: 0,
            events: Vec::new(),
            news: Vec::new(),
        }
    }

    /// Takes what the contribution sent.
    pub(super) async fn push(&mut self, context: &Context, items: impl Iterator<Item = Item>) {
        self.flows = true;
        for item in items {
            if let Err(error) = self.segmenter.push(item, &mut self.events) {
                tracing::error!(broadcaster = %self.broadcaster.slug, %error, "a part can't be made");
            }
        }
        self.transcode();
        self.publish(context).await;
    }

    /// The source's frames to the engine, and the source's boundaries to what it makes.
    fn transcode(&mut self) {
        let placed = self.segmenter.take_placed();
        // First, so that a ladder is fitted into the room that captions leave: for some viewers there is no other way to follow.
        let news = self.captioning.feed(&placed, keep(self.maker.is_some(), self.take.as_ref()));
        self.news.push(news);
        self.transcoding.gop_is_long(self.segmenter.has_forced_cuts());
        if let Err(error) = self.transcoding.feed(&placed, &mut self.events) {
            tracing::error!(broadcaster = %self.broadcaster.slug, %error, "a part of a rendition can't be made");
        }
        self.segmenter.cut_regularly(self.transcoding.reencodes_source());
    }

    /// Waits for the engine. Cancel-safe.
    pub(super) async fn hear(&mut self) -> Engine {
        tokio::select! {
            heard = self.transcoding.hear() => Engine::Transcoder(heard),
            heard = self.captioning.hear() => Engine::Captioner(heard),
        }
    }

    /// Takes what the engine said.
    pub(super) async fn heard(&mut self, context: &Context, heard: Engine) {
        self.take(heard);
        self.publish(context).await;
    }

    fn take(&mut self, heard: Engine) {
        match heard {
            Engine::Transcoder(heard) => {
                if let Err(error) = self.transcoding.heard(heard, &mut self.events) {
                    tracing::error!(broadcaster = %self.broadcaster.slug, %error, "a part of a rendition can't be made");
                }
            }
            Engine::Captioner(heard) => {
                let news = self.captioning.heard(heard, keep(self.maker.is_some(), self.take.as_ref()));
                self.news.push(news);
            }
        }
    }

    /// The contribution is gone: what waits is written and told.
    pub(super) async fn end_contribution(&mut self, context: &Context) {
        if let Err(error) = self.segmenter.end_contribution(&mut self.events) {
            tracing::error!(broadcaster = %self.broadcaster.slug, %error, "the last part can't be made");
        }
        self.transcode();
        self.publish(context).await;
        self.finish_engines(context).await;
        self.flows = false;
        if self.take.as_ref().is_some_and(|take| take.ends_before().is_some()) {
            self.hand_over(context);
        }
    }

    /// Engines finish what they have: the source's end is told before, and does not wait for it.
    async fn finish_engines(&mut self, context: &Context) {
        self.transcoding.close();
        self.captioning.close();
        let finished = async {
            while self.transcoding.is_heard() || self.captioning.is_heard() {
                let heard = self.hear().await;
                self.take(heard);
                self.publish(context).await;
            }
        };
        if tokio::time::timeout(FINISH_WITHIN, finished).await.is_err() {
            tracing::warn!(broadcaster = %self.broadcaster.slug, "an engine did not finish in time");
        }
        let news = self.captioning.finish(keep(self.maker.is_some(), self.take.as_ref()));
        self.news.push(news);
        if let Err(error) = self.transcoding.finish(&mut self.events) {
            tracing::error!(broadcaster = %self.broadcaster.slug, %error, "the last part of a rendition can't be made");
        }
        self.publish(context).await;
    }

    async fn publish(&mut self, context: &Context) {
        self.publish_media(context).await;
        if self.maker.is_none() {
            return;
        }
        for news in std::mem::take(&mut self.news) {
            self.captioning.publish(news);
        }
    }

    async fn publish_media(&mut self, context: &Context) {
        if self.events.is_empty() {
            return;
        }
        let events = std::mem::take(&mut self.events);
        if self.maker.is_none() {
            self.begin(context).await;
        }
        let Some(maker) = &mut self.maker else { return };
        maker.expect(self.transcoding.expected());
        let events = Arc::new(maker.complete(events));
        let mut stored = Vec::new();
        if let Some(take) = &mut self.take {
            let answered = take.write(&context.archive, &events).await;
            stored.extend(answered.stored);
            maker.locate(&answered.late);
        }
        if self.unrecorded.is_none() && self.take.as_ref().is_some_and(Take::is_closed) {
            self.unrecorded = Some("the disk was too far behind, its recording ended early".to_owned());
        }
        self.parts += events.iter().filter(|e| matches!(e, Event::Part(_))).count() as u64;
        maker.apply(&events, &stored, self.segmenter.part_target_micros());
        self.let_go(context);
    }

    /// The first media is there: viewers get a timeline, and what is to be recorded a place.
    async fn begin(&mut self, context: &Context) {
        let terms = Terms {
            rules: context.settings.rules,
            first_msn: self.broadcaster.next_msn,
            first_discontinuity: self.broadcaster.next_discontinuity,
            window_micros: window_micros(context),
        };
        let maker = Maker::new(terms.rules, terms.first_discontinuity, terms.window_micros);
        self.captioning.appear(maker.timeline(), terms);
        self.maker = Some(maker);
        if self.record {
            let started_at = self.started_at;
            // Without it the live still goes on.
            let _ = self.begin_take(context, terms.first_msn, terms.first_discontinuity, started_at).await;
        }
        if self.take.is_none() {
            self.set_numbers_aside(context).await;
        }
    }

    async fn begin_take(
        &mut self,
        context: &Context,
        first_msn: u64,
        first_discontinuity: u64,
        started_at: WallTime,
    ) -> Result<(), String> {
        let target_duration_s = context.settings.rules.target_duration_s;
        // Media time counts from where the live began, whenever a recording of it does.
        let begin = Begin { origin: self.started_at, first_msn, first_discontinuity, target_duration_s };
        match Take::begin(context, &self.broadcaster, Place { started_at, begin }).await {
            Ok(take) => {
                if let Some(maker) = &self.maker {
                    maker.timeline().keep_in(first_msn, take.id().as_str());
                }
                self.video_id = Some(take.id().clone());
                self.take = Some(take);
                self.unrecorded = None;
                Ok(())
            }
            Err(why) => {
                self.unrecorded = Some(why.clone());
                Err(why)
            }
        }
    }

    /// Should the server be killed, nobody would know how far a live went of which nothing is kept.
    async fn set_numbers_aside(&self, context: &Context) {
        let (msn, discontinuity) = self.next_numbers();
        let beyond = (msn + UNRECORDED_NUMBERS, discontinuity + UNRECORDED_NUMBERS);
        if let Err(error) = context.catalogue.raise_numbers(&self.broadcaster.id, beyond).await {
            tracing::warn!(broadcaster = %self.broadcaster.slug, %error, "numbers of a live that is not recorded can't be set aside");
        }
    }

    /// Records from the next segment on, as a video of its own; or goes on with a recording of which nothing was left out yet.
    ///
    /// # Errors
    /// Why nothing can be kept.
    pub(super) async fn start_recording(&mut self, context: &Context, now: WallTime) -> Result<(), String> {
        self.record = true;
        let next = self.segmenter.next_msn();
        if let Some(take) = self.take.as_mut().filter(|take| take.ends_before() == Some(next)) {
            take.end_before(None);
        }
        if !self.records() {
            self.hand_over(context);
        }
        let Some(maker) = self.maker.as_ref().filter(|_| self.take.is_none()) else { return Ok(()) };
        let (inits, first_discontinuity) = (Arc::new(maker.inits()), maker.next_discontinuity() - 1);
        self.begin_take(context, next, first_discontinuity, now).await?;
        if let Some(take) = &mut self.take {
            take.write(&context.archive, &inits).await;
        }
        self.captioning.begin_recording();
        Ok(())
    }

    /// Records to the end of the segment that is being made: what was recorded becomes a video within seconds. Gives whether anything was
    /// recorded.
    pub(super) async fn stop_recording(&mut self, context: &Context) -> bool {
        self.record = false;
        self.unrecorded = None;
        if !self.records() {
            return false;
        }
        self.set_numbers_aside(context).await;
        if let Some(take) = self.take.as_mut().filter(|_| self.flows) {
            take.end_before(Some(self.segmenter.next_msn()));
            self.beyond = None;
        } else {
            self.hand_over(context);
        }
        true
    }

    /// A recording goes on.
    pub(super) fn records(&self) -> bool {
        self.take.as_ref().is_some_and(|take| take.ends_before().is_none() && !take.is_closed())
    }

    /// A recording that was stopped is a video once the engines had their time.
    fn let_go(&mut self, context: &Context) {
        let next = self.segmenter.next_msn();
        if self.take.as_ref().and_then(Take::ends_before).is_none_or(|until| next <= until) {
            return;
        }
        if self.beyond.get_or_insert_with(Instant::now).elapsed() >= ENGINES_WITHIN {
            self.hand_over(context);
        }
    }

    /// A recording becomes a video while the live goes on: nobody who watches waits for the disk to sync.
    fn hand_over(&mut self, context: &Context) {
        let Some(take) = self.take.take() else { return };
        let (own, next_numbers) = (context.clone(), self.next_numbers());
        context.tasks.spawn("recording", async move { take.finish(&own, next_numbers).await });
    }

    /// Makes the recording a video: synced, then told to the catalogue, then to viewers.
    pub(super) async fn finish(&mut self, context: &Context) {
        let next_numbers = self.next_numbers();
        if let Some(take) = self.take.take() {
            take.finish(context, next_numbers).await;
        }
        self.captioning.end();
        if let Some(maker) = &mut self.maker {
            maker.end();
        }
    }

    /// The numbers after the last segment's and after the last discontinuity's: where the next live begins at the earliest.
    pub(super) fn next_numbers(&self) -> (u64, u64) {
        (self.segmenter.next_msn(), self.maker.as_ref().map_or(0, Maker::next_discontinuity))
    }

    pub(super) fn is_playable(&self) -> bool {
        self.maker.as_ref().is_some_and(Maker::is_playable)
    }

    pub(super) fn is_resumed(&self) -> bool {
        self.resumed && self.is_playable()
    }

    pub(super) fn timeline(&self) -> Option<Arc<Timeline>> {
        self.maker.as_ref().map(|m| Arc::clone(m.timeline()))
    }

    pub(super) fn video_id(&self) -> Option<String> {
        self.video_id.as_ref().map(|id| id.as_str().to_owned())
    }

    pub(super) fn started_at(&self) -> WallTime {
        self.started_at
    }

    pub(super) fn repaired(&self) -> u64 {
        self.segmenter.repaired()
    }

    pub(super) fn dropped(&self) -> u64 {
        self.segmenter.dropped()
    }

    /// What went wrong with the renditions.
    pub(super) fn transcoding(&self) -> &Transcoding {
        &self.transcoding
    }

    /// Engines that were given up, or were missing, are tried again.
    pub(super) fn retry_engines(&mut self) {
        self.transcoding.retry();
        self.captioning.retry();
    }

    /// The broadcaster's captions are to be others from now on.
    pub(super) fn set_captions(&mut self, settings: CaptionSettings) {
        self.captioning.set(settings);
    }

    /// Takes up what has changed of captions: models, settings.
    pub(super) async fn follow(&mut self, context: &Context) {
        let news = self.captioning.follow(keep(self.maker.is_some(), self.take.as_ref()));
        self.news.push(news);
        self.publish(context).await;
    }

    /// What went wrong with the captions.
    pub(super) fn captioning(&self) -> &Captioning {
        &self.captioning
    }

    /// Why nothing is kept of this live, though it is to be recorded.
    pub(super) fn unrecorded(&self) -> Option<&str> {
        self.unrecorded.as_deref()
    }

    /// Whether it is to be recorded.
    pub(super) fn is_to_be_recorded(&self) -> bool {
        self.record
    }

    pub(super) fn parts(&self) -> u64 {
        self.parts
    }

    pub(super) fn version(&self) -> u64 {
        self.maker.as_ref().map_or(0, |m| m.timeline().version())
    }

    pub(super) fn viewers(&self, now: WallTime) -> u64 {
        self.maker.as_ref().map_or(0, |m| m.timeline().audience.seen(now))
    }

    pub(super) fn renditions(&self) -> Vec<Rendition> {
        let Some(maker) = &self.maker else { return Vec::new() };
        let describe = |r: &Arc<super::timeline::Rendition>| {
            let parameters = r.parameters()?;
            let size = match &parameters {
                Parameters::Video(h264) => Some((h264.width(), h264.height())),
                Parameters::Audio(_) => None,
            };
            Some(Rendition {
                name: r.id.name(),
                codec: parameters.codec_string().to_owned(),
                size,
                bitrate_bps: r.snapshot().bit_rates().average_bps,
            })
        };
        maker.timeline().renditions().iter().filter_map(describe).collect()
    }
}

/// Where what is said is kept. A recording that was stopped gets the words of the seconds in which its last ones may still come; who reads it
/// leaves out what was said after its last picture.
fn keep(begun: bool, take: Option<&Take>) -> Keep<'_> {
    match take {
        Some(take) => Keep::In(take.recording()),
        None if begun => Keep::Nowhere,
        None => Keep::Later,
    }
}

fn window_micros(context: &Context) -> i64 {
    i64::try_from(context.settings.dvr_window.as_micros()).unwrap_or(i64::MAX)
}
