//! What an export does to the table, and what it leaves alone.

use futures::TryStreamExt;
use kollect_sink_core::{Change, ErrorKind, Listing, Scope, Sink};

use super::fixture::{Database, apply, at, claim, claim_for, reconcile, row, rows, scope};

#[tokio::test(flavor = "multi_thread")]
async fn a_full_state_then_changes_are_what_the_table_holds() {
    let database = Database::create();
    let (sink, scope) = (database.sink(), scope());
    assert_eq!(sink.checkpoint(&scope).await.unwrap(), None);
    let held = claim(&sink, &scope).await.unwrap();
    let before = [row("a", r#"{"v":1}"#), row("b", r#"{"v":1}"#), row("c", r#"{"v":1}"#)];
    let full = reconcile(&sink, &scope, &held, &before).await.unwrap();
    assert_eq!((full.written, full.removed, full.rejected.count), (3, 0, 0));
    let after = [row("a", r#"{"v":1}"#), row("c", r#"{"v":2}"#), row("d", r#"{"v":1}"#)];
    let changes = vec![
        Change::Remove(before[1].identity().clone()),
        Change::Upsert(after[1].clone()),
        Change::Upsert(after[2].clone()),
    ];
    let delta = apply(&sink, &scope, &full.reached, changes.clone(), &after).await.unwrap();
    assert_eq!((delta.written, delta.removed), (2, 1));
    assert_eq!(database.names(), ["|web|a", "|web|c", "|web|d"]);
    let columns = "SELECT cluster, inventory_namespace, inventory_name, target_namespace, target_name, source_uid, \
                   resource_namespace, resource_name, api_group, api_version, kind, payload->'attributes', \
                   length(digest), exported_at AT TIME ZONE 'UTC' FROM inventory WHERE source_uid = 'c'";
    assert_eq!(
        database.psql(columns),
        "|team|web|team|web|c|shop|c|apps|v1|Deployment|{\"v\": 2}|16|2026-11-21 10:00:00.123"
    );
    // A replay finds the target reached, and a delta from elsewhere is refused.
    let replay = apply(&sink, &scope, &full.reached, changes.clone(), &after).await.unwrap();
    assert_eq!((replay.written, replay.removed, replay.reached), (0, 0, delta.reached.clone()));
    let stale = apply(&sink, &scope, &held, changes, &after).await.unwrap_err();
    assert_eq!(stale.kind(), ErrorKind::StaleBase);
    assert_eq!(sink.checkpoint(&scope).await.unwrap(), Some(delta.reached));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_with_nothing_changed_writes_no_row() {
    let database = Database::create();
    let (sink, scope, rows) = (database.sink(), scope(), rows(3_000, "a"));
    let held = claim(&sink, &scope).await.unwrap();
    reconcile(&sink, &scope, &held, &rows).await.unwrap();
    let versions = "SELECT md5(string_agg(xmin::text || source_uid, ',' ORDER BY source_uid)) FROM inventory";
    let before = database.psql(versions);
    let again = database.sink();
    let held = claim(&again, &scope).await.unwrap();
    assert_eq!(held.epoch, 2);
    let receipt = reconcile(&again, &scope, &held, &rows).await.unwrap();
    assert_eq!((receipt.written, receipt.removed), (0, 0));
    assert_eq!(database.psql(versions), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn large_changes_take_each_way_in_and_end_the_same() {
    let database = Database::create();
    let (sink, scope) = (database.sink(), scope());
    let mut held = claim(&sink, &scope).await.unwrap();
    // By COPY into the empty table, by COPY and merge, by arrays, and by deletion alone.
    for (count, value) in [(25_000, "a"), (25_000, "b"), (25_100, "b"), (10, "b"), (0, "")] {
        let rows = rows(count, value);
        held = reconcile(&sink, &scope, &held, &rows).await.unwrap().reached;
        let sql = "SELECT count(*), count(DISTINCT payload->'attributes'->'image') FROM inventory";
        assert_eq!(database.psql(sql), format!("{count}|{}", if count == 0 { 0 } else { 1 }));
        if count > 0 {
            let last =
                "SELECT payload->'attributes'->>'image' FROM inventory ORDER BY source_uid DESC LIMIT 1";
            assert_eq!(database.psql(last), value);
        }
        let listed: Vec<_> = sink.list(&scope, Listing::Recomputed).try_concat().await.unwrap();
        assert_eq!(listed.len(), count);
        assert!(listed.iter().zip(&rows).all(|(held, row)| held.digest == row.digest()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_clusters_two_inventories_and_a_stranger_share_a_table() {
    let database = Database::create();
    let sink = database.sink();
    let scopes =
        [Scope::new("one", "team", "web"), Scope::new("two", "team", "web"), Scope::new("one", "team", "db")];
    let mut held = Vec::new();
    for scope in &scopes {
        let claimed = claim(&sink, scope).await.unwrap();
        held.push(reconcile(&sink, scope, &claimed, &rows(2, "a")).await.unwrap().reached);
    }
    database.psql(
        "INSERT INTO inventory SELECT 'stranger', inventory_namespace, inventory_name, target_namespace, target_name, \
         source_uid, resource_namespace, resource_name, api_group, api_version, kind, payload, digest, exported_at \
         FROM inventory WHERE cluster = 'two'",
    );
    reconcile(&sink, &scopes[0], &held[0], &[]).await.unwrap();
    assert_eq!(
        database.names(),
        [
            "one|db|u0000000",
            "one|db|u0000001",
            "stranger|web|u0000000",
            "stranger|web|u0000001",
            "two|web|u0000000",
            "two|web|u0000001"
        ]
    );
    kollect_sink_core::DeleteReconcile::retire(&sink, &scopes[1], &held[1]).await.unwrap();
    assert_eq!(database.psql("SELECT count(*) FROM inventory WHERE cluster = 'two'"), "0");
    let left = sink.checkpoint(&scopes[1]).await.unwrap().unwrap();
    assert_eq!((left.writer.as_str(), left.rows, left.epoch), ("", 0, 1));
    assert_eq!(database.psql("SELECT count(*) FROM inventory"), "4");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_was_replaced_gets_a_full_pass() {
    let database = Database::create();
    let (sink, scope, rows) = (database.sink(), scope(), rows(5, "a"));
    let held = claim(&sink, &scope).await.unwrap();
    let full = reconcile(&sink, &scope, &held, &rows).await.unwrap();
    for replace in [
        "DROP TABLE inventory",
        "CREATE TABLE other (LIKE inventory INCLUDING ALL); DROP TABLE inventory; \
                    ALTER TABLE other RENAME TO inventory",
    ] {
        database.psql(replace);
        let seen = sink.checkpoint(&scope).await.unwrap().unwrap();
        assert_eq!((seen.writer.as_str(), seen.epoch, seen.digest), ("kollect", 1, None));
        let base = sink.checkpoint(&scope).await.unwrap().unwrap();
        let base = kollect_sink_core::Checkpoint { digest: full.reached.digest, ..base };
        let stale = apply(&sink, &scope, &base, Vec::new(), &rows).await.unwrap_err();
        assert_eq!(stale.kind(), ErrorKind::StaleBase, "{}", stale.chain());
        let repaired = reconcile(&sink, &scope, &base, &rows).await.unwrap();
        assert_eq!(repaired.written, 5);
        assert_eq!(sink.checkpoint(&scope).await.unwrap(), Some(repaired.reached));
        assert_eq!(database.names().len(), 5);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_claims_at_once_on_an_empty_database_one_wins() {
    let database = Database::create();
    let scope = scope();
    let sinks: Vec<_> = (0..6).map(|_| database.sink()).collect();
    let claims = sinks.iter().map(|sink| sink.claim(&scope, claim_for("kollect", 0)));
    let results = futures::future::join_all(claims).await;
    let won: Vec<_> = results.iter().flatten().collect();
    assert_eq!(won.len(), 1, "{results:?}");
    assert_eq!((won[0].epoch, won[0].exported_at), (1, at()));
    assert!(
        results
            .iter()
            .flat_map(|result| result.as_ref().err())
            .all(|error| error.kind() == ErrorKind::Fenced)
    );
    let foreign = sinks[0].claim(&scope, claim_for("another", 1)).await.unwrap_err();
    assert_eq!(foreign.kind(), ErrorKind::ForeignWriter);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edited_row_is_found_by_recomputing_and_by_that_alone() {
    let database = Database::create();
    let (sink, scope, rows) = (database.sink(), scope(), rows(3, "a"));
    let held = claim(&sink, &scope).await.unwrap();
    reconcile(&sink, &scope, &held, &rows).await.unwrap();
    let edit = "UPDATE inventory SET payload = jsonb_set(payload, '{attributes,image}', '\"x\"') \
                WHERE source_uid = 'u0000001'";
    database.psql(edit);
    let differing = async |listing| {
        let held: Vec<_> = sink.list(&scope, listing).try_concat().await.unwrap();
        let differ = held.iter().zip(&rows).filter(|(held, row)| held.digest != row.digest());
        differ.map(|(held, _)| held.key.uid.to_string()).collect::<Vec<_>>()
    };
    assert!(differing(Listing::Recorded).await.is_empty());
    assert_eq!(differing(Listing::Recomputed).await, ["u0000001"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_garbled_checkpoint_costs_a_full_pass_and_no_epoch() {
    let database = Database::create();
    let (sink, scope, rows) = (database.sink(), scope(), rows(3, "a"));
    let held = claim(&sink, &scope).await.unwrap();
    let reached = reconcile(&sink, &scope, &held, &rows).await.unwrap().reached;
    for garble in ["unknown = '{\"x\": 1}'", "shape = 'x'", "digest = 'short'", "row_count = -1"] {
        database.psql(&format!("UPDATE kollect_checkpoints SET {garble}"));
        let seen = sink.checkpoint(&scope).await.unwrap().unwrap();
        assert_eq!((seen.writer, seen.epoch, seen.digest), (reached.writer.clone(), 1, None), "{garble}");
        let receipt = reconcile(&sink, &scope, &reached, &rows).await.unwrap();
        assert_eq!((receipt.written, receipt.removed), (0, 0));
        assert!(sink.checkpoint(&scope).await.unwrap().unwrap().digest.is_some());
    }
}
