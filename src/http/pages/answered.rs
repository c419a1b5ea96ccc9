//! Pages that answer a form, and those that are seen once, as files for the browser tests that look at each page: see [`super::looked_at`].
//!
//! Promises of them: what can't be taken is said first and has the focus, and the field that it is about says so.

use super::looked_at::{keep, page};
use crate::catalogue::access::AccessChange;
use crate::http::support::{Browser, World, now, pass};
use crate::policy::who::Role;

/// What is answered to a form of the page that was read last, in a language, with other words in place of what is random.
async fn answer(
    browser: &mut Browser<'_>,
    path: &str,
    form: &str,
    language: &str,
    random: &[(String, &str)],
) -> String {
    let word = browser.cookies.get("amphi-form").cloned().unwrap_or_default();
    let headers = [("sec-fetch-site", "same-origin"), ("accept-language", language)];
    let mut text = browser.send("POST", path, &headers, &format!("{form}&form={word}")).await.text;
    for cookie in [&word, browser.cookies.get("amphi-form").unwrap_or(&word)] {
        text = text.replace(cookie.as_str(), "form-word");
    }
    random.iter().fold(text, |text, (id, name)| text.replace(id.as_str(), name))
}

/// Another word in place of the one that a page shows once: the last one in `<code>`.
fn without_secret(text: &str) -> String {
    let (before, rest) = text.rsplit_once("<code>").expect("a secret");
    let (secret, _) = rest.split_once("</code>").expect("its end");
    let secret = secret.rsplit_once("key=").map_or(secret, |(_, key)| key);
    assert!(secret.len() >= 8, "{secret}");
    format!("{before}<code>{rest}").replace(secret, "once-only")
}

/// Those that refuse something say it first, and name the field; no other page does.
fn answer_well(pages: &[(&str, String)]) {
    for (name, text) in pages {
        let invalid = text.contains(" aria-invalid=\"true\"");
        let focused = text.contains("id=\"trouble\" role=\"alert\" tabindex=\"-1\" autofocus>");
        let refused = ["-short", "-wrong", "-taken"].iter().any(|end| name.ends_with(end));
        assert_eq!((invalid, focused), (refused, refused), "{name}: {text}");
    }
}

/// All fields of the form of a video.
const VIDEO: &str = "title=Bref&description=&speakers=&tags=&kind=lecture&language=&licence=&chapters=&until=&poster=";
/// Those of what the site looks like.
const SITE: &str = "name=Lille&accent_dark=&language=fr&language=en&first=fr&footer=&contact=";

