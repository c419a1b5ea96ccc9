//! What each kind of person finds, and how it is shown.

use crate::archive::transcript::tests::say;
use crate::catalogue::access::AccessChange;
use crate::catalogue::secret::PasswordHash;
use crate::catalogue::video::Video;
use crate::http::support::{Browser, World};
use crate::policy::scope::Scope;
use crate::policy::state::Visibility;
use crate::policy::who::{Audience, Role};
use std::collections::BTreeSet;

async fn shows(browser: &mut Browser<'_>, title: &str) -> bool {
    let page = browser.get("/search?q=secretum").await;
    assert_eq!(page.status, 200, "{}", page.text);
    let api = browser.get("/api/v1/search?q=secretum").await;
    let in_page = page.text.contains(&format!(">{title}</a>"));
    assert_eq!(in_page, api.text.contains(&format!("\"{title}\"")), "page and API agree: {title}");
    // Nothing of what is hidden: no passage either.
    assert_eq!(page.text.contains(&format!("dit-{title}")), in_page);
    in_page
}

#[tokio::test]
async fn each_kind_of_person_finds_what_is_for_them_and_hears_of_nothing_else() {
    let world = World::new().await;
    let hall = world.hall("hall").await;
    let group = world.catalogue.add_group("L1", crate::http::support::now()).await.unwrap();
    let (stranger, member) = (world.person("stranger", Role::Viewer).await, world.person("member", Role::Viewer).await);
    let (owner, admin) =
        (world.person("owner", Role::Contributor).await, world.person("admin", Role::Administrator).await);
    world.catalogue.set_groups(&member.id, &BTreeSet::from([group.id.clone()])).await.unwrap();
    let mut videos: Vec<(&str, Video)> = Vec::new();
    for (title, visibility) in [
        ("Vpublic", Visibility::Public),
        ("Vunlisted", Visibility::Unlisted),
        ("Vsigned", Visibility::SignedIn),
        ("Vgroups", Visibility::Groups),
        ("Vpassword", Visibility::Password),
        ("Vdraft", Visibility::Draft),
    ] {
        let video = world.video(&hall, title).await;
        let audience = BTreeSet::from([Audience::Group(group.id.to_string())]);
        let change = AccessChange {
            visibility: Some(visibility),
            audience: (visibility == Visibility::Groups).then_some(audience),
            password: (visibility == Visibility::Password).then(|| Some(PasswordHash::of_nobody())),
            owners: Some(BTreeSet::from([owner.id.clone()])),
            ..AccessChange::default()
        };
        world.catalogue.change_video_access(&video.id, change).await.unwrap();
        say(&world.layout, video.id.as_str(), "fr", &[(42, &format!("secretum dit-{title}"))]);
        videos.push((title, video));
    }
    world.index().await;
    let all = ["Vpublic", "Vunlisted", "Vsigned", "Vgroups", "Vpassword", "Vdraft"];
    for (who, mut browser, found) in [
        ("nobody", world.browser(), &["Vpublic"][..]),
        ("stranger", world.browser_of(&stranger).await, &["Vpublic", "Vsigned"]),
        ("member", world.browser_of(&member).await, &["Vpublic", "Vsigned", "Vgroups"]),
        ("owner", world.browser_of(&owner).await, &all),
        ("administrator", world.browser_of(&admin).await, &["Vpublic", "Vsigned"]),
    ] {
        for title in all {
            assert_eq!(shows(&mut browser, title).await, found.contains(&title), "{who}: {title}");
        }
    }
    let token = world.token(Scope::VideosRead).await;
    let bearer = format!("Bearer {token}");
    let answer = world.browser().send("GET", "/api/v1/search?q=secretum", &[("authorization", &bearer)], "").await;
    assert!(all.iter().all(|title| answer.text.contains(title)), "{}", answer.text);

    // Rights are asked when it is found, not when it was indexed.
    world.show_video_to(&videos[0].1, Visibility::Draft).await;
    assert!(!shows(&mut world.browser(), "Vpublic").await);
    world.show_video_to(&videos[5].1, Visibility::Public).await;
    assert!(shows(&mut world.browser(), "Vdraft").await);
    world.catalogue.delete_video(&videos[5].1.id, crate::http::support::now()).await.unwrap();
    assert!(!shows(&mut world.browser(), "Vdraft").await);
}

#[tokio::test]
async fn a_page_says_nothing_of_how_much_is_hidden() {
    let world = World::new().await;
    let hall = world.hall("hall").await;
    for n in 0..45 {
        let video = world.video(&hall, &format!("Cours {n}")).await;
        let visibility = if n % 3 == 0 { Visibility::Public } else { Visibility::Draft };
        world.show_video_to(&video, visibility).await;
    }
    world.index().await;
    let page = world.browser().get("/search?q=cours").await;
    assert_eq!(page.text.matches("class=\"hit\"").count(), 15);
    assert!(!page.text.contains("rel=\"next\""), "fifteen are one page, whatever lies behind");
}

#[tokio::test]
async fn a_hit_in_a_transcript_shows_its_words_and_leads_to_its_second() {
    let world = World::new().await;
    let hall = world.hall("hall").await;
    let video = world.video(&hall, "Cours <b>").await;
    world.show_video_to(&video, Visibility::Public).await;
    say(&world.layout, video.id.as_str(), "fr", &[(7, "bonjour"), (75, "nos électrons")]);
    world.index().await;
    let mut browser = world.browser();
    let page = browser.get("/search?q=%C3%A9lectron&page=1").await.text;
    let place = format!("href=\"{}?t=75\"", video.page_url());
    for part in
        [place.as_str(), "1:15", "<mark>électrons</mark>", "lang=\"fr\"", "Cours &#60;b&#62;", "value=\"électron\""]
    {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains("<script>"));
    let empty = browser.get("/search?q=zzz").await.text;
    assert!(empty.contains("Nothing was found."), "{empty}");
    let french = browser.send("GET", "/search?q=zzz", &[("accept-language", "fr")], "").await.text;
    assert!(french.contains("Rien n’a été trouvé.") || french.contains("Nothing"), "{french}");
    let blank = browser.get("/search").await;
    assert_eq!(blank.status, 200);
    assert!(blank.text.contains("role=\"search\"") && !blank.text.contains("Nothing was found."));
    let hostile = browser.get("/search?q=%22%3E%3Cscript%3Ealert(1)%3C/script%3E").await.text;
    assert!(!hostile.contains("<script>alert"), "{hostile}");
    assert_eq!(browser.get("/search?q=%FF&page=x").await.status, 200);
}

#[tokio::test]
async fn without_an_index_the_page_says_so() {
    let world = World::new().await;
    let page = world.browser().get("/search?q=cours").await;
    assert_eq!(page.status, 503);
    assert!(page.text.contains("right now"), "{}", page.text);
}
