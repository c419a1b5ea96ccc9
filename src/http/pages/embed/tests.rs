//! Players in pages of other sites, and what other sites are told, through the whole site.

use crate::catalogue::access::AccessChange;
use crate::catalogue::broadcaster::BroadcasterChange;
use crate::catalogue::credits::CreditsChange;
use crate::catalogue::details::{Chapter, DetailsChange};
use crate::catalogue::recordings::BroadcasterDetailsChange;
use crate::catalogue::video::Video;
use crate::http::support::{Answer, EMBEDDER, World, now};
use crate::live::status::{State, Status};
use crate::policy::state::Visibility;
use crate::policy::who::Role;
use serde_json::Value;
use std::time::Duration;

async fn video(world: &World, visibility: Visibility) -> Video {
    let video = world.video(&world.hall("a").await, "Séries </script> & \"co\"").await;
    world.show_video_to(&video, visibility).await;
    video
}

fn ancestors(answer: &Answer) -> &str {
    answer.header("content-security-policy").rsplit("frame-ancestors ").next().unwrap()
}

#[tokio::test]
async fn only_players_may_be_shown_by_other_sites_and_only_by_those_of_the_setting() {
    let world = World::new().await;
    let video = video(&world, Visibility::Public).await;
    let mut browser = world.browser();
    for path in [format!("/embed/videos/{}", video.id), "/embed/live/a".to_owned(), "/embed/live/none".to_owned()] {
        let answer = browser.get(&path).await;
        assert_eq!(ancestors(&answer), format!("'self' {EMBEDDER}"), "{path}");
        assert_eq!(answer.status, if path.ends_with("none") { 404 } else { 200 }, "{path}");
        assert!(!answer.text.contains("<header") && answer.text.contains("<base target=\"_blank\">"), "{path}");
    }
    for path in ["/", "/videos", &video.page_url(), "/live/a", "/sign-in", "/none", "/account"] {
        assert_eq!(ancestors(&browser.get(path).await), "'self'", "{path}");
    }
    let page = browser.get(&format!("/embed/videos/{}", video.id)).await.text;
    assert!(page.contains(&format!("data-embedders=\"{EMBEDDER}\"")) && page.contains("<amphi-player kind=\"video\""));
}

#[tokio::test]
async fn what_is_not_for_everybody_leads_to_its_page_and_tells_nothing() {
    let world = World::new().await;
    let video = video(&world, Visibility::SignedIn).await;
    let path = format!("/embed/videos/{}", video.id);
    let refused = world.browser().get(&path).await;
    assert_eq!((refused.status, ancestors(&refused)), (401, format!("'self' {EMBEDDER}").as_str()));
    assert!(refused.text.contains(&format!("href=\"/videos/{}\"", video.id)) && !refused.text.contains("Séries"));
    assert!(!refused.text.contains("type=\"password\""), "nobody types a password within another site's page");
    let marie = world.person("marie", Role::Viewer).await;
    let shown = world.browser_of(&marie).await.get(&path).await;
    assert!(shown.status == 200 && shown.text.contains("amphi-pass"), "in a page of this site");
    world.show_video_to(&video, Visibility::Draft).await;
    let hidden = world.browser().get(&path).await;
    assert!(hidden.status == 404 && !hidden.text.contains(video.id.as_str()), "{}", hidden.text);
}

