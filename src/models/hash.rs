//! SHA-256 as it is compared and written.

use sha2::{Digest as _, Sha256};
use std::fmt;
use std::io::{self, Read};
use std::str::FromStr;

/// Large enough that calls cost nothing, small enough for any stack of readers.
const BUFFER: usize = 64 << 10;

/// A hash in lower-case hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hash(String);

/// What a hash has to look like.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("a SHA-256 has 64 hexadecimal digits")]
pub struct NotAHash;

impl Hash {
    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Of all that `reader` gives.
    ///
    /// # Errors
    /// The reader's.
    pub fn of(reader: &mut impl Read) -> io::Result<Self> {
        let mut hasher = Hasher::default();
        let mut buffer = vec![0; BUFFER];
        loop {
            match reader.read(&mut buffer) {
                Ok(0) => return Ok(hasher.finish()),
                Ok(count) => hasher.update(&buffer[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl FromStr for Hash {
    type Err = NotAHash;

    fn from_str(text: &str) -> Result<Self, NotAHash> {
        let good = text.len() == 64 && text.chars().all(|c| c.is_ascii_hexdigit());
        if good { Ok(Self(text.to_ascii_lowercase())) } else { Err(NotAHash) }
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A hash being made.
#[derive(Clone, Default)]
pub(super) struct Hasher(Sha256);

impl Hasher {
    pub(super) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(super) fn finish(self) -> Hash {
        Hash(self.0.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_that_of_sha256() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Hash::of(&mut io::empty()).unwrap().as_str(), empty);
        assert_eq!(empty.to_uppercase().parse::<Hash>().unwrap().as_str(), empty);
        for bad in ["", "e3", &"g".repeat(64), &"0".repeat(65)] {
            assert!(bad.parse::<Hash>().is_err());
        }
    }
}
