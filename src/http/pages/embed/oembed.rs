//! `/oembed?url=…`: how another site shows a live or a video of this one, as JSON or XML (oembed.com, version 1.0). Answers what the asker may
//! see; all else is not found.

use super::super::outside::{self, HEIGHT, WIDTH, escaped};
use super::super::source::{Source, failed};
use crate::catalogue::Error;
use crate::catalogue::id::VideoId;
use crate::catalogue::slug::Slug;
use crate::catalogue::video::VideoState;
use crate::http::assets::Assets;
use crate::http::gate::visitor::Visitor;
use crate::http::problem::Problem;
use crate::policy::object::{Action, Kind, LivePart, VideoPart};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use serde_json::json;
use std::fmt::Write as _;

/// Of an address that is asked about, in bytes.
const MAX_URL: usize = 2_000;
/// A player is never made smaller than that, nor larger, in pixels.
const WIDTHS: std::ops::RangeInclusive<u32> = 160..=1_920;

#[derive(Debug, Deserialize)]
pub(super) struct Asked {
    url: String,
    #[serde(default)]
    format: String,
    #[serde(default)]
    maxwidth: Option<String>,
    #[serde(default)]
    maxheight: Option<String>,
}

/// What an address of this site leads to.
#[derive(Debug, PartialEq, Eq)]
enum Target {
    Live(Slug),
    Video(VideoId),
}

/// What is found there.
struct Found {
    title: String,
    /// Who is heard, or where it comes from.
    author: String,
    embed: String,
}

