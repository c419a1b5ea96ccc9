//! A recording as one MP4 file, for who takes it away: a head that is made, and behind it the payloads of the segments that there are, each read where it
//! lies when it is sent. Nothing is written, nothing is copied to the disk.
//!
//! Pictures of one rendition and the sound; holes and what is cut away are not in it.

use super::layout::Layout;
use super::load::{Loaded, Track};
use super::{Error, at, damaged};
use bytes::Bytes;
use media::cmaf::{BOX_HEADER_BYTES, Progressive, box_bytes, read_list};
use media::origin::entry::{Location, Segment};
use media::rendition::RenditionId;
use media::track::Kind;
use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

/// What is read to look for the head of a fragment: that of a part is some hundred bytes.
const HEAD_BYTES: usize = 4 << 10;
/// A `moof` that is larger is none of ours: it would list 60,000 samples.
const MAX_MOOF_BYTES: usize = 1 << 20;
/// Segments whose media times are farther apart than this do not follow each other. Microseconds.
const SAME_SPAN_MICROS: i64 = 100_000;

/// A file that is not there, and where each of its bytes is.
#[derive(Debug)]
pub struct Assembled {
    head: Bytes,
    /// In order, without holes.
    pieces: Vec<Piece>,
    /// Of the whole file.
    total: u64,
}

#[derive(Clone, Copy, Debug)]
struct Piece {
    /// In the file that is made.
    at: u64,
    rendition: RenditionId,
    file: u16,
    offset: u64,
    bytes: u32,
}

/// Which renditions a file of `rendition` has in it: its pictures, if it has any, and the sound that all players take. Empty: there is no such thing.
#[must_use]
pub fn renditions(loaded: &Loaded, rendition: RenditionId) -> Vec<RenditionId> {
    let there = |id: &RenditionId| loaded.tracks.get(id).is_some_and(|track| !track.segments.is_empty());
    let sound = [RenditionId::Stereo, RenditionId::Audio].into_iter().find(there);
    match rendition.kind() {
        _ if !there(&rendition) => Vec::new(),
        Kind::Video => std::iter::once(rendition).chain(sound).collect(),
        Kind::Audio => vec![rendition],
    }
}

impl Assembled {
    /// Puts the file of a rendition together; `None`: there is no such rendition, or nothing of it. Reads the heads of all its fragments. Blocking.
    ///
    /// # Errors
    /// When something can't be read, or is damaged.
    pub fn of(layout: &Layout, id: &str, loaded: &Loaded, rendition: RenditionId) -> Result<Option<Self>, Error> {
        let wanted = renditions(loaded, rendition);
        let tracks: Vec<(RenditionId, &Track)> =
            wanted.into_iter().filter_map(|id| Some((id, loaded.tracks.get(&id)?))).collect();
        let Some((_, lead)) = tracks.first() else { return Ok(None) };
        let mut making =
            Making { layout, id, files: Files::default(), file: Progressive::default(), pieces: Vec::new() };
        let numbers: Vec<usize> = tracks.iter().map(|_| making.file.track()).collect();
        let mut span: Option<Span> = None;
        let mut shown = 0;
        for segment in lead.segments.iter().filter(|segment| !segment.is_gap()) {
            let goes_on = span.filter(|span| span.goes_on_with(segment));
            let shift = goes_on.map_or(shown - segment.start_micros, |span| span.shift_micros);
            span = Some(Span { shift_micros: shift, next_msn: segment.msn + 1, end_micros: segment.end_micros() });
            shown += segment.duration_micros;
            for (number, (rendition, track)) in numbers.iter().zip(&tracks) {
                if let Some(segment) = track.segment(segment.msn).filter(|segment| !segment.is_gap()) {
                    making.add(*number, *rendition, track, segment, shift)?;
                }
            }
        }
        making.finish()
    }

    /// Bytes of the whole file.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.total
    }

    /// What it takes in memory, about, in bytes.
    #[must_use]
    pub fn weight(&self) -> u64 {
        (self.head.len() + self.pieces.len() * size_of::<Piece>()) as u64
    }
}

/// Where segments follow each other in time.
#[derive(Clone, Copy)]
struct Span {
    shift_micros: i64,
    next_msn: u64,
    end_micros: i64,
}

impl Span {
    fn goes_on_with(&self, segment: &Segment) -> bool {
        let apart = (segment.start_micros - self.end_micros).abs();
        segment.msn == self.next_msn && !segment.discontinuity && apart < SAME_SPAN_MICROS
    }
}

/// Media files that are open.
#[derive(Debug, Default)]
struct Files(HashMap<(RenditionId, u16), File>);

impl Files {
    fn read(
        &mut self,
        path: impl FnOnce() -> std::path::PathBuf,
        key: (RenditionId, u16),
        into: &mut [u8],
        offset: u64,
    ) -> Result<(), Error> {
        let path = path();
        let file = match self.0.entry(key) {
            std::collections::hash_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::hash_map::Entry::Vacant(new) => new.insert(File::open(&path).map_err(at(&path))?),
        };
        file.read_exact_at(into, offset).map_err(at(&path))
    }
}

