//! Rows that the server refuses, and their neighbours.

use kollect_sink_core::{Change, Row, Sink};

use super::fixture::{Database, apply, claim, reconcile, row, rows, scope};

/// Rows that `jsonb` refuses, each for another reason, by the order of their uids.
fn refused() -> Vec<Row> {
    let deep = format!(r#"{{"v":{}1{}}}"#, "[".repeat(50_000), "]".repeat(50_000));
    vec![
        row("u0000100x-nul", r#"{"v":"a\u0000b"}"#),
        row("u0000200x-surrogate", r#"{"v":"\ud800"}"#),
        row("u0000300x-number", r#"{"v":1e999999}"#),
        row("u0000400x-deep", &deep),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_with_a_nul_character_is_refused_alone() {
    let database = Database::create();
    let (sink, scope) = (database.sink(), scope());
    let held = claim(&sink, &scope).await.unwrap();
    let all = [row("a", "{}"), row("b", r#"{"v":"\u0000"}"#), row("c", "{}"), row("d", r#"{"v":"\\u0000"}"#)];
    let receipt = reconcile(&sink, &scope, &held, &all).await.unwrap();
    assert_eq!((receipt.written, receipt.rejected.count), (3, 1));
    assert_eq!(receipt.rejected.rows[0].object, "Deployment shop/b");
    assert!(receipt.rejected.rows[0].reason.contains("NUL"));
    assert_eq!(database.names(), ["|web|a", "|web|c", "|web|d"]);
    let stored = sink.checkpoint(&scope).await.unwrap().unwrap();
    assert_eq!((stored.rows, stored.rejected.count), (4, 1));
    assert_eq!(stored.rejected.example.as_deref(), Some("team/web/b"));
    assert!(stored.digest.is_some());
    // The next change goes on from there.
    let after = [row("a", r#"{"v":2}"#), all[1].clone(), all[2].clone(), all[3].clone()];
    let delta = apply(&sink, &scope, &stored, vec![Change::Upsert(after[0].clone())], &after).await.unwrap();
    assert_eq!((delta.written, delta.rejected.count), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_refused_row_is_found_in_a_large_batch_whichever_way_it_takes() {
    let database = Database::create();
    let (sink, scope) = (database.sink(), scope());
    let mut held = claim(&sink, &scope).await.unwrap();
    // First by COPY into the empty table, then by COPY and merge.
    for value in ["a", "b"] {
        let mut all = rows(5_000, value);
        all.extend(refused());
        all.sort_by(|left, right| left.key().cmp(&right.key()));
        let receipt = reconcile(&sink, &scope, &held, &all).await.unwrap();
        let names: Vec<_> = receipt.rejected.rows.iter().map(|row| row.key.uid.to_string()).collect();
        let expected: Vec<_> = refused().iter().map(|row| row.key().uid.to_owned()).collect();
        // The NUL is seen before anything is sent, hence first; the others come in their order.
        assert_eq!(names, expected, "{:?}", receipt.rejected.rows);
        assert_eq!((receipt.written, receipt.rejected.count), (5_000, 4));
        assert_eq!(database.psql("SELECT count(*) FROM inventory"), "5000");
        held = receipt.reached;
        assert_eq!(held.rejected.count, 4);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_constraint_of_the_users_own_refuses_single_rows() {
    let database = Database::create();
    let (sink, scope) = (database.sink(), scope());
    let held = claim(&sink, &scope).await.unwrap();
    database.psql("ALTER TABLE inventory ADD CHECK (resource_name <> 'u0000002')");
    let receipt = reconcile(&sink, &scope, &held, &rows(4, "canary")).await.unwrap();
    assert_eq!((receipt.written, receipt.rejected.count), (3, 1));
    assert!(receipt.rejected.rows[0].reason.contains("constraint"));
    assert!(!receipt.rejected.rows[0].reason.contains("canary"));
    assert_eq!(database.names(), ["|web|u0000000", "|web|u0000001", "|web|u0000003"]);
}
