//! FFmpeg's scaler, for planar 4:2:0: a third of what GStreamer's takes for the sizes of a ladder (measured, `benches/README.md`).
//!
//! Promises: nothing is read or written beyond the planes that are given, whatever the sizes: they are checked before FFmpeg is called.
//! The only module of the engine with `unsafe` in it.

#![expect(unsafe_code, reason = "libswscale is C; its four functions are wrapped here and nowhere else")]

use std::ffi::{c_double, c_int, c_void};
use std::ptr::{NonNull, null, null_mut};

/// `AV_PIX_FMT_YUV420P` of libavutil: fixed, as all of its numbers below the first addition.
const YUV420P: c_int = 0;
/// `SWS_BILINEAR`: the filter widens with the ratio, so that no line of a slide is skipped.
const BILINEAR: c_int = 2;
/// Larger is refused by ingest.
const MAX_SIDE_PX: u32 = 8_192;
/// Vector code writes whole registers: rows end on such a boundary, and so much is free behind the last.
pub(super) const ROW_ALIGN: usize = 64;

#[link(name = "swscale")]
unsafe extern "C" {
    fn sws_getContext(
        src_w: c_int,
        src_h: c_int,
        src_format: c_int,
        dst_w: c_int,
        dst_h: c_int,
        dst_format: c_int,
        flags: c_int,
        src_filter: *mut c_void,
        dst_filter: *mut c_void,
        param: *const c_double,
    ) -> *mut c_void;
    fn sws_scale(
        context: *mut c_void,
        src: *const *const u8,
        src_stride: *const c_int,
        src_y: c_int,
        src_h: c_int,
        dst: *const *mut u8,
        dst_stride: *const c_int,
    ) -> c_int;
    fn sws_freeContext(context: *mut c_void);
}

/// Width and height, pixels.
pub(super) type Size = (u32, u32);

/// The planes of a picture: Y, U, V, each with its bytes per row.
pub(super) struct Planes<'a>(pub(super) [(&'a [u8], usize); 3]);

/// Planes to write to. Their rows are multiples of [`ROW_ALIGN`], with as much behind the last row.
pub(super) struct PlanesMut<'a>(pub(super) [(&'a mut [u8], usize); 3]);

/// From one size to another, again and again.
#[derive(Debug)]
pub(super) struct Scaler {
    context: NonNull<c_void>,
    from: Size,
    to: Size,
}

// SAFETY: a context belongs to nobody's thread; it is used by one at a time, as `scale` takes it exclusively.
unsafe impl Send for Scaler {}

/// Of plane `n` of a picture.
pub(super) fn plane_size((width, height): Size, n: usize) -> Size {
    if n == 0 { (width, height) } else { (width.div_ceil(2), height.div_ceil(2)) }
}

impl Scaler {
    /// `None`: a side is nothing, or too large, or there is no memory.
    pub(super) fn new(from: Size, to: Size) -> Option<Self> {
        let side = |px: u32| c_int::try_from(px).ok().filter(|_| (1..=MAX_SIDE_PX).contains(&px));
        let (src_w, src_h, dst_w, dst_h) = (side(from.0)?, side(from.1)?, side(to.0)?, side(to.1)?);
        // SAFETY: sizes are within bounds, the formats exist, and absent filters and parameters are allowed by sws_getContext.
        let context = unsafe {
            let (no_filter, no_parameters) = (null_mut(), null());
            sws_getContext(src_w, src_h, YUV420P, dst_w, dst_h, YUV420P, BILINEAR, no_filter, no_filter, no_parameters)
        };
        Some(Self { context: NonNull::new(context)?, from, to })
    }

    /// Which sizes it was made for.
    pub(super) fn sizes(&self) -> (Size, Size) {
        (self.from, self.to)
    }

    /// Scales a picture. `false`: the planes are not those of the sizes, or FFmpeg refuses.
    pub(super) fn scale(&mut self, src: &Planes<'_>, dst: &mut PlanesMut<'_>) -> bool {
        let holds = |bytes: usize, stride: usize, (width, height): Size, behind: usize| {
            let (width, rows) = (width as usize, height as usize - 1);
            stride >= width
                && stride.checked_mul(rows).and_then(|n| n.checked_add(width + behind)).is_some_and(|n| n <= bytes)
        };
        let readable = (0..3).all(|n| holds(src.0[n].0.len(), src.0[n].1, plane_size(self.from, n), 0));
        let writable = (0..3).all(|n| {
            let (plane, stride) = (&dst.0[n].0, dst.0[n].1);
            stride.is_multiple_of(ROW_ALIGN) && holds(plane.len(), stride, plane_size(self.to, n), ROW_ALIGN)
        });
        let stride = |bytes: usize| c_int::try_from(bytes).ok();
        let src_strides = [stride(src.0[0].1), stride(src.0[1].1), stride(src.0[2].1), Some(0)];
        let dst_strides = [stride(dst.0[0].1), stride(dst.0[1].1), stride(dst.0[2].1), Some(0)];
        if !readable || !writable || src_strides.iter().chain(&dst_strides).any(Option::is_none) {
            return false;
        }
        let (src_strides, dst_strides) =
            (src_strides.map(Option::unwrap_or_default), dst_strides.map(Option::unwrap_or_default));
        let from = [src.0[0].0.as_ptr(), src.0[1].0.as_ptr(), src.0[2].0.as_ptr(), null()];
        let to = [dst.0[0].0.as_mut_ptr(), dst.0[1].0.as_mut_ptr(), dst.0[2].0.as_mut_ptr(), null_mut()];
        let (Ok(src_h), Ok(dst_h)) = (c_int::try_from(self.from.1), c_int::try_from(self.to.1)) else { return false };
        // SAFETY: the context is alive until it is dropped, and used by this call alone. Each plane holds its rows, as was checked just now:
        // filters of swscale are shifted inwards at the borders, so that nothing beyond a row's width is read; what is written in whole
        // registers ends within the row's stride, or within ROW_ALIGN behind the last row. The pointers live as long as the slices they
        // are of.
        let rows = unsafe {
            sws_scale(
                self.context.as_ptr(),
                from.as_ptr(),
                src_strides.as_ptr(),
                0,
                src_h,
                to.as_ptr(),
                dst_strides.as_ptr(),
            )
        };
        rows == dst_h
    }
}

