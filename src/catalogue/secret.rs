//! Stream keys, API tokens and passwords: made here, kept only as hashes, never printed by `Debug`.
//!
//! Keys and tokens that we make hold 160 random bits and more, which no dictionary contains: plain SHA-256 keeps them,
//! and a salt would only take away that a key alone can be looked up (`rtmp://HOST/live/<key>` names no broadcaster).
//! Passwords are chosen by people: argon2id.

use super::database::Row;
use super::error::Error;
use super::id::{base32, random};
use argon2::Argon2;
use argon2::password_hash::{PasswordHasher, PasswordVerifier, phc};
use media::ingest::StreamKey;
use sha2::{Digest as _, Sha256};
use std::fmt;
use subtle::ConstantTimeEq;

/// Characters of a digest that the database searches by: 32 bits find a handful of rows and tell nobody who measures
/// the search anything about the rest, which is compared in constant time.
const LOOKUP_CHARS: usize = 8;

/// Longest key or token that is even hashed: RTMP lets a peer send megabytes.
const MAX_SECRET_BYTES: usize = 512;

/// SHA-256 of a secret, in lower-case hexadecimal.
pub(super) struct Digest(String);

impl Digest {
    /// `None` for what is too long to be one of ours, or empty.
    pub(super) fn of(secret: &str) -> Option<Self> {
        if secret.is_empty() || secret.len() > MAX_SECRET_BYTES {
            return None;
        }
        use std::fmt::Write as _;
        let mut text = String::with_capacity(64);
        for byte in Sha256::digest(secret.as_bytes()) {
            let _ = write!(text, "{byte:02x}");
        }
        Some(Self(text))
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn lookup(&self) -> &str {
        &self.0[..LOOKUP_CHARS]
    }

    /// The row whose `token_sha256` it is. All of them are compared; there is hardly ever more than one.
    pub(super) fn find(&self, rows: Vec<Row>) -> Result<Option<Row>, Error> {
        let mut found = None;
        for row in rows {
            if self.matches(&row.text("token_sha256")?) {
                found = Some(row);
            }
        }
        Ok(found)
    }

    /// Whether it is the digest that was stored; takes the same time whichever character differs.
    pub(super) fn matches(&self, stored: &str) -> bool {
        self.0.as_bytes().ct_eq(stored.as_bytes()).into()
    }
}

/// A new stream key: 160 random bits as 32 characters that every encoder's form takes.
pub(super) fn new_stream_key() -> Result<StreamKey, Error> {
    Ok(StreamKey::new(base32(&random::<20>()?)))
}

macro_rules! tokens {
    ($($(#[doc = $doc:literal])* $name:ident = $prefix:literal;)*) => {$(
        $(#[doc = $doc])*
        #[derive(Clone)]
        pub struct $name(String);

        impl $name {
            /// A new one: 256 random bits.
            pub(super) fn random() -> Result<Self, Error> {
                Ok(Self(format!(concat!($prefix, "{}"), base32(&random::<32>()?))))
            }

            /// Takes one as a client sent it.
            #[must_use]
            pub fn new(token: String) -> Self {
                Self(token)
            }

            /// The token itself; only to be hashed, or shown to whom it was made for.
            #[must_use]
            pub fn reveal(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }
    )*};
}

tokens! {
    /// An API token in clear; shown once. Secret scanners know it by its prefix.
    ApiToken = "amphi_";
    /// What the cookie of a session holds.
    SessionToken = "";
    /// What a link to a draft holds.
    LinkToken = "";
    /// What a link to a new password holds.
    ResetToken = "";
}

/// A password in clear.
#[derive(Clone)]
pub struct Password(String);

impl Password {
    /// Takes one as a person chose it.
    ///
    /// # Errors
    /// `Invalid` unless it has 10 to 128 characters (NIST SP 800-63B asks for 8 or more and no other rule).
    pub fn new(password: String) -> Result<Self, Error> {
        if (10..=128).contains(&password.chars().count()) {
            Ok(Self(password))
        } else {
            Err(Error::invalid("password", "must have 10 to 128 characters"))
        }
    }

    /// Takes one that an owner chose for others to type: it goes from mouth to mouth, and guessing it is rate-limited.
    ///
    /// # Errors
    /// `Invalid` unless it has 6 to 128 characters.
    pub fn shared(password: String) -> Result<Self, Error> {
        if (6..=128).contains(&password.chars().count()) {
            Ok(Self(password))
        } else {
            Err(Error::invalid("password", "must have 6 to 128 characters"))
        }
    }

    /// A random one of 20 characters (100 bits).
    ///
    /// # Errors
    /// `Secret` when the system has no randomness.
    pub fn random() -> Result<Self, Error> {
        let mut text = base32(&random::<13>()?);
        text.truncate(20);
        Ok(Self(text))
    }

    /// The password itself; only to be shown to whom it was made for.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Its argon2id hash (19 MiB, 2 passes: OWASP's first choice and the library's default). Takes tens of milliseconds
    /// of a core: not to be called where a live is served.
    ///
    /// # Errors
    /// `Secret` when the system has no randomness or memory.
    pub fn hash(&self) -> Result<PasswordHash, Error> {
        let hash =
            Argon2::default().hash_password(self.0.as_bytes()).map_err(|error| Error::Secret(error.to_string()))?;
        Ok(PasswordHash(hash.to_string()))
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// A password's hash as a PHC string.
#[derive(Clone)]
pub struct PasswordHash(pub(super) String);

impl PasswordHash {
    /// One that no password fits, and that takes as long to verify as any: so that nobody can tell by the time who has an account.
    #[must_use]
    pub fn of_nobody() -> Self {
        // Of the parameters of `Password::hash`; the digest is of nothing.
        Self(
            "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
                .to_owned(),
        )
    }

    /// Whether `password` is the one; as slow as [`Password::hash`].
    #[must_use]
    pub fn verify(&self, password: &str) -> bool {
        phc::PasswordHash::new(&self.0)
            .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
    }
}

impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_matches_itself_only_and_is_that_of_sha256() {
        let digest = Digest::of("abc").unwrap();
        assert_eq!(digest.as_str(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(digest.lookup(), "ba7816bf");
        assert!(digest.matches(digest.as_str()));
        assert!(!digest.matches(Digest::of("abd").unwrap().as_str()));
        assert!(!digest.matches(""));
        assert!(Digest::of("").is_none());
        assert!(Digest::of(&"x".repeat(513)).is_none());
    }

    #[test]
    fn secrets_are_long_and_debug_hides_them() {
        let key = new_stream_key().unwrap();
        assert_eq!(key.reveal().len(), 32);
        let token = ApiToken::random().unwrap();
        assert_eq!(token.reveal().len(), 6 + 52);
        let password = Password::random().unwrap();
        assert_eq!(password.reveal().len(), 20);
        let hash = password.hash().unwrap();
        let session = SessionToken::random().unwrap();
        assert_eq!(session.reveal().len(), 52);
        let printed = format!("{key:?} {token:?} {session:?} {password:?} {hash:?}");
        assert_eq!(printed, "StreamKey(…) ApiToken(…) SessionToken(…) Password(…) PasswordHash(…)");
    }

    #[test]
    fn nobodys_password_is_none_and_costs_what_any_costs() {
        let real = Password::new("correct horse".into()).unwrap().hash().unwrap();
        let nobody = PasswordHash::of_nobody();
        let parameters = |hash: &PasswordHash| hash.0.split('$').take(4).collect::<Vec<_>>().join("$");
        assert_eq!(parameters(&nobody), parameters(&real));
        assert!(phc::PasswordHash::new(&nobody.0).is_ok(), "it is really computed");
        assert!(!nobody.verify("") && !nobody.verify("correct horse"));
    }

    #[test]
    fn a_password_verifies_against_its_own_hash() {
        let hash = Password::new("correct horse".into()).unwrap().hash().unwrap();
        assert!(hash.0.starts_with("$argon2id$"));
        assert!(hash.verify("correct horse"));
        assert!(!hash.verify("correct horsf"));
        assert!(!PasswordHash("nonsense".into()).verify("nonsense"));
        assert!(Password::new("too short".into()).is_err());
    }
}
