//! The list of videos, through the whole site.

use crate::catalogue::access::AccessChange;
use crate::catalogue::details::{DetailsChange, VideoKind};
use crate::http::support::{World, pass};
use crate::policy::state::Visibility;
use crate::policy::who::Role;
use media::caption::language::Language;

/// The titles on a page, in order.
fn titles(page: &str) -> Vec<&str> {
    page.split("<article class=\"card\">")
        .skip(1)
        .map(|card| {
            let link = card.split("<h3><a href=\"").nth(1).unwrap();
            link.split("\">").nth(1).unwrap().split("</a>").next().unwrap()
        })
        .collect()
}

#[tokio::test]
async fn each_reader_is_shown_what_is_for_them_and_what_fits() {
    let world = World::new().await;
    let (a, b) = (world.hall("a").await, world.hall("b").await);
    for (hall, title, visibility) in [
        (&a, "Open", Visibility::Public),
        (&a, "Inside", Visibility::SignedIn),
        (&b, "Secret", Visibility::Draft),
        (&b, "Known", Visibility::Unlisted),
        (&b, "Newest", Visibility::Public),
    ] {
        let video = world.video(hall, title).await;
        world.show_video_to(&video, visibility).await;
        pass(1);
        if title == "Open" {
            let change = DetailsChange {
                kind: Some(VideoKind::Seminar),
                language: Some(Language::new("fr")),
                tags: Some(vec!["algèbre".to_owned()]),
                ..DetailsChange::default()
            };
            world.catalogue.change_details(&video.id, change).await.unwrap();
        }
    }
    let marie = world.person("marie", Role::Viewer).await;
    let mut signed_in = world.browser_of(&marie).await;
    let mut anybody = world.browser();
    assert_eq!(titles(&anybody.get("/videos").await.text), ["Newest", "Open"]);
    assert_eq!(titles(&signed_in.get("/videos").await.text), ["Newest", "Inside", "Open"]);
    assert_eq!(titles(&signed_in.get("/videos?order=oldest").await.text), ["Open", "Inside", "Newest"]);
    for narrowed in ["kind=seminar", "language=fr", "tag=ALG%C3%88BRE", "kind=seminar&language=fr&year=2026&after="] {
        let page = signed_in.get(&format!("/videos?{narrowed}")).await.text;
        assert_eq!(titles(&page), ["Open"], "{narrowed}");
        assert!(page.contains("selected") && page.contains("href=\"/videos\">Show all"), "{narrowed}");
    }
    for nothing in ["year=1999", "language=de", "kind=other"] {
        let page = signed_in.get(&format!("/videos?{nothing}")).await.text;
        assert!(titles(&page).is_empty() && page.contains("No video fits."), "{nothing}");
    }
    for nonsense in
        ["kind=x", "from=none", "language=%00", "year=99999999999", "after=1", "order=x", "kind=a&kind=b", "%"]
    {
        let answer = anybody.get(&format!("/videos?{nonsense}")).await;
        assert_eq!((answer.status, titles(&answer.text)), (200, vec!["Newest", "Open"]), "{nonsense}");
    }
    let page = anybody.get("/videos?from=a").await.text;
    assert!(page.contains("value=\"a\" selected>Hall a</option>") && titles(&page) == ["Open"], "{page}");
    let hidden = AccessChange { visibility: Some(Visibility::Draft), ..AccessChange::default() };
    world.catalogue.change_broadcaster_access(&a.id, hidden).await.unwrap();
    let page = anybody.get("/videos?from=a").await.text;
    assert!(!page.contains("Hall a</option>") && titles(&page).len() == 2, "no choice, and narrows nothing: {page}");
}

#[tokio::test]
async fn pages_lead_from_one_to_the_next_with_what_narrows() {
    let world = World::new().await;
    let hall = world.hall("a").await;
    for n in 0..30 {
        let video = world.video(&hall, &format!("Video {n}")).await;
        world.show_video_to(&video, Visibility::Public).await;
        pass(1);
    }
    let mut browser = world.browser();
    let first = browser.get("/videos?kind=lecture").await.text;
    assert_eq!(titles(&first).len(), 24);
    assert!(!first.contains("First page"));
    let next = first.split("<a rel=\"next\" href=\"").nth(1).unwrap().split('"').next().unwrap().replace("&#38;", "&");
    assert!(next.starts_with("/videos?kind=lecture&after="), "{next}");
    let second = browser.get(&next).await.text;
    assert_eq!(titles(&second), ["Video 5", "Video 4", "Video 3", "Video 2", "Video 1", "Video 0"]);
    assert!(second.contains("<a href=\"/videos?kind=lecture\">First page</a>") && !second.contains("rel=\"next\""));
}
