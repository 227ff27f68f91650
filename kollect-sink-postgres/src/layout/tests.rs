//! Tests of the judgement of tables, on tables as the catalog describes them.

use kollect_sink_core::Secret;

use super::*;
use crate::config::Settings;
use crate::existing::Attribute;

fn config(provisioning: Provisioning) -> Config {
    let settings = Settings::new(Secret::new("postgres://u@h/d"), "inventory");
    Config::parse(Settings { provisioning, ..settings }).unwrap()
}

fn table(columns: &[(&str, &str)], key: &[&str]) -> Existing {
    let columns = columns.iter().map(|(name, type_name)| {
        let attribute = Attribute { type_name: (*type_name).into(), not_null: true, fills_itself: false };
        ((*name).to_owned(), attribute)
    });
    let primary = Some("inventory_pkey".to_owned());
    let key = Key { columns: key.iter().map(|name| (*name).to_owned()).collect(), primary };
    let rows = Relation {
        oid: 7,
        kind: "r".into(),
        columns: columns.collect(),
        keys: vec![key],
        ..Relation::default()
    };
    Existing { rows: Some(rows), checkpoints: true, may_stage: true }
}

const REQUIRED: [(&str, &str); 7] = [
    ("inventory_namespace", "text"),
    ("inventory_name", "text"),
    ("target_name", "text"),
    ("source_uid", "text"),
    ("cluster", "text"),
    ("payload", "jsonb"),
    ("exported_at", "timestamp with time zone"),
];

fn whole() -> Vec<(&'static str, &'static str)> {
    let type_of = |holds: crate::columns::Holds| match holds.sql_type() {
        "timestamptz" => "timestamp with time zone",
        other => other,
    };
    COLUMNS.iter().map(|column| (column.name, type_of(column.holds))).collect()
}

fn fits(existing: &Existing, provisioning: Provisioning) -> Layout {
    match Layout::judge(existing, &config(provisioning), "prod").unwrap() {
        Verdict::Fits(layout) => layout,
        Verdict::Wants(statements) => panic!("wants {statements:?}"),
    }
}

fn refused(existing: &Existing, provisioning: Provisioning) -> String {
    match Layout::judge(existing, &config(provisioning), "prod") {
        Err(error) => error.to_string(),
        Ok(_) => panic!("taken"),
    }
}

#[test]
fn our_own_table_is_taken_whole() {
    let layout = fits(&table(&whole(), &WIDE_KEY), Provisioning::Ensure);
    assert!(layout.exact && layout.wide && layout.digests);
    // The order that the primary key has: no sort, and no coalesce that would hide the index.
    assert!(layout.statements.open_recorded.ends_with(
        "ORDER BY held.target_namespace COLLATE \"C\", held.target_name COLLATE \"C\", held.source_uid COLLATE \"C\""
    ));
}

#[test]
fn an_existing_table_needs_the_required_columns_only() {
    let layout = fits(&table(&REQUIRED, &NARROW_KEY), Provisioning::Existing);
    assert!(!layout.exact && !layout.wide && !layout.digests);
    assert!(layout.statements.upsert_arrays.contains("held.payload IS DISTINCT FROM EXCLUDED.payload"));
    assert!(layout.statements.open_recorded.contains("held.payload->>'targetNamespace'"));
}

#[test]
fn each_missing_required_column_is_named_with_its_ddl() {
    for (missing, _) in REQUIRED.iter().filter(|(name, _)| *name != "cluster") {
        let columns: Vec<_> = REQUIRED.into_iter().filter(|(name, _)| name != missing).collect();
        let message = refused(&table(&columns, &NARROW_KEY), Provisioning::Existing);
        assert!(message.contains(&format!("ADD COLUMN IF NOT EXISTS {missing} ")), "{message}");
    }
}

#[test]
fn ensure_adds_optional_columns_and_existing_does_not() {
    let existing = table(&REQUIRED, &NARROW_KEY);
    let Ok(Verdict::Wants(statements)) = Layout::judge(&existing, &config(Provisioning::Ensure), "") else {
        panic!("nothing is wanted");
    };
    let all = statements.join("\n");
    for name in ["target_namespace", "resource_name", "api_group", "kind", "digest"] {
        assert!(all.contains(&format!("ADD COLUMN IF NOT EXISTS {name} ")), "{all}");
    }
    assert!(!all.contains("NOT NULL,\n  digest bytea NOT NULL"));
}

#[test]
fn an_older_key_without_cluster_is_refused_with_the_migration() {
    let old = &NARROW_KEY[1..];
    let columns: Vec<_> = REQUIRED.into_iter().filter(|(name, _)| *name != "cluster").collect();
    for provisioning in [Provisioning::Ensure, Provisioning::Existing] {
        let message = refused(&table(&columns, old), provisioning);
        assert!(message.contains("two clusters would overwrite"), "{message}");
        assert!(message.contains("DEFAULT 'prod'"), "{message}");
        assert!(message.contains(
            "DROP CONSTRAINT \"inventory_pkey\", ADD PRIMARY KEY (cluster, inventory_namespace, inventory_name, \
             target_name, source_uid)"
        ));
    }
}

#[test]
fn a_table_without_a_fitting_key_is_refused_with_the_index_to_make() {
    let message = refused(&table(&REQUIRED, &["source_uid"]), Provisioning::Existing);
    assert!(message.contains("CREATE UNIQUE INDEX ON \"public\".\"inventory\" (cluster, "), "{message}");
}

#[test]
fn a_missing_table_is_made_or_asked_for() {
    let nothing = Existing::default();
    assert!(matches!(
        Layout::judge(&nothing, &config(Provisioning::Ensure), ""),
        Ok(Verdict::Wants(statements)) if statements.len() == 3
    ));
    let message = refused(&nothing, Provisioning::Existing);
    assert!(message.contains("CREATE TABLE IF NOT EXISTS \"public\".\"inventory\""), "{message}");
}

#[test]
fn what_no_insert_could_satisfy_is_refused() {
    let mut columns = whole();
    columns.push(("owner", "text"));
    assert!(refused(&table(&columns, &WIDE_KEY), Provisioning::Ensure).contains("`owner`"));
    let mut columns = whole();
    columns[11] = ("payload", "text");
    assert!(refused(&table(&columns, &WIDE_KEY), Provisioning::Ensure).contains("must be jsonb"));
    let mut view = table(&whole(), &WIDE_KEY);
    view.rows.as_mut().unwrap().kind = "v".into();
    assert!(refused(&view, Provisioning::Existing).contains("is not a table"));
}
