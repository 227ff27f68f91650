//! A database sink alone: a first full pass, a small change, and nothing to do, beside the same work by hand in
//! psql. Rows come from memory: neither a cluster nor an operator runs.

use std::future::Future;
use std::io::Write;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use futures::{StreamExt, stream};
use jiff::Timestamp;
use kollect_sink_core::item::write_item;
use kollect_sink_core::{
    AddressPolicy, Change, Checkpoint, Claim, ClaimMode, Complete, DeleteReconcile, Delta, Identity, Origin,
    Projection, Row, Scope, ScopeDigest, Secret, Sink, Target, Writer,
};
use kollect_sink_postgres::{Config, Postgres, Settings, Tls};

use super::report::Report;
use crate::e2e::database::Database;
use crate::servers;

const ROWS: usize = 100_000;
const CHANGES: usize = 100;
const ROUNDS: usize = 60;
/// Bytes of attributes of each row, as the design budgets them.
const ATTRIBUTES: usize = 300;

const FULL: &str = "sink/postgres/full-100k";
const DELTA: &str = "sink/postgres/delta-100";
const UNCHANGED: &str = "sink/postgres/unchanged";

/// What the sink's full pass is compared with: COPY into a stage, and a merge from there.
const MERGE: &str = "CREATE TABLE plain (LIKE inventory INCLUDING ALL);
\\timing on
BEGIN;
CREATE TEMPORARY TABLE stage (LIKE inventory) ON COMMIT DROP;
COPY stage FROM STDIN;
";
const MERGE_END: &str = "\\.
INSERT INTO plain SELECT * FROM stage ON CONFLICT (cluster, inventory_namespace, inventory_name, target_namespace,
  target_name, source_uid) DO UPDATE SET payload = EXCLUDED.payload, digest = EXCLUDED.digest;
COMMIT;
";

