//! One recording's files, appended to. Blocking; only the writer's thread touches them.

use super::captions::Logs;
use super::layout::Layout;
use super::{Error, at};
use bytes::Bytes;
use media::caption::language::Language;
use media::origin::entry::Location;
use media::rendition::RenditionId;
use media::segment::index::{self, Begin, PartRecord, Record};
use media::segment::{Event, Part};
use media::track::Parameters;
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;

/// A media file is followed by a new one after this much media: copies and backups handle hours better than days.
const FILE_MICROS: i64 = 3_600_000_000;
/// Index lines kept in memory while the disk is full: days of them. Beyond it the recording is closed with what the disk has: lines
/// that are left out would make the rest unreadable.
const MAX_BACKLOG_BYTES: usize = 16 << 20;

/// The files of one recording.
#[derive(Debug)]
pub(super) struct Files {
    layout: Layout,
    id: String,
    index: File,
    index_bytes: u64,
    /// Records that could not be written yet.
    backlog: Vec<u8>,
    /// Nothing is added any more: too much waited for the disk.
    closed: bool,
    tracks: BTreeMap<RenditionId, Track>,
    captions: Logs,
}

#[derive(Debug, Default)]
struct Track {
    /// Current initialisation segment and its number.
    init: Option<(Bytes, u16)>,
    file: Option<Open>,
    next_file: u16,
    /// The next segment goes to a new file.
    rotate: bool,
    segment: Option<Segment>,
    /// The disk refused something, and has not taken a whole segment since.
    refused: bool,
}

#[derive(Debug)]
struct Open {
    file: File,
    number: u16,
    bytes: u64,
    began_micros: Option<i64>,
}

#[derive(Debug)]
struct Segment {
    offset: u64,
    whole: bool,
}

/// A segment that is complete, and where it rests (if it does).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Of which rendition.
    pub rendition: RenditionId,
    /// Its number.
    pub msn: u64,
    /// `None`: part of it could not be written.
    pub location: Option<Location>,
}

/// Where a recording that goes on after a restart stands.
#[derive(Clone, Debug, Default)]
pub(super) struct Resume {
    pub index_bytes: u64,
    pub tracks: BTreeMap<RenditionId, ResumeTrack>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct ResumeTrack {
    pub init: Option<(Bytes, u16)>,
    pub next_file: u16,
}

impl Files {
    /// Makes the folder and the index of a new recording.
    pub(super) fn create(layout: &Layout, id: &str, begin: &Begin) -> Result<Self, Error> {
        let folder = layout.folder(id);
        std::fs::create_dir_all(&folder).map_err(at(&folder))?;
        let path = layout.index(id);
        let index = OpenOptions::new().write(true).create_new(true).open(&path).map_err(at(&path))?;
        let mut files = Self::over(layout, id, index, 0);
        files.backlog.extend_from_slice(&index::MAGIC);
        index::write(&Record::Begin(*begin), &mut files.backlog);
        files.flush_index()?;
        let whole = layout.whole(id);
        File::create(&whole).map_err(at(&whole))?;
        Ok(files)
    }

    /// Goes on with a recovered recording, in new media files.
    pub(super) fn resume(layout: &Layout, id: &str, resume: Resume) -> Result<Self, Error> {
        let path = layout.index(id);
        let index = OpenOptions::new().write(true).open(&path).map_err(at(&path))?;
        let mut files = Self::over(layout, id, index, resume.index_bytes);
        for (rendition, from) in resume.tracks {
            let track = files.track(rendition);
            track.init = from.init;
            track.next_file = from.next_file;
            track.rotate = true;
        }
        Ok(files)
    }

    fn over(layout: &Layout, id: &str, index: File, index_bytes: u64) -> Self {
        Self {
            layout: layout.clone(),
            id: id.to_owned(),
            index,
            index_bytes,
            backlog: Vec::new(),
            closed: false,
            tracks: BTreeMap::new(),
            captions: Logs::default(),
        }
    }

    /// Appends to what is kept of what was said.
    pub(super) fn caption(&mut self, language: &Language, records: &Bytes) {
        self.captions.append(&self.layout, &self.id, language, records);
    }

