//! A video's page, through the whole site.

use crate::catalogue::details::{Chapter, Cut, DetailsChange, VideoKind};
use crate::catalogue::video::Video;
use crate::http::support::World;
use crate::policy::state::Visibility;
use crate::policy::who::Role;
use media::caption::language::Language;
use std::time::Duration;

async fn described(world: &World, video: &Video) {
    let chapter = |s: u64, title: &str| Chapter { start: Duration::from_secs(s), title: title.to_owned() };
    let change = DetailsChange {
        description: Some("# Plan\n\n*Un* <script>alert(1)</script> [lien](https://example.org/a)\n".to_owned()),
        language: Some(Language::new("fr")),
        kind: Some(VideoKind::Seminar),
        licence: Some("CC-BY-4.0".to_owned()),
        tags: Some(vec!["analyse & co".to_owned()]),
        speakers: Some(vec!["Émilie <Dupont>".to_owned(), "Jo".to_owned()]),
        chapters: Some(vec![chapter(0, "Début"), chapter(12, "<i>Suite")]),
        ..DetailsChange::default()
    };
    world.catalogue.change_details(&video.id, change).await.unwrap();
}

#[tokio::test]
async fn all_that_is_said_of_it_is_shown_and_nothing_of_it_is_code() {
    let world = World::new().await;
    let video = world.video(&world.hall("a").await, "Séries").await;
    world.show_video_to(&video, Visibility::Public).await;
    described(&world, &video).await;
    let page = world.browser().get(&video.page_url()).await.text;
    for part in [
        "<h1 lang=\"fr\">Séries</h1>",
        "<h2>Plan</h2>\n<p><em>Un</em> &lt;script&gt;alert(1)&lt;/script&gt; <a href=\"https://example.org/a\" rel=\"nofollow noopener\">lien</a></p>",
        "<span>Seminar</span>",
        "<span>Émilie &#60;Dupont&#62;</span>, <span>Jo</span>",
        "<a href=\"/videos?tag=analyse+%26+co\">analyse &#38; co</a>",
        "<a rel=\"license noopener\" href=\"https://creativecommons.org/licenses/by/4.0/\">CC BY 4.0</a>",
        "<a href=\"?t=12\" data-seek=\"12\"><span class=\"at\">0:12</span> <span lang=\"fr\">&#60;i&#62;Suite</span></a>",
        &format!(" chapters=\"/videos/{}/chapters.vtt\"", video.id),
        &format!("value=\"http://tv.example{}\"", video.page_url()),
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
}

#[tokio::test]
async fn chapters_are_a_file_for_whoever_may_watch() {
    let world = World::new().await;
    let video = world.video(&world.hall("a").await, "Séries").await;
    world.show_video_to(&video, Visibility::SignedIn).await;
    described(&world, &video).await;
    let path = format!("/videos/{}/chapters.vtt", video.id);
    assert_eq!(world.browser().get(&path).await.status, 401);
    let marie = world.person("marie", Role::Viewer).await;
    let mut browser = world.browser_of(&marie).await;
    let answer = browser.get(&path).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "text/vtt; charset=utf-8"));
    assert_eq!(answer.header("cache-control"), "private, max-age=5");
    let expected = "WEBVTT\n\n00:00:00.000 --> 00:00:12.000\nDébut\n\n00:00:12.000 --> 00:00:30.000\n&lt;i&gt;Suite\n";
    assert_eq!(answer.text, expected);

    // On the time of what is shown: the chapter that is cut into begins with it, one that is cut away is not there any more.
    for (start_s, expected) in [
        (10, "WEBVTT\n\n00:00:00.000 --> 00:00:02.000\nDébut\n\n00:00:02.000 --> 00:00:20.000\n&lt;i&gt;Suite\n"),
        (14, "WEBVTT\n\n00:00:00.000 --> 00:00:16.000\n&lt;i&gt;Suite\n"),
    ] {
        let cut = Cut { start: Some(Duration::from_secs(start_s)), end: None };
        let change = DetailsChange { cut: Some(cut), ..DetailsChange::default() };
        world.catalogue.change_details(&video.id, change).await.unwrap();
        assert_eq!(browser.get(&path).await.text, expected);
    }
}

#[tokio::test]
async fn without_anything_to_say_there_are_no_empty_parts() {
    let world = World::new().await;
    let video = world.video(&world.hall("a").await, "Séries").await;
    world.show_video_to(&video, Visibility::Public).await;
    let page = world.browser().get(&video.page_url()).await.text;
    for part in ["class=\"description\"", "class=\"tags\"", "class=\"beside\"", "class=\"speakers\"", "chapters="] {
        assert!(!page.contains(part), "{part}: {page}");
    }
}
