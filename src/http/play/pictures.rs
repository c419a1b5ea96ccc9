//! `/videos/{id}/poster.jpg`, `/storyboard.jpg` and `/storyboard.vtt`: what a job made of a finished video. 404 until then.

use super::{previews, respond};
use crate::archive::layout::Layout;
use crate::catalogue::Catalogue;
use crate::catalogue::id::VideoId;
use crate::catalogue::video::VideoState;
use crate::http::input::Segments;
use crate::http::known::is_known;
use crate::http::problem::Problem;
use crate::jobs::storyboard::Picture;
use axum::Router;
use axum::body::Body;
use axum::extract::{FromRef, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderValue};
use axum::http::{HeaderMap, Response, StatusCode};
use axum::response::IntoResponse;
use axum::routing::get;
use std::io;
use std::time::UNIX_EPOCH;

/// Its owner may choose another, cut the video or delete it.
const FOR_A_MINUTE: HeaderValue = HeaderValue::from_static("public, max-age=60");

/// What pictures need.
#[derive(Clone, Debug)]
pub struct Pictures {
    /// Which videos there are.
    pub catalogue: Catalogue,
    /// Where their files are.
    pub layout: Layout,
}

/// The routes, for any state that has [`Pictures`].
pub fn routes<S>() -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    Pictures: FromRef<S>,
{
    Picture::ALL.into_iter().fold(Router::new(), |router, picture| {
        let handler = move |State(pictures): State<Pictures>, Segments(id): Segments<String>, headers: HeaderMap| async move {
            respond::public(answer(&pictures, &id, picture, &headers).await)
        };
        router.route(&picture.url("{id}"), get(handler).options(respond::preflight))
    })
}

