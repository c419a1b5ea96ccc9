//! What a recording lacks of the renditions that it is to have, and how an engine can make it. Pure.

use crate::archive::load::{Loaded, Track};
use media::origin::entry::{Segment, frame_rate_milli};
use media::rendition::RenditionId;
use media::track::Parameters;
use pipelines::ladder::{self, Halving, Preset, Source, SourceAudio, SourceVideo};
use pipelines::message::{Options, Rendition, Start, WhenSlow};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// Segments without a keyframe at their beginning that show that the source's are too far apart; fewer are accidents.
const LONG_GOP_SEGMENTS: usize = 2;
/// More than any GOP that segments can be cut at. Milliseconds.
const LONG_GOP_MS: u32 = 10_000;
/// Less shows no rate.
const MEASURED_MICROS: i64 = 2_000_000;
/// Segments that one engine makes: ten minutes of them. What is made is kept when the job is stopped, in such steps.
const MAX_RUN_SEGMENTS: usize = 300;
/// Sound of fewer bytes per frame, its entry in the fragment (16) included, is silence that stands where an engine made none: speech at
/// 128 kbit/s has 340, silence as `media` writes it less than 30.
const SILENT_FRAME_BYTES: u32 = 40;

/// Which renditions a finished video keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kept {
    /// All that its preset makes.
    All,
    /// Those without which browsers could not play it.
    Necessary,
}

/// Neighbouring segments that an engine makes some renditions of.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Run {
    /// Their places among the segments of the leading rendition.
    pub(super) places: Range<usize>,
    /// Where decoding can begin: at `places.start` or before.
    pub(super) decode_from: usize,
    /// To the engine.
    pub(super) order: Start,
    /// Numbers of the segments that each rendition lacks.
    pub(super) lacking: BTreeMap<RenditionId, BTreeSet<u64>>,
}

/// What is to be done.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Plan {
    /// In the order of time.
    pub(super) runs: Vec<Run>,
    /// Renditions that are there and need not be.
    pub(super) superfluous: Vec<RenditionId>,
}

impl Plan {
    /// How many segments are to be made, each rendition's counted.
    pub(super) fn segments(&self) -> usize {
        self.runs.iter().flat_map(|run| run.lacking.values()).map(BTreeSet::len).sum()
    }
}

/// The rendition that all others follow: the source's pictures, or its sound where there are none.
pub(super) fn lead(loaded: &Loaded) -> Option<(RenditionId, &Track)> {
    let of = |id| loaded.tracks.get(&id).filter(|t| !t.segments.is_empty()).map(|t| (id, t));
    of(RenditionId::Source).or_else(|| of(RenditionId::Audio))
}

/// What `loaded` lacks of the renditions that `preset` makes of its source, as far as `kept` says.
pub(super) fn plan(loaded: &Loaded, preset: &Preset, kept: Kept) -> Plan {
    let Some((lead_id, lead)) = lead(loaded) else { return Plan::default() };
    let mut plan = Plan::default();
    let mut needed = BTreeSet::new();
    for span in spans(loaded, lead_id, lead) {
        let order = order(loaded, lead_id, lead, &span, preset, kept);
        needed.extend(order.ids());
        plan.runs.extend(runs(loaded, lead, &span, &order));
    }
    if kept == Kept::Necessary {
        let there = loaded.tracks.iter().filter(|(id, track)| id.is_encoded() && !track.segments.is_empty());
        plan.superfluous = there.map(|(id, _)| *id).filter(|id| !needed.contains(id)).collect();
    }
    plan
}

/// Neighbouring segments of one source: no discontinuity, no other configuration of pictures or sound, no gap.
fn spans(loaded: &Loaded, lead_id: RenditionId, lead: &Track) -> Vec<Range<usize>> {
    let audio = loaded.tracks.get(&RenditionId::Audio).filter(|_| lead_id != RenditionId::Audio);
    let sound = |segment: &Segment| audio.and_then(|track| at(track, segment.msn)).map(|s| s.init);
    let mut spans: Vec<Range<usize>> = Vec::new();
    for (n, segment) in lead.segments.iter().enumerate().filter(|(_, s)| !s.is_gap()) {
        let goes_on = spans.last().is_some_and(|span| {
            let before = &lead.segments[span.end - 1];
            span.end == n
                && !segment.discontinuity
                && before.init == segment.init
                && (sound(before) == sound(segment) || sound(segment).is_none())
        });
        match spans.last_mut().filter(|_| goes_on) {
            Some(span) => span.end = n + 1,
            None => spans.push(n..n + 1),
        }
    }
    spans
}

