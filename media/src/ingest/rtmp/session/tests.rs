//! The order of commands: encoders' by transcript, and what a hostile one tries.

use super::super::transcript::{self, Wire, text};
use super::*;
use amf0::Value;

const LIMITS: Limits = Limits { before_publish_bytes: 64 << 10, message_bytes: 8 << 20 };

/// Runs `bytes` in pieces of `step`, accepting what is asked for; all events.
fn run(session: &mut Session, bytes: &[u8], step: usize) -> Result<Vec<Event>, Error> {
    let mut all = Vec::new();
    for piece in bytes.chunks(step) {
        let before = all.len();
        session.input(piece, &mut all)?;
        if all[before..].iter().any(|e| matches!(e, Event::Publish(_))) {
            session.accept();
        }
    }
    Ok(all)
}

/// The commands in what a session sent.
fn replies(mut bytes: &[u8]) -> Vec<Vec<Value>> {
    let mut reader = Reader::new(1 << 20);
    let mut commands = Vec::new();
    while let Some(m) = reader.next(&mut bytes).unwrap() {
        if m.kind == kind::COMMAND_AMF0 {
            commands.push(amf0::decode(&m.payload).unwrap());
        }
    }
    commands
}

/// Media events as `v12` or `a12`, others by name.
fn shape(events: &[Event]) -> Vec<String> {
    let one = |e: &Event| match e {
        Event::Publish(r) => format!("publish {} {}", r.app, r.name),
        Event::Media(m) => format!("{}{}", if m.is_video { "v" } else { "a" }, m.timestamp),
        Event::Metadata { encoder } => format!("metadata {}", encoder.as_deref().unwrap_or("-")),
        Event::Unpublish => "unpublish".into(),
    };
    events.iter().map(one).collect()
}

#[test]
fn obs_is_understood_however_its_bytes_are_cut() {
    let bytes = transcript::obs();
    for step in [1, 13, 1000, bytes.len()] {
        let events = shape(&run(&mut Session::after_handshake(LIMITS), &bytes, step).unwrap());
        assert_eq!(events[0], "publish live hall?key=good");
        let rest: Vec<_> = events[1..].iter().filter(|e| !e.starts_with("metadata")).cloned().collect();
        assert_eq!(rest.len(), 2 + 24 + 1, "pieces of {step}: {rest:?}");
        assert_eq!((rest[0].as_str(), rest[25].as_str(), rest[26].as_str()), ("v0", "a363", "unpublish"));
    }
}

#[test]
fn ffmpeg_as_recorded_is_understood() {
    for step in [1, 100, transcript::FFMPEG.len()] {
        let events = shape(&run(&mut Session::after_handshake(LIMITS), transcript::FFMPEG, step).unwrap());
        assert_eq!(events[0], "publish live hall?key=good");
        assert_eq!(
            events.iter().filter(|e| e.starts_with('v')).count(),
            1 + 10 + 1,
            "header, pictures, end of sequence"
        );
        assert_eq!(events.last().unwrap(), "unpublish");
    }
}

#[test]
fn every_question_is_answered_with_its_number() {
    let mut session = Session::after_handshake(LIMITS);
    let events = run(&mut session, &transcript::obs_until_publish().bytes, 4096).unwrap();
    assert_eq!(events.len(), 1);
    let replies = replies(&session.take_output());
    let said: Vec<_> = replies.iter().map(|r| (r[0].as_str().unwrap(), r[1].as_number().unwrap())).collect();
    let want =
        [("_result", 1.0), ("_result", 2.0), ("_result", 3.0), ("_result", 4.0), ("_result", 0.0), ("onStatus", 0.0)];
    assert_eq!(said, want);
    assert_eq!(replies[3][3], Value::Number(1.0), "the stream's number");
    let status = |field| replies[5][3].get(field).and_then(Value::as_str);
    assert_eq!((status("level"), status("code")), (Some("status"), Some("NetStream.Publish.Start")));
}

#[test]
fn a_refusal_is_bad_name_with_its_text_and_nothing_more_is_taken() {
    let mut session = Session::after_handshake(LIMITS);
    let mut events = Vec::new();
    session.input(&transcript::obs_until_publish().bytes, &mut events).unwrap();
    session.take_output();
    session.refuse("No.");
    let replies = replies(&session.take_output());
    let status = |field| replies[0][3].get(field).and_then(Value::as_str);
    assert_eq!(status("level"), Some("error"));
    assert_eq!(status("code"), Some("NetStream.Publish.BadName"));
    assert_eq!(status("description"), Some("No."));
    events.clear();
    session.input(&transcript::obs(), &mut events).unwrap();
    assert!(events.is_empty() && session.is_over());
}

