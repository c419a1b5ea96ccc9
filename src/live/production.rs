//! One live being made: the segmenter's events to the recording and to viewers, and its end as a video.

use super::captioning::{self, Captioning, News, Terms};
use super::director::Found;
use super::handle::Context;
use super::status::Rendition;
use super::timeline::{Maker, Timeline};
use super::transcode::{FINISH_WITHIN, Heard, Transcoding};
use crate::archive::writer::{Appended, Recording, Written, without_media};
use crate::catalogue::broadcaster::Broadcaster;
use crate::catalogue::captions::CaptionSettings;
use crate::catalogue::id::VideoId;
use crate::catalogue::video::{Finished, NewVideo};
use crate::clock;
use media::feed::Item;
use media::segment::Event;
use media::segment::index::Begin;
use media::segment::segmenter::Segmenter;
use media::time::WallTime;
use media::track::Parameters;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// Viewers are told of a part this long after it was made at the latest, written or not: half a part.
const WRITE_PATIENCE: Duration = Duration::from_millis(250);
/// Writes that viewers did not wait for and whose places are still unknown.
const MAX_LATE: usize = 256;
/// The same for what a rendition that appears late has missed, an hour of it perhaps. Segments that are told without their place before
/// that are gaps for good, and memory does not hold them. A disk that takes longer hangs.
const BACKFILL_PATIENCE: Duration = Duration::from_secs(10);
/// Events kept for a queue that takes none: some minutes of them, a megabyte. Beyond it the recording is closed.
const MAX_UNTAKEN: usize = 4096;
/// Tries to tell the catalogue that a video is complete. It is told again at the next start in any case.
const FINISH_TRIES: u32 = 5;

#[derive(Debug)]
pub(super) struct Production {
    segmenter: Segmenter,
    transcoding: Transcoding,
    captioning: Captioning,
    maker: Option<Maker>,
    recording: Option<Recording>,
    video_id: Option<VideoId>,
    broadcaster: Broadcaster,
    started_at: WallTime,
    resumed: bool,
    /// Nothing is kept of this live, and why.
    unrecorded: Option<String>,
    /// Length and end of the recording when its index had all for the last time.
    kept: Option<(i64, Option<WallTime>)>,
    /// The recording ended before its live: the disk was too far behind.
    closed: bool,
    /// Events that the full queue did not take, without their bytes.
    untaken: Vec<Event>,
    late: VecDeque<Appended>,
    /// What the recording's folder says of whether its index has all that viewers were told; `None`: unknown, the disk hung.
    whole: Option<bool>,
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
    /// A new live, which begins now.
    pub(super) fn new(context: &Context, broadcaster: &Broadcaster, now: WallTime) -> Self {
        let segmenter = Segmenter::new(context.settings.rules, now, broadcaster.next_msn, 0, false);
        Self::over(context, segmenter, broadcaster, now)
    }

    /// One that the server's stop interrupted.
    pub(super) fn resume(context: &Context, broadcaster: &Broadcaster, found: Found) -> Self {
        let Found { video, loaded, recording, captions: kept_captions } = found;
        let (next_msn, end) = (loaded.next_msn().max(video.first_msn), loaded.end_micros());
        let rules = loaded.rules(context.settings.rules);
        let segmenter = Segmenter::new(rules, loaded.begin.origin, next_msn, end, next_msn > video.first_msn);
        let maker = Maker::resume(video.id.as_str(), rules, &loaded, window_micros(context));
        let kept = Some((maker.duration_micros(), maker.ended_at()));
        let mut over = Self::over(context, segmenter, broadcaster, video.started_at);
        over.transcoding.resume(&loaded);
        let terms = Terms {
            rules,
            first_msn: loaded.begin.first_msn,
            first_discontinuity: loaded.begin.first_discontinuity,
            window_micros: window_micros(context),
        };
        over.captioning.resume(&kept_captions, &loaded, maker.timeline(), terms);
        Self { kept, maker: Some(maker), recording: Some(recording), video_id: Some(video.id), resumed: true, ..over }
    }

