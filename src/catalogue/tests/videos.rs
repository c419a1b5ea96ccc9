//! Videos and the timeline's numbers.

use super::super::details::DetailsChange;
use super::super::id::{BroadcasterId, VideoId};
use super::super::video::{Finished, NewVideo, VideoChange, VideoFilter, VideoState};
use super::{Catalogue, at, hall};
use crate::catalogue::Error;
use std::time::Duration;

fn recording(broadcaster: &BroadcasterId, started_ms: i64, first_msn: u64) -> NewVideo {
    NewVideo {
        broadcaster_id: broadcaster.clone(),
        title: None,
        started_at: at(started_ms),
        first_msn,
        first_discontinuity: 0,
    }
}

fn finished(next_msn: u64, listed: bool) -> Finished {
    let duration = Duration::from_millis(12_345);
    Finished { ended_at: at(20_000), duration, listed, ladder: false, next_msn, next_discontinuity: 1 }
}

fn all() -> VideoFilter {
    VideoFilter { broadcaster: None, listed_only: false, limit: 50, cursor: None }
}

fn listed() -> VideoFilter {
    VideoFilter { listed_only: true, ..all() }
}

fn of_itself(video: VideoChange) -> DetailsChange {
    DetailsChange { video, ..DetailsChange::default() }
}

pub(super) async fn are_begun_finished_and_listed(catalogue: Catalogue) {
    let a = hall(&catalogue, "a").await;
    let video = catalogue.begin_video(recording(&a.id, 86_400_000, 7)).await.unwrap();
    assert_eq!((video.title.as_str(), video.slug.as_str()), ("Hall a, 1970-01-02", "hall-a-1970-01-02"));
    assert_eq!((video.state, video.listed, video.first_msn), (VideoState::Live, false, 7));
    assert_eq!((video.started_at, video.ended_at, video.duration), (at(86_400_000), None, None));
    assert_eq!(video.page_url(), format!("/videos/{}-hall-a-1970-01-02", video.id));
    assert_eq!(catalogue.unfinished_videos().await.unwrap(), std::slice::from_ref(&video));
    assert!(catalogue.videos(listed()).await.unwrap().items.is_empty());
    assert_eq!(catalogue.videos(all()).await.unwrap().items, std::slice::from_ref(&video));

    let ended = catalogue.finish_video(&video.id, finished(13, true)).await.unwrap();
    assert_eq!((ended.state, ended.listed), (VideoState::Ended, true));
    assert_eq!((ended.ended_at, ended.duration), (Some(at(20_000)), Some(Duration::from_millis(12_345))));
    assert_eq!(catalogue.videos(listed()).await.unwrap().items, std::slice::from_ref(&ended));
    assert!(catalogue.unfinished_videos().await.unwrap().is_empty());

    let short = catalogue.begin_video(recording(&a.id, 90_000_000, 13)).await.unwrap();
    catalogue.finish_video(&short.id, finished(14, false)).await.unwrap();
    assert_eq!(catalogue.videos(listed()).await.unwrap().items, [ended], "a short one is kept, unlisted");

    let change = VideoChange { title: Some("Œuvres".into()), listed: Some(true) };
    catalogue.change_details(&short.id, of_itself(change)).await.unwrap();
    let changed = catalogue.video(&short.id).await.unwrap().unwrap();
    assert_eq!((changed.title.as_str(), changed.slug.as_str(), changed.listed), ("Œuvres", "oeuvres", true));
    let bad = of_itself(VideoChange { title: Some(String::new()), listed: None });
    let bad = catalogue.change_details(&short.id, bad).await;
    assert!(matches!(bad, Err(Error::Invalid { field: "title", .. })));
    let nobody = catalogue.begin_video(recording(&BroadcasterId::random().unwrap(), 0, 0)).await;
    assert!(matches!(nobody, Err(Error::NotFound("broadcaster"))));
}

