//! A rendition that appears after others have begun gets the same segments from the start: silence for sound, gaps for pictures. So all
//! playlists list the same numbers, whenever one comes.

use media::origin::playlist::Playlist;
use media::rendition::RenditionId;
use media::segment::{Event, Part, SegmentStart, silent_segment};
use media::time::{Timescale, Timestamp, WallTime};
use media::track::Parameters;
use std::collections::BTreeMap;

/// A segment of the rendition that is there already.
#[derive(Clone, Copy, Debug)]
struct Beside {
    msn: u64,
    discontinuity: bool,
    program_date_time: WallTime,
    start_micros: i64,
    duration_micros: i64,
}

/// What a batch of events has told so far of one rendition, beyond its playlist.
#[derive(Debug, Default)]
struct Told {
    /// It has a segment, in its playlist or in the batch.
    begun: bool,
    open: Option<Beside>,
    finished: Vec<Beside>,
}

/// Puts what is missing after each `Init` in `events` with which a rendition begins late. `playlists` do not know of `events` yet.
pub(super) fn complete(playlists: &BTreeMap<RenditionId, Playlist>, events: Vec<Event>) -> Vec<Event> {
    if !events.iter().any(|e| matches!(e, Event::Init { rendition, .. } if !playlists.contains_key(rendition))) {
        return events;
    }
    let mut told: BTreeMap<_, _> = playlists.iter().map(|(id, playlist)| (*id, Told::of(playlist))).collect();
    let mut out = Vec::with_capacity(events.len());
    let mut rest = events.into_iter();
    while let Some(event) = rest.next() {
        match &event {
            Event::Init { rendition, parameters, .. } if !told.get(rendition).is_some_and(|t| t.begun) => {
                let (rendition, parameters) = (*rendition, parameters.clone());
                let first = rest.as_slice().iter().find_map(|e| match e {
                    Event::SegmentStart(start) if start.rendition == rendition => Some(start.msn),
                    _ => None,
                });
                out.push(event);
                // Segments of the leading rendition from there on will have their own of this one.
                let lacks = |msn: u64| first.is_none_or(|first| msn < first);
                // What a contribution sends is there from its first segment on; the first of it in order leads.
                if let Some((lead, so_far)) = told.iter().find(|(id, told)| **id != rendition && told.begun) {
                    let listed = playlists.get(lead).into_iter().flat_map(Playlist::segments).map(Beside::from);
                    for segment in listed.chain(so_far.finished.iter().copied()).filter(|s| lacks(s.msn)) {
                        fill(rendition, &parameters, segment, &mut out);
                    }
                }
                told.entry(rendition).or_default().begun = true;
                continue;
            }
            Event::Init { .. } => {}
            Event::SegmentStart(start) => told.entry(start.rendition).or_default().start(start),
            Event::Part(part) => told.entry(part.rendition).or_default().part(part),
            Event::SegmentEnd { rendition, .. } => told.entry(*rendition).or_default().end(),
        }
        out.push(event);
    }
    out
}

impl From<&media::origin::entry::Segment> for Beside {
    fn from(segment: &media::origin::entry::Segment) -> Self {
        Self {
            msn: segment.msn,
            discontinuity: segment.discontinuity,
            program_date_time: segment.program_date_time,
            start_micros: segment.start_micros,
            duration_micros: segment.duration_micros,
        }
    }
}

impl Told {
    fn of(playlist: &Playlist) -> Self {
        Self { begun: true, open: playlist.so_far().as_ref().map(Beside::from), finished: Vec::new() }
    }

    fn start(&mut self, start: &SegmentStart) {
        self.begun = true;
        self.open = Some(Beside {
            msn: start.msn,
            discontinuity: start.discontinuity,
            program_date_time: start.program_date_time,
            start_micros: 0,
            duration_micros: 0,
        });
    }

    fn part(&mut self, part: &Part) {
        let Some(open) = &mut self.open else { return };
        if open.duration_micros == 0 {
            open.start_micros = part.start.micros();
        }
        open.duration_micros += part.duration_micros();
    }

    fn end(&mut self) {
        self.finished.extend(self.open.take());
    }
}