/// What an engine would make of a span from scratch.
fn order(
    loaded: &Loaded,
    lead_id: RenditionId,
    lead: &Track,
    span: &Range<usize>,
    preset: &Preset,
    kept: Kept,
) -> Start {
    let segments = &lead.segments[span.clone()];
    let (mut video, mut audio) = (None, None);
    if lead_id == RenditionId::Source {
        let keyless = segments.iter().filter(|s| !begins_with_keyframe(s)).count();
        let gop_ms = (keyless >= LONG_GOP_SEGMENTS).then_some(LONG_GOP_MS);
        if let Some(Parameters::Video(h264)) = segments.first().and_then(|s| parameters(lead, s)) {
            video = Some(SourceVideo::new(h264, gop_ms).measured(frame_rate_milli(segments, MEASURED_MICROS)));
        }
    }
    if let Some(track) = loaded.tracks.get(&RenditionId::Audio) {
        let sound = segments.iter().find_map(|s| at(track, s.msn).filter(|s| !s.is_gap()));
        if let Some(Parameters::Audio(aac)) = sound.and_then(|s| parameters(track, s)) {
            audio = Some(SourceAudio::new(aac));
        }
    }
    let mut ladder = ladder::plan(&Source { video, audio }, preset);
    if kept == Kept::Necessary {
        ladder.rungs.clear();
    }
    let start = ladder.start(0);
    Start { options: Options { when_slow: WhenSlow::Wait, ..start.options }, ..start }
}

/// The stretches of a span in which a rendition lacks something.
fn runs(loaded: &Loaded, lead: &Track, span: &Range<usize>, whole: &Start) -> Vec<Run> {
    let lacks = |id: RenditionId, source: &Segment| {
        let made = loaded.tracks.get(&id).and_then(|track| at(track, source.msn));
        made.is_none_or(|made| made.is_gap() || made.samples + 1 < least_samples(whole, id, source, made))
    };
    let mut runs: Vec<Run> = Vec::new();
    for place in span.clone() {
        let segment = &lead.segments[place];
        let lacking: Vec<_> = whole.ids().filter(|id| lacks(*id, segment)).collect();
        if lacking.is_empty() {
            continue;
        }
        let grows = |run: &&mut Run| run.places.end == place && run.places.len() < MAX_RUN_SEGMENTS;
        let run = match runs.last_mut().filter(grows) {
            Some(run) => {
                run.places.end = place + 1;
                run
            }
            None => {
                let decode_from = (span.start..=place).rev().find(|n| begins_with_keyframe(&lead.segments[*n]));
                runs.push(Run {
                    places: place..place + 1,
                    decode_from: decode_from.unwrap_or(place),
                    order: whole.clone(),
                    lacking: BTreeMap::new(),
                });
                let Some(run) = runs.last_mut() else { continue };
                run
            }
        };
        for id in lacking {
            run.lacking.entry(id).or_default().insert(segment.msn);
        }
    }
    for run in &mut runs {
        run.order = whole.only(|id| run.lacking.contains_key(&id));
    }
    runs
}

/// A track's segment of that number.
pub(super) fn at(track: &Track, msn: u64) -> Option<&Segment> {
    let place = usize::try_from(msn.checked_sub(track.segments.first()?.msn)?).ok()?;
    track.segments.get(place)
}

/// The configuration that a segment needs.
pub(super) fn parameters<'a>(track: &'a Track, segment: &Segment) -> Option<&'a Parameters> {
    track.inits.get(usize::from(segment.init)).map(|(parameters, _)| parameters)
}

/// Samples that a rendition's segment has when nothing was lost of it. An engine that was ended or starved left pictures out, and `made`
/// shows the others for longer.
fn least_samples(whole: &Start, id: RenditionId, source: &Segment, made: &Segment) -> u32 {
    let numbered = (0..=u8::MAX).map(Rendition::Rung).zip(&whole.rungs);
    let halving = numbered.filter(|(rung, _)| whole.id(*rung) == Some(id)).map(|(_, rung)| rung.halving).next();
    match halving {
        Some(Halving::No) => source.samples,
        Some(Halving::EveryOther) => source.samples / 2,
        None if made.bytes < made.samples.saturating_mul(SILENT_FRAME_BYTES) => u32::MAX,
        None => 0,
    }
}

/// Whether decoding can begin with it. Sound always does.
fn begins_with_keyframe(segment: &Segment) -> bool {
    segment.keyframes.first().is_some_and(|keyframe| keyframe.time_micros <= segment.start_micros)
}

/// Of what a plan still lacks, the segments that can't be played at all.
pub(super) fn gaps(loaded: &Loaded, plan: &Plan) -> Vec<(RenditionId, u64)> {
    let lacking = plan.runs.iter().flat_map(|run| &run.lacking);
    let numbers = lacking.flat_map(|(id, numbers)| numbers.iter().map(|msn| (*id, *msn)));
    let is_gap = |id: &RenditionId, msn| loaded.tracks.get(id).and_then(|t| at(t, msn)).is_none_or(Segment::is_gap);
    numbers.filter(|(id, msn)| is_gap(id, *msn)).collect()
}