pub(super) async fn the_timeline_never_goes_back(catalogue: Catalogue) {
    let (a, b) = (hall(&catalogue, "a").await, hall(&catalogue, "b").await);
    let first = catalogue.begin_video(recording(&a.id, 1, 0)).await.unwrap();
    catalogue.finish_video(&first.id, finished(100, true)).await.unwrap();
    let second = catalogue.begin_video(recording(&a.id, 2, 100)).await.unwrap();
    let lower = Finished { next_discontinuity: 5, ..finished(50, true) };
    catalogue.finish_video(&second.id, lower).await.unwrap();
    let a = catalogue.broadcaster(&a.id).await.unwrap().unwrap();
    assert_eq!((a.next_msn, a.next_discontinuity), (100, 5), "each by itself");
    assert_eq!(catalogue.broadcaster(&b.id).await.unwrap().unwrap().next_msn, 0, "b has its own");
    let unknown = catalogue.finish_video(&VideoId::random().unwrap(), finished(999, true)).await;
    assert!(matches!(unknown, Err(Error::NotFound("video"))));
    let huge = catalogue.finish_video(&second.id, finished(u64::MAX, true)).await;
    assert!(matches!(huge, Err(Error::Invalid { field: "next_msn", .. })));
}

pub(super) async fn pages_show_each_video_once(catalogue: Catalogue) {
    let (a, b) = (hall(&catalogue, "a").await, hall(&catalogue, "b").await);
    let mut of_a = Vec::new();
    for n in 0..7 {
        // Three begin in the same millisecond: the id decides among them.
        let video = catalogue.begin_video(recording(&a.id, if n < 3 { 5 } else { 10 + n }, 0)).await.unwrap();
        catalogue.finish_video(&video.id, finished(1, true)).await.unwrap();
        of_a.push(video.id);
    }
    let of_b = catalogue.begin_video(recording(&b.id, 1_000, 0)).await.unwrap();
    let mut filter = VideoFilter { broadcaster: Some(a.id.clone()), limit: 2, ..listed() };
    let (mut seen, mut times) = (Vec::new(), Vec::new());
    loop {
        let page = catalogue.videos(filter.clone()).await.unwrap();
        assert!(page.items.len() <= 2);
        times.extend(page.items.iter().map(|video| video.started_at));
        seen.extend(page.items.into_iter().map(|video| video.id));
        let Some(next) = page.next else { break };
        filter.cursor = Some(next.to_string().parse().unwrap());
    }
    assert!(times.is_sorted_by(|earlier, later| earlier >= later), "newest first");
    assert_eq!(seen.len(), 7);
    seen.sort();
    of_a.sort();
    assert_eq!(seen, of_a);
    let everything = catalogue.videos(VideoFilter { limit: usize::MAX, ..all() }).await.unwrap();
    assert_eq!((everything.items.len(), everything.items[0].id.clone(), everything.next), (8, of_b.id, None));
    assert_eq!(catalogue.videos(VideoFilter { limit: 0, ..all() }).await.unwrap().items.len(), 1);
}

pub(super) async fn deleting_is_soft(catalogue: Catalogue) {
    let a = hall(&catalogue, "a").await;
    let video = catalogue.begin_video(recording(&a.id, 1, 0)).await.unwrap();
    assert!(matches!(catalogue.delete_video(&video.id, at(2)).await, Err(Error::Conflict(_))), "it is on air");
    let video = catalogue.finish_video(&video.id, finished(1, true)).await.unwrap();
    catalogue.delete_video(&video.id, at(3)).await.unwrap();
    assert_eq!(catalogue.video(&video.id).await.unwrap(), None);
    assert!(catalogue.videos(all()).await.unwrap().items.is_empty());
    assert_eq!(catalogue.all_videos().await.unwrap(), [(video.id.clone(), VideoState::Ended)], "its media stays");
    assert!(matches!(catalogue.delete_video(&video.id, at(4)).await, Err(Error::NotFound(_))));
    assert!(matches!(catalogue.change_details(&video.id, DetailsChange::default()).await, Err(Error::NotFound(_))));
    assert_eq!(catalogue.restore_video(&video.id).await.unwrap(), video);
    assert_eq!(catalogue.restore_video(&video.id).await.unwrap(), video);
    assert!(matches!(catalogue.restore_video(&VideoId::random().unwrap()).await, Err(Error::NotFound(_))));
}

pub(super) async fn writers_at_once_all_succeed(catalogue: Catalogue) {
    let a = hall(&catalogue, "a").await;
    let work = (0..24).map(|n| {
        let (catalogue, id) = (catalogue.clone(), a.id.clone());
        async move {
            let video = catalogue.begin_video(recording(&id, n, 0)).await.unwrap();
            catalogue.finish_video(&video.id, finished(u64::try_from(n).unwrap(), true)).await.unwrap();
        }
    });
    futures_util::future::join_all(work).await;
    assert_eq!(catalogue.videos(listed()).await.unwrap().items.len(), 24);
    assert_eq!(catalogue.broadcaster(&a.id).await.unwrap().unwrap().next_msn, 23);
}
