//! Broadcasters.

use super::super::broadcaster::{BroadcasterChange, NewBroadcaster, RecordStart, RtspTransport};
use super::super::captions::{CaptionChange, CaptionSettings};
use super::super::video::{Finished, NewVideo};
use super::{Catalogue, at, hall};
use crate::catalogue::Error;
use media::caption::language::Language;
use media::caption::vocabulary::Vocabulary;
use std::time::Duration;

pub(super) async fn are_added_changed_and_listed(catalogue: Catalogue) {
    let b = hall(&catalogue, "b").await;
    let a = hall(&catalogue, "a").await;
    assert_eq!(catalogue.broadcasters().await.unwrap(), [a.clone(), b.clone()]);
    assert_eq!((b.title.as_str(), b.created_at, b.next_msn, b.next_discontinuity), ("Hall b", at(1_000), 0, 0));
    assert_eq!(catalogue.broadcaster_by_slug(&b.slug).await.unwrap(), Some(b.clone()));
    assert_eq!(catalogue.broadcaster(&a.id).await.unwrap(), Some(a.clone()));

    let url = "rtsp://u:p@cam:554/extron1?x=1";
    let change = BroadcasterChange {
        title: Some(" Été ".into()),
        rtsp_url: Some(Some(url.parse().unwrap())),
        rtsp_transport: Some(RtspTransport::Udp),
        grace: Some(Some(Duration::from_millis(1_500))),
        preset: Some(Some("slides".into())),
        record_start: Some(RecordStart::ByHand),
        ..BroadcasterChange::default()
    };
    let changed = catalogue.update_broadcaster(&a.id, change).await.unwrap();
    assert_eq!(changed.title, "Été");
    assert_eq!(changed.rtsp_url.as_ref().unwrap().reveal().as_str(), url);
    assert_eq!((changed.rtsp_transport, changed.grace), (RtspTransport::Udp, Some(Duration::from_millis(1_500))));
    assert_eq!(changed.preset.as_deref(), Some("slides"));
    assert!(a.is_recorded() && !changed.is_recorded());
    catalogue.set_record_now(&a.id, Some(true)).await.unwrap();
    assert!(catalogue.broadcaster(&a.id).await.unwrap().unwrap().is_recorded(), "an operator has said so");
    catalogue.set_record_now(&a.id, None).await.unwrap();
    catalogue.raise_numbers(&b.id, (70, 3)).await.unwrap();
    catalogue.raise_numbers(&b.id, (50, 9)).await.unwrap();
    let raised = catalogue.broadcaster(&b.id).await.unwrap().unwrap();
    assert_eq!((raised.next_msn, raised.next_discontinuity), (70, 9), "they never go back");
    let b = raised;
    assert_eq!(catalogue.update_broadcaster(&a.id, BroadcasterChange::default()).await.unwrap(), changed);
    let emptied =
        BroadcasterChange { rtsp_url: Some(None), grace: Some(None), preset: Some(None), ..Default::default() };
    let emptied = catalogue.update_broadcaster(&a.id, emptied).await.unwrap();
    assert_eq!((emptied.rtsp_url, emptied.grace, emptied.preset), (None, None, None));
    assert_eq!(catalogue.broadcaster(&b.id).await.unwrap(), Some(b), "the other one is untouched");
}

