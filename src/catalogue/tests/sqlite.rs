//! SQLite's settings, seen from outside.

use super::super::database::Database;
use super::{Catalogue, at, hall};
use crate::policy::scope::Scope;
use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt as _;

#[tokio::test]
async fn a_second_process_reads_what_was_written_and_may_not_break_references() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("catalogue.sqlite");
    let catalogue = Catalogue::open(&format!("sqlite:{}", path.display())).await.unwrap();
    assert_eq!(catalogue.pending_migrations().await.unwrap(), super::MIGRATIONS);
    catalogue.migrate().await.unwrap();
    let a = hall(&catalogue, "a").await;
    assert!(folder.path().join("catalogue.sqlite-wal").exists(), "write-ahead log");

    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?} holds secrets", entry.file_name());
    }

    let second = Catalogue::open(path.to_str().unwrap()).await.unwrap();
    assert_eq!(second.broadcasters().await.unwrap(), std::slice::from_ref(&a));
    second.remove_broadcaster(&a.id, at(2)).await.unwrap();
    assert!(catalogue.broadcasters().await.unwrap().is_empty());

    let orphan = catalogue
        .statement(
            "INSERT INTO stream_keys (tenant_id, id, broadcaster_id, key_sha256, key_lookup, label, created_ms) \
             VALUES ($1, 'aaaaaaaaaaaaaaaa', 'nobody', $2, 'aaaaaaaa', 'x', 0)",
        )
        .bind("a".repeat(64));
    let refused = catalogue.database.execute(orphan).await.unwrap_err().to_string();
    assert!(refused.contains("FOREIGN KEY"), "{refused}");
}

#[tokio::test]
async fn a_catalogue_that_cannot_be_written_still_lets_people_publish() {
    let folder = tempfile::tempdir().unwrap();
    let catalogue = Catalogue::open(folder.path().join("c.sqlite").to_str().unwrap()).await.unwrap();
    catalogue.migrate().await.unwrap();
    let a = hall(&catalogue, "a").await;
    let (_, key) = catalogue.add_key(&a.id, "x", at(1)).await.unwrap();
    let (_, token) = catalogue.add_token("x", &BTreeSet::from([Scope::LivesWrite]), None, at(1)).await.unwrap();
    let Database::Sqlite(pool) = &catalogue.database else { panic!("not SQLite") };
    for table in ["stream_keys", "api_tokens"] {
        let full = format!(
            "CREATE TRIGGER full_{table} BEFORE UPDATE ON {table} BEGIN SELECT RAISE(FAIL, 'disk is full'); END"
        );
        sqlx::raw_sql(sqlx::AssertSqlSafe(full)).execute(pool).await.unwrap();
    }
    assert_eq!(catalogue.find_by_key(Some("a"), &key, at(2)).await.unwrap(), Some(a.clone()));
    assert!(catalogue.find_token(&token, at(2)).await.unwrap().is_some());
    assert_eq!(catalogue.keys(&a.id).await.unwrap()[0].last_used_at, None, "the trigger really refused");
    assert!(catalogue.rotate_key(&a.id, "x", at(3)).await.is_err());
    assert_eq!(catalogue.keys(&a.id).await.unwrap().len(), 1, "half a rotation is undone");
}

#[tokio::test]
async fn every_connection_is_durable_and_keeps_references() {
    let folder = tempfile::tempdir().unwrap();
    let catalogue = Catalogue::open(folder.path().join("c.sqlite").to_str().unwrap()).await.unwrap();
    let Database::Sqlite(pool) = &catalogue.database else { panic!("not SQLite") };
    // Held at once, so that each is another connection.
    let mut connections = Vec::new();
    for _ in 0..3 {
        connections.push(pool.acquire().await.unwrap());
    }
    for connection in &mut connections {
        for (pragma, value) in [("PRAGMA synchronous", 2), ("PRAGMA foreign_keys", 1), ("PRAGMA busy_timeout", 5_000)] {
            let got: i64 = sqlx::query_scalar(pragma).fetch_one(&mut **connection).await.unwrap();
            assert_eq!(got, value, "{pragma}");
        }
        let mode: String = sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut **connection).await.unwrap();
        assert_eq!(mode, "wal");
    }
}
