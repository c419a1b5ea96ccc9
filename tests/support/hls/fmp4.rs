//! A look into fragmented MP4 with mp4-atom: tracks of an init segment, samples of parts and segments.
//!
//! Pure. Everything is checked against the bytes it came from: a sample that points outside its `mdat` is an error.

use mp4_atom::{Codec, Decode, Header, Moof, Moov};

/// Samples in one run: a minute at 1,000 per second. mp4-atom keeps a bare count, which may be four billion.
const MAX_SAMPLES: usize = 60_000;

/// What an init segment says of one track.
#[derive(Clone, Debug)]
pub(crate) struct Track {
    /// track_ID.
    pub id: u32,
    /// Ticks per second.
    pub timescale: u32,
    /// `vide` handler.
    pub video: bool,
    /// H.264 parameter sets in Annex B form; empty for other codecs.
    pub annex_b: Vec<u8>,
    /// Bytes of a NAL unit's length field.
    pub length_size: usize,
    default: (u32, u32, u32),
}

/// One sample: where its bytes are in the fragment's text, and what is said of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sample {
    /// From the start of the bytes that were read.
    pub offset: usize,
    /// Bytes.
    pub size: usize,
    /// Ticks.
    pub duration: u32,
    /// A keyframe (sample_is_non_sync_sample is 0).
    pub sync: bool,
}

/// One track's run of samples in one fragment.
#[derive(Clone, Debug)]
pub(crate) struct Run {
    /// track_ID.
    pub track: u32,
    /// baseMediaDecodeTime in ticks.
    pub start: u64,
    /// In decoding order.
    pub samples: Vec<Sample>,
}

impl Run {
    /// Sum of the durations in ticks.
    pub(crate) fn ticks(&self) -> u64 {
        self.samples.iter().map(|sample| u64::from(sample.duration)).sum()
    }
}

/// A top-level box's four letters, where it starts, and its whole size; bounded by the bytes unless `cut`.
fn boxes(bytes: &[u8], cut: bool) -> Result<Vec<([u8; 4], usize, usize)>, String> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let mut rest = &bytes[at..];
        let before = rest.len();
        let header = Header::decode(&mut rest).map_err(|error| format!("box at {at}: {error}"))?;
        let head = before - rest.len();
        let size = header.size.map_or(before, |body| body.saturating_add(head));
        let kind: [u8; 4] = header.kind.into();
        if size > before && !cut {
            return Err(format!("{} at {at} has {size} bytes, {before} are there", String::from_utf8_lossy(&kind)));
        }
        found.push((kind, at, size));
        at = at.saturating_add(size);
    }
    Ok(found)
}

/// Reads an init segment: `ftyp` and `moov` with at least one track.
pub(crate) fn init(bytes: &[u8]) -> Result<Vec<Track>, String> {
    let listed = boxes(bytes, false)?;
    if listed.first().is_none_or(|(kind, ..)| kind != b"ftyp") {
        return Err("an init segment begins with ftyp".into());
    }
    let &(_, at, size) = listed.iter().find(|(kind, ..)| kind == b"moov").ok_or("no moov")?;
    let moov = Moov::decode(&mut &bytes[at..at + size]).map_err(|error| format!("moov: {error}"))?;
    let trex = moov.mvex.as_ref().map(|mvex| mvex.trex.as_slice()).ok_or("no mvex: not fragmented")?;
    let mut tracks = Vec::new();
    for trak in &moov.trak {
        let id = trak.tkhd.track_id;
        let defaults = trex.iter().find(|trex| trex.track_id == id).ok_or_else(|| format!("track {id} has no trex"))?;
        let mut track = Track {
            id,
            timescale: trak.mdia.mdhd.timescale,
            video: trak.mdia.hdlr.handler == mp4_atom::FourCC::new(b"vide"),
            annex_b: Vec::new(),
            length_size: 4,
            default: (defaults.default_sample_duration, defaults.default_sample_size, defaults.default_sample_flags),
        };
        if let Some(Codec::Avc1(avc)) = trak.mdia.minf.stbl.stsd.codecs.first() {
            track.length_size = usize::from(avc.avcc.length_size);
            let sets = avc.avcc.sequence_parameter_sets.iter().chain(&avc.avcc.picture_parameter_sets);
            for set in sets {
                track.annex_b.extend_from_slice(&[0, 0, 0, 1]);
                track.annex_b.extend_from_slice(set);
            }
        }
        if track.timescale == 0 {
            return Err(format!("track {id} has timescale 0"));
        }
        tracks.push(track);
    }
    if tracks.is_empty() { Err("no track".into()) } else { Ok(tracks) }
}

