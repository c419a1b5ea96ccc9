//! People and API tokens.

use super::super::access::AccessChange;
use super::super::id::{GroupId, PersonId, TokenId};
use super::super::identity::NewPerson;
use super::super::person::{MOST_FOUND, PersonChange};
use super::super::secret::{ApiToken, Password, PasswordHash};
use super::{Catalogue, at};
use crate::catalogue::Error;
use crate::policy::scope::Scope;
use crate::policy::who::{Buildings, Role};
use std::collections::{BTreeMap, BTreeSet};

fn hash(password: &str) -> PasswordHash {
    Password::new(password.to_owned()).unwrap().hash().unwrap()
}

fn new(login: &str) -> NewPerson {
    NewPerson::new(login, Role::Viewer)
}

pub(super) async fn have_unique_logins_addresses_and_passwords(catalogue: Catalogue) {
    let first = hash("first password");
    let with_mail = NewPerson { mail: Some("Zoe@Uni.example".into()), ..new("Zoe.X@uni") };
    let person = catalogue.add_person(with_mail.clone(), &first, at(7)).await.unwrap();
    assert_eq!((person.login.as_deref(), person.created_at), (Some("zoe.x@uni"), at(7)));
    assert_eq!((person.name.as_str(), person.mail.as_deref()), ("zoe.x@uni", Some("zoe@uni.example")));
    let taken = catalogue.add_person(new("ZOE.X@UNI"), &first, at(8)).await;
    assert!(matches!(taken, Err(Error::Taken("login"))));
    let taken = catalogue.add_person(NewPerson { login: "other".into(), ..with_mail }, &first, at(8)).await;
    assert!(matches!(taken, Err(Error::Taken("mail"))));
    let bad = catalogue.add_person(new("a b"), &first, at(8)).await;
    assert!(matches!(bad, Err(Error::Invalid { field: "login", .. })));
    let bad = catalogue.add_person(NewPerson { mail: Some("nowhere".into()), ..new("x") }, &first, at(8)).await;
    assert!(matches!(bad, Err(Error::Invalid { field: "mail", .. })));

    let (id, stored) = catalogue.password_of(" Zoe.X@uni ").await.unwrap().unwrap();
    assert_eq!(id, person.id);
    assert!(stored.verify("first password"));
    catalogue.set_password(&id, &hash("second password"), None, at(9)).await.unwrap();
    let (_, stored) = catalogue.password_of("zoe.x@uni").await.unwrap().unwrap();
    assert!(stored.verify("second password") && !stored.verify("first password"));
    let nobody = PersonId::random().unwrap();
    assert!(matches!(catalogue.set_password(&nobody, &first, None, at(9)).await, Err(Error::NotFound(_))));
    assert!(catalogue.password_of("' OR 1=1 --").await.unwrap().is_none());
    assert_eq!(catalogue.person_by_mail("ZOE@uni.example").await.unwrap(), Some(person.clone()));
    assert_eq!(catalogue.person_by_login("zoe.x@uni").await.unwrap(), Some(person.clone()));
    assert_eq!(catalogue.people().await.unwrap(), [person], "nothing is left of who was refused");
}

pub(super) async fn are_found_without_case_and_accents(catalogue: Catalogue) {
    let hash = PasswordHash::of_nobody();
    let zoe = NewPerson { name: Some("Zoé Martin".into()), ..new("zm12") };
    catalogue.add_person(zoe, &hash, at(1)).await.unwrap();
    let emile = NewPerson { name: Some("Émile".into()), mail: Some("e.zola@uni.example".into()), ..new("ez") };
    catalogue.add_person(emile, &hash, at(1)).await.unwrap();
    let found = async |typed: &str| -> Vec<String> {
        let (people, more) = catalogue.find_people(typed).await.unwrap();
        assert!(!more);
        people.into_iter().map(|person| person.name).collect()
    };
    assert_eq!(found(" ZOE ").await, ["Zoé Martin"]);
    assert_eq!(found("émi").await, ["Émile"]);
    assert_eq!(found("zm1").await, ["Zoé Martin"]);
    assert_eq!(found("ZOLA@").await, ["Émile"]);
    assert_eq!(found("").await.len(), 2);
    assert!(found("%").await.is_empty() && found("_").await.is_empty());
    for n in 0..MOST_FOUND {
        catalogue.add_person(new(&format!("many{n}")), &hash, at(1)).await.unwrap();
    }
    let (people, more) = catalogue.find_people("").await.unwrap();
    assert_eq!((people.len(), more), (MOST_FOUND, true));
}

