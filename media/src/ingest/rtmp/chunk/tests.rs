//! Chunks as encoders and attackers send them.

use super::*;

fn message(kind: u8, timestamp: u32, len: usize) -> Message {
    let payload: Vec<u8> = (0u8..=250).cycle().take(len).collect();
    Message { kind, timestamp, stream_id: 1, payload: payload.into() }
}

/// Reads `bytes` in pieces of `step`.
fn read(bytes: &[u8], step: usize) -> Result<Vec<Message>, Error> {
    let mut reader = Reader::new(8 << 20);
    let mut messages = Vec::new();
    for mut piece in bytes.chunks(step) {
        while let Some(m) = reader.next(&mut piece)? {
            messages.push(m);
        }
        assert!(piece.is_empty());
    }
    assert_eq!(reader.unfinished, 0, "all was finished");
    Ok(messages)
}

#[test]
fn what_is_written_is_read_however_it_is_cut() {
    let messages = [
        message(9, 0, 1000),
        message(8, 0xFF_FFFE, 5),
        message(9, 0xFF_FFFF, 400),
        message(9, 0xFFFF_FFF0, 4097),
        message(20, 7, 0),
    ];
    let mut bytes = Vec::new();
    messages.iter().for_each(|m| write(&mut bytes, 6, 128, m));
    for step in [1, 2, 3, 7, 17, 18, 19, 127, 128, 4096, bytes.len()] {
        assert_eq!(read(&bytes, step).unwrap(), messages, "pieces of {step}");
    }
}

#[test]
fn interleaved_chunks_of_two_streams_come_out_whole() {
    let (a, b) = (message(9, 40, 300), message(8, 41, 150));
    let (mut ab, mut bb) = (Vec::new(), Vec::new());
    write(&mut ab, 6, 128, &a);
    write(&mut bb, 4, 128, &b);
    // a's first chunk, all of b, the rest of a: the order that rml_rtmp 0.8 panics on.
    let cut = 12 + 128;
    let mixed = [&ab[..cut], &bb, &ab[cut..]].concat();
    assert_eq!(read(&mixed, 1).unwrap(), [b.clone(), a.clone()]);
    let cut_b = 12 + 128;
    let mixed = [&ab[..cut], &bb[..cut_b], &ab[cut..], &bb[cut_b..]].concat();
    assert_eq!(read(&mixed, mixed.len()).unwrap(), [a, b]);
}

#[test]
fn short_headers_take_what_is_missing_from_the_earlier_one() {
    let bytes = [
        &[0x04, 0, 0, 10, 0, 0, 1, 8, 1, 0, 0, 0, 0xA0][..], // type 0: t 10, 1 byte, audio, stream 1
        &[0x44, 0, 0, 20, 0, 0, 2, 9, 0xB0, 0xB1],           // type 1: +20, 2 bytes, video
        &[0x84, 0, 0, 5, 0xC0, 0xC1],                        // type 2: +5
        &[0xC4, 0xD0, 0xD1],                                 // type 3: +5 again
        &[0xC4, 0xE0, 0xE1],
    ]
    .concat();
    let got = read(&bytes, 1).unwrap();
    let times: Vec<_> = got.iter().map(|m| (m.timestamp, m.kind, m.payload[0])).collect();
    assert_eq!(times, [(10, 8, 0xA0), (30, 9, 0xB0), (35, 9, 0xC0), (40, 9, 0xD0), (45, 9, 0xE0)]);
    assert!(got.iter().all(|m| m.stream_id == 1));
}

#[test]
fn extended_time_is_read_with_and_without_its_repetition() {
    let m = message(9, 0x0100_0000, 257);
    let mut with = Vec::new();
    write(&mut with, 6, 128, &m);
    let without = [&with[..16 + 128], &[0xC6][..], &with[16 + 128 + 5..]].concat();
    let without = [&without[..16 + 128 + 1 + 128], &[0xC6][..], &without[16 + 128 + 1 + 128 + 5..]].concat();
    assert_eq!(with.len(), without.len() + 8);
    for bytes in [with, without] {
        // Twice, so that a short last chunk is followed by another header.
        let twice = bytes.repeat(2);
        for step in [1, 2, 3, 4, 5, 150, 700] {
            assert_eq!(read(&twice, step).unwrap(), [m.clone(), m.clone()], "pieces of {step}");
        }
    }
}

