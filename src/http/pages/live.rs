//! `/live/{slug}`: a broadcaster's live in whatever state it is.

use super::error::ErrorPage;
use super::frame::{Frame, respond};
use super::model::LiveView;
use super::outside::{self, HEIGHT, Outside, WIDTH};
use super::source::{self, Source};
use crate::http::assets::{Assets, Entry};
use crate::http::gate::visitor::Visitor;
use crate::http::security::Framing;
use askama::Template;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

#[derive(Template)]
#[template(path = "live.html")]
struct Page<'a> {
    frame: Frame<'a>,
    view: LiveView,
    /// The address of the player alone, and the code that shows it.
    embed: String,
    embed_code: String,
    outside: Option<Outside>,
}

pub(super) async fn page(
    State(source): State<Source>,
    State(assets): State<Assets>,
    visitor: Visitor,
    Path(slug): Path<String>,
    headers: HeaderMap,
) -> Response {
    let site = source.place().site(&headers);
    let view = match source::live(&source, &site, &slug, &visitor).await {
        Ok(Some(view)) => view,
        Ok(None) => return ErrorPage::NotFound.render(&headers, &assets, &visitor),
        Err(_) => return ErrorPage::Failed.render(&headers, &assets, &visitor),
    };
    let frame = Frame::new(&headers, &assets, Entry::Live).seen_by(&visitor);
    let embed = format!("{site}{}", view.embed_url());
    let embed_code = outside::code(&embed, &view.title, (WIDTH, HEIGHT));
    let outside = Outside::of_live(&site, &view);
    let beside = view.tool.as_ref().map(|tool| Framing::Shows(tool.origin.clone()));
    let mut response = respond(StatusCode::OK, &Page { frame, view, embed, embed_code, outside }).into_response();
    if let Some(beside) = beside {
        response.extensions_mut().insert(beside);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::super::markdown::Html;
    use super::*;
    use crate::live::status::State;

    #[test]
    fn a_description_is_shown_as_it_was_written() {
        let view = LiveView {
            slug: "demo".into(),
            title: "Amphi".into(),
            description: Html::of_markdown("Cours de <l’UFR>.\n\n*Entrée libre.*"),
            speakers: Vec::new(),
            licence: None,
            tool: None,
            state: State::Idle,
            started_at: None,
            viewers: 0,
            renditions_version: 0,
            video: None,
            recent: Vec::new(),
        };
        let assets = Assets::unhashed();
        let frame = Frame::new(&HeaderMap::new(), &assets, Entry::Live);
        let (embed, embed_code, outside) = (String::new(), String::new(), None);
        let page = Page { frame, view, embed, embed_code, outside }.render().unwrap();
        assert!(page.contains("<p>Cours de &lt;l’UFR&gt;.</p>\n<p><em>Entrée libre.</em></p>"), "{page}");
    }
}