#[test]
fn the_key_is_in_no_debug_text() {
    let mut session = Session::after_handshake(LIMITS);
    let events = run(&mut session, &transcript::obs_until_publish().bytes, 4096).unwrap();
    assert!(!format!("{session:?} {events:?}").contains("good"));
}

#[test]
fn the_three_attacks_on_rml_rtmp_do_nothing() {
    // An empty command; a command of a name only; @setDataFrame without and with one argument.
    let empty = [3, 0, 0, 0, 0, 0, 0, 0x14, 0, 0, 0, 0];
    assert_eq!(run(&mut Session::after_handshake(LIMITS), &empty, 1).unwrap(), []);
    for values in [&[][..], &[text("connect")], &[text("@setDataFrame")], &[text("@setDataFrame"), text("onMetaData")]]
    {
        for kind in [kind::COMMAND_AMF0, kind::COMMAND_AMF3, kind::DATA_AMF0, kind::DATA_AMF3] {
            let mut payload = Vec::new();
            values.iter().for_each(|v| amf0::encode(v, &mut payload));
            for mut w in [Wire::default(), transcript::obs_until_publish()] {
                w.message(3, kind, 0, 1, payload.clone());
                let result = run(&mut Session::after_handshake(LIMITS), &w.bytes, 7);
                assert!(matches!(result, Ok(_) | Err(Error::OutOfOrder("connect"))), "{result:?}");
            }
        }
    }

    // A message under way on one chunk stream, a shorter one whole on another.
    let mut w = transcript::obs_until_publish();
    w.chunk_size(128);
    let (mut long, mut short) = (Wire::default(), Wire::default());
    long.message(6, kind::VIDEO, 1, 1, vec![0x17; 300]);
    short.message(4, kind::AUDIO, 2, 1, vec![0xAF; 10]);
    let bytes = [&w.bytes[..], &long.bytes[..140], &short.bytes, &long.bytes[140..]].concat();
    let events = run(&mut Session::after_handshake(LIMITS), &bytes, 3).unwrap();
    assert_eq!(shape(&events)[1..], ["a2", "v1"]);
    let Event::Media(media) = &events[2] else { panic!() };
    assert_eq!(media.payload, vec![0x17; 300]);

    // 20,000 arrays in arrays, within what is allowed and in two messages.
    let nested = [0x0A, 0, 0, 0, 1].repeat(12_000);
    let mut w = Wire::default();
    w.message(3, kind::COMMAND_AMF0, 0, 0, nested.clone());
    let result = run(&mut Session::after_handshake(LIMITS), &w.bytes, 4096);
    assert!(matches!(result, Err(Error::Amf0(amf0::Error::TooDeep))), "{result:?}");
    // Metadata is read once publishing, and passed over when it is like this.
    let mut session = Session::after_handshake(LIMITS);
    run(&mut session, &transcript::obs_until_publish().bytes, 4096).unwrap();
    for (payload, want) in [(nested, &[][..]), (vec![5], &["metadata -".to_owned()])] {
        let mut w = Wire::default();
        w.chunk_size(4096);
        w.message(3, kind::DATA_AMF0, 0, 1, payload);
        assert_eq!(shape(&run(&mut session, &w.bytes, 4096).unwrap()), want);
    }
    let mut w = Wire::default();
    w.message(3, kind::COMMAND_AMF0, 0, 0, [0x0A, 0, 0, 0, 1].repeat(20_000));
    let result = run(&mut Session::after_handshake(LIMITS), &w.bytes, 4096);
    assert!(matches!(result, Err(Error::Chunk(chunk::Error::MessageTooLong { .. }))), "{result:?}");
}

