//! How often somebody may guess. Each guess fills a bucket for what is guessed and one for who guesses; both leak with time, and a right
//! guess is taken back. Pure: `now` is an argument.

use crate::http::gate::address::network;
use media::time::WallTime;
use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

/// Buckets that are kept; the emptiest are forgotten first.
const MAX_BUCKETS: usize = 20_000;

/// What is counted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    of: Of,
    name: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Of {
    Account,
    Address,
    Object,
    Asking,
    LetterBox,
}

impl Of {
    /// So many in this time.
    fn limit(self) -> (f64, Duration) {
        let minutes = |n: u64| Duration::from_secs(60 * n);
        match self {
            Self::Account => (10.0, minutes(15)),
            // A campus may stand behind one address.
            Self::Address => (100.0, minutes(15)),
            Self::Object => (10.0, minutes(15)),
            Self::Asking => (20.0, minutes(60)),
            Self::LetterBox => (3.0, minutes(60)),
        }
    }
}

impl Key {
    /// An account, whether it exists or not.
    pub(super) fn account(login: &str) -> Self {
        Self { of: Of::Account, name: login.trim().to_lowercase().chars().take(64).collect() }
    }

    /// Who guesses.
    pub(super) fn address(from: IpAddr) -> Self {
        Self { of: Of::Address, name: network(from) }
    }

    /// An object's password, guessed from one place: others must not be kept out of it by a guesser.
    pub(super) fn object(id: &str, from: IpAddr) -> Self {
        Self { of: Of::Object, name: format!("{id} {}", network(from)) }
    }

    /// Who asks for links to a new password.
    pub(super) fn asking(from: IpAddr) -> Self {
        Self { of: Of::Asking, name: network(from) }
    }

    /// Where such links go.
    pub(super) fn letter_box(mail: &str) -> Self {
        Self { of: Of::LetterBox, name: mail.to_owned() }
    }
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    level: f64,
    at: WallTime,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    buckets: HashMap<Key, Bucket>,
}

impl Attempts {
    /// Counts one attempt for each key.
    ///
    /// # Errors
    /// How long to wait, when one of them has had too many; then none is counted.
    pub(super) fn take(&mut self, keys: &[Key], now: WallTime) -> Result<(), Duration> {
        let wait = keys.iter().map(|key| self.wait(key, now)).max().unwrap_or_default();
        if !wait.is_zero() {
            return Err(wait);
        }
        for key in keys {
            let level = self.level(key, now) + 1.0;
            self.make_room(key, now);
            self.buckets.insert(key.clone(), Bucket { level, at: now });
        }
        Ok(())
    }

    /// It was right: it does not count.
    pub(super) fn give_back(&mut self, keys: &[Key], now: WallTime) {
        for key in keys {
            let level = self.level(key, now) - 1.0;
            if level > 0.0 {
                self.buckets.insert(key.clone(), Bucket { level, at: now });
            } else {
                self.buckets.remove(key);
            }
        }
    }

    fn level(&self, key: &Key, now: WallTime) -> f64 {
        self.buckets.get(key).map_or(0.0, |bucket| leaked(key, *bucket, now))
    }

    fn wait(&self, key: &Key, now: WallTime) -> Duration {
        let (most, window) = key.of.limit();
        let over = self.level(key, now) + 1.0 - most;
        if over <= 0.0 { Duration::ZERO } else { window.mul_f64(over / most).max(Duration::from_secs(1)) }
    }

    fn make_room(&mut self, key: &Key, now: WallTime) {
        if self.buckets.len() < MAX_BUCKETS || self.buckets.contains_key(key) {
            return;
        }
        self.buckets.retain(|key, bucket| leaked(key, *bucket, now) > 0.0);
        if self.buckets.len() < MAX_BUCKETS {
            return;
        }
        let emptiest = self.buckets.iter().min_by(|a, b| leaked(a.0, *a.1, now).total_cmp(&leaked(b.0, *b.1, now)));
        if let Some(emptiest) = emptiest.map(|(key, _)| key.clone()) {
            self.buckets.remove(&emptiest);
        }
    }
}

fn leaked(key: &Key, bucket: Bucket, now: WallTime) -> f64 {
    let (most, window) = key.of.limit();
    (bucket.level - most * now.since(bucket.at).as_secs_f64() / window.as_secs_f64()).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(secs: i64) -> WallTime {
        WallTime::from_micros(secs * 1_000_000)
    }

    fn address(n: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, n])
    }

    #[test]
    fn an_account_takes_ten_guesses_then_one_every_ninety_seconds_wherever_they_come_from() {
        let mut attempts = Attempts::default();
        let guess = |attempts: &mut Attempts, n: u8, now| {
            attempts.take(&[Key::account("Marie "), Key::address(address(n))], at(now))
        };
        for n in 0..10 {
            assert_eq!(guess(&mut attempts, n, 0), Ok(()));
        }
        let wait = guess(&mut attempts, 99, 0).unwrap_err();
        assert_eq!(wait, Duration::from_secs(90));
        assert!(guess(&mut attempts, 99, 89).is_err());
        assert_eq!(guess(&mut attempts, 99, 90), Ok(()));
        assert!(guess(&mut attempts, 99, 90).is_err());
        assert_eq!(attempts.take(&[Key::account("zoe"), Key::address(address(99))], at(90)), Ok(()), "others go on");
        assert_eq!(guess(&mut attempts, 99, 90 + 900), Ok(()), "forgotten in a quarter of an hour");
    }

    #[test]
    fn who_is_right_is_not_counted() {
        let mut attempts = Attempts::default();
        for _ in 0..1_000 {
            let keys = [Key::account("marie"), Key::address(address(1))];
            attempts.take(&keys, at(0)).unwrap();
            attempts.give_back(&keys, at(0));
        }
        assert!(attempts.buckets.is_empty());
    }

    #[test]
    fn an_address_takes_a_hundred_wrong_ones_over_all_accounts() {
        let mut attempts = Attempts::default();
        for n in 0..100 {
            attempts.take(&[Key::account(&format!("user{n}")), Key::address(address(1))], at(0)).unwrap();
        }
        assert!(attempts.take(&[Key::account("another"), Key::address(address(1))], at(0)).is_err());
        assert!(attempts.take(&[Key::account("another"), Key::address(address(2))], at(0)).is_ok());
        let of = |text: &str| Key::address(text.parse().unwrap());
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"), "one network");
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
    }

    #[test]
    fn the_memory_has_a_bound_and_forgets_the_emptiest() {
        let mut attempts = Attempts::default();
        let victim = [Key::account("victim")];
        for _ in 0..10 {
            attempts.take(&victim, at(0)).unwrap();
        }
        for n in 0..MAX_BUCKETS + 10 {
            attempts.take(&[Key::account(&format!("u{n}"))], at(0)).unwrap();
        }
        assert!(attempts.buckets.len() <= MAX_BUCKETS);
        assert!(attempts.take(&victim, at(0)).is_err(), "a flood of names does not make it forget");
    }
}
