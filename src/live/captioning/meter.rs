//! How loud a live is that nothing captions, and for how long any live has been silent: a microphone that is off shows on the wall before
//! the lecture begins.

use super::super::admission::{Admission, Ticket};
use super::super::captions::{Captions, Engine};
use super::super::status::{Finding, Level, Loudness};
use super::sound;
use media::codec::aac::Aac;
use media::segment::boundary::Placed;
use pipelines::captioner::{Event, HypothesisOutput, SoundInput};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// Cores that decoding the sound takes and no more, to admit it by: a hundredth was measured, twice that is no tight fit.
const CORES: f64 = 0.02;
/// A microphone that is on, in a hall where nobody speaks, is louder than this at its loudest; one that is off, or an open input, is not.
const SILENT_DBFS: f64 = -60.0;
/// Nobody who teaches is silent for so long without having been heard breathing; some gates for noise are closed in between.
const SILENT_FOR: Duration = Duration::from_secs(20);

/// A session that measures.
#[derive(Debug)]
pub(super) struct Meter {
    input: SoundInput,
    output: HypothesisOutput,
    engine: Arc<Engine>,
    loudness: Option<Loudness>,
    _ticket: Ticket,
}

impl Meter {
    /// `None`: there is no room for it.
    pub(super) fn open(captions: &Captions, admission: &Admission, aac: &Arc<Aac>) -> Option<Self> {
        let ticket = admission.admit(CORES).ok()?;
        let (input, output, engine) = captions.measure();
        input.parameters(Arc::clone(aac));
        Some(Self { input, output, engine, loudness: None, _ticket: ticket })
    }

    /// The sound has another configuration.
    pub(super) fn parameters(&self, aac: &Arc<Aac>) {
        self.input.parameters(Arc::clone(aac));
    }

    /// Takes what the segmenter placed.
    pub(super) fn placed(&self, placed: &Placed, audio: Option<&Arc<Aac>>) {
        sound(&self.input, placed, audio);
    }

    /// What the engine says. Cancel-safe.
    pub(super) fn poll_hear(&mut self, cx: &mut Context<'_>) -> Poll<Option<Event>> {
        self.output.poll_next(cx)
    }

    /// Takes what the engine said. What goes wrong is told by nobody: other findings say that there is no engine, or that it ends.
    pub(super) fn heard(&mut self, event: &Event) {
        match event {
            Event::Stats(stats) => self.loudness = Loudness::of(*stats),
            Event::Lost { .. } | Event::Unavailable { .. } => self.loudness = None,
            Event::Ready { .. } | Event::Hypothesis { .. } => {}
        }
    }

    /// Of the last second.
    pub(super) fn loudness(&self) -> Option<Loudness> {
        self.loudness
    }

    /// Its engine is tried again.
    pub(super) fn retry(&self) {
        self.engine.retry();
    }
}

/// Since when a live has been silent, though it has sound.
#[derive(Debug, Default)]
pub(super) struct Quiet {
    since: Option<Instant>,
}

impl Quiet {
    /// How loud it was in the second before; `None`: nobody knows.
    pub(super) fn heard(&mut self, loudness: Option<Loudness>, now: Instant) {
        let silent = loudness.is_some_and(|loudness| loudness.peak_dbfs < SILENT_DBFS);
        self.since = silent.then(|| self.since.unwrap_or(now));
    }

    /// What an operator should know.
    pub(super) fn finding(&self, now: Instant) -> Option<Finding> {
        let silent = now.saturating_duration_since(self.since?);
        let message = format!(
            "The sound has been silent for {} s. Look whether the microphone is switched on, and whether the encoder takes the right input.",
            silent.as_secs()
        );
        (silent >= SILENT_FOR).then_some(Finding { level: Level::Warning, code: "silent_sound", message })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_microphone_that_is_off_is_told_of_after_a_while_and_until_it_is_on() {
        let (mut quiet, begin) = (Quiet::default(), Instant::now());
        let at = |seconds| begin + Duration::from_secs(seconds);
        let loudness = |peak_dbfs| Some(Loudness { peak_dbfs, mean_dbfs: -96.0 });
        quiet.heard(loudness(-96.0), begin);
        quiet.heard(loudness(-61.0), at(19));
        assert_eq!(quiet.finding(at(19)), None);
        let told = quiet.finding(at(25)).unwrap();
        assert!(
            (told.code, told.level) == ("silent_sound", Level::Warning) && told.message.contains("for 25 s"),
            "{told:?}"
        );
        quiet.heard(loudness(-50.0), at(26));
        assert_eq!(quiet.finding(at(50)), None, "somebody is there");
        quiet.heard(loudness(-96.0), at(50));
        quiet.heard(None, at(60));
        assert_eq!(quiet.finding(at(90)), None, "nobody knows");
    }
}
