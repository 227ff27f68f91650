//! Tables that somebody else made.

use futures::TryStreamExt;
use kollect_sink_core::{Change, ErrorKind, Fencing, Listing, Sink};
use kollect_sink_postgres::{Provisioning, Settings};

use super::fixture::{Database, apply, claim, open, reconcile, row, row_of, rows, scope};

const PLAIN: &str = "CREATE TABLE inventory (cluster text, inventory_namespace text, inventory_name varchar(253), \
    target_name text, source_uid text, payload jsonb, exported_at timestamptz, note text DEFAULT 'mine', \
    UNIQUE (cluster, inventory_namespace, inventory_name, target_name, source_uid))";

fn existing(database: &Database) -> Settings {
    Settings { provisioning: Provisioning::Existing, ..database.settings() }
}

/// The SQL that an error tells people to run.
fn advice(error: &kollect_sink_core::Error) -> String {
    let message = error.to_string();
    message.split_once("run:\n").unwrap_or_else(|| panic!("no SQL in {message}")).1.to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_without_digests_and_checkpoints_is_used_as_it_is() {
    let database = Database::create();
    database.psql(PLAIN);
    let tables = "SELECT string_agg(relname || relnatts, ',' ORDER BY relname) FROM pg_class WHERE relkind IN ('r', 'i') \
                  AND relnamespace = 'public'::regnamespace";
    let before = database.psql(tables);
    let (sink, scope) = (open(existing(&database)), scope());
    assert_eq!(sink.capabilities().fencing, Fencing::None);
    let held = claim(&sink, &scope).await.unwrap();
    let mut all = rows(2_500, "a");
    let full = reconcile(&sink, &scope, &held, &all).await.unwrap();
    assert_eq!(full.written, 2_500);
    all[7] = row("u0000007", r#"{"image":"b"}"#);
    let gone = all.remove(9);
    let changes = vec![Change::Upsert(all[7].clone()), Change::Remove(gone.identity().clone())];
    let delta = apply(&sink, &scope, &full.reached, changes, &all).await.unwrap();
    assert_eq!((delta.written, delta.removed), (1, 1));
    // A start has forgotten the checkpoint; the full pass that follows compares payloads and writes none.
    let again = open(existing(&database));
    assert_eq!(again.checkpoint(&scope).await.unwrap(), None);
    let held = claim(&again, &scope).await.unwrap();
    let full = reconcile(&again, &scope, &held, &all).await.unwrap();
    assert_eq!((full.written, full.removed), (0, 0));
    let listed: Vec<_> = again.list(&scope, Listing::Recorded).try_concat().await.unwrap();
    assert_eq!(listed.len(), 2_499);
    assert!(
        listed.iter().zip(&all).all(|(held, row)| {
            held.digest == row.digest() && held.partition == row.identity().partition()
        })
    );
    assert_eq!(database.psql("SELECT DISTINCT note FROM inventory"), "mine");
    assert_eq!(database.psql(tables), before);
    kollect_sink_core::DeleteReconcile::retire(&again, &scope, &full.reached).await.unwrap();
    assert_eq!(database.psql("SELECT count(*) FROM inventory"), "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_json_column_and_a_table_for_checkpoints_are_used_where_they_are() {
    let database = Database::create();
    database.psql(&PLAIN.replace("jsonb", "json"));
    let ensured = Settings { table: "other".into(), ..database.settings() };
    claim(&open(ensured), &scope()).await.unwrap();
    let (sink, scope, rows) = (open(existing(&database)), scope(), rows(20, "a"));
    let held = claim(&sink, &scope).await.unwrap();
    let reached = reconcile(&sink, &scope, &held, &rows).await.unwrap().reached;
    let again = open(existing(&database));
    assert_eq!(again.checkpoint(&scope).await.unwrap(), Some(reached));
    let held = claim(&again, &scope).await.unwrap();
    let receipt = reconcile(&again, &scope, &held, &rows).await.unwrap();
    assert_eq!((held.epoch, receipt.written), (2, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_table_is_asked_for_in_sql_that_works() {
    let database = Database::create();
    let (sink, scope) = (open(existing(&database)), scope());
    let error = claim(&sink, &scope).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert_eq!(database.psql("SELECT count(*) FROM pg_class WHERE relname = 'inventory'"), "0");
    database.psql(&advice(&error));
    let held = claim(&sink, &scope).await.unwrap();
    assert_eq!(reconcile(&sink, &scope, &held, &rows(3, "a")).await.unwrap().written, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_column_and_a_missing_key_are_asked_for_in_sql_that_works() {
    let database = Database::create();
    database.psql("CREATE TABLE inventory (cluster text, inventory_namespace text, inventory_name text, source_uid text)");
    let (sink, scope) = (open(existing(&database)), scope());
    for expected in ["target_name", "UNIQUE INDEX"] {
        let error = claim(&sink, &scope).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Mismatch);
        assert!(advice(&error).contains(expected), "{error}");
        database.psql(&advice(&error));
    }
    let held = claim(&sink, &scope).await.unwrap();
    assert_eq!(reconcile(&sink, &scope, &held, &rows(3, "a")).await.unwrap().written, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_table_without_cluster_is_refused_until_its_migration_ran() {
    let database = Database::create();
    database.psql(
        "CREATE TABLE inventory (inventory_namespace text, inventory_name text, target_name text, source_uid text, \
         payload jsonb, exported_at timestamptz, \
         PRIMARY KEY (inventory_namespace, inventory_name, target_name, source_uid)); \
         INSERT INTO inventory VALUES ('team', 'web', 'web', 'old', '{}', now()), ('b', 'b', 'b', 'b', '{}', now())",
    );
    let scope = kollect_sink_core::Scope::new("it's", "team", "web");
    let sink = database.sink();
    let error = claim(&sink, &scope).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Mismatch);
    assert_eq!(database.psql("SELECT count(*) FROM inventory"), "2");
    database.psql(&advice(&error));
    let held = claim(&sink, &scope).await.unwrap();
    let receipt = reconcile(&sink, &scope, &held, &rows(3, "a")).await.unwrap();
    // The scope's own old row goes, as nothing has it any more; the other scope's stays.
    assert_eq!((receipt.written, receipt.removed), (3, 1));
    assert_eq!(database.psql("SELECT count(*), count(digest) FROM inventory"), "4|3");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_a_narrow_key_cannot_tell_apart_do_not_overwrite_each_other() {
    let database = Database::create();
    database.psql(PLAIN);
    let (sink, scope) = (open(existing(&database)), scope());
    let held = claim(&sink, &scope).await.unwrap();
    let one = row_of("team-a", "web", "u", r#"{"v":1}"#);
    let two = row_of("team-b", "web", "u", r#"{"v":2}"#);
    let both = [one.clone(), two.clone()];
    let receipt = reconcile(&sink, &scope, &held, &both).await.unwrap();
    assert_eq!((receipt.written, receipt.rejected.count), (1, 1));
    assert!(receipt.rejected.rows[0].reason.contains("target_namespace"));
    let read = "SELECT payload->>'targetNamespace', payload->'attributes'->>'v' FROM inventory";
    assert_eq!(database.psql(read), "team-a|1");
    // A change of the one that is not there does not touch the other; its turn comes when that one leaves.
    let changed = row_of("team-b", "web", "u", r#"{"v":3}"#);
    let after = [one.clone(), changed.clone()];
    let delta =
        apply(&sink, &scope, &receipt.reached, vec![Change::Upsert(changed.clone())], &after).await.unwrap();
    assert_eq!((delta.written, delta.rejected.count), (0, 1));
    assert_eq!(database.psql(read), "team-a|1");
    let full = reconcile(&sink, &scope, &delta.reached, &[changed]).await.unwrap();
    assert_eq!((full.written, full.removed), (1, 1));
    assert_eq!(database.psql(read), "team-b|3");
}
