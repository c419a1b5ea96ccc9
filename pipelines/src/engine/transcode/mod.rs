//! Pictures and sound to renditions. Two pipelines, so that late or absent sound never holds a picture back.
//!
//! - [`pictures`]: which pictures begin segments, and which are only decoded;
//! - [`shed`]: which pictures are left out when the machine is too slow;
//! - [`video`], [`audio`]: the pipelines; [`rung`]: what stands behind the decoder; [`encoder`]: what each encoder must be told;
//!   [`scale`]: a rung's pictures, by [`swscale`].

pub(crate) mod audio;
pub(crate) mod counts;
pub(crate) mod encoder;
pub(crate) mod pictures;
mod rung;
mod scale;
pub(crate) mod shed;
mod swscale;
pub(crate) mod video;
