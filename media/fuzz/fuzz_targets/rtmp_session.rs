//! A whole session: bounded memory, and the same events however the bytes are cut.
#![no_main]

use amphi_media::ingest::rtmp::chunk::SPARE_BYTES;
use amphi_media::ingest::rtmp::session::{Error, Event, Limits, Session};
use libfuzzer_sys::fuzz_target;

const LIMITS: Limits = Limits { before_publish_bytes: 64 << 10, message_bytes: 1 << 20 };

fn run(bytes: &[u8], step: usize) -> (Vec<Event>, Option<Error>) {
    let mut session = Session::after_handshake(LIMITS);
    let mut events = Vec::new();
    for piece in bytes.chunks(step.max(1)) {
        let before = events.len();
        let result = session.input(piece, &mut events);
        let held = session.buffered_bytes();
        assert!(held <= LIMITS.message_bytes + SPARE_BYTES + (1 << 20) + 512 * piece.len(), "holds {held}");
        session.take_output();
        if let Err(e) = result {
            return (events, Some(e));
        }
        if events[before..].iter().any(|e| matches!(e, Event::Publish(_))) {
            session.accept();
        }
    }
    (events, None)
}

fuzz_target!(|bytes: &[u8]| {
    // The first byte says how the rest is cut.
    let Some((step, bytes)) = bytes.split_first() else { return };
    let pieces = run(bytes, usize::from(*step));
    let ones = run(bytes, 1);
    let media = |events: &[Event]| events.iter().filter(|e| matches!(e, Event::Media(_))).count();
    // The verdict comes after the piece that asked, so what is allowed meanwhile may differ; what is whole does not.
    if pieces.1.is_none() && ones.1.is_none() {
        assert_eq!(media(&pieces.0), media(&ones.0));
    }
});
