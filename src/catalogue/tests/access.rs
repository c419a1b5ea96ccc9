//! Whom things are for, what opens them, and who changed that.

use super::super::access::AccessChange;
use super::super::audit::{Actor, AuditFilter, Entry};
use super::super::broadcaster::NewBroadcaster;
use super::super::id::{PersonId, VideoId};
use super::super::identity::NewPerson;
use super::super::secret::{LinkToken, Password};
use super::super::signing;
use super::super::video::{Finished, NewVideo, Video};
use super::{Catalogue, at, hall};
use crate::catalogue::Error;
use crate::policy::state::{State, Visibility};
use crate::policy::who::{Audience, Proof, Role};
use std::collections::BTreeSet;
use std::time::Duration;

async fn recorded(catalogue: &Catalogue, slug: &str) -> Video {
    let broadcaster = catalogue.broadcaster_by_slug(&slug.parse().unwrap()).await.unwrap().unwrap();
    let new = NewVideo {
        broadcaster_id: broadcaster.id,
        title: None,
        started_at: at(1),
        first_msn: 0,
        first_discontinuity: 0,
    };
    let video = catalogue.begin_video(new).await.unwrap();
    let duration = Duration::from_secs(1);
    let finished =
        Finished { ended_at: at(2), duration, listed: true, next_msn: 1, next_discontinuity: 0, ladder: false };
    catalogue.finish_video(&video.id, finished).await.unwrap()
}

async fn of_video(catalogue: &Catalogue, id: &VideoId) -> State {
    catalogue.video_state(id).await.unwrap().unwrap()
}

async fn of_broadcaster(catalogue: &Catalogue, slug: &str) -> State {
    catalogue.broadcaster_state(&slug.parse().unwrap()).await.unwrap().unwrap().1
}

fn visibility(visibility: Visibility) -> AccessChange {
    AccessChange { visibility: Some(visibility), ..AccessChange::default() }
}

pub(super) async fn begins_for_everybody_or_as_said_and_changes(catalogue: Catalogue) {
    let open = hall(&catalogue, "open").await;
    let draft =
        NewBroadcaster { visibility: Visibility::Draft, ..NewBroadcaster::new("draft".parse().unwrap(), "Draft") };
    let draft = catalogue.add_broadcaster(draft, at(1)).await.unwrap();
    let building = catalogue.add_building("Sciences", at(1)).await.unwrap();
    let begun = |visibility| State { visibility, open_figures: true, ..State::default() };
    assert_eq!(of_broadcaster(&catalogue, "open").await, begun(Visibility::Public));
    assert_eq!(of_broadcaster(&catalogue, "draft").await, begun(Visibility::Draft));
    assert!(catalogue.broadcaster_state(&"none".parse().unwrap()).await.unwrap().is_none());
    let change = AccessChange {
        building: Some(Some(building.id.clone())),
        open_figures: Some(false),
        ..visibility(Visibility::SignedIn)
    };
    catalogue.change_broadcaster_access(&draft.id, change).await.unwrap();
    let state = of_broadcaster(&catalogue, "draft").await;
    assert_eq!((state.visibility, state.open_figures), (Visibility::SignedIn, false));
    assert_eq!(state.building, Some(building.id.to_string()));
    let all = catalogue.broadcaster_states().await.unwrap();
    assert_eq!((all.len(), &all[&draft.id]), (2, &state));
    assert_eq!(all[&open.id].visibility, Visibility::Public);
    catalogue.remove_broadcaster(&open.id, at(2)).await.unwrap();
    assert!(catalogue.broadcaster_state(&open.slug).await.unwrap().is_none());
    let gone = catalogue.change_broadcaster_access(&open.id, visibility(Visibility::Public)).await;
    assert!(matches!(gone, Err(Error::NotFound("broadcaster"))));
}

pub(super) async fn a_recording_is_for_whom_its_broadcaster_is(catalogue: Catalogue) {
    let a = hall(&catalogue, "a").await;
    let group = catalogue.add_group("L1", at(1)).await.unwrap();
    let building = catalogue.add_building("Sciences", at(1)).await.unwrap();
    let before = recorded(&catalogue, "a").await;
    let audience = BTreeSet::from([Audience::Group(group.id.to_string()), Audience::Affiliation("staff".to_owned())]);
    let change = AccessChange {
        audience: Some(audience.clone()),
        building: Some(Some(building.id.clone())),
        ..visibility(Visibility::Groups)
    };
    catalogue.change_broadcaster_access(&a.id, change).await.unwrap();
    let after = recorded(&catalogue, "a").await;
    let state = of_video(&catalogue, &after.id).await;
    assert_eq!((state.visibility, &state.audience), (Visibility::Groups, &audience));
    assert_eq!((state.building, state.listed, state.deleted), (Some(building.id.to_string()), true, false));
    assert!(state.owners.is_empty());
    assert_eq!(of_video(&catalogue, &before.id).await.visibility, Visibility::Public, "it keeps what it has");

    // Their ways part.
    catalogue.change_broadcaster_access(&a.id, visibility(Visibility::Public)).await.unwrap();
    assert_eq!(of_video(&catalogue, &after.id).await.visibility, Visibility::Groups);
    catalogue.remove_group(&group.id).await.unwrap();
    let left = of_video(&catalogue, &after.id).await.audience;
    assert_eq!(left, BTreeSet::from([Audience::Affiliation("staff".to_owned())]));
    catalogue.delete_video(&after.id, at(9)).await.unwrap();
    assert!(of_video(&catalogue, &after.id).await.deleted, "known, so that it can be restored");
    assert!(catalogue.video_state(&VideoId::random().unwrap()).await.unwrap().is_none());
    let both = catalogue.video_states(&[before.id.clone(), after.id.clone()]).await.unwrap();
    assert_eq!(both.len(), 2);
    assert!(catalogue.video_states(&[]).await.unwrap().is_empty());
}

