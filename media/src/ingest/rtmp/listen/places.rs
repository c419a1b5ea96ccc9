//! How many connections there are, and who has to go when there are too many.
//!
//! Promises: a connection that publishes is never closed for another one. When all places are taken, a newcomer gets that of a
//! connection that has not come to its publish (or was refused): the oldest of the address that has most of these, so that whoever
//! fills the places with idle connections closes their own.

use super::Limits;
use crate::ingest::attempts::counted_as;
use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// The places of one listener.
#[derive(Debug, Default)]
pub(super) struct Places {
    taken: Mutex<Taken>,
}

/// By number, so that the oldest come first.
#[derive(Debug, Default)]
struct Taken {
    next: u64,
    entries: BTreeMap<u64, Entry>,
}

#[derive(Debug)]
struct Entry {
    address: IpAddr,
    /// It publishes, or is about to be told whether it may.
    is_kept: bool,
    crowded_out: Arc<Notify>,
}

/// One connection's place; given back when dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    number: u64,
    crowded_out: Arc<Notify>,
}

impl Places {
    fn taken(&self) -> MutexGuard<'_, Taken> {
        // Counting can't panic half-way.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a connection from `peer`, or which limit it meets.
    pub(super) fn take(self: &Arc<Self>, peer: SocketAddr, limits: &Limits) -> Result<Place, &'static str> {
        let address = counted_as(peer.ip());
        let mut taken = self.taken();
        if taken.entries.values().filter(|e| e.address == address).count() >= limits.connections_per_address {
            return Err("connections_per_address");
        }
        if taken.entries.len() >= limits.connections && !taken.crowd_out() {
            return Err("connections");
        }
        let number = taken.next;
        taken.next += 1;
        let crowded_out = Arc::new(Notify::new());
        taken.entries.insert(number, Entry { address, is_kept: false, crowded_out: Arc::clone(&crowded_out) });
        metrics::gauge!("amphi_rtmp_connections").increment(1.0);
        Ok(Place { places: Arc::clone(self), number, crowded_out })
    }
}

impl Taken {
    /// Frees one place; `false` when all of them are kept.
    fn crowd_out(&mut self) -> bool {
        let mut waiting: HashMap<IpAddr, (usize, u64)> = HashMap::new();
        for (number, entry) in self.entries.iter().filter(|(_, e)| !e.is_kept) {
            waiting.entry(entry.address).or_insert((0, *number)).0 += 1;
        }
        // Most of them first, then the oldest.
        let chosen = waiting.into_values().max_by_key(|(count, oldest)| (*count, std::cmp::Reverse(*oldest)));
        let entry = chosen.and_then(|(_, oldest)| self.entries.remove(&oldest));
        // Its task ends in a moment; that its socket is open until then is not counted.
        entry.map(|e| e.crowded_out.notify_one()).is_some()
    }
}

impl Place {
    /// From here on it is not given to another; `false` when it was already.
    pub(super) fn keep(&self) -> bool {
        self.set_kept(true)
    }

    /// It may be given to another again.
    pub(super) fn release(&self) {
        self.set_kept(false);
    }

    fn set_kept(&self, is_kept: bool) -> bool {
        let mut taken = self.places.taken();
        let entry = taken.entries.get_mut(&self.number);
        entry.map(|e| e.is_kept = is_kept).is_some()
    }

    /// Returns when it was given to another. Cancel-safe until it has returned.
    pub(super) async fn crowded_out(&self) {
        self.crowded_out.notified().await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.taken().entries.remove(&self.number);
        metrics::gauge!("amphi_rtmp_connections").decrement(1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(n: u8) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, n], 1000))
    }

    #[test]
    fn places_are_counted_by_address_and_given_back() {
        let places = Arc::new(Places::default());
        let limits = Limits { connections: 3, connections_per_address: 2, ..Limits::default() };
        let first = places.take(peer(1), &limits).unwrap();
        let second = places.take(peer(1), &limits).unwrap();
        assert_eq!(places.take(peer(1), &limits).unwrap_err(), "connections_per_address");
        let third = places.take(peer(2), &limits).unwrap();
        assert!([&first, &second, &third].iter().all(|place| place.keep()));
        assert_eq!(places.take(peer(3), &limits).unwrap_err(), "connections", "who publishes stays");
        drop(third);
        drop(first);
        let _again = places.take(peer(1), &limits).unwrap();
        assert_eq!(places.taken().entries.len(), 2);
    }

    #[test]
    fn a_newcomer_gets_the_place_of_whoever_holds_most_and_does_not_publish() {
        let places = Arc::new(Places::default());
        let limits = Limits { connections: 4, connections_per_address: 4, ..Limits::default() };
        let alone = places.take(peer(1), &limits).unwrap();
        let many = [2, 2, 2].map(|n| places.take(peer(n), &limits).unwrap());
        assert!(many[0].keep());
        let newcomer = places.take(peer(3), &limits).unwrap();
        assert!(!many[1].keep(), "the oldest of them that does not publish");
        assert!(many[0].keep() && alone.keep() && newcomer.keep());
        let last = places.take(peer(4), &limits).unwrap();
        assert!(!many[2].keep() && last.keep());
        assert_eq!(places.take(peer(5), &limits).unwrap_err(), "connections");
        // One that was refused may go.
        last.release();
        let _next = places.take(peer(5), &limits).unwrap();
        drop(last);
        assert_eq!(places.taken().entries.len(), 4, "a place is given back once");
    }
}
