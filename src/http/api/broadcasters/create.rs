//! `POST /api/v1/broadcasters`.

use super::{Broadcaster, caption_languages, preset, vocabulary};
use crate::catalogue::Catalogue;
use crate::catalogue::broadcaster::NewBroadcaster;
use crate::catalogue::captions::CaptionSettings;
use crate::catalogue::credits::Credits;
use crate::catalogue::slug::Slug;
use crate::http::input::{Body, parsed};
use crate::http::problem::Problem;
use crate::http::state::Clock;
use crate::policy::state::Visibility;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::IntoResponse;
use serde::Deserialize;
use std::time::Duration;
use utoipa::ToSchema;

/// A new broadcaster.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = NewBroadcaster)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wish {
    /// Its name in URLs for ever: 1 to 64 of a-z, 0-9 and -. Without it, made from the title.
    slug: Option<String>,
    /// 1 to 200 characters.
    title: String,
    /// Who is heard in its lives: at most 30 names of at most 200 characters. A recording that begins takes them over.
    speakers: Option<Vec<String>>,
    /// What others may do with its lives: an identifier such as `CC-BY-4.0`. A recording that begins takes it over.
    licence: Option<String>,
    /// Pull it from there; without it, it waits for an encoder.
    rtsp_url: Option<String>,
    /// `tcp` (the default) or `udp`.
    rtsp_transport: Option<String>,
    /// How long a live waits for its contribution; without it, the server's setting.
    grace_ms: Option<u64>,
    /// `camera`, `slides` or `low bandwidth`; without it, the server's setting.
    preset: Option<String>,
    /// `automatic` (the default): its lives are recorded from their beginning; `by_hand`: when an operator says so.
    record_start: Option<String>,
    /// Languages that its lives are captioned in, such as `["fr", "en-GB"]`, at most 8; `[]`: none; without it, the server's setting. Those without
    /// a model are left out, and its health says so.
    caption_languages: Option<Vec<String>>,
    /// How names are written in its captions, a line each, at most 1,000: `Université de Lille`; where something else is said,
    /// `big blue button = BigBlueButton`; in one language only, `[fr] té pé = TP`.
    vocabulary: Option<Vec<String>>,
    /// Hear nothing but the vocabulary, by models that can be kept to one, in languages that have entries.
    #[serde(default)]
    vocabulary_exclusive: bool,
}

/// Adds a broadcaster. It has no stream key yet.
#[utoipa::path(
    post,
    path = "/api/v1/broadcasters",
    operation_id = "createBroadcaster",
    tag = "broadcasters",
    security(("token" = ["broadcasters:write"])),
    request_body = Wish,
    responses(
        (status = CREATED, body = Broadcaster, headers(("location", description = "Where it is"))),
        (status = UNAUTHORIZED, body = Problem),
        (status = FORBIDDEN, body = Problem),
        (status = CONFLICT, body = Problem, description = "The slug is taken"),
        (status = UNPROCESSABLE_ENTITY, body = Problem, description = "A field can't be taken; it is named")
    )
)]
pub(crate) async fn handler(
    State(catalogue): State<Catalogue>,
    State(clock): State<Clock>,
    Body(wish): Body<Wish>,
) -> Result<impl IntoResponse, Problem> {
    let slug: Slug = match &wish.slug {
        Some(slug) => parsed("slug", slug)?,
        None => {
            Slug::from_title(&wish.title).ok_or_else(|| Problem::invalid("slug", "can't be made from this title"))?
        }
    };
    let new = NewBroadcaster {
        slug,
        title: wish.title,
        rtsp_url: wish.rtsp_url.map(|url| parsed("rtsp_url", &url)).transpose()?,
        rtsp_transport: wish
            .rtsp_transport
            .map(|name| parsed("rtsp_transport", &name))
            .transpose()?
            .unwrap_or_default(),
        grace: wish.grace_ms.map(Duration::from_millis),
        preset: wish.preset.map(preset).transpose()?,
        visibility: Visibility::Public,
        record_start: wish.record_start.map(|name| parsed("record_start", &name)).transpose()?.unwrap_or_default(),
        captions: CaptionSettings {
            languages: wish.caption_languages.map(caption_languages).transpose()?,
            vocabulary: wish.vocabulary.map(vocabulary).transpose()?.unwrap_or_default(),
            exclusive: wish.vocabulary_exclusive,
        },
        credits: Credits { speakers: wish.speakers.unwrap_or_default(), licence: wish.licence.unwrap_or_default() },
    };
    let stored = catalogue.add_broadcaster(new, clock.now()).await?;
    let location = format!("/api/v1/broadcasters/{}", stored.slug);
    Ok((StatusCode::CREATED, [(LOCATION, location)], Json(Broadcaster::to_writer(&stored, None))))
}

