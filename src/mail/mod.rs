//! Mails to people. The only module that names lettre.
//!
//! **Promises.** No mail is sent without encryption unless the setting says so; whom it is for and what it says can't add a header; nothing
//! of it is logged.

use lettre::message::{Mailbox, header::ContentType};
use lettre::transport::smtp::AsyncSmtpTransport;
use lettre::{AsyncTransport as _, Message, Tokio1Executor};
use std::fmt;
use std::time::Duration;

/// From the connection to the last word of the other side.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why a mail is not sent. Says nothing of its content, nor the server's password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting is no address.
    #[error("{0}: it is not an address")]
    Address(&'static str),
    /// The setting of the server can't be read.
    #[error("smtp.url can't be used: {0}")]
    Url(String),
    /// A mail can't be written.
    #[error("a mail can't be written: {0}")]
    Message(String),
    /// The server did not take it.
    #[error("the mail server: {0}")]
    Server(String),
    /// It took too long.
    #[error("the mail server did not answer in time")]
    Late,
}

/// One mail.
#[derive(Clone)]
pub struct Mail {
    /// An address.
    pub to: String,
    /// One line.
    pub subject: String,
    /// Plain text.
    pub text: String,
}

impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mail(…)")
    }
}

/// Hands mails to one server. Cheap to clone.
#[derive(Clone)]
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

impl fmt::Debug for Mailer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Mailer(…)")
    }
}

/// How the people of a site are written to. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Post {
    /// By this server.
    pub mailer: Mailer,
    /// Where mails lead to, without a `/` at the end.
    pub site: String,
}

impl Mailer {
    /// As `smtp.url` and `smtp.from` say. Does not connect yet.
    ///
    /// # Errors
    /// `Url`, `Address`.
    pub fn new(url: &str, from: &str) -> Result<Self, Error> {
        let from = from.parse().map_err(|_| Error::Address("smtp.from"))?;
        let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(url);
        // The parser's message does not repeat the URL, which may hold a password.
        let transport = builder.map_err(|error| Error::Url(error.to_string()))?.timeout(Some(PATIENCE)).build();
        Ok(Self { transport, from })
    }

    /// Sends one mail.
    ///
    /// # Errors
    /// All of them.
    pub async fn send(&self, mail: Mail) -> Result<(), Error> {
        let to: Mailbox = mail.to.parse().map_err(|_| Error::Address("the address of a person"))?;
        let message = Message::builder()
            .from(self.from.clone())
            .to(to)
            // One line, whatever is in it.
            .subject(mail.subject.replace(char::is_control, " "))
            .header(ContentType::TEXT_PLAIN)
            .body(mail.text)
            .map_err(|error| Error::Message(error.to_string()))?;
        let sent = tokio::time::timeout(PATIENCE, self.transport.send(message)).await;
        sent.map_err(|_| Error::Late)?.map_err(|error| Error::Server(error.to_string()))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_used_is_said_without_its_password() {
        for url in ["smtp://u:hunter2@", "http://u:hunter2@h", "smtp://u:hunter2@h?tls=perhaps"] {
            let error = Mailer::new(url, "a@b.example").unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{error}");
        }
        assert!(matches!(Mailer::new("smtps://h", "nowhere"), Err(Error::Address("smtp.from"))));
        let mailer = Mailer::new("smtps://u:hunter2@h", "Amphi <a@b.example>").unwrap();
        assert_eq!(format!("{mailer:?}"), "Mailer(…)");
    }
}
