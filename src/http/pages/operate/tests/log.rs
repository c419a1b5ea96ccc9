//! The audit log, a page at a time.

use super::operator;
use crate::catalogue::audit::Actor;
use crate::http::support::{World, now, pass};
use crate::policy::who::Role;

#[tokio::test]
async fn the_log_is_read_to_its_beginning_and_narrowed_to_a_person_or_an_act() {
    let world = World::new().await;
    let chief = world.person("chief", Role::Administrator).await;
    let zoe = world.person("zoe", Role::Contributor).await;
    for n in 0..250 {
        // Some at the same moment.
        if n % 3 == 0 {
            pass(1);
        }
        let actor = if n % 2 == 0 { Actor::Person(zoe.id.to_string()) } else { Actor::CommandLine };
        let act = if n % 5 == 0 { "video.rights" } else { "video.change" };
        world.catalogue.note(&actor, act, "v1", &format!("entry {n}."), now()).await.unwrap();
    }
    let mut browser = world.browser_of(&chief).await;
    let read = async |browser: &mut crate::http::support::Browser<'_>, path: &str| {
        let (mut path, mut entries, mut pages) = (path.to_owned(), Vec::new(), 0);
        loop {
            let page = browser.get(&path).await;
            assert_eq!(page.status, 200, "{path}");
            pages += 1;
            let said = |text: &str| text.split('.').next().unwrap().parse::<usize>().unwrap();
            entries.extend(page.text.split("<td>entry ").skip(1).map(said));
            let older = page.text.split("<a href=\"").find(|rest| rest.contains("rel=\"next\""));
            let Some(older) = older else { return (entries, pages) };
            older.split('"').next().unwrap().replace("&#38;", "&").clone_into(&mut path);
        }
    };
    let (mut all, pages) = read(&mut browser, "/operate/_/log").await;
    assert!(all[0] >= 246, "the newest come first");
    all.sort_unstable();
    assert_eq!((all, pages), ((0..250).collect(), 3), "each once");
    let (hers, pages) = read(&mut browser, "/operate/_/log?who=zoe&act=").await;
    assert_eq!((hers.len(), pages), (125, 2));
    assert!(hers.iter().all(|n| n % 2 == 0));
    let (rights, _) = read(&mut browser, "/operate/_/log?who=zoe&act=video.rights").await;
    assert_eq!(rights.len(), 25);
    let page = browser.get("/operate/_/log?who=%3Cnobody%3E&act=video.rights").await.text;
    assert!(page.contains("value=\"&#60;nobody&#62;\"") && page.contains("role=\"alert\""), "{page}");
    assert!(page.contains("<option value=\"video.rights\" selected>") && !page.contains("entry "), "{page}");
    for gone in ["aaaaaaaaaaaaaaaa", "x"] {
        assert_eq!(browser.get(&format!("/operate/_/log?before={gone}")).await.status, 404);
    }
}

#[tokio::test]
async fn only_who_may_read_the_log_is_shown_the_way_to_it() {
    let world = World::new().await;
    world.hall("hall").await;
    let way = "href=\"/operate/_/log\"";
    let chief = world.person("chief", Role::Administrator).await;
    let (mut chief, mut marie) = (world.browser_of(&chief).await, operator(&world).await);
    for path in ["/operate", "/operate/hall", "/operate/_/new", "/operate/_/jobs", "/operate/_/machine"] {
        assert!(chief.get(path).await.text.contains(way), "{path}");
        let page = marie.get(path).await;
        assert!(page.status == 200 && !page.text.contains(way), "{path}");
    }
    assert_eq!(marie.get("/operate/_/log").await.status, 403);
}
