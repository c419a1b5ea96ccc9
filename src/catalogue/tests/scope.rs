//! Every row belongs to a tenant and every statement is scoped by it.

use super::super::access::AccessChange;
use super::super::audit::Actor;
use super::super::broadcaster::{BroadcasterChange, NewBroadcaster};
use super::super::details::DetailsChange;
use super::super::identity::NewPerson;
use super::super::person::PersonChange;
use super::super::recordings::BroadcasterDetailsChange;
use super::super::secret::Password;
use super::super::video::{Finished, NewVideo, VideoFilter};
use super::{Catalogue, Tenant, at, hall};
use crate::catalogue::Error;
use crate::policy::scope::Scope;
use crate::policy::who::{Audience, Role};
use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

pub(super) async fn another_tenant_sees_and_changes_nothing(ours: Catalogue) {
    let a = hall(&ours, "a").await;
    let (key_info, key) = ours.add_key(&a.id, "x", at(1)).await.unwrap();
    let new =
        NewVideo { broadcaster_id: a.id.clone(), title: None, started_at: at(1), first_msn: 0, first_discontinuity: 0 };
    let video = ours.begin_video(new.clone()).await.unwrap();
    let hash = Password::random().unwrap().hash().unwrap();
    let admin = ours.add_person(NewPerson::new("admin", Role::Administrator), &hash, at(1)).await.unwrap();
    let (session, cookie) = ours.begin_session(&admin.id, "x", at(1)).await.unwrap();
    let reset = ours.begin_reset(&admin.id, at(1)).await.unwrap();
    let group = ours.add_group("x", at(1)).await.unwrap();
    let building = ours.add_building("x", at(1)).await.unwrap();
    let (link, shared) = ours.add_link(&video.id, "x", at(9_000), at(1)).await.unwrap();
    ours.set_groups(&admin.id, &BTreeSet::from([group.id.clone()])).await.unwrap();
    ours.note(&Actor::CommandLine, "x.y", "", "", at(1)).await.unwrap();
    let signing = ours.signing_keys(at(1)).await.unwrap();
    let (token_info, token) = ours.add_token("x", &BTreeSet::from([Scope::VideosWrite]), None, at(1)).await.unwrap();

    let theirs = ours.of(Tenant::other("elsewhere"));
    // A statement has to name its tenant; this one makes it.
    let add =
        theirs.statement("INSERT INTO tenants (id, title, created_ms) VALUES ($1, 'its tenant_id is elsewhere', 0)");
    theirs.database.execute(add).await.unwrap();
    let everything = VideoFilter { broadcaster: None, listed_only: false, limit: 9, cursor: None };
    assert!(theirs.broadcasters().await.unwrap().is_empty());
    assert!(theirs.broadcaster(&a.id).await.unwrap().is_none());
    assert!(theirs.broadcaster_by_slug(&a.slug).await.unwrap().is_none());
    assert!(theirs.keys(&a.id).await.unwrap().is_empty());
    assert!(theirs.find_by_key(None, &key, at(2)).await.unwrap().is_none());
    assert!(theirs.find_by_key(Some("a"), &key, at(2)).await.unwrap().is_none());
    assert!(theirs.video(&video.id).await.unwrap().is_none());
    assert!(theirs.videos(everything).await.unwrap().items.is_empty());
    assert!(theirs.unfinished_videos().await.unwrap().is_empty());
    assert!(theirs.people().await.unwrap().is_empty() && theirs.find_people("").await.unwrap().0.is_empty());
    assert!(
        theirs.group_sizes().await.unwrap().is_empty() && theirs.groups_by_hand(&admin.id).await.unwrap().is_empty()
    );
    assert!(theirs.password_of("admin").await.unwrap().is_none());
    assert!(theirs.standing(&admin.id).await.unwrap().is_none());
    assert!(theirs.find_session(&cookie, at(2)).await.unwrap().is_none());
    assert!(theirs.sessions(&admin.id, at(2)).await.unwrap().is_empty());
    assert!(theirs.find_reset(&reset, at(2)).await.unwrap().is_none());
    assert!(theirs.groups().await.unwrap().is_empty() && theirs.buildings().await.unwrap().is_empty());
    assert!(theirs.broadcaster_state(&a.slug).await.unwrap().is_none());
    assert!(theirs.broadcaster_states().await.unwrap().is_empty());
    assert!(theirs.video_state(&video.id).await.unwrap().is_none());
    assert!(theirs.details(&video.id).await.unwrap().is_none());
    assert!(theirs.broadcaster_details(&a.id).await.unwrap().is_none());
    assert!(theirs.videos_to_claim(9).await.unwrap().items.is_empty());
    assert!(theirs.links(&video.id).await.unwrap().is_empty());
    assert!(theirs.find_link(&shared).await.unwrap().is_none());
    assert!(theirs.audit_log(9).await.unwrap().is_empty());
    assert_ne!(theirs.signing_keys(at(1)).await.unwrap(), signing, "what one tenant signs is nothing to another");
    theirs.end_session(&admin.id, &session.id).await.unwrap();
    theirs.forget_expired(at(i64::MAX / 2_000)).await.unwrap();
    assert!(theirs.tokens().await.unwrap().is_empty());
    assert!(theirs.find_token(&token, at(2)).await.unwrap().is_none());

    let finished = Finished {
        ended_at: at(2),
        duration: Duration::ZERO,
        listed: true,
        ladder: false,
        next_msn: 9,
        next_discontinuity: 9,
    };
    let refused = [
        theirs.update_broadcaster(&a.id, BroadcasterChange::default()).await.err(),
        theirs.remove_broadcaster(&a.id, at(2)).await.err(),
        theirs.add_key(&a.id, "x", at(2)).await.err(),
        theirs.rotate_key(&a.id, "x", at(2)).await.err(),
        theirs.revoke_key(&a.id, &key_info.id, at(2)).await.err(),
        theirs.begin_video(new).await.err(),
        theirs.finish_video(&video.id, finished).await.err(),
        theirs.change_details(&video.id, DetailsChange::default()).await.err(),
        theirs.delete_video(&video.id, at(2)).await.err(),
        theirs.restore_video(&video.id).await.err(),
        theirs.set_password(&admin.id, &hash, None, at(2)).await.err(),
        theirs.change_person(&admin.id, PersonChange::default(), at(2)).await.err(),
        theirs.set_groups(&admin.id, &BTreeSet::new()).await.err(),
        theirs.set_affiliations(&admin.id, &BTreeSet::from(["staff".to_owned()])).await.err(),
        theirs.begin_session(&admin.id, "x", at(2)).await.err(),
        theirs.begin_reset(&admin.id, at(2)).await.err(),
        theirs.use_reset(&reset, &hash, at(2)).await.err(),
        theirs.remove_group(&group.id).await.err(),
        theirs.change_video_access(&video.id, AccessChange::default()).await.err(),
        theirs.change_broadcaster_access(&a.id, AccessChange::default()).await.err(),
        theirs.add_link(&video.id, "x", at(9_000), at(2)).await.err(),
        theirs.revoke_link(&video.id, &link.id, at(2)).await.err(),
        theirs.revoke_token(&token_info.id, at(2)).await.err(),
        theirs.change_details(&video.id, DetailsChange::default()).await.err(),
        theirs.change_broadcaster_details(&a.id, BroadcasterDetailsChange::default()).await.err(),
        theirs.claim_video(&video.id, &admin.id).await.err(),
    ];
    for (n, error) in refused.iter().enumerate() {
        assert!(matches!(error, Some(Error::NotFound(_))), "number {n}: {error:?}");
    }
    assert_eq!(ours.broadcaster(&a.id).await.unwrap(), Some(a));
    assert_eq!(ours.video(&video.id).await.unwrap(), Some(video));
    assert!(ours.find_by_key(None, &key, at(3)).await.unwrap().is_some());
    assert_eq!(
        ours.find_session(&cookie, at(3)).await.unwrap().map(|session| session.person_id),
        Some(admin.id.clone())
    );

    // Nor may what is ours refer to what is theirs.
    let foreign = AccessChange {
        audience: Some(BTreeSet::from([Audience::Group(group.id.to_string())])),
        ..AccessChange::default()
    };
    let hall = theirs.add_broadcaster(NewBroadcaster::new("b".parse().unwrap(), "b"), at(1)).await.unwrap();
    let refused = theirs.change_broadcaster_access(&hall.id, foreign).await;
    assert!(matches!(refused, Err(Error::NotFound("group"))));
    assert!(theirs.building(&building.id).await.unwrap().is_none());
    assert!(matches!(theirs.rename_building(&building.id, "y").await, Err(Error::NotFound("building"))));
    assert!(matches!(theirs.remove_building(&building.id).await, Err(Error::NotFound("building"))));
    let foreign = AccessChange { building: Some(Some(building.id)), ..AccessChange::default() };
    let refused = theirs.change_broadcaster_access(&hall.id, foreign).await;
    assert!(matches!(refused, Err(Error::NotFound("building"))));
}

