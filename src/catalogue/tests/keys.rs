//! Stream keys.

use super::super::id::KeyId;
use super::{Catalogue, at, hall};
use crate::catalogue::Error;
use crate::policy::state::Visibility;
use crate::policy::who::Role;
use media::ingest::StreamKey;

async fn opens(catalogue: &Catalogue, slug: Option<&str>, key: &StreamKey) -> Option<String> {
    catalogue.find_by_key(slug, key, at(10)).await.unwrap().map(|broadcaster| broadcaster.slug.to_string())
}

pub(super) async fn open_their_own_broadcaster_only(catalogue: Catalogue) {
    let (a, b) = (hall(&catalogue, "a").await, hall(&catalogue, "b").await);
    let (_, first) = catalogue.add_key(&a.id, "OBS", at(2)).await.unwrap();
    let (_, second) = catalogue.add_key(&a.id, "box", at(3)).await.unwrap();
    let (_, other) = catalogue.add_key(&b.id, "box", at(4)).await.unwrap();
    for key in [&first, &second] {
        assert_eq!(opens(&catalogue, Some("a"), key).await.as_deref(), Some("a"));
        assert_eq!(opens(&catalogue, None, key).await.as_deref(), Some("a"), "a key alone names its broadcaster");
        assert_eq!(opens(&catalogue, Some("b"), key).await, None);
        assert_eq!(opens(&catalogue, Some("unknown"), key).await, None);
    }
    assert_eq!(opens(&catalogue, None, &other).await.as_deref(), Some("b"));
    for wrong in ["", "x", "demo", &first.reveal()[..31], &first.reveal().to_uppercase(), &"x".repeat(1 << 20)] {
        assert_eq!(opens(&catalogue, Some("a"), &StreamKey::new(wrong.to_owned())).await, None);
        assert_eq!(opens(&catalogue, None, &StreamKey::new(wrong.to_owned())).await, None);
    }
    let chosen = catalogue.add_known_key(&b.id, "old box", &first, at(5)).await.unwrap_err();
    assert!(matches!(chosen, Error::Taken("stream key")), "{chosen}");
}

pub(super) async fn rotation_revokes_all_others(catalogue: Catalogue) {
    let (a, b) = (hall(&catalogue, "a").await, hall(&catalogue, "b").await);
    let (old, old_key) = catalogue.add_key(&a.id, "OBS", at(2)).await.unwrap();
    let (_, others_key) = catalogue.add_key(&b.id, "OBS", at(2)).await.unwrap();
    let (new, new_key) = catalogue.rotate_key(&a.id, "OBS", at(3)).await.unwrap();
    assert_eq!(opens(&catalogue, Some("a"), &old_key).await, None);
    assert_eq!(opens(&catalogue, Some("a"), &new_key).await.as_deref(), Some("a"));
    assert_eq!(opens(&catalogue, Some("b"), &others_key).await.as_deref(), Some("b"));
    let keys = catalogue.keys(&a.id).await.unwrap();
    assert_eq!(keys.iter().map(|key| &key.id).collect::<Vec<_>>(), [&new.id, &old.id], "newest first");
    assert_eq!((keys[0].revoked_at, keys[1].revoked_at), (None, Some(at(3))));

    assert!(matches!(catalogue.revoke_key(&b.id, &new.id, at(4)).await, Err(Error::NotFound(_))), "not b's");
    catalogue.revoke_key(&a.id, &new.id, at(4)).await.unwrap();
    catalogue.revoke_key(&a.id, &new.id, at(9)).await.unwrap();
    assert_eq!(catalogue.keys(&a.id).await.unwrap()[0].revoked_at, Some(at(4)), "the first time counts");
    assert_eq!(opens(&catalogue, None, &new_key).await, None);
    let unknown = catalogue.revoke_key(&a.id, &KeyId::random().unwrap(), at(4)).await;
    assert!(matches!(unknown, Err(Error::NotFound(_))));
}

pub(super) async fn a_removed_broadcasters_keys_open_nothing(catalogue: Catalogue) {
    let a = hall(&catalogue, "a").await;
    let demo = StreamKey::new("demo".into());
    catalogue.add_known_key(&a.id, "x", &demo, at(2)).await.unwrap();
    catalogue.remove_broadcaster(&a.id, at(3)).await.unwrap();
    assert_eq!(opens(&catalogue, None, &demo).await, None);
    assert!(matches!(catalogue.add_key(&a.id, "x", at(4)).await, Err(Error::NotFound(_))));
    assert!(matches!(catalogue.rotate_key(&a.id, "x", at(4)).await, Err(Error::NotFound(_))));
    let again = hall(&catalogue, "a").await;
    catalogue.add_known_key(&again.id, "x", &demo, at(5)).await.unwrap();
    assert_eq!(opens(&catalogue, Some("a"), &demo).await.as_deref(), Some("a"));
}

pub(super) async fn last_use_is_kept_to_the_minute(catalogue: Catalogue) {
    let a = hall(&catalogue, "a").await;
    let (_, key) = catalogue.add_key(&a.id, "x", at(2)).await.unwrap();
    for (now, kept) in [(5_000, 5_000), (64_999, 5_000), (65_000, 65_000)] {
        assert!(catalogue.find_by_key(Some("a"), &key, at(now)).await.unwrap().is_some());
        assert_eq!(catalogue.keys(&a.id).await.unwrap()[0].last_used_at, Some(at(kept)));
    }
    catalogue.find_by_key(Some("b"), &key, at(900_000)).await.unwrap();
    assert_eq!(catalogue.keys(&a.id).await.unwrap()[0].last_used_at, Some(at(65_000)), "a refusal is no use");
}

pub(super) async fn the_demo_is_made_once(catalogue: Catalogue) {
    let password = catalogue.add_demo(at(1)).await.unwrap().expect("printed the first time");
    assert!(catalogue.add_demo(at(2)).await.unwrap().is_none());
    let demo = StreamKey::new("demo".into());
    assert_eq!(opens(&catalogue, Some("demo"), &demo).await.as_deref(), Some("demo"));
    assert_eq!(opens(&catalogue, None, &demo).await.as_deref(), Some("demo"));
    assert_eq!(catalogue.broadcasters().await.unwrap().len(), 1);
    let (id, hash) = catalogue.password_of("admin").await.unwrap().unwrap();
    assert!(hash.verify(password.reveal()));
    assert_eq!(catalogue.person(&id).await.unwrap().unwrap().role, Role::Administrator);
    let (_, state) = catalogue.broadcaster_state(&"demo".parse().unwrap()).await.unwrap().unwrap();
    assert_eq!((state.visibility, state.open_figures), (Visibility::Public, true), "everybody watches the demo");
}
