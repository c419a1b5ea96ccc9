//! Frames → ISO BMFF (CMAF): initialisation segments and fragments, fragments read back, and the head of a file that is one piece. Bytes only, no IO,
//! no decisions.
//!
//! One track per file, track id 1, so that every rendition is a playable fragmented MP4 of its own
//! (`ftyp moov (moof mdat)*`, ISO/IEC 14496-12 and 23000-19).

mod fragment;
mod init;
mod progressive;
mod read;

pub use fragment::{Fragment, Sample, write_fragment};
pub use init::init_segment;
pub use progressive::Progressive;
pub use read::{Listed, Timed, box_bytes, read_fragments, read_list};

/// Size and type fields of a box.
pub const BOX_HEADER_BYTES: usize = 8;

/// The one track of each file.
const TRACK_ID: u32 = 1;

/// A box could not be written (only sizes beyond 32 bits do that, which the limits of ingest exclude), or bytes are none of ours.
#[derive(Clone, Debug, thiserror::Error)]
#[error("ISO BMFF: {0}")]
pub struct Error(String);

impl From<mp4_atom::Error> for Error {
    fn from(e: mp4_atom::Error) -> Self {
        Self(e.to_string())
    }
}