pub(super) async fn a_password_has_a_number_that_never_comes_back(catalogue: Catalogue) {
    let a = hall(&catalogue, "a").await;
    let video = recorded(&catalogue, "a").await;
    let without = catalogue.change_video_access(&video.id, visibility(Visibility::Password)).await;
    assert!(matches!(without, Err(Error::Invalid { field: "password", .. })));
    assert_eq!(of_video(&catalogue, &video.id).await.visibility, Visibility::Public, "all or nothing");
    assert!(Password::shared("short".into()).is_err());
    let hash = |text: &str| Some(Some(Password::shared(text.to_owned()).unwrap().hash().unwrap()));
    let with = AccessChange { password: hash("sésame"), ..visibility(Visibility::Password) };
    catalogue.change_video_access(&video.id, with).await.unwrap();
    let (stored, version) = catalogue.video_password(&video.id).await.unwrap().unwrap();
    assert!(stored.verify("sésame"));
    assert_eq!((version, of_video(&catalogue, &video.id).await.password_version), (1, Some(1)));
    let again = AccessChange { password: hash("sésame"), ..AccessChange::default() };
    catalogue.change_video_access(&video.id, again).await.unwrap();
    assert_eq!(catalogue.video_password(&video.id).await.unwrap().unwrap().1, 2);
    let emptied = AccessChange { password: Some(None), ..AccessChange::default() };
    assert!(catalogue.change_video_access(&video.id, emptied.clone()).await.is_err(), "it would be open to nobody");
    let emptied = AccessChange { visibility: Some(Visibility::Draft), ..emptied };
    catalogue.change_video_access(&video.id, emptied).await.unwrap();
    assert!(catalogue.video_password(&video.id).await.unwrap().is_none());

    let with = AccessChange { password: hash("ouvre-toi"), ..visibility(Visibility::Password) };
    catalogue.change_broadcaster_access(&a.id, with).await.unwrap();
    assert_eq!(catalogue.broadcaster_password(&a.id).await.unwrap().unwrap().1, 1);
    let recorded = recorded(&catalogue, "a").await;
    let (stored, _) = catalogue.video_password(&recorded.id).await.unwrap().unwrap();
    assert!(stored.verify("ouvre-toi"), "the recording has the live's");
}

pub(super) async fn who_owns_a_video_and_which_groups_see_it(catalogue: Catalogue) {
    hall(&catalogue, "a").await;
    let video = recorded(&catalogue, "a").await;
    let hash = Password::random().unwrap().hash().unwrap();
    let zoe = catalogue.add_person(NewPerson::new("zoe", Role::Contributor), &hash, at(1)).await.unwrap();
    let owned = AccessChange {
        owners: Some(BTreeSet::from([zoe.id.clone()])),
        downloadable: Some(true),
        ..AccessChange::default()
    };
    catalogue.change_video_access(&video.id, owned).await.unwrap();
    let state = of_video(&catalogue, &video.id).await;
    assert_eq!((state.owners, state.downloadable), (BTreeSet::from([zoe.id.to_string()]), true));
    let nobody =
        AccessChange { owners: Some(BTreeSet::from([PersonId::random().unwrap()])), ..visibility(Visibility::Draft) };
    assert!(matches!(catalogue.change_video_access(&video.id, nobody).await, Err(Error::NotFound("person"))));
    let unknown = AccessChange {
        audience: Some(BTreeSet::from([Audience::Group("aaaaaaaaaaaaaaaa".into())])),
        ..visibility(Visibility::Groups)
    };
    assert!(matches!(catalogue.change_video_access(&video.id, unknown).await, Err(Error::NotFound("group"))));
    let state = of_video(&catalogue, &video.id).await;
    assert_eq!((state.owners.len(), state.visibility), (1, Visibility::Public), "all or nothing");
    let unowned = AccessChange { owners: Some(BTreeSet::new()), ..AccessChange::default() };
    catalogue.change_video_access(&video.id, unowned).await.unwrap();
    assert!(of_video(&catalogue, &video.id).await.owners.is_empty());
}

