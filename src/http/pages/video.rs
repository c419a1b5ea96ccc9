//! `/videos/{id}-{slug}`: a video. The id finds it; another slug, as after a change of title, is sent on.

use super::error::ErrorPage;
use super::frame::{Frame, respond};
use super::model::VideoView;
use super::source::{self, Source};
use crate::http::assets::{Assets, Entry};
use crate::http::gate::visitor::Visitor;
use askama::Template;
use axum::extract::{OriginalUri, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};

#[derive(Template)]
#[template(path = "video.html")]
struct Page<'a> {
    frame: Frame<'a>,
    view: VideoView,
}

pub(super) async fn page(
    State(source): State<Source>,
    State(assets): State<Assets>,
    visitor: Visitor,
    Path(name): Path<String>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
) -> Response {
    let (id, slug) = name.split_once('-').unwrap_or((&name, ""));
    let view = match source::video(&source, id).await {
        Ok(Some(view)) => view,
        Ok(None) => return ErrorPage::NotFound.render(&headers, &assets, &visitor),
        Err(_) => return ErrorPage::Failed.render(&headers, &assets, &visitor),
    };
    if slug != view.slug {
        // Temporary: a title may change back, and browsers keep a permanent redirect for ever.
        let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
        return Redirect::temporary(&format!("{}{query}", view.url())).into_response();
    }
    let frame = Frame::new(&headers, &assets, Entry::Video).seen_by(&visitor);
    respond(StatusCode::OK, &Page { frame, view }).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use media::caption::language::Language;
    use media::time::WallTime;

    #[test]
    fn a_title_in_a_known_language_says_which() {
        let view = VideoView {
            id: "v1".into(),
            slug: "cours".into(),
            title: "Cours".into(),
            description: Some("Séries & sommes".into()),
            language: Some("fr".into()),
            broadcaster: None,
            recorded_at: WallTime::from_micros(0),
            duration_ms: 1_000,
            poster_url: Some("/p.jpg".into()),
            storyboard_url: Some("/p.vtt".into()),
            captions: Language::new("fr").into_iter().collect(),
        };
        let assets = Assets::unhashed();
        let page = Page { frame: Frame::new(&HeaderMap::new(), &assets, Entry::Video), view }.render().unwrap();
        for part in [
            "<h1 lang=\"fr\">Cours</h1>",
            "Séries &#38; sommes",
            " poster=\"/p.jpg\" thumbnails=\"/p.vtt\"",
            "href=\"/videos/v1/captions/fr.txt\"",
        ] {
            assert!(page.contains(part), "{part}: {page}");
        }
    }
}