pub(super) async fn have_captions_of_their_own(catalogue: Catalogue) {
    let tags = |tags: &[&str]| tags.iter().map(|tag| Language::new(tag).unwrap()).collect::<Vec<_>>();
    let names = Vocabulary::of_lines(["Université de Lille", "[fr] té pé = TP", "서울"]).unwrap();
    let a = hall(&catalogue, "a").await;
    assert_eq!(a.captions, CaptionSettings::default());
    let captions =
        CaptionSettings { languages: Some(tags(&["fr", "en-GB"])), vocabulary: names.clone(), exclusive: true };
    let new = NewBroadcaster { captions: captions.clone(), ..NewBroadcaster::new("b".parse().unwrap(), "B") };
    let b = catalogue.add_broadcaster(new, at(1)).await.unwrap();
    assert_eq!(b.captions, captions);

    let change = async |captions: CaptionChange| {
        let change = BroadcasterChange { captions, ..Default::default() };
        catalogue.update_broadcaster(&a.id, change).await
    };
    let none = CaptionChange { languages: Some(Some(Vec::new())), ..Default::default() };
    assert_eq!(change(none).await.unwrap().captions.languages, Some(Vec::new()), "none is not the setting");
    let said = CaptionChange { vocabulary: Some(names.clone()), exclusive: Some(true), ..Default::default() };
    let kept = change(said).await.unwrap().captions;
    assert_eq!((kept.languages, kept.vocabulary, kept.exclusive), (Some(Vec::new()), names, true));
    for refused in [tags(&["fr", "en", "FR"]), tags(&["aa", "ab", "ac", "ad", "ae", "af", "ag", "ah", "ai"])] {
        let wrong = CaptionChange { languages: Some(Some(refused)), ..Default::default() };
        let refused = change(wrong).await.unwrap_err();
        assert!(matches!(refused, Error::Invalid { field: "caption_languages", .. }), "{refused}");
    }
    let emptied =
        CaptionChange { languages: Some(None), vocabulary: Some(Vocabulary::default()), exclusive: Some(false) };
    assert_eq!(change(emptied).await.unwrap().captions, CaptionSettings::default());
    assert_eq!(catalogue.broadcaster(&b.id).await.unwrap(), Some(b), "the other one is untouched");
}

pub(super) async fn a_removed_ones_slug_is_free_and_its_numbers_go_on(catalogue: Catalogue) {
    let old = hall(&catalogue, "a").await;
    let new = NewVideo {
        broadcaster_id: old.id.clone(),
        title: None,
        started_at: at(0),
        first_msn: 0,
        first_discontinuity: 0,
    };
    let video = catalogue.begin_video(new).await.unwrap();
    let finished = Finished {
        ended_at: at(9),
        duration: Duration::from_millis(9),
        listed: true,
        ladder: false,
        next_msn: 120,
        next_discontinuity: 3,
    };
    catalogue.finish_video(&video.id, finished).await.unwrap();

    let again = NewBroadcaster::new(old.slug.clone(), "Again");
    let refused = catalogue.add_broadcaster(again.clone(), at(5)).await.unwrap_err();
    assert!(matches!(refused, Error::Taken("slug")), "{refused}");
    catalogue.remove_broadcaster(&old.id, at(5)).await.unwrap();
    assert!(catalogue.broadcasters().await.unwrap().is_empty());
    assert_eq!(catalogue.broadcaster(&old.id).await.unwrap(), None);
    assert!(matches!(catalogue.remove_broadcaster(&old.id, at(6)).await, Err(Error::NotFound(_))));
    assert!(matches!(
        catalogue.update_broadcaster(&old.id, BroadcasterChange::default()).await,
        Err(Error::NotFound(_))
    ));
    assert_eq!(catalogue.video(&video.id).await.unwrap().unwrap().broadcaster, old.slug, "its videos stay");

    let successor = catalogue.add_broadcaster(again, at(7)).await.unwrap();
    assert_ne!(successor.id, old.id);
    assert_eq!((successor.next_msn, successor.next_discontinuity), (120, 3));
}

pub(super) async fn bad_values_are_refused_by_name(catalogue: Catalogue) {
    let mut new = NewBroadcaster::new("a".parse().unwrap(), "  ");
    let refused = catalogue.add_broadcaster(new.clone(), at(0)).await.unwrap_err();
    assert!(matches!(refused, Error::Invalid { field: "title", .. }), "{refused}");
    new.title = "A".into();
    new.grace = Some(Duration::MAX);
    let refused = catalogue.add_broadcaster(new.clone(), at(0)).await.unwrap_err();
    assert!(matches!(refused, Error::Invalid { field: "grace_ms", .. }), "{refused}");
    new.grace = Some(Duration::ZERO);
    new.title = "'); DROP TABLE videos; --".into();
    let kept = catalogue.add_broadcaster(new, at(0)).await.unwrap();
    assert_eq!((kept.title.as_str(), kept.grace), ("'); DROP TABLE videos; --", Some(Duration::ZERO)));
}

pub(super) async fn migrating_twice_changes_nothing(catalogue: Catalogue) {
    let a = hall(&catalogue, "a").await;
    assert_eq!(catalogue.migrate().await.unwrap(), 0);
    assert_eq!(catalogue.pending_migrations().await.unwrap(), 0);
    catalogue.ping().await.unwrap();
    assert_eq!(catalogue.broadcasters().await.unwrap(), [a]);
}
