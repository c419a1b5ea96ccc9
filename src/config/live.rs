//! `[live]`.

use super::section::section;
use super::units::Span;

section! {
    /// Lives and what is kept of them.
    pub struct Live {
        /// How long a live waits for its contribution to return after it dropped; "0s" ends it at once.
        /// A broadcaster can have its own.
        pub grace: Span = Span::secs(60),
        /// A recording shorter than this is kept but not listed.
        pub min_length: Span = Span::secs(10),
        /// How far back viewers can go while it is live. The recording is whole in any case.
        pub dvr_window: Span = Span::hours(6),
        /// Length of an LL-HLS part, at most 900ms: viewers are about three parts behind, and a crash costs the part being made.
        pub part_target: Span = Span::millis(500),
        /// A segment ends at the first keyframe after this. A live that goes on after a restart keeps the TARGETDURATION it began with.
        pub segment_target: Span = Span::secs(2),
        /// A second encoder may take over from one that has been silent for this long.
        pub takeover_after: Span = Span::secs(3),
    }
}
