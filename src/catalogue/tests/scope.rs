//! Every row belongs to a tenant and every statement is scoped by it.

use super::super::broadcaster::BroadcasterChange;
use super::super::secret::Password;
use super::super::token::Scope;
use super::super::video::{Finished, NewVideo, VideoChange, VideoFilter};
use super::{Catalogue, Tenant, at, hall};
use crate::catalogue::Error;
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
    ours.add_user("admin", &hash, at(1)).await.unwrap();
    let (token_info, token) = ours.add_token("x", &BTreeSet::from([Scope::VideosWrite]), None, at(1)).await.unwrap();

    let theirs = ours.of(Tenant::other("elsewhere"));
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
    assert!(theirs.users().await.unwrap().is_empty());
    assert!(theirs.user_by_login("admin").await.unwrap().is_none());
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
        theirs.update_video(&video.id, VideoChange::default()).await.err(),
        theirs.delete_video(&video.id, at(2)).await.err(),
        theirs.restore_video(&video.id).await.err(),
        theirs.set_password("admin", &hash).await.err(),
        theirs.revoke_token(&token_info.id, at(2)).await.err(),
    ];
    for (n, error) in refused.iter().enumerate() {
        assert!(matches!(error, Some(Error::NotFound(_))), "number {n}: {error:?}");
    }
    assert_eq!(ours.broadcaster(&a.id).await.unwrap(), Some(a));
    assert_eq!(ours.video(&video.id).await.unwrap(), Some(video));
    assert!(ours.find_by_key(None, &key, at(3)).await.unwrap().is_some());
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

/// Nothing else than these may be asked without a tenant: the schema's own state, and whether the database answers.
const UNSCOPED: [&str; 3] = [" FROM sqlite_master ", " FROM pg_tables ", " FROM _sqlx_migrations"];

fn scoped(statement: &str) -> bool {
    if statement.starts_with("INSERT ") {
        return statement.contains("(tenant_id, ");
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
            if statement == "UPDATE broadcasters SET tenant_id = $1" || statement == "UPDATE videos SET tenant_id = $1"
            {
                assert!(source.contains("\" WHERE tenant_id = $1 AND deleted_ms IS NULL AND id = \""));
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