async fn answer(pictures: &Pictures, id: &str, picture: Picture, headers: &HeaderMap) -> Response<Body> {
    let absent = || Problem::new(StatusCode::NOT_FOUND).detail("There is no such picture (yet).").into_response();
    let Ok(id) = id.parse::<VideoId>() else { return absent() };
    let cut = match pictures.catalogue.video(&id).await {
        Ok(Some(video)) if video.state == VideoState::Ended && video.pictured_at.is_some() => video.cut,
        Ok(_) => return absent(),
        Err(error) => {
            tracing::error!(video = %id, %error, "the catalogue can't say whether a picture may be seen");
            let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE).detail("The catalogue does not answer.");
            return problem.into_response();
        }
    };
    let path = picture.path(&pictures.layout, id.as_str());
    let read = tokio::task::spawn_blocking(move || {
        let bytes = std::fs::read(&path)?;
        let changed = std::fs::metadata(&path)?.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
        let shift = picture == Picture::Previews && !cut.is_none();
        let bytes = if shift { previews::shown(&String::from_utf8_lossy(&bytes), cut).into_bytes() } else { bytes };
        let of_cut = [cut.start, cut.end].map(|at| at.unwrap_or_default().as_millis());
        Ok::<_, io::Error>((bytes, format!("\"{:x}-{:x}-{:x}\"", changed.as_nanos(), of_cut[0], of_cut[1])))
    });
    let (bytes, tag) = match read.await.unwrap_or_else(|_| Err(io::Error::other("reading broke off"))) {
        Ok(read) => read,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return absent(),
        Err(error) => {
            tracing::error!(video = %id, %error, "a picture can't be read");
            let problem =
                Problem::new(StatusCode::INTERNAL_SERVER_ERROR).detail("This picture can't be read from disk.");
            return problem.into_response();
        }
    };
    let known = is_known(headers, &tag);
    // Hexadecimal digits and lines between quotation marks.
    let tag = HeaderValue::from_str(&tag).unwrap_or(HeaderValue::from_static("\"\""));
    let kept = [(CACHE_CONTROL, FOR_A_MINUTE), (ETAG, tag)];
    if known {
        return (StatusCode::NOT_MODIFIED, kept).into_response();
    }
    let content_type = [(CONTENT_TYPE, HeaderValue::from_static(picture.content_type()))];
    (StatusCode::OK, kept, content_type, bytes).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::broadcaster::NewBroadcaster;
    use crate::catalogue::video::{Finished, NewVideo};
    use axum::http::Request;
    use http_body_util::BodyExt as _;
    use media::time::WallTime;
    use std::time::Duration;
    use tower::ServiceExt as _;

    #[derive(Clone)]
    struct Only(Pictures);

    impl FromRef<Only> for Pictures {
        fn from_ref(only: &Only) -> Self {
            only.0.clone()
        }
    }

    async fn ask(pictures: &Pictures, path: &str, known: Option<&str>) -> (StatusCode, HeaderMap, Vec<u8>) {
        let mut request = Request::get(path);
        if let Some(known) = known {
            request = request.header("if-none-match", known);
        }
        let router = routes().with_state(Only(pictures.clone()));
        let (head, body) = router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap().into_parts();
        (head.status, head.headers, body.collect().await.unwrap().to_bytes().to_vec())
    }

    #[tokio::test]
    async fn a_picture_is_served_once_it_is_made_and_while_its_video_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let catalogue = Catalogue::open(folder.path().join("c.sqlite").to_str().unwrap()).await.unwrap();
        catalogue.migrate().await.unwrap();
        let at = WallTime::from_micros(1_000_000);
        let hall = NewBroadcaster::new("hall".parse().unwrap(), "Hall".to_owned());
        let hall = catalogue.add_broadcaster(hall, at).await.unwrap();
        let new =
            NewVideo { broadcaster_id: hall.id, title: None, started_at: at, first_msn: 0, first_discontinuity: 0 };
        let id = catalogue.begin_video(new).await.unwrap().id;
        let layout = Layout::new(folder.path().join("media"));
        std::fs::create_dir_all(layout.folder(id.as_str())).unwrap();
        for picture in Picture::ALL {
            std::fs::write(picture.path(&layout, id.as_str()), picture.file_name()).unwrap();
        }
        let pictures = Pictures { catalogue: catalogue.clone(), layout: layout.clone() };
        let poster = format!("/videos/{id}/poster.jpg");
        assert_eq!(ask(&pictures, &poster, None).await.0, StatusCode::NOT_FOUND, "it is live");
        let duration = Duration::from_secs(9);
        let finished =
            Finished { ended_at: at, duration, listed: true, ladder: false, next_msn: 1, next_discontinuity: 1 };
        catalogue.finish_video(&id, finished).await.unwrap();
        let (status, headers, body) = ask(&pictures, &poster, None).await;
        assert_eq!(
            (status, &headers[CONTENT_TYPE]),
            (StatusCode::NOT_FOUND, &"application/problem+json".parse().unwrap())
        );
        assert!(String::from_utf8(body).unwrap().contains("no such picture"), "not told to the catalogue yet");
        assert_eq!(headers[CACHE_CONTROL], "public, max-age=1");

        catalogue.video_pictured(&id, at).await.unwrap();
        for (picture, content_type) in [
            (Picture::Poster, "image/jpeg"),
            (Picture::Sheet, "image/jpeg"),
            (Picture::Previews, "text/vtt; charset=utf-8"),
        ] {
            let (status, headers, body) = ask(&pictures, &picture.url(id.as_str()), None).await;
            assert_eq!((status, headers[CONTENT_TYPE].to_str().unwrap()), (StatusCode::OK, content_type));
            assert_eq!(body, picture.file_name().as_bytes());
            assert_eq!(headers[CACHE_CONTROL], "public, max-age=60");
            assert_eq!(headers["access-control-allow-origin"], "*");
            let tag = headers[ETAG].to_str().unwrap();
            let (status, _, body) = ask(&pictures, &picture.url(id.as_str()), Some(tag)).await;
            assert_eq!((status, body.len()), (StatusCode::NOT_MODIFIED, 0));
        }
        assert_eq!(ask(&pictures, "/videos/aaaaaaaaaaaaaaaa/poster.jpg", None).await.0, StatusCode::NOT_FOUND);
        assert_eq!(ask(&pictures, "/videos/..%2f..%2fc.sqlite/poster.jpg", None).await.0, StatusCode::NOT_FOUND);
        std::fs::remove_file(Picture::Poster.path(&layout, id.as_str())).unwrap();
        assert_eq!(ask(&pictures, &poster, None).await.0, StatusCode::NOT_FOUND);
        catalogue.delete_video(&id, at).await.unwrap();
        assert_eq!(ask(&pictures, &Picture::Sheet.url(id.as_str()), None).await.0, StatusCode::NOT_FOUND);
    }
}
