//! Videos as readers narrow and order them.

use super::super::access::AccessChange;
use super::super::details::{DetailsChange, VideoKind};
use super::super::listing::{Listing, Order};
use super::super::video::{Finished, NewVideo, Readers, Video};
use super::{Catalogue, at, hall};
use crate::catalogue::broadcaster::Broadcaster;
use crate::policy::state::Visibility;
use media::caption::language::Language;
use std::collections::BTreeSet;
use std::time::Duration;

/// 2025-01-01T00:00:00Z.
const NEW_YEAR_MS: i64 = 1_735_689_600_000;

async fn recorded(catalogue: &Catalogue, hall: &Broadcaster, ms: i64, title: &str) -> Video {
    let new = NewVideo {
        broadcaster_id: hall.id.clone(),
        title: Some(title.to_owned()),
        started_at: at(ms),
        first_msn: 0,
        first_discontinuity: 0,
    };
    let video = catalogue.begin_video(new).await.unwrap();
    let finished = Finished {
        ended_at: at(ms + 60_000),
        duration: Duration::from_secs(60),
        listed: true,
        ladder: false,
        next_msn: 1,
        next_discontinuity: 0,
    };
    let public = AccessChange { visibility: Some(Visibility::Public), ..AccessChange::default() };
    catalogue.change_video_access(&video.id, public).await.unwrap();
    catalogue.finish_video(&video.id, finished).await.unwrap()
}

async fn titles(catalogue: &Catalogue, listing: Listing, readers: Readers<'_>) -> Vec<String> {
    let page = catalogue.listed(&Listing { limit: 9, ..listing }, readers).await.unwrap();
    page.items.into_iter().map(|video| video.title).collect()
}

pub(super) async fn each_narrowing_leaves_what_fits(catalogue: Catalogue) {
    let (a, b) = (hall(&catalogue, "a").await, hall(&catalogue, "b").await);
    assert_eq!(catalogue.years(Readers::Anybody).await.unwrap(), None);
    let old = recorded(&catalogue, &a, NEW_YEAR_MS - 1, "old").await;
    let new = recorded(&catalogue, &b, NEW_YEAR_MS, "new").await;
    let draft = recorded(&catalogue, &b, NEW_YEAR_MS * 2, "draft").await;
    let hidden = AccessChange { visibility: Some(Visibility::Draft), ..AccessChange::default() };
    catalogue.change_video_access(&draft.id, hidden).await.unwrap();
    let change = DetailsChange {
        kind: Some(VideoKind::Ceremony),
        language: Some(Language::new("fr-CA")),
        tags: Some(vec!["Maths".to_owned()]),
        ..DetailsChange::default()
    };
    catalogue.change_details(&old.id, change.clone()).await.unwrap();
    catalogue.change_details(&draft.id, change).await.unwrap();
    let unlisted = recorded(&catalogue, &b, NEW_YEAR_MS + 9, "short").await;
    let video = super::super::video::VideoChange { title: None, listed: Some(false) };
    catalogue.change_details(&unlisted.id, DetailsChange { video, ..DetailsChange::default() }).await.unwrap();

    let anybody = Readers::Anybody;
    assert_eq!(titles(&catalogue, Listing::default(), anybody).await, ["new", "old"]);
    assert_eq!(titles(&catalogue, Listing::default(), Readers::All).await, ["draft", "new", "old"]);
    let only = |listing| titles(&catalogue, listing, anybody);
    assert_eq!(only(Listing { kind: Some(VideoKind::Ceremony), ..Listing::default() }).await, ["old"]);
    assert_eq!(only(Listing { kind: Some(VideoKind::Lecture), ..Listing::default() }).await, ["new"]);
    assert_eq!(only(Listing { broadcaster: Some(new.broadcaster_id), ..Listing::default() }).await, ["new"]);
    for (tag, found) in [("fr", &["old"][..]), ("FR-ca", &["old"]), ("f", &[]), ("en", &[]), ("fr-C", &[])] {
        let language = Language::new(tag);
        assert_eq!(language.is_some(), tag != "f");
        if language.is_some() {
            assert_eq!(only(Listing { language, ..Listing::default() }).await, found, "{tag}");
        }
    }
    assert_eq!(only(Listing { tag: Some("maths".to_owned()), ..Listing::default() }).await, ["old"]);
    assert_eq!(only(Listing { year: Some(2024), ..Listing::default() }).await, ["old"]);
    assert_eq!(only(Listing { year: Some(2025), ..Listing::default() }).await, ["new"]);
    assert!(only(Listing { year: Some(1), ..Listing::default() }).await.is_empty());
    assert_eq!(catalogue.years(anybody).await.unwrap(), Some((2024, 2025)));
    assert_eq!(catalogue.years(Readers::All).await.unwrap(), Some((2024, 2080)));
}

pub(super) async fn both_orders_go_through_all_once(catalogue: Catalogue) {
    let a = hall(&catalogue, "a").await;
    let mut all = BTreeSet::new();
    for n in 0..7 {
        // Three begin in the same millisecond: the id decides among them.
        let ms = if n < 3 { NEW_YEAR_MS } else { NEW_YEAR_MS + n };
        all.insert(recorded(&catalogue, &a, ms, "x").await.id);
    }
    let mut ways = Vec::new();
    for order in [Order::Newest, Order::Oldest] {
        let mut listing = Listing { order, limit: 2, ..Listing::default() };
        let mut seen = Vec::new();
        loop {
            let page = catalogue.listed(&listing, Readers::Anybody).await.unwrap();
            assert!(page.items.len() <= 2);
            seen.extend(page.items.into_iter().map(|video| video.id));
            let Some(next) = page.next else { break };
            listing.after = Some(next.to_string().parse().unwrap());
        }
        assert_eq!(seen.len(), 7);
        assert_eq!(seen.iter().cloned().collect::<BTreeSet<_>>(), all);
        ways.push(seen);
    }
    ways[1].reverse();
    assert_eq!(ways[0], ways[1]);
}

#[tokio::test]
async fn a_page_is_read_along_an_index_and_nothing_is_sorted() {
    let folder = tempfile::tempdir().unwrap();
    let catalogue = Catalogue::open(folder.path().join("c.sqlite").to_str().unwrap()).await.unwrap();
    catalogue.migrate().await.unwrap();
    let a = hall(&catalogue, "a").await;
    let after = Some("5.aaaaaaaaaaaaaaaa".parse().unwrap());
    for listing in [
        Listing::default(),
        Listing { after: after.clone(), ..Listing::default() },
        Listing { order: Order::Oldest, after, ..Listing::default() },
        Listing { broadcaster: Some(a.id), ..Listing::default() },
        Listing { year: Some(2026), ..Listing::default() },
        Listing { kind: Some(VideoKind::Other), tag: Some("x".to_owned()), ..Listing::default() },
    ] {
        for readers in [Readers::Anybody, Readers::Person("aaaaaaaaaaaaaaaa"), Readers::All] {
            let mut statement = catalogue.listing(&listing, readers).unwrap();
            statement.sql.insert_str(0, "EXPLAIN QUERY PLAN ");
            let rows = catalogue.database.rows(statement).await.unwrap();
            let plan: Vec<String> = rows.iter().map(|row| row.text("detail").unwrap()).collect();
            let plan = plan.join("\n");
            let index = plan.contains("SEARCH v USING INDEX videos_by_");
            assert!(index && !plan.contains("USE TEMP B-TREE FOR ORDER BY"), "{readers:?} {listing:?}:\n{plan}");
        }
    }
}
