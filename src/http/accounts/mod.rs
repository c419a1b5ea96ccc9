//! Verifying who somebody says to be, slowly and for a few at a time.
//!
//! **Promises.** Whether an account exists can be told neither from the answer nor from the time it takes. Guesses are counted for what is
//! guessed and for who guesses. Passwords are hashed on blocking threads, a few at once, so that no live waits for a guess.

mod attempts;
mod letters;
#[cfg(test)]
mod tests;

use crate::catalogue::id::PersonId;
use crate::catalogue::secret::{Password, PasswordHash};
use crate::catalogue::{self, Catalogue};
use crate::http::gate::Gate;
use crate::http::hashing::{Unhashed, in_turn};
use crate::http::state::Clock;
use crate::lifecycle::Tasks;
use crate::mail::Post;
use attempts::{Attempts, Key};
use media::time::WallTime;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, watch};

/// Mails that are being handed over at once; more are not sent, and counted.
const MAILS_AT_ONCE: usize = 8;

/// Why somebody is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotVerified {
    /// The name or the password is wrong, or there is no such account, or it is disabled.
    #[error("the name or the password is wrong")]
    Wrong,
    /// Too many guesses; again after this.
    #[error("too many attempts")]
    TooMany(Duration),
    /// Too many at once.
    #[error("busy")]
    Busy,
    /// The catalogue does not answer; logged where it happened.
    #[error("the catalogue does not answer")]
    Failed,
}

impl From<catalogue::Error> for NotVerified {
    fn from(error: catalogue::Error) -> Self {
        tracing::error!(%error, "nobody can be verified");
        Self::Failed
    }
}

impl From<Unhashed> for NotVerified {
    fn from(why: Unhashed) -> Self {
        match why {
            Unhashed::Busy => Self::Busy,
            Unhashed::Failed => Self::Failed,
        }
    }
}

/// See the module. Cheap to clone; clones share.
#[derive(Clone, Debug)]
pub struct Accounts(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    catalogue: Catalogue,
    clock: Clock,
    gate: Gate,
    tasks: Tasks,
    attempts: Mutex<Attempts>,
    post: watch::Receiver<Option<Post>>,
    mails: Arc<Semaphore>,
}

impl Accounts {
    /// Over one tenant's catalogue. `post`: how people are written to now; `None`: they are not.
    #[must_use]
    pub fn new(
        catalogue: Catalogue,
        clock: Clock,
        gate: Gate,
        tasks: Tasks,
        post: watch::Receiver<Option<Post>>,
    ) -> Self {
        let attempts = Mutex::new(Attempts::default());
        let mails = Arc::new(Semaphore::new(MAILS_AT_ONCE));
        Self(Arc::new(Inner { catalogue, clock, gate, tasks, attempts, post, mails }))
    }

    /// The catalogue.
    #[must_use]
    pub fn catalogue(&self) -> &Catalogue {
        &self.0.catalogue
    }

    /// How people are written to now; `None`: they are not.
    fn post_now(&self) -> Option<Post> {
        self.0.post.borrow().clone()
    }

    /// The gate.
    #[must_use]
    pub fn gate(&self) -> &Gate {
        &self.0.gate
    }

    /// Where the time is read.
    #[must_use]
    pub fn clock(&self) -> Clock {
        self.0.clock
    }

    /// Now.
    #[must_use]
    pub fn now(&self) -> WallTime {
        self.0.clock.now()
    }

    /// Whether somebody who forgot a password can be written to.
    #[must_use]
    pub fn writes(&self) -> bool {
        self.0.post.borrow().is_some()
    }

    /// Who this is, if name and password are right.
    ///
    /// # Errors
    /// Why not.
    pub async fn verify(&self, login: &str, password: &str, from: IpAddr) -> Result<PersonId, NotVerified> {
        let keys = [Key::account(login), Key::address(from)];
        self.take(&keys)?;
        let found = self.0.catalogue.password_of(login).await?;
        let (person, hash) = match found {
            Some((person, hash)) => (Some(person), hash),
            None => (None, PasswordHash::of_nobody()),
        };
        let fits = self.fits(hash, password).await?;
        let Some(person) = person.filter(|_| fits) else {
            metrics::counter!("amphi_sign_ins_total", "result" => "refused").increment(1);
            return Err(NotVerified::Wrong);
        };
        self.give_back(&keys);
        metrics::counter!("amphi_sign_ins_total", "result" => "accepted").increment(1);
        self.0.catalogue.password_used(&person, self.now()).await?;
        Ok(person)
    }

    /// Whether a person who is signed in knows their own password.
    ///
    /// # Errors
    /// Why it can't be said, or that it is wrong.
    pub async fn verify_own(
        &self,
        login: &str,
        person: &PersonId,
        password: &str,
        from: IpAddr,
    ) -> Result<(), NotVerified> {
        if self.verify(login, password, from).await? == *person { Ok(()) } else { Err(NotVerified::Wrong) }
    }

    /// Whether this is an object's password.
    ///
    /// # Errors
    /// Why it can't be said, or that it is wrong.
    pub async fn verify_object(
        &self,
        id: &str,
        hash: Option<PasswordHash>,
        password: &str,
        from: IpAddr,
    ) -> Result<(), NotVerified> {
        let keys = [Key::object(id, from), Key::address(from)];
        self.take(&keys)?;
        let Some(hash) = hash else { return Err(NotVerified::Wrong) };
        if !self.fits(hash, password).await? {
            return Err(NotVerified::Wrong);
        }
        self.give_back(&keys);
        Ok(())
    }

    async fn fits(&self, hash: PasswordHash, password: &str) -> Result<bool, NotVerified> {
        let password = password.to_owned();
        Ok(in_turn(move || hash.verify(&password)).await?)
    }

    /// The hash of a new password.
    ///
    /// # Errors
    /// `Busy`, `Failed`.
    pub async fn hash(&self, password: Password) -> Result<PasswordHash, NotVerified> {
        Ok(in_turn(move || password.hash()).await??)
    }

    fn take(&self, keys: &[Key]) -> Result<(), NotVerified> {
        let mut attempts = self.0.attempts.lock().unwrap_or_else(PoisonError::into_inner);
        attempts.take(keys, self.now()).map_err(|wait| {
            metrics::counter!("amphi_sign_ins_total", "result" => "limited").increment(1);
            NotVerified::TooMany(wait)
        })
    }

    fn give_back(&self, keys: &[Key]) {
        self.0.attempts.lock().unwrap_or_else(PoisonError::into_inner).give_back(keys, self.now());
    }
}
