//! Owners' pages as browsers ask for them: whole, with the gate before them.

use crate::archive::transcript::tests::say;
use crate::catalogue::access::AccessChange;
use crate::catalogue::details::Cut;
use crate::http::support::World;
use crate::policy::who::Role;
use std::collections::BTreeSet;
use std::time::Duration;

/// What a browser sends of the form, with some fields said otherwise.
fn form(other: &[(&str, &str)]) -> String {
    let mut fields = vec![
        ("title", "Analyse 1"),
        ("description", "*Un*\r\n\r\ncours"),
        ("speakers", "Zoé\r\n\r\nAda"),
        ("tags", "Fourier, L2,"),
        ("kind", "seminar"),
        ("language", "fr"),
        ("licence", "CC-BY-4.0"),
        ("chapters", "0:00 Rappels\r\n0:12 Séries"),
        ("visibility", "signed_in"),
        ("from", ""),
        ("until", "0:00:20"),
    ];
    for (name, value) in other {
        let field = fields.iter_mut().find(|(known, _)| known == name).unwrap();
        field.1 = value;
    }
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

#[tokio::test]
async fn an_owner_says_what_a_video_is_and_others_may_not() {
    let world = World::new().await;
    let video = world.video(&world.hall("a").await, "Old").await;
    say(&world.layout, video.id.as_str(), "fr", &[]);
    let owner = world.person("zoe", Role::Contributor).await;
    let change = AccessChange { owners: Some(BTreeSet::from([owner.id.clone()])), ..AccessChange::default() };
    world.catalogue.change_video_access(&video.id, change).await.unwrap();
    let path = format!("/videos/{}/edit", video.id);
    let mut zoe = world.browser_of(&owner).await;
    let shown = zoe.get(&path).await;
    assert_eq!(shown.status, 200);
    assert!(shown.text.contains("name=\"title\" value=\"Old\""), "{}", shown.text);
    let done = zoe.post(&path, &form(&[])).await;
    assert_eq!((done.status, done.header("location")), (303, format!("{path}?saved").as_str()), "{}", done.text);
    let details = world.catalogue.details(&video.id).await.unwrap().unwrap();
    assert_eq!((details.description.as_str(), details.speakers.len(), details.tags.len()), ("*Un*\n\ncours", 2, 2));
    assert_eq!(details.chapters.len(), 2);
    assert_eq!(details.cut, Cut { start: None, end: Some(Duration::from_secs(20)) });
    let state = world.catalogue.video_state(&video.id).await.unwrap().unwrap();
    assert_eq!(state.visibility.name(), "signed_in");
    let again = zoe.get(&format!("{path}?saved")).await.text;
    assert!(again.contains("role=\"status\"") && again.contains("value=\"0:00:20\"") && again.contains("Zoé\nAda"));
    let page = world.catalogue.video(&video.id).await.unwrap().unwrap().page_url();
    assert!(zoe.get(&page).await.text.contains(&format!("href=\"{path}\"")), "the way there");
    assert_eq!(world.catalogue.audit_log(9).await.unwrap()[0].act, "video.change");

    // What can't be taken stays in the form, and nothing is stored.
    for (other, said) in [
        (("title", " "), "1 to 200"),
        (("chapters", "0:00 A\r\nB"), "Line 2 of"),
        (("chapters", "0:00 A\r\n0:00 B"), "different moments"),
        (("from", "0:00:25"), "last a second"),
        (("until", "soon"), "looks like"),
        (("language", "!"), "fr or en-GB"),
        (("licence", "a b"), "CC-BY-4.0."),
        (("kind", "film"), "Something in the form"),
    ] {
        let refused = zoe.post(&path, &form(&[("description", "lost"), other])).await;
        assert_eq!(refused.status, 422, "{other:?} {}", refused.text);
        assert!(refused.text.contains(said) && refused.text.contains(">lost</textarea>"), "{other:?} {}", refused.text);
        assert_eq!(world.catalogue.details(&video.id).await.unwrap().as_ref(), Some(&details), "{other:?}");
    }
    let undone = zoe.post(&path, &form(&[("until", "")])).await;
    assert_eq!(undone.status, 303);
    assert!(world.catalogue.details(&video.id).await.unwrap().unwrap().cut.is_none());

    let other = world.person("eve", Role::Contributor).await;
    let mut eve = world.browser_of(&other).await;
    assert_eq!(eve.get(&path).await.status, 403);
    assert_eq!(eve.post(&path, &form(&[])).await.status, 403);
    assert!(!eve.get(&page).await.text.contains("/edit"));
    assert_eq!(world.browser().get(&path).await.status, 401);
}
