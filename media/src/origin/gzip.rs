//! A gzip member (RFC 1952) stitched from pieces that were deflated apart.
//!
//! A playlist of hours is mostly lines that never change. Each block of them is deflated once, ended with a full flush
//! (byte-aligned, no reference to earlier text; RFC 1951 section 3.2.4 by way of zlib's `Z_FULL_FLUSH`), and then copied
//! into every answer; only the head and tail are deflated anew. One member, because browsers ignore what follows the first.

use bytes::{BufMut, Bytes, BytesMut};
use crc32fast::Hasher;
use flate2::{Compress, Compression, FlushCompress};

/// Level 6 of zlib for what is kept; the tail is made per version, so a fast level.
const KEPT_LEVEL: u32 = 6;
const TAIL_LEVEL: u32 = 3;
/// RFC 1952 section 2.3: magic, deflate, no flags, no time, no extra flags, unknown system.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
/// An empty final block with fixed codes: ends the deflate stream.
const FINAL_BLOCK: [u8; 2] = [0x03, 0x00];

/// A piece of text, deflated so that it can stand anywhere in a stream.
#[derive(Clone, Debug)]
pub struct Piece {
    deflated: Bytes,
    crc: Hasher,
    length: u32,
}

impl Piece {
    /// Deflates text that is kept.
    #[must_use]
    pub fn kept(text: &[u8]) -> Self {
        Self::new(text, KEPT_LEVEL)
    }

    /// Deflates text that is used for one version.
    #[must_use]
    pub fn passing(text: &[u8]) -> Self {
        Self::new(text, TAIL_LEVEL)
    }

    fn new(text: &[u8], level: u32) -> Self {
        let mut crc = Hasher::new();
        crc.update(text);
        let mut compress = Compress::new(Compression::new(level), false);
        let mut deflated = Vec::with_capacity(text.len() / 3 + 64);
        loop {
            let read = usize::try_from(compress.total_in()).unwrap_or(usize::MAX);
            if deflated.capacity() - deflated.len() < 64 {
                deflated.reserve(deflated.len() + 64);
            }
            // Deflating valid memory into a growing buffer has no way to fail.
            let done = compress.compress_vec(&text[read..], &mut deflated, FlushCompress::Full);
            let all_read = compress.total_in() == text.len() as u64;
            if done.is_err() || (all_read && deflated.len() < deflated.capacity()) {
                break;
            }
        }
        Self { deflated: deflated.into(), crc, length: u32::try_from(text.len()).unwrap_or(u32::MAX) }
    }
}

/// The gzip member whose content is the pieces' texts in order.
#[must_use]
pub fn member<'a>(pieces: impl IntoIterator<Item = &'a Piece> + Clone) -> Bytes {
    let size: usize = pieces.clone().into_iter().map(|p| p.deflated.len()).sum();
    let mut out = BytesMut::with_capacity(size + HEADER.len() + FINAL_BLOCK.len() + 8);
    out.put_slice(&HEADER);
    let (mut crc, mut length) = (Hasher::new(), 0u32);
    for piece in pieces {
        out.put_slice(&piece.deflated);
        crc.combine(&piece.crc);
        length = length.wrapping_add(piece.length);
    }
    out.put_slice(&FINAL_BLOCK);
    out.put_u32_le(crc.finalize());
    out.put_u32_le(length);
    out.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn stitched_pieces_read_back_as_one_member() {
        let texts: Vec<String> = (0..50).map(|n| format!("#EXTINF:2.00000,\n{n}.m4s\n").repeat(n * 7)).collect();
        let pieces: Vec<_> = texts.iter().map(|t| Piece::kept(t.as_bytes())).collect();
        let gz = member(&pieces);
        let mut back = String::new();
        flate2::read::GzDecoder::new(&gz[..]).read_to_string(&mut back).unwrap();
        assert_eq!(back, texts.concat());
        assert!(gz.len() * 4 < back.len(), "{} of {}", gz.len(), back.len());
    }
}
