//! AMF0, the value format of RTMP commands (Adobe "Action Message Format -- AMF 0", 2007).
//!
//! Promises: decoding is bounded in depth, in number of values and (by the caller's message limit) in size, never
//! recurses deeper than [`MAX_DEPTH`], never allocates more than the input's own size times a small constant, and
//! never panics. Encoding covers what the server's replies need.

/// Deepest nesting taken. Encoders nest twice (an object in the arguments); 20,000 levels crash a naive reader's stack.
pub const MAX_DEPTH: usize = 16;
/// Most values in one message, keys not counted. Real metadata has about 30.
pub const MAX_VALUES: usize = 1024;

const NUMBER: u8 = 0x00;
const BOOLEAN: u8 = 0x01;
const STRING: u8 = 0x02;
const OBJECT: u8 = 0x03;
const NULL: u8 = 0x05;
const UNDEFINED: u8 = 0x06;
const REFERENCE: u8 = 0x07;
const ECMA_ARRAY: u8 = 0x08;
const OBJECT_END: u8 = 0x09;
const STRICT_ARRAY: u8 = 0x0A;
const DATE: u8 = 0x0B;
const LONG_STRING: u8 = 0x0C;
const UNSUPPORTED: u8 = 0x0D;
const XML: u8 = 0x0F;
const TYPED_OBJECT: u8 = 0x10;

/// Why bytes are not AMF0 that we take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A value's fields run past the end.
    #[error("AMF0: ends inside a value at byte {at}")]
    Truncated {
        /// Where, from the message's first byte.
        at: usize,
    },
    /// A type marker nobody defined, or one that only Flash objects use.
    #[error("AMF0: marker {marker:#04x} at byte {at}")]
    Marker {
        /// The byte found.
        marker: u8,
        /// Where.
        at: usize,
    },
    /// Nested deeper than [`MAX_DEPTH`].
    #[error("AMF0: nested deeper than {MAX_DEPTH}")]
    TooDeep,
    /// More than [`MAX_VALUES`].
    #[error("AMF0: more than {MAX_VALUES} values")]
    TooMany,
}

/// One value. Strings that are not UTF-8 have their bad bytes replaced.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// IEEE 754 double; transaction ids are these too.
    Number(f64),
    /// True or false.
    Boolean(bool),
    /// Text, short or long form.
    String(String),
    /// Named values in the order sent (object, typed object or ECMA array).
    Object(Vec<(String, Value)>),
    /// Strict array.
    Array(Vec<Value>),
    /// Milliseconds since the Unix epoch.
    Date(f64),
    /// Null, undefined, unsupported, or a reference (nobody sends those on purpose).
    Null,
}

impl Value {
    /// The text, if it is one.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(s) => Some(s),
            _ => None,
        }
    }

    /// The number, if it is one.
    #[must_use]
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Self::Number(n) => Some(*n),
            _ => None,
        }
    }

    /// The named value of an object: the first of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        match self {
            Self::Object(fields) => fields.iter().find(|(n, _)| n == name).map(|(_, v)| v),
            _ => None,
        }
    }
}

/// All values of a message, in order. Nothing is also an answer: no bytes, no values.
///
/// # Errors
/// When the bytes end inside a value, carry an unknown marker, or exceed a bound.
pub fn decode(bytes: &[u8]) -> Result<Vec<Value>, Error> {
    let mut reader = Reader { bytes, at: 0, values_left: MAX_VALUES };
    let mut values = Vec::new();
    while reader.at < bytes.len() {
        values.push(reader.value(0)?);
    }
    Ok(values)
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    values_left: usize,
}

impl<'a> Reader<'a> {
    fn value(&mut self, depth: usize) -> Result<Value, Error> {
        if depth > MAX_DEPTH {
            return Err(Error::TooDeep);
        }
        self.values_left = self.values_left.checked_sub(1).ok_or(Error::TooMany)?;
        let at = self.at;
        let marker = self.take(1)?[0];
        Ok(match marker {
            NUMBER => Value::Number(self.number()?),
            BOOLEAN => Value::Boolean(self.take(1)?[0] != 0),
            STRING => Value::String(self.string()?),
            LONG_STRING | XML => {
                let len = self.u32()?;
                Value::String(lossy(self.take(usize::try_from(len).unwrap_or(usize::MAX))?))
            }
            OBJECT => Value::Object(self.fields(depth, false)?),
            TYPED_OBJECT => {
                self.string()?;
                Value::Object(self.fields(depth, false)?)
            }
            ECMA_ARRAY => {
                // The count is a hint that some encoders leave at 0; the end marker decides.
                self.u32()?;
                Value::Object(self.fields(depth, true)?)
            }
            STRICT_ARRAY => {
                let count = self.u32()?;
                // Grows as values are really there: the count is the peer's claim.
                let mut items = Vec::new();
                for _ in 0..count {
                    items.push(self.value(depth + 1)?);
                }
                Value::Array(items)
            }
            DATE => {
                let millis = self.number()?;
                self.take(2)?;
                Value::Date(millis)
            }
            REFERENCE => {
                self.take(2)?;
                Value::Null
            }
            NULL | UNDEFINED | UNSUPPORTED => Value::Null,
            marker => return Err(Error::Marker { marker, at }),
        })
    }

    /// Named values until the end marker. `may_end_early`: some encoders forget the marker after an ECMA array.
    fn fields(&mut self, depth: usize, may_end_early: bool) -> Result<Vec<(String, Value)>, Error> {
        let mut fields = Vec::new();
        loop {
            if may_end_early && self.at == self.bytes.len() {
                return Ok(fields);
            }
            let name = self.string()?;
            if name.is_empty() && self.bytes.get(self.at) == Some(&OBJECT_END) {
                self.at += 1;
                return Ok(fields);
            }
            fields.push((name, self.value(depth + 1)?));
        }
    }

