//! One broadcaster's lives, one after the other: the task that owns contribution, segmenter, timeline and recording.
//!
//! It does what [`super::event::Life`] decides. Order of telling: written to the recording first (within a moment), then told to
//! viewers; synced first, then told to the catalogue.

use super::event::{Due, Life};
use super::figures::{Figures, Received};
use super::findings::findings;
use super::handle::{Channel, Context, NotOnAir, Unrecorded};
use super::meter::Meter;
use super::production::{Engine, Production};
use super::status::{Contribution, State, Status};
use crate::archive::load::Loaded;
use crate::archive::writer::Recording;
use crate::catalogue::broadcaster::Broadcaster;
use crate::catalogue::captions::CaptionSettings;
use crate::catalogue::video::Video;
use crate::clock;
use media::caption::record::Kept;
use media::feed::{self, Feed, Item, Publisher, Subscriber};
use media::ingest::{Protocol, Refusal};
use media::time::WallTime;
use std::net::SocketAddr;
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// How often the status of a live on air is made anew.
const STATUS_EVERY: Duration = Duration::from_secs(1);

/// What a director is asked.
#[derive(Debug)]
pub(super) enum Command {
    /// Somebody who may publish wants to.
    Contribute {
        broadcaster: Box<Broadcaster>,
        protocol: Protocol,
        peer: SocketAddr,
        answer: oneshot::Sender<Result<Publisher, Refusal>>,
    },
    /// End the live now; answers whether there was one.
    End { done: oneshot::Sender<bool> },
    /// Record the live from now on, or no more.
    Record { on: bool, done: oneshot::Sender<Result<(), Unrecorded>> },
    /// Try engines again; answers whether there is a live.
    Retry { done: oneshot::Sender<bool> },
    /// The broadcaster's captions have these settings now.
    Captions(Box<CaptionSettings>),
}

/// A live that was not finished when the server stopped.
#[derive(Debug)]
pub(super) struct Found {
    pub video: Video,
    pub loaded: Loaded,
    pub recording: Recording,
    /// What was said in it so far.
    pub captions: Vec<Kept>,
}

#[derive(Debug)]
pub(super) struct Director {
    context: Context,
    channel: Arc<Channel>,
    commands: mpsc::Receiver<Command>,
    broadcaster: Broadcaster,
    live: Option<Live>,
    contribution: Option<OnLine>,
    figures: Figures,
    /// The most viewers of this live so far.
    peak: u64,
    items: Vec<Item>,
}

#[derive(Debug)]
struct Live {
    life: Life,
    production: Production,
}

/// The connection that carries media now.
#[derive(Debug)]
struct OnLine {
    protocol: Protocol,
    peer: SocketAddr,
    since: WallTime,
    feed: Feed,
    subscriber: Subscriber,
    meter: Meter,
    received: Received,
    /// Timestamps repaired and frames dropped in this live before it came.
    before: (u64, u64),
}

impl Director {
    pub(super) fn new(
        context: Context,
        channel: Arc<Channel>,
        commands: mpsc::Receiver<Command>,
        broadcaster: Broadcaster,
        found: Option<Found>,
    ) -> Self {
        let grace = broadcaster.grace.unwrap_or(context.terms().grace);
        let live = found.map(|found| Live {
            life: Life::found(grace, clock::now()),
            production: Production::resume(&context, &broadcaster, found),
        });
        let figures = Figures::new(&context.label(broadcaster.slug.as_str()));
        Self { context, channel, commands, broadcaster, live, contribution: None, figures, peak: 0, items: Vec::new() }
    }

