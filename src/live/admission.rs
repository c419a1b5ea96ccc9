//! Engines share a machine with ingest, playlists and viewers: a live's engine is admitted when there is room for it beside those that run.
//! What an engine takes is estimated first and measured then.

use pipelines::ladder::cost::Budget;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Cores given out. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Admission {
    budget: Budget,
    used: Arc<Mutex<Used>>,
}

#[derive(Debug, Default)]
struct Used {
    by: BTreeMap<u64, f64>,
    next: u64,
}

/// One engine's share, given back when it is dropped.
#[derive(Debug)]
pub struct Ticket {
    number: u64,
    used: Arc<Mutex<Used>>,
}

/// There is no room. In cores.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NoRoom {
    /// What the engine would take.
    pub wanted: f64,
    /// What is left of what engines may use.
    pub free: f64,
}

impl Admission {
    /// Nothing given out yet.
    #[must_use]
    pub fn new(budget: Budget) -> Self {
        Self { budget, used: Arc::default() }
    }

    /// A share of `cores`.
    ///
    /// # Errors
    /// When those that are given out leave less.
    pub fn admit(&self, cores: f64) -> Result<Ticket, NoRoom> {
        let mut used = lock(&self.used);
        let sum: f64 = used.by.values().sum();
        if !self.budget.admits(sum, cores) {
            return Err(NoRoom { wanted: cores, free: (self.budget.cores * self.budget.share - sum).max(0.0) });
        }
        let number = used.next;
        used.next += 1;
        used.by.insert(number, cores);
        drop(used);
        Ok(Ticket { number, used: Arc::clone(&self.used) })
    }
}

impl Ticket {
    /// What the engine really takes, in cores: others are admitted beside that.
    pub fn measured(&self, cores: f64) {
        if cores.is_finite() && cores >= 0.0 {
            lock(&self.used).by.insert(self.number, cores);
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        lock(&self.used).by.remove(&self.number);
    }
}

fn lock(used: &Mutex<Used>) -> MutexGuard<'_, Used> {
    used.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engines_are_admitted_beside_what_the_others_really_take() {
        let admission = Admission::new(Budget { cores: 2.0, share: 0.75 });
        let first = admission.admit(0.9).unwrap();
        assert_eq!(admission.admit(0.75).err(), Some(NoRoom { wanted: 0.75, free: 0.6 }));
        first.measured(0.7);
        let second = admission.admit(0.75).unwrap();
        assert!(admission.admit(0.1).is_err());
        drop(second);
        first.measured(f64::NAN);
        assert!(admission.admit(0.75).is_ok(), "what is given back can be had again");
    }
}
