//! How many refused attempts to publish an address may make. Pure, and the same for every protocol.
//!
//! Promises: the table holds at most [`MAX_ADDRESSES`]; a wall clock that is set back never blocks anybody for longer
//! than a minute; addresses that behave cost nothing.

use crate::time::WallTime;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};

/// Addresses remembered at once. When there are more, the one that would be forgotten first is.
pub const MAX_ADDRESSES: usize = 4096;
const MINUTE_MICROS: i64 = 60_000_000;

/// The address that limits count by: IPv4 as it is, IPv6 by its /64, because one subscriber has all of it
/// (RFC 6177 section 2).
#[must_use]
pub fn counted_as(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        v4 @ IpAddr::V4(_) => v4,
    }
}

/// Counts refusals: after so many in quick succession an address is blocked, and forgiven one of them every
/// 60 s / that number.
#[derive(Debug)]
pub struct Attempts {
    /// What one refusal weighs.
    cost_micros: i64,
    /// When an address's refusals are all forgiven.
    forgiven: HashMap<IpAddr, WallTime>,
}

impl Attempts {
    /// `per_minute` refusals are free; 0 counts as 1.
    #[must_use]
    pub fn new(per_minute: u32) -> Self {
        Self { cost_micros: MINUTE_MICROS / i64::from(per_minute.max(1)), forgiven: HashMap::new() }
    }

    /// Whether `address` has used up its attempts. Ask before looking at the key, so that guessing stops being answered.
    #[must_use]
    pub fn is_blocked(&self, address: IpAddr, now: WallTime) -> bool {
        self.owed_micros(address, now) > MINUTE_MICROS - self.cost_micros
    }

    /// Counts a refusal.
    pub fn refused(&mut self, address: IpAddr, now: WallTime) {
        let owed = (self.owed_micros(address, now) + self.cost_micros).min(MINUTE_MICROS);
        let address = counted_as(address);
        if self.forgiven.len() >= MAX_ADDRESSES && !self.forgiven.contains_key(&address) {
            self.make_room(now);
        }
        self.forgiven.insert(address, now.plus_micros(owed));
    }

    /// Addresses remembered now.
    #[must_use]
    pub fn len(&self) -> usize {
        self.forgiven.len()
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.forgiven.is_empty()
    }

    fn owed_micros(&self, address: IpAddr, now: WallTime) -> i64 {
        let forgiven = self.forgiven.get(&counted_as(address));
        forgiven.map_or(0, |at| at.micros_since(now).clamp(0, MINUTE_MICROS))
    }

    fn make_room(&mut self, now: WallTime) {
        self.forgiven.retain(|_, at| at.micros_since(now) > 0);
        if self.forgiven.len() >= MAX_ADDRESSES
            && let Some(first) = self.forgiven.iter().min_by_key(|(_, at)| **at).map(|(a, _)| *a)
        {
            self.forgiven.remove(&first);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    fn at(seconds: i64) -> WallTime {
        WallTime::from_micros(1_700_000_000_000_000 + seconds * 1_000_000)
    }

    #[test]
    fn an_address_is_blocked_after_so_many_and_forgiven_in_time() {
        for per_minute in [1, 3, 7, 10, 60] {
            let mut attempts = Attempts::new(per_minute);
            for n in 0..per_minute {
                assert!(!attempts.is_blocked(A, at(0)), "{n} of {per_minute}");
                attempts.refused(A, at(0));
            }
            assert!(attempts.is_blocked(A, at(0)), "{per_minute}");
            assert!(!attempts.is_blocked("192.0.2.2".parse().unwrap(), at(0)));
            assert!(!attempts.is_blocked(A, at(60)));
        }
        let mut attempts = Attempts::new(10);
        (0..50).for_each(|_| attempts.refused(A, at(0)));
        assert!(attempts.is_blocked(A, at(3)));
        assert!(!attempts.is_blocked(A, at(12)), "one is forgiven every 6 s, whatever came while blocked");
    }

    #[test]
    fn a_clock_set_back_blocks_for_a_minute_at_most() {
        let mut attempts = Attempts::new(2);
        attempts.refused(A, at(1_000_000));
        attempts.refused(A, at(0));
        assert!(attempts.is_blocked(A, at(0)));
        assert!(!attempts.is_blocked(A, at(60)));
    }

    #[test]
    fn the_table_is_bounded_and_a_network_counts_as_one() {
        let mut attempts = Attempts::new(2);
        for n in 0..3 * u32::try_from(MAX_ADDRESSES).unwrap() {
            attempts.refused(IpAddr::V4(n.into()), at(0));
        }
        assert_eq!(attempts.len(), MAX_ADDRESSES);
        attempts.refused("2001:db8::1".parse().unwrap(), at(100));
        attempts.refused("2001:db8::2:3".parse().unwrap(), at(100));
        assert_eq!(attempts.len(), 1, "those forgiven are forgotten");
        assert!(attempts.is_blocked("2001:db8::9".parse().unwrap(), at(100)));
        attempts.refused("::ffff:192.0.2.1".parse().unwrap(), at(100));
        attempts.refused(A, at(100));
        assert!(attempts.is_blocked(A, at(100)));
    }
}
