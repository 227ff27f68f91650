//! A million rows in one inventory (ten thousand where the tests are not to run at length): first load, churn and a
//! full pass to Postgres and to Parquet, within a bounded memory. Fields of rows are told elsewhere.

use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::ensure;
use serde_json::json;
use xtask::fixture::{self, etcd};
use xtask::servers::Kube;
use xtask::wait;

use crate::manifests;
use crate::stage::{Stage, full, python, shared_database, turn};

/// For steps that work on all rows, on a machine that does much else.
const LONG: Duration = Duration::from_secs(1800);

/// Memory at most, in KiB.
const LIMIT: u64 = 1 << 20;

/// Objects that change; every seventh, so that they are spread over all.
const CHANGES: usize = 1_000;

/// Prints how many rows the newest Parquet document has, and how many of them a turn other than 0.
const NEWEST: &str = "
import duckdb, glob, os, sys
files = glob.glob(sys.argv[1] + '/**/*.parquet', recursive=True)
query = \"select count(*), count(*) filter (where attr_turn <> '0') from read_parquet(?)\"
if files:
    print(*duckdb.execute(query, [max(files, key=os.path.getmtime)]).fetchall()[0])
";

#[test]
fn a_million_rows_are_held_changed_and_exported_whole_in_bounded_memory() {
    let _turn = turn();
    let count: usize = if full() { 1_000_000 } else { 10_000 };
    let kube = Kube::start_with(fixture::options(fixture::config_maps(count).unwrap())).unwrap();
    let mut stage = Stage::on_kube("million", &kube, shared_database("million"));
    let root = tempfile::tempdir().unwrap();
    stage.arg(format!("--local-root={}", root.path().display()));
    set(&stage);
    stage.start();
    exported(&stage, "true", count);
    wait_document(&stage, root.path().to_str().unwrap(), &format!("{count} 0"));

    let store = etcd::Store::at(&kube.etcd_url()).unwrap();
    for number in (0..CHANGES).map(|change| change * 7) {
        let key = fixture::config_map_key(number);
        let value = store.get(&key).unwrap().unwrap();
        store.put(&key, &value.replace(r#""turn":"0""#, r#""turn":"1""#)).unwrap();
    }
    exported(&stage, "payload->'attributes'->>'turn' = '1'", CHANGES);
    wait_document(&stage, root.path().to_str().unwrap(), &format!("{count} {CHANGES}"));

    stage.patch(
        "kollectinventory",
        "all",
        r#"{"metadata":{"annotations":{"kollect.dev/requestedAt":"now"}}}"#,
    );
    let asked = wait::until("both sinks were passed through whole", LONG, || {
        Ok((stage.log_text().matches("export=Full(Requested").count() >= 2).then_some(()))
    });
    stage.or_fail(asked);
    exported(&stage, "true", count);
    // Each object has its row, and no row is another's.
    let strangers = format!(
        "SELECT count(*) FROM generate_series(0, {count} - 1) AS n FULL JOIN inventory
         ON resource_name = 'map-' || lpad(n::text, 7, '0') AND payload->'attributes'->>'number' = n::text
         WHERE n IS NULL OR resource_name IS NULL"
    );
    assert_eq!(stage.psql().number(&strangers).unwrap(), 0);
    let memory = high_water(&mut stage);
    println!("{count} rows: {} MiB at most", memory >> 10);
    assert!(memory < LIMIT, "{memory} KiB");
    let database = stage.database.clone();
    drop(stage);
    database.drop().unwrap();
}

fn set(stage: &Stage) {
    let platform = &stage.platform;
    stage.apply(&stage.database.secret(platform, "database"));
    let attributes = ["number", "turn", "owner"]
        .map(|name| json!({"name": name, "path": format!("{{.data.{name}}}"), "type": "string"}));
    let spec = json!({"targetGVK": {"version": "v1", "kind": "ConfigMap"}, "attributes": attributes});
    stage.apply(&manifests::kollect("KollectProfile", platform, "maps", spec));
    let spec = json!({"profileRef": "maps", "labelSelector": {"matchLabels": {"load": "yes"}}});
    stage.apply(&manifests::kollect("KollectTarget", platform, "maps", spec));
    stage.apply(&manifests::sink(platform, "db", "inventory", None));
    let spec =
        json!({"type": "local", "endpoint": "documents", "objectStore": {"retention": {"generations": 2}}});
    stage.apply(&manifests::kollect("KollectSnapshotSink", platform, "folder", spec));
    let spec = json!({"databaseSinkRefs": ["db"], "snapshotSinkRefs": ["folder"]});
    stage.apply(&manifests::kollect("KollectInventory", platform, "all", spec));
}

/// Waits until so many rows are as wanted, and every sink holds them.
fn exported(stage: &Stage, wherein: &str, wanted: usize) {
    let query = format!("SELECT count(*) FROM inventory WHERE {wherein}");
    let mut last = None;
    let counted = wait::until(&format!("{wanted} rows where {wherein}"), LONG, || {
        last = stage.psql().number(&query).ok();
        Ok((last == i64::try_from(wanted).ok()).then_some(()))
    });
    stage.or_fail(counted.map_err(|error| error.context(format!("there were last: {last:?}"))));
    let inventory = ["-n", &stage.platform, "kollectinventory", "all"];
    stage.or_fail(stage.kubectl.wait_condition(&inventory, "Synced", "True", LONG));
}

fn wait_document(stage: &Stage, root: &str, wanted: &str) {
    let mut last = String::new();
    let read = wait::until(&format!("the newest document has {wanted}"), LONG, || {
        let output = Command::new(python()).args(["-c", NEWEST, root]).output()?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        last = String::from_utf8(output.stdout)?.trim().to_owned();
        Ok((last == wanted).then_some(()))
    });
    stage.or_fail(read.map_err(|error| error.context(format!("it had last: {last}"))));
}

/// The operator's largest memory so far, in KiB, as the kernel counts it.
fn high_water(stage: &mut Stage) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", stage.operator_pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