pub(super) async fn what_somebody_is_can_be_changed(catalogue: Catalogue) {
    let person = catalogue.add_person(new("zoe"), &hash("first password"), at(1)).await.unwrap();
    let building = catalogue.add_building("Sciences", at(1)).await.unwrap();
    assert!(matches!(catalogue.add_building("Sciences", at(1)).await, Err(Error::Taken("building"))));
    let only = Buildings::Only(BTreeSet::from([building.id.to_string()]));
    let change = PersonChange {
        name: Some("Zoé".into()),
        mail: Some(Some("z@x".into())),
        role: Some(Role::Operator),
        buildings: Some(only.clone()),
        disabled: None,
    };
    let changed = catalogue.change_person(&person.id, change, at(2)).await.unwrap();
    assert_eq!((changed.name.as_str(), changed.role, &changed.buildings), ("Zoé", Role::Operator, &only));
    let standing = catalogue.standing(&person.id).await.unwrap().unwrap();
    assert_eq!((standing.role, standing.buildings), (Role::Operator, only.clone()));

    let nowhere = PersonChange {
        buildings: Some(Buildings::Only(BTreeSet::from(["aaaaaaaaaaaaaaaa".into()]))),
        name: Some("x".into()),
        ..PersonChange::default()
    };
    let refused = catalogue.change_person(&person.id, nowhere, at(3)).await;
    assert!(matches!(refused, Err(Error::NotFound("building"))));
    assert_eq!(catalogue.person(&person.id).await.unwrap(), Some(changed), "all or nothing");

    let none = PersonChange { buildings: Some(Buildings::Only(BTreeSet::new())), ..PersonChange::default() };
    let limited = catalogue.change_person(&person.id, none, at(4)).await.unwrap();
    assert_eq!(limited.buildings, Buildings::Only(BTreeSet::new()), "limited to none is not everywhere");
    let all = PersonChange { buildings: Some(Buildings::All), mail: Some(None), ..PersonChange::default() };
    let freed = catalogue.change_person(&person.id, all, at(5)).await.unwrap();
    assert_eq!((freed.buildings, freed.mail), (Buildings::All, None));

    let disabled = PersonChange { disabled: Some(true), ..PersonChange::default() };
    let off = catalogue.change_person(&person.id, disabled, at(6)).await.unwrap();
    assert_eq!(off.disabled_at, Some(at(6)));
    assert!(catalogue.standing(&person.id).await.unwrap().is_none());
    assert!(catalogue.password_of("zoe").await.unwrap().is_none());
    let enabled = PersonChange { disabled: Some(false), ..PersonChange::default() };
    assert_eq!(catalogue.change_person(&person.id, enabled, at(7)).await.unwrap().disabled_at, None);
}

pub(super) async fn somebody_always_administers(catalogue: Catalogue) {
    let add = async |login: &str| {
        let new = NewPerson::new(login, Role::Administrator);
        catalogue.add_person(new, &hash("first password"), at(1)).await.unwrap().id
    };
    let demoted = PersonChange { role: Some(Role::Viewer), ..PersonChange::default() };
    let disabled = PersonChange { disabled: Some(true), ..PersonChange::default() };
    let (zoe, ada) = (add("zoe").await, add("ada").await);
    let (one, other) = tokio::join!(
        catalogue.change_person(&zoe, demoted.clone(), at(2)),
        catalogue.change_person(&ada, disabled.clone(), at(2))
    );
    assert_eq!(one.is_ok() as u8 + other.is_ok() as u8, 1, "{one:?} {other:?}");
    let (left, refused) = if one.is_ok() { (ada, other) } else { (zoe, one) };
    assert!(matches!(refused, Err(Error::Conflict(_))), "{refused:?}");
    for change in [demoted, disabled] {
        assert!(matches!(catalogue.change_person(&left, change, at(3)).await, Err(Error::Conflict(_))));
    }
    let renamed = PersonChange { name: Some("Ada".into()), role: Some(Role::Administrator), ..PersonChange::default() };
    assert_eq!(catalogue.change_person(&left, renamed, at(4)).await.unwrap().name, "Ada");
}

