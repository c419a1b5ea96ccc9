//! A form that brings a file, as browsers send it (RFC 7578).
//!
//! **Promises.** It is verified as other forms are (`form.rs`). What is kept of a file has the bound that its reader says, and what is kept of the
//! texts that of every form; the rest is read to its end and dropped, so that who sent too much is told so by the page. Names of files and types
//! that browsers say are not looked at.

use super::form::{MAX_FORM_BYTES, Pair, is_ours};
use crate::http::accounts::Accounts;
use axum::extract::multipart::{Field, MultipartError};
use axum::extract::{DefaultBodyLimit, FromRef, FromRequest, Multipart, Request};
use std::convert::Infallible;

/// More is not read at all: a photograph that was never made smaller is.
const MAX_READ_BYTES: usize = 32 << 20;
/// No form of ours has more fields.
const MAX_FIELDS: usize = 32;

/// For routes that take one.
pub(super) fn limit() -> DefaultBodyLimit {
    DefaultBodyLimit::max(MAX_READ_BYTES)
}

/// A form of ours with a file of at most `MOST` bytes; `None`: what was sent is no such form, or does not repeat the cookie.
#[derive(Debug)]
pub(super) struct Upload<const MOST: usize>(pub(super) Option<Sent>);

/// What it says.
#[derive(Debug, Default)]
pub(super) struct Sent {
    /// Its texts.
    pub(super) fields: Vec<Pair>,
    /// The file's begin: one byte more than was allowed says that it is larger. Empty: none was chosen.
    pub(super) file: Vec<u8>,
}

impl<const MOST: usize, S> FromRequest<S> for Upload<MOST>
where
    S: Send + Sync,
    Accounts: FromRef<S>,
{
    type Rejection = Infallible;

    async fn from_request(request: Request, state: &S) -> Result<Self, Infallible> {
        let headers = request.headers().clone();
        let Ok(form) = Multipart::from_request(request, state).await else { return Ok(Self(None)) };
        let accounts = Accounts::from_ref(state);
        let sent = read(form, MOST).await.ok().flatten();
        Ok(Self(sent.filter(|sent| is_ours(&sent.fields, &headers, accounts.gate().cookies()))))
    }
}

/// `None`: more texts than any form has.
async fn read(mut form: Multipart, most: usize) -> Result<Option<Sent>, MultipartError> {
    let (mut sent, mut left) = (Sent::default(), MAX_FORM_BYTES);
    while let Some(field) = form.next_field().await? {
        if field.file_name().is_some() {
            sent.file = begin(field, most + 1).await?;
            continue;
        }
        let name = field.name().unwrap_or_default().to_owned();
        let value = begin(field, left + 1).await?;
        let taken = name.len() + value.len();
        let Ok(value) = String::from_utf8(value) else { return Ok(None) };
        if taken > left || sent.fields.len() == MAX_FIELDS {
            return Ok(None);
        }
        left -= taken;
        sent.fields.push((name, value));
    }
    Ok(Some(sent))
}

/// The first bytes of a field, which is read to its end.
async fn begin(mut field: Field<'_>, most: usize) -> Result<Vec<u8>, MultipartError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = field.chunk().await? {
        let room = most - bytes.len();
        bytes.extend_from_slice(&chunk[..chunk.len().min(room)]);
    }
    Ok(bytes)
}