#[tokio::test]
async fn oembed_answers_what_the_asker_may_see() {
    let world = World::new().await;
    let video = video(&world, Visibility::Public).await;
    let ask = async |query: String| world.browser().get(&format!("/oembed?{query}")).await;
    let address = format!("url=http%3A%2F%2Ftv.example{}", video.page_url());
    let answer = ask(format!("{address}&maxwidth=320")).await;
    assert_eq!(
        (answer.status, answer.header("content-type"), answer.header("cache-control")),
        (200, "application/json", "no-store")
    );
    let told: Value = serde_json::from_str(&answer.text).unwrap();
    assert_eq!((&told["version"], &told["type"]), (&"1.0".into(), &"video".into()));
    assert_eq!((&told["title"], &told["author_name"]), (&video.title.clone().into(), &"Hall a".into()));
    assert_eq!((&told["width"], &told["height"]), (&320.into(), &180.into()));
    let html = told["html"].as_str().unwrap();
    let begin =
        format!("<iframe src=\"http://tv.example/embed/videos/{}\" title=\"Séries &lt;/script&gt; &amp;", video.id);
    assert!(html.starts_with(&begin), "{html}");

    let xml = ask(format!("{address}&format=xml")).await;
    assert_eq!((xml.status, xml.header("content-type")), (200, "text/xml; charset=utf-8"));
    assert!(xml.text.contains("<title>Séries &lt;/script&gt; &amp; &quot;co&quot;</title>"), "{}", xml.text);
    assert!(xml.text.contains("<html>&lt;iframe src=&quot;http://tv.example/embed/videos/"), "{}", xml.text);
    let live = ask("url=http%3A%2F%2Ftv.example%2Flive%2Fa".to_owned()).await;
    assert!(live.text.contains("/embed/live/a") && live.text.contains("\"author_name\":\"Hall a\""), "{}", live.text);
    let credits =
        CreditsChange { speakers: Some(vec!["Zoé".to_owned(), "Ada".to_owned()]), ..CreditsChange::default() };
    let change = BroadcasterChange { credits, ..BroadcasterChange::default() };
    world.catalogue.update_broadcaster(&video.broadcaster_id, change).await.unwrap();
    let live = ask("url=http%3A%2F%2Ftv.example%2Flive%2Fa".to_owned()).await;
    assert!(live.text.contains("\"author_name\":\"Zoé, Ada\""), "{}", live.text);

    for (query, status) in [
        (String::new(), 400),
        (format!("{address}&format=yaml"), 501),
        (format!("url=http%3A%2F%2Fevil.example{}", video.page_url()), 404),
        ("url=http%3A%2F%2Ftv.example%2Flive%2Fnone".to_owned(), 404),
        ("url=http%3A%2F%2Ftv.example%2Fvideos%2Faaaaaaaaaaaaaaaa".to_owned(), 404),
        ("url=http%3A%2F%2Ftv.example%2Faccount".to_owned(), 404),
    ] {
        assert_eq!(ask(query.clone()).await.status, status, "{query}");
    }
    for visibility in [Visibility::SignedIn, Visibility::Groups, Visibility::Draft] {
        world.show_video_to(&video, visibility).await;
        let answer = ask(address.clone()).await;
        assert!(answer.status == 404 && !answer.text.contains("Séries"), "{visibility}: {}", answer.text);
    }
    world.show_video_to(&video, Visibility::Public).await;
    world.catalogue.delete_video(&video.id, now()).await.unwrap();
    assert_eq!(ask(address).await.status, 404, "deleted");
}

#[tokio::test]
async fn a_page_tells_other_sites_what_it_is() {
    let world = World::new().await;
    let video = video(&world, Visibility::Public).await;
    let chapter = |s: u64, title: &str| Chapter { start: Duration::from_secs(s), title: title.to_owned() };
    let change = DetailsChange {
        description: Some("**Deuxième** cours <!-- x -->".to_owned()),
        licence: Some("CC-BY-4.0".to_owned()),
        speakers: Some(vec!["Jo".to_owned()]),
        chapters: Some(vec![chapter(0, "A"), chapter(12, "B")]),
        ..DetailsChange::default()
    };
    world.catalogue.change_details(&video.id, change).await.unwrap();
    let page = world.browser().get(&video.page_url()).await.text;
    let url = format!("http://tv.example{}", video.page_url());
    for part in [
        format!("<meta property=\"og:url\" content=\"{url}\">"),
        "<meta property=\"og:title\" content=\"Séries &#60;/script&#62; &#38; &#34;co&#34;\">".to_owned(),
        "<meta property=\"og:description\" content=\"Deuxième cours\">".to_owned(),
        format!("<meta property=\"og:video:url\" content=\"http://tv.example/embed/videos/{}\">", video.id),
        "type=\"application/json+oembed\" href=\"http://tv.example/oembed?url=http%3A%2F%2Ftv.example%2Fvideos%2F"
            .to_owned(),
        "&#60;iframe src=&#34;http://tv.example/embed/videos/".to_owned(),
    ] {
        assert!(page.contains(&part), "{part}: {page}");
    }
    let json = page.split("<script type=\"application/ld+json\">").nth(1).unwrap().split("</script>").next().unwrap();
    let told: Value = serde_json::from_str(json).unwrap();
    assert_eq!((&told["@type"], &told["name"]), (&"VideoObject".into(), &video.title.clone().into()));
    assert_eq!((&told["duration"], &told["uploadDate"]), (&"PT30S".into(), &"2026-09-21T14:13:20Z".into()));
    assert_eq!((&told["actor"][0]["name"], &told["url"]), (&"Jo".into(), &url.clone().into()));
    assert_eq!((&told["hasPart"][0]["endOffset"], &told["hasPart"][1]["endOffset"]), (&12.into(), &30.into()));
    assert_eq!(told["hasPart"][1]["url"], format!("{url}?t=12"));
    assert_eq!(page.matches("<script").count(), page.matches("</script>").count());
    let live = world.browser().get("/live/a").await.text;
    assert!(
        live.contains("<meta property=\"og:url\" content=\"http://tv.example/live/a\">") && live.contains("oembed")
    );
}

