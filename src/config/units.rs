//! Values that carry their unit in the file: lengths of time, sizes, paths and addresses that may be left out, secrets.

use serde::de::{self, Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};
use std::fmt;
use std::marker::PhantomData;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

/// A length of time such as "27s", "500ms", "6h" or "1h 30m".
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

impl Span {
    pub(super) const fn millis(ms: u64) -> Self {
        Self(Duration::from_millis(ms))
    }

    pub(super) const fn secs(secs: u64) -> Self {
        Self(Duration::from_secs(secs))
    }

    pub(super) const fn hours(hours: u64) -> Self {
        Self(Duration::from_secs(hours * 3_600))
    }
}

impl FromStr for Span {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = "a length of time with its unit, such as \"27s\", \"500ms\", \"6h\" or \"1h 30m\"";
        // No length that makes sense is longer to write; the parser also takes ISO 8601, which nobody needs to meet here.
        if text.len() > 40 || text.starts_with(['P', 'p', '-', '+']) {
            return Err(wrong);
        }
        text.parse::<jiff::SignedDuration>().ok().and_then(|span| Duration::try_from(span).ok()).map(Self).ok_or(wrong)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0.as_millis();
        match ms {
            0 => f.write_str("0s"),
            _ if ms.is_multiple_of(3_600_000) => write!(f, "{}h", ms / 3_600_000),
            _ if ms.is_multiple_of(1_000) => write!(f, "{}s", ms / 1_000),
            _ => write!(f, "{ms}ms"),
        }
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A number of bytes such as "4 MiB", "500 kB" or "10GB".
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

/// Units and their bytes; the largest binary one that divides a size is how it is shown.
const UNITS: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("TB", 1_000_000_000_000),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1_000),
    ("B", 1),
];

impl Size {
    pub(super) const fn kib(kib: u64) -> Self {
        Self(kib << 10)
    }

    pub(super) const fn mib(mib: u64) -> Self {
        Self(mib << 20)
    }
}

impl FromStr for Size {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = "a size with its unit, such as \"4 MiB\", \"500 kB\" or \"10 GB\"";
        let text = text.trim();
        let split = text.find(|c: char| !c.is_ascii_digit()).ok_or(wrong)?;
        let (number, unit) = text.split_at(split);
        let unit = unit.trim();
        let bytes = UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit)).ok_or(wrong)?.1;
        number.parse::<u64>().ok().and_then(|number| number.checked_mul(bytes)).map(Self).ok_or(wrong)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fits = |&&(_, bytes): &&(&str, u64)| self.0 > 0 && self.0.is_multiple_of(bytes);
        let (unit, bytes) = UNITS.iter().find(fits).unwrap_or(&("B", 1));
        write!(f, "{} {unit}", self.0 / bytes)
    }
}

impl fmt::Debug for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A path, or "" for none.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct MaybePath(pub Option<PathBuf>);

impl MaybePath {
    /// The path, if there is one.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.0.as_deref()
    }
}

impl FromStr for MaybePath {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(if text.is_empty() { None } else { Some(PathBuf::from(text)) }))
    }
}

impl fmt::Display for MaybePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.as_deref().unwrap_or(Path::new("")).display())
    }
}

/// Where to listen, as it is typed: an address with a port, or `:PORT` on the address that would be listened on anyway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listen {
    /// Both.
    Address(SocketAddr),
    /// Another port only.
    Port(u16),
}

impl Listen {
    /// The whole; `:PORT` takes `otherwise`.
    #[must_use]
    pub fn on(self, otherwise: IpAddr) -> SocketAddr {
        match self {
            Self::Address(address) => address,
            Self::Port(port) => SocketAddr::new(otherwise, port),
        }
    }
}

impl FromStr for Listen {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let listen = match text.strip_prefix(':') {
            // The number's own parser would take a sign.
            Some(port) if port.starts_with(|c: char| c.is_ascii_digit()) => port.parse().ok().map(Self::Port),
            Some(_) => None,
            None => text.parse().ok().map(Self::Address),
        };
        listen.ok_or("expected an address and a port, such as 0.0.0.0:8080, [::]:8080 or :8080")
    }
}

/// An address with a port, or "" for none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct MaybeAddress(pub Option<SocketAddr>);

impl FromStr for MaybeAddress {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Ok(Self(None));
        }
        text.parse()
            .map(|address| Self(Some(address)))
            .map_err(|_| "\"\" or an address and a port, such as \"0.0.0.0:1936\"")
    }
}

impl fmt::Display for MaybeAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |address| fmt::Display::fmt(&address, f))
    }
}

/// Where the catalogue is; may hold a password, which `Debug` hides.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    /// As it was written, password included; only to be connected to.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl FromStr for DatabaseUrl {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let known = ["", "postgres://", "postgresql://", "sqlite:"];
        if text.is_empty() || known[1..].iter().any(|scheme| text.starts_with(scheme)) {
            Ok(Self(text.to_owned()))
        } else {
            Err("\"\", postgres://USER:PASSWORD@HOST:PORT/NAME or sqlite:PATH")
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "DatabaseUrl()" } else { "DatabaseUrl(…)" })
    }
}

