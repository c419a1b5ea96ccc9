//! A rung's pictures, made as small as it is: by a probe behind its queue, in its thread. The element that comes next only says the new size.
//!
//! Rungs stand one behind the other, the largest first: each is scaled from the one before, which reads a fraction of the source.

use super::swscale::{Planes, PlanesMut, ROW_ALIGN, Scaler, Size, plane_size};
use super::video::element;
use gst_video::prelude::*;
use gstreamer as gst;
use gstreamer_video as gst_video;
use std::sync::{Mutex, PoisonError};

/// Planar 4:2:0, before and after.
pub(super) const SCALED_FORMAT: &str = "I420";
/// Luma and chroma of black.
const BLACK: [u8; 3] = [16, 128, 128];
/// A picture that is this much wider or taller than its rung is stretched: sides are rounded to even ones.
const STRETCHED_PX: u32 = 4;

/// Where a picture stands in its rung's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    x: u32,
    y: u32,
    size: Size,
}

/// As large as `to` lets it, its shape kept, in the middle; `from` has pixels of `aspect` (width to height). All even.
fn place(from: Size, aspect: (u32, u32), to: Size) -> Place {
    let (wide, high) = (u64::from(from.0) * u64::from(aspect.0.max(1)), u64::from(from.1) * u64::from(aspect.1.max(1)));
    let even = |px: u64, most: u32| (u32::try_from(px).unwrap_or(most) & !1).clamp(2, most);
    // As wide as the rung, or as high.
    let height = (u64::from(to.0) * high + wide / 2) / wide.max(1);
    let width = (u64::from(to.1) * wide + high / 2) / high.max(1);
    let size = if height <= u64::from(to.1) { (to.0, even(height, to.1)) } else { (even(width, to.0), to.1) };
    if to.0 - size.0 <= STRETCHED_PX && to.1 - size.1 <= STRETCHED_PX {
        return Place { x: 0, y: 0, size: to };
    }
    Place { x: ((to.0 - size.0) / 2) & !1, y: ((to.1 - size.1) / 2) & !1, size }
}

/// How a rung's pictures lie in memory.
#[derive(Clone, Copy, Debug)]
struct Shape {
    strides: [usize; 3],
    offsets: [usize; 3],
    bytes: usize,
}

impl Shape {
    fn of(size: Size) -> Self {
        let (mut strides, mut offsets, mut bytes) = ([0; 3], [0; 3], 0);
        for n in 0..3 {
            let (width, height) = plane_size(size, n);
            strides[n] = (width as usize).next_multiple_of(ROW_ALIGN);
            offsets[n] = bytes;
            bytes += strides[n] * height as usize + ROW_ALIGN;
        }
        Self { strides, offsets, bytes }
    }
}

/// What scales for one rung.
struct Scaling {
    to: Size,
    shape: Shape,
    pool: gst::BufferPool,
    now: Option<Now>,
}

/// For pictures of one kind.
struct Now {
    caps: gst::Caps,
    info: gst_video::VideoInfo,
    place: Place,
    scaler: Scaler,
}

