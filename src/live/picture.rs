//! Keyframes of lives as small JPEG files: an engine decodes them, and they are packed here.

use bytes::Bytes;
use jpeg_encoder::{ColorType, Encoder, SamplingFactor};
use pipelines::client;
use pipelines::client::thumbnail::{Error, Keyframe, pictures};
use pipelines::message::thumbnail::PictureSize;
use tokio::sync::mpsc;

/// Keyframes that wait before the engine.
pub(super) const AHEAD: usize = 2;
/// Behind lives, captions and jobs.
pub(super) const NICENESS: u8 = 15;

/// One run of the engine: the files with their keyframes' numbers, in order, and how it ended. One that can't be decoded has none; those that
/// were made before an error are good.
pub(super) async fn jpegs(
    settings: &client::Settings,
    size: PictureSize,
    quality: u8,
    keyframes: mpsc::Receiver<Keyframe>,
) -> (Vec<(u32, Bytes)>, Result<(), Error>) {
    let mut made = Vec::new();
    let end = pictures(settings, size, keyframes, |picture| made.push(picture)).await;
    let packed = tokio::task::spawn_blocking(move || {
        let (width, height) = (size.width_px() as usize, size.height_px() as usize);
        let pack = |rgb: &[u8]| jpeg(rgb, width, height, quality).ok().map(Bytes::from);
        made.iter().filter_map(|picture| Some((picture.number, pack(&picture.rgb)?))).collect::<Vec<_>>()
    });
    (packed.await.unwrap_or_default(), end)
}

/// Red, green and blue as a JPEG file.
///
/// # Errors
/// When it is larger than a JPEG can be.
pub(crate) fn jpeg(rgb: &[u8], width: usize, height: usize, quality: u8) -> Result<Vec<u8>, String> {
    let side = |px: usize| u16::try_from(px).map_err(|_| format!("a picture of {px} pixels is too large for JPEG"));
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, quality);
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    encoder.set_optimized_huffman_tables(true);
    encoder.encode(rgb, side(width)?, side(height)?, ColorType::Rgb).map_err(|e| e.to_string())?;
    Ok(bytes)
}
