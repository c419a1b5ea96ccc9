//! A recording after a crash: what reached the disk is kept, what is half there is cut, and what was open is closed.
//!
//! The index is cut at its first record that is damaged or whose bytes are not (all) in the media file; only the last records can be
//! such, because everything older was synced. Then all renditions are brought to the same last segment.

use super::layout::Layout;
use super::load::{Loaded, Track, assemble, load};
use super::recording::{Resume, ResumeTrack};
use super::writer::{Archive, Recording};
use super::{Error, at};
use bytes::Bytes;
use media::origin::entry::Segment;
use media::rendition::RenditionId;
use media::segment::index::{self, PartRecord, Record};
use media::segment::{Event, MEDIA_TIME_BASE_MICROS, Part, SegmentStart, silent_segment};
use media::time::{Timescale, Timestamp};
use media::track::Parameters;
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;

/// Parts whose bytes are compared with their checksum: far more than the second that can be unsynced.
const CHECKED_PARTS: usize = 128;

/// Puts the recording of video `id` in order and gives it back as it then is, with a handle to go on.
///
/// # Errors
/// When its index has no beginning, or the disk refuses.
pub async fn recover(archive: &Archive, id: &str) -> Result<(Loaded, Recording), Error> {
    let (mut loaded, recording) = reopen(archive, id).await?;
    let events = closing(&mut loaded);
    if !events.is_empty() {
        let appended = recording.append(events.into()).ok_or(Error::Closed)?;
        // Segments that viewers were told of and that the full disk does not let us close.
        if !appended.await.map_err(|_| Error::Closed)?.indexed {
            archive.note_whole(id, false).await;
        }
    }
    let (layout, name) = (archive.layout().clone(), id.to_owned());
    let loaded = tokio::task::spawn_blocking(move || load(&layout, &name)).await.map_err(|_| Error::Closed)??;
    Ok((loaded, recording))
}

/// Opens a recording to add to it, cut to what is whole: a finished one, whose renditions are completed, or one that [`recover`] closes.
///
/// # Errors
/// When its index has no beginning, or the disk refuses.
pub async fn reopen(archive: &Archive, id: &str) -> Result<(Loaded, Recording), Error> {
    let (layout, name) = (archive.layout().clone(), id.to_owned());
    let cut = tokio::task::spawn_blocking(move || cut(&layout, &name)).await.map_err(|_| Error::Closed)??;
    let (loaded, index_bytes) = cut;
    let track = |t: &Track| ResumeTrack {
        init: t.inits.last().map(|(_, b)| (b.clone(), u16::try_from(t.inits.len() - 1).unwrap_or(u16::MAX))),
        next_file: t.next_file,
    };
    let tracks = loaded.tracks.iter().map(|(rendition, t)| (*rendition, track(t))).collect();
    let recording = archive.resume(id, Resume { index_bytes, tracks }).await?;
    Ok((loaded, recording))
}

/// Cuts index and media files to what is whole. Gives the index's length.
fn cut(layout: &Layout, id: &str) -> Result<(Loaded, u64), Error> {
    let path = layout.index(id);
    let log = std::fs::read(&path).map_err(at(&path))?;
    let mut records = index::read(&log);
    let good = first_bad(layout, id, &records);
    records.truncate(good);
    let index_bytes = records.last().map_or(index::MAGIC.len() as u64, |(_, end)| *end);
    let loaded = assemble(&path, records.iter().map(|(r, _)| r.clone()))?;
    let index_file = OpenOptions::new().write(true).open(&path).map_err(at(&path))?;
    index_file.set_len(index_bytes).map_err(at(&path))?;
    for (rendition, (file, end)) in ends(&records) {
        let path = layout.file(id, rendition, file);
        let file = OpenOptions::new().write(true).open(&path).map_err(at(&path))?;
        file.set_len(end).map_err(at(&path))?;
    }
    if index_bytes < log.len() as u64 {
        let lost = log.len() as u64 - index_bytes;
        tracing::warn!(
            video = id,
            cut_bytes = lost,
            "the recording's index ended in the middle of a record and was cut"
        );
    }
    Ok((loaded, index_bytes))
}