/// Has the pictures that leave `pad` scaled to `to`. Gives the element to put behind it.
pub(super) fn scale(pad: &gst::Pad, to: Size) -> Result<gst::Element, String> {
    let shape = Shape::of(to);
    let pool = gst::BufferPool::new();
    let mut config = pool.config();
    let bytes = u32::try_from(shape.bytes).map_err(|_| "a rung that is too large".to_owned())?;
    config.set_params(None, bytes, 0, 0);
    let started = pool.set_config(config).and_then(|()| pool.set_active(true));
    started.map_err(|e| format!("no memory for pictures: {e}"))?;
    let side = |px: u32| i32::try_from(px).unwrap_or(i32::MAX);
    let resized = element("capssetter")?;
    resized.set_property("join", false);
    resized.set_property(
        "caps",
        gst::Caps::builder("video/x-raw")
            .field("width", side(to.0))
            .field("height", side(to.1))
            .field("pixel-aspect-ratio", gst::Fraction::new(1, 1))
            .build(),
    );
    // One thread streams through a pad; the lock is never waited for.
    let scaling = Mutex::new(Scaling { to, shape, pool, now: None });
    pad.add_probe(gst::PadProbeType::BUFFER, move |pad, info| {
        let Some(gst::PadProbeData::Buffer(buffer)) = &mut info.data else { return gst::PadProbeReturn::Ok };
        let mut scaling = scaling.lock().unwrap_or_else(PoisonError::into_inner);
        match scaling.scaled(pad, buffer) {
            Ok(scaled) => {
                *buffer = scaled;
                gst::PadProbeReturn::Ok
            }
            Err(why) => {
                if let Some(parent) = pad.parent_element() {
                    gst::element_error!(parent, gst::StreamError::Format, ("a picture can't be scaled: {why}"));
                }
                super::video::DROPPED
            }
        }
    });
    Ok(resized)
}

impl Scaling {
    fn scaled(&mut self, pad: &gst::Pad, buffer: &gst::Buffer) -> Result<gst::Buffer, String> {
        let caps = pad.current_caps().ok_or("nothing is known of it")?;
        let (to, shape) = (self.to, self.shape);
        let now = match &mut self.now {
            Some(now) if now.caps == caps => now,
            now => now.insert(Now::new(caps, to)?),
        };
        let frame = gst_video::VideoFrameRef::from_buffer_ref_readable(buffer, &now.info).map_err(|e| e.to_string())?;
        let mut scaled = self.pool.acquire_buffer(None).map_err(|e| format!("no memory: {e}"))?;
        let fresh = scaled.get_mut().ok_or("its memory is another's")?;
        {
            let mut map = fresh.map_writable().map_err(|e| e.to_string())?;
            let bytes = map.as_mut_slice();
            let source = |n: u32| {
                let stride =
                    usize::try_from(frame.plane_stride()[n as usize]).map_err(|_| "rows that run backwards")?;
                Ok::<_, String>((frame.plane_data(n).map_err(|e| e.to_string())?, stride))
            };
            let source = Planes([source(0)?, source(1)?, source(2)?]);
            let mut target = planes(bytes, shape, now.place).ok_or("its memory is too small")?;
            if !now.scaler.scale(&source, &mut target) {
                return Err(format!("{:?} of {:?}", now.scaler.sizes(), now.info.format()));
            }
            if now.place.size != to {
                blacken(bytes, shape, to, now.place);
            }
        }
        buffer
            .copy_into(fresh, gst::BufferCopyFlags::FLAGS | gst::BufferCopyFlags::TIMESTAMPS, ..)
            .map_err(|e| e.to_string())?;
        let strides = shape.strides.map(|bytes| i32::try_from(bytes).unwrap_or(i32::MAX));
        let (flags, format) = (gst_video::VideoFrameFlags::empty(), gst_video::VideoFormat::I420);
        gst_video::VideoMeta::add_full(fresh, flags, format, to.0, to.1, &shape.offsets, &strides)
            .map_err(|e| e.to_string())?;
        Ok(scaled)
    }
}

impl Now {
    fn new(caps: gst::Caps, to: Size) -> Result<Self, String> {
        let info = gst_video::VideoInfo::from_caps(&caps).map_err(|e| e.to_string())?;
        let from = (info.width(), info.height());
        let aspect = (info.par().numer().unsigned_abs(), info.par().denom().unsigned_abs());
        let place = place(from, aspect, to);
        let scaler = Scaler::new(from, place.size).ok_or_else(|| format!("{from:?} to {:?}", place.size))?;
        Ok(Self { caps, info, place, scaler })
    }
}

