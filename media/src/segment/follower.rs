//! A rendition that an engine makes: what comes of it is cut where the source was cut, and takes the same road.

use super::audio::AudioTrack;
use super::boundary::Placed;
use super::cutter::PART_TARGET_GRAIN_MICROS;
use super::lead::Lead;
use super::pictures::{Picture, Pictures};
use super::{Event, cmaf};
use crate::rendition::RenditionId;
use crate::time::Timestamp;
use crate::track::{Kind, Parameters};
use bytes::Bytes;

/// How far the source may be ahead of sound that an engine makes: as for pictures, so that both wait for an engine that is started again.
const SOUND_PATIENCE_MICROS: i64 = 3_000_000;

/// What PART-TARGET must be, in microseconds, for pictures that follow a source whose own is `lead_micros`: its parts are cut by decode times,
/// theirs by presentation times, and sources round both to milliseconds.
#[must_use]
pub fn part_target_micros(lead_micros: i64) -> i64 {
    lead_micros + PART_TARGET_GRAIN_MICROS
}

/// One encoded rendition of a live. Outlives the engines that feed it.
#[derive(Debug)]
pub struct Follower {
    rendition: RenditionId,
    track: Track,
    lead: Lead,
    /// An engine is at work.
    awaited: bool,
}

#[derive(Debug)]
enum Track {
    Pictures(Pictures),
    Sound(AudioTrack),
}

/// A frame of an engine.
#[derive(Clone, Debug)]
pub struct Encoded {
    /// Decode time on the timeline.
    pub dts: Timestamp,
    /// Presentation time, same scale.
    pub pts: Timestamp,
    /// Decoding can begin here.
    pub keyframe: bool,
    /// As in [`crate::frame::Frame`].
    pub payload: Bytes,
}

impl Follower {
    /// One that nothing is known of yet.
    #[must_use]
    pub fn new(rendition: RenditionId) -> Self {
        let track = match rendition.kind() {
            Kind::Video => Track::Pictures(Pictures::new(rendition)),
            Kind::Audio => Track::Sound(AudioTrack::made(rendition, SOUND_PATIENCE_MICROS)),
        };
        Self { rendition, track, lead: Lead::new(), awaited: false }
    }

    /// One that viewers know already, of a live that a stop interrupted. Its next segment is `next_msn`.
    #[must_use]
    pub fn resume(rendition: RenditionId, parameters: &Parameters, next_msn: u64) -> Self {
        let track = match parameters {
            Parameters::Video(h264) => Track::Pictures(Pictures::resume(rendition, h264, next_msn)),
            Parameters::Audio(aac) => Track::Sound(AudioTrack::resume(rendition, SOUND_PATIENCE_MICROS, aac, next_msn)),
        };
        Self { track, ..Self::new(rendition) }
    }

    /// Which.
    #[must_use]
    pub fn rendition(&self) -> RenditionId {
        self.rendition
    }

    /// Whether viewers know it.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        match &self.track {
            Track::Pictures(pictures) => pictures.has_begun(),
            Track::Sound(sound) => sound.has_begun(),
        }
    }

    /// Frames that came too late.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        match &self.track {
            Track::Pictures(pictures) => pictures.dropped(),
            Track::Sound(sound) => sound.dropped(),
        }
    }

    /// Whether an engine is at work. Without one nothing is waited for: segments are gaps, sound is silence.
    pub fn await_engine(&mut self, awaited: bool) {
        self.awaited = awaited;
        if let Track::Sound(sound) = &mut self.track {
            sound.set_patience(if awaited { SOUND_PATIENCE_MICROS } else { 0 });
        }
    }

    /// What the segmenter placed.
    ///
    /// # Errors
    /// When a part can't be written.
    pub fn placed(&mut self, placed: &Placed, out: &mut Vec<Event>) -> Result<(), cmaf::Error> {
        match (placed, &mut self.track) {
            (Placed::Boundary(boundary), Track::Pictures(pictures)) => pictures.boundary(boundary.clone()),
            (Placed::Boundary(boundary), Track::Sound(sound)) => sound.boundary(boundary.clone()),
            (Placed::Frame(frame), _) => self.lead.frame(frame),
            (Placed::SpanEnd(at), track) => {
                self.lead.span_end(*at);
                match track {
                    Track::Pictures(pictures) => pictures.span_end(*at),
                    Track::Sound(sound) => sound.span_end(*at),
                }
            }
            (Placed::Parameters(_), _) => {}
        }
        self.advance(out)
    }

    /// The engine's frames from here on need this configuration.
    pub fn parameters(&mut self, parameters: &Parameters) {
        match (parameters, &mut self.track) {
            (Parameters::Video(h264), Track::Pictures(pictures)) => pictures.configure(h264),
            (Parameters::Audio(aac), Track::Sound(sound)) => sound.configure(aac),
            _ => {}
        }
    }

    /// The engine's next frame.
    ///
    /// # Errors
    /// When a part can't be written.
    pub fn frame(&mut self, frame: Encoded, out: &mut Vec<Event>) -> Result<(), cmaf::Error> {
        match &mut self.track {
            Track::Pictures(pictures) => pictures.push(Picture {
                dts_ticks: frame.dts.ticks(),
                pts_ticks: frame.pts.ticks(),
                keyframe: frame.keyframe,
                payload: frame.payload,
            }),
            Track::Sound(sound) => sound.push(frame.pts.micros(), frame.payload),
        }
        self.advance(out)
    }

    /// Nothing more comes of what was placed so far: it is written as it is.
    ///
    /// # Errors
    /// When a part can't be written.
    pub fn finish(&mut self, out: &mut Vec<Event>) -> Result<(), cmaf::Error> {
        match &mut self.track {
            Track::Pictures(pictures) => pictures.advance(i64::MAX, self.awaited, out),
            Track::Sound(sound) => sound.advance(i64::MAX, out),
        }
    }

    fn advance(&mut self, out: &mut Vec<Event>) -> Result<(), cmaf::Error> {
        let lead_micros = self.lead.micros(self.awaited);
        match &mut self.track {
            Track::Pictures(pictures) => pictures.advance(lead_micros, self.awaited, out),
            Track::Sound(sound) => sound.advance(lead_micros, out),
        }
    }
}
