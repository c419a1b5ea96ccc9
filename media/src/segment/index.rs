//! The index of a recording: an append-only log that says which bytes of which file are which part.
//!
//! On disk: 8 bytes of [`MAGIC`], then records of `kind: u8, length: u16, payload, crc32 of all before: u32`, all
//! little-endian. [`read`] takes every whole record and stops at the first that is cut off or damaged, so a log that
//! ends anywhere is good up to its last whole record; the writer then cuts it there and goes on.
//!
//! A part's record is written after its bytes and holds their crc32, so a record whose bytes did not reach the disk is
//! recognised.

use super::Keyframe;
use crate::codec::aac::Aac;
use crate::codec::h264::{H264, Orientation};
use crate::rendition::RenditionId;
use crate::time::{Timescale, Timestamp, WallTime};
use crate::track::{Kind, Parameters};
use bytes::{Buf, BufMut, Bytes};
use std::sync::Arc;

/// First bytes of an index, with the format's version.
pub const MAGIC: [u8; 8] = *b"AMPHIX02";
/// Kind, length and checksum around a payload.
const FRAME_BYTES: usize = 1 + 2 + 4;
/// The tag of an [`Record::Init`] with the orientation of its pictures, which other configurations do not need.
const TURNED: u8 = 9;
/// Most keyframes written per part: all-intra video at 60 fps has 30 in half a second.
const MAX_KEYFRAMES: usize = 255;

/// One line of the log.
#[derive(Clone, Debug, PartialEq)]
pub enum Record {
    /// What the recording is. The first record.
    Begin(Begin),
    /// A decoder configuration of a rendition; segments refer to it by its number in order of appearance, per rendition.
    Init {
        /// Of which rendition.
        rendition: RenditionId,
        /// Of the rendition's kind.
        parameters: Parameters,
    },
    /// A new media file of a rendition begins; it starts with the current initialisation segment of `header_bytes`.
    File {
        /// Of which rendition.
        rendition: RenditionId,
        /// Its number.
        file: u16,
        /// Length of the initialisation segment at its start.
        header_bytes: u32,
    },
    /// A segment of a rendition begins. After [`Record::End`] it takes the place of the one of the same number: a gap that was filled.
    Segment {
        /// Of which rendition.
        rendition: RenditionId,
        /// Its number.
        msn: u64,
        /// It does not continue its predecessor.
        discontinuity: bool,
        /// Which of the rendition's configurations it needs.
        init: u16,
        /// Wall-clock time of its first sample.
        program_date_time: WallTime,
    },
    /// A part of the current segment of a rendition.
    Part(PartRecord),
    /// The current segment of a rendition is complete.
    SegmentEnd(RenditionId),
    /// The recording is complete. What follows was made of it since.
    End,
    /// A rendition is no longer kept: nothing that was said of it before counts, but for the numbers of its files.
    Remove(RenditionId),
}

/// What a recording is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Begin {
    /// When media time was [`super::MEDIA_TIME_BASE_MICROS`].
    pub origin: WallTime,
    /// The first segment's number.
    pub first_msn: u64,
    /// Discontinuities before it on the same URL.
    pub first_discontinuity: u64,
    /// EXT-X-TARGETDURATION.
    pub target_duration_s: u32,
}

/// A part, and where its bytes are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartRecord {
    /// Of which rendition.
    pub rendition: RenditionId,
    /// Holds a frame that decoding can begin at.
    pub independent: bool,
    /// Offset in the rendition's current file.
    pub offset: u64,
    /// Length; 0 for a part that was not stored or has nothing: a gap.
    pub bytes: u32,
    /// crc32 of the bytes.
    pub crc: u32,
    /// Samples in it.
    pub samples: u32,
    /// Decode time of its first sample.
    pub start: Timestamp,
    /// In `start`'s scale.
    pub duration_ticks: u32,
    /// Ranges within the part.
    pub keyframes: Vec<Keyframe>,
}

