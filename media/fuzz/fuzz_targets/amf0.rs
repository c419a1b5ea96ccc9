//! AMF0: bounded, and what is read can be written and read again as the same.
#![no_main]

use amphi_media::ingest::rtmp::amf0::{MAX_DEPTH, MAX_VALUES, Value, decode, encode};
use libfuzzer_sys::fuzz_target;

/// Values and deepest nesting.
fn measure(value: &Value) -> (usize, usize) {
    let children: Vec<_> = match value {
        Value::Object(fields) => fields.iter().map(|(_, v)| measure(v)).collect(),
        Value::Array(items) => items.iter().map(measure).collect(),
        _ => return (1, 0),
    };
    let count = 1 + children.iter().map(|c| c.0).sum::<usize>();
    (count, children.iter().map(|c| c.1 + 1).max().unwrap_or(0))
}

fn has_nan(value: &Value) -> bool {
    match value {
        Value::Number(n) | Value::Date(n) => n.is_nan(),
        Value::Object(fields) => fields.iter().any(|(_, v)| has_nan(v)),
        Value::Array(items) => items.iter().any(has_nan),
        _ => false,
    }
}

/// Long strings are written in the short form, which ends at 65,535 bytes.
fn is_long(value: &Value) -> bool {
    let long = |s: &str| s.len() > usize::from(u16::MAX);
    match value {
        Value::String(s) => long(s),
        Value::Object(fields) => fields.iter().any(|(n, v)| long(n) || is_long(v)),
        Value::Array(items) => items.iter().any(is_long),
        _ => false,
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(values) = decode(bytes) else { return };
    let measures: Vec<_> = values.iter().map(measure).collect();
    assert!(measures.iter().map(|m| m.0).sum::<usize>() <= MAX_VALUES);
    assert!(measures.iter().all(|m| m.1 <= MAX_DEPTH));
    if values.iter().any(|v| has_nan(v) || is_long(v)) {
        return;
    }
    let mut written = Vec::new();
    values.iter().for_each(|v| encode(v, &mut written));
    assert_eq!(decode(&written).as_ref(), Ok(&values));
});
