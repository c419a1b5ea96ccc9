//! A recording's frames, read segment by segment, as an engine takes them. Blocking.

use super::plan::{at, parameters};
use crate::archive::layout::Layout;
use crate::archive::load::{Loaded, Track};
use bytes::Bytes;
use media::cmaf::read_fragments;
use media::origin::entry::Segment;
use media::rendition::RenditionId;
use media::segment::boundary::{Boundary, SegmentInfo};
use media::time::{Timescale, Timestamp};
use media::track::{Kind, Parameters};
use pipelines::message::SourceFrame;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

/// A segment with more is none of ours: half a minute at 60 Mbit/s.
const MAX_SEGMENT_BYTES: u32 = 256 << 20;

/// A recording that is read.
#[derive(Clone, Debug)]
pub(super) struct Recorded {
    pub(super) layout: Layout,
    pub(super) id: Arc<str>,
    pub(super) loaded: Arc<Loaded>,
    /// Whose segments all others follow.
    pub(super) lead: RenditionId,
}

/// One segment of the source.
#[derive(Debug)]
pub(super) struct Piece {
    /// Where it begins, for who follows.
    pub(super) boundary: Boundary,
    /// Where what it shows ends, microseconds of presentation time.
    pub(super) end_micros: i64,
    /// Pictures and sound, each in its order, by decode time.
    pub(super) frames: Vec<SourceFrame>,
}

impl Recorded {
    /// The leading rendition.
    pub(super) fn lead(&self) -> &Track {
        &self.loaded.tracks[&self.lead]
    }

    /// What decoders of the segment at `place` must know.
    pub(super) fn parameters(&self, place: usize) -> Vec<Parameters> {
        let segment = &self.lead().segments[place];
        let of = |id| {
            let track: &Track = self.loaded.tracks.get(&id)?;
            parameters(track, at(track, segment.msn)?).cloned()
        };
        [RenditionId::Source, RenditionId::Audio].into_iter().filter_map(of).collect()
    }

    /// The segment at `place`, with the frames of the kinds that `takes` wants. `decode_only`: nothing is to be made of it.
    ///
    /// # Errors
    /// When it can't be read, or is no media. For people.
    pub(super) fn piece(&self, place: usize, takes: impl Fn(Kind) -> bool, decode_only: bool) -> Result<Piece, String> {
        let segment = &self.lead().segments[place];
        let mut frames = Vec::new();
        for id in [RenditionId::Source, RenditionId::Audio].into_iter().filter(|id| takes(id.kind())) {
            // What was only to be decoded has been heard.
            if id.kind() == Kind::Audio && decode_only {
                continue;
            }
            let Some(track) = self.loaded.tracks.get(&id) else { continue };
            let Some(of_track) = at(track, segment.msn).filter(|s| !s.is_gap()) else { continue };
            let Some(parameters) = parameters(track, of_track) else { continue };
            let mut read = self.frames(id, of_track, parameters.timescale(), decode_only)?;
            if let Some(first) = read.first_mut() {
                first.0.cut = (id == self.lead && !decode_only).then_some(first.0.pts);
            }
            frames.extend(read);
        }
        // Those of a kind are in order already, and stay so.
        frames.sort_by_key(|(_, dts)| dts.micros());
        let first = frames.iter().find(|(frame, _)| frame.kind == self.lead.kind());
        let scale = if self.lead.kind() == Kind::Video { Timescale::VIDEO } else { Timescale::MICROS };
        let shown = first.filter(|_| scale == Timescale::VIDEO).map(|(frame, _)| Timestamp::new(frame.pts, scale));
        let delay = first.map_or(0, |(frame, dts)| frame.pts - dts.ticks());
        let delay_micros = if scale == Timescale::VIDEO { Timestamp::new(delay, scale).micros() } else { 0 };
        let at = shown.unwrap_or(Timestamp::from_micros(segment.start_micros, Timescale::VIDEO));
        let boundary = Boundary {
            at_micros: at.micros(),
            picture_ticks: at.ticks(),
            segment: Some(SegmentInfo {
                msn: segment.msn,
                discontinuity: segment.discontinuity,
                program_date_time: segment.program_date_time,
            }),
        };
        let frames = frames.into_iter().map(|(frame, _)| frame).collect();
        Ok(Piece { boundary, end_micros: segment.end_micros() + delay_micros, frames })
    }

    fn frames(
        &self,
        id: RenditionId,
        segment: &Segment,
        scale: Timescale,
        decode_only: bool,
    ) -> Result<Vec<(SourceFrame, Timestamp)>, String> {
        let what = |error: &dyn std::fmt::Display| format!("segment {} of {}: {error}", segment.msn, id.name());
        let Some(location) = segment.location else { return Ok(Vec::new()) };
        if segment.bytes > MAX_SEGMENT_BYTES {
            return Err(what(&format_args!("{} bytes", segment.bytes)));
        }
        let mut bytes = vec![0; segment.bytes as usize];
        File::open(self.layout.file(&self.id, id, location.file))
            .and_then(|file| file.read_exact_at(&mut bytes, location.offset))
            .map_err(|e| what(&e))?;
        let samples = read_fragments(Bytes::from(bytes)).map_err(|e| what(&e))?;
        let frame = |timed: media::cmaf::Timed| {
            let dts = i64::try_from(timed.dts).unwrap_or(i64::MAX);
            let frame = SourceFrame {
                kind: id.kind(),
                dts,
                pts: dts.saturating_add(i64::from(timed.sample.cts)),
                keyframe: timed.sample.keyframe,
                cut: None,
                decode_only,
                payload: timed.sample.payload,
            };
            (frame, Timestamp::new(dts, scale))
        };
        Ok(samples.into_iter().map(frame).collect())
    }
}
