//! Many small pictures on one sheet, and the WebVTT file that says which is shown when. Pure.

use media::caption::webvtt::Clock;
use pipelines::message::thumbnail::{PIXEL_BYTES, PictureSize};
use std::fmt::Write as _;

/// Pictures beside each other.
const COLUMNS: usize = 10;

/// See the module. Places without a picture are black and not listed.
#[derive(Debug)]
pub(super) struct Sheet {
    tile: PictureSize,
    columns: usize,
    rows: usize,
    rgb: Vec<u8>,
    filled: Vec<bool>,
}

impl Sheet {
    /// Room for `count` pictures of size `tile`.
    pub(super) fn new(tile: PictureSize, count: usize) -> Self {
        let columns = count.clamp(1, COLUMNS);
        let rows = count.div_ceil(columns).max(1);
        let rgb = vec![0; tile.picture_bytes() * columns * rows];
        Self { tile, columns, rows, rgb, filled: vec![false; count] }
    }

    /// Puts a picture at place `n`, from the left and then down. What is no picture of the size is left out.
    pub(super) fn put(&mut self, n: usize, rgb: &[u8]) {
        let Some(filled) = self.filled.get_mut(n).filter(|_| rgb.len() == self.tile.picture_bytes()) else { return };
        *filled = true;
        let row_bytes = self.tile.width_px() as usize * PIXEL_BYTES;
        let sheet_row_bytes = row_bytes * self.columns;
        let (column, row) = (n % self.columns, n / self.columns);
        let begin = row * self.tile.height_px() as usize * sheet_row_bytes + column * row_bytes;
        for (from, to) in rgb.chunks_exact(row_bytes).zip(self.rgb[begin..].chunks_mut(sheet_row_bytes)) {
            to[..row_bytes].copy_from_slice(from);
        }
    }

    /// Columns and rows of pixels.
    pub(super) fn size_px(&self) -> (usize, usize) {
        (self.tile.width_px() as usize * self.columns, self.tile.height_px() as usize * self.rows)
    }

    /// All pixels.
    pub(super) fn rgb(&self) -> &[u8] {
        &self.rgb
    }

    /// The WebVTT file for a sheet at `url`, an absolute path: players resolve others against different places. `times_micros`: when each
    /// place's picture is first shown.
    pub(super) fn webvtt(&self, url: &str, times_micros: &[i64], length_micros: i64) -> String {
        let shown: Vec<(usize, i64)> =
            times_micros.iter().copied().enumerate().filter(|(n, _)| self.filled.get(*n) == Some(&true)).collect();
        let mut text = "WEBVTT\n".to_owned();
        for (nth, (n, at)) in shown.iter().enumerate() {
            // What comes before the first keyframe, and what could not be decoded, is shown by its neighbour.
            let from = if nth == 0 { 0 } else { *at };
            let to = shown.get(nth + 1).map_or(length_micros, |(_, next)| *next).max(from + 1_000);
            let (width, height) = (self.tile.width_px(), self.tile.height_px());
            let (x, y) = (n % self.columns * width as usize, n / self.columns * height as usize);
            // Writing to a String does not fail.
            let _ =
                write!(text, "\n{} --> {}\n{url}#xywh={x},{y},{width},{height}\n", Clock(from, '.'), Clock(to, '.'));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(size: PictureSize, n: u8) -> Vec<u8> {
        vec![n; size.picture_bytes()]
    }

    #[test]
    fn pictures_lie_from_the_left_and_then_down() {
        let tile = PictureSize::nearest(16, 16);
        let mut sheet = Sheet::new(tile, 12);
        assert_eq!(sheet.size_px(), (160, 32));
        for n in 0..12 {
            sheet.put(usize::from(n), &filled(tile, n + 1));
        }
        let pixel = |x: usize, y: usize| sheet.rgb()[(y * 160 + x) * 3];
        for n in 0..12 {
            let (x, y) = (n % 10 * 16, n / 10 * 16);
            let wanted = u8::try_from(n + 1).unwrap();
            assert_eq!([pixel(x, y), pixel(x + 15, y + 15)], [wanted; 2], "{n}");
        }
        assert_eq!(pixel(40, 20), 0, "nothing there");
        assert_eq!(Sheet::new(tile, 3).size_px(), (48, 16));
        assert_eq!(Sheet::new(tile, 0).size_px(), (16, 16));
    }

    #[test]
    fn the_list_has_absolute_paths_and_leaves_no_hole() {
        let tile = PictureSize::nearest(160, 90);
        let mut sheet = Sheet::new(tile, 12);
        for n in [0, 1, 11] {
            sheet.put(n, &filled(tile, 9));
        }
        sheet.put(2, &[1, 2, 3]);
        sheet.put(99, &filled(tile, 9));
        let times: Vec<i64> = (0..12).map(|n| 40_000 + n * 5_000_000).collect();
        let text = sheet.webvtt("/videos/x/storyboard.jpg", &times, 3_700_500_000);
        let wanted = "WEBVTT\n\n\
            00:00:00.000 --> 00:00:05.040\n/videos/x/storyboard.jpg#xywh=0,0,160,90\n\n\
            00:00:05.040 --> 00:00:55.040\n/videos/x/storyboard.jpg#xywh=160,0,160,90\n\n\
            00:00:55.040 --> 01:01:40.500\n/videos/x/storyboard.jpg#xywh=160,90,160,90\n";
        assert_eq!(text, wanted);
        assert_eq!(Sheet::new(tile, 2).webvtt("/x", &[0, 1], 2), "WEBVTT\n");
    }
}
