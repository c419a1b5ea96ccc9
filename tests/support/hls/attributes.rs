//! The small grammar of HLS: attribute lists, decimals, integers, byte ranges, dates.
//!
//! Promises to accept nothing that RFC 8216bis section 4.2 doesn't allow, so that a sloppy origin is found here and
//! not by the one player that is strict. Decimals are kept as whole nanoseconds: no rounding takes part in a rule.

use std::collections::BTreeMap;

/// The value of one attribute as written, and whether it stood in quotes.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Value {
    text: String,
    quoted: bool,
}

/// The attributes of one tag. Every getter says what is wrong in words that name the attribute.
#[derive(Clone, Debug, Default)]
pub(crate) struct Attributes(BTreeMap<String, Value>);

impl Attributes {
    /// Reads an attribute list (RFC 8216bis, 4.2): `NAME=value,NAME="value"`, no name twice, no spaces around.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut found = BTreeMap::new();
        let mut rest = text;
        loop {
            let (name, after) = rest.split_once('=').ok_or_else(|| format!("no '=' in attribute list at {rest:?}"))?;
            if name.is_empty() || !name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'-') {
                return Err(format!("bad attribute name {name:?}"));
            }
            let (value, tail) = if let Some(inner) = after.strip_prefix('"') {
                let (inside, tail) = inner.split_once('"').ok_or_else(|| format!("{name}: quote not closed"))?;
                (Value { text: inside.to_owned(), quoted: true }, tail)
            } else {
                let end = after.find(',').unwrap_or(after.len());
                let (plain, tail) = after.split_at(end);
                if plain.is_empty() || plain.contains(['"', ' ', '\t']) {
                    return Err(format!("{name}: bad unquoted value {plain:?}"));
                }
                (Value { text: plain.to_owned(), quoted: false }, tail)
            };
            if found.insert(name.to_owned(), value).is_some() {
                return Err(format!("attribute {name} twice"));
            }
            match tail.strip_prefix(',') {
                Some(more) => rest = more,
                None if tail.is_empty() => return Ok(Self(found)),
                None => return Err(format!("{tail:?} after the value of {name}")),
            }
        }
    }

    /// A quoted string; `None` when absent.
    pub(crate) fn quoted(&self, name: &str) -> Result<Option<String>, String> {
        self.get(name, true)
    }

    /// A quoted string that has to be there and not be empty.
    pub(crate) fn need_quoted(&self, name: &str) -> Result<String, String> {
        self.quoted(name)?.filter(|text| !text.is_empty()).ok_or_else(|| format!("{name} is missing or empty"))
    }

    /// An enumerated string; `None` when absent.
    pub(crate) fn word(&self, name: &str) -> Result<Option<String>, String> {
        self.get(name, false)
    }

    /// `YES` or `NO`; absent is `NO`.
    pub(crate) fn yes(&self, name: &str) -> Result<bool, String> {
        match self.word(name)?.as_deref() {
            None | Some("NO") => Ok(false),
            Some("YES") => Ok(true),
            Some(other) => Err(format!("{name}={other} is neither YES nor NO")),
        }
    }

    /// Seconds as written, in nanoseconds.
    pub(crate) fn seconds_ns(&self, name: &str) -> Result<Option<u64>, String> {
        self.word(name)?.map(|text| decimal_ns(&text).map_err(|what| format!("{name}: {what}"))).transpose()
    }

    /// A decimal integer.
    pub(crate) fn integer(&self, name: &str) -> Result<Option<u64>, String> {
        self.word(name)?.map(|text| integer(&text).map_err(|what| format!("{name}: {what}"))).transpose()
    }

    fn get(&self, name: &str, quoted: bool) -> Result<Option<String>, String> {
        match self.0.get(name) {
            None => Ok(None),
            Some(value) if value.quoted == quoted => Ok(Some(value.text.clone())),
            Some(_) if quoted => Err(format!("{name} must be quoted")),
            Some(_) => Err(format!("{name} must not be quoted")),
        }
    }
}

/// A decimal integer of at most 20 digits (RFC 8216bis, 4.2), no sign.
pub(crate) fn integer(text: &str) -> Result<u64, String> {
    if text.is_empty() || text.len() > 20 || !text.bytes().all(|b| b.is_ascii_digit()) {
        return Err(format!("{text:?} is not a decimal integer"));
    }
    text.parse().map_err(|_| format!("{text:?} is too large"))
}

/// A decimal floating-point number of seconds, in nanoseconds; more than nine decimals are refused, not rounded.
pub(crate) fn decimal_ns(text: &str) -> Result<u64, String> {
    let bad = || format!("{text:?} is not a decimal number of seconds");
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || whole.len() > 9 || fraction.len() > 9 {
        return Err(bad());
    }
    let whole: u64 = whole.parse().map_err(|_| bad())?;
    let nanos: u64 = format!("{fraction:0<9}").parse().map_err(|_| bad())?;
    Ok(whole * 1_000_000_000 + nanos)
}

/// `length[@offset]` of EXT-X-BYTERANGE and of the BYTERANGE attributes.
pub(crate) fn byte_range(text: &str) -> Result<(u64, Option<u64>), String> {
    match text.split_once('@') {
        Some((length, offset)) => Ok((integer(length)?, Some(integer(offset)?))),
        None => Ok((integer(text)?, None)),
    }
}

/// ISO 8601 with a time zone, in milliseconds since 1970 (RFC 8216bis, 4.4.4.6: the zone SHOULD be there; we insist,
/// and on milliseconds too, since every latency figure depends on them).
pub(crate) fn date_ms(text: &str) -> Result<i64, String> {
    let time: jiff::Timestamp = text.parse().map_err(|_| format!("{text:?} is not a date with a time zone"))?;
    if !text.contains('.') {
        return Err(format!("{text:?} has no milliseconds"));
    }
    Ok(time.as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attribute_lists_are_read_strictly() {
        let read = Attributes::parse(r#"URI="a,b=c",DURATION=0.50000,INDEPENDENT=YES,LAST-MSN=7"#).unwrap();
        assert_eq!(read.need_quoted("URI").unwrap(), "a,b=c");
        assert_eq!(read.seconds_ns("DURATION").unwrap(), Some(500_000_000));
        assert!(read.yes("INDEPENDENT").unwrap());
        assert_eq!(read.integer("LAST-MSN").unwrap(), Some(7));
        assert!(read.word("URI").is_err() && read.quoted("LAST-MSN").is_err());
        for bad in ["", "A", "A=", "a=1", "A=1,", "A=1,A=2", "A=\"x", "A=\"x\"y", "A=1 ,B=2", " A=1"] {
            assert!(Attributes::parse(bad).is_err(), "{bad:?} was taken");
        }
    }

    #[test]
    fn numbers_and_dates_are_exact() {
        assert_eq!(decimal_ns("2.002"), Ok(2_002_000_000));
        assert_eq!(decimal_ns("4"), Ok(4_000_000_000));
        for bad in ["", ".5", "1.", "-1", "1e3", "1.0000000001", "1,5"] {
            assert!(decimal_ns(bad).is_err(), "{bad:?} was taken");
        }
        assert_eq!(byte_range("10@20"), Ok((10, Some(20))));
        assert_eq!(date_ms("1970-01-01T01:00:00.250+01:00"), Ok(250));
        for bad in ["1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000", "yesterday"] {
            assert!(date_ms(bad).is_err(), "{bad:?} was taken");
        }
    }
}