/// What is beside the picture. After it was written: its rows end in whole registers.
fn blacken(bytes: &mut [u8], shape: Shape, size: Size, place: Place) {
    for (n, black) in BLACK.into_iter().enumerate() {
        let half = if n == 0 { 1 } else { 2 };
        let (_, height) = plane_size(size, n);
        let (width, rows) = plane_size(place.size, n);
        let (x, y) = ((place.x / half) as usize, (place.y / half) as usize);
        for (row, line) in bytes[shape.offsets[n]..].chunks_mut(shape.strides[n]).take(height as usize).enumerate() {
            if (y..y + rows as usize).contains(&row) {
                line[..x].fill(black);
                line[x + width as usize..].fill(black);
            } else {
                line.fill(black);
            }
        }
    }
}

/// The planes from where `place` begins.
fn planes(bytes: &mut [u8], shape: Shape, place: Place) -> Option<PlanesMut<'_>> {
    let begin = |n: usize| {
        let (x, y) = if n == 0 { (place.x, place.y) } else { (place.x / 2, place.y / 2) };
        y as usize * shape.strides[n] + x as usize
    };
    let (y, rest) = bytes.split_at_mut_checked(shape.offsets[1])?;
    let (u, v) = rest.split_at_mut_checked(shape.offsets[2] - shape.offsets[1])?;
    let [y, u, v] = [(0, y), (1, u), (2, v)].map(|(n, plane)| Some((plane.get_mut(begin(n)..)?, shape.strides[n])));
    Some(PlanesMut([y?, u?, v?]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_fills_its_rung_or_stands_in_the_middle() {
        let square = (1, 1);
        let whole = |size| Place { x: 0, y: 0, size };
        assert_eq!(place((1920, 1080), square, (1280, 720)), whole((1280, 720)));
        assert_eq!(place((1280, 720), square, (854, 480)), whole((854, 480)), "853.3");
        assert_eq!(place((720, 576), (16, 11), (872, 480)), whole((872, 480)));
        assert_eq!(place((640, 480), square, (1280, 720)), Place { x: 160, y: 0, size: (960, 720) });
        assert_eq!(place((1080, 1920), square, (854, 480)), Place { x: 292, y: 0, size: (270, 480) });
        assert_eq!(place((1920, 800), square, (640, 360)), Place { x: 0, y: 46, size: (640, 266) });
    }

    #[test]
    fn planes_begin_where_the_picture_does_and_borders_are_black() {
        for (from, placed) in
            [((64, 16), Place { x: 0, y: 24, size: (64, 16) }), ((18, 64), Place { x: 22, y: 0, size: (18, 64) })]
        {
            let to = (64, 64);
            let shape = Shape::of(to);
            let mut bytes = vec![7; shape.bytes];
            let place = place(from, (1, 1), to);
            assert_eq!(place, placed);
            let of = |n: usize, value: u8| {
                let (width, height) = plane_size(from, n);
                (vec![value; width as usize * height as usize], width as usize)
            };
            let white = [of(0, 235), of(1, 90), of(2, 240)];
            let source = Planes([0, 1, 2].map(|n| (&white[n].0[..], white[n].1)));
            let mut target = planes(&mut bytes, shape, place).unwrap();
            assert!(Scaler::new(from, place.size).unwrap().scale(&source, &mut target));
            blacken(&mut bytes, shape, to, place);
            for (n, (inside, outside)) in [(235, 16), (90, 128), (240, 128)].into_iter().enumerate() {
                let half = if n == 0 { 1 } else { 2 };
                let (x, y) = (place.x / half, place.y / half);
                let (width, height) = plane_size(from, n);
                for row in 0..to.1 / half {
                    for column in 0..to.0 / half {
                        let within = (x..x + width).contains(&column) && (y..y + height).contains(&row);
                        let got = bytes[shape.offsets[n] + row as usize * shape.strides[n] + column as usize];
                        assert_eq!(
                            got,
                            if within { inside } else { outside },
                            "plane {n} at {column}, {row} of {from:?}"
                        );
                    }
                }
            }
        }
    }
}