/// The JSON-LD of a page, if there is any.
fn told(page: &str) -> Option<Value> {
    let json = page.split("<script type=\"application/ld+json\">").nth(1)?.split("</script>").next()?;
    Some(serde_json::from_str(json).unwrap())
}

#[tokio::test]
async fn other_sites_are_told_that_a_live_is_on_air_if_it_is_for_everybody() {
    let world = World::new().await;
    let hall = world.hall("a").await;
    let details = BroadcasterDetailsChange {
        description: Some("**Premier** cours".to_owned()),
        ..BroadcasterDetailsChange::default()
    };
    world.catalogue.change_broadcaster_details(&hall.id, details).await.unwrap();
    let show = |state| world.lives.show("a", Status { state, started_at: Some(now()), ..Status::starting() });
    let image = "<meta property=\"og:image\" content=\"http://tv.example/live/a/picture.jpg\">";

    show(State::Idle);
    let page = world.browser().get("/live/a").await.text;
    assert!(told(&page).is_none() && !page.contains("og:image"), "{page}");
    assert!(page.contains("<meta property=\"og:description\" content=\"Premier cours\">"), "{page}");

    show(State::OnAir);
    let page = world.browser().get("/live/a").await.text;
    assert!(page.contains(image), "{page}");
    let object = told(&page).unwrap();
    assert_eq!((&object["@type"], &object["name"]), (&"VideoObject".into(), &"Hall a".into()));
    assert_eq!(object["description"], "Premier cours");
    assert_eq!(object["thumbnailUrl"][0], "http://tv.example/live/a/picture.jpg");
    assert_eq!(object["embedUrl"], "http://tv.example/embed/live/a");
    let event = &object["publication"];
    assert_eq!((&event["@type"], &event["isLiveBroadcast"]), (&"BroadcastEvent".into(), &true.into()));
    assert_eq!(event["startDate"], "2026-09-21T14:13:20Z");
    // Its picture may be missing while nothing comes in; it is a broadcast all the same.
    show(State::Dropped);
    let page = world.browser().get("/live/a").await.text;
    assert!(told(&page).is_some() && !page.contains("og:image"), "{page}");

    show(State::OnAir);
    let (marie, chief) = (world.person("marie", Role::Viewer).await, world.person("chief", Role::Administrator).await);
    for visibility in [Visibility::SignedIn, Visibility::Draft] {
        let change = AccessChange { visibility: Some(visibility), ..AccessChange::default() };
        world.catalogue.change_broadcaster_access(&hall.id, change).await.unwrap();
        let who = if visibility == Visibility::Draft { &chief } else { &marie };
        let page = world.browser_of(who).await.get("/live/a").await;
        assert_eq!(page.status, 200, "{visibility}");
        assert!(told(&page.text).is_none() && !page.text.contains("og:image"), "{visibility}: {}", page.text);
        assert!(!page.text.contains("og:description"), "{visibility}");
    }
}
