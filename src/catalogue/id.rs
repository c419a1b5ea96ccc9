//! Opaque identifiers: 80 random bits as 16 characters of lower-case base32.
//!
//! No `-` occurs in one, so that `/videos/<id>-<slug>` splits at the first; nobody can guess one or count with them.

use super::error::Error;
use std::fmt;
use std::str::FromStr;

/// RFC 4648 section 6, in lower case.
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// Base32 without padding.
pub(super) fn base32(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(5) * 8);
    let (mut pending, mut bits) = (0_u32, 0_u32);
    for &byte in bytes {
        pending = (pending << 8) | u32::from(byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            text.push(char::from(ALPHABET[(pending >> bits & 31) as usize]));
        }
        pending &= (1 << bits) - 1;
    }
    if bits > 0 {
        text.push(char::from(ALPHABET[(pending << (5 - bits) & 31) as usize]));
    }
    text
}

/// `N` bytes from the operating system.
pub(super) fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| Error::Secret(error.to_string()))?;
    Ok(bytes)
}

/// Not an identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an id is 16 characters of a-z and 2-7")]
pub struct NotAnId;

fn parse(text: &str) -> Result<String, NotAnId> {
    let good = text.len() == 16 && text.bytes().all(|byte| ALPHABET.contains(&byte));
    if good { Ok(text.to_owned()) } else { Err(NotAnId) }
}

macro_rules! id {
    ($(#[doc = $doc:literal] $name:ident;)*) => {$(
        #[doc = $doc]
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            /// A new one.
            pub(super) fn random() -> Result<Self, Error> {
                Ok(Self(base32(&random::<10>()?)))
            }

            /// As text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;

            fn from_str(text: &str) -> Result<Self, NotAnId> {
                parse(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

id! {
    /// Names a broadcaster for ever; its slug is for people and URLs.
    BroadcasterId;
    /// Names a stream key without being it.
    KeyId;
    /// Names a video, in URLs and as the folder of its media.
    VideoId;
    /// Names a person.
    PersonId;
    /// Names a way in which a person signs in.
    IdentityId;
    /// Names a group.
    GroupId;
    /// Names a building.
    BuildingId;
    /// Names a session without being its cookie.
    SessionId;
    /// Names a link to a draft without being it.
    LinkId;
    /// Names a link to a new password without being it.
    ResetId;
    /// Names an entry of the audit log.
    EntryId;
    /// Names a signing key without being it.
    SigningKeyId;
    /// Names an API token without being it.
    TokenId;
    /// Names a job.
    JobId;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base32_is_that_of_rfc_4648_in_lower_case() {
        for (bytes, text) in
            [("", ""), ("f", "my"), ("fo", "mzxq"), ("foo", "mzxw6"), ("foob", "mzxw6yq"), ("foobar", "mzxw6ytboi")]
        {
            assert_eq!(base32(bytes.as_bytes()), text);
        }
        assert_eq!(base32(&[0xFF; 10]), "7777777777777777");
    }

    #[test]
    fn an_id_survives_text_and_nothing_else_is_one() {
        let id = VideoId::random().unwrap();
        assert_eq!(id.to_string().parse::<VideoId>(), Ok(id.clone()));
        assert_ne!(VideoId::random().unwrap(), id);
        for bad in
            ["", "abc", "ABCDEFGHIJKLMNOP", "abcdefghijklmno-", "abcdefghijklmno1", "abcdefghijklmnopq", "éééééééé"]
        {
            assert_eq!(bad.parse::<VideoId>(), Err(NotAnId), "{bad}");
        }
    }
}