#[tokio::test]
async fn pages_that_answer_forms_are_what_the_server_sends() {
    let world = World::new().await;
    let hall = world.hall("hall").await;
    let video = world.video(&hall, "Bref").await;
    pass(60);
    let gone = world.video(&hall, "Essai micro").await;
    let zoe = world.person("zoe", Role::Contributor).await;
    let chief = world.person("chief", Role::Administrator).await;
    for mine in [&video, &gone] {
        let change = AccessChange { owners: Some([zoe.id.clone()].into()), ..AccessChange::default() };
        world.catalogue.change_video_access(&mine.id, change).await.unwrap();
    }
    let reset = world.catalogue.begin_reset(&zoe.id, now()).await.unwrap();
    let word = reset.reveal();
    let random = [
        (video.id.to_string(), "v1"),
        (gone.id.to_string(), "v2"),
        (zoe.id.to_string(), "p1"),
        (chief.id.to_string(), "p2"),
        (hall.id.to_string(), "h1"),
        (word.to_owned(), "reset-word"),
    ];
    let (mut anybody, mut owner, mut administrator) =
        (world.browser(), world.browser_of(&zoe).await, world.browser_of(&chief).await);
    owner.get("/account").await;
    administrator.get("/people").await;
    assert_eq!(owner.post(&format!("/videos/{}/delete", gone.id), "").await.status, 303);
    let edit = format!("/videos/{}/edit", video.id);
    let subtitles = format!("/videos/{}/subtitles", video.id);
    let rights = format!("/videos/{}/rights", video.id);
    for (language, asked) in [("fr", "fr-FR"), ("en", "en-GB")] {
        let mut pages = Vec::new();
        let link = format!("/new-password?token={word}");
        pages.push(("new-password", page(&mut anybody, &link, asked, &random).await));
        for (path, form, name) in [
            ("/new-password", format!("reset={word}&password=short"), "new-password-short"),
            ("/sign-in", "login=zoe&password=wrong".to_owned(), "sign-in-wrong"),
        ] {
            pages.push((name, answer(&mut anybody, path, &form, asked, &random).await));
        }
        pages.push(("my-videos-deleted", page(&mut owner, "/my-videos?show=deleted", asked, &random).await));
        for (path, form, name) in [
            ("/my-videos", format!("act=tag&word=&video={}", video.id), "my-videos-wrong"),
            ("/account/password", "old=wrong&new=long+enough+for+all".to_owned(), "account-wrong"),
            (edit.as_str(), format!("{VIDEO}&from=noon"), "video-edit-wrong"),
            (subtitles.as_str(), "language=fr&text=hello&act=save".to_owned(), "video-subtitles-wrong"),
            (rights.as_str(), "visibility=public&owners=nobody".to_owned(), "video-rights-wrong"),
        ] {
            pages.push((name, answer(&mut owner, path, &form, asked, &random).await));
        }
        let (source, names) = ("/operate/hall/contribution", "/operate/hall/names");
        for (path, form, name) in [
            ("/people", "login=zoe&name=&mail=&role=viewer".to_owned(), "people-taken"),
            ("/groups", "title=".to_owned(), "groups-wrong"),
            ("/site", format!("{SITE}&accent_light=blue"), "site-wrong"),
            (source, "rtsp_url=rtsps%3A%2F%2Fcam%2F1&rtsp_transport=tcp".to_owned(), "message"),
            (names, "vocabulary=lille+%3D%0A%5B%5D+x%0A1+2+3+4+5+6+7+8+9".to_owned(), "message-names"),
        ] {
            pages.push((name, answer(&mut administrator, path, &form, asked, &random).await));
        }
        answer_well(&pages);
        keep(language, pages);
    }
    // What these make would be seen on the pages before.
    for (language, asked) in [("fr", "fr-FR"), ("en", "en-GB")] {
        let mut pages = Vec::new();
        let form = format!("login=new-{language}&name=Nina&mail=&role=viewer");
        let shown = answer(&mut administrator, "/people", &form, asked, &random).await;
        let made = world.catalogue.person_named(&format!("new-{language}")).await.unwrap().unwrap();
        pages.push(("shown-once", without_secret(&shown).replace(made.id.as_str(), "p3")));
        let shown = answer(&mut administrator, "/operate/hall/keys/add", "label=SMP", asked, &random).await;
        let (before, after) = shown.split_once("<section aria-labelledby=\"keys\">").expect("keys");
        let (_, after) = after.split_once("</section>").expect("their end");
        pages.push(("operate-key", format!("{}{after}", without_secret(before))));
        keep(language, pages);
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_source_or_with_names_is_said_in_the_readers_language() {
    let world = World::new().await;
    world.hall("hall").await;
    let chief = world.person("chief", Role::Administrator).await;
    let mut browser = world.browser_of(&chief).await;
    browser.get("/people").await;
    let bad = [
        "cam",
        "http%3A%2F%2Fcam%2Fx",
        "rtsps%3A%2F%2Fcam%2Fx",
        "rtsp%3A%2F%2F239.1.2.3%2Fx",
        "rtsp%3A%2F%2Fcam%3A0%2Fx",
        "rtsp%3A%2F%2Fcam%2Fx%23y",
    ];
    let sources = bad.map(|url| ("/operate/hall/contribution", format!("rtsp_url={url}&rtsp_transport=tcp")));
    let lines = [
        "vocabulary=a%07".to_owned(),
        "vocabulary=%5B%5D+x".to_owned(),
        "vocabulary=%3D".to_owned(),
        "vocabulary=1+2+3+4+5+6+7+8+9".to_owned(),
        format!("vocabulary={}", "x".repeat(201)),
        format!("vocabulary={}", "a%0A".repeat(1_001)),
        format!("vocabulary={}", format!("%23{}%0A", "x".repeat(1_000)).repeat(66)),
        format!("vocabulary={}", "%3D%0A".repeat(7)),
    ];
    let names = lines.map(|form| ("/operate/hall/names", form));
    let mut said = Vec::new();
    for (path, form) in sources.into_iter().chain(names) {
        let mut both = Vec::new();
        for language in ["fr", "en"] {
            let page = answer(&mut browser, path, &form, language, &[]).await;
            let (_, told) = page.split_once("</p><p>").unwrap_or_else(|| panic!("{form}: {page}"));
            both.push(told.split_once("<a class").expect("the way on").0.to_owned());
        }
        assert_ne!(both[0], both[1]);
        let english = ["line ", "must", "can't", "can’t", " is ", "more than", "address ", "names "];
        let found: Vec<_> = english.into_iter().filter(|word| both[0].contains(word)).collect();
        assert!(found.is_empty(), "{found:?} in {}", both[0]);
        said.push(both.remove(0));
    }
    let different: std::collections::BTreeSet<&String> = said.iter().collect();
    assert_eq!(different.len(), said.len(), "each fault has words of its own: {said:#?}");
}