#[cfg(test)]
mod tests {
    use crate::http::api::support::Api;
    use crate::policy::scope::Scope;

    const PATH: &str = "/api/v1/broadcasters";

    #[tokio::test]
    async fn adds_one_and_says_where_it_is() {
        let api = Api::new().await;
        let token = api.token(Scope::BroadcastersWrite).await;
        let body = r#"{"title":"Amphithéâtre 3","rtsp_url":"rtsp://u:p@cam/1","rtsp_transport":"udp","grace_ms":5000}"#;
        let (status, headers, made) = api.ask("POST", PATH, Some(&token), Some(body)).await;
        assert_eq!((status, made["slug"].as_str()), (201, Some("amphitheatre-3")));
        assert_eq!(headers["location"], "/api/v1/broadcasters/amphitheatre-3");
        assert_eq!((made["rtsp_url"].as_str(), made["grace_ms"].as_u64()), (Some("rtsp://cam/1"), Some(5_000)));
        let (status, shown) = api.get("/api/v1/broadcasters/amphitheatre-3").await;
        assert_eq!((status, shown["source"].as_str(), shown.get("rtsp_url")), (200, Some("rtsp"), None));
        let (status, problem) = api.send("POST", PATH, Some(&token), Some(body)).await;
        assert_eq!((status, problem["field"].as_str()), (409, Some("slug")));
    }

