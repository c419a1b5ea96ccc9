//! A recording's index: any bytes are read without harm, and what is read can be written and read again.
#![no_main]

use amphi_media::segment::index::{MAGIC, read, write};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let log = [&MAGIC[..], bytes].concat();
    let records = read(&log);
    let mut again = MAGIC.to_vec();
    for (record, end) in &records {
        assert!(*end <= log.len() as u64);
        write(record, &mut again);
    }
    let back = read(&again);
    assert_eq!(back.len(), records.len());
    assert!(back.iter().zip(&records).all(|((a, _), (b, _))| a == b));
});
