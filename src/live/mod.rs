//! A broadcaster on air, from the first byte of a contribution to the finished video. Does not know HTTP.
//!
//! - `admit`: who may publish; [`handle`]: all lives of a tenant, for everybody else;
//! - [`event`]: the life of a live, pure; `director`: the task that does what it says; `production`: media → recording and viewers; `take`: what is kept; `extent`: how long it is;
//! - `captioning`: words and cues; [`captions`]: what they are made with; [`subtitles`]: those of what lies behind; [`said`]: the same as a transcript, while the live goes on;
//! - `transcode`: the engine and what it makes; [`admission`]: whether there is room for one;
//! - [`timeline`] and [`caption_list`]: what viewers see; [`audience`], [`presence`]: how many they are; `attendance`: by the minute; [`offer`]: which renditions they can choose; `backfill`: the segments that a late one lacks; [`status`], [`meter`], `findings` and `figures`: what operators see; [`still`]: a picture of it, [`previews`]: pictures of its past; `picture`: how they are made;
//! - `listen`: contributions that come; [`pull`]: those that we fetch; [`restart`]: lives that a stop interrupted; `follow`: settings that change while a live is on air.

pub mod admission;
mod admit;
mod attendance;
pub mod audience;
mod backfill;
pub mod caption_list;
mod captioning;
pub mod captions;
mod director;
pub mod event;
mod extent;
mod figures;
mod findings;
mod follow;
pub mod handle;
mod listen;
pub mod meter;
pub mod offer;
pub(crate) mod picture;
pub mod presence;
pub mod previews;
mod production;
pub mod pull;
pub mod restart;
pub mod said;
#[cfg(test)]
mod shown;
pub mod status;
pub mod still;
pub mod subtitles;
mod take;
pub mod timeline;
mod transcode;

pub use captions::{Captions, Offer};
pub use handle::{Handle, NotOnAir, Settings, Terms, Unrecorded};
pub use listen::{Doors, Greeting};
pub use transcode::{Renditions, is_preset, presets};
