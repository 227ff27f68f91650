//! Names and values that look like SQL. They are names and values.

use serde_json::json;

use crate::manifests::{self, COLLECT, kollect};
use crate::stage::Stage;

const DROP: &str = "DROP TABLE victim; --";

#[test]
fn what_looks_like_a_statement_is_stored_as_it_is() {
    let mut stage = Stage::set("statements");
    stage.psql().run("CREATE TABLE victim AS SELECT 1 AS one").unwrap();
    let attribute = format!("color'); {DROP}");
    let attributes = json!([{"name": attribute, "path": "{.data.color}", "type": "string"},
        {"name": "plain\"; ", "path": "{.metadata.name}"}]);
    let spec = json!({"targetGVK": {"version": "v1", "kind": "ConfigMap"}, "attributes": attributes});
    stage.apply(&kollect("KollectProfile", &stage.platform, "colors", spec));
    stage.apply(&manifests::target(&stage.platform, "colors", "colors", &stage.story));
    let table = format!("inventory\"; {DROP}");
    stage.apply(&manifests::sink(&stage.platform, "db", &table, None));
    let mut schema = manifests::sink(&stage.platform, "schema", "inventory", None);
    schema["spec"]["postgres"]["schema"] = json!(format!("public\"; {DROP}"));
    stage.apply(&schema);
    stage.apply(&manifests::inventory(&stage.platform, "all", &["db"]));
    let value = format!("red'); {DROP}");
    let mut object = manifests::config_map(&stage.apps, "a", &value);
    object["metadata"]["labels"] = json!({COLLECT.0: COLLECT.1});
    stage.apply(&object);
    for cluster in [format!("x'; {DROP}"), "x\"".to_string()] {
        let sink = manifests::sink(&stage.platform, "clustered", "inventory", Some(&cluster));
        let refused = stage.kubectl.run_with(&["create", "-f", "-"], &sink.to_string()).unwrap_err();
        assert!(format!("{refused:#}").contains("spec.cluster"), "{refused:#}");
    }
    stage.start();
    stage.wait_condition("kollectinventory", "all", "Synced", "True");
    let quoted = format!("\"{}\"", table.replace('"', "\"\""));
    let rows =
        stage.psql().rows(&format!("SELECT payload->'attributes' AS attributes FROM {quoted}")).unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0]["attributes"][&attribute], json!(value));
    let said = stage.wait_reason("kollectdatabasesink", "schema", "Degraded", "ConnectionTestFailed");
    let missing = format!(
        "authorise: cannot make the tables (or set provisioning to existing): schema \"public\"; {DROP}\" does not exist \
         (SQLSTATE 3F000)"
    );
    assert_eq!(said, missing);
    stage.remove("kollectinventory", "all");
    assert_eq!(stage.psql().number(&format!("SELECT count(*) FROM {quoted}")).unwrap(), 0);
    assert_eq!(stage.psql().number("SELECT count(*) FROM victim").unwrap(), 1);
}