/// The string literals of a Rust source that begin like a statement, with their line continuations joined.
fn statements(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = source;
    while let Some(start) = rest.find('"') {
        let mut text = String::new();
        let mut chars = rest[start + 1..].char_indices();
        let mut end = rest.len();
        while let Some((n, c)) = chars.next() {
            match c {
                '\\' => text.extend(chars.next().map(|(_, c)| c)),
                '"' => {
                    end = start + 1 + n + 1;
                    break;
                }
                c => text.push(c),
            }
        }
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if ["SELECT ", "INSERT ", "UPDATE ", "DELETE "].iter().any(|verb| words.starts_with(verb)) {
            found.push(words);
        }
        rest = &rest[end..];
    }
    found
}

/// Nothing else than these may be asked without a tenant: the schema's own state, whether the database answers, and which tenants there are.
const UNSCOPED: [&str; 5] = [
    " FROM sqlite_master ",
    " FROM pg_tables ",
    " FROM _sqlx_migrations",
    " FROM tenants t LEFT JOIN tenant_hosts h ",
    "INSERT INTO tenants ",
];

fn scoped(statement: &str) -> bool {
    if statement.starts_with("INSERT ") {
        return statement.contains("(tenant_id, ");
    }
    // The tenant's own line.
    if statement == "UPDATE tenants" || statement.ends_with(" FROM tenants WHERE id = $1") {
        return true;
    }
    // Every table that is read or written, sub-selects included, is held to the tenant.
    let tables = statement.split_whitespace().filter(|word| *word == "WHERE").count();
    let held = statement.matches("tenant_id = $1").count();
    tables > 0 && held >= tables
}