/// Appends a record to `out`.
pub fn write(record: &Record, out: &mut Vec<u8>) {
    let start = out.len();
    out.put_u8(tag(record));
    out.put_u16_le(0);
    let body = out.len();
    match record {
        Record::Begin(b) => {
            out.put_i64_le(b.origin.micros());
            out.put_u64_le(b.first_msn);
            out.put_u64_le(b.first_discontinuity);
            out.put_u32_le(b.target_duration_s);
        }
        Record::Init { rendition, parameters } => {
            out.put_u16_le(rendition.code());
            match parameters {
                Parameters::Video(h264) => {
                    if !h264.orientation().is_upright() {
                        out.put_u8(h264.orientation().code());
                    }
                    out.put_slice(h264.avcc());
                }
                Parameters::Audio(aac) => out.put_slice(aac.asc()),
            }
        }
        Record::File { rendition, file, header_bytes } => {
            out.put_u16_le(rendition.code());
            out.put_u16_le(*file);
            out.put_u32_le(*header_bytes);
        }
        Record::Segment { rendition, msn, discontinuity, init, program_date_time } => {
            out.put_u16_le(rendition.code());
            out.put_u64_le(*msn);
            out.put_u8(u8::from(*discontinuity));
            out.put_u16_le(*init);
            out.put_i64_le(program_date_time.micros());
        }
        Record::Part(p) => {
            out.put_u16_le(p.rendition.code());
            out.put_u8(u8::from(p.independent));
            out.put_u64_le(p.offset);
            out.put_u32_le(p.bytes);
            out.put_u32_le(p.crc);
            out.put_u32_le(p.samples);
            out.put_u32_le(p.start.scale().get());
            out.put_i64_le(p.start.ticks());
            out.put_u32_le(p.duration_ticks);
            for k in p.keyframes.iter().take(MAX_KEYFRAMES) {
                out.put_u32_le(k.offset);
                out.put_u32_le(k.length);
                out.put_i64_le(k.time_micros);
            }
        }
        Record::SegmentEnd(rendition) | Record::Remove(rendition) => out.put_u16_le(rendition.code()),
        Record::End => {}
    }
    // Payloads are bounded well below 64 KiB: an avcC, the longest, by the 16-bit lengths inside and by ingest.
    let length = u16::try_from(out.len() - body).unwrap_or(u16::MAX);
    out[start + 1..start + 3].copy_from_slice(&length.to_le_bytes());
    let crc = crc32fast::hash(&out[start..]);
    out.put_u32_le(crc);
}

/// All whole records of a log, each with the offset where it ends. A log without the magic has none.
#[must_use]
pub fn read(log: &[u8]) -> Vec<(Record, u64)> {
    let mut records = Vec::new();
    let Some(mut rest) = log.strip_prefix(&MAGIC[..]) else { return records };
    while let Some((record, taken)) = read_one(rest) {
        rest = &rest[taken..];
        records.push((record, (log.len() - rest.len()) as u64));
    }
    records
}

fn read_one(log: &[u8]) -> Option<(Record, usize)> {
    let length = usize::from(u16::from_le_bytes(log.get(1..3)?.try_into().ok()?));
    let total = FRAME_BYTES + length;
    let whole = log.get(..total)?;
    let (checked, crc) = whole.split_at(total - 4);
    if crc32fast::hash(checked) != u32::from_le_bytes(crc.try_into().ok()?) {
        return None;
    }
    Some((parse(checked[0], &checked[3..])?, total))
}

fn parse(tag: u8, mut b: &[u8]) -> Option<Record> {
    Some(match tag {
        1 => Record::Begin(Begin {
            origin: WallTime::from_micros(b.try_get_i64_le().ok()?),
            first_msn: b.try_get_u64_le().ok()?,
            first_discontinuity: b.try_get_u64_le().ok()?,
            target_duration_s: b.try_get_u32_le().ok()?,
        }),
        2 => {
            let rendition = rendition(&mut b)?;
            let parameters = match rendition.kind() {
                Kind::Video => Parameters::Video(Arc::new(H264::from_avcc(b).ok()?)),
                Kind::Audio => Parameters::Audio(Arc::new(Aac::from_asc(b).ok()?)),
            };
            Record::Init { rendition, parameters }
        }
        3 => Record::File {
            rendition: rendition(&mut b)?,
            file: b.try_get_u16_le().ok()?,
            header_bytes: b.try_get_u32_le().ok()?,
        },
        4 => Record::Segment {
            rendition: rendition(&mut b)?,
            msn: b.try_get_u64_le().ok()?,
            discontinuity: b.try_get_u8().ok()? != 0,
            init: b.try_get_u16_le().ok()?,
            program_date_time: WallTime::from_micros(b.try_get_i64_le().ok()?),
        },
        5 => {
            let mut part = PartRecord {
                rendition: rendition(&mut b)?,
                independent: b.try_get_u8().ok()? != 0,
                offset: b.try_get_u64_le().ok()?,
                bytes: b.try_get_u32_le().ok()?,
                crc: b.try_get_u32_le().ok()?,
                samples: b.try_get_u32_le().ok()?,
                start: {
                    let scale = Timescale::new(b.try_get_u32_le().ok()?)?;
                    Timestamp::new(b.try_get_i64_le().ok()?, scale)
                },
                duration_ticks: b.try_get_u32_le().ok()?,
                keyframes: Vec::new(),
            };
            while b.has_remaining() {
                part.keyframes.push(Keyframe {
                    offset: b.try_get_u32_le().ok()?,
                    length: b.try_get_u32_le().ok()?,
                    time_micros: b.try_get_i64_le().ok()?,
                });
            }
            Record::Part(part)
        }
        6 => Record::SegmentEnd(rendition(&mut b)?),
        7 => Record::End,
        TURNED => {
            let rendition = rendition(&mut b)?;
            let orientation = Orientation::from_code(b.try_get_u8().ok()?)?;
            let parameters = Parameters::Video(Arc::new(H264::from_avcc(b).ok()?.turned(orientation)));
            Record::Init { rendition, parameters }
        }
        8 => Record::Remove(rendition(&mut b)?),
        _ => return None,
    })
}