struct Making<'a> {
    layout: &'a Layout,
    id: &'a str,
    files: Files,
    file: Progressive,
    /// Where they are in the file that is made counts from its payloads' begin.
    pieces: Vec<Piece>,
}

impl Making<'_> {
    /// Adds the fragments of a segment.
    fn add(
        &mut self,
        number: usize,
        rendition: RenditionId,
        track: &Track,
        segment: &Segment,
        shift_micros: i64,
    ) -> Result<(), Error> {
        let Some(Location { file, offset }) = segment.location else { return Ok(()) };
        let path = self.layout.file(self.id, rendition, file);
        let Some((parameters, _)) = track.inits.get(usize::from(segment.init)) else {
            return Err(damaged(&path, "a segment that nothing describes"));
        };
        let (mut from, end) = (offset, offset + u64::from(segment.bytes));
        while from < end {
            let (moof, payload) = self.fragment(&path, (rendition, file), from, end)?;
            let samples = read_list(&moof).map_err(|error| damaged(&path, error))?;
            let bytes: u64 = samples.iter().map(|sample| u64::from(sample.bytes)).sum();
            let begin = from + moof.len() as u64 + BOX_HEADER_BYTES as u64;
            if bytes != payload {
                return Err(damaged(&path, format!("a fragment at {from} lists {bytes} of {payload} bytes")));
            }
            let before = self.file.payload_bytes();
            self.file.push(number, parameters, shift_micros, &samples).map_err(|error| damaged(&path, error))?;
            let bytes = u32::try_from(bytes).map_err(|_| damaged(&path, "a fragment over 4 GiB"))?;
            if bytes > 0 {
                self.pieces.push(Piece { at: before, rendition, file, offset: begin, bytes });
            }
            from = begin + payload;
        }
        Ok(())
    }

    /// The `moof` of a fragment that begins there, and the bytes of the payload behind it.
    fn fragment(&mut self, path: &Path, key: (RenditionId, u16), from: u64, end: u64) -> Result<(Vec<u8>, u64), Error> {
        let left = usize::try_from(end - from).unwrap_or(usize::MAX);
        let mut head = vec![0; left.min(HEAD_BYTES)];
        self.files.read(|| path.to_owned(), key, &mut head, from)?;
        let moof_bytes = box_bytes(&head, b"moof").map_err(|error| damaged(path, error))?;
        let whole = moof_bytes + BOX_HEADER_BYTES;
        if moof_bytes > MAX_MOOF_BYTES || whole > left {
            return Err(damaged(path, format!("no whole fragment at {from}")));
        }
        if whole > head.len() {
            head.resize(whole, 0);
            self.files.read(|| path.to_owned(), key, &mut head, from)?;
        }
        let mdat = box_bytes(head.get(moof_bytes..).unwrap_or_default(), b"mdat").map_err(|e| damaged(path, e))?;
        if moof_bytes + mdat > left {
            return Err(damaged(path, format!("no whole fragment at {from}")));
        }
        head.truncate(moof_bytes);
        Ok((head, (mdat - BOX_HEADER_BYTES) as u64))
    }

    fn finish(mut self) -> Result<Option<Assembled>, Error> {
        if self.pieces.is_empty() {
            return Ok(None);
        }
        let folder = self.layout.folder(self.id);
        let head = self.file.head().map_err(|error| damaged(&folder, error))?;
        let first = head.len() as u64;
        self.pieces.iter_mut().for_each(|piece| piece.at += first);
        let total = first + self.file.payload_bytes();
        Ok(Some(Assembled { head, pieces: self.pieces, total }))
    }
}

/// Reads such a file. Keeps open what it reads of.
#[derive(Debug, Default)]
pub struct Reading {
    files: Files,
}

impl Reading {
    /// At most `most` bytes from `from` on; fewer at the end alone. Blocking.
    ///
    /// # Errors
    /// When something is not there any more.
    pub fn read(
        &mut self,
        file: &Assembled,
        layout: &Layout,
        id: &str,
        from: u64,
        most: usize,
    ) -> Result<Bytes, Error> {
        let length = usize::try_from(file.total.saturating_sub(from)).unwrap_or(usize::MAX).min(most);
        let mut out = Vec::with_capacity(length);
        if let Some(head) = usize::try_from(from).ok().and_then(|from| file.head.get(from..)) {
            out.extend_from_slice(&head[..head.len().min(length)]);
        }
        while out.len() < length {
            let at = from + out.len() as u64;
            let n = file.pieces.partition_point(|piece| piece.at <= at).checked_sub(1);
            let Some(piece) = n.and_then(|n| file.pieces.get(n)) else { break };
            let inside = at - piece.at;
            let rest = usize::try_from(u64::from(piece.bytes).saturating_sub(inside)).unwrap_or(usize::MAX);
            let (begin, bytes) = (out.len(), rest.min(length - out.len()));
            if bytes == 0 {
                break;
            }
            out.resize(begin + bytes, 0);
            let path = || layout.file(id, piece.rendition, piece.file);
            self.files.read(path, (piece.rendition, piece.file), &mut out[begin..], piece.offset + inside)?;
        }
        Ok(out.into())
    }
}