pub(super) async fn handler(
    State(source): State<Source>,
    State(assets): State<Assets>,
    visitor: Visitor,
    asked: Result<Query<Asked>, QueryRejection>,
    headers: HeaderMap,
) -> Response {
    let Ok(Query(asked)) = asked else {
        return Problem::new(StatusCode::BAD_REQUEST)
            .detail("Ask with ?url= and an address of this site.")
            .into_response();
    };
    let xml = match asked.format.as_str() {
        "" | "json" => false,
        "xml" => true,
        _ => return Problem::new(StatusCode::NOT_IMPLEMENTED).detail("There are json and xml.").into_response(),
    };
    let site = source.place().site(&headers);
    let found = match target(&site, &asked.url) {
        Some(target) => find(&source, &visitor, &target).await,
        None => Ok(None),
    };
    let found = match found {
        Ok(Some(found)) => found,
        Ok(None) => {
            return Problem::new(StatusCode::NOT_FOUND)
                .detail("There is nothing to show at this address.")
                .into_response();
        }
        Err(error) => return failed(&error).into_response(),
    };
    let (width, height) = size(asked.maxwidth.as_deref(), asked.maxheight.as_deref());
    let html = outside::code(&format!("{site}{}", found.embed), &found.title, (width, height));
    let name = assets.shown().now().name.clone();
    let (kind, text) = if xml {
        ("text/xml; charset=utf-8", as_xml((&site, &name), &found, &html, (width, height)))
    } else {
        ("application/json", as_json((&site, &name), &found, &html, (width, height)))
    };
    // A right that is taken away holds at once.
    let kept = [(CONTENT_TYPE, HeaderValue::from_static(kind)), (CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    (kept, text).into_response()
}

fn as_json((site, name): (&str, &str), found: &Found, html: &str, (width, height): (u32, u32)) -> String {
    json!({
        "version": "1.0", "type": "video", "title": found.title, "author_name": found.author,
        "provider_name": name, "provider_url": site, "width": width, "height": height, "html": html,
    })
    .to_string()
}

fn as_xml((site, name): (&str, &str), found: &Found, html: &str, (width, height): (u32, u32)) -> String {
    let mut text = "<?xml version=\"1.0\" encoding=\"utf-8\" standalone=\"yes\"?>\n<oembed>".to_owned();
    for (name, value) in [
        ("version", "1.0"),
        ("type", "video"),
        ("title", found.title.as_str()),
        ("author_name", &found.author),
        ("provider_name", name),
        ("provider_url", site),
        ("width", &width.to_string()),
        ("height", &height.to_string()),
        ("html", html),
    ] {
        let _infallible = write!(text, "<{name}>{}</{name}>", escaped(value));
    }
    text.push_str("</oembed>\n");
    text
}

/// What of this site an address means; `None`: none of ours, or nothing that has a player.
fn target(site: &str, url: &str) -> Option<Target> {
    if site.is_empty() || url.len() > MAX_URL {
        return None;
    }
    let url = url::Url::parse(url).ok()?;
    if url.origin() != url::Url::parse(site).ok()?.origin() || !url.username().is_empty() {
        return None;
    }
    let path = url.path();
    let path = path.strip_prefix("/embed").unwrap_or(path);
    if let Some(slug) = path.strip_prefix("/live/") {
        return slug.parse().ok().map(Target::Live);
    }
    let name = path.strip_prefix("/videos/")?;
    name.split('-').next()?.parse().ok().map(Target::Video)
}

/// `None`: there is none, or none for this visitor.
async fn find(source: &Source, visitor: &Visitor, target: &Target) -> Result<Option<Found>, Error> {
    let catalogue = source.catalogue();
    match target {
        Target::Live(slug) => {
            let Some((id, state)) = catalogue.broadcaster_state(slug).await? else { return Ok(None) };
            if !visitor.may(Action::See, Kind::Live(LivePart::Page), id.as_str(), &state) {
                return Ok(None);
            }
            let found = catalogue.broadcaster(&id).await?;
            Ok(found.map(|hall| Found {
                author: author(&hall.credits.speakers, &hall.title),
                title: hall.title,
                embed: format!("/embed/live/{slug}"),
            }))
        }
        Target::Video(id) => {
            let Some(state) = catalogue.video_state(id).await? else { return Ok(None) };
            let allowed = visitor.may(Action::See, Kind::Video(VideoPart::Page), id.as_str(), &state);
            let found = catalogue.video(id).await?.filter(|video| allowed && video.state == VideoState::Ended);
            let Some(video) = found else { return Ok(None) };
            let speakers = catalogue.details(id).await?.unwrap_or_default().speakers;
            let hall = catalogue.broadcaster(&video.broadcaster_id).await?.map(|hall| hall.title).unwrap_or_default();
            let author = author(&speakers, &hall);
            Ok(Some(Found { title: video.title, author, embed: format!("/embed/videos/{id}") }))
        }
    }
}

/// Who is heard; the hall where that is not said.
fn author(speakers: &[String], hall: &str) -> String {
    if speakers.is_empty() { hall.to_owned() } else { speakers.join(", ") }
}

/// 16:9, within what is asked for and what makes sense.
fn size(max_width: Option<&str>, max_height: Option<&str>) -> (u32, u32) {
    let number = |text: Option<&str>| text.and_then(|text| text.parse::<u32>().ok()).filter(|number| *number > 0);
    let by_height = number(max_height).map(|height| u64::from(height) * u64::from(WIDTH) / u64::from(HEIGHT));
    let by_height = by_height.map(|width| u32::try_from(width).unwrap_or(u32::MAX));
    let wanted = match (number(max_width), by_height) {
        (Some(a), Some(b)) => a.min(b),
        (a, b) => a.or(b).unwrap_or(WIDTH),
    };
    let width = wanted.clamp(*WIDTHS.start(), *WIDTHS.end());
    (width, width * HEIGHT / WIDTH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_this_site_mean_something() {
        let site = "https://tv.example";
        let id = "aaaaaaaaaaaaaaaa";
        let video = || Some(Target::Video(id.parse().unwrap()));
        for path in [format!("/videos/{id}"), format!("/videos/{id}-a-b?t=4#x"), format!("/embed/videos/{id}")] {
            assert_eq!(target(site, &format!("{site}{path}")), video(), "{path}");
        }
        let live = Some(Target::Live("hall".parse().unwrap()));
        assert_eq!(target(site, "https://tv.example:443/live/hall"), live);
        assert_eq!(target(site, "https://tv.example/embed/live/hall"), live);
        for other in [
            format!("http://tv.example/videos/{id}"),
            format!("https://tv.example:8443/videos/{id}"),
            format!("https://tv.example.evil.example/videos/{id}"),
            format!("https://tv.example@evil.example/videos/{id}"),
            format!("https://x@tv.example/videos/{id}"),
            format!("//tv.example/videos/{id}"),
            format!("/videos/{id}"),
            format!("https://tv.example/{}", "a".repeat(3_000)),
            "https://tv.example/".to_owned(),
            "https://tv.example/live/hall/master.m3u8".to_owned(),
            "https://tv.example/live/../account".to_owned(),
        ] {
            assert_eq!(target(site, &other), None, "{other}");
        }
        assert_eq!(target("", "https://tv.example/live/hall"), None);
    }

    #[test]
    fn a_player_fits_into_what_is_asked_for_within_bounds() {
        assert_eq!(size(None, None), (640, 360));
        assert_eq!(size(Some("320"), None), (320, 180));
        assert_eq!(size(Some("900"), Some("90")), (160, 90));
        assert_eq!(size(Some("4294967295"), Some("4294967295")), (1_920, 1_080));
        assert_eq!(size(Some("1"), Some("1")), (160, 90));
        assert_eq!(size(Some("0"), Some("-3")), (640, 360));
        assert_eq!(size(Some("x"), Some("99999999999999")), (640, 360));
    }
}