#[test]
fn wide_chunk_stream_ids_are_read() {
    for (basic, count) in [(&[0x00, 200][..], 1), (&[0x01, 10, 200], 1), (&[0x3F], 1)] {
        let bytes = [basic, &[0, 0, 0, 0, 0, 1, 8, 0, 0, 0, 0, 7]].concat();
        assert_eq!(read(&bytes, 1).unwrap().len(), count);
    }
}

#[test]
fn chunk_size_is_obeyed_from_one_byte_to_64_kib_and_zero_is_refused() {
    for size in [1u32, 128, 4096, 65_536, 0x7FFF_FFFF] {
        let set = Message { kind: 1, timestamp: 0, stream_id: 0, payload: size.to_be_bytes().to_vec().into() };
        let m = message(9, 1, 200_000);
        let mut bytes = Vec::new();
        write(&mut bytes, 2, 128, &set);
        write(&mut bytes, 6, usize::try_from(size).unwrap(), &m);
        assert_eq!(read(&bytes, 60_000).unwrap(), [m], "chunks of {size}");
    }
    for (size, error) in [(0u32, Error::ChunkSize(0)), (0x8000_0000, Error::ChunkSize(0x8000_0000))] {
        let set = Message { kind: 1, timestamp: 0, stream_id: 0, payload: size.to_be_bytes().to_vec().into() };
        let mut bytes = Vec::new();
        write(&mut bytes, 2, 128, &set);
        assert_eq!(read(&bytes, 9), Err(error));
    }
}

#[test]
fn an_aborted_message_is_forgotten() {
    let (a, b) = (message(9, 40, 300), message(9, 50, 10));
    let mut bytes = Vec::new();
    write(&mut bytes, 6, 128, &a);
    bytes.truncate(12 + 128);
    let abort = Message { kind: 2, timestamp: 0, stream_id: 0, payload: 6u32.to_be_bytes().to_vec().into() };
    write(&mut bytes, 2, 128, &abort);
    write(&mut bytes, 6, 128, &b);
    assert_eq!(read(&bytes, 3).unwrap(), [b]);
}

#[test]
fn memory_is_bounded_by_what_is_announced() {
    let mut reader = Reader::new(1 << 20);
    let mut error = None;
    for id in 3..40 {
        // Each announces 1 MiB less a byte and sends one.
        let bytes = [id, 0, 0, 0, 0x0F, 0xFF, 0xFF, 9, 1, 0, 0, 0];
        let piece = [&bytes[..], &[0; 128]].concat();
        if let Err(e) = reader.next(&mut &piece[..]) {
            error = Some(e);
            break;
        }
        assert!(reader.buffered_bytes() <= (1 << 20) + SPARE_BYTES);
    }
    assert!(matches!(error, Some(Error::TooMuchUnfinished { .. })), "{error:?}");
    let long = [3, 0, 0, 0, 0x10, 0x00, 0x01, 9, 1, 0, 0, 0];
    let error = Reader::new(1 << 20).next(&mut &long[..]).unwrap_err();
    assert_eq!(error, Error::MessageTooLong { length_bytes: (1 << 20) + 1, limit_bytes: 1 << 20 });
}

#[test]
fn broken_orders_are_named() {
    assert_eq!(read(&[0xC5], 1), Err(Error::NoEarlierHeader { id: 5, format: 3 }));
    let mut bytes = Vec::new();
    write(&mut bytes, 6, 128, &message(9, 0, 300));
    bytes.truncate(12 + 128);
    write(&mut bytes, 6, 128, &message(9, 0, 300));
    assert_eq!(read(&bytes, 9), Err(Error::Interrupted { id: 6 }));
    let many: Vec<u8> = (0..=64u8).flat_map(|id| [0x00, id, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0]).collect();
    assert_eq!(read(&many, 64), Err(Error::TooManyChunkStreams));
}