/// Where mails are handed over; may hold a password, which `Debug` hides.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct SmtpUrl(String);

impl SmtpUrl {
    /// As it was written, password included; only to be connected to.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl FromStr for SmtpUrl {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() || text.starts_with("smtp://") || text.starts_with("smtps://") {
            Ok(Self(text.to_owned()))
        } else {
            Err("\"\", smtps://USER:PASSWORD@HOST or smtp://HOST?tls=required")
        }
    }
}

impl fmt::Debug for SmtpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "SmtpUrl()" } else { "SmtpUrl(…)" })
    }
}

/// Reads a string by `FromStr` and says what was expected without repeating what was found (it may be a secret).
struct Text<T>(PhantomData<T>);

impl<T: FromStr<Err = &'static str>> Visitor<'_> for Text<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What a good value looks like is known to its parser only; nothing it accepts begins so.
        f.write_str(T::from_str("?:?").err().unwrap_or("text in quotes"))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        T::from_str(text).map_err(|expected| E::custom(format_args!("expected {expected}")))
    }
}

macro_rules! as_text {
    ($($name:ident: |$value:ident| $text:expr;)*) => {$(
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_str(Text(PhantomData))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let $value = self;
                serializer.serialize_str($text)
            }
        }
    )*};
}

as_text! {
    Span: |span| &span.to_string();
    Size: |size| &size.to_string();
    MaybePath: |path| &path.to_string();
    MaybeAddress: |address| &address.to_string();
    DatabaseUrl: |url| &url.0;
    SmtpUrl: |url| &url.0;
}

impl From<Span> for Duration {
    fn from(span: Span) -> Self {
        span.0
    }
}

impl From<Size> for u64 {
    fn from(size: Size) -> Self {
        size.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_need_a_unit() {
        for (text, ms) in
            [("27s", 27_000), ("500ms", 500), ("6h", 21_600_000), ("1h 30m", 5_400_000), ("0s", 0), ("2 min", 120_000)]
        {
            assert_eq!(text.parse::<Span>().map(|span| span.0), Ok(Duration::from_millis(ms)), "{text}");
        }
        for bad in ["", "27", "s", "-1s", "1 fortnight", "P1D", "PT1S", "9999999999999999999999h", &"1s ".repeat(99)] {
            assert!(bad.parse::<Span>().is_err(), "{bad}");
        }
        for span in [Span::secs(0), Span::millis(1_500), Span::secs(90), Span::hours(6)] {
            assert_eq!(span.to_string().parse(), Ok(span));
        }
    }

    #[test]
    fn sizes_need_a_unit() {
        for (text, bytes) in [("4 MiB", 4 << 20), ("500 kB", 500_000), ("10GB", 10_000_000_000), ("0 B", 0)] {
            assert_eq!(text.parse::<Size>(), Ok(Size(bytes)), "{text}");
        }
        for bad in ["", "4", "MiB", "-4 MiB", "4.5 MiB", "99999999999 TiB", "4 M", "4 MiB x"] {
            assert!(bad.parse::<Size>().is_err(), "{bad}");
        }
        for size in [Size(0), Size(1), Size::kib(64), Size::mib(8), Size(1_500)] {
            assert_eq!(size.to_string().parse(), Ok(size));
        }
    }

    #[test]
    fn a_port_alone_takes_the_address_that_is_there() {
        let ip = IpAddr::from([192, 0, 2, 1]);
        for (text, address) in [(":0", "192.0.2.1:0"), (":8080", "192.0.2.1:8080"), ("[::1]:80", "[::1]:80")] {
            assert_eq!(text.parse::<Listen>().unwrap().on(ip).to_string(), address);
        }
        for bad in ["", ":", "8080", ":+80", ":65536", "localhost:80", "0.0.0.0"] {
            assert!(bad.parse::<Listen>().is_err(), "{bad}");
        }
    }

    #[test]
    fn an_address_may_be_left_out() {
        assert_eq!("".parse(), Ok(MaybeAddress(None)));
        let address: MaybeAddress = "[::1]:0".parse().unwrap();
        assert_eq!(address.to_string(), "[::1]:0");
        for bad in ["1936", "localhost", "0.0.0.0"] {
            assert!(bad.parse::<MaybeAddress>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_database_url_is_not_printed() {
        let url: DatabaseUrl = "postgres://u:hunter2@h/n".parse().unwrap();
        assert_eq!(format!("{url:?}"), "DatabaseUrl(…)");
        assert!("mysql://x".parse::<DatabaseUrl>().is_err());
        let url: SmtpUrl = "smtps://u:hunter2@h".parse().unwrap();
        assert_eq!(format!("{url:?}"), "SmtpUrl(…)");
        assert!("h:25".parse::<SmtpUrl>().is_err());
    }
}
