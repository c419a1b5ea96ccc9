//! Pages of the whole site as files, for the browser tests that look at each of them (axe, reflow, both languages): those that need people, halls
//! and rights. With `AMPHI_WRITE_PAGES=1` this writes them into `web/tests/pages`, without it compares.

use crate::catalogue::access::AccessChange;
use crate::catalogue::recordings::BroadcasterDetailsChange;
use crate::catalogue::secret::Password;
use crate::http::support::{Browser, World};
use crate::policy::state::Visibility;
use crate::policy::who::Role;
use std::path::Path;

/// The page in a language, with other words in place of what is random.
async fn page(browser: &mut Browser<'_>, path: &str, language: &str, random: &[(String, &str)]) -> String {
    // An answer before it has set the cookie that forms repeat.
    browser.get(path).await;
    let mut text = browser.send("GET", path, &[("accept-language", language)], "").await.text;
    if let Some(word) = browser.cookies.get("amphi-form") {
        text = text.replace(word.as_str(), "form-word");
    }
    random.iter().fold(text, |text, (id, name)| text.replace(id.as_str(), name))
}

#[tokio::test]
async fn pages_that_are_looked_at_are_what_the_server_sends() {
    let world = World::new().await;
    let (hall, closed) = (world.hall("hall").await, world.hall("closed").await);
    let video = world.video(&hall, "Séries de Fourier").await;
    world.show_video_to(&video, Visibility::SignedIn).await;
    let beside = BroadcasterDetailsChange {
        description: Some("Amphithéâtre du **bâtiment M1**, cité scientifique.".to_owned()),
        tool_url: Some(Some("https://chat.example/hall?layout=embedded".to_owned())),
        ..BroadcasterDetailsChange::default()
    };
    world.catalogue.change_broadcaster_details(&hall.id, beside).await.unwrap();
    let password = Some(Some(Password::shared("sesame".to_owned()).unwrap().hash().unwrap()));
    let change = AccessChange { visibility: Some(Visibility::Password), password, ..AccessChange::default() };
    world.catalogue.change_broadcaster_access(&closed.id, change).await.unwrap();
    let marie = world.person("marie", Role::Viewer).await;

    let found = world.video(&hall, "Analyse 2 : séries de Fourier").await;
    world.show_video_to(&found, Visibility::Public).await;
    world.index().await;
    let mut anybody = world.browser();
    let mut signed_in = world.browser_of(&marie).await;
    let embedded = format!("/embed/videos/{}", video.id);
    let random = [(video.id.to_string(), "v1"), (found.id.to_string(), "v2"), (marie.id.to_string(), "p1")];
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("web/tests/pages");
    let write = std::env::var_os("AMPHI_WRITE_PAGES").is_some();
    for (language, asked) in [("fr", "fr-FR"), ("en", "en-GB")] {
        let mut pages = Vec::new();
        for (path, name) in [
            ("/sign-in", "sign-in"),
            ("/forgotten", "forgotten"),
            ("/accessibility", "accessibility"),
            ("/search?q=fourier", "search"),
            ("/live/hall", "live-tool"),
            ("/live/closed", "password"),
            (embedded.as_str(), "embed-refused"),
        ] {
            pages.push((name, page(&mut anybody, path, asked, &random).await));
        }
        pages.push(("account", page(&mut signed_in, "/account", asked, &random).await));
        for (name, text) in pages {
            assert!(text.contains(&format!("<html lang=\"{language}\"")), "{name}: {text}");
            let file = folder.join(format!("{name}.{language}.html"));
            if write {
                std::fs::write(&file, &text).expect("writing a page");
            }
            let kept = std::fs::read_to_string(&file).unwrap_or_default();
            let how = "AMPHI_WRITE_PAGES=1 cargo test pages_that_are_looked_at";
            assert!(kept == text, "{} differs: {how}", file.display());
        }
    }
}

#[tokio::test]
async fn a_tool_beside_a_live_is_of_a_site_of_the_setting_and_the_policy_names_it() {
    let world = World::new().await;
    let hall = world.hall("hall").await;
    let set = async |url: &str| {
        let change =
            BroadcasterDetailsChange { tool_url: Some(Some(url.to_owned())), ..BroadcasterDetailsChange::default() };
        world.catalogue.change_broadcaster_details(&hall.id, change).await.unwrap();
        world.browser().get("/live/hall").await
    };
    let shown = set("https://chat.example/a?b=c&d").await;
    assert_eq!(shown.status, 200);
    let policy = shown.header("content-security-policy");
    assert!(policy.ends_with("frame-ancestors 'self'; frame-src 'self' https://chat.example"), "{policy}");
    assert!(
        shown.text.contains("<iframe src=\"https://chat.example/a") && shown.text.contains(" sandbox=\"allow-scripts")
    );
    for other in ["https://evil.example/", "https://chat.example:444/", "https://tv.example/account"] {
        let hidden = set(other).await;
        assert!(!hidden.text.contains("<iframe src=") && !hidden.text.contains("data-split"), "{other}");
        assert!(!hidden.header("content-security-policy").contains("frame-src"), "{other}");
    }
}