    fn string(&mut self) -> Result<String, Error> {
        let len = self.take(2)?;
        let len = usize::from(u16::from_be_bytes([len[0], len[1]]));
        Ok(lossy(self.take(len)?))
    }

    fn number(&mut self) -> Result<f64, Error> {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(self.take(8)?);
        Ok(f64::from_be_bytes(bytes))
    }

    fn u32(&mut self) -> Result<u32, Error> {
        let mut bytes = [0; 4];
        bytes.copy_from_slice(self.take(4)?);
        Ok(u32::from_be_bytes(bytes))
    }

    fn take(&mut self, n: usize) -> Result<&'a [u8], Error> {
        let end = self.at.checked_add(n).filter(|end| *end <= self.bytes.len());
        let end = end.ok_or(Error::Truncated { at: self.at })?;
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Appends `value` to `out`. Text is cut at 65,535 bytes (the short form's end); our replies are far shorter.
pub fn encode(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Number(n) => {
            out.push(NUMBER);
            out.extend_from_slice(&n.to_be_bytes());
        }
        Value::Boolean(b) => out.extend_from_slice(&[BOOLEAN, u8::from(*b)]),
        Value::String(s) => {
            out.push(STRING);
            put_string(s, out);
        }
        Value::Object(fields) => {
            out.push(OBJECT);
            for (name, value) in fields {
                put_string(name, out);
                encode(value, out);
            }
            out.extend_from_slice(&[0, 0, OBJECT_END]);
        }
        Value::Array(items) => {
            out.push(STRICT_ARRAY);
            out.extend_from_slice(&u32::try_from(items.len()).unwrap_or(u32::MAX).to_be_bytes());
            for item in items {
                encode(item, out);
            }
        }
        Value::Date(millis) => {
            out.push(DATE);
            out.extend_from_slice(&millis.to_be_bytes());
            out.extend_from_slice(&[0, 0]);
        }
        Value::Null => out.push(NULL),
    }
}

fn put_string(s: &str, out: &mut Vec<u8>) {
    let (len, text) = match u16::try_from(s.len()) {
        Ok(len) => (len, s.as_bytes()),
        Err(_) => (u16::MAX, &s.as_bytes()[..usize::from(u16::MAX)]),
    };
    out.extend_from_slice(&len.to_be_bytes());
    out.extend_from_slice(text);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Vec<Value> {
        vec![
            Value::String("connect".into()),
            Value::Number(1.0),
            Value::Object(vec![
                ("app".into(), Value::String("live".into())),
                ("fpad".into(), Value::Boolean(false)),
                ("list".into(), Value::Array(vec![Value::Null, Value::Date(5.0)])),
            ]),
        ]
    }

    fn encoded() -> Vec<u8> {
        let mut bytes = Vec::new();
        sample().iter().for_each(|v| encode(v, &mut bytes));
        bytes
    }

    #[test]
    fn what_is_encoded_is_decoded() {
        let values = decode(&encoded()).unwrap();
        assert_eq!(values, sample());
        assert_eq!(values[2].get("app").and_then(Value::as_str), Some("live"));
    }

    #[test]
    fn every_truncation_is_an_error_or_fewer_values() {
        let bytes = encoded();
        for end in 0..bytes.len() {
            match decode(&bytes[..end]) {
                Ok(values) => assert!(values.len() < 3, "{end} bytes"),
                Err(e) => assert!(matches!(e, Error::Truncated { .. }), "{e}"),
            }
        }
    }

    #[test]
    fn twenty_thousand_nested_arrays_are_refused() {
        let mut bytes = Vec::new();
        for _ in 0..20_000 {
            bytes.extend_from_slice(&[STRICT_ARRAY, 0, 0, 0, 1]);
        }
        bytes.push(NULL);
        assert_eq!(decode(&bytes), Err(Error::TooDeep));
        let objects: Vec<u8> = [OBJECT, 0, 1, b'x'].repeat(20_000);
        assert_eq!(decode(&objects), Err(Error::TooDeep));
    }

    #[test]
    fn a_claimed_count_costs_nothing_and_real_ones_are_bounded() {
        assert!(matches!(decode(&[STRICT_ARRAY, 0xFF, 0xFF, 0xFF, 0xFF]), Err(Error::Truncated { .. })));
        assert_eq!(decode(&vec![NULL; MAX_VALUES + 1]), Err(Error::TooMany));
        assert_eq!(decode(&vec![NULL; MAX_VALUES]).unwrap().len(), MAX_VALUES);
    }

    #[test]
    fn rare_types_are_read_and_unknown_ones_named() {
        let ecma = [ECMA_ARRAY, 0, 0, 0, 9, 0, 1, b'a', BOOLEAN, 1];
        assert_eq!(decode(&ecma).unwrap(), [Value::Object(vec![("a".into(), Value::Boolean(true))])]);
        assert_eq!(decode(&[LONG_STRING, 0, 0, 0, 1, b'z']).unwrap(), [Value::String("z".into())]);
        assert_eq!(decode(&[TYPED_OBJECT, 0, 1, b'C', 0, 0, OBJECT_END]).unwrap(), [Value::Object(vec![])]);
        assert_eq!(decode(&[0x11, 0]), Err(Error::Marker { marker: 0x11, at: 0 }));
    }
}
