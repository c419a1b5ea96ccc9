//! avcC: what is understood is written so that it is understood as the same; access units keep their form.
#![no_main]

use amphi_media::codec::h264::{H264, nals};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    // The first byte: how long the record is; the rest is an access unit.
    let Some((&length, rest)) = bytes.split_first() else { return };
    let (record, unit) = rest.split_at(usize::from(length).min(rest.len()));
    let Ok(h264) = H264::from_avcc(record) else { return };
    assert!((1..=8192).contains(&h264.width()) && (1..=8192).contains(&h264.height()));
    let again = H264::from_avcc(h264.avcc()).expect("what we write, we read");
    assert_eq!(again, h264);
    assert_eq!(again.avcc(), h264.avcc());
    let Ok(unit) = h264.normalise(unit.to_vec().into()) else { return };
    assert!(nals(&unit, 4).all(|n| n.is_ok()));
    if let Some(changed) = h264.changed_in_band(&unit) {
        assert_ne!(changed, h264);
    }
});
