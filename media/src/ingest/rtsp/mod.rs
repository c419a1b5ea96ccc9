//! RTSP, pulled from cameras and the SMP 351.
//!
//! The protocol itself is the crate `retina`; here is what it leaves open, in the order a pull goes through it:
//! - [`source`](Source): where to pull from, with the secrets kept out of sight;
//! - [`backoff`](Backoff): when to try again;
//! - `session`: which of the offered tracks to take;
//! - `bound`: how much a server may send without giving a frame;
//! - `translate`, with `reorder` (decode times) and `align` (lip sync): frames → [`crate::feed::Item`];
//! - `dial`: the socket shell, [`Pull`] and [`Connected`].
//!
//! A source is pulled once whatever the number of viewers, because the caller's one loop owns the one [`Pull`], and all
//! readers share its feed. That loop is also the only layer that tries again:
//!
//! ```no_run
//! use media::ingest::rtsp::{End, Pull, Source};
//! # use amphi_media as media;
//! # async fn admit(_: std::net::SocketAddr) -> Option<media::feed::Publisher> { None }
//! # async fn pull(seed: u64) -> Result<(), media::ingest::rtsp::BadSource> {
//! let mut pull = Pull::new(Source::parse("rtsp://user:secret@192.0.2.7/extron1")?, seed);
//! loop {
//!     match pull.connect().await {
//!         // Media flows; whether it goes on air is the caller's decision.
//!         Ok(connected) => match admit(connected.peer()).await {
//!             Some(publisher) => match connected.run(publisher).await {
//!                 Ok(End::Closed) => break,
//!                 Ok(End::SourceEnded) => tracing::info!("the source ended the stream"),
//!                 Err(error) => tracing::warn!(%error, "RTSP pull ended"),
//!             },
//!             None => drop(connected),
//!         },
//!         Err(error) => tracing::warn!(%error, source = %pull.source(), "RTSP pull failed"),
//!     }
//!     tokio::time::sleep(pull.next_delay()).await;
//! }
//! # Ok(())
//! # }
//! ```

mod align;
mod backoff;
mod bound;
mod dial;
mod error;
mod reorder;
mod session;
mod source;
mod translate;

pub use backoff::Backoff;
pub use dial::{Connected, End, Pull};
pub use error::Error;
pub use session::Refused;
pub use source::{BadSource, Source, Transport};
