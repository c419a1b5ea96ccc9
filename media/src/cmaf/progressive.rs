//! The head of an MP4 file that is one piece: what programs that can't play fragments are given. Its media are the payloads of fragments that exist already,
//! so that only the head has to be made: `ftyp`, a `moov` that lists every sample, and the begin of the one `mdat`.
//!
//! **Promises.** Pictures and sound keep their distance whatever was cut away and wherever a contribution began anew; a hole in the timeline is skipped, as
//! players of the playlists skip it. What is kept grows with the samples, by about twelve bytes each.

use super::init::trak;
use super::{Error, Listed};
use crate::time::{Timescale, Timestamp};
use crate::track::Parameters;
use bytes::{BufMut, Bytes};
use mp4_atom::{
    Co64, Ctts, CttsEntry, Edts, Elst, ElstEntry, Encode, FourCC, Ftyp, Moov, Mvhd, Stco, Stsc, StscEntry, Stss, Stsz,
    StszSamples, Stts, SttsEntry, Trak,
};

/// Of `mvhd`, and of edit lists: that of pictures, so that nothing is rounded there.
const MOVIE: Timescale = Timescale::VIDEO;
/// An `mdat` of more than 4 GiB has a head of sixteen bytes; so has every one here.
const MDAT_HEAD_BYTES: u64 = 16;

/// A file that is put together, chunk by chunk, in the order in which they will lie in it.
#[derive(Debug, Default)]
pub struct Progressive {
    tracks: Vec<Track>,
    /// Track and payload bytes of each chunk.
    chunks: Vec<(usize, u64)>,
    payload_bytes: u64,
}

#[derive(Debug, Default)]
struct Track {
    parameters: Vec<Parameters>,
    stts: Vec<SttsEntry>,
    ctts: Vec<CttsEntry>,
    stsc: Vec<StscEntry>,
    sizes: Vec<u32>,
    /// Numbers of samples that decoding can begin at, from 1.
    sync: Vec<u32>,
    chunks: u32,
    /// Decode time of the first sample on the file's own time, ticks; may lie before its begin.
    begin: i64,
    /// pts - dts of the first sample.
    first_cts: i64,
    /// The last sample's decode time, as the file tells it, and duration.
    last: Option<(i64, u32)>,
}

impl Progressive {
    /// One more track; its number.
    pub fn track(&mut self) -> usize {
        self.tracks.push(Track::default());
        self.tracks.len() - 1
    }

    /// Appends a chunk: samples whose payloads lie one behind the other. `shift_micros` is what leads from their decode times to the file's own time,
    /// which begins where the first track's first sample is shown. Samples that would come before their predecessors come right behind them.
    ///
    /// # Errors
    /// When there is no such track, or there are more samples or descriptions than an MP4 file can list.
    pub fn push(
        &mut self,
        track: usize,
        parameters: &Parameters,
        shift_micros: i64,
        samples: &[Listed],
    ) -> Result<(), Error> {
        let Some(found) = self.tracks.get_mut(track) else { return Err(Error("no such track".into())) };
        if samples.is_empty() {
            return Ok(());
        }
        found.push(parameters, shift_micros, samples)?;
        let bytes = samples.iter().map(|sample| u64::from(sample.bytes)).sum();
        self.chunks.push((track, bytes));
        self.payload_bytes += bytes;
        Ok(())
    }

    /// Bytes of all payloads so far.
    #[must_use]
    pub fn payload_bytes(&self) -> u64 {
        self.payload_bytes
    }

    /// Everything that comes before the payloads.
    ///
    /// # Errors
    /// When a decoder configuration can't be stored, or there is no sample at all.
    pub fn head(&self) -> Result<Bytes, Error> {
        if self.chunks.is_empty() {
            return Err(Error("nothing to make a file of".into()));
        }
        // Where chunks lie depends on the size of what lists them, and that on their number alone.
        let mut out = self.written(0)?;
        let head_bytes = out.len() as u64 + MDAT_HEAD_BYTES;
        out = self.written(head_bytes)?;
        out.put_u32(1);
        out.put_slice(b"mdat");
        out.put_u64(MDAT_HEAD_BYTES + self.payload_bytes());
        Ok(out.into())
    }

