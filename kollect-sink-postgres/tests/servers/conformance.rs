//! The suite that every destination has to pass, on tables that the sink made and on tables that it found.

use std::sync::Arc;

use futures::future::{BoxFuture, FutureExt};
use kollect_sink_core::conformance::fixture::Memory;
use kollect_sink_core::conformance::{
    Contents, Damage, Destination, Fixture, FixtureError, NotApplicable, Traits, rows, suite,
};
use kollect_sink_core::{RowKey, Scope, Secret, Sink};
use kollect_sink_postgres::{Provisioning, Settings};

use super::fixture::{Database, claim_for, open};
use super::reader::Reader;

/// Where the tables come from.
#[derive(Clone, Copy)]
enum Tables {
    Made,
    /// Without digests, and with a key in the database's own order.
    Found,
}

struct Fresh(Tables);

struct Place {
    reader: Reader,
    database: Database,
    tables: Tables,
}

/// Measures the memory of the whole process, which other tests use as well.
const MEMORY: &str = "hundred_thousand_rows_with_flat_memory";

/// Says to this program that it runs one test alone.
const ALONE: &str = "KOLLECT_TEST_ALONE";

#[tokio::test(flavor = "multi_thread")]
async fn tables_made_by_the_sink_conform() {
    conforms(Tables::Made, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_found_by_the_sink_conform() {
    // Where tables are found there may be none for checkpoints, so that no fence is promised.
    let unfenced = ["epoch_fences", "foreign_writer_is_refused", "takeover_locks_the_former_writer_out"];
    conforms(Tables::Found, &unfenced).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_stays_flat_over_a_hundred_thousand_rows() {
    if std::env::var_os(ALONE).is_some() {
        for tables in [Tables::Made, Tables::Found] {
            let report = suite::run_only(&Fresh(tables), |name| name == MEMORY).await;
            assert!(report.passed() && report.cases.len() == 1, "{report}");
        }
        return;
    }
    let name = "servers::conformance::memory_stays_flat_over_a_hundred_thousand_rows";
    let mut alone = std::process::Command::new(std::env::current_exe().unwrap());
    let output = alone.args(["--exact", name]).env(ALONE, "1").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

async fn conforms(tables: Tables, excused: &[&str]) {
    let report = suite::run_only(&Fresh(tables), |name| name != MEMORY).await;
    println!("{report}");
    assert!(report.passed(), "{report}");
    assert_eq!(report.not_applicable().collect::<Vec<_>>(), excused, "{report}");
}

impl Fixture for Fresh {
    fn traits(&self) -> Traits {
        Traits {
            refused: rows::row("t", "ns", "refused", r#"{"text":"a\u0000b"}"#)
                .map_err(|_| NotApplicable("the key cannot be made")),
            largest_row: 255 << 20,
            memory: Memory::Theirs { bound: 64 << 20 },
        }
    }

    fn fresh(&self) -> BoxFuture<'_, Result<Box<dyn Destination>, FixtureError>> {
        async move {
            let database = Database::create();
            if let Tables::Found = self.0 {
                let other = Settings { table: "other".into(), ..database.settings() };
                open(other).claim(&Scope::new("", "", ""), claim_for("other", 0)).await?;
                database
                    .psql("ALTER TABLE other RENAME TO inventory; ALTER TABLE inventory DROP COLUMN digest");
                for column in ["target_namespace", "target_name", "source_uid"] {
                    database
                        .psql(&format!("ALTER TABLE inventory ALTER {column} TYPE text COLLATE \"default\""));
                }
            }
            let place: Box<dyn Destination> =
                Box::new(Place { reader: Reader::start(database.url()), database, tables: self.0 });
            Ok(place)
        }
        .boxed()
    }

    fn wrong_credentials(&self) -> Result<(Arc<dyn Sink>, String), NotApplicable> {
        let database = Database::create();
        let dsn = Secret::new(database.dsn_as("postgres:canary"));
        Ok((Arc::new(open(Settings { dsn, ..database.settings() })), "canary".into()))
    }

    fn unreachable(&self) -> Result<Arc<dyn Sink>, NotApplicable> {
        let database = Database::create();
        let dsn = Secret::new(database.dsn().replace(&database.address(), "127.0.0.1:1"));
        Ok(Arc::new(open(Settings { dsn, ..database.settings() })))
    }
}

impl Destination for Place {
    fn open(&self) -> Result<Arc<dyn Sink>, FixtureError> {
        let provisioning = match self.tables {
            Tables::Made => Provisioning::Ensure,
            Tables::Found => Provisioning::Existing,
        };
        Ok(Arc::new(open(Settings { provisioning, ..self.database.settings() })))
    }

    fn read_back<'a>(&'a self, scope: &'a Scope) -> BoxFuture<'a, Result<Contents, FixtureError>> {
        async move {
            if self.reader.lines("SELECT to_regclass('inventory') IS NULL") == ["t"] {
                return Ok(Contents::new());
            }
            // In hexadecimal, since psql leaves characters out that it thinks nobody can see.
            let sql = format!(
                "SELECT encode(convert_to(jsonb_build_array(target_namespace, target_name, source_uid, payload)::text, \
                 'UTF8'), 'hex') FROM inventory WHERE {}",
                is(scope)
            );
            let rows = self.reader.lines(&sql).into_iter().map(|line| {
                let (namespace, name, uid, item): (String, String, String, serde_json::Value) =
                    serde_json::from_slice(&bytes(&line))?;
                let key =
                    RowKey { target_namespace: namespace.into(), target_name: name.into(), uid: uid.into() };
                Ok((key, item))
            });
            rows.collect()
        }
        .boxed()
    }

    fn inflict<'a>(
        &'a self,
        scope: &'a Scope,
        damage: Damage,
    ) -> BoxFuture<'a, Result<Result<(), NotApplicable>, FixtureError>> {
        async move {
            match damage {
                Damage::LoseCheckpoint => {
                    self.database.psql(&format!("DELETE FROM kollect_checkpoints WHERE {}", is(scope)));
                }
                Damage::GarbleCheckpoint => {
                    let sql = format!("UPDATE kollect_checkpoints SET unknown = '\"?\"' WHERE {}", is(scope));
                    self.database.psql(&sql);
                }
                Damage::PlantForeignData => {
                    // A claim of a third scope makes the tables; the row itself is nobody's whom we know.
                    self.open()?.claim(&Scope::new("third", "", ""), claim_for("third", 0)).await?;
                    let digest = match self.tables {
                        Tables::Made => ", digest",
                        Tables::Found => "",
                    };
                    self.database.psql(&format!(
                        "INSERT INTO inventory (cluster, inventory_namespace, inventory_name, target_namespace, \
                         target_name, source_uid, resource_namespace, resource_name, api_group, api_version, kind, \
                         payload, exported_at{digest}) SELECT 'elsewhere', '{}', '{}', 'team-a', 't0', 'uid-000001', \
                         '', 'theirs', '', 'v1', 'Thing', '{{\"theirs\": true}}', now(){}",
                        scope.inventory_namespace,
                        scope.inventory_name,
                        if digest.is_empty() { "" } else { ", 'theirs'" },
                    ));
                }
            }
            Ok(Ok(()))
        }
        .boxed()
    }

    fn foreign_data_intact(&self) -> BoxFuture<'_, Result<bool, FixtureError>> {
        async move {
            let sql = "SELECT count(*), min(payload::text) FROM inventory WHERE cluster = 'elsewhere'";
            let writer = "SELECT writer, epoch FROM kollect_checkpoints WHERE cluster = 'third'";
            Ok(self.database.psql(sql) == "1|{\"theirs\": true}" && self.database.psql(writer) == "third|1")
        }
        .boxed()
    }
}

fn bytes(hexadecimal: &str) -> Vec<u8> {
    let pairs = hexadecimal.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn is(scope: &Scope) -> String {
    let quoted = |text: &str| text.replace('\'', "''");
    format!(
        "cluster = '{}' AND inventory_namespace = '{}' AND inventory_name = '{}'",
        quoted(&scope.cluster),
        quoted(&scope.inventory_namespace),
        quoted(&scope.inventory_name)
    )
}
