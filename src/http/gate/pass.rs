//! What the server signs so as not to ask again: passes to media, that a password was typed, and the words that browsers are counted by.
//!
//! A pass says that whoever carries it may have one object's media for some seconds. It names the tenant, the object and its end under one
//! key, so it is worth nothing for anything else. It says nothing of who carries it, and is short-lived for that reason.

use crate::catalogue::signing::SigningKey;
use hmac::{Hmac, KeyInit as _, Mac as _};
use media::time::WallTime;
use sha2::Sha256;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use subtle::ConstantTimeEq as _;

/// 128 bits: nobody guesses them in seconds, nor in years.
const TAG_BYTES: usize = 16;

/// A key, ready to sign.
struct Key {
    id: String,
    mac: Hmac<Sha256>,
}

/// Signs and verifies for one tenant.
pub(super) struct Signer {
    tenant: String,
    /// The first one signs, all are believed.
    keys: RwLock<Arc<[Key]>>,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Signer(…)")
    }
}

impl Signer {
    /// How long a pass opens. The player asks for another every three seconds.
    pub(super) const PASS_LIFE: Duration = Duration::from_secs(5);
    /// How long nobody is asked for a password again: a day of lectures.
    pub(super) const PASSWORD_LIFE: Duration = Duration::from_secs(12 * 3_600);

    pub(super) fn new(tenant: String) -> Self {
        Self { tenant, keys: RwLock::new(Arc::new([])) }
    }

    /// Takes the keys to believe, the one to sign with first.
    pub(super) fn take(&self, keys: &[SigningKey]) {
        let keys = keys.iter().filter_map(|key| {
            // A key of any length will do.
            let mac = Hmac::<Sha256>::new_from_slice(key.reveal()).ok()?;
            Some(Key { id: key.id.to_string(), mac })
        });
        *self.keys.write().unwrap_or_else(PoisonError::into_inner) = keys.collect();
    }

    fn keys(&self) -> Arc<[Key]> {
        Arc::clone(&self.keys.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// A pass to the media of a broadcaster (`live`) or a video (`video`); `None` before there are keys.
    pub(super) fn pass(&self, of: &'static str, id: &str, now: WallTime) -> Option<String> {
        let ends_s = ends(now, Self::PASS_LIFE);
        let keys = self.keys();
        let key = keys.first()?;
        Some(format!("{ends_s}.{}.{}", key.id, hex(&self.tag(key, &["pass", of, id], ends_s, 0))))
    }

    /// Whether a pass opens the media of this object now.
    pub(super) fn opens(&self, pass: &str, of: &'static str, id: &str, now: WallTime) -> bool {
        let mut parts = pass.split('.');
        let (Some(ends_s), Some(key), Some(tag), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return false;
        };
        ends_s.parse().is_ok_and(|ends_s| self.believes(key, tag, &["pass", of, id], ends_s, 0, now))
    }

    /// That the password with this number of the object was typed.
    pub(super) fn password(&self, id: &str, version: u64, now: WallTime) -> Option<String> {
        let ends_s = ends(now, Self::PASSWORD_LIFE);
        let keys = self.keys();
        let key = keys.first()?;
        let tag = hex(&self.tag(key, &["password", "", id], ends_s, version));
        Some(format!("{ends_s}.{version}.{}.{tag}", key.id))
    }

    /// The number of the password of this object that was typed, if it was.
    pub(super) fn typed_password(&self, said: &str, id: &str, now: WallTime) -> Option<u64> {
        let mut parts = said.split('.');
        let (Some(ends_s), Some(version), Some(key), Some(tag), None) =
            (parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return None;
        };
        let (ends_s, version) = (ends_s.parse().ok()?, version.parse().ok()?);
        self.believes(key, tag, &["password", "", id], ends_s, version, now).then_some(version)
    }

    /// A word to count a browser by, as its cookie has it; `None` before there are keys. It has no end but that of its key.
    pub(super) fn to_be_counted(&self, word: &str) -> Option<String> {
        let keys = self.keys();
        let key = keys.first()?;
        Some(format!("{word}.{}.{}", key.id, hex(&self.tag(key, &["viewer", "", word], 0, 0))))
    }

    /// The word of a cookie, if it is one that was given.
    pub(super) fn counted<'a>(&self, said: &'a str) -> Option<&'a str> {
        let mut parts = said.split('.');
        let (Some(word), Some(key), Some(tag), None) = (parts.next(), parts.next(), parts.next(), parts.next()) else {
            return None;
        };
        self.signed(key, tag, &["viewer", "", word], 0, 0).then_some(word)
    }

    fn believes(&self, key: &str, tag: &str, what: &[&str; 3], ends_s: i64, number: u64, now: WallTime) -> bool {
        now.millis().div_euclid(1_000) < ends_s && self.signed(key, tag, what, ends_s, number)
    }

    fn signed(&self, key: &str, tag: &str, what: &[&str; 3], ends_s: i64, number: u64) -> bool {
        let keys = self.keys();
        let Some(key) = keys.iter().find(|known| known.id == key) else { return false };
        let expected = hex(&self.tag(key, what, ends_s, number));
        expected.as_bytes().ct_eq(tag.as_bytes()).into()
    }

    /// Each part with its length: no two lists read the same.
    fn tag(&self, key: &Key, what: &[&str; 3], ends_s: i64, number: u64) -> [u8; TAG_BYTES] {
        let mut mac = key.mac.clone();
        for part in [self.tenant.as_str(), what[0], what[1], what[2]] {
            mac.update(&u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            mac.update(part.as_bytes());
        }
        mac.update(&ends_s.to_be_bytes());
        mac.update(&number.to_be_bytes());
        let whole: [u8; 32] = mac.finalize().into_bytes().into();
        let mut tag = [0; TAG_BYTES];
        tag.copy_from_slice(&whole[..TAG_BYTES]);
        tag
    }
}

fn ends(now: WallTime, life: Duration) -> i64 {
    let life_s = i64::try_from(life.as_secs()).unwrap_or(i64::MAX);
    now.millis().div_euclid(1_000).saturating_add(life_s)
}

fn hex(bytes: &[u8; TAG_BYTES]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(2 * TAG_BYTES);
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}