/// The parts that count, each with its record's number and the media file it is in, in the order of the records. Those of a gap that was
/// filled, or of a rendition that was removed, do not.
pub(super) fn parts(records: &[(Record, u64)]) -> Vec<(usize, u16, &PartRecord)> {
    let (mut files, mut open) = (BTreeMap::new(), BTreeMap::new());
    let mut of_segment: BTreeMap<(RenditionId, u64), Vec<_>> = BTreeMap::new();
    for (n, (record, _)) in records.iter().enumerate() {
        match record {
            Record::File { rendition, file, .. } => {
                files.insert(*rendition, *file);
            }
            Record::Segment { rendition, msn, .. } => {
                open.insert(*rendition, *msn);
                of_segment.remove(&(*rendition, *msn));
            }
            Record::Part(part) => {
                let (file, msn) = (files.get(&part.rendition), open.get(&part.rendition));
                let segment = of_segment.entry((part.rendition, msn.copied().unwrap_or(0))).or_default();
                segment.push((n, file.copied().unwrap_or(0), part));
            }
            Record::Remove(rendition) => of_segment.retain(|(of, _), _| of != rendition),
            Record::Begin(_) | Record::Init { .. } | Record::SegmentEnd(_) | Record::End => {}
        }
    }
    let mut parts: Vec<_> = of_segment.into_values().flatten().collect();
    parts.sort_unstable_by_key(|(n, ..)| *n);
    parts
}

/// The number of the first record whose bytes are not on the disk, or of all records.
fn first_bad(layout: &Layout, id: &str, records: &[(Record, u64)]) -> usize {
    let parts: Vec<_> = parts(records).into_iter().filter(|(_, _, part)| part.bytes > 0).collect();
    let from = parts.len().saturating_sub(CHECKED_PARTS);
    let bad = parts[from..].iter().find(|(_, file, part)| !part_is_whole(layout, id, *file, part));
    bad.map_or(records.len(), |(n, ..)| *n)
}

/// Whether a part's bytes are on the disk as they were written.
pub(super) fn part_is_whole(layout: &Layout, id: &str, file: u16, part: &PartRecord) -> bool {
    let mut buffer = vec![0; part.bytes as usize];
    File::open(layout.file(id, part.rendition, file))
        .and_then(|f| f.read_exact_at(&mut buffer, part.offset))
        .is_ok_and(|()| index::checksum(&buffer.into()) == part.crc)
}

/// Each rendition's current file, and where it ends.
fn ends(records: &[(Record, u64)]) -> BTreeMap<RenditionId, (u16, u64)> {
    let mut ends = BTreeMap::new();
    for (record, _) in records {
        match record {
            Record::File { rendition, file, header_bytes } => {
                ends.insert(*rendition, (*file, u64::from(*header_bytes)));
            }
            Record::Part(part) if part.bytes > 0 => {
                if let Some((_, end)) = ends.get_mut(&part.rendition) {
                    *end = part.offset + u64::from(part.bytes);
                }
            }
            // Its files may be gone already.
            Record::Remove(rendition) => drop(ends.remove(rendition)),
            _ => {}
        }
    }
    ends
}

/// A hole as long as `like`, which another rendition has.
fn gap(rendition: RenditionId, like: &Segment) -> Part {
    Part {
        rendition,
        msn: like.msn,
        number: 0,
        start: Timestamp::from_micros(like.start_micros, Timescale::VIDEO),
        samples: 0,
        duration_ticks: Timestamp::from_micros(like.duration_micros, Timescale::VIDEO).ticks(),
        independent: false,
        keyframes: Vec::new(),
        bytes: Bytes::new(),
    }
}

/// What closes open segments and gives each rendition that is behind the segments it lacks.
fn closing(loaded: &mut Loaded) -> Vec<Event> {
    let mut events = Vec::new();
    for (rendition, track) in &mut loaded.tracks {
        if track.is_open() {
            track.close();
            let msn = track.segments.last().map_or(0, |s| s.msn);
            events.push(Event::SegmentEnd { rendition: *rendition, msn });
        }
    }
    let last_msn = |track: &Track| track.segments.last().map(|s| s.msn);
    let Some(ahead) = loaded.tracks.values().max_by_key(|t| last_msn(t)) else { return events };
    for (rendition, track) in &loaded.tracks {
        let Some(last) = last_msn(track) else { continue };
        let missing = ahead.segments.iter().skip(ahead.segments.partition_point(|s| s.msn <= last));
        for missing in missing {
            events.extend(filler(*rendition, track, missing));
        }
    }
    events
}

/// A segment in the place of `missing`, which another rendition has: silence, or a gap. `track`: what there is of the rendition.
#[must_use]
pub fn filler(rendition: RenditionId, track: &Track, missing: &Segment) -> [Event; 3] {
    let (from, to) = (missing.start_micros.max(MEDIA_TIME_BASE_MICROS), missing.end_micros());
    let silence = match track.inits.last() {
        Some((Parameters::Audio(aac), _)) => silent_segment(rendition, aac, missing.msn, from, to).ok().flatten(),
        _ => None,
    };
    let start = SegmentStart {
        rendition,
        msn: missing.msn,
        discontinuity: missing.discontinuity,
        program_date_time: missing.program_date_time,
    };
    [
        Event::SegmentStart(start),
        Event::Part(silence.unwrap_or_else(|| gap(rendition, missing))),
        Event::SegmentEnd { rendition, msn: missing.msn },
    ]
}
