//! `PATCH /api/v1/broadcasters/{slug}`.

use super::{Broadcaster, caption_languages, find, preset, vocabulary};
use crate::catalogue::Catalogue;
use crate::catalogue::broadcaster::BroadcasterChange;
use crate::catalogue::captions::CaptionChange;
use crate::catalogue::credits::CreditsChange;
use crate::http::input::{Body, Segments, parsed, present};
use crate::http::problem::Problem;
use crate::live;
use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use std::time::Duration;
use utoipa::ToSchema;

/// What to change; what is not there stays, `null` empties.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = BroadcasterChange)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wish {
    /// 1 to 200 characters.
    title: Option<String>,
    /// Who is heard in its lives: at most 30 names of at most 200 characters; all of them anew. Null: nobody. What was recorded keeps what it has.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<Vec<String>>)]
    speakers: Option<Option<Vec<String>>>,
    /// What others may do with its lives: an identifier such as `CC-BY-4.0`; empty or null: none. What was recorded keeps what it has.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    licence: Option<Option<String>>,
    /// Pull it from there; null: wait for an encoder.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    rtsp_url: Option<Option<String>>,
    /// `tcp` or `udp`.
    rtsp_transport: Option<String>,
    /// How long a live waits for its contribution; null: the server's setting.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<u64>)]
    grace_ms: Option<Option<u64>>,
    /// `camera`, `slides` or `low bandwidth`; null: the server's setting.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<String>)]
    preset: Option<Option<String>>,
    /// `automatic`: its lives are recorded from their beginning; `by_hand`: when an operator says so. From its next live on.
    record_start: Option<String>,
    /// Languages that its lives are captioned in, at most 8; `[]`: none; null: the server's setting.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<Vec<String>>)]
    caption_languages: Option<Option<Vec<String>>>,
    /// How names are written in its captions, a line each, at most 1,000; all of them anew. Null: none.
    #[serde(default, deserialize_with = "present")]
    #[schema(value_type = Option<Vec<String>>)]
    vocabulary: Option<Option<Vec<String>>>,
    /// Hear nothing but the vocabulary, by models that can be kept to one.
    vocabulary_exclusive: Option<bool>,
}

/// Changes a broadcaster. A live on air goes on with what it began with, but for its captions, which follow within seconds.
#[utoipa::path(
    patch,
    path = "/api/v1/broadcasters/{slug}",
    operation_id = "updateBroadcaster",
    tag = "broadcasters",
    security(("token" = ["broadcasters:write"])),
    params(("slug" = String, Path, description = "Its name in URLs")),
    request_body = Wish,
    responses(
        (status = OK, body = Broadcaster),
        (status = UNAUTHORIZED, body = Problem),
        (status = FORBIDDEN, body = Problem),
        (status = NOT_FOUND, body = Problem),
        (status = UNPROCESSABLE_ENTITY, body = Problem, description = "A field can't be taken; it is named")
    )
)]
pub(crate) async fn handler(
    State(catalogue): State<Catalogue>,
    State(live): State<live::Handle>,
    Segments(slug): Segments<String>,
    Body(wish): Body<Wish>,
) -> Result<Json<Broadcaster>, Problem> {
    let change = BroadcasterChange {
        title: wish.title,
        rtsp_url: match wish.rtsp_url {
            Some(Some(url)) => Some(Some(parsed("rtsp_url", &url)?)),
            Some(None) => Some(None),
            None => None,
        },
        rtsp_transport: wish.rtsp_transport.map(|name| parsed("rtsp_transport", &name)).transpose()?,
        grace: wish.grace_ms.map(|grace| grace.map(Duration::from_millis)),
        preset: wish.preset.map(|name| name.map(preset).transpose()).transpose()?,
        record_start: wish.record_start.map(|name| parsed("record_start", &name)).transpose()?,
        captions: CaptionChange {
            languages: wish.caption_languages.map(|tags| tags.map(caption_languages).transpose()).transpose()?,
            vocabulary: wish.vocabulary.map(|lines| vocabulary(lines.unwrap_or_default())).transpose()?,
            exclusive: wish.vocabulary_exclusive,
        },
        credits: CreditsChange {
            speakers: wish.speakers.map(Option::unwrap_or_default),
            licence: wish.licence.map(Option::unwrap_or_default),
        },
    };
    let id = find(&catalogue, &slug).await?.id;
    let stored = catalogue.update_broadcaster(&id, change).await?;
    Ok(Json(Broadcaster::to_writer(&stored, live.status(&slug).as_deref())))
}

