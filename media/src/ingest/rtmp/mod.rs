//! RTMP, the protocol of OBS, ffmpeg and the SMP 351.
//!
//! Read in this order: [`chunk`] and [`amf0`] (the wire's two layers), [`session`] (handshake and commands), [`name`]
//! (which broadcaster, which key), [`translate`] (FLV media → feed items); all of them pure. [`listen`] is the shell
//! with the sockets.

pub mod amf0;
pub mod chunk;
pub mod listen;
pub mod name;
pub mod session;
pub mod translate;

#[cfg(test)]
mod mutated;
#[cfg(test)]
mod transcript;