impl Drop for Scaler {
    fn drop(&mut self) {
        // SAFETY: it was made by sws_getContext, and nobody uses it any more.
        unsafe { sws_freeContext(self.context.as_ptr()) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three planes of `size` whose rows are `more` longer than they must be.
    struct Picture {
        planes: [(Vec<u8>, usize); 3],
    }

    impl Picture {
        fn new(size: Size, fill: impl Fn(usize, usize, usize) -> u8) -> Self {
            let plane = |n: usize| {
                let (width, height) = plane_size(size, n);
                let stride = (width as usize).next_multiple_of(ROW_ALIGN);
                let bytes = (0..stride * height as usize + ROW_ALIGN).map(|at| fill(n, at % stride, at / stride));
                (bytes.collect(), stride)
            };
            Self { planes: [plane(0), plane(1), plane(2)] }
        }

        fn read(&self) -> Planes<'_> {
            Planes([0, 1, 2].map(|n| (&self.planes[n].0[..], self.planes[n].1)))
        }

        fn write(&mut self) -> PlanesMut<'_> {
            let [y, u, v] = &mut self.planes;
            PlanesMut([(&mut y.0[..], y.1), (&mut u.0[..], u.1), (&mut v.0[..], v.1)])
        }
    }

    #[test]
    fn a_ramp_stays_a_ramp_and_planes_stay_apart() {
        for (from, to) in
            [((1920, 1080), (1280, 720)), ((1280, 720), (854, 480)), ((854, 480), (426, 240)), ((34, 18), (16, 16))]
        {
            let across = |x: usize, width: u32| u8::try_from((x * 200 / width as usize).min(255)).unwrap();
            let source =
                Picture::new(from, |n, x, _| if n == 0 { across(x, from.0) } else { 60 * u8::try_from(n).unwrap() });
            let mut scaled = Picture::new(to, |_, _, _| 0);
            assert!(Scaler::new(from, to).unwrap().scale(&source.read(), &mut scaled.write()));
            let (y, stride) = &scaled.planes[0];
            for row in [0, to.1 as usize / 2, to.1 as usize - 1] {
                for x in 0..to.0 as usize {
                    let off = y[row * stride + x].abs_diff(across(x, to.0));
                    assert!(off <= 8, "{from:?} to {to:?}: {off} off at {x}, {row}");
                }
            }
            for n in [1, 2] {
                let (plane, stride) = &scaled.planes[n];
                let (width, height) = plane_size(to, n);
                let even = (0..height as usize).all(|row| {
                    plane[row * stride..row * stride + width as usize]
                        .iter()
                        .all(|b| *b == 60 * u8::try_from(n).unwrap())
                });
                assert!(even, "{from:?} to {to:?}: plane {n}");
            }
        }
    }

    #[test]
    fn planes_that_are_too_small_and_sizes_that_are_none_are_refused() {
        assert!(Scaler::new((0, 10), (16, 16)).is_none() && Scaler::new((16, 16), (9_000, 16)).is_none());
        let mut scaler = Scaler::new((64, 64), (32, 32)).unwrap();
        assert_eq!(scaler.sizes(), ((64, 64), (32, 32)));
        let (source, mut scaled) = (Picture::new((64, 64), |_, _, _| 1), Picture::new((32, 32), |_, _, _| 0));
        assert!(!scaler.scale(&Picture::new((64, 62), |_, _, _| 1).read(), &mut scaled.write()));
        assert!(!scaler.scale(&source.read(), &mut Picture::new((32, 30), |_, _, _| 0).write()));
        let mut narrow = scaled.write();
        narrow.0[0].1 = 32;
        assert!(!scaler.scale(&source.read(), &mut narrow), "rows that end nowhere");
        assert!(scaler.scale(&source.read(), &mut scaled.write()));
    }
}