    /// Appends what the segmenter said. Always says where the finished segments are; the error, if any, is the disk's.
    pub(super) fn append(&mut self, events: &[Event]) -> (Vec<Stored>, Result<(), Error>) {
        if self.closed {
            return (Vec::new(), self.flush_index());
        }
        let mut stored = Vec::new();
        let mut result = Ok(());
        for event in events {
            match event {
                Event::Init { rendition, parameters, bytes } => self.init(*rendition, parameters, bytes),
                Event::SegmentStart(start) => {
                    if let Err(e) = self.begin_segment(start.rendition, start.discontinuity) {
                        self.track(start.rendition).refused = true;
                        result = Err(e);
                    }
                    let init = self.track(start.rendition).init.as_ref().map_or(0, |(_, n)| *n);
                    let record = Record::Segment {
                        rendition: start.rendition,
                        msn: start.msn,
                        discontinuity: start.discontinuity,
                        init,
                        program_date_time: start.program_date_time,
                    };
                    index::write(&record, &mut self.backlog);
                }
                Event::Part(part) => {
                    if let Err(e) = self.part(part) {
                        self.track(part.rendition).refused = true;
                        result = Err(e);
                    }
                }
                Event::SegmentEnd { rendition, msn } => {
                    index::write(&Record::SegmentEnd(*rendition), &mut self.backlog);
                    let track = self.track(*rendition);
                    let location = track
                        .segment
                        .take()
                        .filter(|s| s.whole)
                        .and_then(|s| Some(Location { file: track.file.as_ref()?.number, offset: s.offset }));
                    track.refused &= location.is_none();
                    stored.push(Stored { rendition: *rendition, msn: *msn, location });
                }
            }
        }
        let flushed = self.flush_index();
        (stored, result.and(flushed))
    }

    /// Says that renditions are no longer kept, and syncs that: then their files can go.
    pub(super) fn remove(&mut self, renditions: &[RenditionId]) -> Result<(), Error> {
        for rendition in renditions {
            index::write(&Record::Remove(*rendition), &mut self.backlog);
            self.tracks.remove(rendition);
        }
        self.flush_index()?;
        self.sync()
    }

    /// Whether the index on the disk has all that was appended.
    pub(super) fn is_indexed(&self) -> bool {
        self.backlog.is_empty() && !self.closed
    }

    /// Whether it was closed early; see [`MAX_BACKLOG_BYTES`].
    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Whether everything since the last refusal, if there was one, is on the disk.
    pub(super) fn is_well(&self) -> bool {
        self.backlog.is_empty() && self.tracks.values().all(|t| !t.refused)
    }

    /// Marks the recording as complete and syncs everything.
    pub(super) fn finish(&mut self) -> Result<(), Error> {
        if !self.closed {
            index::write(&Record::End, &mut self.backlog);
        }
        self.flush_index()?;
        self.sync()?;
        // It says something about a live only; where it stays, it does no harm.
        let _ = std::fs::remove_file(self.layout.whole(&self.id));
        Ok(())
    }

    pub(super) fn sync(&mut self) -> Result<(), Error> {
        for (rendition, track) in &self.tracks {
            if let Some(open) = &track.file {
                open.file.sync_data().map_err(at(&self.layout.file(&self.id, *rendition, open.number)))?;
            }
        }
        self.index.sync_data().map_err(at(&self.layout.index(&self.id)))
    }

    fn track(&mut self, rendition: RenditionId) -> &mut Track {
        self.tracks.entry(rendition).or_default()
    }

    fn init(&mut self, rendition: RenditionId, parameters: &Parameters, bytes: &Bytes) {
        index::write(&Record::Init { rendition, parameters: parameters.clone() }, &mut self.backlog);
        let track = self.track(rendition);
        let number = track.init.as_ref().map_or(0, |(_, n)| n + 1);
        track.init = Some((bytes.clone(), number));
        track.rotate = true;
    }

    fn begin_segment(&mut self, rendition: RenditionId, discontinuity: bool) -> Result<(), Error> {
        let track = self.track(rendition);
        let rotate = track.rotate || discontinuity || track.file.is_none();
        if rotate {
            // Without a file, this segment's parts are gaps; the next segment tries again.
            track.file = None;
            track.segment = None;
            track.rotate = true;
            self.open_file(rendition)?;
        }
        let track = self.track(rendition);
        track.segment = track.file.as_ref().map(|f| Segment { offset: f.bytes, whole: true });
        Ok(())
    }

    fn open_file(&mut self, rendition: RenditionId) -> Result<(), Error> {
        let (layout, id) = (self.layout.clone(), self.id.clone());
        let track = self.track(rendition);
        let Some((header, _)) = track.init.clone() else { return Ok(()) };
        let number = track.next_file;
        let path = layout.file(&id, rendition, number);
        // A file left by an attempt that failed is begun anew.
        let file = OpenOptions::new().write(true).create(true).truncate(true).open(&path).map_err(at(&path))?;
        file.write_all_at(&header, 0).map_err(at(&path))?;
        track.next_file += 1;
        track.rotate = false;
        let header_bytes = u32::try_from(header.len()).unwrap_or(u32::MAX);
        track.file = Some(Open { file, number, bytes: u64::from(header_bytes), began_micros: None });
        index::write(&Record::File { rendition, file: number, header_bytes }, &mut self.backlog);
        Ok(())
    }

