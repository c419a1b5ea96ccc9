//! What the server says to the engine that captions all lives.
//!
//! A session is a live in a language. Its number is chosen by the server and never used again; what comes for one that is not open
//! (any more) is ignored.

use super::wire::{Reader, Writer};
use super::{Encoded, Error, MAX_MODELS, MAX_PATH_BYTES, MAX_TEXT_BYTES, MAX_VOCABULARY};
use bytes::Bytes;
use media::caption::language::Language;
use media::codec::aac::Aac;
use media::track::Parameters;
use std::sync::Arc;

/// An access unit of AAC is at most 768 bytes a channel; what is longer than this is none.
pub const MAX_SOUND_BYTES: usize = 64 << 10;

/// A message to the captioning engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToCaptioner {
    /// The models to load, once, before anything else. What fails is told by language, and the others are loaded.
    Begin {
        /// At most [`MAX_MODELS`], one a language.
        models: Vec<ModelPlace>,
    },
    /// A live is to be captioned in a language.
    Open {
        /// Its number from here on.
        session: u32,
        /// Which model.
        language: Language,
        /// When not empty, only these phrases are heard (small models take that; others fail); at most [`MAX_VOCABULARY`].
        vocabulary: Vec<String>,
    },
    /// The session's sound from here on needs this configuration. Before its first sound, and at each change.
    Parameters {
        /// Whose.
        session: u32,
        /// Which.
        parameters: Arc<Aac>,
    },
    /// One access unit.
    Sound {
        /// Whose.
        session: u32,
        /// Ticks of the configuration's sample rate, on the live's timeline.
        pts: i64,
        /// One `raw_data_block`, 1 to [`MAX_SOUND_BYTES`].
        payload: Bytes,
    },
    /// Sound is missing here, or another contribution goes on.
    Discontinuity {
        /// Whose.
        session: u32,
    },
    /// No sound follows: what came is heard to its end, then the session ends with [`super::FromCaptioner::Closed`].
    Close {
        /// Whose.
        session: u32,
    },
}

/// A language and where its model is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelPlace {
    /// What it hears.
    pub language: Language,
    /// Its folder, empty for none; at most [`MAX_PATH_BYTES`].
    pub folder: String,
}

const BEGIN: u8 = 1;
const OPEN: u8 = 2;
const PARAMETERS: u8 = 3;
const SOUND: u8 = 4;
const DISCONTINUITY: u8 = 5;
const CLOSE: u8 = 6;

impl ToCaptioner {
    /// As bytes.
    #[must_use]
    pub fn encode(&self) -> Encoded {
        match self {
            Self::Begin { models } => Writer::new(BEGIN)
                .list(models, MAX_MODELS, |w, model| {
                    w.language(&model.language).text(&model.folder, MAX_PATH_BYTES);
                })
                .finish(),
            Self::Open { session, language, vocabulary } => Writer::new(OPEN)
                .u32(*session)
                .language(language)
                .list(vocabulary, MAX_VOCABULARY, |w, phrase| {
                    w.text(phrase, MAX_TEXT_BYTES);
                })
                .finish(),
            Self::Parameters { session, parameters } => {
                Writer::new(PARAMETERS).u32(*session).parameters(&Parameters::Audio(Arc::clone(parameters))).finish()
            }
            Self::Sound { session, pts, payload } => {
                Writer::new(SOUND).u32(*session).i64(*pts).finish_with(payload.clone())
            }
            Self::Discontinuity { session } => Writer::new(DISCONTINUITY).u32(*session).finish(),
            Self::Close { session } => Writer::new(CLOSE).u32(*session).finish(),
        }
    }

    /// From what follows the length field.
    ///
    /// # Errors
    /// When the bytes are not such a message.
    pub fn decode(body: Bytes) -> Result<Self, Error> {
        let (tag, mut r) = Reader::open(body)?;
        let message = match tag {
            BEGIN => Self::Begin {
                models: r.list("models", MAX_MODELS, |r| {
                    Ok(ModelPlace { language: r.language()?, folder: r.text("folder", MAX_PATH_BYTES)? })
                })?,
            },
            OPEN => Self::Open {
                session: r.u32("session")?,
                language: r.language()?,
                vocabulary: r.list("vocabulary", MAX_VOCABULARY, |r| r.text("phrase", MAX_TEXT_BYTES))?,
            },
            PARAMETERS => {
                let session = r.u32("session")?;
                match r.parameters()? {
                    Parameters::Audio(parameters) => Self::Parameters { session, parameters },
                    Parameters::Video(_) => {
                        return Err(Error::Invalid { what: "decoder configuration", found: "of pictures".into() });
                    }
                }
            }
            SOUND => {
                let (session, pts) = (r.u32("session")?, r.i64("pts")?);
                let payload = r.payload()?;
                if payload.len() > MAX_SOUND_BYTES {
                    return Err(Error::Invalid { what: "payload", found: format!("{} bytes", payload.len()) });
                }
                return Ok(Self::Sound { session, pts, payload });
            }
            DISCONTINUITY => Self::Discontinuity { session: r.u32("session")? },
            CLOSE => Self::Close { session: r.u32("session")? },
            n => return Err(Error::Invalid { what: "tag", found: n.to_string() }),
        };
        r.end()?;
        Ok(message)
    }
}
