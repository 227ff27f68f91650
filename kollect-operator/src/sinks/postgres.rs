//! KollectDatabaseSink of type postgres. What the values mean is the backend's.

use std::collections::BTreeMap;
use std::sync::Arc;

use kollect_api::Violation;
use kollect_api::layout::ProvisioningMode;
use kollect_api::sink::DatabaseSinkSpec;
use kollect_api::sink::database::PostgresSpec;
use kollect_sink_core::{Error, Preview, Sample, Secret, Sink};
use kollect_sink_postgres::{Config, Postgres, Provisioning, Settings, Tls};

use super::certificates::certificates;
use super::{BuildError, idle};
use crate::export::ExportSettings;
use crate::export::secrets::SinkSecrets;

/// Keys under which a Secret may hold the DSN.
const DSN_KEYS: [&str; 4] = ["dsn", "url", "connectionString", "DATABASE_URL"];

pub(super) fn build(
    spec: &DatabaseSinkSpec,
    secrets: &SinkSecrets,
    settings: &ExportSettings,
) -> Result<Arc<dyn Sink>, BuildError> {
    let block = spec.postgres.as_ref().ok_or_else(no_block)?;
    let dsn = secrets
        .get("spec.postgres.databaseRef")
        .and_then(|secret| secret.first(&DSN_KEYS))
        .ok_or_else(|| {
            BuildError::Invalid(format!(
                "spec.postgres.databaseRef: the Secret needs one of {}",
                DSN_KEYS.join(", ")
            ))
        })?;
    let tls = certificates(spec.tls.as_ref(), secrets)?;
    let tls =
        Tls { ca_bundle: tls.ca_bundle, client: tls.client, insecure_skip_verify: tls.insecure_skip_verify };
    let config = config(spec, block, dsn.clone(), tls);
    let config = config.map_err(|error| BuildError::Invalid(error.chain()))?;
    Ok(Arc::new(Postgres::open(config, settings.addresses.clone())))
}

/// What an export would do, wherever the Secret leads.
pub(super) fn preview(spec: &DatabaseSinkSpec, sample: &Sample<'_>) -> Result<Preview, BuildError> {
    let block = spec.postgres.as_ref().ok_or_else(no_block)?;
    let config = config(spec, block, somewhere(), Tls::default());
    let preview = config.and_then(|config| kollect_sink_postgres::preview(&config, sample));
    let mut preview = preview.map_err(|error| BuildError::Invalid(error.chain()))?;
    preview.warnings.extend(idle([
        ("spec.endpoint", spec.endpoint.is_some(), "the DSN says where the database is"),
        ("spec.secretRef", spec.secret_ref.is_some(), "spec.postgres.databaseRef names the Secret"),
        ("spec.pathTemplate", spec.path_template.is_some(), "a table has no documents"),
        ("spec.layout", spec.layout.is_some(), "a table has no documents"),
        (
            "spec.serialization.compression",
            spec.serialization.as_ref().is_some_and(|one| one.compression.is_some()),
            "the server compresses by itself",
        ),
    ]));
    Ok(preview)
}

/// A DSN that stands for any.
fn somewhere() -> Secret {
    Secret::new("postgres://user@host/database")
}

fn no_block() -> BuildError {
    BuildError::Invalid("spec.postgres: required for type postgres; write databaseRef and table".to_owned())
}

/// What the backend refuses, whatever the Secret says.
pub(super) fn check(spec: &DatabaseSinkSpec) -> Vec<Violation> {
    let Some(block) = &spec.postgres else { return Vec::new() };
    let plain = DatabaseSinkSpec { options: BTreeMap::new(), ..spec.clone() };
    let ca_bundle = spec.tls.as_ref().and_then(|tls| tls.ca_bundle.clone());
    let parts: [(&str, Result<Config, Error>); 4] = [
        (
            "spec.postgres.schema",
            config(
                &plain,
                &PostgresSpec { table: "t".to_owned(), ..block.clone() },
                somewhere(),
                Tls::default(),
            ),
        ),
        (
            "spec.postgres.table",
            config(&plain, &PostgresSpec { schema: public(), ..block.clone() }, somewhere(), Tls::default()),
        ),
        (
            "spec.options",
            config(
                spec,
                &PostgresSpec { table: "t".to_owned(), schema: public(), ..block.clone() },
                somewhere(),
                Tls::default(),
            ),
        ),
        (
            "spec.tls.caBundle",
            config(
                &plain,
                &PostgresSpec { table: "t".to_owned(), schema: public(), ..block.clone() },
                somewhere(),
                Tls { ca_bundle, ..Tls::default() },
            ),
        ),
    ];
    let wrong = parts.into_iter().filter_map(|(path, outcome)| Some((path, outcome.err()?)));
    wrong.map(|(path, error)| Violation::new(path, error.chain())).collect()
}

fn public() -> String {
    "public".to_owned()
}

fn config(spec: &DatabaseSinkSpec, block: &PostgresSpec, dsn: Secret, tls: Tls) -> Result<Config, Error> {
    let provisioning = match spec.provisioning.mode {
        ProvisioningMode::Ensure => Provisioning::Ensure,
        ProvisioningMode::Existing => Provisioning::Existing,
    };
    Config::parse(Settings {
        dsn,
        schema: Some(block.schema.clone()),
        table: block.table.clone(),
        tls,
        provisioning,
        options: spec.options.clone(),
    })
}
