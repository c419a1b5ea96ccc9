//! Who is heard in a broadcaster's lives and what others may do with them, and what its recordings make of it.

use super::super::broadcaster::{Broadcaster, BroadcasterChange, NewBroadcaster};
use super::super::credits::{Credits, CreditsChange};
use super::super::details::{Details, DetailsChange};
use super::super::id::VideoId;
use super::super::recordings::BroadcasterDetailsChange;
use super::super::video::NewVideo;
use super::{Catalogue, at, hall};
use crate::catalogue::Error;

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn said(speakers: &[&str], licence: &str) -> CreditsChange {
    CreditsChange { speakers: Some(names(speakers)), licence: Some(licence.to_owned()) }
}

fn credits(speakers: &[&str], licence: &str) -> Credits {
    Credits { speakers: names(speakers), licence: licence.to_owned() }
}

async fn say(catalogue: &Catalogue, hall: &Broadcaster, credits: CreditsChange) -> Result<Broadcaster, Error> {
    catalogue.update_broadcaster(&hall.id, BroadcasterChange { credits, ..BroadcasterChange::default() }).await
}

async fn begun(catalogue: &Catalogue, hall: &Broadcaster, first_msn: u64) -> VideoId {
    let (broadcaster_id, started_at) = (hall.id.clone(), at(1));
    let new = NewVideo { broadcaster_id, title: None, started_at, first_msn, first_discontinuity: 0 };
    catalogue.begin_video(new).await.unwrap().id
}

async fn details(catalogue: &Catalogue, id: &VideoId) -> Details {
    catalogue.details(id).await.unwrap().unwrap()
}

async fn of_video(catalogue: &Catalogue, id: &VideoId) -> Credits {
    let details = details(catalogue, id).await;
    Credits { speakers: details.speakers, licence: details.licence }
}

pub(super) async fn are_said_changed_and_emptied(catalogue: Catalogue) {
    let a = hall(&catalogue, "a").await;
    assert_eq!(a.credits, Credits::default());
    let new = NewBroadcaster {
        credits: credits(&[" Zoé ", "Ada"], " CC-BY-4.0 "),
        ..NewBroadcaster::new("b".parse().unwrap(), "B")
    };
    let b = catalogue.add_broadcaster(new, at(1)).await.unwrap();
    assert_eq!(b.credits, credits(&["Zoé", "Ada"], "CC-BY-4.0"), "in their order");
    assert_eq!(catalogue.broadcasters().await.unwrap(), [a.clone(), b.clone()]);

    let changed = say(&catalogue, &a, said(&["Jo", "Émilie", "Jo"], "CC0-1.0")).await.unwrap();
    assert_eq!(changed.credits, credits(&["Jo", "Émilie", "Jo"], "CC0-1.0"));
    let untitled = BroadcasterChange { title: Some("A".to_owned()), ..BroadcasterChange::default() };
    let untouched = catalogue.update_broadcaster(&a.id, untitled).await.unwrap();
    assert_eq!(untouched.credits, changed.credits, "what is not said stays");
    let half = CreditsChange { speakers: Some(Vec::new()), ..CreditsChange::default() };
    assert_eq!(say(&catalogue, &a, half).await.unwrap().credits, credits(&[], "CC0-1.0"));
    // As a form says it, with the description.
    let change = BroadcasterDetailsChange {
        description: Some("Ici".to_owned()),
        credits: said(&["Ada"], ""),
        ..BroadcasterDetailsChange::default()
    };
    assert_eq!(catalogue.change_broadcaster_details(&a.id, change).await.unwrap().description, "Ici");
    assert_eq!(catalogue.broadcaster(&a.id).await.unwrap().unwrap().credits, credits(&["Ada"], ""));
    assert_eq!(catalogue.broadcaster(&b.id).await.unwrap(), Some(b), "the other one is untouched");
}

