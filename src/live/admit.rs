//! Who may publish: an offer goes in, a verdict comes out.
//!
//! Promises: an address whose attempts are used up gets no key looked at, however many it tries at once; right keys are never counted
//! against those that guess, so that all halls of a campus behind one address can come back together.

use super::handle::Handle;
use super::listen::Doors;
use crate::catalogue;
use crate::catalogue::broadcaster::Broadcaster;
use crate::clock;
use media::ingest::attempts::{Attempts, counted_as};
use media::ingest::{Offer, Refusal, Verdict};
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

/// Attempts with a good key where somebody else is on air. An encoder that comes back every 2 s while its own half-open connection
/// still holds the place makes 30 a minute; several of them may stand behind one address. Beyond this it is no encoder.
const TAKEN_PER_MINUTE: u32 = 240;
/// Addresses that are looked at one after the other share a lane. Enough that one that guesses holds up few others, by a look-up's few
/// milliseconds.
const LANES: usize = 64;

/// Counts refused attempts per address.
#[derive(Debug)]
pub(super) struct Gate {
    /// Unknown broadcasters and wrong keys.
    denied: Mutex<Attempts>,
    /// Good keys, but the place is taken.
    taken: Mutex<Attempts>,
    /// From the question whether an address is blocked to the count of its refusal, one offer of that address at a time: all of many
    /// at once would pass before the first is counted.
    lanes: [tokio::sync::Mutex<()>; LANES],
    hasher: RandomState,
}

impl Gate {
    pub(super) fn new(refusals_per_minute: u32) -> Self {
        Self {
            denied: Mutex::new(Attempts::new(refusals_per_minute)),
            taken: Mutex::new(Attempts::new(TAKEN_PER_MINUTE)),
            lanes: std::array::from_fn(|_| tokio::sync::Mutex::default()),
            hasher: RandomState::new(),
        }
    }

    fn lane(&self, address: IpAddr) -> &tokio::sync::Mutex<()> {
        let hash = self.hasher.hash_one(counted_as(address));
        &self.lanes[usize::try_from(hash % LANES as u64).unwrap_or(0)]
    }

    /// Another limit; what was counted under the old one is forgiven.
    pub(super) fn set(&self, refusals_per_minute: u32) {
        *self.denied.lock().unwrap_or_else(PoisonError::into_inner) = Attempts::new(refusals_per_minute);
    }

    fn is_blocked(&self, address: IpAddr) -> bool {
        let by = |attempts: &Mutex<Attempts>| {
            attempts.lock().unwrap_or_else(PoisonError::into_inner).is_blocked(address, clock::now())
        };
        by(&self.denied) || by(&self.taken)
    }

    fn refused(&self, address: IpAddr, why: Refusal) {
        let attempts = match why {
            Refusal::Denied => &self.denied,
            Refusal::Taken => &self.taken,
            // Not the encoder's doing, or counted already.
            _ => return,
        };
        attempts.lock().unwrap_or_else(PoisonError::into_inner).refused(address, clock::now());
    }
}

impl Doors {
    /// Decides about an offer. A refusal is counted and logged, without the key.
    pub async fn admit(&self, offer: &Offer) -> Verdict {
        let verdict = self.decide(offer).await;
        let protocol = offer.protocol.name();
        match &verdict {
            Verdict::Accept(_) => {
                metrics::counter!("amphi_contributions_total", "protocol" => protocol).increment(1);
            }
            Verdict::Refuse(refusal) => {
                metrics::counter!("amphi_contributions_refused_total", "protocol" => protocol, "reason" => refusal.name())
                    .increment(1);
                // A name that only comes with a key may itself be the key: it is not logged unless it was given apart.
                tracing::warn!(protocol, peer = %offer.peer, reason = refusal.name(), "contribution refused");
            }
        }
        verdict
    }

    /// A refusal that was given before there was an offer.
    pub(super) fn count_refusal(&self, address: IpAddr) {
        self.first.gate().refused(address, Refusal::Denied);
    }

    async fn decide(&self, offer: &Offer) -> Verdict {
        let address = offer.peer.ip();
        let gate = self.first.gate();
        let lane = gate.lane(address).lock().await;
        if gate.is_blocked(address) {
            return Verdict::Refuse(Refusal::TooManyAttempts);
        }
        let (lives, broadcaster) = match self.find(offer).await {
            Ok(Some(found)) => found,
            Ok(None) => {
                gate.refused(address, Refusal::Denied);
                return Verdict::Refuse(Refusal::Denied);
            }
            Err(error) => {
                tracing::error!(%error, "the catalogue can't say who may publish");
                return Verdict::Refuse(Refusal::Unavailable);
            }
        };
        drop(lane);
        match lives.contribute(&broadcaster, offer.protocol, offer.peer).await {
            Ok(publisher) => Verdict::Accept(publisher),
            Err(refusal) => {
                gate.refused(address, refusal);
                Verdict::Refuse(refusal)
            }
        }
    }

    /// Whom an offer's key lets publish, and whose that broadcaster is: encoders do not say which tenant they call, and a key that holds is one
    /// of all tenants'.
    async fn find(&self, offer: &Offer) -> Result<Option<(Handle, Broadcaster)>, catalogue::Error> {
        for lives in self.all() {
            let catalogue = &lives.context().catalogue;
            if let Some(found) = catalogue.find_by_key(offer.slug.as_deref(), &offer.key, clock::now()).await? {
                return Ok(Some((lives, found)));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    #[test]
    fn encoders_that_wait_for_their_place_are_not_taken_for_guessers() {
        let gate = Gate::new(3);
        // Three encoders for a minute, each every 2 s, all at once.
        (0..90).for_each(|_| gate.refused(A, Refusal::Taken));
        assert!(!gate.is_blocked(A));
        gate.refused(A, Refusal::Denied);
        gate.refused(A, Refusal::Denied);
        assert!(!gate.is_blocked(A), "nor does their waiting count among guesses");
        (0..TAKEN_PER_MINUTE).for_each(|_| gate.refused(A, Refusal::Taken));
        assert!(gate.is_blocked(A));
    }

    #[test]
    fn refusals_that_are_not_the_encoders_doing_are_not_counted() {
        let gate = Gate::new(1);
        (0..1000).for_each(|_| gate.refused(A, Refusal::Unavailable));
        (0..1000).for_each(|_| gate.refused(A, Refusal::TooManyAttempts));
        assert!(!gate.is_blocked(A));
    }
}