#[cfg(test)]
mod tests {
    use crate::http::api::support::Api;
    use crate::policy::scope::Scope;
    use serde_json::{Value, json};

    #[tokio::test]
    async fn changes_what_is_there_and_empties_what_is_null() {
        let api = Api::new().await;
        api.hall("hall").await;
        let token = api.token(Scope::BroadcastersWrite).await;
        let path = "/api/v1/broadcasters/hall";
        let patch = async |body| api.send("PATCH", path, Some(&token), Some(body)).await;
        let (status, shown) = patch(r#"{"rtsp_url":"rtsp://u:hunter2@cam/1","grace_ms":0}"#).await;
        assert_eq!((status, shown["title"].as_str()), (200, Some("Hall hall")), "what is not there stays");
        assert_eq!((shown["rtsp_url"].as_str(), shown["grace_ms"].as_u64()), (Some("rtsp://cam/1"), Some(0)));
        let (_, shown) = patch(r#"{"title":"Other"}"#).await;
        assert_eq!((shown["title"].as_str(), shown["source"].as_str()), (Some("Other"), Some("rtsp")));
        let (_, shown) = patch(r#"{"rtsp_url":null,"grace_ms":null}"#).await;
        assert_eq!((shown["source"].as_str(), &shown["grace_ms"]), (Some("push"), &Value::Null));
        let (_, shown) = patch(r#"{"caption_languages":[],"vocabulary":["Lille"],"vocabulary_exclusive":true}"#).await;
        assert_eq!((&shown["caption_languages"], &shown["vocabulary"]), (&json!([]), &json!(["Lille"])));
        let (_, shown) = patch(r#"{"caption_languages":null,"vocabulary":null}"#).await;
        assert_eq!((&shown["caption_languages"], &shown["vocabulary"]), (&Value::Null, &json!([])));
        assert_eq!(shown["vocabulary_exclusive"], true, "what is not there stays");
        let (_, shown) = patch(r#"{"record_start":"by_hand"}"#).await;
        assert_eq!((&shown["record_start"], &shown["recorded"]), (&json!("by_hand"), &json!(false)));
        let (status, problem) = patch(r#"{"record_start":"never"}"#).await;
        assert_eq!((status, problem["field"].as_str()), (422, Some("record_start")));
        let (status, problem) = patch(r#"{"vocabulary":["Lille","="]}"#).await;
        assert_eq!((status, problem["field"].as_str()), (422, Some("vocabulary")));
        assert!(problem["detail"].as_str().unwrap().starts_with("line 2 (\"=\"): "), "{problem}");
        let (_, shown) = patch(r#"{"speakers":["Zoé","Ada"],"licence":"CC0-1.0"}"#).await;
        assert_eq!((&shown["speakers"], &shown["licence"]), (&json!(["Zoé", "Ada"]), &json!("CC0-1.0")));
        let (_, shown) = patch(r#"{"speakers":["Jo"]}"#).await;
        assert_eq!((&shown["speakers"], &shown["licence"]), (&json!(["Jo"]), &json!("CC0-1.0")), "it stays");
        for (wish, field) in [(r#"{"title":"No","speakers":[""]}"#, "speakers"), (r#"{"licence":"a b"}"#, "licence")] {
            let (status, problem) = patch(wish).await;
            assert_eq!((status, problem["field"].as_str()), (422, Some(field)), "{wish}");
        }
        assert_eq!(api.get(path).await.1["speakers"], json!(["Jo"]), "nothing of it");
        let (_, shown) = patch(r#"{"speakers":null,"licence":null}"#).await;
        assert_eq!((&shown["speakers"], &shown["licence"]), (&json!([]), &json!("")));
        let noted = api.catalogue.audit_log(1).await.unwrap();
        assert_eq!(noted[0].act, "broadcaster.change");
        let (status, problem) = patch(r#"{"slug":"other"}"#).await;
        assert_eq!((status, problem["field"].as_str()), (422, Some("slug")), "a slug never changes");
        let (status, problem) = patch(r#"{"title":"a\nb"}"#).await;
        assert_eq!((status, problem["field"].as_str()), (422, Some("title")));
        let (status, _) = api.send("PATCH", "/api/v1/broadcasters/none", Some(&token), Some("{}")).await;
        assert_eq!(status, 404);
    }
}