    #[tokio::test]
    async fn what_cannot_be_taken_is_named() {
        let api = Api::new().await;
        let token = api.token(Scope::BroadcastersWrite).await;
        for (body, status, field) in [
            (r#"{"title":"x","slug":"No Slug"}"#, 422, Some("slug")),
            (r#"{"title":""}"#, 422, Some("slug")),
            (r#"{"title":"","slug":"x"}"#, 422, Some("title")),
            (r#"{"title":5}"#, 422, Some("title")),
            (r#"{"title":"x","rtsp_url":"http://cam"}"#, 422, Some("rtsp_url")),
            (r#"{"title":"x","rtsp_transport":"quic"}"#, 422, Some("rtsp_transport")),
            (r#"{"title":"x","grace_ms":-1}"#, 422, Some("grace_ms")),
            (r#"{"title":"x","grace_ms":99999999999}"#, 422, Some("grace_ms")),
            (r#"{"title":"x","caption_languages":["fr","français"]}"#, 422, Some("caption_languages")),
            (r#"{"title":"x","caption_languages":["fr","FR"]}"#, 422, Some("caption_languages")),
            (r#"{"title":"x","caption_languages":"fr"}"#, 422, Some("caption_languages")),
            (r#"{"title":"x","vocabulary":["Lille","a\nb"]}"#, 422, Some("vocabulary")),
            (r#"{"title":"x","vocabulary":["Lille",5]}"#, 422, Some("vocabulary[1]")),
            (r#"{"title":"x","speakers":["Ada"," "]}"#, 422, Some("speakers")),
            (r#"{"title":"x","speakers":"Ada"}"#, 422, Some("speakers")),
            (r#"{"title":"x","licence":"CC BY"}"#, 422, Some("licence")),
            (r#"{"title":"x","vocabulary_exclusive":1}"#, 422, Some("vocabulary_exclusive")),
            (r#"{"title":"x","tittle":"x"}"#, 422, Some("tittle")),
            (r#"{"title":"x"} {}"#, 400, None),
            ("{", 400, None),
        ] {
            let (got, problem) = api.send("POST", PATH, Some(&token), Some(body)).await;
            assert_eq!((got, problem["field"].as_str()), (status, field), "{body}: {problem}");
        }
        let huge = format!(r#"{{"title":"{}"}}"#, "x".repeat(600_000));
        assert_eq!(api.send("POST", PATH, Some(&token), Some(&huge)).await.0, 413);
        let deep = "[".repeat(60_000);
        assert_eq!(api.send("POST", PATH, Some(&token), Some(&deep)).await.0 / 100, 4);
        assert!(api.catalogue.broadcasters().await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn a_vocabulary_is_shown_to_who_may_write_and_a_line_that_is_none_is_named() {
        let api = Api::new().await;
        let token = api.token(Scope::BroadcastersWrite).await;
        let body = r#"{"title":"Hall","caption_languages":["fr","en-GB"],"vocabulary_exclusive":true,
            "vocabulary":[" Lille ","big blue button=BigBlueButton"," # remark"]}"#;
        let (status, made) = api.send("POST", PATH, Some(&token), Some(body)).await;
        assert_eq!(
            (status, &made["vocabulary"]),
            (201, &serde_json::json!(["Lille", "big blue button = BigBlueButton"]))
        );
        let (_, shown) = api.get("/api/v1/broadcasters/hall").await;
        assert_eq!(shown["caption_languages"], serde_json::json!(["fr", "en-GB"]));
        assert_eq!((shown.get("vocabulary"), shown["vocabulary_exclusive"].as_bool()), (None, Some(true)));

        // As many as are taken, each letter escaped, fits into a body.
        let line = format!("\"{}\"", "\\u00e9".repeat(31));
        let most = format!(r#"{{"title":"Most","vocabulary":[{}]}}"#, vec![line.as_str(); 1_000].join(","));
        assert_eq!(api.send("POST", PATH, Some(&token), Some(&most)).await.0, 201);
        let more = format!(r#"{{"title":"More","vocabulary":[{}]}}"#, vec![line.as_str(); 1_001].join(","));
        let (status, problem) = api.send("POST", PATH, Some(&token), Some(&more)).await;
        assert_eq!((status, problem["detail"].as_str()), (422, Some("line 1001: more than 1000 entries")));
    }

    #[tokio::test]
    async fn speakers_and_licence_are_shown_to_who_sees_it() {
        let api = Api::new().await;
        let token = api.token(Scope::BroadcastersWrite).await;
        let body = r#"{"title":"Hall","speakers":["Zoé"," Ada "],"licence":"CC-BY-4.0"}"#;
        let (status, made) = api.send("POST", PATH, Some(&token), Some(body)).await;
        assert_eq!((status, &made["speakers"]), (201, &serde_json::json!(["Zoé", "Ada"])), "{made}");
        let (_, shown) = api.get("/api/v1/broadcasters/hall").await;
        let (_, listed) = api.get(PATH).await;
        for shown in [&shown, &listed["items"][0]] {
            assert_eq!((&shown["speakers"], &shown["licence"]), (&made["speakers"], &"CC-BY-4.0".into()), "{shown}");
        }
    }

    #[tokio::test]
    async fn needs_a_token_with_the_scope() {
        let api = Api::new().await;
        let body = Some(r#"{"title":"x"}"#);
        let (status, headers, _) = api.ask("POST", PATH, Some("amphi_wrong"), body).await;
        assert_eq!((status, headers["www-authenticate"].to_str().unwrap()), (401, "Bearer realm=\"amphi\""));
        let other = api.token(Scope::VideosWrite).await;
        let (status, problem) = api.send("POST", PATH, Some(&other), body).await;
        assert_eq!(status, 403);
        assert!(problem["detail"].as_str().unwrap().contains("broadcasters:write"));
    }
}
