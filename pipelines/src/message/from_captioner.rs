//! What the captioning engine says to the server.

use super::from_engine::ratio;
use super::wire::{Reader, Writer};
use super::{Encoded, Error, MAX_REASON_BYTES, MAX_SESSIONS};
use bytes::Bytes;
use media::caption::language::Language;
use media::caption::word::{Confidence, Hypothesis, MAX_WORD_BYTES, MAX_WORDS, Word};

/// A message from the captioning engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FromCaptioner {
    /// The language's model is being loaded; [`Self::Loaded`] or [`Self::Unusable`] follows, or the model has killed the engine.
    Loading {
        /// Whose.
        language: Language,
    },
    /// The language can be captioned.
    Loaded {
        /// Which.
        language: Language,
    },
    /// The language can't be captioned by this engine; the others can.
    Unusable {
        /// Which.
        language: Language,
        /// For people: why, and what to do. At most [`MAX_REASON_BYTES`].
        reason: String,
    },
    /// All models were tried, the sandbox is closed, sessions are welcome.
    Ready,
    /// The session has its recogniser.
    Opened {
        /// Which.
        session: u32,
    },
    /// The session can't go on and is closed; the others can.
    SessionFailed {
        /// Which.
        session: u32,
        /// For people. At most [`MAX_REASON_BYTES`].
        reason: String,
    },
    /// What is taken to have been said.
    Hypothesis {
        /// Whose.
        session: u32,
        /// Of the utterance that goes on. Its words' times are media time.
        hypothesis: Hypothesis,
        /// The sound up to here was heard. Microseconds of media time.
        heard_until_micros: i64,
    },
    /// Everything was heard, nothing of the session follows.
    Closed {
        /// Which.
        session: u32,
    },
    /// Some times a second, whether there is work or not.
    Stats(CaptionerStats),
    /// The engine can't go on and ends; why, and what to do, for people.
    Failed {
        /// At most [`MAX_REASON_BYTES`].
        text: String,
    },
}

/// Counts since the engine started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CaptionerStats {
    /// Time of processors that the engine used, all threads together. Microseconds.
    pub cpu_micros: u64,
    /// Time since the engine started. Microseconds.
    pub wall_micros: u64,
    /// Of those that are open; at most [`MAX_SESSIONS`].
    pub sessions: Vec<SessionStats>,
}

/// Counts since the session was opened (again).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SessionStats {
    /// Its number.
    pub session: u32,
    /// The sound up to here was heard. Microseconds of media time; 0 before the first.
    pub heard_until_micros: i64,
    /// Sound that was heard, with the silence of gaps. Microseconds.
    pub heard_micros: u64,
    /// Time that hearing it took. Microseconds.
    pub busy_micros: u64,
    /// Time of a processor that hearing it took. Microseconds.
    pub cpu_micros: u64,
    /// Sound that waits to be heard now. Microseconds.
    pub waiting_micros: u64,
    /// Sound that was dropped because the machine is too slow. Microseconds.
    pub dropped_micros: u64,
    /// Access units that could not be used: no configuration before them, times that go back.
    pub refused: u64,
    /// Magnitude of the loudest sample of the last second; 32,768 is the loudest that there is.
    pub peak: u16,
    /// Root of the mean of its squares.
    pub mean: u16,
}

impl SessionStats {
    /// Cores that one second of sound costs, measured from `earlier` to here, or `None` while there is no sound to measure by.
    #[must_use]
    pub fn cores_since(&self, earlier: &Self) -> Option<f64> {
        ratio(self.cpu_micros.checked_sub(earlier.cpu_micros)?, self.heard_micros.checked_sub(earlier.heard_micros)?)
    }

    /// Seconds that one second of sound takes, from `earlier` to here (what speech recognition calls its real-time factor): over 1.0,
    /// the machine is too slow.
    #[must_use]
    pub fn realtime_factor_since(&self, earlier: &Self) -> Option<f64> {
        ratio(self.busy_micros.checked_sub(earlier.busy_micros)?, self.heard_micros.checked_sub(earlier.heard_micros)?)
    }
}

const LOADING: u8 = 1;
const LOADED: u8 = 2;
const UNUSABLE: u8 = 3;
const READY: u8 = 4;
const OPENED: u8 = 5;
const SESSION_FAILED: u8 = 6;
const HYPOTHESIS: u8 = 7;
const CLOSED: u8 = 8;
const STATS: u8 = 9;
const FAILED: u8 = 10;

