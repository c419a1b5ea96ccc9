//! What every page has around its own part: language, style sheets, modules, dates.

use super::error::Failure;
use super::texts::{Language, Texts};
use crate::catalogue::look::Look;
use crate::http::assets::{Assets, Entry};
use crate::http::gate::visitor::Visitor;
use crate::http::look;
use crate::policy::who::Role;
use askama::Template;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use media::time::WallTime;
use std::sync::Arc;

/// Given to every template as `frame`.
pub(super) struct Frame<'a> {
    /// The reader's words.
    pub(super) t: &'static Texts,
    assets: &'a Assets,
    entry: Entry,
    visitor: Option<&'a Visitor>,
    look: Arc<Look>,
}

impl<'a> Frame<'a> {
    pub(super) fn new(headers: &HeaderMap, assets: &'a Assets, entry: Entry) -> Self {
        let look = assets.shown().now();
        Self { t: Language::preferred(headers, &look.languages).texts(), assets, entry, visitor: None, look }
    }

    /// What the institution is called.
    pub(super) fn name(&self) -> &str {
        &self.look.name
    }

    /// What it says below every page.
    pub(super) fn footer(&self) -> Option<&str> {
        Some(self.look.footer.as_str()).filter(|footer| !footer.is_empty())
    }

    /// Where its accents are, if it has any.
    pub(super) fn theme_url(&self) -> Option<String> {
        look::theme_url(&self.look)
    }

    /// Where its logo is, if it has one.
    pub(super) fn logo_url(&self) -> Option<String> {
        look::logo_url(&self.look)
    }

    /// For who is signed in, and for what needs a pass.
    pub(super) fn seen_by(self, visitor: &'a Visitor) -> Self {
        Self { visitor: Some(visitor), ..self }
    }

    /// The name of who is signed in.
    pub(super) fn person(&self) -> Option<&str> {
        Some(self.visitor?.person()?.name.as_str())
    }

    /// Whether the reader may have videos.
    pub(super) fn contributes(&self) -> bool {
        self.visitor.and_then(Visitor::person).is_some_and(|person| person.standing.role >= Role::Contributor)
    }

    /// Whether the reader has operators' pages.
    pub(super) fn operates(&self) -> bool {
        self.visitor.and_then(Visitor::person).is_some_and(|person| person.standing.role >= Role::Operator)
    }

    /// Whether the reader has administrators' pages.
    pub(super) fn administers(&self) -> bool {
        self.visitor.and_then(Visitor::person).is_some_and(|person| person.standing.role == Role::Administrator)
    }

    /// Where the pass to what is shown is renewed.
    pub(super) fn pass_url(&self) -> Option<&str> {
        self.visitor?.pass_url()
    }

    pub(super) fn built(&self) -> bool {
        self.assets.is_built()
    }

    pub(super) fn styles(&self) -> &[String] {
        &self.assets.needs(self.entry).styles
    }

    pub(super) fn scripts(&self) -> &[String] {
        &self.assets.needs(self.entry).scripts
    }

    /// For machines: RFC 3339 in UTC.
    pub(super) fn iso(&self, at: &WallTime) -> String {
        timestamp(*at).strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
    }

    /// For readers, in UTC; the browser replaces it by the reader's own zone.
    pub(super) fn date(&self, at: &WallTime) -> String {
        let at = timestamp(*at).to_zoned(TimeZone::UTC);
        let format = match self.t.language() {
            Language::English => "%Y-%m-%d %H:%M UTC",
            Language::French => "%d/%m/%Y %H:%M UTC",
        };
        at.strftime(format).to_string()
    }
}

fn timestamp(at: WallTime) -> Timestamp {
    // A time outside jiff's ten thousand years is a damaged row; the page is shown with 1970 all the same.
    Timestamp::from_millisecond(at.millis()).unwrap_or_default()
}

/// The rendered page. Never stored by caches: it differs by language and by who asks.
pub(super) fn respond(status: StatusCode, page: &impl Template) -> Result<Response, Failure> {
    let text = page.render().map_err(|error| {
        tracing::error!(%error, "a page could not be rendered");
        Failure
    })?;
    let mut response = (status, Html(text)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    headers.insert(header::VARY, HeaderValue::from_static("accept-language"));
    Ok(response)
}
