//! `/live/{slug}/captions/{language}.{form}`: what was said so far in a live on air, as far back as it can be watched. `json` for the page's
//! transcript, each cue as the page's events tell of it, the newest some thousands; `txt`, `vtt` and `srt` to take away. Times of files count
//! from the begin of what can be watched. 404 when nothing is on air or nothing is heard in that language.

use super::captions::{Form, as_written};
use super::{Play, not_found, problem, respond};
use crate::http::input::Segments;
use crate::live::said::Said;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode};
use media::caption::language::Language;
use media::caption::{export, webvtt};

/// What it is told as.
#[derive(Clone, Copy, Debug)]
enum Told {
    /// To the page's transcript.
    Page,
    File(Form),
}

impl Told {
    fn from_suffix(suffix: &str) -> Option<Self> {
        match suffix {
            "json" => Some(Self::Page),
            // When each word was said is known of recordings only.
            file => Form::from_suffix(file).filter(|form| *form != Form::Words).map(Self::File),
        }
    }
}

/// The file that is named.
pub(super) async fn handler(
    State(play): State<Play>,
    Segments((slug, file)): Segments<(String, String)>,
    headers: HeaderMap,
) -> Response<Body> {
    let wanted =
        file.rsplit_once('.').and_then(|(tag, suffix)| Some((Language::new(tag)?, Told::from_suffix(suffix)?)));
    let Some((language, told)) = wanted else {
        return not_found("There is no such file: captions are LANGUAGE.json, .txt, .vtt or .srt.")
            .map(super::Payload::into_body);
    };
    let captions = play.lives.timeline(&slug).map(|timeline| timeline.captions());
    let list = captions.and_then(|all| all.iter().find(|list| list.language == language).cloned());
    let Some(list) = list else {
        return not_found("Nothing is heard here in this language.").map(super::Payload::into_body);
    };
    let gzip = respond::accepts_gzip(&headers);
    let made = tokio::task::spawn_blocking(move || {
        let said = list.said();
        match told {
            Told::Page if gzip => respond::passing(JSON, said.json().1.clone(), true),
            Told::Page => respond::passing(JSON, said.json().0.clone(), false),
            Told::File(form) => respond::passing(form.content_type(), file_of(&said, form).into(), false),
        }
    });
    match made.await {
        Ok(response) => response.map(Body::from),
        Err(error) => {
            tracing::error!(broadcaster = %slug, %error, "what was said can't be told");
            problem(StatusCode::INTERNAL_SERVER_ERROR, "These captions can't be made.").map(super::Payload::into_body)
        }
    }
}

const JSON: HeaderValue = HeaderValue::from_static("application/json");

fn file_of(said: &Said, form: Form) -> String {
    let time = |micros| said.position(micros);
    match form {
        Form::Webvtt => webvtt::file(said.cues(), time),
        Form::Subrip => export::srt(said.cues(), time),
        Form::Text | Form::Words => as_written(said.cues()),
    }
}

#[cfg(test)]
mod tests {
    use crate::catalogue::access::AccessChange;
    use crate::http::support::World;
    use crate::live::status::{State, Status};
    use crate::policy::state::Visibility;

    #[tokio::test]
    async fn what_was_said_so_far_can_be_read_and_taken_away() {
        let world = World::new().await;
        let hall = world.hall("hall").await;
        let mut browser = world.browser();
        assert_eq!(browser.get("/live/hall/captions/fr.json").await.status, 404, "nothing is on air");
        world.lives.show("hall", Status { state: State::OnAir, ..Status::starting() });
        world.lives.say("hall");

        let told = browser.get("/live/hall/captions/fr.json").await;
        assert_eq!((told.status, told.header("content-type")), (200, "application/json"));
        assert!(
            told.text.starts_with("{\"cues\":[{\"end\":1002500,") && told.text.contains("Bonjour <à> tous."),
            "{}",
            told.text
        );
        let packed = browser.send("GET", "/live/hall/captions/fr.json", &[("accept-encoding", "gzip")], "").await;
        assert_eq!(packed.header("content-encoding"), "gzip");
        let text = browser.get("/live/hall/captions/fr.txt").await;
        assert_eq!(text.text, "Bonjour <à> tous.\nEt\nDe retour.\n");
        let file = browser.get("/live/hall/captions/fr.vtt").await;
        assert_eq!(file.header("content-type"), "text/vtt; charset=utf-8");
        assert!(
            file.text.starts_with("WEBVTT\n\n1\n00:00:00.500 --> 00:00:02.500\nBonjour &lt;à&gt; tous.\n"),
            "{}",
            file.text
        );
        assert!(file.text.contains("3\n00:00:05.000 --> 00:00:06.000\nDe retour.\n"), "{}", file.text);
        assert!(browser.get("/live/hall/captions/fr.srt").await.text.contains("00:00:05,000 --> 00:00:06,000"));
        for other in ["en.json", "fr.jsonl", "fr", "x.json", "fr.", ".json"] {
            assert_eq!(browser.get(&format!("/live/hall/captions/{other}")).await.status, 404, "{other}");
        }

        let change = AccessChange { visibility: Some(Visibility::SignedIn), ..AccessChange::default() };
        world.catalogue.change_broadcaster_access(&hall.id, change).await.unwrap();
        let refused = world.browser().get("/live/hall/captions/fr.txt").await;
        assert!(refused.status == 401 && !refused.text.contains("Bonjour"), "{}", refused.text);
    }
}