    fn part(&mut self, part: &Part) -> Result<(), Error> {
        let path = |files: &Self, number| files.layout.file(&files.id, part.rendition, number);
        let track = self.tracks.entry(part.rendition).or_default();
        let written = match (&mut track.file, &mut track.segment) {
            (Some(open), Some(segment)) if segment.whole && !part.bytes.is_empty() => {
                let at = open.bytes;
                let number = open.number;
                match open.file.write_all_at(&part.bytes, at) {
                    Ok(()) => {
                        open.bytes += part.bytes.len() as u64;
                        let micros = part.start.micros();
                        let began = *open.began_micros.get_or_insert(micros);
                        if micros - began >= FILE_MICROS {
                            track.rotate = true;
                        }
                        Ok(Some(at))
                    }
                    Err(e) => {
                        // What was written of it is not there: the next part of the next segment begins at the same place.
                        segment.whole = false;
                        let truncated = open.file.set_len(at);
                        Err((number, truncated.err().unwrap_or(e)))
                    }
                }
            }
            (_, segment) => {
                if let Some(s) = segment {
                    s.whole = s.whole && part.bytes.is_empty();
                }
                Ok(None)
            }
        };
        let (offset, result) = match written {
            Ok(offset) => (offset, Ok(())),
            Err((number, e)) => (None, Err(at(&path(self, number))(e))),
        };
        let record = Record::Part(PartRecord {
            rendition: part.rendition,
            independent: part.independent,
            offset: offset.unwrap_or(0),
            bytes: offset.map_or(0, |_| u32::try_from(part.bytes.len()).unwrap_or(u32::MAX)),
            crc: index::checksum(&part.bytes),
            samples: part.samples,
            start: part.start,
            duration_ticks: u32::try_from(part.duration_ticks).unwrap_or(0),
            keyframes: part.keyframes.clone(),
        });
        index::write(&record, &mut self.backlog);
        result
    }

    /// Ends the recording where the disk's index ends; the line that says so is written when there is room.
    fn close(&mut self) {
        self.closed = true;
        self.backlog = Vec::new();
        index::write(&Record::End, &mut self.backlog);
        self.tracks = BTreeMap::new();
        // Half a record behind the end would only be cut by whoever reads it.
        let _ = self.index.set_len(self.index_bytes);
        tracing::error!(video = self.id, "the disk has refused for so long that the recording ends before its live");
    }

    fn flush_index(&mut self) -> Result<(), Error> {
        if self.backlog.is_empty() {
            return Ok(());
        }
        if let Err(e) = self.index.write_all_at(&self.backlog, self.index_bytes) {
            // Half a record would be cut at the next start; it is overwritten when there is room again.
            if self.backlog.len() > MAX_BACKLOG_BYTES {
                self.close();
            }
            return Err(at(&self.layout.index(&self.id))(e));
        }
        self.index_bytes += self.backlog.len() as u64;
        self.backlog.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::load::load;
    use super::*;
    use media::segment::{Keyframe, SegmentStart};
    use media::time::{Timescale, Timestamp, WallTime};

    fn segment(msn: u64) -> [Event; 3] {
        let rendition = RenditionId::Source;
        let start = SegmentStart { rendition, msn, discontinuity: false, program_date_time: WallTime::default() };
        let part = Part {
            rendition,
            msn,
            number: 0,
            start: Timestamp::from_micros(10_000_000, Timescale::VIDEO),
            samples: 1,
            duration_ticks: 90_000,
            independent: true,
            keyframes: vec![Keyframe { offset: 0, length: 4, time_micros: 0 }; 255],
            bytes: Bytes::from_static(b"moof"),
        };
        [Event::SegmentStart(start), Event::Part(part), Event::SegmentEnd { rendition, msn }]
    }

    #[test]
    fn a_backlog_that_is_too_long_closes_the_recording_with_what_the_disk_has() {
        let scratch = tempfile::tempdir().unwrap();
        let layout = Layout::new(scratch.path().to_owned());
        let begin = Begin { origin: WallTime::default(), first_msn: 7, first_discontinuity: 0, target_duration_s: 4 };
        let mut files = Files::create(&layout, "v", &begin).unwrap();
        files.append(&segment(7)).1.unwrap();
        assert!(files.is_indexed());

        // A file that can't be written stands for the full disk.
        let writable = std::mem::replace(&mut files.index, File::open(layout.index("v")).unwrap());
        let mut msn = 8;
        while !files.is_closed() {
            assert!(files.append(&segment(msn)).1.is_err() && !files.is_indexed());
            assert!(msn < 100_000, "{} bytes wait", files.backlog.len());
            msn += 1;
        }
        assert!(files.backlog.len() < 100, "memory is given back");

        // There is room again: the recording stays closed, and good.
        files.index = writable;
        files.append(&segment(msn)).1.unwrap();
        assert!(!files.is_indexed(), "viewers were told more than it has");
        files.finish().unwrap();
        let loaded = load(&layout, "v").unwrap();
        assert!(loaded.ended);
        assert_eq!(loaded.tracks[&RenditionId::Source].segments.iter().map(|s| s.msn).collect::<Vec<_>>(), [7]);
    }
}
