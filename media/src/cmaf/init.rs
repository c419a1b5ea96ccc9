//! The initialisation segment: `ftyp` and `moov` for one track.

use super::{Error, TRACK_ID};
use crate::codec::{aac::Aac, h264::H264};
use crate::track::Parameters;
use bytes::Bytes;
use mp4_atom::{
    Atom, Audio, Avc1, Avcc, Codec, Dinf, Dref, Encode, FourCC, Ftyp, Hdlr, Mdhd, Mdia, Minf, Moov, Mp4a, Mvex, Mvhd,
    Smhd, Stbl, Stsd, Tkhd, Trak, Trex, Url, Visual, Vmhd, esds,
};

/// `ftyp` + `moov` for a track with these parameters; its media timescale is [`Parameters::timescale`].
///
/// # Errors
/// When the decoder configuration can't be stored.
pub fn init_segment(parameters: &Parameters) -> Result<Bytes, Error> {
    let moov = Moov {
        mvhd: Mvhd {
            timescale: parameters.timescale().get(),
            rate: 1.into(),
            volume: 1.into(),
            next_track_id: TRACK_ID + 1,
            ..Default::default()
        },
        mvex: Some(Mvex {
            mehd: None,
            trex: vec![Trex { track_id: TRACK_ID, default_sample_description_index: 1, ..Default::default() }],
        }),
        trak: vec![trak(TRACK_ID, std::slice::from_ref(parameters))?],
        ..Default::default()
    };
    let ftyp = Ftyp {
        major_brand: FourCC::new(b"iso6"),
        minor_version: 0,
        compatible_brands: vec![FourCC::new(b"iso6"), FourCC::new(b"cmfc"), FourCC::new(b"mp41")],
    };
    let mut out = Vec::with_capacity(1024);
    ftyp.encode(&mut out)?;
    moov.encode(&mut out)?;
    Ok(out.into())
}

/// A track without samples, in whose sample descriptions these parameters are, in order; time and size are those of the first.
pub(super) fn trak(track_id: u32, parameters: &[Parameters]) -> Result<Trak, Error> {
    let Some(first) = parameters.first() else { return Err(Error("a track that nothing describes".into())) };
    let (handler, width, height) = match first {
        Parameters::Video(h264) => (b"vide", clamp_u16(h264.width()), clamp_u16(h264.height())),
        Parameters::Audio(_) => (b"soun", 0, 0),
    };
    let is_video = matches!(first, Parameters::Video(_));
    let codec = |parameters: &Parameters| match parameters {
        Parameters::Video(h264) => Ok(Codec::Avc1(avc1(h264)?)),
        Parameters::Audio(aac) => Ok(Codec::Mp4a(mp4a(aac)?)),
    };
    let codecs = parameters.iter().map(codec).collect::<Result<_, Error>>()?;
    Ok(Trak {
        tkhd: Tkhd {
            track_id,
            enabled: true,
            in_movie: true,
            volume: u8::from(!is_video).into(),
            width: width.into(),
            height: height.into(),
            ..Default::default()
        },
        mdia: Mdia {
            mdhd: Mdhd { timescale: first.timescale().get(), language: "und".into(), ..Default::default() },
            hdlr: Hdlr { handler: FourCC::new(handler), name: "Amphi".into() },
            minf: Minf {
                vmhd: is_video.then(Vmhd::default),
                smhd: (!is_video).then(Smhd::default),
                dinf: Dinf { dref: Dref { entries: vec![Url::default().into()] } },
                stbl: Stbl { stsd: Stsd { codecs }, ..Default::default() },
                ..Default::default()
            },
        },
        ..Default::default()
    })
}

fn avc1(h264: &H264) -> Result<Avc1, Error> {
    let visual = Visual {
        data_reference_index: 1,
        width: clamp_u16(h264.width()),
        height: clamp_u16(h264.height()),
        ..Default::default()
    };
    let avcc = Avcc::decode_body(&mut &h264.avcc()[..])?;
    Ok(Avc1 { visual, avcc, ..Default::default() })
}

fn mp4a(aac: &Aac) -> Result<Mp4a, Error> {
    // A rate over 65,535 Hz does not fit the 16.16 field; players read the AudioSpecificConfig (14496-12 section 12.2.3).
    let rate = u16::try_from(aac.sample_rate_hz()).unwrap_or(0);
    let audio = Audio {
        data_reference_index: 1,
        channel_count: u16::from(aac.channels()),
        sample_size: 16,
        sample_rate: rate.into(),
    };
    let dec_specific = esds::DecoderSpecific { raw: aac.asc().to_vec(), ..Default::default() };
    let es_desc = esds::EsDescriptor {
        dec_config: esds::DecoderConfig {
            // 0x40: MPEG-4 audio; stream type 5: audio (ISO/IEC 14496-1 tables 5 and 6).
            object_type_indication: 0x40,
            stream_type: 5,
            dec_specific: Some(dec_specific),
            ..Default::default()
        },
        ..Default::default()
    };
    Ok(Mp4a { audio, esds: mp4_atom::Esds { es_desc }, btrt: None, taic: None })
}

fn clamp_u16(px: u32) -> u16 {
    u16::try_from(px).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_audio_init_segment_reads_back_with_its_configuration() {
        let aac = Aac::from_asc(&[0x11, 0x90]).unwrap();
        let bytes = init_segment(&Parameters::Audio(aac.into())).unwrap();
        let mut rest = &bytes[..];
        let mut kinds = Vec::new();
        while let Some(atom) = mp4_atom::DecodeMaybe::decode_maybe(&mut rest).unwrap() {
            let atom: mp4_atom::Any = atom;
            if let mp4_atom::Any::Moov(moov) = &atom {
                let Codec::Mp4a(mp4a) = &moov.trak[0].mdia.minf.stbl.stsd.codecs[0] else { panic!("not AAC") };
                assert_eq!(mp4a.esds.es_desc.dec_config.dec_specific.as_ref().unwrap().raw, [0x11, 0x90]);
            }
            kinds.push(atom.kind());
        }
        assert_eq!(kinds, [FourCC::new(b"ftyp"), FourCC::new(b"moov")]);
    }
}