    fn over(context: &Context, mut segmenter: Segmenter, broadcaster: &Broadcaster, started_at: WallTime) -> Self {
        segmenter.follow();
        let slug = broadcaster.slug.as_str();
        Self {
            segmenter,
            transcoding: context.transcoding(broadcaster),
            captioning: Captioning::new(
                &context.label(slug),
                context.settings.captions.clone(),
                broadcaster.captions.clone(),
            ),
            maker: None,
            recording: None,
            video_id: None,
            broadcaster: broadcaster.clone(),
            started_at,
            resumed: false,
            unrecorded: None,
            kept: None,
            closed: false,
            untaken: Vec::new(),
            late: VecDeque::new(),
            whole: Some(true),
            parts: 0,
            events: Vec::new(),
            news: Vec::new(),
        }
    }

    /// Takes what the contribution sent.
    pub(super) async fn push(&mut self, context: &Context, items: impl Iterator<Item = Item>) {
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
        self.transcoding.gop_is_long(self.segmenter.has_forced_cuts());
        if let Err(error) = self.transcoding.feed(&placed, &mut self.events) {
            tracing::error!(broadcaster = %self.broadcaster.slug, %error, "a part of a rendition can't be made");
        }
        self.segmenter.cut_regularly(self.transcoding.reencodes_source());
        let news = self.captioning.feed(&placed, self.recording.as_ref());
        self.news.push(news);
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
                let news = self.captioning.heard(heard, self.recording.as_ref());
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
        let news = self.captioning.finish(self.recording.as_ref());
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
            self.begin_recording(context).await;
        }
        let Some(maker) = &mut self.maker else { return };
        maker.expect(self.transcoding.expected());
        let events = Arc::new(maker.complete(events));
        let mut written = Written::default();
        if let Some(recording) = self.recording.as_ref().filter(|_| !self.closed) {
            let patience = if is_backfill(&events) { BACKFILL_PATIENCE } else { WRITE_PATIENCE };
            match append(recording, &mut self.untaken, &events) {
                Some(mut appended) => match tokio::time::timeout(patience, &mut appended).await {
                    Ok(answer) => written = answer.unwrap_or_default(),
                    Err(_) => {
                        metrics::counter!("amphi_archive_late_writes_total").increment(1);
                        self.late.push_back(appended);
                        if self.late.len() > MAX_LATE {
                            self.late.pop_front();
                        }
                    }
                },
                None => metrics::counter!("amphi_archive_late_writes_total").increment(1),
            }
        }
        while let Some(mut appended) = self.late.pop_front() {
            match appended.try_recv() {
                Ok(late) => {
                    self.closed |= late.closed;
                    maker.locate(&late.stored);
                }
                Err(tokio::sync::oneshot::error::TryRecvError::Empty) => {
                    self.late.push_front(appended);
                    break;
                }
                Err(tokio::sync::oneshot::error::TryRecvError::Closed) => {}
            }
        }
        self.closed |= written.closed || self.untaken.len() > MAX_UNTAKEN;
        if self.closed && self.unrecorded.is_none() {
            tracing::error!(broadcaster = %self.broadcaster.slug, "the disk is too far behind: the recording ends, the live goes on");
            self.unrecorded = Some("the disk was too far behind, its recording ended early".to_owned());
            self.untaken = Vec::new();
        }
        if let (Some(_), Some(id)) = (&self.recording, &self.video_id) {
            // The writer keeps the order: once it has answered the newest batch, it has all of them.
            let whole = written.indexed && self.untaken.is_empty();
            if self.whole != Some(whole) {
                self.whole = context.archive.note_whole(id.as_str(), whole).await.then_some(whole);
            }
        }
        self.parts += events.iter().filter(|e| matches!(e, Event::Part(_))).count() as u64;
        maker.apply(&events, &written.stored, self.segmenter.part_target_micros());
        if written.indexed {
            self.kept = Some((maker.duration_micros(), maker.ended_at()));
        }
    }

    /// The first media is there: a row in the catalogue and a folder on the disk. Without them the live still goes on.
    async fn begin_recording(&mut self, context: &Context) {
        let rules = context.settings.rules;
        let broadcaster = &self.broadcaster;
        let new = NewVideo {
            broadcaster_id: broadcaster.id.clone(),
            title: None,
            started_at: self.started_at,
            first_msn: broadcaster.next_msn,
            first_discontinuity: broadcaster.next_discontinuity,
        };
        let id = match context.catalogue.begin_video(new).await {
            Ok(video) => Some(video.id),
            Err(error) => {
                tracing::error!(broadcaster = %broadcaster.slug, %error, "the live can't be recorded: no video in the catalogue");
                self.unrecorded = Some(error.to_string());
                None
            }
        };
        if let Some(id) = &id {
            let begin = Begin {
                origin: self.started_at,
                first_msn: broadcaster.next_msn,
                first_discontinuity: broadcaster.next_discontinuity,
                target_duration_s: rules.target_duration_s,
            };
            match context.archive.create(id.as_str(), begin).await {
                Ok(recording) => self.recording = Some(recording),
                Err(error) => {
                    tracing::error!(broadcaster = %broadcaster.slug, %error, "the live can't be recorded");
                    self.unrecorded = Some(error.to_string());
                }
            }
        }
        let name = id.as_ref().map_or("", |id| id.as_str());
        let maker = Maker::new(name, rules, broadcaster.next_discontinuity, window_micros(context));
        let terms = Terms {
            rules,
            first_msn: broadcaster.next_msn,
            first_discontinuity: broadcaster.next_discontinuity,
            window_micros: window_micros(context),
        };
        self.captioning.appear(maker.timeline(), terms);
        self.maker = Some(maker);
        self.video_id = id;
    }

    /// Makes the recording a video: synced, then told to the catalogue, then to viewers.
    pub(super) async fn finish(&mut self, context: &Context, broadcaster: &Broadcaster) {
        let (duration_micros, ended_at) = match &self.maker {
            Some(_) if self.closed => self.kept.unwrap_or_default(),
            Some(maker) => (maker.duration_micros(), maker.ended_at()),
            None => (0, None),
        };
        let duration = Duration::from_micros(u64::try_from(duration_micros).unwrap_or(0));
        if let Some(recording) = self.recording.take()
            && let Err(error) = recording.finish().await
        {
            tracing::error!(broadcaster = %broadcaster.slug, %error, "the recording can't be completed on disk");
        }
        if let Some(id) = &self.video_id {
            let listed = duration >= context.terms().min_length && (self.closed || self.unrecorded.is_none());
            let finished = Finished {
                ended_at: ended_at.unwrap_or_else(clock::now),
                duration,
                listed,
                ladder: listed && context.settings.renditions.completed,
                next_msn: self.next_numbers().0,
                next_discontinuity: self.next_numbers().1,
            };
            tell_catalogue(context, id, finished).await;
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
        let news = self.captioning.follow(self.recording.as_ref());
        self.news.push(news);
        self.publish(context).await;
    }

    /// What went wrong with the captions.
    pub(super) fn captioning(&self) -> &Captioning {
        &self.captioning
    }

    /// Why nothing is kept of this live.
    pub(super) fn unrecorded(&self) -> Option<&str> {
        self.unrecorded.as_deref()
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
                bitrate_bps: r.snapshot().bit_rates().0,
            })
        };
        maker.timeline().renditions().iter().filter_map(describe).collect()
    }
}