pub(super) async fn links_open_until_revoked_or_expired(catalogue: Catalogue) {
    hall(&catalogue, "a").await;
    let video = recorded(&catalogue, "a").await;
    let (link, token) = catalogue.add_link(&video.id, "jury", at(100_000), at(1)).await.unwrap();
    assert_eq!((link.label.as_str(), link.expires_at, link.revoked_at), ("jury", at(100_000), None));
    let proof = |revoked| Proof::Link { object: video.id.to_string(), expires_at: at(100_000), revoked };
    assert_eq!(catalogue.find_link(&token).await.unwrap(), Some(proof(false)));
    catalogue.revoke_link(&video.id, &link.id, at(5)).await.unwrap();
    catalogue.revoke_link(&video.id, &link.id, at(6)).await.unwrap();
    assert_eq!(catalogue.find_link(&token).await.unwrap(), Some(proof(true)));
    assert_eq!(catalogue.links(&video.id).await.unwrap()[0].revoked_at, Some(at(5)));
    for wrong in ["", "x", &"y".repeat(52)] {
        assert_eq!(catalogue.find_link(&LinkToken::new(wrong.to_owned())).await.unwrap(), None);
    }
    for bad in [at(1), at(0), at(400 * 24 * 3_600_000)] {
        let refused = catalogue.add_link(&video.id, "x", bad, at(1)).await;
        assert!(matches!(refused, Err(Error::Invalid { field: "expires", .. })));
    }
    let other = VideoId::random().unwrap();
    assert!(matches!(catalogue.add_link(&other, "x", at(9), at(1)).await, Err(Error::NotFound("video"))));
    assert!(matches!(catalogue.revoke_link(&other, &link.id, at(9)).await, Err(Error::NotFound("link"))));
}

pub(super) async fn signing_keys_are_replaced_while_they_are_good(catalogue: Catalogue) {
    let day = i64::try_from(signing::REPLACED_AFTER.as_millis()).unwrap();
    let first = catalogue.signing_keys(at(0)).await.unwrap();
    assert_eq!(catalogue.signing_keys(at(day - 1)).await.unwrap(), first);
    let second = catalogue.signing_keys(at(day)).await.unwrap();
    assert_eq!((second.len(), second[1] == first[0]), (2, true), "the old one is still believed");
    assert_ne!(second[0].reveal(), first[0].reveal());
    assert_eq!(second[0].reveal().len(), 52);
    assert!(!format!("{second:?}").contains(std::str::from_utf8(second[0].reveal()).unwrap()));
    let third = catalogue.signing_keys(at(3 * day)).await.unwrap();
    assert_eq!(third.len(), 2, "the first is forgotten");
    assert_eq!(third[1], second[0]);
}

pub(super) async fn the_audit_log_is_read_newest_first(catalogue: Catalogue) {
    let zoe = Actor::Person("zoe".into());
    catalogue.note(&zoe, "video.access", "v1", "visibility: public → groups", at(1)).await.unwrap();
    catalogue.note(&Actor::CommandLine, "person.add", "p1", &"x\n".repeat(600), at(2)).await.unwrap();
    catalogue.note(&Actor::Token("t".into()), "broadcaster.delete", "b1", "", at(3)).await.unwrap();
    let log = catalogue.audit_log(9).await.unwrap();
    let acts: Vec<&str> = log.iter().map(|entry| entry.act.as_str()).collect();
    assert_eq!(acts, ["broadcaster.delete", "person.add", "video.access"]);
    assert_eq!((&log[2].actor, log[2].detail.as_str()), (&zoe, "visibility: public → groups"));
    assert_eq!((log[1].detail.len(), log[1].detail.contains('\n')), (500, false));
    assert_eq!(catalogue.audit_log(1).await.unwrap().len(), 1);
    let after = async |entry: &Entry, act: Option<&str>| {
        let filter =
            AuditFilter { before: Some(entry.id.clone()), act: act.map(str::to_owned), limit: 9, ..Default::default() };
        let found = catalogue.audit_entries(&filter).await.unwrap();
        found.into_iter().map(|entry| entry.act).collect::<Vec<_>>()
    };
    assert_eq!(after(&log[0], None).await, ["person.add", "video.access"]);
    assert_eq!(after(&log[0], Some("video.access")).await, ["video.access"]);
    assert!(after(&log[2], None).await.is_empty());
    // At the same moment, each is still listed once.
    for n in 0..5 {
        catalogue.note(&zoe, "same.moment", &n.to_string(), "", at(9)).await.unwrap();
    }
    let same = catalogue.audit_log(5).await.unwrap();
    for (n, entry) in same.iter().enumerate() {
        assert_eq!(after(entry, Some("same.moment")).await.len(), 4 - n);
    }
    assert_eq!(
        catalogue.audited_acts().await.unwrap(),
        ["broadcaster.delete", "person.add", "same.moment", "video.access"]
    );
}
