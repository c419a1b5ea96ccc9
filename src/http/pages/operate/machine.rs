//! `/operate/_/machine`: what the server stands on: the disk and how long it lasts, speech models, engines at work, the version. Disk and
//! engines follow by themselves where there is JavaScript.

use super::vitals::{self, Disk, Engine};
use super::{Desk, refused};
use crate::archive::layout::Layout;
use crate::http::assets::Entry;
use crate::http::pages::asking::Asking;
use crate::http::pages::frame::{Frame, respond};
use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};

#[derive(Template)]
#[template(path = "operate-machine.html")]
struct Page<'a> {
    frame: Frame<'a>,
    version: &'static str,
    /// `None`: it does not answer.
    disk: Option<Disk>,
    captioned: bool,
    models: Vec<Model>,
    missing: Vec<Missing>,
    engines: Vec<Engine>,
    /// What one that begins later looks like.
    blank: Engine,
}

impl Page<'_> {
    /// Of the disk, with the keys of what they are called.
    fn figures(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let figures = self.disk.as_ref().map_or([0; 4], Disk::figures);
        ["disk-free", "disk-total", "disk-used", "disk-written"].into_iter().zip(figures)
    }
}

/// An installed model.
struct Model {
    name: String,
    language: String,
    mib: u64,
    /// Its archive was compared with a hash that was known before.
    checked: bool,
}

/// A language that lives are to be captioned in, and there is nothing that hears it.
struct Missing {
    language: String,
    /// What to type.
    command: String,
}

/// `GET /operate/_/machine`.
pub(super) async fn page(State(desk): State<Desk>, State(layout): State<Layout>, asking: Asking) -> Response {
    let now = match vitals::now(&desk, &layout).await {
        Ok(now) => now,
        Err(error) => return refused(&asking.reader(), &error),
    };
    let blank = Engine { slug: String::new(), title: String::new(), encoder: None, speed_percent: None, lag_ms: None };
    let offer = desk.lives.captions();
    let page = Page {
        version: env!("CARGO_PKG_VERSION"),
        disk: now.disk(),
        captioned: offer.enabled,
        models: offer
            .models
            .records()
            .iter()
            .map(|record| Model {
                name: record.name.clone(),
                language: record.language.clone(),
                mib: record.bytes() >> 20,
                checked: record.checked,
            })
            .collect(),
        missing: offer.lacks().map(|(language, command)| Missing { language, command }).collect(),
        engines: now.engines_of(&asking.visitor),
        blank,
        frame: Frame::new(&asking.headers, &asking.assets, Entry::Operate).seen_by(&asking.visitor),
    };
    respond(StatusCode::OK, &page).into_response()
}
