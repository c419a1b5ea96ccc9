//! Users and API tokens.

use super::super::id::TokenId;
use super::super::secret::{ApiToken, Password};
use super::super::token::Scope;
use super::{Catalogue, at};
use crate::catalogue::Error;
use std::collections::BTreeSet;

pub(super) async fn users_have_unique_logins_and_passwords(catalogue: Catalogue) {
    let hash = Password::new("first password".into()).unwrap().hash().unwrap();
    let user = catalogue.add_user("Zoé.x@uni".replace('é', "e").as_str(), &hash, at(7)).await.unwrap();
    assert_eq!((user.login.as_str(), user.created_at), ("zoe.x@uni", at(7)));
    assert!(matches!(catalogue.add_user("ZOE.X@UNI", &hash, at(8)).await, Err(Error::Taken("login"))));
    assert!(matches!(catalogue.add_user("a b", &hash, at(8)).await, Err(Error::Invalid { field: "login", .. })));
    let (found, stored) = catalogue.user_by_login(" Zoe.X@uni ").await.unwrap().unwrap();
    assert_eq!(found, user);
    assert!(stored.verify("first password"));
    let second = Password::new("second password".into()).unwrap().hash().unwrap();
    catalogue.set_password("zoe.x@uni", &second).await.unwrap();
    let (_, stored) = catalogue.user_by_login("zoe.x@uni").await.unwrap().unwrap();
    assert!(stored.verify("second password") && !stored.verify("first password"));
    assert!(matches!(catalogue.set_password("nobody", &second).await, Err(Error::NotFound(_))));
    assert!(catalogue.user_by_login("' OR 1=1 --").await.unwrap().is_none());
    assert_eq!(catalogue.users().await.unwrap(), [user]);
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