/// One segment of a rendition that has nothing to say there.
fn fill(rendition: RenditionId, parameters: &Parameters, beside: Beside, out: &mut Vec<Event>) {
    let Beside { msn, discontinuity, program_date_time, start_micros, duration_micros } = beside;
    out.push(Event::SegmentStart(SegmentStart { rendition, msn, discontinuity, program_date_time }));
    let silence = match parameters {
        Parameters::Audio(aac) => {
            silent_segment(rendition, aac, msn, start_micros, start_micros + duration_micros).ok().flatten()
        }
        Parameters::Video(_) => None,
    };
    let gap = || Part {
        rendition,
        msn,
        number: 0,
        start: Timestamp::from_micros(start_micros, Timescale::VIDEO),
        samples: 0,
        duration_ticks: Timestamp::from_micros(duration_micros, Timescale::VIDEO).ticks(),
        independent: false,
        keyframes: Vec::new(),
        bytes: bytes::Bytes::new(),
    };
    out.push(Event::Part(silence.unwrap_or_else(gap)));
    out.push(Event::SegmentEnd { rendition, msn });
}

#[cfg(test)]
mod tests {
    use crate::live::timeline::Maker;
    use bytes::Bytes;
    use media::codec::{aac::Aac, h264::H264};
    use media::feed::Item;
    use media::frame::Frame;
    use media::rendition::RenditionId;
    use media::segment::Rules;
    use media::segment::segmenter::Segmenter;
    use media::time::{Timescale, Timestamp, WallTime};
    use media::track::{Kind, Parameters};
    use std::sync::Arc;

    const RULES: Rules = Rules { segment_target_micros: 2_000_000, target_duration_s: 4, part_target_micros: 500_000 };

    fn frame(kind: Kind, ms: i64, keyframe: bool) -> Item {
        let t = Timestamp::new(ms, Timescale::MILLIS);
        let received = WallTime::from_micros(ms * 1000);
        Item::Frame(Frame { kind, dts: t, pts: t, keyframe, received, payload: Bytes::from_static(b"frame") })
    }

    const AVCC_640X360: [u8; 40] = [
        0x01, 0x4d, 0x40, 0x1e, 0xff, 0xe1, 0x00, 0x18, 0x67, 0x4d, 0x40, 0x1e, 0xec, 0xa0, 0x50, 0x17, 0xfc, 0xb8,
        0x08, 0x80, 0x00, 0x00, 0x03, 0x00, 0x80, 0x00, 0x00, 0x1e, 0x07, 0x8b, 0x16, 0xcb, 0x01, 0x00, 0x05, 0x68,
        0xeb, 0xe3, 0xcb, 0x20,
    ];

    /// 12 s of pictures with a keyframe each second, and sound whose configuration comes at `late_ms`.
    fn source(late_ms: i64) -> Vec<Item> {
        let h264 = Arc::new(H264::from_avcc(&AVCC_640X360).unwrap());
        let mut items = vec![Item::Parameters(Parameters::Video(h264))];
        for n in 0..300 {
            if n * 40 == late_ms {
                let aac = Arc::new(Aac::from_asc(&[0x11, 0x90]).unwrap());
                items.push(Item::Parameters(Parameters::Audio(aac)));
            }
            if n * 40 >= late_ms {
                items.extend([0, 20].map(|more| frame(Kind::Audio, n * 40 + more, true)));
            }
            items.push(frame(Kind::Video, n * 40, n % 25 == 0));
        }
        items
    }

    /// The numbers that a rendition lists when the source came in batches of `at_once` items.
    fn listed(late_ms: i64, at_once: usize) -> [Vec<u64>; 2] {
        let mut segmenter = Segmenter::new(RULES, WallTime::default(), 7, 0, false);
        let mut maker = Maker::new(RULES, 0, i64::MAX);
        for batch in source(late_ms).chunks(at_once) {
            let mut events = Vec::new();
            for item in batch {
                segmenter.push(item.clone(), &mut events).unwrap();
            }
            let events = maker.complete(events);
            maker.apply(&events, &[], segmenter.part_target_micros());
        }
        [RenditionId::Source, RenditionId::Audio].map(|id| {
            let snapshot = maker.timeline().rendition(id).unwrap().snapshot();
            snapshot.segments().map(|s| s.msn).collect()
        })
    }

    #[test]
    fn sound_that_is_told_late_gets_every_segment_of_the_pictures_before_it() {
        for late_ms in [1_040, 1_960, 2_000, 2_040, 5_000, 6_000] {
            for at_once in [1, 3, 50, 125, 1_000] {
                let [video, audio] = listed(late_ms, at_once);
                let what = format!("told at {late_ms} ms, {at_once} items at once");
                assert!(video.len() >= 5, "{what}: {video:?}");
                assert_eq!(audio, (7..7 + audio.len() as u64).collect::<Vec<_>>(), "{what}");
                assert!(video.len().abs_diff(audio.len()) <= 1, "{what}: {video:?} {audio:?}");
            }
        }
    }
}
