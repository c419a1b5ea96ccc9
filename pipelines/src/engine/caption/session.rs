//! One session: a thread that recognises what another one decodes.

use super::decode::Decoder;
use super::listener::Listener;
use super::queue::{Queue, Taken};
use super::recogniser::{Model, micros};
use crate::channel::Outbox;
use crate::transcode::counts::thread_cpu_micros;
use media::codec::aac::Aac;
use pipelines::message::{FromCaptioner, SessionStats};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU16, AtomicU64, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Without sound for so long, what was said stands: a contribution that falls silent must not keep its last words.
const QUIET: Duration = Duration::from_secs(1);
/// Kaldi recurses in its lattices; this is what a main thread has.
const STACK_BYTES: usize = 8 << 20;

/// What is counted, by all threads of a session.
#[derive(Debug, Default)]
pub(super) struct Counts {
    heard_until_micros: AtomicI64,
    heard_micros: AtomicU64,
    busy_micros: AtomicU64,
    cpu_micros: AtomicU64,
    pub(super) dropped_micros: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) peak: AtomicU16,
    pub(super) mean: AtomicU16,
}

/// An open session.
pub(super) struct Session {
    pub(super) number: u32,
    pub(super) decoder: Option<Decoder>,
    pub(super) queue: Arc<Queue>,
    counts: Arc<Counts>,
    thread: Option<JoinHandle<()>>,
}

impl Session {
    /// Starts it; [`FromCaptioner::Opened`] or [`FromCaptioner::SessionFailed`] comes from its thread.
    pub(super) fn start(
        number: u32,
        model: Arc<dyn Model>,
        vocabulary: Vec<String>,
        outbox: &Outbox,
    ) -> io::Result<Self> {
        let queue = Arc::new(Queue::default());
        let counts = Arc::new(Counts::default());
        let (its_queue, its_counts, outbox) = (Arc::clone(&queue), Arc::clone(&counts), outbox.clone());
        let thread = std::thread::Builder::new()
            .name(format!("session {number}"))
            .stack_size(STACK_BYTES)
            .spawn(move || recognise(number, Listener::new(model, vocabulary), &its_queue, &its_counts, &outbox))?;
        Ok(Self { number, decoder: None, queue, counts, thread: Some(thread) })
    }

    /// Its sound from here on needs `parameters`.
    pub(super) fn parameters(&mut self, parameters: &Arc<Aac>) -> Result<(), String> {
        match &mut self.decoder {
            Some(decoder) => decoder.parameters(parameters),
            None => self.decoder = Some(Decoder::start(parameters, &self.queue, &self.counts)?),
        }
        Ok(())
    }

    /// One access unit.
    pub(super) fn sound(&mut self, pts: i64, payload: bytes::Bytes) {
        match &mut self.decoder {
            Some(decoder) => decoder.sound(pts, payload),
            None => {
                self.counts.refused.fetch_add(1, Relaxed);
            }
        }
    }

    /// No sound follows.
    pub(super) fn close(&self) {
        match &self.decoder {
            // The end comes through the decoder, after all sound.
            Some(decoder) => decoder.end(),
            None => self.queue.end(),
        }
    }

    /// Whether its thread has ended, having said how.
    pub(super) fn has_ended(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    pub(super) fn stats(&self) -> SessionStats {
        let counts = &self.counts;
        SessionStats {
            session: self.number,
            heard_until_micros: counts.heard_until_micros.load(Relaxed),
            heard_micros: counts.heard_micros.load(Relaxed),
            busy_micros: counts.busy_micros.load(Relaxed),
            cpu_micros: counts.cpu_micros.load(Relaxed),
            waiting_micros: u64::try_from(micros(self.queue.waiting_samples())).unwrap_or(0),
            dropped_micros: counts.dropped_micros.load(Relaxed),
            refused: counts.refused.load(Relaxed),
            peak: counts.peak.load(Relaxed),
            mean: counts.mean.load(Relaxed),
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.queue.abandon();
        // Nothing is put any more when the decoder is gone, so the thread sees the end.
        self.decoder = None;
        if let Some(Err(_)) = self.thread.take().map(JoinHandle::join) {
            tracing::error!("session {} panicked", self.number);
        }
    }
}

fn recognise(session: u32, mut listener: Listener, queue: &Queue, counts: &Counts, outbox: &Outbox) {
    let failed = |reason| {
        queue.abandon();
        outbox.send(&FromCaptioner::SessionFailed { session, reason });
    };
    if let Err(reason) = listener.try_out() {
        return failed(reason);
    }
    outbox.send(&FromCaptioner::Opened { session });
    let mut tell = |hypothesis, heard_until_micros| {
        outbox.send(&FromCaptioner::Hypothesis { session, hypothesis, heard_until_micros });
    };
    loop {
        let taken = queue.take(QUIET);
        let began = Instant::now();
        match taken {
            Taken::Sound(piece) => {
                if let Err(reason) = listener.hear(&piece, &mut tell) {
                    return failed(reason);
                }
            }
            Taken::Quiet => listener.conclude(&mut tell),
            Taken::Ended => {
                listener.conclude(&mut tell);
                outbox.send(&FromCaptioner::Closed { session });
                return;
            }
        }
        let busy = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
        counts.busy_micros.fetch_add(busy, Relaxed);
        counts.cpu_micros.store(thread_cpu_micros(), Relaxed);
        counts.heard_micros.store(u64::try_from(micros(listener.heard_samples())).unwrap_or(0), Relaxed);
        if let Some(until) = listener.heard_until_micros() {
            counts.heard_until_micros.store(until, Relaxed);
        }
    }
}