    /// `ftyp` and `moov`, where the first chunk lies at `first`.
    fn written(&self, first: u64) -> Result<Vec<u8>, Error> {
        let tracks = self.tracks.iter().enumerate().filter(|(_, track)| !track.sizes.is_empty());
        let offsets = |of: usize| {
            let mut at = first;
            let mut offsets = Vec::new();
            for (track, bytes) in &self.chunks {
                if *track == of {
                    offsets.push(at);
                }
                at += bytes;
            }
            offsets
        };
        // As it does not depend on `first`, the head has the same size each time.
        let wide = self.payload_bytes() > u64::from(u32::MAX / 2);
        let zero = self.tracks.first().map_or(Timestamp::new(0, MOVIE), Track::shown_at);
        let traks = (1..).zip(tracks).map(|(id, (n, track))| track.trak(id, zero, offsets(n), wide));
        let traks = traks.collect::<Result<Vec<_>, _>>()?;
        let moov = Moov {
            mvhd: Mvhd {
                timescale: MOVIE.get(),
                duration: traks.iter().map(|trak| trak.tkhd.duration).max().unwrap_or(0),
                rate: 1.into(),
                volume: 1.into(),
                next_track_id: u32::try_from(traks.len()).unwrap_or(u32::MAX).saturating_add(1),
                ..Default::default()
            },
            trak: traks,
            ..Default::default()
        };
        let ftyp = Ftyp {
            major_brand: FourCC::new(b"isom"),
            minor_version: 512,
            compatible_brands: vec![FourCC::new(b"isom"), FourCC::new(b"avc1"), FourCC::new(b"mp41")],
        };
        let mut out = Vec::new();
        ftyp.encode(&mut out)?;
        moov.encode(&mut out)?;
        Ok(out)
    }
}

fn too_many() -> Error {
    Error("more samples than a file can list".into())
}

impl Track {
    /// The number, from 1, of a description.
    fn description(&mut self, parameters: &Parameters) -> Result<u32, Error> {
        let known = self.parameters.iter().position(|known| known == parameters);
        let n = known.unwrap_or_else(|| {
            self.parameters.push(parameters.clone());
            self.parameters.len() - 1
        });
        // The box counts them with 32 bits, players with 16.
        u16::try_from(n + 1).map(u32::from).map_err(|_| too_many())
    }

    fn push(&mut self, parameters: &Parameters, shift_micros: i64, samples: &[Listed]) -> Result<(), Error> {
        let description = self.description(parameters)?;
        let (scale, own) = (parameters.timescale(), self.parameters[0].timescale());
        let shift = Timestamp::from_micros(shift_micros, scale).ticks();
        for sample in samples {
            let dts = i64::try_from(sample.dts).unwrap_or(i64::MAX).saturating_add(shift);
            let dts = Timestamp::new(dts, scale).rescale(own).ticks();
            let ticks = |n: i64| Timestamp::new(n, scale).rescale(own).ticks();
            self.time(dts, ticks(i64::from(sample.cts)), u32::try_from(ticks(i64::from(sample.duration))).unwrap_or(0));
            self.sizes.push(sample.bytes);
            if sample.keyframe {
                self.sync.push(u32::try_from(self.sizes.len()).map_err(|_| too_many())?);
            }
        }
        self.chunks = self.chunks.checked_add(1).ok_or_else(too_many)?;
        let samples_per_chunk = u32::try_from(samples.len()).map_err(|_| too_many())?;
        let same = |last: &StscEntry| {
            (last.samples_per_chunk, last.sample_description_index) == (samples_per_chunk, description)
        };
        if !self.stsc.last().is_some_and(same) {
            let first_chunk = self.chunks;
            self.stsc.push(StscEntry { first_chunk, samples_per_chunk, sample_description_index: description });
        }
        Ok(())
    }

    fn time(&mut self, dts: i64, cts: i64, duration: u32) {
        let dts = match self.last {
            None => {
                (self.begin, self.first_cts) = (dts, cts);
                dts
            }
            Some((last, _)) => {
                // What lies too near is moved as little as can be; the next one is where it belongs again.
                let delta = u32::try_from(dts.saturating_sub(last).max(1)).unwrap_or(u32::MAX);
                self.delta(delta);
                last + i64::from(delta)
            }
        };
        self.last = Some((dts, duration));
        match self.ctts.last_mut() {
            Some(last) if last.sample_offset == cts => last.sample_count += 1,
            _ => self.ctts.push(CttsEntry { sample_count: 1, sample_offset: cts }),
        }
    }

    fn delta(&mut self, delta: u32) {
        match self.stts.last_mut() {
            Some(last) if last.sample_delta == delta => last.sample_count += 1,
            _ => self.stts.push(SttsEntry { sample_count: 1, sample_delta: delta }),
        }
    }