/// What the sink's small step is compared with, around its rows.
const STEP: &str = "BEGIN;
SELECT * FROM kollect_checkpoints WHERE inventory_name = 'all' FOR UPDATE;
INSERT INTO plain AS held SELECT 'bench', 'platform', 'all', 'platform', 'deployments', sent.source_uid, sent.namespace,
  sent.name, 'apps', 'v1', 'Deployment', sent.payload::jsonb, decode(sent.digest, 'hex'), now() FROM (VALUES ";
const STEP_END: &str = ") AS sent(source_uid, namespace, name, payload, digest)
  ON CONFLICT (cluster, inventory_namespace, inventory_name, target_namespace, target_name, source_uid)
  DO UPDATE SET resource_namespace = EXCLUDED.resource_namespace, resource_name = EXCLUDED.resource_name,
  api_group = EXCLUDED.api_group, api_version = EXCLUDED.api_version, kind = EXCLUDED.kind,
  payload = EXCLUDED.payload, digest = EXCLUDED.digest, exported_at = EXCLUDED.exported_at
  WHERE held.digest IS DISTINCT FROM EXCLUDED.digest;
UPDATE kollect_checkpoints SET exported_at = now() WHERE inventory_name = 'all';
COMMIT;
";
/// Statements of one step.
const STEP_STATEMENTS: usize = 5;
const LOOK: &str = "SELECT * FROM kollect_checkpoints WHERE inventory_name = 'all';\n";

/// Measures what the report wants.
///
/// # Errors
/// A server that does not start, or refuses.
pub fn run(report: &mut Report) -> Result<()> {
    let postgres = servers::Postgres::start()?;
    let database = Database::create(&postgres.url(), &postgres.ca(), "bench")?;
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(measure(report, &database))
}

async fn measure(report: &mut Report, database: &Database) -> Result<()> {
    let tls = Tls { ca_bundle: Some(database.ca().to_owned()), ..Tls::default() };
    let settings = Settings { tls, ..Settings::new(Secret::new(database.dsn()), "inventory") };
    let sink = Postgres::open(Config::parse(settings)?, AddressPolicy::default());
    let scope = Scope::new("bench", "platform", "all");
    let claim =
        Claim { writer: Writer::new("bench"), seen_epoch: 0, mode: ClaimMode::Own, at: Timestamp::now() };
    let claimed = sink.claim(&scope, claim).await?;
    let rows = (0..ROWS).map(|number| row(number, 0)).collect::<Result<Vec<_>>>()?;
    let mut digest = ScopeDigest::default();
    rows.iter().for_each(|row| digest.add(row.digest()));
    let mut held = Checkpoint { revision: 1, digest: Some(digest), rows: rows.len() as u64, ..claimed };

    let export = Complete::declare(scope.clone(), held.clone(), Arc::default());
    let batches: Vec<_> = rows.chunks(10_000).map(|rows| Ok(rows.to_vec())).collect();
    let begun = Instant::now();
    let receipt = sink.reconcile(&export, stream::iter(batches).boxed()).await?;
    let took = begun.elapsed().as_secs_f64();
    ensure!(receipt.written == ROWS as u64, "{} rows were written", receipt.written);
    let data = database.psql().run("COPY inventory TO STDOUT")?;
    let by_hand: f64 = times(database, &format!("{MERGE}{data}\n{MERGE_END}"))?.iter().sum();
    report.add(FULL, took, "s", Some(by_hand / 1000.0));

    let (mut ours, mut script) = (Vec::new(), TIMING.to_owned());
    for round in 1..=ROUNDS {
        let changed = (0..CHANGES)
            .map(|change| row((change * 997 + round * 31) % ROWS, round))
            .collect::<Result<Vec<_>>>()?;
        let next = Checkpoint { revision: held.revision + 1, ..held.clone() };
        let delta = Delta { scope: scope.clone(), base: held.clone(), target: next.clone() };
        let values: Vec<String> = changed.iter().map(literals).collect();
        script.extend([STEP, &values.join(","), STEP_END]);
        let mut changes: Vec<Change> = changed.into_iter().map(Change::Upsert).collect();
        changes.sort_by(|left, right| left.key().cmp(&right.key()));
        ours.push(timed(async { Ok(sink.apply(&delta, stream::iter([Ok(changes)]).boxed()).await?) }).await?);
        held = next;
    }
    let by_hand = times(database, &script)?;
    let by_hand = by_hand.chunks(STEP_STATEMENTS).map(|step| step.iter().sum()).collect();
    report.add(DELTA, median(ours), "ms", Some(median(by_hand)));

    let mut ours = Vec::new();
    for _ in 0..ROUNDS {
        ours.push(timed(async { Ok(sink.checkpoint(&scope).await?) }).await?);
    }
    let by_hand = times(database, &[TIMING, &LOOK.repeat(ROUNDS)].concat())?;
    report.add(UNCHANGED, median(ours), "ms", Some(median(by_hand)));
    Ok(())
}

/// Milliseconds of some work.
async fn timed<T>(work: impl Future<Output = Result<T>>) -> Result<f64> {
    let begun = Instant::now();
    work.await?;
    Ok(begun.elapsed().as_secs_f64() * 1000.0)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

const TIMING: &str = "\\timing on\n";

/// Milliseconds of each statement of a script after it says `\timing on`, as psql measures them.
fn times(database: &Database, script: &str) -> Result<Vec<f64>> {
    let mut file = tempfile::NamedTempFile::new()?;
    file.write_all(script.as_bytes())?;
    let output = std::process::Command::new("psql")
        .args([database.psql().url(), "-Xq", "-v", "ON_ERROR_STOP=1", "-f"])
        .arg(file.path())
        .output()
        .context("psql cannot be run")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout)?;
    Ok(text.lines().filter_map(|line| line.strip_prefix("Time: ")?.split(' ').next()?.parse().ok()).collect())
}

/// The values of a row as SQL; nothing in these rows needs escaping.
fn literals(row: &Row) -> String {
    let identity = row.identity();
    let (uid, namespace, name) = (identity.uid(), identity.namespace(), identity.name());
    let mut payload = Vec::new();
    write_item(row, &mut payload);
    format!("('{uid}','{namespace}','{name}','{}','{}')", String::from_utf8_lossy(&payload), row.digest())
}

fn row(number: usize, turn: usize) -> Result<Row> {
    let origin = Origin {
        target: Target::new("platform", "deployments"),
        group: "apps".into(),
        version: "v1".into(),
        kind: "Deployment".into(),
    };
    let namespace = format!("load-{:02}", number % 20).as_str().into();
    let uid = format!("{number:08x}-10ad-4000-8000-{number:012x}");
    let identity = Identity::new(Arc::new(origin), namespace, &format!("deployment-{number:06}"), &uid)?;
    let head = format!(r#"{{"number":{number},"text":""#);
    let tail = format!(r#"","turn":{turn}}}"#);
    let filler = "x".repeat(ATTRIBUTES.saturating_sub(head.len() + tail.len()));
    Ok(Row::new(identity, format!("{head}{filler}{tail}")))
}
