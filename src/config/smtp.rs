//! `[smtp]`.

use super::section::section;
use super::units::SmtpUrl;

section! {
    /// Mails: so far, links to a new password for who has forgotten theirs.
    pub struct Smtp {
        /// "" sends none. smtps://USER:PASSWORD@HOST (port 465), smtp://USER:PASSWORD@HOST:587?tls=required (STARTTLS), or
        /// smtp://HOST (in clear: on this machine only). Needs http.public_url.
        pub url: SmtpUrl = SmtpUrl::default(),
        /// Whom mails are from, such as "Amphi <amphi@example.org>".
        pub from: String = String::new(),
    }
}
