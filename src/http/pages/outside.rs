//! What other sites are told of a page that somebody links to: Open Graph, JSON-LD (schema.org), where its oEmbed is, and the code that shows
//! its player elsewhere. All addresses are whole. They tell nothing that the page does not.

use super::markdown::Html;
use super::video::about::Licence;
use crate::http::pages::model::{LiveView, VideoView};
use crate::live::status::State;
use jiff::Timestamp;
use media::time::WallTime;
use serde_json::{Map, Value, json};

/// What a player is shown in, unless somebody says otherwise: 16:9, in pixels.
pub(super) const WIDTH: u32 = 640;
/// See [`WIDTH`].
pub(super) const HEIGHT: u32 = 360;

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Outside {
    /// The page.
    pub(super) url: String,
    pub(super) title: String,
    /// Its first words; empty for none.
    pub(super) summary: String,
    pub(super) image: Option<String>,
    /// The player alone.
    pub(super) embed: String,
    /// Where a program asks how to show it.
    pub(super) oembed: String,
    pub(super) json_ld: Option<Html>,
}

impl Outside {
    /// Of a video; `None`: nobody says where this site is.
    pub(super) fn of_video(site: &str, view: &VideoView) -> Option<Self> {
        let mut outside = Self::of(site, &view.url(), &view.title, &view.embed_url())?;
        outside.summary.clone_from(&view.about.summary);
        outside.image = view.poster_url.as_ref().map(|poster| format!("{site}{poster}"));
        outside.json_ld = Some(video_object(site, view, &outside));
        Some(outside)
    }

    /// Of a live; `None`: nobody says where this site is. `public`: everybody may see it, and so it may be said what it looks like and that it is
    /// on air.
    pub(super) fn of_live(site: &str, view: &LiveView, public: bool) -> Option<Self> {
        let mut outside = Self::of(site, &view.url(), &view.title, &view.embed_url())?;
        if public {
            outside.summary.clone_from(&view.summary);
            outside.image = view.picture_url().map(|picture| format!("{site}{picture}"));
            outside.json_ld = broadcast(view, &outside);
        }
        Some(outside)
    }

    fn of(site: &str, path: &str, title: &str, embed: &str) -> Option<Self> {
        if site.is_empty() {
            return None;
        }
        let url = format!("{site}{path}");
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        let oembed = format!("{site}/oembed?{}", query.append_pair("url", &url).finish());
        Some(Self {
            url,
            title: title.to_owned(),
            summary: String::new(),
            image: None,
            embed: format!("{site}{embed}"),
            oembed,
            json_ld: None,
        })
    }
}

/// The code that shows a player: an `iframe`. `embed` is a whole address, or one of this site.
pub(super) fn code(embed: &str, title: &str, (width, height): (u32, u32)) -> String {
    format!(
        "<iframe src=\"{}\" title=\"{}\" width=\"{width}\" height=\"{height}\" loading=\"lazy\" \
         allow=\"autoplay; fullscreen; picture-in-picture\" allowfullscreen></iframe>",
        escaped(embed),
        escaped(title)
    )
}

/// For attributes and text of HTML and XML. What XML can't have at all is left out.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() => out.push(' '),
            '\u{fffe}' | '\u{ffff}' => {}
            c => out.push(c),
        }
    }
    out
}

/// Adds to an object what there is a value for.
fn add(object: &mut Map<String, Value>, name: &str, value: Option<Value>) {
    if let Some(value) = value {
        object.insert(name.to_owned(), value);
    }
}

/// What is said of a video and of a live alike. `since`: when it was recorded, or began.
fn watched(
    outside: &Outside,
    title: &str,
    since: &str,
    speakers: &[String],
    licence: Option<&Licence>,
) -> Map<String, Value> {
    let mut object = Map::new();
    let description = if outside.summary.is_empty() { title } else { &outside.summary };
    for (name, text) in [
        ("@context", "https://schema.org"),
        ("@type", "VideoObject"),
        ("name", title),
        ("description", description),
        ("uploadDate", since),
        ("url", &outside.url),
        ("embedUrl", &outside.embed),
    ] {
        object.insert(name.to_owned(), json!(text));
    }
    add(&mut object, "thumbnailUrl", outside.image.as_ref().map(|image| json!([image])));
    add(&mut object, "license", licence.and_then(|licence| licence.url.as_ref()).map(|url| json!(url)));
    let people: Vec<Value> = speakers.iter().map(|name| json!({ "@type": "Person", "name": name })).collect();
    add(&mut object, "actor", (!people.is_empty()).then(|| json!(people)));
    object
}

fn video_object(site: &str, view: &VideoView, outside: &Outside) -> Html {
    let about = &view.about;
    let mut object = watched(outside, &view.title, &date(view.recorded_at), &about.speakers, about.licence.as_ref());
    object.insert("duration".to_owned(), json!(format!("PT{}S", view.duration_ms / 1_000)));
    add(&mut object, "inLanguage", about.language.as_ref().map(|language| json!(language.tag())));
    add(&mut object, "keywords", (!about.tags.is_empty()).then(|| json!(about.tags.join(", "))));
    let chapters = &about.chapters;
    let clips: Vec<Value> = chapters
        .iter()
        .enumerate()
        .map(|(n, chapter)| {
            let end = chapters.get(n + 1).map_or(view.duration_ms / 1_000, super::video::about::Chapter::seconds);
            let url = format!("{}?t={}", outside.url, chapter.seconds());
            json!({ "@type": "Clip", "name": chapter.title, "startOffset": chapter.seconds(), "endOffset": end, "url": url })
        })
        .collect();
    add(&mut object, "hasPart", (!clips.is_empty()).then(|| json!(clips)));
    let place = view.broadcaster.as_ref().map(|from| {
        let mut place = Map::from_iter([("@type".to_owned(), json!("Place")), ("name".to_owned(), json!(from.title))]);
        add(&mut place, "url", from.listed.then(|| json!(format!("{site}/live/{}", from.slug))));
        json!(place)
    });
    add(&mut object, "locationCreated", place);
    Html::of_json(&object.into())
}

/// `None` while nothing is on air.
fn broadcast(view: &LiveView, outside: &Outside) -> Option<Html> {
    let started_at = view.started_at.filter(|_| matches!(view.state, State::OnAir | State::Dropped)).map(date)?;
    let mut object = watched(outside, &view.title, &started_at, &view.speakers, view.licence.as_ref());
    let publication = json!({
        "@type": "BroadcastEvent",
        "name": view.title,
        "isLiveBroadcast": true,
        "startDate": started_at,
    });
    object.insert("publication".to_owned(), publication);
    Some(Html::of_json(&object.into()))
}

/// As RFC 3339 writes it, to the second.
pub(super) fn date(at: WallTime) -> String {
    let at = Timestamp::from_millisecond(at.millis()).unwrap_or_default();
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_code_is_one_element_whatever_the_title_is() {
        let code = code("https://tv.example/embed/videos/a", "\"><script>'&", (640, 360));
        assert!(code.contains("title=\"&quot;&gt;&lt;script&gt;&#39;&amp;\" width=\"640\""), "{code}");
        assert_eq!(code.matches('<').count(), 2);
        assert_eq!(escaped("a\u{0}\n\u{ffff}b"), "a  b");
    }

    #[test]
    fn json_ends_no_script() {
        let html = Html::of_json(&json!({ "a": "</script><!-- & \u{2028}" })).to_string();
        assert_eq!(html, "{\"a\":\"\\u003c/script\\u003e\\u003c!-- \\u0026 \\u2028\"}");
    }
}