fn tag(record: &Record) -> u8 {
    match record {
        Record::Begin(_) => 1,
        Record::Init { parameters: Parameters::Video(h264), .. } if !h264.orientation().is_upright() => TURNED,
        Record::Init { .. } => 2,
        Record::File { .. } => 3,
        Record::Segment { .. } => 4,
        Record::Part(_) => 5,
        Record::SegmentEnd(_) => 6,
        Record::End => 7,
        Record::Remove(_) => 8,
    }
}

fn rendition(b: &mut &[u8]) -> Option<RenditionId> {
    RenditionId::from_code(b.try_get_u16_le().ok()?)
}

/// crc32 as the records hold it.
#[must_use]
pub fn checksum(bytes: &Bytes) -> u32 {
    crc32fast::hash(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn init(orientation: Orientation) -> Record {
        let h264 = H264::from_avcc(crate::codec::h264::tests::AVCC_640X360).unwrap().turned(orientation);
        Record::Init { rendition: RenditionId::Source, parameters: Parameters::Video(Arc::new(h264)) }
    }

    fn records() -> Vec<Record> {
        let aac = Parameters::Audio(Arc::new(Aac::from_asc(&[0x11, 0x90]).unwrap()));
        let start = Timestamp::new(480_000, Timescale::new(48_000).unwrap());
        vec![
            Record::Begin(Begin {
                origin: WallTime::from_micros(1),
                first_msn: 5,
                first_discontinuity: 2,
                target_duration_s: 4,
            }),
            Record::Init { rendition: RenditionId::Audio, parameters: aac },
            Record::File { rendition: RenditionId::Audio, file: 0, header_bytes: 700 },
            Record::Segment {
                rendition: RenditionId::Audio,
                msn: 5,
                discontinuity: true,
                init: 0,
                program_date_time: WallTime::from_micros(99),
            },
            Record::Part(PartRecord {
                rendition: RenditionId::Audio,
                independent: true,
                offset: 700,
                bytes: 100,
                crc: 0xDEAD_BEEF,
                samples: 23,
                start,
                duration_ticks: 23 * 1024,
                keyframes: vec![Keyframe { offset: 0, length: 9, time_micros: 10_000_000 }],
            }),
            Record::SegmentEnd(RenditionId::Rung(720)),
            init(Orientation::UPRIGHT),
            init(Orientation::new(true, 3)),
            Record::End,
            Record::Remove(RenditionId::Rung(720)),
        ]
    }

    fn log() -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        records().iter().for_each(|r| write(r, &mut out));
        out
    }

    #[test]
    fn a_log_cut_at_any_byte_is_good_up_to_its_last_whole_record() {
        let whole = log();
        let mut ends = vec![MAGIC.len()];
        for record in records() {
            let mut one = Vec::new();
            write(&record, &mut one);
            ends.push(ends.last().unwrap() + one.len());
        }
        for cut in 0..=whole.len() {
            let read_back = read(&whole[..cut]);
            let whole_records = ends.iter().filter(|e| **e <= cut).count().saturating_sub(1);
            assert_eq!(only(&read_back), records()[..whole_records], "cut at {cut}");
            assert!(read_back.iter().zip(&ends[1..]).all(|((_, end), e)| *end == *e as u64));
        }
    }

    fn only(read_back: &[(Record, u64)]) -> Vec<Record> {
        read_back.iter().map(|(r, _)| r.clone()).collect()
    }

    #[test]
    fn a_flipped_bit_ends_the_log_there() {
        let whole = log();
        for at in MAGIC.len()..whole.len() {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x10;
            let read_back = read(&damaged);
            assert!(read_back.last().is_none_or(|(_, end)| *end <= at as u64), "bit in byte {at}");
            assert_eq!(only(&read_back), records()[..read_back.len()]);
        }
    }
}
