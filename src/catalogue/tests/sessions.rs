//! Sessions, and links to a new password.

use super::super::id::SessionId;
use super::super::identity::NewPerson;
use super::super::person::{Person, PersonChange};
use super::super::secret::{Password, PasswordHash, ResetToken, SessionToken};
use super::super::{reset, session};
use super::{Catalogue, at};
use crate::catalogue::Error;
use crate::policy::who::Role;

const DAY_MS: i64 = 24 * 3_600_000;

fn hash() -> PasswordHash {
    Password::random().unwrap().hash().unwrap()
}

async fn zoe(catalogue: &Catalogue) -> Person {
    catalogue.add_person(NewPerson::new("zoe", Role::Viewer), &hash(), at(1)).await.unwrap()
}

pub(super) async fn hold_until_they_end_expire_or_are_unused(catalogue: Catalogue) {
    let person = zoe(&catalogue).await;
    let agent = format!("Firefox\r\n{}", "x".repeat(900));
    let (session, token) = catalogue.begin_session(&person.id, &agent, at(0)).await.unwrap();
    assert_eq!((session.user_agent.len(), session.user_agent.contains('\n')), (200, false));
    let (other, _) = catalogue.begin_session(&person.id, "Chromium", at(5)).await.unwrap();
    let holds = async |now| catalogue.find_session(&token, at(now)).await.unwrap().map(|session| session.person_id);
    assert_eq!(holds(10).await, Some(person.id.clone()));
    let seen = async || catalogue.sessions(&person.id, at(299_999)).await.unwrap()[1].seen_at;
    holds(299_999).await;
    assert_eq!(seen().await, at(0), "to five minutes");
    for day in 1..30 {
        assert!(holds(day * DAY_MS).await.is_some(), "it is used every day: {day}");
    }
    assert_eq!(session::LONGEST.as_millis(), 30 * 24 * 3_600_000);
    assert_eq!(holds(30 * DAY_MS).await, None, "at the latest");
    assert!(catalogue.sessions(&person.id, at(29 * DAY_MS)).await.unwrap().iter().all(|held| held.id != other.id));

    let (third, unused) = catalogue.begin_session(&person.id, "x", at(0)).await.unwrap();
    assert!(catalogue.find_session(&unused, at(7 * DAY_MS)).await.unwrap().is_none(), "not used for a week");
    let (_, ended) = catalogue.begin_session(&person.id, "x", at(0)).await.unwrap();
    let (kept, kept_token) = catalogue.begin_session(&person.id, "x", at(0)).await.unwrap();
    catalogue.end_session(&person.id, &third.id).await.unwrap();
    catalogue.end_session(&person.id, &SessionId::random().unwrap()).await.unwrap();
    catalogue.end_other_sessions(&person.id, &kept.id).await.unwrap();
    assert!(catalogue.find_session(&ended, at(1)).await.unwrap().is_none());
    assert!(catalogue.find_session(&kept_token, at(1)).await.unwrap().is_some());
    catalogue.forget_expired(at(8 * DAY_MS)).await.unwrap();
    assert!(catalogue.find_session(&kept_token, at(1)).await.unwrap().is_none(), "forgotten");
    for wrong in ["", "x", &"y".repeat(52)] {
        let found = catalogue.find_session(&SessionToken::new(wrong.to_owned()), at(1)).await.unwrap();
        assert_eq!(found, None);
    }
}

pub(super) async fn end_with_a_new_password_or_a_disabled_account(catalogue: Catalogue) {
    let person = zoe(&catalogue).await;
    let (here, here_token) = catalogue.begin_session(&person.id, "x", at(1)).await.unwrap();
    let (_, there) = catalogue.begin_session(&person.id, "x", at(1)).await.unwrap();
    let reset = catalogue.begin_reset(&person.id, at(1)).await.unwrap();
    catalogue.set_password(&person.id, &hash(), Some(&here.id), at(2)).await.unwrap();
    assert!(catalogue.find_session(&here_token, at(3)).await.unwrap().is_some(), "where it was changed");
    assert!(catalogue.find_session(&there, at(3)).await.unwrap().is_none());
    assert!(catalogue.find_reset(&reset, at(3)).await.unwrap().is_none(), "a link that somebody may have read");

    let disable = PersonChange { disabled: Some(true), ..PersonChange::default() };
    catalogue.change_person(&person.id, disable, at(4)).await.unwrap();
    assert!(catalogue.find_session(&here_token, at(5)).await.unwrap().is_none());
    assert!(matches!(catalogue.begin_session(&person.id, "x", at(5)).await, Err(Error::NotFound(_))));
    assert!(matches!(catalogue.begin_reset(&person.id, at(5)).await, Err(Error::NotFound(_))));
}

pub(super) async fn a_link_to_a_new_password_is_used_once(catalogue: Catalogue) {
    let person = zoe(&catalogue).await;
    let (_, session) = catalogue.begin_session(&person.id, "x", at(1)).await.unwrap();
    let lives = i64::try_from(reset::LONGEST.as_millis()).unwrap();
    let late = catalogue.begin_reset(&person.id, at(0)).await.unwrap();
    assert!(catalogue.find_reset(&late, at(lives - 1)).await.unwrap().is_some());
    assert!(catalogue.find_reset(&late, at(lives)).await.unwrap().is_none());
    let (one, two) = (
        catalogue.begin_reset(&person.id, at(1)).await.unwrap(),
        catalogue.begin_reset(&person.id, at(2)).await.unwrap(),
    );
    let password = Password::new("brand new password".into()).unwrap();
    let used = catalogue.use_reset(&one, &password.hash().unwrap(), at(3)).await.unwrap();
    assert_eq!(used, person.id);
    let (_, stored) = catalogue.password_of("zoe").await.unwrap().unwrap();
    assert!(stored.verify("brand new password"));
    assert!(catalogue.find_session(&session, at(3)).await.unwrap().is_none(), "whoever was in is out");
    for worthless in [&one, &two, &ResetToken::new("x".repeat(52))] {
        assert!(matches!(catalogue.use_reset(worthless, &hash(), at(4)).await, Err(Error::NotFound(_))));
    }
}