pub(super) async fn groups_and_affiliations_are_what_was_said_last(catalogue: Catalogue) {
    let person = catalogue.add_person(new("zoe"), &hash("first password"), at(1)).await.unwrap();
    let one = catalogue.add_group("L1", at(1)).await.unwrap();
    let two = catalogue.add_group("L2", at(1)).await.unwrap();
    assert!(matches!(catalogue.add_group("L1", at(1)).await, Err(Error::Taken("group"))));
    assert_eq!(catalogue.groups().await.unwrap(), [one.clone(), two.clone()]);
    let groups = async || catalogue.standing(&person.id).await.unwrap().unwrap().groups;
    catalogue.set_groups(&person.id, &BTreeSet::from([one.id.clone(), two.id.clone()])).await.unwrap();
    assert_eq!(groups().await.len(), 2);
    assert_eq!(catalogue.group_sizes().await.unwrap(), BTreeMap::from([(one.id.clone(), 1), (two.id.clone(), 1)]));
    catalogue.set_groups(&person.id, &BTreeSet::from([two.id.clone()])).await.unwrap();
    assert_eq!(groups().await, BTreeSet::from([two.id.to_string()]));
    assert_eq!(catalogue.groups_by_hand(&person.id).await.unwrap(), BTreeSet::from([two.id.clone()]));
    assert_eq!(catalogue.group_sizes().await.unwrap(), BTreeMap::from([(two.id.clone(), 1)]));
    let unknown = BTreeSet::from([GroupId::random().unwrap()]);
    assert!(matches!(catalogue.set_groups(&person.id, &unknown).await, Err(Error::NotFound("group"))));
    catalogue.remove_group(&two.id).await.unwrap();
    assert!(groups().await.is_empty());
    assert!(matches!(catalogue.remove_group(&two.id).await, Err(Error::NotFound("group"))));

    let said = BTreeSet::from([" Student ".to_owned(), "member".to_owned()]);
    catalogue.set_affiliations(&person.id, &said).await.unwrap();
    let standing = catalogue.standing(&person.id).await.unwrap().unwrap();
    assert_eq!(standing.affiliations, BTreeSet::from(["member".to_owned(), "student".to_owned()]));
    let bad = BTreeSet::from(["a b".to_owned()]);
    assert!(matches!(catalogue.set_affiliations(&person.id, &bad).await, Err(Error::Invalid { .. })));
    assert_eq!(catalogue.standing(&person.id).await.unwrap().unwrap().affiliations.len(), 2, "all or nothing");
    catalogue.set_affiliations(&person.id, &BTreeSet::new()).await.unwrap();
    assert!(catalogue.standing(&person.id).await.unwrap().unwrap().affiliations.is_empty());
}

