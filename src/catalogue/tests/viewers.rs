//! Minutes of lives and views of videos.

use super::{Catalogue, at, hall};
use crate::catalogue::video::NewVideo;
use crate::catalogue::viewers::ViewerMinute;
use std::collections::BTreeMap;

pub(super) async fn a_minute_keeps_its_most_and_the_newest_are_read_in_order(catalogue: Catalogue) {
    let (one, other) = (hall(&catalogue, "one").await, hall(&catalogue, "other").await);
    let both = |a, b| vec![(one.slug.clone(), a), (other.slug.clone(), b), ("nobody".parse().unwrap(), 9)];
    catalogue.add_viewer_minute(at(120_000), &both(7, 0)).await.unwrap();
    catalogue.add_viewer_minute(at(60_000), &both(3, 1)).await.unwrap();
    // A server that was started again in the same minute.
    catalogue.add_viewer_minute(at(60_000), &both(5, 0)).await.unwrap();
    let minute = |ms, viewers| ViewerMinute { at: at(ms), viewers };
    let read = |id, from| {
        let catalogue = catalogue.clone();
        async move { catalogue.viewer_minutes(id, at(from)).await.unwrap() }
    };
    assert_eq!(read(&one.id, 0).await, [minute(60_000, 5), minute(120_000, 7)]);
    assert_eq!(read(&one.id, 60_001).await, [minute(120_000, 7)]);
    assert_eq!(read(&other.id, 0).await, [minute(60_000, 1), minute(120_000, 0)]);
}

pub(super) async fn views_add_up(catalogue: Catalogue) {
    let hall = hall(&catalogue, "hall").await;
    let mut ids = Vec::new();
    for _ in 0..2 {
        let new = NewVideo {
            broadcaster_id: hall.id.clone(),
            title: None,
            started_at: at(0),
            first_msn: 0,
            first_discontinuity: 0,
        };
        ids.push(catalogue.begin_video(new).await.unwrap().id);
    }
    let gone = "aaaaaaaaaaaaaaaa".parse().unwrap();
    catalogue.add_views(&BTreeMap::from([(ids[0].clone(), 2), (gone, 4)])).await.unwrap();
    catalogue.add_views(&BTreeMap::from([(ids[0].clone(), 3)])).await.unwrap();
    assert_eq!(catalogue.views(&ids).await.unwrap(), BTreeMap::from([(ids[0].clone(), 5)]));
    assert!(catalogue.views(&[]).await.unwrap().is_empty());
}