/// Whether a rendition that appears late brings segments that ended long ago.
fn is_backfill(events: &[Event]) -> bool {
    let mut ends = BTreeMap::new();
    for event in events {
        if let Event::SegmentEnd { rendition, .. } = event {
            *ends.entry(*rendition).or_insert(0) += 1;
        }
    }
    ends.values().any(|ends| *ends > 1)
}

/// Appends what waits and what is new. What a full queue does not take is kept without its bytes: the index stays in
/// order, and the disk, when it has caught up, gets a gap there.
fn append(recording: &Recording, untaken: &mut Vec<Event>, events: &Arc<Vec<Event>>) -> Option<Appended> {
    let batch = if untaken.is_empty() {
        Arc::clone(events)
    } else {
        Arc::new(untaken.iter().chain(events.iter()).cloned().collect())
    };
    let appended = recording.append(Arc::clone(&batch));
    if appended.is_some() {
        untaken.clear();
    } else {
        untaken.extend(without_media(events));
    }
    appended
}

async fn tell_catalogue(context: &Context, id: &VideoId, finished: Finished) {
    for attempt in 1..=FINISH_TRIES {
        match context.catalogue.finish_video(id, finished).await {
            Ok(_) => return,
            Err(error) if attempt < FINISH_TRIES => {
                tracing::warn!(video = %id, %error, attempt, "the catalogue did not take a finished video; again");
                tokio::time::sleep(Duration::from_millis(200 * u64::from(attempt))).await;
            }
            Err(error) => {
                tracing::error!(video = %id, %error, "a finished video is not in the catalogue; the next start tells it again");
            }
        }
    }
}

fn window_micros(context: &Context) -> i64 {
    i64::try_from(context.settings.dvr_window.as_micros()).unwrap_or(i64::MAX)
}