#[test]
fn bytes_before_publish_are_bounded_and_those_after_are_not() {
    let mut session = Session::after_handshake(LIMITS);
    let mut w = Wire::default();
    (0..5000).for_each(|_| w.message(2, kind::ACKNOWLEDGEMENT, 0, 0, vec![0; 4]));
    let result = run(&mut session, &w.bytes, 1000);
    assert_eq!(result, Err(Error::TooMuchBeforePublish { limit_bytes: 64 << 10 }));
    let mut session = Session::after_handshake(LIMITS);
    run(&mut session, &transcript::obs_until_publish().bytes, 1000).unwrap();
    let mut media = Wire::default();
    media.chunk_size(65_536);
    media.message(4, kind::VIDEO, 0, 1, vec![0; 7 << 20]);
    assert_eq!(run(&mut session, &media.bytes, 65_536).unwrap().len(), 1);
}

#[test]
fn acknowledgements_count_from_the_beginning() {
    let mut session = Session::after_handshake(LIMITS);
    let mut w = transcript::obs_until_publish();
    w.message(2, kind::WINDOW_ACK_SIZE, 0, 0, 10_000u32.to_be_bytes().to_vec());
    run(&mut session, &w.bytes, 10_000).unwrap();
    session.take_output();
    let mut media = Wire::default();
    media.chunk_size(4096);
    (0..30).for_each(|_| media.message(4, kind::VIDEO, 0, 1, vec![0; 1000]));
    let mut acknowledged = Vec::new();
    for piece in media.bytes.chunks(1000) {
        session.input(piece, &mut Vec::new()).unwrap();
        let out = session.take_output();
        let mut reader = Reader::new(1 << 20);
        if let Some(m) = reader.next(&mut &out[..]).unwrap() {
            acknowledged.push(chunk::control_u32(&m).unwrap());
        }
    }
    let all = u32::try_from(w.bytes.len() + media.bytes.len()).unwrap();
    assert!(acknowledged.len() == 2 || acknowledged.len() == 3, "{acknowledged:?}");
    assert!(acknowledged.windows(2).all(|a| (10_000..12_000).contains(&(a[1] - a[0]))), "{acknowledged:?}");
    assert!(acknowledged.last().unwrap() <= &all);
}

#[test]
fn pings_aggregates_and_players_are_answered() {
    let mut w = transcript::obs_until_publish();
    w.message(2, kind::USER_CONTROL, 0, 0, vec![0, 6, 1, 2, 3, 4]);
    let tag = |kind: u8, time: u8, len: u8| {
        [vec![kind, 0, 0, len, 0, 1, time, 0, 0, 0, 0], vec![9; len.into()], vec![0; 4]].concat()
    };
    // The second tag's time is 20 after the first's; the third is cut.
    let tags = [tag(9, 10, 5), tag(8, 30, 3), tag(9, 40, 50)[..20].to_vec()].concat();
    w.message(5, kind::AGGREGATE, 1000, 1, tags);
    w.command(1, "play", 9.0, &[Value::Null, text("x")]);
    w.command(1, "noSuchCommand", 10.0, &[Value::Null]);
    let mut session = Session::after_handshake(LIMITS);
    let events = run(&mut session, &w.bytes, 100).unwrap();
    assert_eq!(shape(&events)[1..], ["v1000", "a1020"]);
    let out = session.take_output();
    assert!(out.windows(6).any(|b| b == [0, 7, 1, 2, 3, 4]), "ping response");
    let last = replies(&out).pop().unwrap();
    assert_eq!(last[3].get("code").and_then(Value::as_str), Some("NetStream.Play.StreamNotFound"));
}

#[test]
fn the_handshake_is_shaken_in_pieces_and_other_protocols_are_named() {
    let mut client = Handshake::new(PeerType::Client);
    let mut session = Session::new(LIMITS);
    let hello = client.generate_outbound_p0_and_p1().unwrap();
    for piece in hello.chunks(500) {
        session.input(piece, &mut Vec::new()).unwrap();
    }
    let answer = client.process_bytes(&session.take_output()).unwrap();
    let HandshakeProcessResult::Completed { response_bytes, .. } = answer else { panic!("{answer:?}") };
    let mut events = Vec::new();
    session.input(&[&response_bytes[..], &transcript::obs_until_publish().bytes].concat(), &mut events).unwrap();
    assert_eq!(shape(&events), ["publish live hall?key=good"]);

    // TLS to the port without TLS.
    let result = Session::new(LIMITS).input(&[0x16, 3, 1, 0, 5], &mut Vec::new());
    assert!(matches!(result, Err(Error::Handshake(_))), "{result:?}");
}