pub(super) async fn tokens_are_found_until_revoked_or_expired(catalogue: Catalogue) {
    let scopes = BTreeSet::from([Scope::VideosWrite, Scope::LivesWrite]);
    let (info, token) = catalogue.add_token("script", &scopes, Some(at(100)), at(1)).await.unwrap();
    assert_eq!((info.label.as_str(), &info.scopes, info.expires_at), ("script", &scopes, Some(at(100))));
    let found = catalogue.find_token(&token, at(99)).await.unwrap().unwrap();
    assert_eq!((found.id, found.scopes), (info.id.clone(), scopes.clone()));
    assert_eq!(catalogue.tokens().await.unwrap()[0].last_used_at, Some(at(99)));
    assert_eq!(catalogue.find_token(&token, at(100)).await.unwrap(), None, "expired");

    let (forever, token) = catalogue.add_token("script", &scopes, None, at(2)).await.unwrap();
    assert!(catalogue.find_token(&token, at(i64::from(u32::MAX))).await.unwrap().is_some());
    catalogue.revoke_token(&forever.id, at(3)).await.unwrap();
    assert_eq!(catalogue.find_token(&token, at(4)).await.unwrap(), None, "revoked");
    let ids: Vec<TokenId> = catalogue.tokens().await.unwrap().into_iter().map(|token| token.id).collect();
    assert_eq!(ids, [forever.id, info.id], "newest first, revoked and expired ones too");

    for wrong in ["", "amphi_", token.reveal().trim_start_matches("amphi_")] {
        assert_eq!(catalogue.find_token(&ApiToken::new(wrong.to_owned()), at(1)).await.unwrap(), None);
    }
    let none = catalogue.add_token("x", &BTreeSet::new(), None, at(1)).await;
    assert!(matches!(none, Err(Error::Invalid { field: "scopes", .. })));
    let past = catalogue.add_token("x", &scopes, Some(at(1)), at(1)).await;
    assert!(matches!(past, Err(Error::Invalid { field: "expires", .. })));
    assert!(matches!(catalogue.revoke_token(&TokenId::random().unwrap(), at(1)).await, Err(Error::NotFound(_))));
}

pub(super) async fn a_building_is_renamed_and_removed_when_nothing_is_in_it(catalogue: Catalogue) {
    let north = catalogue.add_building("North", at(1)).await.unwrap();
    let south = catalogue.add_building("South", at(1)).await.unwrap();
    assert!(matches!(catalogue.rename_building(&north.id, "South").await, Err(Error::Taken("building"))));
    assert!(matches!(catalogue.rename_building(&north.id, " ").await, Err(Error::Invalid { field: "title", .. })));
    assert_eq!(catalogue.rename_building(&north.id, "North wing").await.unwrap().title, "North wing");
    assert_eq!(catalogue.building(&north.id).await.unwrap().unwrap().title, "North wing");

    let hall = super::hall(&catalogue, "hall").await;
    let put = AccessChange { building: Some(Some(north.id.clone())), ..AccessChange::default() };
    catalogue.change_broadcaster_access(&hall.id, put).await.unwrap();
    let person = catalogue.add_person(new("paul"), &PasswordHash::of_nobody(), at(1)).await.unwrap();
    let only = Some(Buildings::Only(BTreeSet::from([north.id.to_string(), south.id.to_string()])));
    let limited = PersonChange { role: Some(Role::Operator), buildings: only, ..PersonChange::default() };
    catalogue.change_person(&person.id, limited, at(2)).await.unwrap();
    let inside = catalogue.inside_building(&north.id).await.unwrap();
    assert_eq!((inside.named().as_str(), inside.is_empty()), ("hall; paul", false));
    assert!(matches!(catalogue.remove_building(&north.id).await, Err(Error::Conflict(_))));
    catalogue.remove_broadcaster(&hall.id, at(3)).await.unwrap();
    assert!(matches!(catalogue.remove_building(&north.id).await, Err(Error::Conflict(_))), "paul still is");
    let viewer = PersonChange { role: Some(Role::Viewer), ..PersonChange::default() };
    catalogue.change_person(&person.id, viewer, at(4)).await.unwrap();
    assert!(catalogue.inside_building(&north.id).await.unwrap().is_empty());
    catalogue.remove_building(&north.id).await.unwrap();
    assert!(matches!(catalogue.remove_building(&north.id).await, Err(Error::NotFound("building"))));
    assert!(matches!(catalogue.rename_building(&north.id, "x").await, Err(Error::NotFound("building"))));
    assert_eq!(catalogue.buildings().await.unwrap(), [south]);
}
