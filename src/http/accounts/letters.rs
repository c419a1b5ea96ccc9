//! Mails to people, each handed over beside what it is about: nobody waits for a mail server, and nothing that was done is taken back because one fails.

use super::{Accounts, Key, NotVerified};
use crate::catalogue::person::Person;
use crate::mail::Mail;
use std::future::Future;
use std::sync::Arc;

type Failure = Box<dyn std::error::Error + Send + Sync>;

impl Accounts {
    /// Writes to a person who has an address and may sign in; `words`: subject and text for their name and this site's address, without a `/` at
    /// its end. Answers at once.
    pub fn write_to(&self, person: Person, words: impl FnOnce(&str, &str) -> (String, String) + Send + 'static) {
        let accounts = self.clone();
        self.post("mail to a person", async move {
            let Some(post) = accounts.post_now() else { return Ok(false) };
            let Some(to) = person.mail.filter(|_| person.disabled_at.is_none()) else { return Ok(false) };
            let (subject, text) = words(&person.name, &post.site);
            post.mailer.send(Mail { to, subject, text }).await?;
            Ok(true)
        });
    }

    /// Writes a link to a new password to whoever has this login or address, if there is somebody. Answers at once and always the same:
    /// what it takes is done beside it.
    ///
    /// # Errors
    /// `TooMany` from this address.
    pub fn write_reset(
        &self,
        who: String,
        from: std::net::IpAddr,
        words: impl FnOnce(&str, &str) -> (String, String) + Send + 'static,
    ) -> Result<(), NotVerified> {
        self.take(&[Key::asking(from)])?;
        let accounts = self.clone();
        self.post("mail of a new password", async move { accounts.send_reset(&who, words).await });
        Ok(())
    }

    /// Some at once; more are not sent, and counted.
    fn post(&self, what: &'static str, sending: impl Future<Output = Result<bool, Failure>> + Send + 'static) {
        let Ok(turn) = Arc::clone(&self.0.mails).try_acquire_owned() else {
            metrics::counter!("amphi_mails_total", "result" => "dropped").increment(1);
            return;
        };
        self.0.tasks.spawn(what, async move {
            let _turn = turn;
            let result = match sending.await {
                Ok(true) => "sent",
                Ok(false) => return,
                Err(error) => {
                    tracing::error!(%error, what, "a mail can't be sent");
                    "failed"
                }
            };
            metrics::counter!("amphi_mails_total", "result" => result).increment(1);
        });
    }

    async fn send_reset(&self, who: &str, words: impl FnOnce(&str, &str) -> (String, String)) -> Result<bool, Failure> {
        let Some(post) = self.post_now() else { return Ok(false) };
        let catalogue = &self.0.catalogue;
        let person = catalogue.person_named(who).await?;
        let Some(person) = person.filter(|person| person.login.is_some() && person.disabled_at.is_none()) else {
            return Ok(false);
        };
        let Some(mail) = person.mail else { return Ok(false) };
        // Nobody's letter box is filled by somebody else.
        if self.take(&[Key::letter_box(&mail)]).is_err() {
            return Ok(false);
        }
        let token = catalogue.begin_reset(&person.id, self.now()).await?;
        let link = format!("{}/new-password?token={}", post.site, token.reveal());
        let (subject, text) = words(&person.name, &link);
        post.mailer.send(Mail { to: mail, subject, text }).await?;
        Ok(true)
    }
}
