//! The LL-HLS origin as questions and answers. Live and video alike: a video is an index that has ended.
//!
//! - [`entry`]: what a playlist lists, and where its bytes are;
//! - [`playlist`]: one rendition's growing list, and its immutable [`playlist::Snapshot`]s;
//! - [`text`]: a snapshot as playlist text, full or as a delta update; [`gzip`]: the same compressed, without
//!   compressing old text again; `iframes`: true keyframes;
//! - [`request`]: path and query → a question; [`answer`]: snapshot + question → what to send, or what to wait for;
//! - [`multivariant`]: the renditions side by side; [`bit_rates`]: what each takes; [`newest`]: the newest keyframe.
//!
//! Pure: the caller waits, reads files and speaks HTTP. A snapshot's text is made once, by the first who asks, and
//! shared by all; what no longer changes is kept as text, so a playlist of six hours costs no more per part than
//! one of a minute.

pub mod answer;
pub mod bit_rates;
pub mod entry;
pub mod gzip;
mod iframes;
pub mod multivariant;
pub mod newest;
pub mod playlist;
pub mod request;
pub mod text;

#[cfg(test)]
mod origin_test;
