//! Engines share a machine with ingest, playlists and viewers: what one does for a live (its renditions, its captions in a language, its sound
//! measured) is admitted when there is room for it beside what runs. What it takes is estimated first and measured then.

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

/// The share of what an engine does for a live, given back when it is dropped.
#[derive(Debug)]
pub struct Ticket {
    number: u64,
    admission: Admission,
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
        let mut used = self.lock();
        let number = used.next;
        check(&self.budget, used.others(number), cores)?;
        used.next += 1;
        used.by.insert(number, cores);
        drop(used);
        Ok(Ticket { number, admission: self.clone() })
    }

    /// Cores that nobody has. Another may take them before who asks does.
    #[must_use]
    pub fn room(&self) -> f64 {
        self.budget.free(self.lock().others(u64::MAX))
    }

    fn lock(&self) -> MutexGuard<'_, Used> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Used {
    /// What all but `number` have.
    fn others(&self, number: u64) -> f64 {
        self.by.iter().filter(|(n, _)| **n != number).map(|(_, cores)| cores).sum()
    }
}

impl Ticket {
    /// What the engine really takes, in cores: others are admitted beside that.
    pub fn measured(&self, cores: f64) {
        if cores.is_finite() && cores >= 0.0 {
            self.admission.lock().by.insert(self.number, cores);
        }
    }

    /// What it is for, in cores: measured, or as admitted.
    #[must_use]
    pub fn held(&self) -> f64 {
        self.admission.lock().by.get(&self.number).copied().unwrap_or_default()
    }

    /// What it could be for at most: all that others do not have.
    #[must_use]
    pub fn room(&self) -> f64 {
        self.admission.budget.free(self.admission.lock().others(self.number))
    }

    /// Makes it one for `cores`.
    ///
    /// # Errors
    /// When the others leave less; then it stays as it was.
    pub fn becomes(&self, cores: f64) -> Result<(), NoRoom> {
        let mut used = self.admission.lock();
        check(&self.admission.budget, used.others(self.number), cores)?;
        used.by.insert(self.number, cores);
        Ok(())
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.admission.lock().by.remove(&self.number);
    }
}

fn check(budget: &Budget, used: f64, wanted: f64) -> Result<(), NoRoom> {
    if budget.admits(used, wanted) { Ok(()) } else { Err(NoRoom { wanted, free: budget.free(used) }) }
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

    #[test]
    fn a_share_grows_into_what_others_leave_and_no_further() {
        let admission = Admission::new(Budget { cores: 2.0, share: 0.5 });
        let (first, second) = (admission.admit(0.5).unwrap(), admission.admit(0.25).unwrap());
        assert_eq!((admission.room(), second.room(), second.held()), (0.25, 0.5, 0.25));
        assert_eq!(second.becomes(0.75), Err(NoRoom { wanted: 0.75, free: 0.5 }));
        assert_eq!(second.held(), 0.25, "it stays as it was");
        second.becomes(0.5).unwrap();
        assert_eq!(admission.room(), 0.0);
        drop(first);
        second.becomes(1.0).unwrap();
        drop(second);
        assert_eq!(admission.room(), 1.0);
    }
}