pub(super) async fn are_bounded_as_a_videos_are(catalogue: Catalogue) {
    let a = hall(&catalogue, "a").await;
    let video = begun(&catalogue, &a, 0).await;
    let before = say(&catalogue, &a, said(&["Ada"], "CC-BY-4.0")).await.unwrap();
    let (long, longest) = ("é".repeat(201), "é".repeat(200));
    let many = vec!["x"; 31];
    for (field, change) in [
        ("speakers", said(&[" "], "")),
        ("speakers", said(&["Ada\nJo"], "")),
        ("speakers", said(&[&long], "")),
        ("speakers", said(&many, "")),
        ("licence", said(&[], "CC BY")),
        ("licence", said(&[], "<b>")),
        ("licence", said(&[], &"x".repeat(65))),
    ] {
        let named = |refused: Option<Error>| match refused {
            Some(Error::Invalid { field, .. }) => field,
            other => panic!("{change:?}: {other:?}"),
        };
        assert_eq!(named(say(&catalogue, &a, change.clone()).await.err()), field);
        let form = BroadcasterDetailsChange { credits: change.clone(), ..BroadcasterDetailsChange::default() };
        assert_eq!(named(catalogue.change_broadcaster_details(&a.id, form).await.err()), field);
        let (speakers, licence) = (change.speakers.clone(), change.licence.clone());
        let new = NewBroadcaster {
            credits: Credits { speakers: speakers.clone().unwrap(), licence: licence.clone().unwrap() },
            ..NewBroadcaster::new("b".parse().unwrap(), "B")
        };
        assert_eq!(named(catalogue.add_broadcaster(new, at(1)).await.err()), field);
        let of_video = DetailsChange { speakers, licence, ..DetailsChange::default() };
        assert_eq!(named(catalogue.change_details(&video, of_video).await.err()), field, "one rule");
    }
    assert_eq!(catalogue.broadcasters().await.unwrap(), [before], "nothing has changed");
    let most = vec![longest.as_str(); 30];
    let most = say(&catalogue, &a, said(&most, &"x".repeat(64))).await.unwrap().credits;
    assert_eq!((most.speakers.len(), most.licence.len()), (30, 64));
    let full = begun(&catalogue, &a, 1).await;
    assert_eq!(of_video(&catalogue, &full).await, most, "all of it is taken over");
}

pub(super) async fn are_taken_over_by_what_is_recorded_and_then_its_own(catalogue: Catalogue) {
    let (a, b) = (hall(&catalogue, "a").await, hall(&catalogue, "b").await);
    let earlier = begun(&catalogue, &a, 0).await;
    let change = BroadcasterDetailsChange {
        description: Some("Ici".to_owned()),
        credits: said(&["Zoé", "Ada"], "CC-BY-4.0"),
        ..BroadcasterDetailsChange::default()
    };
    catalogue.change_broadcaster_details(&a.id, change).await.unwrap();
    let (first, others) = (begun(&catalogue, &a, 1).await, begun(&catalogue, &b, 0).await);
    assert_eq!(of_video(&catalogue, &first).await, credits(&["Zoé", "Ada"], "CC-BY-4.0"));
    assert_eq!(details(&catalogue, &first).await.description, "", "of the hall, not of what is recorded in it");
    for none in [&earlier, &others] {
        assert_eq!(of_video(&catalogue, none).await, Credits::default(), "from now on, and in this hall");
    }

    let mine = DetailsChange {
        speakers: Some(names(&["Jo"])),
        licence: Some(String::new()),
        description: Some("Cours".to_owned()),
        ..DetailsChange::default()
    };
    catalogue.change_details(&first, mine).await.unwrap();
    let hall = catalogue.broadcaster(&a.id).await.unwrap().unwrap();
    assert_eq!(hall.credits, credits(&["Zoé", "Ada"], "CC-BY-4.0"), "the owner's change is not the hall's");
    // The same live goes on and is recorded once more.
    let second = begun(&catalogue, &a, 9).await;
    assert_eq!(of_video(&catalogue, &second).await, hall.credits);
    say(&catalogue, &a, said(&[], "")).await.unwrap();
    assert_eq!(of_video(&catalogue, &second).await, hall.credits, "nor the hall's the recording's");
    assert_eq!(of_video(&catalogue, &first).await, credits(&["Jo"], ""));
    let third = begun(&catalogue, &a, 12).await;
    assert_eq!(of_video(&catalogue, &third).await, Credits::default());
}

pub(super) async fn are_each_tenants_own(ours: Catalogue) {
    let theirs = ours.of(ours.add_tenant("B", &[], at(1)).await.unwrap());
    let (a, b) = (hall(&ours, "hall").await, hall(&theirs, "hall").await);
    let here = say(&ours, &a, said(&["Ada"], "CC-BY-4.0")).await.unwrap();
    assert_eq!(theirs.broadcaster(&b.id).await.unwrap().unwrap().credits, Credits::default());
    let refused = say(&theirs, &a, said(&["Eve"], "")).await;
    assert!(matches!(refused, Err(Error::NotFound("broadcaster"))), "{refused:?}");
    say(&theirs, &b, said(&["Zoé"], "CC0-1.0")).await.unwrap();
    assert_eq!(ours.broadcaster(&a.id).await.unwrap().as_ref(), Some(&here));
    let (mine, other) = (begun(&ours, &a, 0).await, begun(&theirs, &b, 0).await);
    assert_eq!(of_video(&ours, &mine).await, credits(&["Ada"], "CC-BY-4.0"));
    assert_eq!(of_video(&theirs, &other).await, credits(&["Zoé"], "CC0-1.0"));
    assert!(theirs.details(&mine).await.unwrap().is_none());
}
