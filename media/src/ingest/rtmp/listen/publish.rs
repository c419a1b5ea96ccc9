//! From the verdict to the end of a contribution.

#![expect(clippy::disallowed_methods, reason = "the shell keeps its time-outs and says when media was received")]

use super::super::session::Event;
use super::super::translate::Translator;
use super::listener::{failed, refuse};
use super::places::Place;
use super::wire::{Read, Wire};
use super::{End, Error, Limits};
use crate::feed::{Item, Publisher};
use crate::ingest::{Offer, Refusal};
use crate::time::WallTime;
use std::io;
use std::pin::pin;
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

/// A peer that waits for the verdict.
pub struct Pending<S> {
    pub(super) wire: Wire<S>,
    pub(super) place: Place,
    pub(super) limits: Limits,
    /// What came with the publish command: some encoders send media without waiting.
    pub(super) events: Vec<Event>,
    pub(super) offer: Offer,
}

impl<S> std::fmt::Debug for Pending<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pending").field("offer", &self.offer).finish_non_exhaustive()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Pending<S> {
    /// What it wants.
    #[must_use]
    pub fn offer(&self) -> &Offer {
        &self.offer
    }

    /// Sends the peer away with the refusal's text. Returns when it has closed, after 3 s at most.
    pub async fn refuse(self, refusal: Refusal) {
        refuse(self.wire, self.place, refusal).await;
    }

    /// Takes the contribution and runs it until it ends; `publisher` is dropped then, which ends the feed. The goodbye (3 s at
    /// most) comes after that.
    ///
    /// # Errors
    /// When the peer breaks the protocol or a limit, or sends media that can't be taken (it was told which).
    pub async fn accept(self, publisher: Publisher) -> Result<End, Error> {
        let Self { mut wire, place: _place, limits, events, offer: _ } = self;
        wire.session.accept();
        let mut contribution = Contribution { translator: Translator::new(), events, items: Vec::new() };
        let ended = run(&mut wire, &limits, &publisher, &mut contribution).await;
        drop(publisher);
        metrics::counter!("amphi_rtmp_dropped_frames_total").increment(contribution.translator.dropped());
        let ended = match ended {
            Err(Error::Io(e)) if is_disconnect(&e) => Ok(End::Disconnected),
            other => other.map_err(failed),
        };
        match &ended {
            Ok(End::Unpublished) => {
                wire.await_close().await;
                return ended;
            }
            Ok(End::Disconnected) => return ended,
            Ok(End::Idle) => {
                metrics::counter!("amphi_rtmp_failed_total", "reason" => "idle_time").increment(1);
                wire.session.fail("No sound or pictures came for too long.");
            }
            Ok(End::Closed) => wire.session.end("The server has ended this stream."),
            Err(e) => wire.session.fail(&e.to_string()),
        }
        wire.goodbye().await;
        ended
    }
}

/// Connections are read together, this often: frames come 80 a second and contribution, and waking a worker for each of them was
/// most of the CPU of 200 contributions. One frame at 25 fps, far below a part.
const READ_TICK: Duration = Duration::from_millis(40);
/// What the ticks of all connections count from.
static TICKS_BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);

/// The next moment at which all connections are read.
fn next_tick() -> Instant {
    let now = Instant::now();
    let since = now.saturating_duration_since(*TICKS_BEGAN);
    let into = since.as_micros() % READ_TICK.as_micros();
    now + READ_TICK - Duration::from_micros(u64::try_from(into).unwrap_or(0))
}

struct Contribution {
    translator: Translator,
    events: Vec<Event>,
    items: Vec<Item>,
}

impl Contribution {
    /// Turns what came in one read into one batch on the feed. `Some`: the peer unpublished. The flag says whether media came.
    fn publish(&mut self, publisher: &Publisher, received: WallTime) -> Result<(bool, Option<End>), Error> {
        let (mut came, mut end, mut result) = (false, None, Ok(()));
        for event in self.events.drain(..) {
            match event {
                Event::Media(media) => {
                    came = true;
                    result = self.translator.translate(media, received, &mut self.items);
                    if result.is_err() {
                        break;
                    }
                }
                Event::Metadata { encoder } => tracing::debug!(?encoder, "RTMP metadata"),
                Event::Unpublish => end = Some(End::Unpublished),
                Event::Publish(_) => {}
            }
        }
        if !self.items.is_empty() {
            publisher.push(self.items.drain(..));
        }
        result?;
        Ok((came, end))
    }
}

async fn run<S: AsyncRead + AsyncWrite + Unpin>(
    wire: &mut Wire<S>,
    limits: &Limits,
    publisher: &Publisher,
    contribution: &mut Contribution,
) -> Result<End, Error> {
    wire.flush().await?;
    if let (_, Some(end)) = contribution.publish(publisher, now())? {
        return Ok(end);
    }
    let received = metrics::counter!("amphi_rtmp_received_bytes_total");
    let mut closed = pin!(publisher.closed());
    // Set anew only when it fires, not for each read.
    let mut last_media = Instant::now();
    let mut idle = pin!(tokio::time::sleep_until(last_media + limits.idle_time));
    loop {
        let read = tokio::select! {
            biased;
            () = &mut closed => return Ok(End::Closed),
            read = wire.read() => read?,
            () = &mut idle => {
                let until = last_media + limits.idle_time;
                if until <= Instant::now() {
                    return Ok(End::Idle);
                }
                idle.as_mut().reset(until);
                continue;
            }
        };
        let Read::Bytes(n) = read else { return Ok(End::Disconnected) };
        received.increment(n.try_into().unwrap_or(u64::MAX));
        let filled = wire.fills(n);
        let digested = wire.digest(n, &mut contribution.events).await;
        // What came whole before a fault is published: it is good.
        let (came, end) = contribution.publish(publisher, now())?;
        digested?;
        if let Some(end) = end {
            return Ok(end);
        }
        if came {
            last_media = Instant::now();
        }
        // A read that left nothing behind waits for the tick, so that the next one brings a few frames.
        if !filled {
            tokio::time::sleep_until(next_tick()).await;
        }
    }
}

fn now() -> WallTime {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    WallTime::from_micros(i64::try_from(since_epoch.as_micros()).unwrap_or(i64::MAX))
}

/// What a lost line looks like.
fn is_disconnect(e: &io::Error) -> bool {
    use io::ErrorKind as K;
    matches!(
        e.kind(),
        K::ConnectionReset | K::ConnectionAborted | K::BrokenPipe | K::UnexpectedEof | K::TimedOut | K::NotConnected
    )
}
