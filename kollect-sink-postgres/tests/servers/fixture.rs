//! A database of its own for each test, and a way to read it that knows nothing of the sink.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use futures::{StreamExt, stream};
use jiff::Timestamp;
use kollect_sink_core::{
    AddressPolicy, Change, Checkpoint, Claim, ClaimMode, Complete, DeleteReconcile, Delta, Identity, Origin,
    Projection, Receipt, Result, Row, Scope, ScopeDigest, Secret, Sink, Target, Writer,
};
use kollect_sink_postgres::{Config, Postgres, Settings, Tls};

static NEXT: AtomicU32 = AtomicU32::new(0);

fn environment(name: &str) -> String {
    std::env::var(name)
        .unwrap_or_else(|_| panic!("{name} is not set: run `cargo xtask test`, which starts the server"))
}

/// A database that is dropped with this.
pub(crate) struct Database {
    name: String,
    url: String,
}

impl Database {
    /// Makes an empty one.
    pub(crate) fn create() -> Self {
        let name = format!("kollect_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let url = environment("KOLLECT_TEST_POSTGRES_URL");
        psql(&url, &format!("CREATE DATABASE {name}"));
        let (before, after) = url.split_once('?').unwrap_or((&url, ""));
        let (server, _) = before.rsplit_once('/').expect("the URL names a database");
        Self { url: format!("{server}/{name}?{after}"), name }
    }

    /// The URL without the file of the authority, which goes into [`Database::tls`].
    pub(crate) fn dsn(&self) -> String {
        let (before, after) = self.url.split_once('?').unwrap_or((&self.url, ""));
        let kept: Vec<&str> = after.split('&').filter(|pair| !pair.starts_with("sslrootcert=")).collect();
        format!("{before}?{}", kept.join("&"))
    }

    /// The same for another user, with a password as the DSN wants it.
    pub(crate) fn dsn_as(&self, login: &str) -> String {
        let dsn = self.dsn();
        let (_, place) = dsn.split_once('@').expect("the URL names a user");
        format!("postgres://{login}@{place}")
    }

    /// `host:port` of the server.
    pub(crate) fn address(&self) -> String {
        let dsn = self.dsn();
        let (_, place) = dsn.split_once('@').expect("the URL names a user");
        place.split('/').next().unwrap().to_owned()
    }

    pub(crate) fn tls() -> Tls {
        let ca = std::fs::read_to_string(environment("KOLLECT_TEST_POSTGRES_CA")).unwrap();
        Tls { ca_bundle: Some(ca), ..Tls::default() }
    }

    pub(crate) fn settings(&self) -> Settings {
        Settings { tls: Self::tls(), ..Settings::new(Secret::new(self.dsn()), "inventory") }
    }

    pub(crate) fn sink(&self) -> Postgres {
        open(self.settings())
    }

    /// Runs SQL by the server's own client, and returns what it prints.
    pub(crate) fn psql(&self, sql: &str) -> String {
        psql(&self.url, sql)
    }

    /// The URL for the server's own client.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// `cluster|inventory|name` of all rows, in the order of their keys.
    pub(crate) fn names(&self) -> Vec<String> {
        let sql = "SELECT cluster || '|' || inventory_name || '|' || (payload->>'name') FROM inventory \
                   ORDER BY cluster, inventory_name, target_name, source_uid";
        self.psql(sql).lines().map(str::to_owned).collect()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let url = environment("KOLLECT_TEST_POSTGRES_URL");
        psql(&url, &format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
    }
}

pub(crate) fn open(settings: Settings) -> Postgres {
    Postgres::open(Config::parse(settings).unwrap(), AddressPolicy::default())
}

pub(crate) fn psql(url: &str, sql: &str) -> String {
    let output = Command::new("psql")
        .args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1"])
        .args(["--command", sql, "--dbname", url])
        .output()
        .expect("psql is not installed");
    assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

pub(crate) fn scope() -> Scope {
    Scope::new("", "team", "web")
}

pub(crate) fn row(uid: &str, attributes: &str) -> Row {
    row_of("team", "web", uid, attributes)
}

pub(crate) fn row_of(namespace: &str, target: &str, uid: &str, attributes: &str) -> Row {
    let origin = Origin {
        target: Target::new(namespace, target),
        group: "apps".into(),
        version: "v1".into(),
        kind: "Deployment".into(),
    };
    Row::new(Identity::new(Arc::new(origin), "shop".into(), uid, uid).unwrap(), attributes)
}

/// `count` rows whose attributes hold `value`.
pub(crate) fn rows(count: usize, value: &str) -> Vec<Row> {
    (0..count).map(|n| row(&format!("u{n:07}"), &format!(r#"{{"image":"{value}","n":{n}}}"#))).collect()
}

pub(crate) fn at() -> Timestamp {
    "2026-11-21T10:00:00.123Z".parse().unwrap()
}

pub(crate) fn claim_for(writer: &str, seen_epoch: u64) -> Claim {
    Claim { writer: Writer::new(writer), seen_epoch, mode: ClaimMode::Own, at: at() }
}

/// Claims for the usual writer, as its next instance.
pub(crate) async fn claim(sink: &Postgres, scope: &Scope) -> Result<Checkpoint> {
    let seen = sink.checkpoint(scope).await?.map_or(0, |checkpoint| checkpoint.epoch);
    sink.claim(scope, claim_for("kollect", seen)).await
}

/// The checkpoint after `held` with these rows.
pub(crate) fn target(held: &Checkpoint, rows: &[Row]) -> Checkpoint {
    let mut digest = ScopeDigest::default();
    rows.iter().for_each(|row| digest.add(row.digest()));
    Checkpoint {
        revision: held.revision + 1,
        digest: Some(digest),
        rows: rows.len() as u64,
        rejected: Default::default(),
        generation: held.generation + 1,
        exported_at: at(),
        ..held.clone()
    }
}

/// A full pass.
pub(crate) async fn reconcile(
    sink: &Postgres,
    scope: &Scope,
    held: &Checkpoint,
    rows: &[Row],
) -> Result<Receipt> {
    let export = Complete::declare(scope.clone(), target(held, rows), Arc::default());
    let batches: Vec<_> = rows.chunks(1_000).map(|chunk| Ok(chunk.to_vec())).collect();
    sink.reconcile(&export, stream::iter(batches).boxed()).await
}

/// A delta, after which the scope holds `rows`.
pub(crate) async fn apply(
    sink: &Postgres,
    scope: &Scope,
    base: &Checkpoint,
    changes: Vec<Change>,
    rows: &[Row],
) -> Result<Receipt> {
    let export = Delta { scope: scope.clone(), base: base.clone(), target: target(base, rows) };
    sink.apply(&export, stream::iter([Ok(changes)]).boxed()).await
}