    /// Until nothing is on air any more and the last playlists have been seen to end, or the server stops.
    pub(super) async fn run(mut self) {
        let mut ticks = tokio::time::interval(STATUS_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let stop = self.context.tasks.soft().clone();
        self.show();
        loop {
            let due = self.live.as_ref().and_then(|l| l.life.due(clock::now()));
            tokio::select! {
                command = self.commands.recv() => match command {
                    Some(command) => self.command(command).await,
                    None => return,
                },
                alive = next(&mut self.contribution, &mut self.items) => {
                    if alive { self.media().await } else { self.contribution_ended().await }
                }
                heard = hear(&mut self.live) => self.heard(heard).await,
                () = after(due) => match due.map(|(due, _)| due) {
                    Some(Due::End) => self.end().await,
                    Some(Due::Forget) => {
                        self.live = None;
                        if self.contribution.is_none() {
                            return self.leave().await;
                        }
                    }
                    None => {}
                },
                _ = ticks.tick(), if self.contribution.is_some() => self.tick().await,
                () = stop.cancelled() => return self.stop().await,
            }
        }
    }

    async fn command(&mut self, command: Command) {
        match command {
            Command::Contribute { broadcaster, protocol, peer, answer } => {
                self.broadcaster = *broadcaster;
                let verdict = self.contribute(protocol, peer).await;
                // An encoder that went away meanwhile drops the publisher, which ends the feed.
                let _ = answer.send(verdict);
            }
            Command::End { done } => {
                let on_air = self.live.as_ref().is_some_and(|l| !l.life.is_over());
                if on_air {
                    tracing::info!(broadcaster = %self.broadcaster.slug, "ended by hand");
                    self.close_contribution().await;
                    self.end().await;
                }
                let _ = done.send(on_air);
            }
            Command::Record { on, done } => {
                let _ = done.send(self.record(on).await);
                self.show();
            }
            Command::Retry { done } => {
                let live = self.live.as_mut().filter(|l| !l.life.is_over());
                let _ = done.send(live.is_some());
                if let Some(live) = live {
                    live.production.retry_engines();
                    self.show();
                }
            }
            Command::Captions(settings) => {
                self.broadcaster.captions = *settings;
                if let Some(live) = self.live.as_mut().filter(|l| !l.life.is_over()) {
                    live.production.set_captions(self.broadcaster.captions.clone());
                    self.tick().await;
                }
            }
        }
    }

    /// Recording is started or stopped by hand. That it is stopped outlives the server; it is forgotten when the live is over.
    async fn record(&mut self, on: bool) -> Result<(), Unrecorded> {
        let Some(live) = self.live.as_mut().filter(|l| !l.life.is_over()) else { return Err(NotOnAir.into()) };
        let slug = &self.broadcaster.slug;
        if on {
            live.production.start_recording(&self.context, clock::now()).await.map_err(Unrecorded::Refused)?;
            tracing::info!(broadcaster = %slug, "recording started by hand");
        } else if live.production.stop_recording(&self.context).await {
            tracing::info!(broadcaster = %slug, "recording stopped by hand");
        }
        self.remember(Some(on)).await;
        Ok(())
    }

    async fn remember(&mut self, record_now: Option<bool>) {
        if self.broadcaster.record_now == record_now {
            return;
        }
        self.broadcaster.record_now = record_now;
        if let Err(error) = self.context.catalogue.set_record_now(&self.broadcaster.id, record_now).await {
            tracing::error!(broadcaster = %self.broadcaster.slug, %error, "whether the live is recorded would not outlive a restart");
        }
    }

    /// Models and settings may have changed, and figures have.
    async fn tick(&mut self) {
        if let Some(live) = self.live.as_mut().filter(|l| !l.life.is_over()) {
            live.production.follow(&self.context).await;
        }
        self.show();
    }

    /// A second contribution takes over only from one that has been silent.
    async fn contribute(&mut self, protocol: Protocol, peer: SocketAddr) -> Result<Publisher, Refusal> {
        let now = clock::now();
        if let Some(on_line) = &self.contribution {
            let last = on_line.meter.last_received().unwrap_or(on_line.since);
            if now.since(last) < self.context.terms().takeover_after && !on_line.feed.has_ended() {
                return Err(Refusal::Taken);
            }
            tracing::info!(broadcaster = %self.broadcaster.slug, from = %on_line.peer, to = %peer, "contribution taken over");
            metrics::counter!("amphi_contribution_takeovers_total").increment(1);
            self.close_contribution().await;
        }
        let (publisher, feed) = feed::feed();
        let subscriber = feed.subscribe();
        tracing::info!(broadcaster = %self.broadcaster.slug, protocol = protocol.name(), %peer, "contribution begins");
        let received = Received::new(&self.context.label(self.broadcaster.slug.as_str()), protocol);
        let meter = Meter::default();
        let before = match self.live.as_mut().filter(|l| !l.life.is_over()) {
            Some(live) => {
                live.life.returned(live.production.is_playable());
                live.production.set_captions(self.broadcaster.captions.clone());
                (live.production.repaired(), live.production.dropped())
            }
            None => {
                self.begin(now).await;
                (0, 0)
            }
        };
        self.contribution = Some(OnLine { protocol, peer, since: now, feed, subscriber, meter, received, before });
        self.show();
        Ok(publisher)
    }

    async fn begin(&mut self, now: WallTime) {
        // Its first tick takes up what is found.
        self.context.settings.captions.look_again();
        // The numbers may have gone on since the broadcaster was looked up.
        if let Ok(Some(fresh)) = self.context.catalogue.broadcaster(&self.broadcaster.id).await {
            self.broadcaster = fresh;
        }
        // And the catalogue may not have been told, or not answer.
        let (next_msn, next_discontinuity) = self.context.numbers.next(&self.channel.slug);
        self.broadcaster.next_msn = self.broadcaster.next_msn.max(next_msn);
        self.broadcaster.next_discontinuity = self.broadcaster.next_discontinuity.max(next_discontinuity);
        let grace = self.broadcaster.grace.unwrap_or(self.context.terms().grace);
        let production = Production::new(&self.context, &self.broadcaster, now);
        self.live = Some(Live { life: Life::begin(grace), production });
        self.peak = 0;
    }

    /// What arrived goes to the segmenter, and what that says to recording and viewers.
    async fn media(&mut self) {
        let (Some(on_line), Some(live)) = (&mut self.contribution, &mut self.live) else { return };
        for item in &self.items {
            on_line.meter.observe(item);
        }
        let was_playable = live.production.is_playable();
        let parts = live.production.parts();
        live.production.push(&self.context, self.items.drain(..)).await;
        if live.production.parts() > parts {
            self.figures.published(on_line.meter.last_received(), clock::now());
        }
        self.playable_since(was_playable);
    }

    /// What the engine made goes the same way.
    async fn heard(&mut self, heard: Engine) {
        let Some(live) = &mut self.live else { return };
        let was_playable = live.production.is_playable();
        live.production.heard(&self.context, heard).await;
        self.playable_since(was_playable);
    }

    fn playable_since(&mut self, was_playable: bool) {
        if let Some(live) = self.live.as_mut().filter(|l| !was_playable && l.production.is_playable()) {
            live.life.playable();
            self.show_timeline();
            self.show();
        }
    }

    async fn contribution_ended(&mut self) {
        let Some(mut on_line) = self.contribution.take() else { return };
        on_line.received.tell(&on_line.meter, &on_line.feed);
        tracing::info!(
            broadcaster = %self.broadcaster.slug,
            peer = %on_line.peer,
            frames = on_line.meter.frames(),
            bytes = on_line.meter.bytes(),
            lagged_frames = on_line.feed.lagged_frames(),
            "contribution ended"
        );
        if let Some(live) = &mut self.live {
            live.production.end_contribution(&self.context).await;
            live.life.wait(self.broadcaster.grace.unwrap_or(self.context.terms().grace));
            live.life.dropped(clock::now());
            if live.production.is_playable() {
                self.show_timeline();
            }
        }
        self.show();
    }

    /// Asks the contribution to end and takes what it still has.
    async fn close_contribution(&mut self) {
        if let Some(on_line) = &mut self.contribution {
            on_line.feed.close();
        }
        self.contribution_ended().await;
    }

    async fn end(&mut self) {
        let Some(live) = &mut self.live else { return };
        live.production.finish(&self.context).await;
        self.context.numbers.raise(&self.channel.slug, live.production.next_numbers());
        live.life.ended(clock::now());
        self.remember(None).await;
        self.show();
        tracing::info!(broadcaster = %self.broadcaster.slug, "live ended");
    }

    /// The live stays unfinished: the next start goes on with it.
    async fn stop(&mut self) {
        self.close_contribution().await;
        tracing::info!(broadcaster = %self.broadcaster.slug, "live left for the next start");
    }

    /// Says no to what is still in the queue; it is asked again of the next director.
    async fn leave(&mut self) {
        self.commands.close();
        while let Some(command) = self.commands.recv().await {
            drop(command);
        }
    }

    fn show_timeline(&self) {
        let timeline = self.live.as_ref().and_then(|l| l.production.timeline());
        *self.channel.timeline.write().unwrap_or_else(PoisonError::into_inner) = timeline;
    }

    fn show(&mut self) {
        let Some(live) = &self.live else {
            self.channel.status.send_replace(Arc::new(Status::starting()));
            return;
        };
        let now = clock::now();
        if live.production.is_resumed() && self.channel.timeline.read().is_ok_and(|t| t.is_none()) {
            self.show_timeline();
        }
        let contribution = self.contribution.as_ref().map(|c| Contribution {
            protocol: c.protocol,
            peer: c.peer,
            since: c.since,
            video: c.meter.video(now),
            audio: c.meter.audio(),
            bitrate_bps: c.meter.bitrate_bps(now),
            keyframe_interval_ms: c.meter.keyframe_interval_ms(),
            av_drift_ms: c.meter.av_drift_ms(),
            pace_permille: c.meter.pace_permille(now),
            silent_ms: c.meter.silent_ms(now),
            timestamp_jumps: live.production.repaired() - c.before.0,
            dropped_frames: live.production.dropped() - c.before.1,
        });
        if let Some(c) = &mut self.contribution {
            c.received.tell(&c.meter, &c.feed);
        }
        let state = live.life.state();
        let watching = self.context.presence.watching(&self.channel.slug, now);
        let viewers = watching.with_players(live.production.viewers(now));
        self.peak = self.peak.max(viewers);
        self.figures.stands(state, &live.production, viewers);
        let health = findings(&live.production, &self.context, contribution.as_ref(), state == State::OnAir);
        self.channel.status.send_replace(Arc::new(Status {
            state,
            video_id: live.production.video_id(),
            started_at: Some(live.production.started_at()),
            recorded: live.production.records(),
            contribution,
            renditions: live.production.renditions(),
            renditions_version: live.production.version(),
            viewers,
            peak_viewers: self.peak,
            engine_speed: live.production.transcoding().speed(),
            encoder: live.production.transcoding().encoder(),
            loudness: self.contribution.as_ref().and_then(|_| live.production.captioning().loudness()),
            captions_lag: live.production.captioning().lag(),
            health,
        }));
    }
}

async fn next(contribution: &mut Option<OnLine>, items: &mut Vec<Item>) -> bool {
    match contribution {
        Some(on_line) => on_line.subscriber.next_batch(items).await,
        None => std::future::pending().await,
    }
}

async fn hear(live: &mut Option<Live>) -> Engine {
    match live {
        Some(live) => live.production.hear().await,
        None => std::future::pending().await,
    }
}

async fn after(due: Option<(Due, Duration)>) {
    match due {
        Some((_, wait)) => tokio::time::sleep(wait).await,
        None => std::future::pending().await,
    }
}