/// The runs of all fragments in `bytes`, in order. `cut`: the last `mdat` may end early (a byte range of an I-frame).
pub(crate) fn runs(bytes: &[u8], tracks: &[Track], cut: bool) -> Result<Vec<Run>, String> {
    let listed = boxes(bytes, cut)?;
    let mut found = Vec::new();
    for (index, &(kind, at, size)) in listed.iter().enumerate() {
        match &kind {
            b"moof" => {
                let end = at.checked_add(size).filter(|end| *end <= bytes.len()).ok_or("moof is cut")?;
                let moof = Moof::decode(&mut &bytes[at..end]).map_err(|error| format!("moof: {error}"))?;
                let mdat = listed.get(index + 1).filter(|next| &next.0 == b"mdat").ok_or("moof without mdat")?;
                fragment(&moof, at, (mdat.1, mdat.1.saturating_add(mdat.2)), tracks, &mut found)?;
            }
            b"mdat" if index == 0 || &listed[index - 1].0 != b"moof" => return Err("mdat without moof".into()),
            b"mdat" | b"styp" | b"sidx" | b"prft" | b"emsg" | b"free" | b"skip" => {}
            other => return Err(format!("unexpected box {}", String::from_utf8_lossy(other))),
        }
    }
    if found.is_empty() { Err("no moof".into()) } else { Ok(found) }
}

fn fragment(
    moof: &Moof,
    at: usize,
    mdat: (usize, usize),
    tracks: &[Track],
    found: &mut Vec<Run>,
) -> Result<(), String> {
    for traf in &moof.traf {
        let id = traf.tfhd.track_id;
        let track = tracks.iter().find(|track| track.id == id).ok_or_else(|| format!("track {id} is not in init"))?;
        let start = traf.tfdt.as_ref().ok_or("no tfdt")?.base_media_decode_time;
        let mut run = Run { track: id, start, samples: Vec::new() };
        let mut next = mdat.0 + 8;
        for trun in &traf.trun {
            if let Some(offset) = trun.data_offset {
                let offset = usize::try_from(offset).map_err(|_| "negative data_offset")?;
                next = at.checked_add(offset).ok_or("data_offset overflows")?;
            }
            if trun.samples.len() > MAX_SAMPLES {
                return Err(format!("{} samples in one run", trun.samples.len()));
            }
            for entry in trun.samples.iter() {
                let size = entry.size.or(traf.tfhd.default_sample_size).unwrap_or(track.default.1) as usize;
                let flags = entry.flags.or(traf.tfhd.default_sample_flags).unwrap_or(track.default.2);
                let duration = entry.duration.or(traf.tfhd.default_sample_duration).unwrap_or(track.default.0);
                let end = next.checked_add(size).ok_or("sample size overflows")?;
                if next < mdat.0 + 8 || end > mdat.1 {
                    return Err(format!("a sample of track {id} at {next}..{end} is outside its mdat {mdat:?}"));
                }
                run.samples.push(Sample { offset: next, size, duration, sync: flags & 0x0001_0000 == 0 });
                next = end;
            }
        }
        if run.samples.is_empty() {
            return Err(format!("a fragment of track {id} without samples"));
        }
        found.push(run);
    }
    Ok(())
}

/// A keyframe's bytes as an H.264 byte stream with its parameter sets: what any decoder takes by itself.
pub(crate) fn annex_b(bytes: &[u8], track: &Track, sample: &Sample) -> Result<Vec<u8>, String> {
    let mut rest = bytes.get(sample.offset..sample.offset + sample.size).ok_or("the range ends inside the frame")?;
    let mut out = track.annex_b.clone();
    while !rest.is_empty() {
        if rest.len() < track.length_size {
            return Err("cut NAL length".into());
        }
        let (length, after) = rest.split_at(track.length_size);
        let length = length.iter().fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte));
        let nal = after.get(..length).ok_or("a NAL unit beyond its sample")?;
        out.extend_from_slice(&[0, 0, 0, 1]);
        out.extend_from_slice(nal);
        rest = &after[length..];
    }
    Ok(out)
}