impl FromCaptioner {
    /// As bytes.
    #[must_use]
    pub fn encode(&self) -> Encoded {
        match self {
            Self::Loading { language } => Writer::new(LOADING).language(language).finish(),
            Self::Loaded { language } => Writer::new(LOADED).language(language).finish(),
            Self::Unusable { language, reason } => {
                Writer::new(UNUSABLE).language(language).text(reason, MAX_REASON_BYTES).finish()
            }
            Self::Ready => Writer::new(READY).finish(),
            Self::Opened { session } => Writer::new(OPENED).u32(*session).finish(),
            Self::SessionFailed { session, reason } => {
                Writer::new(SESSION_FAILED).u32(*session).text(reason, MAX_REASON_BYTES).finish()
            }
            Self::Hypothesis { session, hypothesis, heard_until_micros } => Writer::new(HYPOTHESIS)
                .u32(*session)
                .u8(u8::from(hypothesis.is_final()))
                .i64(*heard_until_micros)
                .list(hypothesis.words(), MAX_WORDS, write_word)
                .finish(),
            Self::Closed { session } => Writer::new(CLOSED).u32(*session).finish(),
            Self::Stats(stats) => Writer::new(STATS)
                .u64(stats.cpu_micros)
                .u64(stats.wall_micros)
                .list(&stats.sessions, MAX_SESSIONS, |w, s| {
                    w.u32(s.session).i64(s.heard_until_micros).u64(s.heard_micros).u64(s.busy_micros);
                    w.u64(s.cpu_micros).u64(s.waiting_micros).u64(s.dropped_micros).u64(s.refused);
                    w.u16(s.peak).u16(s.mean);
                })
                .finish(),
            Self::Failed { text } => Writer::new(FAILED).text(text, MAX_REASON_BYTES).finish(),
        }
    }

    /// From what follows the length field.
    ///
    /// # Errors
    /// When the bytes are not such a message.
    pub fn decode(body: Bytes) -> Result<Self, Error> {
        let (tag, mut r) = Reader::open(body)?;
        let message = match tag {
            LOADING => Self::Loading { language: r.language()? },
            LOADED => Self::Loaded { language: r.language()? },
            UNUSABLE => Self::Unusable { language: r.language()?, reason: r.text("reason", MAX_REASON_BYTES)? },
            READY => Self::Ready,
            OPENED => Self::Opened { session: r.u32("session")? },
            SESSION_FAILED => {
                Self::SessionFailed { session: r.u32("session")?, reason: r.text("reason", MAX_REASON_BYTES)? }
            }
            HYPOTHESIS => {
                let session = r.u32("session")?;
                let is_final = r.flag("final")?;
                let heard_until_micros = r.i64("heard until")?;
                let words = r.list("words", MAX_WORDS, read_word)?;
                let hypothesis = Hypothesis::new(words, is_final)
                    .map_err(|e| Error::Invalid { what: "hypothesis", found: e.to_string() })?;
                Self::Hypothesis { session, hypothesis, heard_until_micros }
            }
            CLOSED => Self::Closed { session: r.u32("session")? },
            STATS => Self::Stats(CaptionerStats {
                cpu_micros: r.u64("processor time")?,
                wall_micros: r.u64("time")?,
                sessions: r.list("sessions", MAX_SESSIONS, read_stats)?,
            }),
            FAILED => Self::Failed { text: r.text("reason", MAX_REASON_BYTES)? },
            n => return Err(Error::Invalid { what: "tag", found: n.to_string() }),
        };
        r.end()?;
        Ok(message)
    }
}

fn write_word(w: &mut Writer, word: &Word) {
    w.text(word.text(), MAX_WORD_BYTES)
        .i64(word.start_micros())
        .i64(word.end_micros())
        .u16(word.confidence().thousandths());
}

fn read_word(r: &mut Reader) -> Result<Word, Error> {
    let text = r.text("word", MAX_WORD_BYTES)?;
    let (start_micros, end_micros) = (r.i64("start")?, r.i64("end")?);
    let thousandths = r.u16("confidence")?;
    let confidence = Confidence::from_thousandths(thousandths)
        .ok_or(Error::Invalid { what: "confidence", found: thousandths.to_string() })?;
    Word::new(&text, start_micros, end_micros, confidence)
        .map_err(|e| Error::Invalid { what: "word", found: e.to_string() })
}

fn read_stats(r: &mut Reader) -> Result<SessionStats, Error> {
    Ok(SessionStats {
        session: r.u32("session")?,
        heard_until_micros: r.i64("heard until")?,
        heard_micros: r.u64("heard")?,
        busy_micros: r.u64("busy")?,
        cpu_micros: r.u64("processor time")?,
        waiting_micros: r.u64("waiting")?,
        dropped_micros: r.u64("dropped")?,
        refused: r.u64("refused")?,
        peak: r.u16("loudest sample")?,
        mean: r.u16("mean of squares")?,
    })
}