#[test]
fn no_statement_lacks_the_tenant() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/catalogue");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let source = std::fs::read_to_string(&path).unwrap();
        for mut statement in statements(&source) {
            // An UPDATE that is composed names its WHERE later on in the same function.
            if statement.starts_with("UPDATE ") && statement.ends_with(" SET tenant_id = $1") {
                assert!(source.contains("\" WHERE tenant_id = $1 AND "), "{}: {statement}", path.display());
                statement.push_str(" WHERE tenant_id = $1");
            }
            let exempt =
                UNSCOPED.iter().any(|table| statement.contains(table)) || statement == "SELECT COUNT(*) FROM tenants";
            assert!(exempt || scoped(&statement), "{}: not scoped by its tenant: {statement}", path.display());
            seen += 1;
        }
    }
    assert!(seen >= 25, "only {seen} statements were found: the search is broken");
}

#[test]
fn the_search_for_unscoped_statements_finds_them() {
    let bad = r#" x("SELECT id FROM videos WHERE id = $1"); y("UPDATE videos \
        SET title = 'a\"b'"); "#;
    let found = statements(bad);
    assert_eq!(found, ["SELECT id FROM videos WHERE id = $1", "UPDATE videos SET title = 'a\"b'"]);
    assert!(found.iter().all(|statement| !scoped(statement)));
    assert!(!scoped("UPDATE b SET x = 1 WHERE tenant_id = $1 AND id = (SELECT id FROM videos WHERE id = $2)"));
}