    /// Where its first sample is shown.
    fn shown_at(&self) -> Timestamp {
        let own = self.parameters.first().map_or(MOVIE, Parameters::timescale);
        Timestamp::new(self.begin + self.first_cts, own)
    }

    /// `zero` is where the file begins.
    fn trak(&self, id: u32, zero: Timestamp, offsets: Vec<u64>, wide: bool) -> Result<Trak, Error> {
        let mut trak = trak(id, &self.parameters)?;
        let own = self.parameters[0].timescale();
        let (end, duration) = self.last.unwrap_or_default();
        let media = u64::try_from(end + i64::from(duration) - self.begin).unwrap_or(0);
        // Where the first sample is shown; what comes before the file's begin is not.
        let shown = self.begin + self.first_cts - zero.rescale(own).ticks();
        let skipped = u64::try_from(-shown).unwrap_or(0);
        let waited = u64::try_from(shown).unwrap_or(0);
        let in_movie = |ticks: u64| {
            let ticks = Timestamp::new(i64::try_from(ticks).unwrap_or(i64::MAX), own).rescale(MOVIE).ticks();
            u64::try_from(ticks).unwrap_or(0)
        };
        let wait = in_movie(waited);
        let length = in_movie(media.saturating_sub(skipped));
        let mut edits = Vec::new();
        if wait > 0 {
            edits.push(ElstEntry { segment_duration: wait, media_time: None, media_rate: 1.into() });
        }
        let media_time = u64::try_from(self.first_cts).unwrap_or(0) + skipped;
        edits.push(ElstEntry { segment_duration: length, media_time: Some(media_time), media_rate: 1.into() });
        trak.edts = Some(Edts { elst: Some(Elst { entries: edits }) });
        trak.tkhd.duration = wait + length;
        trak.mdia.mdhd.duration = media;
        let stbl = &mut trak.mdia.minf.stbl;
        let mut stts = self.stts.clone();
        stts.push(SttsEntry { sample_count: 1, sample_delta: duration });
        stbl.stts = Stts { entries: stts };
        if self.ctts.iter().any(|entry| entry.sample_offset != 0) {
            stbl.ctts = Some(Ctts { entries: self.ctts.clone() });
        }
        stbl.stsc = Stsc { entries: self.stsc.clone() };
        stbl.stsz = Stsz { samples: StszSamples::Different { sizes: self.sizes.clone() } };
        // Where all are, none is named.
        if self.sync.len() < self.sizes.len() {
            stbl.stss = Some(Stss { entries: self.sync.clone() });
        }
        if wide {
            stbl.co64 = Some(Co64 { entries: offsets });
        } else {
            let narrow = offsets.into_iter().map(|at| u32::try_from(at).map_err(|_| too_many()));
            stbl.stco = Some(Stco { entries: narrow.collect::<Result<_, _>>()? });
        }
        Ok(trak)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::aac::Aac;
    use mp4_atom::{Any, DecodeMaybe as _};

    fn aac(asc: [u8; 2]) -> Parameters {
        Parameters::Audio(Aac::from_asc(&asc).unwrap().into())
    }

    /// 48 kHz and 44.1 kHz, stereo.
    fn stereo() -> [Parameters; 2] {
        [aac([0x11, 0x90]), aac([0x12, 0x10])]
    }

    fn samples(dts: u64, count: u64, bytes: u32) -> Vec<Listed> {
        let one = |n| Listed { dts: dts + n * 1_024, duration: 1_024, cts: 0, keyframe: true, bytes };
        (0..count).map(one).collect()
    }

    fn moov(head: &[u8]) -> Moov {
        let mut rest = head;
        while let Some(atom) = Any::decode_maybe(&mut rest).unwrap() {
            if let Any::Moov(moov) = atom {
                return moov;
            }
        }
        panic!("no moov");
    }

    #[test]
    fn every_chunk_is_found_behind_the_head_in_the_order_in_which_they_came() {
        let mut file = Progressive::default();
        let (one, two) = (file.track(), file.track());
        let [parameters, _] = stereo();
        for n in 0..3_u32 {
            file.push(one, &parameters, 0, &samples(u64::from(n) * 2_048, 2, 10 + n)).unwrap();
            file.push(two, &parameters, 0, &samples(u64::from(n) * 1_024, 1, 100)).unwrap();
        }
        file.push(two, &parameters, 0, &[]).unwrap();
        let head = file.head().unwrap();
        assert_eq!(&head[head.len() - 16..head.len() - 8], b"\0\0\0\x01mdat");
        assert_eq!(head[head.len() - 8..], (16 + 366_u64).to_be_bytes());
        let traks = moov(&head).trak;
        let offsets = |n: usize| traks[n].mdia.minf.stbl.stco.clone().unwrap().entries;
        let at = u32::try_from(head.len()).unwrap();
        assert_eq!(offsets(0), [at, at + 120, at + 242]);
        assert_eq!(offsets(1), [at + 20, at + 142, at + 266]);
        assert_eq!(
            traks[0].mdia.minf.stbl.stsz.samples,
            StszSamples::Different { sizes: vec![10, 10, 11, 11, 12, 12] }
        );
        assert_eq!(traks[0].mdia.minf.stbl.stsc.entries.len(), 1);
        assert_eq!(traks[0].mdia.mdhd.duration, 6 * 1_024);
    }

    #[test]
    fn what_began_anew_is_told_by_its_own_description_and_lies_where_it_is_shown() {
        let mut file = Progressive::default();
        let track = file.track();
        let [first, second] = stereo();
        // 1 s of media time 100 s, then something of 44.1 kHz at 500 s, both shown one behind the other.
        file.push(track, &first, -100_000_000, &samples(4_800_000, 46, 10)).unwrap();
        file.push(track, &second, -499_000_000, &samples(22_050_000, 2, 10)).unwrap();
        let trak = moov(&file.head().unwrap()).trak.remove(0);
        let stbl = &trak.mdia.minf.stbl;
        assert_eq!(stbl.stsd.codecs.len(), 2);
        assert_eq!(stbl.stsc.entries[1].sample_description_index, 2);
        // 45 frames and what is left of the second to where the other begins, then frames of 44.1 kHz on the first one's scale.
        let told: Vec<_> = stbl.stts.entries.iter().map(|e| (e.sample_count, e.sample_delta)).collect();
        assert_eq!(told, [(45, 1_024), (1, 48_000 - 45 * 1_024), (1, 1_115), (1, 1_115)]);
        assert_eq!(trak.edts.unwrap().elst.unwrap().entries[0].media_time, Some(0));
    }

    #[test]
    fn sound_that_begins_before_or_behind_the_pictures_keeps_its_distance() {
        for (shift_micros, wait, skip) in [(-20_000, 0, 960), (0, 0, 0), (50_000, 4_500, 0)] {
            let mut file = Progressive::default();
            let (lead, track) = (file.track(), file.track());
            file.push(lead, &stereo()[0], 0, &samples(0, 4, 10)).unwrap();
            file.push(track, &stereo()[0], shift_micros, &samples(0, 4, 10)).unwrap();
            let trak = moov(&file.head().unwrap()).trak.remove(1);
            let edits = trak.edts.unwrap().elst.unwrap().entries;
            let last = edits.last().unwrap();
            assert_eq!(last.media_time, Some(skip), "{shift_micros}");
            let waited = edits.iter().filter(|edit| edit.media_time.is_none()).map(|edit| edit.segment_duration).sum();
            assert_eq!((waited, trak.tkhd.duration), (wait, waited + last.segment_duration), "{shift_micros}");
        }
    }

    #[test]
    fn samples_that_overlap_stay_in_order_and_the_next_is_in_its_place_again() {
        let mut file = Progressive::default();
        let track = file.track();
        let [parameters, _] = stereo();
        file.push(track, &parameters, 0, &samples(0, 2, 10)).unwrap();
        file.push(track, &parameters, 0, &samples(1_000, 2, 10)).unwrap();
        let stbl = moov(&file.head().unwrap()).trak.remove(0).mdia.minf.stbl;
        let told: Vec<_> = stbl.stts.entries.iter().map(|e| (e.sample_count, e.sample_delta)).collect();
        assert_eq!(told, [(1, 1_024), (1, 1), (1, 999), (1, 1_024)]);
    }

    #[test]
    fn what_is_larger_than_four_gigabytes_has_wide_offsets() {
        let mut file = Progressive::default();
        let track = file.track();
        for n in 0..3 {
            file.push(track, &stereo()[0], 0, &samples(n * 1_024, 1, u32::MAX)).unwrap();
        }
        let head = file.head().unwrap();
        let stbl = moov(&head).trak.remove(0).mdia.minf.stbl;
        assert!(stbl.stco.is_none());
        assert_eq!(stbl.co64.unwrap().entries[2], head.len() as u64 + 2 * u64::from(u32::MAX));
        assert!(
            Progressive::default().head().is_err() && Progressive::default().push(0, &stereo()[0], 0, &[]).is_err()
        );
    }
}
