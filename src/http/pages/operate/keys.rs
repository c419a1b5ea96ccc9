//! A broadcaster's stream keys: one more, one in place of all others, one less. A new key stands in one answer and nowhere else.

use super::{Desk, hall, refused};
use crate::catalogue::Error;
use crate::http::pages::asking::Asking;
use crate::http::pages::form::Fields;
use crate::http::pages::people::{not_ours, see};
use axum::extract::{Path, State};
use axum::response::Response;
use serde::Deserialize;

/// A new key's form.
#[derive(Deserialize)]
pub(super) struct NewKey {
    /// Which box or person has it.
    label: String,
}

/// The form that revokes one.
#[derive(Deserialize)]
pub(super) struct Revoked {
    key: String,
}

/// `POST /operate/{slug}/keys/add`.
pub(super) async fn add(
    State(desk): State<Desk>,
    asking: Asking,
    Path(slug): Path<String>,
    Fields(sent): Fields<NewKey>,
) -> Response {
    let reader = asking.reader();
    let Some(sent) = sent else { return not_ours(&reader) };
    let made = async {
        let id = desk.hall(&slug).await?.id;
        let (_, key) = desk.catalogue.add_key(&id, &sent.label, desk.clock.now()).await?;
        hall::show(&desk, &reader, &slug, Some(key.reveal())).await
    };
    made.await.unwrap_or_else(|error| refused(&reader, &error))
}

/// `POST /operate/{slug}/keys/rotate`: a new one, and no other any more.
pub(super) async fn rotate(
    State(desk): State<Desk>,
    asking: Asking,
    Path(slug): Path<String>,
    Fields(sent): Fields<NewKey>,
) -> Response {
    let reader = asking.reader();
    let Some(sent) = sent else { return not_ours(&reader) };
    let made = async {
        let id = desk.hall(&slug).await?.id;
        let (_, key) = desk.catalogue.rotate_key(&id, &sent.label, desk.clock.now()).await?;
        hall::show(&desk, &reader, &slug, Some(key.reveal())).await
    };
    made.await.unwrap_or_else(|error| refused(&reader, &error))
}

/// `POST /operate/{slug}/keys/revoke`.
pub(super) async fn revoke(
    State(desk): State<Desk>,
    asking: Asking,
    Path(slug): Path<String>,
    Fields(sent): Fields<Revoked>,
) -> Response {
    let reader = asking.reader();
    let Some(sent) = sent else { return not_ours(&reader) };
    let revoked = async {
        let id = desk.hall(&slug).await?.id;
        let key = sent.key.parse().map_err(|_| Error::NotFound("stream key"))?;
        desk.catalogue.revoke_key(&id, &key, desk.clock.now()).await
    };
    match revoked.await {
        Ok(()) => see(&format!("/operate/{slug}")),
        Err(error) => refused(&reader, &error),
    }
}
